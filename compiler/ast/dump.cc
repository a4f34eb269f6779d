#include "compiler/ast/dump.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace writ::ast {
namespace {

std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string Joined(const std::vector<Name>& names, absl::string_view separator) {
  std::string out;
  for (const Name& name : names) absl::StrAppend(&out, out.empty() ? "" : separator, name.text);
  return out;
}

std::string List(const std::vector<Name>& names) { return Joined(names, ", "); }

// " word x, y", or nothing where there are none.
std::string After(absl::string_view word, const std::vector<Name>& names) {
  return names.empty() ? "" : absl::StrCat(word.empty() ? "" : " ", word, " ", List(names));
}
std::string After(absl::string_view word, const Name& name) {
  return name.empty() ? "" : absl::StrCat(" ", word, " ", name.text);
}
std::string After(absl::string_view word, const ExprPtr& expr) {
  return expr == nullptr ? "" : absl::StrCat(word.empty() ? "" : " ", word, " ", DumpExpr(*expr));
}

std::string Children(const Expr& expr, size_t from = 0) {
  std::string out;
  for (size_t i = from; i < expr.children.size(); ++i)
    absl::StrAppend(&out, i == from ? "" : ", ", DumpExpr(*expr.children[i]));
  return out;
}

std::string DumpRecord(const Expr& expr) {
  std::string out = "{";
  for (size_t i = 0; i < expr.members.size(); ++i) {
    absl::StrAppend(&out, i == 0 ? "" : ", ", expr.members[i].text, ": ", DumpExpr(*expr.children[i]));
  }
  return out + "}";
}

std::string DumpFold(const Expr& expr) {
  const Fold& fold = *expr.fold;
  std::string out = absl::StrCat(expr.text, "(");
  if (fold.value != nullptr) {
    absl::StrAppend(&out, DumpExpr(*fold.value), " for ");
    if (!fold.variables.empty()) absl::StrAppend(&out, Joined(fold.variables, " then "), " in ");
  }
  if (fold.source != nullptr) absl::StrAppend(&out, DumpExpr(*fold.source));
  if (!fold.now_in.empty()) absl::StrAppend(&out, After("now in", fold.now_in), After("of", fold.of));
  absl::StrAppend(&out, After("by", fold.by), After("where", fold.where), After("within", fold.within),
                  After("since", fold.since));
  if (fold.capacity.has_value()) absl::StrAppend(&out, " max ", *fold.capacity);
  return out + ")";
}

const Expr& Child(const Expr& expr, size_t index) { return *expr.children[index]; }

std::string After(absl::string_view word, const std::vector<ExprPtr>& exprs) {
  std::string out;
  const std::string head = absl::StrCat(word.empty() ? "" : " ", word, " ");
  for (const ExprPtr& expr : exprs) absl::StrAppend(&out, out.empty() ? head : ", ", DumpExpr(*expr));
  return out;
}

// ---------------------------------------------------------------- parts of declarations

std::string DumpForeign(const Foreign& foreign) {
  std::string out = absl::StrCat(" from ", Quoted(foreign.attribute), After("in", foreign.currency),
                                 After("round", foreign.rounding));
  if (!foreign.zone.empty()) absl::StrAppend(&out, " in zone ", Quoted(foreign.zone));
  return out;
}

std::string DumpType(const Type& type) {
  std::string out = type.name.text;
  if (!type.arguments.empty()) absl::StrAppend(&out, "(", List(type.arguments), ")");
  if (type.element != nullptr) absl::StrAppend(&out, "<", DumpType(*type.element), ">");
  if (type.low != nullptr) absl::StrAppend(&out, " in ", DumpExpr(*type.low), "..", DumpExpr(*type.high));
  if (type.min.has_value()) absl::StrAppend(&out, " min ", *type.min);
  if (type.max.has_value()) absl::StrAppend(&out, " max ", *type.max);
  absl::StrAppend(&out, After("by", type.by), type.optional ? "?" : "", After("per", type.per));
  return out;
}

std::string DumpField(const Field& field) {
  return absl::StrCat(field.name.text, ": ", DumpType(field.type), After("label", field.labels),
                      field.foreign.has_value() ? DumpForeign(*field.foreign) : "");
}

std::string DumpFields(const std::vector<Field>& fields) {
  std::string out;
  for (const Field& field : fields) absl::StrAppend(&out, out.empty() ? "" : ", ", DumpField(field));
  return out;
}

std::string DumpLadder(const Ladder* ladder) {
  std::string out;
  for (; ladder != nullptr; ladder = ladder->next.get()) {
    if (ladder->within != nullptr) absl::StrAppend(&out, After("within", ladder->within), " else");
    absl::StrAppend(&out, " ", ladder->keyword.text);
    if (!ladder->transition.empty()) absl::StrAppend(&out, " ", ladder->transition.text);
    absl::StrAppend(&out, After("to", ladder->role));
  }
  return out;
}

std::string DumpDuty(const Duty& duty) {
  if (duty.is_task) {
    return absl::StrCat("then task ", duty.name.text, ": ", duty.role.text, After("does", duty.does),
                        After("on", duty.workflow), DumpLadder(duty.ladder.get()));
  }
  return absl::StrCat("then ", duty.name.text, After("to", duty.to), After("", duty.values));
}

std::string DumpLimits(const std::vector<Limit>& limits) {
  std::string out;
  for (const Limit& limit : limits) {
    absl::StrAppend(&out, out.empty() ? " up to " : ", ", limit.field.text, " ",
                    limit.value == nullptr ? "" : DumpExpr(*limit.value));
  }
  return out;
}

std::string DumpPattern(const Pattern& pattern) {
  switch (pattern.kind) {
    case Pattern::Kind::kOtherwise:
      return "otherwise";
    case Pattern::Kind::kCompare:
      return absl::StrCat(pattern.op, " ", DumpExpr(*pattern.value));
    case Pattern::Kind::kRange:
      return absl::StrCat(DumpExpr(*pattern.value), "..", DumpExpr(*pattern.high));
    case Pattern::Kind::kValue:
      return DumpExpr(*pattern.value);
  }
  return "";
}

std::string DumpPatterns(const std::vector<Pattern>& patterns) {
  std::string out;
  for (const Pattern& pattern : patterns) absl::StrAppend(&out, out.empty() ? "" : ", ", DumpPattern(pattern));
  return out;
}

std::string DumpClock(const Clock& clock) { return absl::StrFormat("%02d:%02d", clock.hour, clock.minute); }

std::string DumpCalendarItem(const CalendarItem& item) {
  using Kind = CalendarItem::Kind;
  if (item.kind == Kind::kZone) return absl::StrCat("zone ", Quoted(item.zone));
  std::string out = item.kind == Kind::kOpen ? "open" : item.kind == Kind::kClosed ? "closed" : "window ";
  absl::StrAppend(&out, item.name.text);
  const char* separator = " ";
  for (const auto& [first, last] : item.days) {
    absl::StrAppend(&out, separator, first.text, last.text == first.text ? "" : absl::StrCat("..", last.text));
    separator = ", ";
  }
  separator = " ";
  for (const auto& [from, to] : item.hours) {
    absl::StrAppend(&out, separator, DumpClock(from), "..", DumpClock(to));
    separator = ", ";
  }
  for (const auto& [from, to] : item.periods) {
    absl::StrAppend(&out, separator, DumpExpr(*from), to == nullptr ? "" : absl::StrCat("..", DumpExpr(*to)));
    separator = ", ";
  }
  return out;
}

std::string DumpPlanned(const PlannedTask& task) {
  std::string out =
      absl::StrCat(task.name.text, ": ", task.role.text, After("does", task.does), After("on", task.workflow));
  if (task.source != nullptr) {
    absl::StrAppend(&out, After("for", task.variable), After("in", task.source), After("where", task.where));
  }
  absl::StrAppend(&out, After("after", task.after), After("holds", task.holds));
  for (const std::string& need : task.needs) absl::StrAppend(&out, " needs ", Quoted(need));
  return absl::StrCat(out, After("when", task.when), DumpLadder(task.ladder.get()));
}

std::string DumpContextItem(const ContextItem& item) {
  using Kind = ContextItem::Kind;
  static constexpr const char* kWords[] = {"include", "exclude", "redact", "requires", "barrier", "budget"};
  std::string out = kWords[static_cast<size_t>(item.kind)];
  if (item.kind == Kind::kBudget) absl::StrAppend(&out, " ", item.tokens, " ", item.overflow.text);
  absl::StrAppend(&out, After("", item.fields), item.source.empty() ? "" : absl::StrCat(" ", item.source.text),
                  After("of", item.of), After("within", item.within), After("until", item.until),
                  After("to", item.role), DumpLadder(item.ladder.get()), After("when", item.when));
  return out;
}

std::string DumpPropertyItem(const PropertyItem& item) {
  switch (item.kind) {
    case PropertyItem::Kind::kNever:
      return absl::StrCat("never ", List(item.transitions), After("by", item.by), After("on", item.workflow),
                          After("when", item.when));
    case PropertyItem::Kind::kNeverChanges:
      return absl::StrCat("never ", item.field.text, " changes", After("on", item.workflow), After("when", item.when));
    case PropertyItem::Kind::kAlways:
      return absl::StrCat("always", After("", item.condition), After("on", item.workflow), After("when", item.when));
    case PropertyItem::Kind::kWithin:
      return absl::StrCat("within", After("", item.within), After("of", item.of), After("on", item.workflow), ": ",
                          Joined(item.transitions, " or "));
  }
  return "";
}

// ---------------------------------------------------------------- declarations

class Dumper {
 public:
  std::string Run(const File& file);
  void AddAllOf(const Declarations& nodes);

 private:
  void Line(absl::string_view text) { absl::StrAppend(&out_, std::string(depth_ * 2, ' '), text, "\n"); }
  void Doc(const std::string& doc) {
    if (!doc.empty()) Line(absl::StrCat("doc ", Quoted(doc)));
  }
  template <typename T>
  void Head(const T& node, absl::string_view text) {
    Line(absl::StrCat(node.is_private ? "private " : "", text));
  }
  template <typename F>
  void Inside(F inner) {
    ++depth_;
    inner();
    --depth_;
  }

  void Add(const Unit& node);
  void Add(const Table& node);
  void Add(const Calendar& node);
  void Add(const Obligation& node);
  void Add(const ActorDecl& node);
  void Add(const Clearance& node);
  void Add(const Fact& node);
  void Add(const Decomposition& node);
  void Add(const Confidence& node);
  void Add(const Divergence& node);
  void Add(const Context& node);
  void Add(const Template& node);
  void Add(const Apply& node);
  void Add(const Property& node);
  void Add(const Enum& node);
  void Add(const Record& node);
  void Add(const TypeAlias& node);
  void Add(const Domain& node);
  void Add(const Priority& node);
  void Add(const Role& node);
  void Add(const Def& node);
  void Add(const Entity& node);
  void Add(const Workflow& node);
  void Add(const Transition& node);
  void Add(const Authority& node);
  void Add(const Rule& node);
  void Add(const Review& node);
  void Add(const Log& node);
  void Add(const Test& node);
  void Add(const Step& node);
  void Add(const Expectation& node);
  void Add(const Scenario& node);
  template <typename T>
  void AddAll(const std::vector<T>& nodes) {
    for (const T& node : nodes) Add(node);
  }

  std::string out_;
  size_t depth_ = 0;
};

void Dumper::Add(const Enum& node) {
  Head(node, absl::StrCat("enum ", node.name.text, node.ordered ? " ordered" : ""));
  Inside([&] {
    Doc(node.doc);
    for (const EnumMember& member : node.members) {
      Line(absl::StrCat(member.name.text, member.foreign.empty() ? "" : absl::StrCat(" as ", Quoted(member.foreign))));
    }
  });
}

void Dumper::Add(const Record& node) {
  Head(node, absl::StrCat("record ", node.name.text, After("label", node.labels)));
  Inside([&] {
    Doc(node.doc);
    for (const Field& field : node.members) Line(DumpField(field));
  });
}

void Dumper::Add(const TypeAlias& node) {
  Head(node, absl::StrCat("type ", node.name.text, " = ", DumpType(node.type)));
  Inside([&] { Doc(node.doc); });
}

void Dumper::Add(const Domain& node) {
  Line(absl::StrCat("domain ", List(node.names), After("for", node.open_to)));
  Inside([&] { Doc(node.doc); });
}

void Dumper::Add(const Priority& node) {
  std::string text;
  for (const std::vector<Name>& step : node.chain) absl::StrAppend(&text, text.empty() ? "" : " > ", List(step));
  Line(absl::StrCat("priority ", text));
}

void Dumper::Add(const Role& node) {
  Line(absl::StrCat(node.human ? "human role " : "role ", List(node.names), After("in", node.domain),
                    node.foreign.empty() ? "" : absl::StrCat(" as ", Quoted(node.foreign))));
  Inside([&] { Doc(node.doc); });
}

void Dumper::Add(const Def& node) {
  std::string head = absl::StrCat("def ", node.name.text);
  if (!node.parameters.empty()) absl::StrAppend(&head, "(", DumpFields(node.parameters), ")");
  if (node.result.has_value()) absl::StrAppend(&head, " -> ", DumpType(*node.result));
  if (node.body != nullptr) absl::StrAppend(&head, " = ", DumpExpr(*node.body));
  Head(node, head);
  Inside([&] { Doc(node.doc); });
}

void Dumper::Add(const Entity& node) {
  Head(node, absl::StrCat("entity ", node.name.text, " by ", DumpFields(node.key), After("fresh", node.fresh),
                          After("under", node.under),
                          node.under_max.has_value() ? absl::StrCat(" max ", *node.under_max) : ""));
  Inside([&] {
    Doc(node.doc);
    for (const Field& field : node.fields) Line(absl::StrCat("field ", DumpField(field)));
    AddAll(node.defs);
  });
}

void Dumper::Add(const Workflow& node) {
  Head(node, absl::StrCat("workflow ", node.name.text, " by ", DumpFields(node.key)));
  Inside([&] {
    Doc(node.doc);
    for (const Field& field : node.fields) Line(absl::StrCat("field ", DumpField(field)));
    for (const StateDecl& state : node.states) Line(absl::StrCat("state ", state.name.text, After("with", state.with)));
    if (!node.finals.empty()) Line(absl::StrCat("final ", List(node.finals)));
    if (!node.halted.empty()) Line(absl::StrCat("halted ", List(node.halted)));
    AddAll(node.transitions);
    AddAll(node.defs);
    AddAll(node.facts);
  });
}

void Dumper::Add(const Transition& node) {
  std::string head = absl::StrCat("transition ", node.name.text, ": ");
  absl::StrAppend(&head, node.stays ? absl::StrCat("in ", List(node.sources))
                                    : absl::StrCat(List(node.sources), " -> ", node.target.text));
  absl::StrAppend(&head, After("at", node.timer),
                  node.foreign.empty() ? "" : absl::StrCat(" as ", Quoted(node.foreign)));
  Line(head);
  Inside([&] {
    Doc(node.doc);
    for (const SetItem& item : node.sets) {
      Line(absl::StrCat("set ", item.field.text, item.optional ? "?" : "", After("=", item.computed)));
    }
    for (const Field& field : node.payload) Line(absl::StrCat("payload ", DumpField(field)));
    if (!node.endorses.empty()) Line(absl::StrCat("endorses ", List(node.endorses)));
    if (!node.declassifies.empty()) Line(absl::StrCat("declassifies ", List(node.declassifies)));
  });
}

void Dumper::Add(const Authority& node) {
  Line(absl::StrCat("authority ", List(node.roles)));
  Inside([&] {
    Doc(node.doc);
    for (const May& may : node.mays) {
      Line(absl::StrCat(may.consents ? "may consent to " : "may ", List(may.transitions), After("on", may.workflow),
                        DumpLimits(may.limits), After("when", may.when)));
    }
  });
}

void Dumper::Add(const Rule& node) {
  Line(absl::StrCat("rule ", node.name.text, After("in", node.domain)));
  Inside([&] {
    Doc(node.doc);
    Line(absl::StrCat(node.effect.text, After("", node.transitions), After("on", node.workflow), After("by", node.by),
                      After("to", node.to)));
    if (!node.until.empty()) Line(absl::StrCat("until ", node.until.text, After("by", node.until_by)));
    if (node.ladder != nullptr) Line(absl::StrCat("ladder", DumpLadder(node.ladder.get())));
    if (node.when != nullptr) Line(absl::StrCat("when ", DumpExpr(*node.when)));
    if (node.unless != nullptr) Line(absl::StrCat("unless ", DumpExpr(*node.unless)));
    if (!node.overrides.empty()) Line(absl::StrCat("overrides ", List(node.overrides)));
    for (const Duty& duty : node.duties) Line(DumpDuty(duty));
    if (node.because.has_value()) Line(absl::StrCat("because ", Quoted(*node.because)));
  });
}

void Dumper::Add(const Review& node) {
  Line(absl::StrCat("review on ", node.workflow.text, After("in", node.state)));
  Inside([&] {
    Doc(node.doc);
    for (const Seat& seat : node.panel) {
      Line(absl::StrCat("seat ", seat.role.text,
                        seat.quorum.has_value() ? absl::StrCat(" ", *seat.quorum, " of ", seat.of.value_or(0)) : ""));
    }
    if (!node.verdict.empty()) Line(absl::StrCat("verdict ", node.verdict.text, ".", node.stance.text));
    if (node.ladder != nullptr) Line(absl::StrCat("ladder", DumpLadder(node.ladder.get())));
    if (!node.joint.empty()) Line(absl::StrCat("joint ", List(node.joint)));
    for (const Clause& clause : node.clauses) {
      Line(absl::StrCat("clause ", clause.name.text, ": ", clause.escalates ? "escalate " : "", clause.transition.text,
                        After("to", clause.to), DumpLadder(clause.ladder.get()), After("in", clause.domain),
                        After("when", clause.when), clause.otherwise ? " otherwise" : ""));
    }
  });
}

void Dumper::Add(const Log& node) {
  Line(absl::StrCat("log ", node.workflow.text, After("from", node.format)));
  Inside([&] {
    for (const LogItem& item : node.items) {
      Line(absl::StrCat(item.name.text, DumpForeign(item.foreign),
                        item.absent.empty() ? "" : absl::StrCat(" absent ", Quoted(item.absent))));
    }
  });
}

void Dumper::Add(const Test& node) {
  Line(absl::StrCat("test ", Quoted(node.name)));
  Inside([&] { AddAll(node.steps); });
}

std::string DumpProposal(const Step& step) {
  std::string out = step.transition.text;
  if (!step.workflow.empty()) absl::StrAppend(&out, " ", step.workflow.text);
  if (!step.instance.empty()) absl::StrAppend(&out, step.workflow.empty() ? " on " : " ", step.instance.text);
  for (const ExprPtr& key : step.key) absl::StrAppend(&out, " key ", DumpExpr(*key));
  absl::StrAppend(&out, After("by", step.by), After("as", step.as), After("under", step.under));
  if (step.values != nullptr) absl::StrAppend(&out, " ", DumpExpr(*step.values));
  return out;
}

void Dumper::Add(const Step& node) {
  switch (node.kind) {
    case Step::Kind::kAt:
      Line(absl::StrCat("at", After("", node.time)));
      break;
    case Step::Kind::kWait:
      Line(absl::StrCat("wait", After("", node.time)));
      break;
    case Step::Kind::kActor:
      for (size_t i = 0; i < node.actors.size(); ++i) {
        const auto& [actor, roles] = node.actors[i];
        Line(absl::StrCat("actor ", actor.text, ": ", List(roles), After("", node.attributes[i])));
      }
      break;
    case Step::Kind::kSet:
      Line(DumpProposal(node));
      break;
    case Step::Kind::kPropose:
      Line(absl::StrCat("propose ", DumpProposal(node)));
      if (node.expect != nullptr) Inside([&] { Add(*node.expect); });
      break;
    case Step::Kind::kAnswer:
      Line(absl::StrCat("answer ", node.yes ? "yes" : "no", After("by", node.by), After("as", node.as),
                        After("under", node.under), After("on", node.instance)));
      break;
    case Step::Kind::kAssume:
      Line(absl::StrCat("assume state ", node.state.text, After("on", node.instance),
                        node.values != nullptr ? absl::StrCat(" ", DumpExpr(*node.values)) : ""));
      break;
    case Step::Kind::kExpect: {
      if (!node.instance.empty()) Line(absl::StrCat("on ", node.instance.text));
      if (node.expect != nullptr) Add(*node.expect);
      break;
    }
  }
}

std::string DumpCondition(const Expectation& node) {
  switch (node.kind) {
    case Expectation::Kind::kState:
      return absl::StrCat("state ", node.state.text);
    case Expectation::Kind::kOutcome:
      return node.outcome.text;
    case Expectation::Kind::kAsked:
      return absl::StrCat("asked ", node.role.text);
    case Expectation::Kind::kCondition:
      return node.condition == nullptr ? "" : DumpExpr(*node.condition);
    case Expectation::Kind::kCases:
      return absl::StrCat(node.count, " cases ", node.outcome.text);
    case Expectation::Kind::kNothing:
      return absl::StrCat("nothing else ", node.outcome.text);
    case Expectation::Kind::kObliged:
      return absl::StrCat("obliged ", node.duty.text, After("", node.values));
    case Expectation::Kind::kTask:
      return absl::StrCat("task ", node.duty.text, node.agent.empty() ? "" : " for ", node.agent.text);
    case Expectation::Kind::kConfidence:
      return absl::StrCat("confidence ", DumpExpr(*node.low),
                          node.high == nullptr ? "" : absl::StrCat("..", DumpExpr(*node.high)));
  }
  return "";
}

void Dumper::Add(const Expectation& node) {
  Line(absl::StrCat("expect ", node.negated ? "not " : "", DumpCondition(node),
                    After(node.only ? "because only" : "because", node.because)));
}

void Dumper::Add(const Scenario& node) {
  Line(absl::StrCat("scenario ", Quoted(node.name), " from ", Quoted(node.path),
                    node.following_record ? " following record" : "", After("on", node.workflow)));
  Inside([&] { AddAll(node.expects); });
}

void Dumper::Add(const Unit& node) {
  Head(node, absl::StrCat("unit ", node.name.text, node.decimals.has_value() ? absl::StrCat(" ", *node.decimals) : ""));
  Inside([&] { Doc(node.doc); });
}

void Dumper::Add(const Table& node) {
  Head(node, absl::StrCat("table ", node.name.text, "(", DumpFields(node.parameters), ")",
                          node.result.has_value() ? absl::StrCat(" -> ", DumpType(*node.result)) : ""));
  Inside([&] {
    Doc(node.doc);
    if (node.grid) Line(absl::StrCat("columns ", DumpPatterns(node.columns)));
    for (const TableRow& row : node.rows) {
      std::string cells;
      for (const ExprPtr& cell : row.cells) absl::StrAppend(&cells, cells.empty() ? "" : ", ", DumpExpr(*cell));
      Line(absl::StrCat("row ", DumpPatterns(row.keys), ": ", cells));
    }
  });
}

void Dumper::Add(const Calendar& node) {
  Head(node, absl::StrCat("calendar ", node.name.text));
  Inside([&] {
    Doc(node.doc);
    for (const CalendarItem& item : node.items) Line(DumpCalendarItem(item));
  });
}

void Dumper::Add(const Obligation& node) {
  Head(node, absl::StrCat("obligation ", node.name.text));
  Inside([&] {
    Doc(node.doc);
    for (const Field& field : node.fields) Line(absl::StrCat("field ", DumpField(field)));
  });
}

void Dumper::Add(const ActorDecl& node) {
  Line("actor");
  Inside([&] {
    Doc(node.doc);
    for (const Field& field : node.fields) Line(absl::StrCat("field ", DumpField(field)));
  });
}

void Dumper::Add(const Clearance& node) {
  Line(absl::StrCat("clearance ", List(node.roles), ": ", List(node.labels)));
  Inside([&] { Doc(node.doc); });
}

void Dumper::Add(const Fact& node) {
  Head(node, absl::StrCat("fact ", node.name.text, After("per", node.per),
                          node.result.has_value() ? absl::StrCat(" -> ", DumpType(*node.result)) : "",
                          After("=", node.body)));
  Inside([&] { Doc(node.doc); });
}

void Dumper::Add(const Decomposition& node) {
  Line(absl::StrCat("decompose", After("on", node.workflow)));
  Inside([&] {
    Doc(node.doc);
    for (const PlannedTask& task : node.plan) Line(absl::StrCat("plan ", DumpPlanned(task)));
    for (const Addition& addition : node.additions)
      Line(absl::StrCat(addition.must ? "must add " : "may add ", DumpPlanned(addition.task)));
    for (const Sub& sub : node.subs) {
      Line(absl::StrCat("sub ", sub.task.text, After("among", sub.among), After("granting", sub.granting),
                        DumpLimits(sub.limits), After("within", sub.within)));
    }
    for (const Under& under : node.unders) {
      Line(absl::StrCat("under ", under.task.text));
      Inside([&] { AddAll(under.rules); });
    }
    for (const Bound& bound : node.bounds) Line(absl::StrCat("bound ", bound.name.text, After("", bound.value)));
    for (const Finally& last : node.finallys)
      Line(absl::StrCat("finally ", last.transition.text, After("when", last.when)));
  });
}

void Dumper::Add(const Confidence& node) {
  Line(absl::StrCat("confidence", After("on", node.workflow)));
  Inside([&] {
    Doc(node.doc);
    for (const Reliance& reliance : node.reliances) {
      std::string bases;
      for (const Basis& basis : reliance.bases) {
        absl::StrAppend(&bases, bases.empty() ? "" : ", ", basis.quantifier.text,
                        basis.at_least.has_value() ? absl::StrCat(*basis.at_least) : "", After("of", basis.of));
      }
      Line(absl::StrCat(reliance.transition.text, ": ", bases));
    }
    if (!node.weakest.empty()) Line(absl::StrCat("weakest", After("of", node.weakest)));
    if (node.independent) Line(absl::StrCat("independent", After("across", node.across)));
    for (const Calibration& calibration : node.calibrations) {
      std::string bins;
      for (const auto& [claimed, given] : calibration.bins)
        absl::StrAppend(&bins, bins.empty() ? "" : ", ", DumpExpr(*claimed), ": ", DumpExpr(*given));
      Line(absl::StrCat("calibrate ", List(calibration.roles), " {", bins, "}"));
    }
  });
}

void Dumper::Add(const Divergence& node) {
  Line(absl::StrCat("divergence ", node.left.text, " vs ", node.right.text, After("on", node.transition),
                    After("of", node.workflow), After("per", node.per)));
  Inside([&] {
    Doc(node.doc);
    if (node.baseline != nullptr)
      Line(absl::StrCat("baseline", After("", node.baseline), After("margin", node.margin)));
    if (node.alarm_once_per.has_value()) Line(absl::StrCat("alarm once per ", *node.alarm_once_per));
    if (!node.notify.empty()) Line(absl::StrCat("notify ", List(node.notify)));
  });
}

void Dumper::Add(const Context& node) {
  Line(absl::StrCat("context ", node.role.text, After("on", node.workflow)));
  Inside([&] {
    Doc(node.doc);
    for (const ContextItem& item : node.items) Line(DumpContextItem(item));
  });
}

void Dumper::Add(const Template& node) {
  std::string parameters;
  for (const Parameter& parameter : node.parameters) {
    absl::StrAppend(&parameters, parameters.empty() ? "" : ", ", parameter.name.text, ": ", DumpType(parameter.type),
                    After("=", parameter.value));
  }
  Head(node, absl::StrCat("template ", node.name.text, "(", parameters, ")", After("on", node.workflow),
                          After("in", node.domain)));
  Inside([&] {
    Doc(node.doc);
    if (node.body != nullptr) AddAllOf(*node.body);
  });
}

void Dumper::Add(const Apply& node) {
  std::string arguments;
  for (const Argument& argument : node.arguments) {
    absl::StrAppend(&arguments, arguments.empty() ? "" : ", ", argument.name.text, ":",
                    argument.value != nullptr ? After("", argument.value) : DumpLadder(argument.ladder.get()));
  }
  Line(absl::StrCat("apply ", node.name.text, node.name.empty() ? "" : ": ", node.applied.text, "(", arguments, ")",
                    After("on", node.workflow), After("in", node.domain)));
  Inside([&] { Doc(node.doc); });
}

void Dumper::Add(const Property& node) {
  Line(absl::StrCat("property ", Quoted(node.name)));
  Inside([&] {
    Doc(node.doc);
    for (const PropertyItem& item : node.items) Line(DumpPropertyItem(item));
  });
}

void Dumper::AddAllOf(const Declarations& nodes) {
  AddAll(nodes.enums);
  AddAll(nodes.records);
  AddAll(nodes.types);
  AddAll(nodes.units);
  AddAll(nodes.tables);
  AddAll(nodes.calendars);
  AddAll(nodes.obligations);
  AddAll(nodes.actors);
  AddAll(nodes.domains);
  AddAll(nodes.priorities);
  AddAll(nodes.roles);
  AddAll(nodes.clearances);
  AddAll(nodes.entities);
  AddAll(nodes.workflows);
  AddAll(nodes.defs);
  AddAll(nodes.facts);
  AddAll(nodes.authorities);
  AddAll(nodes.rules);
  AddAll(nodes.reviews);
  AddAll(nodes.decompositions);
  AddAll(nodes.confidences);
  AddAll(nodes.divergences);
  AddAll(nodes.contexts);
  AddAll(nodes.templates);
  AddAll(nodes.applies);
  AddAll(nodes.properties);
  AddAll(nodes.logs);
  AddAll(nodes.tests);
  AddAll(nodes.scenarios);
}

std::string Dumper::Run(const File& file) {
  if (!file.package.empty()) Line(absl::StrCat("package ", Joined(file.package, ".")));
  for (const Import& import : file.imports) {
    Line(absl::StrCat("import ", Joined(import.package, "."),
                      import.names.empty() ? "" : absl::StrCat(" {", List(import.names), "}")));
  }
  AddAllOf(file);
  return std::move(out_);
}

}  // namespace

std::string DumpExpr(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kBool:
    case ExprKind::kInt:
    case ExprKind::kDuration:
    case ExprKind::kTime:
    case ExprKind::kDate:
    case ExprKind::kName:
      return expr.text;
    case ExprKind::kThis:
      return "this";
    case ExprKind::kPercent:
      return absl::StrCat(expr.text, "%");
    case ExprKind::kMoney:
      return absl::StrCat(expr.text, " ", expr.unit.text);
    case ExprKind::kQuantity:
      return absl::StrCat(expr.text, expr.unit.text);
    case ExprKind::kString:
      return Quoted(expr.text);
    case ExprKind::kMember:
      return absl::StrCat(DumpExpr(Child(expr, 0)), ".", expr.name.text);
    case ExprKind::kIndex:
      return absl::StrCat(DumpExpr(Child(expr, 0)), "[", Children(expr, 1), "]");
    case ExprKind::kCall:
      return absl::StrCat(expr.text, "(", Children(expr), ")");
    case ExprKind::kNot:
      return absl::StrCat("(not ", DumpExpr(Child(expr, 0)), ")");
    case ExprKind::kNegate:
      return absl::StrCat("(-", DumpExpr(Child(expr, 0)), ")");
    case ExprKind::kHas:
      return absl::StrCat("(has ", DumpExpr(Child(expr, 0)), ")");
    case ExprKind::kBinary:
      return absl::StrCat("(", DumpExpr(Child(expr, 0)), " ", expr.text, " ", DumpExpr(Child(expr, 1)), ")");
    case ExprKind::kIf:
      return absl::StrCat("(if ", DumpExpr(Child(expr, 0)), " then ", DumpExpr(Child(expr, 1)), " else ",
                          DumpExpr(Child(expr, 2)), ")");
    case ExprKind::kSet:
      return absl::StrCat("{", Children(expr), "}");
    case ExprKind::kList:
      return absl::StrCat("[", Children(expr), "]");
    case ExprKind::kRecord:
      return DumpRecord(expr);
    case ExprKind::kSays:
      return absl::StrCat("(", expr.name.text, " says ", DumpExpr(Child(expr, 0)), ")");
    case ExprKind::kFold:
      return DumpFold(expr);
    case ExprKind::kMethod:
      return absl::StrCat(DumpExpr(Child(expr, 0)), ".", expr.name.text, "(", Children(expr, 1), ")");
    case ExprKind::kOf:
      return absl::StrCat(expr.text, " of (", Children(expr), ")");
  }
  return "";
}

std::string Dump(const File& file) { return Dumper().Run(file); }

}  // namespace writ::ast
