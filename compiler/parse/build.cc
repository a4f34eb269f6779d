#include "compiler/parse/build.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "WritLexer.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace writ::parse {
namespace {

using antlr4::ParserRuleContext;
using antlr4::Token;
using antlr4::tree::TerminalNode;
using ast::Expr;
using ast::ExprKind;
using ast::ExprPtr;
using ast::Name;
using L = WritLexer;
using P = WritParser;

// Whether the parser read all of this without an error.
bool IsSound(antlr4::tree::ParseTree* tree) {
  if (tree == nullptr || dynamic_cast<antlr4::tree::ErrorNode*>(tree) != nullptr) return false;
  if (const auto* context = dynamic_cast<ParserRuleContext*>(tree); context != nullptr && context->exception != nullptr)
    return false;
  return std::all_of(tree->children.begin(), tree->children.end(), IsSound);
}

std::string WithoutUnderscores(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  return text;
}

size_t DigitCount(const std::string& text) {
  size_t count = 0;
  while (count < text.size() &&
         ((text[count] >= '0' && text[count] <= '9') || text[count] == '.' || text[count] == '_'))
    ++count;
  return count;
}

bool IsOneOf(absl::string_view text, std::initializer_list<absl::string_view> all) {
  return std::find(all.begin(), all.end(), text) != all.end();
}

bool IsFoldOp(absl::string_view name) {
  return IsOneOf(name,
                 {"any", "all", "count", "sum", "min", "max", "distinct", "happened", "refused", "first", "last"});
}

bool IsOutcome(absl::string_view name) { return IsOneOf(name, {"permitted", "denied", "held", "escalated"}); }

void AppendUtf8(uint32_t code_point, std::string& out) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | (code_point >> 6));
    tail(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0 | (code_point >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (code_point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

// How to write what a fused unit was probably meant as; empty where it may be a declared unit.
std::string Rewritten(const std::string& digits, const std::string& unit) {
  if (unit.size() == 3 && std::all_of(unit.begin(), unit.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return absl::StrCat("write `", digits, " ", unit, "`");
  }
  static constexpr struct {
    const char *wrong, *right;
  } kUnits[] = {{"m", "min"},    {"mins", "min"},  {"minute", "min"}, {"minutes", "min"}, {"hr", "h"},  {"hrs", "h"},
                {"hour", "h"},   {"hours", "h"},   {"day", "d"},      {"days", "d"},      {"sec", "s"}, {"secs", "s"},
                {"second", "s"}, {"seconds", "s"}, {"week", "w"},     {"weeks", "w"}};
  for (const auto& [wrong, right] : kUnits) {
    if (unit == wrong) return absl::StrCat("write `", digits, right, "`");
  }
  if (IsOneOf(unit, {"ns", "us", "ms", "s", "min", "h", "d", "w"}))
    return "durations have whole parts, as in `1h30min`";
  return "";
}

class Builder {
 public:
  Builder(antlr4::CommonTokenStream& tokens, uint32_t file, const Offsets& offsets, bool broken,
          diagnostics::Sink& sink)
      : tokens_(tokens), file_(file), offsets_(offsets), broken_(broken), sink_(sink) {}

  ast::File Run(P::FileContext& tree) {
    out_.file = file_;
    for (auto* declaration : tree.declaration()) {
      Add(declaration);
      first_ = false;
    }
    return std::move(out_);
  }

 private:
  bool Sound(ParserRuleContext* context) const { return context != nullptr && (!broken_ || IsSound(context)); }

  // ---------------------------------------------------------------- places and names

  ast::Span SpanOf(const Token& token) const { return parse::SpanOf(token, file_, offsets_); }
  ast::Span SpanOf(TerminalNode* node) const { return SpanOf(*node->getSymbol()); }
  ast::Span SpanOf(ParserRuleContext* context) const {
    ast::Span span = SpanOf(*context->getStart());
    if (context->getStop() != nullptr) span.end = std::max(span.end, SpanOf(*context->getStop()).end);
    return span;
  }

  Name NameOf(P::NameContext* context) const { return {context->getText(), SpanOf(context)}; }
  Name NameOf(P::StepNameContext* context) const { return {context->getText(), SpanOf(context)}; }
  Name NameOf(TerminalNode* node) const { return {node->getText(), SpanOf(node)}; }
  Name NameOf(ParserRuleContext* context) const { return {context->getText(), SpanOf(context)}; }

  std::vector<Name> NamesOf(const std::vector<P::NameContext*>& contexts) const {
    std::vector<Name> names;
    for (auto* context : contexts) names.push_back(NameOf(context));
    return names;
  }
  std::vector<Name> NamesOf(P::NamesContext* context) const { return NamesOf(context->name()); }
  std::vector<Name> Qualified(P::QualifiedContext* context) const { return NamesOf(context->name()); }
  Name Dotted(P::QualifiedContext* context) const { return {context->getText(), SpanOf(context)}; }

  // The `///` lines right above a declaration.
  std::string DocOf(ParserRuleContext* context) const {
    std::string doc;
    const size_t index = context->getStart()->getTokenIndex();
    size_t above = 0;
    if (index > 0) {
      size_t before = index;
      while (before > 0 && tokens_.get(before - 1)->getChannel() != Token::DEFAULT_CHANNEL) --before;
      if (before > 0) above = tokens_.get(before - 1)->getLine();
    }
    for (const Token* token : tokens_.getHiddenTokensToLeft(index, L::DOCS)) {
      if (token->getLine() == above) continue;  // it stands behind the declaration above
      std::string line = token->getText().substr(3);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (!line.empty() && line.front() == ' ') line.erase(0, 1);
      absl::StrAppend(&doc, doc.empty() ? "" : "\n", line);
    }
    return doc;
  }

  std::string StringOf(TerminalNode* node) {
    const std::string text = node->getText();
    const bool closed = text.size() >= 2 && text.back() == text.front();
    const size_t end = closed ? text.size() - 1 : text.size();
    std::string out;
    for (size_t i = 1; i < end;) {
      if (text[i] != '\\') {
        out += text[i++];
        continue;
      }
      i += Escape(node, absl::string_view(text).substr(i, end - i), out);
    }
    return out;
  }

  // Resolves the escape that `rest` begins with; returns its length.
  size_t Escape(TerminalNode* node, absl::string_view rest, std::string& out) {
    const char kind = rest.size() > 1 ? rest[1] : '\0';
    const char* const plain = kind == 'n'    ? "\n"
                              : kind == 't'  ? "\t"
                              : kind == '"'  ? "\""
                              : kind == '\\' ? "\\"
                                             : nullptr;
    if (plain != nullptr) {
      out += plain;
      return 2;
    }
    uint32_t code_point = 0;
    const size_t length = kind == 'u' ? CodePoint(rest, code_point) : 0;
    if (length > 0) {
      AppendUtf8(code_point, out);
      return length;
    }
    size_t shown = std::min<size_t>(2, rest.size());
    while (shown < rest.size() && (static_cast<unsigned char>(rest[shown]) & 0xC0) == 0x80) ++shown;
    sink_.Report(SpanOf(node), diagnostics::kBadEscape, rest.substr(0, shown));
    return shown;
  }

  // The length of `\u{…}`, or 0 where that is no code point.
  static size_t CodePoint(absl::string_view rest, uint32_t& code_point) {
    if (rest.size() < 5 || rest[2] != '{') return 0;
    size_t at = 3;
    for (; at < rest.size() && at < 9 && rest[at] != '}'; ++at) {
      const char c = rest[at];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return 0;
      code_point = code_point * 16 + static_cast<uint32_t>(digit);
    }
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    return at > 3 && at < rest.size() && rest[at] == '}' && code_point <= 0x10FFFF && !surrogate ? at + 1 : 0;
  }

  int64_t CountOf(TerminalNode* node) {
    int64_t value = 0;
    if (!absl::SimpleAtoi(WithoutUnderscores(node->getText()), &value)) {
      sink_.Report(SpanOf(node), diagnostics::kBadNumber, node->getText(), "a whole number below 2^63 is needed");
    }
    return value;
  }

  // Says so if `given` already holds; sets it.
  void Once(bool& given, ParserRuleContext* again) {
    if (given) sink_.Report(SpanOf(again), diagnostics::kGivenTwice, again->getStart()->getText());
    given = true;
  }
  void NotYet(ParserRuleContext* context, const char* what, const char* instead) {
    sink_.Report(SpanOf(context), diagnostics::kNotYet, what, instead);
  }

  // ---------------------------------------------------------------- expressions

  ExprPtr Make(ExprKind kind, ast::Span span, std::string text = "") const {
    auto expr = std::make_unique<Expr>();
    expr->kind = kind;
    expr->span = span;
    expr->text = std::move(text);
    return expr;
  }
  static ExprPtr With(ExprPtr parent, ExprPtr child) {
    parent->children.push_back(std::move(child));
    return parent;
  }
  ExprPtr Binary(std::string op, ExprPtr left, ExprPtr right) const {
    ExprPtr expr = Make(ExprKind::kBinary, {file_, left->span.begin, right->span.end}, std::move(op));
    expr->children.push_back(std::move(left));
    expr->children.push_back(std::move(right));
    return expr;
  }
  ExprPtr NameExpr(Name name) const { return Make(ExprKind::kName, name.span, std::move(name.text)); }
  ExprPtr QualifiedExpr(P::QualifiedContext* context) const {
    ExprPtr expr;
    for (Name& name : Qualified(context))
      expr = expr == nullptr ? NameExpr(std::move(name)) : Member(std::move(expr), std::move(name));
    return expr;
  }
  ExprPtr Member(ExprPtr of, Name name) const {
    ExprPtr expr = Make(ExprKind::kMember, {file_, of->span.begin, name.span.end});
    expr->name = std::move(name);
    return With(std::move(expr), std::move(of));
  }

  // Most expressions are one name or value below ten rules that add nothing: those are stepped through without a look.
  ExprPtr Build(P::ExprContext* context) { return Unwrapped(context); }

  ExprPtr Unwrapped(ParserRuleContext* context) {
    while (context->children.size() == 1 && context->getRuleIndex() >= P::RuleExpr &&
           context->getRuleIndex() <= P::RulePostfix) {
      context = static_cast<ParserRuleContext*>(context->children[0]);
    }
    switch (context->getRuleIndex()) {
      case P::RuleExpr: return If(static_cast<P::ExprContext*>(context));
      case P::RuleDisjunction: return Build(static_cast<P::DisjunctionContext*>(context));
      case P::RuleConjunction: return Build(static_cast<P::ConjunctionContext*>(context));
      case P::RuleNegation: return With(Make(ExprKind::kNot, SpanOf(context)), Operand(context, 1));
      case P::RuleComparison: return Build(static_cast<P::ComparisonContext*>(context));
      case P::RuleCoalesce: return Build(static_cast<P::CoalesceContext*>(context));
      case P::RuleSum:
      case P::RuleProduct: return FromTheLeft(context);
      case P::RuleUnary: return Prefix(static_cast<P::UnaryContext*>(context));
      case P::RulePostfix: return Build(static_cast<P::PostfixContext*>(context));
      default: return Build(static_cast<P::PrimaryContext*>(context));
    }
  }

  // The operand that is child number `index`.
  ExprPtr Operand(ParserRuleContext* context, size_t index) {
    return Unwrapped(static_cast<ParserRuleContext*>(context->children[index]));
  }

  ExprPtr If(P::ExprContext* context) {
    ExprPtr expr = Make(ExprKind::kIf, SpanOf(context));
    for (auto* part : context->expr()) expr->children.push_back(Build(part));
    return expr;
  }

  ExprPtr Build(P::DisjunctionContext* context) {
    const std::vector<P::ConjunctionContext*> parts = context->conjunction();
    ExprPtr expr;
    for (auto* part : parts) {
      if (parts.size() > 1 && part->K_AND().size() > 0) sink_.Report(SpanOf(part), diagnostics::kMixedAndOr);
      ExprPtr next = Unwrapped(part);
      expr = expr == nullptr ? std::move(next) : Binary("or", std::move(expr), std::move(next));
    }
    return expr;
  }

  ExprPtr Build(P::ConjunctionContext* context) {
    ExprPtr expr;
    for (auto* part : context->negation()) {
      ExprPtr next = Unwrapped(part);
      expr = expr == nullptr ? std::move(next) : Binary("and", std::move(expr), std::move(next));
    }
    return expr;
  }

  ExprPtr Build(P::ComparisonContext* context) {
    const auto operands = context->coalesce();
    const auto comparators = context->comparator();
    if (comparators.size() > 1) sink_.Report(SpanOf(comparators[1]), diagnostics::kChainedComparison);
    ExprPtr expr = Unwrapped(operands[0]);
    for (size_t i = 0; i < comparators.size(); ++i) {
      const ast::Span span = SpanOf(comparators[i]);
      std::string op = comparators[i]->getText();
      const bool negated = comparators[i]->K_NOT() != nullptr;
      if (negated) sink_.Report(span, diagnostics::kForeignOperator, "not in", "not (… in …)");
      if (op == "=") sink_.Report(span, diagnostics::kForeignOperator, "=", "==");
      if (op == "=") op = "==";
      expr = Binary(negated ? "in" : op, std::move(expr), Unwrapped(operands[i + 1]));
    }
    return expr;
  }

  ExprPtr Build(P::CoalesceContext* context) {
    const auto parts = context->sum();
    ExprPtr expr = Unwrapped(parts.back());
    for (size_t i = parts.size() - 1; i-- > 0;) expr = Binary("??", Unwrapped(parts[i]), std::move(expr));
    return expr;
  }

  // Operands with an operator between each two, from the left; the children alternate operand and operator.
  ExprPtr FromTheLeft(ParserRuleContext* context) {
    ExprPtr expr = Operand(context, 0);
    for (size_t i = 1; i + 1 < context->children.size(); i += 2) {
      ExprPtr right = Operand(context, i + 1);
      expr = Binary(context->children[i]->getText(), std::move(expr), std::move(right));
    }
    return expr;
  }

  ExprPtr Prefix(P::UnaryContext* context) {
    const ExprKind kind = context->MINUS() != nullptr ? ExprKind::kNegate : ExprKind::kHas;
    return With(Make(kind, SpanOf(context)), Operand(context, 1));
  }

  ExprPtr Build(P::PostfixContext* context) {
    ExprPtr expr = Build(context->primary());
    for (auto* suffix : context->suffix()) {
      if (suffix->name() != nullptr) {
        if (suffix->LPAREN() != nullptr) {
          const std::string callee = absl::StrCat(suffix->name()->getText(), "(…)");
          sink_.Report(SpanOf(suffix), diagnostics::kNotYet, callee,
                       "only calendars are asked with a dot; call a `def` by its name alone");
        }
        expr = Member(std::move(expr), NameOf(suffix->name()));
        continue;
      }
      const ast::Span span = {file_, expr->span.begin, SpanOf(suffix).end};
      ExprPtr index = With(Make(ExprKind::kIndex, span), std::move(expr));
      for (auto* key : suffix->expr()) index->children.push_back(Build(key));
      expr = std::move(index);
    }
    return expr;
  }

  ExprPtr Build(P::PrimaryContext* context) {
    if (context->literal() != nullptr) return Build(context->literal());
    if (context->K_THIS() != nullptr) return Make(ExprKind::kThis, SpanOf(context));
    if (context->record() != nullptr) return Build(context->record());
    const auto names = context->name();
    if (context->K_SAYS() != nullptr) {
      ExprPtr expr = Make(ExprKind::kSays, SpanOf(context));
      expr->name = NameOf(names[0]);
      return With(std::move(expr), NameExpr(NameOf(names[1])));
    }
    if (!names.empty() && context->LPAREN() != nullptr) return Call(context, NameOf(names[0]));
    if (!names.empty()) return NameExpr(NameOf(names[0]));
    if (context->LPAREN() != nullptr) return Build(context->expr(0));
    ExprPtr expr = Make(context->LBRACE() != nullptr ? ExprKind::kSet : ExprKind::kList, SpanOf(context));
    for (auto* part : context->expr()) expr->children.push_back(Build(part));
    return expr;
  }

  ExprPtr Call(P::PrimaryContext* context, const Name& callee) {
    P::CallContext* call = context->call();
    ExprPtr expr = Make(ExprKind::kCall, SpanOf(context), callee.text);
    if (call == nullptr) return expr;
    const bool folds = call->COMMA().empty() && IsFoldOp(callee.text);
    if (folds) {
      expr->kind = ExprKind::kFold;
      expr->fold = BuildFold(call);
      return expr;
    }
    if (call->range() != nullptr || !call->callEnd().empty()) {
      ParserRuleContext* end =
          call->range() != nullptr ? static_cast<ParserRuleContext*>(call->range()) : call->callEnd(0);
      const std::string word = call->range() != nullptr ? "for" : end->getStart()->getText();
      sink_.Report(SpanOf(end), diagnostics::kUnknownClause, word, absl::StrCat("`", callee.text, "(…)`"),
                   "its arguments with `,` between them");
    }
    for (auto* argument : call->expr()) expr->children.push_back(Build(argument));
    return expr;
  }

  std::unique_ptr<ast::Fold> BuildFold(P::CallContext* context) {
    auto fold = std::make_unique<ast::Fold>();
    ExprPtr first = Build(context->expr(0));
    P::RangeContext* range = context->range();
    if (range == nullptr) {
      fold->source = std::move(first);
    } else {
      fold->value = std::move(first);
      fold->variables = NamesOf(range->name());
      fold->source = range->expr() != nullptr ? Build(range->expr()) : QualifiedExpr(range->qualified());
    }
    bool by = false, where = false, within = false, since = false, max = false;
    for (auto* end : context->callEnd()) {
      if (end->names() != nullptr) {
        Once(by, end);
        fold->by = NamesOf(end->names());
      } else if (end->expr() != nullptr) {
        Once(where, end);
        fold->where = Build(end->expr());
      } else if (end->span() != nullptr) {
        Once(within, end);
        fold->within = Build(end->span());
      } else if (end->event() != nullptr) {
        Once(since, end);
        fold->since = Build(end->event());
      } else {
        Once(max, end);
        fold->capacity = CountOf(end->NUMBER());
      }
    }
    return fold;
  }

  ExprPtr Build(P::EventContext* context) {
    ExprPtr source = QualifiedExpr(context->qualified());
    if (context->names() == nullptr && context->expr() == nullptr) return source;
    ExprPtr expr = Make(ExprKind::kFold, SpanOf(context), "event");
    expr->fold = std::make_unique<ast::Fold>();
    expr->fold->source = std::move(source);
    if (context->names() != nullptr) expr->fold->by = NamesOf(context->names());
    if (context->expr() != nullptr) expr->fold->where = Build(context->expr());
    return expr;
  }

  ExprPtr Build(P::RecordContext* context) {
    ExprPtr expr = Make(ExprKind::kRecord, SpanOf(context));
    for (auto* item : context->recordItem()) {
      if (!Sound(item)) continue;
      Name name = NameOf(item->name());
      const auto same = [&](const Name& other) { return other.text == name.text; };
      if (std::any_of(expr->members.begin(), expr->members.end(), same))
        sink_.Report(name.span, diagnostics::kGivenTwice, name);
      expr->members.push_back(std::move(name));
      expr->children.push_back(Build(item->expr()));
    }
    return expr;
  }

  ExprPtr Build(P::SpanContext* context) {
    if (context->DURATION() != nullptr)
      return Make(ExprKind::kDuration, SpanOf(context), WithoutUnderscores(context->getText()));
    return context->name() != nullptr ? NameExpr(NameOf(context->name())) : Build(context->expr());
  }

  ExprPtr Build(P::MoneyContext* context) const {
    TerminalNode* number = context->NUMBER() != nullptr ? context->NUMBER() : context->SCALED();
    ExprPtr expr = Make(ExprKind::kMoney, SpanOf(context), WithoutUnderscores(number->getText()));
    expr->unit = NameOf(context->CURRENCY());
    return expr;
  }

  ExprPtr Build(P::LiteralContext* context) {
    if (context->money() != nullptr) return Build(context->money());
    return Literal(context->getStart(), static_cast<TerminalNode*>(context->children[0]));
  }

  ExprPtr Build(P::BoundContext* context) {
    ExprPtr expr;
    if (context->money() != nullptr) {
      expr = Build(context->money());
    } else {
      expr = Literal(context->getStop(), static_cast<TerminalNode*>(context->children.back()));
    }
    return context->MINUS() == nullptr ? std::move(expr)
                                       : With(Make(ExprKind::kNegate, SpanOf(context)), std::move(expr));
  }

  ExprPtr Literal(const Token* token, TerminalNode* node) {
    const ast::Span span = SpanOf(*token);
    const std::string text = token->getText();
    switch (token->getType()) {
      case L::K_TRUE:
      case L::K_FALSE: return Make(ExprKind::kBool, span, text);
      case L::PERCENT: return Make(ExprKind::kPercent, span, WithoutUnderscores(text.substr(0, text.size() - 1)));
      case L::DURATION: return Make(ExprKind::kDuration, span, WithoutUnderscores(text));
      case L::DATE: return Make(ExprKind::kDate, span, text);
      case L::TIME: return Make(ExprKind::kTime, span, text);
      case L::STRING: return Make(ExprKind::kString, span, StringOf(node));
      case L::QUANTITY: return Quantity(span, text);
      case L::SCALED:
        sink_.Report(span, diagnostics::kBadNumber, text, "only money is written with k, M or B, as in `2.4M USD`");
        break;
      default:
        if (text.find('.') == std::string::npos) break;
        sink_.Report(span, diagnostics::kBadNumber, text,
                     "numbers are whole, unless they are percentages, money or quantities");
        break;
    }
    std::string digits = WithoutUnderscores(text.substr(0, DigitCount(text)));
    return Make(ExprKind::kInt, span, digits.substr(0, digits.find('.')));
  }

  ExprPtr Quantity(ast::Span span, const std::string& text) {
    const size_t digits = DigitCount(text);
    // `5_mg`: the lexer's digits may end in an underscore that the unit begins with; the unit wins.
    ExprPtr expr = Make(ExprKind::kQuantity, span, WithoutUnderscores(text.substr(0, digits)));
    expr->unit = {text.substr(digits), {file_, span.begin + static_cast<uint32_t>(digits), span.end}};
    const std::string instead = Rewritten(expr->text, expr->unit.text);
    if (!instead.empty()) sink_.Report(span, diagnostics::kBadNumber, text, instead);
    return expr;
  }

  // ---------------------------------------------------------------- types and fields

  ast::Type Build(P::TypeContext* context) {
    ast::Type type;
    type.span = SpanOf(context);
    type.name = NameOf(context->name());
    if (context->names() != nullptr) type.arguments = NamesOf(context->names());
    if (context->type() != nullptr) type.element = std::make_unique<ast::Type>(Build(context->type()));
    bool range = false, max = false, min = false, by = false, per = false;
    for (auto* end : context->typeEnd()) {
      if (end->QUESTION() != nullptr) {
        Once(type.optional, end);
      } else if (end->K_IN() != nullptr) {
        Once(range, end);
        type.low = Build(end->bound(0));
        type.high = Build(end->bound(1));
      } else if (end->K_MAX() != nullptr) {
        Once(max, end);
        type.max = CountOf(end->NUMBER());
      } else if (end->K_MIN() != nullptr) {
        Once(min, end);
        type.min = CountOf(end->NUMBER());
      } else if (end->K_BY() != nullptr) {
        Once(by, end);
        type.by = NameOf(end->name());
      } else {
        Once(per, end);
        type.per = NameOf(end->name());
      }
    }
    return type;
  }

  ast::Foreign Build(P::ForeignContext* context) {
    ast::Foreign foreign;
    foreign.span = SpanOf(context);
    foreign.attribute = StringOf(context->STRING());
    bool currency = false, zone = false, rounding = false;
    for (auto* end : context->foreignEnd()) {
      if (end->K_ZONE() != nullptr && end->STRING() != nullptr) {
        Once(zone, end);
        foreign.zone = StringOf(end->STRING());
      } else if (end->K_IN() != nullptr) {
        Once(currency, end);
        foreign.currency = NameOf(end->name());
      } else {
        Once(rounding, end);
        foreign.rounding = NameOf(end->name());
      }
    }
    return foreign;
  }

  void AddEnds(const std::vector<P::FieldEndContext*>& ends, ast::Field& field) {
    bool from = false;
    for (auto* end : ends) {
      if (end->name() != nullptr) {
        field.labels.push_back(NameOf(end->name()));
      } else {
        Once(from, end);
        field.foreign = Build(end->foreign());
      }
    }
  }

  ast::Field Build(P::FieldContext* context) {
    ast::Field field;
    field.span = SpanOf(context);
    field.name = NameOf(context->name());
    field.type = Build(context->type());
    AddEnds(context->fieldEnd(), field);
    return field;
  }

  std::vector<ast::Field> Build(const std::vector<P::FieldContext*>& contexts) {
    std::vector<ast::Field> fields;
    for (auto* context : contexts) {
      if (Sound(context)) fields.push_back(Build(context));
    }
    return fields;
  }

  // ---------------------------------------------------------------- declarations

  void Add(P::DeclarationContext* context) {
    if (context == nullptr || context->children.empty()) return;
    if (auto* it = context->enumDecl()) return AddEnum(it);
    if (auto* it = context->recordDecl()) return AddRecord(it);
    if (auto* it = context->typeDecl()) return AddType(it);
    if (auto* it = context->domainDecl()) return AddDomain(it);
    if (auto* it = context->priorityDecl()) return AddPriority(it);
    if (auto* it = context->roleDecl()) return AddRole(it);
    if (auto* it = context->entityDecl()) return AddEntity(it);
    if (auto* it = context->workflowDecl()) return AddWorkflow(it);
    if (auto* it = context->defDecl()) return AddDef(it, out_.defs);
    if (auto* it = context->authorityDecl()) return AddAuthority(it);
    if (auto* it = context->ruleDecl()) return AddRule(it);
    if (auto* it = context->reviewDecl()) return AddReview(it);
    if (auto* it = context->logDecl()) return AddLog(it);
    if (auto* it = context->testDecl()) return AddTest(it);
    if (auto* it = context->scenarioDecl()) return AddScenario(it);
    if (auto* it = context->importDecl()) return AddImport(it);
    if (auto* it = context->packageDecl()) AddPackage(it);
  }

  void AddPackage(P::PackageDeclContext* context) {
    if (!Sound(context)) return;
    if (!first_) sink_.Report(SpanOf(context), diagnostics::kPackageFirst);
    if (out_.package.empty()) out_.package = Qualified(context->qualified());
  }

  void AddImport(P::ImportDeclContext* context) {
    if (!Sound(context)) return;
    ast::Import import;
    import.span = SpanOf(context);
    import.package = Qualified(context->qualified());
    if (context->names() != nullptr) import.names = NamesOf(context->names());
    out_.imports.push_back(std::move(import));
  }

  void AddEnum(P::EnumDeclContext* context) {
    if (!Sound(context)) return;
    ast::Enum node{DocOf(context), SpanOf(context), NameOf(context->name()), false, {}};
    const auto add = [&](P::EnumMemberContext* member) {
      node.members.push_back({NameOf(member->name()), member->STRING() != nullptr ? StringOf(member->STRING()) : ""});
    };
    add(context->enumMember());
    size_t ordered = 0, unordered = 0;
    for (auto* next : context->enumNext()) {
      ++(next->LESS() != nullptr ? ordered : unordered);
      if (ordered > 0 && unordered > 0 && ordered + unordered == context->enumNext().size()) {
        sink_.Report(SpanOf(next->getStart() == nullptr ? *context->getStart() : *next->getStart()),
                     diagnostics::kMixedEnum);
      }
      add(next->enumMember());
    }
    node.ordered = ordered > 0;
    out_.enums.push_back(std::move(node));
  }

  void AddRecord(P::RecordDeclContext* context) {
    if (!Sound(context->name()) || context->LBRACE() == nullptr) return;
    ast::Record node{DocOf(context), SpanOf(context), NameOf(context->name()), {}, Build(context->field())};
    if (context->names() != nullptr && Sound(context->names())) node.labels = NamesOf(context->names());
    out_.records.push_back(std::move(node));
  }

  void AddType(P::TypeDeclContext* context) {
    if (!Sound(context)) return;
    out_.types.push_back({DocOf(context), SpanOf(context), NameOf(context->name()), Build(context->type())});
  }

  void AddDomain(P::DomainDeclContext* context) {
    if (!Sound(context)) return;
    out_.domains.push_back({DocOf(context), SpanOf(context), NamesOf(context->names()), {}});
  }

  void AddPriority(P::PriorityDeclContext* context) {
    if (!Sound(context)) return;
    ast::Priority node{SpanOf(context), {}};
    for (auto* step : context->names()) node.chain.push_back(NamesOf(step));
    out_.priorities.push_back(std::move(node));
  }

  void AddRole(P::RoleDeclContext* context) {
    if (!Sound(context)) return;
    ast::Role node{DocOf(context), SpanOf(context), context->K_HUMAN() != nullptr, NamesOf(context->names()), {}, ""};
    bool in = false, as = false;
    for (auto* end : context->roleEnd()) {
      if (end->name() != nullptr) {
        Once(in, end);
        node.domain = NameOf(end->name());
      } else {
        Once(as, end);
        node.foreign = StringOf(end->STRING());
      }
    }
    if (!in)
      Missing(node.names.front().span, absl::StrCat("`role ", node.names.front().text, "`"), "its domain",
              "`in` and a domain");
    out_.roles.push_back(std::move(node));
  }

  void Missing(ast::Span span, const std::string& what, const char* part, const char* fix) {
    sink_.Report(span, diagnostics::kMissingPart, what, part, fix);
  }

  std::vector<ast::Field> Keys(P::KeyFieldsContext* context) {
    return context == nullptr ? std::vector<ast::Field>{} : Build(context->field());
  }

  void AddEntity(P::EntityDeclContext* context) {
    if (!Sound(context->name())) return;
    ast::Entity node;
    node.doc = DocOf(context);
    node.span = SpanOf(context);
    node.name = NameOf(context->name());
    node.key = Keys(context->keyFields());
    bool fresh = false;
    for (auto* end : context->entityEnd()) {
      if (!Sound(end)) continue;
      if (end->K_UNDER() != nullptr) {
        NotYet(end, "under", "leave it out");
        continue;
      }
      Once(fresh, end);
      node.fresh = Build(end->span());
    }
    for (auto* item : context->entityItem()) {
      if (item->defDecl() != nullptr) AddDef(item->defDecl(), node.defs);
      if (item->field() != nullptr && Sound(item->field())) node.fields.push_back(Build(item->field()));
    }
    out_.entities.push_back(std::move(node));
  }

  void AddWorkflow(P::WorkflowDeclContext* context) {
    if (!Sound(context->name())) return;
    ast::Workflow node;
    node.doc = DocOf(context);
    node.span = SpanOf(context);
    node.name = NameOf(context->name());
    node.key = Keys(context->keyFields());
    for (auto* item : context->workflowItem()) AddItem(item, node);
    out_.workflows.push_back(std::move(node));
  }

  static void Append(std::vector<Name> from, std::vector<Name>& to) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  }

  void AddItem(P::WorkflowItemContext* item, ast::Workflow& node) {
    if (item->defDecl() != nullptr) return AddDef(item->defDecl(), node.defs);
    if (!Sound(item)) return;
    if (item->finalItem() != nullptr) return Append(NamesOf(item->finalItem()->names()), node.finals);
    if (item->haltedItem() != nullptr) return Append(NamesOf(item->haltedItem()->names()), node.halted);
    if (item->statesItem() != nullptr) {
      for (auto* state : item->statesItem()->stateDecl()) {
        node.states.push_back(
            {NameOf(state->name()), state->names() != nullptr ? NamesOf(state->names()) : std::vector<Name>{}});
      }
      return;
    }
    AddMember(item->member(), node);
  }

  void AddMember(P::MemberContext* context, ast::Workflow& node) {
    P::MemberBodyContext* body = context->memberBody();
    const bool transition = body->ARROW() != nullptr || body->K_IN() != nullptr;
    if (transition) {
      node.transitions.push_back(BuildTransition(context, body));
      return;
    }
    ast::Field field;
    field.span = SpanOf(context);
    field.name = NameOf(context->name());
    field.type = Build(body->type());
    AddEnds(body->fieldEnd(), field);
    node.fields.push_back(std::move(field));
  }

  ast::Transition BuildTransition(P::MemberContext* context, P::MemberBodyContext* body) {
    ast::Transition node;
    node.doc = DocOf(context);
    node.span = SpanOf(context);
    node.name = NameOf(context->name());
    node.stays = body->ARROW() == nullptr;
    if (node.stays) {
      node.sources = NamesOf(body->names());
    } else {
      node.sources = NamesOf(body->name());
      node.target = std::move(node.sources.back());
      node.sources.pop_back();
      if (body->type() != nullptr) node.sources.insert(node.sources.begin(), StateOf(body->type()));
      if (node.sources.empty()) node.sources.push_back({"new", SpanOf(body->ARROW())});
    }
    bool sets = false, payload = false, as = false, at = false;
    for (auto* end : body->transitionEnd()) {
      if (end->K_SETS() != nullptr) {
        Once(sets, end);
        for (auto* item : end->setItem()) node.sets.push_back(Build(item));
      } else if (end->LBRACE() != nullptr) {
        Once(payload, end);
        node.payload = Build(end->field());
      } else if (end->K_AS() != nullptr) {
        Once(as, end);
        node.foreign = StringOf(end->STRING());
        node.foreign_span = SpanOf(end->STRING());
      } else {
        Once(at, end);
        node.timer = NameOf(end->name());
      }
    }
    return node;
  }

  // The grammar reads the first state of a transition as a type, since a field's type stands in the same place.
  Name StateOf(P::TypeContext* context) {
    if (context->children.size() > 1) {
      sink_.Report(SpanOf(context), diagnostics::kUnexpected, diagnostics::Author(context->getText()).printed(),
                   "a state");
    }
    return NameOf(context->name());
  }

  ast::SetItem Build(P::SetItemContext* context) {
    ast::SetItem item{SpanOf(context), NameOf(context->name()), context->QUESTION() != nullptr, nullptr};
    if (context->expr() != nullptr) item.computed = Build(context->expr());
    return item;
  }

  void AddDef(P::DefDeclContext* context, std::vector<ast::Def>& to) {
    if (!Sound(context)) return;
    ast::Def node;
    node.doc = DocOf(context);
    node.span = SpanOf(context);
    node.name = NameOf(context->name());
    for (auto* parameter : context->parameter()) {
      ast::Field field;
      field.span = SpanOf(parameter);
      field.name = NameOf(parameter->name());
      field.type = Build(parameter->type());
      node.parameters.push_back(std::move(field));
    }
    if (context->type() != nullptr) node.result = Build(context->type());
    node.body = Build(context->expr());
    to.push_back(std::move(node));
  }

  // ---------------------------------------------------------------- authority, rules, reviews

  void AddAuthority(P::AuthorityDeclContext* context) {
    if (!Sound(context->names())) return;
    ast::Authority node{DocOf(context), SpanOf(context), NamesOf(context->names()), {}};
    for (auto* may : context->may()) {
      if (!Sound(may)) continue;
      if (may->K_CONSENT() != nullptr) {
        NotYet(may, "consent to", "leave it out, or name the transitions that the role may propose");
        continue;
      }
      node.mays.push_back(Build(may));
    }
    out_.authorities.push_back(std::move(node));
  }

  ast::May Build(P::MayContext* context) {
    ast::May may{SpanOf(context), NamesOf(context->names()), NameOf(context->name()), {}, nullptr};
    bool when = false;
    for (auto* end : context->mayEnd()) {
      if (end->expr() != nullptr) {
        Once(when, end);
        may.when = Build(end->expr());
        continue;
      }
      for (auto* limit : end->limit()) {
        may.limits.push_back(
            {NameOf(limit->name()), limit->bound() != nullptr ? Build(limit->bound()) : Build(limit->expr())});
      }
    }
    return may;
  }

  std::unique_ptr<ast::Ladder> Build(P::LadderContext* context) {
    auto ladder = std::make_unique<ast::Ladder>();
    ladder->span = SpanOf(context);
    ladder->within = Build(context->span());
    P::FallbackContext* fallback = context->fallback();
    const auto names = fallback->name();
    if (fallback->K_ESCALATE() == nullptr) {
      ladder->keyword = NameOf(names[0]);
      return ladder;
    }
    ladder->keyword = NameOf(fallback->K_ESCALATE());
    ladder->role = NameOf(names.back());
    if (names.size() > 1) ladder->transition = NameOf(names[0]);
    ladder->next = Build(fallback->ladder());
    return ladder;
  }

  void CheckEffect(const Name& effect) {
    if (IsOneOf(effect.text, {"deny", "hold", "escalate", "allow"})) return;
    if (IsOneOf(effect.text, {"ask", "upon"})) {
      sink_.Report(effect.span, diagnostics::kNotYet, effect,
                   "leave the rule out, or say it with `deny`, `hold`, `escalate` or `allow`");
      return;
    }
    sink_.Report(effect.span, diagnostics::kUnknownClause, effect, "a rule", "`deny`, `hold`, `escalate` or `allow`")
        .Help(diagnostics::Suggest(effect.text, {"deny", "hold", "escalate", "allow"}));
  }

  void AddRule(P::RuleDeclContext* context) {
    if (!Sound(context)) return;
    ast::Rule node;
    node.doc = DocOf(context);
    node.span = SpanOf(context);
    const auto names = context->name();
    node.name = NameOf(names[0]);
    if (context->K_IN() != nullptr) {
      node.domain = NameOf(names[1]);
    } else {
      Missing(node.name.span, absl::StrCat("`rule ", node.name.text, "`"), "its domain", "`in` and a domain");
    }
    node.effect = NameOf(context->ruleEffect());
    CheckEffect(node.effect);
    node.transitions = NamesOf(context->names());
    node.workflow = NameOf(names.back());
    AddScopes(context, node);
    if (P::RuleUntilContext* until = context->ruleUntil()) {
      node.until = NameOf(until->name());
      if (until->names() != nullptr) node.until_by = NamesOf(until->names());
    }
    if (context->ladder() != nullptr) node.ladder = Build(context->ladder());
    AddEnds(context, node);
    if (!IsOneOf(node.effect.text, {"deny", "hold", "escalate", "allow"})) return;
    out_.rules.push_back(std::move(node));
  }

  void AddScopes(P::RuleDeclContext* context, ast::Rule& node) {
    bool by = false, to = false;
    for (auto* scope : context->ruleScope()) {
      if (scope->names() != nullptr) {
        Once(by, scope);
        node.by = NamesOf(scope->names());
      } else {
        Once(to, scope);
        node.to = NameOf(scope->name());
      }
    }
  }

  void AddEnds(P::RuleDeclContext* context, ast::Rule& node) {
    bool when = false, unless = false, because = false, overrides = false;
    for (auto* end : context->ruleEnd()) {
      if (end->K_WHEN() != nullptr) {
        Once(when, end);
        node.when = Build(end->expr());
      } else if (end->K_UNLESS() != nullptr) {
        Once(unless, end);
        node.unless = Build(end->expr());
      } else if (end->K_BECAUSE() != nullptr) {
        Once(because, end);
        node.because = StringOf(end->STRING());
      } else if (end->K_OVERRIDES() != nullptr) {
        Once(overrides, end);
        for (auto* name : end->qualified()) node.overrides.push_back(Dotted(name));
      } else {
        NotYet(end, "then", "leave it out");
      }
    }
  }

  void AddReview(P::ReviewDeclContext* context) {
    const auto names = context->name();
    if (names.size() < 2 || !Sound(names[0]) || !Sound(names[1])) return;
    ast::Review node;
    node.doc = DocOf(context);
    node.span = SpanOf(context);
    node.workflow = NameOf(names[0]);
    node.state = NameOf(names[1]);
    bool panel = false, ladder = false;
    for (auto* item : context->reviewItem()) {
      panel |= item->panelItem() != nullptr && !Sound(item);  // a broken one is not also missing
      ladder |= item->ladder() != nullptr && !Sound(item);
      if (!Sound(item)) continue;
      if (item->panelItem() != nullptr) {
        Once(panel, item);
        AddPanel(item->panelItem(), node);
      } else if (item->ladder() != nullptr) {
        Once(ladder, item);
        node.ladder = Build(item->ladder());
      } else {
        node.clauses.push_back(Build(item->clause()));
      }
    }
    const std::string what = absl::StrCat("`review on ", node.workflow.text, "`");
    if (!panel && !broken_)
      Missing(node.workflow.span, what, "who decides",
              "`panel`, its roles, and `by` a verdict's field, as in `by assess.stance`");
    if (!ladder && !broken_)
      Missing(node.workflow.span, what, "how long it may take", "`within`, a duration, `else`, and what happens then");
    out_.reviews.push_back(std::move(node));
  }

  void AddPanel(P::PanelItemContext* context, ast::Review& node) {
    for (auto* seat : context->seat()) {
      const auto numbers = seat->NUMBER();
      ast::Seat out{SpanOf(seat), NameOf(seat->name()), {}, {}};
      if (numbers.size() == 2) {
        out.quorum = CountOf(numbers[0]);
        out.of = CountOf(numbers[1]);
      }
      node.panel.push_back(std::move(out));
    }
    const auto names = context->name();
    node.verdict = NameOf(names[0]);
    node.stance = NameOf(names[1]);
  }

  ast::Clause Build(P::ClauseContext* context) {
    ast::Clause clause;
    clause.span = SpanOf(context);
    const auto names = context->name();
    clause.name = NameOf(names[0]);
    if (names.size() > 1) clause.domain = NameOf(names[1]);
    P::ConclusionContext* conclusion = context->conclusion();
    const auto words = conclusion->name();
    clause.escalates = conclusion->K_ESCALATE() != nullptr;
    if (clause.escalates) {
      clause.to = NameOf(words.back());
      if (words.size() > 1) clause.transition = NameOf(words[0]);
      clause.ladder = Build(conclusion->ladder());
    } else {
      clause.transition = NameOf(words[0]);
    }
    P::ClauseGuardContext* guard = context->clauseGuard();
    if (guard == nullptr) {
      Missing(clause.name.span, absl::StrCat("the clause `", clause.name.text, "`"), "when it holds",
              "`when` and a condition, or `otherwise`");
    } else if (guard->expr() != nullptr) {
      clause.when = Build(guard->expr());
    } else {
      clause.otherwise = true;
    }
    return clause;
  }

  // ---------------------------------------------------------------- logs, tests, scenarios

  void AddLog(P::LogDeclContext* context) {
    const auto names = context->name();
    if (names.empty() || !Sound(names[0])) return;
    ast::Log node{SpanOf(context), NameOf(names[0]), {}, {}};
    if (names.size() > 1 && Sound(names[1])) node.format = NameOf(names[1]);
    for (auto* item : context->logItem()) {
      if (!Sound(item)) continue;
      node.items.push_back({SpanOf(item), NameOf(item->name()), Build(item->foreign()),
                            item->STRING() != nullptr ? StringOf(item->STRING()) : ""});
    }
    out_.logs.push_back(std::move(node));
  }

  void AddTest(P::TestDeclContext* context) {
    if (context->STRING() == nullptr) return;
    ast::Test node{SpanOf(context), StringOf(context->STRING()), {}};
    for (auto* step : context->step()) {
      if (!Sound(step)) continue;
      ast::Step out;
      out.span = SpanOf(step);
      if (Fill(step, out)) node.steps.push_back(std::move(out));
    }
    out_.tests.push_back(std::move(node));
  }

  // Whether the step is one that this version knows.
  bool Fill(P::StepContext* context, ast::Step& out) {
    using Kind = ast::Step::Kind;
    if (auto* it = context->atStep()) {
      out.kind = Kind::kAt;
      out.time = Literal(it->getStop(), static_cast<TerminalNode*>(it->children.back()));
    } else if (auto* wait = context->waitStep()) {
      out.kind = Kind::kWait;
      out.time = Build(wait->span());
    } else if (auto* actor = context->actorStep()) {
      out.kind = Kind::kActor;
      for (auto* roles : actor->actorRoles()) {
        const auto names = roles->name();
        out.actors.emplace_back(NameOf(names[0]), roles->names() != nullptr ? NamesOf(roles->names())
                                                                            : std::vector<Name>{NameOf(names[1])});
      }
    } else if (auto* set = context->setStep()) {
      FillSet(set, out);
    } else if (auto* answer = context->answerStep()) {
      out.kind = Kind::kAnswer;
      out.yes = answer->K_YES() != nullptr;
      FillPerformer(answer->performer(), out);
      if (answer->name() != nullptr) out.instance = NameOf(answer->name());
    } else if (auto* assume = context->assumeStep()) {
      out.kind = Kind::kAssume;
      const auto names = assume->name();
      out.state = NameOf(names[0]);
      if (names.size() > 1) out.instance = NameOf(names[1]);
      if (assume->record() != nullptr) out.values = Build(assume->record());
    } else if (auto* expect = context->expectStep()) {
      return FillExpect(expect->expectation(), out);
    } else if (auto* proposal = context->proposal()) {
      FillProposal(proposal, out);
    }
    return true;
  }

  void FillPerformer(P::PerformerContext* context, ast::Step& out) {
    const auto names = context->name();
    out.by = NameOf(names[0]);
    if (names.size() > 1) out.as = NameOf(names[1]);
  }

  void FillSet(P::SetStepContext* context, ast::Step& out) {
    out.kind = ast::Step::Kind::kSet;
    out.transition = NameOf(context->K_SET());
    out.workflow = NameOf(context->name());
    for (auto* key : context->keyValue()) {
      out.key.push_back(key->literal() != nullptr ? Build(key->literal()) : NameExpr(NameOf(key->name())));
    }
    FillPerformer(context->performer(), out);
    if (context->record() != nullptr) out.values = Build(context->record());
  }

  void FillProposal(P::ProposalContext* context, ast::Step& out) {
    out.kind = ast::Step::Kind::kPropose;
    out.transition = NameOf(context->stepName());
    const auto names = context->name();
    if (names.size() >= 2) {
      out.workflow = NameOf(names[0]);
      out.instance = NameOf(names[1]);
    }
    if (context->K_ON() != nullptr) {
      if (names.size() > 1) sink_.Report(SpanOf(context->K_ON()), diagnostics::kGivenTwice, "on");
      out.instance = NameOf(names.back());
    }
    FillPerformer(context->performer(), out);
    if (context->record() != nullptr) out.values = Build(context->record());
  }

  void AddBecause(P::BecauseContext* context, ast::Expectation& out) {
    if (context == nullptr) return;
    out.only = context->K_ONLY() != nullptr;
    for (auto* reason : context->qualified()) out.because.push_back(Dotted(reason));
  }

  bool FillExpect(P::ExpectationContext* context, ast::Step& out) {
    using Kind = ast::Expectation::Kind;
    if (context->K_OBLIGED() != nullptr || context->K_TASK() != nullptr || context->K_CONFIDENCE() != nullptr) {
      NotYet(context,
             context->K_CONFIDENCE() != nullptr ? "confidence"
             : context->K_TASK() != nullptr     ? "task"
                                                : "obliged",
             "leave it out");
      return false;
    }
    out.kind = context->proposal() != nullptr ? ast::Step::Kind::kPropose : ast::Step::Kind::kExpect;
    out.expect = std::make_unique<ast::Expectation>();
    ast::Expectation& expect = *out.expect;
    expect.span = SpanOf(context);
    expect.negated = context->K_NOT() != nullptr;
    AddBecause(context->because(), expect);
    const auto names = context->name();
    if (context->proposal() != nullptr) {
      FillProposal(context->proposal(), out);
      expect.kind = Kind::kOutcome;
      expect.outcome = NameOf(context->outcome());
    } else if (context->K_ASKED() != nullptr) {
      expect.kind = Kind::kAsked;
      expect.role = NameOf(names[0]);
    } else if (context->K_STATE() != nullptr) {
      expect.kind = Kind::kState;
      expect.state = NameOf(names[0]);
      if (names.size() > 1) out.instance = NameOf(names[1]);
    } else {
      SetCondition(Build(context->expr()), expect);
    }
    return true;
  }

  // `denied` and `not denied` are outcomes; everything else is a condition over the instance.
  void SetCondition(ExprPtr condition, ast::Expectation& out) {
    const Expr* bare = condition->kind == ExprKind::kNot ? condition->children[0].get() : condition.get();
    if (bare->kind == ExprKind::kName && IsOutcome(bare->text)) {
      out.kind = ast::Expectation::Kind::kOutcome;
      out.negated = condition->kind == ExprKind::kNot;
      out.outcome = {bare->text, bare->span};
      return;
    }
    out.kind = ast::Expectation::Kind::kCondition;
    if (!out.because.empty()) {
      sink_.Report(out.because.front().span, diagnostics::kUnknownClause, "because", "a condition",
                   "it after an outcome or a state");
    }
    out.condition = std::move(condition);
  }

  void AddScenario(P::ScenarioDeclContext* context) {
    const auto strings = context->STRING();
    if (strings.size() < 2) return;
    ast::Scenario node;
    node.span = SpanOf(context);
    node.name = StringOf(strings[0]);
    node.path = StringOf(strings[1]);
    node.following_record = context->K_FOLLOWING() != nullptr;
    if (context->name() != nullptr && Sound(context->name())) node.workflow = NameOf(context->name());
    for (auto* item : context->scenarioItem()) {
      if (!Sound(item)) continue;
      ast::Expectation expect;
      expect.span = SpanOf(item);
      expect.kind = item->K_NOTHING() != nullptr ? ast::Expectation::Kind::kNothing : ast::Expectation::Kind::kCases;
      expect.outcome = NameOf(item->outcome());
      if (item->NUMBER() != nullptr) expect.count = CountOf(item->NUMBER());
      AddBecause(item->because(), expect);
      node.expects.push_back(std::move(expect));
    }
    out_.scenarios.push_back(std::move(node));
  }

  antlr4::CommonTokenStream& tokens_;
  const uint32_t file_;
  const Offsets& offsets_;
  const bool broken_;
  bool first_ = true;  // nothing has been read yet
  diagnostics::Sink& sink_;
  ast::File out_;
};

}  // namespace

ast::File Build(P::FileContext& tree, antlr4::CommonTokenStream& tokens, uint32_t file, const Offsets& offsets,
                bool broken, diagnostics::Sink& sink) {
  return Builder(tokens, file, offsets, broken, sink).Run(tree);
}

}  // namespace writ::parse
