// Folds: comprehensions over collections, facts about earlier events, and verdicts.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/check/expressions.h"
#include "compiler/check/template_copy.h"
#include "compiler/typed/expr.h"

namespace writ::check {

using typed::ExprKind;
using typed::ExprType;
using typed::QuantifierOp;

namespace {

std::optional<QuantifierOp> FindOp(const std::string& text) {
  static constexpr std::pair<const char*, QuantifierOp> kOps[] = {
      {"any", QuantifierOp::kAny},          {"all", QuantifierOp::kAll}, {"count", QuantifierOp::kCount},
      {"sum", QuantifierOp::kSum},          {"min", QuantifierOp::kMin}, {"max", QuantifierOp::kMax},
      {"distinct", QuantifierOp::kDistinct}};
  for (const auto& [word, op] : kOps) {
    if (text == word) return op;
  }
  return std::nullopt;
}

std::optional<typed::Fact::Kind> FindFactKind(const std::string& text) {
  using Kind = typed::Fact::Kind;
  static constexpr std::pair<const char*, Kind> kKinds[] = {
      {"happened", Kind::kHappened}, {"refused", Kind::kHappened}, {"count", Kind::kCount}, {"sum", Kind::kSum},
      {"min", Kind::kMin},           {"max", Kind::kMax},          {"last", Kind::kLast}};
  for (const auto& [word, kind] : kKinds) {
    if (text == word) return kind;
  }
  return std::nullopt;
}

}  // namespace

// ---------------------------------------------------------------- collection or events

bool Expressions::IsPattern(const ast::Expr& expr) const {
  const ast::Fold& fold = *expr.fold;
  if (expr.text == "happened" || expr.text == "refused") return true;
  if (!fold.variables.empty() || fold.source == nullptr) return false;
  if (!fold.by.empty() || fold.within != nullptr || fold.since != nullptr || fold.capacity.has_value() ||
      fold.value != nullptr)
    return true;
  const ast::Expr& source = *fold.source;
  if (source.kind == ast::ExprKind::kFold && (source.text == "refused" || source.text == "event")) return true;
  if (source.kind != ast::ExprKind::kName || ResolvesAsValue({source.text, source.span})) return false;
  return FieldsOf().valid() && model_.names(FieldsOf()).transitions.count(source.text) != 0;
}

// A bare word that is nothing here, and nearly a transition: count(approev).
bool Expressions::IsMisspeltEvent(const ast::Fold& fold) const {
  if (fold.source == nullptr || fold.source->kind != ast::ExprKind::kName || !fold.variables.empty()) return false;
  const ast::Name name{fold.source->text, fold.source->span};
  if (!FieldsOf().valid() || ResolvesAsValue(name)) return false;
  return !Hint(model_.sink, name.text, NamesOf(model_.names(FieldsOf()).transitions)).empty();
}

Expressions::Ptr Expressions::CheckFold(const ast::Expr& expr) {
  if (expr.fold == nullptr || expr.fold->source == nullptr) return nullptr;
  if (!expr.fold->now_in.empty()) {
    model_.sink.Report(expr.span, diagnostics::kPopulationNotDeclared);
    return nullptr;
  }
  if (IsPattern(expr)) return CheckFact(expr);
  if (IsMisspeltEvent(*expr.fold)) {
    model_.FindTransition(FieldsOf(), {expr.fold->source->text, expr.fold->source->span});  // says what it may have been
    return nullptr;
  }
  if (expr.text == "first" || expr.text == "last") return CheckEnd(expr);
  return CheckQuantifier(expr);
}

Expressions::Ptr Expressions::CheckEnd(const ast::Expr& expr) {
  if (expr.fold->where != nullptr || !expr.fold->variables.empty()) {
    model_.sink.Report(expr.span, diagnostics::kEndTakesList, expr.text);
    return nullptr;
  }
  Ptr list = Check(*expr.fold->source);
  if (list == nullptr) return nullptr;
  if (list->type.type.kind != TypeKind::kList) {
    model_.sink.Report(expr.fold->source->span, diagnostics::kEndNeedsList, expr.text,
                       model_.types.Words(list->type.type));
    return nullptr;
  }
  if (!RequirePresent(*list)) return nullptr;
  Type element = model_.types.At(list->type.type.element);
  element.optional = true;
  Ptr node = Node(ExprKind::kElementAt, expr.span, element);
  node->index = expr.text == "last" ? 1 : 0;
  node->children.push_back(std::move(list));
  return node;
}

Expressions::Ptr Expressions::CheckQuantifier(const ast::Expr& expr) {
  const ast::Fold& fold = *expr.fold;
  const std::optional<QuantifierOp> op = FindOp(expr.text);
  if (!op.has_value()) return nullptr;
  const bool neighbours = fold.variables.size() > 1;
  if (neighbours && fold.variables[0].text == fold.variables[1].text) {
    model_.sink.Report(fold.variables[1].span, diagnostics::kNamedTwice, fold.variables[1]);
    return nullptr;
  }
  if (fold.within != nullptr || fold.since != nullptr || fold.capacity.has_value() || !fold.by.empty()) {
    const ast::Span span = fold.within != nullptr  ? fold.within->span
                           : fold.since != nullptr ? fold.since->span
                                                   : expr.span;
    model_.sink.Report(span, diagnostics::kEventsOnly);
    return nullptr;
  }
  Ptr collection = Check(*fold.source);
  if (collection == nullptr) return nullptr;
  const Type type = collection->type.type;
  if (!RequireCollection(*collection, fold.source->span)) return nullptr;
  if (neighbours && type.kind != TypeKind::kList) {
    model_.sink.Report(fold.source->span, diagnostics::kEndNeedsList, "for … then …", model_.types.Words(type));
    return nullptr;
  }
  if (fold.variables.empty() && *op != QuantifierOp::kCount) {
    model_.sink.Report(expr.span, diagnostics::kNeedsVariable, expr.text);
    return nullptr;
  }
  if (!fold.variables.empty() && fold.value == nullptr) return nullptr;  // the parser has said so
  Ptr body, where;
  const uint32_t variable = variables_;
  if (!fold.variables.empty() && !CheckBody(fold, *op, model_.types.At(type.element), &body, &where)) return nullptr;
  ExprType result;
  if (!QuantifierType(expr, *op, body.get(), &result)) return nullptr;
  Ptr node = Node(ExprKind::kQuantifier, expr.span, result.type, result.scale);
  node->op = *op;
  node->variable = variable;
  if (neighbours) node->variable2 = variable + 1;
  node->children.push_back(std::move(body));
  node->children.push_back(std::move(collection));
  node->children.push_back(std::move(where));
  return node;
}

// What is said of each element, where the variable stands for it; or of each element and the one behind it.
bool Expressions::CheckBody(const ast::Fold& fold, QuantifierOp op, const Type& element, Ptr* body, Ptr* where) {
  for (const ast::Name& variable : fold.variables)
    locals_.push_back({variable.text, {element, 0}, variables_++, nullptr});
  size_t known = present_.size();
  bool ok = true;
  if (fold.where != nullptr) {
    *where = CheckCondition(*fold.where);
    ok = *where != nullptr;
    if (ok) known = Narrow(**where, true);
  }
  const bool condition = op == QuantifierOp::kAny || op == QuantifierOp::kAll || op == QuantifierOp::kCount;
  const Type boolean = Of(TypeKind::kBool);
  *body = Check(*fold.value, condition ? &boolean : nullptr);
  present_.resize(known);
  locals_.resize(locals_.size() - fold.variables.size());
  variables_ -= static_cast<uint32_t>(fold.variables.size());
  return ok && *body != nullptr && RequirePresent(**body);
}

bool Expressions::QuantifierType(const ast::Expr& expr, QuantifierOp op, const typed::Expr* body, ExprType* out) {
  switch (op) {
    case QuantifierOp::kAny:
    case QuantifierOp::kAll:
      *out = {Of(TypeKind::kBool), 0};
      return RequireBool(*body);
    case QuantifierOp::kCount:
      *out = {Of(TypeKind::kInt), 0};
      return body == nullptr || RequireBool(*body);
    case QuantifierOp::kDistinct:
      *out = {Of(TypeKind::kInt), 0};
      if (IsScalar(body->type.type.kind)) return true;
      break;
    case QuantifierOp::kSum:
      *out = {Of(body->type.type.kind, body->type.type.index), body->type.scale};
      if (IsAdditive(body->type.type)) return true;
      break;
    case QuantifierOp::kMin:
    case QuantifierOp::kMax:
      *out = body->type;
      out->type.optional = true;
      if (model_.types.HasOrder(body->type.type)) return true;
      break;
  }
  model_.sink.Report(expr.fold->value->span, diagnostics::kFoldOfType, expr.text, model_.types.Words(body->type.type));
  return false;
}

// ---------------------------------------------------------------- facts

bool Expressions::HasPast() const {
  return scope_.kind == ScopeKind::kProposal || scope_.kind == ScopeKind::kConclude ||
         scope_.kind == ScopeKind::kCondition || scope_.kind == ScopeKind::kDefinition;
}

bool Expressions::LooksBack() const { return HasPast() && FieldsOf().valid() && frame_.self == nullptr; }

bool Expressions::MayUseFacts(ast::Span span) {
  if (HasPast() && FieldsOf().valid()) return true;
  Fail(span, "a fact about earlier events");
  return false;
}

std::optional<typed::Pattern> Expressions::FindPattern(const ast::Expr& source, const std::vector<ast::Name>& by,
                                                       const ast::Expr* where) {
  typed::Pattern pattern;
  bool ok = true;
  if (source.kind == ast::ExprKind::kFold && source.fold != nullptr && source.fold->source != nullptr) {
    return FindPattern(*source.fold->source, source.fold->by, source.fold->where.get());
  }
  std::optional<ast::Name> name;
  if (source.kind == ast::ExprKind::kName) name = ast::Name{source.text, source.span};
  // Deployment.start: in a declaration, which has found its workflow by it.
  const ast::Expr* object = source.kind == ast::ExprKind::kMember && !source.children.empty() ? source.children[0].get() : nullptr;
  if (declares_ && object != nullptr && object->kind == ast::ExprKind::kName &&
      model_.FindWorkflow({object->text, object->span}) == FieldsOf())
    name = source.name;
  if (!name.has_value()) {
    model_.sink.Report(source.span, diagnostics::kPatternNeedsTransition);
    return std::nullopt;
  }
  const TransitionId t = model_.FindTransition(FieldsOf(), *name);
  if (t.valid()) pattern.transitions.push_back(t);
  pattern.by = model_.FindRoles(by, &pattern.by_orchestrator, &ok);
  if (!t.valid() || !ok) return std::nullopt;
  if (where == nullptr) return pattern;
  pattern.where = EventValue(*where, pattern.transitions);
  if (pattern.where == nullptr || !RequireBool(*pattern.where)) return std::nullopt;
  return pattern;
}

// In the scope of an event: nothing of the proposal, no variable of a comprehension around.
Expressions::Ptr Expressions::EventValue(const ast::Expr& expr, const std::vector<TransitionId>& transitions) {
  Expressions event(model_, {ScopeKind::kEvent, FieldsOf(), transitions, {}});
  for (size_t i = frame_.locals_begin; i < locals_.size(); ++i) event.hidden_.push_back(locals_[i].name);
  const WorkflowNames& names = model_.names(FieldsOf());
  for (TransitionId t : scope_.transitions) {
    if (frame_.self != nullptr) break;
    for (const writ::Field& field : model_.transition(scope_.workflow, t).payload) {
      if (names.fields.count(field.name) == 0) event.hidden_.push_back(field.name);
    }
  }
  event.active_ = active_;
  event.active_tables_ = active_tables_;
  return event.Check(expr);
}

bool Expressions::FactParts(const ast::Expr& expr, typed::Fact* fact) {
  const ast::Fold& fold = *expr.fold;
  fact->workflow = FieldsOf();
  fact->span = expr.span;
  const ast::Expr* source = fold.source.get();
  if (expr.text == "refused" || (source->kind == ast::ExprKind::kFold && source->text == "refused"))
    fact->refused = true;
  std::optional<typed::Pattern> pattern = FindPattern(*source, fold.by, fold.where.get());
  bool ok = pattern.has_value();
  if (ok) fact->pattern = std::move(*pattern);
  if (fold.within != nullptr) {
    Expressions constant(model_, {});
    const std::optional<Num> within = constant.CheckConstant(*fold.within, TypeKind::kDuration);
    if (within.has_value() && *within <= 0) model_.sink.Report(fold.within->span, diagnostics::kWindowNotPositive);
    if (within.has_value() && *within > 0) fact->within_ns = static_cast<int64_t>(*within);
    ok = ok && fact->within_ns > 0;
  }
  if (fold.capacity.has_value()) {
    const int64_t most = int64_t{1} << 20;
    if (fold.within == nullptr) {
      model_.sink.Report(expr.span, diagnostics::kMaxNeedsWithin);
      ok = false;
    } else if (*fold.capacity < 1 || *fold.capacity > most) {
      model_.sink.Report(expr.span, diagnostics::kBadCapacity, *fold.capacity, 1, most);
      ok = false;
    } else {
      fact->capacity = static_cast<uint32_t>(*fold.capacity);
    }
  }
  if (fold.since != nullptr) {
    std::optional<typed::Pattern> since = FindPattern(*fold.since, {}, nullptr);
    ok = ok && since.has_value();
    if (since.has_value()) fact->since = std::move(since);
  }
  return ok;
}

Expressions::Ptr Expressions::FactNode(typed::Fact fact, ast::Span span) {
  const ExprType type = fact.type;
  return FactAbout(model_.AddFact(std::move(fact)), type, span);
}

Expressions::Ptr Expressions::CheckFact(const ast::Expr& expr) {
  if (!MayUseFacts(expr.span)) return nullptr;
  std::optional<typed::Fact> fact = FactOf(expr);
  return fact.has_value() ? FactNode(*std::move(fact), expr.span) : nullptr;
}

std::optional<typed::Fact> Expressions::EventsFact(const ast::Expr& fold, const std::vector<ast::Name>& path,
                                                   ast::Span span) {
  declares_ = true;
  return path.empty() ? FactOf(fold) : LastFactOf(fold, path, span);
}

std::optional<typed::Fact> Expressions::FactOf(const ast::Expr& expr) {
  const std::optional<typed::Fact::Kind> kind = FindFactKind(expr.text);
  if (!kind.has_value()) {
    model_.sink.Report(expr.span, diagnostics::kNoFactOfThis, expr.text);
    return std::nullopt;
  }
  typed::Fact fact;
  fact.kind = *kind;
  if (!FactParts(expr, &fact)) return std::nullopt;
  using Kind = typed::Fact::Kind;
  const bool needs_value = *kind == Kind::kSum || *kind == Kind::kMin || *kind == Kind::kMax;
  const ast::Fold& fold = *expr.fold;
  if (needs_value != (fold.value != nullptr)) {
    model_.sink.Report(expr.span, needs_value ? diagnostics::kFactNeedsValue : diagnostics::kFactTakesNoValue,
                       expr.text);
    return std::nullopt;
  }
  if (*kind == Kind::kLast) {
    model_.sink.Report(expr.span, diagnostics::kLastNeedsMember);
    return std::nullopt;
  }
  fact.type = {Of(*kind == Kind::kHappened ? TypeKind::kBool : TypeKind::kInt), 0};
  if (needs_value) {
    fact.value = EventValue(*fold.value, fact.pattern.transitions);
    if (fact.value == nullptr || !RequirePresent(*fact.value)) return std::nullopt;
    const Type& type = fact.value->type.type;
    const bool fits = *kind == Kind::kSum ? IsAdditive(type) : model_.types.HasOrder(type);
    if (!fits) {
      model_.sink.Report(fold.value->span, diagnostics::kFoldOfType, expr.text, model_.types.Words(type));
      return std::nullopt;
    }
    CheckIntervals(model_, *fact.value, scope_.kind == ScopeKind::kProposal || scope_.kind == ScopeKind::kConclude);
    fact.type = {Of(type.kind, type.index), fact.value->type.scale};
    fact.type.type.optional = *kind != Kind::kSum;
  }
  return fact;
}

// What `last(p)` keeps of its event: a field of its payload, a field after it, who did it, when.
Expressions::Ptr Expressions::EventMember(const std::vector<TransitionId>& transitions,
                                          const std::vector<ast::Name>& path, ast::Span span) {
  const WorkflowId workflow = FieldsOf();
  Expressions event(model_, {ScopeKind::kEvent, workflow, transitions, {}});
  const ast::Name& first = path[0];
  Ptr value;
  const WorkflowNames& names = model_.names(workflow);
  if (event.PayloadNamed(first.text)) {
    value = event.Payload(first);
  } else if (const auto field = names.fields.find(first.text); field != names.fields.end()) {
    value = event.FieldOf(SlotRoot::kAfter, FieldId(field->second), first.span);
  } else if (first.text == "actor") {
    value = event.Actor(first.span);
  } else if (first.text == "time") {
    value = SlotNode(first.span, Of(TypeKind::kTime), SlotRoot::kNow);
  } else {
    std::vector<std::string> known = NamesOf(names.fields);
    for (const writ::Field& field : model_.transition(workflow, transitions[0]).payload)
      known.push_back(field.name);
    known.insert(known.end(), {"actor", "time"});
    model_.sink
        .Report(first.span, diagnostics::kUnknownEventMember, first,
                model_.transition(workflow, transitions[0]).name)
        .Help(Hint(model_.sink, first.text, known));
    return nullptr;
  }
  for (size_t i = 1; i < path.size() && value != nullptr; ++i) value = event.MemberOf(std::move(value), path[i], span);
  return value;
}

Expressions::Ptr Expressions::LastMember(const ast::Expr& last, const std::vector<ast::Name>& path, ast::Span span) {
  if (!MayUseFacts(span)) return nullptr;
  std::optional<typed::Fact> fact = LastFactOf(last, path, span);
  return fact.has_value() ? FactNode(*std::move(fact), span) : nullptr;
}

std::optional<typed::Fact> Expressions::LastFactOf(const ast::Expr& last, const std::vector<ast::Name>& path,
                                                   ast::Span span) {
  typed::Fact fact;
  fact.kind = typed::Fact::Kind::kLast;
  if (!FactParts(last, &fact)) return std::nullopt;
  if (last.fold->value != nullptr) {
    model_.sink.Report(last.span, diagnostics::kFactTakesNoValue, last.text);
    return std::nullopt;
  }
  // The whole path is of the event: a fact keeps scalars, and reads through no reference later on.
  fact.value = EventMember(fact.pattern.transitions, path, span);
  if (fact.value == nullptr) return std::nullopt;
  if (!IsScalar(fact.value->type.type.kind)) {
    model_.sink.Report(span, diagnostics::kLastOfType, model_.types.Words(fact.value->type.type));
    return std::nullopt;
  }
  fact.type = fact.value->type;
  fact.type.type.optional = true;
  return fact;
}

ast::Expr LastOf(const ast::Name& transition, ast::Span span) {
  ast::Expr last;
  last.kind = ast::ExprKind::kFold;
  last.text = "last";
  last.span = span;
  last.fold = std::make_unique<ast::Fold>();
  last.fold->source = std::make_unique<ast::Expr>(BareWord(transition));
  return last;
}

Expressions::Ptr Expressions::OfInstance(Ptr reference, std::vector<ast::Name> path, ast::Span span) {
  if (path.empty()) return reference;
  const WorkflowId w(reference->type.type.index);
  const WorkflowNames& names = model_.names(w);
  const bool is_event = path.size() > 1 && names.fields.count(path[0].text) == 0 &&
                        names.transitions.count(path[0].text) != 0;
  if (!is_event) {
    for (const ast::Name& name : path) reference = MemberOf(std::move(reference), name, span);
    return reference;
  }
  const ast::Expr last = LastOf(path[0], span);
  path.erase(path.begin());
  Frame frame;
  frame.self = reference.get();
  frame.self_workflow = w;
  const Frame outer = std::exchange(frame_, frame);
  Ptr value = LastMember(last, path, span);
  frame_ = outer;
  return value;
}

Expressions::Ptr Expressions::CheckAge(const ast::Expr& expr) {
  const ast::Expr* last = expr.children.size() == 1 ? expr.children[0].get() : nullptr;
  const bool is_last =
      last != nullptr && last->kind == ast::ExprKind::kFold && last->text == "last" && last->fold != nullptr;
  if (!is_last || !(IsPattern(*last) || IsMisspeltEvent(*last->fold))) {
    model_.sink.Report(expr.span, diagnostics::kAgeNeedsLast);
    return nullptr;
  }
  Ptr then = LastMember(*last, {{"time", last->span}}, last->span);
  if (then == nullptr) return nullptr;
  Ptr now = SlotNode(expr.span, Of(TypeKind::kTime), SlotRoot::kNow);
  Type type = Of(TypeKind::kDuration);
  type.optional = true;
  return Node(ExprKind::kSubtract, expr.span, ExprType{type, 0}, std::move(now), std::move(then));
}

std::optional<typed::Fact> Expressions::AwaitedFact(TransitionId transition, const std::vector<RoleId>& by,
                                                    ast::Span span) {
  typed::Fact fact;
  fact.workflow = scope_.workflow;
  fact.kind = typed::Fact::Kind::kHappened;
  fact.pattern.transitions = {transition};
  fact.pattern.by = by;
  fact.this_round = true;
  fact.type = {Of(TypeKind::kBool), 0};
  fact.span = span;
  return fact;
}

// ---------------------------------------------------------------- declared facts

bool Expressions::MayUseKeyedFacts(ast::Span span) {
  if (scope_.kind == ScopeKind::kProposal || scope_.kind == ScopeKind::kConclude ||
      scope_.kind == ScopeKind::kCondition || scope_.kind == ScopeKind::kDefinition)
    return true;
  Fail(span, "a fact about earlier events");
  return false;
}

const DeclaredFact* Expressions::FindFact(const ast::Expr& object) const {
  const auto of = [&](WorkflowId w, const std::string& name) -> const DeclaredFact* {
    const auto& facts = model_.names(w).facts;
    const auto at = facts.find(name);
    return at == facts.end() ? nullptr : &model_.declared_facts[at->second];
  };
  if (object.kind == ast::ExprKind::kMember) {  // Deal.exposure
    const ast::Expr* type = object.children.empty() ? nullptr : object.children[0].get();
    if (type == nullptr || type->kind != ast::ExprKind::kName || ResolvesAsValue({type->text, type->span}))
      return nullptr;
    const Declaration* d = model_.symbols.Find(Space::kType, {type->text, type->span});
    const bool is_workflow = d != nullptr && d->kind == DeclarationKind::kWorkflow;
    return is_workflow ? of(WorkflowId(d->id), object.name.text) : nullptr;
  }
  if (object.kind != ast::ExprKind::kName) return nullptr;
  const ast::Name name{object.text, object.span};
  for (size_t i = frame_.locals_begin; i < locals_.size(); ++i) {
    if (locals_[i].name == name.text) return nullptr;
  }
  if (const WorkflowId w = FieldsOf(); w.valid()) {
    if (const DeclaredFact* own = of(w, name.text); own != nullptr) return own;
    const WorkflowNames& names = model_.names(w);
    if (names.fields.count(name.text) != 0 || names.keys.count(name.text) != 0 || PayloadNamed(name.text) ||
        FindWorkflowDef(w, name.text) != nullptr)
      return nullptr;
  }
  const Declaration* d = model_.symbols.Find(Space::kDef, name);
  if (d == nullptr || d->fact == nullptr) return nullptr;
  const auto at = std::find_if(model_.declared_facts.begin(), model_.declared_facts.end(),
                               [&](const DeclaredFact& fact) { return fact.node == d->fact; });
  return at == model_.declared_facts.end() ? nullptr : &*at;
}

// By its name alone: of this instance, or with the key that is in scope under the key's own name.
Expressions::Ptr Expressions::NamedFact(const DeclaredFact& declared, ast::Span span) {
  const bool by_key = !declared.owner.valid() || !declared.node->per.empty();
  if (by_key ? !MayUseKeyedFacts(span) : !MayUseFacts(span)) return nullptr;
  if (!by_key && declared.owner != FieldsOf()) return Fail(span, "a fact about another workflow's instance");
  if (!declared.fact.has_value()) return nullptr;
  const typed::Fact& fact = model_.program.facts[*declared.fact];
  if (!by_key) return FactAbout(*declared.fact, fact.type, span);
  Ptr node = Node(ExprKind::kKeyedFact, span, fact.type.type, fact.type.scale);
  node->index = *declared.fact;
  const std::vector<writ::Field> key = model_.workflow(fact.keyed).key;
  for (size_t i = 0; i < key.size(); ++i) {
    ast::ExprPtr part = CloneExpr(*declared.node->per[i]);
    const ast::Expr* root = part.get();
    while (root->kind == ast::ExprKind::kMember && !root->children.empty()) root = root->children[0].get();
    const bool is_actor = root->text == "actor" && scope_.kind != ScopeKind::kProposal && scope_.kind != ScopeKind::kDefinition;
    ast::Name name{root->text, span};
    if (is_actor || !ResolvesAsValue(name)) {
      model_.sink
          .Report(span, diagnostics::kFactKeyNotHere, declared.node->name, key[i].name,
                  absl::StrCat(declared.node->name.text, "[…]"))
          .Related(declared.node->name.span, "it is declared here");
      return nullptr;
    }
    // Told here; but what an argument of a template says means what it means where that was written.
    const bool written = model_.symbols.InstanceOf(declared.node->name.span.file) == nullptr;
    if (written && part->kind == ast::ExprKind::kName) part->span = span;
    Ptr value = CheckValue(*part, model_.types.At(key[i].type));
    if (value == nullptr) return nullptr;
    node->children.push_back(std::move(value));
  }
  return node;
}

// exposure[customer]
Expressions::Ptr Expressions::FactAt(const DeclaredFact& declared, const ast::Expr& expr) {
  if (!MayUseKeyedFacts(expr.span) || !declared.fact.has_value()) return nullptr;
  const typed::Fact& fact = model_.program.facts[*declared.fact];
  const size_t parts = fact.keyed.valid() ? model_.workflow(fact.keyed).key.size() : 0;
  if (expr.children.size() - 1 != parts) {
    model_.sink
        .Report(expr.span, diagnostics::kKeyPartCount, Counted(parts, "part"), AreCounted(expr.children.size() - 1))
        .Related(declared.node->name.span, "it is declared here");
    return nullptr;
  }
  Ptr node = Node(ExprKind::kKeyedFact, expr.span, fact.type.type, fact.type.scale);
  node->index = *declared.fact;
  for (size_t i = 0; i < parts; ++i) {
    Ptr part = expr.children[i + 1] == nullptr
                   ? nullptr
                   : CheckValue(*expr.children[i + 1], model_.types.At(model_.workflow(fact.keyed).key[i].type));
    if (part == nullptr) return nullptr;
    node->children.push_back(std::move(part));
  }
  return node;
}

// ---------------------------------------------------------------- verdicts

bool Expressions::FindSeat(const ast::Name& role_name, uint32_t* review, uint32_t* seat, ast::Span span) {
  if (!LooksBack()) {
    Fail(span, "a verdict");
    return false;
  }
  const RoleId role = model_.FindRole(role_name);
  if (!role.valid()) return false;
  const Workflow& workflow = model_.workflow(scope_.workflow);
  std::vector<std::pair<uint32_t, uint32_t>> found;
  std::vector<std::string> seated;
  for (uint32_t r = 0; r < workflow.reviews.size(); ++r) {
    if (scope_.review.valid() && scope_.review.value != r) continue;
    for (uint32_t s = 0; s < workflow.reviews[r].seats.size(); ++s) {
      seated.push_back(model_.schema().roles[workflow.reviews[r].seats[s].role.value].name);
      if (workflow.reviews[r].seats[s].role == role) found.emplace_back(r, s);
    }
  }
  if (found.empty()) {
    model_.sink.Report(role_name.span, diagnostics::kNoSeat, role_name, workflow.name)
        .Help(Hint(model_.sink, role_name.text, seated));
    return false;
  }
  if (found.size() > 1) {
    model_.sink.Report(role_name.span, diagnostics::kSeatInSeveralReviews, role_name, workflow.name);
    return false;
  }
  *review = found[0].first;
  *seat = found[0].second;
  return true;
}

bool Expressions::FindStance(uint32_t review, const ast::Name& stance, uint32_t* out) {
  const Review& declared = model_.workflow(scope_.workflow).reviews[review];
  if (!declared.verdict.valid() || !declared.stance.valid()) return false;
  const writ::Field& field = model_.transition(scope_.workflow, declared.verdict).payload[declared.stance.value];
  if (!field.type.valid()) return false;
  const Type& type = model_.types.At(field.type);
  if (type.kind != TypeKind::kEnum) return false;
  const Ptr member = CheckContextual(BareWord(stance), type);
  if (member == nullptr) return false;
  *out = static_cast<uint32_t>(member->number);
  return true;
}

Expressions::Ptr Expressions::CheckSays(const ast::Expr& expr) {
  uint32_t review = 0, seat = 0, stance = 0;
  const ast::Expr* word = expr.children.empty() ? nullptr : expr.children[0].get();
  if (word == nullptr || word->kind != ast::ExprKind::kName || !FindSeat(expr.name, &review, &seat, expr.span))
    return nullptr;
  if (!FindStance(review, {word->text, word->span}, &stance)) return nullptr;
  Ptr node = Node(ExprKind::kSays, expr.span, Of(TypeKind::kBool));
  node->index = review;
  node->part = seat;
  node->part2 = stance;
  return node;
}

Expressions::Ptr Expressions::CheckVotes(const ast::Expr& expr) {
  const bool two = expr.children.size() == 2 && expr.children[0] != nullptr && expr.children[1] != nullptr &&
                   expr.children[0]->kind == ast::ExprKind::kName && expr.children[1]->kind == ast::ExprKind::kName;
  if (!two) {
    model_.sink.Report(expr.span, diagnostics::kVotesArguments);
    return nullptr;
  }
  uint32_t review = 0, seat = 0, stance = 0;
  if (!FindSeat({expr.children[0]->text, expr.children[0]->span}, &review, &seat, expr.span)) return nullptr;
  if (!FindStance(review, {expr.children[1]->text, expr.children[1]->span}, &stance)) return nullptr;
  Type type = Of(TypeKind::kInt);
  type.min = 0;
  type.max = model_.workflow(scope_.workflow).reviews[review].seats[seat].seats;
  Ptr node = Node(ExprKind::kVotes, expr.span, type);
  node->index = review;
  node->part = seat;
  node->part2 = stance;
  return node;
}

}  // namespace writ::check
