#include "simulator/dram_channel.h"

#include <algorithm>
#include <cmath>

namespace septran::simulator {

Tick transfer_ticks(std::int64_t bytes, double bytes_per_cycle) {
  const double ticks = static_cast<double>(bytes) * ticks_per_cycle / bytes_per_cycle;
  return std::max<Tick>(1, std::llround(ticks));
}

DramTicks::DramTicks(const DramTiming& timing)
    : burst(transfer_ticks(timing.burst_bytes, timing.bytes_per_cycle_per_channel)),
      activate(timing.activate_cycles * ticks_per_cycle),
      precharge(timing.precharge_cycles * ticks_per_cycle),
      column(timing.column_cycles * ticks_per_cycle),
      row_cycle(timing.row_cycle_cycles * ticks_per_cycle),
      activate_spacing(timing.activate_spacing_cycles * ticks_per_cycle),
      activate_spacing_group(timing.activate_spacing_group_cycles * ticks_per_cycle),
      activate_window(timing.activate_window_cycles * ticks_per_cycle),
      column_spacing_group(std::llround(timing.column_spacing_group_cycles * ticks_per_cycle)),
      read_to_precharge(timing.read_to_precharge_cycles * ticks_per_cycle),
      write_recovery(timing.write_recovery_cycles * ticks_per_cycle),
      write_to_read(timing.write_to_read_cycles * ticks_per_cycle),
      read_to_write(timing.read_to_write_cycles * ticks_per_cycle),
      refresh_interval(timing.refresh_interval_cycles * ticks_per_cycle),
      refresh(timing.refresh_cycles * ticks_per_cycle) {}

DramChannel::DramChannel(const DramTicks& ticks, const DramTiming& timing)
    : ticks_(ticks),
      banks_(static_cast<std::size_t>(timing.banks)),
      groups_(static_cast<std::size_t>(timing.bank_groups)),
      postponed_(timing.refresh_postponed) {
  activations_.fill(never);
}

void DramChannel::refresh_at(Tick begin) {
  ++refreshes_;
  refresh_end_ = begin + ticks_.refresh;
  for (Bank& bank : banks_) {
    bank.was_open = bank.was_open || bank.row >= 0;
    bank.row = -1;
  }
}

/// In a pause since `idle`: the more refreshes are due, the shorter the pause has to have been,
/// down to the time that one takes (elastic refresh: Stuecheli et al., MICRO 2010).
Tick DramChannel::refresh_in_pause(Tick idle) const {
  Tick begin = INT64_MAX;
  for (std::int64_t due = 1; due <= postponed_; ++due) {
    begin = std::min(begin, std::max(idle + (postponed_ + 1 - due) * ticks_.refresh,
                                     (refreshes_ + due) * ticks_.refresh_interval));
  }
  return begin;
}

bool DramChannel::refresh(Tick needed, Tick came) {
  const std::int64_t before = refreshes_;
  if (came - bus_free_ > ticks_.refresh) {
    Tick begin = bus_free_;
    while ((begin = refresh_in_pause(begin)) < came) refresh_at(begin);
  }
  for (Tick due; (due = (refreshes_ + 1 + postponed_) * ticks_.refresh_interval) <= needed;) {
    refresh_at(std::max(due, refresh_end_));
  }
  return refreshes_ != before;
}

/// Rows open up to a row cycle ahead, so that several in a row do not wait for each other's
/// spacing.
DramChannel::Turn DramChannel::turn(Tick needed, bool write) const {
  Turn turn{write, 0, 0, 0};
  Tick command = std::max(needed, refresh_end_);
  Tick bus = bus_free_;
  if (used_ && writes_ != write) {
    if (write) {
      bus += ticks_.read_to_write;
    } else {  // from written data to the command, not to the data
      command = std::max(command, bus_free_ + ticks_.write_to_read);
    }
  }
  turn.soonest = std::max(command + ticks_.column, bus);
  const Tick early = needed - ticks_.activate - ticks_.row_cycle;
  const Tick last = activations_[(oldest_ + window - 1) % window];
  turn.activate = std::max({early, refresh_end_, last + ticks_.activate_spacing,
                            activations_[oldest_] + ticks_.activate_window});
  turn.precharge = std::max(early - ticks_.precharge, refresh_end_);
  return turn;
}

Tick DramChannel::serve(const Turn& turn, const DramPlace& place, const Plan& plan) {
  Bank& bank = banks_[place.bank];
  Group& group = groups_[place.group];
  if (bank.was_open) ++report_.refreshes;
  bank.was_open = false;
  if (plan.row == Row::hit) {
    ++report_.row_hits;
  } else {
    ++report_.row_misses;
    if (plan.row == Row::conflict) ++report_.row_conflicts;
    bank.row = place.row;
    bank.activate_from = plan.activate + ticks_.row_cycle;
    group.activate_from = plan.activate + ticks_.activate_spacing_group;
    activations_[oldest_] = plan.activate;
    oldest_ = (oldest_ + 1) % window;
  }
  if (used_ && writes_ != turn.write) ++report_.turnarounds;
  used_ = true;
  writes_ = turn.write;
  bus_free_ = plan.data + ticks_.burst;
  group.next_data = plan.data + ticks_.column_spacing_group;
  const Tick active_until = bank.activate_from - ticks_.precharge;  // tRAS
  bank.precharge_from =
      std::max(active_until, turn.write ? bus_free_ + ticks_.write_recovery
                                        : plan.data - ticks_.column + ticks_.read_to_precharge);
  return bus_free_;
}

void DramChannel::add_to(DramReport& report) const {
  report.row_hits += report_.row_hits;
  report.row_misses += report_.row_misses;
  report.row_conflicts += report_.row_conflicts;
  report.turnarounds += report_.turnarounds;
  report.refreshes += report_.refreshes;
}

}  // namespace septran::simulator
