// Views, read and written, by hosts and by cores, compiled and simulated on both accelerators.
#include <gtest/gtest.h>

#include "logic_case.h"

namespace septran {
namespace {

using testing_support::check;

TEST(Views, TransposedOperand) {
  check({.logic = R"(
@task.define
def block(Y, X):
    task.launch(twice, Y, X.T)

@task.define
def host(Y: task.Tensor["N", "M"], X: task.Tensor["M", "N"]):
    task.launch(block, Y, X)
)",
         .block = "Y: SHARED, X: REGISTER",
         .sizes = {"M=37 N=19", "M=37 N=19 --dtype f16", "M=1 N=1"}});
}

TEST(Views, TransposedOutput) {
  check({.logic = R"(
@task.define
def block(Y, X):
    task.launch(twice, Y.T, X)

@task.define
def host(Y: task.Tensor["N", "M"], X: task.Tensor["M", "N"]):
    task.launch(block, Y, X)
)",
         .block = "Y: REGISTER, X: SHARED",
         .sizes = {"M=37 N=19", "M=37 N=19 --dtype bf16"}});
}

TEST(Views, BlocksOfATranspose) {
  check({.logic = R"(
@task.define
def host(Y: task.Tensor["N", "M"], X: task.Tensor["M", "N"]):
    Yp = task.partition(Y.T, by="blocks", shape=(8, 5))
    Xp = task.partition(X, by="blocks", shape=(8, 5))
    for i, j in task.parallel_range(Xp.shape):
        task.launch(block, Yp[i, j], Xp[i, j])
)",
         .sizes = {"M=37 N=19", "M=37 N=19 --dtype f16", "M=1 N=1"}});
}

TEST(Views, PermutedAxes) {
  check({.logic = R"(
@task.define
def host(Y: task.Tensor["B","N","M"], X: task.Tensor["M","B","N"]):
    task.launch(block, Y, task.transpose(X, (1, 2, 0)))
)",
         .sizes = {"M=5 N=7 B=3", "M=5 N=7 B=3 --dtype f16"}});
}

TEST(Views, PermutedOutput) {
  check({.logic = R"(
@task.define
def block(Y, X):
    task.launch(twice, task.transpose(Y, (2, 0, 1)), X)

@task.define
def host(Y: task.Tensor["B","N","M"], X: task.Tensor["M","B","N"]):
    task.launch(block, Y, X)
)",
         .block = "Y: REGISTER, X: SHARED",
         .sizes = {"M=5 N=7 B=3", "M=1 N=1 B=3 --dtype f16"}});
}

TEST(Views, MergedDimensions) {
  check({.logic = R"(
@task.define
def host(Y: task.Tensor["B","M","N"], X: task.Tensor["B","M","N"]):
    Ym = task.reshape(Y, (B * M, N))
    Xm = task.reshape(X, (B * M, N))
    Yp = task.partition(Ym, by="blocks", shape=(7, N))
    Xp = task.partition(Xm, by="blocks", shape=(7, N))
    for i in task.parallel_range(Yp.shape[0]):
        task.launch(block, Yp[i, 0], Xp[i, 0])
)",
         .sizes = {"M=5 N=7 B=3", "M=9 N=70 B=2 --dtype f16", "M=1 N=1 B=1"}});
}

TEST(Views, SplitDimensions) {
  check({.logic = R"(
@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    Ym = task.reshape(Y, (M // 4, 4, N))
    Xm = task.reshape(X, (M // 4, 4, N))
    for i in task.parallel_range(M // 4):
        task.launch(block, Ym[i], Xm[i])
)",
         .block = "Y: SHARED, X: REGISTER",
         .sizes = {"M=8 N=7", "M=40 N=70 --dtype f16", "M=4 N=1"}});
}

TEST(Views, FlatOperands) {
  check({.logic = R"(
@task.define
def block(Y, X):
    task.launch(twice, task.reshape(Y, (Y.shape[0] * Y.shape[1],)), task.reshape(X, (Y.shape[0] * Y.shape[1],)))

@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["N", "M"]):
    task.launch(block, Y, X)
)",
         .block = "Y: REGISTER, X: SHARED",
         .sizes = {"M=6 N=4", "M=5 N=7", "M=6 N=6 --dtype f16"}});
}

TEST(Views, HeadsOfATensor) {
  check({.logic = R"(
@task.define
def host(Y: task.Tensor["M","H","D"], X: task.Tensor["H","M","D"]):
    Yh = task.transpose(Y, (1, 0, 2))
    for h in task.parallel_range(H):
        task.launch(block, Yh[h], X[h])
)",
         .sizes = {"M=6 H=4 D=5", "M=5 H=7 D=1", "M=66 H=2 D=20 --dtype f16"}});
}

TEST(Views, SlicesWithSteps) {
  check({.logic = R"(
@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["MX","NX"]):
    assert MX >= 2 * M + 3 and NX >= N + 2
    for i in task.parallel_range(M):
        task.launch(block, Y[i : i + 1, :], X[2 * i + 3 : 2 * i + 4, 2 : 2 + N])
)",
         .sizes = {"M=6 N=5 MX=15 NX=7", "M=1 N=1 MX=5 NX=5"}});
}

TEST(Views, DroppedDimensions) {
  check({.logic = R"(
@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["N", "M"]):
    for i in task.parallel_range(M):
        task.launch(block, Y[i], X[:, i])
)",
         .block = "Y: SHARED, X: REGISTER",
         .sizes = {"M=6 N=5", "M=1 N=1", "M=3 N=100 --dtype f16"}});
}

TEST(Views, SubscriptsOfBlocksOfBlocks) {
  check({.logic = R"(
@task.define
def block(Y, X):
    Yp = task.partition(Y[1:-1, :] if False else Y, by="blocks", shape=(3, 4))
    Xp = task.partition(X, by="blocks", shape=(3, 4))
    for i, j in task.sequential_range(Yp.shape):
        A = Yp[i, j]
        B = Xp[i, j]
        task.launch(twice, A[0:1, :], B[0:1, :])
        for r in task.sequential_range(1, A.shape[0]):
            task.launch(twice, A[r], B[r])

@task.define
def host(Y: task.Tensor["M", "N"], X: task.Tensor["M", "N"]):
    Yp = task.partition(Y, by="blocks", shape=(10, 9))
    Xp = task.partition(X, by="blocks", shape=(10, 9))
    for i, j in task.parallel_range(Yp.shape):
        task.launch(block, Yp[i, j], Xp[i, j])
)",
         .block = "Y: REGISTER, X: SHARED",
         .sizes = {"M=23 N=19", "M=1 N=1", "M=3 N=10 --dtype f16"}});
}

TEST(Views, Im2colCopied) {
  check({.logic = R"(
@task.define(leaf=True)
def conv(Y, X):
    task.call_primitive("copy", Y, X)

@task.define
def block(Y, X):
    task.launch(conv, Y, X)

@task.define
def host(Y: task.Tensor["R","S"], X: task.Tensor["N","H","W","C"]):
    I = task.im2col(X, kernel=(3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 1))

    Ip = task.partition(I, by="blocks", shape=(5, 7))
    Yp = task.partition(Y, by="blocks", shape=(5, 7))
    for i, j in task.parallel_range(Yp.shape):
        task.launch(block, Yp[i, j], Ip[i, j])
)",
         .more = R"(    pipeline: 2
    rotate: {Y: 2}
)",
         .sizes = {"R=36 N=1 H=7 W=6 C=3 S=18", "R=72 N=2 H=5 W=9 C=1 S=6",
                   "R=132 N=2 H=11 W=8 C=5 S=30 --dtype f16"}});
}

/// Blocks of a convolution as products with its windows.
std::string convolution(const std::string& windows) {
  return R"(
@task.define(leaf=True)
def conv(Y, X, W):
    task.call_primitive("gemm", Y, X, W)

@task.define
def block(Y, X, W):
    task.launch(conv, Y, X, W)

@task.define
def host(Y: task.Tensor["R","O"], X: task.Tensor["N","H","W","C"], F: task.Tensor["KH","KW","C","O"]):
    I = task.im2col(X, )" +
         windows + R"()

    Wm = task.reshape(F, (KH * KW * C, O))
    Ip = task.partition(I, by="blocks", shape=(5, I.shape[1]))
    Yp = task.partition(Y, by="blocks", shape=(5, 3))
    Wp = task.partition(Wm, by="blocks", shape=(I.shape[1], 3))
    for i, j in task.parallel_range(Yp.shape):
        task.launch(block, Yp[i, j], Ip[i, 0], Wp[0, j])
)";
}

TEST(Views, Im2colMultiplied) {
  check({.logic = convolution("kernel=(3, 2), stride=(1, 3), padding=(0, 1), dilation=(2, 2)"),
         .host = "Y: GLOBAL, X: GLOBAL, F: GLOBAL",
         .block = "Y: REGISTER, X: SHARED, W: SHARED",
         .more = R"(    pipeline: 2
    rotate: {Y: 2}
)",
         .sizes = {"R=6 N=1 H=7 W=6 C=3 O=4 KH=3 KW=2", "R=6 N=2 H=5 W=9 C=1 O=1 KH=3 KW=2",
                   "R=42 N=2 H=11 W=8 C=5 O=7 KH=3 KW=2 --dtype f16"}});
}

TEST(Views, Im2colSplitAlongK) {
  check({.logic = convolution("kernel=(3, 2), stride=(2, 2), padding=(2, 2), dilation=(1, 3)"),
         .host = "Y: GLOBAL, X: GLOBAL, F: GLOBAL",
         .block = "Y: REGISTER, X: SHARED, W: SHARED",
         .more = R"(    pipeline: 2
    rotate: {Y: 2}
    leaf_task_bindings: {conv: {impl: mma, split: {k: 4}}}
)",
         .sizes = {"R=20 N=1 H=7 W=6 C=3 O=4 KH=3 KW=2", "R=40 N=2 H=5 W=9 C=1 O=1 KH=3 KW=2",
                   "R=70 N=2 H=11 W=8 C=5 O=7 KH=3 KW=2 --dtype f16"}});
}

TEST(Views, Im2colOfAReshapedSequence) {
  check({.logic = R"(
@task.define(leaf=True)
def conv(Y, X, W):
    task.call_primitive("gemm", Y, X, W)

@task.define
def block(Y, X, W):
    task.launch(conv, Y, task.im2col(X, kernel=(1, 3), padding=(0, 1)), W)

@task.define
def host(Y: task.Tensor["N","T","O"], X: task.Tensor["N","T","C"], F: task.Tensor["K","C","O"]):
    Xi = task.reshape(X, (N, 1, T, C))
    for n in task.parallel_range(N):
        task.launch(block, Y[n], Xi[n : n + 1], task.reshape(F, (K * C, O)))
)",
         .host = "Y: GLOBAL, X: GLOBAL, F: GLOBAL",
         .block = "Y: REGISTER, X: SHARED, W: SHARED",
         .sizes = {"N=2 T=9 C=5 O=4 K=3", "N=1 T=1 C=1 O=1 K=3",
                   "N=3 T=16 C=8 O=3 K=3 --dtype f16"}});
}

TEST(Views, EvenAndOddRowsHaveBuffersOfTheirOwn) {
  check({.logic = R"(
@task.define(leaf=True)
def both(Y0, Y1, X0, X1):
    task.call_primitive("mul", Y0, X1, 2)
    task.call_primitive("mul", Y1, X0, 3)

@task.define
def block(Y, X):
    task.launch(both, Y[:, 0], Y[:, 1], X[:, 0], X[:, 1])

@task.define
def host(Y: task.Tensor["T2", "C"], X: task.Tensor["T2", "C"]):
    T = T2 // 2
    task.launch(block, task.reshape(Y, (T, 2, C)), task.reshape(X, (T, 2, C)))
)",
         .block = "X: SHARED",
         .more = "  both: {task_name: both, proc: BLOCK, mems: {Y0: SHARED, Y1: REGISTER}}\n",
         .sizes = {"T2=14 C=5", "T2=2 C=1", "T2=32 C=16 --dtype f16"}});
}

}  // namespace
}  // namespace septran
