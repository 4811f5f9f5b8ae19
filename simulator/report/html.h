// Reports as pages of HTML that need nothing else: no network, no other file.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace septran::report {

/// The page of one run, from its JSON report (simulator/report.h's to_json,
/// docs/report.schema.json).
[[nodiscard]] std::string run_page(const nlohmann::ordered_json& report);

/// The pages of many runs, from the JSON that they write: the layers of a workload, the points of a
/// sweep.
[[nodiscard]] std::string workload_page(const nlohmann::ordered_json& report);
[[nodiscard]] std::string sweep_page(const nlohmann::ordered_json& report);

}  // namespace septran::report
