// Private to compiler/format: a file as entries, one below the other: rows of cells that share columns, lines that go
// on below, and blocks in braces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/format/inline.h"
#include "compiler/format/output.h"

namespace writ::format {

struct Cell {
  size_t begin = 0, end = 0;       // tokens
  size_t slot = 0;                 // cells of one slot share a column
  size_t gap = 1;                  // blanks before it, at least
  size_t lead = 0;                 // words before an expression; kRun: there is none
  enum class Below : uint8_t {     // where it goes when it goes below
    kNever,
    kStep,                         // two columns to the right of the entry
    kSecond,                       // under the second cell
    kTail,                         // in its own column
    kBody,                         // what follows its one word, two columns to the right
  } below = Below::kNever;
  size_t extra = 0;                // blanks before a column that several rows share
  size_t apart = 20;               // cells that end further apart do not share it
  bool same_word = false;          // only rows whose cells begin with the same word share it
};
inline constexpr size_t kRun = static_cast<size_t>(-1);

struct Entry {
  size_t begin = 0, end = 0;
  enum class Shape : uint8_t {
    kRow,       // cells beside one another
    kSegments,  // cells behind one another; what does not fit goes below
    kBlock,     // cells, then items in braces
    kClauses,   // cells, then items below, without braces
  } shape = Shape::kRow;
  std::string key;                 // rows of one key share columns; empty: with none
  std::vector<Cell> cells;
  std::vector<Entry> items;
  size_t open = kNone;             // kBlock: the brace
  bool may_be_row = false;         // kBlock: on one line where its author wrote it so
  bool folds = false;              // kRow: where it does not fit one line, the cells from the second on become one
  size_t step = 2;                 // kSegments: how far what goes below stands to the right
};

// Writes entries at a column.
void WriteEntries(Inline& text, std::vector<Entry>& entries, size_t column, Output& out);

}  // namespace writ::format
