// Statements and expressions of Task Lang, each in a kernel of its own, compiled and simulated on
// both accelerators.
#include <gtest/gtest.h>

#include "logic_case.h"

namespace septran {
namespace {

using testing_support::check;

TEST(Statements, ScalarParameters) {
  check({.logic = R"(
@task.define(leaf=True)
def sc(Y, X, a: float, n: int, f: bool):
    if f:
        task.call_primitive("mul", Y, X, a)
    else:
        task.call_primitive("add", Y, X, n + 1)

@task.define
def block(Y, X, a: float, n: int, f: bool):
    task.launch(sc, Y, X, a * 2.0, n % 3, not f)

@task.define
def host(Y: task.Tensor["M"], X: task.Tensor["M"], a: float, n: int, f: bool):
    task.launch(block, Y, X, a, n, f)
)",
         .sizes = {"M=5 a=1.5 n=7 f=true", "M=5 a=-1e-3 n=-7 f=false --dtype f16",
                   "M=70 a=2 n=0 f=false --dtype i32"}});
}

TEST(Statements, TemporariesBetweenKernels) {
  check({.logic = R"(
@task.define
def block2(Y, X):
    task.launch(add_to, Y, X)

@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    T = task.tensor((M, N), X.dtype)
    U = task.tensor((N, M), "f32")
    Xp = task.partition(X, by="blocks", shape=(8, 8))
    Tp = task.partition(T, by="blocks", shape=(8, 8))
    for i, j in task.parallel_range(Xp.shape):
        task.launch(block, Tp[i, j], Xp[i, j])
    Up = task.partition(U, by="blocks", shape=(5, M))
    Tq = task.partition(T, by="blocks", shape=(M, 5))
    for i in task.parallel_range(Up.shape[0]):
        task.launch(block, Up[i, 0], Tq[0, i].T)
    Yp = task.partition(Y, by="blocks", shape=(3, N))
    Ut = task.partition(U.T, by="blocks", shape=(3, N))
    Xr = task.partition(X, by="blocks", shape=(3, N))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(block, Yp[i, 0], Ut[i, 0])
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(block2, Yp[i, 0], Xr[i, 0])
)",
         .host = "Y: GLOBAL, X: GLOBAL, T: GLOBAL, U: GLOBAL",
         .more = R"(  block2:
    task_name: block2
    proc: BLOCK
    mems: {Y: SHARED, X: REGISTER}
)",
         .sizes = {"M=19 N=37", "M=1 N=1", "M=64 N=8 --dtype f32", "M=9 N=40 --dtype f32"}});
}

TEST(Statements, ConditionsOnLoopVariables) {
  check({.logic = R"(
@task.define
def block(Y, X, i: int, n: int):
    if i == 0 and n > 1:
        task.launch(twice, Y, X)
    elif i % 2 == 1 or i >= n - 1:
        if i > 3:
            task.launch(negate, Y, X)
        else:
            task.launch(sevens, Y)
    else:
        task.launch(sevens, Y)
        task.launch(twice, Y, X)

@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    Yp = task.partition(Y, by="blocks", shape=(4, N))
    Xp = task.partition(X, by="blocks", shape=(4, N))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(block, Yp[i, 0], Xp[i, 0], i, Yp.shape[0])
)",
         .sizes = {"M=37 N=5", "M=1 N=1", "M=4 N=3 --dtype f16"}});
}

TEST(Statements, ConditionsAroundKernels) {
  check({.logic = R"(
@task.define
def blockn(Y, X):
    task.launch(negate, Y, X)

@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    Yp = task.partition(Y, by="blocks", shape=(4, N))
    Xp = task.partition(X, by="blocks", shape=(4, N))
    for i in task.parallel_range(Yp.shape[0]):
        if i % 3 == 1:
            task.launch(blockn, Yp[i, 0], Xp[i, 0])
        elif not (i < 4):
            task.launch(block, Yp[i, 0], Xp[i, 0])
        else:
            task.launch(blockn, Yp[i, 0], Xp[i, 0])
)",
         .more = R"(  blockn:
    task_name: blockn
    proc: BLOCK
    mems: {Y: REGISTER, X: REGISTER}
    pipeline: 2
    rotate: {Y: 2}
)",
         .sizes = {"M=37 N=5", "M=1 N=1", "M=40 N=3 --dtype f16"}});
}

/// One branch stores what the other may load in the next trip, but never in the same one.
TEST(Statements, BranchesThatTouchOneTensor) {
  check({.logic = R"(
@task.define
def inner(Y, X):
    for r in task.sequential_range(Y.shape[0]):
        task.launch(twice, Y[r], X[r])

@task.define
def block(Y, X):
    Yp = task.partition(Y, by="blocks", shape=(2, Y.shape[1]))
    Xp = task.partition(X, by="blocks", shape=(2, Y.shape[1]))
    for i in task.sequential_range(Yp.shape[0]):
        task.launch(inner, Yp[i, 0], Xp[i, 0])

@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    Yp = task.partition(Y, by="blocks", shape=(10, N))
    Xp = task.partition(X, by="blocks", shape=(10, N))
    for i in task.parallel_range(Yp.shape[0]):
        if i % 2 == 0:
            task.launch(block, Yp[i, 0], Xp[i, 0])
        else:
            task.launch(block, Yp[i, 0], Xp[i, 0])
)",
         .block = "Y: SHARED, X: GLOBAL",
         .more = "  inner: {task_name: inner, proc: BLOCK, mems: {Y: REGISTER, X: REGISTER}}\n",
         .sizes = {"M=53 N=7", "M=1 N=1", "M=30 N=33 --dtype f16"}});
}

TEST(Statements, BoundsThatDependOnOuterLoops) {
  check({.logic = R"(
@task.define
def block(Y, X, i: int):
    task.launch(sevens, Y)
    for j in task.sequential_range(i // 2, min(i + 2, X.shape[0])):
        task.launch(add_to, Y, X[j])
    for j in task.sequential_range(max(0, i - 2), i):
        for k in task.sequential_range(j, i):
            task.launch(add_to, Y, X[k])

@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    for i in task.parallel_range(M):
        task.launch(block, Y[i], X, i)
)",
         .sizes = {"M=9 N=5", "M=1 N=1", "M=17 N=33 --dtype f32"}});
}

TEST(Statements, BlocksThatGrow) {
  check({.logic = R"(
@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    assert M == 36, "sum of 1 to 8"
    for i in task.parallel_range(8):
        task.launch(block, Y[i * 4 : i * 4 + min(4, i + 1), :], X[i * 4 : i * 4 + min(4, i + 1), :])
        if i < 3:
            task.launch(block, Y[i * 4 + i + 1 : i * 4 + 4, :], X[i * 4 + i + 1 : i * 4 + 4, :])
    task.launch(block, Y[32:, :], X[32:, :])
)",
         .sizes = {"M=36 N=5", "M=36 N=20 --dtype f16"}});
}

/// The wait for what is loaded ahead for the loop's end may go, since a later load is waited for in
/// the loop; that for its beginning may not.
TEST(Statements, LoadsAheadOfALoop) {
  check({.logic = R"(
@task.define
def block(Y, X):
    task.launch(sevens, Y)
    for v in task.sequential_range(2):
        task.launch(add_to, Y[0], X[1])
        for w in task.sequential_range(4):
            task.launch(add_to, Y[w % 3], X[w])
        task.launch(add_to, Y[2], X[2])

@task.define
def host(Y: task.f32[3, "N"], X: task.f32[4, "N"]):
    task.launch(block, Y, X)
)",
         .block = "Y: REGISTER, X: REGISTER",
         .more = "    pipeline: 3\n",
         .sizes = {"N=17"}});
}

TEST(Statements, TemporariesThatGrow) {
  check({.logic = R"(
@task.define
def block(Y, X, n: int):
    T = task.tensor((n, X.shape[1]), "f32")
    task.launch(twice, T, X[0:n, :])
    task.launch(sevens, Y)
    for r in task.sequential_range(n):
        task.launch(add_to, Y, T[r])

@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    for i in task.parallel_range(M):
        task.launch(block, Y[i], X, i + 1)
)",
         .block = "Y: SHARED, X: SHARED, T: REGISTER",
         .sizes = {"M=9 N=5", "M=1 N=1", "M=17 N=33 --dtype f32"}});
}

TEST(Statements, QuasiAffineSubscripts) {
  check({.logic = R"(
@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    for t in task.parallel_range(M * 3):
        r = t // 3
        c = t % 3
        w = N // 3
        task.launch(block, Y[r, c * w : (c + 1) * w], X[M - 1 - r, max(c - 1, 0) * w : max(c - 1, 0) * w + w])
)",
         .sizes = {"M=9 N=6", "M=1 N=3", "M=17 N=33 --dtype f16"}});
}

TEST(Statements, ConstantsTunablesAndAssertions) {
  check({.logic = R"(
SCALE = 3
NAMES = "f32"
RATIO = -1.5
FLAG = True

@task.define(leaf=True)
def lf(Y, X):
    task.call_primitive("mul", Y, X, SCALE if FLAG else RATIO)
    task.call_primitive("add", Y, Y, min(SCALE, 2) ** 2 - RATIO)

@task.define
def block(Y, X):
    M, N = X.shape
    assert X.ndim == 2 and X.dtype != "i8", "x"
    T = task.tensor(X.shape, NAMES)
    task.launch(lf, T, X)
    b = task.tunable("b", 3)
    for i in task.sequential_range(task.ceildiv(M, b)):
        P = task.partition(T, by="blocks", shape=(b, N))[i, 0]
        task.launch(lf, task.partition(Y, by="blocks", shape=(b, N))[i, 0], P)

@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    task.launch(block, Y, X)
)",
         .block = "Y: SHARED, X: SHARED, T: SHARED",
         .sizes = {"M=9 N=6"}});
}

TEST(Statements, SingleElements) {
  check({.logic = R"(
@task.define(leaf=True)
def larger(Y, X):
    task.call_primitive("max", Y, Y, X)

@task.define
def block(Y, X):
    task.launch(sevens, Y[:, 0])
    for q in task.sequential_range(Y.shape[0]):
        task.launch(larger, Y[q, 1], X[q, 0])

@task.define
def host(Y: task.f32["M", "N"], X: task.f32["M", "N"]):
    task.launch(block, Y, X)
)",
         .block = "Y: SHARED, X: GLOBAL",
         .more = "  larger: {task_name: larger, proc: BLOCK, mems: {Y: REGISTER, X: REGISTER}}\n",
         .sizes = {"M=5 N=3"}});
}

TEST(Statements, UpdatesInPlace) {
  check({.logic = R"(
@task.define(leaf=True)
def ip(Y):
    task.call_primitive("exp", Y, Y)
    task.call_primitive("add", Y, Y, Y)

@task.define
def block(Y):
    task.launch(ip, Y)

@task.define
def host(Y: task.Tensor["M", "N"]):
    for i in task.parallel_range(M):
        task.launch(block, Y[i])
)",
         .host = "Y: GLOBAL",
         .block = "Y: SHARED",
         .more = R"(    rotate: {Y: 2}
)",
         .sizes = {"M=9 N=6", "M=1 N=1 --dtype f16", "M=30 N=50 --dtype bf16"}});
}

TEST(Statements, SequentialLoopsAroundKernels) {
  check({.logic = R"(
@task.define
def block(Y, X):
    task.launch(add_to, Y, X)

@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"], S: int):
    for s in task.sequential_range(S):
        for i in task.parallel_range(M):
            task.launch(block, Y[i], X[(i) if False else M - 1 - i])
)",
         .sizes = {"M=9 N=6 S=3", "M=1 N=1 S=1", "M=9 N=3 S=2 --dtype f32"}});
}

TEST(Statements, OverlappingReads) {
  check({.logic = R"(
@task.define(leaf=True)
def avg(Y, A, B, C):
    task.call_primitive("add", Y, A, B)
    task.call_primitive("add", Y, Y, C)

@task.define
def block(Y, A, B, C):
    task.launch(avg, Y, A, B, C)

@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M2","N"], S: int):
    assert M2 == M + 2
    T = task.tensor((M2, N), X.dtype)
    for i in task.parallel_range(M):
        task.launch(block, Y[i], X[i], X[i + 1], X[i + 2])
    for s in task.sequential_range(S):
        for i in task.parallel_range(M2):
            task.launch(block, T[i], Y[max(0, i - 2)], Y[min(max(i - 1, 0), M - 1)], Y[min(i, M - 1)])
        for i in task.parallel_range(M):
            task.launch(block, Y[i], T[i], T[i + 1], T[i + 2])
)",
         .host = "Y: GLOBAL, X: GLOBAL, T: GLOBAL",
         .block = "Y: SHARED, A: SHARED, B: SHARED, C: SHARED",
         .sizes = {"M=9 M2=11 N=6 S=2", "M=1 M2=3 N=1 S=1", "M=5 N=40 M2=7 S=3 --dtype f32"}});
}

}  // namespace
}  // namespace septran
