#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/state/fake_policy.h"
#include "runtime/state/state.h"

namespace writ {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WorldTest : public ::testing::Test {
 protected:
  World& world() {
    if (world_ == nullptr) {
      policy_ = std::make_unique<FakePolicy>(small_.schema);
      policy_->evaluate = evaluate_;
      world_ = std::make_unique<World>(policy_.get());
    }
    return *world_;
  }
  World::Effect Do(const Proposal& proposal, bool refused = false) { return world().Apply(proposal, ++position_, refused); }
  World::Effect Do(TransitionId transition, bool refused = false) {
    return Do(small_.Propose(transition, "d-1", 100 * (position_ + 1)), refused);
  }
  World::Effect Open(int64_t amount) {
    Proposal open = small_.Propose(small_.open, "d-1", 100 * (position_ + 1));
    open.sets[0] = Value(amount);
    return Do(open);
  }
  World::Effect Assess(std::string actor, RoleId role, int64_t stance) {
    Proposal assess = small_.Propose(small_.assess, "d-1", 100 * (position_ + 1), std::move(actor));
    assess.actor.role = role;
    assess.payload[0] = Value(stance);
    return Do(assess);
  }
  World::Effect Amend(Value amount) {
    Proposal amend = small_.Propose(small_.amend, "d-1", 100 * (position_ + 1));
    amend.sets[0] = std::move(amount);
    return Do(amend);
  }
  void IntoReview() {
    Open(5);
    Do(small_.submit);
  }
  const Instance& deal() { return *world().Find(small_.deals, "d-1"); }
  const ReviewState& review() { return deal().reviews[0]; }
  std::vector<std::string> Spoken(size_t seat) {
    std::vector<std::string> spoken;
    for (const Verdict& v : review().seats[seat]) spoken.push_back(v.actor + "=" + std::to_string(v.stance));
    return spoken;
  }
  Workflow& deals() { return small_.schema.workflows[small_.deals.value]; }

  SmallWorld small_;
  std::map<uint32_t, std::function<void(const int64_t*, int64_t*)>> evaluate_;
  std::unique_ptr<FakePolicy> policy_;
  std::unique_ptr<World> world_;
  int64_t position_ = 0;
};

TEST_F(WorldTest, WhatWasNeverTouchedIsNotThere) {
  EXPECT_EQ(world().Find(small_.deals, "d-1"), nullptr);
  EXPECT_EQ(world().size(), 0u);
}

TEST_F(WorldTest, AnEventCreatesMovesAndSets) {
  const World::Effect effect = Open(5);
  EXPECT_TRUE(effect.changed && effect.new_round);
  EXPECT_EQ(deal().state, small_.draft);
  EXPECT_EQ(deal().fields[0], Value(int64_t{5}));
  EXPECT_TRUE(deal().fields[1].absent());
  EXPECT_EQ(deal().key_parts, std::vector<Value>{Value(std::string("d-1"))});
  EXPECT_EQ(deal().version, 1);
  EXPECT_EQ(deal().last_change, 1);
  EXPECT_EQ(deal().round, 1);
  EXPECT_EQ(deal().updated_ns, 100);
  EXPECT_EQ(review().began_position, 0);
}

TEST_F(WorldTest, ARefusedEventOnlyCounts) {
  EXPECT_FALSE(Do(small_.open, true).changed);
  EXPECT_EQ(deal().state, kNewState);
  EXPECT_EQ(deal().version, 1);
  EXPECT_EQ(deal().last_change, 0);
  Open(5);
  EXPECT_EQ(deal().version, 2);
  EXPECT_EQ(deal().last_change, 2);
  EXPECT_EQ(world().InstancesOf(small_.deals).size(), 1u);
}

TEST_F(WorldTest, EnteringAReviewsStateBeginsARound) {
  Open(5);
  const World::Effect effect = Do(small_.submit);
  EXPECT_TRUE(effect.new_round);
  EXPECT_EQ(deal().round, 2);
  EXPECT_EQ(review().began_position, 2);
  EXPECT_EQ(review().began_ns, 200);
  EXPECT_EQ(deal().updated_ns, 100) << "no field was set";
}

TEST_F(WorldTest, VerdictsTakeSeats) {
  IntoReview();
  EXPECT_TRUE(Assess("p1", small_.pricing, 0).verdict);
  EXPECT_FALSE(Assess("p2", small_.pricing, 1).verdict) << "a plain seat belongs to who speaks first";
  EXPECT_TRUE(Assess("p1", small_.pricing, 1).verdict) << "who may change its mind";
  EXPECT_TRUE(Assess("v1", small_.voter, 0).verdict);
  EXPECT_TRUE(Assess("v2", small_.voter, 0).verdict);
  EXPECT_TRUE(Assess("v1", small_.voter, 1).verdict);
  EXPECT_TRUE(Assess("v3", small_.voter, 0).verdict);
  EXPECT_FALSE(Assess("v4", small_.voter, 0).verdict);
  EXPECT_FALSE(Assess("ann", small_.desk, 0).verdict) << "no seat on the panel";
  EXPECT_THAT(Spoken(0), ElementsAre("p1=1"));
  EXPECT_THAT(Spoken(1), ElementsAre("v1=1", "v2=0", "v3=0"));
  EXPECT_EQ(review().seats[1][0].position, 8);
  EXPECT_EQ(deal().last_change, 2) << "what only records changes nothing";
}

TEST_F(WorldTest, AVerdictCountsOnlyInTheReviewsState) {
  Open(5);
  EXPECT_FALSE(Assess("p1", small_.pricing, 0).verdict);
  EXPECT_THAT(Spoken(0), IsEmpty());
}

TEST_F(WorldTest, SettingAFieldBeginsARound) {
  IntoReview();
  Assess("p1", small_.pricing, 0);
  world().ConcludeReview(small_.deals, "d-1", ReviewId(0), ClauseId(1));
  EXPECT_EQ(review().outcome, 1);
  EXPECT_TRUE(Amend(Value(int64_t{5})).new_round) << "even to the value that it had";
  EXPECT_THAT(Spoken(0), IsEmpty());
  EXPECT_EQ(review().outcome, -1);
  EXPECT_EQ(review().began_position, 4);
  EXPECT_EQ(deal().last_change, 4);
  EXPECT_EQ(deal().updated_ns, 400);
  EXPECT_TRUE(Amend(Value()).new_round) << "what was left out cannot be seen by a fold";
}

TEST_F(WorldTest, ATransitionToItselfBeginsARound) {
  IntoReview();
  Assess("p1", small_.pricing, 0);
  EXPECT_TRUE(Do(small_.again).new_round);
  EXPECT_THAT(Spoken(0), IsEmpty());
  EXPECT_EQ(review().began_position, 4);
}

TEST_F(WorldTest, LeavingAReviewKeepsItsVerdicts) {
  IntoReview();
  Assess("p1", small_.pricing, 0);
  world().ConcludeReview(small_.deals, "d-1", ReviewId(0), ClauseId(0));
  const World::Effect effect = Do(small_.close);
  EXPECT_TRUE(effect.changed);
  EXPECT_FALSE(effect.new_round);
  EXPECT_EQ(review().began_position, 0);
  EXPECT_THAT(Spoken(0), ElementsAre("p1=0"));
  EXPECT_EQ(review().outcome, 0);
  EXPECT_EQ(deal().round, 2);
  EXPECT_EQ(deal().last_change, 4);
}

TEST_F(WorldTest, ARecordMayDoWhatIsNotLegal) {
  EXPECT_TRUE(Do(small_.close).changed);
  EXPECT_EQ(deal().state, small_.done);
  Do(small_.submit);
  EXPECT_EQ(deal().state, small_.in_review);
}

TEST_F(WorldTest, AnEntityKeepsWhatASetDoesNotName) {
  Do(small_.SetCustomer("c-1", Value(std::string("Initech")), Value(int64_t{610}), Value(), 100));
  Do(small_.SetCustomer("c-1", Value(), Value(int64_t{700}), Value(), 250));
  const Instance& customer = *world().Find(small_.customers, "c-1");
  EXPECT_THAT(customer.fields, ElementsAre(Value(std::string("Initech")), Value(int64_t{700}), Value()));
  EXPECT_EQ(customer.updated_ns, 250);
  EXPECT_EQ(customer.version, 2);
}

TEST_F(WorldTest, InstancesComeInOrderOfCreation) {
  for (const char* key : {"z", "a", "m", "a"}) Do(small_.SetCustomer(key, Value(), Value(), Value(), 1));
  std::vector<std::string> keys;
  for (const Instance* instance : world().InstancesOf(small_.customers)) keys.push_back(instance->key);
  EXPECT_THAT(keys, ElementsAre("z", "a", "m"));
  EXPECT_EQ(world().size(), 3u);
}

// ---------------------------------------------------------------- folds

Slot MakeSlot(SlotKind kind, SlotRoot root, uint32_t index, uint32_t offset) {
  Slot slot;
  slot.kind = kind;
  slot.path.root = root;
  slot.path.index = index;
  slot.offset = offset;
  return slot;
}

TEST_F(WorldTest, FoldsSeeTheEventsOutcomeAndStoreToCells) {
  deals().cells = {{"count", SlotKind::kI64, false}, {"total", SlotKind::kI128, false}, {"last_actor", SlotKind::kString, false}};
  FrameLayout layout;
  layout.slots = {MakeSlot(SlotKind::kI64, SlotRoot::kCell, 0, 0),   MakeSlot(SlotKind::kI128, SlotRoot::kCell, 1, 1),
                  MakeSlot(SlotKind::kI64, SlotRoot::kAfter, 0, 3),  MakeSlot(SlotKind::kString, SlotRoot::kActorId, 0, 4),
                  MakeSlot(SlotKind::kI64, SlotRoot::kState, 0, 6),  MakeSlot(SlotKind::kI64, SlotRoot::kPosition, 0, 7),
                  MakeSlot(SlotKind::kI64, SlotRoot::kSeatSpoken, 0, 8)};
  layout.size_words = 9;
  const FunctionId fold = small_.AddFunction(FunctionKind::kFold, small_.amend, layout);
  Function& function = small_.schema.functions[fold.value];
  function.outputs = {{SlotKind::kI64, 0}, {SlotKind::kI128, 1}, {SlotKind::kString, 3}};
  function.output_words = 5;
  function.fold = {{false, 0, UINT32_MAX, 0}, {false, 1, UINT32_MAX, 1}, {false, 2, UINT32_MAX, 2}};
  deals().transitions[small_.amend.value].fold = fold;
  std::vector<std::vector<int64_t>> seen;
  evaluate_[fold.value] = [&](const int64_t* frame, int64_t* out) {
    seen.push_back({frame[3], frame[6], frame[7], frame[8]});
    out[0] = frame[0] + 1;
    out[1] = frame[1] - frame[3];  // below zero, to see the high word kept
    out[2] = frame[1] - frame[3] < 0 ? -1 : 0;
    out[3] = frame[4];
    out[4] = frame[5];
  };
  IntoReview();
  Assess("p1", small_.pricing, 0);
  Amend(Value(int64_t{7}));
  Amend(Value(int64_t{8}));
  EXPECT_THAT(seen, ElementsAre(ElementsAre(7, 1, 4, 0), ElementsAre(8, 1, 5, 0)));
  EXPECT_TRUE(deal().cells[0].number == 2);
  EXPECT_TRUE(deal().cells[1].number == -15);
  EXPECT_EQ(deal().cells[2].text, "ann");
}

TEST_F(WorldTest, RefusedEventsHaveTheirOwnFold) {
  deals().cells = {{"refused", SlotKind::kI64, false}};
  FrameLayout layout;
  layout.slots = {MakeSlot(SlotKind::kI64, SlotRoot::kCell, 0, 0)};
  layout.size_words = 1;
  const FunctionId fold = small_.AddFunction(FunctionKind::kFold, small_.submit, layout);
  small_.schema.functions[fold.value].outputs = {{SlotKind::kI64, 0}};
  small_.schema.functions[fold.value].output_words = 1;
  small_.schema.functions[fold.value].fold = {{false, 0, UINT32_MAX, 0}};
  deals().transitions[small_.submit.value].fold_refused = fold;
  evaluate_[fold.value] = [](const int64_t* frame, int64_t* out) { out[0] = frame[0] + 1; };
  Open(5);
  Do(small_.submit, true);
  Do(small_.submit, true);
  Do(small_.submit);
  EXPECT_TRUE(deal().cells[0].number == 2);
}

TEST_F(WorldTest, WindowsKeepTheNewestAndKnowWhatTheyDropped) {
  deals().windows = {{"amends", 250, 2}};
  FrameLayout layout;
  layout.slots = {MakeSlot(SlotKind::kI64, SlotRoot::kAfter, 0, 0)};
  layout.size_words = 1;
  const FunctionId fold = small_.AddFunction(FunctionKind::kFold, small_.amend, layout);
  small_.schema.functions[fold.value].outputs = {{SlotKind::kBool, 0}, {SlotKind::kI64, 1}};
  small_.schema.functions[fold.value].output_words = 2;
  small_.schema.functions[fold.value].fold = {{true, 0, 0, 1}};
  deals().transitions[small_.amend.value].fold = fold;
  evaluate_[fold.value] = [](const int64_t* frame, int64_t* out) {
    out[0] = frame[0] != 13;
    out[1] = frame[0];
  };
  IntoReview();                                                    // at 100, 200
  for (const int64_t amount : {13, 1, 2}) Amend(Value(amount));    // at 300 (not counted), 400, 500
  const WindowState& window = deal().windows[0];
  ASSERT_EQ(window.entries.size(), 2u);
  EXPECT_EQ(window.dropped_until_ns, INT64_MIN);
  Amend(Value(int64_t{3}));                                        // at 600: 400 is inside still, and has no room
  EXPECT_EQ(window.dropped_until_ns, 400);
  EXPECT_EQ(window.entries.front().time_ns, 500);
  position_ = 7;
  Amend(Value(int64_t{4}));                                        // at 800: 500 has left by itself
  EXPECT_EQ(window.dropped_until_ns, 400);
  ASSERT_EQ(window.entries.size(), 2u);
  EXPECT_EQ(window.entries.front().time_ns, 600);
}

TEST_F(WorldTest, AWindowIsEmptiedInTheOrderOfItsTargets) {
  deals().windows = {{"amends", 1'000'000, 1}};
  const FunctionId fold = small_.AddFunction(FunctionKind::kFold, small_.amend, {});
  Function& function = small_.schema.functions[fold.value];
  function.outputs = {{SlotKind::kBool, 0}, {SlotKind::kI64, 1}};
  function.output_words = 2;
  function.fold = {{true, 0, 0, UINT32_MAX}, {true, 0, UINT32_MAX, 1}};
  deals().transitions[small_.amend.value].fold = fold;
  bool empties = false;
  evaluate_[fold.value] = [&](const int64_t*, int64_t* out) { out[0] = empties, out[1] = 9; };
  IntoReview();
  Amend(Value());
  Amend(Value());
  EXPECT_EQ(deal().windows[0].dropped_until_ns, 300);
  empties = true;
  Amend(Value());
  EXPECT_EQ(deal().windows[0].dropped_until_ns, INT64_MIN) << "what was emptied overflows no more";
  EXPECT_EQ(deal().windows[0].entries.size(), 1u);
}

// ---------------------------------------------------------------- digests

TEST_F(WorldTest, TheSameEventsGiveTheSameDigest) {
  const auto digest_after = [&](const std::function<void()>& events) {
    world_ = nullptr;
    position_ = 0;
    IntoReview();
    Assess("p1", small_.pricing, 0);
    events();
    return StateDigest(world().schema(), deal());
  };
  const std::string digest = digest_after([] {});
  EXPECT_EQ(digest.size(), 64u);
  EXPECT_EQ(digest, digest_after([] {}));
  EXPECT_NE(digest, digest_after([&] { Assess("p1", small_.pricing, 1); }));
  EXPECT_NE(digest, digest_after([&] { Do(small_.close); }));
  EXPECT_NE(digest, digest_after([&] { Do(small_.close, true); }));
  EXPECT_NE(digest, digest_after([&] { world().ConcludeReview(small_.deals, "d-1", ReviewId(0), ClauseId(0)); }));
}

}  // namespace
}  // namespace writ
