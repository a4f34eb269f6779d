#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/frame/frame.h"
#include "runtime/state/fake_policy.h"

namespace {
int64_t allocation_count = 0;
}  // namespace

// Not inlined, or the compiler takes `new` and `free` for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocation_count;
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace writ {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

uint32_t WordsOf(SlotKind kind) { return kind == SlotKind::kI128 || kind == SlotKind::kString ? 2 : 1; }

PathStep Step(PathStep::Kind kind, uint32_t index = 0) { return {kind, index}; }
PathStep Member(uint32_t i) { return Step(PathStep::Kind::kMember, i); }
PathStep Through(uint32_t field) { return Step(PathStep::Kind::kField, field); }

// Lays slots out one after the other, top level and elements alike.
class LayoutMaker {
 public:
  uint32_t Add(SlotKind kind, SlotPath path, Projection projection = Projection::kValue, ListId list = ListId()) {
    Slot slot;
    slot.kind = kind;
    slot.path = std::move(path);
    slot.projection = projection;
    slot.list = list;
    uint32_t* next = list.valid() ? &layout.lists[list.value].stride : &layout.size_words;
    slot.offset = *next;
    *next += WordsOf(kind);
    layout.slots.push_back(slot);
    return slot.offset;
  }
  // Once all slots of the element, its lists first, are there, Close gives the list its place.
  ListId Open(SlotPath path, ListId parent, uint32_t capacity) {
    FrameList list;
    list.path = std::move(path);
    list.parent = parent;
    list.capacity = capacity;
    layout.lists.push_back(list);
    return ListId(layout.lists.size() - 1);
  }
  uint32_t Close(ListId id) {
    FrameList& list = layout.lists[id.value];
    uint32_t* next = list.parent.valid() ? &layout.lists[list.parent.value].stride : &layout.size_words;
    list.offset = *next;
    *next += 1 + list.capacity * list.stride;
    return list.offset;
  }

  FrameLayout layout;
};

class FrameTest : public ::testing::Test {
 protected:
  World& world() {
    if (world_ == nullptr) {
      policy_ = std::make_unique<FakePolicy>(small_.schema);
      world_ = std::make_unique<World>(policy_.get());
    }
    return *world_;
  }
  void Do(const Proposal& proposal) { world().Apply(proposal, ++position_, false); }
  Proposal Open(int64_t amount, Value customer = Value()) const {
    Proposal open = small_.Propose(small_.open, "d-1", 100);
    open.sets[0] = Value(amount);
    open.sets[1] = std::move(customer);
    return open;
  }
  void Fill(const Proposal& proposal, FunctionKind kind = FunctionKind::kDecide) {
    function_.kind = kind;
    function_.workflow = small_.deals;
    function_.subject = proposal.transition.value;
    function_.frame = maker_.layout;
    reads_.clear();
    FillFrame(world(), function_, proposal, &frame_, &reads_);
  }
  int64_t Word(uint32_t offset) const { return frame_.words()[offset]; }
  std::string Text(uint32_t offset) const {
    return std::string(reinterpret_cast<const char*>(Word(offset)), static_cast<size_t>(Word(offset + 1)));
  }
  std::vector<std::string> Reads() const {
    std::vector<std::string> reads;
    for (const ReadVersion& r : reads_) {
      reads.push_back(small_.schema.workflows[r.workflow.value].name + "/" + r.key + "@" + std::to_string(r.version));
    }
    return reads;
  }
  Value Leg(std::string to, int64_t price, std::vector<int64_t> stops, Value airport = Value()) const {
    Value::List list;
    for (const int64_t stop : stops) list.push_back(Value(stop));
    return Value(Value::List{Value(std::move(to)), Value(price), Value(std::move(list)), std::move(airport)});
  }

  SmallWorld small_;
  LayoutMaker maker_;
  Function function_;
  Frame frame_;
  ReadSet reads_;
  std::unique_ptr<FakePolicy> policy_;
  std::unique_ptr<World> world_;
  int64_t position_ = 0;
};

TEST_F(FrameTest, BeforeAndAfter) {
  const uint32_t before = maker_.Add(SlotKind::kI64, {SlotRoot::kBefore, 0, 0, 0, {}});
  const uint32_t after = maker_.Add(SlotKind::kI64, {SlotRoot::kAfter, 0, 0, 0, {}});
  const uint32_t had = maker_.Add(SlotKind::kBool, {SlotRoot::kBefore, 0, 0, 0, {}}, Projection::kHas);
  const uint32_t has = maker_.Add(SlotKind::kBool, {SlotRoot::kAfter, 0, 0, 0, {}}, Projection::kHas);
  const uint32_t state = maker_.Add(SlotKind::kI64, {SlotRoot::kState, 0, 0, 0, {}});
  Fill(Open(5));
  EXPECT_THAT((std::vector<int64_t>{Word(before), Word(after), Word(had), Word(has), Word(state)}), ElementsAre(0, 5, 0, 1, -1));
  EXPECT_THAT(Reads(), ElementsAre("Deal/d-1@0"));
  Do(Open(5));
  Do(small_.Propose(small_.submit, "d-1", 200));
  Proposal amend = small_.Propose(small_.amend, "d-1", 300);
  Fill(amend);
  EXPECT_EQ(Word(after), 5) << "left out: as before";
  amend.sets[0] = Value(int64_t{9});
  Fill(amend);
  EXPECT_THAT((std::vector<int64_t>{Word(before), Word(after), Word(had), Word(has), Word(state)}), ElementsAre(5, 9, 1, 1, 1));
  EXPECT_THAT(Reads(), ElementsAre("Deal/d-1@2"));
}

TEST_F(FrameTest, WhoActsAndWhen) {
  const uint32_t id = maker_.Add(SlotKind::kString, {SlotRoot::kActorId, 0, 0, 0, {}});
  const uint32_t principal = maker_.Add(SlotKind::kString, {SlotRoot::kActorPrincipal, 0, 0, 0, {}});
  const uint32_t role = maker_.Add(SlotKind::kI64, {SlotRoot::kActorRole, 0, 0, 0, {}});
  const uint32_t holds = maker_.Add(SlotKind::kBool, {SlotRoot::kHoldsRole, small_.desk.value, 0, 0, {}});
  const uint32_t human = maker_.Add(SlotKind::kBool, {SlotRoot::kActorIsHuman, 0, 0, 0, {}});
  const uint32_t key = maker_.Add(SlotKind::kString, {SlotRoot::kThisKey, 0, 0, 0, {}});
  const uint32_t part = maker_.Add(SlotKind::kString, {SlotRoot::kThisKey, 0, 0, 0, {Step(PathStep::Kind::kKeyPart, 0)}});
  const uint32_t now = maker_.Add(SlotKind::kI64, {SlotRoot::kNow, 0, 0, 0, {}});
  const uint32_t approved = maker_.Add(SlotKind::kBool, {SlotRoot::kApproved, 20, 0, 0, {}});
  const uint32_t unapproved = maker_.Add(SlotKind::kBool, {SlotRoot::kApproved, 21, 0, 0, {}});
  const uint32_t seen = maker_.Add(SlotKind::kI64, {SlotRoot::kSeen, 0, 0, 0, {}});
  Proposal open = Open(5);
  open.approved = {RuleId(14), RuleId(20)};
  Fill(open);
  EXPECT_EQ(Text(id), "ann");
  EXPECT_EQ(Text(principal), "acme");
  EXPECT_EQ(Text(key), "d-1");
  EXPECT_EQ(Text(part), "d-1");
  EXPECT_THAT((std::vector<int64_t>{Word(role), Word(holds), Word(human), Word(now), Word(approved), Word(unapproved)}),
              ElementsAre(2, 1, 0, 100, 1, 0));
  EXPECT_EQ(Word(seen), INT64_MAX);
  open.actor.holds_role = false;
  open.actor.role = RoleId();
  Fill(open);
  EXPECT_EQ(Word(role), -1);
  EXPECT_EQ(Word(holds), 0);
}

TEST_F(FrameTest, ReadsThroughReferences) {
  const SlotPath customer{SlotRoot::kAfter, SmallWorld::kCustomer, 0, 0, {}};
  const auto path = [&](std::vector<PathStep> steps) { return SlotPath{customer.root, customer.index, 0, 0, std::move(steps)}; };
  const uint32_t score = maker_.Add(SlotKind::kI64, path({Through(1)}));
  const uint32_t home_name = maker_.Add(SlotKind::kString, path({Through(2), Through(0)}));
  const uint32_t missing = maker_.Add(SlotKind::kBool, customer, Projection::kMissing);
  const uint32_t home_missing = maker_.Add(SlotKind::kBool, path({Through(2)}), Projection::kMissing);
  const uint32_t updated = maker_.Add(SlotKind::kI64, customer, Projection::kUpdatedAt);
  const uint32_t id = maker_.Add(SlotKind::kString, path({Step(PathStep::Kind::kKeyPart, 0)}));
  Do(small_.SetCustomer("c-1", Value(std::string("Initech")), Value(int64_t{610}), Value(std::string("c-2")), 70));

  Fill(Open(5, Value(std::string("c-1"))));
  EXPECT_THAT((std::vector<int64_t>{Word(score), Word(missing), Word(home_missing), Word(updated)}), ElementsAre(610, 0, 1, 70));
  EXPECT_EQ(Text(home_name), "");
  EXPECT_EQ(Text(id), "c-1");
  EXPECT_THAT(Reads(), ElementsAre("Customer/c-1@1", "Customer/c-2@0", "Deal/d-1@0"));

  Do(small_.SetCustomer("c-2", Value(std::string("Home")), Value(int64_t{700}), Value(), 80));
  Do(small_.SetCustomer("c-2", Value(), Value(int64_t{701}), Value(), 90));
  Fill(Open(5, Value(std::string("c-1"))));
  EXPECT_EQ(Text(home_name), "Home");
  EXPECT_EQ(Word(home_missing), 0);
  EXPECT_THAT(Reads(), ElementsAre("Customer/c-1@1", "Customer/c-2@2", "Deal/d-1@0"));

  Fill(Open(5, Value(std::string("nobody"))));
  EXPECT_THAT((std::vector<int64_t>{Word(score), Word(missing), Word(home_missing)}), ElementsAre(0, 1, 0));
  EXPECT_THAT(Reads(), ElementsAre("Customer/nobody@0", "Deal/d-1@0"));

  Fill(Open(5));
  EXPECT_THAT((std::vector<int64_t>{Word(score), Word(missing)}), ElementsAre(0, 0)) << "absent is not missing";
  EXPECT_THAT(Reads(), ElementsAre("Deal/d-1@0"));
}

TEST_F(FrameTest, TheStateOfNothingIsNew) {
  const SlotPath customer{SlotRoot::kAfter, SmallWorld::kCustomer, 0, 0, {Step(PathStep::Kind::kState, 0)}};
  const uint32_t state = maker_.Add(SlotKind::kI64, customer);
  const uint32_t home = maker_.Add(
      SlotKind::kI64, {customer.root, customer.index, 0, 0, {Through(2), Step(PathStep::Kind::kState, 0)}});
  const uint32_t own = maker_.Add(SlotKind::kI64, {SlotRoot::kThisKey, 0, 0, 0, {Step(PathStep::Kind::kState, 0)}});
  Do(small_.SetCustomer("c-1", Value(std::string("Initech")), Value(int64_t{610}), Value(std::string("c-2")), 70));
  const auto states = [&] { return std::vector<int64_t>{Word(state), Word(home), Word(own)}; };

  Fill(Open(5, Value(std::string("c-1"))));
  EXPECT_THAT(states(), ElementsAre(0, -1, -1));
  Fill(Open(5, Value(std::string("nobody"))));
  EXPECT_THAT(states(), ElementsAre(-1, -1, -1));
  Fill(Open(5));
  EXPECT_THAT(states(), ElementsAre(-1, -1, -1));
}

TEST_F(FrameTest, WhatWasOnlyRefusedNamesNothing) {
  const uint32_t missing = maker_.Add(SlotKind::kBool, {SlotRoot::kAfter, SmallWorld::kCustomer, 0, 0, {}}, Projection::kMissing);
  world().Apply(small_.SetCustomer("c-1", Value(), Value(), Value(), 1), ++position_, true);
  Fill(Open(5, Value(std::string("c-1"))));
  EXPECT_EQ(Word(missing), 1);
  EXPECT_THAT(Reads(), ElementsAre("Customer/c-1@1", "Deal/d-1@0")) << "but its stream has a version";
}

TEST_F(FrameTest, SetsOfEnumsAreBits) {
  const uint32_t bits = maker_.Add(SlotKind::kI64, {SlotRoot::kAfter, SmallWorld::kFlags, 0, 0, {}});
  const uint32_t count = maker_.Add(SlotKind::kI64, {SlotRoot::kAfter, SmallWorld::kFlags, 0, 0, {}}, Projection::kLength);
  Proposal open = Open(5);
  open.sets[2] = Value(int64_t{0b101});
  Fill(open);
  EXPECT_EQ(Word(bits), 0b101);
  EXPECT_EQ(Word(count), 2);
}

// legs { to, price, stops { value } , airport.score }, tags { value }
struct ListLayout {
  uint32_t legs, length, to, price, score, tags, tag, lookup_score;
  ListId leg, stop, tag_list;
  uint32_t stop_offset, stop_value;
};

ListLayout AddLists(LayoutMaker* maker) {
  ListLayout at;
  at.length = maker->Add(SlotKind::kI64, {SlotRoot::kAfter, SmallWorld::kLegs, 0, 0, {}}, Projection::kLength);
  at.leg = maker->Open({SlotRoot::kAfter, SmallWorld::kLegs, 0, 0, {}}, ListId(), 4);
  at.to = maker->Add(SlotKind::kString, {SlotRoot::kElement, 0, 0, 0, {Member(0)}}, Projection::kValue, at.leg);
  at.price = maker->Add(SlotKind::kI64, {SlotRoot::kElement, 0, 0, 0, {Member(1)}}, Projection::kValue, at.leg);
  at.score = maker->Add(SlotKind::kI64, {SlotRoot::kElement, 0, 0, 0, {Member(3), Through(1)}}, Projection::kValue, at.leg);
  // Customer[leg.to].score; the key's slot is the first of the element.
  const SlotId key(maker->layout.slots.size() - 3);
  maker->layout.lookups.push_back({WorkflowId(0), {{key, ""}}, at.leg});
  at.lookup_score = maker->Add(SlotKind::kI64, {SlotRoot::kLookup, 0, 0, 0, {Through(1)}}, Projection::kValue, at.leg);
  at.stop = maker->Open({SlotRoot::kElement, 0, 0, 0, {Member(2)}}, at.leg, 3);
  at.stop_value = maker->Add(SlotKind::kI64, {SlotRoot::kElement, 0, 0, 0, {}}, Projection::kValue, at.stop);
  at.stop_offset = maker->Close(at.stop);
  at.legs = maker->Close(at.leg);
  at.tag_list = maker->Open({SlotRoot::kAfter, SmallWorld::kTags, 0, 0, {}}, ListId(), 3);
  at.tag = maker->Add(SlotKind::kString, {SlotRoot::kElement, 0, 0, 0, {}}, Projection::kValue, at.tag_list);
  at.tags = maker->Close(at.tag_list);
  return at;
}

TEST_F(FrameTest, ListsNestAndElementsReadOn) {
  const ListLayout at = AddLists(&maker_);
  Do(small_.SetCustomer("ZRH", Value(std::string("Zurich")), Value(int64_t{800}), Value(), 1));
  Proposal open = Open(5);
  open.sets[3] = Value(Value::List{Leg("ZRH", 10, {1, 2}), Leg("JFK", 20, {}, Value(std::string("ZRH"))), Leg("", 30, {7})});
  open.sets[4] = Value(Value::List{Value(std::string("a")), Value(std::string("a tag of twenty char"))});
  Fill(open);
  EXPECT_EQ(Word(at.length), 3);
  EXPECT_EQ(Word(at.legs), 3);
  const uint32_t stride = maker_.layout.lists[at.leg.value].stride;
  const auto leg = [&](uint32_t i) { return at.legs + 1 + i * stride; };
  EXPECT_EQ(Text(leg(0) + at.to), "ZRH");
  EXPECT_EQ(Text(leg(1) + at.to), "JFK");
  EXPECT_EQ(Word(leg(2) + at.price), 30);
  EXPECT_EQ(Word(leg(0) + at.score), 0);
  EXPECT_EQ(Word(leg(1) + at.score), 800);
  EXPECT_EQ(Word(leg(0) + at.lookup_score), 800);
  EXPECT_EQ(Word(leg(1) + at.lookup_score), 0);
  EXPECT_EQ(Word(leg(0) + at.stop_offset), 2);
  EXPECT_EQ(Word(leg(0) + at.stop_offset + 2), 2);
  EXPECT_EQ(Word(leg(1) + at.stop_offset), 0);
  EXPECT_EQ(Word(leg(2) + at.stop_offset + 1), 7);
  EXPECT_EQ(Word(leg(3) + at.price), 0);
  EXPECT_EQ(Word(at.tags), 2);
  EXPECT_EQ(Text(at.tags + 1), "a");
  EXPECT_EQ(Text(at.tags + 3), "a tag of twenty char");
  EXPECT_THAT(Reads(), ElementsAre("Customer/@0", "Customer/JFK@0", "Customer/ZRH@1", "Deal/d-1@0"));
}

TEST_F(FrameTest, FillingAgainAllocatesNothing) {
  AddLists(&maker_);
  Do(small_.SetCustomer("ZRH", Value(std::string("Zurich")), Value(int64_t{800}), Value(), 1));
  Proposal open = Open(5);
  const std::string tag = "a tag of twenty char";
  open.sets[3] = Value(Value::List{Leg("ZRH", 10, {1, 2}), Leg("JFK", 20, {}, Value(std::string("ZRH")))});
  open.sets[4] = Value(Value::List{Value(tag), Value(tag)});
  Fill(open);
  const int64_t before = allocation_count;
  FillFrame(world(), function_, open, &frame_, nullptr);
  EXPECT_EQ(allocation_count, before);
}

TEST_F(FrameTest, MoreElementsThanFitAreCut) {
  const ListLayout at = AddLists(&maker_);
  Proposal open = Open(5);
  open.sets[4] = Value(Value::List(9, Value(std::string("x"))));
  Fill(open);
  EXPECT_EQ(Word(at.tags), 3);
}

TEST_F(FrameTest, CompoundLookUpsJoinTheirParts) {
  const uint32_t now = maker_.Add(SlotKind::kI64, {SlotRoot::kBefore, SmallWorld::kAmount, 0, 0, {}});
  maker_.layout.lookups.push_back({small_.rates, {{SlotId(), "a|b"}, {SlotId(0), ""}}, ListId()});
  const uint32_t has = maker_.Add(SlotKind::kBool, {SlotRoot::kLookup, 0, 0, 0, {}}, Projection::kHas);
  const uint32_t missing = maker_.Add(SlotKind::kBool, {SlotRoot::kLookup, 0, 0, 0, {}}, Projection::kMissing);
  const uint32_t factor = maker_.Add(SlotKind::kI64, {SlotRoot::kLookup, 0, 0, 0, {Through(0)}});
  Proposal rate;
  rate.workflow = small_.rates;
  rate.transition = TransitionId(0);
  rate.key = "a\\|b|1970-01-06";
  rate.key_parts = {Value(std::string("a|b")), Value(int64_t{5})};
  rate.sets = {Value(int64_t{380'000})};
  Do(rate);
  const Proposal submit = small_.Propose(small_.submit, "d-1", 200);
  Fill(submit);
  EXPECT_EQ(Word(has), 0) << "no key, no look-up";
  EXPECT_THAT(Reads(), ElementsAre("Deal/d-1@0"));
  Do(Open(5));
  Fill(submit);
  EXPECT_EQ(Word(now), 5);
  EXPECT_EQ(Word(has), 1);
  EXPECT_EQ(Word(factor), 380'000);
  EXPECT_THAT(Reads(), ElementsAre("Deal/d-1@1", "Rate/a\\|b|1970-01-06@1"));
  Proposal amend = Open(6);
  amend.key = "d-2";
  Do(amend);
  Proposal other = submit;
  other.key = "d-2";
  Fill(other);
  EXPECT_EQ(Word(has), 0);
  EXPECT_EQ(Word(missing), 0) << "a look-up that finds nothing is absent";
}

TEST_F(FrameTest, WindowsAreHalfOpen) {
  small_.schema.workflows[small_.deals.value].windows = {{"w", 100, 8}};
  const auto add = [&](SlotKind kind, SlotRoot root) { return maker_.Add(kind, {root, 0, 0, 0, {}}); };
  const uint32_t count = add(SlotKind::kI64, SlotRoot::kWindowCount), sum = add(SlotKind::kI128, SlotRoot::kWindowSum),
                 least = add(SlotKind::kI64, SlotRoot::kWindowMin), most = add(SlotKind::kI64, SlotRoot::kWindowMax),
                 overflow = add(SlotKind::kBool, SlotRoot::kWindowOverflow);
  Do(Open(5));
  auto& window = const_cast<Instance*>(world().Find(small_.deals, "d-1"))->windows[0];
  window.entries = {{100, 7}, {150, -3}, {200, -4}};
  window.dropped_until_ns = 99;
  const auto fill_at = [&](int64_t now) {
    Fill(small_.Propose(small_.submit, "d-1", now));
    return std::vector<int64_t>{Word(count), Word(sum), Word(sum + 1), Word(least), Word(most), Word(overflow)};
  };
  EXPECT_THAT(fill_at(199), ElementsAre(3, 0, 0, -4, 7, 0));
  EXPECT_THAT(fill_at(198), ElementsAre(3, 0, 0, -4, 7, 1)) << "the dropped one is inside still";
  EXPECT_THAT(fill_at(200), ElementsAre(2, -7, -1, -4, -3, 0)) << "now - within is outside";
  EXPECT_THAT(fill_at(300), ElementsAre(0, 0, 0, 0, 0, 0));
}

TEST_F(FrameTest, ReviewsAreRead) {
  const auto add = [&](SlotRoot root, uint32_t part = 0, uint32_t part2 = 0) {
    return maker_.Add(SlotKind::kI64, {root, 0, part, part2, {}});
  };
  const uint32_t outcome = add(SlotRoot::kReviewOutcome), spoken = add(SlotRoot::kSeatSpoken, 1),
                 yes = add(SlotRoot::kSeatVotes, 1, 0), no = add(SlotRoot::kSeatVotes, 1, 1),
                 taken = add(SlotRoot::kSeatTaken, 0);
  const auto fill = [&](const std::string& actor, int32_t clause = -1) {
    Proposal assess = small_.Propose(small_.assess, "d-1", 500, actor);
    if (clause >= 0) assess.conclude_review = 0, assess.conclude_clause = clause;
    Fill(assess);
    return std::vector<int64_t>{Word(outcome), Word(spoken), Word(yes), Word(no), Word(taken)};
  };
  EXPECT_THAT(fill("p1"), ElementsAre(-1, 0, 0, 0, 0));
  Do(Open(5));
  Do(small_.Propose(small_.submit, "d-1", 200));
  const auto assess = [&](std::string actor, RoleId role, int64_t stance) {
    Proposal proposal = small_.Propose(small_.assess, "d-1", 300, std::move(actor));
    proposal.actor.role = role;
    proposal.payload[0] = Value(stance);
    Do(proposal);
  };
  assess("p1", small_.pricing, 0);
  assess("v1", small_.voter, 1);
  assess("v2", small_.voter, 1);
  assess("v3", small_.voter, 0);
  EXPECT_THAT(fill("p1"), ElementsAre(-1, 3, 1, 2, 0)) << "its own seat is not taken";
  EXPECT_THAT(fill("p2"), ElementsAre(-1, 3, 1, 2, 1));
  EXPECT_THAT(fill("p2", 4), ElementsAre(4, 3, 1, 2, 1)) << "what is being concluded";
  world().ConcludeReview(small_.deals, "d-1", ReviewId(0), ClauseId(2));
  EXPECT_THAT(fill("p1"), ElementsAre(2, 3, 1, 2, 0));
}

TEST_F(FrameTest, AConcludeFrameHasNoTransition) {
  const uint32_t after = maker_.Add(SlotKind::kI64, {SlotRoot::kAfter, 0, 0, 0, {}});
  Do(Open(5));
  Proposal proposal = small_.Propose(small_.submit, "d-1", 200);
  proposal.transition = TransitionId();
  function_.subject = 0;
  function_.kind = FunctionKind::kConclude;
  function_.workflow = small_.deals;
  function_.frame = maker_.layout;
  FillFrame(world(), function_, proposal, &frame_, nullptr);
  EXPECT_EQ(Word(after), 5);
}

TEST_F(FrameTest, ReadsAreAddedToWhatIsThere) {
  maker_.Add(SlotKind::kI64, {SlotRoot::kNow, 0, 0, 0, {}});
  Fill(Open(5));
  const Proposal other = small_.Propose(small_.submit, "d-0", 200);
  FillFrame(world(), function_, other, &frame_, &reads_);
  FillFrame(world(), function_, other, &frame_, &reads_);
  EXPECT_THAT(Reads(), ElementsAre("Deal/d-0@0", "Deal/d-1@0"));
}

// ---------------------------------------------------------------- for the log

class FrameCodingTest : public FrameTest {
 protected:
  FrameCodingTest() {
    at_ = AddLists(&maker_);
    sum_ = maker_.Add(SlotKind::kI128, {SlotRoot::kAfter, SmallWorld::kAmount, 0, 0, {}});
    score_ = maker_.Add(SlotKind::kI64, {SlotRoot::kAfter, SmallWorld::kCustomer, 0, 0, {Through(1)}});
    maker_.layout.slots.back().erasable = true;
    has_ = maker_.Add(SlotKind::kBool, {SlotRoot::kAfter, SmallWorld::kCustomer, 0, 0, {}}, Projection::kHas);
    maker_.layout.slots[1].erasable = true;  // legs.to
    Do(small_.SetCustomer("c-1", Value(std::string("Initech")), Value(int64_t{610}), Value(), 70));
    Proposal open = Open(-5, Value(std::string("c-1")));
    open.sets[3] = Value(Value::List{Leg("ZRH", 10, {1, 2}), Leg("JFK", 20, {})});
    open.sets[4] = Value(Value::List{Value(std::string("a"))});
    Fill(open);
    bytes_ = EncodeFrame(maker_.layout, frame_, &erasable_);
  }

  ListLayout at_;
  uint32_t sum_, score_, has_;
  std::string bytes_;
  std::vector<std::string> erasable_;
};

TEST_F(FrameCodingTest, RoundTrip) {
  Frame decoded;
  const absl::Status status = DecodeFrame(maker_.layout, bytes_, erasable_, &decoded);
  ASSERT_TRUE(status.ok()) << status;
  std::vector<std::string> erasable;
  EXPECT_EQ(EncodeFrame(maker_.layout, decoded, &erasable), bytes_);
  EXPECT_EQ(erasable, erasable_);
  EXPECT_EQ(decoded.words()[sum_], -5);
  EXPECT_EQ(decoded.words()[sum_ + 1], -1);
  EXPECT_EQ(decoded.words()[score_], 610);
  EXPECT_EQ(decoded.words()[has_], 1);
  EXPECT_EQ(decoded.words()[at_.legs], 2);
}

TEST_F(FrameCodingTest, ErasableValuesStandApart) {
  ASSERT_EQ(erasable_.size(), 3u);
  EXPECT_EQ(erasable_[1], "ZRH");
  EXPECT_EQ(erasable_[2], "JFK");
  EXPECT_EQ(bytes_.find("ZRH"), std::string::npos);
  Frame other;
  EXPECT_FALSE(DecodeFrame(maker_.layout, bytes_, {erasable_[0], erasable_[1]}, &other).ok());
  std::vector<std::string> more = erasable_;
  more.emplace_back();
  EXPECT_FALSE(DecodeFrame(maker_.layout, bytes_, more, &other).ok());
  EXPECT_FALSE(DecodeFrame(maker_.layout, bytes_, {"ZRH", "ZRH", "ZRH"}, &other).ok());
}

TEST_F(FrameCodingTest, UnusedElementsTakeNoRoom) { EXPECT_EQ(bytes_.size(), 27u); }

TEST_F(FrameCodingTest, OnlyWhatWasEncodedDecodes) {
  Frame decoded;
  for (size_t size = 0; size < bytes_.size(); ++size) {
    EXPECT_FALSE(DecodeFrame(maker_.layout, bytes_.substr(0, size), erasable_, &decoded).ok()) << size;
  }
  EXPECT_FALSE(DecodeFrame(maker_.layout, bytes_ + '\0', erasable_, &decoded).ok());
  std::mt19937 random(3);
  int fine = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes = bytes_;
    if (round % 2 == 0) bytes.assign(random() % 40, '\0');
    for (size_t i = round % 2 == 0 ? bytes.size() : 1 + random() % 3; i > 0; --i) {
      bytes[random() % bytes.size()] = static_cast<char>(random() % 2 == 0 ? random() % 4 : random());
    }
    if (!DecodeFrame(maker_.layout, bytes, erasable_, &decoded).ok()) continue;
    ++fine;
    std::vector<std::string> erasable;
    ASSERT_EQ(EncodeFrame(maker_.layout, decoded, &erasable), bytes);
  }
  EXPECT_GT(fine, 100);
}

TEST_F(FrameTest, TextsStayWhereTheyAre) {
  frame_.Resize(1);
  std::vector<std::string_view> kept;
  for (int i = 0; i < 1'000; ++i) kept.push_back(frame_.Keep(std::to_string(i)));
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(kept[i], std::to_string(i));
  const Frame moved = std::move(frame_);
  EXPECT_EQ(kept[7], "7");
}

}  // namespace
}  // namespace writ
