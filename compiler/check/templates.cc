#include "compiler/check/templates.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/check/symbols.h"
#include "compiler/check/template_copy.h"
#include "compiler/check/types.h"

namespace writ::check {
namespace {

struct Kind {
  const char* word;
  uint32_t kind;
  bool is_list;
};
constexpr Kind kKinds[] = {
    {"transition", kTakesTransition, false}, {"transitions", kTakesTransition, true},
    {"role", kTakesRole, false},             {"roles", kTakesRole, true},
    {"state", kTakesState, false},           {"states", kTakesState, true},
    {"rule", kTakesRule, false},             {"rules", kTakesRule, true},
    {"domain", kTakesDomain, false},         {"workflow", kTakesWorkflow, false},
    {"field", kTakesField, false},           {"member", kTakesMember, false},
};
constexpr const char* kValueTypes[] = {"bool",     "int",  "percent", "money",  "quantity",
                                       "duration", "time", "date",    "string", "value"};

const Kind* FindKind(const std::string& word) {
  const auto at = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return word == k.word; });
  return at != std::end(kKinds) ? &*at : nullptr;
}

bool IsValueType(const std::string& word) {
  return std::any_of(std::begin(kValueTypes), std::end(kValueTypes), [&](const char* t) { return word == t; });
}

// What a template cannot hold, by the first of each kind.
void CheckHolds(const ast::Declarations& body, diagnostics::Sink& sink) {
  const auto none = [&](const auto& list, const char* what) {
    if (!list.empty()) sink.Report(list[0].span, diagnostics::kNotInTemplate, what);
  };
  none(body.enums, "an `enum`");
  none(body.records, "a `record`");
  none(body.types, "a `type`");
  none(body.units, "a `unit`");
  none(body.tables, "a `table`");
  none(body.calendars, "a `calendar`");
  none(body.obligations, "an `obligation`");
  none(body.actors, "`actor`");
  none(body.domains, "a `domain`");
  none(body.priorities, "a `priority`");
  none(body.roles, "a `role`");
  none(body.clearances, "a `clearance`");
  none(body.entities, "an `entity`");
  none(body.workflows, "a `workflow`");
  none(body.decompositions, "a `decompose`");
  none(body.confidences, "a `confidence`");
  none(body.divergences, "a `divergence`");
  none(body.contexts, "a `context`");
  none(body.templates, "a `template`");
  none(body.logs, "a `log`");
  none(body.tests, "a `test`");
  none(body.scenarios, "a `scenario`");
}

// `a`, `a.b` of an expression that is a name.
std::optional<ast::Name> NameOf(const ast::Expr& expr) {
  if (expr.kind == ast::ExprKind::kName) return ast::Name{expr.text, expr.span};
  if (expr.kind != ast::ExprKind::kMember || expr.children.empty() || expr.children[0] == nullptr) return std::nullopt;
  std::optional<ast::Name> object = NameOf(*expr.children[0]);
  if (!object.has_value()) return std::nullopt;
  return ast::Name{absl::StrCat(object->text, ".", expr.name.text), expr.span};
}

std::optional<std::vector<ast::Name>> NamesIn(const ast::Expr& expr) {
  std::vector<ast::Name> out;
  if (expr.kind != ast::ExprKind::kSet && expr.kind != ast::ExprKind::kList) {
    const std::optional<ast::Name> name = NameOf(expr);
    if (!name.has_value()) return std::nullopt;
    out.push_back(*name);
    return out;
  }
  for (const ast::ExprPtr& child : expr.children) {
    const std::optional<ast::Name> name = child != nullptr ? NameOf(*child) : std::nullopt;
    if (!name.has_value()) return std::nullopt;
    out.push_back(*name);
  }
  return out.empty() ? std::nullopt : std::make_optional(std::move(out));
}

// What a written-out value is, by the word of its type; nothing of what is no literal.
std::string LiteralWord(const ast::Expr& expr) {
  switch (expr.kind) {
    case ast::ExprKind::kBool: return "bool";
    case ast::ExprKind::kInt: return "int";
    case ast::ExprKind::kPercent: return "percent";
    case ast::ExprKind::kMoney: return absl::StrCat("money(", expr.unit.text, ")");
    case ast::ExprKind::kQuantity: return absl::StrCat("quantity(", expr.unit.text, ")");
    case ast::ExprKind::kDuration: return "duration";
    case ast::ExprKind::kTime: return "time";
    case ast::ExprKind::kDate: return "date";
    case ast::ExprKind::kString: return "string";
    case ast::ExprKind::kSet: return "a set";
    case ast::ExprKind::kList: return "a list";
    case ast::ExprKind::kRecord: return "a record";
    case ast::ExprKind::kNegate:
      return expr.children.empty() || expr.children[0] == nullptr ? "" : LiteralWord(*expr.children[0]);
    default: return "";
  }
}

std::string TypeWord(const ast::Type& type) {
  return type.arguments.empty() ? type.name.text : absl::StrCat(type.name.text, "(", type.arguments[0].text, ")");
}

// An application, and through which templates it came about.
struct Site {
  const ast::Apply* apply = nullptr;
  std::string package;  // that its instance is named after
  std::vector<const ast::Template*> chain;
};

class Expansion {
 public:
  Expansion(std::vector<ast::File>& files, source::SourceSet& sources, diagnostics::Sink& sink)
      : files_(files),
        sources_(sources),
        sink_(sink),
        symbols_(files, sources, sink),
        types_(symbols_, schema_, sink) {}

  void Run() {
    for (const Declaration* d : symbols_.OfKind(DeclarationKind::kTemplate)) CheckTemplate(*d->pattern);
    std::vector<Site> sites;
    for (const ast::File& file : files_) {
      for (const ast::Apply& apply : file.applies) sites.push_back({&apply, Dotted(file.package), {}});
    }
    const auto order = [&](const Site& site) {
      const ast::Apply& apply = *site.apply;
      return std::make_tuple(site.package, apply.name.text, apply.applied.text, sources_.path(apply.span.file),
                             apply.span.begin);
    };
    std::sort(sites.begin(), sites.end(), [&](const Site& a, const Site& b) { return order(a) < order(b); });
    for (const Site& site : sites) Expand(site);
    for (ast::File& file : instances_) files_.push_back(std::move(file));
  }

 private:
  // ------------------------------------------------ the template itself

  void CheckTemplate(const ast::Template& node) {
    if (node.body == nullptr) return;
    CheckHolds(*node.body, sink_);
    Bindings bindings;
    for (const ast::Parameter& parameter : node.parameters) {
      if (parameter.name.empty()) continue;
      Binding shell = Shell(parameter);
      if (!CheckParameterType(parameter)) shell.kind = UINT32_MAX;  // told already: it fits everywhere
      if (!bindings.emplace(parameter.name.text, shell).second)
        sink_.Report(parameter.name.span, diagnostics::kParameterTwice, parameter.name);
    }
    for (const auto& [name, kind] : {std::make_pair(&node.workflow, kTakesWorkflow), {&node.domain, kTakesDomain}}) {
      Binding shell;
      shell.kind = kind;
      if (!name->empty() && !bindings.emplace(name->text, shell).second)
        sink_.Report(name->span, diagnostics::kParameterTwice, *name);
    }
    ast::Declarations out;
    TemplateCopy(&bindings, node.span.file, true, sink_).Copy(*node.body, node.name.text, &out);
    const auto used = [&](const ast::Name& name) {
      const auto at = bindings.find(name.text);
      if (at != bindings.end() && !at->second.is_used)
        sink_.Report(name.span, diagnostics::kParameterUnused, name, node.name);
    };
    for (const ast::Parameter& parameter : node.parameters) used(parameter.name);
    used(node.workflow);
    used(node.domain);
  }

  static Binding Shell(const ast::Parameter& parameter) {
    Binding out;
    const Kind* kind = FindKind(parameter.type.name.text);
    out.kind = kind != nullptr ? kind->kind : static_cast<uint32_t>(kTakesValue);
    out.is_list = kind != nullptr && kind->is_list;
    return out;
  }

  bool CheckParameterType(const ast::Parameter& parameter) {
    const ast::Type& type = parameter.type;
    std::vector<std::string> known(std::begin(kValueTypes), std::end(kValueTypes));
    for (const Kind& kind : kKinds) known.emplace_back(kind.word);
    const bool is_kind = FindKind(type.name.text) != nullptr;
    if (type.optional || type.element != nullptr || (is_kind && !type.arguments.empty())) {
      sink_.Report(type.span, diagnostics::kUnknownParameterKind,
                   sources_.Slice(type.span.file, type.span.begin, type.span.end),
                   "the kind alone, and a default after `=` where it may be left out");
      return false;
    }
    if (!is_kind && !IsValueType(type.name.text) && !type.name.empty() &&
               symbols_.Find(Space::kType, type.name) == nullptr) {
      sink_.Report(type.name.span, diagnostics::kUnknownParameterKind, type.name,
                   "`transition`, `role`, `field`, `state`, `rule`, `domain`, `member`, or a type")
          .Help(Hint(sink_, type.name.text, known));
      return false;
    }
    return true;
  }

  // ------------------------------------------------ an application

  const Declaration* FindTemplate(const ast::Apply& apply) {
    ast::Name name = apply.applied;
    if (const auto at = written_.find(name.span.file); at != written_.end()) name.span.file = at->second;
    return symbols_.Require(Space::kTemplate, name);
  }

  void Expand(const Site& site) {
    const ast::Apply& apply = *site.apply;
    const Declaration* d = FindTemplate(apply);
    if (d == nullptr || d->pattern->body == nullptr) return;
    const ast::Template& node = *d->pattern;
    if (std::find(site.chain.begin(), site.chain.end(), &node) != site.chain.end()) {
      sink_.Report(apply.applied.span, diagnostics::kTemplateCycle, apply.applied)
          .Related(node.name.span, "it is declared here");
      return;
    }
    if (site.chain.size() >= kTemplateDepthMax) {
      sink_.Report(apply.applied.span, diagnostics::kTemplateTooDeep, kTemplateDepthMax);
      return;
    }
    const ast::Name name = apply.name.empty() ? ast::Name{node.name.text, apply.applied.span} : apply.name;
    const std::string package = site.package.empty() ? name.text : absl::StrCat(site.package, ".", name.text);
    if (const auto [at, is_new] = named_.emplace(package, name.span); !is_new) {
      sink_.Report(name.span, diagnostics::kInstanceTwice, name).Related(at->second, "the other application");
      return;
    }
    std::optional<Bindings> bindings = Bind(apply, node);
    if (!bindings.has_value() || !Fits(apply)) return;
    const absl::StatusOr<uint32_t> number = sources_.AddCopy(node.span.file);
    if (!number.ok()) return;  // kInstancesMax is less
    Instantiate(site, node, name, *number, &*bindings);
  }

  bool Fits(const ast::Apply& apply) {
    if (is_full_) return false;
    is_full_ = instances_.size() >= kInstancesMax || node_count_ > kInstanceNodesMax;
    if (instances_.size() >= kInstancesMax) {
      sink_.Report(apply.applied.span, diagnostics::kTooManyOf, instances_.size() + 1, "applications of templates",
                   kInstancesMax);
    } else if (is_full_) {
      sink_.Report(apply.applied.span, diagnostics::kTooManyOf, node_count_, "words and signs out of templates",
                   kInstanceNodesMax);
    }
    return !is_full_;
  }

  void Instantiate(const Site& site, const ast::Template& node, const ast::Name& name, uint32_t number,
                   Bindings* bindings) {
    for (const ast::Parameter& parameter : node.parameters) AddDefault(parameter, number, bindings);
    const bool is_library = symbols_.WriterOf(node.span.file) == "std" ||
                            symbols_.WriterOf(node.span.file).substr(0, 4) == "std.";
    sink_.Expanded(number, node.span.file, site.apply->applied.span, is_library);
    written_[number] = node.span.file;
    ast::File& file = instances_.emplace_back();
    file.file = number;
    file.instance = ast::Instance{node.span.file, site.apply->applied.span, {}};
    if (!node.workflow.empty()) file.instance->workflow = site.apply->workflow;
    std::string package = site.package;
    if (!package.empty()) file.package.push_back({package, name.span});
    file.package.push_back(name);
    TemplateCopy copy(bindings, number, false, sink_);
    for (const auto& [parameter, binding] : *bindings) copy.Avoid(binding);
    copy.Copy(*node.body, name.text, &file);
    node_count_ += copy.node_count();
    Site inner{nullptr, Dotted(file.package), site.chain};
    inner.chain.push_back(&node);
    for (const ast::Apply& apply : file.applies) {
      inner.apply = &apply;
      Expand(inner);
    }
  }

  // ------------------------------------------------ arguments

  bool BindSite(const ast::Apply& apply, const ast::Template& node, Bindings* out) {
    bool ok = true;
    const auto bind = [&](const ast::Name& inside, const ast::Name& given, uint32_t kind, const char* what,
                          const char* clause) {
      if (inside.empty() && !given.empty()) {
        sink_.Report(given.span, diagnostics::kApplyTakesNo, apply.applied, what)
            .Related(node.name.span, "the template is declared here");
      } else if (!inside.empty() && given.empty()) {
        sink_.Report(apply.applied.span, diagnostics::kApplyNeeds, apply.applied, what, clause)
            .Related(inside.span, "the template asks for it here");
      }
      ok = ok && inside.empty() == given.empty();
      if (inside.empty() || given.empty()) return;
      Binding binding;
      binding.kind = kind;
      binding.names = {given};
      (*out)[inside.text] = binding;
      sink_.Argument(given.span, inside.span);
    };
    bind(node.workflow, apply.workflow, kTakesWorkflow, "a workflow", "`on` and its name");
    bind(node.domain, apply.domain, kTakesDomain, "a domain", "`in` and its name");
    return ok;
  }

  std::optional<Bindings> Bind(const ast::Apply& apply, const ast::Template& node) {
    Bindings out;
    bool ok = BindSite(apply, node, &out);
    std::map<std::string, const ast::Argument*> given;
    for (const ast::Argument& argument : apply.arguments) {
      if (argument.name.empty()) continue;
      const auto parameter = std::find_if(node.parameters.begin(), node.parameters.end(), [&](const ast::Parameter& p) {
        return p.name.text == argument.name.text;
      });
      if (parameter == node.parameters.end()) {
        std::vector<std::string> known;
        for (const ast::Parameter& p : node.parameters) known.push_back(p.name.text);
        sink_.Report(argument.name.span, diagnostics::kUnknownParameter, argument.name, node.name)
            .Help(Hint(sink_, argument.name.text, known))
            .Related(node.name.span, "the template is declared here");
        ok = false;
      } else if (!given.emplace(argument.name.text, &argument).second) {
        sink_.Report(argument.name.span, diagnostics::kNamedTwice, argument.name);
        ok = false;
      }
    }
    for (const ast::Parameter& parameter : node.parameters) {
      const auto at = given.find(parameter.name.text);
      if (at == given.end()) {
        if (parameter.value != nullptr || parameter.name.empty()) continue;
        sink_.Report(apply.applied.span, diagnostics::kArgumentMissing, node.name, parameter.name)
            .Related(parameter.span, "it is declared here");
        ok = false;
        continue;
      }
      std::optional<Binding> binding = BindOne(parameter, *at->second);
      ok = ok && binding.has_value();
      if (binding.has_value()) out[parameter.name.text] = *std::move(binding);
    }
    return ok ? std::make_optional(std::move(out)) : std::nullopt;
  }

  std::optional<Binding> BindOne(const ast::Parameter& parameter, const ast::Argument& argument) {
    Binding out = Shell(parameter);
    if (argument.ladder != nullptr) {
      sink_.Argument(argument.ladder->span, parameter.span);
      Misfit(parameter, argument.ladder->span, "a deadline with what happens then");
      return std::nullopt;
    }
    if (argument.value == nullptr) return std::nullopt;  // the parser has reported it
    sink_.Argument(argument.value->span, parameter.span);
    if (out.kind == kTakesValue) {
      out.value = argument.value.get();
      return CheckLiteral(parameter, *argument.value) ? std::make_optional(out) : std::nullopt;
    }
    std::optional<std::vector<ast::Name>> names = NamesIn(*argument.value);
    if (!names.has_value() || (names->size() > 1 && !out.is_list)) {
      const std::string literal = LiteralWord(*argument.value);
      Misfit(parameter, argument.value->span, names.has_value() ? "several names" : literal.empty() ? "no name" : literal);
      return std::nullopt;
    }
    out.names = *std::move(names);
    return out;
  }

  void Misfit(const ast::Parameter& parameter, ast::Span span, const std::string& found) {
    const Binding shell = Shell(parameter);
    const std::string wanted =
        shell.kind == kTakesValue ? TypeWord(parameter.type) : KindWords(shell.kind, shell.is_list);
    sink_.Report(span, diagnostics::kArgumentKind, parameter.name, wanted, found);
  }

  // What is written out is of the parameter's type, and in its range; the rest is checked where it comes to stand.
  bool CheckLiteral(const ast::Parameter& parameter, const ast::Expr& value) {
    const ast::Type& type = parameter.type;
    const std::string found = LiteralWord(value);
    if (found.empty() || !IsValueType(type.name.text)) return true;
    const std::string wanted = TypeWord(type);
    const bool is_one = found.substr(0, 2) != "a ";  // not a set, a list, a record
    if (!(wanted == "value" && is_one) && found != wanted && found.substr(0, found.find('(')) != wanted) {
      Misfit(parameter, value.span, found);
      return false;
    }
    if ((type.low == nullptr && type.high == nullptr) || !Types::IsNumber(value)) return true;
    const std::optional<Type> resolved = types_.Resolve(type);
    const std::optional<Number> number = types_.ReadNumber(value);
    return resolved.has_value() && number.has_value() &&
           types_.CheckInRange(value.span, *resolved, number->value);
  }

  // A default is a part of the template.
  void AddDefault(const ast::Parameter& parameter, uint32_t number, Bindings* bindings) {
    if (parameter.value == nullptr || bindings->count(parameter.name.text) != 0) return;
    defaults_.push_back(CloneExpr(*parameter.value, number));
    Binding binding = Shell(parameter);
    if (binding.kind == kTakesValue) {
      binding.value = defaults_.back().get();
    } else {
      binding.names = NamesIn(*defaults_.back()).value_or(std::vector<ast::Name>{});
    }
    (*bindings)[parameter.name.text] = binding;
  }

  std::vector<ast::File>& files_;
  source::SourceSet& sources_;
  diagnostics::Sink& sink_;
  Schema schema_;  // of the parameters' types
  Symbols symbols_;
  Types types_;
  std::map<std::string, ast::Span> named_;    // instances by full name
  std::map<uint32_t, uint32_t> written_;      // of an instance's number that of its template's file
  std::deque<ast::File> instances_;           // a deque: applications in them are pointed to
  std::vector<ast::ExprPtr> defaults_;
  size_t node_count_ = 0;
  bool is_full_ = false;
};

}  // namespace

void ExpandTemplates(std::vector<ast::File>* files, source::SourceSet& sources, diagnostics::Sink& sink) {
  const bool any = std::any_of(files->begin(), files->end(), [](const ast::File& file) {
    return !file.templates.empty() || !file.applies.empty();
  });
  if (any) Expansion(*files, sources, sink).Run();
}

}  // namespace writ::check
