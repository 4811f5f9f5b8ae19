// What a primitive may compute, on any right machine: bounds of every element, not one value.
//
// A call takes for each operand two tiles, the low and the high ends of its elements, and writes
// those of the output. They hold whatever the language leaves to a backend: the order of sums,
// roundings of f32 and wider left out or added (contracted multiply-adds), functions within the
// error bounds of the table of primitives. Values of narrower types are rounded exactly where a
// primitive writes them, so the ends are too. An end that is NaN says nothing about its element.
//
// Elementwise this is interval arithmetic. Sums of n terms x are off by at most
// min(n, 8 sqrt(n)) u sum |x| for a unit roundoff u: n u is the bound for any order (N. J. Higham,
// Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1 and 4.2; his running error analysis,
// 3.3, is what is done here for all primitives), and rounding errors of mean zero stay below
// lambda sqrt(n) u with probability 1 - 2 n exp(-lambda^2 / 2) (N. J. Higham and T. Mary, A new
// approach to probabilistic rounding error analysis, SIAM J. Sci. Comput. 41(5), 2019). Products of
// matrices of intervals are made from midpoints and radii (S. M. Rump, Fast and parallel interval
// arithmetic, BIT 39(3), 1999). Sums that surely do not round, as of small integers, have no error;
// those whose positive or negative terms overflow by themselves may be infinite, or both NaN.
#pragma once

#include <span>
#include <variant>

#include "compiler/base/dtype.h"
#include "compiler/kernels/kernels.h"
#include "compiler/primitives/primitives.h"

namespace septran::kernels {

/// A tensor's elements of type `logical`, each between an element of `low` and one of `high`; both
/// are stored as f64.
struct EnclosedTile {
  Tile low;
  Tile high;
  DType logical = DType::f32;
};
using EnclosedArgument = std::variant<std::monostate, EnclosedTile, double>;

/// Bounds of what one primitive call may write; operands and attributes as run_primitive takes
/// them. Output and inputs may be the same tiles.
void enclose_primitive(const Primitive& primitive, std::span<const EnclosedArgument> operands,
                       const Attributes& attributes);

}  // namespace septran::kernels
