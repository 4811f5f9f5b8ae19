// Sequencer, vector unit, sync, barriers and ports: cycles derived by hand. An instruction takes
// the sequencer a cycle and a sync its engine a cycle. The vector unit has 16 lanes, 2 cycles of
// start-up, a cycle a group and 3 cycles of latency (exp: 4 and 6).
#include "builder.h"

namespace septran::simulator {
namespace {

// Four groups: 1 + 2 + 4 = 7, and 3 cycles of latency.
TEST(Vector, OneOperation) {
  Builder b;
  b.vec("fill", {b.shared(DType::f32, 0, {4, 16}), b.number(1)});
  const SimulationReport report = finish(b.halt(), small_machine());
  EXPECT_EQ(report.cycles, 10);
  EXPECT_EQ(states(engine(report, "vector")), "busy 6, draining 3, idle 1");
}

// 1 + 2 + 4 * 4 + 6.
TEST(Vector, RatesByPrimitive) {
  Builder b;
  const auto x = b.shared(DType::f32, 0, {4, 16});
  b.vec("exp", {x, x});
  EXPECT_EQ(finish(b.halt(), small_machine()).cycles, 25);
}

// 17 elements are two groups.
TEST(Vector, RaggedGroups) {
  Builder b;
  b.vec("fill", {b.shared(DType::f32, 0, {17}), b.number(1)});
  EXPECT_EQ(finish(b.halt(), small_machine()).cycles, 1 + 2 + 2 + 3);
}

// The second operation reads what the first has written at 10: 10 + 2 + 4 + 3.
TEST(Vector, DependentOperationsWaitForResults) {
  Builder b;
  const auto x = b.shared(DType::f32, 0, {4, 16});
  b.vec("fill", {x, b.number(1)});
  b.vec("relu", {x, x});
  const SimulationReport report = finish(b.halt(), small_machine());
  EXPECT_EQ(report.cycles, 19);
  EXPECT_EQ(states(engine(report, "vector")), "busy 12, stalled.dependence 3, draining 3, idle 1");
}

// Independent ones follow each other at once: 7 + 2 + 4 + 3.
TEST(Vector, IndependentOperationsOverlap) {
  Builder b;
  b.vec("fill", {b.shared(DType::f32, 0, {4, 16}), b.number(1)});
  b.vec("fill", {b.shared(DType::f32, 1024, {4, 16}), b.number(1)});
  EXPECT_EQ(finish(b.halt(), small_machine()).cycles, 16);
}

// The signal passes the vector unit 2..3 but fires when the fill is done, at 10. The wait reaches
// the store engine at 3; then sync ..11, setup ..19, 256 bytes at 64 a cycle ..23.
TEST(Sync, SignalsFireWhenEarlierOperationsAreDone) {
  Builder b;
  const auto event = b.event("something");
  const auto x = b.shared(DType::f32, 0, {4, 16});
  b.vec("fill", {x, b.number(1)});
  b.signal(vector_engine, event);
  b.wait(store_engine, event);
  b.store(b.accumulators(DType::f32, 0, {4, 16}), x);
  const SimulationReport report = finish(b.halt(), small_machine());
  EXPECT_EQ(report.cycles, 23);
  EXPECT_EQ(states(engine(report, "store")),
            "busy 4, stalled.setup 8, stalled.sync 1, stalled.wait_event 7, idle 3");
  EXPECT_EQ(states(engine(report, "vector")), "busy 6, draining 3, idle 14");
}

// Credits let the first two waits pass; the third waits for the signal at 10.
TEST(Sync, Credits) {
  Builder b;
  const auto event = b.event("x.free", 2);
  b.vec("fill", {b.shared(DType::f32, 0, {4, 16}), b.number(1)});
  b.signal(vector_engine, event);
  for (int i = 0; i < 3; ++i) b.wait(load_engine, event);
  // Delivered at 3, 4 and 5, a cycle each; the third stands from 5 to 10 and takes one more.
  const SimulationReport report = finish(b.halt(), small_machine());
  EXPECT_EQ(report.cycles, 11);
  EXPECT_EQ(states(engine(report, "load")), "stalled.sync 3, stalled.wait_space 5, idle 3");
}

// A queue of two: the first fill starts at 1 and leaves the queue, the second and third fill it at
// 3. The fourth, decoded at 4, waits until the second starts at 1 + 66 = 67. Each takes 2 + 64.
TEST(Sequencer, FullQueuesHoldItUp) {
  Machine machine = small_machine();
  machine.engines[3].queue_depth = 2;
  Builder b;
  const auto x = b.shared(DType::f32, 0, {64, 16});
  for (int i = 0; i < 4; ++i) b.vec("fill", {x, b.number(1)});
  const SimulationReport report = finish(b.halt(), machine);
  EXPECT_EQ(report.cycles, 1 + 4 * 66 + 3);
  EXPECT_EQ(states(engine(report, "sequencer")), "busy 5, stalled.queue_full 63, idle 200");
}

// Launch 100; loop 1, its body's scalar 3 times, skip 1 (taken), halt 1.
TEST(Sequencer, LoopsAndSkips) {
  Machine machine = small_machine();
  machine.dsa.sequencer.launch_cycles = 100;
  machine.dsa.sequencer.issue_cycles = 2;
  Builder b;
  b.add(dsa::Loop{2, {false, 0}, {false, 5}, {false, 2}, 1});
  b.add(dsa::Scalar{dsa::ScalarOp::add, 3, {true, 3}, {true, 2}});
  b.add(dsa::Scalar{dsa::ScalarOp::equal, 4, {true, 3}, {false, 6}});  // 0 + 2 + 4
  b.add(dsa::Skip{4, 1});                                              // not taken
  b.add(dsa::Scalar{dsa::ScalarOp::sub, 4, {false, 1}, {true, 4}});
  b.add(dsa::Skip{4, 1});  // taken: over the division by zero
  b.add(dsa::Scalar{dsa::ScalarOp::floor_div, 4, {false, 1}, {false, 0}});
  const SimulationReport report = finish(b.halt(), machine);
  EXPECT_EQ(report.cycles, 100 + 2 + 3 + 1 + 2 + 1 + 2 + 2);
  EXPECT_EQ(engine(report, "sequencer").stalled.at("launch"), 100);
  EXPECT_EQ(report.instructions, 9);
}

// Core 0 skips the fill. Its arrival reaches the vector unit at 2 and counts at 3. Core 1 fills
// 2..8, done 11, and arrives then. All go on 10 cycles later, at 21, and pass at 22.
TEST(Barrier, LastArrivalReleasesAll) {
  Builder b;
  const auto barrier = b.barrier(1);
  b.add(dsa::Skip{dsa::core_register, 1});
  b.vec("fill", {b.shared(DType::f32, 0, {4, 16}), b.number(1)});
  b.sync(dsa::SyncOp::arrive, vector_engine, barrier);
  b.sync(dsa::SyncOp::await, vector_engine, barrier);
  const SimulationReport report = finish(b.halt(), small_machine(2));
  EXPECT_EQ(report.cycles, 22);
  EXPECT_EQ(states(engine(report, "vector", 0)), "stalled.barrier 18, stalled.sync 2, idle 2");
  EXPECT_EQ(states(engine(report, "vector", 1)),
            "busy 6, stalled.barrier 13, stalled.sync 1, idle 2");
}

// Three generations: 1 + 1 issued at 2 and 3; each arrives a cycle after the one before released.
TEST(Barrier, Generations) {
  Builder b;
  const auto barrier = b.barrier(1);
  b.add(dsa::Loop{2, {false, 0}, {false, 3}, {false, 1}, 2});
  b.sync(dsa::SyncOp::arrive, vector_engine, barrier);
  b.sync(dsa::SyncOp::await, vector_engine, barrier);
  // Arrival 2..3, release 13, passed 14; arrival 15, release 25, 26; arrival 27, release 37, 38.
  EXPECT_EQ(finish(b.halt(), small_machine(3)).cycles, 38);
}

/// A copy from SHARED to REGISTER by the vector unit, and another by the load engine.
SimulationReport two_copies(const Machine& machine) {
  Builder b;
  b.vec("copy", {b.accumulators(DType::f32, 0, {64, 16}), b.shared(DType::f32, 0, {64, 16})});
  b.load(b.accumulators(DType::f32, 4096, {64, 16}), b.shared(DType::f32, 4096, {64, 16}));
  return finish(b.halt(), machine);
}

// Each reads 4096 bytes: the only port is taken 64 cycles by each. The vector unit has it 1..65 and
// ends at 1 + 2 + 64 + 3 = 70. The load engine, decoded by 10, would have it 10..74; it gets it
// 65..129 and is put off by 55.
TEST(Ports, EnginesCollide) {
  Machine machine = small_machine();
  machine.memories[1].bytes_per_cycle = 64;
  const SimulationReport report = two_copies(machine);
  EXPECT_EQ(report.cycles, 129);
  EXPECT_EQ(states(engine(report, "load")),
            "busy 64, stalled.port_shared 55, stalled.setup 8, idle 2");
}

// With two ports, or two banks, they do not: 74, or with the port free at 33.
TEST(Ports, SecondPortOrBank) {
  Machine machine = small_machine();
  machine.memories[1].bytes_per_cycle = 64;
  machine.memories[1].ports = 2;
  EXPECT_EQ(two_copies(machine).cycles, 74);
  machine.memories[1].ports = 1;
  machine.memories[1].banks = 2;
  EXPECT_EQ(two_copies(machine).cycles, 74);
}

/// Copies a column of 64 elements, `stride` elements apart, to REGISTER: 4 groups, 1 + 2 + 4 + 3.
Cycle copy_column(std::int64_t stride) {
  Machine machine = small_machine();
  machine.memories[1].bytes_per_cycle = 64;
  machine.memories[1].banks = 4;
  Builder b;
  b.vec("copy", {b.accumulators(DType::f32, 0, {64}),
                 b.tile(dsa::MemoryId::shared, DType::f32, 0, {64}, 0, {stride})});
  return finish(b.halt(), machine).cycles;
}

// 256 bytes apart all elements lie in one bank: 64 cycles instead of the 6 until 7, 58 later. 320
// bytes, five words, apart they go round all four banks: 16 cycles, 10 later.
TEST(Ports, StridesThatMeetInOneBank) {
  EXPECT_EQ(copy_column(64), 10 + 58);
  EXPECT_EQ(copy_column(80), 10 + 10);
}

// Two fills of the accumulators' port, which the mma holds while it reads and writes its sums.
TEST(Ports, ArrayAndVectorUnitShareTheAccumulators) {
  Machine machine = small_machine();
  machine.memories[2].bytes_per_cycle = 4;
  Builder b;
  b.mma(b.accumulators(DType::f32, 0, {4, 4}), b.shared(DType::f32, 0, {4, 4}),
        b.shared(DType::f32, 64, {4, 4}));
  b.vec("fill", {b.accumulators(DType::f32, 64, {16}), b.number(0)});
  const SimulationReport report = finish(b.halt(), machine);
  // The mma writes 16 words from 5 on, ..21, but its results are due at 5 + 11 = 16: 5 later, done
  // at 21. The fill would write 16 words 4..20, due at 2 + 3 + 3 = 8; the port is free from 21 on,
  // or before 5: ..37, 29 later.
  EXPECT_EQ(states(engine(report, "vector")),
            "busy 3, stalled.port_register 29, draining 3, idle 2");
  EXPECT_EQ(report.cycles, 37);
}

}  // namespace
}  // namespace septran::simulator
