// Solver terms for a decision function. The only folder that sees Z3; its types and exceptions stay inside.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "compiler/ir/ir.h"
#include "runtime/decision/decision.h"

namespace writ::smt {

// Encodes `function` with lists unrolled to their capacity, binds every slot to the frame's value, asks the solver for a
// model, and reads the decision (or the outputs) from it. For the agreement of backends; it answers no questions yet.
// Errors    kResourceExhausted past the term limit, kInternal on anything that Z3 throws or leaves unknown.
absl::Status DecideBySolver(const ir::Program& program, FunctionId function, const int64_t* frame, RawDecision* out);
absl::Status EvaluateBySolver(const ir::Program& program, FunctionId function, const int64_t* frame, int64_t* out);

}  // namespace writ::smt
