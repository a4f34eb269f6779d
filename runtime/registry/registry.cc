#include "runtime/registry/registry.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"
#include "runtime/state/own.h"

namespace writ {
namespace {

constexpr std::string_view kOrchestratorId = "orchestrator";
constexpr std::string_view kHostId = "host";

absl::string_view Abseil(std::string_view text) { return absl::string_view(text.data(), text.size()); }

std::string TextOf(const Value& value) { return value.is_text() ? value.text() : std::string(); }

std::vector<std::string> TextsOf(const Value& value) {
  std::vector<std::string> texts;
  if (!value.is_list()) return texts;
  for (const Value& element : value.list()) {
    if (element.is_text()) texts.push_back(element.text());
  }
  return texts;
}

Value ListOf(const std::vector<std::string>& texts) {
  Value::List list;
  for (const std::string& text : texts) list.emplace_back(text);
  return Value(std::move(list));
}

// ActorKind is `enum ActorKind { agent, human }` in stdlib.
int64_t KindIndex(bool human) { return human ? 1 : 0; }

std::vector<std::string> Sorted(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

void GiveSet(const Workflow& workflow, std::string_view field, Value value, Proposal* proposal) {
  const Transition& transition = workflow.transitions[proposal->transition.value];
  for (size_t i = 0; i < transition.sets.size(); ++i) {
    if (workflow.fields[transition.sets[i].field.value].name == field) proposal->sets[i] = std::move(value);
  }
}

}  // namespace

std::string RoleShown(const Schema& schema, RoleId id) {
  if (!id.valid()) return "";
  const Role& role = schema.roles[id.value];
  for (const Role& other : schema.roles) {
    if (&other != &role && other.name == role.name) return role.qualified;
  }
  return role.name;
}

Registry::Registry(const Schema* schema) : schema_(schema) {
  for (size_t i = 0; i < schema->workflows.size(); ++i) {
    if (schema->workflows[i].qualified == "writ.Agent") workflow_ = WorkflowId(i);
  }
}

const RegisteredActor* Registry::Find(std::string_view id) const {
  auto found = actors_.find(Abseil(id));
  return found == actors_.end() ? nullptr : &found->second;
}

ActorView Registry::View(const RegisteredActor& actor, RoleId role) const {
  ActorView view;
  view.id = actor.id;
  view.principal = actor.principal;
  view.role = role;
  view.is_human = actor.human;
  view.is_active = actor.active;
  view.holds_role = std::binary_search(actor.roles.begin(), actor.roles.end(), role);
  view.attributes = actor.attributes;
  return view;
}

ActorView Registry::Orchestrator() const { return OrchestratorView(); }

ActorView Registry::Host() const {
  ActorView view = Orchestrator();
  view.id = view.principal = kHostId;
  return view;
}

absl::StatusOr<RoleId> Registry::ResolveRole(std::string_view name) const {
  RoleId found;
  for (size_t i = 0; i < schema_->roles.size(); ++i) {
    if (schema_->roles[i].qualified == name) return RoleId(i);
    if (schema_->roles[i].name != name) continue;
    if (found.valid()) {
      return absl::InvalidArgumentError(absl::StrCat("several packages have a role `", Abseil(name), "`: say which, as in `",
                                                     schema_->roles[i].qualified, "`"));
    }
    found = RoleId(i);
  }
  if (!found.valid()) return absl::InvalidArgumentError(absl::StrCat("there is no role `", Abseil(name), "`"));
  return found;
}

FieldId Registry::Attribute(std::string_view name) const {
  if (!workflow_.valid()) return FieldId();
  const Workflow& workflow = schema_->workflows[workflow_.value];
  for (size_t f = workflow.attributes_from; f < workflow.fields.size(); ++f) {
    if (workflow.fields[f].name == name) return FieldId(f);
  }
  return FieldId();
}

std::vector<Value> Registry::AttributesOf(const ActorDescription& valid) const {
  std::vector<Value> values;
  for (const auto& [name, value] : valid.attributes) {
    const FieldId field = Attribute(name);
    if (!field.valid()) continue;
    const size_t at = field.value - schema_->workflows[workflow_.value].attributes_from;
    values.resize(std::max(values.size(), at + 1));
    values[at] = value;
  }
  return values;
}

// Sorted, with what is known already; what is no `T?` must be there.
absl::Status Registry::CompleteAttributes(const ActorDescription* known, ActorDescription* valid) const {
  if (known != nullptr) {
    for (const auto& [name, value] : known->attributes) {
      const bool given = std::any_of(valid->attributes.begin(), valid->attributes.end(), [&](const auto& a) { return a.first == name; });
      if (!given) valid->attributes.emplace_back(name, value);
    }
  }
  std::sort(valid->attributes.begin(), valid->attributes.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (!workflow_.valid()) return absl::OkStatus();
  const Workflow& workflow = schema_->workflows[workflow_.value];
  for (size_t f = workflow.attributes_from; f < workflow.fields.size(); ++f) {
    const Type& type = schema_->types[workflow.fields[f].type.value];
    const std::string& name = workflow.fields[f].name;
    if (type.optional || type.kind == TypeKind::kSet) continue;
    const bool given = std::any_of(valid->attributes.begin(), valid->attributes.end(), [&](const auto& a) { return a.first == name; });
    if (!given) return absl::InvalidArgumentError(absl::StrCat("`", valid->id, "` needs the attribute `", name, "`"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ActorDescription> Registry::Validate(const ActorDescription& description) const {
  ActorDescription valid = description;
  if (valid.id.empty()) return absl::InvalidArgumentError("an actor needs an id");
  if (valid.id == kOrchestratorId || valid.id == kHostId) {
    return absl::InvalidArgumentError(absl::StrCat("`", valid.id, "` cannot be claimed"));
  }
  std::vector<RoleId> roles;
  for (std::string& name : valid.roles) {
    if (name == kOrchestratorId) return absl::InvalidArgumentError("`orchestrator` is no role that an actor can hold");
    absl::StatusOr<RoleId> role = ResolveRole(name);
    if (!role.ok()) return role.status();
    roles.push_back(*role);
    name = schema_->roles[role->value].qualified;
  }
  valid.roles = Sorted(std::move(valid.roles));
  valid.capabilities = Sorted(std::move(valid.capabilities));
  auto known = described_.find(valid.id);
  auto is_for_humans = [&](RoleId role) { return schema_->roles[role.value].human; };
  if (!valid.human.has_value()) {
    valid.human = known != described_.end() && known->second.human.has_value()
                      ? *known->second.human
                      : std::any_of(roles.begin(), roles.end(), is_for_humans);
  }
  for (RoleId role : roles) {
    if (*valid.human || !is_for_humans(role)) continue;
    return absl::InvalidArgumentError(absl::StrCat("`", RoleShown(*schema_, role), "` is a human role, and `", valid.id,
                                                   "` is an agent"));
  }
  if (known != described_.end()) {
    if (valid.human != known->second.human) {
      return absl::InvalidArgumentError(absl::StrCat("`", valid.id, "` is registered as ",
                                                     *valid.human ? "an agent" : "a human", " already"));
    }
    if (valid.principal.empty()) valid.principal = known->second.principal;
    if (valid.version.empty()) valid.version = known->second.version;
    if (valid.capabilities.empty()) valid.capabilities = known->second.capabilities;
  }
  if (valid.principal.empty()) valid.principal = valid.id;
  if (absl::Status s = CompleteAttributes(known != described_.end() ? &known->second : nullptr, &valid); !s.ok()) return s;
  return valid;
}

bool Registry::Changes(const ActorDescription& valid) const {
  auto known = described_.find(valid.id);
  return known == described_.end() || EncodeRegistration(known->second) != EncodeRegistration(valid);
}

Proposal Registry::ByHost(std::string_view name, const std::string& id, int64_t now_ns) const {
  const Workflow& workflow = schema_->workflows[workflow_.value];
  Proposal proposal;
  proposal.workflow = workflow_;
  for (size_t i = 0; i < workflow.transitions.size(); ++i) {
    if (workflow.transitions[i].name == name) proposal.transition = TransitionId(i);
  }
  WRIT_CHECK(proposal.transition.valid());
  const Transition& transition = workflow.transitions[proposal.transition.value];
  proposal.sets.resize(transition.sets.size());
  proposal.payload.resize(transition.payload.size());
  proposal.key = id;
  proposal.key_parts = {Value(id)};
  proposal.actor = Host();
  proposal.now_ns = now_ns;
  return proposal;
}

Proposal Registry::Registration(const ActorDescription& valid, int64_t now_ns) const {
  const bool is_new = Find(valid.id) == nullptr;
  const Workflow& workflow = schema_->workflows[workflow_.value];
  Proposal proposal = ByHost(is_new ? "register" : "change", valid.id, now_ns);
  GiveSet(workflow, "kind", Value(KindIndex(valid.human.value_or(false))), &proposal);
  GiveSet(workflow, "principal", Value(valid.principal), &proposal);
  GiveSet(workflow, "roles", ListOf(valid.roles), &proposal);
  if (!valid.version.empty()) GiveSet(workflow, "version", Value(valid.version), &proposal);
  if (!valid.capabilities.empty()) GiveSet(workflow, "capabilities", ListOf(valid.capabilities), &proposal);
  for (const auto& [name, value] : valid.attributes) GiveSet(workflow, name, value, &proposal);
  return proposal;
}

Proposal Registry::Roles(const ActorDescription& valid, int64_t now_ns) const {
  Proposal proposal = ByHost("grant_role", valid.id, now_ns);
  GiveSet(schema_->workflows[workflow_.value], "roles", ListOf(valid.roles), &proposal);
  return proposal;
}

void Registry::Refresh(const Instance& instance) {
  if (instance.state == kNewState) return;  // only refused proposals were made on it
  const Workflow& workflow = schema_->workflows[workflow_.value];
  const Value& kind = ValueNamed(*schema_, instance, "kind");
  ActorDescription& described = described_[instance.key];
  described.id = instance.key;
  described.human = kind.is_integer() && kind.integer() == KindIndex(true);
  described.principal = TextOf(ValueNamed(*schema_, instance, "principal"));
  if (described.principal.empty()) described.principal = instance.key;
  described.roles = TextsOf(ValueNamed(*schema_, instance, "roles"));
  described.version = TextOf(ValueNamed(*schema_, instance, "version"));
  described.capabilities = TextsOf(ValueNamed(*schema_, instance, "capabilities"));

  RegisteredActor& actor = actors_[instance.key];
  actor.id = instance.key;
  actor.principal = described.principal;
  actor.human = *described.human;
  actor.active = workflow.states[instance.state.value].name == "active";
  actor.capabilities = Sorted(described.capabilities);
  actor.roles.clear();
  for (const std::string& name : described.roles) {
    absl::StatusOr<RoleId> role = ResolveRole(name);
    // A role that this policy does not have, or that is not for agents, gives nothing.
    if (role.ok() && (actor.human || !schema_->roles[role->value].human)) actor.roles.push_back(*role);
  }
  std::sort(actor.roles.begin(), actor.roles.end());
  described.attributes.clear();
  for (size_t f = workflow.attributes_from; f < workflow.fields.size() && f < instance.fields.size(); ++f) {
    if (!instance.fields[f].absent()) described.attributes.emplace_back(workflow.fields[f].name, instance.fields[f]);
  }
  std::sort(described.attributes.begin(), described.attributes.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  actor.attributes = AttributesOf(described);
}

}  // namespace writ
