// Properties are broken by what breaks them and by nothing else, and what is shown to break one does.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compiler/driver/pipeline.h"
#include "compiler/test/policy_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace writ {
namespace {

using policy_test::Result;
using policy_test::Verdict;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kPolicy[] = R"(package demo

domain office
role Clerk in office
role Lead in office

enum Mood { calm, cross }
record Item { name: string max 10  count: int in 0..9 }
entity Buyer by id: string max 20 { limit: money(USD) in 0 USD .. 1M USD }
authority Lead { may set on Buyer }

workflow Order by id: string max 20 {
  amount: money(USD) in 0 USD .. 1M USD
  note:   string? max 20
  buyer:  Buyer
  items:  list<Item> max 4
  moods:  set<Mood> max 2

  states open, checked, done, stopped
  final  done
  halted stopped

  start:  -> open sets amount, note?, buyer, items, moods
  amend:  open, checked -> open sets amount?, note?
  check:  open -> checked
  finish: checked -> done
  stop:   open, checked -> stopped
}

authority Clerk { may start, amend, finish on Order }
authority Lead { may check, finish, stop on Order }

rule large in office
  deny finish on Order by Clerk when amount > 10_000 USD

rule told in office
  upon finish on Order
  then notify Lead

rule asks in office
  escalate finish on Order to Lead within 4h else stop when amount > 5_000 USD
)";

std::unique_ptr<driver::Compiled> Compile(const std::string& more, const std::string& of = kPolicy) {
  auto compiled = driver::CompileTexts({{"p.writ", of + more}}, driver::Stage::kLower);
  for (const diagnostics::Diagnostic& diagnostic : compiled->diagnostics.Take()) ADD_FAILURE() << diagnostic.message << more;
  return compiled;
}

std::vector<Result> RunOf(const std::string& more, const policy_test::Options& options = {}, const std::string& of = kPolicy) {
  const auto compiled = Compile(more, of);
  const auto policy = driver::MakePolicy(*compiled, /*interpret=*/true);
  return policy_test::RunTests(compiled->typed, compiled->sources, policy->get(), options);
}

std::string Property(const std::string& line) { return absl::StrCat("\nproperty \"it\" {\n  ", line, "\n}\n"); }

// The counterexample, as a test of its own, fails because of the property and of nothing else.
void ExpectBroken(const std::string& line, const std::string& of = kPolicy) {
  const std::vector<Result> results = RunOf(Property(line), {}, of);
  ASSERT_EQ(results.size(), 1u);
  ASSERT_EQ(results[0].verdict, Verdict::kFailed) << line;
  ASSERT_EQ(results[0].failures.size(), 1u);
  const std::string& text = results[0].failures[0].text;
  const std::string test = text.substr(text.find("test \""));
  policy_test::Options options;
  options.filter = "breaks it";
  const std::vector<Result> again = RunOf(absl::StrCat(Property(line), "\n", test), options, of);
  ASSERT_EQ(again.size(), 1u) << text;
  ASSERT_EQ(again[0].failures.size(), 1u) << test;
  EXPECT_THAT(again[0].failures[0].text, HasSubstr("this breaks the property \"it\"")) << test;
}

TEST(Properties, WhatBreaksThemIsFoundAndDoes) {
  for (const char* line : {
           "never finish on Order when amount > 4_000 USD",
           "never finish by Lead on Order",
           "never stop by orchestrator on Order",
           "never amount changes on Order when before.note is \"a\"",
           "never note changes on Order",
           "always count(amend) < 2",
           "always state != done when amount > 900_000 USD",
           "within 2d of check: finish",
           "within 4h of (amend by Clerk where amount > 10_000 USD): check or stopped",
           "never amend on Order when any(i.count > 3 for i in items) and cross in moods",
           "never finish on Order when buyer.limit < amount",
       }) {
    SCOPED_TRACE(line);
    ExpectBroken(line);
  }
}

TEST(Properties, WhatHoldsIsNotBroken) {
  for (const char* line : {
           "never finish by Clerk on Order when amount > 10_000 USD",
           "always happened(check) when state == done",
           "never buyer changes on Order",
           "within 4h of stop: stopped",
       }) {
    SCOPED_TRACE(line);
    const std::vector<Result> results = RunOf(Property(line));
    ASSERT_EQ(results.size(), 1u);
    EXPECT_EQ(results[0].verdict, Verdict::kPassed) << results[0].failures[0].text;
    EXPECT_EQ(results[0].history_count, 1'000);
    EXPECT_GT(results[0].event_count, 10'000);
    EXPECT_THAT(results[0].idle, IsEmpty());
  }
}

// A property of what no history does has not been tried.
TEST(Properties, WhatNeverComesAboutIsTold) {
  const std::string shut = "\nrule shut in office\n  deny finish on Order\n";
  for (const char* line : {"never finish on Order when amount > 4_000 USD", "within 2d of finish: stopped"}) {
    const std::vector<Result> results = RunOf(shut + Property(line));
    ASSERT_EQ(results.size(), 1u);
    EXPECT_EQ(results[0].verdict, Verdict::kPassed);
    EXPECT_EQ(results[0].idle.size(), 1u) << line;
    EXPECT_THAT(policy_test::ToText(results[0], /*colour=*/false), HasSubstr("so that nothing was tried"));
    EXPECT_THAT(policy_test::ToJson(results[0]), HasSubstr("\"idle\":[\"p.writ:"));
  }
}

TEST(Properties, HistoriesComeOfTheSeedAlone) {
  const auto text = [](uint64_t seed) {
    policy_test::Options options;
    options.seed = seed;
    return RunOf(Property("never finish on Order when amount > 4_000 USD"), options)[0].failures[0].text;
  };
  EXPECT_EQ(text(7), text(7));
  EXPECT_NE(text(7), text(8));
}

TEST(Properties, NeitherTheyNorTestsArePartOfThePolicy) {
  const std::string alone = ir::Digest(Compile("")->lowered.program);
  EXPECT_EQ(alone, ir::Digest(Compile(Property("always count(amend) < 2 when not (happened(stop))"))->lowered.program));
  EXPECT_EQ(alone, ir::Digest(Compile(R"(
test "t" {
  set Buyer "b" by Lead { limit: 1 USD }
  start Order o by Clerk { amount: 1 USD  buyer: "b"  items: []  moods: {} }
  expect count(amend) == 0
}
)")->lowered.program));
}

// What was asked about is decided again in the name of who proposed it, and said so.
TEST(Properties, WhatIsDecidedAgainIsItsProposers) {
  const std::vector<Result> results = RunOf(Property("never finish by Clerk on Order when amount > 5_000 USD"));
  ASSERT_EQ(results.size(), 1u);
  ASSERT_EQ(results[0].failures.size(), 1u);
  EXPECT_THAT(results[0].failures[0].text, HasSubstr("broken by `finish by clerk"));
}

TEST(Properties, ATestThatBreaksOneFails) {
  const std::vector<Result> results = RunOf(Property("within 2d of start: check or amend") + R"(
test "t" {
  at 2026-03-02T09:00Z
  set Buyer "b" by Lead { limit: 1 USD }
  start Order o by Clerk { amount: 1 USD  buyer: "b"  items: []  moods: {} }
  wait 47h
  amend by Clerk { amount: 2 USD }
  wait 5d
  start Order p by Clerk { amount: 1 USD  buyer: "b"  items: []  moods: {} }
  wait 48h
  expect state open on p
}
)");
  ASSERT_EQ(results.size(), 2u);
  ASSERT_EQ(results[1].failures.size(), 1u);
  EXPECT_THAT(results[1].failures[0].place, HasSubstr("p.writ:"));
  EXPECT_THAT(results[1].failures[0].text, HasSubstr("nothing of it had come in time on p"));
}

// What is opened, done and ended in the fold of another event is seen too.
constexpr char kLook[] = R"(
rule looked_at in office
  upon start on Order
  then task look: Lead does check within 9d else fail
)";

std::vector<Result> RunWithLook(const std::string& property, const std::string& steps) {
  policy_test::Options options;
  options.filter = "steps";  // the property is watched all the same
  return RunOf(absl::StrCat(kLook, Property(property), R"(
test "steps" {
  at 2026-03-02T09:00Z
  set Buyer "b" by Lead { limit: 1 USD }
  start Order o by Clerk { amount: 1 USD  buyer: "b"  items: []  moods: {} }
)", steps, "}\n"), options);
}

std::string FailureOf(const std::vector<Result>& results) {
  for (const Result& result : results) {
    if (result.name == "steps") return result.failures.empty() ? "" : result.failures[0].text;
  }
  return "no such test";
}

TEST(Properties, ATaskThatIsOpenedBeginsWhatMustFollow) {
  for (const char* line : {"within 1d of open on Task: report", "within 1d of open on Task: done"}) {
    EXPECT_THAT(FailureOf(RunWithLook(line, "  wait 25h\n  check by Lead\n")), HasSubstr("nothing of it had come in time on 4/look"))
        << line;
    EXPECT_EQ(FailureOf(RunWithLook(line, "  wait 23h\n  check by Lead\n  wait 5d\n")), "") << line;
  }
  EXPECT_EQ(FailureOf(RunWithLook("within 1d of (open where depth > 0) on Task: report", "  wait 25h\n")), "");
}

TEST(Properties, ATaskThatIsOpenedMayBreakOne) {
  EXPECT_THAT(FailureOf(RunWithLook("never open on Task when after.depth == 0", "")), HasSubstr("`open by orchestrator` on 4/look"));
  EXPECT_EQ(FailureOf(RunWithLook("never open on Task when after.depth > 0", "")), "");
}

// ---------------------------------------------------------------- what is said of agents

constexpr char kLevels[] = R"(package levels

actor { level: int? in 0..1 }

domain office
role Clerk in office

workflow Order by id: string max 20 {
  states open, done
  final  done

  start:  -> open
  finish: open -> done
}

authority Clerk { may start, finish on Order }

decompose on Order {
  plan { papers: Clerk does report needs "read" }
}
)";

TEST(Properties, AgentsHaveAttributesAndCapabilitiesAndAreDescribedAnew) {
  for (const char* line : {
           "never finish on Order when actor.level is 1",
           "never finish on Order when last(start).actor.id is actor.id and last(start).actor.level is 1 and actor.level is 0",
           "never report on Task",
       }) {
    SCOPED_TRACE(line);
    ExpectBroken(line, kLevels);
  }
}

}  // namespace
}  // namespace writ
