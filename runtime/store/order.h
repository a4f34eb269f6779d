// The one order in which an event's lists stand.
#pragma once

#include "runtime/store/event.h"

namespace writ::store {

// Sorts the event's lists and drops what is there twice, as EncodeEvent does.
void PutInOrder(Event* event);

}  // namespace writ::store
