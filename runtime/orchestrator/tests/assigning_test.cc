// To whom tasks go: who can do them, who has the fewest, and what happens when somebody no longer can.
#include <gtest/gtest.h>

#include <map>

#include "runtime/orchestrator/replay_session.h"
#include "runtime/orchestrator/tests/story.h"
#include "runtime/state/own.h"

namespace writ {
namespace {

const char* const kJobs = R"(package t

domain office
role Clerk, Welder, Admin in office
human role Head           in office

workflow Job by id: string max 20 {
  states open, built, closed
  final  closed

  begin: -> open
  build: open -> built
  shut:  built -> closed
}

authority Admin  { may begin, shut on Job  may suspend, resume, retire, change, grant_role on Agent }
authority Welder { may build on Job }
authority Head   { may shut on Job }

decompose on Job {
  plan {
    papers:  Clerk  does report
    frame:   Welder does build after papers
    seam:    Welder does report after papers, frame needs "arc", "gas"
    consent: Head   does report
  }
}

rule its_own in office
  deny report on Task by Clerk
  when has assignee and not (assignee is actor)
)";

std::string Register(Story* story, const std::string& id, std::vector<std::string> roles,
                     std::vector<std::string> capabilities = {}, bool human = false) {
  Submission line;
  line.kind = Submission::Kind::kAgent;
  line.agent.id = id;
  line.agent.roles = std::move(roles);
  line.agent.capabilities = std::move(capabilities);
  line.agent.human = human;
  return story->Submit(line);
}

Story OpenJobs() {
  Story story(kJobs);
  Register(&story, "root", {"Admin"});
  Register(&story, "head", {"Head"}, {}, true);
  return story;  // the last position is 2
}

// By their names: whose each open task is.
std::map<std::string, std::string> Whose(Story* story, const std::string& job) {
  std::map<std::string, std::string> whose;
  for (const TaskToDo& task : story->orchestrator().OpenTasks()) {
    if (task.key == job) whose[task.name] = task.assignee + (task.is_ready ? "" : " later");
  }
  return whose;
}
std::string Papers(Story* story, const std::string& job) { return Whose(story, job)["papers"]; }

std::string OnAgent(Story* story, const std::string& transition, const std::string& agent, Input::Object sets = {}) {
  Submission line;
  line.workflow = "Agent";
  line.transition = transition;
  line.on = Input(agent);
  line.by = "root";
  line.sets = Input(std::move(sets));
  return story->Submit(line);
}

std::string TaskOf(Story* story, const std::string& job, const std::string& name) {
  for (const TaskToDo& task : story->orchestrator().OpenTasks()) {
    if (task.key == job && task.name == name) return task.id;
  }
  return "none";
}

// A task's field, as the world has it.
std::string Field(const World& world, const std::string& id, const char* name) {
  const Instance* task = world.Find(WorkflowNamed(world.schema(), kTaskWorkflow), id);
  if (task == nullptr) return "no task";
  const Value& value = ValueNamed(world.schema(), *task, name);
  return value.is_text() ? value.text() : "";
}

// What the list says is what the world says, and an event says to whom its tasks went when they were opened.
void ExpectConsistent(Story* story) {
  for (const TaskToDo& task : story->orchestrator().OpenTasks()) {
    EXPECT_EQ(Field(story->orchestrator().world(), task.id, "assignee"), task.assignee) << task.id;
  }
  ExpectFolds(story);
}

TEST(Assignment, GoesByRoleThenLoadThenId) {
  Story story = OpenJobs();
  Register(&story, "Zoe", {"Clerk"});
  Register(&story, "ann", {"Clerk", "Welder"});
  Register(&story, "Wim", {"Welder"});
  Register(&story, "hal", {"Clerk"}, {}, true);
  std::string order;
  for (const char* job : {"a", "b", "c", "d"}) {
    story.Propose("begin", job, "root");
    order += Papers(&story, job) + " ";
  }
  EXPECT_EQ(order, "Zoe ann Zoe ann ");  // capital letters come first
  story.Propose("report", TaskOf(&story, "b", "papers"), "ann");
  EXPECT_EQ(Whose(&story, "b")["frame"], "Wim");  // who has none, though `ann` is its role's too
  story.Propose("begin", "e", "root");
  EXPECT_EQ(Papers(&story, "e"), "ann");  // who has one task less
  EXPECT_EQ(Whose(&story, "e")["consent"], "");
  ExpectConsistent(&story);
}

TEST(Assignment, IsToldByTheEventThatOpens) {
  Story story = OpenJobs();
  Register(&story, "ann", {"Clerk"});
  story.Propose("begin", "a", "root");
  const absl::StatusOr<store::Event> event = story.orchestrator().EventAt(4);
  ASSERT_TRUE(event.ok());
  std::map<std::string, std::string> told;
  for (const store::OpenedTask& task : event->decision.tasks) told[task.name] = task.assignee;
  EXPECT_EQ(told, (std::map<std::string, std::string>{{"papers", "ann"}, {"frame", ""}, {"seam", ""}, {"consent", ""}}));
  EXPECT_EQ(event->decision.tasks.back().needs, (std::vector<std::string>{"arc", "gas"}));
  ExpectConsistent(&story);
}

TEST(Assignment, OfOneEventIsOneAfterAnother) {
  Story story(std::string(kJobs) + R"(
rule many in office
  upon shut on Job
  then task first: Clerk does report within 30d else fail
  then task second: Clerk does report within 30d else fail
  then task third: Clerk does report within 30d else fail
)");
  Register(&story, "root", {"Admin"});
  Register(&story, "Wim", {"Welder"});
  Register(&story, "bob", {"Clerk"});
  story.Propose("begin", "a", "root");
  Register(&story, "ann", {"Clerk"});
  story.Propose("build", "a", "Wim");
  story.Propose("shut", "a", "root");
  const absl::StatusOr<store::Event> event = story.orchestrator().EventAt(story.orchestrator().last_position());
  std::string told;
  for (const store::OpenedTask& task : event->decision.tasks) told += task.assignee + " ";
  EXPECT_EQ(told, "ann ann bob ");  // `bob` has the papers already
  for (const store::OpenedTask& task : event->decision.tasks) {
    EXPECT_EQ(Field(story.orchestrator().world(), task.id, "assignee"), task.assignee);
  }
  ExpectConsistent(&story);
}

TEST(Assignment, WaitsForWhatComesBefore) {
  Story story = OpenJobs();
  Register(&story, "ann", {"Clerk"});
  Register(&story, "Wim", {"Welder"}, {"arc", "gas"});
  story.Propose("begin", "a", "root");
  EXPECT_EQ(Whose(&story, "a")["frame"], " later");
  story.Propose("report", TaskOf(&story, "a", "papers"), "ann");
  EXPECT_EQ(Whose(&story, "a")["frame"], "Wim");
  EXPECT_EQ(Whose(&story, "a")["seam"], " later");  // one of two is done
  story.Propose("build", "a", "Wim");
  EXPECT_EQ(Whose(&story, "a")["seam"], "Wim");
  ExpectConsistent(&story);
}

TEST(Assignment, NeedsAllCapabilities) {
  Story story = OpenJobs();
  Register(&story, "ann", {"Clerk"});
  Register(&story, "Abe", {"Welder"}, {"arc"});
  Register(&story, "Ben", {"Welder"}, {"brass"});
  story.Propose("begin", "a", "root");
  story.Propose("report", TaskOf(&story, "a", "papers"), "ann");
  story.Propose("build", "a", "Abe");
  EXPECT_EQ(Whose(&story, "a")["seam"], "");
  OnAgent(&story, "change", "Ben", {{"capabilities", Input::List{"gas", "arc", "brass"}}});
  EXPECT_EQ(Whose(&story, "a")["seam"], "Ben");
  OnAgent(&story, "change", "Ben", {{"version", "2"}});
  EXPECT_EQ(Whose(&story, "a")["seam"], "Ben");
  OnAgent(&story, "change", "Ben", {{"capabilities", Input::List{"gas"}}});
  EXPECT_EQ(Whose(&story, "a")["seam"], "");
  ExpectConsistent(&story);
  Register(&story, "Abe", {"Welder"}, {"gas", "arc"});
  EXPECT_EQ(Whose(&story, "a")["seam"], "Abe");
  ExpectConsistent(&story);
}

TEST(Assignment, MovesOnWhenItsAssigneeCannotGoOn) {
  for (const char* how : {"suspend", "retire", "role"}) {
    Story story = OpenJobs();
    Register(&story, "ann", {"Clerk"});
    story.Propose("begin", "a", "root");
    story.Propose("begin", "b", "root");
    const std::string first = TaskOf(&story, "a", "papers");
    EXPECT_EQ(story.Propose("start", first, "ann"), "6 start " + first + " by ann: permit; running");
    Register(&story, "bob", {"Clerk"});
    Register(&story, "cid", {"Clerk"});
    EXPECT_EQ(Papers(&story, "a"), "ann");  // nobody takes it from who can do it
    if (std::string(how) == "role") OnAgent(&story, "grant_role", "ann", {{"roles", Input::List{"t.Welder"}}});
    else OnAgent(&story, how, "ann");
    EXPECT_EQ(Papers(&story, "a") + " " + Papers(&story, "b"), "bob cid") << how;
    ExpectConsistent(&story);
  }
}

TEST(Assignment, IsNobodysWhileNobodyCan) {
  Story story = OpenJobs();
  story.Propose("begin", "a", "root");
  EXPECT_EQ(Papers(&story, "a"), "");
  Register(&story, "ann", {"Clerk"});
  EXPECT_EQ(Papers(&story, "a"), "ann");
  OnAgent(&story, "suspend", "ann");
  EXPECT_EQ(Papers(&story, "a"), "");
  ExpectConsistent(&story);
  OnAgent(&story, "resume", "ann");
  EXPECT_EQ(Papers(&story, "a"), "ann");
  OnAgent(&story, "retire", "ann");
  EXPECT_EQ(Papers(&story, "a"), "");
  OnAgent(&story, "grant_role", "root", {{"roles", Input::List{"t.Admin", "t.Clerk"}}});
  EXPECT_EQ(Papers(&story, "a"), "root");
  ExpectConsistent(&story);
}

// The load is folded too: what comes next goes to the same agents as if the store had never been closed.
TEST(Assignment, IsTheSameAfterARestart) {
  std::string ever[2];
  for (const bool reopens : {false, true}) {
    Story story = OpenJobs();
    for (const char* id : {"ann", "bob", "cid"}) Register(&story, id, {"Clerk"});
    for (int i = 0; i < 12; ++i) {
      const std::string job = "j" + std::to_string(i);
      story.Propose("begin", job, "root");
      ever[reopens] += Papers(&story, job) + " ";
      if (i == 3) story.Propose("report", TaskOf(&story, "j1", "papers"), "bob");
      if (i == 5) OnAgent(&story, "suspend", "ann");
      if (i == 8) OnAgent(&story, "resume", "ann");
      if (reopens) story.Reopen();
    }
    ExpectConsistent(&story);
  }
  EXPECT_EQ(ever[0], ever[1]);
  EXPECT_NE(ever[0].find("ann bob cid ann bob"), std::string::npos) << ever[0];
}

TEST(Assignment, GivesNoAuthorityAndTakesNone) {
  Story story = OpenJobs();
  Register(&story, "ann", {"Clerk"});
  Register(&story, "bob", {"Clerk"});
  Register(&story, "Wim", {"Welder"});
  Register(&story, "Xia", {"Welder"});
  story.Propose("begin", "a", "root");
  const std::string papers = TaskOf(&story, "a", "papers");
  EXPECT_EQ(story.Propose("report", papers, "bob"), "8 report " + papers + " by bob: deny [t.its_own]; waiting");
  OnAgent(&story, "suspend", "ann");
  EXPECT_EQ(story.Propose("report", papers, "bob"), "10 report " + papers + " by bob: permit; done");
  ASSERT_EQ(Whose(&story, "a")["frame"], "Wim");
  EXPECT_EQ(story.Propose("build", "a", "Xia"), "11 build a by Xia: permit; built");
  EXPECT_EQ(Whose(&story, "a").count("frame"), 0u);
  ExpectConsistent(&story);
}

TEST(Assignment, IsNobodysToPropose) {
  Story story = OpenJobs();
  story.Propose("begin", "a", "root");
  Submission line;
  line.workflow = "Task";
  line.transition = "assign";
  line.on = Input(TaskOf(&story, "a", "papers"));
  line.by = "root";
  EXPECT_EQ(story.Submit(line).substr(0, 8), "refused:");
}

TEST(Assignment, IsTheSameWhereARecordIsFollowed) {
  Story story = OpenJobs();
  const Schema& schema = story.policy().schema();
  ReplaySession session(&story.policy());
  Registry registry(&schema);
  const auto registered = [&](const std::string& id, const std::string& role) {
    ActorDescription description;
    description.id = id;
    description.roles = {role};
    Proposal proposal = registry.Registration(*registry.Validate(description), kStart);
    session.Decide(&proposal);
  };
  const auto propose = [&](const char* workflow, const std::string& key, const char* transition, const char* by, const char* role) {
    const WorkflowId id = WorkflowNamed(schema, workflow);
    Proposal proposal = Bare(schema, id, key, {Value(key)}, Names::TransitionOf(schema.workflows[id.value], transition), kStart);
    proposal.actor.id = proposal.actor.principal = by;
    proposal.actor.role = *registry.ResolveRole(role);
    session.Decide(&proposal);
  };
  registered("ann", "Clerk");
  registered("Wim", "Welder");
  propose("t.Job", "a", "begin", "root", "Admin");
  store::OpenedTask first, second;
  first.id = "7/first";
  first.name = "first";
  first.role = "t.Clerk";
  first.rule = "t.Job.plan.papers";
  second = first;
  second.id = "7/second";
  second.name = "second";
  second.role = "t.Welder";
  second.after = {"7/first"};
  session.Opens({first, second});
  propose("t.Job", "a", "build", "Wim", "Welder");
  EXPECT_EQ(Field(session.world(), "7/first", "assignee"), "ann");
  EXPECT_EQ(Field(session.world(), "7/second", "assignee"), "");
  propose("writ.Task", "7/first", "report", "ann", "Clerk");
  EXPECT_EQ(Field(session.world(), "7/second", "assignee"), "Wim");
}

}  // namespace
}  // namespace writ
