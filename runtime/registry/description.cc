// One JSON form of an actor's description: names sorted, nothing that is not said, no spaces. Only this form is read back.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/registry/registry.h"

namespace writ {
namespace {

void PutText(std::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppend(out, absl::StrFormat("\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c))));
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void PutName(std::string_view name, std::string* out) {
  if (out->size() > 1) out->push_back(',');
  PutText(name, out);
  out->push_back(':');
}

void PutTexts(std::string_view name, const std::vector<std::string>& texts, std::string* out) {
  PutName(name, out);
  out->push_back('[');
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out->push_back(',');
    PutText(texts[i], out);
  }
  out->push_back(']');
}

// A value without its type: numbers, texts, lists, and null for a member that is absent.
void PutValue(const Value& value, std::string* out) {
  if (value.is_integer()) return absl::StrAppend(out, value.integer());
  if (value.is_text()) return PutText(value.text(), out);
  if (!value.is_list()) return absl::StrAppend(out, "null");
  out->push_back('[');
  for (size_t i = 0; i < value.list().size(); ++i) {
    if (i > 0) out->push_back(',');
    PutValue(value.list()[i], out);
  }
  out->push_back(']');
}

class Reader {
 public:
  explicit Reader(std::string_view json) : left_(json) {}

  bool Take(char c) {
    if (left_.empty() || left_.front() != c) return false;
    left_.remove_prefix(1);
    return true;
  }
  bool TakeText(std::string* text) {
    text->clear();
    if (!Take('"')) return false;
    while (!left_.empty()) {
      const char c = left_.front();
      left_.remove_prefix(1);
      if (c == '"') return true;
      if (c != '\\') {
        text->push_back(c);
      } else if (!TakeEscape(text)) {
        return false;
      }
    }
    return false;
  }
  bool TakeTexts(std::vector<std::string>* texts) {
    if (!Take('[')) return false;
    if (Take(']')) return true;
    do {
      texts->emplace_back();
      if (!TakeText(&texts->back())) return false;
    } while (Take(','));
    return Take(']');
  }
  bool TakeValue(Value* value, uint32_t depth = 0) {
    if (depth > store::kValueDepthMax || left_.empty()) return false;
    if (left_.front() == '"') {
      std::string text;
      if (!TakeText(&text)) return false;
      *value = Value(std::move(text));
      return true;
    }
    if (left_.substr(0, 4) == "null") {
      left_.remove_prefix(4);
      return true;
    }
    if (!Take('[')) return TakeNumber(value);
    Value::List list;
    if (!Take(']')) {
      do {
        list.emplace_back();
        if (!TakeValue(&list.back(), depth + 1)) return false;
      } while (Take(','));
      if (!Take(']')) return false;
    }
    *value = Value(std::move(list));
    return true;
  }
  bool TakeAttributes(std::vector<std::pair<std::string, Value>>* attributes) {
    if (!Take('{')) return false;
    do {
      attributes->emplace_back();
      if (!TakeText(&attributes->back().first) || !Take(':') || !TakeValue(&attributes->back().second)) return false;
    } while (Take(','));
    return Take('}');
  }
  bool at_end() const { return left_.empty(); }

 private:
  bool TakeNumber(Value* value) {
    size_t size = 0;
    while (size < left_.size() && (left_[size] == '-' || (left_[size] >= '0' && left_[size] <= '9'))) ++size;
    int64_t number = 0;
    if (!absl::SimpleAtoi(absl::string_view(left_.data(), size), &number)) return false;
    left_.remove_prefix(size);
    *value = Value(number);
    return true;
  }
  bool TakeEscape(std::string* text) {
    if (left_.empty()) return false;
    const char c = left_.front();
    left_.remove_prefix(1);
    if (c == '"' || c == '\\') {
      text->push_back(c);
      return true;
    }
    if (c != 'u' || left_.size() < 4) return false;
    unsigned code = 0;
    for (char digit : left_.substr(0, 4)) {
      const char* digits = "0123456789abcdef";
      const char* at = std::find(digits, digits + 16, digit);
      if (at == digits + 16) return false;
      code = code * 16 + static_cast<unsigned>(at - digits);
    }
    left_.remove_prefix(4);
    if (code >= 0x20) return false;
    text->push_back(static_cast<char>(code));
    return true;
  }

  std::string_view left_;
};

bool ReadMember(Reader* reader, const std::string& name, ActorDescription* description) {
  if (name == "attributes") return reader->TakeAttributes(&description->attributes);
  if (name == "capabilities") return reader->TakeTexts(&description->capabilities);
  if (name == "id") return reader->TakeText(&description->id);
  if (name == "principal") return reader->TakeText(&description->principal);
  if (name == "roles") return reader->TakeTexts(&description->roles);
  if (name == "version") return reader->TakeText(&description->version);
  std::string kind;
  if (name != "kind" || !reader->TakeText(&kind)) return false;
  description->human = kind == "human";
  return kind == "human" || kind == "agent";
}

}  // namespace

std::string EncodeRegistration(const ActorDescription& description) {
  std::string json = "{";
  if (!description.attributes.empty()) {
    PutName("attributes", &json);
    std::string values = "{";
    for (const auto& [name, value] : description.attributes) {
      PutName(name, &values);
      PutValue(value, &values);
    }
    absl::StrAppend(&json, values, "}");
  }
  if (!description.capabilities.empty()) PutTexts("capabilities", description.capabilities, &json);
  PutName("id", &json);
  PutText(description.id, &json);
  if (description.human.has_value()) {
    PutName("kind", &json);
    PutText(*description.human ? "human" : "agent", &json);
  }
  if (!description.principal.empty()) {
    PutName("principal", &json);
    PutText(description.principal, &json);
  }
  PutTexts("roles", description.roles, &json);
  if (!description.version.empty()) {
    PutName("version", &json);
    PutText(description.version, &json);
  }
  return json + "}";
}

absl::StatusOr<ActorDescription> DecodeRegistration(std::string_view json) {
  ActorDescription description;
  Reader reader(json);
  bool good = reader.Take('{');
  while (good) {
    std::string name;
    good = reader.TakeText(&name) && reader.Take(':') && ReadMember(&reader, name, &description);
    if (good && !reader.Take(',')) break;
  }
  if (!good || !reader.Take('}') || !reader.at_end() || EncodeRegistration(description) != json) {
    return absl::DataLossError("an actor's registration in the log cannot be read");
  }
  return description;
}

}  // namespace writ
