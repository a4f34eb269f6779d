// Declarations into the schema's tables: types, people, workflows. Expressions come later, when all names are known.
#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "compiler/check/check.h"
#include "compiler/check/model.h"

namespace writ::check {
namespace {

// ---------------------------------------------------------------- types

void DeclareEnum(Model& model, const Declaration& d) {
  Enum out{d.name, d.enumeration->ordered, {}};
  std::map<std::string, ast::Span> seen, foreign;
  for (const ast::EnumMember& member : d.enumeration->members) {
    const auto [at, is_new] = seen.emplace(member.name.text, member.name.span);
    if (!is_new) {
      model.sink.Report(member.name.span, diagnostics::kMemberTwice, member.name, d.name)
          .Related(at->second, "declared here first");
      continue;
    }
    if (!member.foreign.empty() && !foreign.emplace(member.foreign, member.name.span).second) {
      model.sink.Report(member.name.span, diagnostics::kForeignMemberTwice, member.foreign)
          .Related(foreign[member.foreign], "the other member");
    }
    out.members.push_back({member.name.text, member.foreign});
  }
  if (out.members.size() > limits::kEnumMembersMax) {
    out.members.resize(limits::kEnumMembersMax);
    model.sink.Report(d.span, diagnostics::kEnumTooLarge, seen.size(), limits::kEnumMembersMax);
  }
  model.schema().enums.push_back(std::move(out));
}

void DeclareUnit(Model& model, const Declaration& d) {
  const int64_t digits = d.unit->decimals.value_or(0);
  const bool fits = digits >= 0 && digits <= int64_t{limits::kUnitDigitsMax};
  if (!fits) model.sink.Report(d.unit->span, diagnostics::kUnitDigits, digits, limits::kUnitDigitsMax);
  model.schema().units.push_back({d.name, d.qualified, fits ? static_cast<int>(digits) : 0});
}

std::vector<std::string> Labels(const std::vector<ast::Name>& names) {
  std::vector<std::string> labels;
  for (const ast::Name& name : names) labels.push_back(name.text);
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  return labels;
}

bool IsReservedWord(const std::string& name) {
  static const char* const kWords[] = {"before", "after", "now", "actor", "this", "new", "any", "orchestrator"};
  return std::any_of(std::begin(kWords), std::end(kWords), [&](const char* w) { return name == w; });
}

Foreign ResolveForeign(Model& model, const std::optional<ast::Foreign>& foreign, std::optional<Type> type) {
  Foreign out;
  if (!foreign.has_value()) return out;
  // Of a value for each member of an enum it speaks of each value.
  if (type.has_value() && model.types.PerEnum(*type).has_value()) {
    type = model.types.At(model.schema().records[type->index].members[0].type);
  }
  out.attribute = foreign->attribute;
  out.zone = foreign->zone;
  if (!foreign->zone.empty()) model.RequireZone(foreign->span, foreign->zone);
  const std::string words = type.has_value() ? model.types.Words(*type) : "";
  if (!foreign->currency.empty()) {
    out.currency = model.types.Currency(foreign->currency);
    if (type.has_value() && type->kind != TypeKind::kMoney) {
      model.sink.Report(foreign->currency.span, diagnostics::kForeignNotMoney, foreign->currency, words);
    } else if (type.has_value() && out.currency != UINT32_MAX && out.currency != type->index) {
      model.sink.Report(foreign->currency.span, diagnostics::kForeignCurrency, foreign->currency, words);
    }
  }
  if (!foreign->rounding.empty()) {
    static const std::pair<const char*, Rounding> kRoundings[] = {
        {"down", Rounding::kDown}, {"up", Rounding::kUp}, {"half_even", Rounding::kHalfEven}};
    for (const auto& [word, rounding] : kRoundings) {
      if (foreign->rounding.text == word) out.rounding = rounding;
    }
    if (out.rounding == Rounding::kNone) {
      model.sink.Report(foreign->rounding.span, diagnostics::kUnknownRounding, foreign->rounding)
          .Help(Hint(model.sink, foreign->rounding.text, {"down", "up", "half_even"}));
    } else if (type.has_value() && !IsNumeric(type->kind)) {
      model.sink.Report(foreign->rounding.span, diagnostics::kForeignRound, words);
    }
  }
  if (!foreign->zone.empty() && type.has_value() && type->kind != TypeKind::kTime) {
    model.sink.Report(foreign->span, diagnostics::kForeignZone, words);
  }
  return out;
}

// Fields of a record, workflow, entity, key or payload. What is declared twice is left out; what has a wrong type is
// kept with no type, so that using it says nothing more.
std::vector<Field> ResolveFields(Model& model, const std::vector<ast::Field>& fields,
                                 std::vector<ast::Span>* spans = nullptr) {
  std::vector<Field> out;
  std::map<std::string, ast::Span> seen;
  for (const ast::Field& field : fields) {
    if (field.name.empty()) continue;
    if (out.size() == kFieldsMax) {
      model.WithinLimit(field.name.span, fields.size(), "fields", kFieldsMax);
      break;
    }
    const auto [at, is_new] = seen.emplace(field.name.text, field.name.span);
    if (!is_new) {
      model.sink.Report(field.name.span, diagnostics::kFieldTwice, field.name)
          .Related(at->second, "declared here first");
      continue;
    }
    const bool is_builtin = model.symbols.WriterOf(field.name.span.file) == kBuiltinPackage;
    if (IsReservedWord(field.name.text) && !is_builtin)
      model.sink.Report(field.name.span, diagnostics::kReservedFieldName, field.name);
    const std::optional<Type> type = model.types.Resolve(field.type);
    Field resolved;
    resolved.name = field.name.text;
    if (type.has_value()) resolved.type = model.types.Intern(*type);
    resolved.labels = Labels(field.labels);
    resolved.foreign = ResolveForeign(model, field.foreign, type);
    out.push_back(std::move(resolved));
    if (spans != nullptr) spans->push_back(field.name.span);
  }
  return out;
}

// Records in the order of what they are made of: the innermost first, so that their sizes are known.
class RecordWalk {
 public:
  explicit RecordWalk(Model& model)
      : model_(model), records_(model.symbols.OfKind(DeclarationKind::kRecord)), state_(records_.size()) {}

  void Run() {
    for (const Declaration* d : records_) {
      Record record{d->name, {}};
      for (const ast::Field& member : d->record->members) {
        if (record.members.size() < kFieldsMax) record.members.push_back({member.name.text, {}, {}, {}});
      }
      model_.schema().records.push_back(std::move(record));
    }
    for (size_t i = 0; i < records_.size(); ++i) Visit(i);
  }

 private:
  enum class State : uint8_t { kNew, kBusy, kDone };

  void Visit(size_t index) {
    if (state_[index] != State::kNew) return;
    state_[index] = State::kBusy;
    bool cyclic = false;
    ++depth_;
    if (depth_ > kTypeDepthMax) {
      model_.sink.Report(records_[index]->span, diagnostics::kTypeTooDeep, kTypeDepthMax);
      cyclic = true;
    } else {
      for (const ast::Field& member : records_[index]->record->members) VisitType(index, member.type, 0, &cyclic);
    }
    --depth_;
    state_[index] = State::kDone;
    if (cyclic) {
      model_.schema().records[index].members.clear();
      return;
    }
    std::vector<Field> members = ResolveFields(model_, records_[index]->record->members);
    const std::vector<std::string> labels = Labels(records_[index]->record->labels);
    for (Field& member : members) {
      member.labels.insert(member.labels.end(), labels.begin(), labels.end());
      std::sort(member.labels.begin(), member.labels.end());
      member.labels.erase(std::unique(member.labels.begin(), member.labels.end()), member.labels.end());
    }
    model_.schema().records[index].members = std::move(members);
  }

  void VisitType(size_t from, const ast::Type& type, int depth, bool* cyclic) {
    if (type.element != nullptr) VisitType(from, *type.element, depth + 1, cyclic);
    const Declaration* d = model_.symbols.Find(Space::kType, type.name);
    if (d == nullptr || depth > static_cast<int>(kTypeDepthMax)) return;
    if (d->kind == DeclarationKind::kAlias) VisitType(from, d->alias->type, depth + 1, cyclic);
    if (d->kind != DeclarationKind::kRecord) return;
    if (state_[d->id] == State::kBusy) {
      model_.sink.Report(type.name.span, diagnostics::kRecordCycle, records_[from]->name)
          .Related(d->span, "it is declared here");
      *cyclic = true;
      return;
    }
    Visit(d->id);
  }

  Model& model_;
  std::vector<const Declaration*> records_;
  std::vector<State> state_;
  size_t depth_ = 0;
};

// ---------------------------------------------------------------- people

// The transitive closure of `priority`, kept edge by edge, and the circles that it must not have.
class PriorityGraph {
 public:
  explicit PriorityGraph(Model& model)
      : model_(model), count_(model.schema().domains.size()), below_(count_, std::vector<bool>(count_)) {}

  void Run() {
    for (const ast::File* file : FilesByPath(model_)) {
      for (const ast::Priority& priority : file->priorities) Add(priority);
    }
    for (size_t upper = 0; upper < count_; ++upper) {
      for (size_t lower = 0; lower < count_; ++lower) {
        if (below_[upper][lower]) model_.schema().domains[upper].below.push_back(DomainId(lower));
      }
    }
  }

 private:
  using Group = std::map<uint32_t, const ast::Name*>;  // each domain once

  Group Resolve(const std::vector<ast::Name>& names) {
    Group group;
    for (const ast::Name& name : names) {
      const DomainId domain = model_.FindDomain(name);
      if (domain.valid() && domain.value < count_) group.emplace(domain.value, &name);
    }
    return group;
  }

  void Add(const ast::Priority& priority) {
    Group upper;
    for (size_t i = 0; i < priority.chain.size(); ++i) {
      Group lower = Resolve(priority.chain[i]);
      for (const auto& [u, upper_name] : upper) {
        for (const auto& [l, lower_name] : lower) AddEdge(u, *upper_name, l, *lower_name);
      }
      upper = std::move(lower);
    }
  }

  void AddEdge(uint32_t u, const ast::Name& upper, uint32_t l, const ast::Name& lower) {
    if (u == l) {
      model_.sink.Report(lower.span, diagnostics::kNamedTwice, lower);
      return;
    }
    if (below_[l][u]) {
      auto report = model_.sink.Report(lower.span, diagnostics::kPriorityCycle, upper, lower);
      for (const auto& [edge, span] : edges_) {
        if (edge.first == l && (edge.second == u || below_[edge.second][u])) {
          report.Related(span, "the other way round here");
          break;
        }
      }
      return;
    }
    edges_.emplace(std::make_pair(u, l), lower.span);
    if (below_[u][l]) return;
    for (size_t above = 0; above < count_; ++above) {
      if (above != u && !below_[above][u]) continue;
      below_[above][l] = true;
      for (size_t under = 0; under < count_; ++under) {
        if (below_[l][under]) below_[above][under] = true;
      }
    }
  }

  Model& model_;
  size_t count_;
  std::vector<std::vector<bool>> below_;  // [upper][lower]
  std::map<std::pair<uint32_t, uint32_t>, ast::Span> edges_;
};

// ---------------------------------------------------------------- workflows

class WorkflowBuilder {
 public:
  WorkflowBuilder(Model& model, uint32_t index)
      : model_(model), workflow_(model.schema().workflows[index]), names_(model.workflows[index]) {}

  void Fields() {
    const Declaration& d = *names_.declaration;
    workflow_.key = ResolveFields(model_, d.entity != nullptr ? d.entity->key : d.workflow->key);
    workflow_.fields =
        ResolveFields(model_, d.entity != nullptr ? d.entity->fields : d.workflow->fields, &names_.field_spans);
    if (d.qualified == kAgentWorkflow) Attributes();
    if (d.entity != nullptr) Under(*d.entity);
    for (size_t i = 0; i < workflow_.key.size(); ++i) CheckKey(i);
    for (size_t i = 0; i < workflow_.fields.size(); ++i) {
      names_.fields.emplace(workflow_.fields[i].name, i);
      if (names_.keys.count(workflow_.fields[i].name) != 0) {
        model_.sink.Report(names_.field_spans[i], diagnostics::kFieldIsKey, workflow_.fields[i].name);
      }
    }
    CheckDefNames();
    if (d.entity != nullptr) {
      Entity(*d.entity);
    } else {
      States(*d.workflow);
    }
  }

  void Transitions() {
    if (names_.declaration->workflow == nullptr) return;
    const std::vector<ast::Transition>& transitions = names_.declaration->workflow->transitions;
    if (!model_.WithinLimit(names_.declaration->span, transitions.size(), "transitions", kTransitionsMax)) return;
    for (const ast::Transition& t : transitions) AddTransition(t);
    SetAttributes();
    CheckForeignNames();
    const bool created =
        std::any_of(workflow_.transitions.begin(), workflow_.transitions.end(), [](const Transition& t) {
          return std::find(t.sources.begin(), t.sources.end(), kNewState) != t.sources.end();
        });
    if (!created && !workflow_.states.empty())
      model_.sink.Report(names_.declaration->span, diagnostics::kNeverCreated, workflow_.name);
  }

 private:
  void CheckKey(size_t i) {
    names_.keys.emplace(workflow_.key[i].name, i);
    if (!workflow_.key[i].type.valid()) return;
    const Type& type = model_.types.At(workflow_.key[i].type);
    const bool fits = type.kind == TypeKind::kString || type.kind == TypeKind::kInt || type.kind == TypeKind::kEnum ||
                      type.kind == TypeKind::kDate || type.kind == TypeKind::kTime || type.kind == TypeKind::kReference;
    const std::vector<ast::Field>& key =
        names_.declaration->entity != nullptr ? names_.declaration->entity->key : names_.declaration->workflow->key;
    if (!fits || type.optional)
      model_.sink.Report(key[i].name.span, diagnostics::kBadKeyType, workflow_.key[i].name, model_.types.Words(type));
  }

  // What `actor { … }` says that there is to know of everybody. Several packages may say a part each.
  void Attributes() {
    static const char* const kKnown[] = {"id", "role", "human"};
    const size_t first = workflow_.fields.size();
    for (const ast::File* file : FilesByPath(model_)) {
      for (const ast::ActorDecl& actor : file->actors) {
        std::vector<ast::Span> spans;
        std::vector<Field> fields = ResolveFields(model_, actor.fields, &spans);
        for (size_t i = 0; i < fields.size(); ++i) {
          const auto same = std::find_if(workflow_.fields.begin(), workflow_.fields.end(),
                                         [&](const Field& f) { return f.name == fields[i].name; });
          const bool known = std::any_of(std::begin(kKnown), std::end(kKnown), [&](const char* k) { return fields[i].name == k; });
          const size_t at = static_cast<size_t>(same - workflow_.fields.begin());
          if (known || at < first) {
            model_.sink.Report(spans[i], diagnostics::kAttributeTaken, fields[i].name);
          } else if (same != workflow_.fields.end()) {
            model_.sink.Report(spans[i], diagnostics::kFieldTwice, fields[i].name)
                .Related(names_.field_spans[at], "declared here first");
          } else if (!fields[i].labels.empty()) {
            model_.sink.Report(spans[i], diagnostics::kAttributeLabel, fields[i].name);
          } else {
            workflow_.fields.push_back(std::move(fields[i]));
            names_.field_spans.push_back(spans[i]);
          }
        }
      }
    }
    if (workflow_.fields.size() > first) workflow_.attributes_from = static_cast<uint32_t>(first);
  }

  // A set that nobody gives is empty; what else is no `T?` must be given.
  void SetAttributes() {
    for (Transition& t : workflow_.transitions) {
      const bool registers = t.name == "register";
      if (workflow_.attributes_from == UINT32_MAX || (!registers && t.name != "change")) continue;
      for (size_t f = workflow_.attributes_from; f < workflow_.fields.size(); ++f) {
        if (!workflow_.fields[f].type.valid()) continue;
        const Type& type = model_.types.At(workflow_.fields[f].type);
        t.sets.push_back({FieldId(f), !registers || type.optional || type.kind == TypeKind::kSet, false});
      }
    }
  }

  // `under Team max 8` is a field of that name.
  void Under(const ast::Entity& entity) {
    if (entity.under.empty()) return;
    const WorkflowId own(names_.declaration->id);
    const WorkflowId above = model_.FindWorkflow(entity.under);
    if (!above.valid()) return;
    if (above != own) {
      model_.sink.Report(entity.under.span, diagnostics::kUnderOther, workflow_.name, entity.under);
      return;
    }
    const auto same = std::find_if(workflow_.fields.begin(), workflow_.fields.end(),
                                   [](const Field& f) { return f.name == "under"; });
    if (same != workflow_.fields.end()) {
      model_.sink.Report(entity.under.span, diagnostics::kUnderIsField, workflow_.name)
          .Related(names_.field_spans[static_cast<size_t>(same - workflow_.fields.begin())], "the field is declared here");
      return;
    }
    constexpr int64_t kMost = 64;
    const int64_t most = entity.under_max.value_or(1);
    if (most < 1 || most > kMost) {
      model_.sink.Report(entity.under.span, diagnostics::kBadCapacity, most, 1, kMost);
      return;
    }
    Type one;
    one.kind = TypeKind::kReference;
    one.index = own.value;
    Type all;
    all.kind = TypeKind::kSet;
    all.optional = true;
    all.capacity = static_cast<uint32_t>(most);
    all.element = model_.types.Intern(one);
    Field field;
    field.name = "under";
    field.type = model_.types.Intern(all);
    workflow_.under = FieldId(workflow_.fields.size());
    workflow_.fields.push_back(std::move(field));
    names_.field_spans.push_back(entity.under.span);
  }

  void CheckDefNames() {
    std::map<std::string, ast::Span> seen;
    for (const ast::Def& def : *names_.defs) {
      if (def.name.empty()) continue;
      const auto [at, is_new] = seen.emplace(def.name.text, def.name.span);
      if (!is_new)
        model_.sink.Report(def.name.span, diagnostics::kDefTwice, def.name).Related(at->second, "declared here first");
      names_.def_index.emplace(def.name.text, &def);
      if (IsReservedWord(def.name.text)) model_.sink.Report(def.name.span, diagnostics::kReservedFieldName, def.name);
      const auto field = names_.fields.find(def.name.text);
      if (field != names_.fields.end()) {
        model_.sink.Report(def.name.span, diagnostics::kDefIsField, def.name)
            .Related(names_.field_spans[field->second], "the field is declared here");
      }
    }
    if (names_.declaration->workflow == nullptr) return;
    for (const ast::Fact& fact : names_.declaration->workflow->facts) CheckFactName(fact.name, &seen);
  }

  void CheckFactName(const ast::Name& name, std::map<std::string, ast::Span>* seen) {
    if (name.empty()) return;
    const auto [at, is_new] = seen->emplace(name.text, name.span);
    if (!is_new) model_.sink.Report(name.span, diagnostics::kDefTwice, name).Related(at->second, "declared here first");
    if (IsReservedWord(name.text)) model_.sink.Report(name.span, diagnostics::kReservedFieldName, name);
    const auto field = names_.fields.find(name.text);
    if (field != names_.fields.end()) {
      model_.sink.Report(name.span, diagnostics::kFactIsField, name)
          .Related(names_.field_spans[field->second], "the field is declared here");
    }
  }

  void Entity(const ast::Entity& entity) {
    workflow_.is_entity = true;
    workflow_.states = {{"known", false, false}};
    names_.states.emplace("known", 0);
    names_.state_spans = {entity.name.span};
    Transition set;
    set.name = "set";
    set.sources = {StateId(0), kNewState};
    set.target = StateId(0);
    for (size_t i = 0; i < workflow_.fields.size(); ++i) set.sets.push_back({FieldId(i), true, false});
    workflow_.transitions.push_back(std::move(set));
    names_.transitions.emplace("set", 0);
    names_.transition_spans = {entity.name.span};
    names_.transition_nodes = {nullptr};
    if (entity.fresh == nullptr) return;
    const std::optional<Number> fresh = model_.types.ReadNumber(*entity.fresh);
    if (!Types::IsNumber(*entity.fresh) ||
        (fresh.has_value() && (fresh->type.kind != TypeKind::kDuration || fresh->value <= 0))) {
      model_.sink.Report(entity.fresh->span, diagnostics::kBadFresh);
    } else if (fresh.has_value()) {
      workflow_.fresh_ns = static_cast<int64_t>(fresh->value);
    }
  }

  void States(const ast::Workflow& workflow) {
    if (!model_.WithinLimit(workflow.name.span, workflow.states.size(), "states", kStatesMax)) return;
    for (const ast::StateDecl& state : workflow.states) {
      if (state.name.empty()) continue;
      const auto [at, is_new] = names_.states.emplace(state.name.text, workflow_.states.size());
      if (!is_new) {
        model_.sink.Report(state.name.span, diagnostics::kStateTwice, state.name)
            .Related(names_.state_spans[at->second], "declared here first");
        continue;
      }
      if (state.name.text == "new") model_.sink.Report(state.name.span, diagnostics::kNewIsReserved);
      names_.with.push_back(With(state));
      workflow_.states.push_back({state.name.text, false, false});
      names_.state_spans.push_back(state.name.span);
    }
    if (workflow_.states.empty()) model_.sink.Report(workflow.name.span, diagnostics::kNoStates, workflow.name);
    Mark(workflow.finals, &State::is_final);
    Mark(workflow.halted, &State::is_halted);
  }

  // The optional fields that are there in a state; presence.cc looks at the ways into it.
  std::set<FieldId> With(const ast::StateDecl& state) {
    std::set<FieldId> fields;
    for (const ast::Name& name : state.with) {
      const auto field = names_.fields.find(name.text);
      if (field == names_.fields.end()) {
        model_.sink.Report(name.span, diagnostics::kUnknownField, name, workflow_.name)
            .Help(Hint(model_.sink, name.text, NamesOf(names_.fields)));
        continue;
      }
      const TypeId type = workflow_.fields[field->second].type;
      if (type.valid() && !model_.types.At(type).optional) {
        model_.sink.Report(name.span, diagnostics::kWithAlways, name)
            .Related(names_.field_spans[field->second], "the field is declared here");
      } else if (!fields.insert(FieldId(field->second)).second) {
        model_.sink.Report(name.span, diagnostics::kNamedTwice, name);
      }
    }
    return fields;
  }

  void Mark(const std::vector<ast::Name>& list, bool State::* flag) {
    for (const ast::Name& name : list) {
      const StateId id = model_.FindState(WorkflowId(names_.declaration->id), name);
      if (!id.valid()) continue;
      State& state = workflow_.states[id.value];
      state.*flag = true;
      if (state.is_final && state.is_halted) {
        model_.sink.Report(name.span, diagnostics::kFinalAndHalted, name)
            .Related(names_.state_spans[id.value], "the state is declared here");
      }
    }
  }

  void AddTransition(const ast::Transition& t) {
    if (t.name.empty()) return;
    const auto [at, is_new] = names_.transitions.emplace(t.name.text, workflow_.transitions.size());
    if (!is_new) {
      model_.sink.Report(t.name.span, diagnostics::kTransitionTwice, t.name)
          .Related(names_.transition_spans[at->second], "declared here first");
      return;
    }
    if (t.name.text == "any" || t.name.text == "deny" || t.name.text == "escalate") {
      model_.sink.Report(t.name.span, diagnostics::kReservedTransitionName, t.name);
    }
    Transition out;
    out.name = t.name.text;
    out.stays = t.stays;
    out.foreign = t.foreign;
    Sources(t, &out);
    Target(t, &out);
    out.payload = ResolveFields(model_, t.payload);
    Sets(t, &out);
    CheckCreation(t, out);
    if (!t.timer.empty()) At(t, &out);
    workflow_.transitions.push_back(std::move(out));
    names_.transition_spans.push_back(t.name.span);
    names_.transition_nodes.push_back(&t);
  }

  void Sources(const ast::Transition& t, Transition* out) {
    for (const ast::Name& name : t.sources) {
      const bool is_new = name.text == "new";
      if (is_new && t.stays) {
        model_.sink.Report(name.span, diagnostics::kStaysNew, t.name);
        continue;
      }
      const StateId source = is_new ? kNewState : model_.FindState(WorkflowId(names_.declaration->id), name);
      if (!source.valid()) continue;
      if (std::find(out->sources.begin(), out->sources.end(), source) != out->sources.end()) {
        model_.sink.Report(name.span, diagnostics::kNamedTwice, name);
        continue;
      }
      if (!is_new && !t.stays && workflow_.states[source.value].is_final) {
        model_.sink.Report(name.span, diagnostics::kLeavesFinal, t.name, name)
            .Related(names_.state_spans[source.value], "the state is declared here");
      }
      out->sources.push_back(source);
    }
    std::sort(out->sources.begin(), out->sources.end());
  }

  void Target(const ast::Transition& t, Transition* out) {
    if (t.stays) return;
    if (t.target.text == "new") {
      model_.sink.Report(t.target.span, diagnostics::kTargetNew, t.name);
      return;
    }
    out->target = model_.FindState(WorkflowId(names_.declaration->id), t.target);
  }

  void Sets(const ast::Transition& t, Transition* out) {
    for (const ast::SetItem& item : t.sets) {
      if (item.field.empty()) continue;
      const auto field = names_.fields.find(item.field.text);
      if (field == names_.fields.end()) {
        model_.sink.Report(item.field.span, diagnostics::kUnknownField, item.field, workflow_.name)
            .Help(Hint(model_.sink, item.field.text, NamesOf(names_.fields)));
        continue;
      }
      const FieldId id(field->second);
      const bool twice =
          std::any_of(out->sets.begin(), out->sets.end(), [&](const SetField& s) { return s.field == id; });
      if (twice) {
        model_.sink.Report(item.field.span, diagnostics::kSetTwice, t.name, item.field);
        continue;
      }
      out->sets.push_back({id, item.optional, item.computed != nullptr});
    }
  }

  // When a timer fires: what a field says.
  void At(const ast::Transition& t, Transition* out) {
    const auto field = names_.fields.find(t.timer.text);
    if (field == names_.fields.end()) {
      model_.sink.Report(t.timer.span, diagnostics::kUnknownField, t.timer, workflow_.name)
          .Help(Hint(model_.sink, t.timer.text, NamesOf(names_.fields)));
      return;
    }
    const TypeId type = workflow_.fields[field->second].type;
    if (!type.valid()) return;
    if (model_.types.At(type).kind != TypeKind::kTime) {
      model_.sink.Report(t.timer.span, diagnostics::kTimerNotTime, t.timer, model_.types.Words(model_.types.At(type)))
          .Related(names_.field_spans[field->second], "the field is declared here");
      return;
    }
    if (std::find(out->sources.begin(), out->sources.end(), kNewState) != out->sources.end()) {
      model_.sink.Report(t.timer.span, diagnostics::kTimerFromNew, t.name);
      return;
    }
    out->at = FieldId(field->second);
  }

  // What comes into being has every field that is not optional.
  void CheckCreation(const ast::Transition& t, const Transition& out) {
    if (out.sources.empty() || std::find(out.sources.begin(), out.sources.end(), kNewState) == out.sources.end())
      return;
    for (size_t i = 0; i < workflow_.fields.size(); ++i) {
      const Field& field = workflow_.fields[i];
      if (i >= workflow_.attributes_from) return;  // SetAttributes sees to these
      if (!field.type.valid() || model_.types.At(field.type).optional) continue;
      const auto set =
          std::find_if(out.sets.begin(), out.sets.end(), [&](const SetField& s) { return s.field == FieldId(i); });
      if (set == out.sets.end()) {
        model_.sink.Report(t.name.span, diagnostics::kCreationMisses, t.name, field.name)
            .Related(names_.field_spans[i], "the field is declared here");
      } else if (set->optional && !workflow_.is_builtin) {  // the runtime gives it
        model_.sink.Report(t.name.span, diagnostics::kCreationOptional, t.name, field.name)
            .Related(names_.field_spans[i], "the field is declared here");
      }
    }
  }

  // No event of a recorded log may be two transitions.
  void CheckForeignNames() {
    for (size_t i = 0; i < workflow_.transitions.size(); ++i) {
      const std::string& a = workflow_.transitions[i].foreign;
      for (size_t j = 0; j < i && !a.empty(); ++j) {
        const std::string& b = workflow_.transitions[j].foreign;
        if (b.empty() || !Overlap(a, b)) continue;
        model_.sink.Report(names_.transition_nodes[i]->foreign_span, diagnostics::kForeignOverlap, a, b)
            .Related(names_.transition_nodes[j]->foreign_span, "the other name");
      }
    }
  }

  // Whether some text matches both globs, where `*` is any text.
  static bool Overlap(const std::string& a, const std::string& b) {
    std::vector<std::vector<char>> reach(a.size() + 1, std::vector<char>(b.size() + 1, 0));
    reach[0][0] = 1;
    for (size_t i = 0; i <= a.size(); ++i) {
      for (size_t j = 0; j <= b.size(); ++j) {
        if (!reach[i][j]) continue;
        const bool star_a = i < a.size() && a[i] == '*', star_b = j < b.size() && b[j] == '*';
        if (star_a) reach[i + 1][j] = 1;
        if (star_b) reach[i][j + 1] = 1;
        if (star_a && j < b.size()) reach[i][j + 1] = 1;
        if (star_b && i < a.size()) reach[i + 1][j] = 1;
        if (i < a.size() && j < b.size() && !star_a && !star_b && a[i] == b[j]) reach[i + 1][j + 1] = 1;
      }
    }
    return reach[a.size()][b.size()] != 0;
  }

  Model& model_;
  Workflow& workflow_;
  WorkflowNames& names_;
};

// ---------------------------------------------------------------- logs

void DeclareLogItem(Model& model, const ast::LogItem& item, LogMapping* log) {
  const Foreign foreign = ResolveForeign(model, item.foreign, std::nullopt);
  const std::string& name = item.name.text;
  if (name == "actor") {
    log->actor = foreign;
    log->actor_absent = item.absent;
  } else if (name == "role") {
    log->role = foreign;
  } else if (name == "at") {
    log->at = foreign;
  } else if (name == "activity") {
    log->activity = foreign.attribute;
  } else if (name == "case") {
    log->instance = foreign.attribute;
  } else if (!name.empty()) {
    model.sink.Report(item.name.span, diagnostics::kUnknownLogItem, item.name)
        .Help(Hint(model.sink, name, {"actor", "role", "at", "activity", "case"}));
  }
  if (!item.absent.empty() && name != "actor")
    model.sink.Report(item.name.span, diagnostics::kAbsentOnlyActor, item.name);
}

void DeclareLogs(Model& model) {
  std::map<uint32_t, ast::Span> seen;
  for (const ast::File* file : FilesByPath(model)) {
    for (const ast::Log& log : file->logs) {
      const WorkflowId w = model.FindWorkflow(log.workflow);
      if (!w.valid()) continue;
      if (const auto [at, is_new] = seen.emplace(w.value, log.workflow.span); !is_new) {
        model.sink.Report(log.workflow.span, diagnostics::kLogTwice, log.workflow)
            .Related(at->second, "the first is here");
        continue;
      }
      LogMapping& mapping = model.workflow(w).log;
      mapping.format = log.format.text;
      if (!log.format.empty() && mapping.format != "xes" && mapping.format != "csv") {
        model.sink.Report(log.format.span, diagnostics::kUnknownLogFormat, log.format)
            .Help(Hint(model.sink, log.format.text, {"xes", "csv"}));
      }
      std::map<std::string, ast::Span> items;
      for (const ast::LogItem& item : log.items) {
        if (!items.emplace(item.name.text, item.name.span).second) {
          model.sink.Report(item.name.span, diagnostics::kLogItemTwice, item.name)
              .Related(items[item.name.text], "given here first");
          continue;
        }
        DeclareLogItem(model, item, &mapping);
      }
    }
  }
}

}  // namespace

// `notify` is the one that nobody declares; it is there where a rule says it.
void DeclareObligations(Model& model) {
  std::vector<Obligation>& table = model.schema().obligations;
  for (const Declaration* d : model.symbols.OfKind(DeclarationKind::kObligation)) {
    std::vector<ast::Span> spans;
    Obligation out{d->name, d->qualified, ResolveFields(model, d->obligation->fields, &spans)};
    for (size_t i = 0; i < out.fields.size(); ++i) {
      if (!out.fields[i].type.valid()) continue;
      const Type& type = model.types.At(out.fields[i].type);
      if (type.kind != TypeKind::kSet && type.kind != TypeKind::kList && type.kind != TypeKind::kRecord) continue;
      model.sink.Report(spans[i], diagnostics::kObligationField, out.fields[i].name, model.types.Words(type));
    }
    table.push_back(std::move(out));
  }
  const bool notifies = std::any_of(model.files.begin(), model.files.end(), [](const ast::File& file) {
    return std::any_of(file.rules.begin(), file.rules.end(), [](const ast::Rule& rule) {
      return std::any_of(rule.duties.begin(), rule.duties.end(),
                         [](const ast::Duty& duty) { return !duty.is_task && duty.name.text == kNotify; });
    });
  });
  if (notifies) {
    Type role;
    role.kind = TypeKind::kRole;
    Field to;
    to.name = "role";
    to.type = model.types.Intern(role);
    table.push_back({kNotify, kNotify, {std::move(to)}});
  }
  std::sort(table.begin(), table.end(),
            [](const Obligation& a, const Obligation& b) { return a.qualified < b.qualified; });
}

void DeclareTypes(Model& model) {
  // Workflows by name first: a type may refer to any of them.
  std::vector<const Declaration*> declarations = model.symbols.OfKind(DeclarationKind::kWorkflow);
  for (const Declaration* d : model.symbols.OfKind(DeclarationKind::kEntity)) declarations.push_back(d);
  std::sort(declarations.begin(), declarations.end(),
            [](const Declaration* a, const Declaration* b) { return a->id < b->id; });
  for (const Declaration* d : declarations) {
    Workflow workflow;
    workflow.name = d->name;
    workflow.package = d->package;
    workflow.qualified = d->qualified;
    workflow.is_builtin = d->package == kBuiltinPackage;
    model.schema().workflows.push_back(std::move(workflow));
    WorkflowNames names;
    names.declaration = d;
    names.defs = d->entity != nullptr ? &d->entity->defs : &d->workflow->defs;
    model.workflows.push_back(std::move(names));
  }
  for (const Declaration* d : model.symbols.OfKind(DeclarationKind::kUnit)) DeclareUnit(model, *d);
  for (const Declaration* d : model.symbols.OfKind(DeclarationKind::kEnum)) DeclareEnum(model, *d);
  RecordWalk(model).Run();
  for (const Declaration* d : model.symbols.OfKind(DeclarationKind::kAlias)) {  // used or not
    ast::Type use;
    use.name = {d->name, d->span};
    use.span = d->span;
    model.types.Resolve(use);
  }
}

void DeclarePeople(Model& model) {
  for (const Declaration* d : model.symbols.OfKind(DeclarationKind::kDomain))
    model.schema().domains.push_back({d->name, d->qualified, {}});
  const std::vector<Domain>& domains = model.schema().domains;
  const std::vector<const Declaration*> declared = model.symbols.OfKind(DeclarationKind::kDomain);
  if (declared.empty() || model.WithinLimit(declared[0]->span, domains.size(), "domains", kDomainsMax))
    PriorityGraph(model).Run();
  std::map<std::string, ast::Span> foreign;
  for (const Declaration* d : model.symbols.OfKind(DeclarationKind::kRole)) {
    Role role{d->name, d->qualified, {}, d->role->human, d->role->foreign};
    role.domain = model.FindDomain(d->role->domain);
    if (!role.foreign.empty() && !foreign.emplace(role.foreign, d->span).second) {
      model.sink.Report(d->span, diagnostics::kForeignRoleTwice, role.foreign)
          .Related(foreign[role.foreign], "the other role");
    }
    model.schema().roles.push_back(std::move(role));
  }
}

void DeclareWorkflows(Model& model) {
  for (uint32_t i = 0; i < model.workflows.size(); ++i) WorkflowBuilder(model, i).Fields();
  for (uint32_t i = 0; i < model.workflows.size(); ++i) WorkflowBuilder(model, i).Transitions();
  DeclareLogs(model);
}

}  // namespace writ::check
