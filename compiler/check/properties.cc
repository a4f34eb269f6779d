// `property` blocks: each line becomes something that compiler/test can watch. What must never happen becomes a rule that
// restrains nothing, in a row of its own past those that govern.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/check/check.h"
#include "compiler/check/expressions.h"
#include "compiler/check/left_out.h"
#include "compiler/check/model.h"

namespace writ::check {
namespace {

ast::ExprPtr Node(ast::ExprKind kind, const ast::Name& at, std::string text = "") {
  auto node = std::make_unique<ast::Expr>();
  node->kind = kind;
  node->span = at.span;
  node->text = std::move(text);
  return node;
}

template <typename... Children>
ast::ExprPtr Node(ast::ExprKind kind, const ast::Name& at, std::string text, Children... children) {
  ast::ExprPtr node = Node(kind, at, std::move(text));
  (node->children.push_back(std::move(children)), ...);
  return node;
}

// before.f, after.f
ast::ExprPtr Sided(const char* side, const ast::Name& field) {
  ast::ExprPtr node = Node(ast::ExprKind::kMember, field, "", Node(ast::ExprKind::kName, field, side));
  node->name = field;
  return node;
}

// Something was there or is, and it is not the same.
ast::ExprPtr Changes(const ast::Name& field, bool optional) {
  if (!optional) return Node(ast::ExprKind::kBinary, field, "!=", Sided("before", field), Sided("after", field));
  ast::ExprPtr same = Node(ast::ExprKind::kBinary, field, "is", Sided("before", field), Sided("after", field));
  ast::ExprPtr any = Node(ast::ExprKind::kBinary, field, "or", Node(ast::ExprKind::kHas, field, "", Sided("before", field)),
                          Node(ast::ExprKind::kHas, field, "", Sided("after", field)));
  return Node(ast::ExprKind::kBinary, field, "and", Node(ast::ExprKind::kNot, field, "", std::move(same)), std::move(any));
}

class PropertyWalk {
 public:
  explicit PropertyWalk(Model& model) : model_(model) {}

  void Run(const ast::Property& property) {
    for (const ast::PropertyItem& item : property.items) {
      Reading reading(model_);
      reading_ = &reading;
      Item(property, item);
    }
  }

 private:
  using Kind = ast::PropertyItem::Kind;

  void Item(const ast::Property& property, const ast::PropertyItem& item) {
    typed::Property out;
    out.name = property.name;
    out.span = item.span;
    out.block = property.span;
    out.workflow = WorkflowOf(item);
    if (!out.workflow.valid()) return;
    switch (item.kind) {
      case Kind::kNever:
        out.kind = typed::Property::Kind::kNever;
        if (!Never(item, &out)) return;
        break;
      case Kind::kNeverChanges:
        out.kind = typed::Property::Kind::kNever;
        if (!NeverChanges(item, &out)) return;
        break;
      case Kind::kAlways:
        out.kind = typed::Property::Kind::kAlways;
        if (!Always(item, &out)) return;
        break;
      case Kind::kWithin:
        out.kind = typed::Property::Kind::kWithin;
        if (!Within(item, &out)) return;
        break;
    }
    model_.program.properties.push_back(std::move(out));
  }

  // The one that it names, or the only one that can be meant.
  WorkflowId WorkflowOf(const ast::PropertyItem& item) {
    if (!item.workflow.empty()) return model_.FindWorkflow(item.workflow);
    std::vector<WorkflowId> meant;
    for (uint32_t i = 0; i < model_.workflows.size(); ++i) {
      const Workflow& workflow = model_.schema().workflows[i];
      const bool knows = item.of == nullptr || model_.workflows[i].transitions.contains(EventName(*item.of));
      if (!workflow.is_builtin && !workflow.is_entity && knows) meant.push_back(WorkflowId(i));
    }
    if (meant.size() == 1) return meant[0];
    model_.sink.Report(item.span, diagnostics::kPropertyWorkflow);
    return {};
  }

  static std::string EventName(const ast::Expr& event) {
    if (event.kind == ast::ExprKind::kFold && event.fold != nullptr && event.fold->source != nullptr)
      return event.fold->source->text;
    return event.text;
  }

  bool IsLeftOut(const typed::Property& property) {
    return reading_->LeavesOut(property.span, absl::StrCat("property \"", property.name, "\""));
  }

  // A row and a rule of their own. Such names sort behind all others, and nobody can write them.
  RuleId AddRestraint(typed::Rule rule) {
    std::vector<Rule>& rows = model_.schema().rules;
    Rule row;
    row.qualified = absl::StrFormat("~property %06d", rows.size());
    row.effect = Effect::kDeny;
    SetPlace(model_, rule.span, &row);
    rows.push_back(std::move(row));
    rule.rule = RuleId(rows.size() - 1);
    AddRule(model_, std::move(rule));
    return RuleId(rows.size() - 1);
  }

  typed::Rule RuleOn(const typed::Property& property, std::vector<TransitionId> transitions) const {
    typed::Rule rule;
    rule.workflow = property.workflow;
    rule.transitions = std::move(transitions);
    rule.span = property.span;
    return rule;
  }

  bool Guard(const ast::ExprPtr& when, const Scope& scope, typed::ExprPtr* out) {
    if (when != nullptr) *out = Expressions(model_, scope).CheckGuard(*when);
    return when == nullptr || *out != nullptr;
  }

  bool Never(const ast::PropertyItem& item, typed::Property* out) {
    bool ok = true;
    typed::Rule rule = RuleOn(*out, model_.FindTransitions(out->workflow, item.transitions, &ok));
    rule.by = model_.FindRoles(item.by, &rule.by_orchestrator, &ok);
    if (!ok || rule.transitions.empty()) return false;
    if (!Guard(item.when, {ScopeKind::kProposal, out->workflow, rule.transitions, {}}, &rule.when)) return false;
    if (IsLeftOut(*out)) return false;
    out->rule = AddRestraint(std::move(rule));
    return true;
  }

  bool NeverChanges(const ast::PropertyItem& item, typed::Property* out) {
    const WorkflowNames& names = model_.names(out->workflow);
    const auto field = names.fields.find(item.field.text);
    if (field == names.fields.end()) {
      model_.sink.Report(item.field.span, diagnostics::kUnknownField, item.field, model_.workflow(out->workflow).name)
          .Help(Hint(model_.sink, item.field.text, NamesOf(names.fields)));
      return false;
    }
    const Field& declared = model_.workflow(out->workflow).fields[field->second];
    if (!declared.type.valid()) return false;
    std::vector<TransitionId> setters;
    const std::vector<Transition>& transitions = model_.workflow(out->workflow).transitions;
    for (uint32_t t = 0; t < transitions.size(); ++t) {
      const bool creates = transitions[t].sources == std::vector<StateId>{kNewState};
      const bool sets = std::any_of(transitions[t].sets.begin(), transitions[t].sets.end(),
                                    [&](const SetField& set) { return set.field.value == field->second; });
      if (sets && !creates) setters.push_back(TransitionId(t));
    }
    if (setters.empty()) return true;  // no transition can break it
    typed::Rule rule = RuleOn(*out, std::move(setters));
    const Scope scope{ScopeKind::kProposal, out->workflow, rule.transitions, {}};
    typed::ExprPtr when;
    const ast::ExprPtr changes = Changes(item.field, model_.types.At(declared.type).optional);
    rule.when = Expressions(model_, scope).CheckGuard(*changes);
    if (rule.when == nullptr || !Guard(item.when, scope, &when)) return false;
    if (IsLeftOut(*out)) return false;
    if (when != nullptr) {
      auto both = std::make_unique<typed::Expr>();
      both->kind = typed::ExprKind::kAnd;
      both->type = when->type;
      both->span = item.span;
      both->children.push_back(std::move(rule.when));
      both->children.push_back(std::move(when));
      rule.when = std::move(both);
    }
    out->rule = AddRestraint(std::move(rule));
    return true;
  }

  bool Always(const ast::PropertyItem& item, typed::Property* out) {
    const Scope scope{ScopeKind::kCondition, out->workflow, {}, {}};
    return item.condition != nullptr && Guard(item.condition, scope, &out->condition) &&
           Guard(item.when, scope, &out->when) && !IsLeftOut(*out);
  }

  bool Within(const ast::PropertyItem& item, typed::Property* out) {
    if (item.within == nullptr || item.of == nullptr) return false;
    const std::optional<Num> within = Expressions(model_, {}).CheckConstant(*item.within, TypeKind::kDuration);
    if (within.has_value() && *within <= 0) model_.sink.Report(item.within->span, diagnostics::kWindowNotPositive);
    std::optional<typed::Pattern> event =
        Expressions(model_, {ScopeKind::kEvent, out->workflow, {}, {}}).EventPattern(*item.of);
    const bool reached = Reached(item.transitions, out);
    if (!within.has_value() || *within <= 0 || !event.has_value() || !reached) return false;
    out->within_ns = static_cast<int64_t>(*within);
    typed::Rule rule = RuleOn(*out, std::move(event->transitions));
    rule.by = std::move(event->by);
    rule.by_orchestrator = event->by_orchestrator;
    rule.when = std::move(event->where);
    out->rule = AddRestraint(std::move(rule));
    return true;
  }

  bool Reached(const std::vector<ast::Name>& names, typed::Property* out) {
    const WorkflowNames& known = model_.names(out->workflow);
    bool ok = true;
    for (const ast::Name& name : names) {
      const auto transition = known.transitions.find(name.text);
      const auto state = known.states.find(name.text);
      if (transition != known.transitions.end()) out->transitions.push_back(TransitionId(transition->second));
      if (state != known.states.end()) out->states.push_back(StateId(state->second));
      if (transition != known.transitions.end() || state != known.states.end()) continue;
      std::vector<std::string> hints = NamesOf(known.transitions);
      for (const std::string& hint : NamesOf(known.states)) hints.push_back(hint);
      model_.sink.Report(name.span, diagnostics::kNeitherReached, name, model_.workflow(out->workflow).name)
          .Help(Hint(model_.sink, name.text, hints));
      ok = false;
    }
    std::sort(out->transitions.begin(), out->transitions.end());
    std::sort(out->states.begin(), out->states.end());
    return ok;
  }

  Model& model_;
  Reading* reading_ = nullptr;
};

}  // namespace

void CheckProperties(Model& model) {
  for (const ast::File* file : FilesByPath(model)) {
    for (const ast::Property& property : file->properties) PropertyWalk(model).Run(property);
  }
}

}  // namespace writ::check
