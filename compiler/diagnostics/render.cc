#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/diagnostics/diagnostics.h"

namespace writ::diagnostics {
namespace {

using source::Position;
using source::SourceSet;

constexpr size_t kExcerptColumnsMax = 160;

struct Colours {
  const char *bold, *strong, *caret, *end;
};

Colours ColoursOf(Severity severity, bool colour) {
  if (!colour) return {"", "", "", ""};
  const char* strong = severity == Severity::kError     ? "\x1b[1;31m"
                       : severity == Severity::kWarning ? "\x1b[1;35m"
                                                        : "\x1b[1;36m";
  return {"\x1b[1m", strong, "\x1b[1;32m", "\x1b[0m"};
}

std::string Place(const SourceSet& sources, ast::Span span) {
  if (span.file >= sources.count()) return "(no file)";
  const Position at = sources.At(span.file, span.begin);
  return absl::StrCat(sources.path(span.file), ":", at.line, ":", at.column);
}

// The start of a line's text with tabs as one space, so that a caret counts columns alike; control characters are not
// repeated.
std::string Printable(absl::string_view line, size_t columns_max) {
  std::string out;
  size_t columns = 0;
  for (const char c : line) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80 && ++columns > columns_max) break;
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  return out;
}

std::string Excerpt(const SourceSet& sources, ast::Span span, const Colours& colours) {
  const Position begin = sources.At(span.file, span.begin);
  const Position end = sources.At(span.file, std::max(span.begin, span.end));
  const absl::string_view line = sources.Line(span.file, begin.line);
  if (begin.column > kExcerptColumnsMax || source::FirstInvalidUtf8(line).has_value()) return "";
  const std::string shown = Printable(line, kExcerptColumnsMax);
  size_t columns = 1;
  for (const char c : shown) columns += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  const size_t last = end.line == begin.line ? end.column : columns;
  const size_t width = std::max<size_t>(1, std::min<size_t>(last, columns) - std::min<size_t>(begin.column, columns));
  const std::string number = absl::StrCat(begin.line);
  return absl::StrCat(" ", number, " | ", shown, "\n", std::string(number.size() + 1, ' '), " | ",
                      std::string(begin.column - 1, ' '), colours.caret, "^", std::string(width - 1, '~'), colours.end,
                      "\n");
}

std::string JsonString(absl::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t good = source::FirstInvalidUtf8(text).value_or(text.size());
    for (const char c : text.substr(0, good)) {
      if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
      } else if (c == '\n') {
        out += "\\n";
      } else if (c == '\t') {
        out += "\\t";
      } else if (static_cast<unsigned char>(c) < 0x20) {
        absl::StrAppend(&out, absl::StrFormat("\\u%04x", static_cast<int>(c)));
      } else {
        out += c;
      }
    }
    text.remove_prefix(good);
    if (text.empty()) break;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(1);
  }
  return out + "\"";
}

std::string JsonPlace(const SourceSet& sources, ast::Span span) {
  if (span.file >= sources.count()) return "\"file\":\"\",\"line\":1,\"column\":1,\"endLine\":1,\"endColumn\":1";
  const Position begin = sources.At(span.file, span.begin), end = sources.At(span.file, std::max(span.begin, span.end));
  return absl::StrCat("\"file\":", JsonString(sources.path(span.file)), ",\"line\":", begin.line,
                      ",\"column\":", begin.column, ",\"endLine\":", end.line, ",\"endColumn\":", end.column);
}

}  // namespace

std::string RenderText(const SourceSet& sources, const Diagnostic& diagnostic, bool colour) {
  const Colours colours = ColoursOf(diagnostic.severity, colour);
  std::string out = absl::StrCat(colours.bold, Place(sources, diagnostic.span), ": ", colours.strong,
                                 SeverityName(diagnostic.severity), "[", diagnostic.code, "]", colours.end, ": ",
                                 diagnostic.message, "\n");
  if (diagnostic.span.file < sources.count()) absl::StrAppend(&out, Excerpt(sources, diagnostic.span, colours));
  for (const Related& related : diagnostic.related) {
    absl::StrAppend(&out, "  ", Place(sources, related.span), ": note: ", related.note, "\n");
  }
  if (!diagnostic.help.empty()) absl::StrAppend(&out, "  help: ", diagnostic.help, "\n");
  return out;
}

std::string RenderJson(const SourceSet& sources, const Diagnostic& diagnostic) {
  std::string out = absl::StrCat(
      "{", JsonPlace(sources, diagnostic.span), ",\"severity\":", JsonString(SeverityName(diagnostic.severity)),
      ",\"code\":", JsonString(diagnostic.code), ",\"message\":", JsonString(diagnostic.message), ",\"related\":[");
  for (size_t i = 0; i < diagnostic.related.size(); ++i) {
    const Related& related = diagnostic.related[i];
    absl::StrAppend(&out, i == 0 ? "" : ",", "{", JsonPlace(sources, related.span),
                    ",\"message\":", JsonString(related.note), "}");
  }
  absl::StrAppend(&out, "]");
  if (!diagnostic.help.empty()) absl::StrAppend(&out, ",\"help\":", JsonString(diagnostic.help));
  return out + "}";
}

}  // namespace writ::diagnostics
