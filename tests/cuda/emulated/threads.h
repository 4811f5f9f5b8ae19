// Threads of a GPU's block as coroutines of one thread: each runs until it waits for the others.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

struct Index {
  unsigned x = 0;
};
inline Index threadIdx, blockIdx, blockDim, gridDim;

class Threads {
 public:
  /// Runs `body` on every thread of every block.
  void run(unsigned blocks, unsigned threads, const std::function<void()>& body) {
    gridDim.x = blocks;
    blockDim.x = threads;
    body_ = &body;
    values_.assign(threads, 0);
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) run_block(threads);
  }
  void wait() { swapcontext(&contexts_[threadIdx.x], &scheduler_); }
  std::uint32_t from_lane_above(std::uint32_t value, unsigned distance) {
    const unsigned mine = threadIdx.x;
    values_[mine] = value;
    wait();
    const std::uint32_t other = mine % 32 + distance < 32 ? values_[mine + distance] : value;
    wait();
    return other;
  }

 private:
  static constexpr std::size_t stack_bytes = 1 << 16;

  void run_block(unsigned threads) {
    contexts_.assign(threads, {});
    done_.assign(threads, false);
    stacks_.resize(threads, std::vector<char>(stack_bytes));
    for (unsigned t = 0; t < threads; ++t) {
      getcontext(&contexts_[t]);
      contexts_[t].uc_stack.ss_sp = stacks_[t].data();
      contexts_[t].uc_stack.ss_size = stack_bytes;
      contexts_[t].uc_link = &scheduler_;
      makecontext(&contexts_[t], &Threads::enter, 0);
    }
    for (bool any = true; any;) {
      any = false;
      for (unsigned t = 0; t < threads; ++t) {
        if (done_[t]) continue;
        any = true;
        threadIdx.x = t;
        current() = this;
        swapcontext(&scheduler_, &contexts_[t]);
      }
    }
  }
  static Threads*& current() {
    static Threads* threads = nullptr;
    return threads;
  }
  static void enter() {
    (*current()->body_)();
    current()->done_[threadIdx.x] = true;
  }

  const std::function<void()>* body_ = nullptr;
  std::vector<ucontext_t> contexts_;
  std::vector<std::vector<char>> stacks_;
  std::vector<bool> done_;
  std::vector<std::uint32_t> values_;  // that lanes give each other
  ucontext_t scheduler_{};
};
inline Threads block_threads;

inline void __syncthreads() { block_threads.wait(); }
inline std::uint32_t __shfl_down_sync(unsigned, std::uint32_t value, unsigned distance) {
  return block_threads.from_lane_above(value, distance);
}
inline std::uint32_t __funnelshift_r(std::uint32_t low, std::uint32_t high, std::uint32_t shift) {
  return static_cast<std::uint32_t>((std::uint64_t{high} << 32 | low) >> (shift & 31));
}
inline std::int64_t min(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// Random bytes that end where what follows cannot be touched.
class Guarded {
 public:
  explicit Guarded(std::size_t bytes) : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    const std::size_t pages = (bytes + page_ - 1) / page_ + 1;
    size_ = pages * page_;
    memory_ = static_cast<char*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (memory_ == MAP_FAILED) std::abort();
    mprotect(memory_ + size_ - page_, page_, PROT_NONE);
    data = memory_ + size_ - page_ - bytes;
    for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<char>(std::rand());
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(memory_, size_); }

  char* data = nullptr;

 private:
  std::size_t page_;
  std::size_t size_ = 0;
  char* memory_ = nullptr;
};
