#include <algorithm>

#include "runtime/builtins/check.h"
#include "runtime/decision/decision.h"

namespace writ {
namespace {

Outcome OutcomeOf(Effect effect) {
  switch (effect) {
    case Effect::kDeny: return Outcome::kDeny;
    case Effect::kHold: return Outcome::kHold;
    case Effect::kEscalate: return Outcome::kEscalate;
    case Effect::kAllow:
    case Effect::kUpon:
    case Effect::kAsk: break;
  }
  WRIT_CHECK(false);
}

// What says `upon` is told with what applied, and changes nothing.
bool Restrains(Effect effect) { return effect != Effect::kUpon; }

}  // namespace

void Combine(const Function& function, const uint64_t* applied, const uint64_t* fails, const uint64_t* allows,
             const uint64_t* allow_fails, RawDecision* out) {
  const size_t count = function.restraints.size();
  const size_t words = (count + 63) / 64;
  uint64_t excused[(limits::kRulesPerFunctionMax + 63) / 64] = {};
  const auto bit = [](const uint64_t* bits, size_t i) { return (bits[i / 64] >> (i % 64) & 1) != 0; };

  out->allow_count = out->indeterminate_count = out->applied_count = out->reason_count = 0;
  for (size_t i = 0; i < function.allows.size(); ++i) {
    if (!bit(allows, i)) continue;
    bool excuses = false;
    for (size_t w = 0; w < words; ++w) {
      const uint64_t hit = function.allows[i].excuses[w] & applied[w];
      excused[w] |= hit;
      excuses |= hit != 0;
    }
    if (excuses) out->allows[out->allow_count++] = static_cast<uint16_t>(i);
  }

  bool gate = false;
  Outcome outcome = Outcome::kPermit;
  for (size_t i = 0; i < count; ++i) {
    if (bit(fails, i)) out->indeterminate[out->indeterminate_count++] = static_cast<uint16_t>(i);
    if (!bit(applied, i)) continue;
    out->applied[out->applied_count++] = static_cast<uint16_t>(i);
    if (bit(excused, i) || !Restrains(function.restraints[i].effect)) continue;
    gate |= function.restraints[i].gate;
    outcome = std::max(outcome, OutcomeOf(function.restraints[i].effect));
  }
  for (size_t i = 0; i < function.allows.size(); ++i) {
    if (bit(allow_fails, i)) out->indeterminate[out->indeterminate_count++] = static_cast<uint16_t>(count + i);
  }
  out->outcome = outcome;
  for (size_t k = 0; k < out->applied_count; ++k) {
    const uint16_t i = out->applied[k];
    if (bit(excused, i) || !Restrains(function.restraints[i].effect)) continue;
    if (OutcomeOf(function.restraints[i].effect) != outcome) continue;
    if (gate && !function.restraints[i].gate) continue;
    out->reasons[out->reason_count++] = i;
  }
}

}  // namespace writ
