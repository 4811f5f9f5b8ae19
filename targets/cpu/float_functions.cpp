#include "targets/cpu/float_functions.h"

#include <utility>

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

constexpr std::string_view conversions = R"(
FUNCTION vector f32_to_v(vector x) { return x; }
FUNCTION vector v_to_f32(vector x) { return x; }
FUNCTION vector bf16_to_v(vector_u16 code) {
  return real_v(__builtin_convertvector(code, vector_u32) << 16);
}
FUNCTION vector_u16 v_to_bf16(vector x) {
  vector_u32 bits = bits_v(x);
  vector_u32 rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  vector_u32 nan = (vector_u32)(x != x);
  return __builtin_convertvector((((bits >> 16) | 0x40u) & nan) | (rounded & ~nan), vector_u16);
}
FUNCTION vector i8_to_v(vector_i8 x) {
  return __builtin_convertvector(__builtin_convertvector(x, vector_i32), vector);
}
FUNCTION vector_i8 v_to_i8(vector x) {
  x = pick_v(x == x, x, all_v(0.0f));
  vector rounded = (clamp_v(x, all_v(-128.0f), all_v(127.0f)) + 0x1.8p23f) - 0x1.8p23f;
  return __builtin_convertvector(__builtin_convertvector(rounded, vector_i32), vector_i8);
}
)";

constexpr std::string_view f16_by_bits = R"(
FUNCTION vector f16_to_v(vector_u16 code) {
  vector_u32 wide = __builtin_convertvector(code, vector_u32);
  vector_u32 magnitude = (wide & 0x7fffu) << 13;
  vector_u32 special = (vector_u32)(magnitude >= 0x0f800000u);
  vector_u32 finite = bits_v(real_v(magnitude) * 0x1p112f);
  magnitude = ((magnitude | 0x7f800000u) & special) | (finite & ~special);
  return real_v(((wide & 0x8000u) << 16) | magnitude);
}
FUNCTION vector_u16 v_to_f16(vector x) {
  vector_u32 magnitude = bits_v(x) & 0x7fffffffu;
  vector_u32 code = (magnitude + 0xc8000fffu + ((magnitude >> 13) & 1u)) >> 13;
  vector_u32 small = bits_v(real_v(magnitude) + 0.5f) - 0x3f000000u;
  vector_u32 is_small = (vector_u32)(magnitude < 0x38800000u);
  vector_u32 beyond = (vector_u32)(magnitude >= 0x47800000u);
  vector_u32 nan = (vector_u32)(magnitude > 0x7f800000u);
  code = (small & is_small) | (code & ~is_small);
  code = ((0x7c00u | (nan & 0x200u)) & beyond) | (code & ~beyond);
  return __builtin_convertvector(((bits_v(x) >> 16) & 0x8000u) | code, vector_u16);
}
)";

constexpr std::string_view f16_of_16_lanes = R"(
typedef int16_t half_codes __attribute__((vector_size(32)));
FUNCTION vector f16_to_v(vector_u16 code) {
  return __builtin_ia32_vcvtph2ps512_mask((half_codes)code, (vector){0}, -1, 4);
}
FUNCTION vector_u16 v_to_f16(vector x) {
  return (vector_u16)__builtin_ia32_vcvtps2ph512_mask(x, 0, (half_codes){0}, -1);
}
)";

constexpr std::string_view f16_of_8_lanes = R"(
typedef int16_t half_codes __attribute__((vector_size(16)));
FUNCTION vector f16_to_v(vector_u16 code) { return __builtin_ia32_vcvtph2ps256((half_codes)code); }
FUNCTION vector_u16 v_to_f16(vector x) { return (vector_u16)__builtin_ia32_vcvtps2ph256(x, 0); }
)";

// FAR takes what is written once and is larger than all caches past them.
constexpr std::string_view memory = R"(
#define MEMORY(NAME, TYPE, CODES) \
  typedef CODES NAME##_codes_at __attribute__((aligned(1), may_alias)); \
  FUNCTION vector load_##NAME##_v(const TYPE *p) { return NAME##_to_v(*(const NAME##_codes_at *)p); } \
  FUNCTION void store_##NAME##_v(TYPE *p, vector x) { *(NAME##_codes_at *)p = v_to_##NAME(x); } \
  FUNCTION void store_far_##NAME##_v(TYPE *p, vector x) { \
    CODES codes = v_to_##NAME(x); \
    if ((uintptr_t)p % sizeof(codes) == 0) FAR_##NAME(p, codes); \
    else *(NAME##_codes_at *)p = codes; \
  } \
  FUNCTION vector round_##NAME##_v(vector x) { return NAME##_to_v(v_to_##NAME(x)); }
MEMORY(f32, float, vector)
MEMORY(f16, uint16_t, vector_u16)
MEMORY(bf16, uint16_t, vector_u16)
MEMORY(i8, int8_t, vector_i8)

#define PART(NAME, TYPE, CODES) \
  FUNCTION vector part_##NAME##_v(const TYPE *p, int64_t count) { \
    CODES x = {0}; \
    for (int64_t l = 0; l < count; ++l) ((TYPE *)&x)[l] = p[l]; \
    return NAME##_to_v(x); \
  }
#define STORE_PART(NAME, TYPE, CODES) \
  FUNCTION void store_part_##NAME##_v(TYPE *p, vector x, int64_t count) { \
    CODES codes = v_to_##NAME(x); \
    for (int64_t l = 0; l < count; ++l) p[l] = ((TYPE *)&codes)[l]; \
  }
PART(f16, uint16_t, vector_u16)
PART(bf16, uint16_t, vector_u16)
PART(i8, int8_t, vector_i8)
STORE_PART(f32, float, vector)
STORE_PART(f16, uint16_t, vector_u16)
STORE_PART(bf16, uint16_t, vector_u16)
STORE_PART(i8, int8_t, vector_i8)
)";

constexpr std::string_view f32_part = "PART(f32, float, vector)\n";

// Stores have no use for masks: a masked one to a line that is not in the cache takes as long as
// the line does.
constexpr std::string_view f32_part_by_masks = R"(
FUNCTION vector part_f32_v(const float *p, int64_t count) {
  return __builtin_ia32_loadups512_mask(p, (vector){0}, (uint16_t)((1u << count) - 1));
}
)";

// The result of a row: pairs of lanes, then pairs of these.
constexpr std::string_view across = R"(
#define ACROSS(NAME) \
  FUNCTION float NAME##_across(vector x) { \
    for (int64_t half = LANES / 2; half > 0; half /= 2) { \
      x = NAME##_v(x, __builtin_shuffle(x, positions(half))); \
    } \
    return x[0]; \
  }
ACROSS(add)
ACROSS(max)
ACROSS(min)
)";

bool has(const Machine& machine, std::string_view set) {
  for (const std::string& one : machine.cpu.instruction_sets) {
    if (one == set) return true;
  }
  return false;
}

/// What one machine has its own instructions for.
struct OwnInstructions {
  std::string_view choices = choices_by_picks;
  std::string_view exponentials = exponentials_by_bits;
  std::string_view f16 = f16_by_bits;
  std::string_view part = f32_part;
  std::string square_root{square_root_loop};
  std::string far =
      "#define FAR_f32(p, x) (*(vector *)(p) = (x))\n"
      "#define FAR_f16(p, x) (*(vector_u16 *)(p) = (x))\n";
  std::string_view fence = "";
};

std::string square_root(std::string_view call) {
  return "\nFUNCTION vector sqrt_v(vector x) { return " + std::string(call) + "; }\n";
}

std::string far_stores(std::string_view f32, std::string_view f16, std::string_view codes) {
  return "#define FAR_f32(p, x) " + std::string(f32) + "((p), (x))\n#define FAR_f16(p, x) " +
         std::string(f16) + "((" + std::string(codes) + " *)(p), (" + std::string(codes) +
         ")(x))\n";
}

OwnInstructions own_instructions(const Machine& machine) {
  OwnInstructions own;
  const std::int64_t bytes = machine.cpu.vector_bytes;
  if (bytes == 64 && has(machine, "avx512f")) {
    if (has(machine, "avx512dq")) own.exponentials = exponentials_by_scaling;
    own.choices = choices_of_16_lanes;
    own.f16 = f16_of_16_lanes;
    own.part = f32_part_by_masks;
    own.square_root = square_root("__builtin_ia32_sqrtps512_mask(x, x, -1, 4)");
    own.far = "typedef long long far_codes __attribute__((vector_size(32)));\n" +
              far_stores("__builtin_ia32_movntps512", "__builtin_ia32_movntdq256", "far_codes");
  } else if (bytes == 32 && has(machine, "avx")) {
    if (has(machine, "f16c")) own.f16 = f16_of_8_lanes;
    own.choices = choices_of_8_lanes;
    own.square_root = square_root("__builtin_ia32_sqrtps256(x)");
    own.far = "typedef long long far_codes __attribute__((vector_size(16)));\n" +
              far_stores("__builtin_ia32_movntps256", "__builtin_ia32_movntdq", "far_codes");
  } else {
    return own;
  }
  own.fence = "__builtin_ia32_sfence()";
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
  text += conversions;
  text += own.f16;
  text += "\n" + own.far;
  text += "#define FAR_bf16 FAR_f16\n#define FAR_i8(p, x) (*(vector_i8 *)(p) = (x))\n";
  text +=
      "#define FAR_FENCE() " + (own.fence.empty() ? "((void)0)" : std::string(own.fence)) + "\n";
  text += memory;
  text += own.part;
  text += across;
  return text;
}

}  // namespace septran::cpu
