// Events a second of `replay` on the expense log: the whole, and its parts (XML, mapping, deciding).
//
// The log is WRIT_EXTERNAL_DATA/bpic2020-domestic/DomesticDeclarations.xes.gz, or the small one that ships with the example.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "compiler/driver/pipeline.h"
#include "compiler/driver/verbs.h"
#include "runtime/orchestrator/replay_session.h"
#include "runtime/replay/mapping.h"
#include "runtime/replay/recorded_log.h"
#include "runtime/replay/replay.h"
#include "tests/bench/rounds.h"

namespace writ::bench {
namespace {

using replay::MappedEvent;

[[noreturn]] void Fail(absl::string_view what) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(2);
}

std::string LogPath() {
  const char* external = std::getenv("WRIT_EXTERNAL_DATA");
  if (external != nullptr) {
    const std::string path = absl::StrCat(external, "/bpic2020-domestic/DomesticDeclarations.xes.gz");
    if (std::filesystem::exists(path)) return path;
  }
  return "examples/expenses/log.xes.gz";
}

struct Expenses {
  std::unique_ptr<driver::Compiled> compiled;
  std::unique_ptr<CompiledPolicy> policy;
  replay::ReplayOptions options;

  Expenses() {
    auto files = driver::CompileFiles({"examples/expenses/expenses.writ"}, driver::Stage::kNative);
    if (!files.ok()) Fail(files.status().message());
    compiled = *std::move(files);
    if (!compiled->ok()) Fail("examples/expenses does not compile");
    auto made = driver::MakePolicy(*compiled, /*interpret=*/false);
    if (!made.ok()) Fail(made.status().message());
    policy = *std::move(made);
  }

  replay::RecordedLog Read() const {
    auto source = replay::OpenFile(LogPath());
    if (!source.ok()) Fail(source.status().message());
    auto log = replay::ReadXes(source->get());
    if (!log.ok()) Fail(log.status().message());
    return *std::move(log);
  }

  std::vector<MappedEvent> Map(const replay::RecordedLog& log) const {
    const auto workflow = replay::WorkflowOfLog(policy->schema(), "xes", "");
    if (!workflow.ok()) Fail(workflow.status().message());
    std::vector<MappedEvent> events;
    replay::MappingReport report;
    const absl::Status status =
        replay::MapLog(policy->schema(), log, {*workflow}, &events, &report);
    if (!status.ok()) Fail(status.message());
    return events;
  }
};

const Expenses& Policy() {
  static const Expenses* const expenses = new Expenses();
  return *expenses;
}

void Rate(benchmark::State& state, size_t event_count) {
  state.SetItemsProcessed(static_cast<int64_t>(event_count) * state.iterations());
  state.counters["events"] = static_cast<double>(event_count);
}

// What `writ replay` does after compiling: file, gzip, XML, mapping, deciding, counting.
void ReplayWhole(benchmark::State& state) {
  int64_t decided = 0;
  for (auto _ : state) {
    auto report = replay::ReplayLog(Policy().policy.get(), LogPath(), Policy().options);
    if (!report.ok()) Fail(report.status().message());
    decided = report->decided_count;
  }
  Rate(state, static_cast<size_t>(decided));
}

void ReplayRead(benchmark::State& state) {
  size_t count = 0;
  for (auto _ : state) count = Policy().Read().events.size();
  Rate(state, count);
}

void ReplayMap(benchmark::State& state) {
  const replay::RecordedLog log = Policy().Read();
  size_t count = 0;
  for (auto _ : state) count = Policy().Map(log).size();
  Rate(state, count);
}

// Frame, decision and fold of each event, with nothing read and nothing counted.
void ReplayDecide(benchmark::State& state) {
  std::vector<MappedEvent> events = Policy().Map(Policy().Read());
  int64_t denied = 0;
  for (auto _ : state) {
    ReplaySession session(Policy().policy.get());
    for (MappedEvent& event : events) denied += session.Decide(&event.proposal).outcome == Outcome::kDeny;
  }
  Rate(state, events.size());
  state.counters["denied"] = static_cast<double>(denied) / static_cast<double>(state.iterations());
}

BENCHMARK(ReplayWhole)->Unit(benchmark::kMillisecond);
BENCHMARK(ReplayRead)->Unit(benchmark::kMillisecond);
BENCHMARK(ReplayMap)->Unit(benchmark::kMillisecond);
BENCHMARK(ReplayDecide)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace writ::bench

BENCHMARK_MAIN();
