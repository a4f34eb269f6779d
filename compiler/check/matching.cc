// `like` and `matches`: a text against a pattern that is written out.
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "compiler/check/expressions.h"
#include "compiler/pattern/pattern.h"

namespace writ::check {
namespace {

using typed::ExprKind;

// How far in `literal`, the text of a string with its quotes and escapes, the byte `offset` of its value is.
size_t OffsetInLiteral(absl::string_view literal, size_t offset) {
  size_t at = 1;
  for (size_t value = 0; value < offset && at + 1 < literal.size();) {
    size_t length = 1, bytes = 1;
    if (absl::StartsWith(literal.substr(at), "\\u{")) {
      const size_t end = literal.find('}', at);
      const std::string digits(literal.substr(at + 3, end - at - 3));
      const unsigned long c = std::stoul(digits, nullptr, 16);  // the parser has read it
      length = end + 1 - at;
      bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    } else if (literal[at] == '\\') {
      length = 2;
    }
    at += length;
    value += bytes;
  }
  return at;
}

}  // namespace

// The place of a fault within the pattern, where that stands here as a literal.
ast::Span Expressions::PlaceInLiteral(ast::Span span, size_t begin, size_t end) const {
  const absl::string_view literal = model_.sources.Slice(span.file, span.begin, span.end);
  if (literal.size() < 2 || literal.front() != '"') return span;
  const auto at = [&](size_t offset) { return span.begin + static_cast<uint32_t>(OffsetInLiteral(literal, offset)); };
  return {span.file, at(begin), std::max(at(end), at(begin) + 1)};
}

Expressions::Ptr Expressions::CheckMatch(const ast::Expr& expr) {
  Ptr text = Check(*expr.children[0]);
  Ptr written = Check(*expr.children[1]);
  if (text == nullptr || written == nullptr) return nullptr;
  const Type& type = text->type.type;
  if (type.kind != TypeKind::kString) {
    model_.sink.Report(expr.children[0]->span, diagnostics::kMatchNeedsText, expr.text, model_.types.Words(type))
        .Help(type.kind == TypeKind::kReference ? "name the part of its key that is a text" : "");
    return nullptr;
  }
  if (!RequirePresent(*text)) return nullptr;
  if (written->kind != ExprKind::kConstant || written->type.type.kind != TypeKind::kString) {
    model_.sink.Report(expr.children[1]->span, diagnostics::kPatternNotWritten, expr.text);
    return nullptr;
  }
  const pattern::Kind kind = expr.text == "like" ? pattern::Kind::kLike : pattern::Kind::kMatches;
  const pattern::Compiled compiled = pattern::Compile(kind, written->text);
  if (!compiled.automaton.has_value()) {
    const pattern::Fault& fault = compiled.fault;
    if (fault.too_large) {
      model_.sink.Report(written->span, diagnostics::kPatternTooLarge, limits::kPatternStatesMax);
    } else {
      model_.sink.Report(PlaceInLiteral(written->span, fault.begin, fault.end), diagnostics::kBadPattern, fault.what);
    }
    return nullptr;
  }
  Ptr node = Truth(ExprKind::kMatch, expr.span, std::move(text));
  node->part = static_cast<uint32_t>(kind);
  node->text = written->text;
  return node;
}

}  // namespace writ::check
