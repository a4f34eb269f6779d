// Attacks the properties of a policy with random histories: registered actors, outside records and proposals with values
// near those that the policy compares with, answers, and time that passes, also to the moment of a deadline and past it.
//
// What breaks a property is made as short as it can be, run again, and written as a `test` block.
// Threads   one.
// Cost      a history: one orchestrator in memory, and kStepsMax lines.
// Determinism  the same program, seed and count give the same histories, on every machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/test/observer.h"
#include "compiler/typed/typed.h"
#include "runtime/decision/decision.h"

namespace writ::policy_test {

inline constexpr int kStepsMax = 32;         // lines of one history, past its registrations

struct Counterexample {
  std::string text;                          // what broke it
  std::string steps;                         // a `test` block; where an instance's key is no single string: as near as it gets
};

struct Attack {
  int64_t history_count = 0, event_count = 0;
  std::vector<std::optional<Counterexample>> broken;  // by typed::Program::properties
  std::vector<bool> idle;                    // by the same: no history did what it speaks of, though something could
};

// `policy` decides; `watching` is the program's kTests form. A status: the runtime failed, which no history should bring about.
absl::StatusOr<Attack> AttackProperties(const typed::Program& program, const CompiledPolicy* policy,
                                        const Watching* watching, int64_t history_count, uint64_t seed);

}  // namespace writ::policy_test
