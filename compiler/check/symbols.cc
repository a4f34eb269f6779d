#include "compiler/check/symbols.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "compiler/check/stdlib.h"
#include "runtime/decision/schema.h"

namespace writ::check {
namespace {

bool IsStandardLibrary(const std::string& path) {
  const auto is_it = [&](const StdlibSource& source) { return absl::EndsWith(path, source.path); };
  return std::any_of(StdlibSources().begin(), StdlibSources().end(), is_it) ||
         std::any_of(StdlibPackages().begin(), StdlibPackages().end(), is_it);
}

bool IsReservedPackage(const std::string& package) {
  return package == kBuiltinPackage || package == "std" || absl::StartsWith(package, "std.");
}

ast::Span SpanOf(const std::vector<ast::Name>& names) {
  ast::Span span = names.front().span;
  span.end = names.back().span.end;
  return span;
}

const char* SpaceWord(Space space) {
  switch (space) {
    case Space::kType:
      return "type";
    case Space::kRole:
      return "role";
    case Space::kDomain:
      return "domain";
    case Space::kDef:
      return "def";
    case Space::kRule:
      return "rule";
    case Space::kTemplate:
      return "template";
    case Space::kCalendar:
      return "calendar";
    case Space::kObligation:
      return "obligation";
    case Space::kUnit:
      return "unit";
  }
  return "name";
}

bool IsBuiltinType(const std::string& name) {
  static const char* const kNames[] = {"bool", "int",  "percent", "money", "quantity", "duration",
                                       "time", "date", "string",  "role",  "set",      "list"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](const char* n) { return name == n; });
}

bool IsBuiltinReason(const std::string& name) {
  return std::any_of(std::begin(kBuiltinNames), std::end(kBuiltinNames), [&](const char* n) { return name == n; });
}

}  // namespace

std::string Hint(const diagnostics::Sink& sink, absl::string_view name, const std::vector<std::string>& candidates) {
  if (sink.error_count() > kSuggestionsMax || candidates.size() > kCandidatesMax) return "";
  return diagnostics::Suggest(name, candidates);
}

std::string Dotted(const std::vector<ast::Name>& names) {
  std::string out;
  for (const ast::Name& name : names) absl::StrAppend(&out, out.empty() ? "" : ".", name.text);
  return out;
}

Space SpaceOf(DeclarationKind kind) {
  switch (kind) {
    case DeclarationKind::kRole:
      return Space::kRole;
    case DeclarationKind::kDomain:
      return Space::kDomain;
    case DeclarationKind::kDef:
    case DeclarationKind::kTable:
    case DeclarationKind::kFact:
      return Space::kDef;
    case DeclarationKind::kRule:
      return Space::kRule;
    case DeclarationKind::kTemplate:
      return Space::kTemplate;
    case DeclarationKind::kCalendar:
      return Space::kCalendar;
    case DeclarationKind::kObligation:
      return Space::kObligation;
    case DeclarationKind::kUnit:
      return Space::kUnit;
    default:
      return Space::kType;
  }
}

Symbols::Symbols(const std::vector<ast::File>& files, const source::SourceSet& sources, diagnostics::Sink& sink)
    : sources_(sources), sink_(sink) {
  for (const ast::File& file : files) Collect(file);
  Index(sink);
  CheckImports(files);
}

void Symbols::Add(Declaration declaration, const ast::Name& name, uint32_t file) {
  if (name.empty()) return;
  declaration.name = name.text;
  declaration.package = scopes_[file].package;
  declaration.qualified = declaration.package.empty() ? name.text : absl::StrCat(declaration.package, ".", name.text);
  declaration.span = name.span;
  all_.push_back(std::move(declaration));
}

void Symbols::Collect(const ast::File& file) {
  FileScope& scope = scopes_[file.file];
  scope.package = Dotted(file.package);
  if (file.instance.has_value()) scope.instance = &*file.instance;
  const auto collect = [&](DeclarationKind kind, auto Declaration::* node, const auto& items) {
    for (const auto& item : items) {
      Declaration d;
      d.kind = kind;
      d.*node = &item;
      if constexpr (requires { item.is_private; }) d.is_private = item.is_private;
      if constexpr (requires { item.names; }) {  // role A, B
        for (const ast::Name& name : item.names) Add(d, name, file.file);
      } else {
        Add(d, item.name, file.file);
      }
    }
  };
  collect(DeclarationKind::kEnum, &Declaration::enumeration, file.enums);
  collect(DeclarationKind::kRecord, &Declaration::record, file.records);
  collect(DeclarationKind::kAlias, &Declaration::alias, file.types);
  collect(DeclarationKind::kWorkflow, &Declaration::workflow, file.workflows);
  collect(DeclarationKind::kEntity, &Declaration::entity, file.entities);
  collect(DeclarationKind::kRole, &Declaration::role, file.roles);
  collect(DeclarationKind::kDomain, &Declaration::domain, file.domains);
  collect(DeclarationKind::kDef, &Declaration::def, file.defs);
  collect(DeclarationKind::kFact, &Declaration::fact, file.facts);
  collect(DeclarationKind::kRule, &Declaration::rule, file.rules);
  for (const ast::Decomposition& plan : file.decompositions) {
    for (const ast::Under& under : plan.unders) collect(DeclarationKind::kRule, &Declaration::rule, under.rules);
  }
  collect(DeclarationKind::kTemplate, &Declaration::pattern, file.templates);
  collect(DeclarationKind::kCalendar, &Declaration::calendar, file.calendars);
  collect(DeclarationKind::kObligation, &Declaration::obligation, file.obligations);
  collect(DeclarationKind::kUnit, &Declaration::unit, file.units);
  collect(DeclarationKind::kTable, &Declaration::table, file.tables);
}

void Symbols::Index(diagnostics::Sink& sink) {
  const auto order = [this](const Declaration& d) {
    return std::make_tuple(SpaceOf(d.kind), d.qualified, sources_.path(d.span.file), d.span.begin);
  };
  std::stable_sort(all_.begin(), all_.end(),
                   [&](const Declaration& a, const Declaration& b) { return order(a) < order(b); });
  std::vector<Declaration> unique;
  std::string first_name;
  ast::Span first_span;
  for (Declaration& d : all_) {
    const Space space = SpaceOf(d.kind);
    if (!unique.empty() && SpaceOf(unique.back().kind) == space && first_name == d.qualified) {
      sink.Report(d.span, diagnostics::kDeclaredTwice, d.name, SpaceWord(space))
          .Related(first_span, "declared here first");
      // It is checked under a name that nobody can write.
      d.qualified = absl::StrCat(d.qualified, "#", unique.size());
      unique.push_back(std::move(d));
      continue;
    }
    first_name = d.qualified;
    first_span = d.span;
    if (space == Space::kType && IsBuiltinType(d.name)) {
      sink.Report(d.span, diagnostics::kBuiltinTypeName, d.name);
      continue;
    }
    if (space == Space::kRole && d.name == "orchestrator") {
      sink.Report(d.span, diagnostics::kOrchestratorDeclared);
      continue;
    }
    if (d.kind == DeclarationKind::kRule && IsBuiltinReason(d.name)) {
      sink.Report(d.span, diagnostics::kBuiltinReasonName, d.name);
      continue;
    }
    unique.push_back(std::move(d));
  }
  all_ = std::move(unique);
  std::map<DeclarationKind, uint32_t> next;
  for (Declaration& d : all_) {
    const bool is_workflow = d.kind == DeclarationKind::kWorkflow || d.kind == DeclarationKind::kEntity;
    d.id = next[is_workflow ? DeclarationKind::kWorkflow : d.kind]++;
    table_[{SpaceOf(d.kind), d.qualified}] = &d;
    by_package_[d.package].push_back(&d);
  }
}

bool Symbols::PackageExists(const std::string& package) const {
  for (const auto& [file, scope] : scopes_) {
    if (scope.package == package && scope.instance == nullptr) return true;
  }
  return false;
}

// Where names of a file are looked up: those of an instance as in the file of its template.
const Symbols::FileScope& Symbols::WrittenScope(uint32_t file) const {
  const FileScope& scope = scopes_.at(file);
  return scope.instance == nullptr ? scope : scopes_.at(scope.instance->definition);
}

const std::string& Symbols::WriterOf(uint32_t file) const { return WrittenScope(file).package; }

const ast::Instance* Symbols::InstanceOf(uint32_t file) const { return scopes_.at(file).instance; }

void Symbols::CheckImports(const std::vector<ast::File>& files) {
  for (const ast::File& file : files) {
    FileScope& scope = scopes_[file.file];
    if (scope.instance != nullptr) continue;
    if (IsReservedPackage(scope.package) && !IsStandardLibrary(sources_.path(file.file))) {
      sink_.Report(SpanOf(file.package), diagnostics::kReservedPackage, scope.package);
    }
    for (const ast::Import& import : file.imports) CheckImport(import, &scope);
  }
}

void Symbols::CheckImport(const ast::Import& import, FileScope* scope) {
  if (import.package.empty()) return;
  const std::string package = Dotted(import.package);
  const ast::Span span = SpanOf(import.package);
  if (package == scope->package) {
    sink_.Report(span, diagnostics::kImportsItself, package);
    return;
  }
  if (!PackageExists(package)) {
    std::vector<std::string> known;
    for (const auto& [file, other] : scopes_) known.push_back(other.package);
    for (const StdlibSource& source : StdlibPackages()) known.push_back(source.package);
    sink_.Report(span, diagnostics::kUnknownPackage, package).Help(Hint(sink_, package, known));
    return;
  }
  Imported imported{package, {}};
  const auto found = by_package_.find(package);
  for (const ast::Name& name : import.names) {
    std::vector<std::string> there;
    const Declaration* hidden = nullptr;
    if (found != by_package_.end()) {
      for (const Declaration* d : found->second) {
        if (!d->is_private) there.push_back(d->name);
        if (d->is_private && d->name == name.text) hidden = d;
      }
    }
    const bool is_there = std::find(there.begin(), there.end(), name.text) != there.end();
    if (!is_there && hidden != nullptr) {
      sink_.Report(name.span, diagnostics::kPrivateName, name, package).Related(hidden->span, "declared here");
    } else if (!is_there) {
      sink_.Report(name.span, diagnostics::kUnknownImport, name, package).Help(Hint(sink_, name.text, there));
      continue;
    }
    if (std::find(imported.names.begin(), imported.names.end(), name.text) != imported.names.end()) {
      sink_.Report(name.span, diagnostics::kImportedTwice, name);
      continue;
    }
    imported.names.push_back(name.text);
  }
  if (!import.names.empty() && imported.names.empty()) return;
  scope->imports.push_back(std::move(imported));
}

const std::string& Symbols::PackageOf(uint32_t file) const { return scopes_.at(file).package; }

std::vector<const Declaration*> Symbols::Candidates(Space space, const ast::Name& name) const {
  const FileScope& scope = WrittenScope(name.span.file);
  std::vector<const Declaration*> out;
  const auto look = [&](const std::string& package, const std::string& qualified) {
    const auto at = table_.find({space, qualified});
    if (at == table_.end() || (at->second->is_private && at->second->package != package)) return;
    if (std::find(out.begin(), out.end(), at->second) == out.end()) out.push_back(at->second);
  };
  const auto own = [&](const std::string& package) {
    look(package, package.empty() ? name.text : absl::StrCat(package, ".", name.text));
  };
  if (&scope != &scopes_.at(name.span.file)) own(PackageOf(name.span.file));  // what the instance brings along
  if (out.empty()) own(scope.package);
  if (!out.empty()) return out;
  for (const Imported& imported : scope.imports) {
    const auto& names = imported.names;
    if (!names.empty() && std::find(names.begin(), names.end(), name.text) == names.end()) continue;
    const std::string& viewer = names.empty() ? scope.package : imported.package;  // at the import it has been told
    look(viewer, imported.package.empty() ? name.text : absl::StrCat(imported.package, ".", name.text));
  }
  if (out.empty() && absl::StrContains(name.text, '.')) look(scope.package, name.text);
  if (out.empty() && space == Space::kType) {
    look(scope.package, absl::StrCat(kBuiltinPackage, ".", name.text));
    if (!out.empty() && out[0]->kind != DeclarationKind::kWorkflow) out.clear();  // only the workflows are everybody's
  }
  return out;
}

const Declaration* Symbols::Find(Space space, const ast::Name& name) const {
  if (name.empty()) return nullptr;
  const std::vector<const Declaration*> found = Candidates(space, name);
  if (found.empty()) return nullptr;
  if (found.size() > 1) {
    sink_.Report(name.span, diagnostics::kAmbiguousName, name, found[0]->qualified, found[1]->qualified)
        .Related(found[0]->span, "one is declared here")
        .Related(found[1]->span, "the other here");
  }
  return found.front();
}

const Declaration* Symbols::Elsewhere(Space space, const ast::Name& name) const {
  for (const Declaration& d : all_) {
    const bool is_written = InstanceOf(d.span.file) == nullptr;
    if (SpaceOf(d.kind) == space && d.name == name.text && !d.is_private && is_written) return &d;
  }
  return nullptr;
}

std::vector<std::string> Symbols::Visible(Space space, uint32_t file) const {
  const FileScope& scope = WrittenScope(file);
  std::vector<std::string> out;
  const auto add = [&](const std::string& package, const std::vector<std::string>& names) {
    const auto at = by_package_.find(package);
    if (at == by_package_.end()) return;
    for (const Declaration* d : at->second) {
      const bool named = names.empty() || std::find(names.begin(), names.end(), d->name) != names.end();
      const bool hidden = d->is_private && package != scope.package;
      if (SpaceOf(d->kind) == space && named && !hidden) out.push_back(d->name);
    }
  };
  add(scope.package, {});
  for (const Imported& imported : scope.imports) add(imported.package, imported.names);
  return out;
}

void Symbols::ReportUnknown(Space space, const ast::Name& name) const {
  const bool helps = sink_.error_count() <= kSuggestionsMax;
  if (const Declaration* there = helps ? Elsewhere(space, name) : nullptr; there != nullptr) {
    sink_
        .Report(name.span, diagnostics::kNotImported, name, there->package,
                absl::StrCat(there->package, ".{", there->name, "}"))
        .Related(there->span, "declared here");
    return;
  }
  std::string help = helps ? Hint(sink_, name.text, Visible(space, name.span.file)) : "";
  switch (space) {
    case Space::kType: {
      std::vector<std::string> names;
      if (helps) names = Visible(space, name.span.file);
      for (const char* n :
           {"bool", "int", "percent", "money", "quantity", "duration", "time", "date", "string", "role", "set", "list"})
        names.push_back(n);
      sink_.Report(name.span, diagnostics::kUnknownType, name).Help(Hint(sink_, name.text, names));
      return;
    }
    case Space::kRole:
      sink_.Report(name.span, diagnostics::kUnknownRole, name).Help(std::move(help));
      return;
    case Space::kDomain:
      sink_.Report(name.span, diagnostics::kUnknownDomain, name).Help(std::move(help));
      return;
    case Space::kDef:
      sink_.Report(name.span, diagnostics::kUnknownFunction, name).Help(std::move(help));
      return;
    case Space::kTemplate:
      for (const StdlibSource& source : StdlibPackages()) {
        if (absl::StrContains(source.text, absl::StrCat("\ntemplate ", name.text, "(")))
          help = absl::StrCat("the standard library has one: add `import ", source.package, ".{", name.text, "}`");
      }
      sink_.Report(name.span, diagnostics::kUnknownTemplate, name).Help(std::move(help));
      return;
    case Space::kCalendar:
      sink_.Report(name.span, diagnostics::kUnknownCalendar, name).Help(std::move(help));
      return;
    case Space::kObligation:
      sink_.Report(name.span, diagnostics::kUnknownObligation, name).Help(std::move(help));
      return;
    case Space::kUnit:
      sink_.Report(name.span, diagnostics::kUnknownUnit, name).Help(std::move(help));
      return;
    case Space::kRule:
      return;  // whoever names rules says more (rules.cc, tests.cc)
  }
}

const Declaration* Symbols::Require(Space space, const ast::Name& name) const {
  if (name.empty()) return nullptr;
  const Declaration* found = Find(space, name);
  if (found == nullptr) ReportUnknown(space, name);
  return found;
}

std::vector<const Declaration*> Symbols::OfKind(DeclarationKind kind) const {
  std::vector<const Declaration*> out;
  for (const Declaration& d : all_) {
    if (d.kind == kind) out.push_back(&d);
  }
  return out;
}

}  // namespace writ::check
