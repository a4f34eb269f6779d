#include "runtime/orchestrator/commit_loop.h"

#include <future>

namespace writ {
namespace {

constexpr auto kTimerLook = std::chrono::milliseconds(20);  // how often a live loop that is idle looks at the clock
constexpr size_t kBatchMax = 1024;

}  // namespace

CommitLoop::CommitLoop(Orchestrator* orchestrator, Clock* clock, Callback on_timer)
    : orchestrator_(orchestrator), clock_(clock), on_timer_(std::move(on_timer)), thread_([this] { Run(); }) {}

CommitLoop::~CommitLoop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

CommitLoop::Answer CommitLoop::Propose(const Submission& submission) {
  std::promise<Answer> answered;
  std::future<Answer> answer = answered.get_future();
  ProposeAsync(submission, [&](Answer a) { answered.set_value(std::move(a)); });
  return answer.get();
}

void CommitLoop::ProposeAsync(Submission submission, Callback done) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(submission), std::move(done)});
  }
  wake_.notify_one();
}

void CommitLoop::Run() {
  for (;;) {
    std::vector<Waiting> batch = TakeWaiting();
    if (!batch.empty()) {
      Commit(std::move(batch));
    } else if (stopped()) {
      return;
    } else {
      FireTimers();
    }
  }
}

std::vector<CommitLoop::Waiting> CommitLoop::TakeWaiting() {
  std::unique_lock lock(mutex_);
  auto ready = [&] { return stop_ || !waiting_.empty(); };
  if (clock_ == nullptr) {
    wake_.wait(lock, ready);
  } else {
    wake_.wait_for(lock, kTimerLook, ready);
  }
  std::vector<Waiting> batch;
  if (waiting_.size() <= kBatchMax) {
    batch.swap(waiting_);
    return batch;
  }
  const auto end = waiting_.begin() + kBatchMax;
  batch.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return batch;
}

bool CommitLoop::stopped() {
  std::lock_guard lock(mutex_);
  return stop_ && waiting_.empty();
}

// validate -> decide -> append -> apply: SubmitBatch does it for each line, with one append for all.
void CommitLoop::Commit(std::vector<Waiting> batch) {
  std::vector<const Submission*> lines;
  lines.reserve(batch.size());
  for (const Waiting& waiting : batch) lines.push_back(&waiting.submission);
  std::vector<Answer> answers;
  const absl::Status status = orchestrator_->SubmitBatch(lines, &answers);
  for (size_t i = 0; i < batch.size(); ++i) {
    batch[i].done(status.ok() ? std::move(answers[i]) : Answer(status));
  }
}

void CommitLoop::FireTimers() {
  if (clock_ == nullptr || failed_) return;
  const std::optional<int64_t> due_ns = orchestrator_->NextDue();
  const int64_t now_ns = clock_->NowNs();
  if (!due_ns.has_value() || *due_ns > now_ns) return;
  Answer fired = orchestrator_->Tick(now_ns);
  failed_ = !fired.ok();  // whoever proposes next is told
  if (on_timer_ != nullptr) on_timer_(std::move(fired));
}

}  // namespace writ
