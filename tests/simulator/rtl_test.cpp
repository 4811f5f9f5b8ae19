// The RTL of the matrix array against the model: the same results bit for bit, and the same cycles
// to the cycle, over tile shapes and sequences that make passes wait for each other.
#include <fmt/format.h>

#include <array>
#include <random>

#include "builder.h"

namespace septran::simulator {
namespace {

/// Products one after another on the same operands: acc (+)= a * b.
struct Sequence {
  std::int64_t m = 1;
  std::int64_t n = 1;
  std::int64_t k = 1;
  int count = 1;
  bool transposed = false;
  float factor = 1;
};

Machine machine_of(int size) {
  Machine machine = small_machine();
  machine.dsa.mma.rows = machine.dsa.mma.cols = size;
  machine.dsa.mma.element_cycles = 3;  // the preset septran_rtl
  machine.implementations[0].matrix_types = {{DType::i8, DType::i8, DType::i32, 1}};
  return machine;
}

/// A and B in, the products into two accumulators in turn, all sums out.
dsa::Program program_of(const Sequence& s) {
  Builder b;
  b.global("A", DType::i8, {s.m, s.k}, true, false);
  b.global("B", DType::i8, {s.k, s.n}, true, false);
  b.global("C", DType::i32, {2, s.m, s.n}, false, true);
  const auto full = b.event("full");
  const auto done = b.event("done");
  const std::vector<std::int64_t> a_shape =
      s.transposed ? std::vector{s.k, s.m} : std::vector{s.m, s.k};
  const std::vector<std::int64_t> b_shape =
      s.transposed ? std::vector{s.n, s.k} : std::vector{s.k, s.n};
  const auto a = b.shared(DType::i8, 0, a_shape);
  const auto w = b.shared(DType::i8, 16384, b_shape);
  b.load(a, b.tile(dsa::MemoryId::global, DType::i8, 0, a_shape, 0));
  b.load(w, b.tile(dsa::MemoryId::global, DType::i8, 0, b_shape, 1));
  b.signal(load_engine, full);
  b.wait(mma_engine, full);
  std::array<dsa::OperandId, 2> acc{};
  for (std::size_t i = 0; i < acc.size(); ++i) {
    acc[i] = b.accumulators(DType::i32, static_cast<std::int64_t>(i) * s.m * s.n * 4, {s.m, s.n});
  }
  for (int i = 0; i < std::max(2, s.count); ++i) {
    dsa::Mma mma;
    mma.acc = acc[static_cast<std::size_t>(i % 2)];
    mma.a = a;
    mma.b = w;
    mma.transpose_a = mma.transpose_b = s.transposed;
    mma.mode = i < 2 ? dsa::AccumulateMode::overwrite : dsa::AccumulateMode::accumulate;
    mma.factor = s.factor;
    b.add(mma);
  }
  b.signal(mma_engine, done);
  b.wait(store_engine, done);
  b.store(b.tile(dsa::MemoryId::global, DType::i32, 0, {2 * s.m, s.n}, 2),
          b.accumulators(DType::i32, 0, {2 * s.m, s.n}));
  return b.halt();
}

struct Run {
  SimulationReport report;
  std::vector<std::int32_t> sums;
};

Run run(const Sequence& s, int size, MmaModel model, bool timing_only = false) {
  std::mt19937 random(static_cast<unsigned>(s.m * 64 + s.n * 8 + s.k));
  const auto bytes = [&](std::int64_t count) {
    std::vector<std::int8_t> values(static_cast<std::size_t>(count));
    for (auto& value : values) value = static_cast<std::int8_t>(random());
    return values;
  };
  auto a = bytes(s.m * s.k);
  auto b = bytes(s.k * s.n);
  Run result;
  result.sums.resize(static_cast<std::size_t>(2 * s.m * s.n));
  std::vector<HostBuffer> buffers{{std::as_writable_bytes(std::span(a))},
                                  {std::as_writable_bytes(std::span(b))},
                                  {std::as_writable_bytes(std::span(result.sums))}};
  SimulationOptions options;
  options.mma = model;
  options.timing_only = timing_only;
  if (timing_only) buffers.clear();
  const dsa::Program program = program_of(s);
  const auto outcome = simulate(program, machine_of(size), buffers, options);
  if (const auto* report = std::get_if<SimulationReport>(&outcome)) {
    result.report = *report;
  } else {
    ADD_FAILURE() << to_text(outcome);
  }
  return result;
}

/// Both, side by side.
void compare(const Sequence& s, int size) {
  const std::string what =
      fmt::format("{} x {} of {} x {} x {} on {}", s.count, s.factor, s.m, s.n, s.k, size);
  const Run model = run(s, size, MmaModel::behavioural);
  const Run rtl = run(s, size, MmaModel::rtl);
  EXPECT_EQ(rtl.sums, model.sums) << what;
  EXPECT_EQ(rtl.report.cycles, model.report.cycles) << what;
  EXPECT_EQ(engine(rtl.report, "mma").busy, engine(model.report, "mma").busy) << what;
  for (const EngineReport& one : rtl.report.cores[0].engines) {
    EXPECT_EQ(one.total(), rtl.report.cycles) << one.name << " of " << what;
  }
  EXPECT_EQ(run(s, size, MmaModel::rtl, true).report.cycles, rtl.report.cycles) << what;
}

class Rtl : public testing::Test {
 protected:
  void SetUp() override {
    if (rtl_sizes().empty()) GTEST_SKIP() << "built without Verilator";
  }
};

// One row, fewer rows than the array has (weights are what counts), as many, more; operands that
// fill the array, that do not, and that take several passes along n, along k and along both.
TEST_F(Rtl, AgreesOnEveryShape) {
  for (const int size : {4, 8, 16}) {
    for (const std::int64_t m : {1, 3, size, 2 * size + 1}) {
      for (const std::int64_t n : {1, size, size + 3}) {
        for (const std::int64_t k : {1, size, 2 * size + 1}) compare({m, n, k}, size);
      }
    }
  }
}

// Products behind each other: the next one's weights load behind the last pass of the one before.
TEST_F(Rtl, AgreesOnSequences) {
  for (const int size : {4, 8, 16}) {
    for (const int count : {3, 8}) {
      compare({1, 1, 1, count}, size);
      compare({size - 1, size, size, count}, size);
      compare({3 * size, size, size, count}, size);
      compare({5, 2 * size + 1, 3 * size - 1, count}, size);
    }
  }
}

TEST_F(Rtl, TakesTransposedOperands) { compare({7, 10, 13, 3, true}, 8); }

// Whole factors wrap as sums do; others are rounded once, behind the array.
TEST_F(Rtl, TakesFactors) {
  compare({7, 5, 9, 4, false, 3}, 4);
  compare({7, 5, 9, 4, false, -0.75F}, 4);
}

std::string refusal(const dsa::Program& program, const Machine& machine) {
  SimulationOptions options;
  options.timing_only = true;
  options.mma = MmaModel::rtl;
  const auto result = simulate(program, machine, {}, options);
  const auto* trap = std::get_if<Trap>(&result);
  return trap == nullptr ? "" : trap->text;
}

TEST_F(Rtl, RefusesWhatItIsNotFor) {
  const dsa::Program program = program_of({4, 4, 4});
  EXPECT_EQ(refusal(program, machine_of(5)), "no RTL of 5 x 5 in this build");
  Machine machine = machine_of(4);
  machine.dsa.mma.output_stationary = true;
  EXPECT_EQ(refusal(program, machine),
            "not for the RTL: its weights stay, the described array's outputs do");
  Builder b;
  b.mma(b.accumulators(DType::f32, 0, {4, 4}), b.shared(DType::f32, 0, {4, 4}),
        b.shared(DType::f32, 64, {4, 4}));
  machine = small_machine();
  EXPECT_EQ(refusal(b.halt(), machine),
            "not for the RTL: it multiplies i8 only, and instruction 0 has f32");
  EXPECT_EQ(refusal(program, machine),
            "not for the RTL: it does one multiply-accumulate a cycle and element");
}

}  // namespace
}  // namespace septran::simulator
