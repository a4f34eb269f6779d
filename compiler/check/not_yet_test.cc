#include "compiler/check/not_yet.h"

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
           "decompose on W { sub a among R granting go up to f 3 }",
       }) {
    const Found found = Find(text);
    EXPECT_EQ(found.count, 1u) << text;
    EXPECT_TRUE(found.reads) << text;
  }
}

TEST(NotYet, LeavesTheRestAlone) {
  EXPECT_EQ(
      Find("def a = b.c + f(d)\nrule r in d\n  deny go on W\n  when any(x for x in y) and count(go within 5d) > 1\n")
          .count,
      0u);
}

}  // namespace
}  // namespace writ::check
