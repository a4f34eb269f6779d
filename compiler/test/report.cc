#include "absl/strings/str_cat.h"
#include "compiler/test/policy_test.h"
#include "runtime/replay/event_lines.h"

namespace writ::policy_test {
namespace {

const char* Word(Verdict verdict) {
  return verdict == Verdict::kPassed ? "passed" : verdict == Verdict::kFailed ? "FAILED" : "skipped";
}

const char* Word(Result::Kind kind) {
  switch (kind) {
    case Result::Kind::kTest: return "test";
    case Result::Kind::kScenario: return "scenario";
    case Result::Kind::kProperty: return "property";
  }
  return "?";
}

constexpr char kIdle[] = "nothing that this speaks of happened in any history, so that nothing was tried: write a test that comes to it";

std::string Escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (c == '\n') out += "&#10;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\t') out += c;
  }
  return out;
}

}  // namespace

std::string ToText(const Result& result, bool colour) {
  const char* code = result.verdict == Verdict::kPassed ? "32" : result.verdict == Verdict::kFailed ? "31" : "33";
  const std::string word = colour ? absl::StrCat("\033[", code, "m", Word(result.verdict), "\033[0m") : Word(result.verdict);
  std::string text = absl::StrCat(word, "  ", result.file, ":", result.line, "  ", result.name);
  if (!result.skipped_because.empty()) absl::StrAppend(&text, "  (", result.skipped_because, ")");
  if (result.kind == Result::Kind::kProperty) {
    absl::StrAppend(&text, "  (", result.history_count, " histories, ", result.event_count, " events)");
  }
  text += "\n";
  for (const std::string& assumed : result.assumed) absl::StrAppend(&text, "    assumed, without history: ", assumed, "\n");
  for (const std::string& place : result.idle) absl::StrAppend(&text, "    ", place, ": ", kIdle, "\n");
  for (const Failure& failure : result.failures) absl::StrAppend(&text, "    ", failure.place, ": ", failure.text, "\n");
  return text;
}

std::string ToJson(const Result& result) {
  std::string text;
  replay::JsonWriter json(&text);
  json.Open('{').Key("name").Text(result.name).Key("kind").Text(Word(result.kind));
  json.Key("file").Text(result.file).Key("line").Number(result.line);
  json.Key("result").Text(result.verdict == Verdict::kFailed ? "failed" : Word(result.verdict));
  if (!result.skipped_because.empty()) json.Key("because").Text(result.skipped_because);
  if (!result.assumed.empty()) {
    json.Key("assumed").Open('[');
    for (const std::string& assumed : result.assumed) json.Text(assumed);
    json.Close(']');
  }
  if (result.kind == Result::Kind::kProperty) {
    json.Key("histories").Number(result.history_count).Key("events").Number(result.event_count);
    if (!result.idle.empty()) {
      json.Key("idle").Open('[');
      for (const std::string& place : result.idle) json.Text(place);
      json.Close(']');
    }
  }
  json.Key("failures").Open('[');
  for (const Failure& failure : result.failures) json.Open('{').Key("place").Text(failure.place).Key("text").Text(failure.text).Close('}');
  json.Close(']').Close('}');
  return text;
}

std::string ToJUnit(const std::vector<Result>& results) {
  size_t failed_count = 0, skipped_count = 0;
  std::string cases;
  for (const Result& result : results) {
    failed_count += result.verdict == Verdict::kFailed;
    skipped_count += result.verdict == Verdict::kSkipped;
    absl::StrAppend(&cases, "  <testcase classname=\"", Escaped(result.file), "\" name=\"", Escaped(result.name), "\" file=\"",
                    Escaped(result.file), "\" line=\"", result.line, "\">");
    if (result.verdict == Verdict::kSkipped) absl::StrAppend(&cases, "<skipped message=\"", Escaped(result.skipped_because), "\"/>");
    for (const Failure& failure : result.failures) {
      absl::StrAppend(&cases, "<failure message=\"", Escaped(failure.text), "\">", Escaped(failure.place), "</failure>");
    }
    for (const std::string& assumed : result.assumed) {
      absl::StrAppend(&cases, "<system-out>assumed, without history: ", Escaped(assumed), "</system-out>");
    }
    cases += "</testcase>\n";
  }
  return absl::StrCat("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"writ\" tests=\"", results.size(), "\" failures=\"",
                      failed_count, "\" errors=\"0\" skipped=\"", skipped_count, "\">\n", cases, "</testsuite>\n");
}

}  // namespace writ::policy_test
