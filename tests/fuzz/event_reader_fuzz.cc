// The event reader on any bytes. The input is `bytes`, then `private_bytes`, then the latter's length in its last two bytes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/store/test_event.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size_bytes) {
  if (size_bytes < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size_bytes - 2);
  size_t private_bytes = data[size_bytes - 2] | static_cast<size_t>(data[size_bytes - 1]) << 8;
  if (private_bytes > input.size()) private_bytes = input.size();
  const size_t split = input.size() - private_bytes;
  const std::string fault = writ::store::CheckReader(input.substr(0, split), input.substr(split));
  if (fault.empty()) return 0;
  std::fprintf(stderr, "event reader: %s\n", fault.c_str());
  std::abort();
}
