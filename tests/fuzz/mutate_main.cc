// Runs a fuzzer without libFuzzer: every seed, then `-runs` random mutations of them, the same for the same `-seed`.
// Usage: name [-runs=N] [-seed=N] FOLDER…
// After a crash, the input that did it is in the file `crash-<program>` of the working folder.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size_bytes);

namespace {

std::string g_input;
std::string g_crash_file;

// Stdio is not meant for signal handlers; the process ends here anyway, and the input is worth the try.
void KeepInput(int signal) {
  if (FILE* file = std::fopen(g_crash_file.c_str(), "wb")) {
    std::fwrite(g_input.data(), 1, g_input.size(), file);
    std::fclose(file);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void Run(std::string input) {
  g_input = std::move(input);
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(g_input.data()), g_input.size());
}

std::vector<std::string> ReadSeeds(const std::vector<std::string>& folders) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> seeds;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return seeds;
}

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, uint64_t seed) : seeds_(std::move(seeds)), random_(seed) {}

  std::string Next() {
    std::string input = Pick();
    for (uint64_t n = 1 + Below(6); n > 0; --n) Mutate(input);
    return input;
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }
  const std::string& Pick() { return seeds_[Below(seeds_.size())]; }
  size_t Place(const std::string& text) { return text.empty() ? 0 : Below(text.size()); }

  void Mutate(std::string& input) {
    const size_t at = Place(input);
    const std::string& other = Pick();
    switch (Below(7)) {
      case 0: if (!input.empty()) input[at] ^= static_cast<char>(1 << Below(8)); break;
      case 1: if (!input.empty()) input[at] = static_cast<char>(Below(256)); break;
      case 2: input.insert(at, 1 + Below(8), static_cast<char>(Below(256))); break;
      case 3: input.erase(at, 1 + Below(16)); break;
      case 4: input.insert(at, other.substr(Place(other), Below(64))); break;          // from elsewhere
      case 5: input.insert(at, input.substr(Place(input), Below(64))); break;          // from here
      default: input = input.substr(0, at) + other.substr(Place(other)); break;        // two halves
    }
  }

  std::vector<std::string> seeds_;
  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  uint64_t runs = 20'000, seed = 1;
  std::vector<std::string> folders;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "-runs=", 6) == 0) {
      runs = std::strtoull(argv[i] + 6, nullptr, 10);
    } else if (std::strncmp(argv[i], "-seed=", 6) == 0) {
      seed = std::strtoull(argv[i] + 6, nullptr, 10);
    } else {
      folders.emplace_back(argv[i]);
    }
  }
  g_crash_file = "crash-" + std::filesystem::path(argv[0]).filename().string();
  for (int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGBUS}) std::signal(signal, KeepInput);

  std::vector<std::string> seeds = ReadSeeds(folders);
  if (seeds.empty()) {
    std::fprintf(stderr, "there is no seed\n");
    return 2;
  }
  for (const std::string& input : seeds) Run(input);
  const size_t seed_count = seeds.size();
  Mutator mutator(std::move(seeds), seed);
  for (uint64_t i = 0; i < runs; ++i) Run(mutator.Next());
  std::printf("%zu seeds and %llu mutations, no fault\n", seed_count, static_cast<unsigned long long>(runs));
  return 0;
}
