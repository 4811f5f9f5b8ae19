// `septran run`: compile for the mapping's target, execute there, check, time.
#pragma once

#include "tools/compile.h"

namespace septran::tools {

/// Compiles, runs once on the inputs and compares with the reference, then runs as often as it
/// takes for a steady median (or --repetitions times) and prints the report. Gives the exit code.
int run_kernel(const Options& options, SourceManager& sources, Diagnostics& diagnostics);

}  // namespace septran::tools
