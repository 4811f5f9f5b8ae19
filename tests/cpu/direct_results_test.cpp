// Products that store their rounded sums themselves, and those that must not.
#include "targets/cpu/direct_results.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "compiler/tile/visit.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {
namespace {

/// C, and whatever else, from sums of M x N in f32; `middle` stands between the product and the
/// copies, `rows` is how many rows of C there are.
KernelText product(const std::string& product, const std::string& middle, const std::string& copies,
                   DType dtype = DType::bf16, int m = 40) {
  KernelText text;
  text.logic = fmt::format(R"(import task_lang as task


@task.define(leaf=True)
def multiply(acc, A, B):
    {}


@task.define(leaf=True)
def store(C, D, acc):
    {}
    {}


@task.define
def host(
    C: task.Tensor["R", "N"],
    D: task.Tensor["R", "N"],
    A: task.Tensor["M", "K"],
    B: task.Tensor["K", "N"],
):
    acc = task.tensor((M, N), "f32")
    task.launch(multiply, acc, A, B)
    task.launch(store, C, D, acc)
)",
                           product, middle, copies);
  text.mapping = R"(
entrypoint: host
task_mappings:
  host:
    task_name: host
    proc: HOST
    mems: {C: GLOBAL, D: GLOBAL, A: GLOBAL, B: GLOBAL, acc: GLOBAL}
    leaf_task_bindings: {multiply: {impl: mma, split: [{m: 24}]}}
)";
  text.target = "cpu_avx512";
  text.dtype = dtype;
  text.definitions = {{"M", fmt::format("{}", m)}, {"R", "40"}, {"N", "70"}, {"K", "33"}};
  return text;
}

constexpr const char* gemm = "task.call_primitive(\"gemm\", acc, A, B)";
constexpr const char* copy_out = "task.call_primitive(\"copy\", C, acc)";

/// Whether the product in a kernel writes what the kernel's first tensor holds.
bool is_direct(const KernelText& text) {
  Kernel kernel;
  compile(text, kernel);
  EXPECT_TRUE(kernel.program) << kernel.messages();
  if (!kernel.program) return false;
  const tile::Program program = cpu::with_direct_results(*kernel.program);
  bool direct = false;
  tile::for_each_statement(program.body, [&](const tile::Statement& statement) {
    const auto* mma = std::get_if<tile::Mma>(&statement.node);
    if (mma != nullptr) direct |= program[mma->acc.tensor].name == "C";
  });
  return direct;
}

TEST(DirectResults, RoundWhereTheyAreStored) {
  EXPECT_TRUE(is_direct(product(gemm, "pass", copy_out)));
  EXPECT_TRUE(is_direct(product(gemm, "pass", copy_out, DType::f16)));
  EXPECT_TRUE(is_direct(product(gemm, "task.call_primitive(\"fill\", D, 1.0)", copy_out)));
}

TEST(DirectResults, StayAsideWhereOthersNeedThem) {
  EXPECT_FALSE(is_direct(product(gemm, "task.call_primitive(\"copy\", D, acc)", copy_out)));
  EXPECT_FALSE(is_direct(product(gemm, "task.call_primitive(\"copy\", D, C)", copy_out)));
  EXPECT_FALSE(is_direct(product(gemm, "task.call_primitive(\"mul\", acc, acc, 2.0)", copy_out)));
  EXPECT_FALSE(is_direct(product(gemm, "task.call_primitive(\"fill\", C, 1.0)", copy_out)));
}

TEST(DirectResults, StayAsideWhereTheyAreNotComplete) {
  const std::string twice =
      std::string(gemm) + "\n    task.call_primitive(\"gemm\", acc, A, B, accumulate=True)";
  EXPECT_FALSE(is_direct(product(twice, "pass", copy_out)));
}

TEST(DirectResults, StayAsideWhereOnlySomeAreWanted) {
  const std::string some = "task.call_primitive(\"copy\", C, acc[0:40, :])";
  EXPECT_TRUE(is_direct(product(gemm, "pass", some)));
  EXPECT_FALSE(is_direct(product(gemm, "pass", some, DType::bf16, 47)));
}

TEST(DirectResults, StayAsideWhereRowsAreColumns) {
  EXPECT_FALSE(is_direct(product(gemm, "pass", "task.call_primitive(\"copy\", C.T, acc.T)")));
}

}  // namespace
}  // namespace septran::testing_support
