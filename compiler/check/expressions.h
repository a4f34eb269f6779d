// Expressions: what a bare word means where it stands, of what type every part is, and what may be absent.
//
// A checker lives for one expression's scope. A null result means that something was wrong and has been reported;
// whatever is built from it is null too, without a further word.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/check/model.h"
#include "compiler/typed/typed.h"

namespace writ::check {

enum class ScopeKind : uint8_t {
  kProposal,    // a rule's guard: fields, payload, actor, facts
  kLimit,       // a limit of an authority: fields as the proposal leaves them, and payload
  kCompute,     // a computed field
  kEvent,       // `where` and the value of a fact: the event's payload, the fields after it
  kConclude,    // a review's clause: fields, verdicts, facts; no proposal
  kCondition,   // `expect` over an instance
  kDefinition,  // a def on its own
  kConstant,    // nothing but constants
};

struct Scope {
  ScopeKind kind = ScopeKind::kConstant;
  WorkflowId workflow;
  std::vector<TransitionId> transitions;  // that the expression speaks of
  ReviewId review;                        // kConclude: its own
  const PlanNames* plan = nullptr;        // whose tasks are known by name
};

// A name as an expression of its own.
ast::Expr BareWord(const ast::Name& name);

// `last(transition)`
ast::Expr LastOf(const ast::Name& transition, ast::Span span);

class Expressions {
 public:
  Expressions(Model& model, Scope scope);

  typed::ExprPtr Check(const ast::Expr& expr, const Type* expected = nullptr);
  // A condition that is never absent. Its arithmetic is checked to fit 128 bits.
  typed::ExprPtr CheckGuard(const ast::Expr& expr);
  // A value for something of this type: not absent unless that may be, of scale 0. Ranges too where it is constant.
  typed::ExprPtr CheckValue(const ast::Expr& expr, const Type& type);
  // A whole constant of this kind: number literals, and defs that are one.
  std::optional<Num> CheckConstant(const ast::Expr& expr, TypeKind kind);
  // Checks a def's body on its own: parameters are unknowns of their types.
  void CheckDefinition(const ast::Def& def);
  // The cell of each row of a table, on its own: parameters are unknowns of their types.
  void CheckCells(const ast::Table& table, const Table& checked);
  // A constant of this type, for a key of a table.
  typed::ExprPtr CheckKey(const ast::Expr& expr, const Type& type);
  // `E by R`, as the fact that it has happened this round.
  std::optional<typed::Fact> AwaitedFact(TransitionId transition, const std::vector<RoleId>& by, ast::Span span);
  // `E by R where …`: which events it speaks of.
  std::optional<typed::Pattern> EventPattern(const ast::Expr& expr) { return FindPattern(expr, {}, nullptr); }
  // What a declaration says of events of the scope's workflow: a fold, or with a path what `last(…)` keeps of its event.
  std::optional<typed::Fact> EventsFact(const ast::Expr& fold, const std::vector<ast::Name>& path, ast::Span span);

  // What a path reads of the instance at `reference`: the reference itself, a field, or what is known of the last event of a
  // transition.
  typed::ExprPtr OfInstance(typed::ExprPtr reference, std::vector<ast::Name> path, ast::Span span);

  // `for s in services where … when …` of a task: what it ranges over, and when it is wanted. `capacity` is 0 where it is one.
  struct Each {
    bool ok = false;
    uint32_t capacity = 0;
    std::optional<Type> element;  // of what tells the tasks apart
  };
  Each CheckEach(const ast::PlannedTask& node, typed::PlannedTask* out);

 private:
  using Ptr = typed::ExprPtr;

  struct Local {
    std::string name;
    typed::ExprType type;
    uint32_t variable = 0;
    const typed::Expr* bound = nullptr;  // a def's argument; null: a variable
  };
  // While a def is expanded: what it may see, and how its fields are read.
  struct Frame {
    size_t locals_begin = 0;
    std::optional<SlotRoot> side;       // before.d, after.d
    const typed::Expr* self = nullptr;  // through a reference: r.d
    WorkflowId self_workflow;
    std::optional<ast::Span> use;  // where the outermost def is used
    bool fields = true;            // a def of a package sees its parameters only
  };

  // expressions.cc
  Ptr CheckCondition(const ast::Expr& expr);  // a Boolean that is never absent
  Ptr CheckInner(const ast::Expr& expr, const Type* expected);
  Ptr CheckNumber(const ast::Expr& expr);
  Ptr CheckString(const ast::Expr& expr, const Type* expected);
  Ptr CheckName(const ast::Expr& expr, const Type* expected);
  Ptr CheckContextual(const ast::Expr& expr, const Type& expected);
  Ptr CheckThis(const ast::Expr& expr);
  Ptr CheckMember(const ast::Expr& expr);
  Ptr CheckSided(const ast::Expr& expr, SlotRoot side);
  Ptr MemberOf(Ptr object, const ast::Name& name, ast::Span span);
  Ptr ReferenceMember(Ptr object, const ast::Name& name, ast::Span span);
  Ptr ActorMember(WorkflowId agent, const ast::Name& name, ast::Span span);
  Ptr Attribute(WorkflowId agent, const std::string& name, ast::Span span);
  Ptr CheckUnder(const ast::Expr& expr);
  Ptr ActorUnder(const ast::Expr& expr, Ptr actor);
  Ptr RecordMember(Ptr object, const ast::Name& name, ast::Span span);
  Ptr CheckIndex(const ast::Expr& expr);
  Ptr EntityLookup(const ast::Expr& expr, WorkflowId workflow);
  Ptr PerLookup(const ast::Expr& expr, Ptr values, uint32_t of);
  Ptr CheckNot(const ast::Expr& expr);
  Ptr CheckNegate(const ast::Expr& expr);
  Ptr CheckHas(const ast::Expr& expr);
  Ptr CheckIf(const ast::Expr& expr, const Type* expected);
  Ptr CheckBinary(const ast::Expr& expr, const Type* expected);
  Ptr CheckJunction(const ast::Expr& expr, typed::ExprKind kind);
  Ptr CheckEquality(const ast::Expr& expr);
  Ptr CheckOrder(const ast::Expr& expr);
  Ptr CheckIs(const ast::Expr& expr);
  Ptr CheckIn(const ast::Expr& expr);
  Ptr InLiteral(Ptr element, const ast::Expr& set, ast::Span span);
  Ptr CheckCoalesce(const ast::Expr& expr, const Type* expected);
  Ptr CheckSum(const ast::Expr& expr);
  Ptr CheckProduct(const ast::Expr& expr);
  Ptr CheckDays(const ast::Expr& expr, Ptr left, Ptr right);
  Ptr CheckCall(const ast::Expr& expr);
  // plans.cc
  Ptr CheckTask(const ast::Expr& expr);
  // matching.cc
  Ptr CheckMatch(const ast::Expr& expr);
  ast::Span PlaceInLiteral(ast::Span span, size_t begin, size_t end) const;
  // calendars.cc
  const Declaration* CalendarNamed(const ast::Expr& expr) const;  // null where it is something else
  Ptr InCalendar(const ast::Expr& expr, const Declaration& calendar);
  Ptr CheckMethod(const ast::Expr& expr);
  Ptr CalendarArgument(const ast::Expr& expr, TypeKind kind, const std::string& asked);
  bool RequireHours(const Declaration& calendar, ast::Span span);
  // expressions.cc
  Ptr CheckRound(const ast::Expr& expr, Rounding rounding);
  Ptr CheckRounded(const ast::Expr& expr);

  Ptr Field(WorkflowId workflow, FieldId field, const ast::Name& name);
  Ptr FieldOf(SlotRoot root, FieldId field, ast::Span span);
  bool AlwaysSets(TransitionId transition, FieldId field) const;
  bool IsThere(SlotRoot root, FieldId field) const;
  Ptr Payload(const ast::Name& name);
  Ptr State(ast::Span span);
  Ptr KeyPart(uint32_t part, ast::Span span);
  Ptr Actor(ast::Span span);
  bool IsKnownUnkept(const std::string& name) const;
  Ptr Unkept(const ast::Name& name);
  Ptr Deref(Ptr object, typed::DerefPart part, uint32_t index, Type type, ast::Span span);
  Ptr LocalValue(const Local& local, ast::Span span);
  bool ReportBareField(const ast::Name& name, FieldId field);
  std::optional<TransitionId> SetterOf(FieldId field) const;
  bool PayloadNamed(const std::string& name) const;
  bool ResolvesAsLocal(const std::string& name) const;
  bool ResolvesAsValue(const ast::Name& name) const;
  bool IsContextual(const ast::Expr& expr) const;
  bool CheckPair(const ast::Expr& left, const ast::Expr& right, Ptr* left_out, Ptr* right_out);
  bool Comparable(const typed::Expr& left, const typed::Expr& right, ast::Span span);
  void ReportUnknownName(const ast::Name& name);
  std::string WhyNotHere() const;  // what this place is, for an expression that has no meaning in it
  Ptr Fail(ast::Span span, const char* what);
  bool RequirePresent(const typed::Expr& expr);
  bool RequireBool(const typed::Expr& expr);
  bool RequireCollection(const typed::Expr& expr, ast::Span span);
  size_t Narrow(const typed::Expr& condition, bool holds);
  bool Merge(const typed::ExprType& a, const typed::ExprType& b, typed::ExprType* out) const;

  bool ArgumentsFit(const ast::Name& called, size_t wanted, size_t given, ast::Span span);
  Ptr ExpandDef(const ast::Def& def, const std::vector<ast::ExprPtr>& arguments, Frame frame, ast::Span span);
  Ptr ExpandTable(const ast::Table& table, const std::vector<ast::ExprPtr>& arguments, ast::Span span);
  bool AddRow(const Table& table, const TableRow& row, const std::vector<Ptr>& values, ast::Span span, Ptr cell,
              Ptr* choice);
  bool TakesArgument(const ast::Table& table, size_t parameter, const Type& type, const typed::Expr& value);
  Ptr Argument(const ast::Expr& argument, const ast::Field& parameter, const ast::Name& callee);
  Ptr Holds(const TableCases& cases, const std::vector<bool>& wanted, const typed::Expr& argument, ast::Span span);
  Ptr InCase(const TableCases& cases, size_t first, size_t last, const typed::Expr& argument, ast::Span span);
  // And how its body is read.
  const ast::Def* FindDef(const ast::Name& name, ast::Span use, Frame* frame) const;
  const ast::Def* FindWorkflowDef(WorkflowId workflow, const std::string& name) const;
  WorkflowId FieldsOf() const;

  Ptr Node(typed::ExprKind kind, ast::Span span, const Type& type, uint8_t scale = 0);
  template <typename... P>
  Ptr Node(typed::ExprKind kind, ast::Span span, const typed::ExprType& type, P... children);
  template <typename... P>
  Ptr Truth(typed::ExprKind kind, ast::Span span, P... children);
  Ptr Constant(ast::Span span, const Type& type, Num number);
  Ptr SlotNode(ast::Span span, const Type& type, SlotRoot root, uint32_t index = 0);

  // patterns.cc
  Ptr CheckFold(const ast::Expr& expr);
  bool IsPattern(const ast::Expr& expr) const;
  bool IsMisspeltEvent(const ast::Fold& fold) const;
  Ptr CheckEnd(const ast::Expr& expr);
  Ptr CheckQuantifier(const ast::Expr& expr);
  bool CheckBody(const ast::Fold& fold, typed::QuantifierOp op, const Type& element, Ptr* body, Ptr* where);
  bool QuantifierType(const ast::Expr& expr, typed::QuantifierOp op, const typed::Expr* body, typed::ExprType* out);
  Ptr CheckFact(const ast::Expr& expr);
  std::optional<typed::Fact> FactOf(const ast::Expr& expr);
  std::optional<typed::Fact> LastFactOf(const ast::Expr& last, const std::vector<ast::Name>& path, ast::Span span);
  const DeclaredFact* FindFact(const ast::Expr& object) const;  // a declared one, by its name; null: something else
  Ptr NamedFact(const DeclaredFact& fact, ast::Span span);
  Ptr FactAt(const DeclaredFact& fact, const ast::Expr& expr);
  bool MayUseKeyedFacts(ast::Span span);
  Ptr LastMember(const ast::Expr& last, const std::vector<ast::Name>& path, ast::Span span);
  Ptr CheckAge(const ast::Expr& expr);
  Ptr CheckVotes(const ast::Expr& expr);
  Ptr CheckSays(const ast::Expr& expr);
  bool FindSeat(const ast::Name& role, uint32_t* review, uint32_t* seat, ast::Span span);
  bool FindStance(uint32_t review, const ast::Name& stance, uint32_t* out);
  bool HasPast() const;    // facts mean something here, of whichever instance they are
  bool LooksBack() const;  // and verdicts, which are of this instance only
  bool MayUseFacts(ast::Span span);
  bool FactParts(const ast::Expr& expr, typed::Fact* fact);
  std::optional<typed::Pattern> FindPattern(const ast::Expr& source, const std::vector<ast::Name>& by,
                                            const ast::Expr* where);
  Ptr EventValue(const ast::Expr& expr, const std::vector<TransitionId>& transitions);
  Ptr EventMember(const std::vector<TransitionId>& transitions, const std::vector<ast::Name>& path, ast::Span span);
  Ptr FactNode(typed::Fact fact, ast::Span span);
  Ptr FactAbout(uint32_t fact, const typed::ExprType& type, ast::Span span);
  bool WithinReach(const typed::Expr& expr, ast::Span span);  // reads through no more references than may be

  Model& model_;
  Scope scope_;
  Frame frame_;
  std::vector<Local> locals_;
  std::vector<std::string> hidden_;      // names of the proposal that a fact cannot see
  std::vector<std::string> present_;     // texts of what is known to be there
  std::set<std::pair<uint32_t, uint32_t>> told_;  // where a def was used, and which of its fields has two values there
  std::vector<const ast::Def*> active_;  // defs that are being expanded
  std::vector<const ast::Table*> active_tables_;
  uint32_t variables_ = 0;
  size_t nodes_ = 0, depth_ = 0;
  bool exhausted_ = false;
  bool rounding_ = false;  // directly inside round_…
  bool declares_ = false;  // a fact, whose events are named with their workflow
};

// presence.cc: whether an optional field is there in a state, by `with`, and wherever a transition comes from.
bool Has(const Model& model, WorkflowId workflow, StateId state, FieldId field);
bool SourcesHave(const Model& model, WorkflowId workflow, TransitionId transition, FieldId field);

// intervals.cc: reports arithmetic whose declared ranges let it leave 128 bits; in a guard, what may be unknown.
void CheckIntervals(Model& model, const typed::Expr& expr, bool is_guard = false);
// defaults.cc: reports a `??` that would switch a restraint off.
void CheckDefaults(Model& model, const typed::Rule& rule);
// What a number lies in, from declared ranges; nothing where that is more than 128 bits. Reports nothing.
std::optional<std::pair<Num, Num>> RangeOf(Model& model, const typed::Expr& expr);

}  // namespace writ::check
