// From the texts of a policy to all of its syntax trees.
//
// Input     the author's files in a source set.
// Output    their trees, in the order of the set; after them those of the built-in workflows, and of the packages of the
//           standard library that are imported, by them or by one another. The set has those texts too.
// Errors    what is wrong with a text, in the sink.
// Threads   as parsing: any, of its own set and sink.
// Source    docs/language/README.md, "Packages and names"
#pragma once

#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/source/source.h"

namespace writ::load {

std::vector<ast::File> ParseAll(source::SourceSet& sources, diagnostics::Sink& sink);

// The same, and what their templates make (compiler/check/templates.h): what check::Check takes.
std::vector<ast::File> Load(source::SourceSet& sources, diagnostics::Sink& sink);

}  // namespace writ::load
