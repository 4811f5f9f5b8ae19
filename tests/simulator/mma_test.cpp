// Cycles of the matrix array, derived by hand. The array is 4 x 4, L = p = 1, so the latency of a
// pass with `rows` rows is (4-1) + (4-1) + rows + 1 = rows + 7.
#include "builder.h"

namespace septran::simulator {
namespace {

/// `count` multiplications of m x k by k x n, one after another.
const dsa::Program& multiplications(Builder& b, int count, std::int64_t m, std::int64_t n,
                                    std::int64_t k) {
  const auto acc = b.accumulators(DType::f32, 0, {m, n});
  const auto left = b.shared(DType::f32, 0, {m, k});
  const auto right = b.shared(DType::f32, 1024, {k, n});
  for (int i = 0; i < count; ++i) b.mma(acc, left, right);
  return b.halt();
}

// Issued at 1. Preload 1..5, 8 rows stream 5..13, the last result is there at 5 + 8 + 7 = 20.
TEST(Mma, OneTileOnAnIdleArray) {
  Builder b;
  const SimulationReport report = finish(multiplications(b, 1, 8, 4, 4), small_machine());
  EXPECT_EQ(report.cycles, 20);
  EXPECT_EQ(states(engine(report, "mma")), "busy 12, draining 7, idle 1");
  EXPECT_EQ(states(engine(report, "sequencer")), "busy 2, idle 18");
  EXPECT_EQ(report.macs, 8 * 4 * 4);
  EXPECT_DOUBLE_EQ(report.mma_utilization, 128.0 / (20 * 16));
}

}  // namespace
}  // namespace septran::simulator
