// Events as one JSON object a line, in and out: what `run` and `replay` read, and what they print.
//
// Source    docs/guide/command.md (the formats)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/orchestrator/input.h"

namespace writ::replay {

// Named limits: a line past them is refused.
inline constexpr size_t kLineBytesMax = 1u << 20;
inline constexpr size_t kJsonDepthMax = 32;

// `{"erase":"pii","workflow":"Customer","on":"c-17","by":"dpo","at":"…"}`: the values of a field, or of all fields with that label.
struct EraseLine {
  std::string field, workflow, by;
  Input on;
  std::optional<int64_t> at_ns;
};

struct EventLine {
  bool is_erase = false;
  Submission submission;                     // unless is_erase
  EraseLine erase;
};

// Reads lines. Names and types are looked at when the line is submitted; here only the line's own shape is.
//
// Errors    kInvalidArgument with a sentence: no JSON object, a name twice, a field that this kind of line does not have, a
//           field of a wrong type, a fraction, a null.
// Threads   one a reader.
class EventLineReader {
 public:
  EventLineReader();
  ~EventLineReader();
  absl::StatusOr<EventLine> Read(std::string_view line);

 private:
  struct Json;
  std::unique_ptr<Json> json_;
};

// One object, without a line break, its fields in the documented order.
void AppendDecision(const DecisionRecord& record, std::string* out);

std::string_view OutcomeName(Outcome outcome);  // permit, deny, hold, escalate

// `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(std::string_view text, std::string* out);

// Writes objects and lists with their commas.
class JsonWriter {
 public:
  explicit JsonWriter(std::string* out) : out_(out) {}
  JsonWriter& Key(std::string_view name);
  JsonWriter& Text(std::string_view value);
  JsonWriter& Number(int64_t value);
  JsonWriter& Bool(bool value);
  JsonWriter& Raw(std::string_view json);
  JsonWriter& Open(char bracket);            // { or [
  JsonWriter& Close(char bracket);           // } or ]

 private:
  void Comma();
  std::string* out_;
  bool comma_ = false;
};

}  // namespace writ::replay
