// The presets of matrix arrays against figures that are known of the arrays that they stand for.
// Every figure comes from the simulation of a program, one mma on an otherwise empty machine, and
// counts the cycles in which the array computes: busy or draining.
#include "builder.h"

namespace septran::simulator {
namespace {

/// The settings of `dsa.mma` in a description, as its reader understands them.
MmaTiming settings(const std::string& mma) {
  SourceManager sources;
  Diagnostics diagnostics;
  const auto edge = sources.load(machines_folder() + "/dsa_edge.yaml");
  if (!edge) return {};
  std::string text(sources.text(*edge));
  const std::size_t begin = text.find("\n  mma:\n    rows:") + 1;
  const std::size_t end = text.find("\n  vector:\n    lanes:") + 1;
  text.replace(begin, end - begin, "  mma: {" + mma + "}\n");
  const auto machine = read_machine(sources.add("t.yaml", text), sources, diagnostics);
  if (!machine) {
    ADD_FAILURE() << render(diagnostics, sources, false);
    return {};
  }
  return machine->dsa.mma;
}

struct Product {
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
};

/// Cycles in which the array computes: all of the run but the sequencer's first instruction.
Cycle compute_cycles(const std::string& mma, const Product& size) {
  Machine machine = small_machine();
  machine.dsa.mma = settings(mma);
  machine.memories[1].size_bytes = machine.memories[2].size_bytes = std::int64_t{1} << 40;
  machine.implementations[0].matrix_types = {{DType::i8, DType::i8, DType::i32, 1}};
  Builder b;
  b.mma(b.accumulators(DType::i32, 0, {size.m, size.n}), b.shared(DType::i8, 0, {size.m, size.k}),
        b.shared(DType::i8, std::int64_t{1} << 30, {size.k, size.n}));
  const SimulationReport report = finish(b.halt(), machine);
  const EngineReport& array = engine(report, "mma");
  EXPECT_EQ(array.stalled_total(), 0) << states(array);
  EXPECT_EQ(report.cycles, 1 + array.busy + array.draining);
  return array.busy + array.draining;
}

// A tile of R x C weights loads in R cycles; its last row enters after M - 1 more, reaches the last
// element R - 1 + C - 1 later and is done in that cycle: R + (M - 1) + (R - 1) + (C - 1) + 1 =
// 2R + C + M - 2, one tile after another.
//   64^3 on 16 x 16: 4 * 4 tiles of 32 + 16 + 64 - 2 = 110;
//   512^3 on 32 x 32: 16 * 16 tiles of 64 + 32 + 512 - 2 = 606;
//   (3136, 64, 576) on 128 x 128: 5 * 1 tiles of 256 + 128 + 3136 - 2 = 3518.
TEST(Preset, SerialWeightStationary) {
  EXPECT_EQ(compute_cycles("preset: scalesim, rows: 16, cols: 16", {64, 64, 64}), 1'760);
  EXPECT_EQ(compute_cycles("preset: scalesim, rows: 32, cols: 32", {512, 512, 512}), 155'136);
  EXPECT_EQ(compute_cycles("preset: scalesim, rows: 128, cols: 128", {3136, 64, 576}), 17'590);
}

// Sums need no loading. The last of K operands enters after K - 1 cycles and reaches the last
// element R - 1 + C - 1 later: K + R + C - 2. 512^3 on 32 x 32: 16 * 16 tiles of
// 512 + 32 + 32 - 2 = 574.
TEST(Preset, OutputStationary) {
  EXPECT_EQ(compute_cycles("preset: scalesim, rows: 32, cols: 32, output_stationary: true",
                           {512, 512, 512}),
            146'944);
}

// Weights load behind 512 rows, which follow each other without a gap: 256 * 512 = 131,072 cycles,
// and around them one fill of R = 32 and one drain of R - 1 + C - 1 + p = 31 + 31 + 1.
TEST(Preset, HiddenPreload) {
  EXPECT_EQ(compute_cycles("preset: gemmini, rows: 32, cols: 32", {512, 512, 512}),
            131'072 + 32 + 63);
}

// As gemmini, and a cycle each to take the command and to read the operands.
TEST(Preset, OurRtl) {
  EXPECT_EQ(compute_cycles("preset: septran_rtl, rows: 32, cols: 32", {512, 512, 512}),
            131'072 + 32 + 65);
}

// What stands beside a preset wins; what does not comes from it.
TEST(Preset, KeysBesideItWin) {
  const MmaTiming timing = settings("rows: 8, cols: 4, element_cycles: 7, preset: scalesim");
  EXPECT_EQ(timing.rows, 8);
  EXPECT_EQ(timing.element_cycles, 7);
  EXPECT_FALSE(timing.preload_hidden);
}

}  // namespace
}  // namespace septran::simulator
