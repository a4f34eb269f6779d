// One forward loop over the code, one short handler for each row of ops.def. LoopEnd jumps back; nothing else does.
#include "compiler/eval/interpreter.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "compiler/eval/planted_faults.h"
#include "compiler/ir/arithmetic.h"
#include "runtime/builtins/check.h"

namespace writ::eval {
namespace {

using ir::Expr;
using ir::ExprId;
using ir::Op;

const int64_t* ElementOf(const FrameList& list, const int64_t* base, int64_t index) {
  return base + list.offset + 1 + index * list.stride;
}

Num WideAt(const int64_t* words) {
  const unsigned __int128 high = static_cast<unsigned __int128>(static_cast<uint64_t>(words[1])) << 64;
  return static_cast<Num>(high | static_cast<uint64_t>(words[0]));
}

std::string_view TextAt(const int64_t* words) {
  return {reinterpret_cast<const char*>(static_cast<intptr_t>(words[0])), static_cast<size_t>(words[1])};
}

class Machine {
 public:
  void Run(const ir::Program& program, FunctionId function, const int64_t* frame);

  const std::vector<Value>& values() const { return values_; }
  std::vector<Value> TakeValues() { return std::move(values_); }
  const Value& At(ExprId id) const { return values_[id.value]; }

 private:
  struct Iteration {
    const int64_t* base = nullptr;  // what the list's offset counts from
    int64_t index = 0, length = 0;
  };
  using Handler = void (Machine::*)(const Expr& e, Value* out);

  bool Bool(uint32_t id) const { return values_[id].boolean; }
  Num Number(uint32_t id) const { return values_[id].number; }
  std::string_view Text(uint32_t id) const { return values_[id].text; }

  const int64_t* SlotWords(uint32_t slot) const { return frame_ + layout_->slots[slot].offset; }
  const FrameList& ListOf(uint32_t loop) const { return layout_->lists[code_->loops[loop].list.value]; }
  const int64_t* CurrentElement(uint32_t loop) const {
    return ElementOf(ListOf(loop), iterations_[loop].base, iterations_[loop].index);
  }
  const int64_t* ElementWords(const Expr& e) const { return CurrentElement(e.b) + layout_->slots[e.a].offset; }
  Num NumberAt(uint32_t slot, const int64_t* words) const {
    return layout_->slots[slot].kind == SlotKind::kI128 ? WideAt(words) : Num{*words};
  }

  void ConstBool(const Expr& e, Value* out) { out->boolean = e.a != 0; }
  void ConstNum(const Expr& e, Value* out) { out->number = program_->numbers[e.a]; }
  void ConstStr(const Expr& e, Value* out) { out->text = program_->strings[e.a]; }

  void SlotBool(const Expr& e, Value* out) { out->boolean = *SlotWords(e.a) != 0; }
  void SlotNum(const Expr& e, Value* out) { out->number = NumberAt(e.a, SlotWords(e.a)); }
  void SlotStr(const Expr& e, Value* out) { out->text = TextAt(SlotWords(e.a)); }
  void ElemBool(const Expr& e, Value* out) { out->boolean = *ElementWords(e) != 0; }
  void ElemNum(const Expr& e, Value* out) { out->number = NumberAt(e.a, ElementWords(e)); }
  void ElemStr(const Expr& e, Value* out) { out->text = TextAt(ElementWords(e)); }

  void Not(const Expr& e, Value* out) { out->boolean = !Bool(e.a); }
  void And(const Expr& e, Value* out) { out->boolean = Bool(e.a) && Bool(e.b); }
  void Or(const Expr& e, Value* out) { out->boolean = Bool(e.a) || Bool(e.b); }
  void EqBool(const Expr& e, Value* out) { out->boolean = Bool(e.a) == Bool(e.b); }

  void Add(const Expr& e, Value* out) { out->number = ir::WrapAdd(Number(e.a), Number(e.b)); }
  void Sub(const Expr& e, Value* out) { out->number = ir::WrapSub(Number(e.a), Number(e.b)); }
  void Mul(const Expr& e, Value* out) { out->number = ir::WrapMul(Number(e.a), Number(e.b)); }
  void Neg(const Expr& e, Value* out) { out->number = ir::WrapNeg(Number(e.a)); }
  void Round(const Expr& e, Value* out) {
    out->number = ir::RoundQuotient(e.op, Number(e.a), program_->numbers[e.b]);
  }
  void RoundDown(const Expr& e, Value* out) { Round(e, out); }
  void RoundUp(const Expr& e, Value* out) { Round(e, out); }
  void RoundHalfEven(const Expr& e, Value* out) {
    Round(e, out);
    if (!Planted(Fault::kHalfUp)) return;
    const Num divisor = program_->numbers[e.b], down = ir::RoundQuotient(Op::kRoundDown, Number(e.a), divisor);
    if ((Number(e.a) - down * divisor) * 2 == divisor) out->number = down + 1;
  }
  void EqNum(const Expr& e, Value* out) { out->boolean = Number(e.a) == Number(e.b); }
  void LtNum(const Expr& e, Value* out) { out->boolean = Number(e.a) < Number(e.b); }
  void LeNum(const Expr& e, Value* out) {
    out->boolean = Planted(Fault::kLeAsLt) ? Number(e.a) < Number(e.b) : Number(e.a) <= Number(e.b);
  }

  void EqStr(const Expr& e, Value* out) { out->boolean = Text(e.a) == Text(e.b); }

  void SelectBool(const Expr& e, Value* out) { out->boolean = Bool(Bool(e.a) ? e.b : e.c); }
  void SelectNum(const Expr& e, Value* out) { out->number = Number(Bool(e.a) ? e.b : e.c); }
  void SelectStr(const Expr& e, Value* out) { out->text = Text(Bool(e.a) ? e.b : e.c); }

  void HasBit(const Expr& e, Value* out) { out->boolean = ir::HasBit(Number(e.a), Number(e.b)); }
  void PopCount(const Expr& e, Value* out) { out->number = ir::PopCount(Number(e.a)); }

  void StepNum(const Expr& e, Value* out) { out->number = ir::StepValue(program_->steps[e.b], Number(e.a)); }
  void MatchStr(const Expr& e, Value* out) { out->boolean = ir::Matches(program_->automata[e.b], Text(e.a)); }

  void LoopBegin(const Expr& e, Value* out);
  void LoopEnd(const Expr& e, Value* out);
  void LoopIndex(const Expr& e, Value* out) { out->number = iterations_[e.a].index; }

  // Reductions: `out` is what the elements so far have made.
  void Any(const Expr& e, Value* out) { out->boolean |= Bool(e.b); }
  void All(const Expr& e, Value* out) { out->boolean &= Bool(e.b); }
  void Count(const Expr& e, Value* out) { out->number += Bool(e.b) ? 1 : 0; }
  void Sum(const Expr& e, Value* out) {
    if (Bool(e.b)) out->number = ir::WrapAdd(out->number, Number(e.c));
  }
  void Min(const Expr& e, Value* out) {
    if (!Bool(e.b)) return;
    const bool takes = IsFirst() && !Planted(Fault::kMinFromZero);
    out->number = takes ? Number(e.c) : std::min(out->number, Number(e.c));
  }
  void Max(const Expr& e, Value* out) {
    if (!Bool(e.b)) return;
    out->number = IsFirst() ? Number(e.c) : std::max(out->number, Number(e.c));
  }
  void FirstBool(const Expr& e, Value* out) {
    if (Bool(e.b) && IsFirst()) out->boolean = Bool(e.c);
  }
  void FirstNum(const Expr& e, Value* out) {
    if (Bool(e.b) && IsFirst()) out->number = Number(e.c);
  }
  void FirstStr(const Expr& e, Value* out) {
    if (Bool(e.b) && IsFirst()) out->text = Text(e.c);
  }

  // Whether the reduction at pc_ has not taken an element yet; from now on it has.
  bool IsFirst() { return !std::exchange(taken_[pc_], true); }

  static const Handler kHandlers[ir::kOpCount];

  const ir::Program* program_ = nullptr;
  const ir::Code* code_ = nullptr;
  const FrameLayout* layout_ = nullptr;
  const int64_t* frame_ = nullptr;
  uint32_t pc_ = 0;
  std::vector<Value> values_;
  std::vector<char> taken_;            // Min, Max, First…: an element has been taken
  std::vector<Iteration> iterations_;  // of each loop
};

const Machine::Handler Machine::kHandlers[ir::kOpCount] = {
#define WRIT_OP(name, result, a, b, c) &Machine::name,
#include "compiler/ir/ops.def"
#undef WRIT_OP
};

void Machine::Run(const ir::Program& program, FunctionId function, const int64_t* frame) {
  program_ = &program;
  code_ = &program.code[function.value];
  layout_ = &program.schema.functions[function.value].frame;
  frame_ = frame;
  values_.assign(code_->exprs.size(), Value());
  taken_.assign(code_->exprs.size(), false);
  iterations_.assign(code_->loops.size(), Iteration());
  for (pc_ = 0; pc_ < code_->exprs.size(); ++pc_) {
    const Expr& e = code_->exprs[pc_];
    (this->*kHandlers[static_cast<size_t>(e.op)])(e, &values_[pc_]);
  }
}

void Machine::LoopBegin(const Expr& e, Value*) {
  const ir::Loop& loop = code_->loops[e.a];
  const FrameList& list = layout_->lists[loop.list.value];
  Iteration& iteration = iterations_[e.a];
  iteration.base = list.parent.valid() ? CurrentElement(loop.parent.value) : frame_;
  iteration.index = 0;
  iteration.length = std::clamp<int64_t>(iteration.base[list.offset], 0, list.capacity);
  for (uint32_t i = loop.begin; i < loop.end; ++i) {
    const Expr& inner = code_->exprs[i];
    if (!ir::IsReduction(inner.op) || inner.a != e.a) continue;
    values_[i] = Value();
    values_[i].boolean = inner.op == Op::kAll;
    taken_[i] = false;
  }
  if (Planted(Fault::kFirstElementSkipped)) iteration.index = 1;
  if (iteration.index >= iteration.length) pc_ = loop.end;
}

void Machine::LoopEnd(const Expr& e, Value*) {
  Iteration& iteration = iterations_[e.a];
  if (++iteration.index < iteration.length) pc_ = code_->loops[e.a].begin;
}

// The interface promises that deciding allocates nothing: a thread's buffers grow once.
Machine& MachineOfThread() {
  thread_local Machine machine;
  return machine;
}

struct GuardBits {
  uint64_t applies[(limits::kRulesPerFunctionMax + 63) / 64] = {};
  uint64_t fails[(limits::kRulesPerFunctionMax + 63) / 64] = {};

  GuardBits(const Machine& machine, const std::vector<ir::Guard>& guards) {
    for (size_t i = 0; i < guards.size(); ++i) {
      applies[i / 64] |= uint64_t{machine.At(guards[i].applies).boolean} << (i % 64);
      fails[i / 64] |= uint64_t{machine.At(guards[i].fails).boolean} << (i % 64);
    }
  }
};

#ifdef WRIT_PLANTED_FAULTS
bool BitAt(const uint64_t* bits, size_t i) { return (bits[i / 64] >> (i % 64) & 1) != 0; }

// Combines as the planted fault says; false where it is none of the combining algorithm.
bool DecideWrongly(const Function& rules, const GuardBits& restraints, const GuardBits& allows, RawDecision* out) {
  if (Planted(Fault::kLastAllowOnly)) {
    GuardBits last = allows;
    bool found = false;
    for (size_t i = rules.allows.size(); i-- > 0;) {
      if (found) last.applies[i / 64] &= ~(uint64_t{1} << (i % 64));
      found |= BitAt(last.applies, i);
    }
    Combine(rules, restraints.applies, restraints.fails, last.applies, last.fails, out);
    return true;
  }
  if (!Planted(Fault::kLaxestWins)) return false;
  Combine(rules, restraints.applies, restraints.fails, allows.applies, allows.fails, out);
  if (out->outcome == Outcome::kPermit) return true;
  static constexpr Outcome kOutcomes[] = {Outcome::kDeny, Outcome::kHold, Outcome::kEscalate};
  for (size_t k = 0; k < out->applied_count; ++k) {
    bool excused = rules.restraints[out->applied[k]].effect == Effect::kUpon;
    for (size_t a = 0; a < out->allow_count; ++a) excused |= BitAt(rules.allows[out->allows[a]].excuses.data(), out->applied[k]);
    if (!excused) out->outcome = kOutcomes[static_cast<size_t>(rules.restraints[out->applied[k]].effect)];
  }
  return true;
}
#endif

void Store(SlotKind kind, const Value& value, int64_t* out) {
  switch (kind) {
    case SlotKind::kBool: out[0] = value.boolean ? 1 : 0; break;
    case SlotKind::kI64:
      WRIT_CHECK(value.number >= INT64_MIN && value.number <= INT64_MAX);
      out[0] = static_cast<int64_t>(value.number);
      break;
    case SlotKind::kI128:
      out[0] = static_cast<int64_t>(value.number);
      out[1] = static_cast<int64_t>(value.number >> 64);
      break;
    case SlotKind::kString:
      out[0] = static_cast<int64_t>(reinterpret_cast<intptr_t>(value.text.data()));
      out[1] = static_cast<int64_t>(value.text.size());
      break;
  }
}

class InterpretedPolicy final : public CompiledPolicy {
 public:
  explicit InterpretedPolicy(ir::Program program)
      : program_(std::move(program)), digest_(ir::Digest(program_)), ir_(ir::Serialize(program_)) {}

  const Schema& schema() const override { return program_.schema; }
  const std::string& digest() const override { return digest_; }
  std::string_view ir() const override { return ir_; }
  void Decide(FunctionId function, const int64_t* frame, RawDecision* out) const override {
    eval::Decide(program_, function, frame, out);
  }
  void Evaluate(FunctionId function, const int64_t* frame, int64_t* out) const override {
    eval::Evaluate(program_, function, frame, out);
  }

 private:
  const ir::Program program_;
  const std::string digest_;
  const std::string ir_;
};

}  // namespace

std::vector<Value> EvaluateAll(const ir::Program& program, FunctionId function, const int64_t* frame) {
  Machine machine;
  machine.Run(program, function, frame);
  return machine.TakeValues();
}

void Decide(const ir::Program& program, FunctionId function, const int64_t* frame, RawDecision* out) {
  Machine& machine = MachineOfThread();
  machine.Run(program, function, frame);
  const ir::Code& code = program.code[function.value];
  const GuardBits restraints(machine, code.restraints);
  const GuardBits allows(machine, code.allows);
  const Function& rules = program.schema.functions[function.value];
#ifdef WRIT_PLANTED_FAULTS
  if (DecideWrongly(rules, restraints, allows, out)) return;
#endif
  Combine(rules, restraints.applies, restraints.fails, allows.applies, allows.fails, out);
}

void Evaluate(const ir::Program& program, FunctionId function, const int64_t* frame, int64_t* out) {
  Machine& machine = MachineOfThread();
  machine.Run(program, function, frame);
  const std::vector<OutputSlot>& outputs = program.schema.functions[function.value].outputs;
  const std::vector<ExprId>& roots = program.code[function.value].outputs;
  for (size_t i = 0; i < outputs.size(); ++i) Store(outputs[i].kind, machine.At(roots[i]), out + outputs[i].offset);
}

std::unique_ptr<CompiledPolicy> MakePolicy(ir::Program program) {
  return std::make_unique<InterpretedPolicy>(std::move(program));
}

}  // namespace writ::eval
