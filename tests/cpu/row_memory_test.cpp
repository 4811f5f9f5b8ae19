// Loops over vectors beside main memory: rows stored while others compute or are read, what goes
// past the caches, what is fetched ahead in long rows.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "runtime/native/native.h"
#include "source_dir.h"
#include "targets/cpu/lower.h"
#include "tests/cpu/row_support.h"
#include "tests/cpu/support.h"

namespace septran::testing_support {
namespace {

/// A machine's description with caches of so many bytes a core, and with vectors of so many if it
/// says how many.
std::string with_caches(const TemporaryFolder& folder, const std::string& target,
                        const std::string& bytes, const std::string& vector_bytes = "") {
  std::string text = read_text(SEPTRAN_SOURCE_DIR "/targets/" + target + ".yaml");
  const std::size_t shared = text.find("size_bytes: ", text.find("  SHARED:")) + 12;
  text.replace(shared, text.find(' ', shared) - shared, bytes);
  if (!vector_bytes.empty()) {
    const std::size_t vector = text.find("vector_bytes: ") + 14;
    text.replace(vector, text.find(' ', vector) - vector, vector_bytes);
  }
  const std::string file = (folder.path() / (target + ".yaml")).string();
  std::ofstream(file) << text;
  return file;
}

TEST(Rows, AreStoredWhileTheNextOnesCompute) {
  const TemporaryFolder folder("late");
  const Variable chosen("SEPTRAN_CACHE", folder.path().string());
  const struct {
    const char* target;
    DType dtype;
    int m, n;
  } cases[] = {
      {"cpu_avx2", DType::f32, 32, 530},      // rows one by one, shares of one length
      {"cpu_avx2", DType::bf16, 35, 530},     // shares of two lengths
      {"cpu_generic", DType::f32, 272, 250},  // sixteen rows at once
      {"cpu_avx2", DType::f32, 16, 16390},  // exponentials in main memory, one trip's and the next
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(fmt::format("{} {} {}", one.target, one.m, name(one.dtype)));
    KernelText text;
    text.logic = read_text(SEPTRAN_SOURCE_DIR "/examples/softmax/softmax.py");
    text.mapping_file = SEPTRAN_SOURCE_DIR "/mappings/softmax/cpu.yaml";
    text.mapping = read_text(text.mapping_file);
    text.target = with_caches(folder, one.target, "1024");
    text.dtype = one.dtype;
    text.definitions = {{"M", fmt::format("{}", one.m)}, {"N", fmt::format("{}", one.n)}};
    expect_right(text, true);
    Kernel kernel;
    compile(text, kernel);
    ASSERT_TRUE(kernel.program) << kernel.messages();
    EXPECT_EQ(compare_stages(kernel, false, 1e-2), "");
    const std::string work = work_of(cpu::lower_to_c(*kernel.program, *kernel.machine));
    // A loop that makes exponentials stores what those of the trip before gave.
    const std::size_t loop = work.find("_slot >= 1");
    ASSERT_NE(loop, std::string::npos) << work;
    EXPECT_LT(work.find("store_far_", loop), work.find("  recip\n", loop));
    EXPECT_LT(work.find("exp_v(", loop), work.find("  recip\n", loop));
    // All loads of a step go first, then what goes past the caches.
    const std::size_t begin = work.find("for (; j + ", loop);
    const std::string step = work.substr(begin, work.find('}', begin) - begin);
    EXPECT_LT(step.rfind("load_"), step.find(" store_")) << step;
    EXPECT_LT(step.rfind("store_far_"), step.find("store_f32_v(")) << step;
  }
}

TEST(Rows, AreStoredByPiecesWhileOthersAreRead) {
  const TemporaryFolder folder("pieces");
  const Variable chosen("SEPTRAN_CACHE", folder.path().string());
  const struct {
    const char* target;
    const char* vector_bytes;
    DType dtype;
    int m, n;
    const char* step;
  } cases[] = {
      {"cpu_avx2", "", DType::f32, 168, 530, "+= 256"},   // short last pieces, rows begin anywhere
      {"cpu_avx2", "", DType::bf16, 240, 768, "+= 256"},  // whole pieces
      {"cpu_generic", "64", DType::f32, 168, 518, "+= 64"},  // some reads take a piece less
      {"cpu_generic", "64", DType::f32, 3264, 60, "+= 64"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(fmt::format("{} {} {}", one.target, one.n, name(one.dtype)));
    KernelText text;
    text.logic = read_text(SEPTRAN_SOURCE_DIR "/examples/layernorm/layernorm.py");
    text.mapping_file = SEPTRAN_SOURCE_DIR "/mappings/layernorm/cpu.yaml";
    text.mapping = read_text(text.mapping_file);
    text.target = with_caches(folder, one.target, "81920", one.vector_bytes);
    text.dtype = one.dtype;
    text.definitions = {
        {"M", fmt::format("{}", one.m)}, {"N", fmt::format("{}", one.n)}, {"eps", "0.5"}};
    Kernel kernel;
    compile(text, kernel);
    ASSERT_TRUE(kernel.program) << kernel.messages();
    EXPECT_EQ(compare_stages(kernel, false, 1e-2), "");
    shrink_caches(*kernel.machine);
    const std::string work = work_of(cpu::lower_to_c(*kernel.program, *kernel.machine));
    // The loop that stores some rows adds up the next ones; the squares find theirs in the caches.
    const std::size_t pieces = work.find(fmt::format("piece {}", one.step));
    ASSERT_NE(pieces, std::string::npos) << work;
    const std::string trip = work.substr(pieces, work.find("a peeled trip", pieces) - pieces);
    EXPECT_LT(trip.find("nrun0_0 = add_v("), trip.find("store_far_"));
    EXPECT_GT(count(trip, "__builtin_prefetch(nt"), 0U);
    EXPECT_EQ(count(trip, "__builtin_prefetch(t"), 0U) << trip;
    expect_right(text, true);
  }
}

/// Blocks of one long row: `body` makes D of A and B.
KernelText blocks_of_a_row(const std::string& body) {
  KernelText text;
  text.logic = R"(import task_lang as task

@task.define(leaf=True)
def leaf(D, A, B):
    BODY

@task.define
def block(D, A, B):
    task.launch(leaf, D, A, B)

@task.define
def host(D: task.Tensor["N"], A: task.Tensor["N"], B: task.Tensor["N"]):
    Dp = task.partition(D, by="blocks", shape=(3000,))
    Ap = task.partition(A, by="blocks", shape=(3000,))
    Bp = task.partition(B, by="blocks", shape=(3000,))
    for i in task.parallel_range(Dp.shape[0]):
        task.launch(block, Dp[i], Ap[i], Bp[i])
)";
  text.logic.replace(text.logic.find("BODY"), 4, body);
  text.mapping = R"(
entrypoint: host
task_mappings:
  host: {task_name: host, proc: HOST, mems: {D: GLOBAL, A: GLOBAL, B: GLOBAL}, workers: 2}
  block: {task_name: block, proc: BLOCK}
)";
  text.target = "cpu_generic";
  text.definitions = {{"N", "9000"}};
  return text;
}

TEST(Rows, FetchALittleAheadInLongOnes) {
  const TemporaryFolder folder("ahead");
  const Variable chosen("SEPTRAN_CACHE", folder.path().string());
  const auto work_of_blocks = [](const KernelText& text) {
    Kernel kernel;
    compile(text, kernel);
    EXPECT_TRUE(kernel.program) << kernel.messages();
    shrink_caches(*kernel.machine);
    return work_of(cpu::lower_to_c(*kernel.program, *kernel.machine));
  };
  // Where a row ends, the next of the same core's follows.
  const KernelText much = blocks_of_a_row("task.call_primitive(\"tanh\", D, A)");
  const std::string work = work_of_blocks(much);
  EXPECT_GT(count(work, "(j + 2048 < 3000 ? 2048 : 2048 - 3000 + 3000 * min(2, workers))"), 0U)
      << work;
  expect_right(much, true);
  // Processors fetch by themselves what one call reads.
  const KernelText little = blocks_of_a_row("task.call_primitive(\"mul\", D, A, B)");
  EXPECT_EQ(count(work_of_blocks(little), "__builtin_prefetch("), 0U);
  expect_right(little, true);
}

TEST(Rows, GoPastTheCachesAlsoWhereCallsFollowInPlace) {
  const TemporaryFolder folder("in-place");
  const Variable chosen("SEPTRAN_CACHE", folder.path().string());
  const auto lines = [](const std::string& first, const std::string& second) {
    return fmt::format("{}\n    {}", first, second);
  };
  const std::string product = "task.call_primitive(\"mul\", D, A, B)";
  const std::string sum = "task.call_primitive(\"add\", D, D, 0.5)";
  expect_right(blocks_of_a_row(lines(product, sum)), true);
  // What is read first comes from memory.
  expect_right(blocks_of_a_row(lines(sum, sum)), false);
}

TEST(Rows, RoundTheSmallestNumbers) {
  const TemporaryFolder folder("small");
  const Variable chosen("SEPTRAN_CACHE", folder.path().string());
  KernelText text = blocks_of_a_row("task.call_primitive(\"mul\", D, A, 3e-6)");
  text.definitions = {{"N", "3000"}};
  text.dtype = DType::bf16;
  std::vector<std::vector<std::byte>> results;
  for (const char* target : {"cpu_generic", "cpu_native"}) {
    text.target = target;
    Kernel kernel;
    compile(text, kernel);
    ASSERT_TRUE(kernel.program) << kernel.messages();
    auto native = runtime::load_native(*kernel.program, *kernel.machine, kernel.diagnostics);
    ASSERT_TRUE(native) << kernel.messages();
    std::vector<runtime::HostTensor> host;
    for (const auto& tensor : (*native)->tensors()) {
      host.push_back({tensor.dtype, tensor.shape, std::vector<std::byte>(3000 * 2)});
    }
    results.emplace_back();
    for (std::uint32_t first = 0; first < 0x10000; first += 3000) {  // every number of the type
      for (std::uint32_t i = 0; i < 3000; ++i) {
        const auto code = static_cast<std::uint16_t>(first + i);
        std::memcpy(host[1].bytes.data() + 2 * i, &code, 2);
      }
      ASSERT_TRUE((*native)->run(host, {}, kernel.diagnostics));
      results.back().insert(results.back().end(), host[0].bytes.begin(), host[0].bytes.end());
    }
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(Rows, ShareWhatTheyFetchAhead) {
  KernelText text;
  text.logic = read_text(SEPTRAN_SOURCE_DIR "/examples/layernorm/layernorm.py");
  text.mapping_file = SEPTRAN_SOURCE_DIR "/mappings/layernorm/cpu.yaml";
  text.mapping = read_text(text.mapping_file);
  text.target = "cpu_avx512";
  text.definitions = {{"M", "40"}, {"N", "1600"}, {"eps", "0.5"}};
  Kernel kernel;
  compile(text, kernel);
  ASSERT_TRUE(kernel.program) << kernel.messages();
  shrink_caches(*kernel.machine);
  const std::string work = work_of(cpu::lower_to_c(*kernel.program, *kernel.machine));
  // Work for each element: 1 for the mean, 3 for the variance, 4 for the result.
  EXPECT_GT(count(work, "(0 * 1600 + 128 * j) / 1024"), 0U) << work;
  EXPECT_GT(count(work, "(128 * 1600 + 384 * j) / 1024"), 0U);
  EXPECT_GT(count(work, "(512 * 1600 + 512 * j) / 1024"), 0U);
}

}  // namespace
}  // namespace septran::testing_support
