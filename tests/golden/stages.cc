#include "tests/golden/stages.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "compiler/ast/dump.h"
#include "compiler/check/check.h"
#include "compiler/ir/ir.h"
#include "compiler/load/load.h"
#include "compiler/lower/lower.h"
#include "compiler/parse/parse.h"
#include "runtime/builtins/check.h"

namespace writ::golden {
namespace {

std::string RunParse(source::SourceSet& sources, uint32_t file, diagnostics::Sink& sink) {
  return ast::Dump(parse::Parse(sources, file, sink));
}

struct Passes {
  std::vector<ast::File> files;  // the policy's, then the standard library's
  typed::Program typed;          // points into `files`
  lower::Lowered lowered;
};

void Run(source::SourceSet& sources, diagnostics::Sink& sink, Passes* passes) {
  passes->files = load::Load(sources, sink);
  passes->typed = check::Check(passes->files, sources, sink);
  if (!sink.has_errors()) passes->lowered = lower::Lower(passes->typed, &sink);
}

// Only what it has to say: what the checker makes of a policy is seen in what it is lowered to.
std::string RunCheck(source::SourceSet& sources, uint32_t, diagnostics::Sink& sink) {
  Passes passes;
  Run(sources, sink, &passes);
  return "";
}

// The IR of the functions that the policy's rules and patterns become: what decides and concludes, and the folds.
std::string RunLower(source::SourceSet& sources, uint32_t, diagnostics::Sink& sink) {
  Passes passes;
  Run(sources, sink, &passes);
  if (sink.has_errors()) return "";
  std::string package;
  for (const ast::Name& name : passes.files.front().package) absl::StrAppend(&package, name.text, ".");
  std::string text;
  const std::vector<Function>& functions = passes.lowered.program.schema.functions;
  for (size_t i = 0; i < functions.size(); ++i) {
    if (absl::StartsWith(functions[i].name, package)) {
      absl::StrAppend(&text, ir::ToText(passes.lowered.program, FunctionId(i)));
    }
  }
  return text;
}

}  // namespace

const std::vector<Stage>& Stages() {
  static const std::vector<Stage>* const stages = new std::vector<Stage>{
      {"parse", &RunParse},
      {"check", &RunCheck},
      {"lower", &RunLower},
  };
  return *stages;
}

Compiled Compile(const std::string& policy) {
  source::SourceSet sources;
  diagnostics::Sink sink;
  Compiled out;
  Passes passes;
  WRIT_CHECK(sources.AddText("policy.writ", policy).ok());
  Run(sources, sink, &passes);
  if (!sink.has_errors()) out.faults = ir::Verify(passes.lowered.program);
  out.diagnostics = sink.Take();
  return out;
}

}  // namespace writ::golden
