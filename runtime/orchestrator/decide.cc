// A proposal against the policy: frame, decision, and what the decision asks and awaits, all in names for the log.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"
#include "runtime/orchestrator/consequences.h"
#include "runtime/orchestrator/decision_names.h"
#include "runtime/orchestrator/orchestrator_core.h"
#include "runtime/orchestrator/tasks.h"

namespace writ {
namespace {

const Transition& TransitionOf(const Schema& schema, const Proposal& proposal) {
  return schema.workflows[proposal.workflow.value].transitions[proposal.transition.value];
}

store::AskedQuestion Kept(const Schema& schema, const Question& question, bool joined) {
  store::AskedQuestion kept;
  kept.question = question.number;
  kept.to = schema.roles[question.role.value].qualified;
  kept.until_ns = question.until_ns;
  kept.rules = question.rules;
  kept.rule_digests = question.digests;
  kept.ladder = question.ladder.value;
  kept.joined = joined;
  return kept;
}

const Question* InRole(const Pending* pending, RoleId role) {
  if (pending == nullptr) return nullptr;
  const Question* found = nullptr;
  for (const Question& question : pending->questions) {
    if (question.role == role) found = &question;
  }
  return found;
}

const Await* Same(const Pending* pending, const std::string& rule, RoleId by) {
  if (pending == nullptr) return nullptr;
  for (const Await& await : pending->awaits) {
    if (await.rule == rule && await.by == by && !await.happened) return &await;
  }
  return nullptr;
}

// What a decision asks and awaits, with what is open already under its first number and deadline.
class Waits {
 public:
  Waits(const Folded& folded, const Proposal& proposal, const Pending* pending, int64_t position)
      : folded_(folded), schema_(folded.schema()), proposal_(proposal), pending_(pending), position_(position) {}

  void Ask(const std::vector<RuleId>& standing, store::Decision* decision) const {
    for (const Question& question : Questions(schema_, standing, position_, proposal_.now_ns)) {
      const Question* there = InRole(pending_, question.role);
      const bool is_open = there != nullptr && there->state == QuestionState::kOpen;
      // A role that has said yes already is not asked again; its rules are approved when all have answered.
      if (there != nullptr && there->state == QuestionState::kGranted && Approves(*there, question)) continue;
      decision->questions.push_back(Kept(schema_, is_open ? *there : question, is_open));
      decision->questions.back().otherwise =
          LadderText(schema_, proposal_.workflow, is_open ? there->ladder : question.ladder);
    }
  }

  void Await(const std::vector<RuleId>& standing, store::Decision* decision) const {
    for (RuleId id : standing) {
      if (id == BuiltinRule(Builtin::kReviewPending)) {
        AwaitReview(decision);
      } else {
        AwaitRule(id, decision);
      }
    }
  }

 private:
  // By digest: a rule that was changed since is another rule, whatever it is called.
  static bool Approves(const Question& granted, const Question& asked) {
    return std::all_of(asked.digests.begin(), asked.digests.end(), [&](const std::string& digest) {
      return std::find(granted.digests.begin(), granted.digests.end(), digest) != granted.digests.end();
    });
  }

  void AwaitRule(RuleId id, store::Decision* decision) const {
    const Rule& rule = schema_.rules[id.value];
    store::Awaited awaited;
    if (rule.awaits.valid()) {
      awaited.transition = schema_.workflows[proposal_.workflow.value].transitions[rule.awaits.value].name;
    } else if (rule.kind == RuleKind::kPlan) {
      awaited.transition = "report";
    }
    if (rule.awaits_by.valid()) awaited.by = schema_.roles[rule.awaits_by.value].qualified;
    awaited.rule = rule.qualified;
    awaited.ladder = rule.ladder.value;
    awaited.otherwise = LadderText(schema_, proposal_.workflow, rule.ladder);
    const writ::Await* there = Same(pending_, rule.qualified, rule.awaits_by);
    awaited.until_ns = there != nullptr ? there->until_ns : Deadline(schema_, rule.ladder, proposal_.now_ns);
    decision->awaits.push_back(std::move(awaited));
  }

  // The verdicts that are missing, until the review's own deadline.
  void AwaitReview(store::Decision* decision) const {
    const Instance* instance = folded_.world().Find(proposal_.workflow, proposal_.key);
    if (instance == nullptr) return;
    const ReviewId waiting = Reviews::Waiting(schema_, *instance);
    if (!waiting.valid()) return;
    const Workflow& workflow = schema_.workflows[proposal_.workflow.value];
    const Review& review = workflow.reviews[waiting.value];
    std::vector<RoleId> missing = Reviews::Missing(review, instance->reviews[waiting.value]);
    if (missing.empty()) missing.push_back(RoleId());
    for (RoleId role : missing) {
      store::Awaited awaited;
      awaited.transition = workflow.transitions[review.verdict.value].name;
      if (role.valid()) awaited.by = schema_.roles[role.value].qualified;
      awaited.rule = kBuiltinNames[static_cast<uint32_t>(Builtin::kReviewPending)];
      awaited.ladder = review.ladder.value;
      awaited.otherwise = LadderText(schema_, proposal_.workflow, review.ladder);
      awaited.until_ns = folded_.ReviewDue(proposal_.workflow, proposal_.key);
      decision->awaits.push_back(std::move(awaited));
    }
  }

  const Folded& folded_;
  const Schema& schema_;
  const Proposal& proposal_;
  const Pending* pending_;
  int64_t position_;
};

Value ComputedValue(const Function& function, size_t output, const int64_t* out) {
  const OutputSlot& slot = function.outputs[output];
  const int64_t* word = out + slot.offset;
  if (slot.kind != SlotKind::kString) return Value(word[0]);  // a field's value fits one word
  return Value(word[1] == 0 ? std::string()
                            : std::string(reinterpret_cast<const char*>(word[0]), static_cast<size_t>(word[1])));
}

// A number wider than a word fits no field.
bool FitsWord(const Function& function, size_t output, const int64_t* out) {
  const OutputSlot& slot = function.outputs[output];
  return slot.kind != SlotKind::kI128 || out[slot.offset + 1] == (out[slot.offset] < 0 ? -1 : 0);
}

}  // namespace

bool EvaluateComputed(const World& world, Proposal* proposal, Frame* frame, std::vector<int64_t>* out) {
  const Schema& schema = world.schema();
  const Transition& transition = TransitionOf(schema, *proposal);
  if (!transition.compute.valid()) return true;
  const Workflow& workflow = schema.workflows[proposal->workflow.value];
  const Function& function = schema.functions[transition.compute.value];
  FillFrame(world, function, *proposal, frame, nullptr);
  out->assign(std::max<uint32_t>(function.output_words, 1), 0);
  world.policy().Evaluate(transition.compute, frame->words(), out->data());
  size_t output = 0;
  bool comes_out = true;
  for (size_t i = 0; i < transition.sets.size(); ++i) {
    if (!transition.sets[i].computed) continue;
    WRIT_CHECK(output + 1 < function.outputs.size());
    const bool present = (*out)[function.outputs[output].offset] != 0;
    const TypeId type = workflow.fields[transition.sets[i].field.value].type;
    proposal->sets[i] = present ? ComputedValue(function, output + 1, out->data()) : Value();
    comes_out = comes_out && (present ? FitsWord(function, output + 1, out->data()) && CheckValue(schema, type, proposal->sets[i]).ok()
                                      : schema.types[type.value].optional);
    output += 2;
  }
  for (size_t i = 0; i < transition.sets.size() && !comes_out; ++i) {
    if (transition.sets[i].computed) proposal->sets[i] = Value();
  }
  return comes_out;
}

void NameDecision(const Schema& schema, const Function& function, const RawDecision& raw, store::Decision* decision) {
  auto name = [&](RuleId rule) -> const std::string& { return schema.rules[rule.value].qualified; };
  decision->outcome = raw.outcome;
  for (uint16_t i = 0; i < raw.reason_count; ++i) {
    decision->reasons.push_back(name(function.restraints[raw.reasons[i]].rule));
  }
  for (uint16_t a = 0; a < raw.allow_count; ++a) {
    const Allow& allow = function.allows[raw.allows[a]];
    for (uint16_t i = 0; i < raw.applied_count; ++i) {
      const uint16_t restraint = raw.applied[i];
      if ((allow.excuses[restraint / 64] >> (restraint % 64) & 1) == 0) continue;
      decision->excused.push_back({name(function.restraints[restraint].rule), name(allow.rule)});
    }
  }
  for (uint16_t i = 0; i < raw.indeterminate_count; ++i) {
    const size_t index = raw.indeterminate[i];
    const size_t restraints = function.restraints.size();
    const Rule& rule = schema.rules[(index < restraints ? function.restraints[index].rule
                                                        : function.allows[index - restraints].rule).value];
    decision->indeterminate.push_back({rule.qualified, rule.file, rule.line, rule.column});
  }
  std::sort(decision->reasons.begin(), decision->reasons.end());
  std::sort(decision->excused.begin(), decision->excused.end());
  std::sort(decision->indeterminate.begin(), decision->indeterminate.end());
}

std::vector<RuleId> StandingRules(const Function& function, const RawDecision& raw) {
  std::vector<RuleId> rules;
  for (uint16_t i = 0; i < raw.reason_count; ++i) rules.push_back(function.restraints[raw.reasons[i]].rule);
  return rules;
}

bool Orchestrator::Core::FillComputed(Proposal* proposal) const {
  std::vector<int64_t> out;
  return EvaluateComputed(folded->world(), proposal, &probe, &out);
}

void Orchestrator::Core::KeepFrame(const Function& function, const ReadSet& reads, Decided* decided) {
  decided->function = function.name;
  std::vector<std::string> erasable;
  decided->frame = EncodeFrame(function.frame, frame, &erasable);
  for (std::string& text : erasable) decided->frame_private.push_back({std::move(text), false});
  for (const writ::ReadVersion& read : reads) {
    const Workflow& workflow = schema().workflows[read.workflow.value];
    if (workflow.is_fact) {
      decided->reads.push_back({store::FactStreamName(workflow.qualified, read.key), read.version});
      continue;
    }
    std::string stream = store::StreamName(workflow.qualified, read.key);
    const int64_t version = chain->StreamVersion(stream);
    decided->reads.push_back({std::move(stream), version});
  }
}

Decided Orchestrator::Core::Decide(Proposal* proposal) {
  grants.Meet(folded->world(), folded->registry(), proposal);
  const Transition& transition = TransitionOf(schema(), *proposal);
  WRIT_CHECK(transition.decide.valid());
  const Function& function = schema().functions[transition.decide.value];
  ReadSet reads;
  FillFrame(folded->world(), function, *proposal, &frame, &reads);
  grants.AddReads(folded->world(), folded->registry(), *proposal, &reads);
  policy->Decide(transition.decide, frame.words(), &raw);

  Decided decided;
  NameDecision(schema(), function, raw, &decided.decision);
  for (uint16_t i = 0; i < raw.applied_count; ++i) decided.applied.push_back(function.restraints[raw.applied[i]].rule);
  if (!transition.consequences.empty()) {
    std::vector<int64_t> out;
    AddObligations(folded->world(), *proposal, function, raw, &probe, &out, &reads, &decided.decision);
    AddTasks(schema(), *proposal, function, raw, NextPosition(), &decided.decision);
  }
  if (raw.outcome == Outcome::kPermit && ProposesPlan(schema(), *proposal)) {
    AddPlanned(folded->world(), folded->plans(), *proposal, NextPosition(), &decided.decision);
  }
  KeepFrame(function, reads, &decided);
  const Pending* pending = folded->FindSame(*proposal);
  const Waits waits(*folded, *proposal, pending, NextPosition());
  if (raw.outcome == Outcome::kEscalate) waits.Ask(StandingRules(function, raw), &decided.decision);
  if (raw.outcome == Outcome::kHold) waits.Await(StandingRules(function, raw), &decided.decision);
  const bool moves = raw.outcome == Outcome::kPermit && !transition.stays && transition.target.valid();
  const StateId before = folded->StateOf(proposal->workflow, proposal->key);
  decided.decision.state = folded->names().StateName(proposal->workflow, moves ? transition.target : before);
  return decided;
}

// Whether `actor` could have proposed this itself: what it may not is told by restraints that applied, excused or not.
bool Orchestrator::Core::Covers(const Proposal& asked, const ActorView& actor) const {
  Proposal own = asked;
  own.actor = actor;
  own.consenting = true;
  own.grant.reset();  // nobody answers with what others gave
  if (!FillComputed(&own)) return false;
  const FunctionId id = TransitionOf(schema(), own).decide;
  const Function& function = schema().functions[id.value];
  FillFrame(folded->world(), function, own, &probe, nullptr);
  auto decision = std::make_unique<RawDecision>();
  policy->Decide(id, probe.words(), decision.get());
  for (uint16_t i = 0; i < decision->applied_count; ++i) {
    const RuleId rule = function.restraints[decision->applied[i]].rule;
    if (rule == BuiltinRule(Builtin::kNoAuthority) || rule == BuiltinRule(Builtin::kSuspended)) return false;
  }
  return true;
}

store::Event Orchestrator::Core::EventOf(store::EventKind kind, const Proposal& proposal, Decided decided) const {
  store::Event event;
  const Workflow& workflow = schema().workflows[proposal.workflow.value];
  event.kind = kind;
  event.time_ns = proposal.now_ns;
  event.workflow = workflow.qualified;
  event.instance = proposal.key;
  if (proposal.transition.valid()) event.transition = workflow.transitions[proposal.transition.value].name;
  event.actor = proposal.actor.id;
  event.role = folded->names().RoleKept(proposal.actor);
  if (proposal.grant.has_value()) event.grant = proposal.grant->key;
  event.sets = folded->names().KeepSets(proposal);
  event.payload = folded->names().KeepPayload(proposal);
  event.read_set = std::move(decided.reads);
  event.policy_digest = policy->digest();
  event.decision = std::move(decided.decision);
  event.function = std::move(decided.function);
  event.frame = std::move(decided.frame);
  event.frame_private = std::move(decided.frame_private);
  return event;
}

}  // namespace writ
