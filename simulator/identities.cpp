#include "simulator/identities.h"

#include <fmt/format.h>

#include <algorithm>

namespace septran::simulator {
namespace {

using Broken = std::vector<std::string>;

bool at_global(const EdgeReport& edge) { return edge.from == "GLOBAL" || edge.to == "GLOBAL"; }

void check_engines(const SimulationReport& report, Broken& broken) {
  for (const CoreReport& core : report.cores) {
    for (const EngineReport& engine : core.engines) {
      if (engine.total() != report.cycles) {
        broken.push_back(fmt::format("the states of {} add up to {} of {} cycles", engine.name,
                                     engine.total(), report.cycles));
      }
      Cycle least = std::min({engine.busy, engine.draining, engine.idle});
      for (const auto& [cause, count] : engine.stalled) least = std::min(least, count);
      if (least < 0)
        broken.push_back(fmt::format("{} has a state of {} cycles", engine.name, least));
    }
  }
}

void check_copies(const SimulationReport& report, Broken& broken) {
  for (const EdgeReport& edge : report.edges) {
    const std::string name = edge.from + "->" + edge.to;
    const CopiedElements& copied = edge.copied;
    if (copied.read + copied.filled != copied.written + copied.dropped) {
      broken.push_back(
          fmt::format("{}: {} elements read and {} filled in, but {} written and {} "
                      "dropped",
                      name, copied.read, copied.filled, copied.written, copied.dropped));
    }
    if (edge.useful_bytes > edge.bus_bytes) {
      broken.push_back(fmt::format("{}: {} useful bytes in {} bytes on the bus", name,
                                   edge.useful_bytes, edge.bus_bytes));
    }
  }
}

void check_sums(const SimulationReport& report, Broken& broken) {
  std::int64_t edges = 0;
  std::int64_t tensors = 0;
  for (const EdgeReport& edge : report.edges) edges += at_global(edge) ? edge.useful_bytes : 0;
  for (const TensorReport& tensor : report.tensors) tensors += tensor.bytes;
  if (edges != tensors) {
    broken.push_back(fmt::format("{} useful bytes of GLOBAL, {} of its tensors", edges, tensors));
  }
  std::int64_t executed = 0;
  std::int64_t operations = 0;
  for (const OriginReport& row : report.origins) executed += row.executed;
  for (const CoreReport& core : report.cores) {
    for (std::size_t i = 1; i < core.engines.size(); ++i) operations += core.engines[i].operations;
  }
  if (executed != operations) {
    broken.push_back(fmt::format("{} operations of engines, {} at origins", operations, executed));
  }
}

void check_bounds(const SimulationReport& report, Broken& broken) {
  const auto cycles = static_cast<double>(report.cycles);
  std::int64_t bus = 0;
  for (const EdgeReport& edge : report.edges) bus += at_global(edge) ? edge.bus_bytes : 0;
  const double rate = report.machine.global_bytes_per_cycle;
  const double bus_cycles = rate > 0 ? static_cast<double>(bus) / rate : 0;
  const double bound = std::max(report.roofline.bound(), bus_cycles);
  // Rates are kept in parts of a cycle: of each burst, at most half a part of 1024 is rounded off.
  constexpr double rounding = 1e-3;
  if (cycles < bound * (1 - rounding)) {
    broken.push_back(fmt::format("{} cycles are under the bound of {:.1f}", report.cycles, bound));
  }
}

}  // namespace

std::vector<std::string> broken_identities(const SimulationReport& report) {
  Broken broken;
  check_engines(report, broken);
  check_copies(report, broken);
  check_sums(report, broken);
  check_bounds(report, broken);
  return broken;
}

}  // namespace septran::simulator
