// Values: what the engines compute, and that the time does not depend on it.
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "builder.h"
#include "source_dir.h"

namespace septran::simulator {
namespace {

using dsa::MemoryId;
constexpr std::int64_t size = 32;  // of the matrices
constexpr std::int64_t part = 8;   // of the tiles along k

/// C = relu(A * B) for matrices of `size` squared, streamed along k through rings of two slots.
const dsa::Program& gemm(Builder& b) {
  for (const char* name : {"A", "B"}) b.global(name, DType::f32, {size, size}, true, false);
  b.global("C", DType::f32, {size, size}, false, true);
  const auto full = b.event("ab.full");
  const auto free = b.event("ab.free", 2);
  const auto done = b.event("acc.full");
  const auto out = b.event("c.full");
  const auto from_a = b.tile(MemoryId::global, DType::f32, 0, {size, part}, 0, {size, 1});
  b.tile_of(from_a).address.terms = {{2, part * 4}};
  const auto from_b = b.tile(MemoryId::global, DType::f32, 0, {part, size}, 1);
  b.tile_of(from_b).address.terms = {{2, part * size * 4}};
  const auto left = b.shared(DType::f32, 0, {size, part});
  b.tile_of(left).address.terms = {{3, size * part * 4}};
  const auto right = b.shared(DType::f32, 2 * size * part * 4, {part, size});
  b.tile_of(right).address.terms = {{3, size * part * 4}};
  const auto acc = b.accumulators(DType::f32, 0, {size, size});
  const auto result = b.shared(DType::f32, 4 * size * part * 4, {size, size});
  b.add(dsa::Loop{2, {false, 0}, {false, size / part}, {false, 1}, 8});
  b.add(dsa::Scalar{dsa::ScalarOp::mod, 3, {true, 2}, {false, 2}});
  b.wait(load_engine, free);
  b.load(left, from_a);
  b.load(right, from_b);
  b.signal(load_engine, full);
  b.wait(mma_engine, full);
  dsa::Mma mma;
  mma.acc = acc;
  mma.a = left;
  mma.b = right;
  mma.mode = dsa::AccumulateMode::if_register;
  mma.reg = 2;
  b.add(mma);
  b.signal(mma_engine, free);
  b.signal(mma_engine, done);
  b.wait(vector_engine, done);
  b.vec("relu", {result, acc});
  b.signal(vector_engine, out);
  b.wait(store_engine, out);
  b.store(b.tile(MemoryId::global, DType::f32, 0, {size, size}, 2), result);
  return b.halt();
}

struct Matrices {
  std::vector<float> a = std::vector<float>(size * size);
  std::vector<float> b = std::vector<float>(size * size);
  std::vector<float> c = std::vector<float>(size * size);
  Matrices() {
    std::mt19937 random(1);
    for (float& x : a) x = static_cast<float>(random() % 7) - 3;
    for (float& x : b) x = static_cast<float>(random() % 7) - 3;
  }
  std::vector<HostBuffer> buffers() {
    return {{std::as_writable_bytes(std::span(a))},
            {std::as_writable_bytes(std::span(b))},
            {std::as_writable_bytes(std::span(c))}};
  }
};

TEST(Values, StreamedGemm) {
  Builder b;
  gemm(b);
  Matrices matrices;
  finish(b.program, small_machine(), matrices.buffers());
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < size; ++k) {
        sum += matrices.a[i * size + k] * matrices.b[k * size + j];
      }
      ASSERT_EQ(matrices.c[i * size + j], std::max(sum, 0.0F)) << i << ", " << j;
    }
  }
}

TEST(Values, TimeIsTheSameWithoutThem) {
  Builder b;
  gemm(b);
  Matrices matrices;
  SimulationReport with = finish(b.program, small_machine(), matrices.buffers());
  with.timing_only = true;
  const SimulationReport without = finish(b.program, small_machine());
  EXPECT_EQ(to_json(with, "small").dump(), to_json(without, "small").dump());
}

TEST(Values, EveryRunTakesTheSameTime) {
  Builder b;
  gemm(b);
  const std::string first = to_json(finish(b.program, small_machine(3)), "small").dump();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(to_json(finish(b.program, small_machine(3)), "small").dump(), first);
  }
}

TEST(Values, FreshMemoryIsPoisoned) {
  Builder b;
  b.global("Y", DType::f32, {4}, false, true);
  b.store(b.tile(MemoryId::global, DType::f32, 0, {4}), b.shared(DType::f32, 0, {4}));
  std::vector<float> y(4);
  finish(b.halt(), small_machine(), {{std::as_writable_bytes(std::span(y))}});
  for (const float value : y) EXPECT_TRUE(std::isnan(value));
}

// X[-2 .. 5] of a buffer of four, by axis bounds: zeros on both sides.
TEST(Values, ClippedLoad) {
  Builder b;
  b.global("X", DType::f32, {4}, true, false);
  b.global("Y", DType::f32, {8}, false, true);
  const auto src = b.tile(MemoryId::global, DType::f32, -8, {8}, 0);
  b.tile_of(src).dims[0].digits[0] = {0, 4, 0, 1};
  b.tile_of(src).axes.resize(1);
  b.tile_of(src).axes[0].base.constant = -2;
  b.tile_of(src).axes[0].extent = 4;
  const auto full = b.event("x.full");
  const auto tile = b.shared(DType::f32, 0, {8});
  b.load(tile, src);
  b.signal(load_engine, full);
  b.wait(store_engine, full);
  b.store(b.tile(MemoryId::global, DType::f32, 0, {8}, 1), tile);
  std::vector<float> x{1, 2, 3, 4};
  std::vector<float> y(8);
  const SimulationReport report =
      finish(b.halt(), small_machine(),
             {{std::as_writable_bytes(std::span(x))}, {std::as_writable_bytes(std::span(y))}});
  EXPECT_EQ(y, (std::vector<float>{0, 0, 1, 2, 3, 4, 0, 0}));
  EXPECT_EQ(report.edges[0].useful_bytes, 16);
}

TEST(Report, JsonHasTheDocumentedKeys) {
  Builder b;
  gemm(b);
  const nlohmann::ordered_json json =
      to_json(finish(b.program, small_machine()), "small", {true, 0.5, 0.25, 3, 1.0, 2.0, {}});
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["target"], "small");
  EXPECT_EQ(json["result"]["ok"], true);
  EXPECT_EQ(json["result"]["relative_error"], 0.25);
  EXPECT_EQ(json["result"]["incomparable_elements"], 3);
  EXPECT_EQ(json["wall_seconds"]["simulate"], 2.0);
  EXPECT_EQ(json["macs"], size * size * size);
  const auto& engines = json["cores"][0]["engines"];
  for (const char* name : {"sequencer", "load", "store", "mma", "vector"}) {
    Cycle total = engines[name]["busy"].get<Cycle>() + engines[name]["draining"].get<Cycle>() +
                  engines[name]["idle"].get<Cycle>();
    for (const auto& count : engines[name]["stalled"]) total += count.get<Cycle>();
    EXPECT_EQ(total, json["cycles"].get<Cycle>()) << name;
  }
  EXPECT_EQ(json["memory"]["GLOBAL->SHARED"]["bytes"], 2 * size * size * 4);
  EXPECT_EQ(json["occupancy"]["SHARED"]["high_water_bytes"], 4 * size * part * 4 + size * size * 4);
  EXPECT_EQ(json["energy_pj"]["mma"], 2.0 * size * size * size);
  EXPECT_EQ(json["seconds_at_clock"], json["cycles"].get<double>() * 1e-9);
}

TEST(Report, TrapsAndDeadlocksAsJson) {
  const auto trap = to_json(Trap{"text", 1, 7, {"g.py:1", "m.yaml:2", "rule"}, 9}, "small");
  EXPECT_EQ(trap["result"]["ok"], false);
  EXPECT_EQ(trap["trap"]["instruction"], 7);
  EXPECT_EQ(to_text(Trap{"text", 1, 7, {"g.py:1", "m.yaml:2", "rule"}, 9}),
            "trap in cycle 9 on core 1 at instruction 7 (g.py:1, m.yaml:2, rule): text\n");
  Deadlock deadlock;
  deadlock.waiters.push_back({0, "mma", "event e", 3, "sync.wait mma e0", {}, "", {}});
  EXPECT_EQ(to_json(deadlock, "small")["deadlock"]["waiters"][0]["waits_for"], "event e");
}

TEST(Report, VerdictNamesTheBottleneck) {
  Builder b;
  gemm(b);
  const SimulationReport report = finish(b.program, small_machine());
  EXPECT_NE(report.verdict.find("mma waits for data"), std::string::npos) << report.verdict;
  EXPECT_NE(report.verdict.find("load engine is the bottleneck"), std::string::npos);
  EXPECT_NE(to_text(report).find(report.verdict), std::string::npos);
  EXPECT_EQ(report.roofline.binding(), "mma");
}

TEST(Report, EveryStatisticIsDocumented) {
  for (const Statistic& row : statistics()) {
    EXPECT_EQ(std::string(row.meaning).back(), '.') << row.key;
  }
  std::ifstream page(std::string(SEPTRAN_SOURCE_DIR) + "/docs/timing.md");
  std::stringstream text;
  text << page.rdbuf();
  EXPECT_NE(text.str().find(statistics_markdown()), std::string::npos) << statistics_markdown();
}

}  // namespace
}  // namespace septran::simulator
