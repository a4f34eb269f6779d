// Runs generated policies and histories through the interpreter, native code, the solver and the oracle, and prints
// what was seen. Fails on the first difference, and where the run saw too little.
//
//   agreement_test [--programs N] [--steps N] [--seed S] [--threads N] [--solver FRAMES] [--optimize-one-in N]
//   [--no-native]
//                  [--only SEED] [--no-thresholds] [--laws] [--law N]
//
// The binary that is built from the faulty variants also takes --fault native|smt|lower|eval N: it then succeeds if,
// and only if, the run finds a difference (with --laws: a law that is broken).
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "compiler/eval/planted_faults.h"
#include "compiler/ir/ir.h"
#include "compiler/lower/planted_faults.h"
#include "compiler/native/planted_faults.h"
#include "compiler/smt/planted_faults.h"
#include "tests/agreement/generator.h"
#include "tests/agreement/laws.h"
#include "tests/agreement/session.h"
#include "tests/agreement/shrink.h"

namespace writ::agreement {
namespace {

struct Settings {
  uint64_t programs = 200, seed = 1;
  int steps = 100;
  unsigned threads = 2;
  uint32_t solver_frames = 0;
  uint32_t optimize_one_in = 40;
  bool native = true, thresholds = true, verbose = false;
  bool laws = false;
  int law = -1;       // all
  std::string fault;  // which library's; empty: none
  int fault_number = 0;
};

// Plants the fault for this thread or for the process, whichever its library has. False where there is none of that
// number.
bool Plant(const Settings& settings) {
  if (settings.fault.empty()) return true;
#ifdef WRIT_PLANTED_FAULTS
  const int n = settings.fault_number;
  if (settings.fault == "lower") lower::planted_fault = n;
  if (settings.fault == "eval") eval::planted_fault = n;
  if (settings.fault == "smt") smt::PlantFault(n);
  const int count = settings.fault == "lower"    ? static_cast<int>(lower::Fault::kCount)
                    : settings.fault == "eval"   ? static_cast<int>(eval::Fault::kCount)
                    : settings.fault == "smt"    ? static_cast<int>(smt::Fault::kCount)
                    : settings.fault == "native" ? static_cast<int>(native::Fault::kCount)
                                                 : 0;
  return n > 0 && n < count;
#else
  return false;
#endif
}

Options OptionsOf(const Settings& settings, uint64_t seed) {
  Options options;
  options.native = settings.native;
  options.optimize = settings.optimize_one_in > 0 && seed % settings.optimize_one_in == 0;
  options.solver_frames = settings.solver_frames;
  if (settings.fault == "native") options.native_fault = settings.fault_number;
  return options;
}

// What went wrong with one program, made small; or nothing.
std::string RunProgram(const Settings& settings, uint64_t seed, Statistics* statistics) {
  Shape shape;
  if (settings.solver_frames > 0) {
    shape.small = true;
  }
  const typed::Program program = Generate(seed, shape);
  const Options options = OptionsOf(settings, seed);
  Session session(&program, options, statistics);
  ++statistics->programs;
  statistics->rules.push_back(static_cast<uint32_t>(program.rules.size()));
  statistics->domains.push_back(static_cast<uint32_t>(program.schema.domains.size()));
  std::vector<Step> history;
  std::optional<std::string> wrong = session.Prepare();
  if (!wrong.has_value()) {
    Historian historian(&program, &session.world(), seed);
    for (int i = 0; i < settings.steps && !wrong.has_value(); ++i) {
      history.push_back(historian.Next());
      Decided decided;
      wrong = session.Run(history.back(), std::nullopt, &decided);
      if (settings.verbose)
        std::printf("%s\n    %s\n", Describe(program.schema, history.back()).c_str(),
                    Describe(program.schema, decided.decision).c_str());
    }
  }
  if (!wrong.has_value()) return {};
  if (!settings.fault.empty()) return absl::StrCat("seed ", seed, ": ", *wrong);
  return absl::StrCat("seed ", seed, ": ", *wrong, "\n", Shrink(program, std::move(history), options));
}

double Percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

uint32_t Median(std::vector<uint32_t> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

class Report {
 public:
  explicit Report(const Statistics& s) : s_(s) {}

  bool Print() {
    static constexpr const char* kOutcomes[] = {"permit", "escalate", "hold", "deny"};
    std::printf("%llu programs, %llu decisions, %llu folds, %llu conclusions, %llu computed, %llu frames solved\n",
                U(s_.programs), U(s_.decisions), U(s_.folds), U(s_.conclusions), U(s_.computed), U(s_.frames_solved));
    for (size_t i = 0; i < s_.outcomes.size(); ++i) Share(kOutcomes[i], s_.outcomes[i], 5);
    Share("with an excused restraint", s_.excused, 10);
    Share("indeterminate", s_.indeterminate, 5);
    Completions();
    Least("median of rules", Median(s_.rules), 12);
    Least("median of domains", Median(s_.domains), 3);
    std::printf("  reasons:");
    for (size_t i = 0; i < s_.reasons.size(); ++i) {
      std::printf(" %s %llu", kBuiltinNames[i], U(s_.reasons[i]));
      Require(s_.reasons[i] > 0, kBuiltinNames[i]);
    }
    std::printf("\n  ops, by functions that ran:");
    for (int op = 0; op < ir::kOpCount; ++op) {
      std::printf(" %s %llu", ir::InfoOf(static_cast<ir::Op>(op)).name, U(s_.ops[static_cast<size_t>(op)]));
      Require(s_.ops[static_cast<size_t>(op)] > 0, ir::InfoOf(static_cast<ir::Op>(op)).name);
    }
    std::printf("\n  expressions walked:");
    for (size_t k = 0; k <= static_cast<size_t>(typed::ExprKind::kVotes); ++k) {
      std::printf(" %zu:%llu", k, U(s_.kinds[k]));
      Require(s_.kinds[k] > 0, absl::StrCat("expression kind ", k));
    }
    for (const typed::ExprKind kind : {typed::ExprKind::kMatch, typed::ExprKind::kCalendar}) {
      const size_t k = static_cast<size_t>(kind);
      std::printf(" %zu:%llu", k, U(s_.kinds[k]));
      Require(s_.kinds[k] > 0, absl::StrCat("expression kind ", k));
    }
    std::printf("\n  calendars asked:");
    for (size_t k = 0; k <= static_cast<size_t>(typed::CalendarOp::kDay); ++k) {
      std::printf(" %zu:%llu", k, U(s_.calendars[k]));
      Require(s_.calendars[k] > 0, absl::StrCat("calendar question ", k));
    }
    const uint64_t unders = s_.kinds[static_cast<size_t>(typed::ExprKind::kUnder)];
    std::printf(" under:%llu attributes:%llu", U(unders), U(s_.attributes));
    Require(unders > 0, "what is under what");
    Require(s_.attributes > 0, "attributes of actors");
    const uint64_t keyed = s_.kinds[static_cast<size_t>(typed::ExprKind::kKeyedFact)];
    std::printf(" facts by key %llu, populations not 0 %llu", U(keyed), U(s_.populations));
    Require(keyed > s_.programs, "facts by key");
    Require(s_.populations > s_.programs / 4, "populations");
    std::printf("\n  facts of other instances %llu, found for an element %llu", U(s_.facts_through), U(s_.found_by_element));
    Require(s_.facts_through > 0, "facts of other instances");
    Require(s_.found_by_element > 0, "records found for an element");
    std::printf("\n  quantifiers walked:");
    for (size_t k = 0; k <= static_cast<size_t>(typed::QuantifierOp::kDistinct); ++k) {
      std::printf(" %zu:%llu", k, U(s_.quantifiers[k]));
      Require(s_.quantifiers[k] > 0, absl::StrCat("quantifier ", k));
    }
    std::printf(" neighbours:%llu; arithmetic of quantities:%llu\n", U(s_.quantifiers[Oracle::kNeighbours]),
                U(s_.quantifiers[Oracle::kQuantities]));
    Require(s_.quantifiers[Oracle::kNeighbours] > 0, "neighbours");
    Require(s_.quantifiers[Oracle::kQuantities] > 0, "arithmetic of quantities");
    std::printf("  consents: %llu; upon: %llu; values of obligations: %llu, and %llu absent\n", U(s_.consents),
                U(s_.upons), U(s_.told), U(s_.untold));
    Require(s_.consents > 0, "consent");
    std::printf("  under grants: %llu, past their limits %llu\n", U(s_.grants), U(s_.exceeded));
    Require(s_.exceeded > 0, "limits of grants");
    Require(s_.upons > 0, "upon");
    std::printf("  asks: %llu, silent %llu\n", U(s_.asks), U(s_.silent));
    Require(s_.asks > 0 && s_.silent > 0, "asks");
    std::printf("  wanted of plans: %llu, not wanted %llu\n", U(s_.wanted), U(s_.unwanted));
    Require(s_.wanted > 0 && s_.unwanted > 0, "plans");
    Require(s_.told > 0 && s_.untold > 0, "values of obligations");
    for (const std::string& missing : missing_) std::printf("  NOT SEEN ENOUGH: %s\n", missing.c_str());
    return missing_.empty();
  }

 private:
  static unsigned long long U(uint64_t n) { return n; }
  void Require(bool seen, const std::string& what) {
    if (!seen) missing_.push_back(what);
  }
  void Share(const char* what, uint64_t count, double least) {
    std::printf("  %5.1f%% %s (at least %.0f%%)\n", Percent(count, s_.decisions), what, least);
    Require(Percent(count, s_.decisions) >= least, what);
  }
  void Completions() {
    std::printf("  %llu reviews completed in every way: %llu concluded early; at the deadline %llu decided, %llu not\n",
                U(s_.completions), U(s_.early), U(s_.decided_late), U(s_.undecided_late));
    Require(s_.early > 0, "reviews concluded early");
    Require(s_.decided_late > 0, "reviews decided at the deadline");
    Require(s_.undecided_late > 0, "reviews undecided at the deadline");
  }
  void Least(const char* what, uint32_t value, uint32_t least) {
    std::printf("  %u %s (at least %u)\n", value, what, least);
    Require(value >= least, what);
  }

  const Statistics& s_;
  std::vector<std::string> missing_;
};

// A law that was compared without ever making a difference was not tested.
bool PrintLaws(const LawCounts& counts) {
  bool enough = true;
  for (int law = 0; law < kLawCount; ++law) {
    std::printf("  %s: %llu decisions compared, %llu moved\n", kLaws[law],
                static_cast<unsigned long long>(counts.compared[law]),
                static_cast<unsigned long long>(counts.changed[law]));
    enough = enough && counts.compared[law] > 0 && (law == kLawCount - 1 || counts.changed[law] > 0);
  }
  return enough;
}

int Run(const Settings& settings) {
  if (!Plant(settings)) {
    std::fprintf(stderr, "there is no such fault in this binary\n");
    return 64;
  }
  std::atomic<uint64_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  Statistics all;
  const auto started = std::chrono::steady_clock::now();
  LawCounts laws;
  const auto work = [&] {
    Statistics mine;
    LawCounts my_laws;
    Plant(settings);
    for (uint64_t i = next++; i < settings.programs && !failed; i = next++) {
      const uint64_t seed = settings.seed + i;
      const std::string wrong =
          settings.laws ? BreakLaw(seed, settings.steps, settings.law, &my_laws) : RunProgram(settings, seed, &mine);
      if (wrong.empty()) continue;
      const std::lock_guard lock(mutex);
      if (!failed.exchange(true)) std::printf("DISAGREEMENT\n%s\n", wrong.c_str());
    }
    const std::lock_guard lock(mutex);
    all.Add(mine);
    for (int law = 0; law < kLawCount; ++law) {
      laws.compared[law] += my_laws.compared[law];
      laws.changed[law] += my_laws.changed[law];
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < settings.threads; ++t) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  if (!settings.fault.empty()) {
    std::printf("%s\n", failed ? "caught" : "NOT CAUGHT");
    return failed ? 0 : 1;
  }
  const bool enough = settings.laws ? PrintLaws(laws) : Report(all).Print();
  std::printf("  %.1f s\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  if (failed) return 1;
  return enough || !settings.thresholds ? 0 : 2;
}

Settings Parse(int argc, char** argv) {
  Settings s;
  for (int i = 1; i < argc; ++i) {
    const auto is = [&](const char* name) { return std::strcmp(argv[i], name) == 0; };
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (is("--programs"))
      s.programs = number();
    else if (is("--steps"))
      s.steps = static_cast<int>(number());
    else if (is("--seed"))
      s.seed = number();
    else if (is("--threads"))
      s.threads = static_cast<unsigned>(number());
    else if (is("--solver"))
      s.solver_frames = static_cast<uint32_t>(number());
    else if (is("--optimize-one-in"))
      s.optimize_one_in = static_cast<uint32_t>(number());
    else if (is("--no-native"))
      s.native = false;
    else if (is("--no-thresholds"))
      s.thresholds = false;
    else if (is("--verbose"))
      s.verbose = true;
    else if (is("--laws"))
      s.laws = true;
    else if (is("--law"))
      s.law = static_cast<int>(number());
    else if (is("--fault") && i + 2 < argc) {
      s.fault = argv[++i];
      s.fault_number = static_cast<int>(number());
    } else if (is("--only")) {
      s.seed = number();
      s.programs = s.threads = 1;
      s.thresholds = false;
    } else {
      std::fprintf(stderr, "unknown flag %s\n", argv[i]);
      std::exit(64);
    }
  }
  return s;
}

}  // namespace
}  // namespace writ::agreement

int main(int argc, char** argv) { return writ::agreement::Run(writ::agreement::Parse(argc, argv)); }
