// The one place that knows how the parts of a compound key are joined.
#pragma once

#include <string>
#include <string_view>

namespace writ {

// Appends one part of a compound key: `|` before all but the first, `\` before each `|` and `\` of the part.
inline void AppendKeyPart(std::string_view part, bool is_first, std::string* key) {
  if (!is_first) key->push_back('|');
  for (const char c : part) {
    if (c == '|' || c == '\\') key->push_back('\\');
    key->push_back(c);
  }
}

}  // namespace writ
