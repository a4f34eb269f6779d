// What a rule obliges somebody to: the `then` of rules.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/check/expressions.h"
#include "compiler/check/model.h"
#include "compiler/typed/expr.h"

namespace writ::check {
namespace {

constexpr const char kRoleField[] = "role";

// `to CFO`: the obligation's field `role`.
typed::ExprPtr RoleValue(Model& model, const ast::Name& name, const Type& type) {
  const RoleId role = model.FindRole(name);
  if (!role.valid()) return nullptr;
  auto value = std::make_unique<typed::Expr>();
  value->kind = typed::ExprKind::kConstant;
  value->span = name.span;
  value->type.type = type;
  if (type.kind == TypeKind::kRole) {
    value->number = role.value;
    return value;
  }
  value->text = model.schema().roles[role.value].name;
  if (value->text.size() <= type.capacity) return value;
  model.sink.Report(name.span, diagnostics::kTextTooLong, value->text.size(), type.capacity);
  return nullptr;
}

class ObligationWalk {
 public:
  ObligationWalk(Model& model, const RuleSite& site, std::vector<typed::Consequence>* out)
      : model_(model), site_(site), out_(out) {}

  void Add(const ast::Duty& duty) {
    id_ = FindObligation(model_, duty.name);
    if (!id_.valid()) return;
    const Obligation& obligation = Row();
    const bool is_notify = obligation.qualified == kNotify;
    if (is_notify && duty.to.empty()) {
      model_.sink.Report(duty.span, diagnostics::kNotifyWhom);
      return;
    }
    if (duty.to.empty()) return AddOne(duty, nullptr);
    if (!TakesRole(obligation)) {
      model_.sink.Report(duty.to[0].span, diagnostics::kToNeedsRole, duty.name);
      return;
    }
    for (const ast::Name& name : duty.to) AddOne(duty, &name);
  }

 private:
  const Obligation& Row() const { return model_.program.schema.obligations[id_.value]; }

  bool TakesRole(const Obligation& obligation) const {
    return std::any_of(obligation.fields.begin(), obligation.fields.end(), [&](const Field& field) {
      if (field.name != kRoleField || !field.type.valid()) return false;
      const TypeKind kind = model_.types.At(field.type).kind;
      return kind == TypeKind::kRole || kind == TypeKind::kString;
    });
  }

  void AddOne(const ast::Duty& duty, const ast::Name* to) {
    const Obligation obligation = Row();  // checking values may add types, and moves the tables
    std::vector<typed::ExprPtr> values(obligation.fields.size());
    std::vector<bool> given(obligation.fields.size());
    const size_t count =
        duty.values != nullptr ? std::min(duty.values->members.size(), duty.values->children.size()) : 0;
    for (size_t i = 0; i < count; ++i) {
      const ast::Name& name = duty.values->members[i];
      const std::optional<size_t> field = FieldNamed(obligation, name);
      if (!field.has_value() || given[*field]) continue;
      given[*field] = true;
      if (duty.values->children[i] == nullptr || !obligation.fields[*field].type.valid()) continue;
      const Scope scope{ScopeKind::kProposal, site_.workflow, site_.transitions, {}};
      const Type type = model_.types.At(obligation.fields[*field].type);
      values[*field] = Expressions(model_, scope).CheckValue(*duty.values->children[i], type);
    }
    for (size_t f = 0; f < obligation.fields.size(); ++f) {
      if (given[f] || !obligation.fields[f].type.valid()) continue;
      const Type type = model_.types.At(obligation.fields[f].type);
      if (to != nullptr && obligation.fields[f].name == kRoleField) {
        values[f] = RoleValue(model_, *to, type);
      } else if (!type.optional) {
        model_.sink.Report(duty.name.span, diagnostics::kMemberMissing, duty.name, obligation.fields[f].name);
      }
    }
    Consequence row;
    row.obligation = id_;
    model_.schema().rules[site_.id.value].then.push_back(std::move(row));
    out_->push_back({std::move(values)});
  }

  std::optional<size_t> FieldNamed(const Obligation& obligation, const ast::Name& name) {
    std::vector<std::string> known;
    for (size_t f = 0; f < obligation.fields.size(); ++f) {
      if (obligation.fields[f].name == name.text) return f;
      known.push_back(obligation.fields[f].name);
    }
    model_.sink.Report(name.span, diagnostics::kUnknownField, name, obligation.name)
        .Help(Hint(model_.sink, name.text, known));
    return std::nullopt;
  }

  Model& model_;
  const RuleSite& site_;
  std::vector<typed::Consequence>* out_;
  ObligationId id_;
};

}  // namespace

namespace {

// `task review: Auditor does report within 72h else …`
class TaskWalk {
 public:
  TaskWalk(Model& model, const RuleSite& site, std::vector<typed::Consequence>* out)
      : model_(model), site_(site), out_(out) {}

  void Add(const ast::Duty& duty) {
    Consequence row;
    row.task = duty.name.text;
    row.role = model_.FindRole(duty.role);
    const bool is_done = Does(duty, &row);
    const WorkflowId elsewhere = duty.workflow.empty() ? site_.workflow : model_.FindWorkflow(duty.workflow);
    if (elsewhere.valid() && elsewhere != site_.workflow) {
      model_.sink.Report(duty.workflow.span, diagnostics::kTaskElsewhere, model_.workflow(site_.workflow).name);
    }
    row.ladder = duty.ladder != nullptr ? Ladder(*duty.ladder) : LadderId();
    if (!IsNew(duty) || !is_done || !row.role.valid() || !row.ladder.valid()) return;
    model_.schema().rules[site_.id.value].then.push_back(std::move(row));
    out_->emplace_back();
  }

 private:
  bool Does(const ast::Duty& duty, Consequence* row) {
    if (duty.does.size() > 1) {
      model_.sink.Report(duty.does[1].span, diagnostics::kTaskDoesOne);
      return false;
    }
    if (duty.does.empty()) return false;
    const bool is_own = model_.names(site_.workflow).transitions.count(duty.does[0].text) != 0;
    if (duty.does[0].text == "report" && !is_own) return true;
    row->does = model_.FindTransition(site_.workflow, duty.does[0]);
    return row->does.valid();
  }

  LadderId Ladder(const ast::Ladder& ladder) {
    LadderSite site;
    site.workflow = site_.workflow;
    site.of_task = true;
    return BuildLadder(model_, ladder, site);
  }

  // Two that the same decision may open need names of their own.
  bool IsNew(const ast::Duty& duty) {
    for (const TransitionId t : site_.transitions) {
      const auto [at, is_new] = model_.opened_tasks.emplace(std::tuple(site_.workflow, t, duty.name.text), duty.name.span);
      if (is_new) continue;
      model_.sink.Report(duty.name.span, diagnostics::kTaskTwice, duty.name, model_.transition(site_.workflow, t).name)
          .Related(at->second, "the other one");
      return false;
    }
    return true;
  }

  Model& model_;
  const RuleSite& site_;
  std::vector<typed::Consequence>* out_;
};

}  // namespace

ObligationId FindObligation(Model& model, const ast::Name& name) {
  std::string qualified = kNotify;
  const Declaration* d = model.symbols.Find(Space::kObligation, name);
  if (d == nullptr && name.text != kNotify) d = model.symbols.Require(Space::kObligation, name);
  if (d == nullptr && name.text != kNotify) return {};
  if (d != nullptr) qualified = d->qualified;
  const std::vector<Obligation>& table = model.schema().obligations;
  for (size_t i = 0; i < table.size(); ++i) {
    if (table[i].qualified == qualified) return ObligationId(i);
  }
  model.symbols.Require(Space::kObligation, name);  // `notify`, which no rule says
  return {};
}

void CheckConsequences(Model& model, const RuleSite& site, std::vector<typed::Consequence>* out) {
  const ast::Rule& rule = *site.declaration->rule;
  if (site.effect == Effect::kAllow) return;
  ObligationWalk walk(model, site, out);
  TaskWalk tasks(model, site, out);
  for (const ast::Duty& duty : rule.duties) {
    if (duty.is_task) {
      tasks.Add(duty);
    } else {
      walk.Add(duty);
    }
  }
  if (out->size() > limits::kConsequencesMax) {
    model.sink.Report(rule.duties[0].span, diagnostics::kTooManyThens, static_cast<int64_t>(out->size()),
                      static_cast<int64_t>(limits::kConsequencesMax));
  }
}

}  // namespace writ::check
