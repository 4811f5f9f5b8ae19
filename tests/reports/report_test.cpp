// The report files of runs: JSON that fits the published schema, counters that agree, a page that
// needs nothing else, advice that names what to change.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/cli/run_tool.h"
#include "tests/reports/schema.h"

namespace septran::reports {
namespace {

using cli::Arguments;
using cli::in_source;
using cli::operator+;
using nlohmann::json;

Arguments gemm(const std::string& target, const std::string& words) {
  return cli::job(in_source("examples/gemm/gemm.py"),
                  in_source("mappings/gemm/" + target + ".yaml"), words);
}

json schema() { return json::parse(cli::read_file(in_source("docs/report.schema.json"))); }

json report_of(const Arguments& arguments, int code = 0) {
  const cli::TempFolder folder;
  const auto outcome = cli::septran_sim(arguments + Arguments{"--json", folder / "r.json"});
  EXPECT_EQ(outcome.code, code) << outcome.err;
  return json::parse(cli::read_file(folder / "r.json"));
}

std::int64_t sum(const json& list) {
  return std::accumulate(
      list.begin(), list.end(), std::int64_t{0},
      [](std::int64_t all, const json& one) { return all + one.get<int64_t>(); });
}

const std::vector<Arguments>& runs() {
  static const std::vector<Arguments> all{
      gemm("dsa_edge", "M=96 N=80 K=200 --dtype f16"),
      gemm("dsa_cloud", "M=1024 N=1024 K=512 --dtype f16 --timing-only"),
      gemm("dsa_edge", "M=2048 N=1024 K=1024 --dtype f16 --timing-only"),
      cli::job(in_source("examples/attention/attention.py"),
               in_source("mappings/attention/dsa_edge.yaml"),
               "B=1 H=2 G=1 LQ=100 LK=100 D=64 causal=true --dtype f16"),
      cli::job(in_source("examples/softmax/softmax.py"),
               in_source("mappings/softmax/dsa_edge.yaml"), "M=30 N=300 --check-hazards")};
  return all;
}

TEST(RunReport, FitsThePublishedSchema) {
  const json published = schema();
  for (const Arguments& arguments : runs()) {
    EXPECT_EQ(faults(published, report_of(arguments)), std::vector<std::string>());
  }
}

TEST(RunReport, TheSchemaTellsWhatDoesNotFit) {
  json report = report_of(runs()[0]);
  report["cycles"] = "many";
  report["extra"] = 1;
  report["cores"][0]["engines"]["mma"].erase("busy");
  EXPECT_EQ(
      faults(schema(), report),
      (std::vector<std::string>{": has an unknown 'extra'", "/cores/0/engines/mma: lacks \"busy\"",
                                "/cycles: is less than 0", "/cycles: is no integer"}));
}

// What is recorded over time adds up to the sums of the whole run.
TEST(RunReport, TimelineAddsUp) {
  for (const Arguments& arguments : runs()) {
    const json report = report_of(arguments);
    for (const json& engine : report["timeline"]["engines"]) {
      const json& whole = report["cores"][engine["core"].get<std::size_t>()]["engines"]
                                [engine["engine"].get<std::string>()];
      for (const auto& [state, cycles] : engine["states"].items()) {
        const json& expected = whole.contains(state) ? whole[state] : whole["stalled"][state];
        EXPECT_EQ(sum(cycles), expected.get<std::int64_t>()) << engine["engine"] << " " << state;
      }
    }
    std::int64_t bus = 0;
    for (const auto& [edge, entry] : report["memory"].items()) {
      if (edge.find("GLOBAL") != std::string::npos) bus += entry["bus_bytes"].get<std::int64_t>();
    }
    const json& traffic = report["timeline"]["traffic"];
    EXPECT_EQ(sum(traffic["read_bytes"]) + sum(traffic["write_bytes"]), bus);
    for (const json& memory : report["timeline"]["occupancy"]) {
      const json& whole = report["occupancy"][memory["memory"].get<std::string>()];
      for (const json& bytes : memory["bytes"]) EXPECT_LE(bytes, whole["high_water_bytes"]);
    }
  }
}

TEST(RunReport, OperationsOfAnEngineFollowEachOther) {
  const json report = report_of(runs()[1]);
  std::size_t operations = 0;
  for (const json& engine : report["timeline"]["engines"]) {
    const json& rows = engine["operations"];
    std::int64_t end = 0;
    for (std::size_t i = 0; i < rows.size(); i += 4, ++operations) {
      EXPECT_GE(rows[i].get<std::int64_t>(), end);
      end = rows[i].get<std::int64_t>() + rows[i + 1].get<std::int64_t>();
      EXPECT_TRUE(
          report["timeline"]["instructions"].contains(std::to_string(rows[i + 2].get<int>())));
    }
    EXPECT_LE(end, report["cycles"].get<std::int64_t>());
  }
  EXPECT_GT(operations, 20U);
}

// C = A * B with 2 x 2 blocks of 512: each operand is read twice, C is written once.
TEST(RunReport, BytesAgainstTheLeastThatMustMove) {
  const json report = report_of(gemm("dsa_cloud", "M=1024 N=1024 K=512 --dtype f16 --timing-only"));
  const std::int64_t operand = 1024 * 512 * 2;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> moved;
  for (const json& tensor : report["tensors"]) {
    moved[tensor["tensor"].get<std::string>() + " " + tensor["direction"].get<std::string>()] = {
        tensor["bytes"].get<std::int64_t>(), tensor["minimum_bytes"].get<std::int64_t>()};
  }
  using Pair = std::pair<std::int64_t, std::int64_t>;
  EXPECT_EQ(moved["A read"], Pair(2 * operand, operand));
  EXPECT_EQ(moved["B read"], Pair(2 * operand, operand));
  EXPECT_EQ(moved["C write"], Pair(1024 * 1024 * 2, 1024 * 1024 * 2));
  EXPECT_EQ(report["memory"]["GLOBAL->SHARED"]["minimum_bytes"], 2 * operand);
}

TEST(RunReport, LongRunsStaySmall) {
  const cli::TempFolder folder;
  cli::septran_sim(gemm("dsa_edge", "M=2048 N=1024 K=1024 --dtype f16 --timing-only") +
                   Arguments{"--json", folder / "r.json", "--html", folder / "r.html"});
  EXPECT_LT(cli::read_file(folder / "r.json").size(), 400'000U);
  EXPECT_LT(cli::read_file(folder / "r.html").size(), 400'000U);
  EXPECT_TRUE(
      json::parse(cli::read_file(folder / "r.json"))["timeline"].contains("operations_until"));
}

TEST(RunReport, ThePageNeedsNothingElse) {
  const cli::TempFolder folder;
  const auto outcome = cli::septran_sim(runs()[0] + Arguments{"--html", folder / "r.html"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const std::string page = cli::read_file(folder / "r.html");
  EXPECT_EQ(page.find("src="), std::string::npos);
  EXPECT_EQ(page.find("@import"), std::string::npos);
  // The only address is the name of SVG's namespace.
  EXPECT_EQ(cli::count(page, "http"), cli::count(page, "http://www.w3.org/2000/svg"));
  EXPECT_NE(page.find("gemm_host_logic"), std::string::npos);
}

// One slot a stream, and tiles far smaller than the array.
TEST(RunReport, AdviceNamesWhatToChange) {
  const cli::TempFolder folder;
  const std::string mapping =
      folder.write("bad.yaml", "extends: " + in_source("mappings/gemm/dsa_cloud.yaml") + R"(
task_mappings:
  gemm_host:
    tunables: {block_m: 64, block_n: 64}
  gemm_block:
    tunables: {block_k: 64}
    pipeline: 1
    rotate: {acc: 1}
)");
  const Arguments arguments = cli::job(in_source("examples/gemm/gemm.py"), mapping,
                                       "M=512 N=512 K=512 --dtype f16 --timing-only");
  const json report = report_of(arguments);
  std::string text;
  for (const json& advice : report["advice"]) {
    text += advice["problem"].get<std::string>() + advice["change"].get<std::string>();
  }
  EXPECT_NE(text.find("take turns"), std::string::npos) << report["advice"].dump(1);
  EXPECT_NE(text.find("`pipeline`"), std::string::npos);
  EXPECT_NE(text.find("64 x 64 x 64 (m x n x k), on an array of 128 x 128"), std::string::npos);
  const auto outcome = cli::septran_sim(arguments);
  EXPECT_NE(report["verdict"].get<std::string>().find("they take turns"), std::string::npos);
  EXPECT_NE(outcome.out.find("take turns"), std::string::npos) << outcome.out;
}

TEST(RunReport, TwoReportsNeedTwoFiles) {
  const cli::TempFolder folder;
  const auto outcome = cli::septran_sim(
      runs()[0] + Arguments{"--html", folder / "r.html", "--json", folder / "r.html"});
  cli::expect_refused(outcome, {"error[one-output-file]"});
  EXPECT_TRUE(folder.files().empty());
}

}  // namespace
}  // namespace septran::reports
