// Where structured values lie, and how what lies there is read.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/lower/expressions.h"
#include "compiler/lower/planted_faults.h"
#include "runtime/builtins/check.h"
#include "runtime/decision/delegation.h"
#include "runtime/frame/civil.h"
#include "runtime/frame/frame.h"

namespace writ::lower {
namespace {

using ir::ExprId;
using ir::LoopId;
using ir::Range;
using typed::ExprKind;

constexpr Range kTimes = {-limits::kTimeMax, limits::kTimeMax};

Range WithZero(Range r) { return {std::min<Num>(r.low, 0), std::max<Num>(r.high, 0)}; }

bool IsErasable(const Field& field) {
  return std::find(field.labels.begin(), field.labels.end(), "pii") != field.labels.end();
}

// Whether a reference can lie in an element. A record or list among a record's members is taken to hold one.
bool MayHoldReference(const Schema& schema, const Type& element) {
  if (element.kind == TypeKind::kReference) return true;
  if (element.kind != TypeKind::kRecord) return false;
  const std::vector<Field>& members = schema.records[element.index].members;
  return std::any_of(members.begin(), members.end(), [&](const Field& member) {
    const TypeKind kind = schema.types[member.type.value].kind;
    return kind == TypeKind::kReference || kind == TypeKind::kRecord || kind == TypeKind::kList;
  });
}

}  // namespace

// Absent is not within a limit, as in `up to`.
ExprId FunctionLowering::ExceedsGrant() {
  const Workflow& workflow = schema_.workflows[function_->workflow.value];
  ExprId exceeds = build_.Bool(false);
  if (Planted(Fault::kGrantLimitIgnored)) return exceeds;
  for (uint32_t f = 0; f < workflow.fields.size(); ++f) {
    const Field& field = workflow.fields[f];
    if (!CanBeLimited(schema_, field)) continue;
    const Type& type = schema_.types[field.type.value];
    const auto slot = [&](SlotRoot root, Projection projection) {
      const bool has = projection == Projection::kHas;
      return build_.Slot(layout_.Intern(has ? SlotKind::kBool : SlotKind::kI64, {root, f, 0, 0, {}}, projection, ListId(),
                                        root == SlotRoot::kAfter && IsErasable(field)),
                         has ? Range{0, 1} : RangeOf(type));
    };
    const ExprId limited = slot(SlotRoot::kGrantMost, Projection::kHas);
    const ExprId most = slot(SlotRoot::kGrantMost, Projection::kValue);
    const ExprId value = slot(SlotRoot::kAfter, Projection::kValue);
    ExprId within = build_.LeNum(value, most);
    if (type.optional) {
      const ExprId there = slot(SlotRoot::kAfter, Projection::kHas);
      within = build_.And(within, there);
    }
    const ExprId more = build_.Not(within);
    const ExprId over = build_.And(limited, more);
    exceeds = build_.Or(exceeds, over);
  }
  return exceeds;
}

Range FunctionLowering::RangeOf(const Type& type) const {
  const auto members = [](size_t count) { return Range{0, std::max<Num>(static_cast<Num>(count) - 1, 0)}; };
  switch (type.kind) {
    case TypeKind::kBool:
      return {0, 1};
    case TypeKind::kEnum:
      return members(schema_.enums[type.index].members.size());
    case TypeKind::kRole:
      return {-1, static_cast<Num>(schema_.roles.size())};
    case TypeKind::kTime:
    case TypeKind::kDuration:
      return WithZero({std::max<Num>(type.min, -limits::kTimeMax), std::min<Num>(type.max, limits::kTimeMax)});
    case TypeKind::kDate:
      return WithZero({std::max<Num>(type.min, kFirstDay), std::min<Num>(type.max, kLastDay)});
    case TypeKind::kSet:
    case TypeKind::kList:
      return IsBits(schema_, type) ? Range{INT64_MIN, INT64_MAX} : Range{0, type.capacity};
    default:
      return WithZero({type.min, type.max});
  }
}

// ---------------------------------------------------------------- reading

ExprId FunctionLowering::LoadSlot(const Place& place, Projection projection, SlotKind kind, Range range) {
  const SlotId slot = layout_.Intern(kind, place.path, projection, place.list, place.erasable);
  if (layout_.words() > limits::kFrameWordsMax) TooMuch({}, "the frame of this transition outgrows its limit");
  const ExprId value = place.list.valid() ? build_.Element(slot, place.loop, range) : build_.Slot(slot, range);
  if (!place.selected) return value;
  const ExprId chosen = build_.First(place.loop, place.condition, value);
  // Of no element, a state is `new`, as everywhere; all else is 0.
  const std::vector<PathStep>& steps = place.path.steps;
  if (projection != Projection::kValue || steps.empty() || steps.back().kind != PathStep::Kind::kState) return chosen;
  const ExprId exists = build_.Any(place.loop, place.condition);
  const ExprId nowhere = build_.Number(-1);
  return build_.Select(exists, chosen, nowhere);
}

ExprId FunctionLowering::UnknownOf(const Place& place) {
  return place.unknown.valid() ? place.unknown : build_.Bool(false);
}

// There on the way to it, and there itself: a T? has a bit of its own.
ExprId FunctionLowering::PresenceOf(const Place& place) {
  const ExprId present = place.present.valid() ? place.present : build_.Bool(true);
  if (!place.type.optional) return present;
  const ExprId has = LoadSlot(place, Projection::kHas, SlotKind::kBool, {0, 1});
  return build_.And(present, has);
}

ExprId FunctionLowering::EitherOf(ExprId so_far, ExprId more) {
  return so_far.valid() ? build_.Or(so_far, more) : more;
}
ExprId FunctionLowering::BothOf(ExprId so_far, ExprId more) { return so_far.valid() ? build_.And(so_far, more) : more; }

Value FunctionLowering::Load(const Place& place) {
  Value v;
  v.value = LoadSlot(place, Projection::kValue, KindOf(place.type), RangeOf(place.type));
  v.unknown = UnknownOf(place);
  v.present = place.path.root == SlotRoot::kActorField && Planted(Fault::kAttributesThere) ? build_.Bool(true)
                                                                                            : PresenceOf(place);
  return v;
}

void FunctionLowering::NoteReference(const Place& place) {
  std::string text = absl::StrCat(static_cast<int>(place.path.root), ".", place.path.index, ".", place.path.part, "@",
                                  place.list.value);
  for (const PathStep& step : place.path.steps)
    absl::StrAppend(&text, "/", static_cast<int>(step.kind), ".", step.index);
  references_.emplace(text, std::make_pair(place.path, place.list));
}

// Any element, of the list and of all its parents, whose path names nothing.
ExprId FunctionLowering::MissingAnywhere(const SlotPath& path, ListId list) {
  const SlotId slot = layout_.Intern(SlotKind::kBool, path, Projection::kMissing, list, false);
  if (!list.valid()) return build_.Slot(slot, {0, 1});
  std::vector<ListId> chain;
  for (ListId at = list; at.valid(); at = function_->frame.lists[at.value].parent) chain.push_back(at);
  std::vector<LoopId> loops;
  LoopId parent;
  for (size_t i = chain.size(); i-- > 0;) {
    parent = build_.OpenLoop(chain[i], parent);
    loops.push_back(parent);
  }
  ExprId missing = build_.Element(slot, loops.back(), {0, 1});
  for (size_t i = loops.size(); i-- > 0;) missing = build_.Any(loops[i], missing);
  return missing;
}

ExprId FunctionLowering::ReadNamesNothing() {
  ExprId any = build_.Bool(false);
  for (const auto& [text, where] : references_) {
    if (Planted(Fault::kDanglingReadIgnored)) break;
    const ExprId missing = MissingAnywhere(where.first, where.second);
    any = build_.Or(any, missing);
  }
  return any;
}

ExprId FunctionLowering::EndAside() {
  const ExprId missing = ReadNamesNothing();
  references_ = std::exchange(outside_, {});
  return missing;
}

ExprId FunctionLowering::NamesNothing(const Type& type, const SlotPath& path) {
  ExprId any = build_.Bool(false);
  struct Item {
    Type type;
    SlotPath path;
    ListId list;
  };
  std::vector<Item> work{{type, path, ListId()}};
  while (!work.empty()) {
    const Item item = std::move(work.back());
    work.pop_back();
    if (item.type.kind == TypeKind::kReference) {
      const ExprId missing = MissingAnywhere(item.path, item.list);
      any = build_.Or(any, missing);
    } else if (item.type.kind == TypeKind::kRecord) {
      const Record& record = schema_.records[item.type.index];
      for (uint32_t m = 0; m < record.members.size(); ++m) {
        SlotPath member = item.path;
        member.steps.push_back({PathStep::Kind::kMember, m});
        work.push_back({schema_.types[record.members[m].type.value], member, item.list});
      }
    } else if (IsStructured(schema_, item.type)) {
      const Type& element = schema_.types[item.type.element.value];
      if (!MayHoldReference(schema_, element)) continue;  // such a list needs no place in the frame
      const ListId list = layout_.InternList(item.path, item.list, item.type.capacity);
      if (layout_.Elements(list) > limits::kFrameElementsMax) {
        TooMuch({}, "lists within lists hold more elements than a decision may read");
        continue;
      }
      work.push_back({element, SlotPath{SlotRoot::kElement, 0, 0, 0, {}}, list});
    }
  }
  return any;
}

ListId FunctionLowering::ListOf(const Place& place, const ast::Span& span) {
  if (place.selected) {
    TooMuch(span, "a list inside a looked-up element cannot be gone through: look it up in an `any` or `all` instead");
    return ListId();
  }
  const ListId list = layout_.InternList(place.path, place.list, place.type.capacity);
  if (layout_.Elements(list) > limits::kFrameElementsMax) {
    TooMuch(span, "lists within lists hold more than 4,096 elements: declare smaller capacities with `max`");
    return ListId();
  }
  return list;
}

// A loop over `place`, inside whatever is being gone through now. A list inside an element can only be gone through
// directly inside the loop over those elements.
std::optional<LoopId> FunctionLowering::Open(const Place& place, ListId list, const ast::Span& span) {
  const LoopId inside = loops_.empty() ? LoopId() : loops_.back();
  if (place.list.valid() && place.loop != inside) {
    TooMuch(span,
            "a list inside an element can only be gone through directly inside the loop over those elements: change "
            "their order");
    return std::nullopt;
  }
  return build_.OpenLoop(list, inside);
}

Place FunctionLowering::Element(const Place& list_place, LoopId loop, ListId list) {
  Place element;
  element.path = {SlotRoot::kElement, 0, 0, 0, {}};
  element.list = list;
  element.loop = loop;
  element.type = schema_.types[list_place.type.element.value];
  element.erasable = list_place.erasable;
  element.unknown = list_place.unknown;
  element.present = list_place.present;
  return element;
}

// ---------------------------------------------------------------- ways to a place

std::optional<Place> FunctionLowering::PlaceOf(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kSlot:
      return SlotPlace(expr);
    case ExprKind::kVariable: {
      const auto it = places_.find(expr.variable);
      if (it == places_.end()) return std::nullopt;
      return it->second;
    }
    case ExprKind::kMember:
      return MemberPlace(expr);
    case ExprKind::kDeref:
      return ReferredPlace(expr);
    case ExprKind::kLookup:
    case ExprKind::kElementAt:
      return SelectedPlace(expr);
    case ExprKind::kEntityLookup:
      return RecordPlace(expr);
    default:
      return std::nullopt;
  }
}

Place FunctionLowering::SlotPlace(const Expr& expr) const {
  Place place;
  place.path = {expr.root, expr.index, expr.part, expr.part2, {}};
  place.type = expr.type.type;
  const Workflow& w = schema_.workflows[function_->workflow.value];
  if ((expr.root == SlotRoot::kBefore || expr.root == SlotRoot::kAfter) && expr.index < w.fields.size()) {
    place.erasable = IsErasable(w.fields[expr.index]);
  }
  if (expr.root == SlotRoot::kPayload && function_->kind != FunctionKind::kConclude &&
      function_->subject < w.transitions.size() && expr.index < w.transitions[function_->subject].payload.size()) {
    place.erasable = IsErasable(w.transitions[function_->subject].payload[expr.index]);
  }
  return place;
}

// What lies below an absent value is absent too.
void FunctionLowering::NoteAbsence(Place* place) {
  if (!place->type.optional) return;
  const ExprId has = LoadSlot(*place, Projection::kHas, SlotKind::kBool, {0, 1});
  place->present = BothOf(place->present, has);
}

void FunctionLowering::Enter(PathStep step, const Field& field, Place* place) const {
  place->erasable |= IsErasable(field);
  place->type = schema_.types[field.type.value];
  place->path.steps.push_back(step);
}

std::optional<Place> FunctionLowering::MemberPlace(const Expr& expr) {
  std::optional<Place> place = PlaceOf(*expr.children[0]);
  if (!place) return std::nullopt;
  NoteAbsence(&*place);
  WRIT_CHECK(place->type.kind == TypeKind::kRecord);
  Enter({PathStep::Kind::kMember, expr.index}, schema_.records[place->type.index].members[expr.index], &*place);
  return place;
}

// Whether the record there is older than its `fresh`: what it says is unknown then.
ExprId FunctionLowering::Stale(const Place& place, int64_t fresh_ns) {
  const ExprId updated = LoadSlot(place, Projection::kUpdatedAt, SlotKind::kI64, kTimes);
  const ExprId missing = LoadSlot(place, Projection::kMissing, SlotKind::kBool, {0, 1});
  const ExprId now = NumSlot(SlotRoot::kNow, kTimes);
  const ExprId age = build_.Sub(now, updated);
  const ExprId fresh = build_.Number(fresh_ns);
  const ExprId old = build_.LtNum(fresh, age);
  // A reference that is absent, on an instance that does not exist, names no record that could be old.
  const ExprId has = LoadSlot(place, Projection::kHas, SlotKind::kBool, {0, 1});
  const ExprId found = build_.Not(missing);
  const ExprId there = build_.And(has, found);
  ExprId stale = build_.And(old, there);
  if (place.present.valid()) stale = build_.And(stale, place.present);
  return Planted(Fault::kStaleRecordKnown) ? build_.Bool(false) : stale;
}

// Where a reference lies that something is read through: it must name something, unless it was looked up.
std::optional<Place> FunctionLowering::PlaceThrough(const Expr& reference) {
  std::optional<Place> place = PlaceOf(reference);
  if (!place) return std::nullopt;
  NoteAbsence(&*place);
  if (place->path.root != SlotRoot::kLookup || !place->path.steps.empty()) NoteReference(*place);
  return place;
}

std::optional<Place> FunctionLowering::ReferredPlace(const Expr& expr) {
  std::optional<Place> place = PlaceThrough(*expr.children[0]);
  if (!place) return std::nullopt;
  const Workflow& w = schema_.workflows[place->type.index];
  if (expr.part == typed::kDerefField) {
    if (w.fresh_ns > 0) {
      const ExprId stale = Stale(*place, w.fresh_ns);
      place->unknown = EitherOf(place->unknown, stale);
    }
    Enter({PathStep::Kind::kField, expr.index}, w.fields[expr.index], &*place);
    return place;
  }
  place->type = expr.type.type;
  place->type.optional = false;  // there where the reference is, as any field that is not a T?
  const bool state = expr.part == typed::kDerefState;
  place->path.steps.push_back({state ? PathStep::Kind::kState : PathStep::Kind::kKeyPart, state ? 0 : expr.index});
  return place;
}

// Whether the current element of `loop` has the key that is looked up.
ExprId FunctionLowering::HasKey(const Place& list_place, const Expr& wanted_key, Place* element) {
  Place key = *element;
  const FieldId member = list_place.type.key;
  key.type = schema_.types[schema_.records[element->type.index].members[member.value].type.value];
  key.path.steps.push_back({PathStep::Kind::kMember, member.value});
  key.unknown = key.present = ExprId();
  const Value wanted = Operand(wanted_key);
  const Value actual = Load(key);
  const ExprId same = Same(key.type, actual.value, wanted.value);
  const ExprId found = build_.And(same, wanted.present);
  element->unknown = EitherOf(element->unknown, wanted.unknown);
  return found;
}

ExprId FunctionLowering::IsAtEnd(const Place& list_place, LoopId loop, bool first) {
  const ExprId at = build_.Index(loop);
  if (first) {
    const ExprId zero = build_.Number(0);
    return build_.EqNum(at, zero);
  }
  const ExprId length = LoadSlot(list_place, Projection::kLength, SlotKind::kI64, {0, list_place.type.capacity});
  const ExprId one = build_.Number(1);
  const ExprId last = build_.Sub(length, one);
  return build_.EqNum(at, last);
}

// One element of a list: the one with a key, the first, the last.
std::optional<Place> FunctionLowering::SelectedPlace(const Expr& expr) {
  const std::optional<Place> place = PlaceOf(*expr.children[0]);
  if (!place) return std::nullopt;
  const ListId list = ListOf(*place, expr.span);
  if (!list.valid()) return std::nullopt;
  const std::optional<LoopId> loop = Open(*place, list, expr.span);
  if (!loop) return std::nullopt;
  Place element = Element(*place, *loop, list);
  element.condition = expr.kind == ExprKind::kLookup ? HasKey(*place, *expr.children[1], &element)
                                                     : IsAtEnd(*place, *loop, expr.index == 0);
  element.selected = true;
  const ExprId exists = build_.Any(*loop, element.condition);
  element.present = BothOf(element.present, exists);
  return element;
}

// A key may read elements: then there is a record for each element of the innermost of the lists around it.
bool FunctionLowering::ReadsElementOf(const Place& key, Place* looked, const ast::Span& span) {
  const auto is_around = [&](ListId outer, ListId inner) {
    for (ListId at = inner; at.valid(); at = function_->frame.lists[at.value].parent) {
      if (at == outer) return true;
    }
    return false;
  };
  if (!key.list.valid() || is_around(key.list, looked->list)) return true;
  if (looked->list.valid() && !is_around(looked->list, key.list)) {
    TooMuch(span, "the key of a look-up reads elements of two lists: it may read those of one list, and of the lists that hold it");
    return false;
  }
  looked->list = key.list;
  looked->loop = key.loop;
  return true;
}

std::optional<Place> FunctionLowering::LookUp(const Expr& expr, WorkflowId workflow) {
  Lookup lookup{workflow, {}, ListId()};
  Place looked;
  looked.unknown = build_.Bool(false);
  looked.present = build_.Bool(true);
  for (const typed::ExprPtr& part : expr.children) {
    if (part->kind == ExprKind::kConstant) {
      const Type& type = part->type.type;
      lookup.key.push_back(
          {SlotId(),
           IsText(type) ? part->text : ValueToText(schema_, type, store::Value(static_cast<int64_t>(part->number)))});
      continue;
    }
    const std::optional<Place> key = PlaceOf(*part);
    if (!key || key->selected) {
      TooMuch(part->span, "the key of a look-up must be a constant, a field, a payload value, or read from an element of a list");
      return std::nullopt;
    }
    if (!ReadsElementOf(*key, &looked, part->span)) return std::nullopt;
    // What stands in front of a key in the name of its stream.
    lookup.key.push_back({layout_.Intern(KindOf(key->type), key->path, Projection::kValue, key->list, key->erasable),
                          part->kind == ExprKind::kSlot ? part->text : ""});
    const Value v = Load(*key);
    looked.unknown = build_.Or(looked.unknown, v.unknown);
    looked.present = build_.And(looked.present, v.present);
  }
  lookup.list = looked.list;
  if (looked.list.valid() && Planted(Fault::kElementLooksUpNothing)) looked.present = build_.Bool(false);
  looked.path = {SlotRoot::kLookup, layout_.InternLookup(std::move(lookup)), 0, 0, {}};
  return looked;
}

// An outside record, by the parts of its key.
std::optional<Place> FunctionLowering::RecordPlace(const Expr& expr) {
  std::optional<Place> place = LookUp(expr, WorkflowId(expr.index));
  if (!place) return std::nullopt;
  place->type = expr.type.type;
  place->type.optional = false;
  const ExprId found = LoadSlot(*place, Projection::kHas, SlotKind::kBool, {0, 1});
  place->present = build_.And(place->present, found);
  return place;
}

// Whether one record is under another: the runtime keeps who is under whom, and the frame brings the answer. It is read
// through both references, so that neither may name nothing.
Value FunctionLowering::IsUnder(const Expr& expr) {
  Under under;
  under.workflow = WorkflowId(expr.children[0]->type.type.index);
  Value v = Scalar(build_.Bool(false));
  LoopId loop;
  for (const size_t side : {0, 1}) {
    const Expr& child = *expr.children[side];
    LookupPart& part = (side == 0) != Planted(Fault::kUnderTurned) ? under.low : under.high;
    if (child.kind == ExprKind::kConstant) {
      part.text = child.text;
      continue;
    }
    const std::optional<Place> place = PlaceOf(child);
    if (!place || place->selected || (under.list.valid() && place->list.valid() && place->list != under.list)) {
      TooMuch(child.span, "what stands beside `under` must be a field, a payload value, a constant, or an element of one list");
      return Scalar(build_.Bool(false));
    }
    if (place->list.valid()) {
      under.list = place->list;
      loop = place->loop;
    }
    if (place->path.root != SlotRoot::kLookup || !place->path.steps.empty()) NoteReference(*place);
    part.slot = layout_.Intern(SlotKind::kString, place->path, Projection::kValue, place->list, place->erasable);
    const Value read = Load(*place);
    v.unknown = build_.Or(v.unknown, read.unknown);
    v.present = build_.And(v.present, read.present);
  }
  const bool erasable = false;  // it tells no value
  const ListId list = under.list;
  const SlotId slot = layout_.Intern(SlotKind::kBool, {SlotRoot::kUnder, layout_.InternUnder(std::move(under)), 0, 0, {}},
                                     Projection::kValue, list, erasable);
  const ExprId holds = list.valid() ? build_.Element(slot, loop, {0, 1}) : build_.Slot(slot, {0, 1});
  v.value = build_.And(holds, v.present);
  v.present = build_.Bool(true);
  return v;
}

}  // namespace writ::lower
