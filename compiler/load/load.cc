#include "compiler/load/load.h"

#include <set>
#include <string>

#include "compiler/check/stdlib.h"
#include "compiler/check/symbols.h"
#include "compiler/check/templates.h"
#include "compiler/parse/parse.h"
#include "runtime/builtins/check.h"

namespace writ::load {
namespace {

// What the runtime calls as the language has a word, `on`, `after`, `actor`: the text of the built-in workflows writes it with a `_`
// behind it, which nobody else sees.
void TakeOffMarks(ast::File* file) {
  const auto take_off = [](ast::Name& name) {
    if (!name.text.empty() && name.text.back() == '_') name.text.pop_back();
  };
  for (ast::Workflow& workflow : file->workflows) {
    for (ast::Field& field : workflow.fields) take_off(field.name);
    for (ast::Transition& transition : workflow.transitions) {
      for (ast::SetItem& item : transition.sets) take_off(item.field);
    }
  }
}

}  // namespace

std::vector<ast::File> ParseAll(source::SourceSet& sources, diagnostics::Sink& sink) {
  const auto add = [&](const check::StdlibSource& source) {
    WRIT_CHECK(sources.AddText(source.path, source.text).ok());  // the file is as small as the project wrote it
  };
  const size_t authors_count = sources.count();
  for (const check::StdlibSource& source : check::StdlibSources()) add(source);
  const size_t builtin_end = sources.count();
  std::vector<ast::File> files;
  std::set<std::string> imported;
  while (files.size() < sources.count()) {
    files.push_back(parse::Parse(sources, static_cast<uint32_t>(files.size()), sink));
    if (files.size() > authors_count && files.size() <= builtin_end) TakeOffMarks(&files.back());
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
