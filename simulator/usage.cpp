#include "simulator/usage.h"

#include <algorithm>
#include <set>
#include <sstream>

namespace septran::simulator {

double EngineShares::of(const std::string& cause) const {
  const auto found = stalled.find(cause);
  return found == stalled.end() ? 0 : found->second;
}

namespace {

/// The tensors that the load engine brings, by the rules of its copies.
std::set<std::string> loaded_tensors(const SimulationReport& report) {
  std::set<std::string> names;
  for (const OriginReport& row : report.origins) {
    for (const std::string_view rule : {"stream ", "load once ", "copy in "}) {
      if (!row.origin.rule.starts_with(rule)) continue;
      const std::string name = row.origin.rule.substr(rule.size());
      names.insert(name.substr(0, name.find(',')));
    }
  }
  return names;
}

/// Cycles of all engines in waits for nothing but what the load engine brings.
double waits_for_loads(const SimulationReport& report) {
  const std::set<std::string> loaded = loaded_tensors(report);
  double cycles = 0;
  for (const OriginReport& row : report.origins) {
    if (!row.origin.rule.starts_with("needs ")) continue;
    std::istringstream words(row.origin.rule.substr(0, row.origin.rule.find(',')));
    bool all_loaded = true;
    bool any = false;
    for (std::string word; words >> word;) {
      if (!word.ends_with(".full")) continue;
      any = true;
      all_loaded = all_loaded && loaded.contains(word.substr(0, word.rfind('.')));
    }
    if (any && all_loaded) cycles += static_cast<double>(row.stalled);
  }
  return cycles;
}

}  // namespace

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
  const double steady = std::max(0.0, worker.of("wait_data") - worker.at_start);
  waits_ = std::min(steady, waits_for_loads(report) / all) + (held_up ? worker.idle : 0);
  find_ways(report);
  find_slow_core(report);
}

void Usage::find_slow_core(const SimulationReport& report) {
  struct Core {
    std::size_t number = 0;
    double work = 0;
    double active = 0;
  };
  std::vector<Core> cores;
  Core average;
  for (std::size_t i = 0; i < report.cores.size(); ++i) {
    for (const EngineReport& engine : report.cores[i].engines) {
      if (engine.name != worker_ || engine.busy == 0) continue;
      const double idle = static_cast<double>(engine.idle) / static_cast<double>(report.cycles);
      cores.push_back({i, static_cast<double>(engine.busy), 1 - idle});
      average.work += cores.back().work / working_cores_;
      average.active += cores.back().active / working_cores_;
    }
  }
  double most = 0.15;
  for (const Core& core : cores) {
    const double work = core.work / average.work;
    if (work < 0.8 || work > 1.2) return slow_core_.reset();  // not the same work
    const double excess = core.active - average.active * work;
    if (excess <= most) continue;
    most = excess;
    slow_core_ = {core.number, core.active, average.active};
  }
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
