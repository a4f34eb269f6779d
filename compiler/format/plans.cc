// Decomposition, failure modes, context routing, templates.
#include <algorithm>

#include "compiler/format/builder.h"

namespace writ::format {

using Below = Cell::Below;
using Shape = Entry::Shape;

Entry Builder::PlannedEntry(const ast::PlannedTask& node, size_t begin, size_t first_slot, const char* key) {
  Entry entry = Row(key, begin);
  const size_t name = At(node.name);
  if (first_slot > 0) Add(entry, name, first_slot);
  Add(entry, name + 2, first_slot + 1);
  if (!node.does.empty()) Add(entry, Before(node.does[0], "does", name), first_slot + 2, 1, kRun, Below::kStep);
  if (!node.after.empty()) Add(entry, Before(node.after[0], "after", name), first_slot + 3, 1, kRun, Below::kStep);
  if (!node.holds.empty()) Add(entry, Before(node.holds[0], "holds", name), first_slot + 4, 1, kRun, Below::kStep);
  if (node.when != nullptr) Add(entry, Before(*node.when, "when", name), first_slot + 5, 1, 1, Below::kStep);
  if (node.ladder != nullptr) Add(entry, At(node.ladder->span), first_slot + 6, 1, kRun, Below::kStep);
  return entry;
}

Entry Builder::Of(const ast::Decomposition& node) {
  const size_t from = At(node.span);
  std::vector<Entry> items;
  if (!node.plan.empty()) {
    std::vector<Entry> tasks;
    for (const ast::PlannedTask& task : node.plan) tasks.push_back(PlannedEntry(task, At(task.span), 0, "task"));
    items.push_back(Block("", Before(At(node.plan.front().span), "plan", from), std::move(tasks), false));
  }
  for (const ast::Addition& addition : node.additions)
    items.push_back(PlannedEntry(addition.task, At(addition.span), 1, "addition"));
  for (const ast::Sub& sub : node.subs) {
    Limits(sub.limits);
    items.push_back(Segments(At(sub.span), 4));
    if (!sub.granting.empty())
      Add(items.back(), Before(sub.granting[0], "granting", from), 1, 1, kRun, Below::kStep);
  }
  for (const ast::Under& under : node.unders) {
    std::vector<Entry> rules;
    for (const ast::Rule& rule : under.rules) rules.push_back(Of(rule));
    items.push_back(Block("", At(under.span), std::move(rules), false));
  }
  for (const ast::Bound& bound : node.bounds) {
    const size_t at = At(bound.span);
    if (text_.Is(at - 1, "bounds") && !text_.Is(at - 2, ",")) items.push_back(Row("", at - 1));
  }
  for (const ast::Finally& last : node.finallys) {
    Entry entry = Row("finally", At(last.span));
    if (!text_.Is(entry.begin, "finally")) entry = Row("finally", Before(entry.begin, "finally", from));
    if (last.when != nullptr) Add(entry, Before(*last.when, "when", entry.begin), 1, 1, 1);
    items.push_back(std::move(entry));
  }
  return Block("", from, std::move(items), false);
}

// ---------------------------------------------------------------- confidence, divergence

Entry Builder::Of(const ast::Confidence& node) {
  const size_t from = At(node.span);
  std::vector<Entry> items;
  for (const ast::Reliance& reliance : node.reliances) {
    Entry entry = Row("reliance", At(reliance.span));
    if (!reliance.bases.empty()) Add(entry, At(reliance.bases.front().span), 1);
    items.push_back(std::move(entry));
  }
  if (!node.weakest.empty()) items.push_back(Row("", Before(node.weakest[0], "weakest", from)));
  if (node.independent) {
    const size_t open = Braces(from);
    const size_t at = node.across.empty() ? Next(open + 1, "independent", text_[open].partner)
                                          : Before(node.across, "independent", from);
    if (at != kNone) items.push_back(Row("", at));
  }
  for (const ast::Calibration& calibration : node.calibrations) {
    Entry entry = Row("calibrate", At(calibration.span));
    const size_t open = Braces(entry.begin);
    text_.MarkBraces(open);
    Add(entry, open, 1);
    items.push_back(std::move(entry));
  }
  return Block("", from, std::move(items), true);
}

Entry Builder::Of(const ast::Divergence& node) {
  const size_t from = At(node.span);
  const size_t open = Braces(from);
  std::vector<Entry> items;
  const auto add = [&](size_t begin) {
    Entry entry = Row("divergence", begin);
    Add(entry, begin + 1, 1);
    items.push_back(std::move(entry));
  };
  if (node.baseline != nullptr) add(Before(*node.baseline, "baseline", from));
  if (node.alarm_once_per.has_value()) {
    if (const size_t at = Next(open + 1, "alarm", text_[open].partner); at != kNone) add(at);
  }
  if (!node.notify.empty()) add(Before(node.notify[0], "notify", from));
  return Block("", from, std::move(items), false);
}

Entry Builder::Of(const ast::Context& node) {
  std::vector<Entry> items;
  for (const ast::ContextItem& item : node.items) {
    Entry entry = Row("context", At(item.span));
    Add(entry, entry.begin + 1, 1);
    if (item.when != nullptr) Add(entry, Before(*item.when, "when", entry.begin), 2, 1, 1, Below::kStep);
    items.push_back(std::move(entry));
  }
  return Block("", At(node.span), std::move(items), false);
}

// ---------------------------------------------------------------- templates

Entry Builder::Of(const ast::Template& node) {
  std::vector<Entry> items;
  if (node.body != nullptr) AddAll(*node.body, items);
  return Block("", At(node.span), std::move(items), false);
}

Entry Builder::Of(const ast::Apply& node) {
  Entry entry = Row("apply", At(node.span));
  const size_t open = Next(entry.begin, "(", text_.size());
  if (open != kNone && text_.Is(text_[open].partner + 1, "on")) Add(entry, text_[open].partner + 1, 1);
  return entry;
}

}  // namespace writ::format
