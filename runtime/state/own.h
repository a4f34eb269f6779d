// What the orchestrator does by itself: who it is, proposals that give no values, and what it reads of built-in workflows.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/state/state.h"

namespace writ {

inline constexpr std::string_view kTaskWorkflow = "writ.Task";

inline ActorView OrchestratorView() {
  ActorView view;
  view.id = view.principal = "orchestrator";
  view.is_orchestrator = true;
  return view;
}

inline WorkflowId WorkflowNamed(const Schema& schema, std::string_view qualified) {  // none: there is no such one
  const auto found = std::find_if(schema.workflows.begin(), schema.workflows.end(),
                                  [&](const Workflow& w) { return w.qualified == qualified && !w.is_fact; });
  return found == schema.workflows.end() ? WorkflowId() : WorkflowId(static_cast<size_t>(found - schema.workflows.begin()));
}

inline FieldId FieldNamed(const Workflow& workflow, std::string_view name) {  // none: there is no such one
  const auto found = std::find_if(workflow.fields.begin(), workflow.fields.end(), [&](const Field& f) { return f.name == name; });
  return found == workflow.fields.end() ? FieldId() : FieldId(static_cast<size_t>(found - workflow.fields.begin()));
}

// Absent where the instance has no field of that name.
inline const Value& ValueNamed(const Schema& schema, const Instance& instance, std::string_view name) {
  static const Value kNone;
  const FieldId field = FieldNamed(schema.workflows[instance.workflow.value], name);
  return field.valid() && field.value < instance.fields.size() ? instance.fields[field.value] : kNone;
}

// A proposal that gives no values. Without a transition it is about the instance alone.
inline Proposal Bare(const Schema& schema, WorkflowId workflow, const std::string& key, const std::vector<Value>& key_parts,
                     TransitionId transition, int64_t now_ns) {
  Proposal proposal;
  proposal.workflow = workflow;
  proposal.transition = transition;
  proposal.key = key;
  proposal.key_parts = key_parts;
  proposal.now_ns = now_ns;
  if (!transition.valid()) return proposal;
  const Transition& declared = schema.workflows[workflow.value].transitions[transition.value];
  proposal.sets.resize(declared.sets.size());
  proposal.payload.resize(declared.payload.size());
  return proposal;
}

}  // namespace writ
