#include "runtime/replay/decimal.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace writ::replay {
namespace {

constexpr size_t kDecimalCharsMax = 400;  // what a number may be long; nothing writes more
constexpr int kExponentMax = 400;

struct Decimal {
  bool negative = false;
  std::string digits;  // without a point …
  int point = 0;       // … which stands after so many of them (or before them, if negative)
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool ReadExponent(std::string_view text, int* exponent) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty() || text.size() > 4) return false;
  *exponent = 0;
  for (char c : text) {
    if (!IsDigit(c)) return false;
    *exponent = *exponent * 10 + (c - '0');
  }
  if (negative) *exponent = -*exponent;
  return *exponent <= kExponentMax && *exponent >= -kExponentMax;
}

bool ReadDecimal(std::string_view text, Decimal* number) {
  if (text.size() > kDecimalCharsMax) return false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    number->negative = text[0] == '-';
    text.remove_prefix(1);
  }
  bool saw_point = false;
  size_t i = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '.' && !saw_point)
      saw_point = true;
    else if (IsDigit(text[i]))
      number->digits.push_back(text[i]), number->point += saw_point ? 0 : 1;
    else
      break;
  }
  if (number->digits.empty()) return false;
  if (i == text.size()) return true;
  int exponent = 0;
  if ((text[i] != 'e' && text[i] != 'E') || !ReadExponent(text.substr(i + 1), &exponent)) return false;
  number->point += exponent;
  return true;
}

// -1, 0, 1: the digits from `begin` on are less than, exactly, more than half a unit; `any`: they are not all zero.
int CompareToHalf(const std::string& digits, int begin, bool* any) {
  *any = false;
  const int count = static_cast<int>(digits.size());
  for (int i = std::max(begin, 0); i < count; ++i) *any |= digits[i] != '0';
  if (!*any || begin < 0) return -1;
  if (digits[begin] != '5') return digits[begin] < '5' ? -1 : 1;
  for (int i = begin + 1; i < count; ++i) {
    if (digits[i] != '0') return 1;
  }
  return 0;
}

}  // namespace

absl::StatusOr<int64_t> ParseDecimal(std::string_view text, int digits, Rounding rounding) {
  Decimal number;
  const absl::string_view shown(text.data(), std::min<size_t>(text.size(), 80));
  if (!ReadDecimal(text, &number)) return absl::InvalidArgumentError(absl::StrCat("`", shown, "` is not a number"));
  const int whole_end = number.point + digits;
  Num units = 0;
  for (int i = 0; i < whole_end; ++i) {
    const int digit = i < static_cast<int>(number.digits.size()) ? number.digits[i] - '0' : 0;
    units = units * 10 + digit;
    if (units > Num{INT64_MAX} + 1)
      return absl::OutOfRangeError(absl::StrCat("`", shown, "` does not fit into 64 bits"));
  }
  bool any = false;
  const int half = CompareToHalf(number.digits, whole_end, &any);
  if (any && rounding == Rounding::kNone) {
    return absl::InvalidArgumentError(
        absl::StrCat("`", shown, "` has more than ", digits, " decimal digits, and the field says no rounding"));
  }
  // Down and up are towards minus and plus infinity, as in expressions.
  const bool away = (rounding == Rounding::kDown && number.negative && any) ||
                    (rounding == Rounding::kUp && !number.negative && any) ||
                    (rounding == Rounding::kHalfEven && (half > 0 || (half == 0 && units % 2 == 1)));
  if (away) ++units;
  if (number.negative) units = -units;
  if (units > INT64_MAX || units < INT64_MIN)
    return absl::OutOfRangeError(absl::StrCat("`", shown, "` does not fit into 64 bits"));
  return static_cast<int64_t>(units);
}

}  // namespace writ::replay
