// Native code for a program, in this process. The only folder that sees LLVM.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/ir/ir.h"
#include "runtime/decision/decision.h"

namespace writ::native {

struct Options {
  bool optimize = true;    // LLVM's O2 pipeline for functions of up to `optimize_exprs_max` expressions, none beyond;
                           // false: no pipeline at all and the least code generation, for what is run a few times
  uint32_t optimize_exprs_max = 4096;
#ifdef WRIT_PLANTED_FAULTS
  int planted_fault = 0;           // planted_faults.h; in the test-only library writ_native_faulty
#endif
};

// Compiles every function of a verified program.
// Errors    kInternal with LLVM's message. Nothing of LLVM escapes.
// Threads   any; what it returns may be called from any thread.
// Cost      some milliseconds for a small policy; see docs/internals/performance.md.
absl::StatusOr<std::unique_ptr<CompiledPolicy>> Compile(ir::Program program, const Options& options = {});

// The code of a decide function, for a host that asks one function in a loop and saves itself two indirect jumps a time; null
// for a policy that Compile did not make. Good as long as the policy.
using DecideCode = void (*)(const int64_t* frame, RawDecision* out);
DecideCode CodeOf(const CompiledPolicy& policy, FunctionId function);

// LLVM's text for the program (`--dump=llvm`).
absl::StatusOr<std::string> ToLlvmText(const ir::Program& program, const Options& options = {});

}  // namespace writ::native
