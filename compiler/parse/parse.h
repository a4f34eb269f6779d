// One file of policy text to its syntax tree.
//
// Input     a file of the source set, of any content whatsoever.
// Output    what could be read; broken declarations, or their broken parts, are left out, and each is in `sink` with
//           its place. Without errors in `sink` the tree is the whole file.
// Errors    only diagnostics (E01xx). Never throws, never crashes; text that is not UTF-8 or passes a limit below gives
//           an empty file and says why.
// Threads   any; ANTLR's shared prediction cache locks, so two threads parse hardly faster than one.
// Cost      about 150 ms a megabyte, once the cache is warm; recursion at most in kDepthMax and the operators between.
// Source    grammar/WritLexer.g4, grammar/WritParser.g4. No other folder sees ANTLR.
#pragma once

#include <cstddef>
#include <cstdint>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/source/source.h"

namespace writ::parse {

inline constexpr size_t kDepthMax = 256;  // brackets, prefix operators, `if` and rungs of a ladder, one within another
inline constexpr size_t kOperandCountMax = 2'000;  // one within another, in one expression
inline constexpr size_t kTokenCountMax = 1'000'000;

ast::File Parse(const source::SourceSet& sources, uint32_t file, diagnostics::Sink& sink);

}  // namespace writ::parse
