// For tests: a small, well-formed program in which every table of the schema has a row.
#pragma once

#include <utility>
#include <vector>

#include "compiler/ir/ir.h"

namespace writ::ir {

inline Schema SampleTables() {
  Schema s;
  s.currencies.push_back({"EUR", 2});
  s.distinct_types.push_back("test.DealId");
  s.enums.push_back({"test.Stance", true, {{"approve", ""}, {"reject", "says no"}}});
  Type text, money, line, lines, self, stance;
  text.kind = TypeKind::kString, text.capacity = 40, text.distinct = 0;
  money.kind = TypeKind::kMoney, money.index = 0, money.min = 0, money.max = 1'000'000;
  line.kind = TypeKind::kRecord, line.index = 0;
  lines.kind = TypeKind::kList, lines.capacity = 3, lines.element = TypeId(2), lines.key = FieldId(0);
  self.kind = TypeKind::kReference, self.index = 0, self.optional = true;
  stance.kind = TypeKind::kEnum, stance.index = 0;
  s.types = {text, money, line, lines, self, stance};
  s.records.push_back({"test.Line", {{"price", TypeId(1), {"pii"}, {}}, {"what", TypeId(0), {}, {}}}});
  s.domains.push_back({"safety", "test.safety", {DomainId(1)}});
  s.domains.push_back({"sales", "test.sales", {}});
  s.roles.push_back({"CFO", "test.CFO", DomainId(0), true, "BOSS"});
  for (const char* name : kBuiltinNames) {
    Rule rule;
    rule.qualified = name;
    rule.kind = RuleKind::kBuiltin;
    s.rules.push_back(rule);
  }
  Rule large, trusted;
  large.qualified = "test.large", large.effect = Effect::kEscalate, large.domain = DomainId(0), large.asks = RoleId(0);
  large.ladder = LadderId(0), large.because = "it is much", large.doc = "Large ones.", large.file = "a.writ";
  large.line = 3, large.column = 7, large.digest = "00ff";
  trusted.qualified = "test.trusted", trusted.effect = Effect::kAllow;
  s.rules.push_back(large);
  s.rules.push_back(trusted);
  s.ladders.push_back({14'400'000'000'000, Ladder::Else::kEscalate, TransitionId(0), RoleId(0), LadderId(1)});
  s.ladders.push_back({3'600'000'000'000, Ladder::Else::kDeny, TransitionId(), RoleId(), LadderId()});
  return s;
}

inline Workflow SampleWorkflow() {
  Workflow w;
  w.name = "Deal", w.package = "test", w.qualified = "test.Deal";
  w.key.push_back({"id", TypeId(0), {}, {"concept:name", "", UINT32_MAX, Rounding::kNone}});
  w.key.push_back({"part", TypeId(0), {}, {}});
  w.fields.push_back({"amount", TypeId(1), {}, {"amount", "", 0, Rounding::kHalfEven}});
  w.fields.push_back({"lines", TypeId(3), {}, {}});
  w.fields.push_back({"before_it", TypeId(4), {}, {}});
  w.states = {{"open", false, false}, {"done", true, false}};
  Transition close;
  close.name = "close", close.sources = {kNewState, StateId(0)}, close.target = StateId(1);
  close.sets.push_back({FieldId(0), true, false});
  close.payload.push_back({"stance", TypeId(5), {}, {}});
  close.decide = FunctionId(0), close.fold = FunctionId(1);
  w.transitions.push_back(close);
  Review review;
  review.state = StateId(0), review.verdict = TransitionId(0), review.stance = FieldId(0);
  review.seats.push_back({RoleId(0), 1, 2});
  review.ladder = LadderId(0);
  review.clauses.push_back({"else", RuleId(14), TransitionId(0), RoleId(0)});
  review.binds = {TransitionId(0)};
  review.conclude = FunctionId(2);
  w.reviews.push_back(review);
  w.cells.push_back({"total", SlotKind::kI128, true});
  w.windows.push_back({"recent", 86'400'000'000'000, 16});
  w.log.format = "csv", w.log.instance = "case";
  return w;
}

inline writ::Slot SampleSlot(SlotKind kind, SlotPath path, uint32_t offset, ListId list = ListId()) {
  writ::Slot slot;
  slot.kind = kind, slot.path = std::move(path), slot.offset = offset, slot.list = list;
  return slot;
}

// 1 for numbers in 10..19, else 0.
inline StepTable SampleSteps() { return {{{INT64_MIN, 0}, {10, 1}, {20, 0}}}; }

// Accepts what begins with an `A`.
inline Automaton SampleAutomaton() {
  Automaton automaton;
  automaton.class_of.assign(256, 0);
  automaton.class_of['A'] = 1;
  automaton.class_count = 2;
  automaton.next = {2, 1, 1, 1, 2, 2};
  automaton.accepts = {0, 1, 0};
  return automaton;
}

// The decision of test.Deal.close: escalates where a line or the amount is large, unless the actor is active.
inline void BuildSampleDecide(Program* program) {
  Function& f = program->schema.functions[0];
  f.name = "test.Deal.close", f.kind = FunctionKind::kDecide, f.workflow = WorkflowId(0), f.subject = 0;
  f.frame.slots = {SampleSlot(SlotKind::kI64, {SlotRoot::kAfter, 0, 0, 0, {}}, 0),
                   SampleSlot(SlotKind::kBool, {SlotRoot::kActorIsActive, 0, 0, 0, {}}, 1),
                   SampleSlot(SlotKind::kString, {SlotRoot::kAfter, 2, 0, 0, {{PathStep::Kind::kKeyPart, 0}}}, 2),
                   SampleSlot(SlotKind::kI64, {SlotRoot::kElement, 0, 0, 0, {{PathStep::Kind::kMember, 0}}}, 0,
                              ListId(0)),
                   SampleSlot(SlotKind::kI64, {SlotRoot::kLookup, 0, 0, 0, {{PathStep::Kind::kField, 0}}}, 11)};
  f.frame.slots[3].erasable = true;
  f.frame.lists.push_back({{SlotRoot::kAfter, 1, 0, 0, {}}, ListId(), 3, 4, 2});
  f.frame.lookups.push_back({WorkflowId(0), {{SlotId(2), ""}, {SlotId(), "x"}}, ListId()});
  f.frame.size_words = 12;
  f.restraints.push_back({RuleId(14), Effect::kEscalate, false});
  f.allows.push_back({RuleId(15), {1}});

  Builder b(program, &f);
  const ExprId amount = b.Slot(SlotId(0), {0, 1'000'000}), limit = b.Number(5'000);
  const ExprId other = b.Slot(SlotId(4), {0, 1'000'000});
  const LoopId loop = b.OpenLoop(ListId(0), LoopId());
  const ExprId price = b.Element(SlotId(3), loop, {0, 1'000'000});
  const ExprId over = b.LtNum(limit, price);
  const ExprId any = b.Any(loop, over);
  const ExprId sum = b.Sum(loop, over, price);
  const ExprId most = b.LtNum(b.Add(sum, other), amount);
  const ExprId applies = b.Or(any, most);
  const ExprId is_initech = b.EqStr(b.Slot(SlotId(2), {}), b.Text("Initech"));
  const ExprId begins_so = b.MatchStr(b.Slot(SlotId(2), {}), SampleAutomaton());
  const ExprId is_odd = b.EqNum(b.StepNum(other, SampleSteps()), b.Number(1));
  const ExprId fails = b.Or(is_initech, b.And(begins_so, is_odd));
  const ExprId active = b.Slot(SlotId(1), {});
  b.Finish({{applies, fails}}, {{active, b.Bool(false)}}, {}, &program->code[0]);
}

inline void BuildSampleFold(Program* program) {
  Function& f = program->schema.functions[1];
  f.name = "test.Deal.close.fold", f.kind = FunctionKind::kFold, f.workflow = WorkflowId(0), f.subject = 0;
  f.frame.slots = {SampleSlot(SlotKind::kI128, {SlotRoot::kCell, 0, 0, 0, {}}, 0),
                   SampleSlot(SlotKind::kI64, {SlotRoot::kAfter, 0, 0, 0, {}}, 2)};
  f.frame.size_words = 3;
  f.outputs = {{SlotKind::kI128, 0}, {SlotKind::kBool, 2}, {SlotKind::kI64, 3}};
  f.output_words = 4;
  f.fold = {{false, 0, UINT32_MAX, 0}, {true, 0, 1, 2}};

  Builder b(program, &f);
  const ExprId cell = b.Slot(SlotId(0), {-(Num{1} << 100), Num{1} << 100}), amount = b.Slot(SlotId(1), {0, 1'000'000});
  const ExprId total = b.Add(cell, amount);
  const ExprId large = b.LtNum(b.Number(5'000), amount);
  b.Finish({}, {}, {total, large, amount}, &program->code[1]);
}

inline void BuildSampleConclude(Program* program) {
  Function& f = program->schema.functions[2];
  f.name = "test.Deal.open.conclude", f.kind = FunctionKind::kConclude, f.workflow = WorkflowId(0), f.subject = 0;
  f.frame.slots = {SampleSlot(SlotKind::kI64, {SlotRoot::kSeatVotes, 0, 0, 1, {}}, 0)};
  f.frame.size_words = 1;
  f.outputs = {{SlotKind::kI64, 0}, {SlotKind::kBool, 1}, {SlotKind::kBool, 2}};
  f.output_words = 3;

  Builder b(program, &f);
  const ExprId votes = b.Slot(SlotId(0), {0, 2}), none = b.Number(-1), first = b.Number(0);
  const ExprId spoken = b.LtNum(first, votes);
  const ExprId clause = b.Select(spoken, first, none);
  const ExprId no = b.Bool(false);
  b.Finish({}, {}, {clause, no, no}, &program->code[2]);
}

inline Program SampleProgram() {
  Program program;
  program.schema = SampleTables();
  program.schema.workflows.push_back(SampleWorkflow());
  program.schema.functions.resize(3);
  program.code.resize(3);
  BuildSampleDecide(&program);
  BuildSampleFold(&program);
  BuildSampleConclude(&program);
  return program;
}

}  // namespace writ::ir
