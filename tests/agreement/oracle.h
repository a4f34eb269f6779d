// A naive reading of a typed program: it walks expressions over plain values and over the raw list of what happened, and works
// out facts, rounds, verdicts and decisions from that list each time. It never sees IR, slots, cells or frames.
//
// Source    language.md section 3, docs/internals/semantics.md, docs/internals/frame.md ("absent reads as 0")
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/typed/typed.h"
#include "runtime/state/state.h"

namespace writ::agreement {

using Restraining = std::pair<RuleId, Effect>;  // a clause can restrain in two ways

struct OracleDecision {
  Outcome outcome = Outcome::kPermit;
  std::vector<Restraining> reasons, applied, failed;  // sorted
  std::vector<RuleId> allows, allows_failed;          // sorted
};

struct OracleConclusion { int64_t clause = -1; bool conflict = false, unknown = false; };

// What a review comes to, from every way in which the places that are left could be filled.
struct OracleReview {
  std::string complete;               // the clause that is concluded now, by name; empty: it goes on
  std::string late;                   // the clause at the deadline
  size_t left = 0;                    // places
  bool agree = false;                 // all completions
};

// A scalar, or where a structured value lies. Kleene's triple: what it is, whether that is unknown, whether it is there.
struct Walked {
  bool unknown = false, present = true;
  bool stored = true;                 // false: nothing is there, whatever its type says, and 0 or "" is read
  Num number = 0;
  std::string text;
  const Value* structured = nullptr;  // records and lists; null: absent
  const Type* type = nullptr;         // of `structured`
};

struct OracleEvent {
  Proposal proposal;
  int64_t position = 0;
  bool refused = false;
  bool sets = false, writes = false, moves = false, begins_round = false;  // writes: some field was given
  std::vector<Value> fields;          // after it
  int64_t state = -1;                 // after it
  struct Fact {
    Walked match, value, restart;
    bool counts = false, restarts = false;
    std::optional<std::string> key;   // of a fact by key; none: the event has none
  };
  std::vector<Fact> facts;            // by Program::facts
};

struct OracleInstance {
  std::vector<OracleEvent> events;
  std::vector<Value> key_parts;
};

// What an instance is, from its events.
struct OracleView {
  bool exists = false;
  int64_t state = -1, last_change = 0, updated_ns = 0;
  std::vector<Value> fields;
  std::vector<Value> key_parts;
  const OracleInstance* instance = nullptr;
};

class Oracle {
 public:
  explicit Oracle(const typed::Program* program) : program_(*program), schema_(program->schema) {}

  void Record(const Proposal& proposal, int64_t position, bool refused);

  OracleDecision Decide(const Proposal& proposal) const;
  std::vector<Walked> Compute(const Proposal& proposal) const;  // one for each computed set, in order
  // The values of one `then` of a rule that is about this transition; what is unknown is absent.
  std::vector<Walked> Then(const Proposal& proposal, RuleId rule, uint32_t index) const;
  // Of each `ask` rule of the workflow, whether it asks now, and whether it could not be evaluated.
  std::vector<std::pair<bool, bool>> Asks(const Proposal& where) const;
  // What the plan of the workflow wants, and which of its ends have come: the outputs of its function, in order.
  std::vector<Walked> Plan(const Proposal& where) const;
  OracleConclusion Conclude(const Proposal& where, ReviewId review) const;
  // None where more than `places_max` places are left.
  std::optional<OracleReview> Complete(const Proposal& where, ReviewId review, size_t places_max) const;

  mutable uint64_t attributes = 0;  // of actors, that were read
  // Coverage: how often each kind of expression and of quantifier was walked; the last rows: neighbours,
  // and arithmetic of quantities.
  static constexpr size_t kNeighbours = static_cast<size_t>(typed::QuantifierOp::kDistinct) + 1;
  static constexpr size_t kQuantities = kNeighbours + 1;
  mutable std::vector<uint64_t> kinds = std::vector<uint64_t>(64, 0), quantifiers = std::vector<uint64_t>(16, 0),
                                calendars = std::vector<uint64_t>(8, 0);
  mutable uint64_t consents = 0;      // that counted, because it was asked whether somebody may consent
  mutable uint64_t grants = 0, exceeded = 0;  // proposals under one, and those past its limit alone
  mutable uint64_t populations = 0;  // that counted somebody
  mutable uint64_t facts_through = 0;    // references, of something that has happened
  mutable uint64_t found_by_element = 0;  // records that were looked up for an element of a list

 private:
  using Expr = typed::Expr;
  enum class Polarity : uint8_t { kNeutral, kRestrains, kEmpowers };

  // What an expression is walked over.
  struct Scene {
    const Proposal* proposal = nullptr;
    const Workflow* workflow = nullptr;
    const Transition* transition = nullptr;  // null: a conclusion
    OracleView view;                         // before; for an event, after it
    bool is_event = false;
    std::map<uint32_t, Walked> variables;
  };

  Scene SceneOf(const Proposal& proposal, bool concludes) const;
  OracleView Look(WorkflowId workflow, const std::string& key) const;
  Value FieldAfter(const Scene& scene, uint32_t field) const;

  Walked Walk(const Expr& e, Scene* scene, Polarity polarity = Polarity::kNeutral) const;
  Walked Read(const Value& value, const Type& type, bool optional) const;
  Walked Slot(const Expr& e, Scene* scene) const;
  static const Workflow& AgentOf(const Schema& schema);
  Value AttributeOf(const ActorView& actor, uint32_t field) const;
  bool IsUnder(WorkflowId workflow, const std::string& low, const std::string& high) const;
  Walked Member(const Expr& e, Scene* scene) const;
  Walked Deref(const Expr& e, Scene* scene) const;
  Walked Lookup(const Expr& e, Scene* scene) const;
  Walked EntityLookup(const Expr& e, Scene* scene) const;
  Walked Equal(const Expr& e, Scene* scene) const;
  Walked In(const Expr& e, Scene* scene) const;
  Walked Arithmetic(const Expr& e, Scene* scene) const;
  Walked Round(const Expr& e, Scene* scene) const;
  Walked AskCalendar(const Expr& e, Scene* scene) const;
  Walked Quantify(const Expr& e, Scene* scene, Polarity polarity) const;
  Walked FactOf(uint32_t fact, const Scene& scene) const;
  Walked FactThrough(const Expr& e, Scene* scene) const;
  Walked FactOver(uint32_t fact, const std::vector<const OracleEvent*>& events, const Scene& scene) const;
  Walked KeyedFact(const Expr& e, Scene* scene) const;
  Walked Population(const typed::Fact& fact, const std::string& key, const Scene& scene) const;
  std::optional<std::string> KeyText(const std::vector<typed::ExprPtr>& parts, Scene* scene, bool* unknown) const;
  Walked Pattern(const typed::Pattern& pattern, Scene* scene) const;
  std::vector<Walked> ElementsOf(const Walked& list, const Type& type) const;
  int64_t VotesOf(const Scene& scene, const Review& review, uint32_t seat, int64_t stance) const;
  bool SeatIsTaken(const Scene& scene, const Review& review, uint32_t seat) const;
  int64_t OutcomeOf(const Scene& scene, uint32_t review) const;
  struct Spoken { std::string actor; int64_t stance; };
  std::vector<Spoken> SpokenOf(const Scene& scene, const Review& review, uint32_t seat) const;

  Walked GuardOf(const typed::Rule& rule, Scene* scene, Polarity polarity) const;
  bool ScopeHolds(const typed::Rule& rule, const Scene& scene) const;
  void Wanted(const typed::PlannedTask& task, uint32_t capacity, Scene* scene, std::vector<Walked>* out) const;
  Walked Covered(Scene* scene) const;
  bool CanBeGiven(const Proposal& proposal) const;
  std::optional<GrantView> GrantOf(const Proposal& proposal) const;
  bool NotDelegated(const Scene& scene) const;
  bool NamesNothing(Scene* scene) const;
  bool NamesNothing(const Value& value, const Type& type) const;
  bool ReadsNothing(const Expr& e, Scene* scene, std::map<uint32_t, const Expr*>* bound) const;
  struct Found { Value value; const Type* type; bool own = false; };
  void LookedUp(const Expr& e, Scene* scene, const std::map<uint32_t, const Expr*>& bound, std::vector<Found>* out) const;
  std::vector<Found> Everything(const Expr& e, Scene* scene, const std::map<uint32_t, const Expr*>& bound) const;

  static Walked Truth(bool value, bool unknown = false);
  static Walked KleeneAnd(const Walked& a, const Walked& b);
  static Walked KleeneOr(const Walked& a, const Walked& b);
  static Walked KleeneNot(const Walked& a);

  const typed::Program& program_;
  const Schema& schema_;
  std::map<std::pair<uint32_t, std::string>, OracleInstance> instances_;
  struct Imagined { uint32_t seat; int64_t stance; };
  mutable std::vector<Imagined> imagined_;     // verdicts that Complete tries, of people who have said nothing yet
};

}  // namespace writ::agreement
