#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "runtime/frame/civil.h"
#include "runtime/frame/frame.h"

namespace writ {
namespace {

absl::Status Wrong(std::string_view sentence) {
  return absl::InvalidArgumentError(absl::string_view(sentence.data(), sentence.size()));
}

absl::Status At(std::string_view place, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(absl::string_view(place.data(), place.size()), ": ", status.message()));
}

absl::Status CheckRange(const Schema& schema, const Type& type, int64_t raw) {
  const std::string text = ValueToText(schema, type, Value(raw));
  if (raw < type.min) return Wrong(absl::StrCat(text, " is less than ", ValueToText(schema, type, Value(type.min))));
  if (raw > type.max) return Wrong(absl::StrCat(text, " is more than ", ValueToText(schema, type, Value(type.max))));
  return absl::OkStatus();
}

absl::Status CheckIndex(int64_t index, size_t count, std::string_view what) {
  if (index >= 0 && static_cast<size_t>(index) < count) return absl::OkStatus();
  return Wrong(absl::StrCat("there is no ", absl::string_view(what.data(), what.size()), " number ", index));
}

absl::Status CheckInteger(const Schema& schema, const Type& type, const Value& value) {
  if (!value.is_integer()) return Wrong("it must be a number or name, not a text or list");
  const int64_t raw = value.integer();
  switch (type.kind) {
    case TypeKind::kBool: return raw == 0 || raw == 1 ? absl::OkStatus() : Wrong("it must be true or false");
    case TypeKind::kEnum: return CheckIndex(raw, schema.enums[type.index].members.size(), schema.enums[type.index].name);
    case TypeKind::kRole: return CheckIndex(raw, schema.roles.size(), "role");
    case TypeKind::kDate:
      if (raw < kFirstDay || raw > kLastDay) return Wrong("a date must be between the years 0 and 9999");
      return CheckRange(schema, type, raw);
    case TypeKind::kTime:
    case TypeKind::kDuration:
      if (raw < -limits::kTimeMax || raw > limits::kTimeMax) return Wrong("times end in the years 1823 and 2116");
      return CheckRange(schema, type, raw);
    default: return CheckRange(schema, type, raw);
  }
}

// A capacity of 0 is one that nobody has declared.
absl::Status CheckText(const Type& type, const Value& value) {
  if (!value.is_text()) return Wrong("it must be a text");
  if (type.capacity == 0 || value.text().size() <= type.capacity) return absl::OkStatus();
  return Wrong(absl::StrCat("it has ", value.text().size(), " bytes, and at most ", type.capacity, " fit"));
}

absl::Status CheckReference(const Schema& schema, const Type& type, const Value& value) {
  if (!value.is_text()) return Wrong("it must be the key of what it refers to");
  const std::vector<Field>& key = schema.workflows[type.index].key;
  const absl::StatusOr<std::vector<Value>> parts = ParseKey(schema, key, value.text());
  if (!parts.ok()) return parts.status();
  if (KeyText(schema, key, *parts) == value.text()) return absl::OkStatus();
  return Wrong(absl::StrCat("the key must be written as `", KeyText(schema, key, *parts), "`"));
}

absl::Status CheckRecord(const Schema& schema, const Type& type, const Value& value) {
  const Record& record = schema.records[type.index];
  if (!value.is_list() || value.list().size() != record.members.size()) {
    return Wrong(absl::StrCat("it must be a ", record.name, " with all its members"));
  }
  for (size_t i = 0; i < record.members.size(); ++i) {
    const Field& member = record.members[i];
    if (absl::Status status = CheckValue(schema, member.type, value.list()[i]); !status.ok()) return At(member.name, status);
  }
  return absl::OkStatus();
}

absl::Status CheckBitSet(const Type& type, const Enum& members, const Value& value) {
  if (!value.is_integer()) return Wrong(absl::StrCat("it must be a set of ", members.name));
  const uint64_t bits = static_cast<uint64_t>(value.integer());
  const size_t count = members.members.size();
  if (count < 64 && bits >> count != 0) return Wrong(absl::StrCat("it holds what is no ", members.name));
  const int held = std::popcount(bits);
  if (type.capacity == 0 || static_cast<uint32_t>(held) <= type.capacity) return absl::OkStatus();
  return Wrong(absl::StrCat("it has ", held, " elements, and at most ", type.capacity, " fit"));
}

absl::Status CheckElements(const Schema& schema, const Type& type, const Value& value) {
  if (!value.is_list()) return Wrong(type.kind == TypeKind::kSet ? "it must be a set" : "it must be a list");
  const Value::List& elements = value.list();
  if (elements.size() > type.capacity) {
    return Wrong(absl::StrCat("it has ", elements.size(), " elements, and at most ", type.capacity, " fit"));
  }
  if (elements.size() < type.count_min) {
    return Wrong(absl::StrCat("it has ", elements.size(), " elements, and must have at least ", type.count_min));
  }
  for (size_t i = 0; i < elements.size(); ++i) {
    const absl::Status status = CheckValue(schema, type.element, elements[i]);
    if (!status.ok()) return At(absl::StrCat("element ", i + 1), status);
  }
  return absl::OkStatus();
}

absl::Status CheckSet(const Schema& schema, const Type& type, const Value& value) {
  const Type& element = schema.types[type.element.value];
  if (element.kind == TypeKind::kEnum) return CheckBitSet(type, schema.enums[element.index], value);
  if (absl::Status status = CheckElements(schema, type, value); !status.ok()) return status;
  const Value::List& elements = value.list();
  const auto unordered = std::adjacent_find(elements.begin(), elements.end(),
                                            [](const Value& a, const Value& b) { return !(a < b); });
  return unordered == elements.end() ? absl::OkStatus() : Wrong("a set holds each element once, in order");
}

// `by key`: no two elements are known by the same key.
absl::Status CheckKeys(const Schema& schema, const Type& type, const Value::List& elements) {
  const Field& key = schema.records[schema.types[type.element.value].index].members[type.key.value];
  std::vector<const Value*> keys;
  for (const Value& element : elements) keys.push_back(&element.list()[type.key.value]);
  std::sort(keys.begin(), keys.end(), [](const Value* a, const Value* b) { return *a < *b; });
  const auto twice = std::adjacent_find(keys.begin(), keys.end(), [](const Value* a, const Value* b) { return *a == *b; });
  if (twice == keys.end()) return absl::OkStatus();
  return Wrong(absl::StrCat("two elements have the ", key.name, " `",
                            ValueToText(schema, schema.types[key.type.value], **twice), "`"));
}

absl::Status CheckList(const Schema& schema, const Type& type, const Value& value) {
  absl::Status status = CheckElements(schema, type, value);
  if (!status.ok() || !type.key.valid()) return status;
  return CheckKeys(schema, type, value.list());
}

}  // namespace

absl::Status CheckValue(const Schema& schema, TypeId id, const Value& value) {
  const Type& type = schema.types[id.value];
  if (value.absent()) return type.optional ? absl::OkStatus() : Wrong("it must be given");
  switch (type.kind) {
    case TypeKind::kString: return CheckText(type, value);
    case TypeKind::kReference: return CheckReference(schema, type, value);
    case TypeKind::kRecord: return CheckRecord(schema, type, value);
    case TypeKind::kSet: return CheckSet(schema, type, value);
    case TypeKind::kList: return CheckList(schema, type, value);
    default: return CheckInteger(schema, type, value);
  }
}

}  // namespace writ
