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
    AddComments();
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
  Name Dotted(P::ReasonContext* context) const { return {context->getText(), SpanOf(context)}; }

  // A declaration with the `private` in front of it.
  static ParserRuleContext* Whole(ParserRuleContext* context) {
    auto* parent = static_cast<ParserRuleContext*>(context->parent);
    return parent != nullptr && parent->getRuleIndex() == P::RuleDeclaration ? parent : context;
  }

  // The `///` lines right above a declaration.
  std::string DocOf(ParserRuleContext* context) const {
    std::string doc;
    const size_t index = Whole(context)->getStart()->getTokenIndex();
    size_t above = 0;
    if (index > 0) {
      size_t before = index;
      while (before > 0 && tokens_.get(before - 1)->getChannel() != Token::DEFAULT_CHANNEL) --before;
      if (before > 0) above = tokens_.get(before - 1)->getLine();
    }
    for (const Token* token : tokens_.getHiddenTokensToLeft(index, L::DOCS)) {
      if (token->getLine() == above) continue;  // it stands behind the declaration above
      std::string line = token->getText().substr(3);
      line.erase(line.find_last_not_of(" \t\r") + 1);  // white space behind a comment says nothing
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
  void Refuse(ast::Span span, const std::string& word, const std::string& where, const char* instead) {
    sink_.Report(span, diagnostics::kUnknownClause, word, where, instead);
  }

  std::optional<int64_t> Count(TerminalNode* node) {
    return node == nullptr ? std::nullopt : std::optional<int64_t>(CountOf(node));
  }

  // Where each comment stands, for what prints a policy.
  void AddComments() {
    size_t line = 0;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const Token* token = tokens_.get(i);
      const size_t type = token->getType();
      if (type == L::COMMENT || type == L::DOC)
        out_.comments.push_back({SpanOf(*token), type == L::DOC, token->getLine() != line});
      line = token->getLine();
    }
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
      case P::RuleExpr:
        return If(static_cast<P::ExprContext*>(context));
      case P::RuleDisjunction:
        return Build(static_cast<P::DisjunctionContext*>(context));
      case P::RuleConjunction:
        return Build(static_cast<P::ConjunctionContext*>(context));
      case P::RuleNegation:
        return With(Make(ExprKind::kNot, SpanOf(context)), Operand(context, 1));
      case P::RuleComparison:
        return Build(static_cast<P::ComparisonContext*>(context));
      case P::RuleCoalesce:
        return Build(static_cast<P::CoalesceContext*>(context));
      case P::RuleSum:
      case P::RuleProduct:
        return FromTheLeft(context);
      case P::RuleUnary:
        return Prefix(static_cast<P::UnaryContext*>(context));
      case P::RulePostfix:
        return Build(static_cast<P::PostfixContext*>(context));
      default:
        return Build(static_cast<P::PrimaryContext*>(context));
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
          expr = Method(std::move(expr), suffix);
          continue;
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

  ExprPtr Method(ExprPtr of, P::SuffixContext* suffix) {
    ExprPtr expr = Make(ExprKind::kMethod, {file_, of->span.begin, SpanOf(suffix).end});
    expr->name = NameOf(suffix->name());
    expr->children.push_back(std::move(of));
    if (suffix->call() != nullptr) AddArguments(suffix->call(), expr->name.text, *expr);
    return expr;
  }

  ExprPtr Of(P::PrimaryContext* context, Name quantifier) {
    if (!IsOneOf(quantifier.text, {"all", "any"}) && context->NUMBER() == nullptr)
      Refuse(quantifier.span, quantifier.text, "`of (…)`", "`all`, `any` or a number");
    ExprPtr expr = Make(ExprKind::kOf, SpanOf(context), WithoutUnderscores(std::move(quantifier.text)));
    for (auto* part : context->expr()) expr->children.push_back(Build(part));
    return expr;
  }

  ExprPtr Build(P::PrimaryContext* context) {
    if (context->K_OF() != nullptr)
      return Of(context, context->NUMBER() != nullptr ? NameOf(context->NUMBER()) : NameOf(context->name(0)));
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
      expr->fold = call->K_NOW() != nullptr ? BuildPopulation(call) : BuildFold(call);
      return expr;
    }
    AddArguments(call, callee.text, *expr);
    return expr;
  }

  void AddArguments(P::CallContext* call, const std::string& callee, Expr& expr) {
    if (call->K_NOW() != nullptr) {
      Refuse(SpanOf(call->K_NOW()), "now", absl::StrCat("`", callee, "(…)`"), "`count(… now in …)`");
      return;
    }
    if (call->range() != nullptr || !call->callEnd().empty()) {
      ParserRuleContext* end =
          call->range() != nullptr ? static_cast<ParserRuleContext*>(call->range()) : call->callEnd(0);
      const std::string word = call->range() != nullptr ? "for" : end->getStart()->getText();
      sink_.Report(SpanOf(end), diagnostics::kUnknownClause, word, absl::StrCat("`", callee, "(…)`"),
                   "its arguments with `,` between them");
    }
    for (auto* argument : call->expr()) expr.children.push_back(Build(argument));
  }

  std::unique_ptr<ast::Fold> BuildPopulation(P::CallContext* context) {
    auto fold = std::make_unique<ast::Fold>();
    fold->source = QualifiedExpr(context->qualified(0));
    fold->now_in = NamesOf(context->names());
    if (context->K_OF() != nullptr) fold->of = QualifiedExpr(context->qualified(1));
    return fold;
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
      case L::K_FALSE:
        return Make(ExprKind::kBool, span, text);
      case L::PERCENT:
        return Make(ExprKind::kPercent, span, WithoutUnderscores(text.substr(0, text.size() - 1)));
      case L::DURATION:
        return Make(ExprKind::kDuration, span, WithoutUnderscores(text));
      case L::DATE:
        return Make(ExprKind::kDate, span, text);
      case L::TIME:
        return Make(ExprKind::kTime, span, text);
      case L::LOCAL:
        sink_.Report(span, diagnostics::kBadNumber, text, absl::StrCat("times are in UTC: write `", text, "Z`"));
        return Make(ExprKind::kTime, span, text + "Z");
      case L::STRING:
        return Make(ExprKind::kString, span, StringOf(node));
      case L::QUANTITY:
        return Quantity(span, text);
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
    is_private_ = context->K_PRIVATE() != nullptr;
    AddDeclaration(context);
    is_private_ = false;
  }

  void AddDeclaration(P::DeclarationContext* context) {
    if (auto* it = context->enumDecl()) return AddEnum(it);
    if (auto* it = context->recordDecl()) return AddRecord(it);
    if (auto* it = context->typeDecl()) return AddType(it);
    if (auto* it = context->unitDecl()) return AddUnit(it);
    if (auto* it = context->tableDecl()) return AddTable(it);
    if (auto* it = context->calendarDecl()) return AddCalendar(it);
    if (auto* it = context->obligationDecl()) return AddObligation(it);
    if (auto* it = context->entityDecl()) return AddEntity(it);
    if (auto* it = context->workflowDecl()) return AddWorkflow(it);
    if (auto* it = context->defDecl()) return AddDef(it, to_->defs);
    if (auto* it = context->factDecl()) return AddFact(it, to_->facts);
    if (auto* it = context->templateDecl()) return AddTemplate(it);
    if (is_private_) {
      Refuse(
          SpanOf(context->K_PRIVATE()), "private", "this declaration",
          "it before what other packages could import: a type, a table, a calendar, a workflow, a `def`, a `fact` or "
          "a `template`");
    }
    if (auto* it = context->domainDecl()) return AddDomain(it);
    if (auto* it = context->priorityDecl()) return AddPriority(it);
    if (auto* it = context->roleDecl()) return AddRole(it);
    if (auto* it = context->clearanceDecl()) return AddClearance(it);
    if (auto* it = context->actorDecl()) return AddActor(it);
    if (auto* it = context->authorityDecl()) return AddAuthority(it);
    if (auto* it = context->ruleDecl()) return AddRule(it, to_->rules);
    if (auto* it = context->reviewDecl()) return AddReview(it);
    if (auto* it = context->decomposeDecl()) return AddDecomposition(it);
    if (auto* it = context->confidenceDecl()) return AddConfidence(it);
    if (auto* it = context->divergenceDecl()) return AddDivergence(it);
    if (auto* it = context->contextDecl()) return AddContext(it);
    if (auto* it = context->applyDecl()) return AddApply(it);
    if (auto* it = context->propertyDecl()) return AddProperty(it);
    if (auto* it = context->logDecl()) return AddLog(it);
    if (auto* it = context->testDecl()) return AddTest(it);
    if (auto* it = context->scenarioDecl()) return AddScenario(it);
    if (auto* it = context->importDecl()) return AddImport(it);
    if (auto* it = context->packageDecl()) AddPackage(it);
  }

  void AddPackage(P::PackageDeclContext* context) {
    if (!Sound(context)) return;
    if (!first_ || InTemplate()) sink_.Report(SpanOf(context), diagnostics::kPackageFirst);
    if (!out_.package.empty()) return;
    out_.package = Qualified(context->qualified());
    out_.package_span = SpanOf(context);
  }

  bool InTemplate() const { return to_ != &out_; }

  void AddImport(P::ImportDeclContext* context) {
    if (!Sound(context)) return;
    if (InTemplate()) return Refuse(SpanOf(context), "import", "a template", "it above, in the file");
    ast::Import import;
    import.span = SpanOf(context);
    import.package = Qualified(context->qualified());
    if (context->names() != nullptr) import.names = NamesOf(context->names());
    out_.imports.push_back(std::move(import));
  }

  void AddEnum(P::EnumDeclContext* context) {
    if (!Sound(context)) return;
    ast::Enum node{DocOf(context), SpanOf(Whole(context)), NameOf(context->name()), false, {}, is_private_};
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
    to_->enums.push_back(std::move(node));
  }

  void AddRecord(P::RecordDeclContext* context) {
    if (!Sound(context->name()) || context->LBRACE() == nullptr) return;
    ast::Record node{DocOf(context), SpanOf(Whole(context)), NameOf(context->name()), {}, Build(context->field()),
                     is_private_};
    if (context->names() != nullptr && Sound(context->names())) node.labels = NamesOf(context->names());
    to_->records.push_back(std::move(node));
  }

  void AddType(P::TypeDeclContext* context) {
    if (!Sound(context)) return;
    to_->types.push_back(
        {DocOf(context), SpanOf(Whole(context)), NameOf(context->name()), Build(context->type()), is_private_});
  }

  void AddDomain(P::DomainDeclContext* context) {
    if (!Sound(context)) return;
    ast::Domain node{DocOf(context), SpanOf(context), NamesOf(context->names()), {}};
    for (auto* package : context->qualified()) node.open_to.push_back(Dotted(package));
    to_->domains.push_back(std::move(node));
  }

  void AddClearance(P::ClearanceDeclContext* context) {
    if (!Sound(context)) return;
    to_->clearances.push_back(
        {DocOf(context), SpanOf(context), NamesOf(context->names(0)), NamesOf(context->names(1))});
  }

  void AddUnit(P::UnitDeclContext* context) {
    if (!Sound(context)) return;
    to_->units.push_back(
        {DocOf(context), SpanOf(Whole(context)), NameOf(context->name()), Count(context->NUMBER()), is_private_});
  }

  void AddObligation(P::ObligationDeclContext* context) {
    if (!Sound(context->name()) || context->LBRACE() == nullptr) return;
    to_->obligations.push_back(
        {DocOf(context), SpanOf(Whole(context)), NameOf(context->name()), Build(context->field()), is_private_});
  }

  void AddActor(P::ActorDeclContext* context) {
    if (context->LBRACE() == nullptr) return;
    to_->actors.push_back({DocOf(context), SpanOf(context), Build(context->field())});
  }

  void AddFact(P::FactDeclContext* context, std::vector<ast::Fact>& to) {
    if (!Sound(context)) return;
    ast::Fact node;
    node.doc = DocOf(context);
    node.span = SpanOf(Whole(context));
    node.name = NameOf(context->name());
    for (auto* key : context->qualified()) node.per.push_back(QualifiedExpr(key));
    if (context->type() != nullptr) node.result = Build(context->type());
    node.body = Build(context->expr());
    node.is_private = is_private_;
    to.push_back(std::move(node));
  }

  // ---------------------------------------------------------------- tables and calendars

  void AddTable(P::TableDeclContext* context) {
    if (!Sound(context->name()) || context->LBRACE() == nullptr || !Sound(context->type())) return;
    ast::Table node;
    node.doc = DocOf(context);
    node.span = SpanOf(Whole(context));
    node.name = NameOf(context->name());
    for (auto* parameter : context->parameter()) {
      if (Sound(parameter)) node.parameters.push_back(Build(parameter));
    }
    node.result = Build(context->type());
    node.is_private = is_private_;
    std::vector<P::TableItemContext*> items;
    for (auto* item : context->tableItem()) {
      if (Sound(item)) items.push_back(item);
    }
    node.grid = !items.empty() && items.front()->COLON() == nullptr;
    if (node.grid) {
      AddGrid(items, node);
    } else {
      for (auto* item : items) AddTableRow(item, node);
    }
    to_->tables.push_back(std::move(node));
  }

  void AddTableRow(P::TableItemContext* item, ast::Table& node) {
    const auto patterns = item->pattern();
    if (item->COLON() == nullptr) {
      Missing(SpanOf(item), absl::StrCat("this row of `", node.name.text, "`"), "what holds there",
              "`:` and a value after its keys");
      return;
    }
    ast::TableRow row;
    row.span = SpanOf(item);
    for (auto* pattern : patterns) row.keys.push_back(Build(pattern));
    row.cells.push_back(Build(item->cell()));
    if (!broken_ && row.keys.size() != node.parameters.size()) {
      sink_.Report(row.span, diagnostics::kRaggedTable, row.keys.size(), row.keys.size() == 1 ? "key" : "keys",
                   node.parameters.size());
    }
    node.rows.push_back(std::move(row));
  }

  // The first line has the columns, and each line after it a row: its key and a cell a column.
  void AddGrid(const std::vector<P::TableItemContext*>& items, ast::Table& node) {
    if (node.parameters.size() != 2) {
      Refuse(SpanOf(items.front()), "a grid", "a table without two inputs", "a row a line: its keys, `:` and a value");
      return;
    }
    size_t line = items.front()->getStart()->getLine();
    bool in_head = true;
    for (auto* item : items) {
      if (item->COLON() != nullptr) {
        Refuse(SpanOf(item->COLON()), ":", "a grid", "the columns on the first line, and a key with its cells on each");
        return;
      }
      if (item->getStart()->getLine() != line) {
        if (!in_head) CheckCells(node);
        in_head = false;
        line = item->getStart()->getLine();
        node.rows.push_back({SpanOf(item), {}, {}});
        node.rows.back().keys.push_back(Build(item->pattern(0)));
        continue;
      }
      if (in_head) {
        node.columns.push_back(Build(item->pattern(0)));
        continue;
      }
      AddCell(item->pattern(0), node.rows.back());
    }
    if (!in_head) CheckCells(node);
  }

  void AddCell(P::PatternContext* pattern, ast::TableRow& row) {
    if (pattern->RANGE() != nullptr || pattern->cell() == nullptr)
      Refuse(SpanOf(pattern), pattern->getText(), "a cell", "one value, or an expression in parentheses");
    row.cells.push_back(std::move(Build(pattern).value));
    row.span.end = SpanOf(pattern).end;
  }

  void CheckCells(const ast::Table& node) {
    const ast::TableRow& row = node.rows.back();
    if (row.cells.size() == node.columns.size()) return;
    sink_.Report(row.span, diagnostics::kRaggedTable, row.cells.size(), row.cells.size() == 1 ? "cell" : "cells",
                 node.columns.size());
  }

  ast::Pattern Build(P::PatternContext* context) {
    using Kind = ast::Pattern::Kind;
    ast::Pattern pattern;
    pattern.span = SpanOf(context);
    if (context->cell() == nullptr) {
      pattern.kind = Kind::kCompare;
      pattern.op = context->getStart()->getText();
      pattern.value = Build(context->bound());
      return pattern;
    }
    pattern.value = Build(context->cell());
    if (context->RANGE() != nullptr) {
      pattern.kind = Kind::kRange;
      pattern.high = Build(context->bound());
    } else if (pattern.value->kind == ExprKind::kName && pattern.value->text == "otherwise") {
      pattern.kind = Kind::kOtherwise;
    }
    return pattern;
  }

  ExprPtr Build(P::CellContext* context) {
    if (context->bound() != nullptr) return Build(context->bound());
    if (context->name() != nullptr) return NameExpr(NameOf(context->name()));
    if (context->expr() != nullptr) return Build(context->expr());
    return Literal(context->getStart(), static_cast<TerminalNode*>(context->children[0]));
  }

  void AddCalendar(P::CalendarDeclContext* context) {
    if (!Sound(context->name()) || context->LBRACE() == nullptr) return;
    ast::Calendar node{DocOf(context), SpanOf(Whole(context)), NameOf(context->name()), {}, is_private_};
    for (auto* item : context->calendarItem()) {
      if (Sound(item)) node.items.push_back(Build(item));
    }
    to_->calendars.push_back(std::move(node));
  }

  ast::CalendarItem Build(P::CalendarItemContext* context) {
    using Kind = ast::CalendarItem::Kind;
    ast::CalendarItem item;
    item.span = SpanOf(context);
    if (context->STRING() != nullptr) item.zone = StringOf(context->STRING());
    if (context->K_OPEN() != nullptr) item.kind = Kind::kOpen;
    if (context->K_CLOSED() != nullptr) item.kind = Kind::kClosed;
    if (context->K_WINDOW() != nullptr) {
      item.kind = Kind::kWindow;
      item.name = NameOf(context->name());
    }
    for (auto* days : context->days()) {
      const auto names = days->name();
      item.days.emplace_back(NameOf(names.front()), NameOf(names.back()));
    }
    for (auto* hours : context->hours()) item.hours.emplace_back(Build(hours->clock(0)), Build(hours->clock(1)));
    for (auto* period : context->period()) {
      const auto instants = period->instant();
      item.periods.emplace_back(Build(instants[0]), instants.size() > 1 ? Build(instants[1]) : nullptr);
    }
    return item;
  }

  ast::Clock Build(P::ClockContext* context) {
    const std::string hour = context->NUMBER(0)->getText(), minute = context->NUMBER(1)->getText();
    ast::Clock clock{SpanOf(context), 0, 0};
    const bool read = hour.size() == 2 && minute.size() == 2 && absl::SimpleAtoi(hour, &clock.hour) &&
                      absl::SimpleAtoi(minute, &clock.minute) && clock.minute < 60 &&
                      clock.hour * 60 + clock.minute <= 24 * 60;
    if (!read)
      sink_.Report(clock.span, diagnostics::kBadNumber, context->getText(), "write a time of day, as in `08:00`");
    return clock;
  }

  ExprPtr Build(P::InstantContext* context) {
    const ast::Span span = SpanOf(context);
    return Make(context->DATE() != nullptr ? ExprKind::kDate : ExprKind::kTime, span, context->getText());
  }

  void AddPriority(P::PriorityDeclContext* context) {
    if (!Sound(context)) return;
    ast::Priority node{SpanOf(context), {}};
    for (auto* step : context->names()) node.chain.push_back(NamesOf(step));
    to_->priorities.push_back(std::move(node));
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
    to_->roles.push_back(std::move(node));
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
    node.span = SpanOf(Whole(context));
    node.is_private = is_private_;
    node.name = NameOf(context->name());
    node.key = Keys(context->keyFields());
    bool fresh = false, under = false;
    for (auto* end : context->entityEnd()) {
      if (!Sound(end)) continue;
      if (end->K_UNDER() != nullptr) {
        Once(under, end);
        node.under = NameOf(end->name());
        node.under_max = Count(end->NUMBER());
        continue;
      }
      Once(fresh, end);
      node.fresh = Build(end->span());
    }
    is_private_ = false;
    for (auto* item : context->entityItem()) {
      if (item->defDecl() != nullptr) AddDef(item->defDecl(), node.defs);
      if (item->field() != nullptr && Sound(item->field())) node.fields.push_back(Build(item->field()));
    }
    to_->entities.push_back(std::move(node));
  }

  void AddWorkflow(P::WorkflowDeclContext* context) {
    if (!Sound(context->name())) return;
    ast::Workflow node;
    node.doc = DocOf(context);
    node.span = SpanOf(Whole(context));
    node.is_private = is_private_;
    node.name = NameOf(context->name());
    node.key = Keys(context->keyFields());
    for (auto* item : context->workflowItem()) AddItem(item, node);
    to_->workflows.push_back(std::move(node));
  }

  static void Append(std::vector<Name> from, std::vector<Name>& to) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  }

  void AddItem(P::WorkflowItemContext* item, ast::Workflow& node) {
    is_private_ = false;
    if (item->defDecl() != nullptr) return AddDef(item->defDecl(), node.defs);
    if (item->factDecl() != nullptr) return AddFact(item->factDecl(), node.facts);
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
    bool sets = false, payload = false, as = false, at = false, endorses = false, declassifies = false;
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
      } else if (end->K_ENDORSES() != nullptr) {
        Once(endorses, end);
        node.endorses = NamesOf(end->names());
      } else if (end->K_DECLASSIFIES() != nullptr) {
        Once(declassifies, end);
        node.declassifies = NamesOf(end->names());
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

  ast::Field Build(P::ParameterContext* context) {
    ast::Field field;
    field.span = SpanOf(context);
    field.name = NameOf(context->name());
    field.type = Build(context->type());
    return field;
  }

  void AddDef(P::DefDeclContext* context, std::vector<ast::Def>& to) {
    if (!Sound(context)) return;
    ast::Def node;
    node.doc = DocOf(context);
    node.span = SpanOf(Whole(context));
    node.name = NameOf(context->name());
    for (auto* parameter : context->parameter()) node.parameters.push_back(Build(parameter));
    node.is_private = is_private_;
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
      node.mays.push_back(Build(may));
    }
    to_->authorities.push_back(std::move(node));
  }

  ast::May Build(P::MayContext* context) {
    ast::May may{SpanOf(context), NamesOf(context->names()),      NameOf(context->name()), {},
                 nullptr,         context->K_CONSENT() != nullptr};
    bool when = false;
    for (auto* end : context->mayEnd()) {
      if (end->expr() != nullptr) {
        Once(when, end);
        may.when = Build(end->expr());
        continue;
      }
      for (auto* limit : end->limit()) may.limits.push_back(Build(limit));
    }
    return may;
  }

  ast::Limit Build(P::LimitContext* context) {
    return {NameOf(context->name()), context->bound() != nullptr ? Build(context->bound()) : Build(context->expr())};
  }

  std::unique_ptr<ast::Ladder> Build(P::LadderContext* context) {
    auto ladder = std::make_unique<ast::Ladder>();
    ladder->span = SpanOf(context);
    ladder->within = Build(context->span());
    P::FallbackContext* fallback = context->fallback();
    const auto names = fallback->name();
    if (fallback->ladder() == nullptr) {
      ladder->keyword = NameOf(names[0]);
      return ladder;
    }
    ladder->keyword = NameOf(fallback->K_ESCALATE() != nullptr ? fallback->K_ESCALATE() : fallback->K_ASK());
    ladder->role = NameOf(names.back());
    if (names.size() > 1) ladder->transition = NameOf(names[0]);
    ladder->next = Build(fallback->ladder());
    return ladder;
  }

  static constexpr std::initializer_list<absl::string_view> kEffects = {"deny",  "hold", "escalate",
                                                                        "allow", "ask",  "upon"};

  bool KnowsEffect(const Name& effect) {
    if (IsOneOf(effect.text, kEffects)) return true;
    sink_
        .Report(effect.span, diagnostics::kUnknownClause, effect, "a rule",
                "`deny`, `hold`, `escalate`, `allow`, `ask` or `upon`")
        .Help(diagnostics::Suggest(effect.text, {"deny", "hold", "escalate", "allow", "ask", "upon"}));
    return false;
  }

  void AddRule(P::RuleDeclContext* context, std::vector<ast::Rule>& to) {
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
    const bool known = KnowsEffect(node.effect);
    node.transitions = NamesOf(context->names());
    node.workflow = NameOf(names.back());
    AddScopes(context, node);
    if (node.effect.text == "ask") SetAsked(node);
    if (P::RuleUntilContext* until = context->ruleUntil()) {
      node.until = NameOf(until->name());
      if (until->names() != nullptr) node.until_by = NamesOf(until->names());
    }
    if (context->ladder() != nullptr) node.ladder = Build(context->ladder());
    AddEnds(context, node);
    if (known) to.push_back(std::move(node));
  }

  // `ask R on W`: what stands where other rules have their transitions is the role.
  void SetAsked(ast::Rule& node) {
    if (!node.to.empty()) Refuse(node.to.span, "to", "`ask`", "the role right after `ask`");
    if (node.transitions.size() > 1)
      Refuse(node.transitions[1].span, node.transitions[1].text, "`ask`",
             "one role, and a rule of its own for another");
    node.to = std::move(node.transitions.front());
    node.transitions.clear();
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
        node.duties.push_back(Build(end->duty()));
      }
    }
  }

  ast::Duty Build(P::DutyContext* context) {
    ast::Duty duty;
    duty.span = SpanOf(context);
    const auto names = context->name();
    if (context->K_NOTIFY() != nullptr) {
      duty.name = NameOf(context->K_NOTIFY());
      duty.to = NamesOf(context->names());
      return duty;
    }
    duty.name = NameOf(names[0]);
    duty.is_task = context->K_TASK() != nullptr;
    if (!duty.is_task) {
      if (context->names() != nullptr) duty.to = NamesOf(context->names());
      if (context->record() != nullptr) duty.values = Build(context->record());
      return duty;
    }
    duty.role = NameOf(names[1]);
    duty.does = NamesOf(context->names());
    if (names.size() > 2) duty.workflow = NameOf(names[2]);
    duty.ladder = Build(context->ladder());
    return duty;
  }

  void AddReview(P::ReviewDeclContext* context) {
    const auto names = context->name();
    if (names.size() < 2 || !Sound(names[0]) || !Sound(names[1])) return;
    ast::Review node;
    node.doc = DocOf(context);
    node.span = SpanOf(context);
    node.workflow = NameOf(names[0]);
    node.state = NameOf(names[1]);
    bool panel = false, ladder = false, joint = false;
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
      } else if (item->jointItem() != nullptr) {
        Once(joint, item);
        node.joint = NamesOf(item->jointItem()->names());
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
    to_->reviews.push_back(std::move(node));
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

  // ---------------------------------------------------------------- decomposition

  void AddDecomposition(P::DecomposeDeclContext* context) {
    if (!Sound(context->name()) || context->LBRACE() == nullptr) return;
    ast::Decomposition node;
    node.doc = DocOf(context);
    node.span = SpanOf(context);
    node.workflow = NameOf(context->name());
    bool plan = false, bounds = false;
    for (auto* item : context->decomposeItem()) {
      if (auto* it = item->planItem()) {
        Once(plan, item);
        for (auto* task : it->plannedTask()) {
          if (Sound(task)) node.plan.push_back(Build(task));
        }
      } else if (auto* under = item->underItem()) {
        if (Sound(under->name())) node.unders.push_back(Build(under));
      } else if (Sound(item)) {
        if (item->boundsItem() != nullptr) Once(bounds, item);
        AddItem(item, node);
      }
    }
    to_->decompositions.push_back(std::move(node));
  }

  ast::Under Build(P::UnderItemContext* context) {
    ast::Under under{SpanOf(context), NameOf(context->name()), {}};
    for (auto* rule : context->ruleDecl()) AddRule(rule, under.rules);
    return under;
  }

  void AddItem(P::DecomposeItemContext* item, ast::Decomposition& node) {
    if (auto* addition = item->additionItem()) {
      node.additions.push_back({SpanOf(item), addition->K_MUST() != nullptr, Build(addition->plannedTask())});
    } else if (auto* sub = item->subItem()) {
      node.subs.push_back(Build(sub));
    } else if (auto* bounds = item->boundsItem()) {
      for (auto* bound : bounds->limit()) {
        ast::Limit limit = Build(bound);
        node.bounds.push_back({SpanOf(bound), std::move(limit.field), std::move(limit.value)});
      }
    } else if (auto* last = item->finallyItem()) {
      node.finallys.push_back(
          {SpanOf(item), NameOf(last->name()), last->expr() != nullptr ? Build(last->expr()) : nullptr});
    }
  }

  ast::Sub Build(P::SubItemContext* context) {
    ast::Sub sub;
    sub.span = SpanOf(context);
    sub.task = NameOf(context->name());
    sub.among = NamesOf(context->names(0));
    if (context->K_GRANTING() != nullptr) sub.granting = NamesOf(context->names(1));
    for (auto* limit : context->limit()) sub.limits.push_back(Build(limit));
    if (context->span() != nullptr) sub.within = Build(context->span());
    return sub;
  }

  ast::PlannedTask Build(P::PlannedTaskContext* context) {
    ast::PlannedTask task;
    task.span = SpanOf(context);
    const auto names = context->name();
    task.name = NameOf(names[0]);
    task.role = NameOf(names[1]);
    if (context->names() != nullptr) task.does = NamesOf(context->names());
    if (names.size() > 2) task.workflow = NameOf(names[2]);
    bool over = false, after = false, holds = false, needs = false, when = false, ladder = false;
    for (auto* end : context->taskEnd()) {
      if (end->K_FOR() != nullptr) {
        Once(over, end);
        task.variable = NameOf(end->name());
        task.source = Build(end->expr(0));
        if (end->K_WHERE() != nullptr) task.where = Build(end->expr(1));
      } else if (end->K_AFTER() != nullptr) {
        Once(after, end);
        task.after = NamesOf(end->names());
      } else if (end->K_HOLDS() != nullptr) {
        Once(holds, end);
        task.holds = NamesOf(end->names());
      } else if (end->K_NEEDS() != nullptr) {
        Once(needs, end);
        for (auto* capability : end->STRING()) task.needs.push_back(StringOf(capability));
      } else if (end->K_WHEN() != nullptr) {
        Once(when, end);
        task.when = Build(end->expr(0));
      } else {
        Once(ladder, end);
        task.ladder = Build(end->ladder());
      }
    }
    return task;
  }

  // ---------------------------------------------------------------- confidence, divergence, context

  void AddConfidence(P::ConfidenceDeclContext* context) {
    if (!Sound(context->name()) || context->LBRACE() == nullptr) return;
    ast::Confidence node;
    node.doc = DocOf(context);
    node.span = SpanOf(context);
    node.workflow = NameOf(context->name());
    bool weakest = false;
    for (auto* item : context->confidenceItem()) {
      if (!Sound(item)) continue;
      if (item->K_WEAKEST() != nullptr && item->basis().empty()) {
        Once(weakest, item);
        node.weakest = NamesOf(item->names());
      } else if (item->K_INDEPENDENT() != nullptr && item->basis().empty()) {
        Once(node.independent, item);
        if (item->name() != nullptr) node.across = NameOf(item->name());
      } else if (item->K_CALIBRATE() != nullptr && item->basis().empty()) {
        node.calibrations.push_back({SpanOf(item), NamesOf(item->names()), {}});
        for (auto* bin : item->bin()) {
          node.calibrations.back().bins.emplace_back(Percent(bin->PERCENT(0)), Percent(bin->PERCENT(1)));
        }
      } else {
        node.reliances.push_back(BuildReliance(item));
      }
    }
    to_->confidences.push_back(std::move(node));
  }

  ExprPtr Percent(TerminalNode* node) { return Literal(node->getSymbol(), node); }

  ast::Reliance BuildReliance(P::ConfidenceItemContext* context) {
    ast::Reliance reliance{SpanOf(context), NameOf(context->name()), {}};
    for (auto* basis : context->basis()) {
      ast::Basis out;
      out.span = SpanOf(basis);
      out.at_least = Count(basis->NUMBER());
      if (basis->name() != nullptr) {
        out.quantifier = NameOf(basis->name());
        if (!IsOneOf(out.quantifier.text, {"all", "any"}))
          Refuse(out.quantifier.span, out.quantifier.text, "`confidence`", "`all of`, `any of` or a number and `of`");
      }
      out.of = Dotted(basis->qualified());
      reliance.bases.push_back(std::move(out));
    }
    return reliance;
  }

  void AddDivergence(P::DivergenceDeclContext* context) {
    const auto names = context->name();
    if (names.size() < 4 || context->LBRACE() == nullptr ||
        !std::all_of(names.begin(), names.end(), [&](auto* name) { return Sound(name); })) {
      return;
    }
    ast::Divergence node;
    node.doc = DocOf(context);
    node.span = SpanOf(context);
    node.left = NameOf(names[0]);
    node.right = NameOf(names[1]);
    node.transition = NameOf(names[2]);
    node.workflow = NameOf(names[3]);
    for (auto* key : context->qualified()) node.per.push_back(QualifiedExpr(key));
    bool baseline = false, alarm = false, notify = false;
    for (auto* item : context->divergenceItem()) {
      if (!Sound(item)) continue;
      if (item->K_BASELINE() != nullptr) {
        Once(baseline, item);
        node.baseline = Percent(item->PERCENT(0));
        if (item->K_MARGIN() != nullptr) node.margin = Percent(item->PERCENT(1));
      } else if (item->K_ALARM() != nullptr) {
        Once(alarm, item);
        node.alarm_once_per = CountOf(item->NUMBER());
      } else {
        Once(notify, item);
        node.notify = NamesOf(item->names());
      }
    }
    to_->divergences.push_back(std::move(node));
  }

  void AddContext(P::ContextDeclContext* context) {
    const auto names = context->name();
    if (names.size() < 2 || context->LBRACE() == nullptr || !Sound(names[0]) || !Sound(names[1])) return;
    ast::Context node{DocOf(context), SpanOf(context), NameOf(names[0]), NameOf(names[1]), {}};
    bool budget = false;
    for (auto* item : context->contextItem()) {
      if (!Sound(item)) continue;
      if (item->K_BUDGET() != nullptr) Once(budget, item);
      node.items.push_back(Build(item));
    }
    to_->contexts.push_back(std::move(node));
  }

  ast::ContextItem Build(P::ContextItemContext* context) {
    using Kind = ast::ContextItem::Kind;
    ast::ContextItem item;
    item.span = SpanOf(context);
    if (context->K_BUDGET() != nullptr) {
      item.kind = Kind::kBudget;
      item.tokens = CountOf(context->NUMBER());
      SetOverflow(context->overflow(), item);
      return item;
    }
    item.kind = context->K_INCLUDE() != nullptr    ? Kind::kInclude
                : context->K_EXCLUDE() != nullptr  ? Kind::kExclude
                : context->K_REDACT() != nullptr   ? Kind::kRedact
                : context->K_REQUIRES() != nullptr ? Kind::kRequires
                                                   : Kind::kBarrier;
    P::RouteContext* route = context->route();
    for (auto* field : route->qualified()) item.fields.push_back(QualifiedExpr(field));
    if (route->names() != nullptr) {
      item.source = NameOf(route->K_VERDICTS() != nullptr ? route->K_VERDICTS() : route->K_EVENTS());
      item.of = NamesOf(route->names());
    }
    if (route->span() != nullptr) item.within = Build(route->span());
    if (context->K_UNTIL() != nullptr) item.until = NameOf(context->K_OWN());
    if (context->expr() != nullptr) item.when = Build(context->expr());
    return item;
  }

  void SetOverflow(P::OverflowContext* context, ast::ContextItem& item) {
    if (context->K_REFUSE() != nullptr) {
      item.overflow = NameOf(context->K_REFUSE());
    } else if (context->K_DROP() != nullptr) {
      item.overflow = NameOf(context->name());
      if (item.overflow.text != "last") Refuse(item.overflow.span, item.overflow.text, "`drop`", "`drop last`");
    } else {
      item.overflow = NameOf(context->K_ESCALATE());
      item.role = NameOf(context->name());
      if (context->ladder() != nullptr) item.ladder = Build(context->ladder());
    }
  }

  // ---------------------------------------------------------------- templates

  void AddTemplate(P::TemplateDeclContext* context) {
    const auto names = context->name();
    if (names.empty() || !Sound(names[0]) || context->LBRACE() == nullptr) return;
    if (InTemplate())
      return Refuse(SpanOf(names[0]), context->K_TEMPLATE()->getText(), "a template", "it above, in the file");
    ast::Template node;
    node.doc = DocOf(context);
    node.span = SpanOf(Whole(context));
    node.name = NameOf(names[0]);
    for (auto* parameter : context->templateParameter()) {
      if (!Sound(parameter)) continue;
      node.parameters.push_back({SpanOf(parameter), NameOf(parameter->name()), Build(parameter->type()),
                                 parameter->expr() != nullptr ? Build(parameter->expr()) : nullptr});
    }
    if (context->K_ON() != nullptr && names.size() > 1 && Sound(names[1])) node.workflow = NameOf(names[1]);
    if (context->K_IN() != nullptr && Sound(names.back())) node.domain = NameOf(names.back());
    node.is_private = is_private_;
    node.body = std::make_unique<ast::Declarations>();
    to_ = node.body.get();
    for (auto* declaration : context->declaration()) Add(declaration);
    to_ = &out_;
    to_->templates.push_back(std::move(node));
  }

  void AddApply(P::ApplyDeclContext* context) {
    if (!Sound(context)) return;
    ast::Apply node;
    node.doc = DocOf(context);
    node.span = SpanOf(context);
    const auto names = context->name();
    if (context->COLON() != nullptr) node.name = NameOf(names[0]);
    node.applied = Dotted(context->qualified());
    for (auto* argument : context->argument()) {
      node.arguments.push_back({SpanOf(argument), NameOf(argument->name()),
                                argument->expr() != nullptr ? Build(argument->expr()) : nullptr,
                                argument->ladder() != nullptr ? Build(argument->ladder()) : nullptr});
    }
    if (context->K_ON() != nullptr) node.workflow = NameOf(names[context->COLON() != nullptr ? 1 : 0]);
    if (context->K_IN() != nullptr) node.domain = NameOf(names.back());
    to_->applies.push_back(std::move(node));
  }

  // ---------------------------------------------------------------- properties

  void AddProperty(P::PropertyDeclContext* context) {
    if (context->STRING() == nullptr) return;
    ast::Property node{DocOf(context), SpanOf(context), StringOf(context->STRING()), {}};
    for (auto* item : context->propertyItem()) {
      if (Sound(item)) node.items.push_back(Build(item));
    }
    to_->properties.push_back(std::move(node));
  }

  ast::PropertyItem Build(P::PropertyItemContext* context) {
    using Kind = ast::PropertyItem::Kind;
    ast::PropertyItem item;
    item.span = SpanOf(context);
    const auto names = context->name();
    const auto lists = context->names();
    if (context->K_ON() != nullptr) item.workflow = NameOf(names.back());
    if (context->K_WHEN() != nullptr) item.when = Build(context->expr().back());
    if (context->K_CHANGES() != nullptr) {
      item.kind = Kind::kNeverChanges;
      item.field = NameOf(names[0]);
    } else if (context->K_NEVER() != nullptr) {
      item.transitions = NamesOf(lists[0]);
      if (lists.size() > 1) item.by = NamesOf(lists[1]);
    } else if (context->K_ALWAYS() != nullptr) {
      item.kind = Kind::kAlways;
      item.condition = Build(context->expr(0));
    } else {
      item.kind = Kind::kWithin;
      item.within = Build(context->span());
      item.of = Build(context->event());
      for (auto* transition : context->qualified()) item.transitions.push_back(Dotted(transition));
    }
    return item;
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
    to_->logs.push_back(std::move(node));
  }

  void AddTest(P::TestDeclContext* context) {
    if (context->STRING() == nullptr) return;
    ast::Test node{SpanOf(context), StringOf(context->STRING()), {}};
    for (auto* step : context->step()) {
      if (!Sound(step)) continue;
      ast::Step out;
      out.span = SpanOf(step);
      Fill(step, out);
      node.steps.push_back(std::move(out));
    }
    to_->tests.push_back(std::move(node));
  }

  void Fill(P::StepContext* context, ast::Step& out) {
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
        out.attributes.push_back(roles->record() != nullptr ? Build(roles->record()) : nullptr);
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
      FillExpect(expect->expectation(), out);
    } else if (auto* proposal = context->proposal()) {
      FillProposal(proposal, out);
    }
  }

  void FillPerformer(P::PerformerContext* context, ast::Step& out) {
    const auto names = context->name();
    out.by = NameOf(names[0]);
    if (context->K_AS() != nullptr) out.as = NameOf(names[1]);
    if (context->K_UNDER() != nullptr) out.under = NameOf(names.back());
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
    for (auto* reason : context->reason()) out.because.push_back(Dotted(reason));
  }

  void FillExpect(P::ExpectationContext* context, ast::Step& out) {
    using Kind = ast::Expectation::Kind;
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
    } else if (context->K_OBLIGED() != nullptr || context->K_TASK() != nullptr) {
      expect.kind = context->K_TASK() != nullptr ? Kind::kTask : Kind::kObliged;
      expect.duty = NameOf(names[0]);
      if (names.size() > 1) expect.agent = NameOf(names[1]);
      if (context->record() != nullptr) expect.values = Build(context->record());
    } else if (context->K_CONFIDENCE() != nullptr) {
      expect.kind = Kind::kConfidence;
      expect.low = Percent(context->PERCENT(0));
      if (context->RANGE() != nullptr) expect.high = Percent(context->PERCENT(1));
    } else if (context->K_STATE() != nullptr) {
      expect.kind = Kind::kState;
      expect.state = NameOf(names[0]);
      if (names.size() > 1) out.instance = NameOf(names[1]);
    } else {
      SetCondition(Build(context->expr()), expect);
    }
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
    to_->scenarios.push_back(std::move(node));
  }

  antlr4::CommonTokenStream& tokens_;
  const uint32_t file_;
  const Offsets& offsets_;
  const bool broken_;
  bool first_ = true;  // nothing has been read yet
  diagnostics::Sink& sink_;
  ast::File out_;
  ast::Declarations* to_ = &out_;  // where declarations go: the file, or a template's body
  bool is_private_ = false;        // of the declaration that is being read
};

}  // namespace

ast::File Build(P::FileContext& tree, antlr4::CommonTokenStream& tokens, uint32_t file, const Offsets& offsets,
                bool broken, diagnostics::Sink& sink) {
  return Builder(tokens, file, offsets, broken, sink).Run(tree);
}

}  // namespace writ::parse
