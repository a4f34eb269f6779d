#include "compiler/parse/parse.h"

#include <memory>
#include <optional>
#include <utility>

#include "WritParser.h"
#include "compiler/parse/build.h"
#include "compiler/parse/errors.h"
#include "compiler/parse/tokens.h"

namespace writ::parse {
namespace {

using antlr4::atn::ParserATNSimulator;
using antlr4::atn::PredictionMode;

// The fast way: SLL without error recovery. Null where that does not get to the end, for whatever reason.
WritParser::FileContext* ParseFast(WritParser& parser) {
  parser.getInterpreter<ParserATNSimulator>()->setPredictionMode(PredictionMode::SLL);
  parser.setErrorHandler(std::make_shared<antlr4::BailErrorStrategy>());
  try {
    return parser.file();
  } catch (const antlr4::ParseCancellationException&) {
    return nullptr;
  }
}

}  // namespace

ast::File Parse(const source::SourceSet& sources, uint32_t file, diagnostics::Sink& sink) {
  ast::File nothing;
  nothing.file = file;
  const std::string& text = sources.text(file);
  if (const std::optional<size_t> bad = source::FirstInvalidUtf8(text); bad.has_value()) {
    sink.Report({file, static_cast<uint32_t>(*bad), static_cast<uint32_t>(*bad + 1)}, diagnostics::kNotUtf8);
    return nothing;
  }
  const Offsets offsets(text);
  Tokens tokens = ReadTokens(sources, file, offsets, sink);
  if (tokens.list.empty()) return nothing;

  antlr4::ListTokenSource token_source(std::move(tokens.list));
  antlr4::CommonTokenStream stream(&token_source);
  WritParser parser(&stream);
  parser.removeErrorListeners();
  if (WritParser::FileContext* tree = ParseFast(parser); tree != nullptr)
    return Build(*tree, stream, file, offsets, false, sink);

  stream.fill();  // what explains errors looks ahead
  stream.seek(0);
  parser.reset();
  parser.getInterpreter<ParserATNSimulator>()->setPredictionMode(PredictionMode::LL);
  parser.setErrorHandler(std::make_shared<PolicyErrors>(tokens.layout, file, offsets, sink));
  WritParser::FileContext* tree = parser.file();
  return Build(*tree, stream, file, offsets, true, sink);
}

}  // namespace writ::parse
