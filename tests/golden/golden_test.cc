// Runs every golden file (README.md says how they look). `golden_test --update` rewrites them instead.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/golden/stages.h"

namespace writ::golden {
namespace {

namespace fs = std::filesystem;

constexpr char kFolder[] = "tests/golden";
constexpr char kMark[] = "// ^ ";
constexpr char kMore[] = "//   ";
constexpr char kDump[] = "// DUMP";

// The policy alone, without what it is expected to give.
std::string Policy(const std::string& text) {
  std::string out;
  bool after_mark = false;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (line == kDump) break;
    const bool expectation = absl::StartsWith(line, kMark) || (after_mark && absl::StartsWith(line, kMore));
    after_mark = expectation;
    if (!expectation) absl::StrAppend(&out, line, "\n");
  }
  while (absl::EndsWith(out, "\n\n")) out.pop_back();
  return out;
}

std::string OneLine(absl::string_view text) {
  const absl::string_view line = text.substr(0, text.find('\n'));
  return line.size() < text.size() ? absl::StrCat(line, "…") : std::string(line);
}

std::string Expectation(const source::SourceSet& sources, const diagnostics::Diagnostic& diagnostic) {
  const source::Position at = sources.At(diagnostic.span.file, diagnostic.span.begin);
  std::string out = absl::StrCat(kMark, diagnostic.code, " ", at.column, ": ", diagnostic.message, "\n");
  if (!diagnostic.help.empty()) absl::StrAppend(&out, kMore, "help: ", diagnostic.help, "\n");
  for (const diagnostics::Related& related : diagnostic.related) {
    const absl::string_view place = sources.Slice(related.span.file, related.span.begin, related.span.end);
    absl::StrAppend(&out, kMore, "note `", OneLine(place), "`: ", related.note, "\n");
  }
  return out;
}

struct Outcome {
  std::string text;  // the policy with what it gives in comments
  bool has_errors = false, expects_something = false;
};

Outcome Check(const Stage& stage, const std::string& policy) {
  source::SourceSet sources;
  diagnostics::Sink sink;
  const uint32_t file = sources.AddText("policy.writ", policy).value();
  const std::string dump = stage.run(sources, file, sink);
  const std::vector<diagnostics::Diagnostic> all = sink.Take();
  Outcome out;
  out.has_errors = sink.has_errors();
  const std::vector<absl::string_view> lines = absl::StrSplit(policy, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i + 1 < lines.size()) absl::StrAppend(&out.text, lines[i], "\n");
    for (const diagnostics::Diagnostic& diagnostic : all) {
      const bool elsewhere = diagnostic.span.file != file;  // of the standard library: told at the top
      if (elsewhere ? i > 0 : sources.At(file, diagnostic.span.begin).line != i + 1) continue;
      absl::StrAppend(&out.text, Expectation(sources, diagnostic));
      out.expects_something = true;
    }
  }
  if (out.has_errors) return out;
  if (dump.empty()) return out;
  absl::StrAppend(&out.text, "\n", kDump, "\n");
  for (absl::string_view line : absl::StrSplit(dump, '\n')) {
    if (line.empty()) continue;
    absl::StrAppend(&out.text, "// ", line, "\n");
    out.expects_something = true;
  }
  return out;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<fs::path> FilesOf(const Stage& stage) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(fs::path(kFolder) / stage.folder)) {
    if (entry.path().extension() == ".writ") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

class GoldenTest : public testing::Test {
 public:
  GoldenTest(const Stage& stage, fs::path path) : stage_(stage), path_(std::move(path)) {}
  void TestBody() override {
    const std::string text = ReadFile(path_);
    const Outcome outcome = Check(stage_, Policy(text));
    EXPECT_TRUE(outcome.expects_something) << "a golden file expects something";
    EXPECT_EQ(outcome.has_errors, absl::StartsWith(path_.filename().string(), "fail_"))
        << "`fail_` stands for an error";
    EXPECT_EQ(outcome.text, text);
  }

 private:
  const Stage& stage_;
  const fs::path path_;
};

void Register() {
  for (const Stage& stage : Stages()) {
    for (const fs::path& path : FilesOf(stage)) {
      testing::RegisterTest(stage.folder, path.stem().c_str(), nullptr, nullptr, path.c_str(), 1,
                            [&stage, path]() -> testing::Test* { return new GoldenTest(stage, path); });
    }
  }
}

int Update() {
  for (const Stage& stage : Stages()) {
    for (const fs::path& path : FilesOf(stage)) {
      const std::string before = ReadFile(path);
      const std::string after = Check(stage, Policy(before)).text;
      if (after == before) continue;
      std::ofstream(path, std::ios::binary) << after;
      std::cout << path.string() << "\n";
    }
  }
  return 0;
}

}  // namespace
}  // namespace writ::golden

int main(int argc, char** argv) {
  if (!std::filesystem::is_directory(writ::golden::kFolder)) {
    std::cerr << "golden_test runs from the project's root\n";
    return 2;
  }
  if (argc > 1 && std::strcmp(argv[1], "--update") == 0) return writ::golden::Update();
  testing::InitGoogleTest(&argc, argv);
  writ::golden::Register();
  return RUN_ALL_TESTS();
}
