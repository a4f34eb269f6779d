// Typed expressions to IR, within one function. A value is a pair: what it is, and whether it is unknown; a T? has a
// third Boolean, whether it is there. Kleene's logic, exact arithmetic and its ranges, absence and vacuous truth are
// decided here.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/lower/layout.h"
#include "compiler/lower/lower.h"
#include "compiler/typed/typed.h"

namespace writ::lower {

// What a true expression would do: more restraint, more freedom, or neither can be said. Vacuous truth must not
// empower.
enum class Polarity : uint8_t { kNeutral, kRestrains, kEmpowers };

struct Value {
  ir::ExprId value;             // Bool, Num or Str; meaningful where known and present
  ir::ExprId unknown, present;  // Bool
};

// A structured value that is not loaded yet: where it lies.
struct Place {
  SlotPath path;
  ListId list;  // the path is relative to the current element of `loop`
  ir::LoopId loop;
  Type type;
  bool erasable = false;
  // An element of a keyed list, first() or last(): the first one where `condition`, over `loop`; values are reduced
  // over it.
  bool selected = false;
  ir::ExprId condition;
  ir::ExprId unknown;  // on the way here (a record that is too old); none: known
  ir::ExprId present;  // none: it is there
};

struct FactCells {  // where a fact is kept; lower/facts.cc
  CellId has, value, time, poisoned;
  WindowId window;
};

// What all functions of a program share.
struct ProgramState {
  const typed::Program* typed = nullptr;
  Schema* schema = nullptr;
  ir::Program* program = nullptr;
  diagnostics::Sink* sink = nullptr;
  std::span<const typed::Fact> known_facts;  // that this program keeps, and …
  std::span<const typed::Rule> rules;        // … the rules that it is made of
  std::vector<FactCells> facts;              // by typed::Program::facts
  std::map<std::pair<uint32_t, std::string>, ir::Automaton> automata = {};  // of patterns, by kind and text
};

class FunctionLowering {
 public:
  FunctionLowering(ProgramState* state, Function* function);

  ir::Builder& build() { return build_; }
  Layout& layout() { return layout_; }

  // Slots of the proposal and the state.
  ir::ExprId BoolSlot(SlotRoot root, uint32_t index = 0, uint32_t part = 0, uint32_t part2 = 0);
  ir::ExprId NumSlot(SlotRoot root, ir::Range range, uint32_t index = 0, uint32_t part = 0, uint32_t part2 = 0);
  ir::ExprId StrSlot(SlotRoot root, uint32_t index = 0);
  ir::ExprId RoleIs(RoleId role);
  ir::ExprId AnyRoleOf(const std::vector<RoleId>& roles, bool or_orchestrator);  // none of either: everybody
  ir::ExprId StateIs(StateId state);
  // Of authority that somebody gave. Where this policy lets nobody give this transition, nothing is looked at: whatever is
  // proposed under a grant is denied then.
  ir::ExprId NamesGrant();
  ir::ExprId IsUnderGrant();
  ir::ExprId GrantRoleIs(RoleId role);
  ir::ExprId IsGrantedUnder(const std::string& task);  // a grant of the chain was given under that task of a plan
  ir::ExprId ActsFor(RoleId role);  // whose authority counts: the granting role's, else the own
  ir::ExprId ExceedsGrant();        // a field is, after this, more than some grant of the chain lets it be

  Value Lower(const typed::Expr& expr, Polarity polarity = Polarity::kNeutral);
  // Of this instance; or of the one that the reference at `of` names, or the key that the look-up there finds.
  Value LowerFact(uint32_t fact, const Place* of = nullptr);

  // Kleene's connectives over pairs; the results are present.
  Value And(Value a, Value b);
  Value Or(Value a, Value b);
  Value Not(Value a);
  Value True();
  ir::ExprId Known(const Value& v);  // value and not unknown
  ir::ExprId TrueOrUnknown(const Value& v);

  // True where a reference that `type` at `path` holds is there and names nothing.
  ir::ExprId NamesNothing(const Type& type, const SlotPath& path);
  // The references that expressions so far have read through, as one condition; the rule no_record.
  ir::ExprId ReadNamesNothing();
  // The same for what is read between the two, which ReadNamesNothing then knows nothing of.
  void BeginAside() { outside_ = std::exchange(references_, {}); }
  ir::ExprId EndAside();

  // Conditions are collected here while set.
  std::vector<Condition>* conditions = nullptr;

  // Whether a task of a plan is wanted; over data, of each element up to `capacity` that, and its text. As outputs. What
  // cannot be evaluated, or is read of nothing, is wanted.
  void Wanted(const typed::PlannedTask& task, uint32_t capacity);

  // The next output of a function that is not a decision; its index.
  uint32_t Output(SlotKind kind, ir::ExprId value);
  // Finishes the function; roots as in ir::Builder::Finish. Remaps `collected` to final ids.
  void Finish(std::vector<ir::Guard> restraints, std::vector<ir::Guard> allows, ir::Code* code,
              FunctionConditions* collected);

 private:
  using Expr = typed::Expr;

  // expressions.cc
  Value Scalar(ir::ExprId value);
  Value LowerKind(const Expr& expr, Polarity polarity);
  // A part of something else than `and`, `or` and `not`: its truth is no condition of its own.
  Value Operand(const Expr& expr, Polarity polarity = Polarity::kNeutral);
  ir::ExprId GrantRole();
  bool CanBeGiven() const;
  Value Constant(const Expr& expr);
  Value Read(const Expr& expr);
  ir::ExprId Votes(const Expr& expr);
  Value Says(const Expr& expr);
  Value KeyedFact(const Expr& expr);
  Value FactThrough(const Expr& expr);
  ir::ExprId FactSlot(const Place* of, SlotKind kind, SlotRoot root, uint32_t index, ir::Range range);
  ir::ExprId Same(const Type& type, ir::ExprId a, ir::ExprId b);
  // Both at the finer of their scales.
  std::pair<ir::ExprId, ir::ExprId> Aligned(const Expr& a, const Value& x, const Expr& b, const Value& y);
  ir::ExprId SameScaled(const Expr& a, const Value& x, const Expr& b, const Value& y);
  Value Equal(const Expr& a, const Expr& b, bool is);
  Value EqualLists(const Expr& a, const Expr& b);
  ir::ExprId EqualElements(const Place& a, const Place& b, const Type& type);
  Value Compare(const Expr& a, const Expr& b, bool or_equal);
  Value Arithmetic(const Expr& expr);
  Value RoundTo(const Expr& expr);
  Value If(const Expr& expr, Polarity polarity);
  Value Coalesce(const Expr& expr);
  Value Has(const Expr& expr);
  // Brings a number into 64 bits: outside, it is unknown (and 0).
  Value Checked(Value v);
  ir::ExprId Scaled(ir::ExprId number, int digits, const ast::Span& span);
  ir::ExprId AtScaleOf(const Expr& expr, size_t child, const Value& v);
  bool Fits(bool fits, const ast::Span& span);
  // Where `place` is empty: at what is being lowered.
  void TooMuch(const ast::Span& place, const char* what);

  // tables.cc
  Value Match(const Expr& expr);
  Value AskCalendar(const Expr& expr);
  Value Days(const Expr& expr);
  ir::ExprId LocalTime(const Calendar& calendar, ir::ExprId time);
  ir::ExprId LocalDay(const Calendar& calendar, ir::ExprId time);
  ir::ExprId InWindow(const Calendar& calendar, uint32_t window, ir::ExprId time);
  ir::ExprId IsOpen(const Calendar& calendar, ir::ExprId time);
  ir::ExprId WorkdaysUntil(const Calendar& calendar, ir::ExprId time);
  ir::ExprId YearsBetween(ir::ExprId from_day, ir::ExprId to_day);
  std::pair<ir::ExprId, ir::ExprId> MarchYear(ir::ExprId day);
  ir::ExprId Quotient(ir::ExprId a, Num by);   // rounded down
  ir::ExprId Remainder(ir::ExprId a, Num by);  // never negative
  ir::ExprId Plus(ir::ExprId a, Num b);

  // collections.cc
  ir::ExprId Bits(const Expr& literal);
  Value In(const Expr& expr);
  Value InLiteral(const Expr& needle, const Value& x, const Expr& hay);
  Value InBits(const Value& x, const Expr& hay);
  Value InList(const Expr& needle, const Value& x, const Expr& hay);
  Value Quantifier(const Expr& expr, Polarity polarity);
  Value QuantifierOverBits(const Expr& expr, Polarity polarity);
  Value WithMember(const Expr& expr, Value result, Value where, Value body, ir::ExprId chosen);
  Value Reduce(const Expr& expr, ir::LoopId loop, Value body, Value where, ir::ExprId any_element, Polarity polarity);
  Value Distinct(const Expr& expr, const Place& place, ir::LoopId loop);
  Value WhereOf(const Expr& expr, const Place& place, ir::LoopId loop, ListId list);
  Value BindElement(const Expr& expr, const Place& place, ir::LoopId loop, ListId list);
  Value Length(const Expr& expr);
  ir::ExprId IsWanted(const typed::PlannedTask& task);
  void WantedMembers(const typed::PlannedTask& task, uint32_t capacity);

  // places.cc: nothing where there is no such place, or it has been reported as too much.
  std::optional<Place> PlaceOf(const Expr& expr);
  Place SlotPlace(const Expr& expr) const;
  std::optional<Place> MemberPlace(const Expr& expr);
  std::optional<Place> ReferredPlace(const Expr& expr);
  std::optional<Place> SelectedPlace(const Expr& expr);
  std::optional<Place> RecordPlace(const Expr& expr);
  Value IsUnder(const Expr& expr);
  // Where a look-up by key leads: unknown and present are those of the key.
  std::optional<Place> LookUp(const Expr& expr, WorkflowId workflow);
  bool ReadsElementOf(const Place& key, Place* looked, const ast::Span& span);
  std::optional<Place> PlaceThrough(const Expr& reference);
  void NoteAbsence(Place* place);
  void Enter(PathStep step, const Field& field, Place* place) const;
  ir::ExprId Stale(const Place& place, int64_t fresh_ns);
  ir::ExprId HasKey(const Place& list_place, const Expr& wanted_key, Place* element);
  ir::ExprId IsAtEnd(const Place& list_place, ir::LoopId loop, bool first);
  ir::ExprId UnknownOf(const Place& place);
  ir::ExprId PresenceOf(const Place& place);
  ir::ExprId EitherOf(ir::ExprId so_far, ir::ExprId more);  // `so_far` may be none
  ir::ExprId BothOf(ir::ExprId so_far, ir::ExprId more);
  Place Element(const Place& list_place, ir::LoopId loop, ListId list);
  ListId ListOf(const Place& place, const ast::Span& span);
  std::optional<ir::LoopId> Open(const Place& place, ListId list, const ast::Span& span);
  Value Load(const Place& place);
  ir::ExprId LoadSlot(const Place& place, Projection projection, SlotKind kind, ir::Range range);
  void NoteReference(const Place& place);
  ir::ExprId MissingAnywhere(const SlotPath& path, ListId list);
  ir::Range RangeOf(const Type& type) const;

  ProgramState* state_;
  const Schema& schema_;
  Function* function_;
  Layout layout_;
  ir::Builder build_;
  std::vector<ir::ExprId> outputs_;  // by Function::outputs
  std::map<uint32_t, Place> places_;     // variable -> current element
  std::map<uint32_t, Value> constants_;  // variable over the members of a bit set
  ast::Span here_, told_;                // what is being lowered, and the last place that is too much
  std::vector<ir::LoopId> loops_;        // open comprehensions, outermost first
  std::map<std::string, std::pair<SlotPath, ListId>> references_, outside_;  // read through
  int operands_ = 0;                                                         // Operand() calls that are open
};

// Structural text of an expression and what it refers to by name: for digests of rules.
std::string Fingerprint(const typed::Program& program, const typed::Expr* expr);

}  // namespace writ::lower
