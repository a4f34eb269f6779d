// A store's own events replayed: under the policy that decided them nothing is otherwise; under another one, answers find their
// questions wherever these stand then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/replay/command.h"

namespace writ::command {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kDeals[] = "examples/deal_desk/deal_desk.writ";
constexpr char kLab[] = "tests/replay/lab/lab.writ";
constexpr char kLabEvents[] = "tests/replay/lab/events.jsonl";

constexpr char kPolicy[] = R"(package shop
domain trade
role Desk in trade
human role Boss in trade

workflow Order by id: string max 40 {
  amount:   int in 0..1000
  states draft, sent, stopped
  halted stopped
  open: -> draft sets amount
  send: draft -> sent
  note: in draft { text: string max 10 }
  stop: draft -> stopped
}

authority Desk { may open, send, note on Order }
authority Boss { may send, stop, note on Order }

rule medium in trade
  escalate send on Order to Boss within 4h else stop when amount > 100
)";

constexpr char kEvents[] = R"({"agent":"ann","roles":["Desk"]}
{"agent":"bo","kind":"human","roles":["Boss"]}
{"propose":"open","on":"o1","by":"ann","at":"2026-01-01T00:00:00Z","set":{"amount":50}}
{"propose":"note","on":"o1","by":"ann","with":{"text":"a"}}
{"propose":"open","on":"o2","by":"ann","at":"2026-01-01T02:00:00Z","set":{"amount":200}}
{"propose":"send","on":"o2","by":"ann"}
{"propose":"open","on":"o3","by":"ann","set":{"amount":300}}
{"propose":"send","on":"o3","by":"ann"}
{"answer":"yes","on":"o2","by":"bo","at":"2026-01-01T03:00:00Z"}
{"answer":"no","on":"o3","by":"bo","at":"2026-01-01T03:01:00Z"}
)";

std::string With(std::string text, const std::string& old, const std::string& now) {
  const size_t at = text.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return at == std::string::npos ? text : text.replace(at, old.size(), now);
}

// What came of each event against then, as the report for people says it.
std::vector<std::string> Against(const std::string& report) {
  std::vector<std::string> lines;
  bool inside = false;
  for (const std::string& line : Lines(report)) {
    if (inside && line.starts_with("  ")) lines.push_back(line);
    inside = line == "against what was decided then" || (inside && line.starts_with("  "));
  }
  return lines;
}

int64_t Leading(const std::string& text) { return std::stoll(text); }

void ExpectAllStill(const std::string& policy, const std::string& events) {
  TemporaryDirectory work;
  const std::string store = work.Below("store");
  const Result run = Writ({"run", policy, "--store", store, "--events", events});
  ASSERT_EQ(run.status, 0) << events << run.err;
  for (const char* follow : {"record", "policy"}) {
    const Result replay = Writ({"replay", policy, "--store", store, "--follow", follow});
    SCOPED_TRACE(events + " following the " + follow + "\n" + replay.out);
    EXPECT_EQ(replay.status, 0) << replay.err;
    int64_t counted = 0;
    for (const std::string& line : Against(replay.out)) {
      EXPECT_THAT(line, HasSubstr("  still "));
      counted += Leading(line);
    }
    // Each decision is compared, and no case comes from nowhere.
    EXPECT_THAT(replay.out, testing::StartsWith("decided " + std::to_string(counted) + " event"));
    EXPECT_THAT(replay.out, Not(HasSubstr("no longer asked")));
  }
}

TEST(StoreReplay, UnderTheSamePolicyEverythingIsAsItWas) {
  for (const auto& entry : std::filesystem::directory_iterator("examples/deal_desk/events"))
    ExpectAllStill(kDeals, entry.path().string());
}

// Computed fields, a hold, a review that nobody completes, an approval that never came.
TEST(StoreReplay, TheLabIsAsItWas) { ExpectAllStill(kLab, kLabEvents); }

constexpr char kPlanned[] = R"(package plans
domain work
role Clerk, Helper, Temp in work
workflow Deal by id: string max 20 {
  amount: money(EUR) in 0 EUR .. 1M EUR
  states open
  start: -> open sets amount
  check: in open { sure: bool }
}
authority Clerk  { may start, check on Deal }
authority Helper { may check on Deal }
decompose on Deal {
  plan { checking: Clerk does check }
  may add closer: Helper does check
  sub checking among Helper granting check up to amount 40 EUR
  sub closer   among Temp granting check up to amount 50 EUR within 2d
  under checking { rule only_the_sure in work  deny check on Deal unless sure }
}
)";

constexpr char kPlannedEvents[] = R"({"agent":"clara","roles":["Clerk"]}
{"agent":"hugo","roles":["Helper"]}
{"agent":"tim","roles":["Temp"]}
{"propose":"start","on":"d","by":"clara","at":"2026-01-01T00:00:00Z","set":{"amount":"40 EUR"}}
{"propose":"decompose","on":"d","by":"clara","with":{"parent":"4/checking","tasks":[{"name":"closer","role":"Helper","does":"check","granting":["check"]}]}}
{"propose":"decompose","on":"d","by":"hugo","with":{"parent":"5/closer","tasks":[{"name":"last","role":"Temp","does":"check","granting":["check"]}]}}
{"propose":"check","on":"d","by":"tim","under":"6/last","with":{"sure":false}}
{"propose":"check","on":"d","by":"tim","under":"6/last","with":{"sure":true}}
{"propose":"start","on":"e","by":"clara","set":{"amount":"41 EUR"}}
{"propose":"decompose","on":"e","by":"clara","with":{"parent":"9/checking","tasks":[{"name":"closer","role":"Helper","does":"check","granting":["check"]}]}}
{"propose":"check","on":"e","by":"hugo","under":"10/closer","with":{"sure":true}}
)";

TEST(StoreReplay, PlansBelowPlansAreAsTheyWere) {
  TemporaryDirectory work;
  WriteFile(work.Below("p.writ"), kPlanned);
  WriteFile(work.Below("events.jsonl"), kPlannedEvents);
  ExpectAllStill(work.Below("p.writ"), work.Below("events.jsonl"));
  TemporaryDirectory again;
  const std::string store = again.Below("store");
  const Result run = Writ({"run", work.Below("p.writ"), "--store", store, "--events", work.Below("events.jsonl")});
  EXPECT_THAT(run.out, HasSubstr("only_the_sure"));
  EXPECT_THAT(run.out, HasSubstr("not_delegated"));
  // Where the first plan gives less, nothing is left to the one below.
  std::string narrow = kPlanned;
  WriteFile(work.Below("p.writ"), narrow.replace(narrow.find("40 EUR"), 6, "39 EUR"));
  for (const char* follow : {"record", "policy"}) {
    const Result replay = Writ({"replay", work.Below("p.writ"), "--store", store, "--follow", follow});
    EXPECT_THAT(replay.out, HasSubstr("not_delegated")) << replay.err;
    EXPECT_THAT(replay.out, HasSubstr("permit then, deny now")) << replay.out;
  }
}

class Shop : public testing::Test {
 protected:
  void SetUp() override {
    WriteFile(Policy(), kPolicy);
    const Result run = Writ({"run", Policy(), "--store", Store(), "--events", "-"}, kEvents);
    ASSERT_EQ(run.status, 0) << run.err;
  }
  std::string Policy() const { return work_.Below("p.writ"); }
  std::string Store() const { return work_.Below("store"); }
  Result Replay(const std::string& policy, const std::vector<std::string>& more = {}) const {
    WriteFile(Policy(), policy);
    std::vector<std::string> arguments = {"replay", Policy(), "--store", Store(), "--follow", "policy"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Writ(arguments);
  }
  std::string Decisions() const { return work_.Below("decisions.jsonl"); }

 private:
  TemporaryDirectory work_;
};

// A question that the record did not have, and its timeout, move all that follows by one and more.
TEST_F(Shop, AnswersFollowTheirQuestions) {
  const Result replay = Replay(std::string(kPolicy) + R"(
rule noted in trade
  escalate note on Order to Boss within 1h else deny
)",
                               {"--decisions", Decisions()});
  EXPECT_EQ(replay.status, 0) << replay.out << replay.err;
  EXPECT_THAT(replay.out, AllOf(HasSubstr("permit then, escalate now"), HasSubstr("1 case    decided again: send"),
                                HasSubstr("fell back to stop"), HasSubstr("denied note"), Not(HasSubstr("no longer asked"))));
  std::string o2, o3;
  for (const std::string& line : Lines(ReadFile(Decisions()))) {
    if (line.find("\"on\":\"o2\"") != std::string::npos) o2 = line;
    if (line.find("\"on\":\"o3\"") != std::string::npos) o3 = line;
  }
  EXPECT_THAT(o2, HasSubstr("\"state\":\"sent\""));
  EXPECT_THAT(o3, HasSubstr("\"state\":\"stopped\""));
}

TEST_F(Shop, WhatIsNoLongerAskedIsListed) {
  const std::string laxer = With(kPolicy, "amount > 100", "amount > 250");
  const Result replay = Replay(laxer);
  EXPECT_EQ(replay.status, 0) << replay.out << replay.err;
  EXPECT_THAT(replay.out, AllOf(HasSubstr("no longer asked: 1 answer\n"), HasSubstr("yes by bo for shop.Boss on shop.Order/o2"),
                                HasSubstr("fell back to stop"), Not(HasSubstr("refused"))));
  EXPECT_THAT(Replay(laxer, {"--json"}).out,
              HasSubstr("\"no_longer_asked\":{\"count\":1,\"first\":[{\"position\":9,\"case\":\"shop.Order/o2\",\"answer\":\"yes\""));
}

// Another rule asks the same role about the same proposal: that is not what the answer was about.
TEST_F(Shop, AnAnswerIsAboutTheRuleThatAsked) {
  const Result replay = Replay(With(kPolicy, "rule medium", "rule other"));
  EXPECT_EQ(replay.status, 0) << replay.out << replay.err;
  EXPECT_THAT(replay.out, AllOf(HasSubstr("no longer asked: 2 answers\n"), Not(HasSubstr("decided again")),
                                Not(HasSubstr("fell back"))));
}

TEST_F(Shop, AStoresEventsHavePositions) {
  const Result replay = Replay(With(With(kPolicy, "open, send, note on", "open, send on"),
                                    "  note: in draft { text: string max 10 }\n", "  note: in draft { other: string max 10 }\n"));
  EXPECT_EQ(replay.status, 1) << replay.out;
  EXPECT_THAT(replay.out, AllOf(HasSubstr("refused positions: 1\n  position 4: "), Not(HasSubstr("line"))));
}

}  // namespace
}  // namespace writ::command
