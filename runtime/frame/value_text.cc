// Values and keys as the text that people and logs write.
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "runtime/frame/civil.h"
#include "runtime/frame/frame.h"
#include "runtime/frame/key_text.h"

namespace writ {
namespace {

constexpr int kPercentDigits = 4;       // 1% is 10^4 raw units
constexpr size_t kNamesShownMax = 20;   // of an enum's members, in an error
constexpr size_t kTextShownMax = 80;    // of what was sent, in an error
constexpr int kKeyDepthMax = 8;         // keys that are references to what has a reference as its key

absl::string_view Absl(std::string_view text) { return absl::string_view(text.data(), text.size()); }

std::string Quoted(std::string_view text) {
  if (text.size() <= kTextShownMax) return absl::StrCat("`", Absl(text), "`");
  return absl::StrCat("`", Absl(text.substr(0, kTextShownMax)), "…`");
}

absl::Status Not(std::string_view text, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is not ", Absl(what)));
}

// ---------------------------------------------------------------- decimals

std::string DecimalText(int64_t raw, int digits, bool pad) {
  uint64_t rest = raw < 0 ? ~static_cast<uint64_t>(raw) + 1 : static_cast<uint64_t>(raw);
  uint64_t unit = 1;
  for (int i = 0; i < digits; ++i) unit *= 10;
  std::string text = absl::StrCat(raw < 0 ? "-" : "", rest / unit);
  if (rest % unit == 0) return text;
  const std::string fraction = absl::StrCat(rest % unit);
  text.push_back('.');
  text.append(static_cast<size_t>(digits) - fraction.size(), '0');
  text.append(fraction);
  while (!pad && text.back() == '0') text.pop_back();
  return text;
}

// `-12.5` as 10^-digits; nullopt for anything else, for more digits than that, and past 64 bits.
std::optional<int64_t> ParseDecimal(std::string_view text, int digits) {
  const bool is_negative = !text.empty() && text[0] == '-';
  if (is_negative) text.remove_prefix(1);
  Num raw = 0;
  int whole_digits = 0, fraction_digits = -1;  // -1: no point yet
  for (const char c : text) {
    if (c == '.' && fraction_digits < 0 && whole_digits > 0 && digits > 0) {
      fraction_digits = 0;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    raw = raw * 10 + (c - '0');
    if (fraction_digits < 0 ? ++whole_digits > 30 : ++fraction_digits > digits) return std::nullopt;
  }
  if (whole_digits == 0 || fraction_digits == 0 || raw > Num{UINT64_MAX}) return std::nullopt;
  for (int i = std::max(fraction_digits, 0); i < digits; ++i) raw *= 10;
  if (is_negative) raw = -raw;
  if (raw < INT64_MIN || raw > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(raw);
}

bool IsCurrencyCode(std::string_view text) {
  return text.size() == 3 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

absl::StatusOr<Value> ParseMoney(const Currency& currency, std::string_view text) {
  const size_t space = text.find(' ');
  if (space != std::string_view::npos) {
    const std::string_view code = text.substr(space + 1);
    const std::optional<int64_t> raw = ParseDecimal(text.substr(0, space), currency.digits);
    if (raw && code == currency.code) return Value(*raw);
    if (raw && IsCurrencyCode(code)) {
      return absl::InvalidArgumentError(
          absl::StrCat(Quoted(text), " is in another currency: ", currency.code, " is needed"));
    }
  }
  return Not(text, absl::StrCat("an amount, such as `2400000 ", currency.code, "`"));
}

// `2.5mg`, or with a space before the unit.
absl::StatusOr<Value> ParseQuantity(const Unit& unit, std::string_view text) {
  if (text.ends_with(unit.name)) {
    std::string_view number = text.substr(0, text.size() - unit.name.size());
    if (number.ends_with(" ")) number.remove_suffix(1);
    if (const std::optional<int64_t> raw = ParseDecimal(number, unit.digits)) return Value(*raw);
  }
  return Not(text, absl::StrCat("a quantity, such as `", DecimalText(25, 1, false), unit.name, "`, of at most ",
                                unit.digits, " digits behind the point"));
}

absl::StatusOr<Value> ParsePercent(std::string_view text) {
  if (!text.empty() && text.back() == '%') {
    const std::optional<int64_t> raw = ParseDecimal(text.substr(0, text.size() - 1), kPercentDigits);
    if (raw) return Value(*raw);
  }
  return Not(text, "a percentage, such as `38%`");
}

absl::StatusOr<Value> ParseInteger(std::string_view text) {
  const std::optional<int64_t> raw = ParseDecimal(text, 0);
  if (!raw) return Not(text, "a whole number");
  return Value(*raw);
}

absl::StatusOr<Value> ParseBool(std::string_view text) {
  if (text != "true" && text != "false") return Not(text, "true or false");
  return Value(int64_t{text == "true"});
}

// ---------------------------------------------------------------- names

absl::StatusOr<Value> ParseMember(const Enum& type, std::string_view text) {
  std::string names;
  for (size_t i = 0; i < type.members.size(); ++i) {
    if (type.members[i].name == text) return Value(static_cast<int64_t>(i));
    if (i < kNamesShownMax) absl::StrAppend(&names, i == 0 ? "" : ", ", type.members[i].name);
  }
  if (type.members.size() > kNamesShownMax) names += ", …";
  return Not(text, absl::StrCat("a ", type.name, ", which has ", names));
}

bool IsRoleNameUnique(const Schema& schema, std::string_view name) {
  return std::count_if(schema.roles.begin(), schema.roles.end(), [&](const Role& r) { return r.name == name; }) == 1;
}

absl::StatusOr<Value> ParseRole(const Schema& schema, std::string_view text) {
  const bool is_unique = IsRoleNameUnique(schema, text);
  for (size_t i = 0; i < schema.roles.size(); ++i) {
    const Role& role = schema.roles[i];
    if (role.qualified == text || (is_unique && role.name == text)) return Value(static_cast<int64_t>(i));
  }
  return Not(text, "the name of one role");
}

std::string RoleText(const Schema& schema, int64_t index) {
  if (index < 0 || static_cast<size_t>(index) >= schema.roles.size()) return absl::StrCat("role ", index);
  const Role& role = schema.roles[static_cast<size_t>(index)];
  return IsRoleNameUnique(schema, role.name) ? role.name : role.qualified;
}

std::string MemberText(const Enum& type, int64_t index) {
  if (index < 0 || static_cast<size_t>(index) >= type.members.size()) return absl::StrCat(type.name, " ", index);
  return type.members[static_cast<size_t>(index)].name;
}

// ---------------------------------------------------------------- compositions, for messages and reports

std::string NumberText(const Schema& schema, const Type& type, int64_t raw) {
  switch (type.kind) {
    case TypeKind::kBool: return raw != 0 ? "true" : "false";
    case TypeKind::kPercent: return DecimalText(raw, kPercentDigits, false) + "%";
    case TypeKind::kMoney: {
      const Currency& currency = schema.currencies[type.index];
      return absl::StrCat(DecimalText(raw, currency.digits, true), " ", currency.code);
    }
    case TypeKind::kQuantity: {
      const Unit& unit = schema.units[type.index];
      return absl::StrCat(DecimalText(raw, unit.digits, false), unit.name);
    }
    case TypeKind::kDuration: return FormatDuration(raw);
    case TypeKind::kTime: return FormatTime(raw);
    case TypeKind::kDate: return FormatDate(raw);
    case TypeKind::kEnum: return MemberText(schema.enums[type.index], raw);
    case TypeKind::kRole: return RoleText(schema, raw);
    default: return absl::StrCat(raw);
  }
}

std::string BitSetText(const Enum& type, uint64_t bits) {
  std::string text = "{";
  for (uint32_t i = 0; i < limits::kSetBitsMax; ++i) {
    if ((bits >> i & 1) == 0) continue;
    absl::StrAppend(&text, text.size() == 1 ? "" : ", ", MemberText(type, i));
  }
  return text + "}";
}

std::string RecordText(const Schema& schema, const Record& record, const Value::List& members) {
  std::string text = "{";
  for (size_t i = 0; i < members.size() && i < record.members.size(); ++i) {
    if (members[i].absent()) continue;
    const Field& field = record.members[i];
    absl::StrAppend(&text, text.size() == 1 ? "" : ", ", field.name, ": ",
                    ValueToText(schema, schema.types[field.type.value], members[i]));
  }
  return text + "}";
}

std::string ElementsText(const Schema& schema, const Type& type, const Value::List& elements) {
  std::string text;
  for (const Value& element : elements) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", ValueToText(schema, schema.types[type.element.value], element));
  }
  return type.kind == TypeKind::kSet ? absl::StrCat("{", text, "}") : absl::StrCat("[", text, "]");
}

// ---------------------------------------------------------------- keys

// Takes a compound key apart. False where it is not written as KeyText would.
bool SplitKey(std::string_view text, std::vector<std::string>* parts) {
  parts->emplace_back();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '|') {
      parts->emplace_back();
      continue;
    }
    if (text[i] == '\\' && (++i == text.size() || (text[i] != '|' && text[i] != '\\'))) return false;
    parts->back().push_back(text[i]);
  }
  return true;
}

absl::StatusOr<Value> ParseKeyPart(const Schema& schema, const Field& field, std::string_view text) {
  absl::StatusOr<Value> value = TextToValue(schema, schema.types[field.type.value], text);
  if (!value.ok()) return absl::InvalidArgumentError(absl::StrCat(field.name, ": ", value.status().message()));
  const absl::Status status = CheckValue(schema, field.type, *value);
  if (!status.ok()) return absl::InvalidArgumentError(absl::StrCat(field.name, ": ", status.message()));
  return value;
}

}  // namespace

std::string ValueToText(const Schema& schema, const Type& type, const Value& value) {
  if (value.is_integer()) {
    if (type.kind != TypeKind::kSet) return NumberText(schema, type, value.integer());
    return BitSetText(schema.enums[schema.types[type.element.value].index], static_cast<uint64_t>(value.integer()));
  }
  if (value.is_text()) return value.text();
  if (!value.is_list()) return "";
  if (type.kind == TypeKind::kRecord) return RecordText(schema, schema.records[type.index], value.list());
  return ElementsText(schema, type, value.list());
}

absl::StatusOr<Value> TextToValue(const Schema& schema, const Type& type, std::string_view text) {
  switch (type.kind) {
    case TypeKind::kBool: return ParseBool(text);
    case TypeKind::kInt: return ParseInteger(text);
    case TypeKind::kQuantity: return ParseQuantity(schema.units[type.index], text);
    case TypeKind::kPercent: return ParsePercent(text);
    case TypeKind::kMoney: return ParseMoney(schema.currencies[type.index], text);
    case TypeKind::kString:
    case TypeKind::kReference: return Value(std::string(text));
    case TypeKind::kEnum: return ParseMember(schema.enums[type.index], text);
    case TypeKind::kRole: return ParseRole(schema, text);
    case TypeKind::kDuration:
    case TypeKind::kTime:
    case TypeKind::kDate: {
      const absl::StatusOr<int64_t> raw = type.kind == TypeKind::kDuration ? ParseDuration(text)
                                          : type.kind == TypeKind::kTime   ? ParseTime(text)
                                                                           : ParseDate(text);
      if (!raw.ok()) return raw.status();
      return Value(*raw);
    }
    case TypeKind::kRecord:
    case TypeKind::kSet:
    case TypeKind::kList: break;
  }
  return Not(text, "a single value of this type");
}

std::string KeyText(const Schema& schema, const std::vector<Field>& key, const std::vector<Value>& parts) {
  if (key.size() == 1 && parts.size() == 1) return ValueToText(schema, schema.types[key[0].type.value], parts[0]);
  std::string text;
  for (size_t i = 0; i < parts.size() && i < key.size(); ++i) {
    AppendKeyPart(ValueToText(schema, schema.types[key[i].type.value], parts[i]), i == 0, &text);
  }
  return text;
}

absl::StatusOr<std::vector<Value>> ParseKey(const Schema& schema, const std::vector<Field>& key, std::string_view text) {
  // A key that refers to what is keyed by a reference again, in a circle, has no end; such text names nothing.
  thread_local int depth = 0;
  if (text.empty()) return absl::InvalidArgumentError("a key must not be empty");
  if (depth == kKeyDepthMax) return absl::InvalidArgumentError("a key refers to keys that are references more than 8 deep");
  std::vector<std::string> texts;
  if (key.size() == 1) {
    texts.emplace_back(text);
  } else if (!SplitKey(text, &texts) || texts.size() != key.size()) {
    return Not(text, absl::StrCat("a key of ", key.size(), " parts, joined by `|`"));
  }
  std::vector<Value> parts;
  ++depth;
  absl::Status status;
  for (size_t i = 0; i < key.size() && status.ok(); ++i) {
    absl::StatusOr<Value> part = ParseKeyPart(schema, key[i], texts[i]);
    status = part.status();
    if (part.ok()) parts.push_back(*std::move(part));
  }
  --depth;
  if (!status.ok()) return status;
  return parts;
}

}  // namespace writ
