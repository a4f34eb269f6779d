#include "compiler/test/observer.h"

#include <algorithm>
#include <span>

#include "absl/strings/str_cat.h"
#include "runtime/state/looking.h"

namespace writ::policy_test {
namespace {

// In whose name it happened: what waited is decided again in its proposer's.
const std::string& WhoseName(const store::Event& event) {
  const bool again = event.kind == store::EventKind::kRedecide && !event.on_behalf.empty();
  return again ? event.on_behalf : event.actor;
}

}  // namespace

Observer::Observer(const typed::Program* program, const Watching* watching)
    : program_(program), watching_(watching), policy_(watching->policy.get()), folded_(std::make_unique<Folded>(policy_)),
      occasions_(program->properties.size()) {
  for (const Function& function : policy_->schema().functions) {
    const bool is_watched = std::any_of(
        function.restraints.begin(), function.restraints.end(),
        [&](const Restraint& restraint) { return restraint.rule.value >= program->governing.rows; });
    watched_.push_back(is_watched);
  }
}

absl::Status Observer::See(const store::Event& event, std::vector<Violation>* violations) {
  PassTo(event.time_ns - 1, violations);
  Proposal proposal;
  const bool is_proposed = event.kind != store::EventKind::kErase && event.kind != store::EventKind::kPolicy &&
                           event.kind != store::EventKind::kAnswer && event.decision.outcome == Outcome::kPermit &&
                           !event.transition.empty();
  if (is_proposed) {
    if (absl::Status read = folded_->ReadProposal(event, &proposal); !read.ok()) return read;
    SeeProposal(event, proposal, violations);
  }
  for (const store::OpenedTask& task : event.decision.tasks) {
    const std::optional<Proposal> open = folded_->tasks().Opening(task, event, folded_->world());
    if (open.has_value()) SeeProposal(event, *open, violations);
  }
  if (absl::Status folded = folded_->Fold(event); !folded.ok()) return folded;
  if (is_proposed) SeeInstance(event, proposal, violations);
  for (const TaskMove& move : folded_->task_moves()) {  // opened, given to somebody, done or ended by it
    if (event.instance == move.key && proposal.workflow == folded_->names().task()) continue;
    Proposal moved;
    moved.workflow = folded_->names().task();
    moved.key = move.key;
    moved.transition = move.transition;
    SeeInstance(event, moved, violations);
  }
  return absl::OkStatus();
}

// What the transition itself breaks, or begins: told by the frame that a decision would have had.
void Observer::SeeProposal(const store::Event& event, const Proposal& proposal, std::vector<Violation>* violations) {
  const Schema& schema = policy_->schema();
  const FunctionId id = schema.workflows[proposal.workflow.value].transitions[proposal.transition.value].decide;
  if (!watched_[id.value]) return;
  const Function& function = schema.functions[id.value];
  FillFrame(folded_->world(), function, proposal, &frame_, nullptr);
  policy_->Decide(id, frame_.words(), decision_.get());
  for (size_t p = 0; p < program_->properties.size(); ++p) {
    const typed::Property& property = program_->properties[p];
    if (!property.rule.valid() || property.workflow != proposal.workflow || !SpeaksOf(property, function)) continue;
    ++occasions_[p];
    if (!Applies(property, function)) continue;
    if (property.kind == typed::Property::Kind::kWithin) {
      awaited_.push_back({event.time_ns + property.within_ns, p, proposal.workflow, proposal.key, event.position});
    } else {
      const std::string& name = schema.workflows[proposal.workflow.value].transitions[proposal.transition.value].name;
      violations->push_back({p, event.position, absl::StrCat("`", name, " by ", proposal.actor.id, "` on ", proposal.key)});
    }
  }
}

bool Observer::SpeaksOf(const typed::Property& property, const Function& function) {
  return std::any_of(function.restraints.begin(), function.restraints.end(),
                     [&](const Restraint& restraint) { return restraint.rule == property.rule; });
}

bool Observer::Applies(const typed::Property& property, const Function& function) const {
  const std::span<const uint16_t> applied(decision_->applied, decision_->applied_count);
  return std::any_of(applied.begin(), applied.end(),
                     [&](uint16_t restraint) { return function.restraints[restraint].rule == property.rule; });
}

// What the instance is like afterwards, and what it was waited for.
void Observer::SeeInstance(const store::Event& event, const Proposal& proposal, std::vector<Violation>* violations) {
  const Instance* instance = folded_->world().Find(proposal.workflow, proposal.key);
  if (instance == nullptr) return;
  std::erase_if(awaited_, [&](const Awaited& awaited) {
    if (awaited.workflow != proposal.workflow || awaited.key != proposal.key) return false;
    const typed::Property& property = program_->properties[awaited.property];
    return (proposal.transition.valid() &&
            std::binary_search(property.transitions.begin(), property.transitions.end(), proposal.transition)) ||
           std::binary_search(property.states.begin(), property.states.end(), instance->state);
  });
  for (size_t p = 0; p < program_->properties.size(); ++p) {
    const typed::Property& property = program_->properties[p];
    if (property.kind != typed::Property::Kind::kAlways || property.workflow != proposal.workflow) continue;
    ++occasions_[p];
    // What cannot be told restrains: it may be that it holds, and that what must hold does not.
    if (property.when != nullptr && Holds(*property.when, *instance, event.time_ns) == false) continue;
    const std::optional<bool> truth = Holds(*property.condition, *instance, event.time_ns);
    if (truth == true) continue;
    violations->push_back({p, event.position,
                           absl::StrCat("after `", event.transition, " by ", WhoseName(event), "` on ", event.instance,
                                        truth.has_value() ? "" : ", where it cannot be told: something in it is unknown or absent")});
  }
}

std::optional<bool> Observer::Holds(const typed::Expr& condition, const Instance& instance, int64_t now_ns) {
  const FunctionId id = watching_->truths.at(&condition);
  const Function& function = policy_->schema().functions[id.value];
  FillFrame(folded_->world(), function, LookingAt(instance, folded_->registry().Orchestrator(), now_ns), &frame_, nullptr);
  out_.assign(function.output_words, 0);
  policy_->Evaluate(id, frame_.words(), out_.data());
  if (out_[function.outputs[1].offset] != 0) return std::nullopt;
  return out_[function.outputs[0].offset] != 0;
}

void Observer::PassTo(int64_t now_ns, std::vector<Violation>* violations) {
  std::erase_if(awaited_, [&](const Awaited& awaited) {
    if (awaited.due_ns > now_ns) return false;
    violations->push_back({awaited.property, awaited.position,
                           absl::StrCat("nothing of it had come in time on ", awaited.key)});
    return true;
  });
}

}  // namespace writ::policy_test
