#include "compiler/parse/tokens.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "WritLexer.h"
#include "absl/strings/str_cat.h"
#include "compiler/parse/parse.h"

namespace writ::parse {
namespace {

using antlr4::CommonToken;
using antlr4::Token;
using diagnostics::Sink;
using L = WritLexer;

constexpr size_t kDefaultChannel = Token::DEFAULT_CHANNEL;
constexpr int kMendedMax = 100;  // of what is put in or taken out one by one

bool IsOpener(size_t type) { return type == L::LPAREN || type == L::LBRACKET || type == L::LBRACE; }
bool IsCloser(size_t type) { return type == L::RPAREN || type == L::RBRACKET || type == L::RBRACE; }
size_t CloserOf(size_t opener) {
  return opener == L::LPAREN ? L::RPAREN : opener == L::LBRACKET ? L::RBRACKET : L::RBRACE;
}
const char* TextOfCloser(size_t closer) { return closer == L::RPAREN ? ")" : closer == L::RBRACKET ? "]" : "}"; }

bool IsValue(size_t type) {
  switch (type) {
    case L::TIME:
    case L::LOCAL:
    case L::DATE:
    case L::PERCENT:
    case L::DURATION:
    case L::SCALED:
    case L::QUANTITY:
    case L::NUMBER:
    case L::STRING:
    case L::CURRENCY:
    case L::K_TRUE:
    case L::K_FALSE:
    case L::K_THIS:
      return true;
    default:
      return false;
  }
}

bool EndsOperand(size_t type) { return IsName(type) || IsValue(type) || IsCloser(type) || type == L::QUESTION; }
bool BeginsOperand(size_t type) { return IsName(type) || IsValue(type); }

bool IsBinary(size_t type) {
  switch (type) {
    case L::K_AND:
    case L::K_OR:
    case L::K_IN:
    case L::K_IS:
    case L::K_LIKE:
    case L::K_MATCHES:
    case L::COALESCE:
    case L::EQUAL:
    case L::NOT_EQUAL:
    case L::AT_MOST:
    case L::AT_LEAST:
    case L::LESS:
    case L::GREATER:
    case L::PLUS:
    case L::MINUS:
    case L::TIMES:
    case L::DIVIDE:
    case L::DOT:
      return true;
    default:
      return false;
  }
}

// `actor` and `confidence` begin a declaration too, but stay words that may be names everywhere else.
bool IsDeclarationWord(size_t type) {
  return (type >= L::K_PACKAGE && type <= L::K_APPLY) || type == L::K_DEF || type == L::K_ACTOR ||
         type == L::K_CONFIDENCE;
}

// One pass after another over a file's tokens; each leaves a list that the next can trust more.
class Reader {
 public:
  Reader(uint32_t file, const Offsets& offsets, Sink& sink) : file_(file), offsets_(offsets), sink_(sink) {}

  Tokens Run(const std::string& text) {
    Tokens out;
    out.input = std::make_unique<antlr4::ANTLRInputStream>(text);
    auto lexer = std::make_unique<WritLexer>(out.input.get());
    lexer->removeErrorListeners();
    const bool fits = Lex(*lexer);
    out.lexer = std::move(lexer);
    if (!fits) return out;
    MendSigns();
    MarkCurrencies();
    MendHabits();
    MatchBrackets();
    LayOut();
    MarkNames();
    LayOut();
    DropTooDeep();
    if (dropped_) LayOut();
    out.list = std::move(list_);
    out.layout = std::move(layout_);
    return out;
  }

 private:
  static CommonToken& Writable(const TokenPtr& token) { return static_cast<CommonToken&>(*token); }
  bool Visible(size_t i) const { return list_[i]->getChannel() == kDefaultChannel; }
  ast::Span Span(size_t i) const { return SpanOf(*list_[i], file_, offsets_); }
  size_t Type(size_t i) const { return list_[i]->getType(); }
  // The next token that is not a comment; the list ends with the end of the file, which is one.
  size_t Next(size_t i) const {
    do ++i;
    while (i + 1 < list_.size() && !Visible(i));
    return std::min(i, list_.size() - 1);
  }

  bool Lex(WritLexer& lexer) {
    while (list_.empty() || Type(list_.size() - 1) != Token::EOF) {
      list_.push_back(lexer.nextToken());
      if (list_.size() <= kTokenCountMax) continue;
      sink_.Report(Span(list_.size() - 1), diagnostics::kTooManyTokens, kTokenCountMax);
      return false;
    }
    return true;
  }

  // ---------------------------------------------------------------- what other languages write

  void Foreign(size_t i, size_t type, const char* instead) {
    sink_.Report(Span(i), diagnostics::kForeignOperator, list_[i]->getText(), instead);
    Writable(list_[i]).setType(type);
  }

  // Whether the token stays.
  bool Mend(size_t i) {
    switch (Type(i)) {
      case L::SEMICOLON:
        sink_.Report(Span(i), diagnostics::kSemicolon);
        return false;
      case L::AND_SIGN:
        Foreign(i, L::K_AND, "and");
        return true;
      case L::OR_SIGN:
        if (IsAmongMembers(i)) {
          Foreign(i, L::COMMA, ",");
        } else {
          Foreign(i, L::K_OR, "or");
        }
        return true;
      case L::NOT_SIGN:
        Foreign(i, L::K_NOT, "not");
        return true;
      case L::UNEQUAL_SIGN:
        Foreign(i, L::NOT_EQUAL, "!=");
        return true;
      case L::EQUAL_SIGN:
        Foreign(i, L::EQUAL, "==");
        return true;
      case L::AT_MOST_SIGN:
        Foreign(i, L::AT_MOST, "<=");
        return true;
      case L::FAT_ARROW:
        Foreign(i, L::ARROW, "->");
        return true;
      case L::DEFINE_SIGN:
        Foreign(i, L::ASSIGN, "=");
        return true;
      case L::QUOTED:
        MendQuoted(i);
        return true;
      case L::BLOCK_COMMENT:
        sink_.Report(Span(i), diagnostics::kForeignComment, "/*");
        return false;
      case L::UNCLOSED_STRING:
        sink_.Report(Span(i), diagnostics::kUnclosedString);
        Writable(list_[i]).setType(L::STRING);
        return true;
      default:
        return true;
    }
  }

  void MendQuoted(size_t i) {
    const std::string text = list_[i]->getText();
    sink_.Report(Span(i), diagnostics::kForeignQuote, absl::StrCat("\"", text.substr(1, text.size() - 2), "\""));
    Writable(list_[i]).setType(L::STRING);
  }

  // What `#` begins elsewhere: everything up to the end of its line. The index of the last token of that.
  size_t Comment(size_t i) {
    sink_.Report(Span(i), diagnostics::kForeignComment, "#");
    size_t last = i;
    while (Type(last + 1) != Token::EOF && list_[last + 1]->getLine() == list_[i]->getLine()) ++last;
    return last;
  }

  // Reports stray characters that stand together as one, and gives the index of the last.
  size_t Stray(size_t i) {
    size_t last = i;
    while (Type(last + 1) == L::STRAY && list_[last + 1]->getStartIndex() == list_[last]->getStopIndex() + 1) ++last;
    ast::Span span = Span(i);
    span.end = Span(last).end;
    std::string text;
    for (size_t at = i; at <= last && text.size() <= diagnostics::kAuthorTextBytesMax; ++at)
      text += list_[at]->getText();
    sink_.Report(span, diagnostics::kStrayCharacter, text);
    return last;
  }

  void MendSigns() {
    std::vector<TokenPtr> kept;
    kept.reserve(list_.size());
    for (size_t i = 0; i < list_.size(); ++i) {
      if (Type(i) == L::STRAY && list_[i]->getText() == "#") {
        i = Comment(i);
      } else if (Type(i) == L::STRAY) {
        i = Stray(i);
      } else if (Mend(i)) {
        kept.push_back(nullptr);
        keep_.push_back(i);
      }
    }
    for (size_t i = 0; i < keep_.size(); ++i) kept[i] = std::move(list_[keep_[i]]);
    list_ = std::move(kept);
  }

  void MarkCurrencies() {
    for (size_t i = 0; i + 1 < list_.size(); ++i) {
      if (Type(i) != L::NUMBER && Type(i) != L::SCALED) continue;
      const TokenPtr& next = list_[i + 1];
      if (next->getType() != L::ID || next->getLine() != list_[i]->getLine() || Type(Next(i + 1)) == L::COLON) continue;
      if (next->getStopIndex() - next->getStartIndex() != 2) continue;
      const std::string text = next->getText();
      if (std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
        Writable(next).setType(L::CURRENCY);
    }
  }

  // Whether only an enum's members stand between the enum's brace and the token.
  bool IsAmongMembers(size_t i) const {
    while (i-- > 0) {
      if (!Visible(i) || IsName(Type(i)) || Type(i) == L::COMMA || Type(i) == L::LESS) continue;
      return Type(i) == L::LBRACE && i >= 2 && IsName(Type(i - 1)) && Type(i - 2) == L::K_ENUM;
    }
    return false;
  }

  // `when: int`: said at the word. A row of a table may begin with a value.
  bool IsReservedName(size_t i, size_t before) const {
    const size_t type = Type(i);
    if (!IsReserved(type) || Type(Next(i)) != L::COLON) return false;
    if (type == L::K_TRUE || type == L::K_FALSE || type == L::K_OTHERWISE) return false;
    return before == L::LBRACE || before == L::COMMA || FirstOnLine(i);
  }

  // `3 days`, which is `3d`. The text of the duration, or nothing.
  std::string Duration(size_t i) const {
    if (Type(i) != L::NUMBER || i + 1 >= list_.size()) return "";
    const TokenPtr& unit = list_[i + 1];
    if (unit->getType() != L::ID || unit->getLine() != list_[i]->getLine() || Type(Next(i + 1)) == L::COLON) return "";
    const std::string number = list_[i]->getText(), word = unit->getText();
    if (number.find('.') != std::string::npos) return "";
    for (const auto& [name, suffix] : std::initializer_list<std::pair<std::string_view, const char*>>{
             {"second", "s"}, {"minute", "min"}, {"hour", "h"}, {"day", "d"}, {"week", "w"}}) {
      if (word == name || word == absl::StrCat(std::string(name), "s")) return number + suffix;
    }
    return "";
  }

  // What is written so elsewhere is told where it stands, and read as what was meant, so that nothing else is told of it.
  void MendHabits() {
    MendReservedNames();
    MendDurations();
    MendStates();
  }

  void MendReservedNames() {
    size_t before = Token::EOF;  // the type of the last token that is no comment
    for (size_t i = 0; i < list_.size(); ++i) {
      if (IsReservedName(i, before)) {
        sink_.Report(Span(i), diagnostics::kReservedWord, list_[i]->getText());
        Writable(list_[i]).setType(L::ID);
        if (DropField(i)) {
          --i;
          continue;
        }
      }
      if (Visible(i)) before = Type(i);
    }
  }

  // A field that bears such a name cannot be set by anybody, so nobody is told to set it: its line goes. A transition stays.
  bool DropField(size_t i) {
    size_t end = i;
    int depth = 0;
    for (; Type(end) != Token::EOF && list_[end]->getLine() == list_[i]->getLine(); ++end) {
      depth += IsOpener(Type(end)) - IsCloser(Type(end));
      if (Type(end) == L::ARROW || depth < 0) return false;
    }
    if (depth != 0 || !FirstOnLine(i) || Type(Next(Next(i))) == L::K_IN) return false;
    if (++mended_count_ >= kMendedMax) return false;
    list_.erase(list_.begin() + static_cast<ptrdiff_t>(i), list_.begin() + static_cast<ptrdiff_t>(end));
    return true;
  }

  void MendDurations() {
    for (size_t i = 0; i + 1 < list_.size(); ++i) {
      const std::string duration = Duration(i);
      if (duration.empty()) continue;
      const std::string written = absl::StrCat(list_[i]->getText(), " ", list_[i + 1]->getText());
      ast::Span span = Span(i);
      span.end = Span(i + 1).end;
      sink_.Report(span, diagnostics::kForeignDuration, written, duration);
      Writable(list_[i]).setType(L::DURATION);
      Writable(list_[i]).setText(duration);
      list_.erase(list_.begin() + static_cast<ptrdiff_t>(i) + 1);
      if (++mended_count_ >= kMendedMax) return;  // erasing takes time that grows with the file
    }
  }

  // `states a b c` in a workflow: the commas are put in. (A row of a table may begin with such a word.)
  void MendStates() {
    std::vector<size_t> around;  // for each open brace, the word that began the declaration
    size_t word = 0;
    for (size_t i = 0; i < list_.size(); ++i) {
      const size_t type = Type(i);
      if (IsDeclarationWord(type)) word = type;
      if (type == L::LBRACE) around.push_back(word);
      if (type == L::RBRACE && !around.empty()) around.pop_back();
      const bool is_list = type == L::K_STATES || type == L::K_FINAL || type == L::K_HALTED;
      if (is_list && !around.empty() && around.back() == L::K_WORKFLOW && FirstOnLine(i)) PutCommas(Next(i));
    }
  }

  void PutCommas(size_t name) {
    for (bool told = false; LacksComma(name) && mended_count_ < kMendedMax; name = Next(Next(name))) {
      const size_t next = Next(name);
      const std::string text = diagnostics::Author(list_[next]->getText()).printed();
      if (!std::exchange(told, true)) sink_.Report(Span(next), diagnostics::kUnexpected, text, "`,`");
      auto comma = std::make_unique<CommonToken>(list_[name].get());
      comma->setType(L::COMMA);
      list_.insert(list_.begin() + static_cast<ptrdiff_t>(next), std::move(comma));
      ++mended_count_;
    }
  }

  bool LacksComma(size_t name) const {
    const size_t next = Next(name);
    return IsName(Type(name)) && IsName(Type(next)) && Type(next) != L::K_WITH && Type(Next(next)) != L::COLON &&
           list_[next]->getLine() == list_[name]->getLine();
  }

  // ---------------------------------------------------------------- brackets

  struct Open {
    size_t type;
    size_t token;  // into list_
  };

  bool BeginsDeclaration(size_t i) const {
    if (!IsDeclarationWord(Type(i)) || !FirstOnLine(i)) return false;
    const size_t next = Type(Next(i));
    return MayFollow(Type(i), next);
  }

  static bool MayFollow(size_t word, size_t next) {
    switch (word) {
      case L::K_REVIEW:
      case L::K_DECOMPOSE:
      case L::K_CONFIDENCE:
        return next == L::K_ON;
      case L::K_TEST:
      case L::K_PROPERTY:
      case L::K_SCENARIO:
        return next == L::STRING;
      case L::K_HUMAN:
        return next == L::K_ROLE;
      case L::K_ACTOR:
        return next == L::LBRACE;
      case L::K_PRIVATE:
        return IsDeclarationWord(next);
      default:
        return IsName(next);
    }
  }

  // What a name must follow, so that a word that could begin a declaration is one here.
  static bool WantsName(size_t type) {
    switch (type) {
      case L::K_TO:
      case L::K_UNTIL:
      case L::K_OVERRIDES:
      case L::K_FROM:
      case L::K_ESCALATE:
      case L::K_OF:
      case L::K_PER:
      case L::K_VS:
      case L::K_UNDER:
      case L::K_LABEL:
      case L::K_TASK:
      case L::K_DOES:
        return true;
      case L::K_RECORD:
      case L::K_PRIVATE:
      case L::K_ACTOR:
      case L::K_CONFIDENCE:
        return false;
      default:
        return IsDeclarationWord(type);
    }
  }

  // Words that could begin a declaration but do not, and so are names.
  void MarkNames() {
    size_t before = Token::EOF;
    for (size_t i = 0; i < list_.size(); ++i) {
      if (!Visible(i)) continue;
      const size_t type = Type(i);
      const bool reserved = type == L::K_DEF || type == L::K_ACTOR || type == L::K_CONFIDENCE;
      if (IsDeclarationWord(type) && !reserved && !IsKeyword(i, before)) Writable(list_[i]).setType(L::ID);
      before = Type(i);
    }
  }

  // `fact` begins an item of a workflow too, where it can be told from a field of that name.
  bool BeginsFact(size_t i) const {
    if (Type(i) != L::K_FACT || !IsName(Type(Next(i)))) return false;
    const size_t sign = Type(Next(Next(i)));
    return sign == L::K_PER || sign == L::ASSIGN || sign == L::ARROW;
  }

  bool IsKeyword(size_t i, size_t before) const {
    const size_t type = Type(i);
    if (type == L::K_RECORD && before == L::K_FOLLOWING) return true;
    if (type == L::K_ROLE && before == L::K_HUMAN) return true;
    if (!layout_[i].among_declarations) return BeginsFact(i) && !WantsName(before);
    if (!MayFollow(type, Type(Next(i)))) return false;
    return layout_[i].first_on_line || (EndsOperand(before) && !WantsName(before) && !IsTransition(i)) ||
           before == L::K_OTHERWISE || before == L::LBRACE || before == L::K_PRIVATE;
  }

  // `deny review on Deal when …`, and not `review on Deal in s`.
  bool IsTransition(size_t i) const {
    const size_t type = Type(i);
    if (type != L::K_DECOMPOSE && type != L::K_REVIEW) return false;
    return Type(Next(Next(Next(i)))) != (type == L::K_REVIEW ? L::K_IN : L::LBRACE);
  }

  bool FirstOnLine(size_t i) const {
    size_t before = i;
    while (before > 0) {
      --before;
      if (Visible(before)) return list_[before]->getLine() != list_[i]->getLine();
    }
    return true;
  }

  bool Balanced() const {
    std::vector<size_t> open;
    for (size_t i = 0; i < list_.size(); ++i) {
      if (!Visible(i)) continue;
      if (IsOpener(Type(i))) open.push_back(CloserOf(Type(i)));
      if (!IsCloser(Type(i))) continue;
      if (open.empty() || open.back() != Type(i)) return false;
      open.pop_back();
    }
    return open.empty();
  }

  // Closes the brackets opened above `size`, in front of token i; says so about the outermost of them.
  void CloseDownTo(size_t size, size_t i, std::vector<Open>& open, std::vector<TokenPtr>& out) {
    if (open.size() <= size) return;
    const Open outermost = open[size];
    const char* closer = TextOfCloser(CloserOf(outermost.type));
    sink_.Report(Span(outermost.token), diagnostics::kUnclosedBrace, openers_[outermost.token], closer)
        .Related(Span(i), "it is still open here");
    while (open.size() > size) {
      const size_t type = CloserOf(open.back().type);
      auto token = std::make_unique<CommonToken>(list_[i].get());
      token->setType(type);
      token->setText(TextOfCloser(type));
      // It has no text of its own, and stands at the end of what it closes.
      token->setStartIndex(last_.stop + 1);
      token->setStopIndex(last_.stop);
      token->setLine(last_.line);
      out.push_back(std::move(token));
      open.pop_back();
    }
  }

  // A closing bracket: closes what was left open inside its own, or is itself one too many. Whether it stays.
  bool Close(size_t i, std::vector<Open>& open, std::vector<TokenPtr>& out) {
    const auto fits = [&](const Open& o) { return CloserOf(o.type) == Type(i); };
    const auto opener = std::find_if(open.rbegin(), open.rend(), fits);
    if (opener == open.rend()) {
      sink_.Report(Span(i), diagnostics::kStrayCloser, list_[i]->getText());
      return false;
    }
    CloseDownTo(static_cast<size_t>(open.rend() - opener), i, open, out);
    open.pop_back();
    return true;
  }

  // Where brackets do not match, a declaration at the very start of a line ends whatever is still open: an author's
  // indentation says more about where the mistake is than the end of the file does.
  void MatchBrackets() {
    if (Balanced()) return;
    std::vector<Open> open;
    std::vector<TokenPtr> out;
    std::vector<bool> declaration(list_.size());
    openers_.resize(list_.size());
    for (size_t i = 0; i < list_.size(); ++i) {
      declaration[i] = Visible(i) && list_[i]->getCharPositionInLine() == 0 && BeginsDeclaration(i);
      if (IsOpener(Type(i))) openers_[i] = list_[i]->getText();
    }
    std::vector<size_t> stay;  // positions in `out` that list_ still owns
    std::vector<size_t> from;
    for (size_t i = 0; i < list_.size(); ++i) {
      if (Visible(i)) {
        if (declaration[i] || Type(i) == Token::EOF) CloseDownTo(0, i, open, out);
        if (IsCloser(Type(i)) && !Close(i, open, out)) continue;
        if (IsOpener(Type(i))) open.push_back({Type(i), i});
      }
      if (Visible(i)) last_ = {list_[i]->getStopIndex(), list_[i]->getLine()};
      stay.push_back(out.size());
      from.push_back(i);
      out.push_back(nullptr);
    }
    for (size_t k = 0; k < stay.size(); ++k) out[stay[k]] = std::move(list_[from[k]]);
    list_ = std::move(out);
  }

  // What stands directly in a pair of brackets.
  struct Scope {
    bool declarations = false;  // in a file, a template, or what holds under a task
    bool tasks = false;         // in a decomposition
    size_t last = Token::EOF;   // the word that began the declaration that is being read
  };

  // The scope that the brace at i opens inside `outer`; before it stand `before`, and `above` in front of that.
  static Scope Inner(const Scope& outer, size_t brace, size_t before, size_t above) {
    Scope inner;
    if (brace != L::LBRACE) return inner;
    inner.declarations =
        (outer.declarations && outer.last == L::K_TEMPLATE) || (outer.tasks && above == L::K_UNDER && IsName(before));
    inner.tasks = outer.declarations && outer.last == L::K_DECOMPOSE;
    return inner;
  }

  void LayOut() {
    layout_.assign(list_.size(), {});
    std::vector<Scope> scopes = {{true, false, Token::EOF}};
    size_t line = 0, before = Token::EOF, above = Token::EOF;
    for (size_t i = 0; i < list_.size(); ++i) {
      if (!Visible(i)) continue;
      if (IsCloser(Type(i)) && scopes.size() > 1) scopes.pop_back();
      Scope& scope = scopes.back();
      Layout& layout = layout_[i];
      layout.depth = static_cast<uint32_t>(scopes.size() - 1);
      layout.first_on_line = list_[i]->getLine() != line;
      layout.among_declarations = scope.declarations;
      if (scope.declarations && IsDeclarationWord(Type(i)) && IsKeyword(i, before)) scope.last = Type(i);
      layout.declaration = scope.declarations && layout.first_on_line && BeginsDeclaration(i);
      line = list_[i]->getLine();
      if (IsOpener(Type(i))) scopes.push_back(Inner(scope, Type(i), before, above));
      above = before;
      before = Type(i);
    }
  }

  // ---------------------------------------------------------------- declarations that are left out

  bool BeginsAnything(size_t i) const {
    return Type(i) == Token::EOF || (layout_[i].declaration && layout_[i].depth == 0);
  }

  // Takes tokens [begin, end) away.
  void Drop(size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) Writable(list_[i]).setChannel(Token::HIDDEN_CHANNEL);
    dropped_ = true;
  }

  // How deep and how tall the tree of what stands in one pair of brackets becomes.
  struct Level {
    size_t operators = 0;  // of the expression that is being read
    size_t tallest = 0;    // of what stood in brackets inside it
    size_t unaries = 0;    // that wait for their operand
    size_t ifs = 0;        // around what is being read
    size_t height = 0;     // of the tallest expression so far
    size_t rungs = 0;      // of the ladder that is being read
  };

  class Measure {
   public:
    enum class Verdict { kFits, kTooDeep, kTooLong };

    Verdict Take(size_t type) {
      if (IsOpener(type)) {
        levels_.push_back({});
      } else if (IsCloser(type) && levels_.size() > 1) {
        const size_t height = levels_.back().height;
        levels_.pop_back();
        levels_.back().tallest = std::max(levels_.back().tallest, height);
        levels_.back().unaries = 0;
        if (type == L::RBRACE) levels_.back().rungs = 0;
      } else {
        Inside(type);
      }
      Level& top = levels_.back();
      top.height = std::max(top.height, top.operators + top.tallest);
      before_ = type;
      if (Depth() > kDepthMax) return Verdict::kTooDeep;
      return top.height > kOperandCountMax ? Verdict::kTooLong : Verdict::kFits;
    }

   private:
    void Inside(size_t type) {
      Level& top = levels_.back();
      const bool after_operand = EndsOperand(before_);
      if (EndsExpression(type) || (after_operand && BeginsOperand(type))) {
        top = {0, 0, 0, 0, top.height, top.rungs};
        if (type == L::K_WHEN || type == L::COLON || type == L::COMMA || IsDeclarationWord(type)) top.rungs = 0;
      }
      if (type == L::K_IF) ++top.ifs;
      if (type == L::K_NOT || type == L::K_HAS || (type == L::MINUS && !after_operand)) {
        ++top.unaries;
      } else if (IsBinary(type)) {
        ++top.operators;
      }
      if ((type == L::K_ESCALATE || type == L::K_ASK) && before_ == L::K_ELSE) ++top.rungs;
      if (BeginsOperand(type)) top.unaries = 0;
    }

    static bool EndsExpression(size_t type) {
      return type == L::COMMA || type == L::COLON || type == L::ASSIGN || type == L::K_WHEN || type == L::K_UNLESS ||
             type == L::K_WHERE || type == L::K_FOR;
    }

    size_t Depth() {
      size_t depth = levels_.size() - 1;
      if (levels_.size() <= kDepthMax) {
        for (const Level& level : levels_) depth += level.unaries + level.ifs + level.rungs;
      }
      return depth;
    }

    std::vector<Level> levels_ = {{}};
    size_t before_ = Token::EOF;
  };

  void DropTooDeep() {
    size_t begin = 0;
    Measure measure;
    for (size_t i = 0; i + 1 < list_.size(); ++i) {
      if (!Visible(i)) continue;
      if (layout_[i].declaration && layout_[i].depth == 0) {
        begin = i;
        measure = {};
      }
      const Measure::Verdict verdict = measure.Take(Type(i));
      if (verdict == Measure::Verdict::kFits) continue;
      if (verdict == Measure::Verdict::kTooDeep) sink_.Report(Span(i), diagnostics::kTooDeep, kDepthMax);
      if (verdict == Measure::Verdict::kTooLong) sink_.Report(Span(i), diagnostics::kTooLong, kOperandCountMax);
      size_t end = i + 1;
      while (!BeginsAnything(end)) ++end;
      Drop(begin, end);
      measure = {};
      i = end - 1;
    }
  }

  const uint32_t file_;
  const Offsets& offsets_;
  Sink& sink_;
  std::vector<TokenPtr> list_;
  std::vector<Layout> layout_;
  std::vector<size_t> keep_;
  std::vector<std::string> openers_;  // their texts, by token
  struct {
    size_t stop = 0, line = 0;
  } last_;  // the last visible token that MatchBrackets has passed
  bool dropped_ = false;
  int mended_count_ = 0;
};

}  // namespace

Offsets::Offsets(const std::string& text) : size_bytes_(static_cast<uint32_t>(text.size())) {
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) return;
  for (uint32_t i = 0; i < size_bytes_; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) bytes_.push_back(i);
  }
}

uint32_t Offsets::Byte(size_t code_point) const {
  if (bytes_.empty()) return static_cast<uint32_t>(std::min<size_t>(code_point, size_bytes_));
  return code_point < bytes_.size() ? bytes_[code_point] : size_bytes_;
}

ast::Span SpanOf(const antlr4::Token& token, uint32_t file, const Offsets& offsets) {
  const uint32_t begin = offsets.Byte(token.getStartIndex());
  if (token.getType() == Token::EOF || token.getStopIndex() + 1 < token.getStartIndex() + 1)
    return {file, begin, begin};
  return {file, begin, offsets.Byte(token.getStopIndex() + 1)};
}

bool IsReserved(size_t type) { return type >= L::K_AND && type <= L::K_EXPECT; }
bool IsName(size_t type) { return type == L::ID || (type >= L::K_PACKAGE && type <= L::K_ESCALATED); }

Tokens ReadTokens(const source::SourceSet& sources, uint32_t file, const Offsets& offsets, Sink& sink) {
  return Reader(file, offsets, sink).Run(sources.text(file));
}

}  // namespace writ::parse
