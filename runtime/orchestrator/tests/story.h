// A policy's text, an orchestrator over it, and what it says, in one line a decision:
//
//   9 approve d-1 by orchestrator: escalate [t.Deal.review.worried] asks CFO(9) until +4h else block; review
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/orchestrator/orchestrator.h"
#include "runtime/store/memory_store.h"

namespace writ {

inline constexpr int64_t kStart = 1'772'442'000'000'000'000;  // 2026-03-02T09:00:00Z
inline constexpr int64_t kMinute = 60'000'000'000;
inline constexpr int64_t kHour = 60 * kMinute;

class Story {
 public:
  explicit Story(const std::string& policy);

  // Lines at the current time. Each returns what was told, one line a decision, or "refused: …".
  std::string Agent(const std::string& id, std::vector<std::string> roles, const std::string& principal = "");
  std::string Set(const std::string& workflow, const std::string& on, const std::string& by, Input::Object sets);
  std::string Propose(const std::string& transition, const std::string& on, const std::string& by, Input::Object sets = {},
                      Input::Object payload = {});
  std::string Answer(const std::string& on, const std::string& to, const std::string& by, bool yes);
  std::string Wait(int64_t ns);                // a tick
  std::string Submit(Submission line);
  void Later(int64_t ns) { now_ += ns; }       // without a tick
  int64_t now() const { return now_; }

  // Everything folded anew from the log, by another handle.
  void Reopen();
  // The same under another policy.
  void Reopen(const std::string& policy);
  // All that the fold holds, as text, to compare.
  std::string Everything() const;

  Orchestrator& orchestrator() { return *orchestrator_; }
  const CompiledPolicy& policy() const { return *policy_; }
  const std::shared_ptr<store::MemoryLog>& log() const { return log_; }
  std::string Tell(const DecisionRecord& record) const;

 private:
  std::unique_ptr<CompiledPolicy> policy_;
  std::shared_ptr<store::MemoryLog> log_ = std::make_shared<store::MemoryLog>();
  std::unique_ptr<store::MemoryStore> store_;
  store::CounterRandom random_;
  std::unique_ptr<Orchestrator> orchestrator_;
  int64_t now_ = kStart;
};

// Whatever a story leads to, the log alone leads there too: every decision can be made again from its frame, and the chain holds.
void ExpectFolds(Story* story);

// Runs something, an append of somebody else's for one, just before the first append of its owner.
class RacingStore : public store::MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  std::function<void()> before;
  absl::Status AppendBatch(std::span<const store::PreparedEvent> events, int64_t expected) override;
};

// The policy of most stories, and its actors, one for each role: desk, pricing, …
extern const char* const kShop;
Story OpenShop();

}  // namespace writ
