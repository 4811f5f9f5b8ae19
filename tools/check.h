// `septran check`: one kernel, several mappings, one table.
#pragma once

#include "tools/compile.h"

namespace septran::tools {

/// Compiles and runs the kernel once a mapping, on the mapping's target, and prints a row for each
/// as soon as it is known. A mapping that fails does not keep the others from being tried. The
/// reference is computed once for all mappings that give it the same tunables. The exit code is the
/// largest of the rows'. --json is written if at least one mapping could be run.
int check_command(const Options& options, SourceManager& sources, Diagnostics& diagnostics);

}  // namespace septran::tools
