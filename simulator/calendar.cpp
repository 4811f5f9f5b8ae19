#include "simulator/calendar.h"

#include <algorithm>

namespace septran::simulator {

Cycle Calendar::find(Cycle earliest, Cycle length) const {
  for (const Interval& taken : taken_) {
    if (taken.begin >= earliest + length) break;
    earliest = std::max(earliest, taken.end);
  }
  return earliest;
}

void Calendar::take(Cycle begin, Cycle length) {
  const Interval added{begin, begin + length};
  auto place = std::find_if(taken_.begin(), taken_.end(),
                            [&](const Interval& taken) { return taken.begin >= added.begin; });
  const bool joins_next = place != taken_.end() && place->begin == added.end;
  if (place != taken_.begin() && std::prev(place)->end == added.begin) {
    std::prev(place)->end = joins_next ? place->end : added.end;
    if (joins_next) taken_.erase(place);
  } else if (joins_next) {
    place->begin = added.begin;
  } else {
    taken_.insert(place, added);
  }
}

void Calendar::forget_before(Cycle now) {
  while (!taken_.empty() && taken_.front().end <= now) taken_.pop_front();
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
