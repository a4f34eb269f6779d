// Filling a frame: one generic walk over the layout. Every slot's path is resolved to a Cursor, which is then projected
// and stored. What is absent or missing leaves the zeroes that Resize put there, but for a state, which is `new` then.
#include <algorithm>
#include <bit>
#include <utility>

#include "runtime/builtins/check.h"
#include "runtime/frame/frame.h"
#include "runtime/frame/key_text.h"

namespace writ {
namespace {

// Look-ups whose keys come from look-ups; a well-formed layout stays far below it.
constexpr int kLookupDepthMax = 8;

// A value on the way along a path: a stored one, a number, or a text. `type` is known wherever steps can follow;
// `workflow` is set where the value is a reference that no field's type describes.
struct Cursor {
  enum class Kind : uint8_t { kAbsent, kStored, kNumber, kText } kind = Kind::kAbsent;
  const Value* stored = nullptr;
  Num number = 0;
  std::string_view text;
  const Type* type = nullptr;
  WorkflowId workflow;
  bool is_self = false;  // the reference to the instance itself, which may not exist yet

  static Cursor Number(Num n) {
    Cursor cursor;
    cursor.kind = Kind::kNumber;
    cursor.number = n;
    return cursor;
  }
  static Cursor Text(std::string_view t) {
    Cursor cursor;
    cursor.kind = Kind::kText;
    cursor.text = t;
    return cursor;
  }
  static Cursor Stored(const Value* value, const Type* type) {
    Cursor cursor;
    cursor.type = type;
    if (value == nullptr || value->absent()) return cursor;
    cursor.kind = Kind::kStored;
    cursor.stored = value;
    return cursor;
  }

  bool present() const { return kind != Kind::kAbsent; }
  bool is_text() const { return kind == Kind::kText || (kind == Kind::kStored && stored->is_text()); }
  std::string_view AsText() const {
    if (kind == Kind::kText) return text;
    return is_text() ? std::string_view(stored->text()) : std::string_view();
  }
  Num AsNumber() const {
    if (kind == Kind::kNumber) return number;
    return kind == Kind::kStored && stored->is_integer() ? stored->integer() : 0;
  }
  const Value::List* AsList() const { return kind == Kind::kStored && stored->is_list() ? &stored->list() : nullptr; }
};

// The elements that the walk stands in, innermost first.
struct Scope {
  const Scope* outer = nullptr;
  ListId list;
  const Value* element = nullptr;
  const Type* type = nullptr;
  size_t base = 0;
};

class Filler {
 public:
  Filler(const World& world, const Function& function, const Proposal& proposal, const Instance* instance,
         int64_t position, Frame* frame, ReadSet* reads, const Instance* cells = nullptr)
      : world_(world), schema_(world.schema()), function_(function), layout_(function.frame),
        workflow_(schema_.workflows[function.workflow.value]), proposal_(proposal), instance_(instance),
        position_(position), frame_(frame), reads_(reads), cells_(cells != nullptr ? cells : instance) {
    const bool has_transition = function.kind != FunctionKind::kConclude && function.kind != FunctionKind::kAsk &&
                                function.kind != FunctionKind::kPlan &&
                                function.subject != UINT32_MAX;
    if (has_transition) transition_ = &workflow_.transitions[function.subject];
  }

  void Fill() {
    frame_->Resize(layout_.size_words);
    words_ = frame_->mutable_words();
    FillSlots(0, layout_.slots.size(), ListId(), nullptr);
    FillLists(ListId(), nullptr);
  }

 private:
  // After the event: fields are as it left them.
  bool is_fold() const { return function_.kind == FunctionKind::kFold || function_.kind == FunctionKind::kKey; }
  const Type* TypeOf(TypeId id) const { return &schema_.types[id.value]; }

  void FillSlots(size_t begin, size_t end, ListId list, const Scope* scope) {
    const size_t base = scope == nullptr ? 0 : scope->base;
    for (size_t i = begin; i < end; ++i) {
      const Slot& slot = layout_.slots[i];
      if (slot.list != list) continue;
      const Cursor cursor = Resolve(slot.path, scope, 0);
      const bool nowhere = slot.projection == Projection::kValue && EndsInState(slot.path) && !cursor.present();
      Store(slot, nowhere ? Cursor::Number(-1) : Project(slot.projection, cursor), words_ + base + slot.offset);
    }
  }

  void FillLists(ListId parent, const Scope* scope) {
    for (size_t i = 0; i < layout_.lists.size(); ++i) {
      if (layout_.lists[i].parent == parent) FillList(ListId(i), scope);
    }
  }

  void FillList(ListId id, const Scope* outer) {
    const FrameList& list = layout_.lists[id.value];
    const Cursor cursor = Resolve(list.path, outer, 0);
    const Value::List* elements = cursor.AsList();
    if (elements == nullptr) return;
    const size_t start = (outer == nullptr ? 0 : outer->base) + list.offset;
    const size_t count = std::min<size_t>(elements->size(), list.capacity);
    words_[start] = static_cast<int64_t>(count);
    const auto [begin, end] = SlotsOf(id);
    Scope scope{outer, id, nullptr, cursor.type == nullptr ? nullptr : TypeOf(cursor.type->element), 0};
    for (size_t i = 0; i < count; ++i) {
      scope.element = &(*elements)[i];
      scope.base = start + 1 + i * list.stride;
      FillSlots(begin, end, id, &scope);
      FillLists(id, &scope);
    }
  }

  // The narrowest range of slots that holds all of the list's.
  std::pair<size_t, size_t> SlotsOf(ListId id) const {
    size_t begin = 0, end = layout_.slots.size();
    while (begin < end && layout_.slots[begin].list != id) ++begin;
    while (end > begin && layout_.slots[end - 1].list != id) --end;
    return {begin, end};
  }

  // ---------------------------------------------------------------- paths

  // What is not there is in no state, and `new` is none that is written: it reads as -1, as `state` itself does.
  static bool EndsInState(const SlotPath& path) {
    return !path.steps.empty() && path.steps.back().kind == PathStep::Kind::kState;
  }

  Cursor Resolve(const SlotPath& path, const Scope* scope, int depth) {
    Cursor cursor = Root(path, scope, depth);
    for (const PathStep& step : path.steps) {
      if (!cursor.present()) return {};
      cursor = Step(step, cursor);
    }
    return cursor;
  }

  Cursor Step(const PathStep& step, const Cursor& cursor) {
    if (step.kind == PathStep::Kind::kMember) return Member(step.index, cursor);
    if (cursor.is_self) return OwnStep(step);
    WorkflowId workflow;
    const Instance* target = Follow(cursor, &workflow);
    if (target == nullptr) return {};
    return InstanceStep(step, schema_.workflows[workflow.value], *target, target->key_parts);
  }

  Cursor Member(uint32_t index, const Cursor& cursor) const {
    const Value::List* members = cursor.AsList();
    if (members == nullptr || cursor.type == nullptr || index >= members->size()) return {};
    return Cursor::Stored(&(*members)[index], TypeOf(schema_.records[cursor.type->index].members[index].type));
  }

  // An instance that is being created has a key, though it has nothing else yet.
  Cursor OwnStep(const PathStep& step) const {
    if (step.kind == PathStep::Kind::kKeyPart) return KeyPart(step.index, workflow_, proposal_.key_parts);
    if (!Exists(instance_)) return {};
    return InstanceStep(step, workflow_, *instance_, proposal_.key_parts);
  }

  Cursor InstanceStep(const PathStep& step, const Workflow& workflow, const Instance& target,
                      const std::vector<Value>& key_parts) const {
    switch (step.kind) {
      case PathStep::Kind::kField:
        return Cursor::Stored(&target.fields[step.index], TypeOf(workflow.fields[step.index].type));
      case PathStep::Kind::kState: return Cursor::Number(target.state.value);
      case PathStep::Kind::kKeyPart: return KeyPart(step.index, workflow, key_parts);
      case PathStep::Kind::kCell: return CellOf(target, step.index);
      case PathStep::Kind::kWindowCount: return WindowFact(SlotRoot::kWindowCount, target, step.index);
      case PathStep::Kind::kWindowSum: return WindowFact(SlotRoot::kWindowSum, target, step.index);
      case PathStep::Kind::kWindowMin: return WindowFact(SlotRoot::kWindowMin, target, step.index);
      case PathStep::Kind::kWindowMax: return WindowFact(SlotRoot::kWindowMax, target, step.index);
      case PathStep::Kind::kWindowOverflow: return WindowFact(SlotRoot::kWindowOverflow, target, step.index);
      case PathStep::Kind::kMember: break;
    }
    return {};
  }

  Cursor KeyPart(uint32_t index, const Workflow& workflow, const std::vector<Value>& parts) const {
    if (index >= parts.size()) return {};
    return Cursor::Stored(&parts[index], TypeOf(workflow.key[index].type));
  }

  static bool Exists(const Instance* instance) { return instance != nullptr && instance->state != kNewState; }

  // The workflow that a cursor refers to; none if it is no reference.
  static WorkflowId TargetOf(const Cursor& cursor) {
    if (cursor.workflow.valid()) return cursor.workflow;
    if (cursor.type != nullptr && cursor.type->kind == TypeKind::kReference) return WorkflowId(cursor.type->index);
    return {};
  }

  // The existing instance that a reference names, or null. Either way its stream was read.
  const Instance* Follow(const Cursor& cursor, WorkflowId* workflow) {
    *workflow = TargetOf(cursor);
    if (!workflow->valid() || !cursor.is_text()) return nullptr;
    return Read(*workflow, cursor.AsText());
  }

  const Instance* Read(WorkflowId workflow, std::string_view key) {
    const Instance* target = world_.Find(workflow, key);
    AddRead(workflow, key, target == nullptr ? 0 : target->version);
    const bool exists = Exists(target) || (target != nullptr && schema_.workflows[workflow.value].is_fact);
    return exists ? target : nullptr;
  }

  void AddRead(WorkflowId workflow, std::string_view key, int64_t version) {
    if (reads_ == nullptr) return;
    const auto at = std::lower_bound(reads_->begin(), reads_->end(), key, [&](const ReadVersion& r, std::string_view k) {
      return r.workflow != workflow ? r.workflow < workflow : std::string_view(r.key) < k;
    });
    if (at != reads_->end() && at->workflow == workflow && at->key == key) return;
    reads_->insert(at, ReadVersion{workflow, std::string(key), version});
  }

 public:
  void AddOwnRead() { AddRead(function_.workflow, proposal_.key, instance_ == nullptr ? 0 : instance_->version); }

 private:
  // ---------------------------------------------------------------- roots

  Cursor Root(const SlotPath& path, const Scope* scope, int depth) {
    const ActorView& actor = proposal_.actor;
    switch (path.root) {
      case SlotRoot::kBefore: return FieldBefore(path.index);
      case SlotRoot::kAfter: return FieldAfter(path.index);
      case SlotRoot::kPayload: return Payload(path.index);
      case SlotRoot::kThisKey: return ThisKey();
      case SlotRoot::kNow: return Cursor::Number(proposal_.now_ns);
      case SlotRoot::kPosition: return Cursor::Number(position_);
      case SlotRoot::kState: return Cursor::Number(Exists(instance_) ? Num{instance_->state.value} : -1);
      case SlotRoot::kActorId: return Cursor::Text(actor.id);
      case SlotRoot::kActorPrincipal: return Cursor::Text(actor.principal);
      case SlotRoot::kActorRole: return Cursor::Number(actor.role.valid() ? Num{actor.role.value} : -1);
      case SlotRoot::kActorIsHuman: return Cursor::Number(actor.is_human);
      case SlotRoot::kActorIsActive: return Cursor::Number(actor.is_active);
      case SlotRoot::kActorIsOrchestrator: return Cursor::Number(actor.is_orchestrator);
      case SlotRoot::kHoldsRole: return Cursor::Number(actor.holds_role);  // the one role that can be asked for
      case SlotRoot::kSeen: return Cursor::Number(proposal_.seen);
      case SlotRoot::kLastChange: return Cursor::Number(instance_ == nullptr ? 0 : instance_->last_change);
      case SlotRoot::kDuplicate: return Cursor::Number(proposal_.duplicate);
      case SlotRoot::kCell: return cells_ == nullptr ? Cursor() : CellOf(*cells_, path.index);
      case SlotRoot::kWindowCount:
      case SlotRoot::kWindowSum:
      case SlotRoot::kWindowMin:
      case SlotRoot::kWindowMax:
      case SlotRoot::kWindowOverflow:
        return cells_ == nullptr ? Cursor() : WindowFact(path.root, *cells_, path.index);
      case SlotRoot::kReviewOutcome: return ReviewOutcome(path.index);
      case SlotRoot::kSeatSpoken:
      case SlotRoot::kSeatVotes:
      case SlotRoot::kSeatTaken: return SeatFact(path);
      case SlotRoot::kApproved:
        return Cursor::Number(std::binary_search(proposal_.approved.begin(), proposal_.approved.end(), RuleId(path.index)));
      case SlotRoot::kQuestionState: return Cursor::Number(proposal_.question_state);
      case SlotRoot::kQuestionSelf: return Cursor::Number(proposal_.question_self);
      case SlotRoot::kQuestionCovered: return Cursor::Number(proposal_.question_covered);
      case SlotRoot::kElement: return Element(scope);
      case SlotRoot::kLookup: return LookUp(path.index, scope, depth);
      case SlotRoot::kConsenting: return Cursor::Number(proposal_.consenting);
      case SlotRoot::kGrantRole: return Cursor::Number(proposal_.grant.has_value() ? Num{proposal_.grant->role.value} : -1);
      case SlotRoot::kGrantHolds: return Cursor::Number(!proposal_.grant.has_value() || proposal_.grant->holds);
      case SlotRoot::kGrantMost: return GrantMost(path.index);
      case SlotRoot::kGrantTask: return Cursor::Number(IsGrantedUnder(layout_.grant_tasks[path.index]));
      case SlotRoot::kGives: return Cursor::Number(proposal_.gives);
      case SlotRoot::kActorField: return Attribute(path.index);
      case SlotRoot::kUnder: return Cursor::Number(IsUnder(layout_.unders[path.index], scope, depth));
    }
    return {};
  }

  bool IsGrantedUnder(const std::string& task) const {
    if (!proposal_.grant.has_value()) return false;
    return std::binary_search(proposal_.grant->tasks.begin(), proposal_.grant->tasks.end(), task);
  }

  Cursor GrantMost(uint32_t field) const {
    if (!proposal_.grant.has_value()) return {};
    for (const auto& [limited, most] : proposal_.grant->most) {
      if (limited == FieldId(field)) return Cursor::Stored(&most, TypeOf(workflow_.fields[field].type));
    }
    return {};
  }

  // Of who acts, as it is at that moment; whoever looks at it has read the registry.
  Cursor Attribute(uint32_t field) {
    const ActorView& actor = proposal_.actor;
    const auto agent = std::find_if(schema_.workflows.begin(), schema_.workflows.end(),
                                    [](const Workflow& w) { return w.attributes_from != UINT32_MAX; });
    if (agent == schema_.workflows.end() || actor.is_orchestrator) return {};
    const WorkflowId id(static_cast<size_t>(agent - schema_.workflows.begin()));
    const Instance* registered = world_.Find(id, actor.id);
    AddRead(id, actor.id, registered == nullptr ? 0 : registered->version);
    const size_t at = field - agent->attributes_from;
    return Cursor::Stored(at < actor.attributes.size() ? &actor.attributes[at] : nullptr, TypeOf(agent->fields[field].type));
  }

  Cursor FieldBefore(uint32_t field) const {
    const Type* type = TypeOf(workflow_.fields[field].type);
    return Cursor::Stored(instance_ == nullptr ? nullptr : &instance_->fields[field], type);
  }

  Cursor FieldAfter(uint32_t field) const {
    if (is_fold() || transition_ == nullptr) return FieldBefore(field);
    const std::vector<SetField>& sets = transition_->sets;
    for (size_t i = 0; i < sets.size() && i < proposal_.sets.size(); ++i) {
      if (sets[i].field != FieldId(field) || proposal_.sets[i].absent()) continue;
      return Cursor::Stored(&proposal_.sets[i], TypeOf(workflow_.fields[field].type));
    }
    return FieldBefore(field);
  }

  Cursor Payload(uint32_t field) const {
    if (transition_ == nullptr || field >= proposal_.payload.size()) return {};
    return Cursor::Stored(&proposal_.payload[field], TypeOf(transition_->payload[field].type));
  }

  Cursor ThisKey() const {
    Cursor cursor = Cursor::Text(proposal_.key);
    cursor.workflow = function_.workflow;
    cursor.is_self = true;
    return cursor;
  }

  static Cursor Element(const Scope* scope) {
    WRIT_CHECK(scope != nullptr);
    return Cursor::Stored(scope->element, scope->type);
  }

  Cursor CellOf(const Instance& instance, uint32_t index) const {
    const CellValue& cell = instance.cells[index];
    if (schema_.workflows[instance.workflow.value].cells[index].kind == SlotKind::kString) return Cursor::Text(cell.text);
    return Cursor::Number(cell.number);
  }

  Cursor WindowFact(SlotRoot root, const Instance& instance, uint32_t index) const {
    const WindowState& window = instance.windows[index];
    const int64_t within_ns = schema_.workflows[instance.workflow.value].windows[index].within_ns;
    const Num after = Num{proposal_.now_ns} - within_ns;  // exclusive
    if (root == SlotRoot::kWindowOverflow) return Cursor::Number(Num{window.dropped_until_ns} > after);
    // Oldest first, and time never goes back: what is inside is a suffix.
    const auto begin = std::partition_point(window.entries.begin(), window.entries.end(),
                                            [&](const WindowState::Entry& e) { return Num{e.time_ns} <= after; });
    const auto end = window.entries.end();
    if (root == SlotRoot::kWindowCount) return Cursor::Number(end - begin);
    if (begin == end) return Cursor::Number(0);
    unsigned __int128 sum = 0;
    Num least = begin->value, most = begin->value;
    for (auto entry = begin; entry != end; ++entry) {
      sum += static_cast<unsigned __int128>(entry->value);
      least = std::min(least, entry->value);
      most = std::max(most, entry->value);
    }
    if (root == SlotRoot::kWindowSum) return Cursor::Number(static_cast<Num>(sum));
    return Cursor::Number(root == SlotRoot::kWindowMin ? least : most);
  }

  Cursor ReviewOutcome(uint32_t review) const {
    if (proposal_.conclude_review >= 0 && static_cast<uint32_t>(proposal_.conclude_review) == review) {
      return Cursor::Number(proposal_.conclude_clause);
    }
    return Cursor::Number(instance_ == nullptr ? -1 : instance_->reviews[review].outcome);
  }

  Cursor SeatFact(const SlotPath& path) const {
    if (instance_ == nullptr) return {};
    const std::vector<Verdict>& verdicts = instance_->reviews[path.index].seats[path.part];
    if (path.root == SlotRoot::kSeatSpoken) return Cursor::Number(static_cast<Num>(verdicts.size()));
    if (path.root == SlotRoot::kSeatVotes) {
      return Cursor::Number(std::count_if(verdicts.begin(), verdicts.end(),
                                          [&](const Verdict& v) { return v.stance == path.part2; }));
    }
    // Whoever has spoken may speak again.
    const bool has_spoken = std::any_of(verdicts.begin(), verdicts.end(),
                                        [&](const Verdict& v) { return v.actor == proposal_.actor.id; });
    return Cursor::Number(!has_spoken && verdicts.size() >= workflow_.reviews[path.index].seats[path.part].seats);
  }

  // The key's parts are resolved from their paths, not read from the frame, so that the order of slots does not matter.
  Cursor LookUp(uint32_t index, const Scope* scope, int depth) {
    WRIT_CHECK(depth < kLookupDepthMax);
    const Lookup& lookup = layout_.lookups[index];
    const Workflow& workflow = schema_.workflows[lookup.workflow.value];
    std::string joined;
    std::string_view text;
    for (size_t i = 0; i < lookup.key.size(); ++i) {
      std::string written;
      std::string_view part = lookup.key[i].text;
      if (lookup.key[i].slot.valid()) {
        if (!KeyPartText(lookup.key[i].slot, workflow.key[i], scope, depth, &written, &part)) return {};
        const std::string_view front = lookup.key[i].text;
        if (!front.empty() && !workflow.is_fact) return InStream(lookup.workflow, front, part);
        if (!front.empty()) {
          std::string whole(front);
          whole.append(part);
          part = written = std::move(whole);
        }
      }
      if (lookup.key.size() > 1) {
        AppendKeyPart(part, i == 0, &joined);
      } else {
        text = frame_->Keep(part);
      }
    }
    if (lookup.key.size() > 1) text = frame_->Keep(joined);
    return Found(lookup.workflow, text);
  }

  // By the name of its stream, which begins with that of its workflow.
  Cursor InStream(WorkflowId workflow, std::string_view front, std::string_view stream) {
    if (stream.substr(0, front.size()) != front) return {};
    return Found(workflow, frame_->Keep(stream.substr(front.size())));
  }

  Cursor Found(WorkflowId workflow, std::string_view key) {
    const Instance* target = Read(workflow, key);
    if (target == nullptr) return {};
    Cursor cursor = Cursor::Text(target->key);
    cursor.workflow = workflow;
    return cursor;
  }

  // What is under what is kept by the world. All that it follows from is read.
  bool IsUnder(const Under& under, const Scope* scope, int depth) {
    std::string_view low, high;
    if (!SideOf(under.low, scope, depth, &low) || !SideOf(under.high, scope, depth, &high)) return false;
    if (reads_ != nullptr) {
      Read(under.workflow, low);
      Read(under.workflow, high);
    }
    const std::vector<std::string>* ancestors = world_.Ancestors(under.workflow, low);
    if (ancestors == nullptr) return low == high;
    if (reads_ != nullptr) {
      for (const std::string& key : *ancestors) Read(under.workflow, key);
    }
    return std::binary_search(ancestors->begin(), ancestors->end(), high);
  }

  bool SideOf(const LookupPart& side, const Scope* scope, int depth, std::string_view* text) {
    *text = side.text;
    if (!side.slot.valid()) return true;
    const Slot& slot = layout_.slots[side.slot.value];
    while (scope != nullptr && scope->list != slot.list) scope = scope->outer;
    const Cursor cursor = Resolve(slot.path, scope, depth + 1);
    *text = frame_->Keep(cursor.AsText());
    return cursor.is_text();
  }

  // False where that part of the key is absent: then nothing is looked up. `part` may lie in `written`.
  bool KeyPartText(SlotId id, const Field& field, const Scope* scope, int depth, std::string* written,
                   std::string_view* part) {
    const Slot& slot = layout_.slots[id.value];
    while (scope != nullptr && scope->list != slot.list) scope = scope->outer;
    const Cursor cursor = Resolve(slot.path, scope, depth + 1);
    if (!cursor.present()) return false;
    if (cursor.is_text()) {
      *part = cursor.AsText();
      return true;
    }
    *written = ValueToText(schema_, *TypeOf(field.type), Value(static_cast<int64_t>(cursor.AsNumber())));
    *part = *written;
    return true;
  }

  // ---------------------------------------------------------------- what is wanted of the value

  Cursor Project(Projection projection, const Cursor& cursor) {
    switch (projection) {
      case Projection::kValue: return cursor;
      case Projection::kHas: return Cursor::Number(cursor.present());
      case Projection::kLength: return Cursor::Number(LengthOf(cursor));
      case Projection::kMissing: return Cursor::Number(IsMissing(cursor));
      case Projection::kUpdatedAt: return UpdatedAt(cursor);
    }
    return {};
  }

  static Num LengthOf(const Cursor& cursor) {
    if (const Value::List* list = cursor.AsList()) return static_cast<Num>(list->size());
    return std::popcount(static_cast<uint64_t>(cursor.AsNumber()));  // a set of an enum
  }

  bool IsMissing(const Cursor& cursor) {
    if (cursor.is_self || !cursor.is_text() || !TargetOf(cursor).valid()) return false;
    WorkflowId workflow;
    return Follow(cursor, &workflow) == nullptr;
  }

  Cursor UpdatedAt(const Cursor& cursor) {
    if (cursor.is_self) return Exists(instance_) ? Cursor::Number(instance_->updated_ns) : Cursor();
    WorkflowId workflow;
    const Instance* target = Follow(cursor, &workflow);
    return target == nullptr ? Cursor() : Cursor::Number(target->updated_ns);
  }

  void Store(const Slot& slot, const Cursor& cursor, int64_t* word) {
    if (!cursor.present()) return;
    const Num number = cursor.AsNumber();
    switch (slot.kind) {
      case SlotKind::kBool: word[0] = number != 0; return;
      case SlotKind::kI64: word[0] = static_cast<int64_t>(number); return;
      case SlotKind::kI128:
        word[0] = static_cast<int64_t>(number);
        word[1] = static_cast<int64_t>(number >> 64);
        return;
      case SlotKind::kString: {
        const std::string_view kept = frame_->Keep(cursor.AsText());
        word[0] = static_cast<int64_t>(reinterpret_cast<intptr_t>(kept.data()));
        word[1] = static_cast<int64_t>(kept.size());
        return;
      }
    }
  }

  const World& world_;
  const Schema& schema_;
  const Function& function_;
  const FrameLayout& layout_;
  const Workflow& workflow_;
  const Proposal& proposal_;
  const Instance* instance_;
  const int64_t position_;
  Frame* frame_;
  ReadSet* reads_;
  const Instance* cells_;  // whose cells and windows are read
  const Transition* transition_ = nullptr;
  int64_t* words_ = nullptr;
};

}  // namespace

void FillFrame(const World& world, const Function& function, const Proposal& proposal, Frame* frame, ReadSet* reads) {
  const Instance* instance = world.Find(function.workflow, proposal.key);
  Filler filler(world, function, proposal, instance, 0, frame, reads);
  filler.AddOwnRead();
  filler.Fill();
}

void FillFoldFrame(const World& world, const Function& function, const Proposal& event, const Instance& instance,
                   int64_t position, Frame* frame, const Instance* cells) {
  Filler(world, function, event, &instance, position, frame, nullptr, cells).Fill();
}

}  // namespace writ
