#include "compiler/smt/terms.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/ir/arithmetic.h"
#include "compiler/smt/planted_faults.h"
#include "runtime/builtins/check.h"

namespace writ::smt {

using ir::Expr;
using ir::Op;

namespace {

constexpr uint64_t kTermsMax = 1u << 16;  // expressions after unrolling

// How many expressions the code becomes; kTermsMax + 1 when it is more.
uint64_t UnrolledCount(const ir::Program& program, const ir::Code& code, const FrameLayout& frame) {
  std::vector<uint64_t> copies = {1};
  uint64_t count = 0;
  for (const Expr& e : code.exprs) {
    if (e.op == Op::kLoopEnd) copies.pop_back();
    count += copies.back() * (e.op == Op::kStepNum ? program.steps[e.b].steps.size() : 1);
    if (count > kTermsMax) return kTermsMax + 1;
    if (e.op == Op::kLoopBegin) {
      copies.push_back(std::min(copies.back() * frame.lists[code.loops[e.a].list.value].capacity, kTermsMax + 1));
    }
  }
  return count;
}

#ifdef WRIT_PLANTED_FAULTS
thread_local int planted_fault = 0;
#endif

}  // namespace

#ifdef WRIT_PLANTED_FAULTS
void PlantFault(int number) { planted_fault = number; }
bool Planted(Fault fault) { return planted_fault == static_cast<int>(fault); }
#endif

int64_t StringTable::Intern(std::string_view text) {
  if (Planted(Fault::kStringSizeOnly)) {
    for (size_t i = 0; i < texts_.size(); ++i) {
      if (texts_[i].size() == text.size()) return static_cast<int64_t>(i);
    }
  }
  const auto [at, is_new] = numbers_.try_emplace(text, static_cast<int64_t>(texts_.size()));
  if (is_new) texts_.push_back(text);
  return at->second;
}

const Terms::Handler Terms::kHandlers[ir::kOpCount] = {
#define WRIT_OP(name, result, a, b, c) &Terms::name,
#include "compiler/ir/ops.def"
#undef WRIT_OP
};

Terms::Terms(const ir::Program& program, FunctionId function, const int64_t* frame, z3::solver* solver)
    : program_(program),
      function_(program.schema.functions[function.value]),
      code_(program.code[function.value]),
      frame_(frame),
      solver_(*solver),
      context_(solver->ctx()),
      values_(code_.exprs.size(), context_.bool_val(false)),
      places_(code_.loops.size(), Place{0, true, 0, context_.bool_val(true)}) {}

absl::Status Terms::Encode() {
  if (UnrolledCount(program_, code_, function_.frame) > kTermsMax) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", kTermsMax, " terms in ", function_.name));
  }
  EncodeRange(0, static_cast<uint32_t>(code_.exprs.size()));
  return absl::OkStatus();
}

void Terms::EncodeRange(uint32_t begin, uint32_t end) {
  for (uint32_t i = begin; i < end; ++i) {
    const Expr& e = code_.exprs[i];
    if (e.op == Op::kLoopBegin) {
      EncodeLoop(e.a);
      i = code_.loops[e.a].end;
    } else if (ir::IsReduction(e.op)) {
      Accumulate(i);
    } else {
      at_ = i;
      values_[i] = (this->*kHandlers[static_cast<size_t>(e.op)])(e);
    }
  }
}

// ---- loops: the body once for each element that there can be

Terms::Place Terms::BaseOf(const ir::Loop& loop) const {
  const ListId parent = function_.frame.lists[loop.list.value].parent;
  if (!parent.valid()) return Place{0, true, 0, context_.bool_val(true)};
  ir::LoopId around = loop.parent;
  while (code_.loops[around.value].list != parent) around = code_.loops[around.value].parent;
  return places_[around.value];
}

void Terms::EncodeLoop(uint32_t id) {
  const ir::Loop& loop = code_.loops[id];
  const FrameList& list = function_.frame.lists[loop.list.value];
  const Place base = BaseOf(loop);
  const uint64_t start = base.base + list.offset;
  const int64_t length = base.is_there ? std::clamp<int64_t>(frame_[start], 0, list.capacity) : 0;
  const z3::expr length_term = BindNumber(start, absl::StrCat(length));
  for (uint32_t i = loop.begin + 1; i < loop.end; ++i) {
    if (!ir::IsReduction(code_.exprs[i].op) || code_.exprs[i].a != id) continue;
    accumulators_.insert_or_assign(i, Accumulator{NewAccumulator(code_.exprs[i]), context_.bool_val(false)});
  }
  const int skipped = Planted(Fault::kLastElementSkipped) ? 1 : 0;
  for (uint32_t k = 0; k < list.capacity; ++k) {
    places_[id] = Place{start + 1 + uint64_t{k} * list.stride, k < length, static_cast<int>(k),
                        context_.int_val(static_cast<int>(k) + skipped) < length_term};
    EncodeRange(loop.begin + 1, loop.end);
  }
  for (uint32_t i = loop.begin + 1; i < loop.end; ++i) {
    if (!ir::IsReduction(code_.exprs[i].op) || code_.exprs[i].a != id) continue;
    values_[i] = accumulators_.at(i).value;
  }
}

z3::expr Terms::NewAccumulator(const Expr& e) {
  return e.type == ir::ValueType::kBool ? context_.bool_val(e.op == Op::kAll) : context_.int_val(0);
}

void Terms::Accumulate(uint32_t at) {
  at_ = at;
  const Expr& e = code_.exprs[at];
  const z3::expr value = (this->*kHandlers[static_cast<size_t>(e.op)])(e);
  Accumulator& acc = accumulators_.at(at);
  acc.value = value;
  acc.found = acc.found || (places_[e.a].active && Bool(e.b));
}

z3::expr Terms::Any(const Expr& e) { return accumulators_.at(at_).value || (places_[e.a].active && Bool(e.b)); }
z3::expr Terms::All(const Expr& e) { return accumulators_.at(at_).value && (!places_[e.a].active || Bool(e.b)); }
z3::expr Terms::Count(const Expr& e) {
  return accumulators_.at(at_).value +
         z3::ite(places_[e.a].active && Bool(e.b), context_.int_val(1), context_.int_val(0));
}
z3::expr Terms::Sum(const Expr& e) {
  const z3::expr counts = Planted(Fault::kSumUnconditional) ? places_[e.a].active : places_[e.a].active && Bool(e.b);
  return accumulators_.at(at_).value + z3::ite(counts, Number(e.c), context_.int_val(0));
}
z3::expr Terms::Min(const Expr& e) {
  const Accumulator& acc = accumulators_.at(at_);
  return z3::ite(places_[e.a].active && Bool(e.b) && (!acc.found || Number(e.c) < acc.value), Number(e.c), acc.value);
}
z3::expr Terms::Max(const Expr& e) {
  const Accumulator& acc = accumulators_.at(at_);
  const z3::expr is_first = Planted(Fault::kMaxFromZero) ? context_.bool_val(false) : !acc.found;
  return z3::ite(places_[e.a].active && Bool(e.b) && (is_first || Number(e.c) > acc.value), Number(e.c), acc.value);
}
z3::expr Terms::FirstNum(const Expr& e) {
  const Accumulator& acc = accumulators_.at(at_);
  const z3::expr is_first = Planted(Fault::kFirstIsLast) ? context_.bool_val(true) : !acc.found;
  return z3::ite(places_[e.a].active && Bool(e.b) && is_first, values_[e.c], acc.value);
}
z3::expr Terms::FirstBool(const Expr& e) { return FirstNum(e); }
z3::expr Terms::FirstStr(const Expr& e) { return FirstNum(e); }
z3::expr Terms::LoopIndex(const Expr& e) { return context_.int_val(places_[e.a].index); }
z3::expr Terms::LoopBegin(const Expr&) { WRIT_CHECK(false); }
z3::expr Terms::LoopEnd(const Expr&) { WRIT_CHECK(false); }

// ---- constants and slots

z3::expr Terms::Integer(Num value) { return context_.int_val(ir::NumToText(value).c_str()); }

z3::expr Terms::BindBool(uint64_t word, bool is_there) {
  const auto known = slots_.find(word);
  if (known != slots_.end()) return known->second;
  const z3::expr term = context_.bool_const(absl::StrCat("b", word).c_str());
  solver_.add(term == context_.bool_val(is_there && frame_[word] != 0));
  slots_.emplace(word, term);
  return term;
}

z3::expr Terms::BindNumber(uint64_t word, const std::string& value) {
  const auto known = slots_.find(word);
  if (known != slots_.end()) return known->second;
  const z3::expr term = context_.int_const(absl::StrCat("n", word).c_str());
  solver_.add(term == context_.int_val(value.c_str()));
  slots_.emplace(word, term);
  return term;
}

std::string Terms::NumberText(const Slot& slot, uint64_t word) const {
  if (slot.kind != SlotKind::kI128) return absl::StrCat(frame_[word]);
  const auto high = static_cast<unsigned __int128>(static_cast<uint64_t>(frame_[word + 1])) << 64;
  return ir::NumToText(static_cast<Num>(high | static_cast<uint64_t>(frame_[word])));
}

z3::expr Terms::Bound(const Slot& slot, const Place& place) {
  const uint64_t word = place.base + slot.offset;
  if (slot.kind == SlotKind::kBool) return BindBool(word, place.is_there);
  if (!place.is_there) return BindNumber(word, "0");
  if (slot.kind != SlotKind::kString) return BindNumber(word, NumberText(slot, word));
  const auto* bytes = reinterpret_cast<const char*>(static_cast<intptr_t>(frame_[word]));
  const std::string_view text(bytes, static_cast<size_t>(frame_[word + 1]));
  return BindNumber(word, absl::StrCat(strings_.Intern(text)));
}

z3::expr Terms::ConstBool(const Expr& e) { return context_.bool_val(e.a != 0); }
z3::expr Terms::ConstNum(const Expr& e) { return Integer(program_.numbers[e.a]); }
z3::expr Terms::ConstStr(const Expr& e) { return Integer(strings_.Intern(program_.strings[e.a])); }
z3::expr Terms::SlotNum(const Expr& e) {
  return Bound(function_.frame.slots[e.a], Place{0, true, 0, context_.bool_val(true)});
}
z3::expr Terms::SlotBool(const Expr& e) { return SlotNum(e); }
z3::expr Terms::SlotStr(const Expr& e) { return SlotNum(e); }
z3::expr Terms::ElemNum(const Expr& e) { return Bound(function_.frame.slots[e.a], places_[e.b]); }
z3::expr Terms::ElemBool(const Expr& e) { return ElemNum(e); }
z3::expr Terms::ElemStr(const Expr& e) { return ElemNum(e); }

// ---- truth, numbers, strings

z3::expr Terms::Not(const Expr& e) { return !Bool(e.a); }
z3::expr Terms::And(const Expr& e) { return Bool(e.a) && Bool(e.b); }
z3::expr Terms::Or(const Expr& e) { return Bool(e.a) || Bool(e.b); }
z3::expr Terms::EqBool(const Expr& e) { return Bool(e.a) == Bool(e.b); }
z3::expr Terms::Add(const Expr& e) { return Number(e.a) + Number(e.b); }
z3::expr Terms::Sub(const Expr& e) { return Number(e.a) - Number(e.b); }
z3::expr Terms::Mul(const Expr& e) { return Number(e.a) * Number(e.b); }
z3::expr Terms::Neg(const Expr& e) { return -Number(e.a); }

// Z3 rounds the quotient by a positive divisor down, and its remainder is never negative.
z3::expr Terms::FloorDivide(const z3::expr& a, Num divisor) { return divisor == 1 ? a : a / Integer(divisor); }
z3::expr Terms::RoundDown(const Expr& e) {
  if (Planted(Fault::kDownIsUp)) return RoundUp(e);
  return FloorDivide(Number(e.a), program_.numbers[e.b]);
}
z3::expr Terms::RoundUp(const Expr& e) { return -FloorDivide(-Number(e.a), program_.numbers[e.b]); }
z3::expr Terms::RoundHalfEven(const Expr& e) {
  const Num divisor = program_.numbers[e.b];
  const z3::expr floor = FloorDivide(Number(e.a), divisor);
  if (divisor == 1) return floor;
  const z3::expr twice = (Number(e.a) - floor * Integer(divisor)) * 2;
  const z3::expr is_odd = Planted(Fault::kHalfUp) ? context_.bool_val(true) : z3::mod(floor, 2) == 1;
  const z3::expr goes_up = twice > Integer(divisor) || (twice == Integer(divisor) && is_odd);
  return floor + z3::ite(goes_up, context_.int_val(1), context_.int_val(0));
}

z3::expr Terms::EqNum(const Expr& e) { return Number(e.a) == Number(e.b); }
z3::expr Terms::LtNum(const Expr& e) { return Number(e.a) < Number(e.b); }
z3::expr Terms::LeNum(const Expr& e) {
  return Planted(Fault::kLeAsLt) ? Number(e.a) < Number(e.b) : Number(e.a) <= Number(e.b);
}
z3::expr Terms::EqStr(const Expr& e) { return Number(e.a) == Number(e.b); }
z3::expr Terms::SelectNum(const Expr& e) { return z3::ite(Bool(e.a), values_[e.b], values_[e.c]); }
z3::expr Terms::SelectBool(const Expr& e) { return SelectNum(e); }
z3::expr Terms::SelectStr(const Expr& e) { return SelectNum(e); }

// Bit `bit` of the two's complement, as 0 or 1: rounding down makes it right for negative numbers as well.
z3::expr Terms::BitOf(const z3::expr& set, int bit) { return z3::mod(FloorDivide(set, static_cast<Num>(1) << bit), 2); }
z3::expr Terms::HasBit(const Expr& e) {
  const z3::expr bit = Planted(Fault::kBitWraps) ? z3::mod(Number(e.b), 64) : Number(e.b);
  z3::expr_vector cases(context_);
  for (int i = 0; i < 64; ++i) {
    const z3::expr is_this = (bit == i).simplify();
    if (!is_this.is_false()) cases.push_back(is_this && BitOf(Number(e.a), i) == 1);
  }
  return z3::mk_or(cases);
}
z3::expr Terms::PopCount(const Expr& e) {
  z3::expr_vector bits(context_);
  for (int i = 0; i < (Planted(Fault::kPopCountSigned) ? 63 : 64); ++i) bits.push_back(BitOf(Number(e.a), i));
  return z3::sum(bits);
}

// ---- tables

// A tree of comparisons, as deep as the logarithm of the number of steps.
z3::expr Terms::StepsBetween(const z3::expr& at, const std::vector<ir::Step>& steps, size_t begin, size_t end) {
  if (end - begin == 1) return Integer(steps[begin].value);
  const size_t middle = begin + (end - begin) / 2;
  const z3::expr later = StepsBetween(at, steps, middle, end);
  const z3::expr from = Integer(steps[middle].from);
  return z3::ite(Planted(Fault::kStepLate) ? at > from + 1 : at >= from, later, StepsBetween(at, steps, begin, middle));
}
z3::expr Terms::StepNum(const Expr& e) {
  const std::vector<ir::Step>& steps = program_.steps[e.b].steps;
  return StepsBetween(Number(e.a), steps, 0, steps.size());
}

z3::expr Terms::MatchStr(const Expr& e) {
  const ir::Automaton& automaton = program_.automata[e.b];
  z3::expr_vector cases(context_);
  for (int64_t number = 0; number < strings_.size(); ++number) {
    std::string_view text = strings_.At(number);
    if (Planted(Fault::kMatchesPrefix) && text.size() > 1) text.remove_suffix(1);
    if (ir::Matches(automaton, text)) cases.push_back(Number(e.a) == Integer(number));
  }
  return z3::mk_or(cases);
}

}  // namespace writ::smt
