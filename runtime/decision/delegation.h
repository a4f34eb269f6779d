// What the runtime and the compiler must say alike of authority that is given away.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "runtime/decision/schema.h"

namespace writ {

inline constexpr const char kGrantWorkflow[] = "writ.Grant";
inline constexpr const char kGive[] = "give", kRevoke[] = "revoke", kGiver[] = "giver";

// How a task of a plan is called by what is under it.
inline std::string TaskOfPlan(std::string_view workflow, std::string_view task) {
  return std::string(workflow).append(".plan.").append(task);
}

// Whether a grant can come to be under this policy: somebody may give, or a plan grants. Where none can, no decision looks
// for one.
inline bool Delegates(const Schema& schema) {
  return std::any_of(schema.workflows.begin(), schema.workflows.end(), [](const Workflow& workflow) {
    const bool given = workflow.qualified == kGrantWorkflow &&
                       std::any_of(workflow.transitions.begin(), workflow.transitions.end(),
                                   [](const Transition& t) { return t.name == kGive && !t.may.empty(); });
    const bool planned = std::any_of(workflow.plans.begin(), workflow.plans.end(), [](const Plan& plan) {
      return std::any_of(plan.subs.begin(), plan.subs.end(), [](const SubPlan& sub) { return !sub.granting.empty(); });
    });
    return given || planned;
  });
}

// Whether a grant can name the transition: somebody who may give may propose it, or a plan grants it. What cannot be given
// is denied under every grant.
inline bool CanBeGiven(const Schema& schema, WorkflowId workflow, TransitionId transition) {
  const Workflow& on = schema.workflows[workflow.value];
  if (on.qualified == kGrantWorkflow && on.transitions[transition.value].name == kGive) return true;  // giving on
  for (const Plan& plan : on.plans) {
    for (const SubPlan& sub : plan.subs) {
      if (std::binary_search(sub.granting.begin(), sub.granting.end(), transition)) return true;
    }
  }
  const std::vector<RoleId>& may = on.transitions[transition.value].may;
  for (const Workflow& grants : schema.workflows) {
    if (grants.qualified != kGrantWorkflow) continue;
    for (const Transition& give : grants.transitions) {
      if (give.name != kGive) continue;
      return std::any_of(give.may.begin(), give.may.end(),
                         [&](RoleId role) { return std::binary_search(may.begin(), may.end(), role); });
    }
  }
  return false;
}

// Fields that a grant can limit: what has an order.
inline bool CanBeLimited(const Schema& schema, const Field& field) {
  if (!field.type.valid()) return false;
  const Type& type = schema.types[field.type.value];
  switch (type.kind) {
    case TypeKind::kInt:
    case TypeKind::kPercent:
    case TypeKind::kMoney:
    case TypeKind::kQuantity:
    case TypeKind::kDuration:
    case TypeKind::kTime:
    case TypeKind::kDate: return true;
    case TypeKind::kEnum: return schema.enums[type.index].ordered;
    default: return false;
  }
}

}  // namespace writ
