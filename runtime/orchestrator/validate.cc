// A line against the schema and the registry. Whatever is wrong here refuses the line: nothing is committed for it.
#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/orchestrator/convert.h"
#include "runtime/orchestrator/orchestrator_core.h"
#include "runtime/store/wire.h"

namespace writ {
namespace {

constexpr int64_t kMeteredMax = 1'000'000'000'000'000;  // as Task has it

absl::Status Refused(std::string text) { return absl::InvalidArgumentError(std::move(text)); }

// One validation: it has the core to look at, the submission, and the line that comes out.
class Validation {
 public:
  Validation(const Orchestrator::Core& core, const Submission& submission)
      : core_(core), schema_(core.schema()), folded_(*core.folded), in_(submission) {}

  absl::StatusOr<Line> Run() {
    const absl::Status time = Time();
    if (!time.ok() && in_.idempotency_key.empty()) return time;
    if (absl::Status status = Content(); !status.ok()) return status;
    // Sent again under its key, it says what it was answered then: whatever has happened since, and whatever time it names.
    if (!time.ok() && line_.repeats == 0) return time;
    return std::move(line_);
  }

 private:
  absl::Status Content() {
    switch (in_.kind) {
      case Submission::Kind::kTick:
        line_.is_tick = true;
        if (core_.options.mode == ClockMode::kGiven && !in_.at_ns.has_value()) return Refused("a tick needs its time");
        return absl::OkStatus();
      case Submission::Kind::kAgent: return Agent();
      case Submission::Kind::kSet:
      case Submission::Kind::kPropose: return Propose();
      case Submission::Kind::kAnswer: return Answer();
      case Submission::Kind::kSpent: return Spent();
    }
    return absl::OkStatus();
  }

  absl::Status Time() {
    const int64_t last_ns = folded_.last_time_ns();
    line_.claimed_time = in_.claimed_time;
    if (core_.options.mode == ClockMode::kLive) {
      const int64_t now_ns = core_.options.clock->NowNs();
      line_.now_ns = std::max(std::clamp(now_ns, -limits::kTimeMax, limits::kTimeMax), last_ns);
      return absl::OkStatus();
    }
    line_.now_ns = in_.at_ns.value_or(last_ns);
    if (line_.now_ns > limits::kTimeMax || line_.now_ns < -limits::kTimeMax) {
      return Refused("its time is out of range");
    }
    if (folded_.last_position() == 0 || line_.now_ns >= last_ns) return absl::OkStatus();
    return Refused(absl::StrCat("time goes back: it is at ", FormatTime(line_.now_ns), ", and position ",
                                folded_.last_position(), " was at ", FormatTime(last_ns)));
  }

  // ---------------------------------------------------------------- actors

  absl::Status Agent() {
    line_.kind = store::EventKind::kRegister;
    if (!core_.options.trusted_input) return Refused("agents are registered by proposals on `Agent`, not by a line");
    absl::StatusOr<ActorDescription> valid = Described(schema_, folded_.registry(), in_.agent, in_.attributes);
    if (!valid.ok()) return valid.status();
    line_.proposal = folded_.registry().Registration(*valid, line_.now_ns);
    if (folded_.registry().Find(valid->id) != nullptr) line_.registration = EncodeRegistration(*valid);
    return CheckValues();
  }

  // What the host has metered of a task, added to what it had spent before.
  absl::Status Spent() {
    line_.kind = store::EventKind::kSpend;
    if (!core_.options.trusted_input && !in_.by_host) return Refused("what a task has spent is told by the host");
    const WorkflowId task = folded_.names().task();
    const absl::StatusOr<const Instance*> metered = MeteredTask(task);
    if (!metered.ok()) return metered.status();
    const Instance* instance = *metered;
    const Workflow& declared = schema_.workflows[task.value];
    Proposal& proposal = line_.proposal;
    proposal.workflow = task;
    proposal.transition = Names::TransitionOf(declared, "spend");
    proposal.key = instance->key;
    proposal.key_parts = instance->key_parts;
    proposal.now_ns = line_.now_ns;
    proposal.actor = folded_.registry().Host();
    absl::StatusOr<int64_t> cost = CostOf(*instance);
    if (!cost.ok()) return cost.status();
    if (in_.tokens < 0 || in_.tokens > kMeteredMax || *cost < 0 || *cost > kMeteredMax) {
      return Refused("what was spent is out of range");
    }
    const Transition& spend = declared.transitions[proposal.transition.value];
    proposal.payload = {Value(*cost), Value(in_.tokens)};
    // The same again is told by what was said, not by what it comes to.
    actor_.id = proposal.actor.id;
    if (absl::Status s = Idempotency(); !s.ok() || line_.repeats > 0) return s;
    proposal.sets.resize(spend.sets.size());
    for (size_t i = 0; i < spend.sets.size(); ++i) {
      const FieldId field = spend.sets[i].field;
      const bool is_cost = declared.fields[field.value].name == "spent_cost";
      proposal.sets[i] = Value(instance->fields[field.value].integer() + (is_cost ? *cost : in_.tokens));
    }
    return CheckValues();
  }

  absl::StatusOr<const Instance*> MeteredTask(WorkflowId task) const {
    const Instance* named = task.valid() ? folded_.world().Find(task, in_.task) : nullptr;
    if (named != nullptr && named->state != kNewState) return named;
    std::vector<const Instance*> opened;
    if (task.valid()) {
      for (const Instance* instance : folded_.world().InstancesOf(task)) {
        if (instance->state != kNewState && instance->key.starts_with(in_.task + "/")) opened.push_back(instance);
      }
    }
    if (opened.size() == 1) return opened.front();
    if (opened.empty()) return Refused(absl::StrCat("there is no task `", in_.task, "`"));
    return Refused(absl::StrCat("position ", in_.task, " opened ", opened.size(), " tasks: say which, such as `",
                                opened.front()->key, "`"));
  }

  // In minor units of the currency that the task's plan is bounded in.
  absl::StatusOr<int64_t> CostOf(const Instance& task) const {
    if (in_.cost.empty()) return 0;
    const std::string stream = folded_.tasks().StreamOf(task.key, folded_.world());
    const WorkflowId workflow = folded_.names().Workflow(stream.substr(0, stream.find('/')));
    const TypeId type = workflow.valid() ? CostType(schema_, workflow) : TypeId();
    if (!type.valid()) return Refused("no plan bounds what this costs: leave `cost` out");
    absl::StatusOr<Value> cost = ToValue(schema_, type, Input(in_.cost));
    if (!cost.ok()) return Refused(absl::StrCat("`cost`: ", cost.status().message()));
    return cost->integer();
  }

  absl::Status CheckValues() const {
    const Workflow& workflow = schema_.workflows[line_.proposal.workflow.value];
    const Transition& transition = workflow.transitions[line_.proposal.transition.value];
    for (size_t i = 0; i < transition.sets.size(); ++i) {
      const Field& field = workflow.fields[transition.sets[i].field.value];
      if (line_.proposal.sets[i].absent()) continue;
      absl::Status good = CheckValue(schema_, field.type, line_.proposal.sets[i]);
      if (!good.ok()) return Refused(absl::StrCat("`", field.name, "`: ", good.message()));
    }
    absl::StatusOr<std::vector<Value>> key = ParseKey(schema_, workflow.key, line_.proposal.key);
    return key.ok() ? absl::OkStatus() : Refused(std::string(key.status().message()));
  }

  // Fills in who proposes, without the role.
  absl::Status Actor() {
    if (in_.inline_actor.has_value()) return InlineActor();
    if (in_.by.empty()) return Refused("it does not say who proposes it (`by`)");
    if (in_.by == "orchestrator" || in_.by == "host") return Refused(absl::StrCat("`", in_.by, "` cannot be claimed"));
    const RegisteredActor* actor = folded_.registry().Find(in_.by);
    if (actor == nullptr) return Refused(absl::StrCat("`", in_.by, "` is not registered"));
    actor_ = *actor;
    return absl::OkStatus();
  }

  absl::Status InlineActor() {
    if (!core_.options.trusted_input) return Refused("an actor cannot be written inline here: name a registered one");
    absl::StatusOr<ActorDescription> valid = Described(schema_, folded_.registry(), *in_.inline_actor, in_.attributes);
    if (!valid.ok()) return valid.status();
    const RegisteredActor* known = folded_.registry().Find(valid->id);
    if (folded_.registry().Changes(*valid)) line_.registration = EncodeRegistration(*valid);
    if (!line_.registration.empty()) {
      line_.proposal = folded_.registry().Registration(*valid, line_.now_ns);
      if (absl::Status good = CheckValues(); !good.ok()) return good;
      line_.proposal = Proposal();
    }
    actor_.id = valid->id;
    actor_.principal = valid->principal;
    actor_.human = *valid->human;
    actor_.active = known == nullptr || known->active;
    actor_.attributes = folded_.registry().AttributesOf(*valid);
    for (const std::string& role : valid->roles) actor_.roles.push_back(folded_.names().Role(role));
    std::sort(actor_.roles.begin(), actor_.roles.end());
    return absl::OkStatus();
  }

  absl::StatusOr<RoleId> ClaimedRole() const {
    if (in_.as == "orchestrator") return Refused("`orchestrator` cannot be claimed");
    return folded_.registry().ResolveRole(in_.as);
  }

  bool Fits(RoleId role) const {
    const Proposal& proposal = line_.proposal;
    if (const OpenTask* task = folded_.tasks().Find(proposal.key);
        proposal.workflow == folded_.names().task() && task != nullptr && task->role == role) {
      return true;
    }
    const Transition& transition = schema_.workflows[proposal.workflow.value].transitions[proposal.transition.value];
    return std::binary_search(transition.may.begin(), transition.may.end(), role);
  }

  // The role: the one that is claimed; the one that the grant is to; the only one; the only one that may.
  absl::StatusOr<RoleId> Role() const {
    if (!in_.as.empty()) return ClaimedRole();
    const RoleId to = core_.grants.To(folded_.world(), in_.under);
    if (!in_.under.empty() && std::binary_search(actor_.roles.begin(), actor_.roles.end(), to)) return to;
    if (actor_.roles.size() <= 1) return actor_.roles.empty() ? RoleId() : actor_.roles.front();
    std::vector<RoleId> fitting;
    for (RoleId role : actor_.roles) {
      if (Fits(role)) fitting.push_back(role);
    }
    if (fitting.size() == 1) return fitting.front();
    if (fitting.empty()) return FirstByName();
    std::vector<std::string> names;
    for (RoleId role : fitting) names.push_back(RoleShown(schema_, role));
    std::sort(names.begin(), names.end());
    return Refused(absl::StrCat("`", actor_.id, "` holds several roles that fit (", absl::StrJoin(names, ", "),
                                "): say which with `as`"));
  }

  RoleId FirstByName() const {
    return *std::min_element(actor_.roles.begin(), actor_.roles.end(), [&](RoleId a, RoleId b) {
      return schema_.roles[a.value].qualified < schema_.roles[b.value].qualified;
    });
  }

  // ---------------------------------------------------------------- proposals

  absl::Status Propose() {
    line_.kind = store::EventKind::kPropose;
    if (absl::Status s = Actor(); !s.ok()) return s;
    if (absl::Status s = What(); !s.ok()) return s;
    if (absl::Status s = Values(); !s.ok()) return s;
    if (ProposesPlan(schema_, line_.proposal)) {
      const std::optional<std::string> why = NoPlan(folded_.world(), folded_.plans(), line_.proposal);
      if (why.has_value()) return Refused(*why);
    }
    if (absl::Status s = Circumstances(); !s.ok()) return s;
    if (absl::Status s = Idempotency(); !s.ok() || line_.repeats > 0) return s;
    absl::StatusOr<RoleId> role = Role();
    if (!role.ok()) return role.status();
    line_.proposal.actor = folded_.registry().View(actor_, *role);
    if (absl::Status s = core_.grants.Name(folded_.world(), in_.under, &line_.proposal); !s.ok()) return s;
    if (core_.grants.IsGive(line_.proposal)) return core_.grants.Complete(folded_.world(), &line_.proposal);
    return absl::OkStatus();
  }

  absl::Status What() {
    Proposal& proposal = line_.proposal;
    const std::string name = in_.kind == Submission::Kind::kSet ? "set" : in_.transition;
    absl::StatusOr<WorkflowId> workflow = in_.workflow.empty() ? OnlyWorkflowWith(name) : FindWorkflow(schema_, in_.workflow);
    if (!workflow.ok()) return workflow.status();
    proposal.workflow = *workflow;
    const Workflow& declared = schema_.workflows[workflow->value];
    if (in_.kind == Submission::Kind::kSet && !declared.is_entity) {
      return Refused(absl::StrCat("`", declared.name, "` is no entity: only entities are set"));
    }
    if (proposal.workflow == folded_.names().question()) {
      return Refused("questions are answered by an `answer` line, not by a proposal");
    }
    proposal.transition = Names::TransitionOf(declared, name);
    if (proposal.workflow == folded_.names().task() && (name == "open" || name == "assign" || name == "expire" || name == "spend")) {
      return Refused(absl::StrCat("`", name, "` on a task is nobody's to propose: rules and plans open tasks, and time and the "
                                  "host do the rest"));
    }
    if (!proposal.transition.valid()) return Refused(absl::StrCat("`", declared.name, "` has no transition `", name, "`"));
    if (in_.on.absent()) return Refused("it does not say on which instance (`on`)");
    absl::StatusOr<std::string> key = ToKey(schema_, proposal.workflow, in_.on);
    if (!key.ok()) return key.status();
    proposal.key = *std::move(key);
    absl::StatusOr<std::vector<Value>> parts = ParseKey(schema_, declared.key, proposal.key);
    if (!parts.ok()) return Refused(std::string(parts.status().message()));
    proposal.key_parts = *std::move(parts);
    proposal.now_ns = line_.now_ns;
    return absl::OkStatus();
  }

  absl::StatusOr<WorkflowId> OnlyWorkflowWith(const std::string& name) const {
    if (name.empty()) return Refused("it names no transition");
    std::vector<WorkflowId> own, built_in;
    for (size_t i = 0; i < schema_.workflows.size(); ++i) {
      const Workflow& workflow = schema_.workflows[i];
      if (WorkflowId(i) == folded_.names().question() || !Names::TransitionOf(workflow, name).valid()) continue;
      (workflow.is_builtin ? built_in : own).push_back(WorkflowId(i));
    }
    const std::vector<WorkflowId>& fitting = own.empty() ? built_in : own;
    if (fitting.size() == 1) return fitting.front();
    if (fitting.empty()) return Refused(absl::StrCat("no workflow has a transition `", name, "`"));
    std::vector<std::string> names;
    for (WorkflowId id : fitting) names.push_back(schema_.workflows[id.value].name);
    return Refused(absl::StrCat("several workflows have a transition `", name, "` (", absl::StrJoin(names, ", "),
                                "): say which with `workflow`"));
  }

  // The members of what was given; none where nothing was.
  static absl::StatusOr<const Input::Object*> ObjectOf(const Input& input, std::string_view what) {
    static const Input::Object kNone;
    if (input.absent()) return &kNone;
    const auto* object = std::get_if<Input::Object>(&input.v);
    if (object == nullptr) return Refused(absl::StrCat("`", Abseil(what), "` needs an object"));
    std::vector<std::string_view> names(object->size());
    std::transform(object->begin(), object->end(), names.begin(), [](const InputMember& member) { return std::string_view(member.name); });
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) return Refused(absl::StrCat("`", Abseil(*twice), "` is there twice"));
    return object;
  }

  absl::Status Values() {
    absl::Status status = Sets();
    return status.ok() ? Payload() : status;
  }

  absl::Status Sets() {
    Proposal& proposal = line_.proposal;
    const Workflow& workflow = schema_.workflows[proposal.workflow.value];
    const Transition& transition = workflow.transitions[proposal.transition.value];
    proposal.sets.resize(transition.sets.size());
    const absl::StatusOr<const Input::Object*> given = ObjectOf(in_.sets, "set");
    if (!given.ok()) return given.status();
    for (const InputMember& member : **given) {
      size_t i = 0;
      while (i < transition.sets.size() && workflow.fields[transition.sets[i].field.value].name != member.name) ++i;
      if (i == transition.sets.size()) return NotSet(workflow, transition, member.name);
      if (transition.sets[i].computed) return Refused(absl::StrCat("`", member.name, "` is computed, not proposed"));
      absl::StatusOr<Value> value = ToValue(schema_, workflow.fields[transition.sets[i].field.value].type, member.value);
      if (!value.ok()) return Refused(absl::StrCat("`", member.name, "`: ", value.status().message()));
      proposal.sets[i] = *std::move(value);
    }
    if (const std::optional<std::string> why = folded_.world().NotUnder(proposal); why.has_value()) {
      return Refused(absl::StrCat("`under`: ", *why));
    }
    // `set` on an entity keeps what it does not name; the first must give all.
    if (workflow.is_entity && folded_.StateOf(proposal.workflow, proposal.key) != kNewState) return absl::OkStatus();
    for (size_t i = 0; i < transition.sets.size(); ++i) {
      const SetField& set = transition.sets[i];
      const Field& field = workflow.fields[set.field.value];
      if (!proposal.sets[i].absent() || set.computed) continue;
      // What may be left out is said by `?` where it is set; an entity has one for all.
      if (workflow.is_entity ? schema_.types[field.type.value].optional : set.optional) continue;
      return Refused(absl::StrCat("`", transition.name, "` needs `", field.name, "`"));
    }
    return absl::OkStatus();
  }

  static absl::Status NotSet(const Workflow& workflow, const Transition& transition, const std::string& name) {
    const bool known = std::any_of(workflow.fields.begin(), workflow.fields.end(),
                                   [&](const Field& field) { return field.name == name; });
    if (known) return Refused(absl::StrCat("`", transition.name, "` does not set `", name, "`"));
    return Refused(absl::StrCat("`", workflow.name, "` has no field `", name, "`"));
  }

  absl::Status Payload() {
    Proposal& proposal = line_.proposal;
    const Transition& transition =
        schema_.workflows[proposal.workflow.value].transitions[proposal.transition.value];
    proposal.payload.resize(transition.payload.size());
    const absl::StatusOr<const Input::Object*> given = ObjectOf(in_.payload, "with");
    if (!given.ok()) return given.status();
    for (const InputMember& member : **given) {
      size_t i = 0;
      while (i < transition.payload.size() && transition.payload[i].name != member.name) ++i;
      if (i == transition.payload.size()) {
        return Refused(absl::StrCat("`", transition.name, "` carries no `", member.name, "`"));
      }
      absl::StatusOr<Value> value = ToValue(schema_, transition.payload[i].type, member.value);
      if (!value.ok()) return Refused(absl::StrCat("`", member.name, "`: ", value.status().message()));
      proposal.payload[i] = *std::move(value);
    }
    for (size_t i = 0; i < transition.payload.size(); ++i) {
      if (!proposal.payload[i].absent() || schema_.types[transition.payload[i].type.value].optional) continue;
      return Refused(absl::StrCat("`", transition.name, "` needs `", transition.payload[i].name, "`"));
    }
    return absl::OkStatus();
  }

  absl::Status Circumstances() {
    if (in_.seen.has_value()) {
      if (*in_.seen < 0 || *in_.seen > folded_.last_position()) {
        return Refused(absl::StrCat("nobody has seen position ", *in_.seen, ": the last is ", folded_.last_position()));
      }
      line_.seen = line_.proposal.seen = *in_.seen;
    }
    for (int64_t position : in_.based_on) {
      if (position >= 1 && position <= folded_.last_position()) continue;
      return Refused(absl::StrCat("it cannot be based on position ", position, ": the last is ", folded_.last_position()));
    }
    line_.based_on = in_.based_on;
    if (in_.happened.has_value()) {
      line_.recorded = *in_.happened ? store::Recorded::kHappened : store::Recorded::kRefused;
    }
    return absl::OkStatus();
  }

  // What the key compares: what is proposed, on what, with which values, and in which role if one was claimed.
  absl::Status Idempotency() {
    if (in_.idempotency_key.empty()) return absl::OkStatus();
    RoleId claimed;
    if (!in_.as.empty()) {
      absl::StatusOr<RoleId> role = ClaimedRole();
      if (!role.ok()) return role.status();
      claimed = *role;
    }
    const Proposal& proposal = line_.proposal;
    std::string request;
    store::WireWriter writer(&request);
    writer.Text(schema_.workflows[proposal.workflow.value].qualified);
    writer.Text(proposal.key);
    writer.Text(schema_.workflows[proposal.workflow.value].transitions[proposal.transition.value].name);
    writer.Text(claimed.valid() ? schema_.roles[claimed.value].qualified : std::string());
    for (const std::vector<Value>* values : {&proposal.sets, &proposal.payload}) {
      writer.Unsigned(values->size());
      for (const Value& value : *values) writer.Put(value);
    }
    if (!in_.under.empty()) writer.Text(in_.under);
    const std::string digest = store::Hex(store::Sha256({request}));
    const UsedKey* used = folded_.FindKey(actor_.id, in_.idempotency_key);
    if (used == nullptr) {
      line_.idempotency_key = in_.idempotency_key;
      line_.request_digest = digest;
    } else if (!used->erased && used->request_digest == digest) {
      line_.repeats = used->position;
    } else {
      line_.duplicate = line_.proposal.duplicate = true;
    }
    return absl::OkStatus();
  }

  // ---------------------------------------------------------------- answers

  absl::Status Answer() {
    line_.kind = store::EventKind::kAnswer;
    if (absl::Status s = Actor(); !s.ok()) return s;
    absl::StatusOr<const Question*> question = AnsweredQuestion();
    if (!question.ok()) return question.status();
    line_.question = (*question)->number;
    line_.question_role = (*question)->role;
    Proposal& proposal = line_.proposal;
    proposal.workflow = folded_.names().question();
    const Workflow& workflow = schema_.workflows[proposal.workflow.value];
    proposal.transition = Names::TransitionOf(workflow, in_.yes ? "yes" : "no");
    proposal.key = folded_.names().QuestionKey(line_.question, line_.question_role);
    proposal.key_parts = {Value(proposal.key)};
    proposal.sets.resize(workflow.transitions[proposal.transition.value].sets.size());
    proposal.payload.resize(workflow.transitions[proposal.transition.value].payload.size());
    proposal.now_ns = line_.now_ns;
    if (absl::Status s = Circumstances(); !s.ok()) return s;
    if (absl::Status s = Idempotency(); !s.ok() || line_.repeats > 0) return s;
    const bool holds = std::binary_search(actor_.roles.begin(), actor_.roles.end(), line_.question_role);
    absl::StatusOr<RoleId> role = in_.as.empty() && holds ? line_.question_role : AnswerRole();
    if (!role.ok()) return role.status();
    proposal.actor = folded_.registry().View(actor_, *role);
    return absl::OkStatus();
  }

  absl::StatusOr<RoleId> AnswerRole() const {
    if (!in_.as.empty()) return ClaimedRole();
    return actor_.roles.empty() ? RoleId() : FirstByName();
  }

  absl::StatusOr<const Question*> AnsweredQuestion() const {
    RoleId to;
    if (!in_.to.empty()) {
      absl::StatusOr<RoleId> role = folded_.registry().ResolveRole(in_.to);
      if (!role.ok()) return role.status();
      to = *role;
    }
    absl::StatusOr<std::vector<const Question*>> asked = Candidates();
    if (!asked.ok()) return asked.status();
    std::erase_if(*asked, [&](const Question* q) { return to.valid() && q->role != to; });
    if (asked->empty()) return Refused(NobodyAsked(to));
    std::vector<const Question*> open;
    for (const Question* q : *asked) {
      if (q->state == QuestionState::kOpen) open.push_back(q);
    }
    if (open.empty()) return asked->back();  // the last that was asked: the answer comes too late
    if (open.size() == 1) return open.front();
    std::erase_if(open, [&](const Question* q) {
      return !std::binary_search(actor_.roles.begin(), actor_.roles.end(), q->role);
    });
    if (open.size() == 1) return open.front();
    return Refused("several questions are open there: say which with `question` and `to`");
  }

  absl::StatusOr<std::vector<const Question*>> Candidates() const {
    if (in_.question != 0) {
      std::vector<const Question*> numbered = folded_.escalations().NumberedQuestions(in_.question);
      if (numbered.empty()) return Refused(absl::StrCat("there is no question ", in_.question));
      return Here(std::move(numbered));
    }
    if (in_.on.absent()) return Refused("it does not say which question: give `on`, or `question`");
    std::vector<const Question*> all;
    absl::Status why;
    for (size_t i = 0; i < schema_.workflows.size(); ++i) {
      if (schema_.workflows[i].is_fact) continue;
      if (!in_.workflow.empty()) {
        absl::StatusOr<WorkflowId> named = FindWorkflow(schema_, in_.workflow);
        if (!named.ok()) return named.status();
        if (*named != WorkflowId(i)) continue;
      }
      absl::StatusOr<std::string> key = ToKey(schema_, WorkflowId(i), in_.on);
      if (!key.ok()) continue;
      for (const Question* q : folded_.escalations().QuestionsOn(WorkflowId(i), *key)) all.push_back(q);
    }
    std::sort(all.begin(), all.end(), [](const Question* a, const Question* b) {
      return std::pair(a->number, a->role) < std::pair(b->number, b->role);
    });
    return all;
  }

  // A number and `on` must agree.
  absl::StatusOr<std::vector<const Question*>> Here(std::vector<const Question*> numbered) const {
    if (in_.on.absent()) return numbered;
    absl::StatusOr<std::string> key = ToKey(schema_, numbered.front()->workflow, in_.on);
    if (key.ok() && *key == numbered.front()->key) return numbered;
    return Refused(absl::StrCat("question ", in_.question, " is about `", numbered.front()->key, "`"));
  }

  std::string NobodyAsked(RoleId to) const {
    std::string text = to.valid() ? absl::StrCat("`", RoleShown(schema_, to), "` was asked nothing") : "nobody was asked anything";
    if (const auto* key = std::get_if<std::string>(&in_.on.v)) absl::StrAppend(&text, " about `", *key, "`");
    return text;
  }

  const Orchestrator::Core& core_;
  const Schema& schema_;
  const Folded& folded_;
  const Submission& in_;
  Line line_;
  RegisteredActor actor_;
};

}  // namespace

absl::StatusOr<Line> Orchestrator::Core::Validate(const Submission& submission) const {
  return Validation(*this, submission).Run();
}

}  // namespace writ
