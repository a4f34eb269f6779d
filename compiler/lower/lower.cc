#include "compiler/lower/lower.h"

#include <openssl/sha.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <numeric>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "compiler/lower/expressions.h"
#include "compiler/lower/facts.h"
#include "compiler/lower/planted_faults.h"
#include "compiler/lower/tasks.h"
#include "compiler/typed/expr.h"
#include "runtime/builtins/check.h"
#include "runtime/decision/delegation.h"

namespace writ::lower {
namespace {

using ir::ExprId;
using ir::Guard;

// One restraint before it has its place in the table.
struct Restraining {
  Restraint row;
  std::function<Guard()> guard;  // built in the order of names
  bool always = false;           // applies to the orchestrator's safe way out too: the gates, and what only watches
};

class DecideLowering {
 public:
  DecideLowering(ProgramState* state, Function* function, WorkflowId workflow, TransitionId transition)
      : state_(state),
        schema_(*state->schema),
        function_(function),
        workflow_id_(workflow),
        transition_id_(transition),
        workflow_(schema_.workflows[workflow.value]),
        transition_(workflow_.transitions[transition.value]),
        f_(state, function) {}

  void Lower(ir::Code* code, FunctionConditions* conditions);

 private:
  ir::Builder& b() { return f_.build(); }
  ExprId Orchestrator() { return f_.BoolSlot(SlotRoot::kActorIsOrchestrator); }
  Guard Certain(ExprId applies) { return {applies, b().Bool(false)}; }
  void Add(RuleId rule, Effect effect, std::function<Guard()> guard, bool gate = false) {
    restraints_.push_back({{rule, effect, gate}, std::move(guard), gate});
  }
  void AddBuiltin(Builtin reason, Effect effect, std::function<Guard()> guard, bool gate = false) {
    Add(BuiltinRule(reason), effect, std::move(guard), gate);
  }

  void AddBuiltins();
  void AddQuestion();
  void AddReviews();
  void AddRules();
  Guard NoAuthority();
  std::optional<ExprId> BuiltInAuthority();
  Guard NotDelegated();
  bool IsGive() const { return workflow_.qualified == kGrantWorkflow && transition_.name == kGive; }
  Guard NoRecord();
  Guard RuleGuard(const typed::Rule& rule);
  void SortRestraints();
  void LimitRestraints();
  bool IsNoRecord(size_t i) const { return restraints_[i].row.rule == BuiltinRule(Builtin::kNoRecord); }
  void BuildGuard(size_t i, FunctionConditions* conditions);
  bool Excuses(const typed::Rule& allow, std::vector<uint64_t>* bits) const;
  void AddAllow(const typed::Rule& rule, FunctionConditions* conditions);
  ExprId IsAsked(RoleId role);
  Value Scope(const typed::Rule& rule);
  Value WhenUnless(const typed::Rule& rule, Polarity polarity);

  ProgramState* state_;
  const Schema& schema_;
  Function* function_;
  WorkflowId workflow_id_;
  TransitionId transition_id_;
  const Workflow& workflow_;
  const Transition& transition_;
  FunctionLowering f_;
  std::vector<Restraining> restraints_;
  std::vector<Guard> guards_, allow_guards_;
};

bool Holds(const std::vector<TransitionId>& list, TransitionId id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

void DecideLowering::AddBuiltins() {
  AddBuiltin(
      Builtin::kNoTransition, Effect::kDeny,
      [this] {
        ExprId legal = b().Bool(false);
        for (const StateId source : transition_.sources) {
          const ExprId here = f_.StateIs(source);
          legal = b().Or(legal, here);
        }
        if (IsTask(workflow_) && transition_.name == "report" && !Planted(Fault::kEveryTaskReported)) {
          const ExprId reported = IsReported(&f_, workflow_);
          legal = b().And(legal, reported);
        }
        return Certain(b().Not(legal));
      },
      true);
  AddBuiltin(
      Builtin::kStale, Effect::kDeny,
      [this] {
        const ir::Range positions = {0, INT64_MAX};
        const ExprId seen = f_.NumSlot(SlotRoot::kSeen, positions);
        const ExprId changed = f_.NumSlot(SlotRoot::kLastChange, positions);
        return Certain(b().LtNum(seen, changed));
      },
      true);
  AddBuiltin(Builtin::kDuplicate, Effect::kDeny, [this] { return Certain(f_.BoolSlot(SlotRoot::kDuplicate)); }, true);
  AddBuiltin(Builtin::kNoAuthority, Effect::kDeny, [this] { return NoAuthority(); });
  AddBuiltin(Builtin::kSuspended, Effect::kDeny, [this] {
    const ExprId active = f_.BoolSlot(SlotRoot::kActorIsActive);
    const ExprId idle = b().Not(active);
    const ExprId other = b().Not(Orchestrator());
    return Certain(b().And(other, idle));
  });
  if (Delegates(schema_)) AddBuiltin(Builtin::kNotDelegated, Effect::kDeny, [this] { return NotDelegated(); });
  AddBuiltin(Builtin::kNoRecord, Effect::kDeny, [this] { return NoRecord(); });
  if (IsDoneByDoer(workflow_, transition_id_)) {
    AddBuiltin(Builtin::kTaskWaiting, Effect::kDeny, [this] {
      const Value waits = WaitsForOthers(&f_, schema_, workflow_id_);
      const ExprId other = b().Not(Orchestrator());
      return Certain(Planted(Fault::kTaskOrderIgnored) ? b().Bool(false) : b().And(other, waits.value));
    });
  }
}

// An answer: everything about it is known to the runtime, which asked.
void DecideLowering::AddQuestion() {
  const auto state_is = [this](int n) {
    const ExprId state = f_.NumSlot(SlotRoot::kQuestionState, {0, 3});
    const ExprId wanted = b().Number(n);
    return b().EqNum(state, wanted);
  };
  AddBuiltin(Builtin::kStale, Effect::kDeny, [=] { return Guard{state_is(1), ExprId()}; }, true);
  AddBuiltin(Builtin::kExpired, Effect::kDeny, [=] { return Guard{state_is(2), ExprId()}; }, true);
  AddBuiltin(
      Builtin::kDuplicate, Effect::kDeny,
      [=, this] {
        const ExprId key_used = f_.BoolSlot(SlotRoot::kDuplicate);
        const ExprId answered = state_is(3);
        return Certain(b().Or(key_used, answered));
      },
      true);
  AddBuiltin(Builtin::kSelfApproval, Effect::kDeny, [this] { return Certain(f_.BoolSlot(SlotRoot::kQuestionSelf)); });
  AddBuiltin(Builtin::kNoAuthority, Effect::kDeny, [this] {
    const ExprId covered = f_.BoolSlot(SlotRoot::kQuestionCovered);
    const ExprId holds = f_.BoolSlot(SlotRoot::kHoldsRole);
    const ExprId both = b().And(covered, holds);
    return Certain(b().Not(both));
  });
  AddBuiltin(Builtin::kSuspended, Effect::kDeny,
             [this] { return Certain(b().Not(f_.BoolSlot(SlotRoot::kActorIsActive))); });
}

Guard DecideLowering::NoAuthority() {
  Value covered = f_.Not(f_.True());
  for (const typed::Grant& grant : state_->typed->grants) {
    if (grant.workflow != workflow_id_ || grant.transition != transition_id_) continue;
    Value one = f_.True();
    one.value = f_.ActsFor(grant.role);
    if (grant.consent && !Planted(Fault::kConsentDoes)) {
      const ExprId consenting = f_.BoolSlot(SlotRoot::kConsenting);
      one.value = b().And(one.value, consenting);
    }
    for (const typed::Limit& limit : grant.limits) {
      const Value field = f_.Lower(*limit.field);
      const Value most = f_.Lower(*limit.value);
      Value within = f_.True();
      const ExprId at_most = b().LeNum(field.value, most.value);
      within.value = b().And(at_most, field.present);
      within.unknown = b().Or(field.unknown, most.unknown);
      one = f_.And(one, within);
    }
    if (grant.when != nullptr) {
      const Value when = f_.Lower(*grant.when, Polarity::kEmpowers);
      one = f_.And(one, when);
    }
    covered = Planted(Fault::kLastGrantOnly) ? one : f_.Or(covered, one);
  }
  if (IsDoneByDoer(workflow_, transition_id_)) {
    Value doer = f_.True();
    const ExprId own = b().Not(f_.IsUnderGrant());
    const ExprId acts = ActsForTask(&f_, schema_, workflow_);
    doer.value = b().And(own, acts);
    covered = f_.Or(covered, doer);
  }
  if (const std::optional<ExprId> built_in = BuiltInAuthority(); built_in.has_value()) {
    Value own = f_.True();
    own.value = *built_in;
    covered = f_.Or(covered, own);
  }
  const ExprId known = Planted(Fault::kUnknownAuthorises) ? f_.TrueOrUnknown(covered) : f_.Known(covered);
  const ExprId holds = f_.BoolSlot(SlotRoot::kHoldsRole);
  const ExprId may = b().And(known, holds);
  const ExprId may_not = b().Not(may);
  const ExprId other = b().Not(Orchestrator());
  const ExprId applies = b().And(other, may_not);
  const ExprId fails = b().And(other, covered.unknown);
  return {applies, fails};
}

// What nobody needs to be granted: whoever gave may take back.
std::optional<ExprId> DecideLowering::BuiltInAuthority() {
  if (workflow_.qualified != kGrantWorkflow || transition_.name != kRevoke) return std::nullopt;
  const auto giver = std::find_if(workflow_.fields.begin(), workflow_.fields.end(),
                                  [](const Field& field) { return field.name == kGiver; });
  WRIT_CHECK(giver != workflow_.fields.end());
  const ExprId gave = f_.StrSlot(SlotRoot::kBefore, static_cast<uint32_t>(giver - workflow_.fields.begin()));
  const ExprId actor = f_.StrSlot(SlotRoot::kActorId);
  const ExprId same = b().EqStr(gave, actor);
  const ExprId own = b().Not(f_.IsUnderGrant());
  return b().And(own, same);
}

// What is proposed under a grant that does not hold, or gives more than who gives has.
Guard DecideLowering::NotDelegated() {
  const ExprId under = f_.NamesGrant();
  if (!CanBeGiven(schema_, workflow_id_, transition_id_)) {
    const ExprId other = b().Not(Orchestrator());
    return Certain(b().And(other, under));
  }
  ExprId lacking = b().Bool(false);
  if (!Planted(Fault::kGrantLinkIgnored)) {
    const ExprId holds = f_.BoolSlot(SlotRoot::kGrantHolds);
    const ExprId broken = b().Not(holds);
    lacking = b().And(under, broken);
  }
  if (IsGive()) {
    const ExprId gives = f_.BoolSlot(SlotRoot::kGives);
    const ExprId too_much = b().Not(gives);
    lacking = b().Or(lacking, too_much);
  } else {
    const ExprId exceeds = f_.ExceedsGrant();
    const ExprId too_much = b().And(under, exceeds);
    lacking = b().Or(lacking, too_much);
  }
  const ExprId other = b().Not(Orchestrator());
  return Certain(b().And(other, lacking));
}

Guard DecideLowering::NoRecord() {
  ExprId missing = f_.ReadNamesNothing();
  for (const SetField& set : transition_.sets) {
    const Type& type = schema_.types[workflow_.fields[set.field.value].type.value];
    const ExprId here = f_.NamesNothing(type, {SlotRoot::kAfter, set.field.value, 0, 0, {}});
    missing = b().Or(missing, here);
  }
  for (uint32_t p = 0; p < transition_.payload.size(); ++p) {
    const Type& type = schema_.types[transition_.payload[p].type.value];
    const ExprId here = f_.NamesNothing(type, {SlotRoot::kPayload, p, 0, 0, {}});
    missing = b().Or(missing, here);
  }
  return Certain(missing);
}

void DecideLowering::AddReviews() {
  for (uint32_t r = 0; r < workflow_.reviews.size(); ++r) {
    const Review& review = workflow_.reviews[r];
    if (review.verdict == transition_id_) {
      AddBuiltin(Builtin::kSeatTaken, Effect::kDeny, [this, r, &review] {
        ExprId taken = b().Bool(false);
        for (uint32_t s = 0; s < review.seats.size(); ++s) {
          const ExprId role = f_.RoleIs(review.seats[s].role);
          const ExprId full = f_.BoolSlot(SlotRoot::kSeatTaken, r, s);
          const ExprId both = b().And(role, full);
          taken = b().Or(taken, both);
        }
        const ExprId here = f_.StateIs(review.state);
        const ExprId own = b().Not(f_.IsUnderGrant());  // what others gave takes no seat
        const ExprId speaks = b().And(here, own);
        return Certain(b().And(speaks, taken));
      });
    }
    const auto outcome_is = [this, r, &review](int clause) {
      const ExprId outcome = f_.NumSlot(SlotRoot::kReviewOutcome, {-1, static_cast<Num>(review.clauses.size()) - 1}, r);
      const ExprId wanted = b().Number(clause);
      const ExprId same = b().EqNum(outcome, wanted);
      const ExprId here = f_.StateIs(review.state);
      return b().And(here, same);
    };
    const bool bound = Holds(review.binds, transition_id_);
    if (bound) {
      AddBuiltin(Builtin::kReviewPending, Effect::kHold, [=, this] { return Certain(outcome_is(-1)); });
    }
    for (uint32_t c = 0; c < review.clauses.size(); ++c) {
      const Clause& clause = review.clauses[c];
      const bool concludes = clause.transition == transition_id_;
      if (bound) {
        Add(clause.rule, Effect::kDeny, [=, this, &clause] {
          const ExprId here = outcome_is(static_cast<int>(c));
          if (!concludes) return Certain(here);
          if (!clause.asks.valid()) return Certain(b().Bool(false));
          const ExprId asked = IsAsked(clause.asks);
          const ExprId may = b().Or(Orchestrator(), asked);
          const ExprId may_not = b().Not(may);
          return Certain(b().And(here, may_not));
        });
      }
      if (concludes && clause.asks.valid()) {
        Add(clause.rule, Effect::kEscalate, [=, this, &clause] {
          const ExprId here = outcome_is(static_cast<int>(c));
          const ExprId asks = b().And(here, Orchestrator());
          const ExprId approved = f_.BoolSlot(SlotRoot::kApproved, clause.rule.value);
          const ExprId open = b().Not(approved);
          return Certain(b().And(asks, open));
        });
      }
    }
  }
}

// In that role itself: authority that it gave away answers nothing.
ExprId DecideLowering::IsAsked(RoleId role) {
  const ExprId is = f_.RoleIs(role);
  const ExprId own = b().Not(f_.IsUnderGrant());
  return b().And(is, own);
}

// What restrains a role restrains whoever acts for it, in whatever role; what frees one frees nobody else.
Value DecideLowering::Scope(const typed::Rule& rule) {
  Value scope = f_.True();
  scope.value = f_.AnyRoleOf(rule.by, rule.by_orchestrator);
  if (!rule.by.empty()) {
    if (schema_.rules[rule.rule.value].effect == Effect::kAllow) {
      const ExprId own = b().Not(f_.IsUnderGrant());
      scope.value = b().And(scope.value, own);
    } else {
      for (const RoleId role : rule.by) {
        const ExprId granted = f_.GrantRoleIs(role);
        scope.value = b().Or(scope.value, granted);
      }
    }
  }
  if (!rule.under.empty()) {
    const ExprId under = f_.IsGrantedUnder(rule.under);
    scope.value = b().And(scope.value, under);
  }
  return scope;
}

Value DecideLowering::WhenUnless(const typed::Rule& rule, Polarity polarity) {
  const Polarity other = polarity == Polarity::kRestrains ? Polarity::kEmpowers : Polarity::kRestrains;
  Value guard = f_.True();
  if (rule.when != nullptr) {
    const Value when = f_.Lower(*rule.when, polarity);
    guard = f_.And(guard, when);
  }
  if (rule.unless != nullptr) {
    const Value unless = f_.Lower(*rule.unless, other);
    guard = f_.And(guard, f_.Not(unless));
  }
  return guard;
}

Guard DecideLowering::RuleGuard(const typed::Rule& rule) {
  const Rule& row = schema_.rules[rule.rule.value];
  ExprId scope = Scope(rule).value;
  if (row.effect == Effect::kEscalate && !Planted(Fault::kAskedRoleAsked)) {
    const ExprId asked = IsAsked(row.asks);
    const ExprId other = b().Not(asked);
    scope = b().And(scope, other);
  }
  if (row.effect == Effect::kHold && !Planted(Fault::kAwaitedIgnored) && rule.awaits_fact != UINT32_MAX) {
    const Value came = f_.LowerFact(rule.awaits_fact);
    const ExprId awaited = b().Not(came.value);
    scope = b().And(scope, awaited);
  }
  if ((row.effect == Effect::kEscalate || row.effect == Effect::kHold) && !Planted(Fault::kApprovalIgnored)) {
    const ExprId approved = f_.BoolSlot(SlotRoot::kApproved, rule.rule.value);
    const ExprId open = b().Not(approved);
    scope = b().And(scope, open);
  }
  const Value guard = WhenUnless(rule, Polarity::kRestrains);
  const ExprId stands = Planted(Fault::kUnknownRestraintDropped) ? f_.Known(guard) : f_.TrueOrUnknown(guard);
  const ExprId applies = b().And(scope, stands);
  const ExprId fails = b().And(scope, guard.unknown);
  return {applies, fails};
}

void DecideLowering::AddRules() {
  for (const typed::Rule& rule : state_->rules) {
    const Effect effect = schema_.rules[rule.rule.value].effect;
    if (rule.workflow != workflow_id_ || effect == Effect::kAllow || !Holds(rule.transitions, transition_id_)) continue;
    // What follows is due for the orchestrator's safe way out as for everything else, and what watches sees that too.
    const bool always = effect == Effect::kUpon || rule.rule.value >= state_->typed->governing.rows;
    restraints_.push_back({{rule.rule, effect, false}, [this, &rule] { return RuleGuard(rule); }, always});
  }
}

void DecideLowering::SortRestraints() {
  const auto name = [&](const Restraining& r) -> const std::string& {
    return schema_.rules[r.row.rule.value].qualified;
  };
  std::stable_sort(restraints_.begin(), restraints_.end(), [&](const Restraining& x, const Restraining& y) {
    return name(x) != name(y) ? name(x) < name(y) : x.row.effect < y.row.effect;
  });
}

void DecideLowering::LimitRestraints() {
  if (restraints_.size() <= limits::kRulesPerFunctionMax) return;
  ast::Span span;  // of a rule that is one too many
  for (const typed::Rule& rule : state_->rules) {
    if (rule.workflow == workflow_id_ && Holds(rule.transitions, transition_id_)) span = rule.span;
  }
  state_->sink->Report(span, diagnostics::kTooManyRules, diagnostics::Author(transition_.name),
                       diagnostics::Number(limits::kRulesPerFunctionMax));
  restraints_.resize(limits::kRulesPerFunctionMax);
}

void DecideLowering::BuildGuard(size_t i, FunctionConditions* conditions) {
  f_.conditions = &conditions->restraints[i];
  Guard guard = restraints_[i].guard();
  f_.conditions = nullptr;
  if (!guard.fails.valid()) guard.fails = b().Bool(false);
  const bool halting = !Planted(Fault::kSafeWayOutShut) && !transition_.stays && transition_.target.valid() &&
                       workflow_.states[transition_.target.value].is_halted;
  if (halting && !restraints_[i].always) {
    const ExprId other = b().Not(Orchestrator());
    guard.applies = b().And(guard.applies, other);
    guard.fails = b().And(guard.fails, other);
  }
  guards_[i] = guard;
}

bool DecideLowering::Excuses(const typed::Rule& allow, std::vector<uint64_t>* bits) const {
  bits->assign((restraints_.size() + 63) / 64, 0);
  bool any = false;
  for (size_t i = 0; i < restraints_.size(); ++i) {
    const RuleId restraint = restraints_[i].row.rule;
    if (schema_.rules[restraint.value].kind != RuleKind::kRule) continue;
    if (std::find(allow.overrides.begin(), allow.overrides.end(), restraint) == allow.overrides.end()) continue;
    (*bits)[i / 64] |= uint64_t{1} << (i % 64);
    any = true;
  }
  return any;
}

void DecideLowering::AddAllow(const typed::Rule& rule, FunctionConditions* conditions) {
  Allow allow{rule.rule, {}};
  if (!Excuses(rule, &allow.excuses)) return;
  conditions->allows.emplace_back();
  f_.conditions = &conditions->allows.back();
  f_.BeginAside();
  const ExprId scope = Scope(rule).value;
  const Value guard = WhenUnless(rule, Polarity::kEmpowers);
  f_.conditions = nullptr;
  // What an allow reads may stop it, but must not restrain: taking the allow away would make the decision laxer.
  const ExprId missing = f_.EndAside();
  const ExprId there = b().Not(missing);
  const ExprId known = Planted(Fault::kUnknownAllows) ? f_.TrueOrUnknown(guard) : f_.Known(guard);
  const ExprId speaks = b().And(known, there);
  const ExprId applies = b().And(scope, speaks);
  const ExprId fails = b().And(scope, guard.unknown);
  allow_guards_.push_back({applies, fails});
  function_->allows.push_back(std::move(allow));
}

void DecideLowering::Lower(ir::Code* code, FunctionConditions* conditions) {
  if (workflow_.is_builtin && workflow_.name == "Question") {
    AddQuestion();
  } else {
    AddBuiltins();
    AddReviews();
  }
  AddRules();
  SortRestraints();
  LimitRestraints();
  guards_.resize(restraints_.size());
  conditions->restraints.resize(restraints_.size());
  for (size_t i = 0; i < restraints_.size(); ++i) {
    function_->restraints.push_back(restraints_[i].row);
    if (!IsNoRecord(i)) BuildGuard(i, conditions);
  }
  for (const typed::Rule& rule : state_->rules) {
    const bool is_allow = schema_.rules[rule.rule.value].effect == Effect::kAllow;
    if (is_allow && rule.workflow == workflow_id_ && Holds(rule.transitions, transition_id_))
      AddAllow(rule, conditions);
  }
  // no_record looks at what the others have read, so it is built last.
  for (size_t i = 0; i < restraints_.size(); ++i) {
    if (IsNoRecord(i)) BuildGuard(i, conditions);
  }
  f_.Finish(std::move(guards_), std::move(allow_guards_), code, conditions);
}

// ---------------------------------------------------------------- the other functions

void LowerCompute(ProgramState* state, Function* function, const std::vector<const typed::Computed*>& computed,
                  ir::Code* code) {
  FunctionLowering f(state, function);
  for (const typed::Computed* one : computed) {
    const Value v = f.Lower(*one->value);
    if (v.unknown != f.build().Bool(false)) state->sink->Report(one->value->span, diagnostics::kComputedCanFail);
    const ExprId known = f.build().Not(v.unknown);
    f.Output(SlotKind::kBool, f.build().And(v.present, known));
    f.Output(KindOf(one->value->type.type), v.value);
  }
  f.Finish({}, {}, code, nullptr);
}

// The values of one `then` of a rule: whether each is there, and what it is. What is unknown is not there, nor what is
// read through a reference that names nothing.
void LowerConsequence(ProgramState* state, Function* function, const Obligation& obligation,
                      const typed::Consequence& consequence, ir::Code* code) {
  FunctionLowering f(state, function);
  ir::Builder& b = f.build();
  for (size_t i = 0; i < obligation.fields.size(); ++i) {
    const SlotKind kind = KindOf(state->schema->types[obligation.fields[i].type.value]);
    if (consequence.values[i] == nullptr) {
      f.Output(SlotKind::kBool, b.Bool(false));
      f.Output(kind, kind == SlotKind::kString ? b.Text("") : kind == SlotKind::kBool ? b.Bool(false) : b.Number(0));
      continue;
    }
    f.BeginAside();
    const Value v = f.Lower(*consequence.values[i]);
    const ExprId missing = f.EndAside();
    const ExprId lost = b.Or(v.unknown, missing);
    const ExprId kept = b.Not(lost);
    f.Output(SlotKind::kBool, Planted(Fault::kUnknownValueTold) ? v.present : b.And(v.present, kept));
    f.Output(KindOf(consequence.values[i]->type.type), v.value);
  }
  f.Finish({}, {}, code, nullptr);
}

// Where an `ask` may ask: where what follows a no is legal.
std::vector<StateId> AskedIn(const Schema& schema, const Workflow& workflow, LadderId ladder) {
  while (ladder.valid()) {
    const Ladder& rung = schema.ladders[ladder.value];
    if (rung.otherwise == Ladder::Else::kTransition) return workflow.transitions[rung.transition.value].sources;
    ladder = rung.next;
  }
  return {};
}

// Whether each `ask` rule of a workflow asks now. What it cannot evaluate, or reads of nothing, it asks about.
void LowerAsk(ProgramState* state, Function* function, WorkflowId id, ir::Code* code) {
  FunctionLowering f(state, function);
  ir::Builder& b = f.build();
  const Schema& schema = *state->schema;
  const Workflow& workflow = schema.workflows[id.value];
  for (const RuleId rule_id : workflow.asks) {
    for (const typed::Rule& rule : state->rules) {
      if (rule.rule != rule_id) continue;
      ExprId here = b.Bool(false);
      for (const StateId source : AskedIn(schema, workflow, schema.rules[rule_id.value].ladder)) {
        const ExprId in_it = f.StateIs(source);
        here = b.Or(here, in_it);
      }
      f.BeginAside();
      Value guard = f.True();
      if (rule.when != nullptr) {
        const Value when = f.Lower(*rule.when, Polarity::kRestrains);
        guard = f.And(guard, when);
      }
      if (rule.unless != nullptr) {
        const Value unless = f.Lower(*rule.unless, Polarity::kEmpowers);
        guard = f.And(guard, f.Not(unless));
      }
      const ExprId missing = f.EndAside();
      guard.unknown = b.Or(guard.unknown, missing);
      const ExprId stands = Planted(Fault::kUnknownAsksNobody) ? f.Known(guard) : f.TrueOrUnknown(guard);
      f.Output(SlotKind::kBool, b.And(here, stands));
      f.Output(SlotKind::kBool, b.And(here, guard.unknown));
    }
  }
  f.Finish({}, {}, code, nullptr);
}

// Whether a condition holds of an instance. What is unknown or absent, or read of nothing, cannot be told.
void LowerTruth(ProgramState* state, Function* function, const typed::Expr& condition, ir::Code* code) {
  FunctionLowering f(state, function);
  ir::Builder& b = f.build();
  f.BeginAside();
  const Value truth = f.Lower(condition);
  const ExprId missing = f.EndAside();
  const ExprId absent = b.Not(truth.present);
  const ExprId lost = b.Or(missing, absent);
  const ExprId untold = b.Or(truth.unknown, lost);
  const ExprId told = b.Not(untold);
  f.Output(SlotKind::kBool, b.And(truth.value, told));
  f.Output(SlotKind::kBool, untold);
  f.Finish({}, {}, code, nullptr);
}

// What a plan wants of an instance, and which of its ends have come. An end that leads into a halted state restrains: what
// cannot be evaluated has come there, and has not otherwise.
void LowerPlan(ProgramState* state, Function* function, const typed::Plan& typed, ir::Code* code) {
  FunctionLowering f(state, function);
  ir::Builder& b = f.build();
  const Workflow& workflow = state->schema->workflows[typed.workflow.value];
  const Plan& plan = workflow.plans[0];
  for (size_t i = 0; i < typed.tasks.size(); ++i) f.Wanted(typed.tasks[i], plan.tasks[i].capacity);
  for (size_t i = 0; i < typed.finallys.size(); ++i) {
    const Transition& last = workflow.transitions[plan.finallys[i].transition.value];
    const bool halts = !last.stays && last.target.valid() && workflow.states[last.target.value].is_halted;
    f.BeginAside();
    Value when = f.Lower(*typed.finallys[i], halts ? Polarity::kRestrains : Polarity::kEmpowers);
    const ExprId missing = f.EndAside();
    when.unknown = b.Or(when.unknown, missing);
    f.Output(SlotKind::kBool, halts ? f.TrueOrUnknown(when) : f.Known(when));
  }
  f.Finish({}, {}, code, nullptr);
}

// Which clause a review comes to: of those that fire, the ones of the highest domain; within it halting before
// escalating before the rest; two different outcomes left are a conflict.
class ConcludeLowering {
 public:
  ConcludeLowering(ProgramState* state, Function* function, const typed::Review& review)
      : schema_(*state->schema),
        function_(function),
        clauses_(review.clauses),
        table_(schema_.workflows[review.workflow.value].reviews[review.review.value].clauses),
        f_(state, function),
        fires_(clauses_.size(), b().Bool(false)),
        left_(clauses_.size(), b().Bool(false)) {}

  void Lower(ir::Code* code) {
    const ExprId unknown = Fire();
    for (size_t i = 0; i < clauses_.size(); ++i) left_[i] = Unbeaten(i);
    const ExprId conflict = Conflict();
    const ExprId clause = FirstByName();
    f_.Output(SlotKind::kI64, clause);
    f_.Output(SlotKind::kBool, conflict);
    f_.Output(SlotKind::kBool, unknown);
    f_.Finish({}, {}, code, nullptr);
  }

 private:
  ir::Builder& b() { return f_.build(); }
  const Clause& Row(size_t i) const { return table_[clauses_[i].clause.value]; }
  bool IsOtherwise(size_t i) const { return clauses_[i].otherwise || clauses_[i].when == nullptr; }
  int Rank(size_t i) const { return clauses_[i].halting ? 2 : Row(i).asks.valid() ? 1 : 0; }

  bool Stronger(size_t j, size_t i) const {
    const DomainId dj = clauses_[j].domain, di = clauses_[i].domain;
    if (!dj.valid()) return false;
    if (!di.valid()) return true;
    if (dj == di) return Rank(j) > Rank(i);
    if (Planted(Fault::kDomainsNotRanked)) return false;
    const std::vector<DomainId>& below = schema_.domains[dj.value].below;
    return std::find(below.begin(), below.end(), di) != below.end();
  }

  // Gives whether any clause is unknown.
  ExprId Fire() {
    ExprId any = b().Bool(false), unknown = b().Bool(false);
    for (size_t i = 0; i < clauses_.size(); ++i) {
      if (IsOtherwise(i)) continue;
      const bool restrains = Rank(i) > 0;
      const Value when = f_.Lower(*clauses_[i].when, restrains ? Polarity::kRestrains : Polarity::kEmpowers);
      fires_[i] = restrains ? f_.TrueOrUnknown(when) : f_.Known(when);
      any = b().Or(any, fires_[i]);
      unknown = b().Or(unknown, when.unknown);
    }
    for (size_t i = 0; i < clauses_.size(); ++i) {
      if (IsOtherwise(i)) fires_[i] = b().Not(any);
    }
    return unknown;
  }

  ExprId Unbeaten(size_t i) {
    ExprId beaten = b().Bool(false);
    for (size_t j = 0; j < clauses_.size(); ++j) {
      if (j != i && Stronger(j, i)) beaten = b().Or(beaten, fires_[j]);
    }
    const ExprId unbeaten = b().Not(beaten);
    return b().And(fires_[i], unbeaten);
  }

  ExprId Conflict() {
    ExprId conflict = b().Bool(false);
    for (size_t i = 0; i < clauses_.size(); ++i) {
      for (size_t j = i + 1; j < clauses_.size(); ++j) {
        if (Row(i).transition == Row(j).transition && Row(i).asks == Row(j).asks) continue;
        const ExprId both = b().And(left_[i], left_[j]);
        conflict = b().Or(conflict, both);
      }
    }
    return conflict;
  }

  // Of clauses with the same outcome the first by name is the reason, wherever they stand.
  ExprId FirstByName() {
    std::vector<size_t> order(clauses_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t x, size_t y) { return Row(x).name > Row(y).name; });
    ExprId clause = b().Number(-1);
    for (const size_t i : order) {
      const ExprId index = b().Number(clauses_[i].clause.value);
      clause = b().Select(left_[i], index, clause);
    }
    return clause;
  }

  const Schema& schema_;
  Function* function_;
  const std::vector<typed::ReviewClause>& clauses_;
  const std::vector<Clause>& table_;
  FunctionLowering f_;
  std::vector<ExprId> fires_, left_;
};

// ---------------------------------------------------------------- the program

std::string Sha256Hex(const std::string& text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), sizeof(digest)));
}

std::string LadderText(const Schema& schema, LadderId id, const Workflow& workflow) {
  std::string text;
  for (LadderId at = id; at.valid();) {
    const Ladder& rung = schema.ladders[at.value];
    absl::StrAppend(&text, " within ", rung.within_ns, " else ", static_cast<int>(rung.otherwise));
    if (rung.transition.valid()) absl::StrAppend(&text, " ", workflow.transitions[rung.transition.value].name);
    if (rung.role.valid()) absl::StrAppend(&text, " to ", schema.roles[rung.role.value].qualified);
    const bool asks = rung.otherwise == Ladder::Else::kEscalate || rung.otherwise == Ladder::Else::kAsk;
    at = asks ? rung.next : LadderId();
  }
  return text;
}

// What a rule decides, as text: an approval discharges a rule only while this is the same.
void DigestRules(const typed::Program& program, std::span<const typed::Rule> rules, Schema* schema) {
  for (const typed::Rule& rule : rules) {
    Rule& row = schema->rules[rule.rule.value];
    const Workflow& workflow = schema->workflows[rule.workflow.value];
    std::string text = absl::StrCat(row.qualified, " ", static_cast<int>(row.effect), " ", workflow.qualified);
    for (const TransitionId t : rule.transitions) absl::StrAppend(&text, " ", workflow.transitions[t.value].name);
    for (const RoleId r : rule.by) absl::StrAppend(&text, " by ", schema->roles[r.value].qualified);
    if (rule.by_orchestrator) text += " by orchestrator";
    if (!rule.under.empty()) absl::StrAppend(&text, " under ", rule.under);
    if (row.asks.valid()) absl::StrAppend(&text, " to ", schema->roles[row.asks.value].qualified);
    if (row.awaits.valid()) absl::StrAppend(&text, " until ", workflow.transitions[row.awaits.value].name);
    absl::StrAppend(&text, LadderText(*schema, row.ladder, workflow), " when ", Fingerprint(program, rule.when.get()),
                    " unless ", Fingerprint(program, rule.unless.get()));
    row.digest = Sha256Hex(text);
  }
  for (const typed::Review& review : program.reviews) {
    const Workflow& workflow = schema->workflows[review.workflow.value];
    const Review& table = workflow.reviews[review.review.value];
    for (const Clause& clause : table.clauses) {
      Rule& row = schema->rules[clause.rule.value];
      std::string text =
          absl::StrCat(row.qualified, " ", workflow.qualified, LadderText(*schema, row.ladder, workflow));
      if (clause.transition.valid()) absl::StrAppend(&text, " ", workflow.transitions[clause.transition.value].name);
      if (clause.asks.valid()) absl::StrAppend(&text, " to ", schema->roles[clause.asks.value].qualified);
      for (const typed::ReviewClause& typed_clause : review.clauses) {
        if (&table.clauses[typed_clause.clause.value] == &clause)
          absl::StrAppend(&text, " when ", Fingerprint(program, typed_clause.when.get()));
      }
      row.digest = Sha256Hex(text);
    }
  }
}

// A function, and which place of the schema names it.
struct Unit {
  Function function;
  ir::Code code;
  FunctionConditions conditions;
  std::function<void(Schema*, FunctionId)> place;
};

class ProgramLowering {
 public:
  ProgramLowering(const typed::Program& typed, diagnostics::Sink* sink, Purpose purpose)
      : typed_(typed), sink_(sink), purpose_(purpose) {
    Schema& schema = out_.program.schema;
    schema = typed.schema;
    if (purpose == Purpose::kTests) return;
    const typed::Governing& governing = typed.governing;
    state_.known_facts = state_.known_facts.first(std::min(typed.facts.size(), governing.facts));
    state_.rules = state_.rules.first(std::min(typed.rules.size(), governing.rules));
    schema.rules.resize(std::min(schema.rules.size(), governing.rows));
    schema.types.resize(std::min(schema.types.size(), governing.types));
  }

  Lowered Run() {
    DigestRules(typed_, state_.rules, &out_.program.schema);
    FindPoisoned();
    AllocateFacts(&state_, poisoned_);
    for (uint32_t f = 0; f < state_.known_facts.size(); ++f) AddKeyed(f);
    EachFold(&state_, [this](WorkflowId w, TransitionId t, bool refused, LoweredFold fold) {
      if (!fold.empty) AddFold(w, t, refused, std::move(fold));
    });
    for (uint32_t w = 0; w < schema_.workflows.size(); ++w) {
      for (uint32_t t = 0; t < schema_.workflows[w].transitions.size(); ++t) {
        AddDecide(WorkflowId(w), TransitionId(t));
        AddCompute(WorkflowId(w), TransitionId(t));
        AddConsequences(WorkflowId(w), TransitionId(t));
      }
    }
    for (const typed::Review& review : typed_.reviews) AddConclude(review);
    for (uint32_t w = 0; w < schema_.workflows.size(); ++w) AddAsk(WorkflowId(w));
    if (purpose_ == Purpose::kTests) AddTruths();
    for (const typed::Plan& plan : typed_.plans) AddPlan(plan);
    Place();
    return std::move(out_);
  }

 private:
  using TakeFold = std::function<void(WorkflowId, TransitionId, bool, LoweredFold)>;

  void EachFold(ProgramState* into, const TakeFold& take) {
    for (uint32_t w = 0; w < schema_.workflows.size(); ++w) {
      for (uint32_t t = 0; t < schema_.workflows[w].transitions.size(); ++t) {
        for (const bool refused : {false, true})
          take(WorkflowId(w), TransitionId(t), refused,
               LowerFold(into, WorkflowId(w), TransitionId(t), refused, &poisoned_));
      }
    }
  }

  // Which facts need a cell that says "unknown" is seen by lowering their folds once, into a program that is thrown
  // away.
  void FindPoisoned() {
    ir::Program scratch;
    scratch.schema = out_.program.schema;
    diagnostics::Sink quiet;
    ProgramState dry{&typed_, &scratch.schema, &scratch, &quiet, state_.known_facts, state_.rules, {}};
    AllocateFacts(&dry, poisoned_);
    EachFold(&dry, [](WorkflowId, TransitionId, bool, LoweredFold) {});
    for (uint32_t f = 0; f < state_.known_facts.size(); ++f) {
      for (const TransitionId t : MovedBy(typed_.facts[f])) LowerKeyedFold(&dry, f, t, &poisoned_);
    }
  }

  Unit& AddUnit(FunctionKind kind, std::string name, WorkflowId workflow, uint32_t subject) {
    Unit& unit = units_.emplace_back();
    unit.function.name = std::move(name);
    unit.function.kind = kind;
    unit.function.workflow = workflow;
    unit.function.subject = subject;
    return unit;
  }

  std::string NameOf(WorkflowId w, TransitionId t) const {
    const Workflow& workflow = schema_.workflows[w.value];
    return absl::StrCat(workflow.qualified, ".", workflow.transitions[t.value].name);
  }

  void AddFold(WorkflowId w, TransitionId t, bool refused, LoweredFold fold) {
    units_.push_back({std::move(fold.function), std::move(fold.code), {}, [w, t, refused](Schema* s, FunctionId id) {
                        Transition& transition = s->workflows[w.value].transitions[t.value];
                        (refused ? transition.fold_refused : transition.fold) = id;
                      }});
  }

  std::vector<TransitionId> MovedBy(const typed::Fact& fact) const {
    std::vector<TransitionId> out;
    if (!fact.keyed.valid()) return out;
    for (uint32_t t = 0; t < schema_.workflows[fact.workflow.value].transitions.size(); ++t) {
      if (Moves(fact, TransitionId(t))) out.push_back(TransitionId(t));
    }
    return out;
  }

  // A fact that is kept by key: what each event does to it, or which instances it counts.
  void AddKeyed(uint32_t f) {
    const typed::Fact& fact = typed_.facts[f];
    if (!fact.keyed.valid()) return;
    const WorkflowId w = fact.workflow;
    const std::string& name = schema_.workflows[fact.keyed.value].qualified;
    if (fact.kind == typed::Fact::Kind::kPopulation) {
      std::vector<Population>& table = out_.program.schema.workflows[w.value].populations;
      const size_t row = table.size();
      table.push_back({fact.keyed, fact.states, FunctionId()});
      for (uint32_t s = 0; Planted(Fault::kEveryStateCounts) && s < schema_.workflows[w.value].states.size(); ++s) {
        if (s >= table.back().states.size()) table.back().states.resize(s + 1);
        table.back().states[s] = StateId(s);
      }
      const std::string of = absl::StrCat(schema_.workflows[w.value].qualified, ".counted.", name);
      Unit& key = AddUnit(FunctionKind::kKey, absl::StrCat(of, ".key"), w, UINT32_MAX);
      LowerKey(&state_, &key.function, fact, &key.code);
      key.place = [w, row](Schema* s, FunctionId id) { s->workflows[w.value].populations[row].key = id; };
      return;
    }
    for (const TransitionId t : MovedBy(fact)) {
      std::vector<KeyedFold>& table = out_.program.schema.workflows[w.value].transitions[t.value].keyed;
      const size_t row = table.size();
      table.push_back({fact.keyed, FunctionId(), FunctionId()});
      const std::string of = absl::StrCat(NameOf(w, t), ".for.", name);
      Unit& key = AddUnit(FunctionKind::kKey, absl::StrCat(of, ".key"), w, t.value);
      LowerKey(&state_, &key.function, fact, &key.code);
      key.place = [w, t, row](Schema* s, FunctionId id) {
        s->workflows[w.value].transitions[t.value].keyed[row].key = id;
      };
      LoweredFold fold = LowerKeyedFold(&state_, f, t, &poisoned_);
      if (fold.empty) continue;
      fold.function.name = absl::StrCat(of, ".fold");
      units_.push_back({std::move(fold.function), std::move(fold.code), {}, [w, t, row](Schema* s, FunctionId id) {
                          s->workflows[w.value].transitions[t.value].keyed[row].fold = id;
                        }});
    }
  }

  void AddDecide(WorkflowId w, TransitionId t) {
    Unit& unit = AddUnit(FunctionKind::kDecide, NameOf(w, t), w, t.value);
    unit.place = [w, t](Schema* s, FunctionId id) { s->workflows[w.value].transitions[t.value].decide = id; };
    DecideLowering(&state_, &unit.function, w, t).Lower(&unit.code, &unit.conditions);
  }

  void AddCompute(WorkflowId w, TransitionId t) {
    std::vector<const typed::Computed*> computed;
    for (const SetField& set : schema_.workflows[w.value].transitions[t.value].sets) {
      for (const typed::Computed& one : typed_.computed) {
        if (set.computed && one.workflow == w && one.transition == t && one.field == set.field)
          computed.push_back(&one);
      }
    }
    if (computed.empty()) return;
    Unit& unit = AddUnit(FunctionKind::kCompute, absl::StrCat(NameOf(w, t), ".compute"), w, t.value);
    unit.place = [w, t](Schema* s, FunctionId id) { s->workflows[w.value].transitions[t.value].compute = id; };
    LowerCompute(&state_, &unit.function, computed, &unit.code);
  }

  // In the order of the rules' names.
  void AddConsequences(WorkflowId w, TransitionId t) {
    for (const typed::Rule& rule : state_.rules) {
      if (rule.workflow != w || !Holds(rule.transitions, t)) continue;
      const std::vector<Consequence>& rows = schema_.rules[rule.rule.value].then;
      for (uint32_t i = 0; i < rule.then.size(); ++i) {
        std::vector<ConsequenceOf>& list =
            out_.program.schema.workflows[w.value].transitions[t.value].consequences;
        const size_t at = list.size();
        list.push_back({rule.rule, i, FunctionId()});
        if (!rows[i].obligation.valid() || rule.then[i].values.empty()) continue;
        Unit& unit = AddUnit(FunctionKind::kConsequence,
                             absl::StrCat(NameOf(w, t), ".then.", schema_.rules[rule.rule.value].qualified, ".", i), w,
                             t.value);
        unit.place = [w, t, at](Schema* s, FunctionId id) {
          s->workflows[w.value].transitions[t.value].consequences[at].function = id;
        };
        LowerConsequence(&state_, &unit.function, schema_.obligations[rows[i].obligation.value], rule.then[i],
                         &unit.code);
      }
    }
  }

  void AddAsk(WorkflowId w) {
    if (schema_.workflows[w.value].asks.empty()) return;
    Unit& unit = AddUnit(FunctionKind::kAsk, absl::StrCat(schema_.workflows[w.value].qualified, ".ask.rules"), w, 0);
    unit.place = [w](Schema* s, FunctionId id) { s->workflows[w.value].ask = id; };
    LowerAsk(&state_, &unit.function, w, &unit.code);
  }

  void AddTruth(WorkflowId w, const typed::Expr* condition) {
    if (condition == nullptr) return;
    Unit& unit = AddUnit(FunctionKind::kAsk, absl::StrCat(schema_.workflows[w.value].qualified, ".truth.", truths_++), w,
                         UINT32_MAX);
    unit.place = [this, condition](Schema*, FunctionId id) { out_.truths[condition] = id; };
    LowerTruth(&state_, &unit.function, *condition, &unit.code);
  }

  void AddTruths() {
    for (const typed::Test& test : typed_.tests) {
      for (const typed::Step& step : test.steps) {
        if (step.expect.has_value()) AddTruth(step.workflow, step.expect->condition.get());
      }
    }
    for (const typed::Property& property : typed_.properties) {
      AddTruth(property.workflow, property.condition.get());
      if (property.kind == typed::Property::Kind::kAlways) AddTruth(property.workflow, property.when.get());
    }
  }

  void AddPlan(const typed::Plan& plan) {
    const WorkflowId w = plan.workflow;
    Unit& unit = AddUnit(FunctionKind::kPlan, absl::StrCat(schema_.workflows[w.value].qualified, ".plan"), w, 0);
    unit.place = [w](Schema* s, FunctionId id) { s->workflows[w.value].plans[0].function = id; };
    LowerPlan(&state_, &unit.function, plan, &unit.code);
  }

  void AddConclude(const typed::Review& review) {
    const WorkflowId w = review.workflow;
    const ReviewId r = review.review;
    const Workflow& workflow = schema_.workflows[w.value];
    const std::string& state = workflow.states[workflow.reviews[r.value].state.value].name;
    Unit& unit =
        AddUnit(FunctionKind::kConclude, absl::StrCat(workflow.qualified, ".review.", state, ".conclude"), w, r.value);
    unit.place = [w, r](Schema* s, FunctionId id) { s->workflows[w.value].reviews[r.value].conclude = id; };
    ConcludeLowering(&state_, &unit.function, review).Lower(&unit.code);
  }

  // Functions stand in the order of their names.
  void Place() {
    std::vector<Unit*> order;
    for (Unit& unit : units_) order.push_back(&unit);
    std::sort(order.begin(), order.end(),
              [](const Unit* a, const Unit* b) { return a->function.name < b->function.name; });
    for (Unit* unit : order) {
      const FunctionId id(out_.program.code.size());
      unit->place(&out_.program.schema, id);
      out_.program.schema.functions.push_back(std::move(unit->function));
      out_.program.code.push_back(std::move(unit->code));
      out_.conditions.push_back(std::move(unit->conditions));
    }
  }

  const typed::Program& typed_;
  diagnostics::Sink* sink_;
  const Purpose purpose_;
  Lowered out_;
  const Schema& schema_ = out_.program.schema;
  ProgramState state_{&typed_, &out_.program.schema, &out_.program, sink_, typed_.facts, typed_.rules, {}};
  std::vector<bool> poisoned_ = std::vector<bool>(typed_.facts.size(), false);  // by fact
  std::deque<Unit> units_;
  size_t truths_ = 0;
};

}  // namespace

// What a calendar says decides with the rule, so that it is part of what is digested.
static std::string CalendarText(const Schema& schema, const typed::Expr& expr) {
  const Calendar& calendar = schema.calendars[expr.index];
  const auto op = static_cast<typed::CalendarOp>(expr.part);
  std::string text = absl::StrCat(" ", calendar.qualified);
  if (op == typed::CalendarOp::kInWindow) {
    for (const CalendarWindow& w : calendar.windows) {
      if (w.name == calendar.windows[expr.part2].name) absl::StrAppend(&text, " ", w.name, " ", w.from_ns, "..", w.until_ns);
    }
    return text;
  }
  for (const ZoneStep& step : schema.zones[calendar.zone].steps) absl::StrAppend(&text, " ", step.from_ns, ":", step.offset_ns);
  if (op == typed::CalendarOp::kYears || op == typed::CalendarOp::kDay) return text;
  for (const Opening& o : calendar.openings) absl::StrAppend(&text, " ", o.weekday, " ", o.from_ns, "..", o.until_ns);
  for (const int64_t day : calendar.closed) absl::StrAppend(&text, " closed ", day);
  return text;
}

std::string Fingerprint(const typed::Program& program, const typed::Expr* expr) {
  if (expr == nullptr) return "-";
  std::string text = absl::StrCat(
      "(", static_cast<int>(expr->kind), " ", static_cast<int>(expr->type.type.kind), ".", expr->type.scale, " ",
      static_cast<int64_t>(expr->number >> 64), ":", static_cast<uint64_t>(expr->number), " ",
      absl::CHexEscape(expr->text), " ", static_cast<int>(expr->root), ".", expr->index, ".", expr->part, ".",
      expr->part2, " v", expr->variable, " ", static_cast<int>(expr->op), " ", static_cast<int>(expr->rounding));
  if (expr->kind == typed::ExprKind::kCalendar) text += CalendarText(program.schema, *expr);
  if (expr->variable2 != UINT32_MAX) absl::StrAppend(&text, " w", expr->variable2);
  if (expr->kind == typed::ExprKind::kKeyedFact) text += typed::Text(program.facts[expr->index]);
  for (const typed::ExprPtr& child : expr->children) absl::StrAppend(&text, " ", Fingerprint(program, child.get()));
  return text + ")";
}

Lowered Lower(const typed::Program& typed, diagnostics::Sink* sink, Purpose purpose) {
  return ProgramLowering(typed, sink, purpose).Run();
}

}  // namespace writ::lower
