// The recorded log that the expenses example is about. It is not part of the project: without it this is skipped, and
// says so.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <iostream>

#include "tests/replay/command.h"

namespace writ::command {
namespace {

constexpr int kSkipped = 77;
constexpr char kLog[] = "bpic2020-domestic/DomesticDeclarations.xes.gz";

std::string FindLog() {
  const char* named = getenv("WRIT_EXTERNAL_DATA");
  for (const std::string& folder : {std::string(named != nullptr ? named : ""), std::string("../shared/data")}) {
    if (!folder.empty() && std::filesystem::exists(folder + "/" + kLog)) return folder + "/" + kLog;
  }
  return "";
}

TEST(ExternalLog, EveryEventIsDecided) {
  const Result result = Writ({"replay", "examples/expenses", "--log", FindLog(), "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto has = [&](const std::string& text) {
    EXPECT_NE(result.out.find(text), std::string::npos) << text << "\n" << result.out;
  };
  has(R"({"events":55628,"cases":10357)");
  has(R"("rules":[)");
  has(R"("rule":"university.declarations.unapproved_payment","outcome":"deny","events":4,"cases":2})");
  has(R"("rule":"university.declarations.rejection_after_final","outcome":"deny",)");
  has(R"("cases":85})");
  has(R"("cases":2152})");
  has(R"("mapped":55628)");
  has(R"("unmapped":[])");
  // Three rules, and nothing else denied.
  size_t count = 0;
  for (size_t at = result.out.find("\"rule\":"); at != std::string::npos; at = result.out.find("\"rule\":", at + 1))
    ++count;
  EXPECT_EQ(count, 3u) << result.out;
}

}  // namespace
}  // namespace writ::command

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (writ::command::FindLog().empty()) {
    std::cout << "skipped: " << writ::command::kLog << " is neither in $WRIT_EXTERNAL_DATA nor in ../shared/data\n";
    return writ::command::kSkipped;
  }
  return RUN_ALL_TESTS();
}
