#include "absl/strings/str_cat.h"
#include "runtime/replay/recorded_log.h"

namespace writ::replay {
namespace {

absl::string_view View(std::string_view text) { return absl::string_view(text.data(), text.size()); }

// One character at a time, a row at a time. RFC 4180: a quote inside a quoted field is doubled.
class Rows {
 public:
  explicit Rows(ByteSource* source) : source_(source) {}

  uint32_t line() const { return row_line_; }

  // False at the end. Empty lines are passed over.
  absl::StatusOr<bool> Next(std::vector<std::string>* fields) {
    fields->clear();
    std::string field;
    bool quoted = false, was_quoted = false;
    row_line_ = line_;
    while (true) {
      const int c = Take();
      if (!status_.ok()) return status_;
      if (quoted) {
        if (c == kEnd) return Fault("a quote is not closed");
        if (c == '"' && Peek() == '"') field.push_back(static_cast<char>(Take()));
        else if (c == '"') quoted = false;
        else field.push_back(static_cast<char>(c));
      } else if (c == '"' && field.empty() && !was_quoted) {
        quoted = was_quoted = true;
      } else if (c == separator_ || c == '\n' || c == kEnd || IsOtherSeparator(c, *fields)) {
        if (c != separator_ && !field.empty() && field.back() == '\r' && !was_quoted) field.pop_back();
        const bool empty_row = c != separator_ && fields->empty() && field.empty() && !was_quoted;
        if (empty_row && c == kEnd) return false;
        if (empty_row) {
          row_line_ = line_;
          continue;
        }
        fields->push_back(std::move(field));
        field.clear();
        was_quoted = false;
        if (fields->size() > kAttributesMax) return absl::ResourceExhaustedError("a row has more than 4096 fields");
        if (c == separator_) continue;
        in_header_ = false;
        return true;
      } else if (was_quoted && c != '\r') {
        return Fault("text stands after a closing quote");
      } else if (!was_quoted) {
        field.push_back(static_cast<char>(c));
      }
      if (field.size() > kTextBytesMax) return absl::ResourceExhaustedError("a field is longer than 1 MiB");
    }
  }

  absl::Status Fault(std::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat("line ", row_line_, ": ", View(what)));
  }

 private:
  static constexpr int kEnd = -1;

  // A header whose first separator is `;` makes it the file's.
  bool IsOtherSeparator(int c, const std::vector<std::string>& fields) {
    if (!in_header_ || c != ';' || !fields.empty()) return false;
    separator_ = ';';
    return true;
  }

  int Peek() {
    while (next_ == piece_.size() && !at_end_ && status_.ok()) {
      absl::StatusOr<std::string_view> piece = source_->Next();
      if (!piece.ok()) {
        status_ = piece.status();
        return kEnd;
      }
      piece_ = *piece;
      next_ = 0;
      at_end_ = piece_.empty();
    }
    return next_ == piece_.size() ? kEnd : static_cast<unsigned char>(piece_[next_]);
  }
  int Take() {
    const int c = Peek();
    if (c != kEnd) ++next_;
    if (c == '\n') ++line_;
    return c;
  }

  ByteSource* source_;
  std::string_view piece_;
  size_t next_ = 0;
  bool at_end_ = false;
  absl::Status status_;
  char separator_ = ',';
  bool in_header_ = true;
  uint32_t line_ = 1, row_line_ = 1;
};

absl::Status ReadHeader(Rows* rows, std::vector<std::string>* header) {
  absl::StatusOr<bool> any = rows->Next(header);
  if (!any.ok()) return any.status();
  if (!*any) return absl::InvalidArgumentError("the log is empty: its first line must name the columns");
  if (header->front().starts_with("\xEF\xBB\xBF")) header->front().erase(0, 3);
  for (size_t i = 0; i < header->size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if ((*header)[i] == (*header)[j]) return rows->Fault(absl::StrCat("the column `", (*header)[i], "` is there twice"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RecordedLog> ReadCsv(ByteSource* source, std::string_view instance) {
  Rows rows(source);
  std::vector<std::string> header, fields;
  if (absl::Status status = ReadHeader(&rows, &header); !status.ok()) return status;
  RecordedLog log;
  log.format = "csv";
  std::vector<TextId> keys;
  size_t instance_column = header.size();
  for (size_t i = 0; i < header.size(); ++i) {
    keys.push_back(log.texts.Intern(header[i]));
    if (header[i] == instance) instance_column = i;
  }
  if (!instance.empty() && instance_column == header.size()) {
    return rows.Fault(absl::StrCat("there is no column `", View(instance), "`, which names the case"));
  }
  absl::flat_hash_map<TextId, uint32_t> trace_of;
  while (true) {
    absl::StatusOr<bool> any = rows.Next(&fields);
    if (!any.ok()) return any.status();
    if (!*any) return log;
    if (fields.size() != header.size()) {
      return rows.Fault(absl::StrCat("this row has ", fields.size(), " fields, the header has ", header.size()));
    }
    if (log.events.size() >= kLogEventsMax) return absl::ResourceExhaustedError("the log has too many events");
    RecordedEvent event;
    event.line = rows.line();
    event.first = static_cast<uint32_t>(log.attributes.size());
    event.count = static_cast<uint32_t>(fields.size());
    for (size_t i = 0; i < fields.size(); ++i) log.attributes.push_back({keys[i], log.texts.Intern(fields[i])});
    if (log.texts.size_bytes() > kLogTextBytesMax) return absl::ResourceExhaustedError("the log has too many different texts");
    if (instance_column < fields.size()) {
      const Attribute name = log.attributes[event.first + instance_column];
      const auto [found, is_new] = trace_of.try_emplace(name.value, static_cast<uint32_t>(log.traces.size()));
      if (is_new) log.traces.push_back({{name}});
      event.trace = found->second;
    }
    log.events.push_back(event);
  }
}

}  // namespace writ::replay
