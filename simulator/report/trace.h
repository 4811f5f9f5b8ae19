// A recorded run for viewers: Chrome's trace-event format, and VCD.
#pragma once

#include <string>

#include "simulator/recording.h"

namespace septran::report {

/// Trace events (JSON) for Perfetto or chrome://tracing; a microsecond there is a cycle. A process
/// a core, a track an engine: its operations with instruction and place, its stalls, arrows along
/// events; counters for queues, bytes in use and traffic. The recording holds everything.
[[nodiscard]] std::string trace_events(const simulator::SimulationReport& report,
                                       const simulator::Recording& recording);

/// States, instructions and queues of all engines as a value change dump, at the machine's clock.
[[nodiscard]] std::string value_changes(const simulator::SimulationReport& report,
                                        const simulator::Recording& recording);

}  // namespace septran::report
