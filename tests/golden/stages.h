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
  // errors.
  std::string (*run)(const source::SourceSet& sources, uint32_t file, diagnostics::Sink& sink);
};

const std::vector<Stage>& Stages();

}  // namespace writ::golden
