// What is proposed, at random but mostly sensibly: legal, by somebody who may, with values of the declared types.
#pragma once

#include <cstdint>
#include <optional>

#include "compiler/native/samples.h"
#include "compiler/typed/typed.h"
#include "runtime/state/state.h"

namespace writ::agreement {

struct Step {
  Proposal proposal;
  bool force = false;     // committed whatever the decision says, as when a record is followed
  bool conclude = false;  // the orchestrator concludes the review; `proposal.transition` may be none
};

class Historian {
 public:
  Historian(const typed::Program* program, const World* world, uint64_t seed)
      : program_(*program), schema_(program->schema), world_(*world), random_(seed) {}

  Step Next();

 private:
  bool Chance(uint32_t percent) { return random_.Below(100) < percent; }
  int64_t Integer(const Type& type);
  Value RandomValue(const Type& type);
  Value RandomKey(const Type& type);
  void ChooseWhere(Proposal* p);
  bool ChooseConclusion(Step* step);
  void ChooseActor(Proposal* p);
  void ChooseGrant(Proposal* p);
  void ChooseRest(Proposal* p);
  std::string KeyOf(WorkflowId workflow, std::vector<Value>* parts);

  const typed::Program& program_;
  const Schema& schema_;
  const World& world_;
  samples::Random random_;
  int64_t now_ns_ = 0;
  uint32_t count_ = 0;
};

}  // namespace writ::agreement
