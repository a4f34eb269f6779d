// Private to compiler/format: lines that are being written.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace writ::format {

inline constexpr size_t kWidth = 120;

struct Line {
  std::string text;
  size_t width = 0;                // code points
  std::string behind;              // the comment behind it
  bool stays_empty = false;
};

class Output {
 public:
  // Begins a line; a line that is still empty is begun anew.
  void Newline(size_t column);
  // Blanks up to a column, at which the next word then stands.
  void Pad(size_t column);
  void Write(absl::string_view text);
  void Behind(absl::string_view comment);  // the line takes nothing more
  void BlankLine();
  void Append(Output&& other);

  size_t column() const { return lines_.empty() ? 0 : lines_.back().width; }
  size_t indent() const;           // of the line that is being written
  bool fresh() const;              // nothing but blanks stands on the line yet
  bool ready() const { return padded_ || fresh(); }  // the next word needs no blank before it
  bool full() const { return !lines_.empty() && !lines_.back().behind.empty(); }
  size_t line_count() const { return lines_.size(); }

  // The whole, comments behind consecutive lines aligned.
  std::string Text() &&;

 private:
  std::vector<Line> lines_;
  bool padded_ = false;
};

// Which of `widths` share a column: the most of which none is more than `apart` wider than the next.
std::vector<bool> Aligned(const std::vector<size_t>& widths, size_t apart);

}  // namespace writ::format
