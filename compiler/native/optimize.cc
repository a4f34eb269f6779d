// Alone in its translation unit: PassBuilder.h takes seconds to compile.
#include "compiler/native/codegen.h"
#include "llvm/Passes/PassBuilder.h"

namespace writ::native {

void Optimize(llvm::TargetMachine* machine, llvm::Module* module) {
  // Lists hold a few elements and guards are scalars: vectors would cost compile time and gain nothing.
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = false;
  llvm::PassBuilder builder(machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(*module, modules);
}

}  // namespace writ::native
