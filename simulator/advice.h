// What would make a run faster, from the numbers of its report.
#pragma once

#include <vector>

#include "simulator/simulator.h"

namespace septran::simulator {

/// What holds the run up and what would help, that with the largest share of the cycles first;
/// empty where nothing stands out.
[[nodiscard]] std::vector<Advice> advise(const SimulationReport& report);

}  // namespace septran::simulator
