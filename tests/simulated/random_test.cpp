// Random logic and random mappings on the simulated accelerator: its results are the reference's
// (exactly, on small integers), it has no hazard, and its cycles do not depend on whether values
// are computed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "simulated.h"
#include "tests/support/generator.h"
#include "tests/support/pipeline_generator.h"

namespace septran {
namespace {

using testing_support::from_environment;
using testing_support::Kernel;
using testing_support::KernelText;

/// Whether the only fault is that the drawn order breaks a dependence.
bool is_impossible_order(const Kernel& kernel) {
  const auto& all = kernel.diagnostics.all();
  return std::all_of(all.begin(), all.end(), [](const Diagnostic& diagnostic) {
    return std::string(diagnostic.code) == "schedule-dependence";
  });
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
    ASSERT_EQ(testing_support::simulate_and_compare(kernel, true, 0), "") << context;
  }
}

TEST(RandomProgramsSimulated, GiveTheReferencesAnswerInScheduledOrders) {
  const unsigned first = from_environment("SEPTRAN_RANDOM_SEED", 20'001);
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
    ASSERT_EQ(testing_support::simulate_and_compare(kernel, true, 0), "") << context;
  }
  EXPECT_GT(compiled, count / 4);  // the others draw an order that dependences forbid
}

}  // namespace
}  // namespace septran
