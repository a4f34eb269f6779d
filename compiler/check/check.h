// From what was written to what was meant: names, packages, types, units, ranges, scopes, priorities, reviews, facts, tests.
//
// Input     all files of a policy and of the standard library (stdlib.h), parsed, and the texts that they came from.
// Output    a typed program. It is complete, and may be lowered, if and only if the sink has no errors afterwards.
// Order     no table depends on the order of files or declarations: everything is walked sorted by qualified name.
// Errors    what is wrong with the author's text, all of it at once, in the sink.
// Threads   any; nothing is shared between calls.
// Cost      about linear in the program; expanding `def`s is bounded by kExpandedNodesMax an expression.
// Source    docs/language/, docs/internals/semantics.md
#pragma once

#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/source/source.h"
#include "compiler/typed/typed.h"

namespace writ::check {

inline constexpr size_t kExpandedNodesMax = 20'000;  // nodes of one expression once its `def`s are expanded

typed::Program Check(const std::vector<ast::File>& files, const source::SourceSet& sources, diagnostics::Sink& sink);

}  // namespace writ::check
