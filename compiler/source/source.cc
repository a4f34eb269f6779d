#include "compiler/source/source.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace writ::source {
namespace {

// How many bytes a well-formed sequence starting with `lead` has, with the range of its second byte; 0 where none does.
struct Sequence {
  int length;
  unsigned char low, high;
};

Sequence SequenceOf(unsigned char lead) {
  if (lead < 0x80) return {1, 0, 0};
  if (lead >= 0xC2 && lead <= 0xDF) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

bool WellFormed(absl::string_view rest, const Sequence& sequence) {
  if (sequence.length == 0 || rest.size() < static_cast<size_t>(sequence.length)) return false;
  if (sequence.length == 1) return true;
  const auto second = static_cast<unsigned char>(rest[1]);
  if (second < sequence.low || second > sequence.high) return false;
  for (int i = 2; i < sequence.length; ++i) {
    if ((static_cast<unsigned char>(rest[i]) & 0xC0) != 0x80) return false;
  }
  return true;
}

std::vector<uint32_t> LineStarts(const std::string& text) {
  std::vector<uint32_t> starts = {0};
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts.push_back(static_cast<uint32_t>(i + 1));
  }
  return starts;
}

absl::Status WorldFailed(const std::string& path) {
  const int error = errno;
  const std::string message = absl::StrCat("cannot read ", path, ": ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(message) : absl::InternalError(message);
}

}  // namespace

std::optional<size_t> FirstInvalidUtf8(absl::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Sequence sequence = SequenceOf(static_cast<unsigned char>(text[at]));
    if (!WellFormed(text.substr(at), sequence)) return at;
    at += static_cast<size_t>(sequence.length);
  }
  return std::nullopt;
}

absl::StatusOr<uint32_t> SourceSet::AddText(std::string path, std::string text) {
  if (text.size() > kFileSizeBytesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, " has ", text.size(), " bytes; a file may have ", kFileSizeBytesMax));
  }
  if (files_.size() - copy_count_ >= kFileCountMax) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", kFileCountMax, " files"));
  }
  File file{std::move(path), std::move(text), {}, UINT32_MAX};
  file.line_starts = LineStarts(file.text);
  files_.push_back(std::move(file));
  return static_cast<uint32_t>(files_.size() - 1);
}

absl::StatusOr<uint32_t> SourceSet::AddFile(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> stream(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (stream == nullptr) return WorldFailed(path);
  std::string text;
  char block[1 << 16];
  // One byte over the limit is enough to know; an endless stream is not read to its end.
  while (text.size() <= kFileSizeBytesMax) {
    const size_t count = std::fread(block, 1, sizeof(block), stream.get());
    text.append(block, count);
    if (count < sizeof(block)) break;
  }
  if (std::ferror(stream.get()) != 0) return WorldFailed(path);
  return AddText(path, std::move(text));
}

absl::StatusOr<uint32_t> SourceSet::AddCopy(uint32_t file) {
  if (copy_count_ >= kCopyCountMax) return absl::ResourceExhaustedError(absl::StrCat("more than ", kCopyCountMax, " copies"));
  File copy;
  copy.copy_of = files_[file].copy_of == UINT32_MAX ? file : files_[file].copy_of;
  files_.push_back(std::move(copy));
  ++copy_count_;
  return static_cast<uint32_t>(files_.size() - 1);
}

Position SourceSet::At(uint32_t file, uint32_t offset) const {
  const File& from = At(file);
  offset = std::min<uint32_t>(offset, static_cast<uint32_t>(from.text.size()));
  const auto after = std::upper_bound(from.line_starts.begin(), from.line_starts.end(), offset);
  const auto line = static_cast<uint32_t>(after - from.line_starts.begin());
  uint32_t column = 1;
  for (uint32_t i = from.line_starts[line - 1]; i < offset; ++i) {
    if ((static_cast<unsigned char>(from.text[i]) & 0xC0) != 0x80) ++column;
  }
  return {line, column};
}

uint32_t SourceSet::LineStart(uint32_t file, uint32_t line) const {
  const File& from = At(file);
  if (line == 0) return 0;
  return line <= from.line_starts.size() ? from.line_starts[line - 1] : static_cast<uint32_t>(from.text.size());
}

absl::string_view SourceSet::Line(uint32_t file, uint32_t line) const {
  const uint32_t begin = LineStart(file, line);
  absl::string_view text = Slice(file, begin, LineStart(file, line + 1));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

absl::string_view SourceSet::Slice(uint32_t file, uint32_t begin, uint32_t end) const {
  const absl::string_view text = At(file).text;
  const size_t from = std::min<size_t>(begin, text.size());
  const size_t to = std::max<size_t>(from, std::min<size_t>(end, text.size()));
  return text.substr(from, to - from);
}

}  // namespace writ::source
