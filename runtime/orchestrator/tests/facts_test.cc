// Facts by key, over a log: what a decision reads of them its commit is conditional on, and the log alone gives them back.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/orchestrator/replay_session.h"
#include "runtime/orchestrator/tests/story.h"
#include "runtime/store/chain.h"

namespace writ {
namespace {

constexpr char kDeals[] = R"(package t

domain office
role Desk in office

workflow Deal by id: string max 20 {
  amount:   money(EUR) in 0 EUR .. 1M EUR
  customer: string max 20

  states draft, approved
  open:    -> draft sets amount, customer
  approve: draft -> approved
  drop:    approved -> draft
}
authority Desk { may open, approve, drop on Deal }

fact exposure per customer = sum(amount for approve)
fact held     per customer = count(Deal now in approved)

rule too_much in office
  deny approve on Deal
  when exposure + amount > 100 EUR
)";

Story OpenDeals(int count) {
  Story story(kDeals);
  story.Agent("desk", {"Desk"});
  for (int i = 0; i < count; ++i)
    story.Propose("open", absl::StrCat("d-", i), "desk", {{"amount", "60 EUR"}, {"customer", "c"}});
  return story;
}

Submission Approve(const std::string& on) {
  Submission line;
  line.transition = "approve";
  line.on = Input(on);
  line.by = "desk";
  line.at_ns = kStart;
  return line;
}

const Instance* FactOf(const Orchestrator& orchestrator, const std::string& name, const std::string& key) {
  const std::vector<Workflow>& workflows = orchestrator.schema().workflows;
  for (size_t i = 0; i < workflows.size(); ++i) {
    if (workflows[i].is_fact && workflows[i].name == name) return orchestrator.world().Find(WorkflowId(i), key);
  }
  return nullptr;
}

std::vector<FactFault> Faults(const Story& story) {
  store::MemoryStore store(story.log());
  absl::StatusOr<std::vector<FactFault>> faults = CheckFactReads(story.policy(), &store);
  EXPECT_TRUE(faults.ok()) << faults.status();
  return faults.ok() ? *faults : std::vector<FactFault>();
}

// Handles on one log in memory are for one thread at a time.
class LockedStore : public store::Store {
 public:
  LockedStore(std::shared_ptr<store::MemoryLog> log, std::mutex* mutex) : store_(std::move(log)), mutex_(*mutex) {}
  absl::StatusOr<int64_t> LastPosition() override {
    std::lock_guard lock(mutex_);
    return store_.LastPosition();
  }
  absl::Status Load(int64_t from, const std::function<absl::Status(const store::StoredEvent&)>& callback) override {
    std::lock_guard lock(mutex_);
    return store_.Load(from, callback);
  }
  absl::Status AppendBatch(std::span<const store::PreparedEvent> events, int64_t expected) override {
    std::lock_guard lock(mutex_);
    return store_.AppendBatch(events, expected);
  }
  absl::Status PutPolicy(const std::string& digest, std::string_view ir) override {
    std::lock_guard lock(mutex_);
    return store_.PutPolicy(digest, ir);
  }
  absl::StatusOr<std::string> GetPolicy(const std::string& digest) override {
    std::lock_guard lock(mutex_);
    return store_.GetPolicy(digest);
  }

 private:
  store::MemoryStore store_;
  std::mutex& mutex_;
};

TEST(FactsByKey, TwoDealsCannotBothReadZero) {
  Story story = OpenDeals(2);
  RacingStore racing(story.log());
  absl::StatusOr<std::unique_ptr<Orchestrator>> other = Orchestrator::Open(&story.policy(), &racing, {});
  ASSERT_TRUE(other.ok());
  std::string first;
  racing.before = [&] { first = story.Propose("approve", "d-0", "desk"); };
  absl::StatusOr<std::vector<DecisionRecord>> records = (*other)->Submit(Approve("d-1"));
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_TRUE(absl::StrContains(first, "approve d-0 by desk: permit")) << first;
  EXPECT_TRUE(absl::StrContains(story.Tell(records->front()), "approve d-1 by desk: deny [t.too_much]"));
  EXPECT_TRUE(Faults(story).empty());
}

TEST(FactsByKey, OfManyProposersAtOnceOneFindsRoom) {
  Story story = OpenDeals(8);
  std::atomic<int> permitted = 0, denied = 0;
  std::mutex mutex;
  std::vector<std::thread> proposers;
  for (int t = 0; t < 4; ++t) {
    proposers.emplace_back([&, t] {
      LockedStore own(story.log(), &mutex);
      absl::StatusOr<std::unique_ptr<Orchestrator>> orchestrator = Orchestrator::Open(&story.policy(), &own, {});
      ASSERT_TRUE(orchestrator.ok());
      for (int i = 0; i < 2; ++i) {
        absl::StatusOr<std::vector<DecisionRecord>> records = (*orchestrator)->Submit(Approve(absl::StrCat("d-", 2 * t + i)));
        ASSERT_TRUE(records.ok()) << records.status();
        ++(records->front().outcome == Outcome::kPermit ? permitted : denied);
      }
    });
  }
  for (std::thread& proposer : proposers) proposer.join();
  EXPECT_EQ(permitted, 1);
  EXPECT_EQ(denied, 7);
  story.Reopen();
  EXPECT_EQ(FactOf(story.orchestrator(), "exposure", "c")->cells[0].number, 6000);
  EXPECT_EQ(FactOf(story.orchestrator(), "held", "c")->cells[0].number, 1);
  EXPECT_TRUE(Faults(story).empty());
}

TEST(FactsByKey, AreReadAtAVersion) {
  Story story = OpenDeals(2);
  story.Propose("approve", "d-0", "desk");
  story.Propose("drop", "d-0", "desk");
  story.Propose("approve", "d-1", "desk");
  const auto version = [&](int64_t position) {
    absl::StatusOr<store::Event> event = story.orchestrator().EventAt(position);
    for (const store::ReadVersion& read : event->read_set) {
      if (read.stream == "fact t.exposure/c") return read.version;
    }
    return int64_t{-1};
  };
  EXPECT_EQ(version(4), 0);   // the first approve: nothing was counted yet
  EXPECT_EQ(version(6), 1);
  EXPECT_EQ(version(5), -1);  // `drop` reads none
  EXPECT_EQ(FactOf(story.orchestrator(), "exposure", "c")->version, 1);  // the second one was denied
  EXPECT_EQ(FactOf(story.orchestrator(), "held", "c")->version, 2);
  const std::string live = story.Everything();
  story.Reopen();
  EXPECT_EQ(story.Everything(), live);
}

// The same log with one number changed, its chain whole.
TEST(FactsByKey, AVersionThatNeverWasIsFound) {
  Story story = OpenDeals(2);
  story.Propose("approve", "d-0", "desk");
  story.Propose("approve", "d-1", "desk");
  store::MemoryStore store(story.log());
  auto forged = std::make_shared<store::MemoryLog>();
  store::MemoryStore forged_store(forged);
  store::Chain chain;
  store::CounterRandom random;
  ASSERT_TRUE(store.Load(1, [&](const store::StoredEvent& stored) -> absl::Status {
    absl::StatusOr<store::Event> event =
        store::DecodeEvent(stored.bytes, stored.private_bytes, store::PrivateCheck::kTrust);
    for (store::ReadVersion& read : event->read_set) {
      if (event->position == 5 && store::IsFactStream(read.stream)) read.version = 0;
    }
    absl::StatusOr<store::PreparedEvent> prepared = chain.Prepare(&*event, &random);
    if (!prepared.ok()) return prepared.status();
    chain.Commit();
    return forged_store.AppendBatch({&*prepared, 1}, event->position - 1);
  }).ok());
  EXPECT_TRUE(store::VerifyChain(&forged_store)->faults.empty());
  absl::StatusOr<std::vector<FactFault>> faults = CheckFactReads(story.policy(), &forged_store);
  ASSERT_TRUE(faults.ok());
  ASSERT_EQ(faults->size(), 1u);
  EXPECT_EQ((*faults)[0].position, 5);
  EXPECT_EQ((*faults)[0].text, "it read version 0 of `fact t.exposure/c`, which was at version 1");
}

TEST(FactsByKey, AChangedPolicyHasItsOwnFromTheStartOfTheLog) {
  Story story = OpenDeals(3);
  story.Propose("approve", "d-0", "desk");
  EXPECT_TRUE(absl::StrContains(story.Propose("approve", "d-1", "desk"), "deny [t.too_much]"));
  std::string changed = kDeals;
  changed.replace(changed.find("exposure + amount > 100 EUR"), 27,
                  "exposure + amount > 200 EUR or (opened >= 3 and exposure >= 120 EUR)");
  changed.insert(changed.find("rule too_much"), "fact opened per customer = count(Deal.open)\n\n");
  story.Reopen(changed);
  EXPECT_EQ(FactOf(story.orchestrator(), "opened", "c")->cells[0].number, 3);
  EXPECT_EQ(FactOf(story.orchestrator(), "exposure", "c")->cells[0].number, 6000);
  EXPECT_TRUE(absl::StrContains(story.Propose("approve", "d-1", "desk"), "approve d-1 by desk: permit"));
  EXPECT_TRUE(absl::StrContains(story.Propose("approve", "d-2", "desk"), "deny [t.too_much]"));
  EXPECT_TRUE(Faults(story).empty());  // those of the policy in force
}

TEST(FactsByKey, FollowARecord) {
  Story story = OpenDeals(0);
  const Schema& schema = story.orchestrator().schema();
  ReplaySession session(&story.policy());
  const auto happened = [&](const char* transition, const char* on, int64_t now_ns) {
    Proposal p;
    p.workflow = *story.orchestrator().ResolveWorkflow("Deal");
    const Workflow& workflow = schema.workflows[p.workflow.value];
    for (size_t i = 0; i < workflow.transitions.size(); ++i) {
      if (workflow.transitions[i].name == transition) p.transition = TransitionId(i);
    }
    p.key = on;
    p.key_parts = {Value(std::string(on))};
    if (!workflow.transitions[p.transition.value].sets.empty()) p.sets = {Value(int64_t{6000}), Value(std::string("c"))};
    p.actor.id = p.actor.principal = "desk";
    p.actor.role = *story.orchestrator().registry().ResolveRole("Desk");
    p.now_ns = now_ns;
    return session.Decide(&p).outcome;
  };
  EXPECT_EQ(happened("open", "a", kStart), Outcome::kPermit);
  EXPECT_EQ(happened("open", "b", kStart), Outcome::kPermit);
  EXPECT_EQ(happened("approve", "a", kStart + 1), Outcome::kPermit);
  EXPECT_EQ(happened("approve", "b", kStart + 2), Outcome::kDeny);  // and counts all the same
  for (size_t i = 0; i < schema.workflows.size(); ++i) {
    if (schema.workflows[i].name != "exposure") continue;
    EXPECT_EQ(session.world().Find(WorkflowId(i), "c")->cells[0].number, 12000);
  }
}

}  // namespace
}  // namespace writ
