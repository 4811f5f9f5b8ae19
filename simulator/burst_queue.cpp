#include "simulator/burst_queue.h"

#include <tuple>

namespace septran::simulator {

BurstQueue::BurstQueue(int depth, int banks)
    : entries_(static_cast<std::size_t>(depth)), banks_(static_cast<std::size_t>(banks)) {
  for (Place i = 0; i + 1 < entries_.size(); ++i) entries_[i].all.next = i + 1;
}

void BurstQueue::push(const WaitingBurst& burst, const DramChannel& channel) {
  const Place at = free_;
  free_ = entries_[at].all.next;
  entries_[at] = {burst, age_++, {}, {}};
  insert<&Entry::all>(all_, at);
  if (all_.head == at) passed_ = 0;
  Bank& bank = banks_[burst.place.bank];
  if (bank.list.head == none) {
    bank.active = static_cast<Place>(active_.size());
    active_.push_back(burst.place.bank);
  }
  insert<&Entry::of_bank>(bank.list, at);
  const bool is_hit = channel.open_row(burst.place.bank) == burst.place.row;
  if (is_hit && (bank.hit == none || goes_before(at, bank.hit))) bank.hit = at;
  ++size_;
}

bool BurstQueue::goes_before(Place x, Place y) const {
  const Entry& first = entries_[x];
  const Entry& second = entries_[y];
  return std::tie(first.burst.progress, first.age) < std::tie(second.burst.progress, second.age);
}

template <BurstQueue::Links BurstQueue::Entry::*links>
void BurstQueue::insert(List& list, Place at) {
  Place before = list.tail;
  while (before != none && goes_before(at, before)) before = (entries_[before].*links).previous;
  Place& place = before == none ? list.head : (entries_[before].*links).next;
  entries_[at].*links = {before, place};
  (place == none ? list.tail : (entries_[place].*links).previous) = at;
  place = at;
}

template <BurstQueue::Links BurstQueue::Entry::*links>
void BurstQueue::remove(List& list, Place at) {
  const auto& [previous, next] = entries_[at].*links;
  (previous == none ? list.head : (entries_[previous].*links).next) = next;
  (next == none ? list.tail : (entries_[next].*links).previous) = previous;
}

BurstQueue::Choice BurstQueue::plan(Place entry, const DramChannel& channel,
                                    const Turn& turn) const {
  const WaitingBurst& burst = entries_[entry].burst;
  return {entry, channel.plan(turn, burst.place, burst.at)};
}

BurstQueue::Choice BurstQueue::choose_first(const DramChannel& channel, const Turn& turn) const {
  return plan(all_.head, channel, turn);
}

BurstQueue::Choice BurstQueue::choose_first_ready(const DramChannel& channel, const Turn& turn,
                                                  bool first_is_late) const {
  const std::uint32_t kept = first_is_late ? first().place.bank : none;
  const auto of_bank = [&](std::uint32_t number) {
    const Bank& bank = banks_[number];
    return bank.hit == none || number == kept ? bank.list.head : bank.hit;
  };
  Choice best = plan(of_bank(first().place.bank), channel, turn);
  if (best.entry == all_.head && best.plan.data <= turn.soonest) return best;
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
    entry = entries_[entry].of_bank.next;
  }
  return entry;
}

WaitingBurst BurstQueue::take(Place at) {
  Entry& entry = entries_[at];
  const WaitingBurst burst = entry.burst;
  Bank& bank = banks_[burst.place.bank];
  if (bank.hit == at) bank.hit = next_of_row(entry.of_bank.next, burst.place.row);
  passed_ = at == all_.head ? 0 : passed_ + 1;
  remove<&Entry::all>(all_, at);
  remove<&Entry::of_bank>(bank.list, at);
  if (bank.list.head == none) {
    active_[bank.active] = active_.back();
    banks_[active_.back()].active = bank.active;
    active_.pop_back();
  }
  entry.all.next = free_;
  free_ = at;
  --size_;
  return burst;
}

void BurstQueue::row_opened(std::uint32_t number, std::int64_t row) {
  Bank& bank = banks_[number];
  bank.hit = next_of_row(bank.list.head, row);
}

void BurstQueue::rows_closed() {
  for (Bank& bank : banks_) bank.hit = none;
}

}  // namespace septran::simulator
