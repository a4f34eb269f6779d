#include <expat.h>
#include <string.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "runtime/replay/recorded_log.h"

namespace writ::replay {
namespace {

// Expat calls back; each handler looks at one element. The first fault stops the parser.
class Reader {
 public:
  Reader() : parser_(XML_ParserCreate(nullptr), XML_ParserFree) {
    log_.format = "xes";
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), &Reader::OnStart, &Reader::OnEnd);
    XML_SetStartDoctypeDeclHandler(parser_.get(), &Reader::OnDoctype);
    XML_SetParamEntityParsing(parser_.get(), XML_PARAM_ENTITY_PARSING_NEVER);
  }

  absl::StatusOr<RecordedLog> Read(ByteSource* source) {
    while (true) {
      absl::StatusOr<std::string_view> piece = source->Next();
      if (!piece.ok()) return piece.status();
      const bool last = piece->empty();
      for (size_t done = 0; last || done < piece->size();) {
        const size_t count = std::min<size_t>(piece->size() - done, size_t{1} << 20);
        if (absl::Status status = Feed(piece->substr(done, count), last); !status.ok()) return status;
        if (last) break;
        done += count;
      }
      if (last) break;
    }
    if (!saw_log_) return absl::InvalidArgumentError("this is no XES: its root is not <log>");
    return std::move(log_);
  }

 private:
  absl::Status Feed(std::string_view piece, bool last) {
    const XML_Status result = XML_Parse(parser_.get(), piece.data(), static_cast<int>(piece.size()), last);
    if (!fault_.ok()) return fault_;
    if (result == XML_STATUS_OK) return absl::OkStatus();
    return At(absl::StatusCode::kInvalidArgument, XML_ErrorString(XML_GetErrorCode(parser_.get())));
  }

  absl::Status At(absl::StatusCode code, std::string_view what) const {
    return absl::Status(code, absl::StrCat("line ", XML_GetCurrentLineNumber(parser_.get()), ": ",
                                           absl::string_view(what.data(), what.size())));
  }
  void Fail(absl::StatusCode code, std::string_view what) {
    if (!fault_.ok()) return;
    fault_ = At(code, what);
    XML_StopParser(parser_.get(), XML_FALSE);
  }

  static void OnDoctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    static_cast<Reader*>(self)->Fail(absl::StatusCode::kInvalidArgument,
                                     "a log has no document type declaration: entities are not taken");
  }
  static void OnStart(void* self, const XML_Char* name, const XML_Char** attributes) {
    static_cast<Reader*>(self)->Start(name, attributes);
  }
  static void OnEnd(void* self, const XML_Char*) { static_cast<Reader*>(self)->End(); }

  // Where the parser stands, by depth: log 1, trace 2, event 2 or 3, their attributes one deeper.
  void Start(const char* name, const char** attributes) {
    ++depth_;
    if (depth_ > kXmlDepthMax) return Fail(absl::StatusCode::kResourceExhausted, "elements are nested deeper than 64");
    if (depth_ == 1) {
      saw_log_ = strcmp(name, "log") == 0;
      if (!saw_log_) Fail(absl::StatusCode::kInvalidArgument, "this is no XES: its root is not <log>");
      return;
    }
    if (depth_ == 2 && strcmp(name, "trace") == 0) return OpenTrace();
    if (strcmp(name, "event") == 0 && ((depth_ == 3 && in_trace_) || depth_ == 2)) return OpenEvent();
    if (event_depth_ != 0 ? depth_ == event_depth_ + 1 : (in_trace_ && depth_ == 3)) TakeAttribute(attributes);
  }

  void End() {
    if (depth_ == event_depth_) event_depth_ = 0;
    if (depth_ == 2) in_trace_ = false;
    --depth_;
  }

  void OpenTrace() {
    in_trace_ = true;
    log_.traces.emplace_back();
  }

  void OpenEvent() {
    if (log_.events.size() >= kLogEventsMax) return Fail(absl::StatusCode::kResourceExhausted, "too many events");
    event_depth_ = depth_;
    RecordedEvent event;
    if (in_trace_) event.trace = static_cast<uint32_t>(log_.traces.size() - 1);
    event.line = static_cast<uint32_t>(XML_GetCurrentLineNumber(parser_.get()));
    event.first = static_cast<uint32_t>(log_.attributes.size());
    log_.events.push_back(event);
  }

  void TakeAttribute(const char** attributes) {
    const char* key = nullptr;
    const char* value = nullptr;
    for (; *attributes != nullptr; attributes += 2) {
      if (strcmp(attributes[0], "key") == 0) key = attributes[1];
      if (strcmp(attributes[0], "value") == 0) value = attributes[1];
    }
    if (key == nullptr || value == nullptr) return;  // lists and containers have no value of their own
    const std::string_view value_text(value);
    if (value_text.size() > kTextBytesMax)
      return Fail(absl::StatusCode::kResourceExhausted, "an attribute is longer than 1 MiB");
    const Attribute attribute{log_.texts.Intern(key), log_.texts.Intern(value_text)};
    if (log_.texts.size_bytes() > kLogTextBytesMax)
      return Fail(absl::StatusCode::kResourceExhausted, "the log has too many different texts");
    size_t count;
    if (event_depth_ != 0) {
      log_.attributes.push_back(attribute);
      count = ++log_.events.back().count;
    } else {
      log_.traces.back().attributes.push_back(attribute);
      count = log_.traces.back().attributes.size();
    }
    if (count > kAttributesMax)
      Fail(absl::StatusCode::kResourceExhausted, "an event or trace has more than 4096 attributes");
  }

  std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser_;
  RecordedLog log_;
  absl::Status fault_;
  uint32_t depth_ = 0, event_depth_ = 0;
  bool in_trace_ = false, saw_log_ = false;
};

}  // namespace

absl::StatusOr<RecordedLog> ReadXes(ByteSource* source) { return Reader().Read(source); }

}  // namespace writ::replay
