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

/// Lets threads of kernels that wait for each other sleep after some microseconds, where the
/// environment says nothing of that: by default they spin for milliseconds, and keep the threads
/// that they wait for from running where other programs want the processors. To be called at a
/// program's start: before other threads, and before a kernel brings the OpenMP runtime with it.
void limit_spinning();

}  // namespace septran::runtime
