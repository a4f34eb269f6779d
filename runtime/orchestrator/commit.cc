// Events: prepared for the log, folded, appended in one batch, told.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"
#include "runtime/orchestrator/consequences.h"
#include "runtime/orchestrator/orchestrator_core.h"
#include "runtime/store/order.h"

namespace writ {
namespace {

// Stops a Load after what was wanted.
absl::Status Enough() { return absl::CancelledError("enough"); }

}  // namespace

Orchestrator::Core::Core(const CompiledPolicy* the_policy, store::Store* the_store, OrchestratorOptions the_options)
    : policy(the_policy), store(the_store), options(std::move(the_options)),
      grants(&the_policy->schema()), folded(std::make_unique<Folded>(the_policy)), reviews(std::make_unique<Reviews>(&folded->world())),
      chain(std::make_unique<store::Chain>()) {
  if (options.random == nullptr) options.random = &system_random;
}

absl::Status Orchestrator::Core::Load() {
  folded = std::make_unique<Folded>(policy);
  reviews = std::make_unique<Reviews>(&folded->world());
  chain = std::make_unique<store::Chain>();
  staged.clear();
  keyed.clear();
  appended_position = 0;
  log_policy.clear();
  return CatchUp();
}

absl::Status Orchestrator::Core::CatchUp() {
  WRIT_CHECK(staged.empty());
  const int64_t appended = appended_position.load(std::memory_order_acquire);
  while (!keyed.empty() && keyed.front().position <= appended) keyed.pop_front();
  // While some of our own is on its way to the log, nothing of others can come before it: the append would fail.
  if (appended < chain->last_position()) return absl::OkStatus();
  std::lock_guard lock(store_mutex);
  absl::StatusOr<int64_t> last = store->LastPosition();
  if (!last.ok()) return last.status();
  if (*last == chain->last_position()) return absl::OkStatus();
  absl::Status loaded = store->Load(chain->last_position() + 1, [&](const store::StoredEvent& stored) {
    if (absl::Status s = chain->Follow(stored); !s.ok()) return s;
    absl::StatusOr<store::Event> event = store::DecodeStored(stored);
    if (!event.ok()) return event.status();
    log_policy = event->policy_digest;
    return folded->Fold(*event);
  });
  appended_position.store(chain->last_position(), std::memory_order_release);
  return loaded;
}

// The log says which policy decided what, and the store keeps each policy.
absl::Status Orchestrator::Core::PutPolicyInForce() {
  if (absl::Status s = store->PutPolicy(policy->digest(), policy->ir()); !s.ok()) return s;
  if (log_policy.empty() || log_policy == policy->digest()) return absl::OkStatus();
  store::Event event;
  event.kind = store::EventKind::kPolicy;
  event.time_ns = folded->last_time_ns();
  event.workflow = "writ.Policy";
  event.instance = "policy";
  event.actor = "host";
  event.policy_digest = policy->digest();
  return Stage(std::move(event));
}

// What plans want after an event is opened by it, and to whom that goes is known when all else of it is folded.
absl::Status Orchestrator::Core::Stage(store::Event event) {
  const bool opens = folded->plans().any() || !event.decision.tasks.empty();
  if (opens) {
    event.position = NextPosition();
    store::PutInOrder(&event);
    if (absl::Status s = folded->Begin(event); !s.ok()) return s;
    for (store::OpenedTask& task : folded->TakeWanted()) event.decision.tasks.push_back(std::move(task));
    std::sort(event.decision.tasks.begin(), event.decision.tasks.end());
    folded->Foretell(&event.decision.tasks);
  }
  absl::StatusOr<store::PreparedEvent> prepared = chain->Prepare(&event, options.random);
  if (!prepared.ok()) return prepared.status();
  staged.push_back(*std::move(prepared));
  if (absl::Status s = opens ? folded->End(event) : folded->Fold(event); !s.ok()) return s;
  if (told != nullptr) told->push_back(RecordOf(event));
  if (!event.idempotency_key.empty()) keyed.push_back(std::move(event));
  return absl::OkStatus();
}

std::vector<store::PreparedEvent> Orchestrator::Core::TakeStaged() {
  chain->Commit();  // it never goes back: when an append fails, the chain too is made anew from the log
  return std::exchange(staged, {});
}

absl::Status Orchestrator::Core::Append(std::span<const store::PreparedEvent> events, int64_t expected_last_position) {
  if (events.empty()) return absl::OkStatus();
  std::lock_guard lock(store_mutex);
  if (absl::Status s = store->AppendBatch(events, expected_last_position); !s.ok()) return s;
  appended_position.store(expected_last_position + static_cast<int64_t>(events.size()), std::memory_order_release);
  return absl::OkStatus();
}

absl::Status Orchestrator::Core::Flush() {
  const int64_t expected = chain->last_position() - static_cast<int64_t>(staged.size());
  return Append(TakeStaged(), expected);
}

void Orchestrator::Core::Drop() {
  absl::Status loaded = Load();
  if (!loaded.ok()) broken = loaded;
}

DecisionRecord Orchestrator::Core::RecordOf(const store::Event& event) const {
  const Names& names = folded->names();
  auto shown = [&](const std::string& qualified) {
    const RoleId role = names.Role(qualified);
    return role.valid() ? names.RoleShown(role) : qualified;
  };
  DecisionRecord record;
  record.position = event.position;
  record.kind = event.kind;
  record.workflow = event.workflow;
  record.on = event.instance;
  record.proposal = event.transition;
  record.by = event.kind == store::EventKind::kRedecide && !event.on_behalf.empty() ? event.on_behalf : event.actor;
  record.as = event.role.empty() && event.actor == "host" ? "host" : shown(event.role);
  record.outcome = event.decision.outcome;
  record.state = event.decision.state;
  record.reasons = event.decision.reasons;
  record.excused = event.decision.excused;
  record.questions = event.decision.questions;
  record.awaits = event.decision.awaits;
  record.obligations = event.decision.obligations;
  for (store::Obligation& obligation : record.obligations) obligation.type = ObligationShown(schema(), obligation.type);
  record.indeterminate = event.decision.indeterminate;
  record.tasks = event.decision.tasks;
  for (store::OpenedTask& task : record.tasks) task.role = shown(task.role);
  record.under = event.grant;
  record.policy = event.policy_digest;
  record.at_ns = event.time_ns;
  record.cause = event.cause;
  for (store::AskedQuestion& question : record.questions) question.to = shown(question.to);
  for (store::Awaited& awaited : record.awaits) awaited.by = shown(awaited.by);
  if (event.kind == store::EventKind::kConclude && event.transition.empty()) record.proposal = "conclude";
  // Nothing is proposed: the rule that asks stands for it.
  if (event.kind == store::EventKind::kAsk) record.proposal = event.on_behalf;
  if (event.kind == store::EventKind::kFallback && event.transition.empty() && !event.decision.reasons.empty()) {
    record.proposal = event.decision.reasons.front();
  }
  if (event.kind == store::EventKind::kErase) record.proposal = "erase";
  if (event.kind == store::EventKind::kPolicy) record.proposal = "policy";
  if (event.kind != store::EventKind::kAnswer) return record;
  record.question = event.question;
  const Question* question = folded->escalations().FindQuestion(event.question, names.Role(event.question_role));
  if (question == nullptr) return record;
  record.workflow = schema().workflows[question->workflow.value].qualified;
  record.on = question->key;
  return record;
}

absl::StatusOr<store::Event> Orchestrator::Core::EventAt(int64_t position) {
  for (const store::Event& event : keyed) {
    if (event.position == position) return event;
  }
  if (position < 1 || position > chain->last_position()) {
    return absl::NotFoundError(absl::StrCat("there is no position ", position));
  }
  absl::StatusOr<store::Event> found = absl::NotFoundError(absl::StrCat("there is no position ", position));
  std::lock_guard lock(store_mutex);
  absl::Status status = store->Load(position, [&](const store::StoredEvent& stored) {
    if (stored.position == position) {
      found = store::DecodeStored(stored);
    }
    return Enough();
  });
  if (!status.ok() && !absl::IsCancelled(status)) return status;
  return found;
}

// Which values go: those of the fields, in the instance's own events; and every text that some decision's frame kept apart
// and could have read from that instance.
absl::StatusOr<store::Event> Orchestrator::Core::EraseEvent(WorkflowId workflow, const std::string& key,
                                                            std::string_view field, std::string_view by) {
  const Workflow& declared = schema().workflows[workflow.value];
  std::vector<std::string> names;
  auto collect = [&](const std::vector<Field>& fields) {
    for (const Field& f : fields) {
      const bool is_private = std::find(f.labels.begin(), f.labels.end(), "pii") != f.labels.end();
      const bool is_labelled = std::find(f.labels.begin(), f.labels.end(), field) != f.labels.end();
      if (is_private && (f.name == field || is_labelled)) names.push_back(f.name);
    }
  };
  collect(declared.fields);
  for (const Transition& transition : declared.transitions) collect(transition.payload);
  if (names.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("`", declared.name, "` has no field `", Abseil(field),
                                                   "` that can be erased, nor one with that label"));
  }
  const std::string stream = store::StreamName(declared.qualified, key);
  store::Event erase;
  absl::Status status = store->Load(1, [&](const store::StoredEvent& stored) {
    absl::StatusOr<store::Event> event = store::DecodeStored(stored);
    if (!event.ok()) return event.status();
    const bool own = event->workflow == declared.qualified && event->instance == key;
    const bool reads = own || std::any_of(event->read_set.begin(), event->read_set.end(),
                                          [&](const store::ReadVersion& read) { return read.stream == stream; });
    if (!reads) return absl::OkStatus();
    store::Erased erased;
    erased.position = event->position;
    uint32_t index = 0;
    bool named = false;
    for (const std::vector<store::NamedValue>* values : {&event->sets, &event->payload}) {
      for (const store::NamedValue& value : *values) {
        if (!value.erasable) continue;
        const bool goes = own && std::find(names.begin(), names.end(), value.name) != names.end();
        if (goes && !value.erased) erased.indices.push_back(index);
        named = named || goes;
        ++index;
      }
    }
    for (const store::ErasableBytes& value : event->frame_private) {
      if (!value.erased) erased.indices.push_back(index);
      ++index;
    }
    if (named && index < store::ErasableCount(*event) && !event->request_digest_erased) erased.indices.push_back(index);
    if (!erased.indices.empty()) erase.erased.push_back(std::move(erased));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  if (erase.erased.empty()) return absl::InvalidArgumentError("there is nothing left to erase");
  erase.kind = store::EventKind::kErase;
  erase.time_ns = folded->last_time_ns();
  if (options.mode == ClockMode::kLive) erase.time_ns = std::max(erase.time_ns, options.clock->NowNs());
  erase.workflow = declared.qualified;
  erase.instance = key;
  erase.actor = std::string(by);
  erase.policy_digest = policy->digest();
  erase.decision.state = folded->names().StateName(workflow, folded->StateOf(workflow, key));
  return erase;
}

}  // namespace writ
