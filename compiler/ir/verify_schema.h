// The schema's half of ir::Verify: ids in range, tables that fit each other, frames without overlap.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/decision/schema.h"

namespace writ::ir {

// Collects sentences; past kMax they are counted but not kept, so that broken bytes cannot make a long report.
class Faults {
 public:
  static constexpr size_t kMax = 64;

  template <class... Parts>
  void Add(const Parts&... parts) {
    if (sentences_.size() < kMax) sentences_.push_back(absl::StrCat(parts...));
  }
  // Adds the sentence unless `holds`; says whether it holds.
  template <class... Parts>
  bool Require(bool holds, const Parts&... parts) {
    if (!holds) Add(parts...);
    return holds;
  }
  bool empty() const { return sentences_.empty(); }
  std::vector<std::string> Take() { return std::move(sentences_); }

 private:
  std::vector<std::string> sentences_;
};

void VerifySchema(const Schema& schema, Faults* faults);
uint32_t WordsOf(SlotKind kind);
// The fact by key whose cells a fold moves; none: those of the instance.
WorkflowId KeyedFactOf(const Schema& schema, FunctionId id);
// The workflow of the instance that a path's last step is about; null where the steps before it lead to none.
const Workflow* InstanceBeforeLast(const Schema& schema, FunctionId id, SlotPath path, ListId list);

}  // namespace writ::ir
