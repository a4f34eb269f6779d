// What a review comes to, and when: it asks the policy's conclude function, also about verdicts that are not there yet.
//
// Threads   as World; a Reviews object is one thread's (it keeps a frame).
// Cost      one call of the conclude function; with seats missing, one for each combination of stances, at most
//           limits::kCompletionsMax. Beyond that nothing is concluded early, and a late review comes to its "else".
// Source    docs/internals/semantics.md, "Reviews"
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/frame/frame.h"
#include "runtime/state/state.h"

namespace writ {

class Reviews {
 public:
  explicit Reviews(const World* world) : world_(world) {}

  // The review of the instance's state that has no outcome in this round yet; none if there is none.
  static ReviewId Waiting(const Schema& schema, const Instance& instance);

  // Every seat has spoken, and nothing that is missing can change it: the clause. None: it goes on.
  std::optional<ClauseId> Complete(const Instance& instance, ReviewId review, const ActorView& orchestrator, int64_t now_ns);
  // The time is up: the clause that every completion gives, or "else".
  ClauseId AtDeadline(const Instance& instance, ReviewId review, const ActorView& orchestrator, int64_t now_ns);

  // Roles of seats whose quorum is not reached.
  static std::vector<RoleId> Missing(const Review& review, const ReviewState& state);

 private:
  void Fill(const Instance& instance, ReviewId review, const ActorView& orchestrator, int64_t now_ns);
  ClauseId Conclude();
  // The clause that all completions give, if they give one. `also`: it must be this one.
  std::optional<ClauseId> Unanimous(const Instance& instance, std::optional<ClauseId> also);
  void SetSeat(uint32_t seat, const std::vector<int64_t>& votes);

  const World* world_;
  const Review* review_ = nullptr;
  ReviewId review_id_;
  const Function* function_ = nullptr;
  Frame frame_;
  std::vector<int64_t> out_;
};

// The clauses that stand at the end of every review's list.
ClauseId ElseClause(const Review& review);
ClauseId ConflictClause(const Review& review);

}  // namespace writ
