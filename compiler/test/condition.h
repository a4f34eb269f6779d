// `expect EXPR`: a typed expression over an instance as it is now, walked as it was written.
#pragma once

#include <optional>
#include <string>

#include "compiler/typed/typed.h"
#include "runtime/state/state.h"

namespace writ::policy_test {

// True, false, or why it cannot be told: something in it is unknown or absent, or is nothing that a test can look at.
struct Truth { std::optional<bool> value; std::string why; };

Truth EvaluateCondition(const typed::Program& program, const World& world, const Instance& instance, int64_t now_ns,
                        const typed::Expr& expr);

}  // namespace writ::policy_test
