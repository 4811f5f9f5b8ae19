#include <cmath>
#include <optional>

#include "compiler/base/diagnostic.h"
#include "compiler/kernels/call.h"
#include "compiler/kernels/interval.h"

namespace septran::kernels {
namespace {

/// The real function, as far as f64 knows it.
double real(Unary op, double x) {
  switch (op) {
    case Unary::neg:
      return -x;
    case Unary::exp:
      return std::exp(x);
    case Unary::exp2:
      return std::exp2(x);
    case Unary::log:
      return std::log(x);
    case Unary::sqrt:
      return std::sqrt(x);
    case Unary::rsqrt:
      return 1 / std::sqrt(x);
    case Unary::recip:
      return 1 / x;
    case Unary::abs:
      return std::fabs(x);
    case Unary::relu:
      return x < 0 ? 0 : x;
    case Unary::gelu:
      return 0.5 * x * std::erfc(x * -0.70710678118654752440);
    case Unary::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    case Unary::silu:
      return x / (1 + std::exp(-x));
    case Unary::tanh:
      return std::tanh(x);
    case Unary::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Unary::erf:
      return std::erf(x);
  }
  SEPTRAN_BUG("not a function");
}

/// Where a function that first falls and then rises has its minimum (abs: anywhere at 0; of the
/// others the zero of the derivative, to the 16 digits that f64 holds).
std::optional<double> turning_point(Unary op) {
  if (op == Unary::abs) return 0;
  if (op == Unary::gelu) return -0.7517915246935645;
  if (op == Unary::gelu_tanh) return -0.7524614220710162;
  if (op == Unary::silu) return -1.278464542761074;
  return std::nullopt;
}

double error(const ErrorBound& bound, double x, double y) {
  double error = std::ldexp(1.0, bound.exponent);
  if (bound.growth == ErrorBound::Growth::argument) error *= 1 + std::fabs(x);
  if (bound.growth == ErrorBound::Growth::result) error *= 1 + std::fabs(y);
  // Beyond both ends of f32 exponentials are what they are, whatever 1 + |x| says.
  if (bound.measure == ErrorBound::Measure::relative) error = std::min(error, 1.0) * std::fabs(y);
  return error;
}

}  // namespace

Interval enclose_unary(Unary op, Interval x, const ErrorBound& bound, const Roundoff& roundoff) {
  // A pole between the ends; one at an end is the limit from the inside.
  if (op == Unary::recip && x.low < 0 && x.high > 0) return anything;
  if (op == Unary::recip && x.high == 0 && x.low < 0) x.high = -0.0;
  if ((op == Unary::recip || op == Unary::rsqrt) && x.low == 0 && x.high > 0) x.low = 0.0;
  const double at_low = real(op, x.low);
  const double at_high = real(op, x.high);
  const bool falls = at_low > at_high;
  Interval y = hull(at_low, at_high);
  const auto turn = turning_point(op);
  if (turn && x.low < *turn && x.high > *turn) y.low = real(op, *turn);
  if (bound.measure == ErrorBound::Measure::exact || std::isnan(y.low)) return whole(y);
  if (std::isfinite(y.low)) y.low -= error(bound, falls ? x.high : x.low, y.low);
  if (std::isfinite(y.high)) y.high += error(bound, falls ? x.low : x.high, y.high);
  if (bound.flushes && roundoff.type == DType::f32) {
    // Where the exponential, of which silu is a multiple, is not normal.
    const double least = op == Unary::silu ? 0x1p-126 * x.magnitude() : 0x1p-126;
    if (y.low > 0 && y.low < least) y.low = 0;
    if (y.high < 0 && y.high > -least) y.high = 0;
  }
  return y;
}

}  // namespace septran::kernels
