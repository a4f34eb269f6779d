#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/driver/explanation.h"
#include "compiler/driver/pages.h"
#include "compiler/driver/verbs.h"
#include "runtime/decision/words.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/names.h"
#include "runtime/replay/event_lines.h"
#include "runtime/replay/value_input.h"
#include "runtime/store/chain.h"
#include "runtime/store/sqlite_store.h"

namespace writ::driver {
namespace {

// ---------------------------------------------------------------- a diagnostic's code

int ExplainCode(const ExplainRequest& request) {
  const std::string code = absl::AsciiStrToUpper(request.code);
  const diagnostics::Row* row = diagnostics::FindRow(code);
  const auto page = std::find_if(Pages().begin(), Pages().end(), [&](const Page& p) { return code == p.code; });
  if (row == nullptr && page == Pages().end())
    return Fail(absl::NotFoundError(absl::StrCat("there is no diagnostic `", request.code, "`")));
  std::string text = page != Pages().end() ? page->text : absl::StrCat(code, ": ", row->text, "\n");
  if (request.json) {
    std::string json;
    replay::JsonWriter(&json).Open('{').Key("code").Text(code).Key("page").Text(text).Close('}');
    text = json + "\n";
  }
  Print(text);
  return kFine;
}

// ---------------------------------------------------------------- a decision

absl::StatusOr<store::Event> Load(store::Store* store, int64_t position) {
  absl::StatusOr<store::Event> event = absl::NotFoundError(absl::StrCat("the store has no position ", position));
  const absl::Status status = store->Load(position, [&](const store::StoredEvent& stored) {
    if (stored.position == position) event = store::DecodeStored(stored);
    return absl::CancelledError("one was enough");
  });
  if (!status.ok() && status.code() != absl::StatusCode::kCancelled) return status;
  return event;
}

// What somebody said in a review.
struct Said {
  std::string role, actor, stance;
  int64_t position = 0;
};

const Review* ReviewIn(const Workflow& workflow, const std::string& state) {
  for (const Review& review : workflow.reviews) {
    if (review.state.valid() && workflow.states[review.state.value].name == state) return &review;
  }
  return nullptr;
}

// The verdicts that a review's outcome rests on, in the order in which they came: those of its instance since it came into
// the review's state, or since something was set there, which begins the review anew.
class Verdicts {
 public:
  Verdicts(const Schema& schema, const Workflow& workflow) : schema_(schema), workflow_(workflow) {}

  void Take(const store::Event& event) {
    const TransitionId transition = event.transition.empty() ? TransitionId() : Names::TransitionOf(workflow_, event.transition);
    if (!transition.valid() || event.decision.outcome != Outcome::kPermit) return;
    const Transition& made = workflow_.transitions[transition.value];
    const Review* review = ReviewIn(workflow_, event.decision.state);
    if (review != nullptr && transition == review->verdict) {
      if (!event.grant.empty()) return;  // that is no verdict
      Say(event, *review, made);
    } else if (!made.stays || !made.sets.empty()) {
      said_.clear();
    }
  }
  const std::vector<Said>& said() const { return said_; }

 private:
  void Say(const store::Event& event, const Review& review, const Transition& made) {
    const Field& field = made.payload[review.stance.value];
    Said said{event.role, event.actor, "", event.position};
    for (const store::NamedValue& value : event.payload) {
      if (value.name != field.name) continue;
      const Input input = replay::InputOf(schema_, schema_.types[field.type.value], value.value);
      if (const auto* stance = std::get_if<std::string>(&input.v)) said.stance = *stance;
    }
    // Who speaks again replaces the own verdict.
    std::erase_if(said_, [&](const Said& other) { return other.role == said.role && other.actor == said.actor; });
    said_.push_back(std::move(said));
  }

  const Schema& schema_;
  const Workflow& workflow_;
  std::vector<Said> said_;
};

// Of a review's outcome; nothing of any other event.
absl::StatusOr<std::vector<Said>> VerdictsBefore(store::Store* store, const store::Event& concluded, const Schema& schema) {
  const WorkflowId workflow = Names(&schema).Workflow(concluded.workflow);
  if (concluded.kind != store::EventKind::kConclude || !workflow.valid()) return std::vector<Said>();
  Verdicts verdicts(schema, schema.workflows[workflow.value]);
  const absl::Status status = store->Load(1, [&](const store::StoredEvent& stored) -> absl::Status {
    if (stored.position >= concluded.position) return absl::CancelledError("this is all that it knew");
    absl::StatusOr<store::Event> event = store::DecodeStored(stored);
    if (!event.ok()) return event.status();
    if (event->workflow == concluded.workflow && event->instance == concluded.instance) verdicts.Take(*event);
    return absl::OkStatus();
  });
  if (!status.ok() && status.code() != absl::StatusCode::kCancelled) return status;
  return verdicts.said();
}

std::string ShortName(const std::string& qualified) { return qualified.substr(qualified.rfind('.') + 1); }

std::string TextOf(const std::vector<Said>& verdicts) {
  std::string text;
  for (const Said& said : verdicts) {
    absl::StrAppend(&text, text.empty() ? "verdicts: " : ", ", ShortName(said.role), " says ", said.stance, " (", said.actor,
                    ", position ", said.position, ")");
  }
  return text.empty() ? text : text + "\n";
}

std::string Place(const Rule& rule) {
  return rule.file.empty() ? "" : absl::StrCat("  (", rule.file, ":", rule.line, ":", rule.column, ")");
}

std::string WithValues(const ExplainedCondition& condition) {
  return absl::StrCat("`", condition.text, "`",
                      condition.values.empty() ? "" : absl::StrCat(" (", absl::StrJoin(condition.values, ", "), ")"));
}

void AppendConditions(const ExplainedRule& rule, std::string* text) {
  std::vector<std::string> flips;
  for (const ExplainedCondition& condition : rule.conditions) {
    absl::StrAppend(text, "      ", condition.value ? "true   " : "false  ", WithValues(condition), "\n");
    if (condition.decisive)
      flips.push_back(absl::StrCat("`", condition.text, "` been ", condition.value ? "false" : "true"));
  }
  if (!flips.empty())
    absl::StrAppend(text, "      it would not have applied had ", absl::StrJoin(flips, ", or "), "\n");
}

void AppendRule(const Schema& schema, const ExplainedRule& explained, std::string* text) {
  const Rule& rule = schema.rules[explained.rule.value];
  absl::StrAppend(text, "  ", rule.qualified, ": ",
                  rule.kind == RuleKind::kBuiltin ? "built in" : Word(explained.effect), Place(rule), "\n");
  if (!rule.because.empty()) absl::StrAppend(text, "      because \"", rule.because, "\"\n");
  if (explained.indeterminate)
    absl::StrAppend(text, "      it could not be evaluated, and so counts as ", explained.is_allow ? "false" : "true",
                    "\n");
  if (!explained.excused_by.empty())
    absl::StrAppend(text, "      excused by ", absl::StrJoin(explained.excused_by, ", "), "\n");
  AppendConditions(explained, text);
}

// What does not apply needs a line: the conditions of which each alone kept it off, or else all that did not hold.
void AppendIdle(const Schema& schema, const ExplainedRule& explained, std::string* text) {
  const Rule& rule = schema.rules[explained.rule.value];
  std::vector<std::string> why;
  for (bool decisive : {true, false}) {
    for (const ExplainedCondition& condition : explained.conditions) {
      const bool tells = decisive ? condition.decisive : !condition.value;
      if (tells) why.push_back(absl::StrCat(WithValues(condition), condition.value ? " is true" : " is false"));
    }
    if (!why.empty()) break;
  }
  absl::StrAppend(text, "  ", rule.qualified, ": ",
                  rule.kind == RuleKind::kBuiltin ? "built in" : Word(explained.effect), why.empty() ? "" : "; ",
                  absl::StrJoin(why, ", "), "\n");
}

template <class Wanted>
void AppendGroup(const char* title, const Schema& schema, const Explanation& explanation, Wanted wanted,
                 std::string* text) {
  bool any = false;
  for (const ExplainedRule& rule : explanation.rules) {
    if (!wanted(rule)) continue;
    if (!any) absl::StrAppend(text, title, "\n");
    any = true;
    if (rule.applies)
      AppendRule(schema, rule, text);
    else
      AppendIdle(schema, rule, text);
  }
}

std::string Head(const store::Event& event) {
  const store::Decision& decision = event.decision;
  std::string text =
      absl::StrCat("position ", event.position, ", ", FormatTime(event.time_ns), ": ",
                   event.transition.empty() ? std::string(store::EventKindName(event.kind)) : event.transition, " on ",
                   event.workflow, " ", event.instance, " by ", event.actor,
                   event.role.empty() || event.role == event.actor ? "" : " as " + event.role,
                   event.grant.empty() ? "" : " under " + event.grant, "\n");
  absl::StrAppend(&text, "outcome: ", std::string(replay::OutcomeName(decision.outcome)),
                  "; state afterwards: ", decision.state, "\n");
  if (!decision.reasons.empty()) absl::StrAppend(&text, "reasons: ", absl::StrJoin(decision.reasons, ", "), "\n");
  if (event.kind == store::EventKind::kTimer) {
    absl::StrAppend(&text, "its time had come; what it waited for was set at position ", event.cause, "\n");
  }
  if (event.kind == store::EventKind::kFallback && event.question == 0 && !event.on_behalf.empty()) {
    absl::StrAppend(&text, "task ", event.on_behalf, ", opened at position ", event.cause, ", was late\n");
  }
  for (const store::Obligation& obligation : decision.obligations) {
    absl::StrAppend(&text, "obliges to ", obligation.type, " ", obligation.fields, " (", obligation.rule, ")\n");
  }
  for (const store::OpenedTask& task : decision.tasks) {
    absl::StrAppend(&text, "opens task ", task.id, ": ", task.role, " does ", task.does.empty() ? "report" : task.does,
                    task.assignee.empty() ? "" : ", which goes to " + task.assignee,
                    task.until_ns == 0 ? "" : absl::StrCat(" until ", FormatTime(task.until_ns), ", else ",
                                                           task.otherwise.empty() ? "expire" : task.otherwise),
                    " (", task.rule, ")\n");
  }
  absl::StrAppend(&text, "policy: ", event.policy_digest, "\n");
  return text;
}

std::string Text(const store::Event& event, const Schema& schema, const Explanation& explanation,
                 const std::vector<Said>& verdicts) {
  std::string text = Head(event) + TextOf(verdicts);
  AppendGroup(
      "what stands:", schema, explanation, [](const ExplainedRule& r) { return r.stands && !r.is_allow; }, &text);
  AppendGroup(
      "what applies, and is excused:", schema, explanation,
      [](const ExplainedRule& r) { return r.applies && !r.excused_by.empty(); }, &text);
  AppendGroup(
      "what allows:", schema, explanation, [](const ExplainedRule& r) { return r.applies && r.is_allow; }, &text);
  AppendGroup(
      "what speaks where this is permitted:", schema, explanation,
      [](const ExplainedRule& r) { return r.applies && r.effect == Effect::kUpon; }, &text);
  AppendGroup("what does not apply:", schema, explanation, [](const ExplainedRule& r) { return !r.applies; }, &text);
  if (!explanation.changes.empty()) text += "what alone would have changed the outcome:\n";
  for (const Change& change : explanation.changes) {
    absl::StrAppend(&text, "  `", change.text, "` ", change.value ? "false" : "true", " instead of ",
                    change.value ? "true" : "false", ": ", std::string(replay::OutcomeName(change.outcome)),
                    change.reasons.empty() ? "" : " because ", absl::StrJoin(change.reasons, ", "), "\n");
  }
  const bool asks = event.kind == store::EventKind::kAsk;  // its conditions say what would have changed it
  if (explanation.changes.empty() && !asks) text += "no single condition would have changed the outcome\n";
  return text;
}

void RuleJson(const Schema& schema, const ExplainedRule& explained, replay::JsonWriter* json) {
  const Rule& rule = schema.rules[explained.rule.value];
  json->Open('{').Key("rule").Text(rule.qualified).Key("effect").Text(Word(explained.effect));
  json->Key("applies")
      .Bool(explained.applies)
      .Key("stands")
      .Bool(explained.stands)
      .Key("indeterminate")
      .Bool(explained.indeterminate);
  json->Key("excused_by").Open('[');
  for (const std::string& by : explained.excused_by) json->Text(by);
  json->Close(']')
      .Key("file")
      .Text(rule.file)
      .Key("line")
      .Number(rule.line)
      .Key("column")
      .Number(rule.column)
      .Key("conditions")
      .Open('[');
  for (const ExplainedCondition& condition : explained.conditions) {
    json->Open('{')
        .Key("text")
        .Text(condition.text)
        .Key("value")
        .Bool(condition.value)
        .Key("decisive")
        .Bool(condition.decisive)
        .Key("values")
        .Open('[');
    for (const std::string& value : condition.values) json->Text(value);
    json->Close(']').Close('}');
  }
  json->Close(']').Close('}');
}

std::string Json(const store::Event& event, const Schema& schema, const Explanation& explanation,
                 const std::vector<Said>& verdicts) {
  std::string text;
  replay::JsonWriter json(&text);
  json.Open('{')
      .Key("position")
      .Number(event.position)
      .Key("on")
      .Text(event.instance)
      .Key("proposal")
      .Text(event.transition);
  if (!event.grant.empty()) json.Key("under").Text(event.grant);
  json.Key("outcome")
      .Text(replay::OutcomeName(event.decision.outcome))
      .Key("policy")
      .Text(event.policy_digest)
      .Key("rules")
      .Open('[');
  for (const ExplainedRule& rule : explanation.rules) RuleJson(schema, rule, &json);
  json.Close(']').Key("obligations").Open('[');
  for (const store::Obligation& obligation : event.decision.obligations) {
    json.Open('{').Key("type").Text(obligation.type).Key("rule").Text(obligation.rule);
    json.Key("fields").Raw(obligation.fields.empty() ? "{}" : obligation.fields).Close('}');
  }
  json.Close(']').Key("tasks").Open('[');
  for (const store::OpenedTask& task : event.decision.tasks) {
    json.Open('{').Key("task").Text(task.id).Key("role").Text(task.role);
    json.Key("does").Text(task.does.empty() ? "report" : task.does);
    if (!task.assignee.empty()) json.Key("assignee").Text(task.assignee);
    if (task.until_ns != 0) json.Key("until").Text(FormatTime(task.until_ns)).Key("else").Text(task.otherwise);
    json.Key("rule").Text(task.rule).Close('}');
  }
  json.Close(']').Key("verdicts").Open('[');
  for (const Said& said : verdicts) {
    json.Open('{').Key("role").Text(said.role).Key("by").Text(said.actor).Key("says").Text(said.stance);
    json.Key("position").Number(said.position).Close('}');
  }
  json.Close(']').Key("changes").Open('[');
  for (const Change& change : explanation.changes) {
    json.Open('{')
        .Key("text")
        .Text(change.text)
        .Key("from")
        .Bool(change.value)
        .Key("outcome")
        .Text(replay::OutcomeName(change.outcome))
        .Key("reasons")
        .Open('[');
    for (const std::string& reason : change.reasons) json.Text(reason);
    json.Close(']').Close('}');
  }
  json.Close(']').Close('}');
  return text + "\n";
}

int ExplainDecision(const ExplainRequest& request) {
  store::SqliteOptions existing;
  existing.create = false;
  absl::StatusOr<std::unique_ptr<store::Store>> store = store::OpenSqliteStore(request.store, existing);
  if (!store.ok()) return Fail(store.status());
  const absl::StatusOr<store::Event> event = Load(store->get(), request.position);
  if (!event.ok()) return Fail(event.status());
  const absl::StatusOr<std::string> bytes = (*store)->GetPolicy(event->policy_digest);
  if (!bytes.ok()) return Fail(bytes.status());
  const absl::StatusOr<ir::Program> program = ir::Deserialize(*bytes);
  if (!program.ok()) return Fail(program.status());
  const absl::StatusOr<std::vector<Said>> verdicts = VerdictsBefore(store->get(), *event, program->schema);
  if (!verdicts.ok()) return Fail(verdicts.status());
  const absl::StatusOr<Explanation> explanation = ExplainEvent(*event, *program);
  if (explanation.ok()) {
    Print(request.json ? Json(*event, program->schema, *explanation, *verdicts)
                       : Text(*event, program->schema, *explanation, *verdicts));
    return kFine;
  }
  if (explanation.status().code() != absl::StatusCode::kFailedPrecondition) return Fail(explanation.status());
  if (request.json)
    Print(Json(*event, program->schema, {}, *verdicts));
  else
    Print(absl::StrCat(Head(*event), TextOf(*verdicts), explanation.status().message(), "\n"));
  return kFine;
}

}  // namespace

int Explain(const ExplainRequest& request) {
  return request.code.empty() ? ExplainDecision(request) : ExplainCode(request);
}

}  // namespace writ::driver
