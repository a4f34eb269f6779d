// Private to compiler/format: the words and signs of a file that the parser has read without an error, with the
// comments and line breaks between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace writ::format {

inline constexpr size_t kNone = static_cast<size_t>(-1);

struct Comment {
  std::string text;                // from its sign, without white space behind it
  bool blank_before = false;
};

struct Token {
  enum class Kind : uint8_t { kWord, kNumber, kString, kSign, kEnd } kind = Kind::kEnd;
  absl::string_view text;
  uint32_t begin = 0;              // a byte of the file
  size_t width = 0;                // code points
  bool broken = false;             // the author broke the line somewhere between the token before and this one
  bool blank_before = false;       // an empty line stands right above it
  std::vector<Comment> above;      // comments on lines of their own between the token before and this one
  std::vector<std::string> behind; // the comment behind it on its line: one at most, unless lines end in bare returns
  size_t partner = kNone;          // of a bracket
  size_t around = kNone;           // the opening bracket that it stands in
};

// The last is the end of the file. Views into `text`, which must outlive them.
std::vector<Token> ReadTokens(absl::string_view text);

size_t WidthOf(absl::string_view text);  // in code points

}  // namespace writ::format
