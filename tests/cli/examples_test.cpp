// The shipped examples agree with the reference on both accelerators, in three element types, at
// sizes that fill blocks and sizes that do not.
#include <gtest/gtest.h>

#include "run_tool.h"

namespace septran::cli {
namespace {

/// An example's name and sizes for its entry.
struct Case {
  const char* name;
  const char* words;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name << ' ' << one.words; }

class Example : public testing::TestWithParam<Case> {};

TEST_P(Example, AgreesWithTheReference) {
  const std::string name = GetParam().name;
  for (const char* target : {"dsa_edge", "dsa_cloud"}) {
    for (const char* type : {"f16", "bf16", "f32"}) {
      SCOPED_TRACE(std::string(target) + " " + GetParam().words + " " + type);
      expect_ok(septran_sim(job(in_source("examples/" + name + "/" + name + ".py"),
                                in_source("mappings/" + name + "/" + target + ".yaml"),
                                std::string(GetParam().words) + " --dtype " + type)));
    }
  }
}

constexpr Case cases[] = {
    {"attention", "B=1 H=1 G=1 LQ=1 LK=1 D=1 causal=true"},
    {"attention", "B=2 H=4 G=2 LQ=64 LK=64 D=64 causal=true"},
    {"attention", "B=1 H=3 G=1 LQ=65 LK=131 D=17 causal=true"},
    {"attention", "B=1 H=3 G=1 LQ=65 LK=131 D=17 causal=false"},
    {"attention", "B=1 H=1 G=1 LQ=71 LK=5 D=20 causal=true"},
    {"attention", "B=1 H=2 G=2 LQ=1 LK=97 D=128 causal=true"},
    {"attention", "B=1 H=1 G=1 LQ=19 LK=23 D=512 causal=false"},
    {"softmax", "M=1 N=1"},
    {"softmax", "M=128 N=64"},
    {"softmax", "M=67 N=129"},
    {"softmax", "M=3 N=4096"},
    {"softmax", "M=2 N=4097"},
    {"softmax", "M=1 N=70001"},
    {"layernorm", "M=1 N=1 eps=1e-5"},
    {"layernorm", "M=128 N=64 eps=1e-5"},
    {"layernorm", "M=67 N=129 eps=0.5"},
    {"layernorm", "M=2 N=4097 eps=1e-5"},
    {"layernorm", "M=1 N=70001 eps=1e-5"},
};

INSTANTIATE_TEST_SUITE_P(All, Example, testing::ValuesIn(cases), [](const auto& info) {
  return std::string(info.param.name) + "_" + std::to_string(info.index);
});

}  // namespace
}  // namespace septran::cli
