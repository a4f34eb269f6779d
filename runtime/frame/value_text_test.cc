#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/frame/civil.h"
#include "runtime/frame/frame.h"
#include "runtime/state/fake_policy.h"

namespace writ {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ValueTextTest : public ::testing::Test {
 protected:
  const Type& TypeOf(TypeId id) const { return world_.schema.types[id.value]; }
  std::string Text(TypeId type, Value value) const { return ValueToText(world_.schema, TypeOf(type), value); }
  absl::StatusOr<Value> Parse(TypeId type, std::string_view text) const {
    return TextToValue(world_.schema, TypeOf(type), text);
  }
  void ExpectRoundTrip(TypeId type, int64_t raw, const std::string& text) const {
    EXPECT_EQ(Text(type, Value(raw)), text);
    const absl::StatusOr<Value> parsed = Parse(type, text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, Value(raw)) << text;
  }
  void ExpectRefused(TypeId type, std::vector<std::string> texts) const {
    for (const std::string& text : texts) EXPECT_FALSE(Parse(type, text).ok()) << text;
  }
  std::string Check(TypeId type, Value value) const {
    return std::string(CheckValue(world_.schema, type, value).message());
  }

  SmallWorld world_;
};

TEST_F(ValueTextTest, Money) {
  ExpectRoundTrip(world_.amount, 240'000'000, "2400000 USD");
  ExpectRoundTrip(world_.amount, 5, "0.05 USD");
  ExpectRoundTrip(world_.amount, -1'250, "-12.50 USD");
  ExpectRoundTrip(world_.amount, INT64_MIN, "-92233720368547758.08 USD");
  ExpectRoundTrip(world_.amount, INT64_MAX, "92233720368547758.07 USD");
  EXPECT_EQ(*Parse(world_.amount, "2400000.00 USD"), Value(int64_t{240'000'000}));
  EXPECT_EQ(*Parse(world_.amount, "0.5 USD"), Value(int64_t{50}));
  ExpectRefused(world_.amount,
                {"", "USD", "5", "5 EUR", "5USD", "5  USD", "5. USD", ".5 USD", "5.001 USD", "1e3 USD", "+5 USD",
                 "- USD", "92233720368547758.08 USD", "5 USD ", "99999999999999999999999999999999 USD"});
}

TEST_F(ValueTextTest, MoneyWithoutMinorUnits) {
  Type yen = TypeOf(world_.amount);
  yen.index = 0;
  const TypeId type = AddType(&world_.schema, yen);
  ExpectRoundTrip(type, 1'250, "1250 JPY");
  ExpectRefused(type, {"12.5 JPY", "12. JPY"});
}

TEST_F(ValueTextTest, Percent) {
  ExpectRoundTrip(world_.percent, 380'000, "38%");
  ExpectRoundTrip(world_.percent, 1, "0.0001%");
  ExpectRoundTrip(world_.percent, 375'000, "37.5%");
  ExpectRoundTrip(world_.percent, -123'456, "-12.3456%");
  ExpectRefused(world_.percent, {"38", "%", "0.00001%", "38 %", "--3%"});
}

TEST_F(ValueTextTest, NumbersBoolsAndNames) {
  ExpectRoundTrip(world_.number, INT64_MIN, "-9223372036854775808");
  ExpectRoundTrip(world_.number, 42, "42");
  ExpectRefused(world_.number, {"", "-", "4.0", "4 ", "0x4", "9223372036854775808"});
  ExpectRoundTrip(world_.boolean, 1, "true");
  ExpectRoundTrip(world_.boolean, 0, "false");
  ExpectRefused(world_.boolean, {"1", "True", ""});
  ExpectRoundTrip(world_.color, 2, "blue");
  ExpectRefused(world_.color, {"light blue", "Blue", ""});
  EXPECT_THAT(std::string(Parse(world_.color, "bleu").status().message()), HasSubstr("red, green, blue"));
  ExpectRoundTrip(world_.role, 1, "Voter");
  EXPECT_EQ(*Parse(world_.role, "acme.Voter"), Value(int64_t{1}));
  ExpectRefused(world_.legs, {"", "[]"});
}

TEST_F(ValueTextTest, RolesOfOneNameAreQualified) {
  world_.schema.roles[2].name = "Voter";
  ExpectRoundTrip(world_.role, 1, "acme.Voter");
  ExpectRefused(world_.role, {"Voter"});
}

TEST_F(ValueTextTest, Durations) {
  ExpectRoundTrip(world_.duration, 0, "0s");
  ExpectRoundTrip(world_.duration, 4 * 3'600 * int64_t{1'000'000'000}, "4h");
  ExpectRoundTrip(world_.duration, 90 * 60 * int64_t{1'000'000'000}, "1h30min");
  ExpectRoundTrip(world_.duration, 1'500'000'000, "1s500ms");
  ExpectRoundTrip(world_.duration, -1'001'001, "-1ms1us1ns");
  ExpectRoundTrip(world_.duration, limits::kTimeMax, "53375d23h53min38s427ms387us903ns");
  ExpectRoundTrip(world_.duration, -limits::kTimeMax, "-53375d23h53min38s427ms387us903ns");
  EXPECT_EQ(FormatDuration(INT64_MIN), "-106751d23h47min16s854ms775us808ns");
  EXPECT_EQ(*ParseDuration("24h"), *ParseDuration("1d"));
  EXPECT_EQ(*ParseDuration("2w"), *ParseDuration("14d"));
  EXPECT_EQ(*ParseDuration("100min"), 6'000'000'000'000);
  ExpectRefused(world_.duration, {"", "-", "h", "4", "4m", "30min1h", "1h1h", "1.5h", "4 h", "--4h", "53376d",
                                  "53375d23h53min38s427ms387us905ns", "99999999999999999999h",
                                  "9999999999999999999w9999999999999999999d"});
}

TEST_F(ValueTextTest, Times) {
  constexpr int64_t kSecond = 1'000'000'000;
  ExpectRoundTrip(world_.time, 0, "1970-01-01T00:00:00Z");
  ExpectRoundTrip(world_.time, -1, "1969-12-31T23:59:59.999999999Z");
  ExpectRoundTrip(world_.time, 951'782'400 * kSecond, "2000-02-29T00:00:00Z");
  ExpectRoundTrip(world_.time, 1'772'442'000 * kSecond + 250'000'000, "2026-03-02T09:00:00.25Z");
  ExpectRoundTrip(world_.time, -limits::kTimeMax, "1823-11-12T00:06:21.572612097Z");
  ExpectRoundTrip(world_.time, limits::kTimeMax, "2116-02-20T23:53:38.427387903Z");
  EXPECT_EQ(FormatTime(INT64_MIN), "1677-09-21T00:12:43.145224192Z");
  EXPECT_EQ(FormatTime(INT64_MAX), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(*ParseTime("2026-03-02T10:00:00.000+01:00"), 1'772'442'000 * kSecond);
  EXPECT_EQ(*ParseTime("2026-03-02T03:30:00-05:30"), 1'772'442'000 * kSecond);
  EXPECT_EQ(*ParseTime("2026-03-02T09:00Z"), 1'772'442'000 * kSecond);
  EXPECT_EQ(*ParseTime("2026-03-02t09:00:00.000000000000z"), 1'772'442'000 * kSecond);
  EXPECT_EQ(*ParseTime("2025-12-31T23:00:00-01:00"), *ParseTime("2026-01-01T00:00:00Z"));
  ExpectRefused(world_.time, {"",
                              "2026-03-02",
                              "2026-03-02T09:00:00",
                              "2026-03-02 09:00:00Z",
                              "2026-02-29T00:00:00Z",
                              "2026-13-01T00:00:00Z",
                              "2026-00-01T00:00:00Z",
                              "2026-01-32T00:00:00Z",
                              "2026-01-00T00:00:00Z",
                              "2026-03-02T24:00:00Z",
                              "2026-03-02T09:60:00Z",
                              "2026-03-02T09:00:60Z",
                              "2026-03-02T09:00:00.Z",
                              "2026-03-02T09:00:00.0000000001Z",
                              "2026-03-02T09:00:00+0100",
                              "2026-03-02T09:00:00Zx",
                              "1823-11-12T00:06:21.572612095Z",
                              "2116-02-20T23:53:38.427387905Z",
                              "9999-12-31T23:59:59Z",
                              "26-03-02T09:00:00Z"});
}

TEST_F(ValueTextTest, Dates) {
  ExpectRoundTrip(world_.date, 0, "1970-01-01");
  ExpectRoundTrip(world_.date, -1, "1969-12-31");
  ExpectRoundTrip(world_.date, 11'016, "2000-02-29");
  ExpectRoundTrip(world_.date, kFirstDay, "0000-01-01");
  ExpectRoundTrip(world_.date, kLastDay, "9999-12-31");
  ExpectRefused(world_.date, {"1900-02-29", "2026-1-10", "2026-01-10T", "02026-01-10", ""});
  EXPECT_EQ(Text(world_.date, Value(INT64_MAX)), "day 9223372036854775807");
}

TEST_F(ValueTextTest, EveryDayOfEightHundredYearsIsItself) {
  CivilDate expected{1600, 1, 1};
  for (int64_t day = DaysFromCivil(expected); expected.year < 2400; ++day) {
    const CivilDate date = CivilFromDays(day);
    ASSERT_TRUE(date.year == expected.year && date.month == expected.month && date.day == expected.day) << day;
    ASSERT_EQ(DaysFromCivil(date), day);
    if (++expected.day <= DaysInMonth(expected.year, expected.month)) continue;
    expected.day = 1;
    if (++expected.month == 13) expected.month = 1, ++expected.year;
  }
}

TEST_F(ValueTextTest, Compositions) {
  const Value leg(Value::List{Value(std::string("ZRH")), Value(int64_t{3}), Value(Value::List{}), Value()});
  EXPECT_EQ(Text(world_.legs, Value(Value::List{leg})), "[{to: ZRH, price: 3, stops: []}]");
  EXPECT_EQ(Text(world_.flags, Value(int64_t{0b101})), "{red, blue}");
  EXPECT_EQ(Text(world_.optional_text, Value()), "");
}

// ---------------------------------------------------------------- keys

TEST_F(ValueTextTest, OneTextIsItsOwnKey) {
  const std::vector<Field>& key = world_.schema.workflows[0].key;
  EXPECT_EQ(KeyText(world_.schema, key, {Value(std::string("a|b\\c"))}), "a|b\\c");
  EXPECT_THAT(*ParseKey(world_.schema, key, "a|b\\c"), ElementsAre(Value(std::string("a|b\\c"))));
  EXPECT_FALSE(ParseKey(world_.schema, key, "").ok());
  EXPECT_FALSE(ParseKey(world_.schema, key, std::string(41, 'x')).ok());
}

TEST_F(ValueTextTest, PartsOfACompoundKeyAreEscaped) {
  const std::vector<Field>& key = world_.schema.workflows[2].key;
  const std::vector<Value> parts = {Value(std::string("a|\\b")), Value(int64_t{11'016})};
  EXPECT_EQ(KeyText(world_.schema, key, parts), "a\\|\\\\b|2000-02-29");
  EXPECT_EQ(*ParseKey(world_.schema, key, "a\\|\\\\b|2000-02-29"), parts);
  for (const char* text : {"", "a", "a|b", "a|2000-02-29|c", "a\\|2000-02-29", "a\\x|2000-02-29", "a|2000-02-29\\"}) {
    EXPECT_FALSE(ParseKey(world_.schema, key, text).ok()) << text;
  }
}

TEST_F(ValueTextTest, AKeyThatReferencesItselfHasNoEnd) {
  world_.schema.workflows[0].key[0].type = world_.customer;
  EXPECT_FALSE(ParseKey(world_.schema, world_.schema.workflows[0].key, "c").ok());
}

// ---------------------------------------------------------------- checks

TEST_F(ValueTextTest, ChecksScalars) {
  EXPECT_EQ(Check(world_.score, Value(int64_t{300})), "");
  EXPECT_EQ(Check(world_.score, Value(int64_t{299})), "299 is less than 300");
  EXPECT_EQ(Check(world_.amount, Value(int64_t{100'001})), "1000.01 USD is more than 1000 USD");
  EXPECT_EQ(Check(world_.score, Value()), "it must be given");
  EXPECT_EQ(Check(world_.optional_customer, Value()), "");
  EXPECT_NE(Check(world_.score, Value(std::string("300"))), "");
  EXPECT_NE(Check(world_.score, Value(Value::List{})), "");
  EXPECT_EQ(Check(world_.boolean, Value(int64_t{1})), "");
  EXPECT_NE(Check(world_.boolean, Value(int64_t{2})), "");
  EXPECT_EQ(Check(world_.color, Value(int64_t{2})), "");
  EXPECT_NE(Check(world_.color, Value(int64_t{3})), "");
  EXPECT_NE(Check(world_.color, Value(int64_t{-1})), "");
  EXPECT_EQ(Check(world_.role, Value(int64_t{2})), "");
  EXPECT_NE(Check(world_.role, Value(int64_t{3})), "");
  EXPECT_EQ(Check(world_.date, Value(kLastDay)), "");
  EXPECT_NE(Check(world_.date, Value(kLastDay + 1)), "");
  EXPECT_EQ(Check(world_.percent, Value(INT64_MIN)), "");
  EXPECT_EQ(Check(world_.time, Value(limits::kTimeMax)), "");
  EXPECT_NE(Check(world_.time, Value(limits::kTimeMax + 1)), "");
  EXPECT_NE(Check(world_.duration, Value(INT64_MIN)), "");
  EXPECT_EQ(Check(world_.duration, Value(int64_t{-1})), "");
}

TEST_F(ValueTextTest, ChecksTextsAndReferences) {
  EXPECT_EQ(Check(world_.text20, Value(std::string(20, 'x'))), "");
  EXPECT_EQ(Check(world_.text20, Value(std::string(21, 'x'))), "it has 21 bytes, and at most 20 fit");
  EXPECT_NE(Check(world_.text20, Value(int64_t{1})), "");
  EXPECT_EQ(Check(world_.customer, Value(std::string("c-17"))), "");
  EXPECT_NE(Check(world_.customer, Value(std::string(41, 'c'))), "");
  EXPECT_NE(Check(world_.customer, Value(std::string())), "");
  Type rate = TypeOf(world_.customer);
  rate.index = 2;
  const TypeId type = AddType(&world_.schema, rate);
  EXPECT_EQ(Check(type, Value(std::string("EUR|2026-01-10"))), "");
  EXPECT_NE(Check(type, Value(std::string("EUR"))), "");
}

TEST_F(ValueTextTest, ChecksCollections) {
  EXPECT_EQ(Check(world_.flags, Value(int64_t{0b110})), "");
  EXPECT_EQ(Check(world_.flags, Value(int64_t{0b111})), "it has 3 elements, and at most 2 fit");
  EXPECT_NE(Check(world_.flags, Value(int64_t{0b1000})), "");
  EXPECT_NE(Check(world_.flags, Value(int64_t{-1})), "");
  const Value a(std::string("a")), b(std::string("b")), c(std::string("c")), d(std::string("d"));
  EXPECT_EQ(Check(world_.tags, Value(Value::List{a, b, c})), "");
  EXPECT_NE(Check(world_.tags, Value(Value::List{a, b, c, d})), "");
  EXPECT_NE(Check(world_.tags, Value(Value::List{b, a})), "");
  EXPECT_NE(Check(world_.tags, Value(Value::List{a, a})), "");
  const Value leg1(Value::List{a, Value(int64_t{1}), Value(Value::List{}), Value()});
  const Value leg2(Value::List{b, Value(int64_t{1}), Value(Value::List{Value(int64_t{1})}), Value()});
  EXPECT_EQ(Check(world_.legs, Value(Value::List{leg1, leg2})), "");
  EXPECT_EQ(Check(world_.legs, Value(Value::List{leg1, leg2, leg1})), "two elements have the to `a`");
  const Value bad(Value::List{c, a, Value(Value::List{}), Value()});
  EXPECT_THAT(Check(world_.legs, Value(Value::List{leg1, bad})), HasSubstr("element 2: price: "));
  EXPECT_NE(Check(world_.legs, Value(Value::List{Value(Value::List{a})})), "");
  Type two = TypeOf(world_.stops);
  two.count_min = 2;
  EXPECT_NE(Check(AddType(&world_.schema, two), Value(Value::List{Value(int64_t{1})})), "");
}

// ---------------------------------------------------------------- whatever is sent

TEST_F(ValueTextTest, RandomTextsAreRefusedOrCanonical) {
  std::mt19937 random(7);
  const std::string_view alphabet = "0123456789-:.+TZ%| \\UShdminuws eautr\xff\x00";
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (size_t i = random() % 24; i > 0; --i) text.push_back(alphabet[random() % alphabet.size()]);
    for (const TypeId type : {world_.amount, world_.percent, world_.duration, world_.time, world_.date, world_.number,
                              world_.color, world_.role, world_.boolean, world_.legs}) {
      const absl::StatusOr<Value> value = Parse(type, text);
      if (!value.ok()) continue;
      const absl::StatusOr<Value> again = Parse(type, Text(type, *value));
      ASSERT_TRUE(again.ok() && *again == *value) << text;
    }
    for (const Workflow& workflow : world_.schema.workflows) {
      const absl::StatusOr<std::vector<Value>> parts = ParseKey(world_.schema, workflow.key, text);
      if (!parts.ok()) continue;
      ASSERT_EQ(KeyText(world_.schema, workflow.key, *parts), text);
    }
  }
}

Value RandomValue(std::mt19937* random, int depth) {
  switch ((*random)() % (depth > 3 ? 3 : 4)) {
    case 0:
      return Value();
    case 1:
      return Value(static_cast<int64_t>((*random)() % 6) - 2);
    case 2:
      return Value(std::string((*random)() % 4, 'x'));
    default: {
      Value::List list;
      for (size_t i = (*random)() % 5; i > 0; --i) list.push_back(RandomValue(random, depth + 1));
      return Value(std::move(list));
    }
  }
}

TEST_F(ValueTextTest, AnyValueCanBeCheckedAndShown) {
  std::mt19937 random(11);
  int fine = 0;
  for (int round = 0; round < 50'000; ++round) {
    const Value value = RandomValue(&random, 0);
    for (uint32_t type = 0; type < world_.schema.types.size(); ++type) {
      if (Check(TypeId(type), value).empty()) ++fine, Text(TypeId(type), value);
    }
  }
  EXPECT_GT(fine, 1'000);
}

}  // namespace
}  // namespace writ
