// What the passes say and do where a mapping or a machine asks for more than there is.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "compiler/tile/visit.h"
#include "source_dir.h"
#include "tests/support/hazards.h"
#include "tests/support/kernel.h"

namespace septran {
namespace {

using testing_support::Kernel;
using testing_support::KernelText;

std::string source(const std::string& path) {
  return testing_support::read_text(std::string(SEPTRAN_SOURCE_DIR) + "/" + path);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Passes, ClustersNeedWholeNumbersOfThem) {
  KernelText text;
  text.logic = source("examples/gemm/gemm.py");
  text.mapping = source("mappings/gemm/nvidia_h100.yaml");
  text.target = "nvidia_h100";
  text.dtype = DType::f16;
  text.definitions = {{"M", "384"}, {"N", "768"}, {"K", "64"}};  // three rows of three tiles
  Kernel alone;
  testing_support::compile(text, alone);
  EXPECT_EQ(alone.messages(), "");
  text.mapping = replaced(text.mapping, "cuda: {", "cuda: {cluster: [1, 2], ");
  Kernel uneven;
  testing_support::compile(text, uneven);
  ASSERT_TRUE(uneven.program.has_value());
  EXPECT_NE(uneven.messages().find("warning[cluster-uneven]: blocks run alone, not in clusters of "
                                   "1 x 2: 'j' has 3 iterations"),
            std::string::npos)
      << uneven.messages();
}

TEST(Passes, IterationsOfAClusterLieSideBySide) {
  KernelText text;
  text.logic = source("examples/gemm/gemm.py");
  text.mapping =
      replaced(source("mappings/gemm/nvidia_h100.yaml"), "cuda: {", "cuda: {cluster: [2, 2], ");
  text.target = "nvidia_h100";
  text.dtype = DType::f16;
  text.definitions = {{"M", "768"}, {"N", "1024"}, {"K", "64"}};
  Kernel kernel;
  testing_support::compile(text, kernel);
  ASSERT_TRUE(kernel.program.has_value()) << kernel.messages();
  const tile::Program& program = *kernel.program;
  const tile::Loop* share = nullptr;
  std::vector<VarId> indices;
  tile::for_each_statement(program.body, [&](const tile::Statement& statement) {
    const auto* loop = std::get_if<tile::Loop>(&statement.node);
    if (loop == nullptr) return;
    if (loop->workers > 0) share = loop;
    if (program.vars[loop->var].bounds) indices.push_back(loop->var);
  });
  ASSERT_NE(share, nullptr);
  ASSERT_EQ(indices.size(), 2U);
  std::set<std::vector<std::int64_t>> tiles;
  for (std::int64_t t = 0; t < 24; ++t) {
    std::vector<std::int64_t> tile;
    for (const VarId v : indices) {
      const Expr value = program.vars[v].begin.substitute(share->var, Expr(t - t % 4));
      const Expr own = program.vars[v].begin.substitute(share->var, Expr(t));
      EXPECT_EQ(value.constant().value() / 2, own.constant().value() / 2) << t;
      tile.push_back(own.constant().value());
    }
    EXPECT_TRUE(tiles.insert(tile).second) << t;
  }
}

// Each launch that does not fit is told by itself, with the buffers that it has at one time: their
// bytes add up to what is needed.
TEST(Passes, MisfitsAreToldLaunchByLaunch) {
  KernelText text;
  text.logic = source("examples/mlp/mlp.py");
  text.mapping = source("mappings/mlp/dsa_edge.yaml");
  text.definitions = {{"M", "256"}, {"N", "256"}, {"K", "256"}, {"F", "256"}};
  const auto path = std::filesystem::temp_directory_path() /
                    fmt::format("septran_small_accumulators_{}.yaml", ::getpid());
  std::ofstream(path) << replaced(source("targets/dsa_edge.yaml"), "size_bytes: 65536 ",
                                  "size_bytes: 20000 ");
  text.target = path.string();
  Kernel kernel;
  testing_support::compile(text, kernel);
  std::filesystem::remove(path);
  EXPECT_FALSE(kernel.program.has_value());
  int misfits = 0;
  for (const Diagnostic& one : kernel.diagnostics.all()) {
    if (one.code != "does-not-fit") continue;
    ++misfits;
    EXPECT_NE(one.text.find("32768 bytes are needed, 20000 are there (12768 bytes too many)"),
              std::string::npos)
        << one.text;
    ASSERT_EQ(one.notes.size(), 1U);
    EXPECT_EQ(one.notes[0].text, "acc: 64 x 64 f32, 2 deep = 32768 bytes");
  }
  EXPECT_EQ(misfits, 2);
}

TEST(Passes, MergeSyncsWhereEventsRunOut) {
  KernelText text;
  text.logic = source("examples/mlp/mlp.py");
  text.mapping = source("mappings/mlp/dsa_edge.yaml");
  text.definitions = {{"M", "261"}, {"N", "389"}, {"K", "325"}, {"F", "453"}};
  Kernel whole;
  testing_support::compile(text, whole);
  ASSERT_TRUE(whole.program.has_value()) << whole.messages();
  const std::size_t events = whole.program->events.size();

  const auto path = std::filesystem::temp_directory_path() /
                    fmt::format("septran_few_events_{}.yaml", ::getpid());
  std::ofstream(path) << replaced(source("targets/dsa_edge.yaml"), "events: 64 ",
                                  fmt::format("events: {} ", events - 1));
  text.target = path.string();
  Kernel merged;
  testing_support::compile(text, merged);
  std::filesystem::remove(path);
  ASSERT_TRUE(merged.program.has_value()) << merged.messages();
  EXPECT_LT(merged.program->events.size(), events);
  EXPECT_TRUE(tile::find_hazards(*merged.program).empty());
  // f32 sums in another order: partial sums of some 40 round by 40 * 2^-24 each, over 453 terms as
  // a random walk 21 times that, 5e-5; the largest of 100,000 elements lies at four deviations.
  EXPECT_EQ(testing_support::compare_stages(merged, false, 2e-4), "");
}

TEST(Passes, EventsAreUsedInTurns) {
  // Each row has a buffer of its own, and each copy into one an event: 40 of them, all from the
  // load engine to the vector engine in one order.
  KernelText text;
  text.logic =
      "import task_lang as task\n\n\n@task.define(leaf=True)\ndef add(Y, X):\n"
      "    task.call_primitive(\"add\", Y, X, 1.0)\n\n\n@task.define\ndef block(Y, X):\n";
  for (int row = 0; row < 40; ++row) {
    text.logic += fmt::format("    task.launch(add, Y[{0}], X[{0}])\n", row);
  }
  text.logic +=
      "\n\n@task.define\ndef host(Y: task.f32[40, \"N\"], X: task.f32[40, \"N\"]):\n"
      "    for j in task.parallel_range(N // 8):\n"
      "        task.launch(block, Y[:, 8 * j : 8 * j + 8], X[:, 8 * j : 8 * j + 8])\n";
  text.mapping =
      "entrypoint: host\ntask_mappings:\n  host: {task_name: host, proc: HOST}\n"
      "  block: {task_name: block, proc: BLOCK, mems: {Y: SHARED, X: SHARED}, pipeline: 2}\n";
  text.definitions = {{"N", "32"}};
  const auto path = std::filesystem::temp_directory_path() /
                    fmt::format("septran_events_in_turns_{}.yaml", ::getpid());
  std::ofstream(path) << replaced(source("targets/dsa_edge.yaml"), "events: 64 ", "events: 8 ");
  text.target = path.string();
  Kernel kernel;
  testing_support::compile(text, kernel);
  std::filesystem::remove(path);
  ASSERT_TRUE(kernel.program.has_value()) << kernel.messages();
  EXPECT_LE(kernel.program->events.size(), 8U);
  int pairs = 0;
  for (const tile::Event& event : kernel.program->events) {
    pairs += event.pairs;
    EXPECT_FALSE(event.merged);
    EXPECT_LE(event.credits, 63);
  }
  EXPECT_GT(pairs, 40);
  EXPECT_EQ(testing_support::check_syncs(*kernel.program, true), "");
  EXPECT_EQ(testing_support::compare_stages(kernel, true, 0), "");
}

/// Rows that each follow from the one before, in a tensor that is passed twice, through a task that
/// places nothing.
KernelText passed_twice(const std::string& block_mems) {
  KernelText text;
  text.logic =
      "import task_lang as task\n\n\n@task.define(leaf=True)\ndef add(Y, X):\n"
      "    task.call_primitive(\"add\", Y, X, 1.0)\n\n\n@task.define\ndef block(Y, X):\n"
      "    for k in task.sequential_range(Y.shape[0] - 1):\n"
      "        task.launch(add, Y[k + 1], X[k])\n\n\n@task.define\n"
      "def between(Y, X):\n    task.launch(block, Y, X)\n\n\n@task.define\n"
      "def host(Y: task.f32[9, 12]):\n    for j in task.parallel_range(3):\n"
      "        task.launch(between, Y[:, 4 * j : 4 * j + 4], Y[:, 4 * j : 4 * j + 4])\n";
  text.mapping =
      "entrypoint: host\ntask_mappings:\n  host: {task_name: host, proc: HOST}\n"
      "  between: {task_name: between, proc: HOST}\n"
      "  block: {task_name: block, proc: BLOCK, mems: {" +
      block_mems + "}, pipeline: 2}\n";
  return text;
}

TEST(Passes, ATensorThatIsPassedTwiceHasOneBuffer) {
  Kernel one;
  testing_support::compile(passed_twice("Y: SHARED, X: SHARED"), one);
  ASSERT_TRUE(one.program.has_value()) << one.messages();
  EXPECT_EQ(testing_support::compare_stages(one, true, 0), "");
  for (const char* apart : {"Y: SHARED, X: REGISTER", "Y: SHARED", "X: SHARED"}) {
    Kernel two;
    testing_support::compile(passed_twice(apart), two);
    EXPECT_FALSE(two.program.has_value()) << apart;
    EXPECT_NE(two.messages().find("error[overlapping-arguments]: arguments 'Y' and 'X'"),
              std::string::npos)
        << two.messages();
  }
}

TEST(Passes, DoNotRotateWhatLiesInGlobal) {
  KernelText text;
  text.logic =
      "import task_lang as task\n\n\n@task.define(leaf=True)\ndef move(Y, X):\n"
      "    task.call_primitive(\"copy\", Y, X)\n\n\n@task.define\n"
      "def block(Y, X):\n    T = task.tensor(X.shape, \"f32\")\n    task.launch(move, T, X)\n"
      "    task.launch(move, Y, T)\n\n\n@task.define\n"
      "def host(Y: task.f32[8], X: task.f32[8]):\n    task.launch(block, Y, X)\n";
  text.mapping =
      "entrypoint: host\ntask_mappings:\n"
      "  host: {task_name: host, proc: HOST, mems: {Y: GLOBAL, X: GLOBAL}}\n"
      "  block: {task_name: block, proc: BLOCK, mems: {Y: SHARED, X: SHARED, T: GLOBAL},\n"
      "          rotate: {T: 2}}\n";
  Kernel kernel;
  testing_support::compile(text, kernel);
  EXPECT_FALSE(kernel.program.has_value());
  EXPECT_NE(kernel.messages().find("kernel.yaml:4:74: error[rotate-not-private]: 'T' lies in"),
            std::string::npos)
      << kernel.messages();
}

/// A product of integers by a fraction is rounded to integers, which its parts must not be.
TEST(Passes, DoNotSplitProductsThatRound) {
  KernelText text;
  text.logic =
      "import task_lang as task\n\n\n@task.define(leaf=True)\ndef half(C, A, B):\n"
      "    task.call_primitive(\"gemm\", C, A, B, alpha=0.5)\n\n\n@task.define\n"
      "def block(C, A, B):\n    task.launch(half, C, A, B)\n\n\n@task.define\n"
      "def host(C: task.i32[8, 8], A: task.i8[8, 100], B: task.i8[100, 8]):\n"
      "    task.launch(block, C, A, B)\n";
  text.mapping =
      "entrypoint: host\ntask_mappings:\n"
      "  host: {task_name: host, proc: HOST, mems: {C: GLOBAL, A: GLOBAL, B: GLOBAL}}\n"
      "  block: {task_name: block, proc: BLOCK, mems: {C: REGISTER, A: SHARED, B: SHARED},\n"
      "          leaf_task_bindings: {half: mma}}\n";
  Kernel whole;
  testing_support::compile(text, whole);
  ASSERT_TRUE(whole.program.has_value()) << whole.messages();
  EXPECT_EQ(testing_support::compare_stages(whole, true, 0), "");
  text.mapping = replaced(text.mapping, "half: mma", "half: {impl: mma, split: {k: 50}}");
  Kernel split;
  testing_support::compile(text, split);
  EXPECT_FALSE(split.program.has_value());
  EXPECT_NE(split.messages().find("error[split-unsupported]: `gemm` cannot be split along 'k'"),
            std::string::npos)
      << split.messages();
}

}  // namespace
}  // namespace septran
