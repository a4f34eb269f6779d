#include "runtime/orchestrator/folded.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/task_grants.h"
#include "runtime/state/own.h"

namespace writ {
namespace {

constexpr std::string_view kOrchestratorId = "orchestrator";
constexpr std::string_view kHostId = "host";

absl::Status Unknown(const store::Event& event, std::string_view what, std::string_view name) {
  return absl::FailedPreconditionError(absl::StrCat("position ", event.position, " of the log names ", Abseil(what), " `",
                                                    Abseil(name), "`, which this policy does not have"));
}

bool IsReviewPending(const std::string& rule) {
  return rule == kBuiltinNames[static_cast<uint32_t>(Builtin::kReviewPending)];
}

}  // namespace

Folded::Folded(const CompiledPolicy* policy)
    : policy_(policy), names_(&policy->schema()), world_(policy), registry_(&policy->schema()), tasks_(&policy->schema()),
      plans_(&policy->schema()),
      transition_timers_(&policy->schema()) {}

const UsedKey* Folded::FindKey(const std::string& actor, const std::string& key) const {
  auto found = keys_.find(std::pair(actor, key));
  return found == keys_.end() ? nullptr : &found->second;
}

const Timer* Folded::NextTimer() const {
  const Timer* asked = escalations_.NextTimer();
  const Timer* review = review_timers_.empty() ? nullptr : &*review_timers_.begin();
  const Timer* first = asked;
  for (const Timer* timer : {review, transition_timers_.Next(), tasks_.NextTimer()}) {
    if (timer != nullptr && (first == nullptr || *timer < *first)) first = timer;
  }
  return first;
}

int64_t Folded::LastChange(WorkflowId workflow, std::string_view key) const {
  const Instance* instance = world_.Find(workflow, key);
  return instance == nullptr ? 0 : instance->last_change;
}

StateId Folded::StateOf(WorkflowId workflow, std::string_view key) const {
  const Instance* instance = world_.Find(workflow, key);
  return instance == nullptr ? kNewState : instance->state;
}

// Mostly nothing is pending at all, and writing an identity costs as much as encoding an event.
const Pending* Folded::FindSame(const Proposal& proposal) const {
  if (escalations_.all().empty()) return nullptr;
  return escalations_.FindSame(Escalations::Identity(schema(), proposal));
}

int64_t Folded::ReviewDue(WorkflowId workflow, std::string_view key) const {
  auto found = review_timer_of_.find(std::pair(workflow.value, std::string(key)));
  return found == review_timer_of_.end() ? INT64_MAX : found->second.due_ns;
}

ActorView Folded::ViewOf(const std::string& id, RoleId role) const {
  if (id == kOrchestratorId) return registry_.Orchestrator();
  if (id == kHostId) return registry_.Host();
  const RegisteredActor* actor = registry_.Find(id);
  if (actor != nullptr) return registry_.View(*actor, role);
  ActorView unknown;  // nobody that could be permitted anything
  unknown.id = unknown.principal = id;
  unknown.role = role;
  unknown.is_active = unknown.holds_role = false;
  return unknown;
}

// Only the review that waits can be concluded; `conflict` bears the same name in all of them.
Folded::ClausePlace Folded::FindClause(WorkflowId workflow, std::string_view key, std::string_view rule) const {
  const Instance* instance = world_.Find(workflow, key);
  const ReviewId waiting = instance == nullptr ? ReviewId() : Reviews::Waiting(schema(), *instance);
  if (!waiting.valid()) return {};
  const std::vector<Clause>& clauses = schema().workflows[workflow.value].reviews[waiting.value].clauses;
  for (size_t c = 0; c < clauses.size(); ++c) {
    if (schema().rules[clauses[c].rule.value].qualified == rule) return {waiting, ClauseId(c)};
  }
  return {};
}

// ---------------------------------------------------------------- one event

absl::Status Folded::Fold(const store::Event& event) {
  if (absl::Status s = Begin(event); !s.ok()) return s;
  wanted_.clear();
  return End(event);
}

absl::Status Folded::Begin(const store::Event& event) {
  last_position_ = event.position;
  last_time_ns_ = event.time_ns;
  task_moves_.clear();
  if (event.kind == store::EventKind::kErase || event.kind == store::EventKind::kPolicy) return absl::OkStatus();
  if (event.kind != store::EventKind::kRegister && !event.actor_registration.empty()) {
    if (absl::Status s = FoldRegistration(event, false); !s.ok()) return s;
  }
  NoteKey(event);
  if (absl::Status s = FoldProposal(event); !s.ok()) return s;
  FoldLapsed(event);
  tasks_.Assign(event.position, event.time_ns, &world_);
  LookAtPlans(event);
  return absl::OkStatus();
}

absl::Status Folded::End(const store::Event& event) {
  if (event.kind == store::EventKind::kErase || event.kind == store::EventKind::kPolicy) return absl::OkStatus();
  if (absl::Status s = tasks_.Open(event, event.policy_digest == policy_->digest(), &world_); !s.ok()) return s;
  for (const store::OpenedTask& task : event.decision.tasks) {
    const std::string stream = task.on.empty() ? store::StreamName(event.workflow, event.instance) : task.on;
    const Plans::Place place = PlaceOfStream(stream);
    if (plans_.any() && plans_.Has(WorkflowId(place.first))) plans_.Opened(place, task);
  }
  FoldGranting(event);
  FoldChangedTasks(event, nullptr);
  asking_.Look(world_, names_.Workflow(event.workflow), event.instance, registry_.Orchestrator(), event.time_ns,
               event.policy_digest == policy_->digest());
  return absl::OkStatus();
}

// What a deadline of a task led to ends it, whatever became of that.
void Folded::FoldLapsed(const store::Event& event) {
  if (event.kind == store::EventKind::kAsk && event.workflow == kTaskWorkflow) tasks_.Lapsed(event.instance);
  if (event.kind != store::EventKind::kFallback) return;
  const RoleId role = names_.Role(event.question_role);
  const Question* question = role.valid() ? escalations_.FindQuestion(event.question, role) : nullptr;
  std::string task;
  if (event.question == 0) task = event.on_behalf;
  if (question != nullptr && question->workflow == names_.task()) task = question->key;
  tasks_.Lapsed(task);
  if (event.workflow != kTaskWorkflow) tasks_.Fail(task, event.position, event.time_ns, &world_);
}

// What was asked about a task is withdrawn when it is closed. `of`: the instances that these tasks belong to, or null.
void Folded::FoldChangedTasks(const store::Event& event, std::set<Plans::Place>* of) {
  for (TaskMove& move : tasks_.TakeMoves()) {
    const std::string key = move.key;
    task_moves_.push_back(std::move(move));
    escalations_.Withdraw(names_.task(), key, LastChange(names_.task(), key), AskedIn(names_.task(), key));
    if (tasks_.Find(key) == nullptr) RevokeOf(key, event);
    if (of != nullptr) of->insert(PlaceOfStream(tasks_.StreamOf(key, world_)));
  }
}

void Folded::FoldGranting(const store::Event& event) {
  for (const Proposal& give : GivenWith(world_, names_, event, ViewOf(event.actor, names_.Role(event.role)))) {
    world_.Apply(give, event.position, false);
    transition_timers_.Update(*world_.Find(give.workflow, give.key));
  }
}

void Folded::RevokeOf(const std::string& task, const store::Event& event) {
  const std::optional<Proposal> revoke = RevokedWith(world_, names_, task, registry_.Orchestrator(), event.time_ns);
  if (!revoke.has_value()) return;
  world_.Apply(*revoke, event.position, false);
  transition_timers_.Update(*world_.Find(revoke->workflow, revoke->key));
}

void Folded::LookAtPlans(const store::Event& event) {
  std::set<Plans::Place> places;
  FoldChangedTasks(event, plans_.any() ? &places : nullptr);
  if (!plans_.any()) return;
  const Plans::Place own(names_.Workflow(event.workflow).value, event.instance);
  if (event.kind == store::EventKind::kPlan && plans_.Has(WorkflowId(own.first))) {
    plans_.Proposed(own, Names::TransitionOf(schema().workflows[own.first], event.transition));
  }
  if (WorkflowId(own.first) == names_.task()) places.insert(PlaceOfStream(tasks_.StreamOf(event.instance, world_)));
  places.insert(own);
  for (const Plans::Place& place : places) {
    if (!WorkflowId(place.first).valid() || !plans_.Has(WorkflowId(place.first))) continue;
    plans_.Look(world_, place, event, registry_.Orchestrator(), event.policy_digest == policy_->digest(), &wanted_);
  }
}

Plans::Place Folded::PlaceOfStream(std::string_view stream) const {
  const size_t slash = stream.find('/');
  if (slash == std::string_view::npos) return {UINT32_MAX, std::string()};
  return {names_.Workflow(stream.substr(0, slash)).value, std::string(stream.substr(slash + 1))};
}

// What an `ask` asks is withdrawn when the instance leaves this state. A task may be started meanwhile.
StateId Folded::AskedIn(WorkflowId workflow, std::string_view key) const {
  const StateId state = StateOf(workflow, key);
  if (workflow != names_.task() || tasks_.Find(key) == nullptr) return state;
  return StateId(0u);
}

RuleId Folded::AskDue(WorkflowId workflow, const std::string& key) const {
  return asking_.Due(world_, workflow, key);
}

void Folded::Assume(const Assumption& assumption, int64_t now_ns) {
  const int64_t position = std::max<int64_t>(last_position_, 1);  // a round that began at 0 is none
  world_.Assume(assumption, position, now_ns);
  escalations_.Withdraw(assumption.workflow, assumption.key, position, kNewState);
  TimeReview(assumption.workflow, assumption.key);
  transition_timers_.Update(*world_.Find(assumption.workflow, assumption.key));
}

void Folded::NoteKey(const store::Event& event) {
  if (event.idempotency_key.empty()) return;
  UsedKey& used = keys_[std::pair(event.actor, event.idempotency_key)];
  used.position = event.position;
  used.request_digest = event.request_digest;
  used.erased = event.request_digest_erased;
}

void Folded::RefreshActor(const std::string& id) {
  registry_.Refresh(*world_.Find(registry_.workflow(), id));
  if (const RegisteredActor* actor = registry_.Find(id); actor != nullptr) tasks_.Look(*actor);
}

absl::Status Folded::FoldRegistration(const store::Event& event, bool roles_only) {
  absl::StatusOr<ActorDescription> description = DecodeRegistration(event.actor_registration);
  if (!description.ok()) return description.status();
  const bool is_new = registry_.Find(description->id) == nullptr;
  if (!roles_only) world_.Apply(registry_.Registration(*description, event.time_ns), event.position, false);
  if (!is_new) world_.Apply(registry_.Roles(*description, event.time_ns), event.position, false);
  RefreshActor(description->id);
  escalations_.Withdraw(registry_.workflow(), description->id, LastChange(registry_.workflow(), description->id),
                        StateOf(registry_.workflow(), description->id));
  return absl::OkStatus();
}

absl::Status Folded::ReadProposal(const store::Event& event, Proposal* proposal) const {
  proposal->workflow = names_.Workflow(event.workflow);
  if (!proposal->workflow.valid()) return Unknown(event, "a workflow", event.workflow);
  const Workflow& workflow = schema().workflows[proposal->workflow.value];
  proposal->key = event.instance;
  absl::StatusOr<std::vector<Value>> parts = ParseKey(schema(), workflow.key, event.instance);
  if (!parts.ok()) return Unknown(event, "an instance", event.instance);
  proposal->key_parts = *std::move(parts);
  proposal->now_ns = event.time_ns;
  const RoleId role = names_.Role(event.role);
  if (!role.valid() && !event.role.empty() && event.role != kOrchestratorId) return Unknown(event, "a role", event.role);
  const bool on_behalf = event.kind == store::EventKind::kRedecide && !event.on_behalf.empty();
  proposal->actor = ViewOf(on_behalf ? event.on_behalf : event.actor, role);
  if (!event.grant.empty()) proposal->grant.emplace().key = event.grant;  // what it gave then is no matter now
  if (event.transition.empty()) return absl::OkStatus();
  proposal->transition = Names::TransitionOf(workflow, event.transition);
  if (!proposal->transition.valid()) return Unknown(event, "a transition", event.transition);
  if (absl::Status s = names_.ReadSets(event.sets, proposal); !s.ok()) return s;
  return names_.ReadPayload(event.payload, proposal);
}

absl::Status Folded::FoldProposal(const store::Event& event) {
  Proposal proposal;
  if (absl::Status s = ReadProposal(event, &proposal); !s.ok()) return s;
  if (event.kind == store::EventKind::kAnswer) return FoldAnswer(event, proposal);
  if (event.kind == store::EventKind::kAsk) return FoldAsk(event, proposal);
  if (event.kind == store::EventKind::kFallback && !proposal.transition.valid()) return FoldAskedRung(event, proposal);
  if (event.kind == store::EventKind::kConclude) {
    const ClausePlace place = FindClause(proposal.workflow, proposal.key, event.on_behalf);
    if (!place.clause.valid()) return Unknown(event, "a review's clause", event.on_behalf);
    proposal.conclude_review = static_cast<int32_t>(place.review.value);
    proposal.conclude_clause = static_cast<int32_t>(place.clause.value);
    world_.ConcludeReview(proposal.workflow, proposal.key, place.review, place.clause);
    escalations_.ReviewDecided(proposal.workflow, proposal.key);
    TimeReview(proposal.workflow, proposal.key);
  }
  return proposal.transition.valid() ? FoldDecided(event, proposal) : absl::OkStatus();
}

absl::Status Folded::FoldDecided(const store::Event& event, const Proposal& proposal) {
  if (event.kind != store::EventKind::kTimer) return FoldOutcome(event, proposal);
  // What fires is known by the time that it was due, which the event itself may change.
  const Instance* instance = world_.Find(proposal.workflow, proposal.key);
  const Transition& transition = schema().workflows[proposal.workflow.value].transitions[proposal.transition.value];
  if (instance == nullptr || !transition.at.valid()) return Unknown(event, "a timer", event.transition);
  Timer fired;
  fired.transition = proposal.transition;
  const Value& due = instance->fields[transition.at.value];
  fired.due_ns = due.is_integer() ? due.integer() : event.time_ns;
  absl::Status status = FoldOutcome(event, proposal);
  if (status.ok()) transition_timers_.Tried(*world_.Find(proposal.workflow, proposal.key), fired);
  return status;
}

absl::Status Folded::FoldOutcome(const store::Event& event, const Proposal& proposal) {
  switch (event.decision.outcome) {
    case Outcome::kPermit:
      FoldPermitted(event, proposal);
      if (event.kind == store::EventKind::kRegister && !event.actor_registration.empty()) return FoldRegistration(event, true);
      return absl::OkStatus();
    case Outcome::kDeny:
      FoldDenied(event, proposal);
      return absl::OkStatus();
    case Outcome::kHold:
    case Outcome::kEscalate:
      return FoldWaiting(event, proposal);
  }
  return absl::OkStatus();
}

void Folded::FoldPermitted(const store::Event& event, const Proposal& proposal) {
  world_.Apply(proposal, event.position, false);
  tasks_.Committed(proposal, event.position, &world_);
  if (proposal.workflow == registry_.workflow()) RefreshActor(proposal.key);
  if (event.kind == store::EventKind::kFallback) CloseTimedOut(event);
  const Pending* same = FindSame(proposal);
  if (same != nullptr) escalations_.Close(same->position, QuestionState::kWithdrawn);
  escalations_.Happened(proposal.workflow, proposal.key, proposal.transition, proposal.actor.role);
  escalations_.Withdraw(proposal.workflow, proposal.key, LastChange(proposal.workflow, proposal.key),
                        AskedIn(proposal.workflow, proposal.key));
  TimeReview(proposal.workflow, proposal.key);
  transition_timers_.Update(*world_.Find(proposal.workflow, proposal.key));
}

void Folded::FoldDenied(const store::Event& event, const Proposal& proposal) {
  world_.Apply(proposal, event.position, true);
  if (event.kind == store::EventKind::kFallback) CloseTimedOut(event);
  if (event.kind == store::EventKind::kRedecide) escalations_.Close(event.question, QuestionState::kWithdrawn);
}

// A fallback ends the pending proposal that it belongs to, whatever became of the fallback itself.
void Folded::CloseTimedOut(const store::Event& event) {
  const RoleId role = names_.Role(event.question_role);
  if (!role.valid()) return escalations_.Close(event.question, QuestionState::kWithdrawn);
  const Question* question = escalations_.FindQuestion(event.question, role);
  if (question == nullptr) return;
  escalations_.Mark(event.question, role, QuestionState::kExpired);
  escalations_.Close(question->pending, QuestionState::kWithdrawn);
}

absl::Status Folded::FoldAnswer(const store::Event& event, const Proposal& proposal) {
  const bool permitted = event.decision.outcome == Outcome::kPermit;
  world_.Apply(proposal, event.position, !permitted);
  const RoleId role = names_.Role(event.question_role);
  if (!role.valid()) return Unknown(event, "a role", event.question_role);
  if (!permitted) return absl::OkStatus();
  const bool yes = event.transition == "yes";
  escalations_.Answer(event.question, role, yes);
  const Question* question = escalations_.FindQuestion(event.question, role);
  const Pending* pending = question == nullptr ? nullptr : escalations_.FindPending(question->pending);
  // What was asked without a proposal is settled by a yes: there is nothing to decide again.
  if (yes && pending != nullptr && !pending->ask.empty()) escalations_.Close(pending->position, QuestionState::kGranted);
  return absl::OkStatus();
}

// ---------------------------------------------------------------- what waits

LadderId Folded::ReadLadder(const store::Event& event, uint32_t kept, const std::string& rule, RoleId role) const {
  if (event.policy_digest != policy_->digest()) return LadderOf(schema(), rule, role);
  return kept < schema().ladders.size() ? LadderId(kept) : LadderId();
}

absl::StatusOr<Pending> Folded::ReadPending(const store::Event& event, const Proposal& proposal) const {
  Pending pending;
  pending.position = event.position;
  pending.last_change = LastChange(proposal.workflow, proposal.key);
  pending.proposal = proposal;
  for (const store::AskedQuestion& asked : event.decision.questions) {
    Question question;
    question.number = asked.question;
    question.role = names_.Role(asked.to);
    if (!question.role.valid()) return Unknown(event, "a role", asked.to);
    question.until_ns = asked.until_ns;
    question.rules = asked.rules;
    question.digests = asked.rule_digests;
    question.ladder = ReadLadder(event, asked.ladder, asked.rules.empty() ? "" : asked.rules.front(), question.role);
    question.workflow = proposal.workflow;
    question.key = proposal.key;
    pending.questions.push_back(std::move(question));
  }
  const Workflow& workflow = schema().workflows[proposal.workflow.value];
  for (const store::Awaited& awaited : event.decision.awaits) {
    Await await;
    await.asked = event.position;
    await.rule = awaited.rule;
    await.transition = Names::TransitionOf(workflow, awaited.transition);
    await.by = names_.Role(awaited.by);
    await.until_ns = awaited.until_ns;
    await.of_review = IsReviewPending(awaited.rule);
    const RuleId held_by = names_.Rule(awaited.rule);
    // What holds until a task is done is looked at when that has changed.
    if (held_by.valid() && schema().rules[held_by.value].kind == RuleKind::kPlan) await.transition = TransitionId();
    await.ladder = ReadLadder(event, awaited.ladder, awaited.rule, RoleId());
    const RuleId rule = names_.Rule(awaited.rule);
    if (rule.valid()) await.digest = schema().rules[rule.value].digest;
    pending.awaits.push_back(std::move(await));
  }
  return pending;
}

absl::Status Folded::FoldWaiting(const store::Event& event, const Proposal& proposal) {
  absl::StatusOr<Pending> pending = ReadPending(event, proposal);
  if (!pending.ok()) return pending.status();
  OpenQuestionInstances(event, proposal);
  if (event.kind == store::EventKind::kFallback) {
    FoldNextRung(event, *std::move(pending));
    return absl::OkStatus();
  }
  const std::string identity = Escalations::Identity(schema(), proposal);
  escalations_.Ask(schema(), *std::move(pending), event.kind == store::EventKind::kRedecide);
  // What neither asks nor awaits anything would wait for ever.
  const Pending* same = escalations_.FindSame(identity);
  if (same != nullptr && !Awaited(*same) && !Unanswered(*same)) {
    escalations_.Close(same->position, QuestionState::kWithdrawn);
  }
  return absl::OkStatus();
}

void Folded::FoldNextRung(const store::Event& event, Pending asked) {
  const RoleId expired = names_.Role(event.question_role);
  const Question* question = expired.valid() ? escalations_.FindQuestion(event.question, expired) : nullptr;
  const int64_t position = question != nullptr ? question->pending : event.question;
  const Pending* pending = escalations_.FindPending(position);
  if (pending == nullptr || asked.questions.empty()) return CloseTimedOut(event);
  if (pending->proposal.transition != asked.proposal.transition) {
    // The rung asks for another transition: that is a proposal of the orchestrator's own.
    CloseTimedOut(event);
    escalations_.Ask(schema(), std::move(asked), false);
  } else if (question != nullptr) {
    escalations_.AskNext(position, expired, std::move(asked.questions.front()));
  } else {
    const std::vector<std::string> rules = asked.questions.front().rules;
    escalations_.AskAfterHold(position, rules.empty() ? "" : rules.front(), std::move(asked.questions.front()));
  }
}

absl::Status Folded::FoldAsk(const store::Event& event, const Proposal& proposal) {
  absl::StatusOr<Pending> pending = ReadPending(event, proposal);
  if (!pending.ok()) return pending.status();
  OpenQuestionInstances(event, proposal);
  pending->ask = event.on_behalf;
  pending->state = AskedIn(proposal.workflow, proposal.key);
  escalations_.Ask(schema(), *std::move(pending), false);
  asking_.Asked(world_, proposal.workflow, proposal.key, names_.Rule(event.on_behalf));
  return absl::OkStatus();
}

// The next role is asked, or there is nobody left to ask and nothing to do.
absl::Status Folded::FoldAskedRung(const store::Event& event, const Proposal& proposal) {
  const RoleId expired = names_.Role(event.question_role);
  const Question* question = expired.valid() ? escalations_.FindQuestion(event.question, expired) : nullptr;
  absl::StatusOr<Pending> next = ReadPending(event, proposal);
  if (!next.ok()) return next.status();
  const bool goes_on = question != nullptr && !next->questions.empty() && question->state == QuestionState::kOpen &&
                       escalations_.FindPending(question->pending) != nullptr;
  if (!goes_on) return CloseTimedOut(event), absl::OkStatus();
  OpenQuestionInstances(event, proposal);
  escalations_.AskNext(question->pending, expired, std::move(next->questions.front()));
  return absl::OkStatus();
}

void Folded::OpenQuestionInstances(const store::Event& event, const Proposal& asker) {
  if (!names_.question().valid()) return;
  const Workflow& workflow = schema().workflows[names_.question().value];
  for (const store::AskedQuestion& asked : event.decision.questions) {
    if (asked.joined) continue;
    Proposal ask;
    ask.workflow = names_.question();
    ask.transition = Names::TransitionOf(workflow, "ask");
    WRIT_CHECK(ask.transition.valid());
    ask.key = names_.QuestionKey(asked.question, names_.Role(asked.to));
    ask.key_parts = {Value(ask.key)};
    ask.sets.assign(workflow.transitions[ask.transition.value].sets.size(), Value());
    if (!ask.sets.empty()) ask.sets.front() = Value(asked.to);
    ask.payload.resize(workflow.transitions[ask.transition.value].payload.size());
    ask.actor = registry_.Orchestrator();
    ask.now_ns = asker.now_ns;
    world_.Apply(ask, event.position, false);
  }
}

void Folded::TimeReview(WorkflowId workflow, std::string_view key) {
  const std::vector<Review>& reviews = schema().workflows[workflow.value].reviews;
  if (reviews.empty()) return;
  const std::pair<uint32_t, std::string> place(workflow.value, std::string(key));
  auto running = review_timer_of_.find(place);
  if (running != review_timer_of_.end()) {
    review_timers_.erase(running->second);
    review_timer_of_.erase(running);
  }
  const Instance* instance = world_.Find(workflow, key);
  const ReviewId waiting = instance == nullptr ? ReviewId() : Reviews::Waiting(schema(), *instance);
  if (!waiting.valid()) return;
  const Review& review = reviews[waiting.value];
  const ReviewState& state = instance->reviews[waiting.value];
  Timer timer;
  timer.due_ns = Deadline(schema(), review.ladder, state.began_ns);
  if (timer.due_ns == INT64_MAX) return;
  timer.position = state.began_position;
  const ClauseId otherwise = ElseClause(review);
  if (otherwise.valid()) timer.rule = schema().rules[review.clauses[otherwise.value].rule.value].qualified;
  timer.kind = Timer::Kind::kReview;
  timer.workflow = workflow;
  timer.key = place.second;
  review_timers_.insert(timer);
  review_timer_of_[place] = std::move(timer);
}

}  // namespace writ
