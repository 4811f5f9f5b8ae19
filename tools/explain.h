// `septran explain`: why a compiled program is as it is.
#pragma once

#include "tools/compile.h"

namespace septran::tools {

/// Compiles and prints the explanation; with `measure`, proposals are simulated (without values) on
/// the target's backend. --json gets the same as JSON.
int explain_command(const Options& options, bool measure, SourceManager& sources,
                    Diagnostics& diagnostics);

}  // namespace septran::tools
