// The decision IR's Booleans in words that a policy's author knows: fields, payload, facts, roles, with values in their units.
// It needs the schema only, so that a log explains itself without the policy's source.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/eval/interpreter.h"
#include "compiler/ir/ir.h"

namespace writ::driver {

inline constexpr size_t kGuardTextBytesMax = 240;  // of one condition; the rest is cut with an ellipsis

class GuardText {
 public:
  // All must outlive it. `values`: eval::EvaluateAll of the function on `frame`.
  GuardText(const ir::Program& program, FunctionId function, const int64_t* frame, const std::vector<eval::Value>& values);

  // "discount > 35%"
  std::string Condition(ir::ExprId id) const;
  // It only asks whether a number stays within 64 bits: nothing that an author wrote.
  bool IsRangeCheck(ir::ExprId id) const;
  // It asks whether a fact was inside its time: one condition, though it is made of two.
  bool IsWithin(ir::ExprId id) const;
  // What a condition reads, with its values: "discount is 38%", "exposure[customer] is 60 EUR", "customer is "c-17"".
  std::vector<std::string> Values(ir::ExprId id) const;

 private:
  struct Shape;
  std::string Text(uint32_t id, const Shape* shape, int depth) const;
  std::string Operator(uint32_t id, int depth) const;
  // Of such a condition: the operand that says whether it ever happened, then the one that says when. False: it is none.
  bool WithinParts(uint32_t id, uint32_t* has, uint32_t* inside) const;
  std::string SaysText(const ir::Expr& expr) const;  // empty: it asks something else
  std::string StepText(const ir::Expr& expr) const;
  std::optional<std::string> ZoneOfSteps(uint32_t id) const;
  std::string CalendarText(uint32_t id, int depth) const;  // empty where it asks none
  std::string Comparison(const ir::Expr& expr, const char* sign, const char* turned, int depth) const;
  std::string Slot(uint32_t slot) const;
  std::string Root(const SlotPath& path) const;
  std::string Number(Num number, const Shape& shape) const;
  Shape ShapeOf(uint32_t id, int depth) const;
  Shape SlotShape(uint32_t slot) const;
  // What the workflow `keeps`; that of a fact by key keeps it for others.
  Shape ShapeOfFact(const std::string& name, const Workflow& keeps) const;
  Shape ShapeOfStep(const PathStep& step, const Workflow& keeps) const;
  bool ByKey(const SlotPath& path) const;  // it reads a fact by key
  static bool OfAnother(const SlotPath& path);  // it reads a fact, by key or of the instance that a reference names
  const Workflow& LookedUp(const SlotPath& path) const;
  std::string KeyedText(const SlotPath& path) const;
  const Workflow& Keeping(const SlotPath& path, ListId list) const;
  std::string OfInstance(const std::string& fact, SlotPath path, ListId list) const;
  std::string FactOfAnother(const SlotPath& path, ListId list) const;
  std::string PathText(const SlotPath& path, ListId list) const;
  Shape ShapeOfPath(const SlotPath& path, ListId list) const;
  void CollectSlots(uint32_t id, std::vector<uint32_t>* exprs, int depth) const;
  std::string ValueText(uint32_t expr) const;
  void AddKeys(const SlotPath& path, std::vector<std::string>* texts) const;
  void AddCalendars(uint32_t id, std::vector<std::string>* texts) const;
  bool IsDefault(const ir::Expr& select) const;
  Shape PartShape(uint32_t id, const Shape* whole, int depth) const;

  const ir::Program& program_;
  const Function& function_;
  const ir::Code& code_;
  const Workflow& workflow_;
  const int64_t* frame_;
  const std::vector<eval::Value>& values_;
};

}  // namespace writ::driver
