#include "runtime/replay/answers.h"

#include <algorithm>

#include "runtime/escalate/escalate.h"
#include "runtime/orchestrator/decision_names.h"

namespace writ::replay {
namespace {

// As the frame knows them (SlotRoot::kQuestionState).
constexpr int kOpen = 0, kWithdrawn = 1, kExpired = 2, kAnswered = 3;

}  // namespace

void Answers::Note(const Proposal& proposal, const RawDecision& decision) {
  Ask(proposal, session_->function(), decision);
  NoteConclusions();
}

void Answers::NoteConclusions() {
  for (const WouldHave& act : session_->would_have()) {
    if (act.kind != WouldHave::Kind::kConclude || !act.transition.valid()) continue;
    const Instance* instance = session_->world().Find(act.workflow, act.key);
    if (instance == nullptr) continue;
    Proposal concluded;
    concluded.workflow = act.workflow;
    concluded.transition = act.transition;
    concluded.key = act.key;
    concluded.key_parts = instance->key_parts;
    const Transition& transition = schema_.workflows[act.workflow.value].transitions[act.transition.value];
    concluded.sets.resize(transition.sets.size());
    concluded.payload.resize(transition.payload.size());
    concluded.actor = registry_.Orchestrator();
    concluded.now_ns = act.at_ns;
    if (Probe(&concluded)) Ask(concluded, FunctionOf(concluded), decision_);
  }
}

void Answers::Ask(const Proposal& proposal, const Function& function, const RawDecision& decision) {
  if (decision.outcome != Outcome::kEscalate) return;
  for (const Question& question :
       Questions(schema_, StandingRules(function, decision), session_->position(), proposal.now_ns)) {
    Asked asked;
    asked.number = question.number;
    asked.role = question.role;
    asked.from_ns = proposal.now_ns;
    asked.until_ns = question.until_ns;
    asked.ladder = question.ladder;
    asked.proposal = proposal;
    asked.rule = question.rules.empty() ? RuleId() : names_.Rule(question.rules.front());
    asked.last_change = LastChange(proposal.workflow, proposal.key);
    Add(std::move(asked));
  }
}

// With the rungs that follow where nobody answers in time.
void Answers::Add(Asked asked) {
  std::vector<Asked>& here = on_[{asked.proposal.workflow.value, asked.proposal.key}];
  for (LadderId ladder = asked.ladder;; ladder = asked.ladder) {
    // Proposed again it joins, and what was asked so far is asked no more.
    std::erase_if(here, [&](const Asked& other) {
      return other.state == Asked::State::kOpen && other.role == asked.role &&
             other.proposal.transition == asked.proposal.transition && other.last_change == asked.last_change;
    });
    here.push_back(asked);
    if (!ladder.valid() || asked.until_ns == INT64_MAX) return;
    const Ladder& rung = schema_.ladders[ladder.value];
    if (rung.otherwise != Ladder::Else::kEscalate) return;
    asked.role = rung.role;
    asked.from_ns = asked.until_ns;
    asked.ladder = rung.next;
    asked.until_ns = Deadline(schema_, asked.ladder, asked.from_ns);
  }
}

Proposal Answers::Take(const AnswerLine& line) {
  asked_ = Find(line);
  const RoleId to = asked_ != nullptr ? asked_->role : line.to;
  const auto holds = [&](RoleId role) {
    return role.valid() && std::binary_search(line.actor.roles.begin(), line.actor.roles.end(), role);
  };
  const RoleId first = line.actor.roles.empty() ? RoleId() : line.actor.roles.front();
  Proposal answer;
  answer.workflow = names_.question();
  const Workflow& workflow = schema_.workflows[answer.workflow.value];
  answer.transition = Names::TransitionOf(workflow, line.yes ? "yes" : "no");
  answer.key = names_.QuestionKey(asked_ != nullptr ? asked_->number : line.number, to);
  answer.key_parts = {Value(answer.key)};
  answer.sets.resize(workflow.transitions[answer.transition.value].sets.size());
  answer.payload.resize(workflow.transitions[answer.transition.value].payload.size());
  answer.now_ns = line.now_ns;
  answer.actor = registry_.View(line.actor, line.as.valid() ? line.as : holds(to) ? to : first);
  answer.question_state = asked_ != nullptr ? StateOf(*asked_, line.now_ns) : kWithdrawn;
  const bool in_role = answer.actor.role == to && answer.actor.holds_role;
  answer.question_covered = in_role;
  if (asked_ == nullptr) return answer;
  const ActorView& proposer = asked_->proposal.actor;
  answer.question_self = !proposer.is_orchestrator && (proposer.id == answer.actor.id ||
                                                       proposer.principal == answer.actor.principal);
  // What is pending no more can be compared with nothing; the answer is late in any case.
  if (answer.question_state == kOpen)
    answer.question_covered =
        in_role && answer.actor.is_active && Covers(asked_->proposal, answer.actor, line.now_ns);
  return answer;
}

bool Answers::Settle(bool yes) {
  if (asked_ == nullptr) return false;
  asked_->state = yes ? Asked::State::kGranted : Asked::State::kRefused;
  if (!yes) return false;
  const std::vector<Asked>& here = on_[{asked_->proposal.workflow.value, asked_->proposal.key}];
  return std::none_of(here.begin(), here.end(), [&](const Asked& other) {
    return other.number == asked_->number && other.state == Asked::State::kOpen &&
           other.from_ns == asked_->from_ns;
  });
}

Asked* Answers::Find(const AnswerLine& line) {
  for (const auto& [workflow, key] : line.places) {
    const auto found = on_.find({workflow.value, key});
    Asked* const best = found == on_.end() ? nullptr : Best(&found->second, line);
    if (best != nullptr) return best;
  }
  if (!line.places.empty()) return nullptr;
  for (auto& [place, asked] : on_) {
    const bool numbered =
        std::any_of(asked.begin(), asked.end(), [&](const Asked& a) { return a.number == line.number; });
    if (numbered) return Best(&asked, line);
  }
  return nullptr;
}

// The last that is open, to a role of the actor's rather than to another; else the last, as the answer is late.
Asked* Answers::Best(std::vector<Asked>* on_case, const AnswerLine& line) const {
  Asked* best = nullptr;
  int best_rank = -1;
  for (Asked& asked : *on_case) {
    if (asked.from_ns > line.now_ns || (line.to.valid() && asked.role != line.to)) continue;
    const bool open = StateOf(asked, line.now_ns) == kOpen;
    const bool holds = std::binary_search(line.actor.roles.begin(), line.actor.roles.end(), asked.role);
    const int rank = (open ? 2 : 0) + (holds ? 1 : 0);
    if (rank < best_rank) continue;
    best = &asked;
    best_rank = rank;
  }
  return best;
}

int Answers::StateOf(const Asked& asked, int64_t now_ns) const {
  if (asked.state != Asked::State::kOpen) return kAnswered;
  if (LastChange(asked.proposal.workflow, asked.proposal.key) != asked.last_change) return kWithdrawn;
  return now_ns >= asked.until_ns ? kExpired : kOpen;
}

int64_t Answers::LastChange(WorkflowId workflow, const std::string& key) const {
  const Instance* instance = session_->world().Find(workflow, key);
  return instance == nullptr ? 0 : instance->last_change;
}

bool Answers::Covers(const Proposal& asked, const ActorView& actor, int64_t now_ns) {
  Proposal own = asked;
  own.actor = actor;
  own.now_ns = now_ns;
  if (!Probe(&own)) return false;
  const Function& function = FunctionOf(own);
  for (uint16_t i = 0; i < decision_.applied_count; ++i) {
    const RuleId rule = function.restraints[decision_.applied[i]].rule;
    if (rule == BuiltinRule(Builtin::kNoAuthority) || rule == BuiltinRule(Builtin::kSuspended)) return false;
  }
  return true;
}

bool Answers::Probe(Proposal* proposal) {
  if (!EvaluateComputed(session_->world(), proposal, &frame_, &out_)) return false;
  const Function& function = FunctionOf(*proposal);
  FillFrame(session_->world(), function, *proposal, &frame_, nullptr);
  const Workflow& workflow = schema_.workflows[proposal->workflow.value];
  policy_->Decide(workflow.transitions[proposal->transition.value].decide, frame_.words(), &decision_);
  return true;
}

const Function& Answers::FunctionOf(const Proposal& proposal) const {
  const Workflow& workflow = schema_.workflows[proposal.workflow.value];
  return schema_.functions[workflow.transitions[proposal.transition.value].decide.value];
}

}  // namespace writ::replay
