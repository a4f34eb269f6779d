// Policies made at random, by type: a typed program and its schema, as check/ would make them of a text. Equal seeds give
// equal programs on every machine.
#pragma once

#include <cstdint>

#include "compiler/typed/typed.h"

namespace writ::agreement {

struct Shape {
  uint32_t rules_min = 10, rules_max = 17;  // of restraints and allows that an author wrote
  int depth = 3;                           // of a guard
  bool small = false;                      // for the solver: short lists, few rules
};

typed::Program Generate(uint64_t seed, const Shape& shape = {});

// One more deny, hold or escalate. Its name comes last, so that no other rule's id changes.
void AddRestraint(typed::Program* program, uint64_t seed);

// Null, or a copy of `expr` in which one Boolean part, chosen by `seed`, cannot be evaluated.
typed::ExprPtr MakeIndeterminate(const typed::Program& program, const typed::ExprPtr& expr, uint64_t seed);

// A deep copy.
typed::Program Clone(const typed::Program& program);

// Calls `visit(ExprPtr*)` for every expression of the program and its parts, a parent first.
template <class Visit>
void EachPart(typed::ExprPtr* expr, Visit visit) {
  if (*expr == nullptr) return;
  visit(expr);
  for (typed::ExprPtr& child : (*expr)->children) EachPart(&child, visit);
}
template <class Visit>
void EachExpr(typed::Program* program, Visit visit) {
  for (typed::Fact& fact : program->facts) {
    EachPart(&fact.pattern.where, visit);
    EachPart(&fact.value, visit);
    if (fact.since.has_value()) EachPart(&fact.since->where, visit);
    for (typed::ExprPtr& part : fact.key) EachPart(&part, visit);
  }
  for (typed::Grant& grant : program->grants) {
    for (typed::Limit& limit : grant.limits) {
      EachPart(&limit.field, visit);
      EachPart(&limit.value, visit);
    }
    EachPart(&grant.when, visit);
  }
  for (typed::Rule& rule : program->rules) {
    EachPart(&rule.when, visit);
    EachPart(&rule.unless, visit);
    for (typed::Consequence& consequence : rule.then) {
      for (typed::ExprPtr& value : consequence.values) EachPart(&value, visit);
    }
  }
  for (typed::Review& review : program->reviews) {
    for (typed::ReviewClause& clause : review.clauses) EachPart(&clause.when, visit);
  }
  for (typed::Plan& plan : program->plans) {
    for (typed::PlannedTask& task : plan.tasks) EachPart(&task.when, visit);  // what a task is over is a field, and stays
    for (typed::ExprPtr& last : plan.finallys) EachPart(&last, visit);
  }
  for (typed::Computed& computed : program->computed) EachPart(&computed.value, visit);
}

// The policy in short, for a message: roles, transitions, facts, grants, rules, clauses.
std::string Describe(const typed::Program& program);

}  // namespace writ::agreement
