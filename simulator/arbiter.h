// Whose bursts go to memory next, where the dma engines of all cores have some.
#pragma once

#include <deque>
#include <systemc>
#include <vector>

#include "simulator/shared.h"

namespace septran::simulator {

/// An engine asks before each run of bursts. It is let through at once if the queue before DRAM has
/// room for the run and nobody waits; otherwise it waits, and each time that bursts have left the
/// queue, by crossing a bus of DRAM, the policy chooses who goes next.
class Arbiter : public sc_core::sc_module {
 public:
  Arbiter(const sc_core::sc_module_name& name, const InterconnectTiming& timing, int cores);

  /// The number of an engine: that of all load engines and store engines, by core.
  [[nodiscard]] static std::size_t number(int core, dsa::EngineId engine);
  /// Whether the engine may send a run of so many bursts now. If not, it is woken when it is its
  /// turn, and asks again; asking more often changes nothing.
  bool admits(std::size_t engine, Wakeable& who, std::int64_t bursts);
  /// The run that was let through is under way.
  void sent(std::int64_t bursts) { queued_ += bursts; }
  /// A burst of it leaves the queue at `until`, not before those of earlier calls.
  void leaves(Cycle until);

 private:
  struct Waiter {
    std::size_t engine = 0;
    Wakeable* who = nullptr;
    std::int64_t bursts = 0;
  };
  struct Leaving {
    Cycle until = 0;
    std::int64_t bursts = 0;
  };
  void choose();
  void forget_left(Cycle now);
  [[nodiscard]] bool has_room(std::int64_t bursts) const;
  [[nodiscard]] std::vector<Waiter>::iterator next();

  const InterconnectTiming& timing_;
  std::vector<int> ranks_;       // by engine: the smaller, the more urgent
  std::vector<Waiter> waiting_;  // in the order in which they came
  std::size_t last_ = 0;         // engine that was let through last
  std::int64_t queued_ = 0;      // bursts in the queue
  std::deque<Leaving> leaving_;  // those of them of which it is known when
  bool chosen_ = false;          // waiting_.front() was woken
  sc_core::sc_event look_;
};

}  // namespace septran::simulator
