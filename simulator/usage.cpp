#include "simulator/usage.h"

#include <algorithm>

namespace septran::simulator {

double EngineShares::of(const std::string& cause) const {
  const auto found = stalled.find(cause);
  return found == stalled.end() ? 0 : found->second;
}

Usage::Usage(const SimulationReport& report) {
  const auto works = [](const CoreReport& core) {
    return std::any_of(core.engines.begin(), core.engines.end(), [](const EngineReport& engine) {
      return engine.name != "sequencer" && engine.busy > 0;
    });
  };
  const auto working = std::count_if(report.cores.begin(), report.cores.end(), works);
  working_cores_ = std::max(1.0, static_cast<double>(working));
  const double all = static_cast<double>(report.cycles) * working_cores_;
  for (const CoreReport& core : report.cores) {
    if (!works(core)) continue;
    for (const EngineReport& engine : core.engines) {
      EngineShares& shares = shares_[engine.name];
      shares.busy += static_cast<double>(engine.busy) / all;
      shares.idle += static_cast<double>(engine.idle) / all;
      shares.at_start += static_cast<double>(engine.waited_at_start) / all;
      for (const auto& [cause, count] : engine.stalled) {
        shares.stalled[cause] += static_cast<double>(count) / all;
      }
    }
  }
  worker_ = report.macs > 0 && shares_["vector"].busy <= shares_["mma"].busy ? "mma" : "vector";
  const EngineShares& worker = shares_[worker_];
  // Behind a full queue of another engine, the worker's operations do not reach it.
  const bool held_up = shares_["sequencer"].of("queue_full") > 0.5;
  waits_ = std::max(0.0, worker.of("wait_data") - worker.at_start) + (held_up ? worker.idle : 0);
  find_ways(report);
}

const EngineShares& Usage::operator[](const std::string& engine) const {
  static const EngineShares none;
  const auto found = shares_.find(engine);
  return found == shares_.end() ? none : found->second;
}

void Usage::find_ways(const SimulationReport& report) {
  double in = 0;
  double out = 0;
  for (const EdgeReport& edge : report.edges) {
    if (edge.from == "GLOBAL") in += static_cast<double>(edge.bus_bytes);
    if (edge.to == "GLOBAL") out += static_cast<double>(edge.bus_bytes);
  }
  const auto cycles = static_cast<double>(report.cycles);
  const double at_work = working_cores_ / static_cast<double>(report.cores.size());
  const auto use = [&](double bytes, double rate) {
    return rate > 0 ? bytes / (rate * cycles) : 0;
  };
  const MachineReport& machine = report.machine;
  memory_ = use(in + out, machine.global_bytes_per_cycle);
  way_ = {"Memory is", memory_};
  const double links = use(std::max(in, out), machine.link_bytes_per_cycle * at_work);
  if (links > way_.use) way_ = {"The links to memory are", links};
  const double engines = use(in, machine.load_bytes_per_cycle * at_work);
  if (engines > way_.use) way_ = {"The load engine is", engines};
  in_flight_ = use(in, machine.in_flight_bytes_per_cycle * at_work);
}

}  // namespace septran::simulator
