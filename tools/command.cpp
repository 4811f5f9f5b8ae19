#include "tools/command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <new>

namespace septran::tools {

void add_compile_options(CLI::App& app, Options& options) {
  app.add_option("--mapping", options.mappings, "mapping file")->type_name("FILE");
  app.add_option("-D", options.definitions, "a dimension or scalar parameter of the entry task")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  app.add_option("--dtype", options.dtypes,
                 "element type of parameters whose annotation leaves it open, or of one of them "
                 "(default f32)")
      ->type_name("[NAME=]TYPE")
      ->allow_extra_args(false);
  app.add_option("--arg", options.arguments,
                 "element type and shape of a parameter without annotation")
      ->type_name("NAME=TYPE[SHAPE]")
      ->allow_extra_args(false);
  app.add_option("--target", options.target, "target description, instead of the mapping's")
      ->type_name("NAME|FILE");
  app.add_option("--in", options.inputs, "a tensor from a NumPy file (default: random)")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false);
  app.add_option("--print-after", options.print_after,
                 "print the tile program after a pass (or after `all`)")
      ->type_name("PASS")
      ->allow_extra_args(false);
  app.add_option("--stop-after", options.stop_after, "stop compiling after a pass")
      ->type_name("PASS");
}

void add_execute_options(CLI::App& app, Options& options) {
  app.add_option("--out", options.outputs, "a result to a NumPy file")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false);
  app.add_option("--seed", options.seed, "of random inputs")->capture_default_str();
  app.add_option("--values", options.values, "random inputs: normal, uniform or integers")
      ->capture_default_str();
  app.add_flag("--no-check", options.no_check, "do not compute the reference");
  app.add_flag("--timing-only", options.timing_only,
               "simulate time without values (implies --no-check)");
  app.add_option("--json", options.json, "write the report as JSON")->type_name("FILE");
}

std::string version_text(const char* program) {
#ifdef SEPTRAN_HAS_SIMULATOR
  const char* contents = "accelerator simulator (SystemC)";
#else
  const char* contents = "no accelerator simulator";
#endif
  return fmt::format("{} {} with {}", program, SEPTRAN_VERSION, contents);
}

int run_command(CLI::App& app, int argc, char** argv,
                const std::function<int(SourceManager&, Diagnostics&)>& body) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_fine : exit_bad_input;
  }
  SourceManager sources;
  Diagnostics diagnostics;
  int code = exit_bug;
  try {
    code = body(sources, diagnostics);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr,
               "septran: error[out-of-memory]: this machine has not enough memory for it\n");
    code = exit_bad_input;
  } catch (const std::exception& error) {
    bug(error.what(), __FILE__, __LINE__);
  }
  std::fflush(stdout);
  const bool color = isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  fmt::print(stderr, "{}", render(diagnostics, sources, color));
  return code;
}

}  // namespace septran::tools
