#include "compiler/format/inline.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "absl/strings/ascii.h"

namespace writ::format {
namespace {

using Kind = Token::Kind;

constexpr size_t kStep = 2;

bool IsOneOf(absl::string_view text, std::initializer_list<absl::string_view> all) {
  return std::find(all.begin(), all.end(), text) != all.end();
}

bool IsReserved(absl::string_view text) {
  return IsOneOf(text, {"and",    "or",   "not", "in",   "has",     "is",       "if",   "then",    "else",
                        "when",   "for",  "by",  "on",   "unless",  "where",    "within", "says",  "because",
                        "like",   "matches", "def", "expect", "escalate"});
}

bool IsDeclarationWord(absl::string_view text) {
  return IsOneOf(text, {"package",  "import",    "enum",     "record",    "type",       "domain",     "priority",
                        "human",    "role",      "entity",   "workflow",  "authority",  "rule",       "review",
                        "log",      "test",      "scenario", "table",     "unit",       "calendar",   "obligation",
                        "actor",    "clearance", "fact",     "decompose", "confidence", "divergence", "context",
                        "template", "apply",     "property", "private",   "def"});
}

// How tight a binary operator binds; 0: it is none.
size_t Level(absl::string_view text) {
  if (text == "or") return 1;
  if (text == "and") return 2;
  if (IsOneOf(text, {"==", "!=", "<", "<=", ">", ">=", "in", "is", "like", "matches", "under"})) return 3;
  if (text == "??") return 4;
  if (IsOneOf(text, {"+", "-"})) return 5;
  return IsOneOf(text, {"*", "/"}) ? 6 : 0;
}

bool IsOpener(absl::string_view text) { return IsOneOf(text, {"(", "[", "{"}); }
bool IsCloser(absl::string_view text) { return IsOneOf(text, {")", "]", "}"}); }

bool EndsOperand(const Token& token) {
  if (token.kind == Kind::kWord) return !IsReserved(token.text);
  return token.kind != Kind::kSign || IsCloser(token.text);
}

bool IsWordLike(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '%' || c == '"';
}

// Whether two texts without a blank between them would be read as something else.
bool WouldFuse(absl::string_view left, absl::string_view right) {
  if (left.empty() || right.empty()) return false;
  const char a = left.back(), b = right.front();
  if (IsWordLike(a) && IsWordLike(b)) return true;
  const char pair[] = {a, b};
  return IsOneOf(absl::string_view(pair, 2),
                 {"->", "..", "??", "==", "!=", "<=", ">=", "//", "=>", "=<", "<>", ":=", "/*"});
}

}  // namespace

Inline::Inline(std::vector<Token> tokens) : tokens_(std::move(tokens)) {
  const size_t count = tokens_.size();
  braces_.assign(count, Braces::kNone);
  for (std::vector<bool>* flags : {&item_, &sign_, &apart_, &angle_, &operator_, &break_, &above_done_, &dropped_})
    flags->assign(count, false);
  written_.assign(count, 0);
}

// ---------------------------------------------------------------- marks

void Inline::Drop(size_t comma) {
  Token& token = tokens_[comma];
  if (!token.above.empty() || comma == 0) return;
  Token& before = tokens_[comma - 1];
  if (!token.behind.empty() && !before.behind.empty()) return;
  if (!token.behind.empty()) std::swap(before.behind, token.behind);
  dropped_[comma] = true;
  token.text = "";
  token.width = 0;
}

void Inline::MarkRecords() {
  for (size_t i = 0; i + 1 < tokens_.size(); ++i) {
    if (!Is(i, "{") || tokens_[i].partner == kNone) continue;
    const bool record = tokens_[i + 1].kind == Kind::kWord && Is(i + 2, ":");
    if (braces_[i] == Braces::kNone) braces_[i] = record ? Braces::kItems : Braces::kTight;
    if (braces_[i] == Braces::kTight || !record) continue;
    for (size_t k = i + 1; k < tokens_[i].partner; ++k) {
      if (IsOpener(tokens_[k].text)) k = tokens_[k].partner;
      if (tokens_[k].kind == Kind::kWord && Is(k + 1, ":")) item_[k] = true;
      if (Is(k, ",") && (Is(k + 2, ":") || Is(k + 1, "}"))) Drop(k);
    }
  }
}

// `list<…>` and `set<…>` where a type stands.
void Inline::MarkAngles() {
  for (size_t i = 2; i < tokens_.size(); ++i) {
    if (!Is(i, "<") || !(Is(i - 1, "list") || Is(i - 1, "set"))) continue;
    if (!IsOneOf(tokens_[i - 2].text, {":", "<", "->", "="})) continue;
    size_t depth = 0;
    std::vector<size_t> marks;
    for (size_t k = i; k < tokens_.size(); ++k) {
      if (Is(k, "<")) ++depth;
      if (Is(k, ">")) --depth;
      if (Is(k, "<") || Is(k, ">")) marks.push_back(k);
      if (depth == 0) break;
      if (IsOneOf(tokens_[k].text, {"{", "}", ",", "and", "or", ":"})) marks.clear();
      if (marks.empty()) break;
    }
    for (const size_t mark : marks) angle_[mark] = true;
  }
}

bool Inline::IsBinary(size_t token) const {
  const absl::string_view text = tokens_[token].text;
  if (Level(text) == 0 || angle_[token] || sign_[token] || token == 0) return false;
  if (!EndsOperand(tokens_[token - 1])) return false;
  return text != "under" || (tokens_[token + 1].kind == Kind::kWord && !IsReserved(tokens_[token + 1].text));
}

void Inline::MarkOperators() {
  for (size_t i = 0; i + 1 < tokens_.size(); ++i) operator_[i] = IsBinary(i);
}

// Where a line break of the author's is kept.
void Inline::MarkBreaks() {
  const auto breaks = [&](size_t i) {
    return operator_[i] && !IsOneOf(tokens_[i].text, {"in", "is", "like", "matches", "under"});
  };
  for (size_t i = 1; i < tokens_.size(); ++i) {
    if (!tokens_[i].broken) continue;
    const size_t around = tokens_[i].around;
    const absl::string_view opener = around == kNone ? "" : tokens_[around].text;
    const bool first = around != kNone && around + 1 == i;
    break_[i] = breaks(i) || (breaks(i - 1) && i > 1) || Is(i, "else") || item_[i] ||
                (opener == "[" && (first || Is(i - 1, ","))) ||
                (opener == "{" && first && braces_[around] == Braces::kItems) ||
                (opener == "(" && IsOneOf(tokens_[i].text, {"for", "where", "within", "since"}));
  }
}

// Whether a bound of a range is one plain word or number, so that no blanks are needed around the dots.
bool Inline::IsPlainBound(size_t token, bool before) const {
  const Token& at = tokens_[token];
  const auto plain = [](const Token& number) {
    return std::all_of(number.text.begin(), number.text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || c == '_' || c == '.' || c == ':'; });
  };
  const auto is_unit = [&](size_t number, size_t unit) {
    return tokens_[number].kind == Kind::kNumber && tokens_[unit].kind == Kind::kWord && !tokens_[unit].broken &&
           tokens_[unit].text.size() == 3 && absl::ascii_isupper(static_cast<unsigned char>(tokens_[unit].text[0]));
  };
  if (before) return at.kind == Kind::kNumber ? plain(at) : at.kind == Kind::kWord && !is_unit(token - 1, token);
  if (Is(token, "-")) return IsPlainBound(token + 1, before);
  return at.kind == Kind::kNumber ? plain(at) && !is_unit(token, token + 1) : at.kind == Kind::kWord;
}

size_t Inline::GapBefore(size_t token) const {
  if (token == 0 || dropped_[token]) return 0;
  size_t previous = token - 1;
  while (previous > 0 && dropped_[previous]) --previous;
  const absl::string_view left = tokens_[previous].text, right = tokens_[token].text;
  if (apart_[token]) return 1;
  if (item_[token] && !Is(previous, "{") && !Is(previous, ",")) return kStep;
  if (left == "{" || right == "}") {
    const size_t open = left == "{" ? previous : tokens_[token].partner;
    if (left == "{" && right == "}") return 0;
    return open != kNone && braces_[open] == Braces::kTight ? 0 : 1;
  }
  if (IsOneOf(right, {",", ")", "]", ".", ":", "?"}) || IsOneOf(left, {"(", "[", "."})) return 0;
  if (angle_[token] || (angle_[previous] && left == "<")) return 0;
  if (left == "-" && !operator_[previous]) return 0;
  if (right == ".." || left == "..") {
    const size_t dots = right == ".." ? token : previous;
    return IsPlainBound(dots - 1, true) && IsPlainBound(dots + 1, false) ? 0 : 1;
  }
  if (right == "(") {
    const bool called = tokens_[previous].kind == Kind::kWord && !IsReserved(left) && left != "of" && left != "since";
    return called ? 0 : 1;
  }
  if (right == "[") return EndsOperand(tokens_[previous]) && tokens_[previous].kind != Kind::kNumber ? 0 : 1;
  return 1;
}

void Inline::Settle() {
  MarkRecords();
  MarkAngles();
  MarkOperators();
  MarkBreaks();
  const size_t count = tokens_.size();
  gap_.assign(count, 0);
  width_sum_.assign(count + 1, 0);
  comment_sum_.assign(count + 1, 0);
  break_sum_.assign(count + 1, 0);
  for (size_t i = 0; i < count; ++i) {
    gap_[i] = GapBefore(i);
    if (gap_[i] == 0 && i > 0 && WouldFuse(tokens_[i - 1].text, tokens_[i].text)) gap_[i] = 1;
    width_sum_[i + 1] = width_sum_[i] + gap_[i] + tokens_[i].width;
    const size_t above = tokens_[i].above.size(), behind = tokens_[i].behind.size();
    // Comments between tokens: those above this one count before it, those behind it after it.
    comment_sum_[i] += above;
    comment_sum_[i + 1] = comment_sum_[i] + behind;
    break_sum_[i + 1] = break_sum_[i] + (break_[i] ? 1 : 0);
  }
}

// ---------------------------------------------------------------- questions

size_t Inline::At(uint32_t offset) const {
  const auto at = std::lower_bound(tokens_.begin(), tokens_.end(), offset,
                                   [](const Token& token, uint32_t begin) { return token.begin < begin; });
  return std::min(static_cast<size_t>(at - tokens_.begin()), tokens_.size() - 1);
}

size_t Inline::Width(size_t begin, size_t end) const {
  return begin >= end ? 0 : width_sum_[end] - width_sum_[begin] - gap_[begin];
}

size_t Inline::FirstWidth(size_t begin, size_t end) const {
  for (size_t i = begin + 1; i < end; ++i) {
    if (break_[i]) return Width(begin, i);
  }
  return Width(begin, end);
}

bool Inline::HasComments(size_t begin, size_t end) const {
  return end > begin + 1 && comment_sum_[end - 1] > comment_sum_[begin];
}

bool Inline::OnOneLine(size_t begin, size_t end) const {
  return begin >= end || (!HasComments(begin, end) && break_sum_[end] == break_sum_[begin + 1]);
}

// What closes right behind, and the comma after that.
size_t Inline::Closing(size_t end) const {
  while (end < tokens_.size() && (IsCloser(tokens_[end].text) || Is(end, ",")) && tokens_[end].above.empty() &&
         (end == 0 || tokens_[end - 1].behind.empty())) {
    ++end;
  }
  return end;
}

bool Inline::Fits(const Output& out, size_t begin, size_t end) const {
  if (out.full()) return false;
  const size_t blanks = out.ready() ? 0 : gap_[begin];
  return out.column() + blanks + Width(begin, Closing(end)) <= kWidth;
}

bool Inline::AllWritten() const {
  for (size_t i = 0; i + 1 < tokens_.size(); ++i) {
    if (written_[i] != (dropped_[i] ? 0 : 1)) return false;
  }
  return true;
}

bool Inline::MayBegin(size_t token) const {
  return tokens_[token].around != kNone || tokens_[token].broken || !IsDeclarationWord(tokens_[token].text);
}

std::vector<size_t> Inline::Operators(size_t begin, size_t end) const {
  std::vector<size_t> found;
  size_t level = 100;
  for (size_t i = begin; i < end; ++i) {
    if (IsOpener(tokens_[i].text) && tokens_[i].partner != kNone) i = tokens_[i].partner;
    if (i == begin || !operator_[i]) continue;
    const size_t here = Level(tokens_[i].text);
    if (here < level) found.clear();
    level = std::min(level, here);
    if (here == level) found.push_back(i);
  }
  // `not` binds what stands between `and`s.
  if (level > 2 && begin < end && Is(begin, "not")) found.clear();
  return found;
}

std::vector<size_t> Inline::Clauses(size_t begin, size_t end) const {
  std::vector<size_t> found;
  for (size_t i = begin; i < end; ++i) {
    if (IsOpener(tokens_[i].text) && tokens_[i].partner != kNone) i = tokens_[i].partner;
    if (i > begin && IsOneOf(tokens_[i].text, {"for", "where", "by", "within", "since"}) && !Is(i - 1, "."))
      found.push_back(i);
  }
  return found;
}

// Where the items of a bracket begin.
std::vector<size_t> Inline::Items(size_t open) const {
  std::vector<size_t> found = {open + 1};
  const size_t close = tokens_[open].partner;
  for (size_t i = open + 1; i < close; ++i) {
    if (IsOpener(tokens_[i].text)) i = tokens_[i].partner;
    const size_t next = i + 1;
    if (next < close && (item_[next] || (Is(i, ",") && !dropped_[i]))) found.push_back(next);
  }
  return found;
}

// Whether the author broke the line before one of the tokens [first, last).
bool Inline::HasBreak(size_t first, size_t last) const { return break_sum_[last] > break_sum_[first]; }

// ---------------------------------------------------------------- writing

void Inline::Above(Output& out, size_t token, size_t column, bool first, bool closing) {
  const Token& at = tokens_[token];
  for (size_t i = 0; i < at.above.size(); ++i) {
    if (at.above[i].blank_before && !(first && i == 0)) out.BlankLine();
    out.Newline(column);
    out.Write(at.above[i].text);
  }
  if (at.blank_before && !closing && !(first && at.above.empty())) out.BlankLine();
  above_done_[token] = true;
}

void Inline::Space(Output& out, size_t token) const {
  if (!out.ready() && !out.full()) out.Pad(out.column() + gap_[token]);
}

void Inline::Put(Output& out, size_t token, size_t column) {
  const Token& at = tokens_[token];
  if (dropped_[token]) return;
  if (written_[token] < 2) ++written_[token];
  if (!above_done_[token]) {
    for (const Comment& comment : at.above) {
      out.Newline(column);
      out.Write(comment.text);
    }
    if (!at.above.empty()) out.Newline(column);
  }
  if (out.full()) out.Newline(column);
  Space(out, token);
  out.Write(at.text);
  for (const std::string& comment : at.behind) out.Behind(comment);
}

// The comments above an expression, so that it then begins at a known column.
void Inline::Lead(Output& out, size_t token, size_t floor) {
  if (!out.full() && (above_done_[token] || tokens_[token].above.empty())) return;
  const size_t column = out.fresh() ? out.column() : std::max(floor, out.indent()) + kStep;
  if (!above_done_[token]) {
    for (const Comment& comment : tokens_[token].above) {
      out.Newline(column);
      out.Write(comment.text);
    }
    above_done_[token] = true;
  }
  out.Newline(column);
}

void Inline::Flat(Output& out, size_t begin, size_t end, size_t column) {
  for (size_t i = begin; i < end; ++i) Put(out, i, column);
}

void Inline::Run(Output& out, size_t begin, size_t end, size_t column) {
  for (size_t i = begin; i < end; ++i) {
    if (i > begin && Is(i - 1, ",")) {
      size_t piece = i;
      while (piece < end && !Is(piece, ","))
        piece = IsOpener(tokens_[piece].text) ? tokens_[piece].partner + 1 : piece + 1;
      if (!Fits(out, i, piece) && MayBegin(i)) out.Newline(column);
    }
    if (IsOpener(tokens_[i].text) && tokens_[i].partner < end) {
      Bracket(out, i, column);
      i = tokens_[i].partner;
    } else {
      Put(out, i, column);
    }
  }
}

void Inline::Clause(Output& out, size_t begin, size_t end, size_t lead, size_t column) {
  Flat(out, begin, std::min(begin + lead, end), column + kStep);
  if (begin + lead < end) Expr(out, begin + lead, end, column);
}

void Inline::Expr(Output& out, size_t begin, size_t end, size_t floor) {
  if (begin >= end) return;
  Lead(out, begin, floor);
  if (OnOneLine(begin, end) && Fits(out, begin, end)) return Flat(out, begin, end, out.column());
  if (Is(begin, "if")) return If(out, begin, end, floor);
  const std::vector<size_t> operators = Operators(begin, end);
  if (!operators.empty()) return Chain(out, begin, end, operators, floor);
  if (Is(begin, "not") || Is(begin, "has")) {
    Put(out, begin, out.column());
    return Expr(out, begin + 1, end, floor);
  }
  Run(out, begin, end, std::max(floor, out.indent()) + kStep);
}

// `else` under the first `if`; what follows `then` on a line of its own where it is too long.
void Inline::If(Output& out, size_t begin, size_t end, size_t floor) {
  Put(out, begin, out.column());
  const size_t column = out.column() - tokens_[begin].width;
  size_t at = begin;
  while (Is(at, "if")) {
    size_t then = at + 1, depth = 0;
    const auto next = [&](size_t i) { return IsOpener(tokens_[i].text) ? tokens_[i].partner + 1 : i + 1; };
    for (; then < end && !(depth == 0 && Is(then, "then")); then = next(then)) {
      if (Is(then, "if")) ++depth;
      if (Is(then, "else")) --depth;
    }
    size_t other = then + 1;
    depth = 0;
    for (; other < end && !(depth == 0 && Is(other, "else")); other = next(other)) {
      if (Is(other, "if")) ++depth;
      if (Is(other, "else")) --depth;
    }
    if (at > begin) Put(out, at, column);
    Expr(out, at + 1, then, out.column() + 1);
    if (then >= end) return;
    Put(out, then, column + kStep);
    if (!Fits(out, then + 1, other)) out.Newline(column + kStep);
    Expr(out, then + 1, other, out.column());
    if (other >= end) return;
    out.Newline(column);
    Put(out, other, column);
    at = other + 1;
  }
  Expr(out, at, end, std::max(floor, column + kStep));
}

void Inline::Chain(Output& out, size_t begin, size_t end, const std::vector<size_t>& operators, size_t floor) {
  bool breaks = !out.full() && !Fits(out, begin, end);
  size_t longest = 0;
  for (const size_t op : operators) {
    breaks |= break_[op] || break_[op + 1] || !tokens_[op].above.empty() || !tokens_[op + 1].above.empty() ||
              !tokens_[op - 1].behind.empty() || !tokens_[op].behind.empty();
    longest = std::max(longest, tokens_[op].width);
  }
  Space(out, begin);
  const bool fresh = out.fresh();
  if (breaks && fresh && floor + longest + 1 > out.column()) out.Pad(floor + longest + 1);
  const size_t column = out.column();
  const bool hangs = floor + longest + 1 <= column;
  size_t part = begin;
  for (size_t i = 0; i <= operators.size(); ++i) {
    const size_t part_end = i < operators.size() ? operators[i] : end;
    Expr(out, part, part_end, hangs ? floor : out.column() + (part == begin ? 0 : 1));
    if (part_end == end) return;
    if (breaks) out.Newline(hangs ? column - tokens_[part_end].width - 1 : column);
    Put(out, part_end, column);
    part = part_end + 1;
  }
}

// ---------------------------------------------------------------- brackets

void Inline::Bracket(Output& out, size_t open, size_t column) {
  const size_t close = tokens_[open].partner;
  if (OnOneLine(open, close + 1) && Fits(out, open, close + 1)) return Flat(out, open, close + 1, column);
  if (close == open + 1) {
    Put(out, open, column);
    return Put(out, close, column);
  }
  if (Is(open, "{") && braces_[open] != Braces::kTight) return Braced(out, open);
  if (Is(open, "(")) return Parenthesised(out, open);
  return Listed(out, open);
}

// The items, then the closing bracket: on a line of its own where the bracket is `opened`, else right behind.
void Inline::Elements(Output& out, size_t open, const std::vector<size_t>& items, bool opened, bool keeps_breaks) {
  const size_t close = tokens_[open].partner, base = out.indent();
  Put(out, open, base + kStep);
  if (out.full()) opened = true;
  if (opened) out.Newline(base + kStep);
  const size_t column = opened ? base + kStep : out.column() + gap_[open + 1];
  for (size_t k = 0; k < items.size(); ++k) {
    const size_t end = k + 1 < items.size() ? items[k + 1] : close;
    if (k > 0 && ((keeps_breaks && break_[items[k]]) || !Fits(out, items[k], end))) out.Newline(column);
    if (item_[items[k]] && Is(items[k] + 1, ":")) {
      Put(out, items[k], column);
      Put(out, items[k] + 1, column);
      if (braces_[open] == Braces::kPayload) {
        Run(out, items[k] + 2, end, column + kStep);
      } else {
        Expr(out, items[k] + 2, end, column + kStep);
      }
    } else {
      Expr(out, items[k], end, std::max(column, out.column()));
    }
  }
  if (opened) out.Newline(base);
  Put(out, close, opened ? base : column);
}

void Inline::Braced(Output& out, size_t open) {
  const size_t close = tokens_[open].partner;
  const bool payload = braces_[open] == Braces::kPayload;
  const bool has_breaks = HasBreak(open + 1, close);
  const bool opened = break_[open + 1] || (!payload && !has_breaks && !HasComments(open, close + 1));
  Elements(out, open, Items(open), opened, true);
}

void Inline::Listed(Output& out, size_t open) {
  const bool list = Is(open, "[");
  Elements(out, open, Items(open), list && break_[open + 1], list);
}

void Inline::Parenthesised(Output& out, size_t open) {
  const size_t close = tokens_[open].partner;
  const std::vector<size_t> items = Items(open);
  const std::vector<size_t> clauses = Clauses(open + 1, close);
  const bool is_list = items.size() > 1 && (clauses.empty() || items[1] < clauses[0]);
  if (is_list) return Elements(out, open, items, false, false);
  bool breaks = false;
  for (const size_t clause : clauses) breaks |= break_[clause];
  if (!breaks) breaks = !Fits(out, open, close + 1);
  Put(out, open, out.indent() + kStep);
  if (out.full()) out.Newline(out.indent() + kStep);
  const size_t column = out.column();
  size_t part = open + 1;
  for (size_t i = 0; i <= clauses.size(); ++i) {
    const size_t end = i < clauses.size() ? clauses[i] : close;
    if (i == 0) {
      Expr(out, part, end, column);
    } else {
      if (breaks) out.Newline(column);
      Clause(out, part, end, 1, column);
    }
    part = end;
  }
  Put(out, close, column);
}

}  // namespace writ::format
