// DRAM by the presets' tables: what a stream reaches and what reads of single bursts take.
#include <algorithm>
#include <map>

#include "builder.h"
#include "simulator/dram.h"

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
  machine.dsa.interconnect = {10, 4096, 0, {}, Arbitration::first_come, {}, 4096, 1 << 16};
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

/// All that was asked for, in the order in which it ends.
std::vector<Dram::Served> serve_all(Dram& model) {
  std::vector<Dram::Served> served;
  model.advance(INT64_MAX / 4, served);
  return served;
}

class DramPreset : public testing::TestWithParam<const char*> {};

// Bank groups take turns and rows open behind the data of others, so refresh alone takes from the
// peak: tRFC of each tREFI, 4.5 % of DDR4's time, 5.4 % of LPDDR5's, 6.7 % of HBM2e's. The rest, up
// to 10 %, are the first access and the rows that open after a refresh, with nothing to hide
// behind.
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

/// Loads (or stores) a burst at each place of a box of `counts`, `strides` bytes apart, the first
/// the slowest.
SimulationReport touch(const Machine& machine, const std::vector<std::int64_t>& counts,
                       const std::vector<std::int64_t>& strides, bool write = false) {
  std::int64_t size = 64;
  std::vector<std::int64_t> extents = counts;
  std::vector<std::int64_t> steps = strides;
  for (std::size_t i = 0; i < counts.size(); ++i) size += (counts[i] - 1) * strides[i];
  extents.push_back(64);
  steps.push_back(1);
  Builder b;
  b.global("X", DType::i8, {size}, !write, write);
  const auto far = b.tile(dsa::MemoryId::global, DType::i8, 0, extents, 0, steps);
  const auto near = b.shared(DType::i8, 0, extents);
  write ? b.store(far, near) : b.load(near, far);
  return finish(b.halt(), machine);
}

/// Bytes from one row of a bank to the next one's.
std::int64_t next_row(const DramTiming& dram) { return dram.row_bytes * dram.banks; }
/// Bytes from a row to the one of the same group's next bank.
std::int64_t next_bank(const DramTiming& dram) { return dram.row_bytes * dram.bank_groups; }

// Each read finds its bank with another row open: 8 more reads, 8 row cycles more. That is tRC, for
// tRCD + tRTP + tRP is less: 46 and 14 + 8 + 14 with DDR4, 60 and 18 + 8 + 18 with LPDDR5, 48 and
// 14 + 6 + 14 with HBM2e.
TEST_P(DramPreset, ReadsOfOneBankTakeARowCycle) {
  const Machine machine = machine_of(GetParam());
  const DramTiming& dram = machine.dsa.dram;
  const Cycle eight = touch(machine, {8}, {next_row(dram)}).cycles;
  EXPECT_EQ(touch(machine, {16}, {next_row(dram)}).cycles - eight, 8 * dram.row_cycle_cycles);
}

// Written rows stay open longer: activation, write command, data, recovery, precharge, one after
// another: 14 + 14 + 2.5 + 15 + 14 = 59.5 with DDR4, 18 + 22 + 2.5 + 34 + 18 = 94.5 with LPDDR5,
// 14 + 14 + 1.11 + 16 + 14 = 59.11 with HBM2e. Eight of them, rounded to cycles once.
TEST_P(DramPreset, WritesOfOneBankWaitForRecovery) {
  const Machine machine = machine_of(GetParam());
  const DramTiming& dram = machine.dsa.dram;
  const std::map<std::string, double> period{
      {"ddr4_3200", 59.5}, {"lpddr5_6400", 94.5}, {"hbm2e", 59.11}};
  const Cycle eight = touch(machine, {8}, {next_row(dram)}, true).cycles;
  EXPECT_NEAR(static_cast<double>(touch(machine, {16}, {next_row(dram)}, true).cycles - eight),
              8 * period.at(GetParam()), 1);
}

// Reads that go round all banks, the four groups first: sixteen activations to new rows a round. No
// more than four in tFAW: 4 * 21 = 84 cycles with DDR4 (tRRD_S: 16 * 3, tRC 46), 4 * 20 = 80 with
// LPDDR5 (16 * 5, 60), 4 * 30 = 120 with HBM2e (16 * 4, 48).
TEST_P(DramPreset, ReadsOfAllBanksTakeActivateWindows) {
  const Machine machine = machine_of(GetParam());
  const DramTiming& dram = machine.dsa.dram;
  const std::int64_t banks = dram.banks / dram.bank_groups;
  const auto rounds = [&](std::int64_t count) {
    return touch(machine, {count, banks, dram.bank_groups}, {next_row(dram), next_bank(dram), 64});
  };
  const SimulationReport twenty = rounds(20);
  EXPECT_EQ(twenty.cycles - rounds(10).cycles, 10 * 4 * dram.activate_window_cycles);
  EXPECT_EQ(twenty.dram.row_hits, 0);
  EXPECT_EQ(twenty.dram.row_hit_rate(), 0);
}

// Bursts of one row all lie in one group: one each tCCD_L, 5, 5 and 2.22 cycles, which is twice
// what the bus needs. 24 more of them.
TEST_P(DramPreset, ReadsOfOneGroupTakeItsColumnSpacing) {
  const Machine machine = machine_of(GetParam());
  const DramTiming& dram = machine.dsa.dram;
  const std::int64_t stride = 64 * dram.bank_groups;
  const Cycle eight = touch(machine, {8}, {stride}).cycles;
  EXPECT_NEAR(static_cast<double>(touch(machine, {32}, {stride}).cycles - eight),
              24 * dram.column_spacing_group_cycles, 1);
  EXPECT_NEAR(dram.column_spacing_group_cycles * dram.bytes_per_cycle_per_channel, 2 * 64, 0.2);
}

// Random reads of 64 bytes, all there from the start: each opens a row, and activations follow each
// other in order, as far as tRRD between any two and between those of a group, tFAW over four, and
// tRC between those of a bank let them. The last one's data is there tRCD + CL + a burst later.
TEST_P(DramPreset, RandomReadsTakeWhatTheTableSays) {
  DramTiming dram = machine_of(GetParam()).dsa.dram;
  dram.refresh_interval_cycles = 1'000'000'000;
  dram.scheduler = DramScheduler::fcfs;
  Dram model(dram, 1);
  std::map<std::int64_t, Cycle> of_group;
  std::map<std::int64_t, Cycle> of_bank;
  std::vector<Cycle> activations;
  std::uint64_t state = 1;
  constexpr std::size_t count = 5'000;
  for (std::size_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const auto address = static_cast<std::int64_t>(state >> 34) * 64;
    model.request(0, 0, address, 64, false, static_cast<std::uint32_t>(i));
    const std::int64_t group = address / 64 % dram.bank_groups;
    const std::int64_t stripe = address / next_bank(dram);
    const std::int64_t bank = stripe % (dram.banks / dram.bank_groups) * dram.bank_groups + group;
    Cycle at = 0;
    if (i > 0) at = activations.back() + dram.activate_spacing_cycles;
    if (i >= 4) at = std::max(at, activations[i - 4] + dram.activate_window_cycles);
    const auto after = [&](const std::map<std::int64_t, Cycle>& last, std::int64_t which,
                           Cycle distance) {
      const auto found = last.find(which);
      if (found != last.end()) at = std::max(at, found->second + distance);
    };
    after(of_group, group, dram.activate_spacing_group_cycles);
    after(of_bank, bank, dram.row_cycle_cycles);
    activations.push_back(of_group[group] = of_bank[bank] = at);
  }
  const double expected =
      static_cast<double>(activations.back() + dram.activate_cycles + dram.column_cycles) +
      64 / dram.bytes_per_cycle_per_channel;
  const Tick end = serve_all(model).back().end;
  EXPECT_NEAR(static_cast<double>(end) / ticks_per_cycle, expected, 1);
  EXPECT_LT(model.report().row_hit_rate(), 0.001);
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
