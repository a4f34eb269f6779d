#include "tests/agreement/shrink.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/ir/ir.h"
#include "tests/agreement/generator.h"

namespace writ::agreement {

using typed::ExprKind;
using typed::ExprPtr;

std::optional<std::string> RunHistory(const typed::Program& program, const std::vector<Step>& history,
                                      const Options& options) {
  Statistics ignored;
  Session session(&program, options, &ignored);
  if (std::optional<std::string> wrong = session.Prepare()) return wrong;
  for (const Step& step : history) {
    if (std::optional<std::string> wrong = session.Run(step)) return wrong;
  }
  return std::nullopt;
}

namespace {

constexpr int kAttemptsMax = 1500;

class Shrinker {
 public:
  Shrinker(const typed::Program& program, std::vector<Step> history, const Options& options)
      : program_(Clone(program)), history_(std::move(history)), options_(options) {}

  std::string Run() {
    Steps();
    Rules();
    for (int round = 0; round < 3 && Parts(); ++round) {
    }
    Steps();
    return Report();
  }

 private:
  bool Fails(const typed::Program& program, const std::vector<Step>& history) {
    if (++attempts_ > kAttemptsMax) return false;
    const std::optional<std::string> wrong = RunHistory(program, history, options_);
    // A policy that no longer compiles is another fault.
    return wrong.has_value() && wrong->find("lowering reports") == std::string::npos;
  }

  void Steps() {
    for (size_t length = history_.size() / 2; length > 0; length /= 2) {
      for (size_t at = 0; at + length <= history_.size();) {
        std::vector<Step> fewer(history_.begin(), history_.begin() + static_cast<ptrdiff_t>(at));
        fewer.insert(fewer.end(), history_.begin() + static_cast<ptrdiff_t>(at + length), history_.end());
        if (Fails(program_, fewer))
          history_ = std::move(fewer);
        else
          at += length;
      }
    }
  }

  template <class Change>
  bool Try(Change change) {
    typed::Program smaller = Clone(program_);
    change(&smaller);
    if (!Fails(smaller, history_)) return false;
    program_ = std::move(smaller);
    return true;
  }

  void Rules() {
    for (size_t i = program_.rules.size(); i-- > 0;) {
      Try([&](typed::Program* p) { p->rules.erase(p->rules.begin() + static_cast<ptrdiff_t>(i)); });
    }
    for (size_t i = 0; i < program_.rules.size(); ++i) {
      Try([&](typed::Program* p) { p->rules[i].when = nullptr; });
      Try([&](typed::Program* p) { p->rules[i].unless = nullptr; });
      Try([&](typed::Program* p) {
        p->rules[i].by.clear();
        p->rules[i].by_orchestrator = false;
      });
    }
    for (size_t i = program_.grants.size(); i-- > 0;) {
      if (Try([&](typed::Program* p) { p->grants.erase(p->grants.begin() + static_cast<ptrdiff_t>(i)); })) continue;
      Try([&](typed::Program* p) {
        p->grants[i].when = nullptr;
        p->grants[i].limits.clear();
      });
    }
    for (size_t f = 0; f < program_.facts.size(); ++f) {
      Try([&](typed::Program* p) { p->facts[f].pattern.where = nullptr; });
      Try([&](typed::Program* p) { p->facts[f].since.reset(); });
    }
  }

  // Replaces parts by one of their own parts, or by a constant.
  bool Parts() {
    bool changed = false;
    size_t count = 0;
    EachExpr(&program_, [&](ExprPtr*) { ++count; });
    for (size_t i = 0; i < count && attempts_ < kAttemptsMax; ++i) {
      for (int choice = 0; choice < 3; ++choice) {
        const bool done = Try([&](typed::Program* p) {
          size_t at = 0;
          ExprPtr* found = nullptr;
          EachExpr(p, [&](ExprPtr* e) {
            if (at++ == i) found = e;
          });
          if (found != nullptr) Simplify(found, choice);
        });
        changed |= done;
        if (done) break;
      }
    }
    return changed;
  }

  static void Simplify(ExprPtr* e, int choice) {
    const typed::ExprType type = (*e)->type;
    const size_t child = static_cast<size_t>(choice);
    const bool divides = child < (*e)->children.size() && (*e)->children[child] != nullptr &&
                         (*e)->children[child]->kind == typed::ExprKind::kDivide;  // stands in a rounding only
    if (choice < 2 && !divides && child < (*e)->children.size() && (*e)->children[child] != nullptr) {
      const typed::ExprType other = (*e)->children[child]->type;
      if (other.type.kind == type.type.kind && other.type.index == type.type.index && other.scale == type.scale &&
          other.type.optional == type.type.optional) {
        ExprPtr part = std::move((*e)->children[child]);
        *e = std::move(part);
      }
    } else if (choice == 2 && type.type.kind == TypeKind::kBool) {
      auto constant = std::make_unique<typed::Expr>();
      constant->type = type;
      constant->number = 1;
      *e = std::move(constant);
    }
  }

  std::string Report() {
    std::string out = absl::StrCat("\n", RunHistory(program_, history_, options_).value_or("(gone)"), "\n\n",
                                   Describe(program_), "\nhistory:\n");
    for (const Step& step : history_) absl::StrAppend(&out, "  ", Describe(program_.schema, step), "\n");
    Statistics ignored;
    Options plain = options_;
    plain.native = false;
    Session session(&program_, plain, &ignored);
    if (session.Prepare().has_value() || history_.empty()) return out;
    const Proposal& last = history_.back().proposal;
    if (!last.transition.valid()) return out;
    const ir::Program& ir = session.lowered().program;
    const FunctionId decide = ir.schema.workflows[last.workflow.value].transitions[last.transition.value].decide;
    return absl::StrCat(out, "\n", ir::ToText(ir, decide));
  }

  typed::Program program_;
  std::vector<Step> history_;
  const Options options_;
  int attempts_ = 0;
};

}  // namespace

std::string Shrink(const typed::Program& program, std::vector<Step> history, const Options& options) {
  return Shrinker(program, std::move(history), options).Run();
}

}  // namespace writ::agreement
