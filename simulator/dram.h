// DRAM: all channels with their controllers, burst by burst, by arithmetic alone.
#pragma once

#include <deque>
#include <optional>

#include "simulator/dram_controller.h"

namespace septran::simulator {

/// Channels work apart from each other. Time is moved on by the caller, as far as he knows what
/// comes: bursts may overtake each other, so when one ends is known only when all that come before
/// its turn are.
class Dram {
 public:
  /// `timing` has to outlive it. `sources`: initiators; of bursts that come at the same time the
  /// first one's goes first.
  Dram(const DramTiming& timing, std::size_t sources);
  Dram(DramTiming&& timing, std::size_t sources) = delete;

  /// Asks for the DRAM bursts that hold `bytes` bytes from `address` on; the request comes at `at`,
  /// not before the source's earlier ones and not before the horizon. Returns how many bursts
  /// they are; they have the `tag` in common, and how far the source has come.
  int request(std::size_t source, Tick at, std::int64_t address, std::int64_t bytes, bool write,
              std::uint32_t tag, const Progress& progress = {});
  using Served = DramController::Served;
  /// Serves whatever starts before the horizon. Appends posted writes that have entered their
  /// queues by then, in that order, then other bursts in the order in which their data have crossed
  /// the buses, as far as no later one can come between.
  void advance(Tick horizon, std::vector<Served>& served);
  /// No burst that is still to be appended ends before; nothing: there is none.
  [[nodiscard]] std::optional<Tick> next_end() const;
  /// The least that a read (write) takes from its coming to its end.
  [[nodiscard]] Tick least() const { return ticks_.column + ticks_.burst; }
  [[nodiscard]] Tick least_write() const { return posted_writes_ ? 0 : least(); }
  /// Of the last data on any bus so far.
  [[nodiscard]] Tick last_end() const;
  [[nodiscard]] DramReport report() const;

 private:
  struct Channel {
    DramChannel device;
    DramController controller;
  };
  DramAddressMap map_;
  DramTicks ticks_;
  bool posted_writes_;
  bool ranks_;  // the scheduler may go by progress
  Divisor burst_;
  std::deque<Channel> channels_;
  std::vector<Served> held_;  // served, in order, but others may end before them
};

}  // namespace septran::simulator
