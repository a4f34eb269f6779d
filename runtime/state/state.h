// The state of everything that lives, as a fold over committed events: the same code live and in replay.
//
// Threads   one writer; readers must be excluded by the owner (the commit loop holds the only reference while it works).
// Cost      O(1) an event and instance; windows O(events inside the window).
// Source    docs/internals/semantics.md, "Order of one event's effects"
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "runtime/decision/decision.h"
#include "runtime/store/value.h"

namespace writ {

using store::Value;

struct Verdict { std::string actor; uint32_t stance = 0; int64_t position = 0; };

struct ReviewState {
  std::vector<std::vector<Verdict>> seats;   // by SeatId; in order of first speaking
  int32_t outcome = -1;                      // ClauseId of this round, or -1
  int64_t began_position = 0, began_ns = 0;  // when the round started while the review's state was held; 0: not under review
};

struct CellValue { Num number = 0; std::string text; };

struct WindowState {
  struct Entry { int64_t time_ns; Num value; };
  std::deque<Entry> entries;                 // oldest first; at most capacity, the newest are kept
  int64_t dropped_until_ns = INT64_MIN;      // the newest time that was dropped for want of room: inside the window = overflown
};

struct Instance {
  WorkflowId workflow;
  std::string key;                           // canonical key text
  std::vector<Value> key_parts;
  StateId state = kNewState;
  std::vector<Value> fields;                 // by FieldId; absent where not set
  int64_t version = 0;                       // events in its stream, refused ones too; of a fact: events that moved it
  int64_t last_change = 0;                   // position; see SlotRoot::kLastChange
  int64_t round = 0;                         // position of the event that began the round
  int64_t updated_ns = 0;                    // time of the last committed event that set fields
  std::vector<ReviewState> reviews;
  std::vector<CellValue> cells;
  std::vector<WindowState> windows;
  std::vector<std::string> counted_under;    // by Workflow::populations: the key it is counted under, or "" with `counted` false
  std::vector<bool> counted;
};

// Everything that a decision or a fold needs to know of who acts.
struct ActorView {
  std::string id, principal;
  RoleId role;                               // none: the orchestrator, or the host
  bool is_human = false, is_active = true, is_orchestrator = false, holds_role = true;
  std::vector<Value> attributes;             // by Agent's field, from attributes_from on; what is missing at the end is absent
};

// The meet along a chain of grants, for one proposal.
struct GrantView {
  std::string key;                           // of the grant that was named
  RoleId role;                               // whose authority it is: the role of the first giver
  bool holds = false;                        // each link is in force and names the transition, on this instance
  std::vector<std::pair<FieldId, Value>> most;  // the least limit of the chain, for each field that has one; sorted
  std::vector<std::string> tasks;            // of plans under which the chain was given: package.Workflow.plan.name; sorted
  std::vector<std::string> givers;           // ids and principals of who gave, along the chain; sorted
};

// One transition as it was proposed: what frames are filled from and what a committed event applies.
struct Proposal {
  WorkflowId workflow;
  TransitionId transition;
  std::string key;
  std::vector<Value> key_parts;
  std::vector<Value> sets;                   // one for each Transition::sets, absent where left out; computed ones filled in
  std::vector<Value> payload;                // one for each Transition::payload
  ActorView actor;
  int64_t now_ns = 0;
  int64_t seen = INT64_MAX;
  bool duplicate = false;
  std::vector<RuleId> approved;              // sorted
  int32_t conclude_review = -1, conclude_clause = -1;  // the orchestrator concludes this review with this clause
  bool consenting = false;                   // asked is whether the actor may consent
  std::optional<GrantView> grant;            // it is made under a grant; `actor.role` stays the actor's own
  bool gives = false;                        // Grant: who gives holds what is given
  int question_state = 0; bool question_self = false, question_covered = false;  // Question only
};

// What a test says that an instance is.
struct Assumption {
  WorkflowId workflow;
  std::string key;
  std::vector<Value> key_parts;
  StateId state;
  std::vector<std::pair<FieldId, Value>> fields;  // the others stay
};

// All instances of one policy's workflows.
class World {
 public:
  explicit World(const CompiledPolicy* policy);
  const CompiledPolicy& policy() const { return *policy_; }
  const Schema& schema() const { return policy_->schema(); }

  const Instance* Find(WorkflowId workflow, std::string_view key) const;   // null: never touched
  // Applies a committed (refused: denied, held or escalated) event at `position`. Returns what it did, for the orchestrator.
  struct Effect { bool changed = false; bool new_round = false; bool verdict = false; };
  Effect Apply(const Proposal& proposal, int64_t position, bool refused);
  // (It moves to the transition's target even where that is not legal: following a record needs that.)
  void ConcludeReview(WorkflowId workflow, std::string_view key, ReviewId review, ClauseId clause);  // sets the outcome of this round
  // For tests: no event says so. State and fields are as given, as if an event at `position` had just set them; facts and the
  // stream's version stay.
  void Assume(const Assumption& assumption, int64_t position, int64_t now_ns);
  // The field is absent from now on: what a committed event takes away, just before it is applied. The instance is there.
  void Unset(WorkflowId workflow, std::string_view key, FieldId field);
  const std::vector<const Instance*>& InstancesOf(WorkflowId workflow) const;  // in order of creation

  // Of an `entity … under`: all that the record is under, itself included, sorted; null where nobody has set it yet.
  const std::vector<std::string>* Ancestors(WorkflowId workflow, std::string_view key) const;
  // Why what a proposal sets cannot be in the hierarchy (a circle, too many above one another), as a sentence. Apply carries it
  // out all the same: following a record needs that, and the closure is what can be reached.
  std::optional<std::string> NotUnder(const Proposal& proposal) const;
  size_t size() const;

 private:
  using Keys = absl::flat_hash_map<std::string, std::vector<std::string>>;
  struct Hierarchy { Keys parents, children, ancestors; };

  void MoveUnder(const Workflow& workflow, const Instance& instance);
  Instance& Touch(WorkflowId workflow, const std::string& key, const std::vector<Value>& parts);  // made on first use
  void FoldByKey(const KeyedFold& keyed, const Proposal& event, int64_t position, const Instance& instance);
  void Recount(size_t population, const Proposal& event, int64_t position, Instance* instance);

  const CompiledPolicy* policy_;
  std::vector<absl::flat_hash_map<std::string, std::unique_ptr<Instance>>> instances_;  // by WorkflowId
  std::vector<Hierarchy> hierarchies_;                                                  // by WorkflowId
  std::vector<std::vector<const Instance*>> order_;
};

// Canonical digest of an instance (SHA-256, hex), for `verify` and tests.
std::string StateDigest(const Schema& schema, const Instance& instance);

}  // namespace writ
