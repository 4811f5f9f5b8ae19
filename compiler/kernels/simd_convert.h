// Conversions between element types; part of simd_impl.h and included by it alone.
#pragma once

#ifdef __F16C__
#include <immintrin.h>
#endif

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "compiler/base/diagnostic.h"
#include "compiler/base/dtype.h"

namespace septran::kernels {
namespace SEPTRAN_SIMD_NAME {
namespace {

/// A floating-point format of 16 bits or fewer.
struct Format {
  int mantissa_bits;
  int bias;
  std::uint32_t sign;     // the sign bit
  std::uint32_t largest;  // code of the largest finite value
  std::uint32_t beyond;   // code of what overflows
  std::uint32_t nan;
};
constexpr Format f16_format{10, 15, 0x8000, 0x7bff, 0x7c00, 0x7e00};
constexpr Format bf16_format{7, 127, 0x8000, 0x7f7f, 0x7f80, 0x7fc0};
constexpr Format f8e4m3_format{3, 7, 0x80, 0x7e, 0x7f, 0x7f};
constexpr Format f8e5m2_format{2, 15, 0x80, 0x7b, 0x7c, 0x7e};

/// The code nearest to x, ties to even, in one rounding.
std::uint32_t encode(double x, const Format& format) {
  const std::uint32_t sign = std::signbit(x) ? format.sign : 0;
  if (std::isnan(x)) return sign | format.nan;
  if (std::isinf(x)) return sign | format.beyond;
  if (x == 0) return sign;
  const double magnitude = std::abs(x);
  const int exponent = std::max(std::ilogb(magnitude), 1 - format.bias);
  if (exponent > format.bias + 1) return sign | format.beyond;
  // The magnitude in units of the last place; a carry out of the mantissa adds to the exponent.
  const double units = std::nearbyint(std::ldexp(magnitude, format.mantissa_bits - exponent));
  const auto code =
      (static_cast<std::uint32_t>(exponent + format.bias - 1) << format.mantissa_bits) +
      static_cast<std::uint32_t>(units);
  return sign | (code > format.largest ? format.beyond : code);
}

float decode_f8e4m3(std::uint8_t code) {
  const float sign = (code & 0x80) != 0 ? -1.0f : 1.0f;
  const int exponent = (code >> 3) & 15;
  const int mantissa = code & 7;
  if ((code & 0x7f) == 0x7f) return std::numeric_limits<float>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -9);
  return sign * std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
}

float decode_f16(std::uint16_t code) {
  const std::uint32_t magnitude = static_cast<std::uint32_t>(code & 0x7fffu) << 13;
  const std::uint32_t sign = static_cast<std::uint32_t>(code & 0x8000u) << 16;
  // The exponent's bias moves by a product with 2^112, which puts subnormals right too.
  const std::uint32_t finite = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) *
                                                            std::bit_cast<float>(0x77800000u));
  const std::uint32_t special = magnitude | 0x7f800000u;
  return std::bit_cast<float>(sign | (magnitude >= 0x0f800000u ? special : finite));
}

std::uint16_t encode_f16(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  std::uint32_t code = 0;
  if (magnitude >= 0x47800000u) {  // 65536 or more, infinity, NaN
    code = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  } else if (magnitude < 0x38800000u) {  // subnormal: adding 1/2 aligns the last place
    code = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  } else {
    code = (magnitude + 0xc8000fffu + ((magnitude >> 13) & 1u)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | code);
}

std::uint16_t encode_bf16(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const std::uint32_t nan = (bits >> 16) | 0x40u;
  return static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

/// x to the nearest integer of type I, ties to even, saturated; NaN becomes 0.
template <typename I, typename T>
I to_integer(T x) {
  if (x != x) return 0;
  const double rounded = std::nearbyint(static_cast<double>(x));
  const double low = static_cast<double>(std::numeric_limits<I>::min());
  const double high = static_cast<double>(std::numeric_limits<I>::max());
  return static_cast<I>(rounded < low ? low : rounded > high ? high : rounded);
}

/// y[i] = f(x[i]) on arrays of any alignment.
template <typename To, typename From, typename F>
void convert(const void* x, void* y, std::int64_t n, F f) {
  const auto* from = static_cast<const std::byte*>(x);
  auto* to = static_cast<std::byte*>(y);
  for (std::int64_t i = 0; i < n; ++i) {
    From in;
    std::memcpy(&in, from + i * static_cast<std::int64_t>(sizeof(From)), sizeof(From));
    const To out = f(in);
    std::memcpy(to + i * static_cast<std::int64_t>(sizeof(To)), &out, sizeof(To));
  }
}

void encode_f16_array(const float* x, std::byte* y, std::int64_t n) {
  std::int64_t i = 0;
#ifdef __F16C__
  for (; i + 8 <= n; i += 8) {
    const __m128i code = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
    std::memcpy(y + 2 * i, &code, sizeof(code));
  }
#endif
  convert<std::uint16_t, float>(x + i, y + 2 * i, n - i, encode_f16);
}

void decode_f32(DType from, const std::byte* x, float* y, std::int64_t n) {
  switch (from) {
    case DType::f16:
      return convert<float, std::uint16_t>(x, y, n, decode_f16);
    case DType::bf16:
      return convert<float, std::uint16_t>(x, y, n, [](std::uint16_t v) {
        return std::bit_cast<float>(static_cast<std::uint32_t>(v) << 16);
      });
    case DType::f32:
      std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(float));
      return;
    case DType::i8:
      return convert<float, std::int8_t>(x, y, n,
                                         [](std::int8_t v) { return static_cast<float>(v); });
    case DType::f8e4m3:
      return convert<float, std::uint8_t>(x, y, n, decode_f8e4m3);
    case DType::f8e5m2:  // the upper half of an f16
      return convert<float, std::uint8_t>(
          x, y, n, [](std::uint8_t v) { return decode_f16(static_cast<std::uint16_t>(v << 8)); });
    case DType::f64:
    case DType::i32:
      break;
  }
  SEPTRAN_BUG("f32 does not hold every value of this type");
}

template <typename T>
void encode_array(DType to, const T* x, std::byte* y, std::int64_t n) {
  switch (to) {
    case DType::f16:
      if constexpr (std::is_same_v<T, float>) return encode_f16_array(x, y, n);
      return convert<std::uint16_t, T>(
          x, y, n, [](T v) { return static_cast<std::uint16_t>(encode(v, f16_format)); });
    case DType::bf16:
      if constexpr (std::is_same_v<T, float>) {
        return convert<std::uint16_t, float>(x, y, n, encode_bf16);
      }
      return convert<std::uint16_t, T>(
          x, y, n, [](T v) { return static_cast<std::uint16_t>(encode(v, bf16_format)); });
    case DType::f32:
      return convert<float, T>(x, y, n, [](T v) { return static_cast<float>(v); });
    case DType::f64:
      return convert<double, T>(x, y, n, [](T v) { return static_cast<double>(v); });
    case DType::i8:
      return convert<std::int8_t, T>(x, y, n, to_integer<std::int8_t, T>);
    case DType::i32:
      return convert<std::int32_t, T>(x, y, n, to_integer<std::int32_t, T>);
    case DType::f8e4m3:
      return convert<std::uint8_t, T>(
          x, y, n, [](T v) { return static_cast<std::uint8_t>(encode(v, f8e4m3_format)); });
    case DType::f8e5m2:
      return convert<std::uint8_t, T>(
          x, y, n, [](T v) { return static_cast<std::uint8_t>(encode(v, f8e5m2_format)); });
  }
}

void encode_f32(DType to, const float* x, std::byte* y, std::int64_t n) {
  encode_array(to, x, y, n);
}
void encode_f64(DType to, const double* x, std::byte* y, std::int64_t n) {
  encode_array(to, x, y, n);
}

}  // namespace
}  // namespace SEPTRAN_SIMD_NAME
}  // namespace septran::kernels
