#include "tests/agreement/session.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/eval/interpreter.h"
#include "compiler/ir/ir.h"
#include "compiler/native/jit.h"
#include "compiler/native/samples.h"
#include "compiler/smt/encode.h"
#include "runtime/builtins/check.h"
#include "runtime/review/review.h"

namespace writ::agreement {

void Statistics::Add(const Statistics& o) {
  programs += o.programs, decisions += o.decisions, excused += o.excused, indeterminate += o.indeterminate;
  conclusions += o.conclusions, computed += o.computed, folds += o.folds, frames_solved += o.frames_solved;
  completions += o.completions, early += o.early, decided_late += o.decided_late, undecided_late += o.undecided_late;
  for (size_t i = 0; i < outcomes.size(); ++i) outcomes[i] += o.outcomes[i];
  for (size_t i = 0; i < reasons.size(); ++i) reasons[i] += o.reasons[i];
  for (size_t i = 0; i < ops.size(); ++i) ops[i] += o.ops[i];
  attributes += o.attributes;
  populations += o.populations, facts_through += o.facts_through, found_by_element += o.found_by_element;
  grants += o.grants, exceeded += o.exceeded;
  for (size_t i = 0; i < kinds.size(); ++i) kinds[i] += o.kinds[i];
  for (size_t i = 0; i < quantifiers.size(); ++i) quantifiers[i] += o.quantifiers[i];
  for (size_t i = 0; i < calendars.size(); ++i) calendars[i] += o.calendars[i];
  consents += o.consents, upons += o.upons, told += o.told, untold += o.untold;
  asks += o.asks, silent += o.silent;
  wanted += o.wanted, unwanted += o.unwanted;
  rules.insert(rules.end(), o.rules.begin(), o.rules.end());
  domains.insert(domains.end(), o.domains.begin(), o.domains.end());
}

namespace {

std::string NameOf(const Schema& schema, const Restraining& r) {
  static constexpr const char* kEffects[] = {"deny", "hold", "escalate", "allow", "upon", "ask"};
  return absl::StrCat(schema.rules[r.first.value].qualified, "/", kEffects[static_cast<int>(r.second)]);
}

std::string Names(const Schema& schema, const std::vector<Restraining>& list) {
  return absl::StrJoin(list, " ", [&](std::string* out, const Restraining& r) { *out += NameOf(schema, r); });
}
std::string Names(const Schema& schema, const std::vector<RuleId>& list) {
  return absl::StrJoin(list, " ", [&](std::string* out, RuleId r) { *out += schema.rules[r.value].qualified; });
}

// A raw decision in the oracle's words.
OracleDecision InWords(const Function& function, const RawDecision& raw) {
  OracleDecision out;
  out.outcome = raw.outcome;
  const auto restraint = [&](uint16_t i) {
    return Restraining{function.restraints[i].rule, function.restraints[i].effect};
  };
  for (uint16_t i = 0; i < raw.reason_count; ++i) out.reasons.push_back(restraint(raw.reasons[i]));
  for (uint16_t i = 0; i < raw.applied_count; ++i) out.applied.push_back(restraint(raw.applied[i]));
  for (uint16_t i = 0; i < raw.allow_count; ++i) out.allows.push_back(function.allows[raw.allows[i]].rule);
  for (uint16_t i = 0; i < raw.indeterminate_count; ++i) {
    const uint16_t at = raw.indeterminate[i];
    if (at < function.restraints.size())
      out.failed.push_back(restraint(at));
    else
      out.allows_failed.push_back(function.allows[at - function.restraints.size()].rule);
  }
  for (std::vector<Restraining>* list : {&out.reasons, &out.applied, &out.failed})
    std::sort(list->begin(), list->end());
  std::sort(out.allows.begin(), out.allows.end());
  std::sort(out.allows_failed.begin(), out.allows_failed.end());
  return out;
}

bool Same(const OracleDecision& a, const OracleDecision& b) {
  return a.outcome == b.outcome && a.reasons == b.reasons && a.applied == b.applied && a.failed == b.failed &&
         a.allows == b.allows && a.allows_failed == b.allows_failed;
}

bool Same(const RawDecision& a, const RawDecision& b) {
  const auto same = [](const uint16_t* x, uint16_t n, const uint16_t* y, uint16_t m) {
    return n == m && std::equal(x, x + n, y);
  };
  return a.outcome == b.outcome && same(a.reasons, a.reason_count, b.reasons, b.reason_count) &&
         same(a.applied, a.applied_count, b.applied, b.applied_count) &&
         same(a.allows, a.allow_count, b.allows, b.allow_count) &&
         same(a.indeterminate, a.indeterminate_count, b.indeterminate, b.indeterminate_count);
}

Num NumberAt(const OutputSlot& slot, const int64_t* out) {
  const int64_t* w = out + slot.offset;
  if (slot.kind != SlotKind::kI128) return w[0];
  return static_cast<Num>((static_cast<unsigned __int128>(static_cast<uint64_t>(w[1])) << 64) |
                          static_cast<uint64_t>(w[0]));
}

std::string_view TextAt(const OutputSlot& slot, const int64_t* out) {
  const int64_t* w = out + slot.offset;
  return {reinterpret_cast<const char*>(static_cast<intptr_t>(w[0])), static_cast<size_t>(w[1])};
}

bool SameOutputs(const Function& function, const int64_t* a, const int64_t* b) {
  for (const OutputSlot& slot : function.outputs) {
    if (slot.kind == SlotKind::kString ? TextAt(slot, a) != TextAt(slot, b) : NumberAt(slot, a) != NumberAt(slot, b))
      return false;
  }
  return true;
}

}  // namespace

std::string Describe(const Schema& schema, const OracleDecision& d) {
  static constexpr const char* kOutcomes[] = {"permit", "escalate", "hold", "deny"};
  return absl::StrCat(kOutcomes[static_cast<int>(d.outcome)], " because [", Names(schema, d.reasons), "] applied [",
                      Names(schema, d.applied), "] allows [", Names(schema, d.allows), "] indeterminate [",
                      Names(schema, d.failed), "] [", Names(schema, d.allows_failed), "]");
}

namespace {

std::string ValueText(const Value& v) {
  if (v.absent()) return "-";
  if (v.is_integer()) return absl::StrCat(v.integer());
  if (v.is_text()) return absl::StrCat("\"", v.text(), "\"");
  return absl::StrCat(
      "[", absl::StrJoin(v.list(), ", ", [](std::string* out, const Value& e) { *out += ValueText(e); }), "]");
}

std::string ValuesText(const std::vector<Value>& values) {
  return absl::StrJoin(values, ", ", [](std::string* out, const Value& e) { *out += ValueText(e); });
}

}  // namespace

static std::string GrantText(const Proposal& p) {
  if (!p.grant.has_value()) return "";
  std::string text = absl::StrCat(" for R", p.grant->role.value, " under ",
                                  p.grant->tasks.empty() ? "-" : absl::StrJoin(p.grant->tasks, "+"), p.grant->holds ? "" : " (broken)");
  for (const auto& [field, most] : p.grant->most) absl::StrAppend(&text, " f", field.value, "<=", most.integer());
  return text;
}

std::string Describe(const Schema& schema, const Step& step) {
  const Proposal& p = step.proposal;
  const Workflow& w = schema.workflows[p.workflow.value];
  return absl::StrCat(w.name, ".", p.transition.valid() ? w.transitions[p.transition.value].name : "-", " on ", p.key,
                      " by ", p.actor.id, " as R", p.actor.role.valid() ? absl::StrCat(p.actor.role.value) : "-",
                      p.actor.is_human ? " human" : "", p.actor.is_active ? "" : " suspended",
                      p.actor.holds_role ? "" : " without the role", GrantText(p), " at ", p.now_ns, " seen ",
                      p.seen == INT64_MAX ? -1 : p.seen, " sets (", ValuesText(p.sets), ") payload (",
                      ValuesText(p.payload), ")", step.force ? " forced" : "", p.duplicate ? " duplicate" : "",
                      p.conclude_review >= 0 ? absl::StrCat(" concludes ", p.conclude_clause) : "",
                      p.approved.empty() ? "" : " approved ", Names(schema, p.approved));
}

// ---------------------------------------------------------------- folds and other functions with outputs

// Evaluates in the interpreter and in native code, and remembers whether they ever differed.
class Session::BothPolicy final : public CompiledPolicy {
 public:
  BothPolicy(const ir::Program* program, const CompiledPolicy* native, std::set<uint32_t>* ran, Statistics* statistics)
      : program_(*program), native_(native), ran_(*ran), statistics_(*statistics) {}

  const Schema& schema() const override { return program_.schema; }
  const std::string& digest() const override { return digest_; }
  std::string_view ir() const override { return {}; }
  void Decide(FunctionId function, const int64_t* frame, RawDecision* out) const override {
    eval::Decide(program_, function, frame, out);
  }
  void Evaluate(FunctionId function, const int64_t* frame, int64_t* out) const override {
    const Function& f = program_.schema.functions[function.value];
    if (!counts_solved_only) ran_.insert(function.value);
    if (f.kind == FunctionKind::kFold) ++statistics_.folds;
    eval::Evaluate(program_, function, frame, out);
    if (native_ != nullptr) {
      other_.assign(f.output_words + 1, 0);
      native_->Evaluate(function, frame, other_.data());
      if (!SameOutputs(f, out, other_.data())) Differ(f, "native code", out);
    }
    if (solver_budget > 0) {
      --solver_budget;
      ran_.insert(function.value);
      ++statistics_.frames_solved;
      other_.assign(f.output_words + 1, 0);
      const absl::Status status = smt::EvaluateBySolver(program_, function, frame, other_.data());
      if (!status.ok() && status.code() != absl::StatusCode::kResourceExhausted)
        difference = absl::StrCat(f.name, ": solver: ", status.ToString());
      if (status.ok() && !SameOutputs(f, out, other_.data())) Differ(f, "the solver", out);
    }
  }

  mutable std::string difference;
  mutable int solver_budget = 0;
  bool counts_solved_only = false;

 private:
  void Differ(const Function& f, const char* who, const int64_t* out) const {
    difference = absl::StrCat(f.name, ": the interpreter gives ", samples::Describe(f, out), " and ", who, " ",
                              samples::Describe(f, other_.data()));
  }

  const ir::Program& program_;
  const CompiledPolicy* native_;
  std::set<uint32_t>& ran_;
  Statistics& statistics_;
  const std::string digest_ = "sha256:generated";
  mutable std::vector<int64_t> other_;
};

Session::Session(const typed::Program* program, const Options& options, Statistics* statistics)
    : program_(*program), options_(options), statistics_(statistics) {}

Session::~Session() {
  for (const uint32_t function : ran_) {
    std::set<ir::Op> ops;
    for (const ir::Expr& e : lowered_.program.code[function].exprs) ops.insert(e.op);
    for (const ir::Op op : ops) ++statistics_->ops[static_cast<size_t>(op)];
  }
  if (oracle_ == nullptr) return;
  statistics_->attributes += oracle_->attributes;
  statistics_->populations += oracle_->populations;
  statistics_->facts_through += oracle_->facts_through, statistics_->found_by_element += oracle_->found_by_element;
  statistics_->grants += oracle_->grants, statistics_->exceeded += oracle_->exceeded;
  for (size_t i = 0; i < oracle_->kinds.size(); ++i) statistics_->kinds[i] += oracle_->kinds[i];
  for (size_t i = 0; i < oracle_->calendars.size(); ++i) statistics_->calendars[i] += oracle_->calendars[i];
  statistics_->consents += oracle_->consents;
  for (size_t i = 0; i < oracle_->quantifiers.size(); ++i) statistics_->quantifiers[i] += oracle_->quantifiers[i];
}

std::optional<std::string> Session::Prepare() {
  diagnostics::Sink sink;
  lowered_ = lower::Lower(program_, &sink);
  if (sink.has_errors()) return absl::StrCat("lowering reports: ", sink.Take()[0].message);
  const std::vector<std::string> faults = ir::Verify(lowered_.program);
  if (!faults.empty()) return absl::StrCat("the IR is not well formed: ", faults[0]);
  if (options_.native) {
    native::Options how;
    how.optimize = options_.optimize;
#ifdef WRIT_PLANTED_FAULTS
    how.planted_fault = options_.native_fault;
#endif
    auto compiled = native::Compile(lowered_.program, how);
    if (!compiled.ok()) return absl::StrCat("native code: ", compiled.status().ToString());
    native_ = *std::move(compiled);
  }
  policy_ = std::make_unique<BothPolicy>(&lowered_.program, native_.get(), &ran_, statistics_);
  policy_->counts_solved_only = options_.solver_frames > 0;
  world_ = std::make_unique<World>(policy_.get());
  if (options_.oracle) oracle_ = std::make_unique<Oracle>(&program_);
  return std::nullopt;
}

// ---------------------------------------------------------------- one step

std::optional<std::string> Session::RoundTrip(const Function& function, const Frame& frame, Frame* again) {
  std::vector<std::string> erasable, erasable_again;
  const std::string bytes = EncodeFrame(function.frame, frame, &erasable);
  if (const absl::Status s = DecodeFrame(function.frame, bytes, erasable, again); !s.ok())
    return absl::StrCat(function.name, ": ", s.ToString());
  if (EncodeFrame(function.frame, *again, &erasable_again) != bytes || erasable != erasable_again) {
    return absl::StrCat(function.name, ": a frame that was encoded and decoded is another one");
  }
  return std::nullopt;
}

std::optional<std::string> Session::Computed(Proposal* proposal, bool* fits) {
  const Schema& schema = lowered_.program.schema;
  const Workflow& workflow = schema.workflows[proposal->workflow.value];
  const Transition& transition = workflow.transitions[proposal->transition.value];
  *fits = true;
  if (!transition.compute.valid()) return std::nullopt;
  const Function& function = schema.functions[transition.compute.value];
  FillFrame(*world_, function, *proposal, &frame_, nullptr);
  std::vector<int64_t> out(function.output_words + 1);
  policy_->Evaluate(transition.compute, frame_.words(), out.data());
  ++statistics_->computed;
  std::vector<Walked> walked;
  if (oracle_ != nullptr) walked = oracle_->Compute(*proposal);
  size_t k = 0;
  for (size_t i = 0; i < transition.sets.size(); ++i) {
    if (!transition.sets[i].computed) continue;
    const OutputSlot &present = function.outputs[2 * k], &slot = function.outputs[2 * k + 1];
    const bool there = NumberAt(present, out.data()) != 0;
    Value value;
    if (there)
      value = slot.kind == SlotKind::kString ? Value(std::string(TextAt(slot, out.data())))
                                             : Value(static_cast<int64_t>(NumberAt(slot, out.data())));
    if (oracle_ != nullptr) {
      const Walked& w = walked[k];
      const bool same =
          there == (w.present && !w.unknown) &&
          (!there || (slot.kind == SlotKind::kString ? value.text() == w.text : value.integer() == w.number));
      if (!same)
        return absl::StrCat(function.name, ": the oracle computes another value of ",
                            workflow.fields[transition.sets[i].field.value].name);
    }
    if (there && !CheckValue(schema, workflow.fields[transition.sets[i].field.value].type, value).ok()) *fits = false;
    proposal->sets[i] = std::move(value);
    ++k;
  }
  return std::nullopt;
}

namespace {

// The solver is slow, and sees few frames of a history: none of the first, which only open things, and it waits a
// little for one with a list of several elements.
constexpr uint32_t kStepsUnsolved = 8, kStepsBetween = 4, kStepsWaited = 4;

bool IsCrowded(const Function& function, const Frame& frame) {
  return std::any_of(function.frame.lists.begin(), function.frame.lists.end(), [&](const FrameList& list) {
    return !list.parent.valid() && frame.words()[list.offset] > 1;
  });
}

}  // namespace

std::optional<std::string> Session::Decide(const Proposal& proposal, Decided* decided) {
  const Schema& schema = lowered_.program.schema;
  const FunctionId id = schema.workflows[proposal.workflow.value].transitions[proposal.transition.value].decide;
  const Function& function = schema.functions[id.value];
  FillFrame(*world_, function, proposal, &frame_, nullptr);
  if (std::optional<std::string> wrong = RoundTrip(function, frame_, &again_)) return wrong;
  thread_local RawDecision interpreted, compiled, solved;
  eval::Decide(lowered_.program, id, frame_.words(), &interpreted);
  decided->decision = InWords(function, interpreted);
  decided->outcome = interpreted.outcome;
  decided->ran = true;
  const auto differs = [&](const char* who, const OracleDecision& other) {
    return absl::StrCat(function.name, ":\n  the interpreter: ", Describe(schema, decided->decision), "\n  ", who, ": ",
                        Describe(schema, other));
  };
  if (native_ != nullptr) {
    native_->Decide(id, again_.words(), &compiled);
    if (!Same(interpreted, compiled)) return differs("native code", InWords(function, compiled));
  }
  if (oracle_ != nullptr) {
    const OracleDecision walked = oracle_->Decide(proposal);
    if (!Same(decided->decision, walked)) return differs("the oracle", walked);
  }
  const bool waits = solved_ % 3 != 2 && steps_ < due_at_ + kStepsWaited;  // one in three is whatever comes
  if (due_ && (!waits || IsCrowded(function, frame_))) {
    solving_ = true;
    due_ = false;
    due_at_ = steps_ + kStepsBetween;
    policy_->solver_budget = 1;
  }
  if (solving_) {
    ++solved_;
    ++statistics_->frames_solved;
    const absl::Status status = smt::DecideBySolver(lowered_.program, id, frame_.words(), &solved);
    if (!status.ok() && status.code() != absl::StatusCode::kResourceExhausted)
      return absl::StrCat(function.name, ": solver: ", status.ToString());
    if (status.ok() && !Same(interpreted, solved)) return differs("the solver", InWords(function, solved));
  }
  if (std::optional<std::string> wrong = Consequences(proposal)) return wrong;
  if (std::optional<std::string> wrong = Asks(proposal)) return wrong;
  if (std::optional<std::string> wrong = Plans(proposal)) return wrong;
  if (options_.solver_frames > 0 && !solving_) return std::nullopt;  // what is counted is what was compared
  ran_.insert(id.value);
  ++statistics_->decisions;
  ++statistics_->outcomes[static_cast<size_t>(interpreted.outcome)];
  if (interpreted.allow_count > 0) ++statistics_->excused;
  if (interpreted.indeterminate_count > 0) ++statistics_->indeterminate;
  for (const Restraining& r : decided->decision.applied) statistics_->upons += r.second == Effect::kUpon;
  for (const Restraining& r : decided->decision.reasons) {
    if (r.first.value < statistics_->reasons.size()) ++statistics_->reasons[r.first.value];
  }
  return std::nullopt;
}

// The values of all that the transition's rules oblige to, in all forms.
std::optional<std::string> Session::Consequences(const Proposal& proposal) {
  const Schema& schema = lowered_.program.schema;
  for (const ConsequenceOf& of :
       schema.workflows[proposal.workflow.value].transitions[proposal.transition.value].consequences) {
    if (!of.function.valid()) continue;  // a task
    const Function& function = schema.functions[of.function.value];
    FillFrame(*world_, function, proposal, &frame_, nullptr);
    std::vector<int64_t> out(function.output_words + 1);
    policy_->Evaluate(of.function, frame_.words(), out.data());
    const std::vector<Walked> walked =
        oracle_ == nullptr ? std::vector<Walked>() : oracle_->Then(proposal, of.rule, of.index);
    for (size_t i = 0; i < walked.size(); ++i) {
      const OutputSlot &present = function.outputs[2 * i], &slot = function.outputs[2 * i + 1];
      const bool there = NumberAt(present, out.data()) != 0;
      ++(there ? statistics_->told : statistics_->untold);
      const bool same = there == walked[i].present &&
                        (!there || (slot.kind == SlotKind::kString ? TextAt(slot, out.data()) == walked[i].text
                                                                   : NumberAt(slot, out.data()) == walked[i].number));
      if (!same) return absl::StrCat(function.name, ": the oracle tells another value ", i);
    }
  }
  return std::nullopt;
}

// Nobody proposes: the instance is looked at as it is.
static Proposal LookingAtIt(const Proposal& proposal) {
  Proposal where;
  where.workflow = proposal.workflow;
  where.key = proposal.key;
  where.key_parts = proposal.key_parts;
  where.now_ns = proposal.now_ns;
  where.actor.is_orchestrator = true;
  return where;
}

// What the plan of the instance wants, in all forms.
std::optional<std::string> Session::Plans(const Proposal& proposal) {
  const Schema& schema = lowered_.program.schema;
  const std::vector<Plan>& plans = schema.workflows[proposal.workflow.value].plans;
  if (plans.empty() || world_->Find(proposal.workflow, proposal.key) == nullptr) return std::nullopt;
  const Proposal where = LookingAtIt(proposal);
  const Function& function = schema.functions[plans[0].function.value];
  FillFrame(*world_, function, where, &frame_, nullptr);
  std::vector<int64_t> out(function.output_words + 1);
  policy_->Evaluate(plans[0].function, frame_.words(), out.data());
  if (oracle_ == nullptr) return std::nullopt;
  const std::vector<Walked> walked = oracle_->Plan(where);
  if (walked.size() != function.outputs.size()) return absl::StrCat(function.name, ": the oracle tells of other tasks");
  bool wanted = false;
  for (size_t i = 0; i < walked.size(); ++i) {
    const OutputSlot& slot = function.outputs[i];
    if (slot.kind == SlotKind::kString) {  // of an element that is not wanted, nothing is said
      if (!wanted || TextAt(slot, out.data()) == walked[i].text) continue;
      return absl::StrCat(function.name, ": the oracle wants a task for `", walked[i].text, "`");
    }
    wanted = NumberAt(slot, out.data()) != 0;
    ++(wanted ? statistics_->wanted : statistics_->unwanted);
    if (wanted != (walked[i].number != 0)) return absl::StrCat(function.name, ": the oracle says of ", i, ": ", !wanted);
  }
  return std::nullopt;
}

// Which `ask` rules ask now, in all forms.
std::optional<std::string> Session::Asks(const Proposal& proposal) {
  const Schema& schema = lowered_.program.schema;
  const FunctionId ask = schema.workflows[proposal.workflow.value].ask;
  if (!ask.valid() || world_->Find(proposal.workflow, proposal.key) == nullptr) return std::nullopt;
  const Proposal where = LookingAtIt(proposal);
  const Function& function = schema.functions[ask.value];
  FillFrame(*world_, function, where, &frame_, nullptr);
  std::vector<int64_t> out(function.output_words + 1);
  policy_->Evaluate(ask, frame_.words(), out.data());
  if (oracle_ == nullptr) return std::nullopt;
  const std::vector<std::pair<bool, bool>> walked = oracle_->Asks(where);
  for (size_t i = 0; i < walked.size(); ++i) {
    const bool asks = NumberAt(function.outputs[2 * i], out.data()) != 0;
    const bool fails = NumberAt(function.outputs[2 * i + 1], out.data()) != 0;
    ++(asks ? statistics_->asks : statistics_->silent);
    if (asks != walked[i].first || fails != walked[i].second) {
      return absl::StrCat(function.name, ": the oracle says of the ask ", i, ": ", walked[i].first, " ", walked[i].second);
    }
  }
  return std::nullopt;
}

// What the review would come to now, in all forms.
std::optional<std::string> Session::Conclude(const Proposal& proposal, Decided* decided) {
  const Schema& schema = lowered_.program.schema;
  const Workflow& workflow = schema.workflows[proposal.workflow.value];
  for (uint32_t r = 0; r < workflow.reviews.size(); ++r) {
    const FunctionId id = workflow.reviews[r].conclude;
    const Function& function = schema.functions[id.value];
    Proposal where = proposal;
    where.actor = {};
    where.actor.id = "orchestrator";
    where.actor.is_orchestrator = true;
    where.conclude_review = where.conclude_clause = -1;
    FillFrame(*world_, function, where, &frame_, nullptr);
    std::vector<int64_t> out(function.output_words + 1);
    policy_->Evaluate(id, frame_.words(), out.data());
    ++statistics_->conclusions;
    const bool conflict = out[function.outputs[1].offset] != 0, unknown = out[function.outputs[2].offset] != 0;
    const int64_t clause = out[function.outputs[0].offset];
    const std::string name = conflict     ? "conflict"
                             : clause < 0 ? "else"
                                          : workflow.reviews[r].clauses[static_cast<size_t>(clause)].name;
    decided->concluded.push_back(absl::StrCat(unknown ? "? " : "", name));
    if (oracle_ == nullptr) continue;
    const OracleConclusion walked = oracle_->Conclude(where, ReviewId(r));
    if (conflict != walked.conflict || unknown != walked.unknown || (!conflict && clause != walked.clause)) {
      return absl::StrCat(function.name, ": the interpreter concludes ", clause, conflict ? " conflict" : "",
                          unknown ? " unknown" : "", ", the oracle ", walked.clause, walked.conflict ? " conflict" : "",
                          walked.unknown ? " unknown" : "");
    }
    if (std::optional<std::string> wrong = Complete(where, ReviewId(r))) return wrong;
  }
  return std::nullopt;
}

namespace {

constexpr uint32_t kCompletedMax = 6;  // reviews of one history whose every completion is tried
constexpr size_t kPlacesMax = 4;       // places that are left in one

}  // namespace

// When the review counts as spoken, and what it comes to at its deadline: the runtime against every completion, one by
// one, with a verdict for each place that is left.
std::optional<std::string> Session::Complete(const Proposal& where, ReviewId id) {
  const Schema& schema = lowered_.program.schema;
  const Review& review = schema.workflows[where.workflow.value].reviews[id.value];
  const Instance* instance = world_->Find(where.workflow, where.key);
  if (instance == nullptr || completed_ >= kCompletedMax || Reviews::Waiting(schema, *instance) != id)
    return std::nullopt;
  // A round in which nobody has spoken yet is tried once.
  const ReviewState& state = instance->reviews[id.value];
  const bool nobody =
      std::all_of(state.seats.begin(), state.seats.end(), [](const auto& seat) { return seat.empty(); });
  if (nobody && completed_ > 0) return std::nullopt;
  const std::optional<OracleReview> walked = oracle_->Complete(where, id, kPlacesMax);
  if (!walked.has_value()) return std::nullopt;
  ++completed_;
  ++statistics_->completions;
  policy_->solver_budget = 0;
  const auto clause_of = [&](const std::string& name) {
    const auto at = std::find_if(review.clauses.begin(), review.clauses.end(),
                                 [&](const Clause& c) { return c.name == name; });
    return ClauseId(static_cast<size_t>(at - review.clauses.begin()));
  };
  const auto name_of = [&](std::optional<ClauseId> clause) {
    return clause.has_value() ? review.clauses[clause->value].name : "nothing";
  };
  Reviews reviews(world_.get());
  const std::optional<ClauseId> complete = reviews.Complete(*instance, id, where.actor, where.now_ns);
  const ClauseId late = reviews.AtDeadline(*instance, id, where.actor, where.now_ns);
  const std::optional<ClauseId> should =
      walked->complete.empty() ? std::nullopt : std::optional<ClauseId>(clause_of(walked->complete));
  if (complete != should || late != clause_of(walked->late)) {
    return absl::StrCat("review of ", where.key, ": the runtime concludes ", name_of(complete), " and at the deadline ",
                        name_of(late), ", every completion in turn gives ", name_of(should), " and ", walked->late);
  }
  const bool missing = walked->left > 0;
  statistics_->early += missing && complete.has_value() ? 1 : 0;
  statistics_->decided_late += missing && walked->agree ? 1 : 0;
  statistics_->undecided_late += missing && !walked->agree ? 1 : 0;
  return std::nullopt;
}

std::optional<std::string> Session::Run(const Step& step, std::optional<bool> commit, Decided* decided) {
  Decided own;
  if (decided == nullptr) decided = &own;
  Proposal proposal = step.proposal;
  committed_ = false;
  solving_ = false;
  ++steps_;
  due_ = solved_ < options_.solver_frames && steps_ >= std::max(due_at_, kStepsUnsolved);
  if (proposal.transition.valid()) {
    bool fits = true;
    if (std::optional<std::string> wrong = Computed(&proposal, &fits)) return wrong;
    if (!fits) return std::nullopt;
    if (std::optional<std::string> wrong = Decide(proposal, decided)) return wrong;
  }
  ++position_;
  const bool concludes = step.conclude && world_->Find(proposal.workflow, proposal.key) != nullptr;
  if (concludes) {
    world_->ConcludeReview(proposal.workflow, proposal.key, ReviewId(proposal.conclude_review),
                           ClauseId(proposal.conclude_clause));
  }
  committed_ = commit.value_or(proposal.transition.valid() && (decided->outcome == Outcome::kPermit || step.force));
  if (proposal.transition.valid()) world_->Apply(proposal, position_, !committed_);
  if (oracle_ != nullptr) oracle_->Record(proposal, position_, !committed_);
  if (std::optional<std::string> wrong = Conclude(proposal, decided)) return wrong;
  if (!policy_->difference.empty()) return policy_->difference;
  return std::nullopt;
}

}  // namespace writ::agreement
