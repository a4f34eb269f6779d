// What a calendar says, worked out day by day: for tests and reports. Compiled policies carry the same as tables and
// arithmetic (compiler/lower).
//
// Units     as in runtime/decision/schema.h; times and local times in nanoseconds, dates in days since the epoch.
// Threads   any number.
// Cost      a look-up among the zone's steps; Workdays: a step for each day between.
#pragma once

#include "runtime/decision/schema.h"

namespace writ {

// How far local time is ahead of UTC at this moment.
int64_t OffsetAt(const Zone& zone, Num time_ns);
// The moment at which local time is this. Where it is skipped, the first moment after the gap; where it comes twice, the
// earlier one.
int64_t TimeOfLocal(const Zone& zone, int64_t local_ns);
// The local date, as days since the epoch.
Num LocalDay(const Zone& zone, Num time_ns);

// Zone of a schema by its name; null where it is not compiled in.
const Zone* FindZone(const Schema& schema, const std::string& name);

// In one of the periods of the window that Calendar::windows[window] is one of.
bool IsInWindow(const Calendar& calendar, uint32_t window, Num time_ns);
// Within its hours, and not on a closed day.
bool IsOpen(const Schema& schema, const Calendar& calendar, Num time_ns);
// Days that have hours and are not closed, after the day of `from` up to that of `to`; negative where `to` is on an earlier
// day.
Num Workdays(const Schema& schema, const Calendar& calendar, Num from_ns, Num to_ns);
// Completed years from a date to the local date of a time. Who is born on a 29th of February completes a year on the 1st
// of March where there is no 29th; negative before the date.
Num Years(const Schema& schema, const Calendar& calendar, int64_t from_day, Num to_ns);

}  // namespace writ
