#include "runtime/small_float.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/base/diagnostic.h"

namespace septran::runtime {
namespace {

constexpr FloatFormat f16_format{5, 10, true};
constexpr FloatFormat bf16_format{8, 7, true};
constexpr FloatFormat f8e4m3_format{4, 3, false};
constexpr FloatFormat f8e5m2_format{5, 2, true};

int bias(const FloatFormat& f) { return (1 << (f.exponent_bits - 1)) - 1; }

/// Bits of exponent and mantissa of infinity, or of the only NaN where there is no infinity.
unsigned overflow_bits(const FloatFormat& f) {
  const unsigned exponent = (1u << f.exponent_bits) - 1;
  return (exponent << f.mantissa_bits) | (f.has_infinity ? 0u : (1u << f.mantissa_bits) - 1);
}

}  // namespace

FloatFormat small_float_format(DType type) {
  switch (type) {
    case DType::f16:
      return f16_format;
    case DType::bf16:
      return bf16_format;
    case DType::f8e4m3:
      return f8e4m3_format;
    case DType::f8e5m2:
      return f8e5m2_format;
    case DType::f32:
    case DType::f64:
    case DType::i8:
    case DType::i32:
      break;
  }
  SEPTRAN_BUG("not a small float");
}

std::uint16_t encode(const FloatFormat& f, double value) {
  const unsigned sign = std::signbit(value) ? 1u << (f.exponent_bits + f.mantissa_bits) : 0u;
  const double magnitude = std::fabs(value);
  unsigned bits = overflow_bits(f);
  if (std::isnan(value)) {
    if (f.has_infinity) bits |= 1u << (f.mantissa_bits - 1);
  } else if (magnitude < std::ldexp(1.0, bias(f) + 2)) {
    // In units of the last place the value is exact in double, so nearbyint rounds just once. A
    // mantissa that rounds up to the next power of two carries into the exponent by itself.
    const int lowest = 1 - bias(f);
    const int exponent = magnitude == 0 ? lowest : std::max(std::ilogb(magnitude), lowest);
    const auto units =
        static_cast<unsigned>(std::nearbyint(std::ldexp(magnitude, f.mantissa_bits - exponent)));
    bits = std::min(bits, (static_cast<unsigned>(exponent - lowest) << f.mantissa_bits) + units);
  }
  return static_cast<std::uint16_t>(sign | bits);
}

double decode(const FloatFormat& f, std::uint16_t bits) {
  const bool negative = (bits >> (f.exponent_bits + f.mantissa_bits)) & 1;
  const unsigned magnitude = bits & ((1u << (f.exponent_bits + f.mantissa_bits)) - 1);
  const unsigned exponent = magnitude >> f.mantissa_bits;
  const unsigned mantissa = magnitude & ((1u << f.mantissa_bits) - 1);
  double value = 0;
  if (magnitude >= overflow_bits(f)) {
    value = f.has_infinity && mantissa == 0 ? std::numeric_limits<double>::infinity()
                                            : std::numeric_limits<double>::quiet_NaN();
  } else {
    const unsigned implicit = exponent == 0 ? 0u : 1u << f.mantissa_bits;
    const int scale = static_cast<int>(std::max(exponent, 1u)) - bias(f) - f.mantissa_bits;
    value = std::ldexp(static_cast<double>(implicit + mantissa), scale);
  }
  return negative ? -value : value;
}

}  // namespace septran::runtime
