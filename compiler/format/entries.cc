#include "compiler/format/entries.h"

#include <algorithm>
#include <set>
#include <utility>

namespace writ::format {
namespace {

using Below = Cell::Below;
using Shape = Entry::Shape;

constexpr size_t kStep = 2;
constexpr size_t kBraces = 100;    // the slot of a block on one line
constexpr size_t kBracesApart = 10;

class Writer {
 public:
  Writer(Inline& text, size_t column) : text_(text), column_(column) {}

  void All(std::vector<Entry>& entries, Output& out) {
    for (Entry& entry : entries) Flatten(entry);
    for (size_t i = 0; i < entries.size();) {
      size_t end = i + 1;
      while (end < entries.size() && SharesColumns(entries[i], entries[end])) ++end;
      if (entries[i].shape == Shape::kRow) {
        Section(entries, i, end, out);
      } else {
        Begin(entries, i, out);
        Write(entries[i], out);
        end = i + 1;
      }
      i = end;
    }
  }

 private:
  // A block that its author wrote on one line, and that fits there, is a row.
  void Flatten(Entry& entry) {
    const bool fits = column_ + text_.Width(entry.begin, entry.end) <= kWidth;
    if (entry.folds && !(fits && text_.OnOneLine(entry.begin, entry.end))) return Fold(entry);
    if (entry.shape != Shape::kBlock || !entry.may_be_row) return;
    const size_t close = text_[entry.open].partner;
    if (text_[entry.open + 1].broken && entry.open + 1 != close) return;
    if (close + 1 != entry.end || !fits || !text_.OnOneLine(entry.begin, entry.end)) return;
    entry.shape = Shape::kRow;
    Cell braces;
    braces.begin = entry.open;
    braces.end = entry.end;
    braces.slot = kBraces;
    braces.lead = kRun;
    braces.apart = kBracesApart;
    entry.cells.push_back(braces);
  }

  static void Fold(Entry& entry) {
    entry.shape = Shape::kSegments;
    entry.cells[1].end = entry.cells.back().end;
    entry.cells.resize(2);
  }

  bool SharesColumns(const Entry& a, const Entry& b) const {
    if (a.shape != Shape::kRow || b.shape != Shape::kRow || a.key.empty() || a.key != b.key) return false;
    const Token& first = text_[b.begin];
    return !first.blank_before &&
           std::none_of(first.above.begin(), first.above.end(), [](const Comment& c) { return c.blank_before; });
  }

  void Begin(const std::vector<Entry>& entries, size_t i, Output& out) {
    // Entries that stood on one line with their neighbours, and take several now, are set apart.
    const bool first = i == 0;
    if (!first && column_ == 0 && !text_[entries[i].begin].broken && (IsTall(entries[i]) || IsTall(entries[i - 1])))
      out.BlankLine();
    text_.Above(out, entries[i].begin, column_, first);
    out.Newline(column_);
  }
  static bool IsTall(const Entry& entry) { return entry.shape == Shape::kBlock || entry.shape == Shape::kClauses; }

  void Write(Entry& entry, Output& out) {
    Cells(entry, out);
    if (entry.shape == Shape::kClauses) WriteItems(entry, kNone, out);
    if (entry.shape != Shape::kBlock) return;
    const size_t close = text_[entry.open].partner;
    text_.Put(out, entry.open, column_ + kStep);
    if (entry.items.empty() && text_[close].above.empty() && close == entry.open + 1) {
      text_.Put(out, close, column_);
    } else {
      WriteItems(entry, close, out);
    }
    text_.Run(out, close + 1, entry.end, column_ + kStep);
  }

  void WriteItems(Entry& entry, size_t close, Output& out) {
    Output inside;
    WriteEntries(text_, entry.items, column_ + kStep, inside);
    if (close != kNone) {
      // Comments before the brace belong inside; an empty line does not.
      text_.Above(inside, close, column_ + kStep, entry.items.empty(), true);
      inside.Newline(column_);
      text_.Put(inside, close, column_);
    }
    out.Append(std::move(inside));
  }

  // Behind one another; below where the author broke or the line is full.
  void Cells(Entry& entry, Output& out) {
    for (size_t i = 0; i < entry.cells.size(); ++i) {
      const Cell& cell = entry.cells[i];
      if (i > 0 && cell.below != Below::kNever && text_.MayBegin(cell.begin) &&
          (text_[cell.begin].broken || !text_.Fits(out, cell.begin, cell.end))) {
        out.Newline(column_ + entry.step);
      }
      WriteCell(cell, out);
    }
  }

  void WriteCell(const Cell& cell, Output& out) {
    if (cell.below == Below::kBody) return WriteBody(cell, out);
    if (cell.lead == kRun) {
      const size_t column = out.column() + (out.ready() ? 0 : text_.gap(cell.begin));
      const bool word = cell.end > cell.begin + 1 && text_[cell.begin].kind == Token::Kind::kWord;
      const size_t indent = word ? column + text_[cell.begin].width + 1 : column;
      return text_.Run(out, cell.begin, cell.end, cell.slot == 0 ? column_ + 2 * kStep : indent);
    }
    const size_t start = out.column() + (out.ready() ? 0 : 1);
    text_.Clause(out, cell.begin, cell.end, cell.lead, start);
  }

  // `= expression`: on the line, or below.
  void WriteBody(const Cell& cell, Output& out) {
    text_.Put(out, cell.begin, column_ + kStep);
    if (text_[cell.begin + 1].broken || !text_.OnOneLine(cell.begin, cell.end) ||
        !text_.Fits(out, cell.begin + 1, cell.end)) {
      out.Newline(column_ + kStep);
    }
    text_.Expr(out, cell.begin + 1, cell.end, column_ + kStep);
  }

  // ---------------------------------------------------------------- rows

  struct Row {
    Entry* entry = nullptr;
    Output out;
    size_t next = 0;               // cell
    bool loose = false;            // a cell stands below: what comes before the tail shares no column
  };

  bool GoesBelow(const Cell& cell) const {
    return (cell.below == Below::kStep || cell.below == Below::kSecond || cell.below == Below::kTail) &&
           text_[cell.begin].broken && text_.MayBegin(cell.begin);
  }
  bool IsCalm(const Cell& cell) const {
    return cell.below != Below::kBody ||
           (text_.OnOneLine(cell.begin, cell.end) && !text_[cell.begin + 1].broken);
  }

  void Section(std::vector<Entry>& entries, size_t begin, size_t end, Output& out) {
    std::vector<Row> rows(end - begin);
    std::set<size_t> slots;
    for (size_t i = begin; i < end; ++i) {
      Row& row = rows[i - begin];
      row.entry = &entries[i];
      row.out.Newline(column_);
      text_.LeaveAbove(entries[i].begin);
      size_t last = 0;
      for (const Cell& cell : entries[i].cells) {
        slots.insert(cell.slot);
        row.loose |= cell.slot < last || (cell.below == Below::kStep && GoesBelow(cell));
        last = cell.slot;
      }
    }
    size_t second = 0;
    for (const size_t slot : slots) {
      const size_t at = Column(rows, slot, second);
      if (second == 0 && slot > 0) second = at;
    }
    for (size_t i = begin; i < end; ++i) {
      Begin(entries, i, out);
      Row& row = rows[i - begin];
      for (; row.next < row.entry->cells.size(); ++row.next) WriteCell(row.entry->cells[row.next], row.out);
      out.Append(std::move(row.out));
    }
  }

  // Writes the cells of a slot; returns the column that they share.
  size_t Column(std::vector<Row>& rows, size_t slot, size_t second) {
    std::vector<Row*> here;
    for (Row& row : rows) {
      if (row.next < row.entry->cells.size() && row.entry->cells[row.next].slot == slot) here.push_back(&row);
    }
    const auto cell = [](const Row* row) -> const Cell& { return row->entry->cells[row->next]; };
    std::set<Row*> below;
    for (Row* row : here) {
      if (GoesBelow(cell(row))) below.insert(row);
    }
    size_t column = 0;
    std::vector<Row*> sharing;
    for (bool again = true; again;) {
      again = false;
      sharing = Sharing(here, below, column);
      for (Row* row : here) {
        const Cell& at = cell(row);
        const bool shares = std::find(sharing.begin(), sharing.end(), row) != sharing.end();
        const size_t start = row->out.column() + at.gap, width = text_.FirstWidth(at.begin, at.end);
        const bool fits = start + width <= kWidth || (shares && column + width <= kWidth);
        const bool may = at.below == Below::kSecond || at.below == Below::kTail;
        if (!fits && may && text_.MayBegin(at.begin)) again |= below.insert(row).second;
      }
    }
    for (Row* row : here) {
      const bool shares = std::find(sharing.begin(), sharing.end(), row) != sharing.end();
      Place(*row, shares ? column : 0, below.count(row) > 0, column, second);
      ++row->next;
    }
    return column;
  }

  // The rows that share the slot's column, and the column.
  std::vector<Row*> Sharing(const std::vector<Row*>& here, const std::set<Row*>& below, size_t& column) const {
    column = 0;
    std::vector<Row*> candidates;
    std::vector<size_t> ends;
    for (Row* row : here) {
      const Cell& cell = row->entry->cells[row->next];
      if (below.count(row) > 0 || row->out.full() || !IsCalm(cell)) continue;
      if (row->loose && cell.below != Below::kTail) continue;
      if (cell.same_word && text_[cell.begin].text != text_[here[0]->entry->cells[here[0]->next].begin].text) continue;
      candidates.push_back(row);
      ends.push_back(row->out.column() + (row->out.fresh() ? 0 : cell.gap));
    }
    if (candidates.empty()) return {};
    const auto cell_of = [](const Row* row) -> const Cell& { return row->entry->cells[row->next]; };
    const std::vector<bool> aligned = Aligned(ends, cell_of(here[0]).apart);
    const bool several = std::count(aligned.begin(), aligned.end(), true) > 1;
    for (size_t i = 0; several && i < ends.size(); ++i) ends[i] += cell_of(candidates[i]).extra;
    for (size_t i = 0; i < ends.size(); ++i) {
      if (aligned[i]) column = std::max(column, ends[i]);
    }
    std::vector<Row*> sharing;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const Cell& cell = candidates[i]->entry->cells[candidates[i]->next];
      if (aligned[i] && column + text_.FirstWidth(cell.begin, cell.end) <= kWidth) sharing.push_back(candidates[i]);
    }
    return sharing;
  }

  void Place(Row& row, size_t column, bool below, size_t tail, size_t second) {
    const Cell& cell = row.entry->cells[row.next];
    if (below) {
      const bool fits = tail + text_.Width(cell.begin, cell.end) <= kWidth;
      size_t at = column_ + kStep;
      if (cell.below == Below::kSecond && second > 0) at = second;
      if (cell.below == Below::kTail && tail > 0 && fits) at = tail;
      row.out.Newline(at);
    } else if (!row.out.full()) {
      row.out.Pad(std::max(column, row.out.column() + (row.out.fresh() ? 0 : cell.gap)));
    }
    WriteCell(cell, row.out);
  }

  Inline& text_;
  const size_t column_;
};

}  // namespace

void WriteEntries(Inline& text, std::vector<Entry>& entries, size_t column, Output& out) {
  Writer(text, column).All(entries, out);
}

}  // namespace writ::format
