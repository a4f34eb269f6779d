// Between ids and the names that the log keeps.
//
// Threads   any; it looks at the schema only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "runtime/decision/schema.h"
#include "runtime/state/state.h"
#include "runtime/store/event.h"

namespace writ {

class Names {
 public:
  explicit Names(const Schema* schema);

  WorkflowId Workflow(std::string_view qualified) const;         // none: there is no such one
  RoleId Role(std::string_view qualified) const;
  RuleId Rule(std::string_view qualified) const;
  WorkflowId question() const { return question_; }
  WorkflowId task() const { return task_; }
  WorkflowId grant() const { return grant_; }
  const std::string& RoleShown(RoleId role) const { return shown_[role.value]; }  // short where that is unique; a valid role
  static TransitionId TransitionOf(const writ::Workflow& workflow, std::string_view name);

  // The role as an event keeps it: qualified, "orchestrator", or empty (the host).
  std::string RoleKept(const ActorView& actor) const;
  std::string StateName(WorkflowId workflow, StateId state) const;
  std::string QuestionKey(int64_t number, RoleId role) const;    // "9/CFO"

  // Values by name, absent ones left out; and back, by position. kFailedPrecondition for a name that is not there.
  std::vector<store::NamedValue> KeepSets(const Proposal& proposal) const;
  std::vector<store::NamedValue> KeepPayload(const Proposal& proposal) const;
  absl::Status ReadSets(const std::vector<store::NamedValue>& kept, Proposal* proposal) const;
  absl::Status ReadPayload(const std::vector<store::NamedValue>& kept, Proposal* proposal) const;

 private:
  absl::StatusOr<Value> Read(const Field& field, const store::NamedValue& kept) const;

  const Schema* schema_;
  absl::flat_hash_map<std::string, WorkflowId> workflows_;
  absl::flat_hash_map<std::string, RoleId> roles_;
  absl::flat_hash_map<std::string, RuleId> rules_;
  std::vector<std::string> shown_;                               // by RoleId
  WorkflowId question_, task_, grant_;
};

inline absl::string_view Abseil(std::string_view text) { return absl::string_view(text.data(), text.size()); }

}  // namespace writ
