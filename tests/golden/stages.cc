#include "tests/golden/stages.h"

#include "compiler/ast/dump.h"
#include "compiler/parse/parse.h"

namespace writ::golden {
namespace {

std::string RunParse(const source::SourceSet& sources, uint32_t file, diagnostics::Sink& sink) {
  return ast::Dump(parse::Parse(sources, file, sink));
}

}  // namespace

const std::vector<Stage>& Stages() {
  static const std::vector<Stage>* const stages = new std::vector<Stage>{
      {"parse", &RunParse},
  };
  return *stages;
}

}  // namespace writ::golden
