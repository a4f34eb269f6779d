// LLVM IR -> object code for this machine. Private to the folder.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

namespace writ::native {

enum class Effort : uint8_t {
  kFull,    // the O2 pipeline, then the full code generator: for functions with loops
  kDirect,  // no pipeline, the full code generator: what emit.cc says is already in the form that is fastest
  kFast,    // no pipeline, a light code generator: for functions whose size makes the others superlinear
  kNone,    // no pipeline, the code generator's O0: compiled soonest, for processes that are over soon
};

// Registers this machine's target with LLVM, once; everything else here needs it.
absl::Status InitializeTarget();

absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> MakeTargetMachine(Effort effort);

// LLVM's O2 pipeline, in optimize.cc.
void Optimize(llvm::TargetMachine* machine, llvm::Module* module);

// Verifies the module and generates an object file.
absl::StatusOr<std::unique_ptr<llvm::MemoryBuffer>> GenerateObject(llvm::TargetMachine* machine, llvm::Module* module);

// "" or what LLVM's verifier says.
std::string FaultsOf(const llvm::Module& module);

}  // namespace writ::native
