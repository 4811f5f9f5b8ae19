// The timing of DRAM, burst by burst, by arithmetic alone.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "simulator/simulator.h"

namespace septran::simulator {

/// Time in parts of a cycle, for buses whose bursts do not take whole cycles.
using Tick = std::int64_t;
inline constexpr Tick ticks_per_cycle = 1024;
[[nodiscard]] constexpr Cycle round_up(Tick ticks) {
  return (ticks + ticks_per_cycle - 1) / ticks_per_cycle;
}
/// Ticks that `bytes` take at a rate; at least one.
[[nodiscard]] Tick transfer_ticks(std::int64_t bytes, double bytes_per_cycle);

/// Division by a constant; by a shift where it is a power of two.
class Divisor {
 public:
  explicit Divisor(std::int64_t value);
  [[nodiscard]] std::int64_t quotient(std::int64_t x) const {
    return shift_ >= 0 ? x >> shift_ : x / value_;
  }
  [[nodiscard]] std::uint64_t value() const { return static_cast<std::uint64_t>(value_); }
  [[nodiscard]] std::int64_t remainder(std::int64_t x) const { return x - quotient(x) * value_; }

 private:
  std::int64_t value_;
  int shift_ = -1;
};

/// Channels work apart from each other; each serves bursts in the order of the calls.
class Dram {
 public:
  explicit Dram(const DramTiming& timing);

  /// Reads or writes the DRAM bursts that hold `bytes` bytes from `address` on, asked for at
  /// `at`. Returns when the last of the data has crossed the channel's bus.
  Tick access(Tick at, std::int64_t address, std::int64_t bytes, bool write);
  [[nodiscard]] const DramReport& report() const { return report_; }

 private:
  struct Bank {
    std::int64_t row = -1;       // open row, or -1
    Tick last_activate = never;  // begin of the last activation
    Tick precharge_from = 0;     // as the last burst lets it
    std::int64_t refreshes = 0;  // that had begun at its last use
  };
  struct Group {
    Tick last_activate = never;
    Tick last_data = never;  // begin of the last burst's data
  };
  static constexpr std::size_t window = 4;  // activations that tFAW is about
  struct Channel {
    std::vector<Bank> banks;  // those of a group stand together
    std::vector<Group> groups;
    std::array<Tick, window> activations;  // the last ones
    std::size_t oldest = 0;                // of them
    Tick bus_free = 0;
    bool writes = false;
    bool used = false;
  };
  struct Place {
    Channel& channel;
    Group& group;
    Bank& bank;
    std::int64_t row;
  };
  static constexpr Tick never = INT64_MIN / 4;

  [[nodiscard]] std::int64_t rotate(std::int64_t unit, std::int64_t round,
                                    const Divisor& count) const;
  /// Where a burst lies.
  Place place(std::int64_t address);
  Tick access_burst(Tick at, std::int64_t address, bool write);
  /// Opens the row, no earlier than a burst of `at` whose data is not needed before `needed` +
  /// column_ allows; returns the begin of the column command.
  Tick open(const Place& place, Tick at, Tick needed);
  Tick after_refresh(Tick at, Bank& bank);

  Divisor burst_;
  Divisor interleave_;
  Divisor channel_count_;
  Divisor stripe_;  // rows of one number in all groups
  Divisor group_interleave_;
  Divisor group_count_;
  Divisor banks_of_group_;
  std::int64_t burst_bytes_;
  std::int64_t interleave_bytes_;
  bool hash_;
  Tick burst_ticks_;
  Tick activate_;
  Tick precharge_;
  Tick column_;
  Tick row_cycle_;
  Tick activate_spacing_;
  Tick activate_spacing_group_;
  Tick activate_window_;
  Tick column_spacing_group_;
  Tick read_to_precharge_;
  Tick write_recovery_;
  Tick write_to_read_;
  Tick read_to_write_;
  Tick refresh_interval_;
  Tick refresh_;
  std::vector<Channel> channels_;
  DramReport report_;
};

}  // namespace septran::simulator
