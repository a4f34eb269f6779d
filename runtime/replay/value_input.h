// From values back to what a line would say: the other direction of reading a line.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "runtime/decision/schema.h"
#include "runtime/orchestrator/input.h"
#include "runtime/store/value.h"

namespace writ::replay {

// Absent values, and absent members of records, are left out.
Input InputOf(const Schema& schema, const Type& type, const store::Value& value);

// A canonical key text: a scalar, or an object with the names of a compound key's parts.
absl::StatusOr<Input> KeyInput(const Schema& schema, const Workflow& workflow, const std::string& key);

}  // namespace writ::replay
