#include <gtest/gtest.h>
#include <zlib.h>

#include "runtime/replay/decimal.h"
#include "runtime/replay/mapping.h"
#include "runtime/replay/recorded_log.h"

namespace writ::replay {
namespace {

absl::StatusOr<RecordedLog> Xes(std::string_view text) {
  std::unique_ptr<ByteSource> source = OpenBytes(text).value();
  return ReadXes(source.get());
}
absl::StatusOr<RecordedLog> Csv(std::string_view text, std::string_view instance) {
  std::unique_ptr<ByteSource> source = OpenBytes(text).value();
  return ReadCsv(source.get(), instance);
}
std::string Message(const absl::Status& status) { return std::string(status.message()); }

std::string Compress(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

constexpr char kLog[] = R"(<?xml version="1.0"?>
<log xmlns="http://www.xes-standard.org">
  <global scope="event"><string key="concept:name" value="default"/></global>
  <trace>
    <string key="concept:name" value="c1"/>
    <event>
      <string key="concept:name" value="submit"><string key="nested" value="no"/></string>
      <date key="time:timestamp" value="2017-01-09T09:49:50.000+01:00"/>
      <list key="many"><string key="in" value="no"/></list>
    </event>
    <event><string key="concept:name" value="pay &amp; go"/></event>
  </trace>
  <trace><string key="concept:name" value="c2"/></trace>
  <event><string key="concept:name" value="alone"/></event>
</log>)";

void ExpectTheLog(const absl::StatusOr<RecordedLog>& log) {
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_EQ(log->traces.size(), 2u);
  ASSERT_EQ(log->events.size(), 3u);
  EXPECT_EQ(log->events[0].count, 2u);
  EXPECT_EQ(log->events[0].line, 6u);
  EXPECT_EQ(log->texts[log->attributes[log->events[1].first].value], "pay & go");
  EXPECT_EQ(log->texts[log->traces[0].attributes[0].value], "c1");
  EXPECT_EQ(log->events[2].trace, UINT32_MAX);
}

TEST(XesTest, TakesAttributesOfTracesAndEventsOnly) { ExpectTheLog(Xes(kLog)); }

TEST(XesTest, GzipIsRecognisedByItsBytes) { ExpectTheLog(Xes(Compress(kLog))); }

TEST(XesTest, TwoGzipMembersAreOneLog) {
  const std::string_view log(kLog);
  ExpectTheLog(Xes(Compress(log.substr(0, 100)) + Compress(log.substr(100))));
}

TEST(XesTest, RefusesWhatIsNoXes) {
  EXPECT_FALSE(Xes("").ok());
  EXPECT_EQ(Message(Xes("<html></html>").status()), "line 1: this is no XES: its root is not <log>");
  EXPECT_EQ(Message(Xes("<log>\n<trace>\n</log>").status()), "line 3: mismatched tag");
  EXPECT_FALSE(Xes("<log><trace>").ok());
  EXPECT_FALSE(Xes("\x1f\x8b garbage").ok());
}

TEST(XesTest, RefusesACutGzip) {
  const std::string whole = Compress(kLog);
  EXPECT_EQ(Xes(whole.substr(0, whole.size() / 2)).status().code(), absl::StatusCode::kDataLoss);
}

TEST(XesTest, RefusesEntities) {
  constexpr char kBomb[] = R"(<!DOCTYPE log [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>
<log><trace><string key="concept:name" value="&b;"/></trace></log>)";
  EXPECT_NE(Message(Xes(kBomb).status()).find("document type"), std::string::npos) << Xes(kBomb).status();
  constexpr char kOuter[] = R"(<!DOCTYPE log [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<log><trace><string key="concept:name" value="x"/></trace></log>)";
  EXPECT_NE(Message(Xes(kOuter).status()).find("document type"), std::string::npos);
}

TEST(XesTest, RefusesDepth) {
  std::string text = "<log>";
  for (int i = 0; i < 100'000; ++i) text += "<list>";
  EXPECT_EQ(Xes(text).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(XesTest, RefusesABomb) {
  const std::string bomb = Compress("<log>" + std::string(size_t{100} << 20, ' ') + "</log>");
  EXPECT_LT(bomb.size(), 200'000u);
  EXPECT_EQ(Xes(bomb).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(CsvTest, ReadsQuotesAndLines) {
  const absl::StatusOr<RecordedLog> log =
      Csv("\xEF\xBB\xBF"
          "case,what,text\r\nc1,submit,\"a \"\"b\"\",\nc\"\r\n\r\nc2,pay,\nc1,pay,x",
          "case");
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_EQ(log->events.size(), 3u);
  EXPECT_EQ(log->traces.size(), 2u);
  EXPECT_EQ(log->texts[log->attributes[2].value], "a \"b\",\nc");
  EXPECT_EQ(log->events[2].trace, 0u);
  EXPECT_EQ(log->events[1].line, 5u);
}

TEST(CsvTest, SemicolonsSeparateWhereTheHeaderSaysSo) {
  const absl::StatusOr<RecordedLog> log = Csv("\"case\";what\nc1;\"a,b;c\"\n", "case");
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ(log->texts[log->attributes[1].value], "a,b;c");
}

TEST(CsvTest, RefusesWhatIsBroken) {
  EXPECT_EQ(Message(Csv("a,b\n1\n", "a").status()), "line 2: this row has 1 fields, the header has 2");
  EXPECT_EQ(Message(Csv("a,b\n1,2,3\n", "a").status()), "line 2: this row has 3 fields, the header has 2");
  EXPECT_EQ(Message(Csv("a,a\n", "a").status()), "line 1: the column `a` is there twice");
  EXPECT_EQ(Message(Csv("a,b\n", "c").status()), "line 1: there is no column `c`, which names the case");
  EXPECT_EQ(Message(Csv("a,b\n1,\"x\n\n", "a").status()), "line 2: a quote is not closed");
  EXPECT_EQ(Message(Csv("a,b\n1,\"x\"y\n", "a").status()), "line 2: text stands after a closing quote");
  EXPECT_FALSE(Csv("", "a").ok());
}

TEST(LineReaderTest, CutsLinesAndKnowsItsLimit) {
  std::unique_ptr<ByteSource> source = OpenBytes("one\r\n\ntwo").value();
  LineReader lines(source.get(), 10);
  std::string_view line;
  bool too_long = false;
  std::vector<std::string> all;
  while (lines.Next(&line, &too_long).value()) all.emplace_back(line);
  EXPECT_EQ(all, (std::vector<std::string>{"one", "", "two"}));
}

TEST(LineReaderTest, PassesOverALineThatIsTooLong) {
  std::unique_ptr<ByteSource> source =
      OpenBytes("a\n" + std::string(100, 'x') + "\nb\n" + std::string(100, 'y')).value();
  LineReader lines(source.get(), 10);
  std::string_view line;
  bool too_long = false;
  std::vector<std::string> all;
  while (lines.Next(&line, &too_long).value()) all.push_back(too_long ? "too long" : std::string(line));
  EXPECT_EQ(all, (std::vector<std::string>{"a", "too long", "b", "too long"}));
}

TEST(DecimalTest, IsExact) {
  EXPECT_EQ(ParseDecimal("26.85120450862128", 2, Rounding::kHalfEven).value(), 2685);
  EXPECT_EQ(ParseDecimal("0.125", 2, Rounding::kHalfEven).value(), 12);
  EXPECT_EQ(ParseDecimal("0.135", 2, Rounding::kHalfEven).value(), 14);
  EXPECT_EQ(ParseDecimal("0.1250000000000000000000000000000000001", 2, Rounding::kHalfEven).value(), 13);
  EXPECT_EQ(ParseDecimal("-0.125", 2, Rounding::kHalfEven).value(), -12);
  EXPECT_EQ(ParseDecimal("-1.001", 2, Rounding::kDown).value(), -101);
  EXPECT_EQ(ParseDecimal("-1.001", 2, Rounding::kUp).value(), -100);
  EXPECT_EQ(ParseDecimal("1.001", 2, Rounding::kUp).value(), 101);
  EXPECT_EQ(ParseDecimal("1.0E7", 0, Rounding::kNone).value(), 10'000'000);
  EXPECT_EQ(ParseDecimal("5E-3", 2, Rounding::kHalfEven).value(), 0);
  EXPECT_EQ(ParseDecimal("6E-3", 2, Rounding::kHalfEven).value(), 1);
  EXPECT_EQ(ParseDecimal("5E-300", 2, Rounding::kHalfEven).value(), 0);
  EXPECT_EQ(ParseDecimal("10.00", 0, Rounding::kNone).value(), 10);
  EXPECT_EQ(ParseDecimal("-9223372036854775808", 0, Rounding::kNone).value(), INT64_MIN);
}

TEST(DecimalTest, RefusesTheRest) {
  for (const char* text : {"", "-", ".", "1,000", "0x10", "1e", "1e99999", "nan", "1.2.3", " 1"}) {
    EXPECT_EQ(ParseDecimal(text, 2, Rounding::kHalfEven).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(ParseDecimal("1.005", 2, Rounding::kNone).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseDecimal("9223372036854775808", 0, Rounding::kNone).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ParseDecimal("1e300", 0, Rounding::kNone).status().code(), absl::StatusCode::kOutOfRange);
}

// A time without an offset is read by the zone that the policy was compiled with; this one no host knows.
TEST(ForeignTime, IsReadInTheZoneOfThePolicy) {
  constexpr int64_t kHour = int64_t{3'600} * 1'000'000'000;
  const int64_t noon = int64_t{20'513} * 24 * kHour + 12 * kHour;  // 2026-03-01T12:00Z
  Schema schema;
  schema.zones = {{"Made/Up", {{INT64_MIN, 3 * kHour}, {noon, 5 * kHour}}}};
  const auto hours_from_noon = [&](std::string_view text, const std::string& zone) {
    const absl::StatusOr<int64_t> time = ParseForeignTime(schema, text, zone);
    EXPECT_TRUE(time.ok()) << time.status();
    return (time.value_or(0) - noon) / kHour;
  };
  EXPECT_EQ(hours_from_noon("2026-03-01T14:00:00", "Made/Up"), -1);
  EXPECT_EQ(hours_from_noon("2026-03-01 15:30", "Made/Up"), 0) << "it does not exist: clocks go from 15:00 to 17:00";
  EXPECT_EQ(hours_from_noon("2026-03-01 18:00:00.000", "Made/Up"), 1);
  EXPECT_EQ(hours_from_noon("2026-03-01T14:00:00+01:00", "Made/Up"), 1) << "its own offset counts";
  EXPECT_FALSE(ParseForeignTime(schema, "2026-03-01T14:00:00", "Europe/Zurich").ok()) << "the host's zones do not count";
  EXPECT_FALSE(ParseForeignTime(schema, "2026-03-01T14:00:00", "").ok());
  EXPECT_FALSE(ParseForeignTime(schema, "soon", "Made/Up").ok());
}

}  // namespace
}  // namespace writ::replay
