// Faults of native code that tests plant by number, to show that they would notice. Present only in writ_native_faulty.
#pragma once

#include "compiler/native/jit.h"

namespace writ::native {

enum class Fault : int {
  kNone = 0,
  kLeAsLt = 1,                 // LeNum compares as LtNum
  kAllowRowShifted = 2,        // an allow excuses the restraint after the one that it should
  kNegativeRounding = 3,       // RoundDown and RoundUp round towards zero
  kProductTruncated = 4,       // a wide product keeps 64 bits
  kLastElementSkipped = 5,     // a loop leaves out the last element
  kFailsDropped = 6,           // a restraint that fails is not listed as indeterminate
  kHalfUp = 7,                 // RoundHalfEven rounds ties up
  kMaxFromZero = 8,            // Max starts at 0 instead of at the first element
  kFirstIsLast = 9,            // First… takes the last element
  kStringSizeOnly = 10,        // EqStr compares sizes only
  kBitWraps = 11,              // HasBit takes the bit's number modulo 64
  kGateIgnored = 12,           // a standing gate does not silence the others
  kSumUnconditional = 13,      // Sum adds every element
  kWideCompareNarrow = 14,     // comparisons of wide numbers see their low 64 bits
  kUnusedAllowListed = 15,     // an allow that excuses nothing is listed
  kAllowFailsUnshifted = 16,   // a failing allow is listed under its own number
  kStepMissed = 17,            // StepNum does not look far enough
  kMatchUnanchored = 18,       // MatchStr accepts what begins with a match
  kCount = 19,
};

inline bool Planted([[maybe_unused]] const Options& options, [[maybe_unused]] Fault fault) {
#ifdef WRIT_PLANTED_FAULTS
  return options.planted_fault == static_cast<int>(fault);
#else
  return false;
#endif
}

}  // namespace writ::native
