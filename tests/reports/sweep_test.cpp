// Sweeps over fields of a target description.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/cli/run_tool.h"

namespace septran::reports {
namespace {

using cli::Arguments;
using cli::expect_refused;
using cli::in_source;
using cli::TempFolder;
using cli::operator+;
using nlohmann::json;

Arguments gemm(const std::string& words) {
  return cli::job(in_source("examples/gemm/gemm.py"), in_source("mappings/gemm/dsa_edge.yaml"),
                  words);
}

cli::Outcome simulate(const Arguments& arguments) {
  return cli::run_program(SEPTRAN_SIM_EXECUTABLE, arguments);
}

TEST(Sweep, RunsEveryCombinationAndKeepsTheOthers) {
  const TempFolder folder;
  const auto outcome = simulate(gemm("M=128 N=128 K=128 --dtype f16") +
                                Arguments{"--sweep", "core.mma.rows=8,16,0", "--sweep",
                                          "dram.channels=1,2", "--json", folder / "s.json", "--csv",
                                          folder / "s.csv", "--html", folder / "s.html"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("core.mma.rows=0 dram.channels=1: refused"), std::string::npos);
  EXPECT_NE(outcome.err.find("error[yaml-out-of-range]"), std::string::npos) << outcome.err;
  const json report = json::parse(cli::read_file(folder / "s.json"));
  ASSERT_EQ(report["points"].size(), 6U);
  std::map<std::string, std::int64_t> cycles;
  std::map<std::string, double> area;
  for (std::size_t i = 0; i < 4; ++i) {
    const json& point = report["points"][i];
    const std::string name = point["fields"]["core.mma.rows"].get<std::string>() + " " +
                             point["fields"]["dram.channels"].get<std::string>();
    cycles[name] = point["cycles"].get<std::int64_t>();
    area[name] = point["area_mm2"].get<double>();
  }
  EXPECT_GT(cycles["8 2"], cycles["16 2"]);
  EXPECT_GE(cycles["16 1"], cycles["16 2"]);
  EXPECT_GT(area["16 1"], area["8 1"]);
  const std::string table = cli::read_file(folder / "s.csv");
  EXPECT_TRUE(table.starts_with("core.mma.rows,dram.channels,status,cycles,")) << table;
  EXPECT_EQ(cli::count(table, "\n"), 7U);
  EXPECT_EQ(folder.files(), (std::vector<std::string>{"s.csv", "s.html", "s.json"}));
}

// Settings that come from a preset, in a description's section of lines or on one line.
TEST(Sweep, ReachesPresets) {
  const TempFolder folder;
  const std::string lines = cli::read_file(in_source("targets/dsa_edge.yaml"));
  const std::size_t begin = lines.find("    preset: lpddr5_6400");
  const std::string line = lines.substr(0, lines.find("\n  dram:\n")) +
                           "\n  dram: {preset: lpddr5_6400, channels: 1, interleave_bytes: 64, "
                           "interleave_hash: true}\n" +
                           lines.substr(lines.find("  energy:\n", begin));
  for (const std::string& text : {lines, line}) {
    const auto outcome =
        simulate(gemm("M=64 N=64 K=64 --dtype f16") +
                 Arguments{"--target", folder.write("t.yaml", text), "--sweep",
                           "dram.activate_ns=18,500", "--json", folder / "s.json"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const json points = json::parse(cli::read_file(folder / "s.json"))["points"];
    EXPECT_GT(points[1]["cycles"].get<std::int64_t>(),
              points[0]["cycles"].get<std::int64_t>() + 482);
  }
}

// The journal of an interrupted sweep: a point that is in it is not run again.
TEST(Sweep, GoesOnWhereItWasInterrupted) {
  const TempFolder folder;
  const Arguments arguments =
      gemm("M=64 N=64 K=64 --dtype f16") +
      Arguments{"--sweep", "dram.channels=1,2", "--json", folder / "s.json"};
  // A full device: the sweep ends without its reports and keeps its points.
  const Arguments sweep_csv =
      gemm("M=64 N=64 K=64 --dtype f16") +
      Arguments{"--sweep", "dram.channels=1,2", "--json", folder / "s.json", "--csv", "/dev/full"};
  EXPECT_EQ(simulate(sweep_csv).code, 2);
  std::string journal = cli::read_file(folder / "s.json.partial");
  ASSERT_EQ(cli::count(journal, "\n"), 3U) << journal;
  const std::size_t at = journal.find("\"cycles\":");
  journal.replace(at, std::string("\"cycles\":").size(), "\"cycles\":12345");
  folder.write("s.json.partial", journal);
  EXPECT_EQ(simulate(arguments).code, 0);
  const std::string report = cli::read_file(folder / "s.json");
  EXPECT_NE(report.find("\"cycles\": 12345"), std::string::npos) << report;
  EXPECT_FALSE(cli::exists(folder / "s.json.partial"));
}

TEST(Sweep, TakesUpOnlyPointsOfTheSameRun) {
  const TempFolder folder;
  const std::string mapping = folder.write("m.yaml", "extends: base.yaml\n");
  const std::string base = cli::read_file(in_source("mappings/gemm/dsa_edge.yaml"));
  folder.write("base.yaml", base);
  const auto sweep = [&](const Arguments& options) {
    return simulate(cli::job(in_source("examples/gemm/gemm.py"), mapping, "M=64 N=64 K=64") +
                    Arguments{"--sweep", "dram.channels=1,2", "--json", folder / "s.json"} +
                    options);
  };
  const auto first_cycles = [&] {
    return json::parse(cli::read_file(folder / "s.json"))["points"][0].value("cycles", 0);
  };
  // Stopped at a limit of cycles, and then without: the first run's points are no results.
  EXPECT_EQ(sweep({"--cycle-limit", "10", "--csv", "/dev/full"}).code, 2);
  ASSERT_TRUE(cli::exists(folder / "s.json.partial"));
  EXPECT_EQ(sweep({}).code, 0);
  const auto cycles = first_cycles();
  EXPECT_GT(cycles, 0);
  // Another template below the mapping.
  EXPECT_EQ(sweep({"--csv", "/dev/full"}).code, 2);
  const std::size_t at = base.find("pipeline: 3");
  ASSERT_NE(at, std::string::npos);
  folder.write("base.yaml", std::string(base).replace(at, 11, "pipeline: 1"));
  EXPECT_EQ(sweep({"--dtype", "f32"}).code, 0);
  EXPECT_NE(first_cycles(), cycles);
}

TEST(Sweep, KnowsAtOnceThatItCannotKeepItsPoints) {
  expect_refused(simulate(gemm("M=64 N=64 K=64") +
                          Arguments{"--sweep", "dram.channels=1,2", "--json", "/proc/s.json"}),
                 {"error[file-not-written]", "hint:"});
}

// Points hold a lock that the sweep has; each would take minutes.
TEST(Sweep, TakesItsPointsWithIt) {
  const TempFolder folder;
  std::string command = "exec 9>" + (folder / "lock") + "; flock 9; " + SEPTRAN_SIM_EXECUTABLE;
  for (const std::string& word : gemm("M=16384 N=16384 K=16384 --dtype f16")) command += " " + word;
  command += " --sweep dram.channels=1,2 & sleep 0.5; kill $!; wait $!; exec 9>&-; flock -w 20 " +
             (folder / "lock") + " echo free";
  EXPECT_EQ(cli::run_program("/bin/sh", {"-c", command}).out, "free\n");
}

// A refused point, but no crash of the sweep, and a report that can be read.
TEST(Sweep, ValuesMayBeNoText) {
  const TempFolder folder;
  const Arguments arguments = gemm("M=64 N=64 K=64") +
                              Arguments{"--sweep", "describes=\xe9,b", "--json", folder / "s.json"};
  for (const Arguments& more : {Arguments{"--csv", "/dev/full"}, Arguments{}}) {
    EXPECT_EQ(simulate(arguments + more).code, 2);
  }
  const json points = json::parse(cli::read_file(folder / "s.json"))["points"];
  EXPECT_EQ(points[0]["status"], "refused");
  EXPECT_EQ(points[1]["status"], "ok");
}

TEST(Sweep, FaultsAreRefused) {
  const auto sweep = [](const std::string& axis) {
    return simulate(gemm("M=64 N=64 K=64 --dtype f16") + Arguments{"--sweep", axis});
  };
  expect_refused(sweep("rows"), {"error[sweep-form]", "hint:"});
  expect_refused(sweep("dram.channels=1,,2"), {"error[sweep-form]"});
  expect_refused(simulate(gemm("M=64 N=64 K=64") +
                          Arguments{"--sweep", "core.mma.rows=4,8", "--sweep", "dsa.mma.rows=16"}),
                 {"error[option-repeated]", "'dsa.mma.rows'"});
  expect_refused(sweep("core.mma.row=1"),
                 {"error[sweep-unknown-field]", "'core.mma.row'", "did you mean 'core.mma.rows'?"});
  std::string many = "dram.channels=1";
  for (int i = 0; i < 400; ++i) many += ",1";
  expect_refused(simulate(gemm("M=64 N=64 K=64") + Arguments{"--sweep", many, "--sweep", many}),
                 {"error[sweep-too-large]"});
}

}  // namespace
}  // namespace septran::reports
