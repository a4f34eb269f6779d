// Lines of a .jsonl log as proposals, for following the record: resolved against the schema and against who was registered by
// earlier lines. What the policy thinks of them plays no part.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/orchestrator/grants.h"
#include "runtime/orchestrator/input.h"
#include "runtime/orchestrator/replay_session.h"
#include "runtime/registry/registry.h"
#include "runtime/replay/answers.h"

namespace writ::replay {

class RecordLines {
 public:
  // `may`: as ReplayOptions. All must outlive it.
  RecordLines(const Schema* schema, ReplaySession* session)
      : schema_(*schema), session_(session), grants_(schema), registry_(schema) {}

  // The proposal of an agent, set or propose line; a tick moves the time and gives none.
  //
  // Errors    kInvalidArgument with a sentence: the line is refused.
  absl::StatusOr<std::optional<Proposal>> Take(const Submission& line);

  // The same of an answer line.
  absl::StatusOr<AnswerLine> TakeAnswer(const Submission& line);

  // After the session decided an agent's proposal.
  void Registered(const Proposal& proposal);

  int64_t now_ns() const { return now_ns_; }

 private:
  absl::Status MoveTo(int64_t at_ns);
  absl::StatusOr<std::optional<Proposal>> Propose(const Submission& line);
  absl::StatusOr<AnswerLine> Answer(const Submission& line);
  absl::StatusOr<RegisteredActor> Actor(const Submission& line);
  absl::StatusOr<RoleId> Role(const Submission& line, const RegisteredActor& actor, const Proposal& proposal) const;
  absl::StatusOr<WorkflowId> OnlyWorkflowWith(const std::string& transition) const;
  absl::Status Values(const Submission& line, Proposal* proposal) const;

  const Schema& schema_;
  ReplaySession* session_;
  Grants grants_;
  Registry registry_;
  int64_t now_ns_ = 0;
  bool any_ = false;
};

}  // namespace writ::replay
