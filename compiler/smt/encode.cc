// Asks for a model in which declared constants equal the terms of the decision, and reads those constants: what comes
// back was worked out by the solver, not on the way to it.
#include "compiler/smt/encode.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compiler/smt/terms.h"

namespace writ::smt {
namespace {

Num ParseNumber(const std::string& text) {
  const bool negative = !text.empty() && text[0] == '-';
  unsigned __int128 value = 0;
  for (size_t i = negative ? 1 : 0; i < text.size(); ++i) value = value * 10 + static_cast<unsigned>(text[i] - '0');
  return static_cast<Num>(negative ? -value : value);
}

// A solver for one question. Constant values flow through the terms first; the SMT core decides what is left.
z3::solver MakeSolver(z3::context* context) {
  const z3::tactic plan = z3::tactic(*context, "simplify") & z3::tactic(*context, "propagate-values") &
                          z3::tactic(*context, "solve-eqs") & z3::tactic(*context, "smt");
  return plan.mk_solver();
}

// Terms under names of their own, and their values after Solve.
class Outputs {
 public:
  explicit Outputs(z3::solver* solver) : solver_(*solver) {}

  // The number to read the value under.
  size_t Declare(const z3::expr& term) {
    const std::string name = absl::StrCat("out", constants_.size());
    const z3::expr constant = solver_.ctx().constant(name.c_str(), term.get_sort());
    solver_.add(constant == term);
    constants_.push_back(constant);
    return constants_.size() - 1;
  }
  std::vector<size_t> Declare(const std::vector<z3::expr>& terms) {
    std::vector<size_t> numbers;
    for (const z3::expr& term : terms) numbers.push_back(Declare(term));
    return numbers;
  }

  absl::Status Solve() {
    if (solver_.check() != z3::sat) return absl::InternalError("Z3: no model of a frame");
    const z3::model model = solver_.get_model();
    for (const z3::expr& constant : constants_) {
      const z3::expr value = model.eval(constant, /*model_completion=*/true);
      std::string number;
      if (value.is_bool()) {
        values_.push_back(value.is_true() ? 1 : 0);
      } else if (value.is_numeral(number)) {
        values_.push_back(ParseNumber(number));
      } else {
        return absl::InternalError("Z3: a model without a value for an output");
      }
    }
    return absl::OkStatus();
  }

  Num At(size_t number) const { return values_[number]; }

 private:
  z3::solver& solver_;
  std::vector<z3::expr> constants_;
  std::vector<Num> values_;
};

uint16_t List(const Outputs& outputs, const std::vector<size_t>& flags, size_t first, uint16_t count, uint16_t* list) {
  for (size_t i = 0; i < flags.size(); ++i) {
    if (outputs.At(flags[i]) != 0) list[count++] = static_cast<uint16_t>(first + i);
  }
  return count;
}

absl::Status Decide(const ir::Program& program, FunctionId id, const int64_t* frame, RawDecision* out) {
  z3::context context;
  z3::solver solver = MakeSolver(&context);
  Terms terms(program, id, frame, &solver);
  if (absl::Status status = terms.Encode(); !status.ok()) return status;
  const Function& function = program.schema.functions[id.value];
  const DecisionTerms decision = Combine(function, program.code[id.value], terms, &context);
  Outputs outputs(&solver);
  const size_t outcome = outputs.Declare(decision.outcome);
  const std::vector<size_t> reasons = outputs.Declare(decision.reasons);
  const std::vector<size_t> applied = outputs.Declare(decision.applied);
  const std::vector<size_t> allows = outputs.Declare(decision.allows);
  const std::vector<size_t> fails = outputs.Declare(decision.fails);
  const std::vector<size_t> allow_fails = outputs.Declare(decision.allow_fails);
  if (absl::Status status = outputs.Solve(); !status.ok()) return status;
  out->outcome = static_cast<Outcome>(outputs.At(outcome));
  out->reason_count = List(outputs, reasons, 0, 0, out->reasons);
  out->applied_count = List(outputs, applied, 0, 0, out->applied);
  out->allow_count = List(outputs, allows, 0, 0, out->allows);
  const uint16_t failing = List(outputs, fails, 0, 0, out->indeterminate);
  out->indeterminate_count = List(outputs, allow_fails, function.restraints.size(), failing, out->indeterminate);
  return absl::OkStatus();
}

void Store(const OutputSlot& slot, Num value, const StringTable& strings, int64_t* out) {
  int64_t* word = out + slot.offset;
  if (slot.kind == SlotKind::kString) {
    const std::string_view text = strings.At(static_cast<int64_t>(value));
    word[0] = static_cast<int64_t>(reinterpret_cast<intptr_t>(text.data()));
    word[1] = static_cast<int64_t>(text.size());
    return;
  }
  word[0] = static_cast<int64_t>(value);
  if (slot.kind == SlotKind::kI128) word[1] = static_cast<int64_t>(value >> 64);
}

absl::Status Evaluate(const ir::Program& program, FunctionId id, const int64_t* frame, int64_t* out) {
  z3::context context;
  z3::solver solver = MakeSolver(&context);
  Terms terms(program, id, frame, &solver);
  if (absl::Status status = terms.Encode(); !status.ok()) return status;
  const Function& function = program.schema.functions[id.value];
  Outputs outputs(&solver);
  for (ir::ExprId output : program.code[id.value].outputs) outputs.Declare(terms.At(output));
  if (absl::Status status = outputs.Solve(); !status.ok()) return status;
  for (size_t i = 0; i < function.outputs.size(); ++i) Store(function.outputs[i], outputs.At(i), terms.strings(), out);
  return absl::OkStatus();
}

// Z3 throws; nothing above this folder does.
template <class Question>
absl::Status Guarded(Question question) {
  try {
    return question();
  } catch (const z3::exception& error) { return absl::InternalError(absl::StrCat("Z3: ", error.msg())); }
}

}  // namespace

absl::Status DecideBySolver(const ir::Program& program, FunctionId function, const int64_t* frame, RawDecision* out) {
  return Guarded([&] { return Decide(program, function, frame, out); });
}

absl::Status EvaluateBySolver(const ir::Program& program, FunctionId function, const int64_t* frame, int64_t* out) {
  return Guarded([&] { return Evaluate(program, function, frame, out); });
}

}  // namespace writ::smt
