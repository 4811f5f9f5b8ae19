// DRAM by the presets' tables: what a stream reaches and what reads of single bursts take.
#include <algorithm>

#include "builder.h"

namespace septran::simulator {
namespace {

/// One channel of a preset, as the reader of descriptions understands it at a clock of 1 GHz,
/// behind a load engine and a link that are no limit.
Machine machine_of(const std::string& preset) {
  SourceManager sources;
  Diagnostics diagnostics;
  Machine machine = small_machine();
  const auto edge = sources.load(machines_folder() + "/dsa_edge.yaml");
  if (!edge) return machine;
  std::string text(sources.text(*edge));
  const std::size_t begin = text.find("\n  dram:\n") + 1;
  const std::size_t end = text.find("\n  energy:\n") + 1;
  text.replace(begin, end - begin,
               "  dram: {preset: " + preset +
                   ", channels: 1, interleave_bytes: 64, interleave_hash: false}\n");
  const auto read = read_machine(sources.add("t.yaml", text), sources, diagnostics);
  if (!read) {
    ADD_FAILURE() << render(diagnostics, sources, false);
    return machine;
  }
  machine.dsa.dram = read->dsa.dram;
  machine.dsa.load = {0, 64, 4096, 4096};
  machine.dsa.interconnect = {10, 4096, 0};
  machine.memories[0].size_bytes = machine.memories[1].size_bytes = std::int64_t{1} << 30;
  return machine;
}

/// Loads `count` pieces of `bytes` each, `stride` apart.
SimulationReport load(const Machine& machine, std::int64_t count, std::int64_t bytes,
                      std::int64_t stride) {
  Builder b;
  b.global("X", DType::i8, {count * stride}, true, false);
  b.load(b.shared(DType::i8, 0, {count, bytes}),
         b.tile(dsa::MemoryId::global, DType::i8, 0, {count, bytes}, 0, {stride, 1}));
  return finish(b.halt(), machine);
}

class DramPreset : public testing::TestWithParam<const char*> {};

// Rows open behind the data of others, so refresh alone takes from the peak: tRFC of each tREFI,
// 4.5 % of DDR4's time, 5.4 % of LPDDR5's, 6.7 % of HBM2e's. The rest, up to 10 %, are the first
// access and the rows that open after a refresh, with nothing to hide behind.
TEST_P(DramPreset, StreamsReachThePeakLessRefresh) {
  const Machine machine = machine_of(GetParam());
  const DramTiming& dram = machine.dsa.dram;
  constexpr std::int64_t bytes = 1 << 20;
  const SimulationReport report = load(machine, 1, bytes, bytes);
  const double share = static_cast<double>(bytes) /
                       (static_cast<double>(report.cycles) * dram.bytes_per_cycle_per_channel);
  EXPECT_GE(share, 0.9);
  EXPECT_LE(share, 1 -
                       static_cast<double>(dram.refresh_cycles) /
                           static_cast<double>(dram.refresh_interval_cycles) +
                       0.01);
  EXPECT_EQ(report.dram.row_hits + report.dram.row_misses, bytes / 64);
  EXPECT_GE(report.dram.row_hits, report.dram.row_misses * 20);
}

/// From one activation of a bank to the next: tRC or, where that is longer, activation, column,
/// data and precharge one after another. DDR4: 46 and 14 + 14 + 2.5 + 14 = 44.5; LPDDR5: 60 and 18
/// + 22 + 2.5 + 18 = 60.5; HBM2e: 47 and 14 + 14 + 1.1 + 14 = 43.1.
double row_cycle(const DramTiming& dram) {
  return std::max(
      static_cast<double>(dram.row_cycle_cycles),
      static_cast<double>(dram.activate_cycles + dram.column_cycles + dram.precharge_cycles) +
          64 / dram.bytes_per_cycle_per_channel);
}

// Each read finds its bank with another row open: 8 more reads, 8 row cycles more.
TEST_P(DramPreset, ReadsOfOneBankTakeARowCycle) {
  const Machine machine = machine_of(GetParam());
  const DramTiming& dram = machine.dsa.dram;
  const std::int64_t stride = dram.row_bytes * dram.banks;
  const Cycle eight = load(machine, 8, 64, stride).cycles;
  EXPECT_EQ(load(machine, 16, 64, stride).cycles - eight, 8 * row_cycle(dram));
}

// The same, but the next read is the next bank's: all banks give a burst each row cycle.
TEST_P(DramPreset, ReadsOfAllBanksTakeARowCycleTogether) {
  const Machine machine = machine_of(GetParam());
  const DramTiming& dram = machine.dsa.dram;
  const std::int64_t round = dram.banks;
  const SimulationReport ten = load(machine, 10 * round, 64, dram.row_bytes);
  const SimulationReport twenty = load(machine, 20 * round, 64, dram.row_bytes);
  EXPECT_EQ(twenty.cycles - ten.cycles, 10 * row_cycle(dram));
  EXPECT_EQ(twenty.dram.row_hits, 0);
}

INSTANTIATE_TEST_SUITE_P(, DramPreset, testing::Values("ddr4_3200", "lpddr5_6400", "hbm2e"),
                         [](const auto& one) { return std::string(one.param); });

// 13.75 ns at 1 GHz are 14 cycles, 25.6 GB/s are 25.6 B/cycle.
TEST(DramPresets, BecomeCyclesOfTheClock) {
  const DramTiming dram = machine_of("ddr4_3200").dsa.dram;
  EXPECT_EQ(dram.activate_cycles, 14);
  EXPECT_EQ(dram.row_cycle_cycles, 46);
  EXPECT_EQ(dram.refresh_interval_cycles, 7800);
  EXPECT_DOUBLE_EQ(dram.bytes_per_cycle_per_channel, 25.6);
}

}  // namespace
}  // namespace septran::simulator
