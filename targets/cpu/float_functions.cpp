#include "targets/cpu/float_functions.h"

#include <utility>

#include "targets/cpu/vector_memory.h"

namespace septran::cpu {
namespace {

// b if neither is the larger, or one is NaN; and a where a is NaN.
constexpr std::string_view choices_by_picks = R"(
FUNCTION REAL larger_x(REAL a, REAL b) { return pick_x(a > b, a, b); }
FUNCTION REAL smaller_x(REAL a, REAL b) { return pick_x(a < b, a, b); }
FUNCTION REAL pick_nan_x(REAL a, REAL b) { return pick_x(a != a, a, b); }
)";

constexpr std::string_view choices_of_16_lanes = R"(
FUNCTION vector larger_v(vector a, vector b) { return __builtin_ia32_maxps512_mask(a, b, b, -1, 4); }
FUNCTION vector smaller_v(vector a, vector b) { return __builtin_ia32_minps512_mask(a, b, b, -1, 4); }
FUNCTION vector pick_nan_v(vector a, vector b) {
  return __builtin_ia32_blendmps_512_mask(b, a, __builtin_ia32_cmpps512_mask(a, a, 3, -1, 4));
}
)";

constexpr std::string_view choices_of_8_lanes = R"(
FUNCTION vector larger_v(vector a, vector b) { return __builtin_ia32_maxps256(a, b); }
FUNCTION vector smaller_v(vector a, vector b) { return __builtin_ia32_minps256(a, b); }
FUNCTION vector pick_nan_v(vector a, vector b) {
  return __builtin_ia32_blendvps256(b, a, (vector)(a != a));
}
)";

// One text for numbers and vectors: REAL is `float` or `vector`, _x the end of the names. A choice
// (pick_x) evaluates both sides, so that compilers make vectors of loops over numbers, too. Errors
// in units of the last place, with contracted multiply-adds and without, are held by a test.
constexpr std::string_view both = R"(
FUNCTION REAL add_x(REAL a, REAL b) { return a + b; }
FUNCTION REAL sub_x(REAL a, REAL b) { return a - b; }
FUNCTION REAL mul_x(REAL a, REAL b) { return a * b; }
FUNCTION REAL div_x(REAL a, REAL b) { return a / b; }
FUNCTION REAL fma_x(REAL a, REAL b, REAL c) { return a * b + c; }
FUNCTION REAL select_x(REAL m, REAL a, REAL b) { return pick_x(m != 0.0f, a, b); }
FUNCTION REAL neg_x(REAL x) { return -x; }
FUNCTION REAL relu_x(REAL x) { return larger_x(all_x(0.0f), x); }
FUNCTION REAL clamp_x(REAL x, REAL low, REAL high) {
  return smaller_x(high, larger_x(low, x));
}
// NaN if either is. Of the same value: b.
FUNCTION REAL max_x(REAL a, REAL b) { return pick_nan_x(a, larger_x(a, b)); }
FUNCTION REAL min_x(REAL a, REAL b) { return pick_nan_x(a, smaller_x(a, b)); }
FUNCTION REAL abs_x(REAL x) { return real_x(bits_x(x) & 0x7fffffffu); }
FUNCTION REAL copysign_x(REAL magnitude, REAL sign) {
  return real_x(bits_x(magnitude) | (bits_x(sign) & 0x80000000u));
}

// e^r for |r| up to half of log 2.
FUNCTION REAL exp_reduced_x(REAL r) {
  REAL p = 1.9875691500e-4f * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return p * (r * r) + r + 1.0f;
}
)";

// Adding 1.5 * 2^23 rounds to an integer, which then stands in the last bits. 2^n is added to the
// exponent: y lies in (0.7, 1.42), so that what is chosen below covers the ends.
constexpr std::string_view exponentials_by_bits = R"(
// At most 1.1 ulp; smaller than the least normal number: 0.
FUNCTION REAL exp_x(REAL x) {
  REAL t = x * 1.44269504088896341f + 0x1.8p23f;
  REAL n = t - 0x1.8p23f;
  REAL r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  REAL y = real_x(bits_x(exp_reduced_x(r)) + (bits_x(t) << 23));
  y = pick_x(x > 88.72283f, all_x(__builtin_inff()), y);
  y = pick_x(x < -87.33654f, all_x(0.0f), y);
  return pick_x(x == x, y, x);
}
// At most 1.1 ulp; smaller than the least normal number: 0.
FUNCTION REAL exp2_x(REAL x) {
  REAL t = x + 0x1.8p23f;
  REAL r = (x - (t - 0x1.8p23f)) * 0.693147180559945309f;
  REAL y = real_x(bits_x(exp_reduced_x(r)) + (bits_x(t) << 23));
  y = pick_x(x >= 128.0f, all_x(__builtin_inff()), y);
  y = pick_x(x < -126.0f, all_x(0.0f), y);
  return pick_x(x == x, y, x);
}
FUNCTION REAL exp_close_x(REAL x) { return exp_x(x); }
)";

// The machine's own scaling goes over to infinity and zero by itself, and takes the whole part of
// an exponent as the reduction takes the rest of it: 2^f for f in [0, 1) interpolates at Chebyshev
// points, with an error of 1.2e-8.
constexpr std::string_view exponentials_by_scaling = R"(
FUNCTION REAL scale_x(REAL y, REAL n) { return __builtin_ia32_scalefps512_mask(y, n, y, -1, 4); }
// At most 1.5 ulp.
FUNCTION REAL exp2_x(REAL x) {
  REAL f = __builtin_ia32_reduceps512_mask_round(x, 9, x, -1, 4);  // x - floor(x)
  REAL p = 2.0817914628e-4f * f + 1.2692166492e-3f;
  p = p * f + 9.6521954983e-3f;
  p = p * f + 5.5496022105e-2f;
  p = p * f + 2.4022720754e-1f;
  p = p * f + 6.9314718246e-1f;
  return scale_x(p * f + 1.0f, x);
}
// Relative error at most 2^-23 * (1 + |x|).
FUNCTION REAL exp_x(REAL x) { return exp2_x(x * 1.44269504088896341f); }
// At most 1.1 ulp.
FUNCTION REAL exp_close_x(REAL x) {
  x = clamp_x(x, all_x(-110.0f), all_x(90.0f));
  REAL n = (x * 1.44269504088896341f + 0x1.8p23f) - 0x1.8p23f;
  REAL r = x - n * 0.693359375f;
  return scale_x(exp_reduced_x(r + n * 2.12194440e-4f), n);
}
)";

constexpr std::string_view by_exponentials = R"(
// At most 1.1 ulp.
FUNCTION REAL log_x(REAL x) {
  REAL scaled = pick_x(x < 0x1p-126f, x * 0x1p24f, x);
  REAL extra = pick_x(x < 0x1p-126f, all_x(-24.0f), all_x(0.0f));
  // 2^23 + n is the number whose last bits are n.
  REAL e = real_x(((bits_x(scaled) >> 23) & 0xffu) | 0x4b000000u) - 0x80007ep0f + extra;
  REAL m = real_x((bits_x(scaled) & 0x007fffffu) | 0x3f000000u);  // in [1/2, 1)
  e = pick_x(m < 0.707106781186547524f, e - 1.0f, e);
  m = pick_x(m < 0.707106781186547524f, m + m - 1.0f, m - 1.0f);
  REAL z = m * m;
  REAL p = 7.0376836292e-2f * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  REAL y = m * z * p - e * 2.12194440e-4f - 0.5f * z;
  y = m + y + e * 0.693359375f;
  y = pick_x(x == __builtin_inff(), x, y);
  y = pick_x(x == 0.0f, all_x(-__builtin_inff()), y);
  y = pick_x(x < 0.0f, all_x(__builtin_nanf("")), y);
  return pick_x(x != x, x, y);
}
// At most 1.3 ulp.
FUNCTION REAL tanh_x(REAL x) {
  REAL z = x * x;
  REAL p = -5.70498872745e-3f * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  REAL small = p * z * x + x;
  REAL a = abs_x(x);
  REAL large = 1.0f - 2.0f / (exp_close_x(a + a) + 1.0f);
  return pick_x(a < 0.625f, small, copysign_x(large, x));
}
// At most 2.4 ulp: x * P(x^2) within 1, beyond it 1 - e^-Q(|x|); P and Q interpolate at Chebyshev
// points, with errors of 2e-9.
FUNCTION REAL erf_x(REAL x) {
  REAL z = x * x;
  REAL p = 7.875875050e-5f * z - 8.016864283e-4f;
  p = p * z + 5.189087423e-3f;
  p = p * z - 2.685421201e-2f;
  p = p * z + 1.128359472e-1f;
  p = p * z - 3.761262667e-1f;
  p = p * z + 1.128379166f;
  REAL a = abs_x(x);
  a = pick_x(a > 3.95f, all_x(3.95f), a);
  REAL q = -1.6613700056795359e-6f * a + 4.651445132e-5f;
  q = q * a - 6.004584355e-4f;
  q = q * a + 4.775768116e-3f;
  q = q * a - 2.646432766e-2f;
  q = q * a + 1.101511289e-1f;
  q = q * a + 6.317559743e-1f;
  q = q * a + 1.130271224f;
  q = q * a - 3.286465816e-4f;
  REAL large = copysign_x(1.0f - exp_close_x(-q), x);
  return pick_x(abs_x(x) < 1.0f, p * x, pick_x(x == x, large, x));
}
FUNCTION REAL rsqrt_x(REAL x) { return 1.0f / sqrt_x(x); }
FUNCTION REAL recip_x(REAL x) { return 1.0f / x; }
FUNCTION REAL sigmoid_x(REAL x) { return 1.0f / (1.0f + exp_x(-x)); }
FUNCTION REAL silu_x(REAL x) { return x / (1.0f + exp_x(-x)); }
FUNCTION REAL gelu_x(REAL x) { return 0.5f * x * (1.0f + erf_x(x * 0.70710678118654752440f)); }
// (1 + tanh(u)) / 2 is 1 / (1 + e^-2u).
FUNCTION REAL gelu_tanh_x(REAL x) {
  return x / (1.0f + exp_x(-1.59576912160573071176f * (x + 0.044715f * x * x * x)));
}
)";

/// The text for one type; `ending` takes the place of the names' _x.
std::string of_type(std::string_view text, std::string_view type, std::string_view ending) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && is_word(text[end])) ++end;
    const std::string_view word = text.substr(i, end - i);
    if (word.empty()) {
      out += text[i++];
      continue;
    }
    if (word == "REAL") {
      out += type;
    } else if (word.ends_with("_x")) {
      out += std::string(word.substr(0, word.size() - 1)) + std::string(ending);
    } else {
      out += word;
    }
    i = end;
  }
  return out;
}

constexpr std::string_view number_base = R"(
// Functions of one f32.

#define pick_f32(condition, a, b) ((condition) ? (a) : (b))
FUNCTION uint32_t bits_f32(float x) { return bits_of(x); }
FUNCTION float real_f32(uint32_t u) { return float_of(u); }
FUNCTION float all_f32(float x) { return x; }
FUNCTION float sqrt_f32(float x) { return __builtin_sqrtf(x); }
)";

constexpr std::string_view vector_base = R"(
// Vectors of f32. A comparison gives lanes of all ones or zeros.

typedef float vector __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t vector_i32 __attribute__((vector_size(VECTOR_BYTES)));
typedef uint32_t vector_u32 __attribute__((vector_size(VECTOR_BYTES)));
typedef uint16_t vector_u16 __attribute__((vector_size(VECTOR_BYTES / 2)));
typedef int8_t vector_i8 __attribute__((vector_size(VECTOR_BYTES / 4)));
#define LANES ((int64_t)(VECTOR_BYTES / sizeof(float)))

FUNCTION vector all_v(float x) { return x - (vector){0}; }
FUNCTION vector_u32 bits_v(vector x) { return (vector_u32)x; }
FUNCTION vector real_v(vector_u32 u) { return (vector)u; }
FUNCTION vector pick_v(vector_i32 condition, vector a, vector b) {
  return (vector)(((vector_i32)a & condition) | ((vector_i32)b & ~condition));
}
// Positions first, first + 1, ...
FUNCTION vector_i32 positions(int64_t first) {
  vector_i32 p;
  for (int32_t l = 0; l < LANES; ++l) p[l] = l;
  return p + (int32_t)first;
}
FUNCTION vector first_v(int64_t count, vector x, vector rest) {
  return pick_v(positions(0) < (int32_t)count, x, rest);
}

// How many elements of so many bytes lie before the next line of 64 bytes.
FUNCTION int64_t to_line(const void *p, int64_t bytes) {
  return (int64_t)(-(uintptr_t)p % 64) / bytes;
}

// Elements of each type at p, all LANES of them or `count`, the others being 0; and back.
)";

constexpr std::string_view square_root_loop = R"(
FUNCTION vector sqrt_v(vector x) {
  for (int64_t l = 0; l < LANES; ++l) x[l] = __builtin_sqrtf(x[l]);
  return x;
}
)";

/// What one machine has its own instructions for.
struct OwnInstructions {
  std::string_view choices = choices_by_picks;
  std::string_view exponentials = exponentials_by_bits;
  std::string square_root{square_root_loop};
};

std::string square_root(std::string_view call) {
  return "\nFUNCTION vector sqrt_v(vector x) { return " + std::string(call) + "; }\n";
}

OwnInstructions own_instructions(const Machine& machine) {
  OwnInstructions own;
  const std::int64_t bytes = machine.cpu.vector_bytes;
  if (bytes == 64 && has_instructions(machine, "avx512f")) {
    if (has_instructions(machine, "avx512dq")) own.exponentials = exponentials_by_scaling;
    own.choices = choices_of_16_lanes;
    own.square_root = square_root("__builtin_ia32_sqrtps512_mask(x, x, -1, 4)");
  } else if (bytes == 32 && has_instructions(machine, "avx")) {
    own.choices = choices_of_8_lanes;
    own.square_root = square_root("__builtin_ia32_sqrtps256(x)");
  }
  return own;
}

}  // namespace

std::string float_functions() {
  std::string text(number_base);
  for (const std::string_view part :
       {choices_by_picks, both, exponentials_by_bits, by_exponentials}) {
    text += of_type(part, "float", "f32");
  }
  return text;
}

std::string vector_functions(const Machine& machine) {
  const OwnInstructions own = own_instructions(machine);
  std::string text = "\n#define VECTOR_BYTES " + std::to_string(machine.cpu.vector_bytes) + "\n";
  text += vector_base;
  text += own.square_root;
  for (const std::string_view part : {own.choices, both, own.exponentials, by_exponentials}) {
    text += of_type(part, "vector", "v");
  }
  text += vector_memory(machine);
  return text;
}

}  // namespace septran::cpu
