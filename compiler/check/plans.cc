// Plans: `decompose on W { … }`. What it says becomes rows of the schema, facts over the tasks of an instance, and rules and
// grants like those that authors write: nothing after this stage has a meaning of its own for plans.
#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/check/expressions.h"
#include "compiler/check/model.h"
#include "compiler/typed/expr.h"
#include "runtime/decision/delegation.h"

namespace writ::check {
namespace {

using typed::ExprKind;
using typed::ExprPtr;
using typed::QuantifierOp;

constexpr char kDecompose[] = "decompose";
constexpr int64_t kTasksMax = 1'000'000;                       // of `bounds tasks`
constexpr int64_t kSpentMax = 1'000'000'000'000'000;           // of `bounds cost` and `tokens`, as Task has it
constexpr size_t kNeedsMax = 64, kNeedBytesMax = 100;          // as Agent and Task have them
constexpr uint32_t kOfPlan = 0x10000;                          // variables of what is built here begin there

// Members of a planned piece of work, and the payload of `decompose`.
enum Member : uint32_t { kName, kRole, kDoes, kAfter, kGranting, kTokens, kCost };
enum Payload : uint32_t { kTasks, kParent };

WorkflowId TaskWorkflow(const Model& model) {
  const std::vector<Workflow>& workflows = model.program.schema.workflows;
  for (size_t i = 0; i < workflows.size(); ++i) {
    if (workflows[i].qualified == kTaskWorkflow) return WorkflowId(i);
  }
  return {};
}

FieldId TaskField(const Model& model, const char* name) {
  return FieldId(model.names(TaskWorkflow(model)).fields.at(name));
}

TransitionId TaskTransition(const Model& model, const char* name) {
  return TransitionId(model.names(TaskWorkflow(model)).transitions.at(name));
}

StateId TaskState(const Model& model, const char* name) {
  return StateId(model.names(TaskWorkflow(model)).states.at(name));
}

// ---------------------------------------------------------------- expressions that nobody wrote

ExprPtr Node(ExprKind kind, const Type& type, ast::Span span) {
  auto node = std::make_unique<typed::Expr>();
  node->kind = kind;
  node->type.type = type;
  node->span = span;
  return node;
}

template <typename... P>
ExprPtr Node(ExprKind kind, const Type& type, ast::Span span, P... children) {
  ExprPtr node = Node(kind, type, span);
  (node->children.push_back(std::move(children)), ...);
  return node;
}

template <typename... P>
ExprPtr Truth(ExprKind kind, ast::Span span, P... children) {
  return Node(kind, Of(TypeKind::kBool), span, std::move(children)...);
}

ExprPtr Number(const Type& type, Num number, ast::Span span) {
  ExprPtr node = Node(ExprKind::kConstant, type, span);
  node->number = number;
  return node;
}
ExprPtr Int(Num number, ast::Span span) { return Number(Of(TypeKind::kInt), number, span); }

ExprPtr Text(const std::string& text, ast::Span span) {
  ExprPtr node = Node(ExprKind::kConstant, Of(TypeKind::kString), span);
  node->text = text;
  node->type.type.capacity = static_cast<uint32_t>(text.size());
  return node;
}

ExprPtr Slot(SlotRoot root, uint32_t index, const Type& type, ast::Span span) {
  ExprPtr node = Node(ExprKind::kSlot, type, span);
  node->root = root;
  node->index = index;
  return node;
}

ExprPtr Variable(uint32_t variable, const Type& type, ast::Span span) {
  ExprPtr node = Node(ExprKind::kVariable, type, span);
  node->variable = variable;
  return node;
}

// Both, where one may be left out.
ExprPtr And(ExprPtr a, ExprPtr b) {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  const ast::Span span = a->span;
  return Truth(ExprKind::kAnd, span, std::move(a), std::move(b));
}

ExprPtr Or(ExprPtr a, ExprPtr b) {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  const ast::Span span = a->span;
  return Truth(ExprKind::kOr, span, std::move(a), std::move(b));
}

ExprPtr Not(ExprPtr a) {
  const ast::Span span = a->span;
  return Truth(ExprKind::kNot, span, std::move(a));
}

ExprPtr More(ExprPtr a, ExprPtr than) {
  const ast::Span span = a->span;
  return Truth(ExprKind::kLess, span, std::move(than), std::move(a));
}

ExprPtr Plus(ExprPtr a, ExprPtr b) {
  const ast::Span span = a->span;
  return Node(ExprKind::kAdd, Of(TypeKind::kInt), span, std::move(a), std::move(b));
}

ExprPtr Minus(ExprPtr a, ExprPtr b) {
  const ast::Span span = a->span;
  return Node(ExprKind::kSubtract, Of(TypeKind::kInt), span, std::move(a), std::move(b));
}

ExprPtr Over(QuantifierOp op, const Type& type, ExprPtr body, ExprPtr source, ExprPtr where, uint32_t variable) {
  const ast::Span span = source->span;
  ExprPtr node = Node(ExprKind::kQuantifier, type, span, std::move(body), std::move(source), std::move(where));
  node->op = op;
  node->variable = variable;
  return node;
}

// The same of the instance as it is before a proposal.
ExprPtr Before(ExprPtr expr) {
  if (expr == nullptr) return expr;
  if (expr->kind == ExprKind::kSlot && expr->root == SlotRoot::kAfter) expr->root = SlotRoot::kBefore;
  for (ExprPtr& child : expr->children) child = Before(std::move(child));
  return expr;
}

// ---------------------------------------------------------------- facts over tasks

// Which tasks a fact counts: those in these states, of one instance, and (unless it counts all of them) of one name.
struct Counted {
  const char* name;
  std::vector<const char*> states;
  bool by_name = true;
};

const Counted kDone{"done", {"done"}};
const Counted kUndone{"undone", {"waiting", "running", "failed", "expired", "cancelled"}};
const Counted kFailed{"failed", {"failed", "expired"}};
const Counted kStarted{"started", {"running", "done", "failed", "expired"}};
const Counted kUnfinished{"unfinished", {"waiting", "running"}};
const Counted kLost{"lost", {"failed", "expired", "cancelled"}};
const Counted kEver{"ever", {"waiting", "running", "done", "failed", "expired", "cancelled"}};
const Counted kOfTree{"of_tree", {"waiting", "running", "done", "failed", "expired", "cancelled"}, false};

ExprPtr TaskSlot(const Model& model, const char* field, ast::Span span) {
  const FieldId id = TaskField(model, field);
  const TypeId type = model.program.schema.workflows[TaskWorkflow(model).value].fields[id.value].type;
  return Slot(SlotRoot::kAfter, id.value, model.program.schema.types[type.value], span);
}

// The fact's own table: `fact writ.Task.done/INSTANCE/TASK`.
uint32_t AddTaskFact(Model& model, const std::string& name, typed::Fact fact) {
  Workflow table;
  table.name = name;
  table.package = kBuiltinPackage;
  table.qualified = absl::StrCat(kTaskWorkflow, ".", name);
  table.is_fact = true;
  static const char* const kParts[] = {"on", "rule"};
  for (size_t i = 0; i < fact.key.size(); ++i) {
    Field part;
    part.name = kParts[i];
    part.type = model.types.Intern(fact.key[i]->type.type);
    table.key.push_back(std::move(part));
  }
  model.schema().workflows.push_back(std::move(table));
  fact.keyed = WorkflowId(model.schema().workflows.size() - 1);
  fact.workflow = TaskWorkflow(model);
  fact.type = {Of(TypeKind::kInt), 0};
  const uint32_t id = model.AddFact(std::move(fact));
  model.task_facts.emplace(name, id);
  return id;
}

uint32_t FactOf(Model& model, const Counted& counted) {
  if (const auto at = model.task_facts.find(counted.name); at != model.task_facts.end()) return at->second;
  typed::Fact fact;
  fact.kind = typed::Fact::Kind::kPopulation;
  for (const char* state : counted.states) fact.states.push_back(TaskState(model, state));
  std::sort(fact.states.begin(), fact.states.end());
  fact.key.push_back(TaskSlot(model, "on", {}));
  if (counted.by_name) fact.key.push_back(TaskSlot(model, "rule", {}));
  return AddTaskFact(model, counted.name, std::move(fact));
}

// What is read of a fact over the tasks of an instance; `rule` is empty where it is over all of them.
ExprPtr Keyed(uint32_t fact, ExprPtr on, const std::string& rule, ast::Span span) {
  ExprPtr node = Node(ExprKind::kKeyedFact, Of(TypeKind::kInt), span, std::move(on));
  node->index = fact;
  if (!rule.empty()) node->children.push_back(Text(rule, span));
  return node;
}

// The stream of the instance that is looked at: lower/ puts the text in front of the key.
ExprPtr ThisStream(const Model& model, WorkflowId workflow, ast::Span span) {
  ExprPtr node = Slot(SlotRoot::kThisKey, 0, Of(TypeKind::kString), span);
  node->text = absl::StrCat(model.program.schema.workflows[workflow.value].qualified, "/");
  return node;
}

ExprPtr CountOf(Model& model, const Counted& counted, WorkflowId workflow, const std::string& rule, ast::Span span) {
  const uint32_t fact = FactOf(model, counted);
  return Keyed(fact, ThisStream(model, workflow, span), counted.by_name ? rule : "", span);
}

ExprPtr Some(Model& model, const Counted& counted, WorkflowId workflow, const std::string& rule, ast::Span span) {
  return More(CountOf(model, counted, workflow, rule, span), Int(0, span));
}

// ---------------------------------------------------------------- the ledger

// What the tasks of an instance cost so far: of an open one what is reserved for it or what it has spent, whichever is
// more; of a closed one what it has spent. Three sums over the events of Task come to that.
class Ledger {
 public:
  Ledger(Model& model, bool tokens) : model_(model), tokens_(tokens) {}

  // Of the instance whose stream `on` is.
  ExprPtr Of(const std::function<ExprPtr()>& on, ast::Span span) {
    const uint32_t reserved = Reserved(), past = Past(), freed = Freed();
    return Minus(Plus(Keyed(reserved, on(), "", span), Keyed(past, on(), "", span)),
                 Keyed(freed, on(), "", span));
  }

 private:
  const char* FieldName() const { return tokens_ ? "tokens" : "cost"; }
  std::string Name(const char* what) const { return absl::StrCat(FieldName(), "_", what); }
  ExprPtr Given() const { return TaskSlot(model_, FieldName(), {}); }
  ExprPtr Spent() const { return TaskSlot(model_, tokens_ ? "spent_tokens" : "spent_cost", {}); }
  static ExprPtr Positive(ExprPtr number) {
    ExprPtr again = typed::Clone(number);
    const ast::Span span = number->span;
    return Node(ExprKind::kIf, check::Of(TypeKind::kInt), span, More(std::move(again), Int(0, span)), std::move(number),
                Int(0, span));
  }

  uint32_t Sum(const char* what, const std::vector<const char*>& of, const std::function<ExprPtr()>& value) {
    if (const auto at = model_.task_facts.find(Name(what)); at != model_.task_facts.end()) return at->second;
    typed::Fact fact;
    fact.kind = typed::Fact::Kind::kSum;
    for (const char* transition : of) fact.pattern.transitions.push_back(TaskTransition(model_, transition));
    std::sort(fact.pattern.transitions.begin(), fact.pattern.transitions.end());
    fact.value = value();
    fact.key.push_back(TaskSlot(model_, "on", {}));
    return AddTaskFact(model_, Name(what), std::move(fact));
  }

  uint32_t Reserved() {
    return Sum("reserved", {"open"}, [this] { return Given(); });
  }

  // What is metered past what was reserved; of a closed task all that is metered.
  uint32_t Past() {
    return Sum("past", {"spend"}, [this] {
      const ExprPtr metered = Slot(SlotRoot::kPayload, tokens_ ? 1 : 0, check::Of(TypeKind::kInt), {});
      ExprPtr now = Positive(Minus(Spent(), Given()));
      ExprPtr earlier = Positive(Minus(Minus(Spent(), typed::Clone(metered)), Given()));
      ExprPtr is_open;
      for (const char* state : {"waiting", "running"}) {
        Type type = check::Of(TypeKind::kInt, TaskWorkflow(model_).value);
        type.distinct = kStateMark;
        is_open = Or(std::move(is_open), Truth(ExprKind::kEqual, {}, Slot(SlotRoot::kState, 0, type, {}),
                                               Number(type, TaskState(model_, state).value, {})));
      }
      return Node(ExprKind::kIf, check::Of(TypeKind::kInt), {}, std::move(is_open), Minus(std::move(now), std::move(earlier)),
                  typed::Clone(metered));
    });
  }

  uint32_t Freed() {
    return Sum("freed", {"report", "fail", "expire", "cancel"}, [this] { return Positive(Minus(Given(), Spent())); });
  }

  Model& model_;
  bool tokens_;
};

// ---------------------------------------------------------------- names

class PlanBuilder {
 public:
  PlanBuilder(Model& model, PlanNames& names)
      : model_(model), names_(names), node_(*names.node), workflow_(names.workflow) {}

  void Declare() {
    Plan plan;
    Bounds(&plan);
    Propose(&plan);
    Collect();
    for (auto& [name, task] : names_.tasks) {
      if (task.addition == nullptr) DeclareTask(&task, &plan);
      else DeclareAddition(&task, &plan);
    }
    for (auto& [name, task] : names_.tasks) Holds(&task);
    for (const ast::PlannedTask& task : node_.plan) After(task, &plan);
    Circles(plan);
    Finallys(&plan);
    for (const ast::Sub& sub : node_.subs) AddSub(sub, &plan);
    std::sort(plan.subs.begin(), plan.subs.end(), [](const SubPlan& a, const SubPlan& b) { return a.task < b.task; });
    model_.workflow(workflow_).plans.push_back(std::move(plan));
  }

 private:
  Workflow& Own() { return model_.workflow(workflow_); }
  std::string Name(const std::string& task) { return TaskOfPlan(Own().qualified, task); }

  // ---------------------------------------------------------------- bounds

  void Bounds(Plan* plan) {
    std::set<std::string> seen;
    for (const ast::Bound& bound : node_.bounds) {
      if (!seen.insert(bound.name.text).second) {
        model_.sink.Report(bound.name.span, diagnostics::kNamedTwice, bound.name);
        continue;
      }
      AddBound(bound, plan);
    }
  }

  void AddBound(const ast::Bound& bound, Plan* plan) {
    struct Row { const char* name; TypeKind kind; const char* words; int64_t most; };
    static const Row kRows[] = {{"depth", TypeKind::kInt, "a whole number", limits::kTaskDepthMax},
                                {"fanout", TypeKind::kInt, "a whole number", limits::kTasksOpenedMax},
                                {"tasks", TypeKind::kInt, "a whole number", kTasksMax},
                                {"cost", TypeKind::kMoney, "an amount of money", kSpentMax},
                                {"tokens", TypeKind::kInt, "a whole number", kSpentMax},
                                {"deadline", TypeKind::kDuration, "a duration", limits::kTimeMax}};
    const auto row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return bound.name.text == r.name; });
    if (row == std::end(kRows)) {
      model_.sink.Report(bound.name.span, diagnostics::kUnknownBound, bound.name)
          .Help(Hint(model_.sink, bound.name.text, {"depth", "fanout", "tasks", "cost", "tokens", "deadline"}));
      return;
    }
    if (bound.value == nullptr) return;
    const std::optional<check::Number> value =
        Types::IsNumber(*bound.value) ? model_.types.ReadNumber(*bound.value) : std::nullopt;
    if (!value.has_value() || value->type.kind != row->kind || value->value <= 0 || value->value > row->most) {
      if (value.has_value() || !Types::IsNumber(*bound.value)) {
        const std::string most = row->kind == TypeKind::kInt ? absl::StrCat(row->most) : "what a task can have";
        model_.sink.Report(bound.value->span, diagnostics::kBadBound, bound.name, row->words, most);
      }
      return;
    }
    const int64_t number = static_cast<int64_t>(value->value);
    names_.bounds[bound.name.text] = number;
    if (bound.name.text == "depth") plan->depth = static_cast<uint32_t>(number);
    if (bound.name.text == "deadline") plan->deadline_ns = number;
    if (bound.name.text == "tokens") plan->tokens = number;
    if (bound.name.text != "cost") return;
    plan->cost = number;
    plan->currency = value->type.index;
  }

  int64_t BoundOf(const char* name, int64_t otherwise) const {
    const auto at = names_.bounds.find(name);
    return at == names_.bounds.end() ? otherwise : at->second;
  }

  // ---------------------------------------------------------------- what a planner proposes

  // `decompose: in … { tasks: list<PlannedWork>  parent: Task? }`
  void Propose(Plan* plan) {
    Workflow& own = Own();
    WorkflowNames& names = model_.workflows[workflow_.value];
    if (const auto at = names.transitions.find(kDecompose); at != names.transitions.end()) {
      model_.sink.Report(names.transition_spans[at->second], diagnostics::kDecomposeTaken, own.name)
          .Related(node_.span, "the plan is here");
      plan->decompose = TransitionId(at->second);
      names_.is_taken = true;
      return;
    }
    Transition propose;
    propose.name = kDecompose;
    propose.stays = true;
    for (size_t s = 0; s < own.states.size(); ++s) {
      if (!own.states[s].is_final) propose.sources.push_back(StateId(s));
    }
    Type work = Of(TypeKind::kList);
    work.capacity = limits::kPlanTasksMax;
    work.key = FieldId(kName);
    work.element = model_.types.Intern(Of(TypeKind::kRecord, Work(*plan).value));
    Type parent = Of(TypeKind::kReference, TaskWorkflow(model_).value);
    parent.optional = true;
    propose.payload = {Named("tasks", work), Named("parent", parent)};
    plan->decompose = TransitionId(own.transitions.size());
    names.transitions.emplace(kDecompose, plan->decompose.value);
    names.transition_spans.push_back(node_.span);
    names.transition_nodes.push_back(nullptr);
    own.transitions.push_back(std::move(propose));
  }

  Field Named(const char* name, const Type& type) {
    Field field;
    field.name = name;
    field.type = model_.types.Intern(type);
    return field;
  }

  Type TextOf(uint32_t capacity, bool optional) {
    Type type = Of(TypeKind::kString);
    type.capacity = capacity;
    type.optional = optional;
    return type;
  }

  RecordId Work(const Plan& plan) {
    const auto list = [&](uint32_t most) {
      Type type = Of(TypeKind::kList);
      type.optional = true;
      type.capacity = most;
      type.element = model_.types.Intern(TextOf(100, false));
      return type;
    };
    Type tokens = Of(TypeKind::kInt);
    tokens.optional = true;
    tokens.min = 0;
    tokens.max = kSpentMax;
    Record record{absl::StrCat(Own().name, ".PlannedWork"), {}};
    record.members = {Named("name", TextOf(100, false)), Named("role", Of(TypeKind::kRole)), Named("does", TextOf(200, true)),
                      Named("after", list(limits::kPlanTasksMax)), Named("granting", list(32)), Named("tokens", tokens)};
    if (plan.currency != UINT32_MAX) {
      Type cost = tokens;
      cost.kind = TypeKind::kMoney;
      cost.index = plan.currency;
      record.members.push_back(Named("cost", cost));
    }
    model_.schema().records.push_back(std::move(record));
    return RecordId(model_.schema().records.size() - 1);
  }

  // ---------------------------------------------------------------- tasks

  void Collect() {
    const auto add = [&](const ast::PlannedTask& task, const ast::Addition* addition) {
      if (task.name.empty()) return;
      TaskNames names;
      names.node = &task;
      names.addition = addition;
      names.rule = Name(task.name.text);
      const auto [at, is_new] = names_.tasks.emplace(task.name.text, std::move(names));
      if (!is_new) {
        model_.sink.Report(task.name.span, diagnostics::kPlanTaskTwice, task.name)
            .Related(at->second.node->name.span, "the other is here");
      }
    };
    for (const ast::PlannedTask& task : node_.plan) add(task, nullptr);
    for (const ast::Addition& addition : node_.additions) add(addition.task, &addition);
    if (!node_.plan.empty()) model_.WithinLimit(node_.plan[0].span, names_.tasks.size(), "tasks of a plan", limits::kPlanTasksMax);
  }

  // What does it: a transition of the workflow, or of another one that belongs to it. None: it is reported.
  void Does(const ast::PlannedTask& task, WorkflowId* on, TransitionId* does) {
    *on = workflow_;
    if (!task.workflow.empty()) *on = model_.FindWorkflow(task.workflow);
    if (task.does.size() > 1) model_.sink.Report(task.does[1].span, diagnostics::kTaskDoesOne);
    if (!on->valid()) {
      *on = workflow_;
      return;
    }
    const bool reports = task.does.empty() || (task.does[0].text == "report" &&
                                               model_.names(*on).transitions.count("report") == 0);
    if (!reports) *does = model_.FindTransition(*on, task.does[0]);
  }

  void DeclareTask(TaskNames* names, Plan* plan) {
    const ast::PlannedTask& node = *names->node;
    PlannedTask task;
    task.name = node.name.text;
    task.role = model_.FindRole(node.role);
    Does(node, &task.on, &task.does);
    task.needs = node.needs;
    std::sort(task.needs.begin(), task.needs.end());
    task.needs.erase(std::unique(task.needs.begin(), task.needs.end()), task.needs.end());
    model_.WithinLimit(node.name.span, task.needs.size(), "needs of a task", kNeedsMax);
    for (const std::string& need : task.needs) {
      if (need.size() > kNeedBytesMax) model_.sink.Report(node.name.span, diagnostics::kTextTooLong, need.size(), kNeedBytesMax);
    }
    names->role = task.role;
    names->on = task.on;
    names->does = task.does;
    if (node.ladder != nullptr) {
      LadderSite site;
      site.workflow = workflow_;
      site.of_task = true;
      task.ladder = BuildLadder(model_, *node.ladder, site);
    }
    names->index = static_cast<uint32_t>(plan->tasks.size());
    plan->tasks.push_back(std::move(task));
  }

  void DeclareAddition(TaskNames* names, Plan* plan) {
    const ast::PlannedTask& node = *names->node;
    Addition added;
    added.name = node.name.text;
    added.role = model_.FindRole(node.role);
    added.must = names->addition->must;
    Does(node, &added.on, &added.does);
    const auto no = [&](bool there, ast::Span span, const char* what) {
      if (there) model_.sink.Report(span, diagnostics::kAdditionClause, absl::StrCat("`", what, "`"));
    };
    no(node.source != nullptr, node.source != nullptr ? node.source->span : node.span, "for");
    no(!node.after.empty(), node.after.empty() ? node.span : node.after[0].span, "after");
    no(!node.needs.empty(), node.span, "needs");
    no(node.ladder != nullptr, node.ladder != nullptr ? node.ladder->span : node.span, "within");
    no(!names->addition->must && !node.holds.empty(), node.holds.empty() ? node.span : node.holds[0].span, "holds");
    names->role = added.role;
    names->on = added.on;
    names->does = added.does;
    names->index = static_cast<uint32_t>(plan->additions.size());
    plan->additions.push_back(std::move(added));
  }

  void Holds(TaskNames* task) {
    bool ok = true;
    for (TransitionId t : model_.FindTransitions(workflow_, task->node->holds, &ok)) {
      const Transition& held = model_.transition(workflow_, t);
      const char* why = nullptr;
      if (Halts(Own(), held)) why = "leads into a halted state";
      if (std::find(held.sources.begin(), held.sources.end(), kNewState) != held.sources.end()) why = "creates what is planned";
      if (held.name == kDecompose) why = "is how a plan is made";
      if (why == nullptr) {
        task->holds.push_back(t);
        continue;
      }
      const auto name = std::find_if(task->node->holds.begin(), task->node->holds.end(),
                                     [&](const ast::Name& n) { return n.text == held.name || n.text == "any"; });
      model_.sink.Report(name->span, diagnostics::kPlanHolds, held.name, why);
    }
  }

  const TaskNames* Find(const ast::Name& name) {
    if (const auto at = names_.tasks.find(name.text); at != names_.tasks.end()) return &at->second;
    if (!name.empty()) ReportUnknown(model_, names_, name);
    return nullptr;
  }

 public:
  static void ReportUnknown(Model& model, const PlanNames& names, const ast::Name& name) {
    std::vector<std::string> known;
    for (const auto& [task, row] : names.tasks) known.push_back(task);
    model.sink.Report(name.span, diagnostics::kUnknownPlanTask, name).Help(Hint(model.sink, name.text, known));
  }

 private:
  void After(const ast::PlannedTask& node, Plan* plan) {
    const auto own = names_.tasks.find(node.name.text);
    if (own == names_.tasks.end() || own->second.node != &node) return;
    std::vector<uint32_t>& after = plan->tasks[own->second.index].after;
    for (const ast::Name& name : node.after) {
      const TaskNames* before = Find(name);
      if (before == nullptr) continue;
      if (before->addition != nullptr) {
        ReportUnknown(model_, names_, name);
      } else if (std::find(after.begin(), after.end(), before->index) != after.end()) {
        model_.sink.Report(name.span, diagnostics::kNamedTwice, name);
      } else {
        after.push_back(before->index);
      }
    }
    std::sort(after.begin(), after.end());
  }

  void Circles(const Plan& plan) {
    std::vector<char> state(plan.tasks.size(), 0);  // 1: on the way, 2: done
    const std::function<void(uint32_t)> visit = [&](uint32_t at) {
      state[at] = 1;
      for (const uint32_t before : plan.tasks[at].after) {
        if (state[before] == 0) visit(before);
        if (state[before] != 1) continue;
        const TaskNames& task = names_.tasks.at(plan.tasks[before].name);
        model_.sink.Report(task.node->name.span, diagnostics::kTaskCircle, task.node->name);
        state[before] = 2;
      }
      state[at] = 2;
    };
    for (uint32_t i = 0; i < plan.tasks.size(); ++i) {
      if (state[i] == 0) visit(i);
    }
  }

  // ---------------------------------------------------------------- how it ends, and who plans under it

  void Finallys(Plan* plan) {
    for (const ast::Finally& node : node_.finallys) {
      const TransitionId t = model_.FindTransition(workflow_, node.transition);
      if (!t.valid()) continue;
      if (const std::optional<std::string> needs = NeedsValues(model_, workflow_, t); needs.has_value()) {
        model_.sink.Report(node.transition.span, diagnostics::kFinallyNeedsValues, node.transition, *needs);
        continue;
      }
      const auto [at, is_new] = names_.finallys.emplace(t, &node);
      if (!is_new) {
        model_.sink.Report(node.transition.span, diagnostics::kFinallyTwice, node.transition)
            .Related(at->second->span, "the other is here");
      }
    }
    for (const auto& [t, node] : names_.finallys) plan->finallys.push_back({t, RuleId()});
  }

  void AddSub(const ast::Sub& node, Plan* plan) {
    SubPlan sub;
    const TaskNames* task = Find(node.task);
    bool ok = task != nullptr;
    sub.among = model_.FindRoles(node.among, nullptr, &ok);
    sub.granting = model_.FindTransitions(workflow_, node.granting, &ok);
    for (const ast::Limit& limit : node.limits) AddLimit(limit, &sub);
    std::sort(sub.limits.begin(), sub.limits.end(), [](const SubLimit& a, const SubLimit& b) { return a.field < b.field; });
    if (node.within != nullptr) {
      const std::optional<Num> within = Expressions(model_, {}).CheckConstant(*node.within, TypeKind::kDuration);
      if (within.has_value() && *within <= 0) model_.sink.Report(node.within->span, diagnostics::kLadderNotPositive);
      if (within.has_value() && *within > 0) sub.within_ns = static_cast<int64_t>(*within);
    }
    if (!ok) return;
    sub.task = node.task.text;
    sub.role = task->role;
    const bool twice = std::any_of(plan->subs.begin(), plan->subs.end(), [&](const SubPlan& s) { return s.task == sub.task; });
    if (twice) {
      model_.sink.Report(node.task.span, diagnostics::kNamedTwice, node.task);
      return;
    }
    names_.subs.emplace(sub.task, &node);
    plan->subs.push_back(std::move(sub));
  }

  // A grant limits fields, as `give` does: what a proposal carries is nobody's before it is made.
  void AddLimit(const ast::Limit& limit, SubPlan* sub) {
    if (limit.field.empty()) return;
    const NameIndex& fields = model_.names(workflow_).fields;
    const auto at = fields.find(limit.field.text);
    if (at == fields.end()) {
      model_.sink.Report(limit.field.span, diagnostics::kSubLimitField, limit.field, Own().name)
          .Help(Hint(model_.sink, limit.field.text, NamesOf(fields)));
      return;
    }
    const FieldId field(at->second);
    const auto same = [&](const SubLimit& other) { return other.field == field; };
    if (std::any_of(sub->limits.begin(), sub->limits.end(), same)) {
      model_.sink.Report(limit.field.span, diagnostics::kNamedTwice, limit.field);
      return;
    }
    const Type& type = model_.types.At(Own().fields[field.value].type);
    const ExprPtr most = CheckLimitValue(model_, workflow_, limit, type);
    if (most == nullptr || !model_.types.CheckInRange(limit.value->span, type, most->number)) return;
    sub->limits.push_back({field, static_cast<int64_t>(most->number)});
  }

  Model& model_;
  PlanNames& names_;
  const ast::Decomposition& node_;
  WorkflowId workflow_;
};

// ---------------------------------------------------------------- what it comes to

constexpr int64_t kPositionBytes = 19;
constexpr int64_t kNumberBytes = 40;  // any value that is no text, written out
constexpr int kKeyDepthMax = 8;       // as keys of references to references are read

// How long such a value is at most, as the text of a key.
int64_t MostBytes(Model& model, const Type& type, int depth = 0) {
  if (type.kind == TypeKind::kString) return type.capacity;
  if (type.kind == TypeKind::kEnum) {
    size_t most = 0;
    for (const EnumMember& member : model.schema().enums[type.index].members) most = std::max(most, member.name.size());
    return static_cast<int64_t>(most);
  }
  if (type.kind != TypeKind::kReference || depth == kKeyDepthMax) return kNumberBytes;
  const std::vector<Field>& key = model.workflow(WorkflowId(type.index)).key;
  int64_t most = 0;
  for (const Field& part : key) {
    const int64_t bytes = MostBytes(model, model.types.At(part.type), depth + 1);
    most += key.size() == 1 ? bytes : 2 * bytes + 1;  // a part of several is escaped, and `|` stands between
  }
  return most;
}

class PlanChecker {
 public:
  PlanChecker(Model& model, PlanNames& names)
      : model_(model), names_(names), node_(*names.node), workflow_(names.workflow), span_(names.node->workflow.span) {}

  // `start_over`: what keeps tasks from being started; `incapable`: from being started and reported.
  void Check(typed::ExprPtr* start_over, typed::ExprPtr* incapable) {
    typed::Plan out;
    out.workflow = workflow_;
    int64_t opened = 0;
    for (const PlannedTask& task : Plan().tasks) out.tasks.push_back(Task(names_.tasks.at(task.name), &opened));
    const auto most = names_.bounds.find("tasks");
    if (most != names_.bounds.end() && opened > most->second) {
      model_.sink.Report(span_, diagnostics::kPlanTooLarge, opened, "`bounds tasks`", most->second);
    } else if (opened > int64_t{limits::kTasksOpenedMax}) {
      model_.sink.Report(span_, diagnostics::kPlanTooLarge, opened, "one commit", limits::kTasksOpenedMax);
    }
    for (const PlannedTask& task : Plan().tasks) CheckAfter(task);
    CheckNames();
    for (const auto& [t, node] : names_.finallys) out.finallys.push_back(Finally(*node));
    for (const auto& [name, task] : names_.tasks) {
      if (task.addition != nullptr) Addition(task);
    }
    Wanted(out);
    Covers();
    Bounds(start_over);
    *incapable = Or(std::move(*incapable), Needs());
    model_.program.plans.push_back(std::move(out));
  }

 private:
  const writ::Plan& Plan() { return model_.workflow(workflow_).plans[0]; }
  writ::Plan& Row() { return model_.workflow(workflow_).plans[0]; }
  Scope Here() { return {ScopeKind::kCondition, workflow_, {}, {}, &names_}; }

  bool May(RoleId role, WorkflowId on, TransitionId transition) const {
    return std::any_of(model_.program.grants.begin(), model_.program.grants.end(), [&](const typed::Grant& grant) {
      return grant.role == role && grant.workflow == on && grant.transition == transition && !grant.consent;
    });
  }

  void CheckRole(const TaskNames& task) {
    if (!task.role.valid() || !task.does.valid() || May(task.role, task.on, task.does)) return;
    model_.sink.Report(task.node->role.span, diagnostics::kTaskRoleMayNot, task.node->role,
                       model_.transition(task.on, task.does).name);
  }

  // ---------------------------------------------------------------- a task of the plan

  typed::PlannedTask Task(const TaskNames& task, int64_t* opened) {
    typed::PlannedTask out;
    CheckRole(task);
    const Expressions::Each each = Expressions(model_, Here()).CheckEach(*task.node, &out);
    PlannedTask row = Plan().tasks[task.index];
    row.capacity = each.capacity;
    *opened += std::max<int64_t>(1, each.capacity);
    if (each.ok && task.on != workflow_) Owner(task, each, &row);
    if (each.ok && each.element.has_value()) CheckLength(task, *each.element);
    const auto fanout = names_.bounds.find("fanout");
    if (fanout != names_.bounds.end() && int64_t{each.capacity} > fanout->second) {
      model_.sink.Report(task.node->source->span, diagnostics::kPlanTooLarge, each.capacity, "`bounds fanout`", fanout->second);
    }
    Row().tasks[task.index] = std::move(row);
    return out;
  }

  static std::string Several(const std::vector<std::string>& found) {
    if (found.empty()) return "none";
    return absl::StrCat("`", found[0], "` and `", found[1], "`");
  }

  // Which of the other workflow's instances does the task: the one whose one field refers to what is decomposed, and whose
  // other one is the task's element.
  void Owner(const TaskNames& task, const Expressions::Each& each, PlannedTask* row) {
    const Workflow& on = model_.workflow(task.on);
    std::vector<std::string> owners, elements;
    for (size_t f = 0; f < on.fields.size(); ++f) {
      if (!on.fields[f].type.valid()) continue;
      const Type& type = model_.types.At(on.fields[f].type);
      if (type.kind == TypeKind::kReference && type.index == workflow_.value) {
        row->owner = FieldId(f);
        owners.push_back(on.fields[f].name);
      } else if (each.element.has_value() && SameType(type, *each.element)) {
        row->element = FieldId(f);
        elements.push_back(on.fields[f].name);
      }
    }
    const ast::Span span = task.node->workflow.span;
    if (owners.size() != 1) {
      model_.sink.Report(span, diagnostics::kTaskOwner, on.name, model_.workflow(workflow_).name, Several(owners));
    } else if (each.element.has_value() && elements.size() != 1) {
      model_.sink.Report(span, diagnostics::kTaskElement, on.name, model_.types.Words(*each.element), Several(elements));
    }
  }

  // A task's id is its position, its name and its element, and it keeps the element by itself, too.
  void CheckLength(const TaskNames& task, const Type& element) {
    const Workflow& declared = model_.workflow(TaskWorkflow(model_));
    const int64_t whole = model_.types.At(declared.key[0].type).capacity;
    const int64_t alone = model_.types.At(declared.fields[TaskField(model_, "of").value].type).capacity;
    const int64_t around = kPositionBytes + int64_t(task.node->name.text.size()) + 2;
    const int64_t room = std::max<int64_t>(std::min(whole - around, alone), 0);
    const int64_t most = MostBytes(model_, element);
    if (most <= room) return;
    model_.sink.Report(task.node->source->span, diagnostics::kTaskElementLong, most, task.node->name, room);
  }

  // What a rule opens and what the plan does may be opened by one event, and are told apart by their names.
  void CheckNames() {
    for (const auto& [opened, span] : model_.opened_tasks) {
      const auto& [workflow, transition, name] = opened;
      const auto planned = names_.tasks.find(name);
      if (workflow != workflow_ || planned == names_.tasks.end()) continue;
      if (planned->second.addition != nullptr && transition != Plan().decompose) continue;  // only that opens it
      model_.sink.Report(span, diagnostics::kTaskTwice, name, model_.transition(workflow, transition).name)
          .Related(planned->second.node->name.span, "the other one");
    }
  }

  // A task names those that come before it.
  void CheckAfter(const PlannedTask& task) {
    size_t before = 0;
    for (const uint32_t i : task.after) before += std::max<size_t>(1, Plan().tasks[i].capacity);
    if (before <= limits::kPlanTasksMax) return;
    const TaskNames& names = names_.tasks.at(task.name);
    model_.sink.Report(names.node->after[0].span, diagnostics::kPlanTooLarge, before, "`after`", limits::kPlanTasksMax);
  }

  // No guard: everything that was opened is done.
  ExprPtr Finally(const ast::Finally& node) {
    if (node.when != nullptr) return Expressions(model_, Here()).CheckGuard(*node.when);
    ExprPtr some, all;
    for (const PlannedTask& task : Plan().tasks) {
      const std::string& rule = names_.tasks.at(task.name).rule;
      some = Or(std::move(some), Some(model_, kDone, workflow_, rule, node.span));
      all = And(std::move(all), Not(Some(model_, kUndone, workflow_, rule, node.span)));
    }
    if (some == nullptr) return Number(Of(TypeKind::kBool), 0, node.span);
    return And(std::move(some), std::move(all));
  }

  // ---------------------------------------------------------------- what planners add

  void Addition(const TaskNames& task) {
    CheckRole(task);
    if (task.node->when != nullptr) guards_[task.node->name.text] = Expressions(model_, Here()).CheckGuard(*task.node->when);
  }

  ExprPtr GuardOf(const TaskNames& task) {
    const auto at = guards_.find(task.node->name.text);
    return at == guards_.end() ? nullptr : typed::Clone(at->second);
  }

  ExprPtr Tasks() {
    const Field& field = model_.transition(workflow_, Plan().decompose).payload[kTasks];
    return Slot(SlotRoot::kPayload, kTasks, model_.types.At(field.type), span_);
  }
  ExprPtr Parent() {
    const Field& field = model_.transition(workflow_, Plan().decompose).payload[kParent];
    return Slot(SlotRoot::kPayload, kParent, model_.types.At(field.type), span_);
  }
  ExprPtr HasParent() { return Truth(ExprKind::kHas, span_, Parent()); }
  ExprPtr ParentField(const char* name) {
    const FieldId field = TaskField(model_, name);
    Type type = model_.types.At(model_.workflow(TaskWorkflow(model_)).fields[field.value].type);
    type.optional = true;
    ExprPtr node = Node(ExprKind::kDeref, type, span_, Parent());
    node->part = typed::kDerefField;
    node->index = field.value;
    return node;
  }

  const Record& WorkRecord() {
    const Field& field = model_.transition(workflow_, Plan().decompose).payload[kTasks];
    return model_.schema().records[model_.types.At(model_.types.At(field.type).element).index];
  }
  Type WorkType() {
    const Field& field = model_.transition(workflow_, Plan().decompose).payload[kTasks];
    return model_.types.At(model_.types.At(field.type).element);
  }
  ExprPtr MemberOf(uint32_t member) {
    const Type type = model_.types.At(WorkRecord().members[member].type);
    ExprPtr node = Node(ExprKind::kMember, type, span_, Variable(kOfPlan, WorkType(), span_));
    node->index = member;
    return node;
  }
  ExprPtr MemberIs(uint32_t member, const std::string& text) {
    return Truth(ExprKind::kIs, span_, MemberOf(member), Text(text, span_));
  }
  ExprPtr RoleIs(RoleId role) {
    return Truth(ExprKind::kEqual, span_, MemberOf(kRole), Number(Of(TypeKind::kRole), role.value, span_));
  }
  ExprPtr AnyTask(ExprPtr body) {
    return Over(QuantifierOp::kAny, Of(TypeKind::kBool), std::move(body), Tasks(), nullptr, kOfPlan);
  }
  ExprPtr AllTasks(ExprPtr body) {
    return Over(QuantifierOp::kAll, Of(TypeKind::kBool), std::move(body), Tasks(), nullptr, kOfPlan);
  }
  // Whether a proposed task grants anything, or (with a set) anything else.
  ExprPtr GrantsOther(const std::vector<TransitionId>& allowed) {
    ExprPtr granting = MemberOf(kGranting);
    const Type text = model_.types.At(granting->type.type.element);
    ExprPtr body = Number(Of(TypeKind::kBool), 1, span_);
    for (const TransitionId t : allowed) {
      body = And(std::move(body), Truth(ExprKind::kNotEqual, span_, Variable(kOfPlan + 1, text, span_),
                                        Text(model_.transition(workflow_, t).name, span_)));
    }
    return Over(QuantifierOp::kAny, Of(TypeKind::kBool), std::move(body), std::move(granting), nullptr, kOfPlan + 1);
  }

  // One of the tasks that may or must be added: its name, its role, and what does it.
  ExprPtr Matches(const TaskNames& task) {
    ExprPtr does;
    if (task.does.valid()) {
      const std::string& name = model_.transition(task.on, task.does).name;
      does = MemberIs(kDoes, task.on == workflow_ ? name : absl::StrCat(model_.workflow(task.on).name, ".", name));
    } else {
      does = Or(Not(Truth(ExprKind::kHas, span_, MemberOf(kDoes))), MemberIs(kDoes, "report"));
    }
    return And(And(MemberIs(kName, task.node->name.text), RoleIs(task.role)), std::move(does));
  }

  // Who may decompose, may do so with what may be added; and in the role of a task that is planned under, among its roles.
  void Covers() {
    std::vector<typed::Grant>& grants = model_.program.grants;
    for (typed::Grant& grant : grants) {
      if (grant.workflow == workflow_ && grant.transition == Plan().decompose) grant.when = And(std::move(grant.when), Added());
    }
    for (const SubPlan& sub : Plan().subs) {
      CheckGranting(sub);
      if (!sub.role.valid()) continue;
      typed::Grant grant;
      grant.role = sub.role;
      grant.workflow = workflow_;
      grant.transition = Plan().decompose;
      grant.when = Under(sub);
      grants.push_back(std::move(grant));
    }
    std::stable_sort(grants.begin(), grants.end(), [](const typed::Grant& a, const typed::Grant& b) {
      return std::tie(a.role, a.workflow, a.transition) < std::tie(b.role, b.workflow, b.transition);
    });
  }

  ExprPtr Added() {
    ExprPtr known, allowed;
    for (const auto& [name, task] : names_.tasks) {
      if (task.addition == nullptr || !task.role.valid()) continue;
      known = Or(std::move(known), Matches(task));
      if (ExprPtr guard = GuardOf(task); guard != nullptr) {
        allowed = And(std::move(allowed), Or(std::move(guard), Not(AnyTask(MemberIs(kName, name)))));
      }
    }
    if (known == nullptr) return Number(Of(TypeKind::kBool), 0, span_);
    ExprPtr grants_nothing = Not(AnyTask(GrantsOther({})));
    return And(And(Not(HasParent()), AllTasks(std::move(known))), And(std::move(grants_nothing), std::move(allowed)));
  }

  ExprPtr Under(const SubPlan& sub) {
    ExprPtr among;
    for (const RoleId role : sub.among) among = Or(std::move(among), RoleIs(role));
    ExprPtr is_it = And(Truth(ExprKind::kIs, span_, ParentField("name"), Text(sub.task, span_)),
                        Truth(ExprKind::kIs, span_, ParentField("role"), Number(Of(TypeKind::kRole), sub.role.value, span_)));
    ExprPtr open;
    for (const char* state : {"waiting", "running"}) {
      Type type = Of(TypeKind::kInt, TaskWorkflow(model_).value);
      type.distinct = kStateMark;
      type.optional = true;
      ExprPtr of_parent = Node(ExprKind::kDeref, type, span_, Parent());
      of_parent->part = typed::kDerefState;
      type.optional = false;
      open = Or(std::move(open), Truth(ExprKind::kIs, span_, std::move(of_parent),
                                       Number(type, TaskState(model_, state).value, span_)));
    }
    return And(And(std::move(is_it), std::move(open)),
               And(AllTasks(std::move(among)), Not(AnyTask(GrantsOther(sub.granting)))));
  }

  void CheckGranting(const SubPlan& sub) {
    const ast::Sub& node = *names_.subs.at(sub.task);
    for (const ast::Name& name : node.granting) {
      const auto t = model_.names(workflow_).transitions.find(name.text);
      if (t == model_.names(workflow_).transitions.end() || !sub.role.valid()) continue;
      if (May(sub.role, workflow_, TransitionId(t->second))) continue;
      model_.sink.Report(name.span, diagnostics::kSubGrantsMore, model_.schema().roles[sub.role.value].name, name);
    }
  }

  // ---------------------------------------------------------------- what it restrains

  // Who starts or reports a task that needs capabilities has them, as the registry knows him.
  ExprPtr Incapable(const TaskNames& task, WorkflowId agent, uint32_t capabilities) {
    const ast::Span span = task.node->span;
    const Type type = model_.types.At(model_.workflow(agent).fields[capabilities].type);
    ExprPtr lacks;
    for (const std::string& need : task.node->needs) {
      Type actor = Of(TypeKind::kReference, agent.value);
      actor.optional = true;
      ExprPtr who = Node(ExprKind::kEntityLookup, actor, span, Slot(SlotRoot::kActorId, 0, Of(TypeKind::kString), span));
      who->index = agent.value;
      ExprPtr has = Node(ExprKind::kDeref, type, span, std::move(who));
      has->part = typed::kDerefField;
      has->index = capabilities;
      lacks = Or(std::move(lacks), Not(Truth(ExprKind::kIn, span, Text(need, span), std::move(has))));
    }
    ExprPtr rule = TaskSlot(model_, "rule", span);
    rule->root = SlotRoot::kBefore;
    return And(Truth(ExprKind::kEqual, span, std::move(rule), Text(task.rule, span)), std::move(lacks));
  }

  ExprPtr Needs() {
    ExprPtr incapable;
    for (uint32_t w = 0; w < model_.workflows.size(); ++w) {
      if (model_.workflow(WorkflowId(w)).qualified != kAgentWorkflow) continue;
      const uint32_t capabilities = model_.names(WorkflowId(w)).fields.at("capabilities");
      for (const auto& [name, task] : names_.tasks) {
        if (!task.node->needs.empty()) incapable = Or(std::move(incapable), Incapable(task, WorkflowId(w), capabilities));
      }
    }
    return incapable;
  }

  void AddRule(RuleId id, WorkflowId workflow, std::vector<TransitionId> transitions, ExprPtr when, ast::Span span) {
    typed::Rule rule;
    rule.rule = id;
    rule.workflow = workflow;
    rule.transitions = std::move(transitions);
    rule.when = std::move(when);
    rule.span = span;
    model_.program.rules.push_back(std::move(rule));
  }

  // A task that is wanted and was never opened: where the policy is younger than the instance.
  ExprPtr Missing(ExprPtr wanted, const TaskNames& task) {
    ExprPtr never = Not(Some(model_, kEver, workflow_, task.rule, task.node->span));
    return And(Before(std::move(wanted)), std::move(never));
  }

  ExprPtr WantedNow(const TaskNames& task, const typed::Plan& plan) {
    if (task.addition != nullptr) return GuardOf(task);
    const typed::PlannedTask& planned = plan.tasks[task.index];
    if (planned.source == nullptr) return typed::Clone(planned.when);
    ExprPtr body = planned.when != nullptr ? typed::Clone(planned.when) : Number(Of(TypeKind::kBool), 1, task.node->span);
    return Over(QuantifierOp::kAny, Of(TypeKind::kBool), std::move(body), typed::Clone(planned.source), nullptr, planned.variable);
  }

  void Wanted(const typed::Plan& plan) {
    for (const auto& [name, task] : names_.tasks) {
      const ast::Span span = task.node->span;
      if (task.addition != nullptr && task.addition->must) {
        ExprPtr left_out = And(Not(HasParent()), Not(AnyTask(MemberIs(kName, name))));
        ExprPtr wanted = And(GuardOf(task), Not(Some(model_, kEver, workflow_, task.rule, span)));
        AddRule(Plan().additions[task.index].rule, workflow_, {Plan().decompose}, And(std::move(wanted), std::move(left_out)), span);
      }
      if (task.holds.empty()) continue;
      AddRule(task.held, workflow_, task.holds,
              Or(Some(model_, kUnfinished, workflow_, task.rule, span), Missing(WantedNow(task, plan), task)), span);
      // Of a task that a planner proposes again, the one that is done counts.
      ExprPtr lost = Some(model_, kLost, workflow_, task.rule, span);
      if (task.addition != nullptr) lost = And(std::move(lost), Not(Some(model_, kDone, workflow_, task.rule, span)));
      AddRule(task.lost, workflow_, task.holds, std::move(lost), span);
    }
  }

  void Bounds(ExprPtr* start_over) {
    ExprPtr over;
    const auto bound = [&](const char* name) -> std::optional<int64_t> {
      const auto at = names_.bounds.find(name);
      return at == names_.bounds.end() ? std::nullopt : std::optional<int64_t>(at->second);
    };
    const auto proposed = [&] { return Over(QuantifierOp::kCount, Of(TypeKind::kInt), nullptr, Tasks(), nullptr, kOfPlan); };
    if (const auto most = bound("fanout"); most.has_value()) over = More(proposed(), Int(*most, span_));
    if (const auto most = bound("tasks"); most.has_value()) {
      over = Or(std::move(over), More(Plus(CountOf(model_, kOfTree, workflow_, "", span_), proposed()), Int(*most, span_)));
    }
    // A task without a parent has depth 0, and is the first level.
    ExprPtr depth = Plus(Node(ExprKind::kCoalesce, Of(TypeKind::kInt), span_, ParentField("depth"), Int(-1, span_)), Int(1, span_));
    over = Or(std::move(over), Not(Truth(ExprKind::kLess, span_, std::move(depth), Int(Plan().depth, span_))));
    for (const bool tokens : {false, true}) {
      const auto most = bound(tokens ? "tokens" : "cost");
      if (!most.has_value()) continue;
      Ledger ledger(model_, tokens);
      ExprPtr spent = ledger.Of([&] { return ThisStream(model_, workflow_, span_); }, span_);
      ExprPtr each = Node(ExprKind::kCoalesce, Of(TypeKind::kInt), span_, MemberOf(tokens ? kTokens : kCost), Int(0, span_));
      ExprPtr sum = Over(QuantifierOp::kSum, Of(TypeKind::kInt), std::move(each), Tasks(), nullptr, kOfPlan);
      over = Or(std::move(over), More(Plus(std::move(spent), std::move(sum)), Int(*most, span_)));
      const auto on = [&] {
        ExprPtr slot = TaskSlot(model_, "on", span_);
        slot->root = SlotRoot::kBefore;
        return slot;
      };
      ExprPtr ours = Truth(ExprKind::kMatch, span_, on());
      ours->text = absl::StrCat(model_.workflow(workflow_).qualified, "/*");
      *start_over = Or(std::move(*start_over), And(std::move(ours), More(ledger.Of(on, span_), Int(*most, span_))));
    }
    AddRule(BuiltinRule(Builtin::kOverBudget), workflow_, {Plan().decompose}, std::move(over), span_);
  }

  Model& model_;
  PlanNames& names_;
  const ast::Decomposition& node_;
  WorkflowId workflow_;
  ast::Span span_;
  std::map<std::string, ExprPtr> guards_;  // of additions
};

}  // namespace

// ---------------------------------------------------------------- expressions

// `done(deploy)`, `failed(deploy)`, `started(deploy)`
ExprPtr Expressions::CheckTask(const ast::Expr& expr) {
  const std::string word = absl::StrCat("`", expr.text, "`");
  if (scope_.plan == nullptr) {
    model_.sink.Report(expr.span, diagnostics::kNotInPlan, word);
    return nullptr;
  }
  const bool named = expr.children.size() == 1 && expr.children[0] != nullptr && expr.children[0]->kind == ast::ExprKind::kName;
  if (!named) {
    model_.sink.Report(expr.span, diagnostics::kTaskNameNeeded, word);
    return nullptr;
  }
  const ast::Name name{expr.children[0]->text, expr.children[0]->span};
  const auto task = scope_.plan->tasks.find(name.text);
  if (task == scope_.plan->tasks.end()) {
    PlanBuilder::ReportUnknown(model_, *scope_.plan, name);
    return nullptr;
  }
  const WorkflowId workflow = scope_.plan->workflow;
  const std::string& rule = task->second.rule;
  if (expr.text == "failed") return Some(model_, kFailed, workflow, rule, expr.span);
  if (expr.text == "started") return Some(model_, kStarted, workflow, rule, expr.span);
  return And(Some(model_, kDone, workflow, rule, expr.span), Not(Some(model_, kUndone, workflow, rule, expr.span)));
}

Expressions::Each Expressions::CheckEach(const ast::PlannedTask& node, typed::PlannedTask* out) {
  Each each;
  if (node.source == nullptr) {
    if (node.when != nullptr) out->when = CheckGuard(*node.when);
    each.ok = node.when == nullptr || out->when != nullptr;
    return each;
  }
  out->source = Check(*node.source);
  if (out->source == nullptr || !RequireCollection(*out->source, node.source->span)) return each;
  const Type& source = out->source->type.type;
  const Type element = model_.types.At(source.element);
  out->variable = variables_;
  locals_.push_back({node.variable.text, {element, 0}, variables_++, nullptr});
  out->element = Variable(out->variable, element, node.source->span);
  each.capacity = source.capacity;
  each.element = element;
  if (element.kind == TypeKind::kRecord && source.key.valid()) {
    const Type key = model_.types.At(model_.schema().records[element.index].members[source.key.value].type);
    ExprPtr member = check::Node(ExprKind::kMember, key, node.source->span);
    member->index = source.key.value;
    member->children.push_back(std::move(out->element));
    out->element = std::move(member);
    each.element = key;
  }
  const TypeKind kind = each.element->kind;
  const bool members = source.kind == TypeKind::kSet && kind == TypeKind::kEnum;
  if (members) each.capacity = static_cast<uint32_t>(model_.schema().enums[element.index].members.size());
  each.ok = members || kind == TypeKind::kString || kind == TypeKind::kReference;
  if (!each.ok) model_.sink.Report(node.source->span, diagnostics::kTaskOverData, model_.types.Words(source));
  for (const ast::ExprPtr* condition : {&node.where, &node.when}) {
    if (*condition == nullptr) continue;
    ExprPtr checked = CheckGuard(**condition);
    each.ok = each.ok && checked != nullptr;
    if (checked != nullptr) out->when = And(std::move(out->when), std::move(checked));
  }
  locals_.pop_back();
  return each;
}

// ---------------------------------------------------------------- stages

void DeclarePlans(Model& model) {
  std::map<WorkflowId, PlanNames> plans;
  for (const ast::File* file : FilesByPath(model)) {
    for (const ast::Decomposition& node : file->decompositions) {
      const WorkflowId workflow = model.FindWorkflow(node.workflow);
      if (!workflow.valid()) continue;
      if (model.workflow(workflow).is_entity || model.workflow(workflow).is_builtin) {
        model.sink.Report(node.workflow.span, diagnostics::kUnknownWorkflow, node.workflow);
        continue;
      }
      PlanNames names;
      names.workflow = workflow;
      names.node = &node;
      const auto [at, is_new] = plans.emplace(workflow, std::move(names));
      if (is_new) continue;
      model.sink.Report(node.workflow.span, diagnostics::kPlannedTwice, node.workflow)
          .Related(at->second.node->span, "the other is here");
    }
  }
  for (auto& [workflow, names] : plans) {
    model.plans.push_back(std::move(names));
    PlanBuilder(model, model.plans.back()).Declare();
  }
}

void CollectPlanRules(Model& model, std::vector<PlanRule>* out) {
  for (PlanNames& names : model.plans) {
    Plan& plan = model.workflow(names.workflow).plans[0];
    for (auto& [name, task] : names.tasks) {
      const bool must = task.addition != nullptr;
      RuleId* own = must ? &plan.additions[task.index].rule : &plan.tasks[task.index].rule;
      const bool holds = !task.holds.empty();
      out->push_back({task.rule, own, holds && !must ? Effect::kHold : Effect::kDeny, &task, holds && !must});
      if (!holds) continue;
      if (must) out->push_back({absl::StrCat(task.rule, ".holds"), &task.held, Effect::kHold, &task, true});
      out->push_back({absl::StrCat(task.rule, ".failed"), &task.lost, Effect::kDeny, &task, false});
    }
    for (Finally& last : plan.finallys) {
      const Workflow& workflow = model.workflow(names.workflow);
      out->push_back({absl::StrCat(workflow.qualified, ".plan.finally.", workflow.transitions[last.transition.value].name),
                      &last.rule, Effect::kDeny, nullptr, false, names.finallys.at(last.transition)->span});
    }
  }
}

void FillPlanRule(Model& model, const PlanRule& from, Rule* row) {
  row->kind = RuleKind::kPlan;
  row->effect = from.effect;
  SetPlace(model, from.task != nullptr ? from.task->node->span : from.span, row);
  if (!from.holds) return;
  row->awaits_by = from.task->role;
  for (const PlanNames& names : model.plans) {
    const auto at = names.tasks.find(from.task->node->name.text);
    const bool own = at != names.tasks.end() && &at->second == from.task && from.task->on == names.workflow;
    if (own) row->awaits = from.task->does;
  }
}

void CheckPlans(Model& model) {
  ExprPtr start_over, incapable;
  const auto add = [&](Builtin reason, std::vector<TransitionId> transitions, ExprPtr when) {
    if (when == nullptr) return;
    typed::Rule rule;
    rule.rule = BuiltinRule(reason);
    rule.workflow = TaskWorkflow(model);
    rule.transitions = std::move(transitions);
    rule.span = model.plans[0].node->workflow.span;
    rule.when = std::move(when);
    model.program.rules.push_back(std::move(rule));
  };
  for (PlanNames& names : model.plans) {
    for (auto& [name, task] : names.tasks) {
      const bool of_plan = task.addition == nullptr && !task.holds.empty();
      if (of_plan) task.held = model.workflow(names.workflow).plans[0].tasks[task.index].rule;
    }
    if (!names.is_taken) PlanChecker(model, names).Check(&start_over, &incapable);
  }
  if (model.plans.empty()) return;
  std::vector<TransitionId> doing = {TaskTransition(model, "start"), TaskTransition(model, "report")};
  std::sort(doing.begin(), doing.end());
  add(Builtin::kOverBudget, {TaskTransition(model, "start")}, std::move(start_over));
  add(Builtin::kNoAuthority, std::move(doing), std::move(incapable));
  std::stable_sort(model.program.rules.begin(), model.program.rules.end(),
                   [](const typed::Rule& a, const typed::Rule& b) { return a.rule < b.rule; });
}

}  // namespace writ::check
