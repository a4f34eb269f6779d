// The deal desk's `approve`, as somebody would write it who wants it fast and has only this policy to write. Compiled twice:
// WRIT_BENCH_DECIDE is the function's name.
#include "tests/bench/deal_desk_approve.h"

#ifndef WRIT_BENCH_DECIDE
#define WRIT_BENCH_DECIDE DecideByHand
#endif

namespace writ::bench {
namespace {

constexpr int64_t kDay = int64_t{24} * 3600 * 1'000'000'000;
constexpr int64_t kCents = 100;

// Restraints by what they do; whatever is not named here denies.
constexpr uint32_t Bit(Restraint r) { return uint32_t{1} << r; }
constexpr uint32_t kAll = (uint32_t{1} << kRestraintCount) - 1;
constexpr uint32_t kGates = Bit(kDuplicate) | Bit(kNoTransition) | Bit(kStale);
constexpr uint32_t kHolds = Bit(kStaleCredit) | Bit(kReviewPending);
constexpr uint32_t kEscalates = Bit(kElseAsks) | Bit(kWorriedAsks) | Bit(kLargeDiscount) | Bit(kConflictAsks);
constexpr uint32_t kUpon = Bit(kExceptionsAreReviewed);  // applies, and changes no outcome
constexpr uint32_t kDenies = kAll & ~kHolds & ~kEscalates & ~kUpon;

inline uint16_t List(uint32_t bits, uint16_t* list) {
  uint16_t count = 0;
  for (; bits != 0; bits &= bits - 1) list[count++] = static_cast<uint16_t>(__builtin_ctz(bits));
  return count;
}

// What the panel's verdict means for whoever approves now.
inline uint32_t OfReview(const ApproveFrame& f) {
  const bool by_orchestrator = f.is_orchestrator != 0;
  const bool asked = by_orchestrator || f.actor_role == kCfo;
  switch (f.review_outcome) {
    case -1: return Bit(kReviewPending);
    case kVeto: return Bit(kVetoDenies);
    case kWorried: return !asked ? Bit(kWorriedDenies) : by_orchestrator && f.approved_worried == 0 ? Bit(kWorriedAsks) : 0;
    case kUnsafe: return Bit(kUnsafeDenies);
    case kLost: return Bit(kLostDenies);
    case kElse: return !asked ? Bit(kElseDenies) : by_orchestrator && f.approved_else == 0 ? Bit(kElseAsks) : 0;
    case kConflict: return !asked ? Bit(kConflictDenies) : by_orchestrator && f.approved_conflict == 0 ? Bit(kConflictAsks) : 0;
    default: return 0;
  }
}

inline bool HasAuthority(const ApproveFrame& f) {
  if (f.is_orchestrator != 0) return true;
  const bool granted = f.actor_role == kCfo || (f.actor_role == kDealLead && f.amount <= 1'000'000 * kCents);
  return granted && f.holds_role != 0;
}

}  // namespace

void WRIT_BENCH_DECIDE(const ApproveFrame& f, RawDecision* out) {
  uint32_t applied = f.state == kReview ? OfReview(f) : Bit(kNoTransition);
  if (f.discount > 350'000) applied |= kUpon;
  if (f.discount > 350'000 && f.amount > 2'000'000 * kCents && f.actor_role != kCfo && f.approved_large_discount == 0) {
    applied |= Bit(kLargeDiscount);
  }
  if (f.compliance_rejects >= 1 && (f.was_submitted == 0 || f.now - f.submitted >= kDay)) applied |= Bit(kRejectedLate);
  bool stale_is_unknown = false;
  if (f.rechecked == 0 && f.approved_stale_credit == 0) {
    stale_is_unknown = f.customer_given != 0 && f.customer_missing == 0 && f.now - f.customer_updated_at > 7 * kDay;
    if (stale_is_unknown || f.now - f.credit_reviewed > 365 * kDay) applied |= Bit(kStaleCredit);
  }
  if (f.duplicate != 0) applied |= Bit(kDuplicate);
  if (!HasAuthority(f)) applied |= Bit(kNoAuthority);
  if (f.customer_missing != 0) applied |= Bit(kNoRecord);
  if (f.grant_role != -1 && f.is_orchestrator == 0) applied |= Bit(kNotDelegated);
  if (f.seen < f.last_change) applied |= Bit(kStale);
  if (f.is_active == 0 && f.is_orchestrator == 0) applied |= Bit(kSuspended);

  out->allow_count = 0;
  out->indeterminate_count = 0;
  if ((applied & ~kUpon) == 0) {
    out->outcome = Outcome::kPermit;
    out->reason_count = 0;
    out->applied_count = List(applied, out->applied);
    return;
  }
  uint32_t speaking = kEscalates;
  out->outcome = Outcome::kEscalate;
  if ((applied & kDenies) != 0) {
    out->outcome = Outcome::kDeny;
    speaking = (applied & kGates) != 0 ? kGates : kDenies;
  } else if ((applied & kHolds) != 0) {
    out->outcome = Outcome::kHold;
    speaking = kHolds;
  }
  out->reason_count = List(applied & speaking, out->reasons);
  out->applied_count = List(applied, out->applied);
  if (stale_is_unknown) out->indeterminate[out->indeterminate_count++] = kStaleCredit;
}

}  // namespace writ::bench
