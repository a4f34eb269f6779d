#include "compiler/ir/ir.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "compiler/ir/arithmetic.h"
#include "compiler/ir/sample_program.h"

namespace writ::ir {
namespace {

using ::testing::IsEmpty;

// A compute function whose frame has: s0 bool, s1 i64, s2 i64, s3 string, s4 i128; list l0 (capacity 4) with s5 i64, s6
// bool and the inner list l1 (capacity 3) with s7 i64; list l2 (capacity 2) with s8 i64.
class BuilderTest : public ::testing::Test {
 protected:
  BuilderTest() {
    program_.schema.functions.resize(1);
    program_.code.resize(1);
    Function& f = program_.schema.functions[0];
    f.name = "test.f";
    f.kind = FunctionKind::kCompute;
    AddSlot(SlotKind::kBool, 0);
    AddSlot(SlotKind::kI64, 1);
    AddSlot(SlotKind::kI64, 2);
    AddSlot(SlotKind::kString, 3);
    AddSlot(SlotKind::kI128, 5);
    AddSlot(SlotKind::kI64, 0, ListId(0));
    AddSlot(SlotKind::kBool, 1, ListId(0));
    AddSlot(SlotKind::kI64, 0, ListId(1));
    AddSlot(SlotKind::kI64, 0, ListId(2));
    f.frame.lists.push_back({{}, ListId(), 4, 7, 6});
    f.frame.lists.push_back({{SlotRoot::kElement, 0, 0, 0, {}}, ListId(0), 3, 2, 1});
    f.frame.lists.push_back({{}, ListId(), 2, 32, 1});
    f.frame.size_words = 35;
    builder_ = std::make_unique<Builder>(&program_, &f);
  }

  void AddSlot(SlotKind kind, uint32_t offset, ListId list = ListId()) {
    writ::Slot slot;
    slot.kind = kind;
    slot.offset = offset;
    slot.list = list;
    if (list.valid()) slot.path.root = SlotRoot::kElement;
    program_.schema.functions[0].frame.slots.push_back(slot);
  }

  Builder& b() { return *builder_; }
  ExprId Flag() { return b().Slot(SlotId(0), {}); }
  ExprId X() { return b().Slot(SlotId(1), {0, 100}); }
  ExprId Y() { return b().Slot(SlotId(2), {-5, 5}); }
  ExprId S() { return b().Slot(SlotId(3), {}); }
  ExprId Wide() { return b().Slot(SlotId(4), {kNumMin, kNumMax}); }

  // Finishes with one output for each root and gives the text of the code.
  std::string Finish(std::vector<ExprId> roots) {
    Function& f = program_.schema.functions[0];
    for (const ExprId root : roots) {
      const ValueType type = b().expr(root).type;
      const SlotKind kind = type == ValueType::kBool ? SlotKind::kBool
                            : type == ValueType::kStr ? SlotKind::kString : SlotKind::kI128;
      f.outputs.push_back({kind, f.output_words});
      f.output_words += kind == SlotKind::kBool ? 1 : 2;
    }
    finals_ = b().Finish({}, {}, std::move(roots), &program_.code[0]);
    EXPECT_THAT(Verify(program_), IsEmpty());
    const std::string text = ToText(program_);
    const size_t begin = text.find("  %"), loop = text.find("  loop_begin");
    return text.substr(std::min(begin, loop));
  }

  Program program_;
  std::unique_ptr<Builder> builder_;
  std::vector<ExprId> finals_;
};

TEST_F(BuilderTest, EqualExpressionsAreOne) {
  const ExprId x = X(), y = Y();
  EXPECT_EQ(x, X());
  EXPECT_EQ(b().Number(7), b().Number(7));
  EXPECT_NE(b().Number(7), b().Number(Num{7} << 64));
  EXPECT_EQ(b().Text("a"), b().Text("a"));
  EXPECT_EQ(b().Add(x, y), b().Add(y, x));
  EXPECT_NE(b().Sub(x, y), b().Sub(y, x));
  EXPECT_EQ(program_.numbers.size(), 2u);
}

TEST_F(BuilderTest, TruthFolds) {
  const ExprId p = Flag(), yes = b().Bool(true), no = b().Bool(false);
  const ExprId q = b().EqNum(X(), Y()), not_p = b().Not(p);
  EXPECT_EQ(b().Not(not_p), p);
  EXPECT_EQ(b().Not(yes), no);
  EXPECT_EQ(b().And(p, yes), p);
  EXPECT_EQ(b().And(no, p), no);
  EXPECT_EQ(b().And(p, p), p);
  EXPECT_EQ(b().And(p, not_p), no);
  EXPECT_EQ(b().Or(no, p), p);
  EXPECT_EQ(b().Or(p, yes), yes);
  EXPECT_EQ(b().Or(not_p, p), yes);
  EXPECT_EQ(b().And(p, q), b().And(q, p));
  EXPECT_EQ(b().EqBool(p, p), yes);
  EXPECT_EQ(b().EqBool(p, no), not_p);
  EXPECT_EQ(b().EqBool(yes, p), p);
  EXPECT_EQ(b().EqBool(p, not_p), no);
}

TEST_F(BuilderTest, NumbersFold) {
  const ExprId x = X(), zero = b().Number(0), one = b().Number(1), three = b().Number(3);
  EXPECT_EQ(b().Add(three, one), b().Number(4));
  EXPECT_EQ(b().Add(zero, x), x);
  EXPECT_EQ(b().Sub(x, zero), x);
  EXPECT_EQ(b().Sub(x, x), zero);
  EXPECT_EQ(b().Mul(three, three), b().Number(9));
  EXPECT_EQ(b().Mul(x, zero), zero);
  EXPECT_EQ(b().Mul(one, x), x);
  const ExprId negative = b().Neg(x);
  EXPECT_EQ(b().Neg(negative), x);
  EXPECT_EQ(b().Neg(three), b().Number(-3));
  EXPECT_EQ(b().Round(Rounding::kHalfEven, b().Number(5), 2), b().Number(2));
  EXPECT_EQ(b().Round(Rounding::kDown, x, 1), x);
  EXPECT_EQ(b().LtNum(one, three), b().Bool(true));
  EXPECT_EQ(b().LtNum(x, x), b().Bool(false));
  EXPECT_EQ(b().LeNum(x, x), b().Bool(true));
  EXPECT_EQ(b().EqNum(one, three), b().Bool(false));
  EXPECT_EQ(b().EqStr(b().Text("a"), b().Text("b")), b().Bool(false));
  EXPECT_EQ(b().HasBit(b().Number(5), b().Number(2)), b().Bool(true));
  EXPECT_EQ(b().PopCount(b().Number(-1)), b().Number(64));
}

TEST_F(BuilderTest, RoundQuotientOfBothSigns) {
  struct Row { int a, divisor, down, up, half_even; };
  for (const Row& r : std::vector<Row>{{7, 2, 3, 4, 4}, {5, 2, 2, 3, 2}, {-5, 2, -3, -2, -2}, {-7, 2, -4, -3, -4},
                                       {-6, 3, -2, -2, -2}, {1, 3, 0, 1, 0}, {2, 3, 0, 1, 1}, {-1, 3, -1, 0, 0}}) {
    EXPECT_EQ(static_cast<int>(RoundQuotient(Op::kRoundDown, r.a, r.divisor)), r.down) << r.a;
    EXPECT_EQ(static_cast<int>(RoundQuotient(Op::kRoundUp, r.a, r.divisor)), r.up) << r.a;
    EXPECT_EQ(static_cast<int>(RoundQuotient(Op::kRoundHalfEven, r.a, r.divisor)), r.half_even) << r.a;
  }
  EXPECT_EQ(RoundQuotient(Op::kRoundHalfEven, kNumMax, kNumMax), 1);
}

TEST_F(BuilderTest, SelectFolds) {
  const ExprId p = Flag(), x = X(), y = Y(), q = b().LtNum(x, y), not_p = b().Not(p);
  EXPECT_EQ(b().Select(p, x, x), x);
  EXPECT_EQ(b().Select(b().Bool(false), x, y), y);
  EXPECT_EQ(b().Select(not_p, x, y), b().Select(p, y, x));
  EXPECT_EQ(b().Select(q, b().Bool(true), b().Bool(false)), q);
  EXPECT_EQ(b().Select(q, b().Bool(false), b().Bool(true)), b().Not(q));
  EXPECT_EQ(b().Select(q, p, b().Bool(false)), b().And(q, p));
}

TEST_F(BuilderTest, TablesFold) {
  const StepTable steps = SampleSteps();
  for (const auto& [at, value] : std::vector<std::pair<Num, Num>>{
           {kNumMin, 0}, {9, 0}, {10, 1}, {19, 1}, {20, 0}, {kNumMax, 0}}) {
    EXPECT_EQ(b().StepNum(b().Number(at), steps), b().Number(value)) << NumToText(at);
  }
  EXPECT_EQ(b().StepNum(X(), {{{5, 3}}}), b().Number(3)) << "there is one value only";
  EXPECT_EQ(StepValue({{{5, 3}, {6, 4}}}, -1), 3) << "before the first step";
  const ExprId value = b().StepNum(X(), steps);
  EXPECT_EQ(b().range(value), (Range{0, 1}));
  EXPECT_EQ(b().StepNum(X(), SampleSteps()), value);
  const Automaton automaton = SampleAutomaton();
  EXPECT_EQ(b().MatchStr(b().Text("Ada"), automaton), b().Bool(true));
  EXPECT_EQ(b().MatchStr(b().Text("Bob"), automaton), b().Bool(false));
  EXPECT_EQ(b().MatchStr(b().Text(""), automaton), b().Bool(false));
  EXPECT_EQ(b().MatchStr(S(), automaton), b().MatchStr(S(), SampleAutomaton()));
  EXPECT_EQ(program_.steps.size(), 1u);
  EXPECT_EQ(program_.automata.size(), 1u);
}

TEST_F(BuilderTest, RangesFollowTheOps) {
  const ExprId x = X(), y = Y(), p = Flag();  // 0..100, -5..5
  EXPECT_EQ(b().range(b().Add(x, y)), (Range{-5, 105}));
  EXPECT_EQ(b().range(b().Sub(x, y)), (Range{-5, 105}));
  EXPECT_EQ(b().range(b().Mul(x, y)), (Range{-500, 500}));
  EXPECT_EQ(b().range(b().Neg(x)), (Range{-100, 0}));
  EXPECT_EQ(b().range(b().Round(Rounding::kUp, y, 2)), (Range{-2, 3}));
  EXPECT_EQ(b().range(b().Select(p, x, y)), (Range{-5, 100}));
  const LoopId loop = b().OpenLoop(ListId(0), LoopId());
  const ExprId e = b().Element(SlotId(5), loop, {3, 9}), taken = b().Element(SlotId(6), loop, {});
  EXPECT_EQ(b().range(b().Index(loop)), (Range{0, 3}));
  EXPECT_EQ(b().range(b().Count(loop, taken)), (Range{0, 4}));
  EXPECT_EQ(b().range(b().Sum(loop, taken, e)), (Range{0, 36}));
  EXPECT_EQ(b().range(b().Min(loop, taken, e)), (Range{0, 9}));
  EXPECT_EQ(b().range(b().First(loop, taken, e)), (Range{0, 9}));
}

TEST_F(BuilderTest, FitsSaysWhatLeaves128Bits) {
  const ExprId x = X(), w = Wide();
  EXPECT_TRUE(b().FitsAdd(x, x));
  EXPECT_FALSE(b().FitsAdd(w, x));
  EXPECT_FALSE(b().FitsSub(w, x));
  EXPECT_FALSE(b().FitsMul(w, x));
  EXPECT_EQ(b().range(b().Neg(w)), (Range{kNumMin, kNumMax}));
  const LoopId loop = b().OpenLoop(ListId(0), LoopId());
  EXPECT_TRUE(b().FitsSum(loop, x));
  EXPECT_FALSE(b().FitsSum(loop, w));
  EXPECT_DEATH(b().Add(w, x), "internal error");
}

TEST_F(BuilderTest, WrongOperandsAreOurFault) {
  const ExprId p = Flag(), x = X();
  EXPECT_DEATH(b().And(p, x), "internal error");
  EXPECT_DEATH(b().LtNum(p, x), "internal error");
  EXPECT_DEATH(b().Slot(SlotId(5), {}), "internal error");                    // an element's slot outside of a loop
  EXPECT_DEATH(b().OpenLoop(ListId(1), LoopId()), "internal error");          // an element's list at the top
  const LoopId one = b().OpenLoop(ListId(0), LoopId()), other = b().OpenLoop(ListId(2), LoopId());
  const ExprId e = b().Element(SlotId(5), one, {0, 9}), f = b().Element(SlotId(8), other, {0, 9});
  EXPECT_DEATH(b().Add(e, f), "internal error");                              // of two loops side by side
  const ExprId of_one = b().LtNum(e, x);
  EXPECT_DEATH(b().Any(other, of_one), "internal error");
}

TEST_F(BuilderTest, FinishDropsWhatNobodyNeeds) {
  const ExprId x = X(), y = Y();
  const ExprId dead = b().Mul(x, y), live = b().Add(y, b().Number(2));
  EXPECT_EQ(Finish({live}),
            "  %0 = slot_num s2 in -5..5\n  %1 = const_num 2\n  %2 = add %0 %1\n  output 0 i128 @0 %2\n");
  EXPECT_FALSE(finals_[dead.value].valid());
  EXPECT_EQ(finals_[live.value], ExprId(2));
}

TEST_F(BuilderTest, InvariantsStandBeforeTheLoop) {
  const LoopId loop = b().OpenLoop(ListId(0), LoopId());
  const ExprId e = b().Element(SlotId(5), loop, {0, 9});
  const ExprId x = X(), y = Y(), limit = b().Add(x, y);
  const ExprId over = b().LtNum(limit, e);
  const ExprId any = b().Any(loop, over), count = b().Count(loop, over);
  const ExprId both = b().And(any, b().LtNum(count, x));
  EXPECT_EQ(Finish({both}),
            "  %0 = slot_num s1 in 0..100\n"
            "  %1 = slot_num s2 in -5..5\n"
            "  %2 = add %0 %1\n"
            "  loop_begin loop0 over l0\n"
            "    %4 = elem_num s5 loop0 in 0..9\n"
            "    %5 = lt_num %2 %4\n"
            "    %6 = any loop0 %5\n"
            "    %7 = count loop0 %5\n"
            "  loop_end loop0\n"
            "  %9 = lt_num %7 %0\n"
            "  %10 = and %6 %9\n"
            "  output 0 bool @0 %10\n");
}

TEST_F(BuilderTest, LoopsNestAndUnusedOnesAreDropped) {
  b().OpenLoop(ListId(2), LoopId());  // nobody reduces it
  const LoopId outer = b().OpenLoop(ListId(0), LoopId());
  const LoopId inner = b().OpenLoop(ListId(1), outer);
  const LoopId other = b().OpenLoop(ListId(2), LoopId());
  const ExprId o = b().Element(SlotId(8), other, {0, 9});
  const ExprId most = b().Max(other, b().Bool(true), o);  // needed inside, independent of it
  const ExprId e = b().Element(SlotId(5), outer, {0, 9}), i = b().Element(SlotId(7), inner, {0, 9});
  const ExprId bound = b().Add(e, most);
  const ExprId sum = b().Sum(inner, b().LtNum(i, bound), i);
  const ExprId all = b().All(outer, b().LeNum(sum, e));
  EXPECT_EQ(Finish({all}),
            "  %0 = const_bool true\n"
            "  loop_begin loop0 over l2\n"
            "    %2 = elem_num s8 loop0 in 0..9\n"
            "    %3 = max loop0 %0 %2\n"
            "  loop_end loop0\n"
            "  loop_begin loop1 over l0\n"
            "    %6 = elem_num s5 loop1 in 0..9\n"
            "    %7 = add %3 %6\n"
            "    loop_begin loop2 over l1\n"
            "      %9 = elem_num s7 loop2 in 0..9\n"
            "      %10 = lt_num %9 %7\n"
            "      %11 = sum loop2 %10 %9\n"
            "    loop_end loop2\n"
            "    %13 = le_num %11 %6\n"
            "    %14 = all loop1 %13\n"
            "  loop_end loop1\n"
            "  output 0 bool @0 %14\n");
}

TEST_F(BuilderTest, ReductionOfAnInvariantStandsInItsLoop) {
  const LoopId outer = b().OpenLoop(ListId(0), LoopId());
  const LoopId inner = b().OpenLoop(ListId(1), outer);
  const ExprId count = b().Count(inner, Flag());
  const ExprId sum = b().Sum(outer, b().Bool(true), count);
  Finish({sum});
  EXPECT_EQ(program_.code[0].loops.size(), 2u);
  EXPECT_EQ(program_.code[0].loops[1].parent, LoopId(0));
}

TEST_F(BuilderTest, ReductionsOfOneLoopMustNotDependOnEachOther) {
  const LoopId loop = b().OpenLoop(ListId(0), LoopId());
  const ExprId e = b().Element(SlotId(5), loop, {0, 9});
  const ExprId most = b().Max(loop, b().Bool(true), e);
  const ExprId is_most = b().Any(loop, b().EqNum(e, most));
  Code code;
  EXPECT_DEATH(b().Finish({}, {}, {is_most}, &code), "internal error");
}

TEST_F(BuilderTest, TheOrderOfBuildingDoesNotShow) {
  const auto build = [&](bool reversed) {
    Builder builder(&program_, &program_.schema.functions[0]);
    const LoopId loop = builder.OpenLoop(ListId(0), LoopId());
    ExprId any, all;
    for (int k = 0; k < 2; ++k) {
      const ExprId taken = builder.Element(SlotId(6), loop, {});
      if ((k == 0) == reversed) all = builder.All(loop, taken);
      if ((k == 0) != reversed) any = builder.Any(loop, taken);
    }
    Code code;
    builder.Finish({}, {}, {any, all}, &code);
    return code.exprs;
  };
  EXPECT_EQ(build(false), build(true));
}

TEST_F(BuilderTest, DeepExpressionsNeedNoStack) {
  ExprId x = X();
  for (int i = 0; i < 100'000; ++i) x = b().Add(i % 2 == 0 ? x : b().Neg(x), b().Number(1));
  Finish({x});
  EXPECT_GT(program_.code[0].exprs.size(), 100'000u);
}

}  // namespace
}  // namespace writ::ir
