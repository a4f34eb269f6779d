#include "compiler/check/templates.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "compiler/check/check.h"
#include "compiler/load/load.h"
#include "compiler/typed/dump.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace writ::check {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Result {
  std::string dump, told;
  std::vector<std::string> codes, rules;
};

Result CheckFiles(const std::vector<std::string>& texts) {
  source::SourceSet sources;
  diagnostics::Sink sink;
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_TRUE(sources.AddText(absl::StrCat(i, ".writ"), texts[i]).ok());
  const std::vector<ast::File> files = load::Load(sources, sink);
  const typed::Program program = Check(files, sources, sink);
  Result result;
  for (const diagnostics::Diagnostic& d : sink.Take()) {
    result.codes.push_back(d.code);
    absl::StrAppend(&result.told, diagnostics::RenderText(sources, d, false));
  }
  result.dump = typed::Dump(program);
  for (const Rule& rule : program.schema.rules) {
    if (rule.kind == RuleKind::kRule) result.rules.push_back(rule.qualified);
  }
  return result;
}

std::string Demo(const std::string& rest) {
  return absl::StrCat(R"(package demo

domain office
role Clerk, Boss in office

workflow Order by id: string max 20 {
  amount: money(EUR) in 0 EUR .. 1M EUR
  lines:  list<Line> max 10

  states open, sent, done
  final  done

  start:  -> open sets amount, lines
  send:   open -> sent
  finish: sent -> done
}
record Line { price: money(EUR) in 0 EUR .. 10k EUR  count: int in 0..10 }

authority Clerk { may start, send, finish on Order }

)",
                      rest);
}

TEST(Templates, AreExpandedInPlace) {
  const std::string with = Demo(R"(
template both(what: transition, first: transition, size: field, most: money, who: roles, often: int = 3) on W in D {
  rule one in D
    deny what on W by who when size > most and not happened(first by who)
  rule two in D
    deny what on W when count(what within 1d) >= often
}
apply out: both(what: finish, first: send, size: amount, most: 5 EUR, who: {Clerk, Boss}) on Order in office
)");
  const std::string without = Demo(R"(
rule out_one in office
  deny finish on Order by Clerk, Boss when amount > 5 EUR and not happened(send by Clerk, Boss)
rule out_two in office
  deny finish on Order when count(finish within 1d) >= 3
)");
  const Result applied = CheckFiles({with}), written = CheckFiles({without});
  EXPECT_THAT(applied.codes, IsEmpty()) << applied.told;
  EXPECT_THAT(written.codes, IsEmpty()) << written.told;
  EXPECT_THAT(applied.rules, ElementsAre("demo.out.one", "demo.out.two"));
  EXPECT_EQ(absl::StrReplaceAll(applied.dump, {{"out.", "out_"}}), written.dump);
}

TEST(Templates, OrderChangesNothing) {
  const std::string body = R"(
template never(what: transition) on W in D {
  rule no in D
    deny what on W when count(what) >= 2
}
)";
  const std::string a = "apply a: never(what: send) on Order in office\n";
  const std::string b = "apply b: never(what: finish) on Order in office\n";
  const Result one = CheckFiles({Demo(body + a + b)}), other = CheckFiles({Demo(b + a + body)});
  EXPECT_THAT(one.codes, IsEmpty()) << one.told;
  EXPECT_EQ(one.dump, other.dump);
}

// `x` of the argument is the clerk's own `def x`, not the template's variable.
TEST(Templates, ArgumentsMeanWhatTheyMeanWhereTheyAreWritten) {
  const std::string lib = R"(package lib
def x = 7
template apart(what: transition, lines: field, bad: bool) on W in D {
  def mine = x
  rule no in D
    deny what on W when any(x.count > mine and bad for x in lines)
}
)";
  const std::string use = absl::StrReplaceAll(Demo(R"(
def x = 3
apply out: apart(what: send, lines: lines, bad: x > 1) on Order in office
)"),
                                              {{"package demo\n", "package demo\n\nimport lib.{apart}\n"}});
  const Result result = CheckFiles({lib, use});
  EXPECT_THAT(result.codes, IsEmpty()) << result.told;
  EXPECT_THAT(result.rules, ElementsAre("demo.out.no"));
  const std::string by_hand =
      Demo("rule out_no in office\n  deny send on Order when any(y.count > 7 and 3 > 1 for y in lines)\n");
  const Result written = CheckFiles({by_hand});
  EXPECT_THAT(written.codes, IsEmpty()) << written.told;
  EXPECT_EQ(absl::StrReplaceAll(result.dump, {{"out.no", "out_no"}}), written.dump);
}

TEST(Templates, AMistakeIsToldAtBothPlaces) {
  const std::string own = R"(
template never(what: transition, size: field) on W in D {
  rule no in D
    deny what on W when size > 5 USD
}
apply a: never(what: send, size: amount) on Order in office
apply b: never(what: finish, size: amount) on Order in office
)";
  const Result result = CheckFiles({Demo(own)});
  ASSERT_THAT(result.codes, ElementsAre("E0303")) << result.told;  // once, though both have it
  EXPECT_THAT(result.told, HasSubstr("the template is applied here"));
  const Result library = CheckFiles({absl::StrReplaceAll(
      Demo("apply a: budget(what: send, spent: amount, adds: amount, most: 5, period: 1d) on Order in office\n"),
      {{"package demo\n", "package demo\n\nimport std.limits\n"}})});
  ASSERT_THAT(library.codes, Not(IsEmpty()));
  EXPECT_THAT(library.told, HasSubstr("0.writ:"));
  EXPECT_THAT(library.told, HasSubstr("it stands here in the template"));
  const Result argument = CheckFiles({absl::StrReplaceAll(
      Demo("apply a: four_eyes(first: sned, second: finish) on Order in office\n"),
      {{"package demo\n", "package demo\n\nimport std.duty\n"}})});
  ASSERT_THAT(argument.codes, ElementsAre("E0206")) << argument.told;
  EXPECT_THAT(argument.told, HasSubstr("it is given to this parameter"));
  EXPECT_THAT(argument.told, HasSubstr("did you mean `send`?"));
}

TEST(Templates, OnlyWhatIsImportedIsThere) {
  const Result without = CheckFiles({Demo("apply a: four_eyes(first: send, second: finish) on Order in office\n")});
  EXPECT_THAT(without.codes, ElementsAre("E0240")) << without.told;
  source::SourceSet sources;
  diagnostics::Sink sink;
  ASSERT_TRUE(sources.AddText("0.writ", "package demo\n\nimport std.emergency\n").ok());
  std::vector<std::string> packages;
  for (const ast::File& file : load::ParseAll(sources, sink)) packages.push_back(file.package.back().text);
  EXPECT_THAT(packages, ElementsAre("demo", "writ", "writ", "writ", "writ", "emergency", "duty"));
}

TEST(Templates, AreNotMoreThanTheLimit) {
  std::string text = R"(
template never(what: transition) on W in D {
  rule no in D
    deny what on W when count(what) >= 2
}
)";
  for (size_t i = 0; i <= kInstancesMax; ++i) {
    absl::StrAppend(&text, "apply a", i, ": never(what: send) on Order in office\n");
  }
  EXPECT_THAT(CheckFiles({Demo(text)}).codes, ElementsAre("E0402"));
}

TEST(Packages, WhatIsPrivateStaysThere) {
  const std::string lib = "package lib\nprivate def five = 5\ndef six = five + 1\n";
  const auto use = [](const std::string& name) {
    return absl::StrReplaceAll(
        Demo(absl::StrCat("rule r in office\n  deny send on Order when count(lines) > ", name, "\n")),
        {{"package demo\n", "package demo\n\nimport lib\n"}});
  };
  EXPECT_THAT(CheckFiles({lib, use("six")}).codes, IsEmpty());
  EXPECT_THAT(CheckFiles({lib, use("five")}).codes, ElementsAre("E0201"));
}

TEST(Packages, ADomainSaysWhoMayAddRules) {
  const auto files = [](const std::string& open) {
    return std::vector<std::string>{
        absl::StrCat("package lib\ndomain safety", open, "\n"),
        absl::StrReplaceAll(Demo("import_here\nrule r in safety\n  deny send on Order when amount > 5 EUR\n"),
                            {{"package demo\n", "package demo\n\nimport lib.{safety}\n"}, {"import_here\n", ""}})};
  };
  EXPECT_THAT(CheckFiles(files(" for demo")).codes, IsEmpty());
  EXPECT_THAT(CheckFiles(files(" for other")).codes, ElementsAre("E0256"));
  EXPECT_THAT(CheckFiles(files("")).codes, ElementsAre("E0256"));
}

}  // namespace
}  // namespace writ::check
