// From a recorded log's events to proposals, by what the policy says of foreign names: `as "…"`, `from "…"`, `log W from xes { … }`.
//
// What is not mapped is counted and listed, never silently skipped.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/decision/schema.h"
#include "runtime/replay/recorded_log.h"
#include "runtime/state/state.h"

namespace writ::replay {

inline constexpr size_t kListedMax = 1000;   // of each kind of finding, the first so many are listed; all are counted

// An event of the log as a proposal. Its time is that of the log, or its predecessor's in the trace where the log goes back.
struct MappedEvent {
  uint32_t event = 0;                        // RecordedLog::events
  uint32_t case_number = 0;                  // instances, by first appearance in the file
  std::string role_text;                     // what the log says
  Proposal proposal;
};

struct UnmappedName { int64_t event_count = 0; uint32_t first_line = 0; };

struct ValueFinding {
  uint32_t line = 0;
  std::string instance, field, attribute, text;
  std::string error;                         // a sentence
};

struct MappingReport {
  int64_t event_count = 0, case_count = 0, mapped_count = 0;
  std::map<std::string, UnmappedName> unmapped;        // by activity
  std::map<std::string, UnmappedName> unmapped_roles;  // by what the log calls it; these events are decided without a role
  int64_t value_count = 0;                             // values that cannot be read or are out of range …
  std::vector<ValueFinding> values;                    // … and the first of them
  int64_t time_count = 0;                              // events without a time that can be read; they are not decided
  std::vector<ValueFinding> times;
  int64_t reordered_count = 0;                         // events whose time is before their predecessor's in the trace
};

struct MappingOptions {
  WorkflowId workflow;                       // none: the only one that the log can be about
};

// The workflow that a log of this format is about: `named` (its name or qualified name), the only one with a `log` block for
// the format, or the only workflow. kInvalidArgument says why there is no such one.
absl::StatusOr<WorkflowId> WorkflowOfLog(const Schema& schema, const std::string& format, const std::string& named);

// The column that names the case in a CSV log of this workflow.
std::string InstanceColumn(const Workflow& workflow);

// `events` come out merged over traces by (time, order in the file), each trace in the file's order.
//
// A value that the field's type does not take is counted and listed; a number takes the nearest bound, anything else is
// left out. Errors: kInvalidArgument where the policy's own mapping cannot be used.
absl::Status MapLog(const Schema& schema, const RecordedLog& log, const MappingOptions& options,
                    std::vector<MappedEvent>* events, MappingReport* report);

// A text of a foreign log as a value of the type. Numbers of another range: the nearest bound, with `*error` set.
Value ForeignValue(const Schema& schema, const Field& field, std::string_view text, std::string* error);

// The transition that a foreign name means: its exact `as`, its own name, or the glob with most letters (`*` any run,
// `?` any one character). None: TransitionId().
TransitionId FindTransition(const Workflow& workflow, std::string_view activity);

// RFC 3339; without an offset it is in `zone` (empty: refused).
absl::StatusOr<int64_t> ParseForeignTime(const Schema& schema, std::string_view text, const std::string& zone);

}  // namespace writ::replay
