// Types: from the author's words to rows of Schema::types, and back to words for messages.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/check/symbols.h"
#include "compiler/diagnostics/diagnostics.h"
#include "runtime/decision/schema.h"

namespace writ::check {

inline constexpr int64_t kStringBytesMax = 65'536;
inline constexpr size_t kPerMembersMax = 64;  // of the enum of a `per`
inline constexpr int kPercentDigits = 4;                // decimals of `38.0001%`: percent counts 10^-6
inline constexpr uint32_t kStateMark = UINT32_MAX - 1;  // Type::distinct of a workflow's state; index: the workflow

// A number that was written out, with the type that its spelling gives it.
struct Number {
  Type type;
  Num value = 0;
};

class Types {
 public:
  Types(const Symbols& symbols, Schema& schema, diagnostics::Sink& sink);

  // Nothing where it is wrong, which has been reported.
  std::optional<Type> Resolve(const ast::Type& type);
  TypeId Intern(const Type& type);
  const Type& At(TypeId id) const { return schema_.types[id.value]; }
  // UINT32_MAX where there is none, which has been reported.
  uint32_t Currency(const ast::Name& code);
  uint32_t Unit(const ast::Name& name);
  // Of a record that `T per E` stands for: its enum, whose members are the record's.
  std::optional<uint32_t> PerEnum(const Type& type) const;

  // A literal, possibly negated. Nothing where it is none or cannot be represented; only the second is reported.
  std::optional<Number> ReadNumber(const ast::Expr& expr);
  static bool IsNumber(const ast::Expr& expr);
  bool HasOrder(const Type& type) const;
  // Reports and is false where `value` is outside the declared range of `type`.
  bool CheckInRange(ast::Span span, const Type& type, Num value);

  // "money(USD)", "`Terms`", "Customer?", "list of Wallet": for messages.
  std::string Words(const Type& type) const;
  std::string NumberWords(const Type& type, Num value) const;

 private:
  std::optional<Type> ResolvePlain(const ast::Type& type);
  std::optional<Type> ResolvePer(const ast::Type& type, const Type& each);
  std::optional<Type> ResolveQuantity(const ast::Type& type);
  std::optional<Type> ResolveNamed(const ast::Type& type);
  std::optional<Type> ResolveString(const ast::Type& type);
  std::optional<Type> ResolveCollection(const ast::Type& type, TypeKind kind);
  std::optional<Type> ResolveDeclared(const ast::Type& type);
  std::optional<Type> ResolveAlias(const Declaration& alias);
  bool CheckElement(const ast::Type& type, const Type& element, TypeKind kind);
  bool ResolveKey(const ast::Type& type, const Type& element, Type* list);
  bool ResolveRange(const ast::Type& type, Type* out);
  bool CheckParts(const ast::Type& type, const Type& resolved);
  uint64_t Elements(const Type& type) const;
  std::optional<Num> RangeBound(const ast::Expr& expr, const Type& type);
  std::optional<Number> Scaled(const ast::Expr& expr, Type type, const std::string& text, int digits);

  const Symbols& symbols_;
  Schema& schema_;
  diagnostics::Sink& sink_;
  std::map<std::string, uint32_t> interned_;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> per_;  // type and enum of a `per`, to its record
  std::map<uint32_t, uint32_t> per_enum_;                  // the record's enum
  struct AliasState {
    bool busy = false, done = false;
    std::optional<Type> type;
  };
  std::map<const Declaration*, AliasState> aliases_;
  size_t alias_depth_ = 0;
};

Type Of(TypeKind kind, uint32_t index = UINT32_MAX);
bool IsState(const Type& type);     // of a workflow: see kStateMark
bool IsAdditive(const Type& type);  // can be added and summed: int, percent, money, quantity, duration
bool IsNumeric(TypeKind kind);      // int, percent, money, quantity, duration, time, date
bool IsScalar(TypeKind kind);       // neither a record nor a collection
bool IsText(TypeKind kind);         // strings and references
// The same type, leaving aside ranges, capacities and whether it may be absent; a plain and a distinct type are the
// same.
bool SameType(const Type& a, const Type& b);

}  // namespace writ::check
