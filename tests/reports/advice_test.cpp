// Advice: what a badly mapped product, or a machine that is out of balance, is told.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/run_tool.h"

namespace septran::reports {
namespace {

using cli::Arguments;
using cli::in_source;
using cli::operator+;
using nlohmann::json;

constexpr const char* sizes = "M=256 N=256 K=256 --dtype f16 --timing-only";

json report_of(const Arguments& arguments) {
  const cli::TempFolder folder;
  const auto outcome = cli::septran_sim(arguments + Arguments{"--json", folder / "r.json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return json::parse(cli::read_file(folder / "r.json"));
}

json report_of(const std::string& mapping, const std::string& more = "",
               const std::string& words = sizes) {
  return report_of(cli::job(in_source("examples/gemm/gemm.py"), mapping, words + more));
}

std::string texts(const json& report) {
  std::string all;
  for (const json& advice : report["advice"]) {
    all += advice["problem"].get<std::string>() + " " + advice["change"].get<std::string>() + "\n";
  }
  return all;
}

bool says(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

/// The shipped mapping for dsa_edge with other blocks.
std::string with_blocks(const cli::TempFolder& folder, const std::string& host,
                        const std::string& block) {
  return folder.write("blocks.yaml", "extends: " + in_source("mappings/gemm/dsa_edge.yaml") +
                                         "\ntask_mappings:\n  gemm_host:\n    tunables: {" + host +
                                         "}\n  gemm_block:\n    " + block + "\n");
}

// Blocks of 16 x 16 read A and B 16 times over. More slots save no cycle (the load engine never
// waits for one), larger blocks do.
TEST(Advice, SmallBlocksAreToldToGrow) {
  const cli::TempFolder folder;
  const std::string small = "block_m: 16, block_n: 16";
  const json before = report_of(with_blocks(folder, small, "pipeline: 3"));
  const std::string told = texts(before);
  ASSERT_FALSE(before["advice"].empty());
  EXPECT_TRUE(says(before["advice"][0]["problem"], "is read 16 times over")) << told;
  EXPECT_TRUE(says(before["advice"][0]["change"], "Larger blocks")) << told;
  EXPECT_FALSE(says(told, "`pipeline`")) << told;
  const json deeper = report_of(with_blocks(folder, small, "pipeline: 6"));
  EXPECT_EQ(deeper["cycles"], before["cycles"]);
  const json larger = report_of(with_blocks(folder, "block_m: 64, block_n: 64", "pipeline: 3"));
  EXPECT_LT(larger["cycles"].get<int>(), before["cycles"].get<int>() / 4);
}

// Rows of results fill half a burst, but results are a thirtieth of what moves.
TEST(Advice, ShareOfBurstsIsThatOfTheirEdge) {
  const cli::TempFolder folder;
  const std::string told =
      texts(report_of(with_blocks(folder, "block_m: 16, block_n: 16", "pipeline: 3")));
  EXPECT_TRUE(says(told, "GLOBAL->SHARED moves")) << told;
  EXPECT_FALSE(says(told, "REGISTER->GLOBAL moves")) << told;
}

TEST(Advice, OneSlotIsToldToGrow) {
  const cli::TempFolder folder;
  const json before =
      report_of(with_blocks(folder, "block_m: 64", "pipeline: 1\n    rotate: {acc: 1}"));
  const std::string told = texts(before);
  EXPECT_TRUE(says(before["advice"][0]["problem"], "take turns")) << told;
  EXPECT_TRUE(says(before["advice"][0]["change"], "`pipeline`")) << told;
  const json after = report_of(with_blocks(folder, "block_m: 64", "pipeline: 2"));
  EXPECT_LT(after["cycles"].get<int>(), before["cycles"].get<int>() * 3 / 4);
}

/// dsa_cloud's or dsa_edge's description with one text changed.
std::string changed(const cli::TempFolder& folder, const std::string& target,
                    const std::string& from, const std::string& to) {
  std::string text = cli::read_file(in_source("targets/" + target + ".yaml"));
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return folder.write("machine.yaml", text.replace(at, from.size(), to));
}

TEST(Advice, BurstsInFlightAreAMachines) {
  const cli::TempFolder folder;
  const std::string machine =
      changed(folder, "dsa_edge", "outstanding_bursts: 64", "outstanding_bursts: 2");
  const json report = report_of(in_source("mappings/gemm/dsa_edge.yaml"), " --target " + machine);
  EXPECT_TRUE(says(texts(report), "`outstanding_bursts`")) << texts(report);
  EXPECT_FALSE(says(texts(report), "`pipeline`")) << texts(report);
}

TEST(Advice, NarrowLinksAreNamed) {
  const cli::TempFolder folder;
  const std::string machine =
      changed(folder, "dsa_edge", "bytes_per_cycle_per_link: 64", "bytes_per_cycle_per_link: 2");
  const json report = report_of(in_source("mappings/gemm/dsa_edge.yaml"), " --target " + machine);
  EXPECT_TRUE(says(texts(report), "The links to memory are in use")) << texts(report);
}

// The vector unit waits for scores and the array for probabilities while little is loaded, and both
// are busy for more than the run together: neither memory nor turns hold it up.
TEST(Advice, WaitsForOtherEnginesAreNotForMemory) {
  const std::string told = texts(report_of(cli::job(
      in_source("examples/attention/attention.py"), in_source("mappings/attention/dsa_edge.yaml"),
      "B=1 H=2 G=1 LQ=256 LK=256 D=64 causal=true --dtype f16 --timing-only")));
  EXPECT_FALSE(says(told, "load waits for memory")) << told;
  EXPECT_FALSE(says(told, "wait for each other")) << told;
}

// The first layer's gelu takes longer than its product: a third accumulator saves no cycle.
TEST(Advice, BuffersInTheVectorUnitsHandsAreTold) {
  const std::string told = texts(
      report_of(cli::job(in_source("examples/mlp/mlp.py"), in_source("mappings/mlp/dsa_edge.yaml"),
                         "M=256 K=128 F=512 N=128 --dtype f16 --timing-only")));
  EXPECT_TRUE(says(told, "for buffers whose contents vector still works on")) << told;
}

// A table of hundreds of lines would hide the rest.
TEST(Table, ManyCoresAreAddedUp) {
  const cli::TempFolder folder;
  const std::string machine =
      changed(folder, "dsa_edge", "count: 1  # processors; a single core", "count: 30");
  const auto outcome = cli::septran_sim(cli::job(in_source("examples/gemm/gemm.py"),
                                                 in_source("mappings/gemm/dsa_edge.yaml"),
                                                 std::string(sizes) + " --target " + machine));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(says(outcome.out, "\nall   mma ")) << outcome.out;
  EXPECT_TRUE(says(outcome.out, "(30 cores: all added up")) << outcome.out;
  EXPECT_EQ(cli::count(outcome.out, " sequencer  "), 3);
  EXPECT_TRUE(says(outcome.out, "`septran explain --measure`")) << outcome.out;
}

// Core 3 has the same blocks as the others, and a link of a byte a cycle.
TEST(Advice, CoresWithASlowLinkAreNamed) {
  const cli::TempFolder folder;
  std::string text = cli::read_file(in_source("targets/dsa_cloud.yaml"));
  const std::string total = "bytes_per_cycle_total: ";
  const std::size_t at = text.find(total);
  ASSERT_NE(at, std::string::npos);
  std::string links = "links: [";
  for (const char* rate : {"256", "256", "256", "1"}) {
    links += std::string("{latency_cycles: 20, bytes_per_cycle: ") + rate + "}, ";
  }
  text.replace(at, text.find('\n', at) - at, total + "0\n    " + links + "]");
  const json report = report_of(in_source("mappings/gemm/dsa_cloud.yaml"),
                                " --target " + folder.write("machine.yaml", text),
                                "M=512 N=512 K=512 --dtype f16 --timing-only");
  EXPECT_TRUE(says(texts(report), "Core 3 is at its work for")) << texts(report);
  EXPECT_FALSE(says(texts(report), "short rows")) << texts(report);
}

// The fourth core has 22 rows where the others have 64, and is done earlier for that alone.
TEST(Advice, CoresWithLessWorkAreNotFaster) {
  const cli::TempFolder folder;
  std::string text = cli::read_file(in_source("targets/dsa_edge.yaml"));
  for (const auto& [from, to] :
       {std::pair("count: 1  # processors; a single core", "count: 4"),
        std::pair("channels: 1 ", "channels: 16 "),
        std::pair("bytes_per_cycle_total: 64 ", "bytes_per_cycle_total: 0 ")}) {
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, std::string(from).size(), to);
  }
  const json report = report_of(in_source("mappings/gemm/dsa_edge.yaml"),
                                " --target " + folder.write("machine.yaml", text),
                                "M=214 N=64 K=1024 --timing-only");
  EXPECT_FALSE(says(texts(report), "slower way")) << texts(report);
}

// Four blocks for four cores are one each; one block leaves three without.
TEST(Verdict, CoresWithoutWorkAreToldApart) {
  const json report = report_of(in_source("mappings/gemm/dsa_cloud.yaml"), "",
                                "M=64 N=64 K=4096 --dtype f16 --timing-only");
  const std::string verdict = report["verdict"];
  EXPECT_TRUE(says(verdict, "3 of 4 cores have nothing to compute. Of the others: The mma engine"))
      << verdict;
  EXPECT_FALSE(says(verdict, "too short")) << verdict;
}

}  // namespace
}  // namespace septran::reports
