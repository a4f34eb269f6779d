#include "runtime/orchestrator/plans.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"
#include "runtime/escalate/escalate.h"
#include "runtime/orchestrator/names.h"
#include "runtime/state/own.h"

namespace writ {
namespace {

// Members of a piece of work that is proposed, as compiler/check declares them.
enum Member : size_t { kName, kRole, kDoes, kAfter, kGranting, kTokens, kCost };
enum Payload : size_t { kTasks, kParent };

const Plan& PlanOf(const Schema& schema, const Proposal& proposal) {
  return schema.workflows[proposal.workflow.value].plans.front();
}

const Value& At(const Value::List& record, size_t member) {
  static const Value kNone;
  return member < record.size() ? record[member] : kNone;
}

std::vector<std::string> Texts(const Value& list) {
  std::vector<std::string> texts;
  if (!list.is_list()) return texts;
  for (const Value& text : list.list()) texts.push_back(text.text());
  return texts;
}

std::string StreamOf(const Schema& schema, const Plans::Place& place) {
  return store::StreamName(schema.workflows[place.first].qualified, place.second);
}

const Instance* ParentOf(const World& world, const Proposal& proposal) {
  const Value& parent = proposal.payload[kParent];
  return parent.is_text() ? world.Find(WorkflowNamed(world.schema(), kTaskWorkflow), parent.text()) : nullptr;
}

// What does a proposed task: "assess", "Deployment.succeed", or "report".
struct Doing { WorkflowId workflow; TransitionId transition; bool known = true; };
Doing DoingOf(const Schema& schema, WorkflowId own, const Value& does) {
  if (!does.is_text() || does.text() == "report") return {};
  const std::string& text = does.text();
  const size_t dot = text.find('.');
  if (dot == std::string::npos) {
    const TransitionId t = Names::TransitionOf(schema.workflows[own.value], text);
    return {own, t, t.valid()};
  }
  for (size_t w = 0; w < schema.workflows.size(); ++w) {
    if (schema.workflows[w].is_fact || schema.workflows[w].name != text.substr(0, dot)) continue;
    const TransitionId t = Names::TransitionOf(schema.workflows[w], text.substr(dot + 1));
    return {WorkflowId(w), t, t.valid()};
  }
  return {WorkflowId(), TransitionId(), false};
}

std::string OutputText(const OutputSlot& slot, const int64_t* out) {
  const int64_t* word = out + slot.offset;
  if (word[1] == 0) return std::string();
  return std::string(reinterpret_cast<const char*>(word[0]), static_cast<size_t>(word[1]));
}

int64_t Earlier(int64_t a, int64_t b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

}  // namespace

Plans::Plans(const Schema* schema) : schema_(schema) {
  any_ = std::any_of(schema->workflows.begin(), schema->workflows.end(),
                     [](const Workflow& workflow) { return !workflow.plans.empty(); });
}

void Plans::Look(const World& world, const Place& place, const store::Event& event, const ActorView& orchestrator, bool counts,
                 std::vector<store::OpenedTask>* wanted) {
  const WorkflowId id(place.first);
  const Instance* instance = world.Find(id, place.second);
  if (instance == nullptr || instance->state == kNewState) return;
  const Plan& plan = schema_->workflows[id.value].plans.front();
  const Function& function = schema_->functions[plan.function.value];
  FillFrame(world, function, LookingAt(*instance, orchestrator, event.time_ns), &frame_, nullptr);
  out_.assign(std::max<uint32_t>(function.output_words, 1), 0);
  world.policy().Evaluate(plan.function, frame_.words(), out_.data());
  Watched& watched = watched_[place];
  if (!watched.began_ns.has_value()) watched.began_ns = event.time_ns;
  watched.on.resize(plan.finallys.size());
  watched.due.resize(plan.finallys.size());
  if (counts) touched_.insert(place);
  size_t output = 0;
  std::vector<store::OpenedTask> opened;
  const auto want = [&](const PlannedTask& task, const std::string& element) {
    const std::string& rule = schema_->rules[task.rule.value].qualified;
    const bool twice = std::any_of(opened.begin(), opened.end(), [&](const store::OpenedTask& other) {
      return other.rule == rule && other.element == element;
    });
    if (watched.opened.count({rule, element}) != 0 || twice) return;
    opened.push_back(Wanted(watched, place, task, element, event));
  };
  const auto is_true = [&](size_t i) { return out_[function.outputs[i].offset] != 0; };
  for (const PlannedTask& task : plan.tasks) {
    if (task.capacity == 0 && is_true(output++)) want(task, "");
    for (uint32_t i = 0; i < task.capacity; ++i, output += 2) {
      if (is_true(output)) want(task, OutputText(function.outputs[output + 1], out_.data()));
    }
  }
  for (size_t i = 0; i < plan.finallys.size(); ++i, ++output) {
    const std::vector<StateId>& sources = schema_->workflows[id.value].transitions[plan.finallys[i].transition.value].sources;
    const bool on = is_true(output) && std::find(sources.begin(), sources.end(), instance->state) != sources.end();
    watched.due[i] = on && counts && (watched.due[i] || !watched.on[i]);
    watched.on[i] = on;
  }
  After(plan, watched, &opened);
  std::move(opened.begin(), opened.end(), std::back_inserter(*wanted));
}

store::OpenedTask Plans::Wanted(const Watched& watched, const Place& place, const PlannedTask& task, const std::string& element,
                                const store::Event& event) const {
  const Plan& plan = schema_->workflows[place.first].plans.front();
  store::OpenedTask opened;
  opened.id = absl::StrCat(event.position, "/", task.name, element.empty() ? "" : "/", element);
  opened.name = task.name;
  opened.element = element;
  opened.role = schema_->roles[task.role.value].qualified;
  if (task.does.valid()) {
    const Workflow& on = schema_->workflows[task.on.value];
    opened.workflow = on.qualified;
    opened.does = on.transitions[task.does.value].name;
  }
  if (task.ladder.valid()) {
    opened.until_ns = writ::Deadline(*schema_, task.ladder, event.time_ns);
    if (opened.until_ns > limits::kTimeMax) opened.until_ns = 0;
    opened.otherwise = LadderText(*schema_, WorkflowId(place.first), task.ladder);
    opened.ladder = task.ladder.value;
  }
  if (plan.deadline_ns != 0) opened.until_ns = Earlier(opened.until_ns, *watched.began_ns + plan.deadline_ns);
  opened.rule = schema_->rules[task.rule.value].qualified;
  opened.needs = task.needs;
  const std::string stream = StreamOf(*schema_, place);
  if (stream != store::StreamName(event.workflow, event.instance)) opened.on = stream;
  return opened;
}

// Those that come before: the ones that are there, of each name.
void Plans::After(const Plan& plan, const Watched& watched, std::vector<store::OpenedTask>* opened) const {
  std::map<std::string, std::vector<std::string>> ids;  // by rule
  for (const auto& [of, id] : watched.opened) ids[of.first].push_back(id);
  for (const store::OpenedTask& task : *opened) ids[task.rule].push_back(task.id);
  for (store::OpenedTask& task : *opened) {
    for (const PlannedTask& planned : plan.tasks) {
      if (schema_->rules[planned.rule.value].qualified != task.rule) continue;
      for (const uint32_t before : planned.after) {
        const std::vector<std::string>& of = ids[schema_->rules[plan.tasks[before].rule.value].qualified];
        task.after.insert(task.after.end(), of.begin(), of.end());
      }
    }
    std::sort(task.after.begin(), task.after.end());
  }
}

void Plans::Opened(const Place& place, const store::OpenedTask& task) {
  Watched& watched = watched_[place];
  watched.named.emplace_back(task.name, task.id);
  watched.opened.emplace(std::pair(task.rule, task.element), task.id);
}

void Plans::Proposed(const Place& place, TransitionId transition) {
  const auto found = watched_.find(place);
  if (found == watched_.end()) return;
  const std::vector<Finally>& finallys = schema_->workflows[place.first].plans.front().finallys;
  for (size_t i = 0; i < finallys.size() && i < found->second.due.size(); ++i) {
    if (finallys[i].transition == transition) found->second.due[i] = false;
  }
}

std::optional<uint32_t> Plans::Due(const Place& place) const {
  const auto found = watched_.find(place);
  if (found == watched_.end()) return std::nullopt;
  const std::vector<bool>& due = found->second.due;
  const auto first = std::find(due.begin(), due.end(), true);
  if (first == due.end()) return std::nullopt;
  return static_cast<uint32_t>(first - due.begin());
}

std::vector<std::string> Plans::Named(const Place& place, const std::string& name) const {
  std::vector<std::string> ids;
  const auto found = watched_.find(place);
  if (found == watched_.end()) return ids;
  for (const auto& [of, id] : found->second.named) {
    if (of == name) ids.push_back(id);
  }
  return ids;
}

int64_t Plans::Deadline(const Place& place) const {
  const Plan& plan = schema_->workflows[place.first].plans.front();
  const auto found = watched_.find(place);
  if (plan.deadline_ns == 0 || found == watched_.end() || !found->second.began_ns.has_value()) return 0;
  return *found->second.began_ns + plan.deadline_ns;
}

// ---------------------------------------------------------------- proposed plans

bool ProposesPlan(const Schema& schema, const Proposal& proposal) {
  const std::vector<Plan>& plans = schema.workflows[proposal.workflow.value].plans;
  return !plans.empty() && plans.front().decompose == proposal.transition;
}

TypeId CostType(const Schema& schema, WorkflowId workflow) {
  const std::vector<Plan>& plans = schema.workflows[workflow.value].plans;
  if (plans.empty() || plans.front().currency == UINT32_MAX) return TypeId();
  const Transition& decompose = schema.workflows[workflow.value].transitions[plans.front().decompose.value];
  const Type& work = schema.types[schema.types[decompose.payload[kTasks].type.value].element.value];
  return schema.records[work.index].members[kCost].type;
}

namespace {

// Whether tasks of one plan wait for one another in a circle.
bool HasCircle(const std::vector<std::pair<std::string, std::vector<std::string>>>& tasks) {
  std::map<std::string, int> state;  // 1: on the way, 2: done
  const std::function<bool(const std::string&)> visit = [&](const std::string& name) {
    const auto task = std::find_if(tasks.begin(), tasks.end(), [&](const auto& t) { return t.first == name; });
    if (task == tasks.end() || state[name] == 2) return false;
    if (state[name] == 1) return true;
    state[name] = 1;
    const bool circle = std::any_of(task->second.begin(), task->second.end(), visit);
    state[name] = 2;
    return circle;
  };
  return std::any_of(tasks.begin(), tasks.end(), [&](const auto& task) { return visit(task.first); });
}

// The plan's own tasks, and those of rules that speak when a plan is permitted: the same commit may open them.
bool IsOpenedUnasked(const Schema& schema, const Proposal& proposal, const std::string& name) {
  const std::vector<PlannedTask>& tasks = PlanOf(schema, proposal).tasks;
  if (std::any_of(tasks.begin(), tasks.end(), [&](const PlannedTask& task) { return task.name == name; })) return true;
  const Workflow& workflow = schema.workflows[proposal.workflow.value];
  for (const ConsequenceOf& of : workflow.transitions[proposal.transition.value].consequences) {
    const Consequence& then = schema.rules[of.rule.value].then[of.index];
    if (!then.obligation.valid() && then.task == name) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> NoPlan(const World& world, const Plans& plans, const Proposal& proposal) {
  const Schema& schema = world.schema();
  const Workflow& workflow = schema.workflows[proposal.workflow.value];
  const Plans::Place place(proposal.workflow.value, proposal.key);
  if (!proposal.payload[kTasks].is_list()) return "it has no tasks";  // a record may lack them
  const Value::List& tasks = proposal.payload[kTasks].list();
  std::vector<std::pair<std::string, std::vector<std::string>>> after;
  for (const Value& task : tasks) {
    const bool is_whole = task.is_list() && At(task.list(), kName).is_text() && At(task.list(), kRole).is_integer();
    if (!is_whole) return "a task has a name and a role";
    const std::string& name = At(task.list(), kName).text();
    if (name.empty() || name.find('/') != std::string::npos) return "a task has a name, without `/`";
    if (IsOpenedUnasked(schema, proposal, name)) return absl::StrCat("`", name, "` is opened by itself: call yours otherwise");
    after.emplace_back(name, Texts(At(task.list(), kAfter)));
  }
  for (const Value& task : tasks) {
    const Value::List& members = task.list();
    const std::string& name = At(members, kName).text();
    if (!DoingOf(schema, proposal.workflow, At(members, kDoes)).known) {
      return absl::StrCat("`", name, "`: there is no transition `", At(members, kDoes).text(), "`");
    }
    for (const std::string& before : Texts(At(members, kAfter))) {
      const bool own = std::any_of(after.begin(), after.end(), [&](const auto& other) { return other.first == before; });
      if (!own && plans.Named(place, before).empty()) {
        return absl::StrCat("`", name, "` comes after `", before, "`, which is no task here");
      }
    }
    for (const std::string& granted : Texts(At(members, kGranting))) {
      if (Names::TransitionOf(workflow, granted).valid()) continue;
      return absl::StrCat("`", name, "` is granted `", granted, "`, and `", workflow.name, "` has no such transition");
    }
  }
  if (HasCircle(after)) return std::string("its tasks wait for one another");
  const Instance* parent = ParentOf(world, proposal);
  if (parent == nullptr) return std::nullopt;
  const Value on = ValueNamed(schema, *parent, "on");
  if (on.is_text() && on.text() == StreamOf(schema, place)) return std::nullopt;
  return absl::StrCat("task `", proposal.payload[kParent].text(), "` is of another instance");
}

void AddPlanned(const World& world, const Plans& plans, const Proposal& proposal, int64_t position, store::Decision* decision) {
  const Schema& schema = world.schema();
  const Workflow& workflow = schema.workflows[proposal.workflow.value];
  const Plan& plan = PlanOf(schema, proposal);
  const Plans::Place place(proposal.workflow.value, proposal.key);
  const Instance* parent = ParentOf(world, proposal);
  int64_t until_ns = plans.Deadline(place);
  std::string rule = absl::StrCat(workflow.qualified, ".plan");
  if (parent != nullptr) {
    const Value until = ValueNamed(schema, *parent, "until");
    if (until.is_integer()) until_ns = Earlier(until_ns, until.integer());
    absl::StrAppend(&rule, ".", ValueNamed(schema, *parent, "name").text(), ".sub");
  }
  const Value::List& tasks = proposal.payload[kTasks].list();
  for (const Value& task : tasks) {
    const Value::List& members = task.list();
    store::OpenedTask opened;
    opened.name = At(members, kName).text();
    opened.id = absl::StrCat(position, "/", opened.name);
    opened.role = schema.roles[static_cast<size_t>(At(members, kRole).integer())].qualified;
    const Doing doing = DoingOf(schema, proposal.workflow, At(members, kDoes));
    if (doing.transition.valid()) {
      opened.workflow = schema.workflows[doing.workflow.value].qualified;
      opened.does = schema.workflows[doing.workflow.value].transitions[doing.transition.value].name;
    }
    for (const std::string& before : Texts(At(members, kAfter))) {
      const bool own = std::any_of(tasks.begin(), tasks.end(),
                                   [&](const Value& other) { return At(other.list(), kName).text() == before; });
      const std::vector<std::string> ids =
          own ? std::vector<std::string>{absl::StrCat(position, "/", before)} : plans.Named(place, before);
      opened.after.insert(opened.after.end(), ids.begin(), ids.end());
    }
    opened.until_ns = until_ns;
    opened.rule = rule;
    for (const Addition& added : plan.additions) {
      if (parent == nullptr && added.name == opened.name) opened.rule = schema.rules[added.rule.value].qualified;
    }
    if (parent != nullptr) opened.parent = proposal.payload[kParent].text();
    opened.granting = Texts(At(members, kGranting));
    if (At(members, kTokens).is_integer()) opened.tokens = At(members, kTokens).integer();
    if (At(members, kCost).is_integer()) opened.cost = At(members, kCost).integer();
    decision->tasks.push_back(std::move(opened));
  }
  std::sort(decision->tasks.begin(), decision->tasks.end());
}

}  // namespace writ
