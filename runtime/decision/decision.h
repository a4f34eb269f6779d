// The narrow door: what a compiled policy is to the runtime.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/decision/schema.h"

namespace writ {

// What a decision function writes. Numbers index Function::restraints and Function::allows. Caller-owned and reused: only
// the counts and what they cover are written.
struct RawDecision {
  Outcome outcome;
  uint16_t reason_count, applied_count, allow_count, indeterminate_count;
  uint16_t reasons[limits::kRulesPerFunctionMax];        // standing restraints of the outcome's strictness, ascending
  uint16_t applied[limits::kRulesPerFunctionMax];        // all restraints that applied, excused or not, ascending
  uint16_t allows[limits::kRulesPerFunctionMax];         // applying allows that excuse at least one applied restraint
  uint16_t indeterminate[2 * limits::kRulesPerFunctionMax];  // restraints, then allows (+ restraint count), that could not be evaluated
};

// A policy that can be asked.
//
// Input     a frame laid out as Function::frame says, filled by runtime/frame.
// Output    Decide: complete. Evaluate: Function::outputs.
// Errors    none: every function is total.
// Threads   any; const and without state.
// Cost      no allocation, no lock. The reference interpreter (compiler/eval) is about a hundred times slower than native code.
// Source    docs/internals/frame.md
class CompiledPolicy {
 public:
  virtual ~CompiledPolicy() = default;
  virtual const Schema& schema() const = 0;
  virtual const std::string& digest() const = 0;         // "sha256:…", of the IR's arrays and symbol table
  virtual std::string_view ir() const = 0;               // serialized ir::Program, for the log
  virtual void Decide(FunctionId function, const int64_t* frame, RawDecision* out) const = 0;
  virtual void Evaluate(FunctionId function, const int64_t* frame, int64_t* out) const = 0;
};

// The combining algorithm, once: stands = applied & ~excused; a standing gate speaks alone; the outcome is the strictest
// standing effect; reasons are the standing restraints of that strictness. `applied`, `fails` hold one bit a restraint,
// `allows`, `allow_fails` one bit an allow. native/ emits the same with its constants folded; tests/agreement compares them.
void Combine(const Function& function, const uint64_t* applied, const uint64_t* fails, const uint64_t* allows,
             const uint64_t* allow_fails, RawDecision* out);

}  // namespace writ
