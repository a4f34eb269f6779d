#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "runtime/replay/event_lines.h"

namespace writ::replay {
namespace {

absl::StatusOr<EventLine> Read(std::string_view line) { return EventLineReader().Read(line); }
std::string Error(std::string_view line) {
  const absl::StatusOr<EventLine> event = Read(line);
  return event.ok() ? "" : std::string(event.status().message());
}

TEST(EventLinesTest, ReadsAProposal) {
  const absl::StatusOr<EventLine> event = Read(
      R"({"propose":"assess","on":"d-1","by":{"id":"p-1","roles":["Pricing"]},"as":"Pricing","at":"2026-03-02T09:05:00Z",)"
      R"("with":{"stance":"approve","n":-3,"flags":[true]},"set":{"a":{"b":"c"}},"based_on":[3],"seen":5,"key":"k","happened":false})");
  ASSERT_TRUE(event.ok()) << event.status();
  const Submission& line = event->submission;
  EXPECT_EQ(line.kind, Submission::Kind::kPropose);
  EXPECT_EQ(line.transition, "assess");
  EXPECT_EQ(std::get<std::string>(line.on.v), "d-1");
  ASSERT_TRUE(line.inline_actor.has_value());
  EXPECT_EQ(line.inline_actor->id, "p-1");
  EXPECT_EQ(line.inline_actor->roles, std::vector<std::string>{"Pricing"});
  EXPECT_EQ(line.at_ns, 1'772'442'300'000'000'000);
  EXPECT_EQ(line.seen, 5);
  EXPECT_EQ(line.based_on, std::vector<int64_t>{3});
  EXPECT_EQ(line.idempotency_key, "k");
  EXPECT_EQ(line.happened, false);
  const auto& payload = std::get<Input::Object>(line.payload.v);
  ASSERT_EQ(payload.size(), 3u);
  EXPECT_EQ(std::get<int64_t>(payload[1].value.v), -3);
}

TEST(EventLinesTest, ReadsTheOtherKinds) {
  EXPECT_EQ(Read(R"({"agent":"kim","kind":"human","roles":["CFO"]})")->submission.agent.human, true);
  EXPECT_EQ(Read(R"({"set":"Customer","key":"c","by":"crm","fields":{"name":"I"}})")->submission.workflow, "Customer");
  EXPECT_EQ(Read(R"({"answer":"yes","question":9,"by":"kim"})")->submission.question, 9);
  EXPECT_EQ(Read(R"({"tick":"1970-01-01T00:00:01Z"})")->submission.at_ns, 1'000'000'000);
  const absl::StatusOr<EventLine> erase = Read(R"({"erase":"pii","workflow":"Customer","on":"c","by":"dpo"})");
  ASSERT_TRUE(erase.ok());
  EXPECT_TRUE(erase->is_erase);
  EXPECT_EQ(erase->erase.field, "pii");
}

TEST(EventLinesTest, TellsWhereALineStopsBeingJson) {
  const std::pair<const char*, const char*> lines[] = {
      {"hello", "at byte 1, a value is expected"},
      {R"({"on" "o"})", "at byte 7, `:` is expected"},
      {R"({"on":"o" "by":1})", "at byte 11, `,` or `}` is expected"},
      {R"({"on":[1 2]})", "at byte 10, `,` or `]` is expected"},
      {R"({"on":"o",})", "at byte 11, a name in quotes is expected"},
      {R"({on:1})", "at byte 2, a name in quotes is expected"},
      {R"({"on":)", "at byte 7, a value is expected"},
      {R"({"on":"o)", "at byte 9, the closing quote of a text is expected"},
      {R"({"on":"\x"})", "at byte 9, an escape that JSON knows is expected"},
      {R"({"on":"\u00g0"})", "at byte 12, a hexadecimal digit is expected"},
      {"{\"on\":\"a\tb\"}", "at byte 9, an escape such as `\\n` is expected"},
      {R"({"on":007})", "at byte 7, a number without a leading zero is expected"},
      {R"({"on":1.})", "at byte 9, a digit is expected"},
      {R"({"on":nul})", "at byte 7, a value is expected"},
      {R"({"on":1}})", "at byte 9, nothing more is expected"},
      {R"({"on":5 EUR})", "at byte 9, `,` or `}` is expected"},
  };
  for (const auto& [line, told] : lines) EXPECT_EQ(Error(line), absl::StrCat("the line is not JSON: ", told)) << line;
}

TEST(EventLinesTest, RefusesWithASentence) {
  EXPECT_EQ(Error("{}"), "a line must have one of `agent`, `set`, `propose`, `answer`, `tick`, `erase`, `spent`");
  EXPECT_EQ(Error(R"({"spent":{"cost":"1 USD"},"task":true})"), "`task` must be a text");
  EXPECT_EQ(Error(R"({"spent":{"cost":"1 USD"},"task":9})"), "");
  EXPECT_EQ(Error("[1]"), "the line is not a JSON object");
  EXPECT_EQ(Error(R"({"propose":"a","on":"b","by":"c","by":"d"})"), "`by` is given twice in `the line`");
  EXPECT_EQ(Error(R"({"propose":"a","on":"b","by":"c","wiht":{}})"), "a proposal has no field `wiht`");
  EXPECT_EQ(Error(R"({"propose":"a","on":"b"})"), "`by` is missing: say who does it");
  EXPECT_EQ(Error(R"({"propose":"a","by":"b"})"), "`on` is missing");
  EXPECT_EQ(Error(R"({"propose":7,"on":"b","by":"c"})"), "`propose` must be a text");
  EXPECT_EQ(Error(R"({"propose":"a","on":"b","by":"c","with":{"x":1.5}})"),
            "`x` is a number with a fraction: write amounts, percents and times as text, like \"38%\"");
  EXPECT_EQ(Error(R"({"propose":"a","on":"b","by":"c","with":{"x":null}})"),
            "`x` is null: leave it out where there is no value");
  EXPECT_EQ(Error(R"({"propose":"a","on":"b","by":"c","seen":-1})"), "`seen` must be a whole number from 0 on");
  EXPECT_EQ(Error(R"({"answer":"maybe","on":"b","by":"c"})"), "`answer` must be \"yes\" or \"no\"");
  EXPECT_EQ(Error(R"({"tick":"tomorrow"})").substr(0, 32), "`tick` cannot be read as a time:");
  EXPECT_NE(Error(R"({"propose":"a","on":"b","by":"c")"), "");
  EXPECT_NE(Error("{\"propose\":\"a\xff\",\"on\":\"b\",\"by\":\"c\"}"), "");
  EXPECT_NE(Error(R"({"propose":"a","on":"b","by":"c","seen":99999999999999999999})"), "");
}

TEST(EventLinesTest, RefusesDepth) {
  std::string deep = R"({"propose":"a","on":"b","by":"c","with":)";
  for (int i = 0; i < 5000; ++i) deep += "[";
  EXPECT_NE(Error(deep), "");
  EXPECT_NE(
      Error(
          R"({"propose":"a","on":"b","by":"c","with":{"x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[)"
          R"(1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}})"),
      "");
}

TEST(EventLinesTest, WritesADecisionInTheDocumentedOrder) {
  DecisionRecord record;
  record.position = 9;
  record.workflow = "acme.deals.Deal";
  record.on = "d-1";
  record.proposal = "approve";
  record.by = record.as = "orchestrator";
  record.outcome = Outcome::kEscalate;
  record.state = "review";
  record.reasons = {"acme.deals.large_discount"};
  record.questions.push_back(
      {9, "CFO", 1'772'456'820'000'000'000, "block", {"acme.deals.large_discount"}, {}, 0, false});
  record.policy = "sha256:00";
  record.at_ns = 1'772'442'420'000'000'000;
  std::string text;
  AppendDecision(record, &text);
  EXPECT_EQ(
      text,
      R"({"position":9,"on":"d-1","workflow":"acme.deals.Deal","proposal":"approve","by":"orchestrator","as":"orchestrator",)"
      R"("outcome":"escalate","state":"review","reasons":["acme.deals.large_discount"],"excused":[],)"
      R"("questions":[{"question":9,"to":"CFO","until":"2026-03-02T13:07:00Z","else":"block","rules":["acme.deals.large_discount"]}],)"
      R"("awaits":[],"obligations":[],"indeterminate":[],"policy":"sha256:00","at":"2026-03-02T09:07:00Z"})");
}

TEST(EventLinesTest, AGrantIsReadAndWritten) {
  EXPECT_EQ(Read(R"({"propose":"assess","on":"d-1","by":"s-1","under":"g-1"})")->submission.under, "g-1");
  EXPECT_EQ(Read(R"({"set":"Customer","key":"c","by":"s-1","under":"g-1"})")->submission.under, "g-1");
  EXPECT_EQ(Error(R"({"propose":"assess","on":"d-1","by":"s-1","under":""})"), "`under` is missing, or empty");
  EXPECT_EQ(Error(R"({"answer":"yes","on":"d-1","by":"s-1","under":"g-1"})"), "an answer has no field `under`");
  DecisionRecord record;
  record.as = "Sanctions";
  record.under = "g-1";
  std::string text;
  AppendDecision(record, &text);
  EXPECT_NE(text.find(R"("as":"Sanctions","under":"g-1","outcome")"), std::string::npos) << text;
}

TEST(EventLinesTest, StringsAreAlwaysGoodJson) {
  std::string text;
  AppendJsonString("a\"b\\\n\x01\xc3\xa9\xff\xed\xa0\x80", &text);
  EXPECT_EQ(text, "\"a\\\"b\\\\\\n\\u0001\xc3\xa9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace writ::replay
