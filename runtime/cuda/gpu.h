// Kernels on this machine's GPU.
#pragma once

#include <memory>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/program.h"
#include "runtime/kernel.h"
#include "targets/machine.h"

namespace septran::runtime {

/// A tile program after all passes for a machine of family cuda, compiled and loaded. Reports a
/// missing GPU, driver or compiler, and a GPU that the machine's code does not run on.
Result<std::unique_ptr<Kernel>> load_gpu(const tile::Program& program, const Machine& machine,
                                         Diagnostics& diagnostics);

}  // namespace septran::runtime
