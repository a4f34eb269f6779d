#include "runtime/replay/recorded_log.h"

#include <string.h>

#include <algorithm>

namespace writ::replay {

TextId Texts::Intern(std::string_view text) {
  const auto found = ids_.find(absl::string_view(text.data(), text.size()));
  if (found != ids_.end()) return found->second;
  constexpr size_t kBlockBytes = 1u << 18;
  if (blocks_.empty() || blocks_.back().size() - block_used_ < text.size()) {
    blocks_.emplace_back(std::max(kBlockBytes, text.size()));
    block_used_ = 0;
  }
  char* place = blocks_.back().data() + block_used_;
  if (!text.empty()) memcpy(place, text.data(), text.size());
  block_used_ += text.size();
  size_bytes_ += text.size();
  const TextId id = static_cast<TextId>(views_.size());
  views_.emplace_back(place, text.size());
  ids_.emplace(absl::string_view(place, text.size()), id);
  return id;
}

TextId Texts::Find(std::string_view text) const {
  const auto found = ids_.find(absl::string_view(text.data(), text.size()));
  return found == ids_.end() ? kNoText : found->second;
}

}  // namespace writ::replay
