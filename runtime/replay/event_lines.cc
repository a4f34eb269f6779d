#include "runtime/replay/event_lines.h"

#include <simdjson.h>

#include <algorithm>
#include <initializer_list>

#include "absl/strings/str_cat.h"
#include "runtime/frame/frame.h"
#include "runtime/replay/json_fault.h"

namespace writ::replay {
namespace {

namespace dom = simdjson::dom;

absl::string_view View(std::string_view text) { return absl::string_view(text.data(), text.size()); }

template <class... Parts>
absl::Status Refuse(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

std::string Shown(std::string_view name) { return absl::StrCat("`", View(name.substr(0, 60)), "`"); }

// Any JSON as an input tree.
absl::Status ToInput(dom::element json, std::string_view name, Input* out) {
  switch (json.type()) {
    case dom::element_type::BOOL:
      *out = Input(bool(json.get_bool()));
      return absl::OkStatus();
    case dom::element_type::INT64:
      *out = Input(int64_t(json.get_int64()));
      return absl::OkStatus();
    case dom::element_type::STRING:
      *out = Input(std::string(std::string_view(json.get_string())));
      return absl::OkStatus();
    case dom::element_type::UINT64:
      return Refuse(Shown(name), " does not fit into 64 bits");
    case dom::element_type::DOUBLE:
      return Refuse(Shown(name),
                    " is a number with a fraction: write amounts, percents and times as text, like \"38%\"");
    case dom::element_type::NULL_VALUE:
      return Refuse(Shown(name), " is null: leave it out where there is no value");
    case dom::element_type::ARRAY: {
      Input::List list;
      for (dom::element element : json.get_array()) {
        if (absl::Status status = ToInput(element, name, &list.emplace_back()); !status.ok()) return status;
      }
      *out = Input(std::move(list));
      return absl::OkStatus();
    }
    case dom::element_type::OBJECT: {
      Input::Object object;
      for (dom::key_value_pair pair : json.get_object()) {
        for (const InputMember& other : object) {
          if (other.name == pair.key) return Refuse(Shown(pair.key), " is given twice in ", Shown(name));
        }
        object.push_back({std::string(pair.key), Input()});
        if (absl::Status status = ToInput(pair.value, pair.key, &object.back().value); !status.ok()) return status;
      }
      *out = Input(std::move(object));
      return absl::OkStatus();
    }
  }
  return Refuse(Shown(name), " cannot be read");
}

// One line's fields. Each is asked for once; what nobody asked for is refused at the end.
class Fields {
 public:
  Fields(const Input::Object& object, std::string_view kind) : object_(object), kind_(kind), taken_(object.size()) {}

  const Input* Take(std::string_view name) {
    for (size_t i = 0; i < object_.size(); ++i) {
      if (object_[i].name != name) continue;
      taken_[i] = true;
      return &object_[i].value;
    }
    return nullptr;
  }

  void Text(std::string_view name, std::string* out) {
    const Input* value = Take(name);
    if (value == nullptr) return;
    if (const auto* text = std::get_if<std::string>(&value->v))
      *out = *text;
    else
      Fail(name, "must be a text");
  }
  void RequireText(std::string_view name, std::string* out) {
    Text(name, out);
    if (out->empty()) Fail(name, "is missing, or empty");
  }
  template <class T>
  void Whole(std::string_view name, int64_t least, T* out) {
    const Input* value = Take(name);
    if (value == nullptr) return;
    const auto* number = std::get_if<int64_t>(&value->v);
    if (number != nullptr && *number >= least)
      *out = *number;
    else
      Fail(name, absl::StrCat("must be a whole number from ", least, " on"));
  }
  void Bool(std::string_view name, std::optional<bool>* out) {
    const Input* value = Take(name);
    if (value == nullptr) return;
    if (const auto* flag = std::get_if<bool>(&value->v))
      *out = *flag;
    else
      Fail(name, "must be true or false");
  }
  void Object(std::string_view name, Input* out) {
    const Input* value = Take(name);
    if (value == nullptr) return;
    if (std::holds_alternative<Input::Object>(value->v))
      *out = *value;
    else
      Fail(name, "must be an object");
  }
  void Key(std::string_view name, Input* out) {
    const Input* value = Take(name);
    if (value == nullptr) return Fail(name, "is missing");
    if (std::holds_alternative<Input::List>(value->v) || std::holds_alternative<bool>(value->v))
      Fail(name, "must be a text, a number or an object");
    else
      *out = *value;
  }
  void Texts(std::string_view name, std::vector<std::string>* out) {
    const Input* value = Take(name);
    if (value == nullptr) return;
    const auto* list = std::get_if<Input::List>(&value->v);
    if (list == nullptr) return Fail(name, "must be a list of texts");
    for (const Input& element : *list) {
      const auto* text = std::get_if<std::string>(&element.v);
      if (text == nullptr) return Fail(name, "must be a list of texts");
      out->push_back(*text);
    }
  }
  void Positions(std::string_view name, std::vector<int64_t>* out) {
    const Input* value = Take(name);
    if (value == nullptr) return;
    const auto* list = std::get_if<Input::List>(&value->v);
    if (list == nullptr) return Fail(name, "must be a list of positions");
    for (const Input& element : *list) {
      const auto* number = std::get_if<int64_t>(&element.v);
      if (number == nullptr || *number < 1) return Fail(name, "must be a list of positions");
      out->push_back(*number);
    }
  }
  void Time(std::string_view name, std::optional<int64_t>* out) {
    std::string text;
    Text(name, &text);
    if (text.empty()) {
      // Left out there is none; an empty one is not left out.
      if (const Input* value = Take(name); value != nullptr) Fail(name, "is empty: leave it out, or say a time");
      return;
    }
    const absl::StatusOr<int64_t> time_ns = ParseTime(text);
    if (time_ns.ok())
      *out = *time_ns;
    else
      Fail(name, absl::StrCat("cannot be read as a time: ", time_ns.status().message()));
  }

  void Fail(std::string_view name, std::string_view what) {
    if (status_.ok()) status_ = Refuse(Shown(name), " ", View(what));
  }
  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }

  absl::Status Finish() {
    for (size_t i = 0; i < object_.size() && status_.ok(); ++i) {
      if (!taken_[i]) status_ = Refuse(View(kind_), " has no field ", Shown(object_[i].name));
    }
    return status_;
  }

 private:
  const Input::Object& object_;
  std::string_view kind_;
  std::vector<bool> taken_;
  absl::Status status_;
};

void ReadDescription(Fields* fields, ActorDescription* actor) {
  std::string kind;
  fields->Text("kind", &kind);
  if (kind == "human" || kind == "agent")
    actor->human = kind == "human";
  else if (!kind.empty())
    fields->Fail("kind", "must be \"agent\" or \"human\"");
  fields->Text("principal", &actor->principal);
  fields->Texts("roles", &actor->roles);
  fields->Text("version", &actor->version);
  fields->Texts("capabilities", &actor->capabilities);
}

void ReadActor(Fields* fields, Submission* line) {
  const Input* by = fields->Take("by");
  if (by == nullptr) return fields->Fail("by", "is missing: say who does it");
  if (const auto* id = std::get_if<std::string>(&by->v)) {
    line->by = *id;
    if (id->empty()) fields->Fail("by", "is empty: say who does it");
    return;
  }
  const auto* object = std::get_if<Input::Object>(&by->v);
  if (object == nullptr) return fields->Fail("by", "must be an actor's id, or an object with its id and roles");
  Fields inner(*object, "an actor written inline");
  ActorDescription& actor = line->inline_actor.emplace();
  inner.RequireText("id", &actor.id);
  ReadDescription(&inner, &actor);
  inner.Object("attributes", &line->attributes);
  if (absl::Status status = inner.Finish(); !status.ok()) fields->Fail(std::move(status));
}

void ReadCommon(Fields* fields, Submission* line) {
  ReadActor(fields, line);
  fields->Text("as", &line->as);
  fields->Time("at", &line->at_ns);
  fields->Whole("seen", 0, &line->seen);
  fields->Positions("based_on", &line->based_on);
  fields->Bool("happened", &line->happened);
}

// An empty one is not left out.
void ReadUnder(Fields* fields, Submission* line) {
  if (fields->Take("under") != nullptr) fields->RequireText("under", &line->under);
}

void ReadAgent(Fields* fields, Submission* line) {
  line->kind = Submission::Kind::kAgent;
  fields->RequireText("agent", &line->agent.id);
  ReadDescription(fields, &line->agent);
  fields->Object("attributes", &line->attributes);
  fields->Time("at", &line->at_ns);
}

void ReadSet(Fields* fields, Submission* line) {
  line->kind = Submission::Kind::kSet;
  fields->RequireText("set", &line->workflow);
  fields->Key("key", &line->on);
  fields->Object("fields", &line->sets);
  ReadUnder(fields, line);
  ReadCommon(fields, line);
}

void ReadPropose(Fields* fields, Submission* line) {
  line->kind = Submission::Kind::kPropose;
  fields->RequireText("propose", &line->transition);
  fields->Text("workflow", &line->workflow);
  fields->Key("on", &line->on);
  fields->Object("set", &line->sets);
  fields->Object("with", &line->payload);
  fields->Text("key", &line->idempotency_key);
  ReadUnder(fields, line);
  ReadCommon(fields, line);
}

void ReadAnswer(Fields* fields, Submission* line) {
  line->kind = Submission::Kind::kAnswer;
  std::string answer;
  fields->RequireText("answer", &answer);
  if (answer != "yes" && answer != "no") fields->Fail("answer", "must be \"yes\" or \"no\"");
  line->yes = answer == "yes";
  fields->Text("workflow", &line->workflow);
  fields->Text("to", &line->to);
  fields->Whole("question", 1, &line->question);
  if (const Input* on = fields->Take("on"))
    line->on = *on;
  else if (line->question == 0)
    fields->Fail("on", "is missing: say what is answered, by \"on\" or by \"question\"");
  fields->Text("key", &line->idempotency_key);
  ReadCommon(fields, line);
}

void ReadTick(Fields* fields, Submission* line) {
  line->kind = Submission::Kind::kTick;
  fields->Time("tick", &line->at_ns);
  if (!line->at_ns.has_value()) fields->Fail("tick", "must be a time");
}

void ReadSpent(Fields* fields, Submission* line) {
  line->kind = Submission::Kind::kSpent;
  const Input* task = fields->Take("task");
  const auto* opened_at = task == nullptr ? nullptr : std::get_if<int64_t>(&task->v);
  if (opened_at != nullptr && *opened_at > 0) {
    line->task = absl::StrCat(*opened_at);
  } else {
    fields->RequireText("task", &line->task);
  }
  Input spent;
  fields->Object("spent", &spent);
  if (const auto* object = std::get_if<Input::Object>(&spent.v); object != nullptr) {
    for (const InputMember& member : *object) {
      const auto* text = std::get_if<std::string>(&member.value.v);
      const auto* number = std::get_if<int64_t>(&member.value.v);
      if (member.name == "cost" && text != nullptr) {
        line->cost = *text;
      } else if (member.name == "tokens" && number != nullptr && *number >= 0) {
        line->tokens = *number;
      } else {
        fields->Fail("spent", "has `cost`, an amount of money, and `tokens`, a whole number");
      }
    }
  }
  fields->Time("at", &line->at_ns);
  fields->Text("key", &line->idempotency_key);
}

void ReadErase(Fields* fields, EventLine* line) {
  line->is_erase = true;
  fields->RequireText("erase", &line->erase.field);
  fields->RequireText("workflow", &line->erase.workflow);
  fields->Key("on", &line->erase.on);
  fields->RequireText("by", &line->erase.by);
  fields->Time("at", &line->erase.at_ns);
}

struct Kind {
  std::string_view name;
  std::string_view shown;
  void (*read)(Fields*, EventLine*);
};
template <void (*kRead)(Fields*, Submission*)>
void Into(Fields* fields, EventLine* line) {
  kRead(fields, &line->submission);
}
constexpr Kind kKinds[] = {
    {"propose", "a proposal", Into<ReadPropose>}, {"agent", "an agent line", Into<ReadAgent>},
    {"set", "a `set` line", Into<ReadSet>},       {"answer", "an answer", Into<ReadAnswer>},
    {"tick", "a tick", Into<ReadTick>},           {"erase", "an `erase` line", ReadErase},
    {"spent", "a `spent` line", Into<ReadSpent>},
};

// A proposal has a field `set` too: the order of kKinds settles which it is.
absl::StatusOr<EventLine> ReadObject(const Input::Object& object) {
  for (const Kind& kind : kKinds) {
    const auto is_kind = [&](const InputMember& member) { return member.name == kind.name; };
    if (std::none_of(object.begin(), object.end(), is_kind)) continue;
    EventLine line;
    Fields fields(object, kind.shown);
    kind.read(&fields, &line);
    if (absl::Status status = fields.Finish(); !status.ok()) return status;
    return line;
  }
  return Refuse("a line must have one of `agent`, `set`, `propose`, `answer`, `tick`, `erase`, `spent`");
}

absl::Status NotJson(std::string_view line, simdjson::error_code error) {
  const JsonFault fault = FindJsonFault(line, kJsonDepthMax);
  if (fault.wanted[0] == '\0') return Refuse("the line is not JSON: ", simdjson::error_message(error));
  return Refuse("the line is not JSON: at byte ", fault.offset + 1, ", ", fault.wanted, " is expected");
}

}  // namespace

struct EventLineReader::Json {
  dom::parser parser{kLineBytesMax + simdjson::SIMDJSON_PADDING};
  simdjson::padded_string padded;
};

EventLineReader::EventLineReader() : json_(std::make_unique<Json>()) {
  if (json_->parser.allocate(kLineBytesMax + simdjson::SIMDJSON_PADDING, kJsonDepthMax) != simdjson::SUCCESS)
    json_->parser = dom::parser();
}
EventLineReader::~EventLineReader() = default;

absl::StatusOr<EventLine> EventLineReader::Read(std::string_view line) {
  if (line.size() > kLineBytesMax) return Refuse("the line is longer than ", kLineBytesMax, " bytes");
  dom::element json;
  const simdjson::error_code error =
      json_->parser.parse(line.data(), line.size(), /*realloc_if_needed=*/true).get(json);
  if (error == simdjson::DEPTH_ERROR) return Refuse("the line nests deeper than ", kJsonDepthMax);
  if (error == simdjson::EMPTY) return Refuse("the line is empty");
  if (error != simdjson::SUCCESS) return NotJson(line, error);
  if (!json.is_object()) return Refuse("the line is not a JSON object");
  Input tree;
  if (absl::Status status = ToInput(json, "the line", &tree); !status.ok()) return status;
  return ReadObject(std::get<Input::Object>(tree.v));
}

// ---------------------------------------------------------------- out

namespace {

// The length of the well-formed UTF-8 sequence at the front, or 0.
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first < 0xF0) {
    const bool bad = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) >= 0xA0);
    return follows(1) && follows(2) && !bad ? 3 : 0;
  }
  if (first >= 0xF0 && first < 0xF5) {
    const bool bad = (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) >= 0x90);
    return follows(1) && follows(2) && follows(3) && !bad ? 4 : 0;
  }
  return 0;
}

template <class List, class Write>
void WriteList(JsonWriter* json, std::string_view name, const List& list, Write write) {
  json->Key(name).Open('[');
  for (const auto& element : list) write(element);
  json->Close(']');
}

void WriteTexts(JsonWriter* json, std::string_view name, const std::vector<std::string>& texts) {
  WriteList(json, name, texts, [&](const std::string& text) { json->Text(text); });
}

void WriteQuestion(JsonWriter* json, const store::AskedQuestion& question) {
  json->Open('{').Key("question").Number(question.question).Key("to").Text(question.to);
  json->Key("until").Text(FormatTime(question.until_ns)).Key("else").Text(question.otherwise);
  WriteTexts(json, "rules", question.rules);
  json->Close('}');
}

void WriteTask(JsonWriter* json, const store::OpenedTask& task) {
  json->Open('{').Key("task").Text(task.id).Key("role").Text(task.role);
  json->Key("does").Text(task.does.empty() ? "report" : task.does);
  if (!task.assignee.empty()) json->Key("assignee").Text(task.assignee);
  if (!task.element.empty()) json->Key("of").Text(task.element);
  if (!task.on.empty()) json->Key("on").Text(task.on);
  if (!task.after.empty()) WriteTexts(json, "after", task.after);
  if (task.until_ns != 0) json->Key("until").Text(FormatTime(task.until_ns));
  if (task.until_ns != 0) json->Key("else").Text(task.otherwise.empty() ? "expire" : task.otherwise);
  json->Key("rule").Text(task.rule).Close('}');
}

void WriteAwaited(JsonWriter* json, const store::Awaited& awaited) {
  json->Open('{').Key("transition").Text(awaited.transition);
  if (!awaited.by.empty()) json->Key("by").Text(awaited.by);
  if (awaited.until_ns <= limits::kTimeMax) {
    json->Key("until").Text(FormatTime(awaited.until_ns)).Key("else").Text(awaited.otherwise);
  }
  json->Key("rule").Text(awaited.rule).Close('}');
}

}  // namespace

std::string_view OutcomeName(Outcome outcome) {
  constexpr std::string_view kNames[] = {"permit", "escalate", "hold", "deny"};
  return kNames[static_cast<size_t>(outcome)];
}

void AppendJsonString(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    const char c = text.front();
    if (length == 0)
      out->append("\xEF\xBF\xBD");
    else if (length > 1)
      out->append(text.substr(0, length));
    else if (c == '"' || c == '\\')
      out->append({'\\', c});
    else if (c == '\n')
      out->append("\\n");
    else if (c == '\t')
      out->append("\\t");
    else if (c == '\r')
      out->append("\\r");
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      out->append({'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]});
    else
      out->push_back(c);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  out->push_back('"');
}

void JsonWriter::Comma() {
  if (comma_) out_->push_back(',');
  comma_ = true;
}
JsonWriter& JsonWriter::Key(std::string_view name) {
  Comma();
  AppendJsonString(name, out_);
  out_->push_back(':');
  comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::Text(std::string_view value) {
  Comma();
  AppendJsonString(value, out_);
  return *this;
}
JsonWriter& JsonWriter::Number(int64_t value) {
  Comma();
  out_->append(std::to_string(value));
  return *this;
}
JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }
JsonWriter& JsonWriter::Raw(std::string_view json) {
  Comma();
  out_->append(json);
  return *this;
}
JsonWriter& JsonWriter::Open(char bracket) {
  Comma();
  out_->push_back(bracket);
  comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::Close(char bracket) {
  out_->push_back(bracket);
  comma_ = true;
  return *this;
}

void AppendDecision(const DecisionRecord& record, std::string* out) {
  JsonWriter json(out);
  json.Open('{').Key("position").Number(record.position).Key("on").Text(record.on);
  if (!record.workflow.empty()) json.Key("workflow").Text(record.workflow);
  json.Key("proposal").Text(record.proposal);
  if (record.question != 0) json.Key("question").Number(record.question);
  json.Key("by").Text(record.by).Key("as").Text(record.as);
  if (!record.under.empty()) json.Key("under").Text(record.under);
  json.Key("outcome").Text(OutcomeName(record.outcome));
  json.Key("state").Text(record.state);
  WriteTexts(&json, "reasons", record.reasons);
  WriteList(&json, "excused", record.excused, [&](const store::Excused& excused) {
    json.Open('{').Key("rule").Text(excused.rule).Key("by").Text(excused.by).Close('}');
  });
  WriteList(&json, "questions", record.questions,
            [&](const store::AskedQuestion& question) { WriteQuestion(&json, question); });
  WriteList(&json, "awaits", record.awaits, [&](const store::Awaited& awaited) { WriteAwaited(&json, awaited); });
  WriteList(&json, "obligations", record.obligations, [&](const store::Obligation& obligation) {
    json.Open('{').Key("type").Text(obligation.type).Key("rule").Text(obligation.rule);
    json.Key("fields").Raw(obligation.fields.empty() ? "{}" : obligation.fields).Close('}');
  });
  if (!record.tasks.empty()) {
    WriteList(&json, "tasks", record.tasks, [&](const store::OpenedTask& task) { WriteTask(&json, task); });
  }
  WriteList(&json, "indeterminate", record.indeterminate, [&](const store::Indeterminate& place) {
    json.Open('{').Key("rule").Text(place.rule).Key("file").Text(place.file);
    json.Key("line").Number(place.line).Key("column").Number(place.column).Close('}');
  });
  if (record.cause != 0) json.Key("cause").Number(record.cause);
  if (record.repeated) json.Key("repeated").Bool(true);
  json.Key("policy").Text(record.policy).Key("at").Text(FormatTime(record.at_ns)).Close('}');
}

}  // namespace writ::replay
