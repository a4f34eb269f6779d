// What is gone before lowering: tables, values for each member of an enum, and the digits of units. Two policies that say the same,
// one with the construct and one without, decide alike whatever is proposed.
#pragma once

#include <cstdint>
#include <string>

namespace writ::agreement {

inline constexpr int kSugarCount = 3;
inline constexpr const char* kSugars[] = {"a table is a chain of ifs", "a value for each member is so many values",
                                          "a quantity is the same in a smaller unit"};

// Decisions that were compared, those of them in which a rule of the policy applied, and those in which something was unknown.
struct SugarCounts { uint64_t compared = 0, applied = 0, unknown = 0; };

// How the two policies of this seed differ in a decision, or why one of them is none; empty: they do not.
std::string TellApart(int sugar, uint64_t seed, int proposals, SugarCounts* counts);

}  // namespace writ::agreement
