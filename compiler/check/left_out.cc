#include "compiler/check/left_out.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/check/expressions.h"
#include "compiler/typed/expr.h"

namespace writ::check {
namespace {

constexpr const char kConfidence[] = "confidence";
constexpr Num kWhole = 1'000'000;  // 100%

// a, b and c
std::string Listed(const std::vector<std::string>& words) {
  if (words.size() < 2) return absl::StrJoin(words, "");
  return absl::StrCat(absl::StrJoin(words.begin(), words.end() - 1, ", "), " and ", words.back());
}

std::set<std::string> LabelsBorne(const Schema& schema) {
  std::set<std::string> labels;
  const auto add = [&](const std::vector<Field>& fields) {
    for (const Field& field : fields) labels.insert(field.labels.begin(), field.labels.end());
  };
  for (const Record& record : schema.records) add(record.members);
  for (const Workflow& workflow : schema.workflows) {
    add(workflow.fields);
    for (const Transition& transition : workflow.transitions) add(transition.payload);
  }
  return labels;
}

// Names in `confidence`, `divergence`, `clearance` and `context`, and in `joint`.
class Names {
 public:
  explicit Names(Model& model) : model_(model), labels_(LabelsBorne(model.schema())) {}

  void In(const ast::Clearance& node) {
    Roles(node.roles);
    for (const ast::Name& label : node.labels) {
      if (labels_.count(label.text) != 0) continue;
      const std::vector<std::string> known(labels_.begin(), labels_.end());
      model_.sink.Report(label.span, diagnostics::kLabelOfNothing, label).Help(Hint(model_.sink, label.text, known));
    }
    LeaveOut(model_, node.span, "`clearance`");
  }

  void In(const ast::Confidence& node) {
    const WorkflowId w = model_.FindWorkflow(node.workflow);
    if (w.valid()) Once(absl::StrCat("confidence ", w.value), node.workflow, "a `confidence`");
    for (const ast::Name& name : node.weakest) Judged(w, name);
    for (const ast::Reliance& reliance : node.reliances) {
      Judged(w, reliance.transition);
      for (const ast::Basis& basis : reliance.bases) Judged(w, basis.of);
    }
    if (node.independent && !node.across.empty()) Attribute(node.across);
    for (const ast::Calibration& calibration : node.calibrations) In(calibration);
    LeaveOut(model_, node.span, absl::StrCat("`confidence on ", node.workflow.text, "`"));
  }

  void In(const ast::Divergence& node) {
    const RoleId left = model_.FindRole(node.left), right = model_.FindRole(node.right);
    if (left.valid() && left == right) model_.sink.Report(node.right.span, diagnostics::kDivergesFromItself, node.right);
    const WorkflowId w = model_.FindWorkflow(node.workflow);
    const TransitionId t = model_.FindTransition(w, node.transition);
    if (t.valid()) {
      const std::vector<Field>& payload = model_.transition(w, t).payload;
      const bool differs = std::any_of(payload.begin(), payload.end(), [&](const Field& field) {
        return !field.type.valid() || model_.types.At(field.type).kind == TypeKind::kEnum;
      });
      if (!differs) model_.sink.Report(node.transition.span, diagnostics::kNothingToDifferIn, node.transition);
      if (left.valid() && right.valid()) {
        const auto pair = std::minmax(left.value, right.value);
        Once(absl::StrCat("divergence ", w.value, " ", t.value, " ", pair.first, " ", pair.second), node.left,
             absl::StrCat("a `divergence` from `", node.right.text, "`"));
      }
    }
    for (const ast::ExprPtr& key : node.per) Value(w, key);
    Share(node.baseline);
    Share(node.margin);
    Roles(node.notify);
    LeaveOut(model_, node.span, absl::StrCat("`divergence ", node.left.text, " vs ", node.right.text, "`"));
  }

  void In(const ast::Context& node) {
    const RoleId role = model_.FindRole(node.role);
    const WorkflowId w = model_.FindWorkflow(node.workflow);
    if (role.valid() && w.valid()) {
      Once(absl::StrCat("context ", role.value, " ", w.value), node.role,
           absl::StrCat("a `context` on `", node.workflow.text, "`"));
    }
    for (const ast::ContextItem& item : node.items) In(w, node.role, item);
    LeaveOut(model_, node.span, absl::StrCat("`context ", node.role.text, " on ", node.workflow.text, "`"));
  }

  void Joint(const ReviewNames& review) {
    if (review.node->joint.empty()) return;
    bool ok = true;
    model_.FindTransitions(review.workflow, review.node->joint, &ok);
    LeaveOut(model_, review.node->joint.front().span, "`joint`");
  }

 private:
  void In(const ast::Calibration& node) {
    Roles(node.roles);
    std::optional<Num> above;
    for (const auto& [claimed, right] : node.bins) {
      const std::optional<Num> claim = Share(claimed);
      Share(right);
      if (claim.has_value() && above.has_value() && *claim >= *above) {
        model_.sink.Report(claimed->span, diagnostics::kClaimsFall);
      }
      above = claim;
    }
  }

  void In(WorkflowId w, const ast::Name& reader, const ast::ContextItem& item) {
    using Kind = ast::ContextItem::Kind;
    for (const ast::ExprPtr& field : item.fields) Value(w, field);
    if (item.source.text == "verdicts") {
      for (const ast::Name& role : item.of) Seat(w, role);
    } else {
      for (const ast::Name& transition : item.of) model_.FindTransition(w, transition);
    }
    if (item.within != nullptr) Expressions(model_, {}).CheckConstant(*item.within, TypeKind::kDuration);
    if (item.kind == Kind::kBarrier && !item.until.empty()) Seat(w, reader);
    if (item.when != nullptr && w.valid()) Expressions(model_, Instance(w)).CheckGuard(*item.when);
    if (!item.role.empty()) model_.FindRole(item.role);
  }

  static Scope Instance(WorkflowId w) { return {ScopeKind::kCondition, w, {}, {}}; }

  void Value(WorkflowId w, const ast::ExprPtr& expr) {
    if (expr != nullptr && w.valid()) Expressions(model_, Instance(w)).Check(*expr);
  }

  void Roles(const std::vector<ast::Name>& names) {
    bool ok = true;
    model_.FindRoles(names, nullptr, &ok);
  }

  // A role that gives verdicts on this workflow.
  void Seat(WorkflowId w, const ast::Name& name) {
    const RoleId role = model_.FindRole(name);
    if (!role.valid() || !w.valid()) return;
    for (const Review& review : model_.workflow(w).reviews) {
      for (const writ::Seat& seat : review.seats) {
        if (seat.role == role) return;
      }
    }
    model_.sink.Report(name.span, diagnostics::kNoSeat, name, model_.workflow(w).name);
  }

  // A transition that says how sure its proposer is.
  void Judged(WorkflowId w, const ast::Name& name) {
    const TransitionId t = model_.FindTransition(w, name);
    if (!t.valid()) return;
    for (const Field& field : model_.transition(w, t).payload) {
      if (field.name != kConfidence) continue;
      if (!field.type.valid() || model_.types.At(field.type).kind == TypeKind::kPercent) return;
    }
    model_.sink.Report(name.span, diagnostics::kCarriesNoConfidence, name)
        .Related(model_.names(w).transition_spans[t.value], "the transition is declared here");
  }

  void Attribute(const ast::Name& name) {
    std::vector<std::string> known;
    for (const Workflow& agent : model_.schema().workflows) {
      if (agent.qualified != kAgentWorkflow) continue;
      for (const Field& field : agent.fields) known.push_back(field.name);
    }
    if (std::find(known.begin(), known.end(), name.text) != known.end()) return;
    model_.sink.Report(name.span, diagnostics::kUnknownAttribute, name).Help(Hint(model_.sink, name.text, known));
  }

  std::optional<Num> Share(const ast::ExprPtr& expr) {
    if (expr == nullptr) return std::nullopt;
    const std::optional<Num> share = Expressions(model_, {}).CheckConstant(*expr, TypeKind::kPercent);
    if (share.has_value() && *share > kWhole) model_.sink.Report(expr->span, diagnostics::kNoShare, absl::StrCat(expr->text, "%"));
    return share;
  }

  void Once(const std::string& what, const ast::Name& name, const std::string& words) {
    const auto [at, is_new] = seen_.emplace(what, name.span);
    if (is_new) return;
    model_.sink.Report(name.span, diagnostics::kDeclaredBefore, name, words).Related(at->second, "the first is here");
  }

  Model& model_;
  std::set<std::string> labels_;
  std::map<std::string, ast::Span> seen_;
};

}  // namespace

bool IsUnkept(const std::string& name) { return name == kConfidence || name == "stuck" || name == "circling"; }

void LeaveOut(Model& model, ast::Span span, std::string what) { model.left_out.push_back({span, std::move(what)}); }

bool Reading::LeavesOut(ast::Span span, const std::string& what) {
  if (names_.empty()) return false;
  LeaveOut(model_, span, what);
  for (; model_.program.facts.size() > facts_; model_.program.facts.pop_back()) {
    model_.facts.erase(typed::Text(model_.program.facts.back()));
  }
  return true;
}

void CheckFormula(Model& model, WorkflowId workflow, const ast::Expr& expr) {
  if (expr.kind == ast::ExprKind::kSays) {
    Expressions(model, {ScopeKind::kCondition, workflow, {}, {}}).Check(expr);
    return;
  }
  if (expr.kind != ast::ExprKind::kOf) {
    model.sink.Report(expr.span, diagnostics::kFormulaOfVerdicts);
    return;
  }
  for (const ast::ExprPtr& part : expr.children) {
    if (part != nullptr) CheckFormula(model, workflow, *part);
  }
}

void DeclareJudgement(Model& model) {
  for (const ast::File& file : model.files) {
    for (const ast::Confidence& node : file.confidences) {
      const Declaration* d = node.workflow.empty() ? nullptr : model.symbols.Find(Space::kType, node.workflow);
      if (d != nullptr && d->kind == DeclarationKind::kWorkflow) model.confident.insert(d->id);
    }
  }
}

void CheckJudgement(Model& model) {
  Names names(model);
  for (const ast::File* file : FilesByPath(model)) {
    for (const ast::Clearance& node : file->clearances) names.In(node);
    for (const ast::Confidence& node : file->confidences) names.In(node);
    for (const ast::Divergence& node : file->divergences) names.In(node);
    for (const ast::Context& node : file->contexts) names.In(node);
  }
  for (const ReviewNames& review : model.reviews) names.Joint(review);
}

void TellLeftOut(Model& model) {
  if (model.sink.has_errors()) return;  // there is no policy to leave it out of
  std::map<uint32_t, std::vector<Model::LeftOut>> by_file;
  for (const Model::LeftOut& left : model.left_out) by_file[left.span.file].push_back(left);
  for (auto& [file, left] : by_file) {
    std::stable_sort(left.begin(), left.end(), [](const auto& a, const auto& b) { return a.span.begin < b.span.begin; });
    std::vector<std::string> words;
    for (const Model::LeftOut& one : left) {
      if (std::find(words.begin(), words.end(), one.what) == words.end()) words.push_back(one.what);
    }
    model.sink.Report(left[0].span, diagnostics::kLeftOut, Listed(words));
  }
}

}  // namespace writ::check
