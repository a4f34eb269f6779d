#include "compiler/diagnostics/diagnostics.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace writ::diagnostics {
namespace {

std::string FillIn(const char* text, const std::vector<std::string>& arguments) {
  std::string out;
  for (const char* at = text; *at != '\0'; ++at) {
    if (at[0] == '{' && at[1] >= '0' && at[1] <= '9' && at[2] == '}') {
      out += arguments[static_cast<size_t>(at[1] - '0')];
      at += 2;
    } else {
      out += *at;
    }
  }
  return out;
}

auto SortKey(const Diagnostic& d) { return std::tie(d.span.file, d.span.begin, d.code, d.span.end, d.message, d.help); }

bool Same(const Diagnostic& a, const Diagnostic& b) {
  return SortKey(a) == SortKey(b) && (a.related == b.related || (a.of_instance && b.of_instance));
}

// Damerau's distance in its restricted form, up to a bound; more than the bound comes back as bound + 1.
size_t EditDistance(absl::string_view a, absl::string_view b, size_t bound) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > bound) return bound + 1;
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return std::min(last[b.size()], bound + 1);
}

size_t EditsAllowed(size_t length) { return length <= 2 ? 0 : length <= 4 ? 1 : 2; }

}  // namespace

absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kError: return "error";
    case Severity::kWarning: return "warning";
    case Severity::kNote: return "note";
  }
  return "error";
}

Author::Author(absl::string_view text) {
  bool cut = text.size() > kAuthorTextBytesMax;
  if (cut) {
    text = text.substr(0, kAuthorTextBytesMax);
    while (!text.empty() && source::FirstInvalidUtf8(text).has_value()) text.remove_suffix(1);
  }
  printed_.push_back('`');
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      printed_ += ' ';
    } else {
      printed_ += c;
    }
  }
  absl::StrAppend(&printed_, cut ? "…" : "", "`");
}

const std::vector<Row>& Rows() {
  static const std::vector<Row>* const rows = new std::vector<Row>{
#define WRIT_DIAGNOSTIC(name, code, severity, text, ...) Row{#code, #name, Severity::severity, text},
#include "compiler/diagnostics/diagnostics.def"
#undef WRIT_DIAGNOSTIC
  };
  return *rows;
}

const Row* FindRow(absl::string_view code) {
  for (const Row& row : Rows()) {
    if (code == row.code) return &row;
  }
  return nullptr;
}

Sink::Reported& Sink::Reported::Related(ast::Span span, std::string note) {
  if (diagnostic_ != nullptr) diagnostic_->related.push_back({span, std::move(note)});
  return *this;
}

Sink::Reported& Sink::Reported::Help(std::string text) {
  if (diagnostic_ == nullptr || text.empty()) return *this;
  diagnostic_->help = diagnostic_->help.empty() ? std::move(text) : absl::StrCat(diagnostic_->help, "; ", text);
  return *this;
}

Sink::Reported Sink::Add(ast::Span span, uint16_t row, std::vector<std::string> arguments) {
  const Row& from = Rows()[row];
  if (from.severity == Severity::kError) ++error_count_;
  if (kept_.size() >= kKeptMax) {
    ++dropped_count_;
    return Reported(nullptr);
  }
  kept_.push_back({from.code, FillIn(from.text, arguments), from.severity, span, {}, "", false});
  return Reported(&kept_.back());
}

void Sink::Expanded(uint32_t instance, uint32_t definition, ast::Span applied, bool tell_at_use) {
  expansions_[instance] = {definition, applied, tell_at_use};
}

void Sink::Argument(ast::Span argument, ast::Span parameter) {
  arguments_.emplace(std::make_pair(argument.file, argument.begin), std::make_pair(argument.end, Written(parameter)));
}

ast::Span Sink::Written(ast::Span span) const {
  const auto at = expansions_.find(span.file);
  if (at != expansions_.end()) span.file = at->second.definition;
  return span;
}

// From the numbers of instances to the files that somebody wrote.
void Sink::Place(Diagnostic* diagnostic) const {
  for (Related& related : diagnostic->related) related.span = Written(related.span);
  ast::Span span = diagnostic->span;
  const auto after = arguments_.upper_bound({span.file, span.begin});
  if (after != arguments_.begin()) {
    const auto& [place, argument] = *std::prev(after);
    if (place.first == span.file && span.end <= argument.first)
      diagnostic->related.push_back({argument.second, "it is given to this parameter"});
  }
  bool is_placed = false;
  for (auto at = expansions_.find(span.file); at != expansions_.end(); at = expansions_.find(span.file)) {
    const Expansion& expansion = at->second;
    const ast::Span use = Written(expansion.applied);
    span.file = expansion.definition;
    if (!is_placed && expansion.tell_at_use) {
      diagnostic->related.push_back({span, "it stands here in the template"});
      diagnostic->span = use;
    } else {
      if (!is_placed) diagnostic->span = span;
      is_placed = true;
      diagnostic->related.push_back({use, "the template is applied here"});
    }
    diagnostic->of_instance = true;
    span = expansion.applied;
  }
}

std::vector<Diagnostic> Sink::Take() {
  std::vector<Diagnostic> out = std::move(kept_);
  kept_.clear();
  for (Diagnostic& diagnostic : out) Place(&diagnostic);
  std::stable_sort(out.begin(), out.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return SortKey(a) < SortKey(b); });
  out.erase(std::unique(out.begin(), out.end(), Same), out.end());
  const size_t more = dropped_count_ + (out.size() > kShownMax ? out.size() - kShownMax : 0);
  dropped_count_ = 0;
  if (more == 0) return out;
  if (out.size() > kShownMax) out.resize(kShownMax);
  const Row& row = Rows()[kMoreToCome.row];
  out.push_back({row.code, FillIn(row.text, {absl::StrCat(more)}), row.severity, out.back().span, {}, "", false});
  return out;
}

std::string Suggest(absl::string_view name, const std::vector<std::string>& candidates) {
  size_t best_distance = EditsAllowed(name.size()) + 1;
  const std::string* best = nullptr;
  for (const std::string& candidate : candidates) {
    if (candidate == name) continue;
    const size_t distance = EditDistance(name, candidate, EditsAllowed(name.size()));
    const bool better = distance < best_distance || (best != nullptr && distance == best_distance && candidate < *best);
    if (!better) continue;
    best_distance = distance;
    best = &candidate;
  }
  return best == nullptr ? "" : absl::StrCat("did you mean `", *best, "`?");
}

}  // namespace writ::diagnostics
