#include "runtime/orchestrator/convert.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/names.h"
#include "runtime/registry/registry.h"

namespace writ {
namespace {

using store::Value;

absl::Status Refused(std::string text) { return absl::InvalidArgumentError(std::move(text)); }

absl::Status At(std::string_view name, const absl::Status& status) {
  return Refused(absl::StrCat("`", Abseil(name), "`: ", status.message()));
}

const char* Wanted(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBool: return "true or false";
    case TypeKind::kInt: return "a number";
    case TypeKind::kPercent: return "a percentage such as \"38%\"";
    case TypeKind::kMoney: return "an amount with its currency, as text";
    case TypeKind::kQuantity: return "a quantity with its unit, as text";
    case TypeKind::kDuration: return "a duration such as \"4h\"";
    case TypeKind::kTime: return "a time such as \"2026-03-02T09:00:00Z\"";
    case TypeKind::kDate: return "a date such as \"2026-01-10\"";
    case TypeKind::kString: return "a text";
    case TypeKind::kEnum: return "the name of a member, as text";
    case TypeKind::kRole: return "the name of a role, as text";
    case TypeKind::kRecord: return "an object";
    case TypeKind::kReference: return "a key";
    case TypeKind::kSet:
    case TypeKind::kList: return "a list";
  }
  return "another value";
}

absl::Status WrongKind(TypeKind kind) { return Refused(absl::StrCat("it needs ", Wanted(kind))); }

absl::StatusOr<Value> ToRecord(const Schema& schema, const Type& type, const Input& input) {
  const auto* object = std::get_if<Input::Object>(&input.v);
  if (object == nullptr) return WrongKind(type.kind);
  const Record& record = schema.records[type.index];
  Value::List members(record.members.size());
  std::vector<bool> given(record.members.size());
  for (const InputMember& member : *object) {
    size_t i = 0;
    while (i < record.members.size() && record.members[i].name != member.name) ++i;
    if (i == record.members.size()) return Refused(absl::StrCat("`", record.name, "` has no `", member.name, "`"));
    if (given[i]) return Refused(absl::StrCat("`", member.name, "` is there twice"));
    given[i] = true;
    absl::StatusOr<Value> value = ToValue(schema, record.members[i].type, member.value);
    if (!value.ok()) return At(member.name, value.status());
    members[i] = *std::move(value);
  }
  for (size_t i = 0; i < members.size(); ++i) {
    if (members[i].absent() && !schema.types[record.members[i].type.value].optional) {
      return Refused(absl::StrCat("`", record.members[i].name, "` is missing"));
    }
  }
  return Value(std::move(members));
}

absl::StatusOr<Value> ToElements(const Schema& schema, const Type& type, const Input& input) {
  const auto* list = std::get_if<Input::List>(&input.v);
  if (list == nullptr) return WrongKind(type.kind);
  Value::List elements;
  for (const Input& element : *list) {
    absl::StatusOr<Value> value = ToValue(schema, type.element, element);
    if (!value.ok()) return At(absl::StrCat("element ", elements.size() + 1), value.status());
    elements.push_back(*std::move(value));
  }
  if (type.kind == TypeKind::kList) return Value(std::move(elements));
  if (schema.types[type.element.value].kind != TypeKind::kEnum) {
    std::sort(elements.begin(), elements.end());
    elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
    return Value(std::move(elements));
  }
  uint64_t bits = 0;
  for (const Value& element : elements) bits |= uint64_t{1} << (element.integer() & 63);
  return Value(static_cast<int64_t>(bits));
}

absl::StatusOr<Value> FromText(const Schema& schema, const Type& type, const Input& input) {
  const auto* text = std::get_if<std::string>(&input.v);
  if (text == nullptr && type.kind == TypeKind::kMoney) {
    return Refused(absl::StrCat("it needs an amount such as \"100 ", schema.currencies[type.index].code, "\""));
  }
  if (text == nullptr) return WrongKind(type.kind);
  absl::StatusOr<Value> value = TextToValue(schema, type, *text);
  if (!value.ok()) return Refused(std::string(value.status().message()));
  return value;
}

absl::StatusOr<Value> FromRole(const Schema& schema, const Input& input) {
  const auto* text = std::get_if<std::string>(&input.v);
  if (text == nullptr) return WrongKind(TypeKind::kRole);
  for (size_t i = 0; i < schema.roles.size(); ++i) {
    if (schema.roles[i].qualified == *text || RoleShown(schema, RoleId(i)) == *text) return Value(static_cast<int64_t>(i));
  }
  return Refused(absl::StrCat("there is no role `", *text, "`"));
}

absl::StatusOr<Value> Converted(const Schema& schema, const Type& type, const Input& input) {
  switch (type.kind) {
    case TypeKind::kBool:
      if (const bool* b = std::get_if<bool>(&input.v)) return Value(int64_t{*b});
      return WrongKind(type.kind);
    case TypeKind::kInt:
      if (const int64_t* n = std::get_if<int64_t>(&input.v)) return Value(*n);
      return WrongKind(type.kind);
    case TypeKind::kString:
      if (const std::string* text = std::get_if<std::string>(&input.v)) return Value(*text);
      return WrongKind(type.kind);
    case TypeKind::kReference: {
      absl::StatusOr<std::string> key = ToKey(schema, WorkflowId(type.index), input);
      if (!key.ok()) return key.status();
      return Value(*std::move(key));
    }
    case TypeKind::kRecord: return ToRecord(schema, type, input);
    case TypeKind::kSet:
    case TypeKind::kList: return ToElements(schema, type, input);
    case TypeKind::kRole: return FromRole(schema, input);
    default: return FromText(schema, type, input);
  }
}

}  // namespace

absl::StatusOr<Value> ToValue(const Schema& schema, TypeId id, const Input& input) {
  const Type& type = schema.types[id.value];
  if (input.absent()) {
    if (type.optional) return Value();
    return Refused("it is missing");
  }
  absl::StatusOr<Value> value = Converted(schema, type, input);
  if (!value.ok()) return value;
  absl::Status good = CheckValue(schema, id, *value);
  if (!good.ok()) return Refused(std::string(good.message()));
  return value;
}

absl::StatusOr<std::string> ToKey(const Schema& schema, WorkflowId id, const Input& input) {
  const Workflow& workflow = schema.workflows[id.value];
  std::vector<Value> parts(workflow.key.size());
  if (const auto* object = std::get_if<Input::Object>(&input.v)) {
    std::vector<bool> given(parts.size());
    for (const InputMember& member : *object) {
      size_t i = 0;
      while (i < workflow.key.size() && workflow.key[i].name != member.name) ++i;
      if (i == workflow.key.size()) return Refused(absl::StrCat("the key of `", workflow.name, "` has no `", member.name, "`"));
      if (given[i]) return Refused(absl::StrCat("`", member.name, "` is there twice"));
      given[i] = true;
      absl::StatusOr<Value> value = ToValue(schema, workflow.key[i].type, member.value);
      if (!value.ok()) return At(member.name, value.status());
      parts[i] = *std::move(value);
    }
    for (size_t i = 0; i < parts.size(); ++i) {
      if (!given[i]) return Refused(absl::StrCat("the key of `", workflow.name, "` needs `", workflow.key[i].name, "`"));
    }
    return KeyText(schema, workflow.key, parts);
  }
  if (workflow.key.size() == 1) {
    absl::StatusOr<Value> value = ToValue(schema, workflow.key[0].type, input);
    if (!value.ok()) return At(workflow.key[0].name, value.status());
    parts[0] = *std::move(value);
    return KeyText(schema, workflow.key, parts);
  }
  const auto* text = std::get_if<std::string>(&input.v);
  if (text == nullptr) return Refused(absl::StrCat("the key of `", workflow.name, "` is an object"));
  absl::StatusOr<std::vector<Value>> read = ParseKey(schema, workflow.key, *text);
  if (!read.ok()) return Refused(std::string(read.status().message()));
  return KeyText(schema, workflow.key, *read);
}

absl::StatusOr<WorkflowId> FindWorkflow(const Schema& schema, std::string_view name) {
  WorkflowId found;
  for (size_t i = 0; i < schema.workflows.size(); ++i) {
    const Workflow& workflow = schema.workflows[i];
    if (workflow.is_fact) continue;  // nobody proposes anything on it
    if (workflow.qualified == name) return WorkflowId(i);
    if (workflow.name != name) continue;
    // The author's own workflow goes before a built-in one of that name.
    if (found.valid() && workflow.is_builtin) continue;
    if (found.valid() && !schema.workflows[found.value].is_builtin) {
      return Refused(absl::StrCat("several packages have a workflow `", Abseil(name), "`: say which, as in `",
                                  workflow.qualified, "`"));
    }
    found = WorkflowId(i);
  }
  if (!found.valid()) return Refused(absl::StrCat("there is no workflow `", Abseil(name), "`"));
  return found;
}

absl::StatusOr<ActorDescription> Described(const Schema& schema, const Registry& registry, ActorDescription description,
                                           const Input& attributes) {
  static const Input::Object kNone;
  const auto* given = attributes.absent() ? &kNone : std::get_if<Input::Object>(&attributes.v);
  if (given == nullptr) return absl::InvalidArgumentError("`attributes` needs an object");
  for (const InputMember& member : *given) {
    const FieldId field = registry.Attribute(member.name);
    if (!field.valid()) return absl::InvalidArgumentError(absl::StrCat("actors have no attribute `", member.name, "`"));
    const bool twice = std::any_of(description.attributes.begin(), description.attributes.end(),
                                   [&](const auto& other) { return other.first == member.name; });
    if (twice) return absl::InvalidArgumentError(absl::StrCat("`", member.name, "` is there twice"));
    const Workflow& agent = schema.workflows[registry.workflow().value];
    absl::StatusOr<Value> value = ToValue(schema, agent.fields[field.value].type, member.value);
    if (!value.ok()) return absl::InvalidArgumentError(absl::StrCat("`", member.name, "`: ", value.status().message()));
    if (!value->absent()) description.attributes.emplace_back(member.name, *std::move(value));
  }
  return registry.Validate(description);
}

}  // namespace writ
