#include "simulated.h"

#include <fmt/format.h>

#include "simulator/report.h"
#include "simulator/simulator.h"
#include "targets/dsa/assembly.h"
#include "targets/dsa/lower/lower.h"

namespace septran::testing_support {

std::string simulate_and_compare(Kernel& kernel, bool integers, double tolerance) {
  const auto program = dsa::lower_to_dsa(*kernel.program, *kernel.machine, kernel.diagnostics);
  if (!program) return kernel.messages();
  auto results = make_arguments(kernel, integers);
  const auto golden = run_reference(kernel, results);
  if (golden.empty()) return "the reference failed:\n" + kernel.messages();
  std::vector<simulator::HostBuffer> buffers(program->globals.size());
  for (std::size_t i = 0; i < results.size(); ++i) buffers[i].bytes = results[i];
  simulator::HazardReport hazards;
  const auto with_values = simulator::simulate(*program, *kernel.machine, buffers, {}, &hazards);
  if (!hazards.hazards.empty()) return to_text(hazards) + dsa::to_assembly(*program);
  const auto* report = std::get_if<simulator::SimulationReport>(&with_values);
  if (report == nullptr) return simulator::to_text(with_values) + dsa::to_assembly(*program);
  std::size_t next = 0;
  for (const lang::EntryArgument& argument : kernel.entry->arguments) {
    const auto* tensor = std::get_if<lang::EntryTensor>(&argument);
    if (tensor == nullptr) continue;
    const double worst = difference(tensor->dtype, results[next], golden[next]);
    if (!(worst <= tolerance)) {
      return fmt::format("argument {} differs by {}\n{}", next, worst, dsa::to_assembly(*program));
    }
    ++next;
  }
  for (const simulator::CoreReport& core : report->cores) {
    for (const simulator::EngineReport& engine : core.engines) {
      if (engine.total() != report->cycles) return engine.name + "'s cycles do not add up";
    }
  }
  if (static_cast<double>(report->cycles) < report->roofline.bound()) {
    return "faster than its arithmetic or its bytes allow";
  }
  simulator::SimulationOptions timing;
  timing.timing_only = true;
  simulator::HazardReport timed_hazards;
  const auto without = simulator::simulate(*program, *kernel.machine, {}, timing, &timed_hazards);
  if (!timed_hazards.hazards.empty() || timed_hazards.operations != hazards.operations) {
    return "other hazards without values";
  }
  const auto* timed = std::get_if<simulator::SimulationReport>(&without);
  if (timed == nullptr || timed->cycles != report->cycles) return "other cycles without values";
  return {};
}

std::string check_kernel(const KernelText& text, bool integers, double tolerance, bool every_pass) {
  Kernel kernel;
  compile(text, kernel);
  if (!kernel.program) return kernel.messages();
  if (every_pass) {
    if (std::string fault = compare_stages(kernel, integers, tolerance); !fault.empty()) {
      return fault;
    }
  }
  return simulate_and_compare(kernel, integers, tolerance);
}

}  // namespace septran::testing_support
