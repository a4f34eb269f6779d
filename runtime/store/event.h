// An event: one position of the log, with all that is needed to know why it was decided so, and to decide it again.
//
// Format    final. `bytes`, which the chain covers, begin with version, position, time, stream and version in the stream;
//           then come tagged fields in ascending order, those that have their default left out. Tags are only ever added;
//           a reader refuses tags that it does not know. There is exactly one byte string for an event, and the reader
//           takes no other.
// Erasable  values lie beside the chain: `bytes` hold SHA-256(salt, value) of each, `private_bytes` the salts and values.
//           They are counted through the event: those of `sets`, of `payload`, of the frame, then the request's digest,
//           which would otherwise give a guessed value away and is erasable as soon as anything else of the event is.
// Source    docs/internals/events.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/decision/schema.h"
#include "runtime/store/hash.h"
#include "runtime/store/value.h"

namespace writ::store {

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr size_t kEventBytesMax = 8u << 20;  // of `bytes`, and of `private_bytes`

enum class EventKind : uint8_t {
  kRegister,   // an actor's line: workflow "Agent"
  kPropose,    // a proposal, `set` on an entity included
  kAnswer,     // to a question; transition: "yes" or "no"
  kConclude,   // orchestrator: a review that is complete or late
  kFallback,   // orchestrator: a ladder's rung after its time, or after a no
  kRedecide,   // orchestrator, on_behalf of the proposer: nothing is awaited any more
  kErase,      // `erased` says of which events
  kPolicy,     // policy_digest is in force from here on
  kTimer,      // orchestrator: a transition whose time has come
  kAsk,        // orchestrator: an `ask` rule's guard has become true; on_behalf is the rule, there is no transition
  kPlan,       // orchestrator: a `finally` of the instance's plan
  kSpend,      // host: what a task has spent; transition `spend` of workflow Task
};
inline constexpr EventKind kEventKindLast = EventKind::kSpend;
std::string_view EventKindName(EventKind kind);  // "register", …

// What a recorded log says became of it, where one is followed.
enum class Recorded : uint8_t { kNothing, kHappened, kRefused };
inline constexpr Recorded kRecordedLast = Recorded::kRefused;

// The version that a stream had when this event was decided: its last event's stream_version, 0 before the first.
struct ReadVersion {
  std::string stream;  // StreamName(…)
  int64_t version = 0;
  auto operator<=>(const ReadVersion&) const = default;
};

struct NamedValue {
  std::string name;
  Value value;
  bool erasable = false;
  bool erased = false;  // read back after it was erased; the value is absent then
  bool operator==(const NamedValue&) const = default;
};

struct ErasableBytes {
  std::string bytes;
  bool erased = false;
  bool operator==(const ErasableBytes&) const = default;
};

// Which erasable values of an earlier event go. No indices: all of them.
struct Erased {
  int64_t position = 0;
  std::vector<uint32_t> indices;  // ascending
  auto operator<=>(const Erased&) const = default;
};

struct Excused {
  std::string rule, by;
  auto operator<=>(const Excused&) const = default;
};

struct AskedQuestion {
  int64_t question = 0;                    // the position that asked it
  std::string to;                          // role
  int64_t until_ns = 0;
  std::string otherwise;                   // "block", "deny", "escalate approve to CEO"
  std::vector<std::string> rules;          // ascending
  std::vector<std::string> rule_digests;   // of `rules`, in their order: an answer discharges them by digest
  uint32_t ladder = UINT32_MAX;            // LadderId under policy_digest
  bool joined = false;                     // it was open already
  auto operator<=>(const AskedQuestion&) const = default;
};

struct Awaited {
  std::string transition, by;
  int64_t until_ns = 0;
  std::string otherwise, rule;
  uint32_t ladder = UINT32_MAX;
  auto operator<=>(const Awaited&) const = default;
};

struct Obligation {
  std::string type, rule;
  std::string fields;                      // JSON object with sorted names
  auto operator<=>(const Obligation&) const = default;
};

struct Indeterminate {
  std::string rule, file;
  uint32_t line = 0, column = 0;
  auto operator<=>(const Indeterminate&) const = default;
};

// A task that an event opens: an instance of workflow Task, in the same commit.
struct OpenedTask {
  std::string id;                          // its key: "9/review", "9/deploy/ledger"
  std::string name;                        // "review", "deploy"
  std::string element;                     // over data: its element, as text
  std::string role;                        // qualified: who is to do it
  std::string workflow, does;              // qualified, and the transition that does it; empty: it is reported
  int64_t until_ns = 0;                    // 0: no deadline
  std::string otherwise, rule;             // "fail", "ask CISO"; the rule or the plan's task that opened it
  uint32_t ladder = UINT32_MAX;            // LadderId under policy_digest
  std::vector<std::string> after;          // ids, of tasks that are to be done before
  std::string parent;                      // the id of the task that it is a part of, or empty
  std::vector<std::string> granting;       // transitions: a grant of the same id is given with it
  int64_t cost = 0, tokens = 0;            // reserved for it: minor units, tokens
  std::string on;                          // the stream of the instance that it belongs to; empty: the event's own
  std::vector<std::string> needs;          // capabilities that its assignee has
  std::string assignee;                    // the agent that it went to when it was opened; empty: to nobody then
  auto operator<=>(const OpenedTask&) const = default;
};

struct Decision {
  Outcome outcome = Outcome::kPermit;
  std::vector<std::string> reasons;        // qualified names
  std::vector<Excused> excused;
  std::vector<AskedQuestion> questions;
  std::vector<Awaited> awaits;
  std::vector<Obligation> obligations;
  std::vector<Indeterminate> indeterminate;
  std::vector<OpenedTask> tasks;           // by id
  std::string state;                       // afterwards
  bool operator==(const Decision&) const = default;
};

struct Event {
  uint32_t format_version = kFormatVersion;
  int64_t position = 0;                    // from 1, no gaps
  int64_t time_ns = 0;                     // stamped by the orchestrator
  std::string workflow;                    // qualified; with `instance` it names the stream
  std::string instance;                    // canonical key text
  int64_t stream_version = 0;              // from 1; a refused proposal is an event of its stream too

  EventKind kind = EventKind::kRegister;
  std::string transition;
  std::vector<ReadVersion> read_set;       // the streams that the decision read; one version each
  std::string actor;
  std::string actor_registration;          // canonical JSON of one that came inline with this event, or empty
  std::string role;                        // qualified, "orchestrator", or empty
  std::string on_behalf;                   // the proposer in whose name the orchestrator proposes, or empty
  std::vector<NamedValue> sets, payload;   // by name; each name once
  int64_t seen = -1;                       // position that the actor had seen; -1: it said none
  std::vector<int64_t> based_on;
  std::string claimed_time;                // as the proposer wrote it; no policy reads it
  std::string idempotency_key;
  int64_t cause = 0;                       // position of the event or question that this follows from; 0: none
  int64_t question = 0;                    // that it answers or times out; 0: none
  std::string question_role;
  std::string grant;                       // key of the grant that the proposal is made under, or empty
  std::string review, clause;              // kConclude: which review of the workflow, and what it came to, or empty
  Recorded recorded = Recorded::kNothing;
  std::vector<Erased> erased;              // kErase
  std::string policy_digest;               // in force; kPolicy: from here on
  Decision decision;
  std::string function;                    // decision function whose frame follows; empty: none ran
  std::string frame;                       // the slots that were read, as runtime/frame encodes them …
  std::vector<ErasableBytes> frame_private;// … and those of them that are erasable
  std::string request_digest;              // SHA-256 of what idempotency compares
  bool request_digest_erased = false;

  bool operator==(const Event&) const = default;
};

// "acme.deals.Deal/d-1". A qualified name holds no '/', so two streams never share a name.
std::string StreamName(std::string_view workflow, std::string_view instance);

// "fact acme.deals.exposure/c-1": a fact that is kept by key. It has no events of its own; its version is how many events
// have moved it under the policy that read it, so that whoever folds the log under that policy can check it.
std::string FactStreamName(std::string_view fact, std::string_view key);
bool IsFactStream(std::string_view stream);

// How many erasable values the event has: indices are below it.
uint32_t ErasableCount(const Event& event);

// What is stored of one event. `private_bytes` are empty where nothing is erasable.
struct EncodedEvent {
  std::string bytes;
  std::string private_bytes;
};

// Puts the event's lists into their order (the order of the members, names first), drops what is there twice, and
// encodes it. `random` gives a salt of 16 bytes for each erasable value.
//
// Errors    kResourceExhausted past kEventBytesMax, kListCountMax or kValueDepthMax; kInvalidArgument if a name is set
//           twice with different values or a stream was read at two versions; kFailedPrecondition for an event with
//           erased values, whose digests nobody can compute any more.
// Threads   any.
// Cost      one allocation for `bytes`, one SHA-256 for each erasable value.
absl::StatusOr<EncodedEvent> EncodeEvent(Event* event, RandomSource* random);

enum class PrivateCheck : uint8_t { kTrust, kDigest };  // kDigest: recompute the digest of each value that is there

// Errors    kDataLoss for whatever EncodeEvent would not have written; kFailedPrecondition for a later format version.
//           Never crashes; takes memory in proportion to what is given, whatever the bytes say.
absl::StatusOr<Event> DecodeEvent(std::string_view bytes, std::string_view private_bytes, PrivateCheck check);

// The beginning of an event's bytes alone.
struct EventHeader {
  int64_t position = 0;
  int64_t time_ns = 0;
  std::string_view workflow, instance;     // within the bytes that were given
  int64_t stream_version = 0;
};
absl::StatusOr<EventHeader> DecodeHeader(std::string_view bytes);

// Replaces values by tombstones. kOutOfRange for an index that the event does not have; kDataLoss if it cannot be read.
absl::StatusOr<std::string> EraseValues(std::string_view private_bytes, const std::vector<uint32_t>& indices);

// Which of an event's erasable values are gone, by index. kDataLoss if it cannot be read.
absl::StatusOr<std::vector<bool>> ErasedValues(std::string_view private_bytes);

}  // namespace writ::store
