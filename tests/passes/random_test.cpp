// Random logic and random mappings: whatever the mapping, the tile program after every pass gives
// the reference's answer (exactly, on small integers), has no hazard and no sync too many.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/generator.h"

namespace septran {
namespace {

using testing_support::from_environment;
using testing_support::Kernel;
using testing_support::KernelText;

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

}  // namespace
}  // namespace septran
