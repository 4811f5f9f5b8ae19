// Loops over vectors: calls that share one, what is fetched ahead and what goes past the caches.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "runtime/native/native.h"
#include "source_dir.h"
#include "targets/cpu/lower.h"
#include "tests/cpu/arithmetic.h"
#include "tests/cpu/support.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {
namespace {

/// Every kind of call that loops over vectors do, some that may share one and some that may not.
constexpr const char* chain_logic = R"(import task_lang as task


@task.define(leaf=True)
def chain(Y, Z, X, G, R, S, low, E, F, at: int):
    task.call_primitive("reduce_max", R, X, axis=1)
    task.call_primitive("sub", E, X, R, axis=0)
    task.call_primitive("mul", E, E, G, axis=1)
    task.call_primitive("gelu", F, E, approximate="tanh")
    task.call_primitive("fma", F, F, 0.5, E)
    task.call_primitive("mask_causal", F, at, 3, -2.0)
    task.call_primitive("clamp", F, F, low=-1.5, high=2.5)
    task.call_primitive("reduce_sum", S, F, axis=1)
    task.call_primitive("copy", Z, F)
    task.call_primitive("mask_window", E, at, 0, 4, 9, 0.25)
    task.call_primitive("select", E, Z, E, 0.75)
    task.call_primitive("reduce_min", low, E, axis=1)
    task.call_primitive("add", F, F, S, axis=0)
    task.call_primitive("max", Y, E, F)


@task.define
def block(Y, Z, X, G, R, S, low, at: int):
    E = task.tensor(X.shape, "f32")
    F = task.tensor(X.shape, X.dtype)
    task.launch(chain, Y, Z, X, G, R, S, low, E, F, at)


@task.define
def host(
    Y: task.Tensor["M", "N"],
    Z: task.Tensor["M", "N"],
    X: task.Tensor["M", "N"],
    G: task.f32["N"],
    R: task.Tensor["M"],
    S: task.f32["M"],
    low: task.Tensor["M"],
):
    rows = task.tunable("rows")
    for i in task.parallel_range(task.ceildiv(M, rows)):
        at = i * rows
        to = min(M, at + rows)
        Yp = Y[at:to, :]
        task.launch(block, Yp, Z[at:to, :], X[at:to, :], G, R[at:to], S[at:to], low[at:to], at)
)";

KernelText chain(const std::string& target, DType dtype, int m, int n, int rows = 3) {
  KernelText text;
  text.logic = chain_logic;
  text.mapping = R"(
entrypoint: host
task_mappings:
  host:
    task_name: host
    proc: HOST
    mems: {Y: GLOBAL, Z: GLOBAL, X: GLOBAL, G: GLOBAL, R: GLOBAL, S: GLOBAL, low: GLOBAL}
    tunables: {rows: ROWS}
  block:
    task_name: block
    proc: BLOCK
    mems: {Z: GLOBAL, E: REGISTER, F: SHARED, R: SHARED, S: SHARED, low: SHARED}
)";
  text.mapping.replace(text.mapping.find("ROWS"), 4, fmt::format("{}", rows));
  text.target = target;
  text.dtype = dtype;
  text.definitions = {{"M", fmt::format("{}", m)}, {"N", fmt::format("{}", n)}};
  return text;
}

/// As if the machine's caches were tiny.
void shrink_caches(Machine& machine) {
  for (MemorySpec& memory : machine.memories) {
    if (memory.name != "GLOBAL") memory.size_bytes = 16;
  }
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++found;
  return found;
}

/// What the kernel itself does, without the functions that it uses.
std::string work_of(const cpu::Source& source) {
  return source.text.substr(source.text.find("static void work("));
}

void expect_right(const KernelText& text, bool past_caches) {
  Kernel kernel;
  compile(text, kernel);
  ASSERT_TRUE(kernel.program) << kernel.messages();
  if (past_caches) shrink_caches(*kernel.machine);
  const std::string work = work_of(cpu::lower_to_c(*kernel.program, *kernel.machine));
  EXPECT_EQ(count(work, "store_far_") > 0, past_caches) << work;
  auto native = runtime::load_native(*kernel.program, *kernel.machine, kernel.diagnostics);
  ASSERT_TRUE(native) << kernel.messages();
  const auto arguments = make_arguments(kernel, false);
  const auto golden = run_reference(kernel, arguments);
  const auto tensors = (*native)->tensors();
  std::vector<runtime::HostTensor> host;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    host.push_back({tensors[i].dtype, tensors[i].shape, arguments[i]});
  }
  ASSERT_TRUE((*native)->run(host, {}, kernel.diagnostics));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].is_output) continue;
    const runtime::HostTensor expected{tensors[i].dtype, tensors[i].shape, golden[i]};
    const runtime::Comparison found = runtime::compare(host[i], expected, arithmetic_of(kernel));
    EXPECT_TRUE(found.ok) << tensors[i].name << " is off by " << found.max_abs_error;
  }
}

TEST(Rows, AgreeWithTheReference) {
  const TemporaryFolder cache("rows");
  const Variable chosen("SEPTRAN_CACHE", cache.path().string());
  for (const char* target : {"cpu_native", "cpu_generic"}) {
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
      for (const bool past_caches : {false, true}) {
        SCOPED_TRACE(fmt::format("{} {} {}", target, name(dtype), past_caches));
        const KernelText text = chain(target, dtype, 7, past_caches ? 83 : 150);
        expect_right(text, past_caches);
      }
    }
  }
}

TEST(Rows, JoinTheResultsOfManyAtOnce) {
  const TemporaryFolder cache("many-rows");
  const Variable chosen("SEPTRAN_CACHE", cache.path().string());
  for (const char* target : {"cpu_native", "cpu_generic"}) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      SCOPED_TRACE(fmt::format("{} {}", target, name(dtype)));
      expect_right(chain(target, dtype, 53, 70, 19), false);  // 19 rows, 19 rows, 15 rows
    }
  }
  const auto text_of = [](int m, int n, int rows) {
    Kernel kernel;
    compile(chain("cpu_avx512", DType::f32, m, n, rows), kernel);
    EXPECT_TRUE(kernel.program) << kernel.messages();
    return work_of(cpu::lower_to_c(*kernel.program, *kernel.machine));
  };
  for (const char* what : {"add", "max", "min"}) {
    const std::string rows = fmt::format("{}_rows(", what);
    const std::string across = fmt::format("{}_across(", what);
    EXPECT_EQ(count(text_of(96, 70, 32), rows), 1U);
    EXPECT_EQ(count(text_of(96, 70, 32), across), 0U);
    EXPECT_EQ(count(text_of(96, 70, 19), across), 1U);  // for what is left
    EXPECT_EQ(count(text_of(96, 70, 15), rows), 0U);
    EXPECT_EQ(count(text_of(96, 1025, 32), rows), 0U);  // long ones
  }
}

TEST(Rows, CallsShareALoopWhereNothingForbidsIt) {
  KernelText text = chain("cpu_avx512", DType::f32, 6, 160);
  Kernel kernel;
  compile(text, kernel);
  ASSERT_TRUE(kernel.program) << kernel.messages();
  const std::string work = work_of(cpu::lower_to_c(*kernel.program, *kernel.machine));
  // The largest of a row; all up to the sum; the rest: a row's end comes between.
  EXPECT_EQ(count(work, "int64_t j = 0;"), 3U) << work;
  EXPECT_EQ(count(work, "sub_v("), 2U) << work;  // ten vectors, two at a time
  EXPECT_EQ(count(work, "__builtin_prefetch("), 0U);
}

TEST(Rows, StoreNothingThatOnlyTheirLoopUses) {
  KernelText text;
  text.logic = read_text(SEPTRAN_SOURCE_DIR "/examples/layernorm/layernorm.py");
  text.mapping_file = SEPTRAN_SOURCE_DIR "/mappings/layernorm/cpu.yaml";
  text.mapping = read_text(text.mapping_file);
  text.target = "cpu_avx512";
  text.definitions = {{"M", "4"}, {"N", "160"}, {"eps", "0.5"}};
  Kernel kernel;
  compile(text, kernel);
  ASSERT_TRUE(kernel.program) << kernel.messages();
  const std::string work = work_of(cpu::lower_to_c(*kernel.program, *kernel.machine));
  // Y, four vectors at a time, and those that remain one by one.
  EXPECT_EQ(count(work, "store_f32_v("), 5U) << work;
}

TEST(Rows, MeetAcrossCallsThatCanGoFirst) {
  KernelText text;
  text.logic = read_text(SEPTRAN_SOURCE_DIR "/examples/attention/attention.py");
  text.mapping_file = SEPTRAN_SOURCE_DIR "/mappings/attention/cpu.yaml";
  text.mapping = read_text(text.mapping_file);
  text.target = "cpu_avx512";
  text.definitions = {{"B", "1"},    {"H", "1"},  {"G", "1"},         {"LQ", "64"},
                      {"LK", "512"}, {"D", "64"}, {"causal", "false"}};
  Kernel kernel;
  compile(text, kernel);
  ASSERT_TRUE(kernel.program) << kernel.messages();
  const std::string work = work_of(cpu::lower_to_c(*kernel.program, *kernel.machine));
  const auto position = [&](const char* what) { return work.find(what); };
  // Four calls on other rows stand between the exponentials and their sum.
  EXPECT_LT(position("  mul\n"), position("  reduce_sum\n"));
  const std::size_t sum = position("  reduce_sum\n");
  const std::string loop = work.substr(sum, work.find("//", sum) - sum);
  EXPECT_EQ(count(loop, "exp2_v("), 4U) << loop;
  EXPECT_EQ(count(loop, "store_f32_v("), 5U);  // of P, and the sums of 16 rows; S ends here
  EXPECT_EQ(count(loop, "add_rows(rows2)"), 1U);
}

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

TEST(Rows, GoPastTheCachesByWholeLines) {
  for (const char* target : {"cpu_avx512", "cpu_avx2", "cpu_generic"}) {
    for (const DType dtype : {DType::f32, DType::f16}) {
      SCOPED_TRACE(fmt::format("{} {}", target, name(dtype)));
      Kernel kernel;
      compile(chain(target, dtype, 12, 160), kernel);
      ASSERT_TRUE(kernel.program) << kernel.messages();
      shrink_caches(*kernel.machine);
      const std::string work = work_of(cpu::lower_to_c(*kernel.program, *kernel.machine));
      const auto bytes = static_cast<int>(size_bytes(dtype));
      std::size_t far = 0;
      for (std::size_t at = 0; (at = work.find("for (; j + ", at)) != std::string::npos; ++at) {
        const int step = std::stoi(work.substr(at + 11));
        const std::size_t line = work.rfind('\n', at) + 1;
        const std::string indent(at - line, ' ');
        const std::string loop = work.substr(at, work.find("\n" + indent + "}", at) - at);
        far += count(loop, "store_far_");
        if (step * bytes % 64 != 0) {
          EXPECT_EQ(count(loop, "store_far_"), 0U) << loop;
        }
      }
      EXPECT_GT(far, 0U);
      EXPECT_EQ(count(work, "store_far_"), far);
    }
  }
}

TEST(Copies, TurnRowsIntoColumnsByVectors) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    KernelText text;
    text.logic = read_text(SEPTRAN_SOURCE_DIR "/examples/attention/attention.py");
    text.mapping_file = SEPTRAN_SOURCE_DIR "/mappings/attention/cpu.yaml";
    text.mapping = read_text(text.mapping_file);
    text.target = "cpu_avx512";
    text.dtype = dtype;
    text.definitions = {{"B", "1"},   {"H", "1"},  {"G", "1"},         {"LQ", "64"},
                        {"LK", "64"}, {"D", "64"}, {"causal", "false"}};
    Kernel kernel;
    compile(text, kernel);
    ASSERT_TRUE(kernel.program) << kernel.messages();
    const cpu::Source source = cpu::lower_to_c(*kernel.program, *kernel.machine);
    // Of K, and of Q where it is converted.
    EXPECT_EQ(count(source.text, "_turn(vector *x)"), dtype == DType::f32 ? 1U : 2U);
  }
}

TEST(Rows, FetchAheadWhatTheNextTripReads) {
  Kernel kernel;
  compile(chain("cpu_avx512", DType::f32, 12, 160), kernel);
  ASSERT_TRUE(kernel.program) << kernel.messages();
  shrink_caches(*kernel.machine);
  const std::string work = work_of(cpu::lower_to_c(*kernel.program, *kernel.machine));
  // X is read for its largest elements first, which takes little, and then by all the rest, which
  // fetches all. Three rows make a trip.
  EXPECT_GE(count(work, "__builtin_prefetch("), 3U) << work;
  EXPECT_GT(work.find("__builtin_prefetch("), work.find("max_across("));
  EXPECT_EQ(count(work, "/ 1024"), 0U);
  EXPECT_EQ(count(work, fmt::format("+ {} * min(", 3 * 160)), count(work, "__builtin_prefetch("));
  EXPECT_GT(count(work, "FAR_FENCE();"), 0U);
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
