#include "compiler/test/policy_test.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/eval/interpreter.h"
#include "compiler/lower/lower.h"
#include "compiler/test/histories.h"
#include "compiler/test/observer.h"
#include "compiler/test/tasks.h"
#include "runtime/decision/delegation.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/consequences.h"
#include "runtime/orchestrator/orchestrator.h"
#include "runtime/replay/event_lines.h"
#include "runtime/replay/replay.h"
#include "runtime/replay/value_input.h"
#include "runtime/store/memory_store.h"

namespace writ::policy_test {
namespace {

constexpr int64_t kStartNs = 946'684'800'000'000'000;  // 2000-01-01T00:00Z: the time of a test that does not say `at`

std::string Place(const source::SourceSet& sources, const ast::Span& span) {
  const source::Position position = sources.At(span.file, span.begin);
  return absl::StrCat(sources.path(span.file), ":", position.line, ":", position.column);
}

const char* Word(Outcome outcome) {
  constexpr const char* kWords[] = {"permitted", "escalated", "held", "denied"};
  return kWords[static_cast<size_t>(outcome)];
}

std::string Because(const std::vector<std::string>& reasons) {
  return reasons.empty() ? "" : absl::StrCat(" because ", absl::StrJoin(reasons, ", "));
}

std::string Counted(int64_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

std::string Came(const DecisionRecord& record) {
  std::string text = absl::StrCat("it was ", Word(record.outcome), Because(record.reasons));
  for (const store::Excused& excused : record.excused)
    absl::StrAppend(&text, ", with ", excused.rule, " excused by ", excused.by);
  return text;
}

std::string Broken(const typed::Program& program, const source::SourceSet& sources, const Violation& violation) {
  const typed::Property& property = program.properties[violation.property];
  return absl::StrCat("this breaks the property \"", property.name, "\" (", Place(sources, property.span), "): ", violation.text);
}

// ---------------------------------------------------------------- tests

// One test: an orchestrator of its own, and what came last.
class TestRun {
 public:
  TestRun(const typed::Program& program, const source::SourceSet& sources, const CompiledPolicy* policy,
          const Watching* watching, Result* result)
      : program_(program),
        schema_(policy->schema()),
        sources_(sources),
        policy_(policy),
        result_(result),
        observer_(&program, watching) {}

  void Run(const typed::Test& test) {
    store::CounterRandom random;
    OrchestratorOptions options;
    options.random = &random;
    options.obligations = ObligationsNeeded(schema_);
    absl::StatusOr<std::unique_ptr<Orchestrator>> orchestrator = Orchestrator::Open(policy_, &store_, options);
    if (!orchestrator.ok()) return Fail(test.span, std::string(orchestrator.status().message()));
    orchestrator_ = *std::move(orchestrator);
    for (size_t i = 0; i < test.steps.size(); ++i) {
      const bool expected = i + 1 < test.steps.size() && test.steps[i + 1].kind == ast::Step::Kind::kExpect;
      Take(test.steps[i], expected);
    }
  }

 private:
  void Take(const typed::Step& step, bool expectation_follows) {
    switch (step.kind) {
      case ast::Step::Kind::kAt:
        return MoveTo(step, step.time_ns);
      case ast::Step::Kind::kWait:
        return MoveTo(step, now_ns_ + step.time_ns);
      case ast::Step::Kind::kActor:
        for (size_t i = 0; i < step.actors.size(); ++i) {
          Register(step, step.actors[i].first, step.actors[i].second, step.attributes[i]);
        }
        return;
      case ast::Step::Kind::kSet:
      case ast::Step::Kind::kPropose:
        return Propose(step, expectation_follows);
      case ast::Step::Kind::kAnswer:
        return Answer(step, expectation_follows);
      case ast::Step::Kind::kAssume:
        return Assume(step);
      case ast::Step::Kind::kExpect:
        if (step.expect.has_value()) Expect(step, *step.expect);
        return;
    }
  }

  void MoveTo(const typed::Step& step, int64_t now_ns) {
    now_ns_ = now_ns;
    if (orchestrator_->last_position() != 0) Note(step, orchestrator_->Tick(now_ns_));
    std::vector<Violation> violations;
    observer_.PassTo(now_ns_, &violations);
    Report(step, violations);
  }

  // What was committed since, with what it breaks.
  void Watch(const typed::Step& step) {
    std::vector<Violation> violations;
    while (watched_ < orchestrator_->last_position()) {
      const absl::StatusOr<store::Event> event = orchestrator_->EventAt(++watched_);
      const absl::Status seen = event.ok() ? observer_.See(*event, &violations) : event.status();
      if (!seen.ok()) return Fail(step.span, std::string(seen.message()));
    }
    Report(step, violations);
  }

  void Report(const typed::Step& step, const std::vector<Violation>& violations) {
    for (const Violation& violation : violations) Fail(step.span, Broken(program_, sources_, violation));
  }

  // True where the line was taken.
  bool Note(const typed::Step& step, const absl::StatusOr<std::vector<DecisionRecord>>& records) {
    Watch(step);
    if (!records.ok()) {
      Fail(step.span, absl::StrCat("this was refused: ", records.status().message()));
      return false;
    }
    obliged_.clear();
    for (const DecisionRecord& record : *records) {
      obliged_.insert(obliged_.end(), record.obligations.begin(), record.obligations.end());
      std::string& state = states_[{record.workflow, record.on}];
      const bool moves = record.outcome == Outcome::kPermit && record.kind != store::EventKind::kAnswer;
      // What waited and then went is not what was missing.
      if (record.outcome == Outcome::kPermit) std::erase_if(unpermitted_, [&](const Unpermitted& u) { return u.IsOf(record); });
      if (moves || record.state != state) movers_[{record.workflow, record.on, record.state}] = record;
      state = record.state;
    }
    return true;
  }

  void Register(const typed::Step& step, const std::string& name, const std::vector<RoleId>& roles,
                const std::vector<typed::NamedValue>& attributes = {}) {
    Submission line;
    line.kind = Submission::Kind::kAgent;
    line.agent.id = name;
    for (RoleId role : roles) line.agent.roles.push_back(schema_.roles[role.value].qualified);
    const Workflow& agent = schema_.workflows[orchestrator_->registry().workflow().value];
    for (const typed::NamedValue& value : attributes) {
      const std::string& field = agent.fields[value.field.value].name;
      if (field != "capabilities") {
        line.agent.attributes.emplace_back(field, value.value);
        continue;
      }
      for (const Value& capability : value.value.list()) line.agent.capabilities.push_back(capability.text());
    }
    line.at_ns = now_ns_;
    const absl::StatusOr<std::vector<DecisionRecord>> records = orchestrator_->Submit(line);
    // Whoever is not registered acts all the same, without the attributes that the step gives.
    if (Note(step, records) && !records->empty() && records->front().outcome != Outcome::kPermit) {
      Fail(step.span, absl::StrCat("`", name, "` is not registered like this: ", Came(records->front())));
    }
  }

  // Where a test says a role, an actor by that name holds it.
  void RegisterUnknown(const typed::Step& step) {
    if (orchestrator_->registry().Find(step.actor) != nullptr || !step.role.valid()) return;
    Register(step, step.actor, {step.role});
  }

  // ---------------------------------------------------------------- tasks

  // A test calls a task by its name.
  std::string KeyOf(const typed::Step& step) const {
    const Instance* task = IsTask(schema_, step.workflow) ? TaskNamed(orchestrator_->world(), step.instance) : nullptr;
    return task == nullptr ? step.instance : task->key;
  }

  // The stream of the instance that a step is about; empty: it is about none.
  std::string StreamOf(const typed::Step& step) const {
    if (!step.workflow.valid()) return "";
    return store::StreamName(schema_.workflows[step.workflow.value].qualified, step.instance);
  }

  // The tasks of the instance that a step is about that are open.
  std::vector<const Instance*> OpenTasks(const typed::Step& step) const {
    std::vector<const Instance*> open;
    const std::string on = StreamOf(step);
    for (const Instance* task : AllTasks(orchestrator_->world())) {
      const bool is_here = on.empty() || ValueNamed(schema_, *task, "on").text() == on;
      if (is_here && IsOpen(schema_, *task)) open.push_back(task);
    }
    return open;
  }

  // Somebody is asked about a task of the instance.
  bool IsAboutTaskOf(const typed::Step& step, const OpenQuestion& question) const {
    if (!IsTask(schema_, question.workflow) || !step.workflow.valid()) return false;
    const Instance* task = orchestrator_->world().Find(question.workflow, question.key);
    return task != nullptr && ValueNamed(schema_, *task, "on").text() == StreamOf(step);
  }

  void ExpectTask(const typed::Step& step, const typed::Expectation& expect) {
    bool holds = false;
    std::vector<std::string> open;
    for (const Instance* task : OpenTasks(step)) {
      const std::string& name = ValueNamed(schema_, *task, "name").text();
      const Value& assignee = ValueNamed(schema_, *task, "assignee");
      holds = holds || (name == expect.task && (expect.agent.empty() || (assignee.is_text() && assignee.text() == expect.agent)));
      open.push_back(expect.agent.empty() ? name : absl::StrCat(name, " for ", assignee.is_text() ? assignee.text() : "nobody"));
    }
    if (holds != expect.negated) return;
    const std::string wanted = absl::StrCat("task ", expect.task, expect.agent.empty() ? "" : " for ", expect.agent);
    Fail(expect.span, absl::StrCat(Wanted(expect, wanted), "; ",
                                   open.empty() ? "no task is open" : absl::StrCat("open are ", absl::StrJoin(open, ", ")),
                                   LastUnpermitted(step)));
  }

  Submission LineOf(const typed::Step& step) {
    const Workflow& workflow = schema_.workflows[step.workflow.value];
    Submission line;
    line.workflow = workflow.qualified;
    const std::string key = KeyOf(step);
    line.on = replay::KeyInput(schema_, workflow, key).value_or(Input(key));
    line.by = step.actor;
    if (step.role.valid()) line.as = schema_.roles[step.role.value].qualified;
    line.under = GrantOf(step.grant);
    line.at_ns = now_ns_;
    return line;
  }

  // The grant of that name, or the last one that was given with a task of that name.
  std::string GrantOf(const std::string& name) const {
    if (name.empty()) return name;
    for (size_t w = 0; w < schema_.workflows.size(); ++w) {
      if (schema_.workflows[w].qualified != kGrantWorkflow || orchestrator_->world().Find(WorkflowId(w), name) != nullptr) continue;
      const std::vector<const Instance*>& grants = orchestrator_->world().InstancesOf(WorkflowId(w));
      const auto with_task = std::find_if(grants.rbegin(), grants.rend(), [&](const Instance* grant) {
        return absl::StrContains(absl::StrCat(grant->key, "/"), absl::StrCat("/", name, "/"));
      });
      if (with_task != grants.rend()) return (*with_task)->key;
    }
    return name;
  }

  // A test calls a task by its name here too.
  Input InputOf(const Field& field, const Value& value) const {
    const Type& type = schema_.types[field.type.value];
    const bool is_task = type.kind == TypeKind::kReference && IsTask(schema_, WorkflowId(type.index));
    const Instance* task = is_task ? TaskNamed(orchestrator_->world(), value.text()) : nullptr;
    return task == nullptr ? replay::InputOf(schema_, type, value) : Input(task->key);
  }

  void Propose(const typed::Step& step, bool expectation_follows) {
    RegisterUnknown(step);
    Submission line = LineOf(step);
    const Workflow& workflow = schema_.workflows[step.workflow.value];
    const Transition& transition = workflow.transitions[step.transition.value];
    line.kind = step.kind == ast::Step::Kind::kSet ? Submission::Kind::kSet : Submission::Kind::kPropose;
    line.transition = transition.name;
    Input::Object sets, payload;
    for (const typed::NamedValue& set : step.sets) {
      const Field& field = workflow.fields[set.field.value];
      sets.push_back({field.name, replay::InputOf(schema_, schema_.types[field.type.value], set.value)});
    }
    for (const typed::NamedValue& given : step.payload) {
      const Field& field = transition.payload[given.field.value];
      payload.push_back({field.name, InputOf(field, given.value)});
    }
    line.sets = Input(std::move(sets));
    line.payload = Input(std::move(payload));
    Submit(step, line, store::EventKind::kPropose, expectation_follows);
  }

  // Nothing happened: a clock that has not started stands where the test says.
  void Assume(const typed::Step& step) {
    const Workflow& workflow = schema_.workflows[step.workflow.value];
    std::vector<std::pair<FieldId, Value>> fields;
    for (const typed::NamedValue& set : step.sets) fields.emplace_back(set.field, set.value);
    absl::StatusOr<std::vector<Value>> parts = ParseKey(schema_, workflow.key, step.instance);
    if (!parts.ok()) return Fail(step.span, std::string(parts.status().message()));
    const Assumption assumption{step.workflow, KeyText(schema_, workflow.key, *parts), *parts, step.expect->state,
                                std::move(fields)};
    orchestrator_->Assume(assumption, now_ns_);
    observer_.Assume(assumption, now_ns_);
    const std::string state = step.expect->state == kNewState ? "new" : workflow.states[step.expect->state.value].name;
    states_[{workflow.qualified, step.instance}] = state;
    movers_.erase({workflow.qualified, step.instance, state});
    result_->assumed.push_back(
        absl::StrCat(workflow.name, " ", step.instance, " in ", state, " (", Place(sources_, step.span), ")"));
  }

  void Answer(const typed::Step& step, bool expectation_follows) {
    RegisterUnknown(step);
    Submission line;
    line.kind = Submission::Kind::kAnswer;
    line.yes = step.yes;
    line.by = step.actor;
    line.at_ns = now_ns_;
    if (step.role.valid()) line.as = line.to = schema_.roles[step.role.value].qualified;
    line.question = QuestionFor(step);
    if (line.question == 0)
      return Fail(step.span, absl::StrCat("there is nothing to answer: ", step.actor, " was not asked"));
    Submit(step, line, store::EventKind::kAnswer, expectation_follows);
  }

  // The open question to the actor's role, or the last one that it was asked: an answer may be late.
  int64_t QuestionFor(const typed::Step& step) const {
    int64_t last = 0;
    const RegisteredActor* actor = orchestrator_->registry().Find(step.actor);
    const auto holds = [&](RoleId role) {
      return step.role.valid()
                 ? step.role == role
                 : actor != nullptr && std::find(actor->roles.begin(), actor->roles.end(), role) != actor->roles.end();
    };
    for (const OpenQuestion& question : orchestrator_->OpenQuestions()) {
      const bool here = step.instance.empty() || question.key == KeyOf(step) || IsAboutTaskOf(step, question);
      if (here && holds(question.role)) last = std::max(last, question.number);
    }
    if (last != 0) return last;
    for (int64_t position = orchestrator_->last_position(); position > 0; --position) {
      const absl::StatusOr<store::Event> event = orchestrator_->EventAt(position);
      if (!event.ok()) continue;
      for (const store::AskedQuestion& question : event->decision.questions) {
        const absl::StatusOr<RoleId> role = orchestrator_->registry().ResolveRole(question.to);
        if (role.ok() && holds(*role)) return question.question;
      }
    }
    return 0;
  }

  void Submit(const typed::Step& step, const Submission& line, store::EventKind kind, bool expectation_follows) {
    absl::StatusOr<std::vector<DecisionRecord>> records = orchestrator_->Submit(line);
    if (!Note(step, records)) return;
    last_.reset();
    for (const DecisionRecord& record : *records) {
      if (record.kind == kind && !last_.has_value()) last_ = record;
    }
    if (!last_.has_value()) return Fail(step.span, "this came to no decision");
    if (step.expect.has_value()) return Expect(step, *step.expect);
    if (last_->outcome != Outcome::kPermit)
      unpermitted_.push_back({*last_, sources_.At(step.span.file, step.span.begin).line});
    if (last_->outcome == Outcome::kDeny && !expectation_follows)
      Fail(step.span, absl::StrCat("nothing expects this denial: ", Came(*last_)));
  }

  // ---------------------------------------------------------------- expectations

  void Expect(const typed::Step& step, const typed::Expectation& expect) {
    switch (expect.kind) {
      case ast::Expectation::Kind::kState:
        return ExpectState(step, expect);
      case ast::Expectation::Kind::kOutcome:
        return ExpectOutcome(expect);
      case ast::Expectation::Kind::kAsked:
        return ExpectAsked(step, expect);
      case ast::Expectation::Kind::kCondition:
        return ExpectCondition(step, expect);
      case ast::Expectation::Kind::kCases:
      case ast::Expectation::Kind::kNothing:
        return Fail(expect.span, "cases are counted in scenarios, not in tests");
      case ast::Expectation::Kind::kObliged:
        return ExpectObliged(expect);
      case ast::Expectation::Kind::kTask:
        return ExpectTask(step, expect);
      case ast::Expectation::Kind::kConfidence:
        return Fail(expect.span, "a test does not know confidence");
    }
  }

  // A step that nothing judged and that was not permitted.
  struct Unpermitted {
    DecisionRecord record;
    uint32_t line = 0;
    bool IsOf(const DecisionRecord& other) const {
      return record.workflow == other.workflow && record.on == other.on && record.proposal == other.proposal;
    }
  };

  // The last such step, which may be why an expectation is not met. `on`: of this instance; empty: of any.
  std::string LastUnpermitted(const std::string& workflow, const std::string& on) const {
    for (auto it = unpermitted_.rbegin(); it != unpermitted_.rend(); ++it) {
      const DecisionRecord& record = it->record;
      if (!on.empty() && (record.on != on || record.workflow != workflow)) continue;
      return absl::StrCat("; `", record.proposal, " by ", record.by, "` (line ", it->line, ") was ", Word(record.outcome),
                          ": ", absl::StrJoin(record.reasons, ", "));
    }
    return "";
  }
  std::string LastUnpermitted(const typed::Step& step) const {
    return LastUnpermitted(step.workflow.valid() ? schema_.workflows[step.workflow.value].qualified : "", step.instance);
  }

  std::vector<std::string> Names(const std::vector<RuleId>& rules) const {
    std::vector<std::string> names;
    for (RuleId rule : rules) names.push_back(schema_.rules[rule.value].qualified);
    std::sort(names.begin(), names.end());
    return names;
  }

  // `because` among the reasons; `because only` all of them.
  bool ReasonsAre(const typed::Expectation& expect, std::vector<std::string> reasons) const {
    const std::vector<std::string> wanted = Names(expect.because);
    std::sort(reasons.begin(), reasons.end());
    if (expect.only) return wanted == reasons;
    return std::includes(reasons.begin(), reasons.end(), wanted.begin(), wanted.end());
  }

  std::string Wanted(const typed::Expectation& expect, const std::string& what) const {
    const std::vector<std::string> names = Names(expect.because);
    return absl::StrCat("expected ", expect.negated ? "not " : "", what,
                        names.empty() ? ""
                        : expect.only ? " because only "
                                      : " because ",
                        absl::StrJoin(names, ", "));
  }

  void ExpectState(const typed::Step& step, const typed::Expectation& expect) {
    const Workflow& workflow = schema_.workflows[step.workflow.value];
    const Instance* instance = orchestrator_->world().Find(step.workflow, KeyOf(step));
    const StateId state = instance == nullptr ? kNewState : instance->state;
    const std::string name = state == kNewState ? "new" : workflow.states[state.value].name;
    const std::string wanted = Wanted(
        expect, absl::StrCat("state ", expect.state == kNewState ? "new" : workflow.states[expect.state.value].name));
    std::vector<std::string> reasons;
    const auto mover = movers_.find({workflow.qualified, KeyOf(step), name});
    if (mover != movers_.end()) reasons = mover->second.reasons;
    const bool holds = state == expect.state && (expect.because.empty() || ReasonsAre(expect, reasons));
    if (holds == expect.negated) {
      Fail(expect.span, absl::StrCat(wanted, "; it is in state ", name, Because(reasons), LastUnpermitted(step)));
    }
  }

  void ExpectOutcome(const typed::Expectation& expect) {
    if (!last_.has_value()) return Fail(expect.span, "nothing was proposed before this expectation");
    const bool holds = last_->outcome == expect.outcome && ReasonsAre(expect, last_->reasons);
    if (holds != expect.negated) return;
    Fail(expect.span,
         absl::StrCat(Wanted(expect, absl::StrCat(last_->proposal, " by ", last_->by, " ", Word(expect.outcome))), "; ",
                      Came(*last_)));
  }

  void ExpectAsked(const typed::Step& step, const typed::Expectation& expect) {
    std::vector<std::string> asked;
    bool holds = false;
    for (const OpenQuestion& question : orchestrator_->OpenQuestions()) {
      const bool is_here = question.key == KeyOf(step) && question.workflow == step.workflow;
      if (!step.instance.empty() && !is_here && !IsAboutTaskOf(step, question)) continue;
      holds |= question.role == expect.role;
      asked.push_back(schema_.roles[question.role.value].name);
    }
    if (holds != expect.negated) return;
    Fail(expect.span,
         absl::StrCat(Wanted(expect, absl::StrCat("asked ", schema_.roles[expect.role.value].name)), "; ",
                      asked.empty() ? "no question is open" : absl::StrCat("asked are ", absl::StrJoin(asked, ", ")),
                      LastUnpermitted(step)));
  }

  // What the last step, and all that it caused, obliged somebody to.
  void ExpectObliged(const typed::Expectation& expect) {
    const Obligation& obligation = schema_.obligations[expect.obligation.value];
    std::vector<std::string> texts;
    for (const typed::NamedValue& value : expect.values) {
      const Field& field = obligation.fields[value.field.value];
      texts.push_back(JsonMember(schema_, field, value.value));
    }
    std::vector<std::string> came;
    bool holds = false;
    for (const store::Obligation& told : obliged_) {
      const std::string shown = ObligationShown(schema_, obligation.qualified);
      came.push_back(absl::StrCat(told.type, " ", told.fields));
      // Each member between its neighbours: `{` or `,`, and `,` or `}`.
      std::string fields = told.fields;
      if (!fields.empty()) fields.front() = fields.back() = ',';
      holds |= told.type == shown && std::all_of(texts.begin(), texts.end(), [&](const std::string& text) {
                 return absl::StrContains(fields, absl::StrCat(",", text, ","));
               });
    }
    if (holds != expect.negated) return;
    Fail(expect.span, absl::StrCat(Wanted(expect, absl::StrCat("obliged ", obligation.name, texts.empty() ? "" : " ",
                                                               absl::StrJoin(texts, ", "))),
                                   "; ", came.empty() ? "nobody was obliged to anything" : absl::StrJoin(came, ", ")));
  }

  void ExpectCondition(const typed::Step& step, const typed::Expectation& expect) {
    const Instance* instance = observer_.world().Find(step.workflow, KeyOf(step));
    if (instance == nullptr)
      return Fail(expect.span, absl::StrCat("there is no `", step.instance, "` that this could be about"));
    const std::optional<bool> truth = observer_.Holds(*expect.condition, *instance, now_ns_);
    if (!truth.has_value()) return Fail(expect.span, "this cannot be told: something in it is unknown or absent");
    if (*truth == expect.negated)
      Fail(expect.span, absl::StrCat("this is ", *truth ? "true" : "false", LastUnpermitted(step)));
  }

  void Fail(const ast::Span& span, std::string text) {
    result_->failures.push_back({Place(sources_, span), std::move(text)});
  }

  const typed::Program& program_;
  const Schema& schema_;
  const source::SourceSet& sources_;
  const CompiledPolicy* policy_;
  Result* result_;
  store::MemoryStore store_;
  std::unique_ptr<Orchestrator> orchestrator_;
  Observer observer_;
  int64_t watched_ = 0;                      // position that the observer has seen
  int64_t now_ns_ = kStartNs;
  std::optional<DecisionRecord> last_;
  std::vector<store::Obligation> obliged_;  // by the last step that committed something
  std::vector<Unpermitted> unpermitted_;
  std::map<std::pair<std::string, std::string>, std::string> states_;
  std::map<std::tuple<std::string, std::string, std::string>, DecisionRecord> movers_;  // what led into a state last
};

// ---------------------------------------------------------------- scenarios

bool Exists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

// Right in the folder, or in the first of its folders, by name, that has it.
std::string FindUnder(const std::string& folder, const std::string& path) {
  const std::string direct = absl::StrCat(folder, "/", path);
  if (Exists(direct)) return direct;
  std::error_code error;
  std::vector<std::string> found;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string inside = absl::StrCat(it->path().string(), "/", path);
    if (Exists(inside)) found.push_back(inside);
  }
  return found.empty() ? "" : *std::min_element(found.begin(), found.end());
}

// Beside the policy, then under the folder of data that is no part of the project.
std::string FindLog(const std::string& policy_path, const std::string& path, const Options& options) {
  if (path.starts_with("/")) return Exists(path) ? path : "";
  const size_t slash = policy_path.rfind('/');
  const std::string beside = slash == std::string::npos ? path : absl::StrCat(policy_path.substr(0, slash + 1), path);
  if (Exists(beside)) return beside;
  return options.external_data.empty() ? "" : FindUnder(options.external_data, path);
}

class ScenarioRun {
 public:
  ScenarioRun(const typed::Program& program, const source::SourceSet& sources, const CompiledPolicy* policy,
              const Watching* watching, const Options& options, Result* result)
      : program_(program),
        schema_(policy->schema()),
        sources_(sources),
        policy_(policy),
        observer_(&program, watching),
        options_(options),
        result_(result) {}

  void Run(const typed::Scenario& scenario) {
    const std::string path = FindLog(sources_.path(scenario.span.file), scenario.path, options_);
    if (path.empty()) return Missing(scenario);
    replay::ReplayOptions options;
    options.follow = scenario.following_record ? replay::Follow::kRecord : replay::Follow::kPolicy;
    if (scenario.workflow.valid()) options.workflow = schema_.workflows[scenario.workflow.value].qualified;
    // What a record says has happened is nobody's decision: a property speaks of what the policy lets happen.
    std::vector<Violation> violations;
    if (!scenario.following_record && !program_.properties.empty()) {
      options.on_event = [&](const store::Event& event) { return observer_.See(event, &violations); };
    }
    absl::StatusOr<replay::ReplayReport> report = replay::ReplayLog(policy_, path, options);
    if (!report.ok()) return Fail(scenario.span, std::string(report.status().message()));
    if (report->refused_count > 0) {
      Fail(scenario.span, absl::StrCat(Counted(report->refused_count, "line", "lines"), " of the log refused, the first is line ",
                                       report->refused[0].line, ": ", report->refused[0].error));
    }
    for (const Violation& violation : violations) Fail(scenario.span, Broken(program_, sources_, violation));
    for (const typed::Expectation& expect : scenario.expects) Expect(scenario, expect, *report);
  }

 private:
  void Missing(const typed::Scenario& scenario) {
    const std::string text = absl::StrCat("its log ", scenario.path, " is not there");
    if (options_.skip_missing)
      result_->skipped_because = text;
    else
      Fail(scenario.span, absl::StrCat(text, ": it is looked for beside the policy, then under $WRIT_EXTERNAL_DATA"));
  }

  void Expect(const typed::Scenario& scenario, const typed::Expectation& expect, const replay::ReplayReport& report) {
    if (expect.kind == ast::Expectation::Kind::kCases) return ExpectCases(expect, report);
    if (expect.kind == ast::Expectation::Kind::kNothing) return ExpectNothingElse(scenario, expect, report);
    Fail(expect.span, "a scenario expects cases, or nothing else");
  }

  void ExpectCases(const typed::Expectation& expect, const replay::ReplayReport& report) {
    absl::flat_hash_set<std::string> cases;
    std::vector<std::string> names;
    if (expect.because.empty()) {
      const auto tally = report.outcomes.find(expect.outcome);
      if (tally != report.outcomes.end()) cases = tally->second.cases;
    }
    for (RuleId rule : expect.because) {
      names.push_back(schema_.rules[rule.value].qualified);
      const auto tally = report.rules.find({expect.outcome, names.back()});
      if (tally != report.rules.end()) cases.insert(tally->second.cases.begin(), tally->second.cases.end());
    }
    const int64_t count = static_cast<int64_t>(cases.size());
    if ((count == expect.count) != expect.negated) return;
    Fail(expect.span, absl::StrCat("expected ", expect.negated ? "not " : "", Counted(expect.count, "case", "cases"), " ",
                                   Word(expect.outcome), Because(names), "; there are ", count));
  }

  // Nothing of that outcome because of a rule that no other expectation of the scenario names.
  void ExpectNothingElse(const typed::Scenario& scenario, const typed::Expectation& expect,
                         const replay::ReplayReport& report) {
    std::vector<std::string> named;
    for (const typed::Expectation& other : scenario.expects) {
      if (other.kind != ast::Expectation::Kind::kCases || other.outcome != expect.outcome) continue;
      for (RuleId rule : other.because) named.push_back(schema_.rules[rule.value].qualified);
    }
    for (const auto& [rule, tally] : report.rules) {
      if (rule.first != expect.outcome || std::find(named.begin(), named.end(), rule.second) != named.end()) continue;
      Fail(expect.span,
           absl::StrCat("expected nothing else ", Word(expect.outcome), "; ",
                        Counted(static_cast<int64_t>(tally.cases.size()), "case", "cases"), " (",
                        Counted(tally.event_count, "event", "events"), ") came out ", Word(expect.outcome), " because ", rule.second));
    }
  }

  void Fail(const ast::Span& span, std::string text) {
    result_->failures.push_back({Place(sources_, span), std::move(text)});
  }

  const typed::Program& program_;
  const Schema& schema_;
  const source::SourceSet& sources_;
  const CompiledPolicy* policy_;
  Observer observer_;
  const Options& options_;
  Result* result_;
};

Result Begin(const source::SourceSet& sources, const std::string& name, const ast::Span& span, Result::Kind kind) {
  Result result;
  result.name = name;
  result.file = sources.path(span.file);
  result.line = sources.At(span.file, span.begin).line;
  result.kind = kind;
  return result;
}

void Conclude(Result* result) {
  if (!result->failures.empty())
    result->verdict = Verdict::kFailed;
  else if (!result->skipped_because.empty())
    result->verdict = Verdict::kSkipped;
}

// The lines of one block, attacked together; each `property` is one result.
void AttackAll(const typed::Program& program, const source::SourceSet& sources, const CompiledPolicy* policy,
               const Watching* watching, const Options& options, std::vector<Result>* results) {
  const auto wanted = [&](const typed::Property& p) { return p.name.find(options.filter) != std::string::npos; };
  if (std::none_of(program.properties.begin(), program.properties.end(), wanted)) return;
  const absl::StatusOr<Attack> attack =
      AttackProperties(program, policy, watching, options.history_count, options.seed);
  for (size_t i = 0; i < program.properties.size(); ++i) {
    const typed::Property& property = program.properties[i];
    if (!wanted(property)) continue;
    const bool same_block = i > 0 && program.properties[i - 1].block.file == property.block.file &&
                            program.properties[i - 1].block.begin == property.block.begin;
    if (!same_block) results->push_back(Begin(sources, property.name, property.block, Result::Kind::kProperty));
    Result& result = results->back();
    if (!attack.ok()) {
      result.failures.push_back({Place(sources, property.span), std::string(attack.status().message())});
    } else {
      result.history_count = attack->history_count;
      result.event_count = attack->event_count;
      if (attack->idle[i]) result.idle.push_back(Place(sources, property.span));
      const std::optional<Counterexample>& broken = attack->broken[i];
      if (broken.has_value()) {
        result.failures.push_back({Place(sources, property.span),
                                   absl::StrCat("broken by ", broken->text, ", at the end of:\n", broken->steps)});
      }
    }
    Conclude(&result);
  }
}

// The program that watches: what is tested, with what tests and properties look at beside it. No policy: `error` says why.
Watching WatchingOf(const typed::Program& program, std::string* error) {
  diagnostics::Sink sink;
  lower::Lowered lowered = lower::Lower(program, &sink, lower::Purpose::kTests);
  if (!sink.has_errors()) return {eval::MakePolicy(std::move(lowered.program)), std::move(lowered.truths)};
  *error = sink.Take().front().message;
  return {};
}

}  // namespace

std::vector<Result> RunTests(const typed::Program& program, const source::SourceSet& sources,
                             const CompiledPolicy* policy, const Options& options) {
  std::vector<Result> results;
  std::string error;
  const Watching watching = WatchingOf(program, &error);
  if (watching.policy == nullptr) {
    const ast::Span span = program.properties.empty() ? program.tests.front().span : program.properties.front().block;
    Result& result = results.emplace_back(Begin(sources, "properties", span, Result::Kind::kProperty));
    result.failures.push_back({Place(sources, span), error});
    Conclude(&result);
    return results;
  }
  const auto wanted = [&](const std::string& name) { return name.find(options.filter) != std::string::npos; };
  for (const typed::Test& test : program.tests) {
    if (!wanted(test.name)) continue;
    Result& result = results.emplace_back(Begin(sources, test.name, test.span, Result::Kind::kTest));
    TestRun(program, sources, policy, &watching, &result).Run(test);
    Conclude(&result);
  }
  for (const typed::Scenario& scenario : program.scenarios) {
    if (!wanted(scenario.name)) continue;
    Result& result = results.emplace_back(Begin(sources, scenario.name, scenario.span, Result::Kind::kScenario));
    ScenarioRun(program, sources, policy, &watching, options, &result).Run(scenario);
    Conclude(&result);
  }
  AttackAll(program, sources, policy, &watching, options, &results);
  std::stable_sort(results.begin(), results.end(), [](const Result& a, const Result& b) {
    return std::tie(a.file, a.line) < std::tie(b.file, b.line);
  });
  return results;
}

}  // namespace writ::policy_test
