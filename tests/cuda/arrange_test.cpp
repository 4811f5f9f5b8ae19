// Tensors that are copied for the fast ways before the kernels that read them, and the products
// that these then take.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cuda/support.h"

namespace septran::testing_support {
namespace {

TEST(CudaArranged, TensorsAreArrangedForTheFastWays) {
  for (const GpuCase& one : arranged_cases) {
    SCOPED_TRACE(fmt::format("{} {}", one.mapping, one.words));
    const cuda::Source source = lowered(one);
    ASSERT_GE(source.kernels.size(), 2U);
    EXPECT_EQ(source.kernels[0].name, "arrange");
    EXPECT_TRUE(source.kernels[0].starts_early);
    EXPECT_FALSE(has_note(source, "all threads copy"));
    EXPECT_FALSE(has_note(source, "mma.sync"));
    for (std::size_t k = 1; k < source.kernels.size(); ++k) {
      EXPECT_EQ(source.kernels[k].products, "wgmma");
      for (const cuda::TensorMap& map : source.kernels[k].maps) {
        for (const std::int64_t stride : map.strides_bytes) EXPECT_EQ(stride % 16, 0);
      }
    }
  }
}

TEST(CudaArranged, RowsBecomeMultiplesOfALine) {
  const cuda::Source source = lowered({EXAMPLE("gemm"), "M=513 N=515 K=517 dtype=f16"});
  EXPECT_TRUE(has(source, "pad_rows(workspace + 256, (const char *)A_2, 513, 1034, 1152);"));
  EXPECT_TRUE(has(source, "(const char *)B_4, 517, 1030, 1152);"));
  EXPECT_TRUE(has_note(source,
                       "A is copied before, to rows 1152 bytes apart: a row of A takes "
                       "1034 bytes, not a multiple of 16"));
  const auto& maps = source.kernels[1].maps;
  ASSERT_EQ(maps.size(), 2U);
  EXPECT_EQ(maps[0].parameter, -1);
  EXPECT_EQ(maps[0].extents, (std::vector<std::int64_t>{517, 513}));
  EXPECT_EQ(maps[0].strides_bytes, (std::vector<std::int64_t>{1152}));
  EXPECT_GE(source.workspace_bytes, (513 + 517) * 1152);
}

TEST(CudaArranged, ATemporaryGetsRowsOfLinesAsItIs) {
  const cuda::Source source = lowered({EXAMPLE("mlp"), "M=512 N=512 K=512 F=333 dtype=f16"});
  // The first layer's weights are copied, the layer between is not.
  EXPECT_TRUE(has(source, "pad_rows(workspace + "));
  EXPECT_FALSE(has_note(source, "H is copied"));
  const auto& maps = source.kernels.back().maps;
  EXPECT_TRUE(std::any_of(maps.begin(), maps.end(), [](const cuda::TensorMap& map) {
    return map.parameter < 0 && map.extents == std::vector<std::int64_t>{333, 512} &&
           map.strides_bytes == std::vector<std::int64_t>{768};
  }));
}

TEST(CudaArranged, FactorsOfOneAndFourBytesAreTurned) {
  const cuda::Source bytes = lowered({EXAMPLE("gemm"), "M=512 N=768 K=640 dtype=i8 C=i32"});
  EXPECT_TRUE(
      has(bytes, "turn_rows<1>(workspace + 256, (const char *)B_4, 1, 640, 768, 640, tile)"));
  EXPECT_TRUE(has(bytes, "  wgmma_n256_i8_by_k_by_k("));
  EXPECT_TRUE(has(bytes, "wgmma.mma_async.sync.aligned.m64n256k32.s32.s8.s8"));
  EXPECT_TRUE(has(bytes, "int32_t acc_"));
  EXPECT_TRUE(has_note(bytes,
                       "B is transposed before, to rows 640 bytes apart: neighbours along k "
                       "of B do not lie side by side"));
  const cuda::Source words = lowered(
      {"examples/gemm/gemm.py", "mappings/gemm/nvidia_h100_tf32.yaml", "M=512 N=768 K=640"});
  EXPECT_TRUE(
      has(words, "turn_rows<4>(workspace + 256, (const char *)B_4, 1, 640, 768, 2560, tile)"));
  EXPECT_TRUE(has(words, "wgmma.mma_async.sync.aligned.m64n256k8.f32.tf32.tf32"));
  for (const cuda::TensorMap& map : words.kernels[1].maps) EXPECT_TRUE(map.to_tf32);
  // B that is read once is not worth it.
  const cuda::Source once = lowered(
      {"examples/gemm/gemm.py", "mappings/gemm/nvidia_h100_tf32.yaml", "M=100 N=256 K=256"});
  EXPECT_EQ(once.kernels.size(), 1U);
  EXPECT_TRUE(has(once, "  warp_product_tf32("));
  EXPECT_TRUE(has(once, "round_factors(right);"));
  EXPECT_TRUE(has_note(once, "(mma.sync): warpgroups multiply tf32 only where k runs along rows"));
}

TEST(CudaArranged, F32IsRoundedOnlyWhereABindingAsksForIt) {
  const cuda::Source plain = lowered({EXAMPLE("gemm"), "M=512 N=512 K=512"});
  EXPECT_EQ(plain.kernels[0].products, "ordinary arithmetic");
  for (const cuda::TensorMap& map : plain.kernels[0].maps) EXPECT_FALSE(map.to_tf32);
}

TEST(CudaArranged, SumsOfF8AreShortOnlyWhereABindingAsksForIt) {
  const char* const words = "M=512 N=512 K=512 dtype=f8e4m3 C=f32";
  const cuda::Source plain = lowered({EXAMPLE("gemm"), words});
  EXPECT_EQ(plain.kernels[1].products, "mma.sync");
  EXPECT_TRUE(has(plain, "turn_rows<1>("));
  const cuda::Source asked =
      lowered({"examples/gemm/gemm.py", "mappings/gemm/nvidia_h100_f8.yaml", words});
  EXPECT_EQ(asked.kernels[1].products, "wgmma");
  EXPECT_TRUE(has(asked, "wgmma.mma_async.sync.aligned.m64n256k32.f32.e4m3.e4m3"));
}

}  // namespace
}  // namespace septran::testing_support
