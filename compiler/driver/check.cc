#include <set>

#include "absl/strings/str_cat.h"
#include "compiler/driver/verbs.h"

namespace writ::driver {
namespace {

std::string Counted(size_t count, const char* one, const char* many) { return absl::StrCat(count, " ", count == 1 ? one : many); }

std::string Summary(const Compiled& compiled) {
  const Schema& schema = compiled.typed.schema;
  size_t workflow_count = 0, entity_count = 0;
  for (const Workflow& workflow : schema.workflows) {
    if (workflow.is_builtin) continue;
    ++(workflow.is_entity ? entity_count : workflow_count);
  }
  return absl::StrCat("fine: ", Counted(workflow_count, "workflow", "workflows"), ", ",
                      Counted(entity_count, "entity", "entities"), ", ", Counted(schema.roles.size(), "role", "roles"), ", ",
                      Counted(compiled.typed.rules.size(), "rule", "rules"), ", ",
                      Counted(compiled.typed.tests.size() + compiled.typed.scenarios.size(), "test", "tests"), "\n");
}

}  // namespace

int Check(const CompileRequest& request) {
  CompileRequest front = request;
  if (front.dump.empty() && front.stop_after.empty()) front.stop_after = "lower";
  const Ready ready = Prepare(front, stdout);
  const bool quiet = request.json || !request.dump.empty() || request.stop_after == "parse";
  if (ready.status == kFine && !quiet) Print(Summary(*ready.compiled));
  return ready.status;
}

}  // namespace writ::driver
