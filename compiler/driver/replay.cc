#include <stdio.h>

#include "absl/strings/str_cat.h"
#include "compiler/driver/verbs.h"
#include "runtime/replay/event_lines.h"
#include "runtime/replay/replay.h"
#include "runtime/store/sqlite_store.h"

namespace writ::driver {
namespace {

// Where --decisions go; `-` is standard output.
class DecisionFile {
 public:
  ~DecisionFile() {
    if (file_ != nullptr && file_ != stdout) fclose(file_);
  }
  absl::Status Open(const std::string& path) {
    if (path.empty()) return absl::OkStatus();
    file_ = path == "-" ? stdout : fopen(path.c_str(), "wb");
    return file_ != nullptr ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("cannot write ", path));
  }
  bool is_open() const { return file_ != nullptr; }
  void Add(const DecisionRecord& record) {
    line_.clear();
    replay::AppendDecision(record, &line_);
    line_.push_back('\n');
    failed_ |= fwrite(line_.data(), 1, line_.size(), file_) != line_.size();
  }
  absl::Status Finish(const std::string& path) {
    if (file_ != nullptr && (fflush(file_) != 0 || failed_)) return absl::UnavailableError(absl::StrCat("cannot write ", path));
    return absl::OkStatus();
  }

 private:
  FILE* file_ = nullptr;
  std::string line_;
  bool failed_ = false;
};

absl::StatusOr<replay::ReplayReport> Decide(const ReplayRequest& request, const CompiledPolicy* policy,
                                            const replay::ReplayOptions& options) {
  if (!request.log.empty()) return replay::ReplayLog(policy, request.log, options);
  store::SqliteOptions existing;
  existing.create = false;
  absl::StatusOr<std::unique_ptr<store::Store>> store = store::OpenSqliteStore(request.store, existing);
  if (!store.ok()) return store.status();
  return replay::ReplayStore(policy, store->get(), options);
}

}  // namespace

int Replay(const ReplayRequest& request) {
  const Ready ready = Prepare(request.compile);
  if (ready.policy == nullptr) return ready.status;
  DecisionFile decisions;
  if (absl::Status status = decisions.Open(request.decisions); !status.ok()) return Fail(status);
  Progress progress("events decided");
  replay::ReplayOptions options;
  options.follow = request.follow == "policy" ? replay::Follow::kPolicy : replay::Follow::kRecord;
  options.workflow = request.workflow;
  if (decisions.is_open()) options.on_decision = [&](const DecisionRecord& record) { decisions.Add(record); };
  options.on_progress = [&](int64_t count) { progress.Show(count); };
  absl::StatusOr<replay::ReplayReport> report = Decide(request, ready.policy.get(), options);
  if (!report.ok()) return Fail(report.status());
  if (absl::Status status = decisions.Finish(request.decisions); !status.ok()) return Fail(status);
  Print(request.compile.json ? replay::ReportJson(*report) + "\n" : replay::ReportText(*report));
  return report->refused_count > 0 ? kFindings : kFine;
}

}  // namespace writ::driver
