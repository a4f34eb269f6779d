// The hash chain. One SHA-256 for each event, over the log's last hash, its stream's last hash (32 zero bytes before the
// first) and its bytes, serves both chains: whoever has one stream can check it with the log's hashes alone.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "runtime/store/event.h"
#include "runtime/store/store.h"

namespace writ::store {

// The event that a store holds; that it links is taken on trust. Errors as DecodeEvent, with the position.
absl::StatusOr<Event> DecodeStored(const StoredEvent& stored);

// The ends of all chains, as far as the log is known. It makes positions, stream versions and hashes; nobody else does.
//
// Threads   one at a time.
// Cost      about 150 bytes a stream.
class Chain {
 public:
  int64_t last_position() const { return last_position_; }
  const Hash& last_hash() const { return last_hash_; }
  int64_t StreamVersion(const std::string& stream) const;  // 0 before the first event; prepared ones count

  // Gives the event its position and version, encodes it and links it. It counts for what is prepared next, and must be
  // followed by Commit or Abandon for the whole batch. Errors as EncodeEvent; then it was not linked.
  absl::StatusOr<PreparedEvent> Prepare(Event* event, RandomSource* random);

  void Commit() { undo_.clear(); }  // the batch is durable
  void Abandon();                   // the batch was not appended

  // Takes an event that was read. kDataLoss if it does not link: a gap, a wrong version or a wrong hash. Nothing may be
  // prepared meanwhile.
  absl::Status Follow(const StoredEvent& stored);

 private:
  friend class ChainVerifier;
  struct End {
    int64_t version = 0;
    Hash hash{};
  };
  struct Undo {
    std::string stream;
    End stream_end;
    Hash last_hash;
  };

  Hash Link(const End& stream_end, std::string_view bytes) const;

  int64_t last_position_ = 0;
  Hash last_hash_{};
  absl::flat_hash_map<std::string, End> streams_;
  std::vector<Undo> undo_;
};

struct Fault {
  int64_t position = 0;
  std::string text;                        // "the hash does not match its bytes and what came before"
};

struct ChainReport {
  int64_t event_count = 0;
  int64_t erased_count = 0;                // values
  Hash last_hash{};                        // compare it with one kept elsewhere: nothing else shows a shortened log
  std::vector<Fault> faults;               // by position; empty: all is well
};

inline constexpr size_t kFaultCountMax = 100;  // it stops after so many

// Reads the whole log and checks: positions without gaps, hashes, versions in each stream, the versions that each event
// read, canonical bytes, the digests of erasable values, that exactly what an event erased is gone, and that every policy
// put in force is there. After a broken link it goes on from the stored hash, so that one fault is told once.
//
// Errors    whatever the store says; what is wrong with the log is a fault.
// Cost      about two microseconds an event.
absl::StatusOr<ChainReport> VerifyChain(Store* store);

}  // namespace writ::store
