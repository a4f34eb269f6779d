// Exact decimal numbers from foreign logs: text to a whole number of units, without floating point.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/decision/schema.h"

namespace writ::replay {

// "26.85120450862128", "-3", "+1.5", "1.0E7" as a count of 10^-digits, so that "26.85" with two digits is 2685. More digits
// than that are rounded as said; kNone refuses them unless they are zeros.
//
// Errors    kInvalidArgument: no number, or digits that would be lost; kOutOfRange: outside of 64 bits.
absl::StatusOr<int64_t> ParseDecimal(std::string_view text, int digits, Rounding rounding);

}  // namespace writ::replay
