// `writ fmt`: policy files in their canonical layout.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/ast/dump.h"
#include "compiler/driver/verbs.h"
#include "compiler/format/format.h"
#include "compiler/parse/parse.h"
#include "runtime/replay/event_lines.h"

namespace writ::driver {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStandardInput = "-";

absl::Status Failure(const std::string& path, const char* what) {
  return absl::UnavailableError(absl::StrCat(path, ": ", what, ": ", strerror(errno)));
}

bool WriteAll(int descriptor, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t count = write(descriptor, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<size_t>(count);
  }
  return true;
}

// All or nothing: the new text takes the file's place, and its permissions, once it is whole. A link stays one.
absl::Status Replace(const std::string& path, const std::string& text) {
  std::error_code error;
  const std::string target = fs::canonical(path, error).string();
  struct stat old = {};
  if (error || stat(target.c_str(), &old) != 0) return Failure(path, "cannot be found");
  std::string temporary = absl::StrCat(target, ".XXXXXX");
  const int descriptor = mkstemp(temporary.data());
  if (descriptor < 0) return Failure(path, "cannot write beside it");
  const bool written =
      WriteAll(descriptor, text) && fchmod(descriptor, old.st_mode & 07777) == 0 && fsync(descriptor) == 0;
  const bool closed = close(descriptor) == 0;
  if (written && closed && rename(temporary.c_str(), target.c_str()) == 0) return absl::OkStatus();
  const absl::Status status = Failure(path, "cannot be written");
  unlink(temporary.c_str());
  return status;
}

struct Parsed {
  std::string text, tree;  // in the canonical layout; of what was read
  std::vector<diagnostics::Diagnostic> findings;
  bool sound = false;
};

Parsed ParseAndFormat(const source::SourceSet& sources, uint32_t file) {
  diagnostics::Sink sink;
  const ast::File tree = parse::Parse(sources, file, sink);
  Parsed out;
  out.sound = !sink.has_errors();
  out.findings = sink.Take();
  if (!out.sound) return out;
  out.text = format::Format(tree, sources.text(file));
  out.tree = ast::Dump(tree);
  return out;
}

// What was made says the same as what was read; anything else is our mistake, and nothing is written.
absl::Status SaysTheSame(const std::string& path, const Parsed& parsed) {
  source::SourceSet sources;
  const absl::StatusOr<uint32_t> file = sources.AddText(path, parsed.text);
  if (!file.ok()) return file.status();
  diagnostics::Sink sink;
  if (ast::Dump(parse::Parse(sources, *file, sink)) == parsed.tree && !sink.has_errors()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(path, ": its canonical layout would say something else; it stays as it is"));
}

class Formatter {
 public:
  explicit Formatter(const FmtRequest& request) : request_(request) {}

  absl::Status File(const std::string& path) {
    source::SourceSet sources;
    const absl::StatusOr<uint32_t> file = path == kStandardInput ? ReadInput(sources) : sources.AddFile(path);
    if (!file.ok()) return file.status();
    const Parsed parsed = ParseAndFormat(sources, *file);
    if (!parsed.sound) return Refuse(sources, path, parsed);
    if (absl::Status status = SaysTheSame(path, parsed); !status.ok()) return status;
    return Keep(path, parsed.text, parsed.text != sources.text(*file));
  }

  int status() const { return status_; }

 private:
  static absl::StatusOr<uint32_t> ReadInput(source::SourceSet& sources) {
    return sources.AddText("<stdin>", {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()});
  }

  absl::Status Refuse(const source::SourceSet& sources, const std::string& path, const Parsed& parsed) {
    status_ = kFindings;
    for (const diagnostics::Diagnostic& finding : parsed.findings) {
      const std::string text = request_.json ? diagnostics::RenderJson(sources, finding) + "\n"
                                             : diagnostics::RenderText(sources, finding, false);
      fwrite(text.data(), 1, text.size(), request_.json ? stdout : stderr);
    }
    Say(path, "refused");
    return absl::OkStatus();
  }

  absl::Status Keep(const std::string& path, const std::string& text, bool changed) {
    const bool in_place = path != kStandardInput;
    if (request_.check) {
      if (changed) status_ = kFindings;
      if (changed && !request_.json) Print(path + "\n");
      Say(path, changed ? "would_change" : "unchanged");
      return absl::OkStatus();
    }
    if (!in_place) {
      Print(text);
      return absl::OkStatus();
    }
    if (changed) {
      if (absl::Status status = Replace(path, text); !status.ok()) return status;
    }
    Say(path, changed ? "changed" : "unchanged");
    return absl::OkStatus();
  }

  void Say(const std::string& path, const char* what) const {
    const bool is_text = path == kStandardInput && !request_.check;
    if (!request_.json || is_text) return;
    std::string line;
    replay::JsonWriter(&line).Open('{').Key("file").Text(path).Key("fmt").Text(what).Close('}');
    Print(line + "\n");
  }

  const FmtRequest& request_;
  int status_ = kFine;
};

}  // namespace

int Fmt(const FmtRequest& request) {
  std::vector<std::string> files = request.files;
  if (files != std::vector<std::string>{kStandardInput}) {
    absl::StatusOr<std::vector<std::string>> found = PolicyFiles(request.files);
    if (!found.ok()) return Fail(found.status());
    files = *std::move(found);
  }
  Formatter formatter(request);
  int status = kFine;
  for (const std::string& file : files) {
    if (absl::Status failure = formatter.File(file); !failure.ok()) status = Fail(failure);
  }
  return status == kFine ? formatter.status() : status;
}

}  // namespace writ::driver
