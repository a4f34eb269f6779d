// What is asked without a proposal, what a decision obliges to, and who may only consent.
#include <gtest/gtest.h>

#include "runtime/orchestrator/consequences.h"
#include "runtime/orchestrator/replay_session.h"
#include "runtime/orchestrator/tests/story.h"

namespace writ {
namespace {

const char* const kCases = R"(package t

domain office
role Clerk, Owner              in office
human role Chief, Director     in office

obligation page { role: string max 40  amount: money(EUR)  share: percent? }

workflow Case by id: string max 40 {
  amount: money(EUR) in 0 EUR .. 1M EUR
  share:  percent?

  states open, running, closed, stopped
  final  closed
  halted stopped

  start: -> open             sets amount, share?
  begin: open -> running
  raise: in open, running    sets amount
  note:  in running
  close: running -> closed
  stop:  running -> stopped
}

authority Clerk { may start, begin, raise, note, close on Case }
authority Owner { may consent to close on Case }

rule dear in office
  ask Chief on Case within 2h else stop
  when amount > 100 EUR

rule noisy in office
  ask Chief on Case within 1h else ask Director within 1h else stop
  when count(note) >= 2

rule owned in office
  escalate close on Case by Clerk to Owner within 1d else stop
  when amount > 10 EUR
  then notify Owner

rule told in office
  upon close on Case
  then page to Chief { amount: amount  share: share }
)";

Story OpenCases() {
  Story story(kCases);
  for (const char* role : {"Clerk", "Owner", "Chief", "Director"}) story.Agent(role, {role});
  return story;  // the last position is 4
}

std::string Start(Story* story, const char* amount) {
  story->Propose("start", "c", "Clerk", {{"amount", amount}});
  return story->Propose("begin", "c", "Clerk");
}

TEST(Asking, TakesAPositionWhichIsTheQuestionsNumber) {
  Story story = OpenCases();
  EXPECT_EQ(Start(&story, "500 EUR"),
            "6 begin c by Clerk: permit; running\n"
            "7 t.dear c by orchestrator: escalate [t.dear] asks Chief(7) until +2h else stop; running");
  ExpectFolds(&story);
  EXPECT_EQ(story.Propose("note", "c", "Clerk"), "8 note c by Clerk: permit; running");
  EXPECT_EQ(story.Answer("c", "Chief", "Chief", true), "9 yes c by Chief: permit; running");
  EXPECT_EQ(story.Wait(3 * kHour), "");
  ExpectFolds(&story);
  EXPECT_EQ(story.Propose("raise", "c", "Clerk", {{"amount", "600 EUR"}}), "10 raise c by Clerk: permit; running");
  story.Propose("raise", "c", "Clerk", {{"amount", "6 EUR"}});
  EXPECT_EQ(story.Propose("raise", "c", "Clerk", {{"amount", "600 EUR"}}),
            "12 raise c by Clerk: permit; running\n"
            "13 t.dear c by orchestrator: escalate [t.dear] asks Chief(13) until +5h else stop; running");
  ExpectFolds(&story);
}

TEST(Asking, NoGoesToTheEndOfTheLadder) {
  Story story = OpenCases();
  Start(&story, "5 EUR");
  story.Propose("note", "c", "Clerk");
  EXPECT_EQ(story.Propose("note", "c", "Clerk"),
            "8 note c by Clerk: permit; running\n"
            "9 t.noisy c by orchestrator: escalate [t.noisy] asks Chief(9) until +1h else ask Director; running");
  EXPECT_EQ(story.Answer("c", "Chief", "Chief", false),
            "10 no c by Chief: permit; running\n11 stop c by orchestrator: permit [t.noisy]; stopped");
  ExpectFolds(&story);
}

TEST(Asking, TheNextRoleIsAskedInAnEventOfItsOwn) {
  Story story = OpenCases();
  Start(&story, "5 EUR");
  story.Propose("note", "c", "Clerk");
  story.Propose("note", "c", "Clerk");
  EXPECT_EQ(story.Wait(kHour),
            "10 t.noisy c by orchestrator: escalate [t.noisy] asks Director(10) until +2h else stop; running");
  ExpectFolds(&story);
  EXPECT_EQ(story.Answer("c", "Chief", "Chief", true), "11 yes c by Chief: deny [expired]; running");
  EXPECT_EQ(story.Wait(kHour), "12 stop c by orchestrator: permit [t.noisy]; stopped");
  ExpectFolds(&story);
}

TEST(Asking, LeavingTheStateWithdrawsAndOnlyTheAskedRoleAnswers) {
  Story story = OpenCases();
  Start(&story, "500 EUR");
  EXPECT_EQ(story.Propose("raise", "c", "Clerk", {{"amount", "5 EUR"}}), "8 raise c by Clerk: permit; running");
  EXPECT_EQ(story.orchestrator().OpenQuestions().size(), 1u);
  EXPECT_EQ(story.Propose("close", "c", "Clerk"),
            "9 close c by Clerk: permit obliges to page{\"amount\":\"5 EUR\",\"role\":\"Chief\"}; closed");
  EXPECT_EQ(story.orchestrator().OpenQuestions().size(), 0u);
  EXPECT_EQ(story.Answer("c", "Chief", "Chief", true), "10 yes c by Chief: deny [stale]; closed");
  EXPECT_EQ(story.Wait(3 * kHour), "");
  ExpectFolds(&story);
}

TEST(Asking, AnotherPolicysEventsAskNothing) {
  Story story = OpenCases();
  std::string before = kCases;
  before.replace(before.find("amount > 100 EUR"), 16, "amount > 900 EUR");
  story.Reopen(before);
  Start(&story, "500 EUR");
  story.Reopen(kCases);
  EXPECT_EQ(story.orchestrator().OpenQuestions().size(), 0u);
  EXPECT_EQ(story.Propose("note", "c", "Clerk").find("asks"), std::string::npos);
}

TEST(Consent, IsNoAuthorityToPropose) {
  Story story = OpenCases();
  Start(&story, "50 EUR");
  EXPECT_EQ(story.Propose("close", "c", "Owner"), "7 close c by Owner: deny [no_authority]; running");
  EXPECT_EQ(story.Propose("close", "c", "Clerk"),
            "8 close c by Clerk: escalate [t.owned] asks Owner(8) until +1d else stop obliges to notify{\"role\":\"Owner\"}; "
            "running");
  EXPECT_EQ(story.Answer("c", "Owner", "Owner", true),
            "9 yes c by Owner: permit; running\n"
            "10 close c by Clerk: permit obliges to page{\"amount\":\"50 EUR\",\"role\":\"Chief\"}; closed");
  ExpectFolds(&story);
}

const char* const kTold = R"(package t

domain office
role Clerk  in office

obligation page { amount: money(EUR)  text: string max 20 }
obligation fee  { amount: money(EUR) }

workflow Case by id: string max 40 {
  amount: money(EUR) in 0 EUR .. 1M EUR
  costs:  money(EUR) in 0 EUR .. 1M EUR

  states open, closed
  final  closed

  start: -> open         sets amount, costs
  close: open -> closed
}

authority Clerk { may start, close on Case }

rule dear in office
  upon close on Case when amount > 100 EUR
  then page { amount: amount + 1 EUR  text: "dear" }
  then fee { amount: costs }
)";

TEST(Obligations, WhatTheFrameHoldsIsToldAgain) {
  Story story(kTold);
  story.Agent("Clerk", {"Clerk"});
  story.Propose("start", "c", "Clerk", {{"amount", "500 EUR"}, {"costs", "3 EUR"}});
  EXPECT_EQ(story.Propose("close", "c", "Clerk"),
            "3 close c by Clerk: permit obliges to fee{\"amount\":\"3 EUR\"} "
            "obliges to page{\"amount\":\"501 EUR\",\"text\":\"dear\"}; closed");
  const absl::StatusOr<store::Event> event = story.orchestrator().EventAt(3);
  ASSERT_TRUE(event.ok());
  ASSERT_EQ(event->decision.obligations.size(), 2u);
  EXPECT_EQ(Redecide(*event, story.policy()), Redecided::kSame);
  const auto forged = [&](size_t index, const char* fields) {
    store::Event other = *event;
    other.decision.obligations[index].fields = fields;
    return Redecide(other, story.policy());
  };
  EXPECT_EQ(forged(1, R"({"amount":"50 EUR","text":"dear"})"), Redecided::kDifferent);
  EXPECT_EQ(forged(1, R"({"amount":"501 EUR","text":"cheap"})"), Redecided::kDifferent);
  EXPECT_EQ(forged(1, R"({"amount":"501 EUR"})"), Redecided::kDifferent);
  // No guard reads the costs: these rest on the chain.
  EXPECT_EQ(forged(0, R"({"amount":"4 EUR"})"), Redecided::kSame);
}

TEST(Obligations, AHostThatCannotCarryThemOutDoesNotLoadThePolicy) {
  Story story = OpenCases();
  EXPECT_EQ(ObligationsNeeded(story.policy().schema()), (std::vector<std::string>{"notify", "t.page"}));
  store::MemoryStore store;
  OrchestratorOptions options;
  options.obligations = {"notify"};
  const absl::Status refused = Orchestrator::Open(&story.policy(), &store, options).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.message(), "the policy obliges its host to `page`, which this host has not said that it can carry out");
  options.obligations = {"notify", "page"};
  EXPECT_TRUE(Orchestrator::Open(&story.policy(), &store, options).ok());
}

TEST(Asking, FollowingARecordSaysWhatWouldHaveBeenAsked) {
  Story story = OpenCases();
  ReplaySession session(&story.policy());
  const Schema& schema = story.policy().schema();
  Proposal start;
  for (size_t w = 0; w < schema.workflows.size(); ++w) {
    if (schema.workflows[w].name == "Case") start.workflow = WorkflowId(w);
  }
  const Workflow& workflow = schema.workflows[start.workflow.value];
  const auto propose = [&](const char* name, std::vector<Value> sets) {
    Proposal proposal = start;
    for (size_t t = 0; t < workflow.transitions.size(); ++t) {
      if (workflow.transitions[t].name == name) proposal.transition = TransitionId(t);
    }
    proposal.key = "c";
    proposal.key_parts = {Value("c")};
    proposal.sets = std::move(sets);
    proposal.now_ns = kStart;
    session.Decide(&proposal);
  };
  propose("start", {Value(int64_t{50'000}), Value()});
  EXPECT_TRUE(session.would_have().empty());
  propose("begin", {});
  ASSERT_EQ(session.would_have().size(), 1u);
  EXPECT_EQ(session.would_have()[0].kind, WouldHave::Kind::kAsk);
  session.MoveTo(kStart + 3 * kHour);
  ASSERT_EQ(session.would_have().size(), 1u);
  EXPECT_EQ(session.would_have()[0].kind, WouldHave::Kind::kFallback);
}

// A fact keeps what was computed of an event, which may lie further out than any time that is given; what is computed of that
// may leave 64 bits, and is unknown then.
TEST(Obligations, WhatIsComputedOfAFactMayLeaveItsWord) {
  Story story(R"(package t

domain office
role Clerk in office

obligation tell { gap: duration }

workflow Case by id: string max 40 {
  since: time

  states open, told

  start: -> open sets since
  note:  in open { wait: duration }
  close: open -> told
}

authority Clerk { may start, note, close on Case }

rule told in office
  upon close on Case
  then tell { gap: (max(now + wait for note) ?? now) - since }
)");
  story.Agent("ann", {"Clerk"});
  const auto gap = [&](const char* on, const char* since) {
    story.Propose("start", on, "ann", {{"since", since}});
    story.Propose("note", on, "ann", {}, {{"wait", "1200000h"}});
    story.Propose("close", on, "ann");
    const auto event = story.orchestrator().EventAt(story.orchestrator().last_position());
    return std::pair(event->decision.obligations.at(0).fields, event->decision.indeterminate.size());
  };
  EXPECT_EQ(gap("near", "2026-03-02T09:00:00Z"), std::pair(std::string("{\"gap\":\"50000d\"}"), size_t{0}));
  EXPECT_EQ(gap("far", "1830-01-01T00:00:00Z"), std::pair(std::string("{}"), size_t{1}));
  ExpectFolds(&story);
}

}  // namespace
}  // namespace writ
