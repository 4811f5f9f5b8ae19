// The hazard detector on programs written by hand: each kind of hazard, and what is said of it.
// Results must not depend on the timing, so the order in which this machine happens to do things
// plays no part in what is expected.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "hazard_support.h"

namespace septran::simulator {
namespace {

using dsa::MemoryId;

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
