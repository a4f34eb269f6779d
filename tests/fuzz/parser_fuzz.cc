// The parser on any bytes: it may only say what is wrong. What it takes must dump, and say no error only if it took all.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "compiler/ast/dump.h"
#include "compiler/parse/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size_bytes) {
  writ::source::SourceSet sources;
  writ::diagnostics::Sink sink;
  const auto file = sources.AddText("fuzz.writ", std::string(reinterpret_cast<const char*>(data), size_bytes));
  if (!file.ok()) return 0;
  const writ::ast::File tree = writ::parse::Parse(sources, *file, sink);
  writ::ast::Dump(tree);
  for (const writ::diagnostics::Diagnostic& diagnostic : sink.Take()) {
    const std::string text =
        writ::diagnostics::RenderText(sources, diagnostic, false) + writ::diagnostics::RenderJson(sources, diagnostic);
    const bool inside = diagnostic.span.begin <= diagnostic.span.end && diagnostic.span.end <= size_bytes;
    if (inside && !writ::source::FirstInvalidUtf8(text).has_value()) continue;
    std::fprintf(stderr, "a diagnostic outside its file, or not UTF-8: %s\n", text.c_str());
    std::abort();
  }
  return 0;
}
