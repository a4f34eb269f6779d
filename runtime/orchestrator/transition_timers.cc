#include "runtime/orchestrator/transition_timers.h"

#include <algorithm>

namespace writ {

void TransitionTimers::Update(const Instance& instance) {
  const Workflow& workflow = schema_->workflows[instance.workflow.value];
  const bool any = std::any_of(workflow.transitions.begin(), workflow.transitions.end(),
                               [](const Transition& t) { return t.at.valid(); });
  if (!any) return;
  const Place place(instance.workflow.value, instance.key);
  std::vector<Timer>& running = running_[place];
  for (const Timer& timer : running) timers_.erase(timer);
  running.clear();
  for (size_t i = 0; i < workflow.transitions.size(); ++i) {
    const Transition& transition = workflow.transitions[i];
    if (!transition.at.valid() || instance.fields[transition.at.value].absent()) continue;
    if (std::find(transition.sources.begin(), transition.sources.end(), instance.state) == transition.sources.end()) continue;
    Timer timer;
    timer.due_ns = instance.fields[transition.at.value].integer();
    timer.position = instance.last_change;
    timer.rule = schema_->rules[transition.timer.value].qualified;
    timer.kind = Timer::Kind::kTransition;
    timer.workflow = instance.workflow;
    timer.key = instance.key;
    timer.transition = TransitionId(i);
    const auto tried = tried_.find({place, timer.transition});
    const bool again = tried != tried_.end() && tried->second.last_change == instance.last_change &&
                       timer.due_ns <= tried->second.due_ns;
    if (again) continue;
    running.push_back(timer);
    timers_.insert(std::move(timer));
  }
}

void TransitionTimers::Tried(const Instance& instance, const Timer& fired) {
  tried_[{Place(instance.workflow.value, instance.key), fired.transition}] = {instance.last_change, fired.due_ns};
  Update(instance);
}

}  // namespace writ
