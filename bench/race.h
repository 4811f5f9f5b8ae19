// Contestants that take turns, so that what else the machine does meets all alike.
#pragma once

#include <sched.h>

#include <functional>
#include <string>
#include <vector>

namespace septran::bench {

/// One who takes turns: seconds of a call, round by round.
struct Contestant {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds = {};
};

double median(std::vector<double> values);
/// Median of the ratios of two contestants' times, round by round.
double median_ratio(const std::vector<double>& above, const std::vector<double>& below);

/// Rounds of turns, a turn being several calls whose median counts: the first one finds the caches
/// as the one before left them. Times are the thread's own, or those of the clock. `operations` are
/// those of a call. Gives the peak of a core in f32 operations a second, measured in each round
/// too.
double race(std::vector<Contestant>& contestants, double operations, double seconds, bool by_clock);

/// Speed relative to the fastest of the others.
struct Ratios {
  double by_median = 0;
  double by_best = 0;
};
Ratios ratios_of(const std::vector<Contestant>& contestants);

/// A table's head, and a row: GFLOP/s of each, the peak of `threads` cores, ratios.
void print_head(const std::string& what, const std::vector<Contestant>& contestants);
Ratios print_row(const std::string& what, const std::vector<Contestant>& contestants,
                 double operations, double peak);

/// Until it is destroyed this thread may run on the first `count` of its processors only, and so
/// are as many counted as cores.
class FewerProcessors {
 public:
  explicit FewerProcessors(int count);
  FewerProcessors(const FewerProcessors&) = delete;
  FewerProcessors& operator=(const FewerProcessors&) = delete;
  ~FewerProcessors();

 private:
  cpu_set_t all_;
};

}  // namespace septran::bench
