// What is declared where, and what a name means in a file: its own package, its imports, and the built-in workflows.
//
// A name carries the file that it stands in, so that looking it up needs nothing else: what a template brings along
// has a file number of its own, in which names mean what they mean where the template is declared, and what came in as
// an argument keeps the number of the file that it was written in. Roles, domains, types, defs (and facts and tables),
// rules, templates, obligations and units have a space each: a role and an entity may share a name.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/source/source.h"

namespace writ::check {

enum class Space : uint8_t { kType, kRole, kDomain, kDef, kRule, kTemplate, kCalendar, kObligation, kUnit };
enum class DeclarationKind : uint8_t {
  kEnum, kRecord, kAlias, kWorkflow, kEntity, kRole, kDomain, kDef, kRule, kTemplate, kCalendar, kObligation, kUnit, kTable,
  kFact,
};

struct Declaration {
  DeclarationKind kind = DeclarationKind::kEnum;
  std::string name, package, qualified;
  ast::Span span;            // of the name
  uint32_t id = UINT32_MAX;  // in the table of its kind: schema's, or Symbols::all for aliases, defs and rules
  const ast::Enum* enumeration = nullptr;
  const ast::Record* record = nullptr;
  const ast::TypeAlias* alias = nullptr;
  const ast::Workflow* workflow = nullptr;
  const ast::Entity* entity = nullptr;
  const ast::Role* role = nullptr;
  const ast::Domain* domain = nullptr;
  const ast::Def* def = nullptr;
  const ast::Fact* fact = nullptr;
  const ast::Rule* rule = nullptr;
  const ast::Template* pattern = nullptr;
  const ast::Calendar* calendar = nullptr;
  const ast::Obligation* obligation = nullptr;
  const ast::Unit* unit = nullptr;
  const ast::Table* table = nullptr;
  bool is_private = false;  // no other package sees it
};

inline constexpr const char kBuiltinPackage[] = "writ";
inline constexpr const char kAgentWorkflow[] = "writ.Agent";
inline constexpr const char kTaskWorkflow[] = "writ.Task";

class Symbols {
 public:
  // Collects all declarations; reports what is declared twice and imports that bring nothing.
  Symbols(const std::vector<ast::File>& files, const source::SourceSet& sources, diagnostics::Sink& sink);

  // Null where there is none; ambiguous names are reported, and give the first.
  const Declaration* Find(Space space, const ast::Name& name) const;
  // The same, and says what is unknown. An empty name (the parser has reported it) is null without a word.
  const Declaration* Require(Space space, const ast::Name& name) const;
  // The unique declarations of one kind, sorted by qualified name.
  std::vector<const Declaration*> OfKind(DeclarationKind kind) const;

  const std::string& PackageOf(uint32_t file) const;
  // The package whose author wrote what stands in a file: of an instance, that of its template.
  const std::string& WriterOf(uint32_t file) const;
  // What template the file was made of; null where somebody wrote it.
  const ast::Instance* InstanceOf(uint32_t file) const;
  // Names that could have been meant in a file.
  std::vector<std::string> Visible(Space space, uint32_t file) const;

 private:
  struct Imported {
    std::string package;
    std::vector<std::string> names;
  };  // no names: all
  struct FileScope {
    std::string package;
    std::vector<Imported> imports;
    const ast::Instance* instance = nullptr;  // null: a file that somebody wrote
  };
  using Table = std::map<std::pair<Space, std::string>, Declaration*>;

  void Collect(const ast::File& file);
  void Add(Declaration declaration, const ast::Name& name, uint32_t file);
  void Index(diagnostics::Sink& sink);
  void CheckImports(const std::vector<ast::File>& files);
  void CheckImport(const ast::Import& import, FileScope* scope);
  bool PackageExists(const std::string& package) const;
  const FileScope& WrittenScope(uint32_t file) const;
  std::vector<const Declaration*> Candidates(Space space, const ast::Name& name) const;
  void ReportUnknown(Space space, const ast::Name& name) const;
  const Declaration* Elsewhere(Space space, const ast::Name& name) const;

  const source::SourceSet& sources_;
  diagnostics::Sink& sink_;
  std::vector<Declaration> all_;  // sorted by kind, qualified name, path and place
  Table table_;
  std::map<std::string, std::vector<const Declaration*>> by_package_;
  std::map<uint32_t, FileScope> scopes_;
};

// Suggestions are for authors, not for what a machine made up: past this many candidates or errors there are none.
inline constexpr size_t kCandidatesMax = 2'000, kSuggestionsMax = 1'000;
std::string Hint(const diagnostics::Sink& sink, absl::string_view name, const std::vector<std::string>& candidates);

// "a.b.c" of the parts of a package name.
std::string Dotted(const std::vector<ast::Name>& names);
Space SpaceOf(DeclarationKind kind);

}  // namespace writ::check
