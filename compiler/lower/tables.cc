// What is looked up in tables: patterns as automata, calendars as steps.
#include "compiler/lower/tables.h"

#include <algorithm>
#include <utility>

#include "compiler/lower/expressions.h"
#include "compiler/lower/planted_faults.h"
#include "compiler/pattern/pattern.h"
#include "runtime/builtins/check.h"

namespace writ::lower {
namespace {

using ir::ExprId;
using ir::StepTable;
using typed::CalendarOp;

constexpr int64_t kDayNs = int64_t{86'400} * 1'000'000'000;
constexpr int64_t kThursday = 3;  // the epoch's day, where 0 is Monday

StepTable OffsetsOf(const Zone& zone) {
  StepTable table;
  for (const ZoneStep& step : zone.steps) table.steps.push_back({step.from_ns, step.offset_ns});
  return table;
}

bool HasHours(const Calendar& calendar, int64_t weekday) {
  return std::any_of(calendar.openings.begin(), calendar.openings.end(),
                     [weekday](const Opening& opening) { return opening.weekday == weekday; });
}

// How many days of a week up to this one have hours.
StepTable WorkdaysUpTo(const Calendar& calendar) {
  StepTable table;
  int64_t count = 0;
  for (int64_t weekday = 0; weekday < 7; ++weekday) {
    count += HasHours(calendar, weekday) ? 1 : 0;
    table.steps.push_back({weekday, count});
  }
  return table;
}

// How many days up to this one would have hours, were they not closed.
StepTable WorkdaysLostUpTo(const Calendar& calendar) {
  StepTable table{{{INT64_MIN, 0}}};
  for (const int64_t day : calendar.closed) {
    const int64_t weekday = ((day + kThursday) % 7 + 7) % 7;
    if (HasHours(calendar, weekday)) table.steps.push_back({day, table.steps.back().value + 1});
  }
  return table;
}

}  // namespace

StepTable HoursOf(const Calendar& calendar) {
  StepTable table{{{INT64_MIN, 0}}};
  for (const Opening& opening : calendar.openings) {
    const int64_t from = opening.weekday * kDayNs + opening.from_ns;
    if (table.steps.back().from == from) table.steps.pop_back();  // until midnight, and on from there
    if (table.steps.back().value == 0) table.steps.push_back({from, 1});
    table.steps.push_back({opening.weekday * kDayNs + opening.until_ns, 0});
  }
  return table;
}

StepTable ClosedDaysOf(const Calendar& calendar) {
  StepTable table{{{INT64_MIN, 0}}};
  for (const int64_t day : calendar.closed) {
    if (table.steps.back().from == day) table.steps.pop_back();
    if (table.steps.back().value == 0) table.steps.push_back({day, 1});
    table.steps.push_back({day + 1, 0});
  }
  return table;
}

// ---------------------------------------------------------------- patterns

Value FunctionLowering::Match(const Expr& expr) {
  const Value x = Operand(*expr.children[0]);
  const auto [at, is_new] = state_->automata.try_emplace({expr.part, expr.text});
  if (is_new) {
    const pattern::Compiled compiled = pattern::Compile(static_cast<pattern::Kind>(expr.part), expr.text);
    WRIT_CHECK(compiled.automaton.has_value());  // check/ has compiled it before
    at->second = *compiled.automaton;
  }
  return {build_.MatchStr(x.value, at->second), x.unknown, build_.Bool(true)};
}

// ---------------------------------------------------------------- calendars

ExprId FunctionLowering::Quotient(ExprId a, Num by) { return build_.Round(Rounding::kDown, a, by); }

ExprId FunctionLowering::Remainder(ExprId a, Num by) {
  const ExprId quotient = Quotient(a, by);
  const ExprId factor = build_.Number(by);
  const ExprId whole = build_.Mul(quotient, factor);
  return build_.Sub(a, whole);
}

ExprId FunctionLowering::Plus(ExprId a, Num b) {
  const ExprId number = build_.Number(b);
  return build_.Add(a, number);
}

ExprId FunctionLowering::LocalTime(const Calendar& calendar, ExprId time) {
  const ExprId offset = build_.StepNum(time, OffsetsOf(schema_.zones[calendar.zone]));
  return Planted(Fault::kZoneIgnored) ? time : build_.Add(time, offset);
}

ExprId FunctionLowering::LocalDay(const Calendar& calendar, ExprId time) {
  return Quotient(LocalTime(calendar, time), kDayNs);
}

ExprId FunctionLowering::InWindow(const Calendar& calendar, uint32_t window, ExprId time) {
  ExprId any = build_.Bool(false);
  for (const CalendarWindow& period : calendar.windows) {
    if (period.name != calendar.windows[window].name) continue;
    const ExprId from = build_.Number(period.from_ns);
    const ExprId until = build_.Number(period.until_ns);
    const ExprId begun = build_.LeNum(from, time);
    const ExprId not_over = build_.LtNum(time, until);
    const ExprId inside = build_.And(begun, not_over);
    any = build_.Or(any, inside);
  }
  return any;
}

ExprId FunctionLowering::IsOpen(const Calendar& calendar, ExprId time) {
  const ExprId local = LocalTime(calendar, time);
  const ExprId since_monday = Remainder(Plus(local, Num{kThursday} * kDayNs), Num{7} * kDayNs);
  const ExprId in_hours = build_.StepNum(since_monday, HoursOf(calendar));
  const ExprId closed = build_.StepNum(Quotient(local, kDayNs), ClosedDaysOf(calendar));
  const ExprId one = build_.Number(1);
  const ExprId is_open = build_.EqNum(in_hours, one);
  const ExprId is_closed = build_.EqNum(closed, one);
  const ExprId not_closed = build_.Not(is_closed);
  return build_.And(is_open, not_closed);
}

// Of all days up to this one: weeks, what of the last week, less what is closed.
ExprId FunctionLowering::WorkdaysUntil(const Calendar& calendar, ExprId time) {
  const ExprId day = LocalDay(calendar, time);
  const ExprId since_monday = Plus(day, kThursday);
  const StepTable of_week = WorkdaysUpTo(calendar);
  const ExprId weeks = Quotient(since_monday, 7);
  const ExprId a_week = build_.Number(of_week.steps.back().value);
  const ExprId in_weeks = build_.Mul(weeks, a_week);
  const ExprId rest = build_.StepNum(Remainder(since_monday, 7), of_week);
  const ExprId all = build_.Add(in_weeks, rest);
  const ExprId lost = build_.StepNum(day, WorkdaysLostUpTo(calendar));
  return build_.Sub(all, lost);
}

// The year that begins on the 1st of March before a day, and the days since then: so that a leap day is the last of its
// year, and a date is the same number in each (H. Hinnant, "chrono-compatible low-level date algorithms").
std::pair<ExprId, ExprId> FunctionLowering::MarchYear(ExprId day) {
  const ExprId since = Plus(day, 719'468);
  const ExprId era = Quotient(since, 146'097);
  const ExprId of_era = Remainder(since, 146'097);
  ExprId days = build_.Sub(of_era, Quotient(of_era, 1'460));
  const ExprId centuries = Quotient(of_era, 36'524);
  days = build_.Add(days, centuries);
  const ExprId last = Quotient(of_era, 146'096);
  days = build_.Sub(days, last);
  const ExprId year_of_era = Quotient(days, 365);
  const ExprId years_days = build_.Mul(year_of_era, build_.Number(365));
  ExprId before = build_.Add(years_days, Quotient(year_of_era, 4));
  const ExprId hundreds = Quotient(year_of_era, 100);
  before = build_.Sub(before, hundreds);
  const ExprId day_of_year = build_.Sub(of_era, before);
  const ExprId eras = build_.Mul(era, build_.Number(400));
  return {build_.Add(eras, year_of_era), day_of_year};
}

ExprId FunctionLowering::YearsBetween(ExprId from_day, ExprId to_day) {
  const auto [from_year, from_rest] = MarchYear(from_day);
  const auto [to_year, to_rest] = MarchYear(to_day);
  const ExprId years = build_.Sub(to_year, from_year);
  const ExprId not_yet = build_.LtNum(to_rest, from_rest);
  const ExprId one_less = Plus(years, -1);
  return build_.Select(not_yet, one_less, years);
}

Value FunctionLowering::AskCalendar(const Expr& expr) {
  const Calendar& calendar = schema_.calendars[expr.index];
  std::vector<ExprId> arguments;
  ExprId unknown = build_.Bool(false);
  for (const typed::ExprPtr& child : expr.children) {
    const Value argument = Operand(*child);
    arguments.push_back(argument.value);
    unknown = build_.Or(unknown, argument.unknown);
  }
  Value v{ExprId(), unknown, build_.Bool(true)};
  switch (static_cast<CalendarOp>(expr.part)) {
    case CalendarOp::kInWindow: v.value = InWindow(calendar, expr.part2, arguments[0]); break;
    case CalendarOp::kOpen: v.value = IsOpen(calendar, arguments[0]); break;
    case CalendarOp::kWorkdays: {
      const ExprId from = WorkdaysUntil(calendar, arguments[0]);
      const ExprId to = WorkdaysUntil(calendar, arguments[1]);
      v.value = build_.Sub(to, from);
      break;
    }
    case CalendarOp::kYears: {
      const ExprId day = LocalDay(calendar, arguments[1]);
      v.value = YearsBetween(arguments[0], day);
      break;
    }
    case CalendarOp::kDay: v.value = LocalDay(calendar, arguments[0]); break;
  }
  return v;
}

// Between two dates, or a date some whole days away.
Value FunctionLowering::Days(const Expr& expr) {
  const Value x = Operand(*expr.children[0]);
  if (expr.type.type.kind == TypeKind::kDate) {
    const Num days = expr.children[1]->number / kDayNs;
    return Checked({Plus(x.value, expr.kind == typed::ExprKind::kSubtract ? -days : days), x.unknown, build_.Bool(true)});
  }
  const Value y = Operand(*expr.children[1]);
  const ExprId days = build_.Sub(x.value, y.value);
  const ExprId day = build_.Number(kDayNs);
  return Checked({build_.Mul(days, day), build_.Or(x.unknown, y.unknown), build_.Bool(true)});
}

}  // namespace writ::lower
