// Literals as exact numbers in raw units (schema.h). No floating point: digits are counted, never estimated.
//
// Output    nothing where the text is no such literal, or not representable; `fault` then says which.
#pragma once

#include <optional>
#include <string>

#include "runtime/decision/schema.h"

namespace writ::check {

enum class LiteralFault : uint8_t { kMalformed, kTooPrecise, kTooLarge };

struct Literal {
  std::optional<Num> value;
  LiteralFault fault = LiteralFault::kMalformed;
};

// "2.4M", "1_000", "0.5", "3k", "1B": `digits` decimal digits are the unit. Percent: 38 with digits 4.
Literal ParseDecimal(const std::string& text, int digits);
Literal ParseDuration(const std::string& text);  // 24h, 1h30min, 2d -> ns
Literal ParseTime(const std::string& text);      // 2026-03-02T09:00Z, seconds and fractions optional -> ns
Literal ParseDate(const std::string& text);      // 2026-01-10 -> days

}  // namespace writ::check
