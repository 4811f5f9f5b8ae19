#include "targets/machine.h"
#include "targets/host_cpu.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "source_dir.h"
#include "tests/machine/golden.h"

namespace septran {
namespace {

const std::string here = SEPTRAN_SOURCE_DIR "/tests/machine/";

using golden::read_text;

struct Outcome {
  std::optional<Machine> machine;
  std::string rendered;
  std::size_t errors = 0;
};

Outcome read(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  Outcome outcome;
  outcome.machine = read_machine(sources.add("t.yaml", text), sources, diagnostics);
  outcome.rendered = render(diagnostics, sources, false);
  outcome.errors = diagnostics.error_count();
  EXPECT_EQ(outcome.machine.has_value(), outcome.errors == 0);
  return outcome;
}

std::string replaced(const std::string& replacements) {
  return golden::replaced(read_text(here + "base.yaml"), replacements);
}

TEST(MachineDiagnostics, Cases) {
  golden::run_cases(here + "diagnostics.txt", [](const golden::Case& one) {
    const bool whole = one.parts.at(0).first == "yaml";
    return read(whole ? one.part("yaml") : replaced(one.part("replace"))).rendered;
  });
}

TEST(Machine, ReadsEveryField) {
  const Outcome outcome = read(read_text(here + "base.yaml"));
  ASSERT_TRUE(outcome.machine) << outcome.rendered;
  const Machine& m = *outcome.machine;
  EXPECT_EQ(m.name, "tiny");
  EXPECT_EQ(m.clock_hz, 1e9);
  EXPECT_EQ(m.block_count(), 2);
  EXPECT_EQ(m.find_processor("HOST")->launches, (std::vector<std::string>{"HOST", "BLOCK"}));
  EXPECT_EQ(m.find_memory("GLOBAL")->size_bytes, 1 << 20);
  EXPECT_FALSE(m.find_memory("GLOBAL")->is_private);
  const MemorySpec& accumulators = *m.find_memory("REGISTER");
  EXPECT_EQ(accumulators.held_as.at(DType::f16), DType::f32);
  EXPECT_EQ(accumulators.held_as.at(DType::i8), DType::i32);
  EXPECT_EQ(accumulators.ports, 2);
  EXPECT_EQ(accumulators.latency_cycles, 1);
  EXPECT_EQ(m.find_engine("vector")->kind, EngineKind::vector);
  EXPECT_EQ(m.find_path("GLOBAL", "SHARED")->alignment_bytes, 4);
  EXPECT_TRUE(m.find_path("GLOBAL", "SHARED")->transpose);
  EXPECT_FALSE(m.find_path("GLOBAL", "SHARED")->convert);
  EXPECT_EQ(m.find_path("GLOBAL", "GLOBAL")->via, "SHARED");
  EXPECT_EQ(m.find_path("SHARED", "REGISTER"), nullptr);
  const ImplementationSpec& mma = *m.find_implementation("matrix");
  EXPECT_EQ(&mma, m.find_implementation("mma"));
  EXPECT_EQ(m.find_implementation("none"), nullptr);
  EXPECT_EQ(mma.matrix_types.at(0).macs_per_pe, 0.5);
  EXPECT_EQ(mma.tiles, (std::vector<std::vector<std::int64_t>>{{4, 4}, {8, 4}}));
  EXPECT_FALSE(mma.transpose_a);
  EXPECT_TRUE(mma.transpose_b);
  EXPECT_EQ(m.dsa.sequencer.sync_cycles, 3);
  EXPECT_EQ(m.dsa.mma.minimum_interval, 5);
  EXPECT_FALSE(m.dsa.mma.drain_overlap);
  EXPECT_EQ(m.dsa.vector.rates.at("exp").cycles_per_group, 2.5);
  EXPECT_EQ(m.dsa.store.setup_cycles, 9);
  EXPECT_EQ(m.dsa.dram.bytes_per_cycle_per_channel, 12.8);
  EXPECT_EQ(m.dsa.energy.at("mac.f16"), 0.4);
}

TEST(Machine, ReadsGpus) {
  const std::string text = read_text(SEPTRAN_SOURCE_DIR "/targets/nvidia_h100.yaml");
  const Outcome outcome = read(text);
  ASSERT_TRUE(outcome.machine) << outcome.rendered;
  const Machine& m = *outcome.machine;
  EXPECT_EQ(m.family, MachineFamily::cuda);
  EXPECT_EQ(m.cuda.architecture, "sm_90a");
  EXPECT_EQ(m.find_implementation("mma_tf32")->factor_bits, 10);
  EXPECT_EQ(m.find_implementation("mma")->factor_bits, 0);
  EXPECT_EQ(m.find_implementation("mma_short_sums")->sum_bits, 13);
  EXPECT_EQ(m.find_implementation("mma")->sum_bits, 0);
  EXPECT_TRUE(m.cuda.warpgroup_products);
  EXPECT_TRUE(m.cuda.bulk_copies);
  EXPECT_EQ(m.cuda.threads_per_block, 1024);
  EXPECT_EQ(m.cuda.l2_bytes, 50 << 20);
  EXPECT_EQ(m.cuda.flops_per_second.at(DType::bf16), 9.89e14);
  EXPECT_TRUE(m.schedules_iterations());
  const auto fault = [&](const std::string& replacement) {
    const std::string rendered = read(golden::replaced(text, replacement)).rendered;
    return rendered.substr(0, rendered.find('\n'));
  };
  EXPECT_NE(fault("architecture: sm_90a => architecture: hopper")
                .find("error[machine-bad-architecture]: 'hopper' is no architecture of GPUs"),
            std::string::npos);
  EXPECT_NE(fault("{f16: 9.89e14 => {f17: 9.89e14").find("unknown element type 'f17'"),
            std::string::npos)
      << fault("{f16: 9.89e14 => {f17: 9.89e14");
}

TEST(Machine, HashFollowsContentNotLayout) {
  const std::string base = read_text(here + "base.yaml");
  const std::uint64_t hash = read(base).machine->hash;
  EXPECT_EQ(read("# a comment\n" + base + "\n\n").machine->hash, hash);
  EXPECT_NE(read(replaced("lanes: 4 => lanes: 8")).machine->hash, hash);
  // FNV-1a of other families' files differs by their text alone, so the order of keys is all that
  // canonical text has to hide.
  EXPECT_EQ(read(replaced("{from: SHARED, to: GLOBAL, engine: store} => "
                          "{engine: store, to: GLOBAL, from: SHARED}"))
                .machine->hash,
            hash);
}

TEST(Machine, AliasesAndByteOrderMarkAreRead) {
  const Outcome outcome = read("\xef\xbb\xbf" + replaced("  load: {kind => "
                                                         "  load: &dma {kind\n"
                                                         "  store: {kind: dma, queue_depth: 16} => "
                                                         "  store: *dma\n"));
  ASSERT_TRUE(outcome.machine) << outcome.rendered;
  EXPECT_EQ(outcome.machine->find_engine("store")->queue_depth, 16);
}

TEST(Machine, HostileTextIsReported) {
  const auto code = [](const std::string& text) {
    const Outcome outcome = read(text);
    const std::size_t open = outcome.rendered.find('[');
    return outcome.rendered.substr(open + 1, outcome.rendered.find(']') - open - 1);
  };
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += fmt::format("a{0}: &a{0} [", i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
    bomb += "]\n";
  }
  EXPECT_EQ(code(bomb), "yaml-too-many-nodes");
  std::string chain = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) chain += fmt::format("a{0}: &a{0} [*a{1}]\n", i, i - 1);
  EXPECT_EQ(code(chain), "yaml-too-deep");
  EXPECT_EQ(code(std::string(10000, '[')), "yaml-too-deep");
  EXPECT_EQ(code("a: " + std::string(10000, '{')), "yaml-too-deep");
  std::string steps;
  for (std::size_t i = 0; i < 2000; ++i) steps += std::string(i, ' ') + "a:\n";
  EXPECT_EQ(code(steps), "yaml-too-deep");
  EXPECT_EQ(code(std::string("name: x\0y\n", 10)), "yaml-not-text");
  EXPECT_EQ(code(std::string(std::size_t{5} << 20, 'x')), "yaml-too-large");
  std::string garbage;
  for (unsigned i = 0, state = 1; i < 4000; ++i, state = state * 1103515245U + 12345U) {
    garbage += static_cast<char>(1 + (state >> 16) % 255);
  }
  EXPECT_GT(read(garbage).errors, 0U);
  for (const char* text : {"%YAML 9.9\n---\n",
                           "!",
                           "&",
                           "*",
                           "? ",
                           ": ",
                           "- - -",
                           "\"",
                           "'",
                           "|",
                           "%",
                           "@",
                           "`",
                           "!<",
                           "{,}",
                           "[,]",
                           "a: b: c",
                           "\xff\xfe",
                           "...",
                           "---",
                           "a: &x\nb: *x",
                           "\r",
                           "!!binary x",
                           "{a: ?}",
                           "- &a *a"}) {
    EXPECT_GT(read(text).errors, 0U) << text;
  }
}

TEST(ShippedMachines, AreFoundAndRead) {
  EXPECT_EQ(std::filesystem::canonical(machines_folder()),
            std::filesystem::canonical(SEPTRAN_SOURCE_DIR "/targets"));
  const std::vector<std::string> names = shipped_machines();
  EXPECT_NE(std::find(names.begin(), names.end(), "dsa_edge"), names.end());
  EXPECT_NE(std::find(names.begin(), names.end(), "dsa_cloud"), names.end());
  for (const std::string& name : names) {
    SourceManager sources;
    Diagnostics diagnostics;
    const auto machine = load_machine(name, {}, sources, diagnostics);
    ASSERT_TRUE(machine) << render(diagnostics, sources, false);
    EXPECT_EQ(machine->name, name);
    EXPECT_TRUE(diagnostics.all().empty());
  }
}

// A binding that any target understands keeps a mapping usable on all of them.
TEST(ShippedMachines, ShareNamesOfImplementations) {
  for (const std::string& name : shipped_machines()) {
    SourceManager sources;
    Diagnostics diagnostics;
    const auto machine = load_machine(name, {}, sources, diagnostics);
    ASSERT_TRUE(machine) << render(diagnostics, sources, false);
    for (const char* shared : {"mma", "matrix", "vector", "vec", "gemm_plain",
                               "gemm_leaf_tensorcore", "gemm_leaf_simt"}) {
      EXPECT_NE(machine->find_implementation(shared), nullptr) << name << ": " << shared;
    }
  }
}

TEST(ShippedMachines, HaveTheirHeadlineNumbers) {
  SourceManager sources;
  Diagnostics diagnostics;
  const Machine edge = *load_machine("dsa_edge", {}, sources, diagnostics);
  EXPECT_EQ(edge.block_count(), 1);
  EXPECT_EQ(edge.dsa.mma.rows * edge.dsa.mma.cols, 256);
  EXPECT_EQ(edge.find_memory("SHARED")->size_bytes, 256 << 10);
  EXPECT_EQ(edge.find_memory("REGISTER")->size_bytes, 64 << 10);
  EXPECT_EQ(edge.find_implementation("gemm_leaf_tensorcore")->name, "mma");
  EXPECT_EQ(edge.find_implementation("gemm_leaf_simt")->name, "gemm_plain");
  const Machine cloud = *load_machine("dsa_cloud", {}, sources, diagnostics);
  EXPECT_EQ(cloud.block_count(), 4);
  EXPECT_EQ(cloud.dsa.mma.rows * cloud.dsa.mma.cols, 128 * 128);
  EXPECT_EQ(cloud.find_memory("SHARED")->size_bytes, 4 << 20);
  EXPECT_DOUBLE_EQ(cloud.dsa.dram.channels * cloud.dsa.dram.bytes_per_cycle_per_channel, 921.6);
  EXPECT_NE(edge.hash, cloud.hash);
}

TEST(ShippedMachines, EveryNumberHasAComment) {
  for (const std::string& name : shipped_machines()) {
    std::istringstream lines(read_text(SEPTRAN_SOURCE_DIR "/targets/" + name + ".yaml"));
    for (std::string line; std::getline(lines, line);) {
      const std::size_t colon = line.find(": ");
      if (colon == std::string::npos || colon + 2 >= line.size()) continue;
      if (line.find('#') < colon) continue;
      if (std::isdigit(static_cast<unsigned char>(line[colon + 2])) == 0) continue;
      EXPECT_NE(line.find('#'), std::string::npos) << name << ": " << line;
    }
  }
}

TEST(NativeMachine, HasThisMachinesSizes) {
  SourceManager sources;
  Diagnostics diagnostics;
  const auto native = load_machine("cpu_native", {}, sources, diagnostics);
  ASSERT_TRUE(native) << render(diagnostics, sources, false);
  EXPECT_EQ(native->family, MachineFamily::cpu);
  EXPECT_EQ(native->block_count(), host_cores());
  EXPECT_FALSE(native->overlaps());
  EXPECT_TRUE(missing_instruction_sets(*native).empty());
  if (const std::int64_t bytes = host_caches().level2.share(); bytes > 0) {
    EXPECT_EQ(native->find_memory("REGISTER")->size_bytes, bytes);
  }
  EXPECT_FALSE(load_machine(here + "native_of_nothing.yaml", {}, sources, diagnostics));
  EXPECT_EQ(diagnostics.all().back().code, "no-native-machine");
}

TEST(NativeMachine, CountsCoresAndWhoSharesTheirCaches) {
  if (!has_topology()) GTEST_SKIP() << "built without hwloc";
  // Eight processors: two threads a core, two cores to a second-level cache.
  const Topology found = read_topology(
      "l3:1(size=33554432) l2:2(size=2097152) l1d:2(size=49152) l1i:1(size=32768) core:1 pu:2");
  EXPECT_EQ(found.cores, 4);
  EXPECT_EQ(found.caches.level1.share(), 48 << 10);
  EXPECT_EQ(found.caches.level2.bytes, 2 << 20);
  EXPECT_EQ(found.caches.level2.share(), 1 << 20);
  EXPECT_EQ(found.caches.level3.cores, 4);
  EXPECT_EQ(found.caches.level3.share(), 8 << 20);
  const Topology plain = read_topology("pu:3");
  EXPECT_EQ(plain.cores, 3);
  EXPECT_EQ(plain.caches.level1.bytes, 0);
  EXPECT_EQ(read_topology("no machine").cores, 1);
  EXPECT_GE(read_topology().cores, 1);
}

TEST(NativeMachine, ReadsInstructionSets) {
  EXPECT_EQ(parse_instruction_sets("processor : 0\nflags\t\t: sse2 avx2 fma\nflags : other\n"),
            (std::vector<std::string>{"avx2", "fma", "sse2"}));
  EXPECT_EQ(parse_instruction_sets("Features\t: fp asimd\n"),
            (std::vector<std::string>{"asimd", "fp"}));
  EXPECT_TRUE(parse_instruction_sets("").empty());
}

TEST(LoadMachine, FaultsAreReported) {
  SourceManager sources;
  const auto codes = [&](const std::string& name, Span place) {
    Diagnostics diagnostics;
    EXPECT_FALSE(load_machine(name, place, sources, diagnostics));
    return diagnostics.all().size() == 1 ? diagnostics.all()[0].code : "";
  };
  EXPECT_EQ(codes("dsa_egde", {}), "machine-not-found");
  EXPECT_EQ(codes("", {}), "machine-not-found");
  EXPECT_EQ(codes("../dsa_edge", {}), "machine-unreadable");
  EXPECT_EQ(codes("/nowhere/at_all.yaml", {}), "machine-unreadable");
  EXPECT_EQ(codes(SEPTRAN_SOURCE_DIR "/targets", {}), "machine-unreadable");
  Diagnostics diagnostics;
  EXPECT_FALSE(load_machine("dsa_egde", {}, sources, diagnostics));
  EXPECT_NE(diagnostics.all()[0].hint.find("did you mean 'dsa_edge'?"), std::string::npos);
}

TEST(LoadMachine, PathsAreTakenFromTheAskingFile) {
  SourceManager sources;
  Diagnostics diagnostics;
  const FileId asking = sources.add(here + "mapping.yaml", "target: base.yaml\n");
  const auto machine = load_machine("base.yaml", {asking, 8, 17}, sources, diagnostics);
  ASSERT_TRUE(machine) << render(diagnostics, sources, false);
  EXPECT_EQ(machine->name, "tiny");
}

}  // namespace
}  // namespace septran
