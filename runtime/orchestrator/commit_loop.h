// Group commit: many propose, one thread decides, one flush makes all of it durable, and only then anybody is told.
//
// While one batch is on its way to the disk, what comes meanwhile is decided on top of it, and is appended next; both are done
// by a thread of their own. If the first batch fails, both are decided again. Who proposes while nothing else is going on does
// all of it on its own thread: waking others takes longer than deciding.
//
// Threads   Propose: any. The orchestrator is the loop's meanwhile: one thread at a time decides, one appends.
// Errors    as Orchestrator::Submit. When the store fails, everybody who waits gets that error, and so does everybody after.
// Cost      one flush for all that waited.
// Source    docs/internals/orchestrator.md
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/orchestrator/orchestrator.h"

namespace writ {

class CommitLoop {
 public:
  using Answer = absl::StatusOr<std::vector<DecisionRecord>>;
  // On the loop's deciding thread; must not block. It may look at the orchestrator (OpenTasks, OpenQuestions, world), which
  // can be ahead of what is durable.
  using Callback = std::function<void(Answer)>;

  // While something is on its way to the disk, so many lines are decided ahead at once; fewer wait for the flush. To wake a
  // thread for each line would take longer than to decide it.
  static constexpr size_t kGroupMax = 8;

  // `orchestrator` is not owned; nobody else may use it until the loop is gone. In ClockMode::kLive it fires timers too, and
  // tells `on_timer` what came of them (may be null).
  explicit CommitLoop(Orchestrator* orchestrator, Clock* clock = nullptr, Callback on_timer = nullptr);
  ~CommitLoop();                                          // decides what waits, then stops

  Answer Propose(const Submission& submission);           // blocks until durable
  void ProposeAsync(Submission submission, Callback done);
  Answer Spend(const Metered& metered) { return Propose(LineOf(metered)); }  // see Orchestrator::Spend

 private:
  struct Waiting {
    const Submission* submission = nullptr;               // the proposer's, who blocks …
    std::unique_ptr<Submission> owned;                    // … or this one
    Answer* answer = nullptr;                             // where the proposer wants it …
    Callback done;                                        // … or who is told
  };
  // Lines that are decided and answered together, so that one call wakes all who block.
  struct Group {
    std::vector<Waiting> lines;
    std::atomic<uint32_t> answered = 0;                   // 1: the answers are there
  };
  using GroupPtr = std::shared_ptr<Group>;
  struct Batch {
    std::vector<GroupPtr> groups;
    DecidedBatch decided;
  };
  enum class Appending : uint8_t { kIdle, kBusy, kFailed };

  GroupPtr Enqueue(Waiting waiting);                      // with the lock
  Answer ProposeAlone(const Submission& submission);

  void DecideLoop();                                      // one thread runs this …
  void AppendLoop();                                      // … and another this
  void Work(std::unique_lock<std::mutex>& lock);
  void DecideNext(std::unique_lock<std::mutex>& lock);
  void StartOver(std::unique_lock<std::mutex>& lock, GroupPtr undecided);
  void TellDurable(std::unique_lock<std::mutex>& lock);
  void SubmitAgain(const std::vector<GroupPtr>& groups);
  void Tell(const std::vector<GroupPtr>& groups, std::vector<Answer> answers);
  void FireTimers();
  bool under_way() const;                                 // something is decided and not answered
  bool may_decide() const;                                // and it is worth it

  Orchestrator* orchestrator_;
  Clock* clock_;
  Callback on_timer_;

  std::mutex mutex_;
  // Guarded by mutex_:
  std::condition_variable decide_wake_, append_wake_;
  std::deque<GroupPtr> waiting_;
  bool busy_ = false;                                     // somebody has the orchestrator: the loop, or a lone proposer
  bool stop_ = false, end_ = false;
  Batch ready_;                                           // decided on top of `appending_`
  std::vector<Batch> durable_;                            // appended; its proposers are not told yet
  Appending appending_state_ = Appending::kIdle;
  absl::Status failure_;                                  // of what failed last
  int64_t calm_batches_ = 0, calm_needed_ = 0;            // appended since others got in between; until it overlaps again

  Batch appending_;                                       // the appending thread's while it is kBusy, else guarded by mutex_
  bool timers_failed_ = false;                            // of the deciding thread
  std::thread decide_thread_, append_thread_;
};

}  // namespace writ
