#include "runtime/orchestrator/task_grants.h"

#include <algorithm>
#include <map>
#include <utility>

#include "runtime/frame/frame.h"
#include "runtime/state/own.h"

namespace writ {
namespace {

// A proposal on a grant, with the values of these names.
Proposal OnGrant(const Schema& schema, WorkflowId grant, std::string_view transition, const std::string& key, int64_t now_ns,
                 const std::map<std::string, Value>& values) {
  const Workflow& workflow = schema.workflows[grant.value];
  const TransitionId id = Names::TransitionOf(workflow, transition);
  Proposal proposal = Bare(schema, grant, key, {Value(key)}, id, now_ns);
  const std::vector<SetField>& sets = workflow.transitions[id.value].sets;
  for (size_t i = 0; i < sets.size(); ++i) {
    const auto value = values.find(workflow.fields[sets[i].field.value].name);
    if (value != values.end()) proposal.sets[i] = value->second;
  }
  return proposal;
}

// `sub TASK …` of a workflow; null where it has none.
const SubPlan* SubOf(const Workflow& planned, std::string_view task) {
  for (const Plan& plan : planned.plans) {
    for (const SubPlan& sub : plan.subs) {
      if (sub.task == task) return &sub;
    }
  }
  return nullptr;
}

// `within D`: how long a grant under a task is good at most.
int64_t Until(const SubPlan* sub, const store::OpenedTask& task, int64_t now_ns) {
  const int64_t until_ns = task.until_ns == 0 ? limits::kTimeMax : task.until_ns;
  return sub != nullptr && sub->within_ns != 0 ? std::min(until_ns, now_ns + sub->within_ns) : until_ns;
}

// `up to FIELD LIMIT`, as the limits of a `give` are kept.
Value LimitsOf(const Schema& schema, const Workflow& planned, const SubPlan& sub) {
  Value::List out;
  for (const SubLimit& limit : sub.limits) {
    const Field& field = planned.fields[limit.field.value];
    Type type = schema.types[field.type.value];
    type.optional = false;
    out.push_back(Value(Value::List{Value(field.name), Value(ValueToText(schema, type, Value(limit.most)))}));
  }
  return Value(std::move(out));
}

}  // namespace

std::vector<Proposal> GivenWith(const World& world, const Names& names, const store::Event& opening, const ActorView& planner) {
  std::vector<Proposal> gives;
  const Schema& schema = world.schema();
  for (const store::OpenedTask& task : opening.decision.tasks) {
    const Instance* parent = task.parent.empty() ? nullptr : world.Find(names.task(), task.parent);
    const std::string stream = task.on.empty() ? store::StreamName(opening.workflow, opening.instance) : task.on;
    const size_t slash = stream.find('/');
    const WorkflowId planned = names.Workflow(std::string_view(stream).substr(0, slash));
    if (task.granting.empty() || parent == nullptr || !names.grant().valid() || !planned.valid()) continue;
    const Instance* above = world.Find(names.grant(), task.parent);
    const std::string name = ValueNamed(schema, *parent, "name").text();
    const SubPlan* sub = SubOf(schema.workflows[planned.value], name);
    Value::List transitions(task.granting.begin(), task.granting.end());
    const int64_t to = names.Role(task.role).value;
    std::map<std::string, Value> values = {
        {"role", above != nullptr ? ValueNamed(schema, *above, "role")
                                  : ValueNamed(schema, *parent, "role")},
        {"giver", Value(opening.actor)},
        {"to", Value(to)},
        {"workflow", Value(schema.workflows[planned.value].qualified)},
        {"instance", Value(stream.substr(slash + 1))},
        {"transitions", Value(std::move(transitions))},
        {"until", Value(Until(sub, task, opening.time_ns))},
        {"task", Value(name)}};
    if (sub != nullptr && !sub->limits.empty()) values["limits"] = LimitsOf(schema, schema.workflows[planned.value], *sub);
    if (above != nullptr) values["parent"] = Value(task.parent);
    Proposal give = OnGrant(schema, names.grant(), "give", task.id, opening.time_ns, values);
    give.actor = planner;
    gives.push_back(std::move(give));
  }
  return gives;
}

std::optional<Proposal> RevokedWith(const World& world, const Names& names, const std::string& task,
                                    const ActorView& orchestrator, int64_t now_ns) {
  const Instance* given = names.grant().valid() ? world.Find(names.grant(), task) : nullptr;
  if (given == nullptr) return std::nullopt;
  Proposal revoke = OnGrant(world.schema(), names.grant(), "revoke", task, now_ns, {});
  const Workflow& workflow = world.schema().workflows[names.grant().value];
  const std::vector<StateId>& sources = workflow.transitions[revoke.transition.value].sources;
  if (std::find(sources.begin(), sources.end(), given->state) == sources.end()) return std::nullopt;
  revoke.actor = orchestrator;
  return revoke;
}

}  // namespace writ
