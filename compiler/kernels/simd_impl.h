// The inner loops themselves; included by one file for each instruction set, which names the
// namespace (SEPTRAN_SIMD_NAME) and the function that returns the table (SEPTRAN_SIMD_FUNCTION).
#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "compiler/base/diagnostic.h"
#include "compiler/kernels/simd.h"
#include "compiler/kernels/simd_convert.h"

namespace septran::kernels {
namespace SEPTRAN_SIMD_NAME {
namespace {

using std::int32_t;
using std::int64_t;

constexpr int64_t block = 64;
template <typename T>
using Block = Eigen::Array<T, static_cast<int>(block), 1>;

/// f over whole blocks, the last one padded, so that every element takes the same path.
template <typename T, typename F>
void by_blocks(const T* x, T* y, int64_t n, F f) {
  for (int64_t i = 0; i < n; i += block) {
    const auto bytes = static_cast<std::size_t>(std::min(block, n - i)) * sizeof(T);
    Block<T> in = Block<T>::Zero();
    std::memcpy(in.data(), x + i, bytes);
    const Block<T> out = f(in);
    std::memcpy(y + i, out.data(), bytes);
  }
}

template <typename T, typename F>
void each(const T* x, T* y, int64_t n, F f) {
  for (int64_t i = 0; i < n; ++i) y[i] = f(x[i]);
}

/// e^x. Eigen's clamps its argument, so what overflows and underflows is put right here.
Block<float> exp_block(const Block<float>& x) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  Block<float> y = x.exp();
  y = (x > 88.72283f).select(inf, y);
  y = (x < -87.33654f).select(0.0f, y);
  return (x == x).select(y, x);
}
Block<double> exp_block(const Block<double>& x) {
  return x.unaryExpr([](double v) { return std::exp(v); });
}
Block<float> tanh_block(const Block<float>& x) { return (x == x).select(x.tanh(), x); }
Block<double> tanh_block(const Block<double>& x) {
  return x.unaryExpr([](double v) { return std::tanh(v); });
}

template <typename T>
void gelu_tanh(const T* x, T* y, int64_t n) {
  const T root = static_cast<T>(0.79788456080286535588);  // sqrt(2 / pi)
  const T cubic = static_cast<T>(0.044715);
  by_blocks<T>(x, y, n, [=](const Block<T>& v) -> Block<T> {
    const Block<T> argument = root * (v + cubic * v * v * v);
    return static_cast<T>(0.5) * v * (static_cast<T>(1) + tanh_block(argument));
  });
}

template <typename T>
void unary_float(Unary op, const T* x, T* y, int64_t n) {
  const T one = 1;
  switch (op) {
    case Unary::neg:
      return each(x, y, n, [](T v) { return -v; });
    case Unary::abs:
      return each(x, y, n, [](T v) { return std::abs(v); });
    case Unary::relu:
      return each(x, y, n, [](T v) { return v < 0 ? T(0) : v; });
    case Unary::exp:
      return by_blocks<T>(x, y, n, [](const Block<T>& v) { return exp_block(v); });
    case Unary::exp2:
      return each(x, y, n, [](T v) { return std::exp2(v); });
    case Unary::log:
      return each(x, y, n, [](T v) { return std::log(v); });
    case Unary::sqrt:
      return each(x, y, n, [](T v) { return std::sqrt(v); });
    case Unary::rsqrt:
      return each(x, y, n, [=](T v) { return one / std::sqrt(v); });
    case Unary::recip:
      return each(x, y, n, [=](T v) { return one / v; });
    case Unary::gelu:
      return each(x, y, n, [=](T v) {
        return static_cast<T>(0.5) * v *
               (one + std::erf(v * static_cast<T>(0.70710678118654752440)));
      });
    case Unary::gelu_tanh:
      return gelu_tanh(x, y, n);
    case Unary::silu:
      return by_blocks<T>(x, y, n, [](const Block<T>& v) -> Block<T> {
        return v / (T(1) + exp_block(Block<T>(-v)));
      });
    case Unary::sigmoid:
      return by_blocks<T>(x, y, n, [](const Block<T>& v) -> Block<T> {
        return T(1) / (T(1) + exp_block(Block<T>(-v)));
      });
    case Unary::tanh:
      return by_blocks<T>(x, y, n, [](const Block<T>& v) { return tanh_block(v); });
    case Unary::erf:
      return each(x, y, n, [](T v) { return std::erf(v); });
  }
}

int32_t wrap(std::uint32_t value) { return static_cast<int32_t>(value); }
std::uint32_t bits(int32_t value) { return static_cast<std::uint32_t>(value); }

void unary_i32(Unary op, const int32_t* x, int32_t* y, int64_t n) {
  switch (op) {
    case Unary::neg:
      return each(x, y, n, [](int32_t v) { return wrap(0u - bits(v)); });
    case Unary::abs:
      return each(x, y, n, [](int32_t v) { return v < 0 ? wrap(0u - bits(v)) : v; });
    case Unary::relu:
      return each(x, y, n, [](int32_t v) { return std::max(v, 0); });
    default:
      SEPTRAN_BUG("not an integer function");
  }
}

struct Add {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) return wrap(bits(a) + bits(b));
    return a + b;
  }
};
struct Sub {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) return wrap(bits(a) - bits(b));
    return a - b;
  }
};
struct Mul {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) return wrap(bits(a) * bits(b));
    return a * b;
  }
};
struct Div {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) return 0;
      return b == -1 ? wrap(0u - bits(a)) : a / b;
    }
    return a / b;
  }
};
struct Max {
  template <typename T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : b;  // NaN if either is
  }
};
struct Min {
  template <typename T>
  T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

template <typename F>
void with_binary(Binary op, F f) {
  switch (op) {
    case Binary::add:
      return f(Add());
    case Binary::sub:
      return f(Sub());
    case Binary::mul:
      return f(Mul());
    case Binary::div:
      return f(Div());
    case Binary::max:
      return f(Max());
    case Binary::min:
      return f(Min());
  }
}

template <typename T>
void binary(Binary op, const T* a, const T* b, T* y, int64_t n) {
  with_binary(op, [=](auto f) {
    for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
  });
}

template <typename T>
void binary_scalar(Binary op, const T* a, T b, T* y, int64_t n) {
  with_binary(op, [=](auto f) {
    for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], b);
  });
}

template <typename T>
void fma(const T* a, const T* b, const T* c, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = Add()(Mul()(a[i], b[i]), c[i]);
}

template <typename T>
void select(const T* mask, const T* a, const T* b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = mask[i] != 0 ? a[i] : b[i];
}

template <typename T>
void clamp(const T* x, T low, T high, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T v = x[i] < low ? low : x[i];  // NaN passes both comparisons
    y[i] = v > high ? high : v;
  }
}

constexpr int64_t lanes = 8;  // running values side by side, to break the chain of dependences

/// y = the reduction of `axis` neighbours; S is the type of the running value.
template <typename S, typename T, typename F>
void reduce_row(F f, const T* x, T* y, int64_t axis) {
  const int64_t width = std::min(lanes, axis);
  S running[lanes] = {};
  for (int64_t l = 0; l < width; ++l) running[l] = static_cast<S>(x[l]);
  int64_t a = width;
  for (; a + lanes <= axis; a += lanes) {
    for (int64_t l = 0; l < lanes; ++l) running[l] = f(running[l], static_cast<S>(x[a + l]));
  }
  for (int64_t l = 0; a < axis; ++a, ++l) running[l] = f(running[l], static_cast<S>(x[a]));
  for (int64_t l = 1; l < width; ++l) running[0] = f(running[0], running[l]);
  *y = static_cast<T>(running[0]);
}

/// y[i] = the reduction of x[:, i], for i below `inner`; a lane for each column.
template <typename S, typename T, typename F>
void reduce_columns(F f, const T* x, T* y, int64_t axis, int64_t inner) {
  for (int64_t i = 0; i < inner; i += lanes) {
    const int64_t width = std::min(lanes, inner - i);
    S running[lanes] = {};
    for (int64_t l = 0; l < width; ++l) running[l] = static_cast<S>(x[i + l]);
    for (int64_t a = 1; a < axis; ++a) {
      const T* row = x + a * inner + i;
      for (int64_t l = 0; l < width; ++l) running[l] = f(running[l], static_cast<S>(row[l]));
    }
    for (int64_t l = 0; l < width; ++l) y[i + l] = static_cast<T>(running[l]);
  }
}

template <typename S, typename T, typename F>
void reduce_with(F f, const T* x, T* y, int64_t outer, int64_t axis, int64_t inner) {
  for (int64_t o = 0; o < outer; ++o) {
    const T* from = x + o * axis * inner;
    T* to = y + o * inner;
    inner == 1 ? reduce_row<S>(f, from, to, axis) : reduce_columns<S>(f, from, to, axis, inner);
  }
}

template <typename T>
void reduce(Reduction op, const T* x, T* y, int64_t outer, int64_t axis, int64_t inner) {
  using Sum = std::conditional_t<std::is_same_v<T, float>, double, T>;
  switch (op) {
    case Reduction::sum:
      return reduce_with<Sum>(Add(), x, y, outer, axis, inner);
    case Reduction::max:
      return reduce_with<T>(Max(), x, y, outer, axis, inner);
    case Reduction::min:
      return reduce_with<T>(Min(), x, y, outer, axis, inner);
  }
}

template <typename T>
void product_float(const T* a, const T* b, T* c, int64_t m, int64_t n, int64_t k, bool transpose_a,
                   bool transpose_b) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Input = Eigen::Map<const Matrix, Eigen::Aligned64>;
  const Input in_a(a, transpose_a ? k : m, transpose_a ? m : k);
  const Input in_b(b, transpose_b ? n : k, transpose_b ? k : n);
  Eigen::Map<Matrix, Eigen::Aligned64> out(c, m, n);
  if (transpose_a && transpose_b) {
    out.noalias() = in_a.transpose() * in_b.transpose();
  } else if (transpose_a) {
    out.noalias() = in_a.transpose() * in_b;
  } else if (transpose_b) {
    out.noalias() = in_a * in_b.transpose();
  } else {
    out.noalias() = in_a * in_b;
  }
}

void product_i32(const int32_t* a, const int32_t* b, int32_t* c, int64_t m, int64_t n, int64_t k,
                 bool transpose_a, bool transpose_b) {
  std::fill(c, c + m * n, 0);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t p = 0; p < k; ++p) {
      const int32_t left = transpose_a ? a[p * m + i] : a[i * k + p];
      const int32_t* right = transpose_b ? b + p : b + p * n;
      const int64_t step = transpose_b ? k : 1;
      int32_t* row = c + i * n;
      for (int64_t j = 0; j < n; ++j) row[j] = Add()(row[j], Mul()(left, right[j * step]));
    }
  }
}

constexpr Simd table = {
    .name = Eigen::internal::packet_traits<float>::size >= 8 ? "avx2" : "base",
    .f32 = {product_float<float>, unary_float<float>, binary<float>, binary_scalar<float>,
            fma<float>, select<float>, clamp<float>, reduce<float>},
    .f64 = {product_float<double>, unary_float<double>, binary<double>, binary_scalar<double>,
            fma<double>, select<double>, clamp<double>, reduce<double>},
    .i32 = {product_i32, unary_i32, binary<int32_t>, binary_scalar<int32_t>, fma<int32_t>,
            select<int32_t>, clamp<int32_t>, reduce<int32_t>},
    .decode_f32 = decode_f32,
    .encode_f32 = encode_f32,
    .encode_f64 = encode_f64,
};

}  // namespace
}  // namespace SEPTRAN_SIMD_NAME

const Simd& SEPTRAN_SIMD_FUNCTION() { return SEPTRAN_SIMD_NAME::table; }

}  // namespace septran::kernels
