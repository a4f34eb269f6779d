// Everything that the log gives back: the world, the registry, what is pending, what is due, which keys were used.
//
// Fold is the only way in which it changes, live and when a store is opened: it looks at the event alone and decides nothing.
// Threads   as World.
// Source    docs/internals/semantics.md
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "runtime/escalate/escalate.h"
#include "runtime/orchestrator/asking.h"
#include "runtime/orchestrator/names.h"
#include "runtime/orchestrator/plans.h"
#include "runtime/orchestrator/tasks.h"
#include "runtime/orchestrator/transition_timers.h"
#include "runtime/registry/registry.h"
#include "runtime/review/review.h"
#include "runtime/state/state.h"
#include "runtime/store/event.h"

namespace writ {

struct UsedKey {
  int64_t position = 0;
  std::string request_digest;
  bool erased = false;                       // what it was used for is not known any more
};

class Folded {
 public:
  explicit Folded(const CompiledPolicy* policy);
  Folded(const Folded&) = delete;
  Folded& operator=(const Folded&) = delete;

  // kFailedPrecondition: the event names what this policy does not have. It may be folded in part then, and the whole must
  // not be used any more.
  absl::Status Fold(const store::Event& event);
  // The same in two, so that between them it can be found out what the event opens: Begin folds all but that, and what plans
  // want after it is left in TakeWanted.
  absl::Status Begin(const store::Event& event);
  absl::Status End(const store::Event& event);
  std::vector<store::OpenedTask> TakeWanted() { return std::exchange(wanted_, {}); }
  // To whom the tasks go that the event between the two opens, in their order.
  void Foretell(std::vector<store::OpenedTask>* opened) { tasks_.Foretell(world_, opened); }

  // For tests; see World::Assume. What waits for the instance is withdrawn, and its review's time begins.
  void Assume(const Assumption& assumption, int64_t now_ns);

  const Schema& schema() const { return policy_->schema(); }
  const World& world() const { return world_; }
  const Registry& registry() const { return registry_; }
  const Escalations& escalations() const { return escalations_; }
  const Names& names() const { return names_; }
  const Tasks& tasks() const { return tasks_; }
  const std::vector<TaskMove>& task_moves() const { return task_moves_; }  // of the last event, in order
  const Plans& plans() const { return plans_; }
  std::set<Plans::Place> TakeTouched() { return plans_.TakeTouched(); }
  int64_t last_position() const { return last_position_; }
  int64_t last_time_ns() const { return last_time_ns_; }

  const UsedKey* FindKey(const std::string& actor, const std::string& key) const;  // null: not used
  const Timer* NextTimer() const;                                                  // null: none
  int64_t LastChange(WorkflowId workflow, std::string_view key) const;
  StateId StateOf(WorkflowId workflow, std::string_view key) const;
  const Pending* FindSame(const Proposal& proposal) const;                         // null: nothing like it is pending
  RuleId AskDue(WorkflowId workflow, const std::string& key) const;                // none: nothing is to be asked
  int64_t ReviewDue(WorkflowId workflow, std::string_view key) const;              // INT64_MAX: no review waits

  // What an event proposed, as it would be proposed now. kFailedPrecondition as above; no transition where it has none.
  absl::Status ReadProposal(const store::Event& event, Proposal* proposal) const;

  // Who an event or a pending proposal stands for.
  ActorView ViewOf(const std::string& id, RoleId role) const;

  // The instance's waiting review, and the clause of that qualified name in it.
  struct ClausePlace { ReviewId review; ClauseId clause; };
  ClausePlace FindClause(WorkflowId workflow, std::string_view key, std::string_view rule) const;

 private:
  absl::Status FoldProposal(const store::Event& event);
  void FoldLapsed(const store::Event& event);
  void FoldGranting(const store::Event& event);
  void RevokeOf(const std::string& task, const store::Event& event);
  void FoldChangedTasks(const store::Event& event, std::set<Plans::Place>* of);
  void LookAtPlans(const store::Event& event);
  Plans::Place PlaceOfStream(std::string_view stream) const;
  StateId AskedIn(WorkflowId workflow, std::string_view key) const;
  absl::Status FoldRegistration(const store::Event& event, bool roles_only);
  void RefreshActor(const std::string& id);
  absl::Status FoldAnswer(const store::Event& event, const Proposal& proposal);
  absl::Status FoldDecided(const store::Event& event, const Proposal& proposal);
  absl::Status FoldOutcome(const store::Event& event, const Proposal& proposal);
  void FoldPermitted(const store::Event& event, const Proposal& proposal);
  void FoldDenied(const store::Event& event, const Proposal& proposal);
  absl::Status FoldWaiting(const store::Event& event, const Proposal& proposal);
  void FoldNextRung(const store::Event& event, Pending asked);
  absl::Status FoldAsk(const store::Event& event, const Proposal& proposal);
  absl::Status FoldAskedRung(const store::Event& event, const Proposal& proposal);
  absl::StatusOr<Pending> ReadPending(const store::Event& event, const Proposal& proposal) const;
  LadderId ReadLadder(const store::Event& event, uint32_t kept, const std::string& rule, RoleId role) const;
  void OpenQuestionInstances(const store::Event& event, const Proposal& proposal);
  void CloseTimedOut(const store::Event& event);
  void TimeReview(WorkflowId workflow, std::string_view key);
  void NoteKey(const store::Event& event);

  const CompiledPolicy* policy_;
  Names names_;
  World world_;
  Registry registry_;
  Escalations escalations_;
  Asking asking_;
  Tasks tasks_;
  std::vector<TaskMove> task_moves_;
  Plans plans_;
  std::vector<store::OpenedTask> wanted_;
  absl::flat_hash_map<std::pair<std::string, std::string>, UsedKey> keys_;         // (actor, key)
  TransitionTimers transition_timers_;
  std::set<Timer> review_timers_;
  absl::flat_hash_map<std::pair<uint32_t, std::string>, Timer> review_timer_of_;   // by (workflow, key)
  int64_t last_position_ = 0;
  int64_t last_time_ns_ = 0;
};

}  // namespace writ
