// Kernels on this machine's processor give the reference's results: the cases of tests/cli, the
// examples, and random programs.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "runtime/compare.h"
#include "runtime/native/native.h"
#include "source_dir.h"
#include "targets/host_cpu.h"
#include "tests/cpu/arithmetic.h"
#include "tests/cpu/support.h"
#include "tests/support/generator.h"
#include "tests/support/spread_generator.h"

namespace septran::testing_support {
namespace {

std::string source_path(const std::string& path) { return SEPTRAN_SOURCE_DIR "/" + path; }

/// Sets what words like "M=5 dtype=f16 C=i32 target=cpu_generic" say: dimensions, the element type,
/// that of one tensor, the target.
void apply(const std::string& words, KernelText& text) {
  std::istringstream in(words);
  for (std::string word; in >> word;) {
    const std::size_t at = word.find('=');
    const std::string name = word.substr(0, at);
    const std::string value = word.substr(at + 1);
    const auto dtype = parse_dtype(value);
    if (name == "dtype") {
      text.dtype = *dtype;
    } else if (name == "target") {
      text.target = value;
    } else if (dtype) {
      text.dtypes[name] = *dtype;
    } else {
      text.definitions.emplace_back(name, value);
    }
  }
}

/// Runs a kernel natively and compares; the text of what is wrong, or empty. With `integers`, of
/// which no sum rounds, the results must agree exactly.
std::string compare_native(const KernelText& text, bool integers) {
  Kernel kernel;
  compile(text, kernel);
  if (!kernel.program) return kernel.messages();
  auto native = runtime::load_native(*kernel.program, *kernel.machine, kernel.diagnostics);
  if (!native) return kernel.messages();
  const auto arguments = make_arguments(kernel, integers);
  const auto golden = run_reference(kernel, arguments);
  const runtime::Arithmetic arithmetic = arithmetic_of(kernel);
  const auto tensors = (*native)->tensors();
  std::vector<runtime::HostTensor> host;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    host.push_back({tensors[i].dtype, tensors[i].shape, arguments[i]});
  }
  const auto result = (*native)->run(host, {}, kernel.diagnostics);
  if (!result) return kernel.messages();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].is_output) continue;
    const runtime::HostTensor expected{tensors[i].dtype, tensors[i].shape, golden[i]};
    const bool fine = integers ? difference(tensors[i].dtype, host[i].bytes, golden[i]) == 0
                               : runtime::compare(host[i], expected, arithmetic).ok;
    if (fine) continue;
    return fmt::format("{} is off by {}", tensors[i].name,
                       difference(tensors[i].dtype, host[i].bytes, golden[i]));
  }
  return "";
}

bool can_run(const std::string& target) {
  SourceManager sources;
  Diagnostics diagnostics;
  const auto machine = load_machine(target, {}, sources, diagnostics);
  return machine && missing_instruction_sets(*machine).empty();
}

struct Case {
  const char* logic;
  const char* mapping;
  const char* words;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.logic << ' ' << one.words; }

class Native : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override { ::setenv("SEPTRAN_CACHE", cache_.path().c_str(), 1); }
  TemporaryFolder cache_{"native"};
};

TEST_P(Native, AgreesWithTheReference) {
  KernelText text;
  text.logic = read_text(source_path(GetParam().logic));
  text.mapping_file = source_path(GetParam().mapping);
  text.mapping = read_text(text.mapping_file);
  ASSERT_FALSE(text.logic.empty());
  ASSERT_FALSE(text.mapping.empty());
  text.target = "cpu_native";
  apply(GetParam().words, text);
  if (!can_run(text.target)) GTEST_SKIP() << "this processor is no " << text.target;
  EXPECT_EQ(compare_native(text, false), "");
}

#define IN_CASES(name) "tests/cli/cases/" name ".py", "tests/cli/cases/" name ".yaml"
constexpr Case cases[] = {
    {IN_CASES("batched_gemm"), "H=4 G=2 M=37 N=19 K=23 dtype=f16"},
    {IN_CASES("gemm_options"), "M=37 N=65 K=50 dtype=bf16"},
    {IN_CASES("elementwise"), "M=33 N=70 gain=1.5"},
    {IN_CASES("softmax"), "M=19 N=33"},
    {IN_CASES("causal"), "L=50 D=20 dtype=f16"},
    {IN_CASES("two_kernels"), "M=45 N=37 K=50 dtype=f16"},
    {IN_CASES("nested"), "M=70 N=37 K=21 dtype=f16"},
    {IN_CASES("transposes"), "M=35 N=21 K=18 dtype=f16"},
    {IN_CASES("triangle"), "M=28 N=13"},
    {IN_CASES("branches"), "S=3 M=22 N=17 factor=3 flip=true"},
    {IN_CASES("steps"), "T=4 M=24 N=17"},
    {IN_CASES("convolution"), "N=2 H=9 W=7 C=5 KH=3 KW=3 O=6 OH=5 OW=4 dtype=f16"},
    {IN_CASES("attention"), "H=3 L=50 D=20 dtype=f16"},
    {IN_CASES("vector_product"), "M=5 N=7 K=50"},
    {IN_CASES("vector_unit"), "M=13 N=29"},
    {IN_CASES("one_value"), "M=5 N=19"},
    {IN_CASES("one_value"), "M=2 N=7 dtype=bf16"},
    {"examples/gemm/gemm.py", "mappings/gemm/dsa_edge.yaml", "M=197 N=40 K=130"},
    {"examples/gemm/gemm.py", "mappings/gemm/dsa_edge.yaml", "M=65 N=129 K=70 dtype=f16"},
    {"examples/gemm/gemm.py", "mappings/gemm/dsa_edge.yaml", "M=65 N=129 K=70 dtype=bf16"},
    {"examples/gemm/gemm.py", "mappings/gemm/dsa_edge.yaml", "M=33 N=70 K=513 dtype=i8 C=i32"},
    {"examples/gemm/published.py", "mappings/gemm/published.yaml", "M=300 N=131 K=517"},
    {"examples/gemm/published.py", "mappings/gemm/published.yaml", "M=1 N=1 K=1 dtype=f64"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=200 N=300 K=270"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=1 N=70 K=33 dtype=bf16"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=1 N=1100 K=35"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=3 N=131 K=70"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=17 N=100 K=300"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=31 N=1030 K=40"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=101 N=65 K=600"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=101 N=1 K=9"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=101 N=2 K=70"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=38 N=3 K=1029 target=cpu_avx2"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=83 N=5 K=33 target=cpu_avx512"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=40 N=8 K=257"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=35 N=7 K=64 target=cpu_generic"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=15 N=8 K=65"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=70 N=4 K=50 dtype=bf16"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=67 N=520 K=1030"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=67 N=300 K=530 dtype=i8 C=i32"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=19 N=100 K=129 dtype=f16"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=14 N=70 K=1024 target=cpu_avx512"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=50 N=70 K=1024"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=67 N=133 K=331 dtype=bf16"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=67 N=133 K=331 dtype=f16"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=195 N=257 K=50 dtype=bf16"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml",
     "M=67 N=135 K=33 dtype=bf16 target=cpu_avx512"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=41 N=300 K=2100 dtype=bf16"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml",
     "M=67 N=133 K=331 dtype=bf16 target=cpu_avx2"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml",
     "M=67 N=133 K=331 dtype=f16 target=cpu_avx2"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml",
     "M=19 N=77 K=50 dtype=bf16 target=cpu_generic"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml",
     "M=19 N=77 K=50 dtype=i8 C=i32 target=cpu_generic"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml",
     "M=31 N=77 K=83 dtype=i8 C=i32 target=cpu_avx2"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=33 N=140 K=2055 dtype=i8 C=i32"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=5 N=33 K=13 dtype=i8 C=i32"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=70 N=1 K=133 dtype=bf16"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=67 N=133 K=70 dtype=f64"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=67 N=133 K=70 dtype=f8e4m3 C=f32"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml",
     "M=19 N=33 K=70 dtype=f8e5m2 C=bf16 target=cpu_generic"},
    {"examples/attention/attention.py", "mappings/attention/cpu.yaml",
     "B=1 H=2 G=1 LQ=37 LK=45 D=20 causal=true dtype=f64"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=3 N=1 K=133 dtype=f16 target=cpu_avx2"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=9 N=1 K=70 dtype=i8 C=i32"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml",
     "M=9 N=1 K=70 dtype=i8 C=i32 target=cpu_generic"},
    {"examples/gemm/gemm.py", "mappings/gemm/cpu.yaml", "M=1 N=70 K=33 dtype=i8 C=i32"},
    {"examples/gemm/published.py", "mappings/gemm/published_cpu.yaml", "M=200 N=70 K=270"},
    {"examples/gemm/published.py", "mappings/gemm/published_cpu.yaml",
     "M=40 N=70 K=270 dtype=bf16"},
    {"examples/mlp/mlp.py", "mappings/mlp/cpu.yaml", "M=100 K=40 F=70 N=133"},
    {"examples/mlp/mlp.py", "mappings/mlp/cpu.yaml", "M=37 K=41 F=70 N=33 dtype=f16"},
    {"examples/mlp/mlp.py", "mappings/mlp/cpu.yaml", "M=37 K=41 F=70 N=33 dtype=bf16"},
    {"bench/scaled_residual.py", "bench/scaled_residual.yaml", "M=37 N=300 K=133"},
    {"examples/mlp/mlp.py", "mappings/mlp/dsa_edge.yaml", "M=65 K=129 F=70 N=33 dtype=bf16"},
};
#undef IN_CASES

#define EXAMPLE(name) "examples/" name "/" name ".py", "mappings/" name "/cpu.yaml"
constexpr Case row_and_attention_cases[] = {
    {EXAMPLE("softmax"), "M=1 N=1 target=cpu_generic"},
    {EXAMPLE("softmax"), "M=67 N=129 target=cpu_generic dtype=bf16"},
    {EXAMPLE("softmax"), "M=67 N=129 target=cpu_avx2 dtype=f16"},
    {EXAMPLE("softmax"), "M=3 N=4096 target=cpu_avx512"},
    {EXAMPLE("softmax"), "M=2 N=16385 target=cpu_avx512 dtype=bf16"},
    {EXAMPLE("softmax"), "M=1 N=70001 dtype=f64"},
    {EXAMPLE("layernorm"), "M=1 N=1 eps=0.5 target=cpu_generic"},
    {EXAMPLE("layernorm"), "M=67 N=129 eps=0.5 target=cpu_avx2 dtype=bf16"},
    {EXAMPLE("layernorm"), "M=3 N=1000 eps=1e-5 target=cpu_avx512 dtype=f16"},
    {EXAMPLE("layernorm"), "M=2 N=8193 eps=1e-5 target=cpu_avx512"},
    {EXAMPLE("layernorm"), "M=5 N=4097 eps=1e-5 dtype=f64"},
    {EXAMPLE("attention"), "B=1 H=1 G=1 LQ=1 LK=1 D=1 causal=true target=cpu_generic"},
    {EXAMPLE("attention"), "B=2 H=4 G=2 LQ=70 LK=300 D=40 causal=true target=cpu_avx2"},
    {EXAMPLE("attention"),
     "B=1 H=3 G=1 LQ=131 LK=131 D=17 causal=true target=cpu_avx512 dtype=f16"},
    {EXAMPLE("attention"),
     "B=1 H=3 G=1 LQ=65 LK=520 D=64 causal=false target=cpu_avx512 dtype=bf16"},
    {EXAMPLE("attention"), "B=1 H=1 G=1 LQ=71 LK=5 D=20 causal=true"},
    {EXAMPLE("attention"), "B=1 H=2 G=2 LQ=19 LK=33 D=512 causal=false"},
    {EXAMPLE("attention"), "B=1 H=4 G=2 LQ=19 LK=300 D=24 causal=true dtype=f64"},
};
#undef EXAMPLE

INSTANTIATE_TEST_SUITE_P(RowsAndAttention, Native, testing::ValuesIn(row_and_attention_cases));
INSTANTIATE_TEST_SUITE_P(All, Native, testing::ValuesIn(cases));

TEST(Native, KeepsWhatLaterTripsUse) {
  // A row of T is used so many trips after it was made, by the loop and by the trips behind it.
  KernelText text;
  text.logic =
      "import task_lang as task\n\n\n@task.define(leaf=True)\ndef make(T, U, X):\n"
      "    task.call_primitive(\"add\", T, X, 1.0)\n"
      "    task.call_primitive(\"mul\", U, T, 3.0)\n\n\n@task.define(leaf=True)\n"
      "def use(Y, T, U):\n    task.call_primitive(\"mul\", Y, T, 2.0)\n"
      "    task.call_primitive(\"add\", Y, Y, U)\n\n\n@task.define\ndef block(Y, X):\n"
      "    for k in task.sequential_range(X.shape[0]):\n"
      "        T = task.tensor((X.shape[1],), \"f32\")\n"
      "        U = task.tensor((X.shape[1],), \"f32\")\n"
      "        task.launch(make, T, U, X[k])\n        task.launch(use, Y[k], T, U)\n\n\n"
      "@task.define\ndef host(Y: task.f32[9, 64], X: task.f32[9, 64]):\n"
      "    for j in task.parallel_range(2):\n"
      "        task.launch(block, Y[:, 32 * j : 32 * j + 32], X[:, 32 * j : 32 * j + 32])\n";
  text.target = "cpu_native";
  for (const char* schedule : {"make, use", "make, use@-1", "use@-1, make", "make, use@-2",
                               "use@-2, make", "make, use@-5"}) {
    text.mapping = fmt::format(
        "entrypoint: host\ntask_mappings:\n"
        "  host: {{task_name: host, proc: HOST}}\n"
        "  block: {{task_name: block, proc: BLOCK, schedule: [{}],\n"
        "          mems: {{Y: SHARED, X: SHARED, T: SHARED, U: SHARED}}}}\n",
        schedule);
    EXPECT_EQ(compare_native(text, true), "") << schedule;
  }
}

TEST(RandomPrograms, AgreeWithTheReferenceNatively) {
  const TemporaryFolder cache("random");
  const Variable chosen("SEPTRAN_CACHE", cache.path().string());
  const unsigned count = from_environment("SEPTRAN_RANDOM_PROGRAMS", 12);
  const unsigned first = from_environment("SEPTRAN_RANDOM_SEED", 1);
  for (unsigned seed = first; seed < first + count; ++seed) {
    KernelText text = Generator(seed).make();
    const bool needs_two = text.mapping.find("spread:") != std::string::npos;
    text.target = seed % 2 == 0 && !needs_two ? "cpu_native" : "cpu_generic";
    SCOPED_TRACE(fmt::format("seed {}\n{}{}", seed, text.logic, text.mapping));
    EXPECT_EQ(compare_native(text, true), "");
    Kernel kernel;
    compile(text, kernel);
    ASSERT_TRUE(kernel.program);
    EXPECT_EQ(compare_stages(kernel, true, 0), "");
  }
}

TEST(RandomPrograms, AgreeNativelyWhereReductionsAreSpread) {
  const TemporaryFolder cache("spread");
  const Variable chosen("SEPTRAN_CACHE", cache.path().string());
  const unsigned count = from_environment("SEPTRAN_RANDOM_PROGRAMS", 8);
  const unsigned first = from_environment("SEPTRAN_RANDOM_SEED", 1);
  for (unsigned seed = first; seed < first + count; ++seed) {
    KernelText text = SpreadGenerator(seed, 2).make();
    text.target = "cpu_generic";
    SCOPED_TRACE(fmt::format("seed {}\n{}{}", seed, text.logic, text.mapping));
    EXPECT_EQ(compare_native(text, true), "");
  }
}

TEST(Native, RefusesWhatItCannotDo) {
  const TemporaryFolder cache("refuses");
  const Variable chosen("SEPTRAN_CACHE", cache.path().string());
  KernelText text;
  text.logic = read_text(source_path("examples/gemm/published.py"));
  text.mapping = read_text(source_path("mappings/gemm/published.yaml"));
  text.target = "cpu_native";
  apply("M=3 N=4 K=5", text);
  Kernel kernel;
  compile(text, kernel);
  ASSERT_TRUE(kernel.program) << kernel.messages();
  auto native = runtime::load_native(*kernel.program, *kernel.machine, kernel.diagnostics);
  ASSERT_TRUE(native) << kernel.messages();
  runtime::RunOptions timing;
  timing.timing_only = true;
  EXPECT_FALSE((*native)->run({}, timing, kernel.diagnostics));
  EXPECT_EQ(kernel.diagnostics.all().back().code, "no-simulated-time");
  Machine other = *kernel.machine;
  other.cpu.instruction_sets.emplace_back("no_such_instructions");
  EXPECT_FALSE(runtime::load_native(*kernel.program, other, kernel.diagnostics));
  EXPECT_EQ(kernel.diagnostics.all().back().code, "cpu-lacks");
}

TEST(Native, LimitsSpinningUnlessTold) {
  const auto spins = [] {
    runtime::limit_spinning();
    const char* text = std::getenv("GOMP_SPINCOUNT");
    return std::string(text == nullptr ? "none" : text);
  };
  const char* policy = std::getenv("OMP_WAIT_POLICY");
  const std::string old = policy == nullptr ? "" : policy;
  ::unsetenv("GOMP_SPINCOUNT");
  ::setenv("OMP_WAIT_POLICY", "active", 1);
  EXPECT_EQ(spins(), "none");
  ::unsetenv("OMP_WAIT_POLICY");
  EXPECT_EQ(spins(), "10000");
  ::setenv("GOMP_SPINCOUNT", "7", 1);
  EXPECT_EQ(spins(), "7");
  ::unsetenv("GOMP_SPINCOUNT");
  if (policy != nullptr) ::setenv("OMP_WAIT_POLICY", old.c_str(), 1);
}

}  // namespace
}  // namespace septran::testing_support
