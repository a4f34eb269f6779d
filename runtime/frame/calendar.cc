#include "runtime/frame/calendar.h"

#include <algorithm>

#include "runtime/frame/civil.h"

namespace writ {
namespace {

constexpr int64_t kDayNs = int64_t{86'400} * 1'000'000'000;

Num FloorOf(Num a, Num b) { return a / b - (a % b < 0 ? 1 : 0); }

// 0 is Monday; the epoch was a Thursday.
uint32_t WeekdayOf(Num day) { return static_cast<uint32_t>(((day + 3) % 7 + 7) % 7); }

bool IsClosed(const Calendar& calendar, Num day) {
  return std::any_of(calendar.closed.begin(), calendar.closed.end(), [day](int64_t closed) { return closed == day; });
}

bool IsWorkday(const Calendar& calendar, Num day) {
  const uint32_t weekday = WeekdayOf(day);
  return !IsClosed(calendar, day) && std::any_of(calendar.openings.begin(), calendar.openings.end(),
                                                 [weekday](const Opening& o) { return o.weekday == weekday; });
}

Num LocalOf(const Zone& zone, Num time_ns) { return time_ns + OffsetAt(zone, time_ns); }

}  // namespace

int64_t OffsetAt(const Zone& zone, Num time_ns) {
  int64_t offset_ns = zone.steps.front().offset_ns;
  for (const ZoneStep& step : zone.steps) {
    if (step.from_ns <= time_ns) offset_ns = step.offset_ns;
  }
  return offset_ns;
}

// The first moment at which local time has come this far.
int64_t TimeOfLocal(const Zone& zone, int64_t local_ns) {
  for (size_t i = 0; i + 1 < zone.steps.size(); ++i) {
    const int64_t until_ns = zone.steps[i + 1].from_ns;
    const int64_t time_ns = std::max(zone.steps[i].from_ns, local_ns - zone.steps[i].offset_ns);
    if (time_ns < until_ns) return time_ns;
  }
  return std::max(zone.steps.back().from_ns, local_ns - zone.steps.back().offset_ns);
}

Num LocalDay(const Zone& zone, Num time_ns) { return FloorOf(LocalOf(zone, time_ns), kDayNs); }

const Zone* FindZone(const Schema& schema, const std::string& name) {
  const auto found =
      std::find_if(schema.zones.begin(), schema.zones.end(), [&](const Zone& zone) { return zone.name == name; });
  return found == schema.zones.end() ? nullptr : &*found;
}

bool IsInWindow(const Calendar& calendar, uint32_t window, Num time_ns) {
  return std::any_of(calendar.windows.begin(), calendar.windows.end(), [&](const CalendarWindow& period) {
    return period.name == calendar.windows[window].name && period.from_ns <= time_ns && time_ns < period.until_ns;
  });
}

bool IsOpen(const Schema& schema, const Calendar& calendar, Num time_ns) {
  const Num local = LocalOf(schema.zones[calendar.zone], time_ns);
  const Num day = FloorOf(local, kDayNs), since_midnight = local - day * kDayNs;
  if (IsClosed(calendar, day)) return false;
  return std::any_of(calendar.openings.begin(), calendar.openings.end(), [&](const Opening& opening) {
    return opening.weekday == WeekdayOf(day) && opening.from_ns <= since_midnight && since_midnight < opening.until_ns;
  });
}

Num Workdays(const Schema& schema, const Calendar& calendar, Num from_ns, Num to_ns) {
  const Zone& zone = schema.zones[calendar.zone];
  const Num from = LocalDay(zone, from_ns), to = LocalDay(zone, to_ns);
  Num count = 0;
  for (Num day = std::min(from, to) + 1; day <= std::max(from, to); ++day) count += IsWorkday(calendar, day) ? 1 : 0;
  return to < from ? -count : count;
}

Num Years(const Schema& schema, const Calendar& calendar, int64_t from_day, Num to_ns) {
  const CivilDate from = CivilFromDays(from_day);
  const CivilDate to = CivilFromDays(static_cast<int64_t>(LocalDay(schema.zones[calendar.zone], to_ns)));
  const bool not_yet = to.month != from.month ? to.month < from.month : to.day < from.day;
  return to.year - from.year - (not_yet ? 1 : 0);
}

}  // namespace writ
