#include <algorithm>
#include <memory>

#include "runtime/frame/frame.h"
#include "runtime/orchestrator/decision_names.h"
#include "runtime/orchestrator/orchestrator.h"

namespace writ {

Redecided Redecide(const store::Event& event, const CompiledPolicy& policy) {
  if (event.function.empty()) return Redecided::kNotDecided;
  const Schema& schema = policy.schema();
  auto function = std::find_if(schema.functions.begin(), schema.functions.end(),
                               [&](const Function& f) { return f.name == event.function; });
  if (function == schema.functions.end() || function->kind != FunctionKind::kDecide) return Redecided::kUnknown;
  std::vector<std::string> erasable;
  for (const store::ErasableBytes& value : event.frame_private) {
    if (value.erased) return Redecided::kErased;
    erasable.push_back(value.bytes);
  }
  Frame frame;
  if (!DecodeFrame(function->frame, event.frame, erasable, &frame).ok()) return Redecided::kUnknown;
  auto raw = std::make_unique<RawDecision>();
  policy.Decide(FunctionId(static_cast<size_t>(function - schema.functions.begin())), frame.words(), raw.get());
  store::Decision again;
  NameDecision(schema, *function, *raw, &again);
  // What the orchestrator carried out bears the clause or the rules that led to it; a fallback that would wait is denied.
  const bool carried = event.kind == store::EventKind::kConclude || event.kind == store::EventKind::kFallback ||
                       event.kind == store::EventKind::kRedecide || event.kind == store::EventKind::kTimer;
  if (carried && again.outcome == Outcome::kPermit) again.reasons = event.decision.reasons;
  if (event.kind == store::EventKind::kFallback && again.outcome != Outcome::kPermit) again.outcome = Outcome::kDeny;
  const store::Decision& then = event.decision;
  const bool same = again.outcome == then.outcome && again.reasons == then.reasons && again.excused == then.excused &&
                    again.indeterminate == then.indeterminate;
  return same ? Redecided::kSame : Redecided::kDifferent;
}

}  // namespace writ
