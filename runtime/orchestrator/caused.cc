// What a line causes: its own decision, the timers that were due before it, and what the orchestrator does by itself after it.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"
#include "runtime/orchestrator/orchestrator_core.h"

namespace writ {
namespace {

// A policy whose reviews conclude into themselves would never come to rest.
constexpr int kCausedMax = 4096;

const Transition& TransitionOf(const Schema& schema, const Proposal& proposal) {
  return schema.workflows[proposal.workflow.value].transitions[proposal.transition.value];
}

}  // namespace

absl::Status Orchestrator::Core::Process(const Submission& submission, Records* records) {
  absl::StatusOr<Line> line = Validate(submission);
  if (!line.ok()) return line.status();
  if (line->repeats > 0) {
    absl::StatusOr<store::Event> event = EventAt(line->repeats);
    if (!event.ok()) return event.status();
    records->push_back(RecordOf(*event));
    records->back().repeated = true;
    return absl::OkStatus();
  }
  // What it computes may depend on nothing that a timer changes but the time, so that a refusal is known before any fires.
  if (!line->is_tick) {
    if (absl::Status comes_out = Compute(&line->proposal); !comes_out.ok()) return comes_out;
  }
  told = records;
  absl::Status status = FireDue(line->now_ns);
  const int64_t now_ns = line->now_ns;
  if (status.ok() && !line->is_tick) {
    status = ProcessLine(*std::move(line));
    if (status.ok()) status = FireDue(now_ns);  // what it set to a time that is past already
  }
  told = nullptr;
  if (status.code() == absl::StatusCode::kInvalidArgument) {
    status = absl::InternalError(status.message());  // too late for a refusal: timers have fired
  }
  return status;
}

absl::Status Orchestrator::Core::Compute(Proposal* proposal) const {
  if (FillComputed(proposal)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a value that `", TransitionOf(schema(), *proposal).name,
                                                 "` computes is unknown or out of its range"));
}

void Orchestrator::Core::FillAnswer(Line* line) const {
  Proposal& answer = line->proposal;
  const Question* question = folded->escalations().FindQuestion(line->question, line->question_role);
  WRIT_CHECK(question != nullptr);
  switch (question->state) {
    case QuestionState::kOpen: answer.question_state = line->now_ns >= question->until_ns ? 2 : 0; break;
    case QuestionState::kWithdrawn: answer.question_state = 1; break;
    case QuestionState::kExpired: answer.question_state = 2; break;
    case QuestionState::kGranted:
    case QuestionState::kRefused: answer.question_state = 3; break;
  }
  const Pending* pending = folded->escalations().FindPending(question->pending);
  // What is pending no more can be compared with nothing; the answer is late in any case.
  answer.question_self = false;
  answer.question_covered = pending == nullptr && answer.actor.role == line->question_role && answer.actor.holds_role;
  if (pending == nullptr) return;
  const ActorView proposer = folded->ViewOf(pending->proposal.actor.id, pending->proposal.actor.role);
  answer.question_self = !proposer.is_orchestrator && (proposer.id == answer.actor.id ||
                                                       proposer.principal == answer.actor.principal);
  if (pending->proposal.grant.has_value()) {
    const std::vector<std::string> givers =
        grants.Givers(folded->world(), folded->registry(), pending->proposal.grant->key);
    for (const std::string& id : {answer.actor.id, answer.actor.principal}) {
      if (std::binary_search(givers.begin(), givers.end(), id)) answer.question_self = true;
    }
  }
  answer.question_covered =
      answer.actor.role == line->question_role && answer.actor.holds_role && answer.actor.is_active;
  if (!pending->ask.empty()) return;  // nothing is proposed that authority could cover
  Proposal asked = pending->proposal;
  asked.now_ns = line->now_ns;
  answer.question_covered = answer.question_covered && Covers(asked, answer.actor);
}

absl::Status Orchestrator::Core::ProcessLine(Line line) {
  if (line.kind == store::EventKind::kAnswer) FillAnswer(&line);
  const int64_t now_ns = line.now_ns;
  if (absl::Status comes_out = Compute(&line.proposal); !comes_out.ok()) return comes_out;
  store::Event event = EventOf(line.kind, line.proposal, Decide(&line.proposal));
  event.actor_registration = std::move(line.registration);
  event.seen = line.seen;
  event.based_on = std::move(line.based_on);
  event.claimed_time = std::move(line.claimed_time);
  event.recorded = line.recorded;
  event.idempotency_key = std::move(line.idempotency_key);
  event.request_digest = std::move(line.request_digest);
  if (line.kind != store::EventKind::kAnswer) {
    const int64_t position = NextPosition();
    if (absl::Status s = Stage(std::move(event)); !s.ok()) return s;
    return Settle(line.proposal.workflow, line.proposal.key, now_ns, position);
  }
  const Question question = *folded->escalations().FindQuestion(line.question, line.question_role);
  event.question = line.question;
  event.question_role = schema().roles[line.question_role.value].qualified;
  event.cause = line.question;
  event.decision.state = folded->names().StateName(question.workflow, folded->StateOf(question.workflow, question.key));
  const bool refuses = event.decision.outcome == Outcome::kPermit && event.transition == "no";
  const int64_t position = NextPosition();
  if (absl::Status s = Stage(std::move(event)); !s.ok()) return s;
  const Pending* pending = folded->escalations().FindPending(question.pending);
  if (refuses && pending != nullptr) {
    // A no goes to the end of the ladder at once.
    const RanOut end{question.number, question.role, question.rules, question.digests, LadderEnd(schema(), question.ladder)};
    if (absl::Status s = FallBack(*pending, end, now_ns, position); !s.ok()) return s;
  }
  return Settle(question.workflow, question.key, now_ns, position);
}

// ---------------------------------------------------------------- timers

absl::Status Orchestrator::Core::FireDue(int64_t now_ns) {
  for (int fired = 0;; ++fired) {
    const Timer* next = folded->NextTimer();
    if (next == nullptr || next->due_ns > now_ns) return absl::OkStatus();
    const Timer timer = *next;
    const int64_t at_ns = std::max(options.mode == ClockMode::kGiven ? timer.due_ns : now_ns, folded->last_time_ns());
    if (absl::Status s = Fire(timer, at_ns); !s.ok()) return s;
    const Timer* after = folded->NextTimer();
    if (after != nullptr && *after == timer) return absl::InternalError("a timer fired and is still due");
    if (fired > (1 << 20)) return absl::InternalError("timers do not come to an end");
  }
}

absl::Status Orchestrator::Core::Fire(const Timer& timer, int64_t now_ns) {
  if (timer.kind == Timer::Kind::kReview) {
    const Instance* instance = folded->world().Find(timer.workflow, timer.key);
    WRIT_CHECK(instance != nullptr);
    const ReviewId review = Reviews::Waiting(schema(), *instance);
    WRIT_CHECK(review.valid());
    const ClauseId clause = reviews->AtDeadline(*instance, review, folded->registry().Orchestrator(), now_ns);
    const int64_t position = NextPosition();
    if (absl::Status s = Conclude(timer.workflow, timer.key, review, clause, now_ns, timer.position); !s.ok()) return s;
    return Settle(timer.workflow, timer.key, now_ns, position);
  }
  if (timer.kind == Timer::Kind::kTransition) return FireTransition(timer, now_ns);
  if (timer.kind == Timer::Kind::kTask) {
    const OpenTask task = *folded->tasks().Find(timer.key);
    return FallBackOfTask(task, {0, RoleId(), {task.rule}, {}, task.ladder}, now_ns, task.position);
  }
  const Pending* pending = folded->escalations().FindPending(timer.pending);
  WRIT_CHECK(pending != nullptr);
  RanOut ran_out;
  if (timer.kind == Timer::Kind::kQuestion) {
    const Question* question = folded->escalations().FindQuestion(timer.position, timer.role);
    WRIT_CHECK(question != nullptr);
    ran_out = {question->number, question->role, question->rules, question->digests, question->ladder};
  } else {
    for (const Await& await : pending->awaits) {
      if (await.rule != timer.rule || await.by != timer.role) continue;
      ran_out = {pending->position, RoleId(), {await.rule}, {await.digest}, await.ladder};
    }
    WRIT_CHECK(!ran_out.rules.empty());
  }
  const WorkflowId workflow = pending->proposal.workflow;
  const std::string key = pending->proposal.key;
  const int64_t position = NextPosition();
  if (absl::Status s = FallBack(*pending, ran_out, now_ns, timer.position); !s.ok()) return s;
  return Settle(workflow, key, now_ns, position);
}

// What the orchestrator carries out, decided like any other and permitted in the name of `rules`. What it computes may not come
// out: then it is denied, in their name; but the safe way out is never shut, and leaves what was to be computed as it was.
Decided Orchestrator::Core::DecideOwn(Proposal* proposal, const std::vector<std::string>& rules) {
  if (!FillComputed(proposal)) {
    const Transition& transition = TransitionOf(schema(), *proposal);
    const bool is_safe = !transition.stays && schema().workflows[proposal->workflow.value].states[transition.target.value].is_halted;
    if (!is_safe) return Refusal(*proposal, rules);
    const Instance& instance = *folded->world().Find(proposal->workflow, proposal->key);
    for (size_t i = 0; i < transition.sets.size(); ++i) {
      if (transition.sets[i].computed) proposal->sets[i] = instance.fields[transition.sets[i].field.value];
    }
  }
  Decided decided = Decide(proposal);
  if (decided.decision.outcome == Outcome::kPermit) decided.decision.reasons = rules;
  return decided;
}

store::Event Orchestrator::Core::OwnEvent(store::EventKind kind, WorkflowId workflow, const std::string& key,
                                          TransitionId transition, const std::string& rule, int64_t now_ns, int64_t cause) {
  const Instance& instance = *folded->world().Find(workflow, key);
  Proposal proposal = Bare(schema(), workflow, key, instance.key_parts, transition, now_ns);
  proposal.actor = folded->registry().Orchestrator();
  Decided decided = DecideOwn(&proposal, {rule});
  store::Event event = EventOf(kind, proposal, std::move(decided));
  event.cause = cause;
  return event;
}

// A transition whose time has come.
absl::Status Orchestrator::Core::FireTransition(const Timer& timer, int64_t now_ns) {
  const WorkflowId workflow = timer.workflow;
  const std::string key = timer.key;
  store::Event event = OwnEvent(store::EventKind::kTimer, workflow, key, timer.transition, timer.rule, now_ns, timer.position);
  const int64_t position = NextPosition();
  if (absl::Status s = Stage(std::move(event)); !s.ok()) return s;
  return Settle(workflow, key, now_ns, position);
}

// It waits for nobody: what is not permitted now is not carried out.
Decided Orchestrator::Core::DecideFallback(Proposal* proposal, const std::vector<std::string>& rules) {
  Decided decided = DecideOwn(proposal, rules);
  decided.decision.questions.clear();
  decided.decision.awaits.clear();
  if (decided.decision.outcome != Outcome::kPermit) decided.decision.outcome = Outcome::kDeny;
  return decided;
}

// The question of the rung that follows, by the position of the event that asks it.
store::AskedQuestion Orchestrator::Core::NextRung(const Ladder& ladder, WorkflowId on, const RanOut& ran_out,
                                                  int64_t now_ns) const {
  store::AskedQuestion question;
  question.question = NextPosition();
  question.to = schema().roles[ladder.role.value].qualified;
  question.until_ns = Deadline(schema(), ladder.next, now_ns);
  question.otherwise = LadderText(schema(), on, ladder.next);
  question.rules = ran_out.rules;
  question.rule_digests = ran_out.digests;
  question.ladder = ladder.next.value;
  return question;
}

// Where a task is not done in time, or who was asked about it said no: it fails or expires, somebody is asked (next), or the
// orchestrator proposes what is safe on the instance that it belongs to. One event, and what that leads to.
absl::Status Orchestrator::Core::FallBackOfTask(const OpenTask& task, const RanOut& ran_out, int64_t now_ns, int64_t cause) {
  Ladder ladder;
  ladder.otherwise = Ladder::Else::kFail;
  if (ran_out.ladder.valid()) ladder = schema().ladders[ran_out.ladder.value];
  if (ladder.otherwise == Ladder::Else::kAsk) return AskAboutTask(task, ran_out, now_ns, cause);
  const bool is_safe_way_out = ladder.otherwise == Ladder::Else::kTransition;
  const WorkflowId workflow = is_safe_way_out ? task.workflow : folded->names().task();
  const std::string key = is_safe_way_out ? task.on : task.key;
  const char* own = ran_out.ladder.valid() ? "fail" : "expire";
  const TransitionId transition =
      is_safe_way_out ? ladder.transition : Names::TransitionOf(schema().workflows[workflow.value], own);
  const absl::StatusOr<std::vector<Value>> parts = ParseKey(schema(), schema().workflows[workflow.value].key, key);
  if (!parts.ok()) return parts.status();
  Proposal proposal = Bare(schema(), workflow, key, *parts, transition, now_ns);
  proposal.actor = folded->registry().Orchestrator();
  Decided decided = DecideFallback(&proposal, ran_out.rules);
  store::Event event = EventOf(store::EventKind::kFallback, proposal, std::move(decided));
  event.question = ran_out.number;
  if (ran_out.role.valid()) event.question_role = schema().roles[ran_out.role.value].qualified;
  if (ran_out.number == 0) event.on_behalf = task.key;
  event.cause = cause;
  const int64_t position = NextPosition();
  if (absl::Status s = Stage(std::move(event)); !s.ok()) return s;
  return Settle(workflow, key, now_ns, position);
}

absl::Status Orchestrator::Core::AskAboutTask(const OpenTask& task, const RanOut& ran_out, int64_t now_ns, int64_t cause) {
  const Ladder& ladder = schema().ladders[ran_out.ladder.value];
  const WorkflowId workflow = folded->names().task();
  const Instance& instance = *folded->world().Find(workflow, task.key);
  const Proposal looking = LookingAt(instance, folded->registry().Orchestrator(), now_ns);
  Decided decided;
  decided.decision.outcome = Outcome::kEscalate;
  decided.decision.reasons = ran_out.rules;
  decided.decision.state = folded->names().StateName(workflow, instance.state);
  RanOut about = ran_out;
  about.digests.clear();
  for (const std::string& name : ran_out.rules) {
    const RuleId rule = folded->names().Rule(name);
    about.digests.push_back(rule.valid() ? schema().rules[rule.value].digest : std::string());
  }
  decided.decision.questions.push_back(NextRung(ladder, task.workflow, about, now_ns));
  const bool is_first = ran_out.number == 0;
  store::Event event =
      EventOf(is_first ? store::EventKind::kAsk : store::EventKind::kFallback, looking, std::move(decided));
  if (is_first) event.on_behalf = task.rule;
  event.question = ran_out.number;
  if (ran_out.role.valid()) event.question_role = schema().roles[ran_out.role.value].qualified;
  event.cause = cause;
  return Stage(std::move(event));
}

// `else deny` ends the proposal; `else escalate` asks the next role; `else T` is proposed by the orchestrator. One event.
absl::Status Orchestrator::Core::FallBack(const Pending& pending, const RanOut& ran_out, int64_t now_ns, int64_t cause) {
  const Proposal& asked = pending.proposal;
  if (asked.workflow == folded->names().task() && !pending.ask.empty()) {
    const OpenTask* task = folded->tasks().Find(asked.key);
    WRIT_CHECK(task != nullptr);  // when it is closed, what was asked about it is withdrawn
    return FallBackOfTask(OpenTask(*task), ran_out, now_ns, cause);
  }
  Ladder ladder;
  if (ran_out.ladder.valid()) ladder = schema().ladders[ran_out.ladder.value];
  const bool same = ladder.otherwise == Ladder::Else::kDeny || ladder.transition == asked.transition;
  const bool asks_on = ladder.otherwise == Ladder::Else::kAsk;  // of an `ask`, which has no transition
  Proposal proposal = Bare(schema(), asked.workflow, asked.key, asked.key_parts,
                           same || asks_on ? asked.transition : ladder.transition, now_ns);
  if (same && asked.transition.valid() && ladder.otherwise != Ladder::Else::kTransition) {
    proposal.sets = asked.sets;
    proposal.payload = asked.payload;
  }
  proposal.actor = folded->registry().Orchestrator();
  const bool is_safe_way_out = ladder.otherwise == Ladder::Else::kTransition;
  Decided decided = is_safe_way_out ? DecideFallback(&proposal, ran_out.rules) : Refusal(proposal, ran_out.rules);
  if (ladder.otherwise == Ladder::Else::kEscalate || asks_on) {
    decided.decision.outcome = Outcome::kEscalate;
    decided.decision.questions.push_back(NextRung(ladder, asked.workflow, ran_out, now_ns));
  }
  store::Event event = EventOf(store::EventKind::kFallback, proposal, std::move(decided));
  event.on_behalf = asked.actor.is_orchestrator ? "" : asked.actor.id;
  event.question = ran_out.number;
  if (ran_out.role.valid()) event.question_role = schema().roles[ran_out.role.value].qualified;
  event.cause = cause;
  return Stage(std::move(event));
}

// ---------------------------------------------------------------- after a commit

absl::Status Orchestrator::Core::Settle(WorkflowId workflow, const std::string& key, int64_t now_ns, int64_t cause) {
  // The instance itself, and those whose plans have been looked at meanwhile.
  std::set<Plans::Place> places = folded->TakeTouched();
  places.erase({workflow.value, key});
  Plans::Place place(workflow.value, key);
  for (int steps = 0; steps < kCausedMax; ++steps) {
    const int64_t position = NextPosition();
    absl::StatusOr<bool> more = SettleOne(WorkflowId(place.first), place.second, now_ns, cause);
    if (more.ok() && !*more) more = SettlePlan(place, now_ns, cause);
    if (!more.ok()) return more.status();
    places.merge(folded->TakeTouched());
    places.erase(place);
    if (*more) {
      cause = position;
    } else if (places.empty()) {
      return absl::OkStatus();
    } else {
      place = *places.begin();
      places.erase(places.begin());
    }
  }
  return absl::InternalError(absl::StrCat("`", key, "` does not come to rest: each conclusion leads to another"));
}

absl::StatusOr<bool> Orchestrator::Core::SettleOne(WorkflowId workflow, const std::string& key, int64_t now_ns,
                                                   int64_t cause) {
  const Instance* instance = folded->world().Find(workflow, key);
  const ReviewId review = instance == nullptr ? ReviewId() : Reviews::Waiting(schema(), *instance);
  if (review.valid()) {
    std::optional<ClauseId> clause = reviews->Complete(*instance, review, folded->registry().Orchestrator(), now_ns);
    if (clause.has_value()) {
      if (absl::Status s = Conclude(workflow, key, review, *clause, now_ns, cause); !s.ok()) return s;
      return true;
    }
  }
  for (int64_t position : folded->escalations().PendingOn(workflow, key)) {
    const Pending& pending = *folded->escalations().FindPending(position);
    if (!pending.ask.empty() || Unanswered(pending) || StillHeld(pending, now_ns)) continue;
    if (absl::Status s = Redecide(position, now_ns, cause); !s.ok()) return s;
    return true;
  }
  const RuleId asks = folded->AskDue(workflow, key);
  if (!asks.valid()) return false;
  if (absl::Status s = Ask(workflow, key, asks, now_ns, cause); !s.ok()) return s;
  return true;
}

// Whether it still waits for something: what a hold awaits, or the tasks of a plan, which the policy is asked about.
bool Orchestrator::Core::StillHeld(const Pending& pending, int64_t now_ns) {
  std::vector<RuleId> of_plan;
  for (const Await& await : pending.awaits) {
    if (await.happened) continue;
    const RuleId rule = folded->names().Rule(await.rule);
    if (!rule.valid() || schema().rules[rule.value].kind != RuleKind::kPlan) return true;
    of_plan.push_back(rule);
  }
  if (of_plan.empty()) return false;
  Proposal proposal = pending.proposal;
  proposal.actor = folded->ViewOf(proposal.actor.id, proposal.actor.role);
  proposal.now_ns = now_ns;
  if (!FillComputed(&proposal)) return false;
  const FunctionId id = TransitionOf(schema(), proposal).decide;
  const Function& function = schema().functions[id.value];
  FillFrame(folded->world(), function, proposal, &probe, nullptr);
  policy->Decide(id, probe.words(), &raw);
  return std::any_of(raw.applied, raw.applied + raw.applied_count, [&](uint16_t i) {
    return std::find(of_plan.begin(), of_plan.end(), function.restraints[i].rule) != of_plan.end();
  });
}

absl::StatusOr<bool> Orchestrator::Core::SettlePlan(const Plans::Place& place, int64_t now_ns, int64_t cause) {
  if (!folded->plans().any() || !folded->plans().Has(WorkflowId(place.first))) return false;
  if (absl::StatusOr<bool> more = Exhaust(place, now_ns, cause); !more.ok() || *more) return more;
  const std::optional<uint32_t> due = folded->plans().Due(place);
  if (!due.has_value()) return false;
  if (absl::Status s = Finish(place, *due, now_ns, cause); !s.ok()) return s;
  return true;
}

// The end of a plan.
absl::Status Orchestrator::Core::Finish(const Plans::Place& place, uint32_t finally, int64_t now_ns, int64_t cause) {
  const WorkflowId workflow(place.first);
  const Finally& last = schema().workflows[workflow.value].plans.front().finallys[finally];
  const std::string& rule = schema().rules[last.rule.value].qualified;
  store::Event event = OwnEvent(store::EventKind::kPlan, workflow, place.second, last.transition, rule, now_ns, cause);
  event.on_behalf = rule;
  return Stage(std::move(event));
}

// Past what a plan may cost nothing of it is started any more, and what is open of it expires.
absl::StatusOr<bool> Orchestrator::Core::Exhaust(const Plans::Place& place, int64_t now_ns, int64_t cause) {
  const Plan& plan = schema().workflows[place.first].plans.front();
  if (plan.cost == INT64_MAX && plan.tokens == INT64_MAX) return false;
  const std::vector<const OpenTask*> open = folded->tasks().On(WorkflowId(place.first), place.second);
  if (open.empty()) return false;
  const WorkflowId task = folded->names().task();
  const Workflow& declared = schema().workflows[task.value];
  const std::string key = open.front()->key;
  Proposal start = Bare(schema(), task, key, {Value(key)}, Names::TransitionOf(declared, "start"), now_ns);
  start.actor = folded->registry().Orchestrator();
  const Function& function = schema().functions[TransitionOf(schema(), start).decide.value];
  FillFrame(folded->world(), function, start, &probe, nullptr);
  policy->Decide(TransitionOf(schema(), start).decide, probe.words(), &raw);
  const RuleId over = BuiltinRule(Builtin::kOverBudget);
  const bool is_over = std::any_of(raw.applied, raw.applied + raw.applied_count,
                                   [&](uint16_t i) { return function.restraints[i].rule == over; });
  if (!is_over) return false;
  Proposal expire = Bare(schema(), task, key, {Value(key)}, Names::TransitionOf(declared, "expire"), now_ns);
  expire.actor = folded->registry().Orchestrator();
  Decided decided = DecideOwn(&expire, {kBuiltinNames[static_cast<uint32_t>(Builtin::kOverBudget)]});
  const bool permitted = decided.decision.outcome == Outcome::kPermit;
  store::Event event = EventOf(store::EventKind::kFallback, expire, std::move(decided));
  event.on_behalf = key;
  event.cause = cause;
  if (absl::Status s = Stage(std::move(event)); !s.ok()) return s;
  return permitted;
}

// A question without a proposal. It takes a position of its own, which is its number.
absl::Status Orchestrator::Core::Ask(WorkflowId workflow, const std::string& key, RuleId id, int64_t now_ns,
                                     int64_t cause) {
  const Workflow& declared = schema().workflows[workflow.value];
  const Rule& rule = schema().rules[id.value];
  const Instance& instance = *folded->world().Find(workflow, key);
  const Proposal looking = LookingAt(instance, folded->registry().Orchestrator(), now_ns);
  const Function& function = schema().functions[declared.ask.value];
  ReadSet reads;
  FillFrame(folded->world(), function, looking, &frame, &reads);
  std::vector<int64_t> out(std::max<uint32_t>(function.output_words, 1));
  policy->Evaluate(declared.ask, frame.words(), out.data());
  Decided decided;
  decided.decision.outcome = Outcome::kEscalate;
  decided.decision.reasons = {rule.qualified};
  decided.decision.state = folded->names().StateName(workflow, instance.state);
  const auto at = std::find(declared.asks.begin(), declared.asks.end(), id);
  const size_t index = static_cast<size_t>(at - declared.asks.begin());
  if (out[function.outputs[2 * index + 1].offset] != 0) {
    decided.decision.indeterminate.push_back({rule.qualified, rule.file, rule.line, rule.column});
  }
  store::AskedQuestion question;
  question.question = NextPosition();
  question.to = schema().roles[rule.asks.value].qualified;
  question.until_ns = Deadline(schema(), rule.ladder, now_ns);
  question.otherwise = LadderText(schema(), workflow, rule.ladder);
  question.rules = {rule.qualified};
  question.rule_digests = {rule.digest};
  question.ladder = rule.ladder.value;
  decided.decision.questions.push_back(std::move(question));
  KeepFrame(function, reads, &decided);
  store::Event event = EventOf(store::EventKind::kAsk, looking, std::move(decided));
  event.on_behalf = rule.qualified;
  event.cause = cause;
  return Stage(std::move(event));
}

absl::Status Orchestrator::Core::Conclude(WorkflowId workflow, const std::string& key, ReviewId review, ClauseId clause,
                                          int64_t now_ns, int64_t cause) {
  WRIT_CHECK(clause.valid());
  const Clause& concluded = schema().workflows[workflow.value].reviews[review.value].clauses[clause.value];
  const std::string& rule = schema().rules[concluded.rule.value].qualified;
  const Instance& instance = *folded->world().Find(workflow, key);
  Proposal proposal = Bare(schema(), workflow, key, instance.key_parts, concluded.transition, now_ns);
  proposal.actor = folded->registry().Orchestrator();
  proposal.conclude_review = static_cast<int32_t>(review.value);
  proposal.conclude_clause = static_cast<int32_t>(clause.value);
  Decided decided = concluded.transition.valid() ? DecideOwn(&proposal, {rule}) : Refusal(proposal, {rule});
  store::Event event = EventOf(store::EventKind::kConclude, proposal, std::move(decided));
  event.on_behalf = rule;
  event.cause = cause;
  return Stage(std::move(event));
}

// Denied without a decision function.
Decided Orchestrator::Core::Refusal(const Proposal& proposal, const std::vector<std::string>& reasons) const {
  Decided decided;
  decided.decision.outcome = Outcome::kDeny;
  decided.decision.reasons = reasons;
  decided.decision.state = folded->names().StateName(proposal.workflow, folded->StateOf(proposal.workflow, proposal.key));
  return decided;
}

absl::Status Orchestrator::Core::Redecide(int64_t position, int64_t now_ns, int64_t cause) {
  const Pending pending = *folded->escalations().FindPending(position);
  Proposal proposal = pending.proposal;
  const std::string proposer = proposal.actor.id;
  proposal.actor = folded->ViewOf(proposer, proposal.actor.role);
  proposal.now_ns = now_ns;
  proposal.seen = INT64_MAX;
  proposal.duplicate = false;
  proposal.approved.clear();
  for (size_t i = 0; i < schema().rules.size(); ++i) {
    const std::string& digest = schema().rules[i].digest;
    if (std::binary_search(pending.approved.begin(), pending.approved.end(), digest)) {
      proposal.approved.push_back(RuleId(i));
    }
  }
  // While it waited, others have made a circle of what it sets, or what it computes does not come out any more.
  const bool is_stale = folded->world().NotUnder(proposal).has_value() || !FillComputed(&proposal);
  Decided decided = is_stale ? Refusal(proposal, {kBuiltinNames[static_cast<uint32_t>(Builtin::kStale)]}) : Decide(&proposal);
  if (decided.decision.outcome == Outcome::kPermit && proposal.conclude_clause >= 0) {
    const Review& review = schema().workflows[proposal.workflow.value].reviews[static_cast<size_t>(proposal.conclude_review)];
    const Clause& clause = review.clauses[static_cast<size_t>(proposal.conclude_clause)];
    decided.decision.reasons = {schema().rules[clause.rule.value].qualified};
  } else if (decided.decision.outcome == Outcome::kPermit && proposal.actor.is_orchestrator) {
    const RuleId timer = TransitionOf(schema(), proposal).timer;
    if (timer.valid()) decided.decision.reasons = {schema().rules[timer.value].qualified};
    for (const Plan& plan : schema().workflows[proposal.workflow.value].plans) {
      for (const Finally& last : plan.finallys) {
        if (last.transition == proposal.transition) decided.decision.reasons = {schema().rules[last.rule.value].qualified};
      }
    }
  }
  store::Event event = EventOf(store::EventKind::kRedecide, proposal, std::move(decided));
  event.actor = "orchestrator";
  event.on_behalf = proposal.actor.is_orchestrator ? "" : proposer;
  event.question = position;
  event.cause = cause;
  return Stage(std::move(event));
}

absl::Status Orchestrator::Core::Register(const ActorDescription& description, int64_t now_ns) {
  absl::StatusOr<ActorDescription> valid = folded->registry().Validate(description);
  if (!valid.ok()) return valid.status();
  Proposal proposal = folded->registry().Registration(*valid, now_ns);
  Decided decided = Decide(&proposal);
  if (decided.decision.outcome != Outcome::kPermit) {
    return absl::FailedPreconditionError(absl::StrCat("the policy does not let `", valid->id, "` be registered"));
  }
  return Stage(EventOf(store::EventKind::kRegister, proposal, std::move(decided)));
}

}  // namespace writ
