#include "simulator/access_map.h"

#include <algorithm>
#include <iterator>

namespace septran::simulator {
namespace {

bool is_before(const Access& access, const Clock& clock) {
  return clock[access.lane] >= access.sequence;
}

}  // namespace

AccessMap::Segments::iterator AccessMap::split(Segments::iterator at, std::int64_t byte) {
  Segment right = at->second;
  at->second.end = byte;
  return segments_.emplace_hint(std::next(at), byte, std::move(right));
}

template <typename Visit>
void AccessMap::cover(ByteRange bytes, const Visit& visit) {
  auto at = segments_.upper_bound(bytes.begin);
  if (at != segments_.begin()) {
    const auto before = std::prev(at);
    if (before->first == bytes.begin) {
      at = before;
    } else if (before->second.end > bytes.begin) {
      at = split(before, bytes.begin);
    }
  }
  for (std::int64_t next = bytes.begin; next < bytes.end; ++at) {
    if (at == segments_.end() || at->first > next) {
      const std::int64_t end = at == segments_.end() ? bytes.end : std::min(bytes.end, at->first);
      at = segments_.emplace_hint(at, next, Segment{end, false, {}});
    } else if (at->second.end > bytes.end) {
      at = std::prev(split(at, bytes.end));
    }
    next = at->second.end;
    visit(at);
  }
}

void AccessMap::mark_written(ByteRange bytes) {
  cover(bytes, [](Segments::iterator at) { at->second.written = true; });
}

void AccessMap::read(ByteRange bytes, const Access& access, const Clock& clock,
                     std::vector<Finding>& findings) {
  cover(bytes, [&](Segments::iterator at) {
    Segment& segment = at->second;
    for (const Access& earlier : segment.accesses) {
      if (!earlier.writes || is_before(earlier, clock)) continue;
      findings.push_back({Finding::Kind::unordered, earlier, {at->first, segment.end}});
    }
    std::uint32_t times = access.times;
    std::erase_if(segment.accesses, [&](const Access& earlier) {
      if (earlier.writes || !is_before(earlier, clock)) return false;
      if (!earlier.hollow) return true;
      // Whether this is a fault is known when the first write comes, so each instruction keeps one.
      if (earlier.instruction != access.instruction) return false;
      times += earlier.times;
      return true;
    });
    Access& added = segment.accesses.emplace_back(access);
    added.hollow = !segment.written;
    added.times = times;
  });
}

void AccessMap::write(ByteRange bytes, const Access& access, bool reads_too, const Clock& clock,
                      std::vector<Finding>& findings) {
  cover(bytes, [&](Segments::iterator at) {
    Segment& segment = at->second;
    for (Access& earlier : segment.accesses) {
      const ByteRange here{at->first, segment.end};
      if (!is_before(earlier, clock)) {
        findings.push_back({Finding::Kind::unordered, earlier, here});
        earlier.hollow = false;  // there is a write that may come before it
      } else if (earlier.hollow) {
        findings.push_back({Finding::Kind::unwritten, earlier, here});
      }
    }
    std::erase_if(segment.accesses,
                  [&](const Access& earlier) { return is_before(earlier, clock); });
    segment.accesses.push_back(access);
    segment.accesses.back().hollow = reads_too && !segment.written;
    segment.written = true;
  });
  // Segments that only this write is left of become one again.
  auto whole = segments_.find(bytes.begin);
  for (auto next = std::next(whole); next != segments_.end() && next->first < bytes.end;) {
    const std::vector<Access>& left = whole->second.accesses;
    const std::vector<Access>& right = next->second.accesses;
    if (left.size() == 1 && right.size() == 1 && left[0].hollow == right[0].hollow) {
      whole->second.end = next->second.end;
      next = segments_.erase(next);
    } else {
      whole = next++;
    }
  }
}

void AccessMap::finish(std::vector<Finding>& findings) const {
  for (const auto& [begin, segment] : segments_) {
    for (const Access& access : segment.accesses) {
      if (!access.hollow) continue;
      findings.push_back({Finding::Kind::unwritten, access, {begin, segment.end}});
    }
  }
}

}  // namespace septran::simulator
