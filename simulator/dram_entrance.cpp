#include "simulator/dram_entrance.h"

#include <algorithm>
#include <tuple>

namespace septran::simulator {

bool DramEntrance::ComesLater::operator()(const First& x, const First& y) const {
  return std::tie(x.at, x.source) > std::tie(y.at, y.source);
}

bool DramEntrance::GoesLater::operator()(const First& x, const First& y) const {
  return std::tie(x.progress, x.at, x.source) > std::tie(y.progress, y.at, y.source);
}

void DramEntrance::push(std::size_t source, const WaitingBurst& burst) {
  Source& own = sources_[source];
  own.bursts.push_back(burst);
  if (own.bursts.size() - own.next == 1) enlist(source);
}

void DramEntrance::enlist(std::size_t source) {
  const WaitingBurst& burst = first_of(source);
  Side& side = sides_[burst.write];
  const First first{burst.at, burst.progress, source};
  if (burst.at <= side.room_since) {
    side.waiting.push(first);
  } else {
    side.coming.push(first);
  }
}

const WaitingBurst& DramEntrance::first_of(std::size_t source) const {
  const Source& own = sources_[source];
  return own.bursts[own.next];
}

std::optional<std::size_t> DramEntrance::next(const std::array<bool, 2>& room) const {
  const First* next = nullptr;
  Tick enters = never;
  for (const bool write : {false, true}) {
    const Side& side = sides_[write];
    const Tick from = soonest(write);
    if (!room[write] || from == never) continue;
    const First& first = side.waiting.empty() ? side.coming.top() : side.waiting.top();
    if (next != nullptr && std::tie(enters, next->source) < std::tie(from, first.source)) continue;
    next = &first;
    enters = from;
  }
  return next == nullptr ? std::nullopt : std::optional(next->source);
}

void DramEntrance::pop(std::size_t source) {
  Source& own = sources_[source];
  Side& side = sides_[first_of(source).write];
  if (side.waiting.empty()) {
    side.coming.pop();
  } else {
    side.waiting.pop();
  }
  ++own.next;
  if (own.next == own.bursts.size()) {
    own.bursts.clear();
    own.next = 0;
    return;
  }
  if (own.next >= 64 && 2 * own.next >= own.bursts.size()) {
    own.bursts.erase(own.bursts.begin(),
                     own.bursts.begin() + static_cast<std::ptrdiff_t>(own.next));
    own.next = 0;
  }
  enlist(source);
}

void DramEntrance::has_room(bool write, Tick now) {
  Side& side = sides_[write];
  side.room_since = now;
  while (!side.coming.empty() && side.coming.top().at <= now) {
    side.waiting.push(side.coming.top());
    side.coming.pop();
  }
}

Tick DramEntrance::soonest(bool write) const {
  const Side& side = sides_[write];
  if (!side.waiting.empty()) return side.room_since;
  return side.coming.empty() ? never : side.coming.top().at;
}

}  // namespace septran::simulator
