// Facts about history: where each is kept, the folds that keep them, and how a decision reads them.
#pragma once

#include "compiler/lower/expressions.h"

namespace writ::lower {

// Gives every fact its cells and windows, in Schema::workflows. `poisoned[f]`: an event of it may be unknown, so it
// needs a cell that says so.
void AllocateFacts(ProgramState* state, const std::vector<bool>& poisoned);

// The fold of a transition (or of its refusal), or nothing where it moves no fact. Sets `poisoned` for the facts that
// need it.
struct LoweredFold {
  Function function;
  ir::Code code;
  bool empty = true;
};
LoweredFold LowerFold(ProgramState* state, WorkflowId workflow, TransitionId transition, bool refused,
                      std::vector<bool>* poisoned);

// A transition that starts a round: it enters a review's state (other than by `in`), or sets a field.
bool StartsRound(const Workflow& workflow, const Transition& transition);

}  // namespace writ::lower
