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

// The same for one fact that is kept by key: its cells are those of the key's instance. The name is left to the caller.
LoweredFold LowerKeyedFold(ProgramState* state, uint32_t fact, TransitionId transition, std::vector<bool>* poisoned);
// Whether events of a transition move a fact that is kept by key.
bool Moves(const typed::Fact& fact, TransitionId transition);
// The parts of a fact's key, of the event or the instance that `function` is about.
void LowerKey(ProgramState* state, Function* function, const typed::Fact& fact, ir::Code* code);

// A transition that starts a round: it enters a review's state (other than by `in`), or sets a field.
bool StartsRound(const Workflow& workflow, const Transition& transition);

}  // namespace writ::lower
