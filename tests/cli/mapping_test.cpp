// A mapping changes cycles, never results: variants of gemm.py's mapping give one output file.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "run_tool.h"

namespace septran::cli {
namespace {

/// What differs from the mapping that all others are compared with.
struct Variant {
  std::string name;
  std::string host = "block_m: 32, block_n: 16";
  std::string workers = "all";
  std::string order = "{}";
  std::string c = "GLOBAL";
  std::string acc = "REGISTER";
  std::string block_k = "32";
  std::string stream = "pipeline: 2\n    rotate: {acc: 2}";
  std::string binding = "mma";
};

std::string mapping_text(const Variant& variant, const std::string& target) {
  return fmt::format(
      "target: {}\n"
      "entrypoint: gemm_host\n"
      "task_mappings:\n"
      "  gemm_host:\n"
      "    task_name: gemm_host_logic\n"
      "    proc: HOST\n"
      "    mems: {{C: GLOBAL, A: GLOBAL, B: GLOBAL}}\n"
      "    tunables: {{{}}}\n"
      "    workers: {}\n"
      "    order: {}\n"
      "  gemm_block:\n"
      "    task_name: gemm_block_logic\n"
      "    proc: BLOCK\n"
      "    mems: {{C: {}, A: SHARED, B: SHARED, acc: {}}}\n"
      "    tunables: {{block_k: {}}}\n"
      "    {}\n"
      "    leaf_task_bindings:\n"
      "      multiply_leaf_logic: {}\n",
      target, variant.host, variant.workers, variant.order, variant.c, variant.acc, variant.block_k,
      variant.stream, variant.binding);
}

/// Variants that change how long a program of several blocks takes.
std::vector<Variant> faster_or_slower() {
  return {
      {.name = "small_blocks", .host = "block_m: 8, block_n: 5"},
      {.name = "large_blocks", .host = "block_m: 64, block_n: 64"},
      {.name = "long_blocks", .host = "block_m: 1, block_n: 100"},
      {.name = "expression", .host = "block_m: \"min(M, 48)\", block_n: \"ceildiv(N, 3)\""},
      {.name = "short_k", .block_k = "7"},
      {.name = "whole_k", .block_k = "K"},
      {.name = "pipeline_1", .stream = "pipeline: 1\n    rotate: {acc: 2}"},
      {.name = "pipeline_3", .stream = "pipeline: 3\n    rotate: {acc: 2}"},
      {.name = "nothing_ahead", .stream = ""},
      {.name = "resident_a", .stream = "pipeline: 2\n    rotate: {acc: 2}\n    resident: [A]"},
      {.name = "resident_both", .stream = "resident: [A, B]"},
      {.name = "vector", .acc = "SHARED", .binding = "gemm_plain"},
      {.name = "vector_by_alias", .c = "SHARED", .acc = "SHARED", .binding = "gemm_leaf_simt"},
      {.name = "vector_on_accumulators", .binding = "gemm_plain"},
      {.name = "split_k", .binding = "{impl: mma, split: {k: 16}}"},
      {.name = "split_n", .binding = "{impl: mma, split: {n: 5}}"},
      {.name = "split_nest", .binding = "{impl: mma, split: [{n: 8}, {k: 16}, {m: 7}]}"},
      {.name = "split_beyond", .binding = "{impl: mma, split: [{m: 3}, {k: 1000}]}"},
      {.name = "swapped", .binding = "{impl: mma, swap: true}"},
      {.name = "swapped_and_split", .binding = "{impl: mma, swap: true, split: [{k: 8}, {n: 3}]}"},
  };
}

/// Variants that may take as long as the mapping they are compared with.
std::vector<Variant> other_variants() {
  return {
      {.name = "c_in_shared", .c = "SHARED"},
      {.name = "workers_1", .workers = "1"},
      {.name = "workers_grid", .workers = "grid"},
      {.name = "columns_first", .order = "{loops: [j, i]}"},
      {.name = "grouped", .order = "{loops: [i, j], group: {i: 2}}"},
      {.name = "grouped_beyond", .order = "{group: {j: 1000}}"},
      {.name = "reversed", .order = "{reverse: [i, j]}"},
      {.name = "all_orders", .order = "{loops: [j, i], group: {j: 3}, reverse: [j]}"},
      {.name = "no_rotate", .stream = "pipeline: 2"},
      {.name = "deep_rotate", .stream = "pipeline: 4\n    rotate: {acc: 3}"},
      {.name = "alias", .binding = "{impl: gemm_leaf_tensorcore}"},
      {.name = "tile", .binding = "{impl: matrix, split: [{k: 32}]}"},
  };
}

class Mappings : public testing::TestWithParam<const char*> {};

TEST_P(Mappings, ChangeCyclesButNoResult) {
  const TempFolder folder;
  const std::string logic = in_source("examples/gemm/gemm.py");
  const auto run = [&](const Variant& variant) {
    const std::string mapping =
        folder.write(variant.name + ".yaml", mapping_text(variant, GetParam()));
    return septran_sim(job(logic, mapping,
                           "M=101 N=67 K=70 --values integers --out C=" + (folder / variant.name)));
  };
  const Outcome base = run({.name = "base"});
  expect_ok(base);
  const std::string wanted = read_file(folder / "base");
  ASSERT_EQ(npy_data(wanted).size(), 101U * 67U * 4U);
  const auto check = [&](const Variant& variant) {
    SCOPED_TRACE(variant.name);
    const Outcome outcome = run(variant);
    expect_ok(outcome);
    EXPECT_TRUE(read_file(folder / variant.name) == wanted);
    return cycles_of(outcome);
  };
  for (const Variant& variant : faster_or_slower()) {
    EXPECT_NE(check(variant), cycles_of(base)) << variant.name;
  }
  for (const Variant& variant : other_variants()) check(variant);
}

INSTANTIATE_TEST_SUITE_P(All, Mappings, testing::Values("dsa_edge", "dsa_cloud"),
                         [](const auto& info) { return std::string(info.param); });

TEST(MappingEffects, MoreWorkersTakeFewerCycles) {
  const TempFolder folder;
  std::int64_t before = 0;
  for (const char* workers : {"1", "2", "3", "all"}) {
    SCOPED_TRACE(workers);
    const std::string mapping =
        folder.write("gemm.yaml", mapping_text({.name = "", .workers = workers}, "dsa_cloud"));
    const Outcome outcome = septran_sim(
        job(in_source("examples/gemm/gemm.py"), mapping, "M=192 N=192 K=64 --dtype f16"));
    expect_ok(outcome);
    if (before != 0) {
      EXPECT_LT(cycles_of(outcome), before);
    }
    before = cycles_of(outcome);
  }
}

TEST(MappingEffects, PipeliningAndRotationPayOff) {
  const TempFolder folder;
  std::set<std::int64_t, std::greater<>> cycles;
  std::vector<std::int64_t> in_order;
  for (const char* stream : {"", "pipeline: 2", "pipeline: 3\n    rotate: {acc: 2}"}) {
    const std::string mapping =
        folder.write("gemm.yaml", mapping_text({.name = "", .stream = stream}, "dsa_edge"));
    const Outcome outcome = septran_sim(
        job(in_source("examples/gemm/gemm.py"), mapping, "M=128 N=128 K=128 --dtype f16"));
    expect_ok(outcome);
    in_order.push_back(cycles_of(outcome));
    cycles.insert(cycles_of(outcome));
  }
  EXPECT_EQ(std::vector<std::int64_t>(cycles.begin(), cycles.end()), in_order);
}

}  // namespace
}  // namespace septran::cli
