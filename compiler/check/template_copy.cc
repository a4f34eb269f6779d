#include "compiler/check/template_copy.h"

#include <algorithm>
#include <bit>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace writ::check {
namespace {

ast::Name Moved(ast::Name name, uint32_t file) {
  if (file != UINT32_MAX) name.span.file = file;
  return name;
}

std::vector<ast::Name> MovedAll(std::vector<ast::Name> names, uint32_t file) {
  for (ast::Name& name : names) name = Moved(std::move(name), file);
  return names;
}

ast::ExprPtr CloneInto(const ast::ExprPtr& expr, uint32_t file) {
  return expr != nullptr ? CloneExpr(*expr, file) : nullptr;
}

std::unique_ptr<ast::Fold> CloneFold(const ast::Fold& fold, uint32_t file) {
  auto out = std::make_unique<ast::Fold>();
  out->value = CloneInto(fold.value, file);
  out->variables = MovedAll(fold.variables, file);
  out->source = CloneInto(fold.source, file);
  out->by = MovedAll(fold.by, file);
  out->where = CloneInto(fold.where, file);
  out->within = CloneInto(fold.within, file);
  out->since = CloneInto(fold.since, file);
  out->capacity = fold.capacity;
  out->now_in = MovedAll(fold.now_in, file);
  out->of = CloneInto(fold.of, file);
  return out;
}

ast::ExprPtr WordOf(const ast::Name& name) {
  auto out = std::make_unique<ast::Expr>();
  out->span = name.span;
  out->text = name.text;
  return out;
}

size_t CountNodes(const ast::Expr& expr) {
  size_t count = 1;
  for (const ast::ExprPtr& child : expr.children) count += child != nullptr ? CountNodes(*child) : 0;
  if (expr.fold == nullptr) return count;
  const ast::Fold& fold = *expr.fold;
  for (const ast::ExprPtr* part : {&fold.value, &fold.source, &fold.where, &fold.within, &fold.since, &fold.of})
    count += *part != nullptr ? CountNodes(**part) : 0;
  return count;
}

}  // namespace

ast::ExprPtr CloneExpr(const ast::Expr& expr) { return CloneExpr(expr, UINT32_MAX); }

ast::ExprPtr CloneExpr(const ast::Expr& expr, uint32_t file) {
  auto out = std::make_unique<ast::Expr>();
  out->kind = expr.kind;
  out->span = expr.span;
  if (file != UINT32_MAX) out->span.file = file;
  out->text = expr.text;
  out->name = Moved(expr.name, file);
  out->unit = Moved(expr.unit, file);
  for (const ast::ExprPtr& child : expr.children) out->children.push_back(CloneInto(child, file));
  out->members = MovedAll(expr.members, file);
  if (expr.fold != nullptr) out->fold = CloneFold(*expr.fold, file);
  return out;
}

std::string KindWords(uint32_t kinds, bool is_list) {
  static constexpr const char* kOne[] = {"a transition", "a role",  "a domain",            "a workflow", "a state",
                                         "a field",      "a rule", "a member of an enum", "a value"};
  static constexpr const char* kMany[] = {"transitions", "roles", "domains",            "workflows", "states",
                                          "fields",      "rules", "members of an enum", "values"};
  std::vector<std::string> words;
  for (size_t i = 0; i < std::size(kOne); ++i) {
    if ((kinds >> i & 1u) != 0) words.emplace_back(is_list ? kMany[i] : kOne[i]);
  }
  return words.empty() ? "nothing" : absl::StrJoin(words, " or ");
}

// ---------------------------------------------------------------- names

ast::Span TemplateCopy::Here(ast::Span span) const {
  span.file = file_;
  return span;
}

ast::Name TemplateCopy::Declared(const ast::Name& name) {
  ++node_count_;
  return {name.text, Here(name.span)};
}

Binding* TemplateCopy::Find(const std::string& name) {
  const auto at = bindings_.find(name);
  if (at == bindings_.end()) return nullptr;
  at->second.is_used = true;
  return &at->second;
}

void TemplateCopy::Misfit(const ast::Name& name, const Binding& binding, uint32_t kinds) {
  if (!checks_) return;
  sink_.Report(Here(name.span), diagnostics::kParameterKind, name, KindWords(binding.kind, binding.is_list),
               KindWords(kinds, false));
}

ast::Name TemplateCopy::Used(const ast::Name& name, uint32_t kinds) {
  if (name.empty()) return name;
  ++node_count_;
  if (const Binding* binding = Find(name.text); binding != nullptr) {
    if ((binding->kind & kinds) == 0 || binding->is_list) Misfit(name, *binding, kinds);
    if (binding->names.size() == 1) return binding->names[0];
  }
  return {name.text, Here(name.span)};
}

std::vector<ast::Name> TemplateCopy::UsedAll(const std::vector<ast::Name>& names, uint32_t kinds) {
  std::vector<ast::Name> out;
  for (const ast::Name& name : names) {
    const auto at = bindings_.find(name.text);
    if (at == bindings_.end() || !at->second.is_list || (at->second.kind & kinds) == 0) {
      out.push_back(Used(name, kinds));
      continue;
    }
    at->second.is_used = true;
    node_count_ += at->second.names.size();
    if (at->second.names.empty()) out.push_back(Declared(name));  // the template itself is checked
    out.insert(out.end(), at->second.names.begin(), at->second.names.end());
  }
  return out;
}

// `W.start` of a workflow and a transition that are parameters.
ast::Name TemplateCopy::UsedDotted(const ast::Name& name) {
  ast::Name out = {"", Here(name.span)};
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(name.text, '.'))) {
    const Binding* binding = Find(part);
    const bool is_given = binding != nullptr && binding->names.size() == 1;
    if (is_given) out.span = binding->names[0].span;
    absl::StrAppend(&out.text, out.text.empty() ? "" : ".", is_given ? binding->names[0].text : part);
  }
  ++node_count_;
  return out;
}

void TemplateCopy::Avoid(const Binding& argument) {
  for (const ast::Name& name : argument.names) avoided_.insert(name.text);
  if (argument.value != nullptr) AvoidIn(*argument.value);
}

void TemplateCopy::AvoidIn(const ast::Expr& argument) {
  avoided_.insert(argument.text);
  for (const ast::ExprPtr& child : argument.children) {
    if (child != nullptr) AvoidIn(*child);
  }
  if (argument.fold == nullptr) return;
  for (const ast::ExprPtr* part : {&argument.fold->value, &argument.fold->source, &argument.fold->where})
    if (*part != nullptr) AvoidIn(**part);
}

// What an argument says must not be caught by a variable of the template.
std::string TemplateCopy::Bind(const ast::Name& name) {
  if (checks_ && bindings_.count(name.text) != 0) sink_.Report(Here(name.span), diagnostics::kParameterTwice, name);
  std::string fresh = name.text;
  while (avoided_.count(fresh) != 0) fresh += "'";
  renamed_.emplace_back(name.text, fresh);
  return fresh;
}

// ---------------------------------------------------------------- expressions

ast::ExprPtr TemplateCopy::CopyName(const ast::Expr& expr) {
  for (auto at = renamed_.rbegin(); at != renamed_.rend(); ++at) {
    if (at->first == expr.text) return WordOf({at->second, Here(expr.span)});
  }
  const ast::Name name{expr.text, Here(expr.span)};
  const Binding* binding = Find(expr.text);
  if (binding == nullptr || (binding->value == nullptr && binding->names.empty())) return WordOf(name);
  if (binding->value != nullptr) {
    node_count_ += CountNodes(*binding->value);
    return CloneExpr(*binding->value);
  }
  if (!binding->is_list) return WordOf(binding->names[0]);
  auto out = std::make_unique<ast::Expr>();
  out->kind = ast::ExprKind::kSet;
  out->span = name.span;
  for (const ast::Name& item : binding->names) out->children.push_back(WordOf(item));
  node_count_ += binding->names.size();
  return out;
}

std::unique_ptr<ast::Fold> TemplateCopy::Copy(const ast::Fold& fold) {
  auto out = std::make_unique<ast::Fold>();
  out->source = Copy(fold.source);
  const size_t outer = renamed_.size();
  for (const ast::Name& variable : fold.variables) out->variables.push_back({Bind(variable), Here(variable.span)});
  out->value = Copy(fold.value);
  out->where = Copy(fold.where);
  renamed_.resize(outer);
  out->by = UsedAll(fold.by, kTakesRole);
  out->within = Copy(fold.within);
  out->since = Copy(fold.since);
  out->capacity = fold.capacity;
  out->now_in = UsedAll(fold.now_in, kTakesState);
  out->of = Copy(fold.of);
  return out;
}

ast::ExprPtr TemplateCopy::Copy(const ast::ExprPtr& expr) {
  if (expr == nullptr) return nullptr;
  ++node_count_;
  if (expr->kind == ast::ExprKind::kName) return CopyName(*expr);
  auto out = std::make_unique<ast::Expr>();
  out->kind = expr->kind;
  out->span = Here(expr->span);
  out->text = expr->text;
  out->unit = Moved(expr->unit, file_);
  out->members = MovedAll(expr->members, file_);
  out->name = Moved(expr->name, file_);
  if (expr->kind == ast::ExprKind::kSays) {
    out->name = Used(expr->name, kTakesRole);
  } else if (expr->kind == ast::ExprKind::kMember) {
    // A member is its record's own, unless it is a field that is given.
    const auto at = bindings_.find(expr->name.text);
    const bool is_given = at != bindings_.end() && (at->second.kind & (kTakesField | kTakesTransition)) != 0;
    if (is_given) out->name = Used(expr->name, kTakesField | kTakesTransition);
  }
  out->children = CopyAll(expr->children);
  if (expr->fold != nullptr) out->fold = Copy(*expr->fold);
  return out;
}

std::vector<ast::ExprPtr> TemplateCopy::CopyAll(const std::vector<ast::ExprPtr>& list) {
  std::vector<ast::ExprPtr> out;
  for (const ast::ExprPtr& expr : list) out.push_back(Copy(expr));
  return out;
}

ast::Type TemplateCopy::Copy(const ast::Type& type) {
  ast::Type out;
  ++node_count_;
  out.span = Here(type.span);
  out.name = Moved(type.name, file_);
  out.arguments = MovedAll(type.arguments, file_);
  if (type.element != nullptr) out.element = std::make_unique<ast::Type>(Copy(*type.element));
  out.low = Copy(type.low);
  out.high = Copy(type.high);
  out.max = type.max;
  out.min = type.min;
  out.by = Moved(type.by, file_);
  out.per = Moved(type.per, file_);
  out.optional = type.optional;
  return out;
}

ast::Field TemplateCopy::Copy(const ast::Field& field) {
  ast::Field out;
  out.span = Here(field.span);
  out.name = Declared(field.name);
  out.type = Copy(field.type);
  out.labels = MovedAll(field.labels, file_);
  out.foreign = field.foreign;
  return out;
}

// ---------------------------------------------------------------- declarations

std::unique_ptr<ast::Ladder> TemplateCopy::Copy(const std::unique_ptr<ast::Ladder>& ladder) {
  if (ladder == nullptr) return nullptr;
  auto out = std::make_unique<ast::Ladder>();
  out->span = Here(ladder->span);
  out->within = Copy(ladder->within);
  out->keyword = Used(ladder->keyword, kTakesTransition);
  out->transition = Used(ladder->transition, kTakesTransition);
  out->role = Used(ladder->role, kTakesRole);
  out->next = Copy(ladder->next);
  return out;
}

ast::Duty TemplateCopy::Copy(const ast::Duty& duty) {
  ast::Duty out;
  out.span = Here(duty.span);
  out.is_task = duty.is_task;
  out.name = Declared(duty.name);
  out.to = UsedAll(duty.to, kTakesRole);
  out.values = Copy(duty.values);
  out.role = Used(duty.role, kTakesRole);
  out.does = UsedAll(duty.does, kTakesTransition);
  out.workflow = Used(duty.workflow, kTakesWorkflow);
  out.ladder = Copy(duty.ladder);
  return out;
}

ast::Rule TemplateCopy::Copy(const ast::Rule& rule) {
  ast::Rule out;
  out.doc = rule.doc;
  out.span = Here(rule.span);
  out.name = Declared(rule.name);
  out.domain = Used(rule.domain, kTakesDomain);
  out.effect = Moved(rule.effect, file_);
  out.transitions = UsedAll(rule.transitions, kTakesTransition);
  out.workflow = Used(rule.workflow, kTakesWorkflow);
  out.by = UsedAll(rule.by, kTakesRole);
  out.to = Used(rule.to, kTakesRole);
  out.until = Used(rule.until, kTakesTransition);
  out.until_by = UsedAll(rule.until_by, kTakesRole);
  out.ladder = Copy(rule.ladder);
  out.when = Copy(rule.when);
  out.unless = Copy(rule.unless);
  out.because = rule.because;
  for (const ast::Name& name : rule.overrides) {
    if (checks_ && rule.effect.text == "allow" && bindings_.count(name.text) == 0)
      sink_.Report(Here(name.span), diagnostics::kTemplateGives, name);
  }
  out.overrides = UsedAll(rule.overrides, kTakesRule | kTakesDomain);
  for (const ast::Duty& duty : rule.duties) out.duties.push_back(Copy(duty));
  return out;
}

ast::Def TemplateCopy::Copy(const ast::Def& def) {
  ast::Def out;
  out.doc = def.doc;
  out.span = Here(def.span);
  out.name = Declared(def.name);
  const size_t outer = renamed_.size();
  for (const ast::Field& parameter : def.parameters) {
    out.parameters.push_back(Copy(parameter));
    out.parameters.back().name.text = Bind(parameter.name);
  }
  if (def.result.has_value()) out.result = Copy(*def.result);
  out.body = Copy(def.body);
  renamed_.resize(outer);
  out.is_private = def.is_private;
  return out;
}

ast::Fact TemplateCopy::Copy(const ast::Fact& fact) {
  ast::Fact out;
  out.doc = fact.doc;
  out.span = Here(fact.span);
  out.name = Declared(fact.name);
  out.per = CopyAll(fact.per);
  if (fact.result.has_value()) out.result = Copy(*fact.result);
  out.body = Copy(fact.body);
  out.is_private = fact.is_private;
  return out;
}

ast::Limit TemplateCopy::Copy(const ast::Limit& limit) {
  return {Used(limit.field, kTakesField), Copy(limit.value)};
}

ast::May TemplateCopy::Copy(const ast::May& may) {
  ast::May out;
  out.span = Here(may.span);
  out.transitions = UsedAll(may.transitions, kTakesTransition);
  out.workflow = Used(may.workflow, kTakesWorkflow);
  for (const ast::Limit& limit : may.limits) out.limits.push_back(Copy(limit));
  out.when = Copy(may.when);
  out.consents = may.consents;
  return out;
}

ast::Authority TemplateCopy::Copy(const ast::Authority& authority) {
  ast::Authority out;
  out.doc = authority.doc;
  out.span = Here(authority.span);
  for (const ast::Name& role : authority.roles) {
    if (checks_ && bindings_.count(role.text) == 0) sink_.Report(Here(role.span), diagnostics::kTemplateGives, role);
  }
  out.roles = UsedAll(authority.roles, kTakesRole);
  for (const ast::May& may : authority.mays) out.mays.push_back(Copy(may));
  return out;
}

ast::Clause TemplateCopy::Copy(const ast::Clause& clause) {
  ast::Clause out;
  out.span = Here(clause.span);
  out.name = Declared(clause.name);
  out.escalates = clause.escalates;
  out.transition = Used(clause.transition, kTakesTransition);
  out.to = Used(clause.to, kTakesRole);
  out.ladder = Copy(clause.ladder);
  out.domain = Used(clause.domain, kTakesDomain);
  out.when = Copy(clause.when);
  out.otherwise = clause.otherwise;
  return out;
}

ast::Review TemplateCopy::Copy(const ast::Review& review) {
  ast::Review out;
  out.doc = review.doc;
  out.span = Here(review.span);
  out.workflow = Used(review.workflow, kTakesWorkflow);
  out.state = Used(review.state, kTakesState);
  for (const ast::Seat& seat : review.panel)
    out.panel.push_back({Here(seat.span), Used(seat.role, kTakesRole), seat.quorum, seat.of});
  out.verdict = Used(review.verdict, kTakesTransition);
  out.stance = Used(review.stance, kTakesField);
  out.ladder = Copy(review.ladder);
  for (const ast::Clause& clause : review.clauses) out.clauses.push_back(Copy(clause));
  out.joint = UsedAll(review.joint, kTakesTransition);
  return out;
}

ast::PropertyItem TemplateCopy::Copy(const ast::PropertyItem& item) {
  ast::PropertyItem out;
  out.span = Here(item.span);
  out.kind = item.kind;
  for (const ast::Name& transition : item.transitions) {
    if (transition.text.find('.') != std::string::npos) {
      out.transitions.push_back(UsedDotted(transition));
    } else {
      for (ast::Name& name : UsedAll({transition}, kTakesTransition | kTakesState))
        out.transitions.push_back(std::move(name));
    }
  }
  out.by = UsedAll(item.by, kTakesRole);
  out.field = Used(item.field, kTakesField);
  out.workflow = Used(item.workflow, kTakesWorkflow);
  out.condition = Copy(item.condition);
  out.when = Copy(item.when);
  out.within = Copy(item.within);
  out.of = Copy(item.of);
  return out;
}

ast::Apply TemplateCopy::Copy(const ast::Apply& apply) {
  ast::Apply out;
  out.doc = apply.doc;
  out.span = Here(apply.span);
  out.name = Declared(apply.name);
  out.applied = Moved(apply.applied, file_);
  for (const ast::Argument& argument : apply.arguments) {
    out.arguments.push_back(
        {Here(argument.span), Moved(argument.name, file_), Copy(argument.value), Copy(argument.ladder)});
  }
  out.workflow = Used(apply.workflow, kTakesWorkflow);
  out.domain = Used(apply.domain, kTakesDomain);
  return out;
}

void TemplateCopy::Copy(const ast::Declarations& from, const std::string& instance, ast::Declarations* to) {
  for (const ast::Def& def : from.defs) to->defs.push_back(Copy(def));
  for (const ast::Fact& fact : from.facts) to->facts.push_back(Copy(fact));
  for (const ast::Authority& authority : from.authorities) to->authorities.push_back(Copy(authority));
  for (const ast::Rule& rule : from.rules) to->rules.push_back(Copy(rule));
  for (const ast::Review& review : from.reviews) to->reviews.push_back(Copy(review));
  for (const ast::Apply& apply : from.applies) to->applies.push_back(Copy(apply));
  for (const ast::Property& property : from.properties) {
    ast::Property out;
    out.doc = property.doc;
    out.span = Here(property.span);
    out.name = absl::StrCat(instance, ": ", property.name);
    for (const ast::PropertyItem& item : property.items) out.items.push_back(Copy(item));
    to->properties.push_back(std::move(out));
  }
}

}  // namespace writ::check
