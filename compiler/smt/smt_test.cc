#include <gtest/gtest.h>

#include <set>

#include "compiler/eval/interpreter.h"
#include "compiler/native/samples.h"
#include "compiler/smt/encode.h"

namespace writ::smt {
namespace {

using samples::kComputeFunction;
using samples::kDecideFunction;

void ExpectAgreement(const ir::Program& program, uint64_t seed, int frames) {
  const Function& compute = program.schema.functions[kComputeFunction.value];
  for (int k = 0; k < frames; ++k) {
    const std::vector<int64_t> frame = samples::RandomFrame(seed * 1000 + k);
    RawDecision a, b;
    ASSERT_TRUE(DecideBySolver(program, kDecideFunction, frame.data(), &a).ok()) << "seed " << seed << " frame " << k;
    eval::Decide(program, kDecideFunction, frame.data(), &b);
    ASSERT_EQ(samples::Describe(a), samples::Describe(b)) << "seed " << seed << " frame " << k;
    std::vector<int64_t> x(compute.output_words), y(compute.output_words);
    const absl::Status status = EvaluateBySolver(program, kComputeFunction, frame.data(), x.data());
    ASSERT_TRUE(status.ok()) << status << " seed " << seed << " frame " << k;
    eval::Evaluate(program, kComputeFunction, frame.data(), y.data());
    ASSERT_EQ(samples::Describe(compute, x.data()), samples::Describe(compute, y.data()))
        << "seed " << seed << " frame " << k;
  }
}

TEST(Smt, AgreesWithTheInterpreter) {
  std::set<ir::Op> seen;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    const ir::Program program = samples::RandomProgram(seed, {6, 3, 4});
    for (const ir::Code& code : program.code) {
      for (const ir::Expr& expr : code.exprs) seen.insert(expr.op);
    }
    ASSERT_NO_FATAL_FAILURE(ExpectAgreement(program, seed, 3));
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(ir::kOpCount)) << "the samples must reach every op";
}

TEST(Smt, AgreesOnManyRules) {
  const samples::Shape shapes[] = {{0, 0, 3}, {1, 0, 3}, {0, 2, 3}, {70, 66, 2}, {130, 5, 2}};
  uint64_t seed = 900;
  for (const samples::Shape& shape : shapes) {
    ++seed;
    ASSERT_NO_FATAL_FAILURE(ExpectAgreement(samples::RandomProgram(seed, shape), seed, 3));
  }
}

// The frame's lists say how long they are; what stands behind their end must not matter, nor be read.
TEST(Smt, ReadsNothingBehindTheEndOfAList) {
  const ir::Program program = samples::RandomProgram(5);
  std::vector<int64_t> frame = samples::RandomFrame(5);
  const FrameList lines = samples::SampleLayout().lists[samples::kLines];
  frame[lines.offset] = 0;
  for (uint32_t i = 0; i < lines.capacity * lines.stride; ++i) frame[lines.offset + 1 + i] = 0x5a5a5a5a;
  RawDecision a, b;
  ASSERT_TRUE(DecideBySolver(program, kDecideFunction, frame.data(), &a).ok());
  eval::Decide(program, kDecideFunction, frame.data(), &b);
  EXPECT_EQ(samples::Describe(a), samples::Describe(b));
}

TEST(Smt, RefusesWhatUnrollsPastTheLimit) {
  ir::Program program = samples::EmptyProgram(0, 0);
  Function& compute = program.schema.functions[kComputeFunction.value];
  compute.outputs = {{SlotKind::kI64, 0}};
  compute.output_words = 1;
  compute.frame.lists[samples::kDays].capacity = limits::kFrameElementsMax;
  compute.frame.size_words += limits::kFrameElementsMax;
  ir::Builder builder(&program, &compute);
  const ir::LoopId outer = builder.OpenLoop(ListId(samples::kDays), ir::LoopId());
  const ir::LoopId inner = builder.OpenLoop(ListId(samples::kDays), outer);
  const ir::Range range = samples::RangeOf(samples::kDaySmall);
  const ir::ExprId a = builder.Element(SlotId(samples::kDaySmall), outer, range);
  const ir::ExprId b = builder.Element(SlotId(samples::kDaySmall), inner, range);
  const ir::ExprId same = builder.EqNum(a, b);
  const ir::ExprId twins = builder.Count(inner, same);
  const ir::ExprId always = builder.Bool(true);
  const ir::ExprId pairs = builder.Sum(outer, always, twins);
  builder.Finish({}, {}, {pairs}, &program.code[kComputeFunction.value]);
  const std::vector<int64_t> frame(compute.frame.size_words);
  int64_t out = 0;
  EXPECT_EQ(EvaluateBySolver(program, kComputeFunction, frame.data(), &out).code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace writ::smt
