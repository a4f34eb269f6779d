// Nobody proposes, and the orchestrator looks at an instance: what the frame of a conclusion or of an `ask` is filled from.
#pragma once

#include "runtime/state/state.h"

namespace writ {

inline Proposal LookingAt(const Instance& instance, const ActorView& orchestrator, int64_t now_ns) {
  Proposal proposal;
  proposal.workflow = instance.workflow;
  proposal.key = instance.key;
  proposal.key_parts = instance.key_parts;
  proposal.actor = orchestrator;
  proposal.now_ns = now_ns;
  return proposal;
}

}  // namespace writ
