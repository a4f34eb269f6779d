#include "tests/agreement/generator.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/typed/expr.h"
#include "runtime/builtins/check.h"
#include "runtime/decision/delegation.h"
#include "tests/agreement/expressions.h"

namespace writ::agreement {

using typed::Expr;
using typed::ExprKind;
using typed::ExprPtr;

namespace {

constexpr int64_t kDay = 24 * kHour;

class Generator {
 public:
  Generator(uint64_t seed, const Shape& shape) : random_(seed * 0x9E3779B97F4A7C15u + 17), shape_(shape) {}

  typed::Program Run() {
    Tables();
    Workflows();
    Facts();
    Rules();
    return std::move(program_);
  }

 private:
  Schema& schema() { return program_.schema; }
  bool Chance(uint32_t percent) { return random_.Below(100) < percent; }
  uint32_t Below(size_t n) { return random_.Below(static_cast<uint32_t>(n)); }
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_.Next() % static_cast<uint64_t>(high - low + 1));
  }

  TypeId Intern(const Type& type) {
    for (size_t i = 0; i < schema().types.size(); ++i) {
      if (schema().types[i] == type) return TypeId(i);
    }
    schema().types.push_back(type);
    return TypeId(schema().types.size() - 1);
  }
  TypeId Simple(TypeKind kind, uint32_t index = UINT32_MAX, bool optional = false) {
    Type type = TypeOf(kind, index);
    type.optional = optional;
    return Intern(type);
  }
  TypeId Ranged(TypeKind kind, int64_t low, int64_t high, uint32_t index = UINT32_MAX, bool optional = false) {
    Type type = TypeOf(kind, index);
    type.min = low, type.max = high, type.optional = optional;
    return Intern(type);
  }
  TypeId Text(uint32_t capacity, bool optional = false) {
    Type type = TypeOf(TypeKind::kString);
    type.capacity = capacity, type.optional = optional;
    return Intern(type);
  }
  TypeId Collection(TypeKind kind, TypeId element, uint32_t capacity, bool optional = false) {
    Type type = TypeOf(kind);
    type.element = element, type.capacity = capacity, type.optional = optional;
    return Intern(type);
  }
  Field MakeField(std::string name, TypeId type) {
    Field field;
    field.name = std::move(name);
    field.type = type;
    if (Chance(12)) field.labels = {"pii"};
    return field;
  }

  void Tables();
  void Calendars();
  void Domains();
  void Records();
  TypeId AnyType(bool optional);
  TypeId StructuredType();
  TypeId MembersType(bool optional);
  TypeId LegsType(bool optional);
  void Workflows();
  Workflow Entity(const std::string& name, bool compound);
  void MainWorkflow(WorkflowId id);
  void SideWorkflow(WorkflowId id);
  void Question(WorkflowId id);
  void Agent(WorkflowId id);
  void Task(WorkflowId id);
  void Grant(WorkflowId id);
  Transition* AddTransition(Workflow* w, const std::string& name, std::vector<StateId> sources, int target);
  void Payload(Transition* t, uint32_t count);
  std::vector<SetField> Sets(const Workflow& w, uint32_t percent, uint32_t optional_percent);
  void MakeReview(WorkflowId id);
  void ClauseGuards();
  void Authority();
  void Compute();
  void Facts();
  std::optional<typed::Fact> PopulationOf(WorkflowId w);
  void Rules();
  void MakeRule(RuleId id);
  void Where(typed::Rule* rule, const Rule& row);
  void Until(typed::Rule* rule, Rule* row);
  void Then(typed::Rule* rule, Rule* row);
  void MakeAsk(RuleId id);
  RuleId AddPlanRow(const std::string& end, Effect effect);
  void MakePlan();
  typed::PlannedTask MakeTask(PlannedTask* row, uint32_t number);
  bool OverData(PlannedTask* row, typed::PlannedTask* task, uint32_t number);
  void MakeEnd(TransitionId transition, Plan* plan, typed::Plan* typed_plan);
  void MakeHolds(const PlannedTask& row, TransitionId held);
  void MakeBudget(TransitionId decompose);
  uint32_t TaskFact(const std::string& name, std::vector<uint32_t> states, bool by_rule);
  ExprPtr SomeTask(uint32_t fact, const std::string& rule);
  ExprPtr TaskCount(uint32_t fact, const std::string& rule);
  std::vector<const typed::Rule*> Excusable(DomainId domain) const;
  ExprPtr Guard(WorkflowId w, const std::vector<TransitionId>& transitions, Effect effect);
  std::vector<uint32_t> Governed() const;  // the workflows that authors wrote, entities last

  typed::Program program_;
  Random random_;
  const Shape shape_;
  WorkflowId customer_, main_, side_, rate_, agent_, grant_, question_, task_;
  std::vector<std::pair<WorkflowId, std::string>> clause_names_;
  std::map<std::string, uint32_t> task_facts_;  // by name
  bool plans_ = false;                          // the main workflow has a plan
};

// ---------------------------------------------------------------- tables

void Generator::Domains() {
  const uint32_t count = Chance(12) ? 2 : Chance(25) ? 4 : 3;
  for (uint32_t d = 0; d < count; ++d) {
    Domain domain;
    domain.name = absl::StrCat("d", d);
    domain.qualified = absl::StrCat("p.d", d);
    schema().domains.push_back(domain);
  }
  // A strict partial order: mostly a chain, else some pairs of it.
  const bool chain = Chance(60);
  std::vector<std::vector<bool>> below(count, std::vector<bool>(count, false));
  for (uint32_t a = 0; a < count; ++a) {
    for (uint32_t b = a + 1; b < count; ++b) below[a][b] = chain || Chance(55);
  }
  for (uint32_t k = 0; k < count; ++k) {
    for (uint32_t a = 0; a < count; ++a) {
      for (uint32_t b = 0; b < count; ++b) below[a][b] = below[a][b] || (below[a][k] && below[k][b]);
    }
  }
  for (uint32_t a = 0; a < count; ++a) {
    for (uint32_t b = 0; b < count; ++b) {
      if (below[a][b]) schema().domains[a].below.push_back(DomainId(b));
    }
  }
  const uint32_t roles = 4 + Below(3);
  for (uint32_t r = 0; r < roles; ++r) {
    Role role;
    role.name = absl::StrCat("R", r);
    role.qualified = absl::StrCat("p.R", r);
    role.domain = DomainId(r < count ? r : Below(count));
    role.human = r + 1 == roles || Chance(25);
    schema().roles.push_back(role);
  }
}

void Generator::Records() {
  const bool small = shape_.small;
  Record stop{"Stop",
              {MakeField("place", Text(4)), MakeField("hours", Ranged(TypeKind::kInt, 0, 100)),
               MakeField("grade", Simple(TypeKind::kEnum, 0))}};
  schema().records.push_back(stop);
  const TypeId stop_type = Simple(TypeKind::kRecord, 0);
  Record leg{"Leg", {}};
  static constexpr int kKeys = 3;
  const uint32_t key = Below(kKeys);
  leg.members.push_back(MakeField("key", key == 0   ? Text(4)
                                         : key == 1 ? Simple(TypeKind::kEnum, 1)
                                                    : Ranged(TypeKind::kInt, 0, 9)));
  leg.members.push_back(MakeField("price", Ranged(TypeKind::kMoney, -1'000'000, 100'000'000, 0, Chance(30))));
  leg.members.push_back(MakeField("weight", Chance(50) ? Simple(TypeKind::kInt) : Ranged(TypeKind::kInt, -5, 5000)));
  leg.members.push_back(MakeField("ok", Simple(TypeKind::kBool)));
  leg.members.push_back(MakeField("share", Ranged(TypeKind::kPercent, 0, 1'000'000, UINT32_MAX, Chance(40))));
  if (Chance(60)) leg.members.push_back(MakeField("stop", stop_type));
  if (Chance(60))
    leg.members.push_back(
        MakeField("stops", Collection(TypeKind::kList, Ranged(TypeKind::kInt, -9, 9), small ? 2 : 3)));
  if (Chance(60)) leg.members.push_back(MakeField("by", Simple(TypeKind::kReference, customer_.value, Chance(50))));
  if (Chance(40)) leg.members.push_back(MakeField("kinds", MembersType(false)));
  schema().records.push_back(leg);
  schema().records.push_back({"Work",
                              {MakeField("name", Text(4)), MakeField("role", Simple(TypeKind::kRole)),
                               MakeField("tokens", Ranged(TypeKind::kInt, 0, 100, UINT32_MAX, true))}});
}

// Clocks change every few days, so that histories see it, and by what brings the hours of histories to whole ones.
void Generator::Calendars() {
  const int64_t minute = kHour / 60;
  Zone near{"Test/Near", {{INT64_MIN, 80 * minute}}}, far{"Test/Far", {{INT64_MIN, -160 * minute}}};
  for (int i = 0; i < 12; ++i) {
    near.steps.push_back({kStart + (i * 30 - 60) * kHour, (i % 2 == 0 ? 140 : 80) * minute});
    far.steps.push_back({kStart + (i * 41 - 70) * kHour, -(i % 2 == 0 ? 220 : 160) * minute});
  }
  schema().zones = {far, near};
  const int64_t today = kStart / (24 * kHour);
  for (uint32_t zone = 0; zone < 2; ++zone) {
    Calendar calendar;
    calendar.name = absl::StrCat("Place", zone);
    calendar.qualified = absl::StrCat("p.Place", zone);
    calendar.zone = zone;
    for (uint32_t day = 0; day < 7; ++day) {
      if (Chance(25)) continue;
      if (Chance(60)) calendar.openings.push_back({day, 0, 6 * kHour});
      calendar.openings.push_back({day, (7 + Below(4)) * kHour, (14 + Below(11)) * kHour});
    }
    if (calendar.openings.empty()) calendar.openings.push_back({2, 0, 24 * kHour});
    for (int64_t day = today - 12; day < today + 12; ++day) {
      if (Chance(20)) calendar.closed.push_back(day);
    }
    calendar.windows = {{"freeze", kStart - 20 * kHour, kStart + 5 * kHour},
                        {"freeze", kStart + 9 * kHour, kStart + (10 + Below(40)) * kHour},
                        {"year_end", kStart - 200 * kHour, kStart + Below(100) * kHour}};
    schema().calendars.push_back(std::move(calendar));
  }
}

void Generator::Tables() {
  for (const char* name : kBuiltinNames) {
    Rule rule;
    rule.qualified = name;
    rule.kind = RuleKind::kBuiltin;
    schema().rules.push_back(rule);
  }
  Domains();
  schema().currencies = {{"EUR", 2}, {"JPY", 0}};
  schema().units = {{"mg", "p.mg", 3}, {"ml", "p.ml", 0}};
  Enum grade{"Grade", true, {{"low", ""}, {"mid", ""}, {"high", ""}, {"top", ""}}};
  Enum kind{"Kind", false, {{"red", ""}, {"green", ""}, {"blue", ""}}};
  Enum stance{"Stance", false, {{"approve", ""}, {"reject", ""}, {"flag", ""}}};
  if (Chance(45)) {
    const uint32_t members = Chance(60) ? 64 : 70;
    while (kind.members.size() < members) kind.members.push_back({absl::StrCat("k", kind.members.size()), ""});
  }
  schema().enums = {grade, kind, stance};
  Calendars();

  // Workflows are sorted by name; types refer to them, so that their places come first.
  std::vector<std::string> names = {"p.Customer", "p.Deal"};
  if (Chance(45)) names.push_back("p.Order");
  if (Chance(60)) names.push_back("p.Rate");
  names.push_back("writ.Agent");
  if (Chance(60)) names.push_back(kGrantWorkflow);
  names.insert(names.end(), {"writ.Question", "writ.Task"});
  for (size_t i = 0; i < names.size(); ++i) {
    Workflow w;
    w.qualified = names[i];
    w.name = names[i].substr(names[i].find('.') + 1);
    w.package = names[i].substr(0, names[i].find('.'));
    schema().workflows.push_back(w);
    if (w.name == "Customer") customer_ = WorkflowId(i);
    if (w.name == "Deal") main_ = WorkflowId(i);
    if (w.name == "Order") side_ = WorkflowId(i);
    if (w.name == "Rate") rate_ = WorkflowId(i);
    if (w.name == "Agent") agent_ = WorkflowId(i);
    if (w.name == "Grant") grant_ = WorkflowId(i);
    if (w.name == "Question") question_ = WorkflowId(i);
    if (w.name == "Task") task_ = WorkflowId(i);
  }
  Records();
  Obligation page{"page", "p.page", {MakeField("level", Ranged(TypeKind::kInt, 0, 100)), MakeField("text", Text(5, true))}};
  Obligation refund{"refund",
                    "p.refund",
                    {MakeField("amount", Simple(TypeKind::kMoney, 0)), MakeField("grade", Simple(TypeKind::kEnum, 0, true)),
                     MakeField("to", Simple(TypeKind::kReference, customer_.value)), MakeField("now", Simple(TypeKind::kTime)),
                     MakeField("yes", Simple(TypeKind::kBool))}};
  schema().obligations = {page, refund};
}

TypeId Generator::LegsType(bool optional) {
  Type list = TypeOf(TypeKind::kList);
  list.element = Simple(TypeKind::kRecord, 1);
  list.capacity = shape_.small ? 2 : 2 + Below(3);
  list.key = FieldId(0);
  list.optional = optional;
  return Intern(list);
}

// A set of the largest enum of which a set may be declared.
TypeId Generator::MembersType(bool optional) {
  const bool fits = schema().enums[1].members.size() <= limits::kSetBitsMax;
  return Collection(TypeKind::kSet, Simple(TypeKind::kEnum, fits ? 1 : 0), 3, optional);
}

TypeId Generator::StructuredType() {
  const uint32_t capacity = shape_.small ? 2 : 2 + Below(3);
  const bool optional = Chance(20);
  switch (Below(7)) {
    case 0:
      return MembersType(optional);
    case 1:
      return Collection(TypeKind::kSet, Text(4), capacity, optional);
    case 2:
      return Collection(TypeKind::kList, Simple(TypeKind::kReference, customer_.value), capacity, optional);
    case 3:
      return Collection(TypeKind::kList, Chance(50) ? Simple(TypeKind::kInt) : Ranged(TypeKind::kInt, -20, 100),
                        capacity, optional);
    case 4:
      return Simple(TypeKind::kRecord, Below(2), optional);
    default:
      return LegsType(optional);
  }
}

TypeId Generator::AnyType(bool optional) {
  switch (Below(18)) {
    case 16:
      return Chance(50) ? Ranged(TypeKind::kQuantity, 0, 500'000, 0, optional)
                        : Simple(TypeKind::kQuantity, Below(2), optional);
    case 0:
      return Ranged(TypeKind::kInt, 0, 100, UINT32_MAX, optional);
    case 1:
      return Ranged(TypeKind::kInt, -1000, 1'000'000, UINT32_MAX, optional);
    case 2:
      return Simple(TypeKind::kInt, UINT32_MAX, optional);
    case 3:
      return Ranged(TypeKind::kPercent, 0, 1'000'000, UINT32_MAX, optional);
    case 4:
      return Simple(TypeKind::kPercent, UINT32_MAX, optional);
    case 5:
      return Ranged(TypeKind::kMoney, 0, 1'000'000'00, 0, optional);
    case 6:
      return Simple(TypeKind::kMoney, Below(2), optional);
    case 7:
      return Simple(TypeKind::kDuration, UINT32_MAX, optional);
    case 8:
      return Simple(TypeKind::kTime, UINT32_MAX, optional);
    case 9:
      return Simple(TypeKind::kDate, UINT32_MAX, optional);
    case 10:
      return Text(4 + Below(2), optional);
    case 11:
      return Simple(TypeKind::kEnum, 0, optional);
    case 12:
      return Simple(TypeKind::kEnum, 1, optional);
    case 13:
      return Simple(TypeKind::kRole, UINT32_MAX, optional);
    case 14:
      return Simple(TypeKind::kBool, UINT32_MAX, optional);
    case 15:
      return Simple(TypeKind::kReference, side_.valid() && Chance(40) ? side_.value : customer_.value, optional);
    default:
      return StructuredType();
  }
}

// ---------------------------------------------------------------- workflows

Workflow Generator::Entity(const std::string& name, bool compound) {
  Workflow w = schema().workflows[compound ? rate_.value : customer_.value];
  w.is_entity = true;
  (void)name;
  w.key = {MakeField("id", Text(4))};
  if (compound) {
    static constexpr TypeKind kKinds[] = {TypeKind::kEnum, TypeKind::kInt, TypeKind::kBool, TypeKind::kDate};
    const TypeKind kind = kKinds[Below(std::size(kKinds))];
    w.key.push_back(MakeField("of", kind == TypeKind::kInt ? Ranged(kind, 0, 3)
                                    : kind == TypeKind::kDate
                                        ? Ranged(kind, 20'480, 20'483)
                                        : Simple(kind, kind == TypeKind::kEnum ? 0 : UINT32_MAX)));
  }
  w.fields = {MakeField("score", Ranged(TypeKind::kInt, 0, 900)), MakeField("limit", Simple(TypeKind::kMoney, 0)),
              MakeField("grade", Simple(TypeKind::kEnum, 0)), MakeField("active", Simple(TypeKind::kBool)),
              MakeField("since", Simple(TypeKind::kTime, UINT32_MAX, true))};
  if (Chance(60)) w.fields.push_back(MakeField("name", Text(4)));
  if (Chance(60)) w.fields.push_back(MakeField("partner", Simple(TypeKind::kReference, customer_.value, true)));
  if (Chance(60)) w.fields.push_back(MakeField("marks", Collection(TypeKind::kList, Ranged(TypeKind::kInt, 0, 10), 3)));
  if (Chance(40)) w.fields.push_back(MakeField("tags", Collection(TypeKind::kSet, Simple(TypeKind::kEnum, 0), 4)));
  if (Chance(compound ? 35 : 75)) w.fresh_ns = (2 + static_cast<int64_t>(Below(30))) * kHour;
  if (!compound) {
    w.under = FieldId(w.fields.size());
    w.fields.push_back(MakeField("under", Collection(TypeKind::kSet, Simple(TypeKind::kReference, customer_.value), 2, true)));
  }
  w.states = {{"known"}};
  Transition set;
  set.name = "set";
  set.sources = {kNewState, StateId(0)};
  set.target = StateId(0);
  for (size_t f = 0; f < w.fields.size(); ++f)
    set.sets.push_back({FieldId(f), schema().types[w.fields[f].type.value].optional, false});
  w.transitions = {set};
  return w;
}

Transition* Generator::AddTransition(Workflow* w, const std::string& name, std::vector<StateId> sources, int target) {
  Transition t;
  t.name = name;
  t.sources = std::move(sources);
  t.stays = target < 0;
  if (target >= 0) t.target = StateId(target);
  w->transitions.push_back(std::move(t));
  return &w->transitions.back();
}

void Generator::Payload(Transition* t, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) t->payload.push_back(MakeField(absl::StrCat("x", i), AnyType(Chance(30))));
}

std::vector<SetField> Generator::Sets(const Workflow& w, uint32_t percent, uint32_t optional_percent) {
  std::vector<SetField> sets;
  for (size_t f = 0; f < w.fields.size(); ++f) {
    if (!Chance(percent)) continue;
    SetField set;
    set.field = FieldId(f);
    set.optional = Chance(optional_percent) || schema().types[w.fields[f].type.value].optional;
    sets.push_back(set);
  }
  return sets;
}

void Generator::MainWorkflow(WorkflowId id) {
  Workflow w = schema().workflows[id.value];
  w.key = {MakeField("id", Text(4))};
  w.fields.push_back(
      MakeField("amount", Chance(50) ? Simple(TypeKind::kMoney, 0) : Ranged(TypeKind::kMoney, 0, 2'000'000'00, 0)));
  w.fields.push_back(MakeField("customer", Simple(TypeKind::kReference, customer_.value, Chance(30))));
  w.fields.push_back(MakeField("kind", Simple(TypeKind::kEnum, 1, Chance(30))));
  w.fields.push_back(MakeField("items", Chance(50) ? LegsType(false) : StructuredType()));
  if (Chance(60)) w.fields.push_back(MakeField("parts", Chance(60) ? MembersType(false) : StructuredType()));
  const uint32_t more = 3 + Below(5);
  for (uint32_t i = 0; i < more; ++i) w.fields.push_back(MakeField(absl::StrCat("f", i), AnyType(Chance(30))));
  enum : int { kDraft, kReview, kApproved, kClosed, kBlocked };
  w.states = {{"draft"}, {"review"}, {"approved"}, {"closed", true, false}, {"blocked", false, true}};
  const StateId draft(kDraft), review(kReview), approved(kApproved), blocked(kBlocked);

  Transition* open = AddTransition(&w, "open", {kNewState}, kDraft);
  for (size_t f = 0; f < w.fields.size(); ++f) {
    const bool optional = schema().types[w.fields[f].type.value].optional;
    if (optional && Chance(25)) continue;
    open->sets.push_back({FieldId(f), optional, false});
  }
  Transition* submit = AddTransition(&w, "submit", {draft}, kReview);
  if (Chance(30)) Payload(submit, 1);
  Transition* amend = AddTransition(&w, "amend", {review}, Chance(50) ? static_cast<int>(kReview) : -1);
  amend->sets = Sets(w, 35, 60);
  Transition* assess = AddTransition(&w, "assess", {review}, -1);
  assess->payload.push_back(MakeField("stance", Simple(TypeKind::kEnum, 2)));
  Payload(assess, Below(3));
  AddTransition(&w, "approve", {review}, kApproved);
  AddTransition(&w, "block", {review, approved}, kBlocked);
  if (Chance(60)) {
    Transition* note = AddTransition(&w, "note", {draft, review, approved}, -1);
    Payload(note, 1 + Below(3));
  }
  if (Chance(50)) AddTransition(&w, "appeal", {blocked}, kReview);
  if (Chance(50)) AddTransition(&w, "close", {approved}, kClosed);
  if (Chance(50)) {
    Transition* revise = AddTransition(&w, "revise", {draft, review, approved}, kDraft);
    revise->sets = Sets(w, 20, 80);
  }
  plans_ = Chance(25);
  if (plans_) {
    Type work = TypeOf(TypeKind::kList);
    work.element = Simple(TypeKind::kRecord, 2);
    work.capacity = shape_.small ? 2 : 3;
    AddTransition(&w, "decompose", {draft, review, approved}, -1)->payload.push_back(MakeField("tasks", Intern(work)));
  }
  if (Chance(25)) {
    Transition* adopt = AddTransition(&w, "adopt", {kNewState, draft}, kReview);
    adopt->sets = Sets(w, 70, 40);
    Payload(adopt, Below(2));
  }
  schema().workflows[id.value] = std::move(w);
}

void Generator::SideWorkflow(WorkflowId id) {
  Workflow w = schema().workflows[id.value];
  w.key = {MakeField("id", Text(4))};
  w.fields = {MakeField("deal", Simple(TypeKind::kReference, main_.value)), MakeField("count", Simple(TypeKind::kInt))};
  for (uint32_t i = 0, more = 1 + Below(3); i < more; ++i)
    w.fields.push_back(MakeField(absl::StrCat("f", i), AnyType(Chance(30))));
  w.states = {{"placed"}, {"sent"}};
  Transition* place = AddTransition(&w, "place", {kNewState}, 0);
  for (size_t f = 0; f < w.fields.size(); ++f)
    place->sets.push_back({FieldId(f), schema().types[w.fields[f].type.value].optional, false});
  Transition* send = AddTransition(&w, "send", {StateId(0)}, 1);
  Payload(send, Below(2));
  schema().workflows[id.value] = std::move(w);
}

// The built-in one, as far as decisions read it.
void Generator::Question(WorkflowId id) {
  Workflow w = schema().workflows[id.value];
  w.is_builtin = true;
  w.key = {MakeField("id", Text(240))};
  w.fields = {MakeField("role", Text(200))};
  w.states = {{"open"}, {"granted", true, false}, {"refused", true, false}};
  Transition* ask = AddTransition(&w, "ask", {kNewState}, 0);
  ask->sets = {{FieldId(0), false, false}};
  AddTransition(&w, "yes", {StateId(0)}, 1);
  AddTransition(&w, "no", {StateId(0)}, 2);
  schema().workflows[id.value] = std::move(w);
}

// Work that somebody is to do, as far as decisions read it. What it comes after is often not there, or is itself.
void Generator::Task(WorkflowId id) {
  Workflow w = schema().workflows[id.value];
  w.is_builtin = true;
  w.key = {MakeField("id", Text(4))};
  w.fields = {MakeField("name", Text(5)), MakeField("role", Simple(TypeKind::kRole)), MakeField("does", Text(8)),
              MakeField("after", Collection(TypeKind::kList, Simple(TypeKind::kReference, id.value), 3, true)),
              MakeField("on", Text(12)), MakeField("rule", Text(20))};
  w.states = {{"waiting"}, {"running"}, {"done", true, false}, {"failed", true, false}};
  Transition* open = AddTransition(&w, "open", {kNewState}, 0);
  for (size_t f = 0; f < w.fields.size(); ++f) open->sets.push_back({FieldId(f), f == 3, false});
  AddTransition(&w, "start", {StateId(0)}, 1);
  AddTransition(&w, "report", {StateId(0), StateId(1)}, 2);
  AddTransition(&w, "fail", {StateId(0), StateId(1)}, 3);
  schema().workflows[id.value] = std::move(w);
}

// The registry, as far as decisions read it: what there is to know of who acts.
void Generator::Agent(WorkflowId id) {
  Workflow w = schema().workflows[id.value];
  w.is_builtin = true;
  w.key = {MakeField("id", Text(200))};
  w.fields = {MakeField("kind", Simple(TypeKind::kBool)),
              MakeField("team", Simple(TypeKind::kReference, customer_.value, true)),
              MakeField("under", Collection(TypeKind::kSet, Simple(TypeKind::kReference, customer_.value), 2)),
              MakeField("grade", Simple(TypeKind::kEnum, 0, true)),
              MakeField("level", Ranged(TypeKind::kInt, -5, 100, UINT32_MAX, true)),
              MakeField("model", Text(4, true))};
  for (Field& field : w.fields) field.labels.clear();
  w.attributes_from = 1;
  w.states = {{"active"}};
  schema().workflows[id.value] = std::move(w);
}

// Delegation, as far as decisions read it: what the runtime has found of a chain comes with the proposal.
void Generator::Grant(WorkflowId id) {
  Workflow w = schema().workflows[id.value];
  w.is_builtin = true;
  w.key = {MakeField("id", Text(480))};
  w.fields = {MakeField(kGiver, Text(200)), MakeField("until", Simple(TypeKind::kTime))};
  for (Field& field : w.fields) field.labels.clear();
  w.states = {{"given"}, {"revoked", true, false}};
  Transition* give = AddTransition(&w, kGive, {kNewState}, 0);
  give->sets = {{FieldId(0), true, false}, {FieldId(1), false, false}};
  AddTransition(&w, kRevoke, {StateId(0)}, 1);
  schema().workflows[id.value] = std::move(w);
}

void Generator::Workflows() {
  schema().workflows[customer_.value] = Entity("Customer", false);
  if (rate_.valid()) schema().workflows[rate_.value] = Entity("Rate", true);
  MainWorkflow(main_);
  if (side_.valid()) SideWorkflow(side_);
  Agent(agent_);
  if (grant_.valid()) Grant(grant_);
  Question(question_);
  Task(task_);
  MakeReview(main_);
}

// Facts by key: over events of one workflow, or who is in some of its states.
void Generator::Facts() {
  if (!Chance(60)) return;
  std::vector<uint32_t> workflows = Governed();
  const uint32_t count = 1 + Below(4);
  for (uint32_t i = 0; i < count; ++i) {
    const WorkflowId w(Chance(70) ? main_.value : workflows[Below(workflows.size())]);
    ExprMaker maker(&program_, &random_, {Scope::Kind::kProposal, w, {}, 64});
    std::optional<typed::Fact> fact = Chance(35) ? PopulationOf(w) : maker.Keyed();
    if (!fact.has_value()) continue;
    Workflow table;
    table.name = absl::StrCat("fact", i);
    table.package = "p";
    table.qualified = absl::StrCat("p.fact", i);
    table.is_fact = true;
    for (size_t part = 0; part < fact->key.size(); ++part) {
      Type type = fact->key[part]->type.type;
      type.optional = false;
      Field field;
      field.name = absl::StrCat("k", part);
      field.type = Intern(type);
      table.key.push_back(std::move(field));
    }
    fact->keyed = WorkflowId(schema().workflows.size());
    schema().workflows.push_back(std::move(table));
    program_.facts.push_back(*std::move(fact));
  }
}

std::optional<typed::Fact> Generator::PopulationOf(WorkflowId w) {
  const Workflow& workflow = schema().workflows[w.value];
  typed::Fact fact;
  fact.workflow = w;
  fact.kind = typed::Fact::Kind::kPopulation;
  fact.type = {TypeOf(TypeKind::kInt), 0};
  for (uint32_t s = 0; s < workflow.states.size(); ++s) {
    if (Chance(50)) fact.states.push_back(StateId(s));
  }
  if (fact.states.empty()) fact.states.push_back(StateId(0));
  std::vector<uint32_t> fields;
  for (uint32_t f = 0; f < workflow.fields.size(); ++f) {
    const TypeKind kind = schema().types[workflow.fields[f].type.value].kind;
    if (kind == TypeKind::kString || kind == TypeKind::kEnum || kind == TypeKind::kInt || kind == TypeKind::kReference)
      fields.push_back(f);
  }
  if (Chance(15)) return fact;  // one number for all
  if (fields.empty() || Chance(30)) {  // of who did something last
    typed::Fact last;
    last.workflow = w;
    last.kind = typed::Fact::Kind::kLast;
    last.pattern.transitions = {TransitionId(Below(workflow.transitions.size()))};
    last.value = Make(ExprKind::kSlot, TypeOf(TypeKind::kString));
    last.value->root = SlotRoot::kActorId;
    last.type = {TypeOf(TypeKind::kString), 0};
    last.type.type.optional = true;
    ExprPtr key = Make(ExprKind::kFact, last.type.type);
    key->index = static_cast<uint32_t>(program_.facts.size());
    program_.facts.push_back(std::move(last));
    fact.key.push_back(std::move(key));
    return fact;
  }
  const uint32_t f = fields[Below(fields.size())];
  ExprPtr key = Make(ExprKind::kSlot, schema().types[workflow.fields[f].type.value]);
  key->root = SlotRoot::kAfter;
  key->index = f;
  fact.key.push_back(std::move(key));
  return fact;
}

void Generator::MakeReview(WorkflowId id) {
  Workflow& w = schema().workflows[id.value];
  const auto find = [&](const char* name) {
    for (size_t t = 0; t < w.transitions.size(); ++t) {
      if (w.transitions[t].name == name) return TransitionId(t);
    }
    return TransitionId();
  };
  const TransitionId approve = find("approve"), block = find("block");
  Review review;
  review.state = StateId(1);
  review.verdict = find("assess");
  review.stance = FieldId(0);
  std::vector<uint32_t> roles(schema().roles.size());
  for (uint32_t r = 0; r < roles.size(); ++r) roles[r] = r;
  for (size_t i = roles.size(); i > 1; --i) std::swap(roles[i - 1], roles[Below(i)]);
  roles.resize(1 + Below(3));
  std::sort(roles.begin(), roles.end());
  for (const uint32_t r : roles) {
    const uint32_t seats = Chance(35) ? 2 + Below(2) : 1;
    review.seats.push_back({RoleId(r), 1 + Below(seats), seats});
  }
  // The review's own ladder, then one for who is asked.
  const bool asks = Chance(50);
  const RoleId asked(Below(schema().roles.size()));
  if (asks) {
    schema().ladders.push_back({4 * kHour, Chance(50) ? Ladder::Else::kDeny : Ladder::Else::kTransition, TransitionId(),
                                RoleId(), LadderId()});
    if (schema().ladders.back().otherwise == Ladder::Else::kTransition) schema().ladders.back().transition = block;
    schema().ladders.push_back({kDay, Ladder::Else::kEscalate, approve, asked, LadderId(schema().ladders.size() - 1)});
  } else {
    schema().ladders.push_back(
        {kDay, Chance(30) ? Ladder::Else::kDeny : Ladder::Else::kTransition, TransitionId(), RoleId(), LadderId()});
    if (schema().ladders.back().otherwise == Ladder::Else::kTransition) schema().ladders.back().transition = block;
  }
  review.ladder = LadderId(schema().ladders.size() - 1);
  typed::Review typed_review{id, ReviewId(0), {}};
  const uint32_t count = 2 + Below(4);
  for (uint32_t c = 0; c < count; ++c) {
    Clause clause;
    clause.name = absl::StrCat("c", Chance(50) ? c : 9 - c);
    clause.transition = Chance(50) ? approve : block;
    if (clause.transition == approve && Chance(45)) clause.asks = RoleId(Below(schema().roles.size()));
    typed::ReviewClause typed_clause;
    typed_clause.clause = ClauseId(c);
    typed_clause.halting = clause.transition == block;
    typed_clause.otherwise = c + 1 == count && Chance(70);
    if (!typed_clause.otherwise) typed_clause.domain = DomainId(Below(schema().domains.size()));
    const bool taken = std::any_of(review.clauses.begin(), review.clauses.end(),
                                   [&](const Clause& x) { return x.name == clause.name; });
    if (taken) clause.name += "x";
    review.clauses.push_back(clause);
    typed_review.clauses.push_back(std::move(typed_clause));
  }
  Clause otherwise;
  otherwise.name = "else";
  const Ladder& ladder = schema().ladders[review.ladder.value];
  otherwise.transition = ladder.transition;
  if (ladder.otherwise == Ladder::Else::kEscalate) otherwise.asks = ladder.role;
  Clause conflict = otherwise;
  conflict.name = "conflict";
  conflict.rule = BuiltinRule(Builtin::kReviewConflict);
  review.clauses.push_back(otherwise);
  review.clauses.push_back(conflict);
  for (const Clause& clause : review.clauses) {
    if (clause.transition == approve) review.binds = {approve};
  }
  w.reviews = {review};
  program_.reviews.push_back(std::move(typed_review));
}

// ---------------------------------------------------------------- rules

ExprPtr Generator::Guard(WorkflowId w, const std::vector<TransitionId>& transitions, Effect effect) {
  ExprMaker maker(&program_, &random_, {Scope::Kind::kProposal, w, transitions, w == main_ ? 9u : 4u});
  const Type boolean = TypeOf(TypeKind::kBool);
  // A guard that asks one thing shows how that one thing is answered. The solver sees few frames: it gets more of them.
  const uint32_t plain = effect == Effect::kDeny ? 12 : 25;
  if (Chance(shape_.small ? 2 * plain : plain)) {
    ExprPtr keyed = Chance(20) ? maker.OfKey() : nullptr;
    return keyed != nullptr ? std::move(keyed) : maker.Plain();
  }
  ExprPtr guard = maker.Bool(1 + static_cast<int>(Below(static_cast<uint32_t>(shape_.depth))));
  const uint32_t rarer = effect == Effect::kDeny ? 75 : effect == Effect::kAllow ? 10 : 25;
  if (Chance(rarer)) guard = Make(ExprKind::kAnd, boolean, 0, std::move(guard), maker.Bool(1));
  if (effect == Effect::kDeny && Chance(35)) guard = Make(ExprKind::kAnd, boolean, 0, std::move(guard), maker.Bool(1));
  if (effect == Effect::kAllow && Chance(60)) guard = Make(ExprKind::kOr, boolean, 0, std::move(guard), maker.Bool(1));
  // A sum that leaves 64 bits where the number is not small.
  if (Chance(16)) {
    ExprPtr wide = maker.Wide();
    guard = Make(Chance(70) ? ExprKind::kAnd : ExprKind::kOr, boolean, 0, std::move(guard), std::move(wide));
  }
  if (Chance(effect == Effect::kDeny ? 12 : 30)) {
    ExprPtr keyed = maker.OfKey();
    const bool waits = effect == Effect::kHold || effect == Effect::kEscalate;  // rare enough without more conditions
    if (keyed != nullptr)
      guard = Make(Chance(waits ? 15 : 60) ? ExprKind::kAnd : ExprKind::kOr, boolean, 0, std::move(guard), std::move(keyed));
  }
  return guard;
}

// What an allow may excuse: restraints of its own domain or of one below.
std::vector<const typed::Rule*> Generator::Excusable(DomainId domain) const {
  std::vector<const typed::Rule*> out;
  const std::vector<DomainId>& below = program_.schema.domains[domain.value].below;
  for (const typed::Rule& rule : program_.rules) {
    const Rule& row = program_.schema.rules[rule.rule.value];
    if (row.effect == Effect::kAllow || row.effect == Effect::kUpon || row.effect == Effect::kAsk) continue;
    if (row.domain == domain || std::find(below.begin(), below.end(), row.domain) != below.end()) out.push_back(&rule);
  }
  return out;
}

void Generator::Where(typed::Rule* rule, const Rule& row) {
  rule->workflow = Chance(4) ? customer_ : side_.valid() && Chance(15) ? side_ : main_;
  const Workflow& workflow = schema().workflows[rule->workflow.value];
  rule->transitions = {TransitionId(Below(workflow.transitions.size()))};
  // Verdicts are most of what is proposed.
  if (!workflow.reviews.empty() && Chance(12)) rule->transitions = {workflow.reviews[0].verdict};
  if (Chance(45)) {
    const TransitionId other(Below(workflow.transitions.size()));
    if (other != rule->transitions[0]) rule->transitions.push_back(other);
    std::sort(rule->transitions.begin(), rule->transitions.end());
  }
  if (row.effect != Effect::kAllow) return;
  const std::vector<const typed::Rule*> excusable = Excusable(row.domain);
  if (excusable.empty()) return;
  const bool whole = Chance(65);
  for (const typed::Rule* other : excusable) {
    if (whole || Chance(50)) rule->overrides.push_back(other->rule);
  }
  std::sort(rule->overrides.begin(), rule->overrides.end());
  const typed::Rule* chosen = excusable[Below(excusable.size())];
  if (std::find(rule->overrides.begin(), rule->overrides.end(), chosen->rule) == rule->overrides.end()) return;
  rule->workflow = chosen->workflow;
  rule->transitions = chosen->transitions;
  for (const typed::Rule* other : excusable) {
    if (other->workflow != rule->workflow || !Chance(60)) continue;
    for (const TransitionId t : other->transitions) {
      if (std::find(rule->transitions.begin(), rule->transitions.end(), t) == rule->transitions.end())
        rule->transitions.push_back(t);
    }
  }
  std::sort(rule->transitions.begin(), rule->transitions.end());
}

void Generator::Until(typed::Rule* rule, Rule* row) {
  row->awaits = TransitionId(Below(schema().workflows[rule->workflow.value].transitions.size()));
  typed::Fact fact;
  fact.workflow = rule->workflow;
  fact.pattern.transitions = {row->awaits};
  if (Chance(50)) {
    row->awaits_by = RoleId(Below(schema().roles.size()));
    fact.pattern.by = {row->awaits_by};
  }
  fact.this_round = true;
  fact.type = {TypeOf(TypeKind::kBool), 0};
  const std::string text = typed::Text(fact);
  for (uint32_t f = 0; f < program_.facts.size(); ++f) {
    if (typed::Text(program_.facts[f]) == text) rule->awaits_fact = f;
  }
  if (rule->awaits_fact != UINT32_MAX) return;
  rule->awaits_fact = static_cast<uint32_t>(program_.facts.size());
  program_.facts.push_back(std::move(fact));
}

void Generator::MakeRule(RuleId id) {
  Rule row = schema().rules[id.value];
  typed::Rule rule;
  rule.rule = id;
  Where(&rule, row);
  if (row.effect == Effect::kEscalate) row.asks = RoleId(Below(schema().roles.size()));
  if (row.effect == Effect::kHold || row.effect == Effect::kEscalate) {
    schema().ladders.push_back({4 * kHour, Ladder::Else::kDeny, TransitionId(), RoleId(), LadderId()});
    row.ladder = LadderId(schema().ladders.size() - 1);
  }
  if (Chance(row.effect == Effect::kAllow ? 12 : 20)) {
    for (uint32_t r = 0; r < schema().roles.size(); ++r) {
      if (Chance(50)) rule.by.push_back(RoleId(r));
    }
    if (rule.by.empty()) rule.by.push_back(RoleId(0));
  }
  rule.by_orchestrator = Chance(rule.by.empty() ? 3 : 30);
  if (row.effect == Effect::kHold) Until(&rule, &row);
  const bool restrains = row.effect == Effect::kDeny || row.effect == Effect::kHold || row.effect == Effect::kEscalate;
  if (grant_.valid() && restrains && Chance(12)) rule.under = Chance(70) ? "t1" : "t2";
  if (Chance(row.effect == Effect::kAllow ? 65 : 94)) rule.when = Guard(rule.workflow, rule.transitions, row.effect);
  if (Chance(row.effect == Effect::kAllow ? 8 : 15))
    rule.unless = Guard(rule.workflow, rule.transitions, Effect::kDeny);
  if (row.effect == Effect::kUpon || (row.effect != Effect::kAllow && Chance(20))) Then(&rule, &row);
  schema().rules[id.value] = row;
  program_.rules.push_back(std::move(rule));
}

// It asks where the review may be blocked, and looks at the instance while nobody proposes.
void Generator::MakeAsk(RuleId id) {
  Rule& row = schema().rules[id.value];
  row.asks = RoleId(Below(schema().roles.size()));
  const std::vector<Transition>& transitions = schema().workflows[main_.value].transitions;
  const auto block = std::find_if(transitions.begin(), transitions.end(), [](const Transition& t) { return t.name == "block"; });
  schema().ladders.push_back({kHour, Ladder::Else::kTransition,
                              TransitionId(static_cast<size_t>(block - transitions.begin())), RoleId(), LadderId()});
  row.ladder = LadderId(schema().ladders.size() - 1);
  typed::Rule rule;
  rule.rule = id;
  rule.workflow = main_;
  ExprMaker maker(&program_, &random_, {Scope::Kind::kConclude, main_, {}, 6});
  rule.when = Chance(30) ? maker.Plain() : maker.Bool(2);
  if (Chance(30)) rule.when = Make(ExprKind::kOr, TypeOf(TypeKind::kBool), 0, std::move(rule.when), maker.Wide());
  if (Chance(25)) rule.unless = maker.Bool(1);
  program_.rules.push_back(std::move(rule));
}

// ---------------------------------------------------------------- plans

RuleId Generator::AddPlanRow(const std::string& end, Effect effect) {
  Rule row;
  row.qualified = absl::StrCat("p.Deal.plan.", end);
  row.kind = RuleKind::kPlan;
  row.effect = effect;
  schema().rules.push_back(std::move(row));
  return RuleId(schema().rules.size() - 1);
}

// Tasks, some over data, and ends; what is held until a task is done, and what bounds them all.
void Generator::MakePlan() {
  const std::vector<Transition> transitions = schema().workflows[main_.value].transitions;
  const auto find = [&](const char* name) {
    const auto at = std::find_if(transitions.begin(), transitions.end(), [&](const Transition& t) { return t.name == name; });
    return TransitionId(static_cast<size_t>(at - transitions.begin()));
  };
  Plan plan;
  typed::Plan typed_plan;
  typed_plan.workflow = main_;
  plan.decompose = find("decompose");
  // Of all plans the rows come in the order of their names: those of ends first.
  if (Chance(60)) MakeEnd(find("approve"), &plan, &typed_plan);
  if (Chance(60)) MakeEnd(find("block"), &plan, &typed_plan);
  for (uint32_t i = 0, count = 1 + Below(3); i < count; ++i) {
    PlannedTask row;
    row.name = absl::StrCat("t", i);
    const bool holds = Chance(60);
    row.rule = AddPlanRow(row.name, holds ? Effect::kHold : Effect::kDeny);
    row.role = RoleId(Below(schema().roles.size()));
    row.on = main_;
    if (Chance(50)) row.does = TransitionId(Below(transitions.size()));
    typed_plan.tasks.push_back(MakeTask(&row, i));
    if (holds) MakeHolds(row, find(Chance(70) ? "approve" : "submit"));
    plan.tasks.push_back(std::move(row));
  }
  MakeBudget(plan.decompose);
  schema().workflows[main_.value].plans = {std::move(plan)};
  program_.plans.push_back(std::move(typed_plan));
}

typed::PlannedTask Generator::MakeTask(PlannedTask* row, uint32_t number) {
  ExprMaker maker(&program_, &random_, {Scope::Kind::kConclude, main_, {}, 6});
  const Type boolean = TypeOf(TypeKind::kBool);
  typed::PlannedTask task;
  const bool over = Chance(60) && OverData(row, &task, number);
  if (Chance(over ? 50 : 20)) return task;
  task.when = Chance(40) ? maker.Plain() : maker.Bool(2);
  if (Chance(30)) task.when = Make(ExprKind::kOr, boolean, 0, std::move(task.when), maker.Wide());
  if (!over || task.element->type.type.kind == TypeKind::kReference) return task;
  // What an element is asked for itself.
  ExprPtr equal = Make(ExprKind::kEqual, boolean, 0, typed::Clone(task.element), maker.Constant(task.element->type.type));
  task.when = Make(Chance(50) ? ExprKind::kAnd : ExprKind::kOr, boolean, 0, std::move(equal), std::move(task.when));
  return task;
}

// A field that there is a task for each element of: references, texts, members, or records by a text.
bool Generator::OverData(PlannedTask* row, typed::PlannedTask* task, uint32_t number) {
  const Workflow& w = schema().workflows[main_.value];
  std::vector<uint32_t> fields;
  const auto element_of = [&](const Type& type) {
    const Type& element = schema().types[type.element.value];
    if (element.kind != TypeKind::kRecord) return element;
    return type.key.valid() ? schema().types[schema().records[element.index].members[type.key.value].type.value] : Type();
  };
  const auto is_members = [&](const Type& type) {
    return type.kind == TypeKind::kSet && schema().types[type.element.value].kind == TypeKind::kEnum;
  };
  for (uint32_t f = 0; f < w.fields.size(); ++f) {
    const Type& type = schema().types[w.fields[f].type.value];
    if (type.optional || (type.kind != TypeKind::kList && type.kind != TypeKind::kSet)) continue;
    const TypeKind kind = element_of(type).kind;
    if (is_members(type) || kind == TypeKind::kString || kind == TypeKind::kReference) fields.push_back(f);
  }
  if (fields.empty()) return false;
  const uint32_t f = fields[Below(fields.size())];
  const Type type = schema().types[w.fields[f].type.value];
  const Type element = schema().types[type.element.value];
  row->capacity = is_members(type) ? static_cast<uint32_t>(schema().enums[element.index].members.size()) : type.capacity;
  task->source = Make(ExprKind::kSlot, type);
  task->source->root = SlotRoot::kAfter;
  task->source->index = f;
  task->variable = 1000 + number;
  task->element = Make(ExprKind::kVariable, element);
  task->element->variable = task->variable;
  if (element.kind == TypeKind::kRecord) {
    task->element = Make(ExprKind::kMember, element_of(type), 0, std::move(task->element));
    task->element->index = type.key.value;
  }
  return true;
}

void Generator::MakeEnd(TransitionId transition, Plan* plan, typed::Plan* typed_plan) {
  const std::string& name = schema().workflows[main_.value].transitions[transition.value].name;
  plan->finallys.push_back({transition, AddPlanRow(absl::StrCat("finally.", name), Effect::kDeny)});
  ExprMaker maker(&program_, &random_, {Scope::Kind::kConclude, main_, {}, 6});
  const Type boolean = TypeOf(TypeKind::kBool);
  ExprPtr when = Chance(60) ? SomeTask(TaskFact(Chance(50) ? "failed" : "done", {Chance(50) ? 3u : 2u}, true),
                                       absl::StrCat("p.Deal.plan.t", Below(2)))
                            : maker.Bool(2);
  if (Chance(30)) when = Make(ExprKind::kOr, boolean, 0, std::move(when), maker.Wide());
  typed_plan->finallys.push_back(std::move(when));
}

// As check/ makes of `holds`: it is held while a task is open, and denied when one is lost.
void Generator::MakeHolds(const PlannedTask& row, TransitionId held) {
  const std::string name = absl::StrCat("p.Deal.plan.", row.name);
  const auto add = [&](RuleId id, ExprPtr when) {
    typed::Rule rule;
    rule.rule = id;
    rule.workflow = main_;
    rule.transitions = {held};
    rule.when = std::move(when);
    program_.rules.push_back(std::move(rule));
  };
  add(row.rule, SomeTask(TaskFact("unfinished", {0, 1}, true), name));
  add(AddPlanRow(absl::StrCat(row.name, ".failed"), Effect::kDeny), SomeTask(TaskFact("lost", {3}, true), name));
}

// More tasks, or more tokens, than a plan may ever ask for.
void Generator::MakeBudget(TransitionId decompose) {
  const Type number = TypeOf(TypeKind::kInt);
  const auto literal = [&](int64_t n) {
    ExprPtr node = Make(ExprKind::kConstant, number);
    node->number = n;
    return node;
  };
  const Type list = schema().types[schema().workflows[main_.value].transitions[decompose.value].payload[0].type.value];
  const auto tasks = [&] {
    ExprPtr slot = Make(ExprKind::kSlot, list);
    slot->root = SlotRoot::kPayload;
    return slot;
  };
  const auto over = [&](typed::QuantifierOp op, ExprPtr body) {
    ExprPtr node = Make(ExprKind::kQuantifier, number, 0, std::move(body), tasks(), ExprPtr());
    node->op = op;
    node->variable = 1100;
    return node;
  };
  ExprPtr task = Make(ExprKind::kVariable, schema().types[list.element.value]);
  task->variable = 1100;
  ExprPtr tokens = Make(ExprKind::kMember, schema().types[schema().records[2].members[2].type.value], 0, std::move(task));
  tokens->index = 2;
  ExprPtr given = Make(ExprKind::kCoalesce, number, 0, std::move(tokens), literal(0));
  ExprPtr count = Make(ExprKind::kAdd, number, 0, TaskCount(TaskFact("of_tree", {0, 1, 2, 3}, false), ""),
                       over(typed::QuantifierOp::kCount, ExprPtr()));
  ExprPtr many = Make(ExprKind::kLess, TypeOf(TypeKind::kBool), 0, literal(2 + Below(3)), std::move(count));
  ExprPtr dear = Make(ExprKind::kLess, TypeOf(TypeKind::kBool), 0, literal(20 + Below(100)),
                      over(typed::QuantifierOp::kSum, std::move(given)));
  typed::Rule rule;
  rule.rule = BuiltinRule(Builtin::kOverBudget);
  rule.workflow = main_;
  rule.transitions = {decompose};
  rule.when = Make(ExprKind::kOr, TypeOf(TypeKind::kBool), 0, std::move(many), std::move(dear));
  program_.rules.push_back(std::move(rule));
}

// How many tasks of an instance are in some states, by the stream that they are of, and the rule that opened them.
uint32_t Generator::TaskFact(const std::string& name, std::vector<uint32_t> states, bool by_rule) {
  if (const auto at = task_facts_.find(name); at != task_facts_.end()) return at->second;
  Workflow table;
  table.name = name;
  table.package = "writ";
  table.qualified = absl::StrCat("writ.Task.", name);
  table.is_fact = true;
  typed::Fact fact;
  fact.workflow = task_;
  fact.kind = typed::Fact::Kind::kPopulation;
  fact.type = {TypeOf(TypeKind::kInt), 0};
  for (const uint32_t state : states) fact.states.push_back(StateId(state));
  for (uint32_t f = 4; f < (by_rule ? 6u : 5u); ++f) {
    const Field& field = schema().workflows[task_.value].fields[f];
    table.key.push_back(MakeField(field.name, field.type));
    ExprPtr part = Make(ExprKind::kSlot, schema().types[field.type.value]);
    part->root = SlotRoot::kAfter;
    part->index = f;
    fact.key.push_back(std::move(part));
  }
  fact.keyed = WorkflowId(schema().workflows.size());
  schema().workflows.push_back(std::move(table));
  const uint32_t id = static_cast<uint32_t>(program_.facts.size());
  program_.facts.push_back(std::move(fact));
  task_facts_.emplace(name, id);
  return id;
}

ExprPtr Generator::TaskCount(uint32_t fact, const std::string& rule) {
  ExprPtr stream = Make(ExprKind::kSlot, TypeOf(TypeKind::kString));
  stream->root = SlotRoot::kThisKey;
  stream->text = "p.Deal/";
  ExprPtr count = Make(ExprKind::kKeyedFact, TypeOf(TypeKind::kInt), 0, std::move(stream));
  count->index = fact;
  if (rule.empty()) return count;
  ExprPtr name = Make(ExprKind::kConstant, TypeOf(TypeKind::kString));
  name->text = rule;
  name->type.type.capacity = static_cast<uint32_t>(rule.size());
  count->children.push_back(std::move(name));
  return count;
}

ExprPtr Generator::SomeTask(uint32_t fact, const std::string& rule) {
  return Make(ExprKind::kLess, TypeOf(TypeKind::kBool), 0, Make(ExprKind::kConstant, TypeOf(TypeKind::kInt)),
              TaskCount(fact, rule));
}

void Generator::Then(typed::Rule* rule, Rule* row) {
  ExprMaker maker(&program_, &random_, {Scope::Kind::kProposal, rule->workflow, rule->transitions, 6});
  for (uint32_t i = 0, count = 1 + Below(2); i < count; ++i) {
    if (Chance(20)) {  // a task, which has no values
      schema().ladders.push_back({kDay, Ladder::Else::kFail, TransitionId(), RoleId(), LadderId()});
      row->then.push_back({ObligationId(), absl::StrCat("t", i), RoleId(0u), TransitionId(), LadderId(schema().ladders.size() - 1)});
      rule->then.emplace_back();
      continue;
    }
    const ObligationId id(Below(schema().obligations.size()));
    row->then.push_back({id, "", RoleId(), TransitionId(), LadderId()});
    typed::Consequence consequence;
    for (const Field& field : schema().obligations[id.value].fields) {
      Type type = schema().types[field.type.value];
      const bool left_out = type.optional && Chance(30);
      type.optional = false;
      consequence.values.push_back(left_out ? nullptr : maker.Value(type, 2));
    }
    rule->then.push_back(std::move(consequence));
  }
}

std::vector<uint32_t> Generator::Governed() const {
  std::vector<uint32_t> list = {main_.value};
  if (side_.valid()) list.push_back(side_.value);
  list.push_back(customer_.value);
  if (rate_.valid()) list.push_back(rate_.value);
  return list;
}

void Generator::Authority() {
  std::vector<uint32_t> workflows = Governed();
  if (grant_.valid()) workflows.push_back(grant_.value);
  for (const uint32_t w : workflows) {
    const Workflow& workflow = schema().workflows[w];
    for (uint32_t t = 0; t < workflow.transitions.size(); ++t) {
      const bool verdict = !workflow.reviews.empty() && workflow.reviews[0].verdict == TransitionId(t);
      for (uint32_t r = 0; r < schema().roles.size(); ++r) {
        const bool seat = verdict && std::any_of(workflow.reviews[0].seats.begin(), workflow.reviews[0].seats.end(),
                                                 [&](const Seat& s) { return s.role == RoleId(r); });
        if (!seat && !Chance(r == 0 ? 85 : 45)) continue;
        typed::Grant grant;
        grant.consent = Chance(7);
        grant.role = RoleId(r);
        grant.workflow = WorkflowId(w);
        grant.transition = TransitionId(t);
        ExprMaker maker(&program_, &random_, {Scope::Kind::kProposal, WorkflowId(w), {TransitionId(t)}, 6});
        if (Chance(10)) {
          std::vector<uint32_t> fields;
          for (uint32_t f = 0; f < workflow.fields.size(); ++f) {
            const Type& type = schema().types[workflow.fields[f].type.value];
            if (IsNumber(type.kind) || type.kind == TypeKind::kTime ||
                (type.kind == TypeKind::kEnum && schema().enums[type.index].ordered))
              fields.push_back(f);
          }
          if (!fields.empty()) {
            const uint32_t f = fields[Below(fields.size())];
            typed::Limit limit;
            limit.field = Make(ExprKind::kSlot, schema().types[workflow.fields[f].type.value]);
            limit.field->root = SlotRoot::kAfter;
            limit.field->index = f;
            Type plain = limit.field->type.type;
            limit.value = maker.Constant(plain);
            if (IsNumber(plain.kind) && Chance(60)) limit.value->number = 50'000'000;
            grant.limits.push_back(std::move(limit));
          }
        }
        if (Chance(8)) grant.when = Make(ExprKind::kOr, TypeOf(TypeKind::kBool), 0, maker.Bool(1), maker.Bool(1));
        std::vector<RoleId>& may = schema().workflows[w].transitions[t].may;
        if (!grant.consent) may.push_back(grant.role);
        program_.grants.push_back(std::move(grant));
      }
    }
  }
}

void Generator::ClauseGuards() {
  for (typed::Review& review : program_.reviews) {
    Workflow& w = schema().workflows[review.workflow.value];
    Review& table = w.reviews[review.review.value];
    for (typed::ReviewClause& clause : review.clauses) {
      if (clause.otherwise) continue;
      ExprMaker maker(&program_, &random_, {Scope::Kind::kConclude, review.workflow, {}, 9});
      // Most clauses speak of a verdict.
      ExprPtr says = Make(ExprKind::kSays, TypeOf(TypeKind::kBool));
      says->part = Below(table.seats.size());
      says->part2 = Below(3);
      clause.when = Chance(30) ? std::move(says)
                               : Make(Chance(70) ? ExprKind::kAnd : ExprKind::kOr, TypeOf(TypeKind::kBool), 0,
                                      std::move(says), maker.Bool(2));
    }
  }
}

// What cannot fail: copies, choices and small sums.
void Generator::Compute() {
  for (const uint32_t w : Governed()) {
    Workflow& workflow = schema().workflows[w];
    if (workflow.is_entity) continue;
    for (uint32_t t = 0; t < workflow.transitions.size(); ++t) {
      Transition& transition = workflow.transitions[t];
      for (SetField& set : transition.sets) {
        if (!Chance(18)) continue;
        const Type type = schema().types[workflow.fields[set.field.value].type.value];
        ExprPtr value;
        const auto slot = [&](SlotRoot root, TypeKind kind) {
          ExprPtr node = Make(ExprKind::kSlot, TypeOf(kind));
          node->root = root;
          return node;
        };
        ExprMaker maker(&program_, &random_, {Scope::Kind::kCompute, WorkflowId(w), {TransitionId(t)}, 0});
        if (type.kind == TypeKind::kTime)
          value = slot(SlotRoot::kNow, TypeKind::kTime);
        else if (type.kind == TypeKind::kRole)
          value = slot(SlotRoot::kActorRole, TypeKind::kRole);
        else if (type.kind == TypeKind::kString && type.capacity >= 4)
          value = slot(SlotRoot::kActorId, TypeKind::kString);
        else if (type.kind == TypeKind::kBool)
          value = slot(SlotRoot::kActorIsHuman, TypeKind::kBool);
        else if (type.kind == TypeKind::kEnum || (type.kind == TypeKind::kInt && type.min == -1000)) {
          ExprPtr human = slot(SlotRoot::kActorIsHuman, TypeKind::kBool);
          ExprPtr a = maker.Constant(type), b = maker.Constant(type);
          if (type.kind == TypeKind::kInt) a->number = 7, b->number = -8;
          value = Make(ExprKind::kIf, TypeOf(type.kind, type.index), 0, std::move(human), std::move(a), std::move(b));
          if (type.kind == TypeKind::kInt) {
            ExprPtr three = maker.Constant(type);
            three->number = 3;
            value = Make(Chance(50) ? ExprKind::kMultiply : ExprKind::kSubtract, TypeOf(type.kind), 0, std::move(value),
                         std::move(three));
          }
        } else {
          continue;
        }
        set.computed = true;
        set.optional = false;
        program_.computed.push_back({WorkflowId(w), TransitionId(t), set.field, std::move(value)});
      }
    }
  }
}

void Generator::Rules() {
  Compute();
  if (plans_) MakePlan();
  // The clauses' rows come before the rules' by name: "p.Deal…" < "p.rule…".
  Workflow& w = schema().workflows[main_.value];
  std::map<std::string, Clause*> clauses;
  for (Clause& clause : w.reviews[0].clauses) {
    if (clause.name != "conflict") clauses[absl::StrCat("p.Deal.review.", clause.name)] = &clause;
  }
  for (auto& [name, clause] : clauses) {
    Rule row;
    row.qualified = name;
    row.kind = RuleKind::kClause;
    row.effect = clause->asks.valid() ? Effect::kEscalate : Effect::kDeny;
    row.asks = clause->asks;
    clause->rule = RuleId(schema().rules.size());
    schema().rules.push_back(row);
  }
  const uint32_t count = shape_.rules_min + Below(shape_.rules_max - shape_.rules_min + 1);
  std::vector<RuleId> restraints, allows;
  for (uint32_t i = 0; i < count; ++i) {
    Rule row;
    row.qualified = absl::StrCat("p.rule_", absl::Dec(i, absl::kZeroPad3));
    const uint32_t pick = Below(100);
    row.effect = pick < 15   ? Effect::kDeny
                 : pick < 39 ? Effect::kHold
                 : pick < 75 ? Effect::kEscalate
                 : pick < 78 ? Effect::kUpon
                             : Effect::kAllow;
    row.domain = DomainId(Below(schema().domains.size()));
    (row.effect == Effect::kAllow ? allows : restraints).push_back(RuleId(schema().rules.size()));
    schema().rules.push_back(row);
  }
  for (uint32_t i = 0, asks = Below(3); i < asks; ++i) {
    Rule row;
    row.qualified = absl::StrCat("p.s_ask_", i);
    row.effect = Effect::kAsk;
    row.domain = DomainId(0);
    w.asks.push_back(RuleId(schema().rules.size()));
    schema().rules.push_back(row);
  }
  for (const RuleId id : restraints) MakeRule(id);
  for (const RuleId id : schema().workflows[main_.value].asks) MakeAsk(id);
  for (const RuleId id : allows) MakeRule(id);
  std::sort(program_.rules.begin(), program_.rules.end(),
            [](const typed::Rule& a, const typed::Rule& b) { return a.rule < b.rule; });
  Authority();
  ClauseGuards();
}

}  // namespace

typed::Program Generate(uint64_t seed, const Shape& shape) { return Generator(seed, shape).Run(); }

// ---------------------------------------------------------------- variants

typed::Program Clone(const typed::Program& program) {
  typed::Program copy;
  copy.schema = program.schema;
  const auto pattern = [](const typed::Pattern& p) {
    return typed::Pattern{p.transitions, p.by, p.by_orchestrator, typed::Clone(p.where)};
  };
  for (const typed::Fact& f : program.facts) {
    typed::Fact fact;
    fact.workflow = f.workflow, fact.kind = f.kind, fact.refused = f.refused;
    fact.pattern = pattern(f.pattern);
    fact.value = typed::Clone(f.value);
    fact.within_ns = f.within_ns, fact.capacity = f.capacity, fact.this_round = f.this_round, fact.type = f.type,
    fact.span = f.span;
    if (f.since.has_value()) fact.since = pattern(*f.since);
    fact.keyed = f.keyed, fact.states = f.states;
    for (const ExprPtr& part : f.key) fact.key.push_back(typed::Clone(part));
    copy.facts.push_back(std::move(fact));
  }
  for (const typed::Grant& g : program.grants) {
    typed::Grant grant{g.role, g.workflow, g.transition, {}, typed::Clone(g.when), g.consent};
    for (const typed::Limit& limit : g.limits)
      grant.limits.push_back({typed::Clone(limit.field), typed::Clone(limit.value)});
    copy.grants.push_back(std::move(grant));
  }
  for (const typed::Rule& r : program.rules) {
    typed::Rule rule{r.rule, r.workflow, r.transitions, r.by, r.by_orchestrator, typed::Clone(r.when),
                     typed::Clone(r.unless), r.overrides, r.awaits_fact, {}, r.under, r.span};
    for (const typed::Consequence& consequence : r.then) {
      rule.then.emplace_back();
      for (const typed::ExprPtr& value : consequence.values) rule.then.back().values.push_back(typed::Clone(value));
    }
    copy.rules.push_back(std::move(rule));
  }
  for (const typed::Review& r : program.reviews) {
    typed::Review review{r.workflow, r.review, {}};
    for (const typed::ReviewClause& c : r.clauses)
      review.clauses.push_back({c.clause, c.domain, c.halting, c.otherwise, typed::Clone(c.when), c.span});
    copy.reviews.push_back(std::move(review));
  }
  for (const typed::Plan& p : program.plans) {
    typed::Plan plan;
    plan.workflow = p.workflow;
    for (const typed::PlannedTask& t : p.tasks)
      plan.tasks.push_back({typed::Clone(t.when), typed::Clone(t.source), t.variable, typed::Clone(t.element)});
    for (const ExprPtr& last : p.finallys) plan.finallys.push_back(typed::Clone(last));
    copy.plans.push_back(std::move(plan));
  }
  for (const typed::Computed& c : program.computed)
    copy.computed.push_back({c.workflow, c.transition, c.field, typed::Clone(c.value)});
  return copy;
}

void AddRestraint(typed::Program* program, uint64_t seed) {
  Random random(seed);
  std::vector<uint32_t> workflows;
  for (uint32_t w = 0; w < program->schema.workflows.size(); ++w) {
    if (!program->schema.workflows[w].is_builtin && !program->schema.workflows[w].is_fact) workflows.push_back(w);
  }
  // Where something happens: the workflow with a review, mostly.
  uint32_t w = workflows[random.Below(static_cast<uint32_t>(workflows.size()))];
  for (const uint32_t other : workflows) {
    if (!program->schema.workflows[other].reviews.empty() && !random.OneIn(5)) w = other;
  }
  typed::Rule rule;
  rule.workflow = WorkflowId(w);
  for (uint32_t t = 0; t < program->schema.workflows[w].transitions.size(); ++t) {
    if (!random.OneIn(3)) rule.transitions.push_back(TransitionId(t));
  }
  if (rule.transitions.empty()) rule.transitions.push_back(TransitionId(0));
  ExprMaker maker(program, &random, {Scope::Kind::kProposal, rule.workflow, rule.transitions, 64});
  rule.when = maker.Bool(2);
  Rule row;
  row.qualified = "p.z_added";
  row.effect = static_cast<Effect>(random.Below(3));
  row.domain = DomainId(0);
  if (row.effect == Effect::kEscalate)
    row.asks = RoleId(random.Below(static_cast<uint32_t>(program->schema.roles.size())));
  if (row.effect != Effect::kDeny) {
    program->schema.ladders.push_back({kHour, Ladder::Else::kDeny, TransitionId(), RoleId(), LadderId()});
    row.ladder = LadderId(program->schema.ladders.size() - 1);
  }
  rule.rule = RuleId(program->schema.rules.size());
  program->schema.rules.push_back(row);
  program->rules.push_back(std::move(rule));
}

ExprPtr MakeIndeterminate(const typed::Program& program, const ExprPtr& expr, uint64_t seed) {
  (void)program;
  if (expr == nullptr) return nullptr;
  ExprPtr copy = typed::Clone(expr);
  std::vector<ExprPtr*> conditions;
  std::set<const Expr*> keys;  // of records: read as they stand, so that nothing can be put around them
  EachPart(&copy, [&](ExprPtr* part) {
    const Type& type = (*part)->type.type;
    const bool key = keys.count(part->get()) > 0;
    if (key || (*part)->kind == ExprKind::kEntityLookup || (*part)->kind == ExprKind::kKeyedFact) {
      for (const ExprPtr& child : (*part)->children) keys.insert(child.get());
    }
    if (!key && type.kind == TypeKind::kBool && !type.optional && (*part)->kind != ExprKind::kConstant)
      conditions.push_back(part);
  });
  // 2^62 + 2^62 leaves an int.
  const Type integer = TypeOf(TypeKind::kInt);
  const auto number = [&](Num n) {
    ExprPtr node = Make(ExprKind::kConstant, integer);
    node->number = n;
    return node;
  };
  ExprPtr sum = Make(ExprKind::kAdd, integer, 0, number(int64_t{1} << 62), number(int64_t{1} << 62));
  ExprPtr unknown = Make(ExprKind::kEqual, TypeOf(TypeKind::kBool), 0, std::move(sum), number(0));
  if (conditions.empty()) return unknown;
  Random random(seed);
  ExprPtr* chosen = conditions[random.OneIn(3) ? 0 : random.Below(static_cast<uint32_t>(conditions.size()))];
  // It still reads what it read: only its truth can no longer be told.
  ExprPtr same = typed::Clone(*chosen);
  *chosen = Make(ExprKind::kIf, TypeOf(TypeKind::kBool), 0, std::move(unknown), std::move(same), std::move(*chosen));
  return copy;
}

// ---------------------------------------------------------------- showing

std::string Describe(const typed::Program& program) {
  const Schema& schema = program.schema;
  std::string out;
  for (size_t d = 0; d < schema.domains.size(); ++d) {
    absl::StrAppend(&out, "domain ", schema.domains[d].name, " above");
    for (const DomainId b : schema.domains[d].below) absl::StrAppend(&out, " ", b.value);
    out += "\n";
  }
  for (const typed::Rule& rule : program.rules) {
    const Rule& row = schema.rules[rule.rule.value];
    const Workflow& w = schema.workflows[rule.workflow.value];
    static constexpr const char* kEffects[] = {"deny", "hold", "escalate", "allow", "upon", "ask"};
    absl::StrAppend(&out, "rule ", row.qualified, " (", rule.rule.value, ") d", row.domain.value, " ",
                    kEffects[static_cast<int>(row.effect)], " on ", w.name, ":");
    for (const TransitionId t : rule.transitions) absl::StrAppend(&out, " ", w.transitions[t.value].name);
    for (const RoleId r : rule.by) absl::StrAppend(&out, " by R", r.value);
    if (rule.by_orchestrator) out += " by orchestrator";
    if (!rule.under.empty()) absl::StrAppend(&out, " under ", rule.under);
    if (row.asks.valid()) absl::StrAppend(&out, " to R", row.asks.value);
    if (rule.awaits_fact != UINT32_MAX) absl::StrAppend(&out, " until fact ", rule.awaits_fact);
    for (const RuleId r : rule.overrides) absl::StrAppend(&out, " overrides ", r.value);
    if (rule.when != nullptr) absl::StrAppend(&out, "\n    when ", typed::Text(*rule.when));
    if (rule.unless != nullptr) absl::StrAppend(&out, "\n    unless ", typed::Text(*rule.unless));
    for (const typed::Consequence& c : rule.then) {
      out += "\n    then";
      for (const ExprPtr& value : c.values) absl::StrAppend(&out, " ", value == nullptr ? "-" : typed::Text(*value));
    }
    out += "\n";
  }
  for (const typed::Grant& grant : program.grants) {
    if (grant.when == nullptr && grant.limits.empty() && !grant.consent) continue;
    const Workflow& w = schema.workflows[grant.workflow.value];
    absl::StrAppend(&out, "may R", grant.role.value, grant.consent ? " consent to " : " ",
                    w.name, ".", w.transitions[grant.transition.value].name);
    for (const typed::Limit& limit : grant.limits)
      absl::StrAppend(&out, " up to ", typed::Text(*limit.field), " ", typed::Text(*limit.value));
    if (grant.when != nullptr) absl::StrAppend(&out, " when ", typed::Text(*grant.when));
    out += "\n";
  }
  for (size_t f = 0; f < program.facts.size(); ++f)
    absl::StrAppend(&out, "fact ", f, ": ", typed::Text(program.facts[f]), "\n");
  for (const typed::Review& review : program.reviews) {
    for (const typed::ReviewClause& clause : review.clauses) {
      const Clause& table =
          schema.workflows[review.workflow.value].reviews[review.review.value].clauses[clause.clause.value];
      absl::StrAppend(&out, "clause ", table.name, " d", clause.domain.value, clause.halting ? " halting" : "",
                      table.asks.valid() ? " asks" : "", " when ",
                      clause.when == nullptr ? "otherwise" : typed::Text(*clause.when), "\n");
    }
  }
  for (const Workflow& w : schema.workflows) {
    absl::StrAppend(&out, "workflow ", w.name, " fields:");
    for (size_t f = 0; f < w.fields.size(); ++f) {
      const Type& type = schema.types[w.fields[f].type.value];
      absl::StrAppend(&out, " ", f, ":", w.fields[f].name, "/kind", static_cast<int>(type.kind),
                      type.optional ? "?" : "");
    }
    out += "\n";
  }
  return out;
}

}  // namespace writ::agreement
