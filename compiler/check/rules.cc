// Authorities, rules, ladders, defs and computed fields.
#include <algorithm>
#include <functional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "compiler/ast/dump.h"
#include "compiler/check/check.h"
#include "compiler/check/expressions.h"
#include "compiler/check/left_out.h"
#include "compiler/check/model.h"
#include "compiler/typed/expr.h"
#include "runtime/decision/delegation.h"

namespace writ::check {
namespace {

std::optional<Effect> FindEffect(const std::string& word) {
  for (Effect effect : {Effect::kDeny, Effect::kHold, Effect::kEscalate, Effect::kAllow, Effect::kUpon,
                        Effect::kAsk}) {
    if (word == typed::Word(effect)) return effect;
  }
  return std::nullopt;
}

bool Restrains(Effect effect) {
  return effect == Effect::kDeny || effect == Effect::kHold || effect == Effect::kEscalate;
}

template <typename T>
bool Intersects(const std::vector<T>& a, const std::vector<T>& b) {
  return std::any_of(a.begin(), a.end(), [&](const T& x) { return std::find(b.begin(), b.end(), x) != b.end(); });
}

bool SameActors(const RuleSite& a, const RuleSite& b) {
  const bool a_anybody = a.by.empty() && !a.by_orchestrator, b_anybody = b.by.empty() && !b.by_orchestrator;
  return a_anybody || b_anybody || (a.by_orchestrator && b.by_orchestrator) || Intersects(a.by, b.by);
}

// ---------------------------------------------------------------- authorities

struct MayItem {
  RoleId role;
  WorkflowId workflow;
  TransitionId transition;
  std::string text;  // of its limits and guard: the order must not depend on where it stands
  const ast::May* may = nullptr;
};

std::string MayText(const ast::May& may) {
  std::string text = may.consents ? "consent " : "";
  for (const ast::Limit& limit : may.limits) {
    absl::StrAppend(&text, limit.field.text, " ", limit.value != nullptr ? ast::DumpExpr(*limit.value) : "", ", ");
  }
  if (may.when != nullptr) absl::StrAppend(&text, "when ", ast::DumpExpr(*may.when));
  return text;
}

// A halted state is left by humans only.
void CheckHaltedExit(Model& model, const MayItem& item, const ast::Name& role) {
  const Transition& t = model.transition(item.workflow, item.transition);
  if (t.stays || model.schema().roles[item.role.value].human) return;
  for (StateId source : t.sources) {
    if (source == kNewState || !model.workflow(item.workflow).states[source.value].is_halted || source == t.target)
      continue;
    const auto named = std::find_if(item.may->transitions.begin(), item.may->transitions.end(),
                                    [&](const ast::Name& n) { return n.text == t.name; });
    const ast::Span span = named != item.may->transitions.end() ? named->span : item.may->span;
    model.sink
        .Report(span, diagnostics::kHaltedLeftByAgent, role, t.name,
                model.workflow(item.workflow).states[source.value].name)
        .Related(model.names(item.workflow).transition_spans[item.transition.value], "the transition is declared here");
  }
}

// What only the orchestrator and the host propose.
void CheckProposed(Model& model, const ast::May& may, WorkflowId id) {
  const Workflow& workflow = model.workflow(id);
  if (!workflow.is_builtin || workflow.name != "Task") return;
  for (const ast::Name& name : may.transitions) {
    if (name.text != "open" && name.text != "assign" && name.text != "expire" && name.text != "spend") continue;
    model.sink.Report(name.span, diagnostics::kNobodyProposes, name, workflow.name);
  }
}

void CollectMays(Model& model, const ast::Authority& authority, std::vector<MayItem>* items) {
  for (const ast::Name& name : authority.roles) {
    const RoleId role = model.FindRole(name);
    for (const ast::May& may : authority.mays) {
      if (items->size() > kGrantsMax) return;
      const WorkflowId workflow = model.FindWorkflow(may.workflow);
      if (!workflow.valid()) continue;
      CheckProposed(model, may, workflow);
      bool ok = true;
      for (TransitionId t : model.FindTransitions(workflow, may.transitions, &ok)) {
        if (!role.valid()) continue;
        items->push_back({role, workflow, t, MayText(may), &may});
        CheckHaltedExit(model, items->back(), name);
      }
    }
  }
}

typed::ExprPtr LimitField(Model& model, const MayItem& item, const ast::Name& name) {
  const Transition& t = model.transition(item.workflow, item.transition);
  const WorkflowNames& names = model.names(item.workflow);
  if (model.IsForeign(item.workflow, name)) return nullptr;
  const bool payload =
      std::any_of(t.payload.begin(), t.payload.end(), [&](const Field& f) { return f.name == name.text; });
  const bool field = names.fields.count(name.text) != 0;
  if (!payload && !field) {
    std::vector<std::string> known = NamesOf(names.fields);
    for (const Field& f : t.payload) known.push_back(f.name);
    const bool is_new =
        model.unknown_limits.emplace(name.span.file, name.span.begin).second;  // of several transitions the first
    if (is_new)
      model.sink.Report(name.span, diagnostics::kUnknownLimitField, name, t.name)
          .Help(Hint(model.sink, name.text, known));
    return nullptr;
  }
  if (payload && field) {
    model.sink.Report(name.span, diagnostics::kFieldOrPayload, name, absl::StrCat("before.", name.text),
                      absl::StrCat("after.", name.text));
    return nullptr;
  }
  return Expressions(model, {ScopeKind::kLimit, item.workflow, {item.transition}, {}}).Check(BareWord(name));
}

std::optional<typed::Limit> CheckLimit(Model& model, const MayItem& item, const ast::Limit& limit) {
  typed::Limit out;
  out.field = LimitField(model, item, limit.field);
  if (out.field == nullptr) return std::nullopt;
  out.value = CheckLimitValue(model, item.workflow, limit, out.field->type.type);
  if (out.value == nullptr) return std::nullopt;
  return out;
}

void AddGrant(Model& model, const MayItem& item) {
  typed::Grant grant;
  grant.role = item.role;
  grant.workflow = item.workflow;
  grant.transition = item.transition;
  grant.consent = item.may->consents;
  std::set<std::string> seen;
  for (const ast::Limit& limit : item.may->limits) {
    if (!seen.insert(limit.field.text).second)
      model.sink.Report(limit.field.span, diagnostics::kNamedTwice, limit.field);
    std::optional<typed::Limit> checked = CheckLimit(model, item, limit);
    if (checked.has_value()) grant.limits.push_back(std::move(*checked));
  }
  if (item.may->when != nullptr) {
    grant.when =
        Expressions(model, {ScopeKind::kProposal, item.workflow, {item.transition}, {}}).CheckGuard(*item.may->when);
  }
  if (!grant.consent) {  // who may only agree proposes nothing
    std::vector<RoleId>& may = model.workflow(item.workflow).transitions[item.transition.value].may;
    if (may.empty() || may.back() != item.role) may.push_back(item.role);  // they come by role
  }
  model.program.grants.push_back(std::move(grant));
}

// ---------------------------------------------------------------- rules

// Clauses that an effect knows, and those that it needs.
void CheckRuleParts(Model& model, const ast::Rule& rule, Effect effect) {
  const auto no = [&](bool there, ast::Span span, const char* what) {
    if (there) model.sink.Report(span, diagnostics::kClauseNotForEffect, what, typed::Word(effect));
  };
  const auto need = [&](bool there, const char* what) {
    if (!there) model.sink.Report(rule.effect.span, diagnostics::kEffectNeeds, typed::Word(effect), what);
  };
  const bool asks = effect == Effect::kAsk;
  const bool waits = effect == Effect::kHold || effect == Effect::kEscalate || asks;
  no(effect != Effect::kEscalate && !asks && !rule.to.empty(), rule.to.span, "to");
  no(asks && !rule.by.empty(), rule.by.empty() ? rule.span : rule.by[0].span, "by");
  no(effect != Effect::kHold && !rule.until.empty(), rule.until.span, "until");
  no(!waits && rule.ladder != nullptr, rule.ladder != nullptr ? rule.ladder->span : rule.span, "within");
  no(effect != Effect::kAllow && !rule.overrides.empty(), rule.overrides.empty() ? rule.span : rule.overrides[0].span,
     "overrides");
  if (effect == Effect::kEscalate) need(!rule.to.empty(), "`to` and the role that is asked");
  if (effect == Effect::kHold) need(!rule.until.empty(), "`until` and the transition that ends it");
  if (waits) need(rule.ladder != nullptr, "`within` and a duration, `else` and what happens then");
  if (effect == Effect::kUpon) need(!rule.duties.empty(), "`then` and what has to be done");
  no((effect == Effect::kAllow || asks) && !rule.duties.empty(), rule.duties.empty() ? rule.span : rule.duties[0].span, "then");
  if (effect == Effect::kAllow) need(!rule.overrides.empty(), "`overrides` and the rules or domains that it excuses");
}

// Words of a guard that may be payload of the proposal: not what looks back at other events.
void BareWords(const ast::ExprPtr& expr, std::set<std::string>* out) {
  if (expr == nullptr) return;
  if (expr->kind == ast::ExprKind::kName) out->insert(expr->text);
  for (const ast::ExprPtr& child : expr->children) BareWords(child, out);
  if (expr->fold == nullptr || expr->fold->variables.empty()) return;
  for (const ast::ExprPtr* part : {&expr->fold->value, &expr->fold->source, &expr->fold->where}) BareWords(*part, out);
}

// Whether an authority lets one of the roles propose the transition. What is wrong with authorities is told elsewhere.
bool MayPropose(const Model& model, const RuleSite& site, WorkflowId w, TransitionId t) {
  const auto names_role = [&](const ast::Name& name) {
    const Declaration* d = name.empty() ? nullptr : model.symbols.Find(Space::kRole, name);
    return d != nullptr && std::binary_search(site.by.begin(), site.by.end(), RoleId(d->id));
  };
  const auto names_it = [&](const ast::May& may) {
    const Declaration* d = may.consents || may.workflow.empty() ? nullptr : model.symbols.Find(Space::kType, may.workflow);
    if (d == nullptr || d != model.names(w).declaration) return false;
    return std::any_of(may.transitions.begin(), may.transitions.end(), [&](const ast::Name& name) {
      const auto at = model.names(w).transitions.find(name.text);
      return name.text == "any" || (at != model.names(w).transitions.end() && at->second == t.value);
    });
  };
  for (const ast::File& file : model.files) {
    for (const ast::Authority& authority : file.authorities) {
      if (std::any_of(authority.roles.begin(), authority.roles.end(), names_role) &&
          std::any_of(authority.mays.begin(), authority.mays.end(), names_it))
        return true;
    }
  }
  return false;
}

// `any … by R` with a guard that reads payload is about what R may propose: what it may not propose need not carry it.
void NarrowAny(const Model& model, const ast::Rule& rule, WorkflowId w, RuleSite* site) {
  if (rule.transitions.size() != 1 || rule.transitions[0].text != "any" || site->by.empty() || site->by_orchestrator) return;
  std::set<std::string> words;
  BareWords(rule.when, &words);
  BareWords(rule.unless, &words);
  const Workflow& workflow = model.program.schema.workflows[w.value];
  const auto carries = [&](TransitionId t, const std::string& word) {
    const std::vector<Field>& payload = workflow.transitions[t.value].payload;
    return std::any_of(payload.begin(), payload.end(), [&](const Field& field) { return field.name == word; });
  };
  std::erase_if(words, [&](const std::string& word) {
    return model.names(w).fields.contains(word) ||
           std::none_of(site->transitions.begin(), site->transitions.end(), [&](TransitionId t) { return carries(t, word); });
  });
  if (words.empty()) return;
  std::vector<TransitionId> kept;
  for (TransitionId t : site->transitions) {
    const bool carries_all = std::all_of(words.begin(), words.end(), [&](const std::string& word) { return carries(t, word); });
    if (carries_all || MayPropose(model, *site, w, t)) kept.push_back(t);
  }
  if (!kept.empty()) site->transitions = std::move(kept);
}

// The task whose grants a rule is about; empty: it is about everything.
std::string TaskAbove(const Model& model, const ast::Rule& rule) {
  const auto is_it = [&](const ast::Rule& other) { return &other == &rule; };
  for (const PlanNames& names : model.plans) {
    for (const ast::Under& under : names.node->unders) {
      if (std::none_of(under.rules.begin(), under.rules.end(), is_it)) continue;
      return TaskOfPlan(model.program.schema.workflows[names.workflow.value].qualified, under.task.text);
    }
  }
  return "";
}

// A sub-orchestrator restrains what is done with the authority that its task grants; it frees nobody, and asks nothing.
void CheckUnder(Model& model, const ast::Decomposition& plan, const ast::Under& under) {
  std::vector<std::string> known;
  for (const ast::PlannedTask& task : plan.plan) known.push_back(task.name.text);
  for (const ast::Addition& addition : plan.additions) known.push_back(addition.task.name.text);
  if (under.task.empty()) return;
  const bool is_known = std::find(known.begin(), known.end(), under.task.text) != known.end();
  if (!is_known) {
    model.sink.Report(under.task.span, diagnostics::kUnknownPlanTask, under.task).Help(Hint(model.sink, under.task.text, known));
  }
  const bool granted = std::any_of(plan.subs.begin(), plan.subs.end(), [&](const ast::Sub& sub) {
    return sub.task.text == under.task.text && !sub.granting.empty();
  });
  if (!granted && is_known) model.sink.Report(under.task.span, diagnostics::kUnderUngranted, under.task);
  for (const ast::Rule& rule : under.rules) {
    const std::optional<Effect> effect = FindEffect(rule.effect.text);
    if (effect.has_value() && !Restrains(*effect)) {
      model.sink.Report(rule.effect.span, diagnostics::kClauseNotForEffect, "under", typed::Word(*effect));
    }
  }
}

RuleSite ResolveSite(Model& model, const Declaration& d) {
  RuleSite site;
  site.declaration = &d;
  const ast::Rule& rule = *d.rule;
  const std::optional<Effect> effect = FindEffect(rule.effect.text);
  site.effect = effect.value_or(Effect::kDeny);
  if (effect.has_value()) CheckRuleParts(model, rule, *effect);
  const WorkflowId workflow = model.FindWorkflow(rule.workflow);
  bool ok = true;
  site.by = model.FindRoles(rule.by, &site.by_orchestrator, &ok);
  if (!workflow.valid()) return site;
  site.transitions = model.FindTransitions(workflow, rule.transitions, &ok);
  NarrowAny(model, rule, workflow, &site);
  if (ok && effect.has_value() && (!site.transitions.empty() || site.effect == Effect::kAsk)) site.workflow = workflow;
  return site;
}

LadderSite SiteOfLadder(Model& model, const RuleSite& site) {
  LadderSite out;
  out.workflow = site.workflow;
  if (site.effect == Effect::kAsk) {
    // It asks where its fallback is legal. Nothing is proposed: whatever the orchestrator can propose may be asked for.
    out.may_ask = true;
    for (uint32_t t = 0; t < model.workflow(site.workflow).transitions.size(); ++t) {
      if (!NeedsValues(model, site.workflow, TransitionId(t)).has_value()) out.asked.push_back(TransitionId(t));
    }
    return out;
  }
  out.asked = site.transitions;
  if (site.transitions.size() == 1) out.asked_default = site.transitions[0];
  for (TransitionId t : site.transitions) {
    for (StateId s : model.transition(site.workflow, t).sources) {
      if (std::find(out.states.begin(), out.states.end(), s) == out.states.end()) out.states.push_back(s);
    }
  }
  std::sort(out.states.begin(), out.states.end());
  return out;
}

void FillRuleRow(Model& model, const RuleSite& site, Rule* row) {
  const ast::Rule& rule = *site.declaration->rule;
  row->kind = RuleKind::kRule;
  row->effect = site.effect;
  row->because = rule.because.value_or("");
  row->doc = rule.doc;
  SetPlace(model, site.declaration->span, row);
  row->domain = model.FindDomainOfRule(rule.domain);
  const bool asks = site.effect == Effect::kEscalate || site.effect == Effect::kAsk;
  if (asks && !rule.to.empty()) row->asks = model.FindRole(rule.to);
  if (!site.workflow.valid()) return;
  if (rule.ladder != nullptr && (site.effect == Effect::kHold || asks)) {
    row->ladder = BuildLadder(model, *rule.ladder, SiteOfLadder(model, site));
  }
  if (site.effect == Effect::kEscalate && row->asks.valid() && site.by == std::vector<RoleId>{row->asks} &&
      !site.by_orchestrator) {
    model.sink.Report(rule.to.span, diagnostics::kAsksItself, rule.to);
  }
  if (site.effect != Effect::kHold || rule.until.empty()) return;
  row->awaits = model.FindTransition(site.workflow, rule.until);
  if (rule.until_by.size() > 1) model.sink.Report(rule.until_by[1].span, diagnostics::kAwaitsOneRole);
  if (!rule.until_by.empty()) row->awaits_by = model.FindRole(rule.until_by[0]);
  if (row->awaits.valid() && site.transitions == std::vector<TransitionId>{row->awaits}) {
    model.sink.Report(rule.until.span, diagnostics::kAwaitsItself, rule.until);
  }
}

// ---------------------------------------------------------------- what an allow excuses

const RuleSite* SiteOf(const Model& model, const Declaration* d) {
  return d->id < model.rule_sites.size() ? &model.rule_sites[d->id] : nullptr;
}

void ReportUnknownOverride(Model& model, const ast::Name& name) {
  for (const char* reason : kBuiltinNames) {
    if (name.text == reason) {
      model.sink.Report(name.span, diagnostics::kOverridesBuiltin, name);
      return;
    }
  }
  for (const Rule& rule : model.schema().rules) {
    if (rule.kind == RuleKind::kClause &&
        (rule.qualified == name.text || absl::EndsWith(rule.qualified, absl::StrCat(".", name.text)))) {
      model.sink.Report(name.span, diagnostics::kOverridesClause, name);
      return;
    }
  }
  std::vector<std::string> known = model.symbols.Visible(Space::kRule, name.span.file);
  for (const std::string& domain : model.symbols.Visible(Space::kDomain, name.span.file)) known.push_back(domain);
  model.sink.Report(name.span, diagnostics::kUnknownOverride, name).Help(Hint(model.sink, name.text, known));
}

bool MayOverride(Model& model, DomainId own, DomainId other) {
  return own == other || IsBelow(model.schema(), other, own);
}

void OverrideRule(Model& model, const RuleSite& allow, const RuleSite& target, const ast::Name& name,
                  std::vector<RuleId>* out) {
  if (!target.workflow.valid() || !allow.workflow.valid()) return;
  const ast::Span there = target.declaration->span;
  if (target.effect == Effect::kAllow) {
    model.sink.Report(name.span, diagnostics::kOverridesAllow, name).Related(there, "it is declared here");
    return;
  }
  if (!Restrains(target.effect)) {
    model.sink.Report(name.span, diagnostics::kOverridesNoRestraint, name, typed::Word(target.effect))
        .Related(there, "it is declared here");
    return;
  }
  const DomainId own = model.schema().rules[allow.id.value].domain,
                 other = model.schema().rules[target.id.value].domain;
  if (own.valid() && other.valid() && !MayOverride(model, own, other)) {
    model.sink
        .Report(name.span, diagnostics::kOverridesAbove, name, model.schema().domains[other.value].name,
                model.schema().domains[own.value].name)
        .Related(there, "it is declared here");
    return;
  }
  const bool meets = allow.workflow == target.workflow && Intersects(allow.transitions, target.transitions) &&
                     SameActors(allow, target);
  if (!meets) {
    model.sink.Report(name.span, diagnostics::kNeverMeets, name).Related(there, "it is declared here");
    return;
  }
  out->push_back(target.id);
}

void OverrideDomain(Model& model, const RuleSite& allow, DomainId domain, const ast::Name& name,
                    std::vector<RuleId>* out) {
  const DomainId own = model.schema().rules[allow.id.value].domain;
  if (own.valid() && !MayOverride(model, own, domain)) {
    model.sink.Report(name.span, diagnostics::kOverridesDomainAbove, name, model.schema().domains[own.value].name);
    return;
  }
  const size_t before = out->size();
  for (const RuleSite& target : model.rule_sites) {
    const bool meets = Restrains(target.effect) && target.workflow.valid() &&
                       target.workflow == allow.workflow && model.schema().rules[target.id.value].domain == domain &&
                       Intersects(allow.transitions, target.transitions) && SameActors(allow, target);
    if (meets) out->push_back(target.id);
  }
  if (out->size() == before) model.sink.Report(name.span, diagnostics::kOverridesNothing, name);
}

std::vector<RuleId> ResolveOverrides(Model& model, const RuleSite& allow) {
  std::vector<RuleId> out;
  std::set<std::string> seen;
  for (const ast::Name& name : allow.declaration->rule->overrides) {
    if (!seen.insert(name.text).second) {
      model.sink.Report(name.span, diagnostics::kNamedTwice, name);
      continue;
    }
    if (const Declaration* d = model.symbols.Find(Space::kRule, name); d != nullptr) {
      if (const RuleSite* target = SiteOf(model, d); target != nullptr) OverrideRule(model, allow, *target, name, &out);
    } else if (const Declaration* domain = model.symbols.Find(Space::kDomain, name); domain != nullptr) {
      if (allow.workflow.valid()) OverrideDomain(model, allow, DomainId(domain->id), name, &out);
    } else {
      ReportUnknownOverride(model, name);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// ---------------------------------------------------------------- payload places

void ForEachPayload(typed::Expr* e, const std::function<void(typed::Expr*)>& visit) {
  if (e == nullptr) return;
  if (e->kind == typed::ExprKind::kSlot && e->root == SlotRoot::kPayload) visit(e);
  for (typed::ExprPtr& child : e->children) ForEachPayload(child.get(), visit);
}

// Its name stays known, for what overrides it or expects it; nothing is obliged to, asked or compiled.
void LeaveOutRule(Model& model, const RuleSite& site) {
  model.left_out_rules.insert(site.id);
  model.schema().rules[site.id.value].then.clear();
  std::vector<RuleId>& asks = model.workflow(site.workflow).asks;
  asks.erase(std::remove(asks.begin(), asks.end(), site.id), asks.end());
}

void CheckRule(Model& model, const RuleSite& site) {
  const ast::Rule& rule = *site.declaration->rule;
  typed::Rule out;
  out.rule = site.id;
  out.workflow = site.workflow;
  out.transitions = site.transitions;
  out.by = site.by;
  out.by_orchestrator = site.by_orchestrator;
  out.span = site.declaration->span;
  out.under = TaskAbove(model, rule);
  if (site.effect == Effect::kAllow) out.overrides = ResolveOverrides(model, site);
  if (!site.workflow.valid()) return;
  // An `ask` looks at the instance while nobody proposes.
  const bool asks = site.effect == Effect::kAsk;
  const Scope scope{asks ? ScopeKind::kCondition : ScopeKind::kProposal, site.workflow, site.transitions, {}};
  Reading reading(model);
  if (rule.when != nullptr) out.when = Expressions(model, scope).CheckGuard(*rule.when);
  if (rule.unless != nullptr) out.unless = Expressions(model, scope).CheckGuard(*rule.unless);
  if (!asks) CheckConsequences(model, site, &out.then);
  if (reading.LeavesOut(site.declaration->span, absl::StrCat("rule `", site.declaration->name, "`"))) {
    return LeaveOutRule(model, site);
  }
  if (asks) {
    model.program.rules.push_back(std::move(out));
    return;
  }
  const Rule& row = model.schema().rules[site.id.value];
  if (site.effect == Effect::kHold && row.awaits.valid()) {
    std::vector<RoleId> by;
    if (row.awaits_by.valid()) by.push_back(row.awaits_by);
    std::optional<typed::Fact> fact = Expressions(model, scope).AwaitedFact(row.awaits, by, rule.until.span);
    out.awaits_fact = model.AddFact(std::move(*fact));
  }
  CheckDefaults(model, out);
  AddRule(model, std::move(out));
}

// ---------------------------------------------------------------- computed fields

bool ReadsComputed(const typed::Expr& e, const Transition& t, FieldId* field) {
  if (e.kind == typed::ExprKind::kSlot && e.root == SlotRoot::kAfter) {
    for (const SetField& set : t.sets) {
      if (set.computed && set.field.value == e.index) {
        *field = set.field;
        return true;
      }
    }
  }
  return std::any_of(e.children.begin(), e.children.end(),
                     [&](const typed::ExprPtr& child) { return child != nullptr && ReadsComputed(*child, t, field); });
}

void CheckComputed(Model& model, WorkflowId w, TransitionId t, const ast::SetItem& item) {
  const auto field = model.names(w).fields.find(item.field.text);
  if (field == model.names(w).fields.end()) return;
  const TypeId type = model.workflow(w).fields[field->second].type;
  if (!type.valid()) return;
  typed::Computed computed;
  computed.workflow = w;
  computed.transition = t;
  computed.field = FieldId(field->second);
  computed.value =
      Expressions(model, {ScopeKind::kCompute, w, {t}, {}}).CheckValue(*item.computed, model.types.At(type));
  if (item.optional) model.sink.Report(item.field.span, diagnostics::kComputedOptional, item.field);
  if (computed.value == nullptr) return;
  FieldId other;
  if (ReadsComputed(*computed.value, model.transition(w, t), &other)) {
    model.sink.Report(item.computed->span, diagnostics::kComputedOfComputed, item.field,
                      model.workflow(w).fields[other.value].name);
    return;
  }
  model.program.computed.push_back(std::move(computed));
}

}  // namespace

typed::ExprPtr CheckLimitValue(Model& model, WorkflowId workflow, const ast::Limit& limit, const Type& type) {
  if (limit.value == nullptr) return nullptr;
  if (!model.types.HasOrder(type)) {
    model.sink.Report(limit.field.span, diagnostics::kLimitNoOrder, limit.field, model.types.Words(type));
    return nullptr;
  }
  typed::ExprPtr value = Expressions(model, {ScopeKind::kConstant, workflow, {}, {}}).Check(*limit.value, &type);
  if (value == nullptr) return nullptr;
  if (value->kind != typed::ExprKind::kConstant) {
    model.sink.Report(limit.value->span, diagnostics::kConstantNeeded);
    return nullptr;
  }
  if (!SameType(value->type.type, type)) {
    model.sink.Report(limit.value->span, diagnostics::kLimitType, limit.field, model.types.Words(type),
                      model.types.Words(value->type.type));
    return nullptr;
  }
  return value;
}

// ---------------------------------------------------------------- ladders

bool Halts(const Workflow& workflow, const Transition& transition) {
  return !transition.stays && transition.target.valid() && workflow.states[transition.target.value].is_halted;
}

std::optional<std::string> NeedsValues(const Model& model, WorkflowId workflow, TransitionId transition) {
  const Workflow& w = model.program.schema.workflows[workflow.value];
  const Transition& t = w.transitions[transition.value];
  for (const SetField& set : t.sets) {
    if (!set.optional && !set.computed) return w.fields[set.field.value].name;
  }
  for (const Field& field : t.payload) {
    if (field.type.valid() && !model.program.schema.types[field.type.value].optional) return field.name;
  }
  return std::nullopt;
}

void SetPlace(const Model& model, ast::Span span, Rule* rule) {
  // Of a template the place where the author applied it: what can be changed there decides.
  while (const ast::Instance* instance = model.symbols.InstanceOf(span.file)) span = instance->applied;
  rule->file = model.sources.path(span.file);
  const source::Position position = model.sources.At(span.file, span.begin);
  rule->line = position.line;
  rule->column = position.column;
}

namespace {

// A fallback leads into a halted state, from everywhere it may be needed, and takes nothing along.
TransitionId CheckFallback(Model& model, const ast::Name& name, const LadderSite& site) {
  const TransitionId t = model.FindTransition(site.workflow, name);
  if (!t.valid()) return {};
  const Transition& transition = model.transition(site.workflow, t);
  const Workflow& workflow = model.workflow(site.workflow);
  const ast::Span there = model.names(site.workflow).transition_spans[t.value];
  if (!Halts(workflow, transition)) {
    model.sink.Report(name.span, diagnostics::kFallbackNotHalted, name)
        .Related(there, "the transition is declared here");
    return {};
  }
  for (StateId state : site.states) {
    if (std::find(transition.sources.begin(), transition.sources.end(), state) != transition.sources.end()) continue;
    model.sink
        .Report(name.span, diagnostics::kFallbackNotLegal, name,
                state == kNewState ? "new" : workflow.states[state.value].name)
        .Related(there, "the transition is declared here");
    return {};
  }
  if (const std::optional<std::string> needs = NeedsValues(model, site.workflow, t); needs.has_value()) {
    model.sink.Report(name.span, diagnostics::kFallbackNeedsValues, name, *needs)
        .Related(there, "the transition is declared here");
    return {};
  }
  return t;
}

TransitionId CheckAsked(Model& model, const ast::Ladder& ladder, const LadderSite& site) {
  if (ladder.transition.empty()) {
    if (!site.asked_default.valid()) model.sink.Report(ladder.keyword.span, diagnostics::kEscalateWhat);
    return site.asked_default;
  }
  const TransitionId t = model.FindTransition(site.workflow, ladder.transition);
  if (!t.valid()) return {};
  if (std::find(site.asked.begin(), site.asked.end(), t) == site.asked.end()) {
    model.sink.Report(ladder.transition.span, diagnostics::kEscalatesAnother, ladder.transition);
    return {};
  }
  return t;
}

}  // namespace

LadderId BuildLadder(Model& model, const ast::Ladder& ladder, const LadderSite& site) {
  Ladder row;
  bool ok = true;
  if (ladder.within != nullptr) {
    const std::optional<Num> within = Expressions(model, {}).CheckConstant(*ladder.within, TypeKind::kDuration);
    if (within.has_value() && *within <= 0) model.sink.Report(ladder.within->span, diagnostics::kLadderNotPositive);
    ok = within.has_value() && *within > 0;
    if (ok) row.within_ns = static_cast<int64_t>(*within);
  }
  if (ladder.keyword.text == "deny" && site.of_task) {
    model.sink.Report(ladder.keyword.span, diagnostics::kTaskDenied);
    ok = false;
  } else if (ladder.keyword.text == "deny" && site.may_ask) {
    model.sink.Report(ladder.keyword.span, diagnostics::kNothingToDeny);
    ok = false;
  } else if (ladder.keyword.text == "fail" && ladder.next == nullptr && site.of_task) {
    row.otherwise = Ladder::Else::kFail;
  } else if (site.of_task && ladder.next != nullptr) {
    // There is no proposal that could be escalated: whoever it is given on to is asked about the task.
    if (!ladder.transition.empty()) model.sink.Report(ladder.transition.span, diagnostics::kTaskEscalates, ladder.role);
    row.otherwise = Ladder::Else::kAsk;
    row.role = model.FindRole(ladder.role);
    row.next = BuildLadder(model, *ladder.next, site);
    ok = ok && row.role.valid() && row.next.valid();
  } else if (ladder.keyword.text == "ask" && ladder.next != nullptr) {
    if (!site.may_ask) model.sink.Report(ladder.keyword.span, diagnostics::kAskNotHere, ladder.role);
    row.otherwise = Ladder::Else::kAsk;
    row.role = model.FindRole(ladder.role);
    row.next = BuildLadder(model, *ladder.next, site);
    ok = ok && site.may_ask && row.role.valid() && row.next.valid();
  } else if (ladder.keyword.text == "deny") {
    row.otherwise = Ladder::Else::kDeny;
  } else if (ladder.keyword.text == "escalate") {
    row.otherwise = Ladder::Else::kEscalate;
    row.transition = CheckAsked(model, ladder, site);
    row.role = model.FindRole(ladder.role);
    if (ladder.next != nullptr) row.next = BuildLadder(model, *ladder.next, site);
    ok = ok && row.transition.valid() && row.role.valid() && row.next.valid();
  } else {
    row.otherwise = Ladder::Else::kTransition;
    row.transition = CheckFallback(model, ladder.keyword, site);
    ok = ok && row.transition.valid();
  }
  return ok ? model.AddLadder(row) : LadderId();
}

// ---------------------------------------------------------------- stages

void DeclareRules(Model& model) {
  for (const ast::File& file : model.files) {
    for (const ast::Decomposition& plan : file.decompositions) {
      for (const ast::Under& under : plan.unders) CheckUnder(model, plan, under);
    }
  }
  std::vector<const Declaration*> rules = model.symbols.OfKind(DeclarationKind::kRule);
  if (!rules.empty() && !model.WithinLimit(rules[0]->span, rules.size(), "rules", kRulesMax)) rules.resize(kRulesMax);
  for (const Declaration* d : rules) model.rule_sites.push_back(ResolveSite(model, *d));
  struct Row {
    std::string qualified;
    RuleSite* site = nullptr;
    Clause* clause = nullptr;
    Transition* timer = nullptr;
    ast::Span span;  // of a timer
    const PlanRule* plan = nullptr;
  };
  std::vector<Row> rows;
  for (RuleSite& site : model.rule_sites) rows.push_back({site.declaration->qualified, &site, nullptr, nullptr, {}});
  for (uint32_t w = 0; w < model.workflows.size(); ++w) {
    Workflow& workflow = model.schema().workflows[w];
    for (size_t t = 0; t < workflow.transitions.size(); ++t) {
      Transition& timer = workflow.transitions[t];
      if (!timer.at.valid()) continue;
      rows.push_back({absl::StrCat(workflow.qualified, ".", timer.name), nullptr, nullptr, &timer,
                      model.workflows[w].transition_spans[t]});
    }
    for (Review& review : workflow.reviews) {
      for (Clause& clause : review.clauses) {
        if (clause.name == "conflict") {  // each review asks and waits on its own, under the one built-in name
          rows.push_back({kBuiltinNames[static_cast<uint32_t>(Builtin::kReviewConflict)], nullptr, &clause, nullptr, {}});
          continue;
        }
        const bool own_else = clause.name == "else" && workflow.reviews.size() > 1;
        const std::string state =
            own_else && review.state.valid() ? absl::StrCat(workflow.states[review.state.value].name, ".") : "";
        rows.push_back({absl::StrCat(workflow.qualified, ".review.", state, clause.name), nullptr, &clause, nullptr, {}});
      }
    }
  }
  std::vector<PlanRule> plans;
  CollectPlanRules(model, &plans);
  for (const PlanRule& plan : plans) rows.push_back({plan.qualified, nullptr, nullptr, nullptr, {}, &plan});
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.qualified < b.qualified; });
  std::vector<Rule>& table = model.schema().rules;
  for (const char* reason : kBuiltinNames) {
    Rule rule;
    rule.qualified = reason;
    rule.kind = RuleKind::kBuiltin;
    rule.effect = std::string(reason) == "review.pending" ? Effect::kHold : Effect::kDeny;
    table.push_back(std::move(rule));
  }
  for (const Row& row : rows) {
    Rule rule;
    rule.qualified = row.qualified;
    rule.kind = row.site != nullptr ? RuleKind::kRule : row.timer != nullptr ? RuleKind::kTimer : RuleKind::kClause;
    if (row.timer != nullptr) SetPlace(model, row.span, &rule);
    if (row.plan != nullptr) FillPlanRule(model, *row.plan, &rule);
    table.push_back(std::move(rule));
    const RuleId id(table.size() - 1);
    if (row.site != nullptr) row.site->id = id;
    if (row.clause != nullptr) row.clause->rule = id;
    if (row.timer != nullptr) row.timer->timer = id;
    if (row.plan != nullptr) *row.plan->id = id;
  }
  for (const RuleSite& site : model.rule_sites) {
    Rule row = table[site.id.value];
    FillRuleRow(model, site, &row);
    if (site.effect == Effect::kAsk && site.workflow.valid()) model.workflow(site.workflow).asks.push_back(site.id);
    table[site.id.value] = std::move(row);
  }
}

// One payload field may stand at another place in each transition's payload: such a rule becomes one row for each
// layout.
void AddRule(Model& model, typed::Rule rule) {
  const WorkflowId w = rule.workflow;
  const std::vector<Field>& first = model.transition(w, rule.transitions[0]).payload;
  std::set<std::string> used;
  const auto note = [&](typed::Expr* e) { used.insert(first[e->index].name); };
  ForEachPayload(rule.when.get(), note);
  ForEachPayload(rule.unless.get(), note);
  for (typed::Consequence& consequence : rule.then) {
    for (typed::ExprPtr& value : consequence.values) ForEachPayload(value.get(), note);
  }
  std::map<std::vector<uint32_t>, std::vector<TransitionId>> layouts;
  for (TransitionId t : rule.transitions) {
    std::vector<uint32_t> places;
    const std::vector<Field>& payload = model.transition(w, t).payload;
    for (const std::string& name : used) {
      const auto at = std::find_if(payload.begin(), payload.end(), [&](const Field& f) { return f.name == name; });
      places.push_back(static_cast<uint32_t>(at - payload.begin()));
    }
    layouts[places].push_back(t);
  }
  for (const auto& [places, transitions] : layouts) {
    typed::Rule row;
    row.rule = rule.rule;
    row.workflow = w;
    row.transitions = transitions;
    row.by = rule.by;
    row.by_orchestrator = rule.by_orchestrator;
    row.when = typed::Clone(rule.when);
    row.unless = typed::Clone(rule.unless);
    row.overrides = rule.overrides;
    row.awaits_fact = rule.awaits_fact;
    row.under = rule.under;
    row.span = rule.span;
    const auto move = [&, &to = places](typed::Expr* e) {
      e->index = to[static_cast<size_t>(std::distance(used.begin(), used.find(first[e->index].name)))];
    };
    ForEachPayload(row.when.get(), move);
    ForEachPayload(row.unless.get(), move);
    for (const typed::Consequence& consequence : rule.then) {
      row.then.emplace_back();
      for (const typed::ExprPtr& value : consequence.values) {
        row.then.back().values.push_back(typed::Clone(value));
        ForEachPayload(row.then.back().values.back().get(), move);
      }
    }
    model.program.rules.push_back(std::move(row));
  }
}

void CheckRules(Model& model) {
  for (Workflow& workflow : model.schema().workflows) std::sort(workflow.asks.begin(), workflow.asks.end());
  for (const RuleSite& site : model.rule_sites) CheckRule(model, site);
  for (typed::Rule& rule : model.program.rules) {
    std::erase_if(rule.overrides, [&](RuleId id) { return model.left_out_rules.contains(id); });
  }
}

void CheckAuthorities(Model& model) {
  std::vector<MayItem> items;
  for (const ast::File* file : FilesByPath(model)) {
    for (const ast::Authority& authority : file->authorities) CollectMays(model, authority, &items);
  }
  if (!items.empty() &&
      !model.WithinLimit(items.back().may->span, items.size(), "transitions granted to roles", kGrantsMax))
    return;
  std::stable_sort(items.begin(), items.end(), [&](const MayItem& a, const MayItem& b) {
    return std::tie(a.role, a.workflow, a.transition, a.text) < std::tie(b.role, b.workflow, b.transition, b.text);
  });
  for (const MayItem& item : items) AddGrant(model, item);
}

void DeclareComputed(Model& model) {
  for (uint32_t w = 0; w < model.workflows.size(); ++w) {
    const std::vector<const ast::Transition*>& nodes = model.workflows[w].transition_nodes;
    for (uint32_t t = 0; t < nodes.size(); ++t) {
      if (nodes[t] == nullptr) continue;
      for (const ast::SetItem& item : nodes[t]->sets) {
        if (item.computed != nullptr) CheckComputed(model, WorkflowId(w), TransitionId(t), item);
      }
    }
  }
}

// Each def on its own, used or not; what that makes of facts is thrown away again.
void CheckDefs(Model& model) {
  const size_t facts = model.program.facts.size(), types = model.schema().types.size(),
               records = model.schema().records.size();
  const std::vector<const Declaration*> declared = model.symbols.OfKind(DeclarationKind::kDef);
  size_t count = declared.size();
  ast::Span last = count != 0 ? declared.back()->span : ast::Span{};
  for (const WorkflowNames& names : model.workflows) {
    count += names.defs->size();
    if (!names.defs->empty()) last = names.defs->back().name.span;
  }
  if (!model.WithinLimit(last, count, "defs", kDefsMax)) return;
  Reading reading(model);  // where a def is used decides what comes of it
  for (const Declaration* d : declared) {
    Expressions(model, {ScopeKind::kDefinition, {}, {}, {}}).CheckDefinition(*d->def);
  }
  for (const Declaration* d : model.symbols.OfKind(DeclarationKind::kTable)) TableOf(model, *d->table);
  for (uint32_t w = 0; w < model.workflows.size(); ++w) {
    for (const ast::Def& def : *model.workflows[w].defs) {
      Expressions(model, {ScopeKind::kDefinition, WorkflowId(w), {}, {}}).CheckDefinition(def);
    }
  }
  model.program.facts.resize(facts);
  model.schema().types.resize(types);
  model.schema().records.resize(records);
}

}  // namespace writ::check
