#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"
#include "runtime/frame/frame.h"
#include "runtime/state/state.h"

namespace writ {
namespace {

std::unique_ptr<Instance> NewInstance(const Workflow& workflow, WorkflowId id, std::string key, std::vector<Value> parts) {
  auto instance = std::make_unique<Instance>();
  instance->workflow = id;
  instance->key = std::move(key);
  instance->key_parts = std::move(parts);
  instance->counted_under.resize(workflow.populations.size());
  instance->counted.resize(workflow.populations.size());
  instance->fields.resize(workflow.fields.size());
  instance->cells.resize(workflow.cells.size());
  instance->windows.resize(workflow.windows.size());
  instance->reviews.resize(workflow.reviews.size());
  for (size_t i = 0; i < workflow.reviews.size(); ++i) {
    instance->reviews[i].seats.resize(workflow.reviews[i].seats.size());
  }
  return instance;
}

// True if any field was set, to whatever value.
bool SetFields(const Transition& transition, const Proposal& proposal, Instance* instance) {
  bool any = false;
  for (size_t i = 0; i < transition.sets.size() && i < proposal.sets.size(); ++i) {
    if (proposal.sets[i].absent()) continue;
    instance->fields[transition.sets[i].field.value] = proposal.sets[i];
    any = true;
  }
  if (any) instance->updated_ns = proposal.now_ns;
  return any;
}

bool IsReviewState(const Workflow& workflow, StateId state) {
  return std::any_of(workflow.reviews.begin(), workflow.reviews.end(), [&](const Review& r) { return r.state == state; });
}

void BeginRound(const Workflow& workflow, int64_t position, int64_t now_ns, Instance* instance) {
  instance->round = position;
  for (size_t i = 0; i < instance->reviews.size(); ++i) {
    ReviewState& review = instance->reviews[i];
    for (std::vector<Verdict>& seat : review.seats) seat.clear();
    review.outcome = -1;
    const bool is_held = workflow.reviews[i].state == instance->state;
    review.began_position = is_held ? position : 0;
    review.began_ns = is_held ? now_ns : 0;
  }
}

// Leaving a review's state starts no round: its verdicts stay readable. But nobody waits for it any more.
void LeaveReviews(const Workflow& workflow, Instance* instance) {
  for (size_t i = 0; i < instance->reviews.size(); ++i) {
    if (workflow.reviews[i].state == instance->state) continue;
    instance->reviews[i].began_position = 0;
    instance->reviews[i].began_ns = 0;
  }
}

// Takes the seat of the role that the verdict was given in. False if it has none, or none is left.
bool TakeSeat(const Review& review, const Proposal& proposal, int64_t position, ReviewState* state) {
  const Value& stance = proposal.payload[review.stance.value];
  if (!stance.is_integer()) return false;
  const Verdict verdict{proposal.actor.id, static_cast<uint32_t>(stance.integer()), position};
  for (size_t i = 0; i < review.seats.size(); ++i) {
    if (review.seats[i].role != proposal.actor.role) continue;
    std::vector<Verdict>& spoken = state->seats[i];
    const auto own = std::find_if(spoken.begin(), spoken.end(), [&](const Verdict& v) { return v.actor == verdict.actor; });
    if (own != spoken.end()) {
      *own = verdict;
      return true;
    }
    if (spoken.size() >= review.seats[i].seats) return false;
    spoken.push_back(verdict);
    return true;
  }
  return false;
}

bool CountVerdict(const Workflow& workflow, const Proposal& proposal, int64_t position, Instance* instance) {
  bool counted = false;
  for (size_t i = 0; i < workflow.reviews.size(); ++i) {
    const Review& review = workflow.reviews[i];
    if (review.verdict != proposal.transition || review.state != instance->state) continue;
    if (review.stance.value >= proposal.payload.size()) continue;
    if (TakeSeat(review, proposal, position, &instance->reviews[i])) counted = true;
  }
  return counted;
}

// ---------------------------------------------------------------- folds

Num NumberOf(const Function& function, uint32_t output, const int64_t* out) {
  const OutputSlot& slot = function.outputs[output];
  const int64_t* word = out + slot.offset;
  if (slot.kind != SlotKind::kI128) return word[0];
  return static_cast<Num>((static_cast<unsigned __int128>(static_cast<uint64_t>(word[1])) << 64) |
                          static_cast<uint64_t>(word[0]));
}

void StoreToCell(const Function& function, const FoldTarget& target, const int64_t* out, CellValue* cell) {
  const OutputSlot& slot = function.outputs[target.value];
  if (slot.kind != SlotKind::kString) {
    cell->number = NumberOf(function, target.value, out);
    return;
  }
  const int64_t* word = out + slot.offset;
  cell->text.assign(word[1] == 0 ? "" : reinterpret_cast<const char*>(word[0]), static_cast<size_t>(word[1]));
}

void Push(const Window& window, int64_t now_ns, Num value, WindowState* state) {
  const Num after = Num{now_ns} - window.within_ns;
  while (!state->entries.empty() && state->entries.front().time_ns <= after) state->entries.pop_front();
  state->entries.push_back({now_ns, value});
  while (state->entries.size() > window.capacity) {
    state->dropped_until_ns = std::max(state->dropped_until_ns, state->entries.front().time_ns);
    state->entries.pop_front();
  }
}

// What a fold works with, kept from one event to the next so that folding allocates nothing.
struct FoldScratch {
  Frame frame;
  std::vector<int64_t> out;
};

// `instance` is the event's; `cells` the one that keeps what is counted.
void RunFold(const World& world, FunctionId id, const Proposal& event, int64_t position, const Instance& instance,
             Instance* cells) {
  if (!id.valid()) return;
  thread_local FoldScratch scratch;
  const Function& function = world.schema().functions[id.value];
  const Workflow& workflow = world.schema().workflows[cells->workflow.value];
  FillFoldFrame(world, function, event, instance, position, &scratch.frame, cells);
  scratch.out.assign(function.output_words, 0);
  world.policy().Evaluate(id, scratch.frame.words(), scratch.out.data());
  for (const FoldTarget& target : function.fold) {
    if (!target.is_window) {
      StoreToCell(function, target, scratch.out.data(), &cells->cells[target.index]);
      continue;
    }
    if (target.when != UINT32_MAX && NumberOf(function, target.when, scratch.out.data()) == 0) continue;
    WindowState& window = cells->windows[target.index];
    if (target.value == UINT32_MAX) {
      window = WindowState();
      continue;
    }
    Push(workflow.windows[target.index], event.now_ns, NumberOf(function, target.value, scratch.out.data()), &window);
  }
}

// The key of a fact, as its parts; nothing where one of them is not there.
std::optional<std::vector<Value>> KeyOf(const World& world, FunctionId id, const Proposal& event, int64_t position,
                                        const Instance& instance) {
  thread_local FoldScratch scratch;
  const Function& function = world.schema().functions[id.value];
  FillFoldFrame(world, function, event, instance, position, &scratch.frame);
  scratch.out.assign(function.output_words, 0);
  world.policy().Evaluate(id, scratch.frame.words(), scratch.out.data());
  std::vector<Value> parts;
  for (uint32_t i = 0; i + 1 < function.outputs.size(); i += 2) {
    if (NumberOf(function, i, scratch.out.data()) == 0) return std::nullopt;
    if (function.outputs[i + 1].kind == SlotKind::kString) {
      CellValue text;
      StoreToCell(function, {false, 0, UINT32_MAX, i + 1}, scratch.out.data(), &text);
      parts.emplace_back(std::move(text.text));
    } else {
      parts.emplace_back(static_cast<int64_t>(NumberOf(function, i + 1, scratch.out.data())));
    }
  }
  return parts;
}

}  // namespace

World::World(const CompiledPolicy* policy)
    : policy_(policy), instances_(policy->schema().workflows.size()), hierarchies_(policy->schema().workflows.size()),
      order_(policy->schema().workflows.size()) {}

const Instance* World::Find(WorkflowId workflow, std::string_view key) const {
  const auto& instances = instances_[workflow.value];
  const auto found = instances.find(absl::string_view(key.data(), key.size()));
  return found == instances.end() ? nullptr : found->second.get();
}

World::Effect World::Apply(const Proposal& proposal, int64_t position, bool refused) {
  const Workflow& workflow = schema().workflows[proposal.workflow.value];
  const Transition& transition = workflow.transitions[proposal.transition.value];
  Instance& instance = Touch(proposal.workflow, proposal.key, proposal.key_parts);
  ++instance.version;
  if (refused) {
    RunFold(*this, transition.fold_refused, proposal, position, instance, &instance);
    return {};
  }

  Effect effect;
  const bool moves = !transition.stays && transition.target.valid();
  if (moves) instance.state = transition.target;
  SetFields(transition, proposal, &instance);
  const bool sets = !transition.sets.empty();  // even where all were left out: a fold cannot see the difference
  if (workflow.under.valid()) MoveUnder(workflow, instance);
  effect.changed = moves || sets;
  if (effect.changed) instance.last_change = position;
  effect.new_round = sets || (moves && IsReviewState(workflow, instance.state));
  if (effect.new_round) BeginRound(workflow, position, proposal.now_ns, &instance);
  if (moves && !effect.new_round) LeaveReviews(workflow, &instance);
  // What is said with authority that somebody gave takes nobody's seat.
  effect.verdict = !proposal.grant.has_value() && CountVerdict(workflow, proposal, position, &instance);
  RunFold(*this, transition.fold, proposal, position, instance, &instance);
  for (const KeyedFold& keyed : transition.keyed) FoldByKey(keyed, proposal, position, instance);
  for (size_t i = 0; i < workflow.populations.size(); ++i) Recount(i, proposal, position, &instance);
  return effect;
}

void World::Assume(const Assumption& assumption, int64_t position, int64_t now_ns) {
  const Workflow& workflow = schema().workflows[assumption.workflow.value];
  Instance& instance = Touch(assumption.workflow, assumption.key, assumption.key_parts);
  instance.state = assumption.state;
  for (const auto& [field, value] : assumption.fields) instance.fields[field.value] = value;
  if (workflow.under.valid()) MoveUnder(workflow, instance);
  instance.last_change = position;
  instance.updated_ns = now_ns;
  BeginRound(workflow, position, now_ns, &instance);
  // Where it is counts, though it never came there.
  Proposal nobody;
  nobody.workflow = assumption.workflow;
  nobody.key = assumption.key;
  nobody.key_parts = assumption.key_parts;
  nobody.now_ns = now_ns;
  for (size_t i = 0; i < workflow.populations.size(); ++i) Recount(i, nobody, position, &instance);
}

// ---------------------------------------------------------------- hierarchies

namespace {

template <class Keys>
const std::vector<std::string>* At(const Keys& keys, std::string_view key) {
  const auto found = keys.find(absl::string_view(key.data(), key.size()));
  return found == keys.end() ? nullptr : &found->second;
}

// `start` and all that is reached from it, sorted. It may run in a circle: a record that is followed says what it says.
template <class Keys>
std::vector<std::string> Reached(const Keys& edges, const std::string& start) {
  std::set<std::string> reached = {start};
  std::vector<std::string> open = {start};
  while (!open.empty()) {
    const std::vector<std::string>* next = At(edges, open.back());
    open.pop_back();
    if (next == nullptr) continue;
    for (const std::string& key : *next) {
      if (reached.insert(key).second) open.push_back(key);
    }
  }
  return std::vector<std::string>(reached.begin(), reached.end());
}

std::vector<std::string> TextsOf(const Value& value) {
  std::vector<std::string> texts;
  if (!value.is_list()) return texts;
  for (const Value& element : value.list()) {
    if (element.is_text()) texts.push_back(element.text());
  }
  return texts;
}

}  // namespace

void World::MoveUnder(const Workflow& workflow, const Instance& instance) {
  Hierarchy& hierarchy = hierarchies_[instance.workflow.value];
  std::vector<std::string> parents = TextsOf(instance.fields[workflow.under.value]);
  const auto [known, is_new] = hierarchy.parents.try_emplace(instance.key);
  if (!is_new && known->second == parents) return;
  for (const std::string& parent : known->second) std::erase(hierarchy.children[parent], instance.key);
  for (const std::string& parent : parents) hierarchy.children[parent].push_back(instance.key);
  known->second = std::move(parents);
  for (const std::string& below : Reached(hierarchy.children, instance.key)) {
    hierarchy.ancestors[below] = Reached(hierarchy.parents, below);
  }
}

const std::vector<std::string>* World::Ancestors(WorkflowId workflow, std::string_view key) const {
  return At(hierarchies_[workflow.value].ancestors, key);
}

std::optional<std::string> World::NotUnder(const Proposal& proposal) const {
  const Workflow& workflow = schema().workflows[proposal.workflow.value];
  if (!workflow.under.valid() || !proposal.transition.valid()) return std::nullopt;
  const std::vector<SetField>& sets = workflow.transitions[proposal.transition.value].sets;
  const auto set = std::find_if(sets.begin(), sets.end(), [&](const SetField& s) { return s.field == workflow.under; });
  if (set == sets.end()) return std::nullopt;
  const Hierarchy& hierarchy = hierarchies_[proposal.workflow.value];
  std::set<std::string> above = {proposal.key};
  for (const std::string& parent : TextsOf(proposal.sets[static_cast<size_t>(set - sets.begin())])) {
    if (parent == proposal.key) return absl::StrCat("`", parent, "` cannot be under itself");
    above.insert(parent);
    const std::vector<std::string>* ancestors = Ancestors(proposal.workflow, parent);
    if (ancestors == nullptr) continue;
    if (std::binary_search(ancestors->begin(), ancestors->end(), proposal.key)) {
      return absl::StrCat("`", proposal.key, "` cannot be under `", parent, "`, which is under `", proposal.key,
                          "` already: that is a circle");
    }
    above.insert(ancestors->begin(), ancestors->end());
  }
  for (const std::string& below : Reached(hierarchy.children, proposal.key)) {
    std::set<std::string> all = above;
    if (const std::vector<std::string>* ancestors = Ancestors(proposal.workflow, below); ancestors != nullptr) {
      all.insert(ancestors->begin(), ancestors->end());
    }
    if (all.size() > limits::kAncestorsMax) {
      return absl::StrCat("`", below, "` would be under more than ", limits::kAncestorsMax, " records");
    }
  }
  return std::nullopt;
}

// ---------------------------------------------------------------- facts by key

Instance& World::Touch(WorkflowId workflow, const std::string& key, const std::vector<Value>& parts) {
  std::unique_ptr<Instance>& slot = instances_[workflow.value][key];
  if (slot == nullptr) {
    slot = NewInstance(schema().workflows[workflow.value], workflow, key, parts);
    order_[workflow.value].push_back(slot.get());
  }
  return *slot;
}

void World::FoldByKey(const KeyedFold& keyed, const Proposal& event, int64_t position, const Instance& instance) {
  const std::optional<std::vector<Value>> parts = KeyOf(*this, keyed.key, event, position, instance);
  if (!parts.has_value()) return;
  Instance& fact = Touch(keyed.fact, KeyText(schema(), schema().workflows[keyed.fact.value].key, *parts), *parts);
  ++fact.version;
  RunFold(*this, keyed.fold, event, position, instance, &fact);
}

// Whether the instance is in one of the states, and under which key, after the event: it is counted under one key at most.
void World::Recount(size_t index, const Proposal& event, int64_t position, Instance* instance) {
  const Population& population = schema().workflows[instance->workflow.value].populations[index];
  const std::vector<Field>& key = schema().workflows[population.fact.value].key;
  const bool is_in = std::binary_search(population.states.begin(), population.states.end(), instance->state);
  // What a key reads of another instance (of the one that a task is on) is what it was when this one came to be counted.
  const bool reads_another = !schema().functions[population.key.value].frame.lookups.empty();
  if (is_in && instance->counted[index] && reads_another) return;
  std::optional<std::vector<Value>> parts;
  if (is_in) parts = KeyOf(*this, population.key, event, position, *instance);
  std::string now = parts.has_value() ? KeyText(schema(), key, *parts) : std::string();
  const bool was = instance->counted[index];
  if (was == parts.has_value() && now == instance->counted_under[index]) return;
  if (was) {
    Instance& left = *instances_[population.fact.value][instance->counted_under[index]];
    ++left.version;
    --left.cells[0].number;
  }
  if (parts.has_value()) {
    Instance& entered = Touch(population.fact, now, *parts);
    ++entered.version;
    ++entered.cells[0].number;
  }
  instance->counted[index] = parts.has_value();
  instance->counted_under[index] = std::move(now);
}

void World::ConcludeReview(WorkflowId workflow, std::string_view key, ReviewId review, ClauseId clause) {
  auto& instances = instances_[workflow.value];
  const auto found = instances.find(absl::string_view(key.data(), key.size()));
  WRIT_CHECK(found != instances.end());
  found->second->reviews[review.value].outcome = static_cast<int32_t>(clause.value);
}

void World::Unset(WorkflowId workflow, std::string_view key, FieldId field) {
  auto& instances = instances_[workflow.value];
  const auto found = instances.find(absl::string_view(key.data(), key.size()));
  WRIT_CHECK(found != instances.end());
  found->second->fields[field.value] = Value();
}

const std::vector<const Instance*>& World::InstancesOf(WorkflowId workflow) const { return order_[workflow.value]; }

size_t World::size() const {
  size_t count = 0;
  for (const auto& instances : order_) count += instances.size();
  return count;
}

}  // namespace writ
