#include "simulator/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "simulator/fault_report.h"

namespace septran::simulator {
namespace {

constexpr std::size_t shown_origins = 10;

double percent(Cycle part, Cycle whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string engine_table(const SimulationReport& report) {
  std::string text = fmt::format("{:<6}{:<11}{:>12}{:>12}{:>12}{:>12}  {}\n", "core", "engine",
                                 "busy", "stalled", "draining", "idle", "stalled by");
  for (std::size_t core = 0; core < report.cores.size(); ++core) {
    for (const EngineReport& engine : report.cores[core].engines) {
      std::vector<std::pair<Cycle, std::string>> causes;
      for (const auto& [cause, count] : engine.stalled) causes.emplace_back(count, cause);
      std::sort(causes.rbegin(), causes.rend());
      std::string why;
      for (const auto& [count, cause] : causes) {
        why += fmt::format("{}{} {:.1f} %", why.empty() ? "" : ", ", cause,
                           percent(count, report.cycles));
      }
      const std::string line =
          fmt::format("{:<6}{:<11}{:>12}{:>12}{:>12}{:>12}  {}", core, engine.name, engine.busy,
                      engine.stalled_total(), engine.draining, engine.idle, why);
      text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
  }
  return text;
}

std::string traffic_table(const SimulationReport& report) {
  std::string text = fmt::format("{:<22}{:>16}{:>16}\n", "traffic", "useful bytes", "bus bytes");
  for (const EdgeReport& edge : report.edges) {
    text += fmt::format("{:<22}{:>16}{:>16}\n", edge.from + "->" + edge.to, edge.useful_bytes,
                        edge.bus_bytes);
  }
  text += "\n";
  for (const MemoryReport& memory : report.memories) {
    text += fmt::format("{}: {} of {} bytes used\n", memory.name, memory.high_water_bytes,
                        memory.size_bytes);
  }
  const DramReport& dram = report.dram;
  const std::int64_t bursts = dram.row_hits + dram.row_misses;
  text += fmt::format(
      "DRAM: {} row hits, {} misses ({:.1f} % hits), {} conflicts, {} turnarounds, {} rows closed "
      "by refresh\n",
      dram.row_hits, dram.row_misses, percent(dram.row_hits, bursts), dram.row_conflicts,
      dram.turnarounds, dram.refreshes);
  return text;
}

std::string origin_table(const SimulationReport& report) {
  std::string text =
      fmt::format("{:>12}{:>12}{:>12}  {}\n", "busy", "stalled", "executed", "where");
  for (std::size_t i = 0; i < std::min(shown_origins, report.origins.size()); ++i) {
    const OriginReport& row = report.origins[i];
    text += fmt::format("{:>12}{:>12}{:>12}  {} (instruction {})\n", row.busy, row.stalled,
                        row.executed, place_text(row.origin), row.instruction);
  }
  return text;
}

nlohmann::ordered_json engine_json(const EngineReport& engine) {
  nlohmann::ordered_json json;
  json["busy"] = engine.busy;
  json["stalled"] = nlohmann::ordered_json::object();
  for (const auto& [cause, count] : engine.stalled) json["stalled"][cause] = count;
  json["draining"] = engine.draining;
  json["idle"] = engine.idle;
  json["operations"] = engine.operations;
  return json;
}

void add_report(nlohmann::ordered_json& json, const SimulationReport& report) {
  json["program"] = report.program;
  json["timing_only"] = report.timing_only;
  json["cycles"] = report.cycles;
  json["seconds_at_clock"] = report.seconds_at_clock;
  json["verdict"] = report.verdict;
  json["macs"] = report.macs;
  json["mma_utilization"] = report.mma_utilization;
  json["arithmetic_intensity"] = report.arithmetic_intensity;
  json["roofline"] = {{"bound_cycles", report.roofline.bound()},
                      {"mma_cycles", report.roofline.mma_cycles},
                      {"vector_cycles", report.roofline.vector_cycles},
                      {"memory_cycles", report.roofline.memory_cycles},
                      {"binding", report.roofline.binding()}};
  json["vector_elements"] = report.vector_elements;
  json["instructions"] = report.instructions;
  json["cores"] = nlohmann::ordered_json::array();
  for (const CoreReport& core : report.cores) {
    nlohmann::ordered_json engines;
    for (const EngineReport& engine : core.engines) engines[engine.name] = engine_json(engine);
    json["cores"].push_back({{"engines", engines}});
  }
  json["memory"] = nlohmann::ordered_json::object();
  for (const EdgeReport& edge : report.edges) {
    json["memory"][edge.from + "->" + edge.to] = {{"bytes", edge.useful_bytes},
                                                  {"bus_bytes", edge.bus_bytes}};
  }
  json["occupancy"] = nlohmann::ordered_json::object();
  for (const MemoryReport& memory : report.memories) {
    json["occupancy"][memory.name] = {{"high_water_bytes", memory.high_water_bytes},
                                      {"size_bytes", memory.size_bytes}};
  }
  json["dram"] = {{"row_hits", report.dram.row_hits},
                  {"row_misses", report.dram.row_misses},
                  {"row_conflicts", report.dram.row_conflicts},
                  {"turnarounds", report.dram.turnarounds},
                  {"refreshes", report.dram.refreshes}};
  json["energy_pj"] = nlohmann::ordered_json::object();
  for (const auto& [component, energy] : report.energy_pj) json["energy_pj"][component] = energy;
  json["origins"] = nlohmann::ordered_json::array();
  for (const OriginReport& row : report.origins) {
    nlohmann::ordered_json entry = origin_json(row.origin);
    entry["instruction"] = row.instruction;
    entry["executed"] = row.executed;
    entry["busy"] = row.busy;
    entry["stalled"] = row.stalled;
    json["origins"].push_back(std::move(entry));
  }
}

}  // namespace

Cycle EngineReport::stalled_total() const {
  return std::accumulate(stalled.begin(), stalled.end(), Cycle{0},
                         [](Cycle sum, const auto& entry) { return sum + entry.second; });
}

double Roofline::bound() const { return std::max({mma_cycles, vector_cycles, memory_cycles}); }

std::string Roofline::binding() const {
  if (bound() <= 0) return "";
  if (bound() == mma_cycles) return "mma";
  return bound() == memory_cycles ? "memory" : "vector";
}

std::string to_text(const SimulationReport& report) {
  std::string text = fmt::format("{} on {}: {} cycles, {:.3f} us at the clock\n", report.program,
                                 report.target, report.cycles, report.seconds_at_clock * 1e6);
  text += report.verdict + "\n\n" + engine_table(report) + "\n" + traffic_table(report) + "\n";
  text += fmt::format("macs: {}, mma utilization: {:.1f} %, operations per byte: {:.1f}\n",
                      report.macs, 100 * report.mma_utilization, report.arithmetic_intensity);
  if (report.roofline.bound() > 0) {
    const Roofline& roofline = report.roofline;
    text += fmt::format(
        "roofline: {:.0f} cycles, bound by {} (mma {:.0f}, vector {:.0f}, memory {:.0f}); the run "
        "takes {:.2f} times that\n",
        roofline.bound(), roofline.binding(), roofline.mma_cycles, roofline.vector_cycles,
        roofline.memory_cycles, static_cast<double>(report.cycles) / roofline.bound());
  }
  double energy = 0;
  std::string parts;
  for (const auto& [component, amount] : report.energy_pj) {
    energy += amount;
    parts += fmt::format("{}{} {:.3f}", parts.empty() ? "" : ", ", component, amount * 1e-6);
  }
  if (energy > 0) text += fmt::format("energy: {:.3f} uJ ({})\n", energy * 1e-6, parts);
  return text + "\n" + origin_table(report);
}

std::string to_text(const SimulationResult& result) {
  return std::visit([](const auto& value) { return to_text(value); }, result);
}

nlohmann::ordered_json to_json(const SimulationResult& result, const std::string& target,
                               const DriverResults& driver) {
  nlohmann::ordered_json json;
  json["schema_version"] = report_schema_version;
  json["target"] = target;
  const bool finished = std::holds_alternative<SimulationReport>(result);
  if (!finished || (driver.hazards && !driver.hazards->hazards.empty())) {
    json["result"]["ok"] = false;
  } else if (driver.ok) {
    json["result"]["ok"] = *driver.ok;
  }
  const auto add = [&](const char* group, const char* key, const std::optional<double>& value) {
    if (value) json[group][key] = *value;
  };
  add("result", "max_abs_error", driver.max_abs_error);
  add("result", "relative_error", driver.relative_error);
  add("wall_seconds", "compile", driver.compile_seconds);
  add("wall_seconds", "simulate", driver.simulate_seconds);
  if (finished) {
    add_report(json, std::get<SimulationReport>(result));
  } else if (const auto* trap = std::get_if<Trap>(&result)) {
    json["trap"] = trap_json(*trap);
  } else {
    json["deadlock"] = deadlock_json(std::get<Deadlock>(result));
  }
  if (driver.hazards) json["hazards"] = hazards_json(*driver.hazards);
  return json;
}

}  // namespace septran::simulator
