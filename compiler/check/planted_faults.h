// Faults of what is expanded before lowering, that tests plant by number, to show that they would notice. Effective only in
// writ_check_faulty.
#pragma once

namespace writ::check {

enum class Fault : int {
  kNone = 0,
  kFirstRowForgotten = 1,   // the first row of a table is left out: its cases are the last one's
  kNeighbourOfMember = 2,   // of a value for each member of an enum, that of the next member is read
  kPartsOfUnitDropped = 3,  // a quantity that is written has no digits behind the point
  kCount = 4,
};

#ifdef WRIT_PLANTED_FAULTS
inline int planted_fault = 0;  // for the process, set before anything is checked
inline bool Planted(Fault fault) { return planted_fault == static_cast<int>(fault); }
#else
inline constexpr bool Planted(Fault) { return false; }
#endif

}  // namespace writ::check
