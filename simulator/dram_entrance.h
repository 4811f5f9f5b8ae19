// Where the bursts wait that have not entered the queues of a DRAM controller.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <queue>
#include <vector>

#include "simulator/burst_queue.h"

namespace septran::simulator {

/// Bursts of several sources, those of one in the order in which they come; the first one of each
/// may enter. They enter as they come while there is room. Of those that found their queue full
/// that of the source that is least far goes first, of equals that which came first.
class DramEntrance {
 public:
  explicit DramEntrance(std::size_t sources) : sources_(sources) {}

  /// Bursts of one source come in rising order.
  void push(std::size_t source, const WaitingBurst& burst);
  /// The source whose burst enters next, of those for whose direction (read, write) there is room.
  [[nodiscard]] std::optional<std::size_t> next(const std::array<bool, 2>& room) const;
  [[nodiscard]] const WaitingBurst& first_of(std::size_t source) const;
  void pop(std::size_t source);
  /// A full queue of reads (writes) has room from now on.
  void has_room(bool write, Tick now);
  [[nodiscard]] Tick room_since(bool write) const { return sides_[write].room_since; }
  /// When the next one (that writes) could enter, were there room.
  [[nodiscard]] Tick soonest() const { return std::min(soonest(false), soonest(true)); }
  [[nodiscard]] Tick soonest(bool write) const;
  static constexpr Tick never = INT64_MAX;

 private:
  struct Source {
    std::vector<WaitingBurst> bursts;
    std::size_t next = 0;
  };
  /// The first burst of a source.
  struct First {
    Tick at = 0;
    Progress progress;
    std::size_t source = 0;
  };
  struct ComesLater {
    bool operator()(const First& x, const First& y) const;
  };
  struct GoesLater {
    bool operator()(const First& x, const First& y) const;
  };
  struct Side {
    Tick room_since = 0;
    std::priority_queue<First, std::vector<First>, ComesLater> coming;
    std::priority_queue<First, std::vector<First>, GoesLater> waiting;  // came by room_since
  };
  void enlist(std::size_t source);

  std::vector<Source> sources_;
  std::array<Side, 2> sides_;  // reads, writes
};

}  // namespace septran::simulator
