#include "compiler/eval/interpreter.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "compiler/ir/arithmetic.h"
#include "compiler/ir/sample_program.h"

namespace writ::eval {
namespace {

using ir::Builder;
using ir::ExprId;
using ir::LoopId;
using ir::Op;
using ir::Program;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

int64_t WordOf(const char* text) { return static_cast<int64_t>(reinterpret_cast<intptr_t>(text)); }

// A function over a frame of: s0 bool @0, s1 i64 @1, s2 i64 @2, s3 string @3, s4 string @5, s5 i128 @7; list l0 @9
// (capacity 3, stride 8) with s6 bool @0, s7 i64 @1, s8 string @2 and its inner list l1 @4 (capacity 3, stride 1) with
// s9 i64 @0; list l2 @34 (capacity 2, stride 2) with s10 i128 @0.
class InterpreterTest : public ::testing::Test {
 protected:
  InterpreterTest() : frame_(39) {
    program_.schema.functions.resize(1);
    program_.code.resize(1);
    Function& f = program_.schema.functions[0];
    f.name = "test.f";
    f.kind = FunctionKind::kCompute;
    const SlotPath now{SlotRoot::kNow, 0, 0, 0, {}}, element{SlotRoot::kElement, 0, 0, 0, {}};
    const auto slot = [&](SlotKind kind, uint32_t offset, ListId list = ListId()) {
      f.frame.slots.push_back(ir::SampleSlot(kind, list.valid() ? element : now, offset, list));
    };
    slot(SlotKind::kBool, 0);
    slot(SlotKind::kI64, 1);
    slot(SlotKind::kI64, 2);
    slot(SlotKind::kString, 3);
    slot(SlotKind::kString, 5);
    slot(SlotKind::kI128, 7);
    slot(SlotKind::kBool, 0, ListId(0));
    slot(SlotKind::kI64, 1, ListId(0));
    slot(SlotKind::kString, 2, ListId(0));
    slot(SlotKind::kI64, 0, ListId(1));
    slot(SlotKind::kI128, 0, ListId(2));
    f.frame.lists = {{now, ListId(), 3, 9, 8}, {element, ListId(0), 3, 4, 1}, {now, ListId(), 2, 34, 2}};
    f.frame.size_words = 39;
    builder_ = std::make_unique<Builder>(&program_, &f);
  }

  Builder& b() { return *builder_; }
  ExprId Flag() { return b().Slot(SlotId(0), {}); }
  ExprId X() { return b().Slot(SlotId(1), {-1000, 1000}); }
  ExprId Y() { return b().Slot(SlotId(2), {-1000, 1000}); }
  ExprId S() { return b().Slot(SlotId(3), {}); }
  ExprId T() { return b().Slot(SlotId(4), {}); }

  void SetText(size_t at, const char* text) {
    frame_[at] = WordOf(text);
    frame_[at + 1] = static_cast<int64_t>(std::string_view(text).size());
  }
  void SetElement(size_t i, bool flag, int64_t number, const char* text, std::vector<int64_t> inner) {
    const size_t at = 10 + 8 * i;
    frame_[at] = flag;
    frame_[at + 1] = number;
    SetText(at + 2, text);
    frame_[at + 4] = static_cast<int64_t>(inner.size());
    for (size_t k = 0; k < inner.size(); ++k) frame_[at + 5 + k] = inner[k];
  }

  // Makes `roots` the program; afterwards Get(i) evaluates root i on the frame.
  void Finish(std::vector<ExprId> roots) {
    Function& f = program_.schema.functions[0];
    for (const ExprId root : roots) {
      const ir::ValueType type = b().expr(root).type;
      const SlotKind kind = type == ir::ValueType::kBool ? SlotKind::kBool
                            : type == ir::ValueType::kStr ? SlotKind::kString : SlotKind::kI128;
      f.outputs.push_back({kind, f.output_words});
      f.output_words += kind == SlotKind::kBool ? 1 : 2;
    }
    b().Finish({}, {}, std::move(roots), &program_.code[0]);
    ASSERT_THAT(Verify(program_), IsEmpty());
  }
  Value Get(size_t root) {
    return EvaluateAll(program_, FunctionId(0), frame_.data())[program_.code[0].outputs[root].value];
  }
  int64_t Num64(size_t root) { return static_cast<int64_t>(Get(root).number); }

  Program program_;
  std::unique_ptr<Builder> builder_;
  std::vector<int64_t> frame_;
};

TEST_F(InterpreterTest, SlotsAndConstants) {
  const ExprId wide = b().Slot(SlotId(5), {-(Num{1} << 100), Num{1} << 100});
  Finish({Flag(), X(), S(), wide, b().Bool(true), b().Number(Num{3} << 80), b().Text("abc")});
  frame_[0] = 1, frame_[1] = -7, frame_[7] = -2, frame_[8] = -1;
  SetText(3, "hello");
  EXPECT_TRUE(Get(0).boolean);
  EXPECT_EQ(Num64(1), -7);
  EXPECT_EQ(Get(2).text, "hello");
  EXPECT_EQ(Num64(3), -2);
  frame_[7] = -2, frame_[8] = 1;
  EXPECT_TRUE(Get(3).number == (Num{1} << 64) + ((Num{1} << 64) - 2));
  EXPECT_TRUE(Get(4).boolean);
  EXPECT_TRUE(Get(5).number == Num{3} << 80);
  EXPECT_EQ(Get(6).text, "abc");
}

TEST_F(InterpreterTest, Truth) {
  const ExprId p = Flag(), q = b().EqNum(X(), b().Number(1));
  Finish({b().Not(p), b().And(p, q), b().Or(p, q), b().EqBool(p, q)});
  for (const bool left : {false, true}) {
    for (const bool right : {false, true}) {
      frame_[0] = left, frame_[1] = right;
      EXPECT_EQ(Get(0).boolean, !left);
      EXPECT_EQ(Get(1).boolean, left && right);
      EXPECT_EQ(Get(2).boolean, left || right);
      EXPECT_EQ(Get(3).boolean, left == right);
    }
  }
}

TEST_F(InterpreterTest, Numbers) {
  const ExprId x = X(), y = Y();
  Finish({b().Add(x, y), b().Sub(x, y), b().Mul(x, y), b().Neg(x), b().Round(Rounding::kDown, x, 4),
          b().Round(Rounding::kUp, x, 4), b().Round(Rounding::kHalfEven, x, 4), b().EqNum(x, y), b().LtNum(x, y),
          b().LeNum(x, y)});
  for (const int64_t left : {-10, -6, -1, 0, 6, 7, 10}) {
    for (const int64_t right : {-6, 0, 7}) {
      frame_[1] = left, frame_[2] = right;
      EXPECT_EQ(Num64(0), left + right);
      EXPECT_EQ(Num64(1), left - right);
      EXPECT_EQ(Num64(2), left * right);
      EXPECT_EQ(Num64(3), -left);
      EXPECT_EQ(Get(7).boolean, left == right);
      EXPECT_EQ(Get(8).boolean, left < right);
      EXPECT_EQ(Get(9).boolean, left <= right);
    }
  }
  const auto rounded = [&](int64_t x) {
    frame_[1] = x;
    return std::vector<int64_t>{Num64(4), Num64(5), Num64(6)};
  };
  EXPECT_THAT(rounded(10), ElementsAre(2, 3, 2));
  EXPECT_THAT(rounded(6), ElementsAre(1, 2, 2));
  EXPECT_THAT(rounded(7), ElementsAre(1, 2, 2));
  EXPECT_THAT(rounded(-6), ElementsAre(-2, -1, -2));
  EXPECT_THAT(rounded(-9), ElementsAre(-3, -2, -2));
  EXPECT_THAT(rounded(8), ElementsAre(2, 2, 2));
}

TEST_F(InterpreterTest, NumbersOutsideOfTheirRangesWrap) {
  const ExprId wide = b().Slot(SlotId(5), {-1, 1});
  Finish({b().Mul(b().Add(wide, wide), wide), b().Neg(wide)});
  frame_[7] = 0, frame_[8] = INT64_MIN;
  EXPECT_TRUE(Get(0).number == 0);
  EXPECT_TRUE(Get(1).number == ir::WrapNeg(ir::kNumMin - 1));
}

TEST_F(InterpreterTest, StringsAndChoice) {
  const ExprId p = Flag(), q = b().EqNum(X(), Y());
  Finish({b().EqStr(S(), T()), b().Select(p, S(), T()), b().Select(p, X(), Y()),
          b().Select(p, q, b().LtNum(X(), Y()))});
  SetText(3, "same"), SetText(5, "same");
  EXPECT_TRUE(Get(0).boolean);
  SetText(5, "sam");
  frame_[1] = 1, frame_[2] = 2;
  EXPECT_FALSE(Get(0).boolean);
  EXPECT_EQ(Get(1).text, "sam");
  EXPECT_EQ(Num64(2), 2);
  EXPECT_TRUE(Get(3).boolean);
  frame_[0] = 1;
  EXPECT_EQ(Get(1).text, "same");
  EXPECT_EQ(Num64(2), 1);
  EXPECT_FALSE(Get(3).boolean);
}

TEST_F(InterpreterTest, BitSets) {
  const ExprId wide = b().Slot(SlotId(5), {ir::kNumMin, ir::kNumMax});
  Finish({b().HasBit(wide, X()), b().PopCount(wide)});
  frame_[7] = INT64_MIN | 5, frame_[8] = -1;
  EXPECT_EQ(Num64(1), 3);  // of the low 64 bits
  std::set<int64_t> bits;
  for (const int64_t bit : {-64, -1, 0, 1, 2, 62, 63, 64, 100}) {
    frame_[1] = bit;
    if (Get(0).boolean) bits.insert(bit);
  }
  EXPECT_THAT(bits, ElementsAre(0, 2, 63));
}

TEST_F(InterpreterTest, EveryReduction) {
  const LoopId loop = b().OpenLoop(ListId(0), LoopId());
  const ExprId flag = b().Element(SlotId(6), loop, {}), n = b().Element(SlotId(7), loop, {-100, 100});
  const ExprId text = b().Element(SlotId(8), loop, {}), index = b().Index(loop), positive = b().LtNum(b().Number(0), n);
  Finish({b().Any(loop, flag), b().All(loop, flag), b().Count(loop, flag), b().Sum(loop, flag, n),
          b().Min(loop, flag, n), b().Max(loop, flag, n), b().First(loop, flag, positive), b().First(loop, flag, n),
          b().First(loop, flag, text), b().Sum(loop, b().Bool(true), index)});
  const auto expect = [&](bool any, bool all, std::vector<int64_t> numbers, bool first, std::string_view first_text) {
    EXPECT_EQ(Get(0).boolean, any);
    EXPECT_EQ(Get(1).boolean, all);
    EXPECT_EQ((std::vector<int64_t>{Num64(2), Num64(3), Num64(4), Num64(5), Num64(7), Num64(9)}), numbers);
    EXPECT_EQ(Get(6).boolean, first);
    EXPECT_EQ(Get(8).text, first_text);
  };
  SetElement(0, false, -50, "a", {});
  SetElement(1, true, 7, "b", {});
  SetElement(2, true, 3, "c", {});
  expect(false, true, {0, 0, 0, 0, 0, 0}, false, "");  // no element
  frame_[9] = 1;
  expect(false, false, {0, 0, 0, 0, 0, 0}, false, "");
  frame_[9] = 3;
  expect(true, false, {2, 10, 3, 7, 7, 3}, true, "b");
  frame_[9] = 99;  // clamped to the capacity
  expect(true, false, {2, 10, 3, 7, 7, 3}, true, "b");
  frame_[9] = -1;
  expect(false, true, {0, 0, 0, 0, 0, 0}, false, "");
  frame_[9] = 3;
  SetElement(1, true, -7, "b", {});
  SetElement(2, true, -3, "c", {});
  expect(true, false, {2, -10, -7, -3, -7, 3}, false, "b");  // the minimum of none is 0, of negatives not
}

TEST_F(InterpreterTest, InnerLoopsStartAfreshForEachElement) {
  const LoopId outer = b().OpenLoop(ListId(0), LoopId()), inner = b().OpenLoop(ListId(1), outer);
  const ExprId yes = b().Bool(true), i = b().Element(SlotId(9), inner, {-100, 100});
  const ExprId most = b().Max(inner, yes, i), all = b().All(inner, b().LtNum(b().Number(0), i));
  const ExprId sum = b().Sum(outer, yes, most), count = b().Count(outer, all);
  Finish({sum, count});
  SetElement(0, false, 0, "", {4, 9, 2});
  SetElement(1, false, 0, "", {});
  SetElement(2, false, 0, "", {-5, -6});
  frame_[9] = 3;
  EXPECT_EQ(Num64(0), 9 + 0 - 5);
  EXPECT_EQ(Num64(1), 2);
}

TEST_F(InterpreterTest, LoopsOverIndependentListsNest) {
  const LoopId outer = b().OpenLoop(ListId(0), LoopId()), other = b().OpenLoop(ListId(2), outer);
  const ExprId n = b().Element(SlotId(7), outer, {-100, 100}), wide = b().Element(SlotId(10), other, {-1000, 1000});
  const ExprId below = b().Count(other, b().LtNum(wide, n));
  Finish({b().Sum(outer, b().Bool(true), below)});
  for (size_t i = 0; i < 3; ++i) SetElement(i, false, static_cast<int64_t>(i), "", {});  // 0, 1, 2
  frame_[9] = 3, frame_[34] = 2, frame_[35] = -1, frame_[36] = -1, frame_[37] = 1, frame_[38] = 0;  // -1, 1
  EXPECT_EQ(Num64(0), 1 + 1 + 2);
}

TEST_F(InterpreterTest, EvaluateStoresByKind) {
  const ExprId flag = Flag(), x = X(), s = S();
  Function& f = program_.schema.functions[0];
  f.outputs = {{SlotKind::kString, 0}, {SlotKind::kBool, 2}, {SlotKind::kI128, 3}, {SlotKind::kI64, 5}};
  f.output_words = 6;
  b().Finish({}, {}, {s, flag, x, x}, &program_.code[0]);
  SetText(3, "text");
  frame_[0] = 1, frame_[1] = -9;
  int64_t out[6] = {};
  Evaluate(program_, FunctionId(0), frame_.data(), out);
  EXPECT_EQ(out[0], frame_[3]);
  EXPECT_EQ(out[1], 4);
  EXPECT_EQ(out[2], 1);
  EXPECT_EQ(out[3], -9);
  EXPECT_EQ(out[4], -1);
  EXPECT_EQ(out[5], -9);
}

TEST_F(InterpreterTest, AWideResultInANarrowOutputIsOurFault) {
  const ExprId wide = b().Slot(SlotId(5), {ir::kNumMin, ir::kNumMax});
  Function& f = program_.schema.functions[0];
  f.outputs = {{SlotKind::kI64, 0}};
  f.output_words = 1;
  b().Finish({}, {}, {wide}, &program_.code[0]);
  frame_[8] = 1;
  int64_t out = 0;
  EXPECT_DEATH(Evaluate(program_, FunctionId(0), frame_.data(), &out), "internal error");
}

// The sample's frame: amount @0, active @1, key @2, lines @4 (3 of 2 words: price @0), the other amount @11.
TEST(PolicyTest, DecidesThroughTheInterface) {
  const std::unique_ptr<CompiledPolicy> policy = MakePolicy(ir::SampleProgram());
  EXPECT_EQ(policy->digest(), ir::Digest(ir::SampleProgram()));
  EXPECT_EQ(policy->ir(), ir::Serialize(ir::SampleProgram()));
  EXPECT_EQ(policy->schema().functions.size(), 3u);
  int64_t frame[12] = {};
  auto out = std::make_unique<RawDecision>();
  policy->Decide(FunctionId(0), frame, out.get());
  EXPECT_EQ(out->outcome, Outcome::kPermit);
  frame[4] = 1, frame[5] = 5'001;
  policy->Decide(FunctionId(0), frame, out.get());
  EXPECT_EQ(out->outcome, Outcome::kEscalate);
  EXPECT_EQ(out->reason_count, 1);
  EXPECT_EQ(out->indeterminate_count, 0);
  frame[1] = 1, frame[2] = WordOf("Initech"), frame[3] = 7;
  policy->Decide(FunctionId(0), frame, out.get());
  EXPECT_EQ(out->outcome, Outcome::kPermit);
  EXPECT_EQ(out->applied_count, 1);
  EXPECT_EQ(out->allow_count, 1);
  EXPECT_EQ(out->indeterminate_count, 1);

  const int64_t fold_frame[3] = {10, 0, 6'000};
  int64_t folded[4] = {};
  policy->Evaluate(FunctionId(1), fold_frame, folded);
  EXPECT_THAT(folded, ElementsAre(6'010, 0, 1, 6'000));
}

}  // namespace
}  // namespace writ::eval
