// A nondeterministic automaton over bytes, put together from parts. Private to the folder.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace writ::pattern {

inline constexpr uint32_t kNfaStatesMax = 1u << 15;
inline constexpr uint32_t kNowhere = UINT32_MAX;

// Leads on by a byte in low..high, or, where `epsilon`, by none to one or two states.
struct NfaState {
  bool epsilon = true;
  uint8_t low = 0, high = 0;
  uint32_t next = kNowhere, other = kNowhere;
};

// Characters as ranges of code points, ascending and apart after Normalize.
using Characters = std::vector<std::pair<uint32_t, uint32_t>>;
void Normalize(Characters* characters);
Characters Complement(const Characters& normal);

// A part: enters at `begin`; what it has read ends at `end`, an epsilon state that leads nowhere yet.
struct Part { uint32_t begin = 0, end = 0; };

class Nfa {
 public:
  // Past kNfaStatesMax states nothing is added any more; `overflown` says so.
  bool overflown() const { return overflown_; }
  const std::vector<NfaState>& states() const { return states_; }

  Part Nothing();                              // the empty text
  Part Byte(uint8_t low, uint8_t high);
  Part OneOf(const Characters& characters);    // one character, as its UTF-8 bytes; of none: never
  Part Then(Part a, Part b);
  Part Either(Part a, Part b);
  Part Repeated(Part a, bool may_be_none);     // without end
  Part Optional(Part a);

 private:
  uint32_t Add(NfaState state);
  void Bytes(uint32_t low, uint32_t high, std::vector<Part>* parts);

  std::vector<NfaState> states_;
  bool overflown_ = false;
};

}  // namespace writ::pattern
