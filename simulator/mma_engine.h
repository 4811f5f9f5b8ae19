// The matrix array: passes of stationary tiles, preloaded, streamed through and drained.
#pragma once

#include <memory>

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
  /// Where the passes of an operation that starts at `now` lie, were it not for the ports: `delay`
  /// later.
  struct Plan {
    Cycle stream = 0;  // the first pass begins to stream
    Cycle last = 0;    // the last pass does
    Cycle delay = 0;
    const char* cause = "";
  };
  Next start(Command& head, Cycle eligible, Cycle now) override;
  [[nodiscard]] ArraySchedule schedule_of(const MmaWork& work) const;
  Plan reserve_ports(const MmaWork& work, const ArraySchedule& schedule, Cycle now);
  /// Notes when the array will be free for the next operation.
  void foresee(const Plan& plan, const ArraySchedule& schedule);
  void count(const MmaWork& work);
  /// For reports: the operation used its tiles from `begin` on, had the array for itself from
  /// `taken` to `end`, and its sums were there at `results`.
  void note_use(const MmaWork& work, std::uint32_t instruction, Cycle begin, Cycle taken, Cycle end,
                Cycle results);

 private:
  /// Times all passes of an operation that starts at `now`.
  void run_passes(const MmaWork& work, const ArraySchedule& schedule, std::uint32_t instruction,
                  Cycle now);

  Cycle preload_free_ = 0;  // when the next stationary tile may begin to load
  Cycle stream_free_ = 0;   // when the next pass may begin to stream
};

/// The behavioural engine, or that with the RTL, which this build must have (rtl_sizes()).
std::unique_ptr<MmaEngine> make_mma_engine(const sc_core::sc_module_name& name, Shared& shared,
                                           CoreState& core, int queue_depth);

}  // namespace septran::simulator
