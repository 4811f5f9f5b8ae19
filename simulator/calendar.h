// When a shared resource is taken: reservations ahead of time.
#pragma once

#include <cstddef>
#include <vector>

#include "simulator/simulator.h"

namespace septran::simulator {

/// One port: serves one reservation at a time, in gaps that earlier ones left.
class Calendar {
 public:
  /// The earliest begin, not before `earliest`, of a gap of `length` cycles (or what else the
  /// caller counts time in).
  [[nodiscard]] Cycle find(Cycle earliest, Cycle length) const;
  void take(Cycle begin, Cycle length);
  void forget_before(Cycle now);

 private:
  struct Interval {
    Cycle begin = 0;
    Cycle end = 0;
  };
  using Place = std::vector<Interval>::const_iterator;
  /// The first that ends after `time`.
  [[nodiscard]] Place ends_after(Cycle time) const;

  std::vector<Interval> taken_;  // sorted, apart from each other
  std::size_t forgotten_ = 0;    // the first ones, which are over
};

/// The ports of a core's on-chip memory. Its banks are interleaved by the port's width; one port
/// reaches one word of each bank a cycle.
class Ports {
 public:
  Ports(int banks, int ports, std::int64_t bytes_per_cycle);

  /// Reserves one port for `cycles`, from `earliest` on; returns the begin.
  Cycle reserve(Cycle earliest, Cycle cycles, Cycle now);
  [[nodiscard]] std::int64_t banks() const { return banks_; }
  /// Bytes of one bank a cycle; 0: without limit.
  [[nodiscard]] std::int64_t word_bytes() const { return word_bytes_; }

 private:
  std::int64_t banks_;
  std::int64_t word_bytes_;
  std::vector<Calendar> calendars_;
};

}  // namespace septran::simulator
