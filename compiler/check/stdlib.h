// The part of the language that is written in the language: the built-in workflows, embedded in the binary.
//
// Whoever compiles a policy adds these texts to its source set, parses them, and gives them to Check with the author's
// files.
#pragma once

#include <string>
#include <vector>

namespace writ::check {

struct StdlibSource {
  const char* path;  // stdlib/agent.writ; only what diagnostics call it
  const char* text;
};

// In a fixed order. Threads: any.
const std::vector<StdlibSource>& StdlibSources();

}  // namespace writ::check
