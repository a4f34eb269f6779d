// `writ run --store` is killed in the middle, again and again. Whatever it had printed is in the log, the log verifies,
// and running goes on.
#include <gtest/gtest.h>
#include <time.h>

#include <filesystem>
#include <iterator>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "compiler/driver/pipeline.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/orchestrator.h"
#include "runtime/replay/event_lines.h"
#include "runtime/state/own.h"
#include "runtime/store/sqlite_store.h"
#include "tests/replay/command.h"

namespace writ {
namespace {

// The deal desk, and beside it offers that lapse when their time comes.
constexpr char kPolicyPath[] = "examples/deal_desk/deal_desk.writ", kOffersPath[] = "tests/fault/offers.writ";
constexpr int kKills = 100;
constexpr int kDealsPerRound = 6, kOffersPerRound = 6;
constexpr int64_t kSecondNs = 1'000'000'000, kHourNs = 3600 * kSecondNs;
constexpr int64_t kStartNs = 1'772'442'000 * kSecondNs;  // 2026-03-02T09:00:00Z
constexpr char kRepeated[] = ",\"repeated\":true";

std::string Unrepeated(const std::string& line) { return absl::StrReplaceAll(line, {{kRepeated, ""}}); }

// The policy in this process too, to read back what the log holds.
const CompiledPolicy* Policy() {
  static const std::unique_ptr<CompiledPolicy> kPolicy = [] {
    auto compiled = driver::CompileFiles({kPolicyPath, kOffersPath}, driver::Stage::kLower);
    EXPECT_TRUE(compiled.ok() && (*compiled)->ok());
    return *driver::MakePolicy(**compiled, /*interpret=*/true);
  }();
  return kPolicy.get();
}

// One line that is fed: proposals bear a key of their own, so that they can be sent again. An offer's time comes some seconds
// after it was fed first.
struct Fed {
  std::string before_time, after_time, key;
  int64_t lapses_after_ns = 0, lapses_ns = 0;
  std::string At(int64_t now_ns) {
    std::string end = after_time;
    if (lapses_after_ns != 0) {
      if (lapses_ns == 0) lapses_ns = now_ns + lapses_after_ns;
      absl::StrAppend(&end, R"(,"set":{"ends":")", FormatTime(lapses_ns), R"("}})");
    }
    return absl::StrCat(before_time, FormatTime(now_ns), end, "\n");
  }
};

// The lines of one round: who is who, the customer, and deals that end in three different ways.
class Round {
 public:
  explicit Round(int number) : number_(number) {
    for (const char* actor :
         {R"("desk-1","kind":"agent","principal":"sales-ops","roles":["DealDesk"])",
          R"("pricing-1","kind":"agent","principal":"pricing-team","roles":["Pricing"])",
          R"("compliance-1","kind":"agent","principal":"legal-ops","roles":["Compliance"])",
          R"("risk-1","kind":"agent","principal":"credit-team","roles":["Risk"])",
          R"("crm-sync","kind":"agent","principal":"it","roles":["Crm"])", R"("kim","kind":"human","roles":["CFO"])",
          R"("seller-1","kind":"agent","roles":["Seller"])"}) {
      lines_.push_back({absl::StrCat(R"({"agent":)", actor, R"(,"at":")"), "\"}", ""});
    }
    lines_.push_back(
        {R"({"set":"Customer","key":"c-17","by":"crm-sync","at":")",
         absl::StrCat(R"(","fields":{"name":"Initech )", number,
                      R"(","jurisdiction":"US","credit_score":610,"credit_reviewed":"2026-01-10T00:00:00Z"}})"),
         ""});
    for (int i = 0; i < kDealsPerRound; ++i) {
      if (i < kOffersPerRound) Offer(i);
      Deal(i);
    }
  }

  const std::vector<Fed>& lines() const { return lines_; }

 private:
  void Deal(int i) {
    const std::string deal = absl::StrCat("d-", number_, "-", i);
    const bool large = i % 3 == 2;
    Propose(deal, "open", "desk-1",
            absl::StrCat(R"("workflow":"Deal","set":{"amount":")", large ? "2400000" : "400000",
                         R"( USD","discount":"38%","terms":"deferred","customer":"c-17"},)"));
    Propose(deal, "submit", "desk-1", "");
    Propose(deal, "assess", "pricing-1", R"("with":{"stance":"approve","confidence":"92%"},)");
    Propose(deal, "assess", "compliance-1",
            absl::StrCat(R"("with":{"stance":")", i % 3 == 0 ? "reject" : "approve", R"(","confidence":"97%"},)"));
    Propose(deal, "assess", "risk-1",
            absl::StrCat(R"("with":{"stance":")", large ? "flag" : "approve", R"(","confidence":"80%"},)"));
  }

  // Some lapse within the round, some when nothing runs any more, and some in the next.
  void Offer(int i) {
    const std::string offer = absl::StrCat("o-", number_, "-", i), key = absl::StrCat(offer, "/make");
    constexpr int64_t kAfter[] = {4 * kSecondNs, kHourNs, 20 * kSecondNs, 5 * kHourNs, 9 * kSecondNs, 2 * kHourNs};
    lines_.push_back({absl::StrCat(R"({"propose":"make","on":")", offer, R"(","by":"seller-1","key":")", key, R"(","at":")"), "\"",
                      key, kAfter[i % std::size(kAfter)]});
  }

  void Propose(const std::string& deal, const char* transition, const char* by, const std::string& more) {
    const std::string key = absl::StrCat(deal, "/", transition, "/", by);
    lines_.push_back({absl::StrCat(R"({"propose":")", transition, R"(","on":")", deal, R"(","by":")", by, R"(",)", more,
                                   R"("key":")", key, R"(","at":")"),
                      "\"}", key});
  }

  int number_;
  std::vector<Fed> lines_;
};

// What one store has been through.
class Trial {
 public:
  Trial(std::string directory, uint32_t seed) : directory_(std::move(directory)), random_(seed) {}

  void KillOnce() {
    std::vector<Fed> lines = again_;
    const Round round(++round_);
    lines.insert(lines.end(), round.lines().begin(), round.lines().end());
    std::vector<std::string> printed;
    {
      command::Child child({"run", kPolicyPath, kOffersPath, "--interpret", "--events", "-", "--store", directory_});
      Feed(&child, lines);
      printed = ReadAndKill(&child);
    }
    Remember(lines, printed);
    CheckLog(printed);
  }

  // Without a kill: it goes on to the end.
  void Finish() {
    std::vector<Fed> lines = again_;
    const Round round(++round_);
    lines.insert(lines.end(), round.lines().begin(), round.lines().end());
    std::string text;
    for (Fed& fed : lines) text += fed.At(NextTime());
    const command::Result result =
        command::Writ({"run", kPolicyPath, kOffersPath, "--interpret", "--events", "-", "--store", directory_}, text);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    CheckLog(command::Lines(result.out));
    CheckWhole();
  }

  int64_t printed_count() const { return static_cast<int64_t>(printed_.size()); }
  int repeated_count() const { return repeated_count_; }
  int recovered_count() const { return recovered_count_; }

 private:
  int64_t NextTime() { return kStartNs + round_ * 5 * kHourNs + (seconds_++) * kSecondNs; }

  // All of it fits into the pipe: the child reads when it likes.
  void Feed(command::Child* child, std::vector<Fed>& lines) {
    std::string text;
    for (Fed& fed : lines) text += fed.At(NextTime());
    ASSERT_LT(text.size(), 60'000u);
    ASSERT_TRUE(child->Feed(text));
  }

  // Every fourth time at a moment of its start or of the store's making; otherwise between or within two decisions.
  std::vector<std::string> ReadAndKill(command::Child* child) {
    std::vector<std::string> printed;
    std::string line;
    if (random_() % 4 == 0) {
      Sleep(static_cast<int64_t>(random_() % 120'000));
    } else {
      const size_t wanted = random_() % 36;
      while (printed.size() < wanted && child->ReadLine(&line)) printed.push_back(line);
      Sleep(static_cast<int64_t>(random_() % 4'000));
    }
    child->Kill();
    while (child->ReadLine(&line)) printed.push_back(line);
    EXPECT_EQ(child->Wait(), 128 + 9);
    return printed;
  }

  static void Sleep(int64_t us) {
    const timespec wait{us / 1'000'000, us % 1'000'000 * 1'000};
    nanosleep(&wait, nullptr);
  }

  // The last line that was answered, and the first that nobody saw an answer to, are sent again under their keys.
  void Remember(const std::vector<Fed>& lines, const std::vector<std::string>& printed) {
    size_t answered = 0;
    for (const std::string& line : printed) answered += line.find(R"("by":"orchestrator")") == std::string::npos;
    again_.clear();
    for (size_t i = answered > 0 ? answered - 1 : 0; i <= answered && i < lines.size(); ++i) {
      if (!lines[i].key.empty()) again_.push_back(lines[i]);
    }
  }

  void CheckLog(const std::vector<std::string>& printed) {
    if (!std::filesystem::exists(directory_ + "/log.db")) {
      EXPECT_TRUE(printed.empty() && printed_.empty());
      return;
    }
    for (const std::string& line : printed) {
      repeated_count_ += line.find(kRepeated) != std::string::npos;
      const int64_t position = std::atoll(line.c_str() + sizeof("{\"position\":") - 1);
      const auto [known, is_new] = printed_.try_emplace(position, Unrepeated(line));
      EXPECT_EQ(known->second, Unrepeated(line)) << "two answers at one position";
    }
    const command::Result verified = command::Writ({"verify", "--store", directory_});
    ASSERT_EQ(verified.status, 0) << verified.out << verified.err;
    store::SqliteOptions existing;
    existing.create = false;
    auto store = store::OpenSqliteStore(directory_, existing);
    ASSERT_TRUE(store.ok()) << store.status();
    auto orchestrator = Orchestrator::Open(Policy(), store->get(), {});
    ASSERT_TRUE(orchestrator.ok()) << orchestrator.status();
    last_position_ = (*orchestrator)->last_position();
    for (const auto& [position, line] : printed_) {
      if (position <= checked_) continue;
      const absl::StatusOr<store::Event> event = (*orchestrator)->EventAt(position);
      ASSERT_TRUE(event.ok()) << "printed, and not in the log: " << line;
      std::string logged;
      replay::AppendDecision((*orchestrator)->RecordOf(*event), &logged);
      EXPECT_EQ(Unrepeated(logged), line);
    }
    if (!printed_.empty()) checked_ = printed_.rbegin()->first;
    NoteOffers((*orchestrator)->world());
  }

  // Those whose time had not come when the last run ended.
  void NoteOffers(const World& world) {
    const WorkflowId offer = WorkflowNamed(world.schema(), "tests.offers.Offer");
    for (const Instance* instance : world.InstancesOf(offer)) {
      const bool lapsed = world.schema().workflows[offer.value].states[instance->state.value].name == "lapsed";
      if (!lapsed) left_.insert(instance->key);
    }
  }

  // Nothing happened twice, nothing that must follow is missing.
  void CheckWhole() {
    auto store = store::OpenSqliteStore(directory_, {});
    ASSERT_TRUE(store.ok());
    std::map<std::string, int64_t> keys;
    std::map<std::string, int> verdicts;
    std::map<std::string, int64_t> ends;  // of offers that have not lapsed: when they do
    int64_t last_ns = 0;
    std::string complete;  // the deal whose last verdict is the event before
    const absl::Status loaded = (*store)->Load(1, [&](const store::StoredEvent& stored) {
      const absl::StatusOr<store::Event> event =
          store::DecodeEvent(stored.bytes, stored.private_bytes, store::PrivateCheck::kDigest);
      if (!event.ok()) return event.status();
      last_ns = event->time_ns;
      for (const auto& [offer, at_ns] : ends) {
        EXPECT_GE(at_ns, last_ns) << offer << " was to lapse before position " << event->position;
      }
      if (event->transition == "make" && event->decision.outcome == Outcome::kPermit) {
        ends[event->instance] = std::max(event->sets.at(0).value.integer(), event->time_ns);  // at once, where it is past
      }
      if (event->transition == "lapse") {
        EXPECT_EQ(event->kind, store::EventKind::kTimer);
        EXPECT_EQ(event->time_ns, ends[event->instance]);
        EXPECT_EQ(ends.erase(event->instance), 1u) << event->instance << " lapsed twice";
        recovered_count_ += static_cast<int>(left_.count(event->instance));
      }
      if (!complete.empty()) {
        EXPECT_EQ(event->kind, store::EventKind::kConclude) << "after the last verdict on " << complete;
        EXPECT_EQ(event->instance, complete);
      }
      complete.clear();
      if (!event->idempotency_key.empty()) {
        const auto [other, is_new] = keys.try_emplace(event->idempotency_key, event->position);
        EXPECT_TRUE(is_new) << event->idempotency_key << " at " << other->second << " and " << event->position;
      }
      if (event->transition == "assess" && event->decision.outcome == Outcome::kPermit &&
          ++verdicts[event->instance] == 3)
        complete = event->instance;
      return absl::OkStatus();
    });
    EXPECT_TRUE(loaded.ok()) << loaded;
    EXPECT_TRUE(complete.empty());
    EXPECT_GE(static_cast<int>(verdicts.size()), kDealsPerRound);
  }

  std::string directory_;
  std::mt19937 random_;
  int round_ = 0;
  int64_t seconds_ = 0, last_position_ = 0, checked_ = 0;
  int repeated_count_ = 0, recovered_count_ = 0;
  std::set<std::string> left_;  // offers that were waiting when a run was killed
  std::vector<Fed> again_;
  std::map<int64_t, std::string> printed_;
};

TEST(KillTest, TheSameStoreAgainAndAgain) {
  command::TemporaryDirectory work;
  Trial trial(work.Below("store"), 1);
  for (int i = 0; i < kKills / 2 && !testing::Test::HasFatalFailure(); ++i) trial.KillOnce();
  trial.Finish();
  EXPECT_GT(trial.printed_count(), 200) << "the kills came too early to say anything";
  EXPECT_GT(trial.repeated_count(), 0) << "no line was sent again";
  EXPECT_GT(trial.recovered_count(), 20) << "hardly a kill came between a timer's being set and its firing";
}

TEST(KillTest, FreshStores) {
  command::TemporaryDirectory work;
  int64_t printed_count = 0;
  for (int i = 0; i < kKills / 2 && !testing::Test::HasFatalFailure(); ++i) {
    Trial trial(work.Below(absl::StrCat("store-", i)), static_cast<uint32_t>(100 + i));
    trial.KillOnce();
    if (i % 5 == 0) trial.Finish();
    printed_count += trial.printed_count();
  }
  EXPECT_GT(printed_count, 200) << "the kills came too early to say anything";
}

}  // namespace
}  // namespace writ
