// The inner loops over dense arrays, compiled once for any x86-64 and once for AVX2 with FMA; which
// one runs is decided once, by what the machine can do. What an elementwise function gives for a
// value does not depend on where in the array it stands, so tilings do not change results.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "compiler/base/dtype.h"

namespace septran::kernels {

enum class Unary {
  neg,
  exp,
  exp2,
  log,
  sqrt,
  rsqrt,
  recip,
  abs,
  relu,
  gelu,
  gelu_tanh,
  silu,
  tanh,
  sigmoid,
  erf
};
enum class Binary { add, sub, mul, div, max, min };
enum class Reduction { sum, max, min };

/// The primitives that these are, by name.
template <typename E>
using Named = std::pair<std::string_view, E>;
inline constexpr auto unaries = std::to_array<Named<Unary>>({
    {"neg", Unary::neg},
    {"exp", Unary::exp},
    {"exp2", Unary::exp2},
    {"log", Unary::log},
    {"sqrt", Unary::sqrt},
    {"rsqrt", Unary::rsqrt},
    {"recip", Unary::recip},
    {"abs", Unary::abs},
    {"relu", Unary::relu},
    {"gelu", Unary::gelu},
    {"silu", Unary::silu},
    {"tanh", Unary::tanh},
    {"sigmoid", Unary::sigmoid},
    {"erf", Unary::erf},
});
inline constexpr auto binaries = std::to_array<Named<Binary>>({
    {"add", Binary::add},
    {"sub", Binary::sub},
    {"mul", Binary::mul},
    {"div", Binary::div},
    {"max", Binary::max},
    {"min", Binary::min},
});
inline constexpr auto reductions = std::to_array<Named<Reduction>>({
    {"reduce_sum", Reduction::sum},
    {"reduce_max", Reduction::max},
    {"reduce_min", Reduction::min},
});

/// Inner loops in one arithmetic type; outputs may be one of the inputs unless said otherwise.
/// i32: sums, differences and products wrap at 32 bits; of `unary`, neg, abs and relu only.
template <typename T>
struct Functions {
  /// c (m x n) = op(a) * op(b), all dense and row-major, aligned to 64 bytes, c none of the others;
  /// a is m x k (k x m if transposed), b is k x n (n x k).
  void (*product)(const T* a, const T* b, T* c, std::int64_t m, std::int64_t n, std::int64_t k,
                  bool transpose_a, bool transpose_b);
  void (*unary)(Unary op, const T* x, T* y, std::int64_t n);
  void (*binary)(Binary op, const T* a, const T* b, T* y, std::int64_t n);
  void (*binary_scalar)(Binary op, const T* a, T b, T* y, std::int64_t n);
  void (*fma)(const T* a, const T* b, const T* c, T* y, std::int64_t n);
  void (*select)(const T* mask, const T* a, const T* b, T* y, std::int64_t n);
  void (*clamp)(const T* x, T low, T high, T* y, std::int64_t n);
  /// y[o, i] = reduction of x[o, :, i]; sums of f32 are made in f64. y is not x.
  void (*reduce)(Reduction op, const T* x, T* y, std::int64_t outer, std::int64_t axis,
                 std::int64_t inner);
};

struct Simd {
  const char* name;
  Functions<float> f32;
  Functions<double> f64;
  Functions<std::int32_t> i32;
  /// Conversions of dense arrays, to nearest even; integers saturate, NaN becomes the integer 0,
  /// and what is beyond f8e4m3, which has no infinity, becomes NaN.
  void (*decode_f32)(DType from, const std::byte* x, float* y, std::int64_t n);  // not f64, i32
  void (*encode_f32)(DType to, const float* x, std::byte* y, std::int64_t n);
  void (*encode_f64)(DType to, const double* x, std::byte* y, std::int64_t n);
};

const Simd& simd_base();
const Simd& simd_avx2();
/// The best that this machine can run.
const Simd& simd();

}  // namespace septran::kernels
