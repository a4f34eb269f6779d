#include "compiler/lower/tasks.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include "compiler/lower/planted_faults.h"
#include "runtime/builtins/check.h"

namespace writ::lower {
namespace {

uint32_t FieldNamed(const Workflow& task, std::string_view name) {
  const auto at = std::find_if(task.fields.begin(), task.fields.end(), [&](const Field& f) { return f.name == name; });
  WRIT_CHECK(at != task.fields.end());
  return static_cast<uint32_t>(at - task.fields.begin());
}

typed::ExprPtr Node(typed::ExprKind kind, const Type& type) {
  auto node = std::make_unique<typed::Expr>();
  node->kind = kind;
  node->type.type = type;
  return node;
}

Type Of(TypeKind kind) {
  Type type;
  type.kind = kind;
  return type;
}

}  // namespace

bool IsTask(const Workflow& workflow) { return workflow.is_builtin && workflow.name == "Task"; }

bool IsDoneByDoer(const Workflow& workflow, TransitionId transition) {
  const std::string& name = workflow.transitions[transition.value].name;
  return IsTask(workflow) && (name == "start" || name == "report" || name == "fail");
}

ir::ExprId ActsForTask(FunctionLowering* f, const Schema& schema, const Workflow& task) {
  if (Planted(Fault::kAnybodyReports)) return f->build().Bool(true);
  const ir::Range roles = {-1, static_cast<Num>(schema.roles.size()) - 1};
  const ir::ExprId actor = f->NumSlot(SlotRoot::kActorRole, roles);
  const ir::ExprId doer = f->NumSlot(SlotRoot::kBefore, {0, std::max<Num>(roles.high, 0)}, FieldNamed(task, "role"));
  return f->build().EqNum(actor, doer);
}

ir::ExprId IsReported(FunctionLowering* f, const Workflow& task) {
  const ir::ExprId does = f->StrSlot(SlotRoot::kBefore, FieldNamed(task, "does"));
  const ir::ExprId report = f->build().Text("report");
  return f->build().EqStr(does, report);
}

// any(t in before.after: t.state != done)
Value WaitsForOthers(FunctionLowering* f, const Schema& schema, WorkflowId id) {
  const Workflow& task = schema.workflows[id.value];
  const uint32_t after = FieldNamed(task, "after");
  Type list = schema.types[task.fields[after].type.value];
  list.optional = false;  // of none that is there, nothing is waited for
  const Type element = schema.types[list.element.value];
  Type state = Of(TypeKind::kInt);
  state.min = -1;
  state.max = static_cast<int64_t>(task.states.size()) - 1;
  const auto done = std::find_if(task.states.begin(), task.states.end(), [](const State& s) { return s.name == "done"; });

  typed::ExprPtr one = Node(typed::ExprKind::kVariable, element);
  typed::ExprPtr its_state = Node(typed::ExprKind::kDeref, state);
  its_state->part = typed::kDerefState;
  its_state->children.push_back(std::move(one));
  typed::ExprPtr wanted = Node(typed::ExprKind::kConstant, state);
  wanted->number = done - task.states.begin();
  typed::ExprPtr undone = Node(typed::ExprKind::kNotEqual, Of(TypeKind::kBool));
  undone->children.push_back(std::move(its_state));
  undone->children.push_back(std::move(wanted));
  typed::ExprPtr source = Node(typed::ExprKind::kSlot, list);
  source->root = SlotRoot::kBefore;
  source->index = after;
  typed::Expr any;
  any.kind = typed::ExprKind::kQuantifier;
  any.type.type = Of(TypeKind::kBool);
  any.op = typed::QuantifierOp::kAny;
  any.children.push_back(std::move(undone));
  any.children.push_back(std::move(source));
  any.children.push_back(nullptr);
  f->BeginAside();
  const Value waits = f->Lower(any, Polarity::kRestrains);
  f->EndAside();
  return waits;
}

}  // namespace writ::lower
