// The sentences of docs/internals/semantics.md, each as a story.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/orchestrator/commit_loop.h"
#include "runtime/orchestrator/replay_session.h"
#include "runtime/orchestrator/tests/story.h"
#include "runtime/store/chain.h"

namespace writ {
namespace {

Input::Object Deal(const char* amount, const char* customer = "c-1") {
  return {{"amount", amount}, {"customer", customer}};
}
Input::Object Stance(const char* stance) { return {{"stance", stance}}; }

// A draft of `amount` at position 11.
Story Draft(const char* amount, const char* customer = "c-1") {
  Story story = OpenShop();
  EXPECT_EQ(story.Propose("open", "d", "desk", Deal(amount, customer)), "11 open d by desk: permit; draft");
  return story;
}

// Under review at position 12.
Story UnderReview(const char* amount = "100 USD") {
  Story story = Draft(amount);
  EXPECT_EQ(story.Propose("submit", "d", "desk"), "12 submit d by desk: permit; review");
  return story;
}

// ---------------------------------------------------------------- lines

TEST(Lines, WhatTheSchemaDoesNotKnowIsRefusedAndTakesNoPosition) {
  Story story = OpenShop();
  EXPECT_EQ(story.Propose("opne", "d", "desk", Deal("1 USD")), "refused: no workflow has a transition `opne`");
  EXPECT_EQ(story.Propose("open", "d", "nobody", Deal("1 USD")), "refused: `nobody` is not registered");
  EXPECT_EQ(story.Propose("open", "d", "orchestrator", Deal("1 USD")), "refused: `orchestrator` cannot be claimed");
  EXPECT_EQ(story.Propose("open", "d", "desk", {{"amount", "1 USD"}}), "refused: `open` needs `customer`");
  EXPECT_EQ(story.Propose("open", "d", "desk", {{"amont", "1 USD"}}), "refused: `Deal` has no field `amont`");
  EXPECT_EQ(story.Propose("submit", "d", "desk", {{"amount", "1 USD"}}), "refused: `submit` does not set `amount`");
  EXPECT_EQ(story.Propose("assess", "d", "risk"), "refused: `assess` needs `stance`");
  EXPECT_EQ(story.Propose("assess", "d", "risk", {}, {{"stance", "approve"}, {"stance", "reject"}}),
            "refused: `stance` is there twice");
  EXPECT_TRUE(absl::StartsWith(story.Propose("open", "d", "desk", {{"amount", 5}, {"customer", "c-1"}}),
                               "refused: `amount`: it needs an amount"));
  EXPECT_TRUE(absl::StartsWith(story.Propose("open", "d", "desk", {{"amount", "2000000000 USD"}, {"customer", "c-1"}}),
                               "refused: `amount`: "));
  EXPECT_TRUE(
      absl::StartsWith(story.Propose("drop", "m", "desk"), "refused: several workflows have a transition `drop`"));
  EXPECT_EQ(story.Set("Deal", "d", "crm", {}), "refused: `Deal` is no entity: only entities are set");
  EXPECT_EQ(story.Agent("bot", {"CFO"}).substr(0, 2), "11");  // without a kind it is a human
  Submission agent;
  agent.kind = Submission::Kind::kAgent;
  agent.agent = {"bot2", false, "", {"CFO"}, "", {}};
  EXPECT_EQ(story.Submit(agent), "refused: `CFO` is a human role, and `bot2` is an agent");
  EXPECT_EQ(story.Agent("bot3", {"Cook"}), "refused: there is no role `Cook`");
  EXPECT_EQ(story.orchestrator().last_position(), 11);
}

TEST(Lines, TimeDoesNotGoBack) {
  Story story = OpenShop();
  story.Later(-1);
  EXPECT_TRUE(absl::StartsWith(story.Propose("open", "d", "desk", Deal("1 USD")), "refused: time goes back"));
}

TEST(Lines, AClaimedRoleThatIsNotHeldIsDenied) {
  Story story = OpenShop();
  Submission line;
  line.transition = "open";
  line.on = Input("d");
  line.by = "pricing";
  line.as = "Desk";
  line.sets = Input(Deal("1 USD"));
  EXPECT_EQ(story.Submit(line), "11 open d by pricing: deny [no_authority]; new");
}

TEST(Lines, OfSeveralRolesTheOneThatFitsIsTaken) {
  Story story = OpenShop();
  story.Agent("both", {"Crm", "Desk"});
  EXPECT_EQ(story.Propose("open", "d", "both", Deal("1 USD")), "12 open d by both: permit; draft");
  EXPECT_EQ(story.orchestrator().EventAt(12)->role, "t.Desk");
  story.Agent("two", {"Compliance", "Risk"});
  story.Propose("submit", "d", "both");
  EXPECT_EQ(story.Propose("assess", "d", "two", {}, Stance("approve")),
            "refused: `two` holds several roles that fit (Compliance, Risk): say which with `as`");
}

TEST(Lines, AnInlineActorIsRegisteredByItsProposal) {
  Story story = OpenShop();
  Submission line;
  line.transition = "open";
  line.on = Input("d");
  line.inline_actor = ActorDescription{"temp", std::nullopt, "", {"Desk"}, "", {}};
  line.sets = Input(Deal("1 USD"));
  EXPECT_EQ(story.Submit(line), "11 open d by temp: permit; draft");
  EXPECT_EQ(story.Propose("submit", "d", "temp"), "12 submit d by temp: permit; review");
  ExpectFolds(&story);
  EXPECT_NE(story.orchestrator().registry().Find("temp"), nullptr);
}

TEST(Lines, AnAgentLineAgainReplacesTheRoles) {
  Story story = OpenShop();
  EXPECT_EQ(story.Agent("desk", {"Pricing"}), "11 change desk by host: permit; active");
  EXPECT_EQ(story.Propose("open", "d", "desk", Deal("1 USD")), "12 open d by desk: deny [no_authority]; new");
  ExpectFolds(&story);
}

TEST(Lines, AnEntityKeepsWhatIsNotNamed) {
  Story story = OpenShop();
  EXPECT_EQ(story.Set("Customer", "c-3", "crm", {{"score", 1}}), "refused: `set` needs `name`");
  EXPECT_EQ(story.Set("Customer", "c-1", "crm", {{"score", 1}}), "11 set c-1 by crm: permit; known");
  EXPECT_EQ(
      story.orchestrator().world().Find(*story.orchestrator().ResolveWorkflow("Customer"), "c-1")->fields[0].text(),
      "Initech");
}

TEST(Lines, NoRecord) {
  Story story = OpenShop();
  EXPECT_EQ(story.Propose("open", "d", "desk", Deal("1 USD", "c-9")), "11 open d by desk: deny [no_record]; new");
}

TEST(Lines, Suspended) {
  Story story(std::string(kShop) + "\nrole Admin in trade\nauthority Admin { may suspend, resume on Agent }\n");
  story.Agent("desk", {"Desk"});
  story.Agent("admin", {"Admin"});
  story.Agent("crm", {"Crm"});
  story.Set("Customer", "c-1", "crm", {{"name", "Initech"}, {"score", 600}});
  Submission line;
  line.workflow = "Agent";
  line.transition = "suspend";
  line.on = Input("desk");
  line.by = "admin";
  EXPECT_EQ(story.Submit(line), "5 suspend desk by admin: permit; suspended");
  EXPECT_EQ(story.Propose("open", "d", "desk", Deal("1 USD")), "6 open d by desk: deny [suspended]; new");
  ExpectFolds(&story);
}

TEST(Lines, StaleWhatIsSeen) {
  Story story = Draft("100 USD");
  EXPECT_EQ(story.Propose("price", "d", "desk", {{"amount", "200 USD"}}), "12 price d by desk: permit; draft");
  Submission line;
  line.transition = "submit";
  line.on = Input("d");
  line.by = "desk";
  line.seen = 11;
  EXPECT_EQ(story.Submit(line), "13 submit d by desk: deny [stale]; draft");
  // What only records does not count.
  story.Propose("remark", "d", "desk", {}, {{"text", "hm"}});
  line.seen = 12;
  EXPECT_EQ(story.Submit(line), "15 submit d by desk: permit; review");
  line.seen = 99;
  EXPECT_EQ(story.Submit(line), "refused: nobody has seen position 99: the last is 15");
}

TEST(Lines, IdempotencyKeys) {
  Story story = Draft("100 USD");
  Submission line;
  line.transition = "price";
  line.on = Input("d");
  line.by = "desk";
  line.idempotency_key = "k";
  line.sets = Input(Input::Object{{"amount", "200 USD"}});
  EXPECT_EQ(story.Submit(line), "12 price d by desk: permit; draft");
  EXPECT_EQ(story.Submit(line), "12 price d by desk: permit; draft (again)");
  line.sets = Input(Input::Object{{"amount", "300 USD"}});
  EXPECT_EQ(story.Submit(line), "13 price d by desk: deny [duplicate]; draft");
  EXPECT_EQ(story.orchestrator().EventAt(13)->idempotency_key, "");
  ExpectFolds(&story);
  line.sets = Input(Input::Object{{"amount", "200 USD"}});
  EXPECT_EQ(story.Submit(line), "12 price d by desk: permit; draft (again)");  // after reopening too
  line.by = "lead";
  EXPECT_EQ(story.Submit(line), "14 price d by lead: deny [no_authority]; draft");  // the key belongs to its actor
}

// ---------------------------------------------------------------- pending proposals

TEST(Pending, YesFromTheAskedRoleDecidesAgain) {
  Story story = Draft("2000000 USD");
  EXPECT_EQ(story.Propose("sign", "d", "desk"),
            "12 sign d by desk: escalate [t.big] asks CFO(12) until +4h else escalate sign to CEO; draft");
  ExpectFolds(&story);
  EXPECT_EQ(story.Answer("d", "CFO", "cfo", true),
            "13 yes d by cfo: permit; draft\n14 sign d by desk: permit; approved");
  EXPECT_EQ(story.Answer("d", "CFO", "cfo", true), "15 yes d by cfo: deny [duplicate]; approved");
  ExpectFolds(&story);
}

TEST(Pending, ProposingTheSameAgainJoinsAndMovesNoDeadline) {
  Story story = Draft("2000000 USD");
  story.Propose("sign", "d", "desk");
  story.Later(kHour);
  EXPECT_EQ(story.Propose("sign", "d", "desk"),
            "13 sign d by desk: escalate [t.big] asks CFO(12) until +4h else escalate sign to CEO; draft");
  EXPECT_EQ(story.orchestrator().OpenQuestions().size(), 1u);
  EXPECT_EQ(story.orchestrator().escalations().all().size(), 1u);
  ExpectFolds(&story);
}

TEST(Pending, ALadderOfTwoRungs) {
  Story story = Draft("2000000 USD");
  story.Propose("sign", "d", "desk");
  EXPECT_EQ(story.Wait(4 * kHour),
            "13 sign d by orchestrator: escalate [t.big] asks CEO(13) until +6h else block; draft");
  ExpectFolds(&story);
  EXPECT_EQ(story.Answer("d", "CFO", "cfo", true),
            "14 yes d by cfo: deny [expired]; draft");  // at the deadline is late
  EXPECT_EQ(story.Wait(2 * kHour), "15 block d by orchestrator: permit [t.big]; blocked");
  EXPECT_TRUE(story.orchestrator().escalations().all().empty());
  ExpectFolds(&story);
}

TEST(Pending, TheNextRungsYesDischargesTheRule) {
  Story story = Draft("2000000 USD");
  story.Propose("sign", "d", "desk");
  story.Wait(5 * kHour);
  EXPECT_EQ(story.Answer("d", "CEO", "ceo", true),
            "14 yes d by ceo: permit; draft\n15 sign d by desk: permit; approved");
  ExpectFolds(&story);
}

TEST(Pending, ANoGoesToTheEndOfTheLadderAtOnce) {
  Story story = Draft("2000000 USD");
  story.Propose("sign", "d", "desk");
  EXPECT_EQ(story.Answer("d", "CFO", "cfo", false),
            "13 no d by cfo: permit; draft\n14 block d by orchestrator: permit [t.big]; blocked");
  ExpectFolds(&story);
}

TEST(Pending, AllAskedRolesMustSayYes) {
  Story story = Draft("6000000 USD");
  EXPECT_EQ(
      story.Propose("sign", "d", "desk"),
      "12 sign d by desk: escalate [t.big, t.huge] asks CFO(12) until +4h else escalate sign to CEO asks Lead(12) "
      "until +8h else deny; draft");
  EXPECT_EQ(story.Answer("d", "Lead", "lead", true), "13 yes d by lead: permit; draft");
  // It is asked again only of those who have not answered.
  EXPECT_EQ(story.Propose("sign", "d", "desk"),
            "14 sign d by desk: escalate [t.big, t.huge] asks CFO(12) until +4h else escalate sign to CEO; draft");
  ExpectFolds(&story);
  EXPECT_EQ(story.Answer("d", "CFO", "cfo", true),
            "15 yes d by cfo: permit; draft\n16 sign d by desk: permit; approved");
}

TEST(Pending, TheFirstNoDecides) {
  Story story = Draft("6000000 USD");
  story.Propose("sign", "d", "desk");
  EXPECT_EQ(story.Answer("d", "Lead", "lead", false),
            "13 no d by lead: permit; draft\n14 sign d by orchestrator: deny [t.huge]; draft");
  EXPECT_EQ(story.Answer("d", "CFO", "cfo", true), "15 yes d by cfo: deny [stale]; draft");
  EXPECT_EQ(story.Wait(24 * kHour), "");
  ExpectFolds(&story);
}

TEST(Pending, AChangeWithdrawsIt) {
  Story story = Draft("2000000 USD");
  story.Propose("sign", "d", "desk");
  story.Propose("remark", "d", "desk", {}, {{"text", "only records"}});
  EXPECT_EQ(story.orchestrator().OpenQuestions().size(), 1u);
  EXPECT_EQ(story.Propose("price", "d", "desk", {{"amount", "3000000 USD"}}), "14 price d by desk: permit; draft");
  EXPECT_TRUE(story.orchestrator().OpenQuestions().empty());
  EXPECT_EQ(story.Answer("d", "CFO", "cfo", true), "15 yes d by cfo: deny [stale]; draft");
  EXPECT_EQ(story.Wait(24 * kHour), "");
  ExpectFolds(&story);
}

TEST(Pending, WhoApproves) {
  Story story = Draft("20000000 USD");
  story.Agent("deputy", {"CFO"}, "desk");  // answers for the same principal as the proposer
  story.Agent("other", {"Lead"});
  story.Propose("sign", "d", "desk");  // 14
  EXPECT_EQ(story.Answer("d", "CFO", "deputy", true), "15 yes d by deputy: deny [self_approval]; draft");
  EXPECT_EQ(story.Answer("d", "CFO", "other", true), "16 yes d by other: deny [no_authority]; draft");
  // Lead's authority ends at 10M.
  EXPECT_EQ(story.Answer("d", "Lead", "lead", true), "17 yes d by lead: deny [no_authority]; draft");
  EXPECT_EQ(story.Answer("d", "CEO", "ceo", true), "refused: `CEO` was asked nothing about `d`");
  ExpectFolds(&story);
}

TEST(Pending, AProposalInTheAskedRoleIsNotAsked) {
  Story story = Draft("2000000 USD");
  story.Propose("sign", "d", "desk");
  EXPECT_EQ(story.Propose("sign", "d", "cfo"), "13 sign d by cfo: permit; approved");
  EXPECT_TRUE(story.orchestrator().escalations().all().empty());
  ExpectFolds(&story);
}

TEST(Pending, WhatIsNotThereYetCanBeAskedAbout) {
  Story story = OpenShop();
  EXPECT_EQ(story.Propose("open", "d", "desk", Deal("600000000 USD")),
            "11 open d by desk: escalate [t.enormous] asks Lead(11) until +1h else deny; new");
  EXPECT_EQ(story.Propose("open", "e", "desk", Deal("600000000 USD")),
            "12 open e by desk: escalate [t.enormous] asks Lead(12) until +1h else deny; new");
  // Lead may not open deals, so it may not agree to one either.
  EXPECT_EQ(story.Answer("d", "Lead", "lead", true), "13 yes d by lead: deny [no_authority]; new");
  EXPECT_EQ(story.Wait(kHour),
            "14 open d by orchestrator: deny [t.enormous]; new\n15 open e by orchestrator: deny [t.enormous]; new");
  ExpectFolds(&story);
}

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  return text.replace(text.find(what), what.size(), with);
}

TEST(Policies, LaddersAndApprovalsOutliveAChangeOfPolicy) {
  Story story = Draft("2000000 USD");
  story.Propose("sign", "d", "desk");
  // Another rule moves all ids; this one is what it was.
  story.Reopen(
      std::string(kShop) +
      "rule another in legal\n  escalate sign on Deal to Lead within 8h else block\n  when amount > 900M USD\n");
  EXPECT_EQ(story.orchestrator().EventAt(13)->kind, store::EventKind::kPolicy);
  EXPECT_EQ(story.Wait(4 * kHour),
            "14 sign d by orchestrator: escalate [t.big] asks CEO(14) until +6h else block; draft");
  EXPECT_EQ(story.Answer("d", "CEO", "ceo", true),
            "15 yes d by ceo: permit; draft\n16 sign d by desk: permit; approved");
}

TEST(Policies, AnApprovalDischargesNoOtherRuleOfThatName) {
  Story story = Draft("2000000 USD");
  story.Propose("sign", "d", "desk");
  story.Reopen(Replaced(kShop, "when amount > 1M USD", "when amount > 1500000 USD"));
  EXPECT_EQ(story.Answer("d", "CFO", "cfo", true),
            "14 yes d by cfo: permit; draft\n"
            "15 sign d by desk: escalate [t.big] asks CFO(15) until +4h else escalate sign to CEO; draft");
}

TEST(Holds, EndWhenWhatIsAwaitedHappens) {
  Story story = Draft("100 USD", "c-2");
  EXPECT_EQ(story.Propose("sign", "d", "desk"),
            "12 sign d by desk: hold [t.unchecked] awaits check by Risk until +1d; draft");
  ExpectFolds(&story);
  EXPECT_EQ(story.Propose("check", "d", "risk"),
            "13 check d by risk: permit; draft\n14 sign d by desk: permit; approved");
  ExpectFolds(&story);
}

TEST(Holds, NoQuestionOpensWhileItIsHeldThenItAsks) {
  Story story = Draft("2000000 USD", "c-2");
  EXPECT_EQ(story.Propose("sign", "d", "desk"),
            "12 sign d by desk: hold [t.unchecked] awaits check by Risk until +1d; draft");
  EXPECT_TRUE(story.orchestrator().OpenQuestions().empty());
  EXPECT_EQ(story.Propose("check", "d", "risk"),
            "13 check d by risk: permit; draft\n"
            "14 sign d by desk: escalate [t.big] asks CFO(14) until +4h else escalate sign to CEO; draft");
  ExpectFolds(&story);
  EXPECT_EQ(story.Answer("d", "CFO", "cfo", true),
            "15 yes d by cfo: permit; draft\n16 sign d by desk: permit; approved");
}

TEST(Holds, RunOutAndAskAndTheYesDischargesTheHold) {
  Story story = Draft("100 USD", "c-2");
  story.Propose("sign", "d", "desk");
  EXPECT_EQ(story.Wait(24 * kHour),
            "13 sign d by orchestrator: escalate [t.unchecked] asks CFO(13) until +1d4h else block; draft");
  ExpectFolds(&story);
  EXPECT_EQ(story.Answer("d", "CFO", "cfo", true),
            "14 yes d by cfo: permit; draft\n15 sign d by desk: permit; approved");
  ExpectFolds(&story);
}

TEST(Holds, RunOutTwiceAndBlock) {
  Story story = Draft("100 USD", "c-2");
  story.Propose("sign", "d", "desk");
  EXPECT_EQ(story.Wait(30 * kHour),
            "13 sign d by orchestrator: escalate [t.unchecked] asks CFO(13) until +1d4h else block; draft\n"
            "14 block d by orchestrator: permit [t.unchecked]; blocked");
  EXPECT_EQ(story.orchestrator().EventAt(14)->time_ns, kStart + 28 * kHour);  // with now = its due time
  ExpectFolds(&story);
}

TEST(Pending, TimersComeBeforeWhatHappensLater) {
  Story story = Draft("2000000 USD");
  story.Propose("sign", "d", "desk");
  story.Later(7 * kHour);
  EXPECT_EQ(story.Propose("submit", "d", "desk"),
            "13 sign d by orchestrator: escalate [t.big] asks CEO(13) until +6h else block; draft\n"
            "14 block d by orchestrator: permit [t.big]; blocked\n"
            "15 submit d by desk: deny [no_transition]; blocked");
  ExpectFolds(&story);
}

// ---------------------------------------------------------------- reviews

TEST(Reviews, ConcludeWhenEverySeatHasSpoken) {
  Story story = UnderReview();
  EXPECT_EQ(story.Propose("assess", "d", "pricing", {}, Stance("approve")), "13 assess d by pricing: permit; review");
  EXPECT_EQ(story.Propose("assess", "d", "compliance", {}, Stance("approve")),
            "14 assess d by compliance: permit; review");
  ExpectFolds(&story);
  EXPECT_EQ(
      story.Propose("assess", "d", "risk", {}, Stance("approve")),
      "15 assess d by risk: permit; review\n16 approve d by orchestrator: permit [t.Deal.review.priced]; approved");
  ExpectFolds(&story);
}

TEST(Reviews, Veto) {
  Story story = UnderReview();
  story.Propose("assess", "d", "pricing", {}, Stance("approve"));
  story.Propose("assess", "d", "compliance", {}, Stance("reject"));
  EXPECT_EQ(story.Propose("assess", "d", "risk", {}, Stance("flag")),
            "15 assess d by risk: permit; review\n16 block d by orchestrator: permit [t.Deal.review.veto]; blocked");
  EXPECT_EQ(story.Propose("close", "d", "desk"), "17 close d by desk: deny [no_transition]; blocked");
}

TEST(Reviews, BindWhatTheyConclude) {
  Story story = UnderReview();
  story.Propose("assess", "d", "pricing", {}, Stance("approve"));
  EXPECT_EQ(
      story.Propose("approve", "d", "lead"),
      "14 approve d by lead: hold [review.pending] awaits assess by Compliance until +1d awaits assess by Risk until "
      "+1d; review");
  story.Propose("assess", "d", "compliance", {}, Stance("approve"));
  ExpectFolds(&story);
  EXPECT_EQ(story.Propose("assess", "d", "risk", {}, Stance("flag")),
            "16 assess d by risk: permit; review\n"
            "17 approve d by orchestrator: escalate [t.Deal.review.worried] asks CFO(17) until +4h else block; review\n"
            "18 approve d by lead: deny [t.Deal.review.worried]; review");
  EXPECT_EQ(story.Propose("approve", "d", "lead"), "19 approve d by lead: deny [t.Deal.review.worried]; review");
  ExpectFolds(&story);
  EXPECT_EQ(story.Answer("d", "CFO", "cfo", true),
            "20 yes d by cfo: permit; review\n21 approve d by orchestrator: permit [t.Deal.review.worried]; approved");
  ExpectFolds(&story);
}

TEST(Reviews, AProposalOfTheAskedRoleIsItsYes) {
  Story story = UnderReview();
  for (const char* by : {"pricing", "compliance"}) story.Propose("assess", "d", by, {}, Stance("approve"));
  story.Propose("assess", "d", "risk", {}, Stance("flag"));  // 15, 16
  EXPECT_EQ(story.Propose("approve", "d", "cfo"), "17 approve d by cfo: permit; approved");
  EXPECT_TRUE(story.orchestrator().OpenQuestions().empty());
}

TEST(Reviews, LateAndEveryCompletionGivesTheSame) {
  Story story = UnderReview();
  story.Propose("assess", "d", "compliance", {}, Stance("reject"));
  EXPECT_EQ(story.Wait(24 * kHour), "14 block d by orchestrator: permit [t.Deal.review.veto]; blocked");
  ExpectFolds(&story);
}

TEST(Reviews, LateAndOpenGoesToTheElse) {
  Story story = UnderReview();
  story.Propose("assess", "d", "pricing", {}, Stance("approve"));
  EXPECT_EQ(story.Wait(24 * kHour),
            "14 approve d by orchestrator: escalate [t.Deal.review.else] asks CFO(14) until +1d8h else block; review");
  ExpectFolds(&story);
  EXPECT_EQ(story.Wait(8 * kHour), "15 block d by orchestrator: permit [t.Deal.review.else]; blocked");
  ExpectFolds(&story);
}

TEST(Reviews, ANewRoundForgetsVerdictsAndStartsTheTimeAgain) {
  Story story = UnderReview();
  story.Propose("assess", "d", "pricing", {}, Stance("approve"));
  story.Propose("assess", "d", "compliance", {}, Stance("reject"));
  story.Later(kHour);
  EXPECT_EQ(story.Propose("amend", "d", "desk", {{"amount", "50 USD"}}), "15 amend d by desk: permit; review");
  EXPECT_EQ(story.orchestrator().NextDue(), kStart + 25 * kHour);
  EXPECT_EQ(story.Propose("assess", "d", "risk", {}, Stance("approve")), "16 assess d by risk: permit; review");
  ExpectFolds(&story);
}

TEST(Reviews, ASeatIsTaken) {
  Story story = UnderReview();
  story.Agent("risk2", {"Risk"});  // 13
  story.Propose("assess", "d", "risk", {}, Stance("approve"));
  EXPECT_EQ(story.Propose("assess", "d", "risk2", {}, Stance("reject")),
            "15 assess d by risk2: deny [seat_taken]; review");
  EXPECT_EQ(story.Propose("assess", "d", "risk", {}, Stance("flag")), "16 assess d by risk: permit; review");
}

TEST(Reviews, QuorumConcludesWhenTheRestCannotChangeIt) {
  Story story = OpenShop();
  for (const char* id : {"v1", "v2", "v3"}) story.Agent(id, {"Voter"});  // 13
  story.Propose("table", "m", "v1");
  story.Propose("call", "m", "v1");  // 15
  EXPECT_EQ(story.Propose("vote", "m", "v1", {}, Stance("approve")), "16 vote m by v1: permit; voting");
  EXPECT_EQ(story.Propose("vote", "m", "v2", {}, Stance("reject")), "17 vote m by v2: permit; voting");
  EXPECT_EQ(story.Propose("adopt", "m", "v1").substr(0, 40), "18 adopt m by v1: hold [review.pending] ");
  EXPECT_EQ(story.Propose("vote", "m", "v3", {}, Stance("approve")),
            "19 vote m by v3: permit; voting\n20 adopt m by orchestrator: permit [t.Motion.review.passed]; adopted");
  ExpectFolds(&story);

  story.Propose("table", "n", "v1");
  story.Propose("call", "n", "v1");
  story.Propose("vote", "n", "v1", {}, Stance("approve"));
  EXPECT_EQ(story.Propose("vote", "n", "v2", {}, Stance("approve")),
            "24 vote n by v2: permit; voting\n25 adopt n by orchestrator: permit [t.Motion.review.passed]; adopted");
}

TEST(Reviews, ElseDenyConcludesNothingAndBinds) {
  Story story = OpenShop();
  story.Agent("v1", {"Voter"});
  story.Propose("table", "m", "v1");
  story.Propose("call", "m", "v1");  // 13
  EXPECT_EQ(story.Propose("adopt", "m", "v1"),
            "14 adopt m by v1: hold [review.pending] awaits vote by Voter until +1h; voting");
  EXPECT_EQ(story.Wait(kHour),
            "15 conclude m by orchestrator: deny [t.Motion.review.else]; voting\n"
            "16 adopt m by v1: deny [t.Motion.review.else]; voting");
  EXPECT_EQ(story.Wait(kHour), "");
  ExpectFolds(&story);
}

TEST(Reviews, TwoOutcomesLeftAreAConflict) {
  Story story = OpenShop();
  story.Propose("bring", "k", "desk");
  story.Propose("judge", "k", "compliance", {}, Stance("approve"));
  EXPECT_EQ(story.Propose("judge", "k", "risk", {}, Stance("reject")),
            "13 judge k by risk: permit; open\n14 conclude k by orchestrator: deny [review.conflict]; open");
  EXPECT_EQ(story.Propose("keep", "k", "desk"), "15 keep k by desk: deny [review.conflict]; open");
  ExpectFolds(&story);
}

// ---------------------------------------------------------------- the store

TEST(Commit, AnotherHandleIsCaughtUpWith) {
  Story story = OpenShop();
  store::MemoryStore second(story.log());
  absl::StatusOr<std::unique_ptr<Orchestrator>> other = Orchestrator::Open(&story.policy(), &second, {});
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(story.Propose("open", "d", "desk", Deal("1 USD")), "11 open d by desk: permit; draft");
  Submission line;
  line.transition = "submit";
  line.on = Input("d");
  line.by = "desk";
  line.at_ns = story.now();
  absl::StatusOr<std::vector<DecisionRecord>> records = (*other)->Submit(line);
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ(records->front().position, 12);
  EXPECT_EQ(story.Propose("submit", "d", "desk"), "13 submit d by desk: deny [no_transition]; review");
}

TEST(Commit, TheLoserOfARaceDecidesAgain) {
  Story story = Draft("100 USD");
  RacingStore racing(story.log());
  absl::StatusOr<std::unique_ptr<Orchestrator>> other = Orchestrator::Open(&story.policy(), &racing, {});
  ASSERT_TRUE(other.ok());
  racing.before = [&] { EXPECT_EQ(story.Propose("submit", "d", "desk"), "12 submit d by desk: permit; review"); };
  Submission line;
  line.transition = "submit";
  line.on = Input("d");
  line.by = "desk";
  line.at_ns = story.now();
  absl::StatusOr<std::vector<DecisionRecord>> records = (*other)->Submit(line);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 1u);
  EXPECT_EQ(story.Tell(records->front()), "13 submit d by desk: deny [no_transition]; review");
}

TEST(Commit, NothingIsAcknowledgedWhenTheStoreFails) {
  for (const bool kept : {false, true}) {
    Story story = Draft("100 USD");
    store::MemoryStore failing(story.log());
    absl::StatusOr<std::unique_ptr<Orchestrator>> other = Orchestrator::Open(&story.policy(), &failing, {});
    ASSERT_TRUE(other.ok());
    failing.FailNextAppend(kept);
    CommitLoop loop(other->get());
    Submission line;
    line.transition = "submit";
    line.on = Input("d");
    line.by = "desk";
    line.at_ns = story.now();
    EXPECT_TRUE(absl::IsDataLoss(loop.Propose(line).status()));
    EXPECT_FALSE(loop.Propose(line).ok());
    story.Reopen();
    EXPECT_EQ(story.orchestrator().last_position(), kept ? 12 : 11);
  }
}

// It is read once for each line that is decided, so that one can wait until that has happened.
class CountingClock : public Clock {
 public:
  std::atomic<int> reads{0};
  int64_t NowNs() override {
    ++reads;
    return kStart;
  }
};

// A loop over the log of a story, whose first append lasts until the lines that `Meanwhile` proposes have been decided.
class Overlap {
 public:
  explicit Overlap(const Story& story) : racing_(story.log()) {
    OrchestratorOptions options;
    options.mode = ClockMode::kLive;
    options.clock = &clock_;
    orchestrator_ = *Orchestrator::Open(&story.policy(), &racing_, options);
    loop_ = std::make_unique<CommitLoop>(orchestrator_.get());
  }

  static Submission Line(const char* transition, const char* on, const char* key = "") {
    Submission line;
    line.transition = transition;
    line.on = Input(on);
    line.by = "desk";
    line.idempotency_key = key;
    if (line.transition == "open") line.sets = Input(Deal("1 USD"));
    return line;
  }

  // `then` runs when all are decided, on the thread that appends, before the first append.
  void Meanwhile(std::vector<Submission> lines, std::function<void()> then) {
    asked_ = lines.size();
    lines.resize(CommitLoop::kGroupMax);  // only a whole group is decided ahead: lines that say nothing are refused
    racing_.before = [this, lines, then] {
      const int decided = clock_.reads + static_cast<int>(lines.size());
      for (const Submission& line : lines) Propose(line);
      // The last line's clock is read when all before it are decided.
      while (clock_.reads < decided) std::this_thread::yield();
      then();
    };
  }

  // The answers, in the order in which they were told: to `first`, then to what came meanwhile.
  std::vector<CommitLoop::Answer> Run(const Submission& first) {
    Propose(first);
    done_.get_future().wait();
    loop_.reset();
    answers_.resize(1 + asked_, absl::UnknownError(""));
    return std::move(answers_);
  }

  RacingStore& store() { return racing_; }

 private:
  void Propose(const Submission& line) {
    loop_->ProposeAsync(line, [this](CommitLoop::Answer answer) {
      answers_.push_back(std::move(answer));
      if (answers_.size() == 1 + CommitLoop::kGroupMax) done_.set_value();
    });
  }

  RacingStore racing_;
  CountingClock clock_;
  std::unique_ptr<Orchestrator> orchestrator_;
  std::unique_ptr<CommitLoop> loop_;
  size_t asked_ = 0;
  std::vector<CommitLoop::Answer> answers_;
  std::promise<void> done_;
};

TEST(Commit, WhatComesDuringAFlushIsDecidedOnTopOfIt) {
  Story story = Draft("100 USD");
  Overlap overlap(story);
  overlap.Meanwhile({Overlap::Line("submit", "d"), Overlap::Line("open", "e"), Overlap::Line("submit", "e")}, [] {});
  const std::vector<CommitLoop::Answer> answers = overlap.Run(Overlap::Line("submit", "d"));
  const char* const expected[] = {"12 submit d by desk: permit; review", "13 submit d by desk: deny [no_transition]; review",
                                  "14 open e by desk: permit; draft", "15 submit e by desk: permit; review"};
  story.Reopen();
  ASSERT_EQ(answers.size(), std::size(expected));
  for (size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(story.Tell(answers[i]->front()), expected[i]);
  ExpectFolds(&story);
}

TEST(Commit, WhatWasDecidedAheadIsDecidedAgainWhenOthersGetInBetween) {
  Story story = Draft("100 USD");
  Overlap overlap(story);
  overlap.Meanwhile({Overlap::Line("open", "e"), Overlap::Line("submit", "e")}, [&] {
    EXPECT_EQ(story.Propose("submit", "d", "desk"), "12 submit d by desk: permit; review");
  });
  const std::vector<CommitLoop::Answer> answers = overlap.Run(Overlap::Line("submit", "d"));
  const char* const expected[] = {"13 submit d by desk: deny [no_transition]; review", "14 open e by desk: permit; draft",
                                  "15 submit e by desk: permit; review"};
  story.Reopen();
  ASSERT_EQ(answers.size(), std::size(expected));
  for (size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(story.Tell(answers[i]->front()), expected[i]);
  ExpectFolds(&story);
}

TEST(Commit, WhatWasDecidedOnTopOfALostBatchIsNotAcknowledged) {
  for (const bool kept : {false, true}) {
    Story story = Draft("100 USD");
    Overlap overlap(story);
    overlap.Meanwhile({Overlap::Line("open", "e"), Overlap::Line("submit", "e")},
                      [&] { overlap.store().FailNextAppend(kept); });
    const std::vector<CommitLoop::Answer> answers = overlap.Run(Overlap::Line("submit", "d"));
    ASSERT_EQ(answers.size(), 3u);
    for (const CommitLoop::Answer& answer : answers) EXPECT_TRUE(absl::IsDataLoss(answer.status())) << answer.status();
    story.Reopen();
    EXPECT_EQ(story.orchestrator().last_position(), kept ? 12 : 11);
    ExpectFolds(&story);
  }
}

TEST(Commit, AKeyIsKnownBeforeItIsDurable) {
  Story story = Draft("100 USD");
  Overlap overlap(story);
  overlap.Meanwhile({Overlap::Line("submit", "d", "k")}, [] {});
  const std::vector<CommitLoop::Answer> answers = overlap.Run(Overlap::Line("submit", "d", "k"));
  ASSERT_EQ(answers.size(), 2u);
  for (size_t i = 0; i < answers.size(); ++i) {
    ASSERT_TRUE(answers[i].ok()) << answers[i].status();
    EXPECT_EQ(answers[i]->front().position, 12);
    EXPECT_EQ(answers[i]->front().repeated, i == 1);
  }
}

TEST(Commit, ManyProposersShareAFlush) {
  Story story = OpenShop();
  std::atomic<int> permitted = 0;
  {
    CommitLoop loop(&story.orchestrator());
    std::vector<std::thread> proposers;
    for (int t = 0; t < 8; ++t) {
      proposers.emplace_back([&, t] {
        for (int i = 0; i < 25; ++i) {
          Submission line;
          line.transition = "open";
          line.on = Input(absl::StrCat("d-", t, "-", i));
          line.by = "desk";
          line.at_ns = kStart;
          line.sets = Input(Deal("1 USD"));
          CommitLoop::Answer answer = loop.Propose(line);
          ASSERT_TRUE(answer.ok()) << answer.status();
          if (answer->back().outcome == Outcome::kPermit) ++permitted;
        }
      });
    }
    for (std::thread& proposer : proposers) proposer.join();
  }
  EXPECT_EQ(permitted, 200);
  EXPECT_EQ(story.orchestrator().last_position(), 210);
  ExpectFolds(&story);
}

TEST(Commit, OneRefusedLineRefusesNoOther) {
  Story story = OpenShop();
  Submission good, bad;
  good.transition = bad.transition = "open";
  good.on = bad.on = Input("d");
  good.by = bad.by = "desk";
  good.sets = Input(Deal("1 USD"));
  std::vector<absl::StatusOr<std::vector<DecisionRecord>>> answers;
  ASSERT_TRUE(story.orchestrator().SubmitBatch({&bad, &good, &good}, &answers).ok());
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_FALSE(answers[0].ok());
  EXPECT_EQ(answers[1]->front().outcome, Outcome::kPermit);
  EXPECT_EQ(answers[2]->front().reasons, std::vector<std::string>{"no_transition"});
}

class SetClock : public Clock {
 public:
  std::atomic<int64_t> now{kStart};
  int64_t NowNs() override { return now; }
};

TEST(Commit, LiveTimersFireByThemselves) {
  Story story = Draft("2000000 USD");
  SetClock clock;
  store::MemoryStore store(story.log());
  OrchestratorOptions options;
  options.mode = ClockMode::kLive;
  options.clock = &clock;
  options.trusted_input = false;
  absl::StatusOr<std::unique_ptr<Orchestrator>> live = Orchestrator::Open(&story.policy(), &store, options);
  ASSERT_TRUE(live.ok());
  std::promise<std::vector<DecisionRecord>> fired;
  CommitLoop loop(live->get(), &clock, [&](CommitLoop::Answer answer) { fired.set_value(*std::move(answer)); });
  Submission line;
  line.transition = "sign";
  line.on = Input("d");
  line.by = "desk";
  ASSERT_TRUE(loop.Propose(line).ok());
  Submission agent;
  agent.kind = Submission::Kind::kAgent;
  agent.agent.id = "x";
  EXPECT_EQ(loop.Propose(agent).status().message(), "agents are registered by proposals on `Agent`, not by a line");
  clock.now = kStart + 5 * kHour;
  std::vector<DecisionRecord> records = fired.get_future().get();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].at_ns, kStart + 5 * kHour);  // with the commit's time
  EXPECT_EQ(records[0].outcome, Outcome::kEscalate);
}

TEST(Erase, ForgetsTheValueAndKeepsTheChain) {
  Story story = Draft("100 USD");
  absl::StatusOr<DecisionRecord> erased = story.orchestrator().Erase("Customer", Input("c-1"), "pii", "dpo");
  ASSERT_TRUE(erased.ok()) << erased.status();
  EXPECT_EQ(story.Tell(*erased), "12 erase c-1 by dpo: permit; known");
  const WorkflowId customer = *story.orchestrator().ResolveWorkflow("Customer");
  EXPECT_TRUE(story.orchestrator().world().Find(customer, "c-1")->fields[0].absent());
  EXPECT_FALSE(story.orchestrator().world().Find(customer, "c-2")->fields[0].absent());
  for (const store::MemoryLog::Record& record : story.log()->records) {
    EXPECT_EQ(record.private_bytes.find("Initech"), std::string::npos);
  }
  EXPECT_FALSE(story.orchestrator().Erase("Customer", Input("c-1"), "pii", "dpo").ok());
  EXPECT_FALSE(story.orchestrator().Erase("Deal", Input("d"), "amount", "dpo").ok());
  ExpectFolds(&story);
  EXPECT_EQ(story.Propose("submit", "d", "desk"), "13 submit d by desk: permit; review");
}

// ---------------------------------------------------------------- following a record

TEST(Follow, WhatHappenedIsCommittedWhateverThePolicySays) {
  Story story = OpenShop();
  const Schema& schema = story.orchestrator().schema();
  ReplaySession session(&story.policy());
  auto proposal = [&](const char* name, const char* role, int64_t now_ns) {
    Proposal p;
    p.workflow = *story.orchestrator().ResolveWorkflow("Deal");
    const Workflow& workflow = schema.workflows[p.workflow.value];
    for (size_t i = 0; i < workflow.transitions.size(); ++i) {
      if (workflow.transitions[i].name == name) p.transition = TransitionId(i);
    }
    p.key = "d";
    p.key_parts = {Value(std::string("d"))};
    p.sets.resize(workflow.transitions[p.transition.value].sets.size());
    p.payload.resize(workflow.transitions[p.transition.value].payload.size());
    p.actor.id = p.actor.principal = role;
    p.actor.role = *story.orchestrator().registry().ResolveRole(role);
    p.now_ns = now_ns;
    return p;
  };
  Proposal submit = proposal("submit", "Desk", kStart);
  EXPECT_EQ(session.Decide(&submit).outcome, Outcome::kDeny);  // there was no such deal
  EXPECT_EQ(session.Record().state, "review");
  Proposal verdict = proposal("assess", "Compliance", kStart + 1);
  verdict.payload[0] = Value(int64_t{1});
  EXPECT_EQ(session.Decide(&verdict).outcome, Outcome::kPermit);
  Proposal approve = proposal("approve", "CFO", kStart + 25 * kHour);
  EXPECT_EQ(session.Decide(&approve).outcome, Outcome::kDeny);
  ASSERT_EQ(session.would_have().size(), 1u);  // the review was late: it would have been blocked
  EXPECT_EQ(session.would_have()[0].kind, WouldHave::Kind::kConclude);
  EXPECT_EQ(schema.rules[session.would_have()[0].rule.value].qualified, "t.Deal.review.veto");
  EXPECT_EQ(session.Record().state, "approved");
  Proposal refused = proposal("close", "Desk", kStart + 26 * kHour);
  EXPECT_EQ(session.Decide(&refused, false).outcome, Outcome::kPermit);
  EXPECT_EQ(session.Record().state, "approved");
}

}  // namespace
}  // namespace writ
