#include "compiler/check/check.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/check/left_out.h"
#include "compiler/check/model.h"
#include "compiler/typed/expr.h"

namespace writ::check {

std::vector<std::string> NamesOfTasks(const Model& model) {
  std::set<std::string> names;
  for (const Declaration* rule : model.symbols.OfKind(DeclarationKind::kRule)) {
    for (const ast::Duty& duty : rule->rule->duties) {
      if (duty.is_task) names.insert(duty.name.text);
    }
  }
  for (const PlanNames& plan : model.plans) {
    for (const auto& [name, task] : plan.tasks) names.insert(name);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

std::vector<std::string> NamesOf(const NameIndex& index) {
  std::vector<std::string> names;
  if (index.size() > kCandidatesMax) return names;
  for (const auto& [name, id] : index) names.push_back(name);
  return names;
}

std::string Counted(size_t count, const char* what) { return absl::StrCat(count, " ", what, count == 1 ? "" : "s"); }

std::string AreCounted(size_t count) {
  return count == 0 ? "none is" : absl::StrCat(count, count == 1 ? " is" : " are");
}

bool IsBelow(const Schema& schema, DomainId lower, DomainId upper) {
  const std::vector<DomainId>& below = schema.domains[upper.value].below;
  return std::find(below.begin(), below.end(), lower) != below.end();
}

std::vector<const ast::File*> FilesByPath(const Model& model) {
  std::vector<const ast::File*> files;
  for (const ast::File& file : model.files) files.push_back(&file);
  std::sort(files.begin(), files.end(), [&](const ast::File* a, const ast::File* b) {
    return std::make_pair(model.sources.path(a->file), a->file) < std::make_pair(model.sources.path(b->file), b->file);
  });
  return files;
}

WorkflowId Model::FindWorkflow(const ast::Name& name) {
  if (name.empty()) return {};
  const Declaration* d = symbols.Find(Space::kType, name);
  if (d != nullptr && (d->kind == DeclarationKind::kWorkflow || d->kind == DeclarationKind::kEntity))
    return WorkflowId(d->id);
  std::vector<std::string> known;
  for (const Workflow& w : program.schema.workflows) {
    if (!w.is_fact) known.push_back(w.name);
  }
  auto report = sink.Report(name.span, diagnostics::kUnknownWorkflow, name);
  report.Help(Hint(sink, name.text, known));
  if (d != nullptr) report.Related(d->span, "this is no workflow");
  return {};
}

TransitionId Model::FindTransition(WorkflowId w, const ast::Name& name) {
  if (name.empty() || !w.valid()) return {};
  const NameIndex& index = names(w).transitions;
  if (IsForeign(w, name)) return {};
  if (const auto at = index.find(name.text); at != index.end()) return TransitionId(at->second);
  sink.Report(name.span, diagnostics::kUnknownTransition, name, workflow(w).name)
      .Help(Hint(sink, name.text, NamesOf(index)))
      .Related(names(w).declaration->span, "the workflow is declared here");
  return {};
}

StateId Model::FindState(WorkflowId w, const ast::Name& name) {
  if (name.empty() || !w.valid()) return {};
  const NameIndex& index = names(w).states;
  if (IsForeign(w, name)) return {};
  if (const auto at = index.find(name.text); at != index.end()) return StateId(at->second);
  sink.Report(name.span, diagnostics::kUnknownState, name, workflow(w).name)
      .Help(Hint(sink, name.text, NamesOf(index)))
      .Related(names(w).declaration->span, "the workflow is declared here");
  return {};
}

RoleId Model::FindRole(const ast::Name& name) {
  if (name.text == "orchestrator") {
    sink.Report(name.span, diagnostics::kOrchestratorHere);
    return {};
  }
  const Declaration* d = symbols.Require(Space::kRole, name);
  return d == nullptr ? RoleId() : RoleId(d->id);
}

DomainId Model::FindDomain(const ast::Name& name) {
  const Declaration* d = symbols.Require(Space::kDomain, name);
  return d == nullptr ? DomainId() : DomainId(d->id);
}

DomainId Model::FindDomainOfRule(const ast::Name& name) {
  const Declaration* d = symbols.Require(Space::kDomain, name);
  if (d == nullptr) return {};
  const std::string& writer = symbols.WriterOf(name.span.file);
  const std::vector<ast::Name>& open_to = d->domain->open_to;
  const bool is_open = std::any_of(open_to.begin(), open_to.end(), [&](const ast::Name& n) { return n.text == writer; });
  if (d->package != writer && !is_open) {
    sink.Report(name.span, diagnostics::kDomainClosed, name, writer).Related(d->span, "the domain is declared here");
  }
  return DomainId(d->id);
}

bool Model::IsForeign(WorkflowId w, const ast::Name& name) {
  const ast::Instance* instance = symbols.InstanceOf(name.span.file);
  if (instance == nullptr || instance->workflow.empty()) return false;
  const Declaration* d = symbols.Find(Space::kType, instance->workflow);
  const bool is_it = d != nullptr && (d->kind == DeclarationKind::kWorkflow || d->kind == DeclarationKind::kEntity) &&
                     WorkflowId(d->id) == w;
  if (is_it) sink.Report(name.span, diagnostics::kNotAParameter, name);
  return is_it;
}

std::vector<TransitionId> Model::FindTransitions(WorkflowId w, const std::vector<ast::Name>& list, bool* ok) {
  std::vector<TransitionId> out;
  std::set<uint32_t> seen;
  for (const ast::Name& name : list) {
    if (name.text == "any" && names(w).transitions.count("any") == 0) {
      if (list.size() > 1) sink.Report(name.span, diagnostics::kAnyAmongOthers);
      out.clear();
      for (size_t i = 0; i < workflow(w).transitions.size(); ++i) out.push_back(TransitionId(i));
      break;
    }
    const TransitionId t = FindTransition(w, name);
    if (!t.valid()) {
      *ok = false;
    } else if (!seen.insert(t.value).second) {
      sink.Report(name.span, diagnostics::kNamedTwice, name);
    } else {
      out.push_back(t);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<RoleId> Model::FindRoles(const std::vector<ast::Name>& list, bool* by_orchestrator, bool* ok) {
  std::vector<RoleId> out;
  std::set<uint32_t> seen;
  for (const ast::Name& name : list) {
    if (name.text == "orchestrator" && by_orchestrator != nullptr) {
      *by_orchestrator = true;
      continue;
    }
    const RoleId role = FindRole(name);
    if (!role.valid()) {
      *ok = false;
    } else if (!seen.insert(role.value).second) {
      sink.Report(name.span, diagnostics::kNamedTwice, name);
    } else {
      out.push_back(role);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

uint32_t Model::AddFact(typed::Fact fact) {
  const auto [at, is_new] = facts.emplace(typed::Text(fact), static_cast<uint32_t>(program.facts.size()));
  if (is_new) program.facts.push_back(std::move(fact));
  return at->second;
}

bool Model::WithinLimit(ast::Span span, size_t count, const char* what, size_t most) {
  if (count <= most) return true;
  sink.Report(span, diagnostics::kTooManyOf, count, what, most);
  return false;
}

LadderId Model::AddLadder(const Ladder& ladder) {
  std::vector<Ladder>& ladders = program.schema.ladders;
  const auto at = std::find(ladders.begin(), ladders.end(), ladder);
  if (at != ladders.end()) return LadderId(static_cast<size_t>(at - ladders.begin()));
  ladders.push_back(ladder);
  return LadderId(ladders.size() - 1);
}

typed::Program Check(const std::vector<ast::File>& files, const source::SourceSet& sources, diagnostics::Sink& sink) {
  Model model(files, sources, sink);
  DeclareTypes(model);
  DeclarePeople(model);
  DeclareWorkflows(model);
  DeclareCalendars(model);
  DeclarePlans(model);
  DeclareObligations(model);
  DeclareReviews(model);
  DeclareJudgement(model);
  DeclareRules(model);
  DeclareFacts(model);
  DeclareComputed(model);
  CheckPresence(model);
  CheckAuthorities(model);
  CheckRules(model);
  CheckPlans(model);
  CheckReviews(model);
  CheckLabels(model);
  model.program.governing = {model.program.facts.size(), model.program.rules.size(), model.schema().rules.size(),
                             model.schema().types.size()};
  CheckTests(model);
  CheckProperties(model);
  CheckJudgement(model);
  CheckDefs(model);
  TellLeftOut(model);
  return std::move(model.program);
}

}  // namespace writ::check
