// Which kernels a product is made of, by the C text.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "source_dir.h"
#include "targets/cpu/lower.h"
#include "tests/cpu/support.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {
namespace {

/// The C of examples/gemm in f32 for eight cores with AVX-512.
std::string gemm_text(int m, int n, int k) {
  KernelText text;
  text.logic = read_text(SEPTRAN_SOURCE_DIR "/examples/gemm/gemm.py");
  text.mapping_file = SEPTRAN_SOURCE_DIR "/mappings/gemm/cpu.yaml";
  text.mapping = read_text(text.mapping_file);
  text.target = "cpu_avx512";
  text.definitions = {
      {"M", fmt::format("{}", m)}, {"N", fmt::format("{}", n)}, {"K", fmt::format("{}", k)}};
  Kernel kernel;
  compile(text, kernel);
  EXPECT_TRUE(kernel.program) << kernel.messages();
  return kernel.program ? cpu::lower_to_c(*kernel.program, *kernel.machine).text : "";
}

bool has(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

TEST(MicroKernels, KnowThePiecesOfPartsThatBeginAnywhere) {
  // Each core takes 256 columns, the last one 64, by 48 at a time: what is left are 16.
  const std::string text = gemm_text(16, 1600, 64);
  EXPECT_TRUE(has(text, "// 8 x 48 of C"));
  EXPECT_TRUE(has(text, "// 8 x 16 of C"));
  EXPECT_FALSE(has(text, "sum[s] +="));  // the loops for pieces of any size
  EXPECT_TRUE(has(text, "return part_f32_v(p, count);"));
}

TEST(MicroKernels, TurnFewColumnsIntoRows) {
  const std::string text = gemm_text(400, 8, 4096);
  EXPECT_TRUE(has(text, "*const turned"));
  EXPECT_TRUE(has(text, "s2_7_0 +="));  // three rows by all columns
  EXPECT_FALSE(has(text, "s3_0_0 +="));
  EXPECT_TRUE(has(text, fmt::format("_b_load(b + {} + p", 7 * (4096 + 16))));  // an odd line on
  EXPECT_FALSE(has(gemm_text(400, 9, 4096), "*const turned"));
  EXPECT_FALSE(has(gemm_text(15, 8, 4096), "*const turned"));  // not worth it
}

/// The C of examples/attention in bf16 for cores with AVX-512, with instructions for it or without.
std::string attention_text(bool has_instructions) {
  const TemporaryFolder folder("machine");
  std::string machine = read_text(SEPTRAN_SOURCE_DIR "/targets/cpu_avx512.yaml");
  const std::string sets = "  instruction_sets: [";
  if (has_instructions) machine.insert(machine.find(sets) + sets.size(), "avx512_bf16, ");
  const std::string file = (folder.path() / "cores.yaml").string();
  std::ofstream(file) << machine;
  KernelText text;
  text.logic = read_text(SEPTRAN_SOURCE_DIR "/examples/attention/attention.py");
  text.mapping_file = SEPTRAN_SOURCE_DIR "/mappings/attention/cpu.yaml";
  text.mapping = read_text(text.mapping_file);
  text.target = file;
  text.dtype = DType::bf16;
  text.definitions = {{"B", "1"},    {"H", "1"},  {"G", "1"},         {"LQ", "64"},
                      {"LK", "512"}, {"D", "64"}, {"causal", "false"}};
  Kernel kernel;
  compile(text, kernel);
  EXPECT_TRUE(kernel.program) << kernel.messages();
  return kernel.program ? cpu::lower_to_c(*kernel.program, *kernel.machine).text : "";
}

TEST(MicroKernels, ReadWhatLoopsMadeInTheTypeOfTheInstruction) {
  const auto dots = [](const std::string& text) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find("vdpbf16ps", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  const std::string text = attention_text(true);
  EXPECT_EQ(dots(text), 2U);  // scores, and values by probabilities, which no copy has packed
  EXPECT_TRUE(has(text, "uint16_t *const P_"));
  const std::string plain = attention_text(false);
  EXPECT_EQ(dots(plain), 0U);
  EXPECT_TRUE(has(plain, "float *const P_"));
}

}  // namespace
}  // namespace septran::testing_support
