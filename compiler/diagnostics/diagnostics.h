// What the compiler has to say to a policy's author.
//
// A diagnostic is a row of diagnostics.def; the row makes the constant, and the constant's type makes the call:
//
//   sink.Report(name.span, diagnostics::kUnknownName, name.text)
//       .Help(Suggest(name.text, names))
//       .Related(there, "declared here");
//
// A wrong number or kind of arguments does not compile, and neither does a row whose text and types disagree.
//
// Order     Take() sorts by file, offset and code, and leaves out exact duplicates, whatever order they were reported
//           in.
// Limits    kShownMax of them are shown, then one warning that says how many more there were.
// Threads   a Sink belongs to one thread; what it gives is plain data.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "compiler/ast/ast.h"
#include "compiler/source/source.h"

namespace writ::diagnostics {

inline constexpr size_t kShownMax = 1'000;
inline constexpr size_t kKeptMax = 20'000;          // before sorting; past this they are only counted
inline constexpr size_t kAuthorTextBytesMax = 120;  // longer author's text is cut with an ellipsis

// A note tells what the author did right and this version does not carry out: nothing is to be mended.
enum class Severity : uint8_t { kError, kWarning, kNote };
absl::string_view SeverityName(Severity severity);  // error, warning, note

// ---------------------------------------------------------------- arguments

// The author's own text: printed in backticks, on one line, cut to kAuthorTextBytesMax.
class Author {
 public:
  Author(const ast::Name& name) : Author(absl::string_view(name.text)) {}  // NOLINT(google-explicit-constructor)
  Author(const std::string& text) : Author(absl::string_view(text)) {}     // NOLINT(google-explicit-constructor)
  Author(const char* text) : Author(absl::string_view(text)) {}            // NOLINT(google-explicit-constructor)
  Author(absl::string_view text);                                          // NOLINT(google-explicit-constructor)
  const std::string& printed() const { return printed_; }

 private:
  std::string printed_;
};

// Words of ours, printed as they are.
class Phrase {
 public:
  Phrase(std::string text) : printed_(std::move(text)) {}                 // NOLINT(google-explicit-constructor)
  Phrase(const char* text) : printed_(text) {}                            // NOLINT(google-explicit-constructor)
  Phrase(absl::string_view text) : printed_(text.data(), text.size()) {}  // NOLINT(google-explicit-constructor)
  const std::string& printed() const { return printed_; }

 private:
  std::string printed_;
};

class Number {
 public:
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Number(T value) : printed_(std::to_string(value)) {}  // NOLINT(google-explicit-constructor)
  const std::string& printed() const { return printed_; }

 private:
  std::string printed_;
};

// ---------------------------------------------------------------- the table

struct Row {
  const char* code;  // "E0105"
  const char* name;  // "kUnexpected"
  Severity severity;
  const char* text;
};

// All rows, in the order of diagnostics.def (for `explain`, SARIF and tests/tidy).
const std::vector<Row>& Rows();
const Row* FindRow(absl::string_view code);  // null where there is none

// {0} … {n-1} each stand in `text`, and no other.
template <size_t kCount>
constexpr bool PlaceholdersAre(const char* text) {
  bool seen[kCount + 1] = {};
  for (const char* at = text; *at != '\0'; ++at) {
    if (at[0] != '{' || at[1] < '0' || at[1] > '9') continue;
    const auto index = static_cast<size_t>(at[1] - '0');
    if (at[2] != '}' || index >= kCount) return false;
    seen[index] = true;
  }
  for (size_t i = 0; i < kCount; ++i) {
    if (!seen[i]) return false;
  }
  return true;
}

template <typename... Arguments>
struct Id {
  uint16_t row;  // into Rows()
};

enum class RowNumber : uint16_t {
#define WRIT_DIAGNOSTIC(name, code, severity, text, ...) name,
#include "compiler/diagnostics/diagnostics.def"
#undef WRIT_DIAGNOSTIC
};

template <typename... Arguments>
consteval Id<Arguments...> MakeId(RowNumber row, const char* text) {
  if (!PlaceholdersAre<sizeof...(Arguments)>(text))
    throw "text and argument types of a row in diagnostics.def disagree";
  return {static_cast<uint16_t>(row)};
}

#define WRIT_DIAGNOSTIC(name, code, severity, text, ...) \
  inline constexpr auto name = MakeId<__VA_ARGS__>(RowNumber::name, text);
#include "compiler/diagnostics/diagnostics.def"
#undef WRIT_DIAGNOSTIC

// ---------------------------------------------------------------- collecting

struct Related {
  ast::Span span;
  std::string note;
  friend bool operator==(const Related& a, const Related& b) {
    return a.note == b.note && a.span.file == b.span.file && a.span.begin == b.span.begin && a.span.end == b.span.end;
  }
};

struct Diagnostic {
  std::string code, message;
  Severity severity = Severity::kError;
  ast::Span span;
  std::vector<Related> related;
  std::string help;         // what to do, in words: "did you mean `amount`?"; or empty
  bool of_instance = false;  // what an `apply` made has it
};

class Sink {
 public:
  // Adds to the diagnostic that was just reported; lives no longer than the full expression.
  class Reported {
   public:
    Reported& Related(ast::Span span, std::string note);
    // Empty text adds nothing, so that Help(Suggest(…)) can stand as it is.
    Reported& Help(std::string text);

   private:
    friend class Sink;
    explicit Reported(Diagnostic* diagnostic) : diagnostic_(diagnostic) {}
    Diagnostic* diagnostic_;  // null past kKeptMax
  };

  template <typename... Arguments>
  Reported Report(ast::Span span, Id<Arguments...> id, const std::type_identity_t<Arguments>&... arguments) {
    return Add(span, id.row, {arguments.printed()...});
  }

  // Whatever is reported in file `instance` was made by applying a template: it is told at its place in `definition`,
  // together with `applied`; or the other way round where the author cannot change the definition. `applied` may lie in
  // an instance itself. The same fault of several instances is told once.
  void Expanded(uint32_t instance, uint32_t definition, ast::Span applied, bool tell_at_use);
  // What is reported within `argument` is told together with the parameter that it was given to.
  void Argument(ast::Span argument, ast::Span parameter);

  bool has_errors() const { return error_count_ > 0; }
  size_t error_count() const { return error_count_; }  // duplicates included

  // Sorted, without duplicates, cut to kShownMax. The sink is empty afterwards, but still knows that it had errors.
  std::vector<Diagnostic> Take();

 private:
  struct Expansion { uint32_t definition = 0; ast::Span applied; bool tell_at_use = false; };

  Reported Add(ast::Span span, uint16_t row, std::vector<std::string> arguments);
  ast::Span Written(ast::Span span) const;  // where the text of a span stands
  void Place(Diagnostic* diagnostic) const;

  std::vector<Diagnostic> kept_;
  std::map<uint32_t, Expansion> expansions_;                                          // by instance
  std::map<std::pair<uint32_t, uint32_t>, std::pair<uint32_t, ast::Span>> arguments_;  // by file and begin: end, parameter
  size_t error_count_ = 0, dropped_count_ = 0;
};

// The candidate that `name` is most likely a misspelling of, as "did you mean `x`?", or nothing. At most two edits
// (swapped neighbours are one), fewer in short names; among equals the first by bytes. Candidates may come in any
// order.
std::string Suggest(absl::string_view name, const std::vector<std::string>& candidates);

// ---------------------------------------------------------------- showing

// file:line:column: error[E0105]: …, the line with a caret under it, the related places, the help.
std::string RenderText(const source::SourceSet& sources, const Diagnostic& diagnostic, bool colour);
// One JSON object on one line, no line break: file, line, column, endLine, endColumn, severity, code, message, related,
// help.
std::string RenderJson(const source::SourceSet& sources, const Diagnostic& diagnostic);

}  // namespace writ::diagnostics
