// `test` and `scenario` blocks: steps with their values, and what is expected of them.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "compiler/check/expressions.h"
#include "compiler/check/left_out.h"
#include "compiler/check/model.h"
#include "runtime/decision/delegation.h"
#include "runtime/frame/frame.h"

namespace writ::check {
namespace {

std::optional<Outcome> FindOutcome(const std::string& word) {
  static constexpr std::pair<const char*, Outcome> kOutcomes[] = {{"permitted", Outcome::kPermit},
                                                                  {"denied", Outcome::kDeny},
                                                                  {"held", Outcome::kHold},
                                                                  {"escalated", Outcome::kEscalate}};
  for (const auto& [name, outcome] : kOutcomes) {
    if (word == name) return outcome;
  }
  return std::nullopt;
}

// Every end of a rule's full name, after a dot: what a `because` may say.
void IndexReasons(Model& model) {
  const std::vector<Rule>& rules = model.schema().rules;
  for (uint32_t i = 0; i < rules.size(); ++i) {
    const std::string& qualified = rules[i].qualified;
    size_t from = 0;
    while (true) {
      std::vector<uint32_t>& ids = model.reasons[qualified.substr(from)];
      if (ids.empty() || rules[ids.back()].qualified != qualified) ids.push_back(i);
      from = qualified.find('.', from);
      if (from == std::string::npos) break;
      ++from;
    }
  }
}

// The rule of a `because`: by its full name, or any end of it that is nobody else's.
std::optional<RuleId> FindReason(Model& model, const ast::Name& name) {
  if (name.empty()) return std::nullopt;
  const std::vector<Rule>& rules = model.schema().rules;
  const std::string& package = model.symbols.PackageOf(name.span.file);
  const auto whole = model.reasons.find(package.empty() ? name.text : absl::StrCat(package, ".", name.text));
  if (whole != model.reasons.end() && whole->second.size() == 1) return RuleId(whole->second[0]);
  const auto found = model.reasons.find(name.text);
  if (found == model.reasons.end()) {
    std::vector<std::string> known;
    if (model.reasons.size() <= kCandidatesMax) {
      for (const auto& [end, ids] : model.reasons) known.push_back(end);
    }
    model.sink.Report(name.span, diagnostics::kUnknownReason, name).Help(Hint(model.sink, name.text, known));
    return std::nullopt;
  }
  const std::vector<uint32_t>& ids = found->second;
  for (uint32_t id : ids) {
    if (rules[id].qualified == name.text) return RuleId(id);
  }
  if (ids.size() == 1) return RuleId(ids[0]);
  model.sink.Report(name.span, diagnostics::kAmbiguousReason, name, rules[ids[0]].qualified, rules[ids[1]].qualified);
  return std::nullopt;
}

std::vector<RuleId> FindReasons(Model& model, const std::vector<ast::Name>& names) {
  std::vector<RuleId> out;
  for (const ast::Name& name : names) {
    if (const std::optional<RuleId> rule = FindReason(model, name); rule.has_value()) out.push_back(*rule);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// What tests and scenarios expect alike.
typed::Expectation Common(Model& model, const ast::Expectation& expect) {
  typed::Expectation out;
  out.kind = expect.kind;
  out.negated = expect.negated;
  out.only = expect.only;
  out.count = expect.count;
  out.span = expect.span;
  out.because = FindReasons(model, expect.because);
  out.outcome = FindOutcome(expect.outcome.text).value_or(Outcome::kDeny);
  return out;
}

// Whether it rests on what is left out: then nobody looks whether it comes true.
bool IsLeftOut(Model& model, const ast::Expectation& expect, const typed::Expectation& out) {
  const bool names_rule = std::any_of(out.because.begin(), out.because.end(),
                                      [&](RuleId rule) { return model.left_out_rules.contains(rule); });
  if (!names_rule && expect.kind != ast::Expectation::Kind::kConfidence) return false;
  LeaveOut(model, expect.span, names_rule ? "an expectation" : "`expect confidence`");
  return true;
}

struct OpenInstance {
  std::string name;  // in the test
  WorkflowId workflow;
  std::string key;   // canonical text; the name itself where the key is one string
};

// A test's word for an instance is its key then.
bool IsNameable(Model& model, WorkflowId w) {
  const std::vector<Field>& key = model.workflow(w).key;
  return key.size() == 1 && key[0].type.valid() && model.types.At(key[0].type).kind == TypeKind::kString;
}

// ---------------------------------------------------------------- values

class Values {
 public:
  Values(Model& model, const std::vector<OpenInstance>& instances) : model_(model), instances_(instances) {}

  std::optional<Value> Read(const ast::Expr& expr, const Type& type) {
    switch (type.kind) {
      case TypeKind::kList:
        return List(expr, type);
      case TypeKind::kSet:
        return Set(expr, type);
      case TypeKind::kRecord:
        return Record(expr, type);
      case TypeKind::kReference:
        return Reference(expr, type);
      default:
        return Scalar(expr, type);
    }
  }

 private:
  std::optional<Value> Scalar(const ast::Expr& expr, const Type& type) {
    const typed::ExprPtr value = Expressions(model_, {}).CheckValue(expr, type);
    if (value == nullptr) return std::nullopt;
    if (value->kind != typed::ExprKind::kConstant) {
      model_.sink.Report(expr.span, diagnostics::kConstantNeeded);
      return std::nullopt;
    }
    if (IsText(type.kind)) return Value(value->text);
    return Value(static_cast<int64_t>(value->number));
  }

  // A key's text, an instance that the test opened, or the parts of a compound key.
  std::optional<Value> Reference(const ast::Expr& expr, const Type& type) {
    const WorkflowId w(type.index);
    if (expr.kind == ast::ExprKind::kName) {
      const auto at = std::find_if(instances_.begin(), instances_.end(),
                                   [&](const OpenInstance& i) { return i.name == expr.text; });
      if (at != instances_.end() && at->workflow == w) return Value(at->key);
      model_.sink.Report(expr.span, diagnostics::kUnknownInstance, expr.text, model_.workflow(w).name);
      return std::nullopt;
    }
    const std::vector<Field>& key = model_.workflow(w).key;
    if (expr.kind != ast::ExprKind::kRecord) {
      if (key.size() != 1 || !key[0].type.valid()) {
        model_.sink.Report(expr.span, diagnostics::kKeyPartCount, Counted(key.size(), "part"), AreCounted(1));
        return std::nullopt;
      }
      const std::optional<Value> part = Read(expr, model_.types.At(key[0].type));
      if (!part.has_value()) return std::nullopt;
      return Value(KeyText(model_.schema(), key, {*part}));
    }
    const std::optional<Value::List> parts = Members(expr, key, model_.workflow(w).name);
    if (!parts.has_value()) return std::nullopt;
    return Value(KeyText(model_.schema(), key, *parts));
  }

  std::optional<Value::List> Elements(const ast::Expr& expr, const Type& type) {
    const bool braces =
        expr.kind == ast::ExprKind::kSet || (expr.kind == ast::ExprKind::kRecord && expr.members.empty());
    if (expr.kind != ast::ExprKind::kList && !braces) {
      model_.sink.Report(expr.span, diagnostics::kListExpected, model_.types.Words(type));
      return std::nullopt;
    }
    if (expr.children.size() > type.capacity || expr.children.size() < type.count_min) {
      model_.sink.Report(
          expr.span, diagnostics::kElementCount,
          absl::StrCat(Counted(expr.children.size(), "element"), expr.children.size() == 1 ? " is" : " are"),
          type.count_min, type.capacity);
      return std::nullopt;
    }
    const Type element = model_.types.At(type.element);
    Value::List out;
    bool ok = true;
    for (const ast::ExprPtr& child : expr.children) {
      const std::optional<Value> value = child != nullptr ? Read(*child, element) : std::nullopt;
      if (value.has_value()) out.push_back(*value);
      ok = ok && value.has_value();
    }
    if (!ok) return std::nullopt;
    return out;
  }

  std::optional<Value> List(const ast::Expr& expr, const Type& type) {
    std::optional<Value::List> elements = Elements(expr, type);
    if (!elements.has_value()) return std::nullopt;
    return Value(std::move(*elements));
  }

  std::optional<Value> Set(const ast::Expr& expr, const Type& type) {
    std::optional<Value::List> elements = Elements(expr, type);
    if (!elements.has_value()) return std::nullopt;
    if (model_.types.At(type.element).kind == TypeKind::kEnum) {
      uint64_t bits = 0;
      for (const Value& element : *elements) bits |= uint64_t{1} << element.integer();
      return Value(static_cast<int64_t>(bits));
    }
    std::sort(elements->begin(), elements->end());
    elements->erase(std::unique(elements->begin(), elements->end()), elements->end());
    return Value(std::move(*elements));
  }

  std::optional<Value> Record(const ast::Expr& expr, const Type& type) {
    const writ::Record& record = model_.schema().records[type.index];
    if (expr.kind != ast::ExprKind::kRecord) {
      model_.sink.Report(expr.span, diagnostics::kRecordExpected, record.name);
      return std::nullopt;
    }
    std::optional<Value::List> members = Members(expr, record.members, record.name);
    if (!members.has_value()) return std::nullopt;
    return Value(std::move(*members));
  }

  std::optional<Value::List> Members(const ast::Expr& expr, const std::vector<Field>& fields, const std::string& of) {
    Value::List out(fields.size());
    std::vector<bool> given(fields.size(), false);
    bool ok = true;
    for (size_t i = 0; i < expr.members.size() && i < expr.children.size(); ++i) {
      const ast::Name& name = expr.members[i];
      const auto at = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name.text; });
      if (at == fields.end()) {
        std::vector<std::string> known;
        for (const Field& field : fields) known.push_back(field.name);
        model_.sink.Report(name.span, diagnostics::kUnknownRecordMember, name, of)
            .Help(Hint(model_.sink, name.text, known));
        ok = false;
        continue;
      }
      const size_t index = static_cast<size_t>(at - fields.begin());
      given[index] = true;  // what is given twice the parser has told
      if (!at->type.valid() || expr.children[i] == nullptr) continue;
      const std::optional<Value> value = Read(*expr.children[i], model_.types.At(at->type));
      ok = ok && value.has_value();
      if (value.has_value()) out[index] = *value;
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      if (given[i] || !fields[i].type.valid() || model_.types.At(fields[i].type).optional) continue;
      model_.sink.Report(expr.span, diagnostics::kMemberMissing, of, fields[i].name);
      ok = false;
    }
    if (!ok) return std::nullopt;
    return out;
  }

  Model& model_;
  const std::vector<OpenInstance>& instances_;
};

// ---------------------------------------------------------------- steps

class TestWalk {
 public:
  explicit TestWalk(Model& model) : model_(model), task_names_(NamesOfTasks(model)) {
    const std::vector<Workflow>& workflows = model.program.schema.workflows;
    for (size_t i = 0; i < workflows.size(); ++i) {
      if (workflows[i].qualified == kTaskWorkflow) task_ = WorkflowId(i);
    }
  }

  typed::Test Run(const ast::Test& test) {
    typed::Test out{test.name, {}, test.span};
    for (const ast::Step& step : test.steps) {
      typed::Step typed_step;
      typed_step.kind = step.kind;
      typed_step.span = step.span;
      Walk(step, &typed_step);
      out.steps.push_back(std::move(typed_step));
    }
    return out;
  }

 private:
  void Walk(const ast::Step& step, typed::Step* out) {
    switch (step.kind) {
      case ast::Step::Kind::kAt:
        return At(step, out);
      case ast::Step::Kind::kWait:
        return Wait(step, out);
      case ast::Step::Kind::kActor:
        return Actors(step, out);
      case ast::Step::Kind::kSet:
        return Set(step, out);
      case ast::Step::Kind::kPropose:
        return Propose(step, out);
      case ast::Step::Kind::kAnswer:
        return Answer(step, out);
      case ast::Step::Kind::kAssume:
        return Assume(step, out);
      case ast::Step::Kind::kExpect:
        OnInstance(step.instance, out);
        if (step.expect != nullptr) Expect(*step.expect, out);
        return;
    }
  }

  void At(const ast::Step& step, typed::Step* out) {
    if (step.time == nullptr) return;
    const std::optional<Number> time = Types::IsNumber(*step.time) ? model_.types.ReadNumber(*step.time) : std::nullopt;
    if (!time.has_value()) return;
    if (time->type.kind != TypeKind::kTime && time->type.kind != TypeKind::kDate) {
      model_.sink.Report(step.time->span, diagnostics::kTypeMismatch, "a time", model_.types.Words(time->type));
      return;
    }
    constexpr Num kDayNs = Num{86'400} * 1'000'000'000;
    const Num ns = time->type.kind == TypeKind::kDate ? time->value * kDayNs : time->value;
    if (ns > INT64_MAX || ns < INT64_MIN) {
      model_.sink.Report(step.time->span, diagnostics::kNumberTooLarge, step.time->text);
      return;
    }
    if (has_time_ && ns < now_) model_.sink.Report(step.time->span, diagnostics::kTimeBackwards);
    has_time_ = true;
    now_ = ns;
    out->time_ns = static_cast<int64_t>(ns);
  }

  void Wait(const ast::Step& step, typed::Step* out) {
    if (step.time == nullptr) return;
    const std::optional<Num> duration = Expressions(model_, {}).CheckConstant(*step.time, TypeKind::kDuration);
    if (!duration.has_value()) return;
    if (*duration <= 0) model_.sink.Report(step.time->span, diagnostics::kWaitNotPositive);
    now_ += *duration;
    out->time_ns = static_cast<int64_t>(*duration);
  }

  void Actors(const ast::Step& step, typed::Step* out) {
    const std::map<std::string, std::vector<RoleId>> before = actors_;
    for (size_t a = 0; a < step.actors.size(); ++a) {
      const auto& [name, roles] = step.actors[a];
      const ast::Expr* attributes = step.attributes[a].get();
      if (name.empty()) continue;
      bool ok = true;
      std::vector<RoleId> ids = model_.FindRoles(roles, nullptr, &ok);
      const auto [actor, is_new] = actors_.emplace(name.text, ids);
      const bool anew = attributes != nullptr && before.count(name.text) != 0;  // a later step may describe him anew
      if (anew) actor->second = ids;
      if (!is_new && !anew) model_.sink.Report(name.span, diagnostics::kActorTwice, name);
      out->actors.emplace_back(name.text, std::move(ids));
      out->attributes.push_back(attributes != nullptr ? Attributes(*attributes) : std::vector<typed::NamedValue>());
    }
  }

  std::vector<typed::NamedValue> Attributes(const ast::Expr& values) {
    std::vector<typed::NamedValue> out;
    for (uint32_t w = 0; w < model_.workflows.size(); ++w) {
      const Workflow& agent = model_.workflow(WorkflowId(w));
      if (agent.qualified != kAgentWorkflow) continue;
      for (size_t i = 0; i < std::min(values.members.size(), values.children.size()); ++i) {
        const ast::Name& name = values.members[i];
        std::vector<std::string> known;
        bool found = false;
        for (size_t f = 0; f < agent.fields.size(); ++f) {
          if (f < agent.attributes_from && agent.fields[f].name != "capabilities") continue;
          known.push_back(agent.fields[f].name);
          if (agent.fields[f].name != name.text) continue;
          found = true;
          if (values.children[i] != nullptr) Give(FieldId(f), agent.fields[f], *values.children[i], &out);
        }
        if (!found) {
          model_.sink.Report(name.span, diagnostics::kUnknownAttribute, name).Help(Hint(model_.sink, name.text, known));
        }
      }
    }
    return out;
  }

  // Who is called by the role that he has; null, and told so, where there is no such one.
  const Declaration* RoleOfActor(const ast::Name& name) {
    const Declaration* role = model_.symbols.Find(Space::kRole, name);
    if (role != nullptr) return role;
    std::vector<std::string> known = model_.symbols.Visible(Space::kRole, name.span.file);
    for (const auto& [actor, roles] : actors_) known.push_back(actor);
    model_.sink.Report(name.span, diagnostics::kUnknownActor, name).Help(Hint(model_.sink, name.text, known));
    return nullptr;
  }

  void RequireActor(const ast::Name& name) {
    if (!name.empty() && actors_.count(name.text) == 0) RoleOfActor(name);
  }

  void By(const ast::Step& step, typed::Step* out) {
    if (step.by.empty()) return;
    out->actor = step.by.text;
    if (step.by.text == "orchestrator") {
      model_.sink.Report(step.by.span, diagnostics::kOrchestratorInTest);
      return;
    }
    const RoleId as = step.as.empty() ? RoleId() : model_.FindRole(step.as);
    if (const auto actor = actors_.find(step.by.text); actor != actors_.end()) {
      const std::vector<RoleId>& roles = actor->second;
      out->role = as.valid() ? as : roles.size() == 1 ? roles[0] : RoleId();
      return;
    }
    const OpenInstance* registered = Named(step.by.text);
    if (registered != nullptr && model_.workflow(registered->workflow).qualified == kAgentWorkflow) {
      out->role = as;
      return;
    }
    const Declaration* role = RoleOfActor(step.by);
    if (role == nullptr) return;
    out->role = RoleId(role->id);
    if (as.valid() && as != out->role) model_.sink.Report(step.as.span, diagnostics::kActorLacksRole, step.by, step.as);
  }

  void Set(const ast::Step& step, typed::Step* out) {
    By(step, out);
    Under(step.under, out);
    const WorkflowId w = model_.FindWorkflow(step.workflow);
    if (!w.valid()) return;
    if (!model_.workflow(w).is_entity) {
      model_.sink.Report(step.workflow.span, diagnostics::kSetNeedsEntity, step.workflow)
          .Related(model_.names(w).declaration->span, "it is declared here");
      return;
    }
    out->workflow = w;
    out->transition = TransitionId(0);
    const std::vector<Field>& key = model_.workflow(w).key;
    if (step.key.size() != key.size()) {
      model_.sink.Report(step.workflow.span, diagnostics::kKeyPartCount, Counted(key.size(), "part"),
                         AreCounted(step.key.size()));
    } else {
      Value::List parts;
      for (size_t i = 0; i < key.size(); ++i) {
        if (!key[i].type.valid() || step.key[i] == nullptr) continue;
        std::optional<Value> part = Values(model_, instances_).Read(*step.key[i], model_.types.At(key[i].type));
        if (part.has_value()) parts.push_back(std::move(*part));
      }
      if (parts.size() == key.size()) out->instance = KeyText(model_.schema(), key, parts);
    }
    GiveValues(step, out, false);
  }

  const OpenInstance* Named(const std::string& name) const {
    for (const OpenInstance& instance : instances_) {
      if (instance.name == name) return &instance;
    }
    return nullptr;
  }

  // One that the test gives, or that was given with a task: the task's name stands for it then.
  void Under(const ast::Name& name, typed::Step* out) {
    if (name.empty()) return;
    const OpenInstance* given = Named(name.text);
    const bool is_grant = given != nullptr && model_.workflow(given->workflow).qualified == kGrantWorkflow;
    const bool with_task = given == nullptr && std::any_of(model_.files.begin(), model_.files.end(),
                                                           [](const ast::File& file) { return !file.decompositions.empty(); });
    if (!is_grant && !with_task) {
      model_.sink.Report(name.span, diagnostics::kNotAGrant, name);
      return;
    }
    out->grant = name.text;
  }

  // The instance that a step is about: named, or the last one that was opened.
  void OnInstance(const ast::Name& name, typed::Step* out) {
    if (name.empty()) {
      if (instances_.empty()) return;
      out->workflow = instances_.back().workflow;
      out->instance = instances_.back().key;
      return;
    }
    const OpenInstance* instance = Named(name.text);
    if (instance == nullptr && IsTask(name.text)) {
      out->workflow = task_;
      out->instance = name.text;
      return;
    }
    if (instance == nullptr) return ReportUnopened(name);
    out->workflow = instance->workflow;
    out->instance = instance->key;
  }

  bool IsTask(const std::string& name) const { return std::binary_search(task_names_.begin(), task_names_.end(), name); }

  // A task goes by the name that its rule or plan gives it.
  void RequireTask(const ast::Name& name) {
    if (name.empty() || IsTask(name.text)) return;
    model_.sink.Report(name.span, diagnostics::kUnknownTask, name).Help(Hint(model_.sink, name.text, task_names_));
  }

  void ReportUnopened(const ast::Name& name) {
    std::vector<std::string> known;
    for (const OpenInstance& instance : instances_) known.push_back(instance.name);
    model_.sink.Report(name.span, diagnostics::kNeverOpened, name).Help(Hint(model_.sink, name.text, known));
  }

  void Open(const ast::Step& step, typed::Step* out) {
    const WorkflowId w = model_.FindWorkflow(step.workflow);
    const TransitionId t = model_.FindTransition(w, step.transition);
    if (!w.valid()) return;
    const bool is_actor = model_.workflow(w).qualified == kAgentWorkflow && actors_.count(step.instance.text) != 0;
    if (w == task_) RequireTask(step.instance);
    if (w == task_ || is_actor) {
      out->workflow = w;
      out->instance = step.instance.text;
      out->transition = t;
      return;
    }
    out->workflow = w;
    out->instance = IsNameable(model_, w) ? step.instance.text : KeyBeside(step, w);
    if (Named(step.instance.text) == nullptr) instances_.push_back({step.instance.text, w, out->instance});
    if (!t.valid()) return;
    out->transition = t;
    const std::vector<StateId>& sources = model_.transition(w, t).sources;
    if (std::find(sources.begin(), sources.end(), kNewState) == sources.end()) {
      model_.sink.Report(step.transition.span, diagnostics::kNotCreating, step.transition, step.workflow)
          .Related(model_.names(w).transition_spans[t.value], "the transition is declared here");
    }
  }

  // The key whose parts stand beside the fields, by their names.
  std::string KeyBeside(const ast::Step& step, WorkflowId w) {
    const std::vector<Field>& key = model_.workflow(w).key;
    Value::List parts;
    for (const Field& part : key) {
      const ast::Expr* given = nullptr;
      for (size_t i = 0; step.values != nullptr && i < std::min(step.values->members.size(), step.values->children.size()); ++i) {
        if (step.values->members[i].text == part.name) given = step.values->children[i].get();
      }
      if (given == nullptr) model_.sink.Report(step.instance.span, diagnostics::kKeyNotNameable, step.workflow, part.name);
      if (given == nullptr || !part.type.valid()) continue;
      std::optional<Value> value = Values(model_, instances_).Read(*given, model_.types.At(part.type));
      if (value.has_value()) parts.push_back(std::move(*value));
    }
    return parts.size() == key.size() ? KeyText(model_.schema(), key, parts) : step.instance.text;
  }

  bool IsKeyBeside(const ast::Step& step, WorkflowId w, const std::string& name) const {
    const std::vector<Field>& key = model_.workflow(w).key;
    return !step.workflow.empty() && !IsNameable(model_, w) &&
           std::any_of(key.begin(), key.end(), [&](const Field& part) { return part.name == name; });
  }

  void Continue(const ast::Step& step, typed::Step* out) {
    const OpenInstance* instance = nullptr;
    if (!step.instance.empty()) {
      instance = Named(step.instance.text);
      if (instance == nullptr) return ReportUnopened(step.instance);
    } else {
      for (const OpenInstance& candidate : instances_) {
        if (model_.names(candidate.workflow).transitions.count(step.transition.text) != 0) instance = &candidate;
      }
    }
    if (instance == nullptr && !instances_.empty()) instance = &instances_.back();
    if (instance == nullptr) {
      if (!model_.sink.has_errors())
        model_.sink.Report(step.transition.span, diagnostics::kNoInstance, step.transition);
      return;
    }
    out->workflow = instance->workflow;
    out->instance = instance->key;
    out->transition = model_.FindTransition(instance->workflow, step.transition);
  }

  void Propose(const ast::Step& step, typed::Step* out) {
    By(step, out);
    Under(step.under, out);
    if (!step.workflow.empty()) {
      Open(step, out);
    } else {
      Continue(step, out);
    }
    if (out->transition.valid()) GiveValues(step, out, true);
    KnowTasks(step);
    if (step.expect != nullptr) Expect(*step.expect, out);
  }

  void Answer(const ast::Step& step, typed::Step* out) {
    By(step, out);
    if (!step.under.empty()) model_.sink.Report(step.under.span, diagnostics::kAnswerUnderGrant);
    out->yes = step.yes;
    OnInstance(step.instance, out);
    if (step.instance.empty() && instances_.empty() && !model_.sink.has_errors())
      model_.sink.Report(step.span, diagnostics::kNoInstance, step.yes ? "yes" : "no");
  }

  void Assume(const ast::Step& step, typed::Step* out) {
    OnInstance(step.instance, out);
    if (step.instance.empty() && instances_.empty() && !model_.sink.has_errors())
      model_.sink.Report(step.span, diagnostics::kNoInstance, "assume");
    if (!out->workflow.valid()) return;
    typed::Expectation state;
    state.kind = ast::Expectation::Kind::kState;
    state.state = model_.FindState(out->workflow, step.state);
    state.span = step.span;
    out->expect = std::move(state);
    if (step.values == nullptr) return;
    const WorkflowNames& names = model_.names(out->workflow);
    for (size_t i = 0; i < step.values->members.size(); ++i) {
      const ast::Name& name = step.values->members[i];
      const auto field = names.fields.find(name.text);
      if (field == names.fields.end()) {
        model_.sink.Report(name.span, diagnostics::kUnknownField, name, model_.workflow(out->workflow).name)
            .Help(Hint(model_.sink, name.text, NamesOf(names.fields)));
        continue;
      }
      Give(FieldId(field->second), model_.workflow(out->workflow).fields[field->second], *step.values->children[i],
           &out->sets);
    }
  }

  void Give(FieldId id, const Field& field, const ast::Expr& expr, std::vector<typed::NamedValue>* out) {
    if (!field.type.valid()) return;
    const Type& type = model_.types.At(field.type);
    if (type.kind == TypeKind::kReference && WorkflowId(type.index) == task_ && expr.kind == ast::ExprKind::kName &&
        IsTask(expr.text)) {
      out->push_back({id, Value(expr.text)});
      return;
    }
    std::optional<Value> value = Values(model_, instances_).Read(expr, type);
    if (value.has_value()) out->push_back({id, std::move(*value)});
  }

  // What a plan of this test calls its tasks is known behind it.
  void KnowTasks(const ast::Step& step) {
    if (step.transition.text != "decompose" || step.values == nullptr) return;
    for (size_t i = 0; i < std::min(step.values->members.size(), step.values->children.size()); ++i) {
      if (step.values->members[i].text != "tasks" || step.values->children[i] == nullptr) continue;
      for (const ast::ExprPtr& task : step.values->children[i]->children) KnowTask(task.get());
    }
  }
  void KnowTask(const ast::Expr* task) {
    for (size_t i = 0; task != nullptr && i < std::min(task->members.size(), task->children.size()); ++i) {
      const ast::Expr* name = task->children[i].get();
      if (task->members[i].text != "name" || name == nullptr || name->kind != ast::ExprKind::kString || IsTask(name->text)) continue;
      task_names_.insert(std::upper_bound(task_names_.begin(), task_names_.end(), name->text), name->text);
    }
  }

  // Sorts what is in braces into fields that the transition sets and its payload.
  void GiveValues(const ast::Step& step, typed::Step* out, bool complete) {
    const Transition& t = model_.transition(out->workflow, out->transition);
    const Workflow& workflow = model_.workflow(out->workflow);
    std::set<std::string> given;
    const size_t count =
        step.values != nullptr ? std::min(step.values->members.size(), step.values->children.size()) : 0;
    for (size_t i = 0; i < count; ++i) {
      const ast::Name& name = step.values->members[i];
      if (!given.insert(name.text).second) continue;  // the parser has said so
      if (IsKeyBeside(step, out->workflow, name.text)) continue;
      if (step.values->children[i] != nullptr) GiveOne(name, *step.values->children[i], t, workflow, out);
    }
    if (!complete) return;
    const ast::Span span = step.transition.span;
    for (const SetField& set : t.sets) {
      const std::string& name = workflow.fields[set.field.value].name;
      if (!set.optional && !set.computed && given.count(name) == 0)
        model_.sink.Report(span, diagnostics::kValueMissing, t.name, name);
    }
    for (const Field& field : t.payload) {
      if (!field.type.valid() || model_.types.At(field.type).optional || given.count(field.name) != 0) continue;
      model_.sink.Report(span, diagnostics::kValueMissing, t.name, field.name);
    }
  }

  bool IsVerdict(const typed::Step& step) const {
    const std::vector<Review>& reviews = model_.workflow(step.workflow).reviews;
    return std::any_of(reviews.begin(), reviews.end(),
                       [&](const Review& review) { return review.verdict == step.transition; });
  }

  void GiveOne(const ast::Name& name, const ast::Expr& expr, const Transition& t, const Workflow& workflow,
               typed::Step* out) {
    for (const SetField& set : t.sets) {
      const Field& field = workflow.fields[set.field.value];
      if (field.name != name.text) continue;
      if (set.computed) {
        model_.sink.Report(name.span, diagnostics::kComputedGiven, name, t.name);
        return;
      }
      return Give(set.field, field, expr, &out->sets);
    }
    std::vector<std::string> known;
    for (const SetField& set : t.sets) known.push_back(workflow.fields[set.field.value].name);
    for (size_t i = 0; i < t.payload.size(); ++i) {
      if (t.payload[i].name == name.text) return Give(FieldId(i), t.payload[i], expr, &out->payload);
      known.push_back(t.payload[i].name);
    }
    if (name.text == "waits_for" && IsVerdict(*out)) {
      CheckFormula(model_, out->workflow, expr);
      return LeaveOut(model_, name.span, "`waits_for`");
    }
    model_.sink.Report(name.span, diagnostics::kValueUnknown, name, t.name)
        .Help(Hint(model_.sink, name.text, known))
        .Related(model_.names(out->workflow).transition_spans[out->transition.value],
                 "the transition is declared here");
  }

  // A step whose expectation is left out is no step at all.
  void Expect(const ast::Expectation& expect, typed::Step* out) {
    Reading reading(model_);
    typed::Expectation expected = Expected(expect, out->workflow);
    if (IsLeftOut(model_, expect, expected) || reading.LeavesOut(expect.span, "an expectation")) {
      out->kind = ast::Step::Kind::kExpect;
    } else {
      out->expect = std::move(expected);
    }
  }

  typed::Expectation Expected(const ast::Expectation& expect, WorkflowId workflow) {
    typed::Expectation out = Common(model_, expect);
    using Kind = ast::Expectation::Kind;
    const bool about_instance = expect.kind == Kind::kState || expect.kind == Kind::kCondition;
    if (about_instance && !workflow.valid()) {
      // A step that the parser left out may have opened one.
      if (instances_.empty() && !model_.sink.has_errors())
        model_.sink.Report(expect.span, diagnostics::kNothingToExpectOf);
      return out;
    }
    if (expect.kind == Kind::kState) out.state = model_.FindState(workflow, expect.state);
    if (expect.kind == Kind::kAsked) out.role = model_.FindRole(expect.role);
    if (expect.kind == Kind::kObliged) Obliged(expect, &out);
    if (expect.kind == Kind::kTask) {
      RequireTask(expect.duty);
      out.task = expect.duty.text;
      RequireActor(expect.agent);
      out.agent = expect.agent.text;
    }
    if (expect.kind == Kind::kCondition && expect.condition != nullptr) {
      out.condition = Expressions(model_, {ScopeKind::kCondition, workflow, {}, {}}).CheckGuard(*expect.condition);
    }
    return out;
  }

  void Obliged(const ast::Expectation& expect, typed::Expectation* out) {
    out->obligation = FindObligation(model_, expect.duty);
    if (!out->obligation.valid() || expect.values == nullptr) return;
    const Obligation obligation = model_.schema().obligations[out->obligation.value];
    const size_t count = std::min(expect.values->members.size(), expect.values->children.size());
    for (size_t i = 0; i < count; ++i) {
      const ast::Name& name = expect.values->members[i];
      std::vector<std::string> known;
      bool found = false;
      for (size_t f = 0; f < obligation.fields.size(); ++f) {
        known.push_back(obligation.fields[f].name);
        if (obligation.fields[f].name != name.text) continue;
        found = true;
        if (expect.values->children[i] != nullptr) {
          Give(FieldId(f), obligation.fields[f], *expect.values->children[i], &out->values);
        }
      }
      if (found) continue;
      model_.sink.Report(name.span, diagnostics::kUnknownField, name, obligation.name)
          .Help(Hint(model_.sink, name.text, known));
    }
  }

  Model& model_;
  std::map<std::string, std::vector<RoleId>> actors_;
  std::vector<OpenInstance> instances_;
  std::vector<std::string> task_names_;
  WorkflowId task_;
  bool has_time_ = false;
  Num now_ = 0;
};

// ---------------------------------------------------------------- scenarios

bool IsMapped(const Workflow& workflow) {
  return !workflow.log.format.empty() || std::any_of(workflow.transitions.begin(), workflow.transitions.end(),
                                                     [](const Transition& t) { return !t.foreign.empty(); });
}

// The one that bears a log's names, or else the only one: its transitions' own names are what a log may call them too.
WorkflowId WorkflowOf(Model& model, const ast::Scenario& scenario) {
  if (!scenario.workflow.empty()) return model.FindWorkflow(scenario.workflow);
  // Lines of this format say themselves what they are about.
  if (scenario.path.ends_with(".jsonl") || scenario.path.ends_with(".jsonl.gz")) return {};
  std::vector<uint32_t> all, mapped;
  for (uint32_t i = 0; i < model.schema().workflows.size(); ++i) {
    const Workflow& workflow = model.schema().workflows[i];
    if (workflow.is_builtin || workflow.is_entity || workflow.is_fact) continue;
    all.push_back(i);
    if (IsMapped(workflow)) mapped.push_back(i);
  }
  if (mapped.size() == 1) return WorkflowId(mapped[0]);
  if (all.size() == 1) return WorkflowId(all[0]);
  model.sink.Report(scenario.span, diagnostics::kScenarioWorkflow,
                    all.empty()      ? "there is none"
                    : mapped.empty() ? "there are several, and none says what a log calls its transitions"
                                     : "several say what a log calls their transitions");
  return {};
}

typed::Scenario CheckScenario(Model& model, const ast::Scenario& scenario) {
  typed::Scenario out;
  out.name = scenario.name;
  out.path = scenario.path;
  out.following_record = scenario.following_record;
  out.span = scenario.span;
  out.workflow = WorkflowOf(model, scenario);
  bool nothing = false;
  for (const ast::Expectation& expect : scenario.expects) {
    if (expect.kind == ast::Expectation::Kind::kNothing) {
      if (nothing) model.sink.Report(expect.span, diagnostics::kNothingElseTwice);
      nothing = true;
    }
    typed::Expectation expected = Common(model, expect);
    if (!IsLeftOut(model, expect, expected)) out.expects.push_back(std::move(expected));
  }
  return out;
}

}  // namespace

void CheckTests(Model& model) {
  IndexReasons(model);
  std::map<std::string, ast::Span> names;
  const auto name_once = [&](const std::string& package, const std::string& name, ast::Span span) {
    if (const auto [at, is_new] = names.emplace(absl::StrCat(package, "/", name), span); !is_new) {
      model.sink.Report(span, diagnostics::kTestTwice, name).Related(at->second, "the first is here");
    }
  };
  for (const ast::File* file : FilesByPath(model)) {
    const std::string& package = model.symbols.PackageOf(file->file);
    for (const ast::Test& test : file->tests) {
      name_once(package, test.name, test.span);
      model.program.tests.push_back(TestWalk(model).Run(test));
    }
    for (const ast::Scenario& scenario : file->scenarios) {
      name_once(package, scenario.name, scenario.span);
      model.program.scenarios.push_back(CheckScenario(model, scenario));
    }
    for (const ast::Property& property : file->properties) name_once(package, property.name, property.span);
  }
}

}  // namespace writ::check
