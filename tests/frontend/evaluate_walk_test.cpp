// What the visitor is told, with symbolic loop variables.
#include <gtest/gtest.h>

#include "tests/frontend/evaluate_testing.h"

namespace septran::lang {
namespace {

EntryRequest gemm_sizes(const std::string& m, const std::string& n, const std::string& k) {
  return sizes({{"M", m}, {"N", n}, {"K", k}});
}

const char* const published = R"(
@task.define(leaf=True)
def gemm_leaf_logic(C, A, B):
    task.call_primitive("gemm", C, A, B)

@task.define
def gemm_block_logic(C, A, B):
    Cp = task.partition(C, by="blocks", shape_from="A")
    Ap = task.partition(A, by="blocks", shape_from="A")
    Bp = task.partition(B, by="blocks", shape_from="A")
    for i, j in task.parallel_range(Cp.shape):
        task.launch(gemm_leaf_logic, Cp[i, j], Ap[i, :], Bp[:, j])

@task.define
def gemm_host_logic(C: task.Tensor["M", "N"], A: task.Tensor["M", "K"], B: task.Tensor["K", "N"]):
    task.launch(gemm_block_logic, C, A, B)
)";

TEST(Evaluate, PublishedExample) {
  const auto r = evaluate_text({.logic = published,
                                .entry = "gemm_host_logic",
                                .request = gemm_sizes("128", "256", "32"),
                                .tunables = {{"block_size", std::int64_t{64}}},
                                .options = {}});
  EXPECT_TRUE(r.good) << r.errors;
  EXPECT_EQ(r.log,
            "launch gemm_block_logic C=C[0:128, 0:256] A=A[0:128, 0:32] B=B[0:32, 0:256]\n"
            "  parallel i=0..2 j=0..4\n"
            "    launch gemm_leaf_logic C=C[64*i:64, 64*j:64] A=A[64*i:64, 0:32] "
            "B=B[0:32, 64*j:64]\n"
            "      gemm C[64*i:64, 64*j:64] A[64*i:64, 0:32] B[0:32, 64*j:64] alpha=1\n");
}

TEST(Evaluate, ClippedBlocksAndBlockShapeOfAParameter) {
  const auto r = evaluate_text({.logic = published,
                                .entry = "gemm_host_logic",
                                .request = gemm_sizes("100", "70", "5"),
                                .tunables = {{"block_size", std::int64_t{7}},
                                             {"block_shape_A", std::vector<std::int64_t>{64, 70}}},
                                .options = {},
                                .new_roots = true});
  EXPECT_TRUE(r.good) << r.errors;
  EXPECT_NE(r.log.find("parallel i=0..2 j=0..1\n"), std::string::npos) << r.log;
  EXPECT_NE(r.log.find("C=C[64*i:min(64, -64*i + 100), 0:70]"), std::string::npos) << r.log;
}

TEST(Evaluate, CausalLoopBoundsAndScalars) {
  const auto r = evaluate_text({.logic = R"(
@task.define(leaf=True)
def leaf(S, row0: int, col0: int, scale: float, flag: bool):
    if flag:
        task.call_primitive("mask_causal", S, row0, col0, -task.inf)
    task.call_primitive("mul", S, S, scale)

@task.define
def main(X: task.Tensor["S", "S"]):
    P = task.partition(X, by="blocks", shape=(32, 32))
    for i in task.parallel_range(P.shape[0]):
        for j in task.sequential_range(i + 1):
            task.launch(leaf, P[i, j], 32 * i, 32 * j, 1 / task.sqrt(S), j == i)
)",
                                .request = sizes({{"S", "64"}}),
                                .tunables = {},
                                .options = {}});
  EXPECT_TRUE(r.good) << r.errors;
  EXPECT_NE(r.log.find("  sequential j=0..i + 1\n"), std::string::npos) << r.log;
  EXPECT_NE(r.log.find("row0=32*i col0=32*j\n"), std::string::npos) << r.log;
  EXPECT_NE(r.log.find("mul X[32*i:32, 32*j:32] X[32*i:32, 32*j:32] 0.125\n"), std::string::npos)
      << r.log;
  EXPECT_NE(r.log.find("mask_causal X[32*i:32, 32*j:32] col0=32*j row0=32*i value=-inf"),
            std::string::npos)
      << r.log;
}

TEST(Evaluate, ViewsOfViews) {
  const auto r = evaluate_text({.logic = R"(
@task.define(leaf=True)
def leaf(Y, X):
    task.call_primitive("copy", Y, X)

@task.define
def main(Y: task.Tensor["N", "M"], X: task.Tensor["M", "N"], Z: task.Tensor[4, 6, 8]):
    task.launch(leaf, Y, X.T)
    for i in task.sequential_range(2):
        task.launch(leaf, Y[8 * i : 8 * i + 4, 1:3], X[1:3, 4:8].T)
    task.launch(leaf, task.reshape(Z, (24, 8)), task.reshape(task.reshape(Z, (192,)), (24, 8)))
    P = task.partition(task.transpose(Z, (2, 0, 1))[3], by="blocks", shape=(2, 4))
    Q = task.partition(P[1, 1], by="blocks", shape=(1, 2))
    task.launch(leaf, Q[1, 0], P[0, :][0:1, 4:6])
)",
                                .request = sizes({{"M", "8"}, {"N", "16"}}),
                                .tunables = {},
                                .options = {}});
  EXPECT_TRUE(r.good) << r.errors;
  EXPECT_NE(r.log.find("Y[8*i:4, 1:2] X[1:2, 4:4]"), std::string::npos) << r.log;
  EXPECT_NE(r.log.find("copy Z[3:1, 4:2, 3:1] Z[0:1, 4:2, 3:1]"), std::string::npos) << r.log;
}

TEST(Evaluate, ReshapeOfBlocksAtTheEdge) {
  // The extent that depends on the loop stays; those beside it come, go, merge and split.
  const std::string logic = R"(
@task.define(leaf=True)
def leaf(Y, X):
    task.call_primitive("copy", Y, X)

@task.define
def main(Y: task.Tensor["N", 6], X: task.Tensor["N", 2, 3], Z: task.Tensor["N"]):
    Xp = task.partition(X, by="blocks", shape=(5, 2, 3))
    Yp = task.partition(Y, by="blocks", shape=(5, 1))
    Zp = task.partition(Z, by="blocks", shape=(5,))
    for i in task.parallel_range(Zp.shape):
        n = Zp[i].shape[0]
        task.launch(leaf, Y[i * 5 : i * 5 + n], task.reshape(Xp[i, 0, 0], (n, 6)))
        task.launch(leaf, task.reshape(Yp[i, 2], (1, n, 1)), task.reshape(Zp[i], (1, n, 1)))
        task.launch(leaf, Zp[i], task.reshape(SHAPED))
)";
  const auto run = [&](const std::string& shaped) {
    std::string text = logic;
    text.replace(text.find("SHAPED"), 6, shaped);
    return evaluate_text(
        {.logic = text, .request = sizes({{"N", "13"}}), .tunables = {}, .options = {}});
  };
  const auto fine = run("Yp[i, 4], (Yp[i, 4].shape[0],)");
  EXPECT_TRUE(fine.good) << fine.errors;
  EXPECT_FALSE(run("Yp[i, 4], (5,)").good);
  const auto merged = run("Xp[i, 0, 0], (n * 6,)");
  EXPECT_NE(merged.errors.find("bad-view"), std::string::npos) << merged.errors;
  EXPECT_NE(run("Yp[i, 4], (n, n)").errors.find("bad-view"), std::string::npos);
  EXPECT_NE(run("Yp[i, 4], (n + 1,)").errors.find("bad-view"), std::string::npos);
}

TEST(Evaluate, ImageAsMatrix) {
  const auto r = evaluate_text({.logic = R"(
@task.define(leaf=True)
def leaf(Y, X, W):
    task.call_primitive("gemm", Y, X, W)

@task.define
def main(Y: task.Tensor["R", "O"], X: task.Tensor[2, 5, 5, 3], W: task.Tensor[3, 3, 3, "O"]):
    A = task.im2col(X, kernel=(3, 3), padding=(1, 1))
    assert A.shape[0] == R and A.shape[1] == 27
    P = task.partition(A, by="blocks", shape=(10, 27))
    Yp = task.partition(Y, by="blocks", shape=(10, O))
    for i in task.parallel_range(P.shape[0]):
        task.launch(leaf, Yp[i, 0], P[i, 0], task.reshape(W, (27, O)))
)",
                                .request = sizes({{"R", "50"}, {"O", "4"}}),
                                .tunables = {},
                                .options = {}});
  EXPECT_TRUE(r.good) << r.errors;
  EXPECT_NE(r.log.find("parallel i=0..5"), std::string::npos) << r.log;
}

TEST(Evaluate, ConditionsOnLoopVariables) {
  const auto r = evaluate_text({.logic = R"(
BLOCK = 2 ** 3

@task.define(leaf=True)
def first(Y, k: int):
    task.call_primitive("fill", Y, 0 if k < 0 else 1.5)

@task.define(leaf=True)
def later(Y, X, k: int):
    task.call_primitive("gemm", Y, X, X, accumulate=k > 0)

@task.define
def main(Y: task.f32[8, 8]):
    for k in task.sequential_range(4):
        if k == 0:
            part = BLOCK // 2
            task.launch(first, Y[0:part, :], 3)
        elif k > 5:
            part = 4
            task.launch(first, Y, 2)
        else:
            part = 4
        X = task.tensor((8, 8), Y.dtype)
        task.launch(first, X, -1)
        task.launch(later, Y, X, k)
        task.launch(first, Y[part:, 0:8], 0)
        w = 1 if k < 2 else 3
        task.launch(first, Y[w : w + 1, min(k, 2) : 8], 0)
)",
                                .request = {},
                                .tunables = {},
                                .options = {}});
  EXPECT_TRUE(r.good) << r.errors;
  EXPECT_EQ(r.log.find("k=2"), std::string::npos) << "the elif cannot hold: " << r.log;
  EXPECT_NE(r.log.find("fill X[0:8, 0:8] value=0\n"), std::string::npos) << r.log;
  EXPECT_NE(r.log.find("      gemm Y[0:8, 0:8] X[0:8, 0:8] X[0:8, 0:8] accumulate alpha=1\n"),
            std::string::npos)
      << r.log;
  EXPECT_NE(r.log.find("fill Y[4:4, 0:8] value=1.5\n"), std::string::npos) << r.log;
}

TEST(Evaluate, ArithmeticFollowsPython) {
  const auto r = evaluate_text({.logic = R"(
@task.define
def main(X: task.f16["M", "M"]):
    assert -7 // 2 == -4 and -7 % 2 == 1 and 7 // -2 == -4 and 7 % -2 == -1
    assert 7 / 2 == 3.5 and 2 ** 10 == 1024 and 2 ** -1 == 0.5 and (-1) ** 5 == -1 and 0 ** 3 == 0
    assert task.ceildiv(7, 2) == 4 and task.ceildiv(-7, 2) == -3
    assert min(3, 4.5, M) == 3 and max(M, 2) == M and 1 < 2 <= 2 != 3
    assert X.dtype == "f16" and X.dtype == task.f16 and X.dtype != "f32" and X.ndim == 2
    assert X.shape == (M, M) and X.shape[-1] == M and "a" != "b"
    assert task.exp2(3) == 8 and task.sqrt(16) == 4 and -task.inf < 0.0 and 7.5 // 2 == 3 and 7.5 % 2 == 1.5
    assert not (False or M > 100) and (True == (M == 6))
    a, (b) = 1, 2
    assert a + b - 3 == 0 and 2 * a * b == 4.0
    for i in task.sequential_range(M):
        for j in task.sequential_range(i, M):
            assert j >= i and (j - i) // 2 <= M // 2 and (2 * i + 1) % 2 == 1
            assert i * i == 0 if M < 1 else True
            assert task.ceildiv(j, 4) * 4 - j < 4
)",
                                .request = sizes({{"M", "6"}}),
                                .tunables = {},
                                .options = {}});
  EXPECT_TRUE(r.good) << r.errors;
}

TEST(Evaluate, TunablesOfEveryKind) {
  const auto r = evaluate_text({.logic = R"(
@task.define
def main(X: task.Tensor["M"]):
    assert task.tunable("a") == 3 and task.tunable("b", 4) == 4 and task.tunable("c") == 2.5
    assert task.tunable("d") and task.tunable("e") == (1, 2) and task.tunable("f") == "f16"
)",
                                .request = sizes({{"M", "6"}}),
                                .tunables = {{"a", std::int64_t{3}},
                                             {"c", 2.5},
                                             {"d", true},
                                             {"e", std::vector<std::int64_t>{1, 2}},
                                             {"f", std::string("f16")}},
                                .options = {}});
  EXPECT_TRUE(r.good) << r.errors;
}

}  // namespace
}  // namespace septran::lang
