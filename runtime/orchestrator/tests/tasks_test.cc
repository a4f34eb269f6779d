// What decisions open for somebody to do, what does it, and what becomes of what is late.
#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/orchestrator/commit_loop.h"
#include "runtime/orchestrator/names.h"
#include "runtime/orchestrator/replay_session.h"
#include "runtime/orchestrator/tests/story.h"
#include "runtime/state/own.h"
#include "runtime/store/chain.h"

namespace writ {
namespace {

const char* const kOrders = R"(package t

domain office
role Clerk, Auditor     in office
human role Head, Board  in office

workflow Order by id: string max 20 {
  amount: money(EUR) in 0 EUR .. 1M EUR

  states open, paid, sealed, frozen
  final  sealed
  halted frozen

  enter:  -> open       sets amount
  pay:    open -> paid
  refund: in paid
  audit:  in open, paid
  seal:   paid -> sealed
  freeze: open, paid -> frozen
}

authority Clerk   { may enter, pay, refund on Order }
authority Auditor { may audit on Order }
authority Head    { may seal on Order   may cancel on Task }

rule large in office
  upon pay on Order
  when amount > 100 EUR
  then task check_it: Auditor does audit within 3d else ask Head within 1d else freeze
  then task explain: Clerk does report within 30d else fail

rule refunds in office
  deny refund on Order
  when amount > 100 EUR
  then task justify: Clerk does report within 2d else ask Head within 1d else ask Board within 1d else fail
)";

Story OpenOrders() {
  Story story(kOrders);
  for (const char* role : {"Clerk", "Auditor", "Head", "Board"}) story.Agent(role, {role});
  return story;  // the last position is 4
}

std::string Pay(Story* story) {
  story->Propose("enter", "o", "Clerk", {{"amount", "500 EUR"}});
  return story->Propose("pay", "o", "Clerk");
}

std::string StateOf(Story* story, const std::string& task) {
  const absl::StatusOr<WorkflowId> id = story->orchestrator().ResolveWorkflow("Task");
  const Instance* instance = story->orchestrator().world().Find(*id, task);
  return instance == nullptr ? "none" : story->orchestrator().schema().workflows[id->value].states[instance->state.value].name;
}

std::string Tasks(Story* story, int64_t position) {
  const absl::StatusOr<store::Event> event = story->orchestrator().EventAt(position);
  std::string text;
  for (const store::OpenedTask& task : story->orchestrator().RecordOf(*event).tasks) {
    text += task.id + " " + task.role + " " + task.does + " +" +
            std::to_string((task.until_ns - kStart) / (24 * kHour)) + "d " + task.otherwise + " " + task.rule + "\n";
  }
  return text;
}

TEST(TasksOfRules, AreListedByTheEventThatOpensThem) {
  Story story = OpenOrders();
  EXPECT_EQ(Pay(&story), "6 pay o by Clerk: permit; paid");
  EXPECT_EQ(Tasks(&story, 6), "6/check_it Auditor audit +3d ask Head t.large\n6/explain Clerk  +30d fail t.large\n");
  EXPECT_EQ(StateOf(&story, "6/check_it"), "waiting");
  EXPECT_EQ(story.orchestrator().NextDue(), kStart + 72 * kHour);
  EXPECT_EQ(story.Propose("refund", "o", "Clerk"), "7 refund o by Clerk: deny [t.refunds]; paid");
  EXPECT_EQ(Tasks(&story, 7), "7/justify Clerk  +2d ask Head t.refunds\n");
  EXPECT_EQ(StateOf(&story, "7/justify"), "waiting");
  ExpectFolds(&story);
}

TEST(TasksOfRules, AreDoneByWhatTheyAreFor) {
  Story story = OpenOrders();
  Pay(&story);
  EXPECT_EQ(story.Propose("start", "6/check_it", "Clerk"), "7 start 6/check_it by Clerk: deny [no_authority]; waiting");
  EXPECT_EQ(story.Propose("start", "6/check_it", "Auditor"), "8 start 6/check_it by Auditor: permit; running");
  EXPECT_EQ(story.Propose("report", "6/check_it", "Auditor"), "9 report 6/check_it by Auditor: deny [no_transition]; running");
  ExpectFolds(&story);
  EXPECT_EQ(story.Propose("audit", "o", "Auditor"), "10 audit o by Auditor: permit; paid");
  EXPECT_EQ(StateOf(&story, "6/check_it"), "done");
  EXPECT_EQ(story.Propose("report", "6/explain", "Clerk", {}, {{"result", "a large customer"}}),
            "11 report 6/explain by Clerk: permit; done");
  EXPECT_EQ(story.orchestrator().NextDue(), std::nullopt);
  EXPECT_EQ(story.Propose("cancel", "6/explain", "Head"), "12 cancel 6/explain by Head: deny [no_transition]; done");
  ExpectFolds(&story);
}

TEST(TasksOfRules, AreNobodysToOpen) {
  Story story = OpenOrders();
  Pay(&story);
  for (const char* transition : {"open", "assign", "expire", "spend"}) {
    EXPECT_EQ(story.Propose(transition, "6/explain", "Head").substr(0, 8), "refused:") << transition;
  }
}

TEST(LateTasks, AskAndThenLeadToSafety) {
  Story story = OpenOrders();
  Pay(&story);
  EXPECT_EQ(story.Wait(72 * kHour),
            "7 t.large 6/check_it by orchestrator: escalate [t.large] asks Head(7) until +4d else freeze; waiting");
  ExpectFolds(&story);
  EXPECT_EQ(story.Propose("start", "6/check_it", "Auditor"), "8 start 6/check_it by Auditor: permit; running");
  EXPECT_EQ(story.orchestrator().OpenQuestions().size(), 1u);
  EXPECT_EQ(story.Wait(24 * kHour), "9 freeze o by orchestrator: permit [t.large]; frozen");
  EXPECT_EQ(StateOf(&story, "6/check_it"), "failed");
  EXPECT_EQ(StateOf(&story, "6/explain"), "waiting");
  ExpectFolds(&story);
}

TEST(LateTasks, StayOpenWithAYes) {
  Story story = OpenOrders();
  Pay(&story);
  story.Wait(72 * kHour);
  EXPECT_EQ(story.Answer("6/check_it", "Head", "Head", true), "8 yes 6/check_it by Head: permit; waiting");
  ExpectFolds(&story);
  EXPECT_EQ(story.Wait(10 * 24 * kHour), "");
  EXPECT_EQ(StateOf(&story, "6/check_it"), "waiting");
}

TEST(LateTasks, EndWithANo) {
  Story story = OpenOrders();
  Pay(&story);
  story.Propose("refund", "o", "Clerk");
  EXPECT_EQ(story.Wait(48 * kHour),
            "8 t.refunds 7/justify by orchestrator: escalate [t.refunds] asks Head(8) until +3d else ask Board; waiting");
  EXPECT_EQ(story.Answer("7/justify", "Head", "Head", false),
            "9 no 7/justify by Head: permit; waiting\n"
            "10 fail 7/justify by orchestrator: permit [t.refunds]; failed");
  ExpectFolds(&story);
}

TEST(LateTasks, AreGivenOn) {
  Story story = OpenOrders();
  Pay(&story);
  story.Propose("refund", "o", "Clerk");
  story.Wait(48 * kHour);
  EXPECT_EQ(story.Wait(24 * kHour),
            "9 t.large 6/check_it by orchestrator: escalate [t.large] asks Head(9) until +4d else freeze; waiting\n"
            "10 t.refunds 7/justify by orchestrator: escalate [t.refunds] asks Board(10) until +4d else fail; waiting");
  ExpectFolds(&story);
  EXPECT_EQ(story.Wait(24 * kHour),
            "11 freeze o by orchestrator: permit [t.large]; frozen\n"
            "12 fail 7/justify by orchestrator: permit [t.refunds]; failed");
  ExpectFolds(&story);
}

TEST(LateTasks, WithdrawWhatWasAskedWhenTheyAreDone) {
  Story story = OpenOrders();
  Pay(&story);
  story.Wait(72 * kHour);
  EXPECT_EQ(story.Propose("audit", "o", "Auditor"), "8 audit o by Auditor: permit; paid");
  EXPECT_TRUE(story.orchestrator().OpenQuestions().empty());
  EXPECT_EQ(story.Wait(10 * 24 * kHour), "");
  EXPECT_EQ(story.Answer("6/check_it", "Head", "Head", true), "9 yes 6/check_it by Head: deny [stale]; done");
  ExpectFolds(&story);
}

TEST(LateTasks, FailThoughTheWayOutIsShut) {
  Story story = OpenOrders();
  Pay(&story);
  story.Propose("seal", "o", "Head");
  EXPECT_EQ(story.Wait(96 * kHour),
            "8 t.large 6/check_it by orchestrator: escalate [t.large] asks Head(8) until +4d else freeze; waiting\n"
            "9 freeze o by orchestrator: deny [no_transition]; sealed");
  EXPECT_EQ(StateOf(&story, "6/check_it"), "failed");
  EXPECT_EQ(story.Wait(1000 * kHour), "10 fail 6/explain by orchestrator: permit [t.large]; failed");
  ExpectFolds(&story);
}

// ---------------------------------------------------------------- one after another

store::OpenedTask Opened(const std::string& name, std::vector<std::string> after) {
  store::OpenedTask task;
  task.id = "6/" + name;
  task.name = name;
  task.role = "t.Clerk";
  task.rule = "t.large";
  task.after = std::move(after);
  return task;
}

// Another handle commits an event that opens these.
void Append(Story* story, std::vector<store::OpenedTask> tasks) {
  store::MemoryStore log(story->log());
  store::Chain chain;
  store::CounterRandom random;
  ASSERT_TRUE(log.Load(1, [&](const store::StoredEvent& stored) { return chain.Follow(stored); }).ok());
  absl::StatusOr<store::Event> event = story->orchestrator().EventAt(5);
  ASSERT_TRUE(event.ok());
  event->transition = "audit";
  event->sets.clear();
  event->function.clear();
  event->frame.clear();
  event->role = "t.Auditor";
  event->actor = "Auditor";
  event->decision.tasks = std::move(tasks);
  const absl::StatusOr<store::PreparedEvent> prepared = chain.Prepare(&*event, &random);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  ASSERT_TRUE(log.AppendBatch(std::span(&*prepared, 1), 5).ok());
  story->Reopen();
}

TEST(TasksInOrder, WaitForThoseBefore) {
  Story story = OpenOrders();
  story.Propose("enter", "o", "Clerk", {{"amount", "500 EUR"}});
  Append(&story, {Opened("first", {}), Opened("second", {"6/first"}), Opened("third", {"6/first", "6/second"})});
  EXPECT_EQ(story.Propose("start", "6/second", "Clerk"), "7 start 6/second by Clerk: deny [task.waiting]; waiting");
  EXPECT_EQ(story.Propose("fail", "6/third", "Clerk"), "8 fail 6/third by Clerk: deny [task.waiting]; waiting");
  EXPECT_EQ(story.Propose("report", "6/first", "Clerk"), "9 report 6/first by Clerk: permit; done");
  EXPECT_EQ(story.Propose("start", "6/third", "Clerk"), "10 start 6/third by Clerk: deny [task.waiting]; waiting");
  EXPECT_EQ(story.Propose("report", "6/second", "Clerk"), "11 report 6/second by Clerk: permit; done");
  EXPECT_EQ(story.Propose("report", "6/third", "Clerk"), "12 report 6/third by Clerk: permit; done");
}

TEST(TasksInOrder, AreCancelledWithThoseBefore) {
  Story story = OpenOrders();
  story.Propose("enter", "o", "Clerk", {{"amount", "500 EUR"}});
  Append(&story, {Opened("first", {}), Opened("second", {"6/first"}), Opened("third", {"6/second"}), Opened("other", {})});
  EXPECT_EQ(story.Propose("fail", "6/first", "Clerk"), "7 fail 6/first by Clerk: permit; failed");
  EXPECT_EQ(StateOf(&story, "6/second"), "cancelled");
  EXPECT_EQ(StateOf(&story, "6/third"), "cancelled");
  EXPECT_EQ(StateOf(&story, "6/other"), "waiting");
}

TEST(TasksInOrder, AreNotOpenedAfterWhatHasFailed) {
  Story story = OpenOrders();
  story.Propose("enter", "o", "Clerk", {{"amount", "500 EUR"}});
  Append(&story, {Opened("second", {"6/third"}), Opened("third", {})});
  EXPECT_EQ(story.Propose("cancel", "6/third", "Head"), "7 cancel 6/third by Head: permit; cancelled");
  EXPECT_EQ(StateOf(&story, "6/second"), "cancelled");
}

// ---------------------------------------------------------------- metering

const char* const kMetered = R"(package t

domain office
role Clerk in office

workflow Order by id: string max 20 {
  states open, closed
  final  closed

  enter: -> open
  close: open -> closed
}

authority Clerk { may enter, close on Order }

decompose on Order {
  plan { papers: Clerk does report }
  bounds tokens 1_000, cost 5 EUR
}
)";

int64_t SpentTokens(const Orchestrator& orchestrator) {
  const Instance* task = orchestrator.world().Find(WorkflowNamed(orchestrator.schema(), kTaskWorkflow), "2/papers");
  return ValueNamed(orchestrator.schema(), *task, "spent_tokens").integer();
}

Metered Call(const std::string& task, const std::string& cost, int64_t tokens, const std::string& key = "") {
  Metered metered;
  metered.task = task;
  metered.cost = cost;
  metered.tokens = tokens;
  metered.idempotency_key = key;
  return metered;
}

TEST(Metering, IsTheHostsCallWhoeverElseIsTrusted) {
  Story story(kMetered);
  story.Agent("Clerk", {"Clerk"});
  story.Propose("enter", "o", "Clerk");
  store::MemoryStore log(story.log());
  OrchestratorOptions options;
  options.trusted_input = false;
  absl::StatusOr<std::unique_ptr<Orchestrator>> host = Orchestrator::Open(&story.policy(), &log, options);
  ASSERT_TRUE(host.ok()) << host.status();

  Submission line;
  line.kind = Submission::Kind::kSpent;
  line.task = "2/papers";
  line.tokens = 10;
  EXPECT_EQ((*host)->Submit(line).status().message(), "what a task has spent is told by the host");
  EXPECT_EQ(SpentTokens(**host), 0);

  const Metered call = Call("2/papers", "1.20 EUR", 900, "call-1");
  absl::StatusOr<std::vector<DecisionRecord>> told = (*host)->Spend(call);
  ASSERT_TRUE(told.ok()) << told.status();
  ASSERT_EQ(told->size(), 1u);
  EXPECT_EQ(told->front().kind, store::EventKind::kSpend);
  EXPECT_EQ(told->front().by, "host");
  told = (*host)->Spend(call);  // the same again
  ASSERT_TRUE(told.ok() && told->size() == 1 && told->front().repeated);
  EXPECT_EQ(SpentTokens(**host), 900);
  EXPECT_EQ((*host)->Spend(Call("2/papers", "1 USD", 0)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ((*host)->Spend(Call("2/other", "", 1)).status().message(), "there is no task `2/other`");
  EXPECT_EQ((*host)->Spend(Call("2/papers", "", -1)).status().message(), "what was spent is out of range");

  CommitLoop loop(host->get());
  told = loop.Spend(Call("2", "", 200));  // past the bound
  ASSERT_TRUE(told.ok()) << told.status();
  ASSERT_EQ(told->size(), 2u);
  EXPECT_EQ(told->back().proposal, "expire");
  EXPECT_EQ(told->back().on, "2/papers");
}

// ---------------------------------------------------------------- following a record

TEST(TasksOfARecord, AreOpenedAndDoneAndTold) {
  Story story = OpenOrders();
  ReplaySession session(&story.policy());
  const Schema& schema = story.policy().schema();
  const WorkflowId order = *story.orchestrator().ResolveWorkflow("Order"), task = *story.orchestrator().ResolveWorkflow("Task");
  const auto take = [&](uint32_t transition, const char* role, int64_t now_ns, std::vector<Value> sets = {}) {
    Proposal proposal;
    proposal.workflow = order;
    proposal.transition = TransitionId(transition);
    proposal.key = "o";
    proposal.key_parts = {Value("o")};
    proposal.sets = std::move(sets);
    proposal.actor.id = proposal.actor.principal = role;
    for (size_t r = 0; r < schema.roles.size(); ++r) {
      if (schema.roles[r].name == role) proposal.actor.role = RoleId(r);
    }
    proposal.now_ns = now_ns;
    session.Decide(&proposal);
  };
  take(0, "Clerk", kStart, {Value(int64_t{50'000})});
  take(1, "Clerk", kStart);
  ASSERT_EQ(session.Record().tasks.size(), 2u);
  EXPECT_EQ(session.Record().tasks[0].id, "2/check_it");
  ASSERT_NE(session.world().Find(task, "2/check_it"), nullptr);
  session.MoveTo(kStart + 100 * kHour);
  ASSERT_EQ(session.would_have().size(), 1u);
  EXPECT_EQ(session.would_have()[0].kind, WouldHave::Kind::kTask);
  take(3, "Auditor", kStart + 101 * kHour);
  EXPECT_EQ(schema.workflows[task.value].states[session.world().Find(task, "2/check_it")->state.value].name, "done");
}

constexpr char kPacking[] = R"(package t
domain work
role Clerk, Planner in work
workflow Order by id: string max 20 {
  states open, packed, shipped
  start: -> open
  pack:  open -> packed
  ship:  packed -> shipped
}
authority Clerk   { may start, pack, ship on Order }
authority Planner { may decompose on Order }
decompose on Order {
  plan {
    packing: Clerk does pack holds ship
    papers:  Clerk does report when done(packing)
  }
  may add extra: Clerk does ship
  finally ship when done(packing) and started(packing)
}
)";

// It knows of no tasks, and the world is as if they had been opened.
TEST(TasksOfARecord, OfAPlanAreOpenedAndDoneAndItsEndIsTold) {
  Story story(kPacking);
  ReplaySession session(&story.policy());
  const Schema& schema = story.policy().schema();
  const WorkflowId order = *story.orchestrator().ResolveWorkflow("Order"), task = *story.orchestrator().ResolveWorkflow("Task");
  const auto take = [&](const char* transition, const char* role, std::vector<Value> payload = {}) {
    Proposal proposal = Bare(schema, order, "o", {Value("o")}, Names::TransitionOf(schema.workflows[order.value], transition), kStart);
    if (!payload.empty()) proposal.payload = std::move(payload);
    proposal.actor.id = proposal.actor.principal = role;
    for (size_t r = 0; r < schema.roles.size(); ++r) {
      if (schema.roles[r].name == role) proposal.actor.role = RoleId(r);
    }
    session.Decide(&proposal);
  };
  const auto state = [&](const char* key) -> std::string {
    const Instance* found = session.world().Find(task, key);
    return found == nullptr ? "none" : schema.workflows[task.value].states[found->state.value].name;
  };
  take("start", "Clerk");
  ASSERT_EQ(session.Record().tasks.size(), 1u);
  EXPECT_EQ(session.Record().tasks[0].id, "1/packing");
  EXPECT_EQ(state("1/packing"), "waiting");
  take("decompose", "Planner");  // a record may lack what it carried
  EXPECT_TRUE(session.Record().tasks.empty());
  const int64_t clerk = static_cast<int64_t>(
      std::find_if(schema.roles.begin(), schema.roles.end(), [](const Role& r) { return r.name == "Clerk"; }) - schema.roles.begin());
  take("decompose", "Planner", {Value(Value::List{Value(Value::List{Value("extra"), Value(clerk), Value("ship")})}), Value()});
  EXPECT_EQ(state("3/extra"), "waiting");
  take("pack", "Clerk");
  EXPECT_EQ(state("1/packing"), "done");
  EXPECT_EQ(state("4/papers"), "waiting");
  ASSERT_EQ(session.would_have().size(), 1u);
  EXPECT_EQ(session.would_have()[0].kind, WouldHave::Kind::kPlan);
  EXPECT_EQ(schema.rules[session.would_have()[0].rule.value].qualified, "t.Order.plan.finally.ship");
  take("ship", "Clerk");
  EXPECT_EQ(session.Record().outcome, Outcome::kPermit);  // what held it is done
  EXPECT_EQ(state("3/extra"), "done");
}

}  // namespace
}  // namespace writ
