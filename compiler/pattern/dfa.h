// From the nondeterministic automaton to the minimal deterministic one. Private to the folder.
#pragma once

#include <optional>

#include "compiler/ir/ir.h"
#include "compiler/pattern/nfa.h"

namespace writ::pattern {

// None where it has more than limits::kPatternStatesMax states, or finding it takes more than a fixed amount of work.
std::optional<ir::Automaton> Determine(const Nfa& nfa, Part whole);

}  // namespace writ::pattern
