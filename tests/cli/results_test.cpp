// Results are right and cycles reproducible: the shipped examples on both targets, in every element
// type, at sizes that fill blocks and sizes that do not.
#include <gtest/gtest.h>

#include "run_tool.h"

namespace septran::cli {
namespace {

/// An example with its mapping and options, each at several sizes.
struct Example {
  std::string name;
  std::string logic;
  std::string mapping;
  std::string options;
};

void PrintTo(const Example& example, std::ostream* out) { *out << example.name; }

constexpr const char* sizes[] = {"M=1 N=1 K=1",     "M=3 N=5 K=7",     "M=64 N=64 K=64",
                                 "M=197 N=40 K=64", "M=65 N=129 K=70", "M=128 N=100 K=513"};

class GemmExample : public testing::TestWithParam<Example> {};

TEST_P(GemmExample, IsExactAndItsCyclesAreReproducible) {
  const Example& example = GetParam();
  for (const char* size : sizes) {
    SCOPED_TRACE(size);
    const Arguments arguments = job(in_source(example.logic), in_source(example.mapping),
                                    std::string(size) + " --values integers " + example.options);
    const Outcome first = septran_sim(arguments);
    expect_ok(first);
    EXPECT_NE(first.out.find("max abs error 0, relative error 0"), std::string::npos) << first.out;
    EXPECT_EQ(septran_sim(arguments).out, first.out);
    const Outcome timed = septran_sim(arguments + Arguments{"--timing-only"});
    EXPECT_EQ(timed.code, 0) << timed.err;
    EXPECT_EQ(cycles_of(timed), cycles_of(first));
    EXPECT_NE(timed.out.find("result    not checked"), std::string::npos) << timed.out;
  }
}

std::vector<Example> gemm_examples() {
  const std::pair<const char*, const char*> types[] = {{"f16", "--dtype f16"},
                                                       {"bf16", "--dtype bf16"},
                                                       {"f32", "--dtype f32"},
                                                       {"i8", "--dtype i8 --dtype C=i32"}};
  std::vector<Example> examples;
  for (const std::string target : {"dsa_edge", "dsa_cloud"}) {
    for (const auto& [type, option] : types) {
      examples.push_back({"gemm_" + target + "_" + type, "examples/gemm/gemm.py",
                          "mappings/gemm/" + target + ".yaml", option});
      if (std::string(type) == "i8") continue;  // published.py has no sums wider than C
      examples.push_back({"published_" + target + "_" + type, "examples/gemm/published.py",
                          "mappings/gemm/published.yaml",
                          std::string(option) + " --target " + target});
    }
  }
  return examples;
}

INSTANTIATE_TEST_SUITE_P(All, GemmExample, testing::ValuesIn(gemm_examples()),
                         [](const auto& info) { return info.param.name; });

TEST(MlpExample, AgreesWithTheReference) {
  for (const std::string target : {"dsa_edge", "dsa_cloud"}) {
    for (const char* size : {"M=1 K=1 F=1 N=1", "M=5 K=7 F=9 N=3", "M=64 K=64 F=64 N=64",
                             "M=65 K=129 F=70 N=33", "M=197 K=40 F=300 N=65"}) {
      for (const char* type : {"f16", "bf16", "f32"}) {
        SCOPED_TRACE(target + " " + size + " " + type);
        const Arguments arguments =
            job(in_source("examples/mlp/mlp.py"), in_source("mappings/mlp/" + target + ".yaml"),
                std::string(size) + " --dtype " + type);
        const Outcome outcome = septran_sim(arguments);
        expect_ok(outcome);
        EXPECT_EQ(cycles_of(septran_sim(arguments + Arguments{"--timing-only"})),
                  cycles_of(outcome));
      }
    }
  }
}

TEST(Examples, RandomValuesAgreeToo) {
  for (const char* values : {"normal", "uniform"}) {
    for (const char* seed : {"0", "1", "18446744073709551615"}) {
      expect_ok(septran_sim(
          job(in_source("examples/gemm/gemm.py"), in_source("mappings/gemm/dsa_edge.yaml"),
              std::string("M=65 N=70 K=130 --dtype f16 --values ") + values + " --seed " + seed)));
    }
  }
}

/// A logic file of tests/cli/cases with the mapping beside it.
struct Case {
  const char* name;
  const char* words;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name << ' ' << one.words; }

class OwnLogic : public testing::TestWithParam<Case> {};

TEST_P(OwnLogic, AgreesWithTheReferenceOnBothTargets) {
  const std::string stem = in_source(std::string("tests/cli/cases/") + GetParam().name);
  for (const char* target : {"dsa_edge", "dsa_cloud"}) {
    SCOPED_TRACE(std::string(target) + " " + GetParam().words);
    const Arguments arguments =
        job(stem + ".py", stem + ".yaml", GetParam().words) + Arguments{"--target", target};
    const Outcome outcome = septran_sim(arguments);
    expect_ok(outcome);
    EXPECT_EQ(cycles_of(septran_sim(arguments + Arguments{"--timing-only"})), cycles_of(outcome));
  }
}

constexpr Case cases[] = {
    {"batched_gemm", "H=4 G=2 M=37 N=19 K=23 --dtype f16"},
    {"batched_gemm", "H=3 G=1 M=16 N=1 K=40"},
    {"gemm_options", "M=37 N=65 K=50 --dtype bf16"},
    {"gemm_options", "M=33 N=31 K=49 --values integers"},
    {"elementwise", "M=33 N=70 gain=1.5"},
    {"elementwise", "M=1 N=1 gain=-2"},
    {"softmax", "M=19 N=33"},
    {"softmax", "M=8 N=1"},
    {"causal", "L=50 D=20 --dtype f16"},
    {"causal", "L=16 D=1"},
    {"two_kernels", "M=45 N=37 K=50 --dtype f16"},
    {"two_kernels", "M=3 N=130 K=17"},
    {"nested", "M=70 N=37 K=21 --dtype f16"},
    {"nested", "M=31 N=64 K=65 --dtype bf16"},
    {"transposes", "M=35 N=21 K=18 --dtype f16"},
    {"triangle", "M=28 N=13"},
    {"triangle", "M=4 N=3"},
    {"branches", "S=3 M=22 N=17 factor=3 flip=true"},
    {"branches", "S=1 M=3 N=17 factor=-1 flip=false"},
    {"steps", "T=4 M=24 N=17"},
    {"steps", "T=1 M=4 N=5"},
    {"convolution", "N=2 H=9 W=7 C=5 KH=3 KW=3 O=6 OH=5 OW=4 --dtype f16"},
    {"convolution", "N=1 H=4 W=4 C=1 KH=1 KW=3 O=1 OH=3 OW=2"},
    {"attention", "H=3 L=50 D=20 --dtype f16"},
    {"attention", "H=1 L=16 D=16"},
    {"vector_product", "M=5 N=7 K=50"},
    {"vector_unit", "M=13 N=29"},
    {"one_value", "M=5 N=19"},
    {"one_value", "M=2 N=7 --dtype f16"},
    {"vector_unit", "M=1 N=3 --dtype f16"},
    {"cosine", "M=1 N=1 K=1 --dtype bf16"},
    {"cosine", "M=53 N=97 K=131"},
    {"cosine", "M=130 N=65 K=200 --dtype f16"},
    {"gated", "M=1 N=1"},
    {"gated", "M=53 N=97 --dtype bf16"},
    {"gated", "M=130 N=128 --dtype f16"},
    {"banded", "M=1 N=1 below=0 above=0 --dtype f16"},
    {"banded", "M=53 N=97 below=7 above=13"},
    {"banded", "M=310 N=40 below=40 above=0 --dtype bf16"},
    {"banded", "M=67 N=10 below=500 above=300 --dtype f16"},
    {"running_max", "M=1 N=1 J=1 width=1 --dtype bf16"},
    {"running_max", "M=53 N=97 J=10 width=10"},
    {"running_max", "M=70 N=1024 J=8 width=128 --dtype f16"},
    {"two_schedules", "M=1 N=48 --dtype f16"},
    {"two_schedules", "M=64 N=128 --dtype f16"},
    {"two_schedules", "M=70 N=97"},
    {"variance", "M=1 N=1 --dtype f16"},
    {"variance", "M=53 N=97 --dtype bf16"},
    {"variance", "M=500 N=100"},
};

INSTANTIATE_TEST_SUITE_P(All, OwnLogic, testing::ValuesIn(cases), [](const auto& info) {
  return std::string(info.param.name) + "_" + std::to_string(info.index);
});

}  // namespace
}  // namespace septran::cli
