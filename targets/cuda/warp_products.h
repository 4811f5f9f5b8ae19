// Products by the tensor cores, warp by warp (mma.sync): for GPUs without products of warpgroups,
// and for element types or tiles that these do not take.
#pragma once

#include "targets/cuda/emitter.h"

namespace septran::cuda {

/// Computes a product whose sums are spread as accumulator_layout says; it is complete behind.
void emit_warp_product(Emitter& emitter, const tile::Mma& mma, const TensorCoreProduct& product);

}  // namespace septran::cuda
