// The verbs of `writ`, one function each: what was asked in, exit status out.
//
// Status    0 fine, 1 findings, 2 wrong usage or the world failed.
// Output    what was asked for to standard output; what went wrong on the way to standard error.
#pragma once

#include <stdio.h>

#include <memory>
#include <string>
#include <vector>

#include "compiler/driver/pipeline.h"
#include "runtime/replay/replay.h"

namespace writ::driver {

inline constexpr int kFine = 0, kFindings = 1, kFailed = 2;

// What every verb that compiles takes.
struct CompileRequest {
  std::vector<std::string> files;
  std::string dump;                          // ast, typed, ir or llvm: print it, and nothing else
  std::string stop_after;                    // parse, check, lower or native
  bool with_tests = false;                   // diagnostics of what tests and properties look at, too
  bool time_passes = false;
  bool interpret = false;                    // decide by the reference interpreter
  bool json = false;
  bool notes = false;                        // tell what the policy says and this version does not carry out
};

struct RunRequest {
  CompileRequest compile;
  std::string events, store;
  std::vector<std::string> fail_on;          // outcomes
};

struct TestRequest {
  CompileRequest compile;
  std::string junit, filter;
  int64_t history_count = 1'000;             // that properties are attacked with
  uint64_t seed = 1;
  bool skip_missing = false;
};

struct ReplayRequest {
  CompileRequest compile;
  std::string log, store, follow = "record", decisions, workflow;
};

struct ExplainRequest {
  std::string code, store;
  int64_t position = 0;
  bool json = false;
};

struct VerifyRequest {
  std::string store;
  bool json = false;
};

struct FmtRequest {
  std::vector<std::string> files;            // "-" alone: standard input
  bool check = false, json = false;
};

int Check(const CompileRequest& request);
int Run(const RunRequest& request);
int Test(const TestRequest& request);
int Replay(const ReplayRequest& request);
int Explain(const ExplainRequest& request);
int Verify(const VerifyRequest& request);
int Fmt(const FmtRequest& request);

// ---------------------------------------------------------------- what verbs share

// A policy that was compiled as asked; without one, `status` is what the verb ends with.
struct Ready {
  std::unique_ptr<Compiled> compiled;
  std::unique_ptr<CompiledPolicy> policy;
  int status = kFine;
  std::vector<std::string> notes;            // with --json: an object each
};

// Compiles, shows diagnostics on `findings`, dumps and times. Stops where the request says.
Ready Prepare(const CompileRequest& request, FILE* findings = stderr);

bool Colours(int descriptor);                // it is a terminal, and nobody said NO_COLOR
int Fail(const absl::Status& status);        // says it on standard error; kFailed
void Print(const std::string& text);         // to standard output, flushed; where that fails, the process ends with kFailed

// Progress on a terminal, from the second second on.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();
  void Show(int64_t count);

 private:
  std::string what_;
  int64_t started_ms_;
  int64_t shown_ms_ = 0;
  bool on_terminal_;
};

}  // namespace writ::driver
