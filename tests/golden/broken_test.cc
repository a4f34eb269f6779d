// The broken policies as a whole: there are enough of them, each is its own, and no diagnostic is without one.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "compiler/diagnostics/diagnostics.h"
#include "gtest/gtest.h"

namespace writ::golden {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBrokenPoliciesMin = 205;

// What takes two more files, or more text than anybody reads: tests/tidy and compiler/parse raise these.
constexpr const char* kNotInOneFile[] = {"E0114", "E0222", "E0255", "E0256", "E0703"};

struct Broken {
  std::string path, stage, construct;
  std::vector<std::string> codes;  // of all its errors, in their order
};

// fail_<what>_in_<construct>; the name itself where there is no `_in_`.
std::string ConstructOf(const std::string& stem) {
  const std::string name(absl::StripPrefix(stem, "fail_"));
  const size_t at = name.rfind("_in_");
  return at == std::string::npos ? name : name.substr(at + 4);
}

std::vector<Broken> ReadAll() {
  std::vector<Broken> all;
  for (const char* stage : {"parse", "check"}) {
    for (const auto& entry : fs::directory_iterator(absl::StrCat("tests/golden/", stage))) {
      const std::string stem = entry.path().stem().string();
      if (!absl::StartsWith(stem, "fail_")) continue;
      Broken broken{entry.path().string(), stage, ConstructOf(stem), {}};
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
      for (absl::string_view line : absl::StrSplit(text, '\n')) {
        if (absl::ConsumePrefix(&line, "// ^ E")) broken.codes.push_back(absl::StrCat("E", line.substr(0, 4)));
      }
      all.push_back(std::move(broken));
    }
  }
  std::sort(all.begin(), all.end(), [](const Broken& a, const Broken& b) { return a.path < b.path; });
  return all;
}

TEST(BrokenPolicies, AreMany) { EXPECT_GE(ReadAll().size(), kBrokenPoliciesMin); }

TEST(BrokenPolicies, NoTwoBreakTheSameConstructInTheSameWay) {
  std::map<std::pair<std::string, std::string>, std::string> seen;
  for (const Broken& broken : ReadAll()) {
    for (const std::string& code : std::set<std::string>(broken.codes.begin(), broken.codes.end())) {
      const auto [at, is_new] = seen.emplace(std::make_pair(code, broken.construct), broken.path);
      EXPECT_TRUE(is_new) << broken.path << " and " << at->second << ": " << code << " in " << broken.construct;
    }
  }
}

// Each policy of `check` is broken in one way, so its author is told one thing.
TEST(BrokenPolicies, OneMistakeIsToldOnce) {
  for (const Broken& broken : ReadAll()) {
    if (broken.stage != "check") continue;
    EXPECT_EQ(broken.codes.size(), 1u) << broken.path;
  }
}

TEST(BrokenPolicies, EveryErrorIsRaised) {
  std::set<std::string> raised(std::begin(kNotInOneFile), std::end(kNotInOneFile));
  for (const Broken& broken : ReadAll()) raised.insert(broken.codes.begin(), broken.codes.end());
  for (const diagnostics::Row& row : diagnostics::Rows()) {
    if (row.severity != diagnostics::Severity::kError) continue;
    EXPECT_EQ(raised.count(row.code), 1u) << row.code << " " << row.name;
  }
}

}  // namespace
}  // namespace writ::golden
