// The four laws of language.md section 3, on generated policies: adding a restraint never makes a decision laxer; removing an
// allow never does; making a guard indeterminate never does; shuffling declarations changes nothing.
#pragma once

#include <cstdint>
#include <string>

namespace writ::agreement {

inline constexpr int kLawCount = 4;
inline constexpr const char* kLaws[] = {"adding a restraint", "removing an allow", "making a guard indeterminate", "shuffling"};

struct LawCounts { uint64_t compared[kLawCount] = {}, changed[kLawCount] = {}; };  // decisions; where the outcome or its reasons moved

// Which law a decision of this seed's policy breaks, and how; empty: none. `law`: 0 to 3, or -1 for all.
std::string BreakLaw(uint64_t seed, int steps, int law, LawCounts* counts);

}  // namespace writ::agreement
