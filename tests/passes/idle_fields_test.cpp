// Entries of a mapping that do nothing are named, with the reason.
#include <gtest/gtest.h>

#include "tests/support/kernel.h"

namespace septran {
namespace {

using testing_support::Kernel;
using testing_support::KernelText;

const char* const logic = R"(import task_lang as task

@task.define(leaf=True)
def add(Y, X1, X2):
    task.call_primitive("add", Y, X1, X2)

@task.define
def block(Y, X):
    sum = task.tensor(Y.shape, Y.dtype)
    task.launch(add, sum, X, X)
    task.launch(add, Y, sum, X)

@task.define
def again(Y, X):
    task.launch(block, Y, X)

@task.define
def host(Y: task.f32["M"], X: task.f32["M"]):
    Yp = task.partition(Y, by="blocks", shape=(8,))
    Xp = task.partition(X, by="blocks", shape=(8,))
    for i in task.parallel_range(Yp.shape):
        task.launch(block, Yp[i], Xp[i])
    for i in task.parallel_range(Yp.shape):
        task.launch(again, Yp[i], Xp[i])
)";

/// The messages for instances `block` and `again`, whose fields behind `task_name` and `proc` are
/// given. `host` launches both in loops, and `again` launches `block`.
std::string messages_of(const std::string& block, const std::string& again) {
  KernelText text;
  text.logic = logic;
  text.mapping =
      "entrypoint: host\ntask_mappings:\n  host: {task_name: host, proc: HOST}\n"
      "  block: {task_name: block, proc: BLOCK, " +
      block + "}\n  again: {task_name: again, proc: BLOCK, " + again + "}\n";
  text.target = "dsa_edge";
  text.definitions = {{"M", "32"}};
  Kernel kernel;
  testing_support::compile(text, kernel);
  EXPECT_TRUE(kernel.program.has_value()) << kernel.messages();
  std::string all;
  for (const Diagnostic& one : kernel.diagnostics.all()) {
    EXPECT_EQ(one.severity, Severity::warning);
    all += one.code + ": " + one.text + "\n";
  }
  return all;
}

TEST(IdleFields, DepthIsForWhatIsWritten) {
  EXPECT_EQ(messages_of("mems: {Y: SHARED, X: SHARED, sum: SHARED}, rotate: {Y: 2, sum: 2, X: 2}",
                        "mems: {}"),
            "rotate-without-effect: `rotate` has no effect on 'X' of instance 'block', which only "
            "reads it\n");
  EXPECT_EQ(messages_of("mems: {Y: SHARED, X: SHARED, sum: SHARED}, rotate: {X: 1}", "mems: {}"),
            "");
}

TEST(IdleFields, PartsAreOfWhatIsOnlyRead) {
  EXPECT_EQ(messages_of("mems: {Y: SHARED, X: SHARED, sum: SHARED}, resident: [X, Y]", "mems: {}"),
            "resident-without-effect: `resident` has no effect on 'Y' of instance 'block', which "
            "writes it\n");
}

// Buffers that the launching instance makes, and an instance that has one of its own at one launch
// of two.
TEST(IdleFields, OneUseIsEnough) {
  const std::string placed = "mems: {Y: SHARED, X: SHARED}";
  EXPECT_EQ(messages_of("mems: {Y: SHARED, X: SHARED, sum: SHARED}",
                        "mems: {Y: GLOBAL, X: GLOBAL}, rotate: {Y: 2}, "
                        "resident: [X]"),
            "rotate-without-effect: `rotate` has no effect on 'Y' of instance 'again', which uses "
            "it where it lies\n"
            "resident-without-effect: `resident` has no effect on 'X' of instance 'again', which "
            "uses it where it lies\n");
  EXPECT_EQ(messages_of("mems: {Y: SHARED, X: SHARED, sum: SHARED}, rotate: {Y: 2}, resident: [X]",
                        placed),
            "");
}

TEST(IdleFields, DepthNeedsALoop) {
  KernelText text;
  text.logic = std::string(logic) +
               "\n@task.define\ndef once(Y: task.f32[8], X: task.f32[8]):\n"
               "    task.launch(block, Y, X)\n";
  text.mapping =
      "entrypoint: once\ntask_mappings:\n  once: {task_name: once, proc: HOST}\n"
      "  block: {task_name: block, proc: BLOCK, mems: {Y: SHARED, X: SHARED, sum: SHARED},\n"
      "          rotate: {Y: 2, sum: 2}}\n";
  text.target = "dsa_edge";
  Kernel kernel;
  testing_support::compile(text, kernel);
  ASSERT_TRUE(kernel.program.has_value()) << kernel.messages();
  for (const char* name : {"Y", "sum"}) {
    EXPECT_NE(kernel.messages().find(std::string("warning[rotate-without-effect]: `rotate` has no "
                                                 "effect on '") +
                                     name +
                                     "' of instance 'block', which has it outside of every "
                                     "loop"),
              std::string::npos)
        << kernel.messages();
  }
  // Where nothing overlaps, depths are there for other machines.
  text.target = "cpu_generic";
  Kernel without;
  testing_support::compile(text, without);
  ASSERT_TRUE(without.program.has_value()) << without.messages();
  EXPECT_EQ(without.messages(), "");
}

}  // namespace
}  // namespace septran
