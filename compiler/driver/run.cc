#include <stdio.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/driver/verbs.h"
#include "runtime/orchestrator/consequences.h"
#include "runtime/orchestrator/orchestrator.h"
#include "runtime/replay/byte_source.h"
#include "runtime/replay/event_lines.h"
#include "runtime/store/memory_store.h"
#include "runtime/store/sqlite_store.h"

namespace writ::driver {
namespace {

// One file of events through one orchestrator, a line at a time: what a line came to is printed before the next is read, and
// is durable when it is printed.
class Runner {
 public:
  Runner(const RunRequest& request, Orchestrator* orchestrator) : request_(request), orchestrator_(orchestrator) {}

  int Run(replay::ByteSource* source) {
    replay::LineReader lines(source, replay::kLineBytesMax);
    std::string_view line;
    bool too_long = false;
    while (true) {
      absl::StatusOr<bool> any = lines.Next(&line, &too_long);
      if (!any.ok()) return Fail(any.status());
      if (!*any) return found_ ? kFindings : kFine;
      ++number_;
      if (!prints_to_terminal_) progress_.Show(number_);
      if (too_long) Refuse(absl::StrCat("the line is longer than ", replay::kLineBytesMax, " bytes"));
      else if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
      else if (absl::Status status = Take(line); !status.ok()) return Fail(status);
    }
  }

 private:
  absl::Status Take(std::string_view line) {
    absl::StatusOr<replay::EventLine> event = reader_.Read(line);
    absl::StatusOr<std::vector<DecisionRecord>> records = event.ok() ? Submit(*event) : event.status();
    if (records.ok()) {
      Show(*records);
      return absl::OkStatus();
    }
    if (records.status().code() != absl::StatusCode::kInvalidArgument) return records.status();
    Refuse(records.status().message());
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<DecisionRecord>> Submit(const replay::EventLine& event) {
    if (!event.is_erase) return orchestrator_->Submit(event.submission);
    std::vector<DecisionRecord> records;
    if (event.erase.at_ns.has_value()) {
      absl::StatusOr<std::vector<DecisionRecord>> due = orchestrator_->Tick(*event.erase.at_ns);
      if (!due.ok()) return due;
      records = *std::move(due);
    }
    absl::StatusOr<DecisionRecord> record =
        orchestrator_->Erase(event.erase.workflow, event.erase.on, event.erase.field, event.erase.by, event.erase.at_ns);
    if (record.ok()) {
      records.push_back(*std::move(record));
    } else if (records.empty() || record.status().code() != absl::StatusCode::kInvalidArgument) {
      return record.status();
    } else {
      Refuse(record.status().message());  // what was due by then has been committed all the same
    }
    return records;
  }

  void Show(const std::vector<DecisionRecord>& records) {
    std::string text;
    for (const DecisionRecord& record : records) {
      replay::AppendDecision(record, &text);
      text.push_back('\n');
      const std::string_view outcome = replay::OutcomeName(record.outcome);
      found_ |= std::find(request_.fail_on.begin(), request_.fail_on.end(), outcome) != request_.fail_on.end();
    }
    if (!text.empty()) Print(text);
  }

  void Refuse(absl::string_view error) {
    std::string text;
    replay::JsonWriter(&text).Open('{').Key("line").Number(number_).Key("error").Text({error.data(), error.size()}).Close('}');
    text.push_back('\n');
    fwrite(text.data(), 1, text.size(), stderr);
    fflush(stderr);
    found_ = true;
  }

  const RunRequest& request_;
  Orchestrator* orchestrator_;
  replay::EventLineReader reader_;
  Progress progress_{"lines decided"};
  const bool prints_to_terminal_ = isatty(STDOUT_FILENO) != 0;  // there the decisions themselves are the progress
  int64_t number_ = 0;
  bool found_ = false;
};

absl::StatusOr<std::unique_ptr<store::Store>> OpenStore(const std::string& directory) {
  if (directory.empty()) return std::make_unique<store::MemoryStore>();
  return store::OpenSqliteStore(directory, {});
}

}  // namespace

int Run(const RunRequest& request) {
  const Ready ready = Prepare(request.compile);
  if (ready.policy == nullptr) return ready.status;
  absl::StatusOr<std::unique_ptr<store::Store>> store = OpenStore(request.store);
  if (!store.ok()) return Fail(store.status());
  OrchestratorOptions options;
  options.obligations = ObligationsNeeded(ready.policy->schema());  // it prints them, which is all that it is asked to do
  absl::StatusOr<std::unique_ptr<Orchestrator>> orchestrator = Orchestrator::Open(ready.policy.get(), store->get(), options);
  if (!orchestrator.ok()) return Fail(orchestrator.status());
  absl::StatusOr<std::unique_ptr<replay::ByteSource>> source =
      request.events == "-" ? replay::OpenStandardInput() : replay::OpenFile(request.events);
  if (!source.ok()) return Fail(source.status());
  return Runner(request, orchestrator->get()).Run(source->get());
}

}  // namespace writ::driver
