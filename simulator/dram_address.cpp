#include "simulator/dram_address.h"

#include <bit>

namespace septran::simulator {

Divisor::Divisor(std::int64_t value) : value_(value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (std::has_single_bit(bits)) shift_ = std::countr_zero(bits);
}

DramAddressMap::DramAddressMap(const DramTiming& timing)
    : interleave_(timing.interleave_bytes),
      channel_count_(timing.channels),
      stripe_(timing.row_bytes * timing.bank_groups),
      group_interleave_(timing.group_interleave_bytes),
      group_count_(timing.bank_groups),
      banks_of_group_(timing.banks / timing.bank_groups),
      interleave_bytes_(timing.interleave_bytes),
      hash_(timing.interleave_hash) {}

/// The channel (bank) of a unit (row) in its round over all of them. Hashed, each round starts at
/// another place, by the upper bits of its number times 2^64 over the golden ratio (Knuth, The Art
/// of Computer Programming, vol. 3, 6.4: consecutive multiples of any step spread evenly); so
/// addresses at a pitch that is a multiple of a round do not meet in one channel.
std::int64_t DramAddressMap::rotate(std::int64_t unit, std::int64_t round,
                                    const Divisor& count) const {
  if (!hash_) return count.remainder(unit);
  const std::uint64_t hash = static_cast<std::uint64_t>(round) * 0x9e3779b97f4a7c15U;
  const auto turn = static_cast<std::int64_t>(((hash >> 32) * count.value()) >> 32);
  return count.remainder(count.remainder(unit) + turn);
}

DramPlace DramAddressMap::place(std::int64_t address) const {
  const std::int64_t unit = interleave_.quotient(address);
  const std::int64_t round = channel_count_.quotient(unit);
  const std::int64_t channel = rotate(unit, round, channel_count_);
  const std::int64_t local = round * interleave_bytes_ + interleave_.remainder(address);
  const std::int64_t stripe = stripe_.quotient(local);
  const std::int64_t row = banks_of_group_.quotient(stripe);
  const std::int64_t group = rotate(group_interleave_.quotient(local), stripe, group_count_);
  const std::int64_t bank = group * static_cast<std::int64_t>(banks_of_group_.value()) +
                            rotate(stripe, row, banks_of_group_);
  return {static_cast<std::uint32_t>(channel), static_cast<std::uint32_t>(group),
          static_cast<std::uint32_t>(bank), row};
}

}  // namespace septran::simulator
