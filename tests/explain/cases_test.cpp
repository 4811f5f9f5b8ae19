// Explanations as a whole: each is compared with cases/NAME.expected. SEPTRAN_UPDATE_EXPECTED=1
// rewrites these files.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support.h"

namespace septran::explain {
namespace {

struct Case {
  const char* name;
  const char* logic;
  const char* mapping;
  const char* dims;
  DType dtype = DType::f32;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

constexpr Case cases[] = {
    {"gemm", "examples/gemm/gemm.py", "mappings/gemm/dsa_edge.yaml", "M=300 N=130 K=200"},
    {"gemm_by_its_instance", "examples/gemm/published.py", "mappings/gemm/published.yaml",
     "M=256 N=128 K=256", DType::f16},
    {"mlp", "examples/mlp/mlp.py", "mappings/mlp/dsa_edge.yaml", "M=128 K=128 F=192 N=64",
     DType::f16},
    {"causal_attention", "tests/cli/cases/attention.py", "tests/cli/cases/attention.yaml",
     "H=2 L=64 D=32"},
    {"convolution", "tests/cli/cases/convolution.py", "tests/cli/cases/convolution.yaml",
     "N=2 H=9 W=7 C=5 KH=3 KW=3 O=6 OH=5 OW=4", DType::f16},
    {"branches", "tests/cli/cases/branches.py", "tests/cli/cases/branches.yaml",
     "S=3 M=22 N=17 factor=3 flip=true"},
};

class ExplainCases : public testing::TestWithParam<Case> {};

TEST_P(ExplainCases, SayWhatIsExpected) {
  const Case& one = GetParam();
  testing_support::KernelText text;
  text.logic = source(one.logic);
  text.mapping = source(one.mapping);
  text.definitions = definitions(one.dims);
  text.dtype = one.dtype;
  Explained explained;
  explain_kernel(text, explained);
  ASSERT_TRUE(explained.kernel.program.has_value()) << explained.kernel.messages();
  const std::string path =
      std::string(SEPTRAN_SOURCE_DIR) + "/tests/explain/cases/" + one.name + ".expected";
  // What is proposed has tests of its own, that do not change with what the compiler can do.
  std::string actual = to_text(explained.explanation);
  actual.resize(actual.find("\nPROPOSALS:"));
  if (std::getenv("SEPTRAN_UPDATE_EXPECTED") != nullptr) std::ofstream(path) << actual;
  EXPECT_EQ(actual, testing_support::read_text(path));

  const auto json = nlohmann::json::parse(to_json(explained.explanation));
  for (const char* key : {"schema_version", "program", "target", "processors", "launches", "calls",
                          "memories", "buffers", "copies", "traffic", "events", "barriers",
                          "run_ahead", "work", "remarks", "proposals", "rejected"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json.at("buffers").size(), explained.explanation.buffers.size());
  EXPECT_EQ(json.at("copies").size(), explained.explanation.copies.size());
}

INSTANTIATE_TEST_SUITE_P(All, ExplainCases, testing::ValuesIn(cases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace septran::explain
