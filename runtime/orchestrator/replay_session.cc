#include "runtime/orchestrator/replay_session.h"

#include <algorithm>
#include <utility>

#include "runtime/orchestrator/consequences.h"
#include "runtime/orchestrator/decision_names.h"
#include "runtime/orchestrator/task_grants.h"
#include "runtime/registry/registry.h"
#include "runtime/state/own.h"

namespace writ {
ReplaySession::ReplaySession(const CompiledPolicy* policy)
    : policy_(policy), names_(&policy->schema()), world_(policy), registry_(&policy->schema()), reviews_(&world_),
      grants_(&policy->schema()), orchestrator_(OrchestratorView()), tasks_(&policy->schema()), plans_(&policy->schema()),
      transition_timers_(&policy->schema()) {}

const RawDecision& ReplaySession::Decide(Proposal* proposal, bool happened) {
  would_have_.clear();
  Lapse(proposal->now_ns);
  const Schema& schema = world_.schema();
  const Workflow& workflow = schema.workflows[proposal->workflow.value];
  const Transition& transition = workflow.transitions[proposal->transition.value];
  MeetGrants(proposal);
  EvaluateComputed(world_, proposal, &frame_, &out_);  // following a record, a value out of range is taken as it is
  function_ = &schema.functions[transition.decide.value];
  FillFrame(world_, *function_, *proposal, &frame_, nullptr);
  policy_->Decide(transition.decide, frame_.words(), &decision_);
  told_ = store::Decision();
  if (!transition.consequences.empty()) {
    AddObligations(world_, *proposal, *function_, decision_, &frame_, &out_, nullptr, &told_);
    AddTasks(schema, *proposal, *function_, decision_, position_ + 1, &told_);
  }
  ++position_;
  if (decision_.outcome == Outcome::kEscalate || decision_.outcome == Outcome::kHold) NoteAsked(*proposal);
  // A refused proposal that was only to wait was not denied.
  if (happened || decision_.outcome == Outcome::kDeny) world_.Apply(*proposal, position_, !happened);
  const Instance* instance = world_.Find(proposal->workflow, proposal->key);
  state_after_ = instance == nullptr ? kNewState : instance->state;
  last_ = *proposal;
  if (happened) Applied(*proposal);
  tasks_.Assign(position_, proposal->now_ns, &world_);
  OpenTasks(*proposal, happened);
  LookForAsks(*proposal);
  return decision_;
}

// A record that tells what it opened has ids of its own for it. From one that does not, the world is to become what it would
// have been here.
void ReplaySession::OpenTasks(const Proposal& event, bool happened) {
  store::Event opening;
  opening.position = position_;
  opening.time_ns = event.now_ns;
  opening.workflow = world_.schema().workflows[event.workflow.value].qualified;
  opening.instance = event.key;
  opening.actor = event.actor.id;
  opening.decision.tasks = told_.tasks;
  if (opens_.has_value()) {
    opening.decision.tasks = *std::exchange(opens_, std::nullopt);
  } else {
    RevokeGrants(event.now_ns);  // of what was assigned, too, the plan is looked at
    Plan(event, happened, &opening);
    tasks_.Foretell(world_, &opening.decision.tasks);
    told_.tasks = opening.decision.tasks;
  }
  // What this policy has no names for is no task of its.
  std::erase_if(opening.decision.tasks, [&](const store::OpenedTask& task) { return !tasks_.Knows(task); });
  (void)tasks_.Open(opening, false, &world_);
  for (const Proposal& give : GivenWith(world_, names_, opening, event.actor)) FoldGrant(give);
  RevokeGrants(event.now_ns);
  moved_.clear();
}

// What plans open with the event: what it proposes itself, and what is wanted now of its instance and of those whose tasks
// have changed.
void ReplaySession::Plan(const Proposal& event, bool happened, store::Event* opening) {
  if (!plans_.any()) return;
  const Plans::Place own(event.workflow.value, event.key);
  if (happened && ProposesPlan(world_.schema(), event) && !NoPlan(world_, plans_, event).has_value()) {
    AddPlanned(world_, plans_, event, position_, &opening->decision);
    for (const store::OpenedTask& task : opening->decision.tasks) plans_.Opened(own, task);
  }
  moved_.insert(own);
  for (const Plans::Place& place : moved_) {
    if (WorkflowId(place.first).valid() && plans_.Has(WorkflowId(place.first))) LookAtPlan(place, opening);
  }
}

// How it would have ended is told; the record says how it did.
void ReplaySession::LookAtPlan(const Plans::Place& place, store::Event* opening) {
  std::vector<store::OpenedTask> wanted;
  plans_.Look(world_, place, *opening, orchestrator_, true, &wanted);
  for (const store::OpenedTask& task : wanted) plans_.Opened(place, task);
  std::move(wanted.begin(), wanted.end(), std::back_inserter(opening->decision.tasks));
  const std::vector<Finally>& ends = world_.schema().workflows[place.first].plans.front().finallys;
  while (const std::optional<uint32_t> due = plans_.Due(place)) {
    Proposal where;
    where.workflow = WorkflowId(place.first);
    where.key = place.second;
    Note(WouldHave::Kind::kPlan, where, opening->time_ns, ends[*due].rule, ends[*due].transition, RoleId());
    plans_.Proposed(place, ends[*due].transition);
  }
}

// A grant that came with a task ends with it.
void ReplaySession::RevokeGrants(int64_t now_ns) {
  for (const TaskMove& move : tasks_.TakeMoves()) {
    const std::string stream = tasks_.StreamOf(move.key, world_);
    const size_t slash = stream.find('/');
    if (slash != std::string::npos) moved_.emplace(names_.Workflow(stream.substr(0, slash)).value, stream.substr(slash + 1));
    if (tasks_.Find(move.key) != nullptr) continue;
    const std::optional<Proposal> revoke = RevokedWith(world_, names_, move.key, orchestrator_, now_ns);
    if (revoke.has_value()) FoldGrant(*revoke);
  }
}

void ReplaySession::FoldGrant(const Proposal& moves) {
  world_.Apply(moves, position_, false);
  transition_timers_.Update(*world_.Find(moves.workflow, moves.key));
}

void ReplaySession::MeetGrants(Proposal* proposal) const {
  if (!proposal->grant.has_value() && !grants_.IsGive(*proposal)) return;
  grants_.Meet(world_, registry_, proposal);
}

void ReplaySession::Registered(const Proposal& proposal) {
  if (proposal.workflow != registry_.workflow()) return;
  registry_.Refresh(*world_.Find(proposal.workflow, proposal.key));
  if (const RegisteredActor* actor = registry_.Find(proposal.key); actor != nullptr) tasks_.Look(*actor);
}

void ReplaySession::CarriedOut(const Proposal& proposal, bool happened, const std::vector<std::string>& rules) {
  would_have_.clear();
  Lapse(proposal.now_ns);
  ++position_;
  Settle(proposal.workflow, proposal.key, rules);
  world_.Apply(proposal, position_, !happened);
  if (happened) Applied(proposal);
  tasks_.Assign(position_, proposal.now_ns, &world_);
  told_.tasks.clear();
  OpenTasks(proposal, happened);
  LookForAsks(proposal);
}

void ReplaySession::Settle(WorkflowId workflow, const std::string& key, const std::vector<std::string>& rules) {
  std::erase_if(running_, [&](const auto& entry) {
    const Timer& timer = entry.first;
    return timer.workflow == workflow && timer.key == key &&
           std::find(rules.begin(), rules.end(), timer.rule) != rules.end();
  });
}

// What an `ask` rule would have asked after this event.
void ReplaySession::LookForAsks(const Proposal& event) {
  asking_.Look(world_, event.workflow, event.key, orchestrator_, event.now_ns, true);
  for (;;) {
    const RuleId rule = asking_.Due(world_, event.workflow, event.key);
    if (!rule.valid()) return;
    asking_.Asked(world_, event.workflow, event.key, rule);
    const Rule& asks = world_.schema().rules[rule.value];
    Note(WouldHave::Kind::kAsk, event, event.now_ns, rule, TransitionId(), asks.asks);
    Start(event, rule, asks.ladder, event.now_ns);
  }
}

// What happened may complete a review, or begin one.
void ReplaySession::Applied(const Proposal& proposal) {
  const Schema& schema = world_.schema();
  Registered(proposal);
  tasks_.Committed(proposal, position_, &world_);
  RevokeGrants(proposal.now_ns);
  transition_timers_.Update(*world_.Find(proposal.workflow, proposal.key));
  if (schema.workflows[proposal.workflow.value].reviews.empty()) return;
  const Instance* instance = world_.Find(proposal.workflow, proposal.key);
  const ReviewId waiting = Reviews::Waiting(schema, *instance);
  if (waiting.valid()) {
    std::optional<ClauseId> clause = reviews_.Complete(*instance, waiting, orchestrator_, proposal.now_ns);
    if (clause.has_value()) Conclude(proposal.workflow, proposal.key, waiting, *clause, proposal.now_ns);
  }
  TimeReview(proposal.workflow, proposal.key);
}

void ReplaySession::MoveTo(int64_t now_ns) {
  would_have_.clear();
  Lapse(now_ns);
}

void ReplaySession::Note(WouldHave::Kind kind, const Proposal& where, int64_t at_ns, RuleId rule, TransitionId transition,
                         RoleId role) {
  would_have_.push_back({kind, at_ns, where.workflow, where.key, rule, transition, role});
}

void ReplaySession::NoteAsked(const Proposal& proposal) {
  const Schema& schema = world_.schema();
  for (RuleId rule : StandingRules(*function_, decision_)) {
    if (rule == BuiltinRule(Builtin::kReviewPending)) continue;  // the review has its own timer
    const Rule& asking = schema.rules[rule.value];
    if (decision_.outcome == Outcome::kEscalate) {
      Note(WouldHave::Kind::kAsk, proposal, proposal.now_ns, rule, proposal.transition, asking.asks);
    }
    Start(proposal, rule, asking.ladder, proposal.now_ns);
  }
}

void ReplaySession::Start(const Proposal& proposal, RuleId rule, LadderId ladder, int64_t from_ns) {
  const int64_t due_ns = Deadline(world_.schema(), ladder, from_ns);
  if (due_ns == INT64_MAX) return;
  Running running;
  running.timer.due_ns = due_ns;
  running.timer.position = position_;
  running.timer.rule = world_.schema().rules[rule.value].qualified;
  running.timer.workflow = proposal.workflow;
  running.timer.key = proposal.key;
  running.ladder = ladder;
  running.rule = rule;
  const Instance* instance = world_.Find(proposal.workflow, proposal.key);
  running.last_change = instance == nullptr ? 0 : instance->last_change;
  running.state = instance == nullptr ? kNewState : instance->state;
  running_[running.timer] = running;
}

void ReplaySession::Lapse(int64_t now_ns) {
  for (;;) {
    const Timer* review = review_timers_.empty() ? nullptr : &*review_timers_.begin();
    const Timer* other = running_.empty() ? nullptr : &running_.begin()->first;
    const Timer* next = other == nullptr || (review != nullptr && *review < *other) ? review : other;
    const Timer* timed = transition_timers_.Next();
    if (timed != nullptr && (next == nullptr || *timed < *next)) next = timed;
    const Timer* task = tasks_.NextTimer();
    if (task != nullptr && (next == nullptr || *task < *next)) next = task;
    if (next == nullptr || next->due_ns > now_ns) return;
    if (next == task) {
      LapseTask(Timer(*task));
      continue;
    }
    if (next == timed) {
      LapseTransition(Timer(*timed));
      continue;
    }
    if (next == review) {
      LapseReview(Timer(*review));
      continue;
    }
    const Running ran = running_.begin()->second;
    running_.erase(running_.begin());
    const Instance* instance = world_.Find(ran.timer.workflow, ran.timer.key);
    // What the record moved since is withdrawn; what was asked without a proposal, where it left the state.
    const bool asks_alone = world_.schema().rules[ran.rule.value].effect == Effect::kAsk;
    const bool stale = asks_alone ? instance == nullptr || instance->state != ran.state
                                  : (instance == nullptr ? 0 : instance->last_change) != ran.last_change;
    if (stale) continue;
    Proposal where;
    where.workflow = ran.timer.workflow;
    where.key = ran.timer.key;
    const Ladder& ladder = world_.schema().ladders[ran.ladder.value];
    const bool asks = ladder.otherwise == Ladder::Else::kEscalate || ladder.otherwise == Ladder::Else::kAsk;
    Note(WouldHave::Kind::kFallback, where, ran.timer.due_ns, ran.rule, ladder.transition, asks ? ladder.role : RoleId());
    if (asks) Start(where, ran.rule, ladder.next, ran.timer.due_ns);
  }
}

// It is told once; what became of the task the record says.
void ReplaySession::LapseTask(const Timer& timer) {
  const OpenTask& task = *tasks_.Find(timer.key);
  Ladder ladder;
  ladder.otherwise = Ladder::Else::kFail;
  if (task.ladder.valid()) ladder = world_.schema().ladders[task.ladder.value];
  RuleId rule;
  for (size_t i = 0; i < world_.schema().rules.size(); ++i) {
    if (world_.schema().rules[i].qualified == task.rule) rule = RuleId(i);
  }
  Proposal where;
  where.workflow = task.workflow;
  where.key = task.on;
  Note(WouldHave::Kind::kTask, where, timer.due_ns, rule, ladder.transition, ladder.role);
  tasks_.Lapsed(timer.key);
}

// It is told once; the record says whether it happened.
void ReplaySession::LapseTransition(const Timer& timer) {
  Proposal where;
  where.workflow = timer.workflow;
  where.key = timer.key;
  const Transition& transition = world_.schema().workflows[timer.workflow.value].transitions[timer.transition.value];
  Note(WouldHave::Kind::kTimer, where, timer.due_ns, transition.timer, timer.transition, RoleId());
  transition_timers_.Tried(*world_.Find(timer.workflow, timer.key), timer);
}

void ReplaySession::LapseReview(const Timer& timer) {
  const Instance* instance = world_.Find(timer.workflow, timer.key);
  const ReviewId waiting = Reviews::Waiting(world_.schema(), *instance);
  if (waiting.valid()) {
    const ClauseId clause = reviews_.AtDeadline(*instance, waiting, orchestrator_, timer.due_ns);
    Conclude(timer.workflow, timer.key, waiting, clause, timer.due_ns);
  }
  TimeReview(timer.workflow, timer.key);
}

void ReplaySession::Conclude(WorkflowId workflow, const std::string& key, ReviewId review, ClauseId clause, int64_t now_ns) {
  const Clause& concluded = world_.schema().workflows[workflow.value].reviews[review.value].clauses[clause.value];
  Proposal where;
  where.workflow = workflow;
  where.key = key;
  Note(WouldHave::Kind::kConclude, where, now_ns, concluded.rule, concluded.transition, concluded.asks);
  world_.ConcludeReview(workflow, key, review, clause);
}

void ReplaySession::TimeReview(WorkflowId workflow, const std::string& key) {
  const Schema& schema = world_.schema();
  const std::pair<uint32_t, std::string> place(workflow.value, key);
  auto running = review_timer_of_.find(place);
  if (running != review_timer_of_.end()) {
    review_timers_.erase(running->second);
    review_timer_of_.erase(running);
  }
  const Instance* instance = world_.Find(workflow, key);
  const ReviewId waiting = Reviews::Waiting(schema, *instance);
  if (!waiting.valid()) return;
  const Review& review = schema.workflows[workflow.value].reviews[waiting.value];
  Timer timer;
  timer.due_ns = Deadline(schema, review.ladder, instance->reviews[waiting.value].began_ns);
  if (timer.due_ns == INT64_MAX) return;
  timer.position = instance->reviews[waiting.value].began_position;
  timer.kind = Timer::Kind::kReview;
  timer.workflow = workflow;
  timer.key = key;
  review_timers_.insert(timer);
  review_timer_of_[place] = timer;
}

DecisionRecord ReplaySession::Record() const {
  const Schema& schema = world_.schema();
  const Workflow& workflow = schema.workflows[last_.workflow.value];
  store::Decision decision;
  NameDecision(schema, *function_, decision_, &decision);
  DecisionRecord record;
  record.position = position_;
  record.workflow = workflow.qualified;
  record.on = last_.key;
  record.proposal = workflow.transitions[last_.transition.value].name;
  record.by = last_.actor.id;
  record.as = RoleShown(schema, last_.actor.role);
  if (last_.grant.has_value()) record.under = last_.grant->key;
  record.outcome = decision.outcome;
  record.state = state_after_.value < workflow.states.size() ? workflow.states[state_after_.value].name : "new";
  record.reasons = std::move(decision.reasons);
  record.excused = std::move(decision.excused);
  record.indeterminate = std::move(decision.indeterminate);
  record.indeterminate.insert(record.indeterminate.end(), told_.indeterminate.begin(), told_.indeterminate.end());
  std::sort(record.indeterminate.begin(), record.indeterminate.end());
  record.indeterminate.erase(std::unique(record.indeterminate.begin(), record.indeterminate.end()),
                             record.indeterminate.end());
  record.tasks = told_.tasks;
  for (store::OpenedTask& task : record.tasks) {
    const auto role = std::find_if(schema.roles.begin(), schema.roles.end(),
                                   [&](const Role& r) { return r.qualified == task.role; });
    if (role != schema.roles.end()) task.role = RoleShown(schema, RoleId(static_cast<size_t>(role - schema.roles.begin())));
  }
  record.obligations = told_.obligations;
  for (store::Obligation& obligation : record.obligations) obligation.type = ObligationShown(schema, obligation.type);
  record.policy = policy_->digest();
  record.at_ns = last_.now_ns;
  if (record.outcome != Outcome::kEscalate && record.outcome != Outcome::kHold) return record;
  for (const Question& q : record.outcome == Outcome::kEscalate
                               ? Questions(schema, StandingRules(*function_, decision_), position_, last_.now_ns)
                               : std::vector<Question>()) {
    store::AskedQuestion asked;
    asked.question = q.number;
    asked.to = RoleShown(schema, q.role);
    asked.until_ns = q.until_ns;
    asked.otherwise = LadderText(schema, last_.workflow, q.ladder);
    asked.rules = q.rules;
    record.questions.push_back(std::move(asked));
  }
  return record;
}

}  // namespace writ
