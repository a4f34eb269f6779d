#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/orchestrator/folded.h"
#include "runtime/orchestrator/orchestrator.h"

namespace writ {
namespace {

// Folds the log under one policy, and compares on the way.
class FactReads {
 public:
  explicit FactReads(const CompiledPolicy* policy) : policy_(*policy), folded_(policy) {
    const std::vector<Workflow>& workflows = policy->schema().workflows;
    for (size_t i = 0; i < workflows.size(); ++i) {
      if (workflows[i].is_fact) facts_[store::FactStreamName(workflows[i].qualified, "")] = WorkflowId(i);
    }
  }

  bool any() const { return !facts_.empty(); }

  absl::Status Take(const store::StoredEvent& stored) {
    absl::StatusOr<store::Event> event =
        store::DecodeEvent(stored.bytes, stored.private_bytes, store::PrivateCheck::kTrust);
    if (!event.ok()) return event.status();
    if (event->policy_digest == policy_.digest()) Compare(*event);
    // Without the values that were erased it may be counted otherwise than it was.
    const auto erased = [](const store::NamedValue& value) { return value.erased; };
    if (std::any_of(event->sets.begin(), event->sets.end(), erased) ||
        std::any_of(event->payload.begin(), event->payload.end(), erased))
      return absl::CancelledError("erased");
    return folded_.Fold(*event);
  }

  std::vector<FactFault> faults;

 private:
  void Compare(const store::Event& event) {
    for (const store::ReadVersion& read : event.read_set) {
      if (!store::IsFactStream(read.stream)) continue;
      const size_t slash = read.stream.find('/');
      const auto fact = slash == std::string::npos ? facts_.end() : facts_.find(read.stream.substr(0, slash + 1));
      if (fact == facts_.end()) {
        faults.push_back({event.position, absl::StrCat("it read `", read.stream, "`, which its policy does not keep")});
        continue;
      }
      const Instance* instance = folded_.world().Find(fact->second, read.stream.substr(slash + 1));
      const int64_t version = instance == nullptr ? 0 : instance->version;
      if (version == read.version) continue;
      faults.push_back({event.position, absl::StrCat("it read version ", read.version, " of `", read.stream,
                                                     "`, which was at version ", version)});
    }
  }

  const CompiledPolicy& policy_;
  Folded folded_;
  std::map<std::string, WorkflowId> facts_;  // by the beginning of their streams' names
};

}  // namespace

absl::StatusOr<std::vector<FactFault>> CheckFactReads(const CompiledPolicy& policy, store::Store* store) {
  FactReads reads(&policy);
  if (!reads.any()) return std::move(reads.faults);
  const absl::Status status = store->Load(1, [&](const store::StoredEvent& stored) { return reads.Take(stored); });
  const bool is_of_store = absl::IsUnavailable(status);
  if (is_of_store) return status;
  return std::move(reads.faults);
}

}  // namespace writ
