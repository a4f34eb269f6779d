// Every diagnostic has a page in docs/diagnostics, whose Avoid example raises it and nothing else, and whose Prefer
// example raises nothing. The Avoid examples are the broken policies: each has its own code, none crashes, all are told
// clearly.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "compiler/check/check.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/load/load.h"
#include "compiler/lower/lower.h"
#include "compiler/source/source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace writ {
namespace {

constexpr size_t kBrokenPoliciesMin = 200;

// What takes more text than a page can show, or is no text at all; other tests raise these (E0703: here).
bool CannotBeShown(const diagnostics::Row& row) {
  static const char* const kCodes[] = {"E0101", "E0113", "E0114", "E0703", "W0600"};
  return std::any_of(std::begin(kCodes), std::end(kCodes),
                     [&](const char* code) { return code == std::string(row.code); });
}

std::string ReadPage(const std::string& code) {
  std::ifstream in(absl::StrCat("docs/diagnostics/", code, ".md"));
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The files of an example: every ```writ fence between `heading` and the next heading in bold.
std::vector<std::string> ExampleUnder(const std::string& page, const std::string& heading) {
  std::vector<std::string> files;
  size_t at = page.find(heading);
  if (at == std::string::npos) return files;
  at += heading.size();
  const size_t end = std::min(page.find("\n**", at), page.size());
  static const std::string kOpen = "```writ\n", kClose = "\n```";
  while ((at = page.find(kOpen, at)) < end) {
    const size_t begin = at + kOpen.size();
    const size_t close = page.find(kClose, begin - 1);
    if (close == std::string::npos) break;
    files.push_back(page.substr(begin, close + 1 - begin));
    at = close + kClose.size();
  }
  return files;
}

struct Outcome {
  std::set<std::string> codes;
  std::string text;  // as the author sees it
  bool placed = true;
};

Outcome Compile(const std::vector<std::string>& texts) {
  source::SourceSet sources;
  diagnostics::Sink sink;
  for (size_t i = 0; i < texts.size(); ++i)
    EXPECT_TRUE(sources.AddText(absl::StrCat("example", i, ".writ"), texts[i]).ok());
  const std::vector<ast::File> files = load::Load(sources, sink);
  const typed::Program program = check::Check(files, sources, sink);
  if (!sink.has_errors()) lower::Lower(program, &sink);
  Outcome outcome;
  for (const diagnostics::Diagnostic& d : sink.Take()) {
    outcome.codes.insert(d.code);
    absl::StrAppend(&outcome.text, diagnostics::RenderText(sources, d, false));
    if (d.span.file >= texts.size() || d.span.begin > texts[d.span.file].size()) outcome.placed = false;
  }
  return outcome;
}

TEST(DiagnosticPages, EveryCodeHasOne) {
  for (const diagnostics::Row& row : diagnostics::Rows()) {
    const std::string page = ReadPage(row.code);
    EXPECT_TRUE(absl::StartsWith(page, absl::StrCat("# ", row.code, ": "))) << row.code << " " << row.name;
    EXPECT_TRUE(absl::StrContains(page, "\n**Silence**\n")) << row.code;
  }
}

TEST(DiagnosticPages, NoPageWithoutItsCode) {
  for (const auto& entry : std::filesystem::directory_iterator("docs/diagnostics")) {
    const std::string code = entry.path().stem().string();
    if (code.size() != 5 || entry.path().extension() != ".md") continue;
    EXPECT_NE(diagnostics::FindRow(code), nullptr) << code;
  }
}

TEST(DiagnosticPages, AvoidRaisesItsCodeAndNothingElse) {
  for (const diagnostics::Row& row : diagnostics::Rows()) {
    if (CannotBeShown(row)) continue;
    const std::vector<std::string> avoid = ExampleUnder(ReadPage(row.code), "**Avoid**");
    ASSERT_FALSE(avoid.empty()) << row.code;
    const Outcome outcome = Compile(avoid);
    std::set<std::string> expected{row.code};
    if (row.code == std::string("E0701")) expected.insert("W0604");  // what outgrows 128 bits has outgrown 64 before
    EXPECT_EQ(outcome.codes, expected) << row.code << " " << row.name << "\n" << outcome.text;
    EXPECT_TRUE(outcome.placed) << row.code << "\n" << outcome.text;
  }
}

TEST(DiagnosticPages, PreferRaisesNothing) {
  for (const diagnostics::Row& row : diagnostics::Rows()) {
    if (std::string(row.code) == "W0600") continue;  // a note about the others: nothing to prefer
    const std::vector<std::string> prefer = ExampleUnder(ReadPage(row.code), "**Prefer**");
    ASSERT_FALSE(prefer.empty()) << row.code;
    const Outcome outcome = Compile(prefer);
    EXPECT_TRUE(outcome.codes.empty()) << row.code << " " << row.name << "\n" << outcome.text;
  }
}

TEST(DiagnosticPages, OneRuleTooManyIsTold) {
  std::string policy = ExampleUnder(ReadPage("E0703"), "**Prefer**").at(0);
  for (int i = 0; i < 1024; ++i) absl::StrAppend(&policy, "\nrule more", i, " in office\n  deny finish on Order\n");
  EXPECT_THAT(Compile({policy}).codes, testing::ElementsAre("E0703"));
}

TEST(BrokenPolicies, ThereAreManyAndEachIsItsOwn) {
  std::set<std::string> policies, codes;
  for (const diagnostics::Row& row : diagnostics::Rows()) {
    if (CannotBeShown(row) || row.severity != diagnostics::Severity::kError) continue;
    std::string whole;
    for (const std::string& file : ExampleUnder(ReadPage(row.code), "**Avoid**")) absl::StrAppend(&whole, file);
    policies.insert(whole);
    codes.insert(row.code);
  }
  EXPECT_GE(policies.size(), kBrokenPoliciesMin);
  EXPECT_EQ(policies.size(), codes.size());
}

// A message is one sentence in the author's words: lower case, no full stop, what to do where there is something to do.
TEST(DiagnosticTexts, AreWorded) {
  for (const diagnostics::Row& row : diagnostics::Rows()) {
    const std::string text = row.text;
    EXPECT_FALSE(text.empty()) << row.code;
    EXPECT_FALSE(text.front() >= 'A' && text.front() <= 'Z') << row.code << " " << text;
    EXPECT_NE(text.back(), '.') << row.code << " " << text;
    EXPECT_FALSE(absl::StrContains(text, "::")) << row.code << " " << text;
  }
}

}  // namespace
}  // namespace writ
