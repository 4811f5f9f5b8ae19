// The state of an engine in every cycle, summed up as the run goes.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "simulator/recording.h"

namespace septran::simulator {

/// What an engine does is told to it in three layers. A cycle takes the state of the first layer
/// that covers it:
///   1. `busy`: the issue stage is occupied, or data moves;
///   2. `flight`: something is in flight and nothing moves (dma engines): stalled.memory;
///   3. `stall`: the head of the queue cannot start;
///   4. `drain`: results are on their way;
///   5. otherwise it is idle.
/// Layers 2 to 4 are told in rising order of time. `settle(t)` sums up all cycles before t, so all
/// that covers them must have been told by then; later calls must not reach back before t.
class Timeline {
 public:
  /// Tells every stretch of a state that is not idle, as it is settled.
  void record(Recording& recording, EngineRecord& record) {
    recording_ = &recording;
    record_ = &record;
  }
  void busy(Cycle begin, Cycle end);
  void stall(Cycle begin, Cycle end, const char* cause);
  void flight(Cycle end);  // from where it is settled
  void drain(Cycle end);   // from where it is settled
  void settle(Cycle until);
  /// Sums up all cycles of the run, which ends at `until`.
  EngineReport finish(Cycle until, std::string name, std::int64_t operations);

 private:
  struct Interval {
    Cycle begin = 0;
    Cycle end = 0;
    const char* cause = nullptr;
  };
  /// The layer's interval that covers `at` or comes after it, or null; drops earlier ones.
  static const Interval* at(std::deque<Interval>& layer, Cycle at);

  /// Where the cycles of a cause are summed up. Causes are few and literals, so that their
  /// addresses nearly always tell them apart, and strings are seldom compared.
  Cycle& stalled(const char* cause);

  EngineReport sum_;
  std::vector<std::pair<const char*, Cycle*>> causes_;  // of sum_.stalled, by address
  Recording* recording_ = nullptr;
  EngineRecord* record_ = nullptr;
  std::deque<Interval> busy_;
  std::deque<Interval> stalls_;
  Cycle flight_end_ = 0;
  Cycle drain_end_ = 0;
  Cycle settled_ = 0;
};

}  // namespace septran::simulator
