// The texts that one run of the compiler reads, by number.
//
// Input     paths on disk, or text that is at hand (tests, the language server).
// Output    file numbers 0, 1, … in the order of adding; ast::Span names them.
// Units     offsets are bytes; lines and columns start at 1; a column counts code points, not bytes.
// Errors    kNotFound and kInternal from the disk, kResourceExhausted past the limits below. Text need not be UTF-8
//           yet.
// Threads   adding needs one thread; reading any number.
// Cost      adding: one pass over the text. At(): a binary search over lines and a walk of the line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace writ::source {

inline constexpr size_t kFileSizeBytesMax = size_t{4} << 20;
inline constexpr size_t kFileCountMax = 10'000;
inline constexpr size_t kCopyCountMax = 100'000;

struct Position {
  uint32_t line = 1, column = 1;
  friend bool operator==(const Position&, const Position&) = default;
};

// The offset of the first byte that is not part of well-formed UTF-8 (no overlong forms, no surrogates), if there is
// one.
std::optional<size_t> FirstInvalidUtf8(absl::string_view text);

class SourceSet {
 public:
  // Takes text that is already in memory; `path` is only what diagnostics call it.
  absl::StatusOr<uint32_t> AddText(std::string path, std::string text);
  // Reads a file.
  absl::StatusOr<uint32_t> AddFile(const std::string& path);

  // Another number for a file that is there: same path, same text. What a template makes has spans of its own.
  absl::StatusOr<uint32_t> AddCopy(uint32_t file);

  uint32_t count() const { return static_cast<uint32_t>(files_.size()); }
  const std::string& path(uint32_t file) const { return At(file).path; }
  const std::string& text(uint32_t file) const { return At(file).text; }

  // Where an offset is; one past the end of the text is allowed, and what lies further counts as that.
  Position At(uint32_t file, uint32_t offset) const;
  // One line without its line break; empty where there is none by that number.
  absl::string_view Line(uint32_t file, uint32_t line) const;
  // The offset at which a line starts; lines past the last start at the end.
  uint32_t LineStart(uint32_t file, uint32_t line) const;
  // The bytes [begin, end) of a file, cut to what is there.
  absl::string_view Slice(uint32_t file, uint32_t begin, uint32_t end) const;

 private:
  struct File {
    std::string path, text;
    std::vector<uint32_t> line_starts;
    uint32_t copy_of = UINT32_MAX;
  };
  const File& At(uint32_t file) const {
    const File& found = files_[file];
    return found.copy_of == UINT32_MAX ? found : files_[found.copy_of];
  }
  std::deque<File> files_;  // a deque: views into a text stay valid while others are added
  size_t copy_count_ = 0;
};

}  // namespace writ::source
