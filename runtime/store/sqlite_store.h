// The log in one SQLite file, DIR/log.db.
//
// One append-only table, `events`, whose key is the position; another for the policies. Write-ahead log with
// synchronous=FULL: a commit has been flushed before it returns. Erased content is overwritten in the file and the
// write-ahead log is emptied afterwards.
//
// A log appears whole: it is made as DIR/log.db.new, flushed, and then renamed, while the directory is locked (flock). So
// a process that is killed while it makes one leaves no log, or a log without events; and a log.db that is there and
// empty has been lost, and is refused.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/store/store.h"

namespace writ::store {

struct SqliteOptions {
  bool create = true;               // false: kNotFound unless the store is there
  std::string vfs;                  // SQLite's own file layer if empty; tests name one that fails
  int busy_timeout_ms = 10'000;     // how long another process may hold the store before kUnavailable
};

// Opens `directory`, which is made if it is not there.
//
// Errors    kNotFound as above; kFailedPrecondition if the directory holds something else, an empty log.db, or a log of
//           a later version; kPermissionDenied, kUnavailable or kDataLoss as the disk says. Each names the path.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& directory, const SqliteOptions& options);

}  // namespace writ::store
