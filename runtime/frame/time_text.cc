// Times and durations as text. Civil dates by the usual algorithm of eras of 400 years, exact for every int64 of days that
// a time can have; no library call, no locale, no zone but the one that is written.
#include <array>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/frame/civil.h"
#include "runtime/frame/frame.h"

namespace writ {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kDay = 86'400 * kSecond;

struct TimeUnit { std::string_view name; int64_t ns; };
constexpr std::array<TimeUnit, 8> kUnits = {{{"w", 7 * kDay},
                                         {"d", kDay},
                                         {"h", 3'600 * kSecond},
                                         {"min", 60 * kSecond},
                                         {"s", kSecond},
                                         {"ms", 1'000'000},
                                         {"us", 1'000},
                                         {"ns", 1}}};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes text apart from the left.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  char peek() const { return text_.empty() ? '\0' : text_[0]; }
  bool Take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  // Exactly `digits` digits.
  std::optional<int> Number(size_t digits) {
    if (text_.size() < digits) return std::nullopt;
    int n = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (!IsDigit(text_[i])) return std::nullopt;
      n = n * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return n;
  }
  std::string_view While(bool (*is_part)(char)) {
    size_t n = 0;
    while (n < text_.size() && is_part(text_[n])) ++n;
    const std::string_view taken = text_.substr(0, n);
    text_.remove_prefix(n);
    return taken;
  }

 private:
  std::string_view text_;
};

absl::Status NotATime(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("`", absl::string_view(text.data(), text.size()), "` is not a time",
                                                 absl::string_view(why.data(), why.size())));
}

std::optional<CivilDate> ScanDate(Scanner* scanner) {
  const std::optional<int> year = scanner->Number(4);
  if (!year || !scanner->Take('-')) return std::nullopt;
  const std::optional<int> month = scanner->Number(2);
  if (!month || !scanner->Take('-')) return std::nullopt;
  const std::optional<int> day = scanner->Number(2);
  if (!day) return std::nullopt;
  const CivilDate date{*year, *month, *day};
  if (*month < 1 || *month > 12 || *day < 1 || *day > DaysInMonth(*year, *month)) return std::nullopt;
  return date;
}

// Nanoseconds of `hh:mm`, `hh:mm:ss` or `hh:mm:ss.fff…`; digits beyond the ninth must be zeroes.
std::optional<int64_t> ScanClock(Scanner* scanner) {
  const std::optional<int> hour = scanner->Number(2);
  if (!hour || *hour > 23 || !scanner->Take(':')) return std::nullopt;
  const std::optional<int> minute = scanner->Number(2);
  if (!minute || *minute > 59) return std::nullopt;
  int64_t ns = (*hour * 3'600 + *minute * 60) * kSecond;
  if (!scanner->Take(':')) return ns;
  const std::optional<int> second = scanner->Number(2);
  if (!second || *second > 59) return std::nullopt;
  ns += *second * kSecond;
  if (!scanner->Take('.')) return ns;
  const std::string_view fraction = scanner->While(IsDigit);
  if (fraction.empty()) return std::nullopt;
  int64_t unit = kSecond;
  for (const char c : fraction) {
    unit /= 10;
    if (unit == 0 && c != '0') return std::nullopt;
    ns += (c - '0') * unit;
  }
  return ns;
}

// How far the zone is ahead of UTC, in nanoseconds.
std::optional<int64_t> ScanZone(Scanner* scanner) {
  if (scanner->Take('Z') || scanner->Take('z')) return 0;
  const bool is_ahead = scanner->Take('+');
  if (!is_ahead && !scanner->Take('-')) return std::nullopt;
  const std::optional<int> hours = scanner->Number(2);
  if (!hours || *hours > 23 || !scanner->Take(':')) return std::nullopt;
  const std::optional<int> minutes = scanner->Number(2);
  if (!minutes || *minutes > 59) return std::nullopt;
  const int64_t offset = (*hours * 3'600 + *minutes * 60) * kSecond;
  return is_ahead ? offset : -offset;
}

absl::Status NotADuration(std::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("`", absl::string_view(text.data(), text.size()), "` is not a duration, such as 24h or 1h30min"));
}

}  // namespace

int64_t DaysFromCivil(const CivilDate& date) {
  const int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

CivilDate CivilFromDays(int64_t days) {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted = (5 * day_of_year + 2) / 153;
  const int month = static_cast<int>(shifted < 10 ? shifted + 3 : shifted - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, static_cast<int>(day_of_year - (153 * shifted + 2) / 5 + 1)};
}

int DaysInMonth(int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && is_leap ? 29 : kDays[month - 1];
}

std::string FormatDate(int64_t days) {
  if (days < kFirstDay || days > kLastDay) return absl::StrCat("day ", days);
  const CivilDate date = CivilFromDays(days);
  return absl::StrFormat("%04d-%02d-%02d", date.year, date.month, date.day);
}

absl::StatusOr<int64_t> ParseDate(std::string_view text) {
  Scanner scanner(text);
  const std::optional<CivilDate> date = ScanDate(&scanner);
  if (date && scanner.done()) return DaysFromCivil(*date);
  return absl::InvalidArgumentError(
      absl::StrCat("`", absl::string_view(text.data(), text.size()), "` is not a date, such as 2026-01-10"));
}

std::string FormatTime(int64_t time_ns) {
  int64_t days = time_ns / kDay, ns = time_ns % kDay;
  if (ns < 0) --days, ns += kDay;
  const int64_t seconds = ns / kSecond, fraction = ns % kSecond;
  std::string text = absl::StrFormat("%sT%02d:%02d:%02d", FormatDate(days), seconds / 3'600, seconds / 60 % 60, seconds % 60);
  if (fraction != 0) {
    absl::StrAppendFormat(&text, ".%09d", fraction);
    while (text.back() == '0') text.pop_back();
  }
  return text + "Z";
}

absl::StatusOr<int64_t> ParseTime(std::string_view text) {
  Scanner scanner(text);
  const std::optional<CivilDate> date = ScanDate(&scanner);
  if (!date || (!scanner.Take('T') && !scanner.Take('t'))) return NotATime(text, ", such as 2026-03-02T09:00:00Z");
  const std::optional<int64_t> clock = ScanClock(&scanner);
  if (!clock) return NotATime(text, ", such as 2026-03-02T09:00:00Z");
  const std::optional<int64_t> offset = ScanZone(&scanner);
  if (!offset || !scanner.done()) return NotATime(text, ": after the clock comes Z or an offset, such as +01:00");
  const Num time = Num{DaysFromCivil(*date)} * kDay + *clock - *offset;
  if (time < -limits::kTimeMax || time > limits::kTimeMax) return NotATime(text, " between the years 1823 and 2116");
  return static_cast<int64_t>(time);
}

// Units come from large to small, each once, so that two spellings of one duration stay rare.
absl::StatusOr<int64_t> ParseDuration(std::string_view text) {
  Scanner scanner(text);
  const bool is_negative = scanner.Take('-');
  Num total = 0;
  size_t next_unit = 0;
  do {
    const std::string_view digits = scanner.While(IsDigit);
    const std::string_view name = scanner.While([](char c) { return c >= 'a' && c <= 'z'; });
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
    if (digits.empty() || digits.size() > 19 || next_unit == kUnits.size()) return NotADuration(text);
    Num count = 0;
    for (const char c : digits) count = count * 10 + (c - '0');
    total += count * kUnits[next_unit++].ns;
  } while (!scanner.done());
  if (is_negative) total = -total;
  if (total < -limits::kTimeMax || total > limits::kTimeMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("`", absl::string_view(text.data(), text.size()), "` is longer than 146 years"));
  }
  return static_cast<int64_t>(total);
}

// In days and below: a week is rarely what anybody means by 7 days.
std::string FormatDuration(int64_t duration_ns) {
  if (duration_ns == 0) return "0s";
  std::string text = duration_ns < 0 ? "-" : "";
  uint64_t rest = duration_ns < 0 ? ~static_cast<uint64_t>(duration_ns) + 1 : static_cast<uint64_t>(duration_ns);
  for (const TimeUnit& unit : kUnits) {
    if (unit.name == "w") continue;
    const uint64_t count = rest / static_cast<uint64_t>(unit.ns);
    rest %= static_cast<uint64_t>(unit.ns);
    if (count != 0) absl::StrAppend(&text, count, absl::string_view(unit.name.data(), unit.name.size()));
  }
  return text;
}

}  // namespace writ
