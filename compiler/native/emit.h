// Decision IR -> LLVM IR. Private to the folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include "compiler/ir/ir.h"
#include "compiler/native/jit.h"

namespace writ::native {

// What emitted code calls or refers to beyond the C library; jit.cc defines them.
inline constexpr char kCombineSymbol[] = "writ_combine";
inline constexpr char kDivideSymbol[] = "__divti3";
inline constexpr char kRemainderSymbol[] = "__modti3";
std::string SymbolOf(FunctionId function);       // the code of a function
std::string TableSymbolOf(FunctionId function);  // its row in the schema, for kCombineSymbol

// Functions of the program, one LLVM function each: void f(const i64* frame, RawDecision* out) for kDecide, and
// void f(const i64* frame, i64* out) for the others.
std::unique_ptr<llvm::Module> Emit(llvm::LLVMContext* context, const ir::Program& program,
                                   const std::vector<FunctionId>& functions, const Options& options);

// The guards of a decide function. Bit words: bit i of word i / 64 is guard i; empty where there is no guard.
struct DecisionBits {
  std::vector<llvm::Value*> applied, fails;  // of restraints
  std::vector<llvm::Value*> allow_fails;
  std::vector<llvm::Value*> allows;  // a Boolean each
};

// Emits the combining algorithm (runtime/decision/combine.cc) with the function's masks and rows as constants, and the
// return. The builder stands at the end of an open block.
void EmitDecision(llvm::IRBuilder<>* builder, const Function& function, FunctionId id, const DecisionBits& bits,
                  llvm::Value* out, const Options& options);

}  // namespace writ::native
