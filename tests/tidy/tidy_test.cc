// Reads the tree: who includes whom, what a folder is made of, what a line may look like, and whether the docs are
// true.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "compiler/driver/pipeline.h"
#include "compiler/test/policy_test.h"

namespace writ::tidy {
namespace {

namespace fs = std::filesystem;

constexpr size_t kWidthMax = 140;

struct Text {
  std::string path;
  std::vector<std::string> lines;
  std::string whole;
};
using Findings = std::vector<std::string>;

std::string At(const Text& text, size_t line) { return absl::StrCat(text.path, ":", line + 1, ": "); }

bool IsCode(const std::string& path) { return absl::EndsWith(path, ".h") || absl::EndsWith(path, ".cc"); }
bool IsBinary(const std::string& path) { return absl::EndsWith(path, ".gz") || absl::StrContains(path, "/seeds/"); }

Text MakeText(std::string path, std::string whole) {
  std::vector<std::string> lines = absl::StrSplit(whole, '\n');
  return {std::move(path), std::move(lines), std::move(whole)};
}

// All of the project but what is built or kept by others.
std::vector<Text> Tree() {
  std::vector<Text> texts;
  for (auto it = fs::recursive_directory_iterator("."); it != fs::recursive_directory_iterator(); ++it) {
    const std::string name = it->path().filename().string();
    const bool skipped = name == "build" || name == ".git" || name == ".cache" || name == ".idea" || name == ".vscode";
    if (it->is_directory() && skipped) it.disable_recursion_pending();
    if (!it->is_regular_file()) continue;
    const std::string path = it->path().lexically_normal().string();
    std::ifstream stream(path, std::ios::binary);
    texts.push_back(MakeText(path, {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()}));
  }
  std::sort(texts.begin(), texts.end(), [](const Text& a, const Text& b) { return a.path < b.path; });
  return texts;
}

const std::vector<Text>& TheTree() {
  static const std::vector<Text>* const kTree = new std::vector<Text>(Tree());
  return *kTree;
}

std::string FolderOf(const std::string& path) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  return parts.size() > 2 ? absl::StrCat(parts[0], "/", parts[1]) : parts[0];
}

// ---------------------------------------------------------------- arrows

// Tests of runtime/ may look at whole policies.
bool IsTest(const std::string& path) {
  return absl::EndsWith(path, "_test.cc") || absl::StrContains(path, "/tests/") || absl::StartsWith(path, "tests/");
}

struct Foreign {
  const char* header;
  const char* folder;
};
constexpr Foreign kForeign[] = {
    {"antlr4", "compiler/parse"},  {"Writ", "compiler/parse"},       {"llvm/", "compiler/native"},
    {"z3", "compiler/smt"},        {"CLI/", "compiler/driver"},      {"sqlite3.h", "runtime/store"},
    {"expat.h", "runtime/replay"}, {"simdjson.h", "runtime/replay"}, {"zlib.h", "runtime/replay"},
};

// What compiler/ may see of runtime/: interfaces of values, frames and decisions. driver/ and test/ run whole policies.
bool CompilerMaySee(const std::string& folder, const std::string& included) {
  if (folder == "compiler/driver" || folder == "compiler/test") return true;
  const std::string seen = FolderOf(included);
  return seen == "runtime/frame" || seen == "runtime/decision" || seen == "runtime/builtins" ||
         included == "runtime/store/value.h";
}

Findings Arrows(const std::vector<Text>& tree) {
  Findings findings;
  const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  for (const Text& text : tree) {
    if (!IsCode(text.path) || IsTest(text.path)) continue;
    const std::string folder = FolderOf(text.path);
    for (size_t i = 0; i < text.lines.size(); ++i) {
      std::smatch match;
      if (!std::regex_search(text.lines[i], match, include)) continue;
      const std::string included = match[2];
      if (absl::StartsWith(folder, "runtime/") && absl::StartsWith(included, "compiler/")) {
        findings.push_back(absl::StrCat(At(text, i), "runtime/ never includes compiler/: ", included));
      }
      if (absl::StartsWith(folder, "compiler/") && absl::StartsWith(included, "runtime/") &&
          !CompilerMaySee(folder, included)) {
        findings.push_back(absl::StrCat(At(text, i), folder, " may not see ", included));
      }
      if (folder == "compiler/diagnostics" && absl::StartsWith(included, "compiler/") && FolderOf(included) != folder &&
          FolderOf(included) != "compiler/source" && FolderOf(included) != "compiler/ast") {
        findings.push_back(absl::StrCat(At(text, i), "diagnostics knows sources and spans only: ", included));
      }
      for (const Foreign& foreign : kForeign) {
        if (absl::StartsWith(included, foreign.header) && folder != foreign.folder) {
          findings.push_back(absl::StrCat(At(text, i), "only ", foreign.folder, " sees ", included));
        }
      }
    }
  }
  return findings;
}

// Each folder is a target of its own name, with its sources named, and no source is left over.
Findings Targets(const std::vector<Text>& tree) {
  Findings findings;
  std::map<std::string, const Text*> makes;
  for (const Text& text : tree) {
    if (absl::EndsWith(text.path, "/CMakeLists.txt")) makes[text.path.substr(0, text.path.rfind('/'))] = &text;
  }
  for (const Text& text : tree) {
    if (!absl::EndsWith(text.path, ".cc") ||
        (!absl::StartsWith(text.path, "compiler/") && !absl::StartsWith(text.path, "runtime/")))
      continue;
    const std::string folder = FolderOf(text.path);
    const auto make = makes.find(folder);
    if (make == makes.end()) {
      findings.push_back(absl::StrCat(text.path, ": its folder has no CMakeLists.txt"));
      continue;
    }
    if (!absl::StrContains(make->second->whole, text.path.substr(folder.size() + 1))) {
      findings.push_back(absl::StrCat(text.path, ": no target of ", folder, " names it"));
    }
    const bool of_policy_tests = folder == "compiler/test";
    const std::string name =
        absl::StrCat("writ_", of_policy_tests ? "policy_test" : folder.substr(folder.find('/') + 1));
    if (!absl::StrContains(make->second->whole, absl::StrCat("library(", name))) {
      findings.push_back(absl::StrCat(folder, ": there is no target ", name));
    }
  }
  return findings;
}

// ---------------------------------------------------------------- lines

Findings Lines(const std::vector<Text>& tree) {
  Findings findings;
  // Put together here, so that this file does not say them.
  const std::string todo = absl::StrCat("TO", "DO"), fixme = absl::StrCat("FIX", "ME"), xxx = absl::StrCat("XX", "X");
  const std::vector<std::string> machine = {absl::StrCat("/work", "/"), absl::StrCat("/home", "/"),
                                            absl::StrCat("/root", "/"), absl::StrCat("/tmp", "/build"),
                                            absl::StrCat("/Users", "/")};
  for (const Text& text : tree) {
    if (IsBinary(text.path)) continue;
    const bool golden = absl::StartsWith(text.path, "tests/golden/") || absl::StartsWith(text.path, "tests/replay/");
    for (size_t i = 0; i < text.lines.size(); ++i) {
      const std::string& line = text.lines[i];
      for (const std::string& word : {todo, fixme}) {
        if (absl::StrContains(line, word)) findings.push_back(absl::StrCat(At(text, i), word));
      }
      if (absl::StrContains(line, absl::StrCat(xxx, ":"))) findings.push_back(absl::StrCat(At(text, i), xxx));
      for (const std::string& path : machine) {
        if (absl::StrContains(line, path))
          findings.push_back(absl::StrCat(At(text, i), "names a place on one machine: ", path));
      }
      if (!IsCode(text.path)) continue;
      const size_t width = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
      if (width > kWidthMax && !golden) findings.push_back(absl::StrCat(At(text, i), width, " wide"));
      if (absl::StrContains(line, "\t")) findings.push_back(absl::StrCat(At(text, i), "a tab"));
      if (absl::EndsWith(line, " ")) findings.push_back(absl::StrCat(At(text, i), "a blank at its end"));
    }
  }
  return findings;
}

// ---------------------------------------------------------------- docs

bool HasPolicies(const std::string& path) {
  return path == "README.md" || absl::StartsWith(path, "docs/language/") || absl::StartsWith(path, "docs/tour/") ||
         absl::StartsWith(path, "docs/guide/") || absl::StartsWith(path, "docs/library/");
}

// The fenced ```writ blocks of a page that begin a package, with the line of their fence.
std::vector<std::pair<size_t, std::string>> Policies(const Text& text) {
  std::vector<std::pair<size_t, std::string>> blocks;
  bool inside = false;
  for (size_t i = 0; i < text.lines.size(); ++i) {
    if (inside && absl::StartsWith(text.lines[i], "```"))
      inside = false;
    else if (inside)
      absl::StrAppend(&blocks.back().second, text.lines[i], "\n");
    else if (text.lines[i] == "```writ")
      inside = true, blocks.push_back({i, ""});
  }
  std::erase_if(blocks, [](const auto& block) {
    for (absl::string_view line : absl::StrSplit(block.second, '\n')) {
      if (line.empty() || absl::StartsWith(line, "//")) continue;
      return !absl::StartsWith(line, "package ");
    }
    return true;
  });
  return blocks;
}

Findings PoliciesOfDocs(const std::vector<Text>& tree, int* count) {
  Findings findings;
  for (const Text& text : tree) {
    if (!absl::EndsWith(text.path, ".md") || !HasPolicies(text.path)) continue;
    for (const auto& [line, policy] : Policies(text)) {
      ++*count;
      const auto compiled = driver::CompileTexts({{text.path, policy}}, driver::Stage::kLower);
      const bool fine = compiled->ok();
      for (const diagnostics::Diagnostic& diagnostic : compiled->diagnostics.Take()) {
        if (diagnostic.severity == diagnostics::Severity::kNote) continue;
        const auto at = compiled->sources.At(diagnostic.span.file, diagnostic.span.begin);
        findings.push_back(absl::StrCat(At(text, line + at.line), diagnostic.code, ": ", diagnostic.message));
      }
      if (!fine) continue;
      const auto runnable = driver::MakePolicy(*compiled, /*interpret=*/true);
      policy_test::Options options;
      options.skip_missing = true;
      for (const policy_test::Result& result :
           policy_test::RunTests(compiled->typed, compiled->sources, runnable->get(), options)) {
        if (result.verdict == policy_test::Verdict::kFailed) {
          findings.push_back(absl::StrCat(At(text, line + result.line), policy_test::ToText(result, false)));
        }
      }
    }
  }
  return findings;
}

// What a heading is called in a link to it.
std::string Anchor(absl::string_view heading) {
  std::string anchor;
  for (char c : heading) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_')
      anchor.push_back(absl::ascii_tolower(c));
    else if (c == ' ')
      anchor.push_back('-');
  }
  return anchor;
}

Findings Links(const std::vector<Text>& tree, int* count) {
  Findings findings;
  std::set<std::string> paths, anchors;
  for (const Text& text : tree) {
    for (fs::path path = text.path; !path.empty(); path = path.parent_path()) paths.insert(path.string());
    if (!absl::EndsWith(text.path, ".md")) continue;
    for (const std::string& line : text.lines) {
      const size_t level = line.find_first_not_of('#');
      if (level == 0 || level == std::string::npos || level > 6 || line[level] != ' ') continue;
      anchors.insert(absl::StrCat(text.path, "#", Anchor(absl::string_view(line).substr(level + 1))));
    }
  }
  const std::regex link(R"re(\]\(([^)\s]+)\))re");
  for (const Text& text : tree) {
    if (!absl::EndsWith(text.path, ".md")) continue;
    bool fenced = false;
    for (size_t i = 0; i < text.lines.size(); ++i) {
      if (absl::StartsWith(text.lines[i], "```")) fenced = !fenced;
      if (fenced) continue;
      for (std::sregex_iterator it(text.lines[i].begin(), text.lines[i].end(), link), end; it != end; ++it) {
        const std::string target = (*it)[1];
        if (absl::StrContains(target, "://") || absl::StartsWith(target, "mailto:")) continue;
        ++*count;
        const size_t hash = target.find('#');
        const std::string file = target.substr(0, hash);
        std::string path =
            file.empty() ? text.path : (fs::path(text.path).parent_path() / file).lexically_normal().string();
        while (absl::EndsWith(path, "/")) path.pop_back();
        if (!paths.contains(path))
          findings.push_back(absl::StrCat(At(text, i), "there is no ", target));
        else if (hash != std::string::npos && !anchors.contains(absl::StrCat(path, target.substr(hash)))) {
          findings.push_back(absl::StrCat(At(text, i), "there is no heading ", target));
        }
      }
    }
  }
  return findings;
}

// ---------------------------------------------------------------- the tree

#define EXPECT_NONE(findings) EXPECT_TRUE((findings).empty()) << absl::StrJoin(findings, "\n")

TEST(Tidy, Arrows) { EXPECT_NONE(Arrows(TheTree())); }
TEST(Tidy, Targets) { EXPECT_NONE(Targets(TheTree())); }
TEST(Tidy, Lines) { EXPECT_NONE(Lines(TheTree())); }
TEST(Tidy, PoliciesOfDocs) {
  int count = 0;
  EXPECT_NONE(PoliciesOfDocs(TheTree(), &count));
  EXPECT_GT(count, 0) << "no page shows a policy";
}
TEST(Tidy, Links) {
  int count = 0;
  EXPECT_NONE(Links(TheTree(), &count));
  EXPECT_GT(count, 0);
}
TEST(Tidy, EveryDiagnosticHasItsPage) {
  const std::regex row(R"re(^\s*WRIT_DIAGNOSTIC\(\w+,\s*([EWN]\d{4}))re");
  std::set<std::string> paths;
  for (const Text& text : TheTree()) paths.insert(text.path);
  int count = 0;
  for (const Text& text : TheTree()) {
    if (text.path != "compiler/diagnostics/diagnostics.def") continue;
    for (const std::string& line : text.lines) {
      std::smatch match;
      if (!std::regex_search(line, match, row)) continue;
      ++count;
      EXPECT_TRUE(paths.contains(absl::StrCat("docs/diagnostics/", match[1].str(), ".md"))) << match[1];
    }
  }
  EXPECT_GT(count, 50);
}

// ---------------------------------------------------------------- faults that were planted

std::vector<Text> Planted(const std::string& path, const std::string& whole) { return {MakeText(path, whole)}; }

TEST(Planted, Arrows) {
  EXPECT_EQ(Arrows(Planted("runtime/frame/a.cc", "#include \"compiler/ir/ir.h\"\n")).size(), 1u);
  EXPECT_EQ(Arrows(Planted("compiler/lower/a.cc", "#include \"runtime/orchestrator/orchestrator.h\"\n")).size(), 1u);
  EXPECT_EQ(Arrows(Planted("compiler/lower/a.cc", "#include \"runtime/store/store.h\"\n")).size(), 1u);
  EXPECT_EQ(Arrows(Planted("compiler/lower/a.cc", "#include \"runtime/store/value.h\"\n")).size(), 0u);
  EXPECT_EQ(Arrows(Planted("compiler/check/a.cc", "#include <antlr4-runtime.h>\n")).size(), 1u);
  EXPECT_EQ(Arrows(Planted("compiler/check/a.cc", "#  include \"WritParser.h\"\n")).size(), 1u);
  EXPECT_EQ(Arrows(Planted("compiler/eval/a.h", "#include <llvm/IR/Value.h>\n")).size(), 1u);
  EXPECT_EQ(Arrows(Planted("compiler/eval/a.h", "#include <z3++.h>\n")).size(), 1u);
  EXPECT_EQ(Arrows(Planted("compiler/diagnostics/a.h", "#include \"compiler/check/check.h\"\n")).size(), 1u);
}

TEST(Planted, Targets) {
  std::vector<Text> tree = Planted("compiler/eval/left_over.cc", "");
  EXPECT_EQ(Targets(tree).size(), 1u);
  tree.push_back(MakeText("compiler/eval/CMakeLists.txt", "writ_library(writ_eval SOURCES other.cc)\n"));
  EXPECT_EQ(Targets(tree).size(), 1u);
  tree.back() = MakeText("compiler/eval/CMakeLists.txt", "writ_library(writ_other SOURCES left_over.cc)\n");
  EXPECT_EQ(Targets(tree).size(), 1u);
}

TEST(Planted, Lines) {
  EXPECT_EQ(Lines(Planted("a.md", absl::StrCat("TO", "DO: later\n"))).size(), 1u);
  EXPECT_EQ(Lines(Planted("a/b.cc", absl::StrCat("// FIX", "ME\n"))).size(), 1u);
  EXPECT_EQ(Lines(Planted("a/b.cc", std::string(kWidthMax + 1, 'x'))).size(), 1u);
  EXPECT_EQ(Lines(Planted("a/b.cc", "int x; \n")).size(), 1u);
  EXPECT_EQ(Lines(Planted("a/b.cc", "\tint x;\n")).size(), 1u);
  EXPECT_EQ(Lines(Planted("docs/a.md", absl::StrCat("see /home", "/me/x\n"))).size(), 1u);
}

TEST(Planted, Docs) {
  int count = 0;
  EXPECT_EQ(PoliciesOfDocs(Planted("docs/tour/a.md", "```writ\npackage a\nrule r in nowhere\n```\n"), &count).empty(),
            false);
  EXPECT_EQ(
      PoliciesOfDocs(Planted("docs/tour/a.md", "text\n```writ\npackage a\n```\n```writ\nrule r\n```\n"), &count).size(),
      0u);
  EXPECT_EQ(count, 2);
  constexpr char kFalse[] =
      "```writ\npackage a\ndomain d\nrole R in d\nworkflow W by id: string max 9 {\n  states s\n  open: -> s\n}\n"
      "test \"nobody may\" {\n  at 2026-03-02T09:00Z\n  open W w by R {}\n  expect state s\n}\n```\n";
  EXPECT_EQ(PoliciesOfDocs(Planted("docs/tour/a.md", kFalse), &count).empty(), false)
      << "its test fails: R has no authority";
  EXPECT_EQ(Links(Planted("docs/a.md", "[x](b.md) [y](#nowhere) [z](#here)\n# Here\n"), &count).size(), 2u);
}

}  // namespace
}  // namespace writ::tidy
