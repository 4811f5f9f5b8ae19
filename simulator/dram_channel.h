// What the banks and the bus of one DRAM channel can do when, by arithmetic alone.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "simulator/dram_address.h"
#include "simulator/ticks.h"

namespace septran::simulator {

/// The description's timing table in ticks.
struct DramTicks {
  explicit DramTicks(const DramTiming& timing);
  Tick burst;
  Tick activate;
  Tick precharge;
  Tick column;
  Tick row_cycle;
  Tick activate_spacing;
  Tick activate_spacing_group;
  Tick activate_window;
  Tick column_spacing_group;
  Tick read_to_precharge;
  Tick write_recovery;
  Tick write_to_read;
  Tick read_to_write;
  Tick refresh_interval;
  Tick refresh;
};

/// Commands are given when the bus needs them, not when a burst comes: no column command long
/// before its data can follow. Bursts are served in the order of the calls of `serve`.
class DramChannel {
 public:
  DramChannel(const DramTicks& ticks, const DramTiming& timing);

  /// The column command's time for data that follows the last burst's on the bus.
  [[nodiscard]] Tick next_column() const { return bus_free_ - ticks_.column; }

  /// From the end of read data, with a write behind it, to the read after that: what is not data.
  [[nodiscard]] Tick turns_take() const {
    return ticks_.read_to_write + ticks_.write_to_read + ticks_.column;
  }

  /// Refreshes all banks as often as it is due before a column command at `needed`: at the latest
  /// when more are due than may be put off, and earlier in the pause before `came`, the coming of
  /// the first burst that waits. Returns whether it did.
  bool refresh(Tick needed, Tick came);

  enum class Row { hit, closed, conflict };  // conflict: another one is open
  /// What any burst of a direction meets whose column command may come at `needed`.
  struct Turn {
    bool write = false;
    Tick soonest = 0;    // begin of data, if nothing else is in the way
    Tick activate = 0;   // the earliest activation of any bank; ...
    Tick precharge = 0;  // ... and precharge before one, as far as they may be given ahead
  };
  [[nodiscard]] Turn turn(Tick needed, bool write) const;
  /// How the channel would serve a burst then.
  struct Plan {
    Row row = Row::hit;
    Tick activate = 0;
    Tick data = 0;  // its begin
  };
  /// For a burst that came at `at`.
  [[nodiscard]] Plan plan(const Turn& turn, const DramPlace& place, Tick at) const {
    const Bank& bank = banks_[place.bank];
    const Group& group = groups_[place.group];
    Plan plan{Row::hit, 0, std::max(turn.soonest, group.next_data)};
    if (bank.row == place.row) return plan;
    plan.activate = std::max({turn.activate, bank.activate_from, group.activate_from});
    if (bank.row < 0) {
      plan.row = Row::closed;
      plan.activate = std::max(plan.activate, at);
    } else {
      plan.row = Row::conflict;
      plan.activate = std::max(
          plan.activate, std::max({at, turn.precharge, bank.precharge_from}) + ticks_.precharge);
    }
    plan.data = std::max(plan.data, plan.activate + ticks_.activate + ticks_.column);
    return plan;
  }
  /// The number of the row that is open in a bank, or -1.
  [[nodiscard]] std::int64_t open_row(std::uint32_t bank) const { return banks_[bank].row; }
  /// Serves it as planned; returns when the last of its data has crossed the bus.
  Tick serve(const Turn& turn, const DramPlace& place, const Plan& plan);
  void add_to(DramReport& report) const;

 private:
  static constexpr std::size_t window = 4;  // activations that tFAW is about
  static constexpr Tick never = INT64_MIN / 4;
  struct Bank {
    std::int64_t row = -1;       // open row, or -1
    Tick activate_from = never;  // a row cycle after the last activation
    Tick precharge_from = 0;     // as the last burst lets it
    bool was_open = false;       // when a refresh closed it, and not used since
  };
  struct Group {
    Tick activate_from = never;
    Tick next_data = never;  // begin of the next burst's data at the earliest
  };
  void refresh_at(Tick begin);
  [[nodiscard]] Tick refresh_in_pause(Tick idle) const;

  const DramTicks& ticks_;
  std::vector<Bank> banks_;
  std::vector<Group> groups_;
  std::array<Tick, window> activations_;  // the last ones
  std::size_t oldest_ = 0;                // of them
  Tick bus_free_ = 0;
  bool writes_ = false;
  bool used_ = false;
  std::int64_t postponed_;      // refreshes that may be put off
  std::int64_t refreshes_ = 0;  // done
  Tick refresh_end_ = 0;        // of the last one
  DramReport report_;
};

}  // namespace septran::simulator
