// The pages of docs/diagnostics, embedded when the command was built.
#pragma once

#include <vector>

namespace writ::driver {

struct Page {
  const char* code;   // "E0105"
  const char* text;
};
const std::vector<Page>& Pages();  // sorted by code

}  // namespace writ::driver
