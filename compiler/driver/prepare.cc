#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/ast/dump.h"
#include "compiler/driver/verbs.h"
#include "compiler/native/jit.h"
#include "compiler/typed/dump.h"

namespace writ::driver {
namespace {

// Progress and --time-passes only: nothing that is decided reads a clock.
int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// On one that is not, no escape sequence means anything.
bool IsTerminal(int descriptor) {
  const char* terminal = getenv("TERM");
  return isatty(descriptor) != 0 && (terminal == nullptr || strcmp(terminal, "dumb") != 0);
}

// How far the passes have to run for what was asked.
Stage LastStage(const CompileRequest& request) {
  if (request.dump == "ast" || request.stop_after == "parse") return Stage::kParse;
  if (request.dump == "typed" || request.stop_after == "check") return Stage::kCheck;
  return request.with_tests ? Stage::kTests : Stage::kLower;
}

bool IsAuthors(const Compiled& compiled, const ast::File& file) {
  const bool is_library = !file.package.empty() && (file.package[0].text == "writ" || file.package[0].text == "std");
  return !is_library || !compiled.sources.path(file.file).starts_with("stdlib/");
}

absl::Status Dump(const std::string& form, const Compiled& compiled) {
  if (form == "ast") {
    for (const ast::File& file : compiled.files) {
      if (IsAuthors(compiled, file)) Print(ast::Dump(file));
    }
  }
  if (form == "typed") Print(typed::Dump(compiled.typed));
  if (form == "ir") Print(ir::ToText(compiled.lowered.program));
  if (form == "llvm") {
    absl::StatusOr<std::string> text = native::ToLlvmText(compiled.lowered.program);
    if (!text.ok()) return text.status();
    Print(*text);
  }
  return absl::OkStatus();
}

// Findings on `findings`; notes, which nobody has to mend, beside them on standard error, or as JSON into `notes`.
void ShowDiagnostics(const CompileRequest& request, Compiled* compiled, FILE* findings, std::vector<std::string>* notes) {
  for (const diagnostics::Diagnostic& diagnostic : compiled->diagnostics.Take()) {
    const bool is_note = diagnostic.severity == diagnostics::Severity::kNote;
    if (is_note && !request.notes) continue;
    FILE* to = is_note ? stderr : findings;
    const std::string text = request.json ? diagnostics::RenderJson(compiled->sources, diagnostic)
                                          : diagnostics::RenderText(compiled->sources, diagnostic, Colours(fileno(to)));
    if (is_note && request.json) {
      notes->push_back(text);
      continue;
    }
    fwrite(text.data(), 1, text.size(), to);
    if (request.json) fputc('\n', to);
  }
}

void ShowTimes(const std::vector<PassTime>& times) {
  for (const PassTime& time : times) {
    absl::FPrintF(stderr, "%-12s %6d.%03d ms\n", time.pass, time.time_ns / 1'000'000, time.time_ns / 1000 % 1000);
  }
}

}  // namespace

bool Colours(int descriptor) {
  const char* unwanted = getenv("NO_COLOR");  // said, and not empty: https://no-color.org
  return IsTerminal(descriptor) && (unwanted == nullptr || unwanted[0] == '\0');
}

int Fail(const absl::Status& status) {
  absl::FPrintF(stderr, "writ: %s\n", status.message());
  return kFailed;
}

void Print(const std::string& text) {
  const bool written = fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (fflush(stdout) == 0 && written) return;
  // What cannot be said is not done any further: a store keeps what was decided.
  fprintf(stderr, "writ: cannot write to standard output: %s\n", strerror(errno));
  exit(kFailed);
}

Ready Prepare(const CompileRequest& request, FILE* findings) {
  Ready ready;
  absl::StatusOr<std::unique_ptr<Compiled>> compiled = CompileFiles(request.files, LastStage(request));
  if (!compiled.ok()) {
    ready.status = Fail(compiled.status());
    return ready;
  }
  ready.compiled = *std::move(compiled);
  const bool is_ok = ready.compiled->ok();
  ShowDiagnostics(request, ready.compiled.get(), findings, &ready.notes);
  if (!is_ok) ready.status = kFindings;
  const bool stops = !request.dump.empty() || (!request.stop_after.empty() && request.stop_after != "native");
  if (!request.dump.empty() && (is_ok || request.dump == "ast")) {
    if (absl::Status status = Dump(request.dump, *ready.compiled); !status.ok()) ready.status = Fail(status);
  }
  if (is_ok && !stops) {
    const int64_t before_ns = NowNs();
    const native::Options how = request.stop_after.empty() ? native::Soonest() : native::Options();
    absl::StatusOr<std::unique_ptr<CompiledPolicy>> policy = MakePolicy(*ready.compiled, request.interpret, how);
    ready.compiled->times.push_back({request.interpret ? "interpreter" : "native", NowNs() - before_ns});
    if (policy.ok() && request.stop_after.empty()) ready.policy = *std::move(policy);
    else if (!policy.ok()) ready.status = Fail(policy.status());
  }
  if (request.time_passes) ShowTimes(ready.compiled->times);
  return ready;
}

Progress::Progress(std::string what)
    : what_(std::move(what)), started_ms_(NowMs()), on_terminal_(IsTerminal(STDERR_FILENO)) {}

Progress::~Progress() {
  if (shown_ms_ != 0) fputs("\r\033[K", stderr);
}

void Progress::Show(int64_t count) {
  if (!on_terminal_) return;
  const int64_t now_ms = NowMs();
  if (now_ms - started_ms_ < 1000 || now_ms - shown_ms_ < 100) return;
  shown_ms_ = now_ms;
  absl::FPrintF(stderr, "\r%d %s", count, what_);
}

}  // namespace writ::driver
