// The patterns of `like` and `matches`, and the automata that they become.
//
// like      `*` any text, `?` one character, `\` takes the next one as it is; everything else stands for itself.
// matches   characters, `.` (any one), `[a-z_]`, `[^0-9]`, `\d \w \s` and `\D \W \S` (ASCII), `\n \t \r`, `\x41`,
//           `\x{1F600}`, `\` before a sign, `( )`, `(?: )`, `|`, `*`, `+`, `?`, `{2}`, `{2,}`, `{2,5}`. No captures, no
//           references back, no anchors, no laziness: RE2's syntax without what only finding parts needs.
//
// Both are about the whole string, and about characters: a string is UTF-8. Matching is one look-up a byte.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/ir/ir.h"

namespace writ::pattern {

enum class Kind : uint8_t { kLike, kMatches };  // as typed::Expr::part of kMatch

struct Fault {
  size_t begin = 0, end = 0;  // bytes of the pattern
  std::string what;           // a clause that says what is wrong and what to do: "`(` is not closed: write `)` or `\(`"
  bool too_large = false;     // more than limits::kPatternStatesMax states, or too much work; `what` is empty
};

// One of the two. The automaton is the minimal one, its states and classes numbered in the order in which they are
// reached: equal languages give equal automata.
struct Compiled {
  std::optional<ir::Automaton> automaton;
  Fault fault;
};
Compiled Compile(Kind kind, std::string_view pattern);

}  // namespace writ::pattern
