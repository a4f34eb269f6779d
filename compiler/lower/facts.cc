#include "compiler/lower/facts.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "compiler/lower/planted_faults.h"
#include "compiler/typed/words.h"
#include "runtime/builtins/check.h"

namespace writ::lower {
namespace {

using ir::ExprId;
using ir::Range;
using typed::Fact;
using Kind = typed::Fact::Kind;

constexpr Num kSumMax = Num{1} << 100;
constexpr Range kTimes = {-limits::kTimeMax, limits::kTimeMax};
constexpr Range kSums = {-kSumMax, kSumMax};
constexpr Range kCounts = {0, int64_t{1} << 48};

Range WithZero(Range r) { return {std::min<Num>(r.low, 0), std::max<Num>(r.high, 0)}; }

bool IsWindow(const Fact& fact) {
  return fact.within_ns > 0 && fact.kind != Kind::kHappened && fact.kind != Kind::kLast;
}

SlotKind CellKind(const Fact& fact) {
  const SlotKind kind = KindOf(fact.type.type);
  return kind == SlotKind::kI64 && fact.type.scale > 0 ? SlotKind::kI128 : kind;
}

bool Matches(const typed::Pattern& pattern, TransitionId transition) {
  return std::find(pattern.transitions.begin(), pattern.transitions.end(), transition) != pattern.transitions.end();
}

}  // namespace

bool StartsRound(const Workflow& workflow, const Transition& transition) {
  if (!transition.sets.empty()) return true;
  if (transition.stays) return false;
  return std::any_of(workflow.reviews.begin(), workflow.reviews.end(),
                     [&](const Review& review) { return review.state == transition.target; });
}

void AllocateFacts(ProgramState* state, const std::vector<bool>& poisoned) {
  state->facts.assign(state->known_facts.size(), FactCells{});
  for (Workflow& workflow : state->schema->workflows) {
    workflow.cells.clear();
    workflow.windows.clear();
  }
  for (size_t f = 0; f < state->known_facts.size(); ++f) {
    const Fact& fact = state->known_facts[f];
    const bool by_key = fact.keyed.valid();
    Workflow& workflow = state->schema->workflows[by_key ? fact.keyed.value : fact.workflow.value];
    FactCells& cells = state->facts[f];
    const std::string words = typed::Words(*state->typed, fact);
    const auto cell = [&](const char* part, SlotKind kind) {
      workflow.cells.push_back({absl::StrCat(words, ".", part), kind, false});
      return CellId(workflow.cells.size() - 1);
    };
    if (poisoned[f]) cells.poisoned = cell("unknown", SlotKind::kBool);
    if (IsWindow(fact)) {
      const uint32_t capacity = fact.capacity > 0 ? fact.capacity : limits::kWindowCapacityDefault;
      workflow.windows.push_back({words, fact.within_ns, capacity});
      cells.window = WindowId(workflow.windows.size() - 1);
      continue;
    }
    switch (fact.kind) {
      case Kind::kHappened:
        cells.has = cell("has", SlotKind::kBool);
        break;
      case Kind::kCount:
      case Kind::kPopulation:
        cells.value = cell("count", SlotKind::kI64);
        break;
      case Kind::kSum:
        cells.value = cell("sum", SlotKind::kI128);
        break;
      case Kind::kMin:
      case Kind::kMax:
      case Kind::kLast:
        cells.has = cell("has", SlotKind::kBool);
        cells.value = cell("value", CellKind(fact));
        break;
    }
    if (fact.within_ns > 0) cells.time = cell("time", SlotKind::kI64);
  }
}

// ---------------------------------------------------------------- reading

namespace {

PathStep::Kind StepOf(SlotRoot root) {
  switch (root) {
    case SlotRoot::kWindowCount:
      return PathStep::Kind::kWindowCount;
    case SlotRoot::kWindowSum:
      return PathStep::Kind::kWindowSum;
    case SlotRoot::kWindowMin:
      return PathStep::Kind::kWindowMin;
    case SlotRoot::kWindowMax:
      return PathStep::Kind::kWindowMax;
    case SlotRoot::kWindowOverflow:
      return PathStep::Kind::kWindowOverflow;
    default:
      WRIT_CHECK(root == SlotRoot::kCell);
      return PathStep::Kind::kCell;
  }
}

}  // namespace

ExprId FunctionLowering::FactSlot(const Place* of, SlotKind kind, SlotRoot root, uint32_t index, Range range) {
  if (of == nullptr) {
    return build_.Slot(layout_.Intern(kind, {root, index, 0, 0, {}}, Projection::kValue, ListId(), false), range);
  }
  Place place = *of;
  place.path.steps.push_back({StepOf(root), index});
  place.erasable = false;  // the way to it may be, what is counted there is not
  return LoadSlot(place, Projection::kValue, kind, range);
}

// Where nothing was ever counted under a key its cells read as 0, like those of a new instance.
Value FunctionLowering::KeyedFact(const Expr& expr) {
  const std::optional<Place> looked = LookUp(expr, state_->typed->facts[expr.index].keyed);
  if (!looked) return Scalar(build_.Bool(false));
  Value v = LowerFact(expr.index, &*looked);
  v.unknown = build_.Or(v.unknown, looked->unknown);
  return v;
}

// Its cells are those of the instance that the reference names; where it names none they read as 0, as fields do. What
// happened here is never too old: `fresh` speaks of what a record says.
Value FunctionLowering::FactThrough(const Expr& expr) {
  std::optional<Place> place = PlaceThrough(*expr.children[0]);
  if (!place) {
    TooMuch(expr.span, "this fact cannot be read through what stands before it: name the instance itself");
    return Scalar(build_.Bool(false));
  }
  Value v = LowerFact(expr.index, &*place);
  if (Planted(Fault::kFactThroughForgotten)) {
    const SlotKind kind = CellKind(state_->typed->facts[expr.index]);
    v.value = kind == SlotKind::kBool ? build_.Bool(false) : kind == SlotKind::kString ? build_.Text("") : build_.Number(0);
    v.present = build_.Bool(!expr.type.type.optional);
  }
  v.unknown = build_.Or(v.unknown, UnknownOf(*place));
  if (place->present.valid()) v.present = build_.And(v.present, place->present);
  return v;
}

namespace {

// What a fact keeps of events: a field's own value is in that field's range; what is computed of it may be anywhere in a word.
Range KeptRange(const Fact& fact, Range of_type) {
  const typed::Expr* value = fact.value.get();
  const bool is_path = value != nullptr && (value->kind == typed::ExprKind::kSlot || value->kind == typed::ExprKind::kMember ||
                                            value->kind == typed::ExprKind::kDeref);
  return is_path ? of_type : Range{INT64_MIN, INT64_MAX};
}

}  // namespace

Value FunctionLowering::LowerFact(uint32_t index, const Place* of) {
  const Fact& fact = state_->typed->facts[index];
  const FactCells& cells = state_->facts[index];
  const auto flag = [&](SlotRoot root, uint32_t i) { return FactSlot(of, SlotKind::kBool, root, i, {0, 1}); };
  const auto number = [&](SlotRoot root, Range range, uint32_t i) {
    return FactSlot(of, SlotKind::kI64, root, i, range);
  };
  const auto wide = [&](SlotRoot root, uint32_t i, Range range) {
    return FactSlot(of, SlotKind::kI128, root, i, range);
  };
  Value v = True();
  if (cells.poisoned.valid()) v.unknown = flag(SlotRoot::kCell, cells.poisoned.value);

  if (cells.window.valid()) {
    const uint32_t w = cells.window.value;
    const ExprId overflow = flag(SlotRoot::kWindowOverflow, w);
    v.unknown = build_.Or(v.unknown, overflow);
    const uint32_t capacity = fact.capacity > 0 ? fact.capacity : limits::kWindowCapacityDefault;
    const ExprId count = number(SlotRoot::kWindowCount, {0, capacity}, w);
    if (fact.kind == Kind::kCount) {
      v.value = count;
    } else if (fact.kind == Kind::kSum) {
      v.value = wide(SlotRoot::kWindowSum, w, kSums);
      if (fact.type.scale == 0) v = Checked(v);
    } else {
      const SlotRoot root = fact.kind == Kind::kMin ? SlotRoot::kWindowMin : SlotRoot::kWindowMax;
      v.value = fact.type.scale > 0 ? wide(root, w, kSums) : number(root, KeptRange(fact, RangeOf(fact.type.type)), w);
      const ExprId zero = build_.Number(0);
      v.present = build_.LtNum(zero, count);
    }
    return v;
  }

  ExprId inside = build_.Bool(true);
  if (cells.time.valid()) {
    const ExprId now = NumSlot(SlotRoot::kNow, kTimes);
    const ExprId at = number(SlotRoot::kCell, kTimes, cells.time.value);
    const ExprId age = build_.Sub(now, at);
    const ExprId within = build_.Number(fact.within_ns);
    inside = build_.LtNum(age, within);  // (now - within, now]
  }
  switch (fact.kind) {
    case Kind::kHappened: {
      const ExprId has = flag(SlotRoot::kCell, cells.has.value);
      v.value = build_.And(has, inside);
      return v;
    }
    case Kind::kCount:
    case Kind::kPopulation:
      v.value = number(SlotRoot::kCell, kCounts, cells.value.value);
      return v;
    case Kind::kSum:
      v.value = wide(SlotRoot::kCell, cells.value.value, kSums);
      return fact.type.scale == 0 ? Checked(v) : v;
    default:
      break;
  }
  const ExprId has = flag(SlotRoot::kCell, cells.has.value);
  v.present = build_.And(has, inside);
  switch (CellKind(fact)) {
    case SlotKind::kBool:
      v.value = flag(SlotRoot::kCell, cells.value.value);
      break;
    case SlotKind::kString:
      v.value = FactSlot(of, SlotKind::kString, SlotRoot::kCell, cells.value.value, {});
      break;
    case SlotKind::kI128:
      v.value = wide(SlotRoot::kCell, cells.value.value, kSums);
      break;
    case SlotKind::kI64:
      v.value = number(SlotRoot::kCell, KeptRange(fact, RangeOf(fact.type.type)), cells.value.value);
      break;
  }
  return v;
}

// ---------------------------------------------------------------- folds

namespace {

// The fold of one event type, output by output.
class FoldBuilder {
 public:
  FoldBuilder(ProgramState* state, Function* function) : state_(state), f_(state, function), function_(function) {}

  void Add(uint32_t index, bool refused, bool starts_round, TransitionId transition, std::vector<bool>* poisoned);
  bool empty() const { return function_->outputs.empty(); }
  void Finish(ir::Code* code) { f_.Finish({}, {}, code, nullptr); }

 private:
  // What one event does to a fact.
  struct Step {
    bool counts = false;  // it may be one that the fact counts
    bool clears = false;  // it starts a round of a fact of rounds
    Value value;          // that the fact takes of it
    ExprId matched;       // it is known to be one that counts
    ExprId hit;           // and has a value
    ExprId restarted;     // it is known to be a `since`; afterwards, so that it does not count itself
    ExprId unknown;       // any of this cannot be said
  };

  ir::Builder& b() { return f_.build(); }
  std::optional<Step> StepOf(const Fact& fact, bool refused, bool starts_round, TransitionId transition);
  void SetPoisoned(const FactCells& cells, const Step& step);
  void MoveWindow(const FactCells& cells, const Step& step);
  void SetHas(const Fact& fact, const FactCells& cells, const Step& step);
  void SetTime(const FactCells& cells, const Step& step);
  void SetValue(const Fact& fact, const FactCells& cells, const Step& step);
  void SetCount(const FactCells& cells, const Step& step, ExprId zero);
  void SetSum(const FactCells& cells, const Step& step, ExprId zero);
  void SetExtreme(const Fact& fact, const FactCells& cells, const Step& step);
  void SetLast(const Fact& fact, const FactCells& cells, const Step& step);

  static ExprId Before(const Step& step, ExprId old, ExprId zero) { return step.clears ? zero : old; }
  void SetOrRestart(CellId cell, SlotKind kind, const Step& step, ExprId after, ExprId zero) {
    SetCell(cell, kind, b().Select(step.restarted, zero, after));
  }

  // What a pattern says of this event: known to match, and whether that could not be said.
  Value MatchOf(const typed::Pattern& pattern) {
    Value match = f_.True();
    match.value = f_.AnyRoleOf(pattern.by, pattern.by_orchestrator);
    if (pattern.where != nullptr) {
      const Value where = f_.Lower(*pattern.where);
      match = f_.And(match, where);
    }
    return match;
  }

  void SetCell(CellId cell, SlotKind kind, ExprId value) {
    const uint32_t output = f_.Output(kind, value);
    function_->fold.push_back({false, cell.value, UINT32_MAX, output});
  }

  ExprId OldBool(CellId cell) { return f_.BoolSlot(SlotRoot::kCell, cell.value); }
  ExprId Old(CellId cell, SlotKind kind, Range range) {
    if (kind == SlotKind::kBool) return f_.BoolSlot(SlotRoot::kCell, cell.value);
    if (kind == SlotKind::kString) return f_.StrSlot(SlotRoot::kCell, cell.value);
    return f_.build().Slot(
        f_.layout().Intern(kind, {SlotRoot::kCell, cell.value, 0, 0, {}}, Projection::kValue, ListId(), false), range);
  }

  ProgramState* state_;
  FunctionLowering f_;
  Function* function_;
};

void FoldBuilder::Add(uint32_t index, bool refused, bool starts_round, TransitionId transition,
                      std::vector<bool>* poisoned) {
  const Fact& fact = state_->typed->facts[index];
  const FactCells& cells = state_->facts[index];
  const std::optional<Step> step = StepOf(fact, refused, starts_round, transition);
  if (!step.has_value()) return;
  if (step->unknown != b().Bool(false)) (*poisoned)[index] = true;
  if (cells.poisoned.valid()) SetPoisoned(cells, *step);
  if (cells.window.valid()) return MoveWindow(cells, *step);
  if (cells.has.valid()) SetHas(fact, cells, *step);
  if (cells.time.valid()) SetTime(cells, *step);
  if (cells.value.valid()) SetValue(fact, cells, *step);
}

std::optional<FoldBuilder::Step> FoldBuilder::StepOf(const Fact& fact, bool refused, bool starts_round,
                                                     TransitionId transition) {
  Step step;
  step.counts = fact.refused == refused && Matches(fact.pattern, transition);
  const bool restarts =
      !Planted(Fault::kSinceIgnored) && !refused && fact.since.has_value() && Matches(*fact.since, transition);
  step.clears = !Planted(Fault::kRoundKept) && !refused && fact.this_round && starts_round;
  if (!step.counts && !restarts && !step.clears) return std::nullopt;

  const auto never = [this] { return Value{b().Bool(false), b().Bool(false), b().Bool(true)}; };
  const Value match = step.counts ? MatchOf(fact.pattern) : never();
  step.value = f_.True();
  if (step.counts && fact.value != nullptr) {
    step.value = f_.Lower(*fact.value);
  } else if (fact.kind != Kind::kHappened) {
    step.value.value = b().Number(1);
  }
  const Value restart = restarts ? MatchOf(*fact.since) : never();
  step.matched = f_.Known(match);
  const ExprId bad_value = b().And(step.matched, step.value.unknown);
  const ExprId bad = b().Or(match.unknown, bad_value);
  step.unknown = b().Or(bad, restart.unknown);
  if (Planted(Fault::kPoisonForgotten)) step.unknown = b().Bool(false);
  step.hit = b().And(step.matched, step.value.present);
  step.restarted = f_.Known(restart);
  return step;
}

void FoldBuilder::SetPoisoned(const FactCells& cells, const Step& step) {
  const ExprId no = b().Bool(false);
  if (step.unknown == no && step.restarted == no && !step.clears) return;
  const ExprId old = step.clears ? no : OldBool(cells.poisoned);
  const ExprId now = b().Or(old, step.unknown);
  const ExprId kept = b().Not(step.restarted);
  SetCell(cells.poisoned, SlotKind::kBool, b().And(now, kept));
}

void FoldBuilder::MoveWindow(const FactCells& cells, const Step& step) {
  const ExprId no = b().Bool(false);
  const auto move = [&](ExprId when, ExprId value) {
    FoldTarget target{true, cells.window.value, f_.Output(SlotKind::kBool, when), UINT32_MAX};
    if (value.valid()) {
      const bool narrow = b().range(value).FitsInt64();
      target.value = f_.Output(narrow ? SlotKind::kI64 : SlotKind::kI128, value);
    }
    function_->fold.push_back(target);
  };
  if (step.clears) move(b().Bool(true), ExprId());
  if (step.hit != no) move(step.hit, step.value.value);
  if (step.restarted != no) move(step.restarted, ExprId());
}

void FoldBuilder::SetHas(const Fact& fact, const FactCells& cells, const Step& step) {
  const ExprId no = b().Bool(false);
  const ExprId before = Before(step, OldBool(cells.has), no);
  // `last` of a value that is absent is absent: the newest event decides.
  const ExprId after =
      fact.kind == Kind::kLast ? b().Select(step.matched, step.value.present, before) : b().Or(before, step.hit);
  SetOrRestart(cells.has, SlotKind::kBool, step, after, no);
}

void FoldBuilder::SetTime(const FactCells& cells, const Step& step) {
  if (step.hit == b().Bool(false)) return;
  const ExprId before = Old(cells.time, SlotKind::kI64, kTimes);
  const ExprId now = f_.NumSlot(SlotRoot::kNow, kTimes);
  SetCell(cells.time, SlotKind::kI64, b().Select(step.hit, now, before));
}

void FoldBuilder::SetValue(const Fact& fact, const FactCells& cells, const Step& step) {
  const ExprId zero = b().Number(0);
  switch (fact.kind) {
    case Kind::kCount:
      return SetCount(cells, step, zero);
    case Kind::kSum:
      return SetSum(cells, step, zero);
    case Kind::kMin:
    case Kind::kMax:
      return SetExtreme(fact, cells, step);
    case Kind::kLast:
      return SetLast(fact, cells, step);
    case Kind::kHappened:
    case Kind::kPopulation:  // counted by the runtime
      return;
  }
}

void FoldBuilder::SetCount(const FactCells& cells, const Step& step, ExprId zero) {
  const ExprId before = Before(step, Old(cells.value, SlotKind::kI64, kCounts), zero);
  const ExprId one = b().Number(1);
  const ExprId by = b().Select(step.hit, one, zero);
  const ExprId more = b().Add(before, by);
  // A count past its range stays there: 2^48 events are more than a log holds.
  const ExprId most = b().Number(kCounts.high);
  const ExprId over = b().LtNum(most, more);
  const ExprId after = b().Select(over, most, more);
  SetOrRestart(cells.value, SlotKind::kI64, step, after, zero);
}

void FoldBuilder::SetSum(const FactCells& cells, const Step& step, ExprId zero) {
  const ExprId before = Before(step, Old(cells.value, SlotKind::kI128, kSums), zero);
  const ExprId by = b().Select(step.hit, step.value.value, zero);
  if (!b().FitsAdd(before, by)) return;  // reported where the value was made
  const ExprId sum = b().Add(before, by);
  // Held inside ±2^100: no log of 64-bit amounts gets there.
  const ExprId high = b().Number(kSumMax), low = b().Number(-kSumMax);
  const ExprId above = b().LtNum(high, sum);
  const ExprId below = b().LtNum(sum, low);
  const ExprId capped = b().Select(above, high, sum);
  const ExprId after = b().Select(below, low, capped);
  SetOrRestart(cells.value, SlotKind::kI128, step, after, zero);
}

void FoldBuilder::SetExtreme(const Fact& fact, const FactCells& cells, const Step& step) {
  const SlotKind kind = CellKind(fact);
  const ExprId value = step.value.value;
  const ExprId before = Old(cells.value, kind, WithZero(kind == SlotKind::kI128 ? kSums : b().range(value)));
  const ExprId had = Before(step, OldBool(cells.has), b().Bool(false));
  const ExprId better = fact.kind == Kind::kMin ? b().LtNum(value, before) : b().LtNum(before, value);
  const ExprId first = b().Not(had);
  const ExprId wins = b().Or(first, better);
  const ExprId take = b().And(step.hit, wins);
  SetCell(cells.value, kind, b().Select(take, value, before));
}

void FoldBuilder::SetLast(const Fact& fact, const FactCells& cells, const Step& step) {
  if (!step.counts) return;
  const SlotKind kind = CellKind(fact);
  const bool numeric = kind == SlotKind::kI64 || kind == SlotKind::kI128;
  const ExprId before = Old(cells.value, kind, numeric ? WithZero(b().range(step.value.value)) : Range{0, 1});
  SetCell(cells.value, kind, b().Select(step.hit, step.value.value, before));
}

}  // namespace

LoweredFold LowerFold(ProgramState* state, WorkflowId workflow, TransitionId transition, bool refused,
                      std::vector<bool>* poisoned) {
  const Workflow& w = state->schema->workflows[workflow.value];
  const Transition& t = w.transitions[transition.value];
  LoweredFold out;
  out.function.name = absl::StrCat(w.qualified, ".", t.name, refused ? ".fold_refused" : ".fold");
  out.function.kind = FunctionKind::kFold;
  out.function.workflow = workflow;
  out.function.subject = transition.value;
  FoldBuilder fold(state, &out.function);
  const bool starts = StartsRound(w, t);
  for (uint32_t f = 0; f < state->known_facts.size(); ++f) {
    const Fact& fact = state->known_facts[f];
    if (fact.workflow == workflow && !fact.keyed.valid()) fold.Add(f, refused, starts, transition, poisoned);
  }
  out.empty = fold.empty();
  if (!out.empty) fold.Finish(&out.code);
  return out;
}

bool Moves(const Fact& fact, TransitionId transition) {
  if (!fact.keyed.valid() || fact.kind == Kind::kPopulation) return false;
  return Matches(fact.pattern, transition) || (fact.since.has_value() && Matches(*fact.since, transition));
}

// A part that cannot be said is absent: the event is counted under no key. So is every part of an instance that a population
// does not count.
void LowerKey(ProgramState* state, Function* function, const Fact& fact, ir::Code* code) {
  FunctionLowering f(state, function);
  ExprId counts = f.build().Bool(true);
  if (fact.pattern.where != nullptr && fact.kind == Kind::kPopulation && !Planted(Fault::kEveryTaskCounts))
    counts = f.Known(f.Lower(*fact.pattern.where));
  for (const typed::ExprPtr& part : fact.key) {
    const Value v = f.Lower(*part);
    const ExprId known = f.build().Not(v.unknown);
    const ExprId there = f.build().And(v.present, known);
    f.Output(SlotKind::kBool, f.build().And(there, counts));
    const SlotKind kind = KindOf(part->type.type);
    const bool one = Planted(Fault::kOneKey) && kind != SlotKind::kBool;
    const ExprId zero = !one ? v.value : kind == SlotKind::kString ? f.build().Text("a1") : f.build().Number(0);
    f.Output(kind, zero);
  }
  f.Finish({}, {}, code, nullptr);
}

LoweredFold LowerKeyedFold(ProgramState* state, uint32_t index, TransitionId transition, std::vector<bool>* poisoned) {
  const Fact& fact = state->typed->facts[index];
  LoweredFold out;
  out.function.kind = FunctionKind::kFold;
  out.function.workflow = fact.workflow;
  out.function.subject = transition.value;
  FoldBuilder fold(state, &out.function);
  fold.Add(index, false, false, transition, poisoned);
  out.empty = fold.empty();
  if (!out.empty) fold.Finish(&out.code);
  return out;
}

}  // namespace writ::lower
