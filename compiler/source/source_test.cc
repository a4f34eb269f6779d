#include "compiler/source/source.h"

#include <gtest/gtest.h>

#include <string>

namespace writ::source {
namespace {

TEST(SourceSet, CountsColumnsInCodePoints) {
  SourceSet set;
  const uint32_t file = set.AddText("a.writ", "one\n\xC3\xA4\xE2\x82\xAC x\n").value();
  EXPECT_EQ(set.At(file, 0), (Position{1, 1}));
  EXPECT_EQ(set.At(file, 3), (Position{1, 4}));
  EXPECT_EQ(set.At(file, 4), (Position{2, 1}));
  EXPECT_EQ(set.At(file, 10), (Position{2, 4}));
  EXPECT_EQ(set.At(file, 12), (Position{3, 1}));
  EXPECT_EQ(set.At(file, 4'000), (Position{3, 1}));
}

TEST(SourceSet, LinesComeWithoutTheirBreaks) {
  SourceSet set;
  const uint32_t file = set.AddText("a.writ", "one\r\ntwo").value();
  EXPECT_EQ(set.Line(file, 1), "one");
  EXPECT_EQ(set.Line(file, 2), "two");
  EXPECT_EQ(set.Line(file, 3), "");
  EXPECT_EQ(set.Slice(file, 5, 99), "two");
  EXPECT_EQ(set.Slice(file, 99, 5), "");
}

TEST(SourceSet, RefusesWhatIsTooLargeOrNotThere) {
  SourceSet set;
  EXPECT_TRUE(set.AddText("fits", std::string(kFileSizeBytesMax, ' ')).ok());
  EXPECT_EQ(set.AddText("big", std::string(kFileSizeBytesMax + 1, ' ')).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(set.AddFile("no/such/file.writ").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(set.AddFile("/dev/zero").status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(set.AddFile(".").ok());
}

TEST(Utf8, FindsTheFirstBadByte) {
  EXPECT_EQ(FirstInvalidUtf8("plain \xC3\xA4 \xF0\x9F\x98\x80"), std::nullopt);
  EXPECT_EQ(FirstInvalidUtf8("ab\xFF"), 2u);
  EXPECT_EQ(FirstInvalidUtf8("a\xC0\x80"), 1u);         // overlong
  EXPECT_EQ(FirstInvalidUtf8("a\xED\xA0\x80"), 1u);     // a surrogate
  EXPECT_EQ(FirstInvalidUtf8("abc\xE2\x82"), 3u);       // cut short
  EXPECT_EQ(FirstInvalidUtf8("\xF4\x90\x80\x80"), 0u);  // past U+10FFFF
}

}  // namespace
}  // namespace writ::source
