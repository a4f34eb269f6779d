// Each planted fault is noticed by the comparison that smt_test makes.
#include <gtest/gtest.h>

#include "compiler/eval/interpreter.h"
#include "compiler/native/samples.h"
#include "compiler/smt/encode.h"
#include "compiler/smt/planted_faults.h"

namespace writ::smt {
namespace {

constexpr uint64_t kProgramsMax = 200;

bool Disagree(const ir::Program& program, uint64_t frame_seed) {
  const Function& compute = program.schema.functions[samples::kComputeFunction.value];
  const std::vector<int64_t> frame = samples::RandomFrame(frame_seed);
  RawDecision a, b;
  EXPECT_TRUE(DecideBySolver(program, samples::kDecideFunction, frame.data(), &a).ok());
  eval::Decide(program, samples::kDecideFunction, frame.data(), &b);
  if (samples::Describe(a) != samples::Describe(b)) return true;
  std::vector<int64_t> x(compute.output_words), y(compute.output_words);
  EXPECT_TRUE(EvaluateBySolver(program, samples::kComputeFunction, frame.data(), x.data()).ok());
  eval::Evaluate(program, samples::kComputeFunction, frame.data(), y.data());
  return samples::Describe(compute, x.data()) != samples::Describe(compute, y.data());
}

bool Caught(int fault) {
  PlantFault(fault);
  bool caught = false;
  for (uint64_t seed = 0; seed < kProgramsMax && !caught; ++seed) {
    const ir::Program program = samples::RandomProgram(seed, {8, 4, 4});
    for (uint64_t k = 0; k < 3 && !caught; ++k) caught = Disagree(program, seed * 1000 + k);
  }
  PlantFault(0);
  return caught;
}

TEST(SmtFaults, NoneIsFoundWhereNoneIs) {
  for (uint64_t seed = 0; seed < 20; ++seed)
    EXPECT_FALSE(Disagree(samples::RandomProgram(seed, {8, 4, 4}), seed)) << seed;
}

class EachFault : public ::testing::TestWithParam<int> {};
TEST_P(EachFault, IsCaught) { EXPECT_TRUE(Caught(GetParam())); }
INSTANTIATE_TEST_SUITE_P(SmtFaults, EachFault, ::testing::Range(1, static_cast<int>(Fault::kCount)));

}  // namespace
}  // namespace writ::smt
