#include "compiler/lower/expressions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/lower/planted_faults.h"
#include "runtime/builtins/check.h"
#include "runtime/frame/frame.h"

namespace writ::lower {
namespace {

using ir::ExprId;
using ir::LoopId;
using ir::Range;
using typed::ExprKind;
using typed::QuantifierOp;

constexpr Num Pow10(int n) {
  Num p = 1;
  while (n-- > 0) p *= 10;
  return p;
}
constexpr int kScaleMax = 30;

bool IsBits(const Schema& schema, const Type& type) {
  return type.kind == TypeKind::kSet && schema.types[type.element.value].kind == TypeKind::kEnum;
}

bool IsText(const Type& type) { return type.kind == TypeKind::kString || type.kind == TypeKind::kReference; }
bool IsStructured(const Schema& schema, const Type& type) {
  return type.kind == TypeKind::kRecord || type.kind == TypeKind::kList ||
         (type.kind == TypeKind::kSet && !IsBits(schema, type));
}
SlotKind KindOf(const Type& type) {
  if (type.kind == TypeKind::kBool) return SlotKind::kBool;
  return IsText(type) ? SlotKind::kString : SlotKind::kI64;
}

Polarity Flip(Polarity p) {
  if (p == Polarity::kRestrains) return Polarity::kEmpowers;
  if (p == Polarity::kEmpowers) return Polarity::kRestrains;
  return p;
}

Range WithZero(Range r) { return {std::min<Num>(r.low, 0), std::max<Num>(r.high, 0)}; }

}  // namespace

FunctionLowering::FunctionLowering(ProgramState* state, Function* function)
    : state_(state),
      schema_(*state->schema),
      function_(function),
      layout_(&function->frame),
      build_(state->program, function) {}

// ---------------------------------------------------------------- slots

ExprId FunctionLowering::BoolSlot(SlotRoot root, uint32_t index, uint32_t part, uint32_t part2) {
  return build_.Slot(
      layout_.Intern(SlotKind::kBool, {root, index, part, part2, {}}, Projection::kValue, ListId(), false), {0, 1});
}

ExprId FunctionLowering::NumSlot(SlotRoot root, Range range, uint32_t index, uint32_t part, uint32_t part2) {
  return build_.Slot(
      layout_.Intern(SlotKind::kI64, {root, index, part, part2, {}}, Projection::kValue, ListId(), false), range);
}

ExprId FunctionLowering::StrSlot(SlotRoot root, uint32_t index) {
  return build_.Slot(layout_.Intern(SlotKind::kString, {root, index, 0, 0, {}}, Projection::kValue, ListId(), false),
                     {});
}

ExprId FunctionLowering::RoleIs(RoleId role) {
  const ExprId actual = NumSlot(SlotRoot::kActorRole, {-1, static_cast<Num>(schema_.roles.size()) - 1});
  const ExprId wanted = build_.Number(role.value);
  return build_.EqNum(actual, wanted);
}

ExprId FunctionLowering::AnyRoleOf(const std::vector<RoleId>& roles, bool or_orchestrator) {
  if (roles.empty() && !or_orchestrator) return build_.Bool(true);
  ExprId any = or_orchestrator ? BoolSlot(SlotRoot::kActorIsOrchestrator) : build_.Bool(false);
  for (const RoleId role : roles) {
    const ExprId is = RoleIs(role);
    any = build_.Or(any, is);
  }
  return any;
}

ExprId FunctionLowering::StateIs(StateId state) {
  const Workflow& w = schema_.workflows[function_->workflow.value];
  const ExprId actual = NumSlot(SlotRoot::kState, {-1, static_cast<Num>(w.states.size()) - 1});
  const ExprId wanted = build_.Number(state == kNewState ? Num{-1} : Num{state.value});
  return build_.EqNum(actual, wanted);
}

// ---------------------------------------------------------------- pairs

Value FunctionLowering::Scalar(ExprId value) { return {value, build_.Bool(false), build_.Bool(true)}; }
Value FunctionLowering::True() { return Scalar(build_.Bool(true)); }

ExprId FunctionLowering::Known(const Value& v) {
  const ExprId known = build_.Not(v.unknown);
  return build_.And(v.value, known);
}
ExprId FunctionLowering::TrueOrUnknown(const Value& v) { return build_.Or(v.value, v.unknown); }

Value FunctionLowering::And(Value a, Value b) {
  const ExprId a_or_unknown = TrueOrUnknown(a);  // not definitely false
  const ExprId b_or_unknown = TrueOrUnknown(b);
  const ExprId any_unknown = build_.Or(a.unknown, b.unknown);
  const ExprId none_false = build_.And(a_or_unknown, b_or_unknown);
  const ExprId unknown = Planted(Fault::kStrictAnd) ? any_unknown : build_.And(any_unknown, none_false);
  const ExprId value = build_.And(a.value, b.value);
  return {value, unknown, build_.Bool(true)};
}

Value FunctionLowering::Or(Value a, Value b) {
  const ExprId a_true = Known(a);
  const ExprId b_true = Known(b);
  const ExprId any_unknown = build_.Or(a.unknown, b.unknown);
  const ExprId any_true = build_.Or(a_true, b_true);
  const ExprId none_true = build_.Not(any_true);
  const ExprId unknown = build_.And(any_unknown, none_true);
  const ExprId value = build_.Or(a.value, b.value);
  return {value, unknown, build_.Bool(true)};
}

Value FunctionLowering::Not(Value a) { return {build_.Not(a.value), a.unknown, build_.Bool(true)}; }

// ---------------------------------------------------------------- limits

void FunctionLowering::TooMuch(const ast::Span& place, const char* what) {
  const ast::Span span = place.end == 0 ? here_ : place;
  const bool around = told_.end != 0 && told_.file == span.file && span.begin <= told_.begin && told_.end <= span.end;
  if (around && !(told_.begin == span.begin && told_.end == span.end))
    return;  // what is around a fault says nothing more
  told_ = span;
  state_->sink->Report(span, diagnostics::kTooStructured, diagnostics::Phrase(what));
}

bool FunctionLowering::Fits(bool fits, const ast::Span& span) {
  if (!fits) state_->sink->Report(span, diagnostics::kTooWide);
  return fits;
}

Value FunctionLowering::Checked(Value v) {
  const Range range = build_.range(v.value);
  if (range.FitsInt64()) return v;
  const ExprId low = build_.Number(INT64_MIN);
  const ExprId high = build_.Number(INT64_MAX);
  const ExprId above = build_.LeNum(low, v.value);
  const ExprId below = build_.LeNum(v.value, high);
  const ExprId inside = build_.And(above, below);
  const ExprId outside = build_.Not(inside);
  if (!Planted(Fault::kOverflowIgnored)) v.unknown = build_.Or(v.unknown, outside);
  const ExprId zero = build_.Number(0);
  const ExprId clipped = build_.Select(inside, v.value, zero);
  v.value = clipped;
  return v;
}

ExprId FunctionLowering::Scaled(ExprId number, int digits, const ast::Span& span) {
  if (digits <= 0 || Planted(Fault::kScalesMixed)) return number;
  if (digits > kScaleMax) {
    Fits(false, span);
    return build_.Number(0);
  }
  const ExprId factor = build_.Number(Pow10(digits));
  if (!Fits(build_.FitsMul(number, factor), span)) return build_.Number(0);
  return build_.Mul(number, factor);
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
    case TypeKind::kSet:
    case TypeKind::kList:
      return IsBits(schema_, type) ? Range{INT64_MIN, INT64_MAX} : Range{0, type.capacity};
    default:
      return WithZero({type.min, type.max});
  }
}

// ---------------------------------------------------------------- places

ExprId FunctionLowering::LoadSlot(const Place& place, Projection projection, SlotKind kind, Range range) {
  const SlotId slot = layout_.Intern(kind, place.path, projection, place.list, place.erasable);
  if (layout_.words() > limits::kFrameWordsMax) TooMuch({}, "the frame of this transition outgrows its limit");
  const ExprId value = place.list.valid() ? build_.Element(slot, place.loop, range) : build_.Slot(slot, range);
  if (!place.selected) return value;
  const ExprId chosen = build_.First(place.loop, place.condition, value);
  return chosen;
}

Value FunctionLowering::Load(const Place& place) {
  Value v;
  const SlotKind kind = KindOf(place.type);
  v.value = LoadSlot(place, Projection::kValue, kind, RangeOf(place.type));
  v.unknown = place.unknown.valid() ? place.unknown : build_.Bool(false);
  v.present = place.present.valid() ? place.present : build_.Bool(true);
  if (place.type.optional) {
    const ExprId has = LoadSlot(place, Projection::kHas, SlotKind::kBool, {0, 1});
    v.present = build_.And(v.present, has);
  }
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
      // Only lists in which a reference can lie need a place in the frame.
      const Type& element = schema_.types[item.type.element.value];
      if (element.kind != TypeKind::kReference && element.kind != TypeKind::kRecord && element.kind != TypeKind::kList)
        continue;
      bool holds_reference = element.kind == TypeKind::kReference;
      if (element.kind == TypeKind::kRecord) {
        for (const Field& member : schema_.records[element.index].members) {
          const TypeKind kind = schema_.types[member.type.value].kind;
          holds_reference |= kind == TypeKind::kReference || kind == TypeKind::kRecord || kind == TypeKind::kList;
        }
      }
      if (!holds_reference) continue;
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

std::optional<Place> FunctionLowering::PlaceOf(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kSlot: {
      Place place;
      place.path = {expr.root, expr.index, expr.part, expr.part2, {}};
      place.type = expr.type.type;
      const Workflow& w = schema_.workflows[function_->workflow.value];
      const auto labelled = [](const Field& field) {
        return std::find(field.labels.begin(), field.labels.end(), "pii") != field.labels.end();
      };
      if ((expr.root == SlotRoot::kBefore || expr.root == SlotRoot::kAfter) && expr.index < w.fields.size()) {
        place.erasable = labelled(w.fields[expr.index]);
      }
      if (expr.root == SlotRoot::kPayload && function_->kind != FunctionKind::kConclude &&
          function_->subject < w.transitions.size() && expr.index < w.transitions[function_->subject].payload.size()) {
        place.erasable = labelled(w.transitions[function_->subject].payload[expr.index]);
      }
      return place;
    }
    case ExprKind::kVariable: {
      const auto it = places_.find(expr.variable);
      if (it == places_.end()) return std::nullopt;
      return it->second;
    }
    case ExprKind::kMember: {
      std::optional<Place> place = PlaceOf(*expr.children[0]);
      if (!place) return std::nullopt;
      if (place->type.optional) {
        const ExprId has = LoadSlot(*place, Projection::kHas, SlotKind::kBool, {0, 1});
        place->present = place->present.valid() ? build_.And(place->present, has) : has;
      }
      if (place->type.kind == TypeKind::kRecord) {
        const Field& member = schema_.records[place->type.index].members[expr.index];
        place->erasable |= std::find(member.labels.begin(), member.labels.end(), "pii") != member.labels.end();
        place->type = schema_.types[member.type.value];
      } else {
        place->type = expr.type.type;
      }
      place->path.steps.push_back({PathStep::Kind::kMember, expr.index});
      return place;
    }
    case ExprKind::kDeref: {
      std::optional<Place> place = PlaceOf(*expr.children[0]);
      if (!place) return std::nullopt;
      if (place->type.optional) {
        const ExprId has = LoadSlot(*place, Projection::kHas, SlotKind::kBool, {0, 1});
        place->present = place->present.valid() ? build_.And(place->present, has) : has;
      }
      const Workflow& w = schema_.workflows[place->type.index];
      if (place->path.root != SlotRoot::kLookup || !place->path.steps.empty()) NoteReference(*place);
      if (w.fresh_ns > 0 && expr.part == 0) {
        const Range time = {-limits::kTimeMax, limits::kTimeMax};
        const ExprId updated = LoadSlot(*place, Projection::kUpdatedAt, SlotKind::kI64, time);
        const ExprId missing = LoadSlot(*place, Projection::kMissing, SlotKind::kBool, {0, 1});
        const ExprId now = NumSlot(SlotRoot::kNow, time);
        const ExprId age = build_.Sub(now, updated);
        const ExprId fresh = build_.Number(w.fresh_ns);
        const ExprId old = build_.LtNum(fresh, age);
        // A reference that is absent, on an instance that does not exist, names no record that could be old.
        const ExprId has = LoadSlot(*place, Projection::kHas, SlotKind::kBool, {0, 1});
        const ExprId found = build_.Not(missing);
        const ExprId there = build_.And(has, found);
        ExprId stale = build_.And(old, there);
        if (place->present.valid()) stale = build_.And(stale, place->present);
        if (Planted(Fault::kStaleRecordKnown)) stale = build_.Bool(false);
        place->unknown = place->unknown.valid() ? build_.Or(place->unknown, stale) : stale;
      }
      if (expr.part == 0) {
        const Field& field = w.fields[expr.index];
        place->erasable |= std::find(field.labels.begin(), field.labels.end(), "pii") != field.labels.end();
        place->type = schema_.types[field.type.value];
        place->path.steps.push_back({PathStep::Kind::kField, expr.index});
      } else if (expr.part == 1) {
        place->type = expr.type.type;
        place->type.optional = false;  // there where the reference is, as any field that is not a T?
        place->path.steps.push_back({PathStep::Kind::kState, 0});
      } else {
        place->type = expr.type.type;
        place->type.optional = false;
        place->path.steps.push_back({PathStep::Kind::kKeyPart, expr.index});
      }
      return place;
    }
    case ExprKind::kLookup:
    case ExprKind::kElementAt: {
      std::optional<Place> place = PlaceOf(*expr.children[0]);
      if (!place) return std::nullopt;
      const ListId list = ListOf(*place, expr.span);
      if (!list.valid()) return std::nullopt;
      const std::optional<LoopId> opened = Open(*place, list, expr.span);
      if (!opened) return std::nullopt;
      const LoopId loop = *opened;
      Place element = Element(*place, loop, list);
      ExprId condition;
      if (expr.kind == ExprKind::kLookup) {
        Place key = element;
        const Field& member = schema_.records[element.type.index].members[place->type.key.value];
        key.type = schema_.types[member.type.value];
        key.path.steps.push_back({PathStep::Kind::kMember, place->type.key.value});
        key.unknown = key.present = ExprId();
        const Value wanted = Lower(*expr.children[1]);
        const Value actual = Load(key);
        condition = IsText(key.type)                   ? build_.EqStr(actual.value, wanted.value)
                    : key.type.kind == TypeKind::kBool ? build_.EqBool(actual.value, wanted.value)
                                                       : build_.EqNum(actual.value, wanted.value);
        condition = build_.And(condition, wanted.present);
        element.unknown = element.unknown.valid() ? build_.Or(element.unknown, wanted.unknown) : wanted.unknown;
      } else {
        const ExprId at = build_.Index(loop);
        if (expr.index == 0) {
          const ExprId zero = build_.Number(0);
          condition = build_.EqNum(at, zero);
        } else {
          Place whole = *place;
          const ExprId length = LoadSlot(whole, Projection::kLength, SlotKind::kI64, {0, place->type.capacity});
          const ExprId one = build_.Number(1);
          const ExprId last = build_.Sub(length, one);
          condition = build_.EqNum(at, last);
        }
      }
      element.selected = true;
      element.condition = condition;
      const ExprId exists = build_.Any(loop, condition);
      element.present = element.present.valid() ? build_.And(element.present, exists) : exists;
      return element;
    }
    case ExprKind::kEntityLookup: {
      Lookup lookup{WorkflowId(expr.index), {}, ListId()};
      ExprId unknown = build_.Bool(false), present = build_.Bool(true);
      for (const typed::ExprPtr& part : expr.children) {
        if (part->kind == ExprKind::kConstant) {
          const Type& type = part->type.type;
          lookup.key.push_back(
              {SlotId(), IsText(type) ? part->text
                                      : ValueToText(schema_, type, store::Value(static_cast<int64_t>(part->number)))});
          continue;
        }
        const std::optional<Place> key = PlaceOf(*part);
        if (!key || key->selected) {
          TooMuch(part->span, "the key of a look-up must be a field, a payload value or a constant");
          return std::nullopt;
        }
        if (key->list.valid()) lookup.list = key->list;
        lookup.key.push_back(
            {layout_.Intern(KindOf(key->type), key->path, Projection::kValue, key->list, key->erasable), {}});
        const Value v = Load(*key);
        unknown = build_.Or(unknown, v.unknown);
        present = build_.And(present, v.present);
      }
      if (lookup.list.valid()) {
        TooMuch(expr.span,
                "a record cannot be looked up for each element of a list: refer to it in the list's own type instead");
        return std::nullopt;
      }
      Place place;
      place.path = {SlotRoot::kLookup, layout_.AddLookup(std::move(lookup)), 0, 0, {}};
      place.type = expr.type.type;
      place.type.optional = false;
      const ExprId found = LoadSlot(place, Projection::kHas, SlotKind::kBool, {0, 1});
      place.present = build_.And(present, found);
      place.unknown = unknown;
      return place;
    }
    default:
      return std::nullopt;
  }
}

// ---------------------------------------------------------------- expressions

Value FunctionLowering::Lower(const Expr& expr, Polarity polarity) {
  const ast::Span outer = std::exchange(here_, expr.span);
  const Value v = Lower2(expr, polarity);
  here_ = outer;
  if (conditions != nullptr && expr.type.type.kind == TypeKind::kBool && expr.kind != ExprKind::kAnd &&
      expr.kind != ExprKind::kOr && expr.kind != ExprKind::kNot && expr.kind != ExprKind::kConstant && loops_.empty() &&
      neutral_ == 0) {
    conditions->push_back({expr.span, v.value, v.unknown});
  }
  return v;
}

Value FunctionLowering::Lower2(const Expr& expr, Polarity polarity) {
  switch (expr.kind) {
    case ExprKind::kConstant:
      return Constant(expr);
    case ExprKind::kVariable: {
      const auto it = constants_.find(expr.variable);
      if (it != constants_.end()) return it->second;
      [[fallthrough]];
    }
    case ExprKind::kSlot:
    case ExprKind::kMember:
    case ExprKind::kDeref:
    case ExprKind::kLookup:
    case ExprKind::kEntityLookup:
    case ExprKind::kElementAt: {
      std::optional<Place> place = PlaceOf(expr);
      if (!place) {
        TooMuch(expr.span, "this cannot be read through what stands before it: name the field itself");
        return Constant(expr);
      }
      if (IsStructured(schema_, place->type)) {
        TooMuch(expr.span, "a whole list or record is no value of a condition: compare it, count it, or name a member");
        return Scalar(build_.Bool(false));
      }
      return Load(*place);
    }
    case ExprKind::kNot:
      return Not(Lower(*expr.children[0], Flip(polarity)));
    case ExprKind::kAnd: {
      const Value a = Lower(*expr.children[0], polarity);
      const Value b = Lower(*expr.children[1], polarity);
      return And(a, b);
    }
    case ExprKind::kOr: {
      const Value a = Lower(*expr.children[0], polarity);
      const Value b = Lower(*expr.children[1], polarity);
      return Or(a, b);
    }
    case ExprKind::kEqual: {
      ++neutral_;
      const Value v = Equal(*expr.children[0], *expr.children[1]);
      --neutral_;
      return v;
    }
    case ExprKind::kNotEqual: {
      ++neutral_;
      const Value v = Not(Equal(*expr.children[0], *expr.children[1]));
      --neutral_;
      return v;
    }
    case ExprKind::kIs: {
      ++neutral_;
      const Value v = EqualValues(*expr.children[0], *expr.children[1], true);
      --neutral_;
      return v;
    }
    case ExprKind::kLess:
      return Compare(*expr.children[0], *expr.children[1], false);
    case ExprKind::kLessEqual:
      return Compare(*expr.children[0], *expr.children[1], true);
    case ExprKind::kIn:
      return In(expr);
    case ExprKind::kHas:
      return Has(expr);
    case ExprKind::kCoalesce:
      return Coalesce(expr);
    case ExprKind::kIf:
      return If(expr);
    case ExprKind::kAdd:
    case ExprKind::kSubtract:
    case ExprKind::kMultiply:
    case ExprKind::kNegate:
      return Arithmetic(expr);
    case ExprKind::kRound:
      return RoundTo(expr);
    case ExprKind::kDivide:
      WRIT_CHECK(false);  // stands in kRound only
    case ExprKind::kSetLiteral: {
      // A constant set of an enum's members, as bits.
      Num bits = 0;
      for (const typed::ExprPtr& member : expr.children) bits |= Num{1} << static_cast<int>(member->number & 63);
      return Scalar(build_.Number(static_cast<int64_t>(static_cast<uint64_t>(bits))));
    }
    case ExprKind::kQuantifier: {
      ++neutral_;
      const Value v = Quantifier(expr, polarity);
      --neutral_;
      return v;
    }
    case ExprKind::kFact:
      return LowerFact(expr.index);
    case ExprKind::kSays: {
      const Review& review = schema_.workflows[function_->workflow.value].reviews[expr.index];
      const Seat& seat = review.seats[expr.part];
      const ExprId votes = NumSlot(SlotRoot::kSeatVotes, {0, seat.seats}, expr.index, expr.part, expr.part2);
      const ExprId quorum = build_.Number(Planted(Fault::kVotesAreQuorum) ? 1 : seat.quorum);
      return Scalar(build_.LeNum(quorum, votes));
    }
    case ExprKind::kVotes: {
      const Review& review = schema_.workflows[function_->workflow.value].reviews[expr.index];
      return Scalar(
          NumSlot(SlotRoot::kSeatVotes, {0, review.seats[expr.part].seats}, expr.index, expr.part, expr.part2));
    }
  }
  WRIT_CHECK(false);
}

Value FunctionLowering::Constant(const Expr& expr) {
  const Type& type = expr.type.type;
  if (type.kind == TypeKind::kBool) return Scalar(build_.Bool(expr.number != 0));
  if (IsText(type)) return Scalar(build_.Text(expr.text));
  return Scalar(build_.Number(expr.number));
}

Value FunctionLowering::Equal(const Expr& a, const Expr& b) { return EqualValues(a, b, false); }

Value FunctionLowering::EqualValues(const Expr& a, const Expr& b, bool is) {
  if (IsStructured(schema_, a.type.type)) return EqualLists(a, b);
  const Value x = Lower(a);
  const Value y = Lower(b);
  ExprId equal;
  if (a.type.type.kind == TypeKind::kBool) {
    equal = build_.EqBool(x.value, y.value);
  } else if (IsText(a.type.type)) {
    equal = build_.EqStr(x.value, y.value);
  } else {
    const ExprId left = Scaled(x.value, b.type.scale - a.type.scale, a.span);
    const ExprId right = Scaled(y.value, a.type.scale - b.type.scale, b.span);
    equal = build_.EqNum(left, right);
  }
  if (is && !Planted(Fault::kAbsentEqualsZero)) {
    equal = build_.And(equal, x.present);
    equal = build_.And(equal, y.present);
  }
  return {equal, build_.Or(x.unknown, y.unknown), build_.Bool(true)};
}

ExprId FunctionLowering::EqualElements(const Place& a, const Place& b, const Type& type) {
  if (type.kind == TypeKind::kRecord) {
    ExprId all = build_.Bool(true);
    const Record& record = schema_.records[type.index];
    for (uint32_t m = 0; m < record.members.size(); ++m) {
      Place x = a, y = b;
      x.path.steps.push_back({PathStep::Kind::kMember, m});
      y.path.steps.push_back({PathStep::Kind::kMember, m});
      x.type = y.type = schema_.types[record.members[m].type.value];
      if (IsStructured(schema_, x.type) && x.type.kind != TypeKind::kRecord) {
        TooMuch({}, "lists of records that hold lists cannot be compared as a whole: compare their members");
        continue;
      }
      const ExprId same = EqualElements(x, y, x.type);
      all = build_.And(all, same);
    }
    return all;
  }
  const Value x = Load(a);
  const Value y = Load(b);
  const ExprId same = type.kind == TypeKind::kBool ? build_.EqBool(x.value, y.value)
                      : IsText(type)               ? build_.EqStr(x.value, y.value)
                                                   : build_.EqNum(x.value, y.value);
  const ExprId both = build_.EqBool(x.present, y.present);
  return build_.And(same, both);
}

// Equal lengths, and for each element of the one the element of the same place in the other is equal.
Value FunctionLowering::EqualLists(const Expr& a, const Expr& b) {
  std::optional<Place> x = PlaceOf(a), y = PlaceOf(b);
  if (!x || !y) {
    TooMuch(a.span, "these cannot be compared as a whole: compare fields");
    return Scalar(build_.Bool(false));
  }
  if (x->type.kind == TypeKind::kRecord) {
    const ExprId same = EqualElements(*x, *y, x->type);
    return Scalar(same);
  }
  if (y->list.valid()) std::swap(x, y);
  const ListId list_x = ListOf(*x, a.span), list_y = ListOf(*y, b.span);
  if (!list_x.valid() || !list_y.valid()) return Scalar(build_.Bool(false));
  if (y->list.valid()) {
    TooMuch(a.span, "two lists that both lie inside elements cannot be compared as a whole: compare their members");
    return Scalar(build_.Bool(false));
  }
  const ExprId length_x = LoadSlot(*x, Projection::kLength, SlotKind::kI64, {0, x->type.capacity});
  const ExprId length_y = LoadSlot(*y, Projection::kLength, SlotKind::kI64, {0, y->type.capacity});
  const ExprId same_length = build_.EqNum(length_x, length_y);
  const std::optional<LoopId> opened = Open(*x, list_x, a.span);
  if (!opened) return Scalar(build_.Bool(false));
  const LoopId outer = *opened;
  const LoopId inner = build_.OpenLoop(list_y, outer);
  const ExprId i = build_.Index(outer);
  const ExprId j = build_.Index(inner);
  const ExprId same_place = build_.EqNum(i, j);
  const ExprId same =
      EqualElements(Element(*x, outer, list_x), Element(*y, inner, list_y), schema_.types[x->type.element.value]);
  const ExprId match = build_.And(same_place, same);
  const ExprId found = build_.Any(inner, match);
  const ExprId all = build_.All(outer, found);
  ExprId unknown = x->unknown.valid() ? x->unknown : build_.Bool(false);
  if (y->unknown.valid()) unknown = build_.Or(unknown, y->unknown);
  const ExprId value = build_.And(same_length, all);
  return {value, unknown, build_.Bool(true)};
}

Value FunctionLowering::Compare(const Expr& a, const Expr& b, bool or_equal) {
  ++neutral_;
  const Value x = Lower(a);
  const Value y = Lower(b);
  --neutral_;
  const ExprId left = Scaled(x.value, b.type.scale - a.type.scale, a.span);
  const ExprId right = Scaled(y.value, a.type.scale - b.type.scale, b.span);
  const ExprId value = or_equal ? build_.LeNum(left, right) : build_.LtNum(left, right);
  return {value, build_.Or(x.unknown, y.unknown), build_.Bool(true)};
}

Value FunctionLowering::Arithmetic(const Expr& expr) {
  ++neutral_;
  const Value x = Lower(*expr.children[0]);
  Value y = expr.children.size() > 1 ? Lower(*expr.children[1]) : Scalar(build_.Number(0));
  --neutral_;
  Value v = Scalar(build_.Number(0));
  v.unknown = build_.Or(x.unknown, y.unknown);
  v.present = build_.And(x.present, y.present);  // `age(last(…))` is a T?
  if (expr.kind == ExprKind::kMultiply) {
    if (Fits(build_.FitsMul(x.value, y.value), expr.span)) v.value = build_.Mul(x.value, y.value);
  } else if (expr.kind == ExprKind::kNegate) {
    const ExprId zero = build_.Number(0);
    if (Fits(build_.FitsSub(zero, x.value), expr.span)) v.value = build_.Neg(x.value);
  } else {
    const ExprId left = Scaled(x.value, expr.type.scale - expr.children[0]->type.scale, expr.span);
    const ExprId right = Scaled(y.value, expr.type.scale - expr.children[1]->type.scale, expr.span);
    if (expr.kind == ExprKind::kAdd) {
      if (Fits(build_.FitsAdd(left, right), expr.span)) v.value = build_.Add(left, right);
    } else {
      if (Fits(build_.FitsSub(left, right), expr.span)) v.value = build_.Sub(left, right);
    }
  }
  // Unrounded values are exact in 128 bits; what has its kind's own scale must fit its 64.
  return expr.type.scale == 0 ? Checked(v) : v;
}

Value FunctionLowering::RoundTo(const Expr& expr) {
  const Expr* inner = expr.children[0].get();
  Num divisor = 1;
  bool negative = false;
  if (inner->kind == ExprKind::kDivide) {
    divisor = inner->number;
    negative = divisor < 0;
    if (negative) divisor = -divisor;
    inner = inner->children[0].get();
  }
  ++neutral_;
  Value v = Lower(*inner);
  --neutral_;
  const int digits = inner->type.scale;
  WRIT_CHECK(divisor > 0);
  if (digits > kScaleMax || divisor > (Num{1} << 100) / Pow10(digits)) {
    Fits(false, expr.span);
    return Scalar(build_.Number(0));
  }
  if (negative) v.value = build_.Neg(v.value);
  const Num by = divisor * Pow10(digits);
  v.value = by == 1 ? v.value : build_.Round(expr.rounding, v.value, by);
  v.present = build_.Bool(true);
  return Checked(v);
}

Value FunctionLowering::If(const Expr& expr) {
  ++neutral_;
  const Value c = Lower(*expr.children[0]);
  const Value x = Lower(*expr.children[1]);
  const Value y = Lower(*expr.children[2]);
  --neutral_;
  ExprId left = x.value, right = y.value;
  const Type& type = expr.type.type;
  if (type.kind != TypeKind::kBool && !IsText(type)) {
    left = Scaled(left, expr.type.scale - expr.children[1]->type.scale, expr.span);
    right = Scaled(right, expr.type.scale - expr.children[2]->type.scale, expr.span);
  }
  Value v;
  v.value = build_.Select(c.value, left, right);
  const ExprId either = build_.Or(x.unknown, y.unknown);
  v.unknown = build_.Or(c.unknown, either);
  v.present = build_.Select(c.value, x.present, y.present);
  return v;
}

Value FunctionLowering::Coalesce(const Expr& expr) {
  ++neutral_;
  const Value x = Lower(*expr.children[0]);
  const Value y = Lower(*expr.children[1]);
  --neutral_;
  ExprId left = x.value, right = y.value;
  const Type& type = expr.type.type;
  if (type.kind != TypeKind::kBool && !IsText(type)) {
    left = Scaled(left, expr.type.scale - expr.children[0]->type.scale, expr.span);
    right = Scaled(right, expr.type.scale - expr.children[1]->type.scale, expr.span);
  }
  Value v;
  v.value = build_.Select(x.present, left, right);
  v.unknown = build_.Or(x.unknown, y.unknown);
  v.present = build_.Or(x.present, y.present);
  return v;
}

Value FunctionLowering::Has(const Expr& expr) {
  const Expr& what = *expr.children[0];
  if (IsStructured(schema_, what.type.type)) {
    std::optional<Place> place = PlaceOf(what);
    if (!place) {
      TooMuch(what.span, "whether this is there cannot be read: name the field itself");
      return Scalar(build_.Bool(false));
    }
    ExprId present = place->present.valid() ? place->present : build_.Bool(true);
    // An element that was looked up is there or not; a field has a bit of its own.
    if (place->type.optional) {
      const ExprId has = LoadSlot(*place, Projection::kHas, SlotKind::kBool, {0, 1});
      present = build_.And(present, has);
    }
    return {present, place->unknown.valid() ? place->unknown : build_.Bool(false), build_.Bool(true)};
  }
  ++neutral_;
  const Value v = Lower(what);
  --neutral_;
  return {v.present, v.unknown, build_.Bool(true)};
}

Value FunctionLowering::In(const Expr& expr) {
  ++neutral_;
  const Expr& needle = *expr.children[0];
  const Expr& hay = *expr.children[1];
  const Value x = Lower(needle);
  Value result = Scalar(build_.Bool(false));
  if (hay.kind == ExprKind::kSetLiteral) {
    const bool bits = (needle.type.type.kind == TypeKind::kEnum || needle.type.type.kind == TypeKind::kRole) &&
                      std::all_of(hay.children.begin(), hay.children.end(),
                                  [](const typed::ExprPtr& m) { return m->number >= 0 && m->number < 64; });
    if (bits) {
      uint64_t mask = 0;
      for (const typed::ExprPtr& member : hay.children) mask |= uint64_t{1} << static_cast<int>(member->number);
      const ExprId set = build_.Number(static_cast<int64_t>(mask));
      result.value = build_.HasBit(set, x.value);
    } else {
      for (const typed::ExprPtr& member : hay.children) {
        const Value y = Lower(*member);
        ExprId same;
        if (needle.type.type.kind == TypeKind::kBool) {
          same = build_.EqBool(x.value, y.value);
        } else if (IsText(needle.type.type)) {
          same = build_.EqStr(x.value, y.value);
        } else {
          const ExprId left = Scaled(x.value, member->type.scale - needle.type.scale, needle.span);
          const ExprId right = Scaled(y.value, needle.type.scale - member->type.scale, needle.span);
          same = build_.EqNum(left, right);
        }
        result.value = build_.Or(result.value, same);
      }
    }
    result.unknown = x.unknown;
  } else if (IsBits(schema_, hay.type.type)) {
    const Value set = Lower(hay);
    result.value = build_.HasBit(set.value, x.value);
    result.unknown = build_.Or(x.unknown, set.unknown);
  } else {
    std::optional<Place> place = PlaceOf(hay);
    const ListId list = place ? ListOf(*place, hay.span) : ListId();
    const std::optional<LoopId> opened = list.valid() ? Open(*place, list, hay.span) : std::nullopt;
    if (opened) {
      const LoopId loop = *opened;
      Place element = Element(*place, loop, list);
      element.unknown = element.present = ExprId();
      const Value y = Load(element);
      const ExprId same = needle.type.type.kind == TypeKind::kBool ? build_.EqBool(x.value, y.value)
                          : IsText(needle.type.type)               ? build_.EqStr(x.value, y.value)
                                                                   : build_.EqNum(x.value, y.value);
      result.value = build_.Any(loop, same);
      result.unknown = place->unknown.valid() ? build_.Or(x.unknown, place->unknown) : x.unknown;
    } else if (!place) {
      TooMuch(hay.span, "membership can be asked of a field, a payload value or a `{…}` of constants");
    }
  }
  result.value = build_.And(result.value, x.present);
  --neutral_;
  return result;
}

// ---------------------------------------------------------------- comprehensions

Value FunctionLowering::Length(const Expr& expr) {
  const Expr& source = *expr.children[1];
  if (IsBits(schema_, source.type.type)) {
    Value v = Lower(source);
    v.value = build_.PopCount(v.value);
    v.present = build_.Bool(true);
    return v;
  }
  std::optional<Place> place = PlaceOf(source);
  if (!place) {
    TooMuch(source.span, "only a field or a payload value can be counted");
    return Scalar(build_.Number(0));
  }
  Value v = Scalar(LoadSlot(*place, Projection::kLength, SlotKind::kI64, {0, place->type.capacity}));
  if (place->unknown.valid()) v.unknown = place->unknown;
  return v;
}

// Folds what one element gives into what the comprehension gives.
Value FunctionLowering::Reduce(const Expr& expr, LoopId loop, Value body, Value where, ExprId any_element,
                               Polarity polarity) {
  Value v = Scalar(build_.Bool(false));
  const ExprId chosen = Known(where);
  switch (expr.op) {
    case QuantifierOp::kAny: {
      const Value both = And(where, body);
      const ExprId hit = Known(both);
      const ExprId any_hit = build_.Any(loop, hit);
      const ExprId any_unknown = build_.Any(loop, both.unknown);
      const ExprId no_hit = build_.Not(any_hit);
      v.value = any_hit;
      v.unknown = build_.And(any_unknown, no_hit);
      return v;
    }
    case QuantifierOp::kAll: {
      const Value outside = Not(where);
      const Value implied = Or(outside, body);
      const ExprId not_false = TrueOrUnknown(implied);
      const ExprId none_false = build_.All(loop, not_false);
      const ExprId any_unknown = build_.Any(loop, implied.unknown);
      v.value = none_false;
      v.unknown = build_.And(any_unknown, none_false);
      if (polarity == Polarity::kEmpowers && !Planted(Fault::kVacuousTruthGrants))
        v.value = build_.And(v.value, any_element);
      return v;
    }
    case QuantifierOp::kCount: {
      const Value both = And(where, body);
      const ExprId counted = Known(both);
      v.value = build_.Count(loop, counted);
      v.unknown = build_.Any(loop, both.unknown);
      return v;
    }
    case QuantifierOp::kSum:
    case QuantifierOp::kMin:
    case QuantifierOp::kMax: {
      const ExprId bad_value = build_.And(chosen, body.unknown);
      const ExprId bad = build_.Or(where.unknown, bad_value);
      v.unknown = build_.Any(loop, bad);
      const ExprId there = build_.And(chosen, body.present);
      if (expr.op == QuantifierOp::kSum) {
        if (!Fits(build_.FitsSum(loop, body.value), expr.span)) return Scalar(build_.Number(0));
        v.value = build_.Sum(loop, there, body.value);
        return expr.type.scale == 0 ? Checked(v) : v;
      }
      v.value =
          expr.op == QuantifierOp::kMin ? build_.Min(loop, there, body.value) : build_.Max(loop, there, body.value);
      v.present = build_.Any(loop, there);
      return v;
    }
    case QuantifierOp::kDistinct:
      break;
  }
  WRIT_CHECK(false);
}

Value FunctionLowering::Quantifier(const Expr& expr, Polarity polarity) {
  const Expr& source = *expr.children[1];
  const Expr* where_expr = expr.children.size() > 2 ? expr.children[2].get() : nullptr;
  if (expr.children[0] == nullptr && where_expr == nullptr) return Length(expr);
  if (IsBits(schema_, source.type.type)) return QuantifierOverBits(expr, polarity);
  std::optional<Place> place = PlaceOf(source);
  if (!place) {
    TooMuch(source.span, "only a field or a payload value can be gone through");
    return Scalar(build_.Bool(false));
  }
  const ListId list = ListOf(*place, source.span);
  if (!list.valid()) return Scalar(expr.type.type.kind == TypeKind::kBool ? build_.Bool(false) : build_.Number(0));
  if (expr.op == QuantifierOp::kDistinct && place->list.valid()) {
    TooMuch(expr.span, "`distinct` cannot go through a list inside an element");
    return Scalar(build_.Number(0));
  }
  const std::optional<LoopId> opened = Open(*place, list, source.span);
  if (!opened) return Scalar(expr.type.type.kind == TypeKind::kBool ? build_.Bool(false) : build_.Number(0));
  const LoopId loop = *opened;
  Place element = Element(*place, loop, list);
  element.present = ExprId();
  places_[expr.variable] = element;
  loops_.push_back(loop);
  Value result;
  if (expr.op == QuantifierOp::kDistinct) {
    result = Distinct(expr, *place, loop);
  } else {
    const Value where = where_expr != nullptr ? Lower(*where_expr) : True();
    const Value body = expr.children[0] != nullptr ? Lower(*expr.children[0], polarity) : True();
    const ExprId yes = build_.Bool(true);
    const Value chosen = where;
    const ExprId selected = where_expr != nullptr ? Known(chosen) : yes;
    const ExprId any_element = polarity == Polarity::kEmpowers ? build_.Any(loop, selected) : yes;
    result = Reduce(expr, loop, body, where, any_element, polarity);
  }
  loops_.pop_back();
  places_.erase(expr.variable);
  if (place->unknown.valid()) result.unknown = build_.Or(result.unknown, place->unknown);
  return result;
}

// The elements before which no equal one stands.
Value FunctionLowering::Distinct(const Expr& expr, const Place& place, LoopId loop) {
  const Expr* where_expr = expr.children.size() > 2 ? expr.children[2].get() : nullptr;
  const Value where = where_expr != nullptr ? Lower(*where_expr) : True();
  const Value value = Lower(*expr.children[0]);
  const ExprId chosen = Known(where);
  const ExprId counted = build_.And(chosen, value.present);

  const Place outer = places_[expr.variable];
  const LoopId inner = build_.OpenLoop(outer.list, loop);
  places_[expr.variable] = Element(place, inner, outer.list);
  places_[expr.variable].present = ExprId();
  loops_.push_back(inner);
  const Value where_before = where_expr != nullptr ? Lower(*where_expr) : True();
  const Value value_before = Lower(*expr.children[0]);
  loops_.pop_back();
  places_[expr.variable] = outer;

  const ExprId i = build_.Index(loop);
  const ExprId j = build_.Index(inner);
  const ExprId earlier = build_.LtNum(j, i);
  const Type& type = expr.children[0]->type.type;
  const ExprId same = type.kind == TypeKind::kBool ? build_.EqBool(value.value, value_before.value)
                      : IsText(type)               ? build_.EqStr(value.value, value_before.value)
                                                   : build_.EqNum(value.value, value_before.value);
  ExprId match = build_.And(earlier, same);
  const ExprId chosen_before = Known(where_before);
  match = build_.And(match, chosen_before);
  match = build_.And(match, value_before.present);
  const ExprId seen = build_.Any(inner, match);
  const ExprId unseen = build_.Not(seen);
  const ExprId fresh = build_.And(counted, unseen);

  Value v = Scalar(build_.Count(loop, fresh));
  const ExprId bad_value = build_.And(chosen, value.unknown);
  const ExprId bad = build_.Or(where.unknown, bad_value);
  v.unknown = build_.Any(loop, bad);
  return v;
}

// A set of an enum is a handful of bits: each member in turn, as a constant.
Value FunctionLowering::QuantifierOverBits(const Expr& expr, Polarity polarity) {
  const Expr& source = *expr.children[1];
  const Expr* where_expr = expr.children.size() > 2 ? expr.children[2].get() : nullptr;
  const Value set = Lower(source);
  const Type& element = schema_.types[source.type.type.element.value];
  const uint32_t members = static_cast<uint32_t>(schema_.enums[element.index].members.size());

  Value result = Scalar(build_.Bool(expr.op == QuantifierOp::kAll));
  if (expr.op != QuantifierOp::kAny && expr.op != QuantifierOp::kAll) result = Scalar(build_.Number(0));
  if (expr.op == QuantifierOp::kMin || expr.op == QuantifierOp::kMax) result.present = build_.Bool(false);
  ExprId any_element = build_.Bool(false);
  for (uint32_t m = 0; m < members; ++m) {
    const ExprId bit = build_.Number(m);
    constants_[expr.variable] = Scalar(bit);
    const ExprId is_member = build_.HasBit(set.value, bit);
    Value where = Scalar(is_member);
    if (where_expr != nullptr) {
      const Value condition = Lower(*where_expr);
      where = And(where, condition);
    }
    const Value body = expr.children[0] != nullptr ? Lower(*expr.children[0], polarity) : True();
    const ExprId chosen = Known(where);
    any_element = build_.Or(any_element, chosen);
    const ExprId zero = build_.Number(0), one = build_.Number(1);
    switch (expr.op) {
      case QuantifierOp::kAny: {
        const Value both = And(where, body);
        result = Or(result, both);
        break;
      }
      case QuantifierOp::kAll: {
        const Value outside = Not(where);
        const Value implied = Or(outside, body);
        result = And(result, implied);
        break;
      }
      case QuantifierOp::kCount: {
        const Value both = And(where, body);
        const ExprId hit = Known(both);
        const ExprId step = build_.Select(hit, one, zero);
        result.value = build_.Add(result.value, step);
        result.unknown = build_.Or(result.unknown, both.unknown);
        break;
      }
      default: {
        const ExprId bad_value = build_.And(chosen, body.unknown);
        const ExprId bad = build_.Or(where.unknown, bad_value);
        result.unknown = build_.Or(result.unknown, bad);
        const ExprId there = build_.And(chosen, body.present);
        if (expr.op == QuantifierOp::kSum) {
          const ExprId step = build_.Select(there, body.value, zero);
          if (Fits(build_.FitsAdd(result.value, step), expr.span)) result.value = build_.Add(result.value, step);
        } else if (expr.op == QuantifierOp::kDistinct) {
          TooMuch(expr.span, "the members of a set are distinct: use `count`");
        } else {
          const ExprId less = expr.op == QuantifierOp::kMin ? build_.LtNum(body.value, result.value)
                                                            : build_.LtNum(result.value, body.value);
          const ExprId first = build_.Not(result.present);
          const ExprId better = build_.Or(first, less);
          const ExprId take = build_.And(there, better);
          result.value = build_.Select(take, body.value, result.value);
          result.present = build_.Or(result.present, there);
        }
      }
    }
  }
  constants_.erase(expr.variable);
  if (expr.op == QuantifierOp::kAll && polarity == Polarity::kEmpowers)
    result.value = build_.And(result.value, any_element);
  result.unknown = build_.Or(result.unknown, set.unknown);
  if (expr.op == QuantifierOp::kSum && expr.type.scale == 0) result = Checked(result);
  return result;
}

// ---------------------------------------------------------------- end

void FunctionLowering::Finish(std::vector<ir::Guard> restraints, std::vector<ir::Guard> allows,
                              std::vector<ExprId> outputs, ir::Code* code, FunctionConditions* collected) {
  const std::vector<ExprId> moved = build_.Finish(std::move(restraints), std::move(allows), std::move(outputs), code);
  const std::vector<SlotId> slots = layout_.Finish();
  for (ir::Expr& expr : code->exprs) {
    const ir::OpInfo& info = ir::InfoOf(expr.op);
    if (info.operands[0] == ir::Operand::kSlot) expr.a = slots[expr.a].value;
  }
  if (collected == nullptr) return;
  for (auto* table : {&collected->restraints, &collected->allows}) {
    for (std::vector<Condition>& list : *table) {
      for (Condition& condition : list) {
        condition.value = moved[condition.value.value];
        condition.unknown = moved[condition.unknown.value];
      }
    }
  }
}

}  // namespace writ::lower
