// Expressions made at random, each of a given type, within a scope.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/native/samples.h"
#include "compiler/typed/typed.h"

namespace writ::agreement {

using samples::Random;

inline constexpr uint32_t kStateMark = UINT32_MAX - 1;          // as check/: Type::distinct of a workflow's state
inline constexpr int64_t kHour = int64_t{3600} * 1'000'000'000;
inline constexpr int64_t kStart = int64_t{1'770'000'000} * 1'000'000'000;  // when histories begin: in 2026
inline constexpr uint32_t kPreferredKeys = 2;  // of elements: the first of each type
inline constexpr const char* kTexts[] = {"", "a", "b", "ab", "ba", "abc"};

struct Scope {
  enum class Kind : uint8_t { kProposal, kEvent, kConclude, kCompute } kind = Kind::kProposal;
  WorkflowId workflow;
  std::vector<TransitionId> transitions;
  uint32_t facts_max = 0;     // that the program may have for this workflow; 0: none may be read
};

class ExprMaker {
 public:
  ExprMaker(typed::Program* program, Random* random, Scope scope) : program_(*program), random_(*random), scope_(std::move(scope)) {}

  typed::ExprPtr Bool(int depth);
  typed::ExprPtr Value(const Type& type, int depth);           // non-optional, at scale 0, of a scalar type
  typed::ExprPtr Number(const Type& type, int depth);          // int, percent, money, duration; any scale
  typed::ExprPtr Constant(const Type& type);
  typed::ExprPtr Wide();                                       // a condition on a sum that leaves 64 bits unless a number is small
  typed::ExprPtr Plain();                                      // one question, with nothing around it
  typed::ExprPtr OfKey();                                      // one question to a fact by key, or null
  // A fold over events of the scope's workflow, with a key of one or two parts; not in the program yet.
  std::optional<typed::Fact> Keyed();

 private:
  using Expr = typed::Expr;
  using Ptr = typed::ExprPtr;
  using Kind = typed::ExprKind;

  struct Variable { uint32_t number; Type type; bool behind = false, bits = false; };  // behind: the second of two neighbours

  const Schema& schema() const { return program_.schema; }
  const Type& TypeAt(TypeId id) const { return schema().types[id.value]; }
  const Workflow& WorkflowAt(WorkflowId id) const { return schema().workflows[id.value]; }
  bool Chance(uint32_t percent) { return random_.Below(100) < percent; }

  // Something that can be read: a field, a payload value, an element, and what lies below them.
  Ptr Place();
  Ptr Root();
  Ptr Step(Ptr at);
  Ptr Slot(SlotRoot root, uint32_t index, const Type& type);
  template <class Wanted>
  Ptr PlaceWhere(Wanted wanted, int tries);
  Ptr PlaceOf(const Type& type, bool optional, int tries = 10);
  Ptr ListPlace(bool in_element);
  Ptr Present(Ptr optional, int depth);                        // as a value that is there
  Ptr Narrowed(const Ptr& optional);                           // where it is known to be there
  std::vector<Variable> ForKeys();
  Ptr EntityLookup();
  Ptr Attribute();
  Ptr Under();
  bool IsBehind(const Expr& root) const;
  Ptr KeyConstant(const Type& type);

  Ptr Arithmetic(const Type& type, int depth);
  Ptr Product(const Type& type, int depth);
  Ptr Rounded(const Type& type, int depth);
  Ptr Fold(const Type& type, int depth);
  Ptr Time(int depth);
  Ptr If(const Type& type, int depth);
  Ptr Compare(int depth);
  Ptr CompareNumbers(int depth);
  Ptr CompareRounded();
  Ptr CompareFolds();
  Ptr CompareSums();
  Ptr CompareExtremes();
  Ptr CompareMembers();
  Ptr CompareFound();
  Ptr AmongMembers();
  Ptr Match();
  Ptr AskCalendar();
  Ptr CalendarNode(typed::CalendarOp op, const Type& type);
  Ptr SomeDate();
  Ptr EqualOf(const Type& type, int depth);
  Ptr Membership(int depth);
  Ptr Absence(int depth);
  Ptr AnyAll(int depth);
  Ptr AnyFound();
  Ptr ListsEqual();
  Ptr Quantifier(typed::QuantifierOp op, const Type& type, int depth);
  Ptr OfBoth(bool number, const Type& type, uint32_t variable, uint32_t behind);
  Ptr Fact(const Type* type);
  Ptr OwnFact(const Type* type);
  Ptr FactThrough(const Type* type);
  Ptr MakeFact(const Type* type);
  Ptr KeyedFact(const Type* type);
  Ptr AtKey(uint32_t fact);
  Ptr Verdict(bool votes);
  Ptr CompareVotes();
  typed::Pattern Pattern(bool with_where);
  Type ScalarType();
  Type NumberType();
  bool IsScalar(const Type& type) const;
  bool IsOrdered(const Type& type) const;
  int Digits(int bits, int from_scale, int to_scale) const {
    return bits + (to_scale > from_scale ? (to_scale - from_scale) * 10 / 3 + 1 : 0);
  }

  typed::Program& program_;
  Random& random_;
  const Scope scope_;
  std::vector<Variable> variables_;
  int nesting_ = 0;
};

// An upper bound of the bits of a number's magnitude, whatever the fields hold.
int BitsOf(const typed::Program& program, const typed::Expr& expr);

typed::ExprPtr Make(typed::ExprKind kind, const Type& type, uint8_t scale = 0);
template <class... Children>
typed::ExprPtr Make(typed::ExprKind kind, const Type& type, uint8_t scale, Children... children) {
  typed::ExprPtr node = Make(kind, type, scale);
  (node->children.push_back(std::move(children)), ...);
  return node;
}
Type TypeOf(TypeKind kind, uint32_t index = UINT32_MAX);
bool IsNumber(TypeKind kind);  // what arithmetic is for: int, percent, money, duration

}  // namespace writ::agreement
