// A value as the log keeps it: what a field, a payload or a fact holds, without the schema that gives it meaning.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace writ::store {

inline constexpr uint32_t kValueDepthMax = 16;        // lists within lists
inline constexpr uint32_t kListCountMax = 1u << 16;   // elements of one list, in a value or in an event

// Units     integers are raw units as schema.h says (bool 0 or 1; enum, role and state by index; money in minor units;
//           percent in 10^-6; duration and time in ns; date in days). A reference is its canonical key text. A record is
//           the list of its members in declared order, absent ones included. A set of an enum is an integer of bits; any
//           other set is a sorted list without duplicates, which whoever makes it sees to.
// Threads   a plain value.
struct Value {
  using List = std::vector<Value>;

  Value() = default;                                            // absent
  template <std::integral T>
    requires(!std::same_as<T, bool>)                            // say Value(int64_t{b}): a bool is 0 or 1
  Value(T integer) : v(int64_t{integer}) {}                     // NOLINT: a literal is a value
  Value(std::string text) : v(std::move(text)) {}               // NOLINT
  Value(const char* text) : v(std::string(text)) {}             // NOLINT
  Value(List list) : v(std::move(list)) {}                      // NOLINT

  bool absent() const { return std::holds_alternative<std::monostate>(v); }
  bool is_integer() const { return std::holds_alternative<int64_t>(v); }
  bool is_text() const { return std::holds_alternative<std::string>(v); }
  bool is_list() const { return std::holds_alternative<List>(v); }
  // Each must be what is asked for.
  int64_t integer() const { return std::get<int64_t>(v); }
  const std::string& text() const { return std::get<std::string>(v); }
  const List& list() const { return std::get<List>(v); }
  List& list() { return std::get<List>(v); }

  std::variant<std::monostate, int64_t, std::string, List> v;
};

bool operator==(const Value& a, const Value& b);
// A total order for sorted sets: absent, integers, texts by bytes, lists element by element.
bool operator<(const Value& a, const Value& b);

// Appends the one byte string that stands for `value`. kResourceExhausted past kValueDepthMax or kListCountMax.
absl::Status EncodeValue(const Value& value, std::string* out);

// Reads exactly one value. kDataLoss for whatever EncodeValue would not have written, trailing bytes included.
absl::StatusOr<Value> DecodeValue(std::string_view bytes);

}  // namespace writ::store
