#include "runtime/frame/calendar.h"

#include "gtest/gtest.h"
#include "runtime/frame/civil.h"

namespace writ {
namespace {

constexpr int64_t kHour = int64_t{3'600} * 1'000'000'000, kDay = 24 * kHour;

int64_t Day(int year, int month, int day) { return DaysFromCivil({year, month, day}); }
int64_t At(int year, int month, int day, int64_t hour) { return Day(year, month, day) * kDay + hour * kHour; }

// An hour ahead of UTC, two from 2026-03-29T01:00Z to 2026-10-25T01:00Z; open Monday to Friday 08:00..18:00 and Saturday
// 08:00..12:00; closed on 2026-12-25, a Friday.
Schema Zurich() {
  Schema schema;
  schema.zones = {{"Europe/Zurich",
                   {{INT64_MIN, kHour}, {At(2026, 3, 29, 1), 2 * kHour}, {At(2026, 10, 25, 1), kHour}}}};
  Calendar calendar;
  for (uint32_t day = 0; day < 5; ++day) calendar.openings.push_back({day, 8 * kHour, 18 * kHour});
  calendar.openings.push_back({5, 8 * kHour, 12 * kHour});
  calendar.closed = {Day(2026, 12, 25)};
  calendar.windows = {{"a", 10, 20}, {"a", 30, 40}, {"b", 20, 30}};
  schema.calendars = {calendar};
  return schema;
}

TEST(Calendar, LocalTimeIsNeverSkippedAndEarlierWhereTwice) {
  const Zone zone = Zurich().zones[0];
  EXPECT_EQ(OffsetAt(zone, INT64_MIN), kHour);
  EXPECT_EQ(OffsetAt(zone, At(2026, 3, 29, 1) - 1), kHour);
  EXPECT_EQ(OffsetAt(zone, At(2026, 3, 29, 1)), 2 * kHour);
  EXPECT_EQ(TimeOfLocal(zone, At(2026, 1, 10, 9)), At(2026, 1, 10, 8));
  EXPECT_EQ(TimeOfLocal(zone, At(2026, 7, 10, 9)), At(2026, 7, 10, 7));
  EXPECT_EQ(TimeOfLocal(zone, At(2026, 3, 29, 2)), At(2026, 3, 29, 1)) << "02:00 does not exist";
  EXPECT_EQ(TimeOfLocal(zone, At(2026, 3, 29, 2) + kHour / 2), At(2026, 3, 29, 1)) << "02:30 does not exist";
  EXPECT_EQ(TimeOfLocal(zone, At(2026, 3, 29, 3)), At(2026, 3, 29, 1));
  EXPECT_EQ(TimeOfLocal(zone, At(2026, 10, 25, 2)), At(2026, 10, 25, 0)) << "02:00 comes twice";
  EXPECT_EQ(TimeOfLocal(zone, At(2026, 10, 25, 3)), At(2026, 10, 25, 2));
  for (int64_t time = At(2026, 3, 28, 0); time < At(2026, 10, 20, 0); time += kHour / 4) {
    EXPECT_EQ(TimeOfLocal(zone, time + OffsetAt(zone, time)), time);
  }
}

TEST(Calendar, HoursAreHalfOpen) {
  const Schema schema = Zurich();
  const Calendar& calendar = schema.calendars[0];
  EXPECT_FALSE(IsOpen(schema, calendar, At(2026, 1, 12, 7) - 1));  // a Monday
  EXPECT_TRUE(IsOpen(schema, calendar, At(2026, 1, 12, 7)));
  EXPECT_TRUE(IsOpen(schema, calendar, At(2026, 1, 12, 17) - 1));
  EXPECT_FALSE(IsOpen(schema, calendar, At(2026, 1, 12, 17)));
  EXPECT_TRUE(IsOpen(schema, calendar, At(2026, 7, 13, 6))) << "summer time";
  EXPECT_TRUE(IsOpen(schema, calendar, At(2026, 1, 17, 10))) << "Saturday morning";
  EXPECT_FALSE(IsOpen(schema, calendar, At(2026, 1, 17, 12)));
  EXPECT_FALSE(IsOpen(schema, calendar, At(2026, 1, 18, 10))) << "Sunday";
  EXPECT_FALSE(IsOpen(schema, calendar, At(2026, 12, 25, 10))) << "closed";
}

TEST(Calendar, WindowsOfOneNameAreOne) {
  const Calendar calendar = Zurich().calendars[0];
  for (const auto& [time, in_a, in_b] : std::vector<std::tuple<Num, bool, bool>>{
           {9, false, false}, {10, true, false}, {19, true, false}, {20, false, true}, {30, true, false}, {40, false, false}}) {
    EXPECT_EQ(IsInWindow(calendar, 0, time), in_a);
    EXPECT_EQ(IsInWindow(calendar, 2, time), in_b);
  }
}

TEST(Calendar, WorkdaysAreCountedAfterTheFirst) {
  const Schema schema = Zurich();
  const Calendar& calendar = schema.calendars[0];
  const auto workdays = [&](int64_t a, int64_t b) { return static_cast<int64_t>(Workdays(schema, calendar, a, b)); };
  const int64_t monday = At(2026, 1, 12, 9);
  EXPECT_EQ(workdays(monday, monday + kHour), 0);
  EXPECT_EQ(workdays(monday, monday + kDay), 1);
  EXPECT_EQ(workdays(monday, monday + 7 * kDay), 6) << "Saturdays have hours";
  EXPECT_EQ(workdays(monday + 7 * kDay, monday), -6);
  EXPECT_EQ(workdays(At(2026, 12, 24, 9), At(2026, 12, 26, 9)), 1) << "closed on the 25th";
  EXPECT_EQ(workdays(At(2026, 1, 12, 22), At(2026, 1, 12, 23)), 1) << "local midnight is at 23:00Z";
}

TEST(Calendar, YearsAreCompleted) {
  const Schema schema = Zurich();
  const auto years = [&](int64_t born, int64_t at) {
    return static_cast<int64_t>(Years(schema, schema.calendars[0], born, at));
  };
  EXPECT_EQ(years(Day(2008, 5, 17), At(2026, 5, 16, 21)), 17);
  EXPECT_EQ(years(Day(2008, 5, 17), At(2026, 5, 16, 22)), 18) << "local midnight";
  EXPECT_EQ(years(Day(2008, 2, 29), At(2026, 2, 28, 12)), 17);
  EXPECT_EQ(years(Day(2008, 2, 29), At(2026, 3, 1, 12)), 18);
  EXPECT_EQ(years(Day(2008, 2, 29), At(2024, 2, 29, 12)), 16);
  EXPECT_EQ(years(Day(2026, 1, 2), At(2026, 1, 1, 12)), -1);
}

}  // namespace
}  // namespace writ
