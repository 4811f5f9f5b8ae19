// More bandwidth never costs time: the shipped examples and layers of the shipped workloads,
// compiled once, on machines of which one part moves more bytes a cycle. Bursts that come at
// another pace meet other rows, so half a hundredth is allowed. All examples together, and all
// layers together, keep to that in every step. Single programs do but for the steps that are listed
// here and in docs/timing.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "shipped.h"
#include "simulator/report.h"

namespace septran {
namespace {

using testing_support::Example;
using testing_support::Kernel;

struct Part {
  const char* name;
  void (*widen)(Machine& machine, std::int64_t times);
};

const Part parts[] = {
    {"dram rate",
     [](Machine& m, std::int64_t n) {
       m.dsa.dram.bytes_per_cycle_per_channel *= static_cast<double>(n);
     }},
    {"dram channels",
     [](Machine& m, std::int64_t n) { m.dsa.dram.channels *= static_cast<int>(n); }},
    {"links",
     [](Machine& m, std::int64_t n) {
       m.dsa.interconnect.bytes_per_cycle_per_link *= static_cast<double>(n);
       m.dsa.interconnect.bytes_per_cycle_total *= static_cast<double>(n);
     }},
    {"scratchpad ports",
     [](Machine& m, std::int64_t n) { m.memories[1].ports *= static_cast<int>(n); }},
    {"scratchpad width", [](Machine& m, std::int64_t n) { m.memories[1].bytes_per_cycle *= n; }},
    {"scratchpad banks",
     [](Machine& m, std::int64_t n) { m.memories[1].banks *= static_cast<int>(n); }},
    {"accumulator ports",
     [](Machine& m, std::int64_t n) { m.memories[2].ports *= static_cast<int>(n); }},
    {"accumulator width", [](Machine& m, std::int64_t n) { m.memories[2].bytes_per_cycle *= n; }},
    {"accumulator banks",
     [](Machine& m, std::int64_t n) { m.memories[2].banks *= static_cast<int>(n); }},
    {"engine width",
     [](Machine& m, std::int64_t n) {
       m.dsa.load.bytes_per_cycle *= n;
       m.dsa.store.bytes_per_cycle *= n;
     }},
};

simulator::Cycle cycles(const dsa::Program& program, const Machine& machine) {
  simulator::SimulationOptions options;
  options.timing_only = true;
  const auto result = simulator::simulate(program, machine, {}, options);
  const auto* report = std::get_if<simulator::SimulationReport>(&result);
  if (report == nullptr) ADD_FAILURE() << simulator::to_text(result);
  return report == nullptr ? 0 : report->cycles;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

/// Of the sums; sanitized builds, which look for other faults, leave the largest out.
std::vector<std::int64_t> all_times() {
  return sanitized ? std::vector<std::int64_t>{2, 4} : std::vector<std::int64_t>{2, 4, 8};
}
/// Of single programs.
constexpr std::int64_t most_times = 4;

/// A step of one program that costs more than half a hundredth, and how much at most, in
/// thousandths.
struct Known {
  std::string example;
  std::string part;
  std::int64_t times;
  double thousandths;
};
const std::vector<Known>& known_steps() {
  static const std::vector<Known> steps{
      {"gemm_cloud", "links", 2, 5.4},
      {"bert_output_cloud", "dram rate", 4, 8.5},
  };
  return steps;
}

/// Cycles by part and by how many times as wide it is.
using Steps = std::map<std::pair<std::string, std::int64_t>, simulator::Cycle>;

Steps measure(const Example& example) {
  Steps steps;
  Kernel kernel;
  const auto program = lower(example, kernel);
  if (!program) {
    ADD_FAILURE() << kernel.messages();
    return steps;
  }
  const simulator::Cycle before = cycles(*program, *kernel.machine);
  for (const Part& part : parts) {
    steps[{part.name, 1}] = before;
    for (const std::int64_t times : all_times()) {
      Machine wider = *kernel.machine;
      part.widen(wider, times);
      steps[{part.name, times}] = cycles(*program, wider);
    }
  }
  return steps;
}

/// What a step costs more than the fastest of the narrower machines, in thousandths.
double excess(const Steps& steps, const std::string& part, std::int64_t times) {
  simulator::Cycle narrower = steps.at({part, 1});
  for (const std::int64_t fewer : all_times()) {
    if (fewer < times) narrower = std::min(narrower, steps.at({part, fewer}));
  }
  return 1000 * (static_cast<double>(steps.at({part, times})) / static_cast<double>(narrower) - 1);
}

void check_program(const std::string& name, const Steps& steps) {
  for (const auto& [key, now] : steps) {
    const auto& [part, times] = key;
    if (times == 1 || times > most_times) continue;
    const double more = excess(steps, part, times);
    const auto& known = known_steps();
    const auto step = std::find_if(known.begin(), known.end(), [&](const Known& one) {
      return one.example == name && one.part == key.first && one.times == key.second;
    });
    EXPECT_LE(more, step == known.end() ? 5 : step->thousandths)
        << name << ": " << part << " times " << times;
    if (step != known.end()) {
      EXPECT_GT(more, 5) << "no longer: " << name << ", " << part << " times " << times;
    }
  }
}

/// Each program, but for the known steps, and without exception all of them together, and all of
/// one machine (the examples for the small one take most of the cycles).
void check_suite(const std::string& suite, const std::vector<Example>& programs) {
  std::map<std::string, Steps> sums;
  for (const Example& program : programs) {
    const Steps steps = measure(program);
    if (steps.empty()) return;
    const std::string name = program.name;
    check_program(name, steps);
    for (const std::string& sum : {suite, suite + " on " + name.substr(name.rfind('_') + 1)}) {
      for (const auto& [key, cycles] : steps) sums[sum][key] += cycles;
    }
  }
  for (const auto& [sum, steps] : sums) {
    for (const auto& [key, now] : steps) {
      const auto& [part, times] = key;
      if (times == 1) continue;
      EXPECT_LE(excess(steps, part, times), 5) << sum << ": " << part << " times " << times;
    }
  }
}

TEST(Bandwidth, MoreNeverCostsTimeInExamples) {
  check_suite("all examples", testing_support::shipped_examples());
}

TEST(Bandwidth, MoreNeverCostsTimeInLayers) {
  check_suite("all layers", testing_support::shipped_layers());
}

}  // namespace
}  // namespace septran
