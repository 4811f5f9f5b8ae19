#include "compiler/kernels/simd.h"

namespace septran::kernels {

const Simd& simd() {
  static const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                               __builtin_cpu_supports("f16c");
  return has_avx2 ? simd_avx2() : simd_base();
}

}  // namespace septran::kernels
