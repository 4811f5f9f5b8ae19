// More bandwidth never costs time: the shipped examples, compiled once, on machines of which one
// part moves more bytes a cycle. Reservations in another order may shift what meets what, so half a
// hundredth is allowed.
#include <gtest/gtest.h>

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
};

simulator::Cycle cycles(const dsa::Program& program, const Machine& machine) {
  simulator::SimulationOptions options;
  options.timing_only = true;
  const auto result = simulator::simulate(program, machine, {}, options);
  const auto* report = std::get_if<simulator::SimulationReport>(&result);
  if (report == nullptr) ADD_FAILURE() << simulator::to_text(result);
  return report == nullptr ? 0 : report->cycles;
}

class Bandwidth : public testing::TestWithParam<Example> {};

TEST_P(Bandwidth, MoreNeverCostsTime) {
  Kernel kernel;
  const auto program = lower(GetParam(), kernel);
  ASSERT_TRUE(program.has_value()) << kernel.messages();
  const simulator::Cycle before = cycles(*program, *kernel.machine);
  for (const Part& part : parts) {
    simulator::Cycle narrower = before;
    for (const std::int64_t times : {2, 4}) {
      Machine wider = *kernel.machine;
      part.widen(wider, times);
      const simulator::Cycle after = cycles(*program, wider);
      EXPECT_LE(static_cast<double>(after), 1.005 * static_cast<double>(narrower))
          << part.name << " times " << times;
      narrower = std::min(narrower, after);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Examples, Bandwidth,
                         testing::ValuesIn(testing_support::shipped_examples()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace septran
