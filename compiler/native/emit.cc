// One forward loop over the code, with an LLVM value for each expression.
#include "compiler/native/emit.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/ir/arithmetic.h"
#include "compiler/native/planted_faults.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/CFG.h"
#include "llvm/IR/MDBuilder.h"
#include "llvm/Transforms/Utils/Local.h"
#include "runtime/builtins/check.h"

namespace writ::native {
namespace {

using ir::Expr;
using ir::ExprId;
using ir::LoopId;
using ir::Op;

// A Boolean is i1, a number i64 or i128, a string a pointer and its size in bytes.
struct Value {
  llvm::Value* value = nullptr;
  llvm::Value* size = nullptr;
};

class FunctionEmitter {
 public:
  FunctionEmitter(llvm::Module* module, const ir::Program& program, FunctionId id, const Options& options)
      : module_(module),
        context_(module->getContext()),
        program_(program),
        id_(id),
        function_(program.schema.functions[id.value]),
        code_(program.code[id.value]),
        options_(options),
        builder_(context_),
        i64_(builder_.getInt64Ty()),
        i128_(builder_.getInt128Ty()) {}

  void Emit() {
    EmitPrologue();
    MeasureConditions();
    ListGuards();
    values_.resize(code_.exprs.size());
    loops_.resize(code_.loops.size());
    for (uint32_t i = 0; i < code_.exprs.size(); ++i) {
      at_ = i;
      const Expr& expr = code_.exprs[i];
      (this->*kHandlers[static_cast<size_t>(expr.op)])(expr);
      if (open_loops_ == 0) EmitGuardsUpTo(i);
    }
    if (function_.kind == FunctionKind::kDecide) {
      for (const ir::Guard& guard : code_.allows) bits_.allows.push_back(values_[guard.applies.value].value);
      EmitDecision(&builder_, function_, id_, bits_, out_, options_);
    } else {
      EmitOutputs();
    }
    DropUnused();
  }

 private:
  using Handler = void (FunctionEmitter::*)(const Expr&);
  static const std::array<Handler, ir::kOpCount> kHandlers;

  // A reduction's accumulator: its value so far, and whether any element counted (Min, Max, First…).
  struct Accumulator {
    uint32_t expr = 0;
    llvm::PHINode* value = nullptr;
    llvm::PHINode* size = nullptr;
    llvm::PHINode* found = nullptr;
    Value next;
    llvm::Value* next_found = nullptr;
  };
  struct OpenLoop {
    llvm::PHINode* index = nullptr;
    llvm::Value* element = nullptr;  // address of the current element
    llvm::BasicBlock* header = nullptr;
    llvm::BasicBlock* exit = nullptr;
    std::vector<Accumulator> accumulators;
  };

  void EmitPrologue() {
    llvm::Type* pointer = builder_.getPtrTy();
    auto* type = llvm::FunctionType::get(builder_.getVoidTy(), {pointer, pointer}, false);
    auto* function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, SymbolOf(id_), module_);
    function->setDoesNotThrow();
    frame_ = function->getArg(0);
    out_ = function->getArg(1);
    frame_->setName("frame");
    out_->setName("out");
    for (unsigned i = 0; i < 2; ++i) {
      function->addParamAttr(i, llvm::Attribute::NoAlias);
      function->addParamAttr(i, llvm::Attribute::NoCapture);
      function->addParamAttr(i, llvm::Attribute::getWithAlignment(context_, llvm::Align(alignof(int64_t))));
    }
    function->addParamAttr(0, llvm::Attribute::ReadOnly);
    builder_.SetInsertPoint(llvm::BasicBlock::Create(context_, "entry", function));
  }

  // ---- conditions as jumps. `a and b` asks b only where a holds; a comparison of what stands in the frame is made again
  // wherever it is asked. So hardly anything is kept in a register from one guard to the next, and nothing is computed that
  // the decision does not depend on. LLVM's IR passes would undo both: they are for functions with loops (jit.cc).

  static constexpr uint16_t kAgainMax = 6;   // operations in a number that is computed again
  static constexpr uint16_t kJumpsMax = 12;  // in a condition; a larger one is asked as the value that it is

  void MeasureConditions() {
    again_.resize(code_.exprs.size());
    jumps_.resize(code_.exprs.size());
    for (uint32_t i = 0; i < code_.exprs.size(); ++i) {
      const Expr& e = code_.exprs[i];
      again_[i] = std::min<uint16_t>(AgainOf(i, e), kAgainMax + 1);
      jumps_[i] = std::min<uint16_t>(JumpsOf(e), kJumpsMax + 1);
    }
  }
  // How many operations compute it anew; kAgainMax + 1: that is not worth it.
  uint16_t AgainOf(uint32_t id, const Expr& e) const {
    const bool is_word = e.type != ir::ValueType::kNum || TypeOf(id) == i64_;
    switch (e.op) {
      case Op::kConstBool: return 0;
      case Op::kSlotBool: return 1;
      case Op::kConstNum: return is_word ? 0 : kAgainMax + 1;
      case Op::kSlotNum: return is_word ? 1 : kAgainMax + 1;
      case Op::kAdd:
      case Op::kSub:
      case Op::kHasBit:
      case Op::kEqNum:
      case Op::kLtNum:
      case Op::kLeNum: return is_word ? static_cast<uint16_t>(1 + again_[e.a] + again_[e.b]) : kAgainMax + 1;
      default: return kAgainMax + 1;
    }
  }
  uint16_t JumpsOf(const Expr& e) const {
    switch (e.op) {
      case Op::kNot: return jumps_[e.a];
      case Op::kAnd:
      case Op::kOr: return static_cast<uint16_t>(jumps_[e.a] + jumps_[e.b]);
      default: return 1;
    }
  }

  // Its value, computed in this block; those that stand in values_ stay.
  llvm::Value* Again(uint32_t id) {
    if (again_[id] > kAgainMax) return values_[id].value;
    const Expr& e = code_.exprs[id];
    const uint32_t at = at_;
    const Value kept = values_[id];
    Value kept_a, kept_b;
    if (HasOperands(e.op)) {
      llvm::Value* a = Again(e.a);
      llvm::Value* b = Again(e.b);
      kept_a = std::exchange(values_[e.a], {a, nullptr});
      kept_b = std::exchange(values_[e.b], {b, nullptr});
    }
    at_ = id;
    (this->*kHandlers[static_cast<size_t>(e.op)])(e);
    at_ = at;
    llvm::Value* made = std::exchange(values_[id], kept).value;
    if (HasOperands(e.op)) {
      values_[e.b] = kept_b;
      values_[e.a] = kept_a;
    }
    return made;
  }
  // Of those that are computed again.
  static bool HasOperands(Op op) {
    return op != Op::kConstBool && op != Op::kConstNum && op != Op::kSlotBool && op != Op::kSlotNum;
  }

  // Conditions whose value is settled on the way to a block.
  using Known = std::vector<std::pair<uint32_t, bool>>;

  void Learn(uint32_t id, bool value, Known* known) const {
    known->emplace_back(id, value);
    if (jumps_[id] > kJumpsMax) return;
    const Expr& e = code_.exprs[id];
    if (e.op == Op::kNot) Learn(e.a, !value, known);
    if ((e.op == Op::kAnd && value) || (e.op == Op::kOr && !value)) {
      Learn(e.a, value, known);
      Learn(e.b, value, known);
    }
  }
  std::optional<bool> Told(uint32_t id, const Known& known) const {
    const Expr& e = code_.exprs[id];
    if (e.op == Op::kConstBool) return e.a != 0;
    for (const auto& [condition, value] : known) {
      if (condition == id) return value;
    }
    if (jumps_[id] > kJumpsMax) return std::nullopt;
    if (e.op == Op::kNot) {
      const std::optional<bool> a = Told(e.a, known);
      return a ? std::optional(!*a) : std::nullopt;
    }
    if (e.op != Op::kAnd && e.op != Op::kOr) return std::nullopt;
    const bool decides = e.op == Op::kOr;  // either operand, if it is this
    const std::optional<bool> a = Told(e.a, known), b = Told(e.b, known);
    if (a == decides || b == decides) return decides;
    return a && b ? std::optional(!decides) : std::nullopt;
  }
  bool Implies(uint32_t condition, uint32_t conclusion) const {
    Known known;
    Learn(condition, true, &known);
    return Told(conclusion, known) == true;
  }

  // Leaves the block. `rare` is the one of the two that most proposals do not reach.
  void JumpIf(uint32_t id, llvm::BasicBlock* yes, llvm::BasicBlock* no, llvm::BasicBlock* rare, const Known& known) {
    if (const std::optional<bool> told = Told(id, known)) {
      builder_.CreateBr(*told ? yes : no);
      return;
    }
    const Expr& e = code_.exprs[id];
    if (jumps_[id] <= kJumpsMax) {
      if (e.op == Op::kNot) return JumpIf(e.a, no, yes, rare, known);
      if (e.op == Op::kAnd || e.op == Op::kOr) {
        llvm::BasicBlock* second = NewBlock("second");
        second->moveAfter(builder_.GetInsertBlock());
        const bool is_and = e.op == Op::kAnd;
        JumpIf(e.a, is_and ? second : yes, is_and ? no : second, rare, known);
        builder_.SetInsertPoint(second);
        Known more = known;
        Learn(e.a, is_and, &more);
        return JumpIf(e.b, yes, no, rare, more);
      }
    }
    llvm::MDBuilder weights(context_);
    builder_.CreateCondBr(Again(id), yes, no,
                          yes == rare  ? weights.createUnlikelyBranchWeights()
                          : no == rare ? weights.createLikelyBranchWeights()
                                       : nullptr);
  }
  // The builder stands in `yes` afterwards. Returns what is known there.
  Known JumpIfAll(const std::vector<uint32_t>& conjuncts, llvm::BasicBlock* yes, llvm::BasicBlock* no,
                  llvm::BasicBlock* rare, Known known) {
    for (uint32_t conjunct : conjuncts) {
      llvm::BasicBlock* next = conjunct == conjuncts.back() ? yes : NewBlock("all");
      if (next != yes) next->moveAfter(builder_.GetInsertBlock());
      JumpIf(conjunct, next, no, rare, known);
      Learn(conjunct, true, &known);
      builder_.SetInsertPoint(next);
    }
    if (conjuncts.empty()) builder_.CreateBr(yes);
    builder_.SetInsertPoint(yes);
    return known;
  }

  // What was computed where it stands in the code and then asked only again, elsewhere.
  void DropUnused() {
    llvm::Function* function = builder_.GetInsertBlock()->getParent();
    for (llvm::BasicBlock& block : llvm::reverse(*function)) {
      for (llvm::Instruction& instruction : llvm::make_early_inc_range(llvm::reverse(block))) {
        if (llvm::isInstructionTriviallyDead(&instruction)) instruction.eraseFromParent();
      }
    }
  }

  // ---- guards: each sets its bit as soon as it is known, so that few values live long

  static constexpr uint32_t kNoChoice = UINT32_MAX, kNoFailure = UINT32_MAX;
  struct GuardBit {
    uint32_t expr;  // once this is known, it can be asked
    uint32_t asks;
    uint32_t bit;
    std::vector<llvm::Value*>* words;
    uint32_t choice = kNoChoice;  // it stands for all guards of choices_[choice]
    uint32_t failure = kNoFailure;  // of failures_: is asked only where this one holds
  };
  // A guard of the form `subject is constant, and all of rest`.
  struct ChosenGuard {
    GuardBit guard;
    int64_t constant;
    std::vector<uint32_t> rest;
  };
  // Guards about several values of one subject, as a review's clauses are: one jump by its value does for all of them.
  struct Choice {
    uint32_t subject;
    std::vector<ChosenGuard> guards;
  };

  void ListGuards() {
    const auto list = [this](const std::vector<ir::Guard>& guards, ExprId ir::Guard::* part,
                             std::vector<llvm::Value*>* words) {
      words->assign((guards.size() + 63) / 64, builder_.getInt64(0));
      for (uint32_t i = 0; i < guards.size(); ++i) {
        const uint32_t asks = (guards[i].*part).value;
        guards_.push_back({asks, asks, i, words});
      }
    };
    list(code_.restraints, &ir::Guard::applies, &bits_.applied);
    list(code_.restraints, &ir::Guard::fails, &bits_.fails);
    if (Planted(options_, Fault::kFailsDropped)) guards_.resize(code_.restraints.size());
    list(code_.allows, &ir::Guard::fails, &bits_.allow_fails);
    GroupChoices();
    NestFailures();
    std::stable_sort(guards_.begin(), guards_.end(),
                     [](const GuardBit& a, const GuardBit& b) { return a.expr < b.expr; });
  }

  // A restraint whose guard could not be evaluated mostly applies for that: then the one is asked where the other holds.
  void NestFailures() {
    std::map<uint32_t, size_t> applying;  // by restraint: where its guard is in guards_
    for (size_t i = 0; i < guards_.size(); ++i) {
      if (guards_[i].words == &bits_.applied && guards_[i].choice == kNoChoice) applying[guards_[i].bit] = i;
    }
    std::vector<GuardBit> kept;  // restraints come first, so these have the same places in it
    for (const GuardBit& guard : guards_) {
      const auto at = IsFailure(guard) ? applying.find(guard.bit) : applying.end();
      if (at == applying.end() || !Implies(guard.asks, guards_[at->second].asks)) {
        kept.push_back(guard);
        continue;
      }
      GuardBit& applies = kept[at->second];
      applies.expr = std::max(applies.expr, guard.expr);
      applies.failure = static_cast<uint32_t>(failures_.size());
      failures_.push_back(guard);
    }
    guards_ = std::move(kept);
  }
  bool IsFailure(const GuardBit& guard) const {
    return guard.words == &bits_.fails && guard.choice == kNoChoice && code_.exprs[guard.asks].op != Op::kConstBool;
  }

  void EmitGuardsUpTo(uint32_t expr) {
    for (; next_guard_ < guards_.size() && guards_[next_guard_].expr <= expr; ++next_guard_) {
      const GuardBit& guard = guards_[next_guard_];
      if (guard.choice != kNoChoice) {
        EmitChoice(choices_[guard.choice]);
      } else {
        SetBitIf({guard.asks}, guard, {});
      }
    }
  }
  static llvm::Value** WordOf(const GuardBit& guard) { return &(*guard.words)[guard.bit / 64]; }

  // What a guard is the conjunction of; itself alone where that is much.
  std::vector<uint32_t> ConjunctsOf(uint32_t expr) const {
    constexpr size_t kVisitedMax = 32;
    std::vector<uint32_t> conjuncts, open = {expr};
    std::set<uint32_t> visited;
    while (!open.empty()) {
      const uint32_t id = open.back();
      open.pop_back();
      if (!visited.insert(id).second) continue;
      if (visited.size() > kVisitedMax) return {expr};
      const Expr& e = code_.exprs[id];
      if (e.op == Op::kAnd) {
        open.insert(open.end(), {e.b, e.a});
      } else {
        conjuncts.push_back(id);
      }
    }
    std::sort(conjuncts.begin(), conjuncts.end());
    return conjuncts;
  }

  // `subject is constant`, in words that both fit: (subject, constant).
  std::optional<std::pair<uint32_t, int64_t>> EqualityOf(uint32_t expr) const {
    const Expr& e = code_.exprs[expr];
    if (e.op != Op::kEqNum || TypeOf(e.a) != i64_ || TypeOf(e.b) != i64_) return std::nullopt;
    const bool first = code_.exprs[e.a].op == Op::kConstNum;
    if (first == (code_.exprs[e.b].op == Op::kConstNum)) return std::nullopt;
    const Expr& constant = code_.exprs[first ? e.a : e.b];
    return std::pair(first ? e.b : e.a, static_cast<int64_t>(program_.numbers[constant.a]));
  }

  // Takes the guards that a choice can stand for out of guards_: each goes with the subject that has most constants.
  void GroupChoices() {
    constexpr size_t kConstantsMin = 3;  // fewer are as quickly tested one by one
    std::map<uint32_t, std::set<int64_t>> constants;
    std::vector<std::vector<uint32_t>> conjuncts;
    for (const GuardBit& guard : guards_) {
      conjuncts.push_back(ConjunctsOf(guard.expr));
      for (uint32_t conjunct : conjuncts.back()) {
        if (const auto equality = EqualityOf(conjunct)) constants[equality->first].insert(equality->second);
      }
    }
    std::map<uint32_t, uint32_t> choice_of;  // by subject
    std::vector<GuardBit> kept;
    for (size_t i = 0; i < guards_.size(); ++i) {
      uint32_t chosen = kNoChoice;
      size_t count = kConstantsMin - 1;
      for (uint32_t conjunct : conjuncts[i]) {
        const auto equality = EqualityOf(conjunct);
        if (!equality || constants[equality->first].size() <= count) continue;
        count = constants[equality->first].size();
        chosen = conjunct;
      }
      if (chosen == kNoChoice) {
        kept.push_back(guards_[i]);
        continue;
      }
      const auto [subject, constant] = *EqualityOf(chosen);
      const auto [at, is_new] = choice_of.try_emplace(subject, static_cast<uint32_t>(choices_.size()));
      if (is_new) choices_.push_back({subject, {}});
      std::vector<uint32_t> rest = conjuncts[i];
      rest.erase(std::find(rest.begin(), rest.end(), chosen));
      choices_[at->second].guards.push_back({guards_[i], constant, std::move(rest)});
    }
    // A choice is made when the last of its guards is known.
    for (uint32_t c = 0; c < choices_.size(); ++c) {
      GuardBit last = choices_[c].guards.front().guard;
      for (const ChosenGuard& chosen : choices_[c].guards) last.expr = std::max(last.expr, chosen.guard.expr);
      last.choice = c;
      kept.push_back(last);
    }
    guards_ = std::move(kept);
  }

  // What all guards of the choice ask for besides.
  static std::vector<uint32_t> CommonOf(const Choice& choice) {
    std::vector<uint32_t> common = choice.guards.front().rest;
    for (const ChosenGuard& chosen : choice.guards) {
      std::erase_if(common, [&](uint32_t conjunct) {
        return std::find(chosen.rest.begin(), chosen.rest.end(), conjunct) == chosen.rest.end();
      });
    }
    return common;
  }

  void EmitChoice(const Choice& choice) {
    std::map<int64_t, std::vector<const ChosenGuard*>> cases;
    std::vector<llvm::Value**> words;
    for (const ChosenGuard& chosen : choice.guards) {
      cases[chosen.constant].push_back(&chosen);
      llvm::Value** word = WordOf(chosen.guard);
      if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
    }
    std::vector<llvm::Value*> unset;
    for (llvm::Value** word : words) unset.push_back(*word);
    const std::vector<uint32_t> common = CommonOf(choice);
    llvm::BasicBlock* after = NewBlock("chosen");
    llvm::BasicBlock* choose = NewBlock("choose");
    const Known known = JumpIfAll(common, choose, after, after, {});
    llvm::SwitchInst* jump = builder_.CreateSwitch(Again(choice.subject), after, static_cast<unsigned>(cases.size()));
    // By predecessor of `after`: the words as they are when it comes from there.
    std::vector<std::pair<llvm::BasicBlock*, std::vector<llvm::Value*>>> ends;
    for (const auto& [constant, guards] : cases) {
      builder_.SetInsertPoint(NewBlock("case"));
      jump->addCase(builder_.getInt64(static_cast<uint64_t>(constant)), builder_.GetInsertBlock());
      for (size_t w = 0; w < words.size(); ++w) *words[w] = unset[w];
      for (const ChosenGuard* chosen : guards) {
        SetBitIf(chosen->rest, chosen->guard, known);
      }
      std::vector<llvm::Value*> set;
      for (llvm::Value** word : words) set.push_back(*word);
      ends.emplace_back(builder_.GetInsertBlock(), std::move(set));
      builder_.CreateBr(after);
    }
    after->moveAfter(builder_.GetInsertBlock());
    builder_.SetInsertPoint(after);
    for (size_t w = 0; w < words.size(); ++w) {
      llvm::PHINode* set = builder_.CreatePHI(i64_, static_cast<unsigned>(cases.size() + 1));
      for (llvm::BasicBlock* before : llvm::predecessors(after)) {
        const auto end = std::find_if(ends.begin(), ends.end(), [&](const auto& e) { return e.first == before; });
        set->addIncoming(end == ends.end() ? unset[w] : end->second[w], before);
      }
      *words[w] = set;
    }
  }

  // A jump rather than a shifted Boolean: most restraints hold most of the time, and a jump not taken is one
  // instruction where setting, shifting and or-ing are four.
  void SetBitIf(std::vector<uint32_t> conjuncts, const GuardBit& guard, const Known& known) {
    std::erase_if(conjuncts, [&](uint32_t id) { return Told(id, known) == true; });
    for (uint32_t conjunct : conjuncts) {
      if (Told(conjunct, known) == false) return;
    }
    const bool has_failure = guard.failure != kNoFailure;
    if (!has_failure && known.empty()) {
      if (const Known tests = TestsOf(conjuncts); !tests.empty()) return SetBitByTests(tests, guard);
    }
    std::vector<llvm::Value**> words = {WordOf(guard)};
    if (has_failure) words.push_back(WordOf(failures_[guard.failure]));
    std::vector<llvm::Value*> unset;
    for (llvm::Value** word : words) unset.push_back(*word);
    llvm::BasicBlock* applies = NewBlock("applies");
    llvm::BasicBlock* after = NewBlock("next");
    const Known there = JumpIfAll(conjuncts, applies, after, applies, known);
    *words[0] = builder_.CreateOr(*words[0], uint64_t{1} << (guard.bit % 64));
    if (has_failure) SetBitIf({failures_[guard.failure].asks}, failures_[guard.failure], there);
    llvm::BasicBlock* end = builder_.GetInsertBlock();
    builder_.CreateBr(after);
    after->moveAfter(end);
    builder_.SetInsertPoint(after);
    for (size_t w = 0; w < words.size(); ++w) {
      llvm::PHINode* result = builder_.CreatePHI(i64_, 2);
      for (llvm::BasicBlock* before : llvm::predecessors(after)) {
        result->addIncoming(before == end ? *words[w] : unset[w], before);
      }
      *words[w] = result;
    }
  }

  // The comparisons that a guard is the conjunction of, where they are some and each is quickly made; otherwise none.
  Known TestsOf(const std::vector<uint32_t>& conjuncts) const {
    Known open, tests;
    for (uint32_t conjunct : conjuncts) open.emplace_back(conjunct, true);
    while (!open.empty()) {
      const auto [id, value] = open.back();
      open.pop_back();
      const Expr& e = code_.exprs[id];
      if (jumps_[id] > kTestsMax) return {};
      if (e.op == Op::kNot) {
        open.emplace_back(e.a, !value);
      } else if (e.op == (value ? Op::kAnd : Op::kOr)) {
        open.insert(open.end(), {{e.b, value}, {e.a, value}});
      } else if (again_[id] > kAgainMax) {
        return {};
      } else {
        tests.emplace_back(id, value);
      }
    }
    return tests.size() >= kTestsMin && tests.size() <= kTestsMax ? tests : Known();
  }
  // By conditional moves: several jumps in a row are one too many that goes the other way than the last time.
  void SetBitByTests(const Known& tests, const GuardBit& guard) {
    llvm::Value** word = WordOf(guard);
    llvm::Value* set = builder_.CreateOr(*word, uint64_t{1} << (guard.bit % 64));
    for (const auto& [id, value] : tests) {
      llvm::Value* test = Again(id);
      set = value ? builder_.CreateSelect(test, set, *word) : builder_.CreateSelect(test, *word, set);
    }
    *word = set;
  }
  static constexpr size_t kTestsMin = 3, kTestsMax = 5;

  void EmitOutputs() {
    for (size_t i = 0; i < function_.outputs.size(); ++i) {
      const OutputSlot& slot = function_.outputs[i];
      const uint32_t id = code_.outputs[i].value;
      switch (slot.kind) {
        case SlotKind::kBool: StoreOutput(slot.offset, builder_.CreateZExt(values_[id].value, i64_)); break;
        case SlotKind::kI64: StoreOutput(slot.offset, Number(id, i64_)); break;
        case SlotKind::kI128: {
          llvm::Value* number = Number(id, i128_);
          StoreOutput(slot.offset, builder_.CreateTrunc(number, i64_));
          StoreOutput(slot.offset + 1, builder_.CreateTrunc(builder_.CreateLShr(number, 64), i64_));
          break;
        }
        case SlotKind::kString:
          StoreOutput(slot.offset, values_[id].value);
          StoreOutput(slot.offset + 1, values_[id].size);
          break;
      }
    }
    builder_.CreateRetVoid();
  }

  void StoreOutput(uint32_t offset, llvm::Value* value) {
    builder_.CreateAlignedStore(value, WordAddress(out_, offset), llvm::Align(8));
  }

  // ---- operands

  llvm::Type* TypeOf(uint32_t id) const { return code_.ranges[id].FitsInt64() ? i64_ : i128_; }
  llvm::Type* WiderOf(uint32_t a, uint32_t b) const {
    if (Planted(options_, Fault::kWideCompareNarrow)) return i64_;
    return TypeOf(a) == i128_ || TypeOf(b) == i128_ ? i128_ : i64_;
  }
  // The number in `type`: extended, or its low bits.
  llvm::Value* Number(uint32_t id, llvm::Type* type) { return builder_.CreateSExtOrTrunc(values_[id].value, type); }
  llvm::Value* Bool(uint32_t id) const { return values_[id].value; }
  llvm::Constant* Constant(Num value, llvm::Type* type) const {
    const auto bits = static_cast<unsigned __int128>(value);
    const uint64_t words[2] = {static_cast<uint64_t>(bits), static_cast<uint64_t>(bits >> 64)};
    return llvm::ConstantInt::get(type, llvm::APInt(128, words).trunc(type->getIntegerBitWidth()));
  }
  void Set(llvm::Value* value, llvm::Value* size = nullptr) { values_[at_] = {value, size}; }

  // ---- constants and slots

  void EmitConstBool(const Expr& e) { Set(builder_.getInt1(e.a != 0)); }
  void EmitConstNum(const Expr& e) { Set(Constant(program_.numbers[e.a], TypeOf(at_))); }
  void EmitConstStr(const Expr& e) {
    const std::string& text = program_.strings[e.a];
    Set(builder_.CreateGlobalString(text, "text", 0, module_), builder_.getInt64(text.size()));
  }

  llvm::Value* WordAddress(llvm::Value* base, uint64_t offset) {
    return offset == 0 ? base : builder_.CreateConstInBoundsGEP1_64(i64_, base, offset);
  }
  llvm::Value* LoadWord(llvm::Value* base, uint64_t offset, llvm::Type* type) {
    return builder_.CreateAlignedLoad(type, WordAddress(base, offset), llvm::Align(8));
  }
  const Slot& SlotOf(const Expr& e) const { return function_.frame.slots[e.a]; }

  void LoadBool(llvm::Value* base, const Slot& slot) {
    Set(builder_.CreateICmpNE(LoadWord(base, slot.offset, i64_), builder_.getInt64(0)));
  }
  void LoadNum(llvm::Value* base, const Slot& slot) {
    llvm::Value* low = LoadWord(base, slot.offset, i64_);
    if (TypeOf(at_) == i64_) return Set(low);
    if (slot.kind != SlotKind::kI128) return Set(builder_.CreateSExt(low, i128_));
    llvm::Value* high = builder_.CreateZExt(LoadWord(base, slot.offset + 1, i64_), i128_);
    Set(builder_.CreateOr(builder_.CreateShl(high, 64), builder_.CreateZExt(low, i128_)));
  }
  void LoadStr(llvm::Value* base, const Slot& slot) {
    llvm::Value* text = LoadWord(base, slot.offset, builder_.getPtrTy());
    Set(text, LoadWord(base, slot.offset + 1, i64_));
  }
  void EmitSlotBool(const Expr& e) { LoadBool(frame_, SlotOf(e)); }
  void EmitSlotNum(const Expr& e) { LoadNum(frame_, SlotOf(e)); }
  void EmitSlotStr(const Expr& e) { LoadStr(frame_, SlotOf(e)); }
  void EmitElemBool(const Expr& e) { LoadBool(loops_[e.b].element, SlotOf(e)); }
  void EmitElemNum(const Expr& e) { LoadNum(loops_[e.b].element, SlotOf(e)); }
  void EmitElemStr(const Expr& e) { LoadStr(loops_[e.b].element, SlotOf(e)); }

  // ---- truth

  void EmitNot(const Expr& e) { Set(builder_.CreateNot(Bool(e.a))); }
  void EmitAnd(const Expr& e) { Set(builder_.CreateAnd(Bool(e.a), Bool(e.b))); }
  void EmitOr(const Expr& e) { Set(builder_.CreateOr(Bool(e.a), Bool(e.b))); }
  void EmitEqBool(const Expr& e) { Set(builder_.CreateICmpEQ(Bool(e.a), Bool(e.b))); }

  // ---- numbers. Sums, differences and products are exact in the result's width, whatever the operands' is: where the
  // result fits, the low bits of the operands decide it.

  void EmitAdd(const Expr& e) { Set(builder_.CreateAdd(Number(e.a, TypeOf(at_)), Number(e.b, TypeOf(at_)))); }
  void EmitSub(const Expr& e) { Set(builder_.CreateSub(Number(e.a, TypeOf(at_)), Number(e.b, TypeOf(at_)))); }
  void EmitMul(const Expr& e) {
    llvm::Value* a = Number(e.a, TypeOf(at_));
    llvm::Value* product = builder_.CreateMul(a, Number(e.b, TypeOf(at_)));
    if (Planted(options_, Fault::kProductTruncated)) {
      product = builder_.CreateSExtOrTrunc(builder_.CreateTrunc(product, i64_), TypeOf(at_));
    }
    Set(product);
  }
  void EmitNeg(const Expr& e) { Set(builder_.CreateNeg(Number(e.a, TypeOf(at_)))); }

  void EmitRoundDown(const Expr& e) { EmitRound(e, Rounding::kDown); }
  void EmitRoundUp(const Expr& e) { EmitRound(e, Rounding::kUp); }
  void EmitRoundHalfEven(const Expr& e) { EmitRound(e, Rounding::kHalfEven); }
  void EmitRound(const Expr& e, Rounding rounding) {
    const Num by = program_.numbers[e.b];
    llvm::Type* type = TypeOf(e.a) == i128_ || by > INT64_MAX ? i128_ : i64_;
    llvm::Value* a = Number(e.a, type);
    llvm::Constant* divisor = Constant(by, type);
    llvm::Constant* zero = Constant(0, type);
    llvm::Value* quotient = builder_.CreateSDiv(a, divisor);
    llvm::Value* rest = builder_.CreateSub(a, builder_.CreateMul(quotient, divisor));
    if (Planted(options_, Fault::kNegativeRounding) && rounding != Rounding::kHalfEven) {
      return Set(builder_.CreateSExtOrTrunc(quotient, TypeOf(at_)));
    }
    if (rounding == Rounding::kUp) {
      llvm::Value* above = builder_.CreateICmpSGT(rest, zero);
      return Set(
          builder_.CreateSExtOrTrunc(builder_.CreateAdd(quotient, builder_.CreateZExt(above, type)), TypeOf(at_)));
    }
    llvm::Value* below = builder_.CreateICmpSLT(rest, zero);
    llvm::Value* floor = builder_.CreateSub(quotient, builder_.CreateZExt(below, type));
    if (rounding == Rounding::kHalfEven) {
      llvm::Value* part = builder_.CreateAdd(rest, builder_.CreateSelect(below, divisor, zero));  // in [0, divisor)
      floor = builder_.CreateAdd(floor, builder_.CreateZExt(RoundsUp(floor, part, divisor), type));
    }
    Set(builder_.CreateSExtOrTrunc(floor, TypeOf(at_)));
  }
  // Is `part` of `divisor` more than a half, or just a half above an odd number? By what is left, as doubling could
  // overflow.
  llvm::Value* RoundsUp(llvm::Value* floor, llvm::Value* part, llvm::Constant* divisor) {
    llvm::Value* left = builder_.CreateSub(divisor, part);
    llvm::Value* more = builder_.CreateICmpSGT(part, left);
    llvm::Value* half = builder_.CreateICmpEQ(part, left);
    if (Planted(options_, Fault::kHalfUp)) return builder_.CreateOr(more, half);
    return builder_.CreateOr(more, builder_.CreateAnd(half, builder_.CreateTrunc(floor, builder_.getInt1Ty())));
  }

  void Compare(const Expr& e, llvm::CmpInst::Predicate predicate) {
    llvm::Type* type = WiderOf(e.a, e.b);
    Set(builder_.CreateICmp(predicate, Number(e.a, type), Number(e.b, type)));
  }
  void EmitEqNum(const Expr& e) { Compare(e, llvm::CmpInst::ICMP_EQ); }
  void EmitLtNum(const Expr& e) { Compare(e, llvm::CmpInst::ICMP_SLT); }
  void EmitLeNum(const Expr& e) {
    Compare(e, Planted(options_, Fault::kLeAsLt) ? llvm::CmpInst::ICMP_SLT : llvm::CmpInst::ICMP_SLE);
  }

  // ---- strings

  // Sizes first; bytes only when they agree. With a constant's size LLVM compares short strings in line.
  void EmitEqStr(const Expr& e) {
    const Value a = values_[e.a], b = values_[e.b];
    llvm::Value* same_size = builder_.CreateICmpEQ(a.size, b.size);
    llvm::Value* size = llvm::isa<llvm::ConstantInt>(b.size) ? b.size : a.size;
    const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(size);
    if ((constant != nullptr && constant->isZero()) || Planted(options_, Fault::kStringSizeOnly)) return Set(same_size);
    llvm::BasicBlock* before = builder_.GetInsertBlock();
    llvm::BasicBlock* compare = NewBlock("bytes");
    llvm::BasicBlock* after = NewBlock("equal");
    builder_.CreateCondBr(same_size, compare, after);
    builder_.SetInsertPoint(compare);
    llvm::Value* difference = builder_.CreateCall(ByteCompare(), {a.value, b.value, size});
    llvm::Value* equal = builder_.CreateICmpEQ(difference, builder_.getInt32(0));
    builder_.CreateBr(after);
    builder_.SetInsertPoint(after);
    llvm::PHINode* result = builder_.CreatePHI(builder_.getInt1Ty(), 2);
    result->addIncoming(builder_.getFalse(), before);
    result->addIncoming(equal, compare);
    Set(result);
  }
  llvm::FunctionCallee ByteCompare() {
    llvm::Type* pointer = builder_.getPtrTy();
    return module_->getOrInsertFunction("bcmp", builder_.getInt32Ty(), pointer, pointer, i64_);
  }

  // ---- choice and bits

  void EmitSelectBool(const Expr& e) { Set(builder_.CreateSelect(Bool(e.a), Bool(e.b), Bool(e.c))); }
  void EmitSelectNum(const Expr& e) {
    llvm::Value* then = Number(e.b, TypeOf(at_));
    Set(builder_.CreateSelect(Bool(e.a), then, Number(e.c, TypeOf(at_))));
  }
  void EmitSelectStr(const Expr& e) {
    llvm::Value* text = builder_.CreateSelect(Bool(e.a), values_[e.b].value, values_[e.c].value);
    Set(text, builder_.CreateSelect(Bool(e.a), values_[e.b].size, values_[e.c].size));
  }
  void EmitHasBit(const Expr& e) {
    llvm::Type* type = TypeOf(e.b);
    llvm::Value* bit = Number(e.b, type);
    llvm::Value* inside = builder_.CreateICmpULT(bit, Constant(64, type));
    if (Planted(options_, Fault::kBitWraps)) inside = builder_.getTrue();
    llvm::Value* amount = builder_.CreateAnd(Number(e.b, i64_), 63);
    llvm::Value* shifted = builder_.CreateLShr(Number(e.a, i64_), amount);
    Set(builder_.CreateAnd(inside, builder_.CreateTrunc(shifted, builder_.getInt1Ty())));
  }
  void EmitPopCount(const Expr& e) {
    llvm::Value* count = builder_.CreateUnaryIntrinsic(llvm::Intrinsic::ctpop, Number(e.a, i64_));
    Set(builder_.CreateSExtOrTrunc(count, TypeOf(at_)));
  }

  // ---- tables

  // Constant memory of the module, made once.
  template <class T>
  llvm::Constant* Table(const std::string& name, const std::vector<T>& values) {
    if (llvm::GlobalVariable* known = module_->getNamedGlobal(name)) return known;
    llvm::Constant* data = llvm::ConstantDataArray::get(context_, values);
    auto* made = llvm::cast<llvm::GlobalVariable>(module_->getOrInsertGlobal(name, data->getType()));
    made->setInitializer(data);
    made->setConstant(true);
    made->setLinkage(llvm::GlobalValue::PrivateLinkage);
    return made;
  }
  // Entry `index` of such a table, as a word.
  llvm::Value* Entry(llvm::Value* table, llvm::Type* type, llvm::Value* index) {
    return builder_.CreateZExt(builder_.CreateLoad(type, builder_.CreateInBoundsGEP(type, table, index)), i64_);
  }

  // By halves, without a jump: the step is among `left` from `index` on.
  void EmitStepNum(const Expr& e) {
    const std::vector<ir::Step>& steps = program_.steps[e.b].steps;
    std::vector<uint64_t> froms, values;
    for (const ir::Step& step : steps) {
      froms.push_back(static_cast<uint64_t>(step.from));
      values.push_back(static_cast<uint64_t>(step.value));
    }
    llvm::Constant* from = Table(absl::StrCat("writ_steps_from_", e.b), froms);
    llvm::Value* at = Clamped(e.a);
    llvm::Value* index = builder_.getInt64(0);
    const size_t enough = Planted(options_, Fault::kStepMissed) ? 2 : 1;
    for (size_t left = steps.size(); left > enough; left -= left / 2) {
      llvm::Value* middle = builder_.CreateAdd(index, builder_.getInt64(left / 2));
      index = builder_.CreateSelect(builder_.CreateICmpSLE(Entry(from, i64_, middle), at), middle, index);
    }
    llvm::Value* value = Entry(Table(absl::StrCat("writ_steps_value_", e.b), values), i64_, index);
    Set(builder_.CreateSExtOrTrunc(value, TypeOf(at_)));
  }
  // The number, or the end of 64 bits that it is beyond.
  llvm::Value* Clamped(uint32_t id) {
    if (TypeOf(id) == i64_) return values_[id].value;
    llvm::Value* low = Constant(INT64_MIN, i128_);
    llvm::Value* high = Constant(INT64_MAX, i128_);
    llvm::Value* above = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, values_[id].value, low);
    return builder_.CreateTrunc(builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, above, high), i64_);
  }

  void EmitMatchStr(const Expr& e) {
    const ir::Automaton& automaton = program_.automata[e.b];
    llvm::Constant* classes = Table(absl::StrCat("writ_classes_", e.b), automaton.class_of);
    llvm::Constant* next = Table(absl::StrCat("writ_next_", e.b), automaton.next);
    llvm::Constant* accepts = Table(absl::StrCat("writ_accepts_", e.b), automaton.accepts);
    llvm::BasicBlock* before = builder_.GetInsertBlock();
    llvm::BasicBlock* header = NewBlock("match");
    llvm::BasicBlock* body = NewBlock("byte");
    llvm::BasicBlock* after = NewBlock("matched");
    builder_.CreateBr(header);
    builder_.SetInsertPoint(header);
    llvm::PHINode* index = Phi(builder_.getInt64(0), before);
    llvm::PHINode* state = Phi(builder_.getInt64(0), before);
    llvm::Value* goes_on = builder_.CreateICmpULT(index, values_[e.a].size);
    if (Planted(options_, Fault::kMatchUnanchored)) {
      llvm::Value* accepted = builder_.CreateICmpNE(Entry(accepts, builder_.getInt8Ty(), state), builder_.getInt64(0));
      goes_on = builder_.CreateAnd(goes_on, builder_.CreateNot(accepted));
    }
    builder_.CreateCondBr(goes_on, body, after);
    builder_.SetInsertPoint(body);
    llvm::Value* byte = Entry(values_[e.a].value, builder_.getInt8Ty(), index);
    llvm::Value* row = builder_.CreateMul(state, builder_.getInt64(automaton.class_count));
    llvm::Value* at = builder_.CreateAdd(row, Entry(classes, builder_.getInt8Ty(), byte));
    state->addIncoming(Entry(next, builder_.getInt16Ty(), at), body);
    index->addIncoming(builder_.CreateAdd(index, builder_.getInt64(1)), body);
    builder_.CreateBr(header);
    builder_.SetInsertPoint(after);
    Set(builder_.CreateICmpNE(Entry(accepts, builder_.getInt8Ty(), state), builder_.getInt64(0)));
  }

  // ---- loops

  llvm::BasicBlock* NewBlock(const char* name) {
    return llvm::BasicBlock::Create(context_, name, builder_.GetInsertBlock()->getParent());
  }

  // The frame, or the current element of the loop over the list's parent.
  llvm::Value* BaseOf(const ir::Loop& loop) const {
    const ListId parent = function_.frame.lists[loop.list.value].parent;
    if (!parent.valid()) return frame_;
    LoopId around = loop.parent;
    while (code_.loops[around.value].list != parent) around = code_.loops[around.value].parent;
    return loops_[around.value].element;
  }

  void EmitLoopBegin(const Expr& e) {
    ++open_loops_;
    const ir::Loop& loop = code_.loops[e.a];
    const FrameList& list = function_.frame.lists[loop.list.value];
    OpenLoop& open = loops_[e.a];
    llvm::Value* base = BaseOf(loop);
    // Never past the capacity, whatever the frame says: the element after it is somebody else's.
    llvm::Value* length = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, LoadWord(base, list.offset, i64_),
                                                         builder_.getInt64(list.capacity));
    if (Planted(options_, Fault::kLastElementSkipped)) length = builder_.CreateSub(length, builder_.getInt64(1));
    llvm::BasicBlock* before = builder_.GetInsertBlock();
    open.header = NewBlock("loop");
    llvm::BasicBlock* body = NewBlock("body");
    open.exit = NewBlock("done");
    builder_.CreateBr(open.header);

    builder_.SetInsertPoint(open.header);
    open.index = builder_.CreatePHI(i64_, 2, "index");
    open.index->addIncoming(builder_.getInt64(0), before);
    OpenAccumulators(e.a, before);
    builder_.CreateCondBr(builder_.CreateICmpSLT(open.index, length), body, open.exit);

    builder_.SetInsertPoint(body);
    llvm::Value* first = WordAddress(base, list.offset + 1);
    llvm::Value* words = builder_.CreateMul(open.index, builder_.getInt64(list.stride));
    open.element = builder_.CreateInBoundsGEP(i64_, first, words);
  }

  void OpenAccumulators(uint32_t loop, llvm::BasicBlock* before) {
    for (uint32_t i = code_.loops[loop].begin; i < code_.loops[loop].end; ++i) {
      const Expr& e = code_.exprs[i];
      if (!ir::IsReduction(e.op) || e.a != loop) continue;
      Accumulator acc;
      acc.expr = i;
      if (e.type == ir::ValueType::kStr) {
        acc.value = Phi(llvm::ConstantPointerNull::get(builder_.getPtrTy()), before);
        acc.size = Phi(builder_.getInt64(0), before);
      } else if (e.type == ir::ValueType::kNum) {
        acc.value = Phi(Constant(0, TypeOf(i)), before);
      } else {
        acc.value = Phi(builder_.getInt1(e.op == Op::kAll), before);
      }
      if (NeedsFound(e.op)) acc.found = Phi(builder_.getFalse(), before);
      loops_[loop].accumulators.push_back(acc);
    }
  }
  static bool NeedsFound(Op op) { return op != Op::kAny && op != Op::kAll && op != Op::kCount && op != Op::kSum; }
  llvm::PHINode* Phi(llvm::Constant* start, llvm::BasicBlock* before) {
    llvm::PHINode* phi = builder_.CreatePHI(start->getType(), 2);
    phi->addIncoming(start, before);
    return phi;
  }

  void EmitLoopEnd(const Expr& e) {
    --open_loops_;
    OpenLoop& open = loops_[e.a];
    llvm::BasicBlock* latch = builder_.GetInsertBlock();
    open.index->addIncoming(builder_.CreateAdd(open.index, builder_.getInt64(1)), latch);
    for (Accumulator& acc : open.accumulators) {
      acc.value->addIncoming(acc.next.value, latch);
      if (acc.size != nullptr) acc.size->addIncoming(acc.next.size, latch);
      if (acc.found != nullptr) acc.found->addIncoming(acc.next_found, latch);
      values_[acc.expr] = {acc.value, acc.size};
    }
    builder_.CreateBr(open.header);
    builder_.SetInsertPoint(open.exit);
  }
  void EmitLoopIndex(const Expr& e) { Set(builder_.CreateSExtOrTrunc(loops_[e.a].index, TypeOf(at_))); }

  Accumulator& Current(const Expr& e) {
    for (Accumulator& acc : loops_[e.a].accumulators) {
      if (acc.expr == at_) return acc;
    }
    WRIT_CHECK(false);
  }

  void EmitAny(const Expr& e) {
    Accumulator& acc = Current(e);
    acc.next.value = builder_.CreateOr(acc.value, Bool(e.b));
  }
  void EmitAll(const Expr& e) {
    Accumulator& acc = Current(e);
    acc.next.value = builder_.CreateAnd(acc.value, Bool(e.b));
  }
  void EmitCount(const Expr& e) {
    Accumulator& acc = Current(e);
    acc.next.value = builder_.CreateAdd(acc.value, builder_.CreateZExt(Bool(e.b), TypeOf(at_)));
  }
  void EmitSum(const Expr& e) {
    Accumulator& acc = Current(e);
    llvm::Value* sum = builder_.CreateAdd(acc.value, Number(e.c, TypeOf(at_)));
    acc.next.value =
        Planted(options_, Fault::kSumUnconditional) ? sum : builder_.CreateSelect(Bool(e.b), sum, acc.value);
  }
  void EmitMin(const Expr& e) { EmitExtreme(e, llvm::CmpInst::ICMP_SLT); }
  void EmitMax(const Expr& e) { EmitExtreme(e, llvm::CmpInst::ICMP_SGT); }
  void EmitExtreme(const Expr& e, llvm::CmpInst::Predicate better) {
    Accumulator& acc = Current(e);
    llvm::Value* value = Number(e.c, TypeOf(at_));
    llvm::Value* improves = builder_.CreateICmp(better, value, acc.value);
    if (e.op != Op::kMax || !Planted(options_, Fault::kMaxFromZero)) {
      improves = builder_.CreateOr(builder_.CreateNot(acc.found), improves);
    }
    acc.next.value = builder_.CreateSelect(builder_.CreateAnd(Bool(e.b), improves), value, acc.value);
    acc.next_found = builder_.CreateOr(acc.found, Bool(e.b));
  }
  void EmitFirstBool(const Expr& e) { EmitFirst(e, {Bool(e.c), nullptr}); }
  void EmitFirstNum(const Expr& e) { EmitFirst(e, {Number(e.c, TypeOf(at_)), nullptr}); }
  void EmitFirstStr(const Expr& e) { EmitFirst(e, values_[e.c]); }
  void EmitFirst(const Expr& e, Value value) {
    Accumulator& acc = Current(e);
    llvm::Value* takes = builder_.CreateAnd(builder_.CreateNot(acc.found), Bool(e.b));
    if (Planted(options_, Fault::kFirstIsLast)) takes = Bool(e.b);
    acc.next.value = builder_.CreateSelect(takes, value.value, acc.value);
    if (value.size != nullptr) acc.next.size = builder_.CreateSelect(takes, value.size, acc.size);
    acc.next_found = builder_.CreateOr(acc.found, Bool(e.b));
  }

  llvm::Module* module_;
  llvm::LLVMContext& context_;
  const ir::Program& program_;
  const FunctionId id_;
  const Function& function_;
  const ir::Code& code_;
  const Options& options_;
  llvm::IRBuilder<> builder_;
  llvm::IntegerType* const i64_;
  llvm::IntegerType* const i128_;
  llvm::Argument* frame_ = nullptr;
  llvm::Argument* out_ = nullptr;
  DecisionBits bits_;
  std::vector<GuardBit> guards_;  // by expression
  std::vector<Choice> choices_;
  std::vector<GuardBit> failures_;
  size_t next_guard_ = 0;
  uint32_t open_loops_ = 0;
  uint32_t at_ = 0;              // the expression that is being emitted
  std::vector<uint16_t> again_;  // one for each expression: AgainOf
  std::vector<uint16_t> jumps_;  // one for each Boolean expression: JumpsOf
  std::vector<Value> values_;    // one for each expression
  std::vector<OpenLoop> loops_;  // one for each loop
};

const std::array<FunctionEmitter::Handler, ir::kOpCount> FunctionEmitter::kHandlers = {
#define WRIT_OP(name, result, a, b, c) &FunctionEmitter::Emit##name,
#include "compiler/ir/ops.def"
#undef WRIT_OP
};

}  // namespace

std::string SymbolOf(FunctionId function) { return absl::StrCat("writ_function_", function.value); }
std::string TableSymbolOf(FunctionId function) { return absl::StrCat("writ_table_", function.value); }

std::unique_ptr<llvm::Module> Emit(llvm::LLVMContext* context, const ir::Program& program,
                                   const std::vector<FunctionId>& functions, const Options& options) {
  auto module = std::make_unique<llvm::Module>("writ", *context);
  for (FunctionId id : functions) FunctionEmitter(module.get(), program, id, options).Emit();
  return module;
}

}  // namespace writ::native
