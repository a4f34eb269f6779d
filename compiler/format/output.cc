#include "compiler/format/output.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/format/tokens.h"

namespace writ::format {
namespace {

constexpr size_t kCommentsApart = 20;
constexpr size_t kGapBeforeComment = 2;

}  // namespace

void Output::Newline(size_t column) {
  if (lines_.empty() || !fresh() || full() || lines_.back().stays_empty) lines_.emplace_back();
  lines_.back() = {std::string(column, ' '), column, "", false};
  padded_ = false;
}

void Output::Pad(size_t column) {
  if (lines_.empty()) lines_.emplace_back();
  padded_ = true;
  Line& line = lines_.back();
  if (line.width >= column) return;
  line.text.append(column - line.width, ' ');
  line.width = column;
}

void Output::Write(absl::string_view text) {
  if (lines_.empty()) lines_.emplace_back();
  lines_.back().text.append(text.data(), text.size());
  lines_.back().width += WidthOf(text);
  padded_ = false;
}

void Output::Behind(absl::string_view comment) {
  if (lines_.empty()) lines_.emplace_back();
  if (full()) Newline(0);
  lines_.back().behind = std::string(comment);
}

void Output::BlankLine() {
  if (!lines_.empty() && !lines_.back().stays_empty) lines_.push_back({"", 0, "", true});
}

void Output::Append(Output&& other) {
  if (!lines_.empty() && fresh() && !lines_.back().stays_empty) lines_.pop_back();
  for (Line& line : other.lines_) lines_.push_back(std::move(line));
}

size_t Output::indent() const {
  if (lines_.empty()) return 0;
  const size_t at = lines_.back().text.find_first_not_of(' ');
  return at == std::string::npos ? lines_.back().text.size() : at;
}

bool Output::fresh() const { return lines_.empty() || lines_.back().text.find_first_not_of(' ') == std::string::npos; }

std::string Output::Text() && {
  std::string out;
  for (size_t i = 0; i < lines_.size();) {
    size_t end = i;
    std::vector<size_t> widths;
    for (; end < lines_.size() && !lines_[end].behind.empty(); ++end) widths.push_back(lines_[end].width);
    const std::vector<bool> aligned = Aligned(widths, kCommentsApart);
    size_t column = 0;
    for (size_t k = 0; k < widths.size(); ++k) {
      if (aligned[k]) column = std::max(column, widths[k]);
    }
    for (size_t k = 0; k < widths.size(); ++k) {
      const size_t blanks = (aligned[k] ? column - widths[k] : 0) + kGapBeforeComment;
      absl::StrAppend(&out, lines_[i + k].text, std::string(blanks, ' '), lines_[i + k].behind, "\n");
    }
    if (end == i) {
      const std::string& text = lines_[end++].text;
      const size_t last = text.find_last_not_of(' ');
      absl::StrAppend(&out, last == std::string::npos ? "" : text.substr(0, last + 1), "\n");
    }
    i = end;
  }
  return out;
}

std::vector<bool> Aligned(const std::vector<size_t>& widths, size_t apart) {
  std::vector<size_t> sorted = widths;
  std::sort(sorted.begin(), sorted.end());
  size_t best = 0, best_count = 0;  // where the largest group begins
  for (size_t i = 0; i < sorted.size();) {
    size_t end = i + 1;
    while (end < sorted.size() && sorted[end] <= sorted[end - 1] + apart) ++end;
    if (end - i > best_count) {
      best = i;
      best_count = end - i;
    }
    i = end;
  }
  std::vector<bool> out;
  for (const size_t width : widths) out.push_back(width >= sorted[best] && width <= sorted[best + best_count - 1]);
  return out;
}

}  // namespace writ::format
