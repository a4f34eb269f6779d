// Private to compiler/parse: from ANTLR's tree to ours. Says what the grammar cannot: clauses given twice or missing,
// `and` beside `or`, numbers that cannot be, what belongs to a later version.
#pragma once

#include "WritParser.h"
#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/parse/tokens.h"

namespace writ::parse {

// `broken`: the parser found errors, so parts may be missing; the smallest item around each is left out.
ast::File Build(WritParser::FileContext& tree, antlr4::CommonTokenStream& tokens, uint32_t file, const Offsets& offsets,
                bool broken, diagnostics::Sink& sink);

}  // namespace writ::parse
