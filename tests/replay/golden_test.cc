// What the command prints, line by line, against files in golden/. `command_golden_test --update` rewrites them
// instead.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "tests/replay/command.h"

namespace writ::command {
namespace {

namespace fs = std::filesystem;

constexpr char kGolden[] = "tests/replay/golden/";
constexpr char kEvents[] = "examples/deal_desk/events";
constexpr char kExplained[] = "tests/replay/explained";

struct Case {
  std::string name;  // of the golden file
  std::vector<std::string> arguments;
  bool standard_error = false;  // it is what counts, not standard output
  std::string kept = "";        // a folder with a policy and events.jsonl, which a store keeps; the arguments are about that
};

// A policy's digest moves with every change of the policy's text or of lowering; what is decided does not.
std::string Masked(std::string text) {
  constexpr std::string_view kDigest = "sha256:";
  for (size_t at = text.find(kDigest); at != std::string::npos; at = text.find(kDigest, at + 1)) {
    size_t end = at + kDigest.size();
    while (end < text.size() && isxdigit(static_cast<unsigned char>(text[end]))) ++end;
    text.replace(at + kDigest.size(), end - at - kDigest.size(), "…");
  }
  return text;
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  std::vector<fs::path> events;
  for (const auto& entry : fs::directory_iterator(kEvents)) {
    if (entry.path().extension() == ".jsonl") events.push_back(entry.path());
  }
  std::sort(events.begin(), events.end());
  for (const fs::path& path : events) {
    cases.push_back(
        {"deal_desk_" + path.filename().string(), {"run", "examples/deal_desk", "--events", path.string()}});
  }
  const std::string log = "examples/expenses/log.xes.gz";
  cases.push_back({"expenses_record.txt", {"replay", "examples/expenses", "--log", log}});
  cases.push_back({"expenses_record.json", {"replay", "examples/expenses", "--log", log, "--json"}});
  cases.push_back({"expenses_policy.txt", {"replay", "examples/expenses", "--log", log, "--follow", "policy"}});
  cases.push_back({"bad_lines.out", {"run", "examples/deal_desk", "--events", "tests/replay/bad_lines.jsonl"}});
  cases.push_back({"bad_lines.err", {"run", "examples/deal_desk", "--events", "tests/replay/bad_lines.jsonl"}, true});
  for (const char* position : {"9", "11", "13"}) {
    cases.push_back({std::string("explained_") + position + ".txt", {"explain", "--position", position}, false, kExplained});
  }
  cases.push_back({"explained_13.json", {"explain", "--position", "13", "--json"}, false, kExplained});
  return cases;
}

std::string Output(const Case& c) {
  std::vector<std::string> arguments = c.arguments;
  TemporaryDirectory work;
  if (!c.kept.empty()) {
    const std::string store = work.Below("store");
    Writ({"run", c.kept, "--store", store, "--events", c.kept + "/events.jsonl"});
    arguments.insert(arguments.end(), {"--store", store});
  }
  const Result result = Writ(arguments);
  return Masked(c.standard_error ? result.err : result.out);
}

class GoldenTest : public testing::Test {
 public:
  explicit GoldenTest(Case c) : case_(std::move(c)) {}
  void TestBody() override {
    ASSERT_TRUE(fs::exists(kGolden + case_.name)) << "target update_command_golden makes it";
    const std::vector<std::string> expected = Lines(ReadFile(kGolden + case_.name)), actual = Lines(Output(case_));
    ASSERT_FALSE(expected.empty()) << "a golden file expects something";
    for (size_t i = 0; i < std::min(expected.size(), actual.size()); ++i)
      EXPECT_EQ(actual[i], expected[i]) << "line " << i + 1;
    EXPECT_EQ(actual.size(), expected.size());
  }

 private:
  const Case case_;
};

int Update() {
  fs::create_directories(kGolden);
  for (const Case& c : Cases()) {
    const std::string text = Output(c), path = kGolden + c.name;
    if (fs::exists(path) && ReadFile(path) == text) continue;
    WriteFile(path, text);
    std::cout << path << "\n";
  }
  return 0;
}

// The interpreter says what native code says.
TEST(CommandTest, InterpreterSaysTheSame) {
  for (const Case& c : Cases()) {
    if (c.arguments[0] != "run") continue;
    std::vector<std::string> interpreted = c.arguments;
    interpreted.push_back("--interpret");
    EXPECT_EQ(Writ(interpreted).out, Writ(c.arguments).out) << c.name;
  }
}

}  // namespace
}  // namespace writ::command

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--update") == 0) return writ::command::Update();
  testing::InitGoogleTest(&argc, argv);
  for (const writ::command::Case& c : writ::command::Cases()) {
    testing::RegisterTest("Golden", c.name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [c]() -> testing::Test* { return new writ::command::GoldenTest(c); });
  }
  return RUN_ALL_TESTS();
}
