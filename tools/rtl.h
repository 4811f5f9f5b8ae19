// `--mma rtl`: the RTL of the matrix array in the model's place, and what the model says beside it.
#pragma once

#include "simulator/simulator.h"
#include "tools/execute.h"

namespace septran::tools {

/// Whether this build has RTL for the job; the exit code if not.
std::optional<ExitCode> refuse_rtl(const Job& job, Diagnostics& diagnostics);

/// What the model makes of the job: its report, and its results if there are `tensors` for it.
struct ModelRun {
  simulator::SimulationResult result;
  std::vector<runtime::HostTensor> tensors;
};
ModelRun run_model(const Job& job, std::vector<runtime::HostTensor> tensors, bool timing_only);

/// The cycles of both, side by side, and whether the results are the same bit for bit.
struct RtlComparison {
  std::string text;
  bool same_results = true;
};
RtlComparison compare_rtl(const ModelRun& model, const simulator::SimulationReport& rtl,
                          const std::vector<runtime::HostTensor>& tensors);

}  // namespace septran::tools
