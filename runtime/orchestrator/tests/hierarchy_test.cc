// Attributes of actors, who is under whom, and transitions that fire by themselves: docs/internals/semantics.md, each as a
// story.
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/orchestrator/names.h"
#include "runtime/orchestrator/replay_session.h"
#include "runtime/orchestrator/tests/story.h"
#include "runtime/store/chain.h"

namespace writ {
namespace {

constexpr char kTeams[] = R"(package t
type TeamId = string max 20
entity Team by id: TeamId under Team max 2 { name: string max 20 }
actor { team: Team?  under: set<Team> max 4  level: int in 0..9  badge: string? max 9 }
domain work
role Clerk, Crm in work
human role Boss in work
workflow Order by id: string max 20 {
  team: Team
  states open, done
  place: -> open sets team
  close: open -> done
}
authority Crm { may set on Team }
authority Clerk { may place on Order when actor under team   may close on Order when has actor.level and actor.level > 3 }
authority Boss { may set on Team }
rule not_the_same in work deny close on Order when actor.badge is last(place).actor.badge
rule checked in work escalate set on Team to Boss within 1d else deny when after.name == "held"
)";

Submission Actor(const char* id, std::vector<std::string> roles, Input::Object attributes) {
  Submission line;
  line.kind = Submission::Kind::kAgent;
  line.agent.id = id;
  line.agent.roles = std::move(roles);
  line.attributes = Input(std::move(attributes));
  return line;
}

Input::Object Under(std::vector<const char*> teams) {
  Input::List list;
  for (const char* team : teams) list.push_back(Input(team));
  return {{"name", "team"}, {"under", Input(std::move(list))}};
}

Story Teams() {
  Story story(kTeams);
  story.Submit(Actor("crm", {"Crm"}, {{"level", 0}}));
  EXPECT_EQ(story.Set("Team", "all", "crm", {{"name", "all"}}), "2 set all by crm: permit; known");
  EXPECT_EQ(story.Set("Team", "sales", "crm", Under({"all"})), "3 set sales by crm: permit; known");
  EXPECT_EQ(story.Set("Team", "emea", "crm", Under({"sales"})), "4 set emea by crm: permit; known");
  return story;
}

// ---------------------------------------------------------------- attributes

TEST(Attributes, ComeWithTheLineAndStay) {
  Story story = Teams();
  EXPECT_EQ(story.Submit(Actor("anna", {"Clerk"}, {{"level", 5}, {"under", Input::List{"sales"}}, {"badge", "b-1"}})).substr(0, 1), "5");
  EXPECT_EQ(story.Submit(Actor("otto", {"Clerk"}, {{"level", 9}, {"badge", "b-2"}})).substr(0, 1), "6");
  EXPECT_EQ(story.Propose("place", "o", "anna", {{"team", "all"}}), "7 place o by anna: permit; open");
  EXPECT_EQ(story.Propose("place", "p", "anna", {{"team", "emea"}}), "8 place p by anna: deny [no_authority]; new");
  EXPECT_EQ(story.Propose("place", "p", "otto", {{"team", "all"}}), "9 place p by otto: deny [no_authority]; new");
  EXPECT_EQ(story.Propose("close", "o", "anna"), "10 close o by anna: deny [t.not_the_same]; open");
  // What is said of her later does not change what she was when she placed it.
  EXPECT_EQ(story.Submit(Actor("anna", {"Clerk"}, {{"badge", "b-9"}})).substr(0, 2), "11");
  const RegisteredActor* anna = story.orchestrator().registry().Find("anna");
  ASSERT_EQ(anna->attributes.size(), 4u);
  EXPECT_EQ(anna->attributes[2], Value(int64_t{5}));
  EXPECT_EQ(story.Propose("close", "o", "anna"), "12 close o by anna: permit; done");
  ExpectFolds(&story);
}

TEST(Attributes, AreCheckedLikeFields) {
  Story story = Teams();
  EXPECT_EQ(story.Submit(Actor("anna", {"Clerk"}, {})), "refused: `anna` needs the attribute `level`");
  EXPECT_EQ(story.Submit(Actor("anna", {"Clerk"}, {{"levle", 1}})), "refused: actors have no attribute `levle`");
  EXPECT_TRUE(absl::StartsWith(story.Submit(Actor("anna", {"Clerk"}, {{"level", 10}})), "refused: `level`: "));
  EXPECT_TRUE(absl::StartsWith(story.Submit(Actor("anna", {"Clerk"}, {{"level", 1}, {"badge", 7}})), "refused: `badge`: "));
  EXPECT_EQ(story.orchestrator().last_position(), 4);
}

TEST(Attributes, OfAnInlineActorCountForItsFirstProposal) {
  Story story = Teams();
  Submission line;
  line.transition = "place";
  line.on = Input("o");
  line.sets = Input(Input::Object{{"team", "all"}});
  line.inline_actor.emplace();
  line.inline_actor->id = "temp";
  line.inline_actor->roles = {"Clerk"};
  line.attributes = Input(Input::Object{{"level", 1}, {"under", Input::List{"emea"}}});
  EXPECT_EQ(story.Submit(line), "5 place o by temp: permit; open");
  EXPECT_EQ(story.Propose("place", "p", "temp", {{"team", "sales"}}), "6 place p by temp: permit; open");
  ExpectFolds(&story);
}

TEST(Attributes, AreReadWithTheirVersion) {
  Story story = Teams();
  story.Submit(Actor("anna", {"Clerk"}, {{"level", 5}, {"under", Input::List{"emea"}}}));
  EXPECT_EQ(story.Propose("place", "o", "anna", {{"team", "sales"}}), "6 place o by anna: permit; open");
  const store::Event event = *story.orchestrator().EventAt(6);
  std::vector<std::string> streams;
  for (const store::ReadVersion& read : event.read_set) streams.push_back(read.stream);
  for (const char* stream : {"t.Team/emea", "t.Team/sales", "t.Team/all", "writ.Agent/anna", "t.Order/o"}) {
    EXPECT_TRUE(std::count(streams.begin(), streams.end(), stream) == 1) << stream;
  }
}

// ---------------------------------------------------------------- hierarchies

TEST(Hierarchies, ACircleIsRefused) {
  Story story = Teams();
  EXPECT_EQ(story.Set("Team", "all", "crm", Under({"emea"})),
            "refused: `under`: `all` cannot be under `emea`, which is under `all` already: that is a circle");
  EXPECT_EQ(story.Set("Team", "all", "crm", Under({"all"})), "refused: `under`: `all` cannot be under itself");
  EXPECT_EQ(story.orchestrator().last_position(), 4);
  // Once it is not below any more, it may be above.
  EXPECT_EQ(story.Set("Team", "emea", "crm", Under({})), "5 set emea by crm: permit; known");
  EXPECT_EQ(story.Set("Team", "all", "crm", Under({"emea"})), "6 set all by crm: permit; known");
  const std::vector<std::string>* above = story.orchestrator().world().Ancestors(
      story.orchestrator().world().InstancesOf(WorkflowId(1))[0]->workflow, "sales");
  ASSERT_NE(above, nullptr);
  EXPECT_EQ(*above, (std::vector<std::string>{"all", "emea", "sales"}));
  ExpectFolds(&story);
}

TEST(Hierarchies, WhatWaitedAndWouldCloseACircleIsStale) {
  Story story = Teams();
  story.Submit(Actor("boss", {"Boss"}, {{"level", 9}}));
  Input::Object held = Under({"emea"});
  held[0].value = Input("held");
  EXPECT_EQ(story.Set("Team", "emea", "crm", Under({})), "6 set emea by crm: permit; known");
  EXPECT_TRUE(absl::StartsWith(story.Set("Team", "all", "crm", held), "7 set all by crm: escalate [t.checked] asks Boss(7)"));
  EXPECT_EQ(story.Set("Team", "emea", "crm", Under({"sales"})), "8 set emea by crm: permit; known");
  EXPECT_EQ(story.Answer("all", "Boss", "boss", true),
            "9 yes all by boss: permit; known\n10 set all by crm: deny [stale]; known");
  ExpectFolds(&story);
}

// ---------------------------------------------------------------- timers

constexpr char kSlots[] = R"(package t
domain work
role Clerk in work
human role Boss in work
workflow Slot by id: string max 20 {
  ends: time?
  next: time?
  rounds: int in 0..100
  tag: string max 9
  states free, booked with {ends}, done, blocked
  final done
  halted blocked
  make:  -> free sets rounds, tag
  book:  free -> booked sets ends
  extend: booked -> booked sets ends?, tag?
  use:   booked -> done
  note:  in booked
  plan:  in free sets next
  block: free, booked -> blocked
  lapse: booked -> free at ends
  again: in free at next sets next = after_next, rounds = one_more
  def after_next = before.next ?? now
  def one_more = if before.rounds < 3 then before.rounds + 1 else before.rounds
}
authority Clerk { may make, book, extend, use, note, plan on Slot }
authority Boss { may lapse on Slot }
rule noted in work deny lapse on Slot when happened(note since book) and tag == "keep"
rule asked in work escalate lapse on Slot to Boss within 1h else block when tag == "ask"
rule asked_use in work escalate use on Slot to Boss within 1h else block when tag == "ask"
)";

Story Slots() {
  Story story(kSlots);
  story.Agent("anna", {"Clerk"});
  story.Agent("boss", {"Boss"});
  return story;
}

std::string At(const Story& story, int64_t hours) { return FormatTime(story.now() + hours * kHour); }

Story Booked(const char* tag, int64_t hours) {
  Story story = Slots();
  EXPECT_EQ(story.Propose("make", "s", "anna", {{"rounds", 0}, {"tag", tag}}), "3 make s by anna: permit; free");
  const std::string ends = At(story, hours);
  EXPECT_EQ(story.Propose("book", "s", "anna", {{"ends", ends.c_str()}}), "4 book s by anna: permit; booked");
  return story;
}

TEST(TransitionTimers, FireWhenTheirTimeComes) {
  Story story = Booked("x", 2);
  EXPECT_EQ(story.Wait(kHour), "");
  EXPECT_EQ(story.Wait(kHour), "5 lapse s by orchestrator: permit [t.Slot.lapse]; free");
  const store::Event event = *story.orchestrator().EventAt(5);
  EXPECT_EQ(event.kind, store::EventKind::kTimer);
  EXPECT_EQ(event.time_ns, kStart + 2 * kHour);
  EXPECT_EQ(event.cause, 4);
  EXPECT_EQ(story.Wait(48 * kHour), "");
  ExpectFolds(&story);
}

TEST(TransitionTimers, FireBeforeWhatHappensAtTheirTime) {
  Story story = Booked("x", 2);
  story.Later(2 * kHour);
  EXPECT_EQ(story.Propose("use", "s", "anna"),
            "5 lapse s by orchestrator: permit [t.Slot.lapse]; free\n6 use s by anna: deny [no_transition]; free");
}

TEST(TransitionTimers, AreMadeAnewByWhoeverOpensTheStore) {
  Story story = Booked("x", 2);
  story.Reopen();
  EXPECT_EQ(story.Wait(2 * kHour), "5 lapse s by orchestrator: permit [t.Slot.lapse]; free");
  story.Reopen();
  EXPECT_EQ(story.Wait(2 * kHour), "");
}

TEST(TransitionTimers, FollowTheirField) {
  Story story = Booked("x", 2);
  const std::string later = At(story, 4);
  story.Propose("extend", "s", "anna", {{"ends", later.c_str()}});
  EXPECT_EQ(story.Wait(3 * kHour), "");
  EXPECT_EQ(story.Wait(kHour), "6 lapse s by orchestrator: permit [t.Slot.lapse]; free");
  ExpectFolds(&story);
}

TEST(TransitionTimers, FireAtOnceWhenTheirTimeIsPast) {
  Story story = Slots();
  story.Propose("make", "s", "anna", {{"rounds", 0}, {"tag", "x"}});
  const std::string past = At(story, -3);
  EXPECT_EQ(story.Propose("book", "s", "anna", {{"ends", past.c_str()}}),
            "4 book s by anna: permit; booked\n5 lapse s by orchestrator: permit [t.Slot.lapse]; free");
  EXPECT_EQ(story.orchestrator().EventAt(5)->time_ns, kStart);
  ExpectFolds(&story);
}

TEST(TransitionTimers, ARefusedOneWaitsForAChange) {
  Story story = Booked("keep", 2);
  story.Propose("note", "s", "anna");
  EXPECT_EQ(story.Wait(2 * kHour), "6 lapse s by orchestrator: deny [t.noted]; booked");
  EXPECT_EQ(story.Wait(24 * kHour), "");
  story.Reopen();
  EXPECT_EQ(story.Wait(kHour), "");
  EXPECT_EQ(story.Propose("note", "s", "anna"), "7 note s by anna: permit; booked");
  EXPECT_EQ(story.Propose("extend", "s", "anna", {{"tag", "x"}}),
            "8 extend s by anna: permit; booked\n9 lapse s by orchestrator: permit [t.Slot.lapse]; free");
  ExpectFolds(&story);
}

TEST(TransitionTimers, AreGovernedLikeWhatTheOrchestratorProposes) {
  Story story = Booked("ask", 2);
  EXPECT_TRUE(absl::StartsWith(story.Wait(2 * kHour), "5 lapse s by orchestrator: escalate [t.asked] asks Boss(5)"));
  EXPECT_EQ(story.Wait(kMinute), "");
  EXPECT_EQ(story.Answer("s", "Boss", "boss", true),
            "6 yes s by boss: permit; booked\n7 lapse s by orchestrator: permit [t.Slot.lapse]; free");
  ExpectFolds(&story);
}

// Both are due at one time: the one that was set first, then the one whose name is first.
TEST(TransitionTimers, StandInOneOrderWithTheOthers) {
  Story story = Booked("ask", 1);
  EXPECT_TRUE(absl::StartsWith(story.Propose("use", "s", "anna"), "5 use s by anna: escalate [t.asked_use]"));
  const std::string told = story.Wait(kHour);
  EXPECT_TRUE(absl::StartsWith(told, "6 lapse s by orchestrator: escalate [t.asked] asks Boss(6)")) << told;
  EXPECT_TRUE(absl::StrContains(told, "\n7 block s by orchestrator: permit [t.asked_use]")) << told;
  ExpectFolds(&story);
}

// A timer that sets its own field: it comes again while the time moves on, and stops when it does not.
TEST(TransitionTimers, MayComeAgain) {
  Story story = Slots();
  story.Propose("make", "s", "anna", {{"rounds", 0}, {"tag", "x"}});
  const std::string soon = At(story, 1);
  story.Propose("plan", "s", "anna", {{"next", soon.c_str()}});
  EXPECT_EQ(story.Wait(kHour), "5 again s by orchestrator: permit [t.Slot.again]; free");
  EXPECT_EQ(story.Wait(24 * kHour), "");
  ExpectFolds(&story);
}

TEST(TransitionTimers, AreToldWhereARecordIsFollowed) {
  Story story = Booked("x", 2);
  ReplaySession session(&story.policy());
  for (int64_t position = 3; position <= 4; ++position) {
    const store::Event event = *story.orchestrator().EventAt(position);
    const Names names(&story.policy().schema());
    Proposal proposal;
    proposal.workflow = names.Workflow(event.workflow);
    const Workflow& workflow = story.policy().schema().workflows[proposal.workflow.value];
    proposal.transition = Names::TransitionOf(workflow, event.transition);
    proposal.key = event.instance;
    proposal.key_parts = {Value(event.instance)};
    proposal.actor.id = event.actor;
    proposal.actor.role = names.Role(event.role);
    proposal.now_ns = event.time_ns;
    ASSERT_TRUE(names.ReadSets(event.sets, &proposal).ok());
    session.Decide(&proposal);
  }
  session.MoveTo(kStart + kHour);
  EXPECT_TRUE(session.would_have().empty());
  session.MoveTo(kStart + 3 * kHour);
  ASSERT_EQ(session.would_have().size(), 1u);
  EXPECT_EQ(session.would_have()[0].kind, WouldHave::Kind::kTimer);
  EXPECT_EQ(session.would_have()[0].at_ns, kStart + 2 * kHour);
  session.MoveTo(kStart + 9 * kHour);
  EXPECT_TRUE(session.would_have().empty());
}

}  // namespace
}  // namespace writ
