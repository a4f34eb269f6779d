// Faults of the interpreter that tests plant by number, to show that they would notice. Effective only in writ_eval_faulty.
#pragma once

namespace writ::eval {

enum class Fault : int {
  kNone = 0,
  kLaxestWins = 1,        // the last standing restraint gives the outcome, not the strictest
  kLastAllowOnly = 2,     // of several applying allows only the last excuses
  kLeAsLt = 3,            // LeNum compares as LtNum
  kHalfUp = 4,            // RoundHalfEven rounds ties up
  kMinFromZero = 5,       // Min starts at 0 instead of at the first element
  kFirstElementSkipped = 6,  // a loop leaves out the first element
  kCount = 7,
};

#ifdef WRIT_PLANTED_FAULTS
inline int planted_fault = 0;  // for the process, set before anything is decided
inline bool Planted(Fault fault) { return planted_fault == static_cast<int>(fault); }
#else
inline constexpr bool Planted(Fault) { return false; }
#endif

}  // namespace writ::eval
