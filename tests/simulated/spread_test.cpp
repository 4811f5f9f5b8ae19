// Reductions that a mapping deals to several cores.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "logic_case.h"
#include "simulated.h"
#include "simulator/simulator.h"
#include "source_dir.h"
#include "targets/dsa/lower/lower.h"

namespace septran {
namespace {

using testing_support::check;
using testing_support::Kernel;
using testing_support::KernelText;

KernelText split_k(const std::string& logic, const std::string& mapping,
                   const std::string& spread) {
  KernelText text;
  const std::string root = std::string(SEPTRAN_SOURCE_DIR) + "/";
  text.logic = testing_support::read_text(root + logic);
  text.mapping_file = root + mapping.substr(0, mapping.rfind('/') + 1) + "split_k.yaml";
  const std::string file = mapping.substr(mapping.rfind('/') + 1);
  text.mapping = fmt::format("extends: {}\n{}", file, spread);
  text.target = "dsa_cloud";
  return text;
}

std::int64_t cycles(const KernelText& text) {
  Kernel kernel;
  testing_support::compile(text, kernel);
  if (!kernel.program) {
    ADD_FAILURE() << kernel.messages();
    return -1;
  }
  const auto program = dsa::lower_to_dsa(*kernel.program, *kernel.machine, kernel.diagnostics);
  simulator::SimulationOptions timing;
  timing.timing_only = true;
  const auto result = simulator::simulate(*program, *kernel.machine, {}, timing, nullptr);
  const auto* report = std::get_if<simulator::SimulationReport>(&result);
  return report == nullptr ? -1 : report->cycles;
}

// One block of C: without `spread` one core of four works.
TEST(Spread, FlatProductsTakeFewerCycles) {
  const char* logic = "examples/gemm/gemm.py";
  const char* mapping = "mappings/gemm/dsa_cloud.yaml";
  KernelText one = split_k(logic, mapping, "");
  KernelText four = split_k(logic, mapping, "task_mappings: {gemm_block: {spread: {k: 4}}}\n");
  for (KernelText* text : {&one, &four}) {
    text->definitions = {{"M", "64"}, {"N", "64"}, {"K", "16384"}};
    text->dtype = DType::f16;
  }
  const std::int64_t alone = cycles(one);
  const std::int64_t together = cycles(four);
  EXPECT_GT(2 * alone, 3 * together) << alone << " and " << together;
  four.definitions = {{"M", "64"}, {"N", "70"}, {"K", "1300"}};
  EXPECT_EQ(testing_support::check_kernel(four, false, 1.0 / (1 << 10)), "");
}

// The reduction of the call itself, onto an f16 output.
TEST(Spread, CallsOfThePublishedExample) {
  KernelText text = split_k("examples/gemm/published.py", "mappings/gemm/published.yaml",
                            "task_mappings: {gemm_block_gpu: {spread: {k: 3}}}\n");
  text.dtype = DType::f16;
  text.definitions = {{"M", "130"}, {"N", "37"}, {"K", "213"}};
  EXPECT_EQ(testing_support::check_kernel(text, false, 1.0 / (1 << 10), true), "");
}

constexpr const char* sums = R"(
@task.define(leaf=True)
def sum(T, X):
    task.call_primitive("reduce_sum", T, X, axis=1, accumulate=True)

@task.define(leaf=True)
def zero(T):
    task.call_primitive("fill", T, 0)
)";

// What is already in C is kept: shares are combined onto it.
TEST(Spread, OntoWhatIsThere) {
  check({.logic = std::string(sums) + R"(
@task.define
def block(Y, X):
    for k in task.sequential_range(X.shape[1] // 4):
        task.launch(sum, Y, X[:, 4 * k : 4 * k + 4])

@task.define
def host(Y: task.Tensor["M"], X: task.Tensor["M", "K"]):
    Yp = task.partition(Y, by="blocks", shape=(8,))
    Xp = task.partition(X, by="blocks", shape=(8, K))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(block, Yp[i], Xp[i, :])
)",
         .more = "    spread: {k: 3}\n    pipeline: 2\n",
         .sizes = {"M=19 K=44", "M=1 K=4", "M=8 K=8"},
         .targets = {"dsa_cloud"}});
}

// Two loops of the name, one in a loop, one in a branch, with what they need before them.
TEST(Spread, SeveralLoops) {
  check({.logic = std::string(sums) + R"(
@task.define
def block(Y, X, i: int):
    ready = task.tensor(X.shape, "f32")
    task.launch(twice, ready, X)
    for q in task.sequential_range(2):
        first = task.tensor(Y.shape, "f32")
        task.launch(zero, first)
        for k in task.sequential_range(i + q):
            task.launch(sum, first, ready[:, 2 * k : 2 * k + 2])
        if i % 2 == 1:
            for k in task.sequential_range(3):
                task.launch(sum, first, X[:, k : k + 1])
        task.launch(add_to, Y, first)

@task.define
def host(Y: task.Tensor["M"], X: task.Tensor["M", "K"]):
    Yp = task.partition(Y, by="blocks", shape=(8,))
    Xp = task.partition(X, by="blocks", shape=(8, K))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(block, Yp[i], Xp[i, :], i)
)",
         .block = "Y: REGISTER, X: SHARED, ready: SHARED, first: SHARED",
         .more = "    spread: {k: 4}\n",
         .sizes = {"M=35 K=12", "M=3 K=5"},
         .targets = {"dsa_cloud"}});
}

// Parallel loops inside a spread one run in order, on each core.
TEST(Spread, OnTheHostAroundParallelLoops) {
  check({.logic = std::string(sums) + R"(
@task.define
def block(Y, X):
    task.launch(sum, Y, X)

@task.define
def host(Y: task.Tensor["M"], X: task.Tensor["M", "K"]):
    Yp = task.partition(Y, by="blocks", shape=(8,))
    Xp = task.partition(X, by="blocks", shape=(8, 3))
    for k in task.sequential_range(Xp.shape[1]):
        for i in task.parallel_range(Yp.shape[0]):
            task.launch(block, Yp[i], Xp[i, k])
)",
         .host = "Y: GLOBAL, X: GLOBAL}\n    spread: {k: 2",
         .sizes = {"M=35 K=40", "M=3 K=2"},
         .targets = {"dsa_cloud"}});
}

// The loop stands on the host, around launches that place the sums by themselves.
TEST(Spread, OnTheHost) {
  check({.logic = std::string(sums) + R"(
@task.define
def block(Y, X):
    task.launch(sum, Y, X)

@task.define
def host(Y: task.Tensor["M"], X: task.Tensor["M", "K"]):
    Xp = task.partition(X, by="blocks", shape=(M, 3))
    for k in task.sequential_range(Xp.shape[1]):
        task.launch(block, Y, Xp[0, k])
)",
         .host = "Y: GLOBAL, X: GLOBAL}\n    spread: {k: 4",
         .sizes = {"M=35 K=40", "M=3 K=2", "M=1 K=7"},
         .targets = {"dsa_cloud"}});
}

}  // namespace
}  // namespace septran
