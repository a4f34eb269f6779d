// Plans: what they want of an instance, which of their tasks were opened, which of their ends have come. A part of the fold
// over the log.
//
// After an event the plan of its instance is looked at, and that of each instance a task of which has changed. What is wanted
// and was never opened is opened by that event; an end that has come, and whose transition is legal, is due.
// Threads   as World.
// Cost      nothing for instances without a plan; else one evaluation of the plan.
// Source    docs/internals/semantics.md, "Plans"
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "runtime/frame/frame.h"
#include "runtime/state/looking.h"
#include "runtime/state/state.h"
#include "runtime/store/event.h"

namespace writ {

class Plans {
 public:
  using Place = std::pair<uint32_t, std::string>;  // workflow and key

  explicit Plans(const Schema* schema);

  bool any() const { return any_; }
  bool Has(WorkflowId workflow) const { return !schema_->workflows[workflow.value].plans.empty(); }
  // After an event was folded, but for the tasks that it opens. `counts`: it was decided under this policy. Adds to `wanted`
  // what is to be opened.
  void Look(const World& world, const Place& place, const store::Event& event, const ActorView& orchestrator, bool counts,
            std::vector<store::OpenedTask>* wanted);
  // An event has opened this on the instance.
  void Opened(const Place& place, const store::OpenedTask& task);
  // The transition of an end was proposed.
  void Proposed(const Place& place, TransitionId transition);

  // The index of the first end that is due; nothing where none is.
  std::optional<uint32_t> Due(const Place& place) const;
  // Tasks that were ever opened on the instance under that name, by when.
  std::vector<std::string> Named(const Place& place, const std::string& name) const;
  // When what has no deadline of its own is to be done at the latest; 0: there is no such time.
  int64_t Deadline(const Place& place) const;
  // The instances that were looked at since this was asked last.
  std::set<Place> TakeTouched() { return std::exchange(touched_, {}); }

 private:
  struct Watched {
    std::optional<int64_t> began_ns;                                    // of the event that brought it into being
    std::map<std::pair<std::string, std::string>, std::string> opened;  // by rule and element: the task
    std::vector<std::pair<std::string, std::string>> named;             // name, task
    std::vector<bool> on, due;                                          // by Plan::finallys
  };

  store::OpenedTask Wanted(const Watched& watched, const Place& place, const PlannedTask& task, const std::string& element,
                           const store::Event& event) const;
  void After(const Plan& plan, const Watched& watched, std::vector<store::OpenedTask>* opened) const;

  const Schema* schema_;
  bool any_ = false;
  absl::flat_hash_map<Place, Watched> watched_;
  std::set<Place> touched_;
  Frame frame_;
  std::vector<int64_t> out_;
};

// Why a proposed plan makes no sense, whatever the policy says of it: names that are not there, tasks that wait for one
// another, a parent on another instance. Nothing where it does.
std::optional<std::string> NoPlan(const World& world, const Plans& plans, const Proposal& proposal);
// The tasks that a plan opens where it is permitted; `position` is the event's. The proposal is of a plan, and NoPlan found nothing.
void AddPlanned(const World& world, const Plans& plans, const Proposal& proposal, int64_t position, store::Decision* decision);
// The type of what a task may cost in plans of this workflow; none where no bound says it.
TypeId CostType(const Schema& schema, WorkflowId workflow);
// The proposal proposes a plan.
bool ProposesPlan(const Schema& schema, const Proposal& proposal);

}  // namespace writ
