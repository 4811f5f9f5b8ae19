// Random logic and random mappings: whatever the mapping, the tile program after every pass gives
// the reference's answer (exactly, on small integers), has no hazard and no sync too many.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/generator.h"
#include "tests/support/pipeline_generator.h"
#include "tests/support/spread_generator.h"

namespace septran {
namespace {

using testing_support::Kernel;
using testing_support::KernelText;

/// Whether every event must show at these sizes: loops that may be empty hide some, at the border
/// between a loop and the trips peeled off it one may stand that others imply, and so it may
/// between a spread loop and the one behind it: a core may have a share of either alone, and
/// buffers of the second count as a whole, whatever part of the first's they lie on.
bool needs_every_event(const KernelText& text) {
  return text.logic.find("min(blocks, row)") == std::string::npos &&
         text.mapping.find("schedule:") == std::string::npos &&
         text.mapping.find("spread:") == std::string::npos;
}

std::string check_events(const KernelText& text, const Kernel& kernel) {
  return needs_every_event(text) ? testing_support::check_syncs(*kernel.program, false)
                                 : testing_support::check_hazards(*kernel.program);
}

TEST(RandomPrograms, EveryMappingGivesTheReferencesAnswer) {
  testing_support::check_random_programs<testing_support::Generator>(
      1, 150, [](const KernelText& text, Kernel& kernel) {
        const std::string fault = testing_support::compare_stages(kernel, true, 0);
        return fault.empty() ? check_events(text, kernel) : fault;
      });
}

TEST(RandomPrograms, GiveTheReferencesAnswerWhereReductionsAreSpread) {
  testing_support::check_random_programs<testing_support::SpreadGenerator>(
      1, 100, [](const KernelText&, Kernel& kernel) {
        const std::string fault = testing_support::compare_stages(kernel, true, 0);
        return fault.empty() ? testing_support::check_hazards(*kernel.program) : fault;
      });
}

TEST(RandomPrograms, GiveTheReferencesAnswerInScheduledOrders) {
  testing_support::check_random_programs<testing_support::PipelineGenerator>(
      1, 150, [](const KernelText& text, Kernel& kernel) {
        const std::string fault = testing_support::compare_stages(kernel, true, 0);
        return fault.empty() ? check_events(text, kernel) : fault;
      });
}

}  // namespace
}  // namespace septran
