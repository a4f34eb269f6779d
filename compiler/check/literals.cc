#include "compiler/check/literals.h"

#include <cctype>

#include "absl/strings/string_view.h"

namespace writ::check {
namespace {

constexpr Num kInt64Max = INT64_MAX;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
Literal Fault(LiteralFault fault) { return {std::nullopt, fault}; }

// Digits and at most one point, as an integer with `decimals` of them behind the point.
struct Decimal {
  Num digits = 0;
  int decimals = 0;
  bool ok = false, too_large = false;
};

Decimal ReadDecimal(absl::string_view text) {
  Decimal out;
  bool point = false, any = false;
  for (char c : text) {
    if (c == '_') continue;
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (!IsDigit(c)) return out;
    any = true;
    if (out.digits > kInt64Max) {
      out.too_large = true;
      return out;
    }
    out.digits = out.digits * 10 + (c - '0');
    if (point) ++out.decimals;
  }
  while (out.decimals > 0 && out.digits % 10 == 0) {
    out.digits /= 10;
    --out.decimals;
  }
  out.ok = any && text.back() != '.';
  return out;
}

Literal Scale(const Decimal& decimal, int digits) {
  if (decimal.too_large) return Fault(LiteralFault::kTooLarge);
  if (!decimal.ok) return Fault(LiteralFault::kMalformed);
  if (decimal.decimals > digits) return Fault(LiteralFault::kTooPrecise);
  Num value = decimal.digits;
  for (int i = decimal.decimals; i < digits; ++i) {
    value *= 10;
    if (value > kInt64Max) return Fault(LiteralFault::kTooLarge);
  }
  return {value, LiteralFault::kMalformed};
}

int SuffixDigits(char c) { return c == 'k' ? 3 : c == 'M' ? 6 : c == 'B' ? 9 : 0; }

struct Unit {
  const char* name;
  int64_t ns;
};
constexpr Unit kUnits[] = {
    {"w", 604'800'000'000'000},
    {"d", 86'400'000'000'000},
    {"h", 3'600'000'000'000},
    {"min", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
};

const Unit* FindUnit(absl::string_view name) {
  for (const Unit& unit : kUnits) {
    if (name == unit.name) return &unit;
  }
  return nullptr;
}

// Exactly `count` digits at the front of *text.
bool TakeNumber(absl::string_view* text, int count, int64_t* out) {
  if (static_cast<int>(text->size()) < count) return false;
  *out = 0;
  for (int i = 0; i < count; ++i) {
    if (!IsDigit((*text)[i])) return false;
    *out = *out * 10 + ((*text)[i] - '0');
  }
  text->remove_prefix(count);
  return true;
}

bool TakeChar(absl::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

bool IsLeap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int64_t DaysInMonth(int64_t year, int64_t month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[month - 1];
}

// Days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
// algorithms").
int64_t DaysFromCivil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

bool TakeDate(absl::string_view* text, int64_t* days) {
  int64_t year = 0, month = 0, day = 0;
  if (!TakeNumber(text, 4, &year) || !TakeChar(text, '-') || !TakeNumber(text, 2, &month) || !TakeChar(text, '-') ||
      !TakeNumber(text, 2, &day)) {
    return false;
  }
  if (month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month)) return false;
  *days = DaysFromCivil(year, month, day);
  return true;
}

// `.` and one to nine digits, as nanoseconds.
bool TakeFraction(absl::string_view* text, int64_t* ns) {
  int64_t unit = 100'000'000;
  int count = 0;
  for (; !text->empty() && IsDigit(text->front()); text->remove_prefix(1), ++count, unit /= 10) {
    if (count == 9) return false;
    *ns += (text->front() - '0') * unit;
  }
  return count > 0;
}

}  // namespace

Literal ParseDecimal(const std::string& text, int digits) {
  if (text.empty()) return Fault(LiteralFault::kMalformed);
  absl::string_view rest = text;
  const int suffix = SuffixDigits(rest.back());
  if (suffix != 0) rest.remove_suffix(1);
  if (rest.empty()) return Fault(LiteralFault::kMalformed);
  return Scale(ReadDecimal(rest), digits + suffix);
}

Literal ParseDuration(const std::string& text) {
  absl::string_view rest = text;
  Num total = 0;
  if (rest.empty()) return Fault(LiteralFault::kMalformed);
  while (!rest.empty()) {
    size_t digits = 0;
    while (digits < rest.size() && (IsDigit(rest[digits]) || rest[digits] == '_' || rest[digits] == '.')) ++digits;
    size_t letters = digits;
    while (letters < rest.size() && rest[letters] >= 'a' && rest[letters] <= 'z') ++letters;
    const Unit* unit = FindUnit(rest.substr(digits, letters - digits));
    if (digits == 0 || unit == nullptr) return Fault(LiteralFault::kMalformed);
    const Decimal decimal = ReadDecimal(rest.substr(0, digits));
    if (decimal.too_large) return Fault(LiteralFault::kTooLarge);
    if (!decimal.ok) return Fault(LiteralFault::kMalformed);
    Num value = decimal.digits * unit->ns;
    for (int i = 0; i < decimal.decimals; ++i) {
      if (value % 10 != 0) return Fault(LiteralFault::kTooPrecise);
      value /= 10;
    }
    total += value;
    if (total > kInt64Max) return Fault(LiteralFault::kTooLarge);
    rest.remove_prefix(letters);
  }
  return {total, LiteralFault::kMalformed};
}

Literal ParseTime(const std::string& text) {
  absl::string_view rest = text;
  int64_t days = 0, hour = 0, minute = 0, second = 0, ns = 0;
  if (!TakeDate(&rest, &days) || !TakeChar(&rest, 'T') || !TakeNumber(&rest, 2, &hour) || !TakeChar(&rest, ':') ||
      !TakeNumber(&rest, 2, &minute)) {
    return Fault(LiteralFault::kMalformed);
  }
  if (TakeChar(&rest, ':')) {
    if (!TakeNumber(&rest, 2, &second)) return Fault(LiteralFault::kMalformed);
    if (TakeChar(&rest, '.') && !TakeFraction(&rest, &ns)) return Fault(LiteralFault::kMalformed);
  }
  if (rest != "Z" && rest != "") return Fault(LiteralFault::kMalformed);
  if (hour > 23 || minute > 59 || second > 59) return Fault(LiteralFault::kMalformed);
  const Num seconds = Num{days} * 86400 + hour * 3600 + minute * 60 + second;
  const Num value = seconds * 1'000'000'000 + ns;
  if (value > kInt64Max || value < INT64_MIN) return Fault(LiteralFault::kTooLarge);
  return {value, LiteralFault::kMalformed};
}

Literal ParseDate(const std::string& text) {
  absl::string_view rest = text;
  int64_t days = 0;
  if (!TakeDate(&rest, &days) || !rest.empty()) return Fault(LiteralFault::kMalformed);
  return {Num{days}, LiteralFault::kMalformed};
}

}  // namespace writ::check
