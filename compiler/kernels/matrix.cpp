#include "compiler/kernels/matrix.h"

#include <algorithm>

#include "compiler/kernels/arithmetic.h"
#include "compiler/primitives/call_type.h"

namespace septran::kernels {
namespace {

/// a * b of the tiles' values in T, `m x n`. i8 goes through f32 in blocks short enough to be
/// exact.
template <typename T>
Buffer<T> product(const Tile& a, const Tile& b, bool transpose_a, bool transpose_b) {
  const std::int64_t m = a.dims[transpose_a ? 1 : 0].extent;
  const std::int64_t k = a.dims[transpose_a ? 0 : 1].extent;
  const std::int64_t n = b.dims[transpose_b ? 0 : 1].extent;
  Buffer<T> c(m * n);
  if constexpr (std::is_same_v<T, std::int32_t>) {
    constexpr std::int64_t exact_depth = 1024;  // 2^24 / (128 * 128)
    if (a.storage == DType::i8 && b.storage == DType::i8) {
      std::fill(c.data(), c.data() + c.size(), 0);
      for (std::int64_t p = 0; p < k; p += exact_depth) {
        Tile part_a = a;
        Tile part_b = b;
        for (TileDim* dim :
             {&part_a.dims[transpose_a ? 0 : 1], &part_b.dims[transpose_b ? 1 : 0]}) {
          dim->start += p;
          dim->extent = std::min(exact_depth, k - p);
        }
        const Buffer<float> part = product<float>(part_a, part_b, transpose_a, transpose_b);
        const Buffer<T> whole(part.size());
        convert(DType::f32, reinterpret_cast<const std::byte*>(part.data()), DType::i32,
                reinterpret_cast<std::byte*>(whole.data()), part.size());
        functions<T>().binary(Binary::add, c.data(), whole.data(), c.data(), c.size());
      }
      return c;
    }
  }
  const Buffer<T> left = gather<T>(a);
  const Buffer<T> right = gather<T>(b);
  functions<T>().product(left.data(), right.data(), c.data(), m, n, k, transpose_a, transpose_b);
  return c;
}

}  // namespace

template <typename T>
void matrix(const Tile& out, const Tile* previous, const Tile& a, const Tile& b, bool transpose_a,
            bool transpose_b, double alpha) {
  const Buffer<T> c = product<T>(a, b, transpose_a, transpose_b);
  if (alpha != 1.0 && (!std::is_same_v<T, std::int32_t> || is_whole(alpha))) {
    functions<T>().binary_scalar(Binary::mul, c.data(), number<T>(alpha), c.data(), c.size());
  } else if (alpha != 1.0) {
    for (std::int64_t i = 0; i < c.size(); ++i) {
      c[i] = number<T>(alpha * static_cast<double>(c[i]));
    }
  }
  if (previous != nullptr) {
    const Buffer<T> old = gather<T>(*previous);
    functions<T>().binary(Binary::add, old.data(), c.data(), c.data(), c.size());
  }
  scatter(out, c);
}

template void matrix<float>(const Tile&, const Tile*, const Tile&, const Tile&, bool, bool, double);
template void matrix<double>(const Tile&, const Tile*, const Tile&, const Tile&, bool, bool,
                             double);
template void matrix<std::int32_t>(const Tile&, const Tile*, const Tile&, const Tile&, bool, bool,
                                   double);

}  // namespace septran::kernels
