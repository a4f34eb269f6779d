#include "runtime/store/memory_store.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"

namespace writ::store {
namespace {

constexpr char kPoisoned[] = "an append failed half way: whether it is kept is unknown; open the store anew and load";

// What `batch` erases of the log, or of itself: new private bytes by position. Nothing is changed yet.
absl::StatusOr<std::vector<std::pair<int64_t, std::string>>> Erasures(const MemoryLog& log,
                                                                      std::span<const PreparedEvent> batch) {
  absl::flat_hash_map<int64_t, std::string> latest;
  std::vector<std::pair<int64_t, std::string>> out;
  const int64_t old_last = static_cast<int64_t>(log.records.size());
  for (const PreparedEvent& event : batch) {
    for (const Erased& erased : event.erased) {
      const int64_t position = erased.position;
      if (position < 1 || position > old_last + static_cast<int64_t>(batch.size())) {
        return absl::NotFoundError(absl::StrCat("there is no position ", position, " to erase from"));
      }
      const auto it = latest.find(position);
      const std::string& before = it != latest.end()     ? it->second
                                  : position <= old_last ? log.records[position - 1].private_bytes
                                                         : batch[position - old_last - 1].private_bytes;
      absl::StatusOr<std::string> after = EraseValues(before, erased.indices);
      if (!after.ok()) return after.status();
      latest[position] = *after;
      out.emplace_back(position, *std::move(after));
    }
  }
  return out;
}

}  // namespace

absl::Status MemoryStore::Usable() const {
  return poisoned_ ? absl::DataLossError(kPoisoned) : absl::OkStatus();
}

absl::StatusOr<int64_t> MemoryStore::LastPosition() {
  if (absl::Status usable = Usable(); !usable.ok()) return usable;
  return static_cast<int64_t>(log_->records.size());
}

absl::Status MemoryStore::Load(int64_t from_position,
                               const std::function<absl::Status(const StoredEvent&)>& callback) {
  if (absl::Status usable = Usable(); !usable.ok()) return usable;
  for (size_t i = from_position < 1 ? 0 : from_position - 1; i < log_->records.size(); ++i) {
    const MemoryLog::Record& record = log_->records[i];
    if (record.bytes.empty()) continue;
    const absl::Status status =
        callback({static_cast<int64_t>(i + 1), record.bytes, record.private_bytes, record.hash});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MemoryStore::AppendBatch(std::span<const PreparedEvent> events, int64_t expected_last_position) {
  if (absl::Status usable = Usable(); !usable.ok()) return usable;
  for (size_t i = 0; i < events.size(); ++i) {
    const absl::StatusOr<EventHeader> header = DecodeHeader(events[i].bytes);
    WRIT_CHECK(header.ok() && header->position == expected_last_position + 1 + static_cast<int64_t>(i));
  }
  const int64_t last = static_cast<int64_t>(log_->records.size());
  if (last != expected_last_position) {
    return absl::AbortedError(absl::StrCat("the log is at position ", last, ", not at ", expected_last_position));
  }
  absl::StatusOr<std::vector<std::pair<int64_t, std::string>>> erasures = Erasures(*log_, events);
  if (!erasures.ok()) return erasures.status();
  const Failure failure = std::exchange(fault_, Failure::kNone);
  poisoned_ = failure != Failure::kNone;
  if (failure == Failure::kLost) return absl::DataLossError(kPoisoned);
  for (const PreparedEvent& event : events) {
    log_->records.push_back({event.bytes, event.private_bytes, std::string(AsBytes(event.hash))});
  }
  for (auto& [position, bytes] : *erasures) log_->records[position - 1].private_bytes = std::move(bytes);
  return Usable();
}

absl::Status MemoryStore::PutPolicy(const std::string& digest, std::string_view ir) {
  if (absl::Status usable = Usable(); !usable.ok()) return usable;
  const auto [it, added] = log_->policies.try_emplace(digest, ir);
  if (!added && it->second != ir) {
    return absl::AlreadyExistsError(absl::StrCat("another policy is stored as ", digest));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> MemoryStore::GetPolicy(const std::string& digest) {
  if (absl::Status usable = Usable(); !usable.ok()) return usable;
  const auto it = log_->policies.find(digest);
  if (it == log_->policies.end()) return absl::NotFoundError(absl::StrCat("there is no policy ", digest));
  return it->second;
}

}  // namespace writ::store
