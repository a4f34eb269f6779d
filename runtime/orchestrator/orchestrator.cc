#include "runtime/orchestrator/orchestrator.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"
#include "runtime/orchestrator/consequences.h"
#include "runtime/orchestrator/convert.h"
#include "runtime/orchestrator/orchestrator_core.h"

namespace writ {
namespace {

// Others append between our reading and our appending; each time we decide again on what they left.
constexpr int kAttemptsMax = 64;

}  // namespace

int64_t SystemClock::NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Orchestrator::Orchestrator(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Orchestrator::~Orchestrator() = default;

absl::StatusOr<std::unique_ptr<Orchestrator>> Orchestrator::Open(const CompiledPolicy* policy, store::Store* store,
                                                                 OrchestratorOptions options) {
  if (options.mode == ClockMode::kLive && options.clock == nullptr) {
    return absl::FailedPreconditionError("live time needs a clock");
  }
  if (absl::Status s = CanCarryOut(policy->schema(), options.obligations); !s.ok()) return s;
  auto core = std::make_unique<Core>(policy, store, std::move(options));
  if (!core->folded->names().question().valid() || !core->folded->registry().workflow().valid()) {
    return absl::FailedPreconditionError("the policy lacks the built-in workflows Agent and Question");
  }
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (absl::Status s = core->Load(); !s.ok()) return s;
    if (absl::Status s = core->PutPolicyInForce(); !s.ok()) return s;
    const int64_t now_ns = core->options.mode == ClockMode::kLive ? core->options.clock->NowNs() : 0;
    if (core->chain->last_position() == 0) {
      for (const ActorDescription& founder : core->options.founders) {
        if (absl::Status s = core->Register(founder, now_ns); !s.ok()) return s;
      }
    }
    absl::Status appended = core->Flush();
    if (appended.ok()) return std::unique_ptr<Orchestrator>(new Orchestrator(std::move(core)));
    if (!absl::IsAborted(appended)) return appended;
  }
  return absl::UnavailableError("others keep appending to the log");
}

void DecidedBatch::Add(DecidedBatch later) {
  WRIT_CHECK(later.expected_last_position == expected_last_position + static_cast<int64_t>(events.size()));
  std::move(later.events.begin(), later.events.end(), std::back_inserter(events));
  std::move(later.answers.begin(), later.answers.end(), std::back_inserter(answers));
}

absl::Status Orchestrator::DecideBatch(const std::vector<const Submission*>& lines, DecidedBatch* batch) {
  if (!core_->broken.ok()) return core_->broken;
  if (absl::Status s = core_->CatchUp(); !s.ok()) {
    core_->broken = s;
    return s;
  }
  batch->expected_last_position = core_->chain->last_position();
  batch->answers.clear();
  batch->answers.reserve(lines.size());
  core_->staged.reserve(lines.size() + lines.size() / 2);
  for (const Submission* line : lines) {
    Records records;
    absl::Status status = core_->Process(*line, &records);
    if (!status.ok() && status.code() != absl::StatusCode::kInvalidArgument) return status;
    if (status.ok()) {
      batch->answers.emplace_back(std::move(records));
    } else {
      batch->answers.emplace_back(std::move(status));
    }
  }
  batch->events = core_->TakeStaged();
  return absl::OkStatus();
}

absl::Status Orchestrator::AppendBatch(const DecidedBatch& batch) {
  return core_->Append(batch.events, batch.expected_last_position);
}

void Orchestrator::Forget(const absl::Status& why) {
  if (absl::IsDataLoss(why)) {
    core_->broken = why;
  } else {
    core_->Drop();
  }
}

absl::Status Orchestrator::SubmitBatch(const std::vector<const Submission*>& lines,
                                       std::vector<absl::StatusOr<std::vector<DecisionRecord>>>* answers) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    DecidedBatch batch;
    absl::Status status = DecideBatch(lines, &batch);
    if (status.ok()) status = AppendBatch(batch);
    if (status.ok()) {
      *answers = std::move(batch.answers);
      return status;
    }
    Forget(status);
    if (!absl::IsAborted(status)) return status;
  }
  return absl::UnavailableError("others keep appending to the log");
}

absl::StatusOr<std::vector<DecisionRecord>> Orchestrator::Submit(const Submission& submission) {
  std::vector<absl::StatusOr<Records>> answers;
  if (absl::Status s = SubmitBatch({&submission}, &answers); !s.ok()) return s;
  return std::move(answers.front());
}

absl::StatusOr<std::vector<DecisionRecord>> Orchestrator::Tick(int64_t now_ns) {
  Submission tick;
  tick.kind = Submission::Kind::kTick;
  tick.at_ns = now_ns;
  return Submit(tick);
}

absl::StatusOr<DecisionRecord> Orchestrator::Erase(std::string_view workflow, const Input& on, std::string_view field,
                                                   std::string_view by, std::optional<int64_t> at_ns) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (!core_->broken.ok()) return core_->broken;
    if (absl::Status s = core_->CatchUp(); !s.ok()) return s;
    absl::StatusOr<WorkflowId> id = FindWorkflow(schema(), workflow);
    if (!id.ok()) return id.status();
    absl::StatusOr<std::string> key = ToKey(schema(), *id, on);
    if (!key.ok()) return key.status();
    absl::StatusOr<store::Event> event = core_->EraseEvent(*id, *key, field, by);
    if (!event.ok()) return event.status();
    if (core_->options.mode == ClockMode::kGiven) event->time_ns = std::max(event->time_ns, at_ns.value_or(event->time_ns));
    Records records;
    core_->told = &records;
    absl::Status status = core_->Stage(*std::move(event));
    core_->told = nullptr;
    if (status.ok()) status = core_->Flush();
    if (absl::IsDataLoss(status)) {
      core_->broken = status;
      return status;
    }
    core_->Drop();  // what was erased is to be forgotten here too
    if (!core_->broken.ok()) return core_->broken;
    if (status.ok()) return records.front();
    if (!absl::IsAborted(status)) return status;
  }
  return absl::UnavailableError("others keep appending to the log");
}

void Orchestrator::Assume(const Assumption& assumption, int64_t now_ns) { core_->folded->Assume(assumption, now_ns); }

absl::StatusOr<store::Event> Orchestrator::EventAt(int64_t position) { return core_->EventAt(position); }
DecisionRecord Orchestrator::RecordOf(const store::Event& event) const { return core_->RecordOf(event); }
const World& Orchestrator::world() const { return core_->folded->world(); }
const Registry& Orchestrator::registry() const { return core_->folded->registry(); }
const Schema& Orchestrator::schema() const { return core_->schema(); }
int64_t Orchestrator::last_position() const { return core_->folded->last_position(); }
int64_t Orchestrator::last_time_ns() const { return core_->folded->last_time_ns(); }
const Escalations& Orchestrator::escalations() const { return core_->folded->escalations(); }

std::optional<int64_t> Orchestrator::NextDue() const {
  const Timer* next = core_->folded->NextTimer();
  if (next == nullptr) return std::nullopt;
  return next->due_ns;
}

std::vector<OpenQuestion> Orchestrator::OpenQuestions() const {
  std::vector<OpenQuestion> open;
  for (const Question* question : escalations().Open()) {
    const Pending* pending = escalations().FindPending(question->pending);
    OpenQuestion shown{question->number, question->role, question->workflow, question->key, TransitionId(), question->until_ns};
    if (pending != nullptr) shown.transition = pending->proposal.transition;
    open.push_back(std::move(shown));
  }
  return open;
}

std::vector<TaskToDo> Orchestrator::OpenTasks() const {
  std::vector<TaskToDo> tasks;
  for (const OpenTask* open : core_->folded->tasks().All()) {
    tasks.push_back({open->key, open->name, open->role, open->workflow, open->on, open->element, open->does_on, open->does,
                     open->until_ns, open->needs, open->is_ready, open->assignee});
  }
  return tasks;
}

absl::StatusOr<WorkflowId> Orchestrator::ResolveWorkflow(std::string_view name) const {
  return FindWorkflow(schema(), name);
}

absl::StatusOr<std::string> Orchestrator::ResolveKey(WorkflowId workflow, const Input& on) const {
  return ToKey(schema(), workflow, on);
}

}  // namespace writ
