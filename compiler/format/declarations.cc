#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/format/builder.h"

namespace writ::format {

using Below = Cell::Below;
using Shape = Entry::Shape;

constexpr size_t kRolesApart = 30;

// ---------------------------------------------------------------- tokens

size_t Builder::Before(size_t token, absl::string_view word, size_t from) const {
  for (size_t i = token; i > from;) {
    if (text_.Is(--i, word)) return i;
  }
  return token;
}

size_t Builder::Next(size_t token, absl::string_view word, size_t end) const {
  for (size_t i = token; i < end; ++i) {
    if (text_.Is(i, word)) return i;
    if (text_[i].partner != kNone && text_[i].partner > i) i = text_[i].partner;
  }
  return kNone;
}

size_t Builder::Braces(size_t begin) const {
  for (size_t i = begin; i < text_.size(); ++i) {
    if (text_.Is(i, "{")) return i;
    if (text_[i].partner != kNone && text_[i].partner > i) i = text_[i].partner;
  }
  return kNone;
}

// ---------------------------------------------------------------- entries

Entry Builder::Row(std::string key, size_t begin) {
  Entry entry;
  entry.begin = begin;
  entry.key = std::move(key);
  Add(entry, begin, 0);
  return entry;
}

Entry Builder::Segments(size_t begin, size_t step) {
  Entry entry = Row("", begin);
  entry.shape = Shape::kSegments;
  entry.step = step;
  return entry;
}

void Builder::Add(Entry& entry, size_t begin, size_t slot, size_t gap, size_t lead, Below below, size_t extra) {
  if (begin != kNone) entry.cells.push_back({begin, begin, slot, gap, lead, below, extra});
}

Entry Builder::Block(std::string key, size_t begin, std::vector<Entry> items, bool may_be_row) {
  Entry entry = Row(std::move(key), begin);
  entry.shape = Shape::kBlock;
  entry.open = Braces(begin);
  entry.may_be_row = may_be_row;
  entry.items = std::move(items);
  const size_t close = text_[entry.open].partner;
  text_.MarkBraces(entry.open);
  // What has no node, as an empty list of tasks, is its own item.
  size_t first = close;
  for (const Entry& item : entry.items) first = std::min(first, item.begin);
  if (first > entry.open + 1) entry.items.push_back(Row("", entry.open + 1));
  Finish(entry.items, close);
  for (const Entry& item : entry.items) {
    if (item.begin != entry.open + 1) text_.MarkItem(item.begin);
  }
  return entry;
}

void Builder::DropCommas(size_t open, const std::vector<Entry>& items) {
  for (const Entry& item : items) {
    if (text_.Is(item.begin - 1, ",")) text_.Drop(item.begin - 1);
  }
  if (text_.Is(text_[open].partner - 1, ",")) text_.Drop(text_[open].partner - 1);
}

void Builder::Finish(Entry& entry, size_t end) const {
  std::stable_sort(entry.cells.begin(), entry.cells.end(),
                   [](const Cell& a, const Cell& b) { return a.begin < b.begin; });
  const auto same = [](const Cell& a, const Cell& b) { return a.begin == b.begin; };
  entry.cells.erase(std::unique(entry.cells.begin(), entry.cells.end(), same), entry.cells.end());
  entry.end = end;
  size_t next = entry.shape == Shape::kBlock                             ? entry.open
                : entry.shape == Shape::kClauses && !entry.items.empty() ? entry.items.front().begin
                                                                         : end;
  while (next > entry.begin + 1 && text_.IsDropped(next - 1)) --next;
  for (size_t i = entry.cells.size(); i-- > 0;) {
    entry.cells[i].end = next;
    next = entry.cells[i].begin;
  }
}

void Builder::Finish(std::vector<Entry>& entries, size_t end) const {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
  for (size_t i = entries.size(); i-- > 0;) {
    if (entries[i].shape == Shape::kClauses) Finish(entries[i].items, end);
    Finish(entries[i], end);
    end = entries[i].begin;
  }
}

// ---------------------------------------------------------------- files

std::vector<Entry> Builder::File(const ast::File& file) {
  std::vector<Entry> entries;
  if (!file.package.empty()) entries.push_back(Row("", Before(file.package[0], "package", 0)));
  for (const ast::Import& node : file.imports) entries.push_back(Of(node));
  AddAll(file, entries);
  if (!entries.empty()) {
    const auto first = std::min_element(entries.begin(), entries.end(),
                                        [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
    if (first->begin > 0) entries.push_back(Row("", 0));
  }
  Finish(entries, text_.size() - 1);
  return entries;
}

void Builder::AddAll(const ast::Declarations& all, std::vector<Entry>& out) {
  const auto add = [&](const auto& nodes) {
    for (const auto& node : nodes) {
      Entry entry = Of(node);
      if (entry.begin > 0 && text_.Is(entry.begin - 1, "private")) {
        --entry.begin;
        if (!entry.cells.empty()) entry.cells.front().begin = entry.begin;
      }
      out.push_back(std::move(entry));
    }
  };
  add(all.enums), add(all.records), add(all.types), add(all.units), add(all.tables), add(all.calendars);
  add(all.obligations), add(all.actors), add(all.domains), add(all.priorities), add(all.roles), add(all.clearances);
  add(all.entities), add(all.workflows), add(all.defs), add(all.facts), add(all.authorities), add(all.rules);
  add(all.reviews), add(all.decompositions), add(all.confidences), add(all.divergences), add(all.contexts);
  add(all.templates), add(all.applies), add(all.properties), add(all.logs), add(all.tests), add(all.scenarios);
}

Entry Builder::Of(const ast::Import& node) { return Row("", Before(node.package[0], "import", 0)); }

// ---------------------------------------------------------------- types and fields

Entry Builder::Of(const ast::Enum& node) {
  // Its members are one item, so that they fill their lines as their author did.
  std::vector<Entry> items;
  const size_t open = Braces(At(node.span));
  if (!node.members.empty()) items.push_back(Segments(open + 1, 0));
  const size_t last = text_[open].partner - 1;
  if (text_.Is(last, ",")) text_.Drop(last);
  return Block("enum", At(node.span), std::move(items), true);
}

Entry Builder::FieldEntry(const ast::Field& node, const char* key) {
  const size_t begin = At(node.name);
  Entry entry = Row(key, begin);
  Add(entry, begin + 2, 1);
  if (!node.labels.empty()) Add(entry, Before(node.labels[0], "label", begin), 2, 2);
  if (node.foreign.has_value()) {
    const size_t from = At(node.foreign->span);
    Add(entry, text_.Is(from, "from") ? from : Before(from, "from", begin), 3, 2);
  }
  return entry;
}

std::vector<Entry> Builder::Fields(const std::vector<ast::Field>& nodes) {
  std::vector<Entry> out;
  for (const ast::Field& node : nodes) out.push_back(FieldEntry(node, "field"));
  if (!out.empty()) {
    size_t open = out.front().begin;
    while (open > 0 && !text_.Is(open, "{")) --open;
    DropCommas(open, out);
  }
  return out;
}

Entry Builder::Of(const ast::Record& node) { return Block("record", At(node.span), Fields(node.members), true); }
Entry Builder::Of(const ast::Obligation& node) { return Block("obligation", At(node.span), Fields(node.fields), true); }
Entry Builder::Of(const ast::ActorDecl& node) { return Block("actor", At(node.span), Fields(node.fields), true); }

Entry Builder::Of(const ast::TypeAlias& node) {
  Entry entry = Row("type", At(node.span));
  Add(entry, Before(At(node.type.span), "=", entry.begin), 1);
  return entry;
}

Entry Builder::Of(const ast::Unit& node) {
  Entry entry = Row("unit", At(node.span));
  if (node.decimals.has_value()) Add(entry, At(node.name) + 1, 1);
  return entry;
}

Entry Builder::Of(const ast::Table& node) {
  const auto sign = [&](const ast::ExprPtr& expr) {
    if (expr != nullptr && expr->kind == ast::ExprKind::kNegate) text_.MarkSign(At(expr->span));
  };
  const size_t begin = At(node.span);
  std::vector<Entry> rows;
  if (node.grid && !node.columns.empty()) {
    Entry header = Row("", At(node.columns[0].span));
    header.key = "table";
    header.cells.clear();
    for (size_t i = 0; i < node.columns.size(); ++i) Add(header, At(node.columns[i].span), i + 1, 2);
    rows.push_back(std::move(header));
  }
  for (const ast::TableRow& node_row : node.rows) {
    Entry row = Row("table", At(node_row.span));
    for (size_t i = 0; i < node_row.cells.size(); ++i) {
      Add(row, At(node_row.cells[i]->span), i + 1, node.grid ? 2 : 1);
      sign(node_row.cells[i]);
    }
    for (const ast::Pattern& key : node_row.keys) sign(key.value);
    rows.push_back(std::move(row));
  }
  return Block("", begin, std::move(rows), false);
}

Entry Builder::Of(const ast::Calendar& node) {
  std::vector<Entry> items;
  for (const ast::CalendarItem& item : node.items) {
    Entry entry = Row("calendar", At(item.span));
    Add(entry, entry.begin + 1, 1);
    if (!item.name.empty()) Add(entry, At(item.name) + 1, 2);
    items.push_back(std::move(entry));
  }
  return Block("calendar", At(node.span), std::move(items), true);
}

// ---------------------------------------------------------------- domains and roles

Entry Builder::Of(const ast::Domain& node) { return Row("", At(node.span)); }
Entry Builder::Of(const ast::Priority& node) { return Row("", At(node.span)); }

Entry Builder::Of(const ast::Role& node) {
  Entry entry = Row("role", At(node.span));
  if (!node.domain.empty()) {
    Add(entry, Before(node.domain, "in", entry.begin), 1);
    entry.cells.back().apart = kRolesApart;
  }
  const size_t last = std::max(At(node.names.back()), node.domain.empty() ? 0 : At(node.domain));
  if (!node.foreign.empty() && text_.Is(last + 1, "as")) Add(entry, last + 1, 2, 2);
  return entry;
}

Entry Builder::Of(const ast::Clearance& node) {
  Entry entry = Row("clearance", At(node.span));
  const size_t open = Braces(entry.begin);
  if (open == kNone) return entry;
  text_.MarkBraces(open);
  Add(entry, open, 1);
  return entry;
}

// ---------------------------------------------------------------- entities and workflows

Entry Builder::Of(const ast::Entity& node) {
  std::vector<Entry> items;
  for (const ast::Field& field : node.fields) items.push_back(FieldEntry(field, "field"));
  for (const ast::Def& def : node.defs) items.push_back(Of(def));
  return Block("entity", At(node.span), std::move(items), true);
}

void Builder::States(const ast::Workflow& node, std::vector<Entry>& out) {
  const auto add = [&](const ast::Name& name, const char* word) {
    const size_t token = At(name);
    if (token == 0 || !text_.Is(token - 1, word) || (token > 1 && text_.Is(token - 2, ","))) return;
    Entry entry = Row("states", token - 1);
    Add(entry, token, 1);
    out.push_back(std::move(entry));
  };
  for (const ast::StateDecl& state : node.states) add(state.name, "states");
  for (const ast::Name& name : node.finals) add(name, "final");
  for (const ast::Name& name : node.halted) add(name, "halted");
}

Entry Builder::Of(const ast::Workflow& node) {
  std::vector<Entry> items;
  for (const ast::Field& field : node.fields) items.push_back(FieldEntry(field, "field"));
  for (const ast::Def& def : node.defs) items.push_back(Of(def));
  for (const ast::Fact& fact : node.facts) items.push_back(Of(fact));
  for (const ast::Transition& transition : node.transitions) items.push_back(TransitionEntry(transition));
  States(node, items);
  return Block("", At(node.span), std::move(items), false);
}

void Builder::Payload(const std::vector<ast::Field>& fields) {
  const size_t open = text_[At(fields[0].name)].around;
  text_.MarkPayload(open);
  for (size_t i = 0; i < fields.size(); ++i) {
    const size_t begin = At(fields[i].name);
    if (i > 0) text_.MarkItem(begin);
    if (text_.Is(begin - 1, ",")) text_.Drop(begin - 1);
  }
  const size_t last = text_[open].partner - 1;
  if (text_.Is(last, ",")) text_.Drop(last);
}

Entry Builder::TransitionEntry(const ast::Transition& node) {
  Entry entry = Row("transition", At(node.name));
  Add(entry, entry.begin + 2, 1);
  size_t slot = 2;
  if (!node.sets.empty())
    Add(entry, Before(At(node.sets[0].span), "sets", entry.begin), slot++, 1, kRun, Below::kStep, 1);
  if (!node.payload.empty()) {
    Payload(node.payload);
    Add(entry, text_[At(node.payload[0].name)].around, slot, 1, kRun, Below::kStep, 1);
  }
  if (!node.endorses.empty()) Add(entry, Before(node.endorses[0], "endorses", entry.begin), 50, 1, kRun, Below::kStep);
  if (!node.declassifies.empty())
    Add(entry, Before(node.declassifies[0], "declassifies", entry.begin), 51, 1, kRun, Below::kStep);
  if (!node.foreign.empty()) {
    const size_t name = At(node.foreign_span);
    Add(entry, text_.Is(name, "as") ? name : Before(name, "as", entry.begin), 90, 2, kRun, Below::kTail);
  }
  return entry;
}

Entry Builder::Of(const ast::Def& node) {
  Entry entry = Row("def", At(node.span));
  if (node.body != nullptr) Add(entry, Before(*node.body, "=", entry.begin), 2, 1, 1, Below::kBody);
  return entry;
}

Entry Builder::Of(const ast::Fact& node) {
  Entry entry = Row("fact", At(node.span));
  if (!node.per.empty()) Add(entry, Before(*node.per[0], "per", entry.begin), 1);
  if (node.body != nullptr) Add(entry, Before(*node.body, "=", entry.begin), 2, 1, 1, Below::kBody);
  return entry;
}

// ---------------------------------------------------------------- authority and rules

void Builder::Limits(const std::vector<ast::Limit>& limits) {
  for (const ast::Limit& limit : limits) {
    const size_t value = At(limit.field) + 1;
    if (text_.Is(value, "(")) text_.MarkApart(value);
    if (text_.Is(value, "-")) text_.MarkSign(value);
  }
}

Entry Builder::MayEntry(const ast::May& node) {
  Entry entry = Segments(At(node.span), 4);
  Limits(node.limits);
  if (!node.limits.empty()) Add(entry, Before(node.limits[0].field, "up", entry.begin), 1, 1, kRun, Below::kStep);
  if (node.when != nullptr) Add(entry, Before(*node.when, "when", entry.begin), 2, 1, 1, Below::kStep);
  return entry;
}

Entry Builder::Of(const ast::Authority& node) {
  std::vector<Entry> items;
  for (const ast::May& may : node.mays) items.push_back(MayEntry(may));
  return Block("authority", At(node.span), std::move(items), true);
}

void Builder::Rungs(const ast::Ladder* ladder, Entry& entry, size_t slot) {
  for (; ladder != nullptr; ladder = ladder->next.get()) Add(entry, At(ladder->span), slot++, 1, kRun, Below::kStep);
}

Entry Builder::EffectEntry(const ast::Rule& node) {
  Entry entry = Segments(At(node.effect), 0);
  const size_t from = entry.begin;
  if (!node.by.empty()) Add(entry, Before(node.by[0], "by", from), 1, 1, kRun, Below::kStep);
  if (!node.to.empty() && node.effect.text != "ask")
    Add(entry, Before(node.to, "to", from), 1, 1, kRun, Below::kStep);
  if (!node.until.empty()) Add(entry, Before(node.until, "until", from), 1, 1, kRun, Below::kStep);
  Rungs(node.ladder.get(), entry, 2);
  return entry;
}

Entry Builder::DutyEntry(const ast::Duty& node, size_t from) {
  const size_t at = At(node.span);
  Entry entry = Segments(text_.Is(at, "then") ? at : Before(at, "then", from), 2);
  Rungs(node.ladder.get(), entry, 1);
  return entry;
}

// A guard that its author wrote behind the effect stays there.
void Builder::JoinGuard(std::vector<Entry>& clauses, Entry& effect) const {
  const auto first = std::min_element(clauses.begin(), clauses.end(),
                                      [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
  if (first == clauses.end() || first->cells[0].lead != 1 || text_[first->begin].broken) return;
  Add(effect, first->begin, 5, 1, 1, Below::kStep);
  clauses.erase(first);
}

Entry Builder::Of(const ast::Rule& node) {
  Entry entry = Row("", At(node.span));
  entry.shape = Shape::kClauses;
  Entry effect = EffectEntry(node);
  const size_t from = effect.begin;
  const auto line = [&](size_t begin, size_t lead) {
    Entry clause = Segments(begin, 2);
    clause.cells[0].lead = lead;
    clause.cells[0].slot = 1;
    entry.items.push_back(std::move(clause));
  };
  const auto guard = [&](const ast::ExprPtr& expr, const char* word) {
    if (expr == nullptr) return;
    const size_t begin = Before(*expr, word, from);
    line(begin, 1);
  };
  guard(node.when, "when");
  guard(node.unless, "unless");
  if (!node.overrides.empty()) {
    const size_t begin = Before(node.overrides[0], "overrides", from);
    size_t before = begin;
    for (const Entry& clause : entry.items) before = std::min(before, clause.begin);
    if (before < begin) {
      line(begin, kRun);
    } else {
      Add(effect, begin, 4, 1, kRun, Below::kStep);
    }
  }
  if (node.because.has_value()) {
    const size_t begin = Next(from, "because", text_.size());
    if (begin != kNone) line(begin, kRun);
  }
  for (const ast::Duty& duty : node.duties) entry.items.push_back(DutyEntry(duty, from));
  JoinGuard(entry.items, effect);
  entry.items.push_back(std::move(effect));
  return entry;
}

Entry Builder::ClauseEntry(const ast::Clause& node) {
  Entry entry = Row("clause", At(node.name));
  Add(entry, entry.begin + 2, 1);
  if (!node.domain.empty()) Add(entry, Before(node.domain, "in", entry.begin), 2);
  if (node.when != nullptr) Add(entry, Before(*node.when, "when", entry.begin), 3, 2, 1, Below::kSecond);
  if (node.otherwise) {
    size_t last = At(node.name) + 2;
    for (size_t at = last; at < text_.size() && !text_.Is(at, "}"); ++at) {
      if (text_.Is(at, "otherwise")) {
        last = at;
        break;
      }
    }
    Add(entry, last, 3, 2, kRun, Below::kSecond);
  }
  return entry;
}

Entry Builder::Of(const ast::Review& node) {
  std::vector<Entry> items;
  const auto head = [&](size_t begin) {
    Entry entry = Row("panel", begin);
    Add(entry, begin + 1, 1);
    items.push_back(std::move(entry));
  };
  const size_t from = At(node.span);
  if (!node.panel.empty()) head(Before(At(node.panel[0].span), "panel", from));
  if (node.ladder != nullptr) head(At(node.ladder->span));
  if (!node.joint.empty()) head(Before(node.joint[0], "joint", from));
  for (const ast::Clause& clause : node.clauses) items.push_back(ClauseEntry(clause));
  return Block("", from, std::move(items), false);
}

}  // namespace writ::format
