// The two IOs of schema_fields.h. Every value has exactly one encoding: integers are the shortest little-endian varints
// (base 128), signed ones zigzag, ids plus one (none is 0), strings and vectors preceded by their count.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/decision/schema.h"

namespace writ::ir {

using WideUnsigned = unsigned __int128;

class ByteWriter {
 public:
  static constexpr bool kReads = false;
  enum class Content : uint8_t { kEverything, kWhatDecides };

  explicit ByteWriter(Content content) : content_(content) {}
  std::string Take() { return std::move(bytes_); }

  void Raw(std::string_view bytes) { bytes_.append(bytes); }
  void Uint(uint64_t value) { Varint(value); }
  void Sint(int64_t value) { Wide(value); }
  void Wide(Num value) { Varint((static_cast<WideUnsigned>(value) << 1) ^ static_cast<WideUnsigned>(value >> 127)); }
  void Bool(bool value) { bytes_.push_back(value ? 1 : 0); }
  void Index(uint32_t value) { Varint(value + uint32_t{1}); }
  void Text(const std::string& value) {
    Varint(value.size());
    bytes_ += value;
  }
  template <class Tag>
  void Ref(Id<Tag> id) {
    Index(id.value);
  }
  template <class E>
  void Enumeration(E value, E) {
    bytes_.push_back(static_cast<char>(value));
  }
  template <class T, class F>
  void Each(const std::vector<T>& vector, const F& element) {
    Varint(vector.size());
    for (const T& one : vector) element(one);
  }
  template <class F>
  void Cosmetic(const F& fields) {
    if (content_ == Content::kEverything) fields();
  }

 private:
  void Varint(WideUnsigned value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(0x80 | static_cast<uint8_t>(value & 0x7F)));
    bytes_.push_back(static_cast<char>(value));
  }

  const Content content_;
  std::string bytes_;
};

// Reads what ByteWriter wrote. After the first fault it reads zeros and no more elements; `ok` says so.
class ByteReader {
 public:
  static constexpr bool kReads = true;

  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

  void Raw(std::string_view expected) {
    if (rest_.substr(0, expected.size()) != expected) return Fail();
    rest_.remove_prefix(expected.size());
  }
  template <class T>
  void Uint(T& out) {
    static_assert(std::is_unsigned_v<T>);
    out = static_cast<T>(Varint(8 * sizeof(T)));
  }
  template <class T>
  void Sint(T& out) {
    Num wide = 0;
    Wide(wide);
    out = static_cast<T>(wide);
    if (out != wide) Fail();
  }
  void Wide(Num& out) {
    const WideUnsigned zigzag = Varint(128);
    out = static_cast<Num>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
  }
  void Bool(bool& out) { out = Byte(1) != 0; }
  void Index(uint32_t& out) { out = static_cast<uint32_t>(Varint(32)) - uint32_t{1}; }
  void Text(std::string& out) {
    const WideUnsigned size_bytes = Varint(64);
    if (size_bytes > rest_.size()) return Fail();
    out.assign(rest_.substr(0, static_cast<size_t>(size_bytes)));
    rest_.remove_prefix(static_cast<size_t>(size_bytes));
  }
  template <class Tag>
  void Ref(Id<Tag>& id) {
    Index(id.value);
  }
  template <class E>
  void Enumeration(E& out, E greatest) {
    out = static_cast<E>(Byte(static_cast<uint8_t>(greatest)));
  }
  // Grows element by element: a count that lies allocates no more than the bytes that are there could fill.
  template <class T, class F>
  void Each(std::vector<T>& vector, const F& element) {
    const WideUnsigned count = Varint(64);
    if (count > rest_.size()) return Fail();
    for (WideUnsigned i = 0; i < count && ok_; ++i) {
      vector.emplace_back();
      element(vector.back());
    }
  }
  template <class F>
  void Cosmetic(const F& fields) {
    fields();
  }

 private:
  void Fail() {
    ok_ = false;
    rest_ = {};
  }
  uint8_t Byte(uint8_t greatest) {
    if (rest_.empty() || static_cast<uint8_t>(rest_[0]) > greatest) {
      Fail();
      return 0;
    }
    const uint8_t byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }
  WideUnsigned Varint(unsigned bits) {
    WideUnsigned value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
      const uint8_t byte = Byte(0xFF);
      const uint8_t payload = byte & 0x7F;
      const bool too_large = bits - shift < 7 && payload >> (bits - shift) != 0;
      const bool padded = byte == 0 && shift > 0;
      if (!ok_ || too_large || padded) break;
      value |= static_cast<WideUnsigned>(payload) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    Fail();
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace writ::ir
