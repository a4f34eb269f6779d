#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "compiler/ir/arithmetic.h"
#include "compiler/ir/ir.h"
#include "compiler/ir/sample_program.h"

namespace writ::ir {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(VerifyTest, TheSampleIsWellFormed) {
  EXPECT_THAT(Verify(SampleProgram()), IsEmpty());
  EXPECT_THAT(Verify(Program()), IsEmpty());
}

TEST(VerifyTest, TextNamesWhatIsRead) {
  const std::string text = ToText(SampleProgram());
  for (const char* part : {
           "function test.Deal.close decide frame 12 words", "  list l0 @4 max 3 stride 2 after.lines",
           "  lookup 0 test.Deal[s2, \"x\"]", "  s2 string @2 after.before_it.key.id",
           "  s3 i64 @0 of l0 element.price erasable", "  s4 i64 @11 Deal[lookup 0].amount",
           "  escalate test.large applies %", "  allow test.trusted applies %", " excuses test.large\n",
           "  s0 i128 @0 cell(total)", "  store cell total output 0\n",
           "  store window recent output 2 when output 1\n",
           "  s0 i64 @0 seat_votes(open, test.CFO, 1)", " = const_str \"Initech\"", " steps0\n", " automaton0\n",
           "steps0 -9223372036854775808:0 10:1 20:0\n", "automaton0 bytes 0:0 65:1 66:0\n  0 2 1\n  1 accepts 1 1\n",
           "  output 1 bool @1 %"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_EQ(text, ToText(SampleProgram()));
}

struct Fault {
  const char* name;
  std::function<void(Program&)> plant;
  const char* sentence;
};

Function& F(Program& p, int i = 0) { return p.schema.functions[static_cast<size_t>(i)]; }
Code& C(Program& p, int i = 0) { return p.code[static_cast<size_t>(i)]; }
Workflow& W(Program& p) { return p.schema.workflows[0]; }

Expr& FirstOf(Program& p, Op op) {
  for (Expr& e : p.code[0].exprs) {
    if (e.op == op) return e;
  }
  ADD_FAILURE() << "no such op";
  return p.code[0].exprs[0];
}
size_t IndexOf(Program& p, Op op) { return static_cast<size_t>(&FirstOf(p, op) - p.code[0].exprs.data()); }

std::vector<Fault> Faults() {
  return {
      // tables
      {"no step", [](Program& p) { p.steps[0].steps.clear(); }, "table of steps 0 is malformed"},
      {"steps descend", [](Program& p) { p.steps[0].steps[2].from = 10; }, "table of steps 0 is malformed"},
      {"steps twice", [](Program& p) { p.steps.push_back(p.steps[0]); }, "table of steps 1 is in the pool twice"},
      {"steps named", [](Program& p) { FirstOf(p, Op::kStepNum).b = 9; }, "names no table of steps"},
      {"bytes", [](Program& p) { p.automata[0].class_of.pop_back(); }, "automaton 0 is malformed"},
      {"class", [](Program& p) { p.automata[0].class_of[7] = 2; }, "automaton 0 is malformed"},
      {"next", [](Program& p) { p.automata[0].next[3] = 3; }, "automaton 0 is malformed"},
      {"row", [](Program& p) { p.automata[0].next.pop_back(); }, "automaton 0 is malformed"},
      {"accepts", [](Program& p) { p.automata[0].accepts[1] = 2; }, "automaton 0 is malformed"},
      {"automaton twice", [](Program& p) { p.automata.push_back(p.automata[0]); }, "automaton 1 is in the pool twice"},
      {"automaton named", [](Program& p) { FirstOf(p, Op::kMatchStr).b = 1; }, "names no automaton"},
      // code
      {"type", [](Program& p) { C(p).exprs[0].type = ValueType::kStr; }, "wrong type"},
      {"reserved", [](Program& p) { C(p).exprs[0].reserved = 1; }, "wrong type"},
      {"op", [](Program& p) { C(p).exprs[0].op = static_cast<Op>(200); }, "unknown op"},
      {"operand_order", [](Program& p) { FirstOf(p, Op::kLtNum).b = 9999; }, "before it is computed"},
      {"operand_itself",
       [](Program& p) { FirstOf(p, Op::kLtNum).b = static_cast<uint32_t>(IndexOf(p, Op::kLtNum)); },
       "before it is computed"},
      {"operand_type",
       [](Program& p) { FirstOf(p, Op::kOr).b = static_cast<uint32_t>(IndexOf(p, Op::kAdd)); },
       "another type"},
      {"operand_of_a_loop",
       [](Program& p) { FirstOf(p, Op::kAdd).b = static_cast<uint32_t>(IndexOf(p, Op::kElemNum)); },
       "outside of its loop"},
      {"too_many_operands", [](Program& p) { FirstOf(p, Op::kAdd).c = 1; }, "too many operands"},
      {"flag", [](Program& p) { FirstOf(p, Op::kConstBool).a = 2; }, "neither 0 nor 1"},
      {"number", [](Program& p) { FirstOf(p, Op::kConstNum).a = 99; }, "names no number"},
      {"string", [](Program& p) { FirstOf(p, Op::kConstStr).a = 99; }, "names no string"},
      {"slot", [](Program& p) { FirstOf(p, Op::kSlotNum).a = 99; }, "reads no slot"},
      {"slot_kind", [](Program& p) { FirstOf(p, Op::kSlotNum).a = 1; }, "another kind"},
      {"slot_list", [](Program& p) { FirstOf(p, Op::kSlotNum).a = 3; }, "another list"},
      {"element_list", [](Program& p) { FirstOf(p, Op::kElemNum).a = 0; }, "another list"},
      {"loop", [](Program& p) { FirstOf(p, Op::kElemNum).b = 7; }, "names no loop"},
      {"loop_end", [](Program& p) { C(p).loops[0].end -= 1; }, "not open"},
      {"loop_begin", [](Program& p) { C(p).loops[0].begin += 1; }, "said to begin"},
      {"loop_beyond", [](Program& p) { C(p).loops[0].end = 9999; }, "lies outside"},
      {"loop_parent", [](Program& p) { C(p).loops[0].parent = LoopId(0); }, "before its parent"},
      {"loop_list", [](Program& p) { C(p).loops[0].list = ListId(5); }, "over no list"},
      {"loop_unused", [](Program& p) { C(p).loops.push_back({ListId(0), LoopId(), 1, 2}); }, "does not end"},
      {"loop_not_ended",
       [](Program& p) { FirstOf(p, Op::kLoopEnd) = {Op::kConstBool, ValueType::kBool, 0, 0, 0, 0}; },
       "outside"},
      {"reduction_outside",
       [](Program& p) {
         const uint32_t body = static_cast<uint32_t>(IndexOf(p, Op::kOr));
         FirstOf(p, Op::kEqStr) = {Op::kAny, ValueType::kBool, 0, 0, body, 0};
       },
       "from outside"},
      {"range_missing", [](Program& p) { C(p).ranges.pop_back(); }, "one range for each"},
      {"range_wrong", [](Program& p) { C(p).ranges[IndexOf(p, Op::kAdd)].high += 1; }, "another range"},
      {"range_empty", [](Program& p) { C(p).ranges[IndexOf(p, Op::kSlotNum)] = {5, 4}; }, "has no range"},
      {"range_wide",
       [](Program& p) { C(p).ranges[IndexOf(p, Op::kSlotNum)].high = Num{1} << 70; },
       "wider than its slot"},
      {"range_boolean", [](Program& p) { C(p).ranges[IndexOf(p, Op::kOr)].high = 1; }, "is no number"},
      {"range_beyond", [](Program& p) { C(p, 1).ranges[0] = {kNumMin, kNumMax}; }, "can leave 128 bits"},
      {"root", [](Program& p) { C(p).restraints[0].applies = ExprId(999); }, "root is no expression"},
      {"root_none", [](Program& p) { C(p).allows[0].fails = ExprId(); }, "root is no expression"},
      {"root_type", [](Program& p) { C(p).restraints[0].fails = ExprId(IndexOf(p, Op::kAdd)); }, "another type"},
      {"root_in_loop",
       [](Program& p) { C(p).restraints[0].applies = ExprId(size_t{C(p).loops[0].begin} + 2); },
       "stands in a loop"},
      {"root_count", [](Program& p) { C(p).restraints.clear(); }, "each restraint"},
      {"output_count", [](Program& p) { C(p, 1).outputs.pop_back(); }, "each output"},
      {"output_type", [](Program& p) { C(p, 1).outputs[1] = C(p, 1).outputs[0]; }, "another type"},
      {"code_count", [](Program& p) { p.code.pop_back(); }, "one code for each function"},
      {"number_twice", [](Program& p) { p.numbers.push_back(p.numbers[0]); }, "in the pool twice"},
      {"string_twice", [](Program& p) { p.strings.push_back(p.strings[0]); }, "in the pool twice"},
      // layouts
      {"slots_overlap", [](Program& p) { F(p).frame.slots[1].offset = 0; }, "overlap"},
      {"slot_over_list", [](Program& p) { F(p).frame.slots[4].offset = 10; }, "overlap"},
      {"slot_beyond", [](Program& p) { F(p).frame.size_words = 11; }, "overlap or leave"},
      {"element_beyond", [](Program& p) { F(p).frame.slots[3].offset = 2; }, "leave their element"},
      {"slot_of_no_list", [](Program& p) { F(p).frame.slots[3].list = ListId(4); }, "of no list"},
      {"frame_large", [](Program& p) { F(p).frame.size_words = limits::kFrameWordsMax + 1; }, "too large"},
      {"capacity", [](Program& p) { F(p).frame.lists[0].capacity = 4097; }, "too many elements"},
      {"list_parent", [](Program& p) { F(p).frame.lists[0].parent = ListId(0); }, "before its parent"},
      {"element_at_top", [](Program& p) { F(p).frame.slots[0].path.root = SlotRoot::kElement; }, "outside of a list"},
      {"path_field", [](Program& p) { F(p).frame.slots[0].path.index = 50; }, "not there"},
      {"path_cell", [](Program& p) { F(p, 1).frame.slots[0].path.index = 1; }, "not there"},
      {"path_seat", [](Program& p) { F(p, 2).frame.slots[0].path.part = 1; }, "not there"},
      {"path_lookup", [](Program& p) { F(p).frame.slots[4].path.index = 1; }, "not there"},
      {"lookup_slot", [](Program& p) { F(p).frame.lookups[0].key[0].slot = SlotId(99); }, "key of no slot"},
      {"has_is_boolean", [](Program& p) { F(p).frame.slots[0].projection = Projection::kHas; }, "not Boolean"},
      // functions
      {"restraint_rule", [](Program& p) { F(p).restraints[0].rule = RuleId(99); }, "has no rule"},
      {"restraint_allows", [](Program& p) { F(p).restraints[0].effect = Effect::kAllow; }, "restraint allows"},
      {"excuse_row", [](Program& p) { F(p).allows[0].excuses.push_back(0); }, "not as long"},
      {"excuse_bit", [](Program& p) { F(p).allows[0].excuses[0] = 2; }, "what is not there"},
      {"fold_decides",
       [](Program& p) { F(p, 1).restraints.push_back({RuleId(14), Effect::kDeny, false}); },
       "decides nothing"},
      {"outputs_overlap", [](Program& p) { F(p, 1).outputs[1].offset = 1; }, "outputs overlap"},
      {"fold_value", [](Program& p) { F(p, 1).fold[0].value = 3; }, "stores no output"},
      {"fold_when", [](Program& p) { F(p, 1).fold[1].when = 0; }, "no Boolean output"},
      {"fold_target", [](Program& p) { F(p, 1).fold[0].index = 1; }, "no target"},
      {"fold_kind", [](Program& p) { F(p, 1).fold[0].value = 2; }, "another kind"},
      {"workflow", [](Program& p) { F(p).workflow = WorkflowId(3); }, "of no workflow"},
      {"subject", [](Program& p) { F(p).subject = 3; }, "of no transition"},
      // tables
      {"type_range", [](Program& p) { p.schema.types[1].min = 2'000'000; }, "empty range"},
      {"type_enum", [](Program& p) { p.schema.types[5].index = 1; }, "names nothing"},
      {"type_element", [](Program& p) { p.schema.types[3].element = TypeId(); }, "no element type"},
      {"type_key", [](Program& p) { p.schema.types[3].key = FieldId(2); }, "elements lack"},
      {"type_in_itself", [](Program& p) { p.schema.records[0].members[0].type = TypeId(3); }, "contains itself"},
      {"field_type", [](Program& p) { W(p).fields[0].type = TypeId(60); }, "has no type"},
      {"domain", [](Program& p) { p.schema.domains[0].below[0] = DomainId(5); }, "above nothing"},
      {"rule_domain", [](Program& p) { p.schema.rules[13].domain = DomainId(5); }, "in no domain"},
      {"ladder_loop", [](Program& p) { p.schema.ladders[1].next = LadderId(0); }, "never ends"},
      {"builtin", [](Program& p) { p.schema.rules[2].qualified = "x"; }, "built-in reason duplicate"},
      {"source", [](Program& p) { W(p).transitions[0].sources[0] = StateId(7); }, "starts in no state"},
      {"target", [](Program& p) { W(p).transitions[0].target = StateId(); }, "leads to no state"},
      {"decide", [](Program& p) { W(p).transitions[0].decide = FunctionId(9); }, "names no function"},
      {"decide_kind", [](Program& p) { W(p).transitions[0].decide = FunctionId(1); }, "function of something else"},
      {"seat", [](Program& p) { W(p).reviews[0].seats[0].role = RoleId(4); }, "seats no role"},
      {"stance", [](Program& p) { W(p).reviews[0].stance = FieldId(1); }, "no stance"},
      {"clause", [](Program& p) { W(p).reviews[0].clauses[0].rule = RuleId(); }, "has no rule"},
      {"binds", [](Program& p) { W(p).reviews[0].binds[0] = TransitionId(1); }, "binds no transition"},
  };
}

TEST(VerifyTest, EachPlantedFaultIsFound) {
  for (const Fault& fault : Faults()) {
    SCOPED_TRACE(fault.name);
    Program program = SampleProgram();
    fault.plant(program);
    EXPECT_THAT(Verify(program), Contains(HasSubstr(fault.sentence)));
    EXPECT_THAT(ToText(program), HasSubstr("function "));  // a malformed program still has a text
  }
}

TEST(VerifyTest, AReductionIsNotCompleteInsideItsLoop) {
  Program program = SampleProgram();
  Code& code = program.code[0];
  const size_t any = IndexOf(program, Op::kAny);
  // `sum` takes the elements for which `any` holds so far.
  FirstOf(program, Op::kSum).b = static_cast<uint32_t>(any);
  ASSERT_LT(any, IndexOf(program, Op::kSum));
  EXPECT_THAT(Verify(program), Contains(HasSubstr("outside of its loop")));
  EXPECT_EQ(code.loops.size(), 1u);
}

TEST(VerifyTest, DivisorsArePositive) {
  Program program;
  program.schema.functions.resize(1);
  program.code.resize(1);
  Function& f = program.schema.functions[0];
  f.kind = FunctionKind::kCompute;
  f.frame.slots = {SampleSlot(SlotKind::kI64, {}, 0)};
  f.frame.size_words = 1;
  f.outputs = {{SlotKind::kI64, 0}};
  f.output_words = 1;
  Builder b(&program, &f);
  const ExprId root = b.Round(Rounding::kUp, b.Slot(SlotId(0), {0, 9}), 7);
  b.Finish({}, {}, {root}, &program.code[0]);
  EXPECT_THAT(Verify(program), IsEmpty());
  program.numbers[0] = 0;
  EXPECT_THAT(Verify(program), Contains(HasSubstr("no positive number")));
}

}  // namespace
}  // namespace writ::ir
