// One sentence that says what bounds a run.
#include <fmt/format.h>

#include <algorithm>

#include "simulator/report.h"

namespace septran::simulator {
namespace {

/// Cycles of an engine, all cores together.
struct EngineSum {
  Cycle busy = 0;
  Cycle idle = 0;
  std::map<std::string, Cycle> stalled;
};

double percent(Cycle part, Cycle whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::pair<std::string, Cycle> largest_stall(const EngineSum& sum) {
  std::pair<std::string, Cycle> largest{"", 0};
  for (const auto& [cause, count] : sum.stalled) {
    if (count > largest.second) largest = {cause, count};
  }
  return largest;
}

Cycle stalled(const EngineSum& sum, const std::string& cause) {
  const auto found = sum.stalled.find(cause);
  return found == sum.stalled.end() ? 0 : found->second;
}

/// What an engine that waits is waiting for, in words.
std::string awaited(const std::string& cause) {
  if (cause == "wait_data") return "waits for data";
  if (cause == "wait_space") return "waits for space in its buffers";
  if (cause == "wait_event") return "waits for another engine";
  if (cause == "memory") return "waits for memory";
  if (cause == "barrier") return "waits at barriers";
  if (cause == "dependence") return "waits for its own results";
  if (cause == "setup") return "decodes descriptors";
  if (cause == "sync") return "passes syncs";
  if (cause.starts_with("port_")) return "waits for a port of " + cause.substr(5);
  return "waits for " + cause;
}

/// Of the sums of some cores, whose cycles are `all` together; `worker` computes, if anything does.
std::string verdict_of(std::map<std::string, EngineSum>& sums, Cycle all,
                       const std::string& worker) {
  const auto occupied = [&](const char* name) {
    return sums[name].busy + stalled(sums[name], "memory") + stalled(sums[name], "setup");
  };
  const char* mover = occupied("load") >= occupied("store") ? "load" : "store";
  if (worker.empty()) {
    if (occupied(mover) == 0) return "Nothing is computed and nothing moves.";
    return fmt::format(
        "The {} engine bounds the run: it moves data {:.0f} % of the time and "
        "waits for memory {:.0f} %.",
        mover, percent(sums[mover].busy, all), percent(stalled(sums[mover], "memory"), all));
  }
  const EngineSum& sum = sums[worker];
  const double busy = percent(sum.busy, all);
  if (busy >= 80) {
    return fmt::format("The {} engine bounds the run: it is busy {:.0f} % of the time.", worker,
                       busy);
  }
  const auto [cause, count] = largest_stall(sum);
  if (sum.idle > count && stalled(sums["sequencer"], "queue_full") > all / 2) {
    const char* ahead = occupied("vector") > occupied(mover) ? "vector" : mover;
    return fmt::format(
        "{} is busy {:.0f} % of the time and has nothing to do {:.0f} %: its operations stand "
        "behind those of {}, whose queue is full (it is busy {:.0f} %, and waits for memory "
        "{:.0f} %).",
        worker, busy, percent(sum.idle, all), ahead, percent(sums[ahead].busy, all),
        percent(stalled(sums[ahead], "memory"), all));
  }
  if (sum.idle > count) {
    return fmt::format(
        "{} is busy {:.0f} % of the time and has nothing to do {:.0f} %: the run is "
        "too short to fill it, or the sequencer is late.",
        worker, busy, percent(sum.idle, all));
  }
  std::string text =
      fmt::format("{} {} {:.0f} % of the time", worker, awaited(cause), percent(count, all));
  const char* other = cause == "wait_space" && sums["store"].busy > 0 ? "store" : "load";
  const Cycle no_space = stalled(sums["load"], "wait_space");
  if (cause == "wait_data" && no_space > occupied("load")) {
    return text + fmt::format(", and load waits {:.0f} % of it for a free buffer: they take turns.",
                              percent(no_space, all));
  }
  if (cause == "wait_data" || cause == "wait_space" || cause == "wait_event") {
    if (worker == "mma" && sums["vector"].busy > occupied(other)) other = "vector";
    text += fmt::format(
        ": the {} engine is the bottleneck (busy {:.0f} %, waiting for memory "
        "{:.0f} %)",
        other, percent(sums[other].busy, all), percent(stalled(sums[other], "memory"), all));
  }
  return text + ".";
}

/// Whether a core computes or, in a run that computes nothing, moves anything.
bool has_work(const CoreReport& core, const std::string& worker) {
  return std::any_of(core.engines.begin(), core.engines.end(), [&](const EngineReport& engine) {
    const bool computes = engine.name == "mma" || engine.name == "vector";
    return engine.busy > 0 && (worker.empty() ? engine.name != "sequencer" : computes);
  });
}

}  // namespace

std::string verdict(const SimulationReport& report) {
  const std::string worker = report.macs > 0 ? "mma" : report.vector_elements > 0 ? "vector" : "";
  std::map<std::string, EngineSum> sums;  // of the cores that have work
  Cycle all = 0;
  std::size_t without_work = 0;
  for (const CoreReport& core : report.cores) {
    if (!has_work(core, worker)) {
      ++without_work;
      continue;
    }
    all += report.cycles;
    for (const EngineReport& engine : core.engines) {
      EngineSum& sum = sums[engine.name];
      sum.busy += engine.busy;
      sum.idle += engine.idle;
      for (const auto& [cause, count] : engine.stalled) sum.stalled[cause] += count;
    }
  }
  const std::string text = verdict_of(sums, all, worker);
  if (without_work == 0 || without_work == report.cores.size()) return text;
  return fmt::format("{} of {} cores have nothing to compute. Of the others: {}", without_work,
                     report.cores.size(), text);
}

}  // namespace septran::simulator
