// Reviews: panels, what they conclude and bind, and which clause outranks which.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/check/expressions.h"
#include "compiler/check/model.h"

namespace writ::check {
namespace {

struct ReviewSite {
  WorkflowId workflow;
  StateId state;
  const ast::Review* review = nullptr;
};

// All reviews whose workflow and state are known, sorted by these; a second one of a state is reported and left out.
std::vector<ReviewSite> FindReviews(Model& model) {
  std::vector<ReviewSite> sites;
  std::map<std::pair<uint32_t, uint32_t>, ast::Span> seen;
  for (const ast::File* file : FilesByPath(model)) {
    for (const ast::Review& review : file->reviews) {
      const WorkflowId w = model.FindWorkflow(review.workflow);
      const StateId s = model.FindState(w, review.state);
      if (!w.valid() || !s.valid()) continue;
      const auto [same, is_new] = seen.emplace(std::make_pair(w.value, s.value), review.state.span);
      if (!is_new) {
        model.sink.Report(review.state.span, diagnostics::kReviewTwice, review.state, review.workflow)
            .Related(same->second, "the first is here");
        continue;
      }
      sites.push_back({w, s, &review});
    }
  }
  std::stable_sort(sites.begin(), sites.end(), [](const ReviewSite& a, const ReviewSite& b) {
    return std::make_pair(a.workflow, a.state) < std::make_pair(b.workflow, b.state);
  });
  return sites;
}

class ReviewBuilder {
 public:
  ReviewBuilder(Model& model, const ReviewSite& site)
      : model_(model), site_(site), ast_(*site.review), workflow_(model.workflow(site.workflow)) {}

  Review Build(std::map<std::string, ast::Span>* clause_names) {
    Review out;
    out.state = site_.state;
    Verdict(&out);
    Seats(&out);
    LadderSite ladder_site;
    ladder_site.workflow = site_.workflow;
    ladder_site.states = {site_.state};
    for (size_t i = 0; i < workflow_.transitions.size(); ++i) {
      if (IsLegalHere(TransitionId(i))) ladder_site.asked.push_back(TransitionId(i));
    }
    ladder_site.asked_default = OnlyConcluded();
    if (ast_.ladder != nullptr) out.ladder = BuildLadder(model_, *ast_.ladder, ladder_site);
    if (ast_.clauses.empty()) model_.sink.Report(ast_.state.span, diagnostics::kReviewWithoutClauses);
    const ast::Clause* otherwise = nullptr;
    for (const ast::Clause& clause : ast_.clauses) {
      if (clause.name.empty()) continue;
      CheckName(clause, clause_names);
      if (clause.otherwise) {
        if (otherwise != nullptr)
          model_.sink.Report(clause.name.span, diagnostics::kOtherwiseTwice)
              .Related(otherwise->name.span, "the first is here");
        otherwise = &clause;
      }
      out.clauses.push_back(Conclude(clause, ladder_site));
    }
    AddElse(&out);
    Bind(&out);
    return out;
  }

 private:
  bool IsLegalHere(TransitionId t) const {
    const std::vector<StateId>& sources = workflow_.transitions[t.value].sources;
    return std::find(sources.begin(), sources.end(), site_.state) != sources.end();
  }

  bool Halts(TransitionId t) const { return check::Halts(workflow_, workflow_.transitions[t.value]); }

  void Verdict(Review* out) {
    out->verdict = model_.FindTransition(site_.workflow, ast_.verdict);
    if (!out->verdict.valid()) return;
    const Transition& verdict = workflow_.transitions[out->verdict.value];
    const ast::Span there = model_.names(site_.workflow).transition_spans[out->verdict.value];
    if (!IsLegalHere(out->verdict)) {
      model_.sink.Report(ast_.verdict.span, diagnostics::kVerdictNotHere, ast_.verdict, ast_.state)
          .Related(there, "the transition is declared here");
    }
    if (!verdict.stays || !verdict.sets.empty()) {
      model_.sink.Report(ast_.verdict.span, diagnostics::kVerdictMoves, ast_.verdict)
          .Related(there, "the transition is declared here");
    }
    if (ast_.stance.empty()) return;
    std::vector<std::string> names;
    for (size_t i = 0; i < verdict.payload.size(); ++i) {
      names.push_back(verdict.payload[i].name);
      if (verdict.payload[i].name != ast_.stance.text) continue;
      out->stance = FieldId(i);
      if (!verdict.payload[i].type.valid()) return;
      const Type& type = model_.types.At(verdict.payload[i].type);
      if (type.kind != TypeKind::kEnum || type.optional) {
        model_.sink.Report(ast_.stance.span, diagnostics::kStanceNotEnum, ast_.stance, model_.types.Words(type))
            .Related(there, "the transition is declared here");
      }
      return;
    }
    model_.sink.Report(ast_.stance.span, diagnostics::kUnknownPayload, ast_.stance, verdict.name)
        .Help(Hint(model_.sink, ast_.stance.text, names));
  }

  void Seats(Review* out) {
    std::map<RoleId, ast::Span> seen;
    for (const ast::Seat& seat : ast_.panel) {
      const RoleId role = model_.FindRole(seat.role);
      if (!role.valid()) continue;
      if (const auto [at, is_new] = seen.emplace(role, seat.role.span); !is_new) {
        model_.sink.Report(seat.role.span, diagnostics::kSeatTwice, seat.role).Related(at->second, "the first is here");
        continue;
      }
      const int64_t quorum = seat.quorum.value_or(1), of = seat.of.value_or(1);
      if (quorum < 1 || of < quorum || of > kSeatsMax) {
        model_.sink.Report(seat.span, diagnostics::kBadQuorum, quorum, of, kSeatsMax);
        out->seats.push_back({role, 1, 1});
        continue;
      }
      out->seats.push_back({role, static_cast<uint32_t>(quorum), static_cast<uint32_t>(of)});
    }
    std::sort(out->seats.begin(), out->seats.end(), [](const Seat& a, const Seat& b) { return a.role < b.role; });
  }

  // What an `escalate to R` without a transition means: the only one that does not halt.
  TransitionId OnlyConcluded() {
    std::set<TransitionId> found;
    const auto note = [&](const ast::Name& name) {
      const auto at = model_.names(site_.workflow).transitions.find(name.text);
      if (at != model_.names(site_.workflow).transitions.end() && !Halts(TransitionId(at->second)))
        found.insert(TransitionId(at->second));
    };
    const auto note_ladder = [&](const ast::Ladder* ladder) {
      for (; ladder != nullptr; ladder = ladder->next.get()) note(ladder->transition);
    };
    note_ladder(ast_.ladder.get());
    for (const ast::Clause& clause : ast_.clauses) {
      note(clause.transition);
      note_ladder(clause.ladder.get());
    }
    return found.size() == 1 ? *found.begin() : TransitionId();
  }

  void CheckName(const ast::Clause& clause, std::map<std::string, ast::Span>* names) {
    const std::string& name = clause.name.text;
    if (name == "else" || name == "conflict" || name == "pending") {
      model_.sink.Report(clause.name.span, diagnostics::kReservedClauseName, clause.name);
      return;
    }
    if (const auto [at, is_new] = names->emplace(name, clause.name.span); !is_new) {
      model_.sink.Report(clause.name.span, diagnostics::kClauseTwice, clause.name)
          .Related(at->second, "the first is here");
    }
  }

  Clause Conclude(const ast::Clause& clause, const LadderSite& ladder_site) {
    Clause out;
    out.name = clause.name.text;
    if (clause.escalates && clause.transition.empty()) {
      out.transition = ladder_site.asked_default;
      if (!out.transition.valid()) model_.sink.Report(clause.to.span, diagnostics::kEscalateWhat);
    } else {
      out.transition = model_.FindTransition(site_.workflow, clause.transition);
    }
    if (out.transition.valid())
      CheckConcluded(clause.transition.empty() ? clause.name : clause.transition, out.transition);
    if (clause.escalates) {
      out.asks = model_.FindRole(clause.to);
      if (clause.ladder != nullptr) ladders_[clause.name.text] = BuildLadder(model_, *clause.ladder, ladder_site);
    }
    return out;
  }

  void CheckConcluded(const ast::Name& name, TransitionId t) {
    const ast::Span there = model_.names(site_.workflow).transition_spans[t.value];
    if (!IsLegalHere(t)) {
      model_.sink.Report(name.span, diagnostics::kConcludesIllegal, workflow_.transitions[t.value].name, ast_.state)
          .Related(there, "the transition is declared here");
    } else if (const std::optional<std::string> needs = NeedsValues(model_, site_.workflow, t); needs.has_value()) {
      model_.sink.Report(name.span, diagnostics::kConcludesWithValues, workflow_.transitions[t.value].name, *needs)
          .Related(there, "the transition is declared here");
    }
  }

  // The review's own ladder, once under its own name and once for a conflict.
  void AddElse(Review* out) {
    Clause otherwise;
    otherwise.name = "else";
    if (out->ladder.valid()) {
      const Ladder& ladder = model_.schema().ladders[out->ladder.value];
      otherwise.transition = ladder.transition;
      if (ladder.otherwise == Ladder::Else::kEscalate) otherwise.asks = ladder.role;
    }
    Clause conflict = otherwise;
    conflict.name = "conflict";
    out->clauses.push_back(std::move(otherwise));
    out->clauses.push_back(std::move(conflict));
  }

  void Bind(Review* out) {
    for (const Clause& clause : out->clauses) {
      if (clause.transition.valid() && !Halts(clause.transition)) out->binds.push_back(clause.transition);
    }
    std::sort(out->binds.begin(), out->binds.end());
    out->binds.erase(std::unique(out->binds.begin(), out->binds.end()), out->binds.end());
  }

 public:
  static constexpr int64_t kSeatsMax = 100;
  const std::map<std::string, LadderId>& ladders() const { return ladders_; }

 private:
  Model& model_;
  const ReviewSite& site_;
  const ast::Review& ast_;
  const Workflow& workflow_;
  std::map<std::string, LadderId> ladders_;  // of escalating clauses
};

// ---------------------------------------------------------------- ranks

void SeatsRead(const typed::Expr& e, std::set<uint32_t>* seats) {
  if (e.kind == typed::ExprKind::kSays || e.kind == typed::ExprKind::kVotes) seats->insert(e.part);
  for (const typed::ExprPtr& child : e.children) {
    if (child != nullptr) SeatsRead(*child, seats);
  }
}

// The highest of the domains whose verdicts a guard reads; none where there is none, or two are incomparable.
DomainId HighestDomain(Model& model, const Review& review, const typed::Expr& guard) {
  std::set<uint32_t> seats;
  SeatsRead(guard, &seats);
  std::set<DomainId> domains;
  for (uint32_t seat : seats) domains.insert(model.schema().roles[review.seats[seat].role.value].domain);
  for (DomainId candidate : domains) {
    const bool highest = std::all_of(domains.begin(), domains.end(), [&](DomainId other) {
      return other == candidate || (candidate.valid() && other.valid() && IsBelow(model.schema(), other, candidate));
    });
    if (highest) return candidate;
  }
  return {};
}

void CheckSeatAuthority(Model& model, WorkflowId w, const Review& review, const ast::Review& node) {
  if (!review.verdict.valid()) return;
  for (const Seat& seat : review.seats) {
    const bool may = std::any_of(model.program.grants.begin(), model.program.grants.end(), [&](const typed::Grant& g) {
      return g.role == seat.role && g.workflow == w && g.transition == review.verdict && !g.consent;
    });
    if (may) continue;
    const std::string& role = model.schema().roles[seat.role.value].name;
    const auto at =
        std::find_if(node.panel.begin(), node.panel.end(), [&](const ast::Seat& s) { return s.role.text == role; });
    model.sink.Report(at != node.panel.end() ? at->role.span : node.state.span, diagnostics::kSeatWithoutAuthority,
                      role, model.transition(w, review.verdict).name);
  }
}

typed::ReviewClause CheckClause(Model& model, const ReviewSite& site, ReviewId id, uint32_t index,
                                const ast::Clause& node) {
  const Review& review = model.workflow(site.workflow).reviews[id.value];
  const Clause& clause = review.clauses[index];
  typed::ReviewClause out;
  out.clause = ClauseId(index);
  out.otherwise = node.otherwise;
  out.span = node.name.span;
  if (clause.transition.valid()) {
    out.halting = Halts(model.workflow(site.workflow), model.transition(site.workflow, clause.transition));
  }
  if (!node.domain.empty()) out.domain = model.FindDomainOfRule(node.domain);
  if (node.when != nullptr && !node.otherwise) {
    out.when = Expressions(model, {ScopeKind::kConclude, site.workflow, {}, id}).CheckGuard(*node.when);
    if (out.when != nullptr && node.domain.empty()) {
      out.domain = HighestDomain(model, review, *out.when);
      if (!out.domain.valid()) model.sink.Report(node.name.span, diagnostics::kClauseNeedsDomain, node.name);
    }
  }
  Rule& row = model.schema().rules[clause.rule.value];
  row.domain = out.domain;
  return out;
}

}  // namespace

void DeclareReviews(Model& model) {
  std::map<uint32_t, std::map<std::string, ast::Span>> clause_names;
  for (const ReviewSite& site : FindReviews(model)) {
    ReviewBuilder builder(model, site);
    Review review = builder.Build(&clause_names[site.workflow.value]);
    model.workflow(site.workflow).reviews.push_back(std::move(review));
    model.reviews.push_back(
        {site.workflow, ReviewId(model.workflow(site.workflow).reviews.size() - 1), site.review, builder.ladders()});
  }
}

void CheckReviews(Model& model) {
  for (const ReviewNames& names : model.reviews) {
    const Review& review = model.workflow(names.workflow).reviews[names.review.value];
    CheckSeatAuthority(model, names.workflow, review, *names.node);
    typed::Review out;
    out.workflow = names.workflow;
    out.review = names.review;
    uint32_t index = 0;
    const ReviewSite site{names.workflow, review.state, names.node};
    for (const ast::Clause& node : names.node->clauses) {
      if (node.name.empty()) continue;
      out.clauses.push_back(CheckClause(model, site, names.review, index, node));
      Rule& row = model.schema().rules[review.clauses[index].rule.value];
      row.effect = review.clauses[index].asks.valid() ? Effect::kEscalate : Effect::kDeny;
      row.asks = review.clauses[index].asks;
      if (const auto ladder = names.ladders.find(node.name.text); ladder != names.ladders.end())
        row.ladder = ladder->second;
      SetPlace(model, node.name.span, &row);
      ++index;
    }
    for (; index < review.clauses.size(); ++index) {  // else, conflict
      const Clause& otherwise = review.clauses[index];
      Rule& row = model.schema().rules[otherwise.rule.value];
      row.effect = otherwise.asks.valid() ? Effect::kEscalate : Effect::kDeny;
      row.asks = otherwise.asks;
      if (otherwise.asks.valid()) row.ladder = model.schema().ladders[review.ladder.value].next;
      SetPlace(model, names.node->ladder != nullptr ? names.node->ladder->span : names.node->state.span, &row);
    }
    model.program.reviews.push_back(std::move(out));
  }
}

}  // namespace writ::check
