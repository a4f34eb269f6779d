// From what a line says to values, by the schema's types. Errors are sentences for the line's author.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/decision/schema.h"
#include "runtime/orchestrator/input.h"
#include "runtime/store/value.h"

namespace writ {

// Texts for money, percent, quantity, duration, time, date, enum, role and string; numbers for int; true and false for bool;
// a key (text, number, or an object where it is compound) for a reference; an object for a record; a list for list and set.
// Nothing is absent where the type is optional. What comes out has passed CheckValue.
absl::StatusOr<store::Value> ToValue(const Schema& schema, TypeId type, const Input& input);

// The canonical key text of an instance.
absl::StatusOr<std::string> ToKey(const Schema& schema, WorkflowId workflow, const Input& input);

// A description with the attributes that a line gives beside it, checked against the registry.
absl::StatusOr<ActorDescription> Described(const Schema& schema, const Registry& registry, ActorDescription description,
                                           const Input& attributes);

// A workflow by name or qualified name.
absl::StatusOr<WorkflowId> FindWorkflow(const Schema& schema, std::string_view name);

}  // namespace writ
