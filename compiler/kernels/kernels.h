// What each primitive computes, in Eigen, on tiles of any element type in any memory. The golden
// meaning: the reference interpreter, the tile interpreter and the simulator all call this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "compiler/base/dtype.h"
#include "compiler/base/view.h"
#include "compiler/primitives/primitives.h"

namespace septran::kernels {

/// A tile with every number known: element (p0, p1, ...) is found by splitting start + p of each
/// dimension into digits (first digit unbounded and slowest), adding digit * stride_bytes to `data`
/// and digit * step to the coordinate of `axis`. Where an axis coordinate leaves 0 .. extent-1 the
/// element reads as zero and must not be written.
struct TileDigit {
  std::int64_t extent = 0;  // ignored for a dimension's first digit
  std::int64_t stride_bytes = 0;
  std::int32_t axis = -1;  // index into `axes`, or -1: no bounds
  std::int64_t step = 0;
};
struct TileDim {
  std::int64_t extent = 0;
  std::int64_t start = 0;
  std::vector<TileDigit> digits;
};
struct TileAxis {
  std::int64_t base = 0;
  std::int64_t extent = 0;
};
struct Tile {
  std::byte* data = nullptr;   // address of position 0 of every digit
  DType storage = DType::f32;  // how elements lie in memory
  DType logical = DType::f32;  // results are rounded to this type, then stored as `storage`
  std::vector<TileDim> dims;
  std::vector<TileAxis> axes;  // only for tiles that read zeros outside

  [[nodiscard]] std::int64_t elements() const;
};

/// A tile from a view whose expressions are all known. `strides_bytes[a]` and `extents[a]` are
/// those of the root's axes; `root` is the address of the root's element 0.
Tile make_tile(std::byte* root, DType storage, DType logical, const View& view,
               std::span<const std::int64_t> strides_bytes, std::span<const std::int64_t> extents,
               const std::function<std::int64_t(VarId)>& value);

using Argument = std::variant<std::monostate, Tile, double>;  // absent, tensor, scalar

/// Runs one primitive call; `attributes` has all defaults filled in and only constant integers.
/// Shapes have been checked. Arithmetic in arithmetic_type() of the inputs (f64 if any is f64);
/// the result is rounded once, when written. Output and inputs may be the same tile.
void run_primitive(const Primitive& primitive, std::span<const Argument> operands,
                   const Attributes& attributes);

/// acc = (accumulate ? acc : 0) + alpha * op(a) * op(b): one step of a split gemm. `acc` is stored
/// in the accumulator type (f32, i32, f64) and is not rounded to a narrower logical type. With
/// `factor_bits`, f32 values of a and b are rounded to mantissas of so many bits, ties to even.
void run_mma(const Tile& acc, const Tile& a, const Tile& b, bool transpose_a, bool transpose_b,
             bool accumulate, double alpha, int factor_bits = 0);

/// dst = src, element for element, converted; what a dma_copy does. Shapes are equal (dst's
/// dimensions may be permuted by its view).
void run_copy(const Tile& dst, const Tile& src);

}  // namespace septran::kernels
