// What a run took, as text for the terminal and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "simulator/simulator.h"

namespace septran::simulator {

/// A statistic of the JSON report: its key, unit, and what it says in a sentence. In keys, <engine>
/// and the like stand for names.
struct Statistic {
  const char* key;
  const char* unit;
  const char* meaning;
};
[[nodiscard]] std::span<const Statistic> statistics();
/// The table of statistics in Markdown, for the documentation.
[[nodiscard]] std::string statistics_markdown();

/// What the driver knows beyond the simulation; absent values are left out of the report.
struct DriverResults {
  std::optional<bool> ok;
  std::optional<double> max_abs_error;
  std::optional<double> relative_error;
  std::optional<std::int64_t> incomparable_elements = {};
  std::optional<double> compile_seconds;
  std::optional<double> simulate_seconds;
  std::optional<HazardReport> hazards;
  std::optional<double> area_mm2 = {};                 // of the machine
  const Recording* recording = nullptr;                // for `timeline`
  std::map<std::string, std::string> line_texts = {};  // of lines of the logic, by place
};

/// One sentence that says what bounds the run.
[[nodiscard]] std::string verdict(const SimulationReport& report);

/// Tables for a terminal.
[[nodiscard]] std::string to_text(const SimulationReport& report);
[[nodiscard]] std::string to_text(const Trap& trap);
[[nodiscard]] std::string to_text(const Deadlock& deadlock);
[[nodiscard]] std::string to_text(const SimulationResult& result);
/// Each hazard with both instructions, their places and a hint; empty if there is none.
[[nodiscard]] std::string to_text(const HazardReport& report);

inline constexpr int report_schema_version = 1;
/// The report with the keys that statistics() lists. Of a trap or a deadlock: `trap` or `deadlock`
/// with what is known; of a checked run, `hazards`. With any of the three result.ok is false.
[[nodiscard]] nlohmann::ordered_json to_json(const SimulationResult& result,
                                             const std::string& target,
                                             const DriverResults& driver = {});
/// The JSON as it is written to files: indented, but for the long lists of `timeline`.
[[nodiscard]] std::string report_text(const nlohmann::ordered_json& report);
/// Both together.
[[nodiscard]] std::string json_text(const SimulationResult& result, const std::string& target,
                                    const DriverResults& driver);

}  // namespace septran::simulator
