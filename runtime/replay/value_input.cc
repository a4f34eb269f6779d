#include "runtime/replay/value_input.h"

#include "runtime/frame/frame.h"

namespace writ::replay {
namespace {

Input SetInput(const Schema& schema, const Type& set, const store::Value& value) {
  const Type& element = schema.types[set.element.value];
  Input::List list;
  if (value.is_list()) {
    for (const store::Value& member : value.list()) list.push_back(InputOf(schema, element, member));
  } else if (value.is_integer()) {
    for (int bit = 0; bit < 64; ++bit) {
      if ((static_cast<uint64_t>(value.integer()) >> bit & 1) != 0) list.push_back(InputOf(schema, element, store::Value(int64_t{bit})));
    }
  }
  return Input(std::move(list));
}

}  // namespace

Input InputOf(const Schema& schema, const Type& type, const store::Value& value) {
  if (value.absent()) return Input();
  switch (type.kind) {
    case TypeKind::kBool: return Input(value.integer() != 0);
    case TypeKind::kInt: return Input(value.integer());
    case TypeKind::kSet: return SetInput(schema, type, value);
    case TypeKind::kList: {
      Input::List list;
      for (const store::Value& element : value.list()) list.push_back(InputOf(schema, schema.types[type.element.value], element));
      return Input(std::move(list));
    }
    case TypeKind::kRecord: {
      Input::Object object;
      const std::vector<Field>& members = schema.records[type.index].members;
      for (size_t i = 0; i < members.size() && i < value.list().size(); ++i) {
        Input member = InputOf(schema, schema.types[members[i].type.value], value.list()[i]);
        if (!member.absent()) object.push_back({members[i].name, std::move(member)});
      }
      return Input(std::move(object));
    }
    default: return value.is_text() ? Input(value.text()) : Input(ValueToText(schema, type, value));
  }
}

absl::StatusOr<Input> KeyInput(const Schema& schema, const Workflow& workflow, const std::string& key) {
  absl::StatusOr<std::vector<store::Value>> parts = ParseKey(schema, workflow.key, key);
  if (!parts.ok()) return parts.status();
  if (workflow.key.size() == 1) return InputOf(schema, schema.types[workflow.key[0].type.value], parts->front());
  Input::Object object;
  for (size_t i = 0; i < workflow.key.size(); ++i) {
    object.push_back({workflow.key[i].name, InputOf(schema, schema.types[workflow.key[i].type.value], (*parts)[i])});
  }
  return Input(std::move(object));
}

}  // namespace writ::replay
