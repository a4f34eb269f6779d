#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/replay/event_lines.h"
#include "runtime/replay/replay.h"

namespace writ::replay {
namespace {

constexpr size_t kShownMax = 10;  // of each list, in the text for people

std::string Counted(int64_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

std::string Counts(const Tally& tally) {
  return absl::StrFormat("%9d %-7s %9d %-6s", tally.event_count, tally.event_count == 1 ? "event" : "events",
                         tally.cases.size(), tally.cases.size() == 1 ? "case" : "cases");
}

const char* Past(Outcome outcome) {
  constexpr const char* kWords[] = {"permitted", "escalated", "held", "denied"};
  return kWords[static_cast<size_t>(outcome)];
}

template <class Map>
void TextOf(const char* title, const Map& tallies, std::string* text) {
  if (tallies.empty()) return;
  absl::StrAppend(text, title, "\n");
  for (const auto& [name, tally] : tallies) absl::StrAppend(text, "  ", Counts(tally), "  ", name, "\n");
}

void UnmappedText(const char* title, const std::map<std::string, UnmappedName>& names, std::string* text) {
  if (names.empty()) return;
  absl::StrAppend(text, title, "\n");
  for (const auto& [name, unmapped] : names) {
    absl::StrAppend(text,
                    absl::StrFormat("  %9d %-7s", unmapped.event_count, unmapped.event_count == 1 ? "event" : "events"),
                    "  `", name, "`, first in line ", unmapped.first_line, "\n");
  }
}

void FindingsText(const char* title, int64_t count, const std::vector<ValueFinding>& findings, std::string* text) {
  if (count == 0) return;
  absl::StrAppend(text, title, ": ", count, "\n");
  for (size_t i = 0; i < findings.size() && i < kShownMax; ++i) {
    const ValueFinding& finding = findings[i];
    absl::StrAppend(text, "  line ", finding.line, ", ", finding.instance, ", ", finding.field, ": ", finding.error,
                    "\n");
  }
  if (static_cast<size_t>(count) > kShownMax)
    absl::StrAppend(text, "  … and ", static_cast<size_t>(count) - kShownMax, " more; --json lists up to ", kListedMax,
                    "\n");
}

// ---------------------------------------------------------------- JSON

void TallyJson(const Tally& tally, JsonWriter* json) {
  json->Key("events").Number(tally.event_count).Key("cases").Number(static_cast<int64_t>(tally.cases.size()));
}

void UnmappedJson(std::string_view key, const std::map<std::string, UnmappedName>& names, JsonWriter* json) {
  json->Key(key).Open('[');
  for (const auto& [name, unmapped] : names) {
    json->Open('{')
        .Key("name")
        .Text(name)
        .Key("events")
        .Number(unmapped.event_count)
        .Key("line")
        .Number(unmapped.first_line)
        .Close('}');
  }
  json->Close(']');
}

void FindingsJson(std::string_view key, int64_t count, const std::vector<ValueFinding>& findings, JsonWriter* json) {
  json->Key(key).Open('{').Key("count").Number(count).Key("first").Open('[');
  for (const ValueFinding& finding : findings) {
    json->Open('{').Key("line").Number(finding.line).Key("on").Text(finding.instance).Key("field").Text(finding.field);
    json->Key("attribute")
        .Text(finding.attribute)
        .Key("value")
        .Text(finding.text)
        .Key("error")
        .Text(finding.error)
        .Close('}');
  }
  json->Close(']').Close('}');
}

void MappingJson(const MappingReport& mapping, JsonWriter* json) {
  json->Key("log").Open('{').Key("events").Number(mapping.event_count).Key("cases").Number(mapping.case_count);
  json->Key("mapped").Number(mapping.mapped_count).Key("reordered").Number(mapping.reordered_count);
  UnmappedJson("unmapped", mapping.unmapped, json);
  UnmappedJson("unmapped_roles", mapping.unmapped_roles, json);
  FindingsJson("values_out_of_range", mapping.value_count, mapping.values, json);
  FindingsJson("without_time", mapping.time_count, mapping.times, json);
  json->Close('}');
}

void UnaskedJson(const ReplayReport& report, JsonWriter* json) {
  json->Key("no_longer_asked").Open('{').Key("count").Number(report.unasked_count).Key("first").Open('[');
  for (const UnaskedAnswer& answer : report.unasked) {
    json->Open('{').Key("position").Number(answer.position).Key("case").Text(answer.the_case);
    json->Key("answer").Text(answer.yes ? "yes" : "no").Key("to").Text(answer.role).Key("by").Text(answer.by).Close('}');
  }
  json->Close(']').Close('}');
}

}  // namespace

std::string ReportText(const ReplayReport& report) {
  std::string text = absl::StrCat("decided ", Counted(report.decided_count, "event", "events"), " of ",
                                  Counted(static_cast<int64_t>(report.cases.size()), "case", "cases"), "\n");
  for (const auto& [outcome, tally] : report.outcomes)
    absl::StrAppend(&text, "  ", Counts(tally), "  ", Past(outcome), "\n");
  std::map<std::string, Tally> rules;
  for (const auto& [rule, tally] : report.rules)
    rules[absl::StrCat(Past(rule.first), " because ", rule.second)] = tally;
  TextOf("by rule", rules, &text);
  TextOf("could not be evaluated", report.indeterminate, &text);
  TextOf("what the orchestrator would have done, or did", report.would_have, &text);
  std::map<std::string, Tally> changed;
  for (const auto& [then, tally] : report.changed) {
    changed[then.first == then.second ? absl::StrCat("still ", then.first)
                                      : absl::StrCat(then.first, " then, ", then.second, " now")] = tally;
  }
  TextOf("against what was decided then", changed, &text);
  for (const auto& [what, count] : report.passed_over) absl::StrAppend(&text, "passed over: ", count, " ", what, "\n");
  if (report.foreign) {
    if (report.mapping.mapped_count != report.mapping.event_count) {
      absl::StrAppend(&text, "not mapped: ", report.mapping.event_count - report.mapping.mapped_count, " of ",
                      report.mapping.event_count, " events\n");
    }
    UnmappedText("names that no transition has", report.mapping.unmapped, &text);
    UnmappedText("roles that no role has", report.mapping.unmapped_roles, &text);
    FindingsText("values out of range, or that cannot be read", report.mapping.value_count, report.mapping.values,
                 &text);
    FindingsText("events without a time that can be read", report.mapping.time_count, report.mapping.times, &text);
    if (report.mapping.reordered_count > 0) {
      absl::StrAppend(&text,
                      "time goes back within a case: ", Counted(report.mapping.reordered_count, "event", "events"),
                      "; the file's order was kept\n");
    }
  }
  if (report.unasked_count > 0)
    absl::StrAppend(&text, "no longer asked: ", Counted(report.unasked_count, "answer", "answers"), "\n");
  for (size_t i = 0; i < report.unasked.size() && i < kShownMax; ++i) {
    const UnaskedAnswer& answer = report.unasked[i];
    absl::StrAppend(&text, "  position ", answer.position, ": ", answer.yes ? "yes" : "no", " by ", answer.by, " for ",
                    answer.role, " on ", answer.the_case, "\n");
  }
  if (report.refused_count > 0)
    absl::StrAppend(&text, report.of_store ? "refused positions: " : "refused lines: ", report.refused_count, "\n");
  for (size_t i = 0; i < report.refused.size() && i < kShownMax; ++i) {
    absl::StrAppend(&text, report.of_store ? "  position " : "  line ", report.refused[i].line, ": ",
                    report.refused[i].error, "\n");
  }
  return text;
}

std::string ReportJson(const ReplayReport& report) {
  std::string text;
  JsonWriter json(&text);
  json.Open('{')
      .Key("events")
      .Number(report.decided_count)
      .Key("cases")
      .Number(static_cast<int64_t>(report.cases.size()));
  json.Key("outcomes").Open('{');
  for (const auto& [outcome, tally] : report.outcomes) {
    json.Key(OutcomeName(outcome)).Open('{');
    TallyJson(tally, &json);
    json.Close('}');
  }
  json.Close('}').Key("rules").Open('[');
  for (const auto& [rule, tally] : report.rules) {
    json.Open('{').Key("rule").Text(rule.second).Key("outcome").Text(OutcomeName(rule.first));
    TallyJson(tally, &json);
    json.Close('}');
  }
  json.Close(']').Key("indeterminate").Open('[');
  for (const auto& [rule, tally] : report.indeterminate) {
    json.Open('{').Key("rule").Text(rule);
    TallyJson(tally, &json);
    json.Close('}');
  }
  json.Close(']').Key("would_have").Open('[');
  for (const auto& [what, tally] : report.would_have) {
    json.Open('{').Key("what").Text(what);
    TallyJson(tally, &json);
    json.Close('}');
  }
  json.Close(']').Key("changed").Open('[');
  for (const auto& [then, tally] : report.changed) {
    json.Open('{').Key("then").Text(then.first).Key("now").Text(then.second);
    TallyJson(tally, &json);
    json.Close('}');
  }
  json.Close(']').Key("passed_over").Open('{');
  for (const auto& [what, count] : report.passed_over) json.Key(what).Number(count);
  json.Close('}');
  if (report.foreign) MappingJson(report.mapping, &json);
  if (report.of_store) UnaskedJson(report, &json);
  json.Key("refused").Open('{').Key("count").Number(report.refused_count).Key("first").Open('[');
  for (const RefusedLine& refused : report.refused)
    json.Open('{').Key(report.of_store ? "position" : "line").Number(refused.line).Key("error").Text(refused.error).Close('}');
  json.Close(']').Close('}').Close('}');
  return text;
}

}  // namespace writ::replay
