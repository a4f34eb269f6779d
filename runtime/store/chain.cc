#include "runtime/store/chain.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"

namespace writ::store {
namespace {

std::string Text(const absl::Status& status) { return std::string(status.message()); }

}  // namespace

absl::StatusOr<Event> DecodeStored(const StoredEvent& stored) {
  absl::StatusOr<Event> event = DecodeEvent(stored.bytes, stored.private_bytes, PrivateCheck::kTrust);
  if (event.ok()) return event;
  return absl::Status(event.status().code(),
                      absl::StrCat("position ", stored.position, " of the log: ", event.status().message()));
}

int64_t Chain::StreamVersion(const std::string& stream) const {
  const auto it = streams_.find(stream);
  return it == streams_.end() ? 0 : it->second.version;
}

Hash Chain::Link(const End& stream_end, std::string_view bytes) const {
  return Sha256({AsBytes(last_hash_), AsBytes(stream_end.hash), bytes});
}

absl::StatusOr<PreparedEvent> Chain::Prepare(Event* event, RandomSource* random) {
  std::string stream = StreamName(event->workflow, event->instance);
  const auto [end, is_new] = streams_.try_emplace(stream);
  const End before = end->second;
  event->position = last_position_ + 1;
  event->stream_version = before.version + 1;
  absl::StatusOr<EncodedEvent> encoded = EncodeEvent(event, random);
  if (!encoded.ok()) {
    if (is_new) streams_.erase(end);
    return encoded.status();
  }

  PreparedEvent prepared;
  prepared.hash = Link(before, encoded->bytes);
  prepared.bytes = std::move(encoded->bytes);
  prepared.private_bytes = std::move(encoded->private_bytes);
  prepared.erased = event->erased;

  end->second = End{before.version + 1, prepared.hash};
  undo_.push_back({std::move(stream), before, last_hash_});
  last_hash_ = prepared.hash;
  ++last_position_;
  return prepared;
}

void Chain::Abandon() {
  for (; !undo_.empty(); undo_.pop_back()) {
    const Undo& undo = undo_.back();
    if (undo.stream_end.version == 0) {
      streams_.erase(undo.stream);
    } else {
      streams_[undo.stream] = undo.stream_end;
    }
    last_hash_ = undo.last_hash;
    --last_position_;
  }
}

absl::Status Chain::Follow(const StoredEvent& stored) {
  WRIT_CHECK(undo_.empty());
  const auto fault = [&stored](absl::string_view text) {
    return absl::DataLossError(absl::StrCat("position ", stored.position, ": ", text));
  };
  const absl::StatusOr<EventHeader> header = DecodeHeader(stored.bytes);
  if (!header.ok()) return fault(header.status().message());
  if (stored.position != last_position_ + 1) return fault(absl::StrCat("position ", last_position_ + 1, " is missing"));
  if (header->position != stored.position) return fault(absl::StrCat("it says that it is position ", header->position));
  std::string stream = StreamName(header->workflow, header->instance);
  const auto it = streams_.find(stream);
  const End before = it == streams_.end() ? End{} : it->second;
  if (header->stream_version != before.version + 1) {
    return fault(absl::StrCat("it is version ", header->stream_version, " of `", stream, "`, after version ",
                              before.version));
  }
  const Hash hash = Link(before, stored.bytes);
  if (AsBytes(hash) != stored.hash) return fault("the hash does not match its bytes and what came before");
  streams_[std::move(stream)] = End{header->stream_version, hash};
  last_hash_ = hash;
  last_position_ = stored.position;
  return absl::OkStatus();
}

// ---------------------------------------------------------------- verification

// One pass over the log; what needs the whole of it (erasures, policies) is compared at the end.
class ChainVerifier {
 public:
  absl::Status Take(const StoredEvent& stored);
  absl::Status Finish(Store* store);
  ChainReport Report();

 private:
  static constexpr absl::StatusCode kEnough = absl::StatusCode::kCancelled;

  void Say(int64_t position, std::string text) { report_.faults.push_back({position, std::move(text)}); }
  void Resume(const StoredEvent& stored, const EventHeader& header);
  void CheckReadSet(const Event& event);
  void CheckLink(const StoredEvent& stored, const EventHeader& header);
  void Note(const StoredEvent& stored, const Event& event);
  void CheckErasures();

  Chain chain_;
  ChainReport report_;
  absl::flat_hash_map<int64_t, std::vector<bool>> erased_;  // of events that have erasable values: what is gone
  std::vector<Erased> named_;                               // what events said to erase …
  std::vector<int64_t> named_by_;                           // … and which
  std::vector<std::pair<int64_t, std::string>> policies_;
};

// From here on the log is taken as it is, so that one fault is not told once more for each later event.
void ChainVerifier::Resume(const StoredEvent& stored, const EventHeader& header) {
  Chain::End& end = chain_.streams_[StreamName(header.workflow, header.instance)];
  end.version = header.stream_version;
  if (stored.hash.size() == end.hash.size()) std::copy(stored.hash.begin(), stored.hash.end(), end.hash.begin());
  chain_.last_hash_ = end.hash;
  chain_.last_position_ = stored.position;
}

void ChainVerifier::CheckLink(const StoredEvent& stored, const EventHeader& header) {
  const absl::Status linked = chain_.Follow(stored);
  if (linked.ok()) return;
  const std::string prefix = absl::StrCat("position ", stored.position, ": ");
  Say(stored.position, Text(linked).substr(prefix.size()));
  Resume(stored, header);
}

void ChainVerifier::CheckReadSet(const Event& event) {
  for (const ReadVersion& read : event.read_set) {
    if (IsFactStream(read.stream)) continue;  // no events of its own: orchestrator/fact_reads.h
    const int64_t latest = chain_.StreamVersion(read.stream);
    if (read.version == latest) continue;
    Say(event.position, absl::StrCat("it read version ", read.version, " of `", read.stream, "`, which was at version ",
                                     latest));
  }
}

void ChainVerifier::Note(const StoredEvent& stored, const Event& event) {
  if (!stored.private_bytes.empty()) {
    absl::StatusOr<std::vector<bool>> erased = ErasedValues(stored.private_bytes);
    if (erased.ok()) erased_[event.position] = *std::move(erased);
  }
  for (const Erased& erased : event.erased) {
    named_.push_back(erased);
    named_by_.push_back(event.position);
  }
  if (event.kind == EventKind::kPolicy) policies_.emplace_back(event.position, event.policy_digest);
}

absl::Status ChainVerifier::Take(const StoredEvent& stored) {
  if (report_.faults.size() >= kFaultCountMax) return absl::Status(kEnough, "");
  ++report_.event_count;
  const absl::StatusOr<EventHeader> header = DecodeHeader(stored.bytes);
  if (!header.ok()) {
    Say(stored.position, Text(header.status()));
    chain_.last_position_ = stored.position;
    if (stored.hash.size() == sizeof(Hash)) std::copy(stored.hash.begin(), stored.hash.end(), chain_.last_hash_.begin());
    return absl::OkStatus();
  }
  const absl::StatusOr<Event> event = DecodeEvent(stored.bytes, stored.private_bytes, PrivateCheck::kDigest);
  if (event.ok()) {
    CheckReadSet(*event);
    Note(stored, *event);
  } else {
    Say(stored.position, Text(event.status()));
  }
  CheckLink(stored, *header);
  return absl::OkStatus();
}

void ChainVerifier::CheckErasures() {
  absl::flat_hash_map<int64_t, std::vector<bool>> said;
  for (size_t i = 0; i < named_.size(); ++i) {
    const auto it = erased_.find(named_[i].position);
    const uint32_t count = it == erased_.end() ? 0 : static_cast<uint32_t>(it->second.size());
    std::vector<bool>& values = said[named_[i].position];
    values.resize(count);
    if (named_[i].indices.empty()) values.assign(count, true);
    for (uint32_t index : named_[i].indices) {
      if (index < count) {
        values[index] = true;
      } else {
        Say(named_by_[i], absl::StrCat("it erases value ", index, " of position ", named_[i].position,
                                       ", which does not have it"));
      }
    }
  }
  for (const auto& [position, values] : erased_) {
    const auto it = said.find(position);
    for (size_t i = 0; i < values.size(); ++i) {
      const bool wanted = it != said.end() && it->second[i];
      report_.erased_count += values[i];
      if (values[i] && !wanted) Say(position, absl::StrCat("erasable value ", i, " is gone, and no event erased it"));
      if (!values[i] && wanted) Say(position, absl::StrCat("erasable value ", i, " is still there after it was erased"));
    }
  }
}

absl::Status ChainVerifier::Finish(Store* store) {
  CheckErasures();
  for (const auto& [position, digest] : policies_) {
    const absl::StatusOr<std::string> policy = store->GetPolicy(digest);
    if (absl::IsNotFound(policy.status())) {
      Say(position, absl::StrCat("the policy ", digest, " that it puts in force is not there"));
    } else if (!policy.ok()) {
      return policy.status();
    }
  }
  return absl::OkStatus();
}

ChainReport ChainVerifier::Report() {
  std::sort(report_.faults.begin(), report_.faults.end(), [](const Fault& a, const Fault& b) {
    return a.position != b.position ? a.position < b.position : a.text < b.text;
  });
  if (report_.faults.size() > kFaultCountMax) report_.faults.resize(kFaultCountMax);
  report_.last_hash = chain_.last_hash();
  return std::move(report_);
}

absl::StatusOr<ChainReport> VerifyChain(Store* store) {
  ChainVerifier verifier;
  absl::Status status = store->Load(1, [&verifier](const StoredEvent& stored) { return verifier.Take(stored); });
  // Past the limit of faults nothing more is compared: the log was not read to its end.
  if (absl::IsCancelled(status)) return verifier.Report();
  if (status.ok()) status = verifier.Finish(store);
  if (!status.ok()) return status;
  return verifier.Report();
}

}  // namespace writ::store
