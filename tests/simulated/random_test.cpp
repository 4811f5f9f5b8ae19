// Random logic and random mappings on the simulated accelerator: its results are the reference's
// (exactly, on small integers), and its cycles do not depend on whether values are computed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "simulator/report.h"
#include "simulator/simulator.h"
#include "targets/dsa/assembly.h"
#include "targets/dsa/lower/lower.h"
#include "tests/support/generator.h"

namespace septran {
namespace {

using testing_support::from_environment;
using testing_support::Kernel;
using testing_support::KernelText;
using Bytes = std::vector<std::byte>;

/// What differs from the reference, or went wrong; empty if all is well.
std::string simulate_and_compare(Kernel& kernel) {
  const auto program = dsa::lower_to_dsa(*kernel.program, *kernel.machine, kernel.diagnostics);
  if (!program) return kernel.messages();
  std::vector<Bytes> results = testing_support::make_arguments(kernel, true);
  const std::vector<Bytes> golden = testing_support::run_reference(kernel, results);
  std::vector<simulator::HostBuffer> buffers(program->globals.size());
  for (std::size_t i = 0; i < results.size(); ++i) buffers[i].bytes = results[i];
  simulator::HazardReport hazards;
  const auto with_values = simulator::simulate(*program, *kernel.machine, buffers, {}, &hazards);
  if (!hazards.hazards.empty()) return to_text(hazards) + dsa::to_assembly(*program);
  const auto* report = std::get_if<simulator::SimulationReport>(&with_values);
  if (report == nullptr) return simulator::to_text(with_values) + dsa::to_assembly(*program);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (testing_support::difference(DType::f32, results[i], golden[i]) == 0) continue;
    return fmt::format("argument {} differs\n{}", i, dsa::to_assembly(*program));
  }
  for (const simulator::CoreReport& core : report->cores) {
    for (const simulator::EngineReport& engine : core.engines) {
      if (engine.total() != report->cycles) return engine.name + "'s cycles do not add up";
    }
  }
  simulator::SimulationOptions timing;
  timing.timing_only = true;
  const auto without = simulator::simulate(*program, *kernel.machine, {}, timing);
  const auto* timed = std::get_if<simulator::SimulationReport>(&without);
  if (timed == nullptr || timed->cycles != report->cycles) return "other cycles without values";
  return {};
}

TEST(RandomProgramsSimulated, GiveTheReferencesAnswer) {
  const unsigned first = from_environment("SEPTRAN_RANDOM_SEED", 10'001);
  const unsigned count = from_environment("SEPTRAN_RANDOM_PROGRAMS", 150);
  for (unsigned seed = first; seed < first + count; ++seed) {
    const KernelText text = testing_support::Generator(seed).make();
    Kernel kernel;
    testing_support::compile(text, kernel);
    const std::string context =
        fmt::format("seed {} target {}\n{}\n{}", seed, text.target, text.logic, text.mapping);
    ASSERT_TRUE(kernel.program.has_value()) << context << kernel.messages();
    ASSERT_EQ(simulate_and_compare(kernel), "") << context;
  }
}

}  // namespace
}  // namespace septran
