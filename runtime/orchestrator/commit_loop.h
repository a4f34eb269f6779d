// Group commit: many propose, one thread decides, one flush makes all of it durable, and only then anybody is told.
//
// Threads   Propose: any. The loop's thread alone touches the orchestrator, which it owns meanwhile.
// Errors    as Orchestrator::Submit. When the store fails, everybody who waits gets that error, and so does everybody after.
// Cost      one flush for all that waited.
// Source    docs/internals/orchestrator.md
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/orchestrator/orchestrator.h"

namespace writ {

class CommitLoop {
 public:
  using Answer = absl::StatusOr<std::vector<DecisionRecord>>;
  using Callback = std::function<void(Answer)>;           // on the loop's thread; must not block

  // `orchestrator` is not owned; nobody else may use it until the loop is gone. In ClockMode::kLive it fires timers too, and
  // tells `on_timer` what came of them (may be null).
  explicit CommitLoop(Orchestrator* orchestrator, Clock* clock = nullptr, Callback on_timer = nullptr);
  ~CommitLoop();                                          // decides what waits, then stops

  Answer Propose(const Submission& submission);           // blocks until durable
  void ProposeAsync(Submission submission, Callback done);

 private:
  struct Waiting {
    Submission submission;
    Callback done;
  };

  void Run();
  std::vector<Waiting> TakeWaiting();
  void Commit(std::vector<Waiting> batch);
  void FireTimers();
  bool stopped();

  Orchestrator* orchestrator_;
  Clock* clock_;
  Callback on_timer_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Waiting> waiting_;                          // guarded by mutex_
  bool stop_ = false;                                     // guarded by mutex_
  bool failed_ = false;                                   // a timer could not be committed; of the loop's thread
  std::thread thread_;
};

}  // namespace writ
