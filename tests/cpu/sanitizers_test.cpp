// Generated C under the C compiler's sanitizers: every access lies within the caller's tensors and
// the workspace, nothing is undefined, threads do not race.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "runtime/native/shared_object.h"
#include "source_dir.h"
#include "targets/cpu/flags.h"
#include "targets/cpu/lower.h"
#include "targets/host_cpu.h"
#include "tests/cpu/support.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {
namespace {

struct Case {
  const char* name;
  const char* target;
  DType dtype;
  std::vector<std::pair<std::string, std::string>> definitions;
};

cpu::Source lower(const Case& one, Kernel& kernel) {
  KernelText text;
  const std::string folder = SEPTRAN_SOURCE_DIR;
  text.logic = read_text(fmt::format("{0}/examples/{1}/{1}.py", folder, one.name));
  text.mapping_file = fmt::format("{}/mappings/{}/cpu.yaml", folder, one.name);
  text.mapping = read_text(text.mapping_file);
  text.target = one.target;
  text.dtype = one.dtype;
  text.definitions = one.definitions;
  compile(text, kernel);
  EXPECT_TRUE(kernel.program) << kernel.messages();
  return cpu::lower_to_c(*kernel.program, *kernel.machine);
}

/// C that allocates each tensor and the workspace exactly and fills them with small numbers.
std::string allocations(const cpu::Source& source) {
  std::string text = "#include <stdio.h>\n#include <stdlib.h>\n";
  text +=
      "static char *filled(size_t bytes) {\n  void *all = 0;\n  posix_memalign(&all, 64, bytes);\n";
  text += "  char *p = all;\n";
  text += "  for (size_t i = 0; i < bytes; ++i) p[i] = (char)(0x30 + i * 7 % 13);\n";
  text += "  return p;\n}\n";
  text += "static void *arguments[16];\nstatic char *workspace;\n";
  text += "static void allocate(void) {\n";
  for (std::size_t i = 0; i < source.parameters.size(); ++i) {
    std::size_t bytes = size_bytes(source.parameters[i].dtype);
    for (const std::int64_t extent : source.parameters[i].shape) {
      bytes *= static_cast<std::size_t>(extent);
    }
    text += fmt::format("  arguments[{}] = filled({});\n", i, bytes);
  }
  return text + fmt::format("  workspace = filled({});\n}}\n",
                            std::max<std::int64_t>(source.workspace_bytes, 1));
}

/// The kernel called by its own entry, on one thread.
constexpr const char* plain_main = R"(
int main(void) {
  allocate();
  septran_kernel(arguments, workspace);
  puts("finished");
}
)";

/// The kernel's work on threads that the sanitizer knows: it does not know OpenMP's.
constexpr const char* threads_head = R"(
#include <pthread.h>
static pthread_barrier_t barrier;
#define SEPTRAN_BARRIER() pthread_barrier_wait(&barrier)
)";
constexpr const char* threads_main = R"(
static void *one(void *number) {
  int64_t worker = (int64_t)number;
  work(worker, most_workers, arguments, workspace, workspace + shared_bytes + worker * own_bytes);
  return 0;
}
int main(void) {
  pthread_t all[64];
  allocate();
  pthread_barrier_init(&barrier, 0, most_workers);
  for (int64_t w = 0; w < most_workers; ++w) pthread_create(&all[w], 0, one, (void *)w);
  for (int64_t w = 0; w < most_workers; ++w) pthread_join(all[w], 0);
  puts("finished");
}
)";

/// Builds and runs a program; what it printed, on both channels. Nothing where this compiler lacks
/// the sanitizer.
std::optional<std::string> run(const std::string& program, std::vector<std::string> flags,
                               const std::string& sanitizers) {
  const TemporaryFolder folder("sanitizers");
  const std::string path = folder.path().string();
  const auto shell = [&](const std::string& command) {
    const int status = std::system((command + " > " + path + "/out 2>&1").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  flags.push_back(sanitizers);
  flags.insert(flags.end(), {"-O1", "-g", "-fno-sanitize-recover=all", "-pthread", "-w"});
  const std::string compiler =
      fmt::format("{} {}", runtime::find_c_compiler(), fmt::join(flags, " "));
  std::ofstream(folder.path() / "empty.c") << "int main(void) { return 0; }\n";
  if (shell(fmt::format("{0} {1}/empty.c -o {1}/empty && {1}/empty", compiler, path)) != 0) {
    return std::nullopt;
  }
  std::ofstream(folder.path() / "program.c") << program;
  if (shell(fmt::format("{0} {1}/program.c -o {1}/program -lm", compiler, path)) == 0) {
    shell(fmt::format("env -u LD_PRELOAD {}/program", path));
  }
  return read_text(path + "/out");
}

bool runs_here(const Machine& machine) { return missing_instruction_sets(machine).empty(); }

TEST(Sanitized, StaysWithinItsMemoryAndTheStandard) {
  const Case cases[] = {
      {"gemm", "cpu_avx512", DType::f32, {{"M", "65"}, {"N", "129"}, {"K", "70"}}},
      {"gemm", "cpu_generic", DType::bf16, {{"M", "13"}, {"N", "21"}, {"K", "33"}}},
      {"gemm", "cpu_native", DType::bf16, {{"M", "35"}, {"N", "71"}, {"K", "67"}}},
      {"gemm", "cpu_native", DType::i8, {{"M", "6"}, {"N", "1"}, {"K", "67"}}},
      {"gemm", "cpu_native", DType::i8, {{"M", "35"}, {"N", "71"}, {"K", "67"}}},
      {"softmax", "cpu_avx512", DType::f16, {{"M", "5"}, {"N", "4133"}}},
      {"layernorm", "cpu_avx2", DType::f32, {{"M", "7"}, {"N", "83"}, {"eps", "1e-5"}}},
      {"attention",
       "cpu_avx512",
       DType::bf16,
       {{"B", "1"},
        {"H", "2"},
        {"G", "1"},
        {"LQ", "35"},
        {"LK", "77"},
        {"D", "24"},
        {"causal", "true"}}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(fmt::format("{} {} {}", one.name, one.target, name(one.dtype)));
    Kernel kernel;
    cpu::Source source = lower(one, kernel);
    if (!runs_here(*kernel.machine)) continue;
    const auto printed =
        run(source.text + allocations(source) + plain_main,
            cpu::compiler_flags(source, *kernel.machine), "-fsanitize=address,undefined");
    if (!printed) GTEST_SKIP() << "this C compiler has no such sanitizers";
    EXPECT_EQ(*printed, "finished\n");
  }
}

TEST(Sanitized, ThreadsDoNotRace) {
  const Case cases[] = {
      {"mlp", "cpu_avx2", DType::f32, {{"M", "200"}, {"K", "20"}, {"F", "150"}, {"N", "140"}}},
      {"softmax", "cpu_generic", DType::f32, {{"M", "40"}, {"N", "2100"}}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    Kernel kernel;
    cpu::Source source = lower(one, kernel);
    if (!runs_here(*kernel.machine)) continue;
    EXPECT_GT(source.workers, 1);
    const std::string text = threads_head + source.text + allocations(source) + threads_main;
    source.workers = 1;  // no OpenMP
    const auto flags = cpu::compiler_flags(source, *kernel.machine);
    const auto printed = run(text, flags, "-fsanitize=thread");
    if (!printed) GTEST_SKIP() << "this C compiler has no such sanitizer";
    EXPECT_EQ(*printed, "finished\n");
  }
}

TEST(Sanitized, FindsWhatItIsToFind) {
  const Case one{
      "mlp", "cpu_generic", DType::f32, {{"M", "5"}, {"K", "20"}, {"F", "1100"}, {"N", "1030"}}};
  Kernel kernel;
  cpu::Source source = lower(one, kernel);
  std::string racing = threads_head + source.text + allocations(source) + threads_main;
  const std::string barrier = "BARRIER();";
  for (std::size_t at; (at = racing.rfind(barrier)) != std::string::npos;) {
    racing.erase(at, barrier.size());
  }
  source.workers = 1;
  const auto flags = cpu::compiler_flags(source, *kernel.machine);
  const auto raced = run(racing, flags, "-fsanitize=thread");
  if (!raced) GTEST_SKIP() << "this C compiler has no such sanitizer";
  EXPECT_NE(raced->find("data race"), std::string::npos) << *raced;
  --source.parameters[0].shape[0];
  const std::string head = "#define SEPTRAN_BARRIER() ((void)0)\n";
  const std::string alone =
      "int main(void) { allocate(); work(0, 1, arguments, workspace, workspace + shared_bytes); }";
  const auto beyond =
      run(head + source.text + allocations(source) + alone, flags, "-fsanitize=address");
  EXPECT_NE(beyond->find("heap-buffer-overflow"), std::string::npos) << *beyond;
}

}  // namespace
}  // namespace septran::testing_support
