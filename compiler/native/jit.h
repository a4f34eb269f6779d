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
                           // false: no pipeline at all and the least code generation
  bool lazy = false;       // compiles a function when it is first asked, and never one that is not
  uint32_t optimize_exprs_max = 4096;
#ifdef WRIT_PLANTED_FAULTS
  int planted_fault = 0;           // planted_faults.h; in the test-only library writ_native_faulty
#endif
};

// For a process that answers as soon as it can and is over before better code would have paid for itself, as the `writ`
// command is. The default is for a host that stays up.
Options Soonest();

// Compiles every function of a verified program; with Options::lazy, none yet.
// Errors    kInternal with LLVM's message. Nothing of LLVM escapes. A lazy policy that cannot compile a function when it is
//           asked stops the process.
// Threads   any; what it returns may be called from any thread. Whoever asks a function of a lazy policy first compiles it,
//           which allocates, and others that ask at that moment wait; from then on nobody locks.
// Cost      optimised some six milliseconds a function, otherwise less than one; see docs/internals/performance.md.
absl::StatusOr<std::unique_ptr<CompiledPolicy>> Compile(ir::Program program, const Options& options = {});

// The code of a decide function, for a host that asks one function in a loop and saves itself two indirect jumps a time; null
// for a policy that Compile did not make. Good as long as the policy. Compiles the function where a lazy policy has not yet.
using DecideCode = void (*)(const int64_t* frame, RawDecision* out);
DecideCode CodeOf(const CompiledPolicy& policy, FunctionId function);

// LLVM's text for the program (`--dump=llvm`).
absl::StatusOr<std::string> ToLlvmText(const ir::Program& program, const Options& options = {});

}  // namespace writ::native
