// The command from outside, by somebody who means it no good: usage, empty and broken files, events of every wrong
// kind, stores that are not ours, two processes on one store, a log that was damaged.
#include "tests/replay/command.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>

namespace writ::command {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kDeals[] = "examples/deal_desk";
constexpr char kStory[] = "examples/deal_desk/events/story.jsonl";

int LineOf(const std::string& error) {
  const size_t at = error.find("\"line\":");
  return at == std::string::npos ? -1 : std::atoi(error.c_str() + at + 7);
}

// ---------------------------------------------------------------- usage

struct Usage {
  std::vector<std::string> arguments;
  int status;
  const char* says;  // somewhere in what it prints
};

TEST(Usage, StatusAndSentence) {
  TemporaryDirectory work;
  const std::string empty = work.Below("empty"), no_policy = work.Below("folder"), bare = work.Below("bare.writ");
  const std::string broken = work.Below("broken.writ");
  WriteFile(empty, "");
  WriteFile(bare, "package a\n");
  WriteFile(broken, "package a\nrule r in nowhere\n");
  std::filesystem::create_directory(no_policy);
  const Usage table[] = {
      {{}, 2, "A verb, one of check, run, test, replay, explain, verify, fmt, is required"},
      {{"--help"}, 0, "replay"},
      {{"--version"}, 0, "writ "},
      {{"fly"}, 2, "no verb `fly`; there are check, run, "},
      {{"run", "--help"}, 0, "Usage: writ run [OPTIONS] FILES...\n"},
      {{"--help"}, 0, "Usage: writ [OPTIONS] VERB\n"},
      {{"--bogus"}, 2, "--bogus"},
      {{"check"}, 2, "FILES"},
      {{"check", "--bogus"}, 2, "--bogus"},
      {{"run", "--bogus"}, 2, "--bogus"},
      {{"test"}, 2, "FILES"},
      {{"replay"}, 2, "FILES"},
      {{"verify", "--bogus"}, 2, "--bogus"},
      {{"check", "--help"}, 0, "--dump"},
      {{"check", "nowhere.writ"}, 2, "nowhere.writ"},
      {{"check", no_policy}, 2, "no .writ file"},
      {{"check", kDeals}, 0, "fine"},
      {{"check", empty}, 0, ""},
      {{"check", bare}, 0, "fine"},
      {{"check", broken}, 1, "error["},
      {{"check", "--json", bare}, 0, "{\"fine\":true,\"workflows\":0,\"entities\":0,\"roles\":0,\"rules\":0,\"tests\":0}\n"},
      {{"check", "--json", broken}, 1, "\"code\":\"E"},
      {{"check", kDeals}, 0, "note[N0589]"},
      {{"check", "--json", kDeals}, 0, ",\"notes\":[{\"file\":"},
      {{"test", "--filter", "the CFO", kDeals}, 0, "note[N0589]"},
      {{"check", "--dump=ast", bare}, 0, "package a"},
      {{"check", "--dump=typed", kDeals}, 0, "acme.deals.Deal"},
      {{"check", "--dump=ir", kDeals}, 0, "acme.deals.Deal"},
      {{"check", "--dump=ir", bare}, 0, "writ.Agent"},
      {{"check", "--dump=llvm", kDeals}, 0, "define"},
      {{"check", "--dump=poem", kDeals}, 2, "--dump"},
      {{"check", "--stop-after=parse", kDeals}, 0, ""},
      {{"check", "--stop-after=native", "--time-passes", kDeals}, 0, "native"},
      {{"check", "--stop-after=never", kDeals}, 2, "--stop-after"},
      {{"check", "--time-passes", kDeals}, 0, "lower"},
      {{"run", kDeals}, 2, "--events"},
      {{"run", "--fail-on", "deny", kDeals, "--events", kStory}, 1, "\"outcome\":\"deny\""},
      {{"run", "--fail-on", "hold,escalate", "--fail-on", "deny", kDeals, "--events", kStory}, 1, "\"outcome\":\"deny\""},
      {{"run", kDeals, "--events", "nowhere"}, 2, "nowhere"},
      {{"run", kDeals, "--events", "examples"}, 2, "examples"},
      {{"run", kDeals, "--events", empty}, 0, ""},
      {{"run", bare, "--events", empty}, 0, ""},
      {{"run", broken, "--events", empty}, 1, "error["},
      {{"run", kDeals, "--events", kStory, "--fail-on", "deny"}, 1, "\"outcome\":\"deny\""},
      {{"run", kDeals, "--events", kStory, "--fail-on", "escalate"}, 0, "\"outcome\":\"deny\""},
      {{"run", kDeals, "--events", kStory, "--fail-on", "sorrow"}, 2, "--fail-on"},
      {{"run", kDeals, "--events", kStory, "--store", empty}, 2, "not a directory"},
      {{"run", kDeals, "--events", kStory, "--store", "compiler"}, 2, "holds other files"},
      {{"run", kDeals, "--events", kStory, "--json"}, 0, "\"position\":18"},
      {{"test", kDeals}, 0, "passed"},
      {{"test", "--json", kDeals}, 0, "\"result\":\"passed\""},
      {{"test", broken}, 1, "error["},
      {{"test", kDeals, "--junit", work.Below("nowhere/j.xml")}, 2, "cannot write"},
      {{"replay", kDeals}, 2, "--log or --store"},
      {{"replay", kDeals, "--log", kStory, "--store", "x"}, 2, "excludes"},
      {{"replay", kDeals, "--log", "nowhere.xes"}, 2, "nowhere.xes"},
      {{"replay", kDeals, "--log", "nowhere.jsonl"}, 2, "writ: cannot read nowhere.jsonl: "},
      {{"replay", kDeals, "--log", empty}, 2, "a log is .jsonl, .xes or .csv"},
      {{"replay", kDeals, "--store", no_policy}, 2, "holds no log"},
      {{"replay", kDeals, "--log", kStory, "--decisions", work.Below("nowhere/d")}, 2, "cannot write"},
      {{"replay", kDeals, "--log", kStory, "--json"}, 0, "\"outcomes\""},
      {{"explain"}, 2, "a code"},
      {{"explain", "E0101"}, 0, "UTF-8"},
      {{"explain", "--json", "E0101"}, 0, "\"code\":\"E0101\""},
      {{"explain", "E9999"}, 2, "E9999"},
      {{"explain", "--store", no_policy, "--position", "1"}, 2, "holds no log"},
      {{"explain", "--store", no_policy, "--position", "0"}, 2, "--position"},
      {{"verify"}, 2, "--store"},
      {{"verify", "--store", no_policy}, 2, "holds no log"},
      {{"verify", "--store", work.Below("nowhere")}, 2, "holds no log"},
  };
  for (const Usage& usage : table) {
    const Result result = Writ(usage.arguments);
    EXPECT_EQ(result.status, usage.status) << testing::PrintToString(usage.arguments) << "\n"
                                           << result.out << result.err;
    EXPECT_THAT(result.out + result.err, HasSubstr(usage.says)) << testing::PrintToString(usage.arguments);
    if (usage.status == 2 && usage.arguments.size() > 0 && usage.arguments[0] != "test") {
      EXPECT_EQ(result.out, "") << "what went wrong goes to standard error: "
                                << testing::PrintToString(usage.arguments);
      EXPECT_NE(result.err, "");
    }
  }
}

TEST(Usage, BrokenLogs) {
  TemporaryDirectory work;
  const std::string good = ReadFile("examples/expenses/log.xes.gz");
  struct {
    const char* name;
    std::string text;
    int status;
    const char* says;
  } const table[] = {
      {"a.xes", "", 2, "no element"},
      {"b.xes", "<log><trace>", 2, "line 1"},
      {"c.xes", "<html/>", 2, "its root is not <log>"},
      {"d.xes", "<!DOCTYPE log [<!ENTITY a \"aaaa\">]><log>&a;</log>", 2, "document type"},
      {"e.xes", "<log/>", 0, "decided 0 events"},
      {"f.xes.gz", good.substr(0, good.size() / 2), 2, "ends too early"},
      {"g.xes.gz", "this is not compressed", 2, "g.xes.gz"},
      {"h.csv", "", 2, "must name the columns"},
      {"i.jsonl", "", 0, "decided 0 events"},
      {"j.jsonl", "nonsense\n{}\n", 1, "refused lines: 2"},
      {"k.txt", "", 2, "a log is"},
  };
  for (const auto& row : table) {
    WriteFile(work.Below(row.name), row.text);
    const Result result = Writ({"replay", "examples/expenses", "--log", work.Below(row.name)});
    EXPECT_EQ(result.status, row.status) << row.name << ": " << result.out << result.err;
    EXPECT_THAT(result.out + result.err, HasSubstr(row.says)) << row.name;
  }
}

// ---------------------------------------------------------------- lines

// bad_lines.err has the sentences; here is what all of them have in common.
TEST(BadLines, EachIsAnsweredOnceAndTheOthersGoOn) {
  const std::vector<std::string> lines = Lines(ReadFile("tests/replay/bad_lines.jsonl"));
  const Result result = Writ({"run", kDeals, "--events", "tests/replay/bad_lines.jsonl"});
  EXPECT_EQ(result.status, 1);
  std::set<int> refused;
  int last = 0;
  for (const std::string& error : Lines(result.err)) {
    EXPECT_THAT(error, testing::StartsWith("{\"line\":"));
    EXPECT_THAT(error, HasSubstr("\"error\":\""));
    EXPECT_THAT(error, Not(HasSubstr("\"error\":\"\"")));
    EXPECT_GT(LineOf(error), last) << "in the order of the lines, each once";
    refused.insert(last = LineOf(error));
  }
  EXPECT_GT(refused.size(), 100u);
  size_t expected_count = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    expected_count += !refused.contains(static_cast<int>(i) + 1) && !lines[i].empty() &&
                      lines[i].find("{\"tick\"") == std::string::npos;
  }
  EXPECT_EQ(Lines(result.out).size(), expected_count) << "every line that was not refused is answered";
}

std::string Repeated(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST(BadLines, Bytes) {
  const std::string good = ReadFile(kStory);
  const std::string submit = R"({"propose":"submit","on":"d-1","by":"desk-1")";
  const std::string table[] = {
      "{\"propose\":\"submit\",\"on\":\"d-1\",\"by\":\"\xff\xfe\"}",
      std::string("{\"propose\":\"submit\",\0\"on\":\"d-1\"}", 32),
      std::string("\0\0\0", 3),
      "\xed\xa0\x80",
      "{\"tick\":\"2026-03-02T10:00:00Z\xc0\x80\"}",
      Repeated("[", 200),
      Repeated("[", 100'000) + Repeated("]", 100'000),
      submit + ",\"set\":" + Repeated("{\"a\":", 50'000) + "1" + Repeated("}", 50'000) + "}",
      submit + ",\"seen\":" + Repeated("9", 1000) + "}",
      submit + ",\"seen\":1e400}",
      submit + ",\"seen\":-9223372036854775809}",
      submit + ",\"seen\":18446744073709551615}",
      "{\"propose\":\"submit\",\"on\":\"" + Repeated("x", 3'000'000) + "\",\"by\":\"desk-1\"}",
      "{\"propose\":\"submit\",\"on\":\"" + Repeated("x", 900'000) + "\",\"by\":\"desk-1\"}",
      submit + ",\"with\":{" +
          [] {
            std::string members;
            for (int i = 0; i < 60'000; ++i) members += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
            return members;
          }() +
          "}}",
  };
  for (const std::string& line : table) {
    const Result result = Writ({"run", kDeals, "--interpret", "--events", "-"}, line + "\n" + good);
    EXPECT_EQ(result.status, 1) << line.substr(0, 80);
    ASSERT_EQ(Lines(result.err).size(), 1u) << line.substr(0, 80) << "\n" << result.err;
    EXPECT_EQ(LineOf(result.err), 1);
    EXPECT_LT(result.err.size(), 400u) << "a sentence, not the line: " << line.substr(0, 80);
    EXPECT_EQ(Lines(result.out).size(), 18u) << "the others go on";
  }
}

TEST(BadLines, LinesMayEndAsTheyLike) {
  const std::string good = ReadFile(kStory);
  std::string windows;
  for (const std::string& line : Lines(good)) windows += line + "\r\n";
  const std::vector<std::string> run = {"run", kDeals, "--interpret", "--events", "-"};
  const std::string expected = Writ(run, good).out;
  EXPECT_EQ(Writ(run, windows).out, expected);
  EXPECT_EQ(Writ(run, windows + "\r\n\n  \n").status, 0);
  EXPECT_EQ(Writ(run, good.substr(0, good.size() - 1)).out, expected) << "the last line without its end";
}

// ---------------------------------------------------------------- stores

class StoreTest : public testing::Test {
 protected:
  std::string Store() { return work_.Below("store"); }
  std::string Log() { return Store() + "/log.db"; }
  Result RunStory() { return Writ({"run", kDeals, "--interpret", "--events", kStory, "--store", Store()}); }
  Result Verify() { return Writ({"verify", "--store", Store()}); }
  TemporaryDirectory work_;
};

TEST_F(StoreTest, KeptAndVerified) {
  const Result first = RunStory();
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(first.out, Writ({"run", kDeals, "--events", kStory}).out) << "a store changes no decision";
  const Result verified = Verify();
  EXPECT_EQ(verified.status, 0) << verified.out;
  EXPECT_THAT(verified.out, HasSubstr("18 decided again, the same"));
  EXPECT_THAT(Writ({"verify", "--json", "--store", Store()}).out, HasSubstr("\"fine\":true,\"events\":18"));
  EXPECT_THAT(Writ({"explain", "--store", Store(), "--position", "16"}).out, HasSubstr("acme.deals.Deal.review.veto"));
  EXPECT_EQ(Writ({"explain", "--store", Store(), "--position", "19"}).status, 2);
  EXPECT_THAT(Writ({"replay", kDeals, "--store", Store()}).out, HasSubstr("still deny"));
}

// Whoever does not know what became of a line sends it again: under its key it is answered as it was, and nothing is
// committed.
TEST_F(StoreTest, SentAgainUnderItsKey) {
  const std::string who =
      "{\"agent\":\"desk-1\",\"kind\":\"agent\",\"principal\":\"s\",\"roles\":[\"DealDesk\"],\"at\":\"2026-03-02T08:00:"
      "00Z\"}\n";
  const auto propose = [](const char* what, const char* at, const char* key) {
    return std::string("{\"propose\":\"") + what + "\",\"on\":\"d-1\",\"by\":\"desk-1\",\"at\":\"" + at +
           "\",\"key\":\"" + key + "\"}\n";
  };
  const std::string lines =
      propose("submit", "2026-03-02T09:00:00Z", "k-1") + propose("close", "2026-03-02T10:00:00Z", "k-2");
  const std::vector<std::string> run = {"run", kDeals, "--interpret", "--events", "-", "--store", Store()};
  const std::vector<std::string> first = Lines(Writ(run, who + lines).out);
  ASSERT_EQ(first.size(), 3u);
  const Result again = Writ(run, lines);
  EXPECT_EQ(again.status, 0) << again.err;
  const std::vector<std::string> repeated = Lines(again.out);
  ASSERT_EQ(repeated.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_THAT(repeated[i], HasSubstr("\"repeated\":true"));
    EXPECT_EQ(repeated[i].substr(0, 60), first[i + 1].substr(0, 60));
  }
  const Result other = Writ(run, propose("amend", "2026-03-02T09:30:00Z", "k-3"));
  EXPECT_THAT(other.err, HasSubstr("time goes back"));
  EXPECT_THAT(Verify().out, HasSubstr("chain: 3 events"));
}

TEST_F(StoreTest, AnotherPolicyIsRefused) {
  RunStory();
  const Result other = Writ({"run", "examples/expenses", "--events", "-", "--store", Store()});
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("does not have"));
  EXPECT_EQ(Verify().status, 0);
}

TEST_F(StoreTest, NotOurs) {
  std::filesystem::create_directory(Store());
  WriteFile(Log(), "hello");
  for (const Result& result : {RunStory(), Verify()}) {
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, HasSubstr("no log of writ's"));
  }
  EXPECT_EQ(ReadFile(Log()), "hello");
}

// Two processes on one store: whoever comes second is told, nothing that was printed is lost, and the log stays whole.
TEST_F(StoreTest, TwoProcesses) {
  Child first({"run", kDeals, "--interpret", "--events", "-", "--store", Store()});
  const std::string kim = "{\"agent\":\"kim\",\"kind\":\"human\",\"roles\":[\"CFO\"]}\n";
  ASSERT_TRUE(first.Feed(kim));
  std::string line;
  ASSERT_TRUE(first.ReadLine(&line));
  const Result second = RunStory();
  EXPECT_THAT(second.status, testing::AnyOf(0, 1, 2));
  ASSERT_TRUE(first.Feed("{\"agent\":\"lee\",\"kind\":\"human\",\"roles\":[\"DealLead\"]}\n"));
  first.CloseInput();
  size_t printed_by_first = 1;
  while (first.ReadLine(&line)) ++printed_by_first;
  EXPECT_NE(first.Wait(), 128 + 6);
  const Result verified = Verify();
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
  EXPECT_THAT(verified.out,
              HasSubstr("chain: " + std::to_string(printed_by_first + Lines(second.out).size()) + " events"));
}

TEST_F(StoreTest, EveryFlippedByteOfAnEventIsFound) {
  RunStory();
  // All of it into the main file, so that what is flipped is what is read.
  ASSERT_FALSE(std::filesystem::exists(Log() + "-wal") && std::filesystem::file_size(Log() + "-wal") > 0);
  const std::string good = ReadFile(Log());
  int found = 0, unseen = 0;
  uint32_t seed = 7;
  for (int i = 0; i < 60; ++i) {
    seed = seed * 1664525 + 1013904223;
    std::string bad = good;
    const size_t at = seed % bad.size();
    bad[at] = static_cast<char>(bad[at] ^ (1 << (seed >> 28 & 7)));
    WriteFile(Log(), bad);
    std::filesystem::remove(Log() + "-wal");
    std::filesystem::remove(Log() + "-shm");
    const Result verified = Verify();
    EXPECT_THAT(verified.status, testing::AnyOf(0, 1, 2)) << "byte " << at << ": " << verified.err;
    // Free space within a page, and what SQLite writes for itself, is nobody's.
    ++(verified.status == 0 ? unseen : found);
    if (verified.status == 0) {
      EXPECT_THAT(verified.out, HasSubstr("18 decided again, the same"));
    }
  }
  EXPECT_GT(found, 20);
  // Within an event each byte counts.
  const size_t content = good.find("acme.deals.Deal");
  ASSERT_NE(content, std::string::npos);
  size_t flipped = 0;
  for (size_t at = good.find("compliance-1"); at != std::string::npos; at = good.find("compliance-1", at + 1)) {
    std::string bad = good;
    bad[at] = 'k';
    WriteFile(Log(), bad);
    EXPECT_NE(Verify().status, 0) << "byte " << at;
    ++flipped;
  }
  EXPECT_GT(flipped, 2u);
}

TEST_F(StoreTest, ATruncatedLogIsFound) {
  RunStory();
  const std::string good = ReadFile(Log());
  for (size_t kept : {good.size() - 4096, good.size() / 2, good.size() / 2 + 1000, size_t{4096}, size_t{100}}) {
    WriteFile(Log(), good.substr(0, kept));
    const Result verified = Verify();
    EXPECT_THAT(verified.status, testing::AnyOf(1, 2)) << kept << " bytes: " << verified.out;
    EXPECT_THAT(RunStory().status, testing::AnyOf(0, 1, 2)) << kept;
  }
}

// Standard output that nobody reads, or a full disk behind it.
TEST(Output, ThatCannotBeWritten) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP();
  const std::string command =
      std::string("exec '") + WRIT_COMMAND + "' run " + kDeals + " --events " + kStory + " >/dev/full";
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 2) << "what could not be said was not said";
}

}  // namespace
}  // namespace writ::command
