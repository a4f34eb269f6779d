// Where the log is kept: one sequence of events, and the policies that decided them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/store/event.h"
#include "runtime/store/hash.h"

namespace writ::store {

// An event as it lies in the log. Views are good during the callback that got it.
struct StoredEvent {
  int64_t position = 0;
  std::string_view bytes;
  std::string_view private_bytes;
  std::string_view hash;                   // 32 bytes, unless somebody has been at it
};

// An event that is ready to be appended; Chain::Prepare makes it.
struct PreparedEvent {
  std::string bytes;
  std::string private_bytes;
  Hash hash{};
  std::vector<Erased> erased;              // carried out together with the append
};

// The log. There is no other table: versions, idempotency keys and all else are folds over it.
//
// Errors    kAborted     somebody else has appended: load what is new, decide again, append again.
//           kUnavailable somebody else held the store for too long; nothing was done; the same call may be made again.
//           kDataLoss    the store cannot be read, or an append failed half way, and whether it is durable is unknown.
//                        After the latter every call on this handle fails so: open the store anew and load.
// Threads   one at a time for each handle. Several handles, of several processes too, may be open on one store.
class Store {
 public:
  virtual ~Store() = default;

  // 0 for an empty log.
  virtual absl::StatusOr<int64_t> LastPosition() = 0;

  // Calls back for each event from `from_position` on, in order, until one call returns an error, which is then returned.
  // It does not look for gaps or at hashes: Chain::Follow does. The callback makes no call on this handle.
  // Cost: about a quarter of a microsecond an event, before decoding.
  virtual absl::Status Load(int64_t from_position,
                            const std::function<absl::Status(const StoredEvent&)>& callback) = 0;

  // Appends all or nothing, if the last position still is `expected_last_position`; which implies that all versions that
  // the events read are still the latest. kOk is returned only when it is on stable storage. Position i of `events` must
  // have the position expected_last_position + 1 + i in its header (checked). kNotFound and kOutOfRange for an erasure of
  // what is not there; nothing is appended then.
  // Cost: one flush to the disk, however many events.
  virtual absl::Status AppendBatch(std::span<const PreparedEvent> events, int64_t expected_last_position) = 0;

  // Durable when it returns. The same again is fine; other bytes under the same digest are kAlreadyExists. It comes before
  // the kPolicy event that names it.
  virtual absl::Status PutPolicy(const std::string& digest, std::string_view ir) = 0;

  // kNotFound if there is none.
  virtual absl::StatusOr<std::string> GetPolicy(const std::string& digest) = 0;
};

}  // namespace writ::store
