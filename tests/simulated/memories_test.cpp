// Tensors in each memory and on the ways between them, compiled and simulated on both accelerators.
#include <gtest/gtest.h>

#include "logic_case.h"

namespace septran {
namespace {

using testing_support::check;

TEST(Memories, TasksInTasksInEveryMemory) {
  check({.logic = R"(
@task.define
def l3(Y, X):
    task.launch(twice, Y, X)

@task.define
def l2(Y, X):
    for i in task.sequential_range(Y.shape[0]):
        task.launch(l3, Y[i], X[i])

@task.define
def block(Y, X):
    for i in task.sequential_range(Y.shape[0]):
        task.launch(l2, Y[i], X[i])

@task.define
def mid(Y, X):
    for i in task.parallel_range(Y.shape[0]):
        task.launch(block, Y[i], X[i])

@task.define
def host(Y: task.Tensor["A1", "B1", "C1", "D1"], X: task.Tensor["A1", "B1", "C1", "D1"]):
    task.launch(mid, Y, X)
)",
         .block = "Y: GLOBAL, X: GLOBAL",
         .more = R"(    pipeline: 2
  mid: {task_name: mid, proc: HOST, mems: {Y: GLOBAL, X: GLOBAL}, workers: all}
  l2: {task_name: l2, proc: BLOCK, mems: {Y: SHARED, X: SHARED}, pipeline: 3}
  l3: {task_name: l3, proc: BLOCK, mems: {Y: REGISTER, X: REGISTER}}
)",
         .sizes = {"A1=3 B1=4 C1=5 D1=6", "A1=1 B1=1 C1=1 D1=1",
                   "A1=5 B1=2 C1=7 D1=33 --dtype f16"}});
}

TEST(Memories, CopiesThroughStaging) {
  check({.logic = R"(
@task.define(leaf=True)
def cp(Y, X):
    task.call_primitive("copy", Y, X)

@task.define(leaf=True)
def tr(Y, X):
    task.call_primitive("transpose", Y, X)

@task.define
def block(Y, X):
    task.launch(cp, Y, X)

@task.define
def blockt(Y, X):
    task.launch(tr, Y, X)

@task.define
def host(Y: task.f32["M", "N"], X: task.f32["M", "N"], Z: task.f32["N", "M"]):
    Yp = task.partition(Y, by="blocks", shape=(4, N))
    Xp = task.partition(X, by="blocks", shape=(4, N))
    Zp = task.partition(Z, by="blocks", shape=(N, 4))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(block, Yp[i, 0], Xp[i, 0])
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(blockt, Zp[0, i], Xp[i, 0])
)",
         .host = "Y: GLOBAL, X: GLOBAL, Z: GLOBAL",
         .block = "Y: GLOBAL, X: GLOBAL",
         .more = R"(  blockt: {task_name: blockt, proc: BLOCK, mems: {Y: GLOBAL, X: GLOBAL}}
)",
         .sizes = {"M=9 N=6", "M=1 N=1", "M=100 N=50"}});
}

TEST(Memories, ConversionsWherePathsDoNotConvert) {
  for (const char* memory : {"SHARED", "REGISTER"}) {
    check({.logic = R"(
@task.define(leaf=True)
def move(Y, X):
    task.call_primitive("copy", Y, X)

@task.define
def block(Y, X):
    T = task.tensor(X.shape, "bf16")
    task.launch(move, T, X)
    task.launch(move, Y, T.T)

@task.define
def host(Y: task.f16["N", "M"], X: task.i32["M", "N"]):
    Yp = task.partition(Y, by="blocks", shape=(N, 4))
    Xp = task.partition(X, by="blocks", shape=(4, N))
    for i in task.parallel_range(Xp.shape[0]):
        task.launch(block, Yp[0, i], Xp[i, 0])
)",
           .block = std::string("Y: GLOBAL, X: GLOBAL, T: ") + memory,
           .sizes = {"M=9 N=6", "M=1 N=1"}});
  }
}

/// Each processor has a copy of a temporary in GLOBAL that its iterations make.
TEST(Memories, TemporariesInGlobalOfEachProcessor) {
  check({.logic = R"(
@task.define
def block(Y, X):
    T = task.tensor(X.shape, "f32")
    task.launch(twice, T, X)
    for r in task.sequential_range(3):
        task.launch(add_to, Y, T)
        task.launch(twice, T, X)

@task.define
def host(Y: task.f32["M", "N"], X: task.f32["M", "N"]):
    for i in task.parallel_range(M):
        task.launch(block, Y[i], X[i])
)",
         .block = "Y: SHARED, X: SHARED, T: GLOBAL",
         .more = "  twice: {task_name: twice, proc: BLOCK, mems: {Y: SHARED}}\n"
                 "  add_to: {task_name: add_to, proc: BLOCK, mems: {X: REGISTER}}\n",
         .sizes = {"M=13 N=70", "M=1 N=1"}});
}

/// A task further in asks for what lies on chip in GLOBAL, where each processor has its own part.
TEST(Memories, FromTheChipBackToGlobal) {
  check({.logic = R"(
@task.define
def inner(Y, X):
    task.launch(twice, Y, X)

@task.define
def middle(Y, X):
    task.launch(inner, Y, X)

@task.define
def block(Y, X):
    task.launch(middle, Y, X)

@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    Yp = task.partition(Y, by="blocks", shape=(5, N))
    Xp = task.partition(X, by="blocks", shape=(5, N))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(block, Yp[i], Xp[i])
)",
         .block = "Y: REGISTER, X: SHARED",
         .more = "  middle: {task_name: middle, proc: BLOCK, mems: {Y: GLOBAL, X: GLOBAL}}\n"
                 "  inner: {task_name: inner, proc: BLOCK, mems: {Y: SHARED, X: REGISTER}}\n",
         .sizes = {"M=23 N=7", "M=1 N=1", "M=40 N=16 --dtype f16"}});
}

}  // namespace
}  // namespace septran
