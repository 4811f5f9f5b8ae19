// Programs that do what they must not: traps with the instruction's number, deadlocks with who
// waits for what.
#include <nlohmann/json.hpp>

#include "builder.h"

namespace septran::simulator {
namespace {

using dsa::MemoryId;

TEST(Trap, AddressOutsideAMemory) {
  Builder b;
  b.vec("fill", {b.shared(DType::f32, 0, {4}), b.number(1)});
  b.vec("fill", {b.shared(DType::f32, (1 << 16) - 8, {4}), b.number(1)});
  EXPECT_EQ(trap(b.halt(), small_machine()),
            "1: operand 2: bytes 65528 to 65543 lie outside SHARED, which has 65536");
}

TEST(Trap, AddressOutsideABuffer) {
  Builder b;
  b.global("X", DType::f32, {16}, true, false);
  b.global("Y", DType::f32, {16}, true, false);
  const auto src = b.tile(MemoryId::global, DType::f32, 4, {16});
  b.load(b.shared(DType::f32, 0, {16}), src);
  EXPECT_EQ(trap(b.halt(), small_machine()),
            "0: operand 0: bytes 4 to 67 lie outside buffer X, which has 64");
}

TEST(Trap, NegativeAddressFromARegister) {
  Builder b;
  const auto tile = b.shared(DType::f32, 0, {4});
  b.tile_of(tile).address.terms = {{2, 4}};
  b.add(dsa::Scalar{dsa::ScalarOp::sub, 2, {false, 0}, {false, 5}});
  b.vec("fill", {tile, b.number(1)});
  EXPECT_EQ(trap(b.halt(), small_machine()),
            "1: operand 0: bytes -20 to -5 lie outside SHARED, which has 65536");
}

TEST(Trap, AddressBeyondAllNumbers) {
  Builder b;
  const auto tile = b.shared(DType::f32, 0, {4});
  b.tile_of(tile).address.terms = {{2, 1 << 30}};
  b.add(dsa::Scalar{dsa::ScalarOp::sub, 2, {false, 0}, {false, std::int64_t{1} << 40}});
  b.vec("fill", {tile, b.number(1)});
  EXPECT_EQ(trap(b.halt(), small_machine()), "1: operand 0: an address beyond all memories");
}

TEST(Trap, AddressNotAligned) {
  Builder b;
  b.vec("fill", {b.shared(DType::f32, 2, {4}), b.number(1)});
  EXPECT_EQ(trap(b.halt(), small_machine()),
            "0: operand 0: address 2 is not aligned to its elements of 4 bytes");
}

TEST(Trap, HugeAndNegativeExtents) {
  Builder huge;
  huge.vec("fill", {huge.tile(MemoryId::shared, DType::f32, 0, {1 << 20, 1 << 20}, 0, {0, 0}),
                    huge.number(1)});
  EXPECT_EQ(trap(huge.halt(), small_machine()),
            "0: operand 0: more elements than any memory holds");
  Builder negative;
  negative.vec("fill", {negative.shared(DType::f32, 0, {-1}), negative.number(1)});
  EXPECT_EQ(trap(negative.halt(), small_machine()), "0: operand 0: an extent of -1");
}

TEST(Trap, ShapesThatDoNotAgree) {
  Builder copy;
  copy.load(copy.shared(DType::f32, 0, {4}), copy.shared(DType::f32, 64, {5}));
  EXPECT_EQ(trap(copy.halt(), small_machine()), "0: dma_copy: shapes [4] and [5] do not agree");
  Builder mma;
  mma.mma(mma.accumulators(DType::f32, 0, {4, 4}), mma.shared(DType::f32, 0, {4, 4}),
          mma.shared(DType::f32, 64, {5, 4}));
  EXPECT_EQ(trap(mma.halt(), small_machine()), "0: mma: shapes [4, 4] and [5, 4] do not agree");
  Builder vec;
  vec.vec("relu", {vec.shared(DType::f32, 0, {4}), vec.shared(DType::f32, 64, {5})});
  EXPECT_NE(trap(vec.halt(), small_machine()).find("0: "), std::string::npos);
}

TEST(Trap, ElementTypesThatTheArrayLacks) {
  Builder b;
  b.mma(b.accumulators(DType::f32, 0, {4, 4}), b.shared(DType::f16, 0, {4, 4}),
        b.shared(DType::f16, 64, {4, 4}));
  EXPECT_EQ(trap(b.halt(), small_machine()), "0: the array does not multiply f16 by f16 into f32");
}

TEST(Trap, Arithmetic) {
  Builder division;
  division.add(dsa::Scalar{dsa::ScalarOp::mod, 2, {false, 1}, {true, 3}});
  EXPECT_EQ(trap(division.halt(), small_machine()), "0: division by 0");
  Builder loop;
  loop.add(dsa::Loop{2, {false, 0}, {false, 4}, {true, 3}, 1});
  loop.add(dsa::Scalar{});
  std::get<dsa::Scalar>(loop.program.code[1].node).dst = 4;
  EXPECT_EQ(trap(loop.halt(), small_machine()), "0: a loop from 0 to 4 in steps of 0");
}

TEST(Trap, LoopsTooDeep) {
  Machine machine = small_machine();
  machine.dsa.sequencer.loop_depth = 2;
  Builder b;
  for (std::uint32_t i = 0; i < 3; ++i) {
    b.add(dsa::Loop{static_cast<dsa::Register>(2 + i), {false, 0}, {false, 4}, {false, 1}, 3 - i});
  }
  b.add(dsa::Scalar{dsa::ScalarOp::add, 6, {false, 0}, {false, 0}});
  EXPECT_EQ(trap(b.halt(), machine), "2: loops nested deeper than 2");
}

TEST(Trap, LoopsThatAreNoLoops) {
  Builder writes;
  writes.add(dsa::Loop{2, {false, 0}, {false, 4}, {false, 1}, 1});
  writes.add(dsa::Scalar{dsa::ScalarOp::add, 2, {false, 0}, {false, 0}});
  EXPECT_EQ(trap(writes.halt(), small_machine()),
            "1: the body of a loop writes the loop's register");
  Builder reaches;
  reaches.add(dsa::Loop{2, {false, 0}, {false, 4}, {false, 1}, 1});
  reaches.add(dsa::Loop{3, {false, 0}, {false, 4}, {false, 1}, 1});
  reaches.add(dsa::Scalar{dsa::ScalarOp::add, 4, {false, 0}, {false, 0}});
  EXPECT_EQ(trap(reaches.halt(), small_machine()), "1: a loop reaches beyond the one around it");
  Builder skips;
  skips.add(dsa::Loop{2, {false, 0}, {false, 4}, {false, 1}, 1});
  skips.add(dsa::Skip{5, 1});
  skips.add(dsa::Scalar{dsa::ScalarOp::add, 4, {false, 0}, {false, 0}});
  EXPECT_EQ(trap(skips.halt(), small_machine()), "1: a skip reaches beyond the loop around it");
}

TEST(Trap, EventBeyondItsMaximum) {
  Machine machine = small_machine();
  machine.dsa.sequencer.event_maximum = 2;
  Builder b;
  const auto event = b.event("e");
  for (int i = 0; i < 3; ++i) b.signal(vector_engine, event);
  EXPECT_EQ(trap(b.halt(), machine), "event e was signalled beyond 2, the most a counter holds");
}

TEST(Trap, ProgramsThatCannotStart) {
  Builder no_halt;
  no_halt.add(dsa::Scalar{dsa::ScalarOp::add, 2, {}, {}});
  EXPECT_EQ(trap(no_halt.program, small_machine()), "the program does not end with halt");
  Builder no_register;
  no_register.add(dsa::Scalar{dsa::ScalarOp::add, 999, {}, {}});
  EXPECT_EQ(trap(no_register.halt(), small_machine()), "0: register 999 does not exist");
  Builder no_event;
  no_event.wait(load_engine, 3);
  EXPECT_EQ(trap(no_event.halt(), small_machine()), "0: event 3 does not exist");
  Builder no_operand;
  no_operand.load(0, 1);
  EXPECT_EQ(trap(no_operand.halt(), small_machine()), "0: operand 0 is not a tile");
  Builder no_room;
  no_room.global("X", DType::f32, {1 << 20}, true, false);
  EXPECT_EQ(trap(no_room.halt(), small_machine()), "the buffers do not fit GLOBAL");
  EXPECT_EQ(trap(Builder().halt(), Machine{}), " has no memory GLOBAL");
}

TEST(Trap, BuffersOfTheWrongSize) {
  Builder b;
  b.global("X", DType::f32, {16}, true, false);
  b.halt();
  std::vector<std::byte> bytes(32);
  std::vector<HostBuffer> buffers{{bytes}};
  const SimulationResult result = simulate(b.program, small_machine(), buffers);
  ASSERT_TRUE(std::holds_alternative<Trap>(result));
  EXPECT_EQ(std::get<Trap>(result).text, "buffer X needs 64 aligned bytes, but was given 32");
}

TEST(Trap, CycleLimit) {
  Builder b;
  b.add(dsa::Loop{2, {false, 0}, {false, 1'000'000'000}, {false, 1}, 1});
  b.add(dsa::Scalar{dsa::ScalarOp::add, 3, {false, 0}, {false, 0}});
  EXPECT_EQ(trap(b.halt(), small_machine(), 10'000),
            "2: not finished after 10000 cycles (--cycle-limit)");
}

TEST(Deadlock, SaysWhoWaitsForWhat) {
  Machine machine = small_machine();
  machine.engines[0].queue_depth = 2;
  Builder b;
  const auto full = b.event("%a.full");
  const auto barrier = b.barrier(2);
  b.wait(mma_engine, full);
  b.sync(dsa::SyncOp::arrive, vector_engine, barrier);
  b.sync(dsa::SyncOp::await, vector_engine, barrier);
  for (int i = 0; i < 3; ++i) b.wait(load_engine, full);
  const SimulationResult result = simulate(b.halt(), machine, {}, {true, 0});
  EXPECT_EQ(to_text(result),
            "deadlock: nothing moves after cycle 6\n"
            "  core 0: sequencer waits for room in the queue of load at instruction 5: sync.wait "
            "load e0 (no place known)\n"
            "    core 0: load takes from it, but waits for event %a.full at instruction 3\n"
            "  core 0: load waits for event %a.full at instruction 3: sync.wait load e0 (no place "
            "known)\n"
            "    0 signals so far after 0 credits, 0 waits passed; no instruction signals it\n"
            "  core 0: mma waits for event %a.full at instruction 0: sync.wait mma e0 (no place "
            "known)\n"
            "    0 signals so far after 0 credits, 0 waits passed; no instruction signals it\n"
            "  core 0: vector waits for barrier 0 at instruction 2: sync.await vector b0 (no place "
            "known)\n"
            "    1 of 2 arrivals in round 1; no other engine arrives at it\n");
}

// Two engines wait for each other's signals; the third has no instruction left.
TEST(Deadlock, SaysWhoCouldEndIt) {
  Builder b;
  const auto full = b.event("x.full");
  const auto free = b.event("x.free", 1);
  b.add(dsa::Loop{2, {false, 0}, {false, 3}, {false, 1}, 4});
  b.wait(load_engine, free);
  b.signal(load_engine, full);
  b.wait(mma_engine, full);
  b.signal(vector_engine, free);
  b.wait(load_engine, free);
  b.wait(load_engine, free);
  b.signal(load_engine, full);
  b.wait(mma_engine, full);
  b.signal(mma_engine, free);
  b.program.origins.push_back({"k.py:9", "k.yaml:4", "needs x.full"});
  b.program.code[8].origin = 1;
  const SimulationResult result = simulate(b.halt(), small_machine(), {}, {true, 0});
  const std::string text = to_text(result);
  EXPECT_EQ(text.substr(text.find('\n') + 1),
            "  core 0: load waits for event x.free at instruction 6: sync.wait load e1 (no place "
            "known)\n"
            "    3 signals so far after 1 credit, 4 waits passed\n"
            "    core 0: mma could end this by instruction 9, but waits for event x.full at "
            "instruction 8\n"
            "    core 0: vector could end this by instruction 4, but has done all its "
            "instructions\n"
            "  core 0: mma waits for event x.full at instruction 8: sync.wait mma e0 (k.py:9, "
            "k.yaml:4, needs x.full)\n"
            "    3 signals so far after 0 credits, 3 waits passed\n"
            "    core 0: load could end this by instructions 2, 7, but waits for event x.free at "
            "instruction 6\n");
  const auto json = to_json(result, "small")["deadlock"]["waiters"][1];
  EXPECT_EQ(json["text"], "sync.wait mma e0");
  EXPECT_EQ(json["helpers"][0]["engine"], "load");
  EXPECT_EQ(json["helpers"][0]["instructions"], nlohmann::json({2, 7}));
}

// The second core does not come to the barrier: it waits for an event of its own.
TEST(Deadlock, BarrierOfTwoCores) {
  Builder b;
  const auto event = b.event("e");
  const auto barrier = b.barrier(1);
  b.add(dsa::Skip{dsa::core_register, 1});
  b.wait(store_engine, event);
  b.sync(dsa::SyncOp::arrive, store_engine, barrier);
  b.sync(dsa::SyncOp::await, store_engine, barrier);
  const SimulationResult result = simulate(b.halt(), small_machine(2), {}, {true, 0});
  EXPECT_EQ(to_text(result),
            "deadlock: nothing moves after cycle 5\n"
            "  core 0: store waits for barrier 0 at instruction 3: sync.await store b0 (no place "
            "known)\n"
            "    1 of 2 arrivals in round 1\n"
            "    core 1: store could end this by instruction 2, but waits for event e at "
            "instruction 1\n"
            "  core 1: store waits for event e at instruction 1: sync.wait store e0 (no place "
            "known)\n"
            "    0 signals so far after 0 credits, 0 waits passed; no instruction signals it\n");
}

}  // namespace
}  // namespace septran::simulator
