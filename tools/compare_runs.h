// septran-sim --compare: what changed between two reports.
#pragma once

#include "tools/compile.h"

namespace septran::tools {

/// Reads the two files and prints the comparison. Gives the exit code.
int compare_reports(const Options& options, SourceManager& sources, Diagnostics& diagnostics);

}  // namespace septran::tools
