// Machines with few event counters: edges that share counters, and engines that take turns.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "shipped.h"
#include "simulated.h"
#include "simulator/report.h"
#include "targets/dsa/lower/lower.h"
#include "tests/support/changed_machine.h"
#include "tests/support/generator.h"
#include "tests/support/pipeline_generator.h"

namespace septran {
namespace {

using testing_support::ChangedMachine;
using testing_support::Example;
using testing_support::Kernel;
using testing_support::KernelText;

std::string target_of(const Example& example) {
  return std::string(example.name).ends_with("cloud") ? "dsa_cloud" : "dsa_edge";
}

struct Outcome {
  std::string faults;
  std::int64_t cycles = 0;
  std::size_t events = 0;
};

Outcome run(const Example& example, const std::string& target) {
  Kernel kernel;
  const auto program = testing_support::lower(example, kernel, target);
  if (!program) return {kernel.messages()};
  simulator::SimulationOptions options;
  options.timing_only = true;
  simulator::HazardReport hazards;
  const auto result = simulator::simulate(*program, *kernel.machine, {}, options, &hazards);
  const auto* report = std::get_if<simulator::SimulationReport>(&result);
  return {(report == nullptr ? to_text(result) : "") + to_text(hazards),
          report == nullptr ? 0 : report->cycles, kernel.program->events.size()};
}

/// The counters with which an example is as quick as with any number of them, one for each pair of
/// engines that wait for each other or two, and with which it runs at all.
struct Needs {
  const char* name;
  int quick = 0;
  int least = 0;
};
constexpr Needs needs[] = {
    {"gemm_edge", 4, 3},      {"gemm_cloud", 4, 3},      {"published_edge", 4, 3},
    {"mlp_edge", 6, 4},       {"mlp_cloud", 6, 4},       {"softmax_edge", 4, 3},
    {"softmax_cloud", 4, 3},  {"layernorm_edge", 4, 3},  {"layernorm_cloud", 4, 3},
    {"attention_edge", 7, 4}, {"attention_cloud", 7, 4}, {"causal_attention_cloud", 7, 4},
};

TEST(FewCounters, AreSharedWithoutWaitingLonger) {
  for (const Needs& need : needs) {
    const auto& examples = testing_support::shipped_examples();
    const auto at = std::find_if(examples.begin(), examples.end(), [&](const Example& example) {
      return std::string(example.name) == need.name;
    });
    ASSERT_NE(at, examples.end()) << need.name;
    const std::string target = target_of(*at);
    const auto with = [&](int counters) {
      return run(*at, ChangedMachine(target, "events", fmt::format("{}", counters)).path());
    };
    const Outcome quick = with(need.quick);
    EXPECT_EQ(quick.faults, "") << need.name;
    EXPECT_EQ(quick.cycles, run(*at, target).cycles) << need.name;
    const Outcome fewer = with(need.quick - 1);
    EXPECT_EQ(fewer.faults, "") << need.name;
    EXPECT_GT(fewer.cycles, quick.cycles) << need.name;
    const Outcome least = with(need.least);
    EXPECT_EQ(least.faults, "") << need.name;
    EXPECT_EQ(least.events, need.least) << need.name;
    const std::string refused = with(need.least - 1).faults;
    EXPECT_NE(refused.find(fmt::format(
                  "error[too-many-events]: the program needs {} event counters", need.least)),
              std::string::npos)
        << refused;
  }
}

/// Random programs on a machine with so many counters, in all engines at work.
template <typename Maker>
void check_random(unsigned first, unsigned count, int counters) {
  const ChangedMachine edge("dsa_edge", "events", fmt::format("{}", counters));
  const ChangedMachine cloud("dsa_cloud", "events", fmt::format("{}", counters));
  testing_support::check_random_programs<Maker>(
      first, count, [&](const KernelText& text, Kernel& /*kernel*/) {
        KernelText scarce = text;
        scarce.target = (text.target == "dsa_cloud" ? cloud : edge).path();
        return testing_support::check_kernel(scarce, true, 0);
      });
}

TEST(FewCounters, GiveTheReferencesAnswer) {
  for (const int counters : {4, 5, 6, 7}) {
    check_random<testing_support::Generator>(40'001, 12, counters);
    check_random<testing_support::PipelineGenerator>(50'001, 12, counters);
  }
}

}  // namespace
}  // namespace septran
