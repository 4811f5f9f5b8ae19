// septran-sim --workload: the layers of a network, one after the other.
#pragma once

#include "tools/compile.h"

namespace septran::tools {

/// Compiles and simulates each layer without values, equal ones once, prints a table with the
/// total, and writes the files that were asked for (--json, --csv, --html). A layer that fails does
/// not keep the others from being run. Gives the exit code.
int run_workload(const Options& options, SourceManager& sources, Diagnostics& diagnostics);

}  // namespace septran::tools
