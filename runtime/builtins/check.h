// WRIT_CHECK: we are wrong. It says where and stops the process; nothing is acknowledged after it.
#pragma once

#include <cstdio>
#include <cstdlib>

#define WRIT_CHECK(condition)                                                                       \
  do {                                                                                              \
    if (!(condition)) [[unlikely]] {                                                                \
      std::fprintf(stderr, "%s:%d: internal error: %s\n", __FILE__, __LINE__, #condition);          \
      std::abort();                                                                                 \
    }                                                                                               \
  } while (0)
