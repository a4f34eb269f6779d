// Who may act: what the instances of workflow Agent say, looked up by id.
//
// It is a view on the world, refreshed from an instance after each event on it; nothing else changes it.
// Threads   as World.
// Cost      a look-up is one hash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "runtime/decision/schema.h"
#include "runtime/state/state.h"

namespace writ {

// An actor as an agent line, or an inline actor, describes it.
struct ActorDescription {
  std::string id;
  std::optional<bool> human;                 // none: human if one of its roles is for humans only
  std::string principal;                     // empty: itself
  std::vector<std::string> roles;            // names or qualified names
  std::string version;
  std::vector<std::string> capabilities;
  std::vector<std::pair<std::string, Value>> attributes = {};  // of the policy's `actor { … }`; what is left out stays as it is
};

struct RegisteredActor {
  std::string id;
  std::string principal;
  bool human = false;
  bool active = false;                       // neither suspended nor retired
  std::vector<RoleId> roles;                 // sorted; a human role only where a human holds it
  std::vector<std::string> capabilities;     // sorted
  std::vector<Value> attributes;             // as in ActorView
};

class Registry {
 public:
  explicit Registry(const Schema* schema);

  WorkflowId workflow() const { return workflow_; }                // Agent; none where the schema has none
  const RegisteredActor* Find(std::string_view id) const;          // null: not registered
  ActorView View(const RegisteredActor& actor, RoleId role) const;
  ActorView Orchestrator() const;                                  // id "orchestrator"
  ActorView Host() const;                                          // id "host": it registers agents, with no further authority

  // A role by name or qualified name. Errors are sentences.
  absl::StatusOr<RoleId> ResolveRole(std::string_view name) const;

  // A field of Agent that is an attribute; none where there is no such one.
  FieldId Attribute(std::string_view name) const;
  std::vector<Value> AttributesOf(const ActorDescription& valid) const;  // as in ActorView

  // What a description asks for: fills in kind and principal from what is registered, sorts, and refuses unknown roles, a
  // human role for an agent, and ids that are taken by the orchestrator or the host.
  absl::StatusOr<ActorDescription> Validate(const ActorDescription& description) const;
  // Whether it says anything that is not registered already. `valid` came from Validate.
  bool Changes(const ActorDescription& valid) const;

  // The proposal that registers it (it is new) or changes it (without the roles). `valid` came from Validate.
  Proposal Registration(const ActorDescription& valid, int64_t now_ns) const;
  // The proposal that replaces the roles of a registered actor.
  Proposal Roles(const ActorDescription& valid, int64_t now_ns) const;

  void Refresh(const Instance& instance);                          // after an event on an instance of Agent

 private:
  absl::Status CompleteAttributes(const ActorDescription* known, ActorDescription* valid) const;
  Proposal ByHost(std::string_view transition, const std::string& id, int64_t now_ns) const;

  const Schema* schema_;
  WorkflowId workflow_;
  absl::flat_hash_map<std::string, RegisteredActor> actors_;
  absl::flat_hash_map<std::string, ActorDescription> described_;
};

// One form for one description, for Event::actor_registration.
std::string EncodeRegistration(const ActorDescription& description);
absl::StatusOr<ActorDescription> DecodeRegistration(std::string_view json);

// A role as people write it: its short name where that is unique.
std::string RoleShown(const Schema& schema, RoleId role);

}  // namespace writ
