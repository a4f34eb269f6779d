// Declarations moved about, and spread over files: no decision, no reason and no digest changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "compiler/driver/pipeline.h"
#include "compiler/ir/ir.h"
#include "compiler/test/policy_test.h"
#include "runtime/orchestrator/orchestrator.h"
#include "runtime/replay/event_lines.h"
#include "runtime/replay/replay.h"
#include "runtime/store/memory_store.h"

namespace writ {
namespace {

namespace fs = std::filesystem;

constexpr int kShuffles = 8;

std::string ReadFile(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// A policy's text cut at top level: what every file begins with (package, imports), and its declarations with the
// comments above them. It relies on the layout: what stands at the left edge and is no bracket or comment begins a
// declaration.
struct Cut {
  std::string head;
  std::vector<std::string> declarations;
};

Cut CutAtTop(const std::string& text) {
  Cut cut;
  std::string comments;
  std::string* open = nullptr;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const bool at_edge = !line.empty() && line[0] >= 'a' && line[0] <= 'z';
    if (!at_edge) {
      const bool above = line.empty() || line[0] == '/';
      absl::StrAppend(above || open == nullptr ? &comments : open, line, "\n");
      continue;
    }
    const bool head = absl::StartsWith(line, "package") || absl::StartsWith(line, "import");
    open = head ? &cut.head : &cut.declarations.emplace_back();
    absl::StrAppend(open, comments, line, "\n");
    comments.clear();
  }
  return cut;
}

using Texts = std::vector<std::pair<std::string, std::string>>;

Texts Shuffled(const Cut& cut, const std::string& folder, std::mt19937* random) {
  std::vector<std::string> declarations = cut.declarations;
  std::shuffle(declarations.begin(), declarations.end(), *random);
  const size_t file_count = 1 + (*random)() % 4;
  Texts texts;
  for (size_t i = 0; i < file_count; ++i) texts.push_back({absl::StrCat(folder, "/part", i, ".writ"), cut.head});
  for (const std::string& declaration : declarations) texts[(*random)() % file_count].second += declaration;
  std::shuffle(texts.begin(), texts.end(), *random);
  return texts;
}

// Everything that a policy says of itself and of the events beside it.
struct Behaviour {
  std::string digest, decisions;
  std::vector<std::string> failed_tests;
};

std::string Decide(const CompiledPolicy* policy, const fs::path& events) {
  store::MemoryStore store;
  auto orchestrator = Orchestrator::Open(policy, &store, {});
  if (!orchestrator.ok()) return std::string(orchestrator.status().message());
  replay::EventLineReader reader;
  std::string out;
  for (absl::string_view line : absl::StrSplit(ReadFile(events), '\n', absl::SkipEmpty())) {
    const auto event = reader.Read({line.data(), line.size()});
    if (!event.ok()) continue;
    const auto records = (*orchestrator)->Submit(event->submission);
    if (!records.ok()) {
      absl::StrAppend(&out, records.status().message(), "\n");
      continue;
    }
    for (const DecisionRecord& record : *records) {
      replay::AppendDecision(record, &out);
      out.push_back('\n');
    }
  }
  return out;
}

// Nothing where the policy has errors.
std::optional<Behaviour> BehaviourOf(const Texts& texts, const fs::path& folder) {
  const std::unique_ptr<driver::Compiled> compiled = driver::CompileTexts(texts, driver::Stage::kLower);
  if (!compiled->ok()) return std::nullopt;
  Behaviour behaviour;
  behaviour.digest = ir::Digest(compiled->lowered.program);
  const std::unique_ptr<CompiledPolicy> policy = *driver::MakePolicy(*compiled, /*interpret=*/true);
  for (const policy_test::Result& result :
       policy_test::RunTests(compiled->typed, compiled->sources, policy.get(), {})) {
    if (result.verdict == policy_test::Verdict::kFailed) behaviour.failed_tests.push_back(result.name);
  }
  std::sort(behaviour.failed_tests.begin(), behaviour.failed_tests.end());
  if (!fs::is_directory(folder / "events")) return behaviour;
  std::vector<fs::path> events;
  for (const auto& entry : fs::directory_iterator(folder / "events")) events.push_back(entry.path());
  std::sort(events.begin(), events.end());
  for (const fs::path& path : events) {
    if (path.extension() == ".jsonl")
      absl::StrAppend(&behaviour.decisions, path.filename().string(), "\n", Decide(policy.get(), path));
  }
  return behaviour;
}

// Every policy of one file, in examples/ and tests/golden/.
std::vector<fs::path> Policies() {
  std::vector<fs::path> paths;
  for (const char* root : {"examples", "tests/golden"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.path().extension() == ".writ") paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(ShuffleTest, NothingChanges) {
  std::mt19937 random(1);
  int checked = 0, decided = 0;
  for (const fs::path& path : Policies()) {
    const std::string text = ReadFile(path);
    const std::optional<Behaviour> expected = BehaviourOf({{path.string(), text}}, path.parent_path());
    if (!expected.has_value()) continue;
    ++checked;
    decided += !expected->decisions.empty();
    const Cut cut = CutAtTop(text);
    for (int i = 0; i < kShuffles; ++i) {
      const Texts texts = Shuffled(cut, path.parent_path().string(), &random);
      const std::optional<Behaviour> actual = BehaviourOf(texts, path.parent_path());
      ASSERT_TRUE(actual.has_value()) << path << " no longer compiles, shuffled:\n" << texts[0].second;
      EXPECT_EQ(actual->digest, expected->digest) << path;
      EXPECT_EQ(actual->decisions, expected->decisions) << path;
      EXPECT_EQ(actual->failed_tests, expected->failed_tests) << path;
      if (HasFailure()) return;
    }
  }
  EXPECT_GE(checked, 2);
  EXPECT_GE(decided, 1);
}

// What is said of a policy follows from its text: one rule less, and the digest is another.
TEST(ShuffleTest, WithoutOneDeclarationItIsAnother) {
  const fs::path path = "examples/deal_desk/deal_desk.writ";
  Cut cut = CutAtTop(ReadFile(path));
  const std::optional<Behaviour> whole =
      BehaviourOf({{path.string(), cut.head + absl::StrJoin(cut.declarations, "")}}, path.parent_path());
  const size_t count = cut.declarations.size();
  std::erase_if(cut.declarations,
                [](const std::string& d) { return d.find("rule large_discount") != std::string::npos; });
  ASSERT_EQ(cut.declarations.size(), count - 1);
  const std::optional<Behaviour> less =
      BehaviourOf({{path.string(), cut.head + absl::StrJoin(cut.declarations, "")}}, path.parent_path());
  ASSERT_TRUE(whole.has_value() && less.has_value());
  EXPECT_NE(whole->digest, less->digest);
  EXPECT_NE(whole->decisions, less->decisions);
}

}  // namespace
}  // namespace writ
