// Float formats of 8 and 16 bits, to and from double.
#pragma once

#include <cstdint>

#include "compiler/base/dtype.h"

namespace septran::runtime {

/// Layout of a binary float: sign, exponent, mantissa. Eigen's half and bfloat16 are rounded by way
/// of float, which from double rounds twice, and it has no 8-bit floats; one rule for all four
/// formats is exact.
struct FloatFormat {
  int exponent_bits;
  int mantissa_bits;
  bool has_infinity;  // without: the topmost exponent is finite but for an all-ones mantissa (NaN)
};

/// Format of f16, bf16, f8e4m3 and f8e5m2; no other type.
[[nodiscard]] FloatFormat small_float_format(DType type);

/// Nearest value of the format, ties to even; overflow to infinity, or to NaN where there is none.
[[nodiscard]] std::uint16_t encode(const FloatFormat& format, double value);
[[nodiscard]] double decode(const FloatFormat& format, std::uint16_t bits);

}  // namespace septran::runtime
