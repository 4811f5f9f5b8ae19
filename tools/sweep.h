// septran-sim --sweep: one kernel on many machines.
#pragma once

#include "tools/compile.h"

namespace septran::tools {

/// Compiles and simulates without values for each combination of the fields' values, prints a table
/// and writes the files that were asked for (--json, --csv, --html). Finished points are kept in
/// `FILE.partial` beside the first of these until all are done, and not run again by the same call.
/// A point that fails does not keep the others from being run. Gives the exit code.
int run_sweep(const Options& options, SourceManager& sources, Diagnostics& diagnostics);

}  // namespace septran::tools
