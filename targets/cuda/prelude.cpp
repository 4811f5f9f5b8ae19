#include "targets/cuda/prelude.h"

namespace septran::cuda {

const std::string_view prelude = R"(
namespace septran {

typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;

#define FUNCTION static __device__ __forceinline__

// Integers: sizes, positions and bounds.

FUNCTION int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
FUNCTION int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }
FUNCTION int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

// Element types narrower than f32 are carried as unsigned integers of their bits.

FUNCTION uint32_t bits_of(float x) { return __float_as_uint(x); }
FUNCTION uint32_t bits_of(int32_t x) { return (uint32_t)x; }
FUNCTION float float_of(uint32_t u) { return __uint_as_float(u); }
FUNCTION float f16_to_f32(uint16_t x) { float y; asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x)); return y; }
FUNCTION uint16_t f32_to_f16(float x) { uint16_t y; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x)); return y; }
FUNCTION float bf16_to_f32(uint16_t x) { return float_of((uint32_t)x << 16); }
FUNCTION uint16_t f32_to_bf16(float x) { uint16_t y; asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y) : "f"(x)); return y; }
// Two values side by side, the first in the low half.
FUNCTION uint32_t f32_to_f16_pair(float a, float b) { uint32_t y; asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(b), "f"(a)); return y; }
FUNCTION uint32_t f32_to_bf16_pair(float a, float b) { uint32_t y; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(b), "f"(a)); return y; }
FUNCTION uint32_t pair(uint16_t a, uint16_t b) { return (uint32_t)a | (uint32_t)b << 16; }
FUNCTION uint16_t half_of(uint32_t pair, int which) { return (uint16_t)(pair >> (16 * which)); }

FUNCTION float f8e5m2_to_f32(uint8_t code) { return f16_to_f32((uint16_t)(code << 8)); }
FUNCTION float f8e4m3_to_f32(uint8_t code) {
  uint32_t sign = (uint32_t)(code & 0x80u) << 24;
  uint32_t finite = bits_of(float_of((uint32_t)(code & 0x7fu) << 20) * 0x1p120f);
  return float_of(sign | ((code & 0x7fu) == 0x7fu ? 0x7fc00000u : finite));
}
FUNCTION float i8_to_f32(int8_t x) { return (float)x; }

// The code of a narrow float nearest to x, ties to even, in one rounding.
static __device__ uint32_t encode(double x, int mantissa_bits, int bias, uint32_t sign_bit,
                                  uint32_t largest, uint32_t beyond, uint32_t nan) {
  uint32_t sign = __double_as_longlong(x) < 0 ? sign_bit : 0;
  if (x != x) return sign | nan;
  double magnitude = fabs(x);
  if (magnitude == 0) return sign;
  if (magnitude > 0x1p200) return sign | beyond;
  int exponent = ilogb(magnitude);
  if (exponent < 1 - bias) exponent = 1 - bias;
  if (exponent > bias + 1) return sign | beyond;
  double units = rint(ldexp(magnitude, mantissa_bits - exponent));
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
FUNCTION int8_t f32_to_i8(float x) { return (int8_t)__float2int_rn(fminf(fmaxf(x != x ? 0.0f : x, -128.0f), 127.0f)); }
FUNCTION int8_t f64_to_i8(double x) { return (int8_t)__double2int_rn(fmin(fmax(x != x ? 0.0 : x, -128.0), 127.0)); }
FUNCTION int32_t f64_to_i32(double x) { return __double2int_rn(x != x ? 0.0 : x); }
FUNCTION int32_t f32_to_i32(float x) { return __float2int_rn(x != x ? 0.0f : x); }
FUNCTION int8_t i32_to_i8(int32_t x) { return (int8_t)(x < -128 ? -128 : x > 127 ? 127 : x); }
FUNCTION float f64_to_f32(double x) { return (float)x; }

// Elementwise functions; the last part of a name is the type of the arithmetic.

#define ARITHMETIC(T, S) \
  FUNCTION T add_##S(T a, T b) { return a + b; } \
  FUNCTION T sub_##S(T a, T b) { return a - b; } \
  FUNCTION T mul_##S(T a, T b) { return a * b; } \
  FUNCTION T fma_##S(T a, T b, T c) { return a * b + c; } \
  FUNCTION T select_##S(T m, T a, T b) { return m != 0 ? a : b; } \
  FUNCTION T neg_##S(T x) { return -x; } \
  FUNCTION T relu_##S(T x) { return x < 0 ? 0 : x; } \
  FUNCTION T clamp_##S(T x, T low, T high) { T v = x < low ? low : x; return v > high ? high : v; }
ARITHMETIC(float, f32)
ARITHMETIC(double, f64)
ARITHMETIC(int32_t, i32)

FUNCTION float max_f32(float a, float b) { float y; asm("max.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b)); return y; }
FUNCTION float min_f32(float a, float b) { float y; asm("min.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b)); return y; }
FUNCTION double max_f64(double a, double b) { return a > b || a != a ? a : b; }
FUNCTION double min_f64(double a, double b) { return a < b || a != a ? a : b; }
FUNCTION int32_t max_i32(int32_t a, int32_t b) { return a > b ? a : b; }
FUNCTION int32_t min_i32(int32_t a, int32_t b) { return a < b ? a : b; }
FUNCTION float div_f32(float a, float b) { return a / b; }
FUNCTION double div_f64(double a, double b) { return a / b; }
FUNCTION int32_t div_i32(int32_t a, int32_t b) { return b == 0 ? 0 : b == -1 ? -a : a / b; }
FUNCTION float abs_f32(float x) { return fabsf(x); }
FUNCTION double abs_f64(double x) { return fabs(x); }
FUNCTION int32_t abs_i32(int32_t x) { return x < 0 ? -x : x; }

FUNCTION float exp2_f32(float x) { float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
FUNCTION float exp_f32(float x) { return exp2_f32(x * 1.44269504088896341f); }
FUNCTION float log_f32(float x) { return logf(x); }
FUNCTION float tanh_f32(float x) { return tanhf(x); }
FUNCTION float erf_f32(float x) { return erff(x); }
FUNCTION float sqrt_f32(float x) { return sqrtf(x); }
FUNCTION double exp_f64(double x) { return exp(x); }
FUNCTION double exp2_f64(double x) { return exp2(x); }
FUNCTION double log_f64(double x) { return log(x); }
FUNCTION double tanh_f64(double x) { return tanh(x); }
FUNCTION double erf_f64(double x) { return erf(x); }
FUNCTION double sqrt_f64(double x) { return sqrt(x); }

FUNCTION float rsqrt_f32(float x) { float y; asm("rsqrt.approx.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
FUNCTION float recip_f32(float x) { float y; asm("rcp.approx.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
FUNCTION double rsqrt_f64(double x) { return 1 / sqrt(x); }
FUNCTION double recip_f64(double x) { return 1 / x; }

// max(x, 0) less |x| times the chance of a normal variable beyond |x|. That product is a = |x| / 6.5
// times two to the power of a polynomial in a, fitted by linear programming: the result is off by no
// more than 8.1e-7, and where it is positive by no more than 1.6e-6 of itself.
FUNCTION float gelu_f32(float x) {
  const float a = __saturatef(fabsf(x) * 0.153846154f);
  float p = -5.83476162f;
  p = fmaf(p, a, 13.0321684f);
  p = fmaf(p, a, -14.3870716f);
  p = fmaf(p, a, -19.4083061f);
  p = fmaf(p, a, -7.48195601f);
  p = fmaf(p, a, 1.70043969f);
  return fmaf(-a, exp2_f32(p), max_f32(x, 0.0f));
}
FUNCTION double gelu_f64(double x) { return 0.5 * x * (1 + erf_f64(x * 0.70710678118654752440)); }

#define FUNCTIONS(T, S) \
  FUNCTION T gelu_tanh_##S(T x) { \
    T argument = (T)0.79788456080286535588 * (x + (T)0.044715 * x * x * x); \
    return (T)0.5 * x * (1 + tanh_##S(argument)); \
  } \
  FUNCTION T silu_##S(T x) { return x / (1 + exp_##S(-x)); } \
  FUNCTION T sigmoid_##S(T x) { return 1 / (1 + exp_##S(-x)); }
FUNCTIONS(float, f32)
FUNCTIONS(double, f64)

// The signed low or high half of a byte.
FUNCTION int32_t nibble(int8_t byte, int64_t high) {
  int32_t half = ((int32_t)(uint8_t)byte >> (high ? 4 : 0)) & 15;
  return half < 8 ? half : half - 16;
}

// Values of other lanes of the warp.
FUNCTION float lane_xor(float x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
FUNCTION double lane_xor(double x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
FUNCTION int32_t lane_xor(int32_t x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }

FUNCTION void block_barrier() { __syncthreads(); }
// All blocks of the kernel: `passed` counts the arrivals that a block has waited for.
FUNCTION void grid_barrier(uint32_t *arrivals, uint32_t &passed) {
  __syncthreads();
  passed += gridDim.x;
  if (threadIdx.x == 0) {
    __threadfence();
    atomicAdd(arrivals, 1);
    while (*(volatile uint32_t *)arrivals < passed) {}
    __threadfence();
  }
  __syncthreads();
}

#if __CUDA_ARCH__ >= 900
// Launches that start before the one before has ended.
FUNCTION void let_next_start() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }
FUNCTION void wait_for_previous() { asm volatile("griddepcontrol.wait;" ::: "memory"); }
#endif

// Element offset in a tile in shared memory whose rows are cut into panels of 128 bytes, each row's
// 16-byte pieces xored with its number modulo 8.
template <int rows, int bytes>
FUNCTION int swizzled(int row, int col) {
  const int width = 128 / bytes;
  const int piece = 16 / bytes;
  return (col / width * rows + row) * width + ((col % width) ^ (row % 8 * piece));
}

FUNCTION uint32_t shared_address(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }

// Four matrices of 8 rows of 16 bytes, whose rows begin where the lanes say.
FUNCTION void load_matrices(uint32_t (&f)[4], uint32_t from) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f[0]), "=r"(f[1]), "=r"(f[2]), "=r"(f[3]) : "r"(from) : "memory");
}

// 4, 8 and 16 bytes as they move between memories.
struct alignas(4) Bytes4 { uint32_t w[1]; };
struct alignas(8) Bytes8 { uint32_t w[2]; };
struct alignas(16) Bytes16 { uint32_t w[4]; };

// 16 bytes from anywhere in GLOBAL, of which the first `valid` count; the others are zeros. Whole pieces
// of 16 bytes that hold some of them are read: tensors in GLOBAL take multiples of that.
FUNCTION Bytes16 shifted_piece(const void *p, int valid) {
  const uint32_t shift = (uint64_t)p & 15;
  const Bytes16 *const from = (const Bytes16 *)((const char *)p - shift);
  const Bytes16 low = valid > 0 ? from[0] : Bytes16{};
  const Bytes16 high = (int)(16 - shift) < valid ? from[1] : Bytes16{};
  uint32_t w[8];
  #pragma unroll
  for (int i = 0; i < 4; ++i) w[i] = low.w[i], w[4 + i] = high.w[i];
  #pragma unroll
  for (int i = 0; i < 6; ++i) w[i] = shift & 8 ? w[i + 2] : w[i];
  #pragma unroll
  for (int i = 0; i < 5; ++i) w[i] = shift & 4 ? w[i + 1] : w[i];
  Bytes16 piece;
  #pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int left = valid - 4 * i;
    const uint32_t word = __funnelshift_r(w[i], w[i + 1], 8 * (shift & 3));
    piece.w[i] = left >= 4 ? word : left > 0 ? word & ((1u << 8 * left) - 1) : 0;
  }
  return piece;
}

// f32 whose mantissas are rounded to 10 bits, as the tensor cores take it.
FUNCTION uint32_t to_tf32(uint32_t x) { uint32_t y; asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(float_of(x))); return y; }
FUNCTION float to_tf32(float x) { return float_of(to_tf32(bits_of(x))); }
template <typename Bytes>
FUNCTION Bytes to_tf32(Bytes x) {
  #pragma unroll
  for (int i = 0; i < (int)(sizeof(Bytes) / 4); ++i) x.w[i] = to_tf32(x.w[i]);
  return x;
}

// Of four threads side by side, each gets the words that have its number: word j from thread j.
FUNCTION void exchange_by_fours(Bytes16 &x, int thread) {
  const bool odd = thread & 1;
  uint32_t a = __shfl_xor_sync(0xffffffffu, odd ? x.w[0] : x.w[1], 1);
  uint32_t b = __shfl_xor_sync(0xffffffffu, odd ? x.w[2] : x.w[3], 1);
  if (odd) { x.w[0] = a; x.w[2] = b; } else { x.w[1] = a; x.w[3] = b; }
  const bool high = thread & 2;
  a = __shfl_xor_sync(0xffffffffu, high ? x.w[0] : x.w[2], 2);
  b = __shfl_xor_sync(0xffffffffu, high ? x.w[1] : x.w[3], 2);
  if (high) { x.w[0] = a; x.w[1] = b; } else { x.w[2] = a; x.w[3] = b; }
}

)";

}  // namespace septran::cuda
