// Facts that are declared by name: folds over events or instances, kept by key across workflows, or of one instance.
#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/check/check.h"
#include "compiler/check/expressions.h"
#include "compiler/check/model.h"
#include "compiler/typed/expr.h"

namespace writ::check {
namespace {

// `a.b.c` as its names, or nothing.
std::vector<ast::Name> PathOf(const ast::Expr& expr) {
  if (expr.kind == ast::ExprKind::kName) return {{expr.text, expr.span}};
  if (expr.kind != ast::ExprKind::kMember || expr.children.empty() || expr.children[0] == nullptr) return {};
  std::vector<ast::Name> path = PathOf(*expr.children[0]);
  if (!path.empty()) path.push_back(expr.name);
  return path;
}

bool ReadsPayload(const typed::Expr& expr) {
  if (expr.kind == typed::ExprKind::kSlot && expr.root == SlotRoot::kPayload) return true;
  return std::any_of(expr.children.begin(), expr.children.end(),
                     [](const typed::ExprPtr& child) { return child != nullptr && ReadsPayload(*child); });
}

class FactBuilder {
 public:
  FactBuilder(Model& model, DeclaredFact& declared) : model_(model), declared_(declared), node_(*declared.node) {}

  void Build() {
    if (node_.body == nullptr) return;
    // The fold, and what `last(…)` takes of its event.
    std::vector<ast::Name> path;
    const ast::Expr* fold = node_.body.get();
    while (fold->kind == ast::ExprKind::kMember && !fold->children.empty() && fold->children[0] != nullptr) {
      path.insert(path.begin(), fold->name);
      fold = fold->children[0].get();
    }
    const bool is_fold = fold->kind == ast::ExprKind::kFold && fold->fold != nullptr && fold->fold->source != nullptr;
    if (!is_fold || (!path.empty() && fold->text != "last") || !fold->fold->variables.empty()) {
      model_.sink.Report(node_.body->span, diagnostics::kNoFoldInFact, node_.name);
      return;
    }
    std::optional<typed::Fact> fact = fold->fold->now_in.empty() ? Events(*fold, path) : Population(*fold);
    if (!fact.has_value() || !HasResult(*fact)) return;
    if (IsKeyed()) {
      fact->keyed = AddWorkflow(*fact);
      if (!fact->keyed.valid()) return;
    }
    declared_.fact = model_.AddFact(*std::move(fact));
  }

 private:
  bool IsKeyed() const { return !declared_.owner.valid() || !node_.per.empty(); }

  // ---------------------------------------------------------------- of events

  std::optional<typed::Fact> Events(const ast::Expr& fold, const std::vector<ast::Name>& path) {
    const WorkflowId w = WorkflowOf(*fold.fold->source);
    if (!w.valid()) return std::nullopt;
    std::optional<typed::Fact> fact =
        Expressions(model_, {ScopeKind::kDefinition, w, {}, {}}).EventsFact(fold, path, node_.body->span);
    if (fact.has_value() && !IsKeyed() && w != declared_.owner) {
      model_.sink.Report(node_.body->span, diagnostics::kFactOfAnother, node_.name);
      return std::nullopt;
    }
    if (!fact.has_value() || !IsKeyed()) return fact;
    if (fact->refused) {
      model_.sink.Report(fold.span, diagnostics::kKeyedRefused);
      return std::nullopt;
    }
    for (const ast::ExprPtr& part : node_.per) {
      typed::ExprPtr value = Expressions(model_, {ScopeKind::kEvent, w, fact->pattern.transitions, {}}).Check(*part);
      if (value == nullptr) return std::nullopt;
      if (fact->since.has_value() && ReadsPayload(*value)) {
        model_.sink.Report(part->span, diagnostics::kKeyOfSince, PathOf(*part).back());
        return std::nullopt;
      }
      fact->key.push_back(std::move(value));
    }
    return fact;
  }

  // Whose events: a workflow that is named before the point, the one that this stands in, or the only one that has them.
  WorkflowId WorkflowOf(const ast::Expr& source) {
    const bool is_event = source.kind == ast::ExprKind::kFold && source.fold != nullptr && source.fold->source != nullptr;
    if (is_event) return WorkflowOf(*source.fold->source);
    const std::vector<ast::Name> path = PathOf(source);
    if (path.size() == 2) return model_.FindWorkflow(path[0]);
    if (path.size() != 1) {
      model_.sink.Report(source.span, diagnostics::kPatternNeedsTransition);
      return {};
    }
    if (declared_.owner.valid()) return declared_.owner;
    const ast::Instance* instance = model_.symbols.InstanceOf(node_.name.span.file);
    if (instance != nullptr && !instance->workflow.empty()) return model_.FindWorkflow(instance->workflow);
    return OnlyOneWith(path[0]);
  }

  WorkflowId OnlyOneWith(const ast::Name& transition) {
    std::vector<std::string> found, known;
    WorkflowId only;
    for (uint32_t i = 0; i < model_.workflows.size(); ++i) {
      const Workflow& w = model_.workflow(WorkflowId(i));
      if (w.is_builtin) continue;
      for (const Transition& t : w.transitions) known.push_back(t.name);
      if (model_.names(WorkflowId(i)).transitions.count(transition.text) == 0) continue;
      if (model_.symbols.Find(Space::kType, {w.name, transition.span}) != model_.workflows[i].declaration) continue;
      found.push_back(absl::StrCat("`", w.name, ".", transition.text, "`"));
      only = WorkflowId(i);
    }
    if (found.size() == 1) return only;
    if (found.empty()) {
      model_.sink.Report(transition.span, diagnostics::kFactOfNothing, transition)
          .Help(Hint(model_.sink, transition.text, known));
    } else {
      model_.sink.Report(transition.span, diagnostics::kFactOfSeveral, transition, absl::StrCat(found[0], " or ", found[1]));
    }
    return {};
  }

  // ---------------------------------------------------------------- of who is where

  std::optional<typed::Fact> Population(const ast::Expr& expr) {
    const ast::Fold& fold = *expr.fold;
    if (expr.text != "count") {
      model_.sink.Report(expr.span, diagnostics::kPopulationCounts, expr.text);
      return std::nullopt;
    }
    if (!IsKeyed()) {
      model_.sink.Report(expr.span, diagnostics::kPopulationOfInstance, node_.name);
      return std::nullopt;
    }
    const std::vector<ast::Name> source = PathOf(*fold.source);
    if (source.empty() || source.size() > 2) {
      model_.sink.Report(fold.source->span, diagnostics::kPopulationSource);
      return std::nullopt;
    }
    typed::Fact fact;
    fact.kind = typed::Fact::Kind::kPopulation;
    fact.workflow = model_.FindWorkflow(source[0]);
    fact.span = expr.span;
    fact.type = {Of(TypeKind::kInt), 0};
    if (!fact.workflow.valid() || !States(fold, &fact)) return std::nullopt;
    if (source.size() == 2 && !OfTask(fold, source[1], &fact)) return std::nullopt;
    if (fold.of != nullptr && node_.per.size() != 1) {
      model_.sink.Report(fold.of->span, diagnostics::kKeyPartCount, Counted(node_.per.size(), "part"), AreCounted(1));
      return std::nullopt;
    }
    for (const ast::ExprPtr& part : node_.per) {
      typed::ExprPtr value = KeyOfInstance(fact.workflow, fold.of != nullptr ? *fold.of : *part);
      if (value == nullptr) return std::nullopt;
      fact.key.push_back(std::move(value));
    }
    return fact;
  }

  // `Task.later_review now in …`: those of that name.
  bool OfTask(const ast::Fold& fold, const ast::Name& name, typed::Fact* fact) {
    if (!IsTask(fact->workflow)) {
      model_.sink.Report(fold.source->span, diagnostics::kPopulationSource);
      return false;
    }
    const std::vector<std::string> known = NamesOfTasks(model_);
    if (!std::binary_search(known.begin(), known.end(), name.text)) {
      model_.sink.Report(name.span, diagnostics::kUnknownTask, name).Help(Hint(model_.sink, name.text, known));
      return false;
    }
    auto wanted = std::make_unique<typed::Expr>();
    wanted->type.type = Of(TypeKind::kString);
    wanted->text = name.text;
    auto is_it = std::make_unique<typed::Expr>();
    is_it->kind = typed::ExprKind::kEqual;
    is_it->type.type = Of(TypeKind::kBool);
    is_it->children.push_back(FieldOfTask(fact->workflow, "name"));
    is_it->children.push_back(std::move(wanted));
    fact->pattern.where = std::move(is_it);
    return true;
  }

  bool IsTask(WorkflowId w) { return model_.workflow(w).qualified == kTaskWorkflow; }

  typed::ExprPtr FieldOfTask(WorkflowId task, const char* name) {
    auto field = std::make_unique<typed::Expr>();
    field->kind = typed::ExprKind::kSlot;
    field->root = SlotRoot::kAfter;
    field->index = model_.names(task).fields.at(name);
    field->type.type = model_.types.At(model_.workflow(task).fields[field->index].type);
    return field;
  }

  // The instance of `owner` that a task is on: the task keeps the name of its stream, which lower/ cuts to the key.
  typed::ExprPtr InstanceOfTask(WorkflowId task, WorkflowId owner, ast::Span span) {
    auto found = std::make_unique<typed::Expr>();
    found->kind = typed::ExprKind::kEntityLookup;
    found->span = span;
    found->type.type = Of(TypeKind::kReference, owner.value);
    found->index = owner.value;
    typed::ExprPtr on = FieldOfTask(task, "on");
    on->text = absl::StrCat(model_.workflow(owner).qualified, "/");
    found->children.push_back(std::move(on));
    for (size_t i = 1; i < model_.workflow(owner).key.size(); ++i) {  // the stream names them all
      found->children.push_back(std::make_unique<typed::Expr>());
      found->children.back()->type.type = Of(TypeKind::kString);
    }
    return found;
  }

  bool States(const ast::Fold& fold, typed::Fact* fact) {
    for (const ast::Name& name : fold.now_in) {
      const StateId state = model_.FindState(fact->workflow, name);
      if (!state.valid()) return false;
      if (std::find(fact->states.begin(), fact->states.end(), state) != fact->states.end()) {
        model_.sink.Report(name.span, diagnostics::kNamedTwice, name);
        return false;
      }
      fact->states.push_back(state);
    }
    std::sort(fact->states.begin(), fact->states.end());
    return true;
  }

  // A field, or what is known of the last event of a transition: `start.actor`.
  // Of a task also one of the instance that it is on: `Change.break_glass.actor`.
  typed::ExprPtr KeyOfInstance(WorkflowId w, const ast::Expr& part) {
    std::vector<ast::Name> path = PathOf(part);
    if (IsTask(w) && !path.empty() && model_.names(w).fields.count(path[0].text) == 0 &&
        model_.names(w).transitions.count(path[0].text) == 0) {
      const Declaration* owner = model_.symbols.Find(Space::kType, path[0]);
      if (owner != nullptr && owner->kind == DeclarationKind::kWorkflow) {
        typed::ExprPtr on = InstanceOfTask(w, WorkflowId(owner->id), part.span);
        path.erase(path.begin());
        return Expressions(model_, {ScopeKind::kDefinition, w, {}, {}}).OfInstance(std::move(on), std::move(path), part.span);
      }
    }
    const WorkflowNames& names = model_.names(w);
    const bool is_event = path.size() > 1 && names.fields.count(path[0].text) == 0 &&
                          names.transitions.count(path[0].text) != 0;
    if (!is_event) {
      if (path.empty() || path[0].text == "actor") {
        model_.sink.Report(part.span, diagnostics::kPopulationActor);
        return nullptr;
      }
      return Expressions(model_, {ScopeKind::kEvent, w, {}, {}}).Check(part);
    }
    const ast::Expr last = LastOf(path[0], part.span);
    path.erase(path.begin());
    std::optional<typed::Fact> fact =
        Expressions(model_, {ScopeKind::kDefinition, w, {}, {}}).EventsFact(last, path, part.span);
    if (!fact.has_value()) return nullptr;
    auto value = std::make_unique<typed::Expr>();
    value->kind = typed::ExprKind::kFact;
    value->type = fact->type;
    value->span = part.span;
    value->index = model_.AddFact(*std::move(fact));
    return value;
  }

  // ---------------------------------------------------------------- the table that it is kept in

  bool HasResult(const typed::Fact& fact) {
    if (!node_.result.has_value()) return true;
    const std::optional<Type> result = model_.types.Resolve(*node_.result);
    if (!result.has_value()) return false;
    const Type& found = fact.type.type;
    if (SameType(found, *result) && (!found.optional || result->optional)) return true;
    model_.sink.Report(node_.body->span, diagnostics::kDefResult, node_.name, model_.types.Words(*result),
                       model_.types.Words(found));
    return false;
  }

  WorkflowId AddWorkflow(const typed::Fact& fact) {
    Workflow workflow;
    workflow.name = node_.name.text;
    workflow.package = declared_.package;
    workflow.qualified = declared_.qualified;
    workflow.is_fact = true;
    std::set<std::string> seen;
    for (size_t i = 0; i < node_.per.size(); ++i) {
      const ast::Name name = PathOf(*node_.per[i]).back();
      if (!seen.insert(name.text).second) {
        model_.sink.Report(name.span, diagnostics::kNamedTwice, name);
        return {};
      }
      Type type = fact.key[i]->type.type;
      const bool fits = type.kind == TypeKind::kString || type.kind == TypeKind::kEnum ||
                        type.kind == TypeKind::kDate || type.kind == TypeKind::kTime ||
                        type.kind == TypeKind::kReference || (type.kind == TypeKind::kInt && !IsState(type));
      if (!fits || fact.key[i]->type.scale != 0) {
        model_.sink.Report(name.span, diagnostics::kBadKeyType, name, model_.types.Words(type));
        return {};
      }
      type.optional = false;
      Field part;
      part.name = name.text;
      part.type = model_.types.Intern(type);
      workflow.key.push_back(std::move(part));
    }
    model_.schema().workflows.push_back(std::move(workflow));
    return WorkflowId(model_.schema().workflows.size() - 1);
  }

  Model& model_;
  DeclaredFact& declared_;
  const ast::Fact& node_;
};

void Collect(Model& model) {
  for (const Declaration* d : model.symbols.OfKind(DeclarationKind::kFact))
    model.declared_facts.push_back({d->fact, {}, d->package, d->qualified, {}});
  for (uint32_t w = 0; w < model.workflows.size(); ++w) {
    const Declaration& d = *model.workflows[w].declaration;
    if (d.workflow == nullptr) continue;
    for (const ast::Fact& fact : d.workflow->facts) {
      if (fact.name.empty()) continue;
      model.declared_facts.push_back(
          {&fact, WorkflowId(w), d.package, absl::StrCat(d.qualified, ".", fact.name.text), {}});
    }
  }
  std::stable_sort(model.declared_facts.begin(), model.declared_facts.end(),
                   [](const DeclaredFact& a, const DeclaredFact& b) { return a.qualified < b.qualified; });
  for (uint32_t i = 0; i < model.declared_facts.size(); ++i) {
    const DeclaredFact& fact = model.declared_facts[i];
    if (fact.owner.valid()) model.workflows[fact.owner.value].facts.emplace(fact.node->name.text, i);
  }
}

}  // namespace

void DeclareFacts(Model& model) {
  Collect(model);
  std::vector<DeclaredFact>& facts = model.declared_facts;
  if (!facts.empty() && !model.WithinLimit(facts.back().node->name.span, facts.size(), "facts", kFactsMax)) return;
  std::set<std::string> seen;
  for (DeclaredFact& fact : facts) {
    if (seen.insert(fact.qualified).second) FactBuilder(model, fact).Build();  // twice: told where names are collected
  }
}

}  // namespace writ::check
