// A recorded log as it was read: traces of events with named attributes, all still text. What they mean is for mapping.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/replay/byte_source.h"

namespace writ::replay {

// Named limits of what a reader takes; past them the log is refused with kResourceExhausted.
inline constexpr uint32_t kXmlDepthMax = 64;
inline constexpr size_t kTextBytesMax = 1u << 20;            // one attribute, one CSV field
inline constexpr uint32_t kAttributesMax = 4096;             // of one event or trace, columns of a CSV
inline constexpr uint32_t kLogEventsMax = 50'000'000;
inline constexpr uint64_t kLogTextBytesMax = uint64_t{2} << 30;  // of different texts

using TextId = uint32_t;  // Texts
inline constexpr TextId kNoText = UINT32_MAX;

// Each different text once.
class Texts {
 public:
  TextId Intern(std::string_view text);
  TextId Find(std::string_view text) const;                  // kNoText if there is none
  std::string_view operator[](TextId id) const { return views_[id]; }
  uint64_t size_bytes() const { return size_bytes_; }

 private:
  absl::flat_hash_map<absl::string_view, TextId> ids_;
  std::vector<std::string_view> views_;
  std::vector<std::vector<char>> blocks_;
  size_t block_used_ = 0;
  uint64_t size_bytes_ = 0;
};

struct Attribute { TextId key = 0, value = 0; };

struct RecordedTrace { std::vector<Attribute> attributes; };

struct RecordedEvent {
  uint32_t trace = UINT32_MAX;               // RecordedLog::traces; none: it stands outside of any
  uint32_t line = 0;                         // where it begins in the file
  uint32_t first = 0, count = 0;             // RecordedLog::attributes
};

struct RecordedLog {
  std::string format;                        // "xes" or "csv"
  Texts texts;
  std::vector<RecordedTrace> traces;         // in order of the file
  std::vector<RecordedEvent> events;         // in order of the file
  std::vector<Attribute> attributes;         // of events, one after another
};

// XES (IEEE 1849): attributes of traces and events; nested ones, globals, extensions and classifiers are passed over.
//
// Errors    kInvalidArgument with the line for what is no XES: not well formed, or with a document type declaration (so no
//           entities, inner or outer, can be declared); kResourceExhausted past a limit above.
// Cost      one pass; each different text is kept once.
absl::StatusOr<RecordedLog> ReadXes(ByteSource* source);

// RFC 4180 with a header; the fields are separated by `,` or, where the header has none of these, by `;`. Every row is an
// event; rows are put into traces by the column `instance` in order of first appearance (empty: no traces).
//
// Errors    kInvalidArgument with the line: a row with too many or too few fields, a quote that is not closed, a column that
//           is there twice, no column `instance`.
absl::StatusOr<RecordedLog> ReadCsv(ByteSource* source, std::string_view instance);

}  // namespace writ::replay
