// Runs a compiled program on the simulated accelerator, checks it and reports.
#pragma once

#include "targets/dsa/program.h"
#include "tools/compile.h"

namespace septran::tools {

/// A program on its machine, and the logic it came from, if that is known.
struct Job {
  const dsa::Program& program;
  const Machine& machine;
  const Compiled* compiled = nullptr;  // for the reference; null for a program file
};

/// Simulates, compares with the reference, prints the report and writes the files that were asked
/// for. Gives the exit code.
int execute(const Job& job, const Options& options, const Request& request,
            Diagnostics& diagnostics);

}  // namespace septran::tools
