#include "compiler/pattern/pattern.h"

#include <regex>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compiler/ir/arithmetic.h"
#include "gtest/gtest.h"

namespace writ::pattern {
namespace {

bool Match(Kind kind, std::string_view pattern, std::string_view text) {
  const Compiled compiled = Compile(kind, pattern);
  EXPECT_TRUE(compiled.automaton.has_value()) << pattern << ": " << compiled.fault.what;
  return compiled.automaton.has_value() && ir::Matches(*compiled.automaton, text);
}

struct Row {
  const char* pattern;
  std::vector<const char*> yes, no;
};
void ExpectRows(Kind kind, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    for (const char* text : row.yes) EXPECT_TRUE(Match(kind, row.pattern, text)) << row.pattern << " and " << text;
    for (const char* text : row.no) EXPECT_FALSE(Match(kind, row.pattern, text)) << row.pattern << " and " << text;
  }
}

TEST(Pattern, Like) {
  ExpectRows(Kind::kLike, {{"", {""}, {"a"}},
                           {"a", {"a"}, {"", "aa", "b"}},
                           {"*", {"", "a", "üb\n"}, {}},
                           {"prod-*", {"prod-", "prod-eu-1"}, {"prod", "xprod-1"}},
                           {"*-?x", {"-ax", "a-b-cx", "-üx", "-\xF0\x9F\x98\x80x"}, {"-x", "-abx", "-ax "}},
                           {"a\\*b", {"a*b"}, {"axb"}},
                           {"a\\\\?", {"a\\b"}, {"ab", "a\\"}},
                           {"(a|b).[c]", {"(a|b).[c]"}, {"axc"}},
                           {"é?", {"éé", "éa"}, {"é", "e"}}});
}

TEST(Pattern, Matches) {
  ExpectRows(Kind::kMatches,
             {{"", {""}, {"a"}},
              {"a|b|", {"a", "b", ""}, {"ab", "c"}},
              {"ab*c", {"ac", "abbbc"}, {"abb", "xac", "acx"}},
              {"(ab)+", {"ab", "abab"}, {"", "aba"}},
              {"(?:a|bc)?d", {"d", "ad", "bcd"}, {"bd", "abcd"}},
              {"a{3}", {"aaa"}, {"aa", "aaaa"}},
              {"a{2,}", {"aa", "aaaaaa"}, {"a"}},
              {"(ab){0,2}c", {"c", "abc", "ababc"}, {"abababc", "ac"}},
              {"a{0}b", {"b"}, {"ab"}},
              {"[A-Z]{2}\\d{3}", {"LH400"}, {"lh400", "LH40", "LH4000"}},
              {"[^a-c]", {"d", "ü", "\n"}, {"a", "b", "", "dd"}},
              {"[]a-]+", {"]", "-a]"}, {"b", ""}},
              {"[\\d.]+", {"1.5"}, {"1,5"}},
              {".", {"x", "ü", "€", "\xF0\x9F\x98\x80", "\n"}, {"", "xx", "\xC3"}},
              {"\\w+@\\w+\\.\\w+", {"a@b.ch"}, {"a@b", "a b@c.d"}},
              {"\\S+\\s\\D", {"a b", "ab\tc"}, {"ab", "a 1"}},
              {"\\x41\\x{1F600}", {"A\xF0\x9F\x98\x80"}, {"A"}},
              {"[à-ý]+", {"éèü"}, {"e", "\xC3"}},
              {"[\\x{7F0}-\\x{10400}]", {"\xDF\xB0", "\xDF\xBF", "\xE0\xA0\x80", "\xEF\xBF\xBD", "\xF0\x90\x90\x80"},
               {"\xDF\xAF", "\xF0\x90\x90\x81", "\xED\xA0\x80"}},
              {"\\(\\)\\[\\]\\{\\}\\|\\*\\+\\?\\.\\^\\$\\\\", {"()[]{}|*+?.^$\\"}, {""}}});
}

// Every string of up to five letters, against the library's regular expressions.
TEST(Pattern, AgreesWithTheStandardLibrary) {
  const char* const patterns[] = {"(a|b)*abb", "a?b?c?", "[ab]c|(ca)+", "(a(b|c)*)*", "((a|b)(c|a)){1,2}", "[^a]*a[^b]",
                                  "a{2,3}b{0,1}", "(ab|a)(bc|c)?", ".b.", "(a*)*", "(a|ab)(c|bcc)*"};
  for (const char* pattern : patterns) {
    const std::regex expected(pattern);
    const Compiled compiled = Compile(Kind::kMatches, pattern);
    ASSERT_TRUE(compiled.automaton.has_value()) << pattern;
    std::vector<std::string> texts = {""};
    for (size_t i = 0; i < texts.size(); ++i) {
      const std::string text = texts[i];
      EXPECT_EQ(ir::Matches(*compiled.automaton, text), std::regex_match(text, expected)) << pattern << " and " << text;
      for (const char c : {'a', 'b', 'c'}) {
        if (text.size() < 5) texts.push_back(text + c);
      }
    }
  }
}

TEST(Pattern, EqualLanguagesAreOneAutomaton) {
  const auto automaton = [](Kind kind, const char* pattern) { return *Compile(kind, pattern).automaton; };
  EXPECT_EQ(automaton(Kind::kMatches, "(a|b)*"), automaton(Kind::kMatches, "([b]|a*)*"));
  EXPECT_EQ(automaton(Kind::kMatches, "aa*|a{5}"), automaton(Kind::kMatches, "a+"));
  EXPECT_EQ(automaton(Kind::kMatches, "x\\.y"), automaton(Kind::kLike, "x.y"));
  EXPECT_EQ(automaton(Kind::kMatches, "a+").accepts.size(), 3u);
  EXPECT_EQ(automaton(Kind::kMatches, "a+").class_count, 2u);
}

TEST(Pattern, FaultsHavePlaces) {
  struct Wrong {
    Kind kind;
    const char* pattern;
    size_t begin, end;
    const char* what;
  };
  for (const Wrong& wrong : std::vector<Wrong>{{Kind::kLike, "ab\\", 2, 3, "nothing follows"},
                                               {Kind::kMatches, "ab\\", 2, 3, "nothing follows"},
                                               {Kind::kMatches, "a(b", 1, 2, "not closed"},
                                               {Kind::kMatches, "a)b", 1, 2, "closes nothing"},
                                               {Kind::kMatches, "a[b", 1, 2, "not closed"},
                                               {Kind::kMatches, "*a", 0, 1, "nothing stands before `*`"},
                                               {Kind::kMatches, "a|+b", 2, 3, "nothing stands before `+`"},
                                               {Kind::kMatches, "a**", 1, 2, "repeated twice"},
                                               {Kind::kMatches, "a+?", 1, 2, "repeated twice"},
                                               {Kind::kMatches, "a{3,2}", 1, 5, "counts nothing"},
                                               {Kind::kMatches, "a{x}", 1, 2, "counts nothing"},
                                               {Kind::kMatches, "^a", 0, 1, "leave `^` out"},
                                               {Kind::kMatches, "a$", 1, 2, "leave `$` out"},
                                               {Kind::kMatches, "(?i)a", 0, 2, "a group is"},
                                               {Kind::kMatches, "(a)\\1", 3, 5, "means nothing after"},
                                               {Kind::kMatches, "\\bx", 0, 2, "means nothing after"},
                                               {Kind::kMatches, "[z-a]", 1, 4, "smaller character first"},
                                               {Kind::kMatches, "[[:alpha:]]", 1, 3, "not told by name"},
                                               {Kind::kMatches, "\\x4", 0, 3, "no character"},
                                               {Kind::kMatches, "\\x{110000}", 0, 10, "no character"}}) {
    const Compiled compiled = Compile(wrong.kind, wrong.pattern);
    EXPECT_FALSE(compiled.automaton.has_value()) << wrong.pattern;
    EXPECT_EQ(compiled.fault.begin, wrong.begin) << wrong.pattern;
    EXPECT_EQ(compiled.fault.end, wrong.end) << wrong.pattern;
    EXPECT_NE(compiled.fault.what.find(wrong.what), std::string::npos) << wrong.pattern << ": " << compiled.fault.what;
    EXPECT_FALSE(compiled.fault.too_large);
  }
}

TEST(Pattern, WhatIsTooLargeIsRefused) {
  for (const char* pattern : {"(a|b)*a(a|b){12}", "((a{100}){100}){100}", "a{1000}b{1000}", ".{1000}", "(.*a){999}b"}) {
    const Compiled compiled = Compile(Kind::kMatches, pattern);
    EXPECT_FALSE(compiled.automaton.has_value()) << pattern;
    EXPECT_TRUE(compiled.fault.too_large) << pattern;
  }
  EXPECT_TRUE(Compile(Kind::kMatches, "a{1000}").automaton.has_value());
  EXPECT_TRUE(Compile(Kind::kMatches, "(a|b)*a(a|b){8}").automaton.has_value());
  const std::string deep = std::string(100'000, '(');
  EXPECT_FALSE(Compile(Kind::kMatches, deep).automaton.has_value());
}

// Any bytes at all give an automaton or a fault.
TEST(Pattern, NothingCrashes) {
  uint64_t state = 7;
  const auto next = [&state] { return state = state * 6364136223846793005u + 1442695040888963407u, state >> 33; };
  static constexpr char kSigns[] = "ab()[]{}|*+?.\\^$-,01:xdw\xC3\xA9";
  for (int i = 0; i < 20'000; ++i) {
    std::string pattern;
    for (uint64_t left = next() % 12; left > 0; --left) pattern += kSigns[next() % (sizeof kSigns - 1)];
    for (const Kind kind : {Kind::kLike, Kind::kMatches}) {
      const Compiled compiled = Compile(kind, pattern);
      if (compiled.automaton.has_value()) continue;
      EXPECT_TRUE(compiled.fault.too_large || !compiled.fault.what.empty()) << pattern;
      EXPECT_LE(compiled.fault.begin, pattern.size()) << pattern;
    }
  }
}

}  // namespace
}  // namespace writ::pattern
