// The stable text of a typed program (`--dump=typed`): the schema's tables, then facts, grants, rules, reviews,
// computed fields, tests. Ids are written with their names; expressions as expr.h's Text.
//
// Cost      one pass.
#pragma once

#include <string>

#include "compiler/typed/typed.h"

namespace writ::typed {

std::string Dump(const Program& program);

}  // namespace writ::typed
