// Nanoseconds a decision: native code against the same policy by hand, and against the reference interpreter.
//
// `native` is called by its address, as the code by hand is; `native_by_interface` through CompiledPolicy, two indirect jumps
// more; `soonest` is code as the `writ` command has it made.
#include <cstdio>
#include <memory>

#include "compiler/native/jit.h"
#include "tests/bench/deal_desk.h"
#include "tests/bench/rounds.h"

namespace writ::bench {
namespace {

constexpr size_t kFrameCount = 4096;            // past what a branch predictor learns by heart
constexpr size_t kInterpretedCount = 64;

const DealDesk& Desk() {
  static const DealDesk* const desk = new DealDesk(CompileDealDesk());
  return *desk;
}

void DecideAll(const CompiledPolicy& policy, const std::vector<ApproveFrame>& frames, size_t count, RawDecision* out) {
  const FunctionId approve = Desk().approve;
  for (size_t i = 0; i < count; ++i) {
    policy.Decide(approve, Words(frames[i]), out);
    benchmark::ClobberMemory();
  }
}

void DecideAllByCode(native::DecideCode code, const std::vector<ApproveFrame>& frames, RawDecision* out) {
  for (const ApproveFrame& frame : frames) {
    code(Words(frame), out);
    benchmark::ClobberMemory();
  }
}

template <void (*Decide)(const ApproveFrame&, RawDecision*)>
void DecideAllByHand(const std::vector<ApproveFrame>& frames, RawDecision* out) {
  for (const ApproveFrame& frame : frames) {
    Decide(frame, out);
    benchmark::ClobberMemory();
  }
}

void Approve(benchmark::State& state, Case wanted) {
  const std::vector<ApproveFrame> frames = Frames(wanted, kFrameCount, 7);
  const auto out = std::make_unique<RawDecision>();
  Rounds rounds;
  const native::DecideCode code = native::CodeOf(*Desk().native, Desk().approve);
  rounds.Add("native", kFrameCount, [&] { DecideAllByCode(code, frames, out.get()); });
  rounds.Add("hand_own", kFrameCount, [&] { DecideAllByHand<DecideByHand>(frames, out.get()); });
#ifdef WRIT_BENCH_CLANG
  rounds.Add("hand_clang", kFrameCount, [&] { DecideAllByHand<DecideByHandClang>(frames, out.get()); });
#endif
  rounds.Add("native_by_interface", kFrameCount,
             [&] { DecideAll(*Desk().native, frames, frames.size(), out.get()); });
  rounds.Add("soonest_by_interface", kFrameCount,
             [&] { DecideAll(*Desk().soonest, frames, frames.size(), out.get()); });
  rounds.Add("interpreter", kInterpretedCount,
             [&] { DecideAll(*Desk().interpreted, frames, kInterpretedCount, out.get()); });
  for (auto _ : state) state.SetIterationTime(rounds.RunOnce());
  rounds.Report(state);
}

BENCHMARK_CAPTURE(Approve, permit, Case::kPermit)->UseManualTime();
BENCHMARK_CAPTURE(Approve, hold, Case::kHold)->UseManualTime();
BENCHMARK_CAPTURE(Approve, escalate, Case::kEscalate)->UseManualTime();
BENCHMARK_CAPTURE(Approve, deny, Case::kDeny)->UseManualTime();
BENCHMARK_CAPTURE(Approve, mix, Case::kMix)->UseManualTime();

}  // namespace
}  // namespace writ::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (const std::string& fault : writ::bench::LayoutFaults(writ::bench::Desk())) {
    std::fprintf(stderr, "deal_desk_approve.h is not the compiled policy: %s\n", fault.c_str());
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
