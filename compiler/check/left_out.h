// What the language has and this version keeps no account of: how sure a chain of judgements is (`confidence`), who waits for
// whom (`stuck`, `circling`, `waits_for`, `joint`), and what is declared about them. Names are checked as everywhere. What
// reads such a fact is not compiled, and its author is told so in one note a file.
#pragma once

#include <set>
#include <string>

#include "compiler/check/model.h"

namespace writ::check {

// While it lives, what is checked may read a fact that nothing keeps; it says afterwards whether it did.
class Reading {
 public:
  explicit Reading(Model& model) : model_(model), outer_(model.unkept), facts_(model.program.facts.size()) {
    model.unkept = &names_;
  }
  ~Reading() { model_.unkept = outer_; }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  // Nothing of it was kept: `what` goes into the note, and the facts that only it read are forgotten.
  bool LeavesOut(ast::Span span, const std::string& what);

 private:
  Model& model_;
  std::set<std::string>* outer_;
  size_t facts_;
  std::set<std::string> names_;
};

void LeaveOut(Model& model, ast::Span span, std::string what);

bool IsUnkept(const std::string& name);  // confidence, stuck, circling

// What a verdict waits for: `all of`, `any of`, `k of` what roles say.
void CheckFormula(Model& model, WorkflowId workflow, const ast::Expr& expr);

// The stages: which workflows say how sure their events are; the names in declarations; the notes.
void DeclareJudgement(Model& model);
void CheckJudgement(Model& model);
void TellLeftOut(Model& model);

}  // namespace writ::check
