// The stages that golden tests run: a folder of tests/golden each.
#pragma once

#include <string>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/source/source.h"

namespace writ::golden {

struct Stage {
  const char* folder;
  // Runs everything up to the stage on one file; the text of what it makes, which only counts where the sink has no
  // errors, and is empty where only the diagnostics matter. May add the standard library's files to `sources`.
  std::string (*run)(source::SourceSet& sources, uint32_t file, diagnostics::Sink& sink);
};

const std::vector<Stage>& Stages();

// The whole front half (parse, check, lower) over one policy, as a compiler does it; `faults` are what ir::Verify finds
// wrong with what comes out, and every one of them is ours.
struct Compiled {
  std::vector<diagnostics::Diagnostic> diagnostics;
  std::vector<std::string> faults;
};
Compiled Compile(const std::string& policy);

}  // namespace writ::golden
