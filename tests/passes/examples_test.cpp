// The shipped examples, compiled for both accelerators: the tile program after every pass gives the
// reference's answer, has no hazard, and no sync too many.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "compiler/tile/text.h"
#include "compiler/tile/visit.h"
#include "source_dir.h"
#include "tests/support/kernel.h"

namespace septran {
namespace {

using testing_support::Kernel;
using testing_support::KernelText;

std::string source(const std::string& path) {
  return testing_support::read_text(std::string(SEPTRAN_SOURCE_DIR) + "/" + path);
}

struct Case {
  const char* name;
  const char* logic;
  const char* mapping;
  std::vector<std::string> dims;
};

void check(const Case& c, const std::string& target, const std::vector<std::int64_t>& sizes,
           DType dtype, bool integers, double tolerance) {
  KernelText text;
  text.logic = source(c.logic);
  text.mapping = source(c.mapping);
  text.target = target;
  text.dtype = dtype;
  if (dtype == DType::i8) text.dtypes["C"] = DType::i32;
  for (std::size_t i = 0; i < c.dims.size(); ++i) {
    text.definitions.emplace_back(c.dims[i], fmt::format("{}", sizes[i]));
  }
  Kernel kernel;
  testing_support::compile(text, kernel);
  ASSERT_TRUE(kernel.program.has_value()) << kernel.messages();
  EXPECT_EQ(testing_support::compare_stages(kernel, integers, tolerance), "");
}

const Case gemm{"gemm", "examples/gemm/gemm.py", "mappings/gemm/dsa_edge.yaml", {"M", "N", "K"}};
const Case published{
    "published", "examples/gemm/published.py", "mappings/gemm/published.yaml", {"M", "N", "K"}};

TEST(Examples, GemmAfterEveryPassAtEvenAndOddSizes) {
  const std::array<std::vector<std::int64_t>, 6> sizes{
      {{1, 1, 1}, {3, 5, 7}, {64, 64, 64}, {128, 64, 192}, {197, 68, 64}, {130, 37, 213}}};
  for (const auto& s : sizes) {
    for (const char* target : {"dsa_edge", "dsa_cloud"}) {
      SCOPED_TRACE(fmt::format("{} {}", target, fmt::join(s, "x")));
      check(gemm, target, s, DType::f32, true, 0);
      check(published, target, s, DType::f32, true, 0);
    }
  }
}

TEST(Examples, ElementTypes) {
  // Values in [-1, 1): f32 sums of up to 213 products in another order, rounded once to C's type.
  const std::vector<std::int64_t> sizes{130, 37, 213};
  check(gemm, "dsa_edge", sizes, DType::f16, false, 1.0 / (1 << 10));
  check(gemm, "dsa_edge", sizes, DType::bf16, false, 1.0 / (1 << 7));
  check(gemm, "dsa_edge", sizes, DType::f32, false, 213.0 / (1 << 23));
  check(gemm, "dsa_edge", sizes, DType::i8, true, 0);
  check(published, "dsa_edge", sizes, DType::f16, false, 1.0 / (1 << 10));
}

TEST(Examples, NoSyncIsMissingAndNoneTooMany) {
  for (const auto& [logic, mapping] :
       {std::pair{"examples/gemm/gemm.py", "mappings/gemm/dsa_edge.yaml"},
        std::pair{"examples/gemm/published.py", "mappings/gemm/published.yaml"}}) {
    KernelText text;
    text.logic = source(logic);
    text.mapping = source(mapping);
    // Enough trips of every loop for each ring to wrap.
    text.definitions = {{"M", "700"}, {"N", "600"}, {"K", "700"}};
    Kernel kernel;
    testing_support::compile(text, kernel);
    ASSERT_TRUE(kernel.program.has_value()) << kernel.messages();
    EXPECT_EQ(testing_support::check_syncs(*kernel.program, true), "") << logic;
  }
}

TEST(Examples, PerceptronHasNoHazards) {
  KernelText text;
  text.logic = source("examples/mlp/mlp.py");
  text.mapping = source("mappings/mlp/dsa_edge.yaml");
  Kernel probe;
  const auto names = [&] {
    testing_support::compile(text, probe);  // fails for want of sizes, but parses
    return lang::definable_names(probe.module->tasks.back());
  }();
  std::int64_t extent = 261;
  for (const std::string& name : names) {
    text.definitions.emplace_back(name, fmt::format("{}", extent));
    extent += 64;
  }
  Kernel kernel;
  testing_support::compile(text, kernel);
  ASSERT_TRUE(kernel.program.has_value()) << kernel.messages();
  EXPECT_EQ(testing_support::check_syncs(*kernel.program, true), "");
}

TEST(Examples, MasksAreSkippedWhereTheyHaveNoEffect) {
  KernelText text;
  text.logic = source("examples/attention/attention.py");
  text.mapping = source("mappings/attention/dsa_edge.yaml");
  text.dtype = DType::f16;
  text.definitions = {{"B", "1"},    {"H", "1"}, {"G", "1"},        {"LQ", "256"},
                      {"LK", "256"}, {"D", "8"}, {"causal", "true"}};
  Kernel kernel;
  testing_support::compile(text, kernel);
  ASSERT_TRUE(kernel.program.has_value()) << kernel.messages();
  std::string guard;
  tile::for_each_statement(kernel.program->body, [&](const tile::Statement& statement) {
    const auto* vec = std::get_if<tile::Vec>(&statement.node);
    if (vec == nullptr || vec->primitive->kind != PrimitiveKind::mask) return;
    ASSERT_TRUE(vec->guard.has_value());
    guard = to_string(*vec->guard, kernel.program->vars);
  });
  EXPECT_EQ(guard, "-64*i + 64*j + 62 >= 0");  // row 64*i is left of column 64*j + 63
  EXPECT_EQ(testing_support::compare_stages(kernel, false, 1.0 / (1 << 10)), "");
}

TEST(Examples, TileProgramDoesNotGrowWithExtents) {
  std::size_t length = 0;
  for (const char* extent : {"512", "1024", "4096"}) {
    KernelText text;
    text.logic = source("examples/gemm/gemm.py");
    text.mapping = source("mappings/gemm/dsa_edge.yaml");
    text.definitions = {{"M", extent}, {"N", extent}, {"K", extent}};
    Kernel kernel;
    testing_support::compile(text, kernel);
    ASSERT_TRUE(kernel.program.has_value()) << kernel.messages();
    const std::string body = tile::to_text(*kernel.program);
    const auto lines = static_cast<std::size_t>(std::count(body.begin(), body.end(), '\n'));
    if (length == 0) length = lines;
    EXPECT_EQ(lines, length);
  }
}

}  // namespace
}  // namespace septran
