// Which products the tensor cores can compute.
#pragma once

#include <string>

#include "targets/cuda/plan.h"

namespace septran::cuda {

/// What the tensor cores need of a product's tiles, apart from how register tiles are spread.
/// Gives why they cannot compute it; empty if they can, and `product` is filled.
std::string why_not_tensor_cores(const tile::Program& program, const Machine& machine,
                                 const tile::Mma& mma, TensorCoreProduct& product);

/// Whether a product's factors are f32 that may be rounded to tf32.
bool by_tf32(const tile::Program& program, const tile::Mma& mma);

/// Columns up to which a swizzled tile's rows are filled, with zeros behind their end: whole steps
/// of the instructions that take k along rows.
std::int64_t padded_columns(const tile::Tensor& tensor);

/// Rows that a swizzled tile takes for `extent` rows: whole periods of the swizzle.
std::int64_t swizzled_rows(std::int64_t extent);

}  // namespace septran::cuda
