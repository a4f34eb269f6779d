#include "runtime/store/sqlite_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"

namespace writ::store {
namespace {

constexpr int kApplicationId = 0x57524954;  // "WRIT"
constexpr int kUserVersion = 1;

// A checkpoint flushes both files: a longer write-ahead log makes it rarer. 4096 pages are 16 MiB.
constexpr char kPragmas[] =
    "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4096; PRAGMA secure_delete=ON; PRAGMA trusted_schema=OFF;";

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

class SqliteStore : public Store {
 public:
  SqliteStore(std::string path, const SqliteOptions& options) : path_(std::move(path)), options_(options) {}
  ~SqliteStore() override;

  absl::Status Open(bool create);

  absl::StatusOr<int64_t> LastPosition() override;
  absl::Status Load(int64_t from_position, const std::function<absl::Status(const StoredEvent&)>& callback) override;
  absl::Status AppendBatch(std::span<const PreparedEvent> events, int64_t expected_last_position) override;
  absl::Status PutPolicy(const std::string& digest, std::string_view ir) override;
  absl::StatusOr<std::string> GetPolicy(const std::string& digest) override;

 private:
  int Execute(const char* sql) { return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr); }
  absl::Status Error(int code, const char* doing) const;
  absl::Status Usable() const;
  absl::Status Poison(int code, const char* doing);

  absl::StatusOr<int64_t> PragmaValue(const char* pragma);
  absl::StatusOr<bool> IsEmpty();  // in a transaction; true for a fresh file, an error if it is something else than a log
  absl::Status EnableWal();
  absl::Status CreateTables();
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

absl::Status SqliteStore::Error(int code, const char* doing) const {
  const std::string text = absl::StrCat(path_, ": ", doing, ": ", sqlite3_errstr(code));
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return absl::UnavailableError(absl::StrCat(text, "; another process holds it"));
    case SQLITE_NOTADB: return absl::FailedPreconditionError(absl::StrCat(path_, " is no log of writ's"));
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN: return absl::PermissionDeniedError(text);
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG: return absl::ResourceExhaustedError(text);
    default: return absl::DataLossError(text);
  }
}

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

absl::StatusOr<bool> SqliteStore::IsEmpty() {
  const absl::StatusOr<int64_t> tables = PragmaValue("SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.status();
  const absl::StatusOr<int64_t> application = PragmaValue("PRAGMA application_id");
  if (!application.ok()) return application.status();
  const absl::StatusOr<int64_t> version = PragmaValue("PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (*tables == 0 && *application == 0 && *version == 0) return true;
  if (*application != kApplicationId) {
    return absl::FailedPreconditionError(absl::StrCat(path_, " is a database, but no log of writ's"));
  }
  if (*version != kUserVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, " is a log of version ", *version, "; this program reads version ", kUserVersion));
  }
  return false;
}

// SQLite does not wait for others while it changes the journal's kind, so that is done here.
absl::Status SqliteStore::EnableWal() {
  for (int waited_ms = 0;; waited_ms += 10) {
    const int code = Execute("PRAGMA journal_mode=WAL");
    if (code == SQLITE_OK) return absl::OkStatus();
    if ((code & 0xFF) != SQLITE_BUSY || waited_ms >= options_.busy_timeout_ms) return Error(code, "cannot open it");
    sqlite3_sleep(10);
  }
}

absl::Status SqliteStore::CreateTables() {
  if (int code = Execute("BEGIN IMMEDIATE"); code != SQLITE_OK) return Error(code, "cannot create it");
  // Somebody else may have created it while we waited.
  const absl::StatusOr<bool> empty = IsEmpty();
  int code = SQLITE_OK;
  if (empty.ok() && *empty) code = Execute(kSchema);
  if (empty.ok() && code == SQLITE_OK) code = Execute("COMMIT");
  if (!empty.ok() || code != SQLITE_OK) Execute("ROLLBACK");
  if (!empty.ok()) return empty.status();
  return code == SQLITE_OK ? absl::OkStatus() : Error(code, "cannot create it");
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

absl::Status SqliteStore::Open(bool create) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  const char* const vfs = options_.vfs.empty() ? nullptr : options_.vfs.c_str();
  if (int code = sqlite3_open_v2(path_.c_str(), &db_, flags, vfs); code != SQLITE_OK) {
    return Error(code, "cannot open it");
  }
  sqlite3_busy_timeout(db_, options_.busy_timeout_ms);
  // What is not ours is not changed, not even its journal's kind. One transaction, since somebody else may be creating it.
  if (int code = Execute("BEGIN"); code != SQLITE_OK) return Error(code, "cannot open it");
  const absl::StatusOr<bool> empty = IsEmpty();
  Execute("COMMIT");
  if (!empty.ok()) return empty.status();
  // Where no log may be made, an empty file is none: whatever it was, it has been lost.
  if (*empty && !options_.create) {
    return absl::FailedPreconditionError(absl::StrCat(path_, " is empty: it holds no log"));
  }
  if (absl::Status status = EnableWal(); !status.ok()) return status;
  if (int code = Execute(kPragmas); code != SQLITE_OK) return Error(code, "cannot open it");
  if (*empty) {
    if (absl::Status status = CreateTables(); !status.ok()) return status;
  }
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

// A new directory is durable only once the one above it is.
absl::Status FlushParent(const std::string& directory) {
  const std::string parent = absl::StrCat(directory, "/..");
  const int fd = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return DirectoryError(parent, "cannot open the directory");
  const int flushed = fsync(fd);
  close(fd);
  return flushed == 0 ? absl::OkStatus() : DirectoryError(parent, "cannot flush the directory");
}

absl::StatusOr<bool> HoldsOtherThings(const std::string& directory) {
  DIR* const entries = opendir(directory.c_str());
  if (entries == nullptr) return DirectoryError(directory, "cannot read the directory");
  bool other = false;
  while (const dirent* entry = readdir(entries)) {
    // Version control keeps an otherwise empty directory by a hidden file; another process may just be creating the log.
    const std::string_view name = entry->d_name;
    other |= name[0] != '.' && !name.starts_with("log.db");
  }
  closedir(entries);
  return other;
}

// True if there is a log file to be opened, false if one may be created.
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
  if (mkdir(directory.c_str(), 0777) == 0) {
    if (absl::Status flushed = FlushParent(directory); !flushed.ok()) return flushed;
    return false;
  }
  if (errno != EEXIST) return DirectoryError(directory, "cannot make the directory");
  const absl::StatusOr<bool> other = HoldsOtherThings(directory);
  if (!other.ok()) return other.status();
  if (*other) {
    return absl::FailedPreconditionError(
        absl::StrCat(directory, " holds other files and no log; name a new or an empty directory"));
  }
  return false;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& directory, const SqliteOptions& options) {
  const std::string path = absl::StrCat(directory, "/log.db");
  const absl::StatusOr<bool> exists = LookAt(directory, path, options.create);
  if (!exists.ok()) return exists.status();
  auto store = std::make_unique<SqliteStore>(path, options);
  if (absl::Status status = store->Open(!*exists); !status.ok()) return status;
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace writ::store
