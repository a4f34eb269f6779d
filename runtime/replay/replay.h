// Decides every event of a recorded log again and says what came of it, by outcome and by rule, in events and in cases.
//
// kRecord   the state follows what happened: what the log says is committed whatever the policy thinks of it. The
//           orchestrator proposes nothing; what it would have done is counted.
// kPolicy   the state follows the policy: each event is a proposal to an orchestrator, and only what it permits is committed.
// Threads   one.
// Source    docs/guide/replay.md
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "runtime/orchestrator/input.h"
#include "runtime/replay/mapping.h"
#include "runtime/store/store.h"

namespace writ::replay {

enum class Follow : uint8_t { kRecord, kPolicy };

struct ReplayOptions {
  Follow follow = Follow::kRecord;
  std::string workflow;                      // of a foreign log; empty: the only one
  std::function<void(const DecisionRecord&)> on_decision;  // each decision, in order
  std::function<absl::Status(const store::Event&)> on_event;  // kPolicy: each event that the orchestrator commits, in order
  std::function<void(int64_t decided_count)> on_progress;  // now and then
};

struct Tally {
  int64_t event_count = 0;
  absl::flat_hash_set<std::string> cases;    // "Workflow/instance"
  void Add(const std::string& the_case) {
    ++event_count;
    cases.insert(the_case);
  }
};

struct RefusedLine { uint32_t line = 0; std::string error; };  // of a store: the position

// An answer of a store to what the policy does not ask.
struct UnaskedAnswer {
  int64_t position = 0;
  std::string the_case, role, by;
  bool yes = false;
};

struct ReplayReport {
  bool foreign = false;                      // `mapping` says something
  MappingReport mapping;
  int64_t decided_count = 0;
  absl::flat_hash_set<std::string> cases;    // all that were decided about
  std::map<Outcome, Tally> outcomes;
  std::map<std::pair<Outcome, std::string>, Tally> rules;   // what determined each outcome that is not permit
  std::map<std::string, Tally> would_have;   // what the orchestrator would have done (kRecord), or did (kPolicy)
  std::map<std::string, int64_t> passed_over;               // lines and events that following a record has no use for
  std::map<std::string, Tally> indeterminate;               // rules that could not be evaluated
  std::map<std::pair<std::string, std::string>, Tally> changed;  // a store: (outcome then, outcome now)
  int64_t refused_count = 0;                 // lines of a .jsonl that cannot be read or name what is not there …
  std::vector<RefusedLine> refused;          // … and the first kListedMax of them
  bool of_store = false;                     // `refused` are positions
  int64_t unasked_count = 0;                 // answers of a store to what is no longer asked (kPolicy) …
  std::vector<UnaskedAnswer> unasked;        // … and the first kListedMax of them
};

// `path`: .jsonl, .xes, .csv, each also with .gz after it.
absl::StatusOr<ReplayReport> ReplayLog(const CompiledPolicy* policy, const std::string& path, const ReplayOptions& options);

// The proposals of a log that an orchestrator kept, under another policy. What it concluded and timed out by itself is not
// proposed again (kPolicy), or is applied as what happened (kRecord). An answer goes to the question that asks the same role
// on the same rule for the same proposal, wherever that stands now (kPolicy); there may be none.
absl::StatusOr<ReplayReport> ReplayStore(const CompiledPolicy* policy, store::Store* log, const ReplayOptions& options);

// Text for people, and one JSON object.
std::string ReportText(const ReplayReport& report);
std::string ReportJson(const ReplayReport& report);

}  // namespace writ::replay
