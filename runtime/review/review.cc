#include "runtime/review/review.h"

#include <algorithm>

#include "runtime/builtins/check.h"
#include "runtime/state/looking.h"

namespace writ {
namespace {

const Review& ReviewOf(const Schema& schema, const Instance& instance, ReviewId review) {
  return schema.workflows[instance.workflow.value].reviews[review.value];
}

ClauseId ClauseNamed(const Review& review, std::string_view name) {
  for (size_t i = review.clauses.size(); i-- > 0;) {
    if (review.clauses[i].name == name) return ClauseId(i);
  }
  return ClauseId();
}

// Moves `votes`, how often each stance is chosen, to the next way to choose the same number in all. False after the last.
bool NextChoice(std::vector<int64_t>* votes) {
  const size_t last = votes->size() - 1;
  const int64_t tail = (*votes)[last];
  (*votes)[last] = 0;
  for (size_t i = last; i-- > 0;) {
    if ((*votes)[i] == 0) continue;
    --(*votes)[i];
    (*votes)[i + 1] = tail + 1;
    return true;
  }
  (*votes)[0] = tail;
  return false;
}

struct Gap {
  uint32_t seat = 0;
  std::vector<int64_t> spoken;  // votes so far, by stance
  std::vector<int64_t> choice;  // votes that are imagined
};

// n verdicts, each one of `stances`, without order: how many ways. Saturates.
uint64_t ChoiceCount(uint64_t n, uint64_t stances) {
  uint64_t ways = 1;
  for (uint64_t i = 1; i < stances; ++i) {
    ways = ways * (n + i) / i;
    if (ways > limits::kCompletionsMax) return ways;
  }
  return ways;
}

}  // namespace

ClauseId ElseClause(const Review& review) { return ClauseNamed(review, "else"); }
ClauseId ConflictClause(const Review& review) { return ClauseNamed(review, "conflict"); }

ReviewId Reviews::Waiting(const Schema& schema, const Instance& instance) {
  const Workflow& workflow = schema.workflows[instance.workflow.value];
  for (size_t i = 0; i < workflow.reviews.size() && i < instance.reviews.size(); ++i) {
    if (workflow.reviews[i].state == instance.state && instance.reviews[i].outcome < 0) return ReviewId(i);
  }
  return ReviewId();
}

std::vector<RoleId> Reviews::Missing(const Review& review, const ReviewState& state) {
  std::vector<RoleId> roles;
  for (size_t i = 0; i < review.seats.size(); ++i) {
    const size_t spoken = i < state.seats.size() ? state.seats[i].size() : 0;
    if (spoken < review.seats[i].quorum) roles.push_back(review.seats[i].role);
  }
  return roles;
}

void Reviews::Fill(const Instance& instance, ReviewId review, const ActorView& orchestrator, int64_t now_ns) {
  const Schema& schema = world_->schema();
  review_ = &ReviewOf(schema, instance, review);
  review_id_ = review;
  function_ = &schema.functions[review_->conclude.value];
  FillFrame(*world_, *function_, LookingAt(instance, orchestrator, now_ns), &frame_, nullptr);
  out_.resize(std::max<uint32_t>(function_->output_words, 1));
}

ClauseId Reviews::Conclude() {
  world_->policy().Evaluate(review_->conclude, frame_.words(), out_.data());
  const int64_t clause = out_[function_->outputs[0].offset];
  const bool conflict = function_->outputs.size() > 1 && out_[function_->outputs[1].offset] != 0;
  if (conflict) return ConflictClause(*review_);
  // Where nothing fires there is no outcome to conclude, and the review's own ladder speaks.
  return clause >= 0 && clause < static_cast<int64_t>(review_->clauses.size()) ? ClauseId(static_cast<size_t>(clause))
                                                                               : ElseClause(*review_);
}

void Reviews::SetSeat(uint32_t seat, const std::vector<int64_t>& votes) {
  int64_t spoken = 0;
  for (int64_t count : votes) spoken += count;
  for (const Slot& slot : function_->frame.slots) {
    const bool here = slot.path.index == review_id_.value && slot.path.part == seat;
    if (!here || slot.list.valid()) continue;
    if (slot.path.root == SlotRoot::kSeatSpoken) frame_.mutable_words()[slot.offset] = spoken;
    if (slot.path.root == SlotRoot::kSeatVotes) {
      frame_.mutable_words()[slot.offset] = slot.path.part2 < votes.size() ? votes[slot.path.part2] : 0;
    }
  }
}

std::optional<ClauseId> Reviews::Unanimous(const Instance& instance, std::optional<ClauseId> also) {
  const Schema& schema = world_->schema();
  const ReviewState& state = instance.reviews[review_id_.value];
  const Transition& verdict = schema.workflows[instance.workflow.value].transitions[review_->verdict.value];
  const Type& stance = schema.types[verdict.payload[review_->stance.value].type.value];
  const size_t stances = schema.enums[stance.index].members.size();
  std::vector<Gap> missing;
  uint64_t completions = 1;
  for (size_t i = 0; i < review_->seats.size(); ++i) {
    const std::vector<Verdict>& verdicts = state.seats[i];
    if (verdicts.size() >= review_->seats[i].seats) continue;
    const uint64_t left = review_->seats[i].seats - verdicts.size();
    completions *= ChoiceCount(left, stances);
    if (completions > limits::kCompletionsMax) return std::nullopt;
    Gap seat;
    seat.seat = static_cast<uint32_t>(i);
    seat.spoken.resize(stances);
    for (const Verdict& v : verdicts) ++seat.spoken[v.stance];
    seat.choice.resize(stances);
    seat.choice[0] = static_cast<int64_t>(left);
    missing.push_back(std::move(seat));
  }
  std::optional<ClauseId> all = also;
  for (;;) {
    for (Gap& seat : missing) {
      std::vector<int64_t> votes = seat.spoken;
      for (size_t s = 0; s < stances; ++s) votes[s] += seat.choice[s];
      SetSeat(seat.seat, votes);
    }
    const ClauseId clause = Conclude();
    if (all.has_value() && *all != clause) return std::nullopt;
    all = clause;
    size_t i = 0;
    while (i < missing.size() && !NextChoice(&missing[i].choice)) ++i;
    if (i == missing.size()) return all;
  }
}

std::optional<ClauseId> Reviews::Complete(const Instance& instance, ReviewId review, const ActorView& orchestrator,
                                          int64_t now_ns) {
  const Review& declared = ReviewOf(world_->schema(), instance, review);
  if (!Missing(declared, instance.reviews[review.value]).empty()) return std::nullopt;
  Fill(instance, review, orchestrator, now_ns);
  return Unanimous(instance, Conclude());
}

ClauseId Reviews::AtDeadline(const Instance& instance, ReviewId review, const ActorView& orchestrator, int64_t now_ns) {
  Fill(instance, review, orchestrator, now_ns);
  return Unanimous(instance, std::nullopt).value_or(ElseClause(*review_));
}

}  // namespace writ
