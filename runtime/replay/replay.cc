#include "runtime/replay/replay.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/escalate/escalate.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/consequences.h"
#include "runtime/orchestrator/grants.h"
#include "runtime/orchestrator/names.h"
#include "runtime/orchestrator/orchestrator.h"
#include "runtime/orchestrator/plans.h"
#include "runtime/orchestrator/replay_session.h"
#include "runtime/state/own.h"
#include "runtime/replay/answers.h"
#include "runtime/replay/event_lines.h"
#include "runtime/replay/record_lines.h"
#include "runtime/replay/value_input.h"
#include "runtime/store/chain.h"
#include "runtime/store/memory_store.h"

namespace writ::replay {
namespace {

// Begins the identity of what an `ask` rule asked, which is about no proposal.
constexpr char kAskedAlone[] = "ask ";

constexpr int64_t kProgressEvery = 1024;

std::string CaseOf(const Schema& schema, WorkflowId workflow, const std::string& key) {
  return absl::StrCat(schema.workflows[workflow.value].qualified, "/", key);
}

// Adds decisions to a report, whatever made them.
class Counter {
 public:
  Counter(const Schema& schema, const ReplayOptions& options, ReplayReport* report)
      : schema_(schema), options_(options), report_(report) {}

  void Add(Outcome outcome, const std::string& the_case) {
    report_->cases.insert(the_case);
    report_->outcomes[outcome].Add(the_case);
    if (++report_->decided_count % kProgressEvery == 0 && options_.on_progress)
      options_.on_progress(report_->decided_count);
  }

  void AddRaw(const RawDecision& decision, const Function& function, const std::string& the_case) {
    Add(decision.outcome, the_case);
    if (decision.outcome != Outcome::kPermit) {
      for (int i = 0; i < decision.reason_count; ++i)
        AddRule(decision.outcome, NameOf(function, decision.reasons[i]), the_case);
    }
    for (int i = 0; i < decision.indeterminate_count; ++i)
      report_->indeterminate[NameOf(function, decision.indeterminate[i])].Add(the_case);
  }

  void AddRecord(const DecisionRecord& record, const std::string& the_case) {
    Add(record.outcome, the_case);
    if (record.outcome != Outcome::kPermit) {
      for (const std::string& reason : record.reasons) AddRule(record.outcome, reason, the_case);
    }
    for (const store::Indeterminate& place : record.indeterminate) report_->indeterminate[place.rule].Add(the_case);
  }

  void AddDecidedAgain(const Proposal& proposal) {
    const Workflow& workflow = schema_.workflows[proposal.workflow.value];
    report_->would_have[absl::StrCat("decided again: ", workflow.transitions[proposal.transition.value].name)].Add(
        CaseOf(schema_, proposal.workflow, proposal.key));
  }

  void AddWouldHave(const WouldHave& act) {
    std::string text;
    const Workflow& workflow = schema_.workflows[act.workflow.value];
    const std::string transition = act.transition.valid() ? workflow.transitions[act.transition.value].name : "";
    const std::string role = act.role.valid() ? schema_.roles[act.role.value].name : "";
    if (act.kind == WouldHave::Kind::kConclude)
      text = transition.empty() ? "concluded nothing" : absl::StrCat("concluded ", transition);
    if (act.kind == WouldHave::Kind::kAsk) text = absl::StrCat("asked ", role);
    if (act.kind == WouldHave::Kind::kFallback) {
      text = !role.empty()        ? absl::StrCat("asked ", role, " next")
             : transition.empty() ? "denied, as time ran out"
                                  : absl::StrCat("fell back to ", transition);
    }
    if (act.kind == WouldHave::Kind::kTask) {
      text = !role.empty()        ? absl::StrCat("asked ", role, " about a late task")
             : transition.empty() ? "failed a late task"
                                  : absl::StrCat("fell back to ", transition, ", as a task was late");
    }
    if (act.kind == WouldHave::Kind::kPlan) text = absl::StrCat("proposed ", transition);
    if (act.kind == WouldHave::Kind::kTimer) text = absl::StrCat("fired ", transition);
    if (act.rule.valid()) absl::StrAppend(&text, " by ", schema_.rules[act.rule.value].qualified);
    report_->would_have[text].Add(CaseOf(schema_, act.workflow, act.key));
  }

  void AddChange(Outcome then, Outcome now, const std::string& the_case) {
    report_->changed[{std::string(OutcomeName(then)), std::string(OutcomeName(now))}].Add(the_case);
  }

  void AddUnasked(UnaskedAnswer answer) {
    if (report_->unasked_count++ < static_cast<int64_t>(kListedMax)) report_->unasked.push_back(std::move(answer));
  }

  void Refuse(uint32_t line, absl::string_view error) {
    if (report_->refused_count++ < static_cast<int64_t>(kListedMax))
      report_->refused.push_back({line, std::string(error)});
  }

 private:
  void AddRule(Outcome outcome, const std::string& rule, const std::string& the_case) {
    report_->rules[{outcome, rule}].Add(the_case);
  }
  // Restraints are counted first, then allows.
  const std::string& NameOf(const Function& function, size_t index) const {
    const size_t restraint_count = function.restraints.size();
    const RuleId rule =
        index < restraint_count ? function.restraints[index].rule : function.allows[index - restraint_count].rule;
    return schema_.rules[rule.value].qualified;
  }

  const Schema& schema_;
  const ReplayOptions& options_;
  ReplayReport* report_;
};

// The orchestrator's own positions are what it did, not what was proposed.
bool IsProposed(store::EventKind kind) {
  return kind == store::EventKind::kRegister || kind == store::EventKind::kPropose || kind == store::EventKind::kAnswer ||
         kind == store::EventKind::kSpend;
}

// ---------------------------------------------------------------- following the record

class Record {
 public:
  Record(const CompiledPolicy* policy, const ReplayOptions& options, ReplayReport* report)
      : session_(policy),
        answers_(policy, &session_),
        schema_(policy->schema()),
        options_(options),
        counter_(schema_, options, report) {}

  Outcome Decide(Proposal* proposal, bool happened) {
    MoveTo(proposal->now_ns);
    const RawDecision& decision = session_.Decide(proposal, happened);
    for (const WouldHave& act : session_.would_have()) counter_.AddWouldHave(act);
    answers_.Note(*proposal, decision);
    counter_.AddRaw(decision, session_.function(), CaseOf(schema_, proposal->workflow, proposal->key));
    if (options_.on_decision) options_.on_decision(session_.Record());
    return decision.outcome;
  }

  // An answer counts as what happened, as any event does: a yes grants the question, and moves nothing by itself.
  Outcome Answer(const AnswerLine& line, bool happened) {
    MoveTo(line.now_ns);
    Proposal answer = answers_.Take(line);
    const RawDecision& decision = session_.Decide(&answer, happened);
    counter_.AddRaw(decision, session_.function(), CaseOfAnswer(line, answer));
    if (options_.on_decision) options_.on_decision(RecordOf(line));
    if (!happened || answers_.asked() == nullptr) return decision.outcome;
    const bool counts = decision.outcome == Outcome::kPermit;
    const Asked asked = *answers_.asked();
    const bool complete = answers_.Settle(line.yes);
    if (counts && complete) counter_.AddDecidedAgain(asked.proposal);
    if (counts && !line.yes) counter_.AddWouldHave(Refused(asked, line.now_ns));
    return decision.outcome;
  }

  // What an `ask` rule asked was answered.
  void Settle(WorkflowId workflow, const std::string& key, const std::vector<std::string>& rules) {
    session_.Settle(workflow, key, rules);
  }

  // Time passes: what was due by then.
  void MoveTo(int64_t now_ns) {
    session_.MoveTo(now_ns);
    for (const WouldHave& act : session_.would_have()) counter_.AddWouldHave(act);
    answers_.NoteConclusions();
  }

  // Without counting: what is needed for the state alone.
  void Apply(Proposal* proposal, bool happened) {
    const RawDecision& decision = session_.Decide(proposal, happened);
    answers_.Note(*proposal, decision);
  }

  // What the orchestrator carried out by itself.
  void CarryOut(const Proposal& proposal, bool happened, const std::vector<std::string>& rules) {
    MoveTo(proposal.now_ns);
    session_.CarriedOut(proposal, happened, rules);
    for (const WouldHave& act : session_.would_have()) counter_.AddWouldHave(act);
    answers_.NoteConclusions();
  }

  ReplaySession& session() { return session_; }
  Counter& counter() { return counter_; }

 private:
  // A no goes to the end of the ladder at once.
  WouldHave Refused(const Asked& asked, int64_t now_ns) const {
    WouldHave act;
    act.kind = WouldHave::Kind::kFallback;
    act.at_ns = now_ns;
    act.workflow = asked.proposal.workflow;
    act.key = asked.proposal.key;
    act.rule = asked.rule;
    const LadderId end = LadderEnd(schema_, asked.ladder);
    if (end.valid()) act.transition = schema_.ladders[end.value].transition;
    return act;
  }

  // The asked instance is the case, where it is known.
  std::string CaseOfAnswer(const AnswerLine& line, const Proposal& answer) const {
    const Asked* asked = answers_.asked();
    if (asked != nullptr) return CaseOf(schema_, asked->proposal.workflow, asked->proposal.key);
    if (!line.places.empty()) return CaseOf(schema_, line.places.front().first, line.places.front().second);
    return CaseOf(schema_, answer.workflow, answer.key);
  }

  // As a decision on an answer is shown: the asked instance, and the question's number.
  DecisionRecord RecordOf(const AnswerLine& line) const {
    DecisionRecord record = session_.Record();
    const Asked* asked = answers_.asked();
    record.kind = store::EventKind::kAnswer;
    record.question = asked != nullptr ? asked->number : line.number;
    if (asked == nullptr && line.places.empty()) return record;
    const WorkflowId workflow = asked != nullptr ? asked->proposal.workflow : line.places.front().first;
    record.workflow = schema_.workflows[workflow.value].qualified;
    record.on = asked != nullptr ? asked->proposal.key : line.places.front().second;
    const Instance* instance = session_.world().Find(workflow, record.on);
    const bool has_state = instance != nullptr && instance->state != kNewState;
    record.state = has_state ? schema_.workflows[workflow.value].states[instance->state.value].name : "new";
    return record;
  }

  ReplaySession session_;
  Answers answers_;
  const Schema& schema_;
  const ReplayOptions& options_;
  Counter counter_;
};

// ---------------------------------------------------------------- following the policy

class Proposed {
 public:
  static absl::StatusOr<std::unique_ptr<Proposed>> Open(const CompiledPolicy* policy, const ReplayOptions& options,
                                                        ReplayReport* report) {
    auto proposed = std::unique_ptr<Proposed>(new Proposed(policy->schema(), options, report));
    OrchestratorOptions can;
    can.obligations = ObligationsNeeded(policy->schema());
    absl::StatusOr<std::unique_ptr<Orchestrator>> orchestrator = Orchestrator::Open(policy, &proposed->store_, can);
    if (!orchestrator.ok()) return orchestrator.status();
    proposed->orchestrator_ = *std::move(orchestrator);
    return proposed;
  }

  // What came of a line itself.
  struct Own {
    int64_t position = 0;                    // 0: it was refused
    Outcome outcome = Outcome::kPermit;
    std::string the_case;
  };

  // A refused line is counted; what the world did wrong is returned.
  // `known`: what may be why, for whoever reads that.
  absl::Status Submit(const Submission& submission, uint32_t line, Own* own = nullptr, std::string_view known = "") {
    absl::StatusOr<std::vector<DecisionRecord>> records = orchestrator_->Submit(submission);
    if (!records.ok()) {
      if (records.status().code() != absl::StatusCode::kInvalidArgument) return records.status();
      counter_.Refuse(line, absl::StrCat(records.status().message(), absl::string_view(known.data(), known.size())));
      return absl::OkStatus();
    }
    for (const DecisionRecord& record : *records) {
      Count(record, own);
      NoteQuestions(record);
    }
    return ShowEvents();
  }

  absl::Status MoveTo(int64_t now_ns) {
    if (orchestrator_->last_position() == 0) return absl::OkStatus();
    Submission tick;
    tick.kind = Submission::Kind::kTick;
    tick.at_ns = now_ns;
    return Submit(tick, 0);
  }

  // A question as the record knew it.
  struct Wanted {
    std::string workflow, on, transition, identity;
    RoleId role;
    std::vector<std::string> rules;          // that asked
    int64_t at_ns = 0;                       // when
  };

  // The question that asks the same role about the same proposal on one of the same rules: of several the one that was asked
  // at the same time, then one that is open, then the last. `same_time`: no other. 0: there is none.
  int64_t QuestionLike(const Wanted& wanted, bool same_time) const {
    int64_t best = 0;
    int best_rank = -1;
    const auto here = asked_.find(absl::StrCat(wanted.workflow, "/", wanted.on));
    if (here == asked_.end()) return 0;
    for (const auto& [number, asked] : here->second) {
      if (asked.role != wanted.role || asked.transition != wanted.transition) continue;
      if (!asked.identity.empty() && asked.identity != wanted.identity) continue;
      if (std::find_first_of(asked.rules.begin(), asked.rules.end(), wanted.rules.begin(), wanted.rules.end()) ==
          asked.rules.end())
        continue;
      if (same_time && asked.at_ns != wanted.at_ns) continue;
      const Question* question = orchestrator_->escalations().FindQuestion(number, asked.role);
      const bool open = question != nullptr && question->state == QuestionState::kOpen;
      const int rank = (asked.at_ns == wanted.at_ns ? 2 : 0) + (open ? 1 : 0);
      if (rank < best_rank) continue;
      best = number;
      best_rank = rank;
    }
    return best;
  }

  int64_t last_position() const { return orchestrator_->last_position(); }

  // What is erased is not there for later decisions. kInvalidArgument: refused.
  absl::Status Erase(const EraseLine& erase) {
    return orchestrator_->Erase(erase.workflow, erase.on, erase.field, erase.by, erase.at_ns).status();
  }

  Counter& counter() { return counter_; }

 private:
  Proposed(const Schema& schema, const ReplayOptions& options, ReplayReport* report)
      : options_(options), report_(report), counter_(schema, options, report) {}

  // With the proposal that it is about, while that is pending.
  void NoteQuestions(const DecisionRecord& record) {
    for (const store::AskedQuestion& question : record.questions) {
      if (question.joined) continue;
      const absl::StatusOr<RoleId> role = orchestrator_->registry().ResolveRole(question.to);
      if (!role.ok()) continue;
      Wanted asked{record.workflow, record.on, record.proposal, "", *role, question.rules, record.at_ns};
      const Question* kept = orchestrator_->escalations().FindQuestion(question.question, *role);
      const Pending* pending = kept == nullptr ? nullptr : orchestrator_->escalations().FindPending(kept->pending);
      if (pending != nullptr) {
        asked.identity = pending->ask.empty() ? Escalations::Identity(orchestrator_->schema(), pending->proposal)
                                              : absl::StrCat(kAskedAlone, pending->ask);
      }
      asked_[absl::StrCat(record.workflow, "/", record.on)].push_back({question.question, std::move(asked)});
    }
  }

  absl::Status ShowEvents() {
    while (options_.on_event && shown_ < orchestrator_->last_position()) {
      const absl::StatusOr<store::Event> event = orchestrator_->EventAt(++shown_);
      if (!event.ok()) return event.status();
      if (absl::Status status = options_.on_event(*event); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  void Count(const DecisionRecord& record, Own* own) {
    const std::string the_case = absl::StrCat(record.workflow, "/", record.on);
    if (options_.on_decision) options_.on_decision(record);
    // Who takes part is no case; following a record does not count it either.
    if (record.kind == store::EventKind::kRegister) {
      if (own != nullptr) own->position = record.position;
      return;
    }
    if (!IsProposed(record.kind)) {
      const bool fell_back = record.kind == store::EventKind::kFallback;
      const char* did = record.kind == store::EventKind::kConclude       ? "concluded "
                        : record.kind == store::EventKind::kAsk             ? "asked about "
                        : fell_back && record.outcome == Outcome::kDeny     ? "denied "
                        : fell_back && record.outcome == Outcome::kEscalate ? "asked the next role about "
                        : fell_back                                         ? "fell back to "
                        : record.kind == store::EventKind::kTimer           ? "fired "
                                                                            : "decided again: ";
      report_->would_have[absl::StrCat(did, record.proposal)].Add(the_case);
      return;
    }
    counter_.AddRecord(record, the_case);
    if (own != nullptr) *own = {record.position, record.outcome, the_case};
  }

  const ReplayOptions& options_;
  ReplayReport* report_;
  Counter counter_;
  store::MemoryStore store_;
  std::unique_ptr<Orchestrator> orchestrator_;
  int64_t shown_ = 0;                        // position that `on_event` has seen
  std::map<std::string, std::vector<std::pair<int64_t, Wanted>>> asked_;  // by case; with their numbers, in order
};

// ---------------------------------------------------------------- foreign logs

// A mapped event as the line that would have said it.
Submission SubmissionOf(const Schema& schema, const MappedEvent& mapped) {
  const Proposal& proposal = mapped.proposal;
  const Workflow& workflow = schema.workflows[proposal.workflow.value];
  const Transition& transition = workflow.transitions[proposal.transition.value];
  Submission line;
  line.transition = transition.name;
  line.workflow = workflow.qualified;
  line.on = KeyInput(schema, workflow, proposal.key).value_or(Input(proposal.key));
  Input::Object sets, payload;
  const Grants grants(&schema);
  const bool gives = grants.IsGive(proposal);
  for (size_t i = 0; i < transition.sets.size(); ++i) {
    // What is computed, or filled in, is so again.
    if (transition.sets[i].computed || (gives && grants.FillsIn(transition.sets[i].field))) continue;
    const Field& field = workflow.fields[transition.sets[i].field.value];
    Input value = InputOf(schema, schema.types[field.type.value], proposal.sets[i]);
    if (!value.absent()) sets.push_back({field.name, std::move(value)});
  }
  for (size_t i = 0; i < transition.payload.size(); ++i) {
    Input value = InputOf(schema, schema.types[transition.payload[i].type.value], proposal.payload[i]);
    if (!value.absent()) payload.push_back({transition.payload[i].name, std::move(value)});
  }
  line.sets = Input(std::move(sets));
  line.payload = Input(std::move(payload));
  ActorDescription& actor = line.inline_actor.emplace();
  // One actor for each role: the record's actors may hold several, in whatever order they appear.
  const std::string role = proposal.actor.role.valid() ? schema.roles[proposal.actor.role.value].qualified : "";
  actor.id = absl::StrCat(proposal.actor.id.empty() ? "unknown" : proposal.actor.id, role.empty() ? "" : " as ", role);
  actor.principal = proposal.actor.id;
  if (!role.empty()) actor.roles.push_back(role);
  line.as = role;
  line.at_ns = proposal.now_ns;
  return line;
}

absl::Status DecideMapped(const CompiledPolicy* policy, std::vector<MappedEvent>* events, const RecordedLog& log,
                          const ReplayOptions& options, ReplayReport* report) {
  if (options.follow == Follow::kRecord) {
    Record record(policy, options, report);
    for (MappedEvent& mapped : *events) record.Decide(&mapped.proposal, /*happened=*/true);
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<Proposed>> proposed = Proposed::Open(policy, options, report);
  if (!proposed.ok()) return proposed.status();
  for (const MappedEvent& mapped : *events) {
    const uint32_t line = log.events[mapped.event].line;
    if (absl::Status status = (*proposed)->Submit(SubmissionOf(policy->schema(), mapped), line); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<ReplayReport> ReplayForeign(const CompiledPolicy* policy, const std::string& path,
                                           const std::string& format, const ReplayOptions& options) {
  const Schema& schema = policy->schema();
  absl::StatusOr<WorkflowId> workflow = WorkflowOfLog(schema, format, options.workflow);
  if (!workflow.ok()) return workflow.status();
  absl::StatusOr<std::unique_ptr<ByteSource>> source = OpenFile(path);
  if (!source.ok()) return source.status();
  absl::StatusOr<RecordedLog> log = format == "xes"
                                        ? ReadXes(source->get())
                                        : ReadCsv(source->get(), InstanceColumn(schema.workflows[workflow->value]));
  if (!log.ok()) return absl::Status(log.status().code(), absl::StrCat(path, ": ", log.status().message()));
  const MappingOptions mapping{*workflow};
  ReplayReport report;
  report.foreign = true;
  std::vector<MappedEvent> events;
  absl::Status status = MapLog(schema, *log, mapping, &events, &report.mapping);
  if (status.ok()) status = DecideMapped(policy, &events, *log, options, &report);
  if (!status.ok()) return status;
  return report;
}

// ---------------------------------------------------------------- .jsonl

// Calls `take` with each line that can be read; refused lines go to `counter`.
template <class Take>
absl::Status EachLine(ByteSource* source, Counter* counter, Take take) {
  LineReader lines(source, kLineBytesMax);
  EventLineReader reader;
  std::string_view line;
  bool too_long = false;
  for (uint32_t number = 1;; ++number) {
    absl::StatusOr<bool> any = lines.Next(&line, &too_long);
    if (!any.ok() || !*any) return any.status();
    if (too_long) {
      counter->Refuse(number, "the line is too long");
      continue;
    }
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    absl::StatusOr<EventLine> event = reader.Read(line);
    absl::Status status = event.ok() ? take(*event, number) : event.status();
    if (status.code() == absl::StatusCode::kInvalidArgument)
      counter->Refuse(number, status.message());
    else if (!status.ok())
      return status;
  }
}

// What an erasure takes is not decided about; its time passes all the same.
Submission TickOf(const EventLine& line) {
  Submission tick;
  tick.kind = Submission::Kind::kTick;
  tick.at_ns = line.erase.at_ns;
  return tick;
}

absl::Status FollowLines(const CompiledPolicy* policy, ByteSource* source, const ReplayOptions& options,
                         ReplayReport* report) {
  Record record(policy, options, report);
  const Schema& schema = policy->schema();
  RecordLines lines(&schema, &record.session());
  return EachLine(source, &record.counter(), [&](const EventLine& line, uint32_t) -> absl::Status {
    if (line.is_erase) ++report->passed_over["erasures"];
    if (!line.is_erase && line.submission.kind == Submission::Kind::kAnswer) {
      absl::StatusOr<AnswerLine> answer = lines.TakeAnswer(line.submission);
      if (!answer.ok()) return answer.status();
      record.Answer(*answer, line.submission.happened.value_or(true));
      return absl::OkStatus();
    }
    absl::StatusOr<std::optional<Proposal>> proposal = lines.Take(line.is_erase ? TickOf(line) : line.submission);
    if (!proposal.ok()) return proposal.status();
    if (!proposal->has_value()) return record.MoveTo(lines.now_ns()), absl::OkStatus();
    if (line.submission.kind == Submission::Kind::kAgent) {
      record.Apply(&**proposal, /*happened=*/true);
      lines.Registered(**proposal);
    } else {
      record.Decide(&**proposal, line.submission.happened.value_or(true));
    }
    return absl::OkStatus();
  });
}

absl::Status SubmitLines(const CompiledPolicy* policy, ByteSource* source, const ReplayOptions& options,
                         ReplayReport* report) {
  absl::StatusOr<std::unique_ptr<Proposed>> proposed = Proposed::Open(policy, options, report);
  if (!proposed.ok()) return proposed.status();
  return EachLine(source, &(*proposed)->counter(), [&](const EventLine& line, uint32_t number) -> absl::Status {
    if (!line.is_erase) return (*proposed)->Submit(line.submission, number);
    if (line.erase.at_ns.has_value()) {
      if (absl::Status status = (*proposed)->Submit(TickOf(line), number); !status.ok()) return status;
    }
    return (*proposed)->Erase(line.erase);
  });
}

std::string FormatOf(std::string path) {
  if (path.ends_with(".gz")) path.resize(path.size() - 3);
  for (const char* format : {"jsonl", "xes", "csv"}) {
    if (path.ends_with(absl::StrCat(".", format))) return format;
  }
  return "";
}

// ---------------------------------------------------------------- stores

// The events of a store, decided again.
class StoredLog {
 public:
  StoredLog(const CompiledPolicy* policy, const ReplayOptions& options, ReplayReport* report)
      : schema_(policy->schema()), names_(&schema_), options_(options), report_(report) {}

  absl::Status Follow(const CompiledPolicy* policy, store::Store* log) {
    Record record(policy, options_, report_);
    return Each(log, [&](const store::Event& event) { return FollowOne(event, &record); });
  }

  absl::Status Submit(const CompiledPolicy* policy, store::Store* log) {
    absl::StatusOr<std::unique_ptr<Proposed>> proposed = Proposed::Open(policy, options_, report_);
    if (!proposed.ok()) return proposed.status();
    return Each(log, [&](const store::Event& event) { return SubmitOne(event, proposed->get()); });
  }

 private:
  template <class Take>
  absl::Status Each(store::Store* log, Take take) {
    return log->Load(1, [&](const store::StoredEvent& stored) -> absl::Status {
      absl::StatusOr<store::Event> event = store::DecodeStored(stored);
      if (!event.ok()) return event.status();
      NoteQuestions(*event);
      absl::Status status = take(*event);
      if (status.code() != absl::StatusCode::kInvalidArgument && status.code() != absl::StatusCode::kFailedPrecondition)
        return status;
      Counter(schema_, options_, report_).Refuse(static_cast<uint32_t>(event->position), status.message());
      return absl::OkStatus();
    });
  }

  // One question of the record.
  struct AskedThen {
    std::string to;                          // as the event has it
    std::vector<std::string> rules, digests;
    std::string workflow, on, transition;
    int64_t at_ns = 0;
    std::string identity;                    // of what is pending; empty: the policy does not have it
  };

  // Whom an event asked, and which rules a yes excuses from then on.
  void NoteQuestions(const store::Event& event) {
    NoteIdentity(event);
    for (const store::AskedQuestion& question : event.decision.questions) {
      std::vector<AskedThen>& numbered = asked_[question.question];
      auto asked = std::find_if(numbered.begin(), numbered.end(),
                                [&](const AskedThen& other) { return other.to == question.to; });
      if (asked == numbered.end()) {
        // Where nothing was proposed the rule that asks stands for it.
        const std::string& what = event.transition.empty() && !question.rules.empty() ? question.rules.front()
                                                                                      : event.transition;
        asked = numbered.insert(numbered.end(), {question.to, {}, {}, event.workflow, event.instance, what,
                                                 event.time_ns, identity_[event.position]});
      }
      asked->rules.insert(asked->rules.end(), question.rules.begin(), question.rules.end());
      asked->digests.insert(asked->digests.end(), question.rule_digests.begin(), question.rule_digests.end());
      if (names_.Workflow(event.workflow).valid())
        places_.try_emplace(question.question, names_.Workflow(event.workflow), event.instance);
    }
    const bool waits = event.decision.outcome == Outcome::kEscalate || event.decision.outcome == Outcome::kHold;
    if (event.kind == store::EventKind::kRedecide && !waits) closed_ = identity_[event.position];
    const AskedThen* asked = event.kind == store::EventKind::kAnswer ? FindAsked(event) : nullptr;
    if (asked == nullptr || event.transition != "yes" || event.decision.outcome != Outcome::kPermit) return;
    std::vector<std::string>& approved = approved_[asked->identity];
    approved.insert(approved.end(), asked->digests.begin(), asked->digests.end());
  }

  // What is pending bears one name from the first that made it so: a rung of its ladder is about it too.
  void NoteIdentity(const store::Event& event) {
    if (!closed_.empty()) approved_.erase(std::exchange(closed_, ""));
    if (event.kind == store::EventKind::kFallback) {
      identity_[event.position] = identity_[event.question];
    } else if (event.kind == store::EventKind::kAsk) {
      identity_[event.position] = absl::StrCat(kAskedAlone, event.on_behalf);
    } else if (event.kind != store::EventKind::kAnswer && !event.transition.empty()) {
      const absl::StatusOr<Proposal> proposal = ProposalOf(event);
      if (proposal.ok()) identity_[event.position] = Escalations::Identity(schema_, *proposal);
    }
  }

  // The task whose deadline led to this, or empty.
  std::string LateTask(const store::Event& fallback) const {
    if (fallback.question == 0) return fallback.on_behalf;
    const AskedThen* asked = FindAsked(fallback);
    return asked != nullptr && asked->workflow == kTaskWorkflow ? asked->on : "";
  }

  const AskedThen* FindAsked(const store::Event& answer) const {
    const auto numbered = asked_.find(answer.question);
    if (numbered == asked_.end()) return nullptr;
    for (const AskedThen& asked : numbered->second) {
      if (SameRole(asked.to, answer.question_role)) return &asked;
    }
    return nullptr;
  }

  static bool SameRole(const std::string& a, const std::string& b) {
    return a == b || a.ends_with("." + b) || b.ends_with("." + a);
  }

  absl::StatusOr<Proposal> ProposalOf(const store::Event& event) {
    Proposal proposal;
    proposal.workflow = names_.Workflow(event.workflow);
    if (!proposal.workflow.valid())
      return absl::InvalidArgumentError(absl::StrCat("the policy has no workflow `", event.workflow, "`"));
    const Workflow& workflow = schema_.workflows[proposal.workflow.value];
    proposal.transition = Names::TransitionOf(workflow, event.transition);
    if (!proposal.transition.valid())
      return absl::InvalidArgumentError(
          absl::StrCat("`", workflow.name, "` has no transition `", event.transition, "`"));
    proposal.key = event.instance;
    absl::StatusOr<std::vector<Value>> parts = ParseKey(schema_, workflow.key, event.instance);
    if (!parts.ok()) return absl::InvalidArgumentError(parts.status().message());
    proposal.key_parts = *std::move(parts);
    proposal.now_ns = event.time_ns;
    if (event.seen >= 0) proposal.seen = event.seen;
    proposal.actor.id = event.on_behalf.empty() ? event.actor : event.on_behalf;
    proposal.actor.principal = proposal.actor.id;
    proposal.actor.role = names_.Role(event.role);
    proposal.actor.is_orchestrator = event.role == "orchestrator" || event.actor == "host";
    if (!event.grant.empty()) proposal.grant.emplace().key = event.grant;
    proposal.actor.is_human = proposal.actor.role.valid() && schema_.roles[proposal.actor.role.value].human;
    proposal.sets.resize(workflow.transitions[proposal.transition.value].sets.size());
    proposal.payload.resize(workflow.transitions[proposal.transition.value].payload.size());
    if (absl::Status status = names_.ReadSets(event.sets, &proposal); !status.ok()) return status;
    if (absl::Status status = names_.ReadPayload(event.payload, &proposal); !status.ok()) return status;
    AddApprovals(event, &proposal);
    return proposal;
  }

  void AddApprovals(const store::Event& event, Proposal* proposal) const {
    if (event.kind != store::EventKind::kRedecide) return;
    const auto approved = approved_.find(Escalations::Identity(schema_, *proposal));
    if (approved == approved_.end()) return;
    const std::vector<std::string>& digests = approved->second;
    for (size_t i = 0; i < schema_.rules.size(); ++i) {
      if (std::find(digests.begin(), digests.end(), schema_.rules[i].digest) != digests.end() &&
          !schema_.rules[i].digest.empty()) {
        proposal->approved.push_back(RuleId(i));
      }
    }
  }

  // The actor of a proposal by what its own registration said: the registry is a workflow of the log like any other.
  void FillActor(const ReplaySession& session, Proposal* proposal) const {
    Registry registry(&schema_);
    const Instance* instance = session.world().Find(registry.workflow(), proposal->actor.id);
    if (instance == nullptr || proposal->actor.is_orchestrator) return;
    registry.Refresh(*instance);
    const RegisteredActor* actor = registry.Find(proposal->actor.id);
    if (actor != nullptr) proposal->actor = registry.View(*actor, proposal->actor.role);
  }

  absl::Status FollowOne(const store::Event& event, Record* record) {
    if (event.kind == store::EventKind::kPolicy || event.kind == store::EventKind::kErase) return absl::OkStatus();
    if (event.kind == store::EventKind::kAnswer) return FollowAnswer(event, record);
    if (event.transition.empty() || event.transition == "conclude") return absl::OkStatus();
    if (!event.actor_registration.empty() && event.kind != store::EventKind::kRegister) Register(event, record);
    absl::StatusOr<Proposal> proposal = ProposalOf(event);
    if (!proposal.ok()) return proposal.status();
    FillActor(record->session(), &*proposal);
    record->session().Opens(event.decision.tasks);
    const bool happened = event.recorded == store::Recorded::kNothing ? event.decision.outcome == Outcome::kPermit
                                                                      : event.recorded == store::Recorded::kHappened;
    if (event.kind == store::EventKind::kRegister || event.kind == store::EventKind::kConclude) {
      record->Apply(&*proposal, happened);
      return absl::OkStatus();
    }
    if (event.kind == store::EventKind::kTimer) {
      record->CarryOut(*proposal, happened, {});
      return absl::OkStatus();
    }
    if (event.kind == store::EventKind::kFallback) {
      // The next rung moves nothing: that time passed is all.
      if (event.decision.outcome == Outcome::kEscalate) return record->MoveTo(event.time_ns), absl::OkStatus();
      record->CarryOut(*proposal, happened, event.decision.reasons);
      if (event.workflow != kTaskWorkflow) record->session().FailTask(LateTask(event), event.time_ns);
      return absl::OkStatus();
    }
    proposal->duplicate = WasDuplicate(event);
    const Outcome now = record->Decide(&*proposal, happened);
    record->counter().AddChange(event.decision.outcome, now, CaseOf(schema_, proposal->workflow, proposal->key));
    return absl::OkStatus();
  }

  absl::Status FollowAnswer(const store::Event& event, Record* record) {
    if (!event.actor_registration.empty()) Register(event, record);
    // It settled what an `ask` rule asked, and moves nothing.
    const AskedThen* alone = FindAsked(event);
    if (alone != nullptr && alone->identity.starts_with(kAskedAlone)) {
      record->MoveTo(event.time_ns);
      const bool counts = event.decision.outcome == Outcome::kPermit;
      if (counts) record->Settle(names_.Workflow(alone->workflow), alone->on, alone->rules);
      return absl::OkStatus();
    }
    AnswerLine line;
    line.number = event.question;
    line.to = names_.Role(event.question_role);
    line.as = names_.Role(event.role);
    line.yes = event.transition == "yes";
    line.now_ns = event.time_ns;
    const auto place = places_.find(event.question);
    if (place != places_.end()) line.places.push_back(place->second);
    Registry registry(&schema_);
    const Instance* instance = record->session().world().Find(registry.workflow(), event.actor);
    if (instance != nullptr) registry.Refresh(*instance);
    const RegisteredActor* actor = registry.Find(event.actor);
    if (actor != nullptr) line.actor = *actor;
    line.actor.id = event.actor;
    const bool happened = event.recorded == store::Recorded::kNothing ? event.decision.outcome == Outcome::kPermit
                                                                      : event.recorded == store::Recorded::kHappened;
    const Outcome now = record->Answer(line, happened);
    const std::string the_case =
        place == places_.end() ? absl::StrCat(event.workflow, "/", event.instance)
                               : CaseOf(schema_, place->second.first, place->second.second);
    record->counter().AddChange(event.decision.outcome, now, the_case);
    return absl::OkStatus();
  }

  void Register(const store::Event& event, Record* record) const {
    absl::StatusOr<ActorDescription> description = DecodeRegistration(event.actor_registration);
    if (!description.ok()) return;
    Registry registry(&schema_);
    absl::StatusOr<ActorDescription> valid = registry.Validate(*description);
    if (!valid.ok()) return;
    Proposal registration = registry.Registration(*valid, event.time_ns);
    record->Apply(&registration, /*happened=*/true);
  }

  absl::Status SubmitOne(const store::Event& event, Proposed* proposed) {
    for (const store::OpenedTask& task : event.decision.tasks) {
      planned_[task.id] = names_.Workflow(task.on.empty() ? event.workflow : task.on.substr(0, task.on.find('/')));
    }
    if (!IsProposed(event.kind)) {
      absl::Status status = proposed->MoveTo(event.time_ns);
      position_now_[event.position] = proposed->last_position();
      return status;
    }
    absl::StatusOr<Submission> line = LineOf(event);
    if (!line.ok()) return line.status();
    if (event.workflow == kTaskWorkflow) line->on = Input(TaskNow(event.instance));
    if (event.kind == store::EventKind::kAnswer) {
      // What was due by then may ask, or end what was asked.
      if (absl::Status status = proposed->MoveTo(event.time_ns); !status.ok()) return status;
      line->question = QuestionNow(event, *proposed);
      if (line->question == 0) return Unasked(event, proposed);
    }
    Proposed::Own own;
    absl::Status status = proposed->Submit(*line, static_cast<uint32_t>(event.position), &own, ErasedOf(event));
    position_now_[event.position] = own.position > 0 ? own.position : proposed->last_position();
    if (!own.the_case.empty()) proposed->counter().AddChange(event.decision.outcome, own.outcome, own.the_case);
    return status;
  }

  // "; `name` was erased"
  static std::string ErasedOf(const store::Event& event) {
    std::vector<std::string> names;
    for (const std::vector<store::NamedValue>* values : {&event.sets, &event.payload}) {
      for (const store::NamedValue& value : *values) {
        if (value.erased) names.push_back(absl::StrCat("`", value.name, "`"));
      }
    }
    if (names.empty()) return "";
    return absl::StrCat("; ", absl::StrJoin(names, ", "), names.size() == 1 ? " was erased" : " were erased");
  }

  // A task bears the position that opened it.
  std::string TaskNow(const std::string& then) const {
    const size_t slash = then.find('/');
    int64_t position = 0;
    if (slash == std::string::npos || !absl::SimpleAtoi(then.substr(0, slash), &position)) return then;
    const auto now = position_now_.find(position);
    return now == position_now_.end() ? then : absl::StrCat(now->second, then.substr(slash));
  }

  // An answer that came too late then must not be in time for another question now.
  int64_t QuestionNow(const store::Event& event, const Proposed& proposed) const {
    const AskedThen* asked = FindAsked(event);
    const RoleId role = names_.Role(event.question_role);
    if (asked == nullptr || asked->identity.empty() || !role.valid()) return 0;
    return proposed.QuestionLike({asked->workflow, asked->on, asked->transition, asked->identity, role, asked->rules,
                                  asked->at_ns},
                                 event.decision.outcome == Outcome::kDeny);
  }

  absl::Status Unasked(const store::Event& event, Proposed* proposed) {
    const AskedThen* asked = FindAsked(event);
    const std::string the_case = asked == nullptr ? absl::StrCat(event.workflow, "/", event.instance)
                                                  : absl::StrCat(asked->workflow, "/", asked->on);
    proposed->counter().AddUnasked({event.position, the_case, event.question_role, event.actor, event.transition == "yes"});
    position_now_[event.position] = proposed->last_position();
    return absl::OkStatus();
  }

  // What the host metered. The log keeps minor units of what the task's plan is bounded in.
  Submission SpentLine(const store::Event& event) const {
    Submission line;
    line.kind = Submission::Kind::kSpent;
    line.task = TaskNow(event.instance);
    line.at_ns = event.time_ns;
    const auto planned = planned_.find(event.instance);
    const TypeId money = planned == planned_.end() ? TypeId() : CostType(schema_, planned->second);
    for (const store::NamedValue& spent : event.payload) {
      if (spent.name == "tokens") line.tokens = spent.value.integer();
      if (spent.name == "cost" && spent.value.integer() != 0 && money.valid()) {
        line.cost = ValueToText(schema_, schema_.types[money.value], spent.value);
      }
    }
    return line;
  }

  absl::StatusOr<Submission> LineOf(const store::Event& event) {
    if (event.kind == store::EventKind::kSpend) return SpentLine(event);
    if (event.kind == store::EventKind::kAnswer) {
      Submission line;
      line.kind = Submission::Kind::kAnswer;
      line.yes = event.transition == "yes";
      line.to = event.question_role;
      line.by = event.actor;
      line.as = event.role;
      line.at_ns = event.time_ns;
      line.idempotency_key = event.idempotency_key;
      line.seen = SeenNow(event);
      if (event.actor_registration.empty()) return line;
      absl::StatusOr<ActorDescription> actor = DecodeRegistration(event.actor_registration);
      if (!actor.ok()) return actor.status();
      line.inline_actor = *std::move(actor);
      return line;
    }
    absl::StatusOr<Proposal> proposal = ProposalOf(event);
    if (!proposal.ok()) return proposal.status();
    MappedEvent mapped;
    mapped.proposal = *std::move(proposal);
    Submission line = SubmissionOf(schema_, mapped);
    line.inline_actor.reset();
    line.by = event.actor;
    line.as = event.role;
    line.under = TaskNow(event.grant);
    if (event.kind == store::EventKind::kRegister) return AgentLine(event, std::move(line));
    if (schema_.workflows[mapped.proposal.workflow.value].is_entity) line.kind = Submission::Kind::kSet;
    if (!event.actor_registration.empty()) {
      absl::StatusOr<ActorDescription> actor = DecodeRegistration(event.actor_registration);
      if (!actor.ok()) return actor.status();
      line.inline_actor = *actor;
    }
    line.idempotency_key = WasDuplicate(event) ? OtherKey(event) : event.idempotency_key;
    NoteKey(event);
    line.seen = SeenNow(event);
    return line;
  }

  // The key that an actor used for another request is not kept with what was denied for it. Any key of the actor's that was
  // used for something else makes it a duplicate again.
  static bool WasDuplicate(const store::Event& event) {
    return event.kind != store::EventKind::kAnswer && event.decision.outcome == Outcome::kDeny &&
           event.decision.reasons == std::vector<std::string>{kBuiltinNames[static_cast<uint32_t>(Builtin::kDuplicate)]};
  }

  static bool IsSameRequest(const store::Event& a, const store::Event& b) {
    return a.workflow == b.workflow && a.instance == b.instance && a.transition == b.transition && a.sets == b.sets &&
           a.payload == b.payload;
  }

  void NoteKey(const store::Event& event) {
    if (event.idempotency_key.empty()) return;
    std::vector<store::Event>& used = keyed_[event.actor];
    std::erase_if(used, [&](const store::Event& other) { return IsSameRequest(other, event); });
    if (used.size() == 2) used.erase(used.begin());
    used.push_back(event);
  }

  std::string OtherKey(const store::Event& event) const {
    const auto used = keyed_.find(event.actor);
    if (used == keyed_.end()) return "";
    for (const store::Event& other : used->second) {
      if (!IsSameRequest(other, event)) return other.idempotency_key;
    }
    return "";
  }

  // What an actor had seen, where that stands now.
  std::optional<int64_t> SeenNow(const store::Event& event) const {
    if (event.seen < 0) return std::nullopt;
    const auto at = position_now_.find(event.seen);
    return at == position_now_.end() ? 0 : at->second;
  }

  absl::StatusOr<Submission> AgentLine(const store::Event& event, Submission line) const {
    line.kind = Submission::Kind::kAgent;
    line.agent.id = event.instance;
    if (!event.actor_registration.empty()) {
      absl::StatusOr<ActorDescription> actor = DecodeRegistration(event.actor_registration);
      if (!actor.ok()) return actor.status();
      line.agent = *actor;
      return line;
    }
    const auto texts = [](const Input& input) {
      std::vector<std::string> out;
      if (const auto* list = std::get_if<Input::List>(&input.v)) {
        for (const Input& element : *list) out.push_back(std::get<std::string>(element.v));
      }
      return out;
    };
    const Registry registry(&schema_);
    Input::Object attributes;
    for (const InputMember& member : std::get<Input::Object>(line.sets.v)) {
      const auto* text = std::get_if<std::string>(&member.value.v);
      if (member.name == "kind" && text != nullptr) line.agent.human = *text == "human";
      if (member.name == "principal" && text != nullptr) line.agent.principal = *text;
      if (member.name == "version" && text != nullptr) line.agent.version = *text;
      if (member.name == "roles") line.agent.roles = texts(member.value);
      if (member.name == "capabilities") line.agent.capabilities = texts(member.value);
      if (registry.Attribute(member.name).valid()) attributes.push_back(member);
    }
    line.attributes = Input(std::move(attributes));
    return line;
  }

  const Schema& schema_;
  Names names_;
  const ReplayOptions& options_;
  ReplayReport* report_;
  std::map<int64_t, std::vector<AskedThen>> asked_;       // by number
  std::map<int64_t, std::pair<WorkflowId, std::string>> places_;  // by question: the asked instance
  std::map<int64_t, std::string> identity_;               // by position: of what is pending, if it is
  std::map<std::string, std::vector<std::string>> approved_;      // by identity: digests of rules
  std::string closed_;                                    // its approvals end with the event that is taken now
  std::map<int64_t, int64_t> position_now_;               // by position of the record
  std::map<std::string, WorkflowId> planned_;             // by task: the workflow of the instance that it belongs to
  std::map<std::string, std::vector<store::Event>> keyed_;  // by actor: the last two requests under a key, of those that differ
};

}  // namespace

absl::StatusOr<ReplayReport> ReplayLog(const CompiledPolicy* policy, const std::string& path,
                                       const ReplayOptions& options) {
  const std::string format = FormatOf(path);
  if (format.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": a log is .jsonl, .xes or .csv, each also with .gz after it"));
  }
  if (format != "jsonl") return ReplayForeign(policy, path, format, options);
  absl::StatusOr<std::unique_ptr<ByteSource>> source = OpenFile(path);
  if (!source.ok()) return source.status();
  ReplayReport report;
  const absl::Status status = options.follow == Follow::kRecord
                                  ? FollowLines(policy, source->get(), options, &report)
                                  : SubmitLines(policy, source->get(), options, &report);
  if (!status.ok()) return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
  return report;
}

absl::StatusOr<ReplayReport> ReplayStore(const CompiledPolicy* policy, store::Store* log,
                                         const ReplayOptions& options) {
  ReplayReport report;
  report.of_store = true;
  StoredLog stored(policy, options, &report);
  const absl::Status status =
      options.follow == Follow::kRecord ? stored.Follow(policy, log) : stored.Submit(policy, log);
  if (!status.ok()) return status;
  return report;
}

}  // namespace writ::replay
