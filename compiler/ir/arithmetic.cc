#include "compiler/ir/arithmetic.h"

#include <algorithm>
#include <bit>

#include "runtime/builtins/check.h"

namespace writ::ir {
namespace {

using Unsigned = unsigned __int128;

std::optional<Range> Bounded(bool overflow, Num low, Num high) {
  if (overflow || low < kNumMin || high > kNumMax) return std::nullopt;
  return Range{low, high};
}

std::optional<Range> AddRanges(Range a, Range b) {
  Num low = 0, high = 0;
  const bool overflow = __builtin_add_overflow(a.low, b.low, &low) | __builtin_add_overflow(a.high, b.high, &high);
  return Bounded(overflow, low, high);
}

std::optional<Range> SubRanges(Range a, Range b) {
  Num low = 0, high = 0;
  const bool overflow = __builtin_sub_overflow(a.low, b.high, &low) | __builtin_sub_overflow(a.high, b.low, &high);
  return Bounded(overflow, low, high);
}

std::optional<Range> MulRanges(Range a, Range b) {
  Num corners[4];
  const bool overflow = __builtin_mul_overflow(a.low, b.low, &corners[0]) |
                        __builtin_mul_overflow(a.low, b.high, &corners[1]) |
                        __builtin_mul_overflow(a.high, b.low, &corners[2]) |
                        __builtin_mul_overflow(a.high, b.high, &corners[3]);
  if (overflow) return std::nullopt;
  const auto [low, high] = std::minmax_element(corners, corners + 4);
  return Bounded(false, *low, *high);
}

Range WithZero(Range r) { return {std::min<Num>(r.low, 0), std::max<Num>(r.high, 0)}; }

std::optional<Range> SumRange(Range value, uint32_t capacity) {
  const std::optional<Range> all = MulRanges(value, {capacity, capacity});
  if (!all) return std::nullopt;
  return WithZero(*all);
}

}  // namespace

Num WrapAdd(Num a, Num b) { return static_cast<Num>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b)); }
Num WrapSub(Num a, Num b) { return static_cast<Num>(static_cast<Unsigned>(a) - static_cast<Unsigned>(b)); }
Num WrapMul(Num a, Num b) { return static_cast<Num>(static_cast<Unsigned>(a) * static_cast<Unsigned>(b)); }
Num WrapNeg(Num a) { return WrapSub(0, a); }

Num RoundQuotient(Op op, Num a, Num divisor) {
  Num quotient = a / divisor;
  Num rest = a % divisor;  // of a's sign; made 0 <= rest < divisor by rounding the quotient down
  if (rest < 0) {
    rest += divisor;
    --quotient;
  }
  if (op == Op::kRoundDown || rest == 0) return quotient;
  if (op == Op::kRoundUp) return quotient + 1;
  const Num missing = divisor - rest;
  if (rest == missing) return quotient + (quotient & 1);
  return rest > missing ? quotient + 1 : quotient;
}

bool HasBit(Num set, Num bit) {
  return bit >= 0 && bit < 64 && (static_cast<uint64_t>(set) >> static_cast<unsigned>(bit) & 1) != 0;
}

Num PopCount(Num set) { return std::popcount(static_cast<uint64_t>(set)); }

int64_t StepValue(const StepTable& table, Num at) {
  const auto after = std::upper_bound(table.steps.begin(), table.steps.end(), at,
                                      [](Num x, const Step& step) { return x < step.from; });
  return after == table.steps.begin() ? after->value : (after - 1)->value;
}

bool Matches(const Automaton& automaton, std::string_view text) {
  size_t state = 0;
  for (const char c : text) {
    state = automaton.next[state * automaton.class_count + automaton.class_of[static_cast<uint8_t>(c)]];
  }
  return automaton.accepts[state] != 0;
}

Range RangeOf(const StepTable& table) {
  Range range{table.steps.front().value, table.steps.front().value};
  for (const Step& step : table.steps) {
    range = {std::min<Num>(range.low, step.value), std::max<Num>(range.high, step.value)};
  }
  return range;
}

std::string NumToText(Num value) {
  Unsigned rest = value < 0 ? -static_cast<Unsigned>(value) : static_cast<Unsigned>(value);
  std::string digits;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  if (value < 0) digits.push_back('-');
  std::reverse(digits.begin(), digits.end());
  return digits;
}

bool IsExprOperand(Operand operand) {
  return operand == Operand::kBool || operand == Operand::kNum || operand == Operand::kStr;
}

bool IsReduction(Op op) {
  const OpInfo& info = InfoOf(op);
  return info.operands[0] == Operand::kLoop && IsExprOperand(info.operands[1]);
}

bool IsElement(Op op) { return op == Op::kElemBool || op == Op::kElemNum || op == Op::kElemStr; }

bool IsSlot(Op op) { return op == Op::kSlotBool || op == Op::kSlotNum || op == Op::kSlotStr; }

std::optional<Range> ResultRange(Op op, const RangeInputs& in) {
  const Range& a = in.operands[0];
  const Range& b = in.operands[1];
  const Range& c = in.operands[2];
  const Num capacity = in.capacity;
  switch (op) {
    case Op::kConstNum: return Bounded(false, in.constant, in.constant);
    case Op::kAdd: return AddRanges(a, b);
    case Op::kSub: return SubRanges(a, b);
    case Op::kMul: return MulRanges(a, b);
    case Op::kNeg: return SubRanges({0, 0}, a);
    case Op::kRoundDown:
    case Op::kRoundUp:
    case Op::kRoundHalfEven:
      return Range{RoundQuotient(op, a.low, in.constant), RoundQuotient(op, a.high, in.constant)};
    case Op::kSelectNum: return Range{std::min(b.low, c.low), std::max(b.high, c.high)};
    case Op::kPopCount: return Range{0, 64};
    case Op::kStepNum: return RangeOf(*in.steps);
    case Op::kLoopIndex: return Range{0, std::max<Num>(capacity - 1, 0)};
    case Op::kCount: return Range{0, capacity};
    case Op::kSum: return SumRange(c, in.capacity);
    case Op::kMin:
    case Op::kMax:
    case Op::kFirstNum: return WithZero(c);
    default: return Range{};
  }
}

}  // namespace writ::ir
