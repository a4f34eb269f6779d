#include "compiler/typed/dump.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/typed/expr.h"

namespace writ::typed {
namespace {

constexpr const char* kOutcomes[] = {"permit", "escalate", "hold", "deny"};
constexpr const char* kSteps[] = {"at", "actor", "set", "propose", "wait", "answer", "assume", "expect"};
constexpr const char* kExpectations[] = {"state", "outcome", "asked", "condition", "cases", "nothing"};

class Writer {
 public:
  explicit Writer(const Program& program) : program_(program), schema_(program.schema) {}

  std::string Run() {
    Types();
    People();
    for (size_t i = 0; i < schema_.workflows.size(); ++i) WorkflowText(i);
    RuleRows();
    for (size_t i = 0; i < schema_.ladders.size(); ++i) LadderText(i);
    for (size_t i = 0; i < program_.facts.size(); ++i) Line(0, "fact ", i, " ", Text(program_.facts[i]));
    for (const Grant& grant : program_.grants) GrantText(grant);
    for (const Rule& rule : program_.rules) RuleText(rule);
    for (const Review& review : program_.reviews) ReviewText(review);
    for (const Computed& c : program_.computed) {
      Line(0, "computed ", TransitionName(c.workflow, c.transition), " ",
           schema_.workflows[c.workflow.value].fields[c.field.value].name, " = ", Text(*c.value));
    }
    for (const Test& test : program_.tests) TestText(test);
    for (const Scenario& scenario : program_.scenarios) ScenarioText(scenario);
    return std::move(out_);
  }

 private:
  template <typename... T>
  void Line(int depth, const T&... parts) {
    out_.append(static_cast<size_t>(depth) * 2, ' ');
    absl::StrAppend(&out_, parts...);
    out_.push_back('\n');
  }

  std::string TypeText(TypeId id) const { return id.valid() ? absl::StrCat("type ", id.value) : "unknown"; }
  const std::string& RoleName(RoleId id) const { return schema_.roles[id.value].name; }
  std::string DomainName(DomainId id) const { return id.valid() ? schema_.domains[id.value].name : "none"; }
  std::string TransitionName(WorkflowId w, TransitionId t) const {
    return absl::StrCat(schema_.workflows[w.value].name, ".",
                        t.valid() ? schema_.workflows[w.value].transitions[t.value].name : "none");
  }
  std::string StateName(const Workflow& w, StateId s) const {
    return s == kNewState ? "new" : s.valid() ? w.states[s.value].name : "none";
  }

  void Types() {
    for (size_t i = 0; i < schema_.currencies.size(); ++i)
      Line(0, "currency ", i, " ", schema_.currencies[i].code, " ", schema_.currencies[i].digits);
    for (size_t i = 0; i < schema_.distinct_types.size(); ++i) Line(0, "distinct ", i, " ", schema_.distinct_types[i]);
    for (size_t i = 0; i < schema_.types.size(); ++i) {
      const Type& t = schema_.types[i];
      std::string text = absl::StrCat("type ", i, " ", Word(t.kind), t.optional ? "?" : "");
      if (t.index != UINT32_MAX) absl::StrAppend(&text, " #", t.index);
      if (t.min != INT64_MIN || t.max != INT64_MAX) absl::StrAppend(&text, " in ", t.min, "..", t.max);
      if (t.capacity != 0) absl::StrAppend(&text, " max ", t.capacity);
      if (t.count_min != 0) absl::StrAppend(&text, " min ", t.count_min);
      if (t.element.valid()) absl::StrAppend(&text, " of ", t.element.value);
      if (t.key.valid()) absl::StrAppend(&text, " by ", t.key.value);
      if (t.distinct != UINT32_MAX) absl::StrAppend(&text, " distinct ", t.distinct);
      Line(0, text);
    }
    for (size_t i = 0; i < schema_.enums.size(); ++i) {
      const Enum& e = schema_.enums[i];
      const auto member = [](std::string* out, const EnumMember& m) {
        absl::StrAppend(out, m.name, m.foreign.empty() ? "" : absl::StrCat(" as \"", absl::CEscape(m.foreign), "\""));
      };
      Line(0, "enum ", i, " ", e.name, " ", absl::StrJoin(e.members, e.ordered ? " < " : ", ", member));
    }
    for (size_t i = 0; i < schema_.records.size(); ++i) {
      Line(0, "record ", i, " ", schema_.records[i].name);
      Fields(1, "member", schema_.records[i].members);
    }
  }

  void Fields(int depth, const char* word, const std::vector<Field>& fields) {
    for (size_t i = 0; i < fields.size(); ++i) {
      const Field& f = fields[i];
      std::string text = absl::StrCat(word, " ", i, " ", f.name, ": ", TypeText(f.type));
      if (!f.labels.empty()) absl::StrAppend(&text, " label ", absl::StrJoin(f.labels, " "));
      if (!f.foreign.attribute.empty()) absl::StrAppend(&text, " from \"", absl::CEscape(f.foreign.attribute), "\"");
      if (f.foreign.currency != UINT32_MAX) absl::StrAppend(&text, " in ", schema_.currencies[f.foreign.currency].code);
      if (f.foreign.rounding != Rounding::kNone)
        absl::StrAppend(&text, " round ", static_cast<int>(f.foreign.rounding));
      if (!f.foreign.zone.empty()) absl::StrAppend(&text, " in zone ", f.foreign.zone);
      Line(depth, text);
    }
  }

  void People() {
    for (size_t i = 0; i < schema_.domains.size(); ++i) {
      const auto name = [this](std::string* out, DomainId d) { out->append(schema_.domains[d.value].name); };
      Line(0, "domain ", i, " ", schema_.domains[i].qualified, " above [",
           absl::StrJoin(schema_.domains[i].below, " ", name), "]");
    }
    for (size_t i = 0; i < schema_.roles.size(); ++i) {
      const writ::Role& r = schema_.roles[i];
      Line(0, r.human ? "human role " : "role ", i, " ", r.qualified, " in ", DomainName(r.domain),
           r.foreign.empty() ? "" : absl::StrCat(" as \"", absl::CEscape(r.foreign), "\""));
    }
  }

  void WorkflowText(size_t index) {
    const Workflow& w = schema_.workflows[index];
    Line(0, w.is_entity ? "entity " : "workflow ", index, " ", w.qualified, w.is_builtin ? " builtin" : "",
         w.fresh_ns != 0 ? absl::StrCat(" fresh ", w.fresh_ns) : "");
    Fields(1, "key", w.key);
    Fields(1, "field", w.fields);
    for (const State& s : w.states) Line(1, "state ", s.name, s.is_final ? " final" : "", s.is_halted ? " halted" : "");
    for (const Transition& t : w.transitions) TransitionText(w, t);
    for (const writ::Review& r : w.reviews) SchemaReview(WorkflowId(index), w, r);
    if (!w.log.format.empty()) {
      Line(1, "log ", w.log.format, " actor ", w.log.actor.attribute, " absent \"", absl::CEscape(w.log.actor_absent),
           "\" role ", w.log.role.attribute, " at ", w.log.at.attribute, " activity ", w.log.activity, " case ",
           w.log.instance);
    }
  }

  void TransitionText(const Workflow& w, const Transition& t) {
    std::string text = absl::StrCat("transition ", t.name, ":");
    for (StateId s : t.sources) absl::StrAppend(&text, " ", StateName(w, s));
    absl::StrAppend(&text, t.stays ? " stays" : absl::StrCat(" -> ", StateName(w, t.target)));
    for (const SetField& s : t.sets)
      absl::StrAppend(&text, " ", s.computed ? "computes " : "sets ", w.fields[s.field.value].name,
                      s.optional ? "?" : "");
    if (!t.foreign.empty()) absl::StrAppend(&text, " as \"", absl::CEscape(t.foreign), "\"");
    Line(1, text);
    Fields(2, "payload", t.payload);
  }

  void SchemaReview(WorkflowId id, const Workflow& w, const writ::Review& r) {
    Line(1, "review in ", StateName(w, r.state), " by ", TransitionName(id, r.verdict),
         r.stance.valid() ? absl::StrCat(" stance ", r.stance.value) : "",
         r.ladder.valid() ? absl::StrCat(" ladder ", r.ladder.value) : "");
    for (const writ::Seat& s : r.seats) Line(2, "seat ", RoleName(s.role), " ", s.quorum, " of ", s.seats);
    for (const writ::Clause& c : r.clauses) {
      Line(2, "clause ", c.name, " rule ", c.rule.value, " ", TransitionName(id, c.transition),
           c.asks.valid() ? absl::StrCat(" asks ", RoleName(c.asks)) : "");
    }
    for (TransitionId t : r.binds) Line(2, "binds ", TransitionName(id, t));
  }

  void RuleRows() {
    for (size_t i = static_cast<size_t>(Builtin::kCount); i < schema_.rules.size(); ++i) {
      const writ::Rule& r = schema_.rules[i];
      std::string text = absl::StrCat(r.kind == RuleKind::kClause ? "clause " : "rule ", i, " ", r.qualified, " ",
                                      Word(r.effect), " in ", DomainName(r.domain));
      if (r.asks.valid()) absl::StrAppend(&text, " asks ", RoleName(r.asks));
      if (r.ladder.valid()) absl::StrAppend(&text, " ladder ", r.ladder.value);
      if (r.awaits.valid())
        absl::StrAppend(&text, " awaits ", r.awaits.value,
                        r.awaits_by.valid() ? absl::StrCat(" by ", RoleName(r.awaits_by)) : "");
      if (!r.because.empty()) absl::StrAppend(&text, " because \"", absl::CEscape(r.because), "\"");
      Line(0, text);
    }
  }

  void LadderText(size_t i) {
    const Ladder& l = schema_.ladders[i];
    std::string text = absl::StrCat("ladder ", i, " within ", l.within_ns, " else ");
    if (l.otherwise == Ladder::Else::kDeny) absl::StrAppend(&text, "deny");
    if (l.otherwise == Ladder::Else::kTransition) absl::StrAppend(&text, "transition ", l.transition.value);
    if (l.otherwise == Ladder::Else::kEscalate)
      absl::StrAppend(&text, "escalate ", l.transition.value, " to ", RoleName(l.role), " ladder ", l.next.value);
    if (l.otherwise == Ladder::Else::kAsk) absl::StrAppend(&text, "ask ", RoleName(l.role), " ladder ", l.next.value);
    if (l.otherwise == Ladder::Else::kFail) absl::StrAppend(&text, "fail");
    Line(0, text);
  }

  void GrantText(const Grant& g) {
    std::string text = absl::StrCat("may ", RoleName(g.role), g.consent ? " consent to " : " ", TransitionName(g.workflow, g.transition));
    for (const Limit& l : g.limits) absl::StrAppend(&text, " up to ", Text(*l.field), " ", Text(*l.value));
    if (g.when != nullptr) absl::StrAppend(&text, " when ", Text(*g.when));
    Line(0, text);
  }

  std::string By(const std::vector<RoleId>& roles, bool orchestrator) const {
    std::string text;
    for (RoleId r : roles) absl::StrAppend(&text, text.empty() ? " by " : ", ", RoleName(r));
    if (orchestrator) absl::StrAppend(&text, text.empty() ? " by " : ", ", "orchestrator");
    return text;
  }

  void RuleText(const Rule& r) {
    std::string text = absl::StrCat("guard ", schema_.rules[r.rule.value].qualified, " on");
    for (TransitionId t : r.transitions) absl::StrAppend(&text, " ", TransitionName(r.workflow, t));
    Line(0, text, By(r.by, r.by_orchestrator), r.under.empty() ? "" : " under ", r.under);
    if (r.when != nullptr) Line(1, "when ", Text(*r.when));
    if (r.unless != nullptr) Line(1, "unless ", Text(*r.unless));
    for (size_t i = 0; i < r.then.size(); ++i) {
      const writ::Consequence& then = schema_.rules[r.rule.value].then[i];
      if (!then.obligation.valid()) {
        const std::string does = then.does.valid() ? TransitionName(r.workflow, then.does) : "report";
        Line(1, "then task ", then.task, ": ", schema_.roles[then.role.value].qualified, " does ", does, " ladder ",
             then.ladder.value);
        continue;
      }
      std::string line = absl::StrCat("then ", schema_.obligations[then.obligation.value].qualified);
      for (const ExprPtr& value : r.then[i].values) absl::StrAppend(&line, " ", value == nullptr ? "-" : Text(*value));
      Line(1, line);
    }
    for (RuleId o : r.overrides) Line(1, "overrides ", schema_.rules[o.value].qualified);
    if (r.awaits_fact != UINT32_MAX) Line(1, "awaits fact ", r.awaits_fact);
  }

  void ReviewText(const Review& r) {
    const writ::Review& declared = schema_.workflows[r.workflow.value].reviews[r.review.value];
    for (const ReviewClause& c : r.clauses) {
      Line(0, "clause ", schema_.workflows[r.workflow.value].name, ".", declared.clauses[c.clause.value].name, " in ",
           DomainName(c.domain), c.halting ? " halting" : "", c.otherwise ? " otherwise" : "",
           c.when != nullptr ? absl::StrCat(" when ", Text(*c.when)) : "");
    }
  }

  static std::string ValueText(const Value& v) {
    if (v.absent()) return "absent";
    if (v.is_integer()) return absl::StrCat(v.integer());
    if (v.is_text()) return absl::StrCat("\"", absl::CEscape(v.text()), "\"");
    std::string text = "[";
    for (const Value& e : v.list()) absl::StrAppend(&text, text.size() == 1 ? "" : " ", ValueText(e));
    return absl::StrCat(text, "]");
  }

  std::string ExpectText(const Expectation& e, WorkflowId w) const {
    std::string text = absl::StrCat("expect ", e.negated ? "not " : "", kExpectations[static_cast<int>(e.kind)]);
    if (e.kind == ast::Expectation::Kind::kState && w.valid())
      absl::StrAppend(&text, " ", StateName(schema_.workflows[w.value], e.state));
    if (e.kind == ast::Expectation::Kind::kOutcome || e.kind == ast::Expectation::Kind::kCases)
      absl::StrAppend(&text, " ", kOutcomes[static_cast<int>(e.outcome)]);
    if (e.kind == ast::Expectation::Kind::kCases) absl::StrAppend(&text, " ", e.count);
    if (e.role.valid()) absl::StrAppend(&text, " ", RoleName(e.role));
    if (e.condition != nullptr) absl::StrAppend(&text, " ", Text(*e.condition));
    for (RuleId r : e.because)
      absl::StrAppend(&text, e.only ? " because only " : " because ", schema_.rules[r.value].qualified);
    return text;
  }

  void TestText(const Test& test) {
    Line(0, "test \"", absl::CEscape(test.name), "\"");
    for (const Step& s : test.steps) {
      std::string text(kSteps[static_cast<int>(s.kind)]);
      if (s.time_ns != 0) absl::StrAppend(&text, " ", s.time_ns);
      if (s.kind == ast::Step::Kind::kAnswer) absl::StrAppend(&text, s.yes ? " yes" : " no");
      for (size_t i = 0; i < s.actors.size(); ++i) {
        absl::StrAppend(&text, " ", s.actors[i].first, By(s.actors[i].second, false));
        for (const NamedValue& v : s.attributes[i]) absl::StrAppend(&text, " ", v.field.value, "=", ValueText(v.value));
      }
      if (s.transition.valid()) absl::StrAppend(&text, " ", TransitionName(s.workflow, s.transition));
      if (!s.instance.empty()) absl::StrAppend(&text, " on \"", absl::CEscape(s.instance), "\"");
      if (!s.actor.empty())
        absl::StrAppend(&text, " by ", s.actor, s.role.valid() ? absl::StrCat(" as ", RoleName(s.role)) : "");
      for (const NamedValue& v : s.sets)
        absl::StrAppend(&text, " ", schema_.workflows[s.workflow.value].fields[v.field.value].name, "=",
                        ValueText(v.value));
      for (const NamedValue& v : s.payload) absl::StrAppend(&text, " with ", v.field.value, "=", ValueText(v.value));
      Line(1, text);
      if (s.expect.has_value()) Line(2, ExpectText(*s.expect, s.workflow));
    }
  }

  void ScenarioText(const Scenario& s) {
    Line(0, "scenario \"", absl::CEscape(s.name), "\" from \"", absl::CEscape(s.path), "\"",
         s.following_record ? " following record" : "",
         s.workflow.valid() ? absl::StrCat(" on ", schema_.workflows[s.workflow.value].qualified) : "");
    for (const Expectation& e : s.expects) Line(1, ExpectText(e, s.workflow));
  }

  const Program& program_;
  const Schema& schema_;
  std::string out_;
};

}  // namespace

std::string Dump(const Program& program) { return Writer(program).Run(); }

}  // namespace writ::typed
