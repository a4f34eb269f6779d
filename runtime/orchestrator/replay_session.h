// Following a record: every event is decided on the state as it is, and then counts as what the record says, whatever the
// policy thinks. The orchestrator proposes nothing; what it would have done is told.
//
// A review's outcome is noted all the same when it is complete or late, so that what it binds is judged by it.
// Threads   one.
// Cost      a decision and a fold an event; no store, and no allocation but for what the state grows by.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "runtime/decision/decision.h"
#include "runtime/escalate/escalate.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/asking.h"
#include "runtime/orchestrator/input.h"
#include "runtime/orchestrator/grants.h"
#include "runtime/orchestrator/names.h"
#include "runtime/orchestrator/plans.h"
#include "runtime/orchestrator/tasks.h"
#include "runtime/orchestrator/transition_timers.h"
#include "runtime/review/review.h"
#include "runtime/state/state.h"

namespace writ {

// What the orchestrator would have done by itself.
struct WouldHave {
  enum class Kind : uint8_t {
    kConclude,   // concluded a review: rule is the clause, transition what it concludes (none: nothing)
    kAsk,        // asked `role`: rule is the first that asks
    kTimer,      // proposed a transition whose time has come
    kFallback,   // a hold or a question would have run out: rule; transition (none: deny), or asked `role` next
    kTask,       // a task is late: rule; transition (none: it fails), or asked `role`
    kPlan,       // proposed how a plan ends: rule; transition
  } kind = Kind::kConclude;
  int64_t at_ns = 0;
  WorkflowId workflow;
  std::string key;
  RuleId rule;
  TransitionId transition;
  RoleId role;
};

class ReplaySession {
 public:
  explicit ReplaySession(const CompiledPolicy* policy);

  // Decides the next event (times ascend), then applies it if it happened, or as a refused proposal. Fills in computed
  // fields. What was due before it is in would_have() first.
  const RawDecision& Decide(Proposal* proposal, bool happened = true);

  // What the orchestrator carried out along the record, with the values that the record has for it: it is not decided
  // again. `rules`: what it ends no longer waits for them. What was due before it is in would_have() first.
  void CarriedOut(const Proposal& proposal, bool happened, const std::vector<std::string>& rules);

  // The record says which tasks the next event opens, by which ids; else those that the policy says are opened.
  void Opens(std::vector<store::OpenedTask> tasks) { opens_ = std::move(tasks); }
  // The orchestrator carried out what a late task led to, or somebody was asked about it.
  void FailTask(const std::string& task, int64_t now_ns) { tasks_.Fail(task, position_, now_ns, &world_); }
  void AskedAboutTask(const std::string& task) { tasks_.Lapsed(task); }

  // What these rules asked or held is over.
  void Settle(WorkflowId workflow, const std::string& key, const std::vector<std::string>& rules);

  // Time passes without an event: what was due by then is in would_have().
  void MoveTo(int64_t now_ns);

  // Of the last event.
  const Function& function() const { return *function_; }
  int64_t position() const { return position_; }
  const std::vector<WouldHave>& would_have() const { return would_have_; }
  DecisionRecord Record() const;           // allocates; as interfaces.md prints it

  const World& world() const { return world_; }

 private:
  struct Running { Timer timer; LadderId ladder; RuleId rule; int64_t last_change; StateId state; };

  void MeetGrants(Proposal* proposal) const;
  void Applied(const Proposal& proposal);
  void OpenTasks(const Proposal& event, bool happened);
  void Plan(const Proposal& event, bool happened, store::Event* opening);
  void LookAtPlan(const Plans::Place& place, store::Event* opening);
  void RevokeGrants(int64_t now_ns);
  void FoldGrant(const Proposal& moves);
  void Registered(const Proposal& proposal);
  void LapseTask(const Timer& timer);
  void LookForAsks(const Proposal& event);
  void Lapse(int64_t now_ns);
  void LapseReview(const Timer& timer);
  void LapseTransition(const Timer& timer);
  void Note(WouldHave::Kind kind, const Proposal& where, int64_t at_ns, RuleId rule, TransitionId transition, RoleId role);
  void NoteAsked(const Proposal& proposal);
  void Start(const Proposal& proposal, RuleId rule, LadderId ladder, int64_t from_ns);
  void Conclude(WorkflowId workflow, const std::string& key, ReviewId review, ClauseId clause, int64_t now_ns);
  void TimeReview(WorkflowId workflow, const std::string& key);

  const CompiledPolicy* policy_;
  Names names_;
  World world_;
  Registry registry_;
  Reviews reviews_;
  Grants grants_;
  Asking asking_;
  ActorView orchestrator_;
  Frame frame_;
  std::vector<int64_t> out_;
  RawDecision decision_{};
  store::Decision told_;                   // the obligations and tasks of the last event, and what could not be told
  const Function* function_ = nullptr;
  Proposal last_;
  StateId state_after_;
  int64_t position_ = 0;
  std::vector<WouldHave> would_have_;
  Tasks tasks_;
  std::optional<std::vector<store::OpenedTask>> opens_;
  Plans plans_;
  std::set<Plans::Place> moved_;           // instances whose tasks have changed in this event
  TransitionTimers transition_timers_;
  std::set<Timer> review_timers_;
  absl::flat_hash_map<std::pair<uint32_t, std::string>, Timer> review_timer_of_;
  std::map<Timer, Running> running_;       // holds and questions that the record did not settle
};

}  // namespace writ
