// Each struct of a program, once, as the list of its fields; reading, writing and digesting share it. The order here is
// the format: fields are only ever added with a new version.
//
// An IO has Uint, Sint, Wide, Bool, Text, Ref (an id), Index (a plain index that may be none), Enumeration (with its
// greatest value), Each (a vector, with how to treat an element) and Cosmetic (what is no part of the digest).
#pragma once

#include <type_traits>

#include "compiler/ir/ir.h"

namespace writ::ir {

// T when reading, const T when writing.
template <class IO, class T>
using Of = std::conditional_t<IO::kReads, T, const T>;

template <class IO, class T>
void List(IO& io, T& vector) {
  io.Each(vector, [&io](auto& element) { Fields(io, element); });
}
template <class IO, class T>
void Ids(IO& io, T& vector) {
  io.Each(vector, [&io](auto& id) { io.Ref(id); });
}

template <class IO>
void Fields(IO& io, Of<IO, Type>& t) {
  io.Enumeration(t.kind, TypeKind::kList);
  io.Bool(t.optional);
  io.Sint(t.min);
  io.Sint(t.max);
  io.Uint(t.capacity);
  io.Uint(t.count_min);
  io.Index(t.index);
  io.Ref(t.element);
  io.Ref(t.key);
  io.Index(t.distinct);
}

template <class IO>
void Fields(IO& io, Of<IO, Currency>& c) {
  io.Text(c.code);
  io.Sint(c.digits);
}

template <class IO>
void Fields(IO& io, Of<IO, Unit>& u) {
  io.Text(u.name);
  io.Text(u.qualified);
  io.Sint(u.digits);
}

template <class IO>
void Fields(IO& io, Of<IO, EnumMember>& m) {
  io.Text(m.name);
  io.Text(m.foreign);
}

template <class IO>
void Fields(IO& io, Of<IO, Enum>& e) {
  io.Text(e.name);
  io.Bool(e.ordered);
  List(io, e.members);
}

template <class IO>
void Fields(IO& io, Of<IO, Foreign>& f) {
  io.Text(f.attribute);
  io.Text(f.zone);
  io.Index(f.currency);
  io.Enumeration(f.rounding, Rounding::kHalfEven);
}

template <class IO>
void Fields(IO& io, Of<IO, Field>& f) {
  io.Text(f.name);
  io.Ref(f.type);
  io.Each(f.labels, [&io](auto& label) { io.Text(label); });
  Fields(io, f.foreign);
}

template <class IO>
void Fields(IO& io, Of<IO, Record>& r) {
  io.Text(r.name);
  List(io, r.members);
}

template <class IO>
void Fields(IO& io, Of<IO, ZoneStep>& z) {
  io.Sint(z.from_ns);
  io.Sint(z.offset_ns);
}

template <class IO>
void Fields(IO& io, Of<IO, Zone>& z) {
  io.Text(z.name);
  List(io, z.steps);
}

template <class IO>
void Fields(IO& io, Of<IO, Opening>& o) {
  io.Uint(o.weekday);
  io.Sint(o.from_ns);
  io.Sint(o.until_ns);
}

template <class IO>
void Fields(IO& io, Of<IO, CalendarWindow>& w) {
  io.Text(w.name);
  io.Sint(w.from_ns);
  io.Sint(w.until_ns);
}

template <class IO>
void Fields(IO& io, Of<IO, Calendar>& c) {
  io.Text(c.name);
  io.Text(c.qualified);
  io.Uint(c.zone);
  List(io, c.openings);
  io.Each(c.closed, [&io](auto& day) { io.Sint(day); });
  List(io, c.windows);
}

template <class IO>
void Fields(IO& io, Of<IO, Domain>& d) {
  io.Text(d.name);
  io.Text(d.qualified);
  Ids(io, d.below);
}

template <class IO>
void Fields(IO& io, Of<IO, Role>& r) {
  io.Text(r.name);
  io.Text(r.qualified);
  io.Ref(r.domain);
  io.Bool(r.human);
  io.Text(r.foreign);
}

template <class IO>
void Fields(IO& io, Of<IO, Ladder>& l) {
  io.Sint(l.within_ns);
  io.Enumeration(l.otherwise, Ladder::Else::kFail);
  io.Ref(l.transition);
  io.Ref(l.role);
  io.Ref(l.next);
}

template <class IO>
void Fields(IO& io, Of<IO, Obligation>& o) {
  io.Text(o.name);
  io.Text(o.qualified);
  List(io, o.fields);
}

template <class IO>
void Fields(IO& io, Of<IO, Consequence>& c) {
  io.Ref(c.obligation);
  io.Text(c.task);
  io.Ref(c.role);
  io.Ref(c.does);
  io.Ref(c.ladder);
}

template <class IO>
void Fields(IO& io, Of<IO, Rule>& r) {
  io.Text(r.qualified);
  io.Enumeration(r.kind, RuleKind::kPlan);
  io.Enumeration(r.effect, Effect::kAsk);
  io.Ref(r.domain);
  io.Ref(r.asks);
  io.Ref(r.ladder);
  io.Ref(r.awaits);
  io.Ref(r.awaits_by);
  List(io, r.then);
  io.Text(r.digest);
  io.Cosmetic([&] {
    io.Text(r.because);
    io.Text(r.doc);
    io.Text(r.file);
    io.Uint(r.line);
    io.Uint(r.column);
  });
}

template <class IO>
void Fields(IO& io, Of<IO, State>& s) {
  io.Text(s.name);
  io.Bool(s.is_final);
  io.Bool(s.is_halted);
}

template <class IO>
void Fields(IO& io, Of<IO, SetField>& s) {
  io.Ref(s.field);
  io.Bool(s.optional);
  io.Bool(s.computed);
}

template <class IO>
void Fields(IO& io, Of<IO, KeyedFold>& k) {
  io.Ref(k.fact);
  io.Ref(k.key);
  io.Ref(k.fold);
}

template <class IO>
void Fields(IO& io, Of<IO, ConsequenceOf>& c) {
  io.Ref(c.rule);
  io.Uint(c.index);
  io.Ref(c.function);
}

template <class IO>
void Fields(IO& io, Of<IO, Transition>& t) {
  io.Text(t.name);
  Ids(io, t.sources);
  io.Bool(t.stays);
  io.Ref(t.target);
  List(io, t.sets);
  List(io, t.payload);
  io.Text(t.foreign);
  io.Ref(t.decide);
  io.Ref(t.compute);
  io.Ref(t.fold);
  io.Ref(t.fold_refused);
  io.Ref(t.at);
  io.Ref(t.timer);
  List(io, t.keyed);
  List(io, t.consequences);
  Ids(io, t.may);
}

template <class IO>
void Fields(IO& io, Of<IO, Seat>& s) {
  io.Ref(s.role);
  io.Uint(s.quorum);
  io.Uint(s.seats);
}

template <class IO>
void Fields(IO& io, Of<IO, Clause>& c) {
  io.Text(c.name);
  io.Ref(c.rule);
  io.Ref(c.transition);
  io.Ref(c.asks);
}

template <class IO>
void Fields(IO& io, Of<IO, Review>& r) {
  io.Ref(r.state);
  io.Ref(r.verdict);
  io.Ref(r.stance);
  List(io, r.seats);
  io.Ref(r.ladder);
  List(io, r.clauses);
  Ids(io, r.binds);
  io.Ref(r.conclude);
}

template <class IO>
void Fields(IO& io, Of<IO, Cell>& c) {
  io.Text(c.name);
  io.Enumeration(c.kind, SlotKind::kString);
  io.Bool(c.erasable);
}

template <class IO>
void Fields(IO& io, Of<IO, Window>& w) {
  io.Text(w.name);
  io.Sint(w.within_ns);
  io.Uint(w.capacity);
}

template <class IO>
void Fields(IO& io, Of<IO, LogMapping>& l) {
  io.Text(l.format);
  Fields(io, l.actor);
  io.Text(l.actor_absent);
  Fields(io, l.role);
  Fields(io, l.at);
  io.Text(l.activity);
  io.Text(l.instance);
}

template <class IO>
void Fields(IO& io, Of<IO, Population>& p) {
  io.Ref(p.fact);
  Ids(io, p.states);
  io.Ref(p.key);
}

template <class IO>
void Fields(IO& io, Of<IO, PlannedTask>& t) {
  io.Text(t.name);
  io.Ref(t.rule);
  io.Ref(t.role);
  io.Ref(t.on);
  io.Ref(t.does);
  io.Ref(t.owner);
  io.Ref(t.element);
  io.Uint(t.capacity);
  io.Each(t.after, [&io](auto& task) { io.Uint(task); });
  io.Each(t.needs, [&io](auto& capability) { io.Text(capability); });
  io.Ref(t.ladder);
}

template <class IO>
void Fields(IO& io, Of<IO, Finally>& f) {
  io.Ref(f.transition);
  io.Ref(f.rule);
}

template <class IO>
void Fields(IO& io, Of<IO, Addition>& a) {
  io.Text(a.name);
  io.Ref(a.role);
  io.Ref(a.rule);
  io.Bool(a.must);
  io.Ref(a.on);
  io.Ref(a.does);
}

template <class IO>
void Fields(IO& io, Of<IO, SubLimit>& l) {
  io.Ref(l.field);
  io.Sint(l.most);
}

template <class IO>
void Fields(IO& io, Of<IO, SubPlan>& s) {
  io.Text(s.task);
  io.Ref(s.role);
  Ids(io, s.among);
  Ids(io, s.granting);
  List(io, s.limits);
  io.Sint(s.within_ns);
}

template <class IO>
void Fields(IO& io, Of<IO, Plan>& p) {
  List(io, p.tasks);
  List(io, p.finallys);
  List(io, p.additions);
  List(io, p.subs);
  io.Sint(p.deadline_ns);
  io.Uint(p.depth);
  io.Index(p.currency);
  io.Sint(p.cost);
  io.Sint(p.tokens);
  io.Ref(p.decompose);
  io.Ref(p.function);
}

template <class IO>
void Fields(IO& io, Of<IO, Workflow>& w) {
  io.Text(w.name);
  io.Text(w.package);
  io.Text(w.qualified);
  io.Bool(w.is_entity);
  io.Bool(w.is_builtin);
  io.Bool(w.is_fact);
  List(io, w.key);
  List(io, w.fields);
  io.Sint(w.fresh_ns);
  List(io, w.states);
  List(io, w.transitions);
  List(io, w.reviews);
  List(io, w.cells);
  List(io, w.windows);
  Fields(io, w.log);
  io.Ref(w.under);
  io.Index(w.attributes_from);
  List(io, w.populations);
  Ids(io, w.asks);
  io.Ref(w.ask);
  List(io, w.plans);
}

template <class IO>
void Fields(IO& io, Of<IO, PathStep>& s) {
  io.Enumeration(s.kind, PathStep::Kind::kWindowOverflow);
  io.Uint(s.index);
}

template <class IO>
void Fields(IO& io, Of<IO, SlotPath>& p) {
  io.Enumeration(p.root, SlotRoot::kGives);
  io.Uint(p.index);
  io.Uint(p.part);
  io.Uint(p.part2);
  List(io, p.steps);
}

template <class IO>
void Fields(IO& io, Of<IO, Slot>& s) {
  io.Enumeration(s.kind, SlotKind::kString);
  Fields(io, s.path);
  io.Enumeration(s.projection, Projection::kUpdatedAt);
  io.Ref(s.list);
  io.Uint(s.offset);
  io.Bool(s.erasable);
}

template <class IO>
void Fields(IO& io, Of<IO, FrameList>& l) {
  Fields(io, l.path);
  io.Ref(l.parent);
  io.Uint(l.capacity);
  io.Uint(l.offset);
  io.Uint(l.stride);
}

template <class IO>
void Fields(IO& io, Of<IO, LookupPart>& p) {
  io.Ref(p.slot);
  io.Text(p.text);
}

template <class IO>
void Fields(IO& io, Of<IO, Lookup>& l) {
  io.Ref(l.workflow);
  List(io, l.key);
  io.Ref(l.list);
}

template <class IO>
void Fields(IO& io, Of<IO, Under>& u) {
  io.Ref(u.workflow);
  Fields(io, u.low);
  Fields(io, u.high);
  io.Ref(u.list);
}

template <class IO>
void Fields(IO& io, Of<IO, FrameLayout>& f) {
  List(io, f.slots);
  List(io, f.lists);
  List(io, f.lookups);
  List(io, f.unders);
  io.Uint(f.size_words);
}

template <class IO>
void Fields(IO& io, Of<IO, Restraint>& r) {
  io.Ref(r.rule);
  io.Enumeration(r.effect, Effect::kAsk);
  io.Bool(r.gate);
}

template <class IO>
void Fields(IO& io, Of<IO, Allow>& a) {
  io.Ref(a.rule);
  io.Each(a.excuses, [&io](auto& word) { io.Uint(word); });
}

template <class IO>
void Fields(IO& io, Of<IO, OutputSlot>& o) {
  io.Enumeration(o.kind, SlotKind::kString);
  io.Uint(o.offset);
}

template <class IO>
void Fields(IO& io, Of<IO, FoldTarget>& f) {
  io.Bool(f.is_window);
  io.Uint(f.index);
  io.Index(f.when);
  io.Uint(f.value);
}

template <class IO>
void Fields(IO& io, Of<IO, Function>& f) {
  io.Text(f.name);
  io.Enumeration(f.kind, FunctionKind::kPlan);
  io.Ref(f.workflow);
  io.Uint(f.subject);
  Fields(io, f.frame);
  List(io, f.restraints);
  List(io, f.allows);
  List(io, f.outputs);
  List(io, f.fold);
  io.Uint(f.output_words);
}

template <class IO>
void Fields(IO& io, Of<IO, Schema>& s) {
  List(io, s.types);
  io.Each(s.distinct_types, [&io](auto& name) { io.Text(name); });
  List(io, s.currencies);
  List(io, s.units);
  List(io, s.zones);
  List(io, s.calendars);
  List(io, s.obligations);
  List(io, s.enums);
  List(io, s.records);
  List(io, s.domains);
  List(io, s.roles);
  List(io, s.rules);
  List(io, s.ladders);
  List(io, s.workflows);
  List(io, s.functions);
}

template <class IO>
void Fields(IO& io, Of<IO, Expr>& e) {
  io.Enumeration(e.op, static_cast<Op>(kOpCount - 1));
  if constexpr (IO::kReads) e.type = InfoOf(e.op).result;
  const OpInfo& info = InfoOf(e.op);
  if (info.operands[0] != Operand::kNone) io.Uint(e.a);
  if (info.operands[1] != Operand::kNone) io.Uint(e.b);
  if (info.operands[2] != Operand::kNone) io.Uint(e.c);
}

template <class IO>
void Fields(IO& io, Of<IO, Range>& r) {
  io.Wide(r.low);
  io.Wide(r.high);
}

template <class IO>
void Fields(IO& io, Of<IO, Loop>& l) {
  io.Ref(l.list);
  io.Ref(l.parent);
  io.Uint(l.begin);
  io.Uint(l.end);
}

template <class IO>
void Fields(IO& io, Of<IO, Guard>& g) {
  io.Ref(g.applies);
  io.Ref(g.fails);
}

template <class IO>
void Fields(IO& io, Of<IO, Code>& c) {
  List(io, c.exprs);
  io.Cosmetic([&] { List(io, c.ranges); });
  List(io, c.loops);
  List(io, c.restraints);
  List(io, c.allows);
  Ids(io, c.outputs);
}

template <class IO>
void Fields(IO& io, Of<IO, Step>& s) {
  io.Sint(s.from);
  io.Sint(s.value);
}

template <class IO>
void Fields(IO& io, Of<IO, StepTable>& t) {
  List(io, t.steps);
}

template <class IO>
void Fields(IO& io, Of<IO, Automaton>& a) {
  io.Each(a.class_of, [&io](auto& number) { io.Uint(number); });
  io.Uint(a.class_count);
  io.Each(a.next, [&io](auto& state) { io.Uint(state); });
  io.Each(a.accepts, [&io](auto& accepts) { io.Uint(accepts); });
}

template <class IO>
void Fields(IO& io, Of<IO, Program>& p) {
  Fields(io, p.schema);
  List(io, p.code);
  io.Each(p.numbers, [&io](auto& number) { io.Wide(number); });
  io.Each(p.strings, [&io](auto& text) { io.Text(text); });
  List(io, p.steps);
  List(io, p.automata);
}

}  // namespace writ::ir
