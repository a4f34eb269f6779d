// How numbers, texts and values become bytes. Each has exactly one encoding, and the reader takes no other.
//
// An unsigned number is a varint of seven bits a byte, low bits first, as short as it goes. A signed one is zigzagged
// first. A text is its length and its bytes. A value is one byte of kind, then what the kind needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/store/value.h"

namespace writ::store {

class WireWriter {
 public:
  explicit WireWriter(std::string* out) : out_(out) {}

  void Byte(uint8_t byte) { out_->push_back(static_cast<char>(byte)); }
  void Unsigned(uint64_t n) {
    for (; n >= 0x80; n >>= 7) Byte(static_cast<uint8_t>(n) | 0x80);
    Byte(static_cast<uint8_t>(n));
  }
  void Signed(int64_t n) { Unsigned((static_cast<uint64_t>(n) << 1) ^ static_cast<uint64_t>(n >> 63)); }
  void Raw(std::string_view bytes) { out_->append(bytes.data(), bytes.size()); }
  void Text(std::string_view text) {
    Unsigned(text.size());
    Raw(text);
  }
  void Put(const Value& value, uint32_t depth = 0);

  // What was too deep or too long; nullptr while all fits.
  const char* error() const { return error_; }
  void Fail(const char* error) { error_ = error_ == nullptr ? error : error_; }

 private:
  std::string* out_;
  const char* error_ = nullptr;
};

// Once something was wrong it stays failed, reads nothing any more, and returns zeros and empty texts.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : next_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  uint8_t Byte() {
    if (next_ == end_) return Fail("it ends too early"), 0;
    return static_cast<uint8_t>(*next_++);
  }
  uint64_t Unsigned() {
    uint64_t n = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = Byte();
      if (shift == 63 && byte > 1) break;
      n |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) {
        if (byte == 0 && shift != 0) break;
        return failed() ? 0 : n;
      }
    }
    return Fail("a number is not in its shortest form"), 0;
  }
  int64_t Signed() {
    const uint64_t n = Unsigned();
    return static_cast<int64_t>((n >> 1) ^ (~(n & 1) + 1));
  }
  std::string_view Raw(uint64_t size_bytes) {
    if (size_bytes > left()) return Fail("a text is longer than what is there"), std::string_view();
    const std::string_view bytes(next_, size_bytes);
    next_ += size_bytes;
    return bytes;
  }
  std::string_view Text() { return Raw(Unsigned()); }
  // A list's count: every element takes a byte at least, so that a forged count reserves nothing.
  uint32_t Count() {
    const uint64_t n = Unsigned();
    if (n > kListCountMax || n > left()) return Fail("a list is longer than what is there"), 0;
    return static_cast<uint32_t>(n);
  }
  void Get(Value* value, uint32_t depth = 0);

  size_t left() const { return static_cast<size_t>(end_ - next_); }
  bool failed() const { return error_ != nullptr; }
  const char* error() const { return error_; }
  void Fail(const char* error) {
    error_ = error_ == nullptr ? error : error_;
    next_ = end_;
  }

 private:
  const char* next_;
  const char* end_;
  const char* error_ = nullptr;
};

}  // namespace writ::store
