// The report of a run, from the sums that its modules kept.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>

#include "simulator/core.h"
#include "simulator/report.h"

namespace septran::simulator {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// Energy of the events that the description has a price for.
std::map<std::string, double> energy(const Shared& shared, const SimulationReport& report) {
  const EnergyTable& table = shared.machine.dsa.energy;
  std::map<std::string, double> sum;
  const auto add = [&](const std::string& component, const std::string& event, double count) {
    const auto price = table.find(event);
    if (price != table.end() && count > 0) sum[component] += price->second * count;
  };
  for (const auto& [type, count] : shared.counters.macs) {
    add("mma", fmt::format("mac.{}", name(type)), static_cast<double>(count));
  }
  add("vector", "vector.element", static_cast<double>(report.vector_elements));
  const std::string global = memory_name(dsa::MemoryId::global);
  double dram_bytes = 0;
  for (const EdgeReport& edge : report.edges) {
    if (edge.from == global || edge.to == global) {
      dram_bytes += static_cast<double>(edge.bus_bytes);
    }
  }
  add("dram", "dram.byte", dram_bytes);
  add("dram", "dram.activate", static_cast<double>(report.dram.row_misses));
  add("interconnect", "interconnect.byte", dram_bytes);
  for (const auto& [memory, bytes] : shared.counters.memory_bytes) {
    add(lower(memory), lower(memory) + ".byte", static_cast<double>(bytes));
  }
  add("sequencer", "instruction", static_cast<double>(report.instructions));
  add("static", "static.cycle",
      static_cast<double>(report.cycles) * static_cast<double>(shared.core_count));
  return sum;
}

void add_memories(const std::vector<Core*>& cores, SimulationReport& report) {
  for (const auto id : {dsa::MemoryId::shared, dsa::MemoryId::accumulators}) {
    MemoryReport memory{memory_name(id), 0, 0};
    for (const Core* core : cores) {
      const LocalMemory& local =
          id == dsa::MemoryId::shared ? core->state().shared : core->state().accumulators;
      memory.high_water_bytes = std::max(memory.high_water_bytes, local.high_water);
      memory.size_bytes = local.spec.size_bytes;
    }
    report.memories.push_back(memory);
  }
}

void add_traffic(const Shared& shared, SimulationReport& report) {
  const std::string global = memory_name(dsa::MemoryId::global);
  std::int64_t global_bytes = 0;
  double bus_bytes = 0;
  for (const auto& [ends, edge] : shared.counters.edges) {
    report.edges.push_back({ends.first, ends.second, edge.useful_bytes, edge.bus_bytes});
    if (ends.first != global && ends.second != global) continue;
    global_bytes += edge.useful_bytes;
    bus_bytes += static_cast<double>(edge.useful_bytes);
  }
  for (const auto& [type, count] : shared.counters.macs) report.macs += count;
  if (global_bytes > 0) {
    report.arithmetic_intensity =
        2 * static_cast<double>(report.macs) / static_cast<double>(global_bytes);
  }
  const DsaSpec& dsa = shared.machine.dsa;
  double rate = dsa.dram.channels * dsa.dram.bytes_per_cycle_per_channel;
  if (dsa.interconnect.bytes_per_cycle_total > 0) {
    rate = std::min(rate, static_cast<double>(dsa.interconnect.bytes_per_cycle_total));
  }
  report.roofline.mma_cycles = shared.counters.mac_array_cycles / shared.core_count;
  report.roofline.vector_cycles = shared.counters.vector_cycles / shared.core_count;
  report.roofline.memory_cycles = bus_bytes / rate;
}

void add_origins(const Shared& shared, SimulationReport& report) {
  std::map<std::uint32_t, OriginReport> rows;  // by origin
  for (std::size_t i = 0; i < shared.counters.instructions.size(); ++i) {
    const InstructionCost& cost = shared.counters.instructions[i];
    if (cost.executed == 0) continue;
    const auto instruction = static_cast<std::uint32_t>(i);
    auto [row, is_new] = rows.try_emplace(shared.program.code[i].origin);
    if (is_new) {
      row->second.origin = shared.origin(instruction);
      row->second.instruction = instruction;
    }
    row->second.executed += cost.executed;
    row->second.busy += cost.busy;
    row->second.stalled += cost.stalled;
  }
  for (auto& [origin, row] : rows) report.origins.push_back(std::move(row));
  std::stable_sort(report.origins.begin(), report.origins.end(),
                   [](const auto& x, const auto& y) { return x.busy > y.busy; });
}

}  // namespace

SimulationReport make_report(Shared& shared, const std::vector<Core*>& cores,
                             const DramReport& dram, const SimulationOptions& options) {
  SimulationReport report;
  report.program = shared.program.name;
  report.target = shared.machine.name;
  report.timing_only = options.timing_only;
  report.cycles = shared.last_completion;
  report.seconds_at_clock = static_cast<double>(report.cycles) / shared.machine.clock_hz;
  for (Core* core : cores) {
    report.cores.push_back(core->finish(report.cycles));
    report.instructions += report.cores.back().engines.front().operations;
  }
  report.dram = dram;
  report.vector_elements = shared.counters.vector_elements;
  add_memories(cores, report);
  add_traffic(shared, report);
  if (report.cycles > 0) {
    report.mma_utilization = report.roofline.mma_cycles / static_cast<double>(report.cycles);
  }
  report.energy_pj = energy(shared, report);
  add_origins(shared, report);
  report.verdict = verdict(report);
  return report;
}

}  // namespace septran::simulator
