// Faults of the solver's terms that tests plant by number, to show that they would notice. Only in writ_smt_faulty.
#pragma once

namespace writ::smt {

enum class Fault : int {
  kNone = 0,
  kLeAsLt = 1,               // LeNum compares as LtNum
  kDownIsUp = 2,             // RoundDown rounds up
  kHalfUp = 3,               // RoundHalfEven rounds ties up
  kLastElementSkipped = 4,   // a loop leaves out the last element
  kMaxFromZero = 5,          // Max starts at 0 instead of at the first element
  kFirstIsLast = 6,          // First… takes the last element
  kSumUnconditional = 7,     // Sum adds every element
  kBitWraps = 8,             // HasBit takes the bit's number modulo 64
  kStringSizeOnly = 9,       // strings of one size are one number
  kAllowRowShifted = 10,     // an allow excuses the restraint after the one that it should
  kGateIgnored = 11,         // a standing gate does not silence the others
  kFailsDropped = 12,        // a restraint that fails is not listed as indeterminate
  kUnusedAllowListed = 13,   // an allow that excuses nothing is listed
  kPopCountSigned = 14,      // PopCount does not see bit 63
  kStepLate = 15,            // StepNum changes after the step
  kMatchesPrefix = 16,       // MatchStr does not see the last byte
  kUponRestrains = 17,       // `upon` escalates
  kCount = 18,
};

#ifdef WRIT_PLANTED_FAULTS
void PlantFault(int number);   // for the calling thread, until the next call
bool Planted(Fault fault);
#else
inline constexpr bool Planted(Fault) { return false; }
#endif

}  // namespace writ::smt
