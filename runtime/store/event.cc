#include "runtime/store/event.h"

#include <algorithm>
#include <concepts>
#include <cstring>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/store/wire.h"

namespace writ::store {
namespace {

constexpr size_t kSaltBytes = 16;
enum PrivateKind : uint8_t { kTombstone = 0, kPresent = 1 };

// ---------------------------------------------------------------- the format, once for writing and for reading

// T, or const T.
template <class E, class T>
concept Is = std::same_as<std::remove_const_t<E>, T>;

// Tags only ever grow. 0 ends a structure.
template <class A, Is<Event> E>
void Describe(A& a, E& e) {
  a.Field(1, e.kind);
  a.Field(2, e.transition);
  a.Field(3, e.read_set);
  a.Field(4, e.actor);
  a.Field(5, e.actor_registration);
  a.Field(6, e.role);
  a.Field(7, e.on_behalf);
  a.Field(8, e.sets);
  a.Field(9, e.payload);
  a.Field(10, e.seen, int64_t{-1});
  a.Field(11, e.based_on);
  a.Field(12, e.claimed_time);
  a.Field(13, e.idempotency_key);
  a.Field(14, e.cause);
  a.Field(15, e.question);
  a.Field(16, e.question_role);
  a.Field(17, e.recorded);
  a.Field(18, e.erased);
  a.Field(19, e.policy_digest);
  a.Field(20, e.decision);
  a.Field(21, e.function);
  a.Field(22, e.frame);
  a.Field(23, e.frame_private);
  a.RequestDigest(24, 25, e.request_digest, e.request_digest_erased);
  a.Field(26, e.review);
  a.Field(27, e.clause);
  a.Field(28, e.grant);
}

template <class A, Is<Decision> E>
void Describe(A& a, E& e) {
  a.Field(1, e.outcome);
  a.Field(2, e.reasons);
  a.Field(3, e.excused);
  a.Field(4, e.questions);
  a.Field(5, e.awaits);
  a.Field(6, e.obligations);
  a.Field(7, e.indeterminate);
  a.Field(8, e.state);
  a.Field(9, e.tasks);
}

template <class A, Is<OpenedTask> E>
void Describe(A& a, E& e) {
  a.Field(1, e.id);
  a.Field(2, e.name);
  a.Field(3, e.element);
  a.Field(4, e.role);
  a.Field(5, e.workflow);
  a.Field(6, e.does);
  a.Field(7, e.until_ns);
  a.Field(8, e.otherwise);
  a.Field(9, e.rule);
  a.Field(10, e.ladder, UINT32_MAX);
  a.Field(11, e.after);
  a.Field(12, e.parent);
  a.Field(13, e.granting);
  a.Field(14, e.cost);
  a.Field(15, e.tokens);
  a.Field(16, e.on);
  a.Field(17, e.needs);
  a.Field(18, e.assignee);
}

template <class A, Is<AskedQuestion> E>
void Describe(A& a, E& e) {
  a.Field(1, e.question);
  a.Field(2, e.to);
  a.Field(3, e.until_ns);
  a.Field(4, e.otherwise);
  a.Field(5, e.rules);
  a.Field(6, e.rule_digests);
  a.Field(7, e.ladder, UINT32_MAX);
  a.Field(8, e.joined);
}

template <class A, Is<Awaited> E>
void Describe(A& a, E& e) {
  a.Field(1, e.transition);
  a.Field(2, e.by);
  a.Field(3, e.until_ns);
  a.Field(4, e.otherwise);
  a.Field(5, e.rule);
  a.Field(6, e.ladder, UINT32_MAX);
}

template <class A, Is<Obligation> E>
void Describe(A& a, E& e) {
  a.Field(1, e.type);
  a.Field(2, e.rule);
  a.Field(3, e.fields);
}

template <class A, Is<Indeterminate> E>
void Describe(A& a, E& e) {
  a.Field(1, e.rule);
  a.Field(2, e.file);
  a.Field(3, e.line);
  a.Field(4, e.column);
}

template <class A, Is<Excused> E>
void Describe(A& a, E& e) {
  a.Field(1, e.rule);
  a.Field(2, e.by);
}

template <class A, Is<ReadVersion> E>
void Describe(A& a, E& e) {
  a.Field(1, e.stream);
  a.Field(2, e.version);
}

template <class A, Is<Erased> E>
void Describe(A& a, E& e) {
  a.Field(1, e.position);
  a.Field(2, e.indices);
}

// ---------------------------------------------------------------- writing

class Encoder {
 public:
  Encoder(EncodedEvent* out, RandomSource* random)
      : wire_(&out->bytes), private_wire_(&out->private_bytes), random_(random) {}

  WireWriter& wire() { return wire_; }
  bool erased() const { return erased_; }

  template <class T>
  void Field(uint32_t tag, const T& value, const T& absent = T()) {
    if (value == absent) return;
    wire_.Unsigned(tag);
    Put(value);
  }

  void RequestDigest(uint32_t tag, uint32_t private_tag, const std::string& digest, bool erased) {
    if (erased) erased_ = true;
    if (digest.empty()) return;
    wire_.Unsigned(private_any_ ? private_tag : tag);
    private_any_ ? PutPrivate(digest) : Put(digest);
  }

  void End() { wire_.Byte(0); }

 private:
  void Put(const std::string& text) { wire_.Text(text); }
  void Put(int64_t n) { wire_.Signed(n); }
  void Put(uint32_t n) { wire_.Unsigned(n); }
  void Put(bool) {}  // what is written is true
  void Put(EventKind kind) { wire_.Byte(static_cast<uint8_t>(kind)); }
  void Put(Recorded recorded) { wire_.Byte(static_cast<uint8_t>(recorded)); }
  void Put(Outcome outcome) { wire_.Byte(static_cast<uint8_t>(outcome)); }

  void Put(const NamedValue& named) {
    if (named.erased) erased_ = true;
    wire_.Text(named.name);
    wire_.Byte(named.erasable);
    if (!named.erasable) return wire_.Put(named.value);
    std::string value;
    WireWriter value_wire(&value);
    value_wire.Put(named.value);
    if (value_wire.error() != nullptr) wire_.Fail(value_wire.error());
    PutPrivate(value);
  }

  void Put(const ErasableBytes& bytes) {
    if (bytes.erased) erased_ = true;
    PutPrivate(bytes.bytes);
  }

  template <class T>
  void Put(const std::vector<T>& list) {
    if (list.size() > kListCountMax) return wire_.Fail("a list has more than 65536 elements");
    wire_.Unsigned(list.size());
    for (const T& element : list) Put(element);
  }

  template <class T>
  void Put(const T& structure) requires requires(Encoder& e) { Describe(e, structure); } {
    Describe(*this, structure);
    End();
  }

  void PutPrivate(std::string_view value) {
    private_any_ = true;
    uint8_t salt_bytes[kSaltBytes];
    random_->Fill(salt_bytes, kSaltBytes);
    const std::string_view salt(reinterpret_cast<const char*>(salt_bytes), kSaltBytes);
    private_wire_.Byte(kPresent);
    private_wire_.Raw(salt);
    private_wire_.Text(value);
    wire_.Raw(AsBytes(Sha256({salt, value})));
  }

  WireWriter wire_, private_wire_;
  RandomSource* random_;
  bool private_any_ = false;
  bool erased_ = false;
};

// ---------------------------------------------------------------- reading

struct PrivateEntry {
  bool erased = false;
  std::string_view salt, value;
};

PrivateEntry ReadPrivateEntry(WireReader& wire) {
  PrivateEntry entry;
  const uint8_t kind = wire.Byte();
  if (kind > kPresent) wire.Fail("an erasable value has an unknown kind");
  entry.erased = kind == kTombstone;
  if (entry.erased) return entry;
  entry.salt = wire.Raw(kSaltBytes);
  entry.value = wire.Text();
  return entry;
}

class Decoder {
 public:
  Decoder(std::string_view bytes, std::string_view private_bytes, PrivateCheck check)
      : wire_(bytes), private_wire_(private_bytes), check_(check) {}

  WireReader& wire() { return wire_; }

  template <class T>
  void Field(uint32_t tag, T& value, const T& absent = T()) {
    if (!Take(tag)) {
      value = absent;
      return;
    }
    Get(value);
    if (value == absent) wire_.Fail("a field holds its default");
  }

  void RequestDigest(uint32_t tag, uint32_t private_tag, std::string& digest, bool& erased) {
    if (Take(private_any_ ? private_tag : tag)) {
      private_any_ ? GetPrivate(&digest, &erased) : Get(digest);
      if (digest.empty() && !erased) wire_.Fail("a field holds its default");
    }
  }

  void End() {
    if (!Take(0)) wire_.Fail("a field is unknown, twice or out of order");
    tag_ = kNoTag;
  }

  void Finish() {
    if (!wire_.failed() && wire_.left() > 0) wire_.Fail("bytes follow the event");
    if (private_wire_.failed()) wire_.Fail(private_wire_.error());
    if (!wire_.failed() && private_wire_.left() > 0) wire_.Fail("there are more erasable values than digests");
  }

 private:
  static constexpr uint64_t kNoTag = UINT64_MAX;

  // Structures nest inside a field, after its tag was taken: one tag read ahead is enough.
  bool Take(uint32_t tag) {
    if (tag_ == kNoTag) tag_ = wire_.Unsigned();
    if (wire_.failed() || tag_ != tag) return false;
    tag_ = kNoTag;
    return true;
  }

  void Get(std::string& text) { text = std::string(wire_.Text()); }
  void Get(int64_t& n) { n = wire_.Signed(); }
  void Get(uint32_t& n) {
    const uint64_t wide = wire_.Unsigned();
    if (wide > UINT32_MAX) wire_.Fail("a number is too large");
    n = static_cast<uint32_t>(wide);
  }
  void Get(bool& b) { b = true; }
  void Get(EventKind& kind) { GetEnum(kind, kEventKindLast); }
  void Get(Recorded& recorded) { GetEnum(recorded, kRecordedLast); }
  void Get(Outcome& outcome) { GetEnum(outcome, Outcome::kDeny); }
  template <class T>
  void GetEnum(T& value, T last) {
    const uint8_t byte = wire_.Byte();
    if (byte > static_cast<uint8_t>(last)) return wire_.Fail("a choice is unknown");
    value = static_cast<T>(byte);
  }

  void Get(NamedValue& named) {
    named.name = std::string(wire_.Text());
    const uint8_t erasable = wire_.Byte();
    if (erasable > 1) return wire_.Fail("a choice is unknown");
    named.erasable = erasable == 1;
    if (!named.erasable) return wire_.Get(&named.value);
    std::string_view bytes;
    GetPrivate(&bytes, &named.erased);
    if (named.erased || wire_.failed()) return;
    WireReader value(bytes);
    value.Get(&named.value);
    if (!value.failed() && value.left() > 0) value.Fail("bytes follow the value");
    if (value.failed()) wire_.Fail(value.error());
  }

  void Get(ErasableBytes& bytes) { GetPrivate(&bytes.bytes, &bytes.erased); }

  template <class T>
  void Get(std::vector<T>& list) {
    for (uint32_t count = wire_.Count(); count > 0 && !wire_.failed(); --count) Get(list.emplace_back());
  }

  template <class T>
  void Get(T& structure) requires requires(Decoder& d) { Describe(d, structure); } {
    Describe(*this, structure);
    End();
  }

  template <class Text>
  void GetPrivate(Text* value, bool* erased) {
    private_any_ = true;
    const std::string_view digest = wire_.Raw(sizeof(Hash));
    if (wire_.failed()) return;
    if (private_wire_.left() == 0) return wire_.Fail("an erasable value is missing");
    const PrivateEntry entry = ReadPrivateEntry(private_wire_);
    if (private_wire_.failed()) return wire_.Fail(private_wire_.error());
    *erased = entry.erased;
    if (entry.erased) return;
    if (check_ == PrivateCheck::kDigest && AsBytes(Sha256({entry.salt, entry.value})) != digest) {
      return wire_.Fail("an erasable value does not match its digest");
    }
    *value = Text(entry.value);
  }

  WireReader wire_, private_wire_;
  PrivateCheck check_;
  uint64_t tag_ = kNoTag;
  bool private_any_ = false;
};

// ---------------------------------------------------------------- header

void WriteHeader(const Event& event, WireWriter& wire) {
  wire.Unsigned(event.format_version);
  wire.Signed(event.position);
  wire.Signed(event.time_ns);
  wire.Text(event.workflow);
  wire.Text(event.instance);
  wire.Signed(event.stream_version);
}

// Later versions may differ in everything but their first number.
bool ReadHeader(WireReader& wire, uint64_t* format_version, EventHeader* header) {
  *format_version = wire.Unsigned();
  if (wire.failed() || *format_version != kFormatVersion) return false;
  header->position = wire.Signed();
  header->time_ns = wire.Signed();
  header->workflow = wire.Text();
  header->instance = wire.Text();
  header->stream_version = wire.Signed();
  if (header->position < 1 || header->stream_version < 1) wire.Fail("a position is below 1");
  return !wire.failed();
}

absl::Status NotAnEvent(const WireReader& wire, uint64_t format_version) {
  if (!wire.failed()) {
    return absl::FailedPreconditionError(
        absl::StrCat("event format ", format_version, " is not known here; this program reads format ", kFormatVersion));
  }
  return absl::DataLossError(absl::StrCat("not an event: ", wire.error()));
}

// ---------------------------------------------------------------- order

template <class T>
void SortUnique(std::vector<T>& list) {
  if (!std::is_sorted(list.begin(), list.end())) std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

void SortByName(std::vector<NamedValue>& values) {
  const auto before = [](const NamedValue& a, const NamedValue& b) { return a.name < b.name; };
  if (!std::is_sorted(values.begin(), values.end(), before)) std::sort(values.begin(), values.end(), before);
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// Rules and their digests stand in pairs, and move in pairs.
void SortRules(AskedQuestion& asked) {
  if (asked.rule_digests.size() != asked.rules.size()) return SortUnique(asked.rules);
  std::vector<std::pair<std::string, std::string>> pairs;
  for (size_t i = 0; i < asked.rules.size(); ++i) pairs.emplace_back(asked.rules[i], asked.rule_digests[i]);
  SortUnique(pairs);
  asked.rules.clear();
  asked.rule_digests.clear();
  for (auto& [rule, digest] : pairs) {
    asked.rules.push_back(std::move(rule));
    asked.rule_digests.push_back(std::move(digest));
  }
}

void Canonicalize(Event& event) {
  SortUnique(event.read_set);
  SortByName(event.sets);
  SortByName(event.payload);
  SortUnique(event.based_on);
  for (Erased& erased : event.erased) SortUnique(erased.indices);
  SortUnique(event.erased);
  Decision& decision = event.decision;
  SortUnique(decision.reasons);
  SortUnique(decision.excused);
  for (AskedQuestion& asked : decision.questions) SortRules(asked);
  SortUnique(decision.questions);
  SortUnique(decision.awaits);
  SortUnique(decision.obligations);
  SortUnique(decision.indeterminate);
  for (OpenedTask& task : decision.tasks) {
    SortUnique(task.after);
    SortUnique(task.granting);
    SortUnique(task.needs);
  }
  SortUnique(decision.tasks);
}

// Strictly ascending, by the given key.
template <class T, class Key>
bool Ascends(const std::vector<T>& list, Key key) {
  for (size_t i = 1; i < list.size(); ++i) {
    if (!(key(list[i - 1]) < key(list[i]))) return false;
  }
  return true;
}
template <class T>
bool Ascends(const std::vector<T>& list) {
  return Ascends(list, [](const T& element) -> const T& { return element; });
}

const char* ConflictIn(const Event& event) {
  const auto name = [](const NamedValue& value) -> const std::string& { return value.name; };
  const auto stream = [](const ReadVersion& read) -> const std::string& { return read.stream; };
  const auto position = [](const Erased& erased) { return erased.position; };
  if (!Ascends(event.sets, name) || !Ascends(event.payload, name)) return "a name has two values";
  if (!Ascends(event.read_set, stream)) return "a stream was read at two versions";
  if (!Ascends(event.erased, position)) return "a position is erased twice";
  return nullptr;
}

bool IsCanonical(const Event& event) {
  const Decision& decision = event.decision;
  if (ConflictIn(event) != nullptr || !Ascends(event.based_on)) return false;
  for (const Erased& erased : event.erased) {
    if (!Ascends(erased.indices)) return false;
  }
  for (const AskedQuestion& asked : decision.questions) {
    AskedQuestion sorted = asked;
    SortRules(sorted);
    if (sorted != asked) return false;
  }
  for (const OpenedTask& task : decision.tasks) {
    if (!Ascends(task.after) || !Ascends(task.granting) || !Ascends(task.needs)) return false;
  }
  return Ascends(decision.reasons) && Ascends(decision.excused) && Ascends(decision.questions) && Ascends(decision.awaits) &&
         Ascends(decision.obligations) && Ascends(decision.indeterminate) && Ascends(decision.tasks);
}

}  // namespace

// ---------------------------------------------------------------- public

std::string_view EventKindName(EventKind kind) {
  static constexpr std::string_view kNames[] = {"register", "propose",  "answer", "conclude",
                                                "fallback", "redecide", "erase",  "policy",   "timer",
                                                "ask",      "plan",     "spend"};
  return kNames[static_cast<size_t>(kind)];
}

namespace {
constexpr std::string_view kFactPrefix = "fact ";  // a qualified name holds no space
}  // namespace

std::string FactStreamName(std::string_view fact, std::string_view key) {
  return std::string(kFactPrefix) + StreamName(fact, key);
}
bool IsFactStream(std::string_view stream) { return stream.starts_with(kFactPrefix); }

std::string StreamName(std::string_view workflow, std::string_view instance) {
  std::string name;
  name.reserve(workflow.size() + 1 + instance.size());
  name.append(workflow).append(1, '/').append(instance);
  return name;
}

uint32_t ErasableCount(const Event& event) {
  uint32_t count = static_cast<uint32_t>(event.frame_private.size());
  for (const NamedValue& value : event.sets) count += value.erasable;
  for (const NamedValue& value : event.payload) count += value.erasable;
  const bool digest = !event.request_digest.empty() || event.request_digest_erased;
  return count == 0 ? 0 : count + digest;
}

void PutInOrder(Event* event) { Canonicalize(*event); }

absl::StatusOr<EncodedEvent> EncodeEvent(Event* event, RandomSource* random) {
  Canonicalize(*event);
  if (const char* conflict = ConflictIn(*event)) return absl::InvalidArgumentError(conflict);
  EncodedEvent out;
  out.bytes.reserve(512 + event->frame.size());
  Encoder encoder(&out, random);
  WriteHeader(*event, encoder.wire());
  Describe(encoder, std::as_const(*event));
  encoder.End();
  if (encoder.wire().error() != nullptr) return absl::ResourceExhaustedError(encoder.wire().error());
  if (encoder.erased()) return absl::FailedPreconditionError("an event with erased values cannot be encoded again");
  if (out.bytes.size() > kEventBytesMax || out.private_bytes.size() > kEventBytesMax) {
    return absl::ResourceExhaustedError("an event is larger than 8 MiB");
  }
  return out;
}

absl::StatusOr<Event> DecodeEvent(std::string_view bytes, std::string_view private_bytes, PrivateCheck check) {
  if (bytes.size() > kEventBytesMax || private_bytes.size() > kEventBytesMax) {
    return absl::DataLossError("not an event: it is larger than 8 MiB");
  }
  Decoder decoder(bytes, private_bytes, check);
  EventHeader header;
  uint64_t format_version = 0;
  if (!ReadHeader(decoder.wire(), &format_version, &header)) return NotAnEvent(decoder.wire(), format_version);
  Event event;
  event.position = header.position;
  event.time_ns = header.time_ns;
  event.workflow = std::string(header.workflow);
  event.instance = std::string(header.instance);
  event.stream_version = header.stream_version;
  Describe(decoder, event);
  decoder.End();
  decoder.Finish();
  if (!decoder.wire().failed() && !IsCanonical(event)) decoder.wire().Fail("a list is not in order");
  if (decoder.wire().failed()) return NotAnEvent(decoder.wire(), format_version);
  return event;
}

absl::StatusOr<EventHeader> DecodeHeader(std::string_view bytes) {
  WireReader wire(bytes);
  EventHeader header;
  uint64_t format_version = 0;
  if (!ReadHeader(wire, &format_version, &header)) return NotAnEvent(wire, format_version);
  return header;
}

absl::StatusOr<std::string> EraseValues(std::string_view private_bytes, const std::vector<uint32_t>& indices) {
  WireReader wire(private_bytes);
  std::string out;
  WireWriter writer(&out);
  uint32_t index = 0;
  size_t next = 0;
  for (; wire.left() > 0; ++index) {
    const PrivateEntry entry = ReadPrivateEntry(wire);
    const bool named = next < indices.size() && indices[next] == index;
    next += named;
    const bool erase = entry.erased || named || indices.empty();
    writer.Byte(erase ? kTombstone : kPresent);
    if (erase) continue;
    writer.Raw(entry.salt);
    writer.Text(entry.value);
  }
  if (wire.failed()) return absl::DataLossError(absl::StrCat("not erasable values: ", wire.error()));
  if (next < indices.size()) {
    return absl::OutOfRangeError(absl::StrCat("there is no erasable value ", indices[next], " among ", index));
  }
  return out;
}

absl::StatusOr<std::vector<bool>> ErasedValues(std::string_view private_bytes) {
  WireReader wire(private_bytes);
  std::vector<bool> erased;
  while (wire.left() > 0) erased.push_back(ReadPrivateEntry(wire).erased);
  if (wire.failed()) return absl::DataLossError(absl::StrCat("not erasable values: ", wire.error()));
  return erased;
}

}  // namespace writ::store
