#include "tests/bench/deal_desk.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace writ::bench {
namespace {

constexpr int64_t kDay = int64_t{24} * 3600 * 1'000'000'000;
constexpr int64_t kNow = int64_t{1'772'442'000} * 1'000'000'000;  // 2026-03-02T09:00:00Z
constexpr int64_t kMillionUsd = 100'000'000;

// As --dump=ir says it.
constexpr const char* kSlots[kApproveFrameWords] = {
    "i64 @0 review_outcome(review)",
    "i64 @1 state",
    "i64 @2 actor.role",
    "bool @3 actor.is_orchestrator",
    "bool @4 approved(acme.deals.Deal.review.else)",
    "bool @5 approved(acme.deals.Deal.review.worried)",
    "i64 @6 after.discount",
    "bool @7 approved(acme.deals.large_discount)",
    "i64 @8 after.amount",
    "i64 @9 seat_votes(review, acme.deals.Compliance, 1)",
    "i64 @10 now",
    "bool @11 cell(time of last(submit).has)",
    "i64 @12 cell(time of last(submit).value)",
    "bool @13 cell(happened(recheck by Risk in this round).has)",
    "bool @14 approved(acme.deals.stale_credit)",
    "i64 @15 after.customer.updated_at",
    "bool @16 after.customer.missing",
    "bool @17 after.customer?",
    "i64 @18 after.customer.credit_reviewed",
    "bool @19 duplicate",
    "bool @20 actor.holds(acme.deals.CFO)",
    "i64 @21 grant.role",
    "bool @22 approved(review.conflict)",
    "i64 @23 seen",
    "i64 @24 last_change",
    "bool @25 actor.is_active",
};

struct RestraintRow { const char* rule; Effect effect; };
constexpr RestraintRow kRestraints[kRestraintCount] = {
    {"acme.deals.Deal.review.else", Effect::kDeny},
    {"acme.deals.Deal.review.else", Effect::kEscalate},
    {"acme.deals.Deal.review.lost", Effect::kDeny},
    {"acme.deals.Deal.review.priced", Effect::kDeny},
    {"acme.deals.Deal.review.unsafe", Effect::kDeny},
    {"acme.deals.Deal.review.veto", Effect::kDeny},
    {"acme.deals.Deal.review.worried", Effect::kDeny},
    {"acme.deals.Deal.review.worried", Effect::kEscalate},
    {"acme.deals.exceptions_are_reviewed", Effect::kUpon},
    {"acme.deals.large_discount", Effect::kEscalate},
    {"acme.deals.rejected_late", Effect::kDeny},
    {"acme.deals.stale_credit", Effect::kHold},
    {"duplicate", Effect::kDeny},
    {"no_authority", Effect::kDeny},
    {"no_record", Effect::kDeny},
    {"no_transition", Effect::kDeny},
    {"not_delegated", Effect::kDeny},
    {"review.conflict", Effect::kDeny},
    {"review.conflict", Effect::kEscalate},
    {"review.pending", Effect::kHold},
    {"stale", Effect::kDeny},
    {"suspended", Effect::kDeny},
};

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(2);
}

class FrameMaker {
 public:
  explicit FrameMaker(uint64_t seed) : random_(seed) {}

  ApproveFrame Make(Case wanted) {
    if (wanted == Case::kMix) return Mixed();
    ApproveFrame f = Permitted();
    if (wanted == Case::kHold) f.review_outcome = -1;
    if (wanted == Case::kEscalate) {
      f.review_outcome = kWorried;
      f.is_orchestrator = 1;
      f.actor_role = -1;
    }
    if (wanted == Case::kDeny) f.review_outcome = Chance(2) ? kVeto : kUnsafe;
    return f;
  }

 private:
  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  bool Chance(int64_t one_in) { return Below(one_in) == 0; }

  // The orchestrator concludes it, or somebody approves it by hand.
  ApproveFrame Permitted() {
    ApproveFrame f{};
    f.review_outcome = kPriced;
    f.state = kReview;
    const int64_t who = Below(3);
    f.is_orchestrator = who == 0;
    f.actor_role = who == 0 ? -1 : who == 1 ? int64_t{kCfo} : int64_t{kDealLead};
    f.holds_role = 1;
    f.grant_role = -1;
    f.is_active = 1;
    f.customer_given = 1;
    f.discount = Below(350'001);
    f.amount = Below(kMillionUsd);
    f.now = kNow + Below(30 * kDay);
    f.was_submitted = 1;
    f.submitted = f.now - Below(2 * kDay);
    f.customer_updated_at = f.now - Below(7 * kDay);
    f.credit_reviewed = f.now - Below(365 * kDay);
    f.last_change = 1 + Below(1000);
    f.seen = Chance(2) ? INT64_MAX : f.last_change + Below(10);
    return f;
  }

  ApproveFrame Mixed() {
    ApproveFrame f = Permitted();
    f.review_outcome = Chance(2) ? kPriced : Below(8) - 1;
    f.state = Chance(8) ? Below(5) : kReview;
    if (Chance(2)) {
      f.is_orchestrator = 0;
      f.actor_role = Below(kRoleCount);
    }
    f.discount = Below(1'000'001);
    f.amount = Below(5 * kMillionUsd);
    f.approved_else = Chance(4);
    f.approved_worried = Chance(4);
    f.approved_large_discount = Chance(4);
    f.approved_stale_credit = Chance(4);
    f.approved_conflict = Chance(4);
    f.rechecked = Chance(4);
    f.compliance_rejects = Chance(4);
    f.was_submitted = !Chance(16);
    f.customer_missing = Chance(16);
    if (Chance(4)) f.customer_updated_at -= 7 * kDay;
    if (Chance(4)) f.credit_reviewed -= 365 * kDay;
    f.duplicate = Chance(32);
    f.holds_role = !Chance(16);
    if (Chance(16)) f.grant_role = Below(kRoleCount);
    f.is_active = !Chance(16);
    if (Chance(8)) f.seen = f.last_change - Below(2);
    return f;
  }

  std::mt19937_64 random_;
};

}  // namespace

DealDesk CompileDealDesk() {
  auto compiled = driver::CompileFiles({"examples/deal_desk/deal_desk.writ"}, driver::Stage::kNative);
  if (!compiled.ok()) Fail(std::string(compiled.status().message()));
  if (!(*compiled)->ok()) Fail("examples/deal_desk does not compile");
  DealDesk desk;
  desk.compiled = *std::move(compiled);
  const auto make = [&desk](bool interpret, const native::Options& how) {
    auto policy = driver::MakePolicy(*desk.compiled, interpret, how);
    if (!policy.ok()) Fail(std::string(policy.status().message()));
    return *std::move(policy);
  };
  desk.native = make(/*interpret=*/false, {});
  desk.soonest = make(/*interpret=*/false, native::Soonest());
  desk.interpreted = make(/*interpret=*/true, {});
  const std::vector<Function>& functions = desk.native->schema().functions;
  for (size_t i = 0; i < functions.size(); ++i) {
    if (functions[i].name == "acme.deals.Deal.approve") desk.approve = FunctionId(i);
  }
  if (!desk.approve.valid()) Fail("examples/deal_desk has no acme.deals.Deal.approve");
  return desk;
}

std::vector<std::string> LayoutFaults(const DealDesk& desk) {
  std::vector<std::string> faults;
  const Schema& schema = desk.native->schema();
  const Function& function = schema.functions[desk.approve.value];
  if (function.frame.size_words != kApproveFrameWords) {
    faults.push_back(absl::StrCat("the frame has ", function.frame.size_words, " words"));
  }
  const std::string text = ir::ToText(desk.compiled->lowered.program, desk.approve);
  for (size_t i = 0; i < kApproveFrameWords; ++i) {
    const std::string line = absl::StrCat("  s", i, " ", kSlots[i], "\n");
    if (!absl::StrContains(text, line)) faults.push_back(absl::StrCat("no slot", line));
  }
  if (function.restraints.size() != kRestraintCount || !function.allows.empty()) {
    faults.push_back(absl::StrCat(function.restraints.size(), " restraints, ", function.allows.size(), " allows"));
    return faults;
  }
  for (size_t i = 0; i < kRestraintCount; ++i) {
    const writ::Restraint& restraint = function.restraints[i];
    const std::string& rule = schema.rules[restraint.rule.value].qualified;
    if (rule != kRestraints[i].rule || restraint.effect != kRestraints[i].effect) {
      faults.push_back(absl::StrCat("restraint ", i, " is ", rule));
    }
  }
  return faults;
}

std::vector<ApproveFrame> Frames(Case wanted, size_t count, uint64_t seed) {
  FrameMaker maker(seed);
  std::vector<ApproveFrame> frames;
  for (size_t i = 0; i < count; ++i) frames.push_back(maker.Make(wanted));
  return frames;
}

bool SameDecision(const RawDecision& a, const RawDecision& b) {
  const auto same = [](const uint16_t* x, uint16_t x_count, const uint16_t* y, uint16_t y_count) {
    return std::equal(x, x + x_count, y, y + y_count);
  };
  return a.outcome == b.outcome && same(a.reasons, a.reason_count, b.reasons, b.reason_count) &&
         same(a.applied, a.applied_count, b.applied, b.applied_count) &&
         same(a.allows, a.allow_count, b.allows, b.allow_count) &&
         same(a.indeterminate, a.indeterminate_count, b.indeterminate, b.indeterminate_count);
}

}  // namespace writ::bench
