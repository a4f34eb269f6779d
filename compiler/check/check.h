// From what was written to what was meant: names, packages, types, units, ranges, scopes, priorities, reviews, facts,
// tests.
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

// Nodes of one expression once its `def`s are expanded, and how deep it may be on the way: recursion stays within the
// stack.
inline constexpr size_t kExpandedNodesMax = 8'000;
inline constexpr size_t kExpandedDepthMax = 2'500;

// Named limits of a policy's text; more is refused with a diagnostic (E0325, E0402).
inline constexpr size_t kDomainsMax = 256;
inline constexpr size_t kRulesMax = 20'000;
inline constexpr size_t kDefsMax = 4'096;
inline constexpr size_t kFactsMax = 1'024;     // that are declared by name
inline constexpr size_t kGrantsMax = 100'000;  // roles times transitions, over all authorities
inline constexpr size_t kFieldsMax = 1'024;    // of one workflow, record or payload
inline constexpr size_t kStatesMax = 1'024, kTransitionsMax = 1'024;
inline constexpr size_t kTypeDepthMax = 64;  // of types made of types

typed::Program Check(const std::vector<ast::File>& files, const source::SourceSet& sources, diagnostics::Sink& sink);

}  // namespace writ::check
