// The grammar says one thing of every policy in the tree: ANTLR's exact ambiguity detection must find nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "WritLexer.h"
#include "WritParser.h"
#include "compiler/parse/tokens.h"

namespace writ::parse {
namespace {

class Collector : public antlr4::DiagnosticErrorListener {
 public:
  Collector() : DiagnosticErrorListener(true) {}
  void reportAmbiguity(antlr4::Parser* parser, const antlr4::dfa::DFA& dfa, size_t start, size_t stop, bool,
                       const antlrcpp::BitSet&, antlr4::atn::ATNConfigSet*) override {
    const size_t rule = parser->getATN().decisionToState[dfa.decision]->ruleIndex;
    const antlr4::misc::Interval interval(static_cast<ssize_t>(start), static_cast<ssize_t>(stop));
    found.push_back(parser->getRuleNames()[rule] + ": " + parser->getTokenStream()->getText(interval));
  }
  void reportAttemptingFullContext(antlr4::Parser*, const antlr4::dfa::DFA&, size_t, size_t, const antlrcpp::BitSet&,
                                   antlr4::atn::ATNConfigSet*) override {}
  void reportContextSensitivity(antlr4::Parser*, const antlr4::dfa::DFA&, size_t, size_t, size_t,
                                antlr4::atn::ATNConfigSet*) override {}
  void syntaxError(antlr4::Recognizer*, antlr4::Token*, size_t line, size_t column, const std::string& message,
                   std::exception_ptr) override {
    error_count += 1;
    first_error =
        first_error.empty() ? std::to_string(line) + ":" + std::to_string(column) + " " + message : first_error;
  }
  std::vector<std::string> found;
  size_t error_count = 0;
  std::string first_error;
};

// What ANTLR finds; what it could not read is searched for ambiguities as far as that goes, and is a failure if
// `whole`.
std::vector<std::string> Ambiguities(const std::string& text, bool whole) {
  source::SourceSet sources;
  diagnostics::Sink sink;
  const uint32_t file = sources.AddText("policy.writ", text).value();
  const Offsets offsets(text);
  Tokens tokens = ReadTokens(sources, file, offsets, sink);
  antlr4::ListTokenSource token_source(std::move(tokens.list));
  antlr4::CommonTokenStream stream(&token_source);
  WritParser parser(&stream);
  Collector collector;
  parser.removeErrorListeners();
  parser.addErrorListener(&collector);
  parser.getInterpreter<antlr4::atn::ParserATNSimulator>()->setPredictionMode(
      antlr4::atn::PredictionMode::LL_EXACT_AMBIG_DETECTION);
  parser.file();
  EXPECT_TRUE(!whole || collector.error_count == 0) << collector.first_error;
  return collector.found;
}

TEST(Grammar, IsUnambiguousOnEveryPolicyInTheTree) {
  size_t count = 0;
  for (const char* folder : {"examples", "stdlib", "tests/golden"}) {
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.path().extension() != ".writ") continue;
      std::ifstream stream(entry.path());
      std::stringstream text;
      text << stream.rdbuf();
      if (source::FirstInvalidUtf8(text.str()).has_value()) continue;
      ++count;
      EXPECT_THAT(Ambiguities(text.str(), false), testing::IsEmpty()) << entry.path();
    }
  }
  EXPECT_GE(count, 2u) << "run from the project's root";
}

// Where clauses follow each other without a sign between them, what could be taken two ways.
TEST(Grammar, IsUnambiguousWhereWordsStandSideBySide) {
  EXPECT_THAT(Ambiguities(R"(
    workflow W by id: Id {
      states: T  state: state? max 5  label: label label label  max: int max 5
      from: from from "from" in in_ round round
      states states, with with {with}  final final  halted halted
      as: -> as sets as = if as then as else as as "as" at at { as: as }
      at: in at, as at at  sets: sets -> sets sets sets
      def def_ = set  rule: log  log: rule  record: record  type: type
    }
    authority may, up { may may on may up to up 5, to 6  when when_  may consent to to on to  may up on on_ }
    rule rule in rule escalate to on to by to to to until until by until within within_
      else escalate to to to within 5h else to
      when a because "b" overrides because_.a  unless c
    rule hold in hold hold hold on hold to to by by_ when x
    review on review in review {
      panel panel 3 of 7, of 3 of 7 by panel.by_
      within 5h else escalate to of within 2h else otherwise
      panel: panel otherwise  otherwise: otherwise when otherwise
      a: escalate to to to within 5h else deny in in_ when x
    }
    log log from log { from from "from" absent "absent" in_ from "x" in zone "zone" absent "y" }
    test "t" {
      at 2026-01-01  at at at by at as at  wait 5h  wait by wait  actor actor: actor, at: {at, as}
      set set set, "set" by set {}
      yes by yes on yes  no by no as no  assume state state on state {}  assume on assume by assume {}
      expect state state because only, state  expect state  state by state  expect asked asked  expect asked
      asked asked asked by asked  expect denied  denied by denied  expect denied denied denied by denied denied
      expect state == state because x  expect not state  expect not state state  expect not denied because only only, x
      expect permitted by permitted permitted  expect a  open open open by open
      expect count(count) > 1  count on count by count  expect because_  expect a because b  b by c
    }
    scenario "s" from "f" following record on on_ { expect 5 cases denied because only x  expect nothing else held }
    def folds = any(x in y for x in y where x within 5d by by_ since (x by y where z) max 5) and any(for_ for in_)
      or all(a for a then then_ in x) or count(x since since within within_) or sum(x for x.y by by_, x)
    enum E { a, b as "c" } enum F { a < b < c, }
  )",
                          true),
              testing::IsEmpty());
}

}  // namespace
}  // namespace writ::parse
