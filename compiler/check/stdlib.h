// The part of the language that is written in the language, embedded in the binary: the built-in workflows, which are
// in every policy, and the standard library, of which a policy has the packages that it imports.
//
// compiler/load adds what a policy needs to its source set, and parses it.
#pragma once

#include <string>
#include <vector>

namespace writ::check {

struct StdlibSource {
  const char* path;  // stdlib/agent.writ; only what diagnostics call it
  const char* text;
  std::string package;  // std.duty of stdlib/std/duty.writ; writ of the built-in workflows
};

// In a fixed order. Threads: any.
const std::vector<StdlibSource>& StdlibSources();   // the built-in workflows
const std::vector<StdlibSource>& StdlibPackages();  // std.…, by path

}  // namespace writ::check
