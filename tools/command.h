// What the two programs' main functions share.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "tools/compile.h"

namespace septran::tools {

/// Adds the options of a logic file: -D, --dtype, --arg, --target, --mapping, --in.
void add_logic_options(CLI::App& app, Options& options);
/// Adds --print-after and --stop-after.
void add_pass_options(CLI::App& app, Options& options);
/// Adds the options of an execution: --seed, --values, --no-check, --timing-only, --json.
void add_execute_options(CLI::App& app, Options& options);
/// Adds what septran-sim can do beside one run, and the files that it can write.
void add_report_options(CLI::App& app, Options& options);
/// Adds --out.
void add_output_option(CLI::App& app, Options& options);

/// Text of --version: the version and what the build contains.
std::string version_text(const char* program);

/// Parses, runs, prints diagnostics on stderr; exit code as cli.md says. Exceptions end here.
int run_command(CLI::App& app, int argc, char** argv,
                const std::function<int(SourceManager&, Diagnostics&)>& body);

}  // namespace septran::tools
