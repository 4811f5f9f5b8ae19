// The tile program as CUDA C++.
#pragma once

#include "compiler/base/diagnostic.h"
#include "compiler/tile/program.h"
#include "targets/cuda/source.h"
#include "targets/machine.h"

namespace septran::cuda {

/// A tile program after all passes for a machine of family cuda. Refuses tiles that take more
/// registers than threads have.
Result<Source> lower_to_cuda(const tile::Program& program, const Machine& machine,
                             Diagnostics& diagnostics);

}  // namespace septran::cuda
