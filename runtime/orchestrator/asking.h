// When `ask` rules ask: a guard that an event turns from false to true, once for each rule and round.
//
// Threads   as World. Cost: one frame an event, of workflows that have such rules.
// Source    docs/internals/semantics.md, "Asking"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "runtime/decision/decision.h"
#include "runtime/frame/frame.h"
#include "runtime/state/looking.h"
#include "runtime/state/state.h"

namespace writ {

class Asking {
 public:
  // Evaluates the guards of the instance after an event. `counts`: what turns true is due; it is not where the event was
  // decided under another policy, which may have had other rules.
  void Look(const World& world, WorkflowId workflow, const std::string& key, const ActorView& orchestrator, int64_t now_ns,
            bool counts);
  // The first rule, by name, that is due; none.
  RuleId Due(const World& world, WorkflowId workflow, const std::string& key) const;
  // It has asked in this round.
  void Asked(const World& world, WorkflowId workflow, const std::string& key, RuleId rule);

 private:
  struct Watched { std::vector<bool> on, due; std::vector<int64_t> asked_round; };  // by Workflow::asks

  absl::flat_hash_map<std::pair<uint32_t, std::string>, Watched> watched_;
  Frame frame_;
  std::vector<int64_t> out_;
};

}  // namespace writ
