// A recorded run for viewers: Chrome's trace-event format, and VCD.
#pragma once

#include <string>

#include "simulator/recording.h"

namespace septran::report {

/// Cycles begin .. end-1 of a run.
struct Window {
  simulator::Cycle begin = 0;
  simulator::Cycle end = INT64_MAX;
  [[nodiscard]] bool meets(simulator::Cycle from, simulator::Cycle to) const {
    return from < end && to > begin;
  }
  [[nodiscard]] bool holds(simulator::Cycle at) const { return begin <= at && at < end; }
};

/// Trace events (JSON) for Perfetto or chrome://tracing; a microsecond there is a cycle. A process
/// a core, a track an engine: its operations with instruction and place, its stalls, arrows along
/// events; counters for queues, bytes in use and traffic. The recording holds everything; of it,
/// what meets the window is told, arrows if both ends do.
[[nodiscard]] std::string trace_events(const simulator::SimulationReport& report,
                                       const simulator::Recording& recording,
                                       const Window& window = {});

/// States, instructions and queues of all engines as a value change dump, at the machine's clock:
/// the changes within the window, which begins with what holds there.
[[nodiscard]] std::string value_changes(const simulator::SimulationReport& report,
                                        const simulator::Recording& recording,
                                        const Window& window = {});

}  // namespace septran::report
