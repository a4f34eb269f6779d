// Hash-consing and scheduling. A node's region is the deepest loop whose current element it depends on; a reduction
// stands in its loop's body, but its value belongs to the loop around it.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "compiler/ir/arithmetic.h"
#include "compiler/ir/ir.h"
#include "runtime/builtins/check.h"

namespace writ::ir {
namespace {

struct ExprHash {
  size_t operator()(const Expr& e) const {
    return absl::HashOf(static_cast<uint8_t>(e.op), e.a, e.b, e.c);
  }
};

using NumKey = std::pair<uint64_t, uint64_t>;
NumKey KeyOf(Num n) { return {static_cast<uint64_t>(n), static_cast<uint64_t>(n >> 64)}; }

struct Node {
  Expr expr;
  Range range;
  LoopId region;
};

struct OpenedLoop {
  ListId list;
  LoopId parent;
  uint32_t depth = 0;  // loops around it
};

Op RoundOp(Rounding rounding) {
  switch (rounding) {
    case Rounding::kDown: return Op::kRoundDown;
    case Rounding::kUp: return Op::kRoundUp;
    case Rounding::kHalfEven: return Op::kRoundHalfEven;
    case Rounding::kNone: break;
  }
  WRIT_CHECK(false);
}

Range Clip(Range r, SlotKind kind) {
  const Num low = kind == SlotKind::kI64 ? INT64_MIN : kNumMin;
  const Num high = kind == SlotKind::kI64 ? INT64_MAX : kNumMax;
  WRIT_CHECK(r.low <= r.high && r.low <= high && r.high >= low);
  return {std::max(r.low, low), std::min(r.high, high)};
}

}  // namespace

struct Builder::Impl {
  Program* program;
  Function* function;
  std::vector<Node> nodes;
  std::vector<OpenedLoop> loops;
  absl::flat_hash_map<Expr, uint32_t, ExprHash> known;
  absl::flat_hash_map<NumKey, uint32_t> numbers;
  absl::flat_hash_map<std::string, uint32_t> strings;

  const Node& At(ExprId id) const {
    WRIT_CHECK(id.value < nodes.size());
    return nodes[id.value];
  }
  const Expr& ExprAt(ExprId id) const { return At(id).expr; }
  ValueType TypeOf(ExprId id) const { return ExprAt(id).type; }
  bool Is(ExprId id, Op op) const { return ExprAt(id).op == op; }
  bool IsConstBool(ExprId id, bool value) const { return Is(id, Op::kConstBool) && (ExprAt(id).a != 0) == value; }
  bool IsConstNum(ExprId id) const { return Is(id, Op::kConstNum); }
  bool IsConstNum(ExprId id, Num value) const { return IsConstNum(id) && NumOf(id) == value; }
  Num NumOf(ExprId id) const { return program->numbers[ExprAt(id).a]; }
  const std::string& TextOf(ExprId id) const { return program->strings[ExprAt(id).a]; }
  bool IsNotOf(ExprId maybe, ExprId of) const { return Is(maybe, Op::kNot) && ExprAt(maybe).a == of.value; }

  uint32_t InternNumber(Num value) {
    const auto [it, fresh] = numbers.try_emplace(KeyOf(value), static_cast<uint32_t>(program->numbers.size()));
    if (fresh) program->numbers.push_back(value);
    return it->second;
  }
  uint32_t InternText(std::string_view value) {
    const auto [it, fresh] = strings.try_emplace(std::string(value), static_cast<uint32_t>(program->strings.size()));
    if (fresh) program->strings.emplace_back(value);
    return it->second;
  }

  // These pools are short: a policy has few zones and few patterns.
  template <class T>
  static uint32_t InternTable(std::vector<T>* pool, const T& table) {
    const auto known = std::find(pool->begin(), pool->end(), table);
    if (known != pool->end()) return static_cast<uint32_t>(known - pool->begin());
    pool->push_back(table);
    return static_cast<uint32_t>(pool->size() - 1);
  }

  const OpenedLoop& LoopAt(LoopId id) const {
    WRIT_CHECK(id.value < loops.size());
    return loops[id.value];
  }
  uint32_t CapacityOf(LoopId id) const { return function->frame.lists[LoopAt(id).list.value].capacity; }

  // Whether `outer` is `inner` or around it; none is around everything.
  bool IsAround(LoopId outer, LoopId inner) const {
    if (!outer.valid()) return true;
    while (inner.valid() && loops[inner.value].depth > loops[outer.value].depth) inner = loops[inner.value].parent;
    return inner == outer;
  }
  LoopId Deeper(LoopId a, LoopId b) const {
    if (IsAround(a, b)) return b;
    WRIT_CHECK(IsAround(b, a));
    return a;
  }

  void CheckOperands(const Expr& e) const {
    const OpInfo& info = InfoOf(e.op);
    for (int k = 0; k < 3; ++k) {
      const uint32_t operand = OperandAt(e, k);
      switch (info.operands[k]) {
        case Operand::kBool: WRIT_CHECK(TypeOf(ExprId(operand)) == ValueType::kBool); break;
        case Operand::kNum: WRIT_CHECK(TypeOf(ExprId(operand)) == ValueType::kNum); break;
        case Operand::kStr: WRIT_CHECK(TypeOf(ExprId(operand)) == ValueType::kStr); break;
        case Operand::kSlot: WRIT_CHECK(operand < function->frame.slots.size()); break;
        case Operand::kLoop: WRIT_CHECK(operand < loops.size()); break;
        case Operand::kConst: WRIT_CHECK(operand < program->numbers.size()); break;
        case Operand::kText: WRIT_CHECK(operand < program->strings.size()); break;
        case Operand::kFlag: WRIT_CHECK(operand <= 1); break;
        case Operand::kSteps: WRIT_CHECK(operand < program->steps.size()); break;
        case Operand::kAutomaton: WRIT_CHECK(operand < program->automata.size()); break;
        case Operand::kNone: WRIT_CHECK(operand == 0); break;
      }
    }
  }

  LoopId RegionOf(const Expr& e) const {
    const OpInfo& info = InfoOf(e.op);
    LoopId region;
    for (int k = 0; k < 3; ++k) {
      if (IsExprOperand(info.operands[k])) region = Deeper(region, nodes[OperandAt(e, k)].region);
    }
    if (IsReduction(e.op)) {
      WRIT_CHECK(IsAround(region, LoopId(e.a)));
      return loops[e.a].parent;
    }
    if (IsElement(e.op)) return LoopId(e.b);
    if (e.op == Op::kLoopIndex) return LoopId(e.a);
    return region;
  }

  Range ComputedRange(const Expr& e) const {
    const OpInfo& info = InfoOf(e.op);
    RangeInputs in;
    for (int k = 0; k < 3; ++k) {
      const uint32_t operand = OperandAt(e, k);
      if (info.operands[k] == Operand::kNum) in.operands[k] = nodes[operand].range;
      if (info.operands[k] == Operand::kConst) in.constant = program->numbers[operand];
      if (info.operands[k] == Operand::kLoop) in.capacity = CapacityOf(LoopId(operand));
      if (info.operands[k] == Operand::kSteps) in.steps = &program->steps[operand];
    }
    const std::optional<Range> range = ResultRange(e.op, in);
    WRIT_CHECK(range.has_value());
    return *range;
  }

  ExprId Make(Op op, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0) { return Intern(op, a, b, c, nullptr); }
  ExprId Make(Op op, ExprId a, ExprId b) { return Make(op, a.value, b.value); }
  // Operands in one order, so that a + b and b + a are one.
  ExprId MakeSymmetric(Op op, ExprId a, ExprId b) { return a <= b ? Make(op, a, b) : Make(op, b, a); }

  ExprId Intern(Op op, uint32_t a, uint32_t b, uint32_t c, const Range* given) {
    const Expr e{op, InfoOf(op).result, 0, a, b, c};
    if (const auto it = known.find(e); it != known.end()) return ExprId(it->second);
    CheckOperands(e);
    Node node;
    node.expr = e;
    node.region = RegionOf(e);
    if (given != nullptr) node.range = *given;
    if (given == nullptr && e.type == ValueType::kNum) node.range = ComputedRange(e);
    const uint32_t id = static_cast<uint32_t>(nodes.size());
    nodes.push_back(node);
    known.emplace(e, id);
    return ExprId(id);
  }

  ExprId SlotOrElement(SlotId slot, LoopId loop, Range range) {
    WRIT_CHECK(slot.value < function->frame.slots.size());
    const writ::Slot& s = function->frame.slots[slot.value];
    WRIT_CHECK(s.list == (loop.valid() ? LoopAt(loop).list : ListId()));
    const bool element = loop.valid();
    const uint32_t b = element ? loop.value : 0;
    switch (s.kind) {
      case SlotKind::kBool: return Make(element ? Op::kElemBool : Op::kSlotBool, slot.value, b);
      case SlotKind::kString: return Make(element ? Op::kElemStr : Op::kSlotStr, slot.value, b);
      case SlotKind::kI64:
      case SlotKind::kI128: break;
    }
    const Range clipped = Clip(range, s.kind);
    return Intern(element ? Op::kElemNum : Op::kSlotNum, slot.value, b, 0, &clipped);
  }
};

Builder::Builder(Program* program, Function* function) : impl_(new Impl) {
  impl_->program = program;
  impl_->function = function;
  for (size_t i = 0; i < program->numbers.size(); ++i) {
    impl_->numbers.emplace(KeyOf(program->numbers[i]), static_cast<uint32_t>(i));
  }
  for (size_t i = 0; i < program->strings.size(); ++i) {
    impl_->strings.emplace(program->strings[i], static_cast<uint32_t>(i));
  }
}

Builder::~Builder() { delete impl_; }

const Expr& Builder::expr(ExprId id) const { return impl_->ExprAt(id); }
Range Builder::range(ExprId id) const { return impl_->At(id).range; }

ExprId Builder::Bool(bool value) { return impl_->Make(Op::kConstBool, value ? 1 : 0); }
ExprId Builder::Number(Num value) { return impl_->Make(Op::kConstNum, impl_->InternNumber(value)); }
ExprId Builder::Text(std::string_view value) { return impl_->Make(Op::kConstStr, impl_->InternText(value)); }

ExprId Builder::Slot(SlotId slot, Range range) { return impl_->SlotOrElement(slot, LoopId(), range); }
ExprId Builder::Element(SlotId slot, LoopId loop, Range range) {
  WRIT_CHECK(loop.valid());
  return impl_->SlotOrElement(slot, loop, range);
}

// ---------------------------------------------------------------- truth

ExprId Builder::Not(ExprId a) {
  if (impl_->Is(a, Op::kConstBool)) return Bool(impl_->ExprAt(a).a == 0);
  if (impl_->Is(a, Op::kNot)) return ExprId(impl_->ExprAt(a).a);
  return impl_->Make(Op::kNot, a.value);
}

ExprId Builder::And(ExprId a, ExprId b) {
  WRIT_CHECK(impl_->TypeOf(a) == ValueType::kBool && impl_->TypeOf(b) == ValueType::kBool);
  if (impl_->IsConstBool(a, true) || a == b) return b;
  if (impl_->IsConstBool(b, true)) return a;
  if (impl_->IsConstBool(a, false) || impl_->IsConstBool(b, false)) return Bool(false);
  if (impl_->IsNotOf(a, b) || impl_->IsNotOf(b, a)) return Bool(false);
  return impl_->MakeSymmetric(Op::kAnd, a, b);
}

ExprId Builder::Or(ExprId a, ExprId b) {
  WRIT_CHECK(impl_->TypeOf(a) == ValueType::kBool && impl_->TypeOf(b) == ValueType::kBool);
  if (impl_->IsConstBool(a, false) || a == b) return b;
  if (impl_->IsConstBool(b, false)) return a;
  if (impl_->IsConstBool(a, true) || impl_->IsConstBool(b, true)) return Bool(true);
  if (impl_->IsNotOf(a, b) || impl_->IsNotOf(b, a)) return Bool(true);
  return impl_->MakeSymmetric(Op::kOr, a, b);
}

ExprId Builder::EqBool(ExprId a, ExprId b) {
  WRIT_CHECK(impl_->TypeOf(a) == ValueType::kBool && impl_->TypeOf(b) == ValueType::kBool);
  if (a == b) return Bool(true);
  if (impl_->Is(a, Op::kConstBool)) return impl_->ExprAt(a).a != 0 ? b : Not(b);
  if (impl_->Is(b, Op::kConstBool)) return impl_->ExprAt(b).a != 0 ? a : Not(a);
  if (impl_->IsNotOf(a, b) || impl_->IsNotOf(b, a)) return Bool(false);
  return impl_->MakeSymmetric(Op::kEqBool, a, b);
}

// ---------------------------------------------------------------- numbers

bool Builder::FitsAdd(ExprId a, ExprId b) const {
  return ResultRange(Op::kAdd, {{range(a), range(b), {}}, 0, 0}).has_value();
}
bool Builder::FitsSub(ExprId a, ExprId b) const {
  return ResultRange(Op::kSub, {{range(a), range(b), {}}, 0, 0}).has_value();
}
bool Builder::FitsMul(ExprId a, ExprId b) const {
  return ResultRange(Op::kMul, {{range(a), range(b), {}}, 0, 0}).has_value();
}
bool Builder::FitsSum(LoopId loop, ExprId value) const {
  return ResultRange(Op::kSum, {{{}, {}, range(value)}, 0, impl_->CapacityOf(loop)}).has_value();
}

ExprId Builder::Add(ExprId a, ExprId b) {
  WRIT_CHECK(FitsAdd(a, b));
  if (impl_->IsConstNum(a) && impl_->IsConstNum(b)) return Number(impl_->NumOf(a) + impl_->NumOf(b));
  if (impl_->IsConstNum(a, 0)) return b;
  if (impl_->IsConstNum(b, 0)) return a;
  return impl_->MakeSymmetric(Op::kAdd, a, b);
}

ExprId Builder::Sub(ExprId a, ExprId b) {
  WRIT_CHECK(FitsSub(a, b));
  if (impl_->IsConstNum(a) && impl_->IsConstNum(b)) return Number(impl_->NumOf(a) - impl_->NumOf(b));
  if (impl_->IsConstNum(b, 0)) return a;
  WRIT_CHECK(impl_->TypeOf(a) == ValueType::kNum);
  if (a == b) return Number(0);
  return impl_->Make(Op::kSub, a, b);
}

ExprId Builder::Mul(ExprId a, ExprId b) {
  WRIT_CHECK(FitsMul(a, b));
  if (impl_->IsConstNum(a) && impl_->IsConstNum(b)) return Number(impl_->NumOf(a) * impl_->NumOf(b));
  if (impl_->IsConstNum(a, 0) || impl_->IsConstNum(b, 0)) return Number(0);
  if (impl_->IsConstNum(a, 1)) return b;
  if (impl_->IsConstNum(b, 1)) return a;
  return impl_->MakeSymmetric(Op::kMul, a, b);
}

ExprId Builder::Neg(ExprId a) {
  if (impl_->IsConstNum(a)) return Number(-impl_->NumOf(a));
  if (impl_->Is(a, Op::kNeg)) return ExprId(impl_->ExprAt(a).a);
  return impl_->Make(Op::kNeg, a.value);
}

ExprId Builder::Round(Rounding rounding, ExprId a, Num divisor) {
  WRIT_CHECK(divisor >= 1 && impl_->TypeOf(a) == ValueType::kNum);
  if (divisor == 1) return a;
  const Op op = RoundOp(rounding);
  if (impl_->IsConstNum(a)) return Number(RoundQuotient(op, impl_->NumOf(a), divisor));
  return impl_->Make(op, a.value, impl_->InternNumber(divisor));
}

ExprId Builder::EqNum(ExprId a, ExprId b) {
  WRIT_CHECK(impl_->TypeOf(a) == ValueType::kNum && impl_->TypeOf(b) == ValueType::kNum);
  if (a == b) return Bool(true);
  if (impl_->IsConstNum(a) && impl_->IsConstNum(b)) return Bool(false);
  return impl_->MakeSymmetric(Op::kEqNum, a, b);
}

ExprId Builder::LtNum(ExprId a, ExprId b) {
  WRIT_CHECK(impl_->TypeOf(a) == ValueType::kNum && impl_->TypeOf(b) == ValueType::kNum);
  if (a == b) return Bool(false);
  if (impl_->IsConstNum(a) && impl_->IsConstNum(b)) return Bool(impl_->NumOf(a) < impl_->NumOf(b));
  return impl_->Make(Op::kLtNum, a, b);
}

ExprId Builder::LeNum(ExprId a, ExprId b) {
  WRIT_CHECK(impl_->TypeOf(a) == ValueType::kNum && impl_->TypeOf(b) == ValueType::kNum);
  if (a == b) return Bool(true);
  if (impl_->IsConstNum(a) && impl_->IsConstNum(b)) return Bool(impl_->NumOf(a) < impl_->NumOf(b));
  return impl_->Make(Op::kLeNum, a, b);
}

ExprId Builder::EqStr(ExprId a, ExprId b) {
  WRIT_CHECK(impl_->TypeOf(a) == ValueType::kStr && impl_->TypeOf(b) == ValueType::kStr);
  if (a == b) return Bool(true);
  if (impl_->Is(a, Op::kConstStr) && impl_->Is(b, Op::kConstStr)) return Bool(false);
  return impl_->MakeSymmetric(Op::kEqStr, a, b);
}

ExprId Builder::HasBit(ExprId set, ExprId bit) {
  if (impl_->IsConstNum(set) && impl_->IsConstNum(bit)) return Bool(ir::HasBit(impl_->NumOf(set), impl_->NumOf(bit)));
  if (impl_->IsConstNum(set, 0)) return Bool(false);
  return impl_->Make(Op::kHasBit, set, bit);
}

ExprId Builder::PopCount(ExprId set) {
  if (impl_->IsConstNum(set)) return Number(ir::PopCount(impl_->NumOf(set)));
  return impl_->Make(Op::kPopCount, set.value);
}

// ---------------------------------------------------------------- tables

ExprId Builder::StepNum(ExprId a, const StepTable& table) {
  WRIT_CHECK(impl_->TypeOf(a) == ValueType::kNum && !table.steps.empty());
  if (impl_->IsConstNum(a)) return Number(StepValue(table, impl_->NumOf(a)));
  const Range values = RangeOf(table);
  if (values.low == values.high) return Number(values.low);
  return impl_->Make(Op::kStepNum, a.value, Impl::InternTable(&impl_->program->steps, table));
}

ExprId Builder::MatchStr(ExprId a, const Automaton& automaton) {
  WRIT_CHECK(impl_->TypeOf(a) == ValueType::kStr);
  if (impl_->Is(a, Op::kConstStr)) return Bool(Matches(automaton, impl_->TextOf(a)));
  return impl_->Make(Op::kMatchStr, a.value, Impl::InternTable(&impl_->program->automata, automaton));
}

// ---------------------------------------------------------------- choice

ExprId Builder::Select(ExprId condition, ExprId then, ExprId otherwise) {
  WRIT_CHECK(impl_->TypeOf(condition) == ValueType::kBool && impl_->TypeOf(then) == impl_->TypeOf(otherwise));
  if (then == otherwise || impl_->IsConstBool(condition, true)) return then;
  if (impl_->IsConstBool(condition, false)) return otherwise;
  if (impl_->Is(condition, Op::kNot)) return Select(ExprId(impl_->ExprAt(condition).a), otherwise, then);
  switch (impl_->TypeOf(then)) {
    case ValueType::kBool:
      if (impl_->Is(then, Op::kConstBool)) {
        return impl_->ExprAt(then).a != 0 ? Or(condition, otherwise) : And(Not(condition), otherwise);
      }
      if (impl_->Is(otherwise, Op::kConstBool)) {
        return impl_->ExprAt(otherwise).a != 0 ? Or(Not(condition), then) : And(condition, then);
      }
      return impl_->Make(Op::kSelectBool, condition.value, then.value, otherwise.value);
    case ValueType::kNum: return impl_->Make(Op::kSelectNum, condition.value, then.value, otherwise.value);
    case ValueType::kStr: return impl_->Make(Op::kSelectStr, condition.value, then.value, otherwise.value);
    case ValueType::kVoid: break;
  }
  WRIT_CHECK(false);
}

// ---------------------------------------------------------------- loops

LoopId Builder::OpenLoop(ListId list, LoopId parent) {
  const FrameLayout& frame = impl_->function->frame;
  WRIT_CHECK(list.value < frame.lists.size());
  const ListId outer = frame.lists[list.value].parent;
  if (outer.valid()) WRIT_CHECK(parent.valid() && impl_->LoopAt(parent).list == outer);
  const uint32_t depth = parent.valid() ? impl_->LoopAt(parent).depth + 1 : 0;
  impl_->loops.push_back({list, parent, depth});
  return LoopId(impl_->loops.size() - 1);
}

ExprId Builder::Index(LoopId loop) { return impl_->Make(Op::kLoopIndex, loop.value); }

ExprId Builder::Any(LoopId loop, ExprId body) {
  if (impl_->IsConstBool(body, false)) return body;
  return impl_->Make(Op::kAny, loop.value, body.value);
}

ExprId Builder::All(LoopId loop, ExprId body) {
  if (impl_->IsConstBool(body, true)) return body;
  return impl_->Make(Op::kAll, loop.value, body.value);
}

ExprId Builder::Count(LoopId loop, ExprId condition) {
  if (impl_->IsConstBool(condition, false)) return Number(0);
  return impl_->Make(Op::kCount, loop.value, condition.value);
}

ExprId Builder::Sum(LoopId loop, ExprId condition, ExprId value) {
  if (impl_->IsConstBool(condition, false) || impl_->IsConstNum(value, 0)) return Number(0);
  return impl_->Make(Op::kSum, loop.value, condition.value, value.value);
}

ExprId Builder::Min(LoopId loop, ExprId condition, ExprId value) {
  if (impl_->IsConstBool(condition, false) || impl_->IsConstNum(value, 0)) return Number(0);
  return impl_->Make(Op::kMin, loop.value, condition.value, value.value);
}

ExprId Builder::Max(LoopId loop, ExprId condition, ExprId value) {
  if (impl_->IsConstBool(condition, false) || impl_->IsConstNum(value, 0)) return Number(0);
  return impl_->Make(Op::kMax, loop.value, condition.value, value.value);
}

ExprId Builder::First(LoopId loop, ExprId condition, ExprId value) {
  const bool never = impl_->IsConstBool(condition, false);
  switch (impl_->TypeOf(value)) {
    case ValueType::kBool:
      return never ? Bool(false) : impl_->Make(Op::kFirstBool, loop.value, condition.value, value.value);
    case ValueType::kNum:
      return never ? Number(0) : impl_->Make(Op::kFirstNum, loop.value, condition.value, value.value);
    case ValueType::kStr:
      return never ? Text("") : impl_->Make(Op::kFirstStr, loop.value, condition.value, value.value);
    case ValueType::kVoid: break;
  }
  WRIT_CHECK(false);
}

// ---------------------------------------------------------------- scheduling

namespace {

// One pass from the roots finds what is reachable, in which order, and what each loop needs from outside. The second
// emits: depth first, a loop whole and only after all that it needs from the regions around it. Both keep their own
// stack, since an expression may be deeper than the machine's.
class Scheduler {
 public:
  Scheduler(const std::vector<Node>& nodes, const std::vector<OpenedLoop>& loops, Code* code)
      : nodes_(nodes), loops_(loops), code_(code), reached_(nodes.size()), state_(nodes.size(), kFresh),
        final_(nodes.size()), reductions_(loops.size()), outside_(loops.size()), loop_state_(loops.size(), kFresh),
        final_loop_(loops.size()) {}

  void Reach(ExprId root) {
    WRIT_CHECK(root.value < nodes_.size() && !nodes_[root.value].region.valid());
    stack_.push_back({kVisit, root.value});
    while (!stack_.empty()) {
      const Task task = stack_.back();
      stack_.pop_back();
      if (task.kind == kLeave) {
        Note(task.id);
      } else if (!reached_[task.id]) {
        reached_[task.id] = true;
        stack_.push_back({kLeave, task.id});
        PushOperands(task.id);
      }
    }
  }

  void Emit(ExprId root) {
    stack_.push_back({kVisit, root.value});
    while (!stack_.empty()) {
      const Task task = stack_.back();
      stack_.pop_back();
      switch (task.kind) {
        case kVisit: Visit(task.id); break;
        case kReduce: Open(task.id); break;
        case kLeave: Leave(task.id); break;
        case kEnterLoop: EnterLoop(task.id); break;
        case kBeginLoop: BeginLoop(task.id); break;
        case kEndLoop: EndLoop(task.id); break;
      }
    }
  }

  ExprId Final(ExprId provisional) const { return final_[provisional.value]; }
  std::vector<ExprId> TakeFinals() { return std::move(final_); }

 private:
  enum State : uint8_t { kFresh, kOpen, kDone };
  enum TaskKind : uint8_t { kVisit, kReduce, kLeave, kEnterLoop, kBeginLoop, kEndLoop };
  struct Task {
    TaskKind kind;
    uint32_t id;  // of a node, or of a loop
  };

  void PushOperands(uint32_t id) {
    const Expr& e = nodes_[id].expr;
    for (int k = 2; k >= 0; --k) {
      if (IsExprOperand(InfoOf(e.op).operands[k])) stack_.push_back({kVisit, OperandAt(e, k)});
    }
  }

  // Every loop between a node and an operand from further out needs that operand before it begins.
  void Note(uint32_t id) {
    const Node& node = nodes_[id];
    const bool reduction = IsReduction(node.expr.op);
    if (reduction) reductions_[node.expr.a].push_back(id);
    const LoopId place = reduction ? LoopId(node.expr.a) : node.region;
    for (int k = 0; k < 3; ++k) {
      if (!IsExprOperand(InfoOf(node.expr.op).operands[k])) continue;
      const uint32_t operand = OperandAt(node.expr, k);
      const LoopId home = nodes_[operand].region;
      for (LoopId l = place; l != home; l = loops_[l.value].parent) outside_[l.value].push_back(operand);
    }
  }

  void Visit(uint32_t id) {
    if (state_[id] == kDone) return;
    const Expr& e = nodes_[id].expr;
    if (IsReduction(e.op)) {
      stack_.push_back({kEnterLoop, e.a});
    } else {
      Open(id);
    }
  }

  void Open(uint32_t id) {
    WRIT_CHECK(state_[id] == kFresh);
    state_[id] = kOpen;
    stack_.push_back({kLeave, id});
    PushOperands(id);
  }

  void Leave(uint32_t id) {
    const Node& node = nodes_[id];
    WRIT_CHECK((IsReduction(node.expr.op) ? LoopId(node.expr.a) : node.region) == current_);
    Expr e = node.expr;
    uint32_t* const operands[3] = {&e.a, &e.b, &e.c};
    for (int k = 0; k < 3; ++k) {
      const Operand kind = InfoOf(e.op).operands[k];
      if (IsExprOperand(kind)) {
        *operands[k] = final_[*operands[k]].value;
        WRIT_CHECK(*operands[k] < code_->exprs.size());
      } else if (kind == Operand::kLoop) {
        *operands[k] = final_loop_[*operands[k]].value;
      }
    }
    final_[id] = Append(e, node.range);
    state_[id] = kDone;
  }

  ExprId Append(const Expr& e, Range range) {
    code_->exprs.push_back(e);
    code_->ranges.push_back(range);
    return ExprId(code_->exprs.size() - 1);
  }

  // An open loop here means that one of its reductions depends on another.
  void EnterLoop(uint32_t loop) {
    WRIT_CHECK(loop_state_[loop] == kFresh);
    loop_state_[loop] = kOpen;
    stack_.push_back({kBeginLoop, loop});
    for (auto it = outside_[loop].rbegin(); it != outside_[loop].rend(); ++it) stack_.push_back({kVisit, *it});
  }

  void BeginLoop(uint32_t loop) {
    WRIT_CHECK(loops_[loop].parent == current_);
    final_loop_[loop] = LoopId(code_->loops.size());
    const LoopId outer = current_.valid() ? final_loop_[current_.value] : LoopId();
    const ExprId begin = Append({Op::kLoopBegin, ValueType::kVoid, 0, final_loop_[loop].value, 0, 0}, {});
    code_->loops.push_back({loops_[loop].list, outer, begin.value, 0});
    current_ = LoopId(loop);
    stack_.push_back({kEndLoop, loop});
    for (auto it = reductions_[loop].rbegin(); it != reductions_[loop].rend(); ++it) stack_.push_back({kReduce, *it});
  }

  void EndLoop(uint32_t loop) {
    const LoopId final_loop = final_loop_[loop];
    code_->loops[final_loop.value].end = Append({Op::kLoopEnd, ValueType::kVoid, 0, final_loop.value, 0, 0}, {}).value;
    current_ = loops_[loop].parent;
    loop_state_[loop] = kDone;
  }

  const std::vector<Node>& nodes_;
  const std::vector<OpenedLoop>& loops_;
  Code* const code_;
  std::vector<Task> stack_;
  std::vector<bool> reached_;
  std::vector<State> state_;
  std::vector<ExprId> final_;
  std::vector<std::vector<uint32_t>> reductions_;  // of each loop: the reachable ones, in the order of the first pass
  std::vector<std::vector<uint32_t>> outside_;     // of each loop: what its inside uses of the regions around it
  std::vector<State> loop_state_;
  std::vector<LoopId> final_loop_;
  LoopId current_;                                 // provisional; the loop whose body is being emitted
};

}  // namespace

std::vector<ExprId> Builder::Finish(std::vector<Guard> restraints, std::vector<Guard> allows,
                                    std::vector<ExprId> outputs, Code* code) {
  *code = Code();
  std::vector<ExprId*> roots;
  for (std::vector<Guard>* guards : {&restraints, &allows}) {
    for (Guard& guard : *guards) {
      WRIT_CHECK(impl_->TypeOf(guard.applies) == ValueType::kBool && impl_->TypeOf(guard.fails) == ValueType::kBool);
      roots.push_back(&guard.applies);
      roots.push_back(&guard.fails);
    }
  }
  for (ExprId& output : outputs) roots.push_back(&output);

  Scheduler scheduler(impl_->nodes, impl_->loops, code);
  for (const ExprId* root : roots) scheduler.Reach(*root);
  for (ExprId* root : roots) scheduler.Emit(*root);
  for (ExprId* root : roots) *root = scheduler.Final(*root);
  code->restraints = std::move(restraints);
  code->allows = std::move(allows);
  code->outputs = std::move(outputs);
  return scheduler.TakeFinals();
}

}  // namespace writ::ir
