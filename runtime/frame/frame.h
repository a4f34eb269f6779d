// A proposal and the state of the world, as the fixed-layout words that a compiled function reads.
//
// Threads   a Frame belongs to one thread. Fill reads the world and changes nothing.
// Cost      one step a slot; no allocation once the frame has grown to its largest size.
// Source    docs/internals/frame.md
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/state/state.h"

namespace writ {

class Frame {
 public:
  Frame() = default;
  Frame(Frame&&) = default;                    // moving keeps the texts where they are; a copy could not
  Frame& operator=(Frame&&) = default;

  const int64_t* words() const { return words_.data(); }
  int64_t* mutable_words() { return words_.data(); }
  void Resize(uint32_t size_words);            // zeroes the words, drops the texts, keeps the memory
  std::string_view Keep(std::string_view text);  // a stable copy that lives until the next Resize

 private:
  std::vector<int64_t> words_;
  std::deque<std::string> texts_;   // reused; text i is stable (short texts too, which a vector would move)
  size_t text_count_ = 0;
};

struct ReadVersion { WorkflowId workflow; std::string key; int64_t version; };  // 0: names nothing
using ReadSet = std::vector<ReadVersion>;      // sorted, each once

// Fills the frame of `function` (decide, compute or conclude) for a proposal, and adds every stream that was read, the
// instance's own too, to `reads` (which may be null).
void FillFrame(const World& world, const Function& function, const Proposal& proposal, Frame* frame, ReadSet* reads);

// Fills the frame of a fold or of a key: `instance` is as the event left it. `cells` is the instance whose cells the fold
// moves; none: the same.
void FillFoldFrame(const World& world, const Function& function, const Proposal& event, const Instance& instance,
                   int64_t position, Frame* frame, const Instance* cells = nullptr);

// The frame for the log: only used list elements; values of erasable slots, numbers too, stand apart, in `erasable`, in order.
// Decoding gives kDataLoss for whatever encoding would not have written, and an empty frame with it.
std::string EncodeFrame(const FrameLayout& layout, const Frame& frame, std::vector<std::string>* erasable);
absl::Status DecodeFrame(const FrameLayout& layout, std::string_view bytes, const std::vector<std::string>& erasable,
                         Frame* frame);

// ---------------------------------------------------------------- values and keys

// Checks a value against a type: range, capacity, enum members, lengths. Errors are sentences for whoever sent it.
absl::Status CheckValue(const Schema& schema, TypeId type, const Value& value);

// Canonical key text: one string part is itself; other parts as ValueToText; several joined by `|`, with `\` before `|` and `\`.
std::string KeyText(const Schema& schema, const std::vector<Field>& key, const std::vector<Value>& parts);
// Each part is checked against its type, too. Text that is not canonical is taken where it is clear ("007"): KeyText again.
absl::StatusOr<std::vector<Value>> ParseKey(const Schema& schema, const std::vector<Field>& key, std::string_view text);

// "2400000 USD" (or with digits), "38%", "4h", RFC 3339, enum member, decimal integer, true/false, 2026-01-10.
std::string ValueToText(const Schema& schema, const Type& type, const Value& value);
absl::StatusOr<Value> TextToValue(const Schema& schema, const Type& type, std::string_view text);  // scalars only

std::string FormatTime(int64_t time_ns);       // RFC 3339, UTC, `Z`, fraction only where there is one
absl::StatusOr<int64_t> ParseTime(std::string_view text);      // RFC 3339 with a zone
absl::StatusOr<int64_t> ParseDuration(std::string_view text);  // 24h, 30min, 1h30min, 2d, 500ms, 10s; w d h min s ms us ns
std::string FormatDuration(int64_t duration_ns);

}  // namespace writ
