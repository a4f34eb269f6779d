#include "compiler/typed/words.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/frame/frame.h"

namespace writ::typed {
namespace {

// How tightly an operator binds its operands; what binds less tightly inside gets parentheses.
enum Binding { kOrBinds, kAndBinds, kNotBinds, kCompareBinds, kCoalesceBinds, kAddBinds, kMultiplyBinds, kTight };

constexpr size_t kDepthMax = 200;  // an author's text nests less; past it, "…"

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

// In the scope of an event of `workflow`.
class Writer {
 public:
  Writer(const Program& program, WorkflowId workflow)
      : schema_(program.schema), workflow_(program.schema.workflows[workflow.value]) {}

  std::string Of(const Pattern& pattern) {
    pattern_ = &pattern;
    std::vector<std::string> transitions, roles;
    for (TransitionId t : pattern.transitions) transitions.push_back(workflow_.transitions[t.value].name);
    for (RoleId role : pattern.by) roles.push_back(RoleName(role));
    if (pattern.by_orchestrator) roles.push_back("orchestrator");
    return absl::StrCat(absl::StrJoin(transitions, ", "), roles.empty() ? "" : " by ", absl::StrJoin(roles, ", "),
                        pattern.where == nullptr ? "" : absl::StrCat(" where ", Of(*pattern.where)));
  }

  std::string Of(const Expr& e) { return Inside(e, kOrBinds); }
  std::string Member(const Expr& e) { return Inside(e, kCoalesceBinds); }
  void SetPattern(const Pattern& pattern) { pattern_ = &pattern; }

 private:
  std::string Inside(const Expr& e, Binding around) {
    if (depth_ >= kDepthMax) return "…";
    ++depth_;
    Binding own = kTight;
    const std::string text = Plain(e, &own);
    --depth_;
    return own < around ? absl::StrCat("(", text, ")") : text;
  }

  std::string Operator(const Expr& e, const char* sign, Binding own, Binding* binds) {
    *binds = own;
    std::string text = Inside(*e.children[0], own);
    // What is on the right of `-` binds tighter, and a comparison has no comparison in it.
    const Binding right = own >= kCompareBinds ? static_cast<Binding>(own + 1) : own;
    for (size_t i = 1; i < e.children.size(); ++i) absl::StrAppend(&text, " ", sign, " ", Inside(*e.children[i], right));
    return text;
  }

  std::string Plain(const Expr& e, Binding* binds) {
    const auto child = [&](size_t i, Binding around) { return Inside(*e.children[i], around); };
    switch (e.kind) {
      case ExprKind::kConstant:
        return Constant(e);
      case ExprKind::kSlot:
        return Slot(e);
      case ExprKind::kVariable:
        return absl::StrCat("x", e.variable);
      case ExprKind::kMember:
        return absl::StrCat(child(0, kTight), ".", MemberName(e.children[0]->type.type, e.index));
      case ExprKind::kDeref:
        return absl::StrCat(child(0, kTight), ".", DerefName(e));
      case ExprKind::kNot:
        *binds = kNotBinds;
        return absl::StrCat("not ", child(0, kNotBinds));
      case ExprKind::kAnd:
        return Operator(e, "and", kAndBinds, binds);
      case ExprKind::kOr:
        return Operator(e, "or", kOrBinds, binds);
      case ExprKind::kEqual:
        return Operator(e, "==", kCompareBinds, binds);
      case ExprKind::kNotEqual:
        return Operator(e, "!=", kCompareBinds, binds);
      case ExprKind::kLess:
      case ExprKind::kLessEqual:
        return Order(e, binds);
      case ExprKind::kIs:
        return Operator(e, "is", kCompareBinds, binds);
      case ExprKind::kIn:
        return Operator(e, "in", kCompareBinds, binds);
      case ExprKind::kHas:
        *binds = kNotBinds;
        return absl::StrCat("has ", child(0, kTight));
      case ExprKind::kCoalesce:
        return Operator(e, "??", kCoalesceBinds, binds);
      case ExprKind::kIf:
        *binds = kOrBinds;
        return absl::StrCat("if ", child(0, kOrBinds), " then ", child(1, kOrBinds), " else ", child(2, kOrBinds));
      case ExprKind::kAdd:
        return Operator(e, "+", kAddBinds, binds);
      case ExprKind::kSubtract:
        return Operator(e, "-", kAddBinds, binds);
      case ExprKind::kMultiply:
        return Operator(e, "*", kMultiplyBinds, binds);
      case ExprKind::kNegate:
        return absl::StrCat("-", child(0, kTight));
      case ExprKind::kRound:
        return absl::StrCat("round(", child(0, kOrBinds), Mode(e.rounding), ")");
      case ExprKind::kDivide:
        *binds = kMultiplyBinds;
        return absl::StrCat(child(0, kMultiplyBinds), " / ", Number(e.number, Type()));
      case ExprKind::kSetLiteral:
        return absl::StrCat("{", All(e), "}");
      case ExprKind::kQuantifier:
        return Comprehension(e);
      case ExprKind::kLookup:
        return absl::StrCat(child(0, kTight), "[", child(1, kOrBinds), "]");
      case ExprKind::kEntityLookup:
        return absl::StrCat(schema_.workflows[e.index].name, "[", All(e), "]");
      case ExprKind::kElementAt:
        return absl::StrCat(e.index == 0 ? "first(" : "last(", child(0, kOrBinds), ")");
      case ExprKind::kUnder:
        *binds = kCompareBinds;
        return absl::StrCat(child(0, kCoalesceBinds), " under ", child(1, kCoalesceBinds));
      case ExprKind::kMatch:
        *binds = kCompareBinds;
        return absl::StrCat(child(0, kCoalesceBinds), e.part == 0 ? " like \"" : " matches \"", e.text, "\"");
      case ExprKind::kCalendar:
        return Calendar(e, binds);
      case ExprKind::kFact:
      case ExprKind::kKeyedFact:
      case ExprKind::kSays:
      case ExprKind::kVotes:
        break;  // no event has a past
    }
    return "…";
  }

  std::string Calendar(const Expr& e, Binding* binds) {
    static constexpr const char* kQuestions[] = {"", "open", "workdays", "years", "day"};
    const writ::Calendar& calendar = schema_.calendars[e.index];
    const auto op = static_cast<CalendarOp>(e.part);
    if (op != CalendarOp::kInWindow && op != CalendarOp::kOpen) {
      return absl::StrCat(calendar.name, ".", kQuestions[e.part], "(", All(e), ")");
    }
    *binds = kCompareBinds;
    const std::string& name = op == CalendarOp::kOpen ? kQuestions[e.part] : calendar.windows[e.part2].name;
    return absl::StrCat(Inside(*e.children[0], kCoalesceBinds), " in ", calendar.name, ".", name);
  }

  // `>` and `>=` were turned round where a constant stands first.
  std::string Order(const Expr& e, Binding* binds) {
    *binds = kCompareBinds;
    const bool turned = e.children[0]->kind == ExprKind::kConstant;
    const char* sign = e.kind == ExprKind::kLess ? (turned ? ">" : "<") : (turned ? ">=" : "<=");
    return absl::StrCat(Inside(*e.children[turned ? 1 : 0], kCoalesceBinds), " ", sign, " ",
                        Inside(*e.children[turned ? 0 : 1], kCoalesceBinds));
  }

  std::string All(const Expr& e) {
    std::vector<std::string> parts;
    for (const ExprPtr& child : e.children) parts.push_back(Of(*child));
    return absl::StrJoin(parts, ", ");
  }

  std::string Comprehension(const Expr& e) {
    static constexpr const char* kOps[] = {"any", "all", "count", "sum", "min", "max", "distinct"};
    const std::string body = e.children[0] == nullptr ? "" : Of(*e.children[0]);
    const std::string over = Inside(*e.children[1], kTight);
    const std::string where =
        e.children.size() < 3 || e.children[2] == nullptr ? "" : absl::StrCat(" where ", Of(*e.children[2]));
    if (body.empty()) return absl::StrCat(kOps[static_cast<size_t>(e.op)], "(", over, where, ")");
    const std::string then = e.variable2 != UINT32_MAX ? absl::StrCat(" then x", e.variable2) : "";
    return absl::StrCat(kOps[static_cast<size_t>(e.op)], "(", body, " for x", e.variable, then, " in ", over, where,
                        ")");
  }

  std::string Constant(const Expr& e) const {
    const Type& type = e.type.type;
    if (type.kind == TypeKind::kString || type.kind == TypeKind::kReference) return Quoted(e.text);
    // A state is a number whose index names its workflow.
    if (type.kind == TypeKind::kInt && type.index < schema_.workflows.size()) {
      const std::vector<State>& states = schema_.workflows[type.index].states;
      return e.number >= 0 && e.number < static_cast<Num>(states.size()) ? states[static_cast<size_t>(e.number)].name
                                                                          : "new";
    }
    return Number(e.number, type);
  }

  std::string Number(Num number, const Type& type) const {
    const bool fits = number >= INT64_MIN && number <= INT64_MAX;
    return fits ? ValueToText(schema_, type, Value(static_cast<int64_t>(number))) : "…";
  }

  std::string Slot(const Expr& e) const {
    switch (e.root) {
      case SlotRoot::kBefore:
      case SlotRoot::kAfter:
        return workflow_.fields[e.index].name;
      case SlotRoot::kPayload:
        return pattern_ == nullptr || pattern_->transitions.empty()
                   ? "payload"
                   : workflow_.transitions[pattern_->transitions[0].value].payload[e.index].name;
      case SlotRoot::kThisKey:
        return "this";
      case SlotRoot::kNow:
        return "now";
      case SlotRoot::kState:
        return "state";
      case SlotRoot::kActorId:
        return "actor";
      case SlotRoot::kActorPrincipal:
        return "actor.principal";
      case SlotRoot::kActorRole:
        return "actor.role";
      case SlotRoot::kActorIsHuman:
        return "actor.human";
      case SlotRoot::kActorField:
        return absl::StrCat("actor.", AttributeName(e.index));
      default:
        return "…";
    }
  }

  std::string AttributeName(uint32_t field) const {
    const auto agent = std::find_if(schema_.workflows.begin(), schema_.workflows.end(),
                                    [](const Workflow& w) { return w.attributes_from != UINT32_MAX; });
    return agent != schema_.workflows.end() && field < agent->fields.size() ? agent->fields[field].name : "…";
  }

  // Short where no other package has one of that name.
  const std::string& RoleName(RoleId id) const {
    const Role& role = schema_.roles[id.value];
    const auto same = [&](const Role& other) { return other.name == role.name; };
    return std::count_if(schema_.roles.begin(), schema_.roles.end(), same) > 1 ? role.qualified : role.name;
  }

  std::string MemberName(const Type& record, uint32_t index) const {
    return record.kind == TypeKind::kRecord ? schema_.records[record.index].members[index].name : "…";
  }

  std::string DerefName(const Expr& e) const {
    const Type& reference = e.children[0]->type.type;
    if (e.part == 1) return "state";
    if (reference.kind != TypeKind::kReference) return "…";
    const Workflow& target = schema_.workflows[reference.index];
    return e.part == 0 ? target.fields[e.index].name : target.key[e.index].name;
  }

  static const char* Mode(Rounding rounding) {
    switch (rounding) {
      case Rounding::kDown:
        return ", down";
      case Rounding::kUp:
        return ", up";
      case Rounding::kHalfEven:
        return ", half_even";
      case Rounding::kNone:
        break;
    }
    return "";
  }

  const Schema& schema_;
  const Workflow& workflow_;
  const Pattern* pattern_ = nullptr;
  size_t depth_ = 0;
};

}  // namespace

namespace {

std::string PopulationWords(const Program& program, const Fact& fact) {
  const Workflow& workflow = program.schema.workflows[fact.workflow.value];
  const std::string only = fact.pattern.where == nullptr ? "" : absl::StrCat(".", fact.pattern.where->children[1]->text);
  std::string text = absl::StrCat("count(", workflow.name, only, " now in ");
  for (size_t i = 0; i < fact.states.size(); ++i)
    absl::StrAppend(&text, i == 0 ? "" : ", ", workflow.states[fact.states[i].value].name);
  return text + ")";
}

}  // namespace

std::string Words(const Program& program, const Fact& fact) {
  if (fact.kind == Fact::Kind::kPopulation) return PopulationWords(program, fact);
  Writer writer(program, fact.workflow);
  const std::string since = fact.since.has_value() ? absl::StrCat(" since ", writer.Of(*fact.since)) : "";
  const std::string pattern = writer.Of(fact.pattern);
  std::string inside = fact.refused && fact.kind != Fact::Kind::kHappened ? absl::StrCat("refused(", pattern, ")") : pattern;
  writer.SetPattern(fact.pattern);
  const std::string value = fact.value == nullptr ? "" : writer.Member(*fact.value);
  const bool is_last = fact.kind == Fact::Kind::kLast;
  if (!value.empty() && !is_last) inside = absl::StrCat(value, " for ", inside);
  absl::StrAppend(&inside, since);
  if (fact.within_ns != 0) absl::StrAppend(&inside, " within ", FormatDuration(fact.within_ns));
  if (fact.capacity != 0) absl::StrAppend(&inside, " max ", fact.capacity);
  if (fact.this_round) absl::StrAppend(&inside, " in this round");
  static constexpr const char* kKinds[] = {"happened", "count", "sum", "min", "max", "last"};
  const bool is_refused = fact.refused && fact.kind == Fact::Kind::kHappened;
  const std::string text =
      absl::StrCat(is_refused ? "refused" : kKinds[static_cast<size_t>(fact.kind)], "(", inside, ")");
  if (!is_last) return text;
  return value == "now" ? absl::StrCat("time of ", text) : absl::StrCat(text, ".", value);
}

}  // namespace writ::typed
