// Private to compiler/parse: a file's tokens, mended where a mistake is plain, before the parser sees them.
//
// What is settled here, because a grammar would say it worse: signs of other languages, three capitals after a number
// as its currency, brackets that do not match, which words begin a declaration and which are names, and depth (the
// parser and everything after it recurses, so nothing too deep may reach it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "antlr4-runtime.h"
#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/source/source.h"

namespace writ::parse {

using TokenPtr = std::unique_ptr<antlr4::Token>;

// From the code points that ANTLR counts to the bytes that spans count.
class Offsets {
 public:
  explicit Offsets(const std::string& text);
  uint32_t Byte(size_t code_point) const;

 private:
  std::vector<uint32_t> bytes_;  // empty for ASCII
  uint32_t size_bytes_ = 0;
};

// What recovery from an error needs to know of a token.
struct Layout {
  uint32_t depth = 0;  // of brackets around it; a closing bracket has the depth outside
  bool first_on_line = false;
  bool among_declarations = false;  // directly in a file, in a template, or in what holds under a task
  bool declaration = false;         // a declaration begins here
};

struct Tokens {
  std::unique_ptr<antlr4::ANTLRInputStream> input;  // tokens read their text from it
  std::unique_ptr<antlr4::Lexer> lexer;             // tokens refer to it
  std::vector<TokenPtr> list;                       // ends with the end of the file; comments are among them
  std::vector<Layout> layout;                       // by token
};

// Reads a file that is UTF-8. `list` is empty where the file passes a limit as a whole.
Tokens ReadTokens(const source::SourceSet& sources, uint32_t file, const Offsets& offsets, diagnostics::Sink& sink);

ast::Span SpanOf(const antlr4::Token& token, uint32_t file, const Offsets& offsets);

// Whether the grammar's rule `name` takes a token of this type.
bool IsName(size_t type);
// Whether a token of this type is a reserved word.
bool IsReserved(size_t type);

}  // namespace writ::parse
