#include "tools/execute.h"

#include <fmt/format.h>

#include <chrono>

#include "compiler/base/count.h"
#include "runtime/backends/backends.h"
#include "runtime/file.h"
#include "runtime/npy.h"
#include "simulator/recording.h"
#include "simulator/report.h"
#include "simulator/simulator.h"
#include "tools/report_files.h"
#include "tools/results.h"
#include "tools/rtl.h"

namespace septran::tools {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Writes the results that were asked for and the report: all of them or, after a failure, none.
bool write_results(const Job& job, const Request& request, const std::vector<HostTensor>& outputs,
                   std::vector<std::pair<std::string, std::string>> contents,
                   Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto file = request.outputs.find(job.program.globals[i].name);
    if (file == request.outputs.end()) continue;
    contents.emplace_back(file->second, runtime::format_npy(outputs[i]));
  }
  std::vector<runtime::OutputFile> files;
  for (const auto& [path, content] : contents) files.push_back({path, content});
  return runtime::write_files_atomically(files, diagnostics);
}

/// Of a run: what it starts with, and what the reference makes of it.
struct Inputs {
  std::vector<runtime::KernelTensor> parameters;
  std::vector<HostTensor> tensors;  // none if only time is simulated
  std::optional<std::vector<HostTensor>> golden;
};

std::optional<Inputs> make_inputs(const Job& job, const Options& options, const Request& request,
                                  Diagnostics& diagnostics) {
  Inputs inputs;
  inputs.parameters = runtime::kernel_tensors(job.program);
  if (!check_names(inputs.parameters, request, diagnostics)) return std::nullopt;
  if (options.timing_only) return inputs;
  auto made = make_tensors(inputs.parameters, options, request, diagnostics);
  if (!made) return std::nullopt;
  inputs.tensors = std::move(*made);
  if (job.compiled == nullptr || options.no_check) return inputs;
  inputs.golden = inputs.tensors;
  if (!run_reference(*job.compiled, *inputs.golden, diagnostics)) return std::nullopt;
  return inputs;
}

/// Says whether the results are the reference's and notes it for the report; the exit code.
int compare(const Job& job, const Options& options, const Request& request, const Inputs& inputs,
            simulator::DriverResults& driver, Diagnostics& diagnostics) {
  if (!inputs.golden) {
    say(options, "result    not checked\n");
    return exit_fine;
  }
  const auto verdict = compare_outputs(*job.compiled, inputs.parameters, options, request,
                                       inputs.tensors, *inputs.golden, diagnostics);
  if (!verdict) return exit_bad_input;
  driver.ok = verdict->ok;
  driver.max_abs_error = verdict->max_abs_error;
  driver.relative_error = verdict->relative_error;
  driver.incomparable_elements = verdict->incomparable_elements;
  say(options, fmt::format("result    {}\n", to_text(*verdict)));
  return verdict->ok ? exit_fine : exit_wrong_result;
}

}  // namespace

int execute(const Job& job, const Options& options, const Request& request,
            Diagnostics& diagnostics) {
  const bool rtl = options.mma == "rtl";
  if (rtl) {
    if (const auto refused = refuse_rtl(job, diagnostics)) return *refused;
  }
  auto inputs = make_inputs(job, options, request, diagnostics);
  if (!inputs) return exit_bad_input;
  std::vector<HostTensor>& tensors = inputs->tensors;
  std::optional<ModelRun> model;
  if (rtl) model = run_model(job, tensors, options.timing_only);
  std::vector<simulator::HostBuffer> buffers(job.program.globals.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) buffers[i].bytes = tensors[i].bytes;

  const auto start = std::chrono::steady_clock::now();
  simulator::SimulationOptions simulation;
  simulation.timing_only = options.timing_only;
  simulation.cycle_limit = options.cycle_limit;
  if (rtl) simulation.mma = simulator::MmaModel::rtl;
  simulator::HazardReport hazards;
  simulator::Recording recording(wants_everything(options));
  const bool records = wants_recording(options);
  const auto result = simulator::simulate(job.program, job.machine, buffers, simulation,
                                          options.check_hazards ? &hazards : nullptr,
                                          records ? &recording : nullptr);
  simulator::DriverResults driver;
  if (records) driver.recording = &recording;
  if (options.check_hazards) driver.hazards = hazards;
  driver.simulate_seconds = seconds_since(start);
  if (job.compiled != nullptr) {
    driver.compile_seconds = job.compiled->seconds;
    driver.area_mm2 = job.compiled->area_mm2;
  }

  int code = exit_trap;
  const auto* report = std::get_if<simulator::SimulationReport>(&result);
  if (report == nullptr) {
    fmt::print(stderr, "{}", simulator::to_text(result));
  } else {
    say(options, simulator::to_text(result));
    code = compare(job, options, request, *inputs, driver, diagnostics);
    if (code == exit_bad_input) return code;
    if (options.check_hazards) {
      say(options, fmt::format("hazards   {} in {:operation}\n", hazards.hazards.size(),
                               Counted{hazards.operations}));
    }
    if (model) {
      const RtlComparison comparison = compare_rtl(*model, *report, tensors);
      say(options, fmt::format("\n{}", comparison.text));
      if (!comparison.same_results) code = exit_wrong_result;
    }
    if (!hazards.hazards.empty()) code = exit_trap;
  }
  fmt::print(stderr, "{}", simulator::to_text(hazards));
  driver.line_texts = line_texts(result);
  auto files = report_files(result, job.program, job.machine, driver, options);
  if (code == exit_trap) tensors.clear();  // they are not the kernel's results
  if (!write_results(job, request, tensors, std::move(files), diagnostics)) return exit_bad_input;
  return code;
}

}  // namespace septran::tools
