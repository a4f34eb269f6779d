#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "compiler/ir/arithmetic.h"
#include "compiler/ir/ir.h"
#include "compiler/ir/verify_schema.h"

namespace writ::ir {
namespace {

class CodeVerifier {
 public:
  CodeVerifier(const Program& program, const Function& function, const Code& code, Faults* faults)
      : program_(program), function_(function), code_(code), faults_(*faults) {}

  void Run() {
    if (!Require(code_.ranges.size() == code_.exprs.size(), "has not one range for each expression")) return;
    if (!Require(code_.exprs.size() < UINT32_MAX, "is too long")) return;
    if (!CheckLoops()) return;
    for (at_ = 0; at_ < code_.exprs.size(); ++at_) {
      if (!CheckExpr(code_.exprs[at_])) return;  // what follows would only repeat it
    }
    Require(!current_.valid() && next_loop_ == code_.loops.size(), "a loop does not end");
    CheckRoots();
  }

 private:
  template <class... Parts>
  bool Require(bool holds, const Parts&... parts) {
    return faults_.Require(holds, function_.name, ": ", parts...);
  }
  template <class... Parts>
  bool RequireHere(bool holds, const Parts&... parts) {
    return Require(holds, "%", at_, " ", parts...);
  }

  bool CheckLoops() {
    const std::vector<FrameList>& lists = function_.frame.lists;
    for (size_t i = 0; i < code_.loops.size(); ++i) {
      const Loop& loop = code_.loops[i];
      if (!Require(loop.list.value < lists.size(), "loop ", i, " is over no list")) return false;
      const bool ordered = !loop.parent.valid() || loop.parent.value < i;
      if (!Require(ordered, "loop ", i, " stands before its parent")) return false;
      const ListId outer = lists[loop.list.value].parent;
      const bool nested = !outer.valid() || (loop.parent.valid() && code_.loops[loop.parent.value].list == outer);
      if (!Require(nested, "loop ", i, " is over an element's list, but not in a loop over that element")) return false;
    }
    return true;
  }

  bool IsAround(LoopId outer, LoopId inner) const {
    while (outer.valid() && inner.valid() && inner.value > outer.value) inner = code_.loops[inner.value].parent;
    return !outer.valid() || inner == outer;
  }

  bool CheckExpr(const Expr& e) {
    if (!RequireHere(static_cast<int>(e.op) < kOpCount, "has an unknown op")) return false;
    const OpInfo& info = InfoOf(e.op);
    if (!RequireHere(e.type == info.result && e.reserved == 0, "has a wrong type")) return false;
    for (int k = 0; k < 3; ++k) {
      if (!CheckOperand(info.operands[k], OperandAt(e, k))) return false;
    }
    if (!CheckPlace(e)) return false;
    Enter(e);
    return CheckRange(e);
  }

  bool CheckOperand(Operand kind, uint32_t operand) {
    switch (kind) {
      case Operand::kNone: return RequireHere(operand == 0, "has too many operands");
      case Operand::kBool: return CheckValue(operand, ValueType::kBool);
      case Operand::kNum: return CheckValue(operand, ValueType::kNum);
      case Operand::kStr: return CheckValue(operand, ValueType::kStr);
      case Operand::kSlot: return RequireHere(operand < function_.frame.slots.size(), "reads no slot");
      case Operand::kConst: return RequireHere(operand < program_.numbers.size(), "names no number");
      case Operand::kText: return RequireHere(operand < program_.strings.size(), "names no string");
      case Operand::kFlag: return RequireHere(operand <= 1, "has a flag that is neither 0 nor 1");
      case Operand::kLoop: return RequireHere(operand < code_.loops.size(), "names no loop");
      case Operand::kSteps: return RequireHere(operand < program_.steps.size(), "names no table of steps");
      case Operand::kAutomaton: return RequireHere(operand < program_.automata.size(), "names no automaton");
    }
    return false;
  }

  bool CheckValue(uint32_t operand, ValueType type) {
    return RequireHere(operand < at_, "uses %", operand, " before it is computed") &&
           RequireHere(code_.exprs[operand].type == type, "uses %", operand, ", which has another type") &&
           RequireHere(IsAround(regions_[operand], current_), "uses %", operand, " outside of its loop");
  }

  bool CheckPlace(const Expr& e) {
    if (e.op == Op::kLoopBegin) return CheckBegin(LoopId(e.a));
    if (e.op == Op::kLoopEnd) {
      return RequireHere(current_ == LoopId(e.a) && code_.loops[e.a].end == at_, "ends a loop that is not open");
    }
    if (e.op == Op::kLoopIndex) return RequireHere(InLoop(LoopId(e.a)), "stands outside of its loop");
    if (IsReduction(e.op)) return RequireHere(current_ == LoopId(e.a), "reduces a loop from outside of it");
    if (e.op == Op::kRoundDown || e.op == Op::kRoundUp || e.op == Op::kRoundHalfEven) {
      return RequireHere(program_.numbers[e.b] >= 1, "divides by no positive number");
    }
    if (IsSlot(e.op)) return CheckSlot(e, ListId());
    if (!IsElement(e.op)) return true;
    return RequireHere(InLoop(LoopId(e.b)), "stands outside of its loop") && CheckSlot(e, code_.loops[e.b].list);
  }

  // Whether the loop is open here.
  bool InLoop(LoopId loop) const { return IsAround(loop, current_); }

  bool CheckBegin(LoopId loop) {
    return RequireHere(loop.value == next_loop_, "begins a loop out of order") &&
           RequireHere(code_.loops[loop.value].parent == current_, "begins a loop in another than its parent") &&
           RequireHere(code_.loops[loop.value].begin == at_, "is not where its loop is said to begin") &&
           RequireHere(code_.loops[loop.value].end > at_ && code_.loops[loop.value].end < code_.exprs.size(),
                       "begins a loop whose end lies outside");
  }

  bool CheckSlot(const Expr& e, ListId list) {
    const Slot& slot = function_.frame.slots[e.a];
    ValueType type = ValueType::kNum;
    if (slot.kind == SlotKind::kBool) type = ValueType::kBool;
    if (slot.kind == SlotKind::kString) type = ValueType::kStr;
    return RequireHere(slot.list == list, "reads a slot of another list") &&
           RequireHere(type == e.type, "reads a slot of another kind");
  }

  // Notes where the value of the expression can be used, and moves into or out of a loop.
  void Enter(const Expr& e) {
    if (e.op == Op::kLoopBegin) {
      current_ = LoopId(e.a);
      ++next_loop_;
    }
    if (e.op == Op::kLoopEnd) current_ = code_.loops[e.a].parent;
    // A reduction is complete after its loop: inside, nothing may use it. Its value is void until then.
    regions_.push_back(IsReduction(e.op) ? kNowhere : current_);
    if (e.op != Op::kLoopEnd) return;
    for (uint32_t i = code_.loops[e.a].begin; i < at_; ++i) {
      if (IsReduction(code_.exprs[i].op) && code_.exprs[i].a == e.a) regions_[i] = current_;
    }
  }

  bool CheckRange(const Expr& e) {
    const Range& range = code_.ranges[at_];
    if (e.type != ValueType::kNum) return RequireHere(range == Range{}, "has a range, but is no number");
    const bool sound = range.low <= range.high && range.low >= kNumMin && range.high <= kNumMax;
    if (!RequireHere(sound, "has no range")) return false;
    if (e.op == Op::kSlotNum || e.op == Op::kElemNum) {
      return RequireHere(function_.frame.slots[e.a].kind == SlotKind::kI128 || range.FitsInt64(),
                         "has a range wider than its slot");
    }
    const OpInfo& info = InfoOf(e.op);
    RangeInputs in;
    for (int k = 0; k < 3; ++k) {
      const uint32_t operand = OperandAt(e, k);
      if (info.operands[k] == Operand::kNum) in.operands[k] = code_.ranges[operand];
      if (info.operands[k] == Operand::kConst) in.constant = program_.numbers[operand];
      if (info.operands[k] == Operand::kLoop) in.capacity = CapacityOf(operand);
      if (info.operands[k] == Operand::kSteps) in.steps = &program_.steps[operand];
    }
    const std::optional<Range> expected = ResultRange(e.op, in);
    return RequireHere(expected.has_value(), "can leave 128 bits") &&
           RequireHere(*expected == range, "has another range than its operands give");
  }

  uint32_t CapacityOf(uint32_t loop) const { return function_.frame.lists[code_.loops[loop].list.value].capacity; }

  bool CheckRoot(ExprId root, ValueType type) {
    return Require(root.value < code_.exprs.size(), "a root is no expression") &&
           Require(code_.exprs[root.value].type == type, "root %", root.value, " has another type") &&
           Require(!regions_[root.value].valid(), "root %", root.value, " stands in a loop");
  }

  void CheckRoots() {
    Require(code_.restraints.size() == function_.restraints.size(), "has not one guard for each restraint");
    Require(code_.allows.size() == function_.allows.size(), "has not one guard for each allow");
    for (const std::vector<Guard>* guards : {&code_.restraints, &code_.allows}) {
      for (const Guard& guard : *guards) {
        CheckRoot(guard.applies, ValueType::kBool);
        CheckRoot(guard.fails, ValueType::kBool);
      }
    }
    if (!Require(code_.outputs.size() == function_.outputs.size(), "has not one root for each output")) return;
    for (size_t i = 0; i < code_.outputs.size(); ++i) CheckOutput(i);
  }

  void CheckOutput(size_t index) {
    const SlotKind kind = function_.outputs[index].kind;
    ValueType type = ValueType::kNum;
    if (kind == SlotKind::kBool) type = ValueType::kBool;
    if (kind == SlotKind::kString) type = ValueType::kStr;
    CheckRoot(code_.outputs[index], type);
  }

  static constexpr LoopId kNowhere{0xFFFFFFFEu};  // a loop that nothing is in

  const Program& program_;
  const Function& function_;
  const Code& code_;
  Faults& faults_;
  std::vector<LoopId> regions_;  // where each value so far can be used
  LoopId current_;
  uint32_t next_loop_ = 0;
  uint32_t at_ = 0;
};

bool IsSound(const StepTable& table) {
  const std::vector<Step>& steps = table.steps;
  const auto descends = [](const Step& a, const Step& b) { return a.from >= b.from; };
  return !steps.empty() && steps.size() <= limits::kStepsMax &&
         std::adjacent_find(steps.begin(), steps.end(), descends) == steps.end();
}

bool IsSound(const Automaton& a) {
  const auto all_below = [](const auto& numbers, size_t bound) {
    return std::all_of(numbers.begin(), numbers.end(), [bound](auto number) { return number < bound; });
  };
  const size_t states = a.accepts.size();
  return a.class_of.size() == 256 && a.class_count >= 1 && a.class_count <= 256 && states >= 1 &&
         states <= limits::kPatternStatesMax && a.next.size() == states * a.class_count &&
         all_below(a.class_of, a.class_count) && all_below(a.next, states) && all_below(a.accepts, 2);
}

template <class T>
void VerifyTables(const std::vector<T>& pool, const char* what, Faults* faults) {
  for (size_t i = 0; i < pool.size(); ++i) {
    faults->Require(IsSound(pool[i]), what, " ", i, " is malformed");
    faults->Require(std::find(pool.begin(), pool.begin() + static_cast<ptrdiff_t>(i), pool[i]) ==
                        pool.begin() + static_cast<ptrdiff_t>(i),
                    what, " ", i, " is in the pool twice");
  }
}

void VerifyPools(const Program& program, Faults* faults) {
  VerifyTables(program.steps, "the table of steps", faults);
  VerifyTables(program.automata, "the automaton", faults);
  absl::flat_hash_set<std::pair<uint64_t, uint64_t>> numbers;
  for (const Num n : program.numbers) {
    faults->Require(numbers.emplace(static_cast<uint64_t>(n), static_cast<uint64_t>(n >> 64)).second, "the number ",
                    NumToText(n), " is in the pool twice");
  }
  absl::flat_hash_set<std::string_view> strings;
  for (const std::string& s : program.strings) {
    faults->Require(strings.insert(s).second, "a string is in the pool twice");
  }
}

}  // namespace

std::vector<std::string> Verify(const Program& program) {
  Faults faults;
  VerifySchema(program.schema, &faults);
  VerifyPools(program, &faults);
  const std::vector<Function>& functions = program.schema.functions;
  faults.Require(program.code.size() == functions.size(), "there is not one code for each function");
  if (!faults.empty()) return faults.Take();  // code is checked against sound tables only
  for (size_t i = 0; i < functions.size(); ++i) CodeVerifier(program, functions[i], program.code[i], &faults).Run();
  return faults.Take();
}

}  // namespace writ::ir
