#include "runtime/orchestrator/grants.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"
#include "runtime/decision/delegation.h"
#include "runtime/orchestrator/convert.h"
#include "runtime/orchestrator/names.h"
#include "runtime/state/own.h"

namespace writ {
namespace {

constexpr std::string_view kOrchestratorId = "orchestrator";

absl::Status Refused(std::string text) { return absl::InvalidArgumentError(std::move(text)); }

RoleId RoleIn(const Value& value) { return value.is_integer() ? RoleId(static_cast<size_t>(value.integer())) : RoleId(); }
std::string_view TextIn(const Value& value) { return value.is_text() ? std::string_view(value.text()) : std::string_view(); }

bool Lists(const Value& list, std::string_view text) {
  return list.is_list() && std::any_of(list.list().begin(), list.list().end(), [&](const Value& element) {
           return element.is_text() && element.text() == text;
         });
}

void SortUnique(std::vector<std::string>* texts) {
  std::sort(texts->begin(), texts->end());
  texts->erase(std::unique(texts->begin(), texts->end()), texts->end());
}

// The limits of a grant, or of a `give`: (field, most) as texts.
std::vector<std::pair<std::string_view, std::string_view>> LimitsIn(const Value& limits) {
  std::vector<std::pair<std::string_view, std::string_view>> out;
  if (!limits.is_list()) return out;
  for (const Value& limit : limits.list()) {
    if (limit.is_list() && limit.list().size() == 2) out.emplace_back(TextIn(limit.list()[0]), TextIn(limit.list()[1]));
  }
  return out;
}

bool LeavesHalted(const Workflow& workflow, const Transition& transition) {
  return !transition.stays && std::any_of(transition.sources.begin(), transition.sources.end(), [&](StateId source) {
    return source != kNewState && source != transition.target && workflow.states[source.value].is_halted;
  });
}

// "2.4M EUR" as the language writes it, without its letter: what texts of values are like.
std::string WithoutLetter(const Type& type, std::string_view text) {
  static constexpr std::pair<char, int> kLetters[] = {{'k', 3}, {'M', 6}, {'B', 9}};
  const size_t end = text.find_first_not_of("0123456789.");
  if (type.kind != TypeKind::kMoney || end == std::string_view::npos || end == 0) return std::string(text);
  for (const auto& [letter, digits] : kLetters) {
    if (text[end] != letter) continue;
    std::string number(text.substr(0, end));
    const size_t point = std::min(number.find('.'), number.size());
    std::string fraction = point < number.size() ? number.substr(point + 1) : "";
    fraction.resize(std::max<size_t>(fraction.size(), static_cast<size_t>(digits)), '0');
    number.resize(point);
    const std::string rest = fraction.substr(static_cast<size_t>(digits));
    return absl::StrCat(number, fraction.substr(0, static_cast<size_t>(digits)), rest.empty() ? "" : ".", rest,
                        Abseil(text.substr(end + 1)));
  }
  return std::string(text);
}

std::optional<int64_t> MostIn(const Schema& schema, const Field& field, std::string_view text) {
  if (!CanBeLimited(schema, field)) return std::nullopt;
  Type type = schema.types[field.type.value];
  type.optional = false;
  const absl::StatusOr<Value> most = TextToValue(schema, type, text);
  if (!most.ok() || !most->is_integer() || most->integer() < type.min) return std::nullopt;
  return std::min(most->integer(), type.max);  // what the type allows may have become less since it was given
}

}  // namespace

Grants::Grants(const Schema* schema) : schema_(*schema) {
  if (!Delegates(schema_)) return;
  workflow_ = WorkflowNamed(schema_, kGrantWorkflow);
  const Workflow& grant = schema_.workflows[workflow_.value];
  give_ = Names::TransitionOf(grant, kGive);
  given_ = grant.transitions[give_.value].target;
  role_ = Field("role"), giver_ = Field("giver"), to_ = Field("to"), grantee_ = Field("grantee"), on_ = Field("workflow");
  instance_ = Field("instance"), transitions_ = Field("transitions"), limits_ = Field("limits"), until_ = Field("until");
  parent_ = Field("parent"), task_ = Field("task");
}

uint32_t Grants::Field(std::string_view name) const {
  const FieldId field = FieldNamed(schema_.workflows[workflow_.value], name);
  WRIT_CHECK(field.valid());
  return field.value;
}

bool Grants::IsGive(const Proposal& proposal) const {
  return workflow_.valid() && proposal.workflow == workflow_ && proposal.transition == give_;
}

absl::Status Grants::Name(const World& world, const std::string& key, Proposal* proposal) const {
  if (key.empty()) return absl::OkStatus();
  if (!workflow_.valid()) return Refused("nobody may give authority away under this policy: there is no grant to act under");
  const Instance* grant = world.Find(workflow_, key);
  if (grant == nullptr || grant->state == kNewState) return Refused(absl::StrCat("there is no grant `", key, "`"));
  proposal->grant.emplace();
  proposal->grant->key = key;
  return absl::OkStatus();
}

RoleId Grants::To(const World& world, std::string_view key) const {
  const Instance* grant = workflow_.valid() ? world.Find(workflow_, key) : nullptr;
  return grant == nullptr ? RoleId() : RoleIn(At(*grant, to_));
}

// ---------------------------------------------------------------- giving

const Value& Grants::Given(const Proposal& give, uint32_t field) const {
  static const Value kNone;
  const std::vector<SetField>& sets = schema_.workflows[workflow_.value].transitions[give_.value].sets;
  for (size_t i = 0; i < sets.size() && i < give.sets.size(); ++i) {
    if (sets[i].field.value == field) return give.sets[i];
  }
  return kNone;
}

void Grants::Give(uint32_t field, Value value, Proposal* give) const {
  const std::vector<SetField>& sets = schema_.workflows[workflow_.value].transitions[give_.value].sets;
  for (size_t i = 0; i < sets.size() && i < give->sets.size(); ++i) {
    if (sets[i].field.value == field) give->sets[i] = std::move(value);
  }
}

absl::Status Grants::Complete(const World& world, Proposal* give) const {
  for (const auto& [field, name] : {std::pair(role_, "role"), std::pair(giver_, "giver"), std::pair(parent_, "parent"),
                                    std::pair(task_, "task")}) {
    if (!Given(*give, field).absent()) {
      return Refused(absl::StrCat("`", name, "` of a grant is not for its giver to say: leave it out"));
    }
  }
  const absl::StatusOr<WorkflowId> on = FindWorkflow(schema_, TextIn(Given(*give, on_)));
  if (!on.ok()) return Refused(absl::StrCat("`workflow`: ", on.status().message()));
  const Workflow& workflow = schema_.workflows[on->value];
  Give(on_, Value(workflow.qualified), give);
  if (const Value& instance = Given(*give, instance_); !instance.absent()) {
    const absl::StatusOr<std::vector<Value>> parts = ParseKey(schema_, workflow.key, instance.text());
    if (!parts.ok()) return Refused(absl::StrCat("`instance`: ", parts.status().message()));
    Give(instance_, Value(KeyText(schema_, workflow.key, *parts)), give);
  }
  if (!Given(*give, transitions_).is_list()) return Refused("`give` needs `transitions`");  // a record may lack them
  for (const Value& name : Given(*give, transitions_).list()) {
    if (name.text() == kGive || Names::TransitionOf(workflow, name.text()).valid()) continue;
    return Refused(absl::StrCat("`transitions`: `", workflow.name, "` has no transition `", name.text(), "`"));
  }
  if (absl::Status limits = CompleteLimits(workflow, give); !limits.ok()) return limits;

  const ActorView& actor = give->actor;
  RoleId role = actor.role;
  if (give->grant.has_value()) {
    const Instance* under = world.Find(workflow_, give->grant->key);
    WRIT_CHECK(under != nullptr);
    role = RoleIn(At(*under, role_));
    Give(parent_, Value(under->key), give);
    Give(task_, At(*under, task_), give);
  }
  if (role.valid()) Give(role_, Value(static_cast<int64_t>(role.value)), give);
  Give(giver_, Value(actor.id), give);
  return absl::OkStatus();
}

bool Grants::FillsIn(FieldId field) const {
  return field.value == role_ || field.value == giver_ || field.value == parent_ || field.value == task_;
}

absl::Status Grants::CompleteLimits(const Workflow& on, Proposal* give) const {
  const Value& limits = Given(*give, limits_);
  if (limits.absent()) return absl::OkStatus();
  Value::List canonical;
  std::vector<std::string_view> seen;
  for (const auto& [name, most] : LimitsIn(limits)) {
    const FieldId id = FieldNamed(on, name);
    if (!id.valid()) return Refused(absl::StrCat("`limits`: `", on.name, "` has no field `", Abseil(name), "`"));
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return Refused(absl::StrCat("`limits`: `", Abseil(name), "` is limited twice"));
    }
    seen.push_back(name);
    const writ::Field& field = on.fields[id.value];
    if (!CanBeLimited(schema_, field)) {
      return Refused(absl::StrCat("`limits`: `", field.name, "` has no order, so that nothing is the most of it"));
    }
    Type type = schema_.types[field.type.value];
    type.optional = false;
    const absl::StatusOr<Value> value = TextToValue(schema_, type, WithoutLetter(type, most));
    if (!value.ok()) return Refused(absl::StrCat("`limits`: `", field.name, "`: ", value.status().message()));
    if (value->integer() < type.min || value->integer() > type.max) {
      return Refused(absl::StrCat("`limits`: `", field.name, "` is never ", Abseil(most), ": that is out of its range"));
    }
    canonical.push_back(Value(Value::List{Value(field.name), Value(ValueToText(schema_, type, *value))}));
  }
  Give(limits_, Value(std::move(canonical)), give);
  return absl::OkStatus();
}

// ---------------------------------------------------------------- the chain

Grants::Chain Grants::ChainOf(const World& world, std::string_view key, bool* whole) const {
  Chain chain;
  *whole = false;
  std::string_view next = key;
  while (chain.size() < limits::kGrantChainMax) {
    const Instance* grant = workflow_.valid() ? world.Find(workflow_, next) : nullptr;
    if (grant == nullptr || grant->state == kNewState) return chain;
    chain.push_back(grant);
    const Value& parent = At(*grant, parent_);
    *whole = parent.absent();
    if (*whole) return chain;
    next = TextIn(parent);
  }
  return chain;
}

// To that actor, where it names one, in the role that it is to.
bool Grants::Receives(const Instance& grant, const std::string& actor, bool holds_role) const {
  const Value& named = At(grant, grantee_);
  return holds_role && (named.absent() || TextIn(named) == actor);
}

bool Grants::InForce(const Chain& chain, size_t link, const Registry& registry, int64_t now_ns) const {
  const Instance& grant = *chain[link];
  const Value& until = At(grant, until_);
  if (grant.state != given_ || !until.is_integer() || now_ns >= until.integer()) return false;
  if (RoleIn(At(grant, role_)) != RoleIn(At(*chain.back(), role_))) return false;
  const std::string giver(TextIn(At(grant, giver_)));
  if (giver == kOrchestratorId) return true;
  const RegisteredActor* actor = registry.Find(giver);
  if (actor == nullptr || !actor->active) return false;
  const auto holds = [&](RoleId role) { return std::binary_search(actor->roles.begin(), actor->roles.end(), role); };
  if (link + 1 == chain.size()) return holds(RoleIn(At(grant, role_)));
  const Instance& above = *chain[link + 1];
  return Receives(above, giver, holds(RoleIn(At(above, to_))));
}

// Whether the grant names what is proposed. Giving on is named by `give`; what may be given then, GivenWithin says.
bool Grants::Covers(const Instance& grant, const Proposal& proposal) const {
  const Value& named = At(grant, transitions_);
  if (IsGive(proposal)) return Lists(named, kGive);
  const Workflow& workflow = schema_.workflows[proposal.workflow.value];
  const Value& instance = At(grant, instance_);
  return TextIn(At(grant, on_)) == workflow.qualified &&
         Lists(named, workflow.transitions[proposal.transition.value].name) &&
         (instance.absent() || TextIn(instance) == proposal.key);
}

// Adds the grant's limits to the least so far. False for one that this policy cannot read: it limits to nothing.
bool Grants::Least(const Instance& grant, const Proposal& proposal, GrantView* view) const {
  if (IsGive(proposal)) return true;
  const Workflow& workflow = schema_.workflows[proposal.workflow.value];
  for (const auto& [name, text] : LimitsIn(At(grant, limits_))) {
    const FieldId field = FieldNamed(workflow, name);
    const std::optional<int64_t> most = field.valid() ? MostIn(schema_, workflow.fields[field.value], text) : std::nullopt;
    if (!most.has_value()) return false;
    const auto at = std::lower_bound(view->most.begin(), view->most.end(), field,
                                     [](const auto& limit, FieldId id) { return limit.first < id; });
    if (at == view->most.end() || at->first != field) {
      view->most.insert(at, {field, Value(*most)});
    } else if (*most < at->second.integer()) {
      at->second = Value(*most);
    }
  }
  return true;
}

void Grants::Meet(const World& world, const Registry& registry, Proposal* proposal) const {
  Chain chain;
  if (proposal->grant.has_value()) {
    GrantView view;
    view.key = proposal->grant->key;
    bool whole = false;
    chain = ChainOf(world, view.key, &whole);
    const ActorView& actor = proposal->actor;
    view.holds = whole && Receives(*chain.front(), actor.id, RoleIn(At(*chain.front(), to_)) == actor.role);
    for (size_t link = 0; link < chain.size(); ++link) {
      const Instance& grant = *chain[link];
      view.holds = view.holds && InForce(chain, link, registry, proposal->now_ns) && Covers(grant, *proposal);
      if (!Least(grant, *proposal, &view)) view.holds = false;
      if (const std::string_view task = TextIn(At(grant, task_)); !task.empty()) {
        view.tasks.push_back(TaskOfPlan(TextIn(At(grant, on_)), task));
      }
    }
    SortUnique(&view.tasks);
    const Workflow& workflow = schema_.workflows[proposal->workflow.value];
    const bool for_humans = LeavesHalted(workflow, workflow.transitions[proposal->transition.value]);
    if (for_humans && !actor.is_human) view.holds = false;
    if (!chain.empty()) {
      view.role = RoleIn(At(*chain.front(), role_));
      if (!view.role.valid()) view.role = RoleId(0), view.holds = false;  // a record may say that nobody gave it
    }
    view.givers = Givers(world, registry, view.key);
    proposal->grant = std::move(view);
  }
  if (IsGive(*proposal)) proposal->gives = Gives(chain, *proposal);
}

// ---------------------------------------------------------------- to give no more than one holds

bool Grants::Gives(const Chain& chain, const Proposal& give) const {
  const WorkflowId workflow = WorkflowNamed(schema_, TextIn(Given(give, on_)));
  const RoleId role = RoleIn(Given(give, role_)), to = RoleIn(Given(give, to_));
  const Value& transitions = Given(give, transitions_);
  if (!workflow.valid() || !role.valid() || !to.valid() || !transitions.is_list()) return false;
  const Workflow& on = schema_.workflows[workflow.value];
  for (const Value& name : transitions.list()) {
    if (TextIn(name) == kGive) continue;  // who may give at all, authority says
    const TransitionId id = Names::TransitionOf(on, TextIn(name));
    if (!id.valid()) return false;
    const Transition& transition = on.transitions[id.value];
    if (!std::binary_search(transition.may.begin(), transition.may.end(), role)) return false;
    if (LeavesHalted(on, transition) && !schema_.roles[to.value].human) return false;
  }
  return chain.size() < limits::kGrantChainMax &&
         std::all_of(chain.begin(), chain.end(), [&](const Instance* grant) { return GivenWithin(*grant, give); });
}

bool Grants::GivenWithin(const Instance& grant, const Proposal& give) const {
  const std::string_view on = TextIn(At(grant, on_));
  if (on != TextIn(Given(give, on_))) return false;
  const Value& instance = At(grant, instance_);
  if (!instance.absent() && TextIn(instance) != TextIn(Given(give, instance_))) return false;
  for (const Value& name : Given(give, transitions_).list()) {
    if (!Lists(At(grant, transitions_), TextIn(name))) return false;
  }
  const Value &until = Given(give, until_), &ends = At(grant, until_);
  if (!until.is_integer() || !ends.is_integer() || until.integer() > ends.integer()) return false;
  return LimitsWithin(grant, schema_.workflows[WorkflowNamed(schema_, on).value], give);
}

bool Grants::LimitsWithin(const Instance& grant, const Workflow& on, const Proposal& give) const {
  const auto given = LimitsIn(Given(give, limits_));
  for (const auto& [name, text] : LimitsIn(At(grant, limits_))) {
    const FieldId field = FieldNamed(on, name);
    const std::optional<int64_t> most = field.valid() ? MostIn(schema_, on.fields[field.value], text) : std::nullopt;
    const std::string_view limited = name;
    const auto same = std::find_if(given.begin(), given.end(), [&](const auto& limit) { return limit.first == limited; });
    if (!most.has_value() || same == given.end()) return false;
    const std::optional<int64_t> own = MostIn(schema_, on.fields[field.value], same->second);
    if (!own.has_value() || *own > *most) return false;
  }
  return true;
}

// ---------------------------------------------------------------- who and what was looked at

std::vector<std::string> Grants::Givers(const World& world, const Registry& registry, std::string_view key) const {
  bool whole = false;
  std::vector<std::string> givers;
  for (const Instance* grant : ChainOf(world, key, &whole)) {
    givers.emplace_back(TextIn(At(*grant, giver_)));
    const RegisteredActor* actor = registry.Find(givers.back());
    if (actor != nullptr) givers.push_back(actor->principal);
  }
  SortUnique(&givers);
  return givers;
}

void Grants::AddReads(const World& world, const Registry& registry, const Proposal& proposal, ReadSet* reads) const {
  if (!proposal.grant.has_value()) return;
  const auto add = [&](WorkflowId workflow, std::string_view key) {
    const Instance* instance = world.Find(workflow, key);
    const auto at = std::lower_bound(reads->begin(), reads->end(), key, [&](const ReadVersion& r, std::string_view k) {
      return r.workflow != workflow ? r.workflow < workflow : std::string_view(r.key) < k;
    });
    if (at != reads->end() && at->workflow == workflow && at->key == key) return;
    reads->insert(at, ReadVersion{workflow, std::string(key), instance == nullptr ? 0 : instance->version});
  };
  bool whole = false;
  for (const Instance* grant : ChainOf(world, proposal.grant->key, &whole)) {
    add(workflow_, grant->key);
    const std::string_view giver = TextIn(At(*grant, giver_));
    if (giver != kOrchestratorId) add(registry.workflow(), giver);
  }
}

}  // namespace writ
