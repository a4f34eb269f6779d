// What follows from a decision: the obligations of the rules that determined it, and of `upon` where it permits.
//
// Source    docs/internals/semantics.md, "Obligations"
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "runtime/decision/decision.h"
#include "runtime/frame/frame.h"
#include "runtime/state/state.h"
#include "runtime/store/event.h"

namespace writ {

// Of a transition's consequences those that this decision speaks.
std::vector<const ConsequenceOf*> Speaking(const Schema& schema, const Transition& transition, const Function& function,
                                           const RawDecision& raw);

// Adds them to the decision, tasks left out; what was read for their values goes to `reads` (which may be null). A value
// that is unknown or does not fit is left out, and the rule listed as indeterminate. Frame and `out` are scratch.
void AddObligations(const World& world, const Proposal& proposal, const Function& function, const RawDecision& raw,
                    Frame* frame, std::vector<int64_t>* out, ReadSet* reads, store::Decision* decision);

// What an obligation's function came to, in `out`, as a JSON object with sorted names. False: something that has to be there
// is not.
bool ObligationFields(const Schema& schema, const Obligation& obligation, const Function& function, const int64_t* out,
                      std::string* json);

// `"name":value`, as an obligation's fields have it.
std::string JsonMember(const Schema& schema, const Field& field, const Value& value);

// Those that some rule of the policy can speak, by qualified name; sorted.
std::vector<std::string> ObligationsNeeded(const Schema& schema);
// An obligation as a decision's line shows it: its short name where that is unique.
std::string ObligationShown(const Schema& schema, std::string_view qualified);
// kFailedPrecondition where a rule obliges to what is not among `can`, by short or qualified name.
absl::Status CanCarryOut(const Schema& schema, const std::vector<std::string>& can);

}  // namespace writ
