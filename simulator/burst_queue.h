// The bursts of one direction that a DRAM controller chooses from.
#pragma once

#include <compare>
#include <cstddef>
#include <vector>

#include "simulator/dram_channel.h"

namespace septran::simulator {

/// How far its source has come with a burst: the number of the command, in the order of the
/// program, and that of the burst, in the order in which the command sends them. All cores run one
/// program, so who is least far is behind; and cores that stay together use the rows that one of
/// them has opened.
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

/// That of the source that is least far first, of equals the oldest; and so for each bank apart: a
/// choice looks at one burst a bank, however many wait. All bursts are of one direction.
class BurstQueue {
 public:
  BurstQueue(int depth, int banks);

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool full() const { return free_ == none; }
  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] const WaitingBurst& first() const { return entries_[all_.head].burst; }
  /// Bursts that went while the first one was the first, as `pass` counts them.
  [[nodiscard]] int passed() const { return passed_; }
  void pass() { ++passed_; }

  void push(const WaitingBurst& burst, const DramChannel& channel);
  struct Choice {
    std::uint32_t entry = 0;
    DramChannel::Plan plan;
  };
  using Turn = DramChannel::Turn;
  [[nodiscard]] Choice choose_first(const DramChannel& channel, const Turn& turn) const;
  /// That whose data can come soonest, of equals the first; but no open row is closed that another
  /// one wants. Of the bank that a late first one needs, only that: its row opens while the other
  /// banks' data keep the bus at work, and then it goes.
  [[nodiscard]] Choice choose_first_ready(const DramChannel& channel, const Turn& turn,
                                          bool first_is_late) const;
  /// Takes it out; what is left counts as passed by it.
  WaitingBurst take(std::uint32_t entry);
  /// Another row of the bank has been opened.
  void row_opened(std::uint32_t bank, std::int64_t row);
  /// A refresh has closed all rows.
  void rows_closed();

 private:
  using Place = std::uint32_t;
  static constexpr Place none = UINT32_MAX;
  struct Links {
    Place previous = none;
    Place next = none;
  };
  struct Entry {
    WaitingBurst burst;
    std::int64_t age = 0;  // the smaller, the older
    Links all;
    Links of_bank;
  };
  struct List {
    Place head = none;
    Place tail = none;
  };
  struct Bank {
    List list;
    Place hit = none;  // the first to the open row
    Place active = 0;  // place in active_, if it has a burst
  };
  [[nodiscard]] bool goes_before(Place x, Place y) const;
  template <Links Entry::*links>
  void insert(List& list, Place at);
  template <Links Entry::*links>
  void remove(List& list, Place at);
  [[nodiscard]] Choice plan(Place entry, const DramChannel& channel, const Turn& turn) const;
  [[nodiscard]] Place next_of_row(Place entry, std::int64_t row) const;

  std::vector<Entry> entries_;
  Place free_ = 0;  // the first free one, chained by `all.next`
  List all_;
  std::vector<Bank> banks_;
  std::vector<std::uint32_t> active_;  // banks that have bursts
  int size_ = 0;
  int passed_ = 0;
  std::int64_t age_ = 0;
};

}  // namespace septran::simulator
