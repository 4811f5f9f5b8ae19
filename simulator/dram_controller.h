// The controller of one DRAM channel: which of the waiting bursts goes next.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "simulator/burst_queue.h"

namespace septran::simulator {

/// Bursts of several sources, those of one in the order in which they come. Of the bursts that have
/// come, some reads and some writes are in queues of bounded depth, of which the policy chooses;
/// the others wait before them, and enter in the order in which they come, or, where the policy may
/// change the order, those of the source that is least far with its commands first.
class DramController {
 public:
  DramController(const DramTiming& timing, std::size_t sources);

  /// Bursts of one source come in rising order.
  void push(std::size_t source, const WaitingBurst& burst);
  [[nodiscard]] bool empty() const { return left_ == 0; }
  /// When the next burst may start: its column command's time. Not for an empty queue.
  [[nodiscard]] Tick next(const DramChannel& channel) const;
  struct Served {
    Tick end = 0;
    std::uint32_t tag = 0;
  };
  /// Serves what starts before the horizon: reads (and writes, unless they are posted) are appended
  /// to `served` with the end of their data, posted writes to `posted` when they enter their queue.
  void advance(DramChannel& channel, Tick horizon, std::vector<Served>& served,
               std::vector<Served>& posted);
  /// Nothing that is still to be appended ends before; `least`: what a burst takes at least. Not
  /// for an empty controller.
  [[nodiscard]] Tick next_end(const DramChannel& channel, Tick least) const;
  [[nodiscard]] Tick last_end() const { return last_end_; }

 private:
  struct Source {
    std::vector<WaitingBurst> bursts;
    std::size_t next = 0;
    [[nodiscard]] bool empty() const { return next == bursts.size(); }
    [[nodiscard]] const WaitingBurst& front() const { return bursts[next]; }
    void pop();
  };
  void admit(Tick until, const DramChannel& channel, std::vector<Served>& posted);
  /// Chooses among those that have come, serves one and takes it from the queue.
  void serve(Tick now, Tick came, DramChannel& channel, std::vector<Served>& served);
  [[nodiscard]] bool waiting() const { return !reads_.empty() || !writes_.empty(); }
  void find_next_coming();
  /// The source whose burst enters its queue next; none if there is no room.
  [[nodiscard]] Source* next_with_room();
  [[nodiscard]] bool enters_before(const WaitingBurst& x, const WaitingBurst& y) const;
  /// So many have gone while its oldest waited that this one's turn has come.
  [[nodiscard]] bool is_late(const BurstQueue& queue) const;
  [[nodiscard]] bool writes_next() const;
  [[nodiscard]] bool writes_may_wait() const;
  [[nodiscard]] Tick writes_wait_until(const DramChannel& channel) const;
  [[nodiscard]] bool older_is_write() const;
  BurstQueue& queue(bool write) { return write ? writes_ : reads_; }

  const DramTiming& timing_;
  std::vector<Source> sources_;
  Tick next_coming_ = never;     // the first burst that has not entered its queue, ...
  std::size_t next_source_ = 0;  // ... and whose it is
  std::size_t left_ = 0;
  BurstQueue reads_;
  BurstQueue writes_;
  bool writing_ = false;
  std::array<Tick, 2> room_since_{};  // the read (write) queue has had room
  Tick last_end_ = 0;
  static constexpr Tick never = INT64_MAX;
  static constexpr Tick never_came = INT64_MIN / 4;  // differences stay within a Tick
};

}  // namespace septran::simulator
