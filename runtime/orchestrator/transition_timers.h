// Transitions that fire by themselves: `lapse: scheduled -> approved at ends`.
//
// Made from the world after each event on an instance, and from which timers have been tried: nothing else is kept, so that a
// store that is opened again has the same ones.
// Threads   as World.
// Source    docs/internals/semantics.md, "Timers of transitions"
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/escalate/escalate.h"
#include "runtime/state/state.h"

namespace writ {

class TransitionTimers {
 public:
  explicit TransitionTimers(const Schema* schema) : schema_(schema) {}

  // After an event on `instance`.
  void Update(const Instance& instance);
  // The timer has fired, whatever was decided, and Update has been told: it is not tried again until state or a field changes.
  void Tried(const Instance& instance, const Timer& fired);

  const Timer* Next() const { return timers_.empty() ? nullptr : &*timers_.begin(); }  // null: none

 private:
  using Place = std::pair<uint32_t, std::string>;
  struct Try { int64_t last_change = 0, due_ns = 0; };

  const Schema* schema_;
  std::set<Timer> timers_;
  std::map<Place, std::vector<Timer>> running_;                 // by instance
  std::map<std::pair<Place, TransitionId>, Try> tried_;
};

}  // namespace writ
