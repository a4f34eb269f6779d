// Tasks as tests call them: by the name that a rule or a plan gives them, since their keys bear positions.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "runtime/state/own.h"

namespace writ::policy_test {

inline bool IsTask(const Schema& schema, WorkflowId id) {
  return id.valid() && schema.workflows[id.value].qualified == kTaskWorkflow;
}

inline bool IsOpen(const Schema& schema, const Instance& task) {
  const std::string& state = schema.workflows[task.workflow.value].states[task.state.value].name;
  return state == "waiting" || state == "running";
}

// All tasks there ever were, in the order in which they were opened.
inline const std::vector<const Instance*>& AllTasks(const World& world) {
  static const std::vector<const Instance*> kNone;
  const WorkflowId task = WorkflowNamed(world.schema(), kTaskWorkflow);
  return task.valid() ? world.InstancesOf(task) : kNone;
}

// The last task of that name; null: there is none.
inline const Instance* TaskNamed(const World& world, std::string_view name) {
  const Instance* found = nullptr;
  for (const Instance* task : AllTasks(world)) {
    if (task->state != kNewState && ValueNamed(world.schema(), *task, "name").text() == name) found = task;
  }
  return found;
}

}  // namespace writ::policy_test
