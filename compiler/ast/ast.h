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
  kTime,           // text: 2026-03-02T09:00Z, seconds optional
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
};

// kFold. `op(value for var in source …)`, `op(value for source …)`, `op(source by Role where … within d since p max n)`.
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
};

struct Expr {
  ExprKind kind = ExprKind::kName;
  Span span;
  std::string text;
  Name name;                       // kMember: the member; kSays: the role
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

struct Def { std::string doc; Span span; Name name; std::vector<Field> parameters; std::optional<Type> result; ExprPtr body; };

struct EnumMember { Name name; std::string foreign; };
struct Enum { std::string doc; Span span; Name name; bool ordered = false; std::vector<EnumMember> members; };
struct Record { std::string doc; Span span; Name name; std::vector<Name> labels; std::vector<Field> members; };
struct TypeAlias { std::string doc; Span span; Name name; Type type; };

struct Domain { std::string doc; Span span; std::vector<Name> names; };
struct Priority { Span span; std::vector<std::vector<Name>> chain; };  // a > b, c > d: each step a group
struct Role { std::string doc; Span span; bool human = false; std::vector<Name> names; Name domain; std::string foreign; };

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
};
struct StateDecl { Name name; std::vector<Name> with; };

struct Entity {
  std::string doc; Span span; Name name; std::vector<Field> key;
  ExprPtr fresh; std::vector<Field> fields; std::vector<Def> defs;
};
struct Workflow {
  std::string doc; Span span; Name name; std::vector<Field> key;
  std::vector<Field> fields; std::vector<StateDecl> states; std::vector<Name> finals, halted;
  std::vector<Transition> transitions; std::vector<Def> defs;
};

struct Limit { Name field; ExprPtr value; };  // up to FIELD LIMIT
struct May { Span span; std::vector<Name> transitions; Name workflow; std::vector<Limit> limits; ExprPtr when; };  // `any` stands for all
struct Authority { std::string doc; Span span; std::vector<Name> roles; std::vector<May> mays; };

// `within D else …`
struct Ladder {
  Span span;
  ExprPtr within;
  Name keyword;                    // deny | escalate | the name of a transition
  Name transition, role;           // escalate [transition] to role …
  std::unique_ptr<Ladder> next;    // … with its own ladder
};

struct Rule {
  std::string doc; Span span; Name name, domain;
  Name effect;                     // deny hold escalate allow
  std::vector<Name> transitions;   // `any` for all
  Name workflow;
  std::vector<Name> by;            // by ROLE, …  (`orchestrator` too)
  Name to;                         // escalate … to ROLE
  Name until; std::vector<Name> until_by;
  std::unique_ptr<Ladder> ladder;
  ExprPtr when, unless;
  std::optional<std::string> because;
  std::vector<Name> overrides;     // rules or domains, possibly qualified with dots
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
  } kind = Kind::kState;
  bool negated = false;            // expect not …
  Name state, outcome, role;
  std::vector<Name> because; bool only = false;
  int64_t count = 0;
  ExprPtr condition;
};
struct Step {
  Span span;
  enum class Kind : uint8_t { kAt, kActor, kSet, kPropose, kWait, kAnswer, kAssume, kExpect } kind = Kind::kPropose;
  ExprPtr time;                    // kAt, kWait
  std::vector<std::pair<Name, std::vector<Name>>> actors;  // actor anna: OnCall, otto: Planner
  Name transition, workflow, instance;                     // `open Deal d by …`, `submit on d by …`
  std::vector<ExprPtr> key;        // kSet
  Name by, as;                     // an actor's name or a role
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

struct File {
  uint32_t file = 0;
  std::vector<Name> package;
  std::vector<Import> imports;
  std::vector<Enum> enums;
  std::vector<Record> records;
  std::vector<TypeAlias> types;
  std::vector<Domain> domains;
  std::vector<Priority> priorities;
  std::vector<Role> roles;
  std::vector<Entity> entities;
  std::vector<Workflow> workflows;
  std::vector<Def> defs;
  std::vector<Authority> authorities;
  std::vector<Rule> rules;
  std::vector<Review> reviews;
  std::vector<Log> logs;
  std::vector<Test> tests;
  std::vector<Scenario> scenarios;
};

}  // namespace writ::ast
