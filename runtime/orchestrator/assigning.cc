#include "runtime/orchestrator/assigning.h"

#include <algorithm>

#include "runtime/builtins/check.h"

namespace writ {

void Assigning::List(const std::string& id, const Agent& agent) {
  if (!agent.takes) return;
  for (const RoleId role : agent.roles) by_role_[role.value].emplace(agent.tasks, id);
}

void Assigning::Unlist(const std::string& id, const Agent& agent) {
  if (!agent.takes) return;
  for (const RoleId role : agent.roles) by_role_[role.value].erase({agent.tasks, id});
}

void Assigning::Look(const RegisteredActor& actor) {
  Agent& agent = agents_[actor.id];
  Unlist(actor.id, agent);
  agent.takes = actor.active && !actor.human;
  agent.roles = actor.roles;
  agent.capabilities = actor.capabilities;
  List(actor.id, agent);
}

bool Assigning::Fits(std::string_view id, RoleId role, const std::vector<std::string>& needs) const {
  const auto found = agents_.find(id);
  if (found == agents_.end()) return false;
  const Agent& agent = found->second;
  return agent.takes && std::binary_search(agent.roles.begin(), agent.roles.end(), role) &&
         std::includes(agent.capabilities.begin(), agent.capabilities.end(), needs.begin(), needs.end());
}

std::string Assigning::First(RoleId role, const std::vector<std::string>& needs) const {
  const auto of_role = by_role_.find(role.value);
  if (of_role == by_role_.end()) return std::string();
  for (const auto& [tasks, id] : of_role->second) {
    if (Fits(id, role, needs)) return id;
  }
  return std::string();
}

std::vector<RoleId> Assigning::RolesOf(std::string_view id) const {
  const auto found = agents_.find(id);
  if (found == agents_.end() || !found->second.takes) return {};
  return found->second.roles;
}

void Assigning::Give(const std::string& id) {
  Agent& agent = agents_[id];
  Unlist(id, agent);
  ++agent.tasks;
  List(id, agent);
}

void Assigning::Take(const std::string& id) {
  Agent& agent = agents_[id];
  WRIT_CHECK(agent.tasks > 0);
  Unlist(id, agent);
  --agent.tasks;
  List(id, agent);
}

}  // namespace writ
