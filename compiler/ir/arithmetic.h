// What the ops do to numbers and to their ranges: one definition for the builder's folding, the verifier and eval/.
//
// Units     raw units of schema.h, 128 bits, two's complement.
// Errors    none; the Wrap… functions wrap, so that a frame outside its declared ranges is wrong but never undefined.
#pragma once

#include <optional>

#include "compiler/ir/ir.h"

namespace writ::ir {

// The bounds are symmetric, so that negating a number never leaves them.
inline constexpr Num kNumMax = static_cast<Num>(~static_cast<unsigned __int128>(0) >> 1);
inline constexpr Num kNumMin = -kNumMax;

Num WrapAdd(Num a, Num b);
Num WrapSub(Num a, Num b);
Num WrapMul(Num a, Num b);
Num WrapNeg(Num a);

// a / divisor, rounded as the op says; divisor >= 1.
Num RoundQuotient(Op op, Num a, Num divisor);

bool HasBit(Num set, Num bit);  // false unless 0 <= bit < 64
Num PopCount(Num set);          // of the low 64 bits

int64_t StepValue(const StepTable& table, Num at);
bool Matches(const Automaton& automaton, std::string_view text);
Range RangeOf(const StepTable& table);  // of its values

std::string NumToText(Num value);

// Facts about ops that ops.def implies.
bool IsExprOperand(Operand operand);
bool IsReduction(Op op);
bool IsElement(Op op);
bool IsSlot(Op op);
inline uint32_t OperandAt(const Expr& e, int k) { return k == 0 ? e.a : k == 1 ? e.b : e.c; }

// The range of a numeric expression whose operands have these ranges; none if it leaves kNumMin..kNumMax. Not for slots
// and elements, whose ranges are given. `constant`: the pool's number of a ConstNum, or the divisor of a Round… op.
// `capacity`: of the loop's list. `steps`: the table of StepNum.
struct RangeInputs {
  Range operands[3];
  Num constant = 0;
  uint32_t capacity = 0;
  const StepTable* steps = nullptr;
};
std::optional<Range> ResultRange(Op op, const RangeInputs& in);

}  // namespace writ::ir
