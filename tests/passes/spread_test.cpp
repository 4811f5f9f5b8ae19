// What `spread` may not do, and what becomes of it where there is nothing to deal out.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "compiler/tile/text.h"
#include "tests/support/kernel.h"

namespace septran {
namespace {

using testing_support::Kernel;
using testing_support::KernelText;

struct Spread {
  std::string trip;         // statements of the loop over k
  std::string before = "";  // of the block, before it
  std::string after = "";   // behind it
  std::string type = "f32";
  std::string mems = "total: SHARED";
  std::string count = "3";
};

KernelText text_of(const Spread& one) {
  KernelText text;
  text.target = "dsa_cloud";
  text.definitions = {{"M", "16"}, {"K", "24"}};
  text.logic = fmt::format(R"(import task_lang as task

@task.define(leaf=True)
def zero(T):
    task.call_primitive("fill", T, 0)

@task.define(leaf=True)
def sum(T, X):
    task.call_primitive("reduce_sum", T, X, axis=1, accumulate=True)

@task.define(leaf=True)
def top(T, X):
    task.call_primitive("reduce_max", T, X, axis=1, accumulate=True)

@task.define(leaf=True)
def twice(Y, X):
    task.call_primitive("mul", Y, X, 2)

@task.define(leaf=True)
def store(Y, X):
    task.call_primitive("copy", Y, X)

@task.define
def block(Y, Z, X):
{}    total = task.tensor(Y.shape, "{}")
    task.launch(zero, total)
    for k in task.sequential_range(X.shape[1] // 4):
{}
{}    task.launch(store, Y, total)

@task.define
def host(Y: task.Tensor["M"], Z: task.Tensor["M", "K"], X: task.Tensor["M", "K"]):
    Yp = task.partition(Y, by="blocks", shape=(8,))
    Zp = task.partition(Z, by="blocks", shape=(8, K))
    Xp = task.partition(X, by="blocks", shape=(8, K))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(block, Yp[i], Zp[i, 0], Xp[i, 0])
)",
                           one.before, one.type, one.trip, one.after);
  text.mapping = fmt::format(
      "entrypoint: host\ntask_mappings:\n  host:\n    task_name: host\n    proc: HOST\n"
      "    mems: {{Y: GLOBAL, Z: GLOBAL, X: GLOBAL}}\n  block:\n    task_name: block\n"
      "    proc: BLOCK\n    mems: {{Y: SHARED, Z: SHARED, X: SHARED, {}}}\n    spread: {{k: {}}}\n",
      one.mems, one.count);
  return text;
}

constexpr const char* sum_trip = "        task.launch(sum, total, X[:, 4 * k : 4 * k + 4])";

void expect_refused(const Spread& one, const std::string& message) {
  Kernel kernel;
  testing_support::compile(text_of(one), kernel);
  EXPECT_FALSE(kernel.program.has_value());
  EXPECT_NE(kernel.messages().find("kernel.yaml:11:17: error[" + message), std::string::npos)
      << kernel.messages();
}

TEST(Spread, IsRefusedWhereTripsDoNotCombine) {
  expect_refused({.trip = "        task.launch(twice, total, total)"},
                 "spread-not-combining]: 'k' cannot be spread: what processors write to total by "
                 "`mul` does not combine");
}

TEST(Spread, IsRefusedWhereSumsAndMaximaMeet) {
  expect_refused({.trip = std::string(sum_trip) +
                          "\n        task.launch(top, total, X[:, 4 * k : 4 * k + 4])"},
                 "spread-mixed]: 'k' cannot be spread: shares of total would be combined in two "
                 "ways, `max` is one of them");
}

TEST(Spread, IsRefusedWhereEveryTripRounds) {
  expect_refused({.trip = sum_trip, .type = "f16"},
                 "spread-rounded]: 'k' cannot be spread: total is f16, and is rounded in every "
                 "trip");
}

TEST(Spread, IsRefusedWhereSumsAreReadTooEarly) {
  expect_refused({.trip = std::string(sum_trip) + "\n        early = task.tensor(Y.shape, \"f32\")"
                                                  "\n        task.launch(twice, early, total)",
                  .mems = "total: SHARED, early: SHARED"},
                 "spread-reads-sums]: 'k' cannot be spread: `mul` reads total before it is "
                 "complete");
}

TEST(Spread, IsRefusedWhereSharesNeedWhatIsWrittenOutside) {
  expect_refused(
      {.trip = "        task.launch(sum, total, Z[:, 4 * k : 4 * k + 4])",
       .before = "    task.launch(twice, Z, X)\n"},
      "spread-needs-shared]: 'k' cannot be spread: its trips need Z, which the iteration "
      "itself writes for all to see");
}

TEST(Spread, IsRefusedWhereALoopAroundChangesWhatSharesNeed) {
  expect_refused(
      {.trip = "        for j in task.sequential_range(1):\n"
               "            pass\n" +
               std::string(sum_trip),
       .before = "    ready = task.tensor(X.shape, \"f32\")\n"
                 "    task.launch(twice, ready, X)\n"
                 "    part = task.tensor(Y.shape, \"f32\")\n"
                 "    task.launch(zero, part)\n"
                 "    for q in task.sequential_range(2):\n"
                 "        for k in task.sequential_range(3):\n"
                 "            task.launch(sum, part, ready[:, 4 * k : 4 * k + 4])\n"
                 "        task.launch(twice, ready, X)\n",
       .mems = "total: SHARED, ready: SHARED, part: SHARED"},
      "spread-needs-shared]: 'k' cannot be spread: its trips need ready, which a trip of "
      "the loop around changes for the next one");
}

// Maxima do not round, so they may be of any type.
TEST(Spread, TakesMaximaOfAnyType) {
  Kernel kernel;
  testing_support::compile(
      text_of({.trip = "        task.launch(top, total, X[:, 4 * k : 4 * k + 4])", .type = "bf16"}),
      kernel);
  ASSERT_TRUE(kernel.program.has_value()) << kernel.messages();
  EXPECT_EQ(testing_support::compare_stages(kernel, true, 0), "");
}

TEST(Spread, OnOneProcessorChangesNothing) {
  Kernel kernel;
  testing_support::compile(text_of({.trip = sum_trip, .count = "1"}), kernel);
  ASSERT_TRUE(kernel.program.has_value()) << kernel.messages();
  EXPECT_EQ(tile::to_text(*kernel.program).find("_share"), std::string::npos);
}

}  // namespace
}  // namespace septran
