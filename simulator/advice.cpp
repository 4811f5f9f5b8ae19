#include "simulator/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "compiler/base/count.h"
#include "simulator/usage.h"

namespace septran::simulator {
namespace {

constexpr double worth_saying = 0.08;  // share of the run's cycles
constexpr std::size_t most_advice = 4;

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string times(double ratio) {
  return ratio < 10 ? fmt::format("{:.1f}", ratio) : fmt::format("{:.0f}", ratio);
}

class Adviser {
 public:
  explicit Adviser(const SimulationReport& report)
      : report_(report), usage_(report), worker_(usage_.worker()) {}

  std::vector<Advice> run() {
    take_turns();
    start();
    fill_array();
    store_late();
    bandwidth();
    latency();
    overfetch();
    small_copies();
    sequencer();
    cores();
    other_engine();
    barriers();
    ports();
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Advice& x, const Advice& y) { return x.share > y.share; });
    if (found_.size() > most_advice) found_.resize(most_advice);
    return std::move(found_);
  }

 private:
  void say(double share, std::string problem, std::string change, dsa::SourceOrigin origin = {}) {
    if (share < worth_saying) return;
    found_.push_back({std::move(problem), std::move(change), std::move(origin), share});
  }

  /// Of the instructions whose rule passes, the origin with the most cycles stalled (or busy).
  dsa::SourceOrigin origin(const std::function<bool(const std::string&)>& rule,
                           bool stalled) const {
    const OriginReport* most = nullptr;
    const auto cycles = [&](const OriginReport& row) { return stalled ? row.stalled : row.busy; };
    for (const OriginReport& row : report_.origins) {
      if (!rule(row.origin.rule) || cycles(row) == 0) continue;
      if (most == nullptr || cycles(row) > cycles(*most)) most = &row;
    }
    return most == nullptr ? dsa::SourceOrigin{} : most->origin;
  }
  /// An origin at the line that occupies an engine the longest.
  dsa::SourceOrigin busiest(const std::string& engine) const {
    Cycle most = 0;
    const LineReport* found = nullptr;
    for (const LineReport& line : report_.lines) {
      const auto cycles = line.engines.find(engine);
      if (cycles == line.engines.end() || cycles->second <= most) continue;
      most = cycles->second;
      found = &line;
    }
    for (const OriginReport& row : report_.origins) {
      if (found != nullptr && row.origin.logic == found->logic) return row.origin;
    }
    return {};
  }
  static bool waits_for_space(const std::string& rule) { return rule.ends_with(".free"); }

  void take_turns() {
    const EngineShares& load = usage_["load"];
    const EngineShares& worker = usage_[worker_];
    say(std::min(usage_.waits(), load.of("wait_space")),
        fmt::format("load and {0} take turns: {0} waits for data {1} of the time, load waits {2} "
                    "of it for a free buffer.",
                    worker_, percent(worker.of("wait_data")), percent(load.of("wait_space"))),
        "Give the stream more slots, so that the next tile loads while this one is used: a larger "
        "`pipeline` in the instance of this mapping line.",
        origin(
            [](const std::string& rule) {
              return rule.starts_with("needs") && waits_for_space(rule);
            },
            true));
  }

  void start() {
    const double share = usage_[worker_].at_start;
    say(share,
        fmt::format("{} waits {} of the time for what it needs first: the run is short.", worker_,
                    percent(share)),
        "Smaller first parts (a smaller `split`, or smaller blocks along the reduction), or more "
        "work a launch.");
  }

  void fill_array() {
    if (report_.mma_tiles.empty()) return;
    const double busy = usage_["mma"].busy;
    const double all_cores = static_cast<double>(report_.cores.size());
    const double fill =
        busy > 0 ? report_.mma_utilization * all_cores / (usage_.working_cores() * busy) : 1;
    if (fill > 0.75) return;
    const MmaTileReport& tile = report_.mma_tiles.front();
    const MachineReport& machine = report_.machine;
    std::vector<std::string> wishes;
    if (tile.m < machine.array_rows) {
      wishes.push_back(fmt::format("at least {:row} (m) to stream while the next weights load",
                                   Counted{machine.array_rows}));
    }
    if (tile.n % machine.array_cols != 0) {
      wishes.push_back(
          fmt::format("n a multiple of the array's {:column}", Counted{machine.array_cols}));
    }
    if (tile.k % machine.array_rows != 0) {
      wishes.push_back(fmt::format("k a multiple of its {:row}", Counted{machine.array_rows}));
    }
    if (wishes.empty()) wishes.emplace_back("more rows (m) for each tile of weights");
    say(busy * (1 - fill),
        fmt::format(
            "The array is busy {} of the time, but does only {} of the multiply-accumulates "
            "that it could do then: most of its tiles are {} x {} x {} (m x n x k), on an "
            "array of {} x {}.",
            percent(busy), percent(fill), tile.m, tile.n, tile.k, machine.array_rows,
            machine.array_cols),
        fmt::format("Larger blocks in the mapping: {}.", fmt::join(wishes, ", ")),
        origin([](const std::string& rule) { return rule == "gemm"; }, false));
  }

  void store_late() {
    const double share = usage_[worker_].of("wait_space");
    const auto place = [](const std::string& rule) {
      return rule.starts_with("needs") && waits_for_space(rule);
    };
    const double vector = usage_["vector"].busy;
    if (worker_ == "mma" && vector > usage_["store"].moving()) {
      say(share,
          fmt::format("mma waits {} of the time for buffers whose contents vector still works on "
                      "(busy {}).",
                      percent(share), percent(vector)),
          "Fewer or cheaper vector operations on each result; one slot more (`rotate`) only helps "
          "where results come unevenly.",
          origin(place, true));
      return;
    }
    say(share,
        fmt::format("{} waits {} of the time until results have been stored and their buffer is "
                    "free again.",
                    worker_, percent(share)),
        usage_["store"].moving() > 0.9
            ? "store is at work all the time: a result with longer contiguous rows (larger blocks "
              "along its last dimension) or of a narrower type would leave sooner."
            : "Give the result one slot more (`rotate` or `pipeline` for it; with 2, one is stored "
              "while the next is computed).",
        origin(place, true));
  }

  void bandwidth() {
    // Memory may be what bounds the run although its bus is not always in use.
    const bool loads_always = usage_["load"].moving() > 0.6;
    const double share =
        std::max(usage_.way().use >= 0.6 ? usage_.way().use : 0,
                 loads_always ? std::min(usage_["load"].moving(), usage_.waits()) : 0);
    const TensorReport* worst = nullptr;
    std::int64_t bytes = 0;
    std::int64_t minimum = 0;
    for (const TensorReport& tensor : report_.tensors) {
      bytes += tensor.bytes;
      minimum += tensor.minimum_bytes;
      const auto excess = [](const TensorReport& one) { return one.bytes - one.minimum_bytes; };
      if (worst == nullptr || excess(tensor) > excess(*worst)) worst = &tensor;
    }
    const double ratio =
        minimum > 0 ? static_cast<double>(bytes) / static_cast<double>(minimum) : 0;
    if (worst != nullptr && ratio > 1.3) {
      say(share * (1 - 1 / ratio),
          fmt::format("{} in use {} of the time, and {} times the bytes cross memory's edge that "
                      "have to: {} is {} {}.",
                      usage_.way().name, percent(usage_.way().use), times(ratio), worst->tensor,
                      worst->is_read ? "read" : "written", how_often(*worst)),
          "Larger blocks, so that each tile that is loaded is used more often, or an order of "
          "blocks that reuses it.");
      return;
    }
    if (usage_.way().use < 0.6) return;
    say(usage_.way().use,
        fmt::format("{} in use {} of the time, with hardly more bytes than have to move.",
                    usage_.way().name, percent(usage_.way().use)),
        "This mapping is at the memory's limit: a narrower element type, or a kernel that does "
        "more with each byte (fusion), would help.");
  }
  static std::string how_often(const TensorReport& tensor) {
    if (tensor.minimum_bytes == 0) return "although it need not be";
    return times(static_cast<double>(tensor.bytes) / static_cast<double>(tensor.minimum_bytes)) +
           " times over";
  }

  void latency() {
    if (usage_.way().use > 0.6 || usage_.slow_core()) return;
    const EngineShares& load = usage_["load"];
    const double share = std::min(load.of("memory"), usage_.waits());
    const auto stream = [](const std::string& rule) { return rule.starts_with("stream"); };
    if (usage_.in_flight() > 0.6) {
      say(share,
          fmt::format("load waits for memory {} of the time: its bursts in flight allow no more, "
                      "and memory is in use only {}.",
                      percent(load.of("memory")), percent(usage_.memory())),
          "Fewer bytes to load: larger blocks. In the description, more `outstanding_bursts`.",
          origin(stream, false));
    } else if (load.of("wait_space") < 0.1 && load.moving() > 0.6) {
      say(share,
          fmt::format("load waits for memory {} of the time, although it has always something to "
                      "load and memory is in use only {}: not all banks and channels are at work "
                      "(short rows, far from each other).",
                      percent(load.of("memory")), percent(usage_.memory())),
          "Tiles with longer contiguous rows (a larger block along the tensor's last dimension), "
          "and larger blocks, for fewer bytes.",
          origin(stream, false));
    } else if (load.idle < 0.5) {  // else it is told of copies too late, not slow at them
      say(share,
          fmt::format(
              "load waits for memory {} of the time, although memory is in use only {}: its "
              "latency is not covered.",
              percent(load.of("memory")), percent(usage_.memory())),
          "More in flight: a larger `pipeline`, or larger blocks for longer copies.",
          origin(stream, false));
    }
  }

  void overfetch() {
    for (const EdgeReport& edge : report_.edges) {
      if (edge.useful_bytes == 0) continue;
      const double ratio =
          static_cast<double>(edge.bus_bytes) / static_cast<double>(edge.useful_bytes);
      if (ratio < 1.25) continue;
      const double peak = report_.machine.global_bytes_per_cycle;
      say(static_cast<double>(edge.bus_bytes - edge.useful_bytes) / peak /
              static_cast<double>(report_.cycles),
          fmt::format(
              "{}->{} moves {} times the bytes that are used: rows of its tiles do not fill "
              "whole bursts.",
              edge.from, edge.to, times(ratio)),
          "Tiles with longer contiguous rows (a larger block along the tensor's last dimension), "
          "or the transposed layout.");
    }
  }

  void small_copies() {
    const double share = std::min(usage_["load"].of("setup"), 1 - usage_[worker_].busy);
    say(share,
        fmt::format("load decodes descriptors {} of the time: its copies are small.",
                    percent(usage_["load"].of("setup"))),
        "Fewer, larger copies: larger blocks.",
        origin([](const std::string& rule) { return rule.starts_with("stream"); }, false));
  }

  void sequencer() {
    const double busy = usage_["sequencer"].busy;
    if (busy < 0.7) return;
    say(busy - usage_[worker_].busy,
        fmt::format("The sequencer issues instructions {} of the time and cannot keep the engines "
                    "fed.",
                    percent(busy)),
        "Larger tiles, so that each instruction does more.");
  }

  void cores() {
    double sum = 0;
    double most = 0;
    std::size_t waiting = 0;
    for (const CoreReport& core : report_.cores) {
      double busy = 0;
      for (const EngineReport& engine : core.engines) {
        if (engine.name == worker_) busy = static_cast<double>(engine.busy);
      }
      if (busy == 0) ++waiting;
      sum += busy;
      most = std::max(most, busy);
    }
    if (most == 0 || report_.cycles == 0) return;
    if (const auto& slow = usage_.slow_core()) {
      say(slow->active - slow->average,
          fmt::format(
              "Core {} is at its work for {} of the time, the average core at the same work "
              "for {}: it has a slower way to memory.",
              slow->core, percent(slow->active), percent(slow->average)),
          "Blocks are dealt out evenly: fewer bytes for each (larger blocks), or in the "
          "description `links` that are alike.");
    }
    const auto count = static_cast<double>(report_.cores.size());
    const double lost = (most - sum / count) / static_cast<double>(report_.cycles);
    say(lost,
        waiting > 0
            ? fmt::format("{} of {} cores have nothing to compute.", waiting, report_.cores.size())
            : fmt::format("The busiest core has {} times the work of the average one.",
                          times(most * count / sum)),
        "Cut the work into more (smaller) blocks, their number a multiple of the cores.");
  }

  void other_engine() {
    if (report_.macs == 0) return;
    const double vector = usage_["vector"].busy;
    if (worker_ == "vector" && vector > 0.6) {
      say(vector - usage_["mma"].busy,
          fmt::format("The vector units are busy {} of the time, the arrays {}: work on elements "
                      "bounds the run.",
                      percent(vector), percent(usage_["mma"].busy)),
          "Fewer vector operations for each product (larger blocks along the loop that repeats "
          "them, cheaper primitives), or a machine with more `lanes`.",
          busiest("vector"));
    }
    const std::string other = worker_ == "mma" ? "vector" : "mma";
    const EngineShares& worker = usage_[worker_];
    const double waits = worker.of("wait_event") + worker.of("wait_data");
    // Engines that are busy for more than the run together overlap by now.
    if (usage_[other].busy < 0.15 || usage_[other].busy + worker.busy > 1.2) return;
    say(std::min(waits, usage_[other].busy),
        fmt::format("{} and {} wait for each other: busy {} and {} of the time.", worker_, other,
                    percent(worker.busy), percent(usage_[other].busy)),
        "Let their work of different iterations overlap: `schedule` in the mapping, with a second "
        "slot for what passes between them.");
  }

  void barriers() {
    const double share = usage_[worker_].of("barrier");
    say(share, fmt::format("{} waits at barriers {} of the time.", worker_, percent(share)),
        "Fewer launches of the whole machine, or blocks of more equal size.");
  }

  void ports() {
    for (const char* memory : {"shared", "register"}) {
      const double share = usage_[worker_].of(fmt::format("port_{}", memory));
      say(share,
          fmt::format("{} waits {} of the time for a port of the {}.", worker_, percent(share),
                      std::string(memory) == "shared" ? "scratchpad" : "accumulators"),
          "Tiles whose rows spread over the banks (another pitch), or fewer engines at one memory "
          "at a time.");
    }
  }

  const SimulationReport& report_;
  const Usage usage_;
  const std::string& worker_;
  std::vector<Advice> found_;
};

}  // namespace

std::vector<Advice> advise(const SimulationReport& report) {
  if (report.cycles == 0 || report.cores.empty()) return {};
  return Adviser(report).run();
}

}  // namespace septran::simulator
