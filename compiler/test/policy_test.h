// Runs what a policy says of itself: `test` blocks through an orchestrator in memory, `scenario` blocks through replay,
// and `property` blocks over the events of both and over random histories.
//
// Threads   one.
// Cost      a test: one orchestrator in memory. A scenario: one replay of its log.
#pragma once

#include <string>
#include <vector>

#include "compiler/source/source.h"
#include "compiler/typed/typed.h"
#include "runtime/decision/decision.h"

namespace writ::policy_test {

enum class Verdict : uint8_t { kPassed, kFailed, kSkipped };

struct Failure {
  std::string place;                         // file:line:column
  std::string text;                          // what was expected, what came
};

struct Result {
  std::string name, file;
  uint32_t line = 0;
  enum class Kind : uint8_t { kTest, kScenario, kProperty } kind = Kind::kTest;
  Verdict verdict = Verdict::kPassed;
  std::vector<Failure> failures;
  std::string skipped_because;
  std::vector<std::string> assumed;          // what it took for granted: an instance in a state, without history
  int64_t history_count = 0, event_count = 0;  // kProperty: random histories that it was attacked with
  std::vector<std::string> idle;             // kProperty: places of what speaks of nothing that happened in them
};

struct Options {
  std::string filter;                        // only names that contain it
  bool skip_missing = false;                 // a scenario without its log is skipped, and counted as that
  int64_t history_count = 1'000;             // that properties are attacked with, from `seed`
  uint64_t seed = 1;
  std::string external_data;                 // where logs are looked for after the policy's own folder; or empty
};

// In the order of files and lines.
std::vector<Result> RunTests(const typed::Program& program, const source::SourceSet& sources, const CompiledPolicy* policy,
                             const Options& options);

std::string ToText(const Result& result, bool colour);    // one line, and one for each failure
std::string ToJson(const Result& result);                 // one object
std::string ToJUnit(const std::vector<Result>& results);

}  // namespace writ::policy_test
