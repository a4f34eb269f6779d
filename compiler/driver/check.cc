#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/driver/verbs.h"

namespace writ::driver {
namespace {

std::string Counted(size_t count, const char* one, const char* many) { return absl::StrCat(count, " ", count == 1 ? one : many); }

struct Counts {
  size_t workflows = 0, entities = 0, roles = 0, rules = 0, tests = 0;
};

// What a plan restrains by is not written as a rule.
size_t CountRules(const typed::Program& program) {
  const auto end = program.rules.begin() + static_cast<std::ptrdiff_t>(std::min(program.rules.size(), program.governing.rules));
  return static_cast<size_t>(std::count_if(program.rules.begin(), end, [&](const typed::Rule& rule) {
    return program.schema.rules[rule.rule.value].kind == RuleKind::kRule;
  }));
}

Counts Count(const Compiled& compiled) {
  const Schema& schema = compiled.typed.schema;
  Counts counts{0, 0, schema.roles.size(), CountRules(compiled.typed),
                compiled.typed.tests.size() + compiled.typed.scenarios.size()};
  for (const Workflow& workflow : schema.workflows) {
    if (!workflow.is_builtin && !workflow.is_fact) ++(workflow.is_entity ? counts.entities : counts.workflows);
  }
  return counts;
}

std::string Summary(const Compiled& compiled) {
  const Counts counts = Count(compiled);
  return absl::StrCat("fine: ", Counted(counts.workflows, "workflow", "workflows"), ", ",
                      Counted(counts.entities, "entity", "entities"), ", ", Counted(counts.roles, "role", "roles"), ", ",
                      Counted(counts.rules, "rule", "rules"), ", ", Counted(counts.tests, "test", "tests"), "\n");
}

std::string JsonSummary(const Compiled& compiled, const std::vector<std::string>& notes) {
  const Counts counts = Count(compiled);
  const std::string told = notes.empty() ? "" : absl::StrCat(",\"notes\":[", absl::StrJoin(notes, ","), "]");
  return absl::StrCat("{\"fine\":true,\"workflows\":", counts.workflows, ",\"entities\":", counts.entities, ",\"roles\":",
                      counts.roles, ",\"rules\":", counts.rules, ",\"tests\":", counts.tests, told, "}\n");
}

}  // namespace

int Check(const CompileRequest& request) {
  CompileRequest front = request;
  front.notes = request.dump.empty();
  if (front.dump.empty() && front.stop_after.empty()) front.stop_after = "lower";
  front.with_tests = true;
  const Ready ready = Prepare(front, stdout);
  const bool quiet = !request.dump.empty() || request.stop_after == "parse";
  if (ready.status == kFine && !quiet) Print(request.json ? JsonSummary(*ready.compiled, ready.notes) : Summary(*ready.compiled));
  return ready.status;
}

}  // namespace writ::driver
