// A policy written in another order.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/typed/typed.h"
#include "tests/agreement/history.h"

namespace writ::agreement {

// A policy whose author wrote everything that has no order in another one: facts, grants, limits, the types' table, fields,
// members, states, transitions and what they lead from and set, clauses of reviews, the sides of `and` and `or`. What has a
// meaning keeps its place: members of enums, parts of keys, payloads (a line is digested with them), states that are read
// through a reference, and what check/ sorts.
class Shuffled {
 public:
  // Equal seeds give equal orders. `original` outlives it.
  Shuffled(const typed::Program* original, uint64_t seed);

  const typed::Program& program() const { return program_; }
  // The same step, said to this policy.
  Step Map(const Step& step) const;

 private:
  using Order = std::vector<uint32_t>;  // by old place: the new one
  struct Moves {
    Order fields, states, transitions;
    std::vector<Order> sets;     // by old transition
    std::vector<Order> clauses;  // by review
  };

  void ChooseOrders(samples::Random* random);
  void MoveTypes();
  void MoveWorkflow(uint32_t w);
  void MovePlan(typed::Plan* plan);
  void MoveReview(const Moves& moves, uint32_t r, Review* review);
  void MoveLadder(LadderId id, const Moves& moves);
  void MoveRules();
  void MovePattern(WorkflowId workflow, typed::Pattern* pattern);
  void MoveExpr(WorkflowId workflow, typed::ExprPtr* expr);
  void MoveNode(WorkflowId workflow, typed::Expr* e);
  void Retype(TypeId* id) const;
  void Rekey(Type* type) const;  // its element is still the original's
  Value MapValue(TypeId type, const Value& value) const;  // the original's type

  const typed::Program& original_;
  typed::Program program_;
  Order facts_, types_;
  std::vector<Order> members_;  // by record
  std::vector<Moves> moves_;    // by workflow
  std::vector<bool> ladders_;   // moved already
};

}  // namespace writ::agreement
