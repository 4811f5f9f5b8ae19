#include "tools/explain.h"

#include <fmt/format.h>

#include "compiler/base/messages.h"
#include "compiler/explain/explain.h"
#include "runtime/backends/backends.h"
#include "runtime/file.h"
#include "targets/cuda/lower.h"

namespace septran::tools {
namespace {

/// Cycles of a simulation without values; nothing for a program that does not run to its end.
std::optional<std::int64_t> simulated_cycles(const runtime::Backend& backend,
                                             const tile::Program& program, const Machine& machine) {
  Diagnostics ignored;  // a proposal that cannot be run is none
  const auto kernel = backend.load(program, machine, ignored);
  if (!kernel) return std::nullopt;
  runtime::RunOptions run;
  run.timing_only = true;
  const auto result = (*kernel)->run({}, run, ignored);
  if (!result || !std::holds_alternative<runtime::Measurement>(*result)) return std::nullopt;
  return std::get<runtime::Measurement>(*result).cycles;
}

/// Which way each part of a GPU's code takes, and why not a faster one.
void print_gpu_code(const cuda::Source& source) {
  fmt::print("\ncode for {}\n", source.architecture);
  for (const cuda::KernelSource& kernel : source.kernels) {
    std::string memory;
    if (kernel.shared_bytes > 0) {
      memory = fmt::format(", {} bytes of shared memory, filled by {}", kernel.shared_bytes,
                           kernel.maps.empty() ? "all threads" : "the copy engine");
    }
    fmt::print("  {}: {} blocks of {} threads{}{}{}\n", kernel.name, kernel.blocks, kernel.threads,
               memory, kernel.products.empty() ? "" : ", products by ", kernel.products);
  }
  for (const std::string& note : source.notes) fmt::print("  {}\n", note);
}

}  // namespace

int explain_command(const Options& options, bool measure, SourceManager& sources,
                    Diagnostics& diagnostics) {
  const auto request = read_logic_request(options, sources, diagnostics);
  if (!request) return exit_bad_input;
  const auto compiled = compile(options, *request, sources, diagnostics);
  if (!compiled) return exit_bad_input;
  const Machine& machine = compiled->machine;
  explain::Options how;
  if (measure) {
    const runtime::Backend* backend = runtime::find_backend(machine.family);
    if (backend == nullptr || backend->load == nullptr) {
      diagnostics.report({}, messages::backend_missing, machine.name,
                         backend == nullptr ? "a backend for it" : backend->needs);
      return exit_missing_component;
    }
    how.measure = [&machine, backend](const tile::Program& program) {
      return simulated_cycles(*backend, program, machine);
    };
  }
  const explain::Subject subject{compiled->module, compiled->entry, *compiled->mapping,
                                 machine,          sources,         compiled->launch_tree,
                                 compiled->tile};
  const explain::Explanation explanation = explain::explain(subject, how);
  say(options, explain::to_text(explanation));
  if (machine.family == MachineFamily::cuda) {
    const auto source = cuda::lower_to_cuda(compiled->tile, machine, diagnostics);
    if (!source) return exit_bad_input;
    if (!takes_standard_output(options)) print_gpu_code(*source);
  }
  if (options.json.empty()) return exit_fine;
  const bool written =
      runtime::write_file_atomically(options.json, explain::to_json(explanation), diagnostics);
  return written ? exit_fine : exit_bad_input;
}

}  // namespace septran::tools
