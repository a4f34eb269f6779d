// Policy text in its canonical layout.
//
// Input     a file that the parser has read without a diagnostic, and its text.
// Output    the same words, signs and comments in the same order (but for commas that say nothing: between the fields
//           of braces, and before a closing brace); lines end in \n. Parsing it gives the same tree but for its spans,
//           and formatting it gives itself.
// Layout    docs/guide/formatting.md. Lines are at most 120 columns where a break is possible; the author's line breaks
//           are kept where breaking is good, and single empty lines; comments keep their place.
// Errors    none.
// Threads   any.
// Cost      tokens times the depth of what does not fit on its line.
// Source    gofmt, for what is left to the author; elastic tabstops, for columns.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "compiler/ast/ast.h"

namespace writ::format {

std::string Format(const ast::File& file, absl::string_view text);

}  // namespace writ::format
