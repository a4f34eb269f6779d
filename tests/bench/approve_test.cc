// What the benchmark of `approve` rests on: the struct is the frame, all deciders answer alike, and a warm decision, its frame
// included, allocates nothing.
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/orchestrator.h"
#include "runtime/replay/event_lines.h"
#include "runtime/store/memory_store.h"
#include "tests/bench/deal_desk.h"

// A sanitizer has its own allocation, which may not be replaced. GCC tells of it by macros, clang 19 by features.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WRIT_BENCH_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WRIT_BENCH_SANITIZED 1
#endif
#endif

// Every allocation goes through these four, operator new's too.
#if defined(__GLIBC__) && !defined(WRIT_BENCH_SANITIZED)
#define WRIT_BENCH_COUNTS_ALLOCATIONS 1
static std::atomic<int64_t> allocation_count{0};
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void* malloc(size_t size) { return ++allocation_count, __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return ++allocation_count, __libc_calloc(count, size); }
void* realloc(void* old, size_t size) { return ++allocation_count, __libc_realloc(old, size); }
void* aligned_alloc(size_t alignment, size_t size) { return ++allocation_count, __libc_memalign(alignment, size); }
}
#endif

namespace writ::bench {
namespace {

constexpr size_t kCompared = 20'000;

const DealDesk& Desk() {
  static const DealDesk* const desk = new DealDesk(CompileDealDesk());
  return *desk;
}

TEST(Approve, StructIsTheFrame) { EXPECT_THAT(LayoutFaults(Desk()), testing::IsEmpty()); }

TEST(Approve, AllAnswerAlike) {
  const auto native = std::make_unique<RawDecision>(), other = std::make_unique<RawDecision>();
  const std::pair<Case, int> cases[] = {
      {Case::kPermit, 0}, {Case::kEscalate, 1}, {Case::kHold, 2}, {Case::kDeny, 3}, {Case::kMix, -1}};
  int outcomes[4] = {}, indeterminate = 0;
  for (const auto& [wanted, outcome] : cases) {
    for (const ApproveFrame& frame : Frames(wanted, kCompared, 11)) {
      Desk().native->Decide(Desk().approve, Words(frame), native.get());
      if (outcome >= 0) {
        ASSERT_EQ(static_cast<int>(native->outcome), outcome);
      }
      ++outcomes[static_cast<int>(native->outcome)];
      indeterminate += native->indeterminate_count > 0;
      DecideByHand(frame, other.get());
      ASSERT_TRUE(SameDecision(*native, *other));
#ifdef WRIT_BENCH_CLANG
      DecideByHandClang(frame, other.get());
      ASSERT_TRUE(SameDecision(*native, *other));
#endif
      for (const CompiledPolicy* policy : {Desk().soonest.get(), Desk().interpreted.get()}) {
        policy->Decide(Desk().approve, Words(frame), other.get());
        ASSERT_TRUE(SameDecision(*native, *other));
      }
    }
  }
  EXPECT_GT(*std::min_element(outcomes, outcomes + 4), static_cast<int>(kCompared));  // the mix adds to each
  EXPECT_GT(indeterminate, static_cast<int>(kCompared) / 20);
}

#ifdef WRIT_BENCH_COUNTS_ALLOCATIONS
// The story up to the panel's second verdict, in an orchestrator of its own.
struct Story {
  store::MemoryStore store;
  std::unique_ptr<Orchestrator> orchestrator;

  Story() {
    orchestrator = *Orchestrator::Open(Desk().native.get(), &store, {});
    std::ifstream file("examples/deal_desk/events/story.jsonl");
    replay::EventLineReader reader;
    std::string line;
    while (std::getline(file, line)) {
      const auto event = reader.Read(line);
      EXPECT_TRUE(event.ok());
      EXPECT_TRUE(orchestrator->Submit(event->submission).ok());
      if (line.find("\"compliance-1\"") != std::string::npos && line.find("assess") != std::string::npos) break;
    }
  }

  Proposal Approval() const {
    const Function& function = Desk().native->schema().functions[Desk().approve.value];
    Proposal proposal;
    proposal.workflow = function.workflow;
    proposal.transition = TransitionId(function.subject);
    proposal.key = "d-1";
    proposal.key_parts = {Value(std::string("d-1"))};
    const RegisteredActor* kim = orchestrator->registry().Find("kim");
    EXPECT_NE(kim, nullptr);
    proposal.actor = orchestrator->registry().View(*kim, kim->roles.front());
    proposal.now_ns = orchestrator->last_time_ns();
    return proposal;
  }
};

void ExpectNoAllocation(const CompiledPolicy& policy) {
  const Story story;
  const Proposal proposal = story.Approval();
  const Function& function = Desk().native->schema().functions[Desk().approve.value];
  const auto out = std::make_unique<RawDecision>();
  Frame frame;
  const uint64_t applied = 1 << kReviewPending, none = 0;
  const auto decide = [&] {
    FillFrame(story.orchestrator->world(), function, proposal, &frame, nullptr);
    policy.Decide(Desk().approve, frame.words(), out.get());
    Combine(function, &applied, &none, &none, &none, out.get());
  };
  decide();
  const int64_t before = allocation_count;
  for (int i = 0; i < 1000; ++i) decide();
  EXPECT_EQ(allocation_count - before, 0);
  policy.Decide(Desk().approve, frame.words(), out.get());
  EXPECT_EQ(out->outcome, Outcome::kHold);  // it was the proposal that it was meant to be
}

TEST(Approve, AllocatesNothing) { ExpectNoAllocation(*Desk().native); }
TEST(Approve, AllocatesNothingOnceCompiled) { ExpectNoAllocation(*Desk().soonest); }

TEST(Approve, AllocationsAreCounted) {
  const int64_t before = allocation_count;
  std::vector<std::string> texts;
  for (int i = 0; i < 10; ++i) texts.emplace_back(100, 'x');
  EXPECT_GE(allocation_count - before, 10);
}
#endif

}  // namespace
}  // namespace writ::bench
