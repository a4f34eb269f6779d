#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/ir/arithmetic.h"
#include "compiler/ir/ir.h"
#include "compiler/ir/verify_schema.h"
#include "runtime/decision/words.h"

namespace writ::ir {
namespace {

// A malformed program has a text too, since the text is how one looks at it: what is not there shows as #index.
template <class T>
const T* Find(const std::vector<T>& table, uint32_t index) {
  return index < table.size() ? &table[index] : nullptr;
}
std::string Numbered(uint32_t index) { return absl::StrCat("#", index); }

const char* NameOf(SlotKind kind) {
  switch (kind) {
    case SlotKind::kBool: return "bool";
    case SlotKind::kI64: return "i64";
    case SlotKind::kI128: return "i128";
    case SlotKind::kString: return "string";
  }
  return "?";
}

const char* NameOf(FunctionKind kind) {
  switch (kind) {
    case FunctionKind::kDecide: return "decide";
    case FunctionKind::kCompute: return "compute";
    case FunctionKind::kFold: return "fold";
    case FunctionKind::kConclude: return "conclude";
    case FunctionKind::kAsk: return "ask";
    case FunctionKind::kConsequence: return "consequence";
    case FunctionKind::kKey: return "key";
    case FunctionKind::kPlan: return "plan";
  }
  return "?";
}

const char* SuffixOf(Projection projection) {
  switch (projection) {
    case Projection::kValue: return "";
    case Projection::kHas: return "?";
    case Projection::kLength: return ".length";
    case Projection::kMissing: return ".missing";
    case Projection::kUpdatedAt: return ".updated_at";
  }
  return "";
}

// ---------------------------------------------------------------- paths

// Says where a slot's value comes from in the words of the schema: `after.customer.name`, `seat_spoken(review, CFO)`.
class PathPrinter {
 public:
  PathPrinter(const Schema& schema, FunctionId id)
      : schema_(schema), function_(schema.functions[id.value]),
        workflow_(Find(schema.workflows, function_.workflow.value)), cells_(CellsOf(schema, id)) {}

  std::string Print(const SlotPath& path, ListId list) const { return Follow(path, list).text; }
  const Workflow* InstanceAt(const SlotPath& path, ListId list) const { return InstanceOf(Follow(path, list)); }

  static const Workflow* CellsOf(const Schema& schema, FunctionId id) {
    const WorkflowId fact = KeyedFactOf(schema, id);
    return Find(schema.workflows, fact.valid() ? fact.value : schema.functions[id.value].workflow.value);
  }

 private:
  // What a path has reached: its text so far, and the type or the instance there.
  struct Place {
    std::string text;
    TypeId type;
    const Workflow* instance = nullptr;
  };

  Place Follow(const SlotPath& path, ListId list) const {
    Place place = Root(path, list);
    for (const PathStep& step : path.steps) Take(step, &place);
    return place;
  }

  Place Root(const SlotPath& path, ListId list) const {
    switch (path.root) {
      case SlotRoot::kBefore: return FieldOf("before.", WorkflowFields(), path.index);
      case SlotRoot::kAfter: return FieldOf("after.", WorkflowFields(), path.index);
      case SlotRoot::kPayload: return FieldOf("payload.", Payload(), path.index);
      case SlotRoot::kThisKey: return {"this", TypeId(), workflow_};
      case SlotRoot::kElement: return {"element", ElementType(list), nullptr};
      case SlotRoot::kLookup: return LookupRoot(path.index);
      case SlotRoot::kActorField: return FieldOf("actor.", AgentFields(), path.index);
      default: return {Fact(path), TypeId(), nullptr};
    }
  }

  const std::vector<Field>* WorkflowFields() const { return workflow_ != nullptr ? &workflow_->fields : nullptr; }

  const std::vector<Field>* AgentFields() const {
    for (const Workflow& workflow : schema_.workflows) {
      if (workflow.attributes_from != UINT32_MAX) return &workflow.fields;
    }
    return nullptr;
  }

  const std::vector<Field>* Payload() const {
    if (workflow_ == nullptr || function_.kind == FunctionKind::kConclude || function_.kind == FunctionKind::kAsk ||
        function_.kind == FunctionKind::kPlan) {
      return nullptr;
    }
    const Transition* transition = Find(workflow_->transitions, function_.subject);
    return transition != nullptr ? &transition->payload : nullptr;
  }

  static Place FieldOf(std::string prefix, const std::vector<Field>* fields, uint32_t index) {
    const Field* field = fields != nullptr ? Find(*fields, index) : nullptr;
    if (field == nullptr) return {prefix + Numbered(index), TypeId(), nullptr};
    return {prefix + field->name, field->type, nullptr};
  }

  Place LookupRoot(uint32_t index) const {
    const Lookup* lookup = Find(function_.frame.lookups, index);
    const Workflow* workflow = lookup != nullptr ? Find(schema_.workflows, lookup->workflow.value) : nullptr;
    const std::string name = workflow != nullptr ? workflow->name : "?";
    return {absl::StrCat(name, "[lookup ", index, "]"), TypeId(), workflow};
  }

  // Lists stand after their parents, so that this ends.
  TypeId ElementType(ListId list) const {
    const FrameList* frame_list = Find(function_.frame.lists, list.value);
    if (frame_list == nullptr) return TypeId();
    if (frame_list->parent.valid() && frame_list->parent.value >= list.value) return TypeId();
    const Type* type = Find(schema_.types, Follow(frame_list->path, frame_list->parent).type.value);
    return type != nullptr ? type->element : TypeId();
  }

  const Workflow* InstanceOf(const Place& place) const {
    const Type* type = Find(schema_.types, place.type.value);
    if (type != nullptr && type->kind == TypeKind::kReference) return Find(schema_.workflows, type->index);
    return place.instance;
  }

  void Take(const PathStep& step, Place* place) const {
    const Type* type = Find(schema_.types, place->type.value);
    const Workflow* instance = InstanceOf(*place);
    const std::string so_far = place->text + ".";
    switch (step.kind) {
      case PathStep::Kind::kMember: {
        const bool record = type != nullptr && type->kind == TypeKind::kRecord;
        const Record* found = record ? Find(schema_.records, type->index) : nullptr;
        *place = FieldOf(so_far, found != nullptr ? &found->members : nullptr, step.index);
        break;
      }
      case PathStep::Kind::kField:
        *place = FieldOf(so_far, instance != nullptr ? &instance->fields : nullptr, step.index);
        break;
      case PathStep::Kind::kKeyPart:
        *place = FieldOf(so_far + "key.", instance != nullptr ? &instance->key : nullptr, step.index);
        break;
      case PathStep::Kind::kState: *place = {so_far + "state", TypeId(), nullptr}; break;
      case PathStep::Kind::kCell:
        *place = {absl::StrCat(so_far, "cell(", CellName(instance, step.index), ")"), TypeId(), nullptr};
        break;
      case PathStep::Kind::kWindowCount:
      case PathStep::Kind::kWindowSum:
      case PathStep::Kind::kWindowMin:
      case PathStep::Kind::kWindowMax:
      case PathStep::Kind::kWindowOverflow:
        *place = {absl::StrCat(so_far, WindowWord(step.kind), "(", WindowName(instance, step.index), ")"), TypeId(),
                  nullptr};
        break;
    }
  }

  static const char* WindowWord(PathStep::Kind kind) {
    switch (kind) {
      case PathStep::Kind::kWindowCount: return "window_count";
      case PathStep::Kind::kWindowSum: return "window_sum";
      case PathStep::Kind::kWindowMin: return "window_min";
      case PathStep::Kind::kWindowMax: return "window_max";
      default: return "window_overflow";
    }
  }
  static std::string CellName(const Workflow* workflow, uint32_t index) {
    const Cell* cell = workflow != nullptr ? Find(workflow->cells, index) : nullptr;
    return cell != nullptr ? cell->name : Numbered(index);
  }
  static std::string WindowName(const Workflow* workflow, uint32_t index) {
    const Window* window = workflow != nullptr ? Find(workflow->windows, index) : nullptr;
    return window != nullptr ? window->name : Numbered(index);
  }
  std::string ReviewName(uint32_t index) const {
    const Review* review = workflow_ != nullptr ? Find(workflow_->reviews, index) : nullptr;
    const State* state = review != nullptr ? Find(workflow_->states, review->state.value) : nullptr;
    return state != nullptr ? state->name : Numbered(index);
  }
  std::string SeatName(const SlotPath& path) const {
    const Review* review = workflow_ != nullptr ? Find(workflow_->reviews, path.index) : nullptr;
    const Seat* seat = review != nullptr ? Find(review->seats, path.part) : nullptr;
    const std::string role = seat != nullptr ? RoleName(seat->role.value) : Numbered(path.part);
    return absl::StrCat(ReviewName(path.index), ", ", role);
  }
  std::string RoleName(uint32_t index) const {
    const Role* role = Find(schema_.roles, index);
    return role != nullptr ? role->qualified : Numbered(index);
  }
  std::string RuleName(uint32_t index) const {
    const Rule* rule = Find(schema_.rules, index);
    return rule != nullptr ? rule->qualified : Numbered(index);
  }

  std::string Fact(const SlotPath& path) const {
    const uint32_t i = path.index;
    switch (path.root) {
      case SlotRoot::kNow: return "now";
      case SlotRoot::kPosition: return "position";
      case SlotRoot::kState: return "state";
      case SlotRoot::kActorId: return "actor";
      case SlotRoot::kActorPrincipal: return "actor.principal";
      case SlotRoot::kActorRole: return "actor.role";
      case SlotRoot::kActorIsHuman: return "actor.is_human";
      case SlotRoot::kActorIsActive: return "actor.is_active";
      case SlotRoot::kActorIsOrchestrator: return "actor.is_orchestrator";
      case SlotRoot::kHoldsRole: return absl::StrCat("actor.holds(", RoleName(i), ")");
      case SlotRoot::kSeen: return "seen";
      case SlotRoot::kLastChange: return "last_change";
      case SlotRoot::kDuplicate: return "duplicate";
      case SlotRoot::kCell: return absl::StrCat("cell(", CellName(cells_, i), ")");
      case SlotRoot::kWindowCount: return absl::StrCat("window_count(", WindowName(cells_, i), ")");
      case SlotRoot::kWindowSum: return absl::StrCat("window_sum(", WindowName(cells_, i), ")");
      case SlotRoot::kWindowMin: return absl::StrCat("window_min(", WindowName(cells_, i), ")");
      case SlotRoot::kWindowMax: return absl::StrCat("window_max(", WindowName(cells_, i), ")");
      case SlotRoot::kWindowOverflow: return absl::StrCat("window_overflow(", WindowName(cells_, i), ")");
      case SlotRoot::kReviewOutcome: return absl::StrCat("review_outcome(", ReviewName(i), ")");
      case SlotRoot::kSeatSpoken: return absl::StrCat("seat_spoken(", SeatName(path), ")");
      case SlotRoot::kSeatVotes: return absl::StrCat("seat_votes(", SeatName(path), ", ", path.part2, ")");
      case SlotRoot::kSeatTaken: return absl::StrCat("seat_taken(", SeatName(path), ")");
      case SlotRoot::kApproved: return absl::StrCat("approved(", RuleName(i), ")");
      case SlotRoot::kQuestionState: return "question.state";
      case SlotRoot::kQuestionSelf: return "question.self";
      case SlotRoot::kQuestionCovered: return "question.covered";
      case SlotRoot::kUnder: return absl::StrCat("under ", i);
      case SlotRoot::kConsenting: return "consenting";
      case SlotRoot::kGrantRole: return "grant.role";
      case SlotRoot::kGrantHolds: return "grant.holds";
      case SlotRoot::kGrantMost: return absl::StrCat("grant.most(", Numbered(i), ")");
      case SlotRoot::kGrantTask:
        return absl::StrCat("grant.task(", i < function_.frame.grant_tasks.size() ? function_.frame.grant_tasks[i] : "?", ")");
      case SlotRoot::kGives: return "gives";
      default: return absl::StrCat("root ", static_cast<int>(path.root), "(", i, ")");
    }
  }

  const Schema& schema_;
  const Function& function_;
  const Workflow* const workflow_;
  const Workflow* const cells_;  // in whose cells and windows a fold keeps what it counts
};

}  // namespace

const Workflow* InstanceBeforeLast(const Schema& schema, FunctionId id, SlotPath path, ListId list) {
  if (path.steps.empty()) return nullptr;
  path.steps.pop_back();
  return PathPrinter(schema, id).InstanceAt(path, list);
}

namespace {

// ---------------------------------------------------------------- functions

class FunctionPrinter {
 public:
  FunctionPrinter(const Program& program, FunctionId id)
      : program_(program), function_(program.schema.functions[id.value]), code_(Find(program.code, id.value)),
        paths_(program.schema, id), cells_(PathPrinter::CellsOf(program.schema, id)) {}

  std::string Print() && {
    Line("function ", function_.name, " ", NameOf(function_.kind), " frame ", function_.frame.size_words, " words");
    PrintLayout();
    if (code_ == nullptr) return std::move(text_);
    size_t depth = 1;
    for (size_t i = 0; i < code_->exprs.size(); ++i) {
      const Op op = code_->exprs[i].op;
      if (op == Op::kLoopEnd && depth > 1) --depth;
      Line(std::string(2 * depth, ' '), ExprText(i));
      if (op == Op::kLoopBegin) ++depth;
    }
    PrintGuards();
    PrintOutputs();
    return std::move(text_);
  }

 private:
  template <class... Parts>
  void Line(const Parts&... parts) {
    absl::StrAppend(&text_, parts..., "\n");
  }

  void PrintLayout() {
    const FrameLayout& frame = function_.frame;
    for (size_t i = 0; i < frame.lists.size(); ++i) {
      const FrameList& list = frame.lists[i];
      Line("  list l", i, " @", list.offset, OfList(list.parent), " max ", list.capacity, " stride ", list.stride, " ",
           paths_.Print(list.path, list.parent));
    }
    for (size_t i = 0; i < frame.lookups.size(); ++i) PrintLookup(i);
    for (size_t i = 0; i < frame.unders.size(); ++i) PrintUnder(i);
    for (size_t i = 0; i < frame.slots.size(); ++i) {
      const Slot& slot = frame.slots[i];
      Line("  s", i, " ", NameOf(slot.kind), " @", slot.offset, OfList(slot.list), " ",
           paths_.Print(slot.path, slot.list), SuffixOf(slot.projection), slot.erasable ? " erasable" : "");
    }
  }

  static std::string OfList(ListId list) { return list.valid() ? absl::StrCat(" of l", list.value) : ""; }

  void PrintLookup(size_t index) {
    const Lookup& lookup = function_.frame.lookups[index];
    const Workflow* workflow = Find(program_.schema.workflows, lookup.workflow.value);
    const std::string key = absl::StrJoin(lookup.key, ", ", [](std::string* out, const LookupPart& part) {
      if (part.slot.valid()) absl::StrAppend(out, "s", part.slot.value);
      if (!part.slot.valid()) absl::StrAppend(out, Quoted(part.text));
    });
    Line("  lookup ", index, OfList(lookup.list), " ", workflow != nullptr ? workflow->qualified : "?", "[", key, "]");
  }

  void PrintUnder(size_t index) {
    const Under& under = function_.frame.unders[index];
    const Workflow* workflow = Find(program_.schema.workflows, under.workflow.value);
    const auto side = [](const LookupPart& part) {
      return part.slot.valid() ? absl::StrCat("s", part.slot.value) : Quoted(part.text);
    };
    Line("  under ", index, OfList(under.list), " ", workflow != nullptr ? workflow->qualified : "?", " ", side(under.low),
         " ", side(under.high));
  }

  static std::string Quoted(const std::string& text) { return absl::StrCat("\"", absl::CHexEscape(text), "\""); }

  std::string ExprText(size_t index) const {
    const Expr& e = code_->exprs[index];
    if (static_cast<int>(e.op) >= kOpCount) return absl::StrCat("%", index, " = ?");
    const OpInfo& info = InfoOf(e.op);
    std::string text = absl::StrCat("%", index, " = ", info.name);
    if (info.result == ValueType::kVoid) text = info.name;
    for (int k = 0; k < 3; ++k) absl::StrAppend(&text, OperandText(info.operands[k], OperandAt(e, k)));
    const bool given = (IsSlot(e.op) || IsElement(e.op)) && e.type == ValueType::kNum && index < code_->ranges.size();
    if (e.op == Op::kLoopBegin && e.a < code_->loops.size()) {
      absl::StrAppend(&text, " over l", code_->loops[e.a].list.value);
    }
    if (given) absl::StrAppend(&text, " in ", RangeText(code_->ranges[index]));
    return text;
  }

  static std::string RangeText(const Range& range) {
    return absl::StrCat(NumToText(range.low), "..", NumToText(range.high));
  }

  std::string OperandText(Operand kind, uint32_t operand) const {
    switch (kind) {
      case Operand::kNone: return "";
      case Operand::kBool:
      case Operand::kNum:
      case Operand::kStr: return absl::StrCat(" %", operand);
      case Operand::kSlot: return absl::StrCat(" s", operand);
      case Operand::kLoop: return absl::StrCat(" loop", operand);
      case Operand::kFlag: return operand != 0 ? " true" : " false";
      case Operand::kSteps: return absl::StrCat(" steps", operand);
      case Operand::kAutomaton: return absl::StrCat(" automaton", operand);
      case Operand::kConst: {
        const Num* number = Find(program_.numbers, operand);
        return number != nullptr ? " " + NumToText(*number) : " ?";
      }
      case Operand::kText: {
        const std::string* text = Find(program_.strings, operand);
        return text != nullptr ? " " + Quoted(*text) : " ?";
      }
    }
    return "";
  }

  std::string RuleName(RuleId id) const {
    const Rule* rule = Find(program_.schema.rules, id.value);
    return rule != nullptr ? rule->qualified : Numbered(id.value);
  }

  static std::string GuardText(const std::vector<Guard>& guards, size_t index) {
    if (index >= guards.size()) return "";
    return absl::StrCat(" applies %", guards[index].applies.value, " fails %", guards[index].fails.value);
  }

  void PrintGuards() {
    for (size_t i = 0; i < function_.restraints.size(); ++i) {
      const Restraint& restraint = function_.restraints[i];
      Line("  ", restraint.gate ? "gate " : "", Word(restraint.effect), " ", RuleName(restraint.rule),
           GuardText(code_->restraints, i));
    }
    for (size_t i = 0; i < function_.allows.size(); ++i) {
      const Allow& allow = function_.allows[i];
      Line("  allow ", RuleName(allow.rule), GuardText(code_->allows, i), " excuses", ExcusedText(allow));
    }
  }

  std::string ExcusedText(const Allow& allow) const {
    std::string text;
    for (size_t i = 0; i < function_.restraints.size() && i / 64 < allow.excuses.size(); ++i) {
      const bool excused = (allow.excuses[i / 64] >> (i % 64) & 1) != 0;
      if (excused) absl::StrAppend(&text, " ", RuleName(function_.restraints[i].rule));
    }
    return text;
  }

  void PrintOutputs() {
    for (size_t i = 0; i < function_.outputs.size() && i < code_->outputs.size(); ++i) {
      const OutputSlot& output = function_.outputs[i];
      Line("  output ", i, " ", NameOf(output.kind), " @", output.offset, " %", code_->outputs[i].value);
    }
    for (const FoldTarget& target : function_.fold) {
      const std::string condition = target.when != UINT32_MAX ? absl::StrCat(" when output ", target.when) : "";
      Line("  store ", target.is_window ? "window " : "cell ", TargetName(target), " output ", target.value, condition);
    }
  }

  std::string TargetName(const FoldTarget& target) const {
    if (cells_ == nullptr) return Numbered(target.index);
    const Window* window = Find(cells_->windows, target.index);
    const Cell* cell = Find(cells_->cells, target.index);
    if (target.is_window) return window != nullptr ? window->name : Numbered(target.index);
    return cell != nullptr ? cell->name : Numbered(target.index);
  }

  const Program& program_;
  const Function& function_;
  const Code* const code_;
  const PathPrinter paths_;
  const Workflow* const cells_;
  std::string text_;
};

std::string TextOf(const StepTable& table, size_t index) {
  std::string text = absl::StrCat("steps", index);
  for (const Step& step : table.steps) absl::StrAppend(&text, " ", step.from, ":", step.value);
  return text + "\n";
}

// A line a state: where each class of bytes leads. Classes are told by the bytes at which they change.
std::string TextOf(const Automaton& automaton, size_t index) {
  std::string text = absl::StrCat("automaton", index, " bytes");
  for (size_t byte = 0; byte < automaton.class_of.size(); ++byte) {
    if (byte > 0 && automaton.class_of[byte] == automaton.class_of[byte - 1]) continue;
    absl::StrAppend(&text, " ", byte, ":", automaton.class_of[byte]);
  }
  text += "\n";
  for (size_t state = 0; state < automaton.accepts.size(); ++state) {
    absl::StrAppend(&text, "  ", state, automaton.accepts[state] != 0 ? " accepts" : "");
    for (size_t k = 0; k < automaton.class_count; ++k) {
      const uint16_t* next = Find(automaton.next, static_cast<uint32_t>(state * automaton.class_count + k));
      absl::StrAppend(&text, " ", next != nullptr ? absl::StrCat(*next) : "?");
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string ToText(const Program& program) {
  std::string text;
  for (size_t i = 0; i < program.schema.functions.size(); ++i) {
    if (i > 0) text.push_back('\n');
    text += ToText(program, FunctionId(i));
  }
  for (size_t i = 0; i < program.steps.size(); ++i) absl::StrAppend(&text, "\n", TextOf(program.steps[i], i));
  for (size_t i = 0; i < program.automata.size(); ++i) absl::StrAppend(&text, "\n", TextOf(program.automata[i], i));
  return text;
}

std::string ToText(const Program& program, FunctionId function) { return FunctionPrinter(program, function).Print(); }

}  // namespace writ::ir
