#include "runtime/store/sqlite_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"

namespace writ::store {
namespace {

constexpr int kApplicationId = 0x57524954;  // "WRIT"
constexpr int kUserVersion = 1;
constexpr char kNewLog[] = "log.db.new";  // until it is whole

// A checkpoint flushes both files: a longer write-ahead log makes it rarer. 4096 pages are 16 MiB.
constexpr char kPragmas[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4096; PRAGMA secure_delete=ON;"
    "PRAGMA trusted_schema=OFF;";

// `bytes` comes last: whoever wants a hash or the private values does not walk through its overflow pages.
constexpr char kSchema[] =
    "CREATE TABLE events(position INTEGER PRIMARY KEY, hash BLOB NOT NULL, private BLOB NOT NULL, bytes BLOB NOT NULL)"
    " STRICT;"
    "CREATE TABLE policies(digest TEXT PRIMARY KEY, ir BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "PRAGMA application_id=0x57524954; PRAGMA user_version=1;";

// One prepared statement, made once and reused; between uses it is reset, so that it holds neither locks nor memory.
class Statement {
 public:
  Statement() = default;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  int Prepare(sqlite3* db, const char* sql) {
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  }
  // The bytes must outlive the next Reset.
  void Bind(int index, std::string_view bytes) {
    const char* data = bytes.empty() ? "" : bytes.data();  // a null pointer would bind NULL
    sqlite3_bind_blob64(statement_, index, data, bytes.size(), SQLITE_STATIC);
  }
  void BindText(int index, const std::string& text) {
    sqlite3_bind_text64(statement_, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  void Bind(int index, int64_t n) { sqlite3_bind_int64(statement_, index, n); }
  int Step() { return sqlite3_step(statement_); }
  int Reset() { return sqlite3_reset(statement_); }
  int64_t Integer(int column) { return sqlite3_column_int64(statement_, column); }
  std::string_view Bytes(int column) {
    const void* data = sqlite3_column_blob(statement_, column);
    return std::string_view(static_cast<const char*>(data), sqlite3_column_bytes(statement_, column));
  }
  // Runs a statement that returns nothing.
  int Run() {
    const int step = Step();
    Reset();
    return step == SQLITE_DONE || step == SQLITE_ROW ? SQLITE_OK : step;
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

// Resets when the reader is done with it, also when its callback gives up.
struct ResetLater {
  Statement& statement;
  ~ResetLater() { statement.Reset(); }
};

absl::Status SqliteError(const std::string& path, int code, const char* doing) {
  const std::string text = absl::StrCat(path, ": ", doing, ": ", sqlite3_errstr(code));
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return absl::UnavailableError(absl::StrCat(text, "; another process holds it"));
    case SQLITE_NOTADB: return absl::FailedPreconditionError(absl::StrCat(path, " is no log of writ's"));
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN: return absl::PermissionDeniedError(text);
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG: return absl::ResourceExhaustedError(text);
    default: return absl::DataLossError(text);
  }
}

class SqliteStore : public Store {
 public:
  SqliteStore(std::string path, const SqliteOptions& options) : path_(std::move(path)), options_(options) {}
  ~SqliteStore() override;

  absl::Status Open();

  absl::StatusOr<int64_t> LastPosition() override;
  absl::Status Load(int64_t from_position, const std::function<absl::Status(const StoredEvent&)>& callback) override;
  absl::Status AppendBatch(std::span<const PreparedEvent> events, int64_t expected_last_position) override;
  absl::Status PutPolicy(const std::string& digest, std::string_view ir) override;
  absl::StatusOr<std::string> GetPolicy(const std::string& digest) override;

 private:
  int Execute(const char* sql) { return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr); }
  absl::Status Error(int code, const char* doing) const { return SqliteError(path_, code, doing); }
  absl::Status Usable() const;
  absl::Status Poison(int code, const char* doing);

  absl::StatusOr<int64_t> PragmaValue(const char* pragma);
  absl::Status CheckIsLog();
  absl::Status PrepareStatements();

  absl::Status Begin();
  absl::Status Rollback(absl::Status status);
  absl::Status Commit();
  absl::StatusOr<int64_t> ReadLastPosition();
  absl::Status Insert(const PreparedEvent& event, int64_t position);
  absl::Status Erase(const Erased& erased);
  void ScrubLog();

  const std::string path_;
  const SqliteOptions options_;
  sqlite3* db_ = nullptr;
  bool poisoned_ = false;
  bool scrub_due_ = false;   // erased content may still be in the write-ahead log
  struct {
    Statement begin, commit, rollback, last, load, insert, get_private, set_private, put_policy, get_policy;
  } sql_;
};

absl::Status SqliteStore::Usable() const {
  if (!poisoned_) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path_, ": an append failed half way: whether it is kept is unknown; open the store anew and load"));
}

// After a failed write or flush, what the operating system still holds and what is on the disk may differ, and no later
// flush on this handle can be believed.
absl::Status SqliteStore::Poison(int code, const char* doing) {
  const absl::Status status = Error(code, doing);
  sql_.rollback.Run();
  poisoned_ = true;
  return absl::DataLossError(absl::StrCat(status.message(), "; ", Usable().message()));
}

SqliteStore::~SqliteStore() {
  if (scrub_due_ && !poisoned_) ScrubLog();
  sqlite3* const db = std::exchange(db_, nullptr);
  // Statements go with the members, after this body: the handle closes itself with the last of them.
  sqlite3_close_v2(db);
}

// ---------------------------------------------------------------- opening

absl::StatusOr<int64_t> SqliteStore::PragmaValue(const char* pragma) {
  Statement statement;
  if (int code = statement.Prepare(db_, pragma); code != SQLITE_OK) return Error(code, "cannot read it");
  const int code = statement.Step();
  if (code != SQLITE_ROW) return Error(code, "cannot read it");
  return statement.Integer(0);
}

absl::Status SqliteStore::CheckIsLog() {
  const absl::StatusOr<int64_t> tables = PragmaValue("SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.status();
  const absl::StatusOr<int64_t> application = PragmaValue("PRAGMA application_id");
  if (!application.ok()) return application.status();
  const absl::StatusOr<int64_t> version = PragmaValue("PRAGMA user_version");
  if (!version.ok()) return version.status();
  // A log appears whole: whatever this was, it has been lost.
  if (*tables == 0 && *application == 0 && *version == 0) {
    return absl::FailedPreconditionError(absl::StrCat(path_, " is empty: it holds no log"));
  }
  if (*application != kApplicationId) {
    return absl::FailedPreconditionError(absl::StrCat(path_, " is a database, but no log of writ's"));
  }
  if (*version != kUserVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, " is a log of version ", *version, "; this program reads version ", kUserVersion));
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::PrepareStatements() {
  const std::pair<Statement*, const char*> table[] = {
      {&sql_.begin, "BEGIN IMMEDIATE"},
      {&sql_.commit, "COMMIT"},
      {&sql_.rollback, "ROLLBACK"},
      {&sql_.last, "SELECT max(position) FROM events"},
      {&sql_.load, "SELECT position, hash, private, bytes FROM events WHERE position >= ? ORDER BY position"},
      {&sql_.insert, "INSERT INTO events(position, hash, private, bytes) VALUES(?, ?, ?, ?)"},
      {&sql_.get_private, "SELECT private FROM events WHERE position = ?"},
      {&sql_.set_private, "UPDATE events SET private = ? WHERE position = ?"},
      {&sql_.put_policy, "INSERT INTO policies(digest, ir) VALUES(?, ?) ON CONFLICT DO NOTHING"},
      {&sql_.get_policy, "SELECT ir FROM policies WHERE digest = ?"},
  };
  for (const auto& [statement, text] : table) {
    if (int code = statement->Prepare(db_, text); code != SQLITE_OK) return Error(code, "cannot read it");
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::Open() {
  const char* const vfs = options_.vfs.empty() ? nullptr : options_.vfs.c_str();
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (int code = sqlite3_open_v2(path_.c_str(), &db_, flags, vfs); code != SQLITE_OK) {
    return Error(code, "cannot open it");
  }
  sqlite3_busy_timeout(db_, options_.busy_timeout_ms);
  // What is not ours is not changed.
  if (absl::Status is_log = CheckIsLog(); !is_log.ok()) return is_log;
  if (int code = Execute(kPragmas); code != SQLITE_OK) return Error(code, "cannot open it");
  // A process that ended between an erasure and its scrubbing has left the content in the write-ahead log.
  ScrubLog();
  scrub_due_ = false;
  return PrepareStatements();
}

// ---------------------------------------------------------------- reading

absl::StatusOr<int64_t> SqliteStore::ReadLastPosition() {
  const ResetLater reset{sql_.last};
  const int code = sql_.last.Step();
  if (code != SQLITE_ROW) return Error(code, "cannot read it");
  return sql_.last.Integer(0);  // of no row at all: NULL, which reads as 0
}

absl::StatusOr<int64_t> SqliteStore::LastPosition() {
  if (absl::Status usable = Usable(); !usable.ok()) return usable;
  return ReadLastPosition();
}

absl::Status SqliteStore::Load(int64_t from_position,
                               const std::function<absl::Status(const StoredEvent&)>& callback) {
  if (absl::Status usable = Usable(); !usable.ok()) return usable;
  const ResetLater reset{sql_.load};
  sql_.load.Bind(1, from_position);
  int code;
  while ((code = sql_.load.Step()) == SQLITE_ROW) {
    const StoredEvent stored{sql_.load.Integer(0), sql_.load.Bytes(3), sql_.load.Bytes(2), sql_.load.Bytes(1)};
    if (absl::Status status = callback(stored); !status.ok()) return status;
  }
  return code == SQLITE_DONE ? absl::OkStatus() : Error(code, "cannot read it");
}

absl::StatusOr<std::string> SqliteStore::GetPolicy(const std::string& digest) {
  if (absl::Status usable = Usable(); !usable.ok()) return usable;
  const ResetLater reset{sql_.get_policy};
  sql_.get_policy.BindText(1, digest);
  const int code = sql_.get_policy.Step();
  if (code == SQLITE_DONE) return absl::NotFoundError(absl::StrCat("there is no policy ", digest));
  if (code != SQLITE_ROW) return Error(code, "cannot read it");
  return std::string(sql_.get_policy.Bytes(0));
}

// ---------------------------------------------------------------- writing

absl::Status SqliteStore::Begin() {
  const int code = sql_.begin.Run();
  if (code == SQLITE_OK) return absl::OkStatus();
  if ((code & 0xFF) == SQLITE_BUSY) return Error(code, "cannot append");
  return Poison(code, "cannot append");
}

// For an append that must not be: nothing has failed, and the handle stays good.
absl::Status SqliteStore::Rollback(absl::Status status) {
  if (poisoned_) return status;
  if (int code = sql_.rollback.Run(); code != SQLITE_OK) return Poison(code, "cannot append");
  return status;
}

absl::Status SqliteStore::Commit() {
  const int code = sql_.commit.Run();
  return code == SQLITE_OK ? absl::OkStatus() : Poison(code, "cannot append");
}

absl::Status SqliteStore::Insert(const PreparedEvent& event, int64_t position) {
  const absl::StatusOr<EventHeader> header = DecodeHeader(event.bytes);
  WRIT_CHECK(header.ok() && header->position == position);
  sql_.insert.Bind(1, position);
  sql_.insert.Bind(2, AsBytes(event.hash));
  sql_.insert.Bind(3, event.private_bytes);
  sql_.insert.Bind(4, event.bytes);
  const int code = sql_.insert.Run();
  return code == SQLITE_OK ? absl::OkStatus() : Poison(code, "cannot append");
}

absl::Status SqliteStore::Erase(const Erased& erased) {
  std::string after;
  {
    const ResetLater reset{sql_.get_private};
    sql_.get_private.Bind(1, erased.position);
    const int code = sql_.get_private.Step();
    if (code == SQLITE_DONE) {
      return absl::NotFoundError(absl::StrCat("there is no position ", erased.position, " to erase from"));
    }
    if (code != SQLITE_ROW) return Error(code, "cannot read it");
    absl::StatusOr<std::string> values = EraseValues(sql_.get_private.Bytes(0), erased.indices);
    if (!values.ok()) return values.status();
    after = *std::move(values);
  }
  sql_.set_private.Bind(1, after);
  sql_.set_private.Bind(2, erased.position);
  scrub_due_ = true;
  const int code = sql_.set_private.Run();
  return code == SQLITE_OK ? absl::OkStatus() : Poison(code, "cannot erase");
}

// The log of an erasure still holds the page as it was. Emptying it waits for nobody: while another process reads, it
// stays due, for the next append or the end.
void SqliteStore::ScrubLog() {
  sqlite3_busy_timeout(db_, 0);
  scrub_due_ = sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr) != SQLITE_OK;
  sqlite3_busy_timeout(db_, options_.busy_timeout_ms);
}

absl::Status SqliteStore::AppendBatch(std::span<const PreparedEvent> events, int64_t expected_last_position) {
  if (absl::Status usable = Usable(); !usable.ok()) return usable;
  if (absl::Status begun = Begin(); !begun.ok()) return begun;
  const absl::StatusOr<int64_t> last = ReadLastPosition();
  if (!last.ok()) return Rollback(last.status());
  if (*last != expected_last_position) {
    return Rollback(
        absl::AbortedError(absl::StrCat("the log is at position ", *last, ", not at ", expected_last_position)));
  }
  int64_t position = expected_last_position;
  for (const PreparedEvent& event : events) {
    if (absl::Status status = Insert(event, ++position); !status.ok()) return Rollback(status);
  }
  for (const PreparedEvent& event : events) {
    for (const Erased& erased : event.erased) {
      if (absl::Status status = Erase(erased); !status.ok()) return Rollback(status);
    }
  }
  if (absl::Status status = Commit(); !status.ok()) return status;
  if (scrub_due_) ScrubLog();
  return absl::OkStatus();
}

absl::Status SqliteStore::PutPolicy(const std::string& digest, std::string_view ir) {
  const absl::StatusOr<std::string> known = GetPolicy(digest);
  if (known.ok() && *known == ir) return absl::OkStatus();
  if (known.ok()) return absl::AlreadyExistsError(absl::StrCat("another policy is stored as ", digest));
  if (!absl::IsNotFound(known.status())) return known.status();
  if (absl::Status begun = Begin(); !begun.ok()) return begun;
  sql_.put_policy.BindText(1, digest);
  sql_.put_policy.Bind(2, ir);
  if (int code = sql_.put_policy.Run(); code != SQLITE_OK) return Poison(code, "cannot keep the policy");
  return Commit();
}

// ---------------------------------------------------------------- the directory

absl::Status DirectoryError(const std::string& directory, const char* doing) {
  const std::string text = absl::StrCat(directory, ": ", doing, ": ", std::strerror(errno));
  if (errno == EACCES || errno == EPERM || errno == EROFS) return absl::PermissionDeniedError(text);
  return absl::FailedPreconditionError(text);
}

// What was made or renamed in a directory is durable only once the directory is.
absl::Status FlushDirectory(const std::string& directory) {
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return DirectoryError(directory, "cannot open the directory");
  const int flushed = fsync(fd);
  const absl::Status status =
      flushed == 0 ? absl::OkStatus() : DirectoryError(directory, "cannot flush the directory");
  close(fd);
  return status;
}

// True if there is a log file to be opened, false if one may be created in the directory, which is there then.
absl::StatusOr<bool> LookAt(const std::string& directory, const std::string& path, bool create) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is not a file"));
    return true;
  }
  if (stat(directory.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(directory, " is not a directory"));
  }
  if (!create) return absl::NotFoundError(absl::StrCat(directory, " holds no log"));
  if (mkdir(directory.c_str(), 0777) != 0) {
    return errno == EEXIST ? absl::StatusOr<bool>(false) : DirectoryError(directory, "cannot make the directory");
  }
  if (absl::Status flushed = FlushDirectory(directory + "/.."); !flushed.ok()) return flushed;
  return false;
}

// ---------------------------------------------------------------- a new log

// Of several that make a log in one directory, one at a time. Freed when it goes, or when the process does.
class DirectoryLock {
 public:
  DirectoryLock() = default;
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock() {
    if (fd_ >= 0) close(fd_);
  }

  absl::Status Take(const std::string& directory, int timeout_ms) {
    fd_ = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd_ < 0) return DirectoryError(directory, "cannot open the directory");
    for (int waited_ms = 0; flock(fd_, LOCK_EX | LOCK_NB) != 0; waited_ms += 10) {
      if (errno != EWOULDBLOCK && errno != EINTR) return DirectoryError(directory, "cannot lock the directory");
      if (waited_ms >= timeout_ms) {
        return absl::UnavailableError(absl::StrCat(directory, ": cannot make a log: another process holds it"));
      }
      sqlite3_sleep(10);
    }
    return absl::OkStatus();
  }

 private:
  int fd_ = -1;
};

// With the lock held, and no log there. A write-ahead log without its log.db counts too: a log has been lost here.
absl::Status CheckHoldsNothingElse(const std::string& directory) {
  DIR* const entries = opendir(directory.c_str());
  if (entries == nullptr) return DirectoryError(directory, "cannot read the directory");
  bool other = false;
  while (const dirent* entry = readdir(entries)) {
    // Version control keeps an otherwise empty directory by a hidden file.
    const std::string_view name = entry->d_name;
    other |= name[0] != '.' && !name.starts_with(kNewLog);
  }
  closedir(entries);
  if (!other) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(directory, " holds other files and no log; name a new or an empty directory"));
}

// An empty log, whole on the disk, with no file beside it.
absl::Status WriteEmptyLog(const std::string& path, const std::string& vfs) {
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  int code = sqlite3_open_v2(path.c_str(), &db, flags, vfs.empty() ? nullptr : vfs.c_str());
  // One transaction; only then the header says that there is a write-ahead log.
  for (const char* sql : {"PRAGMA synchronous=FULL; BEGIN", kSchema, "COMMIT; PRAGMA journal_mode=WAL"}) {
    if (code == SQLITE_OK) code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
  }
  const int closed = sqlite3_close(db);
  if (code == SQLITE_OK) code = closed;
  return code == SQLITE_OK ? absl::OkStatus() : SqliteError(path, code, "cannot create it");
}

// The log is made under another name: whenever the process or the machine ends, log.db is whole or not there.
absl::Status CreateLog(const std::string& directory, const std::string& path, const SqliteOptions& options) {
  DirectoryLock lock;
  if (absl::Status locked = lock.Take(directory, options.busy_timeout_ms); !locked.ok()) return locked;
  struct stat info;
  if (stat(path.c_str(), &info) == 0) return absl::OkStatus();  // somebody else has made it while we waited
  if (absl::Status empty = CheckHoldsNothingElse(directory); !empty.ok()) return empty;
  const std::string made = absl::StrCat(directory, "/", kNewLog);
  for (const char* left_over : {"", "-journal", "-wal", "-shm"}) {
    if (unlink((made + left_over).c_str()) != 0 && errno != ENOENT) {
      return DirectoryError(made + left_over, "cannot remove what an earlier attempt has left");
    }
  }
  if (absl::Status written = WriteEmptyLog(made, options.vfs); !written.ok()) return written;
  if (rename(made.c_str(), path.c_str()) != 0) return DirectoryError(path, "cannot name the new log");
  return FlushDirectory(directory);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& directory, const SqliteOptions& options) {
  const std::string path = absl::StrCat(directory, "/log.db");
  const absl::StatusOr<bool> exists = LookAt(directory, path, options.create);
  if (!exists.ok()) return exists.status();
  if (!*exists) {
    if (absl::Status created = CreateLog(directory, path, options); !created.ok()) return created;
  }
  auto store = std::make_unique<SqliteStore>(path, options);
  if (absl::Status status = store->Open(); !status.ok()) return status;
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace writ::store
