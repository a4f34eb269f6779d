#include "compiler/diagnostics/diagnostics.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"

namespace writ::diagnostics {
namespace {

// A wrong number or kind of arguments must not compile.
template <typename... A>
concept Reportable = requires(Sink sink, A... arguments) { sink.Report(ast::Span{}, arguments...); };
using Strays = decltype(kStrayCharacter);
using Depths = decltype(kTooDeep);
static_assert(Reportable<Strays, const char*>);
static_assert(Reportable<Strays, ast::Name>);
static_assert(!Reportable<Strays>);
static_assert(!Reportable<Strays, const char*, const char*>);
static_assert(!Reportable<Strays, int>);
static_assert(Reportable<Depths, int>);
static_assert(!Reportable<Depths, const char*>);
static_assert(!Reportable<Depths, bool>);
static_assert(PlaceholdersAre<2>("a {1} b {0}"));
static_assert(!PlaceholdersAre<1>("a"));
static_assert(!PlaceholdersAre<1>("a {0} {1}"));

TEST(Rows, CodesAreInOrderAndAgreeWithTheirSeverity) {
  std::set<std::string> codes;
  for (const Row& row : Rows()) {
    EXPECT_TRUE(codes.insert(row.code).second) << row.code;
    EXPECT_EQ(row.code[0], absl::ascii_toupper(SeverityName(row.severity)[0])) << row.code;
    const std::string text = row.text;
    EXPECT_FALSE(text.empty() || text.back() == '.' || (text[0] >= 'A' && text[0] <= 'Z')) << row.code;
  }
  EXPECT_NE(FindRow("E0105"), nullptr);
  EXPECT_EQ(FindRow("E9999"), nullptr);
}

TEST(Sink, SortsAndLeavesOutDuplicates) {
  Sink sink;
  sink.Report({0, 9, 10}, kStrayCharacter, "#");
  sink.Report({0, 2, 3}, kSemicolon);
  sink.Report({0, 9, 10}, kStrayCharacter, "#");
  sink.Report({0, 2, 3}, kStrayCharacter, "#");
  const std::vector<Diagnostic> all = sink.Take();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].code, "E0102");
  EXPECT_EQ(all[1].code, "E0111");
  EXPECT_EQ(all[2].span.begin, 9u);
  EXPECT_EQ(all[2].message, "`#` means nothing here: remove it");
  EXPECT_TRUE(sink.has_errors());
  EXPECT_TRUE(sink.Take().empty());
}

TEST(Sink, IsCutWithAWarning) {
  Sink sink;
  for (uint32_t i = 0; i < 30'000; ++i) sink.Report({0, i, i + 1}, kSemicolon).Related({0, 0, 1}, "here");
  const std::vector<Diagnostic> all = sink.Take();
  ASSERT_EQ(all.size(), kShownMax + 1);
  EXPECT_EQ(all.back().severity, Severity::kWarning);
  EXPECT_EQ(all.back().message, "and 29000 more: mend these first");
}

TEST(Suggest, IsTheNearestWhateverTheOrder) {
  const std::vector<std::string> names = {"amount", "account", "discount", "amounts"};
  EXPECT_EQ(Suggest("amuont", names), "did you mean `amount`?");
  EXPECT_EQ(Suggest("amuont", {"amounts", "account", "amount"}), "did you mean `amount`?");
  EXPECT_EQ(Suggest("count1", {"countb", "counta"}), "did you mean `counta`?");
  EXPECT_EQ(Suggest("entirely", names), "");
  EXPECT_EQ(Suggest("ab", {"ac"}), "");
  EXPECT_EQ(Suggest("amount", {"amount"}), "");
}

TEST(Author, IsOneLineAndCut) {
  EXPECT_EQ(Author("a\nb").printed(), "`a b`");
  const std::string printed = Author(std::string(119, 'x') + "äää").printed();
  EXPECT_EQ(printed, "`" + std::string(119, 'x') + "…`");
}

class Rendered : public testing::Test {
 protected:
  void SetUp() override {
    file_ = sources_.AddText("a \"b\".writ", "rule äß ; x\nother\n").value();
    Sink sink;
    sink.Report({file_, 10, 11}, kSemicolon).Related({file_, 14, 19}, "the other \"place\"").Help("remove it");
    diagnostic_ = sink.Take().at(0);
  }
  source::SourceSet sources_;
  uint32_t file_ = 0;
  Diagnostic diagnostic_;
};

TEST_F(Rendered, AsText) {
  EXPECT_EQ(RenderText(sources_, diagnostic_, false),
            "a \"b\".writ:1:9: error[E0111]: nothing is ended by `;` here: remove it\n"
            " 1 | rule äß ; x\n"
            "   |         ^\n"
            "  a \"b\".writ:2:1: note: the other \"place\"\n"
            "  help: remove it\n");
  EXPECT_NE(RenderText(sources_, diagnostic_, true).find("\x1b[1;31m"), std::string::npos);
}

TEST_F(Rendered, AsJson) {
  EXPECT_EQ(
      RenderJson(sources_, diagnostic_),
      "{\"file\":\"a \\\"b\\\".writ\",\"line\":1,\"column\":9,\"endLine\":1,\"endColumn\":10,\"severity\":\"error\","
      "\"code\":\"E0111\",\"message\":\"nothing is ended by `;` here: remove it\",\"related\":[{\"file\":\"a "
      "\\\"b\\\".writ\","
      "\"line\":2,\"column\":1,\"endLine\":2,\"endColumn\":6,\"message\":\"the other "
      "\\\"place\\\"\"}],\"help\":\"remove it\"}");
}

}  // namespace
}  // namespace writ::diagnostics
