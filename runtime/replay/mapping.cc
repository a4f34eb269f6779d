#include "runtime/replay/mapping.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "runtime/frame/calendar.h"
#include "runtime/frame/frame.h"
#include "runtime/replay/decimal.h"

namespace writ::replay {
namespace {

absl::string_view View(std::string_view text) { return absl::string_view(text.data(), text.size()); }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Linear: a `*` that fails falls back to the last one only.
bool GlobMatches(std::string_view glob, std::string_view text) {
  size_t g = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      mark = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g, ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool IsGlob(std::string_view name) { return name.find_first_of("*?") != std::string_view::npos; }

// ---------------------------------------------------------------- values

// Digits after the point of a raw unit.
int DigitsOf(const Schema& schema, const Type& type) {
  if (type.kind == TypeKind::kMoney && type.index < schema.currencies.size())
    return schema.currencies[type.index].digits;
  if (type.kind == TypeKind::kQuantity) return schema.units[type.index].digits;
  return type.kind == TypeKind::kPercent ? 4 : 0;
}

absl::StatusOr<Value> ForeignNumber(const Schema& schema, const Field& field, const Type& type, std::string_view text) {
  if (type.kind == TypeKind::kMoney) {
    const std::string& code = schema.currencies[type.index].code;
    const bool bare = text.find(' ') == std::string_view::npos;
    if (bare && field.foreign.currency != type.index) {
      return absl::InvalidArgumentError(absl::StrCat("`", View(text), "` has no currency: say `from \"",
                                                     field.foreign.attribute, "\" in ", code, "`"));
    }
    if (!bare && !text.ends_with(code))
      return absl::InvalidArgumentError(absl::StrCat("`", View(text), "` is not in ", code));
    if (!bare) text = Trim(text.substr(0, text.size() - code.size()));
  }
  if (type.kind == TypeKind::kPercent) {
    if (!text.ends_with("%")) return absl::InvalidArgumentError(absl::StrCat("`", View(text), "` has no `%`"));
    text = Trim(text.substr(0, text.size() - 1));
  }
  // A log's number is in the field's unit, whether it says so or not.
  if (type.kind == TypeKind::kQuantity && text.ends_with(schema.units[type.index].name))
    text = Trim(text.substr(0, text.size() - schema.units[type.index].name.size()));
  absl::StatusOr<int64_t> units = ParseDecimal(text, DigitsOf(schema, type), field.foreign.rounding);
  if (!units.ok()) return units.status();
  return Value(*units);
}

absl::StatusOr<Value> ForeignEnum(const Schema& schema, const Type& type, std::string_view text) {
  const Enum& the_enum = schema.enums[type.index];
  for (bool foreign : {true, false}) {
    for (size_t i = 0; i < the_enum.members.size(); ++i) {
      const EnumMember& member = the_enum.members[i];
      if ((foreign ? member.foreign : member.name) == text && !text.empty()) return Value(static_cast<int64_t>(i));
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("`", View(text), "` is no ", the_enum.name));
}

absl::StatusOr<Value> Parse(const Schema& schema, const Field& field, const Type& type, std::string_view text) {
  switch (type.kind) {
    case TypeKind::kInt:
    case TypeKind::kPercent:
    case TypeKind::kMoney:
    case TypeKind::kQuantity:
      return ForeignNumber(schema, field, type, text);
    case TypeKind::kEnum:
      return ForeignEnum(schema, type, text);
    case TypeKind::kTime: {
      absl::StatusOr<int64_t> time_ns = ParseForeignTime(schema, text, field.foreign.zone);
      if (!time_ns.ok()) return time_ns.status();
      return Value(*time_ns);
    }
    case TypeKind::kString:
    case TypeKind::kReference:
      return Value(std::string(text));
    case TypeKind::kRecord:
    case TypeKind::kSet:
    case TypeKind::kList:
      return absl::InvalidArgumentError("a recorded log holds single values only");
    default:
      return TextToValue(schema, type, text);
  }
}

bool IsNumber(TypeKind kind) {
  return kind == TypeKind::kInt || kind == TypeKind::kPercent || kind == TypeKind::kMoney || kind == TypeKind::kTime ||
         kind == TypeKind::kDuration || kind == TypeKind::kQuantity || kind == TypeKind::kDate;
}

// ---------------------------------------------------------------- events

// One log and one workflow: the attribute ids of all that is looked up, found once.
class Mapper {
 public:
  Mapper(const Schema& schema, const RecordedLog& log, const MappingOptions& options, std::vector<MappedEvent>* events,
         MappingReport* report)
      : schema_(schema),
        log_(log),
        options_(options),
        workflow_(schema.workflows[options.workflow.value]),
        events_(events),
        report_(report) {
    const LogMapping& mapping = workflow_.log;
    activity_ = log.texts.Find(mapping.activity);
    actor_ = log.texts.Find(mapping.actor.attribute);
    role_ = log.texts.Find(mapping.role.attribute);
    at_ = log.texts.Find(mapping.at.attribute);
    for (const Field& field : workflow_.key) keys_.push_back(log.texts.Find(KeyAttribute(field)));
    for (const Field& field : workflow_.fields) fields_.push_back(log.texts.Find(AttributeOf(field)));
    last_ns_.assign(log.traces.size(), INT64_MIN);
    case_of_trace_.assign(log.traces.size(), UINT32_MAX);
  }

  void Run() {
    report_->event_count = static_cast<int64_t>(log_.events.size());
    for (uint32_t i = 0; i < log_.events.size(); ++i) Map(i);
    report_->case_count = static_cast<int64_t>(cases_.size());
    report_->mapped_count = static_cast<int64_t>(events_->size());
    std::stable_sort(events_->begin(), events_->end(),
                     [](const MappedEvent& a, const MappedEvent& b) { return a.proposal.now_ns < b.proposal.now_ns; });
  }

 private:
  static std::string AttributeOf(const Field& field) {
    return field.foreign.attribute.empty() ? field.name : field.foreign.attribute;
  }
  std::string KeyAttribute(const Field& field) const {
    if (!field.foreign.attribute.empty()) return field.foreign.attribute;
    if (log_.format == "csv") return InstanceColumn(workflow_);
    return workflow_.key.size() == 1 ? "concept:name" : field.name;
  }

  const std::string_view* Lookup(const Attribute* attributes, size_t count, TextId key) {
    for (size_t i = 0; i < count && key != kNoText; ++i) {
      if (attributes[i].key != key) continue;
      found_ = log_.texts[attributes[i].value];
      return &found_;
    }
    return nullptr;
  }
  const std::string_view* OfEvent(const RecordedEvent& event, TextId key) {
    return event.count == 0 ? nullptr : Lookup(&log_.attributes[event.first], event.count, key);
  }
  const std::string_view* OfTrace(const RecordedEvent& event, TextId key) {
    if (event.trace == UINT32_MAX) return nullptr;
    const std::vector<Attribute>& attributes = log_.traces[event.trace].attributes;
    return Lookup(attributes.data(), attributes.size(), key);
  }
  const std::string_view* OfEither(const RecordedEvent& event, TextId key) {
    const std::string_view* text = OfEvent(event, key);
    return text != nullptr ? text : OfTrace(event, key);
  }

  void Map(uint32_t number) {
    const RecordedEvent& event = log_.events[number];
    MappedEvent mapped;
    mapped.event = number;
    Proposal& proposal = mapped.proposal;
    proposal.workflow = options_.workflow;
    if (!MapInstance(event, &mapped)) return;
    if (!MapTime(event, &proposal)) return;
    const std::string_view* activity = OfEvent(event, activity_);
    proposal.transition = activity == nullptr ? TransitionId() : TransitionOf(*activity);
    if (!proposal.transition.valid()) {
      return Unmapped(&report_->unmapped, activity == nullptr ? "(no name)" : *activity, event);
    }
    MapActor(event, &mapped);
    MapValues(event, &proposal);
    events_->push_back(std::move(mapped));
  }

  bool MapInstance(const RecordedEvent& event, MappedEvent* mapped) {
    for (size_t i = 0; i < keys_.size(); ++i) {
      const Field& field = workflow_.key[i];
      const std::string_view* text = OfTrace(event, keys_[i]);
      if (text == nullptr) text = OfEvent(event, keys_[i]);
      if (text == nullptr) return Unmapped(&report_->unmapped, "(no case)", event), false;
      std::string error;
      Value part = ForeignValue(schema_, field, *text, &error);
      if (!error.empty() || part.absent()) {
        AddValue(event, std::string(*text), field, *text, error);
        return Unmapped(&report_->unmapped, "(a case whose name the key cannot hold)", event), false;
      }
      mapped->proposal.key_parts.push_back(std::move(part));
    }
    mapped->proposal.key = KeyText(schema_, workflow_.key, mapped->proposal.key_parts);
    mapped->case_number = cases_.try_emplace(mapped->proposal.key, static_cast<uint32_t>(cases_.size())).first->second;
    return true;
  }

  bool MapTime(const RecordedEvent& event, Proposal* proposal) {
    const std::string_view* text = OfEvent(event, at_);
    absl::StatusOr<int64_t> time_ns = text == nullptr ? absl::InvalidArgumentError("the event has no time")
                                                      : ParseForeignTime(schema_, *text, workflow_.log.at.zone);
    if (!time_ns.ok()) {
      ++report_->time_count;
      if (report_->times.size() < kListedMax) {
        report_->times.push_back({event.line, proposal->key, "at", workflow_.log.at.attribute,
                                  text == nullptr ? "" : std::string(*text), std::string(time_ns.status().message())});
      }
      return false;
    }
    proposal->now_ns = *time_ns;
    if (event.trace == UINT32_MAX) return true;
    if (last_ns_[event.trace] > *time_ns) ++report_->reordered_count;
    last_ns_[event.trace] = proposal->now_ns = std::max(last_ns_[event.trace], *time_ns);
    return true;
  }

  TransitionId TransitionOf(std::string_view activity) {
    const TextId id = log_.texts.Find(activity);
    const auto [found, is_new] = transitions_.try_emplace(id);
    if (is_new) found->second = FindTransition(workflow_, activity);
    return found->second;
  }

  void MapActor(const RecordedEvent& event, MappedEvent* mapped) {
    ActorView& actor = mapped->proposal.actor;
    const std::string_view* id = OfEvent(event, actor_);
    if (id != nullptr && *id != workflow_.log.actor_absent) actor.id = *id;
    actor.principal = actor.id;
    const std::string_view* role = OfEvent(event, role_);
    if (role != nullptr) {
      mapped->role_text = *role;
      actor.role = RoleOf(*role);
      if (!actor.role.valid()) Unmapped(&report_->unmapped_roles, *role, event);
    } else if (const TransitionId transition = mapped->proposal.transition; transition.valid()) {
      // Where only one role may, events that name none are in it.
      const std::vector<RoleId>& may = workflow_.transitions[transition.value].may;
      if (may.size() == 1) actor.role = may.front();
    }
    actor.holds_role = actor.role.valid();
    actor.is_human = actor.role.valid() && schema_.roles[actor.role.value].human;
  }

  RoleId RoleOf(std::string_view text) {
    const auto [found, is_new] = roles_.try_emplace(std::string(text));
    if (!is_new) return found->second;
    for (size_t i = 0; i < schema_.roles.size(); ++i) {
      if (schema_.roles[i].foreign == text && !text.empty()) return found->second = RoleId(i);
    }
    for (size_t i = 0; i < schema_.roles.size(); ++i) {
      if (schema_.roles[i].name == text || schema_.roles[i].qualified == text) return found->second = RoleId(i);
    }
    return RoleId();
  }

  void MapValues(const RecordedEvent& event, Proposal* proposal) {
    const Transition& transition = workflow_.transitions[proposal->transition.value];
    for (const SetField& set : transition.sets) {
      if (set.computed)
        proposal->sets.emplace_back();
      else
        proposal->sets.push_back(
            TakeValue(event, workflow_.fields[set.field.value], fields_[set.field.value], set.optional, proposal->key));
    }
    for (const Field& field : transition.payload) {
      proposal->payload.push_back(TakeValue(event, field, log_.texts.Find(AttributeOf(field)), false, proposal->key));
    }
  }

  Value TakeValue(const RecordedEvent& event, const Field& field, TextId key, bool optional,
                  const std::string& instance) {
    const std::string_view* text = OfEither(event, key);
    const bool may_miss = optional || schema_.types[field.type.value].optional;
    if (text == nullptr || (text->empty() && may_miss)) {
      if (!may_miss) AddValue(event, instance, field, "", "the log does not have it");
      return Value();
    }
    std::string error;
    Value value = ForeignValue(schema_, field, *text, &error);
    if (!error.empty()) AddValue(event, instance, field, *text, error);
    return value;
  }

  void AddValue(const RecordedEvent& event, const std::string& instance, const Field& field, std::string_view text,
                const std::string& error) {
    ++report_->value_count;
    if (report_->values.size() >= kListedMax) return;
    report_->values.push_back(
        {event.line, instance, field.name, AttributeOf(field), std::string(text.substr(0, 200)), error});
  }

  static void Unmapped(std::map<std::string, UnmappedName>* names, std::string_view name, const RecordedEvent& event) {
    UnmappedName& entry = (*names)[std::string(name)];
    if (entry.event_count++ == 0) entry.first_line = event.line;
  }

  const Schema& schema_;
  const RecordedLog& log_;
  const MappingOptions& options_;
  const Workflow& workflow_;
  std::vector<MappedEvent>* events_;
  MappingReport* report_;
  TextId activity_, actor_, role_, at_;
  std::vector<TextId> keys_, fields_;
  std::vector<int64_t> last_ns_;
  std::vector<uint32_t> case_of_trace_;
  absl::flat_hash_map<std::string, uint32_t> cases_;
  absl::flat_hash_map<TextId, TransitionId> transitions_;
  absl::flat_hash_map<std::string, RoleId> roles_;
  std::string_view found_;
};

}  // namespace

TransitionId FindTransition(const Workflow& workflow, std::string_view activity) {
  TransitionId best;
  size_t best_letters = 0;
  for (size_t i = 0; i < workflow.transitions.size(); ++i) {
    const Transition& transition = workflow.transitions[i];
    if (!transition.foreign.empty() && transition.foreign == activity) return TransitionId(i);
    if (transition.foreign.empty() || !IsGlob(transition.foreign) || !GlobMatches(transition.foreign, activity))
      continue;
    const auto is_letter = [](char c) { return c != '*' && c != '?'; };
    const size_t letters = std::count_if(transition.foreign.begin(), transition.foreign.end(), is_letter) + 1;
    if (letters > best_letters) best = TransitionId(i), best_letters = letters;
  }
  for (size_t i = 0; i < workflow.transitions.size(); ++i) {
    if (workflow.transitions[i].name == activity && workflow.transitions[i].foreign.empty()) return TransitionId(i);
  }
  return best;
}

absl::StatusOr<int64_t> ParseForeignTime(const Schema& schema, std::string_view text, const std::string& zone) {
  text = Trim(text);
  absl::StatusOr<int64_t> with_offset = ParseTime(text);
  if (with_offset.ok()) return with_offset;
  const absl::Status fault = absl::InvalidArgumentError(
      absl::StrCat("`", View(text.substr(0, 80)), "` is not a time with its offset from UTC"));
  if (zone.empty()) return fault;
  const Zone* time_zone = FindZone(schema, zone);
  if (time_zone == nullptr)
    return absl::InvalidArgumentError(absl::StrCat("the policy does not know the time zone `", zone, "`"));
  for (const char* format : {"%Y-%m-%dT%H:%M:%E*S", "%Y-%m-%d %H:%M:%E*S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"}) {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(format, View(text), &time, &error)) continue;
    if (time < absl::FromUnixNanos(-limits::kTimeMax) || time > absl::FromUnixNanos(limits::kTimeMax)) return fault;
    return TimeOfLocal(*time_zone, absl::ToUnixNanos(time));
  }
  return fault;
}

Value ForeignValue(const Schema& schema, const Field& field, std::string_view text, std::string* error) {
  const Type& type = schema.types[field.type.value];
  if (type.kind != TypeKind::kString) text = Trim(text);
  absl::StatusOr<Value> value = Parse(schema, field, type, text);
  if (!value.ok()) {
    *error = std::string(value.status().message());
    return Value();
  }
  const absl::Status fits = CheckValue(schema, field.type, *value);
  if (fits.ok()) return *std::move(value);
  *error = std::string(fits.message());
  if (!IsNumber(type.kind) || !value->is_integer()) return Value();
  return Value(std::clamp(value->integer(), type.min, type.max));
}

std::string InstanceColumn(const Workflow& workflow) {
  if (!workflow.log.instance.empty()) return workflow.log.instance;
  if (workflow.key.size() == 1 && !workflow.key[0].foreign.attribute.empty()) return workflow.key[0].foreign.attribute;
  return workflow.key.size() == 1 ? "case:concept:name" : "";
}

absl::StatusOr<WorkflowId> WorkflowOfLog(const Schema& schema, const std::string& format, const std::string& named) {
  std::vector<WorkflowId> with_log, all;
  for (size_t i = 0; i < schema.workflows.size(); ++i) {
    const Workflow& workflow = schema.workflows[i];
    if (workflow.is_fact) continue;
    if (!named.empty() && (workflow.name == named || workflow.qualified == named)) return WorkflowId(i);
    if (workflow.is_builtin || workflow.is_entity) continue;
    all.push_back(WorkflowId(i));
    if (workflow.log.format == format) with_log.push_back(WorkflowId(i));
  }
  if (!named.empty()) return absl::InvalidArgumentError(absl::StrCat("there is no workflow `", named, "`"));
  if (with_log.size() == 1) return with_log[0];
  if (with_log.empty() && all.size() == 1) return all[0];
  if (all.empty()) return absl::InvalidArgumentError("the policy has no workflow that a log could be about");
  return absl::InvalidArgumentError(
      absl::StrCat("several workflows could be what the log is about: say which with --workflow, or write `log W from ",
                   format, " { … }` for one"));
}

absl::Status MapLog(const Schema& schema, const RecordedLog& log, const MappingOptions& options,
                    std::vector<MappedEvent>* events, MappingReport* report) {
  if (!options.workflow.valid() || options.workflow.value >= schema.workflows.size()) {
    return absl::InvalidArgumentError("the log's workflow is not known");
  }
  Mapper(schema, log, options, events, report).Run();
  return absl::OkStatus();
}

}  // namespace writ::replay
