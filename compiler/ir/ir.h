// The decision IR: what is decided, and nothing of how it was written.
//
// A program is the schema's tables and, for each of its functions, straight-line code over typed slots. An expression is 16
// bytes; operands come before their users; equal expressions are one (hash-consed); they are made only through ir::Builder.
// Code is a list in evaluation order, in which the body of a loop stands between LoopBegin and LoopEnd; loops nest. A backend
// is one forward loop over it with its own value type.
//
// Unknown is not in here: lowering has made it a second Boolean expression wherever it can arise.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "runtime/decision/schema.h"

namespace writ::ir {

enum class Op : uint8_t {
#define WRIT_OP(name, result, a, b, c) k##name,
#include "compiler/ir/ops.def"
#undef WRIT_OP
};
inline constexpr int kOpCount = 0
#define WRIT_OP(name, result, a, b, c) +1
#include "compiler/ir/ops.def"
#undef WRIT_OP
    ;

enum class ValueType : uint8_t { kVoid, kBool, kNum, kStr };
enum class Operand : uint8_t { kNone, kBool, kNum, kStr, kSlot, kConst, kText, kFlag, kLoop, kSteps, kAutomaton };

struct OpInfo {
  const char* name;
  ValueType result;
  Operand operands[3];
};
const OpInfo& InfoOf(Op op);

using ExprId = Id<struct ExprTag>;  // Code::exprs
using LoopId = Id<struct LoopTag>;  // Code::loops

struct Expr {
  Op op = Op::kConstBool;
  ValueType type = ValueType::kBool;
  uint16_t reserved = 0;
  uint32_t a = 0, b = 0, c = 0;
  bool operator==(const Expr&) const = default;
};
static_assert(sizeof(Expr) == 16);

// What a number can be, inclusive. native/ keeps it in 64 bits where this fits.
struct Range {
  Num low = 0, high = 0;
  bool operator==(const Range&) const = default;
  bool FitsInt64() const { return low >= INT64_MIN && high <= INT64_MAX; }
};

struct Loop {
  ListId list;
  LoopId parent;               // none: over a list of the frame itself, or over one independent of other loops
  uint32_t begin = 0, end = 0; // positions of LoopBegin and LoopEnd in Code::exprs
};

struct Guard { ExprId applies, fails; };  // Booleans; `fails`: could not be evaluated (its default is already in `applies`)

struct Code {
  std::vector<Expr> exprs;
  std::vector<Range> ranges;          // one for each expression; {0, 0} unless a number
  std::vector<Loop> loops;
  std::vector<Guard> restraints;      // kDecide: one for each Function::restraints
  std::vector<Guard> allows;          // kDecide: one for each Function::allows
  std::vector<ExprId> outputs;        // the others: one for each Function::outputs
};

// A number that changes at steps: at x it is the value of the last step whose `from` is not above x; before the first step
// it is that one's value too.
struct Step {
  int64_t from = 0, value = 0;
  bool operator==(const Step&) const = default;
};
struct StepTable {
  std::vector<Step> steps;            // one at least, at most limits::kStepsMax; `from` ascends
  bool operator==(const StepTable&) const = default;
};

// Reads strings byte by byte, in time linear in their length: from state 0, a byte leads to
// next[state * class_count + class_of[byte]]. The string is accepted if the state after its last byte accepts.
struct Automaton {
  std::vector<uint8_t> class_of;      // 256
  uint32_t class_count = 0;           // 1..256
  std::vector<uint16_t> next;         // for each state, class_count states
  std::vector<uint8_t> accepts;       // 0 or 1 for each state; at most limits::kPatternStatesMax
  bool operator==(const Automaton&) const = default;
};

struct Program {
  Schema schema;
  std::vector<Code> code;             // one for each Schema::functions
  std::vector<Num> numbers;           // constants, each once
  std::vector<std::string> strings;   // constants, each once
  std::vector<StepTable> steps;       // each once
  std::vector<Automaton> automata;    // each once
};

// Builds the code of one function.
//
// Each call checks operand types (WRIT_CHECK: a fault here is ours), folds constants, simplifies what is trivially known
// (x and true, not not x, x == x on Booleans and numbers, select on a constant or between equals), and returns the existing
// id of an equal expression. Ids are provisional until Finish, which orders the code, drops what no root reaches, and returns
// a map from provisional to final ids. Bind each call to a local: the order of arguments is not fixed in C++.
//
// Numbers carry ranges. Add, Sub, Mul, Neg, Sum whose range leaves 128 bits must not be built: ask Fits… first (the checker
// has a diagnostic for it).
class Builder {
 public:
  Builder(Program* program, Function* function);   // constants go to the program's pools; slots belong to function->frame

  ExprId Bool(bool value);
  ExprId Number(Num value);
  ExprId Text(std::string_view value);

  // The slot's own kind decides the result. `range` bounds a numeric slot's value (clipped to its width).
  ExprId Slot(SlotId slot, Range range);
  ExprId Element(SlotId slot, LoopId loop, Range range);

  ExprId Not(ExprId a);
  ExprId And(ExprId a, ExprId b);
  ExprId Or(ExprId a, ExprId b);
  ExprId EqBool(ExprId a, ExprId b);
  ExprId Add(ExprId a, ExprId b);
  ExprId Sub(ExprId a, ExprId b);
  ExprId Mul(ExprId a, ExprId b);
  ExprId Neg(ExprId a);
  ExprId Round(Rounding rounding, ExprId a, Num divisor);   // divisor >= 1
  ExprId EqNum(ExprId a, ExprId b);
  ExprId LtNum(ExprId a, ExprId b);
  ExprId LeNum(ExprId a, ExprId b);
  ExprId EqStr(ExprId a, ExprId b);
  ExprId Select(ExprId condition, ExprId then, ExprId otherwise);  // of any one type
  ExprId HasBit(ExprId set, ExprId bit);
  ExprId PopCount(ExprId set);
  ExprId StepNum(ExprId a, const StepTable& table);
  ExprId MatchStr(ExprId a, const Automaton& automaton);

  // A loop over `list`, nested in `parent` (which it must be if the list is an element's). Several reductions may share it,
  // none of which may depend on another.
  LoopId OpenLoop(ListId list, LoopId parent);
  ExprId Index(LoopId loop);
  ExprId Any(LoopId loop, ExprId body);
  ExprId All(LoopId loop, ExprId body);
  ExprId Count(LoopId loop, ExprId condition);
  ExprId Sum(LoopId loop, ExprId condition, ExprId value);
  ExprId Min(LoopId loop, ExprId condition, ExprId value);
  ExprId Max(LoopId loop, ExprId condition, ExprId value);
  ExprId First(LoopId loop, ExprId condition, ExprId value);

  const Expr& expr(ExprId id) const;
  Range range(ExprId id) const;
  bool FitsAdd(ExprId a, ExprId b) const;
  bool FitsSub(ExprId a, ExprId b) const;
  bool FitsMul(ExprId a, ExprId b) const;
  bool FitsSum(LoopId loop, ExprId value) const;

  // Orders the code so that `restraints`, `allows` and `outputs` can be computed, and moves it into `code`. The result maps
  // provisional ids to final ones (none: dropped).
  std::vector<ExprId> Finish(std::vector<Guard> restraints, std::vector<Guard> allows, std::vector<ExprId> outputs, Code* code);

 private:
  struct Impl;
  Impl* impl_;
 public:
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;
};

// Faults of a program, as sentences; empty when it is well formed. Checked: operand types and order, loop nesting, slots and
// lists in range and of the right kind and list, table sizes, roots, ranges, layouts without overlap.
std::vector<std::string> Verify(const Program& program);

// The stable text form; equal programs give equal text. `--dump=ir`, golden tests.
std::string ToText(const Program& program);
std::string ToText(const Program& program, FunctionId function);

// "sha256:" and 64 hex digits, over everything that decides: arrays, pools, schema tables; not spans, docs or file names.
std::string Digest(const Program& program);

// For the log. Deserialize checks everything (Verify too) and fails with kInvalidArgument on any other bytes.
std::string Serialize(const Program& program);
absl::StatusOr<Program> Deserialize(std::string_view bytes);

}  // namespace writ::ir
