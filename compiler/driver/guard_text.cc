#include "compiler/driver/guard_text.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/ir/arithmetic.h"
#include "compiler/ir/verify_schema.h"
#include "compiler/lower/tables.h"
#include "compiler/typed/expr.h"
#include "runtime/builtins/check.h"
#include "runtime/frame/frame.h"

namespace writ::driver {
namespace {

constexpr int kDepthMax = 24;

bool IsSlotOrElement(ir::Op op) { return ir::IsSlot(op) || ir::IsElement(op); }

std::string Quoted(std::string_view text) {
  return absl::StrCat("\"", absl::string_view(text.data(), text.size()), "\"");
}

// What lower/ keeps of a fact is named by the author's words and a part: "count(amend).count".
struct KeptPart {
  std::string fact, part;
  explicit KeptPart(const std::string& name) : fact(name.substr(0, name.rfind('.'))), part(name.substr(fact.size())) {}
};

const Workflow& AgentOf(const Schema& schema) {
  return *std::find_if(schema.workflows.begin(), schema.workflows.end(),
                       [](const Workflow& w) { return w.attributes_from != UINT32_MAX; });
}

bool IsYesOrNo(const std::string& fact) { return fact.rfind("happened(", 0) == 0 || fact.rfind("refused(", 0) == 0; }

std::string CellText(const std::string& name) {
  const KeptPart kept(name);
  if (kept.part == ".unknown") return kept.fact + " could not be evaluated";
  if (kept.part == ".time") return "the time of " + kept.fact;
  return kept.part == ".has" && !IsYesOrNo(kept.fact) ? "has " + kept.fact : kept.fact;
}

}  // namespace

// What a number means.
struct GuardText::Shape {
  enum class Kind : uint8_t { kPlain, kTyped, kState, kRole, kClause, kSeen, kQuestion } kind = Kind::kPlain;
  Type type;
  uint32_t index = 0;  // kClause: review; kState: workflow
};

GuardText::GuardText(const ir::Program& program, FunctionId function, const int64_t* frame,
                     const std::vector<eval::Value>& values)
    : program_(program),
      function_(program.schema.functions[function.value]),
      code_(program.code[function.value]),
      workflow_(program.schema.workflows[function_.workflow.value]),
      frame_(frame),
      values_(values) {}

std::string GuardText::Condition(ir::ExprId id) const {
  std::string text = Text(id.value, nullptr, 0);
  if (text.size() <= kGuardTextBytesMax) return text;
  size_t end = kGuardTextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

bool GuardText::IsRangeCheck(ir::ExprId id) const {
  const ir::Expr& expr = code_.exprs[id.value];
  if (expr.op == ir::Op::kAnd) return IsRangeCheck(ir::ExprId(expr.a)) && IsRangeCheck(ir::ExprId(expr.b));
  if (expr.op != ir::Op::kLeNum) return false;
  const auto is_end = [&](uint32_t operand) {
    const ir::Expr& constant = code_.exprs[operand];
    if (constant.op != ir::Op::kConstNum) return false;
    const Num number = program_.numbers[constant.a];
    return number == INT64_MIN || number == INT64_MAX;
  };
  return is_end(expr.a) || is_end(expr.b);
}

// happened(… within D) is kept as whether and when: (has and now - time < D).
bool GuardText::WithinParts(uint32_t id, uint32_t* has, uint32_t* inside) const {
  const ir::Expr& both = code_.exprs[id];
  if (both.op != ir::Op::kAnd) return false;
  const auto fact = [&](uint32_t expr, const char* part) {
    const ir::Expr& slot = code_.exprs[expr];
    if (slot.op != ir::Op::kSlotBool && slot.op != ir::Op::kSlotNum) return std::string();
    const SlotPath& path = function_.frame.slots[slot.a].path;
    if (ByKey(path) && path.steps[0].kind == PathStep::Kind::kCell) {
      const KeptPart kept(LookedUp(path).cells[path.steps[0].index].name);
      return kept.part == part ? KeyedText(path) : std::string();
    }
    if (OfAnother(path) && path.steps.back().kind == PathStep::Kind::kCell) {
      const ListId list = function_.frame.slots[slot.a].list;
      const KeptPart kept(Keeping(path, list).cells[path.steps.back().index].name);
      return kept.part == part ? OfInstance(kept.fact, path, list) : std::string();
    }
    if (path.root != SlotRoot::kCell) return std::string();
    const KeptPart kept(workflow_.cells[path.index].name);
    return kept.part == part ? kept.fact : std::string();
  };
  for (const auto& [first, second] : {std::pair(both.a, both.b), std::pair(both.b, both.a)}) {
    const ir::Expr& less = code_.exprs[second];
    if (less.op != ir::Op::kLtNum || code_.exprs[less.a].op != ir::Op::kSub) continue;
    const std::string kept = fact(first, ".has");
    if (kept.empty() || kept != fact(code_.exprs[less.a].b, ".time")) continue;
    *has = first;
    *inside = second;
    return true;
  }
  return false;
}

bool GuardText::IsWithin(ir::ExprId id) const {
  uint32_t has = 0, inside = 0;
  return WithinParts(id.value, &has, &inside);
}

// "Compliance says reject": at least one of this round's verdicts of the role says so.
std::string GuardText::SaysText(const ir::Expr& expr) const {
  if (expr.op != ir::Op::kLeNum) return "";
  const ir::Expr& one = code_.exprs[expr.a];
  const ir::Expr& votes = code_.exprs[expr.b];
  if (one.op != ir::Op::kConstNum || program_.numbers[one.a] != 1 || votes.op != ir::Op::kSlotNum) return "";
  const SlotPath& path = function_.frame.slots[votes.a].path;
  if (path.root != SlotRoot::kSeatVotes) return "";
  const Schema& schema = program_.schema;
  const Review& review = workflow_.reviews[path.index];
  const Field& stance = workflow_.transitions[review.verdict.value].payload[review.stance.value];
  return absl::StrCat(schema.roles[review.seats[path.part].role.value].name, " says ",
                      schema.enums[schema.types[stance.type.value].index].members[path.part2].name);
}

std::vector<std::string> GuardText::Values(ir::ExprId id) const {
  if (!SaysText(code_.exprs[id.value]).empty()) return {};
  uint32_t has = 0, inside = 0;
  if (WithinParts(id.value, &has, &inside)) {
    // Where it never happened there is no time to tell.
    return values_[has].boolean ? Values(ir::ExprId(inside)) : std::vector<std::string>();
  }
  if (code_.exprs[id.value].op == ir::Op::kSlotBool) return {};  // the condition's own value says it
  std::vector<uint32_t> exprs;
  CollectSlots(id.value, &exprs, 0);
  std::vector<std::string> texts;
  for (uint32_t expr : exprs) {
    const ir::Expr& slot = code_.exprs[expr];
    const SlotPath& path = function_.frame.slots[slot.a].path;
    AddKeys(path, &texts);
    const std::string name = Slot(slot.a);
    if (slot.type == ir::ValueType::kBool && name.rfind("has ", 0) == 0) {
      // What is there shows by its value.
      if (!values_[expr].boolean) texts.push_back(name.substr(4) + " is absent");
      continue;
    }
    const bool is_absent = std::any_of(exprs.begin(), exprs.end(), [&](uint32_t other) {
      return code_.exprs[other].type == ir::ValueType::kBool && !values_[other].boolean &&
             Slot(code_.exprs[other].a) == "has " + name;
    });
    if (!is_absent) texts.push_back(absl::StrCat(name, " is ", ValueText(expr)));
  }
  AddCalendars(id.value, &texts);
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

// Of a slot.
std::string GuardText::ValueText(uint32_t expr) const {
  const ir::Expr& slot = code_.exprs[expr];
  if (slot.type == ir::ValueType::kBool) return values_[expr].boolean ? "true" : "false";
  if (slot.type == ir::ValueType::kStr) return Quoted(values_[expr].text);
  return Number(values_[expr].number, SlotShape(slot.a));
}

// Whose fact by key it was: the frame has the key, whether a condition reads it or not.
void GuardText::AddKeys(const SlotPath& path, std::vector<std::string>* texts) const {
  if (!ByKey(path)) return;
  for (const LookupPart& part : function_.frame.lookups[path.index].key) {
    if (!part.slot.valid()) continue;
    const ::writ::Slot& slot = function_.frame.slots[part.slot.value];
    if (slot.list.valid() || slot.kind == SlotKind::kBool || slot.kind == SlotKind::kI128) continue;
    const int64_t* words = frame_ + slot.offset;
    std::string value = slot.kind == SlotKind::kString
                            ? Quoted(std::string_view(reinterpret_cast<const char*>(words[0]), static_cast<size_t>(words[1])))
                            : Number(words[0], SlotShape(part.slot.value));
    texts->push_back(absl::StrCat(Slot(part.slot.value), " is ", value));
  }
}

// How many years or workdays it came to.
void GuardText::AddCalendars(uint32_t id, std::vector<std::string>* texts) const {
  const ir::Expr& expr = code_.exprs[id];
  if (expr.op != ir::Op::kLtNum && expr.op != ir::Op::kLeNum && expr.op != ir::Op::kEqNum) return;
  for (uint32_t side : {expr.a, expr.b}) {
    const std::string text = CalendarText(side, 0);
    if (text.rfind("completed years", 0) == 0 || text.rfind("workdays", 0) == 0)
      texts->push_back(absl::StrCat(text, " is ", ir::NumToText(values_[side].number)));
  }
}

void GuardText::CollectSlots(uint32_t id, std::vector<uint32_t>* exprs, int depth) const {
  const ir::Expr& expr = code_.exprs[id];
  if (depth > kDepthMax || exprs->size() > 16) return;
  if (ir::IsSlot(expr.op)) exprs->push_back(id);
  for (int i = 0; i < 3; ++i) {
    if (ir::IsExprOperand(ir::InfoOf(expr.op).operands[i])) CollectSlots(ir::OperandAt(expr, i), exprs, depth + 1);
  }
}

// ---------------------------------------------------------------- slots

std::string GuardText::Root(const SlotPath& path) const {
  const Schema& schema = program_.schema;
  const auto set_here = [&](uint32_t field) {
    if (function_.kind != FunctionKind::kDecide) return false;
    const Transition& transition = workflow_.transitions[function_.subject];
    return std::any_of(transition.sets.begin(), transition.sets.end(),
                       [&](const SetField& set) { return set.field.value == field; });
  };
  const auto seat_role = [&] { return schema.roles[workflow_.reviews[path.index].seats[path.part].role.value].name; };
  switch (path.root) {
    case SlotRoot::kBefore:
      return absl::StrCat(set_here(path.index) ? "before." : "", workflow_.fields[path.index].name);
    case SlotRoot::kAfter:
      return absl::StrCat(set_here(path.index) ? "after." : "", workflow_.fields[path.index].name);
    case SlotRoot::kPayload:
      return function_.kind == FunctionKind::kDecide ? workflow_.transitions[function_.subject].payload[path.index].name
                                                     : "payload";
    case SlotRoot::kThisKey:
    case SlotRoot::kNow:
    case SlotRoot::kState:
    case SlotRoot::kActorId:
    case SlotRoot::kActorPrincipal:
    case SlotRoot::kActorRole:
    case SlotRoot::kActorIsHuman:
      return typed::Word(path.root);
    case SlotRoot::kPosition:
      return "position";
    case SlotRoot::kActorIsActive:
      return "the actor is active";
    case SlotRoot::kActorIsOrchestrator:
      return "the actor is the orchestrator";
    case SlotRoot::kHoldsRole:
      return "the actor holds the role";
    case SlotRoot::kSeen:
      return "the position that the actor had seen";
    case SlotRoot::kLastChange:
      return "the position of the last change";
    case SlotRoot::kDuplicate:
      return "the key was used for another request";
    case SlotRoot::kCell:
      return CellText(workflow_.cells[path.index].name);
    case SlotRoot::kWindowCount: {
      const std::string& fact = workflow_.windows[path.index].name;
      return fact.rfind("count(", 0) == 0 ? fact : "the number of events of " + fact;
    }
    case SlotRoot::kWindowSum:
    case SlotRoot::kWindowMin:
    case SlotRoot::kWindowMax:
      return workflow_.windows[path.index].name;
    case SlotRoot::kWindowOverflow:
      return absl::StrCat(workflow_.windows[path.index].name, " is past its capacity");
    case SlotRoot::kReviewOutcome:
      return "the outcome of the review";
    case SlotRoot::kSeatSpoken:
      return absl::StrCat("verdicts of ", seat_role());
    case SlotRoot::kSeatVotes: {
      const Review& review = workflow_.reviews[path.index];
      const Type& stance =
          schema.types[workflow_.transitions[review.verdict.value].payload[review.stance.value].type.value];
      return absl::StrCat("votes(", seat_role(), ", ", schema.enums[stance.index].members[path.part2].name, ")");
    }
    case SlotRoot::kSeatTaken:
      return absl::StrCat("the seat of ", seat_role(), " is taken");
    case SlotRoot::kApproved:
      return absl::StrCat(schema.rules[path.index].qualified, " was approved");
    case SlotRoot::kQuestionState:
      return "the question's state";
    case SlotRoot::kQuestionSelf:
      return "the approver proposed it";
    case SlotRoot::kQuestionCovered:
      return "the approver's authority covers it";
    case SlotRoot::kElement:
      return "element";
    case SlotRoot::kLookup:
      return KeyedText(path);
    case SlotRoot::kActorField:
      return absl::StrCat("actor.", AgentOf(schema).fields[path.index].name);
    case SlotRoot::kUnder: {
      const Under& under = function_.frame.unders[path.index];
      const auto side = [&](const LookupPart& part) {
        return part.slot.valid() ? Slot(part.slot.value) : Quoted(part.text);
      };
      return absl::StrCat(side(under.low), " under ", side(under.high));
    }
    case SlotRoot::kConsenting:
      return "the approver consents";
    case SlotRoot::kGrantRole:
      return "the granting role";
    case SlotRoot::kGrantHolds:
      return "the grant is in force and covers this";
    case SlotRoot::kGrantMost:
      return absl::StrCat("the grant's limit on ", workflow_.fields[path.index].name);
    case SlotRoot::kGrantTask:
      return absl::StrCat("granted under ", function_.frame.grant_tasks[path.index]);
    case SlotRoot::kGives:
      return "who gives holds what is given";
  }
  return "?";
}

bool GuardText::ByKey(const SlotPath& path) const {
  return path.root == SlotRoot::kLookup && path.steps.size() == 1 && LookedUp(path).is_fact;
}

bool GuardText::OfAnother(const SlotPath& path) {
  return !path.steps.empty() && path.steps.back().kind >= PathStep::Kind::kCell;
}

const Workflow& GuardText::LookedUp(const SlotPath& path) const {
  return program_.schema.workflows[function_.frame.lookups[path.index].workflow.value];
}

// Whose cells and windows the path's last step reads.
const Workflow& GuardText::Keeping(const SlotPath& path, ListId list) const {
  const FunctionId id(static_cast<size_t>(&function_ - program_.schema.functions.data()));
  const Workflow* keeps = ir::InstanceBeforeLast(program_.schema, id, path, list);
  WRIT_CHECK(keeps != nullptr);  // ir::Verify
  return *keeps;
}

// "exposure[customer]", and of a record "Interaction[drug, each of patient.takes.name]"
std::string GuardText::KeyedText(const SlotPath& path) const {
  std::string text = LookedUp(path).name;
  const std::vector<LookupPart>& key = function_.frame.lookups[path.index].key;
  for (size_t i = 0; i < key.size(); ++i)
    absl::StrAppend(&text, i == 0 ? "[" : ", ", key[i].slot.valid() ? Slot(key[i].slot.value) : Quoted(key[i].text));
  return key.empty() ? text : text + "]";
}

// "happened(cancel) of each of recipient.reservations"
std::string GuardText::OfInstance(const std::string& fact, SlotPath path, ListId list) const {
  path.steps.pop_back();
  return absl::StrCat(fact, " of ", PathText(path, list));
}

std::string GuardText::FactOfAnother(const SlotPath& path, ListId list) const {
  const PathStep& step = path.steps.back();
  const Workflow& keeps = Keeping(path, list);
  const bool by_key = ByKey(path);
  const auto called = [&](const std::string& fact) { return by_key ? KeyedText(path) : OfInstance(fact, path, list); };
  if (step.kind == PathStep::Kind::kCell) {
    const KeptPart kept(keeps.cells[step.index].name);
    const std::string fact = called(kept.fact);
    if (kept.part == ".unknown") return fact + " could not be evaluated";
    if (kept.part == ".time") return "the time of " + fact;
    return kept.part == ".has" && !IsYesOrNo(kept.fact) ? "has " + fact : fact;
  }
  const std::string& window = keeps.windows[step.index].name;
  const std::string fact = called(window);
  if (step.kind == PathStep::Kind::kWindowOverflow) return fact + " is past its capacity";
  const bool counts = step.kind == PathStep::Kind::kWindowCount && window.rfind("count(", 0) != 0;
  return counts ? "the number of events of " + fact : fact;
}

std::string GuardText::PathText(const SlotPath& path, ListId list) const {
  std::string text;
  if (path.root == SlotRoot::kElement && list.valid()) {
    const FrameList& of = function_.frame.lists[list.value];
    text = of.path.root == SlotRoot::kElement ? "element" : absl::StrCat("each of ", PathText(of.path, of.parent));
  } else {
    text = Root(path);
  }
  const Schema& schema = program_.schema;
  SlotPath prefix = path;
  for (size_t i = 0; i < path.steps.size(); ++i) {
    const PathStep& step = path.steps[i];
    std::string name = "member";
    // The name needs the type of what stands before it.
    prefix.steps.assign(path.steps.begin(), path.steps.begin() + static_cast<long>(i));
    const Shape before = ShapeOfPath(prefix, list);
    if (before.kind == Shape::Kind::kTyped && before.type.kind == TypeKind::kRecord)
      name = schema.records[before.type.index].members[step.index].name;
    if (before.kind == Shape::Kind::kTyped && before.type.kind == TypeKind::kReference) {
      const Workflow& target = schema.workflows[before.type.index];
      name = step.kind == PathStep::Kind::kState   ? "state"
             : step.kind == PathStep::Kind::kField ? target.fields[step.index].name
                                                   : target.key[step.index].name;
    }
    absl::StrAppend(&text, ".", name);
  }
  return text;
}

std::string GuardText::Slot(uint32_t slot_number) const {
  const ::writ::Slot& slot = function_.frame.slots[slot_number];
  if (OfAnother(slot.path)) return FactOfAnother(slot.path, slot.list);
  const std::string text = PathText(slot.path, slot.list);
  switch (slot.projection) {
    case Projection::kValue:
      return text;
    case Projection::kHas:
      return absl::StrCat("has ", text);
    case Projection::kLength:
      return absl::StrCat("count(", text, ")");
    case Projection::kMissing:
      return absl::StrCat(text, " names nothing");
    case Projection::kUpdatedAt:
      return absl::StrCat("the time of the last set of ", text);
  }
  return text;
}

// The type of what is kept is not in the schema, but what it is of may be: "sum(amount for pay).sum", "last(pay).amount.value".
GuardText::Shape GuardText::ShapeOfFact(const std::string& name, const Workflow& keeps) const {
  const KeptPart kept(name);
  Shape shape;
  const auto typed = [&](const Type& type) { shape.kind = Shape::Kind::kTyped, shape.type = type; };
  Type time;
  time.kind = TypeKind::kTime;
  if (kept.part == ".time" || kept.fact.rfind("time of ", 0) == 0) typed(time);
  if (kept.part == ".time" || kept.part == ".count" || kept.part == ".has") return shape;
  const size_t open = kept.fact.find('('), end = kept.fact.find(" for ");
  const size_t last = kept.fact.rfind(").");
  const std::string of = last != std::string::npos                              ? kept.fact.substr(last + 2)
                         : open != std::string::npos && end != std::string::npos ? kept.fact.substr(open + 1, end - open - 1)
                                                                                 : "";
  const auto look = [&](const std::vector<Field>& fields) {
    for (const Field& field : fields) {
      if (field.name == of) typed(program_.schema.types[field.type.value]);
    }
  };
  if (!keeps.is_fact) {
    for (const Transition& transition : keeps.transitions) look(transition.payload);
    look(keeps.fields);
    return shape;
  }
  for (const Workflow& workflow : program_.schema.workflows) {
    for (const Transition& transition : workflow.transitions) {
      const bool moves = std::any_of(transition.keyed.begin(), transition.keyed.end(),
                                     [&](const KeyedFold& fold) {
                                       return &program_.schema.workflows[fold.fact.value] == &keeps;
                                     });
      if (!moves) continue;
      look(workflow.fields);
      look(transition.payload);
    }
  }
  return shape;
}

GuardText::Shape GuardText::ShapeOfStep(const PathStep& step, const Workflow& keeps) const {
  if (step.kind == PathStep::Kind::kCell) return ShapeOfFact(keeps.cells[step.index].name, keeps);
  const bool is_count = step.kind == PathStep::Kind::kWindowCount || step.kind == PathStep::Kind::kWindowOverflow;
  return is_count ? Shape() : ShapeOfFact(keeps.windows[step.index].name + ".value", keeps);
}

GuardText::Shape GuardText::ShapeOfPath(const SlotPath& path, ListId list) const {
  const Schema& schema = program_.schema;
  Shape shape;
  const auto typed = [&](TypeId type) { shape.kind = Shape::Kind::kTyped, shape.type = schema.types[type.value]; };
  switch (path.root) {
    case SlotRoot::kBefore:
    case SlotRoot::kAfter:
      typed(workflow_.fields[path.index].type);
      break;
    case SlotRoot::kPayload:
      if (function_.kind == FunctionKind::kDecide)
        typed(workflow_.transitions[function_.subject].payload[path.index].type);
      break;
    case SlotRoot::kActorField:
      typed(AgentOf(schema).fields[path.index].type);
      break;
    case SlotRoot::kNow:
      shape.kind = Shape::Kind::kTyped, shape.type.kind = TypeKind::kTime;
      break;
    case SlotRoot::kState:
      shape.kind = Shape::Kind::kState, shape.index = function_.workflow.value;
      break;
    case SlotRoot::kCell:
      shape = ShapeOfFact(workflow_.cells[path.index].name, workflow_);
      break;
    case SlotRoot::kWindowSum:
    case SlotRoot::kWindowMin:
    case SlotRoot::kWindowMax:
      shape = ShapeOfFact(workflow_.windows[path.index].name + ".value", workflow_);
      break;
    case SlotRoot::kActorRole:
    case SlotRoot::kGrantRole:
      shape.kind = Shape::Kind::kRole;
      break;
    case SlotRoot::kGrantMost:
      typed(workflow_.fields[path.index].type);
      break;
    case SlotRoot::kSeen:
      shape.kind = Shape::Kind::kSeen;
      break;
    case SlotRoot::kQuestionState:
      shape.kind = Shape::Kind::kQuestion;
      break;
    case SlotRoot::kReviewOutcome:
      shape.kind = Shape::Kind::kClause, shape.index = path.index;
      break;
    case SlotRoot::kElement:
      if (list.valid()) {
        const FrameList& of = function_.frame.lists[list.value];
        const Shape whole = ShapeOfPath(of.path, of.parent);
        if (whole.kind == Shape::Kind::kTyped && whole.type.element.valid()) typed(whole.type.element);
      }
      break;
    case SlotRoot::kLookup:
      if (path.index < function_.frame.lookups.size()) {
        shape.kind = Shape::Kind::kTyped;
        shape.type.kind = TypeKind::kReference;
        shape.type.index = function_.frame.lookups[path.index].workflow.value;
      }
      break;
    default:
      break;
  }
  if (OfAnother(path)) return ShapeOfStep(path.steps.back(), Keeping(path, list));
  for (const PathStep& step : path.steps) {
    if (shape.kind != Shape::Kind::kTyped) return Shape();
    if (shape.type.kind == TypeKind::kRecord && step.kind == PathStep::Kind::kMember) {
      typed(schema.records[shape.type.index].members[step.index].type);
    } else if (shape.type.kind == TypeKind::kReference && step.kind == PathStep::Kind::kState) {
      shape.kind = Shape::Kind::kState, shape.index = shape.type.index;
    } else if (shape.type.kind == TypeKind::kReference) {
      const Workflow& target = schema.workflows[shape.type.index];
      typed(step.kind == PathStep::Kind::kField ? target.fields[step.index].type : target.key[step.index].type);
    } else {
      return Shape();
    }
  }
  return shape;
}

GuardText::Shape GuardText::SlotShape(uint32_t slot_number) const {
  const ::writ::Slot& slot = function_.frame.slots[slot_number];
  if (slot.projection == Projection::kUpdatedAt) {
    Shape time;
    time.kind = Shape::Kind::kTyped;
    time.type.kind = TypeKind::kTime;
    return time;
  }
  return slot.projection == Projection::kValue ? ShapeOfPath(slot.path, slot.list) : Shape();
}

std::string GuardText::Number(Num number, const Shape& shape) const {
  const Schema& schema = program_.schema;
  switch (shape.kind) {
    case Shape::Kind::kPlain:
      break;
    case Shape::Kind::kSeen:
      if (number == INT64_MAX) return "not said";
      break;
    case Shape::Kind::kQuestion: {
      constexpr const char* kStates[] = {"open", "withdrawn", "past its time", "answered already"};
      if (number >= 0 && number < 4) return kStates[static_cast<size_t>(number)];
      break;
    }
    case Shape::Kind::kState: {
      const std::vector<State>& states = schema.workflows[shape.index].states;
      if (number == -1 || number == static_cast<Num>(kNewState.value)) return "new";
      if (number >= 0 && number < static_cast<Num>(states.size())) return states[static_cast<size_t>(number)].name;
      break;
    }
    case Shape::Kind::kRole:
      if (number >= 0 && number < static_cast<Num>(schema.roles.size()))
        return schema.roles[static_cast<size_t>(number)].name;
      return "none";
    case Shape::Kind::kClause: {
      const std::vector<Clause>& clauses = workflow_.reviews[shape.index].clauses;
      if (number >= 0 && number < static_cast<Num>(clauses.size())) return clauses[static_cast<size_t>(number)].name;
      return "none yet";
    }
    case Shape::Kind::kTyped: {
      const TypeKind kind = shape.type.kind;
      if (number < INT64_MIN || number > INT64_MAX || kind == TypeKind::kSet || kind == TypeKind::kList) break;
      if (kind == TypeKind::kEnum &&
          (number < 0 || number >= static_cast<Num>(schema.enums[shape.type.index].members.size())))
        break;
      return ValueToText(schema, shape.type, Value(static_cast<int64_t>(number)));
    }
  }
  return ir::NumToText(number);
}

// ---------------------------------------------------------------- expressions

// The shape of a number that is computed: of sums and choices that of their parts; times subtract to durations.
GuardText::Shape GuardText::ShapeOf(uint32_t id, int depth) const {
  const ir::Expr& expr = code_.exprs[id];
  if (depth > kDepthMax) return Shape();
  switch (expr.op) {
    case ir::Op::kSlotNum:
    case ir::Op::kElemNum:
      return SlotShape(expr.a);
    case ir::Op::kNeg:
      return ShapeOf(expr.a, depth + 1);
    case ir::Op::kSum:
    case ir::Op::kMin:
    case ir::Op::kMax:
    case ir::Op::kFirstNum:
      return ShapeOf(expr.c, depth + 1);
    case ir::Op::kSelectNum:
      if (IsRangeCheck(ir::ExprId(expr.a))) return ShapeOf(expr.b, depth + 1);
      [[fallthrough]];
    case ir::Op::kAdd:
    case ir::Op::kSub: {
      const bool select = expr.op == ir::Op::kSelectNum;
      const Shape left = ShapeOf(select ? expr.b : expr.a, depth + 1),
                  right = ShapeOf(select ? expr.c : expr.b, depth + 1);
      Shape shape = left.kind != Shape::Kind::kPlain ? left : right;
      const auto is_time = [](const Shape& s) {
        return s.kind == Shape::Kind::kTyped && s.type.kind == TypeKind::kTime;
      };
      if (expr.op == ir::Op::kSub && is_time(left) && is_time(right)) shape.type.kind = TypeKind::kDuration;
      if (!select && is_time(left) != is_time(right) && left.kind == Shape::Kind::kTyped &&
          right.kind == Shape::Kind::kTyped)
        shape = is_time(left) ? left : right;
      return shape;
    }
    default:
      return Shape();
  }
}

// What a table is of: the hours or the closed days of a calendar, or the clocks of a zone.
std::string GuardText::StepText(const ir::Expr& expr) const {
  const ir::StepTable& table = program_.steps[expr.b];
  for (const Calendar& calendar : program_.schema.calendars) {
    if (table == lower::HoursOf(calendar)) return absl::StrCat("within the hours of ", calendar.name);
    if (table == lower::ClosedDaysOf(calendar)) return absl::StrCat("a closed day of ", calendar.name);
  }
  return "a table";
}

// The zone whose clocks a StepNum looks up; none for others.
std::optional<std::string> GuardText::ZoneOfSteps(uint32_t id) const {
  const ir::Expr& expr = code_.exprs[id];
  if (expr.op != ir::Op::kStepNum) return std::nullopt;
  const ir::StepTable& table = program_.steps[expr.b];
  const auto same = [](const ZoneStep& a, const ir::Step& b) { return a.from_ns == b.from && a.offset_ns == b.value; };
  for (const Zone& zone : program_.schema.zones) {
    if (std::equal(zone.steps.begin(), zone.steps.end(), table.steps.begin(), table.steps.end(), same)) return zone.name;
  }
  return std::nullopt;
}

// A local date, completed years and workdays are much arithmetic (lower/tables.cc), which tells nobody anything.
std::string GuardText::CalendarText(uint32_t id, int depth) const {
  constexpr Num kDayNs = Num{86'400} * 1'000'000'000;
  const ir::Expr& expr = code_.exprs[id];
  const auto op_of = [this](uint32_t operand) { return code_.exprs[operand].op; };
  if (expr.op == ir::Op::kRoundDown && program_.numbers[expr.b] == kDayNs && op_of(expr.a) == ir::Op::kAdd) {
    const ir::Expr& local = code_.exprs[expr.a];
    for (const auto& [time, offset] : {std::pair(local.a, local.b), std::pair(local.b, local.a)}) {
      if (const std::optional<std::string> zone = ZoneOfSteps(offset); zone.has_value())
        return absl::StrCat("the date of ", Text(time, nullptr, depth + 1), " in ", *zone);
    }
  }
  const bool is_years = expr.op == ir::Op::kSelectNum && op_of(expr.a) == ir::Op::kLtNum && op_of(expr.b) == ir::Op::kAdd &&
                        (code_.exprs[expr.b].a == expr.c || code_.exprs[expr.b].b == expr.c);
  const bool is_workdays = expr.op == ir::Op::kSub && op_of(expr.a) == ir::Op::kSub && op_of(expr.b) == ir::Op::kSub;
  if (!is_years && !is_workdays) return "";
  bool asks = false;
  std::set<std::string> names;  // of what it is made of
  std::vector<uint32_t> open = {id};
  std::set<uint32_t> seen;
  while (!open.empty()) {
    const uint32_t next = open.back();
    open.pop_back();
    if (!seen.insert(next).second) continue;
    const ir::Expr& e = code_.exprs[next];
    asks = asks || ZoneOfSteps(next).has_value();
    if (IsSlotOrElement(e.op)) names.insert(Slot(e.a));
    const ir::OpInfo& info = ir::InfoOf(e.op);
    for (int k = 0; k < 3; ++k) {
      if (ir::IsExprOperand(info.operands[k])) open.push_back(ir::OperandAt(e, k));
    }
  }
  if (!asks) return "";
  return absl::StrCat(is_years ? "completed years of (" : "workdays of (", absl::StrJoin(names, ", "), ")");
}

std::string GuardText::Comparison(const ir::Expr& expr, const char* sign, const char* turned, int depth) const {
  Shape shape = ShapeOf(expr.a, depth);
  if (shape.kind == Shape::Kind::kPlain) shape = ShapeOf(expr.b, depth);
  const std::string left = Text(expr.a, &shape, depth + 1), right = Text(expr.b, &shape, depth + 1);
  const bool constant_first = code_.exprs[expr.a].op == ir::Op::kConstNum;
  return constant_first ? absl::StrCat(right, " ", turned, " ", left) : absl::StrCat(left, " ", sign, " ", right);
}

std::string GuardText::Operator(uint32_t id, int depth) const {
  const ir::Expr& expr = code_.exprs[id];
  const auto text = [&](uint32_t operand) { return Text(operand, nullptr, depth + 1); };
  const auto of_those = [&] {
    const ir::Expr& where = code_.exprs[expr.b];
    const bool all = where.op == ir::Op::kConstBool && where.a != 0;
    return all ? text(expr.c) : absl::StrCat(text(expr.c), " where ", text(expr.b));
  };
  switch (expr.op) {
    case ir::Op::kNot:
      return absl::StrCat("not (", text(expr.a), ")");
    case ir::Op::kAnd:
      if (uint32_t has = 0, inside = 0; WithinParts(id, &has, &inside)) return Slot(code_.exprs[has].a);
      return absl::StrCat("(", text(expr.a), " and ", text(expr.b), ")");
    case ir::Op::kOr:
      return absl::StrCat("(", text(expr.a), " or ", text(expr.b), ")");
    case ir::Op::kEqBool:
      return absl::StrCat("(", text(expr.a), ") == (", text(expr.b), ")");
    case ir::Op::kEqNum:
      for (const auto& [table, one] : {std::pair(expr.a, expr.b), std::pair(expr.b, expr.a)}) {
        const bool is_one = code_.exprs[one].op == ir::Op::kConstNum && program_.numbers[code_.exprs[one].a] == 1;
        if (is_one && code_.exprs[table].op == ir::Op::kStepNum) return StepText(code_.exprs[table]);
      }
      return Comparison(expr, "==", "==", depth);
    case ir::Op::kLtNum:
      return Comparison(expr, "<", ">", depth);
    case ir::Op::kLeNum:
      if (std::string says = SaysText(expr); !says.empty()) return says;
      return Comparison(expr, "<=", ">=", depth);
    case ir::Op::kEqStr:
      return absl::StrCat(text(expr.a), " == ", text(expr.b));
    case ir::Op::kHasBit: {
      const Shape set = ShapeOf(expr.a, depth);
      Shape member;
      if (set.kind == Shape::Kind::kTyped && set.type.element.valid())
        member.kind = Shape::Kind::kTyped, member.type = program_.schema.types[set.type.element.value];
      return absl::StrCat(Text(expr.b, &member, depth + 1), " in ", text(expr.a));
    }
    case ir::Op::kPopCount:
      return absl::StrCat("count(", text(expr.a), ")");
    case ir::Op::kMul:
      return absl::StrCat(text(expr.a), " * ", text(expr.b));
    case ir::Op::kLoopIndex:
      return "index";
    case ir::Op::kStepNum:
      return StepText(expr);
    case ir::Op::kMatchStr:
      return absl::StrCat(text(expr.a), " matches the pattern");
    case ir::Op::kAny:
      return absl::StrCat("any(", text(expr.b), ")");
    case ir::Op::kAll:
      return absl::StrCat("all(", text(expr.b), ")");
    case ir::Op::kCount:
      return absl::StrCat("count(", text(expr.b), ")");
    case ir::Op::kSum:
      return absl::StrCat("sum(", of_those(), ")");
    case ir::Op::kMin:
      return absl::StrCat("min(", of_those(), ")");
    case ir::Op::kMax:
      return absl::StrCat("max(", of_those(), ")");
    case ir::Op::kFirstBool:
    case ir::Op::kFirstNum:
    case ir::Op::kFirstStr:
      return absl::StrCat("first(", of_those(), ")");
    default:
      return ir::InfoOf(expr.op).name;
  }
}

// `x ?? y`
bool GuardText::IsDefault(const ir::Expr& select) const {
  const ir::Expr &has = code_.exprs[select.a], &there = code_.exprs[select.b];
  return has.op == ir::Op::kSlotBool && ir::IsSlot(there.op) && Slot(has.a) == "has " + Slot(there.a);
}

// What is added to a time, or taken from it, is a duration.
GuardText::Shape GuardText::PartShape(uint32_t id, const Shape* whole, int depth) const {
  if (whole == nullptr) return Shape();
  const auto is_time = [](const Shape& s) { return s.kind == Shape::Kind::kTyped && s.type.kind == TypeKind::kTime; };
  Shape part = *whole;
  if (is_time(part) && !is_time(ShapeOf(id, depth))) part.type.kind = TypeKind::kDuration;
  return part;
}

std::string GuardText::Text(uint32_t id, const Shape* shape, int depth) const {
  if (depth > kDepthMax) return "…";
  const ir::Expr& expr = code_.exprs[id];
  if (IsSlotOrElement(expr.op)) return Slot(expr.a);
  if (std::string asked = CalendarText(id, depth); !asked.empty()) return asked;
  switch (expr.op) {
    case ir::Op::kConstBool:
      return expr.a != 0 ? "true" : "false";
    case ir::Op::kConstNum:
      return shape != nullptr ? Number(program_.numbers[expr.a], *shape) : ir::NumToText(program_.numbers[expr.a]);
    case ir::Op::kConstStr:
      return Quoted(program_.strings[expr.a]);
    case ir::Op::kAdd:
    case ir::Op::kSub: {
      const Shape left = PartShape(expr.a, shape, depth), right = PartShape(expr.b, shape, depth);
      return absl::StrCat(Text(expr.a, shape == nullptr ? nullptr : &left, depth + 1), expr.op == ir::Op::kAdd ? " + " : " - ",
                          Text(expr.b, shape == nullptr ? nullptr : &right, depth + 1));
    }
    case ir::Op::kNeg:
      return absl::StrCat("-", Text(expr.a, shape, depth + 1));
    case ir::Op::kRoundDown:
      return absl::StrCat("round_down(", Text(expr.a, nullptr, depth + 1), " / ",
                          ir::NumToText(program_.numbers[expr.b]), ")");
    case ir::Op::kRoundUp:
      return absl::StrCat("round_up(", Text(expr.a, nullptr, depth + 1), " / ", ir::NumToText(program_.numbers[expr.b]),
                          ")");
    case ir::Op::kRoundHalfEven:
      return absl::StrCat("round_half_even(", Text(expr.a, nullptr, depth + 1), " / ",
                          ir::NumToText(program_.numbers[expr.b]), ")");
    case ir::Op::kSelectBool:
    case ir::Op::kSelectNum:
    case ir::Op::kSelectStr:
      if (IsRangeCheck(ir::ExprId(expr.a))) return Text(expr.b, shape, depth + 1);
      if (IsDefault(expr)) return absl::StrCat("(", Text(expr.b, shape, depth + 1), " ?? ", Text(expr.c, shape, depth + 1), ")");
      return absl::StrCat("(if ", Text(expr.a, nullptr, depth + 1), " then ", Text(expr.b, shape, depth + 1), " else ",
                          Text(expr.c, shape, depth + 1), ")");
    default:
      return Operator(id, depth);
  }
}

}  // namespace writ::driver
