#include "compiler/lower/lower.h"

#include <openssl/sha.h>

#include <algorithm>
#include <deque>
#include <functional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "compiler/lower/expressions.h"
#include "compiler/lower/facts.h"
#include "compiler/lower/planted_faults.h"
#include "runtime/builtins/check.h"

namespace writ::lower {
namespace {

using ir::ExprId;
using ir::Guard;

// One restraint before it has its place in the table.
struct Restraining {
  Restraint row;
  std::function<Guard()> guard;  // built in the order of names
  bool always = false;           // applies to the orchestrator's safe way out too: the gates
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
  Guard NoRecord();
  Guard RuleGuard(const typed::Rule& rule);
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
  AddBuiltin(Builtin::kNoRecord, Effect::kDeny, [this] { return NoRecord(); });
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
    one.value = f_.RoleIs(grant.role);
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
  const ExprId known = Planted(Fault::kUnknownAuthorises) ? f_.TrueOrUnknown(covered) : f_.Known(covered);
  const ExprId holds = f_.BoolSlot(SlotRoot::kHoldsRole);
  const ExprId may = b().And(known, holds);
  const ExprId may_not = b().Not(may);
  const ExprId other = b().Not(Orchestrator());
  const ExprId applies = b().And(other, may_not);
  const ExprId fails = b().And(other, covered.unknown);
  return {applies, fails};
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
        return Certain(b().And(here, taken));
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
          const ExprId asked = f_.RoleIs(clause.asks);
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

Value DecideLowering::Scope(const typed::Rule& rule) {
  Value scope = f_.True();
  scope.value = f_.AnyRoleOf(rule.by, rule.by_orchestrator);
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
    const ExprId asked = f_.RoleIs(row.asks);
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
  for (const typed::Rule& rule : state_->typed->rules) {
    const Effect effect = schema_.rules[rule.rule.value].effect;
    if (rule.workflow != workflow_id_ || effect == Effect::kAllow || !Holds(rule.transitions, transition_id_)) continue;
    Add(rule.rule, effect, [this, &rule] { return RuleGuard(rule); });
  }
}

void DecideLowering::Lower(ir::Code* code, FunctionConditions* conditions) {
  if (workflow_.is_builtin && workflow_.name == "Question") {
    AddQuestion();
  } else {
    AddBuiltins();
    AddReviews();
  }
  AddRules();
  const auto name = [&](const Restraining& r) -> const std::string& {
    return schema_.rules[r.row.rule.value].qualified;
  };
  std::stable_sort(restraints_.begin(), restraints_.end(), [&](const Restraining& x, const Restraining& y) {
    return name(x) != name(y) ? name(x) < name(y) : x.row.effect < y.row.effect;
  });
  if (restraints_.size() > limits::kRulesPerFunctionMax) {
    ast::Span span;  // of a rule that is one too many
    for (const typed::Rule& rule : state_->typed->rules) {
      if (rule.workflow == workflow_id_ && Holds(rule.transitions, transition_id_)) span = rule.span;
    }
    state_->sink->Report(span, diagnostics::kTooManyRules, diagnostics::Author(transition_.name),
                         diagnostics::Number(limits::kRulesPerFunctionMax));
    restraints_.resize(limits::kRulesPerFunctionMax);
  }

  // no_record looks at what the others have read, so it is built last.
  std::vector<Guard> guards(restraints_.size());
  conditions->restraints.resize(restraints_.size());
  const bool halting = !Planted(Fault::kSafeWayOutShut) && !transition_.stays && transition_.target.valid() &&
                       workflow_.states[transition_.target.value].is_halted;
  const auto build = [&](size_t i) {
    f_.conditions = &conditions->restraints[i];
    Guard guard = restraints_[i].guard();
    f_.conditions = nullptr;
    if (!guard.fails.valid()) guard.fails = b().Bool(false);
    if (halting && !restraints_[i].always) {
      const ExprId other = b().Not(Orchestrator());
      guard.applies = b().And(guard.applies, other);
      guard.fails = b().And(guard.fails, other);
    }
    guards[i] = guard;
    function_->restraints.push_back(restraints_[i].row);
  };
  size_t record = restraints_.size();
  for (size_t i = 0; i < restraints_.size(); ++i) {
    if (restraints_[i].row.rule == BuiltinRule(Builtin::kNoRecord)) {
      record = i;
      function_->restraints.push_back(restraints_[i].row);
      continue;
    }
    build(i);
  }

  std::vector<Guard> allow_guards;
  for (const typed::Rule& rule : state_->typed->rules) {
    if (rule.workflow != workflow_id_ || schema_.rules[rule.rule.value].effect != Effect::kAllow) continue;
    if (!Holds(rule.transitions, transition_id_)) continue;
    Allow allow{rule.rule, std::vector<uint64_t>((restraints_.size() + 63) / 64, 0)};
    bool excuses = false;
    for (size_t i = 0; i < restraints_.size(); ++i) {
      const RuleId restraint = restraints_[i].row.rule;
      if (schema_.rules[restraint.value].kind != RuleKind::kRule) continue;
      if (std::find(rule.overrides.begin(), rule.overrides.end(), restraint) == rule.overrides.end()) continue;
      allow.excuses[i / 64] |= uint64_t{1} << (i % 64);
      excuses = true;
    }
    if (!excuses) continue;
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
    allow_guards.push_back({applies, fails});
    function_->allows.push_back(std::move(allow));
  }
  if (record < restraints_.size()) {
    Guard guard = restraints_[record].guard();
    if (halting) {
      const ExprId other = b().Not(Orchestrator());
      guard.applies = b().And(guard.applies, other);
    }
    guards[record] = guard;
  }
  f_.Finish(std::move(guards), std::move(allow_guards), {}, code, conditions);
}

// ---------------------------------------------------------------- the other functions

void LowerCompute(ProgramState* state, Function* function, const std::vector<const typed::Computed*>& computed,
                  ir::Code* code) {
  FunctionLowering f(state, function);
  std::vector<ExprId> outputs;
  const auto output = [&](SlotKind kind, ExprId value) {
    function->outputs.push_back({kind, function->output_words});
    function->output_words += WordsOf(kind);
    outputs.push_back(value);
  };
  for (const typed::Computed* one : computed) {
    const Value v = f.Lower(*one->value);
    if (v.unknown != f.build().Bool(false)) state->sink->Report(one->value->span, diagnostics::kComputedCanFail);
    const ExprId known = f.build().Not(v.unknown);
    output(SlotKind::kBool, f.build().And(v.present, known));
    const TypeKind kind = one->value->type.type.kind;
    output(kind == TypeKind::kBool                                     ? SlotKind::kBool
           : kind == TypeKind::kString || kind == TypeKind::kReference ? SlotKind::kString
                                                                       : SlotKind::kI64,
           v.value);
  }
  f.Finish({}, {}, std::move(outputs), code, nullptr);
}

// Which clause a review comes to: of those that fire, the ones of the highest domain; within it halting before
// escalating before the rest; two different outcomes left are a conflict.
void LowerConclude(ProgramState* state, Function* function, const typed::Review& review, ir::Code* code) {
  const Schema& schema = *state->schema;
  const Review& table = schema.workflows[review.workflow.value].reviews[review.review.value];
  FunctionLowering f(state, function);
  ir::Builder& b = f.build();
  const size_t count = review.clauses.size();
  const ExprId no = b.Bool(false);
  std::vector<ExprId> fires(count, no);
  ExprId any = no, unknown = no;
  const auto rank = [&](size_t i) {
    const typed::ReviewClause& c = review.clauses[i];
    return c.halting ? 2 : table.clauses[c.clause.value].asks.valid() ? 1 : 0;
  };
  for (size_t i = 0; i < count; ++i) {
    const typed::ReviewClause& clause = review.clauses[i];
    if (clause.otherwise || clause.when == nullptr) continue;
    const bool restrains = rank(i) > 0;
    const Value when = f.Lower(*clause.when, restrains ? Polarity::kRestrains : Polarity::kEmpowers);
    fires[i] = restrains ? f.TrueOrUnknown(when) : f.Known(when);
    any = b.Or(any, fires[i]);
    unknown = b.Or(unknown, when.unknown);
  }
  for (size_t i = 0; i < count; ++i) {
    if (review.clauses[i].otherwise || review.clauses[i].when == nullptr) fires[i] = b.Not(any);
  }
  const auto stronger = [&](size_t j, size_t i) {
    const DomainId dj = review.clauses[j].domain, di = review.clauses[i].domain;
    if (!dj.valid()) return false;
    if (!di.valid()) return true;
    if (dj == di) return rank(j) > rank(i);
    if (Planted(Fault::kDomainsNotRanked)) return false;
    const std::vector<DomainId>& below = schema.domains[dj.value].below;
    return std::find(below.begin(), below.end(), di) != below.end();
  };
  std::vector<ExprId> left(count, no);
  for (size_t i = 0; i < count; ++i) {
    ExprId beaten = no;
    for (size_t j = 0; j < count; ++j) {
      if (j != i && stronger(j, i)) beaten = b.Or(beaten, fires[j]);
    }
    const ExprId unbeaten = b.Not(beaten);
    left[i] = b.And(fires[i], unbeaten);
  }
  ExprId conflict = no;
  for (size_t i = 0; i < count; ++i) {
    const Clause& x = table.clauses[review.clauses[i].clause.value];
    for (size_t j = i + 1; j < count; ++j) {
      const Clause& y = table.clauses[review.clauses[j].clause.value];
      if (x.transition == y.transition && x.asks == y.asks) continue;
      const ExprId both = b.And(left[i], left[j]);
      conflict = b.Or(conflict, both);
    }
  }
  // Of clauses with the same outcome the first by name is the reason, wherever they stand.
  std::vector<size_t> order(count);
  for (size_t i = 0; i < count; ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t x, size_t y) {
    return table.clauses[review.clauses[x].clause.value].name > table.clauses[review.clauses[y].clause.value].name;
  });
  ExprId clause = b.Number(-1);
  for (const size_t i : order) {
    const ExprId index = b.Number(review.clauses[i].clause.value);
    clause = b.Select(left[i], index, clause);
  }
  function->outputs = {{SlotKind::kI64, 0}, {SlotKind::kBool, 1}, {SlotKind::kBool, 2}};
  function->output_words = 3;
  f.Finish({}, {}, {clause, conflict, unknown}, code, nullptr);
}

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
    at = rung.otherwise == Ladder::Else::kEscalate ? rung.next : LadderId();
  }
  return text;
}

// What a rule decides, as text: an approval discharges a rule only while this is the same.
void DigestRules(const typed::Program& program, Schema* schema) {
  for (const typed::Rule& rule : program.rules) {
    Rule& row = schema->rules[rule.rule.value];
    const Workflow& workflow = schema->workflows[rule.workflow.value];
    std::string text = absl::StrCat(row.qualified, " ", static_cast<int>(row.effect), " ", workflow.qualified);
    for (const TransitionId t : rule.transitions) absl::StrAppend(&text, " ", workflow.transitions[t.value].name);
    for (const RoleId r : rule.by) absl::StrAppend(&text, " by ", schema->roles[r.value].qualified);
    if (rule.by_orchestrator) text += " by orchestrator";
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

struct Unit {
  Function function;
  ir::Code code;
  FunctionConditions conditions;
  std::function<void(Schema*, FunctionId)> place;
};

}  // namespace

std::string Fingerprint(const typed::Program& program, const typed::Expr* expr) {
  if (expr == nullptr) return "-";
  std::string text = absl::StrCat(
      "(", static_cast<int>(expr->kind), " ", static_cast<int>(expr->type.type.kind), ".", expr->type.scale, " ",
      static_cast<int64_t>(expr->number >> 64), ":", static_cast<uint64_t>(expr->number), " ",
      absl::CHexEscape(expr->text), " ", static_cast<int>(expr->root), ".", expr->index, ".", expr->part, ".",
      expr->part2, " v", expr->variable, " ", static_cast<int>(expr->op), " ", static_cast<int>(expr->rounding));
  for (const typed::ExprPtr& child : expr->children) absl::StrAppend(&text, " ", Fingerprint(program, child.get()));
  return text + ")";
}

Lowered Lower(const typed::Program& typed, diagnostics::Sink* sink) {
  Lowered out;
  out.program.schema = typed.schema;
  ProgramState state{&typed, &out.program.schema, &out.program, sink, {}};
  DigestRules(typed, &out.program.schema);

  // Which facts need a cell that says "unknown" is seen by lowering their folds once, into a program that is thrown
  // away.
  std::vector<bool> poisoned(typed.facts.size(), false);
  const auto each_fold = [&](ProgramState* into,
                             const std::function<void(WorkflowId, TransitionId, bool, LoweredFold)>& take) {
    for (uint32_t w = 0; w < out.program.schema.workflows.size(); ++w) {
      for (uint32_t t = 0; t < out.program.schema.workflows[w].transitions.size(); ++t) {
        for (const bool refused : {false, true})
          take(WorkflowId(w), TransitionId(t), refused,
               LowerFold(into, WorkflowId(w), TransitionId(t), refused, &poisoned));
      }
    }
  };
  {
    ir::Program scratch;
    scratch.schema = typed.schema;
    diagnostics::Sink quiet;
    ProgramState dry{&typed, &scratch.schema, &scratch, &quiet, {}};
    AllocateFacts(&dry, poisoned);
    each_fold(&dry, [](WorkflowId, TransitionId, bool, LoweredFold) {});
  }
  AllocateFacts(&state, poisoned);

  std::deque<Unit> units;
  each_fold(&state, [&](WorkflowId w, TransitionId t, bool refused, LoweredFold fold) {
    if (fold.empty) return;
    units.push_back(
        {std::move(fold.function), std::move(fold.code), {}, [w, t, refused](Schema* schema, FunctionId id) {
           Transition& transition = schema->workflows[w.value].transitions[t.value];
           (refused ? transition.fold_refused : transition.fold) = id;
         }});
  });
  const Schema& schema = out.program.schema;
  for (uint32_t w = 0; w < schema.workflows.size(); ++w) {
    const Workflow& workflow = schema.workflows[w];
    for (uint32_t t = 0; t < workflow.transitions.size(); ++t) {
      const Transition& transition = workflow.transitions[t];
      Unit& decide = units.emplace_back();
      decide.function.name = absl::StrCat(workflow.qualified, ".", transition.name);
      decide.function.kind = FunctionKind::kDecide;
      decide.function.workflow = WorkflowId(w);
      decide.function.subject = t;
      decide.place = [w, t](Schema* s, FunctionId id) { s->workflows[w].transitions[t].decide = id; };
      DecideLowering(&state, &decide.function, WorkflowId(w), TransitionId(t)).Lower(&decide.code, &decide.conditions);

      std::vector<const typed::Computed*> computed;
      for (const SetField& set : transition.sets) {
        for (const typed::Computed& one : typed.computed) {
          if (set.computed && one.workflow == WorkflowId(w) && one.transition == TransitionId(t) &&
              one.field == set.field)
            computed.push_back(&one);
        }
      }
      if (computed.empty()) continue;
      Unit& compute = units.emplace_back();
      compute.function.name = absl::StrCat(workflow.qualified, ".", transition.name, ".compute");
      compute.function.kind = FunctionKind::kCompute;
      compute.function.workflow = WorkflowId(w);
      compute.function.subject = t;
      compute.place = [w, t](Schema* s, FunctionId id) { s->workflows[w].transitions[t].compute = id; };
      LowerCompute(&state, &compute.function, computed, &compute.code);
    }
  }
  for (const typed::Review& review : typed.reviews) {
    const Workflow& workflow = schema.workflows[review.workflow.value];
    Unit& conclude = units.emplace_back();
    conclude.function.name =
        absl::StrCat(workflow.qualified, ".review.",
                     workflow.states[workflow.reviews[review.review.value].state.value].name, ".conclude");
    conclude.function.kind = FunctionKind::kConclude;
    conclude.function.workflow = review.workflow;
    conclude.function.subject = review.review.value;
    conclude.place = [w = review.workflow, r = review.review](Schema* s, FunctionId id) {
      s->workflows[w.value].reviews[r.value].conclude = id;
    };
    LowerConclude(&state, &conclude.function, review, &conclude.code);
  }

  std::vector<Unit*> order;
  for (Unit& unit : units) order.push_back(&unit);
  std::sort(order.begin(), order.end(),
            [](const Unit* a, const Unit* b) { return a->function.name < b->function.name; });
  for (Unit* unit : order) {
    const FunctionId id(out.program.code.size());
    unit->place(&out.program.schema, id);
    out.program.schema.functions.push_back(std::move(unit->function));
    out.program.code.push_back(std::move(unit->code));
    out.conditions.push_back(std::move(unit->conditions));
  }
  return out;
}

}  // namespace writ::lower
