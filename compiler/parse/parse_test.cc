#include "compiler/parse/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "compiler/ast/dump.h"

namespace writ::parse {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Parsed {
  ast::File file;
  std::vector<diagnostics::Diagnostic> diagnostics;
  std::vector<std::string> codes;
};

Parsed ParseText(const std::string& text) {
  source::SourceSet sources;
  diagnostics::Sink sink;
  const uint32_t file = sources.AddText("policy.writ", text).value();
  Parsed out{Parse(sources, file, sink), sink.Take(), {}};
  for (const diagnostics::Diagnostic& diagnostic : out.diagnostics) out.codes.push_back(diagnostic.code);
  return out;
}

// The expression of `def x = …`, with every operator in parentheses, and the codes of what is wrong with it.
std::string ExprOf(const std::string& text) {
  const Parsed parsed = ParseText("def x = " + text);
  std::string out;
  for (const std::string& code : parsed.codes) absl::StrAppend(&out, code, " ");
  for (const ast::Def& def : parsed.file.defs) absl::StrAppend(&out, ast::DumpExpr(*def.body));
  return out;
}

TEST(Expressions, BindAsTheLanguageSays) {
  EXPECT_EQ(ExprOf("a + b * -c - d / 2"), "((a + (b * (-c))) - (d / 2))");
  EXPECT_EQ(ExprOf("not a == b and has c.d"), "((not (a == b)) and (has c.d))");
  EXPECT_EQ(ExprOf("a ?? b ?? c < d"), "((a ?? (b ?? c)) < d)");
  EXPECT_EQ(ExprOf("if a then b else if c then d else e"), "(if a then b else (if c then d else e))");
  EXPECT_EQ(ExprOf("a.b[c, d].e.f"), "a.b[c, d].e.f");
  EXPECT_EQ(ExprOf("Risk says flag and a in {b, c}"), "((Risk says flag) and (a in {b, c}))");
  EXPECT_EQ(ExprOf("{a: 1 b: [2, 3], c: {}}"), "{a: 1, b: [2, 3], c: {}}");
}

TEST(Expressions, ReadValuesWithTheirUnits) {
  EXPECT_EQ(
      ExprOf("f(24h, 1h30min, 38%, 0.5%, 2.4M USD, 10 EUR, 2.5mg, 1_000, 2026-01-10, 2026-03-02T09:00Z, "
             "2026-03-02T09:00:30Z)"),
      "f(24h, 1h30min, 38%, 0.5%, 2.4M USD, 10 EUR, 2.5mg, 1000, 2026-01-10, 2026-03-02T09:00Z, 2026-03-02T09:00:30Z)");
  EXPECT_EQ(ExprOf(R"("a\"b\\c\n\t\u{e4}\u{1F600}")"), "\"a\\\"b\\\\c\\n\\t\xC3\xA4\xF0\x9F\x98\x80\"");
}

TEST(Expressions, ReadFolds) {
  EXPECT_EQ(ExprOf("happened(assess by Risk, Legal where stance == flag within 5d since submit max 9)"),
            "happened(assess by Risk, Legal where (stance == flag) within 5d since submit max 9)");
  EXPECT_EQ(ExprOf("sum(p.amount for p in payments where p.kind == card)"),
            "sum(p.amount for p in payments where (p.kind == card))");
  EXPECT_EQ(ExprOf("sum(x for pay within 30d)"), "sum(x for pay within 30d)");
  EXPECT_EQ(ExprOf("all(a.to == b.from for a then b in legs)"), "all((a.to == b.from) for a then b in legs)");
  EXPECT_EQ(ExprOf("count(x since (submit by A where b))"), "count(x since event(submit by A where b))");
  EXPECT_EQ(ExprOf("votes(Cab, approve) >= 3"), "(votes(Cab, approve) >= 3)");
  EXPECT_EQ(ExprOf("last(submit).actor"), "last(submit).actor");
}

TEST(Expressions, AreTakenApartWhereTheyMislead) {
  EXPECT_EQ(ExprOf("a or b and c"), "E0108 (a or (b and c))");
  EXPECT_EQ(ExprOf("a or (b and c)"), "(a or (b and c))");
  EXPECT_EQ(ExprOf("a < b < c"), "E0109 ((a < b) < c)");
  EXPECT_EQ(ExprOf("a = b"), "E0110 (a == b)");
  EXPECT_EQ(ExprOf("a && !b || c"), "E0108 E0110 E0110 E0110 ((a and (not b)) or c)");
  EXPECT_EQ(ExprOf("30m"), "E0120 30m");
  EXPECT_EQ(ExprOf("2.5 + 3M"), "E0120 E0120 (2 + 3)");
  EXPECT_EQ(ExprOf("\"\\q\""), "E0104 \"\"");
}

TEST(Places, AreBytesWhateverStandsBefore) {
  const Parsed parsed = ParseText("/// \xC3\xA4\xF0\x9F\x98\x80\ndef a = \"\xC3\xA4\"\ndef b = c");
  ASSERT_EQ(parsed.file.defs.size(), 2u);
  EXPECT_EQ(parsed.file.defs[0].doc, "\xC3\xA4\xF0\x9F\x98\x80");
  EXPECT_EQ(parsed.file.defs[1].body->span.begin, 32u);
  EXPECT_EQ(parsed.file.defs[1].body->span.end, 33u);
}

TEST(Doc, IsWhatStandsRightAbove) {
  const Parsed parsed = ParseText("domain a /// behind\n// no\n/// one\n/// two\ndomain b\ndomain c");
  ASSERT_EQ(parsed.file.domains.size(), 3u);
  EXPECT_EQ(parsed.file.domains[1].doc, "one\ntwo");
  EXPECT_EQ(parsed.file.domains[2].doc, "");
}

TEST(Recovery, LeavesOutOnlyTheBrokenItem) {
  const Parsed parsed = ParseText(R"(
workflow W by id: Id {
  a: int in 0..
  b: int
  states x, y
  go: x -> y sets a b
  back: y -> x
}
rule one in d
  deny go on W
  when a >
  because "b"
rule two in d
  deny go on W
)");
  EXPECT_THAT(parsed.codes, ElementsAre("E0105", "E0105", "E0105"));
  ASSERT_EQ(parsed.file.workflows.size(), 1u);
  EXPECT_EQ(parsed.file.workflows[0].fields.size(), 1u);
  ASSERT_EQ(parsed.file.rules.size(), 1u);
  EXPECT_EQ(parsed.file.rules[0].name.text, "two");
}

TEST(Brackets, LeftOpenEndAtTheNextDeclaration) {
  const Parsed parsed =
      ParseText("authority A {\n  may a on W\n\nrule r in d\n  deny a on W\n  when (b\n\nrule s in d\n  deny b on W\n");
  EXPECT_THAT(parsed.codes, ElementsAre("E0106", "E0106"));
  EXPECT_EQ(parsed.file.authorities.size(), 1u);
  EXPECT_EQ(parsed.file.rules.size(), 2u);
}

TEST(Recovery, InsideWhatHoldsDeclarations) {
  const Parsed parsed = ParseText(R"(
template t(a: transition) on W in D {
  rule one in D
    deny a on W when b >
  rule two in D
    deny a on W
}
decompose on Deal {
  plan {
    a: B does c after
    b: B does c
  }
  under b { rule three in D deny a on W when ) }
  bounds depth 3
}
def after = 1
)");
  EXPECT_THAT(parsed.codes, ElementsAre("E0105", "E0126", "E0107", "E0105"));
  ASSERT_EQ(parsed.file.templates.size(), 1u);
  ASSERT_EQ(parsed.file.templates[0].body->rules.size(), 1u);
  EXPECT_EQ(parsed.file.templates[0].body->rules[0].name.text, "two");
  ASSERT_EQ(parsed.file.decompositions.size(), 1u);
  EXPECT_EQ(parsed.file.decompositions[0].plan.size(), 1u);
  EXPECT_EQ(parsed.file.decompositions[0].bounds.size(), 1u);
  EXPECT_EQ(parsed.file.defs.size(), 1u);
}

TEST(Words, ThatBeginADeclarationNameTransitionsInARule) {
  const Parsed parsed = ParseText(R"(
rule a in d
  deny review on Deal when amount > 5
rule b in d
  upon decompose on Deal
  then notify Boss
rule c in d deny review on Deal review on Deal in open { }
rule e in d deny decompose on Deal decompose on Deal { }
)");
  EXPECT_THAT(parsed.codes, ElementsAre("E0121", "E0121"));  // the review is empty
  ASSERT_EQ(parsed.file.rules.size(), 4u);
  EXPECT_EQ(parsed.file.rules[0].transitions[0].text, "review");
  EXPECT_EQ(parsed.file.rules[1].transitions[0].text, "decompose");
  EXPECT_EQ(parsed.file.reviews.size(), 1u);
  EXPECT_EQ(parsed.file.decompositions.size(), 1u);
}

// An item whose first word stands in front of a colon is not one that was swallowed: reading it again never ends.
TEST(Recovery, EndsWhereTheFirstWordOfAnItemIsFollowedByAColon) {
  for (const char* text : {
           "calendar c {\n  zone \"E\"\n  open :..Thu 08:00..12:00\n  closed 2026-01-01\n}\n",
           "decompose on W {\n  bounds depth 3\n  sub : 5\n  finally b\n}\n",
           "decompose on W {\n  finally b\n  finally : 5\n}\n",
           "confidence on W {\n  weakest of b\n  independent : x\n  independent\n}\n",
           "context R on W {\n  include a\n  include : b\n}\n",
           "property \"p\" {\n  always a\n  always : b\n  never : x\n}\n",
           "divergence A vs B on a of W {\n  notify A\n  notify : B\n}\n",
           "template t() {\n  domain a\n  domain : b\n}\n",
           "table t(a: A) -> int {\n  a: 1\n  : 2\n}\n",
           "authority A {\n  may go on W\n  may : b on W\n}\n",
           "workflow W by id: Id {\n  fact a = 1\n  fact : b :\n  states : c\n}\n",
           "test \"t\" {\n  wait 5h\n  wait : 5\n  at : 5\n}\n",
       }) {
    const Parsed parsed = ParseText(std::string(text) + "def after = 1\n");
    EXPECT_THAT(parsed.codes, testing::Not(IsEmpty())) << text;
    EXPECT_EQ(parsed.file.defs.size(), 1u) << text;
  }
}

TEST(Comments, AreAllThereInOrder) {
  const std::string text = "// a\n/// b\ndomain x // c\n  // d\ndomain y";
  const Parsed parsed = ParseText(text);
  std::string seen;
  for (const ast::Comment& comment : parsed.file.comments) {
    absl::StrAppend(&seen, text.substr(comment.span.begin, comment.span.end - comment.span.begin),
                    comment.is_doc ? " doc" : "", comment.own_line ? " own line|" : "|");
  }
  EXPECT_EQ(seen, "// a own line|/// b doc own line|// c|// d own line|");
}

TEST(Limits, DepthIsADiagnostic) {
  for (const char* opener : {"(", "[", "{", "f(", "not ", "-", "has ", "if a then b else ", "a[", "{ a: "}) {
    std::string text = "def before = 1\ndef deep = ";
    for (int i = 0; i < 50'000; ++i) text += opener;
    const Parsed parsed = ParseText(text + "\ndef after = 1\n");
    EXPECT_THAT(parsed.codes, testing::Contains("E0112")) << opener;
    EXPECT_LE(parsed.codes.size(), 3u) << opener;
    EXPECT_EQ(parsed.file.defs.size(), 2u) << opener;
  }
}

TEST(Limits, RungsOfALadderAreCounted) {
  std::string text = "rule r in d\n  hold a on W until b within 1h else ";
  for (int i = 0; i < 10'000; ++i) text += "escalate a to R within 1h else ";
  EXPECT_THAT(ParseText(text + "deny\n").codes, ElementsAre("E0112"));
  for (const char* rung : {"escalate to R within (h) else ", "ask R within 1h else "}) {
    text = "rule r in d\n  hold a on W until b within 1h else ";
    for (int i = 0; i < 300; ++i) text += rung;
    EXPECT_THAT(ParseText(text + "deny\n").codes, ElementsAre("E0112")) << rung;
  }
}

TEST(Limits, TemplatesAndPlansAreCounted) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += " template t() {\n";
  EXPECT_THAT(ParseText(text).codes, testing::Contains("E0112"));
  text = "decompose on W { may add a: B when ";
  for (int i = 0; i < 10'000; ++i) text += "all of (";
  EXPECT_THAT(ParseText(text).codes, testing::Contains("E0112"));
  text = "table t(a: A) -> int { a: ";
  for (int i = 0; i < 10'000; ++i) text += "(";
  EXPECT_THAT(ParseText(text).codes, testing::Contains("E0112"));
}

TEST(Limits, ChainsAreADiagnosticEvenAcrossBrackets) {
  std::string chain = "a", nested = "a";
  for (int i = 0; i < 3'000; ++i) chain += " + a";
  EXPECT_THAT(ParseText("def x = " + chain).codes, ElementsAre("E0113"));
  for (int i = 0; i < 200; ++i)
    nested = "(" + nested + ")" + std::string(" + a + a + a + a + a + a + a + a + a + a + a + a");
  EXPECT_THAT(ParseText("def x = " + nested).codes, ElementsAre("E0113"));
  std::string dots = "a";
  for (int i = 0; i < 3'000; ++i) dots += ".b";
  EXPECT_THAT(ParseText("def x = " + dots).codes, ElementsAre("E0113"));
}

TEST(Limits, WordsAndSignsOfAFileAreCounted) {
  EXPECT_THAT(ParseText(std::string(kTokenCountMax + 1, '+')).codes, ElementsAre("E0114"));
}

TEST(Limits, JustBelowIsRead) {
  std::string chain = "a", deep;
  for (size_t i = 1; i < kOperandCountMax; ++i) chain += " + a";
  EXPECT_THAT(ParseText("def x = " + chain).codes, IsEmpty());
  for (int i = 0; i < 250; ++i) deep += "(";
  deep += "a";
  for (int i = 0; i < 250; ++i) deep += ")";
  EXPECT_THAT(ParseText("def x = " + deep).codes, IsEmpty());
  std::string many;
  for (int i = 0; i < 3'000; ++i)
    absl::StrAppend(&many, "rule r", i, " in d\n  deny a on W\n  when b in {c} and not d\n");
  EXPECT_THAT(ParseText(many).codes, IsEmpty());
}

TEST(Limits, NotUtf8) { EXPECT_THAT(ParseText("def a = \"\xFF\"").codes, ElementsAre("E0101")); }

// Words and signs of a policy with the white space between them; joined they are its text again.
std::vector<std::string> Pieces(const std::string& text) {
  std::vector<std::string> pieces;
  const auto is_word = [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    while (is_word(text[i]) && end < text.size() && is_word(text[end])) ++end;
    pieces.push_back(text.substr(i, end - i));
    i = end;
  }
  return pieces;
}

// Whatever an edit leaves behind, reading it ends, and what is said of it has a place in the text.
TEST(Recovery, EndsOnEveryMutant) {
  std::vector<std::vector<std::string>> policies;
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/parse")) {
    std::ifstream stream(entry.path());
    const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    if (source::FirstInvalidUtf8(text).has_value()) continue;
    policies.push_back(Pieces(text.substr(0, text.find("// DUMP"))));
  }
  std::sort(policies.begin(), policies.end());
  ASSERT_GT(policies.size(), 50u) << "run from the project's root";
  std::mt19937 random(7);
  for (int i = 0; i < 2'000; ++i) {
    std::vector<std::string> pieces = policies[random() % policies.size()];
    for (size_t edits = 1 + random() % 3; edits > 0; --edits) {
      const size_t at = random() % pieces.size(), other = random() % pieces.size();
      switch (random() % 4) {
        case 0:
          pieces[at].clear();
          break;
        case 1:
          pieces[at] += absl::StrCat(" ", pieces[other]);
          break;
        case 2:
          std::swap(pieces[at], pieces[other]);
          break;
        default:
          pieces.resize(at + 1);
          break;
      }
    }
    std::string text;
    for (const std::string& piece : pieces) text += piece;
    const Parsed parsed = ParseText(text);
    ast::Dump(parsed.file);
    for (const diagnostics::Diagnostic& diagnostic : parsed.diagnostics) {
      ASSERT_LE(diagnostic.span.begin, diagnostic.span.end) << text;
      ASSERT_LE(diagnostic.span.end, text.size()) << text;
    }
  }
}

// The page of a code: its example to avoid raises it, its example to prefer raises nothing here.
std::string ExampleUnder(const std::string& page, const std::string& heading) {
  const size_t from = page.find(heading);
  const size_t begin = from == std::string::npos ? from : page.find("```writ\n", from);
  if (begin == std::string::npos) return "";
  return page.substr(begin + 8, page.find("```\n", begin + 8) - begin - 8);
}

TEST(Pages, ShowWhatTheyAreAbout) {
  for (const diagnostics::Row& row : diagnostics::Rows()) {
    const std::string code = row.code;
    if (code.substr(0, 3) != "E01") continue;
    std::ifstream stream("docs/diagnostics/" + code + ".md");
    const std::string page{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    EXPECT_THAT(page, testing::StartsWith("# " + code + ": ")) << "no page, or not run from the project's root";
    if (code == "E0116") continue;  // compiler/check says it
    const bool too_large_to_show = code == "E0101" || code == "E0113" || code == "E0114";
    const std::string avoid = ExampleUnder(page, "**Avoid**"), prefer = ExampleUnder(page, "**Prefer**");
    EXPECT_EQ(avoid.empty(), too_large_to_show) << code;
    EXPECT_FALSE(prefer.empty()) << code;
    const std::vector<std::string> codes = ParseText(avoid).codes;
    EXPECT_THAT(codes, testing::Each(code)) << code;
    EXPECT_EQ(codes.empty(), too_large_to_show) << code;
    EXPECT_THAT(ParseText(prefer).codes, IsEmpty()) << code;
  }
}

// A megabyte of policy is read in well under a second once ANTLR's cache is warm; the bound is loose for slow machines.
TEST(Speed, AMegabyte) {
  std::string text;
  for (int i = 0; text.size() < 1'000'000; ++i) {
    absl::StrAppend(&text, "/// What is too large is looked at.\nrule large", i,
                    " in commercial\n  escalate approve on Deal to CFO within 4h else block\n"
                    "  when discount > 35% and amount > 2M USD and count(amend within 7d) >= 3\n\n");
  }
  ParseText(text.substr(0, text.find("rule large50 ")));
  const std::clock_t begin = std::clock();  // of this process, so that a busy machine does not matter
  const Parsed parsed = ParseText(text);
  const auto elapsed_ms = static_cast<int64_t>(std::clock() - begin) * 1'000 / CLOCKS_PER_SEC;
  EXPECT_THAT(parsed.codes, IsEmpty());
  EXPECT_GT(parsed.file.rules.size(), 4'000u);
  RecordProperty("elapsed_ms", static_cast<int>(elapsed_ms));
  std::printf("a megabyte: %d ms\n", static_cast<int>(elapsed_ms));
  EXPECT_LT(elapsed_ms, 5'000);
}

}  // namespace
}  // namespace writ::parse
