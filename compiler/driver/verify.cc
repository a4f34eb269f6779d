#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "compiler/driver/verbs.h"
#include "compiler/eval/interpreter.h"
#include "runtime/orchestrator/consequences.h"
#include "runtime/orchestrator/orchestrator.h"
#include "runtime/replay/event_lines.h"
#include "runtime/store/chain.h"
#include "runtime/store/sqlite_store.h"

namespace writ::driver {
namespace {

struct Finding {
  int64_t position = 0;
  std::string text;
};

struct Verification {
  store::ChainReport chain;
  std::vector<Finding> findings;
  std::vector<int64_t> erased;  // decisions that cannot be decided again: a value that they read is gone
  int64_t redecided_count = 0;
  int64_t carried_out_count = 0;  // by the orchestrator: a rung of a ladder, or a review that concludes nothing
  int64_t no_decision_count = 0;  // an erasure, or another policy's beginning
  std::string policy, state_digest;
  size_t instance_count = 0;
};

class Verifier {
 public:
  explicit Verifier(store::Store* store) : store_(store) {}

  absl::StatusOr<Verification> Run() {
    absl::StatusOr<store::ChainReport> chain = store::VerifyChain(store_);
    if (!chain.ok()) return chain.status();
    for (const store::Fault& fault : chain->faults) Find(fault.position, fault.text);
    out_.chain = *std::move(chain);
    if (absl::Status status = RedecideAll(); !status.ok()) return status;
    for (const auto& [digest, policy] : policies_) {
      if (policy == nullptr) continue;
      absl::StatusOr<std::vector<FactFault>> faults = CheckFactReads(*policy, store_);
      if (!faults.ok()) return faults.status();
      for (FactFault& fault : *faults) Find(fault.position, std::move(fault.text));
    }
    Refold();
    std::stable_sort(out_.findings.begin(), out_.findings.end(),
                     [](const Finding& a, const Finding& b) { return a.position < b.position; });
    return std::move(out_);
  }

 private:
  void Find(int64_t position, std::string text) { out_.findings.push_back({position, std::move(text)}); }

  // The store takes no call while it loads, and policies are read when they are first needed: so a batch at a time.
  absl::Status RedecideAll() {
    for (int64_t from = 1;;) {
      batch_.clear();
      last_read_ = 0;
      const absl::Status read = store_->Load(from, [&](const store::StoredEvent& stored) { return Keep(stored); });
      if (!read.ok() && read.code() != absl::StatusCode::kCancelled) return read;
      for (const store::Event& event : batch_) {
        Redecide(event);
        progress_.Show(event.position);
      }
      if (read.ok()) return absl::OkStatus();
      from = last_read_ + 1;
    }
  }

  absl::Status Keep(const store::StoredEvent& stored) {
    last_read_ = stored.position;
    absl::StatusOr<store::Event> event =
        store::DecodeEvent(stored.bytes, stored.private_bytes, store::PrivateCheck::kTrust);
    if (!event.ok()) {
      Find(stored.position, std::string(event.status().message()));
      return absl::OkStatus();
    }
    last_states_[{event->workflow, event->instance}] = {event->position, event->decision.state};
    if (!event->policy_digest.empty()) out_.policy = event->policy_digest;
    batch_.push_back(*std::move(event));
    return batch_.size() < kBatchEvents ? absl::OkStatus() : absl::CancelledError("a batch");
  }

  const CompiledPolicy* PolicyOf(const std::string& digest, int64_t position) {
    const auto [found, is_new] = policies_.try_emplace(digest);
    if (!is_new) return found->second.get();
    const absl::StatusOr<std::string> bytes = store_->GetPolicy(digest);
    absl::StatusOr<ir::Program> program = bytes.ok() ? ir::Deserialize(*bytes) : bytes.status();
    if (!program.ok()) {
      Find(position, absl::StrCat("its policy ", digest, " cannot be read: ", program.status().message()));
      return nullptr;
    }
    const std::string actual = ir::Digest(*program);
    if (actual != digest) {
      Find(position, absl::StrCat("its policy ", digest, " has the digest ", actual));
      return nullptr;
    }
    found->second = eval::MakePolicy(*std::move(program));
    return found->second.get();
  }

  void Redecide(const store::Event& event) {
    if (event.function.empty()) return CountUndecided(event);
    const CompiledPolicy* policy = PolicyOf(event.policy_digest, event.position);
    if (policy == nullptr) return;
    switch (writ::Redecide(event, *policy)) {
      case Redecided::kSame:
        ++out_.redecided_count;
        return;
      case Redecided::kNotDecided:
        return CountUndecided(event);
      case Redecided::kErased:
        out_.erased.push_back(event.position);
        return;
      case Redecided::kDifferent:
        return Find(event.position, "decided again from its frame, it comes out differently");
      case Redecided::kUnknown:
        return Find(event.position, "its frame cannot be read by its policy");
    }
  }

  void CountUndecided(const store::Event& event) {
    const bool concerns_log = event.kind == store::EventKind::kErase || event.kind == store::EventKind::kPolicy;
    ++(concerns_log ? out_.no_decision_count : out_.carried_out_count);
  }

  // Folds the whole log anew and compares the states that come out with those that the log says.
  void Refold() {
    if (out_.policy.empty()) return;
    const CompiledPolicy* policy = PolicyOf(out_.policy, out_.chain.event_count);
    if (policy == nullptr) return;
    OrchestratorOptions options;
    options.obligations = ObligationsNeeded(policy->schema());
    absl::StatusOr<std::unique_ptr<Orchestrator>> orchestrator = Orchestrator::Open(policy, store_, options);
    if (!orchestrator.ok()) return Find(0, absl::StrCat("the log cannot be folded: ", orchestrator.status().message()));
    const World& world = (*orchestrator)->world();
    const Schema& schema = policy->schema();
    std::vector<std::string> digests;
    for (size_t i = 0; i < schema.workflows.size(); ++i) {
      for (const Instance* instance : world.InstancesOf(WorkflowId(i))) {
        digests.push_back(
            absl::StrCat(schema.workflows[i].qualified, "/", instance->key, " ", StateDigest(schema, *instance)));
        CompareState(schema.workflows[i], *instance);
      }
    }
    std::sort(digests.begin(), digests.end());
    std::string all;
    for (const std::string& digest : digests) absl::StrAppend(&all, digest, "\n");
    out_.instance_count = digests.size();
    out_.state_digest = absl::StrCat("sha256:", store::Hex(store::Sha256({all})));
  }

  void CompareState(const Workflow& workflow, const Instance& instance) {
    const auto last = last_states_.find({workflow.qualified, instance.key});
    if (last == last_states_.end() || workflow.is_builtin) return;
    const std::string folded = instance.state == kNewState ? "new" : workflow.states[instance.state.value].name;
    if (last->second.state == folded || last->second.state.empty()) return;
    Find(last->second.position, absl::StrCat("the log says that ", workflow.name, " ", instance.key, " is in state ",
                                             last->second.state, "; folded anew it is in ", folded));
  }

  struct LastState {
    int64_t position = 0;
    std::string state;
  };
  static constexpr size_t kBatchEvents = 4096;

  store::Store* store_;
  Progress progress_{"events verified"};
  Verification out_;
  std::vector<store::Event> batch_;
  int64_t last_read_ = 0;
  std::map<std::string, std::unique_ptr<CompiledPolicy>> policies_;
  std::map<std::pair<std::string, std::string>, LastState> last_states_;
};

std::string Text(const Verification& v) {
  std::string text;
  for (const Finding& finding : v.findings)
    absl::StrAppend(&text, "position ", finding.position, ": ", finding.text, "\n");
  absl::StrAppend(&text, "chain: ", v.chain.event_count, " events, last hash ", store::Hex(v.chain.last_hash), "\n");
  absl::StrAppend(&text, "decisions: ", v.redecided_count, " decided again, the same");
  if (v.carried_out_count > 0) absl::StrAppend(&text, "; ", v.carried_out_count, " carried out by the orchestrator");
  if (v.no_decision_count > 0)
    absl::StrAppend(&text, "; ", v.no_decision_count, " without one (an erasure, a change of policy)");
  text += "\n";
  if (v.chain.erased_count > 0) absl::StrAppend(&text, "erased: ", v.chain.erased_count, " values\n");
  for (int64_t position : v.erased)
    absl::StrAppend(&text, "position ", position, " can no longer be decided again: a value that it read was erased\n");
  absl::StrAppend(&text, "state: ", v.instance_count, " instances", v.state_digest.empty() ? "" : ", ", v.state_digest,
                  "\n");
  if (v.chain.event_count > 0) {
    absl::StrAppend(&text, "keep elsewhere: position ", v.chain.event_count, ", hash ", store::Hex(v.chain.last_hash),
                    " (a log whose end was cut off shows in nothing else)\n");
  }
  absl::StrAppend(&text, v.findings.empty() ? "fine\n" : absl::StrCat(v.findings.size(), " findings\n"));
  return text;
}

std::string Json(const Verification& v) {
  std::string text;
  replay::JsonWriter json(&text);
  json.Open('{')
      .Key("fine")
      .Bool(v.findings.empty())
      .Key("events")
      .Number(v.chain.event_count)
      .Key("last_hash")
      .Text(store::Hex(v.chain.last_hash));
  json.Key("redecided")
      .Number(v.redecided_count)
      .Key("carried_out")
      .Number(v.carried_out_count)
      .Key("without_decision")
      .Number(v.no_decision_count)
      .Key("erased_values")
      .Number(v.chain.erased_count)
      .Key("cannot_be_decided_again")
      .Open('[');
  for (int64_t position : v.erased) json.Number(position);
  json.Close(']').Key("instances").Number(static_cast<int64_t>(v.instance_count)).Key("state").Text(v.state_digest);
  json.Key("policy").Text(v.policy).Key("findings").Open('[');
  for (const Finding& finding : v.findings)
    json.Open('{').Key("position").Number(finding.position).Key("text").Text(finding.text).Close('}');
  json.Close(']').Close('}');
  return text + "\n";
}

}  // namespace

int Verify(const VerifyRequest& request) {
  store::SqliteOptions existing;
  existing.create = false;
  absl::StatusOr<std::unique_ptr<store::Store>> store = store::OpenSqliteStore(request.store, existing);
  if (!store.ok()) return Fail(store.status());
  absl::StatusOr<Verification> verification = Verifier(store->get()).Run();
  if (!verification.ok()) return Fail(verification.status());
  Print(request.json ? Json(*verification) : Text(*verification));
  return verification->findings.empty() ? kFine : kFindings;
}

}  // namespace writ::driver
