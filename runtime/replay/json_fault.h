// Where a line stops being JSON.
#pragma once

#include <cstddef>
#include <string_view>

namespace writ::replay {

struct JsonFault {
  size_t offset = 0;       // bytes from the start; the size where something is missing at the end
  const char* wanted = "";  // what would have had to stand there; empty if the scan finds nothing wrong
};

// For a line that a reader of JSON has refused. It walks the structure only: what it takes may still be refused, for a
// number that is too large or a text that is no UTF-8. Linear; recursion is bounded by `depth_max`.
JsonFault FindJsonFault(std::string_view line, int depth_max);

}  // namespace writ::replay
