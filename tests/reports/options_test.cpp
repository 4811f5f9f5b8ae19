// Windows of traces, the limit of cycles, and outputs that are checked before the run.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/run_tool.h"

namespace septran::reports {
namespace {

using cli::Arguments;
using cli::expect_refused;
using cli::in_source;
using cli::septran_sim;
using cli::TempFolder;
using cli::operator+;
using nlohmann::json;

Arguments gemm(const std::string& words) {
  return cli::job(in_source("examples/gemm/gemm.py"), in_source("mappings/gemm/dsa_edge.yaml"),
                  words);
}

const char* const small_sizes = "M=192 N=128 K=192 --dtype f16 --timing-only";

// Of a run of thousands of cycles, what meets a window, and nothing else.
TEST(Trace, HoldsAWindow) {
  const TempFolder folder;
  const auto trace = [&](const std::string& window) {
    const auto outcome =
        septran_sim(gemm(small_sizes) + Arguments{"--trace", folder / "t.json", "--vcd",
                                                  folder / "t.vcd", "--window", window});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return json::parse(cli::read_file(folder / "t.json"))["traceEvents"];
  };
  const json all = trace("0:1000000000");
  const json some = trace("2000:3000");
  std::size_t expected = 0;
  for (const json& event : all) {
    if (event["ph"] != "X") continue;
    const auto begin = event["ts"].get<std::int64_t>();
    expected += begin < 3000 && begin + event["dur"].get<std::int64_t>() > 2000 ? 1 : 0;
  }
  std::size_t found = 0;
  for (const json& event : some) {
    if (event["ph"] == "M") continue;
    EXPECT_LT(event["ts"].get<std::int64_t>(), 3000) << event;
    found += event["ph"] == "X" ? 1 : 0;
  }
  EXPECT_EQ(found, expected);
  EXPECT_GT(found, 5U);
  EXPECT_LT(some.size() * 2, all.size());
  const std::string changes = cli::read_file(folder / "t.vcd");
  EXPECT_NE(changes.find("$enddefinitions $end\n#2000000\n$dumpvars"), std::string::npos);
  EXPECT_TRUE(changes.ends_with("\n#3000000\n")) << changes.substr(changes.size() - 40);
  for (const char* bad : {"5", "5:", "9:5", "-1:5", "a:b", "1:2:3"}) {
    expect_refused(septran_sim(gemm(small_sizes) + Arguments{"--trace", folder / "t.json",
                                                             std::string("--window=") + bad}),
                   {"is no BEGIN:END in cycles, as 1000:5000"});
  }
}

// The run is stopped where it stands, and the report says where that is.
TEST(CycleLimit, StopsARun) {
  const TempFolder folder;
  const auto outcome = septran_sim(gemm(small_sizes) +
                                   Arguments{"--cycle-limit", "5000", "--json", folder / "r.json"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_NE(outcome.err.find("not finished after 5000 cycles (--cycle-limit)"), std::string::npos)
      << outcome.err;
  const json report = json::parse(cli::read_file(folder / "r.json"));
  EXPECT_EQ(report["trap"]["cycle"], 5000);
  EXPECT_NE(report["trap"]["origin"]["logic"].get<std::string>().find("gemm.py:"),
            std::string::npos)
      << report["trap"];
  EXPECT_EQ(septran_sim(gemm(small_sizes) + Arguments{"--cycle-limit", "0"}).code, 0);
}

// Told before anything is run, so that no hour is lost.
TEST(Outputs, AreCheckedBeforeTheRun) {
  const TempFolder folder;
  const std::string none = folder / "none/out";
  for (const char* option : {"--csv", "--json", "--html"}) {
    expect_refused(septran_sim(gemm("M=64 N=64 K=64 --dtype f16") +
                               Arguments{"--sweep", "dram.channels=1", option, none}),
                   {"error[file-not-written]", "its folder does not exist"});
    const std::string layers = folder.write("layers.csv", "Layer,M,N,K\none,64,64,64\n");
    expect_refused(septran_sim(gemm("--dtype f16") + Arguments{"--workload", layers, option, none}),
                   {"error[file-not-written]"});
  }
  for (const char* option : {"--trace", "--vcd"}) {
    expect_refused(septran_sim(gemm(small_sizes) + Arguments{option, none}),
                   {"error[file-not-written]"});
    expect_refused(septran_sim(gemm(small_sizes) +
                               Arguments{"--sweep", "dram.channels=1", option, folder / "t"}),
                   {"error[option-not-with]", "with --sweep"});
  }
  EXPECT_EQ(folder.files(), std::vector<std::string>{"layers.csv"});
}

// What one way of running does not write or check is not left out silently.
TEST(Options, ThatWouldBeIgnoredAreRefused) {
  const TempFolder folder;
  const std::string layers = folder.write("layers.csv", "Layer,M,N,K\none,64,64,64\n");
  const auto refuse = [&](const Arguments& arguments, const std::vector<std::string>& expected) {
    expect_refused(septran_sim(arguments), expected);
  };
  const Arguments sweep = gemm(small_sizes) + Arguments{"--sweep", "dram.channels=1"};
  refuse(sweep + Arguments{"--out", "C=" + (folder / "c.npy"), "--mma", "rtl"},
         {"--out has no meaning with --sweep", "--mma has no meaning with --sweep"});
  refuse(sweep + Arguments{"--workload", layers}, {"--sweep has no meaning with --workload"});
  refuse(gemm("--dtype f16") + Arguments{"--workload", layers, "--print-after", "all"},
         {"--print-after has no meaning with --workload"});
  const std::string report = folder / "r.json";
  EXPECT_EQ(septran_sim(gemm(small_sizes) + Arguments{"--json", report}).code, 0);
  refuse({"--compare", report, report, "--html", folder / "r.html"},
         {"--html has no meaning with --compare"});
  refuse({"--compare", report, report, "--trace", folder / "t", "-D", "M=64"},
         {"--trace has no meaning with --compare", "-D has no meaning with --compare"});
  refuse(gemm(small_sizes) + Arguments{"--compare", report, report},
         {"a logic file has no meaning with --compare"});
  refuse({folder / "p.sdsa", "--sweep", "dram.channels=1"},
         {"--sweep has no meaning for a compiled program"});
}

}  // namespace
}  // namespace septran::reports
