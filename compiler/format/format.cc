#include "compiler/format/format.h"

#include <utility>
#include <vector>

#include "compiler/format/builder.h"
#include "compiler/format/entries.h"
#include "compiler/format/inline.h"
#include "runtime/builtins/check.h"

namespace writ::format {

std::string Format(const ast::File& file, absl::string_view text) {
  Inline tokens(ReadTokens(text));
  std::vector<Entry> entries = Builder(tokens).File(file);
  tokens.Settle();
  Output out;
  WriteEntries(tokens, entries, 0, out);
  tokens.Above(out, tokens.size() - 1, 0, out.line_count() == 0, true);
  WRIT_CHECK(tokens.AllWritten());
  return std::move(out).Text();
}

}  // namespace writ::format
