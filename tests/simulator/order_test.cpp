// What the hazard detector takes for order, and that it raises no alarm where nothing is wrong.
#include <fmt/format.h>

#include "hazard_support.h"

namespace septran::simulator {
namespace {

using dsa::EngineId;
using dsa::MemoryId;

TEST(Order, WithinAnEngine) {
  Tiles t;
  t.fill(t.x);
  t.vec("relu", {t.x, t.x});
  t.vec("relu", {t.y, t.x});
  t.fill(t.x);
  t.add(dsa::Loop{2, {false, 0}, {false, 3}, {false, 1}, 1});
  t.vec("add", {t.y, t.x, t.y});
  EXPECT_EQ(hazards(t.halt()), "");
}

TEST(Order, ByAnEvent) {
  Tiles t;
  t.fill(t.x);
  t.order(vector_engine, store_engine, t.event("e"));
  t.store(t.r, t.x);
  t.order(store_engine, vector_engine, t.event("f"));
  t.fill(t.x);
  EXPECT_EQ(hazards(t.halt()), "");
}

TEST(Order, ByAChainOfEvents) {
  Tiles t;
  t.fill(t.x);
  t.order(vector_engine, load_engine, t.event("e"));
  t.order(load_engine, mma_engine, t.event("f"));
  t.order(mma_engine, store_engine, t.event("g"));
  t.store(t.r, t.x);
  EXPECT_EQ(hazards(t.halt()), "");
}

// A chain needs its parts in order on the engine between them.
TEST(Order, BrokenChain) {
  Tiles t;
  const auto e = t.event("e");
  const auto f = t.event("f");
  t.fill(t.x);
  t.signal(vector_engine, e);
  t.signal(load_engine, f);
  t.wait(load_engine, e);
  t.wait(store_engine, f);
  t.store(t.r, t.x);
  EXPECT_EQ(hazards(t.halt()), "read after write: 0.vector 0, 0.store 5: SHARED 0..63\n");
}

// A signal speaks for what stands before it on its engine.
TEST(Order, SignalTooEarly) {
  Tiles t;
  t.signal(vector_engine, t.event("e"));
  t.fill(t.x);
  t.wait(store_engine, 0);
  t.store(t.r, t.x);
  EXPECT_EQ(hazards(t.halt()), "read after write: 0.vector 1, 0.store 3: SHARED 0..63\n");
}

TEST(Order, WaitOfAnotherEngine) {
  Tiles t;
  t.fill(t.x);
  t.order(vector_engine, load_engine, t.event("e"));
  t.store(t.r, t.x);
  EXPECT_EQ(hazards(t.halt()), "read after write: 0.vector 0, 0.store 3: SHARED 0..63\n");
}

// The n-th wait takes the n-th signal, credits first: they order nothing.
TEST(Order, CreditsComeFirst) {
  for (const int waits : {1, 2}) {
    Tiles t;
    const auto e = t.event("e", 1);
    t.fill(t.x);
    t.signal(vector_engine, e);
    for (int i = 0; i < waits; ++i) t.wait(store_engine, e);
    t.store(t.r, t.x);
    EXPECT_EQ(hazards(t.halt()),
              waits == 1 ? "read after write: 0.vector 0, 0.store 3: SHARED 0..63\n" : "");
  }
}

TEST(Order, EachWaitTakesItsOwnSignal) {
  Tiles t;
  const auto e = t.event("e");
  t.fill(t.x);
  t.signal(vector_engine, e);
  t.fill(t.y);
  t.signal(vector_engine, e);
  t.wait(store_engine, e);
  t.store(t.r, t.x);
  t.store(t.s, t.y);  // needs the second
  EXPECT_EQ(hazards(t.halt()), "read after write: 0.vector 2, 0.store 6: SHARED 64..127\n");
}

/// A ring of two slots of x and y between the vector unit and the store engine, seven trips.
std::string ring(std::int64_t credits, bool with_full, bool with_free) {
  Tiles t;
  const auto full = t.event("x.full");
  const auto free = t.event("x.free", credits);
  const auto slot = t.shared(DType::f32, 0, {16});
  t.tile_of(slot).address.terms = {{3, 64}};
  const auto body =
      3 + 2 * static_cast<std::uint32_t>(with_full) + 2 * static_cast<std::uint32_t>(with_free);
  t.add(dsa::Loop{2, {false, 0}, {false, 7}, {false, 1}, body});
  t.add(dsa::Scalar{dsa::ScalarOp::mod, 3, {true, 2}, {false, 2}});
  if (with_free) t.wait(vector_engine, free);
  t.fill(slot);
  if (with_full) t.order(vector_engine, store_engine, full);
  t.store(t.r, slot);
  if (with_free) t.signal(store_engine, free);
  std::string kinds;
  for (const Hazard& hazard : check(t.halt(), small_machine()).hazards) {
    kinds += hazard.kind == Hazard::Kind::read_after_write ? "raw " : "war ";
  }
  return kinds;
}

TEST(Order, RingsWrap) {
  EXPECT_EQ(ring(2, true, true), "");
  EXPECT_EQ(ring(1, true, true), "");
  EXPECT_EQ(ring(3, true, true), "war ");  // the third trip overwrites a slot in use
  EXPECT_EQ(ring(2, true, false), "war ");
  EXPECT_EQ(ring(2, false, true), "raw ");
  EXPECT_EQ(ring(2, false, false), "raw war ");
}

TEST(Order, ByABarrierWithinACore) {
  Tiles t;
  const auto barrier = t.barrier(2);
  t.fill(t.x);
  for (const auto op : {dsa::SyncOp::arrive, dsa::SyncOp::await}) {
    for (const EngineId engine : {vector_engine, store_engine}) t.sync(op, engine, barrier);
  }
  t.store(t.r, t.x);
  EXPECT_EQ(hazards(t.halt()), "");
}

/// Each core stores its row of C and loads its neighbour's; twice, in rows of their own.
std::string neighbours(bool arrive_after_store, bool await_on_load) {
  Tiles t;
  t.global("C", DType::f32, {8, 16}, false, true);
  const auto barrier = t.barrier(2);
  const auto mine = t.tile(MemoryId::global, DType::f32, 0, {16});
  const auto next = t.tile(MemoryId::global, DType::f32, 0, {16});
  t.tile_of(mine).address.terms = {{dsa::core_register, 64}, {4, 256}};
  t.tile_of(next).address.terms = {{3, 64}, {4, 256}};
  t.fill(t.x);
  t.order(vector_engine, store_engine, t.event("e"));
  t.add(dsa::Scalar{dsa::ScalarOp::add, 3, {true, dsa::core_register}, {false, 1}});
  t.add(dsa::Scalar{dsa::ScalarOp::mod, 3, {true, 3}, {true, dsa::cores_register}});
  t.add(dsa::Loop{4, {false, 0}, {false, 2}, {false, 1}, 6});
  if (!arrive_after_store) t.sync(dsa::SyncOp::arrive, store_engine, barrier);
  t.store(mine, t.x);
  if (arrive_after_store) t.sync(dsa::SyncOp::arrive, store_engine, barrier);
  t.sync(dsa::SyncOp::arrive, load_engine, barrier);
  t.sync(dsa::SyncOp::await, store_engine, barrier);
  t.sync(dsa::SyncOp::await, await_on_load ? load_engine : mma_engine, barrier);
  t.load(t.y, next);
  return hazards(t.halt(), 4);
}

TEST(Order, ByABarrierAcrossCores) {
  EXPECT_EQ(neighbours(true, true), "");
  // Both rounds, each core's neighbour.
  const std::string early = neighbours(false, true);
  EXPECT_TRUE(early.starts_with("read after write: ")) << early;
  EXPECT_NE(early.find(".load 11: GLOBAL"), std::string::npos) << early;
  EXPECT_TRUE(early.ends_with(", 8 times\n")) << early;
  const std::string unawaited = neighbours(true, false);
  EXPECT_NE(unawaited.find("store 6, 0.load 11: GLOBAL"), std::string::npos) << unawaited;
}

TEST(NoAlarm, TilesThatInterleave) {
  Builder b;
  const auto even = b.tile(MemoryId::shared, DType::f32, 0, {4, 8}, 0, {16, 1});
  const auto odd = b.tile(MemoryId::shared, DType::f32, 32, {4, 8}, 0, {16, 1});
  b.global("A", DType::f32, {4, 8}, true, false);
  const auto a = b.tile(MemoryId::global, DType::f32, 0, {4, 8});
  b.vec("fill", {even, b.number(1)});
  b.load(odd, a);
  EXPECT_EQ(hazards(b.halt()), "");
  b.program.code.pop_back();
  b.load(b.tile(MemoryId::shared, DType::f32, 28, {1, 1}),
         b.tile(MemoryId::global, DType::f32, 0, {1, 1}));
  EXPECT_EQ(hazards(b.halt()), "write after write: 0.vector 0, 0.load 2: SHARED 28..31\n");
}

TEST(NoAlarm, ElementsOutsideAxesAreNotTouched) {
  Builder b;
  const auto clipped = b.tile(MemoryId::shared, DType::f32, 0, {16});
  b.tile_of(clipped).dims[0].digits[0].axis = 0;
  b.tile_of(clipped).dims[0].digits[0].step = 1;
  b.tile_of(clipped).axes.push_back({{}, 10});
  b.vec("fill", {b.shared(DType::f32, 0, {10}), b.number(1)});
  const auto e = b.event("e");
  b.signal(vector_engine, e);
  b.wait(store_engine, e);
  b.store(b.accumulators(DType::f32, 0, {16}), clipped);
  b.vec("fill", {b.shared(DType::f32, 40, {6}), b.number(1)});
  EXPECT_EQ(hazards(b.halt()), "");
}

TEST(NoAlarm, CoresHaveTheirOwnMemories) {
  Tiles t;
  const auto c = t.global("C", DType::f32, {2, 16}, false, true);
  const auto row = t.global_tile(c);
  t.tile_of(row).address.terms = {{dsa::core_register, 64}};
  t.fill(t.x);
  t.order(vector_engine, store_engine, t.event("e"));
  t.store(row, t.x);
  EXPECT_EQ(hazards(t.halt(), 2), "");
}

}  // namespace
}  // namespace septran::simulator
