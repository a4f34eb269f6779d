// Decision IR -> Z3 terms. Private to the folder: these headers show Z3's types.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <z3++.h>

#include "absl/status/status.h"
#include "compiler/ir/ir.h"

namespace writ::smt {

// Strings as numbers: equal bytes have equal numbers, and "" is 0. A string's term is one of those that are in the table
// when it is made, so that what a string matches is which numbers it can be.
class StringTable {
 public:
  StringTable() { Intern({}); }
  int64_t Intern(std::string_view text);
  int64_t size() const { return static_cast<int64_t>(texts_.size()); }
  std::string_view At(int64_t number) const { return texts_[static_cast<size_t>(number)]; }

 private:
  std::map<std::string_view, int64_t> numbers_;  // views into the frame and the program, which outlive it
  std::vector<std::string_view> texts_;
};

// The terms of one function: Booleans of sort Bool, numbers and strings of sort Int (unbounded, which the ranges of the
// IR make the same as 128 bits). Each slot is a constant; each list is unrolled to its capacity.
class Terms {
 public:
  // Slots are bound to the frame's values by equalities in `solver`. All arguments outlive this.
  Terms(const ir::Program& program, FunctionId function, const int64_t* frame, z3::solver* solver);

  // Encodes the whole code. Fails with kResourceExhausted, before the first term, past the term limit.
  absl::Status Encode();

  z3::expr At(ir::ExprId id) const { return values_[id.value]; }
  const StringTable& strings() const { return strings_; }

 private:
  // The element that a loop is at while its body is encoded.
  struct Place {
    uint64_t base = 0;     // words from the start of the frame
    bool is_there = true;  // below the length in this frame; what is not there is bound to 0, false, ""
    int index = 0;
    z3::expr active;  // index < length
  };
  struct Accumulator {
    z3::expr value, found;
  };
  using Handler = z3::expr (Terms::*)(const ir::Expr&);
  static const Handler kHandlers[ir::kOpCount];

  void EncodeRange(uint32_t begin, uint32_t end);
  void EncodeLoop(uint32_t loop);
  Place BaseOf(const ir::Loop& loop) const;
  z3::expr NewAccumulator(const ir::Expr& e);
  void Accumulate(uint32_t at);

  z3::expr Bound(const Slot& slot, const Place& place);
  z3::expr BindBool(uint64_t word, bool is_there);
  z3::expr BindNumber(uint64_t word, const std::string& value);
  std::string NumberText(const Slot& slot, uint64_t word) const;
  z3::expr Integer(Num value);

  z3::expr Bool(uint32_t id) const { return values_[id]; }
  z3::expr Number(uint32_t id) const { return values_[id]; }
  z3::expr FloorDivide(const z3::expr& a, Num divisor);
  z3::expr BitOf(const z3::expr& set, int bit);
  z3::expr StepsBetween(const z3::expr& at, const std::vector<ir::Step>& steps, size_t begin, size_t end);

#define WRIT_OP(name, result, a, b, c) z3::expr name(const ir::Expr& e);
#include "compiler/ir/ops.def"
#undef WRIT_OP

  const ir::Program& program_;
  const Function& function_;
  const ir::Code& code_;
  const int64_t* const frame_;
  z3::solver& solver_;
  z3::context& context_;
  StringTable strings_;
  std::vector<z3::expr> values_;  // one for each expression
  std::vector<Place> places_;     // one for each loop
  std::map<uint32_t, Accumulator> accumulators_;
  std::map<uint64_t, z3::expr> slots_;  // by word
  uint32_t at_ = 0;
};

// The combining algorithm over the guards' terms. Each is a Boolean for each restraint or allow.
struct DecisionTerms {
  z3::expr outcome;
  std::vector<z3::expr> reasons, applied, allows, fails, allow_fails;
};
DecisionTerms Combine(const Function& function, const ir::Code& code, const Terms& terms, z3::context* context);

}  // namespace writ::smt
