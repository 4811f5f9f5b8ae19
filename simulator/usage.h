// How a run used its machine: what advice is made from.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "simulator/simulator.h"

namespace septran::simulator {

/// Shares of the time of the cores that have work, 0 .. 1.
struct EngineShares {
  double busy = 0;
  double idle = 0;
  double at_start = 0;  // stalled before the first operation
  std::map<std::string, double> stalled;
  [[nodiscard]] double of(const std::string& cause) const;
  /// Something is on its way (load, store).
  [[nodiscard]] double moving() const { return busy + of("memory") + of("interconnect"); }
};

/// Something that all data to and from GLOBAL passes, and the share of its peak that is used.
struct Way {
  const char* name = "";  // "Memory is"
  double use = 0;
};

/// A core that is at the same work for longer than the others.
struct SlowCore {
  std::size_t core = 0;
  double active = 0;   // share of the run that it is at it
  double average = 0;  // that of the cores that have work
};

class Usage {
 public:
  /// Of a run with cores and cycles.
  explicit Usage(const SimulationReport& report);

  [[nodiscard]] const EngineShares& operator[](const std::string& engine) const;
  /// The engine that computes the most: "mma" or "vector".
  [[nodiscard]] const std::string& worker() const { return worker_; }
  [[nodiscard]] double working_cores() const { return working_cores_; }
  /// Share in which the worker waits for what the load engine brings, its first operands apart.
  [[nodiscard]] double waits() const { return waits_; }
  /// Share of the peak of GLOBAL that is used, and of what bursts in flight allow.
  [[nodiscard]] double memory() const { return memory_; }
  [[nodiscard]] double in_flight() const { return in_flight_; }
  /// The way between cores and memory that is used most.
  [[nodiscard]] const Way& way() const { return way_; }
  [[nodiscard]] const std::optional<SlowCore>& slow_core() const { return slow_core_; }

 private:
  void find_ways(const SimulationReport& report);
  void find_slow_core(const SimulationReport& report);

  std::map<std::string, EngineShares> shares_;
  std::string worker_;
  double working_cores_ = 1;
  double waits_ = 0;
  double memory_ = 0;
  double in_flight_ = 0;
  Way way_;
  std::optional<SlowCore> slow_core_;
};

}  // namespace septran::simulator
