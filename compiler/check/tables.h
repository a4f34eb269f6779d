// Decision tables: what their keys tell apart, and whether each case has exactly one row.
//
// A parameter's values fall into elementary cases, which no key divides further: a member, a number or a run of
// numbers, a text, all other texts. A row holds for a product of them. `TableOf` reports what is missing or said twice.
#pragma once

#include <string>
#include <vector>

#include "compiler/ast/ast.h"
#include "runtime/decision/schema.h"

namespace writ::check {

struct Model;

inline constexpr size_t kTableCasesMax = 65'536;  // elementary cases of all parameters together
inline constexpr size_t kTableRowsMax = 512;      // of a grid: cells

struct TableCases {
  struct Case {
    Num low = 0, high = 0;                        // of numbers; a member's or a bool's number
    std::string text;                             // of texts
    bool others = false;                          // all texts that no key names
  };
  Type type;
  std::vector<Case> cases;
};
struct TableRow {
  std::vector<std::vector<bool>> keys;            // by parameter, by case
  const ast::Expr* cell = nullptr;
  ast::Span span;
};
struct Table {
  bool ok = false;                                // else it has been reported
  std::vector<TableCases> parameters;
  Type result;
  std::vector<TableRow> rows;
};

// Looked at once, however often it is used.
const Table& TableOf(Model& model, const ast::Table& node);

}  // namespace writ::check
