#include "compiler/test/histories.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/test/tasks.h"
#include "runtime/decision/delegation.h"
#include "runtime/orchestrator/consequences.h"
#include "runtime/orchestrator/names.h"
#include "runtime/orchestrator/orchestrator.h"
#include "runtime/replay/value_input.h"
#include "runtime/store/memory_store.h"

namespace writ::policy_test {
namespace {

using typed::Expr;

constexpr int64_t kSecond = 1'000'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr int64_t kStartNs = 1'767'225'600'000'000'000;  // 2026-01-01T00:00Z
constexpr size_t kInstancesOfEach = 2, kAgentsOfEach = 2;
constexpr std::string_view kAgentWorkflow = "writ.Agent";

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {  // SplitMix64 (Steele, Lea, Flood 2014)
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  size_t Below(size_t count) { return static_cast<size_t>(Next() % count); }
  bool OneIn(size_t count) { return Below(count) == 0; }
  template <typename T>
  const T& Of(const std::vector<T>& list) { return list[Below(list.size())]; }

 private:
  uint64_t state_;
};

struct Agent {
  std::string id;
  std::vector<RoleId> roles;
  std::vector<Value> attributes;             // by Agent's fields, from attributes_from on
  std::vector<std::string> capabilities;

  bool says_something() const {
    return !capabilities.empty() || std::any_of(attributes.begin(), attributes.end(), [](const Value& v) { return !v.absent(); });
  }
};

// ---------------------------------------------------------------- what the policy compares with

// Constants by type, with their neighbours: where a guard changes its mind.
class Constants {
 public:
  explicit Constants(const typed::Program& program) {
    for (const typed::Rule& rule : program.rules) Each(rule.when.get()), Each(rule.unless.get());
    for (const typed::Grant& grant : program.grants) {
      for (const typed::Limit& limit : grant.limits) Each(limit.value.get());
      Each(grant.when.get());
    }
    for (const typed::Review& review : program.reviews) {
      for (const typed::ReviewClause& clause : review.clauses) Each(clause.when.get());
    }
    for (const typed::Fact& fact : program.facts) {
      Each(fact.pattern.where.get());
      if (fact.within_ns > 0) Note({TypeKind::kDuration, UINT32_MAX}, fact.within_ns);
    }
    for (const typed::Property& property : program.properties) Each(property.condition.get()), Each(property.when.get());
    for (const Ladder& ladder : program.schema.ladders) Note({TypeKind::kDuration, UINT32_MAX}, ladder.within_ns);
    for (auto& [type, numbers] : numbers_) {
      std::sort(numbers.begin(), numbers.end());
      numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    }
  }

  // Numbers of that type; of those out of range none.
  std::vector<int64_t> Numbers(const Type& type) const {
    std::vector<int64_t> out;
    const auto found = numbers_.find({type.kind, type.index});
    if (found != numbers_.end()) {
      std::copy_if(found->second.begin(), found->second.end(), std::back_inserter(out),
                   [&](int64_t n) { return n >= type.min && n <= type.max; });
    }
    return out;
  }
  const std::vector<int64_t>& durations() const {
    static const std::vector<int64_t> none;
    const auto found = numbers_.find({TypeKind::kDuration, UINT32_MAX});
    return found == numbers_.end() ? none : found->second;
  }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  using Key = std::pair<TypeKind, uint32_t>;

  void Note(Key key, Num number) {
    for (const Num near : {number - 1, number, number + 1}) {
      if (near >= INT64_MIN && near <= INT64_MAX) numbers_[key].push_back(static_cast<int64_t>(near));
    }
  }

  void Each(const Expr* expr) {
    if (expr == nullptr) return;
    if (expr->kind == typed::ExprKind::kConstant) {
      const Type& type = expr->type.type;
      if (type.kind == TypeKind::kString && std::find(texts_.begin(), texts_.end(), expr->text) == texts_.end())
        texts_.push_back(expr->text);
      if (expr->type.scale == 0) Note({type.kind, type.index}, expr->number);
    }
    for (const typed::ExprPtr& child : expr->children) Each(child.get());
  }

  std::map<Key, std::vector<int64_t>> numbers_;
  std::vector<std::string> texts_;
};

// ---------------------------------------------------------------- values

class Values {
 public:
  Values(const Schema& schema, const Constants& constants, Random* random)
      : schema_(schema), constants_(constants), random_(*random) {}

  Value Of(TypeId id, int64_t now_ns) { return Of(schema_.types[id.value], now_ns); }

  // The parts of an instance's key: the same for each number.
  std::vector<Value> Key(const Workflow& workflow, size_t number) const {
    std::vector<Value> parts;
    for (const Field& part : workflow.key) {
      const Type& type = schema_.types[part.type.value];
      switch (type.kind) {
        case TypeKind::kString: parts.push_back(Value(Name(workflow, number, type))); break;
        case TypeKind::kReference: parts.push_back(Value(KeyOf(WorkflowId(type.index), number))); break;
        case TypeKind::kEnum:
          parts.push_back(Value(static_cast<int64_t>(number % schema_.enums[type.index].members.size())));
          break;
        case TypeKind::kBool: parts.push_back(Value(static_cast<int64_t>(number % 2))); break;
        default: parts.push_back(Value(std::clamp(static_cast<int64_t>(number), type.min, type.max)));
      }
    }
    return parts;
  }
  std::string KeyOf(WorkflowId workflow, size_t number) const {
    const Workflow& table = schema_.workflows[workflow.value];
    return KeyText(schema_, table.key, Key(table, number));
  }

 private:
  static std::string Name(const Workflow& workflow, size_t number, const Type& type) {
    return absl::StrCat(absl::AsciiStrToLower(workflow.name), number).substr(0, type.capacity);
  }

  Value Of(const Type& type, int64_t now_ns) {
    if (type.optional && random_.OneIn(3)) return Value();
    switch (type.kind) {
      case TypeKind::kBool: return Value(static_cast<int64_t>(random_.Below(2)));
      case TypeKind::kEnum: return Value(static_cast<int64_t>(random_.Below(schema_.enums[type.index].members.size())));
      case TypeKind::kRole: return Value(static_cast<int64_t>(random_.Below(schema_.roles.size())));
      case TypeKind::kReference:
        return Value(KeyOf(WorkflowId(type.index), 1 + random_.Below(kInstancesOfEach)));
      case TypeKind::kString: return Text(type);
      case TypeKind::kTime: return Time(type, now_ns);
      case TypeKind::kRecord: {
        Value::List members;
        for (const Field& member : schema_.records[type.index].members) members.push_back(Of(member.type, now_ns));
        return Value(std::move(members));
      }
      case TypeKind::kSet: return Set(type, now_ns);
      case TypeKind::kList: return List(type, now_ns);
      default: return Value(Number(type, now_ns));
    }
  }

  Value Text(const Type& type) {
    std::vector<std::string> texts = {"a", "b"};
    texts.insert(texts.end(), constants_.texts().begin(), constants_.texts().end());
    return Value(random_.Of(texts).substr(0, type.capacity));
  }

  // Before and after now, by what the policy speaks of.
  Value Time(const Type& type, int64_t now_ns) {
    std::vector<int64_t> away = constants_.durations();
    away.insert(away.end(), {kHour, kDay, 40 * kDay, 400 * kDay});
    const int64_t by = random_.Of(away) / kSecond * kSecond + (random_.OneIn(2) ? kSecond : 0);
    const int64_t at = now_ns / kSecond * kSecond + (random_.OneIn(2) ? by : -by);
    return Value(std::clamp(at, type.min, type.max));
  }

  int64_t Number(const Type& type, int64_t now_ns) {
    std::vector<int64_t> numbers = constants_.Numbers(type);
    const int64_t around = type.kind == TypeKind::kDate ? now_ns / kDay : 0;
    for (const int64_t n : {type.min, type.max, around, around + 1, around - 1}) {
      if (n != INT64_MIN && n != INT64_MAX && n >= type.min && n <= type.max) numbers.push_back(n);
    }
    const bool bounded = type.min != INT64_MIN && type.max != INT64_MAX;
    if (numbers.empty() || (bounded && random_.OneIn(4))) {
      const uint64_t span = static_cast<uint64_t>(type.max) - static_cast<uint64_t>(type.min);
      return static_cast<int64_t>(static_cast<uint64_t>(type.min) + (span == UINT64_MAX ? random_.Next() : random_.Next() % (span + 1)));
    }
    return random_.Of(numbers);
  }

  Value Set(const Type& type, int64_t now_ns) {
    const Type& element = schema_.types[type.element.value];
    if (element.kind == TypeKind::kEnum) {
      const size_t count = schema_.enums[element.index].members.size();
      uint64_t bits = random_.Next() & random_.Next();
      if (count < 64) bits &= (uint64_t{1} << count) - 1;
      return Value(static_cast<int64_t>(bits));
    }
    Value::List members;
    for (size_t i = random_.Below(std::min<size_t>(type.capacity, 3) + 1); i > 0; --i) {
      Value member = Of(type.element, now_ns);
      if (std::find(members.begin(), members.end(), member) == members.end()) members.push_back(std::move(member));
    }
    return Value(std::move(members));
  }

  Value List(const Type& type, int64_t now_ns) {
    Value::List elements;
    const size_t wanted = std::min<size_t>(type.capacity, type.count_min + random_.Below(4));
    for (size_t tries = 0; elements.size() < wanted && tries < 4 * wanted; ++tries) {
      Value element = Of(type.element, now_ns);
      const bool is_new = !type.key.valid() || std::none_of(elements.begin(), elements.end(), [&](const Value& other) {
        return other.list()[type.key.value] == element.list()[type.key.value];
      });
      if (is_new) elements.push_back(std::move(element));
    }
    return Value(std::move(elements));
  }

  const Schema& schema_;
  const Constants& constants_;
  Random& random_;
};

// ---------------------------------------------------------------- one line

// A line, and the values that it was made of: for printing it.
struct Line {
  Submission submission;
  WorkflowId workflow;
  TransitionId transition;
  RoleId role;                               // that its actor acts in
  std::vector<Value> sets, payload;
  std::string key;
  std::optional<Agent> described;            // it describes one anew
};

// What may be said of agents: attributes that the policy declares, and capabilities that its plans need.
class Describing {
 public:
  explicit Describing(const Schema& schema) : schema_(schema), agent_(schema.workflows[WorkflowNamed(schema, kAgentWorkflow).value]) {
    for (const Workflow& workflow : schema.workflows) {
      for (const Plan& plan : workflow.plans) {
        for (const PlannedTask& task : plan.tasks) needs_.insert(task.needs.begin(), task.needs.end());
      }
    }
  }

  bool any() const { return agent_.attributes_from < agent_.fields.size() || !needs_.empty(); }
  const Field& FieldOf(size_t attribute) const { return agent_.fields[agent_.attributes_from + attribute]; }
  bool MayBeLeftOut(size_t attribute) const {
    const Type& type = schema_.types[FieldOf(attribute).type.value];
    return type.optional || type.kind == TypeKind::kSet;
  }

  void Describe(Random* random, Values* values, int64_t now_ns, Agent* agent) const {
    agent->attributes.clear();
    agent->capabilities.clear();
    for (size_t f = agent_.attributes_from; f < agent_.fields.size(); ++f) {
      agent->attributes.push_back(values->Of(agent_.fields[f].type, now_ns));
    }
    for (const std::string& capability : needs_) {
      if (!random->OneIn(3)) agent->capabilities.push_back(capability);
    }
  }

  Submission LineOf(const Agent& agent) const {
    Submission line;
    line.kind = Submission::Kind::kAgent;
    line.agent.id = agent.id;
    for (const RoleId role : agent.roles) line.agent.roles.push_back(schema_.roles[role.value].qualified);
    for (size_t i = 0; i < agent.attributes.size(); ++i) {
      if (!agent.attributes[i].absent()) line.agent.attributes.emplace_back(FieldOf(i).name, agent.attributes[i]);
    }
    line.agent.capabilities = agent.capabilities;
    return line;
  }

 private:
  const Schema& schema_;
  const Workflow& agent_;
  std::set<std::string> needs_;
};

class Printer {
 public:
  explicit Printer(const Schema& schema) : schema_(schema), describing_(schema) {}

  std::string Test(const std::string& name, const std::vector<Agent>& agents, const std::vector<Line>& lines) {
    std::string out = absl::StrCat("test \"", name, "\" {\n  at ", FormatTime(kStartNs), "\n");
    for (const Agent& agent : Used(agents, lines)) absl::StrAppend(&out, "  ", Of(agent), "\n");
    int64_t now_ns = kStartNs;
    for (const Line& line : lines) {
      if (line.submission.at_ns > now_ns) absl::StrAppend(&out, "  wait ", FormatDuration(*line.submission.at_ns - now_ns), "\n");
      now_ns = std::max(now_ns, *line.submission.at_ns);
      if (line.submission.kind != Submission::Kind::kTick) absl::StrAppend(&out, "  ", Of(line), "\n");
    }
    return out + "}\n";
  }

 private:
  static std::vector<Agent> Used(const std::vector<Agent>& agents, const std::vector<Line>& lines) {
    std::vector<Agent> used;
    std::copy_if(agents.begin(), agents.end(), std::back_inserter(used), [&](const Agent& agent) {
      return std::any_of(lines.begin(), lines.end(), [&](const Line& line) {
        return line.submission.by == agent.id || line.key == agent.id;
      });
    });
    return used;
  }

  std::string Of(const Agent& agent) {
    std::vector<std::string> roles, values;
    for (const RoleId role : agent.roles) roles.push_back(schema_.roles[role.value].name);
    for (size_t i = 0; i < agent.attributes.size(); ++i) {
      const Field& field = describing_.FieldOf(i);
      if (!agent.attributes[i].absent()) values.push_back(absl::StrCat(field.name, ": ", Literal(field.type, agent.attributes[i])));
    }
    std::vector<std::string> capabilities;
    for (const std::string& capability : agent.capabilities) capabilities.push_back(Quoted(capability));
    if (!capabilities.empty()) values.push_back(absl::StrCat("capabilities: {", absl::StrJoin(capabilities, ", "), "}"));
    const bool several = roles.size() > 1;
    return absl::StrCat("actor ", agent.id, ": ", several ? "{" : "", absl::StrJoin(roles, ", "), several ? "}" : "",
                        values.empty() ? "" : absl::StrCat(" { ", absl::StrJoin(values, "  "), " }"));
  }

  std::string Of(const Line& line) {
    if (line.described.has_value()) return Of(*line.described);
    const Submission& s = line.submission;
    const Workflow& workflow = schema_.workflows[line.workflow.value];
    const std::string by = absl::StrCat(" by ", s.by, " as ", schema_.roles[line.role.value].name,
                                        s.under.empty() ? "" : " under ", s.under);
    if (s.kind == Submission::Kind::kAnswer) return absl::StrCat(s.yes ? "yes" : "no", by, " on ", Name(workflow, line.key));
    const Transition& transition = workflow.transitions[line.transition.value];
    std::vector<std::string> values;
    for (size_t i = 0; i < line.sets.size(); ++i) {
      const Field& field = workflow.fields[transition.sets[i].field.value];
      if (!line.sets[i].absent()) values.push_back(absl::StrCat(field.name, ": ", Literal(field.type, line.sets[i])));
    }
    for (size_t i = 0; i < line.payload.size(); ++i) {
      const Field& field = transition.payload[i];
      if (!line.payload[i].absent()) values.push_back(absl::StrCat(field.name, ": ", Literal(field.type, line.payload[i])));
    }
    const bool is_named = IsTask(schema_, line.workflow) || workflow.qualified == kAgentWorkflow;
    const bool opens = is_named || std::find(transition.sources.begin(), transition.sources.end(), kNewState) != transition.sources.end();
    if (opens && !is_named && s.kind != Submission::Kind::kSet && !IsNameable(workflow)) AddKey(workflow, line.key, &values);
    const std::string record = values.empty() ? "" : absl::StrCat(" { ", absl::StrJoin(values, "  "), " }");
    if (s.kind == Submission::Kind::kSet) return absl::StrCat("set ", workflow.name, " ", Key(workflow, line.key), by, record);
    const std::string name = Name(workflow, line.key);
    const std::string on = opens ? absl::StrCat(" ", workflow.name, " ", name) : absl::StrCat(" on ", name);
    return absl::StrCat(transition.name, on, by, record);
  }

  // A key that is one string is what a test calls its instance; of any other the parts stand beside the fields.
  bool IsNameable(const Workflow& workflow) const {
    return workflow.key.size() == 1 && schema_.types[workflow.key[0].type.value].kind == TypeKind::kString;
  }
  std::string Name(const Workflow& workflow, const std::string& key) const {
    if (IsNameable(workflow)) return key;
    std::string name = "i_";
    for (const char c : key) name.push_back(absl::ascii_isalnum(static_cast<unsigned char>(c)) ? c : '_');
    return name;
  }
  void AddKey(const Workflow& workflow, const std::string& key, std::vector<std::string>* values) {
    const absl::StatusOr<std::vector<Value>> parts = ParseKey(schema_, workflow.key, key);
    for (size_t i = 0; parts.ok() && i < parts->size(); ++i) {
      values->push_back(absl::StrCat(workflow.key[i].name, ": ", Literal(workflow.key[i].type, (*parts)[i])));
    }
  }

  std::string Key(const Workflow& workflow, const std::string& key) {
    const absl::StatusOr<std::vector<Value>> parts = ParseKey(schema_, workflow.key, key);
    std::vector<std::string> literals;
    for (size_t i = 0; parts.ok() && i < parts->size(); ++i) literals.push_back(Literal(workflow.key[i].type, (*parts)[i]));
    return absl::StrJoin(literals, ", ");
  }

  std::string Literal(TypeId id, const Value& value) {
    const Type& type = schema_.types[id.value];
    switch (type.kind) {
      case TypeKind::kString:
      case TypeKind::kReference: return Quoted(value.text());
      case TypeKind::kRecord: {
        std::vector<std::string> members;
        const std::vector<Field>& fields = schema_.records[type.index].members;
        for (size_t i = 0; i < fields.size(); ++i) {
          if (!value.list()[i].absent()) members.push_back(absl::StrCat(fields[i].name, ": ", Literal(fields[i].type, value.list()[i])));
        }
        return absl::StrCat("{ ", absl::StrJoin(members, "  "), " }");
      }
      case TypeKind::kSet: return absl::StrCat("{", Elements(type, value), "}");
      case TypeKind::kList: return absl::StrCat("[", Elements(type, value), "]");
      default: return ValueToText(schema_, type, value);
    }
  }

  std::string Elements(const Type& type, const Value& value) {
    std::vector<std::string> out;
    if (value.is_list()) {
      for (const Value& element : value.list()) out.push_back(Literal(type.element, element));
    } else {
      for (int64_t bit = 0; bit < 64; ++bit) {
        if ((static_cast<uint64_t>(value.integer()) >> bit & 1) != 0) out.push_back(Literal(type.element, Value(bit)));
      }
    }
    return absl::StrJoin(out, ", ");
  }

  static std::string Quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      if (c == '\n') out += "\\n";
      else out += c;
    }
    return out + "\"";
  }

  const Schema& schema_;
  const Describing describing_;
};

// ---------------------------------------------------------------- one history

class Attacker {
 public:
  Attacker(const typed::Program& program, const CompiledPolicy* policy, const Watching* watching)
      : program_(program), schema_(policy->schema()), policy_(policy), watching_(watching), constants_(program),
        describing_(schema_) {
    for (const typed::Grant& grant : program.grants) granted_[{grant.workflow, grant.transition}].push_back(grant.role);
    for (uint32_t w = 0; w < schema_.workflows.size(); ++w) {
      const bool is_granted = std::any_of(granted_.begin(), granted_.end(),
                                          [&](const auto& one) { return one.first.first == WorkflowId(w); });
      if (IsTask(schema_, WorkflowId(w))) continue;  // what is open there is known when it is
      if (is_granted) (schema_.workflows[w].is_entity ? entities_ : workflows_).push_back(WorkflowId(w));
    }
  }

  absl::StatusOr<Attack> Run(int64_t history_count, uint64_t seed) {
    out_.broken.resize(program_.properties.size());
    occasions_.resize(program_.properties.size());
    for (int64_t i = 0; i < history_count && !workflows_.empty() && !AllBroken(); ++i) {
      Random random(seed * 1'000'003 + static_cast<uint64_t>(i));
      if (absl::Status status = One(&random); !status.ok()) return status;
      ++out_.history_count;
    }
    for (size_t p = 0; p < occasions_.size(); ++p) out_.idle.push_back(occasions_[p] == 0 && CanComeAbout(program_.properties[p]));
    return std::move(out_);
  }

 private:
  // What no transition does, a field that is never set again for one, is no promise that a history could try.
  bool CanComeAbout(const typed::Property& property) const {
    const std::vector<Function>& functions = watching_->policy->schema().functions;
    return property.kind == typed::Property::Kind::kAlways ||
           std::any_of(functions.begin(), functions.end(),
                       [&](const Function& function) { return Observer::SpeaksOf(property, function); });
  }

  bool BreaksAnew(const std::vector<Violation>& violations) const {
    return std::any_of(violations.begin(), violations.end(),
                       [&](const Violation& v) { return !out_.broken[v.property].has_value(); });
  }

  bool AllBroken() const {
    return std::all_of(out_.broken.begin(), out_.broken.end(), [](const auto& broken) { return broken.has_value(); });
  }

  // An orchestrator of its own, watched.
  struct Stage {
    store::MemoryStore store;
    store::CounterRandom salts;
    std::unique_ptr<Orchestrator> orchestrator;
    Observer observer;
    int64_t seen = 0;
    std::vector<Violation> violations;

    Stage(const typed::Program* program, const Watching* watching) : observer(program, watching) {}

    // A task goes by its name: what opens it may move to another position when a history is made simpler.
    Submission Here(Submission line) const {
      const auto* name = std::get_if<std::string>(&line.on.v);
      if (line.workflow != kTaskWorkflow || name == nullptr) return line;
      const Instance* task = TaskNamed(orchestrator->world(), *name);
      if (task != nullptr) line.on = Input(task->key);
      return line;
    }

    absl::Status Submit(const Submission& line) {
      const absl::StatusOr<std::vector<DecisionRecord>> records =
          line.kind == Submission::Kind::kTick ? orchestrator->Tick(*line.at_ns) : orchestrator->Submit(Here(line));
      // What is refused is no event: a history may try anything.
      if (!records.ok() && !absl::IsInvalidArgument(records.status())) return records.status();
      while (seen < orchestrator->last_position()) {
        const absl::StatusOr<store::Event> event = orchestrator->EventAt(++seen);
        if (!event.ok()) return event.status();
        if (absl::Status status = observer.See(*event, &violations); !status.ok()) return status;
      }
      if (line.at_ns.has_value()) observer.PassTo(*line.at_ns, &violations);
      return absl::OkStatus();
    }
  };

  absl::StatusOr<std::unique_ptr<Stage>> Open(const std::vector<Agent>& agents) {
    auto stage = std::make_unique<Stage>(&program_, watching_);
    OrchestratorOptions options;
    options.random = &stage->salts;
    options.obligations = ObligationsNeeded(schema_);
    absl::StatusOr<std::unique_ptr<Orchestrator>> opened = Orchestrator::Open(policy_, &stage->store, options);
    if (!opened.ok()) return opened.status();
    stage->orchestrator = *std::move(opened);
    for (const Agent& agent : agents) {
      Submission line = describing_.LineOf(agent);
      line.at_ns = kStartNs;
      if (absl::Status status = stage->Submit(line); !status.ok()) return status;
    }
    return stage;
  }

  // Two of each role; the second of some bears another role, too.
  std::vector<Agent> Cast(Random* random, Values* values) const {
    std::vector<Agent> agents;
    for (uint32_t r = 0; r < schema_.roles.size(); ++r) {
      for (size_t n = 1; n <= kAgentsOfEach; ++n) {
        Agent agent{absl::StrCat(absl::AsciiStrToLower(schema_.roles[r].name), n), {RoleId(r)}, {}, {}};
        if (n > 1 && random->OneIn(2)) {
          const RoleId other(random->Below(schema_.roles.size()));
          if (other != RoleId(r)) agent.roles.push_back(other);
        }
        if (describing_.any()) describing_.Describe(random, values, kStartNs, &agent);
        agents.push_back(std::move(agent));
      }
    }
    return agents;
  }

  absl::Status One(Random* random) {
    Values values(schema_, constants_, random);
    const std::vector<Agent> agents = Cast(random, &values);
    absl::StatusOr<std::unique_ptr<Stage>> opened = Open(agents);
    if (!opened.ok()) return opened.status();
    Stage& stage = **opened;
    std::vector<Line> lines;
    int64_t now_ns = kStartNs;
    const auto take = [&](Line line) {
      line.submission.at_ns = now_ns;
      lines.push_back(std::move(line));
      return stage.Submit(lines.back().submission);
    };
    for (const WorkflowId entity : entities_) {
      for (size_t n = 1; n <= kInstancesOfEach; ++n) {
        std::optional<Line> line = Propose(random, &values, stage, agents, entity, n, now_ns);
        if (!line.has_value()) continue;
        if (absl::Status status = take(*std::move(line)); !status.ok()) return status;
      }
    }
    for (int step = 0; step < kStepsMax && !BreaksAnew(stage.violations); ++step) {
      now_ns = Later(random, *stage.orchestrator, now_ns);
      std::optional<Line> line = Any(random, &values, stage, agents, now_ns);
      if (!line.has_value()) continue;
      if (absl::Status status = take(*std::move(line)); !status.ok()) return status;
    }
    if (!BreaksAnew(stage.violations)) {  // what was to follow in time
      now_ns += 400 * kDay;
      Line end;
      end.submission.kind = Submission::Kind::kTick;
      if (absl::Status status = take(std::move(end)); !status.ok()) return status;
    }
    out_.event_count += stage.seen;
    for (size_t p = 0; p < occasions_.size(); ++p) occasions_[p] += stage.observer.occasions()[p];
    for (const Violation& violation : stage.violations) {
      if (out_.broken[violation.property].has_value()) continue;
      absl::StatusOr<Counterexample> found = Explain(violation.property, agents, lines);
      if (!found.ok()) return found.status();
      out_.broken[violation.property] = *std::move(found);
    }
    return absl::OkStatus();
  }

  int64_t Later(Random* random, const Orchestrator& orchestrator, int64_t now_ns) const {
    const std::optional<int64_t> due = orchestrator.NextDue();
    switch (random->Below(8)) {
      case 0: return now_ns + kMinute;
      case 1: return now_ns + kHour;
      case 2: return now_ns + static_cast<int64_t>(random->Below(10)) * kDay;
      case 3: return constants_.durations().empty() ? now_ns : now_ns + std::max<int64_t>(0, random->Of(constants_.durations()));
      case 4: return due.has_value() ? std::max(now_ns, *due - 1) : now_ns;
      case 5: return due.has_value() && random->OneIn(2) ? std::max(now_ns, *due) : now_ns;
      default: return now_ns;
    }
  }

  std::optional<Line> Any(Random* random, Values* values, const Stage& stage, const std::vector<Agent>& agents,
                          int64_t now_ns) {
    const std::vector<OpenQuestion> questions = stage.orchestrator->OpenQuestions();
    if (!questions.empty() && random->OneIn(4)) return Answer(random, stage, agents, random->Of(questions));
    const std::vector<const Instance*>& tasks = AllTasks(stage.orchestrator->world());
    if (!tasks.empty() && random->OneIn(4)) return OnTask(random, values, agents, *random->Of(tasks), now_ns);
    if (describing_.any() && random->OneIn(12)) return DescribeAnew(random, values, agents, now_ns);
    const bool is_entity = !entities_.empty() && random->OneIn(12);
    return Propose(random, values, stage, agents, random->Of(is_entity ? entities_ : workflows_),
                   1 + random->Below(kInstancesOfEach), now_ns);
  }

  std::optional<Line> DescribeAnew(Random* random, Values* values, const std::vector<Agent>& agents, int64_t now_ns) const {
    Agent agent = random->Of(agents);
    describing_.Describe(random, values, now_ns, &agent);
    if (!agent.says_something()) return std::nullopt;
    Line line;
    line.submission = describing_.LineOf(agent);
    line.key = agent.id;
    line.described = std::move(agent);
    return line;
  }

  // Mostly by who is to do it: it is started, done, given up or called off.
  std::optional<Line> OnTask(Random* random, Values* values, const std::vector<Agent>& agents, const Instance& task,
                             int64_t now_ns) const {
    static constexpr const char* kTransitions[] = {"start", "report", "fail"};
    const Workflow& workflow = schema_.workflows[task.workflow.value];
    Line line;
    line.workflow = task.workflow;
    line.key = ValueNamed(schema_, task, "name").text();
    line.transition = Names::TransitionOf(workflow, kTransitions[random->Below(std::size(kTransitions))]);
    const auto granted = granted_.find({line.workflow, Names::TransitionOf(workflow, "cancel")});
    const bool cancels = granted != granted_.end() && random->OneIn(4);
    if (cancels) line.transition = granted->first.second;
    line.role = RoleId(static_cast<size_t>(ValueNamed(schema_, task, "role").integer()));
    if (cancels) line.role = random->Of(granted->second);
    if (random->OneIn(16)) line.role = RoleId(random->Below(schema_.roles.size()));
    const Agent* agent = WithRole(random, agents, line.role);
    if (agent == nullptr) return std::nullopt;
    Fill(random, values, now_ns, &line);
    Submission& s = line.submission;
    s.kind = Submission::Kind::kPropose;
    s.workflow = workflow.qualified;
    s.transition = workflow.transitions[line.transition.value].name;
    s.on = Input(line.key);
    s.by = agent->id;
    s.as = schema_.roles[line.role.value].qualified;
    return line;
  }

  std::optional<Line> Answer(Random* random, const Stage& stage, const std::vector<Agent>& agents,
                             const OpenQuestion& question) const {
    const Agent* agent = WithRole(random, agents, question.role);
    if (agent == nullptr) return std::nullopt;
    Line line;
    line.workflow = question.workflow;
    const bool of_task = IsTask(schema_, question.workflow);
    line.key = of_task ? ValueNamed(schema_, *stage.orchestrator->world().Find(question.workflow, question.key), "name").text()
                       : question.key;
    Submission& s = line.submission;
    s.kind = Submission::Kind::kAnswer;
    s.yes = !random->OneIn(3);
    line.role = question.role;
    s.by = agent->id;
    s.as = s.to = schema_.roles[question.role.value].qualified;
    s.workflow = schema_.workflows[question.workflow.value].qualified;
    s.on = Input(line.key);
    return line;
  }

  const Agent* WithRole(Random* random, const std::vector<Agent>& agents, RoleId role) const {
    std::vector<const Agent*> able;
    for (const Agent& agent : agents) {
      if (std::find(agent.roles.begin(), agent.roles.end(), role) != agent.roles.end()) able.push_back(&agent);
    }
    return able.empty() ? nullptr : random->Of(able);
  }

  // Mostly what is legal, by somebody who may.
  std::optional<Line> Propose(Random* random, Values* values, const Stage& stage, const std::vector<Agent>& agents,
                              WorkflowId w, size_t number, int64_t now_ns) {
    const Workflow& workflow = schema_.workflows[w.value];
    Line line;
    line.workflow = w;
    const bool is_grant = workflow.qualified == kGrantWorkflow;
    line.key = workflow.is_builtin && !is_grant ? random->Of(agents).id : values->KeyOf(w, number);
    const Instance* instance = stage.orchestrator->world().Find(w, line.key);
    const StateId state = instance == nullptr ? kNewState : instance->state;
    std::vector<TransitionId> able;
    for (const auto& [place, roles] : granted_) {
      if (place.first != w) continue;
      const std::vector<StateId>& sources = workflow.transitions[place.second.value].sources;
      if (std::find(sources.begin(), sources.end(), state) != sources.end() || random->OneIn(16)) able.push_back(place.second);
    }
    if (able.empty()) return std::nullopt;
    line.transition = random->Of(able);
    RoleId role = random->OneIn(16) ? RoleId(random->Below(schema_.roles.size())) : random->Of(granted_.at({w, line.transition}));
    if (random->OneIn(4)) Under(random, stage, able, &line, &role);
    const Agent* agent = WithRole(random, agents, role);
    if (agent == nullptr) return std::nullopt;
    Fill(random, values, now_ns, &line);
    if (is_grant && workflow.transitions[line.transition.value].name == kGive) FillGive(random, now_ns, &line);
    Submission& s = line.submission;
    s.kind = workflow.is_entity ? Submission::Kind::kSet : Submission::Kind::kPropose;
    s.workflow = workflow.qualified;
    s.transition = workflow.transitions[line.transition.value].name;
    s.on = replay::KeyInput(schema_, workflow, line.key).value_or(Input(line.key));
    line.role = role;
    s.by = agent->id;
    s.as = schema_.roles[role.value].qualified;
    return line;
  }

  void Fill(Random* random, Values* values, int64_t now_ns, Line* line) const {
    const Workflow& workflow = schema_.workflows[line->workflow.value];
    const Transition& transition = workflow.transitions[line->transition.value];
    Input::Object sets, payload;
    for (const SetField& set : transition.sets) {
      const Field& field = workflow.fields[set.field.value];
      const bool left_out = set.computed || (set.optional && random->OneIn(2));
      line->sets.push_back(left_out ? Value() : values->Of(field.type, now_ns));
      Give(field, line->sets.back(), &sets);
    }
    for (const Field& field : transition.payload) {
      line->payload.push_back(values->Of(field.type, now_ns));
      Give(field, line->payload.back(), &payload);
    }
    line->submission.sets = Input(std::move(sets));
    line->submission.payload = Input(std::move(payload));
  }

  // With what somebody gave, where that names one of these.
  void Under(Random* random, const Stage& stage, const std::vector<TransitionId>& able, Line* line, RoleId* role) const {
    const Workflow* table = GrantsOf(schema_);
    if (table == nullptr) return;
    const World& world = stage.orchestrator->world();
    const std::vector<const Instance*>& grants = world.InstancesOf(WorkflowId(static_cast<size_t>(table - schema_.workflows.data())));
    if (grants.empty()) return;
    const Instance& grant = *random->Of(grants);
    const auto field = [&](std::string_view name) -> const Value& {
      const auto at = std::find_if(table->fields.begin(), table->fields.end(), [&](const Field& f) { return f.name == name; });
      return grant.fields[static_cast<size_t>(at - table->fields.begin())];
    };
    const Value &to = field("to"), &names = field("transitions");
    if (!to.is_integer() || !names.is_list()) return;  // it was never given
    const Workflow& workflow = schema_.workflows[line->workflow.value];
    const bool gives = workflow.qualified == kGrantWorkflow;
    if (!gives && !(field("workflow") == Value(workflow.qualified))) return;
    for (const TransitionId transition : able) {
      const Value name(workflow.transitions[transition.value].name);
      if (std::find(names.list().begin(), names.list().end(), name) != names.list().end()) line->transition = transition;
    }
    *role = RoleId(static_cast<size_t>(to.integer()));
    line->submission.under = grant.key;
  }

  static const Workflow* GrantsOf(const Schema& schema) {
    const auto at = std::find_if(schema.workflows.begin(), schema.workflows.end(),
                                 [](const Workflow& workflow) { return workflow.qualified == kGrantWorkflow; });
    return at == schema.workflows.end() || !Delegates(schema) ? nullptr : &*at;
  }

  // Something that there is to give, for a while.
  void FillGive(Random* random, int64_t now_ns, Line* line) const {
    std::vector<WorkflowId> given;
    for (const WorkflowId w : workflows_) {
      if (!schema_.workflows[w.value].is_builtin) given.push_back(w);
    }
    if (given.empty()) return;
    const WorkflowId on = random->Of(given);
    Value::List names;
    for (const auto& [place, roles] : granted_) {
      if (place.first != on || random->OneIn(3) || names.size() >= 32) continue;
      names.push_back(Value(schema_.workflows[on.value].transitions[place.second.value].name));
    }
    if (names.empty() || random->OneIn(3)) names.push_back(Value(kGive));
    const Workflow& workflow = schema_.workflows[line->workflow.value];
    const Transition& give = workflow.transitions[line->transition.value];
    Input::Object sets;
    for (size_t i = 0; i < give.sets.size(); ++i) {
      const Field& field = workflow.fields[give.sets[i].field.value];
      Value& value = line->sets[i];
      if (field.name == "workflow") value = Value(schema_.workflows[on.value].qualified);
      else if (field.name == "transitions") value = Value(std::move(names));
      else if (field.name == "until") value = Value(now_ns + static_cast<int64_t>(1 + random->Below(30)) * kDay);
      else if (field.name != "to") value = Value();
      Give(field, value, &sets);
    }
    line->submission.sets = Input(std::move(sets));
  }

  void Give(const Field& field, const Value& value, Input::Object* out) const {
    Input input = replay::InputOf(schema_, schema_.types[field.type.value], value);
    if (!input.absent()) out->push_back({field.name, std::move(input)});
  }

  // ---------------------------------------------------------------- counterexamples

  struct History { std::vector<Agent> agents; std::vector<Line> lines; };

  // Every way to make a history simpler by one step.
  std::vector<History> Simpler(const History& history) const {
    std::vector<History> out;
    for (size_t i = history.lines.size(); i-- > 0;) {
      History& fewer = out.emplace_back(history);
      fewer.lines.erase(fewer.lines.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (size_t i = 0; i < history.lines.size(); ++i) {
      const Line& line = history.lines[i];
      if (line.submission.kind != Submission::Kind::kTick) {
        Line& passes = out.emplace_back(history).lines[i];
        const std::optional<int64_t> at_ns = passes.submission.at_ns;
        passes = Line();
        passes.submission.kind = Submission::Kind::kTick;
        passes.submission.at_ns = at_ns;
      }
      const int64_t gap_ns = *line.submission.at_ns - (i == 0 ? kStartNs : *history.lines[i - 1].submission.at_ns);
      if (gap_ns == 0) continue;
      History& sooner = out.emplace_back(history);
      for (size_t j = i; j < sooner.lines.size(); ++j) *sooner.lines[j].submission.at_ns -= gap_ns;
    }
    for (size_t a = 0; a < history.agents.size(); ++a) {
      const Agent& agent = history.agents[a];
      if (agent.roles.size() > 1) out.emplace_back(history).agents[a].roles.pop_back();
      for (size_t i = 0; i < agent.attributes.size(); ++i) {
        const bool goes = !agent.attributes[i].absent() && describing_.MayBeLeftOut(i);
        if (goes) out.emplace_back(history).agents[a].attributes[i] = Value();
      }
      if (!agent.capabilities.empty()) out.emplace_back(history).agents[a].capabilities.pop_back();
    }
    return out;
  }

  // As simple as it gets while the property is still broken; then it is run once more.
  absl::StatusOr<Counterexample> Explain(size_t property, const std::vector<Agent>& agents, const std::vector<Line>& lines) {
    History history{agents, lines};
    for (bool simpler = true; simpler;) {
      simpler = false;
      for (History& candidate : Simpler(history)) {
        absl::StatusOr<std::optional<Violation>> still = Replay(property, candidate);
        if (!still.ok()) return still.status();
        if (!still->has_value()) continue;
        history = std::move(candidate);
        simpler = true;
        break;
      }
    }
    const absl::StatusOr<std::optional<Violation>> again = Replay(property, history);
    if (!again.ok()) return again.status();
    if (!again->has_value()) return absl::InternalError("a history did not break the same property twice");
    const std::string name = absl::StrCat("breaks ", program_.properties[property].name);
    return Counterexample{(*again)->text, Printer(schema_).Test(name, history.agents, history.lines)};
  }

  absl::StatusOr<std::optional<Violation>> Replay(size_t property, const History& history) {
    absl::StatusOr<std::unique_ptr<Stage>> stage = Open(history.agents);
    if (!stage.ok()) return stage.status();
    for (const Line& line : history.lines) {
      if (absl::Status status = (*stage)->Submit(line.submission); !status.ok()) return status;
      for (const Violation& violation : (*stage)->violations) {
        if (violation.property == property) return std::optional(violation);
      }
    }
    return std::optional<Violation>();
  }

  const typed::Program& program_;
  const Schema& schema_;
  const CompiledPolicy* policy_;
  const Watching* watching_;
  const Constants constants_;
  const Describing describing_;
  std::map<std::pair<WorkflowId, TransitionId>, std::vector<RoleId>> granted_;
  std::vector<WorkflowId> entities_, workflows_;  // of which something may be proposed
  std::vector<int64_t> occasions_;          // by property: how often there was something that it speaks of
  Attack out_;
};

}  // namespace

absl::StatusOr<Attack> AttackProperties(const typed::Program& program, const CompiledPolicy* policy,
                                        const Watching* watching, int64_t history_count, uint64_t seed) {
  return Attacker(program, policy, watching).Run(history_count, seed);
}

}  // namespace writ::policy_test
