// Whether arithmetic stays within its bits: every expression's interval, from the ranges that fields declare. Past 128 bits it
// is an error; past 64, where a value is kept at its kind's own scale, it is unknown when it happens, and a guard is told so.
#include <algorithm>
#include <optional>

#include "compiler/check/expressions.h"

namespace writ::check {
namespace {

using typed::Expr;
using typed::ExprKind;

constexpr Num kNumMax = static_cast<Num>((~static_cast<unsigned __int128>(0)) >> 1);
constexpr Num kNumMin = -kNumMax - 1;
constexpr Num kEventsMax = Num{1} << 32;  // of one instance: what a sum is assumed to run over

struct Interval {
  Num low = 0, high = 0;
};
using Bound = std::optional<Interval>;  // nothing: leaves 128 bits

Bound Add(const Interval& a, const Interval& b) {
  Interval out;
  if (__builtin_add_overflow(a.low, b.low, &out.low) || __builtin_add_overflow(a.high, b.high, &out.high))
    return std::nullopt;
  return out;
}

Bound Negate(const Interval& a) {
  if (a.low == kNumMin) return std::nullopt;
  return Interval{-a.high, -a.low};
}

Bound Multiply(const Interval& a, const Interval& b) {
  Num products[4];
  if (__builtin_mul_overflow(a.low, b.low, &products[0]) || __builtin_mul_overflow(a.low, b.high, &products[1]) ||
      __builtin_mul_overflow(a.high, b.low, &products[2]) || __builtin_mul_overflow(a.high, b.high, &products[3])) {
    return std::nullopt;
  }
  return Interval{*std::min_element(products, products + 4), *std::max_element(products, products + 4)};
}

Bound Align(const Interval& a, int digits) {
  Num scale = 1;
  for (int i = 0; i < digits; ++i) {
    if (__builtin_mul_overflow(scale, Num{10}, &scale)) return std::nullopt;
  }
  return Multiply(a, {scale, scale});
}

Interval Join(const Interval& a, const Interval& b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

class Walk {
 public:
  enum class Tells : uint8_t { kNothing, kErrors };
  explicit Walk(Model& model, Tells tells) : model_(model), tells_(tells) {}

  // Reports once, at the innermost expression that leaves; what is around it then says nothing.
  Bound Visit(const Expr& e) {
    switch (e.kind) {
      case ExprKind::kConstant:
        return Interval{e.number, e.number};
      case ExprKind::kAdd:
      case ExprKind::kSubtract:
        return Sum(e);
      case ExprKind::kMultiply:
        return Product(e);
      case ExprKind::kNegate: {
        const Bound inner = Visit(*e.children[0]);
        return inner.has_value() ? Checked(e, Negate(*inner)) : inner;
      }
      case ExprKind::kRound:
        return Round(e);
      case ExprKind::kDivide:
        return Visit(*e.children[0]);
      case ExprKind::kIf: {
        Visit(*e.children[0]);
        return Branches(e, *e.children[1], *e.children[2]);
      }
      case ExprKind::kCoalesce:
        return Branches(e, *e.children[0], *e.children[1]);
      case ExprKind::kEqual:
      case ExprKind::kNotEqual:
      case ExprKind::kLess:
      case ExprKind::kLessEqual:
      case ExprKind::kIs:
        if (!IsNumeric(e.children[0]->type.type.kind)) return Children(e);
        Branches(e, *e.children[0], *e.children[1]);
        return Interval{0, 1};
      case ExprKind::kQuantifier:
        return Quantifier(e);
      case ExprKind::kFact:
      case ExprKind::kKeyedFact:
        return FactBound(e);
      default:
        return Children(e);
    }
  }

  void TellUnknown() {
    if (unknown_ == nullptr || is_wrong_) return;
    const Expr* wide = Widest(*unknown_);
    auto report = model_.sink.Report(unknown_->span, diagnostics::kMayBeUnknown);
    if (wide != nullptr) report.Related(wide->span, "declare a narrower range for this, with `in … .. …`");
  }

 private:
  Bound Declared(const Expr& e) const {
    const Type& type = e.type.type;
    if (!IsNumeric(type.kind)) return Interval{0, UINT32_MAX};
    if (type.kind == TypeKind::kTime || type.kind == TypeKind::kDuration)
      return Interval{std::max<Num>(type.min, -limits::kTimeMax), std::min<Num>(type.max, limits::kTimeMax)};
    return Align({type.min, type.max}, e.type.scale);
  }

  Bound Children(const Expr& e) {
    bool fits = true;
    for (const typed::ExprPtr& child : e.children) {
      if (child != nullptr && !Visit(*child).has_value()) fits = false;
    }
    return fits ? Declared(e) : std::nullopt;
  }

  Bound Fits(const Expr& e, Bound bound) {
    if (!bound.has_value()) Report(e);
    return bound;
  }

  Bound Checked(const Expr& e, Bound bound) {
    bound = Fits(e, bound);
    return bound.has_value() && e.type.scale == 0 ? Kept(e, *bound) : bound;
  }

  // What is kept in 64 bits is unknown outside. The innermost place is told, and what is around it says nothing more.
  Bound Kept(const Expr& e, const Interval& bound) {
    if (bound.low >= INT64_MIN && bound.high <= INT64_MAX) return bound;
    if (unknown_ == nullptr) unknown_ = &e;
    return bound;
  }

  void Report(const Expr& e) {
    if (tells_ == Tells::kNothing) return;
    is_wrong_ = true;
    const Expr* wide = Widest(e);
    auto report = model_.sink.Report(e.span, diagnostics::kMayExceed128);
    if (wide != nullptr) report.Related(wide->span, "declare a narrower range for this, with `in … .. …`");
  }

  // The first number below that declares no range.
  const Expr* Widest(const Expr& e) const {
    if (e.children.empty() || e.kind == ExprKind::kMember || e.kind == ExprKind::kDeref) {
      const Type& type = e.type.type;
      return e.kind != ExprKind::kConstant && IsNumeric(type.kind) && (type.min == INT64_MIN || type.max == INT64_MAX)
                 ? &e
                 : nullptr;
    }
    for (const typed::ExprPtr& child : e.children) {
      if (child == nullptr) continue;
      if (const Expr* found = Widest(*child); found != nullptr) return found;
    }
    return nullptr;
  }

  Bound Aligned(const Expr& parent, const Expr& child, int scale) {
    const Bound bound = Visit(child);
    if (!bound.has_value()) return bound;
    return Fits(parent, Align(*bound, scale - child.type.scale));
  }

  Bound Sum(const Expr& e) {
    if (e.children[0]->type.type.kind == TypeKind::kDate) return Days(e);
    const Bound left = Aligned(e, *e.children[0], e.type.scale), right = Aligned(e, *e.children[1], e.type.scale);
    if (!left.has_value() || !right.has_value()) return std::nullopt;
    if (e.kind == ExprKind::kAdd) return Checked(e, Add(*left, *right));
    const Bound negated = Negate(*right);
    return Checked(e, negated.has_value() ? Add(*left, *negated) : negated);
  }

  // Days apart from each other, or a date some days away.
  Bound Days(const Expr& e) {
    constexpr Num kDayNs = Num{86'400} * 1'000'000'000;
    const Bound left = Visit(*e.children[0]), right = Visit(*e.children[1]);
    if (!left.has_value() || !right.has_value()) return std::nullopt;
    if (e.type.type.kind == TypeKind::kDate) return Interval{left->low - (Num{1} << 64), left->high + (Num{1} << 64)};
    return Interval{(left->low - right->high) * kDayNs, (left->high - right->low) * kDayNs};
  }

  Bound Product(const Expr& e) {
    const Bound left = Visit(*e.children[0]), right = Visit(*e.children[1]);
    if (!left.has_value() || !right.has_value()) return std::nullopt;
    return Checked(e, Multiply(*left, *right));
  }

  Bound Round(const Expr& e) {
    const Bound inner = Visit(*e.children[0]);
    if (!inner.has_value()) return inner;
    Num scale = 1;
    for (int i = 0; i < e.children[0]->type.scale && scale < kNumMax / 10; ++i) scale *= 10;
    const Interval rounded{inner->low / scale - (scale > 1 ? 1 : 0), inner->high / scale + (scale > 1 ? 1 : 0)};
    return Kept(e, rounded);
  }

  Bound Branches(const Expr& e, const Expr& a, const Expr& b) {
    const int scale = std::max(a.type.scale, b.type.scale);
    const Bound left = Aligned(e, a, scale), right = Aligned(e, b, scale);
    if (!left.has_value() || !right.has_value()) return std::nullopt;
    return Join(*left, *right);
  }

  Bound Quantifier(const Expr& e) {
    Visit(*e.children[1]);
    if (e.children[2] != nullptr) Visit(*e.children[2]);
    const Num capacity = e.children[1]->type.type.capacity;
    if (e.children[0] == nullptr) return Interval{0, capacity};
    const Bound body = Visit(*e.children[0]);
    if (!body.has_value()) return body;
    switch (e.op) {
      case typed::QuantifierOp::kSum:
        return Checked(e, Multiply(Join(*body, {0, 0}), {0, capacity}));
      case typed::QuantifierOp::kMin:
      case typed::QuantifierOp::kMax:
        return body;
      default:
        return Interval{0, capacity};
    }
  }

  Bound FactBound(const Expr& e) {
    for (const typed::ExprPtr& child : e.children) Visit(*child);
    const typed::Fact& fact = model_.program.facts[e.index];
    using Kind = typed::Fact::Kind;
    if (fact.kind == Kind::kHappened) return Interval{0, 1};
    if (fact.kind == Kind::kCount || fact.kind == Kind::kPopulation) return Interval{0, kEventsMax};
    const Bound value = Walk(model_, tells_).Visit(*fact.value);
    if (!value.has_value() || fact.kind != Kind::kSum) return value;
    const Num window = fact.capacity != 0 ? fact.capacity : limits::kWindowCapacityDefault;
    return Checked(e, Multiply(Join(*value, {0, 0}), {0, fact.within_ns != 0 ? window : kEventsMax}));
  }

  Model& model_;
  const Tells tells_;
  const Expr* unknown_ = nullptr;  // the first that can leave 64 bits
  bool is_wrong_ = false;          // something has been reported
};

}  // namespace

void CheckIntervals(Model& model, const typed::Expr& expr, bool is_guard) {
  Walk walk(model, Walk::Tells::kErrors);
  walk.Visit(expr);
  if (is_guard) walk.TellUnknown();
}

std::optional<std::pair<Num, Num>> RangeOf(Model& model, const typed::Expr& expr) {
  const Bound bound = Walk(model, Walk::Tells::kNothing).Visit(expr);
  if (!bound.has_value()) return std::nullopt;
  return std::make_pair(bound->low, bound->high);
}

}  // namespace writ::check
