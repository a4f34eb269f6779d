// What authors write for what a decision is made of; the dumps and the reports say the same.
#pragma once

#include "runtime/decision/schema.h"

namespace writ {

const char* Word(Effect effect);

}  // namespace writ
