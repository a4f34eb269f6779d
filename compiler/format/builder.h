// Private to compiler/format: from the tree to entries. An entry is told where its cells begin, by a token each; all
// that stands between is theirs, so that nothing can be left out.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/format/entries.h"

namespace writ::format {

class Builder {
 public:
  explicit Builder(Inline& text) : text_(text) {}

  // All of a file, in its order; marks in the text what only the tree knows.
  std::vector<Entry> File(const ast::File& file);

 private:
  // ---------------------------------------------------------------- tokens
  size_t At(const ast::Span& span) const { return text_.At(span.begin); }
  size_t At(const ast::Name& name) const { return text_.At(name.span.begin); }
  // The nearest such word before a token; the token itself where there is none behind `from`.
  size_t Before(size_t token, absl::string_view word, size_t from) const;
  size_t Before(const ast::Name& name, absl::string_view word, size_t from) const {
    return Before(At(name), word, from);
  }
  size_t Before(const ast::Expr& expr, absl::string_view word, size_t from) const {
    return Before(At(expr.span), word, from);
  }
  // The next such word outside brackets at or behind a token; kNone where there is none before `end`.
  size_t Next(size_t token, absl::string_view word, size_t end) const;
  size_t Braces(size_t begin) const;  // the brace that opens a declaration

  // ---------------------------------------------------------------- entries
  static Entry Row(std::string key, size_t begin);
  static Entry Segments(size_t begin, size_t step);
  // Cells are added in any order; those that are not there (kNone) are left out.
  static void Add(Entry& entry, size_t begin, size_t slot, size_t gap = 1, size_t lead = kRun,
                  Cell::Below below = Cell::Below::kNever, size_t extra = 0);
  // A declaration in braces.
  Entry Block(std::string key, size_t begin, std::vector<Entry> items, bool may_be_row);
  // Says where each entry ends.
  void Finish(std::vector<Entry>& entries, size_t end) const;
  void Finish(Entry& entry, size_t end) const;
  void DropCommas(size_t open, const std::vector<Entry>& items);

  void AddAll(const ast::Declarations& all, std::vector<Entry>& out);

  Entry Of(const ast::Import& node);
  Entry Of(const ast::Enum& node);
  Entry Of(const ast::Record& node);
  Entry Of(const ast::TypeAlias& node);
  Entry Of(const ast::Unit& node);
  Entry Of(const ast::Table& node);
  Entry Of(const ast::Calendar& node);
  Entry Of(const ast::Obligation& node);
  Entry Of(const ast::ActorDecl& node);
  Entry Of(const ast::Domain& node);
  Entry Of(const ast::Priority& node);
  Entry Of(const ast::Role& node);
  Entry Of(const ast::Clearance& node);
  Entry Of(const ast::Entity& node);
  Entry Of(const ast::Workflow& node);
  Entry Of(const ast::Def& node);
  Entry Of(const ast::Fact& node);
  Entry Of(const ast::Authority& node);
  Entry Of(const ast::Rule& node);
  Entry Of(const ast::Review& node);
  Entry Of(const ast::Decomposition& node);
  Entry Of(const ast::Confidence& node);
  Entry Of(const ast::Divergence& node);
  Entry Of(const ast::Context& node);
  Entry Of(const ast::Template& node);
  Entry Of(const ast::Apply& node);
  Entry Of(const ast::Property& node);
  Entry Of(const ast::Log& node);
  Entry Of(const ast::Test& node);
  Entry Of(const ast::Scenario& node);

  Entry FieldEntry(const ast::Field& node, const char* key);
  std::vector<Entry> Fields(const std::vector<ast::Field>& nodes);
  Entry TransitionEntry(const ast::Transition& node);
  void States(const ast::Workflow& node, std::vector<Entry>& out);
  Entry MayEntry(const ast::May& node);
  void Rungs(const ast::Ladder* ladder, Entry& entry, size_t slot);
  Entry EffectEntry(const ast::Rule& node);
  void JoinGuard(std::vector<Entry>& clauses, Entry& effect) const;
  Entry DutyEntry(const ast::Duty& node, size_t from);
  Entry ClauseEntry(const ast::Clause& node);
  Entry PlannedEntry(const ast::PlannedTask& node, size_t begin, size_t first_slot, const char* key);
  Entry PropertyEntry(const ast::PropertyItem& node);
  void Payload(const std::vector<ast::Field>& fields);
  void Limits(const std::vector<ast::Limit>& limits);

  Entry StepEntry(const ast::Step& node);
  void StepRow(const ast::Step& node, Entry& entry);
  Entry ExpectationEntry(const ast::Expectation& node, size_t begin);

  Inline& text_;
};

}  // namespace writ::format
