#include "compiler/format/format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "compiler/ast/dump.h"
#include "compiler/format/tokens.h"
#include "compiler/parse/parse.h"

namespace writ::format {
namespace {

namespace fs = std::filesystem;

struct Formatted {
  std::string tree, text;
};

// The tree of a text and the text in its canonical layout; nothing where the parser has something to say.
std::optional<Formatted> Laid(const std::string& text) {
  source::SourceSet sources;
  const absl::StatusOr<uint32_t> file = sources.AddText("x.writ", text);
  if (!file.ok()) return std::nullopt;
  diagnostics::Sink sink;
  const ast::File tree = parse::Parse(sources, *file, sink);
  if (!sink.Take().empty()) return std::nullopt;
  return Formatted{ast::Dump(tree), Format(tree, sources.text(*file))};
}

// Every word, sign and comment in order, where each comment stands with it; without the commas that may go.
std::string Words(const std::string& text) {
  std::string out;
  for (const Token& token : ReadTokens(text)) {
    for (const Comment& comment : token.above) absl::StrAppend(&out, "above ", comment.text, "\n");
    if (token.text != ",") absl::StrAppend(&out, std::string(token.text), "\n");
    for (const std::string& comment : token.behind) absl::StrAppend(&out, "behind ", comment, "\n");
  }
  return out;
}

// What holds of every text that the parser takes: its tree and its comments stay, and formatting it again changes
// nothing.
void ExpectCanonical(const std::string& text, const std::string& what) {
  const std::optional<Formatted> once = Laid(text);
  ASSERT_TRUE(once.has_value()) << what;
  const std::optional<Formatted> twice = Laid(once->text);
  ASSERT_TRUE(twice.has_value()) << what << "\n" << text << "\nbecomes what does not parse:\n" << once->text;
  EXPECT_EQ(once->tree, twice->tree) << what << "\n" << once->text;
  EXPECT_EQ(Words(text), Words(once->text)) << what << "\n" << text << "\nbecomes\n" << once->text;
  EXPECT_EQ(once->text, twice->text) << what << "\n" << text;
}

std::string Read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// Every policy in the tree: files, and whole policies in the docs.
std::vector<std::pair<std::string, std::string>> Policies() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const char* folder : {"examples", "stdlib", "tests", "docs"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
      const std::string path = entry.path().string();
      if (absl::EndsWith(path, ".writ")) out.emplace_back(path, Read(path));
      if (!absl::EndsWith(path, ".md")) continue;
      const std::vector<std::string> parts = absl::StrSplit(Read(path), "```");
      for (size_t i = 1; i < parts.size(); i += 2) {
        if (absl::StartsWith(parts[i], "writ\n")) out.emplace_back(absl::StrCat(path, " #", i), parts[i].substr(5));
      }
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

TEST(Format, EveryPolicyInTheTreeKeepsItsTreeAndItsComments) {
  size_t count = 0;
  for (const auto& [path, text] : Policies()) {
    if (!Laid(text).has_value()) continue;
    ExpectCanonical(text, path);
    ++count;
  }
  EXPECT_GT(count, 400u);
}

TEST(Format, WhiteSpaceBehindDocumentationGoes) {
  const std::string text = "\xEF\xBB\xBF/// Doc \t\r\n///  \r\ndomain d\r\n\r\n\r\n// end";
  ExpectCanonical(text, "documentation");
  EXPECT_EQ(Laid(text)->text, "/// Doc\n///\ndomain d\n\n// end\n");
}

// ---------------------------------------------------------------- the same words in another layout

// What may stand between two tokens; `number` counts comments, so that each is another.
std::string Between(std::mt19937_64& random, int* number) {
  switch (random() % 12) {
    case 0: return "\n";
    case 1: return "\n\n\n   ";
    case 2: return absl::StrCat(" // c", (*number)++, "  \n");
    case 3: return absl::StrCat("\n// c", (*number)++, "\n");
    case 4: return absl::StrCat("\n\n  // c", *number, "\n// d", *number, "\n\n");
    case 5: return "\r\n\t";
    default: return " ";
  }
}

std::string Relaid(const std::string& text, std::mt19937_64& random, uint64_t one_in) {
  std::string out;
  int number = 0;
  size_t last = 0;
  const std::vector<Token> tokens = ReadTokens(text);
  for (size_t i = 0; i < tokens.size(); ++i) {
    const size_t begin = tokens[i].begin;
    const std::string gap = text.substr(last, begin - last);
    const bool empty = gap.find_first_not_of(" \n\r\t") == std::string::npos;
    const bool relaid = i > 0 && empty && random() % one_in == 0;
    absl::StrAppend(&out, relaid ? Between(random, &number) : gap, std::string(tokens[i].text));
    last = begin + tokens[i].text.size();
  }
  return out + text.substr(last);
}

TEST(Format, WhateverTheLayoutWasTreeAndCommentsStay) {
  std::mt19937_64 random(7);
  size_t count = 0, tried = 0;
  for (const auto& [path, text] : Policies()) {
    const std::optional<Formatted> original = Laid(text);
    if (!original.has_value()) continue;
    for (const uint64_t one_in : {2, 10, 60}) {
      const std::string relaid = Relaid(text, random, one_in);
      const std::optional<Formatted> other = Laid(relaid);
      ++tried;
      // A break may make a declaration's word of a name, and no currency of three letters: that is another text.
      if (!other.has_value() || other->tree != original->tree) continue;
      ExpectCanonical(relaid, path);
      if (HasFailure()) return;
      ++count;
    }
  }
  EXPECT_GT(count * 10, tried * 5) << count << " of " << tried;
}

// ---------------------------------------------------------------- what is too long

class Expressions {
 public:
  explicit Expressions(uint64_t seed) : random_(seed) {}

  std::string Make(int depth) {
    if (depth == 0) return Leaf();
    switch (random_() % 12) {
      case 0: return absl::StrCat("if ", Guard(depth - 1), " then ", Make(depth - 1), " else ", Make(depth - 1));
      case 1: return absl::StrCat("round_down(", Sum(depth - 1), ", ", Leaf(), ")");
      case 2: return absl::StrCat("{ alpha: ", Make(depth - 1), "  beta: ", Make(depth - 1), "  gamma: ", Leaf(), " }");
      case 3: return absl::StrCat("[", Make(depth - 1), ", ", Make(depth - 1), ", ", Make(depth - 1), "]");
      case 4: return absl::StrCat("{", Leaf(), ", ", Leaf(), ", ", Leaf(), "}");
      case 5: return absl::StrCat("any(", Guard(depth - 1), " for x in ", Leaf(), " where ", Guard(depth - 1), ")");
      case 6: return absl::StrCat("sum(", Sum(depth - 1), " for pay within 30d)");
      case 7: return Sum(depth);
      default: return Guard(depth);
    }
  }

 private:
  std::string Leaf() {
    static constexpr const char* kLeaves[] = {
        "a",   "customer.credit_score", "2.4M USD",  "38%", "\"some text\"", "before.x.y", "list[key].amount",
        "24h", "1_000",                 "max(a, b)", "-3",  "has_not",       "this",       "set < 3",
        "age(last(submit))"};
    return kLeaves[random_() % std::size(kLeaves)];
  }
  std::string Operand() {
    std::string leaf = Leaf();
    return absl::StrContains(leaf, "<") ? absl::StrCat("(", leaf, ")") : leaf;
  }
  std::string Sum(int depth) {
    std::string out = Operand();
    for (uint64_t i = random_() % 4; i > 0; --i) {
      static constexpr const char* kOperators[] = {" + ", " - ", " * ", " ?? "};
      const bool deeper = depth > 0 && random_() % 2 == 0;
      absl::StrAppend(&out, kOperators[random_() % 4], deeper ? absl::StrCat("(", Make(depth - 1), ")") : Operand());
    }
    return out;
  }
  std::string Guard(int depth) {
    if (depth == 0) return absl::StrCat(Operand(), random_() % 2 == 0 ? " == " : " >= ", Operand());
    const char* const joined = random_() % 2 == 0 ? " and " : " or ";
    std::string out = random_() % 4 == 0 ? "not " : "";
    absl::StrAppend(&out, "(", Make(depth - 1), ")");
    for (uint64_t i = random_() % 4; i > 0; --i) absl::StrAppend(&out, joined, "(", Guard(depth - 1), ")");
    return out;
  }

  std::mt19937_64 random_;
};

TEST(Format, LongExpressionsAreBrokenAndStay) {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    Expressions expressions(seed);
    const std::string expr = expressions.Make(1 + static_cast<int>(seed % 5));
    const std::string text =
        absl::StrCat("def name(a: int in 0..9) -> bool = ", expr, "\nrule r in d\n  deny go on W\n  when ", expr,
                     "\n  unless ", expr, "\ntest \"t\" {\n  go by R { x: ", expr, "  y: ", expr, " }\n  expect ",
                     expr, "\n}\n");
    if (!Laid(text).has_value()) continue;
    ExpectCanonical(text, absl::StrCat("seed ", seed));
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace writ::format
