// From starting the process to the first decision that `writ run` prints, and where the time goes (--time-passes).
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>

#include "tests/bench/rounds.h"

extern char** environ;

namespace writ::bench {
namespace {

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(2);
}

using Steady = std::chrono::steady_clock;

double MsSince(Steady::time_point start) {
  return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

struct Finished {
  double first_line_ms = 0, exit_ms = 0, cpu_ms = 0;
  std::string errors;
};

// A process of `writ`, its standard output and its standard error read through pipes.
Finished RunWrit(std::vector<std::string> arguments) {
  int out[2], errors[2];
  if (pipe(out) != 0 || pipe(errors) != 0) Fail("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO);
  for (int fd : {out[0], out[1], errors[0], errors[1]}) posix_spawn_file_actions_addclose(&actions, fd);
  arguments.insert(arguments.begin(), WRIT_BENCH_BINARY);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  Finished finished;
  pid_t process = 0;
  const Steady::time_point start = Steady::now();
  if (posix_spawn(&process, WRIT_BENCH_BINARY, &actions, nullptr, argv.data(), environ) != 0) Fail(WRIT_BENCH_BINARY);
  close(out[1]);
  close(errors[1]);
  char buffer[4096];
  ssize_t got = read(out[0], buffer, sizeof buffer);
  finished.first_line_ms = MsSince(start);
  while (got > 0) got = read(out[0], buffer, sizeof buffer);
  while ((got = read(errors[0], buffer, sizeof buffer)) > 0) finished.errors.append(buffer, static_cast<size_t>(got));
  int status = 0;
  rusage usage{};
  wait4(process, &status, 0, &usage);
  for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
    finished.cpu_ms += static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  }
  finished.exit_ms = MsSince(start);
  close(out[0]);
  close(errors[0]);
  posix_spawn_file_actions_destroy(&actions);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::fprintf(stderr, "%s", finished.errors.c_str());
    Fail("writ did not succeed");
  }
  return finished;
}

std::vector<std::string> FirstDecision(const char* more) {
  std::vector<std::string> arguments = {"run", "examples/deal_desk/deal_desk.writ", "--events",
                                        "examples/deal_desk/events/story.jsonl"};
  if (more != nullptr) arguments.push_back(more);
  return arguments;
}

void Start(benchmark::State& state, const std::vector<std::string>& arguments) {
  std::vector<double> first, exit, cpu;
  for (auto _ : state) {
    const Finished finished = RunWrit(arguments);
    first.push_back(finished.first_line_ms);
    exit.push_back(finished.exit_ms);
    cpu.push_back(finished.cpu_ms);
    state.SetIterationTime(finished.first_line_ms / 1000);
  }
  state.counters["first_line_ms"] = Median(first);
  state.counters["exit_ms"] = Median(exit);
  state.counters["cpu_ms"] = Median(cpu);
}

void StartPasses(benchmark::State& state) {
  std::map<std::string, std::vector<double>> passes;
  for (auto _ : state) {
    const Finished finished = RunWrit(FirstDecision("--time-passes"));
    state.SetIterationTime(finished.first_line_ms / 1000);
    std::istringstream lines(finished.errors);
    std::string pass, unit;
    for (double ms = 0; lines >> pass >> ms >> unit;) passes[pass].push_back(ms);
  }
  for (const auto& [pass, ms] : passes) state.counters[pass + "_ms"] = Median(ms);
}

void StartRun(benchmark::State& state) { Start(state, FirstDecision(nullptr)); }
void StartInterpreted(benchmark::State& state) { Start(state, FirstDecision("--interpret")); }
void StartNothing(benchmark::State& state) { Start(state, {"--help"}); }

BENCHMARK(StartNothing)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(StartRun)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(StartInterpreted)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(StartPasses)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace writ::bench

BENCHMARK_MAIN();
