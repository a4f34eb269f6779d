#include "compiler/parse/errors.h"

#include <algorithm>

#include "WritLexer.h"
#include "WritParser.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace writ::parse {
namespace {

using antlr4::Parser;
using antlr4::ParserRuleContext;
using antlr4::Token;
using antlr4::misc::IntervalSet;
using L = WritLexer;
using P = WritParser;

constexpr size_t kListedMax = 4;

// A token as the author would write it.
std::string Word(const Parser& parser, size_t type) {
  switch (type) {
    case L::STRING:
      return "a text in quotes";
    case L::NUMBER:
      return "a number";
    case L::PERCENT:
      return "a percentage";
    case L::DURATION:
      return "a duration";
    case L::TIME:
      return "a time";
    case L::LOCAL:
      return "a local time";
    case L::DATE:
      return "a date";
    case L::SCALED:
    case L::CURRENCY:
      return "an amount of money";
    case L::QUANTITY:
      return "a quantity";
    default:
      break;
  }
  const std::string literal = parser.getVocabulary().getLiteralName(type);
  return literal.size() < 2 ? "" : absl::StrCat("`", literal.substr(1, literal.size() - 2), "`");
}

std::string Described(const Token& token) {
  if (token.getType() == Token::EOF) return "the end of the file";
  const std::string text = token.getText();
  if (IsReserved(token.getType())) return absl::StrCat("the word ", diagnostics::Author(text).printed());
  return diagnostics::Author(text).printed();
}

// What stands where a list of alternatives begins, in the author's words; empty where naming the next signs says it
// better.
const char* Alternatives(size_t rule) {
  switch (rule) {
    case P::RuleFile:
    case P::RuleDeclaration:
      return "a declaration, or a clause of the one above,";
    case P::RuleEntityItem:
      return "a field or a `def`";
    case P::RuleWorkflowItem:
    case P::RuleWorkflowDecl:
      return "a field, a transition, `states`, `final`, `halted` or a `def`";
    case P::RuleEntityDecl:
      return "a field or a `def`";
    case P::RuleMemberBody:
      return "the type of a field, or the states of a transition,";
    case P::RuleAuthorityDecl:
      return "`may`";
    case P::RuleReviewDecl:
    case P::RuleReviewItem:
      return "`panel`, `within` or a clause";
    case P::RuleTestDecl:
    case P::RuleStep:
      return "a step";
    case P::RuleExpectation:
      return "what is expected";
    case P::RuleScenarioDecl:
    case P::RuleScenarioItem:
      return "`expect`";
    case P::RuleLogDecl:
    case P::RuleLogItem:
      return "an attribute of the log";
    case P::RuleExpr:
    case P::RulePrimary:
    case P::RuleUnary:
      return "a value";
    case P::RuleTableDecl:
    case P::RuleTableItem:
      return "a row of the table";
    case P::RuleCalendarDecl:
    case P::RuleCalendarItem:
      return "`zone`, `open`, `closed` or `window`";
    case P::RuleDecomposeDecl:
    case P::RuleDecomposeItem:
      return "`plan`, `may add`, `must add`, `sub`, `under`, `bounds` or `finally`";
    case P::RulePlanItem:
      return "a task";
    case P::RuleUnderItem:
      return "a rule";
    case P::RuleConfidenceDecl:
    case P::RuleConfidenceItem:
      return "`weakest of`, `independent`, `calibrate` or what a transition rests on";
    case P::RuleDivergenceDecl:
    case P::RuleDivergenceItem:
      return "`baseline`, `alarm` or `notify`";
    case P::RuleContextDecl:
    case P::RuleContextItem:
      return "`include`, `exclude`, `redact`, `requires`, `barrier` or `budget`";
    case P::RuleOverflow:
      return "`drop last`, `refuse` or `escalate to` and a role";
    case P::RuleTemplateDecl:
      return "a declaration";
    case P::RulePropertyDecl:
    case P::RulePropertyItem:
      return "`never`, `always` or `within`";
    case P::RuleSpan:
      return "a duration";
    case P::RuleBound:
      return "a value";
    case P::RuleLimit:
      return "a limit";
    case P::RuleName:
    case P::RuleStepName:
      return "a name";
    default:
      return "";
  }
}

bool IsBody(size_t rule) {
  switch (rule) {
    case P::RuleFile:
    case P::RuleEntityDecl:
    case P::RuleWorkflowDecl:
    case P::RuleAuthorityDecl:
    case P::RuleReviewDecl:
    case P::RuleTableDecl:
    case P::RuleCalendarDecl:
    case P::RuleDecomposeDecl:
    case P::RulePlanItem:
    case P::RuleUnderItem:
    case P::RuleConfidenceDecl:
    case P::RuleDivergenceDecl:
    case P::RuleContextDecl:
    case P::RuleTemplateDecl:
    case P::RulePropertyDecl:
    case P::RuleLogDecl:
    case P::RuleTestDecl:
    case P::RuleScenarioDecl:
      return true;
    default:
      return false;
  }
}

// The innermost context of that rule around what is being read, or null.
ParserRuleContext* Around(Parser& parser, size_t rule) {
  for (ParserRuleContext* at = parser.getContext(); at != nullptr; at = static_cast<ParserRuleContext*>(at->parent)) {
    if (at->getRuleIndex() == rule) return at;
  }
  return nullptr;
}

bool IsItem(size_t rule) {
  switch (rule) {
    case P::RuleDeclaration:
    case P::RuleEntityItem:
    case P::RuleWorkflowItem:
    case P::RuleMay:
    case P::RuleReviewItem:
    case P::RuleTableItem:
    case P::RuleCalendarItem:
    case P::RuleDecomposeItem:
    case P::RulePlannedTask:
    case P::RuleConfidenceItem:
    case P::RuleDivergenceItem:
    case P::RuleContextItem:
    case P::RulePropertyItem:
    case P::RuleLogItem:
    case P::RuleStep:
    case P::RuleScenarioItem:
      return true;
    default:
      return false;
  }
}

// Whether `found` is where an item begins, or should: then it is wrong itself, and nothing is missing before it.
bool BeginsItemHere(Parser* parser, const Token* found) {
  for (ParserRuleContext* at = parser->getContext(); at != nullptr; at = static_cast<ParserRuleContext*>(at->parent)) {
    if (IsBody(at->getRuleIndex())) return true;
    if (at->getStart() != found) return false;
    if (IsItem(at->getRuleIndex())) return true;
  }
  return false;
}

// Whether the item that is being read, or was read last in this body, begins with that token: then it was not swallowed.
bool BeginsLastItem(Parser& parser, const Token* token) {
  for (ParserRuleContext* at = parser.getContext(); at != nullptr; at = static_cast<ParserRuleContext*>(at->parent)) {
    if (IsItem(at->getRuleIndex())) return at->getStart() == token;
    if (!IsBody(at->getRuleIndex())) continue;
    auto* item = at->children.empty() ? nullptr : dynamic_cast<ParserRuleContext*>(at->children.back());
    return item != nullptr && item->getStart() == token;
  }
  return false;
}

// The last token before this one that is no comment, or null.
Token* Before(Parser* parser, const Token* token) {
  antlr4::TokenStream* stream = parser->getTokenStream();
  for (size_t i = token->getTokenIndex(); i-- > 0;) {
    if (stream->get(i)->getChannel() == Token::DEFAULT_CHANNEL) return stream->get(i);
  }
  return nullptr;
}

// The next token behind this one that is no comment.
Token* After(Parser* parser, const Token* token) {
  antlr4::TokenStream* stream = parser->getTokenStream();
  size_t i = std::min(token->getTokenIndex() + 1, stream->size() - 1);
  while (i + 1 < stream->size() && stream->get(i)->getChannel() != Token::DEFAULT_CHANNEL) ++i;
  return stream->get(i);
}

std::string Expected(const Parser& parser, const IntervalSet& expected) {
  const bool name = expected.contains(size_t{L::ID});
  if (name && expected.contains(size_t{L::NUMBER}) && expected.contains(size_t{L::LPAREN})) return "a value";
  std::vector<std::string> words;
  if (name) words.push_back("a name");
  for (const ssize_t type : expected.toList()) {
    if (type < 0 || (name && IsName(static_cast<size_t>(type)))) continue;
    words.push_back(Word(parser, static_cast<size_t>(type)));
  }
  std::sort(words.begin() + (name ? 1 : 0), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  if (words.empty()) return "the end of the file";
  if (words.size() > kListedMax) words.resize(kListedMax);
  const std::string last = words.back();
  words.pop_back();
  return words.empty() ? last : absl::StrCat(absl::StrJoin(words, ", "), " or ", last);
}

// Words of the language that a misspelt one may have been meant as.
std::vector<std::string> WordsOf(const Parser& parser, const IntervalSet& expected, bool all) {
  std::vector<std::string> words;
  for (size_t type = L::K_AND; type <= L::K_ESCALATED; ++type) {
    if (!all && !expected.contains(type)) continue;
    const std::string word = Word(parser, type);
    words.push_back(word.substr(1, word.size() - 2));
  }
  return words;
}

// What has to stand behind the first word of a declaration, which is a name like any other where that does not; empty: it is
// no such word.
const char* BehindFirstWord(const std::string& word) {
  for (const char* text : {"test", "scenario", "property"}) {
    if (word == text) return "a text in quotes";
  }
  for (const char* name : {"rule", "role", "domain", "enum", "record", "type", "workflow", "entity"}) {
    if (word == name) return "a name";
  }
  return "";
}

// Words that other languages have, and what says it here. `ends`: a clause could end in front of it.
std::string SaidOtherwise(const std::string& word, bool ends) {
  if (ends && word == "if") return "write `when`";
  if (word == "contains") return "write `x in list`, or `text like \"*x*\"`";
  if (word == "between") return "write `a >= x and a <= y`";
  if (word == "exceeds") return "write `a > x`";
  if (word == "equals") return "write `a == x`";
  if (ends && word == "within") return "in a condition a time stands inside the fact: `count(amend within 7d)`";
  return "";
}

}  // namespace

const Layout& PolicyErrors::LayoutOf(const Token* token) const {
  return layout_[std::min(token->getTokenIndex(), layout_.size() - 1)];
}

void PolicyErrors::Explain(Parser* parser, Token* found, const IntervalSet& expected, const std::string& where) {
  antlr4::TokenStream* stream = parser->getTokenStream();
  ast::Span span = SpanOf(*found, file_, offsets_);
  std::string what = Described(*found);
  // What is missing at the end of a line is said there, not at whatever comes next.
  if (const Token* last = Before(parser, found);
      last != nullptr && LayoutOf(found).first_on_line && !BeginsItemHere(parser, found)) {
    span = SpanOf(*last, file_, offsets_);
    if (found->getType() != Token::EOF) what = "the end of the line";
  }
  const bool is_word = IsName(found->getType());
  if (parser->getContext()->getRuleIndex() == P::RulePerformer && expected.contains(size_t{L::K_BY})) {
    auto* parent = static_cast<ParserRuleContext*>(parser->getContext()->parent);
    const Token* start = parent->getStart();
    sink_.Report(SpanOf(*start, file_, offsets_), diagnostics::kMissingBy, start->getText());
    return;
  }
  if (const Token* last = Before(parser, found);
      last != nullptr && last->getType() == L::SCALED && expected.contains(size_t{L::CURRENCY})) {
    sink_.Report(SpanOf(*last, file_, offsets_), diagnostics::kBadNumber, last->getText(),
                 diagnostics::Phrase("write its currency after it, or the number with all its digits"));
    return;
  }
  if (IsReserved(found->getType()) &&
      stream->get(std::min(found->getTokenIndex() + 1, stream->size() - 1))->getType() == L::COLON) {
    sink_.Report(span, diagnostics::kReservedWord, found->getText());
    return;
  }
  const bool any_word = parser->getContext()->getRuleIndex() == P::RuleFile;
  const bool at_declaration = where == Alternatives(P::RuleFile);
  if (const char* behind = BehindFirstWord(found->getText()); at_declaration && *behind != '\0') {
    const Token* next = After(parser, found);
    if (!IsName(next->getType()) || std::string_view(behind) != "a name") {
      sink_.Report(SpanOf(*next, file_, offsets_), diagnostics::kUnexpected, Described(*next), behind);
      return;
    }
  }
  auto reported =
      sink_.Report(span, diagnostics::kUnexpected, what, where.empty() ? Expected(*parser, expected) : where);
  if (std::string otherwise = SaidOtherwise(found->getText(), at_declaration); !otherwise.empty()) {
    reported.Help(std::move(otherwise));
  } else if (is_word) {
    reported.Help(diagnostics::Suggest(found->getText(), WordsOf(*parser, expected, any_word)));
  }
}

void PolicyErrors::reportError(Parser* parser, const antlr4::RecognitionException& error) {
  if (inErrorRecoveryMode(parser)) return;
  beginErrorCondition(parser);
  const size_t rule = error.getCtx() == nullptr ? size_t{P::RuleFile} : error.getCtx()->getRuleIndex();
  Token* found = error.getOffendingToken();
  const IntervalSet expected = error.getExpectedTokens();
  if (ReportCutShort(parser, found)) return;
  Explain(parser, found, expected, expected.size() > kListedMax ? Alternatives(rule) : "");
}

// `go: a ->` swallows the name on the next line, and its colon is where the grammar notices; `submit` without `by`
// swallows the next step likewise. Said where it happened, and the swallowed item is read again.
bool PolicyErrors::ReportCutShort(Parser* parser, const Token* found) {
  const Token* swallowed = Before(parser, found);
  if (swallowed == nullptr || !LayoutOf(swallowed).first_on_line || !IsName(swallowed->getType())) return false;
  if (swallowed->getTokenIndex() == rewound_ || BeginsLastItem(*parser, swallowed)) return false;
  const Token* last = Before(parser, swallowed);
  ParserRuleContext* proposal = Around(*parser, P::RuleProposal);
  if (found->getType() == L::COLON && last != nullptr && last->getType() != L::RBRACE) {
    if (LayoutOf(swallowed).depth == 0) return false;
    sink_.Report(SpanOf(*last, file_, offsets_), diagnostics::kCutShort, last->getText());
  } else if (found->getType() == L::K_BY && proposal != nullptr && proposal->getStart() != swallowed) {
    sink_.Report(SpanOf(*proposal->getStart(), file_, offsets_), diagnostics::kMissingBy,
                 proposal->getStart()->getText());
  } else {
    return false;
  }
  rewound_ = swallowed->getTokenIndex();
  antlr4::TokenStream* stream = parser->getTokenStream();
  stream->seek(std::min(stream->index(), swallowed->getTokenIndex()));
  return true;
}

antlr4::Token* PolicyErrors::recoverInline(Parser* parser) { throw antlr4::InputMismatchException(parser); }

bool PolicyErrors::BeginsItem(Parser* parser, uint32_t depth) const {
  antlr4::TokenStream* stream = parser->getTokenStream();
  const Layout& layout = LayoutOf(stream->LT(1));
  if (layout.depth != depth || !layout.first_on_line) return false;
  if (depth == 0 || layout.declaration) return layout.declaration;
  const size_t type = stream->LA(1), next = stream->LA(2);
  if (!IsName(type) && type != L::K_EXPECT && type != L::K_DEF && type != L::K_WITHIN) return false;
  if (next == L::COLON) return true;
  if (Around(*parser, P::RuleTestDecl) != nullptr)
    return next == L::K_BY || next == L::K_ON || IsName(next) || type == L::K_EXPECT || type == L::K_AT ||
           type == L::K_WAIT;
  switch (type) {
    case L::K_STATES:
    case L::K_FINAL:
    case L::K_HALTED:
    case L::K_DEF:
    case L::K_MAY:
    case L::K_FACT:
    case L::K_MUST:
    case L::K_SUB:
    case L::K_UNDER:
    case L::K_BOUNDS:
    case L::K_FINALLY:
    case L::K_WEAKEST:
    case L::K_CALIBRATE:
    case L::K_INCLUDE:
    case L::K_EXCLUDE:
    case L::K_REDACT:
    case L::K_REQUIRES:
    case L::K_BARRIER:
    case L::K_NOTIFY:
    case L::K_NEVER:
    case L::K_ALWAYS:
    case L::K_OPEN:
    case L::K_WINDOW:
    case L::K_PANEL:
      return IsName(next);
    case L::K_CLOSED:
      return IsName(next) || next == L::DATE;
    case L::K_ZONE:
      return next == L::STRING;
    case L::K_PLAN:
      return next == L::LBRACE;
    case L::K_BUDGET:
      return next == L::NUMBER;
    case L::K_WITHIN:
      return Around(*parser, P::RulePropertyDecl) != nullptr;
    case L::K_EXPECT:
      return true;
    default:
      return next == L::K_FROM && Around(*parser, P::RuleLogDecl) != nullptr;
  }
}

void PolicyErrors::Skip(Parser* parser, uint32_t depth) {
  antlr4::TokenStream* stream = parser->getTokenStream();
  while (stream->LA(1) != Token::EOF && LayoutOf(stream->LT(1)).depth >= depth && !BeginsItem(parser, depth))
    parser->consume();
}

void PolicyErrors::recover(Parser* parser, std::exception_ptr) {
  antlr4::TokenStream* stream = parser->getTokenStream();
  const bool stuck = stream->index() == last_token_ && parser->getState() == last_state_;
  last_token_ = stream->index();
  last_state_ = parser->getState();
  if (stuck && stream->LA(1) != Token::EOF) parser->consume();
  ParserRuleContext* context = parser->getContext();
  const Token* start = context->getStart();
  Skip(parser, start == nullptr ? 0 : LayoutOf(start).depth);
}

void PolicyErrors::sync(Parser* parser) {
  if (inErrorRecoveryMode(parser) || !IsBody(parser->getContext()->getRuleIndex())) return;
  const antlr4::atn::ATN& atn = parser->getATN();
  antlr4::atn::ATNState* state = atn.states[parser->getState()];
  using antlr4::atn::ATNState;
  if (state->getStateType() != ATNState::STAR_LOOP_ENTRY && state->getStateType() != ATNState::STAR_LOOP_BACK) return;
  const IntervalSet& viable = atn.nextTokens(state);
  antlr4::TokenStream* stream = parser->getTokenStream();
  if (viable.contains(stream->LA(1)) || viable.contains(Token::EPSILON)) return;
  ParserRuleContext* context = parser->getContext();
  const size_t rule = context->getRuleIndex();
  if (ReportCutShort(parser, stream->LT(1))) {
    // The item that swallowed a name is not what its author meant.
    auto* item = dynamic_cast<ParserRuleContext*>(context->children.back());
    if (item != nullptr) item->exception = std::make_exception_ptr(antlr4::InputMismatchException(parser));
    return;
  }
  Explain(parser, stream->LT(1), viable, Alternatives(rule));
  const uint32_t depth = rule == P::RuleFile ? 0 : LayoutOf(context->getStart()).depth + 1;
  while (!viable.contains(stream->LA(1)) && stream->LA(1) != Token::EOF && LayoutOf(stream->LT(1)).depth >= depth) {
    parser->consume();
    Skip(parser, depth);
  }
}

}  // namespace writ::parse
