// A population of tasks of one name: generated programs have none, so that a story tells it, and its planted fault apart.
#include <gtest/gtest.h>

#include "compiler/lower/planted_faults.h"
#include "runtime/orchestrator/tests/story.h"

namespace writ {
namespace {

const char* const kOrders = R"(package t

domain office
role Clerk in office

workflow Order by id: string max 20 {
  states open, paid

  start: -> open
  pay:   open -> paid
}

authority Clerk { may start, pay on Order }

fact owed per order = count(Task.look now in waiting, running of Order)

rule looked_at in office
  upon start on Order
  then task look:  Clerk does report within 1d else fail
  then task write: Clerk does report within 1d else fail

rule first_the_look in office
  deny pay on Order when owed[this] > 0
)";

// What paying comes to when the look is done and the writing is not.
std::string Paid() {
  Story story(kOrders);
  story.Agent("ann", {"Clerk"});
  story.Propose("start", "o", "ann");
  EXPECT_EQ(story.Propose("pay", "o", "ann"), "3 pay o by ann: deny [t.first_the_look]; open");
  story.Propose("report", "2/look", "ann");
  return story.Propose("pay", "o", "ann");
}

TEST(NamedTasks, AreCountedByTheirName) { EXPECT_EQ(Paid(), "5 pay o by ann: permit; paid"); }

TEST(NamedTasks, ThePlantedFaultIsCaught) {
  lower::planted_fault = static_cast<int>(lower::Fault::kEveryTaskCounts);
  EXPECT_EQ(Paid(), "5 pay o by ann: deny [t.first_the_look]; open");
  lower::planted_fault = 0;
}

}  // namespace
}  // namespace writ
