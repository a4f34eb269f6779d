// Delegation: docs/internals/semantics.md, each sentence as a story. What grants mean to rules is in tests/language/delegation.writ.
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/orchestrator/names.h"
#include "runtime/orchestrator/replay_session.h"
#include "runtime/orchestrator/tests/story.h"

namespace writ {
namespace {

constexpr char kDesk[] = R"(package t
domain work
role Clerk, Helper, Temp, Admin in work
human role Boss, Chief          in work
workflow Deal by id: string max 20 {
  amount: money(EUR) in 0 EUR .. 1M EUR
  note:   string? max 20
  states open, done, stopped
  final  done
  halted stopped
  start:  -> open       sets amount
  amend:  open -> open  sets amount
  remark: in open       sets note
  finish: open -> done
  stop:   open -> stopped
}
authority Clerk { may start, amend, remark, finish on Deal  may give on Grant }
authority Boss  { may finish, stop on Deal }
authority Chief { may finish, stop on Deal }
authority Admin { may suspend, resume, retire on Agent }
rule boss_agrees in work
  escalate finish on Deal to Boss within 1d else escalate to Chief within 1d else stop
)";

Submission Line(const char* transition, const char* on, const char* by, Input::Object sets = {}, const char* under = "") {
  Submission line;
  line.transition = transition;
  line.on = Input(on);
  line.by = by;
  line.sets = Input(std::move(sets));
  line.under = under;
  return line;
}

Submission OnAgent(const char* transition, const char* on) {
  Submission line = Line(transition, on, "admin");
  line.workflow = "Agent";
  return line;
}

Input::Object To(const char* role, std::vector<const char*> transitions, const char* until = "2026-03-09T09:00:00Z") {
  Input::List names;
  for (const char* name : transitions) names.push_back(Input(name));
  return {{"to", role}, {"workflow", "Deal"}, {"transitions", Input(std::move(names))}, {"until", until}};
}

// A deal at 8, and at 9 and 10 a chain: clara to hugo, hugo to tim.
Story Chain() {
  Story story(kDesk);
  for (const char* id : {"admin", "boss", "chief"}) {
    std::string role = id;
    role[0] = static_cast<char>(role[0] - 'a' + 'A');
    story.Agent(id, {role});
  }
  story.Agent("clara", {"Clerk"}, "acme");
  story.Agent("hugo", {"Helper"}, "paula");
  story.Agent("hanna", {"Helper"});
  story.Agent("tim", {"Temp"});
  EXPECT_EQ(story.Submit(Line("start", "d", "clara", {{"amount", "10 EUR"}})), "8 start d by clara: permit; open");
  EXPECT_EQ(story.Submit(Line("give", "g", "clara", To("Helper", {"amend", "finish", "give"}))),
            "9 give g by clara: permit; given");
  EXPECT_EQ(story.Submit(Line("give", "h", "hugo", To("Temp", {"amend", "finish"}), "g")), "10 give h by hugo: permit; given");
  return story;
}

Submission Amend(const char* by, const char* under) { return Line("amend", "d", by, {{"amount", "20 EUR"}}, under); }

TEST(Grants, AreInTheDecisionWithBothRoles) {
  Story story = Chain();
  EXPECT_EQ(story.Submit(Amend("tim", "h")), "11 amend d by tim: permit; open");
  const store::Event event = *story.orchestrator().EventAt(11);
  EXPECT_EQ(event.role, "t.Temp");
  EXPECT_EQ(event.grant, "h");
  const DecisionRecord record = story.orchestrator().RecordOf(event);
  EXPECT_EQ(record.as, "Temp");
  EXPECT_EQ(record.under, "h");
  std::vector<std::string> streams;
  for (const store::ReadVersion& read : event.read_set) streams.push_back(read.stream);
  for (const char* stream : {"writ.Grant/g", "writ.Grant/h", "writ.Agent/clara", "writ.Agent/hugo", "t.Deal/d"}) {
    EXPECT_EQ(std::count(streams.begin(), streams.end(), stream), 1) << stream;
  }
  ExpectFolds(&story);
}

TEST(Grants, KeepWhatTheirGiverCannotSay) {
  Story story = Chain();
  const store::Event event = *story.orchestrator().EventAt(10);
  const auto value = [&](const char* name) -> store::Value {
    for (const store::NamedValue& set : event.sets) {
      if (set.name == name) return set.value;
    }
    return store::Value();
  };
  EXPECT_EQ(value("role"), store::Value("t.Clerk"));  // by name: another policy numbers roles otherwise
  EXPECT_EQ(value("to"), store::Value("t.Temp"));
  EXPECT_EQ(value("giver"), store::Value("hugo"));
  EXPECT_EQ(value("parent"), store::Value("g"));
  EXPECT_EQ(value("workflow"), store::Value("t.Deal"));
}

TEST(Grants, ALineThatNamesWhatThereIsNotIsRefused) {
  Story story = Chain();
  EXPECT_EQ(story.Submit(Amend("tim", "x")), "refused: there is no grant `x`");
  const auto give = [&](Input::Object sets) { return story.Submit(Line("give", "x", "clara", std::move(sets))); };
  const auto with = [&](const char* name, Input value) {
    Input::Object sets = To("Helper", {"amend"});
    for (InputMember& member : sets) {
      if (member.name == name) {
        member.value = value;
        return give(sets);
      }
    }
    sets.push_back({name, std::move(value)});
    return give(sets);
  };
  EXPECT_EQ(with("role", "Clerk"), "refused: `role` of a grant is not for its giver to say: leave it out");
  EXPECT_EQ(with("giver", "hugo"), "refused: `giver` of a grant is not for its giver to say: leave it out");
  EXPECT_EQ(with("parent", "g"), "refused: `parent` of a grant is not for its giver to say: leave it out");
  EXPECT_EQ(with("task", "t"), "refused: `task` of a grant is not for its giver to say: leave it out");
  EXPECT_EQ(with("to", "Cook"), "refused: `to`: there is no role `Cook`");
  EXPECT_EQ(with("workflow", "Dael"), "refused: `workflow`: there is no workflow `Dael`");
  EXPECT_EQ(with("transitions", Input(Input::List{Input("amned")})),
            "refused: `transitions`: `Deal` has no transition `amned`");
  const auto limit = [&](const char* field, const char* most) {
    return with("limits", Input(Input::List{Input(Input::Object{{"field", field}, {"most", most}})}));
  };
  EXPECT_EQ(limit("amuont", "1 EUR"), "refused: `limits`: `Deal` has no field `amuont`");
  EXPECT_EQ(limit("note", "x"), "refused: `limits`: `note` has no order, so that nothing is the most of it");
  EXPECT_EQ(limit("amount", "2M EUR"), "refused: `limits`: `amount` is never 2M EUR: that is out of its range");
  EXPECT_TRUE(absl::StartsWith(limit("amount", "much"), "refused: `limits`: `amount`: "));
  EXPECT_EQ(story.orchestrator().last_position(), 10);
}

TEST(Grants, OfSeveralRolesTheOneThatItIsToIsTaken) {
  Story story = Chain();
  story.Agent("two", {"Clerk", "Temp"});
  EXPECT_EQ(story.Submit(Amend("two", "h")), "12 amend d by two: permit; open");
  EXPECT_EQ(story.orchestrator().EventAt(12)->role, "t.Temp");
  EXPECT_EQ(story.Submit(Amend("two", "")), "13 amend d by two: permit; open");
  EXPECT_EQ(story.orchestrator().EventAt(13)->role, "t.Clerk");
}

// ---------------------------------------------------------------- who does not act any more

TEST(Grants, OfASuspendedOrRetiredGiverGiveNothing) {
  for (const char* giver : {"clara", "hugo"}) {
    for (const char* how : {"suspend", "retire"}) {
      Story story = Chain();
      EXPECT_EQ(story.Submit(Amend("tim", "h")), "11 amend d by tim: permit; open");
      story.Submit(OnAgent(how, giver));
      EXPECT_EQ(story.Submit(Amend("tim", "h")), "13 amend d by tim: deny [not_delegated]; open") << giver << how;
      if (std::string(how) != "suspend") continue;
      story.Submit(OnAgent("resume", giver));
      EXPECT_EQ(story.Submit(Amend("tim", "h")), "15 amend d by tim: permit; open") << giver;
      ExpectFolds(&story);
    }
  }
}

TEST(Grants, OfAGiverWithoutItsRoleGiveNothing) {
  for (const char* giver : {"clara", "hugo"}) {
    Story story = Chain();
    story.Agent(giver, {"Temp"});
    EXPECT_EQ(story.Submit(Amend("tim", "h")), "12 amend d by tim: deny [not_delegated]; open") << giver;
    ExpectFolds(&story);
  }
}

TEST(Grants, SuspendedAndRetiredActorsProposeNothing) {
  for (const char* how : {"suspend", "retire"}) {
    Story story = Chain();
    EXPECT_EQ(story.Submit(Line("finish", "d", "clara")),
              "11 finish d by clara: escalate [t.boss_agrees] asks Boss(11) until +1d else escalate finish to Chief; open");
    for (const char* id : {"clara", "boss", "tim"}) story.Submit(OnAgent(how, id));
    EXPECT_EQ(story.Submit(Line("start", "e", "clara", {{"amount", "1 EUR"}})), "15 start e by clara: deny [suspended]; new");
    EXPECT_EQ(story.Submit(Line("give", "i", "clara", To("Helper", {"amend"}))), "16 give i by clara: deny [suspended]; new");
    EXPECT_EQ(story.Submit(Line("revoke", "g", "clara")), "17 revoke g by clara: deny [suspended]; given");
    EXPECT_EQ(story.Answer("d", "Boss", "boss", true), "18 yes d by boss: deny [no_authority, suspended]; open");
    EXPECT_EQ(story.Submit(Amend("tim", "h")), "19 amend d by tim: deny [not_delegated, suspended]; open");
    ExpectFolds(&story);
  }
}

// ---------------------------------------------------------------- what waits

TEST(Grants, WhatWaitedIsDecidedAgainUnderThem) {
  Story story = Chain();
  EXPECT_EQ(story.Submit(Line("finish", "d", "tim", {}, "h")),
            "11 finish d by tim: escalate [t.boss_agrees] asks Boss(11) until +1d else escalate finish to Chief; open");
  // The same without a grant is another proposal.
  EXPECT_EQ(story.Submit(Line("finish", "d", "tim")), "12 finish d by tim: deny [no_authority]; open");
  EXPECT_EQ(story.Answer("d", "Boss", "boss", true), "13 yes d by boss: permit; open\n14 finish d by tim: permit; done");
  EXPECT_EQ(story.orchestrator().EventAt(14)->grant, "h");
  ExpectFolds(&story);
}

TEST(Grants, TakenBackWhileItWaitedNothingIsLeft) {
  Story story = Chain();
  story.Submit(Line("finish", "d", "tim", {}, "h"));
  EXPECT_EQ(story.Submit(Line("revoke", "g", "clara")), "12 revoke g by clara: permit; revoked");
  EXPECT_EQ(story.Answer("d", "Boss", "boss", true),
            "13 yes d by boss: permit; open\n14 finish d by tim: deny [not_delegated]; open");
  ExpectFolds(&story);
}

TEST(Grants, NobodyOfTheChainAgrees) {
  Story story = Chain();
  story.Submit(Line("finish", "d", "tim", {}, "h"));
  // Who answers for clara, and for hugo, is in the chain too.
  for (const char* id : {"acme", "paula"}) story.Agent(id, {"Boss"});
  story.Agent("other", {"Boss"}, "paula");
  EXPECT_EQ(story.Answer("d", "Boss", "acme", true), "15 yes d by acme: deny [self_approval]; open");
  EXPECT_EQ(story.Answer("d", "Boss", "paula", true), "16 yes d by paula: deny [self_approval]; open");
  EXPECT_EQ(story.Answer("d", "Boss", "other", true), "17 yes d by other: deny [self_approval]; open");
  EXPECT_TRUE(absl::StartsWith(story.Answer("d", "Boss", "boss", true), "18 yes d by boss: permit"));
  ExpectFolds(&story);
}

// ---------------------------------------------------------------- policies and records

TEST(Grants, AreTheSameUnderAPolicyWithMoreRoles) {
  Story story = Chain();
  story.Reopen(std::string(kDesk) + "role Aaa, Bbb in work\n");
  EXPECT_EQ(story.Submit(Amend("tim", "h")), "12 amend d by tim: permit; open");
  EXPECT_EQ(story.Submit(Amend("hanna", "h")), "13 amend d by hanna: deny [not_delegated]; open");
}

TEST(Grants, WhereNobodyMayGiveThereIsNoneToActUnder) {
  Story story = Chain();
  std::string policy = kDesk;
  policy.replace(policy.find("  may give on Grant"), 19, "");
  story.Reopen(policy);
  EXPECT_EQ(story.Submit(Amend("tim", "h")),
            "refused: nobody may give authority away under this policy: there is no grant to act under");
}

TEST(Grants, AreMetAlongARecordToo) {
  Story story = Chain();
  const Schema& schema = story.orchestrator().schema();
  ReplaySession session(&story.policy());
  Orchestrator& live = story.orchestrator();
  const auto decide = [&](const char* by, const char* under) {
    Proposal proposal;
    proposal.workflow = *live.ResolveWorkflow("Deal");
    const Workflow& deal = schema.workflows[proposal.workflow.value];
    for (size_t t = 0; t < deal.transitions.size(); ++t) {
      if (deal.transitions[t].name == "amend") proposal.transition = TransitionId(t);
    }
    proposal.key = "d";
    proposal.key_parts = {Value("d")};
    proposal.sets = {Value(int64_t{2000})};
    const RegisteredActor& actor = *live.registry().Find(by);
    proposal.actor = live.registry().View(actor, actor.roles.front());
    proposal.now_ns = kStart;
    proposal.grant.emplace().key = under;
    return session.Decide(&proposal).outcome;
  };
  Names names(&schema);
  for (int64_t position = 1; position <= live.last_position(); ++position) {
    const store::Event event = *live.EventAt(position);
    Proposal proposal;
    proposal.workflow = names.Workflow(event.workflow);
    proposal.transition = Names::TransitionOf(schema.workflows[proposal.workflow.value], event.transition);
    proposal.key = event.instance;
    proposal.key_parts = {Value(event.instance)};
    proposal.payload.resize(schema.workflows[proposal.workflow.value].transitions[proposal.transition.value].payload.size());
    ASSERT_TRUE(names.ReadSets(event.sets, &proposal).ok());
    proposal.actor = live.registry().Host();
    proposal.now_ns = event.time_ns;
    session.CarriedOut(proposal, true, {});
  }
  EXPECT_EQ(decide("tim", "h"), Outcome::kPermit);
  EXPECT_EQ(decide("hanna", "h"), Outcome::kDeny);
}

constexpr char kPlanned[] = R"(package t
domain work
role Clerk, Helper, Temp in work
workflow Deal by id: string max 20 {
  amount: money(EUR) in 0 EUR .. 1M EUR
  states open
  start: -> open sets amount
  amend: open -> open sets amount
  check: in open { sure: bool }
}
authority Clerk  { may start, amend, check on Deal }
authority Helper { may check on Deal }
decompose on Deal {
  plan { checking: Clerk does check }
  may add closer: Helper does check
  sub checking among Helper granting check up to amount 40 EUR
  sub closer   among Temp granting check up to amount 50 EUR
  under checking { rule only_the_sure in work  deny check on Deal unless sure }
}
)";

Input::Object Plan(const char* parent, const char* name, const char* role) {
  Input::Object task = {{"name", name}, {"role", role}, {"does", "check"}, {"granting", Input(Input::List{Input("check")})}};
  return {{"parent", parent}, {"tasks", Input(Input::List{Input(std::move(task))})}};
}

// A deal at 4; below its task a plan at 5, and below that one another at 6.
Story PlannedBelow(const char* amount) {
  Story story(kPlanned);
  story.Agent("clara", {"Clerk"});
  story.Agent("hugo", {"Helper"});
  story.Agent("tim", {"Temp"});
  EXPECT_EQ(story.Submit(Line("start", "d", "clara", {{"amount", amount}})), "4 start d by clara: permit; open");
  EXPECT_EQ(story.Propose("decompose", "d", "clara", {}, Plan("4/checking", "closer", "Helper")),
            "5 decompose d by clara: permit; open");
  EXPECT_EQ(story.Propose("decompose", "d", "hugo", {}, Plan("5/closer", "last", "Temp")), "6 decompose d by hugo: permit; open");
  return story;
}

Submission Check(bool sure) {
  Submission line = Line("check", "d", "tim", {}, "6/last");
  line.payload = Input(Input::Object{{"sure", Input(sure)}});
  return line;
}

TEST(Grants, OfPlansBelowPlansAreWithinTheLimitsOfBoth) {
  Story story = PlannedBelow("41 EUR");
  EXPECT_EQ(story.Submit(Check(true)), "7 check d by tim: deny [not_delegated]; open");
  EXPECT_EQ(story.Submit(Line("amend", "d", "clara", {{"amount", "40 EUR"}})), "8 amend d by clara: permit; open");
  EXPECT_EQ(story.Submit(Check(true)), "9 check d by tim: permit; open");
  ExpectFolds(&story);
}

TEST(Grants, OfPlansBelowPlansAreUnderTheRulesOfBoth) {
  Story story = PlannedBelow("40 EUR");
  EXPECT_EQ(story.Submit(Check(false)), "7 check d by tim: deny [t.only_the_sure]; open");
  ExpectFolds(&story);
}

// Like all that a plan says: what a policy takes back, it takes back from grants that are out.
TEST(Grants, OfPlansAreLimitedAsThePolicyInForceSays) {
  std::string wider = kPlanned;
  wider.replace(wider.find("40 EUR"), 6, "45 EUR");
  Story story = PlannedBelow("41 EUR");
  EXPECT_EQ(story.Submit(Check(true)), "7 check d by tim: deny [not_delegated]; open");
  story.Reopen(wider);
  EXPECT_EQ(story.Submit(Check(true)), "9 check d by tim: permit; open");
}

}  // namespace
}  // namespace writ
