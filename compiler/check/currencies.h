// ISO 4217: the active currencies and how many digits their minor unit has.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace writ::check {

// Digits after the point, or nothing where there is no such currency.
std::optional<int> CurrencyDigits(absl::string_view code);
std::vector<std::string> CurrencyCodes();  // sorted

}  // namespace writ::check
