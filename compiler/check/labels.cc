// Labels: what is `untrusted` decides nothing, and what bears a label is not copied to where there is none.
//
// What an agent writes into a payload as text is untrusted without a label, until its transition endorses it.
//
// A field that is labelled `untrusted` is so in the states that it can be brought to by a transition that sets it, until one
// endorses it. It is followed over the states; what another workflow reads of it is untrusted if it is so in any state.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "compiler/check/model.h"
#include "compiler/typed/expr.h"

namespace writ::check {
namespace {

using typed::Expr;
using typed::ExprKind;

constexpr const char kUntrusted[] = "untrusted";

bool Has(const std::vector<std::string>& labels, const std::string& label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

bool Names(const std::vector<ast::Name>& names, const std::string& name) {
  return std::any_of(names.begin(), names.end(), [&](const ast::Name& n) { return n.text == name; });
}

// A transition that brings in what is not trusted.
struct Setter {
  WorkflowId workflow;
  TransitionId transition;
};
using MaybeSetter = std::optional<Setter>;

// Where an expression stands: what is read of fields there.
struct Site {
  enum class Kind : uint8_t { kProposal, kEvent, kState } kind = Kind::kProposal;
  WorkflowId workflow;
  std::vector<TransitionId> transitions;
  StateId state;                       // kState
};

// What is read at the end of a path.
struct Read {
  std::string root;                    // the field or payload field that it begins with
  std::string last;                    // the name that is read last
  std::set<std::string> labels;
  MaybeSetter setter;                  // of the root, where that may hold what is not trusted
};

class Walk {
 public:
  explicit Walk(Model& model) : model_(model), program_(model.program) {}

  void Run() {
    for (uint32_t w = 0; w < model_.schema().workflows.size(); ++w) Clauses(WorkflowId(w));
    if (!any_) return;
    for (uint32_t w = 0; w < model_.schema().workflows.size(); ++w) Follow(WorkflowId(w));
    for (const typed::Rule& rule : program_.rules) {
      const Site site{Site::Kind::kProposal, rule.workflow, rule.transitions, {}};
      Guard(rule.when.get(), site);
      Guard(rule.unless.get(), site);
    }
    for (const typed::Grant& grant : program_.grants) {
      const Site site{Site::Kind::kProposal, grant.workflow, {grant.transition}, {}};
      Guard(grant.when.get(), site);
      for (const typed::Limit& limit : grant.limits) Guard(limit.field.get(), site);
    }
    for (const typed::Review& review : program_.reviews) {
      const StateId state = model_.workflow(review.workflow).reviews[review.review.value].state;
      for (const typed::ReviewClause& clause : review.clauses)
        Guard(clause.when.get(), {Site::Kind::kState, review.workflow, {}, state});
    }
    for (const typed::Computed& computed : program_.computed) Computed(computed);
    for (const typed::Fact& fact : program_.facts) Key(fact);
    for (const typed::Plan& plan : program_.plans) Plan(plan);
    for (const typed::Rule& rule : program_.rules) Told(rule);
  }

 private:
  const Type& TypeAt(TypeId id) const { return model_.schema().types[id.value]; }

  const ast::Transition* NodeOf(WorkflowId w, TransitionId t) const {
    const std::vector<const ast::Transition*>& nodes = model_.names(w).transition_nodes;
    return t.value < nodes.size() ? nodes[t.value] : nullptr;
  }

  // A label on the field, or on a member somewhere in it.
  bool Bears(const Field& field, bool untrusted, int depth = 0) const {
    const auto matches = [&](const std::string& label) { return (label == kUntrusted) == untrusted; };
    if (std::any_of(field.labels.begin(), field.labels.end(), matches)) return true;
    if (!field.type.valid() || depth > static_cast<int>(kTypeDepth)) return false;
    Type type = TypeAt(field.type);
    if (type.element.valid()) type = TypeAt(type.element);
    if (type.kind != TypeKind::kRecord) return false;
    const std::vector<Field>& members = model_.schema().records[type.index].members;
    return std::any_of(members.begin(), members.end(),
                       [&](const Field& member) { return Bears(member, untrusted, depth + 1); });
  }

  // Free text: what is of a distinct type names something, which has to be there.
  bool IsText(TypeId id, int depth = 0) const {
    if (!id.valid() || depth > static_cast<int>(kTypeDepth)) return false;
    const Type& type = TypeAt(id);
    if (type.kind == TypeKind::kString) return type.distinct == UINT32_MAX;
    if (type.kind == TypeKind::kSet || type.kind == TypeKind::kList) return IsText(type.element, depth + 1);
    return false;
  }

  bool IsHuman(RoleId role) const { return !role.valid() || model_.schema().roles[role.value].human; }

  // Where only humans may propose it, nobody writes it but them.
  bool ByAgents(WorkflowId w, TransitionId t) const {
    if (DoesTasks(w, t) && TasksOfAgents()) return true;
    return std::any_of(program_.grants.begin(), program_.grants.end(), [&](const typed::Grant& grant) {
      return grant.workflow == w && grant.transition == t && !grant.consent && !IsHuman(grant.role);
    });
  }

  // Who acts in a task's role reports it, and says that it failed, whatever authority there is.
  bool DoesTasks(WorkflowId w, TransitionId t) const {
    const std::string& name = model_.transition(w, t).name;
    return model_.workflow(w).is_builtin && model_.workflow(w).name == "Task" && (name == "report" || name == "fail");
  }

  bool TasksOfAgents() const {
    const auto of_agent = [&](const auto& row) { return !IsHuman(row.role); };
    const auto any = [&](const auto& rows) { return std::any_of(rows.begin(), rows.end(), of_agent); };
    for (const Rule& rule : model_.program.schema.rules) {
      if (any(rule.then)) return true;  // an obligation has no role
    }
    for (const Workflow& workflow : model_.program.schema.workflows) {
      for (const writ::Plan& plan : workflow.plans) {
        if (any(plan.tasks) || any(plan.additions)) return true;
        for (const SubPlan& sub : plan.subs) {
          if (std::any_of(sub.among.begin(), sub.among.end(), [&](RoleId role) { return !IsHuman(role); })) return true;
        }
      }
    }
    return false;
  }

  bool BringsUntrusted(WorkflowId w, TransitionId t, const Field& payload) const {
    return Bears(payload, true) || (IsText(payload.type) && ByAgents(w, t));
  }

  // What `endorses` and `declassifies` name, and whether there is a label at all.
  void Clauses(WorkflowId w) {
    const Workflow& workflow = model_.workflow(w);
    const auto bears = [&](const Field& field) { return Bears(field, true) || Bears(field, false); };
    any_ = any_ || std::any_of(workflow.fields.begin(), workflow.fields.end(), bears);
    for (uint32_t t = 0; t < workflow.transitions.size(); ++t) {
      const std::vector<Field>& payload = workflow.transitions[t].payload;
      any_ = any_ || std::any_of(payload.begin(), payload.end(), bears) ||
             std::any_of(payload.begin(), payload.end(),
                         [&](const Field& field) { return BringsUntrusted(w, TransitionId(t), field); });
      const ast::Transition* node = NodeOf(w, TransitionId(t));
      if (node == nullptr) continue;
      for (const ast::Name& name : node->endorses) Clause(w, TransitionId(t), name, true);
      for (const ast::Name& name : node->declassifies) Clause(w, TransitionId(t), name, false);
    }
  }

  void Clause(WorkflowId w, TransitionId t, const ast::Name& name, bool untrusted) {
    const Workflow& workflow = model_.workflow(w);
    const std::vector<Field>& payload = workflow.transitions[t.value].payload;
    std::vector<std::string> known;
    for (const std::vector<Field>* fields : {&workflow.fields, &payload}) {
      for (const Field& field : *fields) {
        if (field.name == name.text) {
          const bool is_payload = fields == &payload;
          if (!(untrusted && is_payload ? BringsUntrusted(w, t, field) : Bears(field, untrusted)))
            model_.sink.Report(name.span, diagnostics::kNotLabelled, name,
                               untrusted ? "`label untrusted`" : "a label such as `label pii`");
          return;
        }
        known.push_back(field.name);
      }
    }
    model_.sink.Report(name.span, diagnostics::kUnknownField, name, workflow.name)
        .Help(Hint(model_.sink, name.text, known));
  }

  // ---------------------------------------------------------------- over the states

  void Follow(WorkflowId w) {
    const Workflow& workflow = model_.workflow(w);
    for (uint32_t f = 0; f < workflow.fields.size(); ++f) {
      if (!Bears(workflow.fields[f], true)) continue;
      std::vector<MaybeSetter>& states = flow_[{w.value, f}];
      states.resize(workflow.states.size());
      for (bool moved = true; moved;) {
        moved = false;
        for (uint32_t t = 0; t < workflow.transitions.size(); ++t) {
          const Transition& transition = workflow.transitions[t];
          for (const StateId source : transition.sources) {
            const StateId target = transition.stays ? source : transition.target;
            if (!target.valid() || target == kNewState || target.value >= states.size()) continue;
            const MaybeSetter after = After(w, TransitionId(t), f, In(w, f, source));
            if (!after.has_value() || states[target.value].has_value()) continue;
            states[target.value] = after;
            moved = true;
          }
        }
      }
    }
  }

  MaybeSetter In(WorkflowId w, uint32_t field, StateId state) const {
    const auto at = flow_.find({w.value, field});
    if (at == flow_.end() || !state.valid() || state.value >= at->second.size()) return std::nullopt;
    return at->second[state.value];
  }

  MaybeSetter InAny(WorkflowId w, uint32_t field) const {
    const auto at = flow_.find({w.value, field});
    if (at == flow_.end()) return std::nullopt;
    const auto found = std::find_if(at->second.begin(), at->second.end(),
                                    [](const MaybeSetter& setter) { return setter.has_value(); });
    return found == at->second.end() ? std::nullopt : *found;
  }

  bool Endorses(WorkflowId w, TransitionId t, const std::string& name) const {
    const ast::Transition* node = NodeOf(w, t);
    return node != nullptr && Names(node->endorses, name);
  }

  MaybeSetter After(WorkflowId w, TransitionId t, uint32_t field, const MaybeSetter& before) const {
    if (Endorses(w, t, model_.workflow(w).fields[field].name)) return std::nullopt;
    for (const SetField& set : model_.transition(w, t).sets) {
      if (set.field.value != field) continue;
      if (!set.computed || ComputedFromUntrusted(w, t, field)) return Setter{w, t};
      return std::nullopt;
    }
    return before;
  }

  // Whether anything that is labelled `untrusted` goes into a computed field; endorsed or not.
  bool ComputedFromUntrusted(WorkflowId w, TransitionId t, uint32_t field) const {
    return std::any_of(program_.computed.begin(), program_.computed.end(), [&](const typed::Computed& computed) {
      return computed.workflow == w && computed.transition == t && computed.field.value == field &&
             MayBring(*computed.value, w, t);
    });
  }

  bool MayBring(const Expr& e, WorkflowId w, TransitionId t) const {
    if (e.kind == ExprKind::kSlot) {
      const Field* field = FieldOf(e, w, t);
      if (field != nullptr && (e.root == SlotRoot::kPayload ? BringsUntrusted(w, t, *field) : Bears(*field, true))) return true;
    }
    return std::any_of(e.children.begin(), e.children.end(),
                       [&](const typed::ExprPtr& child) { return child != nullptr && MayBring(*child, w, t); });
  }

  const Field* FieldOf(const Expr& slot, WorkflowId w, TransitionId t) const {
    const Workflow& workflow = model_.workflow(w);
    const bool is_field = slot.root == SlotRoot::kBefore || slot.root == SlotRoot::kAfter;
    if (is_field) return slot.index < workflow.fields.size() ? &workflow.fields[slot.index] : nullptr;
    if (slot.root != SlotRoot::kPayload || !t.valid()) return nullptr;
    const std::vector<Field>& payload = workflow.transitions[t.value].payload;
    return slot.index < payload.size() ? &payload[slot.index] : nullptr;
  }

  // ---------------------------------------------------------------- what is read

  MaybeSetter OfField(const Expr& slot, const Site& site) const {
    const WorkflowId w = site.workflow;
    if (site.kind == Site::Kind::kState) return In(w, slot.index, site.state);
    for (const TransitionId t : site.transitions) {
      for (const StateId source : model_.transition(w, t).sources) {
        const MaybeSetter before = In(w, slot.index, source);
        const MaybeSetter found = slot.root == SlotRoot::kBefore ? before : Seen(w, t, slot.index, before, site);
        if (found.has_value()) return found;
      }
    }
    return std::nullopt;
  }

  // After a proposal: it endorses what it sets itself, but by what was there before nothing is decided yet.
  MaybeSetter Seen(WorkflowId w, TransitionId t, uint32_t field, const MaybeSetter& before, const Site& site) const {
    const std::vector<SetField>& sets = model_.transition(w, t).sets;
    const bool is_set =
        std::any_of(sets.begin(), sets.end(), [&](const SetField& set) { return set.field.value == field; });
    return site.kind == Site::Kind::kEvent || is_set ? After(w, t, field, before) : before;
  }

  Read SlotRead(const Expr& e, const Site& site) const {
    Read read;
    const TransitionId first = site.transitions.empty() ? TransitionId() : site.transitions[0];
    const Field* field = FieldOf(e, site.workflow, first);
    if (field == nullptr) return read;
    read.root = read.last = field->name;
    read.labels.insert(field->labels.begin(), field->labels.end());
    if (e.root != SlotRoot::kPayload) {
      read.setter = OfField(e, site);
      return read;
    }
    for (const TransitionId t : site.transitions) {
      if (!BringsUntrusted(site.workflow, t, *field) || Endorses(site.workflow, t, field->name)) continue;
      read.labels.insert(kUntrusted);
      read.setter = Setter{site.workflow, t};
    }
    return read;
  }

  static bool IsPath(const Expr& e) {
    return e.kind == ExprKind::kSlot || e.kind == ExprKind::kVariable || e.kind == ExprKind::kMember ||
           e.kind == ExprKind::kDeref || e.kind == ExprKind::kLookup || e.kind == ExprKind::kElementAt;
  }

  Read PathRead(const Expr& e, const Site& site) {
    switch (e.kind) {
      case ExprKind::kSlot:
        return SlotRead(e, site);
      case ExprKind::kVariable: {
        const auto at = bound_.find(e.variable);
        return at != bound_.end() && IsPath(*at->second) ? PathRead(*at->second, site) : Read();
      }
      case ExprKind::kLookup:
      case ExprKind::kElementAt:
        return IsPath(*e.children[0]) ? PathRead(*e.children[0], site) : Read();
      case ExprKind::kMember: {
        Read read = IsPath(*e.children[0]) ? PathRead(*e.children[0], site) : Read();
        const Type& record = e.children[0]->type.type;
        if (record.kind == TypeKind::kRecord) Enter(model_.schema().records[record.index].members[e.index], &read);
        return read;
      }
      case ExprKind::kDeref: {
        Read read = IsPath(*e.children[0]) ? PathRead(*e.children[0], site) : Read();
        if (e.part != typed::kDerefField || IsUntrusted(read)) return read;
        const WorkflowId target(e.children[0]->type.type.index);
        Enter(model_.workflow(target).fields[e.index], &read);
        read.setter = InAny(target, e.index);
        return read;
      }
      default:
        return {};
    }
  }

  static void Enter(const Field& field, Read* read) {
    read->labels.insert(field.labels.begin(), field.labels.end());
    read->last = field.name;
  }

  static bool IsUntrusted(const Read& read) { return read.setter.has_value() && read.labels.count(kUntrusted) != 0; }

  // Every path in an expression, as far as it goes.
  template <class Each>
  void Paths(const Expr& e, const Site& site, const Each& each) {
    if (e.kind == ExprKind::kQuantifier && e.children[1] != nullptr)
      bound_[e.variable] = bound_[e.variable2] = e.children[1].get();
    if (e.kind == ExprKind::kFact) {
      for (const typed::ExprPtr& reference : e.children) Paths(*reference, site, each);
      return Facts(program_.facts[e.index], each);
    }
    // That something is there is no text that could mislead.
    if (e.kind == ExprKind::kHas && IsPath(*e.children[0])) return Keys(*e.children[0], site, each);
    if (IsPath(e)) {
      each(e, PathRead(e, site), site);
      Keys(e, site, each);
      return;
    }
    for (const typed::ExprPtr& child : e.children) {
      if (child != nullptr) Paths(*child, site, each);
    }
  }

  template <class Each>
  void Keys(const Expr& e, const Site& site, const Each& each) {
    if (e.kind == ExprKind::kLookup) Paths(*e.children[1], site, each);
    if (e.children.empty() || e.children[0] == nullptr) return;
    if (IsPath(*e.children[0]))
      Keys(*e.children[0], site, each);
    else
      Paths(*e.children[0], site, each);
  }

  template <class Each>
  void Facts(const typed::Fact& fact, const Each& each) {
    const Site site{Site::Kind::kEvent, fact.workflow, fact.pattern.transitions, {}};
    if (fact.pattern.where != nullptr) Paths(*fact.pattern.where, site, each);
    if (fact.value != nullptr) Paths(*fact.value, site, each);
    if (fact.since.has_value() && fact.since->where != nullptr)
      Paths(*fact.since->where, {Site::Kind::kEvent, fact.workflow, fact.since->transitions, {}}, each);
  }

  void Guard(const Expr* guard, const Site& site) {
    if (guard == nullptr) return;
    Paths(*guard, site, [&](const Expr& e, const Read& read, const Site&) {
      if (!IsUntrusted(read) || !told_.emplace(e.span.file, e.span.begin, e.span.end).second) return;
      auto report = model_.sink.Report(e.span, diagnostics::kUntrustedRead, read.last);
      const std::vector<ast::Span>& spans = model_.names(read.setter->workflow).transition_spans;
      if (read.setter->transition.valid() && read.setter->transition.value < spans.size())
        report.Related(spans[read.setter->transition.value], "it comes in here, and nothing endorses it on the way");
    });
  }

  // Under which key an event counts, or which instances are counted under it.
  void Key(const typed::Fact& fact) {
    for (const typed::ExprPtr& part : fact.key) {
      if (!fact.states.empty() || fact.kind == typed::Fact::Kind::kPopulation) {
        for (const StateId state : fact.states) Guard(part.get(), {Site::Kind::kState, fact.workflow, {}, state});
      } else {
        Guard(part.get(), {Site::Kind::kEvent, fact.workflow, fact.pattern.transitions, {}});
      }
    }
  }

  // A plan looks at its instance in every state.
  void Plan(const typed::Plan& plan) {
    for (uint32_t s = 0; s < model_.workflow(plan.workflow).states.size(); ++s) {
      const Site site{Site::Kind::kState, plan.workflow, {}, StateId(s)};
      for (const typed::PlannedTask& task : plan.tasks) {
        if (task.source != nullptr) bound_[task.variable] = task.source.get();
        if (task.element != nullptr) Element(*task.element, site);
        Guard(task.source.get(), site);
        Guard(task.when.get(), site);
        Guard(task.element.get(), site);
      }
      for (const typed::ExprPtr& last : plan.finallys) Guard(last.get(), site);
    }
    for (const PlanNames& names : model_.plans) {
      if (names.workflow == plan.workflow) Subs(names);
    }
  }

  // What a grant limits is compared when it is used.
  void Subs(const PlanNames& names) {
    for (const SubPlan& sub : model_.workflow(names.workflow).plans[0].subs) {
      for (const ast::Limit& limit : names.subs.at(sub.task)->limits) {
        const auto field = model_.names(names.workflow).fields.find(limit.field.text);
        if (field == model_.names(names.workflow).fields.end()) continue;
        Expr slot;
        slot.kind = ExprKind::kSlot;
        slot.root = SlotRoot::kAfter;
        slot.index = field->second;
        slot.span = limit.field.span;
        Guard(&slot, {Site::Kind::kProposal, names.workflow, sub.granting, {}});
      }
    }
  }

  // The element of a task over data is part of its name, in the log for good.
  void Element(const Expr& element, const Site& site) {
    Paths(element, site, [&](const Expr& e, const Read& read, const Site&) {
      for (const std::string& label : read.labels) {
        if (label == kUntrusted || Declassified(site.workflow, read.root)) continue;  // what is untrusted plans nothing at all
        if (!told_.emplace(e.span.file, e.span.begin, e.span.end).second) continue;
        model_.sink.Report(e.span, diagnostics::kLabelInTask, read.last, label, read.root);
      }
    });
  }

  // Whether all that sets the field says so.
  bool Declassified(WorkflowId w, const std::string& field) const {
    const Workflow& workflow = model_.workflow(w);
    bool is_set = false;
    for (uint32_t t = 0; t < workflow.transitions.size(); ++t) {
      const std::vector<SetField>& sets = workflow.transitions[t].sets;
      const auto is_it = [&](const SetField& set) { return workflow.fields[set.field.value].name == field; };
      if (std::none_of(sets.begin(), sets.end(), is_it)) continue;
      const ast::Transition* node = NodeOf(w, TransitionId(t));
      if (node == nullptr || !Names(node->declassifies, field)) return false;
      is_set = true;
    }
    return is_set;
  }

  // What somebody is obliged to with a labelled value is told to them.
  void Told(const typed::Rule& rule) {
    const Site site{Site::Kind::kProposal, rule.workflow, rule.transitions, {}};
    const std::vector<Consequence>& rows = model_.schema().rules[rule.rule.value].then;
    for (size_t i = 0; i < rule.then.size() && i < rows.size(); ++i) {
      if (!rows[i].obligation.valid()) continue;
      const Obligation& obligation = model_.schema().obligations[rows[i].obligation.value];
      for (size_t v = 0; v < rule.then[i].values.size(); ++v) {
        if (rule.then[i].values[v] != nullptr) ToldTo(obligation.fields[v], *rule.then[i].values[v], site);
      }
    }
  }

  void ToldTo(const Field& to, const Expr& value, const Site& site) {
    Paths(value, site, [&](const Expr& e, const Read& read, const Site&) {
      for (const std::string& label : read.labels) {
        if (label == kUntrusted || Has(to.labels, label)) continue;  // to tell what is not trusted decides nothing
        const bool declassified = std::all_of(site.transitions.begin(), site.transitions.end(), [&](TransitionId t) {
          const ast::Transition* node = NodeOf(site.workflow, t);
          return node != nullptr && Names(node->declassifies, read.root);
        });
        if (declassified || !told_.emplace(e.span.file, e.span.begin, e.span.end).second) continue;
        model_.sink.Report(e.span, diagnostics::kLabelLost, read.last, label, to.name, "declassifies", read.root);
      }
    });
  }

  // A computed field bears what it is made of, unless its transition says otherwise.
  void Computed(const typed::Computed& computed) {
    const Field& to = model_.workflow(computed.workflow).fields[computed.field.value];
    const ast::Transition* node = NodeOf(computed.workflow, computed.transition);
    const Site here{Site::Kind::kProposal, computed.workflow, {computed.transition}, {}};
    Paths(*computed.value, here, [&](const Expr& e, const Read& read, const Site&) {
      for (const std::string& label : read.labels) {
        const bool untrusted = label == kUntrusted;
        if (Has(to.labels, label) || (untrusted && !read.setter.has_value())) continue;
        if (node != nullptr && Names(untrusted ? node->endorses : node->declassifies, read.root)) continue;
        if (!told_.emplace(e.span.file, e.span.begin, e.span.end).second) continue;
        const char* clause = untrusted ? "endorses" : "declassifies";
        model_.sink.Report(e.span, diagnostics::kLabelLost, read.last, label, to.name, clause, read.root);
      }
    });
  }

  static constexpr size_t kTypeDepth = 16;
  Model& model_;
  const typed::Program& program_;
  bool any_ = false;
  std::map<std::pair<uint32_t, uint32_t>, std::vector<MaybeSetter>> flow_;  // workflow, field; by state
  std::map<uint32_t, const Expr*> bound_;                                   // variables, to what they go through
  std::set<std::tuple<uint32_t, uint32_t, uint32_t>> told_;
};

}  // namespace

void CheckLabels(Model& model) { Walk(model).Run(); }

}  // namespace writ::check
