#include "compiler/pattern/nfa.h"

#include <algorithm>

namespace writ::pattern {
namespace {

constexpr uint32_t kCodePointMax = 0x10FFFF, kSurrogatesBegin = 0xD800, kSurrogatesEnd = 0xDFFF;
constexpr uint32_t kLastOfLength[] = {0x7F, 0x7FF, 0xFFFF, kCodePointMax};

int Encode(uint32_t c, uint8_t* bytes) {
  if (c <= kLastOfLength[0]) return bytes[0] = static_cast<uint8_t>(c), 1;
  const int length = c <= kLastOfLength[1] ? 2 : c <= kLastOfLength[2] ? 3 : 4;
  static constexpr uint8_t kLead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (int i = length - 1; i > 0; --i, c >>= 6) bytes[i] = static_cast<uint8_t>(0x80 | (c & 0x3F));
  bytes[0] = static_cast<uint8_t>(kLead[length] | c);
  return length;
}

}  // namespace

void Normalize(Characters* characters) {
  std::sort(characters->begin(), characters->end());
  Characters out;
  for (const auto& [low, high] : *characters) {
    if (!out.empty() && low <= out.back().second + 1) {
      out.back().second = std::max(out.back().second, high);
    } else {
      out.emplace_back(low, high);
    }
  }
  *characters = std::move(out);
}

Characters Complement(const Characters& normal) {
  Characters out;
  uint32_t next = 0;
  for (const auto& [low, high] : normal) {
    if (low > next) out.emplace_back(next, low - 1);
    next = high + 1;
  }
  if (next <= kCodePointMax) out.emplace_back(next, kCodePointMax);
  return out;
}

uint32_t Nfa::Add(NfaState state) {
  if (states_.size() >= kNfaStatesMax) {
    overflown_ = true;
    return 0;
  }
  states_.push_back(state);
  return static_cast<uint32_t>(states_.size() - 1);
}

Part Nfa::Nothing() {
  const uint32_t only = Add({});
  return {only, only};
}

Part Nfa::Byte(uint8_t low, uint8_t high) {
  const uint32_t end = Add({});
  return {Add({false, low, high, end, kNowhere}), end};
}

Part Nfa::Then(Part a, Part b) {
  if (!overflown_) states_[a.end].next = b.begin;
  return {a.begin, b.end};
}

Part Nfa::Either(Part a, Part b) {
  const uint32_t end = Add({});
  const uint32_t begin = Add({true, 0, 0, a.begin, b.begin});
  if (!overflown_) states_[a.end].next = states_[b.end].next = end;
  return {begin, end};
}

Part Nfa::Repeated(Part a, bool may_be_none) {
  const uint32_t end = Add({});
  const uint32_t again = Add({true, 0, 0, a.begin, end});
  if (!overflown_) states_[a.end].next = again;
  return {may_be_none ? again : a.begin, end};
}

Part Nfa::Optional(Part a) { return Either(a, Nothing()); }

// Adds parts for the code points of one encoded length, all of whose bytes but the first few run over all that can
// continue: the range is split until that is so (R. Cox, "Regular expression matching: the virtual machine approach",
// and K. Thompson's UTF-8 automata in grep).
void Nfa::Bytes(uint32_t low, uint32_t high, std::vector<Part>* parts) {
  for (uint32_t i = 0; i < 3; ++i) {
    const uint32_t last = kLastOfLength[i];
    if (low <= last && high > last) {
      Bytes(low, last, parts);
      return Bytes(last + 1, high, parts);
    }
  }
  uint8_t from[4], to[4];
  const int length = Encode(low, from);
  for (int i = 1; i < length; ++i) {
    const uint32_t mask = (1u << (6 * i)) - 1;  // of the last i bytes
    if ((low & ~mask) == (high & ~mask)) continue;
    if ((low & mask) != 0) {
      Bytes(low, low | mask, parts);
      return Bytes((low | mask) + 1, high, parts);
    }
    if ((high & mask) != mask) {
      Bytes(low, (high & ~mask) - 1, parts);
      return Bytes(high & ~mask, high, parts);
    }
  }
  Encode(high, to);
  Part all = Byte(from[0], to[0]);
  for (int i = 1; i < length; ++i) all = Then(all, Byte(from[i], to[i]));
  parts->push_back(all);
}

Part Nfa::OneOf(const Characters& characters) {
  std::vector<Part> parts;
  for (const auto& [low, high] : characters) {
    if (low < kSurrogatesBegin) Bytes(low, std::min(high, kSurrogatesBegin - 1), &parts);
    if (high > kSurrogatesEnd) Bytes(std::max(low, kSurrogatesEnd + 1), high, &parts);
  }
  if (parts.empty()) return {Add({}), Add({})};  // two states that nothing joins
  Part any = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) any = Either(any, parts[i]);
  return any;
}

}  // namespace writ::pattern
