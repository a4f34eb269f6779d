// The stable text of a syntax tree (`--dump=ast`): one node a line, indented by two, without spans:
// kind by kind in the order of ast::File, and in the order of the source within one.
//
// Cost      one pass. The depth is what the parser allowed.
#pragma once

#include <string>

#include "compiler/ast/ast.h"

namespace writ::ast {

std::string Dump(const File& file);

// An expression on one line, every operator in parentheses; also what messages quote.
std::string DumpExpr(const Expr& expr);

}  // namespace writ::ast
