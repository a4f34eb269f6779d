// Delegation: what a `give` must be, and the meet along a chain of grants.
//
// Threads   any that may read the world and the registry.
// Cost      one look-up for each grant of the chain and its giver; a chain has at most kGrantChainMax.
// Source    docs/internals/semantics.md, "Delegation"
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "runtime/frame/frame.h"
#include "runtime/registry/registry.h"
#include "runtime/state/state.h"

namespace writ {

class Grants {
 public:
  explicit Grants(const Schema* schema);

  bool IsGive(const Proposal& proposal) const;

  // Says under which grant it is made. kInvalidArgument: this policy delegates nothing, or there is no such grant.
  absl::Status Name(const World& world, const std::string& key, Proposal* proposal) const;
  // The role that a grant is to; none: there is no such grant.
  RoleId To(const World& world, std::string_view key) const;

  // Checks what a `give` names, brings it into its canonical form, and fills in what its giver cannot say: role, giver,
  // parent, task. After Name, with the actor known. kInvalidArgument: a sentence for the line's author.
  absl::Status Complete(const World& world, Proposal* give) const;

  // What Complete fills in: not for the giver to say.
  bool FillsIn(FieldId field) const;

  // Fills `grant` from its key, and `gives`, as they are at the proposal's time.
  void Meet(const World& world, const Registry& registry, Proposal* proposal) const;
  // The streams that Meet looks at: the chain's and its givers'.
  void AddReads(const World& world, const Registry& registry, const Proposal& proposal, ReadSet* reads) const;

  // Ids and principals of those who gave, along the chain; sorted.
  std::vector<std::string> Givers(const World& world, const Registry& registry, std::string_view key) const;

 private:
  using Chain = std::vector<const Instance*>;

  uint32_t Field(std::string_view name) const;
  const store::Value& At(const Instance& grant, uint32_t field) const { return grant.fields[field]; }
  // The grant of that key first, the root last. Not `whole` where a link is missing or there are too many.
  Chain ChainOf(const World& world, std::string_view key, bool* whole) const;
  bool Receives(const Instance& grant, const std::string& actor, bool holds_role) const;
  bool InForce(const Chain& chain, size_t link, const Registry& registry, int64_t now_ns) const;
  bool Covers(const Instance& grant, const Proposal& proposal) const;
  bool Least(const Instance& grant, const Proposal& proposal, GrantView* view) const;
  bool Gives(const Chain& chain, const Proposal& give) const;
  bool GivenWithin(const Instance& grant, const Proposal& give) const;
  bool LimitsWithin(const Instance& grant, const Workflow& on, const Proposal& give) const;
  const store::Value& Given(const Proposal& give, uint32_t field) const;
  void Give(uint32_t field, store::Value value, Proposal* give) const;
  absl::Status CompleteLimits(const Workflow& on, Proposal* give) const;

  const Schema& schema_;
  WorkflowId workflow_;
  TransitionId give_;
  StateId given_;
  uint32_t role_ = 0, giver_ = 0, to_ = 0, grantee_ = 0, on_ = 0, instance_ = 0, transitions_ = 0, limits_ = 0, until_ = 0,
           parent_ = 0, task_ = 0;  // fields of the workflow
};

}  // namespace writ
