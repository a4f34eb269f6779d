// Why a decision came out as it did, clause by clause, and what would have changed it: from the frame that the log kept and the
// policy that the log kept, and from nothing else.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/ir/ir.h"
#include "runtime/store/event.h"

namespace writ::driver {

// A condition of a guard that is not made of others by and, or, not.
struct ExplainedCondition {
  std::string text;                          // "discount > 35%"
  bool value = false;
  std::vector<std::string> values;           // "discount is 38%"
  bool decisive = false;                     // had it alone been otherwise, the rule's `applies` would have been
};

struct ExplainedRule {
  RuleId rule;
  Effect effect = Effect::kDeny;             // here: a clause denies what it did not conclude
  bool is_allow = false, applies = false, indeterminate = false, stands = false;
  std::vector<std::string> excused_by;
  std::vector<ExplainedCondition> conditions;
};

// One condition that, had it been otherwise, would have made the outcome laxer (of what was permitted: stricter).
struct Change { std::string text; bool value = false; Outcome outcome = Outcome::kPermit; std::vector<std::string> reasons; };

struct Explanation {
  std::vector<ExplainedRule> rules;          // restraints, then allows
  std::vector<Change> changes;
};

// kFailedPrecondition: no decision function ran for the event, a value that it read was erased, or the frame cannot be read.
absl::StatusOr<Explanation> ExplainEvent(const store::Event& event, const ir::Program& program);

}  // namespace writ::driver
