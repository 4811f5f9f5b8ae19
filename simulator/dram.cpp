#include "simulator/dram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace septran::simulator {

Tick transfer_ticks(std::int64_t bytes, double bytes_per_cycle) {
  const double ticks = static_cast<double>(bytes) * ticks_per_cycle / bytes_per_cycle;
  return std::max<Tick>(1, std::llround(ticks));
}

Divisor::Divisor(std::int64_t value) : value_(value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (std::has_single_bit(bits)) shift_ = std::countr_zero(bits);
}

Dram::Dram(const DramTiming& timing)
    : burst_(timing.burst_bytes),
      interleave_(timing.interleave_bytes),
      channel_count_(timing.channels),
      stripe_(timing.row_bytes * timing.bank_groups),
      group_interleave_(timing.group_interleave_bytes),
      group_count_(timing.bank_groups),
      banks_of_group_(timing.banks / timing.bank_groups),
      burst_bytes_(timing.burst_bytes),
      interleave_bytes_(timing.interleave_bytes),
      hash_(timing.interleave_hash),
      burst_ticks_(transfer_ticks(timing.burst_bytes, timing.bytes_per_cycle_per_channel)),
      activate_(timing.activate_cycles * ticks_per_cycle),
      precharge_(timing.precharge_cycles * ticks_per_cycle),
      column_(timing.column_cycles * ticks_per_cycle),
      row_cycle_(timing.row_cycle_cycles * ticks_per_cycle),
      activate_spacing_(timing.activate_spacing_cycles * ticks_per_cycle),
      activate_spacing_group_(timing.activate_spacing_group_cycles * ticks_per_cycle),
      activate_window_(timing.activate_window_cycles * ticks_per_cycle),
      column_spacing_group_(std::llround(timing.column_spacing_group_cycles * ticks_per_cycle)),
      read_to_precharge_(timing.read_to_precharge_cycles * ticks_per_cycle),
      write_recovery_(timing.write_recovery_cycles * ticks_per_cycle),
      write_to_read_(timing.write_to_read_cycles * ticks_per_cycle),
      read_to_write_(timing.read_to_write_cycles * ticks_per_cycle),
      refresh_interval_(timing.refresh_interval_cycles * ticks_per_cycle),
      refresh_(timing.refresh_cycles * ticks_per_cycle),
      channels_(static_cast<std::size_t>(timing.channels)) {
  for (Channel& channel : channels_) {
    channel.banks.resize(static_cast<std::size_t>(timing.banks));
    channel.groups.resize(static_cast<std::size_t>(timing.bank_groups));
    channel.activations.fill(never);
  }
}

Tick Dram::access(Tick at, std::int64_t address, std::int64_t bytes, bool write) {
  const std::int64_t first = burst_.quotient(address);
  const std::int64_t last = burst_.quotient(address + bytes - 1);
  Tick end = 0;
  for (std::int64_t burst = first; burst <= last; ++burst) {
    end = std::max(end, access_burst(at, burst * burst_bytes_, write));
  }
  return end;
}

/// All banks of a channel refresh together, at each multiple of the interval; a command waits for
/// the end of the refresh that it falls into, and a refresh closes the rows.
Tick Dram::after_refresh(Tick at, Bank& bank) {
  const std::int64_t begun = at / refresh_interval_;
  if (begun > bank.refreshes) {
    bank.refreshes = begun;
    if (bank.row >= 0) {
      bank.row = -1;
      ++report_.refreshes;
    }
  }
  return begun > 0 ? std::max(at, begun * refresh_interval_ + refresh_) : at;
}

/// The channel (bank) of a unit (row) in its round over all of them. Hashed, each round starts at
/// another place, by the upper bits of its number times 2^64 over the golden ratio (Knuth, The Art
/// of Computer Programming, vol. 3, 6.4: consecutive multiples of any step spread evenly); so
/// addresses at a pitch that is a multiple of a round do not meet in one channel.
std::int64_t Dram::rotate(std::int64_t unit, std::int64_t round, const Divisor& count) const {
  if (!hash_) return count.remainder(unit);
  const std::uint64_t hash = static_cast<std::uint64_t>(round) * 0x9e3779b97f4a7c15U;
  const auto turn = static_cast<std::int64_t>(((hash >> 32) * count.value()) >> 32);
  return count.remainder(count.remainder(unit) + turn);
}

/// Of a channel's bytes, units of the groups' interleaving go round the groups; a stripe, the rows
/// of one number in all groups, is full before the next bank of each group is used.
Dram::Place Dram::place(std::int64_t address) {
  const std::int64_t unit = interleave_.quotient(address);
  const std::int64_t round = channel_count_.quotient(unit);
  Channel& channel = channels_[static_cast<std::size_t>(rotate(unit, round, channel_count_))];
  const std::int64_t local = round * interleave_bytes_ + interleave_.remainder(address);
  const std::int64_t stripe = stripe_.quotient(local);
  const std::int64_t row = banks_of_group_.quotient(stripe);
  const std::int64_t group = rotate(group_interleave_.quotient(local), stripe, group_count_);
  const std::int64_t bank = group * static_cast<std::int64_t>(banks_of_group_.value()) +
                            rotate(stripe, row, banks_of_group_);
  return {channel, channel.groups[static_cast<std::size_t>(group)],
          channel.banks[static_cast<std::size_t>(bank)], row};
}

Tick Dram::open(const Place& place, Tick at, Tick needed) {
  Channel& channel = place.channel;
  Bank& bank = place.bank;
  ++report_.row_misses;
  const std::int64_t begun = needed / refresh_interval_;
  const Tick refreshed = begun > 0 ? begun * refresh_interval_ + refresh_ : 0;
  // Rows open up to a row cycle ahead, so that several in a row do not wait for each other's
  // spacing.
  const Tick early = needed - activate_ - row_cycle_;
  Tick activate = std::max({at, early, refreshed});
  if (bank.row >= 0) {
    ++report_.row_conflicts;
    const Tick close = std::max({at, early - precharge_, refreshed, bank.precharge_from});
    activate = close + precharge_;
  }
  Tick& fourth = channel.activations[channel.oldest];
  const Tick last = channel.activations[(channel.oldest + window - 1) % window];
  activate =
      std::max({activate, bank.last_activate + row_cycle_, last + activate_spacing_,
                place.group.last_activate + activate_spacing_group_, fourth + activate_window_});
  activate = after_refresh(activate, bank);
  bank.row = place.row;
  bank.last_activate = place.group.last_activate = fourth = activate;
  channel.oldest = (channel.oldest + 1) % window;
  return activate + activate_;
}

Tick Dram::access_burst(Tick at, std::int64_t address, bool write) {
  const Place place = this->place(address);
  Channel& channel = place.channel;
  Bank& bank = place.bank;
  // Commands are given when they are needed, not when the burst came: no column command long before
  // its data can follow.
  const Tick needed = std::max(at, channel.bus_free - column_);
  Tick command = after_refresh(needed, bank);
  if (bank.row == place.row) {
    ++report_.row_hits;
  } else {
    command = open(place, at, needed);
  }
  Tick bus = std::max(channel.bus_free, place.group.last_data + column_spacing_group_);
  if (channel.used && channel.writes != write) {
    ++report_.turnarounds;
    if (write) {
      bus = std::max(bus, channel.bus_free + read_to_write_);
    } else {  // from written data to the command, not to the data
      command = std::max(command, channel.bus_free + write_to_read_);
    }
  }
  const Tick data = std::max(command + column_, bus);
  channel.used = true;
  channel.writes = write;
  channel.bus_free = data + burst_ticks_;
  place.group.last_data = data;
  const Tick active_until = bank.last_activate + row_cycle_ - precharge_;  // tRAS
  bank.precharge_from = std::max(active_until, write ? channel.bus_free + write_recovery_
                                                     : data - column_ + read_to_precharge_);
  return channel.bus_free;
}

}  // namespace septran::simulator
