#include "runtime/replay/byte_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

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

class PlainFile : public ByteSource {
 public:
  PlainFile(FILE* file, std::string path) : file_(file), path_(std::move(path)), buffer_(kPieceBytes) {}
  ~PlainFile() override { fclose(file_); }

  absl::StatusOr<std::string_view> Next() override {
    const size_t count = fread(buffer_.data(), 1, buffer_.size(), file_);
    if (count == 0 && ferror(file_)) return DiskError(path_, errno);
    return std::string_view(buffer_.data(), count);
  }

 private:
  FILE* file_;
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
  FILE* file = fopen(path.c_str(), "rb");
  if (file == nullptr) return DiskError(path, errno);
  absl::StatusOr<std::unique_ptr<ByteSource>> source = Unpack(std::make_unique<PlainFile>(file, path));
  if (!source.ok() && errno == EISDIR) return DiskError(path, EISDIR);
  return source;
}

absl::StatusOr<std::unique_ptr<ByteSource>> OpenBytes(std::string_view bytes) {
  return Unpack(std::make_unique<Memory>(bytes));
}

absl::StatusOr<bool> LineReader::Next(std::string_view* line) {
  size_t searched = begin_;
  while (true) {
    const size_t end = buffer_.find('\n', searched);
    const size_t length = (end == std::string::npos ? buffer_.size() : end) - begin_;
    if (length > line_bytes_max_) {
      return absl::ResourceExhaustedError(absl::StrCat("a line is longer than ", line_bytes_max_, " bytes"));
    }
    if (end != std::string::npos || (at_end_ && length > 0)) {
      *line = std::string_view(buffer_).substr(begin_, length);
      begin_ += length + (end != std::string::npos ? 1 : 0);
      if (!line->empty() && line->back() == '\r') line->remove_suffix(1);
      return true;
    }
    if (at_end_) return false;
    buffer_.erase(0, begin_);
    begin_ = 0;
    searched = buffer_.size();
    absl::StatusOr<std::string_view> piece = source_->Next();
    if (!piece.ok()) return piece.status();
    if (piece->empty()) at_end_ = true;
    buffer_.append(*piece);
  }
}

}  // namespace writ::replay
