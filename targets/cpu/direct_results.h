// Products whose sums are only rounded and stored are stored by the product itself.
#pragma once

#include "compiler/tile/program.h"

namespace septran::cpu {

/// Where a product in f32 overwrites a tensor of the worker's own and the only other use of it is a
/// copy into rows of f16 or bf16 that nothing else touches meanwhile, the product writes there, and
/// the tensor and the copy go away: the sums are rounded once, from registers. Products that are
/// inner products (of `few_inner_products` rows or columns and fewer) stay as they are.
tile::Program with_direct_results(tile::Program program);

}  // namespace septran::cpu
