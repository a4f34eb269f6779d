// Tables of steps that calendars become, for lowering and for what tells of them.
#pragma once

#include "compiler/ir/ir.h"

namespace writ::lower {

ir::StepTable HoursOf(const Calendar& calendar);       // by nanoseconds since Monday's midnight: 1 within hours
ir::StepTable ClosedDaysOf(const Calendar& calendar);  // by date: 1 on closed days

}  // namespace writ::lower
