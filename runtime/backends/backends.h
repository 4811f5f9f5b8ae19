// The backends of this build: from a tile program to a kernel that runs (runtime/kernel.h).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/program.h"
#include "runtime/kernel.h"
#include "targets/dsa/program.h"
#include "targets/machine.h"

namespace septran::runtime {

using LoadKernel = Result<std::unique_ptr<Kernel>> (*)(const tile::Program& program,
                                                       const Machine& machine,
                                                       Diagnostics& diagnostics);

/// What runs the kernels of a family of targets. To add a backend: a file in this folder with its
/// Kernel, and a row in the table.
struct Backend {
  MachineFamily family;
  const char* name;        // as `--version` and messages say it
  LoadKernel load;         // null where this build lacks it
  const char* needs = "";  // what a build without it is missing
};

/// One row a family, those that this build lacks included.
std::span<const Backend> backends();
const Backend* find_backend(MachineFamily family);

/// A tile program after all passes, on the simulated accelerator. Only in builds with SystemC.
Result<std::unique_ptr<Kernel>> load_simulated(const tile::Program& program, const Machine& machine,
                                               Diagnostics& diagnostics);

/// The global buffers of a program, in order: tensor parameters, then workspace, which is neither
/// input nor output.
std::vector<KernelTensor> kernel_tensors(const dsa::Program& program);

}  // namespace septran::runtime
