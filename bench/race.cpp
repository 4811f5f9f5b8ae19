#include "bench/race.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "bench/peak.h"

namespace septran::bench {
namespace {

double seconds_of(const std::function<void()>& run, bool by_clock) {
  const clockid_t clock = by_clock ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
  const auto now = [&] {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  run();
  return now() - start;
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double median_ratio(const std::vector<double>& above, const std::vector<double>& below) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < above.size(); ++i) ratios.push_back(above[i] / below[i]);
  return median(ratios);
}

double race(std::vector<Contestant>& contestants, double operations, double seconds,
            bool by_clock) {
  const double guess = operations / 1e11 + 2e-6;
  const int calls = guess < 2e-3 ? static_cast<int>(std::clamp(2e-3 / guess, 3.0, 50.0)) | 1 : 1;
  for (const Contestant& one : contestants) one.run();
  std::vector<double> peaks;
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < 1000; ++round) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (round >= 7 && taken.count() > seconds) break;
    peaks.push_back(peak_f32_operations_per_second());
    for (Contestant& one : contestants) {
      std::vector<double> turn;
      for (int call = 0; call < calls; ++call) turn.push_back(seconds_of(one.run, by_clock));
      one.seconds.push_back(median(turn));
    }
  }
  return median(peaks);
}

Ratios ratios_of(const std::vector<Contestant>& contestants) {
  const std::vector<double>& own = contestants[0].seconds;
  Ratios least{1e9, 1e9};
  for (std::size_t i = 1; i < contestants.size(); ++i) {
    const std::vector<double>& peer = contestants[i].seconds;
    least.by_median = std::min(least.by_median, median_ratio(peer, own));
    least.by_best = std::min(least.by_best, *std::min_element(peer.begin(), peer.end()) /
                                                *std::min_element(own.begin(), own.end()));
  }
  return least;
}

void print_head(const std::string& what, const std::vector<Contestant>& contestants) {
  fmt::print("| {} |", what);
  for (const Contestant& one : contestants) fmt::print(" {} |", one.name);
  fmt::print(" peak |{}\n", contestants.size() > 1 ? " ratio | of best |" : "");
  for (std::size_t i = 0; i < contestants.size() + (contestants.size() > 1 ? 4 : 2); ++i) {
    fmt::print("|---");
  }
  fmt::print("|\n");
}

Ratios print_row(const std::string& what, const std::vector<Contestant>& contestants,
                 double operations, double peak) {
  fmt::print("| {} |", what);
  for (const Contestant& one : contestants) {
    fmt::print(" {:.1f} |", operations / median(one.seconds) * 1e-9);
  }
  fmt::print(" {:.1f} |", peak * 1e-9);
  const Ratios ratios = ratios_of(contestants);
  if (contestants.size() > 1) fmt::print(" {:.2f} | {:.2f} |", ratios.by_median, ratios.by_best);
  fmt::print("\n");
  std::fflush(stdout);
  return ratios;
}

FewerProcessors::FewerProcessors(int count) {
  sched_getaffinity(0, sizeof(all_), &all_);
  cpu_set_t few;
  CPU_ZERO(&few);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&few) < count; ++cpu) {
    if (CPU_ISSET(cpu, &all_)) CPU_SET(cpu, &few);
  }
  sched_setaffinity(0, sizeof(few), &few);
}

FewerProcessors::~FewerProcessors() { sched_setaffinity(0, sizeof(all_), &all_); }

}  // namespace septran::bench
