#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include "compiler/kernels/arithmetic.h"
#include "compiler/kernels/call.h"
#include "compiler/kernels/interval.h"

namespace septran::kernels {
namespace {

constexpr double deviations = 8;  // lambda: fails once in 2^30 elements with sums of 2^13 terms

/// What the rounding errors of a sum of n terms are, over the sum of the terms' sizes.
double sum_error(std::int64_t n, const Roundoff& roundoff) {
  const auto terms = static_cast<double>(n);
  return std::min(terms, deviations * std::sqrt(terms)) * roundoff.unit;
}

/// The exponent of the largest power of 2 of which all numbers are multiples.
int grid(const Buffer<double>& x) {
  int lowest = std::numeric_limits<int>::max();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    if (x[i] == 0 || !std::isfinite(x[i])) continue;
    int exponent = 0;
    const double fraction = std::frexp(x[i], &exponent);
    const auto digits = static_cast<std::int64_t>(std::ldexp(fraction, 53));
    lowest = std::min(lowest, exponent - 53 + std::countr_zero(static_cast<std::uint64_t>(digits)));
  }
  return lowest;
}
int grid_of_products(int a, int b) {
  constexpr int none = std::numeric_limits<int>::max();
  return a == none || b == none ? none : a + b;
}
/// The size below which multiples of 2^exponent are numbers of the type.
double exact_below(int exponent, const Roundoff& roundoff) {
  constexpr int beyond = 2000;
  return std::ldexp(roundoff.type == DType::f32 ? 0x1p24 : 0x1p53, std::min(exponent, beyond));
}

/// What partial sums may come to, in whatever order: its positive terms alone add up to `up` at
/// most, the negative ones to `down`. Where either is beyond the type, it may end there, and where
/// both are, in an infinity less an infinity.
Interval with_overflow(Interval total, double up, double down, const Roundoff& roundoff) {
  const double most = roundoff.type == DType::f32
                          ? static_cast<double>(std::numeric_limits<float>::max())
                          : std::numeric_limits<double>::max();
  const bool upwards = up > most;
  const bool downwards = down > most;
  if (upwards && downwards) return anything;
  if (downwards) total.low = -std::numeric_limits<double>::infinity();
  if (upwards) total.high = std::numeric_limits<double>::infinity();
  return total;
}

/// Sums around `centre`: within `radius` because of their terms, which add up to `sizes` at most,
/// and within sum_error because of their roundings, unless sizes of `exact` do not round.
struct Around {
  const Buffer<double>& centre;
  const Buffer<double>* radius;
  const Buffer<double>& sizes;
  double sum_error = 0;
  double exact = 0;
};
Interval sum(const Around& around, std::int64_t i, const Interval* previous,
             const Roundoff& roundoff) {
  double off = around.radius == nullptr ? 0 : (*around.radius)[i];
  Interval total{around.centre[i], around.centre[i]};
  double size = around.sizes[i];
  if (previous != nullptr) {
    total = total + *previous;
    size += previous->magnitude();
  }
  if (!(size <= around.exact)) {
    off += around.sum_error * size + static_cast<double>(size != 0) * roundoff.smallest;
  }
  total = whole({total.low - off, total.high + off});
  if (roundoff.type == DType::i32) return total;  // wraps
  // A positive term, or one that may be, is at most half of its size and its upper end together.
  return with_overflow(total, size / 2 + total.high / 2, size / 2 - total.low / 2, roundoff);
}

Buffer<double> magnitudes(const Intervals& x) {
  Buffer<double> y(x.size());
  for (std::int64_t i = 0; i < x.size(); ++i) y[i] = x[i].magnitude();
  return y;
}

Buffer<double> midpoints(const Intervals& x) {
  Buffer<double> y(x.size());
  for (std::int64_t i = 0; i < x.size(); ++i) y[i] = x.low[i] / 2 + x.high[i] / 2;
  return y;
}
Buffer<double> radii(const Intervals& x, const Buffer<double>& middle) {
  Buffer<double> y(x.size());
  for (std::int64_t i = 0; i < x.size(); ++i) {
    y[i] = x[i].is_point() ? 0 : std::max(x.high[i] - middle[i], middle[i] - x.low[i]);
  }
  return y;
}

/// Integers that do not fit wrap, as they do in 32 bits.
Interval wrapped(Interval x, bool exact) {
  if (!x.is_point() || !exact) return Roundoff(DType::i32)(x);
  const double turns = std::floor((x.low + 0x1p31) / 0x1p32);
  return {x.low - turns * 0x1p32, x.low - turns * 0x1p32};
}

}  // namespace

Intervals enclose_product(const ProductShape& shape, const Intervals& a, const Intervals& b,
                          const Intervals* previous, const Roundoff& roundoff) {
  const auto product = [&](const Buffer<double>& left, const Buffer<double>& right) {
    Buffer<double> c(shape.m * shape.n);
    functions<double>().product(left.data(), right.data(), c.data(), shape.m, shape.n, shape.k,
                                shape.transpose_a, shape.transpose_b);
    return c;
  };
  const Buffer<double> middle_a = midpoints(a);
  const Buffer<double> middle_b = midpoints(b);
  const Buffer<double> size_a = magnitudes(a);
  const Buffer<double> size_b = magnitudes(b);
  const Buffer<double> centre = product(middle_a, middle_b);
  const Buffer<double> sizes = product(size_a, size_b);
  const bool exact_terms = a.are_points() && b.are_points();
  std::optional<Buffer<double>> radius;
  if (!exact_terms) {
    // |a b - a' b'| <= |a'| rad(b) + rad(a) |b|, and |a'| <= |a|.
    radius = product(size_a, radii(b, middle_b));
    const Buffer<double> more = product(radii(a, middle_a), size_b);
    for (std::int64_t i = 0; i < more.size(); ++i) (*radius)[i] += more[i];
  }
  int unit = grid_of_products(grid(middle_a), grid(middle_b));
  Around around{centre, radius ? &*radius : nullptr, sizes, 0, -1};
  const bool scaled = shape.alpha != 1.0;
  const bool joins = previous != nullptr && !scaled;
  if (joins && previous->are_points()) unit = std::min(unit, grid(previous->low));
  around.sum_error = sum_error(shape.k + (joins ? 1 : 0), roundoff);
  if (exact_terms && (!joins || previous->are_points())) around.exact = exact_below(unit, roundoff);
  const bool integers = roundoff.type == DType::i32;
  const double alpha = roundoff.type == DType::f32 ? number<float>(shape.alpha) : shape.alpha;
  Intervals c(centre.size());
  for (std::int64_t i = 0; i < c.size(); ++i) {
    Interval old = previous == nullptr ? Interval{} : (*previous)[i];
    Interval x = sum(around, i, joins ? &old : nullptr, roundoff);
    if (integers) x = wrapped(x, sizes[i] < 0x1p53);
    if (scaled) {
      x = x * Interval{alpha, alpha};
      if (integers) x = {round_to(DType::i32, x.low), round_to(DType::i32, x.high)};
      x = roundoff(x);
      if (previous != nullptr) x = roundoff(x + old);
    }
    c.set(i, x);
  }
  return c;
}

Intervals enclose_sums(const AlongAxis& shape, const Intervals& x, const Intervals* previous,
                       const Roundoff& roundoff) {
  const std::int64_t n = shape.outer * shape.inner;
  const auto along = [&](const Buffer<double>& terms) {
    Buffer<double> y(n);
    functions<double>().reduce(Reduction::sum, terms.data(), y.data(), shape.outer, shape.axis,
                               shape.inner);
    return y;
  };
  const Buffer<double> low = along(x.low);
  const Buffer<double> high = along(x.high);
  const Buffer<double> sizes = along(magnitudes(x));
  const bool exact_terms = x.are_points() && (previous == nullptr || previous->are_points());
  int unit = grid(x.low);
  if (previous != nullptr) unit = std::min(unit, grid(previous->low));
  const double error = sum_error(shape.axis + (previous == nullptr ? 0 : 1), roundoff);
  const double exact = exact_terms ? exact_below(unit, roundoff) : -1;
  Intervals y(n);
  for (std::int64_t i = 0; i < n; ++i) {
    const Interval old = previous == nullptr ? Interval{} : (*previous)[i];
    const Interval* added = previous == nullptr ? nullptr : &old;
    const Interval a = sum({low, nullptr, sizes, error, exact}, i, added, roundoff);
    const Interval b = sum({high, nullptr, sizes, error, exact}, i, added, roundoff);
    const Interval total = whole({a.low, b.high});
    y.set(i, roundoff.type == DType::i32 ? roundoff(total) : total);
  }
  return y;
}

}  // namespace septran::kernels
