#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "compiler/ir/bytes.h"
#include "compiler/ir/ir.h"
#include "compiler/ir/sample_program.h"

namespace writ::ir {
namespace {

TEST(SerializeTest, WhatIsReadIsWhatWasWritten) {
  const Program program = SampleProgram();
  const std::string bytes = Serialize(program);
  const absl::StatusOr<Program> read = Deserialize(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(Serialize(*read), bytes);
  EXPECT_EQ(ToText(*read), ToText(program));
  EXPECT_EQ(Digest(*read), Digest(program));
  EXPECT_EQ(read->code[0].exprs, program.code[0].exprs);
  EXPECT_EQ(read->code[0].ranges, program.code[0].ranges);
  EXPECT_EQ(read->schema.rules[14].because, "it is much");
  EXPECT_EQ(read->schema.workflows[0].transitions[0].sources[0], kNewState);
}

TEST(SerializeTest, NoPrefixIsAProgram) {
  const std::string bytes = Serialize(SampleProgram());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const absl::Status status = Deserialize(std::string_view(bytes).substr(0, size)).status();
    ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << size;
  }
  EXPECT_FALSE(Deserialize(bytes + '\0').ok());
}

// Either it is refused, or it is exactly the encoding of another well-formed program.
void ExpectRefusedOrCanonical(const std::string& bytes) {
  const absl::StatusOr<Program> read = Deserialize(bytes);
  if (read.ok()) {
    ASSERT_EQ(Serialize(*read), bytes);
  }
}

TEST(SerializeTest, FlippedBitsAreRefusedOrMeanSomethingElse) {
  const std::string bytes = Serialize(SampleProgram());
  size_t refused = 0;
  for (size_t i = 0; i < 8 * bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    ExpectRefusedOrCanonical(flipped);
    refused += Deserialize(flipped).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, bytes.size());
}

TEST(SerializeTest, RandomEditsNeverCrash) {
  const std::string bytes = Serialize(SampleProgram());
  std::mt19937_64 random(20260302);
  for (int round = 0; round < 20'000; ++round) {
    std::string edited = bytes;
    for (uint64_t edits = random() % 6 + 1; edits > 0; --edits) {
      const size_t at = random() % edited.size();
      switch (random() % 3) {
        case 0: edited[at] = static_cast<char>(random()); break;
        case 1: edited.erase(at, random() % 8); break;
        case 2: edited.insert(at, std::string(random() % 8, static_cast<char>(random()))); break;
      }
      if (edited.empty()) edited = "W";
    }
    ExpectRefusedOrCanonical(edited);
  }
}

TEST(SerializeTest, CountsThatLieAllocateLittle) {
  std::string bytes = Serialize(Program()).substr(0, 8);
  bytes += "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01";
  EXPECT_FALSE(Deserialize(bytes).ok());
}

TEST(BytesTest, EachIntegerHasOneEncoding) {
  for (const Num value : {Num{0}, Num{-1}, Num{1}, Num{64}, Num{-65}, Num{INT64_MIN}, Num{1} << 126,
                          -(Num{1} << 126), ~(Num{0}) << 127}) {
    ByteWriter writer(ByteWriter::Content::kEverything);
    writer.Wide(value);
    const std::string bytes = writer.Take();
    ByteReader reader(bytes);
    Num read = 0;
    reader.Wide(read);
    EXPECT_TRUE(reader.ok() && reader.at_end());
    EXPECT_TRUE(read == value);
  }
  uint32_t small = 0;
  for (const std::string_view padded : {std::string_view("\x80\x00", 2), std::string_view("\xFF\xFF\xFF\xFF\x1F", 5)}) {
    ByteReader reader(padded);
    reader.Uint(small);
    EXPECT_FALSE(reader.ok());
  }
}

TEST(DigestTest, SaysWhatDecides) {
  const std::string digest = Digest(SampleProgram());
  EXPECT_THAT(digest, testing::MatchesRegex("sha256:[0-9a-f]+"));
  EXPECT_EQ(digest.size(), 71u);

  Program spans = SampleProgram();
  Rule& rule = spans.schema.rules[13];
  rule.file = "b.writ", rule.line = 99, rule.column = 1, rule.doc = "", rule.because = "other words";
  EXPECT_EQ(Digest(spans), digest);
  EXPECT_NE(Serialize(spans), Serialize(SampleProgram()));

  Program constant = SampleProgram();
  constant.numbers[0] += 1;
  EXPECT_NE(Digest(constant), digest);
  Program named = SampleProgram();
  named.schema.rules[13].qualified = "test.larger";
  EXPECT_NE(Digest(named), digest);
  Program deadline = SampleProgram();
  deadline.schema.ladders[0].within_ns += 1;
  EXPECT_NE(Digest(deadline), digest);
}

}  // namespace
}  // namespace writ::ir
