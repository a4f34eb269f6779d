#include <algorithm>
#include <memory>
#include <optional>
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

// ---------------------------------------------------------------- one frame's values in another

// Slots of two functions' frames of one proposal that hold the same. Elements of lists are left out.
class SameSlots {
 public:
  SameSlots(const FrameLayout& from, const FrameLayout& to) : from_(from), to_(to) {}

  // False: what `to` wants is not all there.
  bool Copy(const Frame& had, Frame* frame) const {
    frame->Resize(to_.size_words);
    if (!to_.lists.empty()) return false;
    for (const Slot& slot : to_.slots) {
      const auto same = std::find_if(from_.slots.begin(), from_.slots.end(), [&](const Slot& other) { return Are(other, slot); });
      if (same == from_.slots.end()) return false;
      const bool two_words = slot.kind == SlotKind::kI128 || slot.kind == SlotKind::kString;
      std::copy_n(had.words() + same->offset, two_words ? 2 : 1, frame->mutable_words() + slot.offset);
    }
    return true;
  }

 private:
  bool Are(const Slot& a, const Slot& b) const {
    if (a.kind != b.kind || a.projection != b.projection || a.list.valid() || b.list.valid()) return false;
    SlotPath path = a.path;
    path.index = b.path.index;
    if (path != b.path) return false;
    if (path.root == SlotRoot::kLookup) return Are(from_.lookups[a.path.index], to_.lookups[b.path.index]);
    if (path.root == SlotRoot::kUnder) return Are(from_.unders[a.path.index], to_.unders[b.path.index]);
    return a.path.index == b.path.index;
  }
  bool Are(const Lookup& a, const Lookup& b) const {
    return a.workflow == b.workflow && !a.list.valid() && !b.list.valid() &&
           std::equal(a.key.begin(), a.key.end(), b.key.begin(), b.key.end(),
                      [this](const LookupPart& x, const LookupPart& y) { return Are(x, y); });
  }
  bool Are(const Under& a, const Under& b) const {
    return a.workflow == b.workflow && !a.list.valid() && !b.list.valid() && Are(a.low, b.low) && Are(a.high, b.high);
  }
  bool Are(const LookupPart& a, const LookupPart& b) const {
    if (a.slot.valid() != b.slot.valid()) return false;
    return a.slot.valid() ? Are(from_.slots[a.slot.value], to_.slots[b.slot.value]) : a.text == b.text;
  }

  const FrameLayout& from_;
  const FrameLayout& to_;
};

// ---------------------------------------------------------------- what was spoken

// An obligation that is spoken again; without fields where the decision's frame does not hold what they read.
struct Spoken {
  std::string type, rule;
  std::optional<std::string> fields;
  bool Is(const store::Obligation& told) const {
    return told.type == type && told.rule == rule && (!fields.has_value() || *fields == told.fields);
  }
};

std::optional<std::string> FieldsAgain(const CompiledPolicy& policy, const ConsequenceOf& of, const Obligation& obligation,
                                       const Function& decided, const Frame& frame) {
  if (!of.function.valid()) return "{}";
  const Function& values = policy.schema().functions[of.function.value];
  Frame own;
  if (!SameSlots(decided.frame, values.frame).Copy(frame, &own)) return std::nullopt;
  std::vector<int64_t> out(std::max<uint32_t>(values.output_words, 1));
  policy.Evaluate(of.function, own.words(), out.data());
  std::string fields;
  ObligationFields(policy.schema(), obligation, values, out.data(), &fields);  // what is missing is left out, as it was then
  return fields;
}

// Each that is spoken again was told, and each that was told is spoken again. Fields that the frame does not hold rest on the
// chain.
bool AreThese(const std::vector<Spoken>& again, const std::vector<store::Obligation>& told) {
  return std::all_of(again.begin(), again.end(), [&](const Spoken& spoken) {
           return std::any_of(told.begin(), told.end(), [&](const store::Obligation& o) { return spoken.Is(o); });
         }) &&
         std::all_of(told.begin(), told.end(), [&](const store::Obligation& o) {
           return std::any_of(again.begin(), again.end(), [&](const Spoken& spoken) { return spoken.Is(o); });
         });
}

// Which obligations and tasks which rules spoke, and what the obligations say. Deadlines of tasks rest on the chain.
bool SpokeThese(const CompiledPolicy& policy, const std::vector<const ConsequenceOf*>& speaking, const Function& decided,
                const Frame& frame, const store::Decision& then) {
  const Schema& schema = policy.schema();
  std::vector<Spoken> again;
  std::set<std::pair<std::string, std::string>> tasks_again, tasks_before;
  for (const ConsequenceOf* of : speaking) {
    const Rule& rule = schema.rules[of->rule.value];
    const ObligationId obligation = rule.then[of->index].obligation;
    if (!obligation.valid()) {
      tasks_again.emplace(rule.then[of->index].task, rule.qualified);
      continue;
    }
    const Obligation& told = schema.obligations[obligation.value];
    again.push_back({told.qualified, rule.qualified, FieldsAgain(policy, *of, told, decided, frame)});
  }
  for (const store::OpenedTask& task : then.tasks) {
    if (!IsOfPlan(schema, task.rule)) tasks_before.emplace(task.name, task.rule);
  }
  return AreThese(again, then.obligations) && tasks_again == tasks_before;
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
  if (!SpokeThese(policy, speaking, *function, frame, then)) return Redecided::kDifferent;
  NoteIncomplete(schema, speaking, then, &again);
  const bool same = again.outcome == then.outcome && again.reasons == then.reasons && again.excused == then.excused &&
                    again.indeterminate == then.indeterminate;
  return same ? Redecided::kSame : Redecided::kDifferent;
}

}  // namespace writ
