// The matrix array: passes of stationary tiles, preloaded, streamed through and drained.
#pragma once

#include "simulator/engine.h"

namespace septran::simulator {

/// When the parts of one mma happen; docs/timing.md derives it cycle by cycle.
struct ArraySchedule {
  std::int64_t passes = 0;
  Cycle preload_cycles = 0;   // before the first pass on an idle array
  Cycle stream_cycles = 0;    // a pass occupies the issue stage
  Cycle interval_cycles = 0;  // from the begin of one pass to the next
  Cycle latency_cycles = 0;   // from the begin of a pass to its last result
};
/// Schedule of an m x n x k multiplication on the array of a description.
ArraySchedule array_schedule(const MmaTiming& timing, std::int64_t m, std::int64_t n,
                             std::int64_t k, double macs_per_pe);

class MmaEngine : public Engine {
 public:
  MmaEngine(const sc_core::sc_module_name& name, Shared& shared, CoreState& core, int queue_depth);

 protected:
  Next start(Command& head, Cycle eligible, Cycle now) override;

 private:
  /// Times all passes of an operation that starts at `now`.
  void run_passes(const MmaWork& work, const ArraySchedule& schedule, std::uint32_t instruction,
                  Cycle now);
  void count(const MmaWork& work, std::int64_t passes_rows, std::int64_t passes_cols);

  Cycle preload_free_ = 0;  // when the next stationary tile may begin to load
  Cycle stream_free_ = 0;   // when the next pass may begin to stream
};

}  // namespace septran::simulator
