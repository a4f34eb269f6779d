#include "compiler/check/expressions.h"
#include "compiler/check/left_out.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "compiler/check/check.h"
#include "compiler/check/planted_faults.h"
#include "compiler/typed/expr.h"

namespace writ::check {

using typed::ExprKind;
using typed::ExprType;

namespace {

Type StateType(WorkflowId workflow) {
  Type type = Of(TypeKind::kInt, workflow.value);
  type.distinct = kStateMark;
  return type;
}

Type TextType() { return Of(TypeKind::kString); }

Type Optional(Type type, bool optional = true) {
  type.optional = optional;
  return type;
}

// What arithmetic makes of a type: no range, no distinct name.
Type Plain(const Type& type) {
  Type out = Of(type.kind, type.index);
  out.optional = type.optional;
  return out;
}

size_t NodeCount(const typed::Expr& e) {
  size_t count = 1;
  for (const typed::ExprPtr& child : e.children) count += child != nullptr ? NodeCount(*child) : 0;
  return count;
}

struct Deeper {
  explicit Deeper(size_t* at) : depth(at) { ++*depth; }
  ~Deeper() { --*depth; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;
  size_t* depth;
};

size_t ReferenceDepth(const typed::Expr& e) {
  const size_t inner = e.children.empty() || e.children[0] == nullptr ? 0 : ReferenceDepth(*e.children[0]);
  if (e.kind == ExprKind::kDeref || (e.kind == ExprKind::kFact && !e.children.empty())) return inner + 1;
  return e.kind == ExprKind::kMember || e.kind == ExprKind::kLookup || e.kind == ExprKind::kElementAt ? inner : 0;
}

// `a < b < c` reaches this as `(a < b) < c`; the parser has told what is wrong with it.
bool IsChain(const ast::Expr& expr) {
  const ast::Expr& left = *expr.children[0];
  return left.kind == ast::ExprKind::kBinary &&
         (left.text[0] == '<' || left.text[0] == '>' || left.text == "==" || left.text == "!=");
}

}  // namespace

ast::Expr BareWord(const ast::Name& name) {
  ast::Expr word;
  word.kind = ast::ExprKind::kName;
  word.text = name.text;
  word.span = name.span;
  return word;
}

Expressions::Expressions(Model& model, Scope scope) : model_(model), scope_(std::move(scope)) {
  std::sort(scope_.transitions.begin(), scope_.transitions.end());
}

// ---------------------------------------------------------------- nodes

Expressions::Ptr Expressions::Node(ExprKind kind, ast::Span span, const Type& type, uint8_t scale) {
  auto node = std::make_unique<typed::Expr>();
  node->kind = kind;
  node->span = span;
  node->type.type = type;
  node->type.scale = scale;
  ++nodes_;
  return node;
}

template <typename... P>
Expressions::Ptr Expressions::Node(ExprKind kind, ast::Span span, const ExprType& type, P... children) {
  Ptr node = Node(kind, span, type.type, type.scale);
  (node->children.push_back(std::move(children)), ...);
  return node;
}

template <typename... P>
Expressions::Ptr Expressions::Truth(ExprKind kind, ast::Span span, P... children) {
  return Node(kind, span, ExprType{Of(TypeKind::kBool), 0}, std::move(children)...);
}

Expressions::Ptr Expressions::Constant(ast::Span span, const Type& type, Num number) {
  Ptr node = Node(ExprKind::kConstant, span, type);
  node->number = number;
  return node;
}

Expressions::Ptr Expressions::SlotNode(ast::Span span, const Type& type, SlotRoot root, uint32_t index) {
  Ptr node = Node(ExprKind::kSlot, span, type);
  node->root = root;
  node->index = index;
  return node;
}

std::string Expressions::WhyNotHere() const {
  if (!frame_.fields && (scope_.workflow.valid() || scope_.kind == ScopeKind::kDefinition))
    return "this `def` belongs to no workflow: move it into one";
  if (frame_.self != nullptr) return "it is read through a reference: of another instance its key, fields, state and facts can be read";
  switch (scope_.kind) {
    case ScopeKind::kConstant:
      return "a constant is expected here";
    case ScopeKind::kConclude:
      return "a review concludes by itself, and nobody proposes";
    case ScopeKind::kCondition:
      return "this looks at an instance while nobody proposes";
    case ScopeKind::kCompute:
      return "a computed field is made of fields, the payload, `now` and `actor`";
    case ScopeKind::kEvent:
      return "a fact looks at one earlier event: its payload and the fields after it";
    case ScopeKind::kLimit:
      return "a limit is set on one field or payload";
    case ScopeKind::kProposal:
    case ScopeKind::kDefinition:
      return "";
  }
  return "";
}

Expressions::Ptr Expressions::Fail(ast::Span span, const char* what) {
  const bool article = absl::StartsWith(what, "a ");
  auto report =
      model_.sink.Report(span, diagnostics::kNoMeaningHere, article ? std::string(what) : absl::StrCat("`", what, "`"));
  report.Help(WhyNotHere());
  if (frame_.self != nullptr && frame_.use.has_value()) report.Related(*frame_.use, "it is read from here");
  return nullptr;
}

// ---------------------------------------------------------------- entries

Expressions::Ptr Expressions::Check(const ast::Expr& expr, const Type* expected) {
  if (exhausted_) return nullptr;
  if (nodes_ > kExpandedNodesMax || depth_ > kExpandedDepthMax) {
    exhausted_ = true;
    model_.broken_defs.insert(active_.begin(), active_.end());
    model_.sink.Report(frame_.use.value_or(expr.span), diagnostics::kTooLargeExpanded, kExpandedNodesMax);
    return nullptr;
  }
  const Deeper deeper(&depth_);
  const bool rounded = std::exchange(rounding_, false);
  Ptr node = expr.kind == ast::ExprKind::kBinary && expr.text == "/" && rounded ? CheckRounded(expr)
                                                                                : CheckInner(expr, expected);
  if (node == nullptr || !node->type.type.optional) return node;
  if (!present_.empty() && std::find(present_.begin(), present_.end(), typed::Text(*node)) != present_.end()) {
    node->type.type.optional = false;
  }
  return node;
}

Expressions::Ptr Expressions::CheckGuard(const ast::Expr& expr) {
  Ptr guard = CheckCondition(expr);
  const bool decides = scope_.kind == ScopeKind::kProposal || scope_.kind == ScopeKind::kConclude;
  if (guard != nullptr) CheckIntervals(model_, *guard, decides);
  return guard;
}

Expressions::Ptr Expressions::CheckValue(const ast::Expr& expr, const Type& type) {
  Ptr value = Check(expr, &type);
  if (value == nullptr) return nullptr;
  const Type& found = value->type.type;
  if (!SameType(found, type) || IsState(found)) {
    model_.sink.Report(expr.span, diagnostics::kTypeMismatch, model_.types.Words(type), model_.types.Words(found));
    return nullptr;
  }
  if (found.optional && !type.optional) {
    RequirePresent(*value);
    return nullptr;
  }
  if (value->type.scale != 0) {
    model_.sink.Report(expr.span, diagnostics::kUnrounded, model_.types.Words(type));
    return nullptr;
  }
  if (value->kind == ExprKind::kConstant && IsNumeric(type.kind) &&
      !model_.types.CheckInRange(expr.span, type, value->number))
    return nullptr;
  if (value->kind == ExprKind::kConstant && type.kind == TypeKind::kString && value->text.size() > type.capacity) {
    model_.sink.Report(expr.span, diagnostics::kTextTooLong, value->text.size(), type.capacity);
    return nullptr;
  }
  CheckIntervals(model_, *value);
  return value;
}

Expressions::Ptr Expressions::CheckCondition(const ast::Expr& expr) {
  const Type boolean = Of(TypeKind::kBool);
  Ptr condition = Check(expr, &boolean);
  return condition != nullptr && RequireBool(*condition) ? std::move(condition) : nullptr;
}

std::optional<Num> Expressions::CheckConstant(const ast::Expr& expr, TypeKind kind) {
  const Type expected = Of(kind);
  const Ptr value = Check(expr, &expected);
  if (value == nullptr) return std::nullopt;
  if (value->kind != ExprKind::kConstant) {
    model_.sink.Report(expr.span, diagnostics::kConstantNeeded);
    return std::nullopt;
  }
  if (value->type.type.kind != kind) {
    model_.sink.Report(expr.span, diagnostics::kTypeMismatch, model_.types.Words(expected),
                       model_.types.Words(value->type.type));
    return std::nullopt;
  }
  return value->number;
}

void Expressions::CheckDefinition(const ast::Def& def) {
  if (def.body == nullptr || model_.broken_defs.count(&def) != 0) return;
  std::set<std::string> seen;
  bool ok = true;
  for (const ast::Field& parameter : def.parameters) {
    if (!seen.insert(parameter.name.text).second)
      model_.sink.Report(parameter.name.span, diagnostics::kParameterTwice, parameter.name);
    const std::optional<Type> type = model_.types.Resolve(parameter.type);
    if (!type.has_value()) {
      ok = false;
      continue;
    }
    locals_.push_back({parameter.name.text, {*type, 0}, variables_++, nullptr});
  }
  std::optional<Type> result;
  if (def.result.has_value()) {
    result = model_.types.Resolve(*def.result);
    ok = ok && result.has_value();
  }
  if (!ok) return;
  active_.push_back(&def);
  frame_.fields = scope_.workflow.valid();
  Ptr body = Check(*def.body, result.has_value() ? &*result : nullptr);
  if (body != nullptr && result.has_value()) {
    const Type& found = body->type.type;
    if (!SameType(found, *result) || (found.optional && !result->optional)) {
      model_.sink.Report(def.body->span, diagnostics::kDefResult, def.name, model_.types.Words(*result),
                         model_.types.Words(found));
    }
  }
  if (body != nullptr) CheckIntervals(model_, *body);
}

// ---------------------------------------------------------------- dispatch

Expressions::Ptr Expressions::CheckInner(const ast::Expr& expr, const Type* expected) {
  switch (expr.kind) {
    case ast::ExprKind::kBool:
      return Constant(expr.span, Of(TypeKind::kBool), expr.text == "true" ? 1 : 0);
    case ast::ExprKind::kInt:
    case ast::ExprKind::kPercent:
    case ast::ExprKind::kMoney:
    case ast::ExprKind::kQuantity:
    case ast::ExprKind::kDuration:
    case ast::ExprKind::kTime:
    case ast::ExprKind::kDate:
      return CheckNumber(expr);
    case ast::ExprKind::kString:
      return CheckString(expr, expected);
    case ast::ExprKind::kName:
      return CheckName(expr, expected);
    case ast::ExprKind::kThis:
      return CheckThis(expr);
    case ast::ExprKind::kMember:
      return CheckMember(expr);
    case ast::ExprKind::kIndex:
      return CheckIndex(expr);
    case ast::ExprKind::kCall:
      return CheckCall(expr);
    case ast::ExprKind::kNot:
      return CheckNot(expr);
    case ast::ExprKind::kNegate:
      return CheckNegate(expr);
    case ast::ExprKind::kBinary:
      return CheckBinary(expr, expected);
    case ast::ExprKind::kHas:
      return CheckHas(expr);
    case ast::ExprKind::kIf:
      return CheckIf(expr, expected);
    case ast::ExprKind::kSays:
      return CheckSays(expr);
    case ast::ExprKind::kFold:
      return CheckFold(expr);
    case ast::ExprKind::kSet:
    case ast::ExprKind::kList:
      model_.sink.Report(expr.span, diagnostics::kSetOnlyAfterIn);
      return nullptr;
    case ast::ExprKind::kRecord:
      model_.sink.Report(expr.span, diagnostics::kRecordInExpression);
      return nullptr;
    case ast::ExprKind::kMethod:
      return CheckMethod(expr);
    case ast::ExprKind::kOf:
      model_.sink.Report(expr.span, diagnostics::kFormulaHere);
      return nullptr;
  }
  return nullptr;
}

Expressions::Ptr Expressions::CheckNumber(const ast::Expr& expr) {
  const std::optional<Number> number = model_.types.ReadNumber(expr);
  if (!number.has_value()) return nullptr;
  return Constant(expr.span, number->type, number->value);
}

Expressions::Ptr Expressions::CheckString(const ast::Expr& expr, const Type* expected) {
  Type type = TextType();
  if (expected != nullptr && expected->kind == TypeKind::kReference) {
    const std::vector<writ::Field>& key = model_.workflow(WorkflowId(expected->index)).key;
    const bool text = key.size() == 1 && key[0].type.valid() && model_.types.At(key[0].type).kind == TypeKind::kString;
    if (text) type = Of(TypeKind::kReference, expected->index);
  }
  if (expected != nullptr && expected->kind == TypeKind::kEnum) {
    model_.sink.Report(expr.span, diagnostics::kTextForMember, expr.text, model_.types.Words(*expected));
    return nullptr;
  }
  Ptr node = Node(ExprKind::kConstant, expr.span, type);
  node->text = expr.text;
  node->type.type.capacity = static_cast<uint32_t>(expr.text.size());
  return node;
}

// ---------------------------------------------------------------- names

WorkflowId Expressions::FieldsOf() const {
  if (!frame_.fields) return {};
  return frame_.self != nullptr ? frame_.self_workflow : scope_.workflow;
}

bool Expressions::PayloadNamed(const std::string& name) const {
  if (!frame_.fields || frame_.self != nullptr || !scope_.workflow.valid()) return false;
  for (TransitionId t : scope_.transitions) {
    for (const writ::Field& field : model_.transition(scope_.workflow, t).payload) {
      if (field.name == name) return true;
    }
  }
  return false;
}

const ast::Def* Expressions::FindWorkflowDef(WorkflowId workflow, const std::string& name) const {
  if (!workflow.valid()) return nullptr;
  const auto& index = model_.names(workflow).def_index;
  const auto at = index.find(name);
  return at != index.end() ? at->second : nullptr;
}

// The workflow's own def before one of the package, which sees its parameters only.
const ast::Def* Expressions::FindDef(const ast::Name& name, ast::Span use, Frame* frame) const {
  const ast::Def* own = FindWorkflowDef(FieldsOf(), name.text);
  if (own != nullptr) *frame = frame_;
  frame->use = frame_.use.value_or(use);
  if (own != nullptr) return own;
  frame->fields = false;
  const Declaration* d = model_.symbols.Find(Space::kDef, name);
  return d != nullptr ? d->def : nullptr;
}

bool Expressions::ResolvesAsLocal(const std::string& name) const {
  return std::any_of(locals_.begin() + static_cast<std::ptrdiff_t>(frame_.locals_begin), locals_.end(),
                     [&](const Local& local) { return local.name == name; });
}

bool Expressions::ResolvesAsValue(const ast::Name& name) const {
  for (size_t i = frame_.locals_begin; i < locals_.size(); ++i) {
    if (locals_[i].name == name.text) return true;
  }
  const WorkflowId w = FieldsOf();
  if (w.valid()) {
    const WorkflowNames& names = model_.names(w);
    if (names.fields.count(name.text) != 0 || names.keys.count(name.text) != 0 || PayloadNamed(name.text)) return true;
    if (FindWorkflowDef(w, name.text) != nullptr || names.facts.count(name.text) != 0) return true;
  }
  if (name.text == "now" || name.text == "actor" || name.text == "state" || name.text == "before" ||
      name.text == "after")
    return true;
  return model_.symbols.Find(Space::kDef, name) != nullptr;
}

bool Expressions::IsContextual(const ast::Expr& expr) const {
  switch (expr.kind) {
    case ast::ExprKind::kName:
      return !ResolvesAsValue({expr.text, expr.span});
    case ast::ExprKind::kString:
    case ast::ExprKind::kSet:
    case ast::ExprKind::kList:
      return true;
    case ast::ExprKind::kIf:
      return expr.children.size() == 3 && expr.children[1] != nullptr && expr.children[2] != nullptr &&
             IsContextual(*expr.children[1]) && IsContextual(*expr.children[2]);
    default:
      return false;
  }
}

Expressions::Ptr Expressions::LocalValue(const Local& local, ast::Span span) {
  if (local.bound != nullptr) {
    Ptr copy = typed::Clone(*local.bound);
    copy->span = span;
    nodes_ += NodeCount(*copy);
    return copy;
  }
  Ptr node = Node(ExprKind::kVariable, span, local.type.type, local.type.scale);
  node->variable = local.variable;
  return node;
}

Expressions::Ptr Expressions::CheckName(const ast::Expr& expr, const Type* expected) {
  const ast::Name name{expr.text, expr.span};
  for (size_t i = locals_.size(); i > frame_.locals_begin; --i) {
    if (locals_[i - 1].name == name.text) return LocalValue(locals_[i - 1], expr.span);
  }
  const WorkflowId w = FieldsOf();
  if (w.valid()) {
    const WorkflowNames& names = model_.names(w);
    if (const auto field = names.fields.find(name.text); field != names.fields.end())
      return Field(w, FieldId(field->second), name);
    if (const auto key = names.keys.find(name.text); key != names.keys.end() && !PayloadNamed(name.text))
      return KeyPart(key->second, expr.span);
    if (PayloadNamed(name.text)) return Payload(name);
  }
  if (const DeclaredFact* fact = FindFact(expr); fact != nullptr) return NamedFact(*fact, expr.span);
  Frame frame;
  if (const ast::Def* def = FindDef(name, expr.span, &frame); def != nullptr)
    return ExpandDef(*def, {}, frame, expr.span);
  if (std::find(hidden_.begin(), hidden_.end(), name.text) != hidden_.end()) {
    model_.sink.Report(expr.span, diagnostics::kFactOfProposal, name);
    return nullptr;
  }
  if (expected != nullptr &&
      (expected->kind == TypeKind::kEnum || expected->kind == TypeKind::kRole || IsState(*expected))) {
    return CheckContextual(expr, *expected);
  }
  if (name.text == "now") {
    if (scope_.kind == ScopeKind::kConstant) return Fail(expr.span, "now");
    return SlotNode(expr.span, Of(TypeKind::kTime), SlotRoot::kNow);
  }
  if (name.text == "actor") return Actor(expr.span);
  if (name.text == "state") return State(expr.span);
  if (name.text == "before" || name.text == "after") {
    model_.sink.Report(expr.span, diagnostics::kSideAlone, name);
    return nullptr;
  }
  if (IsKnownUnkept(name.text)) return Unkept(name);
  ReportUnknownName(name);
  return nullptr;
}

// A fact about judgements: of a workflow that declares how sure they are, or has somebody who may wait.
bool Expressions::IsKnownUnkept(const std::string& name) const {
  if (!IsUnkept(name) || !LooksBack()) return false;
  if (name == "confidence") return model_.confident.contains(scope_.workflow.value);
  return !model_.workflow(scope_.workflow).reviews.empty();
}

Expressions::Ptr Expressions::Unkept(const ast::Name& name) {
  if (model_.unkept == nullptr) {
    model_.sink.Report(name.span, diagnostics::kNotYet, name, "read it in a rule or a property, which is left out then");
    return nullptr;
  }
  model_.unkept->insert(name.text);
  const Type type = name.text == "confidence" ? Of(TypeKind::kPercent) : Of(TypeKind::kInt);
  return SlotNode(name.span, type, SlotRoot::kNow);
}

// A bare word that is read by the type that is expected: a member, a role, a state.
Expressions::Ptr Expressions::CheckContextual(const ast::Expr& expr, const Type& expected) {
  const ast::Name name{expr.text, expr.span};
  if (expected.kind == TypeKind::kRole) {
    const RoleId role = model_.FindRole(name);
    return role.valid() ? Constant(expr.span, Of(TypeKind::kRole), role.value) : nullptr;
  }
  if (IsState(expected)) {
    const WorkflowId w(expected.index);
    if (name.text == "new") return Constant(expr.span, Optional(expected, false), -1);
    const StateId state = model_.FindState(w, name);
    return state.valid() ? Constant(expr.span, Optional(expected, false), state.value) : nullptr;
  }
  const Enum& type = model_.schema().enums[expected.index];
  std::vector<std::string> members;
  for (size_t i = 0; i < type.members.size(); ++i) {
    if (type.members[i].name == name.text)
      return Constant(expr.span, Of(TypeKind::kEnum, expected.index), static_cast<Num>(i));
    members.push_back(type.members[i].name);
  }
  if (name.text == "now" || name.text == "actor" || name.text == "state") {
    model_.sink.Report(expr.span, diagnostics::kTypeMismatch, model_.types.Words(expected),
                       absl::StrCat("`", name.text, "`"));
    return nullptr;
  }
  model_.sink.Report(expr.span, diagnostics::kUnknownMember, name, type.name)
      .Help(Hint(model_.sink, name.text, members));
  return nullptr;
}

void Expressions::ReportUnknownName(const ast::Name& name) {
  if (model_.sink.error_count() > kSuggestionsMax) {
    model_.sink.Report(name.span, diagnostics::kUnknownName, name);
    return;
  }
  std::vector<std::string> known;
  for (size_t i = frame_.locals_begin; i < locals_.size(); ++i) known.push_back(locals_[i].name);
  const WorkflowId w = FieldsOf();
  if (w.valid()) {
    for (const auto& [field, id] : model_.names(w).fields) known.push_back(field);
    for (const ast::Def& def : *model_.names(w).defs) known.push_back(def.name.text);
    for (const auto& [fact, id] : model_.names(w).facts) known.push_back(fact);
    for (TransitionId t : scope_.transitions) {
      if (frame_.self != nullptr) break;
      for (const writ::Field& field : model_.transition(scope_.workflow, t).payload) known.push_back(field.name);
    }
  }
  for (const std::string& def : model_.symbols.Visible(Space::kDef, name.span.file)) known.push_back(def);
  std::string help = Hint(model_.sink, name.text, known);
  for (const Enum& type : model_.schema().enums) {
    if (!help.empty()) break;
    for (const EnumMember& member : type.members) {
      if (member.name == name.text)
        help = absl::StrCat("it is a member of `", type.name, "`, but nothing here is expected to be one");
    }
  }
  if (help.empty() && w.valid()) {
    for (const Transition& t : model_.workflow(w).transitions) {
      for (const writ::Field& field : t.payload) {
        if (field.name == name.text)
          help = absl::StrCat("it is in the payload of `", t.name, "`, which this does not speak of");
      }
    }
  }
  model_.sink.Report(name.span, diagnostics::kUnknownName, name).Help(help);
}

std::optional<TransitionId> Expressions::SetterOf(FieldId field) const {
  for (TransitionId t : scope_.transitions) {
    const Transition& transition = model_.transition(scope_.workflow, t);
    if (transition.sources.size() == 1 && transition.sources[0] == kNewState) continue;
    for (const SetField& set : transition.sets) {
      if (set.field == field) return t;
    }
  }
  return std::nullopt;
}

bool Expressions::ReportBareField(const ast::Name& name, FieldId field) {
  if (scope_.kind != ScopeKind::kProposal && scope_.kind != ScopeKind::kCompute) return false;
  const std::optional<TransitionId> setter = SetterOf(field);
  if (!setter.has_value()) return false;
  const std::string& transition = model_.transition(scope_.workflow, *setter).name;
  const ast::Span there = model_.names(scope_.workflow).transition_spans[setter->value];
  if (frame_.use.has_value()) {
    if (!told_.emplace(frame_.use->begin, field.value).second) return true;
    model_.sink.Report(*frame_.use, diagnostics::kBareFieldInDef, name, transition)
        .Related(name.span, "it is read here")
        .Related(there, "the transition is declared here");
  } else {
    model_.sink
        .Report(name.span, diagnostics::kBareField, name, transition, absl::StrCat("before.", name.text),
                absl::StrCat("after.", name.text))
        .Related(there, "the transition is declared here");
  }
  return true;
}

Expressions::Ptr Expressions::Field(WorkflowId w, FieldId field, const ast::Name& name) {
  const writ::Field& declared = model_.workflow(w).fields[field.value];
  if (!declared.type.valid() || model_.IsForeign(w, name)) return nullptr;
  if (frame_.self != nullptr) {
    Ptr self = typed::Clone(*frame_.self);
    return Deref(std::move(self), typed::kDerefField, field.value, model_.types.At(declared.type), name.span);
  }
  if (scope_.kind == ScopeKind::kConstant) return Fail(name.span, "a field");
  if (scope_.kind == ScopeKind::kEvent && PayloadNamed(name.text)) return Payload(name);
  if (PayloadNamed(name.text) && !frame_.side.has_value() && scope_.kind != ScopeKind::kLimit) {
    model_.sink
        .Report(name.span, diagnostics::kFieldOrPayload, name, absl::StrCat("before.", name.text),
                absl::StrCat("after.", name.text))
        .Related(model_.names(w).field_spans[field.value], "the field is declared here");
    return nullptr;
  }
  if (frame_.side.has_value()) return FieldOf(*frame_.side, field, name.span);
  if (ReportBareField(name, field)) return nullptr;
  return FieldOf(SlotRoot::kAfter, field, name.span);
}

// Nobody may leave it out: afterwards it is there.
bool Expressions::AlwaysSets(TransitionId transition, FieldId field) const {
  const std::vector<SetField>& sets = model_.transition(scope_.workflow, transition).sets;
  return std::any_of(sets.begin(), sets.end(), [&](const SetField& set) {
    return set.field == field && !set.optional && !set.computed;
  });
}

// Whether an optional field is there wherever this is looked at: all that is in scope sets it, or comes from (an event: leads
// to) states that have it; a review looks at its own state.
bool Expressions::IsThere(SlotRoot root, FieldId field) const {
  if (scope_.review.valid()) {
    const StateId state = model_.workflow(scope_.workflow).reviews[scope_.review.value].state;
    return Has(model_, scope_.workflow, state, field);
  }
  return !scope_.transitions.empty() &&
         std::all_of(scope_.transitions.begin(), scope_.transitions.end(), [&](TransitionId t) {
           const Transition& transition = model_.transition(scope_.workflow, t);
           const bool leads = scope_.kind == ScopeKind::kEvent && !transition.stays &&
                              Has(model_, scope_.workflow, transition.target, field);
           return leads || SourcesHave(model_, scope_.workflow, t, field) ||
                  (root == SlotRoot::kAfter && AlwaysSets(t, field));
         });
}

Expressions::Ptr Expressions::FieldOf(SlotRoot root, FieldId field, ast::Span span) {
  const writ::Field& declared = model_.workflow(scope_.workflow).fields[field.value];
  if (!declared.type.valid()) return nullptr;
  Type type = model_.types.At(declared.type);
  if (root == SlotRoot::kBefore) {
    bool any_new = false, all_new = !scope_.transitions.empty();
    for (TransitionId t : scope_.transitions) {
      const std::vector<StateId>& sources = model_.transition(scope_.workflow, t).sources;
      const bool has_new = std::find(sources.begin(), sources.end(), kNewState) != sources.end();
      any_new = any_new || has_new;
      all_new = all_new && has_new && sources.size() == 1;
    }
    if (all_new) {
      model_.sink.Report(span, diagnostics::kNoBefore, declared.name);
      return nullptr;
    }
    type.optional = type.optional || any_new;
  }
  if (!frame_.use.has_value() && IsThere(root, field)) type.optional = false;  // a def is written for other uses too
  return SlotNode(span, type, root, field.value);
}

Expressions::Ptr Expressions::Payload(const ast::Name& name) {
  if (model_.IsForeign(scope_.workflow, name)) return nullptr;
  std::optional<TypeId> type;
  std::optional<uint32_t> index;
  for (TransitionId t : scope_.transitions) {
    const Transition& transition = model_.transition(scope_.workflow, t);
    const auto at = std::find_if(transition.payload.begin(), transition.payload.end(),
                                 [&](const writ::Field& f) { return f.name == name.text; });
    if (at == transition.payload.end()) {
      model_.sink.Report(name.span, diagnostics::kPayloadNotShared, name, transition.name)
          .Related(model_.names(scope_.workflow).transition_spans[t.value], "the transition is declared here");
      return nullptr;
    }
    const uint32_t here = static_cast<uint32_t>(at - transition.payload.begin());
    if (type.has_value() && *type != at->type) {
      model_.sink.Report(name.span, diagnostics::kPayloadTypesDiffer, name, transition.name)
          .Related(model_.names(scope_.workflow).transition_spans[t.value], "the transition is declared here");
      return nullptr;
    }
    type = at->type;
    if (!index.has_value()) index = here;  // the first transition's place; rules.cc splits a rule where places differ
  }
  if (!type.has_value() || !type->valid()) return nullptr;
  return SlotNode(name.span, model_.types.At(*type), SlotRoot::kPayload, *index);
}

Expressions::Ptr Expressions::State(ast::Span span) {
  if (frame_.self != nullptr) {
    return Deref(typed::Clone(*frame_.self), typed::kDerefState, 0, StateType(frame_.self_workflow), span);
  }
  const bool known =
      scope_.kind != ScopeKind::kConstant && scope_.kind != ScopeKind::kCompute && scope_.kind != ScopeKind::kLimit;
  if (!known || !scope_.workflow.valid() || !frame_.fields) return Fail(span, "state");
  return SlotNode(span, StateType(scope_.workflow), SlotRoot::kState);
}

Expressions::Ptr Expressions::CheckThis(const ast::Expr& expr) {
  if (scope_.kind == ScopeKind::kConstant || !scope_.workflow.valid() || !frame_.fields) return Fail(expr.span, "this");
  if (frame_.self != nullptr) return typed::Clone(*frame_.self);
  return SlotNode(expr.span, Of(TypeKind::kReference, scope_.workflow.value), SlotRoot::kThisKey);
}

Expressions::Ptr Expressions::KeyPart(uint32_t part, ast::Span span) {
  const WorkflowId w = FieldsOf();
  const writ::Field& key = model_.workflow(w).key[part];
  if (!key.type.valid()) return nullptr;
  if (frame_.self == nullptr && scope_.kind == ScopeKind::kConstant) return Fail(span, "a key");
  Ptr self = frame_.self != nullptr ? typed::Clone(*frame_.self)
                                    : SlotNode(span, Of(TypeKind::kReference, w.value), SlotRoot::kThisKey);
  return Deref(std::move(self), typed::kDerefKeyPart, part, model_.types.At(key.type), span);
}

Expressions::Ptr Expressions::Actor(ast::Span span) {
  const bool known = scope_.kind == ScopeKind::kProposal || scope_.kind == ScopeKind::kCompute ||
                     scope_.kind == ScopeKind::kEvent || scope_.kind == ScopeKind::kDefinition;
  if (!known || frame_.self != nullptr) return Fail(span, "actor");
  const std::vector<const Declaration*> workflows = model_.symbols.OfKind(DeclarationKind::kWorkflow);
  const auto agent = std::find_if(workflows.begin(), workflows.end(),
                                  [](const Declaration* d) { return d->qualified == kAgentWorkflow; });
  const Type type = agent == workflows.end() ? TextType() : Of(TypeKind::kReference, (*agent)->id);
  return SlotNode(span, type, SlotRoot::kActorId);
}

// ---------------------------------------------------------------- members

Expressions::Ptr Expressions::Deref(Ptr object, typed::DerefPart part, uint32_t index, Type type, ast::Span span) {
  if (object == nullptr) return nullptr;
  type.optional = type.optional || object->type.type.optional;
  Ptr node = Node(ExprKind::kDeref, span, type);
  node->part = part;
  node->index = index;
  node->children.push_back(std::move(object));
  if (!WithinReach(*node, span)) return nullptr;
  if (scope_.kind == ScopeKind::kEvent) {
    model_.sink.Report(span, diagnostics::kReferenceInFact);
    return nullptr;
  }
  return node;
}

bool Expressions::WithinReach(const typed::Expr& expr, ast::Span span) {
  if (ReferenceDepth(expr) <= limits::kReferenceDepthMax) return true;
  model_.sink.Report(span, diagnostics::kReferenceTooDeep, limits::kReferenceDepthMax);
  return false;
}

// Of this instance, or of the one that the reference names through which this is read.
Expressions::Ptr Expressions::FactAbout(uint32_t fact, const ExprType& type, ast::Span span) {
  Ptr node = Node(ExprKind::kFact, span, type.type, type.scale);
  node->index = fact;
  const bool is_own = frame_.self == nullptr ||
                      (frame_.self->kind == ExprKind::kSlot && frame_.self->root == SlotRoot::kThisKey);
  if (is_own) return node;
  node->children.push_back(typed::Clone(*frame_.self));
  nodes_ += NodeCount(*frame_.self);
  return WithinReach(*node, span) ? std::move(node) : nullptr;
}

Expressions::Ptr Expressions::CheckSided(const ast::Expr& expr, SlotRoot side) {
  const bool before = side == SlotRoot::kBefore;
  const bool sided = scope_.kind == ScopeKind::kProposal || scope_.kind == ScopeKind::kCompute ||
                     scope_.kind == ScopeKind::kDefinition || (!before && scope_.kind == ScopeKind::kEvent) ||
                     (!before && scope_.kind == ScopeKind::kLimit);
  if (!sided || frame_.self != nullptr || !scope_.workflow.valid() || !frame_.fields) {
    return Fail(expr.span, before ? "before" : "after");
  }
  const WorkflowNames& names = model_.names(scope_.workflow);
  if (const auto field = names.fields.find(expr.name.text); field != names.fields.end()) {
    return FieldOf(side, FieldId(field->second), expr.span);
  }
  if (const ast::Def* def = FindWorkflowDef(scope_.workflow, expr.name.text); def != nullptr) {
    Frame frame = frame_;
    frame.side = side;
    frame.use = frame_.use.value_or(expr.span);
    return ExpandDef(*def, {}, frame, expr.span);
  }
  if (PayloadNamed(expr.name.text)) {
    model_.sink.Report(expr.name.span, diagnostics::kPayloadHasNoSides, expr.name);
    return nullptr;
  }
  if (expr.name.text == "state" && before) return State(expr.span);
  model_.sink.Report(expr.name.span, diagnostics::kUnknownField, expr.name, model_.workflow(scope_.workflow).name)
      .Help(Hint(model_.sink, expr.name.text, NamesOf(names.fields)));
  return nullptr;
}

Expressions::Ptr Expressions::CheckMember(const ast::Expr& expr) {
  const ast::Expr* object = expr.children.empty() ? nullptr : expr.children[0].get();
  if (object == nullptr || expr.name.empty()) return nullptr;
  if (object->kind == ast::ExprKind::kName && (object->text == "before" || object->text == "after")) {
    return CheckSided(expr, object->text == "before" ? SlotRoot::kBefore : SlotRoot::kAfter);
  }
  if (object->kind == ast::ExprKind::kThis && frame_.self == nullptr && FieldsOf().valid()) {
    return CheckName(BareWord(expr.name), nullptr);
  }
  // last(p).x, last(p).actor.x: what is kept of the event is known only with all its members.
  std::vector<ast::Name> path = {expr.name};
  const ast::Expr* root = object;
  while (root->kind == ast::ExprKind::kMember && !root->children.empty() && root->children[0] != nullptr) {
    path.insert(path.begin(), root->name);
    root = root->children[0].get();
  }
  if (root->kind == ast::ExprKind::kFold && root->text == "last" && root->fold != nullptr &&
      (IsPattern(*root) || IsMisspeltEvent(*root->fold)))
    return LastMember(*root, path, expr.span);
  // Stance.approve: the type before the point.
  if (object->kind == ast::ExprKind::kName && !ResolvesAsValue({object->text, object->span})) {
    const Declaration* d = model_.symbols.Find(Space::kType, {object->text, object->span});
    if (d != nullptr && d->kind == DeclarationKind::kEnum) {
      return CheckContextual(BareWord(expr.name), Of(TypeKind::kEnum, d->id));
    }
  }
  if (const Declaration* calendar = CalendarNamed(*object); calendar != nullptr) {
    model_.sink.Report(expr.span, diagnostics::kCalendarAlone, calendar->name).Related(calendar->span, "it is declared here");
    return nullptr;
  }
  if (const DeclaredFact* fact = FindFact(expr); fact != nullptr) return NamedFact(*fact, expr.span);
  return MemberOf(Check(*object), expr.name, expr.span);
}

Expressions::Ptr Expressions::MemberOf(Ptr object, const ast::Name& name, ast::Span span) {
  if (object == nullptr) return nullptr;
  if (object->kind == ExprKind::kSlot && object->root == SlotRoot::kActorId &&
      object->type.type.kind == TypeKind::kReference) {
    if (Ptr member = ActorMember(WorkflowId(object->type.type.index), name, span); member != nullptr) return member;
  }
  const Type type = object->type.type;
  if (type.kind == TypeKind::kReference) return ReferenceMember(std::move(object), name, span);
  if (type.kind == TypeKind::kRecord) return RecordMember(std::move(object), name, span);
  model_.sink.Report(name.span, diagnostics::kNoMembers, model_.types.Words(type), name);
  return nullptr;
}

Expressions::Ptr Expressions::ActorMember(WorkflowId agent, const ast::Name& name, ast::Span span) {
  struct Row {
    const char* name;
    SlotRoot root;
    TypeKind kind;
  };
  static constexpr Row kRows[] = {{"id", SlotRoot::kActorId, TypeKind::kString},
                                  {"principal", SlotRoot::kActorPrincipal, TypeKind::kString},
                                  {"role", SlotRoot::kActorRole, TypeKind::kRole},
                                  {"human", SlotRoot::kActorIsHuman, TypeKind::kBool}};
  for (const Row& row : kRows) {
    if (name.text == row.name) return SlotNode(span, Of(row.kind), row.root);
  }
  return Attribute(agent, name.text, span);
}

// The orchestrator has none of them, and who was registered before a policy knew them neither.
Expressions::Ptr Expressions::Attribute(WorkflowId agent, const std::string& name, ast::Span span) {
  const Workflow& workflow = model_.workflow(agent);
  for (size_t f = workflow.attributes_from; f < workflow.fields.size(); ++f) {
    if (workflow.fields[f].name != name || !workflow.fields[f].type.valid()) continue;
    return SlotNode(span, Optional(model_.types.At(workflow.fields[f].type)), SlotRoot::kActorField, static_cast<uint32_t>(f));
  }
  return nullptr;
}

Expressions::Ptr Expressions::RecordMember(Ptr object, const ast::Name& name, ast::Span span) {
  const writ::Record& record = model_.schema().records[object->type.type.index];
  std::vector<std::string> names;
  for (size_t i = 0; i < record.members.size(); ++i) {
    names.push_back(record.members[i].name);
    if (record.members[i].name != name.text) continue;
    if (!record.members[i].type.valid()) return nullptr;
    Type type = model_.types.At(record.members[i].type);
    type.optional = type.optional || object->type.type.optional;
    Ptr node = Node(ExprKind::kMember, span, type);
    node->index = static_cast<uint32_t>(i);
    node->children.push_back(std::move(object));
    return node;
  }
  if (!record.members.empty()) {
    model_.sink.Report(name.span, diagnostics::kUnknownRecordMember, name, record.name)
        .Help(Hint(model_.sink, name.text, names));
  }
  return nullptr;
}

Expressions::Ptr Expressions::ReferenceMember(Ptr object, const ast::Name& name, ast::Span span) {
  const WorkflowId w(object->type.type.index);
  const WorkflowNames& names = model_.names(w);
  const Workflow& workflow = model_.workflow(w);
  if (const auto field = names.fields.find(name.text); field != names.fields.end()) {
    const TypeId type = workflow.fields[field->second].type;
    return type.valid() ? Deref(std::move(object), typed::kDerefField, field->second, model_.types.At(type), span)
                        : nullptr;
  }
  if (const auto key = names.keys.find(name.text); key != names.keys.end()) {
    const TypeId type = workflow.key[key->second].type;
    return type.valid() ? Deref(std::move(object), typed::kDerefKeyPart, key->second, model_.types.At(type), span)
                        : nullptr;
  }
  const ast::Def* def = FindWorkflowDef(w, name.text);
  const auto fact = names.facts.find(name.text);
  if (def != nullptr || fact != names.facts.end()) {
    if (!RequirePresent(*object)) return nullptr;
    Frame frame;
    frame.self = object.get();
    frame.self_workflow = w;
    frame.use = frame_.use.value_or(span);
    if (def != nullptr) return ExpandDef(*def, {}, frame, span);
    frame.locals_begin = locals_.size();
    const Frame outer = std::exchange(frame_, frame);
    Ptr value = NamedFact(model_.declared_facts[fact->second], span);
    frame_ = outer;
    return value;
  }
  if (name.text == "state") {
    return Deref(std::move(object), typed::kDerefState, 0, StateType(w), span);
  }
  std::vector<std::string> known = NamesOf(names.fields);
  for (const auto& [key, id] : names.keys) known.push_back(key);
  for (const auto& [declared, id] : names.facts) known.push_back(declared);
  known.push_back("state");
  model_.sink.Report(name.span, diagnostics::kUnknownField, name, workflow.name)
      .Help(Hint(model_.sink, name.text, known))
      .Related(names.declaration->span, "it is declared here");
  return nullptr;
}

Expressions::Ptr Expressions::CheckIndex(const ast::Expr& expr) {
  const ast::Expr* object = expr.children.empty() ? nullptr : expr.children[0].get();
  if (object == nullptr) return nullptr;
  if (object->kind == ast::ExprKind::kName && !ResolvesAsValue({object->text, object->span})) {
    const Declaration* d = model_.symbols.Find(Space::kType, {object->text, object->span});
    if (d != nullptr && (d->kind == DeclarationKind::kEntity || d->kind == DeclarationKind::kWorkflow))
      return EntityLookup(expr, WorkflowId(d->id));
  }
  if (const DeclaredFact* fact = FindFact(*object); fact != nullptr) return FactAt(*fact, expr);
  Ptr list = Check(*object);
  if (list == nullptr) return nullptr;
  const Type type = list->type.type;
  if (const std::optional<uint32_t> per = model_.types.PerEnum(type); per.has_value())
    return PerLookup(expr, std::move(list), *per);
  if (type.kind != TypeKind::kList || !type.key.valid()) {
    model_.sink.Report(expr.span, diagnostics::kIndexNeedsKey, model_.types.Words(type));
    return nullptr;
  }
  if (expr.children.size() != 2) {
    model_.sink.Report(expr.span, diagnostics::kKeyPartCount, Counted(1, "part"), AreCounted(expr.children.size() - 1));
    return nullptr;
  }
  const Type element = model_.types.At(type.element);
  const TypeId key_type = model_.schema().records[element.index].members[type.key.value].type;
  if (expr.children[1] == nullptr || !key_type.valid()) return nullptr;
  Ptr key = CheckValue(*expr.children[1], model_.types.At(key_type));
  if (key == nullptr) return nullptr;
  Ptr node = Node(ExprKind::kLookup, expr.span, Optional(element));
  node->children.push_back(std::move(list));
  node->children.push_back(std::move(key));
  return node;
}

Expressions::Ptr Expressions::EntityLookup(const ast::Expr& expr, WorkflowId w) {
  if (scope_.kind == ScopeKind::kConstant || scope_.kind == ScopeKind::kEvent) return Fail(expr.span, "a look-up");
  const std::vector<writ::Field>& key = model_.workflow(w).key;
  if (expr.children.size() - 1 != key.size()) {
    model_.sink
        .Report(expr.span, diagnostics::kKeyPartCount, Counted(key.size(), "part"),
                AreCounted(expr.children.size() - 1))
        .Related(model_.names(w).declaration->span, "it is declared here");
    return nullptr;
  }
  Ptr node = Node(ExprKind::kEntityLookup, expr.span, Optional(Of(TypeKind::kReference, w.value)));
  node->index = w.value;
  bool ok = true;
  for (size_t i = 0; i < key.size(); ++i) {
    Ptr part = key[i].type.valid() && expr.children[i + 1] != nullptr
                   ? CheckValue(*expr.children[i + 1], model_.types.At(key[i].type))
                   : nullptr;
    ok = ok && part != nullptr;
    node->children.push_back(std::move(part));
  }
  if (!ok) return nullptr;
  return node;
}

// seats[cabin]: the value of that member.
Expressions::Ptr Expressions::PerLookup(const ast::Expr& expr, Ptr values, uint32_t of) {
  if (expr.children.size() != 2) {
    model_.sink.Report(expr.span, diagnostics::kKeyPartCount, Counted(1, "part"), AreCounted(expr.children.size() - 1));
    return nullptr;
  }
  if (expr.children[1] == nullptr) return nullptr;
  const Ptr key = CheckValue(*expr.children[1], Of(TypeKind::kEnum, of));
  if (key == nullptr) return nullptr;
  const writ::Record& record = model_.schema().records[values->type.type.index];
  const auto member = [&](size_t i) {
    if (Planted(Fault::kNeighbourOfMember)) i = (i + 1) % record.members.size();
    Type type = model_.types.At(record.members[i].type);
    type.optional = type.optional || values->type.type.optional;
    Ptr node = Node(ExprKind::kMember, expr.span, type);
    node->index = static_cast<uint32_t>(i);
    node->children.push_back(typed::Clone(*values));
    nodes_ += NodeCount(*values);
    return node;
  };
  if (key->kind == ExprKind::kConstant) return member(static_cast<size_t>(key->number));
  // The last one needs no question: a member is one of them.
  Ptr choice = member(record.members.size() - 1);
  for (size_t i = record.members.size() - 1; i-- > 0;) {
    nodes_ += NodeCount(*key);
    if (nodes_ > kExpandedNodesMax) {
      model_.sink.Report(expr.span, diagnostics::kTooLargeExpanded, kExpandedNodesMax);
      return nullptr;
    }
    Ptr is = Truth(ExprKind::kEqual, expr.span, typed::Clone(*key),
                   Constant(expr.span, Of(TypeKind::kEnum, of), static_cast<Num>(i)));
    Ptr one = member(i);
    const ExprType type = one->type;
    choice = Node(ExprKind::kIf, expr.span, type, std::move(is), std::move(one), std::move(choice));
  }
  return choice;
}

// ---------------------------------------------------------------- absence

bool Expressions::RequirePresent(const typed::Expr& expr) {
  if (!expr.type.type.optional) return true;
  model_.sink.Report(expr.span, diagnostics::kMayBeAbsent, model_.types.Words(expr.type.type));
  return false;
}

bool Expressions::RequireBool(const typed::Expr& expr) {
  if (expr.type.type.kind != TypeKind::kBool) {
    model_.sink.Report(expr.span, diagnostics::kNotACondition, model_.types.Words(expr.type.type));
    return false;
  }
  return RequirePresent(expr);
}

bool Expressions::RequireCollection(const typed::Expr& expr, ast::Span span) {
  const Type& type = expr.type.type;
  if (type.kind != TypeKind::kSet && type.kind != TypeKind::kList) {
    model_.sink.Report(span, diagnostics::kNotACollection, model_.types.Words(type));
    return false;
  }
  return RequirePresent(expr);
}

// Remembers what is present where `condition` holds (or does not). Gives how many were known before, to go back to.
size_t Expressions::Narrow(const typed::Expr& condition, bool holds) {
  const size_t before = present_.size();
  if (condition.kind == ExprKind::kNot) {
    Narrow(*condition.children[0], !holds);
  } else if (condition.kind == (holds ? ExprKind::kAnd : ExprKind::kOr)) {
    for (const Ptr& child : condition.children) Narrow(*child, holds);
  } else if (condition.kind == ExprKind::kHas && holds) {
    present_.push_back(typed::Text(*condition.children[0]));
  } else if (condition.kind == ExprKind::kIs && holds) {
    for (const Ptr& child : condition.children) present_.push_back(typed::Text(*child));
  }
  return before;
}

Expressions::Ptr Expressions::CheckHas(const ast::Expr& expr) {
  const ast::Expr* inner = expr.children.empty() ? nullptr : expr.children[0].get();
  if (inner == nullptr) return nullptr;
  if (inner->kind == ast::ExprKind::kFold && inner->text == "last" && IsPattern(*inner)) {
    // has last(p): p has happened.
    typed::Fact fact;
    fact.kind = typed::Fact::Kind::kHappened;
    fact.type = {Of(TypeKind::kBool), 0};
    if (!MayUseFacts(expr.span) || !FactParts(*inner, &fact)) return nullptr;
    return FactNode(std::move(fact), expr.span);
  }
  Ptr value = Check(*inner);
  if (value == nullptr) return nullptr;
  const bool narrowed = std::find(present_.begin(), present_.end(), typed::Text(*value)) != present_.end();
  if (!value->type.type.optional && !narrowed) {
    model_.sink.Report(expr.span, diagnostics::kAlwaysPresent, model_.types.Words(value->type.type));
    return nullptr;
  }
  value->type.type.optional = true;
  return Truth(ExprKind::kHas, expr.span, std::move(value));
}

Expressions::Ptr Expressions::CheckCoalesce(const ast::Expr& expr, const Type* expected) {
  Ptr left = Check(*expr.children[0], expected);
  const Type want = left != nullptr ? Optional(left->type.type, false) : Type();
  Ptr right = left == nullptr && IsContextual(*expr.children[1])
                  ? nullptr
                  : Check(*expr.children[1], left != nullptr ? &want : expected);
  if (left == nullptr || right == nullptr) return nullptr;
  if (!left->type.type.optional) {
    model_.sink.Report(expr.span, diagnostics::kNothingToReplace, model_.types.Words(left->type.type));
    return nullptr;
  }
  ExprType type;
  if (!Merge(left->type, right->type, &type)) {
    model_.sink.Report(expr.span, diagnostics::kBranchesDiffer, model_.types.Words(left->type.type),
                       model_.types.Words(right->type.type));
    return nullptr;
  }
  type.type.optional = right->type.type.optional;
  return Node(ExprKind::kCoalesce, expr.span, type, std::move(left), std::move(right));
}

// One type for two branches: the wider range, absent if either may be.
bool Expressions::Merge(const ExprType& a, const ExprType& b, ExprType* out) const {
  if (!SameType(a.type, b.type)) return false;
  *out = a;
  out->type.min = std::min(a.type.min, b.type.min);
  out->type.max = std::max(a.type.max, b.type.max);
  out->type.capacity = std::max(a.type.capacity, b.type.capacity);
  out->type.count_min = std::min(a.type.count_min, b.type.count_min);
  if (a.type.distinct == UINT32_MAX) out->type.distinct = b.type.distinct;
  out->type.optional = a.type.optional || b.type.optional;
  out->scale = std::max(a.scale, b.scale);
  return true;
}

Expressions::Ptr Expressions::CheckIf(const ast::Expr& expr, const Type* expected) {
  if (expr.children.size() != 3 || !expr.children[0] || !expr.children[1] || !expr.children[2]) return nullptr;
  Ptr condition = CheckCondition(*expr.children[0]);
  const bool swap = expected == nullptr && IsContextual(*expr.children[1]) && !IsContextual(*expr.children[2]);
  Ptr branches[2];
  Type first_type;
  const Type* hint = expected;
  for (int step = 0; step < 2; ++step) {
    const int branch = swap ? 1 - step : step;
    const size_t known = condition != nullptr ? Narrow(*condition, branch == 0) : present_.size();
    if (!(step == 1 && branches[1 - branch] == nullptr && expected == nullptr &&
          IsContextual(*expr.children[1 + branch]))) {
      branches[branch] = Check(*expr.children[1 + branch], hint);
    }
    present_.resize(known);
    if (step == 0 && expected == nullptr && branches[branch] != nullptr) {
      first_type = branches[branch]->type.type;
      hint = &first_type;
    }
  }
  if (condition == nullptr || branches[0] == nullptr || branches[1] == nullptr) return nullptr;
  ExprType type;
  if (!Merge(branches[0]->type, branches[1]->type, &type)) {
    model_.sink.Report(expr.span, diagnostics::kBranchesDiffer, model_.types.Words(branches[0]->type.type),
                       model_.types.Words(branches[1]->type.type));
    return nullptr;
  }
  return Node(ExprKind::kIf, expr.span, type, std::move(condition), std::move(branches[0]), std::move(branches[1]));
}

// ---------------------------------------------------------------- logic and comparison

Expressions::Ptr Expressions::CheckNot(const ast::Expr& expr) {
  if (expr.children.empty() || expr.children[0] == nullptr) return nullptr;
  Ptr inner = CheckCondition(*expr.children[0]);
  return inner != nullptr ? Truth(ExprKind::kNot, expr.span, std::move(inner)) : nullptr;
}

Expressions::Ptr Expressions::CheckBinary(const ast::Expr& expr, const Type* expected) {
  if (expr.children.size() != 2 || expr.children[0] == nullptr || expr.children[1] == nullptr) return nullptr;
  const std::string& op = expr.text;
  if (op == "and") return CheckJunction(expr, ExprKind::kAnd);
  if (op == "or") return CheckJunction(expr, ExprKind::kOr);
  if (op == "==" || op == "!=") return CheckEquality(expr);
  if (op == "<" || op == "<=" || op == ">" || op == ">=") return CheckOrder(expr);
  if (op == "is") return CheckIs(expr);
  if (op == "in") return CheckIn(expr);
  if (op == "under") return CheckUnder(expr);
  if (op == "??") return CheckCoalesce(expr, expected);
  if (op == "like" || op == "matches") return CheckMatch(expr);
  if (op == "+" || op == "-") return CheckSum(expr);
  if (op == "*") return CheckProduct(expr);
  if (op == "/") {
    Check(*expr.children[0]);
    model_.sink.Report(expr.span, diagnostics::kDivisionOutsideRound);
    return nullptr;
  }
  model_.sink.Report(expr.span, diagnostics::kNotYet, op, "comparison, `in`, `is` and arithmetic");
  return nullptr;
}

Expressions::Ptr Expressions::CheckJunction(const ast::Expr& expr, ExprKind kind) {
  Ptr left = CheckCondition(*expr.children[0]);
  const size_t known = left != nullptr ? Narrow(*left, kind == ExprKind::kAnd) : present_.size();
  Ptr right = CheckCondition(*expr.children[1]);
  present_.resize(known);
  if (left == nullptr || right == nullptr) return nullptr;
  return Truth(kind, expr.span, std::move(left), std::move(right));
}

// Two sides of one type: the one that knows its own type is read first, and tells the other.
bool Expressions::CheckPair(const ast::Expr& left, const ast::Expr& right, Ptr* left_out, Ptr* right_out) {
  const bool left_asks = IsContextual(left), right_asks = IsContextual(right);
  const bool right_first = left_asks && !right_asks;
  const ast::Expr& first = right_first ? right : left;
  const ast::Expr& second = right_first ? left : right;
  Ptr a = Check(first);
  if (a == nullptr && (right_first ? left_asks : right_asks)) return false;
  Ptr b = Check(second, a != nullptr ? &a->type.type : nullptr);
  *left_out = std::move(right_first ? b : a);
  *right_out = std::move(right_first ? a : b);
  return *left_out != nullptr && *right_out != nullptr;
}

// What is often meant where two kinds meet that do not compare; empty: nobody knows.
static std::string HowToCompare(Model& model, const Type& a, const Type& b) {
  const auto are = [&](TypeKind one, TypeKind other) {
    return (a.kind == one && b.kind == other) || (a.kind == other && b.kind == one);
  };
  const auto is_agent = [&](const Type& t) {
    return t.kind == TypeKind::kReference && model.workflow(WorkflowId(t.index)).qualified == kAgentWorkflow;
  };
  if (are(TypeKind::kMoney, TypeKind::kInt)) return "an amount has its currency behind it, as in `10 EUR`";
  if (are(TypeKind::kPercent, TypeKind::kInt)) return "a percentage has its sign, as in `35%`";
  if (are(TypeKind::kDuration, TypeKind::kInt)) return "a duration has its unit, as in `2h`";
  if (are(TypeKind::kQuantity, TypeKind::kInt)) return "a quantity has its unit right behind it, as in `5mg`";
  if (are(TypeKind::kTime, TypeKind::kDate))
    return "a time is written as `2026-03-02T09:00Z`; the date of a time `t` is `C.day(t)`, of a calendar";
  if (are(TypeKind::kTime, TypeKind::kString)) return "a time stands without quotes, as in `2026-03-02T09:00Z`";
  if (are(TypeKind::kDate, TypeKind::kString)) return "a date stands without quotes, as in `2026-03-02`";
  if (is_agent(a) || is_agent(b)) return "`actor` compares with an agent; `actor.id` is a text";
  return "";
}

bool Expressions::Comparable(const typed::Expr& left, const typed::Expr& right, ast::Span span) {
  const Type &a = left.type.type, &b = right.type.type;
  if (IsState(a) || IsState(b)) {
    if (IsState(a) && IsState(b) && a.index == b.index) return true;
    model_.sink.Report(span, diagnostics::kStateComparedWith, model_.types.Words(IsState(a) ? b : a));
    return false;
  }
  if (a.kind == TypeKind::kMoney && b.kind == TypeKind::kMoney && a.index != b.index) {
    model_.sink.Report(span, diagnostics::kCurrenciesMixed, model_.types.Words(a), model_.types.Words(b));
    return false;
  }
  if (a.kind == TypeKind::kQuantity && b.kind == TypeKind::kQuantity && a.index != b.index) {
    model_.sink.Report(span, diagnostics::kUnitsMixed, model_.types.Words(a), model_.types.Words(b));
    return false;
  }
  if (a.kind == b.kind && IsScalar(a.kind) && a.index == b.index && !SameType(a, b)) {
    model_.sink.Report(span, diagnostics::kDistinctTypes, model_.types.Words(a), model_.types.Words(b));
    return false;
  }
  if (SameType(a, b)) return true;
  model_.sink.Report(span, diagnostics::kCannotCompare, model_.types.Words(a), model_.types.Words(b))
      .Help(HowToCompare(model_, a, b));
  return false;
}

Expressions::Ptr Expressions::CheckEquality(const ast::Expr& expr) {
  Ptr left, right;
  if (!CheckPair(*expr.children[0], *expr.children[1], &left, &right)) return nullptr;
  if (IsChain(expr) && left->type.type.kind != right->type.type.kind && model_.sink.has_errors()) return nullptr;
  if (!Comparable(*left, *right, expr.span)) return nullptr;
  const bool equal = expr.text == "==";
  if (left->type.type.optional || right->type.type.optional) {
    const typed::Expr& absent = left->type.type.optional ? *left : *right;
    model_.sink.Report(expr.span, diagnostics::kEqualOfAbsent, expr.text, equal ? "`is`" : "`not (… is …)`")
        .Related(absent.span, "this may be absent");
    return nullptr;
  }
  const Type& type = left->type.type;
  const bool of_records = type.kind == TypeKind::kList && model_.types.At(type.element).kind == TypeKind::kRecord;
  if (type.kind == TypeKind::kRecord || of_records) {
    model_.sink.Report(expr.span, diagnostics::kRecordsDoNotCompare, model_.types.Words(type));
    return nullptr;
  }
  return Truth(equal ? ExprKind::kEqual : ExprKind::kNotEqual, expr.span, std::move(left), std::move(right));
}

Expressions::Ptr Expressions::CheckOrder(const ast::Expr& expr) {
  Ptr left, right;
  if (!CheckPair(*expr.children[0], *expr.children[1], &left, &right)) return nullptr;
  if (IsChain(expr) && model_.sink.has_errors()) return nullptr;
  if (!Comparable(*left, *right, expr.span)) return nullptr;
  if (!model_.types.HasOrder(left->type.type)) {
    const bool members = left->type.type.kind == TypeKind::kEnum;
    model_.sink.Report(expr.span, diagnostics::kNoOrder, model_.types.Words(left->type.type), expr.text)
        .Help(members ? "where its members have an order, declare them with `<` between them" : "");
    return nullptr;
  }
  const bool left_there = RequirePresent(*left), right_there = RequirePresent(*right);
  if (!left_there || !right_there) return nullptr;
  if (expr.text[0] == '>') std::swap(left, right);
  const ExprKind kind = expr.text.size() == 1 ? ExprKind::kLess : ExprKind::kLessEqual;
  return Truth(kind, expr.span, std::move(left), std::move(right));
}

// x under y: both of one hierarchy. A text is read as the key of what the other side is.
Expressions::Ptr Expressions::CheckUnder(const ast::Expr& expr) {
  if (scope_.kind == ScopeKind::kEvent) {
    model_.sink.Report(expr.span, diagnostics::kReferenceInFact);
    return nullptr;
  }
  const ast::Expr &left = *expr.children[0], &right = *expr.children[1];
  if (left.kind == ast::ExprKind::kName && left.text == "actor" && !ResolvesAsLocal(left.text)) {
    return ActorUnder(expr, Check(left));
  }
  Ptr low, high;
  if (!CheckPair(left, right, &low, &high)) return nullptr;
  for (const typed::Expr* side : {low.get(), high.get()}) {
    const Type& type = side->type.type;
    const bool stands = type.kind == TypeKind::kReference && model_.workflow(WorkflowId(type.index)).under.valid();
    if (!stands) {
      model_.sink.Report(side->span, diagnostics::kNotUnderAnything, model_.types.Words(type));
      return nullptr;
    }
  }
  if (!Comparable(*low, *high, expr.span)) return nullptr;
  const bool low_there = RequirePresent(*low), high_there = RequirePresent(*high);
  if (!low_there || !high_there) return nullptr;
  return Truth(ExprKind::kUnder, expr.span, std::move(low), std::move(high));
}

// actor under x: any of what its attribute `under` names. Whoever has none is under nothing.
Expressions::Ptr Expressions::ActorUnder(const ast::Expr& expr, Ptr actor) {
  if (actor == nullptr || actor->type.type.kind != TypeKind::kReference) return nullptr;
  const ast::Span span = actor->span;
  Ptr all = Attribute(WorkflowId(actor->type.type.index), "under", span);
  const Type set = all != nullptr ? all->type.type : Type();
  const Type one = set.element.valid() ? model_.types.At(set.element) : Type();
  if (set.kind != TypeKind::kSet || one.kind != TypeKind::kReference || !model_.workflow(WorkflowId(one.index)).under.valid()) {
    model_.sink.Report(span, diagnostics::kActorNotUnder);
    return nullptr;
  }
  all->type.type.optional = false;  // who has none is under nothing
  Ptr high = Check(*expr.children[1], &one);
  if (high == nullptr || !RequirePresent(*high)) return nullptr;
  const uint32_t variable = variables_++;
  Ptr low = Node(ExprKind::kVariable, span, one);
  low->variable = variable;
  --variables_;
  if (!Comparable(*low, *high, expr.span)) return nullptr;
  Ptr body = Truth(ExprKind::kUnder, expr.span, std::move(low), std::move(high));
  Ptr any = Truth(ExprKind::kQuantifier, expr.span, std::move(body), std::move(all), Ptr());
  any->op = typed::QuantifierOp::kAny;
  any->variable = variable;
  return any;
}

Expressions::Ptr Expressions::CheckIs(const ast::Expr& expr) {
  Ptr left, right;
  if (!CheckPair(*expr.children[0], *expr.children[1], &left, &right)) return nullptr;
  if (!Comparable(*left, *right, expr.span)) return nullptr;
  if (!IsScalar(left->type.type.kind)) {
    model_.sink.Report(expr.span, diagnostics::kIsNeedsScalar, model_.types.Words(left->type.type));
    return nullptr;
  }
  return Truth(ExprKind::kIs, expr.span, std::move(left), std::move(right));
}

Expressions::Ptr Expressions::CheckIn(const ast::Expr& expr) {
  const ast::Expr& set = *expr.children[1];
  if (set.kind == ast::ExprKind::kSet || set.kind == ast::ExprKind::kList ||
      (set.kind == ast::ExprKind::kRecord && set.members.empty())) {
    return InLiteral(Check(*expr.children[0]), set, expr.span);
  }
  if (set.kind == ast::ExprKind::kMember && !set.children.empty() && set.children[0] != nullptr) {
    if (const Declaration* calendar = CalendarNamed(*set.children[0]); calendar != nullptr)
      return InCalendar(expr, *calendar);
  }
  Ptr collection = Check(set);
  if (collection == nullptr) {
    if (!IsContextual(*expr.children[0])) Check(*expr.children[0]);
    return nullptr;
  }
  const Type type = collection->type.type;
  if (!RequireCollection(*collection, set.span)) return nullptr;
  const Type element_type = model_.types.At(type.element);
  Ptr element = Check(*expr.children[0], &element_type);
  if (element == nullptr || !RequirePresent(*element)) return nullptr;
  if (element_type.kind == TypeKind::kRecord) {
    model_.sink.Report(expr.span, diagnostics::kRecordsDoNotCompare, model_.types.Words(element_type));
    return nullptr;
  }
  Ptr sample = Node(ExprKind::kConstant, set.span, element_type);
  if (!Comparable(*element, *sample, expr.span)) return nullptr;
  return Truth(ExprKind::kIn, expr.span, std::move(element), std::move(collection));
}

// x in { a, b }: constants make a set; anything else is compared one by one.
Expressions::Ptr Expressions::InLiteral(Ptr element, const ast::Expr& set, ast::Span span) {
  if (element == nullptr || !RequirePresent(*element)) return nullptr;
  if (set.children.empty()) {
    model_.sink.Report(set.span, diagnostics::kEmptySet);
    return nullptr;
  }
  if (!IsScalar(element->type.type.kind)) {
    model_.sink.Report(span, diagnostics::kIsNeedsScalar, model_.types.Words(element->type.type));
    return nullptr;
  }
  std::vector<Ptr> members;
  bool ok = true, constant = true;
  for (const ast::ExprPtr& child : set.children) {
    Ptr member = child != nullptr ? Check(*child, &element->type.type) : nullptr;
    if (member == nullptr || !Comparable(*element, *member, child->span) || !RequirePresent(*member)) {
      ok = false;
      continue;
    }
    constant = constant && member->kind == ExprKind::kConstant;
    members.push_back(std::move(member));
  }
  if (!ok) return nullptr;
  if (!constant) {
    Ptr any;
    for (Ptr& member : members) {
      nodes_ += NodeCount(*element);
      if (nodes_ > kExpandedNodesMax) {
        model_.sink.Report(span, diagnostics::kTooLargeExpanded, kExpandedNodesMax);
        return nullptr;
      }
      Ptr equal = Truth(ExprKind::kEqual, member->span, typed::Clone(*element), std::move(member));
      any = any == nullptr ? std::move(equal) : Truth(ExprKind::kOr, span, std::move(any), std::move(equal));
    }
    return any;
  }
  Type type = Of(TypeKind::kSet);
  type.capacity = static_cast<uint32_t>(members.size());
  type.element = model_.types.Intern(Plain(element->type.type));
  Ptr literal = Node(ExprKind::kSetLiteral, set.span, type);
  literal->children = std::move(members);
  return Truth(ExprKind::kIn, span, std::move(element), std::move(literal));
}

// ---------------------------------------------------------------- arithmetic

Expressions::Ptr Expressions::CheckNegate(const ast::Expr& expr) {
  if (expr.children.empty() || expr.children[0] == nullptr) return nullptr;
  Ptr inner = Check(*expr.children[0]);
  if (inner == nullptr) return nullptr;
  const Type& type = inner->type.type;
  if (!IsAdditive(type)) {
    model_.sink.Report(expr.span, diagnostics::kNoNegative, model_.types.Words(type));
    return nullptr;
  }
  if (!RequirePresent(*inner)) return nullptr;
  if (inner->kind == ExprKind::kConstant) {
    inner->number = -inner->number;
    inner->span = expr.span;
    return inner;
  }
  const ExprType result{Plain(type), inner->type.scale};
  return Node(ExprKind::kNegate, expr.span, result, std::move(inner));
}

Expressions::Ptr Expressions::CheckSum(const ast::Expr& expr) {
  Ptr left = Check(*expr.children[0]), right = Check(*expr.children[1]);
  if (left == nullptr || right == nullptr) return nullptr;
  const ExprKind kind = expr.text == "+" ? ExprKind::kAdd : ExprKind::kSubtract;
  const Type a = left->type.type, b = right->type.type;
  const bool left_there = RequirePresent(*left), right_there = RequirePresent(*right);
  if (!left_there || !right_there) return nullptr;
  ExprType type{Plain(a), std::max(left->type.scale, right->type.scale)};
  const bool minus = kind == ExprKind::kSubtract;
  if (IsState(a) || IsState(b)) {
    model_.sink.Report(expr.span, diagnostics::kNoArithmetic, model_.types.Words(a), expr.text, model_.types.Words(b));
    return nullptr;
  }
  if (a.kind == TypeKind::kDate || b.kind == TypeKind::kDate) {
    return CheckDays(expr, std::move(left), std::move(right));
  } else if (a.kind == TypeKind::kTime && b.kind == TypeKind::kTime && minus) {
    type.type = Of(TypeKind::kDuration);
  } else if (a.kind == TypeKind::kTime && b.kind == TypeKind::kDuration) {
    type.type = Of(TypeKind::kTime);
  } else if (a.kind == TypeKind::kDuration && b.kind == TypeKind::kTime && !minus) {
    type.type = Of(TypeKind::kTime);
  } else if (a.kind == TypeKind::kMoney && b.kind == TypeKind::kMoney && a.index != b.index) {
    model_.sink.Report(expr.span, diagnostics::kCurrenciesMixed, model_.types.Words(a), model_.types.Words(b));
    return nullptr;
  } else if (a.kind == TypeKind::kQuantity && b.kind == TypeKind::kQuantity && a.index != b.index) {
    model_.sink.Report(expr.span, diagnostics::kUnitsMixed, model_.types.Words(a), model_.types.Words(b));
    return nullptr;
  } else if (a.kind != b.kind || !IsAdditive(a)) {
    model_.sink.Report(expr.span, diagnostics::kNoArithmetic, model_.types.Words(a), expr.text, model_.types.Words(b));
    return nullptr;
  }
  return Node(kind, expr.span, type, std::move(left), std::move(right));
}

// Between dates lie whole days, as a duration; a date moves by a constant number of them.
Expressions::Ptr Expressions::CheckDays(const ast::Expr& expr, Ptr left, Ptr right) {
  constexpr Num kDayNs = Num{86'400} * 1'000'000'000;
  const bool minus = expr.text == "-";
  const Type a = left->type.type, b = right->type.type;
  if (a.kind == TypeKind::kDate && b.kind == TypeKind::kDate && minus) {
    return Node(ExprKind::kSubtract, expr.span, ExprType{Of(TypeKind::kDuration), 0}, std::move(left), std::move(right));
  }
  const bool turned = a.kind == TypeKind::kDuration && !minus;
  const Type& other = turned ? a : b;
  if (other.kind != TypeKind::kDuration || left->type.type.kind == right->type.type.kind) {
    model_.sink.Report(expr.span, diagnostics::kNoArithmetic, model_.types.Words(a), expr.text, model_.types.Words(b))
        .Help(a.kind == TypeKind::kTime || b.kind == TypeKind::kTime
                  ? "a time has a date in some place only: ask a calendar, `C.day(…)`"
                  : "");
    return nullptr;
  }
  if (turned) std::swap(left, right);
  if (right->kind != ExprKind::kConstant || right->number % kDayNs != 0) {
    model_.sink.Report(right->span, diagnostics::kDateMovesByDays);
    return nullptr;
  }
  return Node(minus ? ExprKind::kSubtract : ExprKind::kAdd, expr.span, ExprType{Of(TypeKind::kDate), 0}, std::move(left),
              std::move(right));
}

Expressions::Ptr Expressions::CheckProduct(const ast::Expr& expr) {
  Ptr left = Check(*expr.children[0]), right = Check(*expr.children[1]);
  if (left == nullptr || right == nullptr) return nullptr;
  const Type a = left->type.type, b = right->type.type;
  const bool left_there = RequirePresent(*left), right_there = RequirePresent(*right);
  if (!left_there || !right_there) return nullptr;
  const auto scales = [](TypeKind kind) { return kind == TypeKind::kInt || kind == TypeKind::kPercent; };
  if (!IsAdditive(a) || !IsAdditive(b) || !(scales(a.kind) || scales(b.kind))) {
    model_.sink.Report(expr.span, diagnostics::kNoArithmetic, model_.types.Words(a), expr.text, model_.types.Words(b));
    return nullptr;
  }
  // An int has no digits of its own; a percent adds six unless the other is an int.
  const Type& carrier = scales(a.kind) && !(a.kind == TypeKind::kPercent && b.kind == TypeKind::kInt) ? b : a;
  const bool both_percent = a.kind != TypeKind::kInt && b.kind != TypeKind::kInt;
  const int scale = left->type.scale + right->type.scale + (both_percent ? 6 : 0);
  if (scale > 36) {
    model_.sink.Report(expr.span, diagnostics::kTooManyDigits);
    return nullptr;
  }
  return Node(ExprKind::kMultiply, expr.span, ExprType{Plain(carrier), static_cast<uint8_t>(scale)}, std::move(left),
              std::move(right));
}

Expressions::Ptr Expressions::CheckRounded(const ast::Expr& expr) {
  if (expr.children.size() != 2 || expr.children[0] == nullptr || expr.children[1] == nullptr) return nullptr;
  Ptr value = Check(*expr.children[0]);
  Ptr divisor = Check(*expr.children[1]);
  if (value == nullptr || divisor == nullptr || !RequirePresent(*value)) return nullptr;
  if (divisor->kind != ExprKind::kConstant) {
    model_.sink.Report(expr.children[1]->span, diagnostics::kDivisorNotConstant);
    return nullptr;
  }
  if (!IsAdditive(value->type.type) || divisor->type.type.kind != TypeKind::kInt) {
    model_.sink.Report(expr.span, diagnostics::kNoArithmetic, model_.types.Words(value->type.type), "/",
                       model_.types.Words(divisor->type.type));
    return nullptr;
  }
  if (divisor->number == 0) {
    model_.sink.Report(expr.children[1]->span, diagnostics::kDivisionByZero);
    return nullptr;
  }
  const Num number = divisor->number;
  const ExprType type{Plain(value->type.type), value->type.scale};
  Ptr node = Node(ExprKind::kDivide, expr.span, type, std::move(value));
  node->number = number;
  return node;
}

Expressions::Ptr Expressions::CheckRound(const ast::Expr& expr, Rounding rounding) {
  if (expr.children.size() != 1 || expr.children[0] == nullptr) {
    model_.sink.Report(expr.span, diagnostics::kArgumentCount, expr.text, Counted(1, "argument"),
                       AreCounted(expr.children.size()));
    return nullptr;
  }
  rounding_ = true;
  Ptr value = Check(*expr.children[0]);
  rounding_ = false;
  if (value == nullptr) return nullptr;
  if (!IsAdditive(value->type.type)) {
    model_.sink.Report(expr.span, diagnostics::kNothingToRound, model_.types.Words(value->type.type));
    return nullptr;
  }
  if (!RequirePresent(*value)) return nullptr;
  const ExprType type{Plain(value->type.type), 0};
  Ptr node = Node(ExprKind::kRound, expr.span, type, std::move(value));
  node->rounding = rounding;
  return node;
}

// ---------------------------------------------------------------- calls and defs

Expressions::Ptr Expressions::CheckCall(const ast::Expr& expr) {
  if (expr.text == "round_down") return CheckRound(expr, Rounding::kDown);
  if (expr.text == "round_up") return CheckRound(expr, Rounding::kUp);
  if (expr.text == "round_half_even") return CheckRound(expr, Rounding::kHalfEven);
  if (expr.text == "age") return CheckAge(expr);
  if (expr.text == "votes") return CheckVotes(expr);
  ast::Name name{expr.text, expr.span};
  name.span.end = std::min<uint32_t>(expr.span.end, expr.span.begin + static_cast<uint32_t>(expr.text.size()));
  Frame frame;
  if (const ast::Def* def = FindDef(name, expr.span, &frame); def != nullptr)
    return ExpandDef(*def, expr.children, frame, expr.span);
  if (const Declaration* d = model_.symbols.Find(Space::kDef, name); d != nullptr && d->table != nullptr)
    return ExpandTable(*d->table, expr.children, expr.span);
  if (expr.text == "done" || expr.text == "failed" || expr.text == "started") return CheckTask(expr);
  std::vector<std::string> known = {
      "round_down", "round_up", "round_half_even", "age",      "votes",   "count", "sum", "min", "max",
      "any",        "all",      "distinct",        "happened", "refused", "first", "last"};
  for (const std::string& def : model_.symbols.Visible(Space::kDef, name.span.file)) known.push_back(def);
  if (FieldsOf().valid()) {
    for (const ast::Def& def : *model_.names(FieldsOf()).defs) known.push_back(def.name.text);
  }
  model_.sink.Report(name.span, diagnostics::kUnknownFunction, name).Help(Hint(model_.sink, name.text, known));
  return nullptr;
}

Expressions::Ptr Expressions::Argument(const ast::Expr& argument, const ast::Field& parameter, const ast::Name& callee) {
  const std::optional<Type> type = model_.types.Resolve(parameter.type);
  if (!type.has_value()) return nullptr;
  Ptr value = Check(argument, &*type);
  if (value == nullptr) return nullptr;
  const Type& found = value->type.type;
  if (!SameType(found, *type) || (IsState(found) != IsState(*type))) {
    model_.sink
        .Report(argument.span, diagnostics::kArgumentType, callee, model_.types.Words(*type), model_.types.Words(found))
        .Related(parameter.name.span, "the parameter is declared here");
    return nullptr;
  }
  if (found.optional && !type->optional) {
    RequirePresent(*value);
    return nullptr;
  }
  return value;
}

bool Expressions::ArgumentsFit(const ast::Name& called, size_t wanted, size_t given, ast::Span span) {
  if (given == wanted) return true;
  model_.sink.Report(span, diagnostics::kArgumentCount, called.text, Counted(wanted, "argument"), AreCounted(given))
      .Related(called.span, "it is declared here");
  return false;
}

Expressions::Ptr Expressions::ExpandDef(const ast::Def& def, const std::vector<ast::ExprPtr>& arguments, Frame frame,
                                        ast::Span span) {
  if (def.body == nullptr) return nullptr;
  if (std::find(active_.begin(), active_.end(), &def) != active_.end()) {
    if (model_.broken_defs.count(&def) == 0) {
      model_.sink.Report(def.name.span, diagnostics::kDefCycle, def.name)
          .Related(span, "it is used here while it is being worked out");
    }
    model_.broken_defs.insert(std::find(active_.begin(), active_.end(), &def), active_.end());
    return nullptr;
  }
  if (model_.broken_defs.count(&def) != 0) return nullptr;
  if (!ArgumentsFit(def.name, def.parameters.size(), arguments.size(), span)) return nullptr;
  std::vector<Ptr> values;
  bool ok = true;
  for (size_t i = 0; i < arguments.size(); ++i) {
    Ptr value = arguments[i] != nullptr ? Argument(*arguments[i], def.parameters[i], def.name) : nullptr;
    ok = ok && value != nullptr;
    values.push_back(std::move(value));
  }
  if (!ok) return nullptr;
  frame.locals_begin = locals_.size();
  for (size_t i = 0; i < values.size(); ++i)
    locals_.push_back({def.parameters[i].name.text, values[i]->type, 0, values[i].get()});
  const Frame outer = std::exchange(frame_, frame);
  active_.push_back(&def);
  std::optional<Type> result;
  if (def.result.has_value()) result = model_.types.Resolve(*def.result);
  Ptr body = Check(*def.body, result.has_value() ? &*result : nullptr);
  active_.pop_back();
  frame_ = outer;
  locals_.resize(locals_.size() - values.size());
  if (body == nullptr) return nullptr;
  if (result.has_value() && (!SameType(body->type.type, *result) || (body->type.type.optional && !result->optional)))
    return nullptr;
  if (result.has_value() && result->optional) body->type.type.optional = true;
  return body;
}

// ---------------------------------------------------------------- tables

Expressions::Ptr Expressions::CheckKey(const ast::Expr& expr, const Type& type) {
  Ptr value = CheckValue(expr, type);
  if (value != nullptr && value->kind != ExprKind::kConstant) {
    model_.sink.Report(expr.span, diagnostics::kConstantNeeded);
    return nullptr;
  }
  return value;
}

void Expressions::CheckCells(const ast::Table& table, const Table& checked) {
  for (size_t p = 0; p < table.parameters.size(); ++p)
    locals_.push_back({table.parameters[p].name.text, {checked.parameters[p].type, 0}, variables_++, nullptr});
  frame_.fields = false;
  active_tables_.push_back(&table);
  for (const TableRow& row : checked.rows) CheckValue(*row.cell, checked.result);
}

// Cases first .. last of numbers, one after another.
Expressions::Ptr Expressions::InCase(const TableCases& cases, size_t first, size_t last, const typed::Expr& argument,
                                     ast::Span span) {
  const Num low = cases.cases[first].low, high = cases.cases[last].high;
  const auto given = [&] {
    nodes_ += NodeCount(argument);
    return typed::Clone(argument);
  };
  const Type type = Plain(cases.type);
  if (low == high) return Truth(ExprKind::kEqual, span, given(), Constant(span, type, low));
  Ptr from, to;
  if (first != 0) from = Truth(ExprKind::kLessEqual, span, Constant(span, type, low), given());
  if (last + 1 != cases.cases.size()) to = Truth(ExprKind::kLessEqual, span, given(), Constant(span, type, high));
  if (from == nullptr || to == nullptr) return from != nullptr ? std::move(from) : std::move(to);
  return Truth(ExprKind::kAnd, span, std::move(from), std::move(to));
}

// Whether an argument is in one of the wanted cases; null where it always is.
Expressions::Ptr Expressions::Holds(const TableCases& cases, const std::vector<bool>& wanted,
                                    const typed::Expr& argument, ast::Span span) {
  if (std::find(wanted.begin(), wanted.end(), false) == wanted.end()) return nullptr;
  const auto given = [&] {
    nodes_ += NodeCount(argument);
    return typed::Clone(argument);
  };
  if (cases.type.kind == TypeKind::kBool) return wanted[1] ? given() : Truth(ExprKind::kNot, span, given());
  // What texts are not: all others cannot be named.
  const bool others = cases.type.kind == TypeKind::kString && wanted.back();
  Ptr any;
  for (size_t c = 0; c < wanted.size(); ++c) {
    if (wanted[c] == others) continue;
    size_t last = c;
    if (IsNumeric(cases.type.kind)) {
      while (last + 1 < wanted.size() && wanted[last + 1]) ++last;
    }
    Ptr one;
    if (cases.type.kind == TypeKind::kString) {
      Ptr text = Node(ExprKind::kConstant, span, TextType());
      text->text = cases.cases[c].text;
      one = Truth(ExprKind::kEqual, span, given(), std::move(text));
    } else {
      one = InCase(cases, c, last, argument, span);
    }
    c = last;
    any = any == nullptr ? std::move(one) : Truth(ExprKind::kOr, span, std::move(any), std::move(one));
  }
  return others ? Truth(ExprKind::kNot, span, std::move(any)) : std::move(any);
}

// A table is so many `if`s. Each case has exactly one row, so that their order does not matter and the last needs no
// question.
Expressions::Ptr Expressions::ExpandTable(const ast::Table& table, const std::vector<ast::ExprPtr>& arguments,
                                          ast::Span span) {
  if (std::find(active_tables_.begin(), active_tables_.end(), &table) != active_tables_.end()) {
    model_.sink.Report(table.name.span, diagnostics::kDefCycle, table.name)
        .Related(span, "it is used here while it is being worked out");
    return nullptr;
  }
  const Table& checked = TableOf(model_, table);
  if (!checked.ok) return nullptr;
  if (!ArgumentsFit(table.name, table.parameters.size(), arguments.size(), span)) return nullptr;
  std::vector<Ptr> values;
  for (size_t i = 0; i < arguments.size(); ++i) {
    Ptr value = arguments[i] != nullptr ? Argument(*arguments[i], table.parameters[i], table.name) : nullptr;
    if (value == nullptr) continue;
    if (TakesArgument(table, i, checked.parameters[i].type, *value)) values.push_back(std::move(value));
  }
  if (values.size() != arguments.size()) return nullptr;
  Frame frame;
  frame.use = frame_.use.value_or(span);
  frame.fields = false;
  frame.locals_begin = locals_.size();
  for (size_t i = 0; i < values.size(); ++i)
    locals_.push_back({table.parameters[i].name.text, values[i]->type, 0, values[i].get()});
  const Frame outer = std::exchange(frame_, frame);
  active_tables_.push_back(&table);
  Ptr choice;
  bool ok = true;
  const size_t first = Planted(Fault::kFirstRowForgotten) && checked.rows.size() > 1 ? 1 : 0;
  for (size_t r = checked.rows.size(); r-- > first && ok;) {
    const TableRow& row = checked.rows[r];
    Ptr cell = CheckValue(*row.cell, checked.result);
    ok = cell != nullptr && (choice == nullptr || AddRow(checked, row, values, span, std::move(cell), &choice));
    if (choice == nullptr) choice = std::move(cell);
  }
  active_tables_.pop_back();
  frame_ = outer;
  locals_.resize(locals_.size() - values.size());
  if (!ok) return nullptr;
  choice->type.type.optional = choice->type.type.optional || checked.result.optional;
  return choice;
}

// `if` the row holds `then` its cell `else` what the rows behind it say.
bool Expressions::AddRow(const Table& table, const TableRow& row, const std::vector<Ptr>& values, ast::Span span,
                         Ptr cell, Ptr* choice) {
  Ptr holds;
  for (size_t p = 0; p < values.size(); ++p) {
    Ptr one = Holds(table.parameters[p], row.keys[p], *values[p], span);
    if (one == nullptr) continue;
    holds = holds == nullptr ? std::move(one) : Truth(ExprKind::kAnd, span, std::move(holds), std::move(one));
  }
  if (holds == nullptr || nodes_ > kExpandedNodesMax) {
    model_.sink.Report(frame_.use.value_or(span), diagnostics::kTooLargeExpanded, kExpandedNodesMax);
    return false;
  }
  ExprType type;
  if (!Merge(cell->type, (*choice)->type, &type)) return false;
  *choice = Node(ExprKind::kIf, span, type, std::move(holds), std::move(cell), std::move(*choice));
  return true;
}

// A case for whatever this argument may be.
bool Expressions::TakesArgument(const ast::Table& table, size_t parameter, const Type& type, const typed::Expr& value) {
  if (!IsNumeric(type.kind)) return true;
  if (value.type.scale != 0) {
    model_.sink.Report(value.span, diagnostics::kUnrounded, model_.types.Words(type));
    return false;
  }
  const std::optional<std::pair<Num, Num>> range = RangeOf(model_, value);
  const Num low = range.has_value() ? std::max<Num>(range->first, INT64_MIN) : INT64_MIN;
  const Num high = range.has_value() ? std::min<Num>(range->second, INT64_MAX) : INT64_MAX;
  if (low >= type.min && high <= type.max) return true;
  const auto words = [&](Num from, Num to) {
    return absl::StrCat(model_.types.NumberWords(type, from), " .. ", model_.types.NumberWords(type, to));
  };
  model_.sink
      .Report(value.span, diagnostics::kTableArgument, words(low, high), table.name, words(type.min, type.max))
      .Related(table.parameters[parameter].name.span, "the parameter is declared here");
  return false;
}

}  // namespace writ::check
