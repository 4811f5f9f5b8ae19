#include "targets/cuda/prelude.h"

namespace septran::cuda {

const std::string_view hopper_prelude = R"(
// Barriers in shared memory. A barrier's phase ends with its last arrival, once all bytes that were
// announced have come.
FUNCTION void barrier_init(uint64_t *b, uint32_t arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(shared_address(b)), "r"(arrivals) : "memory");
}
FUNCTION void barriers_ready() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
FUNCTION void barrier_arrive(uint64_t *b) {
  asm volatile("{ .reg .b64 state; mbarrier.arrive.shared::cta.b64 state, [%0]; }" :: "r"(shared_address(b)) : "memory");
}
FUNCTION void barrier_expect(uint64_t *b, uint32_t bytes) {
  asm volatile("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%0], %1;" :: "r"(shared_address(b)), "r"(bytes) : "memory");
}
FUNCTION void barrier_wait(uint64_t *b, uint32_t parity) {
  uint32_t done;
  do {
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                 : "=r"(done) : "r"(shared_address(b)), "r"(parity) : "memory");
  } while (!done);
}

// What a role knows of an event: the barrier of its next wait or signal, and the parity of its phase.
struct Event {
  int at;
  uint32_t parity;
  __device__ __forceinline__ void next(int count) { if (++at == count) { at = 0; parity ^= 1; } }
  // Those of other teams.
  __device__ __forceinline__ void pass(int n, int count) { at += n; parity ^= at / count & 1; at %= count; }
};

// The threads of a team that works on tiles, without the one that copies.
template <int threads>
FUNCTION void consumer_barrier(int team) { asm volatile("bar.sync %0, %1;" :: "r"(team + 1), "n"(threads) : "memory"); }
// Teams that multiply in turn: the one before passes the turn on.
template <int threads>
FUNCTION void turn_wait(int team) { asm volatile("bar.sync %0, %1;" :: "r"(team + 12), "n"(2 * threads) : "memory"); }
template <int threads>
FUNCTION void turn_pass(int team) { asm volatile("bar.arrive %0, %1;" :: "r"(team + 12), "n"(2 * threads) : "memory"); }
// What was written with ordinary stores is seen by the tensor cores and the copy engine.
FUNCTION void fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// The copy engine: a box of a tensor into shared memory.
struct alignas(64) TensorMap { uint64_t words[16]; };
FUNCTION void bulk_copy(void *to, const TensorMap *map, uint64_t *b, int c0) {
  asm volatile("cp.async.bulk.tensor.1d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2}], [%3];"
               :: "r"(shared_address(to)), "l"(map), "r"(c0), "r"(shared_address(b)) : "memory");
}
FUNCTION void bulk_copy(void *to, const TensorMap *map, uint64_t *b, int c0, int c1) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];"
               :: "r"(shared_address(to)), "l"(map), "r"(c0), "r"(c1), "r"(shared_address(b)) : "memory");
}
FUNCTION void bulk_copy(void *to, const TensorMap *map, uint64_t *b, int c0, int c1, int c2) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4}], [%5];"
               :: "r"(shared_address(to)), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(shared_address(b)) : "memory");
}
FUNCTION void bulk_copy(void *to, const TensorMap *map, uint64_t *b, int c0, int c1, int c2, int c3) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5}], [%6];"
               :: "r"(shared_address(to)), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(shared_address(b)) : "memory");
}
FUNCTION void bulk_copy(void *to, const TensorMap *map, uint64_t *b, int c0, int c1, int c2, int c3, int c4) {
  asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5, %6}], [%7];"
               :: "r"(shared_address(to)), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4), "r"(shared_address(b)) : "memory");
}

// Products of warpgroups run on their own: the sums and what is in registers may be touched once the
// group that they were committed in has been waited for.
FUNCTION void products_begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
FUNCTION void products_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int running>
FUNCTION void products_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(running) : "memory"); }
// A swizzled tile as the tensor cores are told of it.
FUNCTION uint64_t tile_descriptor(const void *p, uint32_t leading, uint32_t stride) {
  return (uint64_t)((shared_address(p) & 0x3ffff) >> 4) | (uint64_t)(leading >> 4) << 16 |
         (uint64_t)(stride >> 4) << 32 | (uint64_t)1 << 62;
}
template <int registers>
FUNCTION void take_registers() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(registers)); }
template <int registers>
FUNCTION void give_registers() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(registers)); }

)";

}  // namespace septran::cuda
