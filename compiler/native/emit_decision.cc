// The combining algorithm with its constants folded: guards become bit words, rows and effects become masks.
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "compiler/native/emit.h"
#include "compiler/native/planted_faults.h"
#include "runtime/builtins/check.h"

namespace writ::native {
namespace {

// Up to this many words of restraints, and of allows, the algorithm is emitted in line; beyond, Combine itself is
// called.
constexpr size_t kInlineWordsMax = 4;

size_t WordsFor(size_t count) { return (count + 63) / 64; }

class DecisionEmitter {
 public:
  DecisionEmitter(llvm::IRBuilder<>* builder, const Function& function, FunctionId id, const DecisionBits& bits,
                  llvm::Value* out, const Options& options)
      : builder_(*builder),
        function_(function),
        id_(id),
        bits_(bits),
        out_(out),
        options_(options),
        words_(WordsFor(function.restraints.size())),
        allow_words_(WordsFor(function.allows.size())) {}

  void Emit() {
    if (words_ > kInlineWordsMax || allow_words_ > kInlineWordsMax) {
      EmitCall();
    } else {
      EmitInline();
    }
    builder_.CreateRetVoid();
  }

 private:
  using Words = std::vector<llvm::Value*>;
  using Mask = std::vector<uint64_t>;

  // One bit a guard. A tree of shifted bits, not a chain: its depth is what a decision waits for.
  Words Pack(const std::vector<llvm::Value*>& bits) {
    Words words;
    for (size_t begin = 0; begin < bits.size(); begin += 64) {
      const size_t end = std::min(begin + 64, bits.size());
      Words parts;
      for (size_t i = begin; i < end; ++i) {
        parts.push_back(builder_.CreateShl(builder_.CreateZExt(bits[i], builder_.getInt64Ty()), i - begin));
      }
      words.push_back(OrAll(parts));
    }
    return words;
  }
  llvm::Value* OrAll(Words parts) {
    if (parts.empty()) return builder_.getInt64(0);
    while (parts.size() > 1) {
      size_t kept = 0;
      for (size_t i = 0; i < parts.size(); i += 2) {
        parts[kept++] = i + 1 < parts.size() ? builder_.CreateOr(parts[i], parts[i + 1]) : parts[i];
      }
      parts.resize(kept);
    }
    return parts[0];
  }
  llvm::Value* IsSet(llvm::Value* word) { return builder_.CreateICmpNE(word, builder_.getInt64(0)); }

  // ---- many words: the runtime's own

  void EmitCall() {
    llvm::Module* module = builder_.GetInsertBlock()->getModule();
    llvm::Type* pointer = builder_.getPtrTy();
    llvm::FunctionCallee combine = module->getOrInsertFunction(kCombineSymbol, builder_.getVoidTy(), pointer, pointer,
                                                               pointer, pointer, pointer, pointer);
    llvm::Value* table = module->getOrInsertGlobal(TableSymbolOf(id_), builder_.getInt8Ty());
    llvm::Value* applied = Spill(bits_.applied);
    llvm::Value* fails = Spill(bits_.fails);
    llvm::Value* allow_bits = Spill(Pack(bits_.allows));
    llvm::Value* allow_fails = Spill(bits_.allow_fails);
    builder_.CreateCall(combine, {table, applied, fails, allow_bits, allow_fails, out_});
  }
  llvm::Value* Spill(const Words& words) {
    const uint64_t size = std::max<size_t>(words.size(), 1);
    llvm::Value* array = builder_.CreateAlloca(llvm::ArrayType::get(builder_.getInt64Ty(), size));
    for (size_t w = 0; w < words.size(); ++w) {
      builder_.CreateStore(words[w], builder_.CreateConstInBoundsGEP1_64(builder_.getInt64Ty(), array, w));
    }
    return array;
  }

  // ---- few words: in line

  void EmitInline() {
    EmitQuietPath();
    Words excused(words_, builder_.getInt64(0));
    const Words used = EmitAllows(bits_.allows, &excused);
    Words standing;
    for (size_t w = 0; w < words_; ++w)
      standing.push_back(builder_.CreateAnd(bits_.applied[w], builder_.CreateNot(excused[w])));
    const Words reasons = EmitOutcome(standing);
    EmitList(reasons, 0, offsetof(RawDecision, reasons), offsetof(RawDecision, reason_count));
    EmitList(bits_.applied, 0, offsetof(RawDecision, applied), offsetof(RawDecision, applied_count));
    EmitList(used, 0, offsetof(RawDecision, allows), offsetof(RawDecision, allow_count));
    EmitIndeterminate();
  }

  // Nothing applies and nothing failed: permit, and no list. What most proposals are.
  void EmitQuietPath() {
    Words all = bits_.applied;
    all.insert(all.end(), bits_.fails.begin(), bits_.fails.end());
    all.insert(all.end(), bits_.allow_fails.begin(), bits_.allow_fails.end());
    llvm::BasicBlock* quiet = NewBlock("quiet");
    llvm::BasicBlock* speaks = NewBlock("speaks");
    builder_.CreateCondBr(IsSet(OrAll(all)), speaks, quiet);
    builder_.SetInsertPoint(quiet);
    StoreOutcome(builder_.getInt8(static_cast<uint8_t>(Outcome::kPermit)));
    // The four counts, side by side, in one word.
    static_assert(offsetof(RawDecision, indeterminate_count) - offsetof(RawDecision, reason_count) == 3 * sizeof(uint16_t));
    llvm::Value* counts =
        builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), out_, offsetof(RawDecision, reason_count));
    builder_.CreateAlignedStore(builder_.getInt64(0), counts, llvm::Align(alignof(uint16_t)));
    builder_.CreateRetVoid();
    builder_.SetInsertPoint(speaks);
  }

  // What each allow excuses, and which of them excuse anything (as bit words).
  Words EmitAllows(const std::vector<llvm::Value*>& applies, Words* excused) {
    std::vector<llvm::Value*> used;
    for (size_t i = 0; i < applies.size(); ++i) {
      llvm::Value* any = builder_.getInt64(0);
      for (size_t w = 0; w < words_; ++w) {
        const uint64_t row = RowOf(i, w);
        if (row == 0) continue;
        llvm::Value* hit =
            builder_.CreateSelect(applies[i], builder_.CreateAnd(bits_.applied[w], row), builder_.getInt64(0));
        (*excused)[w] = builder_.CreateOr((*excused)[w], hit);
        any = builder_.CreateOr(any, hit);
      }
      used.push_back(Planted(options_, Fault::kUnusedAllowListed) ? applies[i] : IsSet(any));
    }
    return Pack(used);
  }
  uint64_t RowOf(size_t allow, size_t word) const {
    const std::vector<uint64_t>& row = function_.allows[allow].excuses;
    if (Planted(options_, Fault::kAllowRowShifted)) return row[word] << 1;
    return row[word];
  }

  Mask MaskOf(Effect effect) const {
    return MaskIf([effect](const Restraint& restraint) { return restraint.effect == effect; });
  }
  Mask GateMask() const {
    const bool ignored = Planted(options_, Fault::kGateIgnored);
    return MaskIf([ignored](const Restraint& restraint) { return restraint.gate && !ignored; });
  }
  template <class Predicate>
  Mask MaskIf(Predicate predicate) const {
    Mask mask(words_, 0);
    for (size_t i = 0; i < function_.restraints.size(); ++i) {
      if (predicate(function_.restraints[i])) mask[i / 64] |= uint64_t{1} << (i % 64);
    }
    return mask;
  }

  llvm::Value* AnyUnder(const Words& words, const Mask& mask) {
    Words hits;
    for (size_t w = 0; w < words_; ++w) {
      if (mask[w] != 0) hits.push_back(builder_.CreateAnd(words[w], mask[w]));
    }
    return IsSet(OrAll(hits));
  }

  // Stores the outcome and returns its reasons: those that stand and may speak. By jumps, from the strictest effect down.
  Words EmitOutcome(const Words& standing) {
    llvm::BasicBlock* told = NewBlock("told");
    std::vector<std::pair<llvm::BasicBlock*, Words>> ends;
    const auto end = [&](Outcome outcome, Words speaking) {
      StoreOutcome(builder_.getInt8(static_cast<uint8_t>(outcome)));
      ends.emplace_back(builder_.GetInsertBlock(), std::move(speaking));
      builder_.CreateBr(told);
    };
    const std::pair<Effect, Outcome> kByStrictness[] = {
        {Effect::kDeny, Outcome::kDeny}, {Effect::kHold, Outcome::kHold}, {Effect::kEscalate, Outcome::kEscalate}};
    for (const auto& [effect, outcome] : kByStrictness) {
      const Mask mask = MaskOf(effect);
      if (IsNone(mask)) continue;
      llvm::BasicBlock* stands = NewBlock("stands");
      llvm::BasicBlock* milder = NewBlock("milder");
      builder_.CreateCondBr(AnyUnder(standing, mask), stands, milder);
      builder_.SetInsertPoint(stands);
      end(outcome, Speaking(standing, mask, effect));
      builder_.SetInsertPoint(milder);
    }
    end(Outcome::kPermit, Words(words_, builder_.getInt64(0)));
    told->moveAfter(builder_.GetInsertBlock());
    builder_.SetInsertPoint(told);
    Words reasons;
    for (size_t w = 0; w < words_; ++w) {
      llvm::PHINode* speaking = builder_.CreatePHI(builder_.getInt64Ty(), static_cast<unsigned>(ends.size()));
      for (const auto& [block, words] : ends) speaking->addIncoming(words[w], block);
      reasons.push_back(speaking);
    }
    for (size_t w = 0; w < words_; ++w) reasons[w] = builder_.CreateAnd(standing[w], reasons[w]);
    return reasons;
  }

  // Of the effect's restraints those that may speak: the gates alone where one stands. Where all gates deny, none stands
  // under a milder outcome.
  Words Speaking(const Words& standing, const Mask& mask, Effect effect) {
    const Mask gates = GateMask();
    const Mask denies = MaskOf(Effect::kDeny);
    bool all_deny = true;
    for (size_t w = 0; w < words_; ++w) all_deny &= (gates[w] & ~denies[w]) == 0;
    Words speaking;
    if (IsNone(gates) || (all_deny && effect != Effect::kDeny)) {
      for (uint64_t word : mask) speaking.push_back(builder_.getInt64(word));
      return speaking;
    }
    llvm::Value* gate = AnyUnder(standing, gates);
    for (size_t w = 0; w < words_; ++w) {
      speaking.push_back(
          builder_.CreateSelect(gate, builder_.getInt64(mask[w] & gates[w]), builder_.getInt64(mask[w])));
    }
    return speaking;
  }
  static bool IsNone(const Mask& mask) {
    return std::all_of(mask.begin(), mask.end(), [](uint64_t word) { return word == 0; });
  }
  llvm::BasicBlock* NewBlock(const char* name) {
    return llvm::BasicBlock::Create(builder_.getContext(), name, builder_.GetInsertBlock()->getParent());
  }

  void EmitIndeterminate() {
    const size_t at = offsetof(RawDecision, indeterminate);
    const uint64_t first_allow = Planted(options_, Fault::kAllowFailsUnshifted) ? 0 : function_.restraints.size();
    llvm::Value* count = EmitWords(bits_.fails, 0, at, builder_.getInt64(0));
    StoreCount(offsetof(RawDecision, indeterminate_count), EmitWords(bits_.allow_fails, first_allow, at, count));
  }
  void EmitList(const Words& words, uint64_t first, size_t list, size_t count) {
    StoreCount(count, EmitWords(words, first, list, builder_.getInt64(0)));
  }
  llvm::Value* EmitWords(const Words& words, uint64_t first, size_t list, llvm::Value* count) {
    for (size_t w = 0; w < words.size(); ++w) count = EmitWord(words[w], first + 64 * w, list, count);
    return count;
  }

  // for (; word != 0; word &= word - 1) list[count++] = first + trailing zeros of word; tested once before the first.
  llvm::Value* EmitWord(llvm::Value* word, uint64_t first, size_t list, llvm::Value* count) {
    if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(word); constant != nullptr && constant->isZero()) {
      return count;
    }
    llvm::BasicBlock* before = builder_.GetInsertBlock();
    llvm::BasicBlock* next = NewBlock("bit");
    llvm::BasicBlock* after = NewBlock("listed");
    llvm::Type* i64 = builder_.getInt64Ty();
    builder_.CreateCondBr(IsSet(word), next, after);

    builder_.SetInsertPoint(next);
    llvm::PHINode* rest = builder_.CreatePHI(i64, 2);
    llvm::PHINode* position = builder_.CreatePHI(i64, 2);
    llvm::Value* bit = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, rest, builder_.getTrue());
    llvm::Value* number =
        builder_.CreateTrunc(builder_.CreateAdd(bit, builder_.getInt64(first)), builder_.getInt16Ty());
    llvm::Value* start = builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), out_, list);
    builder_.CreateStore(number, builder_.CreateInBoundsGEP(builder_.getInt16Ty(), start, position));
    llvm::Value* left = builder_.CreateAnd(rest, builder_.CreateSub(rest, builder_.getInt64(1)));
    llvm::Value* advanced = builder_.CreateAdd(position, builder_.getInt64(1));
    builder_.CreateCondBr(IsSet(left), next, after);
    rest->addIncoming(word, before);
    rest->addIncoming(left, next);
    position->addIncoming(count, before);
    position->addIncoming(advanced, next);

    builder_.SetInsertPoint(after);
    llvm::PHINode* total = builder_.CreatePHI(i64, 2);
    total->addIncoming(count, before);
    total->addIncoming(advanced, next);
    return total;
  }

  void StoreOutcome(llvm::Value* outcome) {
    builder_.CreateStore(
        outcome, builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), out_, offsetof(RawDecision, outcome)));
  }
  void StoreCount(size_t offset, llvm::Value* count) {
    llvm::Value* at = builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), out_, offset);
    builder_.CreateStore(builder_.CreateTrunc(count, builder_.getInt16Ty()), at);
  }

  llvm::IRBuilder<>& builder_;
  const Function& function_;
  const FunctionId id_;
  const DecisionBits& bits_;
  llvm::Value* const out_;
  const Options& options_;
  const size_t words_;
  const size_t allow_words_;
};

}  // namespace

void EmitDecision(llvm::IRBuilder<>* builder, const Function& function, FunctionId id, const DecisionBits& bits,
                  llvm::Value* out, const Options& options) {
  DecisionEmitter(builder, function, id, bits, out, options).Emit();
}

}  // namespace writ::native
