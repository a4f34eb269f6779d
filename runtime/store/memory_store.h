// The log in memory: for tests, for `run` without a store, and for simulation.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "runtime/store/store.h"

namespace writ::store {

// What outlives a handle, as a disk would. Open for tests that tamper with it.
struct MemoryLog {
  struct Record {
    std::string bytes, private_bytes, hash;
  };
  std::vector<Record> records;             // position - 1; a record without bytes is missing
  absl::flat_hash_map<std::string, std::string> policies;
};

// Threads   handles on one log are used by one thread at a time together.
class MemoryStore : public Store {
 public:
  MemoryStore() : MemoryStore(std::make_shared<MemoryLog>()) {}
  explicit MemoryStore(std::shared_ptr<MemoryLog> log) : log_(std::move(log)) {}

  absl::StatusOr<int64_t> LastPosition() override;
  absl::Status Load(int64_t from_position, const std::function<absl::Status(const StoredEvent&)>& callback) override;
  absl::Status AppendBatch(std::span<const PreparedEvent> events, int64_t expected_last_position) override;
  absl::Status PutPolicy(const std::string& digest, std::string_view ir) override;
  absl::StatusOr<std::string> GetPolicy(const std::string& digest) override;

  // The next append fails as a disk would: `kept` says whether its events are in the log all the same.
  void FailNextAppend(bool kept) { fault_ = kept ? Failure::kKept : Failure::kLost; }

 private:
  enum class Failure : uint8_t { kNone, kLost, kKept };

  absl::Status Usable() const;

  std::shared_ptr<MemoryLog> log_;
  Failure fault_ = Failure::kNone;
  bool poisoned_ = false;
};

}  // namespace writ::store
