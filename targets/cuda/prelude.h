// What generated CUDA C++ begins with: element types, conversions, the functions of the primitives,
// and the few instructions that it names itself. No headers, so that NVRTC compiles quickly.
#pragma once

#include <string_view>

namespace septran::cuda {

/// Text up to the kernels; everything stands in a namespace that stays open.
extern const std::string_view prelude;

/// Products of warps (sm_80).
extern const std::string_view warp_prelude;

/// Barriers in shared memory, bulk copies and products of warpgroups (sm_90a).
extern const std::string_view hopper_prelude;

/// Clusters of blocks, and tiles that leave by the copy engine (sm_90a; behind hopper_prelude).
extern const std::string_view cluster_prelude;
extern const std::string_view store_prelude;

/// Tensors copied to rows that the copy engine and the tensor cores can take.
extern const std::string_view arrange_prelude;

}  // namespace septran::cuda
