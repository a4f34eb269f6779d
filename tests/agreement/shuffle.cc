#include "tests/agreement/shuffle.h"

#include <algorithm>
#include <utility>

#include "tests/agreement/expressions.h"
#include "tests/agreement/generator.h"

namespace writ::agreement {

using samples::Random;
using typed::Expr;
using typed::ExprKind;
using typed::ExprPtr;

namespace {

constexpr uint32_t kFieldPart = 0;  // Expr::part of kDeref

std::vector<uint32_t> Unmoved(size_t count) {
  std::vector<uint32_t> order(count);
  for (uint32_t i = 0; i < count; ++i) order[i] = i;
  return order;
}

// Moves the first `count`; the `fixed` after them stay.
std::vector<uint32_t> Permutation(size_t count, Random* random, size_t fixed = 0) {
  std::vector<uint32_t> order = Unmoved(count + fixed);
  for (size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random->Below(static_cast<uint32_t>(i))]);
  return order;
}

template <class T>
void Permute(std::vector<T>* items, const std::vector<uint32_t>& order) {
  std::vector<T> moved(items->size());
  for (size_t i = 0; i < order.size(); ++i) moved[order[i]] = std::move((*items)[i]);
  *items = std::move(moved);
}

template <class T>
void PermuteAnyhow(std::vector<T>* items, Random* random) {
  Permute(items, Permutation(items->size(), random));
}

template <class Id>
void MoveId(Id* id, const std::vector<uint32_t>& order) {
  if (id->valid() && id->value < order.size()) *id = Id(order[id->value]);  // kNewState is no place of the table
}

template <class Id>
void MoveSorted(std::vector<Id>* ids, const std::vector<uint32_t>& order) {
  for (Id& id : *ids) MoveId(&id, order);
  std::sort(ids->begin(), ids->end());
}

}  // namespace

Shuffled::Shuffled(const typed::Program* original, uint64_t seed) : original_(*original), program_(Clone(*original)) {
  Random random(seed);
  ChooseOrders(&random);
  ladders_.resize(program_.schema.ladders.size());
  MoveTypes();
  MoveRules();
  for (uint32_t w = 0; w < moves_.size(); ++w) MoveWorkflow(w);
  Permute(&program_.facts, facts_);
  for (typed::Grant& grant : program_.grants) PermuteAnyhow(&grant.limits, &random);
  PermuteAnyhow(&program_.grants, &random);
  PermuteAnyhow(&program_.computed, &random);
  for (typed::Review& review : program_.reviews) PermuteAnyhow(&review.clauses, &random);
  for (Workflow& w : program_.schema.workflows) {
    for (Transition& t : w.transitions) PermuteAnyhow(&t.sources, &random);
  }
  EachExpr(&program_, [&](ExprPtr* at) {
    const bool either = (*at)->kind == ExprKind::kAnd || (*at)->kind == ExprKind::kOr;
    if (either && random.OneIn(2)) std::swap((*at)->children[0], (*at)->children[1]);
  });
}

void Shuffled::ChooseOrders(Random* random) {
  const Schema& schema = original_.schema;
  facts_ = Permutation(original_.facts.size(), random);
  types_ = Permutation(schema.types.size(), random);
  for (const Record& record : schema.records) members_.push_back(Permutation(record.members.size(), random));
  for (const Workflow& w : schema.workflows) {
    Moves moves;
    // The runtime's own workflows are not written by anybody.
    const auto order = [&](size_t count) { return w.is_builtin ? Unmoved(count) : Permutation(count, random); };
    moves.fields = order(w.fields.size());
    moves.states = order(w.states.size());
    moves.transitions = order(w.transitions.size());
    for (const Transition& t : w.transitions) moves.sets.push_back(order(t.sets.size()));
    // "else" and "conflict" are nobody's clauses.
    for (const Review& review : w.reviews) moves.clauses.push_back(Permutation(review.clauses.size() - 2, random, 2));
    moves_.push_back(std::move(moves));
  }
}

void Shuffled::Retype(TypeId* id) const { MoveId(id, types_); }

void Shuffled::Rekey(Type* type) const {
  if (type->key.valid()) MoveId(&type->key, members_[original_.schema.types[type->element.value].index]);
  Retype(&type->element);
}

void Shuffled::MoveTypes() {
  Schema& schema = program_.schema;
  for (Type& type : schema.types) Rekey(&type);
  Permute(&schema.types, types_);
  for (size_t r = 0; r < schema.records.size(); ++r) {
    for (Field& field : schema.records[r].members) Retype(&field.type);
    Permute(&schema.records[r].members, members_[r]);
  }
  for (Workflow& w : schema.workflows) {
    for (Field& field : w.key) Retype(&field.type);
    for (Field& field : w.fields) Retype(&field.type);
    for (Transition& t : w.transitions) {
      for (Field& field : t.payload) Retype(&field.type);
    }
  }
}

void Shuffled::MoveLadder(LadderId id, const Moves& moves) {
  for (; id.valid() && !ladders_[id.value]; id = program_.schema.ladders[id.value].next) {
    ladders_[id.value] = true;
    MoveId(&program_.schema.ladders[id.value].transition, moves.transitions);
  }
}

void Shuffled::MoveReview(const Moves& moves, uint32_t r, Review* review) {
  MoveId(&review->state, moves.states);
  MoveId(&review->verdict, moves.transitions);
  MoveSorted(&review->binds, moves.transitions);
  for (Clause& clause : review->clauses) MoveId(&clause.transition, moves.transitions);
  Permute(&review->clauses, moves.clauses[r]);
  MoveLadder(review->ladder, moves);
}

void Shuffled::MoveWorkflow(uint32_t w) {
  Workflow& workflow = program_.schema.workflows[w];
  const Moves& moves = moves_[w];
  for (uint32_t r = 0; r < workflow.reviews.size(); ++r) MoveReview(moves, r, &workflow.reviews[r]);
  for (size_t t = 0; t < workflow.transitions.size(); ++t) {
    Transition& transition = workflow.transitions[t];
    for (StateId& source : transition.sources) MoveId(&source, moves.states);
    MoveId(&transition.target, moves.states);
    for (SetField& set : transition.sets) MoveId(&set.field, moves.fields);
    Permute(&transition.sets, moves.sets[t]);
  }
  if (workflow.under.valid()) MoveId(&workflow.under, moves.fields);
  Permute(&workflow.fields, moves.fields);
  Permute(&workflow.states, moves.states);
  Permute(&workflow.transitions, moves.transitions);
}

void Shuffled::MovePattern(WorkflowId workflow, typed::Pattern* pattern) {
  MoveSorted(&pattern->transitions, moves_[workflow.value].transitions);
  MoveExpr(workflow, &pattern->where);
}

void Shuffled::MoveRules() {
  for (typed::Fact& fact : program_.facts) {
    MovePattern(fact.workflow, &fact.pattern);
    if (fact.since.has_value()) MovePattern(fact.workflow, &*fact.since);
    MoveExpr(fact.workflow, &fact.value);
    for (ExprPtr& part : fact.key) MoveExpr(fact.workflow, &part);
    MoveSorted(&fact.states, moves_[fact.workflow.value].states);
    Rekey(&fact.type.type);
  }
  for (typed::Grant& grant : program_.grants) {
    MoveId(&grant.transition, moves_[grant.workflow.value].transitions);
    for (typed::Limit& limit : grant.limits) {
      MoveExpr(grant.workflow, &limit.field);
      MoveExpr(grant.workflow, &limit.value);
    }
    MoveExpr(grant.workflow, &grant.when);
  }
  for (typed::Rule& rule : program_.rules) {
    const Moves& moves = moves_[rule.workflow.value];
    Rule& row = program_.schema.rules[rule.rule.value];
    MoveSorted(&rule.transitions, moves.transitions);
    MoveId(&row.awaits, moves.transitions);
    MoveLadder(row.ladder, moves);
    if (rule.awaits_fact != UINT32_MAX) rule.awaits_fact = facts_[rule.awaits_fact];
    MoveExpr(rule.workflow, &rule.when);
    MoveExpr(rule.workflow, &rule.unless);
    for (typed::Consequence& consequence : rule.then) {
      for (ExprPtr& value : consequence.values) MoveExpr(rule.workflow, &value);
    }
  }
  for (typed::Review& review : program_.reviews) {
    for (typed::ReviewClause& clause : review.clauses) {
      MoveId(&clause.clause, moves_[review.workflow.value].clauses[review.review.value]);
      MoveExpr(review.workflow, &clause.when);
    }
  }
  for (typed::Plan& plan : program_.plans) MovePlan(&plan);
  for (typed::Computed& computed : program_.computed) {
    MoveId(&computed.transition, moves_[computed.workflow.value].transitions);
    MoveId(&computed.field, moves_[computed.workflow.value].fields);
    MoveExpr(computed.workflow, &computed.value);
  }
}

void Shuffled::MovePlan(typed::Plan* plan) {
  const std::vector<uint32_t>& transitions = moves_[plan->workflow.value].transitions;
  Plan& row = program_.schema.workflows[plan->workflow.value].plans[0];
  MoveId(&row.decompose, transitions);
  for (PlannedTask& task : row.tasks) MoveId(&task.does, transitions);
  for (Finally& last : row.finallys) MoveId(&last.transition, transitions);
  for (typed::PlannedTask& task : plan->tasks) {
    for (ExprPtr* part : {&task.when, &task.source, &task.element}) MoveExpr(plan->workflow, part);
  }
  for (ExprPtr& last : plan->finallys) MoveExpr(plan->workflow, &last);
}

void Shuffled::MoveExpr(WorkflowId workflow, ExprPtr* expr) {
  EachPart(expr, [&](ExprPtr* at) { MoveNode(workflow, at->get()); });
}

// A parent comes before its children: a child's type is still the original's, and an index of a type is the same in both.
void Shuffled::MoveNode(WorkflowId workflow, Expr* e) {
  const Type before = e->type.type;
  Rekey(&e->type.type);
  switch (e->kind) {
    case ExprKind::kConstant:
      if (before.distinct == kStateMark && e->number >= 0)
        e->number = moves_[before.index].states[static_cast<size_t>(e->number)];
      break;
    case ExprKind::kSlot:
      if (e->root == SlotRoot::kBefore || e->root == SlotRoot::kAfter)
        e->index = moves_[workflow.value].fields[e->index];
      break;
    case ExprKind::kMember:
      e->index = members_[e->children[0]->type.type.index][e->index];
      break;
    case ExprKind::kDeref:
      if (e->part == kFieldPart) e->index = moves_[e->children[0]->type.type.index].fields[e->index];
      break;
    case ExprKind::kFact:
    case ExprKind::kKeyedFact:
      e->index = facts_[e->index];
      break;
    default:
      break;
  }
}

Value Shuffled::MapValue(TypeId id, const Value& value) const {
  if (!value.is_list()) return value;
  const Type& type = original_.schema.types[id.value];
  const bool record = type.kind == TypeKind::kRecord;
  Value::List list(value.list().size());
  for (size_t i = 0; i < list.size(); ++i) {
    if (record)
      list[members_[type.index][i]] = MapValue(original_.schema.records[type.index].members[i].type, value.list()[i]);
    else
      list[i] = MapValue(type.element, value.list()[i]);
  }
  return Value(std::move(list));
}

Step Shuffled::Map(const Step& step) const {
  Step out = step;
  Proposal& p = out.proposal;
  const Moves& moves = moves_[p.workflow.value];
  if (p.conclude_review >= 0) {
    const Order& clauses = moves.clauses[static_cast<size_t>(p.conclude_review)];
    p.conclude_clause = static_cast<int32_t>(clauses[static_cast<size_t>(p.conclude_clause)]);
  }
  if (p.grant.has_value()) {
    for (auto& [field, most] : p.grant->most) MoveId(&field, moves.fields);
    std::sort(p.grant->most.begin(), p.grant->most.end());
  }
  if (!p.transition.valid()) return out;
  const Workflow& workflow = original_.schema.workflows[p.workflow.value];
  const Transition& transition = workflow.transitions[p.transition.value];
  const Order& sets = moves.sets[p.transition.value];
  for (size_t i = 0; i < p.sets.size(); ++i)
    p.sets[sets[i]] = MapValue(workflow.fields[transition.sets[i].field.value].type, step.proposal.sets[i]);
  for (size_t i = 0; i < p.payload.size(); ++i) p.payload[i] = MapValue(transition.payload[i].type, p.payload[i]);
  MoveId(&p.transition, moves.transitions);
  return out;
}

}  // namespace writ::agreement
