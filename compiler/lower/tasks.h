// What is built in about tasks: who may do what with one, and what is not its turn yet.
#pragma once

#include "compiler/lower/expressions.h"

namespace writ::lower {

bool IsTask(const Workflow& workflow);
// start, report, fail: what somebody who is to do the task does with it.
bool IsDoneByDoer(const Workflow& workflow, TransitionId transition);

// The actor acts in the role that is to do the task.
ir::ExprId ActsForTask(FunctionLowering* f, const Schema& schema, const Workflow& task);
// A report does it: no transition does.
ir::ExprId IsReported(FunctionLowering* f, const Workflow& task);
// One of those that come before it is not done.
Value WaitsForOthers(FunctionLowering* f, const Schema& schema, WorkflowId task);

}  // namespace writ::lower
