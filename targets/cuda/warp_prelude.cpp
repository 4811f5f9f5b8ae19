#include "targets/cuda/prelude.h"

namespace septran::cuda {

const std::string_view warp_prelude = R"(
// Products of warps, on swizzled tiles in shared memory. `bytes` of an element, `rows` of a tile;
// an instruction takes 32 bytes along k of 16 rows and 8 columns. A tile `by_k` has k along its
// rows: neighbours along k lie side by side.

template <int rows>
FUNCTION int swizzled_byte(int row, int at) {
  return (at / 128 * rows + row) * 128 + ((at % 128) ^ (row % 8 * 16));
}
// Likewise, transposed.
FUNCTION void load_matrices_transposed(uint32_t (&f)[4], uint32_t from) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f[0]), "=r"(f[1]), "=r"(f[2]), "=r"(f[3]) : "r"(from) : "memory");
}

// Four bytes that are neighbours along k, which runs across the rows of a tile.
template <int bytes, int rows>
FUNCTION uint32_t gather_along_k(const char *tile, int outer, int k) {
  uint32_t word = 0;
  #pragma unroll
  for (int j = 0; j < 4 / bytes; ++j) {
    const char *const p = tile + swizzled_byte<rows>(k + j, outer * bytes);
    const uint32_t part = bytes == 1 ? *(const uint8_t *)p : bytes == 2 ? *(const uint16_t *)p : *(const uint32_t *)p;
    word |= part << (8 * bytes * j);
  }
  return word;
}

// Rows from `row` on, step `step` of k.
template <int bytes, bool by_k, int rows>
FUNCTION void load_left(uint32_t (&f)[4], const char *tile, int row, int step) {
  const int lane = threadIdx.x % 32;
  if (by_k) {
    load_matrices(f, shared_address(tile + swizzled_byte<rows>(row + lane % 16, step * 32 + lane / 16 * 16)));
  } else if (bytes == 2) {
    load_matrices_transposed(f, shared_address(tile + swizzled_byte<rows>(
        step * 16 + lane % 8 + lane / 16 * 8, (row + lane / 8 % 2 * 8) * 2)));
  } else {
    #pragma unroll
    for (int i = 0; i < 4; ++i) {
      f[i] = gather_along_k<bytes, rows>(tile, row + lane / 4 + i % 2 * 8,
                                         (step * 32 + i / 2 * 16 + lane % 4 * 4) / bytes);
    }
  }
}

// 16 columns from `col` on: two words for the first 8, two for the others.
template <int bytes, bool by_k, int rows>
FUNCTION void load_right(uint32_t (&f)[4], const char *tile, int col, int step) {
  const int lane = threadIdx.x % 32;
  if (by_k) {
    load_matrices(f, shared_address(tile + swizzled_byte<rows>(
        col + lane % 8 + lane / 16 * 8, step * 32 + lane / 8 % 2 * 16)));
  } else if (bytes == 2) {
    load_matrices_transposed(f, shared_address(tile + swizzled_byte<rows>(
        step * 16 + lane % 16, (col + lane / 16 * 8) * 2)));
  } else {
    #pragma unroll
    for (int i = 0; i < 4; ++i) {
      f[i] = gather_along_k<bytes, rows>(tile, col + lane / 4 + i / 2 * 8,
                                         (step * 32 + i % 2 * 16 + lane % 4 * 4) / bytes);
    }
  }
}

FUNCTION void round_factors(uint32_t (&f)[4]) {
  #pragma unroll
  for (int i = 0; i < 4; ++i) f[i] = to_tf32(f[i]);
}

#define WARP_PRODUCT(name, instruction, sum_type, letter) \
  FUNCTION void name(sum_type *d, const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { \
    asm volatile(instruction " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
                 : "+" letter(d[0]), "+" letter(d[1]), "+" letter(d[2]), "+" letter(d[3]) \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1)); \
  }
WARP_PRODUCT(warp_product_f16, "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", float, "f")
WARP_PRODUCT(warp_product_bf16, "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", float, "f")
WARP_PRODUCT(warp_product_tf32, "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", float, "f")
WARP_PRODUCT(warp_product_i8, "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32", int32_t, "r")
#if __CUDA_ARCH__ >= 890
WARP_PRODUCT(warp_product_f8e4m3, "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32", float, "f")
WARP_PRODUCT(warp_product_f8e5m2, "mma.sync.aligned.m16n8k32.row.col.f32.e5m2.e5m2.f32", float, "f")
#endif

)";

}  // namespace septran::cuda
