#include "tools/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <system_error>

#include "compiler/base/messages.h"
#include "runtime/backends/backends.h"

namespace septran::tools {
namespace {

/// "1000:5000"; nothing if it is none.
std::optional<report::Window> to_window(const std::string& text) {
  report::Window window;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, window.begin);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ':') return std::nullopt;
  const auto last = std::from_chars(first.ptr + 1, end, window.end);
  if (last.ec != std::errc() || last.ptr != end) return std::nullopt;
  if (window.begin < 0 || window.end <= window.begin) return std::nullopt;
  return window;
}

/// For CLI11: what is wrong with the text, or nothing.
std::string is_window(const std::string& text) {
  return to_window(text) ? "" : fmt::format("'{}' is no BEGIN:END in cycles, as 1000:5000", text);
}
std::string is_path(const std::string& text) {
  return text.empty() ? "the name of a file is empty" : "";
}
std::string is_count(const std::string& text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && at == end
             ? ""
             : fmt::format("'{}' is no 64-bit integer from 0 on", text);
}

}  // namespace

void add_logic_options(CLI::App& app, Options& options) {
  app.add_option("--mapping", options.mappings, "mapping file")
      ->type_name("FILE")
      ->check(is_path, "");
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
}

void add_pass_options(CLI::App& app, Options& options) {
  app.add_option("--print-after", options.print_after,
                 "print the tile program after a pass (or after `all`)")
      ->type_name("PASS")
      ->allow_extra_args(false);
  app.add_option("--stop-after", options.stop_after, "stop compiling after a pass")
      ->type_name("PASS");
}

void add_output_option(CLI::App& app, Options& options) {
  app.add_option("--out", options.outputs, "a result to a NumPy file")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false);
}

void add_execute_options(CLI::App& app, Options& options) {
  app.add_option("--seed", options.seed, "of random inputs")
      ->check(is_count, "")
      ->capture_default_str();
  app.add_option("--values", options.values, "random inputs: normal, uniform or integers")
      ->capture_default_str();
  app.add_flag("--no-check", options.no_check, "do not compute the reference");
  app.add_flag("--timing-only", options.timing_only,
               "simulate time without values (implies --no-check)");
  app.add_flag("--check-hazards", options.check_hazards,
               "check that engines' accesses are ordered, whatever their timing (default: off)");
  app.add_option("--json", options.json,
                 "write the report as JSON; the file -, of this and others, is the standard output")
      ->type_name("FILE")
      ->check(is_path, "");
}

void add_report_options(CLI::App& app, Options& options) {
  app.add_option("--html", options.html, "write the report as a page for the browser")
      ->type_name("FILE")
      ->check(is_path, "");
  app.add_option("--trace", options.trace, "write trace events for Perfetto or chrome://tracing")
      ->type_name("FILE")
      ->check(is_path, "");
  app.add_option("--vcd", options.vcd, "write the engines' states for a waveform viewer")
      ->type_name("FILE")
      ->check(is_path, "");
  app.add_option_function<std::string>(
         "--window", [&](const std::string& text) { options.window = to_window(text); },
         "cycles that trace and vcd hold (default: all)")
      ->check(is_window, "")
      ->type_name("BEGIN:END");
  app.add_option("--cycle-limit", options.cycle_limit,
                 "a run that is not finished after so many cycles is stopped; 0: never")
      ->check(is_count, "")
      ->capture_default_str();
  app.add_option("--compare", options.compare, "say what changed between two JSON reports")
      ->type_name("FILE")
      ->expected(2);
  app.add_option("--workload", options.workload,
                 "simulate the layers of a network (CSV or YAML), without values")
      ->type_name("FILE");
  app.add_option("--sweep", options.sweeps,
                 "simulate, without values, with a field of the target description changed; may be "
                 "repeated for every combination")
      ->type_name("FIELD=V1,V2")
      ->allow_extra_args(false);
  app.add_option("--csv", options.csv, "write the rows of a sweep or workload as CSV")
      ->type_name("FILE")
      ->check(is_path, "");
  app.add_option("--jobs", options.jobs,
                 "processes of a sweep or workload (default: one a processor)")
      ->check(CLI::Range(1, 4096), "");
}

std::string version_text(const char* program) {
  std::string text = fmt::format("{} {}\n", program, SEPTRAN_VERSION);
  for (const runtime::Backend& backend : runtime::backends()) {
    text += backend.load != nullptr
                ? fmt::format("  with {}\n", backend.name)
                : fmt::format("  without {}: built without {}\n", backend.name, backend.needs);
  }
  text += fmt::format("  targets: {}", fmt::join(shipped_machines(), ", "));
  return text;
}

namespace {

/// Whether the first word names a command; a word that does not is reported, with the nearest one.
bool check_command_name(const CLI::App& app, int argc, char** argv, Diagnostics& diagnostics) {
  const auto commands = app.get_subcommands(nullptr);
  if (commands.empty() || argc < 2 || argv[1][0] == '-') return true;
  std::vector<std::string> names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  if (std::find(names.begin(), names.end(), argv[1]) != names.end()) return true;
  const auto nearest = nearest_name(argv[1], names);
  diagnostics.report({}, messages::unknown_command, argv[1],
                     nearest ? fmt::format("did you mean '{}'?", *nearest)
                             : fmt::format("commands are {}", fmt::join(names, ", ")));
  return false;
}

/// Reports the words that the command line does not know, with the nearest option of the command.
void report_unknown_words(const CLI::App& app, Diagnostics& diagnostics) {
  const auto parsed = app.get_subcommands();
  const CLI::App& command = parsed.empty() ? app : *parsed.front();
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const std::string& word : app.remaining(true)) {
    const auto nearest = nearest_name(word.substr(0, word.find('=')), names);
    diagnostics.report(
        {}, messages::unknown_option, word,
        nearest ? fmt::format("did you mean '{}'?", *nearest) : "--help shows every option");
  }
}

void print(const Diagnostics& diagnostics, const SourceManager& sources) {
  std::fflush(stdout);
  const bool color = isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  fmt::print(stderr, "{}", render(diagnostics, sources, color));
}

/// The number of a closed stream would go to the next file that is opened, and with it the stream's
/// text.
void open_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) < 0) static_cast<void>(::open("/dev/null", O_RDWR));
  }
}

/// What a command ends with whose text cannot be printed, `error` being the system's number.
int not_printed(int error, Diagnostics& diagnostics) {
  const auto& all = diagnostics.all();
  const bool is_known = std::any_of(all.begin(), all.end(), [](const Diagnostic& one) {
    return one.code == messages::output_not_printed.code;
  });
  if (!is_known) {
    diagnostics.report({}, messages::output_not_printed, std::generic_category().message(error));
  }
  return exit_bad_input;
}

/// Runs the body; its exit code, or that of what it threw.
int guarded(const std::function<int(SourceManager&, Diagnostics&)>& body, SourceManager& sources,
            Diagnostics& diagnostics) {
  try {
    return body(sources, diagnostics);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr,
               "septran: error[out-of-memory]: this machine has not enough memory for it\n");
    return exit_bad_input;
  } catch (const std::system_error& error) {
    if (std::ferror(stdout) != 0) return not_printed(error.code().value(), diagnostics);
    bug(error.what(), __FILE__, __LINE__);
  } catch (const std::exception& error) {
    bug(error.what(), __FILE__, __LINE__);
  }
}

}  // namespace

int run_command(CLI::App& app, int argc, char** argv,
                const std::function<int(SourceManager&, Diagnostics&)>& body) {
  open_closed_streams();
  SourceManager sources;
  Diagnostics diagnostics;
  int code = exit_fine;
  bool runs = true;
  try {
    if (check_command_name(app, argc, argv, diagnostics)) app.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    report_unknown_words(app, diagnostics);
  } catch (const CLI::ParseError& error) {
    runs = error.get_exit_code() != 0;
    if (!runs) app.exit(error);  // --help, --version
    if (runs) diagnostics.report({}, messages::bad_option_value, error.what());
  }
  if (diagnostics.has_errors()) {
    code = exit_bad_input;
  } else if (runs) {
    code = guarded(body, sources, diagnostics);
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) code = not_printed(errno, diagnostics);
  print(diagnostics, sources);
  return code;
}

}  // namespace septran::tools
