// Facts of other instances, and records that are looked up for each element: what a decision reads of them its commit is
// conditional on, and the log alone gives them back.
#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/match.h"
#include "runtime/orchestrator/tests/story.h"

namespace writ {
namespace {

constexpr char kTalks[] = R"(package t

domain office
role Desk in office

entity Ban by order: string max 20 { ground: string max 20 }

workflow Order by id: string max 20 {
  def busy = count(change within 1d) >= 1

  states open
  start:  -> open
  change: in open
}

workflow Talk by id: string max 20 {
  orders: list<Order> max 4
  names:  list<string max 20> max 4

  states live, over
  begin:  -> live sets orders, names
  finish: live -> over
  stop:   live -> over
}

authority Desk { may start, change on Order  may begin, finish, stop on Talk  may set on Ban }

rule quiet in office
  deny finish on Talk when any(o.busy for o in orders)
rule not_banned in office
  deny stop on Talk when any(has Ban[n] for n in names)
)";

Story OpenTalk() {
  Story story(kTalks);
  story.Agent("desk", {"Desk"});
  story.Propose("start", "a", "desk");
  story.Propose("start", "b", "desk");
  const Input::List orders = {Input("a"), Input("b")};
  const std::string begun = story.Propose("begin", "k", "desk", {{"orders", Input(orders)}, {"names", Input(orders)}});
  EXPECT_TRUE(absl::StrContains(begun, "begin k by desk: permit")) << begun;
  return story;
}

int64_t VersionRead(Story* story, int64_t position, const std::string& stream) {
  const absl::StatusOr<store::Event> event = story->orchestrator().EventAt(position);
  if (!event.ok()) return -2;
  for (const store::ReadVersion& read : event->read_set) {
    if (read.stream == stream) return read.version;
  }
  return -1;
}

Submission OnTalk(const std::string& transition) {
  Submission line;
  line.transition = transition;
  line.on = Input("k");
  line.by = "desk";
  line.at_ns = kStart;
  return line;
}

TEST(ThroughReferences, FactsAreReadAtAVersion) {
  Story story = OpenTalk();  // positions up to 4
  story.Propose("change", "b", "desk");
  const std::string told = story.Propose("finish", "k", "desk");
  EXPECT_TRUE(absl::StrContains(told, "6 finish k by desk: deny [t.quiet]")) << told;
  EXPECT_EQ(VersionRead(&story, 6, "t.Order/a"), 1);
  EXPECT_EQ(VersionRead(&story, 6, "t.Order/b"), 2);
  EXPECT_EQ(VersionRead(&story, 5, "t.Order/a"), -1);  // `change` reads no other order
  story.Later(25 * kHour);
  EXPECT_TRUE(absl::StrContains(story.Propose("finish", "k", "desk"), "finish k by desk: permit"));
  ExpectFolds(&story);
}

TEST(ThroughReferences, WhatHappensMeanwhileIsLookedAtAgain) {
  Story story = OpenTalk();
  RacingStore racing(story.log());
  absl::StatusOr<std::unique_ptr<Orchestrator>> other = Orchestrator::Open(&story.policy(), &racing, {});
  ASSERT_TRUE(other.ok());
  racing.before = [&] { story.Propose("change", "a", "desk"); };
  absl::StatusOr<std::vector<DecisionRecord>> records = (*other)->Submit(OnTalk("finish"));
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_TRUE(absl::StrContains(story.Tell(records->front()), "finish k by desk: deny [t.quiet]"));
}

TEST(ThroughReferences, ARecordForEachElementIsReadWhereThereIsNoneToo) {
  Story story = OpenTalk();
  RacingStore racing(story.log());
  absl::StatusOr<std::unique_ptr<Orchestrator>> other = Orchestrator::Open(&story.policy(), &racing, {});
  ASSERT_TRUE(other.ok());
  racing.before = [&] { story.Set("Ban", "b", "desk", {{"ground", "late"}}); };
  absl::StatusOr<std::vector<DecisionRecord>> records = (*other)->Submit(OnTalk("stop"));
  ASSERT_TRUE(records.ok()) << records.status();
  const std::string told = story.Tell(records->front());
  EXPECT_TRUE(absl::StrContains(told, "stop k by desk: deny [t.not_banned]")) << told;
  story.Reopen();
  EXPECT_EQ(VersionRead(&story, records->front().position, "t.Ban/a"), 0);
  EXPECT_EQ(VersionRead(&story, records->front().position, "t.Ban/b"), 1);
  ExpectFolds(&story);
}

// ---------------------------------------------------------------- tasks of one name

constexpr char kOwed[] = R"(package t

domain office
role Desk, Auditor in office

workflow Order by branch: string max 20, number: string max 20 {
  states open, paid
  start: -> open
  pay:   open -> paid
  audit: in paid
}

authority Desk    { may start, pay on Order }
authority Auditor { may audit on Order }

fact owed per actor = count(Task.check now in waiting of Order.pay.actor)
fact held per order = count(Task.check now in waiting of Order)

rule checked in office
  upon pay on Order
  then task check: Auditor does audit within 3d else fail
  then task other: Desk does report within 3d else fail

rule one_at_a_time in office
  deny pay on Order when owed >= 1 or held[this] >= 1
)";

std::string OnOrder(Story* story, const std::string& transition, const std::string& number, const std::string& by) {
  Submission line;
  line.transition = transition;
  line.on = Input(Input::Object{{"branch", "n|1"}, {"number", number}});
  line.by = by;
  line.at_ns = story->now();
  return story->Submit(std::move(line));
}

TEST(ThroughReferences, TasksOfOneNameAreCountedUnderWhatIsKnownOfTheirInstance) {
  Story story(kOwed);
  story.Agent("desk", {"Desk"});
  story.Agent("other", {"Desk"});
  story.Agent("auditor", {"Auditor"});
  for (const char* number : {"1", "2", "3"}) OnOrder(&story, "start", number, "desk");
  EXPECT_TRUE(absl::StrContains(OnOrder(&story, "pay", "1", "desk"), ": permit"));
  EXPECT_TRUE(absl::StrContains(OnOrder(&story, "pay", "2", "desk"), "deny [t.one_at_a_time]"));
  EXPECT_TRUE(absl::StrContains(OnOrder(&story, "pay", "3", "other"), ": permit"));
  ExpectFolds(&story);
  OnOrder(&story, "audit", "1", "auditor");
  EXPECT_TRUE(absl::StrContains(OnOrder(&story, "pay", "2", "desk"), ": permit"));
  ExpectFolds(&story);
}

}  // namespace
}  // namespace writ
