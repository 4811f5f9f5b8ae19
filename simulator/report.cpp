#include "simulator/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "compiler/base/count.h"
#include "simulator/fault_report.h"

namespace septran::simulator {
namespace {

constexpr std::size_t shown_origins = 10;
constexpr std::size_t shown_cores = 8;

double percent(Cycle part, Cycle whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

/// A line of the table of engines; cycles are of `all`.
std::string engine_line(const std::string& core, const EngineReport& engine, Cycle all) {
  std::vector<std::pair<Cycle, std::string>> causes;
  for (const auto& [cause, count] : engine.stalled) causes.emplace_back(count, cause);
  std::sort(causes.rbegin(), causes.rend());
  std::string why;
  for (const auto& [count, cause] : causes) {
    why += fmt::format("{}{} {:.1f} %", why.empty() ? "" : ", ", cause, percent(count, all));
  }
  const std::string line =
      fmt::format("{:<6}{:<11}{:>12}{:>12}{:>12}{:>12}  {}", core, engine.name, engine.busy,
                  engine.stalled_total(), engine.draining, engine.idle, why);
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

/// The engines of all cores, added up.
CoreReport sum_of(const std::vector<CoreReport>& cores) {
  CoreReport sum = cores.front();
  for (std::size_t i = 1; i < cores.size(); ++i) {
    for (std::size_t e = 0; e < sum.engines.size(); ++e) {
      const EngineReport& engine = cores[i].engines[e];
      sum.engines[e].busy += engine.busy;
      sum.engines[e].draining += engine.draining;
      sum.engines[e].idle += engine.idle;
      for (const auto& [cause, count] : engine.stalled) sum.engines[e].stalled[cause] += count;
    }
  }
  return sum;
}

/// The core whose arrays and vector unit are busy the longest, and the one the shortest.
std::vector<std::size_t> extremes(const std::vector<CoreReport>& cores) {
  const auto work = [](const CoreReport& core) {
    Cycle busy = 0;
    for (const EngineReport& engine : core.engines) {
      if (engine.name == "mma" || engine.name == "vector") busy += engine.busy;
    }
    return busy;
  };
  const auto [least, most] = std::minmax_element(
      cores.begin(), cores.end(),
      [&](const CoreReport& x, const CoreReport& y) { return work(x) < work(y); });
  return {static_cast<std::size_t>(most - cores.begin()),
          static_cast<std::size_t>(least - cores.begin())};
}

std::string engine_table(const SimulationReport& report) {
  std::string text = fmt::format("{:<6}{:<11}{:>12}{:>12}{:>12}{:>12}  {}\n", "core", "engine",
                                 "busy", "stalled", "draining", "idle", "stalled by");
  const std::vector<CoreReport>& cores = report.cores;
  const auto add = [&](const std::string& name, const CoreReport& core, Cycle all) {
    for (const EngineReport& engine : core.engines) text += engine_line(name, engine, all);
  };
  if (cores.size() <= shown_cores) {
    for (std::size_t i = 0; i < cores.size(); ++i)
      add(fmt::format("{}", i), cores[i], report.cycles);
    return text;
  }
  add("all", sum_of(cores), report.cycles * static_cast<Cycle>(cores.size()));
  for (const std::size_t i : extremes(cores)) add(fmt::format("{}", i), cores[i], report.cycles);
  return text + fmt::format("({} cores: all added up, the busiest and the least busy one)\n",
                            cores.size());
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
      "DRAM: {:row hit}, {:miss/misses} ({:.1f} % hits), {:conflict}, {:turnaround}, {:row} closed "
      "by refresh\n",
      Counted{dram.row_hits}, Counted{dram.row_misses}, percent(dram.row_hits, bursts),
      Counted{dram.row_conflicts}, Counted{dram.turnarounds}, Counted{dram.refreshes});
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

/// "to change (35 % of the cycles): ..." in two lines or three.
std::string advice_text(const Advice& advice) {
  std::string text = fmt::format("- {:.0f} % of the cycles: {}\n  Change: {}\n", 100 * advice.share,
                                 advice.problem, advice.change);
  if (!advice.origin.mapping.empty()) text += "  At " + place_text(advice.origin) + "\n";
  return text;
}

}  // namespace

Cycle EngineReport::stalled_total() const {
  return std::accumulate(stalled.begin(), stalled.end(), Cycle{0},
                         [](Cycle sum, const auto& entry) { return sum + entry.second; });
}

double DramReport::row_hit_rate() const {
  const std::int64_t bursts = row_hits + row_misses;
  return bursts > 0 ? static_cast<double>(row_hits) / static_cast<double>(bursts) : 0;
}

double Roofline::bound() const { return std::max({mma_cycles, vector_cycles, memory_cycles}); }

std::string Roofline::binding() const {
  if (bound() <= 0) return "";
  if (bound() == mma_cycles) return "mma";
  return bound() == memory_cycles ? "memory" : "vector";
}

std::string to_text(const SimulationReport& report) {
  std::string text =
      fmt::format("{} on {}: {:cycle}, {:.3f} us at the clock\n", report.program, report.target,
                  Counted{report.cycles}, report.seconds_at_clock * 1e6);
  text += report.verdict + "\n";
  for (const Advice& advice : report.advice) text += advice_text(advice);
  if (!report.advice.empty()) {
    text += "`septran explain --measure`, with the same options, tries edits of the mapping out.\n";
  }
  text += "\n" + engine_table(report) + "\n" + traffic_table(report) + "\n";
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

}  // namespace septran::simulator
