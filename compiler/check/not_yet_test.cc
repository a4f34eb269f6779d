#include "compiler/check/not_yet.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "compiler/parse/parse.h"
#include "gtest/gtest.h"

namespace writ::check {
namespace {

// How often E0116 is said of a policy, and whether anything else is wrong with it.
struct Found {
  size_t count = 0;
  bool reads = true;
};

Found Find(const std::string& text) {
  source::SourceSet sources;
  diagnostics::Sink sink;
  std::vector<ast::File> files;
  files.push_back(parse::Parse(sources, sources.AddText("policy.writ", text).value(), sink));
  Found found;
  found.reads = !sink.has_errors();
  NotYet(files, sink);
  for (const diagnostics::Diagnostic& diagnostic : sink.Take()) found.count += diagnostic.code == std::string("E0116");
  return found;
}

// One a construct. What gets its meaning loses its row, here and in not_yet.cc.
TEST(NotYet, RefusesEachConstructWithoutMeaning) {
  for (const char* text : {
           "table t(a: A) -> int { x: (any of (A says b)) }",
           "clearance A { pii }",
           "decompose on W { plan { a: R does go } }",
           "confidence on W { weakest of go }",
           "divergence A vs B on go of W { baseline 12% }",
           "context R on W { include a }",
           "review on W in s { joint go }",
           "test \"t\" { go by R under g }",
           "test \"t\" { expect confidence 50% }",
           "def a = all of (A says b, C says d)",
           "workflow W by id: Id { go: -> s sets a = any of (A says b) }",
           "authority A { may go on W when any of (A says b) }",
           "authority A { may go on W up to f (any of (A says b)) }",
           "rule r in d deny go on W unless any of (A says b)",
           "rule r in d hold go on W until ok within (any of (A says b)) else no",
           "review on W in s { a: go when [any of (A says b)] == y }",
           "def a = any(any of (A says b) for y in z)",
           "def a = any(y in any of (A says b))",
           "def a = any(y for y in z where any of (A says b))",
           "def a = count(go within (any of (A says b)))",
           "def a = happened(go since (to where any of (A says b)))",
           "test \"t\" { expect any of (A says b) }",
           "test \"t\" { go by R { a: any of (A says b) } }",
           "test \"t\" { wait (any of (A says b)) }",
       }) {
    const Found found = Find(text);
    EXPECT_EQ(found.count, 1u) << text;
    if (std::string(text).find("review") != 0) {
      EXPECT_TRUE(found.reads) << text;
    }
  }
}

TEST(NotYet, LeavesTheRestAlone) {
  EXPECT_EQ(
      Find("def a = b.c + f(d)\nrule r in d\n  deny go on W\n  when any(x for x in y) and count(go within 5d) > 1\n")
          .count,
      0u);
}

TEST(NotYet, HasAPageThatShowsIt) {
  std::ifstream stream("docs/diagnostics/E0116.md");
  const std::string page{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const size_t begin = page.find("```writ\n") + 8, end = page.find("```\n", begin);
  ASSERT_LT(end, page.size()) << "run from the project's root";
  EXPECT_EQ(Find(page.substr(begin, end - begin)).count, 1u);
}

}  // namespace
}  // namespace writ::check
