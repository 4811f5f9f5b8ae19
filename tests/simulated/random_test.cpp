// Random logic and random mappings on the simulated accelerator: its results are the reference's
// (exactly, on small integers), it has no hazard, and its cycles do not depend on whether values
// are computed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "simulated.h"
#include "tests/support/generator.h"
#include "tests/support/pipeline_generator.h"
#include "tests/support/spread_generator.h"

namespace septran {
namespace {

using testing_support::Kernel;
using testing_support::KernelText;

std::string fault_of(const KernelText& /*text*/, Kernel& kernel) {
  return testing_support::simulate_and_compare(kernel, true, 0);
}

TEST(RandomProgramsSimulated, GiveTheReferencesAnswer) {
  testing_support::check_random_programs<testing_support::Generator>(10'001, 150, fault_of);
}

TEST(RandomProgramsSimulated, GiveTheReferencesAnswerWhereReductionsAreSpread) {
  testing_support::check_random_programs<testing_support::SpreadGenerator>(30'001, 100, fault_of);
}

TEST(RandomProgramsSimulated, GiveTheReferencesAnswerInScheduledOrders) {
  testing_support::check_random_programs<testing_support::PipelineGenerator>(20'001, 150, fault_of);
}

}  // namespace
}  // namespace septran
