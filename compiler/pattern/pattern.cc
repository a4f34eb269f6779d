#include "compiler/pattern/pattern.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/pattern/dfa.h"
#include "compiler/pattern/nfa.h"

namespace writ::pattern {
namespace {

constexpr uint32_t kRepeatMax = 1000, kGroupDepthMax = 64, kCodePointMax = 0x10FFFF;

const Characters& Any() {
  static const auto* any = new Characters{{0, kCodePointMax}};
  return *any;
}

// The pattern as code points. What is no UTF-8 is read byte by byte; no string matches it.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  size_t at() const { return at_; }
  bool done() const { return at_ >= text_.size(); }
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool Take(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }
  uint32_t Next() {
    const auto byte = [this](size_t i) { return i < text_.size() ? static_cast<uint8_t>(text_[i]) : 0u; };
    const uint32_t lead = byte(at_);
    const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t c = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; ++i) c = c << 6 | (byte(at_ + i) & 0x3F);
    at_ = std::min(at_ + length, text_.size());
    return c;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

class Parser {
 public:
  Parser(Kind kind, std::string_view text) : kind_(kind), reader_(text) {}

  Compiled Run() && {
    const Part whole = kind_ == Kind::kLike ? Glob() : Alternatives();
    if (ok_ && !reader_.done()) Fail(reader_.at(), "`)` closes nothing: write `\\)` for the sign itself", 1);
    if (!ok_ && !nfa_.overflown()) return {std::nullopt, std::move(fault_)};
    std::optional<ir::Automaton> automaton;
    if (!nfa_.overflown()) automaton = Determine(nfa_, whole);
    if (automaton.has_value()) return {std::move(automaton), {}};
    return {std::nullopt, {0, 0, {}, true}};
  }

 private:
  // Only the first fault is told.
  Part Fail(size_t begin, std::string what, size_t length = 0) {
    if (ok_) fault_ = {begin, length > 0 ? begin + length : std::max(reader_.at(), begin + 1), std::move(what), false};
    ok_ = false;
    return nfa_.Nothing();
  }
  Part Character(uint32_t c) { return nfa_.OneOf({{c, c}}); }

  // ---- like

  Part Glob() {
    Part all = nfa_.Nothing();
    while (ok_ && !reader_.done()) {
      const size_t begin = reader_.at();
      if (reader_.Take("*")) {
        all = nfa_.Then(all, nfa_.Repeated(nfa_.Byte(0, 255), true));
      } else if (reader_.Take("?")) {
        all = nfa_.Then(all, nfa_.OneOf(Any()));
      } else {
        if (reader_.Take("\\") && reader_.done()) return Fail(begin, "nothing follows `\\`: write `\\\\` for the sign");
        all = nfa_.Then(all, Character(reader_.Next()));
      }
    }
    return all;
  }

  // ---- matches

  Part Alternatives() {
    if (++depth_ > kGroupDepthMax) return Fail(reader_.at(), "groups nest too deep: take some apart", 1);
    Part any = Sequence();
    while (ok_ && reader_.Take("|")) any = nfa_.Either(any, Sequence());
    --depth_;
    return any;
  }

  Part Sequence() {
    Part all = nfa_.Nothing();
    while (ok_ && !nfa_.overflown() && !reader_.done() && reader_.Peek() != '|' && reader_.Peek() != ')') {
      all = nfa_.Then(all, Repetition());
    }
    return all;
  }

  // A count makes copies of what it counts: its text is read again for each.
  Part Repetition() {
    const Reader before = reader_;
    Part part = Atom();
    if (!ok_) return part;
    const size_t begin = reader_.at();
    if (reader_.Take("*")) {
      part = nfa_.Repeated(part, true);
    } else if (reader_.Take("+")) {
      part = nfa_.Repeated(part, false);
    } else if (reader_.Take("?")) {
      part = nfa_.Optional(part);
    } else if (reader_.Peek() == '{') {
      uint32_t least = 0, most = 0;
      if (!Counts(&least, &most)) return nfa_.Nothing();
      part = Copies(before, part, least, most);
    } else {
      return part;
    }
    const char more = reader_.Peek();
    if (more == '*' || more == '+' || more == '?' || more == '{') {
      return Fail(begin, "it is repeated twice: leave one out, or put a group around what is repeated first");
    }
    return part;
  }

  Part Copies(const Reader& atom, Part first, uint32_t least, uint32_t most) {
    const Reader after = reader_;
    const auto again = [&] {
      reader_ = atom;
      return Atom();
    };
    Part all = least > 0 ? first : nfa_.Nothing();
    for (uint32_t i = 1; i < least && !nfa_.overflown(); ++i) all = nfa_.Then(all, again());
    if (most == kUnbounded) {
      all = nfa_.Then(all, nfa_.Repeated(again(), true));
    } else {
      Part optional = nfa_.Nothing();  // (x(x(x)?)?)?
      for (uint32_t i = least; i < most && !nfa_.overflown(); ++i) {
        optional = nfa_.Optional(nfa_.Then(again(), optional));
      }
      all = nfa_.Then(all, optional);
    }
    reader_ = after;
    return all;
  }

  // `{2}`, `{2,}`, `{2,5}`
  bool Counts(uint32_t* least, uint32_t* most) {
    const size_t begin = reader_.at();
    reader_.Take("{");
    bool sound = Count(least);
    *most = *least;
    if (sound && reader_.Take(",")) {
      *most = kUnbounded;
      if (reader_.Peek() != '}') sound = Count(most) && *least <= *most;
    }
    if (sound && reader_.Take("}")) return true;
    Fail(begin, absl::StrCat("this counts nothing: write `{2}`, `{2,}` or `{2,5}` with numbers up to ", kRepeatMax,
                             ", or `\\{` for the sign"));
    return false;
  }
  bool Count(uint32_t* out) {
    const size_t begin = reader_.at();
    *out = 0;
    while (reader_.Peek() >= '0' && reader_.Peek() <= '9' && *out <= kRepeatMax) {
      *out = *out * 10 + (reader_.Next() - '0');
    }
    return reader_.at() > begin && *out <= kRepeatMax;
  }

  Part Atom() {
    const size_t begin = reader_.at();
    const char sign = reader_.Peek();
    switch (sign) {
      case '(': return Group();
      case '[': return Class();
      case '\\': return nfa_.OneOf(Escaped());
      case '*':
      case '+':
      case '?':
        return Fail(begin, absl::StrCat("nothing stands before `", std::string(1, sign), "` that could be repeated: write `\\",
                                        std::string(1, sign), "` for the sign"), 1);
      case '{': return Fail(begin, "nothing stands before `{` that could be repeated: write `\\{` for the sign", 1);
      case '^':
      case '$':
        return Fail(begin, absl::StrCat("the whole string is compared already: leave `", std::string(1, sign),
                                        "` out, or write `\\", std::string(1, sign), "` for the sign"), 1);
      case '.': reader_.Next(); return nfa_.OneOf(Any());
      default: return Character(reader_.Next());
    }
  }

  Part Group() {
    const size_t begin = reader_.at();
    reader_.Take("(");
    if (reader_.Peek() == '?' && !reader_.Take("?:")) {
      return Fail(begin, "a group is `( )` or `(?: )`: nothing else can follow `(?`", 2);
    }
    const Part inside = Alternatives();
    if (ok_ && !reader_.Take(")")) return Fail(begin, "`(` is not closed: write `)` after it, or `\\(` for the sign", 1);
    return inside;
  }

  Part Class() {
    const size_t begin = reader_.at();
    reader_.Take("[");
    const bool negated = reader_.Take("^");
    Characters all;
    for (bool first = true; ok_ && (first || reader_.Peek() != ']'); first = false) {
      if (reader_.done()) return Fail(begin, "`[` is not closed: write `]` after it, or `\\[` for the sign", 1);
      AddMember(&all);
    }
    reader_.Take("]");
    Normalize(&all);
    return nfa_.OneOf(negated ? Complement(all) : all);
  }

  // `a`, `a-z`, `\d`; a `-` at an end stands for itself, and so does a `]` that stands first.
  void AddMember(Characters* all) {
    const size_t begin = reader_.at();
    if (reader_.Peek() == '[' && reader_.Peek(1) == ':') {
      Fail(begin, "classes are not told by name: write them out, as in `[a-z]`", 2);
      return;
    }
    const Characters from = Member();
    const bool is_range = reader_.Peek() == '-' && reader_.Peek(1) != ']' && reader_.Peek(1) != '\0';
    if (!is_range) return all->insert(all->end(), from.begin(), from.end()), void();
    reader_.Take("-");
    const Characters to = Member();
    const auto is_one = [](const Characters& c) { return c.size() == 1 && c[0].first == c[0].second; };
    if (!is_one(from) || !is_one(to) || from[0].first > to[0].first) {
      Fail(begin, "this range has no beginning and end in that order: write the smaller character first");
      return;
    }
    all->emplace_back(from[0].first, to[0].first);
  }
  Characters Member() {
    if (reader_.Peek() == '\\') return Escaped();
    const uint32_t c = reader_.Next();
    return {{c, c}};
  }

  Characters Escaped() {
    static const Characters kDigits = {{'0', '9'}};
    static const Characters kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    static const Characters kSpace = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
    const size_t begin = reader_.at();
    reader_.Take("\\");
    if (reader_.done()) return Fail(begin, "nothing follows `\\`: write `\\\\` for the sign"), Characters();
    const uint32_t c = reader_.Next();
    switch (c) {
      case 'd': return kDigits;
      case 'w': return kWord;
      case 's': return kSpace;
      case 'D': return Complement(kDigits);
      case 'W': return Complement(kWord);
      case 'S': return Complement(kSpace);
      case 'n': return {{'\n', '\n'}};
      case 't': return {{'\t', '\t'}};
      case 'r': return {{'\r', '\r'}};
      case 'x': return Hexadecimal(begin);
      default: break;
    }
    const bool letter_or_digit = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (c >= 0x80 || letter_or_digit) {
      Fail(begin, "this means nothing after `\\`: write `\\d`, `\\w`, `\\s`, `\\n`, `\\t`, `\\r`, `\\x41`, or `\\` before a sign");
    }
    return {{c, c}};
  }

  // `\x41` or `\x{1F600}`, of which `\x` has been read.
  Characters Hexadecimal(size_t begin) {
    const bool braces = reader_.Take("{");
    uint32_t value = 0;
    size_t digits = 0;
    for (; digits < (braces ? 6u : 2u); ++digits) {
      const char c = reader_.Peek();
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) break;
      value = value * 16 + static_cast<uint32_t>(digit);
      reader_.Next();
    }
    if (digits < (braces ? 1u : 2u) || (braces && !reader_.Take("}")) || value > kCodePointMax) {
      Fail(begin, "this is no character: write `\\x41` or `\\x{1F600}`");
    }
    return {{value, value}};
  }

  static constexpr uint32_t kUnbounded = UINT32_MAX;

  const Kind kind_;
  Reader reader_;
  Nfa nfa_;
  uint32_t depth_ = 0;
  bool ok_ = true;
  Fault fault_;
};

}  // namespace

Compiled Compile(Kind kind, std::string_view pattern) { return Parser(kind, pattern).Run(); }

}  // namespace writ::pattern
