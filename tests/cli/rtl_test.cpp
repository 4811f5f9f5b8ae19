// `--mma rtl` as a user meets it.
#include <gtest/gtest.h>

#include "run_tool.h"

namespace septran::cli {
namespace {

const std::string edge = in_source("mappings/gemm/dsa_edge.yaml");

Outcome with_rtl(const std::string& mapping, const std::string& words) {
  return septran_sim(job(in_source("examples/gemm/gemm.py"), mapping, words) +
                     Arguments{"--mma", "rtl"});
}

TEST(MmaRtl, ComparesResultsAndCycles) {
  const Outcome outcome = with_rtl(edge, "M=33 N=20 K=50 --dtype i8 --dtype C=i32");
  if (outcome.code == 4) {
    EXPECT_NE(outcome.err.find("without Verilator"), std::string::npos) << outcome.err;
    GTEST_SKIP() << "built without Verilator";
  }
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (const char* word : {"result    ok", "whole program", "array busy", "array draining",
                           "results the same, bit for bit"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in\n" << outcome.out;
  }
}

TEST(MmaRtl, RefusesWhatItIsNotFor) {
  expect_refused(septran_sim({in_source("examples/gemm/gemm.py"), "--mma", "verilog"}),
                 {"--mma", "rtl"});
  const Outcome cloud = with_rtl(in_source("mappings/gemm/dsa_cloud.yaml"), "M=8 N=8 K=8");
  EXPECT_EQ(cloud.code, 4);
  EXPECT_NE(cloud.err.find("error[no-rtl-array]"), std::string::npos) << cloud.err;
  const Outcome floats = with_rtl(edge, "M=8 N=8 K=8 --dtype f16");
  if (floats.code == 4) GTEST_SKIP() << "built without Verilator";
  EXPECT_EQ(floats.code, 2);
  EXPECT_NE(floats.err.find("error[not-for-rtl]"), std::string::npos) << floats.err;
}

}  // namespace
}  // namespace septran::cli
