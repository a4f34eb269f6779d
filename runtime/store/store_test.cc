// One suite for every store: what a test says here holds for memory and for SQLite.
#include "runtime/store/store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <thread>

#include "runtime/store/chain.h"
#include "runtime/store/memory_store.h"
#include "runtime/store/sqlite_store.h"
#include "runtime/store/test_event.h"

namespace writ::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// ---------------------------------------------------------------- a file layer that fails when told to

// SQLite's own, but for flushes of the write-ahead log, which fail while `g_disk_fails`. For one thread.
bool g_disk_fails = false;
const sqlite3_io_methods* g_real_methods = nullptr;
sqlite3_vfs* g_real_vfs = nullptr;

int FailingSync(sqlite3_file* file, int flags) {
  return g_disk_fails ? SQLITE_IOERR_FSYNC : g_real_methods->xSync(file, flags);
}

int FailingOpen(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  const int code = g_real_vfs->xOpen(g_real_vfs, name, file, flags, out_flags);
  if (code != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0) return code;
  static sqlite3_io_methods methods = *file->pMethods;
  g_real_methods = file->pMethods;
  methods.xSync = FailingSync;
  file->pMethods = &methods;
  return code;
}

const char* FailingVfs() {
  static sqlite3_vfs vfs = [] {
    g_real_vfs = sqlite3_vfs_find(nullptr);
    sqlite3_vfs copy = *g_real_vfs;
    copy.zName = "failing";
    copy.xOpen = FailingOpen;
    copy.pNext = nullptr;
    return copy;
  }();
  sqlite3_vfs_register(&vfs, 0);
  return "failing";
}

// ---------------------------------------------------------------- the stores

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::unique_ptr<Store> Open() = 0;  // another handle on the same log
  virtual void FailNextAppend(Store* store) = 0;
  virtual void HealDisk() {}
  // Behind the store's back.
  virtual void Overwrite(int64_t position, const MemoryLog::Record& record) = 0;
  virtual void Remove(int64_t position) = 0;

  MemoryLog::Record Read(int64_t position) {
    MemoryLog::Record record;
    const absl::Status status = Open()->Load(position, [&](const StoredEvent& stored) {
      record = {std::string(stored.bytes), std::string(stored.private_bytes), std::string(stored.hash)};
      return absl::CancelledError();
    });
    EXPECT_TRUE(absl::IsCancelled(status)) << status;
    return record;
  }
};

class MemoryBackend : public Backend {
 public:
  explicit MemoryBackend(bool kept) : kept_(kept) {}
  std::unique_ptr<Store> Open() override { return std::make_unique<MemoryStore>(log_); }
  void FailNextAppend(Store* store) override { static_cast<MemoryStore*>(store)->FailNextAppend(kept_); }
  void Overwrite(int64_t position, const MemoryLog::Record& record) override { log_->records[position - 1] = record; }
  void Remove(int64_t position) override { log_->records[position - 1] = {}; }

 private:
  const bool kept_;
  std::shared_ptr<MemoryLog> log_ = std::make_shared<MemoryLog>();
};

class TempDirectory {
 public:
  TempDirectory() {
    std::string name = (fs::temp_directory_path() / "writ_store_XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TempDirectory() { fs::remove_all(path_); }
  std::string operator/(const char* name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

void Sql(const std::string& file, const char* sql, const MemoryLog::Record* record = nullptr, int64_t position = 0) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &db), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(db, sql, -1, &statement, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  if (position != 0) sqlite3_bind_int64(statement, 1, position);
  if (record != nullptr) {
    int index = 2;
    for (const std::string* bytes : {&record->bytes, &record->private_bytes, &record->hash}) {
      sqlite3_bind_blob64(statement, index++, bytes->data(), bytes->size(), SQLITE_STATIC);
    }
  }
  const int code = sqlite3_step(statement);
  ASSERT_TRUE(code == SQLITE_DONE || code == SQLITE_ROW) << sqlite3_errmsg(db);
  sqlite3_finalize(statement);
  sqlite3_close(db);
}

class SqliteBackend : public Backend {
 public:
  ~SqliteBackend() override { g_disk_fails = false; }
  std::unique_ptr<Store> Open() override {
    SqliteOptions options;
    options.vfs = FailingVfs();
    absl::StatusOr<std::unique_ptr<Store>> store = OpenSqliteStore(directory_ / "log", options);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  void FailNextAppend(Store*) override { g_disk_fails = true; }
  void HealDisk() override { g_disk_fails = false; }
  void Overwrite(int64_t position, const MemoryLog::Record& record) override {
    Sql(directory_ / "log/log.db", "UPDATE events SET bytes = ?2, private = ?3, hash = ?4 WHERE position = ?1", &record,
        position);
  }
  void Remove(int64_t position) override {
    Sql(directory_ / "log/log.db", "DELETE FROM events WHERE position = ?1", nullptr, position);
  }

 private:
  TempDirectory directory_;
};

// ---------------------------------------------------------------- helpers

Event Proposal(const std::string& instance, const std::string& note = "") {
  Event event;
  event.workflow = "acme.Deal";
  event.instance = instance;
  event.kind = EventKind::kPropose;
  event.transition = "submit";
  event.actor = "desk-1";
  if (!note.empty()) event.payload = {{"note", Value(note), true, false}};
  return event;
}

Event Erasure(std::vector<Erased> erased) {
  Event event;
  event.workflow = "writ.Log";
  event.kind = EventKind::kErase;
  event.erased = std::move(erased);
  return event;
}

// One writer, as the orchestrator is: it keeps the chain's ends and appends what it prepares.
struct Writer {
  explicit Writer(Store* s) : store(s) {}

  absl::Status CatchUp() {
    return store->Load(chain.last_position() + 1, [this](const StoredEvent& e) { return chain.Follow(e); });
  }
  absl::Status Append(std::vector<Event> events) {
    const int64_t expected = chain.last_position();
    std::vector<PreparedEvent> batch;
    for (Event& event : events) {
      absl::StatusOr<PreparedEvent> prepared = chain.Prepare(&event, &random);
      EXPECT_TRUE(prepared.ok()) << prepared.status();
      batch.push_back(*std::move(prepared));
    }
    const absl::Status status = store->AppendBatch(batch, expected);
    status.ok() ? chain.Commit() : chain.Abandon();
    return status;
  }

  Store* store;
  Chain chain;
  CounterRandom random;
};

std::string Faults(Store* store) {
  const absl::StatusOr<ChainReport> report = VerifyChain(store);
  if (!report.ok()) return std::string(report.status().message());
  std::ostringstream text;
  for (const Fault& fault : report->faults) text << fault.position << ": " << fault.text << "\n";
  return text.str();
}

using MakeBackend = std::unique_ptr<Backend> (*)();

class StoreTest : public ::testing::TestWithParam<std::pair<const char*, MakeBackend>> {
 protected:
  void SetUp() override {
    backend_ = GetParam().second();
    store_ = backend_->Open();
    writer_ = std::make_unique<Writer>(store_.get());
  }
  // Three streams, seven events, some of them with something to erase.
  void Fill() {
    ASSERT_TRUE(writer_->Append({Proposal("d-1", "Ms Adams"), Proposal("d-2"), Proposal("d-1")}).ok());
    ASSERT_TRUE(writer_->Append({Proposal("d-3", "Mr Brown")}).ok());
    Event reader = Proposal("d-2");
    reader.read_set = {{"acme.Deal/d-1", 2}, {"acme.Deal/d-2", 1}, {"acme.Deal/d-9", 0}};
    ASSERT_TRUE(writer_->Append({reader, Proposal("d-1"), Proposal("d-3")}).ok());
  }
  std::string FaultsAfter(int64_t position, const MemoryLog::Record& record) {
    const MemoryLog::Record before = backend_->Read(position);
    backend_->Overwrite(position, record);
    const std::string faults = Faults(store_.get());
    backend_->Overwrite(position, before);
    return faults;
  }

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Writer> writer_;
};

INSTANTIATE_TEST_SUITE_P(
    All, StoreTest,
    ::testing::Values(std::pair<const char*, MakeBackend>(
                          "MemoryLosing", [] { return std::unique_ptr<Backend>(new MemoryBackend(false)); }),
                      std::pair<const char*, MakeBackend>(
                          "MemoryKeeping", [] { return std::unique_ptr<Backend>(new MemoryBackend(true)); }),
                      std::pair<const char*, MakeBackend>("Sqlite",
                                                          [] { return std::unique_ptr<Backend>(new SqliteBackend); })),
    [](const auto& info) { return std::string(info.param.first); });

// ---------------------------------------------------------------- the contract

TEST_P(StoreTest, StartsEmpty) {
  EXPECT_EQ(*store_->LastPosition(), 0);
  EXPECT_EQ(Faults(store_.get()), "");
  EXPECT_EQ(VerifyChain(store_.get())->event_count, 0);
}

TEST_P(StoreTest, LoadsWhatWasAppended) {
  Event event = Proposal("d-1", "Ms Adams");
  const absl::StatusOr<PreparedEvent> prepared = writer_->chain.Prepare(&event, &writer_->random);
  ASSERT_TRUE(store_->AppendBatch(std::span(&*prepared, 1), 0).ok());
  const MemoryLog::Record record = backend_->Read(1);
  EXPECT_EQ(record.bytes, prepared->bytes);
  EXPECT_EQ(record.private_bytes, prepared->private_bytes);
  EXPECT_EQ(record.hash, AsBytes(prepared->hash));
  EXPECT_EQ(*DecodeEvent(record.bytes, record.private_bytes, PrivateCheck::kDigest), event);
}

TEST_P(StoreTest, LoadsInOrderFromAPosition) {
  Fill();
  EXPECT_EQ(*store_->LastPosition(), 7);
  for (int64_t from : {-3, 0, 1, 4, 7, 8}) {
    int64_t next = std::max<int64_t>(from, 1);
    ASSERT_TRUE(store_->Load(from, [&](const StoredEvent& stored) {
      EXPECT_EQ(stored.position, next++);
      return absl::OkStatus();
    }).ok());
    EXPECT_EQ(next, 8);
  }
}

TEST_P(StoreTest, StopsWhenTheReaderSaysSo) {
  Fill();
  int calls = 0;
  const absl::Status status = store_->Load(1, [&](const StoredEvent&) {
    return ++calls == 2 ? absl::CancelledError("enough") : absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsCancelled(status));
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(writer_->Append({Proposal("d-1")}).ok());  // the reader holds nothing any more
}

TEST_P(StoreTest, AppendsOnlyToWhatTheWriterKnows) {
  Fill();
  const std::unique_ptr<Store> other = backend_->Open();
  Writer late(other.get());
  ASSERT_TRUE(late.CatchUp().ok());
  ASSERT_TRUE(writer_->Append({Proposal("d-1")}).ok());
  EXPECT_TRUE(absl::IsAborted(late.Append({Proposal("d-2"), Proposal("d-2")})));
  EXPECT_EQ(*store_->LastPosition(), 8);
  ASSERT_TRUE(late.CatchUp().ok());
  EXPECT_TRUE(late.Append({Proposal("d-2"), Proposal("d-2")}).ok());
  EXPECT_TRUE(absl::IsAborted(writer_->Append({Proposal("d-1")})));
  EXPECT_EQ(*store_->LastPosition(), 10);
  EXPECT_EQ(Faults(store_.get()), "");
}

TEST_P(StoreTest, ExpectingTooMuchIsAConflictToo) {
  Fill();
  Chain ahead = writer_->chain;
  Event first = Proposal("d-1"), second = Proposal("d-1");
  ASSERT_TRUE(ahead.Prepare(&first, &writer_->random).ok());
  const absl::StatusOr<PreparedEvent> prepared = ahead.Prepare(&second, &writer_->random);
  EXPECT_TRUE(absl::IsAborted(store_->AppendBatch(std::span(&*prepared, 1), 8)));
  EXPECT_EQ(*store_->LastPosition(), 7);
}

TEST_P(StoreTest, AnEmptyBatchChecksAndChangesNothing) {
  Fill();
  EXPECT_TRUE(store_->AppendBatch({}, 7).ok());
  EXPECT_TRUE(absl::IsAborted(store_->AppendBatch({}, 6)));
  EXPECT_EQ(*store_->LastPosition(), 7);
}

TEST_P(StoreTest, GoesOnAfterReopening) {
  Fill();
  const Hash last = writer_->chain.last_hash();
  store_.reset();
  store_ = backend_->Open();
  Writer again(store_.get());
  ASSERT_TRUE(again.CatchUp().ok());
  EXPECT_EQ(again.chain.last_position(), 7);
  EXPECT_EQ(again.chain.last_hash(), last);
  EXPECT_EQ(again.chain.StreamVersion("acme.Deal/d-1"), 3);
  EXPECT_TRUE(again.Append({Proposal("d-1")}).ok());
  EXPECT_EQ(Faults(store_.get()), "");
}

TEST_P(StoreTest, AFailedAppendPoisonsTheHandle) {
  Fill();
  ASSERT_TRUE(store_->PutPolicy("sha256:1", "ir").ok());
  backend_->FailNextAppend(store_.get());
  EXPECT_TRUE(absl::IsDataLoss(writer_->Append({Proposal("d-1"), Proposal("d-2")})));
  backend_->HealDisk();
  for (const absl::Status& status :
       {store_->LastPosition().status(), store_->Load(1, [](const StoredEvent&) { return absl::OkStatus(); }),
        writer_->Append({Proposal("d-1")}), store_->PutPolicy("sha256:1", "ir"), store_->GetPolicy("sha256:1").status()}) {
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("open the store anew"));
  }
  store_.reset();
  store_ = backend_->Open();
  Writer again(store_.get());
  ASSERT_TRUE(again.CatchUp().ok());
  EXPECT_TRUE(again.chain.last_position() == 7 || again.chain.last_position() == 9) << again.chain.last_position();
  EXPECT_TRUE(again.Append({Proposal("d-1")}).ok());
  EXPECT_EQ(Faults(store_.get()), "");
}

TEST_P(StoreTest, AConflictDoesNotPoison) {
  Fill();
  EXPECT_TRUE(absl::IsAborted(store_->AppendBatch({}, 3)));
  EXPECT_TRUE(writer_->Append({Proposal("d-1")}).ok());
}

TEST_P(StoreTest, KeepsPolicies) {
  const std::string ir("\0ir\xff", 4);
  EXPECT_TRUE(absl::IsNotFound(store_->GetPolicy("sha256:1").status()));
  ASSERT_TRUE(store_->PutPolicy("sha256:1", ir).ok());
  ASSERT_TRUE(store_->PutPolicy("sha256:1", ir).ok());
  ASSERT_TRUE(store_->PutPolicy("sha256:2", "").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(store_->PutPolicy("sha256:1", "other")));
  store_.reset();
  store_ = backend_->Open();
  EXPECT_EQ(*store_->GetPolicy("sha256:1"), ir);
  EXPECT_EQ(*store_->GetPolicy("sha256:2"), "");
}

TEST_P(StoreTest, ALargeEventIsKept) {
  Event event = Proposal("d-1");
  event.frame = std::string(3 << 20, '\x7e');
  ASSERT_TRUE(writer_->Append({event}).ok());
  EXPECT_EQ(Faults(store_.get()), "");
  EXPECT_GT(backend_->Read(1).bytes.size(), size_t{3} << 20);
}

// ---------------------------------------------------------------- erasing

TEST_P(StoreTest, ErasingKeepsTheChain) {
  Fill();
  ASSERT_TRUE(writer_->Append({Erasure({{1, {0}}})}).ok());
  const MemoryLog::Record record = backend_->Read(1);
  EXPECT_TRUE(DecodeEvent(record.bytes, record.private_bytes, PrivateCheck::kDigest)->payload[0].erased);
  EXPECT_EQ(Faults(store_.get()), "");
  EXPECT_EQ(VerifyChain(store_.get())->erased_count, 1);
  ASSERT_TRUE(writer_->Append({Erasure({{1, {}}, {4, {}}})}).ok());
  EXPECT_EQ(Faults(store_.get()), "");
  EXPECT_EQ(VerifyChain(store_.get())->erased_count, 2);
}

TEST_P(StoreTest, ErasesWithinABatch) {
  ASSERT_TRUE(writer_->Append({Proposal("d-1", "Ms Adams"), Erasure({{1, {0}}}), Erasure({{1, {0}}})}).ok());
  EXPECT_EQ(backend_->Read(1).private_bytes, std::string(1, '\0'));
  EXPECT_EQ(Faults(store_.get()), "");
}

TEST_P(StoreTest, ErasingWhatIsNotThereAppendsNothing) {
  Fill();
  const std::string before = backend_->Read(1).private_bytes;
  EXPECT_TRUE(absl::IsNotFound(writer_->Append({Erasure({{1, {0}}, {99, {0}}})})));
  EXPECT_TRUE(absl::IsNotFound(writer_->Append({Erasure({{0, {0}}})})));
  EXPECT_TRUE(absl::IsOutOfRange(writer_->Append({Erasure({{1, {0}}, {2, {0}}})})));
  EXPECT_EQ(*store_->LastPosition(), 7);
  EXPECT_EQ(backend_->Read(1).private_bytes, before);
  EXPECT_TRUE(writer_->Append({Proposal("d-1")}).ok());
  EXPECT_EQ(Faults(store_.get()), "");
}

TEST_P(StoreTest, ErasuresAndTheirEventsMustAgree) {
  Fill();
  MemoryLog::Record gone = backend_->Read(1);
  const MemoryLog::Record there = gone;
  gone.private_bytes = std::string(1, '\0');
  EXPECT_EQ(FaultsAfter(1, gone), "1: erasable value 0 is gone, and no event erased it\n");
  ASSERT_TRUE(writer_->Append({Erasure({{1, {0}}})}).ok());
  EXPECT_EQ(FaultsAfter(1, there), "1: erasable value 0 is still there after it was erased\n");
  EXPECT_EQ(Faults(store_.get()), "");
}

// ---------------------------------------------------------------- the chain

TEST_P(StoreTest, AnyBitOfBytesAndHashCounts) {
  Fill();
  const MemoryLog::Record good = backend_->Read(3);
  for (std::string MemoryLog::Record::*column : {&MemoryLog::Record::bytes, &MemoryLog::Record::hash}) {
    for (size_t i = 0; i < (good.*column).size(); ++i) {
      // Every bit in memory; one of each byte where every look at the log opens a file.
      for (int bit = i % 8, last = std::string(GetParam().first) == "Sqlite" ? bit : bit + 7; bit <= last; ++bit) {
        MemoryLog::Record record = good;
        (record.*column)[i] ^= static_cast<char>(1 << (bit % 8));
        ASSERT_THAT(FaultsAfter(3, record), HasSubstr("3: ")) << "byte " << i << " bit " << bit % 8;
      }
    }
  }
  EXPECT_EQ(Faults(store_.get()), "");
}

TEST_P(StoreTest, AnyByteOfAPrivateValueCounts) {
  Fill();
  const MemoryLog::Record good = backend_->Read(4);
  for (size_t i = 0; i < good.private_bytes.size(); ++i) {
    MemoryLog::Record record = good;
    record.private_bytes[i] ^= 1;
    ASSERT_THAT(FaultsAfter(4, record), HasSubstr("4: ")) << "byte " << i;
  }
  MemoryLog::Record record = good;
  record.private_bytes.clear();
  EXPECT_EQ(FaultsAfter(4, record), "4: not an event: an erasable value is missing\n");
}

TEST_P(StoreTest, OneFaultIsToldOnce) {
  Fill();
  MemoryLog::Record record = backend_->Read(3);
  record.bytes[record.bytes.size() - 2] ^= 1;  // the last letter of the actor
  EXPECT_EQ(FaultsAfter(3, record), "3: the hash does not match its bytes and what came before\n");
}

TEST_P(StoreTest, AForgedEventBreaksTheNextLink) {
  Fill();
  MemoryLog::Record record = backend_->Read(3);
  record.bytes[record.bytes.size() - 2] ^= 1;
  // With a hash that fits, as somebody would who knows how.
  const Hash forged = Sha256({backend_->Read(2).hash, backend_->Read(1).hash, record.bytes});
  record.hash = std::string(AsBytes(forged));
  const std::string faults = FaultsAfter(3, record);
  EXPECT_THAT(faults, HasSubstr("4: the hash does not match"));
  EXPECT_THAT(faults, HasSubstr("6: the hash does not match"));  // the next of the same stream
}

TEST_P(StoreTest, AGapIsSeen) {
  Fill();
  backend_->Remove(3);
  EXPECT_THAT(Faults(store_.get()), HasSubstr("4: position 3 is missing"));
  Writer reader(store_.get());
  EXPECT_TRUE(absl::IsDataLoss(reader.CatchUp()));
}

TEST_P(StoreTest, AMissingBeginningIsSeen) {
  Fill();
  backend_->Remove(1);
  EXPECT_THAT(Faults(store_.get()), HasSubstr("2: position 1 is missing"));
}

TEST_P(StoreTest, AMissingEndShowsInTheLastHash) {
  Fill();
  const Hash last = VerifyChain(store_.get())->last_hash;
  EXPECT_EQ(last, writer_->chain.last_hash());
  backend_->Remove(7);
  EXPECT_EQ(Faults(store_.get()), "");
  EXPECT_NE(VerifyChain(store_.get())->last_hash, last);
}

TEST_P(StoreTest, SwappedEventsAreSeen) {
  Fill();
  const MemoryLog::Record second = backend_->Read(2), third = backend_->Read(3);
  backend_->Overwrite(2, third);
  backend_->Overwrite(3, second);
  const std::string faults = Faults(store_.get());
  EXPECT_THAT(faults, HasSubstr("2: it says that it is position 3"));
  EXPECT_THAT(faults, HasSubstr("3: it says that it is position 2"));
}

TEST_P(StoreTest, AVersionThatWasNotTheLatestIsSeen) {
  Fill();
  Event event = Proposal("d-1");
  event.read_set = {{"acme.Deal/d-3", 1}};
  ASSERT_TRUE(writer_->Append({event}).ok());
  EXPECT_EQ(Faults(store_.get()), "8: it read version 1 of `acme.Deal/d-3`, which was at version 2\n");
}

TEST_P(StoreTest, APolicyInForceMustBeThere) {
  Event event = Erasure({});
  event.kind = EventKind::kPolicy;
  event.policy_digest = "sha256:77";
  ASSERT_TRUE(writer_->Append({event}).ok());
  EXPECT_EQ(Faults(store_.get()), "1: the policy sha256:77 that it puts in force is not there\n");
  ASSERT_TRUE(store_->PutPolicy("sha256:77", "ir").ok());
  EXPECT_EQ(Faults(store_.get()), "");
}

TEST_P(StoreTest, FaultsAreBounded) {
  std::vector<Event> events(2 * kFaultCountMax, Proposal("d-1"));
  ASSERT_TRUE(writer_->Append(events).ok());
  for (size_t i = 1; i <= events.size(); ++i) {
    MemoryLog::Record record = backend_->Read(static_cast<int64_t>(i));
    record.hash[0] ^= 1;
    backend_->Overwrite(static_cast<int64_t>(i), record);
  }
  EXPECT_EQ(VerifyChain(store_.get())->faults.size(), kFaultCountMax);
}

TEST(ChainTest, AbandoningUndoesAll) {
  Chain chain;
  CounterRandom random;
  Event first = Proposal("d-1");
  ASSERT_TRUE(chain.Prepare(&first, &random).ok());
  chain.Commit();
  const Hash last = chain.last_hash();
  for (const char* instance : {"d-1", "d-2", "d-1", "d-2"}) {
    Event event = Proposal(instance);
    ASSERT_TRUE(chain.Prepare(&event, &random).ok());
  }
  EXPECT_EQ(chain.StreamVersion("acme.Deal/d-1"), 3);
  chain.Abandon();
  EXPECT_EQ(chain.last_position(), 1);
  EXPECT_EQ(chain.last_hash(), last);
  EXPECT_EQ(chain.StreamVersion("acme.Deal/d-1"), 1);
  EXPECT_EQ(chain.StreamVersion("acme.Deal/d-2"), 0);
}

TEST(ChainTest, WhatCannotBeEncodedIsNotLinked) {
  Chain chain;
  CounterRandom random;
  Event event = Proposal("d-1");
  event.frame = std::string(kEventBytesMax, 'x');
  EXPECT_FALSE(chain.Prepare(&event, &random).ok());
  EXPECT_EQ(chain.last_position(), 0);
  EXPECT_EQ(chain.StreamVersion("acme.Deal/d-1"), 0);
}

// ---------------------------------------------------------------- SQLite alone

class SqliteTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Store>> Open(const char* name, bool create = true) {
    SqliteOptions options;
    options.create = create;
    return OpenSqliteStore(directory_ / name, options);
  }
  absl::StatusCode OpenCode(const char* name, bool create = true) { return Open(name, create).status().code(); }
  void WriteFile(const char* name, const std::string& text) { std::ofstream(directory_ / name) << text; }
  std::string ReadFile(const char* name) {
    std::ifstream file(directory_ / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  std::string Everything() { return ReadFile("log/log.db") + ReadFile("log/log.db-wal"); }

  TempDirectory directory_;
};

TEST_F(SqliteTest, MakesItsDirectoryOnlyWhenAsked) {
  EXPECT_EQ(OpenCode("log", false), absl::StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(directory_ / "log"));
  EXPECT_EQ(OpenCode("log"), absl::StatusCode::kOk);
  EXPECT_EQ(OpenCode("log", false), absl::StatusCode::kOk);
  EXPECT_EQ(OpenCode("no/such/parent"), absl::StatusCode::kFailedPrecondition);
}

TEST_F(SqliteTest, RefusesWhatIsSomethingElse) {
  fs::create_directory(directory_ / "other");
  WriteFile("other/notes.txt", "hello");
  EXPECT_EQ(OpenCode("other"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(OpenCode("other/notes.txt"), absl::StatusCode::kFailedPrecondition);
  fs::create_directory(directory_ / "text");
  WriteFile("text/log.db", std::string(5000, 'x'));
  EXPECT_EQ(OpenCode("text"), absl::StatusCode::kFailedPrecondition);
  fs::create_directories(directory_ / "nested/log.db");
  EXPECT_EQ(OpenCode("nested"), absl::StatusCode::kFailedPrecondition);
  fs::create_directory(directory_ / "kept");
  WriteFile("kept/.gitkeep", "");
  EXPECT_EQ(OpenCode("kept"), absl::StatusCode::kOk);
}

TEST_F(SqliteTest, ALogThatWasNotFinishedIsMadeAnew) {
  fs::create_directory(directory_ / "log");
  for (const char* left_over : {"log/log.db.new", "log/log.db.new-journal", "log/log.db.new-wal", "log/log.db.new-shm"}) {
    WriteFile(left_over, std::string(5000, 'x'));
  }
  EXPECT_EQ(OpenCode("log", false), absl::StatusCode::kNotFound);
  auto store = *Open("log");
  EXPECT_EQ(Faults(store.get()), "");
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_ / "log")) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("log.db.new")) << entry.path();
  }
}

TEST_F(SqliteTest, AnEmptyLogHasBeenLost) {
  fs::create_directory(directory_ / "log");
  WriteFile("log/log.db", "");
  for (const bool create : {false, true}) {
    const absl::Status status = Open("log", create).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("log.db is empty: it holds no log"));
  }
  EXPECT_EQ(ReadFile("log/log.db"), "");
  fs::remove(directory_ / "log/log.db");
  WriteFile("log/log.db-wal", "what was not yet in it");
  EXPECT_EQ(OpenCode("log"), absl::StatusCode::kFailedPrecondition);
}

TEST_F(SqliteTest, WaitsForWhoeverMakesIt) {
  fs::create_directory(directory_ / "log");
  const int held = open((directory_ / "log").c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(held, LOCK_EX), 0);
  SqliteOptions options;
  options.busy_timeout_ms = 20;
  EXPECT_TRUE(absl::IsUnavailable(OpenSqliteStore(directory_ / "log", options).status()));
  std::thread release([held] {
    usleep(30'000);
    close(held);
  });
  EXPECT_EQ(OpenCode("log"), absl::StatusCode::kOk);
  release.join();
}

// Killed at any moment of its making, there is no log or a whole one, and the next process goes on.
TEST_F(SqliteTest, AKillLeavesAWholeLogOrNone) {
  constexpr int kRounds = 60;
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(Open("first").ok());
  const auto took = std::chrono::steady_clock::now() - start;
  int none = 0, whole = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string name = "log" + std::to_string(round);
    const pid_t child = fork();
    if (child == 0) _exit(Open(name.c_str()).ok() ? 0 : 1);
    std::this_thread::sleep_for(took * 2 * round / kRounds);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const absl::StatusOr<std::unique_ptr<Store>> found = Open(name.c_str(), false);
    none += absl::IsNotFound(found.status());
    whole += found.ok();
    EXPECT_TRUE(found.ok() || absl::IsNotFound(found.status())) << found.status();
    EXPECT_TRUE(Open(name.c_str()).ok());
  }
  EXPECT_GT(none, 0);
  EXPECT_GT(whole, 0);
}

TEST_F(SqliteTest, LeavesAnotherDatabaseAsItIs) {
  fs::create_directory(directory_ / "db");
  Sql(directory_ / "db/log.db", "CREATE TABLE t(x)");
  const std::string before = ReadFile("db/log.db");
  EXPECT_EQ(OpenCode("db"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReadFile("db/log.db"), before);
}

TEST_F(SqliteTest, RefusesALaterVersion) {
  ASSERT_TRUE(Open("log").ok());
  Sql(directory_ / "log/log.db", "PRAGMA user_version = 2");
  const absl::Status status = Open("log").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("version 2"));
}

TEST_F(SqliteTest, FlushesEveryCommit) {
  { ASSERT_TRUE(Open("log").ok()); }
  const std::string header = ReadFile("log/log.db");
  EXPECT_EQ(header.substr(68, 4), "WRIT");       // application_id
  EXPECT_EQ(header.substr(18, 2), "\x02\x02");   // write-ahead log
}

TEST_F(SqliteTest, ErasedContentLeavesTheDisk) {
  const std::string secret = "Ms Adams of 7 Elm Street";
  auto store = *Open("log");
  Writer writer(store.get());
  std::string pages;  // what no longer fits a page leaves whole pages behind, which nobody writes over soon
  for (int i = 0; i < 1000; ++i) pages += secret;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(writer.Append({Proposal("d-1", i == 7 ? pages : i == 9 ? secret : "Mr Brown")}).ok());
  }
  ASSERT_NE(Everything().find(secret), std::string::npos);
  ASSERT_TRUE(writer.Append({Erasure({{8, {}}, {10, {}}})}).ok());
  EXPECT_EQ(Everything().find(secret), std::string::npos);
  EXPECT_NE(Everything().find("Mr Brown"), std::string::npos);
}

TEST_F(SqliteTest, ErasedContentLeavesTheDiskOnceAReaderIsDone) {
  const std::string secret = "Ms Adams of 7 Elm Street";
  auto store = *Open("log");
  auto other = *Open("log");
  Writer writer(store.get());
  ASSERT_TRUE(writer.Append({Proposal("d-1", secret), Proposal("d-2")}).ok());
  ASSERT_TRUE(other->Load(1, [&](const StoredEvent& stored) {
    if (stored.position != 1) return absl::OkStatus();
    EXPECT_TRUE(writer.Append({Erasure({{1, {}}})}).ok());
    EXPECT_NE(Everything().find(secret), std::string::npos);  // the reader still sees the log as it was
    return absl::OkStatus();
  }).ok());
  ASSERT_TRUE(writer.Append({Proposal("d-2")}).ok());
  EXPECT_EQ(Everything().find(secret), std::string::npos);
}

TEST_F(SqliteTest, ADamagedFileIsAnErrorOrAFault) {
  {
    auto store = *Open("log");
    Writer writer(store.get());
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(writer.Append({Proposal("d-1", "Ms Adams")}).ok());
  }
  const std::string good = ReadFile("log/log.db");
  EventGenerator generator(5);
  int seen = 0;
  for (int i = 0; i < 60; ++i) {
    std::string bad = good;
    const size_t at = 4096 + generator.Below(bad.size() - 4096 - 64);
    for (size_t j = 0; j < 64; ++j) bad[at + j] = static_cast<char>(generator.Below(256));
    WriteFile("log/log.db", bad);
    const absl::StatusOr<std::unique_ptr<Store>> store = Open("log");
    seen += !store.ok() || !Faults(store->get()).empty();
  }
  EXPECT_GT(seen, 30);  // the rest fell on room that is not in use
}

TEST_F(SqliteTest, ManyMayCreateItAtOnce) {
  for (int round = 0; round < 5; ++round) {
    const std::string name = "log" + std::to_string(round);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const auto store = Open(name.c_str());
        ASSERT_TRUE(store.ok()) << store.status();
        EXPECT_EQ(*(*store)->LastPosition(), 0);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_F(SqliteTest, ManyMayAppendAtOnce) {
  constexpr int kThreads = 4, kEach = 25;
  ASSERT_TRUE(Open("log").ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, i] {
      auto store = *Open("log");
      Writer writer(store.get());
      for (int n = 0; n < kEach;) {
        ASSERT_TRUE(writer.CatchUp().ok());
        const absl::Status status = writer.Append({Proposal("d-" + std::to_string(i)), Proposal("shared")});
        ASSERT_TRUE(status.ok() || absl::IsAborted(status) || absl::IsUnavailable(status)) << status;
        n += status.ok();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  auto store = *Open("log");
  EXPECT_EQ(*store->LastPosition(), 2 * kThreads * kEach);
  EXPECT_EQ(Faults(store.get()), "");
}

TEST_F(SqliteTest, HoldingItTooLongIsUnavailable) {
  ASSERT_TRUE(Open("log").ok());
  SqliteOptions options;
  options.busy_timeout_ms = 20;
  auto store = *OpenSqliteStore(directory_ / "log", options);
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((directory_ / "log/log.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  Writer writer(store.get());
  EXPECT_TRUE(absl::IsUnavailable(writer.Append({Proposal("d-1")})));
  sqlite3_close(db);
  EXPECT_TRUE(writer.Append({Proposal("d-1")}).ok());
}

// What was acknowledged before the process was killed is there, and nothing is half there.
TEST_F(SqliteTest, AcknowledgedEventsOutliveAKill) {
  for (int round = 0; round < 20; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto store = *Open("log");
      Writer writer(store.get());
      if (!writer.CatchUp().ok()) _exit(1);
      for (;;) {
        if (!writer.Append({Proposal("d-1", "Ms Adams"), Proposal("d-2")}).ok()) _exit(2);
        const int64_t position = writer.chain.last_position();
        if (write(pipe_ends[1], &position, sizeof(position)) != sizeof(position)) _exit(3);
      }
    }
    close(pipe_ends[1]);
    int64_t acknowledged = 0;
    for (int i = 0; i <= round; ++i) {
      ASSERT_EQ(read(pipe_ends[0], &acknowledged, sizeof(acknowledged)), ssize_t{sizeof(acknowledged)});
    }
    usleep(200 * round);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (int64_t more; read(pipe_ends[0], &more, sizeof(more)) == sizeof(more);) acknowledged = more;
    close(pipe_ends[0]);
    auto store = *Open("log");
    EXPECT_GE(*store->LastPosition(), acknowledged);
    EXPECT_EQ(*store->LastPosition() % 2, 0);
    ASSERT_EQ(Faults(store.get()), "");
  }
}

}  // namespace
}  // namespace writ::store
