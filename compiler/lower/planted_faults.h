// Faults of lowering that tests plant by number, to show that they would notice. Effective only in writ_lower_faulty.
#pragma once

namespace writ::lower {

enum class Fault : int {
  kNone = 0,
  kUnknownRestraintDropped = 1,   // a restraint whose guard is unknown does not stand
  kUnknownAllows = 2,             // an allow whose guard is unknown applies
  kUnknownAuthorises = 3,         // a `may` that cannot be evaluated covers
  kVacuousTruthGrants = 4,        // `all` over nobody empowers
  kStrictAnd = 5,                 // false and unknown is unknown
  kOverflowIgnored = 6,           // a result that leaves 64 bits is known
  kScalesMixed = 7,               // a comparison does not bring both sides to one scale
  kStaleRecordKnown = 8,          // a record older than `fresh` is known
  kSinceIgnored = 9,              // `since` does not start again
  kRoundKept = 10,                // a new round clears no fact
  kPoisonForgotten = 11,          // an event that could not be evaluated is passed over
  kAskedRoleAsked = 12,           // `escalate … to R` applies to R's own proposals
  kAwaitedIgnored = 13,           // a hold stands after what it awaits has happened
  kApprovalIgnored = 14,          // an approval discharges nothing
  kSafeWayOutShut = 15,           // the orchestrator's way to a halted state is governed like any other
  kDanglingReadIgnored = 16,      // a reference that is read and names nothing is passed over
  kLastGrantOnly = 17,            // of the grants for a transition, the one declared last counts
  kAbsentEqualsZero = 18,         // `is` takes an absent value for 0
  kDomainsNotRanked = 19,         // a review's clauses win whatever their domain
  kVotesAreQuorum = 20,           // one verdict speaks for a seat of several
  kZoneIgnored = 21,              // local time is UTC
  kUnderTurned = 22,              // what is under what is turned round
  kAttributesThere = 23,          // everybody has every attribute
  kConsentDoes = 24,              // who may consent to a transition may also propose it
  kUnknownValueTold = 25,         // an obligation's value that cannot be evaluated is told as if it were there
  kUnknownAsksNobody = 26,        // an `ask` whose guard is unknown asks nobody
  kNeighbourIsLast = 27,          // the neighbour of an element is the last one
  kOneKey = 28,                   // a fact by key puts all events under one key
  kEveryStateCounts = 29,         // a population counts instances whatever their state
  kTaskOrderIgnored = 30,         // a task is started before those that it comes after are done
  kEveryTaskReported = 31,        // a task that a transition does is reported
  kAnybodyReports = 32,           // whoever holds his role starts, reports and fails a task
  kGrantLimitIgnored = 33,        // what a chain of grants limits is not looked at
  kGrantLinkIgnored = 34,         // a grant is good whatever became of it, and whatever it names
  kOwnRoleConsulted = 35,         // under a grant the own role's authority counts
  kFactThroughForgotten = 36,     // of the instance that a reference names nothing has ever happened
  kElementLooksUpNothing = 37,    // what is looked up for an element of a list is never there
  kEveryTaskCounts = 38,          // a population of tasks of one name counts those of every name
  kUnknownTaskDropped = 39,       // a planned task whose guard cannot be evaluated is not wanted
  kTaskAboveIgnored = 40,         // rules under a task speak of what is done under any grant
  kCount = 41,
};

#ifdef WRIT_PLANTED_FAULTS
inline int planted_fault = 0;  // for the process, set before anything is lowered
inline bool Planted(Fault fault) { return planted_fault == static_cast<int>(fault); }
#else
inline constexpr bool Planted(Fault) { return false; }
#endif

}  // namespace writ::lower
