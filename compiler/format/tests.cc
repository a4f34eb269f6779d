#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/format/builder.h"

namespace writ::format {

using Below = Cell::Below;
using Shape = Entry::Shape;

Entry Builder::Of(const ast::Log& node) {
  std::vector<Entry> items;
  for (const ast::LogItem& item : node.items) {
    Entry entry = Row("log", At(item.span));
    Add(entry, entry.begin + 1, 1);
    items.push_back(std::move(entry));
  }
  return Block("log", At(node.span), std::move(items), true);
}

// ---------------------------------------------------------------- steps

// Proposals of one transition one below the other share columns, their records' members too.
void Builder::StepRow(const ast::Step& node, Entry& entry) {
  entry.key = absl::StrCat("step ", node.transition.text, " ", node.workflow.text);
  entry.shape = Shape::kRow;
  entry.folds = true;
  const ast::Expr& values = *node.values;
  const size_t open = At(values.span);
  Add(entry, open, 1);
  for (size_t i = 0; i < values.members.size(); ++i) {
    const size_t begin = At(values.members[i]);
    if (i == 0) continue;
    Add(entry, begin, i + 1, 2);
    entry.cells.back().same_word = true;
  }
}

Entry Builder::StepEntry(const ast::Step& node) {
  using Kind = ast::Step::Kind;
  const size_t begin = At(node.span);
  if (node.kind == Kind::kExpect && node.expect != nullptr) return ExpectationEntry(*node.expect, begin);
  Entry entry = Segments(begin, 2);
  if (node.values != nullptr) {
    const size_t open = At(node.values->span);
    if (node.expect == nullptr && text_[open].partner > open + 1) {
      StepRow(node, entry);
    } else {
      Add(entry, open, 1);
    }
  }
  if (node.expect != nullptr) {
    const ast::Expectation& expect = *node.expect;
    Add(entry, At(expect.outcome), 2, 1, kRun, Below::kStep);
  }
  return entry;
}

Entry Builder::ExpectationEntry(const ast::Expectation& node, size_t begin) {
  Entry entry = Segments(begin, 2);
  if (node.condition != nullptr) Add(entry, begin, 0, 1, 1);
  if (node.condition != nullptr) entry.cells[0].lead = 1;
  if (node.values != nullptr) Add(entry, At(node.values->span), 1);
  if (!node.because.empty()) Add(entry, Before(node.because[0], "because", begin), 2, 1, kRun, Below::kStep);
  return entry;
}

Entry Builder::Of(const ast::Test& node) {
  std::vector<Entry> items;
  for (const ast::Step& step : node.steps) items.push_back(StepEntry(step));
  return Block("", At(node.span), std::move(items), false);
}

Entry Builder::Of(const ast::Scenario& node) {
  std::vector<Entry> items;
  for (const ast::Expectation& expect : node.expects)
    items.push_back(ExpectationEntry(expect, Before(At(expect.span) + 1, "expect", At(node.span))));
  return Block("", At(node.span), std::move(items), false);
}

// ---------------------------------------------------------------- properties

Entry Builder::PropertyEntry(const ast::PropertyItem& node) {
  Entry entry = Segments(At(node.span), 2);
  if (node.condition != nullptr) entry.cells[0].lead = 1;
  if (node.when != nullptr) Add(entry, Before(*node.when, "when", entry.begin), 1, 1, 1, Below::kStep);
  return entry;
}

Entry Builder::Of(const ast::Property& node) {
  std::vector<Entry> items;
  for (const ast::PropertyItem& item : node.items) items.push_back(PropertyEntry(item));
  return Block("", At(node.span), std::move(items), false);
}

}  // namespace writ::format
