// The report of a run, from the sums that its modules kept.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>

#include "simulator/advice.h"
#include "simulator/core.h"
#include "simulator/identities.h"
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

/// Peak bytes a cycle between all cores and GLOBAL.
double global_rate(const DsaSpec& dsa) {
  const double rate = dsa.dram.channels * dsa.dram.bytes_per_cycle_per_channel;
  if (dsa.interconnect.bytes_per_cycle_total <= 0) return rate;
  return std::min(rate, dsa.interconnect.bytes_per_cycle_total);
}

void add_traffic(const Shared& shared, SimulationReport& report) {
  const std::string global = memory_name(dsa::MemoryId::global);
  std::int64_t global_bytes = 0;
  double bus_bytes = 0;
  for (const auto& [ends, edge] : shared.counters.edges) {
    report.edges.push_back(
        {ends.first, ends.second, edge.useful_bytes, edge.bus_bytes, {}, edge.copied});
    if (ends.first != global && ends.second != global) continue;
    global_bytes += edge.useful_bytes;
    bus_bytes += static_cast<double>(edge.useful_bytes);
  }
  for (const auto& [type, count] : shared.counters.macs) report.macs += count;
  if (global_bytes > 0) {
    report.arithmetic_intensity =
        2 * static_cast<double>(report.macs) / static_cast<double>(global_bytes);
  }
  report.machine.global_bytes_per_cycle = global_rate(shared.machine.dsa);
  report.roofline.mma_cycles = shared.counters.mac_array_cycles / shared.core_count;
  report.roofline.vector_cycles = shared.counters.vector_cycles / shared.core_count;
  report.roofline.memory_cycles = bus_bytes / report.machine.global_bytes_per_cycle;
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

/// The engine that executes an instruction; empty for those of the sequencer.
std::string engine_of(const dsa::InstructionNode& node) {
  std::optional<dsa::EngineId> engine;
  if (const auto* copy = std::get_if<dsa::DmaCopy>(&node)) engine = copy->engine;
  if (const auto* sync = std::get_if<dsa::Sync>(&node)) engine = sync->engine;
  if (std::holds_alternative<dsa::Mma>(node)) engine = dsa::EngineId::mma;
  if (std::holds_alternative<dsa::Vec>(node)) engine = dsa::EngineId::vector;
  constexpr const char* names[] = {"load", "store", "mma", "vector"};
  return engine ? names[static_cast<std::size_t>(*engine)] : "";
}

void add_lines(const Shared& shared, SimulationReport& report) {
  std::map<std::string, LineReport> lines;
  for (std::size_t i = 0; i < shared.counters.instructions.size(); ++i) {
    const InstructionCost& cost = shared.counters.instructions[i];
    const std::string& logic = shared.origin(static_cast<std::uint32_t>(i)).logic;
    if (cost.executed == 0 || logic.empty()) continue;
    LineReport& line = lines[logic];
    line.logic = logic;
    line.executed += cost.executed;
    line.busy += cost.busy;
    line.stalled += cost.stalled;
    if (cost.busy > 0) line.engines[engine_of(shared.program.code[i].node)] += cost.busy;
  }
  for (auto& [logic, line] : lines) report.lines.push_back(std::move(line));
  std::stable_sort(report.lines.begin(), report.lines.end(), [](const auto& x, const auto& y) {
    return std::pair(x.busy, x.stalled) > std::pair(y.busy, y.stalled);
  });
}

void add_tensors(const Shared& shared, SimulationReport& report) {
  const std::string global = memory_name(dsa::MemoryId::global);
  std::map<std::pair<std::uint32_t, bool>, std::int64_t> moved;
  std::map<std::pair<std::string, std::string>, std::int64_t> edges;
  const auto needed = [&](std::uint32_t index, bool is_read, std::int64_t bytes) {
    const dsa::GlobalBuffer& buffer = shared.program.globals[index];
    const bool counts = is_read ? buffer.is_input : buffer.is_output;
    return counts ? std::min(shared.layout.size_bytes[index], bytes) : 0;
  };
  for (const auto& [key, bytes] : shared.counters.tensor_bytes) {
    moved[{key.buffer, key.is_read}] += bytes;
    const std::string other = memory_name(key.other);
    edges[key.is_read ? std::pair(global, other) : std::pair(other, global)] +=
        needed(key.buffer, key.is_read, bytes);
  }
  for (const auto& [key, bytes] : moved) {
    report.tensors.push_back({shared.program.globals[key.first].name, key.second, bytes,
                              needed(key.first, key.second, bytes)});
  }
  for (EdgeReport& edge : report.edges) {
    const auto minimum = edges.find({edge.from, edge.to});
    if (minimum != edges.end()) edge.minimum_bytes = minimum->second;
  }
  std::stable_sort(report.tensors.begin(), report.tensors.end(),
                   [](const auto& x, const auto& y) { return x.bytes > y.bytes; });
}

/// What keeps data from coming at the peak rate of GLOBAL, on a machine with so many cores.
void add_ways(const DsaSpec& dsa, int cores, MachineReport& machine) {
  const InterconnectTiming& net = dsa.interconnect;
  const auto links = static_cast<std::size_t>(ceil_div(cores, dsa.sharing.cores_per_link));
  std::int64_t latency = 0;
  for (std::size_t i = 0; i < links; ++i) {
    InterconnectTiming::Link link{net.latency_cycles, net.bytes_per_cycle_per_link};
    if (i < net.links.size()) link = net.links[i];
    machine.link_bytes_per_cycle += link.bytes_per_cycle;
    latency = std::max(latency, link.latency_cycles);
  }
  machine.load_bytes_per_cycle = static_cast<double>(cores * dsa.load.bytes_per_cycle);
  const auto burst = static_cast<double>(dsa.load.burst_bytes);
  const double cycles =
      static_cast<double>(2 * latency + dsa.dram.activate_cycles + dsa.dram.column_cycles) +
      burst / dsa.dram.bytes_per_cycle_per_channel;
  machine.in_flight_bytes_per_cycle =
      cores * static_cast<double>(dsa.load.outstanding_bursts) * burst / cycles;
}

void add_machine(const Shared& shared, SimulationReport& report) {
  MachineReport& machine = report.machine;
  const DsaSpec& dsa = shared.machine.dsa;
  machine.cores = shared.core_count;
  machine.clock_hz = shared.machine.clock_hz;
  machine.array_rows = dsa.mma.rows;
  machine.array_cols = dsa.mma.cols;
  machine.lanes = dsa.vector.lanes;
  add_ways(dsa, shared.core_count, machine);
  const auto rate = [](std::int64_t work, double cycles) {
    return cycles > 0 ? static_cast<double>(work) / cycles : 0;
  };
  machine.macs_per_cycle = rate(report.macs, report.roofline.mma_cycles);
  machine.vector_elements_per_cycle = rate(report.vector_elements, report.roofline.vector_cycles);
  for (const auto& [size, cost] : shared.counters.mma_tiles) {
    report.mma_tiles.push_back({size[0], size[1], size[2], cost.executed, cost.busy});
  }
  std::stable_sort(report.mma_tiles.begin(), report.mma_tiles.end(),
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
  add_lines(shared, report);
  add_tensors(shared, report);
  add_machine(shared, report);
  report.verdict = verdict(report);
  report.advice = advise(report);
  if (shared.recording != nullptr) shared.recording->finish(report.cycles, shared.program);
  for (const std::string& broken : broken_identities(report)) SEPTRAN_BUG(broken.c_str());
  return report;
}

}  // namespace septran::simulator
