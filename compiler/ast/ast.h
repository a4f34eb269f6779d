// What the author wrote: spelling, order and every span, with nothing resolved. Broken parts are left out by the parser,
// which has reported them; the rest is there, so that a file gets all its diagnostics at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace writ::ast {

// Bytes [begin, end) of file number `file` of the source set.
struct Span {
  uint32_t file = 0, begin = 0, end = 0;
};

struct Name {
  std::string text;
  Span span;
  bool empty() const { return text.empty(); }
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

enum class ExprKind : uint8_t {
  kBool,           // text: true | false
  kInt,            // text: digits as written, `_` removed, with `-` never (that is kNegate)
  kPercent,        // text: "38" of 38%, "0.5" of 0.5%
  kMoney,          // text: "2.4M" of `2.4M USD`; unit: USD
  kQuantity,       // text: "2.5", unit: mg
  kDuration,       // text: "24h", "1h30min", "2d"
  kTime,           // text: 2026-03-02T09:00Z, seconds optional; without Z only in the windows of a calendar
  kDate,           // text: 2026-01-10
  kString,         // text: the value, escapes resolved
  kName,           // text: a bare word, read by the type that is expected
  kThis,           // this
  kMember,         // children[0] . name
  kIndex,          // children[0] [ children[1], … ]
  kCall,           // text: the callee (round_down, votes, age, a def, a table); children: arguments
  kNot, kNegate,   // children[0]
  kBinary,         // text: or and == != < <= > >= in is ?? + - * / like matches under; children[0], children[1]
  kHas,            // has children[0]
  kIf,             // if children[0] then children[1] else children[2]
  kSet,            // { children… }
  kList,           // [ children… ]
  kRecord,         // { name: value  … } ; members and children in parallel
  kSays,           // name says children[0]
  kFold,           // any all count sum min max distinct happened refused first last, over a collection or an event pattern
  kMethod,         // children[0] . name ( children[1], … ): a calendar is asked
  kOf,             // text: all, any or a number; `text of (children…)`: what a verdict waits for
};

// kFold. `op(value for var in source …)`, `op(value for source …)`, `op(source by Role where … within d since p max n)`,
// `op(source now in state, … of key)`: how many instances are there, of those whose `key` is that of the fact.
// Whether `source` is a collection or a transition is for check/ to say.
struct Fold {
  ExprPtr value;                   // what stands before `for`, or null
  std::vector<Name> variables;     // `for x in`, `for a then b in`; empty: an event pattern, or a bare collection
  ExprPtr source;
  std::vector<Name> by;            // roles
  ExprPtr where;
  ExprPtr within;                  // a duration
  ExprPtr since;                   // an event pattern: kName, or kFold with op "event" for one with by and where
  std::optional<int64_t> capacity; // max n
  std::vector<Name> now_in;        // states
  ExprPtr of;                      // names with dots between them
};

struct Expr {
  ExprKind kind = ExprKind::kName;
  Span span;
  std::string text;
  Name name;                       // kMember, kMethod: the member; kSays: the role
  Name unit;                       // kMoney, kQuantity
  std::vector<ExprPtr> children;
  std::vector<Name> members;       // kRecord
  std::unique_ptr<Fold> fold;      // kFold; text is the op
};

// ---------------------------------------------------------------- types

struct Type {
  Span span;
  Name name;                       // int, money, string, set, list, or a declared name
  std::vector<Name> arguments;     // money(USD), quantity(mg)
  std::unique_ptr<Type> element;   // set<T>, list<T>
  ExprPtr low, high;               // in low..high
  std::optional<int64_t> max, min; // max 40, min 1
  Name by;                         // list … by member
  Name per;                        // `T per Cabin`
  bool optional = false;           // T?
};

struct Foreign {                   // from "attribute" in EUR round half_even | in zone "…"
  std::string attribute;
  Span span;
  Name currency, rounding;
  std::string zone;
};

struct Field {
  Span span;
  Name name;
  Type type;
  std::vector<Name> labels;
  std::optional<Foreign> foreign;
};

// ---------------------------------------------------------------- declarations

// `is_private`: no other package may import it.

struct Def {
  std::string doc; Span span; Name name; std::vector<Field> parameters; std::optional<Type> result; ExprPtr body;
  bool is_private = false;
};

struct EnumMember { Name name; std::string foreign; };
struct Enum {
  std::string doc; Span span; Name name; bool ordered = false; std::vector<EnumMember> members;
  bool is_private = false;
};
struct Record {
  std::string doc; Span span; Name name; std::vector<Name> labels; std::vector<Field> members;
  bool is_private = false;
};
struct TypeAlias { std::string doc; Span span; Name name; Type type; bool is_private = false; };
struct Unit {                      // unit mg 3: kept in thousandths
  std::string doc; Span span; Name name; std::optional<int64_t> decimals;
  bool is_private = false;
};
struct Obligation { std::string doc; Span span; Name name; std::vector<Field> fields; bool is_private = false; };
struct ActorDecl { std::string doc; Span span; std::vector<Field> fields; };  // actor { … }: what the policy knows of actors

// What a column, a row or a key of a table holds for.
struct Pattern {
  enum class Kind : uint8_t { kValue, kRange, kCompare, kOtherwise } kind = Kind::kValue;
  Span span;
  std::string op;                  // kCompare: < <= > >=
  ExprPtr value, high;             // kRange: value .. high, both included
};
struct TableRow { Span span; std::vector<Pattern> keys; std::vector<ExprPtr> cells; };
struct Table {
  std::string doc; Span span; Name name; std::vector<Field> parameters; std::optional<Type> result;
  bool grid = false;               // as a grid: the first parameter's rows by the second's columns
  std::vector<Pattern> columns;    // of a grid, whose rows have one key and a cell a column
  std::vector<TableRow> rows;      // else a key a parameter, and one cell
  bool is_private = false;
};

struct Clock { Span span; int64_t hour = 0, minute = 0; };  // 08:00; 24:00 is the end of a day
struct CalendarItem {
  Span span;
  enum class Kind : uint8_t { kZone, kOpen, kClosed, kWindow } kind = Kind::kZone;
  std::string zone;                            // kZone
  std::vector<std::pair<Name, Name>> days;     // kOpen: Mon..Fri, Sat; one day is both its ends
  std::vector<std::pair<Clock, Clock>> hours;  // kOpen: 08:00..12:00, 13:00..18:00
  Name name;                                   // kWindow
  std::vector<std::pair<ExprPtr, ExprPtr>> periods;  // kClosed, kWindow: from .. to; one day has no second
};
struct Calendar { std::string doc; Span span; Name name; std::vector<CalendarItem> items; bool is_private = false; };

// fact NAME per KEY, … = fold
struct Fact {
  std::string doc; Span span; Name name; std::vector<ExprPtr> per; std::optional<Type> result; ExprPtr body;
  bool is_private = false;
};

struct Domain {
  std::string doc; Span span; std::vector<Name> names;
  std::vector<Name> open_to;       // packages that may add rules, dots inside; `for acme.risk, acme.sales`
};
struct Priority { Span span; std::vector<std::vector<Name>> chain; };  // a > b, c > d: each step a group
struct Role { std::string doc; Span span; bool human = false; std::vector<Name> names; Name domain; std::string foreign; };
struct Clearance { std::string doc; Span span; std::vector<Name> roles, labels; };

struct SetItem { Span span; Name field; bool optional = false; ExprPtr computed; };
struct Transition {
  std::string doc; Span span; Name name;
  bool stays = false;              // `in a, b`: sources only
  std::vector<Name> sources;       // `new` is a source by that name; `-> s` has just it
  Name target;
  std::vector<SetItem> sets;
  std::vector<Field> payload;
  std::string foreign; Span foreign_span;  // as "…"
  Name timer;                      // at FIELD
  std::vector<Name> endorses, declassifies;  // fields
};
struct StateDecl { Name name; std::vector<Name> with; };

struct Entity {
  std::string doc; Span span; Name name; std::vector<Field> key;
  ExprPtr fresh; std::vector<Field> fields; std::vector<Def> defs;
  Name under; std::optional<int64_t> under_max;  // under PARENT max n
  bool is_private = false;
};
struct Workflow {
  std::string doc; Span span; Name name; std::vector<Field> key;
  std::vector<Field> fields; std::vector<StateDecl> states; std::vector<Name> finals, halted;
  std::vector<Transition> transitions; std::vector<Def> defs; std::vector<Fact> facts;
  bool is_private = false;
};

struct Limit { Name field; ExprPtr value; };  // up to FIELD LIMIT
struct May {
  Span span; std::vector<Name> transitions; Name workflow; std::vector<Limit> limits; ExprPtr when;  // `any` stands for all
  bool consents = false;           // may consent to …
};
struct Authority { std::string doc; Span span; std::vector<Name> roles; std::vector<May> mays; };

// `within D else …`
struct Ladder {
  Span span;
  ExprPtr within;
  Name keyword;                    // deny | escalate | ask | the name of a transition (of a task: fail)
  Name transition, role;           // escalate [transition] to role …, ask role …
  std::unique_ptr<Ladder> next;    // … with its own ladder
};

// `then page to CISO { text: "…" }`, `then task review: CFO does report on Deal within 30d else fail`
struct Duty {
  Span span;
  bool is_task = false;
  Name name;                       // of the obligation, or of the task
  std::vector<Name> to;            // an obligation's roles
  ExprPtr values;                  // an obligation's record
  Name role; std::vector<Name> does; Name workflow; std::unique_ptr<Ladder> ladder;  // a task's
};

struct Rule {
  std::string doc; Span span; Name name, domain;
  Name effect;                     // deny hold escalate allow ask upon
  std::vector<Name> transitions;   // `any` for all; none for `ask`, whose role is `to`
  Name workflow;
  std::vector<Name> by;            // by ROLE, …  (`orchestrator` too)
  Name to;                         // escalate … to ROLE
  Name until; std::vector<Name> until_by;
  std::unique_ptr<Ladder> ladder;
  ExprPtr when, unless;
  std::optional<std::string> because;
  std::vector<Name> overrides;     // rules or domains, possibly qualified with dots
  std::vector<Duty> duties;        // then …
};

struct Seat { Span span; Name role; std::optional<int64_t> quorum, of; };
struct Clause {
  Span span; Name name;
  bool escalates = false; Name transition, to; std::unique_ptr<Ladder> ladder;  // [escalate] transition [to role within …]
  Name domain;                     // in DOMAIN
  ExprPtr when; bool otherwise = false;
};
struct Review {
  std::string doc; Span span; Name workflow, state;
  std::vector<Seat> panel; Name verdict, stance;  // by verdict.stance
  std::unique_ptr<Ladder> ladder;
  std::vector<Clause> clauses;
  std::vector<Name> joint;         // transitions that may be committed together when they wait for one another
};

// ---------------------------------------------------------------- decomposition

// smoke_test: Verifier does report on Deployment for s in services where s.database after a, b holds close when …
struct PlannedTask {
  Span span; Name name, role;
  std::vector<Name> does;          // none: whatever the role may
  Name workflow;                   // on W; none: the workflow that is decomposed
  Name variable; ExprPtr source, where;  // for s in services where …
  std::vector<Name> after, holds;  // tasks; transitions
  std::vector<std::string> needs;  // capabilities
  ExprPtr when;
  std::unique_ptr<Ladder> ladder;
};
struct Addition { Span span; bool must = false; PlannedTask task; };
struct Sub {
  Span span; Name task; std::vector<Name> among;             // roles
  std::vector<Name> granting; std::vector<Limit> limits; ExprPtr within;  // granting T up to FIELD LIMIT within D
};
struct Bound { Span span; Name name; ExprPtr value; };       // depth fanout tasks cost tokens deadline
struct Finally { Span span; Name transition; ExprPtr when; };
struct Under { Span span; Name task; std::vector<Rule> rules; };  // restraints of a sub-orchestrator
struct Decomposition {
  std::string doc; Span span; Name workflow;
  std::vector<PlannedTask> plan;
  std::vector<Addition> additions;
  std::vector<Sub> subs;
  std::vector<Under> unders;
  std::vector<Bound> bounds;
  std::vector<Finally> finallys;
};

// ---------------------------------------------------------------- confidence, divergence, context

struct Basis { Span span; Name quantifier; std::optional<int64_t> at_least; Name of; };  // all of | any of | 2 of
struct Reliance { Span span; Name transition; std::vector<Basis> bases; };
struct Calibration { Span span; std::vector<Name> roles; std::vector<std::pair<ExprPtr, ExprPtr>> bins; };  // claimed: true
struct Confidence {
  std::string doc; Span span; Name workflow;
  std::vector<Reliance> reliances;
  std::vector<Name> weakest;       // weakest of these transitions
  bool independent = false; Name across;  // independent [across attribute]
  std::vector<Calibration> calibrations;
};
struct Divergence {
  std::string doc; Span span; Name left, right, transition, workflow;
  std::vector<ExprPtr> per;
  ExprPtr baseline, margin;        // percentages
  std::optional<int64_t> alarm_once_per;
  std::vector<Name> notify;        // roles
};
struct ContextItem {
  Span span;
  enum class Kind : uint8_t { kInclude, kExclude, kRedact, kRequires, kBarrier, kBudget } kind = Kind::kInclude;
  std::vector<ExprPtr> fields;     // names with dots between them
  Name source; std::vector<Name> of;      // `verdicts of ROLE, …`, `events of TRANSITION, …`
  ExprPtr within, when;
  Name until;                      // kBarrier: own
  int64_t tokens = 0;              // kBudget
  Name overflow;                   // kBudget: last (drop last), refuse, escalate
  Name role; std::unique_ptr<Ladder> ladder;  // kBudget: escalate to ROLE within …
};
struct Context { std::string doc; Span span; Name role, workflow; std::vector<ContextItem> items; };

// ---------------------------------------------------------------- properties

struct PropertyItem {
  Span span;
  enum class Kind : uint8_t {
    kNever,         // never T, … [by R, …] on W [when …]
    kNeverChanges,  // never FIELD changes on W [when …]
    kAlways,        // always EXPR [on W] [when …]
    kWithin,        // within D of E [on W]: T or F
  } kind = Kind::kNever;
  std::vector<Name> transitions;   // kNever; kWithin: any of these, dots inside
  std::vector<Name> by;
  Name field;                      // kNeverChanges
  Name workflow;
  ExprPtr condition;               // kAlways
  ExprPtr when;
  ExprPtr within, of;              // kWithin: a duration, an event pattern as in `since`
};
struct Property { std::string doc; Span span; std::string name; std::vector<PropertyItem> items; };

// ---------------------------------------------------------------- templates

struct Declarations;
struct Parameter { Span span; Name name; Type type; ExprPtr value; };  // first: transition = submit
struct Template {
  std::string doc; Span span; Name name; std::vector<Parameter> parameters;
  Name workflow, domain;           // what `on` and `in` of an `apply` are called inside
  std::unique_ptr<Declarations> body;
  bool is_private = false;
};
struct Argument { Span span; Name name; ExprPtr value; std::unique_ptr<Ladder> ladder; };  // one of the two
struct Apply {
  std::string doc; Span span; Name name;  // of the instance; may be empty
  Name applied;                    // the template, possibly with dots
  std::vector<Argument> arguments;
  Name workflow, domain;
};

// ---------------------------------------------------------------- tests

struct Expectation {
  Span span;
  enum class Kind : uint8_t {
    kState,      // expect state S [because …]
    kOutcome,    // expect [T [on I] [by A] [{…}]] permitted|denied|held|escalated [because [only] R, …]
    kAsked,      // expect asked ROLE
    kCondition,  // expect EXPR, over the instance
    kCases,      // scenario: expect N cases denied because RULE
    kNothing,    // scenario: expect nothing else denied
    kObliged,    // expect obliged NAME [{…}]
    kTask,       // expect task NAME [for AGENT]
    kConfidence, // expect confidence 62.3%, or 60% .. 65%
  } kind = Kind::kState;
  bool negated = false;            // expect not …
  Name state, outcome, role;
  Name duty; ExprPtr values;       // kObliged, kTask
  Name agent;                      // kTask: whose it is, or empty
  ExprPtr low, high;               // kConfidence
  std::vector<Name> because; bool only = false;
  int64_t count = 0;
  ExprPtr condition;
};
struct Step {
  Span span;
  enum class Kind : uint8_t { kAt, kActor, kSet, kPropose, kWait, kAnswer, kAssume, kExpect } kind = Kind::kPropose;
  ExprPtr time;                    // kAt, kWait
  std::vector<std::pair<Name, std::vector<Name>>> actors;  // actor anna: OnCall { team: "t1" }, otto: Planner
  std::vector<ExprPtr> attributes;                         // of each of `actors`, or null
  Name transition, workflow, instance;                     // `open Deal d by …`, `submit on d by …`
  std::vector<ExprPtr> key;        // kSet
  Name by, as;                     // an actor's name or a role
  Name under;                      // the grant that is used
  ExprPtr values;                  // kRecord
  bool yes = false;                // kAnswer
  Name state;                      // kAssume
  std::unique_ptr<Expectation> expect;  // kExpect, and kPropose that is `expect T … denied`
};
struct Test { Span span; std::string name; std::vector<Step> steps; };
struct Scenario { Span span; std::string name, path; bool following_record = false; Name workflow; std::vector<Expectation> expects; };

struct LogItem { Span span; Name name; Foreign foreign; std::string absent; };  // actor, role, at, activity, case
struct Log { Span span; Name workflow, format; std::vector<LogItem> items; };

struct Import { Span span; std::vector<Name> package; std::vector<Name> names; };  // no names: the whole package

// Kind by kind in the order of the source; `span`s tell the order of all.
struct Declarations {
  std::vector<Enum> enums;
  std::vector<Record> records;
  std::vector<TypeAlias> types;
  std::vector<Unit> units;
  std::vector<Table> tables;
  std::vector<Calendar> calendars;
  std::vector<Obligation> obligations;
  std::vector<ActorDecl> actors;
  std::vector<Domain> domains;
  std::vector<Priority> priorities;
  std::vector<Role> roles;
  std::vector<Clearance> clearances;
  std::vector<Entity> entities;
  std::vector<Workflow> workflows;
  std::vector<Def> defs;
  std::vector<Fact> facts;
  std::vector<Authority> authorities;
  std::vector<Rule> rules;
  std::vector<Review> reviews;
  std::vector<Decomposition> decompositions;
  std::vector<Confidence> confidences;
  std::vector<Divergence> divergences;
  std::vector<Context> contexts;
  std::vector<Template> templates;
  std::vector<Apply> applies;
  std::vector<Property> properties;
  std::vector<Log> logs;
  std::vector<Test> tests;
  std::vector<Scenario> scenarios;
};

// A comment from its sign to the end of its line, `//` or `///`.
struct Comment {
  Span span;
  bool is_doc = false;
  bool own_line = false;           // nothing but white space stands before it
};

// Of a file that nobody wrote: what one `apply` makes of a template. Its nodes bear the file's own number, whose text
// is that of the template's file; what came in as an argument keeps its place.
struct Instance {
  uint32_t definition = 0;         // the file of the template
  Span applied;                    // the `apply`
  Name workflow;                   // that a template with `on` is applied to
};

struct File : Declarations {
  uint32_t file = 0;
  std::optional<Instance> instance;
  std::vector<Name> package;
  Span package_span;
  std::vector<Import> imports;
  std::vector<Comment> comments;   // all of them, in order
};

}  // namespace writ::ast
