// A value that a transition computes does not come out when the orchestrator comes to it: the line before it is committed all
// the same, and so is every later one.
#include <gtest/gtest.h>

#include "runtime/orchestrator/tests/story.h"

namespace writ {
namespace {

const char* const kLoans = R"(package t

domain office
role Clerk, Bank in office

enum Stance { yes, no }

entity Account by id: string max 20 { most: int in 0..200 }

workflow Loan by id: string max 20 {
  account: Account
  lent:    int? in 0..100

  states asked, review, granted, stopped
  halted stopped

  ask:    -> asked            sets account
  note:   in asked
  grant:  asked -> granted    sets lent = account.most
  submit: asked -> review
  assess: in review           { stance: Stance }
  settle: review -> granted   sets lent = account.most
  stop:   asked, review -> stopped  sets lent = account.most
}

review on Loan in review {
  panel  Clerk by assess.stance
  within 1d else stop

  agreed: settle in office when Clerk says yes
  lost:   stop   otherwise
}

authority Bank  { may set on Account }
authority Clerk { may ask, note, grant, submit, assess on Loan }

rule waits in office
  hold grant on Loan until note by Clerk within 1d else stop
)";

Story OpenLoans() {
  Story story(kLoans);
  story.Agent("clerk", {"Clerk"});
  story.Agent("bank", {"Bank"});
  story.Set("Account", "a", "bank", {{"most", 7}});
  story.Propose("ask", "l", "clerk", {{"account", "a"}});
  return story;  // the last position is 4
}

TEST(Computed, WhatWaitedIsStaleWhereItsValueComesOutNoMore) {
  Story story = OpenLoans();
  EXPECT_EQ(story.Propose("grant", "l", "clerk"), "5 grant l by clerk: hold [t.waits] awaits note by Clerk until +1d; asked");
  story.Later(2 * kHour);
  story.Set("Account", "a", "bank", {{"most", 150}});
  EXPECT_EQ(story.Propose("note", "l", "clerk"), "7 note l by clerk: permit; asked\n8 grant l by clerk: deny [stale]; asked");
  story.Set("Account", "a", "bank", {{"most", 8}});
  EXPECT_EQ(story.Propose("grant", "l", "clerk"), "10 grant l by clerk: permit; granted");
  ExpectFolds(&story);
}

TEST(Computed, TheSafeWayOutIsOpenWhereItsValueDoesNotComeOut) {
  Story story = OpenLoans();
  story.Propose("grant", "l", "clerk");
  story.Set("Account", "a", "bank", {{"most", 150}});
  EXPECT_EQ(story.Wait(25 * kHour), "7 stop l by orchestrator: permit [t.waits]; stopped");
  ExpectFolds(&story);
}

TEST(Computed, AConclusionIsDeniedWhereItsValueDoesNotComeOut) {
  Story story = OpenLoans();
  story.Propose("submit", "l", "clerk");
  story.Later(2 * kHour);
  story.Set("Account", "a", "bank", {{"most", 150}});
  EXPECT_EQ(story.Propose("assess", "l", "clerk", {}, {{"stance", "yes"}}),
            "7 assess l by clerk: permit; review\n8 settle l by orchestrator: deny [t.Loan.review.agreed]; review");
  EXPECT_EQ(story.Wait(kHour), "");
  ExpectFolds(&story);
}

}  // namespace
}  // namespace writ
