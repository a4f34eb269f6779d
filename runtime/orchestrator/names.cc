#include "runtime/orchestrator/names.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/registry/registry.h"

namespace writ {
namespace {

bool Erasable(const Field& field) {
  return std::find(field.labels.begin(), field.labels.end(), "pii") != field.labels.end();
}

template <class Map>
typename Map::mapped_type Look(const Map& map, std::string_view name) {
  auto found = map.find(Abseil(name));
  return found == map.end() ? typename Map::mapped_type() : found->second;
}

// A role is kept by its name: what number it has is the policy's affair.
store::NamedValue Keep(const Schema& schema, const Field& field, const Value& value) {
  store::NamedValue kept;
  kept.name = field.name;
  const bool is_role = schema.types[field.type.value].kind == TypeKind::kRole && value.is_integer();
  kept.value = is_role ? Value(schema.roles[static_cast<size_t>(value.integer())].qualified) : value;
  kept.erasable = Erasable(field);
  return kept;
}

absl::Status Unknown(const Transition& transition, const std::string& name) {
  return absl::FailedPreconditionError(
      absl::StrCat("the log gives `", transition.name, "` a value `", name, "`, which this policy does not know"));
}

}  // namespace

Names::Names(const Schema* schema) : schema_(schema) {
  for (size_t i = 0; i < schema->workflows.size(); ++i) {
    if (!schema->workflows[i].is_fact) workflows_[schema->workflows[i].qualified] = WorkflowId(i);
  }
  for (size_t i = 0; i < schema->roles.size(); ++i) roles_[schema->roles[i].qualified] = RoleId(i);
  for (size_t i = 0; i < schema->rules.size(); ++i) rules_[schema->rules[i].qualified] = RuleId(i);
  for (size_t i = 0; i < schema->roles.size(); ++i) shown_.push_back(writ::RoleShown(*schema, RoleId(i)));
  question_ = Workflow("writ.Question");
  task_ = Workflow("writ.Task");
  grant_ = Workflow("writ.Grant");
}

WorkflowId Names::Workflow(std::string_view qualified) const { return Look(workflows_, qualified); }
RoleId Names::Role(std::string_view qualified) const { return Look(roles_, qualified); }
RuleId Names::Rule(std::string_view qualified) const { return Look(rules_, qualified); }

TransitionId Names::TransitionOf(const writ::Workflow& workflow, std::string_view name) {
  for (size_t i = 0; i < workflow.transitions.size(); ++i) {
    if (workflow.transitions[i].name == name) return TransitionId(i);
  }
  return TransitionId();
}

std::string Names::RoleKept(const ActorView& actor) const {
  if (actor.role.valid()) return schema_->roles[actor.role.value].qualified;
  return actor.id == "orchestrator" ? "orchestrator" : "";
}

std::string Names::StateName(WorkflowId workflow, StateId state) const {
  const std::vector<State>& states = schema_->workflows[workflow.value].states;
  return state.value < states.size() ? states[state.value].name : "new";
}

std::string Names::QuestionKey(int64_t number, RoleId role) const {
  return absl::StrCat(number, "/", role.valid() ? RoleShown(role) : "");
}

std::vector<store::NamedValue> Names::KeepSets(const Proposal& proposal) const {
  std::vector<store::NamedValue> kept;
  if (!proposal.transition.valid()) return kept;
  const writ::Workflow& workflow = schema_->workflows[proposal.workflow.value];
  const Transition& transition = workflow.transitions[proposal.transition.value];
  for (size_t i = 0; i < proposal.sets.size(); ++i) {
    if (proposal.sets[i].absent()) continue;
    kept.push_back(Keep(*schema_, workflow.fields[transition.sets[i].field.value], proposal.sets[i]));
  }
  return kept;
}

std::vector<store::NamedValue> Names::KeepPayload(const Proposal& proposal) const {
  std::vector<store::NamedValue> kept;
  if (!proposal.transition.valid()) return kept;
  const Transition& transition =
      schema_->workflows[proposal.workflow.value].transitions[proposal.transition.value];
  for (size_t i = 0; i < proposal.payload.size(); ++i) {
    if (!proposal.payload[i].absent()) kept.push_back(Keep(*schema_, transition.payload[i], proposal.payload[i]));
  }
  return kept;
}

absl::StatusOr<Value> Names::Read(const Field& field, const store::NamedValue& kept) const {
  if (schema_->types[field.type.value].kind != TypeKind::kRole || !kept.value.is_text()) return kept.value;
  const RoleId role = Role(kept.value.text());
  if (role.valid()) return Value(static_cast<int64_t>(role.value));
  return absl::FailedPreconditionError(
      absl::StrCat("the log names a role `", kept.value.text(), "`, which this policy does not have"));
}

absl::Status Names::ReadSets(const std::vector<store::NamedValue>& kept, Proposal* proposal) const {
  const writ::Workflow& workflow = schema_->workflows[proposal->workflow.value];
  const Transition& transition = workflow.transitions[proposal->transition.value];
  proposal->sets.assign(transition.sets.size(), Value());
  for (const store::NamedValue& value : kept) {
    bool known = false;
    for (size_t i = 0; i < transition.sets.size(); ++i) {
      if (workflow.fields[transition.sets[i].field.value].name != value.name) continue;
      absl::StatusOr<Value> read = Read(workflow.fields[transition.sets[i].field.value], value);
      if (!read.ok()) return read.status();
      proposal->sets[i] = *std::move(read);
      known = true;
    }
    if (!known) return Unknown(transition, value.name);
  }
  return absl::OkStatus();
}

absl::Status Names::ReadPayload(const std::vector<store::NamedValue>& kept, Proposal* proposal) const {
  const Transition& transition =
      schema_->workflows[proposal->workflow.value].transitions[proposal->transition.value];
  proposal->payload.assign(transition.payload.size(), Value());
  for (const store::NamedValue& value : kept) {
    bool known = false;
    for (size_t i = 0; i < transition.payload.size(); ++i) {
      if (transition.payload[i].name != value.name) continue;
      absl::StatusOr<Value> read = Read(transition.payload[i], value);
      if (!read.ok()) return read.status();
      proposal->payload[i] = *std::move(read);
      known = true;
    }
    if (!known) return Unknown(transition, value.name);
  }
  return absl::OkStatus();
}

}  // namespace writ
