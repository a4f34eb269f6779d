// Private to templates.cc: a template's declarations with arguments in place of parameters.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"

namespace writ::check {

// What a parameter takes; several where a place takes either.
enum ParameterKind : uint32_t {
  kTakesNothing = 0,
  kTakesTransition = 1u << 0,
  kTakesRole = 1u << 1,
  kTakesDomain = 1u << 2,
  kTakesWorkflow = 1u << 3,
  kTakesState = 1u << 4,
  kTakesField = 1u << 5,
  kTakesRule = 1u << 6,
  kTakesMember = 1u << 7,
  kTakesValue = 1u << 8,
};
std::string KindWords(uint32_t kinds, bool is_list);  // "a transition", "roles"

struct Binding {
  uint32_t kind = kTakesNothing;
  bool is_list = false;
  std::vector<ast::Name> names;      // of what is no value: one, unless it is a list
  const ast::Expr* value = nullptr;  // of a value
  bool is_used = false;
};
using Bindings = std::map<std::string, Binding>;

ast::ExprPtr CloneExpr(const ast::Expr& expr);
// The same, as a part of another file.
ast::ExprPtr CloneExpr(const ast::Expr& expr, uint32_t file);

// Copies what a template may hold. Without arguments (a parameter's names and value are empty) it checks the template
// itself: names stay as they are, and what does not fit is reported.
class TemplateCopy {
 public:
  TemplateCopy(Bindings* bindings, uint32_t file, bool checks, diagnostics::Sink& sink)
      : bindings_(*bindings), file_(file), checks_(checks), sink_(sink) {}

  void Copy(const ast::Declarations& from, const std::string& instance, ast::Declarations* to);
  size_t node_count() const { return node_count_; }
  // Words that arguments are made of: what a template binds inside must not be called so.
  void Avoid(const Binding& argument);

 private:
  ast::Span Here(ast::Span span) const;
  ast::Name Declared(const ast::Name& name);
  ast::Name Used(const ast::Name& name, uint32_t kinds);
  std::vector<ast::Name> UsedAll(const std::vector<ast::Name>& names, uint32_t kinds);
  ast::Name UsedDotted(const ast::Name& name);
  void AvoidIn(const ast::Expr& argument);
  Binding* Find(const std::string& name);
  void Misfit(const ast::Name& name, const Binding& binding, uint32_t kinds);
  std::string Bind(const ast::Name& name);  // a variable of the template's own

  ast::ExprPtr Copy(const ast::ExprPtr& expr);
  ast::ExprPtr CopyName(const ast::Expr& expr);
  std::vector<ast::ExprPtr> CopyAll(const std::vector<ast::ExprPtr>& list);
  std::unique_ptr<ast::Fold> Copy(const ast::Fold& fold);
  ast::Type Copy(const ast::Type& type);
  ast::Field Copy(const ast::Field& field);
  std::unique_ptr<ast::Ladder> Copy(const std::unique_ptr<ast::Ladder>& ladder);
  ast::Duty Copy(const ast::Duty& duty);
  ast::Rule Copy(const ast::Rule& rule);
  ast::Def Copy(const ast::Def& def);
  ast::Fact Copy(const ast::Fact& fact);
  ast::Limit Copy(const ast::Limit& limit);
  ast::May Copy(const ast::May& may);
  ast::Authority Copy(const ast::Authority& authority);
  ast::Clause Copy(const ast::Clause& clause);
  ast::Review Copy(const ast::Review& review);
  ast::PropertyItem Copy(const ast::PropertyItem& item);
  ast::Apply Copy(const ast::Apply& apply);

  Bindings& bindings_;
  const uint32_t file_;
  const bool checks_;
  diagnostics::Sink& sink_;
  std::set<std::string> avoided_;
  std::vector<std::pair<std::string, std::string>> renamed_;  // the template's own variables, innermost last
  size_t node_count_ = 0;
};

}  // namespace writ::check
