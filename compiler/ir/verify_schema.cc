#include "compiler/ir/verify_schema.h"

#include <algorithm>

#include "runtime/decision/delegation.h"

namespace writ::ir {
namespace {

template <class Tag, class T>
bool In(Id<Tag> id, const std::vector<T>& table) {
  return id.value < table.size();
}
template <class Tag, class T>
bool InOrNone(Id<Tag> id, const std::vector<T>& table) {
  return !id.valid() || In(id, table);
}
template <class T>
bool InOrNone(uint32_t index, const std::vector<T>& table) {
  return index == UINT32_MAX || index < table.size();
}

// ---------------------------------------------------------------- types, people, rules

class TableVerifier {
 public:
  TableVerifier(const Schema& schema, Faults* faults) : schema_(schema), faults_(*faults) {}

  void Run() {
    for (size_t i = 0; i < schema_.types.size(); ++i) CheckType(i);
    for (const Enum& e : schema_.enums) {
      faults_.Require(e.members.size() <= limits::kEnumMembersMax, "enum ", e.name, " has too many members");
    }
    for (const Record& record : schema_.records) CheckFields(record.name, record.members);
    CheckNesting();
    CheckPeople();
    for (const Obligation& obligation : schema_.obligations) CheckFields(obligation.qualified, obligation.fields);
    for (const Rule& rule : schema_.rules) CheckRule(rule);
    for (size_t i = 0; i < schema_.ladders.size(); ++i) CheckLadder(i);
    CheckLadderChains();
    if (!schema_.workflows.empty()) CheckBuiltinRules();
    for (size_t i = 0; i < schema_.workflows.size(); ++i) CheckWorkflow(WorkflowId(i));
  }

 private:
  void CheckType(size_t index) {
    const Type& type = schema_.types[index];
    faults_.Require(type.min <= type.max, "type ", index, " has an empty range");
    faults_.Require(InOrNone(type.distinct, schema_.distinct_types), "type ", index, " names no distinct type");
    const bool has_elements = type.kind == TypeKind::kSet || type.kind == TypeKind::kList;
    faults_.Require(has_elements ? In(type.element, schema_.types) : !type.element.valid(), "type ", index,
                    has_elements ? " has no element type" : " has an element type");
    faults_.Require(ReferentExists(type), "type ", index, " names nothing");
    faults_.Require(type.kind != TypeKind::kList || type.count_min <= type.capacity, "type ", index,
                    " needs more elements than it can hold");
    if (type.key.valid()) faults_.Require(KeyExists(type), "type ", index, " has a key that its elements lack");
  }

  bool ReferentExists(const Type& type) const {
    switch (type.kind) {
      case TypeKind::kMoney: return type.index < schema_.currencies.size();
      case TypeKind::kEnum: return type.index < schema_.enums.size();
      case TypeKind::kRecord: return type.index < schema_.records.size();
      case TypeKind::kReference: return type.index < schema_.workflows.size();
      default: return true;
    }
  }

  bool KeyExists(const Type& list) const {
    if (list.kind != TypeKind::kList || !In(list.element, schema_.types)) return false;
    const Type& element = schema_.types[list.element.value];
    return element.kind == TypeKind::kRecord && element.index < schema_.records.size() &&
           In(list.key, schema_.records[element.index].members);
  }

  // No type holds itself. Depth first over the parts of each type, on a stack of our own: broken bytes can nest deeply.
  void CheckNesting() {
    enum Colour : uint8_t { kWhite, kGrey, kBlack };
    std::vector<Colour> colours(schema_.types.size(), kWhite);
    std::vector<std::pair<TypeId, bool>> stack;  // a type, and whether its parts are done
    for (size_t i = 0; i < colours.size(); ++i) stack.emplace_back(TypeId(i), false);
    while (!stack.empty()) {
      const auto [id, done] = stack.back();
      stack.pop_back();
      if (done) colours[id.value] = kBlack;
      if (done || colours[id.value] == kBlack) continue;
      if (!faults_.Require(colours[id.value] == kWhite, "type ", id.value, " contains itself")) return;
      colours[id.value] = kGrey;
      stack.emplace_back(id, true);
      for (const TypeId part : PartsOf(schema_.types[id.value])) {
        if (In(part, schema_.types) && colours[part.value] != kBlack) stack.emplace_back(part, false);
      }
    }
  }

  std::vector<TypeId> PartsOf(const Type& type) const {
    std::vector<TypeId> parts;
    if (type.element.valid()) parts.push_back(type.element);
    if (type.kind != TypeKind::kRecord || type.index >= schema_.records.size()) return parts;
    for (const Field& member : schema_.records[type.index].members) parts.push_back(member.type);
    return parts;
  }

  void CheckFields(const std::string& owner, const std::vector<Field>& fields) {
    for (const Field& field : fields) {
      faults_.Require(In(field.type, schema_.types), owner, ".", field.name, " has no type");
      faults_.Require(InOrNone(field.foreign.currency, schema_.currencies), owner, ".", field.name,
                      " names no currency");
    }
  }

  void CheckPeople() {
    for (const Domain& domain : schema_.domains) {
      for (const DomainId below : domain.below) {
        faults_.Require(In(below, schema_.domains), "domain ", domain.qualified, " is above nothing");
      }
    }
    for (const Role& role : schema_.roles) {
      faults_.Require(InOrNone(role.domain, schema_.domains), "role ", role.qualified, " is in no domain");
    }
  }

  void CheckRule(const Rule& rule) {
    faults_.Require(InOrNone(rule.domain, schema_.domains), "rule ", rule.qualified, " is in no domain");
    faults_.Require(InOrNone(rule.asks, schema_.roles), "rule ", rule.qualified, " asks no role");
    faults_.Require(InOrNone(rule.awaits_by, schema_.roles), "rule ", rule.qualified, " awaits no role");
    faults_.Require(InOrNone(rule.ladder, schema_.ladders), "rule ", rule.qualified, " has no such ladder");
    for (const Consequence& then : rule.then) {
      const bool is_task = !then.obligation.valid();
      faults_.Require(is_task ? !then.task.empty() : In(then.obligation, schema_.obligations), "rule ", rule.qualified,
                      " obliges to nothing");
      faults_.Require(InOrNone(then.role, schema_.roles), "rule ", rule.qualified, " obliges no role");
      faults_.Require(InOrNone(then.ladder, schema_.ladders), "rule ", rule.qualified, " has a task with no such ladder");
    }
  }

  void CheckLadder(size_t index) {
    const Ladder& ladder = schema_.ladders[index];
    faults_.Require(InOrNone(ladder.role, schema_.roles), "ladder ", index, " asks no role");
    faults_.Require(InOrNone(ladder.next, schema_.ladders), "ladder ", index, " has no next rung");
    const bool asks = ladder.otherwise == Ladder::Else::kEscalate || ladder.otherwise == Ladder::Else::kAsk;
    faults_.Require(!asks || ladder.role.valid(), "ladder ", index, " asks nobody");
  }

  // Each rung has one next: a chain longer than the table runs in a circle.
  void CheckLadderChains() {
    std::vector<bool> ends(schema_.ladders.size());
    for (size_t start = 0; start < schema_.ladders.size(); ++start) {
      std::vector<size_t> chain;
      LadderId at(start);
      while (In(at, schema_.ladders) && !ends[at.value] && chain.size() <= schema_.ladders.size()) {
        chain.push_back(at.value);
        at = schema_.ladders[at.value].next;
      }
      if (!faults_.Require(chain.size() <= schema_.ladders.size(), "ladder ", start, " never ends")) return;
      for (const size_t rung : chain) ends[rung] = true;
    }
  }

  void CheckBuiltinRules() {
    for (uint32_t b = 0; b < static_cast<uint32_t>(Builtin::kCount); ++b) {
      faults_.Require(b < schema_.rules.size() && schema_.rules[b].qualified == kBuiltinNames[b] &&
                          schema_.rules[b].kind == RuleKind::kBuiltin,
                      "rule ", b, " is not the built-in reason ", kBuiltinNames[b]);
    }
  }

  // ---------------------------------------------------------------- workflows

  void CheckWorkflow(WorkflowId id) {
    const Workflow& workflow = schema_.workflows[id.value];
    CheckFields(workflow.qualified, workflow.key);
    CheckFields(workflow.qualified, workflow.fields);
    if (workflow.under.valid()) CheckHierarchy(id);
    if (workflow.attributes_from != UINT32_MAX) {
      const auto first = std::find_if(schema_.workflows.begin(), schema_.workflows.end(),
                                      [](const Workflow& w) { return w.attributes_from != UINT32_MAX; });
      faults_.Require(&*first == &workflow && workflow.attributes_from <= workflow.fields.size(), workflow.qualified,
                      " has no such attributes of actors");
    }
    for (const Foreign* foreign : {&workflow.log.actor, &workflow.log.role, &workflow.log.at}) {
      faults_.Require(InOrNone(foreign->currency, schema_.currencies), workflow.qualified, " logs no currency");
    }
    for (size_t i = 0; i < workflow.transitions.size(); ++i) CheckTransition(id, static_cast<uint32_t>(i));
    for (const Population& population : workflow.populations) {
      const std::string name = absl::StrCat(workflow.qualified, ".populations");
      CheckFact(name, population.fact);
      faults_.Require(!In(population.fact, schema_.workflows) || !schema_.workflows[population.fact.value].cells.empty(),
                      name, " has no cell to count in");
      for (const StateId state : population.states) faults_.Require(In(state, workflow.states), name, " counts no state");
      CheckKeyOf(name, id, UINT32_MAX, population.fact, population.key);
    }
    const bool is_bare = workflow.states.empty() && workflow.fields.empty() && workflow.transitions.empty();
    faults_.Require(!workflow.is_fact || is_bare, workflow.qualified, " is a fact, and has more than a key and cells");
    for (size_t i = 0; i < workflow.reviews.size(); ++i) CheckReview(id, static_cast<uint32_t>(i));
    for (const RuleId rule : workflow.asks) {
      const bool asks = In(rule, schema_.rules) && schema_.rules[rule.value].effect == Effect::kAsk;
      faults_.Require(asks && schema_.rules[rule.value].asks.valid(), workflow.qualified, " asks nobody");
    }
    CheckFunctionOf(workflow.qualified, id, 0, workflow.ask, FunctionKind::kAsk);
    faults_.Require(workflow.plans.size() <= 1, workflow.qualified, " has more than one plan");
    for (const Plan& plan : workflow.plans) CheckPlan(id, plan);
  }

  void CheckPlan(WorkflowId id, const Plan& plan) {
    const Workflow& workflow = schema_.workflows[id.value];
    const std::string name = absl::StrCat(workflow.qualified, ".plan");
    size_t outputs = plan.finallys.size();
    for (const PlannedTask& task : plan.tasks) {
      outputs += task.capacity == 0 ? 1 : 2 * size_t{task.capacity};
      faults_.Require(In(task.rule, schema_.rules) && In(task.role, schema_.roles), name, " has a task of no rule or role");
      faults_.Require(task.capacity <= limits::kTasksOpenedMax, name, " has a task over too much data");
      faults_.Require(InOrNone(task.ladder, schema_.ladders), name, " has a task with no ladder");
      for (const uint32_t before : task.after) faults_.Require(before < plan.tasks.size(), name, " has a task after none");
      if (!faults_.Require(In(task.on, schema_.workflows), name, " has a task on no workflow")) continue;
      const Workflow& on = schema_.workflows[task.on.value];
      faults_.Require(InOrNone(task.does, on.transitions) && InOrNone(task.owner, on.fields) && InOrNone(task.element, on.fields),
                      name, " has a task that does nothing that there is");
    }
    for (const Finally& last : plan.finallys) {
      faults_.Require(In(last.transition, workflow.transitions) && In(last.rule, schema_.rules), name, " ends in nothing");
    }
    for (const Addition& added : plan.additions) {
      faults_.Require(In(added.rule, schema_.rules) && In(added.role, schema_.roles) && In(added.on, schema_.workflows), name,
                      " has an addition of no rule or role");
    }
    for (const SubPlan& sub : plan.subs) {
      faults_.Require(In(sub.role, schema_.roles), name, " is planned under by no role");
      for (const TransitionId t : sub.granting) faults_.Require(In(t, workflow.transitions), name, " grants nothing");
      for (const SubLimit& limit : sub.limits) faults_.Require(IsLimit(workflow, limit), name, " limits what has no order");
    }
    faults_.Require(In(plan.decompose, workflow.transitions), name, " is proposed by no transition");
    CheckFunctionOf(name, id, 0, plan.function, FunctionKind::kPlan);
    faults_.Require(!In(plan.function, schema_.functions) || schema_.functions[plan.function.value].outputs.size() == outputs,
                    name, " does not say of each task whether it is wanted");
  }

  bool IsLimit(const Workflow& workflow, const SubLimit& limit) const {
    if (!In(limit.field, workflow.fields) || !In(workflow.fields[limit.field.value].type, schema_.types)) return false;
    const Field& field = workflow.fields[limit.field.value];
    return ReferentExists(schema_.types[field.type.value]) && CanBeLimited(schema_, field);
  }

  void CheckHierarchy(WorkflowId id) {
    const Workflow& workflow = schema_.workflows[id.value];
    if (!faults_.Require(In(workflow.under, workflow.fields), workflow.qualified, " is under no field")) return;
    const TypeId type = workflow.fields[workflow.under.value].type;
    const bool is_set = In(type, schema_.types) && schema_.types[type.value].kind == TypeKind::kSet &&
                        In(schema_.types[type.value].element, schema_.types);
    if (!faults_.Require(is_set, workflow.qualified, " is under what is no set")) return;
    const Type& above = schema_.types[schema_.types[type.value].element.value];
    faults_.Require(above.kind == TypeKind::kReference && above.index == id.value, workflow.qualified,
                    " is under something else");
  }

  void CheckTransition(WorkflowId id, uint32_t index) {
    const Workflow& workflow = schema_.workflows[id.value];
    const Transition& transition = workflow.transitions[index];
    const std::string name = absl::StrCat(workflow.qualified, ".", transition.name);
    for (const StateId source : transition.sources) {
      faults_.Require(source == kNewState || In(source, workflow.states), name, " starts in no state");
    }
    faults_.Require(transition.stays || In(transition.target, workflow.states), name, " leads to no state");
    for (const SetField& set : transition.sets) {
      faults_.Require(In(set.field, workflow.fields), name, " sets no field");
    }
    CheckFields(name, transition.payload);
    const bool timed = transition.at.valid();
    faults_.Require(timed ? In(transition.at, workflow.fields) && In(transition.timer, schema_.rules) : !transition.timer.valid(),
                    name, " fires at no time");
    CheckFunctionOf(name, id, index, transition.decide, FunctionKind::kDecide);
    CheckFunctionOf(name, id, index, transition.compute, FunctionKind::kCompute);
    for (const ConsequenceOf& of : transition.consequences) {
      CheckFunctionOf(name, id, index, of.function, FunctionKind::kConsequence);
      if (!faults_.Require(In(of.rule, schema_.rules) && of.index < schema_.rules[of.rule.value].then.size(), name,
                           " has a consequence of no rule") ||
          !of.function.valid() || !In(of.function, schema_.functions)) {
        continue;
      }
      const ObligationId obligation = schema_.rules[of.rule.value].then[of.index].obligation;
      const size_t fields = In(obligation, schema_.obligations) ? schema_.obligations[obligation.value].fields.size() : 0;
      faults_.Require(schema_.functions[of.function.value].outputs.size() == 2 * fields, name,
                      " has a consequence that does not fill its obligation");
    }
    CheckFunctionOf(name, id, index, transition.fold, FunctionKind::kFold);
    CheckFunctionOf(name, id, index, transition.fold_refused, FunctionKind::kFold);
    for (const KeyedFold& keyed : transition.keyed) {
      CheckFact(name, keyed.fact);
      CheckKeyOf(name, id, index, keyed.fact, keyed.key);
      CheckFunctionOf(name, id, index, keyed.fold, FunctionKind::kFold);
    }
  }

  void CheckFact(const std::string& owner, WorkflowId fact) {
    faults_.Require(In(fact, schema_.workflows) && schema_.workflows[fact.value].is_fact, owner, " keeps no fact");
  }

  // (present, value) for each part.
  void CheckKeyOf(const std::string& owner, WorkflowId workflow, uint32_t subject, WorkflowId fact, FunctionId id) {
    if (!faults_.Require(In(id, schema_.functions), owner, " has no key")) return;
    CheckFunctionOf(owner, workflow, subject, id, FunctionKind::kKey);
    const std::vector<OutputSlot>& outputs = schema_.functions[id.value].outputs;
    if (!In(fact, schema_.workflows)) return;
    const std::vector<Field>& key = schema_.workflows[fact.value].key;
    if (!faults_.Require(outputs.size() == 2 * key.size(), owner, " has a key of other parts")) return;
    for (size_t i = 0; i < key.size(); ++i) {
      faults_.Require(outputs[2 * i].kind == SlotKind::kBool, owner, " has a key whose presence is no Boolean");
      if (!In(key[i].type, schema_.types)) continue;
      const TypeKind kind = schema_.types[key[i].type.value].kind;
      const bool is_text = kind == TypeKind::kString || kind == TypeKind::kReference;
      faults_.Require(outputs[2 * i + 1].kind == (is_text ? SlotKind::kString : SlotKind::kI64), owner,
                      " has a key of another kind");
    }
  }

  void CheckFunctionOf(const std::string& owner, WorkflowId workflow, uint32_t subject, FunctionId id,
                       FunctionKind kind) {
    if (!id.valid()) return;
    if (!faults_.Require(In(id, schema_.functions), owner, " names no function")) return;
    const Function& function = schema_.functions[id.value];
    faults_.Require(function.kind == kind && function.workflow == workflow && function.subject == subject, owner,
                    " names the function of something else, ", function.name);
  }

  void CheckReview(WorkflowId id, uint32_t index) {
    const Workflow& workflow = schema_.workflows[id.value];
    const Review& review = workflow.reviews[index];
    const std::string name = absl::StrCat(workflow.qualified, ".review ", index);
    faults_.Require(In(review.state, workflow.states), name, " is in no state");
    if (faults_.Require(In(review.verdict, workflow.transitions), name, " has no verdict")) {
      faults_.Require(In(review.stance, workflow.transitions[review.verdict.value].payload), name, " has no stance");
    }
    for (const Seat& seat : review.seats) faults_.Require(In(seat.role, schema_.roles), name, " seats no role");
    faults_.Require(InOrNone(review.ladder, schema_.ladders), name, " has no such ladder");
    for (const Clause& clause : review.clauses) {
      faults_.Require(In(clause.rule, schema_.rules), name, ".", clause.name, " has no rule");
      faults_.Require(InOrNone(clause.transition, workflow.transitions), name, ".", clause.name, " concludes nothing");
      faults_.Require(InOrNone(clause.asks, schema_.roles), name, ".", clause.name, " asks no role");
    }
    for (const TransitionId bound : review.binds) {
      faults_.Require(In(bound, workflow.transitions), name, " binds no transition");
    }
    CheckFunctionOf(name, id, index, review.conclude, FunctionKind::kConclude);
  }

  const Schema& schema_;
  Faults& faults_;
};

// ---------------------------------------------------------------- functions

// Words that one thing takes within a frame or an element.
struct Extent {
  uint64_t begin, end;
};

bool Disjoint(std::vector<Extent> extents, uint64_t size) {
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  uint64_t free_from = 0;
  for (const Extent& extent : extents) {
    if (extent.begin < free_from) return false;
    free_from = extent.end;
  }
  return free_from <= size;
}

class FunctionVerifier {
 public:
  FunctionVerifier(const Schema& schema, const Function& function, Faults* faults)
      : schema_(schema), function_(function), frame_(function.frame), faults_(*faults) {}

  void Run() {
    CheckOwner();
    if (CheckLists()) CheckLayout();
    for (size_t i = 0; i < frame_.slots.size(); ++i) CheckSlot(i);
    for (size_t i = 0; i < frame_.lookups.size(); ++i) CheckLookup(i);
    for (size_t i = 0; i < frame_.unders.size(); ++i) CheckUnder(i);
    CheckRules();
    CheckOutputs();
    for (const FoldTarget& target : function_.fold) CheckFold(target);
  }

 private:
  template <class... Parts>
  bool Require(bool holds, const Parts&... parts) {
    return faults_.Require(holds, function_.name, ": ", parts...);
  }

  const Workflow* WorkflowOf() const {
    return In(function_.workflow, schema_.workflows) ? &schema_.workflows[function_.workflow.value] : nullptr;
  }

  void CheckOwner() {
    if (!Require(InOrNone(function_.workflow, schema_.workflows), "is of no workflow")) return;
    if (WorkflowOf() == nullptr) return;
    if (function_.kind == FunctionKind::kAsk && function_.subject == UINT32_MAX) {
      Require(function_.outputs.size() == 2, "does not say whether its condition holds");
      return;
    }
    if (function_.kind == FunctionKind::kAsk) {
      Require(function_.outputs.size() == 2 * WorkflowOf()->asks.size(), "does not answer for each `ask`");
      return;
    }
    if (function_.kind == FunctionKind::kPlan) return;  // CheckPlan
    const bool review = function_.kind == FunctionKind::kConclude;
    const size_t count = review ? WorkflowOf()->reviews.size() : WorkflowOf()->transitions.size();
    const bool of_instance = function_.kind == FunctionKind::kKey && function_.subject == UINT32_MAX;
    Require(of_instance || function_.subject < count, "is of no ", review ? "review" : "transition");
  }

  bool CheckLists() {
    bool fine = Require(frame_.size_words <= limits::kFrameWordsMax, "frame is too large");
    std::vector<uint64_t> elements(frame_.lists.size());  // that there can be of it in a frame
    for (size_t i = 0; i < frame_.lists.size(); ++i) {
      const FrameList& list = frame_.lists[i];
      const bool ordered = !list.parent.valid() || list.parent.value < i;
      fine &= Require(ordered, "list ", i, " stands before its parent");
      const uint64_t around = ordered && list.parent.valid() ? elements[list.parent.value] : 1;
      elements[i] = std::min<uint64_t>(list.capacity * around, limits::kFrameElementsMax + 1);
      fine &= Require(elements[i] <= limits::kFrameElementsMax, "list ", i, " has too many elements");
      fine &= CheckPath(list.path, list.parent, absl::StrCat("list ", i));
    }
    return fine;
  }

  void CheckLayout() {
    const size_t regions = frame_.lists.size() + 1;  // the frame, then each list's element
    std::vector<std::vector<Extent>> extents(regions);
    const auto region_of = [](ListId list) { return list.valid() ? size_t{list.value} + 1 : 0; };
    for (size_t i = 0; i < frame_.slots.size(); ++i) {
      const Slot& slot = frame_.slots[i];
      if (!Require(InOrNone(slot.list, frame_.lists), "slot ", i, " is of no list")) return;
      extents[region_of(slot.list)].push_back({slot.offset, uint64_t{slot.offset} + WordsOf(slot.kind)});
    }
    for (const FrameList& list : frame_.lists) {
      const uint64_t words = 1 + uint64_t{list.capacity} * list.stride;
      extents[region_of(list.parent)].push_back({list.offset, list.offset + words});
    }
    Require(Disjoint(extents[0], frame_.size_words), "the frame's slots overlap or leave it");
    for (size_t i = 0; i < frame_.lists.size(); ++i) {
      Require(Disjoint(extents[i + 1], frame_.lists[i].stride), "slots of list ", i, " overlap or leave their element");
    }
  }

  void CheckSlot(size_t index) {
    const Slot& slot = frame_.slots[index];
    if (!Require(InOrNone(slot.list, frame_.lists), "slot ", index, " is of no list")) return;
    const bool flag = slot.projection == Projection::kHas || slot.projection == Projection::kMissing;
    Require(!flag || slot.kind == SlotKind::kBool, "slot ", index, " is a flag, but not Boolean");
    CheckPath(slot.path, slot.list, absl::StrCat("slot ", index));
  }

  bool CheckPath(const SlotPath& path, ListId list, const std::string& what) {
    return Require(path.root != SlotRoot::kElement || list.valid(), what, " reads an element outside of a list") &
           Require(RootExists(path), what, " reads what is not there") &
           Require(FactExists(path, list), what, " reads no fact of an instance");
  }

  // Cells and windows of another instance, or of a key's: nothing lies below them.
  bool FactExists(const SlotPath& path, ListId list) const {
    for (size_t i = 0; i < path.steps.size(); ++i) {
      const PathStep& step = path.steps[i];
      if (step.kind < PathStep::Kind::kCell) continue;
      if (i + 1 != path.steps.size()) return false;
      const Workflow* workflow = InstanceBeforeLast(schema_, Id(), path, list);
      if (workflow == nullptr) return false;
      const bool is_cell = step.kind == PathStep::Kind::kCell;
      if (step.index >= (is_cell ? workflow->cells.size() : workflow->windows.size())) return false;
    }
    return true;
  }

  FunctionId Id() const { return FunctionId(static_cast<size_t>(&function_ - schema_.functions.data())); }

  // The one whose cells a fold moves: its own, or those of a fact that is kept by key.
  const Workflow* CellsOf() const {
    const Workflow* workflow = WorkflowOf();
    if (workflow == nullptr) return nullptr;
    const WorkflowId fact = KeyedFactOf(schema_, Id());
    return In(fact, schema_.workflows) ? &schema_.workflows[fact.value] : workflow;
  }

  bool RootExists(const SlotPath& path) const {
    if (path.root == SlotRoot::kLookup) return path.index < frame_.lookups.size();
    // The claimed role is asked for, whichever it is; 0 stands for it, where a policy has no role at all too.
    if (path.root == SlotRoot::kHoldsRole) return path.index == 0 || path.index < schema_.roles.size();
    if (path.root == SlotRoot::kApproved) return path.index < schema_.rules.size();
    if (path.root == SlotRoot::kUnder) return path.index < frame_.unders.size();
    if (path.root == SlotRoot::kGrantTask) return path.index < frame_.grant_tasks.size();
    if (path.root == SlotRoot::kActorField) return AttributeExists(path.index);
    const Workflow* workflow = WorkflowOf();
    return workflow == nullptr || RootExistsIn(*workflow, path);
  }

  bool AttributeExists(uint32_t field) const {
    for (const Workflow& workflow : schema_.workflows) {
      if (workflow.attributes_from != UINT32_MAX) return field >= workflow.attributes_from && field < workflow.fields.size();
    }
    return false;
  }

  bool RootExistsIn(const Workflow& workflow, const SlotPath& path) const {
    switch (path.root) {
      case SlotRoot::kGrantMost:
      case SlotRoot::kBefore:
      case SlotRoot::kAfter: return path.index < workflow.fields.size();
      case SlotRoot::kPayload:
        return function_.kind != FunctionKind::kConclude && function_.kind != FunctionKind::kAsk &&
               function_.kind != FunctionKind::kPlan && function_.subject < workflow.transitions.size() &&
               path.index < workflow.transitions[function_.subject].payload.size();
      case SlotRoot::kCell: return path.index < CellsOf()->cells.size();
      case SlotRoot::kWindowCount:
      case SlotRoot::kWindowSum:
      case SlotRoot::kWindowMin:
      case SlotRoot::kWindowMax:
      case SlotRoot::kWindowOverflow: return path.index < CellsOf()->windows.size();
      case SlotRoot::kReviewOutcome: return path.index < workflow.reviews.size();
      case SlotRoot::kSeatSpoken:
      case SlotRoot::kSeatVotes:
      case SlotRoot::kSeatTaken:
        return path.index < workflow.reviews.size() && path.part < workflow.reviews[path.index].seats.size();
      default: return true;
    }
  }

  void CheckLookup(size_t index) {
    const Lookup& lookup = frame_.lookups[index];
    Require(In(lookup.workflow, schema_.workflows), "look-up ", index, " is in no workflow");
    Require(InOrNone(lookup.list, frame_.lists), "look-up ", index, " is of no list");
    for (const LookupPart& part : lookup.key) {
      Require(InOrNone(part.slot, frame_.slots), "look-up ", index, " has a key of no slot");
    }
    if (!In(lookup.workflow, schema_.workflows)) return;
    Require(lookup.key.size() == schema_.workflows[lookup.workflow.value].key.size(), "look-up ", index,
            " has a key of other parts");
  }

  void CheckUnder(size_t index) {
    const Under& under = frame_.unders[index];
    if (Require(In(under.workflow, schema_.workflows), "under ", index, " is in no workflow")) {
      Require(schema_.workflows[under.workflow.value].under.valid(), "under ", index, " is in no hierarchy");
    }
    Require(InOrNone(under.list, frame_.lists), "under ", index, " is of no list");
    for (const LookupPart* part : {&under.low, &under.high}) {
      if (!Require(InOrNone(part->slot, frame_.slots), "under ", index, " is of no slot") || !part->slot.valid()) continue;
      const Slot& slot = frame_.slots[part->slot.value];
      Require(slot.kind == SlotKind::kString, "under ", index, " is of a slot that is no text");
      Require(!slot.list.valid() || slot.list == under.list, "under ", index, " is of a slot of another list");
    }
  }

  void CheckRules() {
    const bool decides = function_.kind == FunctionKind::kDecide;
    const size_t count = function_.restraints.size();
    Require(decides || (count == 0 && function_.allows.empty()), "has rules, but decides nothing");
    Require(count <= limits::kRulesPerFunctionMax && function_.allows.size() <= limits::kRulesPerFunctionMax,
            "has too many rules");
    for (const Restraint& restraint : function_.restraints) {
      Require(In(restraint.rule, schema_.rules), "a restraint has no rule");
      Require(restraint.effect != Effect::kAllow && restraint.effect != Effect::kAsk, "a restraint allows, or asks");
      Require(!restraint.gate || restraint.effect != Effect::kUpon, "a gate restrains nothing");
    }
    for (const Allow& allow : function_.allows) {
      Require(In(allow.rule, schema_.rules), "an allow has no rule");
      const bool fits = allow.excuses.size() == (count + 63) / 64;
      if (!Require(fits, "an allow's row is not as long as the restraints")) continue;
      Require(count % 64 == 0 || allow.excuses.back() >> (count % 64) == 0, "an allow excuses what is not there");
    }
  }

  void CheckOutputs() {
    std::vector<Extent> extents;
    for (const OutputSlot& output : function_.outputs) {
      extents.push_back({output.offset, uint64_t{output.offset} + WordsOf(output.kind)});
    }
    Require(function_.outputs.empty() || function_.kind != FunctionKind::kDecide, "decides, but has outputs");
    Require(Disjoint(std::move(extents), function_.output_words), "outputs overlap or leave their words");
    Require(function_.output_words <= limits::kFrameWordsMax, "has too many outputs");
  }

  void CheckFold(const FoldTarget& target) {
    if (!Require(function_.kind == FunctionKind::kFold, "has folds, but is none")) return;
    const bool empties = target.is_window && target.value == UINT32_MAX;
    Require(empties || target.value < function_.outputs.size(), "a fold stores no output");
    const bool always = target.when == UINT32_MAX;
    const bool is_bool =
        target.when < function_.outputs.size() && function_.outputs[target.when].kind == SlotKind::kBool;
    Require(always || is_bool, "a fold's condition is no Boolean output");
    const Workflow* workflow = CellsOf();
    if (workflow == nullptr) return;
    const size_t targets = target.is_window ? workflow->windows.size() : workflow->cells.size();
    Require(target.index < targets, "a fold has no target");
    if (target.is_window || target.index >= workflow->cells.size() || target.value >= function_.outputs.size()) return;
    const Cell& cell = workflow->cells[target.index];
    Require(cell.kind == function_.outputs[target.value].kind, "a fold's cell is of another kind");
  }

  const Schema& schema_;
  const Function& function_;
  const FrameLayout& frame_;
  Faults& faults_;
};

}  // namespace

WorkflowId KeyedFactOf(const Schema& schema, FunctionId id) {
  if (id.value >= schema.functions.size()) return {};
  const Function& function = schema.functions[id.value];
  if (function.kind != FunctionKind::kFold || function.workflow.value >= schema.workflows.size()) return {};
  const Workflow& workflow = schema.workflows[function.workflow.value];
  if (function.subject >= workflow.transitions.size()) return {};
  for (const KeyedFold& keyed : workflow.transitions[function.subject].keyed) {
    if (keyed.fold == id) return keyed.fact;
  }
  return {};
}

uint32_t WordsOf(SlotKind kind) { return kind == SlotKind::kI128 || kind == SlotKind::kString ? 2 : 1; }

void VerifySchema(const Schema& schema, Faults* faults) {
  TableVerifier(schema, faults).Run();
  for (const Function& function : schema.functions) FunctionVerifier(schema, function, faults).Run();
}

}  // namespace writ::ir
