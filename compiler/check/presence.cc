// What is there in a state: `states scheduled with {starts, ends}`. Every way in sets it, or comes from where it is there.
#include <algorithm>

#include "compiler/check/expressions.h"
#include "compiler/check/model.h"

namespace writ::check {

bool Has(const Model& model, WorkflowId workflow, StateId state, FieldId field) {
  const std::vector<std::set<FieldId>>& with = model.names(workflow).with;
  return state.value < with.size() && with[state.value].count(field) != 0;
}

bool SourcesHave(const Model& model, WorkflowId workflow, TransitionId transition, FieldId field) {
  const std::vector<StateId>& sources = model.program.schema.workflows[workflow.value].transitions[transition.value].sources;
  return !sources.empty() && std::all_of(sources.begin(), sources.end(), [&](StateId s) { return Has(model, workflow, s, field); });
}

namespace {

// A transition after which the field is there, wherever it came from.
bool Sets(const Model& model, WorkflowId workflow, TransitionId transition, FieldId field) {
  const std::vector<SetField>& sets = model.program.schema.workflows[workflow.value].transitions[transition.value].sets;
  const auto set = std::find_if(sets.begin(), sets.end(), [&](const SetField& s) { return s.field == field; });
  if (set == sets.end() || set->optional) return false;
  if (!set->computed) return true;
  const std::vector<typed::Computed>& computed = model.program.computed;
  return std::any_of(computed.begin(), computed.end(), [&](const typed::Computed& c) {
    return c.workflow == workflow && c.transition == transition && c.field == field && !c.value->type.type.optional;
  });
}

void CheckWaysInto(Model& model, WorkflowId id, StateId state, FieldId field) {
  const Workflow& workflow = model.workflow(id);
  const WorkflowNames& names = model.names(id);
  for (uint32_t t = 0; t < workflow.transitions.size(); ++t) {
    const Transition& transition = workflow.transitions[t];
    if (transition.stays || transition.target != state) continue;
    if (Sets(model, id, TransitionId(t), field) || SourcesHave(model, id, TransitionId(t), field)) continue;
    model.sink
        .Report(names.transition_spans[t], diagnostics::kNotThere, transition.name, workflow.states[state.value].name,
                workflow.fields[field.value].name)
        .Related(names.state_spans[state.value], "the state is declared here");
  }
}

}  // namespace

void CheckPresence(Model& model) {
  for (uint32_t w = 0; w < model.workflows.size(); ++w) {
    const WorkflowId id(w);
    const WorkflowNames& names = model.names(id);
    for (uint32_t s = 0; s < names.with.size(); ++s) {
      for (const FieldId field : names.with[s]) CheckWaysInto(model, id, StateId(s), field);
    }
    const std::vector<Transition>& transitions = model.workflow(id).transitions;
    for (uint32_t t = 0; t < transitions.size(); ++t) {
      if (!transitions[t].at.valid()) continue;
      if (const std::optional<std::string> needs = NeedsValues(model, id, TransitionId(t)); needs.has_value()) {
        model.sink.Report(names.transition_spans[t], diagnostics::kTimerNeedsValues, transitions[t].name, *needs);
      }
    }
  }
}

}  // namespace writ::check
