// More bandwidth never costs time: the shipped examples and layers of the shipped workloads,
// compiled once, on machines of which one part moves more bytes a cycle. Bursts that come at
// another pace meet other rows, so half a hundredth is allowed. The steps that cost more are listed
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
       m.dsa.interconnect.bytes_per_cycle_per_link *= n;
       m.dsa.interconnect.bytes_per_cycle_total *= n;
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

/// A step that costs more than half a hundredth, and how much at most, in thousandths.
struct Known {
  std::string example;
  std::string part;
  std::int64_t times;
  double thousandths;
};
const std::vector<Known>& known_steps() {
  static const std::vector<Known> steps{
      {"mlp_cloud", "engine width", 2, 9.5},
      {"mlp_cloud", "engine width", 4, 11.0},
      {"conv5_2a_cloud", "dram rate", 4, 5.4},
      {"conv4_2a_product_cloud", "engine width", 4, 6.1},
  };
  return steps;
}

/// A step from the fastest of the narrower machines.
void check_step(const std::string& example, const std::string& part, std::int64_t times,
                simulator::Cycle narrower, simulator::Cycle wider) {
  const double excess = 1000 * (static_cast<double>(wider) / static_cast<double>(narrower) - 1);
  const auto& steps = known_steps();
  const auto known = std::find_if(steps.begin(), steps.end(), [&](const Known& one) {
    return one.example == example && one.part == part && one.times == times;
  });
  if (known == steps.end()) {
    EXPECT_LE(excess, 5) << example << ": " << part << " times " << times;
  } else {
    EXPECT_LE(excess, known->thousandths) << example << ": " << part << " times " << times;
    EXPECT_GT(excess, 5) << "no longer: " << example << ", " << part << " times " << times;
  }
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
    for (const std::int64_t times : {2, 4}) {
      Machine wider = *kernel.machine;
      part.widen(wider, times);
      steps[{part.name, times}] = cycles(*program, wider);
    }
  }
  return steps;
}

void check(const std::string& name, const Steps& steps) {
  for (const auto& [key, now] : steps) {
    const auto& [part, times] = key;
    if (times == 1) continue;
    simulator::Cycle narrower = steps.at({part, 1});
    if (times > 2) narrower = std::min(narrower, steps.at({part, 2}));
    check_step(name, part, times, narrower, now);
  }
}

class Bandwidth : public testing::TestWithParam<Example> {};

TEST_P(Bandwidth, MoreNeverCostsTime) { check(GetParam().name, measure(GetParam())); }

INSTANTIATE_TEST_SUITE_P(Examples, Bandwidth,
                         testing::ValuesIn(testing_support::shipped_examples()),
                         [](const auto& info) { return std::string(info.param.name); });

// Each layer, and all of them together.
TEST(BandwidthOfLayers, MoreNeverCostsTime) {
  Steps sum;
  for (const Example& layer : testing_support::shipped_layers()) {
    const Steps steps = measure(layer);
    check(layer.name, steps);
    for (const auto& [key, cycles] : steps) sum[key] += cycles;
  }
  check("all layers", sum);
}

}  // namespace
}  // namespace septran
