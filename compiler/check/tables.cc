#include "compiler/check/tables.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/check/expressions.h"
#include "compiler/check/model.h"

namespace writ::check {
namespace {

constexpr size_t kOverlapsShownMax = 8;

using Case = TableCases::Case;

// What one key says.
struct Key {
  enum class Kind : uint8_t { kSome, kAnything, kOtherwise } kind = Kind::kSome;
  std::vector<std::pair<Num, Num>> ranges;  // both included
  std::vector<std::string> texts;
};

bool IsAnything(const ast::Pattern& pattern) {
  return pattern.kind == ast::Pattern::Kind::kValue && pattern.value != nullptr &&
         pattern.value->kind == ast::ExprKind::kName && pattern.value->text == "_";
}

class Reader {
 public:
  Reader(Model& model, const ast::Table& node) : model_(model), node_(node) {}

  Table Run() {
    if (!Parameters() || !Rows()) return std::move(table_);
    for (size_t p = 0; p < table_.parameters.size(); ++p) {
      if (!Keys(p)) return std::move(table_);
    }
    table_.ok = Compare();
    return std::move(table_);
  }

 private:
  bool Parameters() {
    std::set<std::string> seen;
    bool ok = !node_.parameters.empty() && node_.result.has_value();
    for (const ast::Field& parameter : node_.parameters) {
      if (!seen.insert(parameter.name.text).second) {
        model_.sink.Report(parameter.name.span, diagnostics::kParameterTwice, parameter.name);
        ok = false;
      }
      const std::optional<Type> type = model_.types.Resolve(parameter.type);
      if (!type.has_value()) {
        ok = false;
        continue;
      }
      const bool told_apart = IsNumeric(type->kind) || type->kind == TypeKind::kEnum ||
                              type->kind == TypeKind::kBool || type->kind == TypeKind::kString;
      if (!told_apart || type->optional) {
        model_.sink.Report(parameter.type.span, diagnostics::kTableParameter, parameter.name,
                           model_.types.Words(*type));
        ok = false;
      }
      table_.parameters.push_back({*type, {}});
    }
    if (!node_.result.has_value()) return false;
    const std::optional<Type> result = model_.types.Resolve(*node_.result);
    if (result.has_value()) table_.result = *result;
    return ok && result.has_value();
  }

  // A grid's cells as rows of two keys. What is ragged the parser has told.
  bool Rows() {
    for (const ast::TableRow& row : node_.rows) {
      const size_t keys = node_.grid ? 1 : node_.parameters.size();
      const size_t cells = node_.grid ? node_.columns.size() : 1;
      if (row.keys.size() != keys || row.cells.size() != cells) return false;
      for (size_t c = 0; c < cells; ++c) {
        if (row.cells[c] == nullptr) return false;
        std::vector<const ast::Pattern*> patterns;
        for (const ast::Pattern& key : row.keys) patterns.push_back(&key);
        if (node_.grid) patterns.push_back(&node_.columns[c]);
        patterns_.push_back(std::move(patterns));
        table_.rows.push_back({{}, row.cells[c].get(), node_.grid ? row.cells[c]->span : row.span});
      }
    }
    if (table_.rows.size() <= kTableRowsMax) return true;
    model_.sink.Report(node_.name.span, diagnostics::kTableTooLarge, node_.name, kTableRowsMax, "rows");
    return false;
  }

  // The elementary cases of one parameter, and which of them each row holds for.
  bool Keys(size_t p) {
    TableCases& cases = table_.parameters[p];
    std::map<const ast::Pattern*, Key> keys;  // a grid's stand in many rows
    bool ok = true;
    for (const auto& row : patterns_) {
      if (keys.count(row[p]) != 0) continue;
      std::optional<Key> key = Read(*row[p], cases.type);
      ok = ok && key.has_value();
      keys[row[p]] = key.has_value() ? std::move(*key) : Key();
    }
    if (!ok) return false;
    Divide(keys, &cases);
    if (cases.cases.size() > kTableCasesMax) {
      model_.sink.Report(node_.name.span, diagnostics::kTableTooLarge, node_.name, kTableCasesMax, "cases");
      return false;
    }
    std::vector<bool> rest(cases.cases.size(), true);
    for (const auto& [pattern, key] : keys) {
      if (key.kind != Key::Kind::kSome) continue;
      for (size_t c = 0; c < rest.size(); ++c) rest[c] = rest[c] && !Holds(key, cases.cases[c]);
    }
    for (const auto& [pattern, key] : keys) {
      std::vector<bool>& holds = held_[pattern];
      for (size_t c = 0; c < rest.size(); ++c) {
        holds.push_back(key.kind == Key::Kind::kAnything ||
                        (key.kind == Key::Kind::kOtherwise ? rest[c] : Holds(key, cases.cases[c])));
      }
      if (std::find(holds.begin(), holds.end(), true) != holds.end()) continue;
      model_.sink.Report(pattern->span, diagnostics::kTableKeyEmpty);
      ok = false;
    }
    for (size_t r = 0; r < table_.rows.size(); ++r) table_.rows[r].keys.push_back(held_[patterns_[r][p]]);
    return ok;
  }

  std::optional<Key> Read(const ast::Pattern& pattern, const Type& type) {
    Key key;
    if (pattern.kind == ast::Pattern::Kind::kOtherwise) {
      key.kind = Key::Kind::kOtherwise;
      return key;
    }
    if (IsAnything(pattern)) {
      key.kind = Key::Kind::kAnything;
      return key;
    }
    if (pattern.value == nullptr) return std::nullopt;
    if (pattern.kind != ast::Pattern::Kind::kValue) return ReadRange(pattern, type);
    std::vector<const ast::Expr*> values = {pattern.value.get()};
    if (pattern.value->kind == ast::ExprKind::kSet) {
      values.clear();
      for (const ast::ExprPtr& child : pattern.value->children) {
        if (child != nullptr) values.push_back(child.get());
      }
    }
    for (const ast::Expr* value : values) {
      const typed::ExprPtr constant = Expressions(model_, {}).CheckKey(*value, type);
      if (constant == nullptr) return std::nullopt;
      if (type.kind == TypeKind::kString)
        key.texts.push_back(constant->text);
      else
        key.ranges.emplace_back(constant->number, constant->number);
    }
    return key;
  }

  std::optional<Key> ReadRange(const ast::Pattern& pattern, const Type& type) {
    if (!IsNumeric(type.kind)) {
      model_.sink.Report(pattern.span, diagnostics::kTableKey, "a range", model_.types.Words(type),
                         "what it is, or several in `({…})`");
      return std::nullopt;
    }
    const bool is_range = pattern.kind == ast::Pattern::Kind::kRange;
    if (is_range && pattern.high == nullptr) return std::nullopt;
    const typed::ExprPtr low = Expressions(model_, {}).CheckKey(*pattern.value, type);
    const typed::ExprPtr high = is_range ? Expressions(model_, {}).CheckKey(*pattern.high, type) : nullptr;
    if (low == nullptr || (is_range && high == nullptr)) return std::nullopt;
    Key key;
    if (is_range) {
      key.ranges.emplace_back(low->number, high->number);
    } else if (pattern.op == "<" || pattern.op == "<=") {
      key.ranges.emplace_back(type.min, pattern.op == "<" ? low->number - 1 : low->number);
    } else {
      key.ranges.emplace_back(pattern.op == ">" ? low->number + 1 : low->number, type.max);
    }
    if (is_range && low->number > high->number) {
      model_.sink.Report(pattern.span, diagnostics::kRangeReversed);
      return std::nullopt;
    }
    return key;
  }

  void Divide(const std::map<const ast::Pattern*, Key>& keys, TableCases* out) const {
    const Type& type = out->type;
    if (type.kind == TypeKind::kString) {
      std::set<std::string> texts;
      for (const auto& [pattern, key] : keys) texts.insert(key.texts.begin(), key.texts.end());
      for (const std::string& text : texts) out->cases.push_back({0, 0, text, false});
      out->cases.push_back({0, 0, "", true});
      return;
    }
    std::set<Num> begins;
    Num last = type.max;
    if (type.kind == TypeKind::kEnum || type.kind == TypeKind::kBool) {
      const size_t count = type.kind == TypeKind::kBool ? 2 : model_.schema().enums[type.index].members.size();
      for (size_t i = 0; i < count; ++i) begins.insert(static_cast<Num>(i));
      last = static_cast<Num>(count) - 1;
    } else {
      begins.insert(type.min);
      for (const auto& [pattern, key] : keys) {
        for (const auto& [low, high] : key.ranges) {
          if (low >= type.min && low <= last) begins.insert(low);
          if (high >= type.min && high < last) begins.insert(high + 1);
        }
      }
    }
    for (auto at = begins.begin(); at != begins.end(); ++at) {
      const auto next = std::next(at);
      out->cases.push_back({*at, next == begins.end() ? last : *next - 1, "", false});
    }
  }

  static bool Holds(const Key& key, const Case& one) {
    if (!key.texts.empty())
      return !one.others && std::find(key.texts.begin(), key.texts.end(), one.text) != key.texts.end();
    return std::any_of(key.ranges.begin(), key.ranges.end(), [&](const std::pair<Num, Num>& range) {
      return range.first <= one.low && one.high <= range.second;
    });
  }

  // Every case, and the rows that hold for it.
  bool Compare() {
    size_t count = 1;
    for (const TableCases& parameter : table_.parameters) {
      count *= parameter.cases.size();
      if (count <= kTableCasesMax) continue;
      model_.sink.Report(node_.name.span, diagnostics::kTableTooLarge, node_.name, kTableCasesMax, "cases");
      return false;
    }
    std::vector<size_t> at(table_.parameters.size(), 0);
    std::set<std::pair<size_t, size_t>> told;
    std::string missing;
    size_t missing_count = 0;
    for (size_t n = 0; n < count; ++n) {
      const std::optional<size_t> row = RowOf(at, 0);
      if (!row.has_value() && missing_count++ == 0) missing = Words(at);
      for (std::optional<size_t> other = row; other.has_value();) {
        other = RowOf(at, *other + 1);
        if (!other.has_value() || told.size() == kOverlapsShownMax || !told.emplace(*row, *other).second) continue;
        model_.sink.Report(table_.rows[*other].span, diagnostics::kTableOverlaps, node_.name, Words(at))
            .Related(table_.rows[*row].span, "it says one thing here");
      }
      // The next combination; the last parameter changes fastest.
      for (size_t p = at.size(); p-- > 0 && ++at[p] == table_.parameters[p].cases.size();) at[p] = 0;
    }
    if (missing_count == 0) return told.empty();
    if (missing_count > 1) absl::StrAppend(&missing, ", nor for ", Counted(missing_count - 1, "other case"));
    model_.sink.Report(node_.name.span, diagnostics::kTableMisses, node_.name, missing);
    return false;
  }

  std::optional<size_t> RowOf(const std::vector<size_t>& at, size_t from) const {
    for (size_t r = from; r < table_.rows.size(); ++r) {
      bool holds = true;
      for (size_t p = 0; p < at.size() && holds; ++p) holds = table_.rows[r].keys[p][at[p]];
      if (holds) return r;
    }
    return std::nullopt;
  }

  std::string Words(const std::vector<size_t>& at) const {
    std::vector<std::string> words;
    for (size_t p = 0; p < at.size(); ++p) {
      words.push_back(
          absl::StrCat(node_.parameters[p].name.text, " ", Words(table_.parameters[p].type,
                                                                table_.parameters[p].cases[at[p]])));
    }
    return absl::StrJoin(words, ", ");
  }

  std::string Words(const Type& type, const Case& one) const {
    if (type.kind == TypeKind::kString)
      return one.others ? "of any other text" : absl::StrCat("\"", absl::CEscape(one.text), "\"");
    if (type.kind == TypeKind::kBool) return one.low != 0 ? "true" : "false";
    if (type.kind == TypeKind::kEnum) return model_.schema().enums[type.index].members[static_cast<size_t>(one.low)].name;
    if (one.low == one.high) return model_.types.NumberWords(type, one.low);
    if (one.low == INT64_MIN && one.high == INT64_MAX) return "of any size";
    if (one.low == INT64_MIN) return absl::StrCat("up to ", model_.types.NumberWords(type, one.high));
    if (one.high == INT64_MAX) return absl::StrCat("from ", model_.types.NumberWords(type, one.low), " on");
    return absl::StrCat(model_.types.NumberWords(type, one.low), " .. ", model_.types.NumberWords(type, one.high));
  }

  Model& model_;
  const ast::Table& node_;
  Table table_;
  std::vector<std::vector<const ast::Pattern*>> patterns_;  // by row, by parameter
  std::map<const ast::Pattern*, std::vector<bool>> held_;
};

}  // namespace

const Table& TableOf(Model& model, const ast::Table& node) {
  const auto [at, is_new] = model.tables.emplace(&node, Table());
  if (!is_new) return at->second;  // not ok while it is worked out
  Table table = Reader(model, node).Run();
  if (!table.parameters.empty() && table.parameters.size() == node.parameters.size())
    Expressions(model, {ScopeKind::kDefinition, {}, {}, {}}).CheckCells(node, table);
  at->second = std::move(table);
  return at->second;
}

}  // namespace writ::check
