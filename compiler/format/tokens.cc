#include "compiler/format/tokens.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace writ::format {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWordPart(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

class Reader {
 public:
  explicit Reader(absl::string_view text) : text_(text) {}

  std::vector<Token> Run() {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
    for (;;) {
      Skip();
      if (at_ >= text_.size()) break;
      if (text_.substr(at_, 2) == "//") {
        ReadComment();
      } else {
        ReadToken();
      }
    }
    Push(Token::Kind::kEnd, 0);
    MatchBrackets();
    return std::move(tokens_);
  }

 private:
  char At(size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void Skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r' || text_[at_] == '\n' ||
                                  text_.substr(at_, 3) == "\xEF\xBB\xBF")) {
      if (text_[at_] == '\n') ++breaks_;
      at_ += text_[at_] == '\xEF' ? 3 : 1;
    }
  }

  void ReadComment() {
    const size_t end = std::min(text_.find_first_of("\r\n", at_), text_.size());
    std::string comment(absl::StripTrailingAsciiWhitespace(text_.substr(at_, end - at_)));
    at_ = end;
    if (breaks_ == 0 && !tokens_.empty() && next_.above.empty()) {
      tokens_.back().behind.push_back(std::move(comment));
      return;
    }
    next_.above.push_back({std::move(comment), breaks_ > 1});
    next_.broken = true;
    breaks_ = 0;
  }

  void ReadToken() {
    const char c = text_[at_];
    if (c == '"') {
      Push(Token::Kind::kString, StringLength());
    } else if (IsDigit(c)) {
      Push(Token::Kind::kNumber, NumberLength());
    } else if (IsWordPart(c)) {
      size_t length = 1;
      while (IsWordPart(At(length))) ++length;
      Push(Token::Kind::kWord, length);
    } else {
      static constexpr absl::string_view kPairs[] = {"->", "..", "??", "==", "!=", "<=", ">="};
      const bool pair = std::find(std::begin(kPairs), std::end(kPairs), text_.substr(at_, 2)) != std::end(kPairs);
      Push(Token::Kind::kSign, pair ? 2 : 1);
    }
  }

  size_t StringLength() const {
    size_t length = 1;
    while (at_ + length < text_.size() && At(length) != '"') length += At(length) == '\\' ? 2 : 1;
    return length + 1;
  }

  // The length of what looks like `shape`, in which 0 stands for any digit; or 0.
  size_t Like(size_t from, absl::string_view shape) const {
    for (size_t i = 0; i < shape.size(); ++i) {
      const char c = At(from + i);
      if (shape[i] == '0' ? !IsDigit(c) : c != shape[i]) return 0;
    }
    return shape.size();
  }

  size_t NumberLength() const {
    if (size_t length = Like(0, "0000-00-00"); length > 0) {
      if (const size_t time = Like(length, "T00:00"); time > 0) {
        length += time;
        length += Like(length, ":00");
        if (At(length) == 'Z') ++length;
      }
      return length;
    }
    if (Like(0, "00:00") > 0 && !IsDigit(At(5))) return 5;
    size_t length = 0;
    while (IsDigit(At(length)) || At(length) == '_') ++length;
    if (At(length) == '.' && IsDigit(At(length + 1))) ++length;
    while (IsWordPart(At(length))) ++length;
    return At(length) == '%' ? length + 1 : length;
  }

  void Push(Token::Kind kind, size_t length) {
    next_.kind = kind;
    next_.text = text_.substr(at_, length);
    next_.begin = static_cast<uint32_t>(at_);
    next_.width = WidthOf(next_.text);
    next_.broken = next_.broken || breaks_ > 0 || (!tokens_.empty() && !tokens_.back().behind.empty());
    next_.blank_before = breaks_ > 1;
    tokens_.push_back(std::move(next_));
    next_ = {};
    at_ += length;
    breaks_ = 0;
  }

  void MatchBrackets() {
    std::vector<size_t> open;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const absl::string_view text = tokens_[i].text;
      const bool closes = text == ")" || text == "]" || text == "}";
      if (closes && !open.empty()) {
        tokens_[i].partner = open.back();
        tokens_[open.back()].partner = i;
        open.pop_back();
      }
      tokens_[i].around = open.empty() ? kNone : open.back();
      if (text == "(" || text == "[" || text == "{") open.push_back(i);
    }
  }

  const absl::string_view text_;
  size_t at_ = 0;
  size_t breaks_ = 0;  // since the last token or comment
  Token next_;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> ReadTokens(absl::string_view text) { return Reader(text).Run(); }

size_t WidthOf(absl::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace writ::format
