// Products of tiles.
#pragma once

#include "compiler/kernels/kernels.h"

namespace septran::kernels {

/// alpha * op(a) * op(b), plus `previous` if given; stored in `out`. Arithmetic in T: float, double
/// or int32. Shapes have been checked.
template <typename T>
void matrix(const Tile& out, const Tile* previous, const Tile& a, const Tile& b, bool transpose_a,
            bool transpose_b, double alpha);

}  // namespace septran::kernels
