// What the stages of checking hand to one another: the typed program as far as it is, and what the names in it were.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/check/symbols.h"
#include "compiler/check/tables.h"
#include "compiler/check/types.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/source/source.h"
#include "compiler/typed/typed.h"

namespace writ::check {

using NameIndex = std::map<std::string, uint32_t>;

// What Schema::workflows[i] was in the text.
struct WorkflowNames {
  const Declaration* declaration = nullptr;
  const std::vector<ast::Def>* defs = nullptr;
  NameIndex keys, fields, states, transitions;
  std::map<std::string, const ast::Def*> def_index;
  std::vector<std::set<FieldId>> with;    // by StateId: the optional fields that are there
  std::map<std::string, uint32_t> facts;  // Model::declared_facts
  std::vector<ast::Span> field_spans, state_spans, transition_spans;
  std::vector<const ast::Transition*> transition_nodes;  // null for an entity's `set`
};

// `fact f per k = …`, of a package or of a workflow, and `fact f = …` of a workflow.
struct DeclaredFact {
  const ast::Fact* node = nullptr;
  WorkflowId owner;               // where it stands; none: in a package
  std::string package, qualified;
  std::optional<uint32_t> fact;   // in Program::facts; none: wrong, which has been reported
};

// Where a rule applies, once its names are known.
struct RuleSite {
  const Declaration* declaration = nullptr;
  RuleId id;
  Effect effect = Effect::kDeny;
  WorkflowId workflow;                    // none: nothing more can be said of it
  std::vector<TransitionId> transitions;  // sorted
  std::vector<RoleId> by;                 // sorted; empty: anybody
  bool by_orchestrator = false;
};

// What Workflow::reviews[i] was in the text.
struct ReviewNames {
  WorkflowId workflow;
  ReviewId review;
  const ast::Review* node = nullptr;
  std::map<std::string, LadderId> ladders;  // of its escalating clauses
};

// What a task of Workflow::plans was in the text.
struct TaskNames {
  const ast::PlannedTask* node = nullptr;
  const ast::Addition* addition = nullptr;  // null: of the plan itself
  std::string rule;                         // qualified
  uint32_t index = 0;                       // in Plan::tasks, or in Plan::additions
  RoleId role;
  WorkflowId on;
  TransitionId does;                        // none: it is reported
  std::vector<TransitionId> holds;          // sorted
  RuleId held, lost;                        // that hold and deny these
};

// What Workflow::plans was in the text.
struct PlanNames {
  WorkflowId workflow;
  const ast::Decomposition* node = nullptr;
  bool is_taken = false;                             // `decompose` is another transition; nothing more can be said
  std::map<std::string, TaskNames> tasks;
  std::map<TransitionId, const ast::Finally*> finallys;
  std::map<std::string, const ast::Sub*> subs;       // by task
  std::map<std::string, int64_t> bounds;
};

// A row of Schema::rules that a plan needs.
struct PlanRule {
  std::string qualified;
  RuleId* id = nullptr;
  Effect effect = Effect::kDeny;
  const TaskNames* task = nullptr;                   // null: of a `finally`, which stands at `span`
  bool holds = false;
  ast::Span span = {};
};

struct Model {
  Model(const std::vector<ast::File>& all_files, const source::SourceSet& all_sources, diagnostics::Sink& to)
      : files(all_files),
        sources(all_sources),
        sink(to),
        symbols(all_files, all_sources, to),
        types(symbols, program.schema, to) {}
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  Schema& schema() { return program.schema; }
  Workflow& workflow(WorkflowId id) { return program.schema.workflows[id.value]; }
  const WorkflowNames& names(WorkflowId id) const { return workflows[id.value]; }
  const Transition& transition(WorkflowId w, TransitionId t) { return workflow(w).transitions[t.value]; }

  // By name, or none; each reports what is unknown. Empty names are none without a word.
  WorkflowId FindWorkflow(const ast::Name& name);
  TransitionId FindTransition(WorkflowId workflow, const ast::Name& name);
  StateId FindState(WorkflowId workflow, const ast::Name& name);
  RoleId FindRole(const ast::Name& name);  // not `orchestrator`
  DomainId FindDomain(const ast::Name& name);
  // The domain of a rule or a clause, to which who names it must be allowed to add.
  DomainId FindDomainOfRule(const ast::Name& name);
  // A template must not name by itself what belongs to the workflow that it is applied to. Reports, and is true.
  bool IsForeign(WorkflowId workflow, const ast::Name& name);
  // All transitions that a list names, sorted, each once; `any` stands for all. `ok` is false where one was wrong.
  std::vector<TransitionId> FindTransitions(WorkflowId workflow, const std::vector<ast::Name>& names, bool* ok);
  // Roles of a `by`, sorted; `orchestrator` is the flag.
  std::vector<RoleId> FindRoles(const std::vector<ast::Name>& names, bool* by_orchestrator, bool* ok);

  uint32_t AddFact(typed::Fact fact);
  // Reports and is false where there are more than `most`.
  bool WithinLimit(ast::Span span, size_t count, const char* what, size_t most);
  LadderId AddLadder(const Ladder& ladder);
  // Reads the changes of a zone from the data base of the host that compiles; reports where it has none of that name.
  void RequireZone(ast::Span span, const std::string& name);

  const std::vector<ast::File>& files;
  const source::SourceSet& sources;
  diagnostics::Sink& sink;
  typed::Program program;
  Symbols symbols;
  Types types;
  std::vector<WorkflowNames> workflows;
  std::map<std::string, uint32_t> facts;                   // by text
  std::vector<DeclaredFact> declared_facts;                // sorted by qualified name
  std::map<std::string, std::vector<uint32_t>> reasons;    // RuleIds by every end of their full name
  std::set<const ast::Def*> broken_defs;                   // told already: in a circle, or too large
  std::set<std::pair<uint32_t, uint32_t>> unknown_limits;  // by file and offset: told already
  std::map<std::string, Zone> zones;                       // that anything names
  std::map<const ast::Table*, Table> tables;                // those that were looked at
  std::map<std::tuple<WorkflowId, TransitionId, std::string>, ast::Span> opened_tasks;  // by `then task`, by name
  std::vector<ReviewNames> reviews;                        // sorted by workflow and state
  std::vector<PlanNames> plans;                            // sorted by workflow
  std::map<std::string, uint32_t> task_facts;              // over the tasks of an instance; by name
  std::vector<RuleSite> rule_sites;                        // sorted by qualified name
  // left_out.h
  struct LeftOut { ast::Span span; std::string what; };
  std::vector<LeftOut> left_out;
  std::set<std::string>* unkept = nullptr;                 // which were read by what is checked now; null: none may be
  std::set<uint32_t> confident;                            // workflows with a `confidence`
  std::set<RuleId> left_out_rules;
};

bool IsBelow(const Schema& schema, DomainId lower, DomainId upper);  // by `priority`

// Files, in the order of their paths: for what has no name to sort by.
std::vector<const ast::File*> FilesByPath(const Model& model);

std::vector<std::string> NamesOf(const NameIndex& index);
// What the tasks are called that some rule or plan says, whatever else is wrong with it; sorted.
std::vector<std::string> NamesOfTasks(const Model& model);

std::string Counted(size_t count, const char* what);  // 1 part, 2 parts
std::string AreCounted(size_t count);                 // none is, 1 is, 2 are

// What a ladder's rungs may ask for, and where its fallbacks must be legal.
struct LadderSite {
  WorkflowId workflow;
  std::vector<StateId> states;      // every fallback is legal in all of these
  std::vector<TransitionId> asked;  // what may be escalated
  TransitionId asked_default;       // … where none is named; none: it must be
  bool may_ask = false;             // a rung may ask another role, and there is nothing to deny
  bool of_task = false;             // it fails, asks about it, or leads its instance to safety
};

// The row of a ladder, or none where it is wrong, which has been reported. `deny`-only rungs need no transition.
LadderId BuildLadder(Model& model, const ast::Ladder& ladder, const LadderSite& site);
// A transition into a halted state.
bool Halts(const Workflow& workflow, const Transition& transition);
// Why the orchestrator cannot propose a transition by itself (it can give no values), or nothing.
std::optional<std::string> NeedsValues(const Model& model, WorkflowId workflow, TransitionId transition);
// The constant of `up to FIELD LIMIT`, for a field of that type; null where it is wrong, which has been reported.
typed::ExprPtr CheckLimitValue(Model& model, WorkflowId workflow, const ast::Limit& limit, const Type& type);
// Fills file, line and column of a rule's row.
void SetPlace(const Model& model, ast::Span span, Rule* rule);

inline constexpr const char kNotify[] = "notify";

// The `then` of a rule: rows of schema.rules[…].then, and their values.
void CheckConsequences(Model& model, const RuleSite& site, std::vector<typed::Consequence>* out);
// The obligation of that name, or none, which has been reported. `notify` is built in.
ObligationId FindObligation(Model& model, const ast::Name& name);

// The stages, in order.
void DeclareTypes(Model& model);      // enums, records
void DeclarePeople(Model& model);     // domains, priority, roles
void CheckPresence(Model& model);     // what states have `with`, and what timers need; after DeclareComputed
void DeclareWorkflows(Model& model);  // workflows and entities with fields, states, transitions, logs; no expressions
void DeclareCalendars(Model& model);  // zones, calendars
void DeclareObligations(Model& model);
void DeclareFacts(Model& model);      // `fact …`: typed::Program::facts, and a workflow for each that is kept by key
void DeclareComputed(Model& model);   // `sets x = …`
void CheckDefs(Model& model);
void DeclarePlans(Model& model);    // tables of plans, and the transition that proposes one
void DeclareReviews(Model& model);  // panels and clauses, without guards
void DeclareRules(Model& model);    // rows of Schema::rules
void CheckAuthorities(Model& model);
void CheckRules(Model& model);
void CheckPlans(Model& model);    // what plans want, and the rules, grants and facts that they come to; after CheckRules
void CheckReviews(Model& model);  // guards, ranks
void CheckLabels(Model& model);   // of all that was checked before
void CheckTests(Model& model);
void CheckProperties(Model& model);

// The rows of Schema::rules that plans need; and what stands in one.
void CollectPlanRules(Model& model, std::vector<PlanRule>* out);
void FillPlanRule(Model& model, const PlanRule& from, Rule* row);
// Adds a rule to the program, in one row for each layout of the payloads that it reads.
void AddRule(Model& model, typed::Rule rule);

}  // namespace writ::check
