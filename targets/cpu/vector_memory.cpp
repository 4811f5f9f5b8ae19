#include "targets/cpu/vector_memory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "targets/cpu/built_ins.h"

namespace septran::cpu {
namespace {

constexpr std::string_view widening_by_loop = R"(
FUNCTION vector_u32 widen_codes(vector_u16 code) {
  return __builtin_convertvector(code, vector_u32);
}
)";

constexpr std::string_view conversions = R"(
FUNCTION vector f32_to_v(vector x) { return x; }
FUNCTION vector v_to_f32(vector x) { return x; }
FUNCTION vector bf16_to_v(vector_u16 code) { return real_v(widen_codes(code) << 16); }
FUNCTION vector_u16 v_to_bf16_by_bits(vector x) {
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

// v_to_bf16_normal is for numbers that are 0 or not smaller than the least normal one.
constexpr std::string_view bf16_by_bits = R"(
FUNCTION vector_u16 v_to_bf16(vector x) { return v_to_bf16_by_bits(x); }
FUNCTION vector_u16 v_to_bf16_normal(vector x) { return v_to_bf16_by_bits(x); }
FUNCTION int has_subnormal(vector x) { (void)x; return 0; }
)";

constexpr std::string_view bf16_of_16_lanes = R"(
FUNCTION vector_u16 v_to_bf16_normal(vector x) {
  vector_u16 codes;
  __asm__("vcvtneps2bf16 %1, %0" : "=v"(codes) : "v"(x));
  return codes;
}
FUNCTION int has_subnormal(vector x) { return __builtin_ia32_fpclassps512_mask(x, 0x20, -1); }
FUNCTION vector_u16 v_to_bf16(vector x) {
  if (__builtin_expect(has_subnormal(x), 0)) return v_to_bf16_by_bits(x);
  return v_to_bf16_normal(x);
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
  typedef CODES NAME##_codes; \
  typedef CODES NAME##_codes_at __attribute__((aligned(1), may_alias)); \
  FUNCTION vector load_##NAME##_v(const TYPE *p) { return NAME##_to_v(*(const NAME##_codes_at *)p); } \
  FUNCTION void store_##NAME##_codes(TYPE *p, CODES x) { *(NAME##_codes_at *)p = x; } \
  FUNCTION void store_##NAME##_v(TYPE *p, vector x) { store_##NAME##_codes(p, v_to_##NAME(x)); } \
  FUNCTION void store_far_##NAME##_codes(TYPE *p, CODES x) { \
    if ((uintptr_t)p % sizeof(x) == 0) FAR_##NAME(p, x); \
    else *(NAME##_codes_at *)p = x; \
  } \
  FUNCTION void store_far_##NAME##_v(TYPE *p, vector x) { store_far_##NAME##_codes(p, v_to_##NAME(x)); } \
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
  FUNCTION void store_part_##NAME##_codes(TYPE *p, CODES x, int64_t count) { \
    for (int64_t l = 0; l < count; ++l) p[l] = ((TYPE *)&x)[l]; \
  } \
  FUNCTION void store_part_##NAME##_v(TYPE *p, vector x, int64_t count) { \
    store_part_##NAME##_codes(p, v_to_##NAME(x), count); \
  }
PART(f16, uint16_t, vector_u16)
PART(bf16, uint16_t, vector_u16)
PART(i8, int8_t, vector_i8)
STORE_PART(f32, float, vector)
STORE_PART(f16, uint16_t, vector_u16)
STORE_PART(bf16, uint16_t, vector_u16)
STORE_PART(i8, int8_t, vector_i8)
)";

constexpr std::string_view f32_part = R"(
PART(f32, float, vector)
#define store_some_f32_v store_part_f32_v
)";

// A masked store to a line that is not in a cache takes as long as the line does.
constexpr std::string_view f32_part_by_masks = R"(
FUNCTION void store_some_f32_v(float *p, vector x, int64_t count) {
  __builtin_ia32_storeups512_mask(p, x, (uint16_t)((1u << count) - 1));
}
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

/// Lane r is the result of row r, of as many rows as lanes. In each step two vectors become one: of
/// the blocks of so many lanes that belong to one row, one half is joined with the other.
std::string results_of_rows(std::int64_t lanes) {
  std::string text = "\n#define ROWS(NAME) \\\n  FUNCTION vector NAME##_rows(vector *x) { \\\n";
  for (std::int64_t half = lanes / 2; half > 0; half /= 2) {
    std::vector<std::int64_t> low;
    std::vector<std::int64_t> high;
    for (std::int64_t l = 0; l < lanes; ++l) {
      const bool second = (l & half) != 0;
      low.push_back(second ? lanes + l - half : l);
      high.push_back(second ? lanes + l : l + half);
    }
    text += fmt::format(
        "    for (int64_t r = 0; r < {0}; ++r) {{ \\\n"
        "      x[r] = NAME##_v(SHUFFLE(x[r], x[r + {0}], {1}), \\\n"
        "                      SHUFFLE(x[r], x[r + {0}], {2})); \\\n    }} \\\n",
        half, fmt::join(low, ", "), fmt::join(high, ", "));
  }
  return text + "    return x[0]; \\\n  }\nROWS(add)\nROWS(max)\nROWS(min)\n";
}

/// What one machine has its own instructions for.
struct OwnInstructions {
  std::string_view bf16 = bf16_by_bits;
  std::string_view f16 = f16_by_bits;
  std::string_view part = f32_part;
  std::string far =
      "#define FAR_f32(p, x) (*(vector *)(p) = (x))\n"
      "#define FAR_f16(p, x) (*(vector_u16 *)(p) = (x))\n";
  std::string fence = "((void)0)";
};

std::string far_stores(std::string_view f32, std::string_view f16, std::string_view codes) {
  return "#define FAR_f32(p, x) " + std::string(f32) + "((p), (x))\n#define FAR_f16(p, x) " +
         std::string(f16) + "((" + std::string(codes) + " *)(p), (" + std::string(codes) +
         ")(x))\n";
}

OwnInstructions own_instructions(const Machine& machine) {
  OwnInstructions own;
  const std::int64_t bytes = machine.cpu.vector_bytes;
  if (bytes == 64 && has_instructions(machine, "avx512f")) {
    own.f16 = f16_of_16_lanes;
    if (has_instructions(machine, "avx512dq") && machine.cpu.has("avx512_bf16")) {
      own.bf16 = bf16_of_16_lanes;
    }
    own.part = f32_part_by_masks;
    own.far = "typedef long long far_codes __attribute__((vector_size(32)));\n" +
              far_stores("__builtin_ia32_movntps512", "__builtin_ia32_movntdq256", "far_codes");
  } else if (bytes == 32 && has_instructions(machine, "avx")) {
    if (has_instructions(machine, "f16c")) own.f16 = f16_of_8_lanes;
    own.far = "typedef long long far_codes __attribute__((vector_size(16)));\n" +
              far_stores("__builtin_ia32_movntps256", "__builtin_ia32_movntdq", "far_codes");
  } else {
    return own;
  }
  own.fence = "__builtin_ia32_sfence()";
  return own;
}

}  // namespace

bool has_instructions(const Machine& machine, std::string_view set) {
  for (const std::string& one : machine.cpu.instruction_sets) {
    if (one == set) return true;
  }
  return false;
}

std::string vector_memory(const Machine& machine) {
  const OwnInstructions own = own_instructions(machine);
  std::string text(widening_by_loop);
  if (const auto wide = widening(machine, 2, false); !wide.empty()) {
    text = fmt::format(
        "\nFUNCTION vector_u32 widen_codes(vector_u16 code) {{\n  vector_u32 wide;\n"
        "  __asm__(\"{}\" : \"=v\"(wide) : \"v\"(code));\n  return wide;\n}}\n",
        wide);
  }
  text += conversions;
  text += own.bf16;
  text += own.f16;
  text += "\n" + own.far;
  text += "#define FAR_bf16 FAR_f16\n#define FAR_i8(p, x) (*(vector_i8 *)(p) = (x))\n";
  text += "#define FAR_FENCE() " + own.fence + "\n";
  text += memory;
  text += own.part;
  text += across;
  text += results_of_rows(machine.cpu.vector_bytes / 4);
  return text;
}

}  // namespace septran::cpu
