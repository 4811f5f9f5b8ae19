// The shipped examples on both accelerators: no hazard as they are, and every sync is needed.
// Taking any one away leads to a hazard, a deadlock or a trap, at sizes at which every ring wraps.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/backends/backends.h"
#include "shipped.h"
#include "simulated.h"
#include "simulator/report.h"
#include "targets/dsa/assembly.h"
#include "targets/dsa/lower/lower.h"
#include "tests/support/generator.h"
#include "tests/support/hazards.h"

namespace septran {
namespace {

using testing_support::Example;
using testing_support::from_environment;
using testing_support::Kernel;
using testing_support::KernelText;
using testing_support::lower;
using testing_support::shipped_examples;

/// What went wrong in a run for the time only, and hazards; empty if nothing did.
std::string faults(const dsa::Program& program, const Machine& machine) {
  simulator::SimulationOptions options;
  options.timing_only = true;
  simulator::HazardReport hazards;
  const auto result = simulator::simulate(program, machine, {}, options, &hazards);
  const bool finished = std::holds_alternative<simulator::SimulationReport>(result);
  return (finished ? "" : to_text(result)) + to_text(hazards);
}

/// A register that nothing reads or writes.
dsa::Register unused_register(const dsa::Program& program, const Machine& machine) {
  const std::string text = dsa::to_assembly(program);
  for (int reg = machine.dsa.sequencer.registers; reg-- > 0;) {
    const std::string name = fmt::format("r{}", reg);
    if (text.find(name) == std::string::npos) return static_cast<dsa::Register>(reg);
  }
  return dsa::core_register;  // not writable: everything will fail
}

class Syncs : public testing::TestWithParam<Example> {};

TEST_P(Syncs, AreEnoughAndNoneIsTooMany) {
  Kernel kernel;
  const auto program = lower(GetParam(), kernel);
  ASSERT_TRUE(program.has_value()) << kernel.messages();
  ASSERT_EQ(faults(*program, *kernel.machine), "") << dsa::to_assembly(*program);
  const dsa::Register unused = unused_register(*program, *kernel.machine);
  int removed = 0;
  for (std::size_t i = 0; i < program->code.size(); ++i) {
    if (!std::holds_alternative<dsa::Sync>(program->code[i].node)) continue;
    dsa::Program without = *program;
    without.code[i].node = dsa::Scalar{dsa::ScalarOp::add, unused, {}, {}};
    EXPECT_NE(faults(without, *kernel.machine), "")
        << "without instruction " << i << ": " << dsa::to_text(program->code[i].node) << "\n"
        << (removed == 0 ? dsa::to_assembly(*program) : "");
    ++removed;
  }
  EXPECT_GT(removed, 0);
}

// An event taken out of a tile program shows in the program's own hazards (all trips, one worker)
// exactly where it shows in the machine code that is made from it.
TEST(RandomProgramsSimulated, HazardsOfTileProgramAndMachineCodeAgree) {
  const unsigned first = from_environment("SEPTRAN_RANDOM_SEED", 20'001);
  const unsigned count = from_environment("SEPTRAN_RANDOM_PROGRAMS", 50);
  int needed = 0;
  int unneeded = 0;
  for (unsigned seed = first; seed < first + count; ++seed) {
    const KernelText text = testing_support::Generator(seed, false).make();
    Kernel kernel;
    testing_support::compile(text, kernel);
    ASSERT_TRUE(kernel.program.has_value()) << seed << kernel.messages();
    for (std::uint32_t e = 0; e < kernel.program->events.size(); ++e) {
      const auto without = testing_support::without_event(*kernel.program, tile::EventId{e});
      const bool expected = !tile::find_hazards(without, {0, 1'000'000, 1}).empty();
      const auto program = dsa::lower_to_dsa(without, *kernel.machine, kernel.diagnostics);
      ASSERT_TRUE(program.has_value()) << seed << kernel.messages();
      const std::string found = faults(*program, *kernel.machine);
      ASSERT_EQ(!found.empty(), expected)
          << "seed " << seed << " without " << kernel.program->events[e].name << "\n"
          << found << dsa::to_assembly(*program);
      ++(expected ? needed : unneeded);
    }
  }
  EXPECT_GT(needed, 0);
  EXPECT_GT(unneeded, 0);  // rings that do not wrap at these sizes
}

// What `septran check` and others see.
TEST(Kernels, StopWithTheirHazardsIfAsked) {
  Kernel kernel;
  ASSERT_TRUE(lower(shipped_examples()[0], kernel).has_value()) << kernel.messages();
  const auto& events = kernel.program->events;
  const auto at = std::find_if(events.begin(), events.end(),
                               [](const tile::Event& event) { return event.credits == 0; });
  ASSERT_NE(at, events.end());
  const tile::EventId event{static_cast<std::uint32_t>(at - events.begin())};
  const auto program = testing_support::without_event(*kernel.program, event);
  for (const bool check : {false, true}) {
    const auto loaded = runtime::load_simulated(program, *kernel.machine, kernel.diagnostics);
    ASSERT_TRUE(loaded.has_value()) << kernel.messages();
    runtime::RunOptions options;
    options.timing_only = true;
    options.check_hazards = check;
    const auto result = (*loaded)->run({}, options, kernel.diagnostics);
    ASSERT_TRUE(result.has_value());
    const auto* stopped = std::get_if<runtime::Stopped>(&*result);
    ASSERT_EQ(stopped != nullptr, check);
    if (stopped == nullptr) continue;
    EXPECT_EQ(stopped->kind, "hazard");
    EXPECT_NE(stopped->text.find("but may be first: bytes"), std::string::npos) << stopped->text;
  }
}

INSTANTIATE_TEST_SUITE_P(Examples, Syncs, testing::ValuesIn(shipped_examples()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace septran
