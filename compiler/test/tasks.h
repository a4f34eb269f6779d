// Tasks as tests call them: by the name that a rule or a plan gives them, since their keys bear positions.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "runtime/builtins/check.h"
#include "runtime/state/state.h"

namespace writ::policy_test {

inline constexpr std::string_view kTaskWorkflow = "writ.Task";

inline bool IsTask(const Schema& schema, WorkflowId id) {
  return id.valid() && schema.workflows[id.value].qualified == kTaskWorkflow;
}

inline const Value& TaskField(const Schema& schema, const Instance& task, std::string_view name) {
  const std::vector<Field>& fields = schema.workflows[task.workflow.value].fields;
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
  WRIT_CHECK(at != fields.end());
  return task.fields[static_cast<size_t>(at - fields.begin())];
}

inline bool IsOpen(const Schema& schema, const Instance& task) {
  const std::string& state = schema.workflows[task.workflow.value].states[task.state.value].name;
  return state == "waiting" || state == "running";
}

// All tasks there ever were, in the order in which they were opened.
inline const std::vector<const Instance*>& AllTasks(const World& world) {
  static const std::vector<const Instance*> kNone;
  for (size_t w = 0; w < world.schema().workflows.size(); ++w) {
    if (IsTask(world.schema(), WorkflowId(w))) return world.InstancesOf(WorkflowId(w));
  }
  return kNone;
}

// The last task of that name; null: there is none.
inline const Instance* TaskNamed(const World& world, std::string_view name) {
  const Instance* found = nullptr;
  for (const Instance* task : AllTasks(world)) {
    if (task->state != kNewState && TaskField(world.schema(), *task, "name").text() == name) found = task;
  }
  return found;
}

}  // namespace writ::policy_test
