// Generated C under the C compiler's sanitizers: every access lies within the caller's tensors and
// the workspace, nothing is undefined, threads do not race.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

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

/// The kernel's work on threads that the sanitizer knows: it does not know OpenMP's. As many as the
/// first argument says. With a second they all do the work of the first, and so must race.
constexpr const char* threads_head = R"(
#include <pthread.h>
static pthread_barrier_t barrier;
#define SEPTRAN_BARRIER() pthread_barrier_wait(&barrier)
)";
constexpr const char* threads_main = R"(
static int64_t workers, all_first;
static void *one(void *number) {
  int64_t worker = (int64_t)number;
  char *own = workspace + shared_bytes + worker * own_bytes;
  work(all_first ? 0 : worker, workers, arguments, workspace, own);
  return 0;
}
int main(int count, char **words) {
  pthread_t all[64];
  workers = atoi(words[1]);
  all_first = count > 2;
  allocate();
  pthread_barrier_init(&barrier, 0, workers);
  for (int64_t w = 0; w < workers; ++w) pthread_create(&all[w], 0, one, (void *)w);
  for (int64_t w = 0; w < workers; ++w) pthread_join(all[w], 0);
  puts("finished");
}
)";

/// A program built with a sanitizer.
class Sanitized {
 public:
  Sanitized(const std::string& program, std::vector<std::string> flags,
            const std::string& sanitizers) {
    flags.push_back(sanitizers);
    flags.insert(flags.end(), {"-O1", "-g", "-fno-sanitize-recover=all", "-pthread", "-w"});
    const std::string compiler =
        fmt::format("{} {}", runtime::find_c_compiler(), fmt::join(flags, " "));
    std::ofstream(folder_.path() / "empty.c") << "int main(void) { return 0; }\n";
    exists_ = shell(fmt::format("{0} {1}/empty.c -o {1}/empty && {1}/empty", compiler, path_)) == 0;
    if (!exists_) return;
    std::ofstream(folder_.path() / "program.c") << program;
    built_ = shell(fmt::format("{0} {1}/program.c -o {1}/program -lm", compiler, path_)) == 0;
  }

  /// Whether this compiler has the sanitizer.
  [[nodiscard]] bool exists() const { return exists_; }

  /// What the program prints, on both channels, or what the compiler said.
  [[nodiscard]] std::string run(const std::string& words = "") const {
    if (built_) shell(fmt::format("env -u LD_PRELOAD {}/program {}", path_, words));
    return read_text(path_ + "/out");
  }

 private:
  int shell(const std::string& command) const {
    const int status = std::system(("( " + command + " ) > " + path_ + "/out 2>&1").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  TemporaryFolder folder_{"sanitizers"};
  std::string path_ = folder_.path().string();
  bool exists_ = false;
  bool built_ = false;
};

bool runs_here(const Machine& machine) { return missing_instruction_sets(machine).empty(); }

TEST(Sanitizers, StaysWithinItsMemoryAndTheStandard) {
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
    const Sanitized program(source.text + allocations(source) + plain_main,
                            cpu::compiler_flags(source, *kernel.machine),
                            "-fsanitize=address,undefined");
    if (!program.exists()) GTEST_SKIP() << "this C compiler has no such sanitizers";
    EXPECT_EQ(program.run(), "finished\n");
  }
}

/// The program that runs a kernel's work on the sanitizer's own threads.
std::string on_threads(const cpu::Source& source) {
  return threads_head + source.text + allocations(source) + threads_main;
}

// All examples, by two workers and by as many as the machine has.
TEST(Sanitizers, ThreadsDoNotRace) {
  const std::vector<std::pair<std::string, std::string>> attention{
      {"B", "1"}, {"H", "3"}, {"G", "1"}, {"LQ", "70"}, {"LK", "77"}, {"D", "24"}};
  auto causal = attention;
  causal.emplace_back("causal", "true");
  auto full = attention;
  full.emplace_back("causal", "false");
  const Case cases[] = {
      {"gemm", "cpu_avx2", DType::f32, {{"M", "130"}, {"N", "600"}, {"K", "70"}}},
      {"gemm", "cpu_native", DType::bf16, {{"M", "130"}, {"N", "71"}, {"K", "67"}}},
      {"gemm", "cpu_generic", DType::i8, {{"M", "50"}, {"N", "300"}, {"K", "67"}}},
      {"gemm", "cpu_avx2", DType::f16, {{"M", "3"}, {"N", "600"}, {"K", "70"}}},
      {"mlp", "cpu_avx2", DType::f32, {{"M", "200"}, {"K", "20"}, {"F", "150"}, {"N", "140"}}},
      {"softmax", "cpu_generic", DType::f32, {{"M", "40"}, {"N", "2100"}}},
      {"layernorm", "cpu_avx2", DType::f16, {{"M", "300"}, {"N", "83"}, {"eps", "1e-5"}}},
      {"attention", "cpu_avx2", DType::f32, causal},
      {"attention", "cpu_native", DType::bf16, full},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(fmt::format("{} {} {}", one.name, one.target, name(one.dtype)));
    Kernel kernel;
    cpu::Source source = lower(one, kernel);
    if (!runs_here(*kernel.machine) || kernel.machine->block_count() < 2) continue;
    ASSERT_GT(source.workers, 1);
    const std::string text = on_threads(source);
    const std::int64_t workers = std::exchange(source.workers, 1);  // no OpenMP
    const Sanitized program(text, cpu::compiler_flags(source, *kernel.machine),
                            "-fsanitize=thread");
    if (!program.exists()) GTEST_SKIP() << "this C compiler has no such sanitizer";
    EXPECT_EQ(program.run("2"), "finished\n");
    EXPECT_EQ(program.run(fmt::format("{}", workers)), "finished\n");
    const std::string raced = program.run("2 all-first");
    EXPECT_NE(raced.find("data race"), std::string::npos) << raced;
  }
}

TEST(Sanitizers, FindWhatTheyAreToFind) {
  const Case one{
      "mlp", "cpu_generic", DType::f32, {{"M", "5"}, {"K", "20"}, {"F", "1100"}, {"N", "1030"}}};
  Kernel kernel;
  cpu::Source source = lower(one, kernel);
  std::string racing = on_threads(source);
  const std::string barrier = "BARRIER();";
  for (std::size_t at; (at = racing.rfind(barrier)) != std::string::npos;) {
    racing.erase(at, barrier.size());
  }
  source.workers = 1;
  const auto flags = cpu::compiler_flags(source, *kernel.machine);
  const Sanitized raced(racing, flags, "-fsanitize=thread");
  if (!raced.exists()) GTEST_SKIP() << "this C compiler has no such sanitizer";
  EXPECT_NE(raced.run("2").find("data race"), std::string::npos) << raced.run("2");
  --source.parameters[0].shape[0];
  const std::string head = "#define SEPTRAN_BARRIER() ((void)0)\n";
  const std::string alone =
      "int main(void) { allocate(); work(0, 1, arguments, workspace, workspace + shared_bytes); }";
  const Sanitized beyond(head + source.text + allocations(source) + alone, flags,
                         "-fsanitize=address");
  EXPECT_NE(beyond.run().find("heap-buffer-overflow"), std::string::npos) << beyond.run();
}

}  // namespace
}  // namespace septran::testing_support
