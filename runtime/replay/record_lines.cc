#include "runtime/replay/record_lines.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/convert.h"
#include "runtime/orchestrator/names.h"

namespace writ::replay {
namespace {

absl::Status Refused(std::string text) { return absl::InvalidArgumentError(text); }

// The values of named members, one for each field of `names`; what is named and not there is refused.
template <class TypeOf>
absl::Status TakeMembers(const Schema& schema, const Input& input, const std::string& what,
                         const std::vector<std::string>& names, TypeOf type_of, std::vector<Value>* values) {
  values->resize(names.size());
  if (input.absent()) return absl::OkStatus();
  for (const InputMember& member : std::get<Input::Object>(input.v)) {
    const auto name = std::find(names.begin(), names.end(), member.name);
    if (name == names.end()) return Refused(absl::StrCat("`", what, "` takes no `", member.name, "`"));
    const size_t index = static_cast<size_t>(name - names.begin());
    absl::StatusOr<Value> value = ToValue(schema, type_of(index), member.value);
    if (!value.ok()) return Refused(absl::StrCat("`", member.name, "`: ", value.status().message()));
    (*values)[index] = *std::move(value);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RecordLines::MoveTo(int64_t at_ns) {
  if (any_ && at_ns < now_ns_) {
    return Refused(absl::StrCat("time goes back: it is at ", FormatTime(at_ns), ", and the line before was at ", FormatTime(now_ns_)));
  }
  if (at_ns > limits::kTimeMax || at_ns < -limits::kTimeMax) return Refused("its time is out of range");
  now_ns_ = at_ns;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Proposal>> RecordLines::Take(const Submission& line) {
  const int64_t before_ns = now_ns_;
  if (absl::Status status = MoveTo(line.at_ns.value_or(now_ns_)); !status.ok()) return status;
  absl::StatusOr<std::optional<Proposal>> proposal = std::optional<Proposal>();
  if (line.kind == Submission::Kind::kAgent) {
    absl::StatusOr<ActorDescription> valid = Described(schema_, registry_, line.agent, line.attributes);
    if (valid.ok()) proposal = std::optional<Proposal>(registry_.Registration(*valid, now_ns_));
    else proposal = valid.status();
  } else if (line.kind == Submission::Kind::kSet || line.kind == Submission::Kind::kPropose) {
    proposal = Propose(line);
  }
  if (proposal.ok()) any_ = true;
  else now_ns_ = before_ns;
  return proposal;
}

absl::StatusOr<AnswerLine> RecordLines::TakeAnswer(const Submission& line) {
  const int64_t before_ns = now_ns_;
  if (absl::Status status = MoveTo(line.at_ns.value_or(now_ns_)); !status.ok()) return status;
  absl::StatusOr<AnswerLine> answer = Answer(line);
  if (answer.ok()) any_ = true;
  else now_ns_ = before_ns;
  return answer;
}

absl::StatusOr<AnswerLine> RecordLines::Answer(const Submission& line) {
  AnswerLine answer;
  answer.yes = line.yes;
  answer.number = line.question;
  answer.now_ns = now_ns_;
  absl::StatusOr<RegisteredActor> actor = Actor(line);
  if (!actor.ok()) return actor.status();
  answer.actor = *std::move(actor);
  for (const auto& [name, role] : {std::pair(&line.to, &answer.to), std::pair(&line.as, &answer.as)}) {
    if (name->empty()) continue;
    absl::StatusOr<RoleId> resolved = registry_.ResolveRole(*name);
    if (!resolved.ok()) return resolved.status();
    *role = *resolved;
  }
  if (line.on.absent()) return answer;
  // An answer need not say of which workflow: each that has such an instance.
  for (size_t i = 0; i < schema_.workflows.size(); ++i) {
    if (schema_.workflows[i].is_fact) continue;
    if (!line.workflow.empty()) {
      absl::StatusOr<WorkflowId> named = FindWorkflow(schema_, line.workflow);
      if (!named.ok()) return named.status();
      if (*named != WorkflowId(i)) continue;
    }
    absl::StatusOr<std::string> key = ToKey(schema_, WorkflowId(i), line.on);
    if (!key.ok() || session_->world().Find(WorkflowId(i), *key) == nullptr) continue;
    answer.places.push_back({WorkflowId(i), *std::move(key)});
  }
  if (answer.places.empty()) return Refused("there is no instance of this name that an answer could be about");
  return answer;
}

void RecordLines::Registered(const Proposal& proposal) {
  const Instance* instance = session_->world().Find(proposal.workflow, proposal.key);
  if (instance != nullptr) registry_.Refresh(*instance);
}

absl::StatusOr<std::optional<Proposal>> RecordLines::Propose(const Submission& line) {
  Proposal proposal;
  const std::string name = line.kind == Submission::Kind::kSet ? "set" : line.transition;
  absl::StatusOr<RegisteredActor> actor = Actor(line);
  if (!actor.ok()) return actor.status();
  absl::StatusOr<WorkflowId> workflow = line.workflow.empty() ? OnlyWorkflowWith(name) : FindWorkflow(schema_, line.workflow);
  if (!workflow.ok()) return workflow.status();
  proposal.workflow = *workflow;
  const Workflow& table = schema_.workflows[workflow->value];
  proposal.transition = Names::TransitionOf(table, name);
  if (!proposal.transition.valid()) return Refused(absl::StrCat("`", table.name, "` has no transition `", name, "`"));
  absl::StatusOr<std::string> key = ToKey(schema_, *workflow, line.on);
  if (!key.ok()) return key.status();
  proposal.key = *std::move(key);
  absl::StatusOr<std::vector<Value>> parts = ParseKey(schema_, table.key, proposal.key);
  if (!parts.ok()) return Refused(std::string(parts.status().message()));
  proposal.key_parts = *std::move(parts);
  proposal.now_ns = now_ns_;
  if (line.seen.has_value()) proposal.seen = *line.seen;
  if (absl::Status status = Values(line, &proposal); !status.ok()) return status;
  if (const std::optional<std::string> why = session_->world().NotUnder(proposal); why.has_value()) {
    return Refused(absl::StrCat("`under`: ", *why));
  }
  absl::StatusOr<RoleId> role = Role(line, *actor, proposal);
  if (!role.ok()) return role.status();
  proposal.actor = registry_.View(*actor, *role);
  if (absl::Status status = grants_.Name(session_->world(), line.under, &proposal); !status.ok()) return status;
  if (grants_.IsGive(proposal)) {
    if (absl::Status status = grants_.Complete(session_->world(), &proposal); !status.ok()) return status;
  }
  return std::optional<Proposal>(std::move(proposal));
}

absl::StatusOr<RegisteredActor> RecordLines::Actor(const Submission& line) {
  if (!line.inline_actor.has_value()) {
    const RegisteredActor* actor = registry_.Find(line.by);
    if (actor == nullptr) return Refused(absl::StrCat("`", line.by, "` is not registered"));
    return *actor;
  }
  absl::StatusOr<ActorDescription> valid = Described(schema_, registry_, *line.inline_actor, line.attributes);
  if (!valid.ok()) return valid.status();
  if (registry_.Changes(*valid)) {
    Proposal registration = registry_.Registration(*valid, now_ns_);
    session_->Decide(&registration);
    Registered(registration);
  }
  RegisteredActor actor;
  actor.id = valid->id;
  actor.principal = valid->principal;
  actor.human = valid->human.value_or(false);
  const RegisteredActor* known = registry_.Find(actor.id);
  actor.active = known == nullptr || known->active;
  actor.attributes = registry_.AttributesOf(*valid);
  for (const std::string& name : valid->roles) {
    absl::StatusOr<RoleId> role = registry_.ResolveRole(name);
    if (!role.ok()) return role.status();
    actor.roles.push_back(*role);
  }
  std::sort(actor.roles.begin(), actor.roles.end());
  return actor;
}

// The role that is claimed; the one that the grant is to; the only one; the only one that may; the first by name.
absl::StatusOr<RoleId> RecordLines::Role(const Submission& line, const RegisteredActor& actor, const Proposal& proposal) const {
  if (!line.as.empty()) return registry_.ResolveRole(line.as);
  const RoleId to = grants_.To(session_->world(), line.under);
  if (!line.under.empty() && std::binary_search(actor.roles.begin(), actor.roles.end(), to)) return to;
  if (actor.roles.size() <= 1) return actor.roles.empty() ? RoleId() : actor.roles.front();
  std::vector<RoleId> fitting;
  const std::vector<RoleId>& may = schema_.workflows[proposal.workflow.value].transitions[proposal.transition.value].may;
  std::copy_if(actor.roles.begin(), actor.roles.end(), std::back_inserter(fitting),
               [&](RoleId role) { return std::binary_search(may.begin(), may.end(), role); });
  if (fitting.size() > 1) return Refused(absl::StrCat("`", actor.id, "` holds several roles that fit: say which with `as`"));
  return fitting.empty() ? actor.roles.front() : fitting.front();
}

absl::StatusOr<WorkflowId> RecordLines::OnlyWorkflowWith(const std::string& transition) const {
  WorkflowId found;
  for (size_t i = 0; i < schema_.workflows.size(); ++i) {
    if (!Names::TransitionOf(schema_.workflows[i], transition).valid()) continue;
    if (schema_.workflows[i].is_builtin && found.valid()) continue;
    if (found.valid() && !schema_.workflows[found.value].is_builtin) {
      return Refused(absl::StrCat("several workflows have a transition `", transition, "`: say which with `workflow`"));
    }
    found = WorkflowId(i);
  }
  if (!found.valid()) return Refused(absl::StrCat("no workflow has a transition `", transition, "`"));
  return found;
}

absl::Status RecordLines::Values(const Submission& line, Proposal* proposal) const {
  const Workflow& workflow = schema_.workflows[proposal->workflow.value];
  const Transition& transition = workflow.transitions[proposal->transition.value];
  std::vector<std::string> set_names, payload_names;
  for (const SetField& set : transition.sets) set_names.push_back(set.computed ? "" : workflow.fields[set.field.value].name);
  for (const Field& field : transition.payload) payload_names.push_back(field.name);
  absl::Status status = TakeMembers(schema_, line.sets, transition.name, set_names,
                                    [&](size_t i) { return workflow.fields[transition.sets[i].field.value].type; }, &proposal->sets);
  if (!status.ok()) return status;
  return TakeMembers(schema_, line.payload, transition.name, payload_names, [&](size_t i) { return transition.payload[i].type; },
                     &proposal->payload);
}

}  // namespace writ::replay
