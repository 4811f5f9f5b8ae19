// Random logic and random mappings on the simulated accelerator: its results are the reference's
// (exactly, on small integers), it has no hazard, and its cycles do not depend on whether values
// are computed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "simulated.h"
#include "tests/support/generator.h"

namespace septran {
namespace {

using testing_support::from_environment;
using testing_support::Kernel;
using testing_support::KernelText;

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

}  // namespace
}  // namespace septran
