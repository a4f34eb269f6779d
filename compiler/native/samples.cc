#include "compiler/native/samples.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"

namespace writ::samples {
namespace {

using ir::Builder;
using ir::ExprId;
using ir::Guard;
using ir::LoopId;

// Pairs with equal bytes at two addresses, equal sizes with other bytes, and a zero byte inside.
const std::vector<std::string>& Names() {
  static const auto* names = new std::vector<std::string>{"",
                                                          "",
                                                          "a",
                                                          "b",
                                                          "approve",
                                                          "approve",
                                                          "approvf",
                                                          std::string("a\0b", 3),
                                                          std::string("a\0c", 3),
                                                          "a name that is longer than thirty-two bytes, told once",
                                                          "a name that is longer than thirty-two bytes, told twic"};
  return *names;
}

Slot MakeSlot(SlotKind kind, uint32_t offset, ListId list = {}) {
  Slot slot;
  slot.kind = kind;
  slot.offset = offset;
  slot.list = list;
  if (list.valid()) slot.path.root = SlotRoot::kElement;
  return slot;
}

FrameList MakeList(ListId parent, uint32_t capacity, uint32_t offset, uint32_t stride) {
  FrameList list;
  list.parent = parent;
  list.capacity = capacity;
  list.offset = offset;
  list.stride = stride;
  if (parent.valid()) list.path.root = SlotRoot::kElement;
  return list;
}

// Builds random expressions in the scope of some open loops, the innermost last.
class Generator {
 public:
  Generator(Random* random, Builder* builder) : random_(*random), builder_(*builder) {}

  ExprId Bool(int depth) {
    if (depth <= 0) return BoolLeaf();
    switch (random_.Below(15)) {
      case 0: return BoolLeaf();
      case 1: return builder_.Not(Bool(depth - 1));
      case 2: {
        const ExprId a = Bool(depth - 1), b = Bool(depth - 1);
        return builder_.And(a, b);
      }
      case 3: {
        const ExprId a = Bool(depth - 1), b = Bool(depth - 1);
        return builder_.Or(a, b);
      }
      case 4: {
        const ExprId a = Bool(depth - 1), b = Bool(depth - 1);
        return builder_.EqBool(a, b);
      }
      case 5: {
        const ExprId a = Number(depth - 1), b = Number(depth - 1);
        return builder_.EqNum(a, b);
      }
      case 6: {
        const ExprId a = Number(depth - 1), b = Number(depth - 1);
        return builder_.LtNum(a, b);
      }
      case 7: {
        const ExprId a = Number(depth - 1), b = Number(depth - 1);
        return builder_.LeNum(a, b);
      }
      case 8: {
        const ExprId a = Text(depth - 1), b = Text(depth - 1);
        return builder_.EqStr(a, b);
      }
      case 9: {
        const ExprId a = Bool(depth - 1), b = Bool(depth - 1), c = Bool(depth - 1);
        return builder_.Select(a, b, c);
      }
      case 10: {
        const ExprId set = Number(depth - 1), bit = BitNumber(depth - 1);
        return builder_.HasBit(set, bit);
      }
      case 14: return builder_.MatchStr(Text(depth - 1), SomeAutomaton());
      case 11: return Reduce(depth, [&](LoopId loop) { return builder_.Any(loop, Bool(depth - 2)); }, false);
      case 12: return Reduce(depth, [&](LoopId loop) { return builder_.All(loop, Bool(depth - 2)); }, false);
      default:
        return Reduce(
            depth,
            [&](LoopId loop) {
              const ExprId condition = Bool(depth - 2), value = Bool(depth - 2);
              return builder_.First(loop, condition, value);
            },
            false);
    }
  }

  ExprId Number(int depth) {
    if (depth <= 0) return NumberLeaf();
    switch (random_.Below(16)) {
      case 0: return builder_.StepNum(Number(depth - 1), SomeSteps());
      case 1: return NumberLeaf();
      case 2: {
        const ExprId a = Number(depth - 1), b = Number(depth - 1);
        return builder_.FitsAdd(a, b) ? builder_.Add(a, b) : a;
      }
      case 3: {
        const ExprId a = Number(depth - 1), b = Number(depth - 1);
        return builder_.FitsSub(a, b) ? builder_.Sub(a, b) : b;
      }
      case 4: {
        const ExprId a = Number(depth - 1), b = Number(depth - 1);
        return builder_.FitsMul(a, b) ? builder_.Mul(a, b) : a;
      }
      case 5: {
        const ExprId a = Number(depth - 1);
        return builder_.range(a).low > -kHuge ? builder_.Neg(a) : a;
      }
      case 6: {
        const ExprId a = Number(depth - 1);
        return builder_.Round(Rounding::kDown, a, Divisor());
      }
      case 7: {
        const ExprId a = Number(depth - 1);
        return builder_.Round(Rounding::kUp, a, Divisor());
      }
      case 8: {
        const ExprId a = Number(depth - 1);
        return builder_.Round(Rounding::kHalfEven, a, Divisor());
      }
      case 9: {
        const ExprId a = Bool(depth - 1), b = Number(depth - 1), c = Number(depth - 1);
        return builder_.Select(a, b, c);
      }
      case 10: return builder_.PopCount(Number(depth - 1));
      case 11: return Reduce(depth, [&](LoopId loop) { return builder_.Count(loop, Bool(depth - 2)); }, true);
      case 12:
        return Reduce(
            depth,
            [&](LoopId loop) {
              const ExprId condition = Bool(depth - 2), value = Number(depth - 2);
              return builder_.FitsSum(loop, value) ? builder_.Sum(loop, condition, value)
                                                   : builder_.Min(loop, condition, value);
            },
            true);
      case 13:
        return Reduce(
            depth,
            [&](LoopId loop) {
              const ExprId condition = Bool(depth - 2), value = Number(depth - 2);
              return random_.OneIn(2) ? builder_.Min(loop, condition, value) : builder_.Max(loop, condition, value);
            },
            true);
      default:
        return Reduce(
            depth,
            [&](LoopId loop) {
              const ExprId condition = Bool(depth - 2), value = Number(depth - 2);
              return builder_.First(loop, condition, value);
            },
            true);
    }
  }

  ExprId Text(int depth) {
    if (depth <= 0) return TextLeaf();
    switch (random_.Below(4)) {
      case 0: {
        const ExprId a = Bool(depth - 1), b = Text(depth - 1), c = Text(depth - 1);
        return builder_.Select(a, b, c);
      }
      case 1:
        if (depth < 2 || loops_.size() >= 2) return TextLeaf();
        return WithLoop([&](LoopId loop) {
          const ExprId condition = Bool(depth - 2), value = Text(depth - 2);
          return builder_.First(loop, condition, value);
        });
      default: return TextLeaf();
    }
  }

 private:
  static constexpr Num kHuge = static_cast<Num>(1) << 120;

  struct Open {
    LoopId loop;
    SampleList list;
  };

  template <class Body>
  ExprId Reduce(int depth, Body body, bool number) {
    if (depth < 2 || loops_.size() >= 2) return number ? NumberLeaf() : BoolLeaf();
    return WithLoop(body);
  }
  template <class Body>
  ExprId WithLoop(Body body) {
    const bool inside_line = !loops_.empty() && loops_.back().list == kLines;
    const SampleList list = inside_line && !random_.OneIn(3) ? kParts : random_.OneIn(2) ? kLines : kDays;
    const LoopId loop = builder_.OpenLoop(ListId(list), loops_.empty() ? LoopId() : loops_.back().loop);
    loops_.push_back({loop, list});
    const ExprId result = body(loop);
    loops_.pop_back();
    return result;
  }

  Num Divisor() {
    static constexpr Num kDivisors[] = {1, 2, 3, 10, 64, 1'000'000, static_cast<Num>(1) << 70};
    return kDivisors[random_.Below(std::size(kDivisors))];
  }
  // Around the values that frames have, and at the ends of what a step can be.
  ir::StepTable SomeSteps() {
    ir::StepTable table;
    int64_t from = random_.OneIn(3) ? INT64_MIN : -static_cast<int64_t>(random_.Below(8));
    for (uint32_t left = 1 + random_.Below(7); left > 0; --left) {
      const int64_t value = random_.OneIn(5) ? static_cast<int64_t>(random_.Next()) : int64_t{random_.Below(9)} - 4;
      table.steps.push_back({from, value});
      from = from == INT64_MIN ? -3 : from + 1 + random_.Below(random_.OneIn(3) ? 400 : 3);
    }
    if (random_.OneIn(4)) table.steps.push_back({INT64_MAX, 7});
    return table;
  }
  ir::Automaton SomeAutomaton() {
    ir::Automaton automaton;
    automaton.class_count = 1 + random_.Below(4);
    for (int byte = 0; byte < 256; ++byte) {
      automaton.class_of.push_back(static_cast<uint8_t>(random_.Below(automaton.class_count)));
    }
    const uint32_t states = 1 + random_.Below(5);
    for (uint32_t state = 0; state < states; ++state) {
      automaton.accepts.push_back(random_.OneIn(2) ? 1 : 0);
      for (uint32_t k = 0; k < automaton.class_count; ++k) {
        automaton.next.push_back(static_cast<uint16_t>(random_.Below(states)));
      }
    }
    return automaton;
  }
  ExprId BitNumber(int depth) {
    return random_.OneIn(3) ? Number(depth) : builder_.Number(static_cast<Num>(random_.Below(70)) - 3);
  }

  ExprId Slot(SampleSlot slot) { return builder_.Slot(SlotId(slot), RangeOf(slot)); }
  ExprId Element(SampleSlot slot, LoopId loop) { return builder_.Element(SlotId(slot), loop, RangeOf(slot)); }

  // A loop of the scope to read from, or none.
  const Open* SomeLoop() {
    if (loops_.empty() || random_.OneIn(3)) return nullptr;
    return &loops_[random_.Below(static_cast<uint32_t>(loops_.size()))];
  }

  ExprId BoolLeaf() {
    const Open* open = SomeLoop();
    if (open != nullptr && open->list == kLines) return Element(kLineFlag, open->loop);
    if (open != nullptr && open->list == kParts) return Element(kPartFlag, open->loop);
    return random_.OneIn(12) ? builder_.Bool(random_.OneIn(2)) : Slot(random_.OneIn(2) ? kFlag : kOtherFlag);
  }
  ExprId NumberLeaf() {
    const Open* open = SomeLoop();
    if (open != nullptr && random_.OneIn(4)) return builder_.Index(open->loop);
    if (open != nullptr && open->list == kLines) return Element(random_.OneIn(2) ? kLineSmall : kLineWide, open->loop);
    if (open != nullptr && open->list == kParts) return Element(kPartSmall, open->loop);
    if (open != nullptr) return Element(kDaySmall, open->loop);
    switch (random_.Below(6)) {
      case 0: return Slot(kLong);
      case 1: return Slot(kWide);
      case 2: return builder_.Number(static_cast<Num>(random_.Below(2000)) - 1000);
      case 3: return random_.OneIn(3) ? builder_.Number(-(static_cast<Num>(random_.Next()) << 5)) : Slot(kSmall);
      default: return Slot(kSmall);
    }
  }
  ExprId TextLeaf() {
    const Open* open = SomeLoop();
    if (open != nullptr && open->list == kLines) return Element(kLineName, open->loop);
    if (open != nullptr && open->list == kParts) return Element(kPartName, open->loop);
    if (random_.OneIn(3)) return builder_.Text(Names()[random_.Below(static_cast<uint32_t>(Names().size()))]);
    return Slot(random_.OneIn(2) ? kName : kOtherName);
  }

  Random& random_;
  Builder& builder_;
  std::vector<Open> loops_;
};

void GenerateDecide(Random* random, const Shape& shape, ir::Program* program) {
  Builder builder(program, &program->schema.functions[kDecideFunction.value]);
  Generator generator(random, &builder);
  const auto guard = [&] {
    const ExprId applies = generator.Bool(shape.depth);
    const ExprId fails = random->OneIn(3) ? generator.Bool(shape.depth - 2) : builder.Bool(false);
    return Guard{applies, fails};
  };
  std::vector<Guard> restraints, allows;
  for (uint32_t i = 0; i < shape.restraints; ++i) restraints.push_back(guard());
  for (uint32_t i = 0; i < shape.allows; ++i) allows.push_back(guard());
  builder.Finish(restraints, allows, {}, &program->code[kDecideFunction.value]);
}

void GenerateCompute(Random* random, const Shape& shape, ir::Program* program) {
  Function& function = program->schema.functions[kComputeFunction.value];
  Builder builder(program, &function);
  Generator generator(random, &builder);
  std::vector<ExprId> outputs;
  for (const OutputSlot& slot : function.outputs) {
    if (slot.kind == SlotKind::kBool) {
      outputs.push_back(generator.Bool(shape.depth));
    } else if (slot.kind == SlotKind::kString) {
      outputs.push_back(generator.Text(shape.depth));
    } else {
      ExprId number = generator.Number(shape.depth);
      if (slot.kind == SlotKind::kI64 && !builder.range(number).FitsInt64()) number = builder.PopCount(number);
      outputs.push_back(number);
    }
  }
  builder.Finish({}, {}, outputs, &program->code[kComputeFunction.value]);
}

void GiveOutputs(Function* function) {
  static constexpr SlotKind kKinds[] = {SlotKind::kBool, SlotKind::kI64, SlotKind::kI128, SlotKind::kString,
                                        SlotKind::kI128};
  for (SlotKind kind : kKinds) {
    function->outputs.push_back({kind, function->output_words});
    function->output_words += kind == SlotKind::kI128 || kind == SlotKind::kString ? 2 : 1;
  }
}

int64_t EdgeOrAny(Random* random) {
  switch (random->Below(6)) {
    case 0: return INT64_MIN;
    case 1: return INT64_MAX;
    case 2: return static_cast<int64_t>(random->Below(5)) - 2;
    case 3: return static_cast<int64_t>(random->Below(2000)) - 1000;
    default: return static_cast<int64_t>(random->Next());
  }
}

int64_t SmallValue(Random* random) {
  if (random->OneIn(2)) return static_cast<int64_t>(random->Below(9)) - 4;  // often equal, often a bit's number
  return static_cast<int64_t>(random->Below(2 * kSmallMax + 1)) - kSmallMax;
}

Num WideValue(Random* random) {
  if (random->OneIn(4)) return static_cast<Num>(random->Below(7)) - 3;
  if (random->OneIn(4)) return EdgeOrAny(random);
  const Num high = static_cast<Num>(random->Below(1u << 26)) - (1 << 25);
  return (high << 64) + static_cast<Num>(random->Next());
}

void FillSlot(Random* random, const Slot& slot, bool any_long, int64_t* base) {
  int64_t* word = base + slot.offset;
  switch (slot.kind) {
    case SlotKind::kBool: *word = random->OneIn(2); break;
    case SlotKind::kI64: *word = any_long ? EdgeOrAny(random) : SmallValue(random); break;
    case SlotKind::kI128: {
      const Num value = WideValue(random);
      word[0] = static_cast<int64_t>(value);
      word[1] = static_cast<int64_t>(value >> 64);
      break;
    }
    case SlotKind::kString: {
      const std::string& name = Names()[random->Below(static_cast<uint32_t>(Names().size()))];
      word[0] = static_cast<int64_t>(reinterpret_cast<intptr_t>(name.data()));
      word[1] = static_cast<int64_t>(name.size());
      break;
    }
  }
}

void FillLevel(Random* random, const FrameLayout& layout, ListId level, int64_t* base) {
  for (uint32_t i = 0; i < layout.slots.size(); ++i) {
    if (layout.slots[i].list == level) FillSlot(random, layout.slots[i], i == kLong, base);
  }
  for (uint32_t l = 0; l < layout.lists.size(); ++l) {
    const FrameList& list = layout.lists[l];
    if (list.parent != level) continue;
    const uint32_t length = random->OneIn(4) ? 0 : random->Below(list.capacity + 1);
    base[list.offset] = length;
    for (uint32_t i = 0; i < length; ++i)
      FillLevel(random, layout, ListId(l), base + list.offset + 1 + i * list.stride);
  }
}

std::string TextOf(Num value) {
  const auto bits = static_cast<unsigned __int128>(value);
  return absl::StrCat(absl::Hex(static_cast<uint64_t>(bits >> 64), absl::kZeroPad16),
                      absl::Hex(static_cast<uint64_t>(bits), absl::kZeroPad16));
}

}  // namespace

FrameLayout SampleLayout() {
  FrameLayout layout;
  const ListId lines(kLines), parts(kParts), days(kDays);
  layout.slots = {
      MakeSlot(SlotKind::kBool, 0),        MakeSlot(SlotKind::kBool, 1),          MakeSlot(SlotKind::kI64, 2),
      MakeSlot(SlotKind::kI64, 3),         MakeSlot(SlotKind::kI128, 4),          MakeSlot(SlotKind::kString, 6),
      MakeSlot(SlotKind::kString, 8),      MakeSlot(SlotKind::kBool, 0, lines),   MakeSlot(SlotKind::kI64, 1, lines),
      MakeSlot(SlotKind::kI128, 2, lines), MakeSlot(SlotKind::kString, 4, lines), MakeSlot(SlotKind::kI64, 0, parts),
      MakeSlot(SlotKind::kBool, 1, parts), MakeSlot(SlotKind::kString, 2, parts), MakeSlot(SlotKind::kI64, 0, days)};
  WRIT_CHECK(layout.slots.size() == kSlotCount);
  layout.lists = {MakeList({}, 4, 10, 6 + 1 + 3 * 4), MakeList(lines, 3, 6, 4), MakeList({}, 3, 11 + 4 * 19, 1)};
  layout.size_words = 11 + 4 * 19 + 1 + 3;
  return layout;
}

ir::Range RangeOf(SampleSlot slot) {
  switch (slot) {
    case kSmall:
    case kLineSmall:
    case kPartSmall:
    case kDaySmall: return {-kSmallMax, kSmallMax};
    case kLong: return {INT64_MIN, INT64_MAX};
    case kWide:
    case kLineWide: return {-kWideMax, kWideMax};
    default: return {};
  }
}

ir::Program EmptyProgram(uint32_t restraints, uint32_t allows) {
  ir::Program program;
  Schema& schema = program.schema;
  for (const char* name : kBuiltinNames) {
    Rule& rule = schema.rules.emplace_back();
    rule.qualified = name;
    rule.kind = RuleKind::kBuiltin;
  }
  Workflow& workflow = schema.workflows.emplace_back();
  workflow.name = workflow.qualified = "Sample";
  workflow.states = {State{"open", false, false}};
  Transition& transition = workflow.transitions.emplace_back();
  transition.name = "go";
  transition.sources = {StateId(0)};
  transition.stays = true;
  transition.decide = kDecideFunction;
  transition.compute = kComputeFunction;

  schema.functions.resize(2);
  Function& decide = schema.functions[kDecideFunction.value];
  decide.name = "Sample.a_decide";
  Function& compute = schema.functions[kComputeFunction.value];
  compute.name = "Sample.b_compute";
  compute.kind = FunctionKind::kCompute;
  for (Function& function : schema.functions) {
    function.workflow = WorkflowId(0);
    function.frame = SampleLayout();
  }
  GiveOutputs(&compute);
  program.code.resize(2);

  const auto add_rule = [&](const std::string& name, Effect effect) {
    Rule& rule = schema.rules.emplace_back();
    rule.qualified = name;
    rule.effect = effect;
    return RuleId(schema.rules.size() - 1);
  };
  for (uint32_t i = 0; i < restraints; ++i) {
    decide.restraints.push_back({add_rule(absl::StrCat("r", 10000 + i), Effect::kDeny), Effect::kDeny, false});
  }
  for (uint32_t i = 0; i < allows; ++i) {
    decide.allows.push_back(
        {add_rule(absl::StrCat("s", 10000 + i), Effect::kAllow), std::vector<uint64_t>((restraints + 63) / 64)});
  }
  return program;
}

ir::Program RandomProgram(uint64_t seed, const Shape& shape) {
  Random random(seed);
  ir::Program program = EmptyProgram(shape.restraints, shape.allows);
  Function& decide = program.schema.functions[kDecideFunction.value];
  static constexpr Effect kEffects[] = {Effect::kEscalate, Effect::kEscalate, Effect::kHold, Effect::kDeny, Effect::kUpon};
  for (Restraint& restraint : decide.restraints) {
    restraint.effect = kEffects[random.Below(5)];
    restraint.gate = restraint.effect != Effect::kUpon && random.OneIn(5);
    program.schema.rules[restraint.rule.value].effect = restraint.effect;
  }
  for (Allow& allow : decide.allows) {
    for (uint32_t i = 0; i < shape.restraints; ++i) {
      if (random.OneIn(4)) allow.excuses[i / 64] |= uint64_t{1} << (i % 64);
    }
  }
  GenerateDecide(&random, shape, &program);
  GenerateCompute(&random, shape, &program);
  return program;
}

std::vector<int64_t> RandomFrame(uint64_t seed) {
  Random random(seed ^ 0x5eed);
  const FrameLayout layout = SampleLayout();
  std::vector<int64_t> frame(layout.size_words, 0);
  FillLevel(&random, layout, ListId(), frame.data());
  return frame;
}

std::string Describe(const Function& function, const int64_t* out) {
  std::string text;
  for (const OutputSlot& slot : function.outputs) {
    const int64_t* word = out + slot.offset;
    if (slot.kind == SlotKind::kI128) {
      const auto low = static_cast<uint64_t>(word[0]);
      absl::StrAppend(&text, TextOf((static_cast<Num>(word[1]) << 64) | static_cast<Num>(low)), " ");
    } else if (slot.kind == SlotKind::kString) {
      const auto* bytes = reinterpret_cast<const char*>(static_cast<intptr_t>(word[0]));
      text += '"';
      text.append(word[1] == 0 ? "" : bytes, static_cast<size_t>(word[1]));
      text += "\" ";
    } else {
      absl::StrAppend(&text, word[0], " ");
    }
  }
  return text;
}

std::string Describe(const RawDecision& decision) {
  std::string text = absl::StrCat("outcome ", static_cast<int>(decision.outcome));
  const auto list = [&text](const char* name, const uint16_t* items, uint16_t count) {
    absl::StrAppend(&text, "; ", name);
    for (uint16_t i = 0; i < count; ++i) absl::StrAppend(&text, " ", items[i]);
  };
  list("reasons", decision.reasons, decision.reason_count);
  list("applied", decision.applied, decision.applied_count);
  list("allows", decision.allows, decision.allow_count);
  list("indeterminate", decision.indeterminate, decision.indeterminate_count);
  return text;
}

}  // namespace writ::samples
