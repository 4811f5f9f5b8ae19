// The hazard detector on programs written by hand: each kind of hazard, each kind of order, and no
// alarm where there is nothing wrong. Results must not depend on the timing, so the order in which
// this machine happens to do things plays no part in what is expected.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "builder.h"

namespace septran::simulator {
namespace {

using dsa::EngineId;
using dsa::MemoryId;

/// What the detector says: the same with values and without them, and neither changes the run.
HazardReport check(const dsa::Program& program, const Machine& machine) {
  std::vector<std::vector<std::byte>> bytes;
  std::vector<HostBuffer> buffers;
  for (const dsa::GlobalBuffer& global : program.globals) {
    std::size_t size = size_bytes(global.dtype);
    for (const std::int64_t extent : global.shape) size *= static_cast<std::size_t>(extent);
    bytes.emplace_back(size);
    buffers.push_back({bytes.back()});
  }
  HazardReport report;
  HazardReport with_values;
  const SimulationResult timed = simulate(program, machine, {}, {true, 0}, &report);
  simulate(program, machine, buffers, {}, &with_values);
  EXPECT_EQ(to_text(with_values), to_text(report));
  EXPECT_EQ(with_values.operations, report.operations);
  EXPECT_EQ(to_text(timed), to_text(simulate(program, machine, {}, {true, 0})));
  return report;
}

std::string hazards(const dsa::Program& program, int cores = 1) {
  constexpr const char* kinds[] = {"read after write", "write after read", "write after write",
                                   "unwritten", "shared event"};
  std::string text;
  for (const Hazard& hazard : check(program, small_machine(cores)).hazards) {
    const auto side = [](const Hazard::Side& s) {
      return fmt::format("{}.{} {}", s.core, s.engine, s.instruction);
    };
    text += fmt::format("{}: {}", kinds[static_cast<std::size_t>(hazard.kind)], side(hazard.first));
    if (hazard.second) text += ", " + side(*hazard.second);
    if (!hazard.memory.empty()) {
      text += fmt::format(": {} {}..{}", hazard.memory, hazard.first_byte, hazard.last_byte);
    }
    text += hazard.count == 1 ? "\n" : fmt::format(", {} times\n", hazard.count);
  }
  return text;
}

/// Tiles of 64 bytes to move values about.
struct Tiles : Builder {
  dsa::OperandId x = shared(DType::f32, 0, {16});
  dsa::OperandId y = shared(DType::f32, 64, {16});
  dsa::OperandId r = accumulators(DType::f32, 0, {16});
  dsa::OperandId s = accumulators(DType::f32, 64, {16});
  dsa::OperandId one = number(1);

  void fill(dsa::OperandId tile) { vec("fill", {tile, one}); }
  void order(EngineId from, EngineId to, std::uint32_t event) {
    signal(from, event);
    wait(to, event);
  }
  dsa::OperandId global_tile(std::uint32_t buffer) {
    return tile(MemoryId::global, DType::f32, 0, {16}, buffer);
  }
};

// ==== Kinds of hazards

TEST(Hazard, ReadAfterWrite) {
  Tiles t;
  t.fill(t.x);
  t.store(t.r, t.x);
  EXPECT_EQ(hazards(t.halt()), "read after write: 0.vector 0, 0.store 1: SHARED 0..63\n");
}

TEST(Hazard, WriteAfterRead) {
  Tiles t;
  t.fill(t.x);
  t.order(vector_engine, store_engine, t.event("e"));
  t.store(t.r, t.x);
  t.fill(t.x);
  EXPECT_EQ(hazards(t.halt()), "write after read: 0.store 3, 0.vector 4: SHARED 0..63\n");
}

TEST(Hazard, WriteAfterWrite) {
  Tiles t;
  const auto a = t.global("A", DType::f32, {16}, true, false);
  t.load(t.r, t.global_tile(a));
  t.fill(t.r);
  EXPECT_EQ(hazards(t.halt()), "write after write: 0.load 0, 0.vector 1: REGISTER 0..63\n");
}

TEST(Hazard, GlobalMemoryOfOneCore) {
  Tiles t;
  const auto c = t.global("C", DType::f32, {16}, false, true);
  t.fill(t.x);
  t.order(vector_engine, store_engine, t.event("e"));
  t.store(t.global_tile(c), t.x);
  t.load(t.r, t.global_tile(c));
  EXPECT_EQ(hazards(t.halt()), "read after write: 0.store 3, 0.load 4: GLOBAL 0..63\n");
}

TEST(Hazard, MatrixEngine) {
  Builder b;
  const auto a = b.shared(DType::f32, 0, {4, 4});
  const auto w = b.shared(DType::f32, 64, {4, 4});
  const auto acc = b.accumulators(DType::f32, 0, {4, 4});
  const auto one = b.number(1);
  b.vec("fill", {a, one});
  b.vec("fill", {w, one});
  b.vec("fill", {acc, one});
  b.mma(acc, a, w, true);
  EXPECT_EQ(hazards(b.halt()),
            "read after write: 0.vector 0, 0.mma 3: SHARED 0..63\n"
            "read after write: 0.vector 1, 0.mma 3: SHARED 64..127\n"
            "write after write: 0.vector 2, 0.mma 3: REGISTER 0..63\n");
}

// Both cores run the same program: the pair is one of an instruction with itself.
TEST(Hazard, TwoCoresWriteTheSameBytes) {
  Tiles t;
  const auto c = t.global("C", DType::f32, {16}, false, true);
  t.fill(t.x);
  t.order(vector_engine, store_engine, t.event("e"));
  t.store(t.global_tile(c), t.x);
  EXPECT_EQ(hazards(t.halt(), 2), "write after write: 0.store 3, 1.store 3: GLOBAL 0..63\n");
}

TEST(Hazard, EachPairOnceWithItsCount) {
  Tiles t;
  t.add(dsa::Loop{2, {false, 0}, {false, 5}, {false, 1}, 2});
  t.fill(t.x);
  t.store(t.r, t.x);
  const HazardReport report = check(t.halt(), small_machine());
  ASSERT_EQ(report.hazards.size(), 2U);
  EXPECT_EQ(report.hazards[0].kind, Hazard::Kind::read_after_write);
  EXPECT_EQ(report.hazards[1].kind, Hazard::Kind::write_after_read);
  EXPECT_EQ(report.hazards[0].count + report.hazards[1].count, 9);  // neighbours only
  EXPECT_EQ(report.operations, 10);
}

// The pair of operations counts, not its rows.
TEST(Hazard, RowsOfATileCountOnce) {
  Builder b;
  const auto rows = b.tile(MemoryId::shared, DType::f32, 0, {4, 2}, 0, {8, 1});
  b.vec("fill", {rows, b.number(1)});
  b.store(b.accumulators(DType::f32, 0, {4, 2}), rows);
  EXPECT_EQ(hazards(b.halt()), "read after write: 0.vector 0, 0.store 1: SHARED 0..103\n");
}

TEST(Hazard, UnwrittenBytes) {
  Tiles t;
  t.fill(t.x);
  t.order(vector_engine, store_engine, t.event("e"));
  t.store(t.accumulators(DType::f32, 0, {32}), t.shared(DType::f32, 0, {32}));
  EXPECT_EQ(hazards(t.halt()), "unwritten: 0.store 3: SHARED 64..127\n");
}

TEST(Hazard, UnwrittenBytesThatAreWrittenLater) {
  Tiles t;
  t.add(dsa::Loop{2, {false, 0}, {false, 3}, {false, 1}, 1});
  t.store(t.r, t.x);
  t.order(store_engine, vector_engine, t.event("e"));
  t.fill(t.x);
  EXPECT_EQ(hazards(t.halt()), "unwritten: 0.store 1: SHARED 0..63, 3 times\n");
}

// What is written in no order with the read is a hazard of the pair, whoever is first.
TEST(Hazard, UnwrittenOnlyIfNoWriteMayComeFirst) {
  for (const bool late : {false, true}) {
    Tiles t;
    if (late) {
      for (int i = 0; i < 20; ++i) t.fill(t.y);
    }
    t.fill(t.x);
    t.store(t.r, t.x);
    const std::uint32_t first = late ? 20 : 0;
    EXPECT_EQ(hazards(t.halt()), fmt::format("read after write: 0.vector {}, 0.store {}: SHARED "
                                             "0..63\n",
                                             first, first + 1));
  }
}

TEST(Hazard, UnwrittenAccumulators) {
  Builder b;
  const auto a = b.shared(DType::f32, 0, {4, 4});
  b.vec("fill", {a, b.number(1)});
  const auto e = b.event("e");
  b.signal(vector_engine, e);
  b.wait(mma_engine, e);
  b.mma(b.accumulators(DType::f32, 0, {4, 4}), a, a, true);
  b.mma(b.accumulators(DType::f32, 64, {4, 4}), a, a, false);
  EXPECT_EQ(hazards(b.halt()), "unwritten: 0.mma 3: REGISTER 0..63\n");
}

// The host gives inputs and outputs their bytes, the workspace is nobody's.
TEST(Hazard, UnwrittenWorkspace) {
  Tiles t;
  const auto in = t.global("A", DType::f32, {16}, true, false);
  const auto out = t.global("C", DType::f32, {16}, false, true);
  const auto work = t.global("W", DType::f32, {16}, false, false);
  t.load(t.x, t.global_tile(in));
  t.load(t.x, t.global_tile(out));
  t.load(t.x, t.global_tile(work));
  EXPECT_EQ(hazards(t.halt()), "unwritten: 0.load 2: GLOBAL 0..63\n");
}

TEST(Hazard, EventsOfMoreThanTwoEngines) {
  Tiles t;
  const auto two_signal = t.event("e");
  const auto two_wait = t.event("f", 2);
  t.signal(load_engine, two_signal);
  t.signal(mma_engine, two_signal);
  t.wait(vector_engine, two_signal);
  t.wait(vector_engine, two_signal);
  t.wait(load_engine, two_wait);
  t.wait(store_engine, two_wait);
  EXPECT_EQ(hazards(t.halt()),
            "shared event: 0.load 0, 0.mma 1\n"
            "shared event: 0.load 4, 0.store 5\n");
}

// ==== Kinds of order

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

// ==== No alarm

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

// ==== What is said

TEST(HazardReport, NamesInstructionsPlacesBuffersAndWhatToDo) {
  Tiles t;
  t.program.locals = {{"x", MemoryId::shared, 0, 64}, {"y", MemoryId::shared, 64, 64}};
  t.program.origins.push_back({"k.py:3", "k.yaml:7", "fill"});
  t.fill(t.x);
  t.program.code.back().origin = 1;
  t.store(t.r, t.shared(DType::f32, 32, {16}));
  t.halt();
  const HazardReport report = check(t.program, small_machine());
  EXPECT_EQ(to_text(report),
            "hazard: store reads what vector writes, but may be first: bytes 32 to 63 of x in "
            "SHARED\n"
            "  core 0: vector, instruction 0: vec.fill o0, o4 (k.py:3, k.yaml:7, fill)\n"
            "  core 0: store, instruction 1: dma_copy store o2, o5 (no place known)\n"
            "  hint: let store wait before instruction 1 for an event that vector signals behind "
            "instruction 0\n"
            "hazard: store reads what nothing has written: bytes 64 to 95 of y in SHARED\n"
            "  core 0: store, instruction 1: dma_copy store o2, o5 (no place known)\n"
            "  hint: write them before, or give the tile no more extent than what was written\n");
  DriverResults driver;
  driver.ok = true;
  driver.hazards = report;
  const auto json = to_json(finish(t.program, small_machine()), "small", driver);
  EXPECT_EQ(json["result"]["ok"], false);
  EXPECT_EQ(json["hazards"]["operations"], 2);
  const auto& found = json["hazards"]["found"];
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0]["kind"], "read_after_write");
  EXPECT_EQ(found[0]["first"]["origin"]["logic"], "k.py:3");
  EXPECT_EQ(found[0]["second"]["instruction"], 1);
  EXPECT_EQ(found[0]["bytes"], nlohmann::json({32, 63}));
  EXPECT_EQ(found[1]["kind"], "unwritten");
  EXPECT_FALSE(found[1].contains("second"));
}

TEST(HazardReport, AcrossCoresAndEvents) {
  Tiles t;
  const auto c = t.global("C", DType::f32, {16}, false, true);
  t.fill(t.x);
  t.order(vector_engine, store_engine, t.event("e"));
  t.store(t.global_tile(c), t.x);
  t.signal(load_engine, 0);
  const std::string text = to_text(check(t.halt(), small_machine(2)));
  EXPECT_NE(text.find("hint: put a barrier between them: store arrives behind instruction 3, store "
                      "awaits it before instruction 3\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("and load both signal event e"), std::string::npos) << text;
}

TEST(HazardReport, AsFarAsARunCame) {
  Tiles t;
  t.fill(t.x);
  t.store(t.r, t.x);
  t.wait(store_engine, t.event("e"));
  HazardReport report;
  EXPECT_TRUE(std::holds_alternative<Deadlock>(
      simulate(t.halt(), small_machine(), {}, {true, 0}, &report)));
  EXPECT_EQ(report.hazards.size(), 1U);
}

}  // namespace
}  // namespace septran::simulator
