#include "runtime/orchestrator/asking.h"

#include <algorithm>

namespace writ {

void Asking::Look(const World& world, WorkflowId id, const std::string& key, const ActorView& orchestrator,
                  int64_t now_ns, bool counts) {
  const Workflow& workflow = world.schema().workflows[id.value];
  if (!workflow.ask.valid()) return;
  const Instance* instance = world.Find(id, key);
  if (instance == nullptr) return;
  const Function& function = world.schema().functions[workflow.ask.value];
  FillFrame(world, function, LookingAt(*instance, orchestrator, now_ns), &frame_, nullptr);
  out_.assign(std::max<uint32_t>(function.output_words, 1), 0);
  world.policy().Evaluate(workflow.ask, frame_.words(), out_.data());
  Watched& watched = watched_[std::pair(id.value, key)];
  watched.on.resize(workflow.asks.size());
  watched.due.resize(workflow.asks.size());
  watched.asked_round.resize(workflow.asks.size(), -1);
  for (size_t i = 0; i < workflow.asks.size(); ++i) {
    const bool on = out_[function.outputs[2 * i].offset] != 0;
    const bool rises = on && !watched.on[i] && watched.asked_round[i] != instance->round;
    watched.due[i] = on && counts && (watched.due[i] || rises);
    watched.on[i] = on;
  }
}

RuleId Asking::Due(const World& world, WorkflowId id, const std::string& key) const {
  const auto found = watched_.find(std::pair(id.value, key));
  if (found == watched_.end()) return RuleId();
  const std::vector<RuleId>& rules = world.schema().workflows[id.value].asks;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (found->second.due[i]) return rules[i];
  }
  return RuleId();
}

void Asking::Asked(const World& world, WorkflowId id, const std::string& key, RuleId rule) {
  const std::vector<RuleId>& rules = world.schema().workflows[id.value].asks;
  const auto at = std::find(rules.begin(), rules.end(), rule);
  const Instance* instance = world.Find(id, key);
  const auto found = watched_.find(std::pair(id.value, key));
  if (at == rules.end() || instance == nullptr || found == watched_.end()) return;
  const size_t i = static_cast<size_t>(at - rules.begin());
  found->second.due[i] = false;
  found->second.asked_round[i] = instance->round;
}

}  // namespace writ
