// sugar_test [--programs N] [--proposals N] [--sugar 0..2] [--fault N]: pairs of policies that say the same decide alike.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "compiler/check/planted_faults.h"
#include "tests/agreement/sugar.h"

namespace writ::agreement {
namespace {

struct Settings { int programs = 300, proposals = 40, sugar = -1, fault = 0; };

bool Plant(int fault) {
  if (fault == 0) return true;
#ifdef WRIT_PLANTED_FAULTS
  check::planted_fault = fault;
  return fault < static_cast<int>(check::Fault::kCount);
#else
  return false;
#endif
}

int Run(const Settings& settings) {
  if (!Plant(settings.fault)) {
    std::fprintf(stderr, "there is no such fault in this binary\n");
    return 64;
  }
  bool enough = true;
  for (int sugar = 0; sugar < kSugarCount; ++sugar) {
    if (settings.sugar >= 0 && sugar != settings.sugar) continue;
    SugarCounts counts;
    for (int seed = 1; seed <= settings.programs; ++seed) {
      const std::string apart = TellApart(sugar, static_cast<uint64_t>(seed), settings.proposals, &counts);
      if (apart.empty()) continue;
      std::printf("%s\n", apart.c_str());
      return settings.fault != 0 ? 0 : 1;  // caught
    }
    std::printf("%s: %llu decisions compared, a rule applied in %llu, something was unknown in %llu\n", kSugars[sugar],
                static_cast<unsigned long long>(counts.compared), static_cast<unsigned long long>(counts.applied),
                static_cast<unsigned long long>(counts.unknown));
    const uint64_t tenth = counts.compared / 10;
    enough = enough && counts.applied > tenth && counts.applied < counts.compared && counts.unknown > tenth / 4;
  }
  if (!enough) std::printf("  NOT SEEN ENOUGH\n");
  return settings.fault == 0 && enough ? 0 : 1;
}

}  // namespace
}  // namespace writ::agreement

int main(int argc, char** argv) {
  writ::agreement::Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const int number = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--programs") == 0) settings.programs = number;
    if (std::strcmp(argv[i], "--proposals") == 0) settings.proposals = number;
    if (std::strcmp(argv[i], "--sugar") == 0) settings.sugar = number;
    if (std::strcmp(argv[i], "--fault") == 0) settings.fault = number;
  }
  return writ::agreement::Run(settings);
}
