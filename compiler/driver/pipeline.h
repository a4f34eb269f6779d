// The passes, in order: source -> parse -> expand -> check -> lower -> verify -> a backend. It stays short: it is the map.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/ir/ir.h"
#include "compiler/lower/lower.h"
#include "compiler/native/jit.h"
#include "compiler/source/source.h"
#include "compiler/typed/typed.h"
#include "runtime/decision/decision.h"

namespace writ::driver {

enum class Stage { kParse, kCheck, kLower, kTests, kNative };  // kTests: what tests and properties look at is lowered as well

struct PassTime { std::string pass; int64_t time_ns; };

struct Compiled {
  source::SourceSet sources;
  diagnostics::Sink diagnostics;
  std::vector<ast::File> files;       // the author's, then stdlib's, then what templates made
  typed::Program typed;               // from kCheck on
  lower::Lowered lowered;             // from kLower on; only where there was no error
  std::vector<PassTime> times;
  bool ok() const;                    // no errors so far
};

// The files that `paths` name: a directory means every .writ below it. Sorted, each once.
absl::StatusOr<std::vector<std::string>> PolicyFiles(const std::vector<std::string>& paths);

// Reads `paths` (a directory means every .writ below it, sorted) and runs the passes up to `stop_after`. What the author's text
// has wrong is in `diagnostics`; a status is returned only where the world fails (a file that cannot be read).
absl::StatusOr<std::unique_ptr<Compiled>> CompileFiles(const std::vector<std::string>& paths, Stage stop_after);

// The same over texts in memory: (path, text).
std::unique_ptr<Compiled> CompileTexts(const std::vector<std::pair<std::string, std::string>>& texts, Stage stop_after);

// A policy that can be asked: native code, made as `how` says, or the reference interpreter.
absl::StatusOr<std::unique_ptr<CompiledPolicy>> MakePolicy(const Compiled& compiled, bool interpret,
                                                           const native::Options& how = {});

}  // namespace writ::driver
