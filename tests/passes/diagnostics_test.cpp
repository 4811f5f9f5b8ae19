// What the passes say and do where a mapping or a machine asks for more than there is.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "compiler/tile/hazards.h"
#include "source_dir.h"
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
