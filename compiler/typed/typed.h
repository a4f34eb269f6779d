// What the author meant: names resolved, types known, sugar gone, spans kept. check/ makes it, lower/ reads it.
//
// Declarations are the tables of `schema` (everything but functions, cells, windows, and the rules' digests, which lower/
// adds). Expressions are trees that own their children; `def`s and functions are expanded in place.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/ast/ast.h"
#include "runtime/decision/schema.h"
#include "runtime/store/value.h"

namespace writ::typed {

using store::Value;

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

// The type of an expression. Numbers are exact: `scale` counts the decimal digits that the raw unit has beyond the kind's own
// (an amount times a percent has scale 6), and only rounding brings money back to scale 0.
struct ExprType {
  Type type;
  uint8_t scale = 0;
};

enum class ExprKind : uint8_t {
  kConstant,      // value: bool or number as `number`, string and reference as `text`
  kSlot,          // a path from the frame: root, index, part, part2 (schema.h); fields, payload, now, actor, state, cells …
  kVariable,      // the current element of an enclosing comprehension; variable: its number
  kMember,        // children[0] is a record (or `actor`-like); index: member
  kDeref,         // children[0] is a reference; part: DerefPart; index: which
  kNot, kAnd, kOr,
  kEqual, kNotEqual, kLess, kLessEqual,   // > and >= are turned round; both sides of one type, scales may differ
  kIs,            // children[0] present and equal to children[1]; either may be T?
  kIn,            // children[0] in children[1], a set, a list, or a kSetLiteral
  kHas,           // children[0] is a T?
  kCoalesce,      // children[0] ?? children[1]
  kIf,
  kAdd, kSubtract, kMultiply, kNegate,    // operands already of the right kinds; scales may differ
  kRound,         // children[0] to `type` at scale 0; rounding
  kDivide,        // children[0] / constant number: exact only in kRound, which is its parent
  kSetLiteral,    // { children… }, constants
  kQuantifier,    // op over children[1] (a list or set) as variable; children[0]: body or null for count of a bare collection;
                  // children[2]: where or null. With variable2: over neighbours, as variable and variable2
  kLookup,        // children[0][children[1]]: a keyed list, by its key member; a T? of the element
  kEntityLookup,  // E[children…]: a T? of a reference; index: workflow
  kElementAt,     // first(children[0]) (index 0), last(children[0]) (index 1): a T?
  kFact,          // index: Program::facts; children[0], where there is one: the reference to the instance that it is a fact of
  kSays,          // index: review, part: seat, part2: stance; this round's verdict
  kVotes,         // index: review, part: seat, part2: stance: how many
  kKeyedFact,     // index: Program::facts, one with a key; children: the parts of the key
  kMatch,         // children[0] like (part 0) or matches (part 1) the pattern `text`
  kCalendar,      // index: Schema::calendars, part: CalendarOp, part2: its window; children: the arguments
  kUnder,         // children[0] under children[1]: references to one hierarchy
};

enum class CalendarOp : uint8_t {
  kInWindow,      // children[0], a time, is in the window
  kOpen,          // children[0], a time, is in its office hours and not on a closed day
  kWorkdays,      // days with office hours, and not closed, after that of children[0] up to that of children[1]: times
  kYears,         // completed years from children[0], a date, to children[1], a time
  kDay,           // the local date of children[0], a time
};

enum DerefPart : uint32_t { kDerefField, kDerefState, kDerefKeyPart };

enum class QuantifierOp : uint8_t { kAny, kAll, kCount, kSum, kMin, kMax, kDistinct };

struct Expr {
  ExprKind kind = ExprKind::kConstant;
  ExprType type;
  ast::Span span;
  Num number = 0;
  std::string text;
  SlotRoot root = SlotRoot::kNow;
  uint32_t index = 0, part = 0, part2 = 0;
  uint32_t variable = 0, variable2 = UINT32_MAX;
  QuantifierOp op = QuantifierOp::kAny;
  Rounding rounding = Rounding::kNone;
  std::vector<ExprPtr> children;      // entries may be null only where said above
};

// A fact about this workflow's earlier events. Two facts that say the same are one.
//
// In `where` and `value`, slots have the scope of the event: kPayload (of the pattern's transition), kAfter (the fields after it),
// kNow, kActor…; nothing of the proposal.
struct Pattern {
  std::vector<TransitionId> transitions;  // one, or several where a name stands for a group; sorted
  std::vector<RoleId> by;                 // none: anybody; sorted
  bool by_orchestrator = false;
  ExprPtr where;                          // or null
};
// One that is kept by key has its cells in a workflow of its own (Workflow::is_fact), and its key is read from the event.
struct Fact {
  WorkflowId workflow;
  enum class Kind : uint8_t {
    kHappened, kCount, kSum, kMin, kMax, kLast,
    kPopulation,                          // how many instances are in `states` now
  } kind = Kind::kHappened;
  bool refused = false;                   // counts denied proposals instead of committed events
  Pattern pattern;
  ExprPtr value;                          // kSum, kMin, kMax, kLast: of the event
  int64_t within_ns = 0;                  // 0: ever
  uint32_t capacity = 0;                  // of the window; 0: the default
  std::optional<Pattern> since;           // starts again at each such event
  bool this_round = false;                // starts again with each round (`hold … until`)
  WorkflowId keyed;                       // its own workflow in the schema; none: a fact about this instance
  std::vector<ExprPtr> key;               // of the event; for kPopulation of the instance
  std::vector<StateId> states;            // kPopulation; sorted
  ExprType type;                          // of the fact: kHappened bool, kCount int, others that of `value`, optional for
                                          // kMin, kMax and kLast
  ast::Span span;
};

struct Limit { ExprPtr field; ExprPtr value; };  // field <= value
struct Grant {                                   // one `may` of one role, for one transition
  RoleId role;
  WorkflowId workflow;
  TransitionId transition;
  std::vector<Limit> limits;
  ExprPtr when;                                  // or null. Slots: kAfter fields (as the proposal leaves them), payload, actor
  bool consent = false;                          // `may consent to`: who may agree, without being able to do
};

// The values of one entry of schema.rules[…].then, one for each field of the obligation; null where left out.
struct Consequence { std::vector<ExprPtr> values; };

// `ask` has no transitions: its guard reads the instance.
struct Rule {
  RuleId rule;                                   // name, effect, domain, ladder: in schema.rules
  WorkflowId workflow;
  std::vector<TransitionId> transitions;         // sorted
  std::vector<RoleId> by;                        // none: anybody; sorted
  bool by_orchestrator = false;
  ExprPtr when, unless;                          // or null
  std::vector<RuleId> overrides;                 // allow: the restraints that it excuses, domains expanded; sorted
  uint32_t awaits_fact = UINT32_MAX;             // hold: the `this_round` fact that ends it
  std::vector<Consequence> then;                 // as schema.rules[rule].then
  std::string under;                             // of a sub-orchestrator's task: only what is done under its grants
  ast::Span span;
};

struct ReviewClause {
  ClauseId clause;                               // in schema … reviews
  DomainId domain;                               // that it ranks with; none: `otherwise`
  bool halting = false;
  bool otherwise = false;
  ExprPtr when;                                  // null: otherwise
  ast::Span span;
};
struct Review { WorkflowId workflow; ReviewId review; std::vector<ReviewClause> clauses; };  // without "else", "conflict"

// What a workflow's plan wants, over the instance as an event left it (slots as in `ask`). In the order of schema's Plan::tasks.
struct PlannedTask {
  ExprPtr when;                                  // or null; of a task over data it may read the element
  ExprPtr source;                                // `for x in source`, or null
  uint32_t variable = 0;
  ExprPtr element;                               // the element's text
};
struct Plan {
  WorkflowId workflow;
  std::vector<PlannedTask> tasks;
  std::vector<ExprPtr> finallys;                 // as Plan::finallys; null: when all tasks are done
};

// `value` reads kNow, payload, kAfter of given fields, kActor…
struct Computed { WorkflowId workflow; TransitionId transition; FieldId field; ExprPtr value; };

// ---------------------------------------------------------------- tests

struct NamedValue { FieldId field; Value value; };
struct Expectation {
  ast::Expectation::Kind kind = ast::Expectation::Kind::kState;
  bool negated = false;
  StateId state;
  Outcome outcome = Outcome::kPermit;
  RoleId role;
  std::vector<RuleId> because;
  bool only = false;
  int64_t count = 0;
  ExprPtr condition;                             // over the workflow's kAfter slots and facts
  ObligationId obligation;                       // kObliged
  std::string task;                              // kTask: its name
  std::string agent;                             // kTask: whose it is, or empty
  std::vector<NamedValue> values;                // kObliged: of the obligation's fields
  ast::Span span;
};
struct Step {
  ast::Step::Kind kind = ast::Step::Kind::kPropose;
  int64_t time_ns = 0;                           // kAt: the time; kWait: how long
  std::string actor;                             // an actor's name; a role's name where the test says a role
  RoleId role;                                   // none: the actor's only one that fits
  std::vector<std::pair<std::string, std::vector<RoleId>>> actors;  // kActor
  std::vector<std::vector<NamedValue>> attributes;                  // of each of `actors`: fields of Agent
  WorkflowId workflow;
  TransitionId transition;
  std::string instance;                          // key text
  std::vector<NamedValue> sets, payload;
  std::string grant;                             // that it is made under, or empty
  bool yes = false;
  std::optional<Expectation> expect;
  ast::Span span;
};
struct Test { std::string name; std::vector<Step> steps; ast::Span span; };
struct Scenario {
  std::string name, path;                        // path relative to the file that says it
  bool following_record = false;
  WorkflowId workflow;
  std::vector<Expectation> expects;
  ast::Span span;
};

// One line of a `property`: what must never happen, always hold, or follow in time.
struct Property {
  enum class Kind : uint8_t {
    kNever,    // an event at which `rule` applies breaks it: a transition that must not be, or one that changes a field
    kAlways,   // after each event on an instance: where `when` holds, so does `condition`
    kWithin,   // each event at which `rule` applies is followed in `within_ns` by one of `transitions` or `states`
  } kind = Kind::kAlways;
  std::string name;                              // of its block
  WorkflowId workflow;
  RuleId rule;                                   // a row past Program::governing
  ExprPtr condition, when;                       // kAlways; `when` may be null
  std::vector<TransitionId> transitions;         // kWithin; sorted
  std::vector<StateId> states;                   // kWithin; sorted
  int64_t within_ns = 0;
  ast::Span span;                                // of the line
  ast::Span block;
};

// How much of a program's tables decides. What comes after belongs to tests and properties, and no policy is made of it.
struct Governing { size_t facts = SIZE_MAX, rules = SIZE_MAX, rows = SIZE_MAX, types = SIZE_MAX; };  // rows, types: of the schema

struct Program {
  Schema schema;
  std::vector<Fact> facts;
  std::vector<Grant> grants;
  std::vector<Rule> rules;                       // sorted by RuleId
  std::vector<Review> reviews;
  std::vector<Plan> plans;                       // sorted by workflow
  std::vector<Computed> computed;
  std::vector<Test> tests;
  std::vector<Scenario> scenarios;
  std::vector<Property> properties;
  Governing governing;
};

}  // namespace writ::typed
