// The frame of one function while it is being lowered: each path that the code reads becomes one slot.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "runtime/decision/schema.h"

namespace writ::lower {

class Layout {
 public:
  explicit Layout(FrameLayout* frame) : frame_(frame) {}

  // The slot of a path, made on first use. `list`: the path is relative to an element of that list.
  SlotId Intern(SlotKind kind, const SlotPath& path, Projection projection, ListId list, bool erasable);
  ListId InternList(const SlotPath& path, ListId parent, uint32_t capacity);
  uint32_t InternLookup(Lookup lookup);
  uint32_t InternUnder(Under under);
  uint32_t InternGrantTask(const std::string& task);

  const FrameLayout& frame() const { return *frame_; }
  uint64_t Elements(ListId list) const;  // product of the capacities, parents included
  uint64_t words() const { return words_; }

  // Orders slots (the frame's own first, then by list), gives every slot and list its place, and returns old slot ->
  // new slot.
  std::vector<SlotId> Finish();

 private:
  FrameLayout* frame_;
  std::map<std::string, uint32_t> slots_, lists_;
  uint64_t words_ = 0;  // so far, elements counted
};

uint32_t WordsOf(SlotKind kind);

bool IsText(const Type& type);                              // a string or a key
bool IsBits(const Schema& schema, const Type& type);        // a set of an enum: one number
bool IsStructured(const Schema& schema, const Type& type);  // takes several slots, or a list of the frame
SlotKind KindOf(const Type& type);                          // of the slot of a value that is not structured

}  // namespace writ::lower
