// Which tiles live in registers, and how groups of them are spread over a block's threads.
#pragma once

#include "targets/cuda/plan.h"

namespace septran::cuda {

/// Decides the place of every REGISTER buffer of a kernel, and its groups and number of threads.
/// Products that the tensor cores could compute (by element types, places and extents) are in
/// `eligible`; those whose tiles cannot be spread as they need are moved to plan.plain.
void place_register_tiles(const tile::Program& program, const Machine& machine, KernelPlan& kernel,
                          Plan& plan);

}  // namespace septran::cuda
