#include "runtime/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/base/messages.h"

// Where the tolerances come from. Let u(T) be the unit roundoff of type T (half the distance from 1
// to the next number): 2^-11 for f16, 2^-8 for bf16, 2^-24 for f32. Reference and backend do the
// same arithmetic and round at the same places, once where a primitive writes; they differ by:
//
// - The order of additions (and contracted multiply-adds), in the arithmetic type. A sum of n
//   terms of size s that adds them one by one has partial sums of sqrt(k) s, each rounded by about
//   u sqrt(k) s: in all u s n / sqrt(2), against a result of sqrt(n) s. So each side is off by
//   sqrt(n / 2) u of the result's typical size, and the two differ by sqrt(n) u. (With terms of one
//   sign it is sqrt(2 n / 3) u.) What cancelled is not seen in a single element, hence "typical
//   size": the element or the tensor's root mean square, whichever is larger. That is a standard
//   deviation; the farthest of a billion elements lies 6 away, and 8 leaves room for the estimate.
//   In the norm deviations average out, and 2 is room enough.
// - The backend's own exp, tanh, ...: each within 2^-21 of its result, on either side.
// - The rounding to a narrower output: two numbers that differ a little round to the same value or
//   to neighbours, which are at most 2 u(T) apart, relative to themselves (below the normal range,
//   one unit of the smallest subnormal). In the norm: all of them would have to, so u(T).
// - The same for each narrower intermediate, passed on to the output: 2 u(I) of the typical size.
// - Where a mapping asks for factors rounded to mantissas of b bits (tf32: 10), with u = 2^-(b+1):
//   each factor is off by at most u of itself, evenly spread, so by u / sqrt(3) on average, and a
//   product of two by sqrt(2 / 3) u < u. The products' errors are independent: their sum is off by
//   less than u of its typical size, and what p such sums in a row make by sqrt(p) u.
// - Where it asks for sums whose mantissas are cut off to b bits behind every 16 products: a step
//   loses up to v = 2^-b of a partial sum, which is no larger than the result. Of terms of either
//   sign it loses either way, so that the s = n / 16 steps of n products make sqrt(s) v of the
//   result's typical size. (Terms of one sign lose the same way each time: that is refused.)
//
// Integers and sums that do not round leave no room at all.
//
// Where outputs are small beside what they are made of, this refuses right results; they are then
// held against bounds of every element.

namespace septran::runtime {
namespace {

/// Precision of a float type: unit roundoff and smallest positive number, as exponents of 2.
struct Precision {
  int unit_roundoff;
  int smallest;
};
Precision precision(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return {-11, -24};
    case DType::bf16:
      return {-8, -133};
    case DType::f32:
      return {-24, -149};
    case DType::f64:
      return {-53, -1074};
    case DType::f8e4m3:
      return {-4, -9};
    case DType::f8e5m2:
      return {-3, -16};
    case DType::i8:
    case DType::i32:
      break;
  }
  SEPTRAN_BUG("integers are exact");
}

double unit_roundoff(DType dtype) { return std::ldexp(1.0, precision(dtype).unit_roundoff); }

bool is_exact(DType dtype, const Arithmetic& arithmetic) {
  return arithmetic.exact || !is_float(dtype);
}

constexpr double products_of_step = 16;  // behind which short sums are cut off, at the most

/// The parts of the tolerance that scale with the typical size of an element.
double typical_part(DType dtype, const Arithmetic& arithmetic, double deviations) {
  const auto additions = static_cast<double>(std::max<std::int64_t>(arithmetic.additions, 1));
  double part = deviations * std::sqrt(additions) * unit_roundoff(arithmetic_type(dtype)) +
                2 * static_cast<double>(arithmetic.transcendentals) * std::ldexp(1.0, -21);
  for (const DType type : arithmetic.intermediates) {
    if (is_float(type)) part += 2 * unit_roundoff(type);
  }
  const double in_a_row = std::sqrt(static_cast<double>(arithmetic.short_products));
  if (arithmetic.factor_bits > 0) {
    part += deviations * in_a_row * std::ldexp(1.0, -arithmetic.factor_bits - 1);
  }
  if (arithmetic.sum_bits > 0) {
    const double steps = std::max(1.0, additions / products_of_step);
    part += deviations * in_a_row * std::sqrt(steps) * std::ldexp(1.0, -arithmetic.sum_bits);
  }
  return part;
}

/// The norm of finite values, collected without overflow.
class Norm {
 public:
  void add(double value) {
    const double size = std::fabs(value);
    if (size == 0) return;
    if (size > scale_) {
      sum_ = sum_ * (scale_ / size) * (scale_ / size) + 1;
      scale_ = size;
    } else {
      sum_ += (size / scale_) * (size / scale_);
    }
  }
  [[nodiscard]] double value() const { return scale_ * std::sqrt(sum_); }

 private:
  double scale_ = 0;
  double sum_ = 0;
};

bool agree_without_number(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (std::isinf(a) && a == b);
}

std::vector<std::int64_t> position(std::size_t element, const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> index(shape.size());
  auto rest = static_cast<std::int64_t>(element);
  for (std::size_t d = shape.size(); d-- > 0;) {
    index[d] = rest % shape[d];
    rest /= shape[d];
  }
  return index;
}

/// Two tensors side by side.
class Measurement {
 public:
  Measurement(const HostTensor& out, const HostTensor& reference)
      : out_(out), reference_(reference) {
    SEPTRAN_CHECK(out.dtype == reference.dtype && out.shape == reference.shape);
    for (std::size_t i = 0; i < reference.elements(); ++i) {
      const double wanted = load_element(reference, i);
      if (std::isfinite(wanted)) reference_norm_.add(wanted);
    }
  }

  [[nodiscard]] double root_mean_square() const {
    return reference_norm_.value() /
           std::sqrt(std::max(1.0, static_cast<double>(reference_.elements())));
  }

  /// `is_right(element, value, wanted)` is asked where the two are not equal as they stand; ok if
  /// all are right.
  template <typename F>
  Comparison compare(F is_right) const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    Comparison result;
    result.elements = static_cast<std::int64_t>(reference_.elements());
    Norm error_norm;
    bool only_one_finite = false;
    for (std::size_t i = 0; i < reference_.elements(); ++i) {
      const double value = load_element(out_, i);
      const double wanted = load_element(reference_, i);
      if (agree_without_number(value, wanted)) continue;
      const bool finite = std::isfinite(value) && std::isfinite(wanted);
      only_one_finite |= !finite;
      const double error = finite ? std::fabs(value - wanted) : infinity;
      result.max_abs_error = std::max(result.max_abs_error, error);
      if (finite) error_norm.add(error);
      if (is_right(i, value, wanted)) continue;
      ++result.wrong_elements;
      if (!result.first_wrong) {
        result.first_wrong = WrongElement{position(i, out_.shape), value, wanted};
      }
    }
    if (only_one_finite) {
      result.relative_error = infinity;
    } else if (error_norm.value() > 0) {
      result.relative_error = error_norm.value() / reference_norm_.value();
    }
    result.ok = result.wrong_elements == 0;
    return result;
  }

 private:
  const HostTensor& out_;
  const HostTensor& reference_;
  Norm reference_norm_;
};

}  // namespace

double element_tolerance(DType dtype, const Arithmetic& arithmetic, double reference,
                         double root_mean_square) {
  if (is_exact(dtype, arithmetic)) return 0;
  const double size = std::fabs(reference);
  double tolerance = typical_part(dtype, arithmetic, 8) * std::max(size, root_mean_square);
  if (dtype != arithmetic_type(dtype)) {
    tolerance +=
        std::max(2 * unit_roundoff(dtype) * size, std::ldexp(1.0, precision(dtype).smallest));
  }
  return tolerance;
}

double norm_tolerance(DType dtype, const Arithmetic& arithmetic, double root_mean_square) {
  if (is_exact(dtype, arithmetic) || root_mean_square == 0) return 0;
  double tolerance = typical_part(dtype, arithmetic, 2);
  if (dtype != arithmetic_type(dtype)) {
    tolerance += std::max(unit_roundoff(dtype),
                          std::ldexp(1.0, precision(dtype).smallest) / root_mean_square);
  }
  return tolerance;
}

namespace {

bool is_near(DType dtype, const Arithmetic& arithmetic, double value, double wanted,
             double root_mean_square) {
  return std::isfinite(value) && std::isfinite(wanted) &&
         std::fabs(value - wanted) <=
             element_tolerance(dtype, arithmetic, wanted, root_mean_square);
}

}  // namespace

Comparison compare(const HostTensor& out, const HostTensor& reference,
                   const Arithmetic& arithmetic) {
  Measurement all(out, reference);
  const double root_mean_square = all.root_mean_square();
  Comparison result = all.compare([&](std::size_t /*element*/, double value, double wanted) {
    return is_near(out.dtype, arithmetic, value, wanted, root_mean_square);
  });
  result.tolerance = norm_tolerance(out.dtype, arithmetic, root_mean_square);
  result.ok = result.ok && result.relative_error <= result.tolerance;
  return result;
}

Comparison compare(const HostTensor& out, const HostTensor& reference, const Arithmetic& arithmetic,
                   std::span<const double> low, std::span<const double> high) {
  SEPTRAN_CHECK(low.size() == out.elements() && high.size() == out.elements());
  Measurement all(out, reference);
  const double root_mean_square = all.root_mean_square();
  std::int64_t incomparable = 0;
  Comparison result = all.compare([&](std::size_t element, double value, double wanted) {
    if (!std::isnan(low[element])) return value >= low[element] && value <= high[element];
    if (!std::isfinite(wanted)) return false;
    if (!is_near(out.dtype, arithmetic, value, wanted, root_mean_square)) ++incomparable;
    return true;
  });
  result.incomparable_elements = incomparable;
  return result;
}

void report_wrong_result(const Comparison& comparison, std::string_view name,
                         Diagnostics& diagnostics) {
  if (comparison.ok) return;
  if (!comparison.first_wrong) {
    diagnostics.report({}, messages::inexact_result, name, comparison.relative_error,
                       comparison.tolerance);
    return;
  }
  const WrongElement& first = *comparison.first_wrong;
  diagnostics.report({}, messages::wrong_result, name, comparison.wrong_elements,
                     comparison.elements, shape_text(first.index), first.value, first.reference);
}

}  // namespace septran::runtime
