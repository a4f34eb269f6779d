// Facts as an author writes them: "count(amend by CFO where discount > 35% within 7d)". The IR names what is kept of a fact by these
// words, so that a log explains itself without the policy's source; names bear no package where they need none.
#pragma once

#include <string>

#include "compiler/typed/typed.h"

namespace writ::typed {

// Two facts that are not one have different words. Cost: linear in the tree.
std::string Words(const Program& program, const Fact& fact);

}  // namespace writ::typed
