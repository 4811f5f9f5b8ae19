// Descriptions of machines that lack something: what still runs, and what is said of the rest.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <regex>

#include "simulated.h"
#include "source_dir.h"
#include "tests/support/changed_machine.h"

namespace septran {
namespace {

using testing_support::ChangedMachine;
using testing_support::check_kernel;
using testing_support::Kernel;
using testing_support::KernelText;

std::string source(const std::string& path) {
  return testing_support::read_text(std::string(SEPTRAN_SOURCE_DIR) + "/" + path);
}

/// So many rows are added up one after the other; `loads` are the statements that do it.
KernelText rows(const std::string& loads, int depth) {
  KernelText text;
  text.logic =
      "import task_lang as task\n\n\n@task.define(leaf=True)\ndef clear(Y):\n"
      "    task.call_primitive(\"fill\", Y, 0.0)\n\n\n@task.define(leaf=True)\n"
      "def add(Y, X):\n    task.call_primitive(\"add\", Y, Y, X)\n\n\n@task.define\n"
      "def block(Y, X):\n    task.launch(clear, Y)\n" +
      loads +
      "\n\n@task.define\ndef host(Y: task.Tensor[\"M\", \"N\"], X: task.Tensor[\"L\", \"M\", "
      "\"N\"]):\n"
      "    for i in task.parallel_range(M):\n"
      "        task.launch(block, Y[i], X[:, i, :])\n";
  text.mapping = fmt::format(
      "entrypoint: host\ntask_mappings:\n  host: {{task_name: host, proc: HOST}}\n"
      "  block: {{task_name: block, proc: BLOCK, mems: {{Y: SHARED, X: SHARED}},\n"
      "          pipeline: {}}}\n",
      depth);
  text.definitions = {{"M", "3"}, {"N", "9"}};
  return text;
}

TEST(Machines, BuffersStartAtWholeElements) {
  // Without an alignment of its own, a memory must not have f32 behind an odd number of f16.
  const ChangedMachine machine("dsa_edge", "alignment_bytes", "1");
  KernelText text;
  text.logic = source("examples/softmax/softmax.py");
  text.mapping = source("mappings/softmax/dsa_edge.yaml");
  text.mapping_file = std::string(SEPTRAN_SOURCE_DIR) + "/mappings/softmax/dsa_edge.yaml";
  text.dtype = DType::f16;
  text.target = machine.path();
  for (const char* columns : {"1", "7", "33"}) {
    text.definitions = {{"M", "5"}, {"N", columns}};
    EXPECT_EQ(check_kernel(text, false, 2e-3, false), "") << columns;
  }
}

TEST(Machines, RingsShareRegistersWhereThereAreFew) {
  std::string loads;
  for (int row = 0; row < 24; ++row) loads += fmt::format("    task.launch(add, Y, X[{}])\n", row);
  KernelText text = rows(loads, 2);
  text.definitions.emplace_back("L", "24");
  EXPECT_EQ(check_kernel(text, true, 0, true), "");
  const ChangedMachine machine("dsa_edge", "registers", "16");
  text.target = machine.path();
  EXPECT_EQ(check_kernel(text, true, 0, true), "");
}

/// Expects that the kernel is refused with this message.
void expect_message(const KernelText& text, const std::string& message) {
  Kernel kernel;
  testing_support::compile(text, kernel);
  EXPECT_FALSE(kernel.program.has_value());
  EXPECT_NE(kernel.messages().find(message), std::string::npos) << kernel.messages();
}

TEST(Machines, CountersHoldSoManyCredits) {
  const ChangedMachine machine("dsa_edge", "event_maximum", "2");
  KernelText text = rows(
      "    for k in task.sequential_range(X.shape[0]):\n"
      "        task.launch(add, Y, X[k])\n",
      2);
  text.definitions.emplace_back("L", "40");
  text.target = machine.path();
  EXPECT_EQ(check_kernel(text, true, 0, true), "");
  text.mapping = std::regex_replace(text.mapping, std::regex("pipeline: 2"), "pipeline: 3");
  expect_message(
      text,
      "kernel.yaml:4:63: error[event-beyond-maximum]: vector may signal 'X.free' 3 times "
      "ahead of load, but an event counter of dsa_edge holds 2");
}

/// Where only some trips load, nothing else keeps the vector engine from running ahead: while the
/// load engine stands before its wait in trip 3, X.free holds its credit and the signals of trips
/// 0, 1 and 2. The 40 trips and the queue of 16 would allow more.
TEST(Machines, CountersHoldWhatIsSignalledAhead) {
  KernelText text = rows(
      "    for k in task.sequential_range(X.shape[0]):\n        if k > 2:\n"
      "            task.launch(add, Y, X[k])\n",
      1);
  text.definitions.emplace_back("L", "40");
  EXPECT_EQ(check_kernel(text, true, 0, false), "");
  const ChangedMachine enough("dsa_edge", "event_maximum", "4");
  text.target = enough.path();
  EXPECT_EQ(check_kernel(text, true, 0, true), "");
  const ChangedMachine machine("dsa_edge", "event_maximum", "3");
  text.target = machine.path();
  expect_message(text, "error[event-beyond-maximum]: vector may signal 'X.free' 4 times");
}

/// So many loads, one after the other, whose slots come round from one row to the next: each of
/// their counters is followed through the program, where its credits and the queue would be over
/// what it holds.
TEST(Machines, CountersAreFollowedThroughLongPrograms) {
  std::string loads;
  for (int row = 0; row < 60; ++row) loads += fmt::format("    task.launch(add, Y, X[{}])\n", row);
  KernelText text = rows(loads, 2);
  text.definitions.emplace_back("L", "60");
  EXPECT_EQ(check_kernel(text, true, 0, true), "");
}

TEST(Machines, LimitsAreShownInTheSources) {
  const ChangedMachine machine("dsa_edge", "operands", "4");
  KernelText text = rows("    task.launch(add, Y, X[0])\n", 1);
  text.definitions.emplace_back("L", "1");
  text.target = machine.path();
  const std::string fault = check_kernel(text, true, 0, false);
  EXPECT_NE(fault.find("kernel.yaml:3:3: error[dsa-exceeds-target]: the program: its number of "
                       "operands is"),
            std::string::npos)
      << fault;
}

}  // namespace
}  // namespace septran
