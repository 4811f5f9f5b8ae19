// The controller of one DRAM channel: which of the waiting bursts goes next.
#pragma once

#include <cstddef>
#include <vector>

#include "simulator/dram_entrance.h"

namespace septran::simulator {

/// Of the bursts that have come, some reads and some writes are in queues of bounded depth, of
/// which the policy chooses; the others wait before them.
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
  void admit(Tick until, const DramChannel& channel, std::vector<Served>& posted);
  /// Chooses among those that have come, serves one and takes it from the queue.
  void serve(Tick now, Tick came, DramChannel& channel, std::vector<Served>& served);
  [[nodiscard]] bool waiting() const { return !reads_.empty() || !writes_.empty(); }
  /// So many have gone while its first one waited that this one's turn has come.
  [[nodiscard]] bool is_late(const BurstQueue& queue) const;
  [[nodiscard]] bool writes_next() const;
  [[nodiscard]] bool writes_may_wait() const;
  [[nodiscard]] Tick writes_wait_until(const DramChannel& channel) const;
  [[nodiscard]] bool older_is_write() const;
  BurstQueue& queue(bool write) { return write ? writes_ : reads_; }

  const DramTiming& timing_;
  DramEntrance entrance_;
  std::size_t left_ = 0;
  BurstQueue reads_;
  BurstQueue writes_;
  bool writing_ = false;
  Tick last_end_ = 0;
  static constexpr Tick never_came = INT64_MIN / 4;  // differences stay within a Tick
};

}  // namespace septran::simulator
