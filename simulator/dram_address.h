// Where in DRAM an address lies.
#pragma once

#include <cstdint>

#include "targets/machine.h"

namespace septran::simulator {

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

struct DramPlace {
  std::uint32_t channel = 0;
  std::uint32_t group = 0;  // of banks, in the channel
  std::uint32_t bank = 0;   // in the channel; those of a group stand together
  std::int64_t row = 0;
};

/// Of a channel's bytes, units of the groups' interleaving go round the groups; a stripe, the rows
/// of one number in all groups, is full before the next bank of each group is used.
class DramAddressMap {
 public:
  explicit DramAddressMap(const DramTiming& timing);
  [[nodiscard]] DramPlace place(std::int64_t address) const;

 private:
  [[nodiscard]] std::int64_t rotate(std::int64_t unit, std::int64_t round,
                                    const Divisor& count) const;

  Divisor interleave_;
  Divisor channel_count_;
  Divisor stripe_;  // rows of one number in all groups
  Divisor group_interleave_;
  Divisor group_count_;
  Divisor banks_of_group_;
  std::int64_t interleave_bytes_;
  bool hash_;
};

}  // namespace septran::simulator
