#include "runtime/replay/json_fault.h"

namespace writ::replay {
namespace {

class Scan {
 public:
  explicit Scan(std::string_view line) : line_(line) {}

  JsonFault Run(int depth_max) {
    if (Value(depth_max)) {
      Space();
      if (at_ < line_.size()) Fail("nothing more");
    }
    return fault_;
  }

 private:
  char Here() const { return at_ < line_.size() ? line_[at_] : '\0'; }
  bool IsDigit() const { return Here() >= '0' && Here() <= '9'; }
  void Space() {
    while (Here() == ' ' || Here() == '\t' || Here() == '\n' || Here() == '\r') ++at_;
  }
  bool Fail(const char* wanted) {
    fault_ = {at_, wanted};
    return false;
  }
  bool Take(char c, const char* wanted) {
    if (Here() != c) return Fail(wanted);
    ++at_;
    return true;
  }

  bool Value(int depth) {
    Space();
    if (depth == 0) return Fail("less nesting");
    switch (Here()) {
      case '{': return Object(depth);
      case '[': return Array(depth);
      case '"': return Text();
      case 't': return Word("true");
      case 'f': return Word("false");
      case 'n': return Word("null");
      default: return Here() == '-' || IsDigit() ? Number() : Fail("a value");
    }
  }

  bool Object(int depth) {
    ++at_;
    Space();
    if (Here() == '}') return ++at_, true;
    for (;;) {
      Space();
      if (Here() != '"') return Fail("a name in quotes");
      if (!Text()) return false;
      Space();
      if (!Take(':', "`:`") || !Value(depth - 1)) return false;
      Space();
      if (Here() == '}') return ++at_, true;
      if (!Take(',', "`,` or `}`")) return false;
    }
  }

  bool Array(int depth) {
    ++at_;
    Space();
    if (Here() == ']') return ++at_, true;
    for (;;) {
      if (!Value(depth - 1)) return false;
      Space();
      if (Here() == ']') return ++at_, true;
      if (!Take(',', "`,` or `]`")) return false;
    }
  }

  bool Text() {
    for (++at_; at_ < line_.size(); ++at_) {
      const char c = line_[at_];
      if (c == '"') return ++at_, true;
      if (static_cast<unsigned char>(c) < 0x20) return Fail("an escape such as `\\n`");
      if (c == '\\' && !Escape()) return false;
    }
    return Fail("the closing quote of a text");
  }

  // Stays on the last byte of the escape.
  bool Escape() {
    ++at_;
    const bool is_known = Here() != '\0' && std::string_view("\"\\/bfnrtu").find(Here()) != std::string_view::npos;
    if (!is_known) return Fail("an escape that JSON knows");
    if (Here() != 'u') return true;
    for (int i = 0; i < 4; ++i) {
      ++at_;
      const char c = Here();
      if (!IsDigit() && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) return Fail("a hexadecimal digit");
    }
    return true;
  }

  bool Word(std::string_view word) {
    if (line_.substr(at_, word.size()) != word) return Fail("a value");
    at_ += word.size();
    return true;
  }

  bool Digits() {
    if (!IsDigit()) return Fail("a digit");
    while (IsDigit()) ++at_;
    return true;
  }

  bool Number() {
    if (Here() == '-') ++at_;
    const bool zero = Here() == '0';
    const size_t begin = at_;
    if (!Digits()) return false;
    if (zero && at_ > begin + 1) {
      at_ = begin;
      return Fail("a number without a leading zero");
    }
    if (Here() == '.' && (++at_, !Digits())) return false;
    if (Here() != 'e' && Here() != 'E') return true;
    ++at_;
    if (Here() == '+' || Here() == '-') ++at_;
    return Digits();
  }

  std::string_view line_;
  size_t at_ = 0;
  JsonFault fault_;
};

}  // namespace

JsonFault FindJsonFault(std::string_view line, int depth_max) { return Scan(line).Run(depth_max); }

}  // namespace writ::replay
