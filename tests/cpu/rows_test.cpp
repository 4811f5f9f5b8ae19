// Loops over vectors: calls that share one, and what it fetches ahead and stores past the caches.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "source_dir.h"
#include "targets/cpu/lower.h"
#include "tests/cpu/row_support.h"
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

}  // namespace
}  // namespace septran::testing_support
