#include "simulator/burst_queue.h"

#include <tuple>

namespace septran::simulator {

BurstQueue::BurstQueue(int depth, int banks)
    : entries_(static_cast<std::size_t>(depth)), banks_(static_cast<std::size_t>(banks)) {
  for (Place i = 0; i + 1 < entries_.size(); ++i) entries_[i].next = i + 1;
}

void BurstQueue::push(const WaitingBurst& burst, const DramChannel& channel) {
  const Place at = free_;
  Entry& entry = entries_[at];
  free_ = entry.next;
  entry = {burst, age_++, tail_, none, none, none};
  (tail_ == none ? head_ : entries_[tail_].next) = at;
  tail_ = at;
  Bank& bank = banks_[burst.place.bank];
  if (bank.head == none) {
    bank.active = static_cast<Place>(active_.size());
    active_.push_back(burst.place.bank);
  }
  const auto goes_before = [&](Place other) {
    return burst.progress < entries_[other].burst.progress;
  };
  Place before = bank.tail;
  while (before != none && goes_before(before)) before = entries_[before].previous_of_bank;
  Place& place = before == none ? bank.head : entries_[before].next_of_bank;
  entry.previous_of_bank = before;
  entry.next_of_bank = place;
  (place == none ? bank.tail : entries_[place].previous_of_bank) = at;
  place = at;
  const bool is_hit = channel.open_row(burst.place.bank) == burst.place.row;
  if (is_hit && (bank.hit == none || goes_before(bank.hit))) bank.hit = at;
  ++size_;
}

BurstQueue::Choice BurstQueue::plan(Place entry, const DramChannel& channel,
                                    const Turn& turn) const {
  const WaitingBurst& burst = entries_[entry].burst;
  return {entry, channel.plan(turn, burst.place, burst.at)};
}

BurstQueue::Choice BurstQueue::choose_oldest(const DramChannel& channel, const Turn& turn) const {
  return plan(head_, channel, turn);
}

BurstQueue::Choice BurstQueue::choose_first_ready(const DramChannel& channel, const Turn& turn,
                                                  bool oldest_is_late) const {
  const std::uint32_t kept = oldest_is_late ? oldest().place.bank : none;
  const auto of_bank = [&](std::uint32_t number) {
    if (number == kept) return head_;
    const Bank& bank = banks_[number];
    return bank.hit == none ? bank.head : bank.hit;
  };
  const auto goes_before = [&](Place x, Place y) {
    const Entry& first = entries_[x];
    const Entry& second = entries_[y];
    return std::tie(first.burst.progress, first.age) < std::tie(second.burst.progress, second.age);
  };
  // Nearly always the oldest one's turn.
  Choice best = plan(of_bank(oldest().place.bank), channel, turn);
  if (best.entry == head_ && best.plan.data <= turn.soonest) return best;
  for (const std::uint32_t bank : active_) {
    const Choice choice = plan(of_bank(bank), channel, turn);
    if (choice.plan.data < best.plan.data ||
        (choice.plan.data == best.plan.data && goes_before(choice.entry, best.entry))) {
      best = choice;
    }
  }
  return best;
}

BurstQueue::Place BurstQueue::next_of_row(Place entry, std::int64_t row) const {
  while (entry != none && entries_[entry].burst.place.row != row) {
    entry = entries_[entry].next_of_bank;
  }
  return entry;
}

WaitingBurst BurstQueue::take(Place at) {
  Entry& entry = entries_[at];
  const WaitingBurst burst = entry.burst;
  Bank& bank = banks_[burst.place.bank];
  if (bank.hit == at) bank.hit = next_of_row(entry.next_of_bank, burst.place.row);
  (entry.previous == none ? head_ : entries_[entry.previous].next) = entry.next;
  (entry.next == none ? tail_ : entries_[entry.next].previous) = entry.previous;
  (entry.previous_of_bank == none ? bank.head : entries_[entry.previous_of_bank].next_of_bank) =
      entry.next_of_bank;
  (entry.next_of_bank == none ? bank.tail : entries_[entry.next_of_bank].previous_of_bank) =
      entry.previous_of_bank;
  if (bank.head == none) {
    active_[bank.active] = active_.back();
    banks_[active_.back()].active = bank.active;
    active_.pop_back();
  }
  passed_ = entry.previous == none ? 0 : passed_ + 1;
  entry.next = free_;
  free_ = at;
  --size_;
  return burst;
}

void BurstQueue::row_opened(std::uint32_t number, std::int64_t row) {
  Bank& bank = banks_[number];
  bank.hit = next_of_row(bank.head, row);
}

void BurstQueue::rows_closed() {
  for (Bank& bank : banks_) bank.hit = none;
}

}  // namespace septran::simulator
