// Reports of what went wrong in a run: the parts that text and JSON of report.h are put together
// from.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "simulator/simulator.h"

namespace septran::simulator {

/// "gemm.py:24, gemm.yaml:7, stream A", or that nothing is known.
[[nodiscard]] std::string place_text(const dsa::SourceOrigin& origin);

[[nodiscard]] nlohmann::ordered_json origin_json(const dsa::SourceOrigin& origin);
[[nodiscard]] nlohmann::ordered_json trap_json(const Trap& trap);
[[nodiscard]] nlohmann::ordered_json deadlock_json(const Deadlock& deadlock);
[[nodiscard]] nlohmann::ordered_json hazards_json(const HazardReport& report);

}  // namespace septran::simulator
