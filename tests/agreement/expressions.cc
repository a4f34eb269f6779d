#include "tests/agreement/expressions.h"

#include <algorithm>
#include <utility>

#include "compiler/typed/expr.h"
#include "runtime/builtins/check.h"

namespace writ::agreement {

using typed::Expr;
using typed::ExprKind;
using typed::ExprPtr;
using typed::QuantifierOp;

namespace {

constexpr int kBitsMax = 126;     // that lowering can prove to fit 128
constexpr int kFactBitsMax = 90;  // of what a fact sums
constexpr int kScaleMax = 12;
constexpr int kNestingMax = 2;  // of places within the keys of places

int BitsOfNumber(Num n) {
  unsigned __int128 u = n < 0 ? -static_cast<unsigned __int128>(n) : static_cast<unsigned __int128>(n);
  int bits = 0;
  for (; u != 0; u >>= 1) ++bits;
  return bits;
}

int BitsOfType(const Type& type) {
  if (type.kind == TypeKind::kTime || type.kind == TypeKind::kDuration) return 63;
  if (!IsNumber(type.kind) && type.kind != TypeKind::kDate) return 12;
  return std::max(BitsOfNumber(type.min), BitsOfNumber(type.max));
}

int Scaled(int bits, int from, int to) { return bits + (to > from ? (to - from) * 10 / 3 + 1 : 0); }

bool Same(const Type& a, const Type& b) { return a.kind == b.kind && a.index == b.index; }

// What a place is read from: its slot, variable or look-up.
const Expr& RootOf(const Expr& e) {
  const Expr* at = &e;
  while (at->kind == ExprKind::kMember || at->kind == ExprKind::kDeref || at->kind == ExprKind::kLookup ||
         at->kind == ExprKind::kElementAt) {
    at = at->children[0].get();
  }
  return *at;
}

// The variable whose element a place lies in, or is looked up for.
std::optional<uint32_t> VariableOf(const Expr& e) {
  const Expr& root = RootOf(e);
  if (root.kind == ExprKind::kVariable) return root.variable;
  if (root.kind != ExprKind::kEntityLookup && root.kind != ExprKind::kKeyedFact) return std::nullopt;
  for (const ExprPtr& part : root.children) {
    if (const std::optional<uint32_t> variable = VariableOf(*part); variable.has_value()) return variable;
  }
  return std::nullopt;
}

bool IsSelected(const Expr& e) {
  for (const Expr* at = &e; at->kind == ExprKind::kMember || at->kind == ExprKind::kDeref ||
                            at->kind == ExprKind::kLookup || at->kind == ExprKind::kElementAt;
       at = at->children[0].get()) {
    if (at->kind == ExprKind::kLookup || at->kind == ExprKind::kElementAt) return true;
  }
  return false;
}

int DerefsOf(const Expr& e) {
  int count = 0;
  for (const Expr* at = &e; at->kind == ExprKind::kMember || at->kind == ExprKind::kDeref ||
                            at->kind == ExprKind::kLookup || at->kind == ExprKind::kElementAt;
       at = at->children[0].get()) {
    count += at->kind == ExprKind::kDeref ? 1 : 0;
  }
  return count;
}

Type Optional(Type type, bool optional = true) {
  type.optional = optional;
  return type;
}

bool IsMultiplier(TypeKind kind) { return kind == TypeKind::kInt || kind == TypeKind::kPercent; }

}  // namespace

Type TypeOf(TypeKind kind, uint32_t index) {
  Type type;
  type.kind = kind;
  type.index = index;
  return type;
}

bool IsNumber(TypeKind kind) {
  return kind == TypeKind::kInt || kind == TypeKind::kPercent || kind == TypeKind::kMoney || kind == TypeKind::kQuantity ||
         kind == TypeKind::kDuration;
}

ExprPtr Make(ExprKind kind, const Type& type, uint8_t scale) {
  auto node = std::make_unique<Expr>();
  node->kind = kind;
  node->type = {type, scale};
  return node;
}

int BitsOf(const typed::Program& program, const Expr& e) {
  const auto bits = [&](size_t child) {
    return Scaled(BitsOf(program, *e.children[child]), e.children[child]->type.scale, e.type.scale);
  };
  switch (e.kind) {
    case ExprKind::kConstant:
      return BitsOfNumber(e.number);
    case ExprKind::kAdd:
    case ExprKind::kSubtract:
      return std::max(bits(0), bits(1)) + 1;
    case ExprKind::kMultiply:
      return BitsOf(program, *e.children[0]) + BitsOf(program, *e.children[1]);
    case ExprKind::kNegate:
      return bits(0);
    case ExprKind::kDivide:
      return BitsOf(program, *e.children[0]);
    case ExprKind::kRound:
      return std::max(2, BitsOf(program, *e.children[0]) - e.children[0]->type.scale * 3 + 1);
    case ExprKind::kIf:
      return std::max(bits(1), bits(2));
    case ExprKind::kCoalesce:
      return std::max(bits(0), bits(1));
    case ExprKind::kQuantifier:
      if (e.op == QuantifierOp::kSum) return BitsOf(program, *e.children[0]) + 7;
      if (e.op == QuantifierOp::kMin || e.op == QuantifierOp::kMax) return BitsOf(program, *e.children[0]);
      return 16;
    case ExprKind::kFact:
    case ExprKind::kKeyedFact: {
      const typed::Fact& fact = program.facts[e.index];
      if (fact.kind == typed::Fact::Kind::kCount || fact.kind == typed::Fact::Kind::kPopulation) return 49;
      if (fact.kind == typed::Fact::Kind::kSum || fact.type.scale > 0) return 101;
      return BitsOfType(e.type.type);
    }
    default:
      return BitsOfType(e.type.type);
  }
}

bool ExprMaker::IsScalar(const Type& type) const {
  if (type.kind == TypeKind::kSet || type.kind == TypeKind::kList || type.kind == TypeKind::kRecord) return false;
  return true;
}

bool ExprMaker::IsOrdered(const Type& type) const {
  if (type.distinct == kStateMark) return false;
  if (type.kind == TypeKind::kEnum) return schema().enums[type.index].ordered;
  return IsNumber(type.kind) || type.kind == TypeKind::kTime || type.kind == TypeKind::kDate;
}

// ---------------------------------------------------------------- places

ExprPtr ExprMaker::Slot(SlotRoot root, uint32_t index, const Type& type) {
  Ptr node = Make(Kind::kSlot, type);
  node->root = root;
  node->index = index;
  return node;
}

// A key may read the element of the innermost list.
std::vector<ExprMaker::Variable> ExprMaker::ForKeys() {
  if (variables_.empty() || variables_.back().behind || variables_.back().bits || Chance(50)) return {};
  return {variables_.back()};
}

ExprPtr ExprMaker::EntityLookup() {
  std::vector<uint32_t> entities;
  for (uint32_t w = 0; w < schema().workflows.size(); ++w) {
    if (schema().workflows[w].is_entity) entities.push_back(w);
  }
  if (entities.empty()) return nullptr;
  const uint32_t w = entities[random_.Below(static_cast<uint32_t>(entities.size()))];
  Ptr node = Make(Kind::kEntityLookup, Optional(TypeOf(TypeKind::kReference, w)));
  node->index = w;
  const std::vector<Variable> outside = std::exchange(variables_, ForKeys());
  for (const Field& part : schema().workflows[w].key) {
    const Type& type = TypeAt(part.type);
    Ptr key = Chance(60) ? PlaceWhere(
                               [&](const Expr& e) {
                                 return Same(e.type.type, type) && !e.type.type.optional && !IsSelected(e) && !IsBehind(RootOf(e)) &&
                                        (RootOf(e).kind == Kind::kSlot || RootOf(e).kind == Kind::kVariable);
                               },
                               8)
                         : nullptr;
    if (key == nullptr) {
      key = Constant(type);
      if (type.kind == TypeKind::kString) key->text = std::string("c") + static_cast<char>('1' + random_.Below(4));
    }
    node->children.push_back(std::move(key));
  }
  variables_ = outside;
  return node;
}

ExprPtr ExprMaker::Root() {
  if (!variables_.empty() && Chance(65)) {
    const Variable& v =
        Chance(75) ? variables_.back() : variables_[random_.Below(static_cast<uint32_t>(variables_.size()))];
    Ptr node = Make(Kind::kVariable, v.type);
    node->variable = v.number;
    return node;
  }
  const Workflow& w = WorkflowAt(scope_.workflow);
  const uint32_t pick = random_.Below(100);
  if (pick < 22 && !scope_.transitions.empty()) {
    const Transition& first = w.transitions[scope_.transitions[0].value];
    if (!first.payload.empty()) {
      const uint32_t index = random_.Below(static_cast<uint32_t>(first.payload.size()));
      const bool shared = std::all_of(scope_.transitions.begin(), scope_.transitions.end(), [&](TransitionId t) {
        const std::vector<Field>& payload = w.transitions[t.value].payload;
        return index < payload.size() && payload[index].type == first.payload[index].type;
      });
      if (shared) return Slot(SlotRoot::kPayload, index, TypeAt(first.payload[index].type));
    }
  }
  if (pick >= 22 && pick < 34) {
    const bool actor = scope_.kind != Scope::Kind::kConclude;
    switch (random_.Below(actor ? 7 : 3)) {
      case 0:
        return Slot(SlotRoot::kNow, 0, TypeOf(TypeKind::kTime));
      case 1:
        return Slot(SlotRoot::kThisKey, 0, TypeOf(TypeKind::kReference, scope_.workflow.value));
      case 2: {
        if (scope_.kind == Scope::Kind::kCompute) return Slot(SlotRoot::kNow, 0, TypeOf(TypeKind::kTime));
        Type type = TypeOf(TypeKind::kInt, scope_.workflow.value);
        type.distinct = kStateMark;
        return Slot(SlotRoot::kState, 0, type);
      }
      case 3:
        return Slot(SlotRoot::kActorId, 0, TypeOf(TypeKind::kString));
      case 4:
        return Slot(SlotRoot::kActorPrincipal, 0, TypeOf(TypeKind::kString));
      case 5:
        return Slot(SlotRoot::kActorRole, 0, TypeOf(TypeKind::kRole));
      default:
        return Slot(SlotRoot::kActorIsHuman, 0, TypeOf(TypeKind::kBool));
    }
  }
  if (pick >= 40 && pick < 46 && scope_.kind != Scope::Kind::kConclude) {
    if (Ptr attribute = Attribute(); attribute != nullptr) return attribute;
  }
  if (pick >= 34 && pick < 40 && scope_.kind == Scope::Kind::kProposal) {
    if (Ptr lookup = EntityLookup(); lookup != nullptr) return lookup;
  }
  if (w.fields.empty()) return Slot(SlotRoot::kNow, 0, TypeOf(TypeKind::kTime));
  const uint32_t field = random_.Below(static_cast<uint32_t>(w.fields.size()));
  Type type = TypeAt(w.fields[field].type);
  if (scope_.kind == Scope::Kind::kProposal && Chance(35) && !scope_.transitions.empty()) {
    bool any_new = false;
    for (const TransitionId t : scope_.transitions) {
      const std::vector<StateId>& sources = w.transitions[t.value].sources;
      any_new |= std::find(sources.begin(), sources.end(), kNewState) != sources.end();
    }
    type.optional |= any_new;
    return Slot(SlotRoot::kBefore, field, type);
  }
  return Slot(SlotRoot::kAfter, field, type);
}

// Of who acts; it may be absent, whatever its type.
ExprPtr ExprMaker::Attribute() {
  for (const Workflow& w : schema().workflows) {
    if (w.attributes_from == UINT32_MAX) continue;
    const uint32_t count = static_cast<uint32_t>(w.fields.size()) - w.attributes_from;
    const uint32_t field = w.attributes_from + random_.Below(count);
    return Slot(SlotRoot::kActorField, field, Optional(TypeAt(w.fields[field].type)));
  }
  return nullptr;
}

// It is looked for, like what first() and last() are: no place that a frame could be filled from.
bool ExprMaker::IsBehind(const Expr& root) const {
  return root.kind == Kind::kVariable && std::any_of(variables_.begin(), variables_.end(), [&](const Variable& variable) {
           return variable.behind && variable.number == root.variable;
         });
}

// x under y, and `actor under y`, which is any of what the actor's attribute names.
ExprPtr ExprMaker::Under() {
  if (scope_.kind == Scope::Kind::kEvent || scope_.kind == Scope::Kind::kCompute) return nullptr;
  const Type boolean = TypeOf(TypeKind::kBool);
  for (uint32_t w = 0; w < schema().workflows.size(); ++w) {
    if (!schema().workflows[w].under.valid()) continue;
    const Type type = TypeOf(TypeKind::kReference, w);
    const auto side = [&](bool element) {
      Ptr place = Chance(20) ? nullptr
                             : PlaceWhere(
                                   [&](const Expr& e) {
                                     return Same(e.type.type, type) && !e.type.type.optional && !IsSelected(e) && !IsBehind(RootOf(e)) &&
                                            (element || !VariableOf(e).has_value());
                                   },
                                   14);
      return place != nullptr ? std::move(place) : Constant(type);
    };
    if (Chance(35) && scope_.kind == Scope::Kind::kProposal && variables_.empty()) {
      Ptr high = side(false);
      Ptr low = Make(Kind::kVariable, type);
      low->variable = 0;
      Ptr all = Attribute();
      while (all != nullptr && all->type.type.kind != TypeKind::kSet) all = Attribute();
      if (all == nullptr) return nullptr;
      all->type.type.optional = false;
      Ptr body = Make(Kind::kUnder, boolean, 0, std::move(low), std::move(high));
      Ptr any = Make(Kind::kQuantifier, boolean, 0, std::move(body), std::move(all), Ptr());
      any->op = QuantifierOp::kAny;
      any->variable = 0;
      return any;
    }
    Ptr low = side(true);
    Ptr high = side(!VariableOf(*low).has_value());
    return Make(Kind::kUnder, boolean, 0, std::move(low), std::move(high));
  }
  return nullptr;
}

// One step down from a structured place or a reference; null where there is none.
ExprPtr ExprMaker::Step(Ptr at) {
  const Type type = at->type.type;
  if (type.kind == TypeKind::kRecord) {
    const std::vector<Field>& members = schema().records[type.index].members;
    const uint32_t m = random_.Below(static_cast<uint32_t>(members.size()));
    Type member = TypeAt(members[m].type);
    member.optional |= type.optional;
    Ptr node = Make(Kind::kMember, member, 0, std::move(at));
    node->index = m;
    return node;
  }
  if (type.kind == TypeKind::kReference && scope_.kind != Scope::Kind::kEvent && scope_.kind != Scope::Kind::kCompute) {
    if (DerefsOf(*at) >= 2) return nullptr;
    const Workflow& w = WorkflowAt(WorkflowId(type.index));
    const bool own = at->kind == Kind::kSlot && at->root == SlotRoot::kThisKey;
    const uint32_t pick = own ? 99 : random_.Below(100);
    Ptr node;
    if (pick < 80 && !w.fields.empty()) {
      const uint32_t field = random_.Below(static_cast<uint32_t>(w.fields.size()));
      Type t = TypeAt(w.fields[field].type);
      t.optional |= type.optional;
      node = Make(Kind::kDeref, t, 0, std::move(at));
      node->part = 0;
      node->index = field;
    } else if (pick < 90) {
      Type t = TypeOf(TypeKind::kInt, type.index);
      t.distinct = kStateMark;
      t.optional = type.optional;
      node = Make(Kind::kDeref, t, 0, std::move(at));
      node->part = 1;
    } else {
      const uint32_t part = random_.Below(static_cast<uint32_t>(w.key.size()));
      Type t = TypeAt(w.key[part].type);
      t.optional |= type.optional;
      node = Make(Kind::kDeref, t, 0, std::move(at));
      node->part = 2;
      node->index = part;
    }
    return node;
  }
  if (type.kind == TypeKind::kList && !IsSelected(*at) && !type.optional) {
    const std::optional<uint32_t> variable = VariableOf(*at);
    if (variable.has_value() && *variable != variables_.back().number) return nullptr;
    const Type element = TypeAt(type.element);
    if (type.key.valid() && Chance(75)) {
      const Type key = TypeAt(schema().records[element.index].members[type.key.value].type);
      Ptr wanted = Chance(50) ? KeyConstant(key) : Value(key, Chance(30) ? 1 : 0);
      return Make(Kind::kLookup, Optional(element), 0, std::move(at), std::move(wanted));
    }
    Ptr node = Make(Kind::kElementAt, Optional(element), 0, std::move(at));
    node->index = random_.Below(2);
    return node;
  }
  return nullptr;
}

ExprPtr ExprMaker::Place() {
  Ptr at = Root();
  for (int i = 0; i < 4; ++i) {
    const Type& type = at->type.type;
    const bool stop = type.kind == TypeKind::kReference ? Chance(15) : type.kind == TypeKind::kList && Chance(40);
    if (stop || (IsScalar(type) && type.kind != TypeKind::kReference) || type.kind == TypeKind::kSet) break;
    const Ptr kept = typed::Clone(at);
    Ptr next = Step(std::move(at));
    if (next == nullptr) {
      at = typed::Clone(kept);
      break;
    }
    at = std::move(next);
  }
  return at;
}

template <class Wanted>
ExprPtr ExprMaker::PlaceWhere(Wanted wanted, int tries) {
  if (nesting_ >= kNestingMax) return nullptr;
  ++nesting_;
  Ptr found;
  for (int i = 0; i < tries && found == nullptr; ++i) {
    Ptr place = Place();
    if (wanted(*place)) found = std::move(place);
  }
  --nesting_;
  return found;
}

ExprPtr ExprMaker::PlaceOf(const Type& type, bool optional, int tries) {
  return PlaceWhere([&](const Expr& e) { return Same(e.type.type, type) && (optional || !e.type.type.optional); },
                    tries);
}

// A list or set that can be gone through here.
ExprPtr ExprMaker::ListPlace(bool in_element) {
  return PlaceWhere(
      [&](const Expr& e) {
        if (e.type.type.kind != TypeKind::kList && e.type.type.kind != TypeKind::kSet) return false;
        if (IsSelected(e)) return false;
        const std::optional<uint32_t> variable = VariableOf(e);
        return !variable.has_value() || (in_element && *variable == variables_.back().number);
      },
      14);
}

ExprPtr ExprMaker::Narrowed(const Ptr& optional) {
  Ptr copy = typed::Clone(optional);
  copy->type.type.optional = false;
  return copy;
}

ExprPtr ExprMaker::Present(Ptr place, int depth) {
  if (!place->type.type.optional) return place;
  const Type type = Optional(place->type.type, false);
  const uint8_t scale = place->type.scale;
  Ptr other = IsNumber(type.kind) && type.distinct != kStateMark && depth > 1
                  ? Number(TypeOf(type.kind, type.index), depth - 2)
                  : Value(type, 0);
  const uint8_t both = std::max(scale, other->type.scale);
  if (Scaled(BitsOf(program_, *other), other->type.scale, both) > kBitsMax ||
      Scaled(BitsOf(program_, *place), scale, both) > kBitsMax) {
    other = Constant(type);
  }
  const uint8_t merged = std::max(scale, other->type.scale);
  if (Chance(70)) return Make(Kind::kCoalesce, type, merged, std::move(place), std::move(other));
  Ptr there = Narrowed(place);
  Ptr has = Make(Kind::kHas, TypeOf(TypeKind::kBool), 0, std::move(place));
  return Make(Kind::kIf, type, merged, std::move(has), std::move(there), std::move(other));
}

// ---------------------------------------------------------------- values

// A key that some element may well have: mostly one of the few that histories prefer.
ExprPtr ExprMaker::KeyConstant(const Type& type) {
  Ptr key = Constant(type);
  const bool preferred = Chance(60);
  const uint32_t pick = random_.Below(preferred ? kPreferredKeys : 10);
  if (type.kind == TypeKind::kInt) key->number = type.min + static_cast<int64_t>(pick);
  if (type.kind == TypeKind::kEnum && preferred) key->number = static_cast<int64_t>(pick);
  if (type.kind == TypeKind::kString && preferred) key->text = kTexts[pick];
  return key;
}

ExprPtr ExprMaker::Constant(const Type& type) {
  Ptr node = Make(Kind::kConstant, Optional(type, false));
  switch (type.kind) {
    case TypeKind::kBool:
      node->number = random_.Below(2);
      break;
    case TypeKind::kString:
      node->text = kTexts[random_.Below(std::size(kTexts))];
      break;
    case TypeKind::kReference:
      node->text = std::string("c") + static_cast<char>('1' + random_.Below(4));
      break;
    case TypeKind::kEnum: {
      const uint32_t members = static_cast<uint32_t>(schema().enums[type.index].members.size());
      node->number = random_.Below(Chance(60) ? std::min(members, 6u) : members);
      break;
    }
    case TypeKind::kRole:
      node->number = random_.Below(static_cast<uint32_t>(schema().roles.size()));
      break;
    case TypeKind::kTime:
      node->number = kStart + (static_cast<int64_t>(random_.Below(240)) - 60) * kHour;
      break;
    case TypeKind::kDate:
      node->number = 20'480 + random_.Below(40);
      break;
    case TypeKind::kDuration:
      node->number = (static_cast<int64_t>(random_.Below(120)) - 10) * kHour;
      break;
    case TypeKind::kPercent:
      node->number = static_cast<int64_t>(random_.Below(130)) * 10'000;
      break;
    default:
      if (type.distinct == kStateMark) {
        node->number = static_cast<int64_t>(
                           random_.Below(static_cast<uint32_t>(WorkflowAt(WorkflowId(type.index)).states.size()) + 1)) -
                       1;
      } else {
        static constexpr int64_t kNumbers[] = {0,   1,   2,    3,    5,      7,         10, 25, 50, 99,
                                               100, 250, 1000, 4999, 50'000, 1'000'000, -1, -3, -50};
        node->number = kNumbers[random_.Below(std::size(kNumbers))];
        if (Chance(4)) node->number = Chance(50) ? INT64_MAX : INT64_MIN + 1;
      }
  }
  return node;
}

ExprPtr ExprMaker::If(const Type& type, int depth) {
  Ptr condition = Bool(depth - 1);
  Ptr a = IsNumber(type.kind) && type.distinct != kStateMark ? Number(type, depth - 1) : Value(type, depth - 1);
  Ptr b = IsNumber(type.kind) && type.distinct != kStateMark ? Number(type, depth - 1) : Value(type, depth - 1);
  const uint8_t scale = std::max(a->type.scale, b->type.scale);
  Ptr node = Make(Kind::kIf, Optional(type, false), scale, std::move(condition), std::move(a), std::move(b));
  return BitsOf(program_, *node) > kBitsMax ? Constant(type) : std::move(node);
}

ExprPtr ExprMaker::Time(int depth) {
  const Type time = TypeOf(TypeKind::kTime);
  if (depth > 0 && Chance(35)) {
    Ptr from = Time(depth - 1);
    Ptr by = Value(TypeOf(TypeKind::kDuration), depth - 1);
    return Make(Chance(60) ? Kind::kAdd : Kind::kSubtract, time, 0, std::move(from), std::move(by));
  }
  if (depth > 0 && Chance(10)) return If(time, depth);
  if (Ptr fact = Chance(20) ? Fact(&time) : nullptr; fact != nullptr) return Present(std::move(fact), 0);
  if (Ptr place = PlaceOf(time, true); place != nullptr) return Present(std::move(place), 0);
  return Chance(50) ? Slot(SlotRoot::kNow, 0, time) : Constant(time);
}

ExprPtr ExprMaker::Value(const Type& wanted, int depth) {
  Type type = TypeOf(wanted.kind, wanted.index);
  type.distinct = wanted.distinct == kStateMark ? kStateMark : UINT32_MAX;
  if (type.kind == TypeKind::kBool) return Bool(depth);
  if (type.kind == TypeKind::kTime) return Time(depth);
  if (IsNumber(type.kind) && type.distinct != kStateMark) {
    Ptr number = Number(type, depth);
    if (number->type.scale == 0) return number;
    Ptr node = Make(Kind::kRound, type, 0, std::move(number));
    node->rounding = static_cast<Rounding>(1 + random_.Below(3));
    return node;
  }
  if (depth > 0 && Chance(12)) return If(type, depth);
  if (Ptr fact = depth > 0 && Chance(12) ? Fact(&type) : nullptr; fact != nullptr) return Present(std::move(fact), 0);
  if (Chance(65)) {
    if (Ptr place = PlaceOf(type, true); place != nullptr) return Present(std::move(place), depth);
  }
  return Constant(type);
}

ExprPtr ExprMaker::Number(const Type& wanted, int depth) {
  const Type type = TypeOf(wanted.kind, wanted.index);
  const uint32_t pick = random_.Below(100);
  if (depth > 0) {
    Ptr node;
    if (pick < 14)
      node = Arithmetic(type, depth);
    else if (pick < 26)
      node = Product(type, depth);
    else if (pick < 34)
      node = Rounded(type, depth);
    else if (pick < 50)
      node = Fold(type, depth);
    else if (pick < 60)
      node = Fact(&type);
    else if (pick < 64)
      node = If(type, depth);
    else if (pick < 67 && type.kind == TypeKind::kInt)
      node = Verdict(true);
    else if (pick < 75 && type.kind == TypeKind::kDuration) {
      Ptr a = Time(depth - 1);
      Ptr b = Time(depth - 1);
      node = Make(Kind::kSubtract, type, 0, std::move(a), std::move(b));
    }
    if (node != nullptr && node->type.type.optional) node = Present(std::move(node), depth - 1);
    if (node != nullptr && BitsOf(program_, *node) <= kBitsMax) return node;
  }
  if (pick < 85) {
    if (Ptr place = PlaceOf(type, true); place != nullptr) return Present(std::move(place), depth);
  }
  return Constant(type);
}

ExprPtr ExprMaker::Arithmetic(const Type& type, int depth) {
  Ptr a = Number(type, depth - 1);
  if (Chance(15)) {
    const uint8_t scale = a->type.scale;
    return Make(Kind::kNegate, type, scale, std::move(a));
  }
  Ptr b = Number(type, depth - 1);
  const uint8_t scale = std::max(a->type.scale, b->type.scale);
  return Make(Chance(50) ? Kind::kAdd : Kind::kSubtract, type, scale, std::move(a), std::move(b));
}

// As check/ types it: an int has no digits of its own; a percent adds six unless the other is an int.
ExprPtr ExprMaker::Product(const Type& type, int depth) {
  const Type other = TypeOf(type.kind == TypeKind::kInt ? TypeKind::kInt
                            : Chance(50)                ? TypeKind::kPercent
                                                        : TypeKind::kInt);
  if (type.kind == TypeKind::kInt && !IsMultiplier(type.kind)) return nullptr;
  Ptr a = Number(type, depth - 1);
  Ptr b = Number(other, depth - 1);
  const int scale =
      a->type.scale + b->type.scale + (type.kind != TypeKind::kInt && other.kind != TypeKind::kInt ? 6 : 0);
  if (scale > kScaleMax) return nullptr;
  if (Chance(50)) std::swap(a, b);
  return Make(Kind::kMultiply, type, static_cast<uint8_t>(scale), std::move(a), std::move(b));
}

ExprPtr ExprMaker::Rounded(const Type& type, int depth) {
  Ptr inner = Chance(60) ? Product(type, depth) : Number(type, depth - 1);
  if (inner == nullptr || BitsOf(program_, *inner) > kBitsMax) return nullptr;
  if (Chance(60)) {
    static constexpr int64_t kDivisors[] = {1, 2, 3, 4, 7, 12, 100, 365, -2, -3, -10};
    const uint8_t scale = inner->type.scale;
    inner = Make(Kind::kDivide, type, scale, std::move(inner));
    inner->number = kDivisors[random_.Below(std::size(kDivisors))];
  }
  Ptr node = Make(Kind::kRound, type, 0, std::move(inner));
  node->rounding = static_cast<Rounding>(1 + random_.Below(3));
  return node;
}

ExprPtr ExprMaker::Fold(const Type& type, int depth) {
  if (type.kind == TypeKind::kInt && Chance(60))
    return Quantifier(Chance(60) ? QuantifierOp::kCount : QuantifierOp::kDistinct, type, depth);
  const uint32_t pick = random_.Below(3);
  return Quantifier(pick == 0 ? QuantifierOp::kSum : pick == 1 ? QuantifierOp::kMin : QuantifierOp::kMax, type, depth);
}

ExprPtr ExprMaker::Quantifier(QuantifierOp op, const Type& type, int depth) {
  if (variables_.size() >= 2) return nullptr;
  const bool pairs = Chance(20);
  Ptr source = ListPlace(op != QuantifierOp::kDistinct && !pairs);
  if (source == nullptr) return nullptr;
  const Type collection = source->type.type;
  const bool neighbours = pairs && collection.kind == TypeKind::kList;
  const Type element = TypeAt(collection.element);
  const bool bits = collection.kind == TypeKind::kSet && element.kind == TypeKind::kEnum;
  const bool bare = op == QuantifierOp::kCount && !neighbours && Chance(30);
  if (bits && !bare &&
      (op == QuantifierOp::kDistinct || (schema().enums[element.index].members.size() > 8 && !Chance(10))))
    return nullptr;
  Ptr body, where;
  // The one behind stands first, so that lists in the last one can be gone through: it is the element itself.
  const uint32_t behind = neighbours ? static_cast<uint32_t>(variables_.size()) : UINT32_MAX;
  if (neighbours) variables_.push_back({behind, element, true});
  const uint32_t number = static_cast<uint32_t>(variables_.size());
  variables_.push_back({number, element, false, bits});
  Ptr narrowed;
  if (!bare) {
    const bool number_body = op == QuantifierOp::kSum || op == QuantifierOp::kMin || op == QuantifierOp::kMax;
    if (Chance(number_body ? 55 : 25)) where = Bool(std::min(1, depth - 1));
    // `for x in xs where has x.f: x.f`
    if (number_body && where == nullptr && Chance(40)) {
      narrowed = PlaceWhere([&](const Expr& e) { return Same(e.type.type, type) && e.type.type.optional; }, 6);
      if (narrowed != nullptr) {
        body = Narrowed(narrowed);
        where = Make(Kind::kHas, TypeOf(TypeKind::kBool), 0, std::move(narrowed));
      }
    }
    if (body == nullptr && neighbours && Chance(70)) body = OfBoth(number_body, type, number, behind);
    if (body == nullptr) {
      if (number_body)
        body = op != QuantifierOp::kSum && type.kind == TypeKind::kTime ? Time(0) : Number(type, depth - 1);
      else if (op == QuantifierOp::kDistinct)
        body = Value(ScalarType(), 0);
      else
        body = Bool(depth - 1);
    }
  }
  variables_.resize(variables_.size() - (neighbours ? 2 : 1));
  Type result = type;
  uint8_t scale = 0;
  if (op == QuantifierOp::kSum || op == QuantifierOp::kMin || op == QuantifierOp::kMax) {
    scale = body->type.scale;
    result.optional = op != QuantifierOp::kSum;
  }
  if (op == QuantifierOp::kAny || op == QuantifierOp::kAll) result = TypeOf(TypeKind::kBool);
  const bool absent = collection.optional;
  Ptr has = absent ? Make(Kind::kHas, TypeOf(TypeKind::kBool), 0, typed::Clone(source)) : nullptr;
  source->type.type.optional = false;
  Ptr node = Make(Kind::kQuantifier, result, scale, std::move(body), std::move(source), std::move(where));
  node->op = op;
  node->variable = number;
  node->variable2 = behind;
  if (BitsOf(program_, *node) > kBitsMax) return nullptr;
  if (!absent) return node;
  if (result.kind == TypeKind::kBool) return Make(Kind::kAnd, result, 0, std::move(has), std::move(node));
  const Type there = Optional(result, false);
  node = Present(std::move(node), 0);
  Ptr other = Constant(there);
  const uint8_t both = node->type.scale;
  Ptr choice = Make(Kind::kIf, there, both, std::move(has), std::move(node), std::move(other));
  return BitsOf(program_, *choice) > kBitsMax ? nullptr : std::move(choice);
}

// What an element and the one behind it say of the same.
ExprPtr ExprMaker::OfBoth(bool number, const Type& type, uint32_t variable, uint32_t behind) {
  Ptr one = PlaceWhere(
      [&](const Expr& e) {
        const Type& found = e.type.type;
        return RootOf(e).kind == Kind::kVariable && RootOf(e).variable == variable && !found.optional &&
               (number ? Same(found, type) && IsNumber(type.kind) && found.distinct != kStateMark : IsScalar(found));
      },
      12);
  if (one == nullptr) return nullptr;
  Ptr other = typed::Clone(one);
  Expr* root = other.get();
  while (root->kind != Kind::kVariable) root = root->children[0].get();
  root->variable = behind;
  if (number) return Make(Kind::kSubtract, type, 0, std::move(one), std::move(other));
  const Type boolean = TypeOf(TypeKind::kBool);
  if (!IsOrdered(one->type.type)) return Make(Kind::kEqual, boolean, 0, std::move(one), std::move(other));
  return Make(Chance(50) ? Kind::kLess : Kind::kLessEqual, boolean, 0, std::move(one), std::move(other));
}

Type ExprMaker::NumberType() {
  switch (random_.Below(6)) {
    case 3:
      return TypeOf(TypeKind::kQuantity, random_.Below(static_cast<uint32_t>(schema().units.size())));
    case 0:
      return TypeOf(TypeKind::kPercent);
    case 1:
      return TypeOf(TypeKind::kMoney, random_.Below(static_cast<uint32_t>(schema().currencies.size())));
    case 2:
      return TypeOf(TypeKind::kDuration);
    default:
      return TypeOf(TypeKind::kInt);
  }
}

Type ExprMaker::ScalarType() {
  switch (random_.Below(9)) {
    case 0:
      return TypeOf(TypeKind::kString);
    case 1:
    case 2:
      return TypeOf(TypeKind::kEnum, random_.Below(static_cast<uint32_t>(schema().enums.size())));
    case 3:
      return TypeOf(TypeKind::kRole);
    case 4: {
      Type type = TypeOf(TypeKind::kInt, scope_.workflow.value);
      type.distinct = kStateMark;
      return scope_.kind == Scope::Kind::kCompute ? TypeOf(TypeKind::kDate) : type;
    }
    case 5:
      return TypeOf(TypeKind::kTime);
    case 6:
      return TypeOf(TypeKind::kReference, random_.Below(static_cast<uint32_t>(schema().workflows.size())));
    case 7:
      return Chance(50) ? TypeOf(TypeKind::kDate) : TypeOf(TypeKind::kBool);
    default:
      return NumberType();
  }
}

// ---------------------------------------------------------------- conditions

ExprPtr ExprMaker::EqualOf(const Type& type, int depth) {
  const Type boolean = TypeOf(TypeKind::kBool);
  Ptr a = PlaceOf(type, false);
  if (a == nullptr) a = Value(type, depth);
  Ptr b = Chance(60) ? Constant(type) : Value(type, depth);
  if (Chance(30)) std::swap(a, b);
  return Make(Chance(65) ? Kind::kEqual : Kind::kNotEqual, boolean, 0, std::move(a), std::move(b));
}

ExprPtr ExprMaker::CompareNumbers(int depth) {
  const Type type = NumberType();
  for (int i = 0; i < 3; ++i) {
    Ptr a = Number(type, depth);
    Ptr b = Chance(60) ? Constant(type) : Number(type, depth - 1);
    const uint8_t scale = std::max(a->type.scale, b->type.scale);
    if (Scaled(BitsOf(program_, *a), a->type.scale, scale) > kBitsMax ||
        Scaled(BitsOf(program_, *b), b->type.scale, scale) > kBitsMax)
      continue;
    if (Chance(50)) std::swap(a, b);
    static constexpr Kind kKinds[] = {Kind::kLess,      Kind::kLess,  Kind::kLessEqual,
                                      Kind::kLessEqual, Kind::kEqual, Kind::kNotEqual};
    return Make(kKinds[random_.Below(6)], TypeOf(TypeKind::kBool), 0, std::move(a), std::move(b));
  }
  return EqualOf(TypeOf(TypeKind::kString), 0);
}

ExprPtr ExprMaker::Wide() {
  const Type type = Chance(50) ? TypeOf(TypeKind::kInt) : TypeOf(TypeKind::kMoney, 0);
  Ptr large = Make(Kind::kConstant, type);
  large->number = INT64_MAX - 40;
  Ptr sum = Make(Kind::kAdd, type, 0, Value(type, scope_.kind == Scope::Kind::kEvent ? 0 : 1), std::move(large));
  return Make(Chance(50) ? Kind::kLess : Kind::kLessEqual, TypeOf(TypeKind::kBool), 0, Constant(type), std::move(sum));
}

// The same quotient rounded in two ways: where they differ, and only there, something was rounded.
ExprPtr ExprMaker::CompareRounded() {
  const Type type = NumberType();
  Ptr inner = Chance(40) ? Product(type, 1) : nullptr;
  if (inner == nullptr || BitsOf(program_, *inner) > kBitsMax) inner = Number(type, 0);
  static constexpr int64_t kDivisors[] = {2, 2, 4, 10, 3, -2, 500'000};
  const uint8_t scale = inner->type.scale;
  inner = Make(Kind::kDivide, type, scale, std::move(inner));
  inner->number = kDivisors[random_.Below(std::size(kDivisors))];
  Ptr sides[2];
  const uint32_t first = random_.Below(3);
  for (uint32_t i = 0; i < 2; ++i) {
    sides[i] = Make(Kind::kRound, type, 0, typed::Clone(inner));
    sides[i]->rounding = static_cast<Rounding>(1 + (first + i) % 3);
  }
  static constexpr Kind kKinds[] = {Kind::kLess, Kind::kLessEqual, Kind::kEqual, Kind::kNotEqual};
  return Make(kKinds[random_.Below(4)], TypeOf(TypeKind::kBool), 0, std::move(sides[0]), std::move(sides[1]));
}

// How many members of an enum a set holds.
ExprPtr ExprMaker::CompareMembers() {
  const auto is_bits = [&](const Expr& e) {
    const Type& type = e.type.type;
    return type.kind == TypeKind::kSet && TypeAt(type.element).kind == TypeKind::kEnum && !type.optional &&
           !IsSelected(e);
  };
  Ptr set = PlaceWhere(is_bits, 20);
  if (set == nullptr) return nullptr;
  const Type integer = TypeOf(TypeKind::kInt);
  Ptr count = Make(Kind::kQuantifier, integer, 0, Ptr(), std::move(set), Ptr());
  count->op = QuantifierOp::kCount;
  count->variable = static_cast<uint32_t>(variables_.size());  // not that of a comprehension around it
  Ptr number = Make(Kind::kConstant, integer);
  number->number = random_.Below(4);
  const Kind kind = Chance(50) ? Kind::kLess : Kind::kEqual;
  return Make(kind, TypeOf(TypeKind::kBool), 0, std::move(number), std::move(count));
}

// What some elements come to: against what all of them come to, or against a number.
ExprPtr ExprMaker::CompareSums() {
  Ptr some = Quantifier(QuantifierOp::kSum, NumberType(), 1);
  if (some == nullptr || some->kind != Kind::kQuantifier || some->children[2] == nullptr) return nullptr;
  const Type type = TypeOf(some->type.type.kind, some->type.type.index);
  Ptr other = Chance(50) ? Number(type, 0) : typed::Clone(some);
  // A body that is there only where the condition says so needs it.
  if (other->kind == Kind::kQuantifier && some->children[2]->kind != Kind::kHas) other->children[2] = nullptr;
  const uint8_t scale = std::max(some->type.scale, other->type.scale);
  if (Scaled(BitsOf(program_, *some), some->type.scale, scale) > kBitsMax ||
      Scaled(BitsOf(program_, *other), other->type.scale, scale) > kBitsMax)
    return nullptr;
  return Make(Chance(50) ? Kind::kLess : Kind::kEqual, TypeOf(TypeKind::kBool), 0, std::move(some), std::move(other));
}

// Whether the largest or smallest is negative.
ExprPtr ExprMaker::CompareExtremes() {
  Ptr fold = Quantifier(Chance(70) ? QuantifierOp::kMax : QuantifierOp::kMin, NumberType(), 1);
  if (fold == nullptr) return nullptr;
  const Type type = TypeOf(fold->type.type.kind, fold->type.type.index);
  fold = Present(std::move(fold), 0);
  Ptr zero = Make(Kind::kConstant, type);
  const bool negative = Chance(50);
  return negative ? Make(Kind::kLess, TypeOf(TypeKind::kBool), 0, std::move(fold), std::move(zero))
                  : Make(Kind::kLessEqual, TypeOf(TypeKind::kBool), 0, std::move(zero), std::move(fold));
}

// What the element of some key says: against a constant, or against what the first or last element says.
ExprPtr ExprMaker::CompareFound() {
  const auto is_keyed = [&](const Expr& e) {
    const std::optional<uint32_t> variable = VariableOf(e);
    return e.type.type.kind == TypeKind::kList && e.type.type.key.valid() && !e.type.type.optional && !IsSelected(e) &&
           (!variable.has_value() || *variable == variables_.back().number);
  };
  Ptr list = PlaceWhere(is_keyed, 20);
  if (list == nullptr) return nullptr;
  const Type element = TypeAt(list->type.type.element);
  const std::vector<Field>& members = schema().records[element.index].members;
  const uint32_t by = list->type.type.key.value;
  std::vector<uint32_t> told;
  for (uint32_t m = 0; m < members.size(); ++m) {
    if (m != by && IsScalar(TypeAt(members[m].type))) told.push_back(m);
  }
  const uint32_t m = told[random_.Below(static_cast<uint32_t>(told.size()))];
  const Type member = Optional(TypeAt(members[m].type));
  const auto member_of = [&](Ptr record) {
    Ptr value = Make(Kind::kMember, member, 0, std::move(record));
    value->index = m;
    return value;
  };
  Ptr end = Make(Kind::kElementAt, Optional(element), 0, typed::Clone(list));
  end->index = random_.Below(2);
  Ptr key = KeyConstant(TypeAt(members[by].type));
  Ptr value = member_of(Make(Kind::kLookup, Optional(element), 0, std::move(list), std::move(key)));
  const Type boolean = TypeOf(TypeKind::kBool);
  if (Chance(50)) return Make(Kind::kIs, boolean, 0, std::move(value), member_of(std::move(end)));
  if (member.kind == TypeKind::kBool) return Present(std::move(value), 0);
  Ptr constant = Constant(Optional(member, false));
  if (!IsOrdered(member) || Chance(25)) return Make(Kind::kIs, boolean, 0, std::move(value), std::move(constant));
  value = Present(std::move(value), 0);
  return Make(Chance(50) ? Kind::kLess : Kind::kLessEqual, boolean, 0, std::move(constant), std::move(value));
}

// Whether a member of an enum is one of some.
ExprPtr ExprMaker::AmongMembers() {
  const Type type = TypeOf(TypeKind::kEnum, Chance(75) ? 1 : 0);
  Ptr needle = PlaceOf(type, true, 20);
  if (needle == nullptr) return nullptr;
  Ptr literal = Make(Kind::kSetLiteral, TypeOf(TypeKind::kSet));
  const uint32_t count = 2 + random_.Below(3);
  for (uint32_t i = 0; i < count; ++i) literal->children.push_back(Constant(type));
  literal->type.type.capacity = count;
  return Make(Kind::kIn, TypeOf(TypeKind::kBool), 0, Present(std::move(needle), 0), std::move(literal));
}

// A text against a pattern.
ExprPtr ExprMaker::Match() {
  static constexpr const char* kLike[] = {"*", "a*", "*b", "?", "a?*", "??", "*a*", "\\a", ""};
  static constexpr const char* kMatches[] = {"a|b", "(ab)+c?", "[ab]{1,2}", "a.*", ".?", "[^a].*|", "(a|b)*c", "b{2,}|a", "\\w{2}"};
  const Type text = TypeOf(TypeKind::kString);
  Ptr place = PlaceOf(text, true, 20);
  Ptr node = Make(Kind::kMatch, TypeOf(TypeKind::kBool), 0, place != nullptr ? Present(std::move(place), 0) : Constant(text));
  node->part = random_.Below(2);
  node->text = node->part == 0 ? kLike[random_.Below(std::size(kLike))] : kMatches[random_.Below(std::size(kMatches))];
  return node;
}

ExprPtr ExprMaker::SomeDate() {
  const Type date = TypeOf(TypeKind::kDate);
  Ptr place = PlaceOf(date, true, 10);
  return place != nullptr ? Present(std::move(place), 0) : Constant(date);
}

ExprPtr ExprMaker::CalendarNode(typed::CalendarOp op, const Type& type) {
  Ptr node = Make(Kind::kCalendar, type);
  node->index = random_.Below(static_cast<uint32_t>(schema().calendars.size()));
  node->part = static_cast<uint32_t>(op);
  if (op == typed::CalendarOp::kInWindow) {
    node->part2 = random_.Below(static_cast<uint32_t>(schema().calendars[node->index].windows.size()));
  }
  if (op == typed::CalendarOp::kYears) node->children.push_back(SomeDate());
  node->children.push_back(Time(1));
  if (op == typed::CalendarOp::kWorkdays) node->children.push_back(Time(1));
  return node;
}

// A calendar is asked; of a number or a date, how it compares.
ExprPtr ExprMaker::AskCalendar() {
  using Op = typed::CalendarOp;
  const Type boolean = TypeOf(TypeKind::kBool), integer = TypeOf(TypeKind::kInt), date = TypeOf(TypeKind::kDate);
  const Type duration = TypeOf(TypeKind::kDuration);
  const auto number = [&](const Type& type, int64_t value) {
    Ptr node = Make(Kind::kConstant, type);
    node->number = value;
    return node;
  };
  switch (random_.Below(6)) {
    case 0:
      return CalendarNode(Op::kInWindow, boolean);
    case 1:
      return CalendarNode(Op::kOpen, boolean);
    case 2: {
      Ptr days = CalendarNode(Op::kWorkdays, integer);
      Ptr some = number(integer, static_cast<int64_t>(random_.Below(12)) - 4);
      return Make(Chance(50) ? Kind::kLess : Kind::kEqual, boolean, 0, std::move(days), std::move(some));
    }
    case 3: {
      Ptr years = CalendarNode(Op::kYears, integer);
      Ptr some = number(integer, static_cast<int64_t>(random_.Below(4)) - 1);
      return Make(Chance(50) ? Kind::kLess : Kind::kEqual, boolean, 0, std::move(some), std::move(years));
    }
    case 4: {
      Ptr between = Make(Kind::kSubtract, duration, 0, CalendarNode(Op::kDay, date), SomeDate());
      Ptr some = number(duration, (static_cast<int64_t>(random_.Below(20)) - 10) * 24 * kHour);
      return Make(Chance(50) ? Kind::kLess : Kind::kLessEqual, boolean, 0, std::move(some), std::move(between));
    }
    default: {
      Ptr by = number(duration, static_cast<int64_t>(random_.Below(20)) * 24 * kHour);
      Ptr moved = Make(Chance(60) ? Kind::kAdd : Kind::kSubtract, date, 0, SomeDate(), std::move(by));
      return Make(Chance(50) ? Kind::kLess : Kind::kEqual, boolean, 0, CalendarNode(Op::kDay, date), std::move(moved));
    }
  }
}

ExprPtr ExprMaker::Plain() {
  Ptr node;
  for (int i = 0; i < 4 && node == nullptr; ++i) {
    switch (random_.Below(12)) {
      case 9:
        node = Match();
        break;
      case 10:
        node = AskCalendar();
        break;
      case 11:
        node = Under();
        break;
      case 0:
      case 7:
        node = CompareFound();
        break;
      case 1:
        node = CompareSums();
        break;
      case 2:
        node = CompareMembers();
        break;
      case 3:
        node = CompareFolds();
        break;
      case 4:
        node = AmongMembers();
        break;
      case 5:
        node = CompareRounded();
        break;
      case 6:
        node = CompareExtremes();
        break;
      default:
        node = Membership(1);
    }
  }
  return node != nullptr ? std::move(node) : Bool(1);
}

// Two folds of one kind of number, or one and a number.
ExprPtr ExprMaker::CompareFolds() {
  const Type type = NumberType();
  Ptr a = Fold(type, 1);
  if (a == nullptr) return nullptr;
  a = Present(std::move(a), 0);
  Ptr b = Chance(50) ? Fold(type, 1) : Number(type, 0);
  if (b == nullptr) return nullptr;
  b = Present(std::move(b), 0);
  const uint8_t scale = std::max(a->type.scale, b->type.scale);
  if (Scaled(BitsOf(program_, *a), a->type.scale, scale) > kBitsMax ||
      Scaled(BitsOf(program_, *b), b->type.scale, scale) > kBitsMax)
    return nullptr;
  return Make(Chance(50) ? Kind::kLess : Kind::kEqual, TypeOf(TypeKind::kBool), 0, std::move(a), std::move(b));
}

ExprPtr ExprMaker::Compare(int depth) {
  const Type type = ScalarType();
  if (IsNumber(type.kind) && type.distinct != kStateMark) return CompareNumbers(depth);
  if (!IsOrdered(type) || Chance(30)) return EqualOf(type, depth - 1);
  Ptr a = Value(type, depth - 1);
  Ptr b = Chance(60) ? Constant(type) : Value(type, depth - 1);
  if (Chance(50)) std::swap(a, b);
  return Make(Chance(50) ? Kind::kLess : Kind::kLessEqual, TypeOf(TypeKind::kBool), 0, std::move(a), std::move(b));
}

ExprPtr ExprMaker::Membership(int depth) {
  const Type boolean = TypeOf(TypeKind::kBool);
  if (Chance(50)) {
    const Type type = Chance(30) ? TypeOf(TypeKind::kEnum, 1) : ScalarType();
    Ptr needle = IsNumber(type.kind) && type.distinct != kStateMark ? Number(type, depth - 1) : Value(type, depth - 1);
    if (BitsOf(program_, *needle) > 80 || needle->type.scale > 6) needle = Constant(type);
    Type set = TypeOf(TypeKind::kSet);
    Ptr literal = Make(Kind::kSetLiteral, set);
    const uint32_t count = 1 + random_.Below(4);
    for (uint32_t i = 0; i < count; ++i) literal->children.push_back(Constant(type));
    literal->type.type.capacity = count;
    return Make(Kind::kIn, boolean, 0, std::move(needle), std::move(literal));
  }
  Ptr hay = ListPlace(true);
  if (hay == nullptr) return nullptr;
  const Type element = TypeAt(hay->type.type.element);
  if (element.kind == TypeKind::kRecord) return nullptr;
  Ptr needle = Value(element, depth - 1);
  if (!hay->type.type.optional) return Make(Kind::kIn, boolean, 0, std::move(needle), std::move(hay));
  Ptr there = Narrowed(hay);
  Ptr has = Make(Kind::kHas, boolean, 0, std::move(hay));
  Ptr in = Make(Kind::kIn, boolean, 0, std::move(needle), std::move(there));
  return Make(Kind::kAnd, boolean, 0, std::move(has), std::move(in));
}

ExprPtr ExprMaker::Absence(int depth) {
  const Type boolean = TypeOf(TypeKind::kBool);
  Ptr place = PlaceWhere([&](const Expr& e) { return e.type.type.optional; }, 14);
  if (place == nullptr) {
    // age(last(…)) is absent where it has not happened.
    const Type time = TypeOf(TypeKind::kTime);
    Ptr last = Chance(50) ? Fact(&time) : nullptr;
    if (last == nullptr || !last->type.type.optional) return nullptr;
    place =
        Make(Kind::kSubtract, Optional(TypeOf(TypeKind::kDuration)), 0, Slot(SlotRoot::kNow, 0, time), std::move(last));
  }
  const Type type = Optional(place->type.type, false);
  const uint32_t pick = random_.Below(3);
  if (pick == 0 || !IsScalar(type)) return Make(Kind::kHas, boolean, 0, std::move(place));
  if (pick == 1) {
    Ptr other = PlaceWhere([&](const Expr& e) { return Same(e.type.type, type); }, 3);
    if (other == nullptr) other = Value(type, depth - 1);
    return Make(Kind::kIs, boolean, 0, std::move(place), std::move(other));
  }
  Ptr there = Narrowed(place);
  Ptr other = Value(type, depth - 1);
  if (type.kind == TypeKind::kBool || !IsOrdered(type)) {
    there = Make(Kind::kEqual, boolean, 0, std::move(there), std::move(other));
  } else {
    there = Make(Chance(50) ? Kind::kLess : Kind::kLessEqual, boolean, 0, std::move(there), std::move(other));
  }
  Ptr has = Make(Kind::kHas, boolean, 0, std::move(place));
  if (Chance(70)) return Make(Kind::kAnd, boolean, 0, std::move(has), std::move(there));
  Ptr hasnt = Make(Kind::kNot, boolean, 0, std::move(has));
  return Make(Kind::kOr, boolean, 0, std::move(hasnt), std::move(there));
}

// Whether a record is found for an element of a list, or what it says.
ExprPtr ExprMaker::AnyFound() {
  if (!variables_.empty() || scope_.kind != Scope::Kind::kProposal) return nullptr;
  Ptr source = ListPlace(false);
  if (source == nullptr || source->type.type.optional || source->type.type.kind != TypeKind::kList) return nullptr;
  variables_.push_back({0, TypeAt(source->type.type.element)});
  Ptr found;
  for (int i = 0; i < 24 && found == nullptr; ++i) {
    Ptr lookup = EntityLookup();
    if (lookup != nullptr && VariableOf(*lookup).has_value()) found = std::move(lookup);
  }
  const Type boolean = TypeOf(TypeKind::kBool);
  Ptr body;
  if (found != nullptr && Chance(50)) {
    Ptr said = Step(typed::Clone(found));
    if (said != nullptr && IsScalar(said->type.type)) {
      Ptr other = Constant(said->type.type);
      body = Make(Kind::kIs, boolean, 0, std::move(said), std::move(other));
    }
  }
  if (found != nullptr && body == nullptr) body = Make(Kind::kHas, boolean, 0, std::move(found));
  variables_.pop_back();
  if (body == nullptr) return nullptr;
  Ptr any = Make(Kind::kQuantifier, boolean, 0, std::move(body), std::move(source), Ptr());
  any->op = Chance(60) ? QuantifierOp::kAny : QuantifierOp::kAll;
  any->variable = 0;
  return any;
}

ExprPtr ExprMaker::AnyAll(int depth) {
  if (Chance(20)) {
    if (Ptr found = AnyFound(); found != nullptr) return found;
  }
  return Quantifier(Chance(45) ? QuantifierOp::kAny : QuantifierOp::kAll, TypeOf(TypeKind::kBool), depth);
}

ExprPtr ExprMaker::ListsEqual() {
  const std::vector<Variable> all = variables_;
  Ptr a = ListPlace(true);
  if (a == nullptr || a->type.type.optional) return nullptr;
  const Type element = TypeAt(a->type.type.element);
  if (element.kind == TypeKind::kRecord) return nullptr;
  Ptr b;
  for (int i = 0; i < 6 && b == nullptr; ++i) {
    Ptr c = ListPlace(false);
    if (c == nullptr || c->type.type.optional || c->type.type.kind != a->type.type.kind) continue;
    if (Same(TypeAt(c->type.type.element), element)) b = std::move(c);
  }
  if (b == nullptr) return nullptr;
  return Make(Chance(60) ? Kind::kEqual : Kind::kNotEqual, TypeOf(TypeKind::kBool), 0, std::move(a), std::move(b));
}

ExprPtr ExprMaker::Bool(int depth) {
  const Type boolean = TypeOf(TypeKind::kBool);
  if (depth <= 0) {
    if (Chance(25)) {
      if (Ptr place = PlaceOf(boolean, true, 5); place != nullptr) return Present(std::move(place), 0);
    }
    return Chance(60) ? Compare(0) : EqualOf(ScalarType(), 0);
  }
  Ptr node;
  for (int i = 0; i < 4 && node == nullptr; ++i) {
    const uint32_t pick = random_.Below(100);
    if (pick < 20) {
      Ptr a = Bool(depth - 1);
      Ptr b = Bool(depth - 1);
      return Make(Chance(60) ? Kind::kAnd : Kind::kOr, boolean, 0, std::move(a), std::move(b));
    }
    if (pick < 27) return Make(Kind::kNot, boolean, 0, Bool(depth - 1));
    if (pick < 31) {
      Ptr a = Bool(depth - 1);
      Ptr b = Bool(depth - 1);
      return Make(Chance(50) ? Kind::kEqual : Kind::kNotEqual, boolean, 0, std::move(a), std::move(b));
    }
    if (pick < 43)
      node = Compare(depth);
    else if (pick < 47)
      node = CompareRounded();
    else if (pick < 50)
      node = CompareFolds();
    else if (pick < 52)
      node = CompareSums();
    else if (pick < 53)
      node = CompareMembers();
    else if (pick < 55)
      node = CompareFound();
    else if (pick < 62)
      node = Membership(depth);
    else if (pick < 70)
      node = Absence(depth);
    else if (pick < 80)
      node = AnyAll(depth);
    else if (pick < 83)
      node = ListsEqual();
    else if (pick < 84)
      node = Match();
    else if (pick < 86)
      node = AskCalendar();
    else if (pick < 88)
      node = Under();
    else if (pick < 92)
      node = Fact(nullptr);
    else if (pick < 96)
      node = Chance(65) ? Verdict(false) : CompareVotes();
    else
      node = If(boolean, depth);
  }
  return node != nullptr ? std::move(node) : Compare(0);
}

// ---------------------------------------------------------------- history

ExprPtr ExprMaker::Verdict(bool votes) {
  if (scope_.kind != Scope::Kind::kProposal && scope_.kind != Scope::Kind::kConclude) return nullptr;
  const Workflow& w = WorkflowAt(scope_.workflow);
  if (w.reviews.empty()) return nullptr;
  const uint32_t r = random_.Below(static_cast<uint32_t>(w.reviews.size()));
  const Review& review = w.reviews[r];
  const uint32_t seat = random_.Below(static_cast<uint32_t>(review.seats.size()));
  const Type& stance = TypeAt(w.transitions[review.verdict.value].payload[review.stance.value].type);
  Type type = TypeOf(votes ? TypeKind::kInt : TypeKind::kBool);
  if (votes) {
    type.min = 0;
    type.max = review.seats[seat].seats;
  }
  Ptr node = Make(votes ? Kind::kVotes : Kind::kSays, type);
  node->index = r;
  node->part = seat;
  node->part2 = random_.Below(static_cast<uint32_t>(schema().enums[stance.index].members.size()));
  return node;
}

ExprPtr ExprMaker::CompareVotes() {
  Ptr votes = Verdict(true);
  if (votes == nullptr) return nullptr;
  Ptr wanted = Make(Kind::kConstant, TypeOf(TypeKind::kInt));
  wanted->number = 1 + random_.Below(2);
  return Make(Kind::kLessEqual, TypeOf(TypeKind::kBool), 0, std::move(wanted), std::move(votes));
}

typed::Pattern ExprMaker::Pattern(bool with_where) {
  const Workflow& w = WorkflowAt(scope_.workflow);
  typed::Pattern pattern;
  const uint32_t count = Chance(15) ? 2 : 1;
  for (uint32_t i = 0; i < count; ++i) {
    const TransitionId t(random_.Below(static_cast<uint32_t>(w.transitions.size())));
    if (std::find(pattern.transitions.begin(), pattern.transitions.end(), t) == pattern.transitions.end())
      pattern.transitions.push_back(t);
  }
  std::sort(pattern.transitions.begin(), pattern.transitions.end());
  if (Chance(30)) pattern.by = {RoleId(random_.Below(static_cast<uint32_t>(schema().roles.size())))};
  pattern.by_orchestrator = !pattern.by.empty() && Chance(20);
  if (with_where && Chance(45)) {
    ExprMaker event(&program_, &random_, {Scope::Kind::kEvent, scope_.workflow, pattern.transitions, 0});
    pattern.where = event.Bool(1);
    if (Chance(25))
      pattern.where =
          Make(Chance(60) ? Kind::kAnd : Kind::kOr, TypeOf(TypeKind::kBool), 0, std::move(pattern.where), event.Wide());
  }
  return pattern;
}

// null: a bool. Otherwise a value of this type, mostly a T?.
ExprPtr ExprMaker::Fact(const Type* type) {
  if (scope_.facts_max == 0) return nullptr;
  if (Chance(40)) {
    if (Ptr keyed = KeyedFact(type); keyed != nullptr) return keyed;
  }
  if (Chance(12)) {
    if (Ptr through = FactThrough(type); through != nullptr) return through;
  }
  return OwnFact(type);
}

// Of the instance that a reference names.
ExprPtr ExprMaker::FactThrough(const Type* type) {
  if (scope_.kind != Scope::Kind::kProposal && scope_.kind != Scope::Kind::kConclude) return nullptr;
  Ptr at = PlaceWhere(
      [&](const Expr& e) {
        const Type& found = e.type.type;
        const bool own = e.kind == Kind::kSlot && e.root == SlotRoot::kThisKey;
        return found.kind == TypeKind::kReference && !found.optional && !own && DerefsOf(e) < 2 &&
               !WorkflowAt(WorkflowId(found.index)).is_builtin;
      },
      10);
  if (at == nullptr) return nullptr;
  ExprMaker there(&program_, &random_, {Scope::Kind::kProposal, WorkflowId(at->type.type.index), {}, scope_.facts_max});
  Ptr fact = there.OwnFact(type);
  if (fact != nullptr) fact->children.push_back(std::move(at));
  return fact;
}

ExprPtr ExprMaker::OwnFact(const Type* type) {
  std::vector<uint32_t> fitting;
  uint32_t here = 0;
  for (uint32_t f = 0; f < program_.facts.size(); ++f) {
    const typed::Fact& fact = program_.facts[f];
    if (fact.workflow != scope_.workflow || fact.keyed.valid()) continue;
    ++here;
    if (Same(fact.type.type, type == nullptr ? TypeOf(TypeKind::kBool) : *type)) fitting.push_back(f);
  }
  if (!fitting.empty() && (here >= scope_.facts_max || Chance(50))) {
    const uint32_t f = fitting[random_.Below(static_cast<uint32_t>(fitting.size()))];
    Ptr node = Make(Kind::kFact, program_.facts[f].type.type, program_.facts[f].type.scale);
    node->index = f;
    return node;
  }
  return here >= scope_.facts_max ? nullptr : MakeFact(type);
}

// With a key that is in scope, or one that events are likely to have.
ExprPtr ExprMaker::KeyedFact(const Type* type) {
  std::vector<uint32_t> fitting;
  for (uint32_t f = 0; f < program_.facts.size(); ++f) {
    const typed::Fact& fact = program_.facts[f];
    if (fact.keyed.valid() && Same(fact.type.type, type == nullptr ? TypeOf(TypeKind::kBool) : *type)) fitting.push_back(f);
  }
  if (fitting.empty()) return nullptr;
  return AtKey(fitting[random_.Below(static_cast<uint32_t>(fitting.size()))]);
}

ExprPtr ExprMaker::OfKey() {
  std::vector<uint32_t> keyed;
  for (uint32_t f = 0; f < program_.facts.size(); ++f) {
    if (program_.facts[f].keyed.valid()) keyed.push_back(f);
  }
  if (keyed.empty()) return nullptr;
  Ptr node = AtKey(keyed[random_.Below(static_cast<uint32_t>(keyed.size()))]);
  const Type type = node->type.type;
  const Type boolean = TypeOf(TypeKind::kBool);
  if (type.optional) return Make(Kind::kHas, boolean, 0, std::move(node));
  if (type.kind == TypeKind::kBool) return node;
  Ptr other = Constant(type);
  other->number = type.kind == TypeKind::kInt ? random_.Below(4) : 100 * random_.Below(40);
  const Kind kind = Chance(40) ? Kind::kLess : Chance(60) ? Kind::kLessEqual : Kind::kEqual;
  if (Chance(50)) std::swap(node, other);
  return Make(kind, boolean, 0, std::move(node), std::move(other));
}

ExprPtr ExprMaker::AtKey(uint32_t f) {
  Ptr node = Make(Kind::kKeyedFact, program_.facts[f].type.type, program_.facts[f].type.scale);
  node->index = f;
  const WorkflowId keyed = program_.facts[f].keyed;
  const std::vector<Variable> outside = std::exchange(variables_, ForKeys());
  for (size_t i = 0; i < WorkflowAt(keyed).key.size(); ++i) {
    const Type type_of_part = TypeAt(WorkflowAt(keyed).key[i].type);
    const Expr& at_event = *program_.facts[f].key[i];
    const bool of_actor = at_event.kind == Kind::kSlot && at_event.root == SlotRoot::kActorId;
    Ptr part;
    if (of_actor && scope_.kind == Scope::Kind::kProposal && Chance(70)) part = Slot(SlotRoot::kActorId, 0, type_of_part);
    if (part == nullptr && Chance(70)) {
      part = PlaceWhere(
          [&](const Expr& e) {
            return Same(e.type.type, type_of_part) && !e.type.type.optional && !IsSelected(e) &&
                   (RootOf(e).kind == Kind::kSlot || RootOf(e).kind == Kind::kVariable);
          },
          10);
    }
    if (part == nullptr) {
      part = KeyConstant(type_of_part);
      if (of_actor) part->text = std::string("a") + static_cast<char>('1' + random_.Below(4));
      if (type_of_part.kind == TypeKind::kReference) part->text = std::string("c") + static_cast<char>('1' + random_.Below(4));
    }
    node->children.push_back(std::move(part));
  }
  variables_ = outside;
  return node;
}

namespace {
bool MayBeKey(const Type& type) {
  const bool is_int = type.kind == TypeKind::kInt && type.distinct != kStateMark;
  return is_int || type.kind == TypeKind::kString || type.kind == TypeKind::kEnum || type.kind == TypeKind::kDate ||
         type.kind == TypeKind::kTime || type.kind == TypeKind::kReference;
}
}  // namespace

std::optional<typed::Fact> ExprMaker::Keyed() {
  const size_t before = program_.facts.size();
  const Type type = Chance(40) ? TypeOf(TypeKind::kInt) : ScalarType();
  const Ptr made = MakeFact(type.kind == TypeKind::kBool ? nullptr : &type);
  if (made == nullptr || program_.facts.size() == before) return std::nullopt;
  typed::Fact fact = std::move(program_.facts.back());
  program_.facts.pop_back();
  fact.refused = fact.this_round = false;
  fact.pattern.transitions.resize(1);
  if (fact.since.has_value()) fact.since->transitions.resize(1);
  ExprMaker event(&program_, &random_, {Scope::Kind::kEvent, scope_.workflow, fact.pattern.transitions, 0});
  const uint32_t parts = Chance(30) ? 2 : 1;
  for (uint32_t i = 0; i < parts; ++i) {
    Ptr part;
    if (Chance(75)) {
      part = event.PlaceWhere(
          [&](const Expr& e) {
            const Expr& root = RootOf(e);
            const bool stays = !fact.since.has_value() || root.root != SlotRoot::kPayload;
            return MayBeKey(e.type.type) && !IsSelected(e) && root.kind == Kind::kSlot && stays;
          },
          20);
    }
    if (part == nullptr) part = Slot(SlotRoot::kActorId, 0, TypeOf(TypeKind::kString));
    fact.key.push_back(std::move(part));
  }
  return fact;
}

ExprPtr ExprMaker::MakeFact(const Type* type) {
  using FactKind = typed::Fact::Kind;
  typed::Fact fact;
  fact.workflow = scope_.workflow;
  fact.refused = Chance(12);
  fact.pattern = Pattern(true);
  ExprMaker event(&program_, &random_, {Scope::Kind::kEvent, scope_.workflow, fact.pattern.transitions, 0});
  if (type == nullptr || type->kind == TypeKind::kBool) {
    fact.kind = FactKind::kHappened;
    fact.type = {TypeOf(TypeKind::kBool), 0};
  } else if (IsNumber(type->kind) && type->distinct != kStateMark) {
    const uint32_t pick = random_.Below(type->kind == TypeKind::kInt ? 7 : 4);
    fact.kind = pick == 0   ? FactKind::kSum
                : pick == 1 ? FactKind::kMin
                : pick == 2 ? FactKind::kMax
                : pick == 3 ? FactKind::kLast
                            : FactKind::kCount;
    fact.type = {TypeOf(type->kind, type->index), 0};
  } else {
    fact.kind =
        type->kind == TypeKind::kTime && Chance(25) ? (Chance(50) ? FactKind::kMin : FactKind::kMax) : FactKind::kLast;
    fact.type = {TypeOf(type->kind, type->index), 0};
    fact.type.type.distinct = type->distinct;
  }
  if (fact.kind == FactKind::kSum || fact.kind == FactKind::kMin || fact.kind == FactKind::kMax) {
    fact.value = type->kind == TypeKind::kTime ? event.Time(1) : event.Number(*type, 1);
    if (BitsOf(program_, *fact.value) > kFactBitsMax) return nullptr;
    fact.type.scale = fact.value->type.scale;
    fact.type.type.optional = fact.kind != FactKind::kSum;
  } else if (fact.kind == FactKind::kLast) {
    fact.value = event.PlaceOf(*type, true);
    if (fact.value == nullptr) return nullptr;
    fact.type.type.optional = true;
  }
  if (Chance(45)) {
    fact.within_ns = (1 + static_cast<int64_t>(random_.Below(60))) * kHour;
    if (Chance(60)) fact.capacity = 1 + random_.Below(3);
  }
  if (Chance(25)) fact.since = Pattern(true);
  if (Chance(10)) fact.this_round = true;
  const std::string text = typed::Text(fact);
  for (uint32_t f = 0; f < program_.facts.size(); ++f) {
    if (typed::Text(program_.facts[f]) != text) continue;
    Ptr node = Make(Kind::kFact, program_.facts[f].type.type, program_.facts[f].type.scale);
    node->index = f;
    return node;
  }
  Ptr node = Make(Kind::kFact, fact.type.type, fact.type.scale);
  node->index = static_cast<uint32_t>(program_.facts.size());
  program_.facts.push_back(std::move(fact));
  return node;
}

}  // namespace writ::agreement
