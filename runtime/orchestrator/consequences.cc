#include "runtime/orchestrator/consequences.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"

namespace writ {
namespace {

void PutText(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out->append({'\\', c});
    } else if (c == '\n') {
      out->append("\\n");
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out->append({'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]});
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

std::string JsonOf(const Schema& schema, const Type& type, const Value& value) {
  if (type.kind == TypeKind::kInt) return absl::StrCat(value.integer());
  if (type.kind == TypeKind::kBool) return value.integer() != 0 ? "true" : "false";
  std::string json;
  PutText(ValueToText(schema, type, value), &json);
  return json;
}

Value OutputValue(const OutputSlot& slot, const int64_t* out) {
  const int64_t* word = out + slot.offset;
  if (slot.kind != SlotKind::kString) return Value(word[0]);
  return Value(word[1] == 0 ? std::string()
                            : std::string(reinterpret_cast<const char*>(word[0]), static_cast<size_t>(word[1])));
}

bool FitsWord(const OutputSlot& slot, const int64_t* out) {
  return slot.kind != SlotKind::kI128 || out[slot.offset + 1] == (out[slot.offset] < 0 ? -1 : 0);
}

}  // namespace

bool ObligationFields(const Schema& schema, const Obligation& obligation, const Function& function, const int64_t* out,
                      std::string* json) {
  std::map<std::string, std::string> texts;
  bool whole = true;
  WRIT_CHECK(function.outputs.size() == 2 * obligation.fields.size());
  for (size_t i = 0; i < obligation.fields.size(); ++i) {
    const Field& field = obligation.fields[i];
    const Type& type = schema.types[field.type.value];
    const bool present = out[function.outputs[2 * i].offset] != 0;
    const OutputSlot& slot = function.outputs[2 * i + 1];
    const bool fits = present && FitsWord(slot, out) && CheckValue(schema, field.type, OutputValue(slot, out)).ok();
    whole = whole && (fits || (!present && type.optional));
    if (fits) texts[field.name] = JsonOf(schema, type, OutputValue(slot, out));
  }
  json->assign(1, '{');
  for (const auto& [name, text] : texts) {
    if (json->size() > 1) json->push_back(',');
    PutText(name, json);
    absl::StrAppend(json, ":", text);
  }
  json->push_back('}');
  return whole;
}

std::vector<const ConsequenceOf*> Speaking(const Schema& schema, const Transition& transition, const Function& function,
                                           const RawDecision& raw) {
  std::vector<const ConsequenceOf*> speaking;
  if (transition.consequences.empty()) return speaking;
  const auto among = [&](RuleId rule, const uint16_t* list, uint16_t count) {
    return std::any_of(list, list + count, [&](uint16_t i) { return function.restraints[i].rule == rule; });
  };
  for (const ConsequenceOf& of : transition.consequences) {
    const bool upon = schema.rules[of.rule.value].effect == Effect::kUpon;
    const bool speaks = upon ? raw.outcome == Outcome::kPermit && among(of.rule, raw.applied, raw.applied_count)
                             : among(of.rule, raw.reasons, raw.reason_count);
    if (speaks) speaking.push_back(&of);
  }
  return speaking;
}

void AddObligations(const World& world, const Proposal& proposal, const Function& function, const RawDecision& raw,
                    Frame* frame, std::vector<int64_t>* out, ReadSet* reads, store::Decision* decision) {
  const Schema& schema = world.schema();
  const Transition& transition = schema.workflows[proposal.workflow.value].transitions[proposal.transition.value];
  for (const ConsequenceOf* of : Speaking(schema, transition, function, raw)) {
    const Rule& rule = schema.rules[of->rule.value];
    const Consequence& then = rule.then[of->index];
    if (!then.obligation.valid()) continue;
    const Obligation& obligation = schema.obligations[then.obligation.value];
    store::Obligation told{obligation.qualified, rule.qualified, "{}"};
    if (of->function.valid()) {
      const Function& values = schema.functions[of->function.value];
      FillFrame(world, values, proposal, frame, reads);
      out->assign(std::max<uint32_t>(values.output_words, 1), 0);
      world.policy().Evaluate(of->function, frame->words(), out->data());
      const store::Indeterminate place{rule.qualified, rule.file, rule.line, rule.column};
      const bool known = std::find(decision->indeterminate.begin(), decision->indeterminate.end(), place) !=
                         decision->indeterminate.end();
      if (!ObligationFields(schema, obligation, values, out->data(), &told.fields) && !known) {
        decision->indeterminate.push_back(place);
      }
    }
    decision->obligations.push_back(std::move(told));
  }
  std::sort(decision->obligations.begin(), decision->obligations.end());
  const auto end = std::unique(decision->obligations.begin(), decision->obligations.end());
  decision->obligations.erase(end, decision->obligations.end());
  std::sort(decision->indeterminate.begin(), decision->indeterminate.end());
}

std::string JsonMember(const Schema& schema, const Field& field, const Value& value) {
  std::string json;
  PutText(field.name, &json);
  return absl::StrCat(json, ":", JsonOf(schema, schema.types[field.type.value], value));
}

std::vector<std::string> ObligationsNeeded(const Schema& schema) {
  std::vector<std::string> needed;
  for (const Rule& rule : schema.rules) {
    for (const Consequence& then : rule.then) {
      if (then.obligation.valid()) needed.push_back(schema.obligations[then.obligation.value].qualified);
    }
  }
  std::sort(needed.begin(), needed.end());
  needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
  return needed;
}

std::string ObligationShown(const Schema& schema, std::string_view qualified) {
  const Obligation* found = nullptr;
  for (const Obligation& obligation : schema.obligations) {
    if (obligation.qualified == qualified) found = &obligation;
  }
  if (found == nullptr) return std::string(qualified);
  const auto bears_it = [&](const Obligation& other) { return other.name == found->name; };
  return std::count_if(schema.obligations.begin(), schema.obligations.end(), bears_it) == 1 ? found->name
                                                                                             : found->qualified;
}

absl::Status CanCarryOut(const Schema& schema, const std::vector<std::string>& can) {
  for (const std::string& needed : ObligationsNeeded(schema)) {
    const std::string shown = ObligationShown(schema, needed);
    const bool is_there = std::any_of(can.begin(), can.end(),
                                      [&](const std::string& name) { return name == needed || name == shown; });
    if (is_there) continue;
    return absl::FailedPreconditionError(absl::StrCat("the policy obliges its host to `", shown,
                                                      "`, which this host has not said that it can carry out"));
  }
  return absl::OkStatus();
}

}  // namespace writ
