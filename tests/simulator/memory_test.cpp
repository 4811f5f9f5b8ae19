// Cycles of the dma engines, the interconnect and DRAM, derived by hand. A descriptor is issued in
// cycle 1 and decoded by 9. Each way through the interconnect takes 10 cycles, a burst crosses a
// link and an engine in 1 and the DRAM bus in 4. Activation 18, precharge 17, column 20, row cycle
// 60; two banks with rows of 256 bytes.
#include "builder.h"

namespace septran::simulator {
namespace {

/// Loads a tile of the elements of a buffer of 4096 f32.
SimulationReport load(const Machine& machine, std::vector<std::int64_t> extents,
                      std::vector<std::int64_t> strides, std::int64_t address = 0) {
  Builder b;
  b.global("X", DType::f32, {4096}, true, false);
  const auto src =
      b.tile(dsa::MemoryId::global, DType::f32, address, extents, 0, std::move(strides));
  b.load(b.shared(DType::f32, 0, extents), src);
  return finish(b.halt(), machine);
}

// Issued 9, at DRAM 19, activated, column command 37, data 57..61, link ..62, engine 72..73.
TEST(Load, OneBurst) {
  const SimulationReport report = load(small_machine(), {16}, {1});
  EXPECT_EQ(report.cycles, 73);
  EXPECT_EQ(states(engine(report, "load")), "busy 1, stalled.memory 63, stalled.setup 8, idle 1");
  EXPECT_EQ(report.dram.row_misses, 1);
  EXPECT_EQ(report.dram.row_conflicts, 0);
}

// The other three hit the row: data 61, 65, 69 .. 73; engine 84..85.
TEST(Load, BurstsOfOneRow) {
  const SimulationReport report = load(small_machine(), {64}, {1});
  EXPECT_EQ(report.cycles, 85);
  EXPECT_EQ(states(engine(report, "load")), "busy 4, stalled.memory 72, stalled.setup 8, idle 1");
  EXPECT_EQ(report.dram.row_hits, 3);
}

// The next row lies in the other bank, which activates meanwhile: data 61..65 as for a hit.
TEST(Load, RowsOfTwoBanksOverlap) {
  const SimulationReport report = load(small_machine(), {2, 16}, {64, 1});
  EXPECT_EQ(report.cycles, 77);
  EXPECT_EQ(report.dram.row_misses, 2);
  EXPECT_EQ(report.dram.row_conflicts, 0);
}

// The second burst needs another row of the same bank: precharge 61..78, but activation not before
// 19 + 60 = 79; column command 97, data 117..121, link 122, engine 132..133.
TEST(Load, RowConflict) {
  const SimulationReport report = load(small_machine(), {2, 16}, {128, 1});
  EXPECT_EQ(report.cycles, 133);
  EXPECT_EQ(report.dram.row_conflicts, 1);
}

// With hashed interleaving the second round over the banks starts at bank 1 (the hash of round 1,
// 0x9e3779, is odd), so these two rows do not meet: as in RowsOfTwoBanksOverlap.
TEST(Load, HashedInterleavingSpreadsRows) {
  Machine machine = small_machine();
  machine.dsa.dram.interleave_hash = true;
  const SimulationReport report = load(machine, {2, 16}, {128, 1});
  EXPECT_EQ(report.cycles, 77);
  EXPECT_EQ(report.dram.row_conflicts, 0);
}

// 64 bytes from byte 32 on touch two bursts: data 57..65, engine 76..77.
TEST(Load, UnalignedTilesMoveWholeBursts) {
  const SimulationReport report = load(small_machine(), {16}, {1}, 32);
  EXPECT_EQ(report.cycles, 77);
  ASSERT_EQ(report.edges.size(), 1U);
  EXPECT_EQ(report.edges[0].useful_bytes, 64);
  EXPECT_EQ(report.edges[0].bus_bytes, 128);
}

// One element a burst.
TEST(Load, StridedTilesMoveABurstAnElement) {
  const SimulationReport report = load(small_machine(), {16}, {16});
  EXPECT_EQ(report.edges[0].useful_bytes, 64);
  EXPECT_EQ(report.edges[0].bus_bytes, 1024);
}

// A transposed tile is walked in the order of addresses: no more bursts than the plain one.
TEST(Load, TransposedTilesAreWalkedByAddress) {
  EXPECT_EQ(load(small_machine(), {16, 16}, {1, 16}).edges[0].bus_bytes, 1024);
}

// With one burst outstanding the second is issued when the first has come, at 73: DRAM 83, column,
// data 103..107, link 108, engine 118..119.
TEST(Load, OutstandingBursts) {
  Machine machine = small_machine();
  machine.dsa.load.outstanding_bursts = 1;
  EXPECT_EQ(load(machine, {32}, {1}).cycles, 119);
}

// Refresh from 100 to 130. The third burst is issued at 119 and reaches DRAM at 129: it waits for
// 130 and its row is closed: column command 148, data 168..172, link 173, engine 183..184.
TEST(Load, RefreshClosesRows) {
  Machine machine = small_machine();
  machine.dsa.load.outstanding_bursts = 1;
  machine.dsa.dram.refresh_interval_cycles = 100;
  machine.dsa.dram.refresh_cycles = 30;
  const SimulationReport report = load(machine, {48}, {1});
  EXPECT_EQ(report.cycles, 184);
  EXPECT_EQ(report.dram.refreshes, 1);
  EXPECT_EQ(report.dram.row_misses, 2);
  EXPECT_EQ(report.dram.row_hits, 1);
}

// Neighbouring units of 64 bytes lie in two channels: both rows open at once, data 57..61 and
// 58..62; the link carries them 61..62 and 62..63; engine 73..74.
TEST(Load, ChannelsWorkAtOnce) {
  Machine machine = small_machine();
  machine.dsa.dram.channels = 2;
  EXPECT_EQ(load(machine, {32}, {1}).cycles, 74);
}

// A bus of 12.8 bytes a cycle takes 5 cycles a burst: data 57..62 ..67, link 68, engine 78..79.
TEST(Load, RatesThatAreNotWhole) {
  Machine machine = small_machine();
  machine.dsa.dram.bytes_per_cycle_per_channel = 12.8;
  EXPECT_EQ(load(machine, {32}, {1}).cycles, 79);
}

// SHARED's latency stands after the data: draining.
TEST(Load, OnChipLatency) {
  Machine machine = small_machine();
  machine.memories[1].latency_cycles = 5;
  const SimulationReport report = load(machine, {16}, {1});
  EXPECT_EQ(report.cycles, 78);
  EXPECT_EQ(engine(report, "load").draining, 5);
}

// Out of the engine 9..10, link 11, DRAM 21, column command 39, data 59..63, acknowledged 73.
TEST(Store, OneBurst) {
  Builder b;
  b.global("Y", DType::f32, {16}, false, true);
  b.store(b.tile(dsa::MemoryId::global, DType::f32, 0, {16}), b.shared(DType::f32, 0, {16}));
  const SimulationReport report = finish(b.halt(), small_machine());
  EXPECT_EQ(report.cycles, 73);
  EXPECT_EQ(states(engine(report, "store")), "busy 1, stalled.memory 63, stalled.setup 8, idle 1");
}

// Without latency, what comes to a controller may have company until the end of the cycle:
// out 9..10, link 11, where it is acknowledged, and its data follow: activation ..29, column,
// data 49..53.
TEST(Store, PostedWithoutLatency) {
  Builder b;
  b.global("Y", DType::f32, {16}, false, true);
  b.store(b.tile(dsa::MemoryId::global, DType::f32, 0, {16}), b.shared(DType::f32, 0, {16}));
  Machine machine = small_machine();
  machine.dsa.interconnect.latency_cycles = 0;
  machine.dsa.dram.posted_writes = true;
  const SimulationReport report = finish(b.halt(), machine);
  EXPECT_EQ(report.cycles, 53);
  EXPECT_EQ(states(engine(report, "store")), "busy 1, stalled.memory 1, stalled.setup 8, idle 43");
}

// The load is done at 73 and signals. Wait ..74, setup ..82, out ..83, link 84, DRAM 94, the row is
// open: column, data 114..118, acknowledged 128. The bus had been free for the turn since 65.
TEST(Store, AfterALoad) {
  Builder b;
  b.global("X", DType::f32, {16}, true, false);
  b.global("Y", DType::f32, {16}, false, true);
  const auto full = b.event("x.full");
  const auto tile = b.shared(DType::f32, 0, {16});
  b.load(tile, b.tile(dsa::MemoryId::global, DType::f32, 0, {16}, 0));
  b.signal(load_engine, full);
  b.wait(store_engine, full);
  b.store(b.tile(dsa::MemoryId::global, DType::f32, 0, {16}, 1), tile);
  const SimulationReport report = finish(b.halt(), small_machine());
  EXPECT_EQ(report.cycles, 128);
  EXPECT_EQ(report.dram.turnarounds, 1);
  EXPECT_EQ(states(engine(report, "store")),
            "busy 1, stalled.memory 45, stalled.setup 8, stalled.sync 1, stalled.wait_data 70, "
            "idle 3");
}

// Both engines begin a burst at 9 and 10; the store's has to cross the link first, so it comes to
// DRAM at 21, the load's at 20. The load's data cross the bus 58..62. The store hits the row, but
// its data wait until 62 + 4 = 66, ..70, acknowledged 80.
TEST(Store, BusTurnaround) {
  Builder b;
  b.global("X", DType::f32, {16}, true, false);
  b.global("Y", DType::f32, {16}, false, true);
  b.store(b.tile(dsa::MemoryId::global, DType::f32, 0, {16}, 1), b.shared(DType::f32, 64, {16}));
  b.load(b.shared(DType::f32, 0, {16}), b.tile(dsa::MemoryId::global, DType::f32, 0, {16}, 0));
  const SimulationReport report = finish(b.halt(), small_machine());
  EXPECT_EQ(report.dram.turnarounds, 1);
  EXPECT_EQ(report.cycles, 80);
}

// Two loads of one engine follow each other without a gap: the second is decoded while the first
// one's data is on its way, 10..18, then hits the row: DRAM 28, data 61..65, engine 76..77.
TEST(Load, DescriptorsOverlap) {
  Builder b;
  b.global("X", DType::f32, {32}, true, false);
  b.load(b.shared(DType::f32, 0, {16}), b.tile(dsa::MemoryId::global, DType::f32, 0, {16}));
  b.load(b.shared(DType::f32, 64, {16}), b.tile(dsa::MemoryId::global, DType::f32, 64, {16}));
  EXPECT_EQ(finish(b.halt(), small_machine()).cycles, 77);
}

// The same, but into the same place: the second may not overtake the first, which is done at 73:
// setup ..81, DRAM 91, data 111..115, link 116, engine 126..127.
TEST(Load, SamePlaceFollowsInOrder) {
  Builder b;
  b.global("X", DType::f32, {32}, true, false);
  const auto dst = b.shared(DType::f32, 0, {16});
  b.load(dst, b.tile(dsa::MemoryId::global, DType::f32, 0, {16}));
  b.load(dst, b.tile(dsa::MemoryId::global, DType::f32, 64, {16}));
  EXPECT_EQ(finish(b.halt(), small_machine()).cycles, 127);
}

// Two cores ask for different rows of different banks at once. Core 0's burst as if alone, 73; the
// other's data follows on the bus, 61..65, its own link 66, engine 76..77.
TEST(Load, CoresShareTheBus) {
  Builder b;
  b.global("X", DType::f32, {128}, true, false);
  const auto src = b.tile(dsa::MemoryId::global, DType::f32, 0, {16});
  b.tile_of(src).address.terms = {{dsa::core_register, 256}};
  b.load(b.shared(DType::f32, 0, {16}), src);
  const SimulationReport report = finish(b.halt(), small_machine(2));
  EXPECT_EQ(report.cycles, 77);
  EXPECT_EQ(engine(report, "load", 0).idle + engine(report, "load", 1).idle, 1 + 1 + 4);
}

// What lies outside the source is written as zeros after the data: 8 of 16 elements, 32 bytes, are
// one more cycle through the engine.
TEST(Load, ZerosOutsideTheSource) {
  Builder b;
  b.global("X", DType::f32, {8}, true, false);
  const auto src = b.tile(dsa::MemoryId::global, DType::f32, 0, {16});
  b.tile_of(src).dims[0].digits[0] = {0, 4, 0, 1};
  b.tile_of(src).axes = {{{}, 8}};
  b.load(b.shared(DType::f32, 0, {16}), src);
  const SimulationReport report = finish(b.halt(), small_machine());
  EXPECT_EQ(report.cycles, 74);
  EXPECT_EQ(report.edges[0].useful_bytes, 32);
}

}  // namespace
}  // namespace septran::simulator
