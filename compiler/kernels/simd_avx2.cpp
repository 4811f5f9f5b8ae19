// The inner loops for machines with AVX2, FMA and F16C; compiled with those instructions. Eigen
// gets a namespace of its own here: its templates must not be merged with those of other files.
#define Eigen EigenAvx2  // NOLINT(readability-identifier-naming)
#define SEPTRAN_SIMD_NAME avx2
#define SEPTRAN_SIMD_FUNCTION simd_avx2
#include "compiler/kernels/simd_impl.h"
