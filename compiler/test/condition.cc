#include "compiler/test/condition.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "compiler/ir/arithmetic.h"
#include "compiler/pattern/pattern.h"
#include "compiler/typed/words.h"
#include "runtime/frame/calendar.h"
#include "runtime/frame/frame.h"

namespace writ::policy_test {
namespace {

using typed::Expr;
using typed::ExprKind;

// One value of any kind. Numbers, Booleans, enums and states are `number`.
struct Item {
  enum class Kind : uint8_t { kAbsent, kUnknown, kNumber, kText, kList } kind = Kind::kAbsent;
  Num number = 0;
  std::string text;  // kUnknown: why
  std::vector<Item> list;

  static Item Of(Num n) { return {Kind::kNumber, n, {}, {}}; }
  static Item OfText(std::string t) { return {Kind::kText, 0, std::move(t), {}}; }
  static Item Unknown(std::string why) { return {Kind::kUnknown, 0, std::move(why), {}}; }
  static Item Absent() { return {}; }
  bool known() const { return kind != Kind::kUnknown && kind != Kind::kAbsent; }
  bool is_true() const { return kind == Kind::kNumber && number != 0; }
};

bool Same(const Item& a, const Item& b) {
  if (a.kind != b.kind) return false;
  if (a.kind != Item::Kind::kList) return a.number == b.number && a.text == b.text;
  return a.list.size() == b.list.size() && std::equal(a.list.begin(), a.list.end(), b.list.begin(), Same);
}

Num PowerOfTen(int exponent) {
  Num power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

class Walker {
 public:
  Walker(const typed::Program& program, const World& world, const Instance& instance, int64_t now_ns)
      : program_(program), schema_(world.schema()), world_(world), instance_(instance), now_ns_(now_ns) {}

  Item Walk(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kConstant:
        return Constant(expr);
      case ExprKind::kSlot:
        return Slot(expr);
      case ExprKind::kVariable:
        return variables_[expr.variable];
      case ExprKind::kMember:
        return Member(Walk(*expr.children[0]), expr.index);
      case ExprKind::kDeref:
        return Deref(expr);
      case ExprKind::kNot:
        return Not(Walk(*expr.children[0]));
      case ExprKind::kAnd:
        return Logic(expr, /*absorbing=*/0);
      case ExprKind::kOr:
        return Logic(expr, /*absorbing=*/1);
      case ExprKind::kEqual:
        return Compare(expr, [](int order) { return order == 0; });
      case ExprKind::kNotEqual:
        return Compare(expr, [](int order) { return order != 0; });
      case ExprKind::kLess:
        return Compare(expr, [](int order) { return order < 0; });
      case ExprKind::kLessEqual:
        return Compare(expr, [](int order) { return order <= 0; });
      case ExprKind::kIs:
        return Is(expr);
      case ExprKind::kIn:
        return In(expr);
      case ExprKind::kHas: {
        const Item item = Walk(*expr.children[0]);
        return item.kind == Item::Kind::kUnknown ? item : Item::Of(item.kind != Item::Kind::kAbsent);
      }
      case ExprKind::kCoalesce: {
        Item item = Walk(*expr.children[0]);
        return item.kind == Item::Kind::kAbsent ? Walk(*expr.children[1]) : item;
      }
      case ExprKind::kIf: {
        const Item condition = Walk(*expr.children[0]);
        return condition.known() ? Walk(*expr.children[condition.is_true() ? 1 : 2]) : condition;
      }
      case ExprKind::kAdd:
      case ExprKind::kSubtract:
      case ExprKind::kMultiply:
        return Arithmetic(expr);
      case ExprKind::kNegate: {
        Item item = Walk(*expr.children[0]);
        item.number = -item.number;
        return item;
      }
      case ExprKind::kSetLiteral: {
        Item list{Item::Kind::kList, 0, {}, {}};
        for (const typed::ExprPtr& child : expr.children) list.list.push_back(Walk(*child));
        return list;
      }
      case ExprKind::kQuantifier:
        return Quantifier(expr);
      case ExprKind::kFact:
        return Fact(expr.index, instance_);
      case ExprKind::kKeyedFact:
        return KeyedFact(expr);
      case ExprKind::kSays:
      case ExprKind::kVotes:
        return Votes(expr);
      case ExprKind::kMatch:
        return Match(expr);
      case ExprKind::kCalendar:
        return AskCalendar(expr);
      case ExprKind::kElementAt: {
        const Item list = Walk(*expr.children[0]);
        if (list.kind != Item::Kind::kList || list.list.empty()) return Item::Absent();
        return expr.index == 0 ? list.list.front() : list.list.back();
      }
      default:
        return Item::Unknown("a test cannot look at this kind of expression");
    }
  }

 private:
  Item FromValue(const Type& type, const Value& value) {
    if (value.absent()) return Item::Absent();
    if (value.is_text()) return Item::OfText(value.text());
    if (type.kind == TypeKind::kSet && value.is_integer()) {
      Item list{Item::Kind::kList, 0, {}, {}};
      for (int bit = 0; bit < 64; ++bit) {
        if ((static_cast<uint64_t>(value.integer()) >> bit & 1) != 0) list.list.push_back(Item::Of(bit));
      }
      return list;
    }
    if (value.is_integer()) return Item::Of(value.integer());
    Item list{Item::Kind::kList, 0, {}, {}};
    for (size_t i = 0; i < value.list().size(); ++i) {
      const Type& element = type.kind == TypeKind::kRecord
                                ? schema_.types[schema_.records[type.index].members[i].type.value]
                                : schema_.types[type.element.value];
      list.list.push_back(FromValue(element, value.list()[i]));
    }
    return list;
  }

  static Item Constant(const Expr& expr) {
    const TypeKind kind = expr.type.type.kind;
    return kind == TypeKind::kString || kind == TypeKind::kReference ? Item::OfText(expr.text) : Item::Of(expr.number);
  }

  Item Slot(const Expr& expr) {
    switch (expr.root) {
      case SlotRoot::kBefore:
      case SlotRoot::kAfter:
        if (expr.index >= instance_.fields.size()) return Item::Absent();
        return FromValue(FieldType(instance_.workflow, expr.index), instance_.fields[expr.index]);
      case SlotRoot::kThisKey:
        return Item::OfText(instance_.key);
      case SlotRoot::kNow:
        return Item::Of(now_ns_);
      case SlotRoot::kState:
        return Item::Of(instance_.state == kNewState ? -1 : static_cast<Num>(instance_.state.value));
      default:
        return Item::Unknown("a test has no proposal that this could speak of");
    }
  }

  const Type& FieldType(WorkflowId workflow, uint32_t field) {
    return schema_.types[schema_.workflows[workflow.value].fields[field].type.value];
  }

  static Item Member(Item record, uint32_t index) {
    if (record.kind != Item::Kind::kList) return record;
    return index < record.list.size() ? std::move(record.list[index]) : Item::Absent();
  }

  Item Deref(const Expr& expr) {
    const Item reference = Walk(*expr.children[0]);
    if (!reference.known()) return reference;
    const WorkflowId workflow(expr.children[0]->type.type.index);
    const Instance* target = world_.Find(workflow, reference.text);
    if (target == nullptr) return Item::Unknown(absl::StrCat("`", reference.text, "` names nothing"));
    if (expr.part == 1) return Item::Of(static_cast<Num>(target->state.value));
    const Workflow& table = schema_.workflows[workflow.value];
    if (expr.part == 2)
      return FromValue(schema_.types[table.key[expr.index].type.value], target->key_parts[expr.index]);
    return expr.index < target->fields.size() ? FromValue(FieldType(workflow, expr.index), target->fields[expr.index])
                                              : Item::Absent();
  }

  static Item Not(Item item) {
    item.number = item.number == 0;
    return item;
  }

  Item Logic(const Expr& expr, Num absorbing) {
    Item result = Item::Of(1 - absorbing);
    for (const typed::ExprPtr& child : expr.children) {
      Item item = Walk(*child);
      if (item.known() && item.number == absorbing) return item;
      if (!item.known()) result = std::move(item);
    }
    return result;
  }

  // Both sides at one scale; -1, 0, 1.
  template <class Test>
  Item Compare(const Expr& expr, Test test) {
    Item left = Walk(*expr.children[0]), right = Walk(*expr.children[1]);
    if (!left.known()) return left;
    if (!right.known()) return right;
    if (left.kind == Item::Kind::kList || right.kind == Item::Kind::kList)
      return Item::Of(test(Same(left, right) ? 0 : 1));
    if (left.kind == Item::Kind::kText) return Item::Of(test(left.text.compare(right.text)));
    Align(*expr.children[0], *expr.children[1], &left, &right);
    return Item::Of(test(left.number < right.number ? -1 : left.number > right.number ? 1 : 0));
  }

  static void Align(const Expr& a, const Expr& b, Item* left, Item* right) {
    const int difference = a.type.scale - b.type.scale;
    if (difference < 0) left->number *= PowerOfTen(-difference);
    if (difference > 0) right->number *= PowerOfTen(difference);
  }

  Item Match(const Expr& expr) {
    const Item text = Walk(*expr.children[0]);
    if (!text.known()) return text;
    const pattern::Compiled compiled = pattern::Compile(static_cast<pattern::Kind>(expr.part), expr.text);
    return Item::Of(compiled.automaton.has_value() && ir::Matches(*compiled.automaton, text.text));
  }

  Item AskCalendar(const Expr& expr) {
    std::vector<Num> arguments;
    for (const typed::ExprPtr& child : expr.children) {
      const Item argument = Walk(*child);
      if (!argument.known()) return argument;
      arguments.push_back(argument.number);
    }
    const Calendar& calendar = schema_.calendars[expr.index];
    switch (static_cast<typed::CalendarOp>(expr.part)) {
      case typed::CalendarOp::kInWindow:
        return Item::Of(IsInWindow(calendar, expr.part2, arguments[0]));
      case typed::CalendarOp::kOpen:
        return Item::Of(IsOpen(schema_, calendar, arguments[0]));
      case typed::CalendarOp::kWorkdays:
        return Item::Of(Workdays(schema_, calendar, arguments[0], arguments[1]));
      case typed::CalendarOp::kYears:
        return Item::Of(Years(schema_, calendar, static_cast<int64_t>(arguments[0]), arguments[1]));
      case typed::CalendarOp::kDay:
        return Item::Of(LocalDay(schema_.zones[calendar.zone], arguments[0]));
    }
    return Item::Unknown("");
  }

  Item Is(const Expr& expr) {
    Item left = Walk(*expr.children[0]), right = Walk(*expr.children[1]);
    if (left.kind == Item::Kind::kUnknown) return left;
    if (right.kind == Item::Kind::kUnknown) return right;
    if (!left.known() || !right.known()) return Item::Of(0);
    if (left.kind == Item::Kind::kNumber) Align(*expr.children[0], *expr.children[1], &left, &right);
    return Item::Of(Same(left, right));
  }

  Item In(const Expr& expr) {
    const Item item = Walk(*expr.children[0]), set = Walk(*expr.children[1]);
    if (!item.known()) return item;
    if (set.kind != Item::Kind::kList) return set;
    return Item::Of(
        std::any_of(set.list.begin(), set.list.end(), [&](const Item& member) { return Same(member, item); }));
  }

  Item Arithmetic(const Expr& expr) {
    Item left = Walk(*expr.children[0]), right = Walk(*expr.children[1]);
    if (!left.known()) return left;
    if (!right.known()) return right;
    if (expr.kind == ExprKind::kMultiply) return Item::Of(left.number * right.number);
    if (expr.children[0]->type.type.kind == TypeKind::kDate) {
      constexpr Num kDayNs = Num{86'400} * 1'000'000'000;
      if (expr.type.type.kind == TypeKind::kDuration) return Item::Of((left.number - right.number) * kDayNs);
      right.number /= kDayNs;
    }
    Align(*expr.children[0], *expr.children[1], &left, &right);
    return Item::Of(expr.kind == ExprKind::kAdd ? left.number + right.number : left.number - right.number);
  }

  Item Quantifier(const Expr& expr) {
    const Item list = Walk(*expr.children[1]);
    if (list.kind != Item::Kind::kList) return list;
    std::vector<Item> values;
    const bool neighbours = expr.variable2 != UINT32_MAX;
    for (size_t i = 0; i + (neighbours ? 1 : 0) < list.list.size(); ++i) {
      const Item& element = list.list[i];
      variables_[expr.variable] = element;
      if (neighbours) variables_[expr.variable2] = list.list[i + 1];
      if (expr.children.size() > 2 && expr.children[2] != nullptr && !Walk(*expr.children[2]).is_true()) continue;
      values.push_back(expr.children[0] != nullptr ? Walk(*expr.children[0]) : element);
    }
    const auto truth = [](const Item& item) { return item.is_true(); };
    const auto less = [](const Item& a, const Item& b) { return a.number < b.number; };
    Num sum = 0;
    switch (expr.op) {
      case typed::QuantifierOp::kAny:
        return Item::Of(std::any_of(values.begin(), values.end(), truth));
      case typed::QuantifierOp::kAll:
        return Item::Of(std::all_of(values.begin(), values.end(), truth));
      case typed::QuantifierOp::kCount:
        return Item::Of(expr.children[0] == nullptr ? static_cast<Num>(values.size())
                                                    : std::count_if(values.begin(), values.end(), truth));
      case typed::QuantifierOp::kSum:
        for (const Item& value : values) sum += value.number;
        return Item::Of(sum);
      case typed::QuantifierOp::kMin:
        return values.empty() ? Item::Absent() : *std::min_element(values.begin(), values.end(), less);
      case typed::QuantifierOp::kMax:
        return values.empty() ? Item::Absent() : *std::max_element(values.begin(), values.end(), less);
      case typed::QuantifierOp::kDistinct:
        for (size_t i = 0; i < values.size(); ++i) {
          sum += std::none_of(values.begin(), values.begin() + static_cast<long>(i),
                              [&](const Item& other) { return Same(other, values[i]); });
        }
        return Item::Of(sum);
    }
    return Item::Unknown("");
  }

  // lower/ names what it keeps of a fact by its words: `last(pay).amount.has`, `….value`, …, and its window by them alone.
  const CellValue* Cell(const Instance& instance, const std::string& fact, const char* part) {
    const Workflow& workflow = schema_.workflows[instance.workflow.value];
    const std::string name = absl::StrCat(fact, ".", part);
    for (size_t i = 0; i < workflow.cells.size() && i < instance.cells.size(); ++i) {
      if (workflow.cells[i].name == name) return &instance.cells[i];
    }
    return nullptr;
  }

  // Nothing was ever counted under a key that has no instance.
  Item KeyedFact(const Expr& expr) {
    const typed::Fact& fact = program_.facts[expr.index];
    const std::vector<Field>& key = schema_.workflows[fact.keyed.value].key;
    std::vector<Value> parts;
    for (const typed::ExprPtr& child : expr.children) {
      const Item part = Walk(*child);
      if (!part.known()) return part;
      parts.push_back(part.kind == Item::Kind::kText ? Value(part.text) : Value(static_cast<int64_t>(part.number)));
    }
    const Instance* found = world_.Find(fact.keyed, KeyText(schema_, key, parts));
    if (found != nullptr) return Fact(expr.index, *found);
    const bool is_number = fact.type.type.kind != TypeKind::kString && !fact.type.type.optional;
    return is_number ? Item::Of(0) : Item::Absent();
  }

  Item Fact(uint32_t number, const Instance& instance) {
    const typed::Fact& fact = program_.facts[number];
    const Workflow& workflow = schema_.workflows[instance.workflow.value];
    const std::string words = typed::Words(program_, fact);
    const CellValue* unknown = Cell(instance, words, "unknown");
    if (unknown != nullptr && unknown->number != 0)
      return Item::Unknown("an event of this fact could not be evaluated");
    for (size_t i = 0; i < workflow.windows.size() && i < instance.windows.size(); ++i) {
      if (workflow.windows[i].name == words) return Window(fact, instance.windows[i]);
    }
    const CellValue* has = Cell(instance, words, "has");
    const CellValue* time = Cell(instance, words, "time");
    const bool in_time = time == nullptr || time->number > now_ns_ - fact.within_ns;
    const bool is_there = (has == nullptr || has->number != 0) && in_time;
    if (fact.kind == typed::Fact::Kind::kHappened) return Item::Of(is_there);
    const CellValue* value = Cell(instance, words, "value");
    if (value == nullptr) value = Cell(instance, words, "count");
    if (value == nullptr) value = Cell(instance, words, "sum");
    if (value == nullptr) return Item::Unknown("this fact is not kept");
    if (!is_there) return Item::Absent();
    const TypeKind kind = fact.type.type.kind;
    return kind == TypeKind::kString || kind == TypeKind::kReference ? Item::OfText(value->text)
                                                                     : Item::Of(value->number);
  }

  Item Window(const typed::Fact& fact, const WindowState& window) {
    const int64_t from_ns = now_ns_ - fact.within_ns;
    if (window.dropped_until_ns > from_ns) return Item::Unknown("more events than the window holds");
    Num count = 0, sum = 0;
    std::optional<Num> least, greatest;
    for (const WindowState::Entry& entry : window.entries) {
      if (entry.time_ns <= from_ns) continue;
      ++count;
      sum += entry.value;
      least = std::min(least.value_or(entry.value), entry.value);
      greatest = std::max(greatest.value_or(entry.value), entry.value);
    }
    switch (fact.kind) {
      case typed::Fact::Kind::kCount:
        return Item::Of(count);
      case typed::Fact::Kind::kSum:
        return Item::Of(sum);
      case typed::Fact::Kind::kMin:
        return least ? Item::Of(*least) : Item::Absent();
      case typed::Fact::Kind::kMax:
        return greatest ? Item::Of(*greatest) : Item::Absent();
      default:
        return Item::Of(count > 0);
    }
  }

  Item Votes(const Expr& expr) {
    Num count = 0;
    if (expr.index < instance_.reviews.size() && expr.part < instance_.reviews[expr.index].seats.size()) {
      for (const Verdict& verdict : instance_.reviews[expr.index].seats[expr.part])
        count += verdict.stance == expr.part2;
    }
    return Item::Of(expr.kind == ExprKind::kSays ? count > 0 : count);
  }

  const typed::Program& program_;
  const Schema& schema_;
  const World& world_;
  const Instance& instance_;
  int64_t now_ns_;
  std::map<uint32_t, Item> variables_;
};

}  // namespace

Truth EvaluateCondition(const typed::Program& program, const World& world, const Instance& instance, int64_t now_ns,
                        const typed::Expr& expr) {
  const Item item = Walker(program, world, instance, now_ns).Walk(expr);
  if (item.kind == Item::Kind::kUnknown) return {std::nullopt, item.text};
  if (item.kind == Item::Kind::kAbsent) return {std::nullopt, "something in it is absent"};
  return {item.is_true(), {}};
}

}  // namespace writ::policy_test
