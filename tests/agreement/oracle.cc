#include "tests/agreement/oracle.h"

#include <algorithm>
#include <regex>
#include <set>

#include "runtime/builtins/check.h"
#include "runtime/decision/delegation.h"
#include "runtime/frame/calendar.h"

namespace writ::agreement {

using typed::Expr;
using typed::ExprKind;
using typed::QuantifierOp;

namespace {

bool IsText(const Type& t) { return t.kind == TypeKind::kString || t.kind == TypeKind::kReference; }
bool IsEnumSet(const Schema& s, const Type& t) {
  return t.kind == TypeKind::kSet && s.types[t.element.value].kind == TypeKind::kEnum;
}
bool IsStructured(const Schema& s, const Type& t) {
  return t.kind == TypeKind::kRecord || t.kind == TypeKind::kList || (t.kind == TypeKind::kSet && !IsEnumSet(s, t));
}

Num Power10(int n) {
  Num p = 1;
  for (int i = 0; i < n; ++i) p *= 10;
  return p;
}

Num FloorOf(Num a, Num b) {
  Num q = a / b;
  if (a % b != 0 && ((a < 0) != (b < 0))) --q;
  return q;
}

Num RoundOf(Rounding rounding, Num a, Num b) {
  const Num down = FloorOf(a, b);
  const Num rest = a - down * b;  // in [0, b)
  if (rest == 0 || rounding == Rounding::kDown) return down;
  if (rounding == Rounding::kUp) return down + 1;
  const Num twice = rest * 2;
  if (twice != b) return twice < b ? down : down + 1;
  return down % 2 == 0 ? down : down + 1;
}

// A result at a kind's own scale must fit 64 bits.
void Check64(Walked* w) {
  if (w->number < INT64_MIN || w->number > INT64_MAX) {
    w->unknown = true;
    w->number = 0;
  }
}

bool Contains(const std::vector<TransitionId>& list, TransitionId t) {
  return std::find(list.begin(), list.end(), t) != list.end();
}
bool Contains(const std::vector<RoleId>& list, RoleId r) {
  return std::find(list.begin(), list.end(), r) != list.end();
}
bool Contains(const std::vector<RuleId>& list, RuleId r) {
  return std::find(list.begin(), list.end(), r) != list.end();
}

// `aligned` brings a number of one scale to the larger of two.
Num Aligned(const Walked& w, int own, int other) { return other > own ? w.number * Power10(other - own) : w.number; }

bool SameScalar(const Walked& a, const Walked& b, const Type& type) {
  return IsText(type) ? a.text == b.text : a.number == b.number;
}

int64_t PopulationOf(Num bits) {
  int64_t n = 0;
  for (int b = 0; b < 64; ++b) n += static_cast<int64_t>(static_cast<uint64_t>(bits) >> b & 1);
  return n;
}

constexpr int64_t kHourNs = int64_t{3'600} * 1'000'000'000;

bool MatchesGlob(std::string_view text, std::string_view glob) {
  if (glob.empty()) return text.empty();
  if (glob[0] == '*') return MatchesGlob(text, glob.substr(1)) || (!text.empty() && MatchesGlob(text.substr(1), glob));
  if (text.empty()) return false;
  if (glob[0] == '?') return MatchesGlob(text.substr(1), glob.substr(1));
  const size_t at = glob[0] == '\\' ? 1 : 0;
  return glob[at] == text[0] && MatchesGlob(text.substr(1), glob.substr(at + 1));
}

// By the library's regular expressions and by trying: what histories hold is short and ASCII.
bool MatchesPattern(const std::string& text, const Expr& e) {
  return e.part == 0 ? MatchesGlob(text, e.text) : std::regex_match(text, std::regex(e.text));
}

std::string KeyPartText(const Schema& schema, const Type& type, int64_t number) {
  if (type.kind == TypeKind::kEnum) return schema.enums[type.index].members[static_cast<size_t>(number)].name;
  if (type.kind == TypeKind::kBool) return number != 0 ? "true" : "false";
  if (type.kind == TypeKind::kDate) {
    // Days from 1970; months by counting.
    int64_t days = number, year = 1970;
    const auto leap = [](int64_t y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; };
    while (days >= (leap(year) ? 366 : 365)) days -= leap(year++) ? 366 : 365;
    const int months[] = {31, leap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int month = 0;
    while (days >= months[month]) days -= months[month++];
    char text[48];
    std::snprintf(text, sizeof(text), "%04d-%02d-%02d", static_cast<int>(year), month + 1, static_cast<int>(days) + 1);
    return text;
  }
  return std::to_string(number);
}

void VariablesOf(const Expr& e, std::set<uint32_t>* out) {
  if (e.kind == ExprKind::kVariable) out->insert(e.variable);
  for (const typed::ExprPtr& child : e.children) VariablesOf(*child, out);
}
}  // namespace

Walked Oracle::Truth(bool value, bool unknown) {
  Walked w;
  w.number = value ? 1 : 0;
  w.unknown = unknown;
  return w;
}

Walked Oracle::KleeneAnd(const Walked& a, const Walked& b) {
  const bool a_false = !a.unknown && a.number == 0, b_false = !b.unknown && b.number == 0;
  if (a_false || b_false) return Truth(false);
  return Truth(true, a.unknown || b.unknown);
}
Walked Oracle::KleeneOr(const Walked& a, const Walked& b) {
  const bool a_true = !a.unknown && a.number != 0, b_true = !b.unknown && b.number != 0;
  if (a_true || b_true) return Truth(true);
  return Truth(false, a.unknown || b.unknown);
}
Walked Oracle::KleeneNot(const Walked& a) { return Truth(a.number == 0, a.unknown); }

// ---------------------------------------------------------------- what happened

OracleView Oracle::Look(WorkflowId workflow, const std::string& key) const {
  OracleView view;
  view.fields.resize(schema_.workflows[workflow.value].fields.size());
  const auto found = instances_.find({workflow.value, key});
  if (found == instances_.end()) return view;
  view.instance = &found->second;
  view.key_parts = found->second.key_parts;
  for (const OracleEvent& event : found->second.events) {
    if (event.refused) continue;
    view.state = event.state;
    view.fields = event.fields;
    if (event.writes) view.updated_ns = event.proposal.now_ns;
    if (event.sets || event.moves) view.last_change = event.position;
  }
  view.exists = view.state >= 0;
  return view;
}

void Oracle::Record(const Proposal& proposal, int64_t position, bool refused) {
  const Workflow& workflow = schema_.workflows[proposal.workflow.value];
  OracleView before = Look(proposal.workflow, proposal.key);
  OracleInstance& instance = instances_[{proposal.workflow.value, proposal.key}];
  if (instance.events.empty()) instance.key_parts = proposal.key_parts;
  OracleEvent event;
  event.proposal = proposal;
  event.position = position;
  event.refused = refused;
  event.fields = before.fields;
  event.state = before.state;
  if (!proposal.transition.valid()) {  // a review came to an outcome that proposes nothing
    event.refused = true;
    event.facts.resize(program_.facts.size());
    instance.events.push_back(std::move(event));
    return;
  }
  const Transition& transition = workflow.transitions[proposal.transition.value];
  if (!refused) {
    for (size_t i = 0; i < transition.sets.size(); ++i) {
      if (proposal.sets[i].absent()) continue;
      event.fields[transition.sets[i].field.value] = proposal.sets[i];
      event.writes = true;
    }
    event.sets = !transition.sets.empty();
    event.moves = !transition.stays;
    if (event.moves) event.state = transition.target.value;
    const bool enters = event.moves && std::any_of(workflow.reviews.begin(), workflow.reviews.end(),
                                                   [&](const Review& r) { return r.state.value == event.state; });
    event.begins_round = event.sets || enters;
  }
  // Each fact's pattern, on this event.
  Scene scene;
  scene.proposal = &event.proposal;
  scene.workflow = &workflow;
  scene.transition = &transition;
  scene.is_event = true;
  scene.view.exists = event.state >= 0;
  scene.view.state = event.state;
  scene.view.fields = event.fields;
  for (const typed::Fact& fact : program_.facts) {
    OracleEvent::Fact& of = event.facts.emplace_back();
    if (fact.workflow != proposal.workflow) continue;
    of.counts = fact.refused == refused && Contains(fact.pattern.transitions, proposal.transition);
    of.restarts = !refused && fact.since.has_value() && Contains(fact.since->transitions, proposal.transition);
    if (of.counts) {
      of.match = Pattern(fact.pattern, &scene);
      if (fact.value != nullptr) of.value = Walk(*fact.value, &scene);
    }
    if (of.restarts) of.restart = Pattern(*fact.since, &scene);
    bool unknown = false;
    if (fact.keyed.valid() && (of.counts || of.restarts)) of.key = KeyText(fact.key, &scene, &unknown);
    if (unknown) of.key.reset();
  }
  instance.events.push_back(std::move(event));
}

Walked Oracle::Pattern(const typed::Pattern& pattern, Scene* scene) const {
  const ActorView& actor = scene->proposal->actor;
  bool by = pattern.by.empty() && !pattern.by_orchestrator;
  by |= pattern.by_orchestrator && actor.is_orchestrator;
  by |= actor.role.valid() && Contains(pattern.by, actor.role);
  Walked match = Truth(by);
  if (pattern.where != nullptr) match = KleeneAnd(match, Walk(*pattern.where, scene));
  return match;
}

// ---------------------------------------------------------------- facts

// The parts of a key as one text, in any unambiguous way; nothing where one is absent.
std::optional<std::string> Oracle::KeyText(const std::vector<typed::ExprPtr>& parts, Scene* scene, bool* unknown) const {
  std::string text;
  bool present = true;
  for (const typed::ExprPtr& part : parts) {
    const Walked w = Walk(*part, scene);
    *unknown = *unknown || w.unknown;
    present = present && w.present;
    const std::string one = IsText(part->type.type) ? w.text : std::to_string(static_cast<int64_t>(w.number));
    text += std::to_string(one.size()) + ":" + one;
  }
  return present ? std::optional(text) : std::nullopt;
}

Walked Oracle::KeyedFact(const Expr& e, Scene* scene) const {
  const typed::Fact& fact = program_.facts[e.index];
  bool unknown = false;
  std::optional<std::string> key = KeyText(e.children, scene, &unknown);
  for (const typed::ExprPtr& part : e.children) {
    if (!Walk(*part, scene).stored) key.reset();
  }
  Walked out;
  if (fact.kind == typed::Fact::Kind::kPopulation) {
    if (key.has_value()) out = Population(fact, *key, *scene);
  } else {
    std::vector<const OracleEvent*> events;
    for (const auto& [place, instance] : instances_) {
      if (place.first != fact.workflow.value) continue;
      for (const OracleEvent& event : instance.events) {
        if (key.has_value() && event.facts[e.index].key == key) events.push_back(&event);
      }
    }
    std::sort(events.begin(), events.end(),
              [](const OracleEvent* a, const OracleEvent* b) { return a->position < b->position; });
    out = FactOver(e.index, events, *scene);
  }
  out.unknown = out.unknown || unknown;
  return out;
}

Walked Oracle::Population(const typed::Fact& fact, const std::string& key, const Scene& scene) const {
  Walked out;
  for (const auto& [place, instance] : instances_) {
    if (place.first != fact.workflow.value) continue;
    Scene there;
    there.proposal = scene.proposal;
    there.workflow = &schema_.workflows[place.first];
    there.is_event = true;
    there.view = Look(WorkflowId(place.first), place.second);
    const bool is_in = std::any_of(fact.states.begin(), fact.states.end(),
                                   [&](StateId state) { return there.view.state == state.value; });
    bool unknown = false;
    if (is_in && KeyText(fact.key, &there, &unknown) == key && !unknown) ++out.number;
  }
  populations += out.number != 0;
  return out;
}

Walked Oracle::FactOf(uint32_t index, const Scene& scene) const {
  std::vector<const OracleEvent*> events;
  if (scene.view.instance != nullptr) {
    for (const OracleEvent& event : scene.view.instance->events) events.push_back(&event);
  }
  return FactOver(index, events, scene);
}

// Of the instance that a reference names; of nothing, nothing has happened.
Walked Oracle::FactThrough(const Expr& e, Scene* scene) const {
  const Expr& child = *e.children[0];
  const Walked reference = Walk(child, scene);
  const OracleView there = Look(WorkflowId(child.type.type.index), reference.text);
  std::vector<const OracleEvent*> events;
  if (reference.present && there.exists) {
    for (const OracleEvent& event : there.instance->events) events.push_back(&event);
  }
  Walked out = FactOver(e.index, events, *scene);
  facts_through += out.number != 0 || (e.type.type.optional && out.present);
  out.unknown = out.unknown || reference.unknown;
  out.present = out.present && reference.present;
  return out;
}

Walked Oracle::FactOver(uint32_t index, const std::vector<const OracleEvent*>& events, const Scene& scene) const {
  using Kind = typed::Fact::Kind;
  const typed::Fact& fact = program_.facts[index];
  struct Hit {
    int64_t time_ns;
    const Walked* value;
  };
  std::vector<Hit> hits;
  bool unknown = false;
  for (const OracleEvent* event : events) {
    if (fact.this_round && event->begins_round) {
      hits.clear();
      unknown = false;
    }
    const OracleEvent::Fact& of = event->facts[index];
    if (of.counts) {
      const bool matches = !of.match.unknown && of.match.number != 0;
      unknown |= of.match.unknown || (matches && of.value.unknown);
      if (matches) hits.push_back({event->proposal.now_ns, &of.value});
    }
    if (of.restarts) {
      if (of.restart.unknown)
        unknown = true;
      else if (of.restart.number != 0) {
        hits.clear();
        unknown = false;
      }
    }
  }
  const int64_t now = scene.proposal->now_ns;
  const auto inside = [&](const Hit& hit) { return fact.within_ns == 0 || hit.time_ns > now - fact.within_ns; };
  Walked out;
  out.unknown = unknown;
  if (fact.kind == Kind::kLast) {
    // The newest event decides.
    out.present = false;
    if (!hits.empty() && inside(hits.back()) && hits.back().value->present) {
      out.present = true;
      out.number = hits.back().value->number;
      out.text = hits.back().value->text;
    }
    return out;
  }
  std::vector<const Walked*> values;
  for (const Hit& hit : hits) {
    if (inside(hit) && hit.value->present) values.push_back(hit.value);
  }
  if (fact.kind == Kind::kHappened) {
    out.number = values.empty() ? 0 : 1;
    return out;
  }
  if (fact.within_ns > 0) {
    const size_t capacity = fact.capacity > 0 ? fact.capacity : limits::kWindowCapacityDefault;
    out.unknown |= values.size() > capacity;
  }
  switch (fact.kind) {
    case Kind::kCount:
      out.number = static_cast<Num>(values.size());
      break;
    case Kind::kSum:
      for (const Walked* v : values) out.number += v->number;
      if (fact.type.scale == 0) Check64(&out);
      break;
    default:
      out.present = !values.empty();
      for (const Walked* v : values) {
        const bool better =
            v == values[0] || (fact.kind == Kind::kMin ? v->number < out.number : v->number > out.number);
        if (better) out.number = v->number;
      }
  }
  return out;
}

// ---------------------------------------------------------------- verdicts

std::vector<Oracle::Spoken> Oracle::SpokenOf(const Scene& scene, const Review& review, uint32_t seat) const {
  std::vector<Spoken> spoken;
  if (scene.view.instance == nullptr) return spoken;
  for (const OracleEvent& event : scene.view.instance->events) {
    if (event.refused) continue;
    if (event.begins_round) spoken.clear();
    if (event.proposal.transition != review.verdict || event.state != review.state.value) continue;
    if (event.proposal.actor.role != review.seats[seat].role || event.proposal.grant.has_value()) continue;
    const int64_t stance = event.proposal.payload[review.stance.value].integer();
    const auto own =
        std::find_if(spoken.begin(), spoken.end(), [&](const Spoken& s) { return s.actor == event.proposal.actor.id; });
    if (own != spoken.end())
      own->stance = stance;
    else if (spoken.size() < review.seats[seat].seats)
      spoken.push_back({event.proposal.actor.id, stance});
  }
  for (const Imagined& verdict : imagined_) {
    if (verdict.seat == seat) spoken.push_back({"", verdict.stance});
  }
  return spoken;
}

int64_t Oracle::VotesOf(const Scene& scene, const Review& review, uint32_t seat, int64_t stance) const {
  const std::vector<Spoken> spoken = SpokenOf(scene, review, seat);
  return std::count_if(spoken.begin(), spoken.end(), [&](const Spoken& s) { return s.stance == stance; });
}

bool Oracle::SeatIsTaken(const Scene& scene, const Review& review, uint32_t seat) const {
  const std::vector<Spoken> spoken = SpokenOf(scene, review, seat);
  const bool own =
      std::any_of(spoken.begin(), spoken.end(), [&](const Spoken& s) { return s.actor == scene.proposal->actor.id; });
  return !own && spoken.size() >= review.seats[seat].seats;
}

int64_t Oracle::OutcomeOf(const Scene& scene, uint32_t review) const {
  if (scene.proposal->conclude_review == static_cast<int32_t>(review)) return scene.proposal->conclude_clause;
  int64_t outcome = -1;
  if (scene.view.instance == nullptr) return outcome;
  for (const OracleEvent& event : scene.view.instance->events) {
    if (event.proposal.conclude_review == static_cast<int32_t>(review)) outcome = event.proposal.conclude_clause;
    if (event.begins_round) outcome = -1;
  }
  return outcome;
}

// ---------------------------------------------------------------- places

Oracle::Scene Oracle::SceneOf(const Proposal& proposal, bool concludes) const {
  Scene scene;
  scene.proposal = &proposal;
  scene.workflow = &schema_.workflows[proposal.workflow.value];
  scene.transition = concludes ? nullptr : &scene.workflow->transitions[proposal.transition.value];
  scene.view = Look(proposal.workflow, proposal.key);
  return scene;
}

Value Oracle::FieldAfter(const Scene& scene, uint32_t field) const {
  if (!scene.is_event && scene.transition != nullptr) {
    for (size_t i = 0; i < scene.transition->sets.size(); ++i) {
      if (scene.transition->sets[i].field.value == field && !scene.proposal->sets[i].absent())
        return scene.proposal->sets[i];
    }
  }
  return scene.view.fields[field];
}

namespace {
// Structured values live as long as the decision that walks over them.
thread_local std::deque<Value> kept_values;
const Value* Keep(const Value& value) {
  kept_values.push_back(value);
  return &kept_values.back();
}
}  // namespace

// A stored value as what a condition reads; absent reads as 0, "" or nothing.
Walked Oracle::Read(const Value& value, const Type& type, bool optional) const {
  Walked w;
  w.present = !optional || !value.absent();
  w.stored = !value.absent();
  if (IsStructured(schema_, type)) {
    w.type = &type;
    w.structured = value.absent() ? nullptr : Keep(value);
    return w;
  }
  if (value.is_integer()) w.number = value.integer();
  if (value.is_text()) w.text = value.text();
  return w;
}

Walked Oracle::Slot(const Expr& e, Scene* scene) const {
  const ActorView& actor = scene->proposal->actor;
  Walked w;
  switch (e.root) {
    case SlotRoot::kBefore:
    case SlotRoot::kAfter: {
      const Value value = e.root == SlotRoot::kAfter ? FieldAfter(*scene, e.index) : scene->view.fields[e.index];
      return Read(value, schema_.types[scene->workflow->fields[e.index].type.value], e.type.type.optional);
    }
    case SlotRoot::kPayload:
      return Read(scene->proposal->payload[e.index], schema_.types[scene->transition->payload[e.index].type.value],
                  e.type.type.optional);
    case SlotRoot::kThisKey:
      w.text = e.text + scene->proposal->key;  // of a stream: what stands in front of the key
      return w;
    case SlotRoot::kNow:
      w.number = scene->proposal->now_ns;
      return w;
    case SlotRoot::kState:
      w.number = scene->view.state;
      return w;
    case SlotRoot::kActorId:
      w.text = actor.id;
      return w;
    case SlotRoot::kActorPrincipal:
      w.text = actor.principal;
      return w;
    case SlotRoot::kActorRole:
      w.number = actor.role.valid() ? Num{actor.role.value} : -1;
      return w;
    case SlotRoot::kActorIsHuman:
      w.number = actor.is_human;
      return w;
    case SlotRoot::kActorField: {
      attributes++;
      const Type& type = schema_.types[AgentOf(schema_).fields[e.index].type.value];
      return Read(AttributeOf(actor, e.index), type, e.type.type.optional);
    }
    default:
      WRIT_CHECK(false);
  }
}

const Workflow& Oracle::AgentOf(const Schema& schema) {
  return *std::find_if(schema.workflows.begin(), schema.workflows.end(), [](const Workflow& w) { return w.name == "Agent"; });
}

Value Oracle::AttributeOf(const ActorView& actor, uint32_t field) const {
  const size_t at = field - AgentOf(schema_).attributes_from;
  return actor.is_orchestrator || at >= actor.attributes.size() ? Value() : actor.attributes[at];
}

// By going up from record to record, each as its events left it.
bool Oracle::IsUnder(WorkflowId workflow, const std::string& low, const std::string& high) const {
  const FieldId field = schema_.workflows[workflow.value].under;
  std::set<std::string> seen;
  std::vector<std::string> open = {low};
  while (!open.empty()) {
    const std::string key = open.back();
    open.pop_back();
    if (key == high) return true;
    if (!seen.insert(key).second) continue;
    const Value above = Look(workflow, key).fields[field.value];
    if (!above.is_list()) continue;
    for (const Value& parent : above.list()) open.push_back(parent.text());
  }
  return false;
}

Walked Oracle::Member(const Expr& e, Scene* scene) const {
  const Walked record = Walk(*e.children[0], scene);
  const Type& member = schema_.types[schema_.records[e.children[0]->type.type.index].members[e.index].type.value];
  const Value value = record.structured == nullptr ? Value() : record.structured->list()[e.index];
  Walked w = Read(value, member, member.optional);
  w.unknown = record.unknown;
  w.present = w.present && record.present;
  return w;
}

Walked Oracle::Deref(const Expr& e, Scene* scene) const {
  const Expr& child = *e.children[0];
  const Walked reference = Walk(child, scene);
  const WorkflowId workflow(child.type.type.index);
  const Workflow& target = schema_.workflows[workflow.value];
  const bool own = child.kind == ExprKind::kSlot && child.root == SlotRoot::kThisKey;
  OracleView view = Look(workflow, reference.text);
  if (own) view.key_parts = scene->proposal->key_parts;
  const bool names = reference.present && (view.exists || own);
  Walked w;
  if (e.part == 0) {
    const Type& type = schema_.types[target.fields[e.index].type.value];
    w = Read(names ? view.fields[e.index] : Value(), type, type.optional);
    if (target.fresh_ns > 0 && names && view.exists && scene->proposal->now_ns - view.updated_ns > target.fresh_ns)
      w.unknown = true;
  } else if (e.part == 1) {
    w.number = names ? view.state : -1;
  } else {
    const Type& type = schema_.types[target.key[e.index].type.value];
    w = Read(names ? view.key_parts[e.index] : Value(), type, false);
  }
  w.unknown = w.unknown || reference.unknown;
  w.present = w.present && reference.present;
  return w;
}

std::vector<Walked> Oracle::ElementsOf(const Walked& list, const Type& type) const {
  std::vector<Walked> out;
  if (list.structured == nullptr) return out;
  const Type& element = schema_.types[type.element.value];
  for (const Value& value : list.structured->list()) {
    Walked w = Read(value, element, false);
    w.unknown = list.unknown;
    out.push_back(std::move(w));
  }
  return out;
}

// list[key], first(list), last(list)
Walked Oracle::Lookup(const Expr& e, Scene* scene) const {
  const Walked list = Walk(*e.children[0], scene);
  const Type& type = e.children[0]->type.type;
  const Type& element = schema_.types[type.element.value];
  const std::vector<Walked> elements = ElementsOf(list, type);
  const Walked* found = nullptr;
  bool unknown = list.unknown;
  if (e.kind == ExprKind::kElementAt) {
    if (!elements.empty()) found = e.index == 0 ? &elements.front() : &elements.back();
  } else {
    const Walked key = Walk(*e.children[1], scene);
    const Type& key_type = schema_.types[schema_.records[element.index].members[type.key.value].type.value];
    unknown = unknown || key.unknown;
    for (const Walked& at : elements) {
      const Walked own = Read(at.structured->list()[type.key.value], key_type, false);
      if (found == nullptr && key.present && SameScalar(own, key, key_type)) found = &at;
    }
  }
  Walked w = found != nullptr ? *found : Read(Value(), element, true);
  w.present = list.present && found != nullptr;
  w.unknown = unknown;
  return w;
}

Walked Oracle::EntityLookup(const Expr& e, Scene* scene) const {
  Walked w;
  const Workflow& target = schema_.workflows[e.index];
  std::string key;
  for (size_t i = 0; i < e.children.size(); ++i) {
    const Walked part = Walk(*e.children[i], scene);
    w.unknown = w.unknown || part.unknown;
    w.present = w.present && part.present && part.stored;
    const Type& type = schema_.types[target.key[i].type.value];
    std::string text = IsText(type) ? part.text : KeyPartText(schema_, type, static_cast<int64_t>(part.number));
    if (e.children.size() > 1) {
      std::string escaped;
      for (const char c : text) {
        if (c == '|' || c == '\\') escaped.push_back('\\');
        escaped.push_back(c);
      }
      text = i == 0 ? escaped : "|" + escaped;
    }
    key += text;
  }
  const bool found = w.present && Look(WorkflowId(e.index), key).exists;
  if (found && !scene->variables.empty()) {
    std::set<uint32_t> variables;
    VariablesOf(e, &variables);
    found_by_element += !variables.empty();
  }
  w.present = found;
  if (found) w.text = key;
  return w;
}

// ---------------------------------------------------------------- expressions

Walked Oracle::Equal(const Expr& e, Scene* scene) const {
  const Expr &left = *e.children[0], &right = *e.children[1];
  const Walked a = Walk(left, scene), b = Walk(right, scene);
  bool equal;
  if (IsStructured(schema_, left.type.type)) {
    const std::vector<Walked> x = ElementsOf(a, left.type.type), y = ElementsOf(b, right.type.type);
    const Type& element = schema_.types[left.type.type.element.value];
    equal = x.size() == y.size();
    for (size_t i = 0; equal && i < x.size(); ++i) equal = SameScalar(x[i], y[i], element);
  } else if (IsText(left.type.type)) {
    equal = a.text == b.text;
  } else {
    equal = Aligned(a, left.type.scale, right.type.scale) == Aligned(b, right.type.scale, left.type.scale);
  }
  if (e.kind == ExprKind::kIs) equal = equal && a.present && b.present;
  if (e.kind == ExprKind::kNotEqual) equal = !equal;
  return Truth(equal, a.unknown || b.unknown);
}

Walked Oracle::In(const Expr& e, Scene* scene) const {
  const Expr &needle = *e.children[0], &hay = *e.children[1];
  const Walked x = Walk(needle, scene);
  bool found = false, unknown = x.unknown;
  if (hay.kind == ExprKind::kSetLiteral) {
    kinds[static_cast<size_t>(ExprKind::kSetLiteral)]++;
    for (const typed::ExprPtr& member : hay.children) {
      const Walked y = Walk(*member, scene);
      if (IsText(needle.type.type))
        found |= x.text == y.text;
      else
        found |= Aligned(x, needle.type.scale, member->type.scale) == Aligned(y, member->type.scale, needle.type.scale);
    }
  } else {
    const Walked list = Walk(hay, scene);
    unknown = unknown || list.unknown;
    if (IsEnumSet(schema_, hay.type.type)) {
      found =
          x.number >= 0 && x.number < 64 && (static_cast<uint64_t>(list.number) >> static_cast<int>(x.number) & 1) != 0;
    } else {
      for (const Walked& y : ElementsOf(list, hay.type.type)) found |= SameScalar(x, y, needle.type.type);
    }
  }
  return Truth(found && x.present, unknown);
}

Walked Oracle::AskCalendar(const Expr& e, Scene* scene) const {
  calendars[e.part]++;
  std::vector<Walked> arguments;
  Walked w;
  for (const typed::ExprPtr& child : e.children) {
    arguments.push_back(Walk(*child, scene));
    w.unknown = w.unknown || arguments.back().unknown;
  }
  const Calendar& calendar = schema_.calendars[e.index];
  const Num first = arguments[0].number, last = arguments.back().number;
  switch (static_cast<typed::CalendarOp>(e.part)) {
    case typed::CalendarOp::kInWindow: w.number = IsInWindow(calendar, e.part2, first); break;
    case typed::CalendarOp::kOpen: w.number = IsOpen(schema_, calendar, first); break;
    case typed::CalendarOp::kWorkdays: w.number = Workdays(schema_, calendar, first, last); break;
    case typed::CalendarOp::kYears: w.number = Years(schema_, calendar, static_cast<int64_t>(first), last); break;
    case typed::CalendarOp::kDay: w.number = LocalDay(schema_.zones[calendar.zone], first); break;
  }
  return w;
}

Walked Oracle::Arithmetic(const Expr& e, Scene* scene) const {
  const Walked a = Walk(*e.children[0], scene);
  Walked w;
  w.unknown = a.unknown;
  w.present = a.present;
  if (e.kind == ExprKind::kNegate) {
    w.number = -a.number;
  } else {
    const Walked b = Walk(*e.children[1], scene);
    w.unknown = a.unknown || b.unknown;
    w.present = a.present && b.present;
    if (e.kind == ExprKind::kMultiply) {
      w.number = a.number * b.number;
    } else {
      const bool of_dates = e.children[0]->type.type.kind == TypeKind::kDate;
      const bool moves_date = e.type.type.kind == TypeKind::kDate;
      const Num x = Aligned(a, e.children[0]->type.scale, e.type.scale),
                y = Aligned(b, e.children[1]->type.scale, e.type.scale) / (moves_date ? 24 * kHourNs : 1);
      w.number = (e.kind == ExprKind::kAdd ? x + y : x - y) * (of_dates && !moves_date ? 24 * kHourNs : 1);
    }
  }
  if (e.type.scale == 0) Check64(&w);
  return w;
}

Walked Oracle::Round(const Expr& e, Scene* scene) const {
  const Expr* inner = e.children[0].get();
  Num divisor = 1;
  if (inner->kind == ExprKind::kDivide) {
    kinds[static_cast<size_t>(ExprKind::kDivide)]++;
    divisor = inner->number;
    inner = inner->children[0].get();
  }
  Walked w = Walk(*inner, scene);
  if (divisor < 0) {
    w.number = -w.number;
    divisor = -divisor;
  }
  w.number = RoundOf(e.rounding, w.number, divisor * Power10(inner->type.scale));
  w.present = true;
  Check64(&w);
  return w;
}

Walked Oracle::Walk(const Expr& e, Scene* scene, Polarity polarity) const {
  kinds[static_cast<size_t>(e.kind)]++;
  const auto flipped = [&] {
    return polarity == Polarity::kRestrains  ? Polarity::kEmpowers
           : polarity == Polarity::kEmpowers ? Polarity::kRestrains
                                             : polarity;
  };
  switch (e.kind) {
    case ExprKind::kConstant: {
      Walked w;
      w.number = e.number;
      w.text = e.text;
      return w;
    }
    case ExprKind::kSlot:
      return Slot(e, scene);
    case ExprKind::kVariable:
      return scene->variables.at(e.variable);
    case ExprKind::kMember:
      return Member(e, scene);
    case ExprKind::kDeref:
      return Deref(e, scene);
    case ExprKind::kNot:
      return KleeneNot(Walk(*e.children[0], scene, flipped()));
    case ExprKind::kAnd:
      return KleeneAnd(Walk(*e.children[0], scene, polarity), Walk(*e.children[1], scene, polarity));
    case ExprKind::kOr:
      return KleeneOr(Walk(*e.children[0], scene, polarity), Walk(*e.children[1], scene, polarity));
    case ExprKind::kEqual:
    case ExprKind::kNotEqual:
    case ExprKind::kIs:
      return Equal(e, scene);
    case ExprKind::kLess:
    case ExprKind::kLessEqual: {
      const Expr &left = *e.children[0], &right = *e.children[1];
      const Walked a = Walk(left, scene), b = Walk(right, scene);
      const Num x = Aligned(a, left.type.scale, right.type.scale), y = Aligned(b, right.type.scale, left.type.scale);
      return Truth(e.kind == ExprKind::kLess ? x < y : x <= y, a.unknown || b.unknown);
    }
    case ExprKind::kIn:
      return In(e, scene);
    case ExprKind::kHas: {
      const Walked a = Walk(*e.children[0], scene);
      return Truth(a.present, a.unknown);
    }
    case ExprKind::kCoalesce: {
      const Walked a = Walk(*e.children[0], scene), b = Walk(*e.children[1], scene);
      Walked w = a.present ? a : b;
      w.number = a.present ? Aligned(a, e.children[0]->type.scale, e.type.scale)
                           : Aligned(b, e.children[1]->type.scale, e.type.scale);
      w.present = a.present || b.present;
      w.unknown = a.unknown || b.unknown;
      return w;
    }
    case ExprKind::kIf: {
      const Walked c = Walk(*e.children[0], scene), a = Walk(*e.children[1], scene, polarity),
                   b = Walk(*e.children[2], scene, polarity);
      Walked w = c.number != 0 ? a : b;
      w.number = c.number != 0 ? Aligned(a, e.children[1]->type.scale, e.type.scale)
                               : Aligned(b, e.children[2]->type.scale, e.type.scale);
      w.unknown = c.unknown || a.unknown || b.unknown;
      return w;
    }
    case ExprKind::kAdd:
    case ExprKind::kSubtract:
    case ExprKind::kMultiply:
    case ExprKind::kNegate:
      quantifiers[kQuantities] += e.type.type.kind == TypeKind::kQuantity;
      return Arithmetic(e, scene);
    case ExprKind::kRound:
      return Round(e, scene);
    case ExprKind::kQuantifier:
      return Quantify(e, scene, polarity);
    case ExprKind::kLookup:
    case ExprKind::kElementAt:
      return Lookup(e, scene);
    case ExprKind::kEntityLookup:
      return EntityLookup(e, scene);
    case ExprKind::kMatch: {
      const Walked text = Walk(*e.children[0], scene);
      return Truth(MatchesPattern(text.text, e), text.unknown);
    }
    case ExprKind::kCalendar:
      return AskCalendar(e, scene);
    case ExprKind::kFact:
      return e.children.empty() ? FactOf(e.index, *scene) : FactThrough(e, scene);
    case ExprKind::kSays:
    case ExprKind::kVotes: {
      const Review& review = scene->workflow->reviews[e.index];
      const int64_t votes = VotesOf(*scene, review, e.part, e.part2);
      if (e.kind == ExprKind::kSays) return Truth(votes >= review.seats[e.part].quorum);
      Walked w;
      w.number = votes;
      return w;
    }
    case ExprKind::kKeyedFact:
      return KeyedFact(e, scene);
    case ExprKind::kDivide:
    case ExprKind::kSetLiteral:
      WRIT_CHECK(false);
    case ExprKind::kUnder: {
      const Walked low = Walk(*e.children[0], scene), high = Walk(*e.children[1], scene);
      const bool there = low.present && high.present && low.stored && high.stored;
      const WorkflowId workflow(e.children[0]->type.type.index);
      return Truth(there && IsUnder(workflow, low.text, high.text), low.unknown || high.unknown);
    }
  }
  WRIT_CHECK(false);
}

Walked Oracle::Quantify(const Expr& e, Scene* scene, Polarity polarity) const {
  quantifiers[static_cast<size_t>(e.op)]++;
  const Expr& source = *e.children[1];
  const Walked collection = Walk(source, scene);
  const bool bits = IsEnumSet(schema_, source.type.type);
  std::vector<Walked> elements;
  if (bits) {
    for (int b = 0; b < 64; ++b) {
      if ((static_cast<uint64_t>(collection.number) >> b & 1) == 0) continue;
      Walked member;
      member.number = b;
      elements.push_back(member);
    }
  } else {
    elements = ElementsOf(collection, source.type.type);
  }
  Walked out;
  out.unknown = collection.unknown;
  if (e.children[0] == nullptr && e.children[2] == nullptr) {
    out.number = bits ? PopulationOf(collection.number) : static_cast<Num>(elements.size());
    return out;
  }
  struct Seen {
    Walked where, body;
  };
  std::vector<Seen> seen;
  const bool neighbours = e.variable2 != UINT32_MAX;
  if (neighbours && elements.size() > 1) quantifiers[kNeighbours]++;
  for (size_t i = 0; i + (neighbours ? 1 : 0) < elements.size(); ++i) {
    scene->variables[e.variable] = elements[i];
    if (neighbours) scene->variables[e.variable2] = elements[i + 1];
    Seen one;
    one.where = e.children[2] != nullptr ? Walk(*e.children[2], scene) : Truth(true);
    one.body = e.children[0] != nullptr ? Walk(*e.children[0], scene, polarity) : Truth(true);
    seen.push_back(std::move(one));
  }
  scene->variables.erase(e.variable);
  scene->variables.erase(e.variable2);
  const auto chosen = [](const Seen& s) { return !s.where.unknown && s.where.number != 0; };
  switch (e.op) {
    case QuantifierOp::kAny: {
      Walked any = Truth(false);
      for (const Seen& s : seen) any = KleeneOr(any, KleeneAnd(s.where, s.body));
      any.unknown = any.unknown || out.unknown;
      return any;
    }
    case QuantifierOp::kAll: {
      Walked all = Truth(true);
      for (const Seen& s : seen) all = KleeneAnd(all, KleeneOr(KleeneNot(s.where), s.body));
      // Vacuous truth grants nothing.
      if (polarity == Polarity::kEmpowers && !all.unknown && std::none_of(seen.begin(), seen.end(), chosen))
        all = Truth(false);
      all.unknown = all.unknown || out.unknown;
      return all;
    }
    case QuantifierOp::kCount:
      for (const Seen& s : seen) {
        const Walked both = KleeneAnd(s.where, s.body);
        out.unknown = out.unknown || both.unknown;
        if (!both.unknown && both.number != 0) ++out.number;
      }
      return out;
    default:
      break;
  }
  std::vector<const Walked*> values;
  for (const Seen& s : seen) {
    out.unknown = out.unknown || s.where.unknown || (chosen(s) && s.body.unknown);
    if (chosen(s) && s.body.present) values.push_back(&s.body);
  }
  if (e.op == QuantifierOp::kDistinct) {
    std::set<std::pair<Num, std::string>> different;
    for (const Walked* v : values) different.insert({v->number, v->text});
    out.number = static_cast<Num>(different.size());
  } else if (e.op == QuantifierOp::kSum) {
    for (const Walked* v : values) out.number += v->number;
    if (e.type.scale == 0) Check64(&out);
  } else {
    out.present = !values.empty();
    for (const Walked* v : values) {
      const bool better =
          v == values[0] || (e.op == QuantifierOp::kMin ? v->number < out.number : v->number > out.number);
      if (better) out.number = v->number;
    }
  }
  return out;
}

// ---------------------------------------------------------------- references that name nothing

bool Oracle::NamesNothing(const Value& value, const Type& type) const {
  if (value.absent()) return false;
  if (type.kind == TypeKind::kReference) return !Look(WorkflowId(type.index), value.text()).exists;
  if (type.kind == TypeKind::kRecord) {
    const writ::Record& record = schema_.records[type.index];
    for (size_t m = 0; m < record.members.size(); ++m) {
      if (NamesNothing(value.list()[m], schema_.types[record.members[m].type.value])) return true;
    }
    return false;
  }
  if (!IsStructured(schema_, type)) return false;
  const Type& element = schema_.types[type.element.value];
  return std::any_of(value.list().begin(), value.list().end(),
                     [&](const Value& v) { return NamesNothing(v, element); });
}

// What a look-up can find: a key that reads an element has one value for each of them.
void Oracle::LookedUp(const Expr& e, Scene* scene, const std::map<uint32_t, const Expr*>& bound,
                      std::vector<Found>* out) const {
  std::set<uint32_t> variables;
  VariablesOf(e, &variables);
  if (variables.empty()) {
    const Walked w = EntityLookup(e, scene);
    if (w.present) out->push_back({Value(w.text), &e.type.type});
    return;
  }
  WRIT_CHECK(variables.size() == 1);
  Expr variable;
  variable.kind = ExprKind::kVariable;
  variable.variable = *variables.begin();
  const std::map<uint32_t, Walked> outside = scene->variables;
  for (const Found& element : Everything(variable, scene, bound)) {
    scene->variables[variable.variable] = Read(element.value, *element.type, false);
    const Walked w = EntityLookup(e, scene);
    if (w.present) out->push_back({Value(w.text), &e.type.type});
  }
  scene->variables = outside;
}

// All that a path can come to: every element where it goes through a list.
std::vector<Oracle::Found> Oracle::Everything(const Expr& e, Scene* scene,
                                              const std::map<uint32_t, const Expr*>& bound) const {
  std::vector<Found> out;
  const auto elements = [&](const Expr& list) {
    for (const Found& f : Everything(list, scene, bound)) {
      if (!f.value.is_list()) continue;
      for (const Value& v : f.value.list()) out.push_back({v, &schema_.types[f.type->element.value]});
    }
  };
  switch (e.kind) {
    case ExprKind::kSlot: {
      if (e.root == SlotRoot::kThisKey) {
        out.push_back({Value(scene->proposal->key), &e.type.type, true});
      } else if (e.root == SlotRoot::kBefore || e.root == SlotRoot::kAfter) {
        out.push_back({e.root == SlotRoot::kAfter ? FieldAfter(*scene, e.index) : scene->view.fields[e.index],
                       &schema_.types[scene->workflow->fields[e.index].type.value]});
      } else if (e.root == SlotRoot::kActorField) {
        out.push_back({AttributeOf(scene->proposal->actor, e.index),
                       &schema_.types[AgentOf(schema_).fields[e.index].type.value]});
      } else if (e.root == SlotRoot::kPayload) {
        out.push_back(
            {scene->proposal->payload[e.index], &schema_.types[scene->transition->payload[e.index].type.value]});
      }
      return out;
    }
    case ExprKind::kVariable:
      elements(*bound.at(e.variable));
      return out;
    case ExprKind::kLookup:
    case ExprKind::kElementAt:
      elements(*e.children[0]);
      return out;
    case ExprKind::kMember:
      for (const Found& f : Everything(*e.children[0], scene, bound)) {
        if (f.value.is_list())
          out.push_back(
              {f.value.list()[e.index], &schema_.types[schema_.records[f.type->index].members[e.index].type.value]});
      }
      return out;
    case ExprKind::kDeref:
      for (const Found& f : Everything(*e.children[0], scene, bound)) {
        if (!f.value.is_text() || e.part != 0) continue;
        const Workflow& w = schema_.workflows[f.type->index];
        const OracleView view = Look(WorkflowId(f.type->index), f.value.text());
        if (view.exists) out.push_back({view.fields[e.index], &schema_.types[w.fields[e.index].type.value]});
      }
      return out;
    case ExprKind::kEntityLookup:
      LookedUp(e, scene, bound, &out);
      return out;
    default:
      return out;
  }
}

bool Oracle::ReadsNothing(const Expr& e, Scene* scene, std::map<uint32_t, const Expr*>* bound) const {
  if (e.kind == ExprKind::kQuantifier) (*bound)[e.variable] = (*bound)[e.variable2] = e.children[1].get();
  const bool through = e.kind == ExprKind::kDeref || (e.kind == ExprKind::kFact && !e.children.empty());
  if (through && e.children[0]->kind != ExprKind::kEntityLookup) {
    for (const Found& f : Everything(*e.children[0], scene, *bound)) {
      if (!f.own && f.value.is_text() && NamesNothing(f.value, *f.type)) return true;
    }
  }
  if (e.kind == ExprKind::kUnder) {
    for (const typed::ExprPtr& side : e.children) {
      if (side->kind == ExprKind::kConstant || side->kind == ExprKind::kEntityLookup) continue;
      for (const Found& f : Everything(*side, scene, *bound)) {
        if (!f.own && f.value.is_text() && NamesNothing(f.value, *f.type)) return true;
      }
    }
  }
  for (const typed::ExprPtr& child : e.children) {
    if (child != nullptr && ReadsNothing(*child, scene, bound)) return true;
  }
  return false;
}

bool Oracle::NamesNothing(Scene* scene) const {
  for (const SetField& set : scene->transition->sets) {
    if (NamesNothing(FieldAfter(*scene, set.field.value),
                     schema_.types[scene->workflow->fields[set.field.value].type.value]))
      return true;
  }
  for (size_t p = 0; p < scene->transition->payload.size(); ++p) {
    if (NamesNothing(scene->proposal->payload[p], schema_.types[scene->transition->payload[p].type.value])) return true;
  }
  std::map<uint32_t, const Expr*> bound;
  const auto reads = [&](const typed::ExprPtr& expr) { return expr != nullptr && ReadsNothing(*expr, scene, &bound); };
  const WorkflowId workflow = scene->proposal->workflow;
  const TransitionId transition = scene->proposal->transition;
  for (const typed::Grant& grant : program_.grants) {
    if (grant.workflow != workflow || grant.transition != transition) continue;
    if (reads(grant.when)) return true;
    for (const typed::Limit& limit : grant.limits) {
      if (reads(limit.field) || reads(limit.value)) return true;
    }
  }
  const auto here = [&](const typed::Rule& rule) {
    return rule.workflow == workflow && Contains(rule.transitions, transition);
  };
  for (const typed::Rule& rule : program_.rules) {
    if (!here(rule)) continue;
    if (schema_.rules[rule.rule.value].effect == Effect::kAllow) continue;
    if (reads(rule.when) || reads(rule.unless)) return true;
  }
  return false;
}

// ---------------------------------------------------------------- decisions

bool Oracle::ScopeHolds(const typed::Rule& rule, const Scene& scene) const {
  const ActorView& actor = scene.proposal->actor;
  const std::optional<GrantView> grant = GrantOf(*scene.proposal);
  if (!rule.under.empty()) {
    const std::vector<std::string> tasks = grant.has_value() ? grant->tasks : std::vector<std::string>();
    if (std::find(tasks.begin(), tasks.end(), rule.under) == tasks.end()) return false;
  }
  if (rule.by.empty() && !rule.by_orchestrator) return true;
  if (rule.by_orchestrator && actor.is_orchestrator && (!grant.has_value() || rule.by.empty())) return true;
  const bool own = actor.role.valid() && Contains(rule.by, actor.role);
  if (!grant.has_value()) return own;
  // Who acts for a role is restrained as that role is; what frees a role frees nobody who acts with another's authority.
  return schema_.rules[rule.rule.value].effect != Effect::kAllow && (own || Contains(rule.by, grant->role));
}

Walked Oracle::GuardOf(const typed::Rule& rule, Scene* scene, Polarity polarity) const {
  Walked guard = Truth(true);
  if (rule.when != nullptr) guard = KleeneAnd(guard, Walk(*rule.when, scene, polarity));
  if (rule.unless != nullptr) {
    const Polarity other = polarity == Polarity::kRestrains ? Polarity::kEmpowers : Polarity::kRestrains;
    guard = KleeneAnd(guard, KleeneNot(Walk(*rule.unless, scene, other)));
  }
  return guard;
}

Walked Oracle::Covered(Scene* scene) const {
  Walked covered = Truth(false);
  for (const typed::Grant& grant : program_.grants) {
    if (grant.workflow != scene->proposal->workflow || grant.transition != scene->proposal->transition) continue;
    if (grant.consent && scene->proposal->consenting) ++consents;
    const std::optional<GrantView> given = GrantOf(*scene->proposal);
    const RoleId acts_for = given.has_value() ? given->role : scene->proposal->actor.role;
    Walked one = Truth(acts_for == grant.role && (!grant.consent || scene->proposal->consenting));
    for (const typed::Limit& limit : grant.limits) {
      const Walked field = Walk(*limit.field, scene), most = Walk(*limit.value, scene);
      one = KleeneAnd(one, Truth(field.present && field.number <= most.number, field.unknown || most.unknown));
    }
    if (grant.when != nullptr) one = KleeneAnd(one, Walk(*grant.when, scene, Polarity::kEmpowers));
    covered = KleeneOr(covered, one);
  }
  // Who gave may take back, in its own name.
  const Workflow& workflow = *scene->workflow;
  if (workflow.qualified == kGrantWorkflow && scene->transition->name == kRevoke && !GrantOf(*scene->proposal).has_value()) {
    const Value& giver = scene->view.fields[0];
    const std::string gave = giver.is_text() ? giver.text() : "";
    covered = KleeneOr(covered, Truth(gave == scene->proposal->actor.id));
  }
  return covered;
}

bool Oracle::CanBeGiven(const Proposal& proposal) const {
  const Workflow& workflow = schema_.workflows[proposal.workflow.value];
  if (workflow.qualified == kGrantWorkflow && workflow.transitions[proposal.transition.value].name == kGive) return true;
  const auto may = [&](RoleId role, auto about) {
    return std::any_of(program_.grants.begin(), program_.grants.end(), [&](const typed::Grant& grant) {
      return !grant.consent && grant.role == role && about(grant);
    });
  };
  for (uint32_t r = 0; r < schema_.roles.size(); ++r) {
    const bool gives = may(RoleId(r), [&](const typed::Grant& grant) {
      const Workflow& about = schema_.workflows[grant.workflow.value];
      return about.qualified == kGrantWorkflow && about.transitions[grant.transition.value].name == kGive;
    });
    const bool does = may(RoleId(r), [&](const typed::Grant& grant) {
      return grant.workflow == proposal.workflow && grant.transition == proposal.transition;
    });
    if (gives && does) return true;
  }
  return false;
}

// What this policy lets nobody give is decided as if there were no grant, and denied.
std::optional<GrantView> Oracle::GrantOf(const Proposal& proposal) const {
  return proposal.grant.has_value() && CanBeGiven(proposal) ? proposal.grant : std::nullopt;
}

bool Oracle::NotDelegated(const Scene& scene) const {
  const Proposal& proposal = *scene.proposal;
  if (proposal.actor.is_orchestrator || !Delegates(schema_)) return false;
  if (proposal.grant.has_value() && !CanBeGiven(proposal)) return true;
  if (scene.workflow->qualified == kGrantWorkflow && scene.transition->name == kGive && !proposal.gives) return true;
  if (!proposal.grant.has_value()) return false;
  ++grants;
  if (!proposal.grant->holds) return true;
  if (scene.workflow->qualified == kGrantWorkflow && scene.transition->name == kGive) return false;
  for (const auto& [field, most] : proposal.grant->most) {
    const Value value = FieldAfter(scene, field.value);
    const bool optional = schema_.types[scene.workflow->fields[field.value].type.value].optional;
    if (value.absent() ? optional || most.integer() < 0 : value.integer() > most.integer()) {
      ++exceeded;
      return true;
    }
  }
  return false;
}

OracleDecision Oracle::Decide(const Proposal& proposal) const {
  kept_values.clear();
  Scene scene = SceneOf(proposal, false);
  const Workflow& workflow = *scene.workflow;
  const Transition& transition = *scene.transition;
  const ActorView& actor = proposal.actor;
  OracleDecision out;
  std::vector<Restraining> gates;
  const bool halting = !transition.stays && workflow.states[transition.target.value].is_halted;
  const bool safe_way_out = halting && actor.is_orchestrator;
  const auto restrain = [&](RuleId rule, Effect effect, bool applies, bool fails = false) {
    if (safe_way_out) return;
    if (applies) out.applied.push_back({rule, effect});
    if (fails) out.failed.push_back({rule, effect});
  };
  const auto deny = [&](Builtin reason, bool applies, bool fails = false) {
    restrain(BuiltinRule(reason), Effect::kDeny, applies, fails);
  };
  const auto gate = [&](Builtin reason, bool applies) {
    if (!applies) return;
    out.applied.push_back({BuiltinRule(reason), Effect::kDeny});
    gates.push_back({BuiltinRule(reason), Effect::kDeny});
  };
  const auto is_asked = [&](RoleId role) { return actor.role == role && !GrantOf(proposal).has_value(); };
  const auto approved = [&](RuleId rule) { return Contains(proposal.approved, rule); };

  if (workflow.is_builtin && workflow.name == "Question") {
    gate(Builtin::kStale, proposal.question_state == 1);
    gate(Builtin::kExpired, proposal.question_state == 2);
    gate(Builtin::kDuplicate, proposal.duplicate || proposal.question_state == 3);
    deny(Builtin::kSelfApproval, proposal.question_self);
    deny(Builtin::kNoAuthority, !(proposal.question_covered && actor.holds_role));
    deny(Builtin::kSuspended, !actor.is_active);
  } else {
    const StateId state = scene.view.state < 0 ? kNewState : StateId(static_cast<uint32_t>(scene.view.state));
    const bool of_task = workflow.is_builtin && workflow.name == "Task";
    const bool by_doer = of_task && transition.name != "open";
    const auto task_field = [&](size_t field) -> const Value& { return scene.view.fields[field]; };
    const bool reported = of_task && task_field(2).is_text() && task_field(2).text() == "report";
    gate(Builtin::kNoTransition,
         std::find(transition.sources.begin(), transition.sources.end(), state) == transition.sources.end() ||
             (of_task && transition.name == "report" && !reported));
    gate(Builtin::kStale, proposal.seen < scene.view.last_change);
    gate(Builtin::kDuplicate, proposal.duplicate);
    const Walked covered = Covered(&scene);
    const int64_t doer = by_doer && task_field(1).is_integer() ? task_field(1).integer() : 0;
    const bool is_doer = by_doer && !GrantOf(proposal).has_value() && actor.role.valid() && actor.role.value == static_cast<uint32_t>(doer);
    const bool is_unknown = covered.unknown && !is_doer;
    const bool may = ((!covered.unknown && covered.number != 0) || is_doer) && actor.holds_role;
    deny(Builtin::kNoAuthority, !actor.is_orchestrator && !may, !actor.is_orchestrator && is_unknown);
    if (by_doer) {
      bool waits = false;
      if (task_field(3).is_list()) {
        for (const Value& before : task_field(3).list()) waits = waits || Look(proposal.workflow, before.text()).state != 2;
      }
      deny(Builtin::kTaskWaiting, !actor.is_orchestrator && waits);
    }
    deny(Builtin::kSuspended, !actor.is_orchestrator && !actor.is_active);
    deny(Builtin::kNotDelegated, NotDelegated(scene));
    deny(Builtin::kNoRecord, NamesNothing(&scene));
    for (uint32_t r = 0; r < workflow.reviews.size(); ++r) {
      const Review& review = workflow.reviews[r];
      const bool here = scene.view.state == review.state.value;
      if (review.verdict == proposal.transition) {
        bool taken = false;
        for (uint32_t s = 0; s < review.seats.size(); ++s) {
          if (actor.role == review.seats[s].role) taken = taken || SeatIsTaken(scene, review, s);
        }
        deny(Builtin::kSeatTaken, here && taken && !GrantOf(proposal).has_value());
      }
      const int64_t outcome = OutcomeOf(scene, r);
      const bool bound = Contains(review.binds, proposal.transition);
      if (bound && here && outcome < 0) restrain(BuiltinRule(Builtin::kReviewPending), Effect::kHold, true);
      if (!here || outcome < 0) continue;
      const Clause& clause = review.clauses[static_cast<size_t>(outcome)];
      const bool concludes = clause.transition == proposal.transition;
      if (bound) {
        const bool answer = concludes && (!clause.asks.valid() || actor.is_orchestrator || is_asked(clause.asks));
        restrain(clause.rule, Effect::kDeny, !answer);
      }
      if (concludes && clause.asks.valid())
        restrain(clause.rule, Effect::kEscalate, actor.is_orchestrator && !approved(clause.rule));
    }
  }

  std::set<RuleId> restraints_here;
  for (const typed::Rule& rule : program_.rules) {
    const Rule& row = schema_.rules[rule.rule.value];
    if (rule.workflow != proposal.workflow || !Contains(rule.transitions, proposal.transition) ||
        row.effect == Effect::kAllow)
      continue;
    restraints_here.insert(rule.rule);
    bool scope = ScopeHolds(rule, scene);
    if (row.effect == Effect::kEscalate)
      scope = scope && !(actor.role.valid() && is_asked(row.asks)) && !approved(rule.rule);
    if (row.effect == Effect::kHold) {
      scope = scope && !approved(rule.rule);
      if (rule.awaits_fact != UINT32_MAX) scope = scope && FactOf(rule.awaits_fact, scene).number == 0;
    }
    const Walked guard = GuardOf(rule, &scene, Polarity::kRestrains);
    const bool applies = scope && (guard.unknown || guard.number != 0), fails = scope && guard.unknown;
    if (row.effect == Effect::kUpon) {  // for the safe way out too
      if (applies) out.applied.push_back({rule.rule, row.effect});
      if (fails) out.failed.push_back({rule.rule, row.effect});
    } else {
      restrain(rule.rule, row.effect, applies, fails);
    }
  }

  std::set<RuleId> excused;
  for (const typed::Rule& rule : program_.rules) {
    const Rule& row = schema_.rules[rule.rule.value];
    if (rule.workflow != proposal.workflow || !Contains(rule.transitions, proposal.transition) ||
        row.effect != Effect::kAllow)
      continue;
    const bool speaks = std::any_of(rule.overrides.begin(), rule.overrides.end(),
                                    [&](RuleId r) { return restraints_here.count(r) != 0; });
    if (!speaks) continue;
    const bool scope = ScopeHolds(rule, scene);
    const Walked guard = GuardOf(rule, &scene, Polarity::kEmpowers);
    if (scope && guard.unknown) out.allows_failed.push_back(rule.rule);
    if (!scope || guard.unknown || guard.number == 0) continue;
    std::map<uint32_t, const Expr*> bound;
    const auto reads_nothing = [&](const typed::ExprPtr& expr) {
      return expr != nullptr && ReadsNothing(*expr, &scene, &bound);
    };
    if (reads_nothing(rule.when) || reads_nothing(rule.unless)) continue;
    bool used = false;
    for (const Restraining& r : out.applied) {
      if (!Contains(rule.overrides, r.first)) continue;
      excused.insert(r.first);
      used = true;
    }
    if (used) out.allows.push_back(rule.rule);
  }

  static constexpr Outcome kOutcomes[] = {Outcome::kDeny, Outcome::kHold, Outcome::kEscalate};
  std::vector<Restraining> standing;
  for (const Restraining& r : out.applied) {
    if (excused.count(r.first) == 0 && r.second != Effect::kUpon) standing.push_back(r);
  }
  for (const Restraining& r : standing) out.outcome = std::max(out.outcome, kOutcomes[static_cast<int>(r.second)]);
  if (!gates.empty()) {
    out.reasons = gates;
  } else {
    for (const Restraining& r : standing) {
      if (kOutcomes[static_cast<int>(r.second)] == out.outcome) out.reasons.push_back(r);
    }
  }
  for (std::vector<Restraining>* list : {&out.reasons, &out.applied, &out.failed})
    std::sort(list->begin(), list->end());
  std::sort(out.allows.begin(), out.allows.end());
  std::sort(out.allows_failed.begin(), out.allows_failed.end());
  return out;
}

std::vector<Walked> Oracle::Compute(const Proposal& proposal) const {
  kept_values.clear();
  Scene scene = SceneOf(proposal, false);
  std::vector<Walked> out;
  for (const SetField& set : scene.transition->sets) {
    if (!set.computed) continue;
    for (const typed::Computed& computed : program_.computed) {
      if (computed.workflow == proposal.workflow && computed.transition == proposal.transition &&
          computed.field == set.field) {
        out.push_back(Walk(*computed.value, &scene));
      }
    }
  }
  return out;
}

std::vector<Walked> Oracle::Then(const Proposal& proposal, RuleId id, uint32_t index) const {
  kept_values.clear();
  Scene scene = SceneOf(proposal, false);
  std::vector<Walked> out;
  for (const typed::Rule& rule : program_.rules) {
    if (rule.rule != id || rule.workflow != proposal.workflow || !Contains(rule.transitions, proposal.transition)) continue;
    for (const typed::ExprPtr& value : rule.then[index].values) {
      Walked walked;
      walked.present = false;
      std::map<uint32_t, const Expr*> bound;
      if (value != nullptr) {
        walked = Walk(*value, &scene);
        if (walked.unknown || ReadsNothing(*value, &scene, &bound)) walked.present = false;
      }
      out.push_back(std::move(walked));
    }
  }
  return out;
}

// Where it cannot be told, there is a task.
void Oracle::Wanted(const typed::PlannedTask& task, uint32_t capacity, Scene* scene, std::vector<Walked>* out) const {
  std::map<uint32_t, const Expr*> bound;
  if (task.source != nullptr) bound[task.variable] = task.source.get();
  const auto wanted = [&] {
    if (task.when == nullptr) return true;
    const Walked when = Walk(*task.when, scene, Polarity::kRestrains);
    return when.unknown || ReadsNothing(*task.when, scene, &bound) || when.number != 0;
  };
  if (task.source == nullptr) return out->push_back(Truth(wanted()));
  const Walked source = Walk(*task.source, scene);
  const bool members = IsEnumSet(schema_, task.source->type.type);
  const std::vector<Walked> elements = members ? std::vector<Walked>() : ElementsOf(source, task.source->type.type);
  for (uint32_t i = 0; i < capacity; ++i) {
    Walked element, text;
    element.number = i;
    if (i < elements.size()) element = elements[i];
    const bool is_there = members ? (static_cast<uint64_t>(source.number) >> i & 1) != 0 : i < elements.size();
    scene->variables[task.variable] = element;
    if (is_there && members) {
      text.text = schema_.enums[schema_.types[task.source->type.type.element.value].index].members[i].name;
    } else if (is_there) {
      text = Walk(*task.element, scene);
    }
    out->push_back(Truth(is_there && wanted()));
    out->push_back(text);
  }
  scene->variables.erase(task.variable);
}

std::vector<Walked> Oracle::Plan(const Proposal& where) const {
  kept_values.clear();
  Scene scene = SceneOf(where, true);
  std::vector<Walked> out;
  for (const typed::Plan& plan : program_.plans) {
    if (plan.workflow != where.workflow) continue;
    const writ::Plan& row = scene.workflow->plans[0];
    for (size_t i = 0; i < plan.tasks.size(); ++i) Wanted(plan.tasks[i], row.tasks[i].capacity, &scene, &out);
    for (size_t i = 0; i < plan.finallys.size(); ++i) {
      const Transition& last = scene.workflow->transitions[row.finallys[i].transition.value];
      const bool halts = !last.stays && scene.workflow->states[last.target.value].is_halted;
      std::map<uint32_t, const Expr*> bound;
      const Walked when = Walk(*plan.finallys[i], &scene, halts ? Polarity::kRestrains : Polarity::kEmpowers);
      const bool unknown = when.unknown || ReadsNothing(*plan.finallys[i], &scene, &bound);
      out.push_back(Truth(unknown ? halts : when.number != 0));
    }
  }
  return out;
}

std::vector<std::pair<bool, bool>> Oracle::Asks(const Proposal& where) const {
  kept_values.clear();
  Scene scene = SceneOf(where, true);
  std::vector<std::pair<bool, bool>> out;
  for (const RuleId id : scene.workflow->asks) {
    const Rule& row = schema_.rules[id.value];
    const Ladder& ladder = schema_.ladders[row.ladder.value];  // of one rung, which ends in a transition
    const std::vector<StateId>& sources = scene.workflow->transitions[ladder.transition.value].sources;
    const bool here = scene.view.state >= 0 && std::find(sources.begin(), sources.end(),
                                                         StateId(static_cast<uint32_t>(scene.view.state))) != sources.end();
    bool applies = false, fails = false;
    for (const typed::Rule& rule : program_.rules) {
      if (rule.rule != id) continue;
      std::map<uint32_t, const Expr*> bound;
      const auto nothing = [&](const typed::ExprPtr& e) { return e != nullptr && ReadsNothing(*e, &scene, &bound); };
      const bool missing_when = nothing(rule.when), missing = nothing(rule.unless) || missing_when;
      const Walked guard = GuardOf(rule, &scene, Polarity::kRestrains);
      fails = here && (guard.unknown || missing);
      applies = fails || (here && guard.number != 0);
    }
    out.emplace_back(applies, fails);
  }
  return out;
}

OracleConclusion Oracle::Conclude(const Proposal& where, ReviewId id) const {
  kept_values.clear();
  Scene scene = SceneOf(where, true);
  OracleConclusion out;
  const Review& table = scene.workflow->reviews[id.value];
  for (const typed::Review& review : program_.reviews) {
    if (review.workflow != where.workflow || review.review != id) continue;
    struct Firing {
      const typed::ReviewClause* clause;
      const Clause* row;
      int rank;
    };
    std::vector<Firing> firing;
    const auto entry = [&](const typed::ReviewClause& c) {
      const Clause* row = &table.clauses[c.clause.value];
      return Firing{&c, row, c.halting ? 2 : row->asks.valid() ? 1 : 0};
    };
    for (const typed::ReviewClause& c : review.clauses) {
      if (c.otherwise) continue;
      const Firing f = entry(c);
      const bool restrains = f.rank > 0;
      const Walked when = Walk(*c.when, &scene, restrains ? Polarity::kRestrains : Polarity::kEmpowers);
      out.unknown = out.unknown || when.unknown;
      if (when.unknown ? restrains : when.number != 0) firing.push_back(f);
    }
    if (firing.empty()) {
      for (const typed::ReviewClause& c : review.clauses) {
        if (c.otherwise) firing.push_back(entry(c));
      }
    }
    // The highest domain wins; within it halting before escalating before others.
    std::vector<Firing> left;
    for (const Firing& f : firing) {
      const bool beaten = std::any_of(firing.begin(), firing.end(), [&](const Firing& g) {
        const DomainId mine = f.clause->domain, theirs = g.clause->domain;
        if (!theirs.valid() || !mine.valid()) return false;
        if (mine == theirs) return g.rank > f.rank;
        const std::vector<DomainId>& below = schema_.domains[theirs.value].below;
        return std::find(below.begin(), below.end(), mine) != below.end();
      });
      if (!beaten) left.push_back(f);
    }
    const Clause* first = nullptr;
    for (const Firing& f : left) {
      for (const Firing& g : left)
        out.conflict = out.conflict || f.row->transition != g.row->transition || f.row->asks != g.row->asks;
      if (first == nullptr || f.row->name < first->name) {
        first = f.row;
        out.clause = f.clause->clause.value;
      }
    }
  }
  return out;
}

std::optional<OracleReview> Oracle::Complete(const Proposal& where, ReviewId id, size_t places_max) const {
  const Workflow& workflow = schema_.workflows[where.workflow.value];
  const Review& review = workflow.reviews[id.value];
  const Field& said_in = workflow.transitions[review.verdict.value].payload[review.stance.value];
  const Type& stance = schema_.types[said_in.type.value];
  const int64_t stances = static_cast<int64_t>(schema_.enums[stance.index].members.size());
  const Scene scene = SceneOf(where, true);
  OracleReview out;
  bool spoken = true;
  imagined_.clear();
  for (uint32_t seat = 0; seat < review.seats.size(); ++seat) {
    const size_t said = SpokenOf(scene, review, seat).size();
    spoken = spoken && said >= review.seats[seat].quorum;
    out.left += review.seats[seat].seats - said;
  }
  if (out.left > places_max) return std::nullopt;
  const auto concluded = [&] {
    const OracleConclusion c = Conclude(where, id);
    return c.conflict ? "conflict" : c.clause < 0 ? "else" : review.clauses[static_cast<size_t>(c.clause)].name;
  };
  const std::string now = concluded();
  std::vector<Imagined> places;
  for (uint32_t seat = 0; seat < review.seats.size(); ++seat) {
    places.resize(places.size() + review.seats[seat].seats - SpokenOf(scene, review, seat).size(), {seat, 0});
  }
  std::vector<std::string> outcomes;
  for (size_t at = 0; at < places.size() || outcomes.empty();) {
    imagined_ = places;
    outcomes.push_back(concluded());
    // The next combination, as one counts.
    for (at = 0; at < places.size() && ++places[at].stance == stances; ++at) places[at].stance = 0;
  }
  imagined_.clear();
  const auto all_are = [&](const std::string& name) {
    return std::all_of(outcomes.begin(), outcomes.end(), [&](const std::string& o) { return o == name; });
  };
  out.agree = all_are(outcomes[0]);
  out.late = out.agree ? outcomes[0] : "else";
  if (spoken && all_are(now)) out.complete = now;
  return out;
}

}  // namespace writ::agreement
