#include "tools/rtl.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/messages.h"

namespace septran::tools {
namespace {

using simulator::Cycle;
using simulator::SimulationReport;

/// Of the matrix engines of all cores.
template <typename Count>
Cycle sum(const SimulationReport& report, Count count) {
  Cycle total = 0;
  for (const simulator::CoreReport& core : report.cores) {
    for (const simulator::EngineReport& engine : core.engines) {
      if (engine.name == "mma") total += count(engine);
    }
  }
  return total;
}

std::string row(const char* what, Cycle model, Cycle rtl) {
  const double error =
      rtl == 0 ? 0 : 100.0 * static_cast<double>(model - rtl) / static_cast<double>(rtl);
  return fmt::format("{:<22}{:>12}{:>12}{:>10.3f} %\n", what, model, rtl, error);
}

}  // namespace

std::optional<ExitCode> refuse_rtl(const Job& job, Diagnostics& diagnostics) {
  const MmaTiming& mma = job.machine.dsa.mma;
  const std::vector<int> sizes = simulator::rtl_sizes();
  if (mma.rows != mma.cols || std::find(sizes.begin(), sizes.end(), mma.rows) == sizes.end()) {
    std::string known;
    for (const int size : sizes) {
      known += fmt::format("{}{} x {}", known.empty() ? "" : ", ", size, size);
    }
    diagnostics.report({}, messages::no_rtl_array, mma.rows, mma.cols,
                       known.empty() ? "it was built without Verilator" : "it has " + known);
    return exit_missing_component;
  }
  const std::string fault = simulator::rtl_fault(job.program, job.machine);
  if (fault.empty()) return std::nullopt;
  diagnostics.report({}, messages::not_for_rtl, fault);
  return exit_bad_input;
}

ModelRun run_model(const Job& job, std::vector<runtime::HostTensor> tensors, bool timing_only) {
  std::vector<simulator::HostBuffer> buffers(job.program.globals.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) buffers[i].bytes = tensors[i].bytes;
  simulator::SimulationOptions options;
  options.timing_only = timing_only;
  auto result = simulator::simulate(job.program, job.machine, buffers, options);
  return ModelRun{std::move(result), std::move(tensors)};
}

RtlComparison compare_rtl(const ModelRun& model, const SimulationReport& rtl,
                          const std::vector<runtime::HostTensor>& tensors) {
  RtlComparison comparison;
  const auto* report = std::get_if<SimulationReport>(&model.result);
  if (report == nullptr) return {"the model does not end as the RTL does\n", false};
  std::string& text = comparison.text;
  text = fmt::format("{:<22}{:>12}{:>12}{:>12}\n", "cycles", "model", "RTL", "error");
  text += row("whole program", report->cycles, rtl.cycles);
  const auto both = [&](const char* what, auto count) {
    text += row(what, sum(*report, count), sum(rtl, count));
  };
  both("array busy", [](const auto& engine) { return engine.busy; });
  both("array draining", [](const auto& engine) { return engine.draining; });
  both("array stalled", [](const auto& engine) { return engine.stalled_total(); });
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    comparison.same_results &= std::ranges::equal(model.tensors[i].bytes, tensors[i].bytes);
  }
  if (!tensors.empty()) {
    text += fmt::format("results {}\n", comparison.same_results ? "the same, bit for bit"
                                                                : "DIFFERENT from the model's");
  }
  return comparison;
}

}  // namespace septran::tools
