#include "simulator/calendar.h"

#include <algorithm>

namespace septran::simulator {

Calendar::Place Calendar::ends_after(Cycle time) const {
  if (forgotten_ == taken_.size() || taken_.back().end <= time) return taken_.end();
  return std::partition_point(taken_.begin() + static_cast<std::ptrdiff_t>(forgotten_),
                              taken_.end(), [&](const Interval& one) { return one.end <= time; });
}

Cycle Calendar::find(Cycle earliest, Cycle length) const {
  for (Place taken = ends_after(earliest); taken != taken_.end(); ++taken) {
    if (taken->begin >= earliest + length) break;
    earliest = std::max(earliest, taken->end);
  }
  return earliest;
}

void Calendar::take(Cycle begin, Cycle length) {
  const Cycle end = begin + length;
  const auto next = taken_.begin() + (ends_after(begin) - taken_.cbegin());
  const bool joins_next = next != taken_.end() && next->begin == end;
  const bool joins_last = next != taken_.begin() + static_cast<std::ptrdiff_t>(forgotten_) &&
                          std::prev(next)->end == begin;
  if (joins_last) {
    std::prev(next)->end = joins_next ? next->end : end;
    if (joins_next) taken_.erase(next);
  } else if (joins_next) {
    next->begin = begin;
  } else {
    taken_.insert(next, {begin, end});
  }
}

void Calendar::forget_before(Cycle now) {
  while (forgotten_ < taken_.size() && taken_[forgotten_].end <= now) ++forgotten_;
  if (2 * forgotten_ < taken_.size()) return;
  taken_.erase(taken_.begin(), taken_.begin() + static_cast<std::ptrdiff_t>(forgotten_));
  forgotten_ = 0;
}

Ports::Ports(int banks, int ports, std::int64_t bytes_per_cycle)
    : banks_(std::max(1, banks)),
      word_bytes_(bytes_per_cycle),
      calendars_(static_cast<std::size_t>(std::max(1, ports))) {}

Cycle Ports::reserve(Cycle earliest, Cycle cycles, Cycle now) {
  if (word_bytes_ <= 0 || cycles <= 0) return earliest;
  Calendar* best = nullptr;
  Cycle begin = 0;
  for (Calendar& calendar : calendars_) {
    calendar.forget_before(now);
    const Cycle found = calendar.find(earliest, cycles);
    if (best == nullptr || found < begin) {
      best = &calendar;
      begin = found;
    }
  }
  best->take(begin, cycles);
  return begin;
}

}  // namespace septran::simulator
