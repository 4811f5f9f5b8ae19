#include "simulator/timeline.h"

#include <algorithm>
#include <utility>

namespace septran::simulator {

void Timeline::busy(Cycle begin, Cycle end) {
  if (begin >= end) return;
  auto place = busy_.end();  // behind those that end before
  while (place != busy_.begin() && std::prev(place)->end >= begin) --place;
  if (place == busy_.end() || place->begin > end) {
    busy_.insert(place, {begin, end, nullptr});
    return;
  }
  place->begin = std::min(place->begin, begin);
  place->end = std::max(place->end, end);
  const auto next = std::next(place);
  auto behind = next;  // those that it has reached
  for (; behind != busy_.end() && behind->begin <= place->end; ++behind) {
    place->end = std::max(place->end, behind->end);
  }
  busy_.erase(next, behind);
}

void Timeline::stall(Cycle begin, Cycle end, const char* cause) {
  if (begin < end) stalls_.push_back({begin, end, cause});
}

void Timeline::flight(Cycle end) { flight_end_ = std::max(flight_end_, end); }
void Timeline::drain(Cycle end) { drain_end_ = std::max(drain_end_, end); }

const Timeline::Interval* Timeline::at(std::deque<Interval>& layer, Cycle at) {
  while (!layer.empty() && layer.front().end <= at) layer.pop_front();
  return layer.empty() ? nullptr : &layer.front();
}

Cycle& Timeline::stalled(const char* cause) {
  for (const auto& [known, cycles] : causes_) {
    if (known == cause) return *cycles;
  }
  causes_.emplace_back(cause, &sum_.stalled[cause]);
  return *causes_.back().second;
}

void Timeline::settle(Cycle until) {
  while (settled_ < until) {
    const Interval* busy = at(busy_, settled_);
    const Interval* stall = at(stalls_, settled_);
    Cycle end = until;  // of the stretch of cycles with one state
    Cycle* counter = &sum_.idle;
    const char* state = nullptr;
    const auto bounded_by = [&](const Interval* next) {
      if (next != nullptr) end = std::min(end, next->begin > settled_ ? next->begin : next->end);
    };
    bounded_by(busy);
    if (busy != nullptr && busy->begin <= settled_) {
      counter = &sum_.busy;
      state = "busy";
    } else if (settled_ < flight_end_) {
      state = "memory";
      counter = &stalled(state);
      end = std::min(end, flight_end_);
    } else {
      bounded_by(stall);
      if (stall != nullptr && stall->begin <= settled_) {
        state = stall->cause;
        counter = &stalled(state);
      } else if (settled_ < drain_end_) {
        counter = &sum_.draining;
        state = "draining";
        end = std::min(end, drain_end_);
      }
    }
    *counter += end - settled_;
    if (sum_.busy == 0) sum_.waited_at_start = sum_.stalled_total();
    if (recording_ != nullptr && state != nullptr) {
      recording_->state(*record_, settled_, end, state);
    }
    settled_ = end;
  }
}

EngineReport Timeline::finish(Cycle until, std::string name, std::int64_t operations) {
  settle(until);
  sum_.name = std::move(name);
  sum_.operations = operations;
  return sum_;
}

}  // namespace septran::simulator
