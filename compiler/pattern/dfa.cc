#include "compiler/pattern/dfa.h"

#include <algorithm>
#include <map>
#include <utility>

namespace writ::pattern {
namespace {

constexpr size_t kSubsetsMax = 4 * limits::kPatternStatesMax;  // before the equal ones are joined
constexpr uint64_t kWorkMax = 1u << 25;                        // visits of states

using Subset = std::vector<uint32_t>;  // of states that read a byte or end, sorted

// Complete, with one row of successors a state, by class.
struct Table {
  std::vector<uint8_t> class_of;
  uint32_t class_count = 0;
  std::vector<uint32_t> next;
  std::vector<uint8_t> accepts;
  size_t states() const { return accepts.size(); }
};

class Subsets {
 public:
  Subsets(const Nfa& nfa, Part whole) : states_(nfa.states()), whole_(whole), mark_(states_.size(), 0) {}

  std::optional<Table> Build() {
    Classify();
    std::map<Subset, uint32_t> known;
    std::vector<Subset> order;
    const auto number = [&](Subset subset) {
      const auto [at, is_new] = known.try_emplace(std::move(subset), static_cast<uint32_t>(order.size()));
      if (is_new) order.push_back(at->first);
      return at->second;
    };
    number(Closure({whole_.begin}));
    for (size_t i = 0; i < order.size(); ++i) {
      table_.accepts.push_back(std::binary_search(order[i].begin(), order[i].end(), whole_.end) ? 1 : 0);
      for (uint32_t k = 0; k < table_.class_count; ++k) {
        Subset reached;
        for (const uint32_t state : order[i]) {
          const NfaState& s = states_[state];
          if (!s.epsilon && s.low <= first_of_[k] && first_of_[k] <= s.high) reached.push_back(s.next);
        }
        work_ += order[i].size() + 1;
        table_.next.push_back(number(Closure(reached)));
        if (work_ > kWorkMax || order.size() > kSubsetsMax) return std::nullopt;
      }
    }
    return std::move(table_);
  }

 private:
  // Bytes between which no transition tells.
  void Classify() {
    std::vector<bool> begins(257, false);
    begins[0] = true;
    for (const NfaState& s : states_) {
      if (s.epsilon) continue;
      begins[s.low] = true;
      begins[s.high + 1] = true;
    }
    for (int byte = 0; byte < 256; ++byte) {
      if (begins[static_cast<size_t>(byte)]) first_of_.push_back(byte);
      table_.class_of.push_back(static_cast<uint8_t>(first_of_.size() - 1));
    }
    table_.class_count = static_cast<uint32_t>(first_of_.size());
  }

  Subset Closure(Subset open) {
    ++round_;
    Subset out;
    while (!open.empty()) {
      const uint32_t state = open.back();
      open.pop_back();
      if (state == kNowhere || std::exchange(mark_[state], round_) == round_) continue;
      ++work_;
      const NfaState& s = states_[state];
      if (!s.epsilon || state == whole_.end) out.push_back(state);
      if (!s.epsilon) continue;
      open.push_back(s.next);
      open.push_back(s.other);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  const std::vector<NfaState>& states_;
  const Part whole_;
  std::vector<uint32_t> mark_;
  uint32_t round_ = 0;
  uint64_t work_ = 0;
  std::vector<int> first_of_;  // the first byte of each class
  Table table_;
};

// Which states are equal, as a block number for each (E. F. Moore, 1956). None past the work limit.
std::optional<std::vector<uint32_t>> Blocks(const Table& table) {
  std::vector<uint32_t> block(table.states());
  for (size_t i = 0; i < block.size(); ++i) block[i] = table.accepts[i];
  size_t count = 0;
  for (uint64_t work = 0; work <= kWorkMax; work += table.next.size()) {
    std::map<std::vector<uint32_t>, uint32_t> rows;
    std::vector<uint32_t> finer(block.size());
    for (size_t i = 0; i < block.size(); ++i) {
      std::vector<uint32_t> row = {block[i]};
      for (uint32_t k = 0; k < table.class_count; ++k) row.push_back(block[table.next[i * table.class_count + k]]);
      finer[i] = rows.try_emplace(std::move(row), static_cast<uint32_t>(rows.size())).first->second;
    }
    if (rows.size() == count) return finer;
    count = rows.size();
    block = std::move(finer);
  }
  return std::nullopt;
}

// One state a block, in the order in which they are reached.
Table Joined(const Table& table, const std::vector<uint32_t>& block) {
  std::vector<uint32_t> number(table.states(), kNowhere), order;
  const auto visit = [&](uint32_t state) {
    if (number[block[state]] == kNowhere) {
      number[block[state]] = static_cast<uint32_t>(order.size());
      order.push_back(state);
    }
    return number[block[state]];
  };
  Table out{table.class_of, table.class_count, {}, {}};
  visit(0);
  for (size_t i = 0; i < order.size(); ++i) {
    out.accepts.push_back(table.accepts[order[i]]);
    for (uint32_t k = 0; k < table.class_count; ++k) {
      out.next.push_back(visit(table.next[order[i] * table.class_count + k]));
    }
  }
  return out;
}

// Bytes that lead to the same states from everywhere become one class; classes are numbered by their first bytes.
ir::Automaton WithFewestClasses(const Table& table) {
  std::map<std::vector<uint32_t>, uint32_t> columns;
  std::vector<uint32_t> merged, kept;
  for (uint32_t k = 0; k < table.class_count; ++k) {
    std::vector<uint32_t> column;
    for (size_t i = 0; i < table.states(); ++i) column.push_back(table.next[i * table.class_count + k]);
    const auto [at, is_new] = columns.try_emplace(std::move(column), static_cast<uint32_t>(kept.size()));
    if (is_new) kept.push_back(k);
    merged.push_back(at->second);
  }
  ir::Automaton out;
  for (const uint8_t old : table.class_of) out.class_of.push_back(static_cast<uint8_t>(merged[old]));
  out.class_count = static_cast<uint32_t>(kept.size());
  for (size_t i = 0; i < table.states(); ++i) {
    for (const uint32_t k : kept) out.next.push_back(static_cast<uint16_t>(table.next[i * table.class_count + k]));
  }
  out.accepts = table.accepts;
  return out;
}

}  // namespace

std::optional<ir::Automaton> Determine(const Nfa& nfa, Part whole) {
  const std::optional<Table> table = Subsets(nfa, whole).Build();
  if (!table) return std::nullopt;
  const std::optional<std::vector<uint32_t>> blocks = Blocks(*table);
  if (!blocks) return std::nullopt;
  const Table joined = Joined(*table, *blocks);
  if (joined.states() > limits::kPatternStatesMax) return std::nullopt;
  return WithFewestClasses(joined);
}

}  // namespace writ::pattern
