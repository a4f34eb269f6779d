// Tasks that are open: what does them, what waits for them, when they are due. A part of the fold over the log.
//
// An event opens the tasks that its decision lists, as instances of workflow Task without positions of their own. A task that a
// transition does is done when somebody in its role commits that transition; what was to come after a task that ended otherwise
// than done is cancelled. Both are in the fold of the event that brought it about. So is to whom a task goes: when it is ready,
// and again when its assignee can no longer do it, or when somebody can that could not.
// Threads   as World.
// Cost      nothing where no task is open; else a look-up an event.
// Source    docs/internals/semantics.md, "Tasks"
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "runtime/escalate/escalate.h"
#include "runtime/orchestrator/assigning.h"
#include "runtime/state/state.h"
#include "runtime/store/event.h"

namespace writ {

// One that is waiting or running.
struct OpenTask {
  std::string key;                           // of its instance: "9/review"
  std::string name, element, rule;
  WorkflowId workflow;                       // the instance that it belongs to …
  std::string on;                            // … and its key
  RoleId role;                               // who is to do it
  WorkflowId does_on;                        // the workflow of `does`
  TransitionId does;                         // none: it is reported
  LadderId ladder;                           // what happens at its deadline; none: it expires
  int64_t position = 0;                      // of the event that opened it
  int64_t until_ns = 0;                      // its deadline; 0: none, or it has passed
  std::vector<std::string> needs;            // capabilities; sorted
  bool is_ready = false;                     // there is nothing left that it comes after
  std::string assignee;                      // the agent that it went to; empty: nobody
};

// What an event brought about on a task.
struct TaskMove {
  std::string key;
  TransitionId transition;
};

class Tasks {
 public:
  explicit Tasks(const Schema* schema);

  // Opens what an event lists. kFailedPrecondition: it names what this policy does not have. `same_policy`: the event was decided
  // by this policy, so that its ladders' numbers mean the same.
  absl::Status Open(const store::Event& event, bool same_policy, World* world);
  bool Knows(const store::OpenedTask& opened) const;  // this policy has all that it names
  // After a committed transition was applied: one of a task's own, or one that does tasks.
  void Committed(const Proposal& proposal, int64_t position, World* world);
  // What its deadline leads to has been tried, or somebody was asked: it is not due any more.
  void Lapsed(std::string_view key);
  // What its deadline led to was carried out on its instance: it has failed.
  void Fail(const std::string& key, int64_t position, int64_t now_ns, World* world);

  // Somebody was registered, or has changed.
  void Look(const RegisteredActor& actor);
  // After an event was folded, but for the tasks that it opens: what has become ready, what somebody may have become able to do,
  // and what its assignee no longer can, goes to whom it goes to now.
  void Assign(int64_t position, int64_t now_ns, World* world);
  // To whom these go if they are opened now, in this order.
  void Foretell(const World& world, std::vector<store::OpenedTask>* opened);

  const OpenTask* Find(std::string_view key) const;                      // null: it is closed, or never was
  std::vector<const OpenTask*> All() const;                              // that are open: by when they were opened, then key
  // The stream of the instance that a task belongs to, closed or not; empty where there is no such task.
  std::string StreamOf(std::string_view key, const World& world) const;
  std::vector<const OpenTask*> On(WorkflowId workflow, std::string_view key) const;  // by when they were opened, then key
  const Timer* NextTimer() const { return timers_.empty() ? nullptr : &*timers_.begin(); }  // null: none
  // What became of tasks since this was asked last, in order.
  std::vector<TaskMove> TakeMoves() { return std::exchange(moves_, {}); }
  // The `open` of a task that an event opens, in a world that has folded all of the event up to it, or nothing of it. Nothing where
  // this policy does not have what it names.
  std::optional<Proposal> Opening(const store::OpenedTask& opened, const store::Event& event, const World& world) const;

 private:
  using Place = std::pair<uint32_t, std::string>;
  // A transition of another workflow does tasks of this one: on the instance that `owner` refers to, of the element in `element`.
  struct Elsewhere { WorkflowId workflow; FieldId owner, element; std::string rule; };
  using Turn = std::pair<int64_t, std::string>;  // when a task was opened, and its key
  static Turn TurnOf(const OpenTask& task) { return {task.position, task.key}; }

  absl::Status OpenOne(const store::OpenedTask& opened, const store::Event& event, bool same_policy, World* world);
  LadderId LadderOfTask(const store::OpenedTask& opened, bool same_policy) const;
  Timer TimerOf(const OpenTask& task) const;
  void Propose(const std::string& key, std::string_view transition, const Proposal& cause, int64_t position, World* world);
  void Moved(const std::string& key, const Proposal& cause, int64_t position, World* world);
  void DoneBy(const Proposal& proposal, WorkflowId workflow, std::string_view on, const Elsewhere* elsewhere,
              int64_t position, World* world);
  bool IsDone(const World& world, std::string_view key) const;
  void Ready(const std::string& key, const World& world);
  std::string Whose(RoleId role, const std::vector<std::string>& needs) const;
  void Went(OpenTask* task, std::string assignee);
  void Left(const OpenTask& task);
  void AssignOne(OpenTask* task, int64_t position, int64_t now_ns, World* world);

  const Schema* schema_;
  WorkflowId task_;
  FieldId assignee_;
  StateId waiting_, running_, done_;
  std::map<std::pair<uint32_t, uint32_t>, std::vector<Elsewhere>> elsewhere_;  // by workflow and transition
  std::map<std::string, OpenTask, std::less<>> open_;
  absl::flat_hash_map<Place, std::vector<std::string>> on_;              // open tasks by the instance that they belong to
  absl::flat_hash_map<std::string, std::vector<std::string>> after_;     // which tasks come after one
  std::set<Timer> timers_;
  std::vector<TaskMove> moves_;
  Assigning assigning_;
  std::map<std::string, std::set<Turn>> assigned_;                       // open tasks by the agent that they went to
  std::map<uint32_t, std::set<Turn>> unassigned_;                        // by role: those that are ready and went to nobody
  std::set<Turn> ready_;                                                 // have become so since Assign
  std::set<std::string> actors_changed_;                                 // since Assign
};

// The tasks that these rules open, where they determined the decision or speak of what it permits. `position` is the event's.
void AddTasks(const Schema& schema, const Proposal& proposal, const Function& function, const RawDecision& raw,
              int64_t position, store::Decision* decision);

}  // namespace writ
