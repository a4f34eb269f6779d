// Whom the policy asks along a record, so that the answers that the record holds can be decided: an answer is the transition
// `yes` or `no` of workflow Question (docs/internals/semantics.md, "Answers").
//
// Asked is what an event escalates to, or what a conclusion that the orchestrator would have proposed escalates to, with the
// ladder's later rungs from their times on. What the record moved since was withdrawn; the event that asked moves nothing here.
// Threads   one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/orchestrator/names.h"
#include "runtime/orchestrator/replay_session.h"
#include "runtime/registry/registry.h"

namespace writ::replay {

// An answer as the record tells it.
struct AnswerLine {
  std::vector<std::pair<WorkflowId, std::string>> places;  // that it may be about; none: only `number` is known
  int64_t number = 0;                        // 0: not said
  RoleId to;                                 // none: not said
  bool yes = false;
  RegisteredActor actor;
  RoleId as;                                 // none: the asked role where the actor holds it
  int64_t now_ns = 0;
};

// One role that was asked, on one rung of a ladder.
struct Asked {
  int64_t number = 0;                        // the position that asked, of the session
  RoleId role;
  int64_t from_ns = 0, until_ns = 0;
  LadderId ladder;
  Proposal proposal;                         // that waits
  RuleId rule;                               // the first that asks
  int64_t last_change = 0;
  enum class State : uint8_t { kOpen, kGranted, kRefused } state = State::kOpen;
};

class Answers {
 public:
  // All must outlive it.
  Answers(const CompiledPolicy* policy, const ReplaySession* session)
      : policy_(policy), session_(session), schema_(policy->schema()), names_(&schema_), registry_(&schema_) {}

  // After the session decided `proposal`: whom that asks.
  void Note(const Proposal& proposal, const RawDecision& decision);
  // After time moved on: whom the conclusions of reviews ask.
  void NoteConclusions();

  // The answer as a proposal on workflow Question. Nothing asked: it is decided as withdrawn (`stale`).
  Proposal Take(const AnswerLine& line);
  // What Take found; null: nothing. Good until the next Note.
  const Asked* asked() const { return asked_; }
  // The answer counts. True where nobody else of the same question is left to answer yes.
  bool Settle(bool yes);

 private:
  void Ask(const Proposal& proposal, const Function& function, const RawDecision& decision);
  void Add(Asked asked);
  Asked* Find(const AnswerLine& line);
  Asked* Best(std::vector<Asked>* on_case, const AnswerLine& line) const;
  int StateOf(const Asked& asked, int64_t now_ns) const;
  int64_t LastChange(WorkflowId workflow, const std::string& key) const;
  bool Covers(const Proposal& asked, const ActorView& actor, int64_t now_ns);
  // False where the proposal computes a value that cannot be.
  bool Probe(Proposal* proposal);
  const Function& FunctionOf(const Proposal& proposal) const;

  const CompiledPolicy* policy_;
  const ReplaySession* session_;
  const Schema& schema_;
  Names names_;
  Registry registry_;
  std::map<std::pair<uint32_t, std::string>, std::vector<Asked>> on_;  // by the asked instance, in order
  Asked* asked_ = nullptr;
  Frame frame_;
  std::vector<int64_t> out_;
  RawDecision decision_{};
};

}  // namespace writ::replay
