// From a decision's numbers to the names of its rules, shared by the orchestrator, replay and verify.
#pragma once

#include <vector>

#include "runtime/decision/decision.h"
#include "runtime/frame/frame.h"
#include "runtime/state/state.h"
#include "runtime/store/event.h"

namespace writ {

// Outcome, reasons, excused, indeterminate; sorted.
void NameDecision(const Schema& schema, const Function& function, const RawDecision& raw, store::Decision* decision);

// The restraints that are the reasons.
std::vector<RuleId> StandingRules(const Function& function, const RawDecision& raw);

// Fills in the fields that the transition computes. False: one is unknown or out of its range.
bool EvaluateComputed(const World& world, Proposal* proposal, Frame* frame, std::vector<int64_t>* out);

}  // namespace writ
