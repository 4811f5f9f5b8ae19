#include "compiler/kernels/simd.h"

#include <cpuid.h>

namespace septran::kernels {
namespace {

/// Not every compiler's __builtin_cpu_supports knows this feature.
bool has_f16c() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

}  // namespace

const Simd& simd() {
  static const bool has_avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
  return has_avx2 ? simd_avx2() : simd_base();
}

}  // namespace septran::kernels
