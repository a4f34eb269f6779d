// Calendars: their zones, hours and windows into the schema's tables, and the questions that expressions ask of them.
#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "compiler/check/expressions.h"
#include "compiler/check/literals.h"
#include "compiler/check/model.h"
#include "runtime/frame/calendar.h"

namespace writ::check {
namespace {

using typed::CalendarOp;
using typed::ExprKind;

constexpr int64_t kSecondNs = 1'000'000'000, kMinuteNs = 60 * kSecondNs, kDayNs = 86'400 * kSecondNs;
constexpr const char* kWeekdays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

// Names of the IANA data base, and nothing that could be a path out of it.
bool IsZoneName(const std::string& name) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '+' || c == '/';
  };
  return !name.empty() && name.front() != '/' && name != "localtime" && std::all_of(name.begin(), name.end(), is_part);
}

// Every change of the offset that a time can see.
std::vector<ZoneStep> StepsOf(const absl::TimeZone& zone) {
  const absl::Time last = absl::FromUnixNanos(limits::kTimeMax);
  absl::Time at = absl::FromUnixNanos(-limits::kTimeMax);
  std::vector<ZoneStep> steps = {{INT64_MIN, zone.At(at).offset * kSecondNs}};
  absl::TimeZone::CivilTransition change;
  while (zone.NextTransition(at, &change)) {
    // What is shown after a change is shown from then on, and, where clocks went back, once before it.
    const absl::TimeZone::TimeInfo info = zone.At(change.to);
    const absl::Time moment = info.kind == absl::TimeZone::TimeInfo::UNIQUE ? info.pre : info.trans;
    if (moment <= at || moment > last) break;
    at = moment;
    const int64_t offset_ns = zone.At(at).offset * kSecondNs;
    if (offset_ns != steps.back().offset_ns) steps.push_back({absl::ToUnixNanos(at), offset_ns});
  }
  return steps;
}

std::vector<std::string> WindowNames(const Calendar& calendar) {
  std::vector<std::string> names = {"open"};
  for (const CalendarWindow& window : calendar.windows) names.push_back(window.name);
  return names;
}

// One declaration into one row.
class CalendarBuilder {
 public:
  CalendarBuilder(Model& model, const Declaration& d) : model_(model), declaration_(d), node_(*d.calendar) {}

  Calendar Build() {
    using Kind = ast::CalendarItem::Kind;
    out_.name = declaration_.name;
    out_.qualified = declaration_.qualified;
    FindZoneOf();
    for (const ast::CalendarItem& item : node_.items) {
      if (item.kind == Kind::kOpen) AddHours(item);
      if (item.kind == Kind::kClosed) AddClosed(item);
      if (item.kind == Kind::kWindow) AddWindow(item);
    }
    JoinHours();
    std::sort(out_.closed.begin(), out_.closed.end());
    out_.closed.erase(std::unique(out_.closed.begin(), out_.closed.end()), out_.closed.end());
    model_.WithinLimit(declaration_.span, out_.closed.size(), "closed days", kClosedDaysMax);
    std::stable_sort(out_.windows.begin(), out_.windows.end(), [](const CalendarWindow& a, const CalendarWindow& b) {
      return std::tie(a.name, a.from_ns, a.until_ns) < std::tie(b.name, b.from_ns, b.until_ns);
    });
    return std::move(out_);
  }

 private:
  // Two steps a day at most, in tables of limits::kStepsMax.
  static constexpr size_t kClosedDaysMax = 2000;

  void FindZoneOf() {
    const ast::CalendarItem* given = nullptr;
    for (const ast::CalendarItem& item : node_.items) {
      if (item.kind != ast::CalendarItem::Kind::kZone) continue;
      if (given != nullptr) model_.sink.Report(item.span, diagnostics::kGivenTwice, "zone");
      if (given == nullptr) given = &item;
    }
    if (given == nullptr) {
      model_.sink.Report(declaration_.span, diagnostics::kCalendarNeedsZone, declaration_.name);
      return;
    }
    const std::vector<Zone>& zones = model_.schema().zones;
    const auto at = std::find_if(zones.begin(), zones.end(), [&](const Zone& zone) { return zone.name == given->zone; });
    if (at == zones.end()) return;  // it has been said that there is none
    out_.zone = static_cast<uint32_t>(at - zones.begin());
    zone_ = &*at;
  }

  int WeekdayOf(const ast::Name& name) {
    for (int i = 0; i < 7; ++i) {
      if (name.text == kWeekdays[i]) return i;
    }
    model_.sink.Report(name.span, diagnostics::kUnknownWeekday, name)
        .Help(Hint(model_.sink, name.text, {std::begin(kWeekdays), std::end(kWeekdays)}));
    return -1;
  }

  // `Fri..Mon` goes over the week's end.
  void AddHours(const ast::CalendarItem& item) {
    for (const auto& [first, last] : item.days) {
      const int from = WeekdayOf(first);
      const int to = first.span.begin == last.span.begin ? from : WeekdayOf(last);
      if (from < 0 || to < 0) continue;
      for (int day = from;; day = (day + 1) % 7) {
        for (const auto& [begin, end] : item.hours) AddOpening(static_cast<uint32_t>(day), begin, end, day == from);
        if (day == to) break;
      }
    }
  }

  void AddOpening(uint32_t weekday, const ast::Clock& begin, const ast::Clock& end, bool tells) {
    const int64_t from_ns = (begin.hour * 60 + begin.minute) * kMinuteNs;
    const int64_t until_ns = (end.hour * 60 + end.minute) * kMinuteNs;
    if (from_ns >= until_ns) {
      if (tells) model_.sink.Report({begin.span.file, begin.span.begin, end.span.end}, diagnostics::kRangeReversed);
      return;
    }
    out_.openings.push_back({weekday, from_ns, until_ns});
  }

  // Hours that overlap or touch become one.
  void JoinHours() {
    std::vector<Opening>& all = out_.openings;
    std::sort(all.begin(), all.end(), [](const Opening& a, const Opening& b) {
      return std::tie(a.weekday, a.from_ns, a.until_ns) < std::tie(b.weekday, b.from_ns, b.until_ns);
    });
    std::vector<Opening> joined;
    for (const Opening& o : all) {
      const bool touches = !joined.empty() && joined.back().weekday == o.weekday && o.from_ns <= joined.back().until_ns;
      if (!touches) joined.push_back(o);
      joined.back().until_ns = std::max(joined.back().until_ns, o.until_ns);
    }
    all = std::move(joined);
  }

  void AddClosed(const ast::CalendarItem& item) {
    for (const auto& [from, to] : item.periods) {
      const bool days = from->kind == ast::ExprKind::kDate && (to == nullptr || to->kind == ast::ExprKind::kDate);
      if (!days) {
        model_.sink.Report(from->span, diagnostics::kClosedTakesDays);
        continue;
      }
      const std::optional<int64_t> first = DayOf(*from), last = to == nullptr ? first : DayOf(*to);
      if (!first || !last) continue;
      if (*last < *first) {
        model_.sink.Report({from->span.file, from->span.begin, to->span.end}, diagnostics::kRangeReversed);
      } else if (model_.WithinLimit(from->span, static_cast<size_t>(*last - *first + 1), "closed days", kClosedDaysMax)) {
        for (int64_t day = *first; day <= *last; ++day) out_.closed.push_back(day);
      }
    }
  }

  void AddWindow(const ast::CalendarItem& item) {
    if (item.name.text == "open") {
      model_.sink.Report(item.name.span, diagnostics::kWindowOpen);
      return;
    }
    for (const auto& [from, to] : item.periods) {
      if (to == nullptr && from->kind != ast::ExprKind::kDate) {
        model_.sink.Report(from->span, diagnostics::kPeriodNeedsEnd);
        continue;
      }
      const std::optional<int64_t> begin = MomentOf(*from, false), end = MomentOf(to == nullptr ? *from : *to, true);
      if (!begin || !end) continue;
      if (*begin >= *end) {
        model_.sink.Report({from->span.file, from->span.begin, to->span.end}, diagnostics::kRangeReversed);
        continue;
      }
      out_.windows.push_back({item.name.text, *begin, *end});
    }
  }

  std::optional<int64_t> DayOf(const ast::Expr& date) {
    const std::optional<Number> day = model_.types.ReadNumber(date);
    if (!day) return std::nullopt;
    if (day->value > -kLastDay && day->value < kLastDay) return static_cast<int64_t>(day->value);
    model_.sink.Report(date.span, diagnostics::kNumberTooLarge, date.text);
    return std::nullopt;
  }

  // A day begins at its midnight and ends at the next one. Only what has a `Z` is not local.
  std::optional<int64_t> MomentOf(const ast::Expr& instant, bool is_end) {
    Num local = 0;
    if (instant.kind == ast::ExprKind::kDate) {
      const std::optional<int64_t> day = DayOf(instant);
      if (!day) return std::nullopt;
      local = Num{*day + (is_end ? 1 : 0)} * kDayNs;
    } else {
      const std::optional<Number> time = model_.types.ReadNumber(instant);
      if (!time) return std::nullopt;
      local = time->value;
      if (local < -Num{kLastDay} * kDayNs || local > Num{kLastDay} * kDayNs) {
        model_.sink.Report(instant.span, diagnostics::kNumberTooLarge, instant.text);
        return std::nullopt;
      }
      if (instant.text.back() == 'Z') return static_cast<int64_t>(local);
    }
    return zone_ != nullptr ? std::optional(TimeOfLocal(*zone_, static_cast<int64_t>(local))) : std::nullopt;
  }

  static constexpr int64_t kLastDay = limits::kTimeMax / kDayNs - 1;

  Model& model_;
  const Declaration& declaration_;
  const ast::Calendar& node_;
  const Zone* zone_ = nullptr;
  Calendar out_;
};

}  // namespace

void Model::RequireZone(ast::Span span, const std::string& name) {
  if (zones.count(name) != 0) return;
  absl::TimeZone zone;
  if (!IsZoneName(name) || !absl::LoadTimeZone(name, &zone)) {
    sink.Report(span, diagnostics::kUnknownZone, name);
    return;
  }
  zones.emplace(name, Zone{name, StepsOf(zone)});
}

void DeclareCalendars(Model& model) {
  const std::vector<const Declaration*> calendars = model.symbols.OfKind(DeclarationKind::kCalendar);
  for (const Declaration* d : calendars) {
    for (const ast::CalendarItem& item : d->calendar->items) {
      if (item.kind == ast::CalendarItem::Kind::kZone) model.RequireZone(item.span, item.zone);
    }
  }
  for (const auto& [name, zone] : model.zones) model.schema().zones.push_back(zone);
  for (const Declaration* d : calendars) model.schema().calendars.push_back(CalendarBuilder(model, *d).Build());
}

// ---------------------------------------------------------------- expressions

const Declaration* Expressions::CalendarNamed(const ast::Expr& expr) const {
  if (expr.kind != ast::ExprKind::kName) return nullptr;
  const ast::Name name{expr.text, expr.span};
  return ResolvesAsValue(name) ? nullptr : model_.symbols.Find(Space::kCalendar, name);
}

// time in C.open, time in C.window
Expressions::Ptr Expressions::InCalendar(const ast::Expr& expr, const Declaration& d) {
  const ast::Name& name = expr.children[1]->name;
  const Calendar& calendar = model_.schema().calendars[d.id];
  Ptr time = CalendarArgument(*expr.children[0], TypeKind::kTime, name.text);
  const auto window = std::find_if(calendar.windows.begin(), calendar.windows.end(),
                                   [&](const CalendarWindow& w) { return w.name == name.text; });
  const std::vector<ast::CalendarItem>& items = d.calendar->items;
  const auto is_it = [&](const ast::CalendarItem& item) { return item.name.text == name.text; };
  if (name.text != "open" && window == calendar.windows.end()) {
    if (std::any_of(items.begin(), items.end(), is_it)) return nullptr;  // it is wrong, and has been reported
    model_.sink.Report(name.span, diagnostics::kUnknownWindow, name, d.name)
        .Help(Hint(model_.sink, name.text, WindowNames(calendar)))
        .Related(d.span, "it is declared here");
    return nullptr;
  }
  if (name.text == "open" && !RequireHours(d, name.span)) return nullptr;
  if (time == nullptr) return nullptr;
  Ptr node = Truth(ExprKind::kCalendar, expr.span, std::move(time));
  node->index = d.id;
  node->part = static_cast<uint32_t>(name.text == "open" ? CalendarOp::kOpen : CalendarOp::kInWindow);
  if (name.text != "open") node->part2 = static_cast<uint32_t>(window - calendar.windows.begin());
  return node;
}

bool Expressions::RequireHours(const Declaration& d, ast::Span span) {
  const std::vector<ast::CalendarItem>& items = d.calendar->items;  // wrong ones have been reported
  const auto has_hours = [](const ast::CalendarItem& item) { return item.kind == ast::CalendarItem::Kind::kOpen; };
  if (std::any_of(items.begin(), items.end(), has_hours)) return true;
  model_.sink.Report(span, diagnostics::kCalendarHasNoHours, d.name).Related(d.span, "it is declared here");
  return false;
}

Expressions::Ptr Expressions::CalendarArgument(const ast::Expr& expr, TypeKind kind, const std::string& asked) {
  const Type wanted = Of(kind);
  Ptr value = Check(expr, &wanted);
  if (value == nullptr) return nullptr;
  const Type& found = value->type.type;
  if (found.kind != kind) {
    model_.sink.Report(expr.span, diagnostics::kArgumentType, asked, model_.types.Words(wanted), model_.types.Words(found))
        .Help(kind == TypeKind::kTime && found.kind == TypeKind::kDate
                  ? "a date is a whole day: compare it with `C.day(…)` of a calendar"
                  : "");
    return nullptr;
  }
  return RequirePresent(*value) ? std::move(value) : nullptr;
}

// C.workdays(a, b), C.years(date, time), C.day(time)
Expressions::Ptr Expressions::CheckMethod(const ast::Expr& expr) {
  const ast::Expr* object = expr.children.empty() ? nullptr : expr.children[0].get();
  if (object == nullptr || expr.name.empty()) return nullptr;
  const Declaration* d = CalendarNamed(*object);
  if (d == nullptr) {
    const bool is_name = object->kind == ast::ExprKind::kName && !ResolvesAsValue({object->text, object->span});
    if (is_name) {
      model_.symbols.Require(Space::kCalendar, {object->text, object->span});
    } else {
      model_.sink.Report(expr.name.span, diagnostics::kNotACalendar, expr.name);
    }
    return nullptr;
  }
  struct Row {
    const char* name;
    CalendarOp op;
    std::vector<TypeKind> arguments;
    TypeKind result;
  };
  static const std::vector<Row> kRows = {
      {"workdays", CalendarOp::kWorkdays, {TypeKind::kTime, TypeKind::kTime}, TypeKind::kInt},
      {"years", CalendarOp::kYears, {TypeKind::kDate, TypeKind::kTime}, TypeKind::kInt},
      {"day", CalendarOp::kDay, {TypeKind::kTime}, TypeKind::kDate}};
  const auto row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return expr.name.text == r.name; });
  if (row == kRows.end()) {
    model_.sink.Report(expr.name.span, diagnostics::kUnknownQuestion, expr.name)
        .Help(Hint(model_.sink, expr.name.text, {"workdays", "years", "day"}));
    return nullptr;
  }
  if (expr.children.size() - 1 != row->arguments.size()) {
    model_.sink.Report(expr.span, diagnostics::kArgumentCount, expr.name, Counted(row->arguments.size(), "argument"),
                       AreCounted(expr.children.size() - 1));
    return nullptr;
  }
  Ptr node = Node(ExprKind::kCalendar, expr.span, Of(row->result));
  node->index = d->id;
  node->part = static_cast<uint32_t>(row->op);
  bool ok = row->op != CalendarOp::kWorkdays || RequireHours(*d, expr.name.span);
  for (size_t i = 0; i < row->arguments.size(); ++i) {
    Ptr argument;
    if (expr.children[i + 1] != nullptr)
      argument = CalendarArgument(*expr.children[i + 1], row->arguments[i], expr.name.text);
    ok = ok && argument != nullptr;
    node->children.push_back(std::move(argument));
  }
  if (!ok) return nullptr;
  return node;
}

}  // namespace writ::check
