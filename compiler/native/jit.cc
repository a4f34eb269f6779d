// Alone in its translation unit: LLJIT.h takes seconds to compile.
#include "compiler/native/jit.h"

#include <atomic>
#include <cstdio>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compiler/native/codegen.h"
#include "compiler/native/emit.h"
#include "compiler/native/planted_faults.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/raw_ostream.h"
#include "runtime/builtins/check.h"

namespace writ::native {
namespace {

Num Divide(Num a, Num b) { return a / b; }
Num Remainder(Num a, Num b) { return a % b; }

absl::Status StatusOf(llvm::Error error) {
  return absl::InternalError(absl::StrCat("LLVM: ", llvm::toString(std::move(error))));
}

Effort EffortOf(const ir::Code& code, const Options& options) {
  if (!options.optimize) return Effort::kNone;
  if (code.exprs.size() > options.optimize_exprs_max) return Effort::kFast;
  return code.loops.empty() ? Effort::kDirect : Effort::kFull;
}

std::vector<FunctionId> FunctionsOf(const ir::Program& program, const Options& options, Effort effort) {
  std::vector<FunctionId> functions;
  for (size_t i = 0; i < program.code.size(); ++i) {
    if (EffortOf(program.code[i], options) == effort) functions.push_back(FunctionId(i));
  }
  return functions;
}

// Emits and, where worth it, optimises the functions of one effort.
absl::StatusOr<std::unique_ptr<llvm::Module>> MakeModule(const ir::Program& program,
                                                         const std::vector<FunctionId>& functions, Effort effort,
                                                         const Options& options, llvm::LLVMContext* context,
                                                         llvm::TargetMachine* machine) {
  std::unique_ptr<llvm::Module> module = Emit(context, program, functions, options);
  module->setDataLayout(machine->createDataLayout());
  module->setTargetTriple(machine->getTargetTriple().str());
  const std::string faults = FaultsOf(*module);
  if (!faults.empty()) return absl::InternalError(absl::StrCat("LLVM: ", faults));
  if (effort == Effort::kFull) Optimize(machine, module.get());
  return module;
}

// Calls `use(machine, module)` with a module that holds `functions`, all of one effort.
template <class Use>
absl::Status WithModule(const ir::Program& program, const std::vector<FunctionId>& functions, Effort effort,
                        const Options& options, Use use) {
  auto machine = MakeTargetMachine(effort);
  if (!machine.ok()) return machine.status();
  llvm::LLVMContext context;
  auto module = MakeModule(program, functions, effort, options, &context, machine->get());
  if (!module.ok()) return module.status();
  return use(machine->get(), module->get());
}

// The same with each module of the program.
template <class Use>
absl::Status ForEachModule(const ir::Program& program, const Options& options, Use use) {
  if (absl::Status status = InitializeTarget(); !status.ok()) return status;
  for (Effort effort : {Effort::kFull, Effort::kDirect, Effort::kFast, Effort::kNone}) {
    const std::vector<FunctionId> functions = FunctionsOf(program, options, effort);
    if (functions.empty()) continue;
    if (absl::Status status = WithModule(program, functions, effort, options, use); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// A use of a module: its object code goes to `jit`.
auto AddTo(llvm::orc::LLJIT* jit) {
  return [jit](llvm::TargetMachine* machine, llvm::Module* module) -> absl::Status {
    auto object = GenerateObject(machine, module);
    if (!object.ok()) return object.status();
    if (llvm::Error error = jit->addObjectFile(*std::move(object))) return StatusOf(std::move(error));
    return absl::OkStatus();
  };
}

class NativePolicy final : public CompiledPolicy {
 public:
  NativePolicy(ir::Program program, const Options& options)
      : program_(std::move(program)),
        digest_(ir::Digest(program_)),
        ir_(ir::Serialize(program_)),
        options_(options),
        functions_(program_.code.size()) {}

  absl::Status Open() {
    if (absl::Status status = InitializeTarget(); !status.ok()) return status;
    auto jit = llvm::orc::LLJITBuilder().setPlatformSetUp(llvm::orc::setUpInactivePlatform).create();
    if (!jit) return StatusOf(jit.takeError());
    jit_ = std::move(*jit);
    if (absl::Status status = DefineSymbols(); !status.ok()) return status;
    return options_.lazy ? absl::OkStatus() : CompileAll();
  }

  const Schema& schema() const override { return program_.schema; }
  const std::string& digest() const override { return digest_; }
  std::string_view ir() const override { return ir_; }
  void Decide(FunctionId function, const int64_t* frame, RawDecision* out) const override {
    Code(function)(frame, out);
  }
  DecideCode Code(FunctionId function) const { return reinterpret_cast<DecideCode>(AddressOf(function)); }
  void Evaluate(FunctionId function, const int64_t* frame, int64_t* out) const override {
    reinterpret_cast<void (*)(const int64_t*, int64_t*)>(AddressOf(function))(frame, out);
  }

 private:
  void* AddressOf(FunctionId function) const {
    void* const address = functions_[function.value].load(std::memory_order_acquire);
    return address != nullptr ? address : CompileFirst(function);
  }

  // Out of line, so that asking what is compiled stays a load, a test and a jump.
  [[gnu::noinline, gnu::cold]] void* CompileFirst(FunctionId function) const {
    const std::lock_guard<std::mutex> lock(compiling_);
    if (void* const address = functions_[function.value].load(std::memory_order_relaxed)) return address;
    const Effort effort = EffortOf(program_.code[function.value], options_);
    absl::Status status = WithModule(program_, {function}, effort, options_, AddTo(jit_.get()));
    if (status.ok()) status = LookUp(function);
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
    WRIT_CHECK(status.ok());
    return functions_[function.value].load(std::memory_order_relaxed);
  }

  absl::Status CompileAll() {
    if (absl::Status status = ForEachModule(program_, options_, AddTo(jit_.get())); !status.ok()) return status;
    for (size_t i = 0; i < functions_.size(); ++i) {
      if (absl::Status status = LookUp(FunctionId(i)); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // libgcc's 128-bit division may be linked statically, out of dlsym's sight; so it is given by address like the rest.
  absl::Status DefineSymbols() {
    llvm::orc::SymbolMap symbols;
    const auto define = [&](const std::string& name, const void* address) {
      symbols[jit_->mangleAndIntern(name)] = {llvm::orc::ExecutorAddr::fromPtr(address),
                                              llvm::JITSymbolFlags::Exported};
    };
    define(kCombineSymbol, reinterpret_cast<const void*>(&Combine));
    define(kDivideSymbol, reinterpret_cast<const void*>(&Divide));
    define(kRemainderSymbol, reinterpret_cast<const void*>(&Remainder));
    for (size_t i = 0; i < program_.schema.functions.size(); ++i) {
      define(TableSymbolOf(FunctionId(i)), &program_.schema.functions[i]);
    }
    if (llvm::Error error = jit_->getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(symbols)))) {
      return StatusOf(std::move(error));
    }
    return absl::OkStatus();
  }

  absl::Status LookUp(FunctionId function) const {
    auto address = jit_->lookup(SymbolOf(function));
    if (!address) return StatusOf(address.takeError());
    functions_[function.value].store(address->toPtr<void*>(), std::memory_order_release);
    return absl::OkStatus();
  }

  const ir::Program program_;
  const std::string digest_;
  const std::string ir_;
  const Options options_;
  std::unique_ptr<llvm::orc::LLJIT> jit_;
  mutable std::mutex compiling_;                        // for Options::lazy: whoever adds to jit_
  mutable std::vector<std::atomic<void*>> functions_;  // one for each Schema::functions; null: not compiled yet
};

}  // namespace

Options Soonest() {
  Options options;
  options.optimize = false;
  options.lazy = true;
  return options;
}

absl::StatusOr<std::unique_ptr<CompiledPolicy>> Compile(ir::Program program, const Options& options) {
  WRIT_CHECK(program.code.size() == program.schema.functions.size());
  auto policy = std::make_unique<NativePolicy>(std::move(program), options);
  if (absl::Status status = policy->Open(); !status.ok()) return status;
  return policy;
}

DecideCode CodeOf(const CompiledPolicy& policy, FunctionId function) {
  const auto* native = dynamic_cast<const NativePolicy*>(&policy);
  return native == nullptr ? nullptr : native->Code(function);
}

absl::StatusOr<std::string> ToLlvmText(const ir::Program& program, const Options& options) {
  std::string text;
  const auto print = [&text](llvm::TargetMachine*, llvm::Module* module) {
    llvm::raw_string_ostream stream(text);
    module->print(stream, nullptr);
    return absl::OkStatus();
  };
  if (absl::Status status = ForEachModule(program, options, print); !status.ok()) return status;
  return text;
}

}  // namespace writ::native
