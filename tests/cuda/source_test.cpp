// What the CUDA backend makes of programs: which way each part takes, and that nothing is refused
// that another backend can run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cuda/support.h"
#include "tests/support/changed_machine.h"

namespace septran::testing_support {
namespace {

TEST(CudaSource, FastCasesUseCopyEngineAndTensorCores) {
  for (const GpuCase& one : fast_cases) {
    SCOPED_TRACE(fmt::format("{} {}", one.logic, one.words));
    const cuda::Source source = lowered(one);
    EXPECT_TRUE(has(source, "  bulk_copy("));
    EXPECT_TRUE(has(source, "      wgmma_n") || has(source, "  wgmma_n"));
    EXPECT_TRUE(source.notes.empty()) << source.notes.front();
    for (const cuda::KernelSource& kernel : source.kernels) {
      if (kernel.products.empty()) continue;  // it combines shares
      EXPECT_EQ(kernel.products, "wgmma");
      EXPECT_GE(kernel.maps.size(), 2U);
      EXPECT_LE(kernel.shared_bytes, 232448);
      for (const cuda::TensorMap& map : kernel.maps) {
        if (map.box.size() > 1) {  // not of vectors
          EXPECT_EQ(map.box[0] * 2, 128);
        }
      }
    }
  }
}

TEST(CudaSource, BlocksOfAClusterShareWhatTheyAllRead) {
  const cuda::Source rows = lowered({EXAMPLE("gemm"), "M=512 N=512 K=520 dtype=f16"});
  EXPECT_TRUE(has(rows, "__cluster_dims__(2, 1, 1)"));
  // B's four panels, two from each block; A is each block's own.
  EXPECT_TRUE(has(rows, "if (place == 1) bulk_multicast((char *)to + 8192, &map_1"));
  EXPECT_TRUE(has(rows, "bulk_copy((char *)to + 0, &map_0"));
  EXPECT_TRUE(has(rows, "barrier_init(A_free_0_barriers + i, 16)"));
  const cuda::Source columns = lowered({EXAMPLE("gemm"), "M=300 N=512 K=520 dtype=f16"});
  // A is one panel: each block fetches 64 of its 128 rows.
  EXPECT_TRUE(has(columns, "if (place == 1) bulk_multicast((char *)to + 8192, &map_0"));
  EXPECT_EQ(columns.kernels[0].maps[0].box, (std::vector<std::int64_t>{64, 64}));
  const cuda::Source alone = lowered({EXAMPLE("gemm"), "M=300 N=200 K=520 dtype=f16"});
  EXPECT_FALSE(has(alone, "__cluster_dims__"));
}

TEST(CudaSource, WarpgroupsBeyondTheEdgeDoNotMultiply) {
  const auto of = [](const char* words) { return lowered({EXAMPLE("gemm"), words}); };
  const std::string own = "if (__shfl_sync(0xffffffffu, thread / 128, 0) * ";
  EXPECT_TRUE(has(of("M=4097 N=5000 K=1000 dtype=f16"), own + "128 < (min(256, "));
  EXPECT_TRUE(has(of("M=300 N=512 K=512 dtype=f16"), own + "64 < (min(128, "));
  EXPECT_FALSE(has(of("M=256 N=512 K=512 dtype=f16"), own));
}

TEST(CudaSource, WhatMeetsSumsComesThroughSharedMemory) {
  const cuda::Source source = lowered({"bench/kernels/linear.py", "bench/kernels/linear.yaml",
                                       "M=512 N=512 K=512 residual=true dtype=f16"});
  EXPECT_TRUE(has(source, "// R f16[128, 256], swizzled"));
  EXPECT_TRUE(has(source, "load_matrices(piece, shared_address(x2 + swizzled<128, 2>("));
  EXPECT_TRUE(has(source, "uint32_t gathered2[64];"));
  EXPECT_TRUE(has(source, "store_fragment("));
}

TEST(CudaSource, PowersDoNotWaitForTheProductThatReadsTheirTile) {
  const cuda::Source source =
      lowered({EXAMPLE("attention"), "B=1 H=2 G=2 LQ=512 LK=512 D=128 causal=false dtype=f16"});
  const std::string& text = source.text;
  const std::size_t loop = text.find("#pragma unroll 1", text.find("take_registers<232>();"));
  const std::size_t powers = text.find("= exp2_f32(S", loop);
  const std::size_t wait = text.find("products_wait<0>();", loop);
  const std::size_t rounded = text.find("= f32_to_f16_pair(results[", loop);
  ASSERT_NE(rounded, std::string::npos);
  EXPECT_LT(powers, wait);
  EXPECT_LT(wait, rounded);
}

TEST(CudaSource, TripsOfDifferentLengthAreDealtToAndFro) {
  const auto of = [](const char* words) { return lowered({EXAMPLE("attention"), words}); };
  const std::string fro = "dealt = dealers - 1 - dealt)";
  const std::string text = of("B=4 H=64 G=64 LQ=512 LK=512 D=64 causal=true dtype=f16").text;
  const std::size_t producer = text.find(fro);
  ASSERT_NE(producer, std::string::npos);
  EXPECT_NE(text.find(fro, producer + 1), std::string::npos);  // all roles alike
  EXPECT_FALSE(has(of("B=4 H=64 G=64 LQ=512 LK=512 D=64 causal=false dtype=f16"), fro));
  // A block for each tile: nothing to deal.
  EXPECT_FALSE(has(of("B=1 H=2 G=2 LQ=8320 LK=8320 D=128 causal=true dtype=f16"), fro));
}

#define LATE_OPERANDS "tests/cuda/late_operands.py", "tests/cuda/late_operands.yaml"

TEST(CudaSource, OperandsOfAnEpilogueComePieceByPieceDuringItsProducts) {
  const auto of = [](const char* words) { return lowered({LATE_OPERANDS, words}); };
  // 21 trips, the first three of which say nothing of the tile before; one piece of bias, and of
  // the four panels of R four each: a trip for each piece, and two trips at which to begin.
  const auto deep = of("M=512 N=512 K=1344 residual=true dtype=f16");
  EXPECT_TRUE(has(deep, "int piece = 0, next = 3 + (int)(worker % 2);"));
  EXPECT_TRUE(has(deep, "const int panel = (piece - 1) / 4, part = (piece - 1) % 4;"));
  EXPECT_TRUE(has(deep, "(int)(256 * j_1) + panel * 64, (int)(128 * i_0) + part * 32)"));
  EXPECT_EQ(deep.kernels[0].maps[3].box, (std::vector<std::int64_t>{64, 32}));
  const std::size_t last_product = deep.text.find("products_wait<0>");
  EXPECT_LT(deep.text.find("if (piece == 16)"), last_product);
  // Five pieces for two trips.
  const auto flat = of("M=512 N=512 K=320 residual=true dtype=f16");
  EXPECT_TRUE(has(flat, "for (const int end = piece + 3; piece < end; ++piece)"));
  EXPECT_EQ(flat.kernels[0].maps[3].box, (std::vector<std::int64_t>{64, 128}));
  // No trip is left.
  EXPECT_FALSE(has(of("M=512 N=512 K=192 residual=true dtype=f16"), "int piece = 0, next"));
}

TEST(CudaSource, TilesLeaveFromThePlaceOfAnOperandThatHasBeenRead) {
  const auto of = [](const char* words) { return lowered({LATE_OPERANDS, words}); };
  const auto deep = of("M=512 N=512 K=1344 residual=true dtype=f16");
  EXPECT_TRUE(has(deep, "char *const at = (char *)R_22 + slab * 16384 + warpgroup * 8192;"));
  // R comes again from trip 3 of the next tile on, told of by what trip 1 signals.
  const std::size_t read =
      deep.text.find("if (k_2 == 1 && thread % 128 == 0) stores_wait_read<0>();");
  ASSERT_NE(read, std::string::npos);
  EXPECT_LT(read, deep.text.find("barrier_arrive(A_free", read));
  EXPECT_FALSE(has(deep, "char *const slabs"));
  // R comes behind all products, or there is none: slabs.
  EXPECT_TRUE(has(of("M=512 N=512 K=192 residual=true dtype=f16"), "char *const slabs"));
  EXPECT_TRUE(has(of("M=512 N=512 K=1344 residual=false dtype=f16"), "char *const slabs"));
}

TEST(CudaSource, EpiloguesGoSlabBySlab) {
  const cuda::Source source = lowered({LATE_OPERANDS, "M=512 N=512 K=512 residual=true dtype=f16"});
  const std::size_t slabs = source.text.find("for (int slab = 0; slab < 4; ++slab)");
  ASSERT_NE(slabs, std::string::npos);
  const std::size_t gelu = source.text.find("= gelu_f32(");
  EXPECT_LT(slabs, gelu);
  EXPECT_LT(gelu, source.text.find("store_fragment(shared_address(at)"));
  EXPECT_EQ(source.text.rfind("= gelu_f32("), gelu);
  EXPECT_TRUE(has(source, "for (int q1 = (slab % 4) * 8; q1 < (slab % 4) * 8 + 8; q1 += 1)"));
}

TEST(CudaSource, ATurnLastsUntilWhatWasCopiedIsRead) {
  const cuda::Source source = lowered({"tests/cuda/late_operands.py", "tests/cuda/late_turns.yaml",
                                       "M=512 N=512 K=512 residual=true dtype=f16"});
  const std::size_t read = source.text.rfind("load_matrices(piece");
  ASSERT_NE(read, std::string::npos);
  EXPECT_LT(read, source.text.find("turn_pass<threads>((team + 1) % 2);"));
}

TEST(CudaSource, FactorsOfProductsJoinWhatFollows) {
  const GpuCase causal{"examples/attention/attention.py", "mappings/attention/nvidia_h100.yaml",
                       "B=1 H=2 G=2 LQ=512 LK=512 D=128 causal=true dtype=f16"};
  const cuda::Source source = lowered(causal);
  EXPECT_FALSE(has(source, "++n) S_"));
  EXPECT_TRUE(has(source, "part[n] *= (0x1.0527dcp-3f);"));
  EXPECT_TRUE(has(source, "= fma_f32(S_"));
}

TEST(CudaSource, ThreadsThatCopyTakePiecesFromRowsThatBeginAnywhere) {
  const cuda::Source source = lowered({EXAMPLE("gemm"), "M=16 N=4095 K=4095 dtype=f16"});
  EXPECT_TRUE(has_note(source, "all threads copy"));
  EXPECT_TRUE(has(source, "#pragma unroll 8\n              for (int s = 0; s < 8; ++s) {"));
  EXPECT_TRUE(has(source,
                  "*(Bytes16*)(to + swizzled<128, 2>(i0, (i1 * 8))) = shifted_piece(from + "
                  "i0 * 4095 + (i1 * 8), i0 < "));
}

TEST(CudaSource, LongRowsLeaveRoomForMoreBlocks) {
  const auto of = [](const char* words) { return lowered({EXAMPLE("layernorm"), words}); };
  const cuda::Source rows = of("M=1024 N=16384 eps=1e-5 dtype=f16");
  EXPECT_TRUE(has(rows, "__launch_bounds__(512, 2)"));
  EXPECT_TRUE(has(rows, "if (const int64_t t_"));
  EXPECT_EQ(rows.text.find("; worker < "), std::string::npos);
  // Several small blocks fit anyway; a few blocks need not share a multiprocessor.
  EXPECT_TRUE(has(of("M=1024 N=4096 eps=1e-5 dtype=f16"), "__launch_bounds__(128, 1)"));
  EXPECT_TRUE(has(of("M=100 N=16384 eps=1e-5 dtype=f16"), "__launch_bounds__(512, 1)"));
}

TEST(CudaSource, TilesLeaveThroughSharedMemory) {
  const cuda::Source source = lowered({EXAMPLE("gemm"), "M=512 N=512 K=512 dtype=f16"});
  EXPECT_TRUE(has(source, "store_fragment("));
  EXPECT_TRUE(has(source, "bulk_store(&map_2, at"));
  EXPECT_TRUE(source.notes.empty());
  // A row's last slab may reach beyond the tensor's edge, where nothing is written.
  const cuda::Source narrow = lowered({EXAMPLE("gemm"), "M=300 N=200 K=512 dtype=f16"});
  EXPECT_TRUE(has(narrow, "first + 6 < 100 ?"));
  EXPECT_TRUE(narrow.notes.empty()) << narrow.notes.front();
  const cuda::Source odd = lowered({EXAMPLE("gemm"), "M=512 N=300 K=512 dtype=f16"});
  EXPECT_FALSE(has(odd, "  bulk_store("));
  EXPECT_TRUE(has(odd, "store_fragment("));
  EXPECT_TRUE(has(odd, "store_rows(to + first_row * 300 + column, 300, at + p * 8192"));
  EXPECT_TRUE(has_note(odd, "C is not stored by the copy engine: a row of C takes 600 bytes"));
}

TEST(CudaSource, WarpgroupsHaveEqualSharesOfATile) {
  // One step of 64 rows is for one of the two warpgroups that the mapping asks for.
  const cuda::Source source = lowered({EXAMPLE("mlp"), "M=40 N=512 K=512 F=256 dtype=f16"});
  EXPECT_TRUE(has(source, "constexpr int threads = 128;"));
  EXPECT_EQ(source.kernels[0].threads, 256);
}

TEST(CudaSource, TeamsTakeTilesInTurn) {
  const cuda::Source source =
      lowered({"examples/gemm/gemm.py", "tests/cuda/turns.yaml", "M=512 N=512 K=512 dtype=f16"});
  EXPECT_TRUE(source.notes.empty()) << source.notes.front();
  EXPECT_EQ(source.kernels[0].threads, 384);
  EXPECT_TRUE(has(source, "constexpr int threads = 128;"));
  // The other team's eight steps of k, in rings of three.
  EXPECT_TRUE(has(source, "B_full_1.pass((int)(8), 3);"));
  EXPECT_TRUE(has(source, "barrier_init(A_free_0_barriers + i, 4)"));
  // A turn ends once all products are issued.
  const std::size_t passed = source.text.find("turn_pass<threads>((team + 1) % 2);");
  ASSERT_NE(passed, std::string::npos);
  EXPECT_LT(source.text.find("turn_wait<threads>(team);"), passed);
  EXPECT_LT(passed, source.text.find("products_wait<0>();", passed));
  EXPECT_NE(source.text.find("bulk_store(&map", passed), std::string::npos);
}

TEST(CudaSource, OtherCasesAreLoweredToo) {
  for (const GpuCase& one : other_cases) {
    SCOPED_TRACE(fmt::format("{} {} {}", one.logic, one.words, one.target));
    const cuda::Source source = lowered(one);
    EXPECT_FALSE(source.kernels.empty());
    EXPECT_FALSE(has(source, "  wgmma_n") && std::string(one.target) == "nvidia_a100");
  }
}

TEST(CudaSource, NotesSayWhyAWayIsNotTaken) {
  const cuda::Source odd = lowered({EXAMPLE("gemm"), "M=197 N=300 K=130 dtype=f16"});
  EXPECT_TRUE(has_note(odd, "a row of A takes 260 bytes, not a multiple of 16"));
  const cuda::Source wide = lowered({EXAMPLE("gemm"), "M=64 N=64 K=64"});
  EXPECT_TRUE(
      has_note(wide, "tensor cores multiply f16, bf16, f8 or i8 by their like, not f32 by f32"));
  const cuda::Source ampere = lowered({"examples/gemm/gemm.py", "mappings/gemm/nvidia_a100.yaml",
                                       "M=256 N=256 K=256 dtype=f16", "nvidia_a100"});
  EXPECT_TRUE(has_note(ampere, "this GPU has no products of warpgroups"));
  EXPECT_TRUE(has_note(ampere, "this GPU has no copy engine"));
}

TEST(CudaSource, ProductsThatWarpgroupsDoNotTakeAreEachWarps) {
  const cuda::Source ampere = lowered({"examples/gemm/gemm.py", "mappings/gemm/nvidia_a100.yaml",
                                       "M=256 N=256 K=256 dtype=f16", "nvidia_a100"});
  EXPECT_TRUE(has(ampere, "  warp_product_f16("));
  EXPECT_FALSE(has(ampere, "fence_async"));
  EXPECT_EQ(ampere.kernels[0].products, "mma.sync");
  EXPECT_TRUE(has_note(ampere, "computed by each warp (mma.sync): this GPU has no products of"));
  const cuda::Source whole = lowered({EXAMPLE("gemm"), "M=128 N=256 K=256 dtype=i8 C=i32"});
  EXPECT_TRUE(has(whole, "  warp_product_i8("));
  EXPECT_TRUE(has(whole, "  bulk_copy("));
  EXPECT_EQ(whole.kernels[0].products, "mma.sync");
  EXPECT_TRUE(has_note(whole, "warpgroups multiply i8 only where k runs along rows of both"));
  const char* const narrow = "M=256 N=256 K=256 dtype=f8e4m3 C=f32";
  const cuda::Source hopper = lowered({EXAMPLE("gemm"), narrow});
  EXPECT_TRUE(has(hopper, "  warp_product_f8e4m3("));
  EXPECT_TRUE(has_note(hopper, "warpgroups add up products of f8e4m3 with few bits"));
  const cuda::Source before =
      lowered({"examples/gemm/gemm.py", "mappings/gemm/nvidia_a100.yaml", narrow, "nvidia_a100"});
  EXPECT_TRUE(has_note(before, "tensor cores multiply f16, bf16 or i8 by their like, not f8e4m3"));
}

TEST(CudaSource, SharesOfReductionsFollowEachOtherWithoutAGap) {
  const cuda::Source source = lowered({EXAMPLE("gemm"), "M=16 N=4096 K=4096 dtype=f16"});
  ASSERT_EQ(source.kernels.size(), 2U);
  for (const cuda::KernelSource& kernel : source.kernels) EXPECT_TRUE(kernel.starts_early);
  EXPECT_EQ(source.kernels[0].products, "wgmma");
  EXPECT_TRUE(has(source, "wait_for_previous(), let_next_start();"));
}

TEST(CudaSource, OneOfTheThreadsThatHoldCopiesWritesWhatItReads) {
  const char* const logic = "tests/cuda/in_place.py";
  const cuda::Source source = lowered({logic, "tests/cuda/in_place.yaml", "M=2 N=4 dtype=bf16"});
  // Two values, each of them in the registers of 64 of 128 threads.
  EXPECT_TRUE(has(source, "if (thread / 1 % 64 == 0) {")) << source.text;
}

TEST(CudaSource, TilesBeyondTheRegistersAreRefused) {
  std::string messages;
  EXPECT_FALSE(
      lower({"examples/gemm/gemm.py", "tests/cuda/large_tiles.yaml", "M=512 N=512 K=512 dtype=f16"},
            messages));
  EXPECT_NE(messages.find("error[registers-do-not-fit]: the tiles in REGISTER that are used "
                          "together take 256 registers of each of 128 threads, which have 255 (1 "
                          "too many)"),
            std::string::npos)
      << messages;
  EXPECT_NE(messages.find("acc: 64 x 512 f32 = 256 registers of a thread"), std::string::npos)
      << messages;
}

TEST(CudaSource, BlocksHaveAsManyThreadsAsTheGpuAllows) {
  const ChangedMachine few("nvidia_h100", "threads_per_block", "256");
  const std::string target = few.path();
  const char* const words = "M=64 N=8192 dtype=f16";
  EXPECT_EQ(lowered({EXAMPLE("softmax"), words}).kernels[0].threads, 512);
  EXPECT_EQ(lowered({EXAMPLE("softmax"), words, target.c_str()}).kernels[0].threads, 128);
  std::string messages;
  EXPECT_FALSE(lower({EXAMPLE("gemm"), "M=512 N=512 K=512 dtype=f16", target.c_str()}, messages));
  EXPECT_NE(messages.find("'count' is 2; it must be from 1 to 1"), std::string::npos) << messages;
}

TEST(CudaSource, RowsOfSoftmaxStayInRegisters) {
  const cuda::Source source = lowered({EXAMPLE("softmax"), "M=197 N=4096 dtype=f16"});
  EXPECT_TRUE(source.notes.empty()) << source.notes.front();
  EXPECT_TRUE(has(source, "uint32_t X_"));  // pairs of f16
  EXPECT_TRUE(has(source, "piece = *(const Bytes16*)"));
  ASSERT_EQ(source.kernels.size(), 1U);
  EXPECT_EQ(source.kernels[0].blocks, 197);  // a row a block
  EXPECT_EQ(source.kernels[0].threads, 128);
  // One barrier for each of the two reductions, in which four warps share a row; no other.
  const std::string body = source.text.substr(source.text.find("extern \"C\""));
  std::size_t barriers = 0;
  for (std::size_t at = body.find("block_barrier();"); at != std::string::npos;
       at = body.find("block_barrier();", at + 1)) {
    ++barriers;
  }
  EXPECT_EQ(barriers, 2U);
}

TEST(CudaSource, BarriersOfTheProgramsTopBecomeLaunches) {
  const cuda::Source source = lowered({EXAMPLE("mlp"), "M=512 N=512 K=512 F=1024 dtype=f16"});
  ASSERT_EQ(source.kernels.size(), 2U);
  EXPECT_FALSE(source.kernels[0].waits_for_grid);
  // The layer between is a temporary of the workspace, which the second kernel's copies read.
  EXPECT_GE(source.workspace_bytes, 512 * 1024 * 2);
  const auto& maps = source.kernels[1].maps;
  EXPECT_TRUE(std::any_of(maps.begin(), maps.end(),
                          [](const cuda::TensorMap& map) { return map.parameter < 0; }));
}

}  // namespace
}  // namespace septran::testing_support
