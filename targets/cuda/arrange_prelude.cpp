#include "targets/cuda/prelude.h"

namespace septran::cuda {

const std::string_view arrange_prelude = R"(
// Tensors copied to rows that begin at multiples of 128 bytes. Loads are of whole words: where a row
// begins within one, two neighbours are shifted together. Nothing is read from `end` on.

// The word at a multiple of 4.
FUNCTION uint32_t aligned_word(const char *p, const char *end) {
  if (p + 4 <= end) return *(const uint32_t *)p;
  uint32_t word = 0;
  for (int i = 0; i < 4; ++i) {
    if (p + i < end) word |= (uint32_t)*(const uint8_t *)(p + i) << 8 * i;
  }
  return word;
}
FUNCTION uint32_t word_at(const char *p, const char *end) {
  const uint32_t shift = (uint64_t)p & 3;
  return __funnelshift_r(aligned_word(p - shift, end), aligned_word(p - shift + 4, end), 8 * shift);
}

// What products and copies of later kernels read is written by ordinary stores.
FUNCTION void fence_all() {
#if __CUDA_ARCH__ >= 900
  asm volatile("fence.proxy.async;" ::: "memory");
#endif
}

// `rows` rows of `bytes`, one behind the other, to rows that begin `pitch` bytes apart. A warp copies
// 256 words of a row at a time.
FUNCTION void pad_rows(char *to, const char *from, int64_t rows, int64_t bytes, int64_t pitch) {
  const char *const end = from + rows * bytes;
  const int lane = threadIdx.x % 32;
  const int words = (int)((bytes + 3) / 4);
  const int parts = (words + 255) / 256;
  const int64_t warps = (int64_t)gridDim.x * blockDim.x / 32;
  for (int64_t at = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) / 32; at < rows * parts; at += warps) {
    const int64_t row = at / parts;
    const int first = (int)(at - row * parts) * 256;
    const char *const source = from + row * bytes + first * 4;
    uint32_t *const target = (uint32_t *)(to + row * pitch) + first;
    if (first + 256 <= words && source + 257 * 4 <= end) {
      const uint32_t shift = (uint64_t)source & 3;
      const uint32_t *const p = (const uint32_t *)(source - shift) + lane;
      uint32_t low[8], high[8];
      #pragma unroll
      for (int i = 0; i < 8; ++i) low[i] = p[i * 32], high[i] = p[i * 32 + 1];
      #pragma unroll
      for (int i = 0; i < 8; ++i) target[i * 32 + lane] = __funnelshift_r(low[i], high[i], 8 * shift);
    } else {
      for (int w = lane; w < 256 && first + w < words; w += 32) target[w] = word_at(source + w * 4, end);
    }
  }
  fence_all();
}

// `count` matrices of rows x columns, each to columns x rows whose rows begin `pitch` bytes apart, in
// tiles of 128 rows of 128 bytes. A word's place in its row of the tile is xored with the number of the
// words that rows make across: neither side meets a bank twice.
template <int bytes>
FUNCTION void turn_rows(char *to, const char *from, int64_t count, int64_t rows, int64_t columns,
                        int64_t pitch, uint32_t *tile) {
  constexpr int n = 4 / bytes;  // elements of a word
  const char *const end = from + count * rows * columns * bytes;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t down = (rows + 127) / 128, across = (columns + 32 * n - 1) / (32 * n);
  const int64_t step = 8 * columns * bytes;  // from one row of a warp's to its next
  const bool aligned = columns * bytes % 4 == 0;
  for (int64_t at = blockIdx.x; at < count * down * across; at += gridDim.x) {
    const int64_t matrix = at / (down * across);
    const int64_t first_row = at / across % down * 128;
    const int64_t first_column = at % across * (32 * n), column = first_column + lane * n;
    const char *const p = from + ((matrix * rows + first_row + warp) * columns + column) * bytes;
    uint32_t words[16];
    if (aligned && first_row + 128 <= rows && first_column + 32 * n <= columns) {
      #pragma unroll
      for (int s = 0; s < 16; ++s) words[s] = *(const uint32_t *)(p + s * step);
    } else {
      #pragma unroll
      for (int s = 0; s < 16; ++s) {
        const bool inside = first_row + s * 8 + warp < rows && column < columns;
        words[s] = inside ? word_at(p + s * step, end) : 0;
      }
    }
    #pragma unroll
    for (int s = 0; s < 16; ++s) {
      const int r = s * 8 + warp;
      tile[r * 32 + (lane ^ (r / n % 32))] = words[s];
    }
    __syncthreads();
    #pragma unroll
    for (int s = 0; s < 4 * bytes; ++s) {
      const int c = s / bytes * 8 + warp;                     // words across
      const int r = (s % bytes * 32 + lane) * n;              // rows that make a word
      uint32_t across_rows[n];
      #pragma unroll
      for (int i = 0; i < n; ++i) across_rows[i] = tile[(r + i) * 32 + (c ^ lane)];
      #pragma unroll
      for (int j = 0; j < n; ++j) {
        uint32_t word = 0;
        #pragma unroll
        for (int i = 0; i < n; ++i) {
          const uint32_t element = bytes == 4 ? across_rows[i] : across_rows[i] >> (8 * bytes * j) & ((1u << (8 * bytes % 32)) - 1);
          word |= element << (8 * bytes * i % 32);
        }
        const int64_t to_row = first_column + c * n + j;
        if (to_row < columns && first_row + r < rows) {
          *(uint32_t *)(to + (matrix * columns + to_row) * pitch + (first_row + r) * bytes) = word;
        }
      }
    }
    __syncthreads();
  }
  fence_all();
}

)";

}  // namespace septran::cuda
