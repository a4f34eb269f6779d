// The proleptic Gregorian calendar.
//
// Units     days since 1970-01-01, negative before it. Months and days from 1.
// Threads   any; no state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace writ {

struct CivilDate { int64_t year = 1970; int month = 1, day = 1; };

inline constexpr int64_t kFirstDay = -719'528;  // 0000-01-01: what four digits of a year can say
inline constexpr int64_t kLastDay = 2'932'896;  // 9999-12-31

int DaysInMonth(int64_t year, int month);
int64_t DaysFromCivil(const CivilDate& date);
CivilDate CivilFromDays(int64_t days);

std::string FormatDate(int64_t days);                     // 2026-01-10
absl::StatusOr<int64_t> ParseDate(std::string_view text);

}  // namespace writ
