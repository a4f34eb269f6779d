// Makes a disagreement small: fewer steps, rules, guards and parts of them, for as long as something still differs.
#pragma once

#include <string>
#include <vector>

#include "compiler/typed/typed.h"
#include "tests/agreement/session.h"

namespace writ::agreement {

// What differs when the history is run, or nothing.
std::optional<std::string> RunHistory(const typed::Program& program, const std::vector<Step>& history, const Options& options);

// A report: the seed's policy and history, as small as greedy attempts make them, and the IR of the function that differs.
std::string Shrink(const typed::Program& program, std::vector<Step> history, const Options& options);

}  // namespace writ::agreement
