// Things that are compared, timed in turn: one round times each of them once, so that whatever slows the machine down for a
// while slows all of them. What is reported is the median over the rounds, of times and of ratios alike.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"

namespace writ::bench {

inline double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

inline double Seconds(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class Rounds {
 public:
  // `run` does the thing `count` times.
  void Add(std::string name, int64_t count, std::function<void()> run) {
    contenders_.push_back({std::move(name), count, std::move(run), {}});
  }

  // The first changes from round to round: nobody always finds the cache as the same other left it.
  double RunOnce() {
    double total = 0;
    for (size_t i = 0; i < contenders_.size(); ++i) {
      Contender& contender = contenders_[(first_ + i) % contenders_.size()];
      const double seconds = Seconds(contender.run);
      contender.ns.push_back(seconds * 1e9 / static_cast<double>(contender.count));
      total += seconds;
    }
    first_ = (first_ + 1) % contenders_.size();
    return total;
  }

  // Nanoseconds each; and of those after the first, the first's time over theirs.
  void Report(benchmark::State& state) const {
    for (size_t i = 0; i < contenders_.size(); ++i) {
      const Contender& contender = contenders_[i];
      state.counters[contender.name + "_ns"] = Median(contender.ns);
      if (i > 0) state.counters[contenders_[0].name + "/" + contender.name] = Ratio(contenders_[0].ns, contender.ns);
    }
  }

 private:
  struct Contender {
    std::string name;
    int64_t count;
    std::function<void()> run;
    std::vector<double> ns;
  };

  static double Ratio(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> ratios;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) ratios.push_back(a[i] / b[i]);
    return Median(std::move(ratios));
  }

  std::vector<Contender> contenders_;
  size_t first_ = 0;
};

}  // namespace writ::bench
