#include "compiler/check/check.h"

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "compiler/check/currencies.h"
#include "compiler/check/literals.h"
#include "compiler/load/load.h"
#include "compiler/typed/dump.h"
#include "compiler/typed/expr.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/frame/calendar.h"

namespace writ::check {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Result {
  typed::Program program;
  std::vector<std::string> codes;
  std::string text;
};

Result CheckFiles(const std::vector<std::string>& texts) {
  source::SourceSet sources;
  diagnostics::Sink sink;
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_TRUE(sources.AddText(absl::StrCat(i, ".writ"), texts[i]).ok());
  const std::vector<ast::File> files = load::Load(sources, sink);
  Result result;
  result.program = Check(files, sources, sink);
  for (const diagnostics::Diagnostic& d : sink.Take()) {
    result.codes.push_back(d.code);
    absl::StrAppend(&result.text, diagnostics::RenderText(sources, d, false));
  }
  return result;
}

// A policy around one rule: `fields` of a workflow, a transition that sets none of them and one that sets `amount`.
std::string Policy(const std::string& fields, const std::string& rest, const std::string& defs = "") {
  std::vector<std::string> sets;
  for (absl::string_view line : absl::StrSplit(fields, '\n', absl::SkipWhitespace())) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    sets.push_back(
        absl::StrCat(absl::StripAsciiWhitespace(parts[0]), parts[1].find('?') != std::string::npos ? "?" : ""));
  }
  return absl::StrCat(R"(package demo
domain office, safety
priority safety > office
role Clerk in office
role Guard in safety
human role Boss in office
enum Terms { standard, milestone, deferred }
enum Risk { low < medium < high }
record Site { city: string max 80  open: bool? }
record Tag { id: string max 20  weight: int in 0..9 }
entity Region by id: string max 40 { open: bool  tier: Risk? }
entity Customer by id: string max 40 { score: int in 0..100  region: Region  backup: Region? }
workflow Order by id: string max 20 {
)",
                      fields, "\n", defs, R"(
  states open, done, stopped
  final  done
  halted stopped
  start:  -> open sets )",
                      absl::StrJoin(sets, ", "), R"(
  raise:  in open sets amount?  { why: string? max 40  size: int }
  rate:   in open { stance: Terms  size: int }
  finish: open -> done
  stop:   open -> stopped
}
authority Clerk { may start, raise, rate, finish, stop on Order }
)",
                      rest);
}

std::string Rule(const std::string& guard, const std::string& transition = "finish") {
  return absl::StrCat("rule checked in office\n  deny ", transition, " on Order\n  when ", guard, "\n");
}

const char kAmount[] = "  amount: money(USD) in 0 USD .. 1B USD";

// The guard of the first rule, as text; the diagnostics where there are any.
std::string Guard(const std::string& fields, const std::string& guard, const std::string& transition = "finish",
                  const std::string& defs = "") {
  const Result result = CheckFiles({Policy(absl::StrCat(kAmount, "\n", fields), Rule(guard, transition), defs)});
  if (!result.text.empty()) return result.text;
  return typed::Text(*result.program.rules.at(0).when);
}

// ---------------------------------------------------------------- names and scopes

TEST(Scopes, AFieldThatIsNotSetIsReadAfter) { EXPECT_EQ(Guard("", "amount > 5 USD"), "(< 500:3.0 after 0)"); }

TEST(Scopes, AFieldThatMayBeSetNeedsASide) {
  EXPECT_THAT(Guard("", "amount > 5 USD", "raise"), HasSubstr("two values here"));
  EXPECT_EQ(Guard("", "after.amount > before.amount", "raise"), "(< before 0 after 0)");
}

TEST(Scopes, CreationHasOneSideOnly) {
  EXPECT_EQ(Guard("", "amount > 5 USD", "start"), "(< 500:3.0 after 0)");
  EXPECT_THAT(Guard("", "before.amount > 5 USD", "start"), HasSubstr("error["));
  EXPECT_THAT(Guard("", "before.amount > 5 USD", "start, raise"), HasSubstr("may be absent"));
}

TEST(Scopes, WhatMustBeSetIsThereAfterwards) {
  const auto check = [](const char* sets, const char* rule) {
    return CheckFiles({absl::StrCat("package p\ndomain d\nrole R in d\nworkflow W by id: string max 9 {\n"
                                    "  a: time?\n  b: time?\n  def over = has a and a < now\n"
                                    "  states s, t\n  make: -> s\n  plan: s -> t sets ", sets,
                                    "\n  move: s -> t sets a?\n}\nauthority R { may make, plan, move on W }\n", rule)})
        .text;
  };
  EXPECT_EQ(check("a, b", "rule r in d deny plan on W unless after.a < after.b\n"), "");
  EXPECT_EQ(check("a, b", "rule r in d deny plan on W when after.over\n"), "");
  EXPECT_THAT(check("a, b", "rule r in d deny plan on W unless before.a < after.b\n"), HasSubstr("may be absent"));
  EXPECT_THAT(check("a, b?", "rule r in d deny plan on W unless after.a < after.b\n"), HasSubstr("may be absent"));
  EXPECT_THAT(check("a, b", "rule r in d deny plan, move on W when after.a < now\n"), HasSubstr("may be absent"));
}

TEST(Scopes, ADefIsReadOnTheSideOfItsUse) {
  const std::string def = "  def large = amount > 5 USD\n";
  EXPECT_EQ(Guard("", "after.large and not before.large", "raise", def),
            "(and (< 500:3.0 after 0) (not (< 500:3.0 before 0)))");
  EXPECT_THAT(Guard("", "large", "raise", def), HasSubstr("write `before.` or `after.` in front"));
}

TEST(Scopes, AWordIsReadByTheTypeThatIsExpected) {
  EXPECT_EQ(Guard("  terms: Terms", "terms == deferred"), "(== after 1 2:9.1)");
  EXPECT_EQ(Guard("  terms: Terms", "deferred == terms"), "(== 2:9.1 after 1)");
  EXPECT_EQ(Guard("  terms: Terms", "terms in {standard, deferred}"), "(in after 1 (set 0:9.1 2:9.1))");
  EXPECT_EQ(Guard("", "actor.role == Boss"), "(== actor.role 0:10)");
  EXPECT_EQ(Guard("", "state == open"), "(== state 0:1.1)");
  EXPECT_THAT(Guard("  terms: Terms", "terms == defered"), HasSubstr("did you mean `deferred`?"));
}

TEST(Scopes, PayloadMayStandElsewhereInEachTransition) {
  const Result result = CheckFiles({Policy(kAmount, Rule("size > 3", "raise, rate"))});
  EXPECT_THAT(result.text, IsEmpty());
  ASSERT_EQ(result.program.rules.size(), 1u);  // size is second in both
  const Result apart =
      CheckFiles({absl::StrReplaceAll(Policy(kAmount, Rule("size > 3", "raise, rate")),
                                      {{"{ stance: Terms  size: int }", "{ size: int  stance: Terms }"}})});
  ASSERT_EQ(apart.program.rules.size(), 2u) << apart.text;
  EXPECT_EQ(apart.program.rules[0].rule, apart.program.rules[1].rule);
  EXPECT_EQ(typed::Text(*apart.program.rules[0].when), "(< 3:1 payload 0)");
  EXPECT_EQ(typed::Text(*apart.program.rules[1].when), "(< 3:1 payload 1)");
}

// ---------------------------------------------------------------- absence

TEST(Scopes, WhatIsDeclaredTwiceIsCheckedTwice) {
  const Result result = CheckFiles({R"(package demo
domain office
role Clerk in office
type Name = string max 5
record Tag { id: Name }
record Tag { id: Nobody }
def few = 3
def few = 3 + true
workflow Order by id: Name {
  states open, done
  start: -> open
  end:   open -> done
}
authority Clerk { may start, end on Order }
rule late in office deny end on Order when few > 2
rule late in office deny end on Order when fewer > 2
)"});
  EXPECT_EQ(absl::c_count(result.codes, "E0224"), 3);
  EXPECT_THAT(result.text, HasSubstr("6:18: error[E0202]: there is no type `Nobody`"));
  EXPECT_THAT(result.text, HasSubstr("8:11: error[E0315]: int + bool"));
  EXPECT_THAT(result.text, HasSubstr("16:44: error[E0201]: nothing is called `fewer` here"));
}

TEST(Absence, HasNarrowsWhatFollows) {
  EXPECT_EQ(Guard("  limit: money(USD)?", "has limit and amount > limit"), "(and (has after 1) (< after 1 after 0))");
  EXPECT_EQ(Guard("  limit: money(USD)?", "not has limit or amount > limit"),
            "(or (not (has after 1)) (< after 1 after 0))");
  EXPECT_EQ(Guard("  limit: money(USD)?", "if has limit then amount > limit else false"),
            "(if (has after 1) (< after 1 after 0) 0:0)");
  EXPECT_THAT(Guard("  limit: money(USD)?", "amount > limit and has limit"), HasSubstr("may be absent"));
  EXPECT_THAT(Guard("  limit: money(USD)?", "has limit or amount > limit"), HasSubstr("may be absent"));
}

TEST(Absence, RunsThroughReferencesAndMembers) {
  EXPECT_EQ(Guard("  customer: Customer?", "has customer and customer.score > 3"),
            "(and (has after 1) (< 3:1 (deref 0 0 after 1)))");
  EXPECT_THAT(Guard("  customer: Customer?", "customer.score > 3"), HasSubstr("may be absent"));
  EXPECT_EQ(Guard("  customer: Customer", "(customer.backup.tier ?? medium) >= medium"),
            "(<= 1:9.0 (?? (deref 0 1 (deref 0 2 after 1)) 1:9.0))");
  EXPECT_EQ(Guard("  tags: list<Tag> max 4 by id", "tags[\"red\"].weight is 3"),
            "(is (member 1 (lookup after 1 \"red\")) 3:1)");
  EXPECT_EQ(Guard("", "Region[\"eu\"].open is true"), "(is (deref 0 0 (entity 2 \"eu\")) 1:0)");
}

TEST(Absence, EqualityIsNotForWhatMayBeAbsent) {
  EXPECT_THAT(Guard("  terms: Terms?", "terms == deferred"), HasSubstr("write `is`"));
  EXPECT_EQ(Guard("  terms: Terms?", "terms is deferred"), "(is after 1 2:9.1)");
}

// ---------------------------------------------------------------- numbers

TEST(Numbers, KeepAllTheirDigits) {
  EXPECT_EQ(Guard("  share: percent", "amount * share > 5 USD"), "(< 500:3.0 (* after 0 after 1 @6))");
  EXPECT_EQ(Guard("  share: percent in 0% .. 100%", "round_half_even(amount * share / 3) > 5 USD"),
            "(< 500:3.0 (round half_even (/ 3 (* after 0 after 1 @6) @6)))");
  EXPECT_EQ(Guard("  parts: int in 1..9", "amount * parts > 5 USD"), "(< 500:3.0 (* after 0 after 1))");
  EXPECT_EQ(Guard("  due: time", "now - due > 365d"), "(< 31536000000000000:5 (- now after 1))");
  EXPECT_THAT(Guard("", "amount > 0.005 USD"), HasSubstr("more digits"));
  EXPECT_THAT(Guard("", "amount > 5 EUR"), HasSubstr("two currencies"));
}

TEST(Numbers, IntervalsFit128Bits) {
  EXPECT_THAT(Guard("  a: int\n  b: int\n  c: int", "a * b * c > 3"), HasSubstr("128 bits"));
  EXPECT_THAT(Guard("  a: int in 0..1000\n  b: int\n  c: int in 0..1000", "a * b * c > 3"), Not(HasSubstr("error[")));
}

TEST(Literals, AreExact) {
  EXPECT_TRUE(ParseDecimal("2.4M", 2).value == Num{240'000'000});
  EXPECT_TRUE(ParseDecimal("1_000", 0).value == Num{1000});
  EXPECT_TRUE(ParseDecimal("38", 4).value == Num{380'000});
  EXPECT_FALSE(ParseDecimal("0.005", 2).value.has_value());
  EXPECT_EQ(ParseDecimal("0.005", 2).fault, LiteralFault::kTooPrecise);
  EXPECT_EQ(ParseDecimal("9999999999999999999999", 0).fault, LiteralFault::kTooLarge);
  EXPECT_TRUE(ParseDuration("1h30min").value == Num{5'400'000'000'000});
  EXPECT_TRUE(ParseDate("1970-01-01").value == Num{0});
  EXPECT_TRUE(ParseDate("2024-02-29").value == Num{19782});
  EXPECT_FALSE(ParseDate("2026-02-29").value.has_value());
  EXPECT_TRUE(ParseTime("1970-01-02T00:00Z").value == Num{86'400'000'000'000});
  EXPECT_TRUE(ParseTime("1969-12-31T23:59:59Z").value == Num{-1'000'000'000});
  EXPECT_FALSE(ParseTime("2026-03-02T24:00Z").value.has_value());
}

TEST(Currencies, AreOfIso4217) {
  EXPECT_EQ(CurrencyDigits("USD"), 2);
  EXPECT_EQ(CurrencyDigits("JPY"), 0);
  EXPECT_EQ(CurrencyDigits("BHD"), 3);
  EXPECT_FALSE(CurrencyDigits("XYZ").has_value());
  const std::vector<std::string> codes = CurrencyCodes();
  EXPECT_TRUE(std::is_sorted(codes.begin(), codes.end()));
}

// ---------------------------------------------------------------- collections and facts

TEST(Collections, RangeOverElements) {
  EXPECT_EQ(Guard("  tags: list<Tag> max 4", "count(tags) > 2"), "(< 2:1 (count var 0 _ after 1 _))");
  EXPECT_EQ(Guard("  tags: list<Tag> max 4", "sum(t.weight for t in tags where t.id == \"red\") > 2"),
            "(< 2:1 (sum var 0 (member 1 var 0) after 1 (== (member 0 var 0) \"red\")))");
  EXPECT_EQ(Guard("  tags: list<Tag> max 4", "(max(t.weight for t in tags) ?? 0) > 2"),
            "(< 2:1 (?? (max var 0 (member 1 var 0) after 1 _) 0:1))");
  EXPECT_EQ(Guard("  sites: list<Site> max 4", "any(s.open for s in sites where has s.open)"),
            "(any var 0 (member 1 var 0) after 1 (has (member 1 var 0)))");
  EXPECT_EQ(Guard("  tags: list<Tag> max 4", "first(tags).weight is 3"), "(is (member 1 (element 0 after 1)) 3:1)");
}

TEST(Facts, ThatSayTheSameAreOne) {
  const Result result = CheckFiles({Policy(
      kAmount,
      absl::StrCat(Rule("count(raise by Clerk within 7d) > 3"),
                   "rule other in office\n  deny stop on Order\n"
                   "  when count(raise by Clerk within 7d) > 9 and happened(raise where size > 3 since rate)\n"))});
  EXPECT_THAT(result.text, IsEmpty());
  ASSERT_EQ(result.program.facts.size(), 2u);
  EXPECT_EQ(typed::Text(result.program.facts[0]), "workflow 1 count [transitions 1 by 1] within 604800000000000");
  EXPECT_EQ(typed::Text(result.program.facts[1]),
            "workflow 1 happened [transitions 1 where (< 3:1 payload 1)] since [transitions 2]");
}

TEST(Facts, OfTheLastEvent) {
  const Result result = CheckFiles({Policy(
      kAmount, Rule("last(raise).actor is actor and (age(last(raise)) ?? 0h) > 5h and last(rate).stance is deferred "
                    "and last(raise).actor.principal is actor.principal and has last(raise)"))});
  EXPECT_THAT(result.text, IsEmpty());
  ASSERT_EQ(result.program.facts.size(), 5u);
  EXPECT_EQ(typed::Text(result.program.facts[0]), "workflow 1 last [transitions 1] value actor");
  EXPECT_EQ(typed::Text(result.program.facts[1]), "workflow 1 last [transitions 1] value now");
  EXPECT_TRUE(result.program.facts[1].type.type.optional);
  EXPECT_EQ(typed::Text(result.program.facts[4]), "workflow 1 happened [transitions 1]");
}

TEST(Facts, SeeNothingOfTheProposal) {
  EXPECT_THAT(Guard("", "happened(rate where why is \"x\")", "raise"), HasSubstr("earlier events only"));
}

// ---------------------------------------------------------------- rules and reviews

TEST(Rules, PriorityIsTransitive) {
  const Result result = CheckFiles({"package demo\ndomain a, b, c\npriority a > b\npriority b > c\n"});
  EXPECT_THAT(result.text, IsEmpty());
  EXPECT_THAT(result.program.schema.domains[0].below, ElementsAre(DomainId(1), DomainId(2)));
}

TEST(Rules, ADomainStandsForItsRestraints) {
  const Result result =
      CheckFiles({Policy(kAmount,
                         "rule a in office\n  deny finish on Order\nrule b in office\n  deny stop on Order\n"
                         "rule c in safety\n  allow finish, stop on Order by Clerk overrides office\n")});
  EXPECT_THAT(result.text, IsEmpty());
  const auto allow = std::find_if(result.program.rules.begin(), result.program.rules.end(),
                                  [](const typed::Rule& r) { return !r.overrides.empty(); });
  ASSERT_NE(allow, result.program.rules.end());
  EXPECT_EQ(allow->overrides.size(), 2u);
}

TEST(Rules, AHoldWaitsForAFactOfTheRound) {
  const Result result = CheckFiles(
      {Policy(kAmount, "rule wait in office\n  hold finish on Order until rate by Clerk within 4h else stop\n")});
  EXPECT_THAT(result.text, IsEmpty());
  ASSERT_EQ(result.program.rules.size(), 1u);
  EXPECT_TRUE(result.program.facts.at(result.program.rules[0].awaits_fact).this_round);
  ASSERT_EQ(result.program.schema.ladders.size(), 1u);
  EXPECT_EQ(result.program.schema.ladders[0].otherwise, Ladder::Else::kTransition);
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Examples, Check) {
  for (const char* path : {"examples/deal_desk/deal_desk.writ", "examples/expenses/expenses.writ"}) {
    const std::string text = ReadFile(path);
    ASSERT_FALSE(text.empty()) << path;
    const std::string said = CheckFiles({text}).text;
    EXPECT_THAT(said, Not(HasSubstr("error["))) << path;
    EXPECT_THAT(said, Not(HasSubstr("warning["))) << path;
  }
}

TEST(Reviews, RankByTheHighestDomainThatTheyRead) {
  const Result result = CheckFiles({ReadFile("examples/deal_desk/deal_desk.writ")});
  const std::string dump = typed::Dump(result.program);
  EXPECT_THAT(dump, HasSubstr("clause Deal.veto in regulatory halting when says"));
  EXPECT_THAT(dump, HasSubstr("clause Deal.worried in credit when"));
  EXPECT_THAT(dump, HasSubstr("clause Deal.lost in none halting otherwise"));
  EXPECT_THAT(dump, HasSubstr("clause conflict rule 40 Deal.approve asks CFO"));
  EXPECT_THAT(dump, HasSubstr("    binds Deal.approve\n"));
}

// ---------------------------------------------------------------- as a whole

// Top-level declarations, each with what stands above it in comments.
std::vector<std::string> Declarations(const std::string& text, std::string* head) {
  std::vector<std::string> out;
  for (absl::string_view block : absl::StrSplit(text, "\n\n")) {
    const bool inside = block.empty() || block.front() == ' ' || block.front() == '}';
    if (inside && !out.empty()) {
      absl::StrAppend(&out.back(), "\n\n", block);
    } else {
      out.emplace_back(block);
    }
  }
  *head = out.front();
  out.erase(out.begin());
  while (absl::StartsWith(out.front(), "import ")) {  // a file's own
    absl::StrAppend(head, "\n\n", out.front());
    out.erase(out.begin());
  }
  return out;
}

TEST(Order, OfDeclarationsAndFilesDoesNotMatter) {
  std::string head;
  std::vector<std::string> parts = Declarations(ReadFile("examples/deal_desk/deal_desk.writ"), &head);
  const std::string package = head + "\n\n";
  const std::string expected = typed::Dump(CheckFiles({head + "\n\n" + absl::StrJoin(parts, "\n\n")}).program);
  ASSERT_GT(parts.size(), 10u);
  std::vector<std::string> tests, declarations;
  for (std::string& part : parts) (part.rfind("test ", 0) == 0 ? tests : declarations).push_back(part);
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(declarations.begin(), declarations.end(), random);
    const size_t cut = random() % declarations.size();
    const std::vector<std::string> first(declarations.begin(), declarations.begin() + cut),
        second(declarations.begin() + cut, declarations.end());
    const Result result =
        CheckFiles({absl::StrCat(package, absl::StrJoin(first, "\n\n")),
                    absl::StrCat(package, absl::StrJoin(second, "\n\n"), "\n\n", absl::StrJoin(tests, "\n\n"))});
    ASSERT_THAT(result.text, Not(HasSubstr("error[")));
    ASSERT_EQ(typed::Dump(result.program), expected) << "round " << round;
  }
}

// Whatever is missing, doubled or swapped: it is told, and never crashes.
TEST(Broken, NeverCrashes) {
  std::vector<std::string> seeds = {
      ReadFile("examples/deal_desk/deal_desk.writ"), ReadFile("examples/expenses/expenses.writ"),
      Policy(absl::StrCat(kAmount, "\n  customer: Customer?\n  tags: list<Tag> max 4 by id"),
             Rule("has customer and any(t.weight > 3 for t in tags) and count(raise within 7d) > 2 and "
                  "last(raise).actor is actor"))};
  std::mt19937 random(2);
  for (const std::string& seed : seeds) {
    std::vector<std::string> words;
    for (absl::string_view word : absl::StrSplit(absl::StrReplaceAll(seed, {{"\n", " \n "}}), ' ', absl::SkipEmpty()))
      words.emplace_back(word);
    for (int round = 0; round < 300; ++round) {
      std::vector<std::string> broken = words;
      for (size_t edits = 1 + random() % 3; edits > 0; --edits) {
        const size_t at = random() % broken.size(), other = random() % broken.size();
        switch (random() % 4) {
          case 0:
            broken.erase(broken.begin() + static_cast<ptrdiff_t>(at));
            break;
          case 1:
            std::swap(broken[at], broken[other]);
            break;
          case 2:
            broken[at] = broken[other];
            break;
          default:
            broken.insert(broken.begin() + static_cast<ptrdiff_t>(at), broken[other]);
            break;
        }
      }
      CheckFiles({absl::StrJoin(broken, " ")});
    }
  }
}

TEST(Broken, ExpansionStaysWithinItsLimits) {
  std::string deep = "  def d0 = amount > 1 USD\n", wide = "  def w(x: money(USD)) -> money(USD) = x + x\n",
              chain = "amount";
  for (int i = 1; i < 60; ++i) {
    absl::StrAppend(&deep, "  def d", i, " = d", i - 1);
    for (int k = 0; k < 500; ++k) absl::StrAppend(&deep, " or amount > ", k, " USD");
    deep += "\n";
    chain = absl::StrCat("w(", chain, ")");
  }
  EXPECT_THAT(Guard("", "d59", "finish", deep), HasSubstr("operations once"));
  EXPECT_THAT(Guard("", absl::StrCat(chain, " > 5 USD"), "finish", wide), HasSubstr("operations once"));
}

// What is compiled in says of every moment what the data base says of it.
TEST(Calendars, ZonesAreThoseOfTheDataBase) {
  const std::vector<std::string> names = {"America/New_York", "Asia/Kathmandu",  "Australia/Lord_Howe",
                                          "Europe/Zurich",    "Pacific/Apia", "UTC"};
  std::string text = "package p\n";
  for (size_t i = 0; i < names.size(); ++i) absl::StrAppend(&text, "calendar C", i, " { zone \"", names[i], "\" }\n");
  const Result result = CheckFiles({text});
  ASSERT_THAT(result.text, IsEmpty());
  ASSERT_EQ(result.program.schema.zones.size(), names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const Zone& zone = result.program.schema.zones[i];
    EXPECT_EQ(zone.name, names[i]);
    EXPECT_LE(zone.steps.size(), limits::kStepsMax);
    absl::TimeZone expected;
    ASSERT_TRUE(absl::LoadTimeZone(names[i], &expected));
    const auto expect_same = [&](int64_t time_ns) {
      EXPECT_EQ(OffsetAt(zone, time_ns), expected.At(absl::FromUnixNanos(time_ns)).offset * int64_t{1'000'000'000})
          << names[i] << " at " << time_ns;
    };
    constexpr int64_t kHours = int64_t{211} * 3'600 * 1'000'000'000;
    for (int64_t time_ns = -limits::kTimeMax; time_ns < limits::kTimeMax - kHours; time_ns += kHours) expect_same(time_ns);
    expect_same(limits::kTimeMax);
    for (size_t k = 1; k < zone.steps.size(); ++k) {
      expect_same(zone.steps[k].from_ns - 1);
      expect_same(zone.steps[k].from_ns);
    }
  }
}

TEST(Broken, OneMistakeIsToldOnce) {
  EXPECT_THAT(CheckFiles({Policy(absl::StrCat(kAmount, "\n  terms: Trems"),
                                 Rule("terms == deferred and terms != standard and after.terms == terms"))})
                  .codes,
              ElementsAre("E0202"));
}

}  // namespace
}  // namespace writ::check
