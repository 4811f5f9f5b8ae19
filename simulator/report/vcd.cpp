#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "simulator/report/trace.h"

namespace septran::report {
namespace {

using simulator::Cycle;
using simulator::Recording;

/// Codes of states; those that are not listed take the last.
constexpr std::string_view state_codes[] = {
    "idle",          "busy",    "draining",   "memory", "wait_data",    "wait_space",
    "wait_event",    "barrier", "sync",       "setup",  "dependence",   "port_shared",
    "port_register", "array",   "queue_full", "launch", "interconnect", "other"};

std::size_t code_of(std::string_view state) {
  const auto* found = std::find(std::begin(state_codes), std::end(state_codes) - 1, state);
  return static_cast<std::size_t>(found - std::begin(state_codes));
}

std::string binary(std::uint64_t value) {
  std::string text;
  do {
    text += static_cast<char>('0' + (value & 1));
    value >>= 1;
  } while (value != 0);
  return {text.rbegin(), text.rend()};
}

class ChangeWriter {
 public:
  explicit ChangeWriter(const Window& window) : window_(window) {}
  std::string run(const simulator::SimulationReport& report, const Recording& recording) {
    const auto period = std::max<Cycle>(1, std::llround(1e12 / report.machine.clock_hz));
    text_ =
        fmt::format("$comment {} on {}: {} cycles of {} ps $end\n$comment states:", report.program,
                    report.target, report.cycles, period);
    for (std::size_t i = 0; i < std::size(state_codes); ++i) {
      text_ += fmt::format(" {} {}", i, state_codes[i]);
    }
    text_ += " $end\n$timescale 1 ps $end\n";
    for (int core = 0; core < recording.cores(); ++core) {
      text_ += fmt::format("$scope module core{} $end\n", core);
      for (std::size_t e = 0; e < simulator::recorded_engines; ++e) {
        engine(recording.engine(core, e));
      }
      text_ += "$upscope $end\n";
    }
    const Cycle begin = std::min(window_.begin, report.cycles);
    text_ += "$enddefinitions $end\n";
    time(begin * period);
    text_ += fmt::format("$dumpvars\n{}$end\n", initial_);
    // What holds at the window's begin is there as changes at that time.
    for (Change& change : changes_) change.at = std::max(change.at, begin);
    std::erase_if(changes_, [&](const Change& change) { return change.at >= window_.end; });
    write_changes(period);
    time(std::min(report.cycles, window_.end) * period);
    return text_;
  }

 private:
  /// Each time stands there once.
  void time(Cycle picoseconds) {
    if (time_ == picoseconds) return;
    time_ = picoseconds;
    text_ += fmt::format("#{}\n", picoseconds);
  }

  struct Change {
    Cycle at;
    std::size_t id;
    std::string value;
  };

  std::string name(std::size_t id) const {
    std::string text;
    do {
      text += static_cast<char>('!' + id % 94);
      id /= 94;
    } while (id != 0);
    return text;
  }

  std::size_t variable(int width, const char* label, const std::string& start) {
    text_ += fmt::format("$var wire {} {} {} $end\n", width, name(count_), label);
    initial_ += fmt::format("{} {}\n", start, name(count_));
    return count_++;
  }

  void engine(const simulator::EngineRecord& record) {
    text_ += fmt::format("$scope module {} $end\n", record.name);
    const std::size_t state = variable(5, "state", "b0");
    for (const simulator::StateInterval& one : record.exact) {
      changes_.push_back({one.begin, state, "b" + binary(code_of(one.state))});
      changes_.push_back({one.end, state, "b0"});
    }
    if (!record.slices.empty()) {
      const std::size_t instruction = variable(32, "instruction", "bx");
      for (const simulator::Slice& slice : record.slices) {
        if (slice.begin == slice.end) continue;
        changes_.push_back({slice.begin, instruction, "b" + binary(slice.instruction)});
        changes_.push_back({slice.end, instruction, "bx"});
      }
    }
    if (!record.queue.empty()) queue(record.queue);
    text_ += "$upscope $end\n";
  }

  void queue(std::vector<simulator::QueueChange> changes) {
    std::stable_sort(changes.begin(), changes.end(),
                     [](const auto& x, const auto& y) { return x.at < y.at; });
    const std::size_t id = variable(16, "queue", "b0");
    std::int64_t depth = 0;
    for (const simulator::QueueChange& change : changes) {
      depth = std::max<std::int64_t>(0, depth + change.change);
      changes_.push_back({change.at, id, "b" + binary(static_cast<std::uint64_t>(depth))});
    }
  }

  /// Of several values of a signal at one time, the last.
  void write_changes(Cycle period) {
    std::stable_sort(changes_.begin(), changes_.end(),
                     [](const Change& x, const Change& y) { return x.at < y.at; });
    std::vector<std::string> last(count_);
    for (std::size_t i = 0; i < changes_.size();) {
      std::size_t end = i;
      std::vector<std::size_t> order;
      std::vector<const std::string*> values(count_, nullptr);
      for (; end < changes_.size() && changes_[end].at == changes_[i].at; ++end) {
        if (values[changes_[end].id] == nullptr) order.push_back(changes_[end].id);
        values[changes_[end].id] = &changes_[end].value;
      }
      std::string lines;
      for (const std::size_t id : order) {
        if (*values[id] == last[id]) continue;
        last[id] = *values[id];
        lines += fmt::format("{} {}\n", *values[id], name(id));
      }
      if (!lines.empty()) {
        time(changes_[i].at * period);
        text_ += lines;
      }
      i = end;
    }
  }

  const Window& window_;
  std::string text_;
  Cycle time_ = -1;
  std::string initial_;
  std::size_t count_ = 0;
  std::vector<Change> changes_;
};

}  // namespace

std::string value_changes(const simulator::SimulationReport& report,
                          const simulator::Recording& recording, const Window& window) {
  return ChangeWriter(window).run(report, recording);
}

}  // namespace septran::report
