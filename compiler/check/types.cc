#include "compiler/check/types.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/check/check.h"
#include "compiler/check/currencies.h"
#include "compiler/check/literals.h"
#include "compiler/check/planted_faults.h"
#include "compiler/typed/expr.h"

namespace writ::check {
namespace {

std::optional<TypeKind> PlainKind(const std::string& name) {
  static const std::pair<const char*, TypeKind> kKinds[] = {
      {"bool", TypeKind::kBool},         {"int", TypeKind::kInt},   {"percent", TypeKind::kPercent},
      {"duration", TypeKind::kDuration}, {"time", TypeKind::kTime}, {"date", TypeKind::kDate},
      {"role", TypeKind::kRole}};
  for (const auto& [word, kind] : kKinds) {
    if (name == word) return kind;
  }
  return std::nullopt;
}

// What looks like a unit of time or a currency: the parser knows what was meant, and has said so.
bool HasKnownUnit(const ast::Expr& expr) {
  static const char* const kUnits[] = {"w",   "d",    "h",      "min",     "s",      "ms",      "us",   "ns",
                                       "m",   "mins", "minute", "minutes", "hr",     "hrs",     "hour", "hours",
                                       "day", "days", "sec",    "secs",    "second", "seconds", "week", "weeks"};
  const std::string& unit = expr.unit.text;
  const bool capitals =
      unit.size() == 3 && std::all_of(unit.begin(), unit.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return capitals ||
         std::any_of(std::begin(kUnits), std::end(kUnits), [&](const char* known) { return unit == known; });
}

bool HasRange(const ast::Type& type) { return type.low != nullptr || type.high != nullptr; }

}  // namespace

Type Of(TypeKind kind, uint32_t index) {
  Type type;
  type.kind = kind;
  type.index = index;
  return type;
}

bool IsState(const Type& type) { return type.distinct == kStateMark; }

bool IsAdditive(const Type& type) {
  const bool kind = type.kind == TypeKind::kInt || type.kind == TypeKind::kPercent || type.kind == TypeKind::kMoney ||
                    type.kind == TypeKind::kQuantity || type.kind == TypeKind::kDuration;
  return kind && !IsState(type);
}

bool IsNumeric(TypeKind kind) { return kind >= TypeKind::kInt && kind <= TypeKind::kDate; }
bool IsScalar(TypeKind kind) { return kind != TypeKind::kRecord && kind != TypeKind::kSet && kind != TypeKind::kList; }
bool IsText(TypeKind kind) { return kind == TypeKind::kString || kind == TypeKind::kReference; }

bool SameType(const Type& a, const Type& b) {
  if (a.kind != b.kind || a.index != b.index) return false;
  if (a.kind == TypeKind::kSet || a.kind == TypeKind::kList) return a.element == b.element;
  return a.distinct == b.distinct || a.distinct == UINT32_MAX || b.distinct == UINT32_MAX;
}

Types::Types(const Symbols& symbols, Schema& schema, diagnostics::Sink& sink)
    : symbols_(symbols), schema_(schema), sink_(sink) {
  for (const Declaration* alias : symbols.OfKind(DeclarationKind::kAlias))
    schema.distinct_types.push_back(alias->qualified);
}

TypeId Types::Intern(const Type& t) {
  const std::string key =
      absl::StrCat(static_cast<int>(t.kind), "/", t.optional, "/", t.min, "/", t.max, "/", t.capacity, "/", t.count_min,
                   "/", t.index, "/", t.element.value, "/", t.key.value, "/", t.distinct);
  const auto [at, is_new] = interned_.emplace(key, static_cast<uint32_t>(schema_.types.size()));
  if (is_new) schema_.types.push_back(t);
  return TypeId(at->second);
}

uint32_t Types::Currency(const ast::Name& code) {
  const std::optional<int> digits = CurrencyDigits(code.text);
  if (!digits.has_value()) {
    if (!code.empty())
      sink_.Report(code.span, diagnostics::kUnknownCurrency, code).Help(Hint(sink_, code.text, CurrencyCodes()));
    return UINT32_MAX;
  }
  for (size_t i = 0; i < schema_.currencies.size(); ++i) {
    if (schema_.currencies[i].code == code.text) return static_cast<uint32_t>(i);
  }
  schema_.currencies.push_back({code.text, *digits});
  return static_cast<uint32_t>(schema_.currencies.size() - 1);
}

uint32_t Types::Unit(const ast::Name& name) {
  const Declaration* d = symbols_.Require(Space::kUnit, name);
  return d == nullptr ? UINT32_MAX : d->id;
}

std::optional<uint32_t> Types::PerEnum(const Type& type) const {
  const auto at = type.kind == TypeKind::kRecord ? per_enum_.find(type.index) : per_enum_.end();
  if (at == per_enum_.end()) return std::nullopt;
  return at->second;
}

// ---------------------------------------------------------------- resolving

std::optional<Type> Types::Resolve(const ast::Type& type) {
  const std::optional<Type> plain = ResolvePlain(type);
  return plain.has_value() && !type.per.empty() ? ResolvePer(type, *plain) : plain;
}

// `T per E` is a record with a member for each of E's, of the same name.
std::optional<Type> Types::ResolvePer(const ast::Type& type, const Type& each) {
  const Declaration* d = symbols_.Require(Space::kType, type.per);
  if (d == nullptr) return std::nullopt;
  if (d->kind != DeclarationKind::kEnum) {
    sink_.Report(type.per.span, diagnostics::kPerNeedsEnum, type.per).Related(d->span, "it is declared here");
    return std::nullopt;
  }
  if (!IsScalar(each.kind)) {
    sink_.Report(type.span, diagnostics::kPerOfType, Words(each));
    return std::nullopt;
  }
  const Enum& members = schema_.enums[d->id];
  if (members.members.size() > kPerMembersMax) {
    sink_.Report(type.per.span, diagnostics::kPerTooMany, type.per, members.members.size(), kPerMembersMax);
    return std::nullopt;
  }
  const TypeId id = Intern(each);
  const auto [at, is_new] = per_.emplace(std::make_pair(id.value, d->id), static_cast<uint32_t>(schema_.records.size()));
  if (is_new) {
    const std::string words = Words(each);  // without the backticks of a name
    std::string name;
    for (const char c : words) {
      if (c != '`') name.push_back(c);
    }
    Record record{absl::StrCat(name, " per ", members.name), {}};
    for (const EnumMember& member : members.members) record.members.push_back({member.name, id, {}, {}});
    schema_.records.push_back(std::move(record));
    per_enum_[at->second] = d->id;
  }
  return Of(TypeKind::kRecord, at->second);
}

std::optional<Type> Types::ResolveQuantity(const ast::Type& type) {
  if (type.arguments.size() != 1) {
    sink_.Report(type.name.span, diagnostics::kQuantityNeedsUnit);
    return std::nullopt;
  }
  Type out = Of(TypeKind::kQuantity);
  out.index = Unit(type.arguments[0]);
  if (out.index == UINT32_MAX) return std::nullopt;
  return out;
}

std::optional<Type> Types::ResolvePlain(const ast::Type& type) {
  if (type.name.empty()) return std::nullopt;
  std::optional<Type> out = ResolveNamed(type);
  if (!out.has_value() || !CheckParts(type, *out)) return std::nullopt;
  if (!ResolveRange(type, &*out)) return std::nullopt;
  out->optional = out->optional || type.optional;
  return out;
}

std::optional<Type> Types::ResolveNamed(const ast::Type& type) {
  const std::string& name = type.name.text;
  if (const std::optional<TypeKind> plain = PlainKind(name); plain.has_value()) return Of(*plain);
  if (name == "string") return ResolveString(type);
  if (name == "set") return ResolveCollection(type, TypeKind::kSet);
  if (name == "list") return ResolveCollection(type, TypeKind::kList);
  if (name == "quantity") return ResolveQuantity(type);
  if (name != "money") return ResolveDeclared(type);
  if (type.arguments.size() != 1) {
    sink_.Report(type.name.span, diagnostics::kMoneyNeedsCurrency);
    return std::nullopt;
  }
  Type out = Of(TypeKind::kMoney);
  out.index = Currency(type.arguments[0]);
  if (out.index == UINT32_MAX) return std::nullopt;
  return out;
}

std::optional<Type> Types::ResolveString(const ast::Type& type) {
  if (!type.max.has_value()) {
    sink_.Report(type.name.span, diagnostics::kStringNeedsMax);
    return std::nullopt;
  }
  if (*type.max < 1 || *type.max > kStringBytesMax) {
    sink_.Report(type.span, diagnostics::kBadCapacity, *type.max, 1, kStringBytesMax);
    return std::nullopt;
  }
  Type out = Of(TypeKind::kString);
  out.capacity = static_cast<uint32_t>(*type.max);
  return out;
}

std::optional<Type> Types::ResolveDeclared(const ast::Type& type) {
  const Declaration* d = symbols_.Require(Space::kType, type.name);
  if (d == nullptr) return std::nullopt;
  if (d->kind == DeclarationKind::kAlias) return ResolveAlias(*d);
  Type out = Of(d->kind == DeclarationKind::kEnum     ? TypeKind::kEnum
                : d->kind == DeclarationKind::kRecord ? TypeKind::kRecord
                                                      : TypeKind::kReference);
  out.index = d->id;
  return out;
}

std::optional<Type> Types::ResolveAlias(const Declaration& alias) {
  AliasState& state = aliases_[&alias];
  if (state.busy) {
    sink_.Report(alias.span, diagnostics::kTypeCycle, alias.name);
    return std::nullopt;
  }
  if (state.done) return state.type;
  if (alias_depth_ >= kTypeDepthMax) {
    sink_.Report(alias.span, diagnostics::kTypeTooDeep, kTypeDepthMax);
    return std::nullopt;
  }
  state.busy = true;
  ++alias_depth_;
  std::optional<Type> type = Resolve(alias.alias->type);
  --alias_depth_;
  if (type.has_value() && IsScalar(type->kind) && type->kind != TypeKind::kEnum && type->kind != TypeKind::kReference) {
    type->distinct = alias.id;
  }
  AliasState& resolved = aliases_[&alias];
  resolved = {false, true, type};
  return type;
}

std::optional<Type> Types::ResolveCollection(const ast::Type& type, TypeKind kind) {
  if (type.element == nullptr) {
    sink_.Report(type.name.span, diagnostics::kElementMissing, type.name);
    return std::nullopt;
  }
  std::optional<Type> element = Resolve(*type.element);
  if (!element.has_value() || !CheckElement(type, *element, kind)) return std::nullopt;
  Type out = Of(kind);
  const bool bits = kind == TypeKind::kSet && element->kind == TypeKind::kEnum;
  if (!type.max.has_value() && !bits) {
    sink_.Report(type.name.span, diagnostics::kCollectionNeedsMax, type.name.text);
    return std::nullopt;
  }
  const int64_t members = bits ? static_cast<int64_t>(schema_.enums[element->index].members.size()) : 0;
  const int64_t capacity = type.max.value_or(members);
  if (capacity < (bits ? 0 : 1) || capacity > limits::kFrameElementsMax) {
    sink_.Report(type.span, diagnostics::kBadCapacity, capacity, 1, limits::kFrameElementsMax);
    return std::nullopt;
  }
  if (bits && members > limits::kSetBitsMax) {
    sink_.Report(type.span, diagnostics::kSetOfTooManyMembers, type.element->name, members, limits::kSetBitsMax);
    return std::nullopt;
  }
  if (type.min.has_value() && (*type.min < 0 || *type.min > capacity)) {
    sink_.Report(type.span, diagnostics::kMinAboveMax, *type.min, capacity);
    return std::nullopt;
  }
  out.capacity = static_cast<uint32_t>(capacity);
  out.count_min = static_cast<uint32_t>(type.min.value_or(0));
  out.element = Intern(*element);
  if (!type.by.empty() && !ResolveKey(type, *element, &out)) return std::nullopt;
  if (Elements(out) > limits::kFrameElementsMax) {
    sink_.Report(type.span, diagnostics::kTooManyElements, Elements(out), limits::kFrameElementsMax);
    return std::nullopt;
  }
  return out;
}

// How many elements a full value holds, nested lists multiplied.
uint64_t Types::Elements(const Type& type) const {
  if (type.kind == TypeKind::kRecord) {
    uint64_t most = 1;
    for (const Field& member : schema_.records[type.index].members) {
      if (member.type.valid()) most = std::max(most, Elements(At(member.type)));
    }
    return most;
  }
  if (type.kind != TypeKind::kList && type.kind != TypeKind::kSet) return 1;
  return std::min<uint64_t>(type.capacity * Elements(At(type.element)), UINT32_MAX);
}

bool Types::CheckElement(const ast::Type& type, const Type& element, TypeKind kind) {
  const ast::Span span = type.element->span;
  if (element.optional) {
    sink_.Report(span, diagnostics::kOptionalElement, type.name.text);
    return false;
  }
  if (element.kind == TypeKind::kSet || element.kind == TypeKind::kList) {
    sink_.Report(span, diagnostics::kNestedCollection, type.name.text);
    return false;
  }
  if (kind == TypeKind::kSet && element.kind == TypeKind::kRecord) {
    sink_.Report(span, diagnostics::kSetOfRecords);
    return false;
  }
  return true;
}

bool Types::ResolveKey(const ast::Type& type, const Type& element, Type* list) {
  if (list->kind != TypeKind::kList || element.kind != TypeKind::kRecord) {
    sink_.Report(type.by.span, diagnostics::kKeyNeedsRecords, Words(element));
    return false;
  }
  const Record& record = schema_.records[element.index];
  std::vector<std::string> names;
  for (size_t i = 0; i < record.members.size(); ++i) {
    names.push_back(record.members[i].name);
    if (record.members[i].name != type.by.text) continue;
    list->key = FieldId(i);
    if (!record.members[i].type.valid()) return true;
    const Type& key = At(record.members[i].type);
    if (IsScalar(key.kind) && !key.optional) return true;
    sink_.Report(type.by.span, diagnostics::kBadListKey, type.by, Words(key));
    return false;
  }
  sink_.Report(type.by.span, diagnostics::kUnknownMember, type.by, record.name).Help(Hint(sink_, type.by.text, names));
  return false;
}

bool Types::CheckParts(const ast::Type& type, const Type& resolved) {
  const bool collection = type.name.text == "set" || type.name.text == "list";
  if (!type.arguments.empty() && type.name.text != "money" && type.name.text != "quantity") {
    sink_.Report(type.arguments[0].span, diagnostics::kNoTypeArguments, type.name);
    return false;
  }
  if ((type.max.has_value() && type.name.text != "string" && !collection) ||
      (type.min.has_value() && type.name.text != "list")) {
    sink_.Report(type.span, diagnostics::kNoCapacityHere, Words(resolved));
    return false;
  }
  return true;
}

bool Types::ResolveRange(const ast::Type& type, Type* out) {
  if (!HasRange(type)) return true;
  if (!IsNumeric(out->kind)) {
    sink_.Report(type.span, diagnostics::kNoRangeHere, Words(*out));
    return false;
  }
  std::optional<Num> low = INT64_MIN, high = INT64_MAX;
  if (type.low != nullptr) low = RangeBound(*type.low, *out);
  if (!low.has_value()) return false;
  if (type.high != nullptr) high = RangeBound(*type.high, *out);
  if (!high.has_value()) return false;
  if (*low > *high) {
    sink_.Report(type.span, diagnostics::kRangeReversed);
    return false;
  }
  out->min = static_cast<int64_t>(*low);
  out->max = static_cast<int64_t>(*high);
  return true;
}

std::optional<Num> Types::RangeBound(const ast::Expr& expr, const Type& type) {
  if (!IsNumber(expr)) {
    return std::nullopt;  // the grammar takes nothing else
  }
  const std::optional<Number> number = ReadNumber(expr);
  if (!number.has_value()) return std::nullopt;
  if (number->type.kind != type.kind || number->type.index != type.index) {
    sink_.Report(expr.span, diagnostics::kRangeOfOtherType, Words(type), Words(number->type));
    return std::nullopt;
  }
  return number->value;
}

// ---------------------------------------------------------------- literals

bool Types::IsNumber(const ast::Expr& expr) {
  switch (expr.kind) {
    case ast::ExprKind::kInt:
    case ast::ExprKind::kPercent:
    case ast::ExprKind::kMoney:
    case ast::ExprKind::kQuantity:
    case ast::ExprKind::kDuration:
    case ast::ExprKind::kTime:
    case ast::ExprKind::kDate:
      return true;
    case ast::ExprKind::kNegate:
      return !expr.children.empty() && expr.children[0] != nullptr && IsNumber(*expr.children[0]);
    default:
      return false;
  }
}

std::optional<Number> Types::Scaled(const ast::Expr& expr, Type type, const std::string& text, int digits) {
  Literal literal;
  if (type.kind == TypeKind::kDuration)
    literal = ParseDuration(text);
  else if (type.kind == TypeKind::kTime)
    literal = ParseTime(text);
  else if (type.kind == TypeKind::kDate)
    literal = ParseDate(text);
  else
    literal = ParseDecimal(text, digits);
  if (literal.value.has_value()) return Number{type, *literal.value};
  if (literal.fault == LiteralFault::kTooLarge) {
    sink_.Report(expr.span, diagnostics::kNumberTooLarge, text);
  } else if (literal.fault == LiteralFault::kTooPrecise && type.kind == TypeKind::kPercent) {
    sink_.Report(expr.span, diagnostics::kTooPrecisePercent, absl::StrCat(text, "%"));
  } else if (literal.fault == LiteralFault::kTooPrecise && type.kind == TypeKind::kMoney) {
    sink_.Report(expr.span, diagnostics::kTooPreciseMoney, text, expr.unit, digits);
  } else if (literal.fault == LiteralFault::kTooPrecise && type.kind == TypeKind::kQuantity) {
    sink_.Report(expr.span, diagnostics::kTooPreciseQuantity, text, expr.unit, digits);
  } else if (literal.fault == LiteralFault::kTooPrecise) {
    sink_.Report(expr.span, diagnostics::kBadNumber, text, "write it without a fraction");
  } else if (type.kind == TypeKind::kTime) {
    sink_.Report(expr.span, diagnostics::kBadTime, text);
  } else if (type.kind == TypeKind::kDate) {
    sink_.Report(expr.span, diagnostics::kBadDate, text);
  } else {
    sink_.Report(expr.span, diagnostics::kBadNumber, text, "write digits, and at most one point among them");
  }
  return std::nullopt;
}

std::optional<Number> Types::ReadNumber(const ast::Expr& expr) {
  switch (expr.kind) {
    case ast::ExprKind::kInt:
      return Scaled(expr, Of(TypeKind::kInt), expr.text, 0);
    case ast::ExprKind::kPercent:
      return Scaled(expr, Of(TypeKind::kPercent), expr.text, kPercentDigits);
    case ast::ExprKind::kDuration:
      return Scaled(expr, Of(TypeKind::kDuration), expr.text, 0);
    case ast::ExprKind::kTime:
      return Scaled(expr, Of(TypeKind::kTime), expr.text, 0);
    case ast::ExprKind::kDate:
      return Scaled(expr, Of(TypeKind::kDate), expr.text, 0);
    case ast::ExprKind::kQuantity: {
      const bool is_told = symbols_.Find(Space::kUnit, expr.unit) == nullptr && HasKnownUnit(expr);
      if (is_told) return std::nullopt;  // the parser has said what is wrong with it
      Type type = Of(TypeKind::kQuantity);
      type.index = Unit(expr.unit);
      if (type.index == UINT32_MAX) return std::nullopt;
      if (Planted(Fault::kPartsOfUnitDropped))
        return Scaled(expr, type, expr.text.substr(0, expr.text.find('.')), schema_.units[type.index].digits);
      return Scaled(expr, type, expr.text, schema_.units[type.index].digits);
    }
    case ast::ExprKind::kMoney: {
      Type type = Of(TypeKind::kMoney);
      type.index = Currency(expr.unit);
      if (type.index == UINT32_MAX) return std::nullopt;
      return Scaled(expr, type, expr.text, schema_.currencies[type.index].digits);
    }
    case ast::ExprKind::kNegate: {
      if (!IsNumber(expr)) return std::nullopt;
      std::optional<Number> number = ReadNumber(*expr.children[0]);
      if (number.has_value()) number->value = -number->value;
      return number;
    }
    default:
      return std::nullopt;
  }
}

bool Types::HasOrder(const Type& type) const {
  if (type.kind == TypeKind::kEnum) return schema_.enums[type.index].ordered;
  return IsNumeric(type.kind) && !IsState(type);
}

bool Types::CheckInRange(ast::Span span, const Type& type, Num value) {
  if (value >= type.min && value <= type.max) return true;
  sink_.Report(span, diagnostics::kOutOfRange, NumberWords(type, value), NumberWords(type, type.min),
               NumberWords(type, type.max));
  return false;
}

// ---------------------------------------------------------------- words

std::string Types::Words(const Type& type) const {
  std::string out;
  if (type.distinct == kStateMark) return "a state";
  if (type.distinct != UINT32_MAX) {
    const std::string& qualified = schema_.distinct_types[type.distinct];
    out = absl::StrCat("`", qualified.substr(qualified.rfind('.') + 1), "`");
  } else if (type.kind == TypeKind::kMoney) {
    out = absl::StrCat("money(", schema_.currencies[type.index].code, ")");
  } else if (type.kind == TypeKind::kQuantity) {
    out = absl::StrCat("quantity(", schema_.units[type.index].name, ")");
  } else if (type.kind == TypeKind::kEnum) {
    out = absl::StrCat("`", schema_.enums[type.index].name, "`");
  } else if (type.kind == TypeKind::kRecord) {
    out = absl::StrCat("record `", schema_.records[type.index].name, "`");
  } else if (type.kind == TypeKind::kReference) {
    out = absl::StrCat("`", schema_.workflows[type.index].name, "`");
  } else if (type.kind == TypeKind::kSet || type.kind == TypeKind::kList) {
    out = absl::StrCat(typed::Word(type.kind), " of ", type.element.valid() ? Words(At(type.element)) : "unknown");
  } else {
    out = typed::Word(type.kind);
  }
  return type.optional ? absl::StrCat(out, "?") : out;
}

std::string Types::NumberWords(const Type& type, Num value) const {
  const int64_t number = static_cast<int64_t>(value);
  const auto decimal = [&](int digits, const char* unit) {
    int64_t scale = 1;
    for (int i = 0; i < digits; ++i) scale *= 10;
    const std::string sign = number < 0 ? "-" : "";
    const uint64_t magnitude = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    std::string out = absl::StrCat(sign, magnitude / scale);
    if (magnitude % scale != 0) {
      std::string rest = absl::StrCat(magnitude % scale);
      rest.insert(0, digits - rest.size(), '0');
      while (rest.back() == '0') rest.pop_back();
      absl::StrAppend(&out, ".", rest);
    }
    return absl::StrCat(out, unit);
  };
  switch (type.kind) {
    case TypeKind::kPercent:
      return decimal(kPercentDigits, "%");
    case TypeKind::kMoney:
      return decimal(schema_.currencies[type.index].digits,
                     absl::StrCat(" ", schema_.currencies[type.index].code).c_str());
    case TypeKind::kQuantity:
      return decimal(schema_.units[type.index].digits, schema_.units[type.index].name.c_str());
    case TypeKind::kDuration:
      return decimal(9, "s");
    default:
      return absl::StrCat(number);
  }
}

}  // namespace writ::check
