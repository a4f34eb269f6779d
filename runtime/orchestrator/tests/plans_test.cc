// Plans that are proposed: which ones are none, and are refused before anything is decided.
#include <gtest/gtest.h>

#include "runtime/orchestrator/tests/story.h"

namespace writ {
namespace {

const char* const kOrders = R"(package t

domain office
role Clerk, Planner in office

workflow Order by id: string max 20 {
  items: int in 0..9

  states open, packed
  final  packed

  start: -> open sets items
  pack:  open -> packed
}

authority Clerk   { may start, pack on Order }
authority Planner { may decompose on Order }

rule planned in office
  upon decompose on Order
  then task read: Clerk does report within 1d else fail

decompose on Order {
  plan { weigh: Clerk does report }
  may add label: Clerk does report
  may add seal:  Clerk does pack
  sub weigh among Clerk, Planner granting pack
}
)";

Story OpenOrders() {
  Story story(kOrders);
  story.Agent("clerk", {"Clerk"});
  story.Agent("planner", {"Planner"});
  story.Propose("start", "o", "clerk", {{"items", 3}});
  return story;  // the last position is 3, and opened 3/weigh
}

Input Task(const std::string& name, Input::Object more = {}) {
  Input::Object task = {{"name", name}, {"role", "Clerk"}, {"does", "report"}};
  for (InputMember& member : more) {
    std::erase_if(task, [&](const InputMember& m) { return m.name == member.name; });
    task.push_back(std::move(member));
  }
  return task;
}

std::string Plan(Story* story, Input::List tasks, Input::Object more = {}) {
  Input::Object payload = {{"tasks", std::move(tasks)}};
  for (InputMember& member : more) payload.push_back(std::move(member));
  return story->Propose("decompose", "o", "planner", {}, payload);
}

TEST(Plans, AreRefusedWhereTheyAreNone) {
  Story story = OpenOrders();
  EXPECT_EQ(Plan(&story, {Task("")}), "refused: a task has a name, without `/`");
  EXPECT_EQ(Plan(&story, {Task("a/b")}), "refused: a task has a name, without `/`");
  EXPECT_EQ(Plan(&story, {Task("label"), Task("label")}), "refused: `tasks`: two elements have the name `label`");
  EXPECT_EQ(Plan(&story, {Task("label", {{"does", "glue"}})}), "refused: `label`: there is no transition `glue`");
  EXPECT_EQ(Plan(&story, {Task("label", {{"does", "Order.glue"}})}), "refused: `label`: there is no transition `Order.glue`");
  EXPECT_EQ(Plan(&story, {Task("label", {{"after", Input::List{"glue"}}})}),
            "refused: `label` comes after `glue`, which is no task here");
  EXPECT_EQ(Plan(&story, {Task("label", {{"granting", Input::List{"glue"}}})}),
            "refused: `label` is granted `glue`, and `Order` has no such transition");
  EXPECT_EQ(Plan(&story, {Task("label", {{"after", Input::List{"seal"}}}), Task("seal", {{"after", Input::List{"label"}}})}),
            "refused: its tasks wait for one another");
  EXPECT_EQ(story.orchestrator().last_position(), 3);
  // What it is part of is a reference like any other: that is decided.
  EXPECT_EQ(Plan(&story, {Task("label")}, {{"parent", "9/weigh"}}),
            "4 decompose o by planner: deny [no_authority, no_record]; open");
}

// One commit would give two tasks one id.
TEST(Plans, NameNoTaskThatIsOpenedUnasked) {
  Story story = OpenOrders();
  EXPECT_EQ(Plan(&story, {Task("weigh")}), "refused: `weigh` is opened by itself: call yours otherwise");
  EXPECT_EQ(Plan(&story, {Task("read")}), "refused: `read` is opened by itself: call yours otherwise");
  EXPECT_EQ(Plan(&story, {Task("label")}), "4 decompose o by planner: permit; open");
  ExpectFolds(&story);
}

}  // namespace
}  // namespace writ
