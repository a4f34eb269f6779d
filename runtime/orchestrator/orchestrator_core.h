// What the parts of this folder share. No header outside includes it.
//
// validate.cc  a line against the schema and the registry
// decide.cc    a proposal against the policy; what it asks and awaits
// caused.cc    what the orchestrator does by itself: conclusions, re-decisions, fallbacks, timers
// commit.cc    events: prepared, folded, appended, told
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/folded.h"
#include "runtime/orchestrator/grants.h"
#include "runtime/orchestrator/orchestrator.h"
#include "runtime/review/review.h"
#include "runtime/state/own.h"
#include "runtime/store/chain.h"

namespace writ {

using Records = std::vector<DecisionRecord>;

// What a line comes to before anything is decided.
struct Line {
  store::EventKind kind = store::EventKind::kPropose;
  Proposal proposal;                         // kinds of which one is decided
  bool is_tick = false;
  int64_t now_ns = 0;
  std::string registration;                  // of the actor, where it comes with this line
  std::string idempotency_key, request_digest;
  bool duplicate = false;
  int64_t repeats = 0;                       // the position that has answered this already
  int64_t question = 0;                      // kAnswer
  RoleId question_role;
  int64_t seen = -1;
  std::vector<int64_t> based_on;
  std::string claimed_time;
  store::Recorded recorded = store::Recorded::kNothing;
};

// A decision, and what the log keeps of how it came about.
struct Decided {
  store::Decision decision;
  std::vector<RuleId> applied;               // restraints, excused or not
  std::string function, frame;
  std::vector<store::ErasableBytes> frame_private;
  std::vector<store::ReadVersion> reads;
};

class Orchestrator::Core {
 public:
  Core(const CompiledPolicy* policy, store::Store* store, OrchestratorOptions options);

  const Schema& schema() const { return policy->schema(); }

  // ---- commit.cc
  absl::Status Load();                                   // folds the log anew
  absl::Status CatchUp();                                // folds what others have appended, unless some of our own is under way
  absl::Status PutPolicyInForce();
  absl::Status Stage(store::Event event);                // prepares and folds; durable only after Flush
  std::vector<store::PreparedEvent> TakeStaged();        // for Append; staging goes on behind it
  absl::Status Append(std::span<const store::PreparedEvent> events, int64_t expected_last_position);  // any one thread
  absl::Status Flush();                                  // both
  void Drop();                                           // what is staged was not appended: folds the log anew
  DecisionRecord RecordOf(const store::Event& event) const;
  absl::StatusOr<store::Event> EventAt(int64_t position);
  absl::StatusOr<store::Event> EraseEvent(WorkflowId workflow, const std::string& key, std::string_view field,
                                          std::string_view by);

  // ---- validate.cc
  absl::StatusOr<Line> Validate(const Submission& submission) const;

  // ---- decide.cc
  // The position that the next event will have is part of it: questions are numbered by it.
  // What it computes is filled in.
  Decided Decide(Proposal* proposal);
  bool Covers(const Proposal& asked, const ActorView& actor) const;  // its authority covers the asked proposal
  void KeepFrame(const Function& function, const ReadSet& reads, Decided* decided);  // `frame`, and what it was read from
  bool FillComputed(Proposal* proposal) const;           // false: a computed value is out of its range
  store::Event EventOf(store::EventKind kind, const Proposal& proposal, Decided decided) const;
  int64_t NextPosition() const { return chain->last_position() + 1; }

  // ---- caused.cc
  // Decides one line; what it staged is in `records` afterwards. kInvalidArgument: it is refused, nothing of it is staged.
  absl::Status Process(const Submission& submission, Records* records);
  absl::Status ProcessLine(Line line);
  absl::Status FireDue(int64_t now_ns);
  absl::Status Fire(const Timer& timer, int64_t now_ns);
  store::Event OwnEvent(store::EventKind kind, WorkflowId workflow, const std::string& key, TransitionId transition,
                        const std::string& rule, int64_t now_ns, int64_t cause);
  absl::Status FireTransition(const Timer& timer, int64_t now_ns);
  Decided Refusal(const Proposal& proposal, const std::vector<std::string>& reasons) const;
  absl::Status Settle(WorkflowId workflow, const std::string& key, int64_t now_ns, int64_t cause);
  absl::StatusOr<bool> SettleOne(WorkflowId workflow, const std::string& key, int64_t now_ns, int64_t cause);
  absl::Status Conclude(WorkflowId workflow, const std::string& key, ReviewId review, ClauseId clause, int64_t now_ns,
                        int64_t cause);
  // What its plan leads to by itself: an end that has come, what was held until a task was done, tasks past what they may cost.
  absl::StatusOr<bool> SettlePlan(const Plans::Place& place, int64_t now_ns, int64_t cause);
  absl::Status Finish(const Plans::Place& place, uint32_t finally, int64_t now_ns, int64_t cause);
  absl::StatusOr<bool> Exhaust(const Plans::Place& place, int64_t now_ns, int64_t cause);
  bool StillHeld(const Pending& pending, int64_t now_ns);
  absl::Status Ask(WorkflowId workflow, const std::string& key, RuleId rule, int64_t now_ns, int64_t cause);
  absl::Status Redecide(int64_t pending, int64_t now_ns, int64_t cause);
  struct RanOut {
    int64_t number = 0;                      // the question, or the pending proposal of a hold
    RoleId role;                             // the question's; none: a hold
    std::vector<std::string> rules, digests;
    LadderId ladder;
  };
  absl::Status Compute(Proposal* proposal) const;        // kInvalidArgument: it does not come out
  Decided DecideOwn(Proposal* proposal, const std::vector<std::string>& rules);
  Decided DecideFallback(Proposal* proposal, const std::vector<std::string>& rules);
  store::AskedQuestion NextRung(const Ladder& ladder, WorkflowId on, const RanOut& ran_out, int64_t now_ns) const;
  absl::Status FallBack(const Pending& pending, const RanOut& ran_out, int64_t now_ns, int64_t cause);
  absl::Status FallBackOfTask(const OpenTask& task, const RanOut& ran_out, int64_t now_ns, int64_t cause);
  absl::Status AskAboutTask(const OpenTask& task, const RanOut& ran_out, int64_t now_ns, int64_t cause);
  absl::Status Register(const ActorDescription& description, int64_t now_ns);
  void FillAnswer(Line* line) const;

  const CompiledPolicy* policy;
  store::Store* store;
  OrchestratorOptions options;
  store::SystemRandom system_random;
  Grants grants;
  std::unique_ptr<Folded> folded;
  std::unique_ptr<Reviews> reviews;          // over the folded world
  std::unique_ptr<store::Chain> chain;
  std::string log_policy;                    // digest of the last event's
  std::vector<store::PreparedEvent> staged;
  std::deque<store::Event> keyed;            // with an idempotency key, and perhaps not in the log yet: it may be asked for again
  std::mutex store_mutex;                    // held for each use of the store that may fall together with an append
  std::atomic<int64_t> appended_position = 0;  // what is known to be in the log; Append moves it, on whatever thread
  Records* told = nullptr;                   // where Stage tells what it staged
  absl::Status broken;                       // the store is not to be trusted any more
  mutable Frame frame, probe;
  RawDecision raw{};
};

}  // namespace writ
