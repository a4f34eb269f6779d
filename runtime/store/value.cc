#include "runtime/store/value.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/store/wire.h"

namespace writ::store {
namespace {

enum Kind : uint8_t { kAbsent = 0, kInteger = 1, kText = 2, kList = 3 };

}  // namespace

bool operator==(const Value& a, const Value& b) { return a.v == b.v; }

bool operator<(const Value& a, const Value& b) {
  if (a.v.index() != b.v.index()) return a.v.index() < b.v.index();
  if (a.is_integer()) return a.integer() < b.integer();
  if (a.is_text()) return a.text() < b.text();
  if (a.is_list()) {
    return std::lexicographical_compare(a.list().begin(), a.list().end(), b.list().begin(), b.list().end());
  }
  return false;
}

void WireWriter::Put(const Value& value, uint32_t depth) {
  if (depth > kValueDepthMax) return Fail("a value is nested deeper than 16 lists");
  if (value.absent()) return Byte(kAbsent);
  if (value.is_integer()) {
    Byte(kInteger);
    return Signed(value.integer());
  }
  if (value.is_text()) {
    Byte(kText);
    return Text(value.text());
  }
  if (value.list().size() > kListCountMax) return Fail("a list has more than 65536 elements");
  Byte(kList);
  Unsigned(value.list().size());
  for (const Value& element : value.list()) Put(element, depth + 1);
}

void WireReader::Get(Value* value, uint32_t depth) {
  if (depth > kValueDepthMax) return Fail("a value is nested deeper than 16 lists");
  switch (Byte()) {
    case kAbsent: value->v = std::monostate(); return;
    case kInteger: value->v = Signed(); return;
    case kText: value->v = std::string(Text()); return;
    case kList: {
      auto& list = value->v.emplace<Value::List>();
      for (uint32_t count = Count(); count > 0 && !failed(); --count) Get(&list.emplace_back(), depth + 1);
      return;
    }
    default: Fail("a value has an unknown kind");
  }
}

absl::Status EncodeValue(const Value& value, std::string* out) {
  WireWriter writer(out);
  writer.Put(value);
  if (writer.error() != nullptr) return absl::ResourceExhaustedError(writer.error());
  return absl::OkStatus();
}

absl::StatusOr<Value> DecodeValue(std::string_view bytes) {
  WireReader reader(bytes);
  Value value;
  reader.Get(&value);
  if (!reader.failed() && reader.left() > 0) reader.Fail("bytes follow the value");
  if (reader.failed()) return absl::DataLossError(absl::StrCat("not a value: ", reader.error()));
  return value;
}

}  // namespace writ::store
