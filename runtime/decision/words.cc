#include "runtime/decision/words.h"

namespace writ {

const char* Word(Effect effect) {
  switch (effect) {
    case Effect::kDeny: return "deny";
    case Effect::kHold: return "hold";
    case Effect::kEscalate: return "escalate";
    case Effect::kAllow: return "allow";
    case Effect::kUpon: return "upon";
    case Effect::kAsk: return "ask";
  }
  return "?";
}

}  // namespace writ
