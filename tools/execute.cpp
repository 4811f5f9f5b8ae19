#include "tools/execute.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "compiler/base/messages.h"
#include "compiler/reference/reference.h"
#include "runtime/compare.h"
#include "runtime/file.h"
#include "runtime/npy.h"
#include "simulator/report.h"
#include "simulator/simulator.h"

namespace septran::tools {
namespace {

using runtime::HostTensor;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

bool is_bound(const dsa::GlobalBuffer& buffer) { return buffer.is_input || buffer.is_output; }

/// Names given to --in and --out are tensors of the kernel, outputs written by it.
bool check_names(const dsa::Program& program, const Request& request, Diagnostics& diagnostics) {
  std::vector<std::string> tensors;
  std::vector<std::string> outputs;
  for (const dsa::GlobalBuffer& buffer : program.globals) {
    if (is_bound(buffer)) tensors.push_back(buffer.name);
    if (buffer.is_output) outputs.push_back(buffer.name);
  }
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  bool fine = true;
  const auto check = [&](const auto& files, const char* option) {
    for (const auto& [name, path] : files) {
      if (has(tensors, name)) continue;
      diagnostics.report({}, messages::unknown_tensor_option, option, name,
                         fmt::format("{}", fmt::join(tensors, ", ")));
      fine = false;
    }
  };
  check(request.inputs, "--in");
  check(request.outputs, "--out");
  for (const auto& [name, path] : request.outputs) {
    if (!has(tensors, name) || has(outputs, name)) continue;
    diagnostics.report({}, messages::out_not_written, name,
                       fmt::format("{}", fmt::join(outputs, ", ")));
    fine = false;
  }
  return fine;
}

/// The host's tensors, one a global buffer; workspace stays empty.
std::optional<std::vector<HostTensor>> make_tensors(const dsa::Program& program,
                                                    const Options& options, const Request& request,
                                                    Diagnostics& diagnostics) {
  std::vector<HostTensor> tensors;
  for (const dsa::GlobalBuffer& buffer : program.globals) {
    HostTensor& tensor = tensors.emplace_back();
    if (!is_bound(buffer)) continue;
    const auto file = request.inputs.find(buffer.name);
    if (file != request.inputs.end()) {
      auto read = runtime::read_npy(file->second, buffer.dtype, buffer.shape, diagnostics);
      if (!read) return std::nullopt;
      tensor = std::move(*read);
      continue;
    }
    auto made = runtime::make_tensor(buffer.dtype, buffer.shape, diagnostics);
    if (!made) return std::nullopt;
    tensor = std::move(*made);
    if (buffer.is_input) {
      runtime::fill_random(tensor, request.values, options.seed, buffer.name);
    }
  }
  return tensors;
}

/// The reference's result in place of the tensors; false if it found a fault.
bool run_reference(const Compiled& compiled, std::vector<HostTensor>& tensors,
                   Diagnostics& diagnostics) {
  std::vector<std::byte*> pointers(compiled.entry.arguments.size());
  std::size_t next = 0;  // tensor arguments are the first global buffers, in order
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    if (std::holds_alternative<lang::EntryTensor>(compiled.entry.arguments[i])) {
      pointers[i] = tensors[next++].bytes.data();
    }
  }
  reference::Options options;
  options.tunables = [&](const std::string& name) -> std::optional<lang::TunableValue> {
    const auto at = compiled.tunables.find(name);
    return at == compiled.tunables.end() ? std::nullopt : std::optional(at->second);
  };
  return reference::run(compiled.module, compiled.entry, pointers, options, diagnostics)
      .has_value();
}

struct Verdict {
  bool ok = true;
  double max_abs_error = 0;
  double relative_error = 0;
};

Verdict compare_outputs(const Job& job, const Request& request,
                        const std::vector<HostTensor>& tensors,
                        const std::vector<HostTensor>& golden, Diagnostics& diagnostics) {
  runtime::Arithmetic arithmetic;
  arithmetic.additions = job.compiled->arithmetic.additions;
  arithmetic.transcendentals = job.compiled->arithmetic.transcendentals;
  arithmetic.intermediates = job.compiled->arithmetic.intermediates;
  arithmetic.exact = request.values == runtime::Values::integers &&
                     arithmetic.transcendentals == 0 && arithmetic.intermediates.empty();
  Verdict verdict;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!job.program.globals[i].is_output) continue;
    const auto comparison = runtime::compare(tensors[i], golden[i], arithmetic);
    runtime::report_wrong_result(comparison, job.program.globals[i].name, diagnostics);
    verdict.ok = verdict.ok && comparison.ok;
    verdict.max_abs_error = std::max(verdict.max_abs_error, comparison.max_abs_error);
    verdict.relative_error = std::max(verdict.relative_error, comparison.relative_error);
  }
  return verdict;
}

bool write_outputs(const Job& job, const Request& request, const std::vector<HostTensor>& tensors,
                   Diagnostics& diagnostics) {
  bool fine = true;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto file = request.outputs.find(job.program.globals[i].name);
    if (file == request.outputs.end()) continue;
    fine &= runtime::write_npy(file->second, tensors[i], diagnostics);
  }
  return fine;
}

}  // namespace

int execute(const Job& job, const Options& options, const Request& request,
            Diagnostics& diagnostics) {
  if (!check_names(job.program, request, diagnostics)) return exit_bad_input;
  std::vector<HostTensor> tensors;
  std::vector<HostTensor> golden;
  const bool check = job.compiled != nullptr && !options.no_check && !options.timing_only;
  if (!options.timing_only) {
    auto made = make_tensors(job.program, options, request, diagnostics);
    if (!made) return exit_bad_input;
    tensors = std::move(*made);
    if (check) {
      golden = tensors;
      if (!run_reference(*job.compiled, golden, diagnostics)) return exit_bad_input;
    }
  }
  std::vector<simulator::HostBuffer> buffers(job.program.globals.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) buffers[i].bytes = tensors[i].bytes;

  const auto start = std::chrono::steady_clock::now();
  simulator::SimulationOptions simulation;
  simulation.timing_only = options.timing_only;
  const auto result = simulator::simulate(job.program, job.machine, buffers, simulation);
  simulator::DriverResults driver;
  driver.simulate_seconds = seconds_since(start);
  if (job.compiled != nullptr) driver.compile_seconds = job.compiled->seconds;

  int code = exit_fine;
  if (!std::holds_alternative<simulator::SimulationReport>(result)) {
    code = exit_trap;
    fmt::print(stderr, "{}", simulator::to_text(result));
  } else {
    fmt::print("{}", simulator::to_text(result));
    if (check) {
      const Verdict verdict = compare_outputs(job, request, tensors, golden, diagnostics);
      driver.ok = verdict.ok;
      driver.max_abs_error = verdict.max_abs_error;
      driver.relative_error = verdict.relative_error;
      code = verdict.ok ? exit_fine : exit_wrong_result;
      fmt::print("result    {} (max abs error {:.3g}, relative error {:.3g})\n",
                 verdict.ok ? "ok" : "WRONG", verdict.max_abs_error, verdict.relative_error);
    } else {
      fmt::print("result    not checked\n");
    }
    if (!options.timing_only && !write_outputs(job, request, tensors, diagnostics)) {
      return exit_bad_input;
    }
  }
  if (!options.json.empty()) {
    const auto json = simulator::to_json(result, job.machine.name, driver);
    // Names come from files: bytes that are no UTF-8 are replaced.
    const std::string text =
        json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    if (!runtime::write_file_atomically(options.json, text, diagnostics)) {
      return exit_bad_input;
    }
  }
  return code;
}

}  // namespace septran::tools
