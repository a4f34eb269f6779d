#include "runtime/replay/byte_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace writ::replay {
namespace {

constexpr size_t kPieceBytes = 1u << 16;

absl::Status DiskError(const std::string& path, int error) {
  const std::string text = absl::StrCat("cannot read ", path, ": ", strerror(error));
  if (error == ENOENT) return absl::NotFoundError(text);
  if (error == EACCES) return absl::PermissionDeniedError(text);
  return absl::UnavailableError(text);
}

// read() and not a buffered file: a pipe's line is there as soon as it was written.
class PlainFile : public ByteSource {
 public:
  PlainFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)), buffer_(kPieceBytes) {}
  ~PlainFile() override {
    if (descriptor_ > STDIN_FILENO) close(descriptor_);
  }

  absl::StatusOr<std::string_view> Next() override {
    ssize_t count;
    do {
      count = read(descriptor_, buffer_.data(), buffer_.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0) return DiskError(path_, errno);
    return std::string_view(buffer_.data(), static_cast<size_t>(count));
  }

 private:
  int descriptor_;
  std::string path_;
  std::vector<char> buffer_;
};

class Memory : public ByteSource {
 public:
  explicit Memory(std::string_view bytes) : bytes_(bytes) {}
  absl::StatusOr<std::string_view> Next() override {
    const std::string_view all = bytes_;
    bytes_ = {};
    return all;
  }

 private:
  std::string_view bytes_;
};

// A source that hands out first what was read ahead to look at it.
class Ahead : public ByteSource {
 public:
  Ahead(std::string first, std::unique_ptr<ByteSource> rest) : first_(std::move(first)), rest_(std::move(rest)) {}
  absl::StatusOr<std::string_view> Next() override {
    if (given_) return rest_->Next();
    given_ = true;
    return std::string_view(first_);
  }

 private:
  std::string first_;
  std::unique_ptr<ByteSource> rest_;
  bool given_ = false;
};

class Gzip : public ByteSource {
 public:
  explicit Gzip(std::unique_ptr<ByteSource> compressed) : compressed_(std::move(compressed)), buffer_(4 * kPieceBytes) {
    ready_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
  }
  ~Gzip() override {
    if (ready_) inflateEnd(&stream_);
  }

  absl::StatusOr<std::string_view> Next() override {
    if (!ready_) return absl::ResourceExhaustedError("no memory to decompress the log");
    while (true) {
      if (stream_.avail_in == 0) {
        absl::StatusOr<std::string_view> piece = compressed_->Next();
        if (!piece.ok()) return piece.status();
        if (piece->empty()) {
          if (in_member_) return absl::DataLossError("the compressed log ends too early");
          return std::string_view();
        }
        piece_.assign(*piece);
        stream_.next_in = reinterpret_cast<Bytef*>(piece_.data());
        stream_.avail_in = static_cast<uInt>(piece_.size());
        in_bytes_ += piece_.size();
      }
      if (!in_member_) {
        if (inflateReset(&stream_) != Z_OK) return absl::DataLossError("the compressed log is broken");
        in_member_ = true;
      }
      stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) in_member_ = false;
      else if (result != Z_OK && result != Z_BUF_ERROR) return absl::DataLossError("the compressed log is broken");
      const size_t count = buffer_.size() - stream_.avail_out;
      if (count == 0) continue;
      if (absl::Status status = CountOut(count); !status.ok()) return status;
      return std::string_view(buffer_.data(), count);
    }
  }

 private:
  absl::Status CountOut(size_t count) {
    out_bytes_ += count;
    if (out_bytes_ > kInflateRatioFromBytes && out_bytes_ / kInflateRatioMax > in_bytes_) {
      return absl::ResourceExhaustedError(absl::StrCat("the compressed log expands by more than ", kInflateRatioMax,
                                                       " times, which no log of events does"));
    }
    return absl::OkStatus();
  }

  std::unique_ptr<ByteSource> compressed_;
  std::string piece_;
  std::vector<char> buffer_;
  z_stream stream_{};
  bool ready_ = false, in_member_ = false;
  uint64_t in_bytes_ = 0, out_bytes_ = 0;
};

class Limited : public ByteSource {
 public:
  explicit Limited(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  absl::StatusOr<std::string_view> Next() override {
    absl::StatusOr<std::string_view> piece = source_->Next();
    if (!piece.ok()) return piece;
    bytes_ += piece->size();
    if (bytes_ > kLogBytesMax) {
      return absl::ResourceExhaustedError(absl::StrCat("the log is longer than ", kLogBytesMax, " bytes"));
    }
    return piece;
  }

 private:
  std::unique_ptr<ByteSource> source_;
  uint64_t bytes_ = 0;
};

absl::StatusOr<std::unique_ptr<ByteSource>> Unpack(std::unique_ptr<ByteSource> source) {
  absl::StatusOr<std::string_view> first = source->Next();
  if (!first.ok()) return first.status();
  const bool gzip = first->size() >= 2 && (*first)[0] == '\x1f' && (*first)[1] == '\x8b';
  std::string ahead(*first);
  std::unique_ptr<ByteSource> whole = std::make_unique<Ahead>(std::move(ahead), std::move(source));
  if (gzip) whole = std::make_unique<Gzip>(std::move(whole));
  return std::make_unique<Limited>(std::move(whole));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> OpenFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return DiskError(path, errno);
  return Unpack(std::make_unique<PlainFile>(descriptor, path));
}

absl::StatusOr<std::unique_ptr<ByteSource>> OpenStandardInput() {
  return Unpack(std::make_unique<PlainFile>(STDIN_FILENO, "standard input"));
}

absl::StatusOr<std::unique_ptr<ByteSource>> OpenBytes(std::string_view bytes) {
  return Unpack(std::make_unique<Memory>(bytes));
}

absl::StatusOr<bool> LineReader::Next(std::string_view* line, bool* too_long) {
  size_t searched = begin_;
  while (true) {
    const size_t end = buffer_.find('\n', searched);
    const bool complete = end != std::string::npos;
    const size_t length = (complete ? end : buffer_.size()) - begin_;
    skipping_ |= length > line_bytes_max_;
    if (complete || (at_end_ && (length > 0 || skipping_))) {
      *too_long = std::exchange(skipping_, false);
      *line = *too_long ? std::string_view() : std::string_view(buffer_).substr(begin_, length);
      begin_ += length + (complete ? 1 : 0);
      if (!line->empty() && line->back() == '\r') line->remove_suffix(1);
      if (std::exchange(is_first_, false) && line->starts_with("\xEF\xBB\xBF")) line->remove_prefix(3);
      return true;
    }
    if (at_end_) return false;
    buffer_.erase(0, skipping_ ? buffer_.size() : begin_);
    begin_ = 0;
    searched = buffer_.size();
    absl::StatusOr<std::string_view> piece = source_->Next();
    if (!piece.ok()) return piece.status();
    if (piece->empty()) at_end_ = true;
    buffer_.append(*piece);
  }
}

}  // namespace writ::replay
