// The orchestrator: it decides what is proposed, keeps what was decided, and does by itself what is due.
//
// validate -> decide -> append -> apply. The state is a fold over the log and nothing else: Open reads the log, and what a
// commit applies is applied by the code that Open uses.
//
// Errors    kInvalidArgument: the line is refused (it cannot be read, names what does not exist, has a wrong type, …); the
//           message is a sentence for its author; nothing was committed. Everything else is the world's: what the store
//           says, kFailedPrecondition for a log that this policy cannot read. After such an error nothing of the line is
//           known to be committed, and nothing was acknowledged.
// Threads   one at a time, AppendBatch excepted; CommitLoop (commit_loop.h) lets many propose.
// Source    docs/internals/semantics.md
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/decision/decision.h"
#include "runtime/escalate/escalate.h"
#include "runtime/orchestrator/input.h"
#include "runtime/registry/registry.h"
#include "runtime/state/state.h"
#include "runtime/store/store.h"

namespace writ {

// Live time. It may jump; the orchestrator never goes back.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t NowNs() = 0;
};
class SystemClock : public Clock {
 public:
  int64_t NowNs() override;
};

enum class ClockMode : uint8_t {
  kGiven,  // lines bear their times; a timer fires with now = its due time (run, test, replay)
  kLive,   // the clock's time counts; a timer fires with the commit's time
};

struct OrchestratorOptions {
  ClockMode mode = ClockMode::kGiven;
  Clock* clock = nullptr;                    // kLive; not owned
  store::RandomSource* random = nullptr;     // salts; not owned; null: the operating system's
  bool trusted_input = true;                 // agent, spent lines and inline actors are taken: a file that its owner runs
  std::vector<ActorDescription> founders;    // registered by the host when the log is empty
  // What the host can be obliged to, by name (`page`, `notify`; qualified where two packages have one). A policy that may
  // oblige it to more is not loaded: kFailedPrecondition. ObligationsNeeded (consequences.h) lists what a policy needs.
  std::vector<std::string> obligations;
};

// Lines that are decided and folded, but not durable yet. Nobody may be told an answer before AppendBatch has returned kOk.
struct DecidedBatch {
  std::vector<store::PreparedEvent> events;
  int64_t expected_last_position = 0;        // what the log must be at for `events` to follow
  std::vector<absl::StatusOr<std::vector<DecisionRecord>>> answers;  // of the lines, in order

  void Add(DecidedBatch later);              // the batch that was decided next
};

// A question as others may look at it.
struct OpenQuestion {
  int64_t number = 0;
  RoleId role;
  WorkflowId workflow;
  std::string key;
  TransitionId transition;                   // what was asked for
  int64_t until_ns = 0;
};

// A task that is waiting or running, as others may look at it.
struct TaskToDo {
  std::string id;                            // "9/review"
  std::string name;                          // "review"
  RoleId role;                               // who is to do it
  WorkflowId workflow;                       // the instance that it belongs to …
  std::string key;                           // … and its key
  std::string of;                            // over data: its element, as text
  WorkflowId does_on;                        // the workflow of `does`
  TransitionId does;                         // what does it; none: it is reported
  int64_t until_ns = 0;                      // its deadline; 0: none, or it has passed
  std::vector<std::string> needs;            // capabilities; sorted
  bool is_ready = false;                     // nothing is left that it comes after: it can be handed out
  std::string assignee;                      // the agent to hand it to; empty: there is none that could do it
};

class Orchestrator {
 public:
  // Folds the log of `store`. Both must outlive it.
  static absl::StatusOr<std::unique_ptr<Orchestrator>> Open(const CompiledPolicy* policy, store::Store* store,
                                                            OrchestratorOptions options);
  ~Orchestrator();

  // One line: the timers that were due come first, then the line's own decision, then what it caused; all durable.
  // A tick returns what fired.
  absl::StatusOr<std::vector<DecisionRecord>> Submit(const Submission& submission);
  absl::StatusOr<std::vector<DecisionRecord>> Tick(int64_t now_ns);
  // What the host has metered of a task: the host's own word, for which there is no line that an agent could send. An agent's own
  // number is only a claim. What it leads to comes with it: past a bound of the plan, the plan's open tasks expire.
  absl::StatusOr<std::vector<DecisionRecord>> Spend(const Metered& metered) { return Submit(LineOf(metered)); }

  // Many lines with one flush, decided one after another. `answers` are theirs, in order; a refused line refuses no other.
  // A status other than kOk: nothing of all that is known to be committed.
  absl::Status SubmitBatch(const std::vector<const Submission*>& lines,
                           std::vector<absl::StatusOr<std::vector<DecisionRecord>>>* answers);

  // SubmitBatch in halves, for whoever decides one batch while another is appended (CommitLoop).
  //
  // DecideBatch decides on top of all that was decided before, appended or not; it reads what others have appended only when
  // nothing of its own is on its way. AppendBatch may run on another thread meanwhile: one at a time, in the order in which the
  // batches were decided. When either fails, no append may be running; Forget then throws away all that was decided and is not
  // in the log, and whoever waits for it submits it again. After kDataLoss every later batch is answered so.
  absl::Status DecideBatch(const std::vector<const Submission*>& lines, DecidedBatch* batch);
  absl::Status AppendBatch(const DecidedBatch& batch);
  void Forget(const absl::Status& why);

  // Erases the values of `field` (or of all fields with the label `field`) of one instance, wherever the log keeps them.
  // `by` is recorded, and `at_ns` where times are given: never before the last event's. What is due by then has to be fired
  // first (Tick). The orchestrator folds the log anew.
  absl::StatusOr<DecisionRecord> Erase(std::string_view workflow, const Input& on, std::string_view field,
                                       std::string_view by, std::optional<int64_t> at_ns = std::nullopt);

  // For tests of policies: an instance is as the test says, from `now_ns` on, though no event made it so. The log does not know
  // of it: what was decided afterwards cannot be folded from it.
  void Assume(const Assumption& assumption, int64_t now_ns);

  // The event at a position, and as a record. kNotFound. Cost: one read of the store.
  absl::StatusOr<store::Event> EventAt(int64_t position);
  DecisionRecord RecordOf(const store::Event& event) const;

  const World& world() const;
  const Registry& registry() const;
  const Schema& schema() const;
  int64_t last_position() const;
  int64_t last_time_ns() const;
  std::optional<int64_t> NextDue() const;                 // when the next timer is due
  std::vector<OpenQuestion> OpenQuestions() const;        // by number, then role
  // By when they were opened, then id. To whom a task goes can change with every commit: look again after each.
  std::vector<TaskToDo> OpenTasks() const;
  const Escalations& escalations() const;                 // pending proposals

  // Resolves a workflow's name and the key that a line gives. For tests and explain.
  absl::StatusOr<WorkflowId> ResolveWorkflow(std::string_view name) const;
  absl::StatusOr<std::string> ResolveKey(WorkflowId workflow, const Input& on) const;

  class Core;                                             // orchestrator_core.h; the parts of this folder share it

 private:
  explicit Orchestrator(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

// ---------------------------------------------------------------- verify

enum class Redecided : uint8_t {
  kSame,
  kDifferent,
  kErased,       // a value that the decision read was erased
  kNotDecided,   // no decision function ran for it
  kUnknown,      // the policy does not have the function, or the frame cannot be read
};

// Decides a stored event again, from its logged frame, by the policy that was in force.
Redecided Redecide(const store::Event& event, const CompiledPolicy& policy);

// Where an event says that it read another version of a fact by key than there was.
struct FactFault {
  int64_t position = 0;
  std::string text;
};
// Folds the log from its start under `policy`, and looks at the events that it decided. It stops without a word at an event
// that cannot be folded, and at one with an erased value, after which facts may come out otherwise.
absl::StatusOr<std::vector<FactFault>> CheckFactReads(const CompiledPolicy& policy, store::Store* store);

}  // namespace writ
