// The grants that come with tasks: given when a task is opened under another one, revoked when it is closed.
//
// They are folded with the event that opened or closed the task; nobody proposes them.
// Threads   as World.
// Source    docs/internals/semantics.md, "Plans"
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/orchestrator/names.h"
#include "runtime/state/state.h"
#include "runtime/store/event.h"

namespace writ {

// Each `give` of what `opening` opens: authority of the role whose task was planned under, or of the grant that it was planned
// under, for as long as the task is open. The grant bears the task's key. `planner` proposed the plan.
std::vector<Proposal> GivenWith(const World& world, const Names& names, const store::Event& opening, const ActorView& planner);

// The `revoke` of the grant that came with this task; none where there is no such grant, or it has ended already.
std::optional<Proposal> RevokedWith(const World& world, const Names& names, const std::string& task,
                                    const ActorView& orchestrator, int64_t now_ns);

}  // namespace writ
