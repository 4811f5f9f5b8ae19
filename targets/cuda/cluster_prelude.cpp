#include "targets/cuda/prelude.h"

namespace septran::cuda {

const std::string_view cluster_prelude = R"(
// Clusters: blocks that reach each other's shared memory.
FUNCTION uint32_t cluster_rank() { uint32_t r; asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(r)); return r; }
// All threads of all blocks of the cluster.
FUNCTION void cluster_barrier() {
  asm volatile("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;" ::: "memory");
}
// The same barrier of another block. What it tells is that products and copies are done, which the
// barrier itself orders: a release or acquire for all of the cluster's memory would cost a trip to
// the L2 cache each time.
FUNCTION void barrier_arrive_at(uint64_t *b, uint32_t rank) {
  asm volatile("{ .reg .b32 there; mapa.shared::cluster.u32 there, %0, %1; "
               "mbarrier.arrive.shared::cluster.b64 _, [there]; }"
               :: "r"(shared_address(b)), "r"(rank) : "memory");
}
// The mask of a rank, from those of all ranks, 8 bits each.
FUNCTION uint32_t mask_of(uint64_t masks, uint32_t rank) { return (uint32_t)(masks >> (8 * rank)) & 0xff; }
// The place of a rank in a mask that it is in.
FUNCTION uint32_t place_in(uint32_t mask, uint32_t rank) { return __popc(mask & ((1u << rank) - 1)); }

// A box of a tensor into the shared memory of the blocks of a mask; each one's barrier is told.
#define MULTICAST(rank) "cp.async.bulk.tensor." #rank "d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
FUNCTION void bulk_multicast(void *to, const TensorMap *map, uint64_t *b, uint32_t mask, int c0) {
  asm volatile(MULTICAST(1) "[%0], [%1, {%2}], [%3], %4;"
               :: "r"(shared_address(to)), "l"(map), "r"(c0), "r"(shared_address(b)), "h"((uint16_t)mask) : "memory");
}
FUNCTION void bulk_multicast(void *to, const TensorMap *map, uint64_t *b, uint32_t mask, int c0, int c1) {
  asm volatile(MULTICAST(2) "[%0], [%1, {%2, %3}], [%4], %5;"
               :: "r"(shared_address(to)), "l"(map), "r"(c0), "r"(c1), "r"(shared_address(b)), "h"((uint16_t)mask) : "memory");
}
FUNCTION void bulk_multicast(void *to, const TensorMap *map, uint64_t *b, uint32_t mask, int c0, int c1, int c2) {
  asm volatile(MULTICAST(3) "[%0], [%1, {%2, %3, %4}], [%5], %6;"
               :: "r"(shared_address(to)), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(shared_address(b)), "h"((uint16_t)mask) : "memory");
}
FUNCTION void bulk_multicast(void *to, const TensorMap *map, uint64_t *b, uint32_t mask, int c0, int c1, int c2, int c3) {
  asm volatile(MULTICAST(4) "[%0], [%1, {%2, %3, %4, %5}], [%6], %7;"
               :: "r"(shared_address(to)), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(shared_address(b)), "h"((uint16_t)mask) : "memory");
}
FUNCTION void bulk_multicast(void *to, const TensorMap *map, uint64_t *b, uint32_t mask, int c0, int c1, int c2, int c3, int c4) {
  asm volatile(MULTICAST(5) "[%0], [%1, {%2, %3, %4, %5, %6}], [%7], %8;"
               :: "r"(shared_address(to)), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4), "r"(shared_address(b)), "h"((uint16_t)mask) : "memory");
}
#undef MULTICAST
)";

const std::string_view store_prelude = R"(
// Tiles leave by way of shared memory: fragments of products go there as they lie, 16 rows of 16
// columns of a warp at a time, and the copy engine takes boxes from there.
FUNCTION void store_fragment(uint32_t at, uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};"
               :: "r"(at), "r"(w0), "r"(w1), "r"(w2), "r"(w3) : "memory");
}
FUNCTION void bulk_store(const TensorMap *map, const void *from, int c0) {
  asm volatile("cp.async.bulk.tensor.1d.global.shared::cta.bulk_group [%0, {%2}], [%1];"
               :: "l"(map), "r"(shared_address(from)), "r"(c0) : "memory");
}
FUNCTION void bulk_store(const TensorMap *map, const void *from, int c0, int c1) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2, %3}], [%1];"
               :: "l"(map), "r"(shared_address(from)), "r"(c0), "r"(c1) : "memory");
}
FUNCTION void bulk_store(const TensorMap *map, const void *from, int c0, int c1, int c2) {
  asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.bulk_group [%0, {%2, %3, %4}], [%1];"
               :: "l"(map), "r"(shared_address(from)), "r"(c0), "r"(c1), "r"(c2) : "memory");
}
FUNCTION void bulk_store(const TensorMap *map, const void *from, int c0, int c1, int c2, int c3) {
  asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];"
               :: "l"(map), "r"(shared_address(from)), "r"(c0), "r"(c1), "r"(c2), "r"(c3) : "memory");
}
FUNCTION void bulk_store(const TensorMap *map, const void *from, int c0, int c1, int c2, int c3, int c4) {
  asm volatile("cp.async.bulk.tensor.5d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5, %6}], [%1];"
               :: "l"(map), "r"(shared_address(from)), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4) : "memory");
}
// A warp's 16 rows of a swizzled panel of 64 columns of 16 bits, to rows that begin anywhere, `stride`
// elements apart, of which `rows` and `columns` are there: a lane stores whole words, for which two
// lanes give their halves where a row begins between words.
FUNCTION void store_rows(uint16_t *to, int64_t stride, const char *panel, int rows, int columns) {
  const int lane = threadIdx.x % 32;
  #pragma unroll
  for (int r = 0; r < 16; ++r) {
    const uint32_t word = *(const uint32_t *)(panel + r * 128 + ((lane / 4 ^ r % 8) * 16 + lane % 4 * 4));
    const uint32_t next = __shfl_down_sync(0xffffffffu, word, 1);
    uint16_t *const row = to + r * stride;
    const int odd = (uint64_t)row >> 1 & 1;
    const int first = 2 * lane + odd;
    const uint32_t pair = odd ? __funnelshift_r(word, next, 16) : word;
    const int valid = r < rows ? columns : 0;
    if (first + 1 < min(valid, 64)) {
      *(uint32_t *)(row + first) = pair;
    } else if (first < valid) {
      row[first] = (uint16_t)pair;
    }
    if (odd && lane == 0 && valid > 0) row[0] = (uint16_t)word;
  }
}
// The threads of a warpgroup: barriers behind that of all that work on tiles.
FUNCTION void warpgroup_barrier(int warpgroup) { asm volatile("bar.sync %0, 128;" :: "r"(warpgroup + 8) : "memory"); }
FUNCTION void stores_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
// No more than so many are still read from shared memory.
template <int running>
FUNCTION void stores_wait_read() { asm volatile("cp.async.bulk.wait_group.read %0;" :: "n"(running) : "memory"); }
FUNCTION void stores_wait() { asm volatile("cp.async.bulk.wait_group 0;" ::: "memory"); }
)";

}  // namespace septran::cuda
