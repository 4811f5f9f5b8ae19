// The bursts of one direction that a DRAM controller chooses from.
#pragma once

#include <compare>
#include <cstddef>
#include <vector>

#include "simulator/dram_channel.h"

namespace septran::simulator {

/// How far its source has come with a burst: the number of the command, in the order of the
/// program, and that of the burst, in the order in which the command sends them.
struct Progress {
  std::int64_t command = 0;
  std::int64_t burst = 0;
  auto operator<=>(const Progress&) const = default;
};

/// A burst on its way to its channel, or waiting there.
struct WaitingBurst {
  Tick at = 0;  // when it comes
  DramPlace place;
  std::uint32_t tag = 0;
  bool write = false;
  Progress progress;
};

/// In the order of age, and for each bank apart in that of progress: a choice looks at one burst a
/// bank, however many wait. All bursts are of one direction.
class BurstQueue {
 public:
  BurstQueue(int depth, int banks);

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool full() const { return free_ == none; }
  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] const WaitingBurst& oldest() const { return entries_[head_].burst; }
  /// Bursts that went while the oldest was the oldest, as `pass` counts them.
  [[nodiscard]] int passed() const { return passed_; }
  void pass() { ++passed_; }

  /// Adds the youngest.
  void push(const WaitingBurst& burst, const DramChannel& channel);
  struct Choice {
    std::uint32_t entry = 0;
    DramChannel::Plan plan;
  };
  using Turn = DramChannel::Turn;
  [[nodiscard]] Choice choose_oldest(const DramChannel& channel, const Turn& turn) const;
  /// That whose data can come soonest, of equals that of the source that is least far, unless the
  /// oldest can go at once; but no open row is closed that another one wants. Of the bank that a
  /// late oldest one needs, only that: its row opens while the other banks' data keep the bus at
  /// work, and then, being the oldest, it goes first.
  [[nodiscard]] Choice choose_first_ready(const DramChannel& channel, const Turn& turn,
                                          bool oldest_is_late) const;
  /// Takes it out; what is left counts as passed by it.
  WaitingBurst take(std::uint32_t entry);
  /// Another row of the bank has been opened.
  void row_opened(std::uint32_t bank, std::int64_t row);
  /// A refresh has closed all rows.
  void rows_closed();

 private:
  using Place = std::uint32_t;
  static constexpr Place none = UINT32_MAX;
  struct Entry {
    WaitingBurst burst;
    std::int64_t age = 0;  // the smaller, the older
    Place previous = none;
    Place next = none;
    Place previous_of_bank = none;
    Place next_of_bank = none;
  };
  struct Bank {
    Place head = none;
    Place tail = none;
    Place hit = none;  // the first to the open row
    Place active = 0;  // place in active_, if it has a burst
  };
  [[nodiscard]] Choice plan(Place entry, const DramChannel& channel, const Turn& turn) const;
  [[nodiscard]] Place next_of_row(Place entry, std::int64_t row) const;

  std::vector<Entry> entries_;
  Place free_ = 0;  // the first free one, chained by `next`
  Place head_ = none;
  Place tail_ = none;
  std::vector<Bank> banks_;
  std::vector<std::uint32_t> active_;  // banks that have bursts
  int size_ = 0;
  int passed_ = 0;
  std::int64_t age_ = 0;
};

}  // namespace septran::simulator
