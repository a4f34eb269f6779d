#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "compiler/driver/verbs.h"
#include "compiler/test/policy_test.h"
#include "runtime/replay/event_lines.h"

namespace writ::driver {
namespace {

using policy_test::Result;
using policy_test::Verdict;

size_t CountOf(const std::vector<Result>& results, Verdict verdict) {
  size_t count = 0;
  for (const Result& result : results) count += result.verdict == verdict;
  return count;
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  FILE* file = fopen(path.c_str(), "wb");
  const bool written = file != nullptr && fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = file != nullptr && fclose(file) == 0;
  return written && closed ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("cannot write ", path));
}

void Show(const TestRequest& request, const std::vector<Result>& results) {
  std::string text;
  const bool colour = Colours(STDOUT_FILENO);
  for (const Result& result : results) {
    text += request.compile.json ? policy_test::ToJson(result) + "\n" : policy_test::ToText(result, colour);
  }
  const size_t passed = CountOf(results, Verdict::kPassed), failed = CountOf(results, Verdict::kFailed),
               skipped = CountOf(results, Verdict::kSkipped);
  if (!request.compile.json) {
    absl::StrAppend(&text, passed, " passed, ", failed, " failed",
                    skipped > 0 ? absl::StrCat(", ", skipped, " skipped") : "", "\n");
  } else {
    replay::JsonWriter(&text)
        .Open('{')
        .Key("passed")
        .Number(static_cast<int64_t>(passed))
        .Key("failed")
        .Number(static_cast<int64_t>(failed))
        .Key("skipped")
        .Number(static_cast<int64_t>(skipped))
        .Close('}');
    text += "\n";
  }
  Print(text);
}

}  // namespace

int Test(const TestRequest& request) {
  CompileRequest compile = request.compile;
  compile.notes = true;  // an expectation among it is looked at by nobody
  const Ready ready = Prepare(compile);
  if (ready.policy == nullptr) return ready.status;
  policy_test::Options options;
  options.filter = request.filter;
  options.skip_missing = request.skip_missing;
  options.history_count = request.history_count;
  options.seed = request.seed;
  if (const char* data = getenv("WRIT_EXTERNAL_DATA")) options.external_data = data;
  const std::vector<Result> results =
      policy_test::RunTests(ready.compiled->typed, ready.compiled->sources, ready.policy.get(), options);
  Show(request, results);
  if (!request.junit.empty()) {
    if (absl::Status status = WriteFile(request.junit, policy_test::ToJUnit(results)); !status.ok())
      return Fail(status);
  }
  return CountOf(results, Verdict::kFailed) > 0 ? kFindings : kFine;
}

}  // namespace writ::driver
