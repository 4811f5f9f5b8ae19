// septran: the compiler driver.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/tile/text.h"
#include "runtime/cuda/compiler.h"
#include "runtime/file.h"
#include "runtime/native/native.h"
#include "targets/cpu/lower.h"
#include "targets/cuda/lower.h"
#include "targets/dsa/assembly.h"
#include "targets/dsa/encode.h"
#include "targets/dsa/lower/lower.h"
#include "tools/check.h"
#include "tools/command.h"
#include "tools/explain.h"
#include "tools/results.h"
#include "tools/run.h"

namespace septran::tools {
namespace {

/// Writes a text to a file, or to stdout where that or none is named.
int put(const std::string& text, const std::string& path, Diagnostics& diagnostics) {
  if (path.empty() || path == runtime::standard_output) {
    fmt::print("{}", text);
    return exit_fine;
  }
  return runtime::write_file_atomically(path, text, diagnostics) ? exit_fine : exit_bad_input;
}

int put_gpu_code(const Compiled& compiled, const std::string& kind, const std::string& output,
                 Diagnostics& diagnostics) {
  const auto lowered = cuda::lower_to_cuda(compiled.tile, compiled.machine, diagnostics);
  if (!lowered) return exit_bad_input;
  const cuda::Source& source = *lowered;
  if (kind == "cuda") return put(source.text, output, diagnostics);
  const auto code = runtime::compile_gpu_code(
      source.text, source.architecture,
      kind == "ptx" ? runtime::GpuCode::ptx : runtime::GpuCode::cubin, diagnostics);
  if (code) return put(*code, output, diagnostics);
  return lacks_component(diagnostics) ? exit_missing_component : exit_bad_input;
}

int compile_command(const Options& options, const std::string& kind, SourceManager& sources,
                    Diagnostics& diagnostics) {
  const std::string& output = options.code;
  if ((kind == "bin" || kind == "cubin") && output.empty()) {
    diagnostics.report({}, messages::emit_needs_output, kind);
    return exit_bad_input;
  }
  const auto request = read_logic_request(options, sources, diagnostics);
  if (!request) return exit_bad_input;
  const auto compiled = compile(options, *request, sources, diagnostics);
  if (!compiled) return exit_bad_input;
  if (kind == "launch-tree") {
    return put(tile::to_launch_tree(compiled->launch_tree), output, diagnostics);
  }
  if (kind == "tile" || !options.stop_after.empty()) {
    return put(tile::to_text(compiled->tile), output, diagnostics);
  }
  const bool is_gpu = kind == "cuda" || kind == "ptx" || kind == "cubin";
  const MachineFamily needed = kind == "c" ? MachineFamily::cpu
                               : is_gpu    ? MachineFamily::cuda
                                           : MachineFamily::dsa;
  if (compiled->machine.family != needed) {
    diagnostics.report({}, messages::emit_not_of_target, compiled->machine.name, kind);
    return exit_bad_input;
  }
  if (kind == "c") {
    return put(cpu::lower_to_c(compiled->tile, compiled->machine).text, output, diagnostics);
  }
  if (is_gpu) return put_gpu_code(*compiled, kind, output, diagnostics);
  const auto program = dsa::lower_to_dsa(compiled->tile, compiled->machine, diagnostics);
  if (!program) return exit_bad_input;
  if (kind == "asm") return put(dsa::to_assembly(*program), output, diagnostics);
  const auto bytes = dsa::encode_program(*program, diagnostics);
  if (!bytes) return exit_bad_input;
  const auto* begin = reinterpret_cast<const char*>(bytes->data());
  return put(std::string(begin, bytes->size()), output, diagnostics);
}

int targets_command(const std::string& name, SourceManager& sources, Diagnostics& diagnostics) {
  if (!name.empty()) {
    const auto machine = load_machine(name, {}, sources, diagnostics);
    if (!machine) return exit_bad_input;
    const auto shipped = shipped_machines();
    const bool is_shipped = std::find(shipped.begin(), shipped.end(), name) != shipped.end();
    const auto file = sources.load(is_shipped ? machines_folder() + "/" + name + ".yaml" : name);
    SEPTRAN_CHECK(file.has_value());
    return put(std::string(sources.text(*file)), {}, diagnostics);
  }
  for (const std::string& shipped : shipped_machines()) {
    const auto machine = load_machine(shipped, {}, sources, diagnostics);
    if (!machine) return exit_bad_input;
    fmt::print("{:<12} {}\n", machine->name, machine->describes);
  }
  return exit_fine;
}

void add_compile_command(CLI::App& app, Options& options, std::string& kind) {
  CLI::App* compile = app.add_subcommand("compile", "print or write a stage of compilation");
  compile->add_option("logic", options.input, "logic file")->required();
  add_logic_options(*compile, options);
  add_pass_options(*compile, options);
  compile
      ->add_option("--emit", kind,
                   "what: launch-tree, tile; asm, bin (dsa); c (cpu); cuda, ptx, cubin (cuda)")
      ->check(CLI::IsMember({"launch-tree", "tile", "asm", "bin", "c", "cuda", "ptx", "cubin"}))
      ->capture_default_str();
  compile->add_option("-o", options.code, "file to write (default: standard output)")
      ->type_name("FILE");
  compile->footer(
      "Example:\n  septran compile examples/gemm/gemm.py --mapping mappings/gemm/dsa_edge.yaml "
      "-D M=64 -D N=64 -D K=64 --emit bin -o gemm.sdsa");
}

void add_check_command(CLI::App& app, Options& options) {
  CLI::App* check = app.add_subcommand(
      "check", "run a kernel with several mappings and compare each with the reference");
  check->add_option("logic", options.input, "logic file")->required();
  add_logic_options(*check, options);
  add_execute_options(*check, options);
  check->footer(
      "The exit code is the largest of the rows': 0 fine, 1 wrong result, 2 refused, 3 trap, "
      "hazard or deadlock, 4 this build lacks the backend.\n\n"
      "Example:\n  septran check examples/gemm/gemm.py --mapping mappings/gemm/dsa_edge.yaml "
      "--mapping mappings/gemm/dsa_cloud.yaml -D M=512 -D N=512 -D K=512");
}

void add_explain_command(CLI::App& app, Options& options, bool& measure) {
  CLI::App* explain = app.add_subcommand(
      "explain", "say why each copy, sync and buffer is there, and what would help");
  explain->add_option("logic", options.input, "logic file")->required();
  add_logic_options(*explain, options);
  explain->add_flag("--measure", measure,
                    "simulate (without values) what is proposed, and more edits than without");
  explain
      ->add_option("--json", options.json,
                   "write the explanation as JSON; - is the standard output")
      ->type_name("FILE");
  explain->footer(
      "Example:\n  septran explain examples/gemm/gemm.py --mapping mappings/gemm/dsa_edge.yaml "
      "-D M=512 -D N=512 -D K=512 --measure");
}

void add_run_command(CLI::App& app, Options& options) {
  CLI::App* run =
      app.add_subcommand("run", "compile a kernel for its target, run it there, check and time it");
  run->add_option("logic", options.input, "logic file")->required();
  add_logic_options(*run, options);
  add_pass_options(*run, options);
  add_execute_options(*run, options);
  add_output_option(*run, options);
  run->add_option("--repetitions", options.repetitions,
                  "timed runs on real hardware (default: enough for 0.3 s, 5 to 1000)")
      ->check(CLI::Range(1, 1000000));
  run->footer(
      "Compiled kernels are kept in $SEPTRAN_CACHE (default: ~/.cache/septran), built with "
      "$SEPTRAN_CC (default: cc).\n\n"
      "Example:\n  septran run examples/gemm/gemm.py --mapping mappings/gemm/cpu.yaml "
      "-D M=512 -D N=512 -D K=512");
}

void add_targets_command(CLI::App& app, std::string& target) {
  CLI::App* targets = app.add_subcommand("targets", "list the target descriptions, or show one");
  targets->add_option("name", target, "a description's name or file");
  targets->footer("Example:\n  septran targets dsa_edge");
}

}  // namespace
}  // namespace septran::tools

// Only options that contradict each other would throw.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
  using namespace septran::tools;
  septran::runtime::limit_spinning();
  CLI::App app{"SepTran: compiles a kernel's logic file and mapping for a target.", "septran"};
  app.footer(
      "`septran COMMAND --help` shows a command's options.\n\n"
      "Example:\n  septran compile examples/gemm/gemm.py --mapping mappings/gemm/dsa_edge.yaml "
      "-D M=512 -D N=512 -D K=512 --emit asm");
  app.require_subcommand(1);
  app.set_version_flag("--version", version_text("septran"));
  Options options;
  std::string kind = "tile";
  std::string target;
  bool measure = false;
  add_compile_command(app, options, kind);
  add_check_command(app, options);
  add_run_command(app, options);
  add_explain_command(app, options, measure);
  add_targets_command(app, target);
  return run_command(app, argc, argv,
                     [&](septran::SourceManager& sources, septran::Diagnostics& diagnostics) {
                       if (app.got_subcommand("compile"))
                         return compile_command(options, kind, sources, diagnostics);
                       if (app.got_subcommand("run"))
                         return run_kernel(options, sources, diagnostics);
                       if (app.got_subcommand("check"))
                         return check_command(options, sources, diagnostics);
                       if (app.got_subcommand("explain"))
                         return explain_command(options, measure, sources, diagnostics);
                       return targets_command(target, sources, diagnostics);
                     });
}
