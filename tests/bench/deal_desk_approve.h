// The frame of `acme.deals.Deal.approve` (examples/deal_desk) as a C++ struct, its rules as an enum, and the same decision
// written by hand: what native code is measured against.
//
// Units     as FrameLayout: money in cents, percent in 10^-6, times in nanoseconds, Booleans 0 or 1.
// Source    deal_desk.cc checks both against the compiled policy, word by word and rule by rule.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/decision/decision.h"

namespace writ::bench {

struct ApproveFrame {
  int64_t review_outcome;       // Clause, or -1
  int64_t state;                // State
  int64_t actor_role;           // Role
  int64_t is_orchestrator;
  int64_t approved_else;
  int64_t approved_worried;
  int64_t discount;
  int64_t approved_large_discount;
  int64_t amount;
  int64_t compliance_rejects;   // votes
  int64_t now;
  int64_t was_submitted;
  int64_t submitted;            // when last
  int64_t rechecked;
  int64_t approved_stale_credit;
  int64_t customer_updated_at;
  int64_t customer_missing;     // it names nothing
  int64_t customer_given;
  int64_t credit_reviewed;
  int64_t duplicate;
  int64_t holds_role;
  int64_t grant_role;           // Role, or -1
  int64_t approved_conflict;
  int64_t seen;
  int64_t last_change;
  int64_t is_active;
};
inline constexpr size_t kApproveFrameWords = sizeof(ApproveFrame) / sizeof(int64_t);
static_assert(kApproveFrameWords == 26);

enum Clause : int64_t { kVeto, kWorried, kUnsafe, kPriced, kLost, kElse, kConflict };
enum State : int64_t { kDraft, kReview, kApproved, kClosed, kBlocked };
enum Role : int64_t { kCfo = 0, kDealLead = 5, kRoleCount = 13 };

// Function::restraints, in order.
enum Restraint : uint16_t {
  kElseDenies, kElseAsks, kLostDenies, kPricedDenies, kUnsafeDenies, kVetoDenies, kWorriedDenies, kWorriedAsks,
  kExceptionsAreReviewed, kLargeDiscount, kRejectedLate, kStaleCredit, kDuplicate, kNoAuthority, kNoRecord, kNoTransition,
  kNotDelegated, kConflictDenies, kConflictAsks,
  kReviewPending, kStale, kSuspended, kRestraintCount,
};

// hand_written_approve.cc, once by this build's compiler and once by clang, where that was found; each at -O2.
void DecideByHand(const ApproveFrame& frame, RawDecision* out);
#ifdef WRIT_BENCH_CLANG
void DecideByHandClang(const ApproveFrame& frame, RawDecision* out);
#endif

}  // namespace writ::bench
