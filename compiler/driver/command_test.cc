// The built command, from the outside: arguments and files in, output and exit status out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Outcome {
  int status = -1;
  std::string out, err;
};

class CommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "writ_command_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
  }
  std::string Text(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(Path(name), std::ios::binary).rdbuf();
    return text.str();
  }

  // In the test's own folder.
  Outcome Writ(const std::string& arguments, const std::string& input = "") const {
    Write("stdin", input);
    const std::string command = "cd '" + folder_ + "' && '" WRIT_COMMAND "' " + arguments + " <stdin >stdout 2>stderr";
    const int status = system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, Text("stdout"), Text("stderr")};
  }

 private:
  std::string folder_;
};

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The text of one field of a line, up to the next comma or the end of its list.
std::string FieldOf(const std::string& line, const std::string& name) {
  const size_t at = line.find("\"" + name + "\":");
  if (at == std::string::npos) return "(none)";
  const size_t begin = at + name.size() + 3;
  const char open = line[begin];
  const size_t end = open == '"'   ? line.find('"', begin + 1) + 1
                     : open == '[' ? line.find(']', begin) + 1
                                   : line.find_first_of(",}", begin);
  return line.substr(begin, end - begin);
}

std::vector<std::string> Column(const std::string& text, const std::string& name) {
  std::vector<std::string> column;
  for (const std::string& line : Lines(text)) column.push_back(FieldOf(line, name));
  return column;
}

constexpr char kPolicy[] = R"(package shop
domain trade
role Desk in trade
role Crm in trade
human role Boss in trade

entity Customer by id: string max 40 {
  name: string max 40 label pii
  risky: bool
}

workflow Order by id: string max 40 {
  amount:   int in 0..1000
  customer: Customer
  states draft, sent, stopped
  halted stopped
  open: -> draft sets amount, customer
  send: draft -> sent
  note: in draft { text: string max 10 }
  stop: draft -> stopped
}

authority Crm  { may set on Customer }
authority Desk { may open, send, note on Order }
authority Boss { may send, stop on Order }

rule large in trade
  deny send on Order when amount > 500
  because "large orders are not sent"

rule named in trade
  deny send on Order when customer.name == "Initech"

rule boss_may in trade
  allow send on Order by Boss overrides large

rule medium in trade
  escalate send on Order to Boss within 4h else stop when amount > 100 and amount <= 500
)";

constexpr char kEvents[] = R"({"agent":"ann","roles":["Desk"]}
{"agent":"bo","kind":"human","roles":["Boss"]}
{"agent":"crm","roles":["Crm"]}
{"set":"Customer","key":"c","by":"crm","at":"2026-01-01T00:00:00Z","fields":{"name":"Acme","risky":false}}
{"propose":"open","on":"o1","by":"ann","set":{"amount":600,"customer":"c"}}
{"propose":"send","on":"o1","by":"ann"}
{"propose":"send","on":"o1","by":"bo"}
{"propose":"open","on":"o2","by":"ann","set":{"amount":200,"customer":"c"}}
{"propose":"send","on":"o2","by":"ann"}
{"tick":"2026-01-01T04:00:00Z"}
)";

TEST_F(CommandTest, UsageIsStatusTwo) {
  EXPECT_EQ(Writ("").status, 2);
  EXPECT_EQ(Writ("frobnicate").status, 2);
  EXPECT_EQ(Writ("check").status, 2);
  EXPECT_EQ(Writ("run nowhere.writ --events -").status, 2);
  EXPECT_EQ(Writ("replay .").status, 2);
  EXPECT_EQ(Writ("verify --store nowhere").status, 2);
  for (const char* verb : {"check", "run", "test", "replay", "explain", "verify"}) {
    const Outcome help = Writ(std::string(verb) + " --help");
    EXPECT_EQ(help.status, 0);
    EXPECT_THAT(help.out, HasSubstr("--json")) << verb;
  }
}

TEST_F(CommandTest, CheckShowsAllDiagnostics) {
  Write("p.writ", kPolicy);
  EXPECT_EQ(Writ("check p.writ").out, "fine: 1 workflow, 1 entity, 3 roles, 4 rules, 0 tests\n");
  Write("q.writ", "package q\nrole A in nowhere\nrole B in nowhere_else\n");
  const Outcome broken = Writ("check q.writ");
  EXPECT_EQ(broken.status, 1);
  EXPECT_THAT(broken.out, HasSubstr("q.writ:2:11: error[E"));
  EXPECT_THAT(broken.out, HasSubstr("q.writ:3:11: error[E"));
  const Outcome json = Writ("check --json q.writ");
  EXPECT_EQ(json.status, 1);
  EXPECT_THAT(Column(json.out, "line"), ElementsAre("2", "3"));
  EXPECT_EQ(Writ("run q.writ --events -", kEvents).status, 1);
}

TEST_F(CommandTest, DumpsEveryForm) {
  Write("p.writ", kPolicy);
  for (const char* form : {"ast", "typed", "ir", "llvm"}) {
    const Outcome dump = Writ(std::string("run p.writ --events none --dump=") + form);
    EXPECT_EQ(dump.status, 0) << dump.err;
    EXPECT_NE(dump.out.find(std::string(form) == "llvm" ? "define void @writ_function_0" : "large"), std::string::npos)
        << form;
  }
  const Outcome times = Writ("check p.writ --time-passes --stop-after=parse");
  EXPECT_THAT(times.err, StartsWith("parse "));
  EXPECT_THAT(times.err, Not(HasSubstr("lower")));
}

TEST_F(CommandTest, RunDecidesLineByLine) {
  Write("p.writ", kPolicy);
  const Outcome run = Writ("run p.writ --events -", kEvents);
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(Column(run.out, "position"), ElementsAre("1", "2", "3", "4", "5", "6", "7", "8", "9", "10"));
  EXPECT_THAT(Column(run.out, "outcome"),
              ElementsAre("\"permit\"", "\"permit\"", "\"permit\"", "\"permit\"", "\"permit\"", "\"deny\"",
                          "\"permit\"", "\"permit\"", "\"escalate\"", "\"permit\""));
  const std::vector<std::string> lines = Lines(run.out);
  EXPECT_THAT(lines[5], HasSubstr("\"reasons\":[\"shop.large\"],\"excused\":[]"));
  EXPECT_THAT(lines[6], HasSubstr("\"reasons\":[],\"excused\":[{\"rule\":\"shop.large\",\"by\":\"shop.boss_may\"}]"));
  EXPECT_THAT(lines[8], HasSubstr("\"questions\":[{\"question\":9,\"to\":\"Boss\",\"until\":\"2026-01-01T04:00:00Z\","
                                  "\"else\":\"stop\",\"rules\":[\"shop.medium\"]}]"));
  EXPECT_THAT(lines[9], HasSubstr("\"proposal\":\"stop\",\"by\":\"orchestrator\",\"as\":\"orchestrator\""));
  EXPECT_EQ(Writ("run p.writ --interpret --events -", kEvents).out, run.out);
  EXPECT_EQ(Writ("run p.writ --fail-on deny --events -", kEvents).status, 1);
  EXPECT_EQ(Writ("run p.writ --fail-on hold --events -", kEvents).status, 0);
}

TEST_F(CommandTest, RefusedLinesAreToldAndTheOthersGoOn) {
  Write("p.writ", kPolicy);
  const Outcome run =
      Writ("run p.writ --events -",
           "nonsense\n{\"agent\":\"ann\",\"roles\":[\"Desk\"]}\n\n" + std::string(2 << 20, 'x') +
               "\n{\"propose\":\"open\",\"on\":\"o\",\"by\":\"ann\",\"set\":{\"amount\":1001,\"customer\":\"c\"}}\n"
               "{\"agent\":\"crm\",\"roles\":[\"Crm\"]}\n");
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(Column(run.out, "on"), ElementsAre("\"ann\"", "\"crm\""));
  EXPECT_THAT(Column(run.err, "line"), ElementsAre("1", "4", "5"));
}

TEST_F(CommandTest, ALineIsAnsweredBeforeTheNextIsThere) {
  Write("p.writ", kPolicy);
  int in[2], out[2];
  ASSERT_EQ(pipe(in), 0);
  ASSERT_EQ(pipe(out), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    for (int end : {in[0], in[1], out[0], out[1]}) close(end);
    execl(WRIT_COMMAND, WRIT_COMMAND, "run", Path("p.writ").c_str(), "--events", "-", nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  FILE* answers = fdopen(out[0], "r");
  char line[4096];
  for (const std::string& event :
       {"{\"agent\":\"ann\",\"roles\":[\"Desk\"]}\n", "{\"agent\":\"bo\",\"roles\":[\"Boss\"],\"kind\":\"human\"}\n"}) {
    ASSERT_EQ(write(in[1], event.data(), event.size()), static_cast<ssize_t>(event.size()));
    ASSERT_NE(fgets(line, sizeof line, answers), nullptr);  // the other end is still open: it was not waited for
  }
  EXPECT_EQ(FieldOf(line, "position"), "2");
  close(in[1]);
  EXPECT_EQ(fgets(line, sizeof line, answers), nullptr);
  fclose(answers);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(CommandTest, AStoreIsKeptVerifiedAndExplained) {
  Write("p.writ", kPolicy);
  ASSERT_EQ(Writ("run p.writ --store s --events -", kEvents).status, 0);
  const Outcome more = Writ("run p.writ --store s --events -", "{\"agent\":\"zoe\",\"roles\":[\"Desk\"]}\n");
  EXPECT_EQ(FieldOf(more.out, "position"), "11");
  const Outcome fine = Writ("verify --store s");
  EXPECT_EQ(fine.status, 0) << fine.out;
  EXPECT_THAT(fine.out, HasSubstr("chain: 11 events"));
  EXPECT_EQ(FieldOf(Writ("verify --store s --json").out, "fine"), "true");

  const Outcome why = Writ("explain --store s --position 6");
  EXPECT_EQ(why.status, 0) << why.err;
  EXPECT_THAT(why.out, HasSubstr("outcome: deny; state afterwards: draft\nreasons: shop.large\n"));
  EXPECT_THAT(why.out, HasSubstr("true   `amount > 500` (amount is 600)"));
  EXPECT_THAT(why.out, HasSubstr("because \"large orders are not sent\""));
  EXPECT_THAT(why.out, HasSubstr("`amount > 500` false instead of true: permit"));
  EXPECT_EQ(Writ("explain --store s --position 99").status, 2);

  const Outcome again = Writ("replay p.writ --store s --json");
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out, Not(HasSubstr("\"then\":\"deny\",\"now\":\"permit\"")));
  Write("p.writ", std::string(kPolicy).replace(std::string(kPolicy).find("amount > 500\n"), 12, "amount > 900"));
  EXPECT_THAT(Writ("replay p.writ --store s --json").out,
              HasSubstr("\"then\":\"deny\",\"now\":\"permit\",\"events\":1,\"cases\":1"));
}

TEST_F(CommandTest, AReplayedDuplicateStaysOne) {
  Write("p.writ", kPolicy);
  const Outcome run = Writ("run p.writ --store s --events -", R"({"agent":"ann","roles":["Desk"]}
{"agent":"crm","roles":["Crm"]}
{"set":"Customer","key":"c","by":"crm","at":"2026-01-01T00:00:00Z","fields":{"name":"Acme","risky":false}}
{"propose":"open","on":"o1","by":"ann","set":{"amount":100,"customer":"c"},"key":"k"}
{"propose":"open","on":"o2","by":"ann","set":{"amount":100,"customer":"c"},"key":"k"}
)");
  EXPECT_THAT(Column(run.out, "outcome"), ElementsAre("\"permit\"", "\"permit\"", "\"permit\"", "\"permit\"", "\"deny\""));
  for (const char* follow : {"record", "policy"}) {
    const Outcome again = Writ(std::string("replay p.writ --store s --json --follow ") + follow);
    EXPECT_THAT(again.out, Not(HasSubstr("\"then\":\"deny\",\"now\":\"permit\""))) << follow;
  }
}

TEST_F(CommandTest, ADamagedEventIsNamed) {
  Write("p.writ", kPolicy);
  ASSERT_EQ(Writ("run p.writ --store s --events -", kEvents).status, 0);
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(Path("s/log.db").c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, "UPDATE events SET bytes = x'00' WHERE position = 6", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  for (const char* asked : {"explain --store s --position 6", "replay p.writ --store s", "replay p.writ --store s --follow policy"}) {
    const Outcome damaged = Writ(asked);
    EXPECT_EQ(damaged.status, 2) << asked;
    EXPECT_THAT(damaged.err, HasSubstr("position 6 of the log: ")) << asked;
  }
}

TEST_F(CommandTest, ExplainsFactsInTheAuthorsWords) {
  Write("p.writ", std::string(kPolicy) + R"(
enum Stance { approve, reject }
role Auditor in trade
workflow Case by id: string max 40 {
  amount: int in 0..1000
  states  open, review, done, dropped
  halted  dropped
  start:  -> open sets amount
  submit: open -> review
  assess: in review { stance: Stance  weight: int in 0..9 }
  amend:  in review sets amount
  finish: review -> done
  drop:   review -> dropped
}
authority Desk { may start, submit, amend, finish on Case }
authority Auditor { may assess on Case }
authority Boss { may drop on Case }
review on Case in review {
  panel Auditor by assess.stance
  within 24h else drop
  bad:  drop    when Auditor says reject
  fine: finish  otherwise
}
rule often in trade
  deny finish on Case when count(amend by Desk within 7d) > 1 and sum(amount for amend) >= 30
rule heavy in trade
  deny finish on Case when happened(assess where weight > 5 and stance == reject within 1h) and Auditor says reject
rule lately in trade
  deny finish on Case when last(amend).amount is 20
)");
  const std::string events = R"({"agent":"ann","roles":["Desk"]}
{"agent":"aud","roles":["Auditor"]}
{"propose":"start","on":"c1","by":"ann","at":"2026-01-01T00:00:00Z","set":{"amount":1}}
{"propose":"submit","on":"c1","by":"ann"}
{"propose":"amend","on":"c1","by":"ann","set":{"amount":10}}
{"propose":"amend","on":"c1","by":"ann","set":{"amount":20}}
{"propose":"assess","on":"c1","by":"aud","with":{"stance":"reject","weight":7}}
{"propose":"finish","on":"c1","by":"ann"}
)";
  const Outcome run = Writ("run p.writ --store s --events -", events);
  ASSERT_EQ(run.status, 0) << run.out << run.err;
  std::string position;
  for (const std::string& line : Lines(run.out)) {
    if (FieldOf(line, "proposal") == "\"finish\"") position = FieldOf(line, "position");
  }
  for (const char* json : {"", " --json"}) {
    const Outcome why = Writ("explain --store s --position " + position + json);
    EXPECT_EQ(why.status, 0) << why.err;
    EXPECT_THAT(why.out, HasSubstr("count(amend by Desk within 7d) > 1"));
    EXPECT_THAT(why.out, HasSubstr("count(amend by Desk within 7d) is 2"));
    EXPECT_THAT(why.out, HasSubstr("sum(amount for amend) is 30"));
    EXPECT_THAT(why.out, HasSubstr("happened(assess where weight > 5 and stance == reject within 1h)"));
    EXPECT_THAT(why.out, HasSubstr("Auditor says reject"));
    EXPECT_THAT(why.out, HasSubstr("last(amend).amount is 20"));
    EXPECT_THAT(why.out, Not(HasSubstr("< 1h"))) << "one condition, as it was written";
    EXPECT_THAT(why.out, Not(ContainsRegex("fact[0-9]|votes")));
  }
}

TEST_F(CommandTest, VerifyFindsWhatWasTamperedWith) {
  Write("p.writ", kPolicy);
  ASSERT_EQ(Writ("run p.writ --store s --events -", kEvents).status, 0);
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(Path("s/log.db").c_str(), &database), SQLITE_OK);
  char* error = nullptr;
  EXPECT_EQ(
      sqlite3_exec(database, "UPDATE events SET hash = zeroblob(32) WHERE position = 6", nullptr, nullptr, &error),
      SQLITE_OK)
      << error;
  sqlite3_close(database);
  const Outcome tampered = Writ("verify --store s");
  EXPECT_EQ(tampered.status, 1);
  EXPECT_THAT(tampered.out, HasSubstr("position 6: "));
}

TEST_F(CommandTest, AFileThatIsNoLogIsNotFine) {
  std::filesystem::create_directory(Path("s"));
  Write("s/log.db", "");
  for (const char* asked : {"verify --store s", "verify --store s --json", "explain --store s --position 1"}) {
    const Outcome empty = Writ(asked);
    EXPECT_EQ(empty.status, 2) << asked << empty.out;
    EXPECT_THAT(empty.err, HasSubstr("s/log.db is empty: it holds no log")) << asked;
  }
  EXPECT_EQ(Text("s/log.db"), "");  // and looking at it made no log of it
  Write("p.writ", kPolicy);
  const Outcome run = Writ("run p.writ --store s --events -", kEvents);
  EXPECT_EQ(run.status, 2);
  EXPECT_THAT(run.err, HasSubstr("s/log.db is empty: it holds no log"));
  EXPECT_EQ(Text("s/log.db"), "");  // and running made none either
  ASSERT_EQ(Writ("run p.writ --store t --events -", kEvents).status, 0);
  const std::string whole = Text("t/log.db");
  ASSERT_GT(whole.size(), 8192u);
  for (const size_t length : {size_t{1}, size_t{99}, size_t{512}, size_t{4096}, whole.size() / 2}) {
    Write("s/log.db", whole.substr(0, length));
    const Outcome cut = Writ("verify --store s");
    EXPECT_THAT(cut.status, AnyOf(1, 2)) << length << cut.out;
    EXPECT_FALSE((cut.out + cut.err).empty());
  }
}

TEST_F(CommandTest, ErasureLeavesTheChainAndSaysWhatCannotBeDecidedAgain) {
  Write("p.writ", kPolicy);
  const Outcome run = Writ(
      "run p.writ --store s --events -",
      std::string(kEvents) + R"({"erase":"pii","workflow":"Customer","on":"c","by":"dpo","at":"2026-01-02T00:00:00Z"})"
                             "\n");
  EXPECT_EQ(run.status, 0) << run.err;
  const Outcome verified = Writ("verify --store s");
  EXPECT_EQ(verified.status, 0) << verified.out;
  EXPECT_THAT(verified.out, HasSubstr("position 6 can no longer be decided again: a value that it read was erased"));
  EXPECT_THAT(Writ("explain --store s --position 6").out, HasSubstr("a value that this decision read was erased"));
  EXPECT_THAT(Writ("replay p.writ --store s --follow policy").out, HasSubstr("`set` needs `name`; `name` was erased"));
  for (const char* file : {"s/log.db", "s/log.db-wal"}) EXPECT_THAT(Text(file), Not(HasSubstr("Acme"))) << file;
}

TEST_F(CommandTest, AStoreIsExplainedWithoutFiles) {
  Write("p.writ", kPolicy);
  ASSERT_EQ(Writ("run p.writ --store s --events -", kEvents).status, 0);
  const Outcome outcome = Writ("explain --store s --position 6 p.writ");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("a store has its policy with it: leave out p.writ"));
}

TEST_F(CommandTest, AnActorWhoseAttributeNamesNothingFailsItsTest) {
  Write("p.writ", R"(package p
domain one
role Clerk in one
type TeamId = string max 20
entity Team by id: TeamId { name: string max 20 }
actor { team: Team? }
workflow Order by id: string max 20 {
  states open, done
  start: -> open
  finish: open -> done
}
authority Clerk { may set on Team  may start, finish on Order  may register on Agent }
test "too early" {
  actor ann: Clerk { team: "t" }
  start Order o by ann
}
test "registered by the policy" {
  set Team "t" by Clerk { name: "T" }
  actor ann: Clerk { team: "t" }
  register Agent zoe by ann { kind: agent  principal: "p"  roles: ["Clerk"] }
  start Order o by zoe
  expect state open
}
)");
  const Outcome tests = Writ("test p.writ");
  EXPECT_EQ(tests.status, 1);
  EXPECT_THAT(tests.out, HasSubstr("FAILED  p.writ:13  too early\n"
                                   "    p.writ:14:3: `ann` is not registered like this: it was denied because no_record\n"
                                   "passed  p.writ:17  registered by the policy\n"));
}

TEST_F(CommandTest, TestsPassFailAndAreSkipped) {
  Write("p.writ", std::string(kPolicy) + R"(
test "sent by the boss" {
  at 2026-01-01T00:00Z
  set Customer "c" by Crm { name: "Acme"  risky: false }
  open Order o by Desk { amount: 600  customer: "c" }
  expect send by Desk denied because large
  expect send by Boss permitted
  expect state sent
}

test "this one is wrong" {
  at 2026-01-01T00:00Z
  set Customer "c" by Crm { name: "Acme"  risky: false }
  open Order o by Desk { amount: 600  customer: "c" }
  expect send by Desk permitted
  send by Desk
}

scenario "elsewhere" from "nowhere.xes" following record {
  expect nothing else denied
}
log Order from xes { role from "org:role" }
)");
  const Outcome tests = Writ("test p.writ --junit out.xml");
  EXPECT_EQ(tests.status, 1);
  EXPECT_THAT(tests.out, HasSubstr("passed  p.writ:40  sent by the boss\n"));
  EXPECT_THAT(tests.out,
              HasSubstr("FAILED  p.writ:49  this one is wrong\n"
                        "    p.writ:53:10: expected send by Desk permitted; it was denied because shop.large\n"
                        "    p.writ:54:3: nothing expects this denial: it was denied because shop.large\n"));
  EXPECT_THAT(tests.out, HasSubstr("1 passed, 2 failed\n"));
  EXPECT_THAT(Text("out.xml"),
              HasSubstr("<testsuite name=\"writ\" tests=\"3\" failures=\"2\" errors=\"0\" skipped=\"0\">"));
  EXPECT_THAT(Writ("test p.writ --skip-missing").out, HasSubstr("1 passed, 1 failed, 1 skipped\n"));
  EXPECT_EQ(Writ("test p.writ --filter boss").status, 0);
}

TEST_F(CommandTest, AssumedStatesAreTold) {
  Write("p.writ", std::string(kPolicy) + R"(
test "what is sent stays sent" {
  at 2026-01-01T00:00Z
  set Customer "c" by Crm { name: "Acme"  risky: false }
  open Order o by Desk { amount: 10  customer: "c" }
  assume state sent { amount: 600 }
  expect state sent
  expect amount == 600
  expect send by Desk denied because no_transition
  assume state draft on o
  expect send by Desk denied because large
  expect send by Boss permitted
}
)");
  const Outcome tests = Writ("test p.writ");
  EXPECT_EQ(tests.status, 0) << tests.out;
  EXPECT_THAT(tests.out, HasSubstr("    assumed, without history: Order o in sent (p.writ:44:3)\n"
                                   "    assumed, without history: Order o in draft (p.writ:48:3)\n"));
  EXPECT_THAT(Writ("test p.writ --json").out, HasSubstr(R"x("assumed":["Order o in sent (p.writ:44:3)",)x"));
  Write("q.writ", std::string(kPolicy) + "test \"t\" {\n  assume state sent\n}\n");
  EXPECT_THAT(Writ("check q.writ").out, HasSubstr("error[E0505]: there is nothing yet that `assume` could be about"));
}

// ---------------------------------------------------------------- recorded logs

constexpr char kClaims[] = R"(package claims
domain office
role Clerk in office as "CLERK"
role Head in office as "HEAD"

workflow Claim by id: string max 40 from "concept:name" {
  amount: money(EUR) in 0 EUR .. 100 EUR from "Amount" in EUR round half_even
  states new_one, approved, paid
  file:    -> new_one sets amount  as "FILED"
  approve: new_one -> approved     as "APPROVED by *"
  pay:     approved -> paid        as "PAID"
}
log Claim from xes { actor from "org:resource" absent "NOBODY"  role from "org:role"  at from "time:timestamp" }

authority Clerk { may file, pay on Claim }
authority Head { may approve on Claim }

rule large in office
  deny pay on Claim when amount > 50 EUR
)";

std::string XesEvent(const std::string& name, const std::string& role, const std::string& time,
                     const std::string& more = "") {
  return "<event><string key=\"concept:name\" value=\"" + name + "\"/><string key=\"org:role\" value=\"" + role +
         "\"/><string key=\"org:resource\" value=\"NOBODY\"/><date key=\"time:timestamp\" value=\"" + time + "\"/>" +
         more + "</event>\n";
}
std::string Amount(const std::string& value) { return "<string key=\"Amount\" value=\"" + value + "\"/>"; }

std::string ClaimsLog() {
  return "<log>\n<trace><string key=\"concept:name\" value=\"c1\"/>\n" +
         XesEvent("FILED", "CLERK", "2020-01-01T10:00:00+01:00", Amount("50.0050000001")) +
         XesEvent("APPROVED by HEAD", "HEAD", "2020-01-02T10:00:00+01:00") +
         XesEvent("PAID", "CLERK", "2020-01-03T10:00:00+01:00") +
         "</trace>\n<trace><string key=\"concept:name\" value=\"c2\"/>\n" +
         XesEvent("FILED", "CLERK", "2020-01-01T08:59:00Z", Amount("50.005")) +
         XesEvent("PRINTED", "CLERK", "2020-01-01T09:30:00Z") +
         XesEvent("APPROVED by HEAD", "JANITOR", "2019-12-01T10:00:00Z") +
         XesEvent("PAID", "CLERK", "2020-01-04T10:00:00Z") +
         "</trace>\n<trace><string key=\"concept:name\" value=\"c3\"/>\n" +
         XesEvent("FILED", "CLERK", "2020-01-01T08:00:00Z", Amount("100.01")) + XesEvent("PAID", "CLERK", "yesterday") +
         "</trace>\n</log>\n";
}

constexpr char kPanel[] = R"(package press
domain news
role Desk, Editor, Lawyer in news

enum Stance { good, bad }

workflow Paper by id: string max 10 {
  pages: int in 1..100
  states draft, review, printed, dropped
  halted dropped
  open:   -> draft sets pages
  submit: draft -> review
  vote:   in review { stance: Stance }
  print:  review -> printed
  shelve: review -> draft
  drop:   draft, review -> dropped
}
authority Desk   { may open, submit on Paper }
authority Editor { may vote, drop on Paper }
authority Lawyer { may vote, print on Paper }

review on Paper in review {
  panel Editor, Lawyer by vote.stance
  within 1d else drop
  yes_:  print when Editor says good and Lawyer says good
  no_:   shelve when Lawyer says bad
  split: print when Editor says good and Lawyer says bad
}

rule long in news
  deny submit on Paper when pages > 90
)";

TEST_F(CommandTest, AReviewsOwnEndCanBeNamed) {
  Write("p.writ", std::string(kPanel) + R"(
test "late" {
  open Paper p by Desk { pages: 5 }
  submit by Desk
  wait 2d
  expect state dropped because only review.else
}
test "two outcomes" {
  open Paper p by Desk { pages: 5 }
  submit by Desk
  vote by Editor { stance: good }
  vote by Lawyer { stance: bad }
  expect state dropped because only review.conflict
}
test "full names" {
  open Paper p by Desk { pages: 5 }
  submit by Desk
  wait 2d
  expect state dropped because press.Paper.review.else
  expect not state dropped because review.conflict
}
)");
  const Outcome tested = Writ("test p.writ");
  EXPECT_EQ(tested.status, 0) << tested.out << tested.err;
}

TEST_F(CommandTest, AFailedExpectationTellsWhatWasNotPermitted) {
  Write("p.writ", std::string(kPanel) + R"(
test "long" {
  open Paper p by Desk { pages: 95 }
  submit by Desk
  expect state review
}
)");
  const Outcome tested = Writ("test p.writ");
  EXPECT_EQ(tested.status, 1);
  const std::string text = Text("p.writ");
  const std::string line = std::to_string(std::count(text.begin(), text.begin() + text.find("  submit by Desk"), '\n') + 1);
  EXPECT_THAT(tested.out + tested.err, HasSubstr("expected state review; it is in state draft; "
                                                 "`submit by Desk` (line " + line + ") was denied: press.long"));
}

TEST_F(CommandTest, AReviewsOutcomeIsExplainedByItsVerdicts) {
  Write("p.writ", kPanel);
  const std::string events = R"({"agent":"ann","roles":["Desk"]}
{"agent":"ed","roles":["Editor"]}
{"agent":"lo","roles":["Lawyer"]}
{"propose":"open","on":"p","by":"ann","at":"2026-01-01T00:00:00Z","set":{"pages":5}}
{"propose":"submit","on":"p","by":"ann"}
{"propose":"vote","on":"p","by":"ed","with":{"stance":"bad"}}
{"propose":"vote","on":"p","by":"ed","with":{"stance":"good"}}
{"propose":"vote","on":"p","by":"lo","with":{"stance":"good"}}
)";
  ASSERT_EQ(Writ("run p.writ --store s --events -", events).status, 0);
  EXPECT_THAT(Writ("explain --store s --position 9").out,
              HasSubstr("verdicts: Editor says good (ed, position 7), Lawyer says good (lo, position 8)\n"));
  EXPECT_THAT(Writ("explain --store s --position 8").out, Not(HasSubstr("verdicts:")));
  EXPECT_THAT(Writ("explain --store s --position 9 --json").out,
              HasSubstr("{\"role\":\"press.Lawyer\",\"by\":\"lo\",\"says\":\"good\",\"position\":8}"));
}

TEST_F(CommandTest, VerifyAccountsForEveryPosition) {
  Write("p.writ", std::string(kPolicy).replace(std::string(kPolicy).find("else stop"), 9, "else deny"));
  ASSERT_EQ(Writ("run p.writ --store s --events -", kEvents).status, 0);
  const Outcome verified = Writ("verify --store s");
  EXPECT_THAT(verified.out, HasSubstr("chain: 10 events"));
  EXPECT_THAT(verified.out, HasSubstr("decisions: 9 decided again, the same; 1 carried out by the orchestrator\n"));
  EXPECT_THAT(verified.out, ContainsRegex("keep elsewhere: position 10, hash [0-9a-f]{64}"));
}

TEST_F(CommandTest, ReplayFollowsTheRecord) {
  Write("c.writ", kClaims);
  Write("log.xes", ClaimsLog());
  const Outcome replay = Writ("replay c.writ --log log.xes --json --decisions d.jsonl");
  EXPECT_EQ(replay.status, 0) << replay.err;
  EXPECT_EQ(
      replay.out,
      R"({"events":7,"cases":3,"outcomes":{"permit":{"events":5,"cases":3},"deny":{"events":2,"cases":2}},)"
      R"("rules":[{"rule":"claims.large","outcome":"deny","events":1,"cases":1},)"
      R"({"rule":"no_authority","outcome":"deny","events":1,"cases":1}],)"
      R"("indeterminate":[],"would_have":[],"changed":[],"passed_over":{},)"
      R"("log":{"events":9,"cases":3,"mapped":7,"reordered":1,"unmapped":[{"name":"PRINTED","events":1,"line":9}],)"
      R"("unmapped_roles":[{"name":"JANITOR","events":1,"line":10}],)"
      R"("values_out_of_range":{"count":1,"first":[{"line":14,"on":"c3","field":"amount","attribute":"Amount","value":"100.01","error":)" +
          replay.out.substr(replay.out.find("\"error\":") + 8,
                            replay.out.find("}]}", replay.out.find("\"error\":")) - replay.out.find("\"error\":") - 8) +
          R"(}]},"without_time":{"count":1,"first":[{"line":15,"on":"c3","field":"at","attribute":"time:timestamp","value":"yesterday",)"
          R"("error":"`yesterday` is not a time with its offset from UTC"}]}},"refused":{"count":0,"first":[]}})"
          "\n");
  // By time over traces, in the file's order within one: c2's approval takes its predecessor's time.
  EXPECT_THAT(Column(Text("d.jsonl"), "on"),
              ElementsAre("\"c3\"", "\"c2\"", "\"c1\"", "\"c2\"", "\"c1\"", "\"c1\"", "\"c2\""));
  EXPECT_THAT(Writ("replay c.writ --log log.xes").out, HasSubstr("denied because claims.large"));
  EXPECT_EQ(Writ("replay c.writ --log log.xes --json --interpret").out, replay.out);
}

TEST_F(CommandTest, ReplayFollowsThePolicy) {
  Write("c.writ", kClaims);
  Write("log.xes", ClaimsLog());
  const Outcome replay = Writ("replay c.writ --log log.xes --json --follow policy");
  EXPECT_EQ(replay.status, 0) << replay.err;
  // c2 was never approved there, so that paying it is no transition.
  EXPECT_THAT(replay.out, HasSubstr("{\"rule\":\"no_transition\",\"outcome\":\"deny\",\"events\":1,\"cases\":1}"));
}

TEST_F(CommandTest, ReplayReadsCsv) {
  std::string policy = kClaims;
  policy.replace(policy.find("log Claim from xes"), std::string::npos,
                 "log Claim from csv { case from \"claim\"  actor from \"who\"  role from \"role\"  at from \"when\"  "
                 "activity from \"what\" }\n"
                 "authority Clerk { may file, pay on Claim }\nauthority Head { may approve on Claim }\n");
  policy.replace(policy.find(" from \"concept:name\""), 20, " from \"claim\"");
  Write("c.writ", policy);
  Write("log.csv",
        "claim,what,who,role,when,Amount\nc1,FILED,ann,CLERK,2020-01-01T10:00:00Z,12.5\nc1,APPROVED by "
        "HEAD,bo,HEAD,2020-01-01T11:00:00Z,\n");
  const Outcome replay = Writ("replay c.writ --log log.csv --json");
  EXPECT_EQ(replay.status, 0) << replay.err << Text("c.writ");
  EXPECT_THAT(replay.out, HasSubstr("\"outcomes\":{\"permit\":{\"events\":2,\"cases\":1}}"));
}

TEST_F(CommandTest, ReplayReadsLines) {
  Write("p.writ", kPolicy);
  Write(
      "log.jsonl",
      std::string(kEvents) +
          R"({"propose":"open","on":"o3","by":"ann","at":"2026-01-02T00:00:00Z","set":{"amount":5,"customer":"c"},"happened":false})"
          "\n"
          R"({"propose":"send","on":"o3","by":"ann"})"
          "\nnonsense\n");
  const Outcome record = Writ("replay p.writ --log log.jsonl --json --decisions d.jsonl");
  EXPECT_EQ(record.status, 1);
  EXPECT_THAT(record.out, HasSubstr("\"refused\":{\"count\":1,\"first\":[{\"line\":13,"));
  // o1 was sent although that was denied, so sending it again is no transition; o3 was never opened.
  EXPECT_THAT(record.out, HasSubstr("{\"rule\":\"no_transition\",\"outcome\":\"deny\",\"events\":2,\"cases\":2}"));
  const Outcome policy = Writ("replay p.writ --log log.jsonl --json --follow policy");
  EXPECT_THAT(policy.out, HasSubstr("{\"rule\":\"shop.large\",\"outcome\":\"deny\",\"events\":1,\"cases\":1}"));
  EXPECT_THAT(policy.out, Not(HasSubstr("no_transition")));
}

// What is asked, by a proposal that the outside did not carry out, and how that was answered.
std::string AskedLines(const std::string& order, const std::string& answer) {
  return R"({"propose":"open","on":")" + order + R"(","by":"ann","at":"2026-01-02T00:00:00Z","set":{"amount":200,"customer":"c"}})" +
         "\n" + R"({"propose":"send","on":")" + order + R"(","by":"ann","happened":false})" + "\n" + answer + "\n";
}
std::string AnswerLine(const std::string& answer, const std::string& order, const std::string& more) {
  return R"({"answer":")" + answer + R"(","on":")" + order + R"(",)" + more + "}";
}

TEST_F(CommandTest, AnswersOfARecordAreDecidedAndCount) {
  Write("p.writ", kPolicy);
  const std::string agents = std::string(kEvents).substr(0, std::string(kEvents).find("{\"propose\""));
  const auto outcomes = [&](const std::string& lines) {
    Write("log.jsonl", agents + lines);
    const Outcome replay = Writ("replay p.writ --log log.jsonl --json --decisions d.jsonl");
    EXPECT_EQ(replay.status, 0) << replay.out << replay.err;
    EXPECT_THAT(replay.out, HasSubstr("\"passed_over\":{}"));
    std::vector<std::string> answers;
    for (const std::string& line : Lines(Text("d.jsonl"))) {
      if (FieldOf(line, "proposal") != "\"yes\"" && FieldOf(line, "proposal") != "\"no\"") continue;
      answers.push_back(FieldOf(line, "outcome") + FieldOf(line, "reasons") + FieldOf(line, "on"));
    }
    return std::pair(answers, replay.out);
  };
  const auto [yes, report] = outcomes(AskedLines("o1", AnswerLine("yes", "o1", R"("by":"bo")")) +
                                      AnswerLine("no", "o1", R"("by":"bo")") + "\n");
  EXPECT_THAT(yes, ElementsAre("\"permit\"[]\"o1\"", "\"deny\"[\"duplicate\"]\"o1\""));
  EXPECT_THAT(report, HasSubstr("\"decided again: send\""));
  EXPECT_THAT(report, HasSubstr("{\"rule\":\"duplicate\",\"outcome\":\"deny\",\"events\":1,\"cases\":1}"));
  const auto [no, fell_back] = outcomes(AskedLines("o1", AnswerLine("no", "o1", R"("by":"bo")")));
  EXPECT_THAT(no, ElementsAre("\"permit\"[]\"o1\""));
  EXPECT_THAT(fell_back, HasSubstr("\"fell back to stop by shop.medium\""));
  EXPECT_THAT(outcomes(AskedLines("o1", AnswerLine("yes", "o1", R"("by":"ann")"))).first,
              ElementsAre("\"deny\"[\"no_authority\",\"self_approval\"]\"o1\""));
  EXPECT_THAT(outcomes(AskedLines("o1", AnswerLine("yes", "o1", R"("by":"bo","at":"2026-01-02T04:00:00Z")"))).first,
              ElementsAre("\"deny\"[\"expired\"]\"o1\""));
  // What the outside refused did not happen: the question is open still.
  EXPECT_THAT(outcomes(AskedLines("o1", AnswerLine("no", "o1", R"("by":"bo","happened":false)") + "\n" +
                                            AnswerLine("yes", "o1", R"("by":"bo")")))
                  .first,
              ElementsAre("\"permit\"[]\"o1\"", "\"permit\"[]\"o1\""));
  // Nobody was asked anything about it.
  const std::string open = AskedLines("o1", "");
  EXPECT_THAT(outcomes(open.substr(0, open.find('\n') + 1) + AnswerLine("yes", "o1", R"("by":"bo","to":"Boss")") + "\n").first,
              ElementsAre("\"deny\"[\"stale\"]\"o1\""));
}

TEST_F(CommandTest, AnswersOfAStoreAreDecidedAndCount) {
  Write("p.writ", kPolicy);
  std::string events = kEvents;
  events.replace(events.find("{\"tick\""), std::string::npos,
                 "{\"answer\":\"yes\",\"on\":\"o2\",\"by\":\"bo\",\"at\":\"2026-01-01T02:00:00Z\"}\n"
                 "{\"answer\":\"no\",\"on\":\"o2\",\"by\":\"bo\",\"at\":\"2026-01-01T03:00:00Z\"}\n");
  ASSERT_EQ(Writ("run p.writ --store s --events -", events).status, 0);
  const Outcome again = Writ("replay p.writ --store s --json --decisions d.jsonl");
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("\"passed_over\":{}"));
  EXPECT_THAT(again.out, HasSubstr("{\"rule\":\"duplicate\",\"outcome\":\"deny\",\"events\":1,\"cases\":1}"));
  EXPECT_THAT(Column(Text("d.jsonl"), "proposal"), Contains("\"yes\""));
  // Under a policy that asks nobody, the answer is about nothing.
  std::string changed = kPolicy;
  changed.replace(changed.find("amount > 100 and"), 16, "amount > 300 and");
  Write("p.writ", changed);
  EXPECT_THAT(Writ("replay p.writ --store s --json").out,
              HasSubstr("\"then\":\"permit\",\"now\":\"deny\",\"events\":1,\"cases\":1"));
}

TEST_F(CommandTest, AnErasureTakesItsTime) {
  Write("p.writ", kPolicy);
  const std::string erase = R"({"erase":"pii","workflow":"Customer","on":"c","by":"dpo","at":"2026-01-01T0)";
  const std::string before = std::string(kEvents).substr(0, std::string(kEvents).find("{\"tick\""));
  const std::string events = before + erase + "5:00:00Z\"}\n";
  // The question that ran out by then falls back first, live and in replay.
  const Outcome run = Writ("run p.writ --events -", events);
  const std::vector<std::string> proposals = Column(run.out, "proposal");
  ASSERT_EQ(proposals.size(), 11u);
  EXPECT_EQ(proposals[9], "\"stop\"");
  EXPECT_EQ(proposals[10], "\"erase\"");
  EXPECT_EQ(FieldOf(Lines(run.out).back(), "at"), "\"2026-01-01T05:00:00Z\"");
  EXPECT_THAT(Writ("run p.writ --events -", events + erase + "4:30:00Z\"}\n").err,
              HasSubstr("\"line\":11,\"error\":\"time goes back"));
  Write("log.jsonl", events + R"({"propose":"send","on":"o1","by":"ann","at":"2026-01-01T04:30:00Z"})" "\n");
  const Outcome policy = Writ("replay p.writ --log log.jsonl --json --follow policy");
  EXPECT_THAT(policy.out, HasSubstr("\"fell back to stop\""));
  EXPECT_THAT(policy.out, HasSubstr("\"refused\":{\"count\":1,\"first\":[{\"line\":11,"));
  EXPECT_THAT(Writ("replay p.writ --log log.jsonl --json").out,
              HasSubstr("\"refused\":{\"count\":1,\"first\":[{\"line\":11,"));
}

TEST_F(CommandTest, ByteOrderMarksAndCarriageReturns) {
  const auto marked = [](const std::string& text) {
    std::string out = "\xEF\xBB\xBF";
    for (const char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
    return out;
  };
  Write("p.writ", kPolicy);
  const std::string decided = Writ("run p.writ --events -", kEvents).out;
  EXPECT_EQ(Writ("run p.writ --events -", marked(kEvents)).out, decided);
  Write("log.jsonl", marked(kEvents));
  EXPECT_EQ(Writ("replay p.writ --log log.jsonl").status, 0);
  Write("p.writ", marked(kPolicy));
  EXPECT_EQ(Column(Writ("run p.writ --events -", kEvents).out, "outcome"), Column(decided, "outcome"));
}

TEST_F(CommandTest, AScenarioIsAboutTheOnlyWorkflow) {
  std::string policy = kPolicy;
  policy += "\nscenario \"own names\" from \"log.csv\" following record { expect 0 cases denied because large }\n";
  policy += "\nscenario \"said\" from \"log.csv\" following record on Order { expect 0 cases denied because large }\n";
  Write("p.writ", policy);
  Write("log.csv",
        "case:concept:name,concept:name,org:resource,org:role,time:timestamp\n"
        "o1,open,ann,Desk,2020-01-01T10:00:00Z\n");
  const Outcome one = Writ("test p.writ");
  EXPECT_THAT(one.out, HasSubstr("2 passed, 0 failed\n")) << one.out << one.err;
  // Lines say themselves what they are about.
  Write("p.writ", std::string(kPolicy) +
                      "\nworkflow Other by id: string max 9 {\n  states x\n  go: -> x\n}\n"
                      "authority Desk { may go on Other }\n"
                      "scenario \"lines\" from \"log.jsonl\" following record { expect 1 cases denied because large }\n");
  Write("log.jsonl", kEvents);
  const Outcome lines = Writ("test p.writ");
  EXPECT_THAT(lines.out, HasSubstr("1 passed, 0 failed\n")) << lines.out << lines.err;
}

TEST_F(CommandTest, BrokenLogsAreTheWorldsFailure) {
  Write("c.writ", kClaims);
  Write("log.xes", "<log><trace>");
  EXPECT_EQ(Writ("replay c.writ --log log.xes").status, 2);
  Write("log.txt", "");
  EXPECT_EQ(Writ("replay c.writ --log log.txt").status, 2);
  EXPECT_EQ(Writ("replay c.writ --log nowhere.xes").status, 2);
}

TEST_F(CommandTest, ExplainsEveryCode) {
  const Outcome page = Writ("explain e0105");
  EXPECT_EQ(page.status, 0);
  EXPECT_THAT(page.out, StartsWith("# E0105"));
  EXPECT_EQ(Writ("explain E9999").status, 2);
}

// ---------------------------------------------------------------- fmt

constexpr char kUntidy[] = "domain d // behind\n// above\nrole   R in d\nrole Other in d\n";
constexpr char kTidy[] = "domain d  // behind\n// above\nrole R     in d\nrole Other in d\n";

TEST_F(CommandTest, FmtWritesFilesInPlace) {
  Write("a.writ", kUntidy);
  std::filesystem::permissions(Path("a.writ"), std::filesystem::perms(0640));
  std::filesystem::create_symlink("a.writ", Path("link.writ"));
  const Outcome done = Writ("fmt link.writ");
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(done.out, "");
  EXPECT_EQ(Text("a.writ"), kTidy);
  EXPECT_TRUE(std::filesystem::is_symlink(Path("link.writ")));
  EXPECT_EQ(std::filesystem::status(Path("a.writ")).permissions(), std::filesystem::perms(0640));
  const auto before = std::filesystem::last_write_time(Path("a.writ"));
  EXPECT_EQ(Writ("fmt --json a.writ").out, "{\"file\":\"a.writ\",\"fmt\":\"unchanged\"}\n");
  EXPECT_EQ(std::filesystem::last_write_time(Path("a.writ")), before);
}

TEST_F(CommandTest, FmtChecksWithoutChanging) {
  std::filesystem::create_directory(Path("below"));
  Write("below/a.writ", kUntidy);
  Write("below/b.writ", kTidy);
  Write("below/c.txt", "not a policy");
  Outcome checked = Writ("fmt --check below");
  EXPECT_EQ(checked.status, 1);
  EXPECT_EQ(checked.out, "below/a.writ\n");
  EXPECT_EQ(Text("below/a.writ"), kUntidy);
  checked = Writ("fmt --check --json below");
  EXPECT_EQ(Column(checked.out, "fmt"), (std::vector<std::string>{"\"would_change\"", "\"unchanged\""}));
  EXPECT_EQ(Writ("fmt --check below/b.writ").status, 0);
}

TEST_F(CommandTest, FmtLeavesBrokenFilesAlone) {
  Write("broken.writ", "domain   d\nrule r in\n");
  Write("good.writ", kUntidy);
  const Outcome done = Writ("fmt broken.writ good.writ");
  EXPECT_EQ(done.status, 1);
  EXPECT_THAT(done.err, HasSubstr("error[E01"));
  EXPECT_EQ(Text("broken.writ"), "domain   d\nrule r in\n");
  EXPECT_EQ(Text("good.writ"), kTidy);
  EXPECT_THAT(Writ("fmt --json broken.writ").out, HasSubstr("\"fmt\":\"refused\""));
  EXPECT_EQ(Writ("fmt nowhere.writ").status, 2);
}

TEST_F(CommandTest, FmtReadsStandardInput) {
  EXPECT_EQ(Writ("fmt -", kUntidy).out, kTidy);
  EXPECT_EQ(Writ("fmt -", "\xEF\xBB\xBF" "domain  d\r\n\r\n\r\n// c\r\nrole R in d").out, "domain d\n\n// c\nrole R in d\n");
  EXPECT_EQ(Writ("fmt -", "").out, "");
  EXPECT_EQ(Writ("fmt - --check", kTidy).status, 0);
  EXPECT_EQ(Writ("fmt - --check", kUntidy).status, 1);
}

}  // namespace
