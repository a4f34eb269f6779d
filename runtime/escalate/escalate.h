// Pending proposals: what was held or escalated, whom that asked, what it awaits, and when it runs out.
//
// Pure data: it is folded from events by the orchestrator, knows no clock and decides nothing.
// Threads   as World.
// Cost      O(log timers) a change. Questions are kept after they are closed: who answers late is told so.
// Source    docs/internals/semantics.md, "Pending proposals"
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "runtime/decision/schema.h"
#include "runtime/state/state.h"

namespace writ {

enum class QuestionState : uint8_t { kOpen, kGranted, kRefused, kExpired, kWithdrawn };

struct Question {
  int64_t number = 0;                        // the position that asked
  RoleId role;
  int64_t until_ns = 0;
  LadderId ladder;                           // what happens then; none: deny
  std::vector<std::string> rules;            // that asked; sorted
  std::vector<std::string> digests;          // of `rules`, in their order
  QuestionState state = QuestionState::kOpen;
  int64_t pending = 0;                       // Pending::position
  WorkflowId workflow;                       // the asked instance
  std::string key;
};

struct Await {
  int64_t asked = 0;                         // the position that awaits since
  std::string rule, digest;                  // a hold, or review.pending
  TransitionId transition;
  RoleId by;                                 // none: anybody
  int64_t until_ns = 0;
  LadderId ladder;                           // none: deny. A review has its own timer
  bool of_review = false;                    // ends when the review has an outcome
  bool happened = false;
};

struct Pending {
  int64_t position = 0;                      // of the event that made it: its id
  int64_t last_change = 0;                   // of the instance, when it was made
  Proposal proposal;                         // of the actor only the id and the role are good
  std::string ask;                           // the `ask` rule that asks without a proposal: there is no transition …
  StateId state;                             // … and it is withdrawn when the instance leaves this state
  std::vector<Question> questions;           // unanswered or answered, of the decision in force; by (number, role)
  std::vector<Await> awaits;
  std::vector<std::string> approved;         // digests of rules that were answered yes; sorted
};

// The order in which timers fire.
struct Timer {
  int64_t due_ns = 0;
  int64_t position = 0;                      // that set it
  std::string rule;
  enum class Kind : uint8_t { kQuestion, kAwait, kReview, kTransition, kTask } kind = Kind::kQuestion;
  int64_t pending = 0;                       // kQuestion, kAwait
  RoleId role;                               // kQuestion; kAwait: `by`
  WorkflowId workflow;                       // kReview, kTransition; kTask: Task
  std::string key;
  TransitionId transition;                   // kTransition
  auto operator<=>(const Timer&) const = default;
};

class Escalations {
 public:
  // Identity: one pending proposal for each (instance, transition, role, sets and payload). What is computed is no part of it.
  static std::string Identity(const Schema& schema, const Proposal& proposal);

  const Pending* FindPending(int64_t position) const;              // null: closed or never was
  const Pending* FindSame(const std::string& identity) const;
  std::vector<int64_t> PendingOn(WorkflowId workflow, std::string_view key) const;  // ascending
  const Question* FindQuestion(int64_t number, RoleId role) const;  // closed ones too
  std::vector<const Question*> QuestionsOn(WorkflowId workflow, std::string_view key) const;  // all; by (number, role)
  std::vector<const Question*> NumberedQuestions(int64_t number) const;
  std::vector<const Question*> Open() const;                        // by (number, role)
  const Timer* NextTimer() const;                                   // null: none
  const std::map<int64_t, Pending>& all() const { return pending_; }

  // A decision made it pending: opens or joins. `replaces`: what the pending one asked and awaited so far, and is not named
  // again, is dropped (it was decided again). Questions that are there already, by (number, role), stay as they are.
  void Ask(const Schema& schema, Pending asked, bool replaces);
  // The rung's time passed and the next role is asked instead.
  void AskNext(int64_t pending, RoleId expired, Question next);
  // The same, of a hold whose time passed.
  void AskAfterHold(int64_t pending, const std::string& rule, Question next);
  // An answer. After a yes the rules that asked are approved.
  void Answer(int64_t number, RoleId role, bool yes);
  // It is no longer pending; questions that are still open get `state`.
  void Close(int64_t pending, QuestionState state);
  // Marks one open question; for one that decides while its siblings are withdrawn.
  void Mark(int64_t number, RoleId role, QuestionState state);
  // Marks what has happened. review: the instance's review has its outcome.
  void Happened(WorkflowId workflow, std::string_view key, TransitionId transition, RoleId by);
  void ReviewDecided(WorkflowId workflow, std::string_view key);
  // Closes what was made before `last_change`; what an `ask` asks, where the instance is no longer in its state.
  void Withdraw(WorkflowId workflow, std::string_view key, int64_t last_change, StateId state);

 private:
  using Place = std::pair<uint32_t, std::string>;
  using QuestionKey = std::pair<int64_t, RoleId>;

  void StartTimers(const Pending& pending);
  void StopTimers(const Pending& pending);
  void Note(const Question& question);

  std::map<int64_t, Pending> pending_;
  absl::flat_hash_map<std::string, int64_t> by_identity_;
  std::map<int64_t, std::string> identity_of_;
  absl::flat_hash_map<Place, std::set<int64_t>> by_place_;
  std::map<QuestionKey, Question> questions_;                       // all, open and closed
  absl::flat_hash_map<Place, std::vector<QuestionKey>> asked_on_;
  std::set<QuestionKey> open_;
  std::set<Timer> timers_;
};

// Everything whose questions were answered has happened: it is to be decided again.
bool Awaited(const Pending& pending);    // an await is still open
bool Unanswered(const Pending& pending);  // a question is still open

// One decision asks one role once: the earliest deadline (ties: the rule whose name is first), and all rules that asked.
// `standing`: restraints that escalate, by rule.
std::vector<Question> Questions(const Schema& schema, const std::vector<RuleId>& standing, int64_t position, int64_t now_ns);

// "deny", "block", "escalate approve to CEO"; of a task "fail", "ask CISO".
std::string LadderText(const Schema& schema, WorkflowId workflow, LadderId ladder);
// The end of a ladder: its last rung. None stays none.
LadderId LadderEnd(const Schema& schema, LadderId ladder);
// The rung on which `role` is asked, of the ladder of a rule under this policy; none if there is none. `role` none: the first.
LadderId LadderOf(const Schema& schema, std::string_view rule, RoleId role);
int64_t Deadline(const Schema& schema, LadderId ladder, int64_t from_ns);  // INT64_MAX without a ladder

}  // namespace writ
