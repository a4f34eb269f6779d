// What a policy says of the world, as tables: types, workflows, roles, rules, and the layout of each function's frame.
//
// The compiler fills it (check/ the declarations, lower/ the functions, cells and layouts); the runtime reads it and never
// sees the compiler. It is plain data: copyable, comparable by its digest, without pointers. Every table is sorted by
// qualified name unless it says otherwise, so that an id does not depend on the order of files or declarations.
//
// Units     money in minor units; percent in 10^-6 (38% is 380'000); duration and time in nanoseconds (time since the Unix
//           epoch); date in days since the epoch; enum, role and state as index; bool as 0 or 1.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/decision/ids.h"

namespace writ {

__extension__ typedef __int128 Num;  // every intermediate number; no floating point anywhere

// Named limits. Whatever is deeper, larger or more is refused with a diagnostic or an error that names the limit.
namespace limits {
inline constexpr uint32_t kRulesPerFunctionMax = 1024;      // restraints, and allows, that can apply to one transition
inline constexpr uint32_t kFrameElementsMax = 4096;         // product of nested list capacities
inline constexpr uint32_t kFrameWordsMax = 1u << 18;        // 2 MiB a frame
inline constexpr uint32_t kEnumMembersMax = 1024;
inline constexpr uint32_t kSetBitsMax = 64;                 // members of an enum of which a set may be declared
inline constexpr uint32_t kWindowCapacityDefault = 4096;    // events that a window holds unless it says `max n`
inline constexpr uint32_t kCompletionsMax = 65536;          // hypothetical verdict combinations that a late review looks at
inline constexpr uint32_t kReferenceDepthMax = 2;           // references that a frame reads through
inline constexpr uint32_t kUnitDigitsMax = 9;               // digits behind the point of a `unit`
inline constexpr uint32_t kStepsMax = 4096;                 // steps of a table of steps: a zone's changes, closed days
inline constexpr uint32_t kPatternStatesMax = 1024;         // states of the automaton of a `like` or `matches`
inline constexpr uint32_t kAncestorsMax = 256;              // records that one record is under, itself included
inline constexpr uint32_t kConsequencesMax = 16;            // `then` clauses of one rule
inline constexpr uint32_t kPlanTasksMax = 64;               // tasks that one plan names: a policy's, or a proposed one
inline constexpr uint32_t kTasksOpenedMax = 1024;           // tasks that one commit opens
inline constexpr uint32_t kTaskDepthMax = 16;               // plans under one another
inline constexpr uint32_t kGrantChainMax = 16;              // grants that stand on one another
inline constexpr int64_t kTimeMax = (int64_t{1} << 62) - 1;  // times and durations lie in ±kTimeMax ns (years 1823 to
                                                            // 2116), so that the difference of two always fits
}  // namespace limits

// ---------------------------------------------------------------- types

enum class TypeKind : uint8_t {
  kBool, kInt, kPercent, kMoney, kQuantity, kDuration, kTime, kDate, kString, kEnum, kRole, kRecord, kReference, kSet, kList,
};

struct Type {
  TypeKind kind = TypeKind::kBool;
  bool optional = false;          // T?
  int64_t min = INT64_MIN;        // numeric kinds: inclusive range in raw units
  int64_t max = INT64_MAX;
  uint32_t capacity = 0;          // kString: bytes at most; kSet, kList: elements at most
  uint32_t count_min = 0;         // kList: elements at least
  uint32_t index = UINT32_MAX;    // kEnum: EnumId; kRecord: RecordId; kReference: WorkflowId; kMoney: index in currencies;
                                  // kQuantity: index in units
  TypeId element;                 // kSet, kList
  FieldId key;                    // kList of records: `by key`, the member that identifies an element
  uint32_t distinct = UINT32_MAX; // index in Schema::distinct_types: `type DealId = …`; two of them do not compare
  bool operator==(const Type&) const = default;
};

struct Currency { std::string code; int digits = 2; };        // ISO 4217

// `unit mg 3`: a quantity counts 10^-digits of it.
struct Unit { std::string name; std::string qualified; int digits = 0; };

struct EnumMember { std::string name; std::string foreign; };  // foreign: `on_time as "on time"`, else empty
struct Enum { std::string name; bool ordered = false; std::vector<EnumMember> members; };  // members in written order

enum class Rounding : uint8_t { kNone, kDown, kUp, kHalfEven };

// `from "attribute" in EUR round half_even`: where a recorded log keeps a value.
struct Foreign {
  std::string attribute;                    // empty: the field's own name
  std::string zone;                         // a time without a zone is in this one, of Schema::zones
  uint32_t currency = UINT32_MAX;           // a bare number is this money
  Rounding rounding = Rounding::kNone;      // of a number with more digits than the unit has; kNone: an error
};

struct Field {
  std::string name;
  TypeId type;
  std::vector<std::string> labels;          // pii, untrusted, …; sorted
  Foreign foreign;
};

struct Record { std::string name; std::vector<Field> members; };  // members in written order

// ---------------------------------------------------------------- calendars

// What local time was and will be: compiled in, so that no decision and no replay asks the host.
struct ZoneStep { int64_t from_ns = 0; int64_t offset_ns = 0; };     // from then on local time is UTC + offset
struct Zone { std::string name; std::vector<ZoneStep> steps; };      // IANA name; ascending, the first from INT64_MIN

// Office hours and named windows of one place.
struct Opening { uint32_t weekday = 0; int64_t from_ns = 0, until_ns = 0; };  // 0 is Monday; since local midnight, half open
struct CalendarWindow { std::string name; int64_t from_ns = 0, until_ns = 0; };  // UTC, half open
struct Calendar {
  std::string name;
  std::string qualified;
  uint32_t zone = 0;                        // index in Schema::zones
  std::vector<Opening> openings;            // sorted
  std::vector<int64_t> closed;              // local dates in days since the epoch; sorted
  std::vector<CalendarWindow> windows;      // sorted by name
};

// ---------------------------------------------------------------- people

struct Domain { std::string name; std::string qualified; std::vector<DomainId> below; };  // below: transitively, by `priority`
struct Role {
  std::string name;
  std::string qualified;
  DomainId domain;
  bool human = false;
  std::string foreign;                      // `as "SUPERVISOR"`: what a recorded log calls it
};

// ---------------------------------------------------------------- rules

// kUpon: no effect on the outcome; its consequences speak when the transition is permitted. kAsk: puts a question without a proposal.
enum class Effect : uint8_t { kDeny, kHold, kEscalate, kAllow, kUpon, kAsk };
enum class Outcome : uint8_t { kPermit = 0, kEscalate = 1, kHold = 2, kDeny = 3 };  // in order of strictness

// One rung: how long is waited, and what happens then. `within 4h else block` is one; the next rung of
// `escalate … to R within … else …` is `next`.
struct Ladder {
  int64_t within_ns = 0;
  // kAsk, kFail: of a task only.
  enum class Else : uint8_t { kDeny, kTransition, kEscalate, kAsk, kFail } otherwise = Else::kDeny;
  TransitionId transition;                  // kTransition: the fallback; kEscalate: what is asked for
  RoleId role;                              // kEscalate, kAsk: who is asked next
  LadderId next;                            // kEscalate, kAsk: that role's own rung
  bool operator==(const Ladder&) const = default;
};

// What a host can be obliged to do: `obligation page { role: string max 40 }`.
struct Obligation { std::string name; std::string qualified; std::vector<Field> fields; };

// `then page { … }`, `then task review: Auditor does post_review within 72h else …`. The values are computed by
// Transition::consequences.
struct Consequence {
  ObligationId obligation;                  // none: a task
  std::string task;                         // its name
  RoleId role;                              // who is to do it
  TransitionId does;                        // of the rule's workflow; none: `report`
  LadderId ladder;
};

// kTimer: the name of a transition that fires at a time.
// kPlan: a task of a plan, which may hold or be missing, or a `finally`.
enum class RuleKind : uint8_t { kBuiltin, kRule, kClause, kTimer, kPlan };
struct Rule {
  std::string qualified;                    // package.rule, package.Workflow.review.clause; built-in reasons are bare
  RuleKind kind = RuleKind::kRule;
  Effect effect = Effect::kDeny;
  DomainId domain;
  RoleId asks;                              // kEscalate: who is asked
  LadderId ladder;                          // kEscalate, kHold: deadline and fallback
  TransitionId awaits;                      // kHold: the transition that ends it …
  RoleId awaits_by;                         // … and by whom (none: anybody)
  std::vector<Consequence> then;            // in written order
  std::string because;                      // the author's sentence, or empty
  std::string doc;                          // its /// comment
  std::string file; uint32_t line = 0, column = 0;   // for explain; no part of the digest
  std::string digest;                       // of what it decides, hex; approvals discharge a rule by digest
};

// Built-in reasons are the first rows of Schema::rules, in this order.
enum class Builtin : uint32_t {
  kNoTransition, kStale, kDuplicate, kNoAuthority, kNotDelegated, kSuspended, kOverBudget, kExpired, kSelfApproval,
  kSeatTaken, kNoRecord, kReviewPending, kReviewConflict, kTaskWaiting, kCount
};
inline constexpr const char* kBuiltinNames[] = {
    "no_transition", "stale", "duplicate", "no_authority", "not_delegated", "suspended", "over_budget", "expired",
    "self_approval", "seat_taken", "no_record", "review.pending", "review.conflict", "task.waiting"};
inline constexpr RuleId BuiltinRule(Builtin b) { return RuleId(static_cast<uint32_t>(b)); }

// ---------------------------------------------------------------- workflows

struct State { std::string name; bool is_final = false; bool is_halted = false; };

// The place of an instance before it exists.
inline constexpr StateId kNewState{0xFFFFFFFEu};

struct SetField { FieldId field; bool optional = false; bool computed = false; };

// What an event of a transition does to a fact that is kept by key, over workflows. `key` gives the parts of the key;
// `fold` runs on the frame of the event with the cells of that key's instance.
struct KeyedFold { WorkflowId fact; FunctionId key; FunctionId fold; };
// The values of one consequence of a rule, for a proposal of this transition.
struct ConsequenceOf { RuleId rule; uint32_t index = 0; FunctionId function; };

struct Transition {
  std::string name;
  std::vector<StateId> sources;             // may hold kNewState
  bool stays = false;                       // `in s`: the state is kept; it only records unless it sets a field
  StateId target;                           // where it leads unless it stays
  std::vector<SetField> sets;
  std::vector<Field> payload;
  std::string foreign;                      // `as "… *"`: the name in a recorded log, a glob
  FunctionId decide;                        // FunctionKind::kDecide
  FunctionId compute;                       // kCompute: the computed fields, or none
  FunctionId fold;                          // kFold: run for each committed event of it, or none
  FunctionId fold_refused;                  // kFold: run for each denied proposal of it, or none
  FieldId at;                               // a timer: the orchestrator proposes it at the time that this field says
  RuleId timer;                             // whose name is the reason then
  std::vector<KeyedFold> keyed;             // sorted by fact
  std::vector<ConsequenceOf> consequences;  // sorted by rule name, then index
  std::vector<RoleId> may;                  // with a `may` for it, whatever its limits and guard; sorted
};

struct Seat {
  RoleId role;
  uint32_t quorum = 1, seats = 1;           // `R k of n`; a plain `R` is 1 of 1
};
struct Clause {
  std::string name;                         // "else" is the review's own ladder, "conflict" the same with that reason
  RuleId rule;                              // whose name is the reason
  TransitionId transition;                  // what is concluded
  RoleId asks;                              // set: `escalate transition to asks`
};
struct Review {
  StateId state;
  TransitionId verdict;                     // panel … by verdict.stance
  FieldId stance;                           // its payload field, an enum
  std::vector<Seat> seats;                  // sorted by role
  LadderId ladder;                          // `within D else …` of the review itself
  std::vector<Clause> clauses;              // in written order, then "else", then "conflict"
  std::vector<TransitionId> binds;          // what it can conclude, halting ones left out; sorted
  FunctionId conclude;                      // kConclude
};

enum class SlotKind : uint8_t { kBool, kI64, kI128, kString };  // 1, 1, 2 (low, high) and 2 (pointer, size_bytes) words

// A value that a fold keeps for each instance. It starts as 0, false or "".
struct Cell { std::string name; SlotKind kind = SlotKind::kI64; bool erasable = false; };
// The times (and values) of the events of the last `within_ns`: half open, (now - within, now]. Past `capacity` events
// that are still inside, it is overflown, and the fact unknown.
struct Window { std::string name; int64_t within_ns = 0; uint32_t capacity = limits::kWindowCapacityDefault; };

// `log W from xes { … }`
struct LogMapping {
  std::string format;                       // "xes", "csv"; empty: there is none, defaults count
  Foreign actor{"org:resource", {}, UINT32_MAX, Rounding::kNone};
  std::string actor_absent;                 // this value means that the actor is not known
  Foreign role{"org:role", {}, UINT32_MAX, Rounding::kNone};
  Foreign at{"time:timestamp", {}, UINT32_MAX, Rounding::kNone};
  std::string activity = "concept:name";    // the attribute that names the transition
  std::string instance;                     // csv: the column that names the case
};

// `fact busy per service = count(Deployment now in running)`: how many instances are in these states, by key. While an
// instance is counted its Instance::counted_under holds the key. Cell 0 of the fact's instance is the number.
struct Population { WorkflowId fact; std::vector<StateId> states; FunctionId key; };

// One task of `plan { … }`: opened in the commit after which it is wanted for the first time.
struct PlannedTask {
  std::string name;
  RuleId rule;                              // package.Workflow.plan.name
  RoleId role;                              // who is to do it
  WorkflowId on;                            // the workflow of `does`
  TransitionId does;                        // none: `report`
  FieldId owner, element;                   // of `on` where that is another workflow: the reference to the decomposed instance, and
                                            // the field that holds the task's element
  uint32_t capacity = 0;                    // `for x in …`: how many elements at most; 0: the one task
  std::vector<uint32_t> after;              // entries of Plan::tasks
  std::vector<std::string> needs;           // capabilities
  LadderId ladder;
};
struct Finally { TransitionId transition; RuleId rule; };  // package.Workflow.plan.finally.transition
// What a dynamic planner adds: `may add`, `must add`; the guards are rules.
struct Addition { std::string name; RoleId role; RuleId rule; bool must = false; WorkflowId on; TransitionId does; };
// `up to FIELD LIMIT` of a `sub`: the most of a field, of the decomposed workflow, under a grant of its.
struct SubLimit { FieldId field; int64_t most = 0; };
// `sub T among R, … granting …`: the role of task T may plan under it.
struct SubPlan {
  std::string task;
  RoleId role;                              // of the task
  std::vector<RoleId> among;                // sorted
  std::vector<TransitionId> granting;       // of the decomposed workflow; sorted
  std::vector<SubLimit> limits;             // sorted by field
  int64_t within_ns = 0;                    // how long a grant is good at most; 0: as long as the task
};
struct Plan {
  std::vector<PlannedTask> tasks;           // sorted by name
  std::vector<Finally> finallys;            // sorted by transition
  std::vector<Addition> additions;          // sorted by name
  std::vector<SubPlan> subs;                // sorted by task
  int64_t deadline_ns = 0;                  // of every task, from when the instance was created; 0: none
  uint32_t depth = limits::kTaskDepthMax;
  uint32_t currency = UINT32_MAX;           // of `cost`
  int64_t cost = INT64_MAX, tokens = INT64_MAX;  // over the whole life of the tree; minor units
  TransitionId decompose;                   // the transition that proposes a plan
  FunctionId function;                      // kPlan
};

struct Workflow {
  std::string name;
  std::string package;
  std::string qualified;
  bool is_entity = false;                   // one state, `known`; one transition, `set`
  bool is_builtin = false;                  // Agent, Question, Task
  bool is_fact = false;                     // `fact f per k = …`: no states, fields or transitions; cells and windows by key
  std::vector<Field> key;                   // `by id: DealId`; several make a compound key
  std::vector<Field> fields;                // in written order
  int64_t fresh_ns = 0;                     // entity … fresh D; 0: never too old
  std::vector<State> states;                // in written order
  std::vector<Transition> transitions;      // in written order
  std::vector<Review> reviews;
  std::vector<Cell> cells;
  std::vector<Window> windows;
  LogMapping log;
  FieldId under;                            // `entity … under W`: the field, a set of references to W, that says what it is under
  uint32_t attributes_from = UINT32_MAX;    // Agent: fields from here on are the policy's `actor { … }`
  std::vector<Population> populations;      // sorted by fact
  std::vector<RuleId> asks;                 // its `ask` rules, sorted; …
  FunctionId ask;                           // … kAsk: (applies, fails) of each
  std::vector<Plan> plans;                  // `decompose on W`: at most one
};

// ---------------------------------------------------------------- frames

// Where a slot's value comes from.
enum class SlotRoot : uint8_t {
  kBefore,        // index: field; before the proposal
  kAfter,         // index: field; as the proposal leaves it (folds: after the event)
  kPayload,       // index: payload field of the transition
  kThisKey,       // the instance's own key, as text; a reference to itself
  kNow,           // time of the decision (folds: of the event)
  kPosition,      // folds: the event's position
  kState,         // index of the state before (folds: after); -1 is `new`
  kActorId, kActorPrincipal, kActorRole, kActorIsHuman, kActorIsActive, kActorIsOrchestrator,
  kHoldsRole,     // index: role; bool: the actor's registration has it (the role it claims must be one)
  kSeen,          // position that the actor says it has seen; INT64_MAX when it says none
  kLastChange,    // position of the last event that moved the state, set a field or began a round; 0 before the first
  kDuplicate,     // bool: the idempotency key was used with another payload
  kCell,          // index: cell
  kWindowCount, kWindowSum, kWindowMin, kWindowMax, kWindowOverflow,  // index: window; min and max of none are 0
  kReviewOutcome, // index: review; clause index, or -1 while there is none in this round
  kSeatSpoken,    // index: review, part: seat; how many have spoken in this round
  kSeatVotes,     // index: review, part: seat, part2: stance; how many said it in this round
  kSeatTaken,     // index: review, part: seat; bool: no seat is left for this actor
  kApproved,      // index: rule; bool: its question was answered yes by all and is still good
  kQuestionState, // Question: 0 open, 1 withdrawn, 2 past its time, 3 already answered
  kQuestionSelf,  // Question: bool, the approver is the proposer or its principal's other actor
  kQuestionCovered,// Question: bool, the approver's authority covers the asked proposal
  kElement,       // the current element of the slot's list
  kLookup,        // index: entry of FrameLayout::lookups; a reference to the record found
  kActorField,    // index: field of `Agent`; of who acts
  kUnder,         // index: entry of FrameLayout::unders; bool
  kConsenting,    // bool: it is asked whether the actor may consent, not whether it may do
  kGrantRole,     // role whose authority is used, under a grant; -1: the actor's own
  kGrantHolds,    // bool: each grant of the chain is in force and names this transition; true without a grant
  kGrantMost,     // index: field; the least limit that the chain puts on it
  kGrantTask,     // index: entry of FrameLayout::grant_tasks; bool: a grant of the chain was given under that task
  kGives,         // Grant: bool, who gives holds what is given
};

struct PathStep {
  enum class Kind : uint8_t {
    kMember,      // index: member of the record
    kField,       // through a reference: index: field of the instance it names
    kState,       // through a reference: index of that instance's state
    kKeyPart,     // through a reference: index: part of its key
    kCell, kWindowCount, kWindowSum, kWindowMin, kWindowMax, kWindowOverflow,  // of a fact's instance: index: cell or window
  } kind = Kind::kMember;
  uint32_t index = 0;
  bool operator==(const PathStep&) const = default;
};

struct SlotPath {
  SlotRoot root = SlotRoot::kNow;
  uint32_t index = 0, part = 0, part2 = 0;
  std::vector<PathStep> steps;
  bool operator==(const SlotPath&) const = default;
};

// What of the value is wanted. Absent and missing values read as 0, false, "".
enum class Projection : uint8_t {
  kValue,
  kHas,           // bool: a T? is there
  kLength,        // elements of a list or set
  kMissing,       // bool: the path ends in a reference that is there and names nothing
  kUpdatedAt,     // through a reference: when that record was last set
};

struct Slot {
  SlotKind kind = SlotKind::kI64;
  SlotPath path;
  Projection projection = Projection::kValue;
  ListId list;                              // set: one value per element of that list (root kElement)
  uint32_t offset = 0;                      // words from the start of the frame, or of the element
  bool erasable = false;                    // it reads a value labelled pii
};

// A list is one word with its length, then `capacity` elements of `stride` words. Element i of a list starts at
// base + offset + 1 + i * stride, where base is the frame or the parent's element.
struct FrameList {
  SlotPath path;                            // root kElement: relative to the parent's element
  ListId parent;
  uint32_t capacity = 0;
  uint32_t offset = 0;
  uint32_t stride = 0;
};

// `E[k]`: the record of a keyed look-up whose key is itself read from slots (one per part), or constant.
struct LookupPart { SlotId slot; std::string text; };        // slot none: the constant text
struct Lookup { WorkflowId workflow; std::vector<LookupPart> key; ListId list; };

// `x under y`: reflexive and transitive. False where either is absent or names nothing, unless they are equal.
struct Under { WorkflowId workflow; LookupPart low, high; ListId list; };

struct FrameLayout {
  std::vector<Slot> slots;                  // in order of offset, the top level first
  std::vector<FrameList> lists;             // a parent before its children
  std::vector<Lookup> lookups;
  std::vector<Under> unders;
  std::vector<std::string> grant_tasks;     // package.Workflow.plan.name of tasks that rules are under
  uint32_t size_words = 0;
};

// ---------------------------------------------------------------- functions

enum class FunctionKind : uint8_t { kDecide, kCompute, kFold, kConclude, kAsk, kConsequence, kKey, kPlan };

struct Restraint { RuleId rule; Effect effect = Effect::kDeny; bool gate = false; };  // gate: legality; speaks alone
struct Allow { RuleId rule; std::vector<uint64_t> excuses; };  // bit i: restraint i

struct OutputSlot { SlotKind kind = SlotKind::kI64; uint32_t offset = 0; };  // words from the start of `out`

// kFold: what an output is stored to. A window takes `value` when `when` is true, or is emptied when `value` is none; a cell
// takes `value` always. Targets are carried out in order.
struct FoldTarget { bool is_window = false; uint32_t index = 0; uint32_t when = UINT32_MAX; uint32_t value = 0; };

struct Function {
  std::string name;                         // package.Workflow.transition, ….review.conclude
  FunctionKind kind = FunctionKind::kDecide;
  WorkflowId workflow;
  uint32_t subject = 0;                     // TransitionId, or ReviewId for kConclude
  FrameLayout frame;
  std::vector<Restraint> restraints;        // kDecide; sorted by rule name
  std::vector<Allow> allows;                // kDecide
  std::vector<OutputSlot> outputs;          // the others. kCompute: (present, value) for each computed field of Transition::sets, in order
                                            // kConclude: clause (index, or -1: nothing fires), bool conflict, bool unknown
                                            // kAsk: bool applies, bool fails of each rule of Workflow::asks; without a subject,
                                            // what a test looks at: bool holds, bool cannot be told
                                            // kConsequence: (present, value) of each field of the obligation
                                            // kKey: (present, value) of each part of the fact's key
                                            // kPlan: for each task wanted, or (wanted, element's text) for each element up to
                                            // its capacity; then bool fires of each `finally`
  std::vector<FoldTarget> fold;             // kFold; `when` and `value` index outputs
  uint32_t output_words = 0;
};

struct Schema {
  std::vector<Type> types;
  std::vector<std::string> distinct_types;
  std::vector<Currency> currencies;
  std::vector<Unit> units;                  // sorted by qualified name
  std::vector<Zone> zones;                  // sorted by name
  std::vector<Calendar> calendars;          // sorted by qualified name
  std::vector<Obligation> obligations;      // sorted by qualified name
  std::vector<Enum> enums;
  std::vector<Record> records;
  std::vector<Domain> domains;
  std::vector<Role> roles;
  std::vector<Rule> rules;                  // the built-in reasons, then by qualified name
  std::vector<Ladder> ladders;
  std::vector<Workflow> workflows;          // sorted by qualified name
  std::vector<Function> functions;          // sorted by name
};

}  // namespace writ
