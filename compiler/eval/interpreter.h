// The reference interpreter: the meaning of the decision IR. It is written for reading; speed is native/'s job.
#pragma once

#include <memory>
#include <vector>

#include "compiler/ir/ir.h"
#include "runtime/decision/decision.h"

namespace writ::eval {

struct Value { bool boolean = false; Num number = 0; std::string_view text; };

// Every expression's value on a frame, in the order of the code; in a loop's body, that of the last element.
std::vector<Value> EvaluateAll(const ir::Program& program, FunctionId function, const int64_t* frame);

void Decide(const ir::Program& program, FunctionId function, const int64_t* frame, RawDecision* out);
void Evaluate(const ir::Program& program, FunctionId function, const int64_t* frame, int64_t* out);

// The interpreter behind the runtime's interface.
std::unique_ptr<CompiledPolicy> MakePolicy(ir::Program program);

}  // namespace writ::eval
