// Whom tasks go to: which agents there are, what they can do, and how many open tasks each has. A part of the fold over the log.
//
// Threads   as World.
// Cost      whom a task goes to: a look at each agent of the role that has fewer tasks and lacks a capability, and one more.
// Source    docs/internals/semantics.md, "Assignment"
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/decision/ids.h"
#include "runtime/registry/registry.h"

namespace writ {

class Assigning {
 public:
  // Somebody was registered, or has changed.
  void Look(const RegisteredActor& actor);

  // An active agent that holds the role and has each of these capabilities (sorted).
  bool Fits(std::string_view agent, RoleId role, const std::vector<std::string>& needs) const;
  // Of those that fit the one with the fewest open tasks, and of several the one whose id is first. Empty: nobody fits.
  std::string First(RoleId role, const std::vector<std::string>& needs) const;
  // The roles in which it can be given tasks; none where it is none that takes any.
  std::vector<RoleId> RolesOf(std::string_view agent) const;

  void Give(const std::string& agent);       // it has one task more
  void Take(const std::string& agent);       // one less

 private:
  struct Agent {
    size_t tasks = 0;
    bool takes = false;                      // active, and no human
    std::vector<RoleId> roles;               // sorted
    std::vector<std::string> capabilities;   // sorted
  };

  void List(const std::string& id, const Agent& agent);
  void Unlist(const std::string& id, const Agent& agent);

  std::map<std::string, Agent, std::less<>> agents_;
  std::map<uint32_t, std::set<std::pair<size_t, std::string>>> by_role_;  // those that take tasks: how many they have, id
};

}  // namespace writ
