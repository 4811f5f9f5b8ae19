// Kernels on this machine's processor.
#pragma once

#include <memory>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/program.h"
#include "runtime/kernel.h"
#include "targets/machine.h"

namespace septran::runtime {

/// A tile program after all passes for a machine of family cpu, compiled and loaded. Reports
/// instruction sets that this processor lacks, and what keeps the kernel from being built.
Result<std::unique_ptr<Kernel>> load_native(const tile::Program& program, const Machine& machine,
                                            Diagnostics& diagnostics);

}  // namespace septran::runtime
