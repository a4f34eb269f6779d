// What the grammar knows and this version of the checker does not: each is refused where it stands (E0116), so that no
// policy runs with a part of it left out. A construct that gets its meaning loses its line in not_yet.cc.
//
// Cost      one pass over the trees. The depth is what the parser allowed.
#pragma once

#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"

namespace writ::check {

void NotYet(const std::vector<ast::File>& files, diagnostics::Sink& sink);

}  // namespace writ::check
