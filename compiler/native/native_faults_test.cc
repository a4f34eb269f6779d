// Each planted fault is noticed by the comparison that native_test makes.
#include <gtest/gtest.h>

#include "compiler/eval/interpreter.h"
#include "compiler/native/jit.h"
#include "compiler/native/planted_faults.h"
#include "compiler/native/samples.h"

namespace writ::native {
namespace {

constexpr int kProgramsMax = 120;
constexpr int kFrames = 40;

// Whether native code with this fault and the interpreter disagree on some frame of the program.
bool Disagree(const ir::Program& program, Fault fault, uint64_t seed) {
  Options options;
  options.optimize = false;  // the fault is the same, and compiling is faster
  options.planted_fault = static_cast<int>(fault);
  const auto native = Compile(program, options);
  EXPECT_TRUE(native.ok()) << native.status();
  const Function& compute = program.schema.functions[samples::kComputeFunction.value];
  for (int k = 0; k < kFrames; ++k) {
    const std::vector<int64_t> frame = samples::RandomFrame(seed * 1000 + k);
    RawDecision a, b;
    (*native)->Decide(samples::kDecideFunction, frame.data(), &a);
    eval::Decide(program, samples::kDecideFunction, frame.data(), &b);
    if (samples::Describe(a) != samples::Describe(b)) return true;
    std::vector<int64_t> x(compute.output_words), y(compute.output_words);
    (*native)->Evaluate(samples::kComputeFunction, frame.data(), x.data());
    eval::Evaluate(program, samples::kComputeFunction, frame.data(), y.data());
    if (samples::Describe(compute, x.data()) != samples::Describe(compute, y.data())) return true;
  }
  return false;
}

bool Caught(Fault fault) {
  for (uint64_t seed = 0; seed < kProgramsMax; ++seed) {
    if (Disagree(samples::RandomProgram(seed, {8, 4, 5}), fault, seed)) return true;
  }
  return false;
}

TEST(NativeFaults, NoneIsFoundWhereNoneIs) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_FALSE(Disagree(samples::RandomProgram(seed, {8, 4, 5}), Fault::kNone, seed)) << seed;
  }
}

class EachFault : public ::testing::TestWithParam<int> {};
TEST_P(EachFault, IsCaught) { EXPECT_TRUE(Caught(static_cast<Fault>(GetParam()))); }
INSTANTIATE_TEST_SUITE_P(NativeFaults, EachFault, ::testing::Range(1, static_cast<int>(Fault::kCount)));

}  // namespace
}  // namespace writ::native
