// Intervals of f64, and dense arrays of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "compiler/kernels/call.h"
#include "compiler/kernels/simd.h"
#include "compiler/kernels/tile_access.h"

namespace septran::kernels {

/// All numbers from low to high. Both NaN: anything, NaN included.
struct Interval {
  double low = 0;
  double high = 0;
  [[nodiscard]] bool is_point() const { return low == high; }
  [[nodiscard]] bool holds_zero() const { return low <= 0 && high >= 0; }
  [[nodiscard]] double magnitude() const { return std::max(std::fabs(low), std::fabs(high)); }
};
inline constexpr Interval anything{std::numeric_limits<double>::quiet_NaN(),
                                   std::numeric_limits<double>::quiet_NaN()};

/// Anything if either end is NaN.
inline Interval whole(Interval x) { return std::isnan(x.low) || std::isnan(x.high) ? anything : x; }
inline Interval hull(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? anything : Interval{std::min(a, b), std::max(a, b)};
}
inline Interval hull(Interval a, Interval b) {
  return whole({hull(a.low, b.low).low, hull(a.high, b.high).high});
}
/// x and all within `relative` of its ends, and `absolute`.
inline Interval widened(Interval x, double relative, double absolute) {
  if (std::isfinite(x.low)) x.low -= std::fabs(x.low) * relative + absolute;
  if (std::isfinite(x.high)) x.high += std::fabs(x.high) * relative + absolute;
  return whole(x);
}

inline Interval operator+(Interval a, Interval b) {
  return whole({a.low + b.low, a.high + b.high});
}
inline Interval operator-(Interval a, Interval b) {
  return whole({a.low - b.high, a.high - b.low});
}
inline Interval operator*(Interval a, Interval b) {
  return hull(hull(a.low * b.low, a.high * b.high), hull(a.low * b.high, a.high * b.low));
}
inline Interval operator/(Interval a, Interval b) {
  if (b.holds_zero() && (!b.is_point() || (a.holds_zero() && !a.is_point()))) return anything;
  return hull(hull(a.low / b.low, a.high / b.high), hull(a.low / b.high, a.high / b.low));
}

/// Unit roundoff and half the smallest positive number of a type of arithmetic; zero for i32.
struct Roundoff {
  explicit Roundoff(DType arithmetic) : type(arithmetic) {
    if (type == DType::f32) {
      unit = 0x1p-24;
      smallest = 0x1p-150;
    } else if (type == DType::f64) {
      unit = 0x1p-52;  // twice: the ends are themselves computed in f64
      smallest = 0x1p-1074;
    }
  }
  /// Whether a result that comes out as x in f64 is exact in the type.
  [[nodiscard]] bool is_exact(double x) const {
    if (type == DType::f32) return static_cast<double>(static_cast<float>(x)) == x;
    return std::nearbyint(x) == x && std::fabs(x) <= 0x1p53;
  }
  /// x after at most one rounding. Integers wrap.
  [[nodiscard]] Interval operator()(Interval x) const {
    if (type == DType::i32) {
      const bool fits = x.low >= -0x1p31 && x.high < 0x1p31;
      return fits ? x : Interval{-0x1p31, 0x1p31 - 1};
    }
    return x.is_point() && is_exact(x.low) ? x : widened(x, unit, smallest);
  }

  DType type;
  double unit = 0;
  double smallest = 0;
};

struct Intervals {
  explicit Intervals(std::int64_t n) : low(n), high(n) {}
  Intervals(Buffer<double> low_ends, Buffer<double> high_ends)
      : low(std::move(low_ends)), high(std::move(high_ends)) {}
  [[nodiscard]] std::int64_t size() const { return low.size(); }
  [[nodiscard]] Interval operator[](std::int64_t i) const { return {low[i], high[i]}; }
  void set(std::int64_t i, Interval x) const {
    low[i] = x.low;
    high[i] = x.high;
  }
  [[nodiscard]] bool are_points() const {
    return std::equal(low.data(), low.data() + size(), high.data());
  }

  Buffer<double> low;
  Buffer<double> high;
};

/// f of every element, in place.
template <typename F>
Intervals mapped(Intervals x, F f) {
  for (std::int64_t i = 0; i < x.size(); ++i) x.set(i, f(x[i]));
  return x;
}
template <typename F>
Intervals mapped(Intervals x, const Intervals& y, F f) {
  for (std::int64_t i = 0; i < x.size(); ++i) x.set(i, f(x[i], y[i]));
  return x;
}

/// Function `op` of x, for arithmetic of that roundoff, within its bound of error.
Interval enclose_unary(Unary op, Interval x, const ErrorBound& bound, const Roundoff& roundoff);

/// alpha * op(a) * op(b), m x n, plus `previous` if there is one; see Functions::product.
struct ProductShape {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  bool transpose_a = false;
  bool transpose_b = false;
  double alpha = 1;
};
Intervals enclose_product(const ProductShape& shape, const Intervals& a, const Intervals& b,
                          const Intervals* previous, const Roundoff& roundoff);

/// Sums along the axis, plus `previous` if there is one.
Intervals enclose_sums(const AlongAxis& shape, const Intervals& x, const Intervals* previous,
                       const Roundoff& roundoff);

}  // namespace septran::kernels
