// Random logic and random mappings: whatever the mapping, the tile program after every pass gives
// the reference's answer (exactly, on small integers), has no hazard and no sync too many.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/generator.h"
#include "tests/support/pipeline_generator.h"

namespace septran {
namespace {

using testing_support::from_environment;
using testing_support::Kernel;
using testing_support::KernelText;

/// Whether every event must show at these sizes: loops that may be empty hide some, and at the
/// border between a loop and the trips peeled off it one may stand that others imply.
bool needs_every_event(const KernelText& text) {
  return text.logic.find("min(blocks, row)") == std::string::npos &&
         text.mapping.find("schedule:") == std::string::npos;
}

/// Whether the only fault is that the drawn order breaks a dependence.
bool is_impossible_order(const Kernel& kernel) {
  const auto& all = kernel.diagnostics.all();
  return std::all_of(all.begin(), all.end(), [](const Diagnostic& diagnostic) {
    return std::string(diagnostic.code) == "schedule-dependence";
  });
}

TEST(RandomPrograms, EveryMappingGivesTheReferencesAnswer) {
  const unsigned first = from_environment("SEPTRAN_RANDOM_SEED", 1);
  const unsigned count = from_environment("SEPTRAN_RANDOM_PROGRAMS", 150);
  unsigned compiled = 0;
  for (unsigned seed = first; seed < first + count; ++seed) {
    const KernelText text = testing_support::Generator(seed).make();
    Kernel kernel;
    testing_support::compile(text, kernel);
    const std::string context =
        fmt::format("seed {} target {}\n{}\n{}", seed, text.target, text.logic, text.mapping);
    ASSERT_TRUE(kernel.program.has_value()) << context << kernel.messages();
    ++compiled;
    ASSERT_EQ(testing_support::compare_stages(kernel, true, 0), "") << context;
    ASSERT_EQ(testing_support::check_syncs(*kernel.program, false), "") << context;
  }
  EXPECT_EQ(compiled, count);
}

TEST(RandomPrograms, GiveTheReferencesAnswerInScheduledOrders) {
  const unsigned first = from_environment("SEPTRAN_RANDOM_SEED", 1);
  const unsigned count = from_environment("SEPTRAN_RANDOM_PROGRAMS", 150);
  unsigned compiled = 0;
  for (unsigned seed = first; seed < first + count; ++seed) {
    const KernelText text = testing_support::PipelineGenerator(seed).make();
    Kernel kernel;
    testing_support::compile(text, kernel);
    const std::string context =
        fmt::format("seed {} target {}\n{}\n{}", seed, text.target, text.logic, text.mapping);
    if (!kernel.program) {
      ASSERT_TRUE(is_impossible_order(kernel)) << context << kernel.messages();
      continue;
    }
    ++compiled;
    ASSERT_EQ(testing_support::compare_stages(kernel, true, 0), "") << context;
    const std::string fault = needs_every_event(text)
                                  ? testing_support::check_syncs(*kernel.program, false)
                                  : testing_support::check_hazards(*kernel.program);
    ASSERT_EQ(fault, "") << context;
  }
  EXPECT_GT(compiled, count / 4);  // the others draw an order that dependences forbid
}

}  // namespace
}  // namespace septran
