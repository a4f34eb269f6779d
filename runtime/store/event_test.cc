#include "runtime/store/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/store/test_event.h"
#include "runtime/store/wire.h"

namespace writ::store {
namespace {

using ::testing::ElementsAre;

EncodedEvent Encode(Event event) {
  CounterRandom random;
  absl::StatusOr<EncodedEvent> encoded = EncodeEvent(&event, &random);
  EXPECT_TRUE(encoded.ok()) << encoded.status();
  return *std::move(encoded);
}

absl::StatusOr<Event> Decode(const EncodedEvent& encoded) {
  return DecodeEvent(encoded.bytes, encoded.private_bytes, PrivateCheck::kDigest);
}

absl::StatusCode EncodeCode(Event event) {
  CounterRandom random;
  return EncodeEvent(&event, &random).status().code();
}

std::string Nested(uint32_t depth) {
  std::string bytes;
  for (uint32_t i = 0; i < depth; ++i) bytes += "\x03\x01";
  return bytes + std::string(1, '\0');
}

TEST(ValueTest, RoundTrips) {
  EventGenerator generator(1);
  for (int i = 0; i < 2000; ++i) {
    const Value value = generator.AnyValue();
    std::string bytes;
    ASSERT_TRUE(EncodeValue(value, &bytes).ok());
    const absl::StatusOr<Value> back = DecodeValue(bytes);
    ASSERT_TRUE(back.ok()) << back.status();
    ASSERT_EQ(*back, value);
  }
}

TEST(ValueTest, KeepsTheEdgesOfIntegers) {
  for (int64_t n : {INT64_MIN, INT64_MIN + 1, int64_t{-1}, int64_t{0}, int64_t{1}, INT64_MAX}) {
    std::string bytes;
    ASSERT_TRUE(EncodeValue(Value(n), &bytes).ok());
    EXPECT_EQ(*DecodeValue(bytes), Value(n));
  }
}

TEST(ValueTest, IsOrderedTotally) {
  std::vector<Value> values = {Value(Value::List{Value(2)}), Value("b"), Value(7), Value(Value::List{}), Value(),
                               Value(-7), Value("a"), Value(Value::List{Value(1), Value(9)})};
  std::sort(values.begin(), values.end());
  EXPECT_THAT(values, ElementsAre(Value(), Value(-7), Value(7), Value("a"), Value("b"), Value(Value::List{}),
                                  Value(Value::List{Value(1), Value(9)}), Value(Value::List{Value(2)})));
}

TEST(ValueTest, EndsAtItsDepth) {
  EXPECT_TRUE(DecodeValue(Nested(kValueDepthMax)).ok());
  EXPECT_EQ(DecodeValue(Nested(kValueDepthMax + 1)).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeValue(Nested(1'000'000)).status().code(), absl::StatusCode::kDataLoss);
  Value value;
  for (uint32_t i = 0; i < kValueDepthMax; ++i) value = Value(Value::List{value});
  std::string bytes;
  EXPECT_TRUE(EncodeValue(value, &bytes).ok());
  EXPECT_EQ(EncodeValue(Value(Value::List{value}), &bytes).code(), absl::StatusCode::kResourceExhausted);
}

TEST(ValueTest, HasOneEncoding) {
  EXPECT_FALSE(DecodeValue(std::string("\x01\x80\x00", 3)).ok());               // an overlong 0
  EXPECT_FALSE(DecodeValue("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02").ok());  // more than 64 bits
  EXPECT_TRUE(DecodeValue("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").ok());
  EXPECT_FALSE(DecodeValue(std::string("\x00\x00", 2)).ok());                   // something follows
  EXPECT_FALSE(DecodeValue("\x04").ok());
  EXPECT_FALSE(DecodeValue("").ok());
  EXPECT_FALSE(DecodeValue("\x03\xff\xff\x03").ok());                           // a forged count
  EXPECT_FALSE(DecodeValue("\x02\xff\xff\xff\xff\x0f").ok());                   // a forged length
}

TEST(HashTest, IsSha256) {
  EXPECT_EQ(Hex(Sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Sha256({"a", "", "bc"})), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(RandomTest, SystemDiffersAndCounterRepeats) {
  std::array<uint8_t, 16> a{}, b{};
  SystemRandom system;
  system.Fill(a.data(), a.size());
  system.Fill(b.data(), b.size());
  EXPECT_NE(a, b);
  CounterRandom one, two;
  one.Fill(a.data(), a.size());
  two.Fill(b.data(), b.size());
  EXPECT_EQ(a, b);
  one.Fill(a.data(), a.size());
  EXPECT_NE(a, b);
}

TEST(EventTest, KeepsEveryField) {
  const Event event = FullEvent();
  const absl::StatusOr<Event> back = Decode(Encode(event));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, event);
}

// The format is final: if this fails, logs that exist can no longer be verified.
TEST(EventTest, FormatIsFinal) {
  const EncodedEvent encoded = Encode(FullEvent());
  EXPECT_EQ(Hex(Sha256({encoded.bytes})), "f1bfc0c5365ffce215467c5a9e8757baf80a5c3ef90feaed41ca95d7ebded65f");
  EXPECT_EQ(Hex(Sha256({encoded.private_bytes})), "17fa7df170f72f3bd830a7c84ef12af3e90343793ed0186b81e961a5515d94ee");
  Event small;
  small.position = small.stream_version = 1;
  EXPECT_EQ(Encode(small).bytes, std::string("\x01\x02\x00\x00\x00\x02\x00", 7));
}

TEST(EventTest, RoundTripsAtRandom) {
  EventGenerator generator(2);
  for (int i = 0; i < 3000; ++i) {
    CounterRandom random;
    Event event = generator.AnyEvent();
    const absl::StatusOr<EncodedEvent> encoded = EncodeEvent(&event, &random);
    ASSERT_TRUE(encoded.ok()) << encoded.status();
    const absl::StatusOr<Event> back = Decode(*encoded);
    ASSERT_TRUE(back.ok()) << back.status();
    ASSERT_EQ(*back, event);
    ASSERT_EQ(CheckReader(encoded->bytes, encoded->private_bytes), "");
  }
}

TEST(EventTest, OrderOfListsDoesNotMatter) {
  Event event = FullEvent();
  std::reverse(event.read_set.begin(), event.read_set.end());
  std::reverse(event.sets.begin(), event.sets.end());
  std::reverse(event.based_on.begin(), event.based_on.end());
  std::reverse(event.decision.reasons.begin(), event.decision.reasons.end());
  std::reverse(event.erased.begin(), event.erased.end());
  event.decision.reasons.push_back(event.decision.reasons[0]);
  EXPECT_EQ(Encode(event).bytes.size(), Encode(FullEvent()).bytes.size());
  event.sets.clear();
  Event straight = FullEvent();
  straight.sets.clear();
  EXPECT_EQ(Encode(event).bytes, Encode(straight).bytes);
}

TEST(EventTest, RulesMoveWithTheirDigests) {
  Event event = FullEvent();
  event.decision.questions[0].rules = {"b", "a", "b"};
  event.decision.questions[0].rule_digests = {"of b", "of a", "of b"};
  const absl::StatusOr<Event> back = Decode(Encode(event));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_THAT(back->decision.questions[0].rules, ElementsAre("a", "b"));
  EXPECT_THAT(back->decision.questions[0].rule_digests, ElementsAre("of a", "of b"));
}

TEST(EventTest, RefusesWhatContradictsItself) {
  Event event = FullEvent();
  event.sets.push_back({"amount", Value(1), false, false});
  EXPECT_EQ(EncodeCode(event), absl::StatusCode::kInvalidArgument);
  event = FullEvent();
  event.read_set.push_back({"writ.Agent/desk-1", 2});
  EXPECT_EQ(EncodeCode(event), absl::StatusCode::kInvalidArgument);
  event = FullEvent();
  event.erased.push_back({2, {1}});
  EXPECT_EQ(EncodeCode(event), absl::StatusCode::kInvalidArgument);
}

TEST(EventTest, RefusesWhatIsTooLarge) {
  Event event = FullEvent();
  event.frame.assign(kEventBytesMax, 'x');
  EXPECT_EQ(EncodeCode(event), absl::StatusCode::kResourceExhausted);
  event = FullEvent();
  event.based_on.resize(kListCountMax + 1);
  for (size_t i = 0; i < event.based_on.size(); ++i) event.based_on[i] = static_cast<int64_t>(i);
  EXPECT_EQ(EncodeCode(event), absl::StatusCode::kResourceExhausted);
  Value deep;
  for (uint32_t i = 0; i <= kValueDepthMax; ++i) deep = Value(Value::List{deep});
  for (bool erasable : {false, true}) {
    event = FullEvent();
    event.payload = {{"deep", deep, erasable, false}};
    EXPECT_EQ(EncodeCode(event), absl::StatusCode::kResourceExhausted) << erasable;
  }
  EXPECT_FALSE(DecodeEvent(std::string(kEventBytesMax + 1, '\1'), "", PrivateCheck::kTrust).ok());
}

TEST(EventTest, LaterFormatsAreToldApartFromDamage) {
  std::string bytes = Encode(FullEvent()).bytes;
  bytes[0] = 2;
  EXPECT_EQ(DecodeEvent(bytes, "", PrivateCheck::kTrust).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DecodeHeader(bytes).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(EventTest, RefusesOtherSpellings) {
  const std::string start("\x01\x02\x00\x00\x00\x02", 6);
  const auto refused = [&start](std::string_view fields) {
    return !DecodeEvent(start + std::string(fields), "", PrivateCheck::kTrust).ok();
  };
  using std::string_view_literals::operator""sv;
  EXPECT_FALSE(refused("\x00"sv));                        // all defaults
  EXPECT_FALSE(refused("\x02\x01x\x0e\x02\x00"sv));       // transition x, cause 1
  EXPECT_TRUE(refused("\x0e\x02\x02\x01x\x00"sv));        // out of order
  EXPECT_TRUE(refused("\x02\x01x\x02\x01x\x00"sv));       // twice
  EXPECT_TRUE(refused("\x02\x00\x00"sv));                 // a default
  EXPECT_TRUE(refused("\x3f\x01x\x00"sv));             // an unknown tag
  const std::string kind = {1, static_cast<char>(kEventKindLast), 0};
  EXPECT_FALSE(refused(kind));
  EXPECT_TRUE(refused(std::string{1, static_cast<char>(kEventKindLast) + 1, 0}));  // an unknown kind
  EXPECT_TRUE(refused("\x00\x00"sv));                     // something follows
  EXPECT_TRUE(refused(""sv));                             // no end
  EXPECT_TRUE(refused("\x14\x02\x02\x01" "b\x01" "a\x00\x00"sv));  // reasons not in order
  EXPECT_FALSE(refused("\x14\x02\x02\x01" "a\x01" "b\x00\x00"sv));
  EXPECT_TRUE(refused("\x14\x02\x02\x01" "a\x01" "a\x00\x00"sv));  // a reason twice
  EXPECT_FALSE(refused("\x14\x09\x02\x01\x01" "a\x00\x01\x01" "b\x00\x00\x00"sv));
  EXPECT_TRUE(refused("\x14\x09\x02\x01\x01" "b\x00\x01\x01" "a\x00\x00\x00"sv));  // tasks not in order
  for (const std::string list : {"\x0b", "\x0d", "\x11"}) {  // what a task comes after, is granted, needs
    const std::string head = "\x14\x09\x01" + list + "\x02\x01", end(3, '\0');
    EXPECT_FALSE(refused(head + "a\x01" "b" + end));
    EXPECT_TRUE(refused(head + "b\x01" "a" + end));
  }
}

TEST(EventTest, HeaderComesAlone) {
  const std::string bytes = Encode(FullEvent()).bytes;
  const absl::StatusOr<EventHeader> header = DecodeHeader(bytes);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->position, 9);
  EXPECT_EQ(header->time_ns, FullEvent().time_ns);
  EXPECT_EQ(StreamName(header->workflow, header->instance), "acme.deals.Deal/d-1");
  EXPECT_EQ(header->stream_version, 4);
}

TEST(ErasableTest, LiesBesideTheChain) {
  const EncodedEvent encoded = Encode(FullEvent());
  for (const char* secret : {"Initech", "Ms Adams"}) {
    EXPECT_EQ(encoded.bytes.find(secret), std::string::npos);
    EXPECT_NE(encoded.private_bytes.find(secret), std::string::npos);
  }
  EXPECT_EQ(encoded.bytes.find(FullEvent().request_digest), std::string::npos);
  EXPECT_EQ(ErasableCount(FullEvent()), 5);
}

TEST(ErasableTest, NothingErasableLeavesNothingPrivate) {
  Event event = FullEvent();
  for (auto* values : {&event.sets, &event.payload}) {
    for (NamedValue& value : *values) value.erasable = false;
  }
  event.frame_private.clear();
  const EncodedEvent encoded = Encode(event);
  EXPECT_EQ(encoded.private_bytes, "");
  EXPECT_NE(encoded.bytes.find(event.request_digest), std::string::npos);
  EXPECT_EQ(ErasableCount(event), 0);
}

TEST(ErasableTest, SaltsHideEqualValues) {
  Event event = FullEvent();
  CounterRandom random;
  const std::string first = EncodeEvent(&event, &random)->bytes;
  EXPECT_NE(EncodeEvent(&event, &random)->bytes, first);
}

TEST(ErasableTest, ErasesByIndex) {
  const EncodedEvent encoded = Encode(FullEvent());
  const absl::StatusOr<std::string> left = EraseValues(encoded.private_bytes, {0, 2});
  ASSERT_TRUE(left.ok()) << left.status();
  EXPECT_THAT(*ErasedValues(*left), ElementsAre(true, false, true, false, false));
  const absl::StatusOr<Event> event = DecodeEvent(encoded.bytes, *left, PrivateCheck::kDigest);
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_TRUE(event->sets[1].erased);
  EXPECT_TRUE(event->sets[1].value.absent());
  EXPECT_FALSE(event->payload[2].erased);
  EXPECT_TRUE(event->frame_private[0].erased);
  EXPECT_EQ(event->request_digest, FullEvent().request_digest);
  EXPECT_EQ(ErasableCount(*event), 5);
  EXPECT_EQ(EncodeCode(*event), absl::StatusCode::kFailedPrecondition);
}

TEST(ErasableTest, ErasesAll) {
  const EncodedEvent encoded = Encode(FullEvent());
  const absl::StatusOr<std::string> left = EraseValues(encoded.private_bytes, {});
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(*left, std::string(5, '\0'));
  const absl::StatusOr<Event> event = DecodeEvent(encoded.bytes, *left, PrivateCheck::kDigest);
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_TRUE(event->request_digest_erased);
  EXPECT_EQ(event->request_digest, "");
  EXPECT_EQ(*EraseValues(*left, {1}), *left);
}

TEST(ErasableTest, RefusesAnIndexThatIsNotThere) {
  const EncodedEvent encoded = Encode(FullEvent());
  EXPECT_EQ(EraseValues(encoded.private_bytes, {5}).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(EraseValues("", {0}).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(EraseValues("\x01", {0}).status().code(), absl::StatusCode::kDataLoss);
}

TEST(ErasableTest, EveryPrivateByteCounts) {
  const EncodedEvent encoded = Encode(FullEvent());
  for (size_t i = 0; i < encoded.private_bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = encoded.private_bytes;
      bytes[i] ^= static_cast<char>(1 << bit);
      const absl::StatusOr<Event> event = DecodeEvent(encoded.bytes, bytes, PrivateCheck::kDigest);
      ASSERT_FALSE(event.ok()) << "byte " << i << " bit " << bit;
    }
  }
  EXPECT_FALSE(DecodeEvent(encoded.bytes, "", PrivateCheck::kDigest).ok());
  EXPECT_FALSE(DecodeEvent(encoded.bytes, encoded.private_bytes + std::string(1, '\0'), PrivateCheck::kDigest).ok());
}

TEST(ReaderTest, TakesOnlyWhatWouldBeWrittenAfterOneFlip) {
  const EncodedEvent encoded = Encode(FullEvent());
  int taken = 0;
  for (size_t i = 0; i < encoded.bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = encoded.bytes;
      bytes[i] ^= static_cast<char>(1 << bit);
      ASSERT_EQ(CheckReader(bytes, encoded.private_bytes), "") << "byte " << i << " bit " << bit;
      taken += DecodeEvent(bytes, encoded.private_bytes, PrivateCheck::kDigest).ok();
    }
  }
  EXPECT_GT(taken, 100);  // flips within texts and numbers are other events
}

// The fuzzer starts from real events: a change of the format that leaves them behind would blunt it.
TEST(ReaderTest, SeedsOfTheFuzzerAreEvents) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/fuzz/seeds/event_reader")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    ASSERT_GE(input.size(), 2u);
    const size_t size_bytes = input.size() - 2;
    const size_t split = size_bytes - static_cast<uint8_t>(input[size_bytes]) -
                         256 * static_cast<size_t>(static_cast<uint8_t>(input[size_bytes + 1]));
    ASSERT_LE(split, size_bytes);
    const std::string private_bytes = input.substr(split, size_bytes - split);
    const absl::StatusOr<Event> event = DecodeEvent(input.substr(0, split), private_bytes, PrivateCheck::kDigest);
    EXPECT_TRUE(event.ok()) << entry.path() << ": " << event.status();
    ++count;
  }
  EXPECT_GE(count, 5);
}

TEST(ReaderTest, EveryPrefixIsRefused) {
  const EncodedEvent encoded = Encode(FullEvent());
  for (size_t i = 0; i < encoded.bytes.size(); ++i) {
    ASSERT_FALSE(DecodeEvent(encoded.bytes.substr(0, i), encoded.private_bytes, PrivateCheck::kTrust).ok()) << i;
  }
}

TEST(ReaderTest, StandsAnyBytes) {
  EventGenerator generator(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(generator.Below(200), '\0');
    for (char& c : bytes) c = static_cast<char>(generator.Below(i % 2 == 0 ? 256 : 30));
    if (i % 4 == 1) bytes.insert(0, std::string("\x01\x02\x00\x00\x00\x02", 6));
    ASSERT_EQ(CheckReader(bytes, bytes.substr(bytes.size() / 2)), "");
  }
}

TEST(ReaderTest, StandsMutatedEvents) {
  EventGenerator generator(4);
  for (int i = 0; i < 4000; ++i) {
    CounterRandom random;
    Event event = i % 4 == 0 ? FullEvent() : generator.AnyEvent();
    EncodedEvent encoded = *EncodeEvent(&event, &random);
    for (uint64_t n = 1 + generator.Below(4); n > 0; --n) {
      std::string& bytes = generator.Below(4) == 0 ? encoded.private_bytes : encoded.bytes;
      if (bytes.empty()) continue;
      const size_t at = generator.Below(bytes.size());
      switch (generator.Below(4)) {
        case 0: bytes[at] = static_cast<char>(generator.Below(256)); break;
        case 1: bytes.erase(at, 1 + generator.Below(9)); break;
        case 2: bytes.insert(at, bytes.substr(generator.Below(bytes.size()), generator.Below(40))); break;
        default: bytes[at] = '\xff'; break;
      }
    }
    ASSERT_EQ(CheckReader(encoded.bytes, encoded.private_bytes), "") << i;
  }
}

}  // namespace
}  // namespace writ::store
