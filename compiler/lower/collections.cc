// What is asked of collections: membership, and comprehensions over their elements.
#include <algorithm>

#include "compiler/lower/expressions.h"
#include "compiler/lower/planted_faults.h"
#include "runtime/builtins/check.h"

namespace writ::lower {
namespace {

using ir::ExprId;
using ir::LoopId;
using typed::ExprKind;
using typed::QuantifierOp;

}  // namespace

// A set of an enum's members, or of roles, as bits.
ExprId FunctionLowering::Bits(const Expr& literal) {
  uint64_t bits = 0;
  for (const typed::ExprPtr& member : literal.children) bits |= uint64_t{1} << static_cast<int>(member->number & 63);
  return build_.Number(static_cast<int64_t>(bits));
}

Value FunctionLowering::In(const Expr& expr) {
  const Expr& needle = *expr.children[0];
  const Expr& hay = *expr.children[1];
  const Value x = Operand(needle);
  Value result = hay.kind == ExprKind::kSetLiteral ? InLiteral(needle, x, hay)
                 : IsBits(schema_, hay.type.type)  ? InBits(x, hay)
                                                   : InList(needle, x, hay);
  result.value = build_.And(result.value, x.present);
  return result;
}

Value FunctionLowering::InLiteral(const Expr& needle, const Value& x, const Expr& hay) {
  Value result = Scalar(build_.Bool(false));
  result.unknown = x.unknown;
  const TypeKind kind = needle.type.type.kind;
  const bool bits = (kind == TypeKind::kEnum || kind == TypeKind::kRole) &&
                    std::all_of(hay.children.begin(), hay.children.end(),
                                [](const typed::ExprPtr& m) { return m->number >= 0 && m->number < 64; });
  if (bits) {
    const ExprId set = Bits(hay);
    result.value = build_.HasBit(set, x.value);
    return result;
  }
  for (const typed::ExprPtr& member : hay.children) {
    const Value y = Operand(*member);
    const ExprId same = SameScaled(needle, x, *member, y);
    result.value = build_.Or(result.value, same);
  }
  return result;
}

Value FunctionLowering::InBits(const Value& x, const Expr& hay) {
  Value result = Scalar(build_.Bool(false));
  const Value set = Operand(hay);
  result.value = build_.HasBit(set.value, x.value);
  result.unknown = build_.Or(x.unknown, set.unknown);
  return result;
}

Value FunctionLowering::InList(const Expr& needle, const Value& x, const Expr& hay) {
  Value result = Scalar(build_.Bool(false));
  const std::optional<Place> place = PlaceOf(hay);
  if (!place) TooMuch(hay.span, "membership can be asked of a field, a payload value or a `{…}` of constants");
  const ListId list = place ? ListOf(*place, hay.span) : ListId();
  const std::optional<LoopId> loop = list.valid() ? Open(*place, list, hay.span) : std::nullopt;
  if (!loop) return result;
  Place element = Element(*place, *loop, list);
  element.unknown = element.present = ExprId();
  const Value y = Load(element);
  const ExprId same = Same(needle.type.type, x.value, y.value);
  result.value = build_.Any(*loop, same);
  result.unknown = place->unknown.valid() ? build_.Or(x.unknown, place->unknown) : x.unknown;
  return result;
}

// ---------------------------------------------------------------- comprehensions

Value FunctionLowering::Length(const Expr& expr) {
  const Expr& source = *expr.children[1];
  if (IsBits(schema_, source.type.type)) {
    Value v = Operand(source);
    v.value = build_.PopCount(v.value);
    v.present = build_.Bool(true);
    return v;
  }
  std::optional<Place> place = PlaceOf(source);
  if (!place) {
    TooMuch(source.span, "only a field or a payload value can be counted");
    return Scalar(build_.Number(0));
  }
  Value v = Scalar(LoadSlot(*place, Projection::kLength, SlotKind::kI64, {0, place->type.capacity}));
  if (place->unknown.valid()) v.unknown = place->unknown;
  return v;
}

// Folds what one element gives into what the comprehension gives.
Value FunctionLowering::Reduce(const Expr& expr, LoopId loop, Value body, Value where, ExprId any_element,
                               Polarity polarity) {
  Value v = Scalar(build_.Bool(false));
  const ExprId chosen = Known(where);
  switch (expr.op) {
    case QuantifierOp::kAny: {
      const Value both = And(where, body);
      const ExprId hit = Known(both);
      const ExprId any_hit = build_.Any(loop, hit);
      const ExprId any_unknown = build_.Any(loop, both.unknown);
      const ExprId no_hit = build_.Not(any_hit);
      v.value = any_hit;
      v.unknown = build_.And(any_unknown, no_hit);
      return v;
    }
    case QuantifierOp::kAll: {
      const Value outside = Not(where);
      const Value implied = Or(outside, body);
      const ExprId not_false = TrueOrUnknown(implied);
      const ExprId none_false = build_.All(loop, not_false);
      const ExprId any_unknown = build_.Any(loop, implied.unknown);
      v.value = none_false;
      v.unknown = build_.And(any_unknown, none_false);
      if (polarity == Polarity::kEmpowers && !Planted(Fault::kVacuousTruthGrants))
        v.value = build_.And(v.value, any_element);
      return v;
    }
    case QuantifierOp::kCount: {
      const Value both = And(where, body);
      const ExprId counted = Known(both);
      v.value = build_.Count(loop, counted);
      v.unknown = build_.Any(loop, both.unknown);
      return v;
    }
    case QuantifierOp::kSum:
    case QuantifierOp::kMin:
    case QuantifierOp::kMax: {
      const ExprId bad_value = build_.And(chosen, body.unknown);
      const ExprId bad = build_.Or(where.unknown, bad_value);
      v.unknown = build_.Any(loop, bad);
      const ExprId there = build_.And(chosen, body.present);
      if (expr.op == QuantifierOp::kSum) {
        if (!Fits(build_.FitsSum(loop, body.value), expr.span)) return Scalar(build_.Number(0));
        v.value = build_.Sum(loop, there, body.value);
        return expr.type.scale == 0 ? Checked(v) : v;
      }
      v.value =
          expr.op == QuantifierOp::kMin ? build_.Min(loop, there, body.value) : build_.Max(loop, there, body.value);
      v.present = build_.Any(loop, there);
      return v;
    }
    case QuantifierOp::kDistinct:
      break;
  }
  WRIT_CHECK(false);
}

// Lets the variables of a comprehension stand for the current element of `loop`, and the one behind it; gives whether
// there is one behind it, where that is asked for.
Value FunctionLowering::BindElement(const Expr& expr, const Place& place, LoopId loop, ListId list) {
  Place element = Element(place, loop, list);
  element.present = ExprId();
  places_[expr.variable] = element;
  if (expr.variable2 == UINT32_MAX) return True();
  const LoopId inner = build_.OpenLoop(list, loop);
  Place behind = Element(place, inner, list);
  behind.present = ExprId();
  const ExprId i = build_.Index(loop);
  const ExprId j = build_.Index(inner);
  const ExprId one = build_.Number(1);
  const ExprId next = build_.Add(i, one);
  behind.selected = true;
  behind.condition = Planted(Fault::kNeighbourIsLast) ? IsAtEnd(place, inner, false) : build_.EqNum(j, next);
  places_[expr.variable2] = behind;
  const ExprId length = LoadSlot(place, Projection::kLength, SlotKind::kI64, {0, place.type.capacity});
  return Scalar(build_.LtNum(next, length));
}

// Which elements of `loop` are meant, with the variables bound to them.
Value FunctionLowering::WhereOf(const Expr& expr, const Place& place, LoopId loop, ListId list) {
  const Value there = BindElement(expr, place, loop, list);
  const Expr* where = expr.children.size() > 2 ? expr.children[2].get() : nullptr;
  if (where == nullptr) return there;
  const Value condition = Operand(*where);
  return expr.variable2 == UINT32_MAX ? condition : And(there, condition);
}

Value FunctionLowering::Quantifier(const Expr& expr, Polarity polarity) {
  const Expr& source = *expr.children[1];
  const Expr* where_expr = expr.children.size() > 2 ? expr.children[2].get() : nullptr;
  if (expr.children[0] == nullptr && where_expr == nullptr) return Length(expr);
  if (IsBits(schema_, source.type.type)) return QuantifierOverBits(expr, polarity);
  std::optional<Place> place = PlaceOf(source);
  if (!place) {
    TooMuch(source.span, "only a field or a payload value can be gone through");
    return Scalar(build_.Bool(false));
  }
  const ListId list = ListOf(*place, source.span);
  if (!list.valid()) return Scalar(expr.type.type.kind == TypeKind::kBool ? build_.Bool(false) : build_.Number(0));
  if (expr.op == QuantifierOp::kDistinct && place->list.valid()) {
    TooMuch(expr.span, "`distinct` cannot go through a list inside an element");
    return Scalar(build_.Number(0));
  }
  if (expr.variable2 != UINT32_MAX && place->list.valid()) {
    TooMuch(expr.span, "`for … then …` cannot go through a list inside an element");
    return Scalar(expr.type.type.kind == TypeKind::kBool ? build_.Bool(false) : build_.Number(0));
  }
  const std::optional<LoopId> opened = Open(*place, list, source.span);
  if (!opened) return Scalar(expr.type.type.kind == TypeKind::kBool ? build_.Bool(false) : build_.Number(0));
  const LoopId loop = *opened;
  loops_.push_back(loop);
  Value result;
  if (expr.op == QuantifierOp::kDistinct) {
    result = Distinct(expr, *place, loop);
  } else {
    const Value where = WhereOf(expr, *place, loop, list);
    const Value body = expr.children[0] != nullptr ? Operand(*expr.children[0], polarity) : True();
    const ExprId yes = build_.Bool(true);
    const bool some = where_expr != nullptr || expr.variable2 != UINT32_MAX;
    const ExprId selected = some ? Known(where) : yes;
    const ExprId any_element = polarity == Polarity::kEmpowers ? build_.Any(loop, selected) : yes;
    result = Reduce(expr, loop, body, where, any_element, polarity);
  }
  loops_.pop_back();
  places_.erase(expr.variable);
  places_.erase(expr.variable2);
  if (place->unknown.valid()) result.unknown = build_.Or(result.unknown, place->unknown);
  return result;
}

// The elements before which no equal one stands.
Value FunctionLowering::Distinct(const Expr& expr, const Place& place, LoopId loop) {
  const ListId list = ListOf(place, expr.span);
  const Value where = WhereOf(expr, place, loop, list);
  const Value value = Operand(*expr.children[0]);
  const ExprId chosen = Known(where);
  const ExprId counted = build_.And(chosen, value.present);

  const LoopId inner = build_.OpenLoop(list, loop);
  loops_.push_back(inner);
  const Value where_before = WhereOf(expr, place, inner, list);
  const Value value_before = Operand(*expr.children[0]);
  loops_.pop_back();

  const ExprId i = build_.Index(loop);
  const ExprId j = build_.Index(inner);
  const ExprId earlier = build_.LtNum(j, i);
  const Type& type = expr.children[0]->type.type;
  const ExprId same = Same(type, value.value, value_before.value);
  ExprId match = build_.And(earlier, same);
  const ExprId chosen_before = Known(where_before);
  match = build_.And(match, chosen_before);
  match = build_.And(match, value_before.present);
  const ExprId seen = build_.Any(inner, match);
  const ExprId unseen = build_.Not(seen);
  const ExprId fresh = build_.And(counted, unseen);

  Value v = Scalar(build_.Count(loop, fresh));
  const ExprId bad_value = build_.And(chosen, value.unknown);
  const ExprId bad = build_.Or(where.unknown, bad_value);
  v.unknown = build_.Any(loop, bad);
  return v;
}

// What a comprehension over bits comes to with one more member.
Value FunctionLowering::WithMember(const Expr& expr, Value result, Value where, Value body, ExprId chosen) {
  const ExprId zero = build_.Number(0), one = build_.Number(1);
  switch (expr.op) {
    case QuantifierOp::kAny: {
      const Value both = And(where, body);
      return Or(result, both);
    }
    case QuantifierOp::kAll: {
      const Value outside = Not(where);
      const Value implied = Or(outside, body);
      return And(result, implied);
    }
    case QuantifierOp::kCount: {
      const Value both = And(where, body);
      const ExprId hit = Known(both);
      const ExprId step = build_.Select(hit, one, zero);
      result.value = build_.Add(result.value, step);
      result.unknown = build_.Or(result.unknown, both.unknown);
      return result;
    }
    case QuantifierOp::kDistinct:
      TooMuch(expr.span, "the members of a set are distinct: use `count`");
      return result;
    case QuantifierOp::kSum:
    case QuantifierOp::kMin:
    case QuantifierOp::kMax:
      break;
  }
  const ExprId bad_value = build_.And(chosen, body.unknown);
  const ExprId bad = build_.Or(where.unknown, bad_value);
  result.unknown = build_.Or(result.unknown, bad);
  const ExprId there = build_.And(chosen, body.present);
  if (expr.op == QuantifierOp::kSum) {
    const ExprId step = build_.Select(there, body.value, zero);
    if (Fits(build_.FitsAdd(result.value, step), expr.span)) result.value = build_.Add(result.value, step);
    return result;
  }
  const ExprId less =
      expr.op == QuantifierOp::kMin ? build_.LtNum(body.value, result.value) : build_.LtNum(result.value, body.value);
  const ExprId first = build_.Not(result.present);
  const ExprId better = build_.Or(first, less);
  const ExprId take = build_.And(there, better);
  result.value = build_.Select(take, body.value, result.value);
  result.present = build_.Or(result.present, there);
  return result;
}

// A set of an enum is a handful of bits: each member in turn, as a constant.
Value FunctionLowering::QuantifierOverBits(const Expr& expr, Polarity polarity) {
  const Expr& source = *expr.children[1];
  const Expr* where_expr = expr.children.size() > 2 ? expr.children[2].get() : nullptr;
  const Value set = Operand(source);
  const Type& element = schema_.types[source.type.type.element.value];
  const uint32_t members = static_cast<uint32_t>(schema_.enums[element.index].members.size());

  Value result = Scalar(build_.Bool(expr.op == QuantifierOp::kAll));
  if (expr.op != QuantifierOp::kAny && expr.op != QuantifierOp::kAll) result = Scalar(build_.Number(0));
  if (expr.op == QuantifierOp::kMin || expr.op == QuantifierOp::kMax) result.present = build_.Bool(false);
  ExprId any_element = build_.Bool(false);
  for (uint32_t m = 0; m < members; ++m) {
    const ExprId bit = build_.Number(m);
    constants_[expr.variable] = Scalar(bit);
    const ExprId is_member = build_.HasBit(set.value, bit);
    Value where = Scalar(is_member);
    if (where_expr != nullptr) {
      const Value condition = Operand(*where_expr);
      where = And(where, condition);
    }
    const Value body = expr.children[0] != nullptr ? Operand(*expr.children[0], polarity) : True();
    const ExprId chosen = Known(where);
    any_element = build_.Or(any_element, chosen);
    result = WithMember(expr, result, where, body, chosen);
  }
  constants_.erase(expr.variable);
  if (expr.op == QuantifierOp::kAll && polarity == Polarity::kEmpowers)
    result.value = build_.And(result.value, any_element);
  result.unknown = build_.Or(result.unknown, set.unknown);
  if (expr.op == QuantifierOp::kSum && expr.type.scale == 0) result = Checked(result);
  return result;
}

// ---------------------------------------------------------------- tasks over data

ExprId FunctionLowering::IsWanted(const typed::PlannedTask& task) {
  if (task.when == nullptr) return build_.Bool(true);
  BeginAside();
  Value when = Operand(*task.when, Polarity::kRestrains);
  const ExprId missing = EndAside();
  when.unknown = build_.Or(when.unknown, missing);
  return Planted(Fault::kUnknownTaskDropped) ? Known(when) : TrueOrUnknown(when);
}

void FunctionLowering::Wanted(const typed::PlannedTask& task, uint32_t capacity) {
  if (task.source == nullptr) {
    Output(SlotKind::kBool, IsWanted(task));
    return;
  }
  if (IsBits(schema_, task.source->type.type)) return WantedMembers(task, capacity);
  const std::optional<Place> place = PlaceOf(*task.source);
  if (!place) TooMuch(task.source->span, "there can be a task for each element of a field only");
  const ListId list = place ? ListOf(*place, task.source->span) : ListId();
  const std::optional<LoopId> loop = list.valid() ? Open(*place, list, task.source->span) : std::nullopt;
  if (!loop) return;
  loops_.push_back(*loop);
  Place element = Element(*place, *loop, list);
  element.present = ExprId();
  places_[task.variable] = element;
  const ExprId wanted = IsWanted(task);
  const ExprId text = Operand(*task.element).value;
  loops_.pop_back();
  places_.erase(task.variable);
  const ExprId index = build_.Index(*loop);
  for (uint32_t i = 0; i < capacity; ++i) {
    const ExprId at = build_.Number(i);
    const ExprId here = build_.EqNum(index, at);
    const ExprId hit = build_.And(here, wanted);
    Output(SlotKind::kBool, build_.Any(*loop, hit));
    Output(SlotKind::kString, build_.First(*loop, hit, text));
  }
}

// The members of a set of an enum, each in turn, as a constant.
void FunctionLowering::WantedMembers(const typed::PlannedTask& task, uint32_t capacity) {
  const Value set = Operand(*task.source);
  const Type& element = schema_.types[task.source->type.type.element.value];
  for (uint32_t m = 0; m < capacity; ++m) {
    const ExprId bit = build_.Number(m);
    constants_[task.variable] = Scalar(bit);
    const ExprId is_member = build_.HasBit(set.value, bit);
    const ExprId wanted = IsWanted(task);
    Output(SlotKind::kBool, build_.And(is_member, wanted));
    Output(SlotKind::kString, build_.Text(schema_.enums[element.index].members[m].name));
  }
  constants_.erase(task.variable);
}

}  // namespace writ::lower
