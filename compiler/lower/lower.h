// From what was meant to what is decided. All semantics live here, once: legality, authority, Kleene truth and its
// defaults, exactness, rounds, reviews that bind, and how a rule fails.
//
// Input     a typed program without errors.
// Output    the decision IR, and for each restraint and allow the expressions that conditions of its guard became.
// Errors    past a named limit (frame size, nested capacities): a diagnostic at the rule.
// Cost      linear in the program, times the depth of nested comprehensions.
// Source    docs/internals/semantics.md, docs/internals/lowering.md
#pragma once

#include <map>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/ir/ir.h"
#include "compiler/typed/typed.h"

namespace writ::lower {

// A condition of the author's text and the Boolean it became: for explain, coverage and the debugger.
struct Condition {
  ast::Span span;
  ir::ExprId value, unknown;  // none: dropped, nothing depends on it
};
struct FunctionConditions {
  std::vector<std::vector<Condition>> restraints;  // by Function::restraints
  std::vector<std::vector<Condition>> allows;      // by Function::allows
};

struct Lowered {
  ir::Program program;
  std::vector<FunctionConditions> conditions;  // by Schema::functions
  // kTests: what tests expect and properties say of an instance. Outputs: bool holds, bool cannot be told.
  std::map<const typed::Expr*, FunctionId> truths;
};

// kTests adds what tests and properties look at: a program that watches another, and decides nothing (compiler/test).
enum class Purpose : uint8_t { kGovern, kTests };

Lowered Lower(const typed::Program& program, diagnostics::Sink* sink, Purpose purpose = Purpose::kGovern);

}  // namespace writ::lower
