// What changed between two runs, from their JSON reports.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace septran::report {

/// Whether a JSON value is the report of a run that ended (docs/report.schema.json); if not, why.
[[nodiscard]] std::string fault_of(const nlohmann::ordered_json& report);

/// Text for the terminal: how the cycles changed, in which states of which engines they were gained
/// or lost, and what changed in the work, the traffic and the machine. Both are such reports.
[[nodiscard]] std::string compare_runs(const nlohmann::ordered_json& before,
                                       const nlohmann::ordered_json& after);

}  // namespace septran::report
