#include "runtime/orchestrator/tasks.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/consequences.h"
#include "runtime/orchestrator/names.h"
#include "runtime/state/own.h"

namespace writ {
namespace {

absl::Status Unknown(const store::Event& event, std::string_view what, std::string_view name) {
  return absl::FailedPreconditionError(absl::StrCat("position ", event.position, " of the log opens a task with ", Abseil(what),
                                                    " `", Abseil(name), "`, which this policy does not have"));
}

template <class Table>
size_t Find(const Table& table, std::string_view qualified) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.qualified == qualified; });
  return found == table.end() ? SIZE_MAX : static_cast<size_t>(found - table.begin());
}

StateId FindState(const Workflow& workflow, std::string_view name) {
  for (size_t i = 0; i < workflow.states.size(); ++i) {
    if (workflow.states[i].name == name) return StateId(i);
  }
  return StateId();
}

// `acme.Deal/d-1`: the workflow and the key.
std::pair<std::string_view, std::string_view> SplitStream(std::string_view stream) {
  const size_t slash = stream.find('/');
  if (slash == std::string_view::npos) return {stream, std::string_view()};
  return {stream.substr(0, slash), stream.substr(slash + 1)};
}

// A proposal on a task that gives no values.
Proposal OnTask(const Schema& schema, WorkflowId task, std::string_view transition, const std::string& key, int64_t now_ns) {
  const TransitionId id = Names::TransitionOf(schema.workflows[task.value], transition);
  WRIT_CHECK(id.valid());
  return Bare(schema, task, key, {Value(key)}, id, now_ns);
}

void SortByTurn(std::vector<const OpenTask*>* tasks) {
  std::sort(tasks->begin(), tasks->end(), [](const OpenTask* a, const OpenTask* b) {
    return std::pair(a->position, std::string_view(a->key)) < std::pair(b->position, std::string_view(b->key));
  });
}

Value ListOf(const std::vector<std::string>& texts) { return Value(Value::List(texts.begin(), texts.end())); }

void Set(const Schema& schema, std::string_view name, Value value, Proposal* proposal) {
  const Workflow& workflow = schema.workflows[proposal->workflow.value];
  const Transition& transition = workflow.transitions[proposal->transition.value];
  for (size_t i = 0; i < transition.sets.size(); ++i) {
    if (workflow.fields[transition.sets[i].field.value].name == name) {
      proposal->sets[i] = std::move(value);
      return;
    }
  }
  WRIT_CHECK(false);
}

}  // namespace

Tasks::Tasks(const Schema* schema) : schema_(schema), task_(WorkflowNamed(*schema, kTaskWorkflow)) {
  if (!task_.valid()) return;
  const Workflow& workflow = schema->workflows[task_.value];
  waiting_ = FindState(workflow, "waiting");
  running_ = FindState(workflow, "running");
  done_ = FindState(workflow, "done");
  assignee_ = FieldNamed(workflow, "assignee");  // none in a policy that was compiled before there were any
  for (size_t w = 0; w < schema->workflows.size(); ++w) {
    for (const Plan& plan : schema->workflows[w].plans) {
      for (const PlannedTask& planned : plan.tasks) {
        if (!planned.does.valid() || planned.on == WorkflowId(w) || !planned.owner.valid()) continue;
        elsewhere_[{planned.on.value, planned.does.value}].push_back(
            {WorkflowId(w), planned.owner, planned.element, schema->rules[planned.rule.value].qualified});
      }
    }
  }
}

const OpenTask* Tasks::Find(std::string_view key) const {
  const auto found = open_.find(key);
  return found == open_.end() ? nullptr : &found->second;
}

std::vector<const OpenTask*> Tasks::On(WorkflowId workflow, std::string_view key) const {
  std::vector<const OpenTask*> tasks;
  const auto here = on_.find(Place(workflow.value, std::string(key)));
  if (here == on_.end()) return tasks;
  for (const std::string& task : here->second) tasks.push_back(&open_.at(task));
  SortByTurn(&tasks);
  return tasks;
}

std::vector<const OpenTask*> Tasks::All() const {
  std::vector<const OpenTask*> tasks;
  for (const auto& [key, task] : open_) tasks.push_back(&task);
  SortByTurn(&tasks);
  return tasks;
}

std::string Tasks::StreamOf(std::string_view key, const World& world) const {
  const Instance* task = task_.valid() ? world.Find(task_, key) : nullptr;
  if (task == nullptr || task->state == kNewState) return std::string();
  return ValueNamed(*schema_, *task, "on").text();
}

Timer Tasks::TimerOf(const OpenTask& task) const {
  Timer timer;
  timer.due_ns = task.until_ns;
  timer.position = task.position;
  timer.rule = task.rule;
  timer.kind = Timer::Kind::kTask;
  timer.workflow = task_;
  timer.key = task.key;
  return timer;
}

// ---------------------------------------------------------------- opening

absl::Status Tasks::Open(const store::Event& event, bool same_policy, World* world) {
  if (event.decision.tasks.empty()) return absl::OkStatus();
  if (!task_.valid()) return Unknown(event, "a workflow", kTaskWorkflow);
  for (const store::OpenedTask& opened : event.decision.tasks) {
    if (absl::Status s = OpenOne(opened, event, same_policy, world); !s.ok()) return s;
  }
  return absl::OkStatus();
}

bool Tasks::Knows(const store::OpenedTask& opened) const {
  if (!task_.valid() || writ::Find(schema_->roles, opened.role) == SIZE_MAX) return false;
  if (!opened.on.empty() && !WorkflowNamed(*schema_, SplitStream(opened.on).first).valid()) return false;
  if (opened.does.empty()) return true;
  const WorkflowId on = WorkflowNamed(*schema_, opened.workflow);
  return on.valid() && Names::TransitionOf(schema_->workflows[on.value], opened.does).valid();
}

absl::Status Tasks::OpenOne(const store::OpenedTask& opened, const store::Event& event, bool same_policy, World* world) {
  const std::string stream = opened.on.empty() ? store::StreamName(event.workflow, event.instance) : opened.on;
  const auto [owner, owner_key] = SplitStream(stream);
  OpenTask task;
  task.key = opened.id;
  task.name = opened.name;
  task.element = opened.element;
  task.rule = opened.rule;
  task.workflow = WorkflowNamed(*schema_, owner);
  if (!task.workflow.valid()) return Unknown(event, "a workflow", owner);
  task.on = std::string(owner_key);
  const size_t role = writ::Find(schema_->roles, opened.role);
  if (role == SIZE_MAX) return Unknown(event, "a role", opened.role);
  task.role = RoleId(role);
  if (!opened.does.empty()) {
    task.does_on = WorkflowNamed(*schema_, opened.workflow);
    if (!task.does_on.valid()) return Unknown(event, "a workflow", opened.workflow);
    task.does = Names::TransitionOf(schema_->workflows[task.does_on.value], opened.does);
    if (!task.does.valid()) return Unknown(event, "a transition", opened.does);
  }
  task.ladder = LadderOfTask(opened, same_policy);
  task.position = event.position;
  task.until_ns = opened.until_ns;
  task.needs = opened.needs;
  task.is_ready = std::all_of(opened.after.begin(), opened.after.end(), [&](const auto& id) { return IsDone(*world, id); });

  store::OpenedTask given = opened;
  given.assignee = task.is_ready ? Whose(task.role, task.needs) : std::string();
  const Proposal open = *Opening(given, event, *world);
  world->Apply(open, event.position, false);
  moves_.push_back({task.key, open.transition});

  bool is_lost = false;
  for (const std::string& id : opened.after) {
    after_[id].push_back(task.key);
    const Instance* before = world->Find(task_, id);
    is_lost = is_lost || (before != nullptr && open_.count(id) == 0 && before->state != done_);
  }
  if (task.until_ns != 0) timers_.insert(TimerOf(task));
  on_[Place(task.workflow.value, task.on)].push_back(task.key);
  const std::string key = task.key;
  OpenTask& kept = open_[key] = std::move(task);
  if (kept.is_ready) Went(&kept, given.assignee);
  if (is_lost) Propose(key, "cancel", open, event.position, world);
  return absl::OkStatus();
}

std::optional<Proposal> Tasks::Opening(const store::OpenedTask& opened, const store::Event& event, const World& world) const {
  if (!Knows(opened)) return std::nullopt;
  Proposal open = OnTask(*schema_, task_, "open", opened.id, event.time_ns);
  open.actor = OrchestratorView();
  const Instance* parent = opened.parent.empty() ? nullptr : world.Find(task_, opened.parent);
  const int64_t depth = parent == nullptr ? 0 : 1 + ValueNamed(*schema_, *parent, "depth").integer();
  Set(*schema_, "name", Value(opened.name), &open);
  Set(*schema_, "role", Value(static_cast<int64_t>(writ::Find(schema_->roles, opened.role))), &open);
  Set(*schema_, "on", Value(opened.on.empty() ? store::StreamName(event.workflow, event.instance) : opened.on), &open);
  Set(*schema_, "does", Value(opened.does.empty() ? "report" : absl::StrCat(opened.workflow, ".", opened.does)), &open);
  if (!opened.element.empty()) Set(*schema_, "of", Value(opened.element), &open);
  Set(*schema_, "rule", Value(opened.rule), &open);
  if (!opened.after.empty()) Set(*schema_, "after", ListOf(opened.after), &open);
  if (!opened.parent.empty()) Set(*schema_, "parent", Value(opened.parent), &open);
  Set(*schema_, "depth", Value(std::min<int64_t>(depth, limits::kTaskDepthMax)), &open);
  if (opened.until_ns != 0) Set(*schema_, "until", Value(opened.until_ns), &open);
  Set(*schema_, "cost", Value(opened.cost), &open);
  Set(*schema_, "tokens", Value(opened.tokens), &open);
  Set(*schema_, "spent_cost", Value(int64_t{0}), &open);
  Set(*schema_, "spent_tokens", Value(int64_t{0}), &open);
  if (assignee_.valid() && !opened.needs.empty()) Set(*schema_, "needs", ListOf(opened.needs), &open);
  if (assignee_.valid() && !opened.assignee.empty()) Set(*schema_, "assignee", Value(opened.assignee), &open);
  return open;
}

// Under another policy a ladder is found by the name of what opened the task.
LadderId Tasks::LadderOfTask(const store::OpenedTask& opened, bool same_policy) const {
  if (same_policy) return opened.ladder < schema_->ladders.size() ? LadderId(opened.ladder) : LadderId();
  const size_t rule = writ::Find(schema_->rules, opened.rule);
  if (rule == SIZE_MAX) return LadderId();
  for (const Consequence& then : schema_->rules[rule].then) {
    if (!then.obligation.valid() && then.task == opened.name) return then.ladder;
  }
  for (const Workflow& workflow : schema_->workflows) {
    for (const Plan& plan : workflow.plans) {
      for (const PlannedTask& planned : plan.tasks) {
        if (planned.rule == RuleId(rule)) return planned.ladder;
      }
    }
  }
  return LadderId();
}

// ---------------------------------------------------------------- what happens to them

void Tasks::Propose(const std::string& key, std::string_view transition, const Proposal& cause, int64_t position,
                    World* world) {
  Proposal proposal = OnTask(*schema_, task_, transition, key, cause.now_ns);
  proposal.actor = cause.actor;
  world->Apply(proposal, position, false);
  Moved(key, proposal, position, world);
}

// After its state has changed.
void Tasks::Moved(const std::string& key, const Proposal& cause, int64_t position, World* world) {
  const auto found = open_.find(key);
  const Instance* instance = world->Find(task_, key);
  if (found == open_.end() || instance == nullptr) return;
  moves_.push_back({key, cause.transition});
  if (instance->state == waiting_ || instance->state == running_) return;
  const OpenTask& task = found->second;
  if (task.until_ns != 0) timers_.erase(TimerOf(task));
  const auto here = on_.find(Place(task.workflow.value, task.on));
  std::erase(here->second, key);
  if (here->second.empty()) on_.erase(here);
  Left(task);
  ready_.erase(TurnOf(task));
  open_.erase(found);
  const auto next = after_.find(key);
  if (next == after_.end()) return;
  const std::vector<std::string> later = std::move(next->second);
  after_.erase(next);
  if (instance->state == done_) {
    for (const std::string& task_after : later) Ready(task_after, *world);
    return;
  }
  // What was to come after it never will.
  Proposal orchestrator = cause;
  orchestrator.actor = OrchestratorView();
  for (const std::string& task_after : later) {
    if (open_.count(task_after) != 0) Propose(task_after, "cancel", orchestrator, position, world);
  }
}

void Tasks::Committed(const Proposal& proposal, int64_t position, World* world) {
  if (open_.empty()) return;
  if (proposal.workflow == task_) return Moved(proposal.key, proposal, position, world);
  DoneBy(proposal, proposal.workflow, proposal.key, nullptr, position, world);
  const auto elsewhere = elsewhere_.find({proposal.workflow.value, proposal.transition.value});
  if (elsewhere == elsewhere_.end()) return;
  const Instance* instance = world->Find(proposal.workflow, proposal.key);
  for (const Elsewhere& place : elsewhere->second) {
    const Value& owner = instance->fields[place.owner.value];
    if (owner.is_text()) DoneBy(proposal, place.workflow, owner.text(), &place, position, world);
  }
}

// Those on the instance that this transition does. `elsewhere`: of another workflow, by what the plan says.
void Tasks::DoneBy(const Proposal& proposal, WorkflowId workflow, std::string_view on, const Elsewhere* elsewhere,
                   int64_t position, World* world) {
  const auto here = on_.find(Place(workflow.value, std::string(on)));
  if (here == on_.end()) return;
  std::string element;
  if (elsewhere != nullptr && elsewhere->element.valid()) {
    const Value& value = world->Find(proposal.workflow, proposal.key)->fields[elsewhere->element.value];
    if (value.absent()) return;
    const TypeId type = schema_->workflows[proposal.workflow.value].fields[elsewhere->element.value].type;
    element = ValueToText(*schema_, schema_->types[type.value], value);
  }
  std::vector<std::string> done;
  for (const std::string& key : here->second) {
    const OpenTask& task = open_.at(key);
    const bool does = task.does.valid() && task.does_on == proposal.workflow && task.does == proposal.transition;
    const bool is_it = elsewhere == nullptr ? task.workflow == proposal.workflow
                                            : task.rule == elsewhere->rule && task.element == element;
    if (does && is_it && proposal.actor.role.valid() && proposal.actor.role == task.role) done.push_back(key);
  }
  for (const std::string& key : done) {
    if (open_.count(key) != 0) Propose(key, "report", proposal, position, world);
  }
}

void Tasks::Lapsed(std::string_view key) {
  const auto found = open_.find(key);
  if (found == open_.end() || found->second.until_ns == 0) return;
  timers_.erase(TimerOf(found->second));
  found->second.until_ns = 0;
}

void Tasks::Fail(const std::string& key, int64_t position, int64_t now_ns, World* world) {
  if (open_.count(key) == 0) return;
  Proposal cause;
  cause.actor = OrchestratorView();
  cause.now_ns = now_ns;
  Propose(key, "fail", cause, position, world);
}

// ---------------------------------------------------------------- to whom they go

bool Tasks::IsDone(const World& world, std::string_view key) const {
  const Instance* task = world.Find(task_, key);
  return task != nullptr && task->state == done_;
}

// One of those that it comes after is done: perhaps it was the last.
void Tasks::Ready(const std::string& key, const World& world) {
  const auto found = open_.find(key);
  if (found == open_.end()) return;
  const Value& after = ValueNamed(*schema_, *world.Find(task_, key), "after");
  const Value::List none, &before = after.is_list() ? after.list() : none;
  if (!std::all_of(before.begin(), before.end(), [&](const Value& id) { return IsDone(world, id.text()); })) return;
  ready_.insert(TurnOf(found->second));
}

// What is for humans is taken by who wants.
std::string Tasks::Whose(RoleId role, const std::vector<std::string>& needs) const {
  const bool goes = assignee_.valid() && !schema_->roles[role.value].human;
  return goes ? assigning_.First(role, needs) : std::string();
}

void Tasks::Went(OpenTask* task, std::string assignee) {
  task->is_ready = true;
  task->assignee = std::move(assignee);
  if (task->assignee.empty()) {
    unassigned_[task->role.value].insert(TurnOf(*task));
    return;
  }
  assigning_.Give(task->assignee);
  assigned_[task->assignee].insert(TurnOf(*task));
}

void Tasks::Left(const OpenTask& task) {
  if (!task.is_ready) return;
  if (task.assignee.empty()) {
    unassigned_[task.role.value].erase(TurnOf(task));
    return;
  }
  assigning_.Take(task.assignee);
  assigned_[task.assignee].erase(TurnOf(task));
}

void Tasks::Look(const RegisteredActor& actor) {
  assigning_.Look(actor);
  actors_changed_.insert(actor.id);
}

void Tasks::Assign(int64_t position, int64_t now_ns, World* world) {
  std::set<Turn> turns = std::exchange(ready_, {});
  for (const std::string& actor : std::exchange(actors_changed_, {})) {
    if (const auto own = assigned_.find(actor); own != assigned_.end()) turns.insert(own->second.begin(), own->second.end());
    for (const RoleId role : assigning_.RolesOf(actor)) {
      const auto idle = unassigned_.find(role.value);
      if (idle != unassigned_.end()) turns.insert(idle->second.begin(), idle->second.end());
    }
  }
  for (const Turn& turn : turns) AssignOne(&open_.at(turn.second), position, now_ns, world);
}

void Tasks::AssignOne(OpenTask* task, int64_t position, int64_t now_ns, World* world) {
  if (assigning_.Fits(task->assignee, task->role, task->needs)) return;
  const std::string before = task->assignee;
  Left(*task);
  Went(task, Whose(task->role, task->needs));
  if (task->assignee == before) return;
  Proposal assign = OnTask(*schema_, task_, "assign", task->key, now_ns);
  assign.actor = OrchestratorView();
  if (task->assignee.empty()) world->Unset(task_, task->key, assignee_);
  else Set(*schema_, "assignee", Value(task->assignee), &assign);
  world->Apply(assign, position, false);
  moves_.push_back({task->key, assign.transition});
}

void Tasks::Foretell(const World& world, std::vector<store::OpenedTask>* opened) {
  std::vector<std::string> given;
  for (store::OpenedTask& task : *opened) {
    const size_t role = writ::Find(schema_->roles, task.role);
    const bool is_ready = std::all_of(task.after.begin(), task.after.end(), [&](const auto& id) { return IsDone(world, id); });
    if (role == SIZE_MAX || !is_ready) continue;
    task.assignee = Whose(RoleId(role), task.needs);
    if (task.assignee.empty()) continue;
    assigning_.Give(task.assignee);
    given.push_back(task.assignee);
  }
  for (const std::string& agent : given) assigning_.Take(agent);
}

// ---------------------------------------------------------------- what a decision opens

void AddTasks(const Schema& schema, const Proposal& proposal, const Function& function, const RawDecision& raw,
              int64_t position, store::Decision* decision) {
  const Workflow& workflow = schema.workflows[proposal.workflow.value];
  for (const ConsequenceOf* of : Speaking(schema, workflow.transitions[proposal.transition.value], function, raw)) {
    const Rule& rule = schema.rules[of->rule.value];
    const Consequence& then = rule.then[of->index];
    if (then.obligation.valid()) continue;
    store::OpenedTask task;
    task.id = absl::StrCat(position, "/", then.task);
    task.name = then.task;
    task.role = schema.roles[then.role.value].qualified;
    if (then.does.valid()) {
      task.workflow = workflow.qualified;
      task.does = workflow.transitions[then.does.value].name;
    }
    const int64_t until_ns = Deadline(schema, then.ladder, proposal.now_ns);
    if (then.ladder.valid() && until_ns <= limits::kTimeMax) task.until_ns = until_ns;
    task.otherwise = then.ladder.valid() ? LadderText(schema, proposal.workflow, then.ladder) : "";
    task.rule = rule.qualified;
    task.ladder = then.ladder.value;
    decision->tasks.push_back(std::move(task));
  }
  std::sort(decision->tasks.begin(), decision->tasks.end());
}

}  // namespace writ
