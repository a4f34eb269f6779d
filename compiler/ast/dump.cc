#include "compiler/ast/dump.h"

#include <utility>

#include "absl/strings/str_cat.h"
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
  return names.empty() ? "" : absl::StrCat(" ", word, " ", List(names));
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
  absl::StrAppend(&out, After("by", fold.by), After("where", fold.where), After("within", fold.within),
                  After("since", fold.since));
  if (fold.capacity.has_value()) absl::StrAppend(&out, " max ", *fold.capacity);
  return out + ")";
}

const Expr& Child(const Expr& expr, size_t index) { return *expr.children[index]; }

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

// ---------------------------------------------------------------- declarations

class Dumper {
 public:
  std::string Run(const File& file);

 private:
  void Line(absl::string_view text) { absl::StrAppend(&out_, std::string(depth_ * 2, ' '), text, "\n"); }
  void Doc(const std::string& doc) {
    if (!doc.empty()) Line(absl::StrCat("doc ", Quoted(doc)));
  }
  template <typename F>
  void Inside(F inner) {
    ++depth_;
    inner();
    --depth_;
  }

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
  Line(absl::StrCat("enum ", node.name.text, node.ordered ? " ordered" : ""));
  Inside([&] {
    Doc(node.doc);
    for (const EnumMember& member : node.members) {
      Line(absl::StrCat(member.name.text, member.foreign.empty() ? "" : absl::StrCat(" as ", Quoted(member.foreign))));
    }
  });
}

void Dumper::Add(const Record& node) {
  Line(absl::StrCat("record ", node.name.text, After("label", node.labels)));
  Inside([&] {
    Doc(node.doc);
    for (const Field& field : node.members) Line(DumpField(field));
  });
}

void Dumper::Add(const TypeAlias& node) {
  Line(absl::StrCat("type ", node.name.text, " = ", DumpType(node.type)));
  Inside([&] { Doc(node.doc); });
}

void Dumper::Add(const Domain& node) {
  Line(absl::StrCat("domain ", List(node.names)));
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
  Line(head);
  Inside([&] { Doc(node.doc); });
}

void Dumper::Add(const Entity& node) {
  Line(absl::StrCat("entity ", node.name.text, " by ", DumpFields(node.key), After("fresh", node.fresh)));
  Inside([&] {
    Doc(node.doc);
    for (const Field& field : node.fields) Line(absl::StrCat("field ", DumpField(field)));
    AddAll(node.defs);
  });
}

void Dumper::Add(const Workflow& node) {
  Line(absl::StrCat("workflow ", node.name.text, " by ", DumpFields(node.key)));
  Inside([&] {
    Doc(node.doc);
    for (const Field& field : node.fields) Line(absl::StrCat("field ", DumpField(field)));
    for (const StateDecl& state : node.states) Line(absl::StrCat("state ", state.name.text, After("with", state.with)));
    if (!node.finals.empty()) Line(absl::StrCat("final ", List(node.finals)));
    if (!node.halted.empty()) Line(absl::StrCat("halted ", List(node.halted)));
    AddAll(node.transitions);
    AddAll(node.defs);
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
  });
}

void Dumper::Add(const Authority& node) {
  Line(absl::StrCat("authority ", List(node.roles)));
  Inside([&] {
    Doc(node.doc);
    for (const May& may : node.mays) {
      std::string limits;
      for (const Limit& limit : may.limits) {
        absl::StrAppend(&limits, limits.empty() ? " up to " : ", ", limit.field.text, " ",
                        limit.value == nullptr ? "" : DumpExpr(*limit.value));
      }
      Line(absl::StrCat("may ", List(may.transitions), After("on", may.workflow), limits, After("when", may.when)));
    }
  });
}

void Dumper::Add(const Rule& node) {
  Line(absl::StrCat("rule ", node.name.text, After("in", node.domain)));
  Inside([&] {
    Doc(node.doc);
    Line(absl::StrCat(node.effect.text, " ", List(node.transitions), After("on", node.workflow), After("by", node.by),
                      After("to", node.to)));
    if (!node.until.empty()) Line(absl::StrCat("until ", node.until.text, After("by", node.until_by)));
    if (node.ladder != nullptr) Line(absl::StrCat("ladder", DumpLadder(node.ladder.get())));
    if (node.when != nullptr) Line(absl::StrCat("when ", DumpExpr(*node.when)));
    if (node.unless != nullptr) Line(absl::StrCat("unless ", DumpExpr(*node.unless)));
    if (!node.overrides.empty()) Line(absl::StrCat("overrides ", List(node.overrides)));
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
  absl::StrAppend(&out, After("by", step.by), After("as", step.as));
  if (step.values != nullptr) absl::StrAppend(&out, " ", DumpExpr(*step.values));
  return out;
}

void Dumper::Add(const Step& node) {
  switch (node.kind) {
    case Step::Kind::kAt: Line(absl::StrCat("at", After("", node.time))); break;
    case Step::Kind::kWait: Line(absl::StrCat("wait", After("", node.time))); break;
    case Step::Kind::kActor:
      for (const auto& [actor, roles] : node.actors) Line(absl::StrCat("actor ", actor.text, ": ", List(roles)));
      break;
    case Step::Kind::kSet: Line(DumpProposal(node)); break;
    case Step::Kind::kPropose:
      Line(absl::StrCat("propose ", DumpProposal(node)));
      if (node.expect != nullptr) Inside([&] { Add(*node.expect); });
      break;
    case Step::Kind::kAnswer:
      Line(absl::StrCat("answer ", node.yes ? "yes" : "no", After("by", node.by), After("as", node.as),
                        After("on", node.instance)));
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
    case Expectation::Kind::kState: return absl::StrCat("state ", node.state.text);
    case Expectation::Kind::kOutcome: return node.outcome.text;
    case Expectation::Kind::kAsked: return absl::StrCat("asked ", node.role.text);
    case Expectation::Kind::kCondition: return node.condition == nullptr ? "" : DumpExpr(*node.condition);
    case Expectation::Kind::kCases: return absl::StrCat(node.count, " cases ", node.outcome.text);
    case Expectation::Kind::kNothing: return absl::StrCat("nothing else ", node.outcome.text);
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

std::string Dumper::Run(const File& file) {
  if (!file.package.empty()) Line(absl::StrCat("package ", Joined(file.package, ".")));
  for (const Import& import : file.imports) {
    Line(absl::StrCat("import ", Joined(import.package, "."),
                      import.names.empty() ? "" : absl::StrCat(" {", List(import.names), "}")));
  }
  AddAll(file.enums);
  AddAll(file.records);
  AddAll(file.types);
  AddAll(file.domains);
  AddAll(file.priorities);
  AddAll(file.roles);
  AddAll(file.entities);
  AddAll(file.workflows);
  AddAll(file.defs);
  AddAll(file.authorities);
  AddAll(file.rules);
  AddAll(file.reviews);
  AddAll(file.logs);
  AddAll(file.tests);
  AddAll(file.scenarios);
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
    case ExprKind::kName: return expr.text;
    case ExprKind::kThis: return "this";
    case ExprKind::kPercent: return absl::StrCat(expr.text, "%");
    case ExprKind::kMoney: return absl::StrCat(expr.text, " ", expr.unit.text);
    case ExprKind::kQuantity: return absl::StrCat(expr.text, expr.unit.text);
    case ExprKind::kString: return Quoted(expr.text);
    case ExprKind::kMember: return absl::StrCat(DumpExpr(Child(expr, 0)), ".", expr.name.text);
    case ExprKind::kIndex: return absl::StrCat(DumpExpr(Child(expr, 0)), "[", Children(expr, 1), "]");
    case ExprKind::kCall: return absl::StrCat(expr.text, "(", Children(expr), ")");
    case ExprKind::kNot: return absl::StrCat("(not ", DumpExpr(Child(expr, 0)), ")");
    case ExprKind::kNegate: return absl::StrCat("(-", DumpExpr(Child(expr, 0)), ")");
    case ExprKind::kHas: return absl::StrCat("(has ", DumpExpr(Child(expr, 0)), ")");
    case ExprKind::kBinary:
      return absl::StrCat("(", DumpExpr(Child(expr, 0)), " ", expr.text, " ", DumpExpr(Child(expr, 1)), ")");
    case ExprKind::kIf:
      return absl::StrCat("(if ", DumpExpr(Child(expr, 0)), " then ", DumpExpr(Child(expr, 1)), " else ",
                          DumpExpr(Child(expr, 2)), ")");
    case ExprKind::kSet: return absl::StrCat("{", Children(expr), "}");
    case ExprKind::kList: return absl::StrCat("[", Children(expr), "]");
    case ExprKind::kRecord: return DumpRecord(expr);
    case ExprKind::kSays: return absl::StrCat("(", expr.name.text, " says ", DumpExpr(Child(expr, 0)), ")");
    case ExprKind::kFold: return DumpFold(expr);
  }
  return "";
}

std::string Dump(const File& file) { return Dumper().Run(file); }

}  // namespace writ::ast
