#include "compiler/lower/layout.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"

namespace writ::lower {
namespace {

std::string PathText(const SlotPath& path) {
  std::string text = absl::StrCat(static_cast<int>(path.root), ".", path.index, ".", path.part, ".", path.part2);
  for (const PathStep& step : path.steps) absl::StrAppend(&text, "/", static_cast<int>(step.kind), ".", step.index);
  return text;
}

}  // namespace

uint32_t WordsOf(SlotKind kind) { return kind == SlotKind::kI128 || kind == SlotKind::kString ? 2 : 1; }

bool IsText(const Type& type) { return type.kind == TypeKind::kString || type.kind == TypeKind::kReference; }

bool IsBits(const Schema& schema, const Type& type) {
  return type.kind == TypeKind::kSet && schema.types[type.element.value].kind == TypeKind::kEnum;
}

bool IsStructured(const Schema& schema, const Type& type) {
  return type.kind == TypeKind::kRecord || type.kind == TypeKind::kList ||
         (type.kind == TypeKind::kSet && !IsBits(schema, type));
}

SlotKind KindOf(const Type& type) {
  if (type.kind == TypeKind::kBool) return SlotKind::kBool;
  return IsText(type) ? SlotKind::kString : SlotKind::kI64;
}

SlotId Layout::Intern(SlotKind kind, const SlotPath& path, Projection projection, ListId list, bool erasable) {
  const std::string text = absl::StrCat(PathText(path), "!", static_cast<int>(projection), "@", list.value);
  const auto [it, fresh] = slots_.try_emplace(text, static_cast<uint32_t>(frame_->slots.size()));
  if (fresh) {
    frame_->slots.push_back({kind, path, projection, list, 0, erasable});
    words_ += WordsOf(kind) * (list.valid() ? Elements(list) : 1);
  }
  WRIT_CHECK(frame_->slots[it->second].kind == kind);
  return SlotId(it->second);
}

ListId Layout::InternList(const SlotPath& path, ListId parent, uint32_t capacity) {
  const std::string text = absl::StrCat(PathText(path), "@", parent.value);
  const auto [it, fresh] = lists_.try_emplace(text, static_cast<uint32_t>(frame_->lists.size()));
  if (fresh) {
    frame_->lists.push_back({path, parent, capacity, 0, 0});
    words_ += parent.valid() ? Elements(parent) : 1;
  }
  return ListId(it->second);
}

uint32_t Layout::InternLookup(Lookup lookup) {
  const auto same = [](const LookupPart& a, const LookupPart& b) { return a.slot == b.slot && a.text == b.text; };
  for (uint32_t i = 0; i < frame_->lookups.size(); ++i) {
    const Lookup& known = frame_->lookups[i];
    if (known.workflow == lookup.workflow && known.list == lookup.list &&
        std::equal(known.key.begin(), known.key.end(), lookup.key.begin(), lookup.key.end(), same))
      return i;
  }
  frame_->lookups.push_back(std::move(lookup));
  return static_cast<uint32_t>(frame_->lookups.size() - 1);
}

uint32_t Layout::InternUnder(Under under) {
  const auto same = [](const LookupPart& a, const LookupPart& b) { return a.slot == b.slot && a.text == b.text; };
  for (uint32_t i = 0; i < frame_->unders.size(); ++i) {
    const Under& known = frame_->unders[i];
    if (known.workflow == under.workflow && known.list == under.list && same(known.low, under.low) &&
        same(known.high, under.high))
      return i;
  }
  frame_->unders.push_back(std::move(under));
  return static_cast<uint32_t>(frame_->unders.size() - 1);
}

uint32_t Layout::InternGrantTask(const std::string& task) {
  std::vector<std::string>& tasks = frame_->grant_tasks;
  const auto at = std::find(tasks.begin(), tasks.end(), task);
  if (at != tasks.end()) return static_cast<uint32_t>(at - tasks.begin());
  tasks.push_back(task);
  return static_cast<uint32_t>(tasks.size() - 1);
}

uint64_t Layout::Elements(ListId list) const {
  uint64_t product = 1;
  for (ListId at = list; at.valid(); at = frame_->lists[at.value].parent) {
    product = std::min<uint64_t>(product * std::max(1u, frame_->lists[at.value].capacity), uint64_t{1} << 40);
  }
  return product;
}

std::vector<SlotId> Layout::Finish() {
  const size_t count = frame_->slots.size();
  std::vector<uint32_t> order(count);
  for (uint32_t i = 0; i < count; ++i) order[i] = i;
  const auto group = [&](uint32_t i) {
    const ListId list = frame_->slots[i].list;
    return list.valid() ? int64_t{list.value} : -1;
  };
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return group(a) < group(b); });

  std::vector<Slot> slots;
  std::vector<SlotId> moved(count);
  for (uint32_t i = 0; i < count; ++i) {
    moved[order[i]] = SlotId(i);
    slots.push_back(std::move(frame_->slots[order[i]]));
  }
  frame_->slots = std::move(slots);

  // Sizes first, children before parents: a list's element holds its slots, then its own lists.
  const size_t lists = frame_->lists.size();
  std::vector<uint32_t> stride(lists, 0);
  uint32_t top = 0;
  for (Slot& slot : frame_->slots) {
    uint32_t& at = slot.list.valid() ? stride[slot.list.value] : top;
    slot.offset = at;
    at += WordsOf(slot.kind);
  }
  for (size_t i = lists; i-- > 0;) {
    FrameList& list = frame_->lists[i];
    list.stride = stride[i];
    uint32_t& at = list.parent.valid() ? stride[list.parent.value] : top;
    list.offset = at;
    at += 1 + list.capacity * list.stride;
  }
  frame_->size_words = top;
  for (Lookup& lookup : frame_->lookups) {
    for (LookupPart& part : lookup.key) {
      if (part.slot.valid()) part.slot = moved[part.slot.value];
    }
  }
  for (Under& under : frame_->unders) {
    for (LookupPart* part : {&under.low, &under.high}) {
      if (part->slot.valid()) part->slot = moved[part->slot.value];
    }
  }
  return moved;
}

}  // namespace writ::lower
