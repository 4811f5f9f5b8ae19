// Kernels on the simulated accelerator.
#include <algorithm>
#include <chrono>

#include "runtime/backends/backends.h"
#include "targets/dsa/lower/lower.h"
#ifdef SEPTRAN_HAS_SIMULATOR
#include "simulator/recording.h"
#include "simulator/report.h"
#include "simulator/simulator.h"
#endif

namespace septran::runtime {

std::vector<KernelTensor> kernel_tensors(const dsa::Program& program) {
  std::vector<KernelTensor> tensors;
  for (const dsa::GlobalBuffer& buffer : program.globals) {
    tensors.push_back({buffer.name, buffer.dtype, buffer.shape, buffer.is_input, buffer.is_output});
  }
  return tensors;
}

#ifdef SEPTRAN_HAS_SIMULATOR
namespace {

class SimulatedKernel : public Kernel {
 public:
  SimulatedKernel(dsa::Program program, const Machine& machine, std::size_t parameters)
      : program_(std::move(program)), machine_(machine), tensors_(kernel_tensors(program_)) {
    SEPTRAN_CHECK(parameters <= tensors_.size());
    tensors_.resize(parameters);
  }

  [[nodiscard]] std::span<const KernelTensor> tensors() const override { return tensors_; }

  Result<RunResult> run(std::span<HostTensor> host, const RunOptions& options,
                        Diagnostics& /*diagnostics*/) override {
    std::vector<simulator::HostBuffer> buffers(program_.globals.size());
    for (std::size_t i = 0; i < host.size(); ++i) buffers[i].bytes = host[i].bytes;
    simulator::SimulationOptions simulation;
    simulation.timing_only = options.timing_only;
    simulator::HazardReport hazards;
    simulator::Recording recording(false);
    const auto start = std::chrono::steady_clock::now();
    const auto result = simulator::simulate(program_, machine_, buffers, simulation,
                                            options.check_hazards ? &hazards : nullptr,
                                            options.report ? &recording : nullptr);
    simulator::DriverResults driver;
    driver.simulate_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    driver.recording = &recording;
    if (options.check_hazards) driver.hazards = hazards;
    std::string json;
    if (options.report) json = simulator::json_text(result, machine_.name, driver);
    const bool finished = std::holds_alternative<simulator::SimulationReport>(result);
    if (finished && !hazards.hazards.empty()) {
      return Stopped{"hazard", to_text(hazards), std::move(json)};
    }
    if (const auto* report = std::get_if<simulator::SimulationReport>(&result)) {
      return Measurement{
          report->cycles, report->seconds_at_clock, report->mma_utilization, {}, std::move(json)};
    }
    const bool trapped = std::holds_alternative<simulator::Trap>(result);
    return Stopped{trapped ? "trap" : "deadlock",
                   simulator::to_text(result) + simulator::to_text(hazards), std::move(json)};
  }

 private:
  dsa::Program program_;
  Machine machine_;
  std::vector<KernelTensor> tensors_;
};

}  // namespace

Result<std::unique_ptr<Kernel>> load_simulated(const tile::Program& program, const Machine& machine,
                                               Diagnostics& diagnostics) {
  auto lowered = dsa::lower_to_dsa(program, machine, diagnostics);
  if (!lowered) return std::nullopt;
  const auto parameters =
      std::count_if(program.tensors.begin(), program.tensors.end(),
                    [](const tile::Tensor& t) { return t.kind == tile::TensorKind::argument; });
  return std::make_unique<SimulatedKernel>(std::move(*lowered), machine,
                                           static_cast<std::size_t>(parameters));
}
#endif

}  // namespace septran::runtime
