#include "targets/cpu/prelude.h"

#include <string>

#include "targets/cpu/float_functions.h"

namespace septran::cpu {
namespace {

// Every function of f32 and i32 is free of branches that depend on values other than by selecting
// one of two results, so that compilers make vectors of loops over it.
constexpr std::string_view scalars = R"(
#include <stdint.h>
#include <string.h>

#define FUNCTION static inline __attribute__((unused, always_inline))
// Lets GNU's compiler mix the vectors of a step before it gives out registers: one by one, each waits
// for its own results. Versions before 12 would forget other flags.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define SIDE_BY_SIDE __attribute__((optimize("schedule-insns", "sched-pressure")))
#else
#define SIDE_BY_SIDE
#endif
#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (vector_i32){__VA_ARGS__})
#endif

double ldexp(double, int);
double nearbyint(double);
int ilogb(double);
double exp(double);
double exp2(double);
double log(double);
double sqrt(double);
double tanh(double);
double erf(double);

// Integers: sizes, positions and bounds.

FUNCTION int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
FUNCTION int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }
FUNCTION int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

// Bits of a float.

FUNCTION uint32_t bits_of(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
FUNCTION float float_of(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }

// Element types narrower than f32 are carried as unsigned integers of their bits.

FUNCTION float f16_to_f32(uint16_t code) {
  uint32_t magnitude = (uint32_t)(code & 0x7fffu) << 13;
  uint32_t sign = (uint32_t)(code & 0x8000u) << 16;
  // A product with 2^112 moves the exponent's bias and puts subnormals right too.
  uint32_t finite = bits_of(float_of(magnitude) * 0x1p112f);
  return float_of(sign | (magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : finite));
}
FUNCTION uint16_t f32_to_f16(float x) {
  uint32_t bits = bits_of(x);
  uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  // Subnormal: adding 1/2 aligns the last place.
  uint32_t small = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;
  uint32_t normal = (magnitude + 0xc8000fffu + ((magnitude >> 13) & 1u)) >> 13;
  uint32_t code = magnitude >= 0x47800000u ? special : magnitude < 0x38800000u ? small : normal;
  return (uint16_t)(sign | code);
}
FUNCTION float bf16_to_f32(uint16_t code) { return float_of((uint32_t)code << 16); }
FUNCTION uint16_t f32_to_bf16(float x) {
  uint32_t bits = bits_of(x);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : rounded);
}
FUNCTION float f8e5m2_to_f32(uint8_t code) { return f16_to_f32((uint16_t)(code << 8)); }
FUNCTION float f8e4m3_to_f32(uint8_t code) {
  uint32_t sign = (uint32_t)(code & 0x80u) << 24;
  uint32_t finite = bits_of(float_of((uint32_t)(code & 0x7fu) << 20) * 0x1p120f);
  return float_of(sign | ((code & 0x7fu) == 0x7fu ? 0x7fc00000u : finite));
}
FUNCTION float i8_to_f32(int8_t x) { return (float)x; }

// The code of a narrow float nearest to x, ties to even, in one rounding.
static __attribute__((unused)) uint32_t encode(double x, int mantissa_bits, int bias, uint32_t sign_bit, uint32_t largest,
                       uint32_t beyond, uint32_t nan) {
  uint32_t sign = __builtin_signbit(x) ? sign_bit : 0;
  if (x != x) return sign | nan;
  double magnitude = __builtin_fabs(x);
  if (magnitude == 0) return sign;
  if (magnitude > 0x1p200) return sign | beyond;
  int exponent = ilogb(magnitude);
  if (exponent < 1 - bias) exponent = 1 - bias;
  if (exponent > bias + 1) return sign | beyond;
  double units = nearbyint(ldexp(magnitude, mantissa_bits - exponent));
  uint32_t code = ((uint32_t)(exponent + bias - 1) << mantissa_bits) + (uint32_t)units;
  return sign | (code > largest ? beyond : code);
}
FUNCTION uint16_t f64_to_f16(double x) { return (uint16_t)encode(x, 10, 15, 0x8000, 0x7bff, 0x7c00, 0x7e00); }
FUNCTION uint16_t f64_to_bf16(double x) { return (uint16_t)encode(x, 7, 127, 0x8000, 0x7f7f, 0x7f80, 0x7fc0); }
FUNCTION uint8_t f64_to_f8e4m3(double x) { return (uint8_t)encode(x, 3, 7, 0x80, 0x7e, 0x7f, 0x7f); }
FUNCTION uint8_t f64_to_f8e5m2(double x) { return (uint8_t)encode(x, 2, 15, 0x80, 0x7b, 0x7c, 0x7e); }
FUNCTION uint8_t f32_to_f8e4m3(float x) { return f64_to_f8e4m3(x); }
FUNCTION uint8_t f32_to_f8e5m2(float x) { return f64_to_f8e5m2(x); }

// To integers: nearest, ties to even, saturated; NaN becomes 0.
FUNCTION int8_t f32_to_i8(float x) {
  float r = __builtin_rintf(x);
  r = r < -128.0f ? -128.0f : r;
  r = r > 127.0f ? 127.0f : r;
  return (int8_t)(int32_t)(x == x ? r : 0.0f);
}
FUNCTION int8_t f64_to_i8(double x) {
  double r = __builtin_rint(x);
  r = r < -128.0 ? -128.0 : r;
  r = r > 127.0 ? 127.0 : r;
  return (int8_t)(int32_t)(x == x ? r : 0.0);
}
FUNCTION int32_t f64_to_i32(double x) {
  double r = __builtin_rint(x);
  r = r < -2147483648.0 ? -2147483648.0 : r;
  r = r > 2147483647.0 ? 2147483647.0 : r;
  return (int32_t)(x == x ? r : 0.0);
}
FUNCTION int32_t f32_to_i32(float x) { return f64_to_i32((double)x); }
FUNCTION int8_t i32_to_i8(int32_t x) { return (int8_t)(x < -128 ? -128 : x > 127 ? 127 : x); }
FUNCTION float f64_to_f32(double x) { return (float)x; }

// Elementwise functions; the last part of a name is the type of the arithmetic.

#define ARITHMETIC(T, S) \
  FUNCTION T add_##S(T a, T b) { return a + b; } \
  FUNCTION T sub_##S(T a, T b) { return a - b; } \
  FUNCTION T mul_##S(T a, T b) { return a * b; } \
  FUNCTION T max_##S(T a, T b) { return a > b || a != a ? a : b; } \
  FUNCTION T min_##S(T a, T b) { return a < b || a != a ? a : b; } \
  FUNCTION T fma_##S(T a, T b, T c) { return a * b + c; } \
  FUNCTION T select_##S(T m, T a, T b) { return m != 0 ? a : b; } \
  FUNCTION T neg_##S(T x) { return -x; } \
  FUNCTION T relu_##S(T x) { return x < 0 ? 0 : x; } \
  FUNCTION T clamp_##S(T x, T low, T high) { T v = x < low ? low : x; return v > high ? high : v; }
ARITHMETIC(double, f64)
ARITHMETIC(int32_t, i32)

FUNCTION double div_f64(double a, double b) { return a / b; }
FUNCTION int32_t div_i32(int32_t a, int32_t b) { return b == 0 ? 0 : b == -1 ? -a : a / b; }
FUNCTION double abs_f64(double x) { return __builtin_fabs(x); }
FUNCTION int32_t abs_i32(int32_t x) { return x < 0 ? -x : x; }
FUNCTION double exp_f64(double x) { return exp(x); }
FUNCTION double exp2_f64(double x) { return exp2(x); }
FUNCTION double log_f64(double x) { return log(x); }
FUNCTION double tanh_f64(double x) { return tanh(x); }
FUNCTION double erf_f64(double x) { return erf(x); }
FUNCTION double sqrt_f64(double x) { return __builtin_sqrt(x); }
FUNCTION double rsqrt_f64(double x) { return 1 / __builtin_sqrt(x); }
FUNCTION double recip_f64(double x) { return 1 / x; }
FUNCTION double sigmoid_f64(double x) { return 1 / (1 + exp(-x)); }
FUNCTION double silu_f64(double x) { return x / (1 + exp(-x)); }
FUNCTION double gelu_f64(double x) { return 0.5 * x * (1 + erf(x * 0.70710678118654752440)); }
FUNCTION double gelu_tanh_f64(double x) {
  return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

// The signed low or high half of a byte.
FUNCTION int32_t nibble(int8_t byte, int64_t high) {
  int32_t half = ((int32_t)(uint8_t)byte >> (high ? 4 : 0)) & 15;
  return half < 8 ? half : half - 16;
}
)";

}  // namespace

std::string prelude(const Machine& machine) {
  return std::string(scalars) + float_functions() + vector_functions(machine);
}

}  // namespace septran::cpu
