#include "compiler/driver/explanation.h"

#include <algorithm>
#include <optional>

#include "compiler/driver/guard_text.h"
#include "compiler/eval/interpreter.h"
#include "runtime/frame/frame.h"

namespace writ::driver {
namespace {

// Booleans that are made of Booleans; all others are conditions.
bool IsConnective(ir::Op op) {
  return op == ir::Op::kNot || op == ir::Op::kAnd || op == ir::Op::kOr || op == ir::Op::kSelectBool;
}

class Explainer {
 public:
  Explainer(const ir::Program& program, FunctionId function, const int64_t* frame)
      : program_(program), function_(program.schema.functions[function.value]), code_(program.code[function.value]),
        values_(eval::EvaluateAll(program, function, frame)), text_(program, function, frame, values_) {}

  Explanation Explain() {
    Explanation explanation;
    eval_ = Booleans(std::nullopt);
    if (function_.kind == FunctionKind::kAsk) {
      ExplainAsks(&explanation);
      return explanation;
    }
    const RawDecision decision = Decide(eval_);
    for (size_t i = 0; i < function_.restraints.size(); ++i) explanation.rules.push_back(Restraint(i));
    for (size_t i = 0; i < function_.allows.size(); ++i) explanation.rules.push_back(Allow(i));
    AddChanges(decision, &explanation);
    return explanation;
  }

 private:
  void ExplainAsks(Explanation* explanation) const {
    const std::vector<RuleId>& rules = program_.schema.workflows[function_.workflow.value].asks;
    for (size_t i = 0; i < rules.size(); ++i) {
      explanation->rules.push_back(OfGuard(rules[i], Effect::kAsk, {code_.outputs[2 * i], code_.outputs[2 * i + 1]}));
      explanation->rules.back().stands = explanation->rules.back().applies;
    }
  }

  // Every expression's truth, with one condition turned round.
  std::vector<bool> Booleans(std::optional<uint32_t> turned) const {
    std::vector<bool> truth(code_.exprs.size());
    for (uint32_t i = 0; i < code_.exprs.size(); ++i) {
      const ir::Expr& expr = code_.exprs[i];
      bool value = values_[i].boolean;
      if (turned.has_value()) {
        if (expr.op == ir::Op::kNot) value = !truth[expr.a];
        if (expr.op == ir::Op::kAnd) value = truth[expr.a] && truth[expr.b];
        if (expr.op == ir::Op::kOr) value = truth[expr.a] || truth[expr.b];
        if (expr.op == ir::Op::kSelectBool) value = truth[expr.a] ? truth[expr.b] : truth[expr.c];
        if (i == *turned) value = !value;
      }
      truth[i] = value;
    }
    return truth;
  }

  RawDecision Decide(const std::vector<bool>& truth) const {
    std::vector<uint64_t> applied(function_.restraints.size() / 64 + 1), fails(applied.size());
    std::vector<uint64_t> allows(function_.allows.size() / 64 + 1), allow_fails(allows.size());
    const auto fill = [&](const std::vector<ir::Guard>& guards, std::vector<uint64_t>* on, std::vector<uint64_t>* failed) {
      for (size_t i = 0; i < guards.size(); ++i) {
        (*on)[i / 64] |= uint64_t{truth[guards[i].applies.value]} << (i % 64);
        (*failed)[i / 64] |= uint64_t{truth[guards[i].fails.value]} << (i % 64);
      }
    };
    fill(code_.restraints, &applied, &fails);
    fill(code_.allows, &allows, &allow_fails);
    RawDecision decision;
    Combine(function_, applied.data(), fails.data(), allows.data(), allow_fails.data(), &decision);
    return decision;
  }

  void Collect(uint32_t id, std::vector<uint32_t>* conditions) const {
    std::vector<uint32_t> open = {id};
    std::vector<bool> seen(code_.exprs.size());
    while (!open.empty()) {
      const uint32_t next = open.back();
      open.pop_back();
      if (seen[next]) continue;
      seen[next] = true;
      const ir::Expr& expr = code_.exprs[next];
      if (!IsConnective(expr.op) || text_.IsWithin(ir::ExprId(next))) {
        if (expr.op != ir::Op::kConstBool && !text_.IsRangeCheck(ir::ExprId(next))) conditions->push_back(next);
        continue;
      }
      open.push_back(expr.a);
      if (expr.op != ir::Op::kNot) open.push_back(expr.b);
      if (expr.op == ir::Op::kSelectBool) open.push_back(expr.c);
    }
    std::sort(conditions->begin(), conditions->end());
  }

  ExplainedRule OfGuard(RuleId rule, Effect effect, const ir::Guard& guard) const {
    ExplainedRule out;
    out.rule = rule;
    out.effect = effect;
    out.applies = eval_[guard.applies.value];
    out.indeterminate = eval_[guard.fails.value];
    std::vector<uint32_t> conditions;
    Collect(guard.applies.value, &conditions);
    for (uint32_t id : conditions) {
      ExplainedCondition condition;
      condition.text = text_.Condition(ir::ExprId(id));
      condition.value = eval_[id];
      condition.values = text_.Values(ir::ExprId(id));
      condition.decisive = Booleans(id)[guard.applies.value] != out.applies;
      out.conditions.push_back(std::move(condition));
    }
    return out;
  }

  ExplainedRule Restraint(size_t index) const {
    ExplainedRule out = OfGuard(function_.restraints[index].rule, function_.restraints[index].effect, code_.restraints[index]);
    for (size_t i = 0; i < function_.allows.size(); ++i) {
      const bool names_it = (function_.allows[i].excuses[index / 64] >> (index % 64) & 1) != 0;
      if (names_it && eval_[code_.allows[i].applies.value] && out.applies) out.excused_by.push_back(NameOf(function_.allows[i].rule));
    }
    out.stands = out.applies && out.excused_by.empty() && out.effect != Effect::kUpon;
    return out;
  }

  ExplainedRule Allow(size_t index) const {
    ExplainedRule out = OfGuard(function_.allows[index].rule, Effect::kAllow, code_.allows[index]);
    out.is_allow = true;
    return out;
  }

  void AddChanges(const RawDecision& decision, Explanation* explanation) const {
    std::vector<uint32_t> conditions;
    for (const ir::Guard& guard : code_.restraints) Collect(guard.applies.value, &conditions);
    for (const ir::Guard& guard : code_.allows) Collect(guard.applies.value, &conditions);
    std::sort(conditions.begin(), conditions.end());
    conditions.erase(std::unique(conditions.begin(), conditions.end()), conditions.end());
    for (uint32_t id : conditions) {
      const RawDecision other = Decide(Booleans(id));
      const bool differs = decision.outcome == Outcome::kPermit ? other.outcome != Outcome::kPermit : other.outcome < decision.outcome;
      if (!differs) continue;
      Change change{text_.Condition(ir::ExprId(id)), eval_[id], other.outcome, {}};
      for (int i = 0; i < other.reason_count; ++i) change.reasons.push_back(NameOf(function_.restraints[other.reasons[i]].rule));
      explanation->changes.push_back(std::move(change));
    }
  }

  const std::string& NameOf(RuleId rule) const { return program_.schema.rules[rule.value].qualified; }

  const ir::Program& program_;
  const Function& function_;
  const ir::Code& code_;
  std::vector<eval::Value> values_;
  GuardText text_;
  std::vector<bool> eval_;
};

}  // namespace

absl::StatusOr<Explanation> ExplainEvent(const store::Event& event, const ir::Program& program) {
  if (event.function.empty()) return absl::FailedPreconditionError("no decision function ran for this position");
  const std::vector<Function>& functions = program.schema.functions;
  const auto function = std::find_if(functions.begin(), functions.end(), [&](const Function& f) { return f.name == event.function; });
  if (function == functions.end()) return absl::FailedPreconditionError("the policy that is kept with it does not have its function");
  std::vector<std::string> erasable;
  for (const store::ErasableBytes& value : event.frame_private) {
    if (value.erased) return absl::FailedPreconditionError("a value that this decision read was erased: it cannot be decided again");
    erasable.push_back(value.bytes);
  }
  Frame frame;
  if (absl::Status status = DecodeFrame(function->frame, event.frame, erasable, &frame); !status.ok()) {
    return absl::FailedPreconditionError(status.message());
  }
  return Explainer(program, FunctionId(static_cast<size_t>(function - functions.begin())), frame.words()).Explain();
}

}  // namespace writ::driver
