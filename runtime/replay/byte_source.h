// The bytes of a log file, one piece after another; gzip is recognised by its first bytes, not by the name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace writ::replay {

// Named limits: past them a log is refused with kResourceExhausted and the limit's value.
inline constexpr uint64_t kLogBytesMax = uint64_t{4} << 30;        // after decompression
inline constexpr uint64_t kInflateRatioMax = 250;                  // bytes out for each byte in …
inline constexpr uint64_t kInflateRatioFromBytes = uint64_t{64} << 20;  // … once so much has come out

// Threads   one.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // The next bytes, good until the next call; empty at the end. kDataLoss where the file is broken.
  virtual absl::StatusOr<std::string_view> Next() = 0;
};

// kNotFound, kPermissionDenied or kUnavailable as the disk says, with the path.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenFile(const std::string& path);

// Each piece is handed out as soon as it is there.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenStandardInput();

// Over bytes in memory, gzip or not. `bytes` outlive it.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenBytes(std::string_view bytes);

// Cuts a source into lines without their line ends (LF, CRLF); a last line needs none, and a byte order mark before the first is
// passed over.
class LineReader {
 public:
  LineReader(ByteSource* source, size_t line_bytes_max) : source_(source), line_bytes_max_(line_bytes_max) {}

  // True and the next line, good until the next call; false at the end. A line past the limit is passed over: it comes out
  // empty, with `*too_long`.
  absl::StatusOr<bool> Next(std::string_view* line, bool* too_long);

 private:
  ByteSource* source_;
  size_t line_bytes_max_;
  std::string buffer_;
  size_t begin_ = 0;
  bool at_end_ = false, skipping_ = false, is_first_ = true;
};

}  // namespace writ::replay
