#include "tests/agreement/history.h"

#include <algorithm>
#include <set>

#include "runtime/decision/delegation.h"
#include "runtime/frame/frame.h"
#include "runtime/review/review.h"
#include "tests/agreement/expressions.h"

namespace writ::agreement {

int64_t Historian::Integer(const Type& type) {
  switch (type.kind) {
    case TypeKind::kBool:
      return random_.Below(2);
    case TypeKind::kEnum: {
      const uint32_t members = static_cast<uint32_t>(schema_.enums[type.index].members.size());
      if (members > 64 && Chance(50)) return 64 + random_.Below(members - 64);  // past the bits of a set
      return random_.Below(members);
    }
    case TypeKind::kRole:
      return random_.Below(static_cast<uint32_t>(schema_.roles.size()));
    case TypeKind::kTime:
    case TypeKind::kDuration: {
      const int64_t hours = (static_cast<int64_t>(random_.Below(200)) - 40) * kHour;
      if (Chance(6)) return Chance(50) ? limits::kTimeMax : -limits::kTimeMax;
      return type.kind == TypeKind::kTime ? kStart + hours : hours;
    }
    case TypeKind::kDate:
      return 20'480 + random_.Below(4) + (Chance(40) ? random_.Below(36) : 0);
    default:
      break;
  }
  const bool bounded = type.min != INT64_MIN && type.max != INT64_MAX;
  if (bounded) {
    const uint64_t span = static_cast<uint64_t>(type.max - type.min) + 1;
    if (Chance(20)) return Chance(50) ? type.min : type.max;
    // What lies just below 0 is common, where it is possible at all.
    if (type.min < 0 && Chance(25)) return std::max<int64_t>(type.min, -1 - static_cast<int64_t>(random_.Below(5)));
    const uint64_t small = std::min<uint64_t>(span, Chance(50) ? 60 : span);
    return type.min + static_cast<int64_t>(random_.Next() % small);
  }
  static constexpr int64_t kExtremes[] = {INT64_MAX,        INT64_MIN,           INT64_MAX - 3,
                                          int64_t{1} << 62, -(int64_t{1} << 40), int64_t{3'037'000'500}};
  if (Chance(14)) return kExtremes[random_.Below(std::size(kExtremes))];
  const int64_t magnitude = Chance(50) ? 20 : 5'000'000;
  return static_cast<int64_t>(random_.Next() % static_cast<uint64_t>(magnitude)) - magnitude / 5;
}

Value Historian::RandomValue(const Type& type) {
  switch (type.kind) {
    case TypeKind::kString:
      return Value(kTexts[random_.Below(std::size(kTexts))]);
    case TypeKind::kReference: {
      std::vector<Value> parts;
      return Value(KeyOf(WorkflowId(type.index), &parts));
    }
    case TypeKind::kRecord: {
      Value::List members;
      for (const Field& member : schema_.records[type.index].members) {
        const Type& t = schema_.types[member.type.value];
        members.push_back(t.optional && Chance(40) ? Value() : RandomValue(t));
      }
      return Value(std::move(members));
    }
    case TypeKind::kSet:
    case TypeKind::kList: {
      const Type& element = schema_.types[type.element.value];
      const uint32_t count = Chance(30) ? type.capacity : random_.Below(type.capacity + 1);
      if (type.kind == TypeKind::kSet && element.kind == TypeKind::kEnum) {
        uint64_t bits = 0;
        for (uint32_t i = 0; i < count; ++i) {
          const int64_t members = static_cast<int64_t>(schema_.enums[element.index].members.size());
          bits |= uint64_t{1} << (Chance(30) ? members - 1 : Integer(element));
        }
        return Value(static_cast<int64_t>(bits));
      }
      Value::List list;
      for (uint32_t i = 0; i < count; ++i) {
        Value value = RandomValue(element);
        if (type.key.valid()) {
          const Type& key = schema_.types[schema_.records[element.index].members[type.key.value].type.value];
          value.list()[type.key.value] =
              !list.empty() && Chance(45) ? list[0].list()[type.key.value] : RandomKey(key);
        }
        const bool twice = std::any_of(list.begin(), list.end(), [&](const Value& other) {
          return type.key.valid() ? other.list()[type.key.value] == value.list()[type.key.value]
                                  : type.kind == TypeKind::kSet && other == value;
        });
        // Validation refuses two elements of one key; what backends make of them must be the same all the same.
        if (!twice || (type.key.valid() && Chance(40))) list.push_back(std::move(value));
      }
      if (type.kind == TypeKind::kSet) std::sort(list.begin(), list.end());
      return Value(std::move(list));
    }
    default:
      return Value(Integer(type));
  }
}

// Of an element: few keys are common, so that look-ups find something.
Value Historian::RandomKey(const Type& type) {
  if (Chance(50)) return RandomValue(type);
  const uint32_t pick = random_.Below(kPreferredKeys);
  if (type.kind == TypeKind::kString) return Value(kTexts[pick]);
  return Value((type.kind == TypeKind::kInt ? type.min : 0) + static_cast<int64_t>(pick));
}

std::string Historian::KeyOf(WorkflowId workflow, std::vector<Value>* parts) {
  const Workflow& w = schema_.workflows[workflow.value];
  parts->clear();
  for (size_t i = 0; i < w.key.size(); ++i) {
    const Type& type = schema_.types[w.key[i].type.value];
    if (type.kind == TypeKind::kString && i == 0) {
      const char letter = w.is_entity ? 'c' : 'k';
      const uint32_t many = w.is_entity ? (Chance(6) ? 5 : 3) : 9;
      std::string key = std::string(1, letter) + static_cast<char>('1' + random_.Below(many));
      if (w.key.size() > 1 && Chance(50)) key = kTexts[random_.Below(std::size(kTexts))];
      parts->push_back(Value(key));
    } else {
      parts->push_back(Value(Integer(type)));
    }
  }
  return KeyText(schema_, w.key, *parts);
}

bool Historian::ChooseConclusion(Step* step) {
  for (uint32_t w = 0; w < schema_.workflows.size(); ++w) {
    for (const Instance* instance : world_.InstancesOf(WorkflowId(w))) {
      const ReviewId waiting = Reviews::Waiting(schema_, *instance);
      if (!waiting.valid() || !Chance(35)) continue;
      ActorView orchestrator;
      orchestrator.id = "orchestrator";
      orchestrator.is_orchestrator = true;
      Reviews reviews(&world_);
      std::optional<ClauseId> clause = reviews.Complete(*instance, waiting, orchestrator, now_ns_);
      if (!clause.has_value() && Chance(18)) clause = reviews.AtDeadline(*instance, waiting, orchestrator, now_ns_);
      if (!clause.has_value() && Chance(8)) {
        clause =
            ClauseId(random_.Below(static_cast<uint32_t>(schema_.workflows[w].reviews[waiting.value].clauses.size())));
      }
      if (!clause.has_value()) continue;
      Proposal& p = step->proposal;
      p.workflow = WorkflowId(w);
      p.transition = schema_.workflows[w].reviews[waiting.value].clauses[clause->value].transition;
      p.key = instance->key;
      p.key_parts = instance->key_parts;
      p.actor = orchestrator;
      p.conclude_review = static_cast<int32_t>(waiting.value);
      p.conclude_clause = static_cast<int32_t>(clause->value);
      step->conclude = true;
      return true;
    }
  }
  return false;
}

void Historian::ChooseWhere(Proposal* p) {
  std::vector<WorkflowId> entities, others;
  WorkflowId question, task, grant;
  for (uint32_t w = 0; w < schema_.workflows.size(); ++w) {
    const Workflow& workflow = schema_.workflows[w];
    if (workflow.is_fact) continue;
    if (workflow.is_builtin) {
      if (workflow.name == "Question") question = WorkflowId(w);
      if (workflow.name == "Task") task = WorkflowId(w);
      if (workflow.name == "Grant") grant = WorkflowId(w);
    } else if (workflow.is_entity)
      entities.push_back(WorkflowId(w));
    else
      others.push_back(WorkflowId(w));
  }
  if (count_ <= 4 || Chance(7)) {
    p->workflow = entities[count_ <= 3 ? 0 : random_.Below(static_cast<uint32_t>(entities.size()))];
    p->key = KeyOf(p->workflow, &p->key_parts);
    if (count_ <= 3) {
      p->key = std::string("c") + static_cast<char>('0' + count_);
      p->key_parts = {Value(p->key)};
    }
    p->transition = TransitionId(0);
    return;
  }
  if (question.valid() && Chance(5)) {
    p->workflow = question;
    p->key_parts = {Value("q1")};
    p->key = "q1";
    p->transition = TransitionId(random_.Below(3));
    return;
  }
  if (task.valid() && Chance(9)) {
    p->workflow = task;
    p->key = KeyOf(task, &p->key_parts);
    const Instance* instance = world_.Find(task, p->key);
    const bool is_new = instance == nullptr || instance->state == kNewState;
    p->transition = TransitionId(is_new && !Chance(5) ? 0 : 1 + random_.Below(3));
    return;
  }
  if (grant.valid() && Chance(6)) {
    p->workflow = grant;
    p->key = std::string("g") + static_cast<char>('1' + random_.Below(3));
    p->key_parts = {Value(p->key)};
    p->transition = TransitionId(random_.Below(2));
    return;
  }
  p->workflow = others[Chance(15) ? random_.Below(static_cast<uint32_t>(others.size())) : 0];
  const Workflow& workflow = schema_.workflows[p->workflow.value];
  for (int i = 0; i < 8; ++i) {
    p->key = KeyOf(p->workflow, &p->key_parts);
    const Instance* instance = world_.Find(p->workflow, p->key);
    const StateId state = instance == nullptr ? kNewState : instance->state;
    std::vector<TransitionId> legal;
    for (uint32_t t = 0; t < workflow.transitions.size(); ++t) {
      const std::vector<StateId>& sources = workflow.transitions[t].sources;
      if (std::find(sources.begin(), sources.end(), state) == sources.end()) continue;
      // It is legal nearly everywhere, and no allow excuses what restrains it.
      if (!workflow.plans.empty() && workflow.plans[0].decompose == TransitionId(t) && Chance(75)) continue;
      legal.push_back(TransitionId(t));
      for (const Review& review : workflow.reviews) {
        if (review.verdict == TransitionId(t)) legal.insert(legal.end(), 3, TransitionId(t));
        if (instance == nullptr || review.state != instance->state) continue;
        const int32_t outcome = instance->reviews[0].outcome;
        if (outcome >= 0 && review.clauses[static_cast<size_t>(outcome)].transition == TransitionId(t))
          legal.insert(legal.end(), 2, TransitionId(t));
      }
    }
    if (legal.empty() || Chance(4))
      p->transition = TransitionId(random_.Below(static_cast<uint32_t>(workflow.transitions.size())));
    else
      p->transition = legal[random_.Below(static_cast<uint32_t>(legal.size()))];
    if (!legal.empty()) return;
  }
}

void Historian::ChooseActor(Proposal* p) {
  ActorView& actor = p->actor;
  if (Chance(7)) {
    actor.id = "orchestrator";
    actor.is_orchestrator = true;
    return;
  }
  std::vector<RoleId> able;
  for (const typed::Grant& grant : program_.grants) {
    if (grant.workflow == p->workflow && grant.transition == p->transition) able.push_back(grant.role);
  }
  const Workflow& workflow = schema_.workflows[p->workflow.value];
  for (const Review& review : workflow.reviews) {
    const Instance* instance = world_.Find(p->workflow, p->key);
    for (const Seat& seat : review.seats) {
      if (review.verdict == p->transition) able.push_back(seat.role);
    }
    if (instance == nullptr || instance->reviews[0].outcome < 0) continue;
    const Clause& clause = review.clauses[static_cast<size_t>(instance->reviews[0].outcome)];
    if (clause.asks.valid() && clause.transition == p->transition) able.insert(able.end(), 2, clause.asks);
  }
  if (workflow.name == "Task") {
    const Instance* task = world_.Find(p->workflow, p->key);
    if (task != nullptr && task->fields[1].is_integer()) able.push_back(RoleId(static_cast<uint32_t>(task->fields[1].integer())));
  }
  actor.role = able.empty() || Chance(5) ? RoleId(random_.Below(static_cast<uint32_t>(schema_.roles.size())))
                                         : able[random_.Below(static_cast<uint32_t>(able.size()))];
  actor.id = std::string("a") + static_cast<char>('1' + random_.Below(4));
  actor.principal = kTexts[random_.Below(std::size(kTexts))];
  actor.is_human = schema_.roles[actor.role.value].human;
  actor.is_active = !Chance(2);
  actor.holds_role = !Chance(2);
  for (const Workflow& agent : schema_.workflows) {
    for (size_t f = agent.attributes_from; f < agent.fields.size(); ++f) {
      const Type& type = schema_.types[agent.fields[f].type.value];
      if (Chance(35)) continue;
      actor.attributes.resize(f - agent.attributes_from + 1);
      actor.attributes.back() = RandomValue(type);
    }
  }
}

// What a chain of grants may have come to. The role whose authority it is may do it, mostly.
void Historian::ChooseGrant(Proposal* p) {
  if (!Delegates(schema_) || p->actor.is_orchestrator) return;
  const Workflow& workflow = schema_.workflows[p->workflow.value];
  p->gives = !Chance(30);
  // Who gave takes it back, now and then.
  const Instance* instance = world_.Find(p->workflow, p->key);
  if (workflow.qualified == kGrantWorkflow && instance != nullptr && Chance(60)) {
    for (size_t f = 0; f < workflow.fields.size(); ++f) {
      if (workflow.fields[f].name == kGiver && instance->fields[f].is_text()) p->actor.id = instance->fields[f].text();
    }
  }
  if (!Chance(14)) return;
  GrantView& view = p->grant.emplace();
  view.key = "g1";
  const std::vector<RoleId>& may = workflow.transitions[p->transition.value].may;
  view.role = may.empty() || Chance(15) ? RoleId(random_.Below(static_cast<uint32_t>(schema_.roles.size())))
                                        : may[random_.Below(static_cast<uint32_t>(may.size()))];
  if (Chance(50)) p->actor.role = RoleId(random_.Below(static_cast<uint32_t>(schema_.roles.size())));
  view.holds = !Chance(10);
  if (Chance(50)) view.tasks.push_back("t1");
  if (Chance(40)) view.tasks.push_back("t2");
  for (uint32_t f = 0; f < workflow.fields.size(); ++f) {
    if (!CanBeLimited(schema_, workflow.fields[f]) || !Chance(20)) continue;
    view.most.emplace_back(FieldId(f), Value(Integer(schema_.types[workflow.fields[f].type.value])));
  }
}

void Historian::ChooseRest(Proposal* p) {
  const Workflow& workflow = schema_.workflows[p->workflow.value];
  const Transition& transition = workflow.transitions[p->transition.value];
  const bool omit_all = Chance(8);
  for (const SetField& set : transition.sets) {
    const bool absent = set.computed || (set.optional && (omit_all || Chance(40)));
    p->sets.push_back(absent ? Value() : RandomValue(schema_.types[workflow.fields[set.field.value].type.value]));
  }
  if (workflow.name == "Task" && transition.name == "open") {
    if (Chance(65)) p->sets[2] = Value("report");
    for (uint32_t w = 0; w < schema_.workflows.size(); ++w) {
      if (schema_.workflows[w].plans.empty()) continue;
      std::vector<Value> parts;
      p->sets[4] = Value(schema_.workflows[w].qualified + "/" + KeyOf(WorkflowId(w), &parts));
      p->sets[5] = Value(schema_.workflows[w].qualified + ".plan.t" + static_cast<char>('0' + random_.Below(3)));
    }
  }
  for (const Field& field : transition.payload) {
    const Type& type = schema_.types[field.type.value];
    p->payload.push_back(type.optional && Chance(40) ? Value() : RandomValue(type));
  }
  const Instance* instance = world_.Find(p->workflow, p->key);
  if (Chance(30))
    p->seen = instance == nullptr
                  ? 0
                  : std::max<int64_t>(
                        0, instance->last_change + static_cast<int64_t>(random_.Below(8)) - (Chance(12) ? 6 : 0));
  p->duplicate = Chance(1);
  p->consenting = Chance(25);
  if (Chance(25)) {
    for (uint32_t r = 0; r < schema_.rules.size(); ++r) {
      const Rule& rule = schema_.rules[r];
      if (rule.effect != Effect::kDeny && rule.effect != Effect::kAllow && Chance(40)) p->approved.push_back(RuleId(r));
    }
  }
  ChooseGrant(p);
  if (workflow.is_builtin) {
    p->question_state = Chance(40) ? 0 : static_cast<int>(random_.Below(4));
    p->question_self = Chance(20);
    p->question_covered = !Chance(20);
  }
}

Step Historian::Next() {
  if (now_ns_ == 0) now_ns_ = kStart;
  ++count_;
  if (Chance(70)) now_ns_ += static_cast<int64_t>(random_.Below(Chance(80) ? 90 : 900)) * (kHour / 60);
  Step step;
  if (count_ > 4 && Chance(40) && ChooseConclusion(&step)) {
    step.proposal.now_ns = now_ns_;
    if (step.proposal.transition.valid()) {
      const Transition& t = schema_.workflows[step.proposal.workflow.value].transitions[step.proposal.transition.value];
      step.proposal.sets.resize(t.sets.size());
      step.proposal.payload.resize(t.payload.size());
    }
    return step;
  }
  Proposal& p = step.proposal;
  p.now_ns = now_ns_;
  ChooseWhere(&p);
  ChooseActor(&p);
  ChooseRest(&p);
  step.force = count_ <= 4 || Chance(18);
  // Nobody opens a task but what an event says.
  const Workflow& workflow = schema_.workflows[p.workflow.value];
  if (workflow.name == "Task" && p.transition == TransitionId(0u)) step.force = true;
  return step;
}

}  // namespace writ::agreement
