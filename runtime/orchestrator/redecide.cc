#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/frame/frame.h"
#include "runtime/orchestrator/consequences.h"
#include "runtime/orchestrator/decision_names.h"
#include "runtime/orchestrator/orchestrator.h"

namespace writ {
namespace {

// What a plan opens follows from the state after the event; what is planned under a task bears no rule of its own.
bool IsOfPlan(const Schema& schema, const std::string& name) {
  const auto rule = std::find_if(schema.rules.begin(), schema.rules.end(), [&](const Rule& r) { return r.qualified == name; });
  return rule == schema.rules.end() || rule->kind == RuleKind::kPlan;
}

// Which obligations and tasks which rules spoke. Values and deadlines rest on the chain: the frame of a decision does not hold
// them.
bool SpokeThese(const Schema& schema, const std::vector<const ConsequenceOf*>& speaking, const store::Decision& then) {
  std::set<std::pair<std::string, std::string>> again, before, tasks_again, tasks_before;
  for (const ConsequenceOf* of : speaking) {
    const Rule& rule = schema.rules[of->rule.value];
    const ObligationId obligation = rule.then[of->index].obligation;
    if (obligation.valid()) again.emplace(schema.obligations[obligation.value].qualified, rule.qualified);
    if (!obligation.valid()) tasks_again.emplace(rule.then[of->index].task, rule.qualified);
  }
  for (const store::Obligation& obligation : then.obligations) before.emplace(obligation.type, obligation.rule);
  for (const store::OpenedTask& task : then.tasks) {
    if (!IsOfPlan(schema, task.rule)) tasks_before.emplace(task.name, task.rule);
  }
  return again == before && tasks_again == tasks_before;
}

// A rule is listed as indeterminate, too, where a value that it tells could not be evaluated.
void NoteIncomplete(const Schema& schema, const std::vector<const ConsequenceOf*>& speaking, const store::Decision& then,
                    store::Decision* again) {
  for (const store::Indeterminate& place : then.indeterminate) {
    const bool told = std::any_of(speaking.begin(), speaking.end(), [&](const ConsequenceOf* of) {
      return of->function.valid() && schema.rules[of->rule.value].qualified == place.rule;
    });
    const bool there =
        std::find(again->indeterminate.begin(), again->indeterminate.end(), place) != again->indeterminate.end();
    if (told && !there) again->indeterminate.push_back(place);
  }
  std::sort(again->indeterminate.begin(), again->indeterminate.end());
}

bool AsksAgain(const store::Event& event, const CompiledPolicy& policy, const Function& function, const Frame& frame) {
  const Schema& schema = policy.schema();
  const Workflow& workflow = schema.workflows[function.workflow.value];
  std::vector<int64_t> out(std::max<uint32_t>(function.output_words, 1));
  policy.Evaluate(workflow.ask, frame.words(), out.data());
  for (size_t i = 0; i < workflow.asks.size(); ++i) {
    if (schema.rules[workflow.asks[i].value].qualified != event.on_behalf) continue;
    const bool fails = out[function.outputs[2 * i + 1].offset] != 0;
    return out[function.outputs[2 * i].offset] != 0 && fails == !event.decision.indeterminate.empty();
  }
  return false;
}

}  // namespace

Redecided Redecide(const store::Event& event, const CompiledPolicy& policy) {
  if (event.function.empty()) return Redecided::kNotDecided;
  const Schema& schema = policy.schema();
  auto function = std::find_if(schema.functions.begin(), schema.functions.end(),
                               [&](const Function& f) { return f.name == event.function; });
  const bool asks = event.kind == store::EventKind::kAsk;
  const FunctionKind kind = asks ? FunctionKind::kAsk : FunctionKind::kDecide;
  if (function == schema.functions.end() || function->kind != kind) return Redecided::kUnknown;
  std::vector<std::string> erasable;
  for (const store::ErasableBytes& value : event.frame_private) {
    if (value.erased) return Redecided::kErased;
    erasable.push_back(value.bytes);
  }
  Frame frame;
  if (!DecodeFrame(function->frame, event.frame, erasable, &frame).ok()) return Redecided::kUnknown;
  if (asks) return AsksAgain(event, policy, *function, frame) ? Redecided::kSame : Redecided::kDifferent;
  auto raw = std::make_unique<RawDecision>();
  policy.Decide(FunctionId(static_cast<size_t>(function - schema.functions.begin())), frame.words(), raw.get());
  store::Decision again;
  NameDecision(schema, *function, *raw, &again);
  // What the orchestrator carried out bears the clause or the rules that led to it; a fallback that would wait is denied.
  const bool carried = event.kind == store::EventKind::kConclude || event.kind == store::EventKind::kFallback ||
                       event.kind == store::EventKind::kRedecide || event.kind == store::EventKind::kTimer ||
                       event.kind == store::EventKind::kPlan;
  if (carried && again.outcome == Outcome::kPermit) again.reasons = event.decision.reasons;
  if (event.kind == store::EventKind::kFallback && again.outcome != Outcome::kPermit) again.outcome = Outcome::kDeny;
  const store::Decision& then = event.decision;
  const Transition& transition = schema.workflows[function->workflow.value].transitions[function->subject];
  const std::vector<const ConsequenceOf*> speaking = Speaking(schema, transition, *function, *raw);
  if (!SpokeThese(schema, speaking, then)) return Redecided::kDifferent;
  NoteIncomplete(schema, speaking, then, &again);
  const bool same = again.outcome == then.outcome && again.reasons == then.reasons && again.excused == then.excused &&
                    again.indeterminate == then.indeterminate;
  return same ? Redecided::kSame : Redecided::kDifferent;
}

}  // namespace writ
