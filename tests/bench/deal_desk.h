// The deal desk, compiled in this process, and frames of its `approve` to decide.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/driver/pipeline.h"
#include "runtime/decision/decision.h"
#include "tests/bench/deal_desk_approve.h"

namespace writ::bench {

struct DealDesk {
  std::unique_ptr<driver::Compiled> compiled;
  std::unique_ptr<CompiledPolicy> native, soonest, interpreted;  // soonest: as `writ` compiles, by native::Soonest()
  FunctionId approve;
};

// Ends the process with what is wrong where examples/deal_desk does not compile.
DealDesk CompileDealDesk();

// Where the compiled policy and deal_desk_approve.h differ, as sentences; empty: nowhere.
std::vector<std::string> LayoutFaults(const DealDesk& desk);

enum class Case { kPermit, kHold, kEscalate, kDeny, kMix };

// `count` frames: all with that outcome, or (kMix) every field drawn by itself. The same for the same seed.
std::vector<ApproveFrame> Frames(Case wanted, size_t count, uint64_t seed);

inline const int64_t* Words(const ApproveFrame& frame) { return reinterpret_cast<const int64_t*>(&frame); }

// What covers counts alone is compared: the rest of the lists is not written.
bool SameDecision(const RawDecision& a, const RawDecision& b);

}  // namespace writ::bench
