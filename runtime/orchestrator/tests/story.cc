#include "runtime/orchestrator/tests/story.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/check/check.h"
#include "compiler/eval/interpreter.h"
#include "compiler/load/load.h"
#include "compiler/lower/lower.h"
#include "gtest/gtest.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/consequences.h"
#include "runtime/store/chain.h"

namespace writ {

const char* const kShop = R"(
package t

enum Stance { approve, reject, flag }

domain legal, trade
priority legal > trade

role Desk, Pricing, Crm, Voter in trade
role Compliance, Risk          in legal
human role Lead, CFO, CEO      in trade

entity Customer by id: string max 40 {
  name:  string max 100  label pii
  score: int in 0..1000
}
authority Crm { may set on Customer }

workflow Deal by id: string max 40 {
  amount:   money(USD) in 0 USD .. 1B USD
  customer: Customer

  states draft, review, approved, closed, blocked
  final  closed
  halted blocked

  open:    -> draft            sets amount, customer
  price:   draft -> draft      sets amount
  remark:  in draft            { text: string max 40 }
  check:   in draft
  sign:    draft -> approved
  submit:  draft -> review
  assess:  in review           { stance: Stance }
  amend:   review -> review    sets amount
  approve: review -> approved
  block:   draft, review, approved -> blocked
  appeal:  blocked -> review
  close:   approved -> closed
}

authority Desk       { may open, price, remark, sign, submit, amend, close on Deal }
authority Pricing    { may assess on Deal }
authority Compliance { may assess on Deal }
authority Risk       { may assess, check on Deal }
authority Lead       { may approve, block, sign on Deal up to amount 10M USD }
authority CFO        { may approve, block, sign, appeal on Deal }
authority CEO        { may approve, block, sign on Deal }

review on Deal in review {
  panel  Compliance, Risk, Pricing by assess.stance
  within 24h else escalate approve to CFO within 8h else block

  veto:    block                                         when Compliance says reject
  worried: escalate approve to CFO within 4h else block  when Risk says flag
  priced:  approve                                       when Pricing says approve
  lost:    block                                         otherwise
}

rule big in trade
  escalate sign on Deal to CFO within 4h else escalate sign to CEO within 2h else block
  when amount > 1M USD

rule huge in trade
  escalate sign on Deal to Lead within 8h else deny
  when amount > 5M USD

rule unchecked in legal
  hold sign on Deal until check by Risk within 24h else escalate sign to CFO within 4h else block
  when customer.score < 500

rule enormous in trade
  escalate open on Deal to Lead within 1h else deny
  when after.amount > 500M USD

rule tiny in trade
  deny sign on Deal
  when amount < 10 USD

workflow Motion by id: string max 40 {
  states talk, voting, adopted, dropped
  final adopted, dropped
  table:  -> talk
  call:   talk -> voting
  vote:   in voting { stance: Stance }
  adopt:  voting -> adopted
  drop:   voting -> dropped
}
authority Voter { may table, call, vote, adopt, drop on Motion }
review on Motion in voting {
  panel Voter 2 of 3 by vote.stance
  within 1h else deny
  passed: adopt when votes(Voter, approve) >= 2
  failed: drop  when votes(Voter, approve) < 2 and votes(Voter, reject) >= 2
}

workflow Case by id: string max 40 {
  states open, kept, dropped
  final kept, dropped
  bring:  -> open
  judge:  in open { stance: Stance }
  keep:   open -> kept
  drop:   open -> dropped
}
authority Desk       { may bring, keep on Case }
authority Compliance { may judge on Case }
authority Risk       { may judge on Case }
review on Case in open {
  panel Compliance, Risk by judge.stance
  within 2h else deny
  good: keep when Compliance says approve
  bad:  drop when Risk says reject
  rest: drop otherwise
}
)";

namespace {

absl::string_view OutcomeText(Outcome outcome) {
  constexpr absl::string_view kTexts[] = {"permit", "escalate", "hold", "deny"};
  return kTexts[static_cast<size_t>(outcome)];
}

// The passes without a backend: a test of the runtime asks the reference interpreter.
std::unique_ptr<CompiledPolicy> Compile(const std::string& policy) {
  source::SourceSet sources;
  diagnostics::Sink sink;
  const bool good = sources.AddText("t.writ", policy).ok();
  const std::vector<ast::File> files = load::Load(sources, sink);
  const typed::Program typed = check::Check(files, sources, sink);
  lower::Lowered lowered;
  if (good && !sink.has_errors()) lowered = lower::Lower(typed, &sink);
  if (!good || sink.has_errors()) {
    for (const diagnostics::Diagnostic& d : sink.Take()) {
      std::fprintf(stderr, "%s", diagnostics::RenderText(sources, d, false).c_str());
    }
    std::abort();
  }
  return eval::MakePolicy(std::move(lowered.program));
}

}  // namespace

Story::Story(const std::string& policy) {
  policy_ = Compile(policy);
  Reopen();
}

void Story::Reopen(const std::string& policy) {
  orchestrator_.reset();
  policy_ = Compile(policy);
  Reopen();
}

void Story::Reopen() {
  store_ = std::make_unique<store::MemoryStore>(log_);
  OrchestratorOptions options;
  options.random = &random_;
  options.obligations = ObligationsNeeded(policy_->schema());
  absl::StatusOr<std::unique_ptr<Orchestrator>> opened = Orchestrator::Open(policy_.get(), store_.get(), options);
  if (!opened.ok()) {
    std::fprintf(stderr, "%s\n", std::string(opened.status().message()).c_str());
    std::abort();
  }
  orchestrator_ = *std::move(opened);
}

std::string Story::Tell(const DecisionRecord& record) const {
  std::string text = absl::StrCat(record.position, " ", record.proposal, " ", record.on, " by ", record.by, ": ",
                                  OutcomeText(record.outcome));
  if (!record.reasons.empty()) absl::StrAppend(&text, " [", absl::StrJoin(record.reasons, ", "), "]");
  auto until = [&](int64_t ns) { return absl::StrCat(" until +", FormatDuration(ns - kStart)); };
  for (const store::AskedQuestion& asked : record.questions) {
    absl::StrAppend(&text, " asks ", asked.to, "(", asked.question, ")", until(asked.until_ns), " else ", asked.otherwise);
  }
  for (const store::Awaited& awaited : record.awaits) {
    absl::StrAppend(&text, " awaits ", awaited.transition, awaited.by.empty() ? "" : " by ", awaited.by, until(awaited.until_ns));
  }
  for (const store::Obligation& obligation : record.obligations) {
    absl::StrAppend(&text, " obliges to ", obligation.type, obligation.fields);
  }
  absl::StrAppend(&text, "; ", record.state);
  return record.repeated ? absl::StrCat(text, " (again)") : text;
}

std::string Story::Submit(Submission line) {
  if (!line.at_ns.has_value()) line.at_ns = now_;
  absl::StatusOr<std::vector<DecisionRecord>> records = orchestrator_->Submit(line);
  if (!records.ok()) return absl::StrCat("refused: ", records.status().message());
  std::vector<std::string> told;
  for (const DecisionRecord& record : *records) told.push_back(Tell(record));
  return absl::StrJoin(told, "\n");
}

std::string Story::Agent(const std::string& id, std::vector<std::string> roles, const std::string& principal) {
  Submission line;
  line.kind = Submission::Kind::kAgent;
  line.agent.id = id;
  line.agent.roles = std::move(roles);
  line.agent.principal = principal;
  return Submit(line);
}

std::string Story::Set(const std::string& workflow, const std::string& on, const std::string& by, Input::Object sets) {
  Submission line;
  line.kind = Submission::Kind::kSet;
  line.workflow = workflow;
  line.on = Input(on);
  line.by = by;
  line.sets = Input(std::move(sets));
  return Submit(line);
}

std::string Story::Propose(const std::string& transition, const std::string& on, const std::string& by, Input::Object sets,
                           Input::Object payload) {
  Submission line;
  line.transition = transition;
  line.on = Input(on);
  line.by = by;
  line.sets = Input(std::move(sets));
  line.payload = Input(std::move(payload));
  return Submit(line);
}

std::string Story::Answer(const std::string& on, const std::string& to, const std::string& by, bool yes) {
  Submission line;
  line.kind = Submission::Kind::kAnswer;
  line.on = Input(on);
  line.to = to;
  line.by = by;
  line.yes = yes;
  return Submit(line);
}

std::string Story::Wait(int64_t ns) {
  now_ += ns;
  Submission line;
  line.kind = Submission::Kind::kTick;
  return Submit(line);
}

std::string Story::Everything() const {
  const Schema& schema = orchestrator_->schema();
  std::string text = absl::StrCat("last ", orchestrator_->last_position(), " at ", orchestrator_->last_time_ns(), " due ",
                                  orchestrator_->NextDue().value_or(-1), "\n");
  for (size_t w = 0; w < schema.workflows.size(); ++w) {
    for (const Instance* instance : orchestrator_->world().InstancesOf(WorkflowId(w))) {
      absl::StrAppend(&text, schema.workflows[w].name, " ", instance->key, " ", StateDigest(schema, *instance), "\n");
    }
  }
  for (const auto& [position, pending] : orchestrator_->escalations().all()) {
    absl::StrAppend(&text, "pending ", position, " ", pending.proposal.key, " ", pending.proposal.actor.id, " ",
                    pending.last_change, " ", absl::StrJoin(pending.approved, ","), "\n");
    for (const Question& q : pending.questions) {
      absl::StrAppend(&text, "  question ", q.number, " ", q.role.value, " ", q.until_ns, " ", q.ladder.value, " ",
                      static_cast<int>(q.state), " ", absl::StrJoin(q.rules, ","), "\n");
    }
    for (const Await& a : pending.awaits) {
      absl::StrAppend(&text, "  awaits ", a.asked, " ", a.rule, " ", a.until_ns, " ", a.ladder.value, " ", a.happened, "\n");
    }
  }
  for (const OpenQuestion& q : orchestrator_->OpenQuestions()) {
    absl::StrAppend(&text, "open ", q.number, " ", q.role.value, " ", q.key, " ", q.until_ns, "\n");
  }
  return text;
}

Story OpenShop() {
  Story story(kShop);
  for (const char* role : {"Desk", "Pricing", "Crm", "Compliance", "Risk", "Lead", "CFO", "CEO"}) {
    std::string id = role;
    for (char& c : id) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    story.Agent(id, {role});
  }
  story.Set("Customer", "c-1", "crm", {{"name", "Initech"}, {"score", 600}});
  story.Set("Customer", "c-2", "crm", {{"name", "Hooli"}, {"score", 400}});
  return story;  // the last position is 10
}

void ExpectFolds(Story* story) {
  const std::string live = story->Everything();
  story->Reopen();
  EXPECT_EQ(story->Everything(), live);
  for (int64_t position = 1; position <= story->orchestrator().last_position(); ++position) {
    absl::StatusOr<store::Event> event = story->orchestrator().EventAt(position);
    ASSERT_TRUE(event.ok()) << event.status();
    const Redecided again = Redecide(*event, story->policy());
    EXPECT_TRUE(again == Redecided::kSame || (event->function.empty() && again == Redecided::kNotDecided)) << position;
  }
  store::MemoryStore store(story->log());
  absl::StatusOr<store::ChainReport> report = store::VerifyChain(&store);
  ASSERT_TRUE(report.ok());
  for (const store::Fault& fault : report->faults) ADD_FAILURE() << fault.position << ": " << fault.text;
}

absl::Status RacingStore::AppendBatch(std::span<const store::PreparedEvent> events, int64_t expected) {
  if (before != nullptr) std::exchange(before, nullptr)();
  return MemoryStore::AppendBatch(events, expected);
}

}  // namespace writ
