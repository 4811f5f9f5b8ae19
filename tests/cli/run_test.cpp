// `septran run` on this machine's processor.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "run_tool.h"

#ifndef SEPTRAN_EXECUTABLE
#define SEPTRAN_EXECUTABLE "septran"
#endif

namespace septran::cli {
namespace {

const std::string gemm = in_source("examples/gemm/gemm.py");
const std::string gemm_mapping = in_source("mappings/gemm/cpu.yaml");

Outcome run(const Arguments& arguments, const std::map<std::string, std::string>& environment) {
  return run_program(SEPTRAN_EXECUTABLE, Arguments{"run"} + arguments, environment);
}

TEST(Run, ReportsResultAndTime) {
  const TempFolder folder;
  const Arguments arguments =
      job(gemm, gemm_mapping, "M=65 N=70 K=130 --dtype f16 --repetitions 3") +
      Arguments{"--json", folder / "run.json", "--out", "C=" + (folder / "c.npy")};
  const std::map<std::string, std::string> cache{{"SEPTRAN_CACHE", folder / "cache"}};
  const Outcome first = run(arguments, cache);
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(first.err, "");
  for (const char* text :
       {"target    cpu_native", "(median of 3)", "FLOP/s", " % of ", "result    ok"}) {
    EXPECT_NE(first.out.find(text), std::string::npos) << text << " in\n" << first.out;
  }
  const auto json = nlohmann::json::parse(read_file(folder / "run.json"));
  EXPECT_EQ(json.at("schema_version"), 1);
  EXPECT_EQ(json.at("target"), "cpu_native");
  EXPECT_EQ(json.at("result").at("ok"), true);
  EXPECT_LT(json.at("result").at("relative_error"), 1e-3);
  EXPECT_EQ(json.at("result").at("incomparable_elements"), 0);
  EXPECT_EQ(json.at("seconds").at("repetitions"), 3);
  EXPECT_GT(json.at("seconds").at("median"), 0.0);
  // Per element of C: K products and sums, clearing it and storing it once.
  EXPECT_EQ(json.at("operations"), 65 * 70 * (2 * 130 + 2));
  EXPECT_GT(json.at("flops_per_second"), 0.0);
  EXPECT_GT(json.at("bytes_per_second"), 0.0);
  EXPECT_GE(json.at("peak").at("cores"), 1);
  EXPECT_GT(json.at("peak").at("flops_per_second"), 0.0);
  EXPECT_GT(json.at("peak").at("bytes_per_second"), 0.0);
  EXPECT_TRUE(exists(folder / "c.npy"));
  // From the cache, without a compiler.
  const Outcome again = run(arguments, cache);
  EXPECT_EQ(again.code, 0) << again.err;
}

TEST(Run, SimulatesAccelerators) {
  const TempFolder folder;
  const Arguments arguments = job(gemm, in_source("mappings/gemm/dsa_edge.yaml"), "M=8 N=8 K=8");
  const Outcome outcome =
      run(arguments + Arguments{"--check-hazards", "--json", folder / "run.json"}, {});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("cycles    "), std::string::npos) << outcome.out;
  // The report is the simulator's own.
  ASSERT_EQ(septran_sim(arguments + Arguments{"--json", folder / "sim.json"}).code, 0);
  auto json = nlohmann::json::parse(read_file(folder / "run.json"));
  auto expected = nlohmann::json::parse(read_file(folder / "sim.json"));
  for (auto* report : {&json, &expected}) {
    EXPECT_GT(report->at("wall_seconds").at("compile"), 0.0);
    EXPECT_GT(report->at("wall_seconds").at("simulate"), 0.0);
    report->erase("wall_seconds");
    for (auto& line : report->at("lines")) line.erase("text");
  }
  EXPECT_EQ(json.at("result").at("ok"), true);
  EXPECT_TRUE(json.contains("cores"));
  EXPECT_EQ(nlohmann::json::diff(json, expected), nlohmann::json::array());
}

TEST(Run, RefusesWhatItCannotDo) {
  const TempFolder folder;
  const std::map<std::string, std::string> no_compiler{{"SEPTRAN_CACHE", folder / "cache"},
                                                       {"SEPTRAN_CC", "/nowhere/cc"}};
  const Arguments small = job(gemm, gemm_mapping, "M=8 N=8 K=8");
  const Outcome without = run(small, no_compiler);
  EXPECT_EQ(without.code, 4);
  EXPECT_NE(without.err.find("error[no-c-compiler]"), std::string::npos) << without.err;
  expect_refused(run(small + Arguments{"--timing-only"}, {{"SEPTRAN_CACHE", folder / "cache"}}),
                 {"error[no-simulated-time]", "hint:"});
  expect_refused(run(small + Arguments{"--check-hazards"}, {{"SEPTRAN_CACHE", folder / "cache"}}),
                 {"error[no-hazards-here]", "'cpu_native' is real", "hint:"});
  expect_refused(septran(Arguments{"compile"} + small + Arguments{"--emit", "asm"}),
                 {"error[emit-not-of-target]", "hint:"});
}

TEST(Run, SaysThatThereIsNoGpu) {
  const std::map<std::string, std::string> no_driver{{"SEPTRAN_CUDA_DRIVER", "/nowhere/cuda.so"}};
  const std::string mapping = in_source("mappings/gemm/nvidia_h100.yaml");
  const Arguments small = job(gemm, mapping, "M=8 N=8 K=8");
  const Outcome one = run(small, no_driver);
  EXPECT_EQ(one.code, 4);
  EXPECT_NE(
      one.err.find("error[no-gpu]: there is no GPU here to run kernels for 'nvidia_h100': the "
                   "driver's library /nowhere/cuda.so is not installed"),
      std::string::npos)
      << one.err;
  // The others' rows are there all the same.
  const Outcome table = run_program(
      SEPTRAN_EXECUTABLE,
      Arguments{"check"} + small + Arguments{"--mapping", in_source("mappings/gemm/dsa_edge.yaml")},
      no_driver);
  EXPECT_EQ(table.code, 4);
  EXPECT_NE(table.out.find("no GPU here"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find(" ok"), std::string::npos) << table.out;
  const Outcome text = septran(Arguments{"compile"} + small + Arguments{"--emit", "cuda"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_NE(text.out.find("__global__"), std::string::npos);
  const Outcome why = septran(Arguments{"explain"} + small);
  EXPECT_EQ(why.code, 0) << why.err;
  EXPECT_NE(why.out.find("tensor cores multiply f16, bf16, f8 or i8 by their like, not f32 by f32"),
            std::string::npos)
      << why.out;
}

}  // namespace
}  // namespace septran::cli
