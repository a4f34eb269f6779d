#include "tests/agreement/laws.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/agreement/generator.h"
#include "tests/agreement/session.h"
#include "tests/agreement/shuffle.h"

namespace writ::agreement {
namespace {

constexpr int kVariants = 3;   // of each program under each law
constexpr int kShuffling = 3;  // the law

// Puts something that cannot be evaluated into one guard of the program. False where it has none.
bool MakeOneIndeterminate(typed::Program* program, uint64_t seed) {
  samples::Random random(seed);
  std::vector<typed::ExprPtr*> guards;
  for (typed::Rule& rule : program->rules) {
    if (rule.when != nullptr) guards.push_back(&rule.when);
    if (rule.unless != nullptr) guards.push_back(&rule.unless);
  }
  for (typed::Grant& grant : program->grants) {
    if (grant.when != nullptr) guards.push_back(&grant.when);
  }
  if (guards.empty()) return false;
  typed::ExprPtr* guard = guards[random.Below(static_cast<uint32_t>(guards.size()))];
  *guard = MakeIndeterminate(*program, *guard, random.Next());
  return true;
}

bool RemoveAnAllow(typed::Program* program, uint64_t seed) {
  samples::Random random(seed);
  std::vector<size_t> allows;
  for (size_t i = 0; i < program->rules.size(); ++i) {
    if (program->schema.rules[program->rules[i].rule.value].effect == Effect::kAllow) allows.push_back(i);
  }
  if (allows.empty()) return false;
  program->rules.erase(program->rules.begin() +
                       static_cast<ptrdiff_t>(allows[random.Below(static_cast<uint32_t>(allows.size()))]));
  return true;
}

bool MakeVariant(int law, uint64_t seed, typed::Program* out) {
  switch (law) {
    case 0:
      AddRestraint(out, seed);
      return true;
    case 1:
      return RemoveAnAllow(out, seed);
    default:
      return MakeOneIndeterminate(out, seed);
  }
}

std::string Compare(int law, const Decided& before, const Decided& after) {
  if (law != kShuffling) return after.outcome < before.outcome ? "the decision became laxer" : "";
  const OracleDecision &a = before.decision, &b = after.decision;
  const bool same = a.outcome == b.outcome && a.reasons == b.reasons && a.applied == b.applied &&
                    a.failed == b.failed && a.allows == b.allows && a.allows_failed == b.allows_failed &&
                    before.ran == after.ran && before.concluded == after.concluded;
  return same ? "" : "the decision changed";
}

std::string Said(const Schema& schema, const Decided& decided) {
  if (!decided.ran) return "nothing is decided: a computed value does not fit";
  return absl::StrCat(Describe(schema, decided.decision), ", reviews [", absl::StrJoin(decided.concluded, " "), "]");
}

}  // namespace

std::string BreakLaw(uint64_t seed, int steps, int only, LawCounts* counts) {
  const typed::Program program = Generate(seed);
  Options options;
  options.native = options.oracle = false;
  Statistics ignored;
  struct Variant {
    int law;
    std::unique_ptr<Shuffled> shuffled;        // law 4
    std::unique_ptr<typed::Program> modified;  // the others
    const typed::Program& program() const { return shuffled != nullptr ? shuffled->program() : *modified; }
    std::unique_ptr<Session> session;
  };
  std::vector<Variant> variants;
  for (int law = 0; law < kLawCount; ++law) {
    if (only >= 0 && law != only) continue;
    for (int v = 0; v < kVariants; ++v) {
      const uint64_t variant_seed = seed * 16 + static_cast<uint64_t>(v);
      Variant variant{law, nullptr, nullptr, nullptr};
      if (law == kShuffling) {
        variant.shuffled = std::make_unique<Shuffled>(&program, variant_seed);
      } else {
        variant.modified = std::make_unique<typed::Program>(Clone(program));
        if (!MakeVariant(law, variant_seed, variant.modified.get())) continue;
      }
      variant.session = std::make_unique<Session>(&variant.program(), options, &ignored);
      if (variant.session->Prepare().has_value()) continue;  // a limit that the variant alone passes
      variants.push_back(std::move(variant));
    }
  }
  Session session(&program, options, &ignored);
  if (std::optional<std::string> wrong = session.Prepare()) return absl::StrCat("seed ", seed, ": ", *wrong);
  Historian historian(&program, &session.world(), seed);
  std::vector<Step> history;
  for (int i = 0; i < steps; ++i) {
    history.push_back(historian.Next());
    const Step& step = history.back();
    Decided before;
    if (std::optional<std::string> wrong = session.Run(step, std::nullopt, &before))
      return absl::StrCat("seed ", seed, ": ", *wrong);
    for (Variant& variant : variants) {
      Decided after;
      const Step said = variant.shuffled != nullptr ? variant.shuffled->Map(step) : step;
      if (std::optional<std::string> wrong = variant.session->Run(said, session.committed(), &after))
        return absl::StrCat("seed ", seed, ": ", *wrong);
      const bool ran = before.ran && after.ran;
      if (!ran && (variant.law != kShuffling || before.ran == after.ran)) continue;
      ++counts->compared[variant.law];
      if (before.outcome != after.outcome || before.decision.reasons != after.decision.reasons)
        ++counts->changed[variant.law];
      const std::string broken = Compare(variant.law, before, after);
      if (broken.empty()) continue;
      return absl::StrCat("seed ", seed, ", ", kLaws[variant.law], ": ", broken, " at step ", i, "\n  ",
                          Describe(program.schema, step), "\n  before: ", Said(program.schema, before), "\n  after:  ",
                          Said(variant.program().schema, after), "\n\n", Describe(program),
                          "\n--- the variant\n", Describe(variant.program()));
    }
  }
  return {};
}

}  // namespace writ::agreement
