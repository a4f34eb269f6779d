#include "runtime/orchestrator/commit_loop.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <iterator>
#include <utility>

namespace writ {
namespace {

constexpr auto kTimerLook = std::chrono::milliseconds(20);  // how often a live loop that is idle looks at the clock
constexpr size_t kBatchMax = 1024;
constexpr int64_t kCalmFirst = 64, kCalmMax = int64_t{1} << 20;

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));

using Answers = std::vector<CommitLoop::Answer>;

// A futex, until it is 1. std::atomic::wait would yield the processor a few times before it sleeps: with more proposers than
// processors, that costs as much as deciding does.
void Sleep(std::atomic<uint32_t>& done) {
  while (done.load(std::memory_order_acquire) == 0) {
    syscall(SYS_futex, &done, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
  }
}

void Wake(std::atomic<uint32_t>& done) {
  done.store(1, std::memory_order_release);
  syscall(SYS_futex, &done, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace

CommitLoop::CommitLoop(Orchestrator* orchestrator, Clock* clock, Callback on_timer)
    : orchestrator_(orchestrator), clock_(clock), on_timer_(std::move(on_timer)),
      decide_thread_([this] { DecideLoop(); }), append_thread_([this] { AppendLoop(); }) {}

CommitLoop::~CommitLoop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  decide_wake_.notify_one();
  decide_thread_.join();
  {
    std::lock_guard lock(mutex_);
    end_ = true;
  }
  append_wake_.notify_one();
  append_thread_.join();
}

// ---------------------------------------------------------------- proposers

CommitLoop::Answer CommitLoop::Propose(const Submission& submission) {
  Answer answer = absl::UnknownError("not answered");
  GroupPtr group;
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (busy_ || !waiting_.empty()) {
      group = Enqueue({&submission, nullptr, &answer, nullptr});
      wake = may_decide();
    } else {
      busy_ = true;
    }
  }
  if (group == nullptr) return ProposeAlone(submission);
  if (wake) decide_wake_.notify_one();
  Sleep(group->answered);
  return answer;
}

void CommitLoop::ProposeAsync(Submission submission, Callback done) {
  auto owned = std::make_unique<Submission>(std::move(submission));
  bool wake;
  {
    std::lock_guard lock(mutex_);
    const Submission* const line = owned.get();
    Enqueue({line, std::move(owned), nullptr, std::move(done)});
    wake = may_decide();
  }
  if (wake) decide_wake_.notify_one();
}

CommitLoop::GroupPtr CommitLoop::Enqueue(Waiting waiting) {
  if (waiting_.empty() || waiting_.back()->lines.size() == kGroupMax) {
    waiting_.push_back(std::make_shared<Group>());
    waiting_.back()->lines.reserve(kGroupMax);
  }
  waiting_.back()->lines.push_back(std::move(waiting));
  return waiting_.back();
}

// Nothing is under way: with no thread to wake and none to wait for, the flush is all that takes time.
CommitLoop::Answer CommitLoop::ProposeAlone(const Submission& submission) {
  Answers answers;
  const absl::Status status = orchestrator_->SubmitBatch({&submission}, &answers);
  bool others_wait;
  {
    std::lock_guard lock(mutex_);
    busy_ = false;
    others_wait = stop_ || !waiting_.empty();
  }
  if (others_wait) decide_wake_.notify_one();
  return status.ok() ? std::move(answers.front()) : Answer(status);
}

void CommitLoop::Tell(const std::vector<GroupPtr>& groups, Answers answers) {
  auto next = answers.begin();
  for (const GroupPtr& group : groups) {
    for (Waiting& line : group->lines) {
      if (line.answer != nullptr) *line.answer = std::move(*next);
      else line.done(std::move(*next));
      ++next;
    }
    // From here on those who blocked may be gone; the group is kept by us too.
    Wake(group->answered);
  }
}

// ---------------------------------------------------------------- deciding

void CommitLoop::DecideLoop() {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return !busy_ && (stop_ || !waiting_.empty()); };
  for (;;) {
    if (clock_ == nullptr) {
      decide_wake_.wait(lock, ready);
    } else if (!decide_wake_.wait_for(lock, kTimerLook, ready) && busy_) {
      continue;
    }
    if (stop_ && waiting_.empty()) return;
    busy_ = true;
    if (waiting_.empty()) {
      lock.unlock();
      FireTimers();
      lock.lock();
    } else {
      Work(lock);
    }
    busy_ = false;
  }
}

bool CommitLoop::may_decide() const {
  if (waiting_.empty()) return false;
  if (!under_way()) return true;
  const bool is_whole = waiting_.front()->lines.size() == kGroupMax;
  return is_whole && calm_batches_ >= calm_needed_ && ready_.decided.answers.size() < kBatchMax;
}

bool CommitLoop::under_way() const { return appending_state_ != Appending::kIdle || !ready_.groups.empty(); }

// The appending thread does not do this: the next flush is worth more than the time that waking takes.
void CommitLoop::TellDurable(std::unique_lock<std::mutex>& lock) {
  std::vector<Batch> batches = std::exchange(durable_, {});
  lock.unlock();
  for (Batch& batch : batches) Tell(batch.groups, std::move(batch.decided.answers));
  batches.clear();
  lock.lock();
}

// Until nobody waits and nothing is under way.
void CommitLoop::Work(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    decide_wake_.wait(lock, [this] {
      return !durable_.empty() || appending_state_ == Appending::kFailed || may_decide() || !under_way();
    });
    if (!durable_.empty()) {
      TellDurable(lock);
    } else if (appending_state_ == Appending::kFailed) {
      StartOver(lock, nullptr);
    } else if (may_decide()) {
      DecideNext(lock);
    } else {
      return;
    }
  }
}

void CommitLoop::DecideNext(std::unique_lock<std::mutex>& lock) {
  GroupPtr group = std::move(waiting_.front());
  waiting_.pop_front();
  lock.unlock();
  std::vector<const Submission*> lines;
  lines.reserve(group->lines.size());
  for (const Waiting& line : group->lines) lines.push_back(line.submission);
  DecidedBatch decided;
  absl::Status status = orchestrator_->DecideBatch(lines, &decided);
  lock.lock();
  if (!status.ok()) {
    decide_wake_.wait(lock, [this] { return appending_state_ == Appending::kFailed || !under_way(); });
    if (appending_state_ != Appending::kFailed) failure_ = std::move(status);
    TellDurable(lock);
    return StartOver(lock, std::move(group));
  }
  if (ready_.groups.empty()) {
    ready_.decided = std::move(decided);
  } else {
    ready_.decided.Add(std::move(decided));
  }
  ready_.groups.push_back(std::move(group));
  if (appending_state_ == Appending::kIdle) append_wake_.notify_one();
}

// No append runs. What the log has not got is submitted again, in the same order, now one batch after the other: of each, the
// orchestrator says then what became of it.
void CommitLoop::StartOver(std::unique_lock<std::mutex>& lock, GroupPtr undecided) {
  const std::vector<GroupPtr> first = std::exchange(appending_, {}).groups;
  std::vector<GroupPtr> second = std::exchange(ready_, {}).groups;
  if (undecided != nullptr) second.push_back(std::move(undecided));
  const absl::Status failure = std::exchange(failure_, absl::OkStatus());
  if (absl::IsAborted(failure)) {
    // Others append too. Deciding ahead of the log loses to them, and then the log is folded anew: for a while it is not done.
    calm_needed_ = std::clamp(2 * calm_needed_, kCalmFirst, kCalmMax);
    calm_batches_ = 0;
  }
  lock.unlock();
  orchestrator_->Forget(failure);
  SubmitAgain(first);
  SubmitAgain(second);
  lock.lock();
  appending_state_ = Appending::kIdle;
}

void CommitLoop::SubmitAgain(const std::vector<GroupPtr>& groups) {
  std::vector<const Submission*> lines;
  for (const GroupPtr& group : groups) {
    for (const Waiting& line : group->lines) lines.push_back(line.submission);
  }
  if (lines.empty()) return;
  Answers answers;
  const absl::Status status = orchestrator_->SubmitBatch(lines, &answers);
  if (!status.ok()) answers.assign(lines.size(), Answer(status));
  Tell(groups, std::move(answers));
}

void CommitLoop::FireTimers() {
  if (clock_ == nullptr || timers_failed_) return;
  const std::optional<int64_t> due_ns = orchestrator_->NextDue();
  const int64_t now_ns = clock_->NowNs();
  if (!due_ns.has_value() || *due_ns > now_ns) return;
  Answer fired = orchestrator_->Tick(now_ns);
  timers_failed_ = !fired.ok();  // whoever proposes next is told
  if (on_timer_ != nullptr) on_timer_(std::move(fired));
}

// ---------------------------------------------------------------- appending

void CommitLoop::AppendLoop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    append_wake_.wait(lock, [this] {
      return end_ || (appending_state_ == Appending::kIdle && !ready_.groups.empty());
    });
    if (end_) return;
    appending_ = std::exchange(ready_, {});
    appending_state_ = Appending::kBusy;
    lock.unlock();
    absl::Status status = orchestrator_->AppendBatch(appending_.decided);
    lock.lock();
    if (status.ok()) durable_.push_back(std::exchange(appending_, {}));
    ++calm_batches_;
    appending_state_ = status.ok() ? Appending::kIdle : Appending::kFailed;
    failure_ = std::move(status);
    decide_wake_.notify_one();
  }
}

}  // namespace writ
