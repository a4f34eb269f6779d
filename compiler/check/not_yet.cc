#include "compiler/check/not_yet.h"

namespace writ::check {
namespace {

class Finder {
 public:
  explicit Finder(diagnostics::Sink& sink) : sink_(sink) {}

  void All(const ast::Declarations& file) {
    for (const ast::Table& node : file.tables) {
      for (const ast::TableRow& row : node.rows) {
        for (const ast::ExprPtr& cell : row.cells) In(cell);
      }
    }
    Each(file.clearances, "clearance");
    Each(file.decompositions, "decompose");
    Each(file.confidences, "confidence");
    Each(file.divergences, "divergence");
    Each(file.contexts, "context");
    for (const ast::Entity& node : file.entities) In(node);
    for (const ast::Workflow& node : file.workflows) In(node);
    for (const ast::Def& node : file.defs) In(node.body);
    for (const ast::Authority& node : file.authorities) In(node);
    for (const ast::Rule& node : file.rules) In(node);
    for (const ast::Review& node : file.reviews) In(node);
    for (const ast::Test& node : file.tests) In(node);
    for (const ast::Scenario& node : file.scenarios) {
      for (const ast::Expectation& expect : node.expects) In(expect);
    }
  }

 private:
  static constexpr const char* kLeaveOut = "leave it out";

  void Say(ast::Span span, const char* what, const char* instead) {
    sink_.Report(span, diagnostics::kNotYet, what, instead);
  }

  template <typename T>
  void Each(const std::vector<T>& nodes, const char* word) {
    for (const T& node : nodes) Say(node.span, word, kLeaveOut);
  }

  void In(const ast::Entity& node) {
    In(node.fresh);
    for (const ast::Def& def : node.defs) In(def.body);
  }

  void In(const ast::Workflow& node) {
    for (const ast::Def& def : node.defs) In(def.body);
    for (const ast::Transition& transition : node.transitions) {
      for (const ast::SetItem& item : transition.sets) In(item.computed);
    }
  }

  void In(const ast::Authority& node) {
    for (const ast::May& may : node.mays) {
      for (const ast::Limit& limit : may.limits) In(limit.value);
      In(may.when);
    }
  }

  void In(const ast::Rule& node) {
    In(node.ladder);
    In(node.when);
    In(node.unless);
  }

  void In(const std::unique_ptr<ast::Ladder>& ladder) {
    for (const ast::Ladder* at = ladder.get(); at != nullptr; at = at->next.get()) {
      In(at->within);
    }
  }

  void In(const ast::Review& node) {
    if (!node.joint.empty()) Say(node.joint.front().span, "joint", kLeaveOut);
    In(node.ladder);
    for (const ast::Clause& clause : node.clauses) {
      In(clause.ladder);
      In(clause.when);
    }
  }

  void In(const ast::Test& node) {
    for (const ast::Step& step : node.steps) {
      if (!step.under.empty()) Say(step.under.span, "under", kLeaveOut);
      In(step.time);
      for (const ast::ExprPtr& key : step.key) In(key);
      In(step.values);
      if (step.expect != nullptr) In(*step.expect);
    }
  }

  void In(const ast::Expectation& node) {
    using Kind = ast::Expectation::Kind;
    if (node.kind == Kind::kConfidence) Say(node.span, "confidence", kLeaveOut);
    In(node.condition);
  }

  void In(const ast::ExprPtr& expr) {
    if (expr == nullptr) return;
    if (expr->kind == ast::ExprKind::kOf) Say(expr->span, "of (…)", kLeaveOut);
    for (const ast::ExprPtr& child : expr->children) In(child);
    if (expr->fold == nullptr) return;
    const ast::Fold& fold = *expr->fold;
    In(fold.value);
    In(fold.source);
    In(fold.where);
    In(fold.within);
    In(fold.since);
  }

  diagnostics::Sink& sink_;
};

}  // namespace

void NotYet(const std::vector<ast::File>& files, diagnostics::Sink& sink) {
  for (const ast::File& file : files) Finder(sink).All(file);
}

}  // namespace writ::check
