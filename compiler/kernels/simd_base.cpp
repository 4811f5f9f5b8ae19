// The inner loops for any x86-64.
#define SEPTRAN_SIMD_NAME base
#define SEPTRAN_SIMD_FUNCTION simd_base
#include "compiler/kernels/simd_impl.h"
