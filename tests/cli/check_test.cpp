// `septran check`: a row a mapping, whatever becomes of the others.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "run_tool.h"

namespace septran::cli {
namespace {

const std::string gemm = in_source("examples/gemm/gemm.py");
const std::string edge = in_source("mappings/gemm/dsa_edge.yaml");
const std::string cloud = in_source("mappings/gemm/dsa_cloud.yaml");

/// "check LOGIC --mapping ... -D ... OPTIONS".
Arguments check(const std::string& logic, const Arguments& mappings, const std::string& words) {
  Arguments list = job(logic, mappings.at(0), words);
  list.insert(list.begin(), "check");
  for (std::size_t i = 1; i < mappings.size(); ++i) {
    list.emplace_back("--mapping");
    list.push_back(mappings[i]);
  }
  return list;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> list;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) list.push_back(line);
  return list;
}

/// The words of a row after the mapping's name.
std::vector<std::string> cells(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> list;
  std::string word;
  in >> word;
  while (in >> word) list.push_back(word);
  return list;
}

/// The mapping of the small accelerator with one text replaced.
std::string changed(const TempFolder& folder, const std::string& name, const std::string& from,
                    const std::string& to) {
  std::string text = read_file(edge);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return folder.write(name, text.replace(at, from.size(), to));
}

TEST(Check, PutsAcceleratorsAndProcessorsSideBySide) {
  const struct {
    const char* name;
    const char* words;
  } examples[] = {{"softmax", "M=9 N=70"},
                  {"layernorm", "M=9 N=70 eps=1e-5"},
                  {"attention", "B=1 H=2 G=1 LQ=9 LK=33 D=16 causal=true"},
                  {"gemm", "M=20 N=33 K=17"},
                  {"mlp", "M=9 K=17 F=33 N=20"}};
  for (const auto& [name, words] : examples) {
    const std::string folder = in_source(std::string("mappings/") + name);
    const Outcome outcome =
        septran(check(in_source(std::string("examples/") + name + "/" + name + ".py"),
                      {folder + "/dsa_edge.yaml", folder + "/cpu.yaml"}, words));
    EXPECT_EQ(outcome.code, 0) << outcome.out << outcome.err;
    const auto rows = lines(outcome.out);
    ASSERT_EQ(rows.size(), 3U) << outcome.out;
    EXPECT_EQ(cells(rows[1]).front(), "dsa_edge") << rows[1];
    EXPECT_EQ(cells(rows[2]).front(), "cpu_native") << rows[2];
    for (std::size_t i : {1U, 2U}) EXPECT_EQ(cells(rows[i]).back(), "ok") << rows[i];
  }
}

// What the clamp leaves is small beside the sums' errors, and the differences are made of nothing
// else.
TEST(Check, JudgesSmallResultsOfLargeSumsByTheirArithmetic) {
  const TempFolder folder;
  const std::string logic = folder.write("small.py", R"("""Small results of large sums."""
import task_lang as task

@task.define(leaf=True)
def work(acc, big, C, D, A, B):
    task.call_primitive("gemm", acc, A, B)
    task.call_primitive("clamp", C, acc, -1.0, 1.0)
    task.call_primitive("add", big, acc, 100000.0)
    task.call_primitive("sub", D, big, 100000.0)

@task.define
def block(C, D, A, B):
    acc = task.tensor(C.shape, "f32")
    big = task.tensor(C.shape, "f32")
    task.launch(work, acc, big, C, D, A, B)

@task.define
def host(C: task.Tensor["M", "N"], D: task.Tensor["M", "N"], A: task.Tensor["M", "K"],
         B: task.Tensor["K", "N"]):
    for i in task.parallel_range(task.ceildiv(M, 16)):
        to = min(M, i * 16 + 16)
        task.launch(block, C[i * 16 : to, :], D[i * 16 : to, :], A[i * 16 : to, :], B)
)");
  const auto mapping = [&](const char* name, const char* target, const char* mems) {
    return folder.write(name, std::string("target: ") + target + R"(
entrypoint: host
task_mappings:
  host:
    task_name: host
    proc: HOST
    mems: {C: GLOBAL, D: GLOBAL, A: GLOBAL, B: GLOBAL}
  block: {task_name: block, proc: BLOCK, mems: )" +
                                  mems + "}\n");
  };
  const std::string cpu =
      mapping("cpu.yaml", "cpu_native", "{acc: SHARED, big: SHARED, B: SHARED}");
  const std::string small =
      mapping("dsa.yaml", "dsa_edge",
              "{acc: REGISTER, big: SHARED, C: SHARED, D: SHARED, A: SHARED, B: SHARED}");
  for (const char* words :
       {"M=33 N=20 K=700", "M=33 N=20 K=700 --dtype bf16", "M=33 N=20 K=700 --values integers"}) {
    const Outcome outcome = septran(check(logic, {cpu, small}, words));
    EXPECT_EQ(outcome.code, 0) << words << outcome.out << outcome.err;
  }
}

TEST(Check, HasARowForEachMapping) {
  const Outcome outcome = septran(check(gemm, {edge, cloud}, "M=65 N=70 K=130 --values integers"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const auto rows = lines(outcome.out);
  ASSERT_EQ(rows.size(), 3U) << outcome.out;
  for (const char* column : {"mapping", "target", "max abs error", "relative error",
                             "cycles or time", "mma util", "verdict"}) {
    EXPECT_NE(rows[0].find(column), std::string::npos) << column;
  }
  const Outcome alone = septran_sim(job(gemm, edge, "M=65 N=70 K=130 --values integers"));
  const std::string cycles = std::to_string(cycles_of(alone));
  const auto row = cells(rows[1]);
  ASSERT_EQ(row.size(), 8U) << rows[1];
  EXPECT_EQ((std::vector<std::string>(row.begin(), row.begin() + 5)),
            (std::vector<std::string>{"dsa_edge", "0", "0", cycles, "cycles"}));
  EXPECT_EQ(row.back(), "ok");
  EXPECT_EQ(cells(rows[2]).front(), "dsa_cloud");
  EXPECT_EQ(cells(rows[2]).back(), "ok");
}

TEST(Check, AMappingThatIsRefusedDoesNotLoseTheOthers) {
  const TempFolder folder;
  const std::string large = changed(folder, "large.yaml", "block_n: 64", "block_n: 128");
  const std::string report = folder / "report.json";
  const Outcome outcome = septran(
      check(gemm, {large, folder / "none.yaml", edge}, "M=128 N=128 K=64 --json " + report));
  EXPECT_EQ(outcome.code, 2);
  const auto rows = lines(outcome.out);
  ASSERT_EQ(rows.size(), 4U) << outcome.out;
  EXPECT_NE(rows[1].find("refused: error[does-not-fit]"), std::string::npos) << rows[1];
  EXPECT_NE(rows[2].find("refused: error[cannot-read]"), std::string::npos) << rows[2];
  EXPECT_EQ(cells(rows[3]).back(), "ok");
  EXPECT_NE(outcome.err.find("large.yaml:18:"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("none.yaml: cannot read"), std::string::npos) << outcome.err;
  const auto json = nlohmann::json::parse(read_file(report));
  EXPECT_EQ(json.at("schema_version"), 1);
  EXPECT_EQ(json.at("exit_code"), 2);
  ASSERT_EQ(json.at("rows").size(), 3U);
  const auto& refused = json.at("rows")[0];
  EXPECT_EQ(refused.at("mapping"), large);
  EXPECT_EQ(refused.at("exit_code"), 2);
  EXPECT_NE(refused.at("diagnostics")[0].get<std::string>().find("does-not-fit"),
            std::string::npos);
  const auto& fine = json.at("rows")[2];
  EXPECT_EQ(fine.at("target"), "dsa_edge");
  EXPECT_EQ(fine.at("verdict"), "ok");
  EXPECT_EQ(fine.at("result").at("ok"), true);
  EXPECT_EQ(fine.at("result").at("incomparable_elements"), 0);
  EXPECT_GT(fine.at("cycles").get<std::int64_t>(), 0);
  EXPECT_GT(fine.at("mma_utilization").get<double>(), 0);
}

TEST(Check, WritesNoReportWhereNoMappingRan) {
  const TempFolder folder;
  const std::string large = changed(folder, "large.yaml", "block_n: 64", "block_n: 128");
  const Outcome outcome =
      septran(check(gemm, {large}, "M=128 N=128 K=64 --json " + (folder / "report.json")));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_FALSE(exists(folder / "report.json"));
}

TEST(Check, SaysWhatMappingsHaveInCommonOnce) {
  const Outcome outcome = septran(check(gemm, {edge, cloud}, "M=65 N=70"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(count(outcome.err, "error[missing-definition]"), 1U) << outcome.err;
  EXPECT_EQ(count(outcome.out, "refused: error[missing-definition]"), 2U) << outcome.out;
}

TEST(Check, TimingOnlyAndNoCheckTakeTheSameCycles) {
  const Outcome checked = septran(check(gemm, {edge}, "M=65 N=70 K=130"));
  for (const char* option : {"--timing-only", "--no-check"}) {
    const Outcome outcome = septran(check(gemm, {edge}, std::string("M=65 N=70 K=130 ") + option));
    EXPECT_EQ(outcome.code, 0);
    const auto row = cells(lines(outcome.out).at(1));
    EXPECT_EQ(row.at(1), "-");
    EXPECT_EQ(row.at(3), cells(lines(checked.out).at(1)).at(3));
    EXPECT_NE(outcome.out.find("not checked"), std::string::npos);
  }
}

TEST(Check, MappingsOfOtherTunablesAreHeldAgainstTheirOwnReference) {
  const TempFolder folder;
  const std::string small = changed(folder, "small.yaml", "block_m: 128", "block_m: 32");
  const Outcome outcome =
      septran(check(gemm, {edge, small, edge}, "M=65 N=70 K=130 --dtype f16 --seed 5"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const auto rows = lines(outcome.out);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[1], rows[3]);
  EXPECT_EQ(cells(rows[2]).back(), "ok");
}

// A build without SystemC answers mappings for accelerators with error[backend-missing]; this one,
// of which these tests are a part, lacks no backend.
TEST(Check, NoBackendIsMissing) {
  const Outcome version = septran({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_NE(version.out.find("  with accelerator simulator"), std::string::npos) << version.out;
  EXPECT_NE(version.out.find("  with NVIDIA GPUs"), std::string::npos) << version.out;
  EXPECT_EQ(version.out.find("  without "), std::string::npos) << version.out;
}

TEST(Check, NeedsAMapping) {
  const Outcome outcome = septran({"check", gemm, "-D", "M=3"});
  expect_refused(outcome, {"error[check-needs-mapping]", "hint:"});
}

TEST(Commands, UnknownWordsGetAHint) {
  expect_refused(septran({"compil"}),
                 {"error[unknown-command]", "'compil'", "hint: did you mean 'compile'?"});
  expect_refused(septran({"zzz"}), {"error[unknown-command]", "hint: commands are compile"});
  expect_refused(septran({"check", gemm, "--mappings", edge}),
                 {"error[unknown-option]", "'--mappings'", "hint: did you mean '--mapping'?"});
  expect_refused(septran_sim({gemm, "--timing-onyl"}),
                 {"error[unknown-option]", "hint: did you mean '--timing-only'?"});
}

}  // namespace
}  // namespace septran::cli
