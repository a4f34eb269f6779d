// Committed transitions a second: deals that are opened, judged and closed by 1 or 64 waiting proposers over a log on disk;
// beside the same bytes in the same batches with the same pragmas in one bare SQLite table.
//
// The files lie in WRIT_BENCH_DIRECTORY, which must be on a real disk: the working directory by default.
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "runtime/orchestrator/commit_loop.h"
#include "runtime/orchestrator/orchestrator.h"
#include "runtime/store/memory_store.h"
#include "runtime/store/sqlite_store.h"
#include "tests/bench/deal_desk.h"
#include "tests/bench/rounds.h"

namespace writ::bench {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(absl::string_view what) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(2);
}

void Check(const absl::Status& status) {
  if (!status.ok()) Fail(status.message());
}

const CompiledPolicy* Policy() {
  static const DealDesk* const desk = new DealDesk(CompileDealDesk());
  return desk->native.get();
}

// A directory that goes with its owner.
class Scratch {
 public:
  Scratch() {
    const char* root = std::getenv("WRIT_BENCH_DIRECTORY");
    std::string pattern = absl::StrCat(root == nullptr ? "." : root, "/writ-bench-XXXXXX");
    if (mkdtemp(pattern.data()) == nullptr) Fail(absl::StrCat("cannot make ", pattern));
    path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string operator/(const char* name) const { return absl::StrCat(path_, "/", name); }

 private:
  std::string path_;
};

// ---------------------------------------------------------------- the log

// Passes everything on, and remembers how large the batches were and how long they took.
class Watched : public store::Store {
 public:
  explicit Watched(std::unique_ptr<store::Store> inner) : inner_(std::move(inner)) {}

  absl::StatusOr<int64_t> LastPosition() override { return inner_->LastPosition(); }
  absl::Status Load(int64_t from, const std::function<absl::Status(const store::StoredEvent&)>& callback) override {
    return inner_->Load(from, callback);
  }
  absl::Status AppendBatch(std::span<const store::PreparedEvent> events, int64_t expected) override {
    batches.push_back(events.size());
    absl::Status status;
    append_seconds += Seconds([&] { status = inner_->AppendBatch(events, expected); });
    return status;
  }
  absl::Status PutPolicy(const std::string& digest, std::string_view ir) override { return inner_->PutPolicy(digest, ir); }
  absl::StatusOr<std::string> GetPolicy(const std::string& digest) override { return inner_->GetPolicy(digest); }

  std::vector<size_t> batches;
  double append_seconds = 0;

 private:
  std::unique_ptr<store::Store> inner_;
};

std::unique_ptr<Watched> OpenLog(const std::string& directory) {
  auto store = store::OpenSqliteStore(directory, {});
  Check(store.status());
  return std::make_unique<Watched>(*std::move(store));
}

// ---------------------------------------------------------------- the bare table

struct Row { int64_t position; std::string hash, private_bytes, bytes; };

class BareTable {
 public:
  explicit BareTable(const std::string& path) {
    if (sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr) !=
        SQLITE_OK) {
      Fail("cannot open the bare table");
    }
    // As runtime/store/sqlite_store.cc has them.
    Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4096; PRAGMA secure_delete=ON;"
            "PRAGMA trusted_schema=OFF;"
            "CREATE TABLE events(position INTEGER PRIMARY KEY, hash BLOB NOT NULL, private BLOB NOT NULL,"
            " bytes BLOB NOT NULL) STRICT;");
    begin_ = Prepare("BEGIN IMMEDIATE");
    commit_ = Prepare("COMMIT");
    insert_ = Prepare("INSERT INTO events(position, hash, private, bytes) VALUES(?, ?, ?, ?)");
  }
  ~BareTable() {
    for (sqlite3_stmt* statement : {begin_, commit_, insert_}) sqlite3_finalize(statement);
    sqlite3_close(db_);
  }

  void Append(const Row* rows, size_t count) {
    Run(begin_);
    for (const Row* row = rows; row != rows + count; ++row) {
      sqlite3_bind_int64(insert_, 1, row->position);
      Bind(2, row->hash);
      Bind(3, row->private_bytes);
      Bind(4, row->bytes);
      Run(insert_);
    }
    Run(commit_);
  }

 private:
  void Execute(const char* sql) {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) Fail(sqlite3_errmsg(db_));
  }
  sqlite3_stmt* Prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
      Fail(sqlite3_errmsg(db_));
    }
    return statement;
  }
  void Bind(int index, const std::string& bytes) {
    sqlite3_bind_blob64(insert_, index, bytes.data(), bytes.size(), SQLITE_STATIC);
  }
  void Run(sqlite3_stmt* statement) {
    const int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    if (code != SQLITE_DONE && code != SQLITE_ROW) Fail(sqlite3_errmsg(db_));
  }

  sqlite3* db_ = nullptr;
  sqlite3_stmt *begin_ = nullptr, *commit_ = nullptr, *insert_ = nullptr;
};

// ---------------------------------------------------------------- deals

ActorDescription Actor(const char* id, const char* role) {
  ActorDescription actor;
  actor.id = id;
  actor.roles = {role};
  return actor;
}

Submission Propose(const char* transition, std::string on, const char* by) {
  Submission line;
  line.transition = transition;
  line.on = Input(std::move(on));
  line.by = by;
  return line;
}

Submission Assess(std::string on, const char* by) {
  Submission line = Propose("assess", std::move(on), by);
  line.payload = Input(Input::Object{{"stance", Input("approve")}, {"confidence", Input("92%")}});
  return line;
}

// The six proposals of a deal; with the last verdict the orchestrator approves it, which makes seven transitions.
constexpr int kProposalsPerDeal = 6;
Submission Step(const std::string& deal, int step) {
  switch (step) {
    case 0: {
      Submission line = Propose("open", deal, "desk-1");
      line.workflow = "Deal";
      line.sets = Input(Input::Object{{"amount", Input("240000 USD")}, {"discount", Input("12%")},
                                      {"terms", Input("standard")}, {"customer", Input("c-17")}});
      return line;
    }
    case 1: return Propose("submit", deal, "desk-1");
    case 2: return Assess(deal, "pricing-1");
    case 3: return Assess(deal, "compliance-1");
    case 4: return Assess(deal, "risk-1");
    default: return Propose("close", deal, "desk-2");
  }
}

void Prepare(Orchestrator* orchestrator) {
  const std::pair<const char*, const char*> actors[] = {
      {"desk-1", "DealDesk"}, {"desk-2", "DealDesk"}, {"pricing-1", "Pricing"}, {"compliance-1", "Compliance"},
      {"risk-1", "Risk"},     {"crm", "Crm"}};
  for (const auto& [id, role] : actors) {
    Submission line;
    line.kind = Submission::Kind::kAgent;
    line.agent = Actor(id, role);
    line.at_ns = int64_t{1'772'442'000} * 1'000'000'000;  // 2026-03-02T09:00:00Z
    Check(orchestrator->Submit(line).status());
  }
  Submission customer;
  customer.kind = Submission::Kind::kSet;
  customer.workflow = "Customer";
  customer.on = Input("c-17");
  customer.by = "crm";
  customer.sets = Input(Input::Object{{"name", Input("Initech")}, {"jurisdiction", Input("US")}, {"credit_score", Input(610)},
                                      {"credit_reviewed", Input("2026-01-10T00:00:00Z")}});
  Check(orchestrator->Submit(customer).status());
}

void CheckPermitted(const CommitLoop::Answer& answer) {
  Check(answer.status());
  for (const DecisionRecord& record : *answer) {
    if (record.outcome != Outcome::kPermit) Fail(absl::StrCat(record.proposal, " on ", record.on, " is not permitted"));
  }
}

// ---------------------------------------------------------------- proposers

// Each proposer is a thread that waits for its answer before it proposes again.
void ByThreads(CommitLoop* loop, int proposer_count, int deals_each, int64_t first_deal) {
  std::vector<std::thread> proposers;
  for (int p = 0; p < proposer_count; ++p) {
    proposers.emplace_back([=] {
      for (int d = 0; d < deals_each; ++d) {
        const std::string deal = absl::StrCat("d-", first_deal + p * deals_each + d);
        for (int step = 0; step < kProposalsPerDeal; ++step) CheckPermitted(loop->Propose(Step(deal, step)));
      }
    });
  }
  for (std::thread& proposer : proposers) proposer.join();
}

// The same without threads, as a server with one loop has them: an answer makes the next proposal.
class Pipelined {
 public:
  Pipelined(CommitLoop* loop, int deals_each, int64_t first_deal)
      : loop_(loop), deals_each_(deals_each), first_deal_(first_deal) {}

  void Run(int proposer_count) {
    left_ = proposer_count;
    for (int p = 0; p < proposer_count; ++p) Next(p, 0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return left_ == 0; });
  }

 private:
  void Next(int proposer, int at) {
    if (at == deals_each_ * kProposalsPerDeal) {
      std::lock_guard lock(mutex_);
      --left_;
      done_.notify_one();
      return;
    }
    const std::string deal = absl::StrCat("d-", first_deal_ + proposer * deals_each_ + at / kProposalsPerDeal);
    loop_->ProposeAsync(Step(deal, at % kProposalsPerDeal), [this, proposer, at](CommitLoop::Answer answer) {
      CheckPermitted(answer);
      Next(proposer, at + 1);
    });
  }

  CommitLoop* loop_;
  const int deals_each_;
  const int64_t first_deal_;
  std::mutex mutex_;
  std::condition_variable done_;
  int left_ = 0;
};

// One orchestrator and one bare table; each segment is done by the first, then its batches by the second.
class Race {
 public:
  Race(int proposer_count, bool threads, int deals_each)
      : proposer_count_(proposer_count), threads_(threads), deals_each_(deals_each), log_(OpenLog(scratch_ / "log")),
        bare_(std::make_unique<BareTable>(scratch_ / "bare.db")) {
    auto orchestrator = Orchestrator::Open(Policy(), log_.get(), {});
    Check(orchestrator.status());
    orchestrator_ = *std::move(orchestrator);
    Prepare(orchestrator_.get());
    loop_ = std::make_unique<CommitLoop>(orchestrator_.get());
    next_position_ = orchestrator_->last_position() + 1;
  }

  double RunSegment() {
    log_->batches.clear();
    log_->append_seconds = 0;
    const double writ_seconds = Seconds([&] {
      if (threads_) ByThreads(loop_.get(), proposer_count_, deals_each_, next_deal_);
      else Pipelined(loop_.get(), deals_each_, next_deal_).Run(proposer_count_);
    });
    next_deal_ += proposer_count_ * deals_each_;
    const std::vector<Row> rows = NewRows();
    // In a thread of its own, as the proposers are: from the one that has slept meanwhile, a flush was a third quicker.
    const double bare_seconds = Seconds([&] {
      std::thread([&] {
        size_t at = 0;
        for (size_t size : log_->batches) {
          bare_->Append(&rows[at], size);
          at += size;
        }
      }).join();
    });
    writ_.push_back(static_cast<double>(rows.size()) / writ_seconds);
    bare_rate_.push_back(static_cast<double>(rows.size()) / bare_seconds);
    ratio_.push_back(bare_seconds / writ_seconds);
    append_share_.push_back(log_->append_seconds / writ_seconds);
    batch_.push_back(static_cast<double>(rows.size()) / static_cast<double>(log_->batches.size()));
    bytes_ = rows.empty() ? 0 : static_cast<double>(rows.back().bytes.size());
    return writ_seconds;
  }

  void Report(benchmark::State& state) const {
    state.counters["commits/s"] = Median(writ_);
    state.counters["bare/s"] = Median(bare_rate_);
    state.counters["ratio"] = Median(ratio_);
    state.counters["in_append"] = Median(append_share_);
    state.counters["batch"] = Median(batch_);
    state.counters["bytes"] = bytes_;
  }

 private:
  std::vector<Row> NewRows() {
    std::vector<Row> rows;
    Check(log_->Load(next_position_, [&](const store::StoredEvent& event) {
      rows.push_back({event.position, std::string(event.hash), std::string(event.private_bytes), std::string(event.bytes)});
      return absl::OkStatus();
    }));
    next_position_ += static_cast<int64_t>(rows.size());
    return rows;
  }

  const int proposer_count_;
  const bool threads_;
  const int deals_each_;
  Scratch scratch_;
  std::unique_ptr<Watched> log_;
  std::unique_ptr<BareTable> bare_;
  std::unique_ptr<Orchestrator> orchestrator_;
  std::unique_ptr<CommitLoop> loop_;               // goes before what it works on
  int64_t next_position_ = 1, next_deal_ = 0;
  std::vector<double> writ_, bare_rate_, ratio_, append_share_, batch_;
  double bytes_ = 0;
};

void Commit(benchmark::State& state, int proposer_count, bool threads, int deals_each) {
  Race race(proposer_count, threads, deals_each);
  for (auto _ : state) state.SetIterationTime(race.RunSegment());
  race.Report(state);
}

// What a committed transition costs beside its disk: the same deals over a log in memory, 64 waiting.
void CommitInMemory(benchmark::State& state) {
  constexpr int kProposers = 64, kDeals = 4;
  store::MemoryStore log;
  auto orchestrator = Orchestrator::Open(Policy(), &log, {});
  Check(orchestrator.status());
  Prepare(orchestrator->get());
  const int64_t before = (*orchestrator)->last_position();
  double seconds = 0;
  int64_t next_deal = 0;
  {
    CommitLoop loop(orchestrator->get());
    for (auto _ : state) {
      const double segment = Seconds([&] { Pipelined(&loop, kDeals, next_deal).Run(kProposers); });
      next_deal += kProposers * kDeals;
      seconds += segment;
      state.SetIterationTime(segment);
    }
  }
  state.counters["commits/s"] = static_cast<double>((*orchestrator)->last_position() - before) / seconds;
}

BENCHMARK(CommitInMemory)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Commit, proposers_1, 1, true, 16)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Commit, proposers_64, 64, true, 16)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Commit, pipelined_64, 64, false, 16)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace writ::bench

BENCHMARK_MAIN();
