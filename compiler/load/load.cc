#include "compiler/load/load.h"

#include <set>
#include <string>

#include "compiler/check/stdlib.h"
#include "compiler/check/symbols.h"
#include "compiler/check/templates.h"
#include "compiler/parse/parse.h"
#include "runtime/builtins/check.h"

namespace writ::load {

std::vector<ast::File> ParseAll(source::SourceSet& sources, diagnostics::Sink& sink) {
  const auto add = [&](const check::StdlibSource& source) {
    WRIT_CHECK(sources.AddText(source.path, source.text).ok());  // the file is as small as the project wrote it
  };
  for (const check::StdlibSource& source : check::StdlibSources()) add(source);
  std::vector<ast::File> files;
  std::set<std::string> imported;
  while (files.size() < sources.count()) {
    files.push_back(parse::Parse(sources, static_cast<uint32_t>(files.size()), sink));
    for (const ast::Import& import : files.back().imports) {
      const std::string package = check::Dotted(import.package);
      if (!imported.insert(package).second) continue;
      for (const check::StdlibSource& source : check::StdlibPackages()) {
        if (source.package == package) add(source);
      }
    }
  }
  return files;
}

std::vector<ast::File> Load(source::SourceSet& sources, diagnostics::Sink& sink) {
  std::vector<ast::File> files = ParseAll(sources, sink);
  check::ExpandTemplates(&files, sources, sink);
  return files;
}

}  // namespace writ::load
