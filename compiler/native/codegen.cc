#include "compiler/native/codegen.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

namespace writ::native {
namespace {

llvm::CodeGenOptLevel LevelOf(Effort effort) {
  switch (effort) {
    case Effort::kFull:
    case Effort::kDirect: return llvm::CodeGenOptLevel::Default;
    case Effort::kFast: return llvm::CodeGenOptLevel::Less;
    case Effort::kNone: break;
  }
  return llvm::CodeGenOptLevel::None;
}

std::string HostFeatures() {
  std::string features;
  for (const auto& feature : llvm::sys::getHostCPUFeatures()) {
    absl::StrAppend(&features, features.empty() ? "" : ",", feature.second ? "+" : "-", feature.first().str());
  }
  return features;
}

}  // namespace

absl::Status InitializeTarget() {
  static const bool failed = llvm::InitializeNativeTarget() || llvm::InitializeNativeTargetAsmPrinter();
  if (failed) return absl::InternalError("LLVM was built without this machine's target");
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> MakeTargetMachine(Effort effort) {
  const std::string triple = llvm::sys::getProcessTriple();
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (target == nullptr) return absl::InternalError(absl::StrCat("LLVM: ", error));
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, llvm::sys::getHostCPUName(), HostFeatures(), llvm::TargetOptions(),
                                  llvm::Reloc::PIC_, llvm::CodeModel::Small, LevelOf(effort), /*JIT=*/true));
  if (machine == nullptr) return absl::InternalError(absl::StrCat("LLVM: no target machine for ", triple));
  machine->setFastISel(effort == Effort::kFast || effort == Effort::kNone);
  return machine;
}

std::string FaultsOf(const llvm::Module& module) {
  std::string faults;
  llvm::raw_string_ostream stream(faults);
  llvm::verifyModule(module, &stream);
  return faults;
}

absl::StatusOr<std::unique_ptr<llvm::MemoryBuffer>> GenerateObject(llvm::TargetMachine* machine, llvm::Module* module) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile,
                                   /*DisableVerify=*/true)) {
    return absl::InternalError("LLVM: the target cannot write object files");
  }
  passes.run(*module);
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(bytes), "writ", /*RequiresNullTerminator=*/false);
}

}  // namespace writ::native
