#include "compiler/driver/pipeline.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "compiler/check/check.h"
#include "compiler/check/templates.h"
#include "compiler/eval/interpreter.h"
#include "compiler/load/load.h"
#include "compiler/native/jit.h"
#include "runtime/builtins/check.h"

namespace writ::driver {
namespace {

namespace fs = std::filesystem;

// Runs one pass and notes how long it took, for --time-passes; nothing else looks at it.
template <typename Pass>
void Timed(Compiled* compiled, const char* name, Pass pass) {
  const auto start = std::chrono::steady_clock::now();
  pass();
  const auto elapsed = std::chrono::steady_clock::now() - start;
  compiled->times.push_back({name, std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count()});
}

void RunPasses(Compiled* c, Stage stop_after) {
  Timed(c, "parse", [&] {
    c->files = load::ParseAll(c->sources, c->diagnostics);
  });
  if (stop_after == Stage::kParse) return;
  Timed(c, "expand", [&] { check::ExpandTemplates(&c->files, c->sources, c->diagnostics); });
  Timed(c, "check", [&] { c->typed = check::Check(c->files, c->sources, c->diagnostics); });
  if (stop_after == Stage::kCheck || !c->ok()) return;
  Timed(c, "lower", [&] { c->lowered = lower::Lower(c->typed, &c->diagnostics); });
  if (!c->ok()) return;
  Timed(c, "verify", [&] {
    const std::vector<std::string> faults = ir::Verify(c->lowered.program);
    for (const std::string& fault : faults) std::fprintf(stderr, "internal error: %s\n", fault.c_str());
    WRIT_CHECK(faults.empty());
  });
  // It has limits, too, and is told here rather than when the tests are run.
  if (stop_after != Stage::kTests || (c->typed.tests.empty() && c->typed.properties.empty())) return;
  Timed(c, "lower tests", [&] { lower::Lower(c->typed, &c->diagnostics, lower::Purpose::kTests); });
}

}  // namespace

absl::StatusOr<std::vector<std::string>> PolicyFiles(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::exists(path, error)) return absl::NotFoundError(absl::StrCat(path, ": there is no such file or directory"));
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == ".writ" && it->is_regular_file(error)) found.push_back(it->path().string());
    }
    if (error) return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
    if (found.empty()) return absl::NotFoundError(absl::StrCat(path, ": there is no .writ file in this directory"));
    files.insert(files.end(), found.begin(), found.end());
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

bool Compiled::ok() const { return !diagnostics.has_errors(); }

absl::StatusOr<std::unique_ptr<Compiled>> CompileFiles(const std::vector<std::string>& paths, Stage stop_after) {
  absl::StatusOr<std::vector<std::string>> files = PolicyFiles(paths);
  if (!files.ok()) return files.status();
  auto compiled = std::make_unique<Compiled>();
  for (const std::string& file : *files) {
    const absl::StatusOr<uint32_t> added = compiled->sources.AddFile(file);
    if (!added.ok()) return added.status();
  }
  RunPasses(compiled.get(), stop_after);
  return compiled;
}

std::unique_ptr<Compiled> CompileTexts(const std::vector<std::pair<std::string, std::string>>& texts, Stage stop_after) {
  auto compiled = std::make_unique<Compiled>();
  for (const auto& [path, text] : texts) WRIT_CHECK(compiled->sources.AddText(path, text).ok());
  RunPasses(compiled.get(), stop_after);
  return compiled;
}

absl::StatusOr<std::unique_ptr<CompiledPolicy>> MakePolicy(const Compiled& compiled, bool interpret,
                                                           const native::Options& how) {
  WRIT_CHECK(compiled.ok());
  if (interpret) return eval::MakePolicy(compiled.lowered.program);
  return native::Compile(compiled.lowered.program, how);
}

}  // namespace writ::driver
