// septran-sim: compiles (or loads) a kernel and executes it on the simulated accelerator.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>

#include "compiler/base/messages.h"
#include "targets/dsa/assembly.h"
#include "targets/dsa/encode.h"
#include "targets/dsa/lower/lower.h"
#include "targets/dsa/validate.h"
#include "tools/command.h"
#include "tools/compare_runs.h"
#include "tools/execute.h"
#include "tools/sweep.h"
#include "tools/workload.h"

namespace septran::tools {
namespace {

/// What a program file, or another file, holds. Of what can be read once only, such as a pipe,
/// `sources` keeps the text for those who ask again.
std::optional<std::vector<std::byte>> read_bytes(const std::string& path, SourceManager& sources) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  const auto to_bytes = [](std::span<const char> text) {
    const auto bytes = std::as_bytes(text);
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  if (!std::filesystem::is_regular_file(status)) {
    const auto file = sources.load(path);
    if (!file) return std::nullopt;
    return to_bytes(sources.text(*file));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  const std::vector<char> text((std::istreambuf_iterator<char>(in)), {});
  if (in.bad()) return std::nullopt;
  return to_bytes(text);
}

std::string_view text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A compiled program from its file, or from its assembly.
Result<dsa::Program> read_program(const std::vector<std::byte>& bytes, const std::string& path,
                                  SourceManager& sources, Diagnostics& diagnostics) {
  if (!dsa::looks_like_assembly(text_of(bytes))) {
    return dsa::decode_program(bytes, path, diagnostics);
  }
  const auto file = sources.load(path);
  if (!file) {
    diagnostics.report({}, messages::cannot_read, path);
    return std::nullopt;
  }
  return dsa::parse_assembly(*file, sources, diagnostics);
}

int run_program(const std::vector<std::byte>& bytes, const Options& options, SourceManager& sources,
                Diagnostics& diagnostics) {
  const std::pair<const char*, bool> meaningless[] = {
      {"--mapping", !options.mappings.empty()},
      {"-D", !options.definitions.empty()},
      {"--dtype", !options.dtypes.empty()},
      {"--arg", !options.arguments.empty()},
      {"--print-after", !options.print_after.empty()},
      {"--stop-after", !options.stop_after.empty()}};
  for (const auto& [option, given] : meaningless) {
    if (given) diagnostics.report({}, messages::option_needs_logic, option);
  }
  const auto request = read_request(options, diagnostics);
  const auto program = read_program(bytes, options.input, sources, diagnostics);
  if (!program || !request || diagnostics.has_errors()) return exit_bad_input;
  const auto machine = load_machine(options.target.empty() ? program->target : options.target, {},
                                    sources, diagnostics);
  if (!machine) return exit_bad_input;
  if (options.target.empty() && machine->hash != program->target_hash) {
    diagnostics.report({}, messages::target_changed, machine->name);
    return exit_bad_input;
  }
  if (machine->family != MachineFamily::dsa) {
    diagnostics.report({}, messages::wrong_family, machine->name);
    return exit_bad_input;
  }
  if (!dsa::validate(*program, *machine, diagnostics)) return exit_bad_input;
  return execute({*program, *machine, nullptr}, options, *request, diagnostics);
}

int run_logic(const Options& options, SourceManager& sources, Diagnostics& diagnostics) {
  const auto request = read_logic_request(options, sources, diagnostics);
  if (!request) return exit_bad_input;
  const auto compiled = compile(options, *request, sources, diagnostics);
  if (!compiled) return exit_bad_input;
  if (compiled->machine.family != MachineFamily::dsa) {
    diagnostics.report({}, messages::wrong_family, compiled->machine.name);
    return exit_bad_input;
  }
  if (!options.stop_after.empty()) return exit_fine;
  const auto program = dsa::lower_to_dsa(compiled->tile, compiled->machine, diagnostics);
  if (!program) return exit_bad_input;
  return execute({*program, compiled->machine, &*compiled}, options, *request, diagnostics);
}

/// Reports options that the chosen way of running would ignore.
void check_together(const Options& options, Diagnostics& diagnostics) {
  using Given = std::pair<const char*, bool>;
  const Given sweep{"--sweep", !options.sweeps.empty()};
  const Given workload{"--workload", !options.workload.empty()};
  const std::vector<Given> pictures{{"--trace", !options.trace.empty()},
                                    {"--vcd", !options.vcd.empty()},
                                    {"--out", !options.outputs.empty()}};
  const std::vector<Given> files{{"--json", !options.json.empty()},
                                 {"--html", !options.html.empty()}};
  const std::vector<Given> checks{{"--mma", options.mma != "model"},
                                  {"--print-after", !options.print_after.empty()},
                                  {"--stop-after", !options.stop_after.empty()}};
  const auto check = [&](const char* mode, const std::vector<Given>& ignored) {
    for (const auto& [option, given] : ignored) {
      if (given) diagnostics.report({}, messages::option_not_with, option, mode);
    }
  };
  if (!options.compare.empty()) {
    check("--compare", {sweep, workload, {"a logic file", !options.input.empty()}});
    check("--compare", files);
    check("--compare", pictures);
    check("--compare", checks);
    check("--compare", {{"--mapping", !options.mappings.empty()},
                        {"--target", !options.target.empty()},
                        {"-D", !options.definitions.empty()},
                        {"--dtype", !options.dtypes.empty()},
                        {"--arg", !options.arguments.empty()},
                        {"--in", !options.inputs.empty()},
                        {"--timing-only", options.timing_only}});
  }
  for (const auto& [mode, chosen] : {workload, sweep}) {
    if (!chosen) continue;
    check(mode, pictures);
    check(mode, checks);
  }
  if (workload.second) check(workload.first, {sweep});
}

int run(const Options& options, SourceManager& sources, Diagnostics& diagnostics) {
  const bool several = !options.workload.empty() || !options.sweeps.empty();
  check_together(options, diagnostics);
  if (several && options.input.ends_with(".sdsa")) {
    diagnostics.report({}, messages::option_needs_logic,
                       options.sweeps.empty() ? "--workload" : "--sweep");
  }
  for (const auto& [option, given] :
       {std::pair("--csv", !options.csv.empty()), std::pair("--jobs", options.jobs > 0)}) {
    if (given && !several) {
      diagnostics.report({}, messages::option_needs_other, option, "--sweep and --workload");
    }
  }
  if (options.window && options.trace.empty() && options.vcd.empty()) {
    diagnostics.report({}, messages::option_needs_other, "--window", "--trace and --vcd");
  }
  if (diagnostics.has_errors()) return exit_bad_input;
  if (!options.compare.empty()) return compare_reports(options, sources, diagnostics);
  if (!options.workload.empty()) return run_workload(options, sources, diagnostics);
  if (!options.input.empty() && !options.sweeps.empty()) {
    return run_sweep(options, sources, diagnostics);
  }
  if (options.input.empty()) {
    diagnostics.report({}, messages::nothing_to_run);
    return exit_bad_input;
  }
  const auto bytes = read_bytes(options.input, sources);
  if (!bytes) {
    diagnostics.report({}, messages::cannot_read, options.input);
    return exit_bad_input;
  }
  if (dsa::looks_like_program(*bytes) || dsa::looks_like_assembly(text_of(*bytes)) ||
      options.input.ends_with(".sdsa")) {
    return run_program(*bytes, options, sources, diagnostics);
  }
  return run_logic(options, sources, diagnostics);
}

}  // namespace
}  // namespace septran::tools

// Only options that contradict each other would throw.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
  using namespace septran::tools;
  CLI::App app{"Executes a kernel on the simulated accelerator, checks it and reports its cycles."};
  app.footer(
      "Example:\n  septran-sim examples/gemm/gemm.py --mapping mappings/gemm/dsa_edge.yaml "
      "-D M=512 -D N=512 -D K=512");
  Options options;
  app.add_option("input", options.input,
                 "logic file, or a compiled program (.sdsa, or its assembly)");
  add_logic_options(app, options);
  add_pass_options(app, options);
  add_execute_options(app, options);
  app.add_option("--mma", options.mma, "the matrix array: our model, or its RTL (i8)")
      ->check(CLI::IsMember({"model", "rtl"}))
      ->capture_default_str();
  add_output_option(app, options);
  add_report_options(app, options);
  app.set_version_flag("--version", version_text("septran-sim"));
  return run_command(app, argc, argv,
                     [&](septran::SourceManager& sources, septran::Diagnostics& diagnostics) {
                       return run(options, sources, diagnostics);
                     });
}
