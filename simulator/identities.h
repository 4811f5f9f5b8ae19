// What holds of every run, whatever the program and the machine are.
#pragma once

#include <string>
#include <vector>

#include "simulator/simulator.h"

namespace septran::simulator {

/// The identities that the report breaks, each in words; none if it is sound. make_report() asks
/// for every run, so that no test and no user sees counters that contradict each other:
///   - of every engine, busy, stalled, draining and idle cycles are not negative and add up to the
///     run's cycles;
///   - every copy has as many elements at one end as at the other: found in the source or filled
///   in,
///     and written or dropped outside the destination; useful bytes are within the bus bytes;
///   - bytes by tensor are those of GLOBAL's edges, bursts of DRAM hold the bus bytes, and every
///     instruction's execution is counted at one origin;
///   - the cycles are not under what the arrays, the vector units or the bus of GLOBAL need alone.
[[nodiscard]] std::vector<std::string> broken_identities(const SimulationReport& report);

}  // namespace septran::simulator
