// `??` in restraints. A value that is missing must not switch a restraint off without the author having said so: where the
// default alone makes a guard false, that is told.
#include <algorithm>
#include <optional>

#include "compiler/check/expressions.h"
#include "compiler/typed/expr.h"

namespace writ::check {
namespace {

using typed::Expr;
using typed::ExprKind;

// What a guard comes to while one `??` gives its default, and everything else may be anything: a number or a condition that
// is certain then, or nothing.
class Certain {
 public:
  explicit Certain(const Expr& absent) : absent_(absent) {}

  std::optional<Num> Of(const Expr& e) const {
    switch (e.kind) {
      case ExprKind::kConstant:
        if (IsText(e.type.type.kind)) return std::nullopt;
        return e.number;
      case ExprKind::kCoalesce:
        return &e == &absent_ ? Scaled(*e.children[1], e) : std::nullopt;
      case ExprKind::kNot:
        return Not(Of(*e.children[0]));
      case ExprKind::kAnd:
        return And(Of(*e.children[0]), Of(*e.children[1]));
      case ExprKind::kOr:
        return Not(And(Not(Of(*e.children[0])), Not(Of(*e.children[1]))));
      case ExprKind::kEqual:
      case ExprKind::kNotEqual:
      case ExprKind::kLess:
      case ExprKind::kLessEqual:
        return Compared(e);
      case ExprKind::kIn:
        return Among(e);
      case ExprKind::kIf: {
        const std::optional<Num> condition = Of(*e.children[0]);
        if (!condition.has_value()) return std::nullopt;
        return Scaled(*e.children[*condition != 0 ? 1 : 2], e);
      }
      default:
        return std::nullopt;
    }
  }

 private:
  static std::optional<Num> Not(std::optional<Num> a) {
    if (a.has_value()) a = *a == 0 ? 1 : 0;
    return a;
  }
  static std::optional<Num> And(std::optional<Num> a, std::optional<Num> b) {
    if ((a.has_value() && *a == 0) || (b.has_value() && *b == 0)) return 0;
    return a.has_value() && b.has_value() ? std::optional<Num>(1) : std::nullopt;
  }

  // At the scale of what it is part of.
  std::optional<Num> Scaled(const Expr& part, const Expr& whole) const {
    std::optional<Num> number = Of(part);
    for (int i = part.type.scale; number.has_value() && i < whole.type.scale; ++i) {
      Num scaled = 0;
      if (__builtin_mul_overflow(*number, Num{10}, &scaled)) return std::nullopt;
      number = scaled;
    }
    return number;
  }

  // The text that a side is for certain.
  const std::string* TextOf(const Expr& e) const {
    if (&e == &absent_) return TextOf(*e.children[1]);
    return e.kind == ExprKind::kConstant ? &e.text : nullptr;
  }

  std::optional<Num> Compared(const Expr& e) const {
    const Expr &a = *e.children[0], &b = *e.children[1];
    if (IsText(a.type.type.kind)) {
      const std::string *left = TextOf(a), *right = TextOf(b);
      if (left == nullptr || right == nullptr) return std::nullopt;
      return (*left == *right) == (e.kind == ExprKind::kEqual);
    }
    const Expr& finer = a.type.scale > b.type.scale ? a : b;
    const std::optional<Num> x = Scaled(a, finer), y = Scaled(b, finer);
    if (!x.has_value() || !y.has_value()) return std::nullopt;
    switch (e.kind) {
      case ExprKind::kEqual:
        return *x == *y;
      case ExprKind::kNotEqual:
        return *x != *y;
      case ExprKind::kLess:
        return *x < *y;
      default:
        return *x <= *y;
    }
  }

  std::optional<Num> Among(const Expr& e) const {
    const Expr& set = *e.children[1];
    const std::optional<Num> needle = Of(*e.children[0]);
    if (set.kind != ExprKind::kSetLiteral || !needle.has_value() || e.children[0]->type.scale != 0) return std::nullopt;
    return std::any_of(set.children.begin(), set.children.end(),
                       [&](const typed::ExprPtr& member) { return member->number == *needle; });
  }

  const Expr& absent_;
};

// What has not happened yet, or the least of nothing, is not missing.
bool ReadsHistory(const Expr& e) {
  if (e.kind == ExprKind::kFact || e.kind == ExprKind::kKeyedFact || e.kind == ExprKind::kQuantifier) return true;
  return std::any_of(e.children.begin(), e.children.end(),
                     [](const typed::ExprPtr& child) { return child != nullptr && ReadsHistory(*child); });
}

void Look(Model& model, const typed::Rule& rule, const Expr& e, bool negated, const Expr& guard) {
  if (e.kind == ExprKind::kCoalesce && !ReadsHistory(*e.children[0])) {
    const std::optional<Num> comes_to = Certain(e).Of(guard);
    if (comes_to.has_value() && (*comes_to != 0) == negated) {
      model.sink.Report(e.span, diagnostics::kDefaultSwitchesOff)
          .Related(rule.span, "this does not apply then");
      return;
    }
  }
  for (const typed::ExprPtr& child : e.children) {
    if (child != nullptr) Look(model, rule, *child, negated, guard);
  }
}

}  // namespace

void CheckDefaults(Model& model, const typed::Rule& rule) {
  const Effect effect = model.schema().rules[rule.rule.value].effect;
  if (effect == Effect::kAllow || effect == Effect::kUpon) return;
  if (rule.when != nullptr) Look(model, rule, *rule.when, false, *rule.when);
  if (rule.unless != nullptr) Look(model, rule, *rule.unless, true, *rule.unless);
}

}  // namespace writ::check
