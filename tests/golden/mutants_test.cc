// Policies with a word lost, doubled, swapped or moved, at random from a fixed seed: whatever comes out, the compiler says
// what is wrong with it or takes it, and nothing of ours breaks.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/golden/stages.h"

namespace writ::golden {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMutants = 3'000;

std::string* current = nullptr;  // what is being compiled: told if the compiler breaks on it

void TellMutant(int signal) {
  static const char kHead[] = "\n---- the compiler broke on this policy:\n";
  if (write(STDERR_FILENO, kHead, sizeof(kHead) - 1) < 0 || write(STDERR_FILENO, current->data(), current->size()) < 0) {
    _exit(1);
  }
  ::signal(signal, SIG_DFL);
  raise(signal);
}

std::vector<std::string> Policies() {
  std::vector<fs::path> paths = {"examples/deal_desk/deal_desk.writ", "examples/expenses/expenses.writ"};
  for (const char* folder : {"tests/golden/check", "tests/golden/lower"}) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".writ") paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> policies;
  for (const fs::path& path : paths) {
    std::ifstream in(path, std::ios::binary);
    policies.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return policies;
}

bool IsWord(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Words, signs and the white space between them; joined they are the text again. Comments are left out.
std::vector<std::string> Tokens(const std::string& text) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    if (text.compare(i, 2, "//") == 0) {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    if (text[i] == '"') {
      end = std::min(text.find_first_of("\"\n", i + 1), text.size() - 1) + 1;
    } else if (IsWord(text[i])) {
      while (end < text.size() && IsWord(text[end])) ++end;
    } else if (absl::ascii_isspace(static_cast<unsigned char>(text[i]))) {
      while (end < text.size() && absl::ascii_isspace(static_cast<unsigned char>(text[end]))) ++end;
    }
    tokens.push_back(text.substr(i, end - i));
    i = end;
  }
  return tokens;
}

class Mutator {
 public:
  explicit Mutator(std::mt19937_64* random) : random_(*random) {}

  std::string Mutate(const std::string& text, const std::string& other) {
    std::string out = text;
    for (size_t edits = 1 + Below(2); edits > 0; --edits) out = Below(5) == 0 ? EditLine(out) : EditToken(out, other);
    return out;
  }

 private:
  size_t Below(size_t count) { return count == 0 ? 0 : random_() % count; }

  std::string EditLine(const std::string& text) {
    std::vector<std::string> lines = absl::StrSplit(text, '\n');
    const size_t at = Below(lines.size());
    switch (Below(3)) {
      case 0: lines.erase(lines.begin() + static_cast<ptrdiff_t>(at)); break;
      case 1: lines.insert(lines.begin() + static_cast<ptrdiff_t>(at), std::string(lines[at])); break;
      default: std::swap(lines[at], lines[Below(lines.size())]); break;
    }
    return absl::StrJoin(lines, "\n");
  }

  std::string EditToken(const std::string& text, const std::string& other) {
    std::vector<std::string> tokens = Tokens(text);
    const std::vector<std::string> foreign = Tokens(other);
    if (tokens.empty() || foreign.empty()) return text;
    const size_t at = Below(tokens.size());
    switch (Below(5)) {
      case 0: tokens.erase(tokens.begin() + static_cast<ptrdiff_t>(at)); break;
      case 1: std::swap(tokens[at], tokens[Below(tokens.size())]); break;
      case 2: tokens.insert(tokens.begin() + static_cast<ptrdiff_t>(at), std::string(tokens[Below(tokens.size())])); break;
      case 3: tokens[at] = tokens[Below(tokens.size())]; break;
      default: tokens[at] = foreign[Below(foreign.size())]; break;
    }
    return absl::StrJoin(tokens, "");
  }

  std::mt19937_64& random_;
};

TEST(Mutants, NeverBreakTheCompiler) {
  const std::vector<std::string> policies = Policies();
  ASSERT_GT(policies.size(), 100u);
  std::string mutant;
  current = &mutant;
  for (int fatal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL}) ::signal(fatal, &TellMutant);
  std::mt19937_64 random(20260302);
  Mutator mutator(&random);
  size_t fine = 0;
  for (size_t i = 0; i < kMutants; ++i) {
    const std::string& policy = policies[i % policies.size()];
    mutant = mutator.Mutate(policy, policies[random() % policies.size()]);
    const Compiled compiled = Compile(mutant);
    ASSERT_TRUE(compiled.faults.empty()) << absl::StrJoin(compiled.faults, "\n") << "\n" << mutant;
    for (const diagnostics::Diagnostic& diagnostic : compiled.diagnostics) {
      ASSERT_EQ(diagnostic.span.file, 0u) << diagnostic.code << " " << diagnostic.message << "\n" << mutant;
      ASSERT_LE(diagnostic.span.begin, diagnostic.span.end) << diagnostic.code << "\n" << mutant;
      ASSERT_LE(diagnostic.span.end, mutant.size()) << diagnostic.code << "\n" << mutant;
    }
    if (compiled.diagnostics.empty()) ++fine;
  }
  for (int fatal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL}) ::signal(fatal, SIG_DFL);
  EXPECT_GT(fine, 0u);          // some edits change nothing that matters
  EXPECT_LT(fine, kMutants / 2);  // and most do
}

}  // namespace
}  // namespace writ::golden
