// Programs and frames made at random from a seed, for the tests of backends: every op, nested lists, wide numbers, many
// restraints. Equal seeds give equal samples on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "runtime/decision/decision.h"

namespace writ::samples {

// splitmix64: the same numbers everywhere, unlike the distributions of <random>.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(Next() % bound); }
  bool OneIn(uint32_t n) { return Below(n) == 0; }

 private:
  uint64_t state_;
};

inline constexpr FunctionId kDecideFunction{0};
inline constexpr FunctionId kComputeFunction{1};

struct Shape {
  uint32_t restraints = 6, allows = 3;
  int depth = 4;  // of expressions; loops nest at most twice
};

// The slots and lists of every sample's frame. A list `lines` holds a list `parts`; `days` is flat.
enum SampleSlot : uint32_t {
  kFlag,
  kOtherFlag,
  kSmall,
  kLong,
  kWide,
  kName,
  kOtherName,
  kLineFlag,
  kLineSmall,
  kLineWide,
  kLineName,
  kPartSmall,
  kPartFlag,
  kPartName,
  kDaySmall,
  kSlotCount
};
enum SampleList : uint32_t { kLines, kParts, kDays, kListCount };
inline constexpr int64_t kSmallMax = 1000;                  // |kSmall|, |kLineSmall|, …
inline constexpr Num kWideMax = static_cast<Num>(1) << 90;  // |kWide|, |kLineWide|

FrameLayout SampleLayout();
ir::Range RangeOf(SampleSlot slot);

// A schema with a decide and a compute function over the sample layout, and no code yet.
ir::Program EmptyProgram(uint32_t restraints, uint32_t allows);

ir::Program RandomProgram(uint64_t seed, const Shape& shape = {});
std::vector<int64_t> RandomFrame(uint64_t seed);  // its strings are static

// What the outputs hold, strings by content, for comparison and for messages.
std::string Describe(const Function& function, const int64_t* out);
std::string Describe(const RawDecision& decision);

}  // namespace writ::samples
