// Time in parts of a cycle, for buses whose bursts do not take whole cycles.
#pragma once

#include "simulator/simulator.h"

namespace septran::simulator {

using Tick = std::int64_t;
inline constexpr Tick ticks_per_cycle = 1024;
[[nodiscard]] constexpr Cycle round_up(Tick ticks) {
  return (ticks + ticks_per_cycle - 1) / ticks_per_cycle;
}
/// Ticks that `bytes` take at a rate; at least one.
[[nodiscard]] Tick transfer_ticks(std::int64_t bytes, double bytes_per_cycle);

}  // namespace septran::simulator
