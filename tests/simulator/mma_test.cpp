// Cycles of the matrix array, derived by hand. The array is 4 x 4 with L = p = 1, so the latency of
// a pass with `rows` rows is (4-1) + (4-1) + rows + 1 = rows + 7. The sequencer takes a cycle an
// instruction, so the first mma starts in cycle 1.
#include "builder.h"

namespace septran::simulator {
namespace {

/// `count` multiplications of m x k by k x n, one after another.
SimulationReport multiply(const Machine& machine, int count, std::int64_t m, std::int64_t n,
                          std::int64_t k, DType type = DType::f32) {
  Builder b;
  const auto acc = b.accumulators(type == DType::i8 ? DType::i32 : DType::f32, 0, {m, n});
  const auto left = b.shared(type, 0, {m, k});
  const auto right = b.shared(type, 1024, {k, n});
  for (int i = 0; i < count; ++i) b.mma(acc, left, right);
  return finish(b.halt(), machine);
}

// Preload 1..5, 8 rows stream 5..13, the last result is there at 5 + 8 + 7 = 20.
TEST(Mma, OneTileOnAnIdleArray) {
  const SimulationReport report = multiply(small_machine(), 1, 8, 4, 4);
  EXPECT_EQ(report.cycles, 20);
  EXPECT_EQ(states(engine(report, "mma")), "busy 12, draining 7, idle 1");
  EXPECT_EQ(states(engine(report, "sequencer")), "busy 2, idle 18");
  EXPECT_EQ(report.macs, 8 * 4 * 4);
  EXPECT_DOUBLE_EQ(report.mma_utilization, 128.0 / (20 * 16));
}

// The next weights load while the tile before streams: 5..9 and 13..17. Tiles stream 5..13, 13..21,
// 21..29: an interval of max(8, 1, 4) = 8. Last result at 21 + 15 = 36.
TEST(Mma, ConsecutiveTilesKeepTheArrayFull) {
  const SimulationReport report = multiply(small_machine(), 3, 8, 4, 4);
  EXPECT_EQ(report.cycles, 36);
  EXPECT_EQ(states(engine(report, "mma")), "busy 28, draining 7, idle 1");
}

// Two rows stream in 2 cycles, but the next weights take R = 4: streams 5..7, 9..11, 13..15, an
// interval of max(2, 1, 4) = 4; loading the next weights keeps the issue stage busy. 13 + 9 = 22.
TEST(Mma, ShortTilesWaitForTheirWeights) {
  const SimulationReport report = multiply(small_machine(), 3, 2, 4, 4);
  EXPECT_EQ(report.cycles, 22);
  EXPECT_EQ(states(engine(report, "mma")), "busy 14, draining 7, idle 1");
}

// Without preload behind a running tile: weights 1..5, rows 5..13, weights 13..17, rows 17..25: an
// interval of 8 + 4. 17 + 15 = 32.
TEST(Mma, PreloadInTheOpen) {
  Machine machine = small_machine();
  machine.dsa.mma.preload_hidden = false;
  const SimulationReport report = multiply(machine, 2, 8, 4, 4);
  EXPECT_EQ(report.cycles, 32);
  EXPECT_EQ(states(engine(report, "mma")), "busy 24, draining 7, idle 1");
}

// Streams at 5 and 15, though 8 rows would take 8 cycles; 15 + 15 = 30.
TEST(Mma, MinimumInterval) {
  Machine machine = small_machine();
  machine.dsa.mma.minimum_interval = 10;
  EXPECT_EQ(multiply(machine, 2, 8, 4, 4).cycles, 30);
}

// The second tile may not enter before the first has drained at 20: rows 20..28, done 20 + 15 = 35.
TEST(Mma, DrainInTheOpen) {
  Machine machine = small_machine();
  machine.dsa.mma.drain_overlap = false;
  const SimulationReport report = multiply(machine, 2, 8, 4, 4);
  EXPECT_EQ(report.cycles, 35);
  EXPECT_EQ(states(engine(report, "mma")), "busy 20, draining 14, idle 1");
}

// 8 x 8 weights are 2 x 2 tiles of the array: four passes of 8 rows at 5, 13, 21, 29; 29 + 15 = 44.
TEST(Mma, LargerThanTheArray) {
  const SimulationReport report = multiply(small_machine(), 1, 8, 8, 8);
  EXPECT_EQ(report.cycles, 44);
  EXPECT_EQ(report.macs, 512);
  EXPECT_DOUBLE_EQ(report.roofline.mma_cycles, 32);
}

// 5 x 5 weights take as many passes as 8 x 8: four of one row, at 5, 9, 13, 17; 17 + 8 = 25.
TEST(Mma, RaggedTilesTakeWholePasses) {
  EXPECT_EQ(multiply(small_machine(), 1, 1, 5, 5).cycles, 25);
}

// One element: weights 1..5, one row 5..6, 3 hops down, 3 across, p: 5 + 8 = 13.
TEST(Mma, SmallerThanTheArray) { EXPECT_EQ(multiply(small_machine(), 1, 1, 1, 1).cycles, 13); }

// L = 2, p = 3: latency 2 * 3 + 3 + 8 + 3 = 20 from 5.
TEST(Mma, HopAndElementCycles) {
  Machine machine = small_machine();
  machine.dsa.mma.hop_cycles = 2;
  machine.dsa.mma.element_cycles = 3;
  EXPECT_EQ(multiply(machine, 1, 8, 4, 4).cycles, 25);
}

// i8 multiplies twice as fast: 8 rows stream in 4 cycles; 5 + 4 + 7 = 16.
TEST(Mma, FasterElementType) {
  const SimulationReport report = multiply(small_machine(), 1, 8, 4, 4, DType::i8);
  EXPECT_EQ(report.cycles, 16);
  EXPECT_DOUBLE_EQ(report.mma_utilization, 128.0 / (16 * 16 * 2));
}

// Outputs stay: 8 x 4 of them are two passes past which k = 6 streams, at 1 and 7: nothing loads.
// The latency is 6 + 7; 7 + 13 = 20.
TEST(Mma, OutputStationary) {
  Machine machine = small_machine();
  machine.dsa.mma.output_stationary = true;
  const SimulationReport report = multiply(machine, 1, 8, 4, 6);
  EXPECT_EQ(report.cycles, 20);
  EXPECT_EQ(states(engine(report, "mma")), "busy 12, draining 7, idle 1");
}

// k = 2 streams in 2 cycles, but the results of a pass leave one row a cycle: three passes at 1, 5
// and 9, each held up by the array for 2 cycles if it is an mma of its own; 9 + 9 = 18.
TEST(Mma, OutputsLeaveOneRowACycle) {
  Machine machine = small_machine();
  machine.dsa.mma.output_stationary = true;
  EXPECT_EQ(multiply(machine, 1, 12, 4, 2).cycles, 18);
  const SimulationReport report = multiply(machine, 3, 4, 4, 2);
  EXPECT_EQ(report.cycles, 18);
  EXPECT_EQ(states(engine(report, "mma")), "busy 6, stalled.array 4, draining 7, idle 1");
}

TEST(Mma, NothingToMultiply) { EXPECT_EQ(multiply(small_machine(), 1, 8, 4, 0).macs, 0); }

// Both tiles add to one accumulator; the sums are visible only after the drain.
TEST(Mma, AccumulatorsAreVisibleAfterTheDrain) {
  Builder b;
  const auto event = b.event("acc.full");
  const auto acc = b.accumulators(DType::f32, 0, {8, 4});
  const auto left = b.shared(DType::f32, 0, {8, 4});
  const auto right = b.shared(DType::f32, 1024, {4, 4});
  b.mma(acc, left, right);
  b.mma(acc, left, right, true);
  b.signal(mma_engine, event);
  b.wait(vector_engine, event);
  b.vec("copy", {b.shared(DType::f32, 2048, {8, 4}), acc});
  // The second tile streams 13..21, done 28; the signal fires then. Wait 28..29, start-up 2, two
  // groups, three more cycles: 29 + 2 + 2 + 3 = 36. The wait reached the vector unit in cycle 4.
  const SimulationReport report = finish(b.halt(), small_machine());
  EXPECT_EQ(report.cycles, 36);
  EXPECT_EQ(states(engine(report, "vector")),
            "busy 4, stalled.sync 1, stalled.wait_data 24, draining 3, idle 4");
}

}  // namespace
}  // namespace septran::simulator
