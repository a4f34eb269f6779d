#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "compiler/eval/interpreter.h"
#include "compiler/native/jit.h"
#include "compiler/native/samples.h"

namespace writ::native {
namespace {

using ir::Builder;
using ir::ExprId;
using ir::Guard;
using ir::LoopId;
using samples::kComputeFunction;
using samples::kDecideFunction;

std::unique_ptr<CompiledPolicy> MustCompile(const ir::Program& program, const Options& options = {}) {
  EXPECT_EQ(ir::Verify(program), std::vector<std::string>());
  auto policy = Compile(program, options);
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

std::string Decided(const CompiledPolicy& policy, const std::vector<int64_t>& frame) {
  RawDecision out;
  policy.Decide(kDecideFunction, frame.data(), &out);
  return samples::Describe(out);
}
std::string Evaluated(const CompiledPolicy& policy, const std::vector<int64_t>& frame) {
  std::vector<int64_t> out(policy.schema().functions[kComputeFunction.value].output_words);
  policy.Evaluate(kComputeFunction, frame.data(), out.data());
  return samples::Describe(policy.schema().functions[kComputeFunction.value], out.data());
}

void ExpectAgreement(const ir::Program& program, uint64_t seed, int frames, const Options& options = {}) {
  const std::unique_ptr<CompiledPolicy> native = MustCompile(program, options);
  const std::unique_ptr<CompiledPolicy> reference = eval::MakePolicy(program);
  EXPECT_EQ(native->digest(), reference->digest());
  for (int k = 0; k < frames; ++k) {
    const std::vector<int64_t> frame = samples::RandomFrame(seed * 1000 + k);
    ASSERT_EQ(Decided(*native, frame), Decided(*reference, frame)) << "seed " << seed << " frame " << k;
    ASSERT_EQ(Evaluated(*native, frame), Evaluated(*reference, frame)) << "seed " << seed << " frame " << k;
  }
}

TEST(Native, AgreesWithTheInterpreter) {
  std::set<ir::Op> seen;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    const ir::Program program = samples::RandomProgram(seed, {6, 3, 5});
    for (const ir::Code& code : program.code) {
      for (const ir::Expr& expr : code.exprs) seen.insert(expr.op);
    }
    Options options;
    options.optimize = seed % 3 == 0;
    options.lazy = seed % 2 == 0;
    ASSERT_NO_FATAL_FAILURE(ExpectAgreement(program, seed, 100, options));
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(ir::kOpCount)) << "the samples must reach every op";
}

TEST(Native, AgreesUnoptimised) {
  for (uint64_t seed = 500; seed < 540; ++seed) {
    Options options;
    options.optimize = false;
    ASSERT_NO_FATAL_FAILURE(ExpectAgreement(samples::RandomProgram(seed), seed, 50, options));
  }
}

// One word exactly full, two, three, four words; and five, which call Combine.
TEST(Native, AgreesOnManyRules) {
  const samples::Shape shapes[] = {{0, 0, 3},    {1, 0, 3},   {0, 2, 3},   {64, 2, 2}, {65, 64, 2},
                                   {130, 70, 2}, {256, 5, 2}, {300, 3, 1}, {4, 300, 1}};
  uint64_t seed = 900;
  for (const samples::Shape& shape : shapes) {
    ++seed;
    ASSERT_NO_FATAL_FAILURE(ExpectAgreement(samples::RandomProgram(seed, shape), seed, 60));
  }
}

TEST(Native, AgreesOnAThousandRules) {
  const ir::Program program = samples::RandomProgram(7, {1024, 1024, 1});
  ASSERT_NO_FATAL_FAILURE(ExpectAgreement(program, 7, 20));
  Options options;
  options.optimize_exprs_max = 8;
  ASSERT_NO_FATAL_FAILURE(ExpectAgreement(program, 7, 20, options));
}

// ---- known answers, so that both backends cannot be wrong alike

// Numbers in, numbers out: slot kWide through `make`, as the first 128-bit output.
template <class Make>
Num Compute(Num input, Make make) {
  ir::Program program = samples::EmptyProgram(0, 0);
  Function& function = program.schema.functions[kComputeFunction.value];
  function.outputs = {{SlotKind::kI128, 0}};
  function.output_words = 2;
  {
    Builder decide(&program, &program.schema.functions[kDecideFunction.value]);
    decide.Finish({}, {}, {}, &program.code[kDecideFunction.value]);
  }
  Builder builder(&program, &function);
  const ExprId wide = builder.Slot(SlotId(samples::kWide), samples::RangeOf(samples::kWide));
  builder.Finish({}, {}, {make(builder, wide)}, &program.code[kComputeFunction.value]);
  const std::unique_ptr<CompiledPolicy> policy = MustCompile(program);
  std::vector<int64_t> frame(program.schema.functions[kComputeFunction.value].frame.size_words);
  const Slot& slot = function.frame.slots[samples::kWide];
  frame[slot.offset] = static_cast<int64_t>(input);
  frame[slot.offset + 1] = static_cast<int64_t>(input >> 64);
  int64_t out[2];
  policy->Evaluate(kComputeFunction, frame.data(), out);
  return (static_cast<Num>(out[1]) << 64) | static_cast<Num>(static_cast<uint64_t>(out[0]));
}

int64_t Rounded(Rounding rounding, Num value, Num divisor) {
  return static_cast<int64_t>(
      Compute(value, [&](Builder& builder, ExprId x) { return builder.Round(rounding, x, divisor); }));
}

TEST(Native, RoundsByTheTable) {
  struct Row {
    int64_t value, divisor, down, up, half_even;
  };
  const Row rows[] = {{7, 2, 3, 4, 4},   {5, 2, 2, 3, 2},      {-5, 2, -3, -2, -2}, {-7, 2, -4, -3, -4},
                      {-1, 2, -1, 0, 0}, {1, 2, 0, 1, 0},      {3, 2, 1, 2, 2},     {-3, 2, -2, -1, -2},
                      {10, 3, 3, 4, 3},  {-10, 3, -4, -3, -3}, {11, 3, 3, 4, 4},    {-11, 3, -4, -3, -4},
                      {6, 3, 2, 2, 2},   {-6, 3, -2, -2, -2},  {9, 1, 9, 9, 9}};
  for (const Row& row : rows) {
    EXPECT_EQ(Rounded(Rounding::kDown, row.value, row.divisor), row.down) << row.value << "/" << row.divisor;
    EXPECT_EQ(Rounded(Rounding::kUp, row.value, row.divisor), row.up) << row.value << "/" << row.divisor;
    EXPECT_EQ(Rounded(Rounding::kHalfEven, row.value, row.divisor), row.half_even) << row.value << "/" << row.divisor;
  }
}

TEST(Native, KeepsWideProducts) {
  const Num input = (Num{1} << 89) + 12345;
  const Num product = Compute(input, [](Builder& b, ExprId x) { return b.Mul(x, b.Number(1'000'003)); });
  EXPECT_TRUE(product == input * 1'000'003);
  const Num back = Compute(-input, [](Builder& b, ExprId x) {
    const ExprId scaled = b.Mul(x, b.Number(1'000'000));
    return b.Round(Rounding::kHalfEven, scaled, 1'000'000);
  });
  EXPECT_TRUE(back == -input);
}

TEST(Native, ReducesNoElementToZeroAndOneToItself) {
  ir::Program program = samples::EmptyProgram(0, 0);
  Function& function = program.schema.functions[kComputeFunction.value];
  function.outputs.clear();
  std::vector<ExprId> outputs;
  {
    Builder decide(&program, &program.schema.functions[kDecideFunction.value]);
    decide.Finish({}, {}, {}, &program.code[kDecideFunction.value]);
  }
  Builder builder(&program, &function);
  const LoopId loop = builder.OpenLoop(ListId(samples::kDays), LoopId());
  const ExprId day = builder.Element(SlotId(samples::kDaySmall), loop, samples::RangeOf(samples::kDaySmall));
  const ExprId yes = builder.LtNum(day, builder.Number(samples::kSmallMax));
  for (ExprId number : {builder.Min(loop, yes, day), builder.Max(loop, yes, day), builder.Sum(loop, yes, day),
                        builder.First(loop, yes, day), builder.Count(loop, yes)}) {
    outputs.push_back(number);
    function.outputs.push_back({SlotKind::kI64, static_cast<uint32_t>(function.outputs.size())});
  }
  for (ExprId truth : {builder.Any(loop, yes), builder.All(loop, yes)}) {
    outputs.push_back(truth);
    function.outputs.push_back({SlotKind::kBool, static_cast<uint32_t>(function.outputs.size())});
  }
  function.output_words = 7;
  builder.Finish({}, {}, outputs, &program.code[kComputeFunction.value]);
  const std::unique_ptr<CompiledPolicy> policy = MustCompile(program);
  std::vector<int64_t> frame(function.frame.size_words);
  EXPECT_EQ(Evaluated(*policy, frame), "0 0 0 0 0 0 1 ");
  const FrameList& days = function.frame.lists[samples::kDays];
  frame[days.offset] = 1;
  frame[days.offset + 1] = -7;
  EXPECT_EQ(Evaluated(*policy, frame), "-7 -7 -7 -7 1 1 1 ");
  frame[days.offset] = 3;
  frame[days.offset + 2] = -9;
  frame[days.offset + 3] = -8;
  EXPECT_EQ(Evaluated(*policy, frame), "-9 -7 -24 -7 3 1 1 ");
  frame[days.offset] = 1'000'000;  // no frame of ours: never read past the capacity
  EXPECT_EQ(Evaluated(*policy, frame), "-9 -7 -24 -7 3 1 1 ");
}

// Restraints 0 deny gate, 1 deny, 2 hold, 3 escalate; allow 0 excuses 1, allow 1 excuses 2 and 3. Each guard is a bit
// of kLong.
class Combining : public ::testing::Test {
 protected:
  Combining() {
    ir::Program program = samples::EmptyProgram(4, 2);
    Function& decide = program.schema.functions[kDecideFunction.value];
    decide.restraints[0].gate = true;
    decide.restraints[2].effect = Effect::kHold;
    decide.restraints[3].effect = Effect::kEscalate;
    for (const Restraint& restraint : decide.restraints)
      program.schema.rules[restraint.rule.value].effect = restraint.effect;
    decide.allows[0].excuses = {0b0010};
    decide.allows[1].excuses = {0b1100};
    Builder builder(&program, &decide);
    const ExprId bits = builder.Slot(SlotId(samples::kLong), samples::RangeOf(samples::kLong));
    int next = 0;
    const auto guard = [&] {
      const ExprId applies = builder.HasBit(bits, builder.Number(next));
      const ExprId fails = builder.HasBit(bits, builder.Number(8 + next++));
      return Guard{applies, fails};
    };
    std::vector<Guard> restraints, allows;
    for (int i = 0; i < 4; ++i) restraints.push_back(guard());
    for (int i = 0; i < 2; ++i) allows.push_back(guard());
    builder.Finish(restraints, allows, {}, &program.code[kDecideFunction.value]);
    Function& compute = program.schema.functions[kComputeFunction.value];
    compute.outputs.clear();
    compute.output_words = 0;
    Builder nothing(&program, &compute);
    nothing.Finish({}, {}, {}, &program.code[kComputeFunction.value]);
    policy_ = MustCompile(program);
  }
  std::string Of(int64_t bits) {
    std::vector<int64_t> frame(policy_->schema().functions[kDecideFunction.value].frame.size_words);
    frame[policy_->schema().functions[kDecideFunction.value].frame.slots[samples::kLong].offset] = bits;
    return Decided(*policy_, frame);
  }
  std::unique_ptr<CompiledPolicy> policy_;
};

TEST_F(Combining, PermitsWhenNothingStands) {
  EXPECT_EQ(Of(0), "outcome 0; reasons; applied; allows; indeterminate");
  EXPECT_EQ(Of(0b110000), "outcome 0; reasons; applied; allows; indeterminate");
  EXPECT_EQ(Of(0b111110), "outcome 0; reasons; applied 1 2 3; allows 0 1; indeterminate");
}
TEST_F(Combining, TellsTheStrictestOnly) {
  EXPECT_EQ(Of(0b001000), "outcome 1; reasons 3; applied 3; allows; indeterminate");
  EXPECT_EQ(Of(0b001100), "outcome 2; reasons 2; applied 2 3; allows; indeterminate");
  EXPECT_EQ(Of(0b001110), "outcome 3; reasons 1; applied 1 2 3; allows; indeterminate");
  EXPECT_EQ(Of(0b011110), "outcome 2; reasons 2; applied 1 2 3; allows 0; indeterminate");
}
TEST_F(Combining, LetsAGateSpeakAlone) {
  EXPECT_EQ(Of(0b001111), "outcome 3; reasons 0; applied 0 1 2 3; allows; indeterminate");
}
TEST_F(Combining, ListsWhatCouldNotBeEvaluated) {
  EXPECT_EQ(Of(0b101 << 8 | 0b11 << 12), "outcome 0; reasons; applied; allows; indeterminate 0 2 4 5");
}

// With lazy, all of them ask first.
TEST(Native, DecidesFromManyThreads) {
  for (bool lazy : {false, true}) {
    const ir::Program program = samples::RandomProgram(3);
    Options options;
    options.lazy = lazy;
    const std::unique_ptr<CompiledPolicy> native = MustCompile(program, options);
    const std::unique_ptr<CompiledPolicy> reference = eval::MakePolicy(program);
    const std::vector<int64_t> frame = samples::RandomFrame(3);
    const std::string decided = Decided(*reference, frame), evaluated = Evaluated(*reference, frame);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int k = 0; k < 1000; ++k) {
          ASSERT_EQ(Decided(*native, frame), decided);
          ASSERT_EQ(Evaluated(*native, frame), evaluated);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(Native, GivesTheCodeOfWhatItHasNotCompiledYet) {
  const ir::Program program = samples::RandomProgram(4);
  const std::unique_ptr<CompiledPolicy> native = MustCompile(program, Soonest());
  const DecideCode code = CodeOf(*native, kDecideFunction);
  ASSERT_NE(code, nullptr);
  EXPECT_EQ(CodeOf(*native, kDecideFunction), code);
  const std::unique_ptr<CompiledPolicy> reference = eval::MakePolicy(program);
  EXPECT_EQ(CodeOf(*reference, kDecideFunction), nullptr);
  const std::vector<int64_t> frame = samples::RandomFrame(4);
  RawDecision out;
  code(frame.data(), &out);
  EXPECT_EQ(samples::Describe(out), Decided(*reference, frame));
}

TEST(Native, GivesLlvmText) {
  const auto text = ToLlvmText(samples::RandomProgram(1));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_NE(text->find("define void @writ_function_0(ptr"), std::string::npos);
}

}  // namespace
}  // namespace writ::native
