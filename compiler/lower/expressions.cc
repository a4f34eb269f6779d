#include "compiler/lower/expressions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/lower/planted_faults.h"
#include "runtime/builtins/check.h"
#include "runtime/decision/delegation.h"

namespace writ::lower {
namespace {

using ir::ExprId;
using ir::LoopId;
using ir::Range;
using typed::ExprKind;

constexpr Num Pow10(int n) {
  Num p = 1;
  while (n-- > 0) p *= 10;
  return p;
}
constexpr int kScaleMax = 30;

Polarity Flip(Polarity p) {
  if (p == Polarity::kRestrains) return Polarity::kEmpowers;
  if (p == Polarity::kEmpowers) return Polarity::kRestrains;
  return p;
}

}  // namespace

FunctionLowering::FunctionLowering(ProgramState* state, Function* function)
    : state_(state),
      schema_(*state->schema),
      function_(function),
      layout_(&function->frame),
      build_(state->program, function) {}

// ---------------------------------------------------------------- slots

ExprId FunctionLowering::BoolSlot(SlotRoot root, uint32_t index, uint32_t part, uint32_t part2) {
  return build_.Slot(
      layout_.Intern(SlotKind::kBool, {root, index, part, part2, {}}, Projection::kValue, ListId(), false), {0, 1});
}

ExprId FunctionLowering::NumSlot(SlotRoot root, Range range, uint32_t index, uint32_t part, uint32_t part2) {
  return build_.Slot(
      layout_.Intern(SlotKind::kI64, {root, index, part, part2, {}}, Projection::kValue, ListId(), false), range);
}

ExprId FunctionLowering::StrSlot(SlotRoot root, uint32_t index) {
  return build_.Slot(layout_.Intern(SlotKind::kString, {root, index, 0, 0, {}}, Projection::kValue, ListId(), false),
                     {});
}

ExprId FunctionLowering::RoleIs(RoleId role) {
  const ExprId actual = NumSlot(SlotRoot::kActorRole, {-1, static_cast<Num>(schema_.roles.size()) - 1});
  const ExprId wanted = build_.Number(role.value);
  return build_.EqNum(actual, wanted);
}

ExprId FunctionLowering::AnyRoleOf(const std::vector<RoleId>& roles, bool or_orchestrator) {
  if (roles.empty() && !or_orchestrator) return build_.Bool(true);
  ExprId any = or_orchestrator ? BoolSlot(SlotRoot::kActorIsOrchestrator) : build_.Bool(false);
  for (const RoleId role : roles) {
    const ExprId is = RoleIs(role);
    any = build_.Or(any, is);
  }
  return any;
}

ExprId FunctionLowering::GrantRole() {
  return NumSlot(SlotRoot::kGrantRole, {-1, static_cast<Num>(schema_.roles.size()) - 1});
}

bool FunctionLowering::CanBeGiven() const {
  return Delegates(schema_) && writ::CanBeGiven(schema_, function_->workflow, TransitionId(function_->subject));
}

ExprId FunctionLowering::NamesGrant() {
  const ExprId role = GrantRole();
  const ExprId none = build_.Number(-1);
  return build_.Not(build_.EqNum(role, none));
}

ExprId FunctionLowering::IsUnderGrant() { return CanBeGiven() ? NamesGrant() : build_.Bool(false); }

ExprId FunctionLowering::GrantRoleIs(RoleId role) {
  if (!CanBeGiven()) return build_.Bool(false);
  const ExprId actual = GrantRole();
  const ExprId wanted = build_.Number(role.value);
  return build_.EqNum(actual, wanted);
}

ExprId FunctionLowering::IsGrantedUnder(const std::string& task) {
  if (!CanBeGiven()) return build_.Bool(false);
  const ExprId under = NamesGrant();
  if (Planted(Fault::kTaskAboveIgnored)) return under;
  const ExprId given = BoolSlot(SlotRoot::kGrantTask, layout_.InternGrantTask(task));
  return build_.And(under, given);
}

ExprId FunctionLowering::ActsFor(RoleId role) {
  const ExprId own = RoleIs(role);
  if (!CanBeGiven() || Planted(Fault::kOwnRoleConsulted)) return own;
  const ExprId granted = GrantRoleIs(role);
  const ExprId under = IsUnderGrant();
  return build_.Select(under, granted, own);
}

ExprId FunctionLowering::StateIs(StateId state) {
  const Workflow& w = schema_.workflows[function_->workflow.value];
  const ExprId actual = NumSlot(SlotRoot::kState, {-1, static_cast<Num>(w.states.size()) - 1});
  const ExprId wanted = build_.Number(state == kNewState ? Num{-1} : Num{state.value});
  return build_.EqNum(actual, wanted);
}

// ---------------------------------------------------------------- pairs

Value FunctionLowering::Scalar(ExprId value) { return {value, build_.Bool(false), build_.Bool(true)}; }
Value FunctionLowering::True() { return Scalar(build_.Bool(true)); }

ExprId FunctionLowering::Known(const Value& v) {
  const ExprId known = build_.Not(v.unknown);
  return build_.And(v.value, known);
}
ExprId FunctionLowering::TrueOrUnknown(const Value& v) { return build_.Or(v.value, v.unknown); }

Value FunctionLowering::And(Value a, Value b) {
  const ExprId a_or_unknown = TrueOrUnknown(a);  // not definitely false
  const ExprId b_or_unknown = TrueOrUnknown(b);
  const ExprId any_unknown = build_.Or(a.unknown, b.unknown);
  const ExprId none_false = build_.And(a_or_unknown, b_or_unknown);
  const ExprId unknown = Planted(Fault::kStrictAnd) ? any_unknown : build_.And(any_unknown, none_false);
  const ExprId value = build_.And(a.value, b.value);
  return {value, unknown, build_.Bool(true)};
}

Value FunctionLowering::Or(Value a, Value b) {
  const ExprId a_true = Known(a);
  const ExprId b_true = Known(b);
  const ExprId any_unknown = build_.Or(a.unknown, b.unknown);
  const ExprId any_true = build_.Or(a_true, b_true);
  const ExprId none_true = build_.Not(any_true);
  const ExprId unknown = build_.And(any_unknown, none_true);
  const ExprId value = build_.Or(a.value, b.value);
  return {value, unknown, build_.Bool(true)};
}

Value FunctionLowering::Not(Value a) { return {build_.Not(a.value), a.unknown, build_.Bool(true)}; }

// ---------------------------------------------------------------- limits

void FunctionLowering::TooMuch(const ast::Span& place, const char* what) {
  const ast::Span span = place.end == 0 ? here_ : place;
  const bool around = told_.end != 0 && told_.file == span.file && span.begin <= told_.begin && told_.end <= span.end;
  if (around && !(told_.begin == span.begin && told_.end == span.end))
    return;  // what is around a fault says nothing more
  told_ = span;
  state_->sink->Report(span, diagnostics::kTooStructured, diagnostics::Phrase(what));
}

bool FunctionLowering::Fits(bool fits, const ast::Span& span) {
  if (!fits) state_->sink->Report(span, diagnostics::kTooWide);
  return fits;
}

Value FunctionLowering::Checked(Value v) {
  const Range range = build_.range(v.value);
  if (range.FitsInt64()) return v;
  const ExprId low = build_.Number(INT64_MIN);
  const ExprId high = build_.Number(INT64_MAX);
  const ExprId above = build_.LeNum(low, v.value);
  const ExprId below = build_.LeNum(v.value, high);
  const ExprId inside = build_.And(above, below);
  const ExprId outside = build_.Not(inside);
  if (!Planted(Fault::kOverflowIgnored)) v.unknown = build_.Or(v.unknown, outside);
  const ExprId zero = build_.Number(0);
  const ExprId clipped = build_.Select(inside, v.value, zero);
  v.value = clipped;
  return v;
}

ExprId FunctionLowering::Scaled(ExprId number, int digits, const ast::Span& span) {
  if (digits <= 0 || Planted(Fault::kScalesMixed)) return number;
  if (digits > kScaleMax) {
    Fits(false, span);
    return build_.Number(0);
  }
  const ExprId factor = build_.Number(Pow10(digits));
  if (!Fits(build_.FitsMul(number, factor), span)) return build_.Number(0);
  return build_.Mul(number, factor);
}

// A child's number at the scale of the whole.
ExprId FunctionLowering::AtScaleOf(const Expr& expr, size_t child, const Value& v) {
  return Scaled(v.value, expr.type.scale - expr.children[child]->type.scale, expr.span);
}

// ---------------------------------------------------------------- expressions

Value FunctionLowering::Lower(const Expr& expr, Polarity polarity) {
  const ast::Span outer = std::exchange(here_, expr.span);
  const Value v = LowerKind(expr, polarity);
  here_ = outer;
  if (conditions != nullptr && expr.type.type.kind == TypeKind::kBool && expr.kind != ExprKind::kAnd &&
      expr.kind != ExprKind::kOr && expr.kind != ExprKind::kNot && expr.kind != ExprKind::kConstant && loops_.empty() &&
      operands_ == 0) {
    conditions->push_back({expr.span, v.value, v.unknown});
  }
  return v;
}

Value FunctionLowering::Operand(const Expr& expr, Polarity polarity) {
  ++operands_;
  const Value v = Lower(expr, polarity);
  --operands_;
  return v;
}

Value FunctionLowering::LowerKind(const Expr& expr, Polarity polarity) {
  switch (expr.kind) {
    case ExprKind::kConstant:
      return Constant(expr);
    case ExprKind::kVariable: {
      const auto it = constants_.find(expr.variable);
      if (it != constants_.end()) return it->second;
      [[fallthrough]];
    }
    case ExprKind::kSlot:
    case ExprKind::kMember:
    case ExprKind::kDeref:
    case ExprKind::kLookup:
    case ExprKind::kEntityLookup:
    case ExprKind::kElementAt:
      return Read(expr);
    case ExprKind::kNot:
      return Not(Lower(*expr.children[0], Flip(polarity)));
    case ExprKind::kAnd: {
      const Value a = Lower(*expr.children[0], polarity);
      const Value b = Lower(*expr.children[1], polarity);
      return And(a, b);
    }
    case ExprKind::kOr: {
      const Value a = Lower(*expr.children[0], polarity);
      const Value b = Lower(*expr.children[1], polarity);
      return Or(a, b);
    }
    case ExprKind::kEqual:
      return Equal(*expr.children[0], *expr.children[1], false);
    case ExprKind::kNotEqual:
      return Not(Equal(*expr.children[0], *expr.children[1], false));
    case ExprKind::kIs:
      return Equal(*expr.children[0], *expr.children[1], true);
    case ExprKind::kLess:
      return Compare(*expr.children[0], *expr.children[1], false);
    case ExprKind::kLessEqual:
      return Compare(*expr.children[0], *expr.children[1], true);
    case ExprKind::kIn:
      return In(expr);
    case ExprKind::kHas:
      return Has(expr);
    case ExprKind::kCoalesce:
      return Coalesce(expr);
    case ExprKind::kIf:
      return If(expr, polarity);
    case ExprKind::kAdd:
    case ExprKind::kSubtract:
    case ExprKind::kMultiply:
    case ExprKind::kNegate:
      return Arithmetic(expr);
    case ExprKind::kRound:
      return RoundTo(expr);
    case ExprKind::kDivide:
      WRIT_CHECK(false);  // stands in kRound only
    case ExprKind::kSetLiteral:
      return Scalar(Bits(expr));
    case ExprKind::kQuantifier:
      return Quantifier(expr, polarity);
    case ExprKind::kFact:
      return expr.children.empty() ? LowerFact(expr.index) : FactThrough(expr);
    case ExprKind::kSays:
      return Says(expr);
    case ExprKind::kVotes:
      return Scalar(Votes(expr));
    case ExprKind::kKeyedFact:
      return KeyedFact(expr);
    case ExprKind::kMatch:
      return Match(expr);
    case ExprKind::kCalendar:
      return AskCalendar(expr);
    case ExprKind::kUnder:
      return IsUnder(expr);
  }
  WRIT_CHECK(false);
}

Value FunctionLowering::Constant(const Expr& expr) {
  const Type& type = expr.type.type;
  if (type.kind == TypeKind::kBool) return Scalar(build_.Bool(expr.number != 0));
  if (IsText(type)) return Scalar(build_.Text(expr.text));
  return Scalar(build_.Number(expr.number));
}

Value FunctionLowering::Read(const Expr& expr) {
  const std::optional<Place> place = PlaceOf(expr);
  if (!place) {
    TooMuch(expr.span, "this cannot be read through what stands before it: name the field itself");
    return Constant(expr);
  }
  if (IsStructured(schema_, place->type)) {
    TooMuch(expr.span, "a whole list or record is no value of a condition: compare it, count it, or name a member");
    return Scalar(build_.Bool(false));
  }
  return Load(*place);
}

ExprId FunctionLowering::Votes(const Expr& expr) {
  const Review& review = schema_.workflows[function_->workflow.value].reviews[expr.index];
  return NumSlot(SlotRoot::kSeatVotes, {0, review.seats[expr.part].seats}, expr.index, expr.part, expr.part2);
}

Value FunctionLowering::Says(const Expr& expr) {
  const Review& review = schema_.workflows[function_->workflow.value].reviews[expr.index];
  const ExprId votes = Votes(expr);
  const ExprId quorum = build_.Number(Planted(Fault::kVotesAreQuorum) ? 1 : review.seats[expr.part].quorum);
  return Scalar(build_.LeNum(quorum, votes));
}

// ---------------------------------------------------------------- comparison

ExprId FunctionLowering::Same(const Type& type, ExprId a, ExprId b) {
  if (type.kind == TypeKind::kBool) return build_.EqBool(a, b);
  return IsText(type) ? build_.EqStr(a, b) : build_.EqNum(a, b);
}

std::pair<ExprId, ExprId> FunctionLowering::Aligned(const Expr& a, const Value& x, const Expr& b, const Value& y) {
  const ExprId left = Scaled(x.value, b.type.scale - a.type.scale, a.span);
  const ExprId right = Scaled(y.value, a.type.scale - b.type.scale, b.span);
  return {left, right};
}

ExprId FunctionLowering::SameScaled(const Expr& a, const Value& x, const Expr& b, const Value& y) {
  const auto [left, right] = Aligned(a, x, b, y);
  return Same(a.type.type, left, right);
}

Value FunctionLowering::Equal(const Expr& a, const Expr& b, bool is) {
  if (IsStructured(schema_, a.type.type)) return EqualLists(a, b);
  const Value x = Operand(a);
  const Value y = Operand(b);
  ExprId equal = SameScaled(a, x, b, y);
  if (is && !Planted(Fault::kAbsentEqualsZero)) {
    equal = build_.And(equal, x.present);
    equal = build_.And(equal, y.present);
  }
  return {equal, build_.Or(x.unknown, y.unknown), build_.Bool(true)};
}

ExprId FunctionLowering::EqualElements(const Place& a, const Place& b, const Type& type) {
  if (type.kind == TypeKind::kRecord) {
    ExprId all = build_.Bool(true);
    const Record& record = schema_.records[type.index];
    for (uint32_t m = 0; m < record.members.size(); ++m) {
      Place x = a, y = b;
      x.path.steps.push_back({PathStep::Kind::kMember, m});
      y.path.steps.push_back({PathStep::Kind::kMember, m});
      x.type = y.type = schema_.types[record.members[m].type.value];
      if (IsStructured(schema_, x.type) && x.type.kind != TypeKind::kRecord) {
        TooMuch({}, "lists of records that hold lists cannot be compared as a whole: compare their members");
        continue;
      }
      const ExprId same = EqualElements(x, y, x.type);
      all = build_.And(all, same);
    }
    return all;
  }
  const Value x = Load(a);
  const Value y = Load(b);
  const ExprId same = Same(type, x.value, y.value);
  const ExprId both = build_.EqBool(x.present, y.present);
  return build_.And(same, both);
}

// Equal lengths, and for each element of the one the element of the same place in the other is equal.
Value FunctionLowering::EqualLists(const Expr& a, const Expr& b) {
  std::optional<Place> x = PlaceOf(a), y = PlaceOf(b);
  if (!x || !y) {
    TooMuch(a.span, "these cannot be compared as a whole: compare fields");
    return Scalar(build_.Bool(false));
  }
  if (x->type.kind == TypeKind::kRecord) {
    const ExprId same = EqualElements(*x, *y, x->type);
    return Scalar(same);
  }
  if (y->list.valid()) std::swap(x, y);
  const ListId list_x = ListOf(*x, a.span), list_y = ListOf(*y, b.span);
  if (!list_x.valid() || !list_y.valid()) return Scalar(build_.Bool(false));
  if (y->list.valid()) {
    TooMuch(a.span, "two lists that both lie inside elements cannot be compared as a whole: compare their members");
    return Scalar(build_.Bool(false));
  }
  const ExprId length_x = LoadSlot(*x, Projection::kLength, SlotKind::kI64, {0, x->type.capacity});
  const ExprId length_y = LoadSlot(*y, Projection::kLength, SlotKind::kI64, {0, y->type.capacity});
  const ExprId same_length = build_.EqNum(length_x, length_y);
  const std::optional<LoopId> opened = Open(*x, list_x, a.span);
  if (!opened) return Scalar(build_.Bool(false));
  const LoopId outer = *opened;
  const LoopId inner = build_.OpenLoop(list_y, outer);
  const ExprId i = build_.Index(outer);
  const ExprId j = build_.Index(inner);
  const ExprId same_place = build_.EqNum(i, j);
  const ExprId same =
      EqualElements(Element(*x, outer, list_x), Element(*y, inner, list_y), schema_.types[x->type.element.value]);
  const ExprId match = build_.And(same_place, same);
  const ExprId found = build_.Any(inner, match);
  const ExprId all = build_.All(outer, found);
  ExprId unknown = UnknownOf(*x);
  if (y->unknown.valid()) unknown = build_.Or(unknown, y->unknown);
  const ExprId value = build_.And(same_length, all);
  return {value, unknown, build_.Bool(true)};
}

Value FunctionLowering::Compare(const Expr& a, const Expr& b, bool or_equal) {
  const Value x = Operand(a);
  const Value y = Operand(b);
  const auto [left, right] = Aligned(a, x, b, y);
  const ExprId value = or_equal ? build_.LeNum(left, right) : build_.LtNum(left, right);
  return {value, build_.Or(x.unknown, y.unknown), build_.Bool(true)};
}

Value FunctionLowering::Arithmetic(const Expr& expr) {
  if (expr.children[0]->type.type.kind == TypeKind::kDate) return Days(expr);
  const Value x = Operand(*expr.children[0]);
  Value y = expr.children.size() > 1 ? Operand(*expr.children[1]) : Scalar(build_.Number(0));
  Value v = Scalar(build_.Number(0));
  v.unknown = build_.Or(x.unknown, y.unknown);
  v.present = build_.And(x.present, y.present);  // `age(last(…))` is a T?
  if (expr.kind == ExprKind::kMultiply) {
    if (Fits(build_.FitsMul(x.value, y.value), expr.span)) v.value = build_.Mul(x.value, y.value);
  } else if (expr.kind == ExprKind::kNegate) {
    const ExprId zero = build_.Number(0);
    if (Fits(build_.FitsSub(zero, x.value), expr.span)) v.value = build_.Neg(x.value);
  } else {
    const ExprId left = AtScaleOf(expr, 0, x);
    const ExprId right = AtScaleOf(expr, 1, y);
    if (expr.kind == ExprKind::kAdd) {
      if (Fits(build_.FitsAdd(left, right), expr.span)) v.value = build_.Add(left, right);
    } else {
      if (Fits(build_.FitsSub(left, right), expr.span)) v.value = build_.Sub(left, right);
    }
  }
  // Unrounded values are exact in 128 bits; what has its kind's own scale must fit its 64.
  return expr.type.scale == 0 ? Checked(v) : v;
}

Value FunctionLowering::RoundTo(const Expr& expr) {
  const Expr* inner = expr.children[0].get();
  Num divisor = 1;
  bool negative = false;
  if (inner->kind == ExprKind::kDivide) {
    divisor = inner->number;
    negative = divisor < 0;
    if (negative) divisor = -divisor;
    inner = inner->children[0].get();
  }
  Value v = Operand(*inner);
  const int digits = inner->type.scale;
  WRIT_CHECK(divisor > 0);
  if (digits > kScaleMax || divisor > (Num{1} << 100) / Pow10(digits)) {
    Fits(false, expr.span);
    return Scalar(build_.Number(0));
  }
  if (negative) v.value = build_.Neg(v.value);
  const Num by = divisor * Pow10(digits);
  v.value = by == 1 ? v.value : build_.Round(expr.rounding, v.value, by);
  v.present = build_.Bool(true);
  return Checked(v);
}

Value FunctionLowering::If(const Expr& expr, Polarity polarity) {
  const Value c = Operand(*expr.children[0]);
  const Value x = Operand(*expr.children[1], polarity);
  const Value y = Operand(*expr.children[2], polarity);
  const ExprId left = AtScaleOf(expr, 1, x);
  const ExprId right = AtScaleOf(expr, 2, y);
  Value v;
  v.value = build_.Select(c.value, left, right);
  const ExprId either = build_.Or(x.unknown, y.unknown);
  v.unknown = build_.Or(c.unknown, either);
  v.present = build_.Select(c.value, x.present, y.present);
  return v;
}

Value FunctionLowering::Coalesce(const Expr& expr) {
  const Value x = Operand(*expr.children[0]);
  const Value y = Operand(*expr.children[1]);
  const ExprId left = AtScaleOf(expr, 0, x);
  const ExprId right = AtScaleOf(expr, 1, y);
  Value v;
  v.value = build_.Select(x.present, left, right);
  v.unknown = build_.Or(x.unknown, y.unknown);
  v.present = build_.Or(x.present, y.present);
  return v;
}

Value FunctionLowering::Has(const Expr& expr) {
  const Expr& what = *expr.children[0];
  if (IsStructured(schema_, what.type.type)) {
    std::optional<Place> place = PlaceOf(what);
    if (!place) {
      TooMuch(what.span, "whether this is there cannot be read: name the field itself");
      return Scalar(build_.Bool(false));
    }
    const ExprId present = PresenceOf(*place);
    return {present, UnknownOf(*place), build_.Bool(true)};
  }
  const Value v = Operand(what);
  return {v.present, v.unknown, build_.Bool(true)};
}

// ---------------------------------------------------------------- end

uint32_t FunctionLowering::Output(SlotKind kind, ExprId value) {
  function_->outputs.push_back({kind, function_->output_words});
  function_->output_words += WordsOf(kind);
  outputs_.push_back(value);
  return static_cast<uint32_t>(outputs_.size() - 1);
}

void FunctionLowering::Finish(std::vector<ir::Guard> restraints, std::vector<ir::Guard> allows,
                              ir::Code* code, FunctionConditions* collected) {
  const std::vector<ExprId> moved = build_.Finish(std::move(restraints), std::move(allows), std::move(outputs_), code);
  const std::vector<SlotId> slots = layout_.Finish();
  for (ir::Expr& expr : code->exprs) {
    const ir::OpInfo& info = ir::InfoOf(expr.op);
    if (info.operands[0] == ir::Operand::kSlot) expr.a = slots[expr.a].value;
  }
  if (collected == nullptr) return;
  for (auto* table : {&collected->restraints, &collected->allows}) {
    for (std::vector<Condition>& list : *table) {
      for (Condition& condition : list) {
        condition.value = moved[condition.value.value];
        condition.unknown = moved[condition.unknown.value];
      }
    }
  }
}

}  // namespace writ::lower
